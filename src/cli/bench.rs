//! `gpt-lab bench`: what a training step costs on this machine, stage by stage, beside what its matrix products alone
//! would cost at this machine's peak rate.
//!
//! A step is what `train` runs: draw the batch, forward, backward, clip, AdamW. Operations are those of
//! [`crate::model::Model::operations_per_token`] times B * T: matrix products only, attention at full (T, T).

pub mod allocations;
mod generation;
mod memory;
mod products;
mod quality;
mod read_rate;

use std::io::Write;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Context;
use clap::Args;
use serde::Serialize;

use super::Failure;
use crate::math::{Real, gemm};
use crate::stage::config::Config;
use crate::stage::{STAGES, stage};
use crate::text::Dataset;
use crate::train::machine_rate;
use crate::train::session::Session;
use crate::train::team::Team;

/// Repeats that minimum and median are taken over.
const REPEATS: usize = 7;
/// Rows and columns of the matrices that the machine's own rate is measured with: a few MiB.
const GEMM_SIZE: usize = 1024;
/// Bytes: a block as large as this is in no cache.
const MOST_READ: usize = 1 << 28;
/// Steps before the clock starts, or as many as fit into a second: the first alone touches everything that is used.
const WARM_UP: u64 = 3;

// Each is a switch of the command line.
#[allow(clippy::struct_excessive_bools)]
#[derive(Debug, Args)]
pub struct Arguments {
    /// Stages to time, separated by commas, or `all`
    #[arg(long, value_delimiter = ',', default_value = "all")]
    stage: Vec<String>,
    /// Threads that share a step [default: one a core, up to 8]
    #[arg(long, value_name = "N", value_parser = crate::train::team::threads)]
    threads: Option<usize>,
    /// About how long a stage is timed; with --quality how long is trained, several separated by commas
    /// [default: 3, with --quality 1,10,60]
    #[arg(long, value_delimiter = ',')]
    seconds: Vec<f64>,
    /// Text to train on
    #[arg(long, value_name = "FILE", allow_hyphen_values = true)]
    data: Option<std::path::PathBuf>,
    /// One JSON object a line
    #[arg(long)]
    json: bool,
    /// Time generation instead, on one core: within the window, where keys and values are kept, and past it
    #[arg(long, conflicts_with = "threads")]
    generation: bool,
    /// Time matrix products instead, at the shapes that the stages use, by our tiles and by the BLAS at hand
    #[arg(long, conflicts_with_all = ["generation", "stage", "data"])]
    products: bool,
    /// Find the best validation loss within some seconds of training instead, over sizes and learning rates
    #[arg(long, conflicts_with_all = ["generation", "products", "stage"])]
    quality: bool,
}

#[derive(Debug, Serialize)]
struct Row {
    stage: String,
    threads: usize,
    shards: usize,
    parameters: usize,
    steps: u64,
    ms_min: f64,
    ms_median: f64,
    tokens_per_second: f64,
    gflops: f64,
    /// `gflops` over what all threads reach together in multiply-adds between registers.
    peak_share: Option<f64>,
    peak_gflops: f64,
    /// The same over what they reach in one large matrix product each.
    gemm_share: Option<f64>,
    gemm_gflops: f64,
    /// What a step cannot help reading and writing, see [`bytes_per_step`].
    bytes: usize,
    /// How fast one core reads as many bytes, or [`MOST_READ`], again and again.
    read_gb_per_second: f64,
    peak_mib: f64,
    allocations: u64,
    /// Who multiplies matrices.
    products: String,
}

