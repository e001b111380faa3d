//! `gpt-lab eval`: the exact loss of a checkpoint over the validation text; or, where examples are drawn without end, an
//! estimate of it, and what the model's answers are worth.

use std::io::Write;

use serde_json::{Value, json};

use super::Failure;
use super::opening::Source;
use super::options::Structure;
use crate::probe;
use crate::text::tokenizer::words;
use crate::text::{Dataset, Tokenizer};
use crate::train::event::Figure;
use crate::train::session::{ExactLoss, HeldOutLoss};
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
    let carried = session.carried_loss(exact);
    let time = session.config().model.block_size;
    let material = session.material();
    let Some(text) = &material.text else { return held_out(&mut session, arguments.json) };
    let (loss, tokens, bits) = (exact.loss, exact.tokens, exact.bits());
    let mut out = std::io::stdout().lock();
    match &text.tokenizer {
        Tokenizer::Characters(_) if arguments.json => {
            let mut line = json!({"val_loss": loss, "bits_per_character": bits, "tokens": tokens});
            add_carried(&mut line, carried);
            writeln!(out, "{line}")?;
        }
        Tokenizer::Characters(_) => writeln!(
            out,
            "val loss {loss:.4} nats, {bits:.4} bits a character, over {tokens} characters of {}",
            text.corpus.name
        )?,
        Tokenizer::Words(_) => words(exact, carried, text, arguments.json, &mut out)?,
    }
    if let Some(ExactLoss { loss, .. }) = carried.filter(|_| !arguments.json) {
        writeln!(
            out,
            "that is with the state begun anew every {time} tokens; carried through the whole text, {loss:.4} nats"
        )?;
    }
    Ok(())
}

/// Of models with a state, what it is worth when nothing is forgotten.
fn add_carried(line: &mut Value, carried: Option<ExactLoss>) {
    if let Some(carried) = carried {
        line["val_loss_carried"] = json!(carried.loss);
    }
}

/// The loss of a model of words, and what it is per character of the same text: bits a word over the mean length of a word
/// with the space after it. A character-level model's figure is then an upper neighbour, no equal: a model of words need
/// not say which word `<unk>` stands for, nor where capitals and spaces are.
fn words(
    exact: ExactLoss,
    carried: Option<ExactLoss>,
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
        let mut line = json!({
            "val_loss": loss,
            "bits_per_word": bits,
            "characters_per_word": characters_per_word,
            "bits_per_character": bits_per_character,
            "unknown": unknown,
            "tokens": tokens,
        });
        add_carried(&mut line, carried);
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

/// Examples that a made task's model is judged by, unless training judges more.
const JUDGED: usize = 1000;

/// A made task has no end: its loss is estimated, and the model's answers are judged. Says over what, and how sure it is.
fn held_out(session: &mut Session, json: bool) -> Result<(), Failure> {
    let HeldOutLoss { loss, parts, standard_error, examples } = session.held_out_loss();
    let count = JUDGED.max(session.examples().judged());
    let judged = session.judge(count);
    let arguments = probe::Arguments { examples: count, ..probe::Arguments::default() };
    let looks =
        session.measure(probe::alignment::INSTRUMENT.name, &arguments).map(|m| m.reading.figures);
    let looks = looks.unwrap_or_default().into_iter().map(|(name, value)| Figure { name, value });
    let provenance = session.examples().provenance();
    let floors = session.examples().floors(count).into_iter();
    let floors = floors.map(|(name, value)| Figure { name: name.to_owned(), value });
    let figures: Vec<_> =
        parts.into_iter().chain(judged.iter().cloned()).chain(floors).chain(looks).collect();
    let mut out = std::io::stdout().lock();
    if json {
        let mut line = json!({
            "val_loss": loss,
            "val_loss_standard_error": standard_error,
            "drawn": examples,
            "examples": provenance,
        });
        for figure in &figures {
            line[&figure.name] = json!(figure.value);
        }
        if !judged.is_empty() {
            line["judged"] = json!(count);
        }
        writeln!(out, "{line}")?;
        return Ok(());
    }
    let sure = standard_error.map_or(String::new(), |e| format!(", standard error {e:.4}"));
    writeln!(out, "val loss {loss:.4}, an estimate over {examples} draws{sure}")?;
    for figure in &figures {
        writeln!(out, "{} {:.4}", figure.name.replace('_', " "), figure.value)?;
    }
    if !judged.is_empty() {
        writeln!(out, "answers to {count} examples were judged")?;
    }
    writeln!(out, "examples: {provenance}")?;
    Ok(())
}
