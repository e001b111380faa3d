//! `gpt-lab bench --quality`: the best validation loss that can be had on this machine within a few times of training, over width,
//! depth, learning rate, context and batch, beside the stages as they are.
//!
//! Successive halving: every candidate is trained for the shortest time, then the better ones go on, and of those again the
//! better. Only steps are on the clock. A loss is that of the same stretch of the validation text for all, read in windows of a
//! candidate's own context. Seeds are fixed; how many steps fit into a second is the machine's.

use std::io::Write;
use std::sync::Arc;
use std::time::Instant;

use anyhow::Context;
use serde::Serialize;

use crate::stage::config::Config;
use crate::stage::stage;
use crate::text::Dataset;
use crate::train::session::Session;
use crate::train::team::Team;

/// The stage whose switches the candidates have.
const BASE: &str = "nano-cpu";
/// The stages beside them, as they are.
const PRESETS: [&str; 9] = [
    "bigram",
    "single-head",
    "multi-head",
    "feed-forward",
    "blocks",
    "residual",
    "layer-norm",
    "colab",
    BASE,
];
const WIDTHS: [usize; 3] = [32, 64, 128];
const DEPTHS: [usize; 3] = [1, 2, 4];
const RATES: [f64; 3] = [1e-3, 3e-3, 1e-2];
/// Context and batch.
const WINDOWS: [(usize, usize); 3] = [(8, 32), (32, 16), (64, 12)];
/// Characters of the validation text that every loss is of: a multiple of every context.
const HELD_OUT: usize = 1 << 14;
/// Of so many candidates one stays after the first time, and of so many after every other.
const FIRST_CUT: usize = 4;
const CUT: usize = 2;
/// Stages that go on past this many seconds: the best of them.
const PRESETS_LATE: usize = 3;
const LATE: f64 = 10.0;

/// Candidates between two lines of progress.
const SAID_EVERY: usize = 10;

struct Candidate {
    /// The stage's name, where it is one as it is.
    preset: Option<&'static str>,
    session: Session,
    trained: f64,
    best: f64,
    diverged: bool,
}

#[derive(Debug, Serialize)]
struct Row {
    seconds: f64,
    /// None of the best that was searched for.
    preset: Option<&'static str>,
    /// The lowest of all evaluations within the time.
    best_val_loss: f64,
    n_embd: usize,
    n_layer: usize,
    lr: f64,
    block_size: usize,
    batch_size: usize,
    parameters: usize,
    steps: u64,
}

fn configs(vocab_size: usize) -> anyhow::Result<Vec<(Option<&'static str>, Config)>> {
    let mut configs = Vec::new();
    for name in PRESETS {
        configs.push((Some(name), stage(name)?.config(vocab_size, 1337)));
    }
    let base = stage(BASE)?.config(vocab_size, 1337);
    for n_embd in WIDTHS {
        for n_layer in DEPTHS {
            for lr in RATES {
                for (block_size, batch_size) in WINDOWS {
                    let mut config = base.clone();
                    (config.model.n_embd, config.model.n_layer) = (n_embd, n_layer);
                    config.model.block_size = block_size;
                    (config.training.lr, config.training.batch_size) = (lr, batch_size);
                    configs.push((None, config));
                }
            }
        }
    }
    Ok(configs)
}

/// Times at which candidates are compared: those asked for, and one between two of them.
fn rungs(budgets: &[f64]) -> Vec<f64> {
    let mut rungs = vec![budgets[0]];
    for pair in budgets.windows(2) {
        rungs.extend([(pair[0] * pair[1]).sqrt(), pair[1]]);
    }
    rungs
}

