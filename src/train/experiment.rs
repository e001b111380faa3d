//! Experiments: many runs as one. Arms times seeds, each a run of one shard on one thread, so that a machine of two cores
//! trains two of them at once; and what they say together. All runs are new, or all go on from one run at one step.
//!
//! ```text
//! experiment ── arms × seeds ──▶ lockstep: the run furthest behind gets the next slice ──▶ runs
//! observer ◀── Progress, of every slice ──┘                       the runs' measures ──▶ verdict, shares
//! ```
//!
//! A run is a function of its arm and its seed alone: how many threads there are, which run had which slice, and whether
//! somebody watches changes no bit of it. Estimates draw from random streams of their own, so that making one more changes no
//! later step; and what a measure reads are only those estimates that it asks for itself. A watched curve is made of others.

pub mod arm;
pub mod combinations;
mod lockstep;
mod run;
pub mod verdict;

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use serde::Deserialize;

use super::event::RunId;
use super::fork::Fork;
use super::material::{Material, MaterialError};
use super::measure::{Impossible, Measure, Range, Reading};
use super::observed::Observed;
use super::session::{ForkError, SessionError};
use super::snapshot::Subscription;
use super::team::TeamError;
use crate::probe::Measured;
use crate::stage::{Config, LAST_STEP};
use crate::text::ngram::{self, Reference};

pub use arm::{Arm, ArmError};
pub use combinations::{Combinations, CombinationsError, Share};
pub use verdict::{Compare, Verdict};

/// What is trained, how long, what is measured, and what is expected of it.
#[derive(Clone, Debug)]
pub struct Experiment {
    /// What each is called, and its configuration; seed and last step are the experiment's.
    pub arms: Vec<(String, Config)>,
    /// Every arm is trained once with each of them.
    pub seeds: Vec<u64>,
    /// Where all runs go on from; `None`: from new weights. Then their seeds are those of the steps to come, and what is
    /// measured is of the whole run, with all that came before.
    pub from: Option<Arc<Fork>>,
    pub budget: Budget,
    pub measure: Measure,
    /// How two arms are compared.
    pub compare: Compare,
    /// Where the first arm's lead over the last has to be, or the value of a single arm.
    pub expect: Range,
    /// Where the arms are all combinations of some switches.
    pub switches: Vec<String>,
    /// Whether somebody follows the curves: then the validation loss is estimated on the way, and every run is as long as the
    /// budget says, also where what is measured is known long before.
    pub watched: bool,
}

/// How long every run is, from where it begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Budget {
    Steps(u64),
    /// As many steps as it takes to read so many tokens, which is another number for every size of batch; examples, where
    /// these are no tokens.
    Tokens(u64),
}

/// The validation loss at a step.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Estimate {
    pub step: u64,
    pub val_loss: f64,
    /// What the experiment measures, where that is a figure of an estimate: what answers are worth, a part of the loss.
    pub figure: Option<f64>,
}

/// A run that has come to its end.
#[derive(Clone, Debug, PartialEq)]
pub struct Ran {
    /// Places in the experiment's lists.
    pub arm: usize,
    pub seed: usize,
    /// Steps that it made.
    pub step: u64,
    /// Whether it ended before its time because a loss or a gradient was not finite.
    pub diverged: bool,
    /// The last estimate; `None` where none was asked for, or it was not finite.
    pub train_loss: Option<f64>,
    pub val_loss: Option<f64>,
    /// What was measured; `None`: the run has no such number, because it diverged.
    pub value: Option<f64>,
    /// What was estimated on the way, and at the end.
    pub curve: Vec<Estimate>,
}

/// A run grew.
#[derive(Clone, Debug, PartialEq)]
pub struct Progress {
    /// Places in the experiment's lists.
    pub arm: usize,
    pub seed: usize,
    pub step: u64,
    /// Where it ends.
    pub steps: u64,
    /// Mean of the batch losses since this run was heard of last.
    pub loss: Option<f64>,
    /// What was estimated since then.
    pub estimates: Vec<Estimate>,
    /// What it makes of noise, beside what is real, as of the last watched estimate (`probe::cloud`); of runs that make points.
    pub cloud: Option<Box<Measured>>,
    /// It is at its end.
    pub ended: Option<Ran>,
    /// Of all the work, from 0 to 1.
    pub done: f64,
    /// At the speed so far; `None` while that cannot be told.
    pub seconds_left: Option<f64>,
}

