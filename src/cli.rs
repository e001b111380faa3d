//! The command line: headless commands, and the door to the lab.
//!
//! A command is one file: its `Arguments` (what clap parses) and its `run`. Results go to standard output, everything
//! else to standard error. An error is one line, `error: …`; the exit code is 1, or 2 where the command line is at fault.

pub mod bench;
mod data;
mod eval;
mod inspect;
mod opening;
mod options;
mod sample;
mod train;
mod verify;

use std::io;
use std::path::Path;
use std::process::ExitCode;

use clap::error::ErrorKind;
use clap::{Parser, Subcommand};

use crate::text::{Corpus, Source, TextError, corpus};

use crate::lab;

/// Train every stage of "Let's build GPT" live, in the terminal. Without a command it opens the lab.
#[derive(Debug, Parser)]
#[command(name = "gpt-lab", version, args_conflicts_with_subcommands = true)]
struct Arguments {
    #[command(flatten)]
    lab: lab::Options,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Train a stage of the lecture
    Train(Box<train::Arguments>),
    /// Draw text from a checkpoint
    Sample(sample::Arguments),
    /// The exact loss of a checkpoint over the validation text; for made tasks an estimate, and what answers are worth
    Eval(eval::Arguments),
    /// Attention, embeddings, logits and probabilities of a checkpoint for a prompt
    Inspect(inspect::Arguments),
    /// The text that the models train on
    Data(data::Arguments),
    /// Compare every layer and stage with PyTorch's reference values
    Verify(verify::Arguments),
    /// Time training steps, or generation, of the stages on this machine
    Bench(bench::Arguments),
}

/// Why a command ends without having done its work.
#[derive(Debug)]
pub enum Failure {
    /// The command line asks for something that cannot be: exit code 2.
    Usage(String),
    /// Everything else: exit code 1.
    Failed(anyhow::Error),
}

impl<E: Into<anyhow::Error>> From<E> for Failure {
    fn from(error: E) -> Self {
        Self::Failed(error.into())
    }
}

impl Failure {
    /// The command line is at fault.
    pub fn usage(error: impl std::fmt::Display) -> Self {
        Self::Usage(error.to_string())
    }

    /// The prompt holds characters that the model does not know.
    pub fn prompt(error: &crate::text::UnknownCharacters) -> Self {
        Self::Usage(format!("the prompt cannot be read: {error}"))
    }
}

/// Parses the command line and runs what it asks for.
pub fn main() -> ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => return refuse(&error),
    };
    let result = match arguments.command {
        None => match lab::start(&arguments.lab) {
            Ok(code) => return code,
            Err(lab::Refusal::Usage(message)) => Err(Failure::Usage(message)),
            Err(lab::Refusal::Failed(error)) => Err(Failure::Failed(error)),
        },
        Some(command) => run(command),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(Failure::Usage(message)) => {
            eprintln!("error: {message}");
            ExitCode::from(2)
        }
        Err(Failure::Failed(error)) if reader_left(&error) => ExitCode::SUCCESS,
        Err(Failure::Failed(error)) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(command: Command) -> Result<(), Failure> {
    match command {
        Command::Train(arguments) => train::run(&arguments),
        Command::Sample(arguments) => sample::run(&arguments),
        Command::Eval(arguments) => eval::run(&arguments),
        Command::Inspect(arguments) => inspect::run(&arguments),
        Command::Data(arguments) => data::run(&arguments),
        Command::Verify(arguments) => verify::run(&arguments),
        Command::Bench(arguments) => bench::run(&arguments),
    }
}

/// The text to work on; says so where it is the bundled play, because nobody asked for that.
fn text(explicit: Option<&Path>) -> Result<Corpus, TextError> {
    let corpus = corpus::resolve(explicit)?;
    if corpus.source == Source::Bundled {
        eprintln!(
            "note: the text is the bundled play; `gpt-lab data fetch` brings Tiny Shakespeare"
        );
    }
    Ok(corpus)
}

/// Prints help where it was asked for, and otherwise what is wrong in one line.
fn refuse(error: &clap::Error) -> ExitCode {
    if matches!(
        error.kind(),
        ErrorKind::DisplayHelp
            | ErrorKind::DisplayVersion
            | ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand
    ) {
        error.exit();
    }
    let text = error.render().to_string();
    let message = text
        .lines()
        .map(str::trim)
        .take_while(|line| !line.starts_with("Usage:") && !line.starts_with("For more information"))
        .filter(|line| !line.is_empty())
        .collect::<Vec<_>>()
        .join(" ");
    eprintln!("{message}");
    ExitCode::from(2)
}

/// Whether standard output was closed by its reader (`gpt-lab … | head`), which is no error.
fn reader_left(error: &anyhow::Error) -> bool {
    error
        .chain()
        .filter_map(|cause| cause.downcast_ref::<io::Error>())
        .any(|cause| cause.kind() == io::ErrorKind::BrokenPipe)
}