/// Times the stages and prints a line for each.
///
/// # Errors
/// If a stage is unknown, or the text cannot be read.
pub fn run(arguments: &Arguments) -> Result<(), Failure> {
    let names: Vec<&str> = if arguments.stage.iter().any(|name| name == "all") {
        STAGES.iter().map(|stage| stage.name).collect()
    } else {
        arguments.stage.iter().map(String::as_str).collect()
    };
    let stages: Vec<_> = names.into_iter().map(stage).collect::<Result<_, _>>()?;
    if let Some(wrong) = arguments.seconds.iter().find(|x| !(**x > 0.0 && x.is_finite())) {
        return Err(Failure::usage(format!("--seconds must be a number above 0 (found {wrong})")));
    }
    let seconds = match arguments.seconds[..] {
        [] => 3.0,
        [seconds] => seconds,
        [first, ..] if arguments.quality => first,
        _ => return Err(Failure::usage("--seconds is one number here: several go with --quality")),
    };
    let threads = arguments.threads.unwrap_or_else(Team::default_threads);
    if arguments.products {
        return Ok(products::run(&Team::new(threads)?, seconds, arguments.json)?);
    }
    let dataset = Arc::new(Dataset::new(super::text(arguments.data.as_deref())?)?);
    let vocab_size = dataset.tokenizer.vocab_size();
    let configs = stages.iter().map(|stage| stage.config(vocab_size, 1337));
    if arguments.generation {
        return Ok(generation::run(configs, &dataset, seconds, arguments.json)?);
    }
    let team = Team::new(threads)?;
    if arguments.quality {
        let budgets = match &arguments.seconds[..] {
            [] => &[1.0, 10.0, 60.0],
            budgets => budgets,
        };
        return Ok(quality::run(&dataset, &team, budgets, arguments.json)?);
    }
    if !arguments.json {
        writeln!(std::io::stdout(), "matrix products by {}", gemm::chosen())?;
        writeln!(
            std::io::stdout(),
            "{:12} {:>10} {:>7} {:>9} {:>9} {:>11} {:>8} {:>8} {:>8} {:>7} {:>9}",
            "stage",
            "parameters",
            "threads",
            "ms min",
            "ms median",
            "tokens/s",
            "GFLOP/s",
            "of peak",
            "of gemm",
            "MiB",
            "allocs"
        )?;
    }
    for config in configs {
        let stage = config.stage.clone();
        memory::reset_peak();
        let session = Session::with_team(config, Arc::clone(&dataset), &team)?;
        let row = time(session, seconds).with_context(|| format!("stage {stage}"))?;
        print(&row, arguments.json)?;
    }
    Ok(())
}

/// What this machine can do on as many threads: threads of their own, so that a profiler can tell them from the
/// trainer's, and gone before a step is timed.
fn machine_rates(threads: usize) -> anyhow::Result<[f64; 2]> {
    let team = Team::named("yardstick", threads)?;
    Ok([machine_rate::peak(&team), machine_rate::gemm_rate(&team, GEMM_SIZE)])
}

/// Times steps of a session, and what this machine can do beside it.
fn time(mut session: Session, seconds: f64) -> anyhow::Result<Row> {
    let team = session.team().clone();
    // Inside the team, as the trainer's worker runs them.
    let mut run = |steps: u64| {
        team.run(|| {
            let (before, started) = (allocations::count(), Instant::now());
            for _ in 0..steps {
                session.step()?;
            }
            anyhow::Ok((started.elapsed().as_secs_f64(), allocations::count() - before))
        })
    };
    let (mut warming, mut estimate) = (0.0, 0.0);
    for _ in 0..WARM_UP {
        (estimate, _) = run(1)?;
        warming += estimate;
        if warming > 1.0 {
            break;
        }
    }
    let steps = ((seconds / REPEATS as f64 / estimate) as u64).max(1);
    // The machine's own rate is measured before, between and after, because it moves.
    let mut rates = vec![machine_rates(team.threads())?];
    let (mut times, mut allocations) = (Vec::new(), u64::MAX);
    let deadline = Instant::now() + Duration::from_secs_f64(seconds * 3.0);
    for repeat in 0..REPEATS {
        let (elapsed, made) = run(steps)?;
        times.push(elapsed / steps as f64);
        // The run's history may grow now and then; a warm step by itself allocates nothing.
        allocations = allocations.min(made / steps);
        if repeat == REPEATS / 2 {
            rates.push(machine_rates(team.threads())?);
        }
        if Instant::now() > deadline && repeat >= 2 {
            break;
        }
    }
    rates.push(machine_rates(team.threads())?);
    times.sort_by(f64::total_cmp);
    let middle = |of: fn(&[f64; 2]) -> f64| {
        let mut rates: Vec<f64> = rates.iter().map(of).collect();
        rates.sort_by(f64::total_cmp);
        rates[rates.len() / 2]
    };
    // Nothing is faster than the peak: the fastest that was seen is nearest to it.
    let peak = rates.iter().map(|[peak, _]| *peak).fold(0.0, f64::max);
    let (median, gemm) = (times[times.len() / 2], middle(|[_, gemm]| *gemm));
    let config = session.config();
    let tokens = (config.training.batch_size * config.model.block_size) as f64;
    let gflops = session.model().operations_per_token() * tokens / median / 1e9;
    let bytes = bytes_per_step(&session);
    let peak_mib = memory::peak_bytes() as f64 / f64::from(1 << 20);
    Ok(Row {
        stage: config.stage.clone(),
        threads: team.threads(),
        shards: session.shards(),
        parameters: session.weights().len(),
        steps: steps * times.len() as u64,
        ms_min: times[0] * 1e3,
        ms_median: median * 1e3,
        tokens_per_second: tokens / median,
        gflops,
        peak_share: (gflops > 0.0).then_some(gflops / peak),
        peak_gflops: peak,
        gemm_share: (gflops > 0.0).then_some(gflops / gemm),
        gemm_gflops: gemm,
        bytes,
        read_gb_per_second: read_rate::measure(bytes.min(MOST_READ)) / 1e9,
        peak_mib,
        allocations,
        products: gemm::chosen(),
    })
}

