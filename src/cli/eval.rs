//! `gpt-lab eval`: the exact loss of a checkpoint over the validation text, or what its answers to held-out examples of a
//! task are worth.

use std::io::Write;

use serde_json::json;

use super::Failure;
use super::opening::Source;
use super::options::Structure;
use crate::text::tokenizer::words;
use crate::text::{Dataset, Tokenizer};
use crate::train::event::Evaluation;
use crate::train::session::ExactLoss;
use crate::train::{Session, Team};

#[derive(Debug, clap::Args)]
pub struct Arguments {
    #[command(flatten)]
    source: Source,
    /// Threads that share the work [default: one a core, up to 8]
    #[arg(long, value_name = "N", value_parser = crate::train::team::threads)]
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
    let material = session.material();
    let Some(text) = &material.text else { return held_out(&mut session, arguments.json) };
    let (loss, tokens, bits) = (exact.loss, exact.tokens, exact.bits());
    let mut out = std::io::stdout().lock();
    match &text.tokenizer {
        Tokenizer::Characters(_) if arguments.json => {
            let line = json!({"val_loss": loss, "bits_per_character": bits, "tokens": tokens});
            writeln!(out, "{line}")?;
        }
        Tokenizer::Characters(_) => writeln!(
            out,
            "val loss {loss:.4} nats, {bits:.4} bits a character, over {tokens} characters of {}",
            text.corpus.name
        )?,
        Tokenizer::Words(_) => words(exact, text, arguments.json, &mut out)?,
    }
    Ok(())
}

/// The loss of a model of words, and what it is per character of the same text: bits a word over the mean length of a word
/// with the space after it. A character-level model's figure is then an upper neighbour, no equal: a model of words need
/// not say which word `<unk>` stands for, nor where capitals and spaces are.
fn words(
    exact: ExactLoss,
    text: &Dataset,
    json: bool,
    out: &mut impl Write,
) -> Result<(), Failure> {
    let ExactLoss { loss, tokens } = exact;
    let bits = exact.bits();
    let characters_per_word = text.corpus.val_characters as f64 / text.val.len() as f64;
    let bits_per_character = bits / characters_per_word;
    let unknown = text.val.iter().filter(|id| **id == words::UNKNOWN_ID).count();
    let unknown = unknown as f64 / text.val.len() as f64;
    if json {
        let line = json!({
            "val_loss": loss,
            "bits_per_word": bits,
            "characters_per_word": characters_per_word,
            "bits_per_character": bits_per_character,
            "unknown": unknown,
            "tokens": tokens,
        });
        writeln!(out, "{line}")?;
        return Ok(());
    }
    writeln!(
        out,
        "val loss {loss:.4} nats, {bits:.4} bits a word, over {tokens} words of {}",
        text.corpus.name
    )?;
    writeln!(
        out,
        "at least {bits_per_character:.4} bits a character ({characters_per_word:.3} characters a word): {:.1} % of the words are <unk>, \
         which word each is, capitals and spaces are not paid for",
        100.0 * unknown
    )?;
    Ok(())
}

/// Held-out examples that a made task's model is judged by.
const JUDGED: usize = 1000;

/// A made task has no end: its loss is estimated, and the model's answers to held-out examples are judged.
fn held_out(session: &mut Session, json: bool) -> Result<(), Failure> {
    let Evaluation { val_loss, figures, .. } = session.evaluate();
    let judged = session.judge(JUDGED);
    let parts = figures.into_iter().filter(|f| judged.iter().all(|other| other.name != f.name));
    let looks = session.anti_diagonal(JUDGED);
    let figures: Vec<_> = parts.chain(judged.iter().cloned()).chain(looks).collect();
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