/// Trains and prints the table of each time as soon as it is known.
///
/// # Errors
/// If the text is too short.
pub fn run(dataset: &Dataset, team: &Team, budgets: &[f64], json: bool) -> anyhow::Result<()> {
    let mut budgets = budgets.to_vec();
    budgets.sort_by(f64::total_cmp);
    budgets.dedup();
    let mut dataset = dataset.clone();
    dataset.val.truncate(HELD_OUT + 1);
    let dataset = Arc::new(dataset);
    let mut candidates = Vec::new();
    for (preset, config) in configs(dataset.tokenizer.vocab_size())? {
        let session = Session::with_team(config, Arc::clone(&dataset), team)?;
        let best = f64::INFINITY;
        candidates.push(Candidate { preset, session, trained: 0.0, best, diverged: false });
    }
    if !json {
        writeln!(
            std::io::stdout(),
            "{:>7}  {:12} {:>8} {:>6} {:>6} {:>8} {:>8} {:>6} {:>10} {:>8}",
            "seconds",
            "stage",
            "val loss",
            "n_embd",
            "layers",
            "lr",
            "context",
            "batch",
            "parameters",
            "steps"
        )?;
    }
    for (i, seconds) in rungs(&budgets).into_iter().enumerate() {
        for (at, candidate) in candidates.iter_mut().enumerate() {
            train(candidate, team, seconds).context("a candidate could not be evaluated")?;
            if at % SAID_EVERY == 0 {
                crate::cli::say(format_args!("{seconds:.1} s: candidate {} is trained", at + 1));
            }
        }
        candidates.retain(|candidate| !candidate.diverged);
        candidates.sort_by(|a, b| a.best.total_cmp(&b.best));
        if budgets.contains(&seconds) {
            let searched = candidates.iter().find(|candidate| candidate.preset.is_none());
            let presets = candidates.iter().filter(|candidate| candidate.preset.is_some());
            for candidate in searched.into_iter().chain(presets) {
                print(&row(candidate, seconds), json)?;
            }
        }
        keep(&mut candidates, if i == 0 { FIRST_CUT } else { CUT }, seconds);
    }
    Ok(())
}

/// Lets the better ones go on, of candidates in the order of their losses.
fn keep(candidates: &mut Vec<Candidate>, cut: usize, seconds: f64) {
    let searched = candidates.iter().filter(|candidate| candidate.preset.is_none()).count();
    let most = [if seconds < LATE { PRESETS.len() } else { PRESETS_LATE }, searched.div_ceil(cut)];
    let mut kept = [0; 2];
    candidates.retain(|candidate| {
        let kind = usize::from(candidate.preset.is_none());
        kept[kind] += 1;
        kept[kind] <= most[kind]
    });
}

/// Steps until so many seconds of training are over, and the loss then.
fn train(candidate: &mut Candidate, team: &Team, seconds: f64) -> anyhow::Result<()> {
    let Candidate { session, trained, best, diverged, .. } = candidate;
    team.run(|| {
        let (before, started) = (*trained, Instant::now());
        while *trained < seconds {
            if session.step().is_err() {
                *diverged = true;
                return;
            }
            *trained = before + started.elapsed().as_secs_f64();
        }
    });
    if !*diverged {
        let loss = session.exact_loss().context("no text is held out")?;
        *best = best.min(loss.loss);
        // Others are trained now, which need the cache and the memory.
        session.rest();
    }
    Ok(())
}

fn row(candidate: &Candidate, seconds: f64) -> Row {
    let Candidate { preset, session, best, .. } = candidate;
    let Config { model, training, .. } = session.config();
    Row {
        seconds,
        preset: *preset,
        best_val_loss: *best,
        n_embd: model.n_embd,
        n_layer: model.n_layer,
        lr: training.lr,
        block_size: model.block_size,
        batch_size: training.batch_size,
        parameters: session.weights().len(),
        steps: session.step_count(),
    }
}

fn print(row: &Row, json: bool) -> anyhow::Result<()> {
    let mut out = std::io::stdout().lock();
    if json {
        writeln!(out, "{}", serde_json::to_string(row)?)?;
        return Ok(());
    }
    writeln!(
        out,
        "{:>7}  {:12} {:>8.4} {:>6} {:>6} {:>8.0e} {:>8} {:>6} {:>10} {:>8}",
        row.seconds,
        row.preset.unwrap_or("(best found)"),
        row.best_val_loss,
        row.n_embd,
        row.n_layer,
        row.lr,
        row.block_size,
        row.batch_size,
        row.parameters,
        row.steps
    )?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_candidate_can_be_trained_and_reads_the_same_characters() {
        for (_, config) in configs(65).unwrap() {
            config.validate().unwrap();
            assert_eq!(HELD_OUT % config.model.block_size, 0, "{config:?}");
        }
    }

    #[test]
    fn between_two_times_there_is_one_more() {
        assert_eq!(rungs(&[1.0]), [1.0]);
        assert_eq!(rungs(&[1.0, 4.0, 16.0]), [1.0, 2.0, 4.0, 8.0, 16.0]);
    }
}
