//! The command line: headless commands, and the door to the lab.
//!
//! A command is one file: its `Arguments` (what clap parses) and its `run`. Results go to standard output, everything
//! else to standard error. An error is one line, `error: …`; the exit code is 1, or 2 where the command line is at fault.

#![deny(clippy::print_stdout, clippy::print_stderr)]

pub mod bench;
mod data;
mod eval;
mod experiment;
mod inspect;
mod lessons;
mod opening;
mod options;
mod sample;
mod screens;
mod train;
mod verify;

use std::io::{self, IsTerminal, Write};
use std::path::Path;
use std::process::ExitCode;

use clap::error::ErrorKind;
use clap::{Parser, Subcommand};
use indicatif::{HumanBytes, ProgressBar, ProgressDrawTarget};

use crate::text::{Corpus, Source, TextError, corpus, reading, shown};

use crate::lab;

/// Train every stage of "Let's build GPT" live, in the terminal. Without a command it opens the lab.
#[derive(Debug, Parser)]
#[command(name = "gpt-lab", version, args_conflicts_with_subcommands = true)]
struct Arguments {
    #[command(flatten)]
    lab: lab::Options,
    /// MB of text that are read at most, instead of 256; GPT_LAB_MAX_TEXT says the same
    #[arg(long, global = true, value_name = "MB", value_parser = clap::value_parser!(u64).range(1..=1_000_000))]
    max_text: Option<u64>,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Train a stage of the lecture
    Train(Box<train::Arguments>),
    /// Train arms of a stage with several seeds each, compare them, and hold an expectation against that
    Experiment(Box<experiment::Arguments>),
    /// Draw text from a checkpoint
    Sample(sample::Arguments),
    /// The exact loss of a checkpoint over the validation text; for made tasks an estimate, and what answers are worth
    Eval(eval::Arguments),
    /// Attention, embeddings, logits and probabilities of a checkpoint for a prompt
    Inspect(inspect::Arguments),
    /// The text that the models train on
    Data(data::Arguments),
    /// The course: what it holds, whether it is true, and how far you are
    Lessons(lessons::Arguments),
    /// Compare every layer and stage with PyTorch's reference values
    Verify(verify::Arguments),
    /// Time training steps, or generation, of the stages on this machine
    Bench(bench::Arguments),
    /// Draw the README's pictures
    #[command(hide = true)]
    Screens(screens::Arguments),
}

/// Why a command ends without having done its work.
#[derive(Debug)]
pub enum Failure {
    /// The command line asks for something that cannot be: exit code 2.
    Usage(String),
    /// Everything else: exit code 1.
    Failed(anyhow::Error),
    /// A signal ended it, which was seen to: exit code 128 and the signal's number.
    Stopped(i32),
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
    if let Some(megabytes) = arguments.max_text {
        reading::give_max_text(megabytes);
    }
    let result = match arguments.command {
        None => match lab::start(&arguments.lab) {
            Ok(code) => return code,
            Err(lab::Refusal::Usage(message)) => Err(Failure::Usage(message)),
            Err(lab::Refusal::Failed(error)) => Err(Failure::Failed(error)),
        },
        Some(command) => run(command),
    };
    // What is left in its buffer may still fail to be written.
    end(result.and_then(|()| Ok(io::stdout().flush()?)))
}

fn end(result: Result<(), Failure>) -> ExitCode {
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(Failure::Usage(message)) => {
            say(format_args!("error: {message}"));
            ExitCode::from(2)
        }
        Err(Failure::Stopped(signal)) => ExitCode::from(128 + signal as u8),
        Err(Failure::Failed(error)) if reader_left(&error) => ExitCode::SUCCESS,
        // Whatever else is read or written says what it was.
        Err(Failure::Failed(error)) if error.chain().count() == 1 && error.is::<io::Error>() => {
            say(format_args!("error: standard output could not be written: {error}"));
            ExitCode::FAILURE
        }
        Err(Failure::Failed(error)) => {
            say(format_args!("error: {}", shown::chain(&*error)));
            ExitCode::FAILURE
        }
    }
}

/// Says a line on standard error. Where that is gone there is nobody left to tell.
fn say(line: impl std::fmt::Display) {
    _ = writeln!(io::stderr().lock(), "{line}");
}

fn run(command: Command) -> Result<(), Failure> {
    match command {
        Command::Train(arguments) => train::run(&arguments),
        Command::Experiment(arguments) => experiment::run(&arguments),
        Command::Sample(arguments) => sample::run(&arguments),
        Command::Eval(arguments) => eval::run(&arguments),
        Command::Inspect(arguments) => inspect::run(&arguments),
        Command::Data(arguments) => data::run(&arguments),
        Command::Lessons(arguments) => lessons::run(&arguments),
        Command::Verify(arguments) => verify::run(&arguments),
        Command::Bench(arguments) => bench::run(&arguments),
        Command::Screens(arguments) => screens::run(&arguments),
    }
}

/// The text to work on; says so where it is the bundled play, because nobody asked for that.
fn text(explicit: Option<&Path>) -> Result<Corpus, TextError> {
    let corpus = read_text(explicit)?;
    if corpus.source == Source::Bundled {
        say("note: the text is the bundled play; `gpt-lab data fetch` brings Tiny Shakespeare");
    }
    Ok(corpus)
}

/// Bytes of a text from which on reading it and going over it takes long enough to say so.
const LONG_TEXT: u64 = 16 << 20;

/// Reads the text; says on standard error how far it is where that takes long.
fn read_text(explicit: Option<&Path>) -> Result<Corpus, TextError> {
    let bar = ProgressBar::hidden();
    let mut said = false;
    let corpus = Corpus::read_watched(corpus::source(explicit), &mut |bytes| {
        if bytes < LONG_TEXT {
            return;
        }
        if !said && io::stderr().is_terminal() {
            bar.set_draw_target(ProgressDrawTarget::stderr());
        } else if !said {
            say(format_args!(
                "note: the text is long: reading it, and going over it, takes a while"
            ));
        }
        said = true;
        bar.set_message(format!("reading the text: {}", HumanBytes(bytes)));
        bar.tick();
    });
    bar.finish_and_clear();
    if said && corpus.is_ok() && io::stderr().is_terminal() {
        say(format_args!("note: the text is long: going over it takes a while"));
    }
    corpus
}

/// Prints help where it was asked for, and otherwise what is wrong in one line.
fn refuse(error: &clap::Error) -> ExitCode {
    if matches!(
        error.kind(),
        ErrorKind::DisplayHelp
            | ErrorKind::DisplayVersion
            | ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand
    ) {
        let printed = error.print().and_then(|()| io::stdout().flush());
        return match error.exit_code() {
            0 => end(printed.map_err(Failure::from)),
            code => ExitCode::from(code as u8),
        };
    }
    let text = error.render().to_string();
    let message = text
        .lines()
        .map(str::trim)
        .take_while(|line| !line.starts_with("Usage:") && !line.starts_with("For more information"))
        .filter(|line| !line.is_empty())
        .collect::<Vec<_>>()
        .join(" ");
    say(message);
    ExitCode::from(2)
}

/// Whether standard output was closed by its reader (`gpt-lab … | head`), which is no error.
fn reader_left(error: &anyhow::Error) -> bool {
    error
        .chain()
        .filter_map(|cause| cause.downcast_ref::<io::Error>())
        .any(|cause| cause.kind() == io::ErrorKind::BrokenPipe)
}