/// The least that a step reads and writes, if it forgets everything between operations: a weight is read forward,
/// backward and by AdamW, and written; its gradient is written and read; its two moments are read and written. A number
/// that forward keeps is written, and read backward; of models that continue no text only the weights are counted.
fn bytes_per_step(session: &Session) -> usize {
    let Config { model, training, .. } = session.config();
    let weights = 10 * session.weights().len() * size_of::<Real>();
    let Some(mut inference) = session.model().language_model() else { return weights };
    inference.forward(session.weights(), &vec![0; model.block_size]);
    let mut kept = 0;
    inference.visit(&mut |name, shape, _| {
        // What is only computed to be looked at.
        const SHOWN: [&str; 6] =
            ["token", "position", "products", "scores", "masked", "probabilities"];
        if !SHOWN.contains(&name.rsplit('.').next().unwrap_or(name)) {
            kept += shape.iter().product::<usize>();
        }
    });
    weights + 2 * kept * training.batch_size * size_of::<Real>()
}

fn print(row: &Row, json: bool) -> anyhow::Result<()> {
    let mut out = std::io::stdout().lock();
    if json {
        writeln!(out, "{}", serde_json::to_string(row)?)?;
    } else {
        // A step too small to share runs on fewer threads than there are.
        let threads = if row.shards == row.threads {
            row.threads.to_string()
        } else {
            format!("{} of {}", row.shards, row.threads)
        };
        let [of_peak, of_gemm] = [row.peak_share, row.gemm_share]
            .map(|share| share.map_or("-".to_owned(), |share| format!("{:.0} %", share * 100.0)));
        writeln!(
            out,
            "{:12} {:>10} {:>7} {:>9.4} {:>9.4} {:>11.0} {:>8.1} {:>8} {:>8} {:>7.0} {:>9}",
            row.stage,
            row.parameters,
            threads,
            row.ms_min,
            row.ms_median,
            row.tokens_per_second,
            row.gflops,
            of_peak,
            of_gemm,
            row.peak_mib,
            row.allocations
        )?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::Corpus;

    /// Counted by hand: 32 sequences of 8, V = 60.
    #[test]
    fn a_step_moves_every_weight_and_everything_kept() {
        let dataset = Arc::new(Dataset::new(Corpus::bundled()).unwrap());
        let vocab_size = dataset.tokenizer.vocab_size();
        let bytes = |name: &str| {
            let config = stage(name).unwrap().config(vocab_size, 1);
            let session = Session::new(config, Arc::clone(&dataset), 1).unwrap();
            (bytes_per_step(&session) / size_of::<Real>(), session.weights().len())
        };
        let (moved, weights) = bytes("bigram");
        assert_eq!(moved, 10 * weights + 2 * 32 * 8 * vocab_size);
        let (moved, weights) = bytes("multi-head");
        // Embedding; query, key and value; four rows of weights; out, of the attention and of the block; logits.
        let width = 32 + 3 * 32 + 4 * 8 + 32 + 32 + 32 + vocab_size;
        assert_eq!(moved, 10 * weights + 2 * 32 * 8 * width);
    }
}
