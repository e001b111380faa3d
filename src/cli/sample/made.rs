//! What a model of a made task makes: answers to sources, images, points.

use std::io::Write;

use super::{Arguments, Failure};
use crate::cli::opening::refuse_idle;
use crate::math::random::{Purpose, stream};
use crate::model::batch::IGNORED;
use crate::model::{Batch, Examples, Form, Inference, Split};
use crate::task::pairs::Pairs;
use crate::task::{self, Target};
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
    let asked = pairs.is_some() && !arguments.prompt.is_empty();
    let Arguments { tokens, temperature, top_k, top_p, count, beam, .. } = *arguments;
    let file = arguments.source.points.is_some();
    let idle = [
        ("--beam", beam.is_some() && !asked, "one --prompt of a task of pairs"),
        ("--count", count.is_some() && asked, "examples that are drawn, not one --prompt"),
        ("--points", file, "train, eval and inspect"),
        ("--tokens", tokens.is_some(), "models of a text"),
        ("--temperature", temperature.is_some(), "models of a text"),
        ("--top-k", top_k.is_some(), "models of a text"),
        ("--top-p", top_p.is_some(), "models of a text"),
    ];
    refuse_idle(&idle, task)?;
    let mut inference = checkpoint.model.inference();
    match (pairs, task.task.form()) {
        (Some(pairs), _) if !arguments.prompt.is_empty() => {
            answer(checkpoint, &mut *inference, &pairs, arguments)
        }
        (Some(pairs), _) => answers(checkpoint, &mut *inference, &pairs, arguments),
        (None, Form::Image) => images(checkpoint, &mut *inference, arguments),
        (None, Form::Point) => points(checkpoint, &mut *inference, arguments),
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
    let search = inference.search(&checkpoint.weights, &subject, usize::from(width));
    for hypothesis in search.found {
        let text = pairs.decode_target(&hypothesis.tokens);
        writeln!(out, "{:8.4}  {text}", hypothesis.score)?;
    }
    Ok(())
}

/// Without --count.
const COUNT: usize = 10;
/// So many are made at a time, whole rows of images: what is asked for may be more than fits into memory.
const PIECE: usize = 60;

/// The sizes of the pieces that --count is made in.
fn pieces(arguments: &Arguments) -> impl Iterator<Item = usize> + use<> {
    let count = arguments.count.unwrap_or(COUNT);
    (0..count).step_by(PIECE).map(move |first| PIECE.min(count - first))
}

/// Held-out examples, piece by piece.
fn drawn(examples: &dyn Examples, arguments: &Arguments) -> impl Iterator<Item = Batch> {
    let mut rng = stream(arguments.seed, Purpose::Sampling, 0);
    pieces(arguments).map(move |count| {
        let mut batch = Batch::default();
        examples.draw(Split::Val, count, &mut rng, &mut batch);
        batch
    })
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
    for batch in drawn(pairs, arguments) {
        let output = inference.produce(&checkpoint.weights, &batch);
        let sources = batch.source.chunks(batch.source_time);
        for ((source, found), right) in sources.zip(&output.tokens).zip(batch.y.chunks(batch.time))
        {
            let [found, right] = [&found[..], right].map(|ids| pairs.decode_target(ids));
            print(&pairs.decode_source(source), &found, &right)?;
        }
    }
    Ok(())
}

fn recalled(
    checkpoint: &Checkpoint,
    inference: &mut dyn Inference,
    arguments: &Arguments,
) -> Result<(), Failure> {
    let task = &checkpoint.config.task;
    let decode = |ids: &[u32]| task::written(task, ids);
    let Some(examples) = task::open(task) else { return Ok(()) };
    for batch in drawn(&*examples, arguments) {
        let output = inference.produce(&checkpoint.weights, &batch);
        for (i, found) in output.tokens.iter().enumerate() {
            let targets = &batch.y[i * batch.time..(i + 1) * batch.time];
            let asked: Vec<u32> = targets.iter().copied().filter(|y| *y != IGNORED).collect();
            let [found, right] = [found, &asked].map(|ids| decode(ids));
            print(&decode(batch.tokens(i)), &found, &right)?;
        }
    }
    Ok(())
}

/// As many examples of noise as are asked for, piece by piece.
fn noise(arguments: &Arguments, width: usize) -> impl Iterator<Item = Batch> + use<> {
    let seed = arguments.seed;
    pieces(arguments).zip(0..).map(move |(sequences, piece)| {
        let mut batch = Batch { sequences, ..Batch::default() };
        batch.add_noise(width, seed, piece);
        batch
    })
}

/// Images of random latents, side by side.
fn images(
    checkpoint: &Checkpoint,
    inference: &mut dyn Inference,
    arguments: &Arguments,
) -> Result<(), Failure> {
    for batch in noise(arguments, checkpoint.config.model.n_latent) {
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
    }
    Ok(())
}

/// A row of pixels from 0 to 1 as characters.
fn ink(pixels: &[f32]) -> String {
    let darkest = (INK.len() - 1) as f32;
    pixels.iter().map(|p| char::from(INK[(p.clamp(0.0, 1.0) * darkest).round() as usize])).collect()
}

/// Points, x and y a line, as `--points` reads them: those of a file in the file's own coordinates.
fn points(
    checkpoint: &Checkpoint,
    inference: &mut dyn Inference,
    arguments: &Arguments,
) -> Result<(), Failure> {
    let own = checkpoint.points.as_ref();
    if own.is_none() && checkpoint.config.task.target == Target::File {
        super::super::say(format_args!(
            "note: this older checkpoint does not know its file's mean and scale: the points are centred and scaled"
        ));
    }
    let mut out = std::io::stdout().lock();
    for batch in noise(arguments, checkpoint.model.noise()) {
        let output = inference.produce(&checkpoint.weights, &batch);
        for point in output.values.as_chunks::<2>().0 {
            // As f32, so that no digit is printed that the model does not mean.
            let [x, y] = own.map_or(*point, |own| own.undo(point.map(f64::from)).map(|x| x as f32));
            writeln!(out, "{x} {y}")?;
        }
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
