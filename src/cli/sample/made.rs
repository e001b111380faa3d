//! What a model of a made task makes: answers to sources, images, points.

use std::io::Write;

use super::{Arguments, Failure};
use crate::math::random::{Purpose, stream};
use crate::model::batch::IGNORED;
use crate::model::{Batch, Examples, Inference, Split};
use crate::task::pairs::Pairs;
use crate::task::recall::Recall;
use crate::task::{self, Task};
use crate::train::checkpoint::Checkpoint;

/// From blank to full ink.
const INK: &[u8] = b" .:-=+*#%@";
/// Columns that images may fill side by side.
const COLUMNS: usize = 80;

/// Prints what the model of a checkpoint makes.
///
/// # Errors
/// If the prompt is no source of the task, or the model does not search.
pub fn run(checkpoint: &Checkpoint, arguments: &Arguments) -> Result<(), Failure> {
    let task = &checkpoint.config.task;
    let pairs = task::pairs(task);
    if pairs.is_none() && !arguments.prompt.is_empty() {
        return Err(Failure::usage(format!("{task} reads no prompt: leave out --prompt")));
    }
    if arguments.beam.is_some() && (pairs.is_none() || arguments.prompt.is_empty()) {
        return Err(Failure::usage(
            "--beam searches for the answer to one --prompt of a task of pairs",
        ));
    }
    let mut inference = checkpoint.model.inference();
    match (pairs, task.task) {
        (Some(pairs), _) if !arguments.prompt.is_empty() => {
            answer(checkpoint, &mut *inference, &pairs, arguments)
        }
        (Some(pairs), _) => answers(checkpoint, &mut *inference, &pairs, arguments),
        (None, Task::Glyphs) => images(checkpoint, &mut *inference, arguments),
        (None, Task::Points) => points(checkpoint, &mut *inference, arguments),
        (None, _) => recalled(checkpoint, &mut *inference, arguments),
    }
}

/// The answer to one source; with a beam the best few, with their scores.
fn answer(
    checkpoint: &Checkpoint,
    inference: &mut dyn Inference,
    pairs: &Pairs,
    arguments: &Arguments,
) -> Result<(), Failure> {
    let source = pairs.encode(&arguments.prompt).map_err(Failure::usage)?;
    let mut subject = Batch::default();
    pairs.subject(&source, &mut subject);
    let mut out = std::io::stdout().lock();
    let Some(width) = arguments.beam else {
        let output = inference.produce(&checkpoint.weights, &subject);
        writeln!(out, "{}", pairs.decode_target(&output.tokens[0]))?;
        return Ok(());
    };
    for hypothesis in inference.search(&checkpoint.weights, &subject, usize::from(width)) {
        let text = pairs.decode_target(&hypothesis.tokens);
        writeln!(out, "{:8.4}  {text}", hypothesis.score)?;
    }
    Ok(())
}

/// Held-out examples.
fn drawn(examples: &dyn Examples, arguments: &Arguments) -> Batch {
    let mut batch = Batch::default();
    let mut rng = stream(arguments.seed, Purpose::Sampling, 0);
    examples.draw(Split::Val, arguments.count, &mut rng, &mut batch);
    batch
}

/// A line for an answer, with the right one beside it if it is another.
fn print(asked: &str, found: &str, right: &str) -> std::io::Result<()> {
    let verdict = if found == right { String::new() } else { format!("   (right: {right})") };
    writeln!(std::io::stdout().lock(), "{asked} -> {found}{verdict}")
}

fn answers(
    checkpoint: &Checkpoint,
    inference: &mut dyn Inference,
    pairs: &Pairs,
    arguments: &Arguments,
) -> Result<(), Failure> {
    let batch = drawn(pairs, arguments);
    let output = inference.produce(&checkpoint.weights, &batch);
    let sources = batch.source.chunks(batch.source_time);
    for ((source, found), right) in sources.zip(&output.tokens).zip(batch.y.chunks(batch.time)) {
        let [found, right] = [&found[..], right].map(|ids| pairs.decode_target(ids));
        print(&pairs.decode_source(source), &found, &right)?;
    }
    Ok(())
}

fn recalled(
    checkpoint: &Checkpoint,
    inference: &mut dyn Inference,
    arguments: &Arguments,
) -> Result<(), Failure> {
    let batch = drawn(&Recall::new(checkpoint.config.task.distance), arguments);
    let output = inference.produce(&checkpoint.weights, &batch);
    for (i, found) in output.tokens.iter().enumerate() {
        let targets = &batch.y[i * batch.time..(i + 1) * batch.time];
        let asked: Vec<u32> = targets.iter().copied().filter(|y| *y != IGNORED).collect();
        let [found, right] = [found, &asked].map(|ids| Recall::decode(ids));
        print(&Recall::decode(batch.tokens(i)), &found, &right)?;
    }
    Ok(())
}

/// As many examples of noise as are asked for.
fn noise(arguments: &Arguments, width: usize) -> Batch {
    let mut batch = Batch { sequences: arguments.count, ..Batch::default() };
    batch.add_noise(width, arguments.seed, 0);
    batch
}

/// Images of random latents, side by side.
fn images(
    checkpoint: &Checkpoint,
    inference: &mut dyn Inference,
    arguments: &Arguments,
) -> Result<(), Failure> {
    let batch = noise(arguments, checkpoint.config.model.n_latent);
    let output = inference.produce(&checkpoint.weights, &batch);
    let side = output.width.isqrt().max(1);
    let images: Vec<&[f32]> = output.values.chunks_exact(output.width.max(1)).collect();
    let mut out = std::io::stdout().lock();
    for row in images.chunks((COLUMNS / (side + 2)).max(1)) {
        for y in 0..side {
            let line: Vec<String> =
                row.iter().map(|image| ink(&image[y * side..][..side])).collect();
            writeln!(out, "{}", line.join("  ").trim_end())?;
        }
        writeln!(out)?;
    }
    Ok(())
}

/// A row of pixels from 0 to 1 as characters.
fn ink(pixels: &[f32]) -> String {
    let darkest = (INK.len() - 1) as f32;
    pixels.iter().map(|p| char::from(INK[(p.clamp(0.0, 1.0) * darkest).round() as usize])).collect()
}

/// Points, x and y a line, as `--points` reads them.
fn points(
    checkpoint: &Checkpoint,
    inference: &mut dyn Inference,
    arguments: &Arguments,
) -> Result<(), Failure> {
    let batch = noise(arguments, checkpoint.model.noise());
    let output = inference.produce(&checkpoint.weights, &batch);
    let mut out = std::io::stdout().lock();
    for point in output.values.chunks_exact(output.width.max(1)) {
        let numbers: Vec<String> = point.iter().map(f32::to_string).collect();
        writeln!(out, "{}", numbers.join(" "))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ink_goes_from_blank_to_full() {
        assert_eq!(ink(&[0.0, 0.5, 1.0, 2.0, -1.0]), " +@@ ");
    }
}
