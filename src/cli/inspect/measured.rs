//! What an instrument finds on a checkpoint.

use std::io::Write;

use serde_json::json;

use super::{Arguments, Failure};
use crate::cli::opening;
use crate::probe::{self, Subject, words};
use crate::train::checkpoint::Checkpoint;

/// Prints a reading, and how it is defined.
///
/// # Errors
/// If there is no such instrument, or it has nothing to measure on this model.
pub fn run(checkpoint: &Checkpoint, name: &str, arguments: &Arguments) -> Result<(), Failure> {
    let instrument = probe::instrument(name).map_err(Failure::usage)?;
    let config = &checkpoint.config;
    let prompt = match arguments.prompt.as_deref().unwrap_or_default() {
        "" => Vec::new(),
        text if config.task.reads_text() => {
            opening::prompt(&arguments.source.tokenizer(checkpoint)?, text)?
        }
        text => {
            let Some(typed) = crate::task::typed(&config.task, text) else {
                let task = &config.task;
                return Err(Failure::usage(format!("{task} reads no prompt: leave out --prompt")));
            };
            typed.map_err(Failure::usage)?
        }
    };
    let examples = arguments.source.material(checkpoint)?.examples(config)?;
    crate::math::gemm::single_threaded();
    let card = checkpoint.model.card();
    let mut inference = checkpoint.model.inference();
    let mut subject = Subject {
        model: &*checkpoint.model,
        card: &card,
        weights: &checkpoint.weights,
        examples: &*examples,
        inference: &mut *inference,
        seed: config.seed,
    };
    let told = probe::Arguments {
        prompt,
        examples: arguments.examples.into(),
        point: arguments.point.clone(),
        layer: arguments.layer,
        head: arguments.head,
        row: arguments.row,
        column: arguments.column,
        head_size: arguments.head_size,
        fault: arguments.fault.clone(),
        in_passing: false,
        ..probe::Arguments::default()
    };
    let found = (instrument.measure)(&mut subject, &told).map_err(Failure::usage)?;
    let names = words::rows(name, &card, checkpoint.model.config(), &found);
    let columns = words::columns(name);
    let mut out = std::io::stdout().lock();
    if arguments.json {
        let figures: serde_json::Map<_, _> =
            found.figures.iter().map(|(name, value)| (name.clone(), json!(value))).collect();
        let mut line = json!({
            "stage": config.stage,
            "step": checkpoint.step,
            "instrument": name,
            "figures": figures,
            "shape": found.shape,
            "values": found.values,
        });
        for (key, names) in [("rows", &names), ("columns", &columns)] {
            if let Some(names) = names {
                line[key] = json!(names);
            }
        }
        writeln!(out, "{line}")?;
        return Ok(());
    }
    writeln!(
        out,
        "{} after {} steps, {name}: {}",
        config.stage, checkpoint.step, instrument.definition
    )?;
    for (name, value) in &found.figures {
        writeln!(out, "{name} {}", words::unit(instrument, name).write(*value))?;
    }
    if let Some(columns) = columns {
        writeln!(out, "columns: {}", columns.join(", "))?;
    }
    let mut names = names.unwrap_or_default().into_iter();
    for row in found.values.chunks(found.shape.last().copied().unwrap_or(1).max(1)) {
        let row: Vec<_> = row.iter().map(|x| format!("{x:.4}")).collect();
        let name = names.next().map_or_else(String::new, |name| format!("{name}: "));
        writeln!(out, "{name}{}", row.join(" "))?;
    }
    Ok(())
}