/// Why an experiment has no result.
#[derive(Debug, thiserror::Error)]
pub enum ExperimentError {
    #[error("an experiment needs an arm, a seed and a thread at least")]
    Empty,
    #[error("a run has {LAST_STEP} steps at most, arm {arm} would have {steps}: lower the budget")]
    TooLong { arm: String, steps: u64 },
    #[error("arm {arm}: {source}")]
    Arm { arm: String, source: Box<SessionError> },
    #[error("arm {arm}: {source}")]
    Fork { arm: String, source: Box<ForkError> },
    #[error("arm {arm}: {source}")]
    Measure { arm: String, source: Impossible },
    #[error("{0}")]
    NoMeasure(&'static str),
    #[error(transparent)]
    Team(#[from] TeamError),
    #[error("a run of arm {arm} failed: {message}")]
    Failed { arm: String, message: String },
    #[error("the experiment was cancelled")]
    Cancelled,
}

/// Which estimates a measure reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Estimates {
    None,
    Last,
    /// At every point of the curve.
    All,
}

/// An arm, ready to be opened with any seed.
struct Prepared {
    config: Config,
    material: Material,
    from: Option<Arc<Fork>>,
    steps: u64,
    estimates: Estimates,
    wanted: Subscription,
    measure: Measure,
}

impl Experiment {
    /// Trains it all on `threads` threads, and tells whoever called, on its own thread, of every slice. Runs are in the order
    /// of arms, and of seeds within an arm. A set `cancel` ends it at the next slices' ends.
    ///
    /// # Errors
    /// If an arm cannot be trained on this text, nothing can be measured, memory holds no run, or it was cancelled.
    pub fn run(
        &self,
        material: &Material,
        threads: usize,
        cancel: &AtomicBool,
        observe: &mut dyn FnMut(Progress),
    ) -> Result<Vec<Ran>, ExperimentError> {
        let prepared = self.prepare(material)?;
        let references = self.references(material);
        lockstep::run(self, &prepared, &references, threads, cancel, observe)
    }

    /// The step that all runs begin at.
    pub fn first(&self) -> u64 {
        self.from.as_ref().map_or(0, |fork| fork.step())
    }

    /// Last step of every run of an arm.
    pub fn steps(&self, config: &Config) -> u64 {
        let more = match self.budget {
            Budget::Steps(steps) => steps,
            Budget::Tokens(tokens) => {
                let one = Observed::opening(RunId::FIRST, config.clone());
                let of_a_step = Observed { step: 1, ..one }.tokens_read() as u64;
                tokens.div_ceil(of_a_step.max(1))
            }
        };
        let settled = self.measure.settled_after().filter(|_| !self.watched);
        self.first().saturating_add(settled.map_or(more, |settled| settled.min(more)))
    }

    /// What its runs say, as far as they are there. With more than two arms it is the first against the last.
    pub fn verdict(&self, runs: &[Ran]) -> Verdict {
        let last = self.arms.len().saturating_sub(1);
        let second = (last > 0).then_some(last);
        Verdict::new(self.compared(runs, second), self.compared_by(), self.expect)
    }

    /// The first arm against another, which nothing is expected of.
    pub fn against(&self, runs: &[Ran], other: usize) -> Verdict {
        Verdict::new(self.compared(runs, Some(other)), self.compared_by(), Range::default())
    }

    /// An arm alone, which nothing is expected of.
    pub fn alone(&self, runs: &[Ran], arm: usize) -> Verdict {
        Verdict::new(self.values(runs, arm), None, Range::default())
    }

