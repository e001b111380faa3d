//! `gpt-lab screens`: draws the README's pictures anew. Not in the help: it is of use to this repository alone.

use std::path::PathBuf;

use super::{Failure, say};
use crate::lab::screens;

#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// The folder that the pictures are written into
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// A UTF-8 text to train on
    #[arg(long, value_name = "FILE", allow_hyphen_values = true)]
    data: Option<PathBuf>,
}

pub fn run(arguments: &Arguments) -> Result<(), Failure> {
    screens::take(arguments.data.as_deref(), &arguments.out, &mut |path| say(path.display()))?;
    Ok(())
}
