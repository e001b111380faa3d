//! `gpt-lab eval`: the exact loss of a checkpoint over the validation text, or what its answers to held-out examples of a
//! task are worth.

use std::io::Write;

use serde_json::json;

use super::Failure;
use super::opening::Source;
use super::options::Structure;
use crate::train::event::Evaluation;
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
    let material = arguments.source.material(&checkpoint)?;
    let mut session = Session::restore(checkpoint, material, &team)?;
    let Some(exact) = session.exact_loss() else { return held_out(&mut session, arguments.json) };
    let bits = exact.bits_per_character();
    let mut out = std::io::stdout().lock();
    if arguments.json {
        let line =
            json!({"val_loss": exact.loss, "bits_per_character": bits, "tokens": exact.tokens});
        writeln!(out, "{line}")?;
    } else {
        let (loss, tokens) = (exact.loss, exact.tokens);
        let name = session.material().text.as_ref().map_or("the task", |text| &text.corpus.name);
        writeln!(
            out,
            "val loss {loss:.4} nats, {bits:.4} bits a character, over {tokens} characters of {name}"
        )?;
    }
    Ok(())
}

/// Held-out examples that a made task's model is judged by.
const JUDGED: usize = 1000;

/// A made task has no end: its loss is estimated, and the model's answers to held-out examples are judged.
fn held_out(session: &mut Session, json: bool) -> Result<(), Failure> {
    let Evaluation { val_loss, figures, .. } = session.evaluate();
    let judged = session.judge(JUDGED);
    let parts = figures.into_iter().filter(|f| judged.iter().all(|other| other.name != f.name));
    let figures: Vec<_> = parts.chain(judged.iter().cloned()).collect();
    let mut out = std::io::stdout().lock();
    if json {
        let mut line = json!({"val_loss": val_loss});
        for figure in &figures {
            line[&figure.name] = json!(figure.value);
        }
        if !judged.is_empty() {
            line["judged"] = json!(JUDGED);
        }
        writeln!(out, "{line}")?;
        return Ok(());
    }
    writeln!(out, "val loss {val_loss:.4}")?;
    for figure in &figures {
        writeln!(out, "{} {:.4}", figure.name.replace('_', " "), figure.value)?;
    }
    if !judged.is_empty() {
        writeln!(out, "answers to {JUDGED} held-out examples were judged")?;
    }
    Ok(())
}