    /// What each change brought, where the arms are all combinations.
    pub fn shares(&self, runs: &[Ran]) -> Vec<Share> {
        let values: Vec<_> = (0..self.arms.len()).map(|arm| self.values(runs, arm)).collect();
        combinations::shares(&self.switches, &values)
    }

    /// What is measured, in a few words: `val loss`, `probability of "u" after "q"`.
    pub fn measured(&self) -> String {
        self.measure.to_string()
    }

    fn compared_by(&self) -> Option<Compare> {
        (self.arms.len() > 1).then_some(self.compare)
    }

    /// What was measured of an arm, by seed.
    pub fn values(&self, runs: &[Ran], arm: usize) -> Vec<Option<f64>> {
        let of = |seed: usize| runs.iter().find(|run| run.arm == arm && run.seed == seed);
        (0..self.seeds.len()).map(|seed| of(seed)?.value).collect()
    }

    fn compared(&self, runs: &[Ran], second: Option<usize>) -> Vec<Option<f64>> {
        let first = self.values(runs, 0);
        let Some(second) = second else { return first };
        let pairs = first.into_iter().zip(self.values(runs, second));
        pairs.map(|(first, second)| Some(self.compare.of(first?, second?))).collect()
    }

    fn prepare(&self, material: &Material) -> Result<Vec<Prepared>, ExperimentError> {
        if self.arms.is_empty() || self.seeds.is_empty() {
            return Err(ExperimentError::Empty);
        }
        let estimates = match &self.measure {
            Measure::MsPerStep => {
                return Err(ExperimentError::NoMeasure(
                    "ms_per_step is of time, which is another every time: measure the model, or time it with gpt-lab bench",
                ));
            }
            Measure::Ahead { .. } => {
                return Err(ExperimentError::NoMeasure(
                    "ahead is of the runs of a session: compare two arms by best_val_loss",
                ));
            }
            Measure::ValLoss | Measure::TrainLoss | Measure::Gap | Measure::Figure(_) => {
                Estimates::Last
            }
            Measure::BestValLoss | Measure::Recovered { .. } => Estimates::All,
            _ => Estimates::None,
        };
        let prepared = self.arms.iter().map(|(arm, config)| {
            let (mut config, arm) = (config.clone(), || arm.clone());
            let steps = self.steps(&config);
            if steps > LAST_STEP {
                return Err(ExperimentError::TooLong { arm: arm(), steps });
            }
            let material = if let Some(fork) = &self.from {
                let read = fork.allows(&config).and_then(|()| Ok(fork.material(material)?));
                // Where it was to end is still what its schedule knows, unless it goes further now.
                config.training.steps = steps.max(config.training.steps);
                read.map_err(|source| ExperimentError::Fork { arm: arm(), source: source.into() })?
            } else {
                config.training.steps = steps;
                material.read_for(&mut config).map_err(|source| {
                    let source = Box::new(MaterialError::from(source).into());
                    ExperimentError::Arm { arm: arm(), source }
                })?
            };
            let mut wanted = Subscription::default();
            let text = material.text.as_ref().filter(|_| config.task.reads_text());
            self.measure
                .wants(text.map(|text| &text.tokenizer), &mut wanted)
                .map_err(|source| ExperimentError::Measure { arm: arm(), source })?;
            // Whoever asks about a text of their own is not to be told of another.
            if let Measure::Reading(Reading { prompt, .. }) = &self.measure
                && !(prompt.is_empty() || config.task.reads_text())
            {
                let source = Impossible::Prompt(config.task.to_string());
                return Err(ExperimentError::Measure { arm: arm(), source });
            }
            let (from, measure) = (self.from.clone(), self.measure.clone());
            Ok(Prepared { config, material, from, steps, estimates, wanted, measure })
        });
        prepared.collect()
    }

    /// What counting reaches, where that is measured.
    fn references(&self, material: &Material) -> Vec<Reference> {
        let counted = matches!(self.measure, Measure::Counted(_));
        let text = material.text.as_ref().filter(|_| counted);
        text.map_or_else(Vec::new, |text| ngram::references(text, ngram::HIGHEST))
    }
}

#[cfg(test)]
mod tests;
