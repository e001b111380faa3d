//! `gpt-lab eval`: the exact loss of a checkpoint over the validation text.

use std::io::Write;

use serde_json::json;

use super::Failure;
use super::opening::Source;
use super::options::Structure;
use crate::train::{Session, Team};

#[derive(Debug, clap::Args)]
pub struct Arguments {
    #[command(flatten)]
    source: Source,
    /// Threads that share the work [default: one a core, up to 8]
    #[arg(long, value_name = "N")]
    threads: Option<usize>,
    /// One JSON object on standard output
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    structure: Structure,
}

pub fn run(arguments: &Arguments) -> Result<(), Failure> {
    let threads = arguments.threads.unwrap_or_else(Team::default_threads);
    let team = Team::new(threads).map_err(Failure::usage)?;
    let checkpoint = arguments.source.read(&arguments.structure.0)?;
    let dataset = arguments.source.dataset(&checkpoint)?;
    let mut session = Session::restore(checkpoint, dataset, &team)?;
    let exact = session.exact_loss();
    let bits = exact.bits_per_character();
    let mut out = std::io::stdout().lock();
    if arguments.json {
        let line =
            json!({"val_loss": exact.loss, "bits_per_character": bits, "tokens": exact.tokens});
        writeln!(out, "{line}")?;
    } else {
        let (loss, tokens, name) = (exact.loss, exact.tokens, &session.dataset().corpus.name);
        writeln!(
            out,
            "val loss {loss:.4} nats, {bits:.4} bits a character, over {tokens} characters of {name}"
        )?;
    }
    Ok(())
}
