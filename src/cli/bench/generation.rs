//! `gpt-lab bench --generation`: characters a second on one core, drawn as `sample` draws them, stage by stage.
//!
//! Two rates, because the lecture's `generate` has two halves. While the text fits the window, keys and values of the
//! characters before are kept, and a new one costs a row: the average over filling the window from one character to
//! block_size. Past it, the window moves with every character, each position changes, and all of it is computed anew.
//!
//! A cached character reads every weight once, so no machine is faster than it reads ([`read_rate`]). Weights are
//! untrained: speed does not depend on them.

use std::io::Write;
use std::time::{Duration, Instant};

use serde::Serialize;

use super::read_rate;
use crate::math::Real;
use crate::model::{self, Model};
use crate::stage::config::Config;
use crate::text::Dataset;
use crate::train::Generation;
use crate::train::command::SampleRequest;

/// Rounds that the median is taken over, at least.
const ROUNDS: usize = 3;

#[derive(Debug, Serialize)]
struct Row {
    stage: String,
    cached_per_second: f64,
    recomputed_per_second: f64,
    parameters: usize,
    /// Of weights that a cached character reads.
    bytes_per_character: usize,
    /// Cached characters a second, if reading the weights were all; none where picking a row is all.
    bound_per_second: Option<f64>,
}

/// Times one stage after the other and prints a line for each.
///
/// # Errors
/// If the text is too short for a window.
pub fn run(
    configs: impl Iterator<Item = Config>,
    dataset: &Dataset,
    seconds: f64,
    json: bool,
) -> anyhow::Result<()> {
    crate::math::gemm::single_threaded();
    let mut out = std::io::stdout().lock();
    if !json {
        writeln!(
            out,
            "{:12} {:>10} {:>10} {:>12} {:>10} {:>8} {:>13}",
            "stage", "parameters", "cached/s", "bytes each", "bound/s", "of bound", "past window/s"
        )?;
    }
    // Others have no text to continue.
    for config in configs.filter(|config| config.task.reads_text()) {
        let row = time(&config, dataset, seconds)?;
        if json {
            writeln!(out, "{}", serde_json::to_string(&row)?)?;
            continue;
        }
        let bound = row.bound_per_second.map_or("-".to_owned(), |bound| format!("{bound:.0}"));
        let share = row.bound_per_second.map_or("-".to_owned(), |bound| {
            format!("{:.0} %", row.cached_per_second / bound * 100.0)
        });
        writeln!(
            out,
            "{:12} {:>10} {:>10.0} {:>12} {:>10} {:>8} {:>13.0}",
            row.stage,
            row.parameters,
            row.cached_per_second,
            row.bytes_per_character,
            bound,
            share,
            row.recomputed_per_second
        )?;
    }
    Ok(())
}

fn time(config: &Config, dataset: &Dataset, seconds: f64) -> anyhow::Result<Row> {
    dataset.require(config.model.block_size)?;
    let model = model::build(&config.model)?;
    let mut weights = vec![0.0; model.registry().len()];
    model.initialise(&mut weights, config.seed);
    let window = config.model.block_size;
    let begin = |prompt: &[u32]| {
        let (seed, prompt) = (config.seed, prompt.to_vec());
        let request = SampleRequest {
            prompt,
            tokens: 0,
            sampling: <_>::default(),
            seed,
            every_seconds: None,
        };
        Generation::new(&*model, &request, 0).expect("a model of text")
    };
    let half = Duration::from_secs_f64(seconds / 2.0);
    // The first character is drawn from a window of one, the last from a full one.
    let cached = median(half, || {
        let mut generation = begin(&[]);
        draw(&mut generation, &weights, window, half)
    });
    let longer = &dataset.train[..=window];
    let recomputed = median(half, || {
        let mut generation = begin(longer);
        generation.next(&weights);
        draw(&mut generation, &weights, window, half / ROUNDS as u32)
    });
    let bytes = bytes_per_character(&*model);
    let multiplies = model.operations_per_token() > 0.0;
    Ok(Row {
        stage: config.stage.clone(),
        cached_per_second: 1.0 / cached,
        recomputed_per_second: 1.0 / recomputed,
        parameters: weights.len(),
        bytes_per_character: bytes,
        bound_per_second: multiplies.then(|| read_rate::measure(bytes) / bytes as f64),
    })
}

/// Seconds a character, for up to `most` characters or until the time is over.
fn draw(generation: &mut Generation, weights: &[Real], most: usize, time: Duration) -> f64 {
    let started = Instant::now();
    let mut drawn = 0;
    while drawn < most && (drawn == 0 || started.elapsed() < time) {
        generation.next(weights);
        drawn += 1;
    }
    started.elapsed().as_secs_f64() / drawn as f64
}

/// The median of as many rounds as fit into the time.
fn median(time: Duration, mut round: impl FnMut() -> f64) -> f64 {
    let (started, mut rounds) = (Instant::now(), Vec::new());
    while rounds.len() < ROUNDS || started.elapsed() < time {
        rounds.push(round());
    }
    rounds.sort_by(f64::total_cmp);
    rounds[rounds.len() / 2]
}

/// Of an embedding one row is read, of everything else all.
fn bytes_per_character(model: &dyn Model) -> usize {
    let read = model.registry().parameters().iter().map(|parameter| match *parameter.shape {
        [_, width] if parameter.name.ends_with("embedding_table.weight") => width,
        _ => parameter.len(),
    });
    read.sum::<usize>() * size_of::<Real>()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stage::stage;

    /// Counted by hand: V = 65, C = 32.
    #[test]
    fn a_character_reads_a_row_of_each_embedding_and_all_other_weights() {
        let bytes = |name: &str| {
            let config = stage(name).unwrap().config(65, 1);
            bytes_per_character(&*model::build(&config.model).unwrap())
        };
        assert_eq!(bytes("bigram"), 65 * size_of::<Real>());
        let attention_and_head = 3 * 32 * 32 + 32 * 65 + 65;
        assert_eq!(bytes("single-head"), (32 + 32 + attention_and_head) * size_of::<Real>());
    }

    #[test]
    fn the_median_is_of_at_least_three_rounds() {
        let mut rounds = [3.0, 1.0, 2.0].into_iter();
        assert_eq!(median(Duration::ZERO, || rounds.next().unwrap()), 2.0);
    }
}
