//! One run of an experiment: a session that goes forward in slices, and what is known of it.

use std::time::{Duration, Instant};

use super::{Estimate, Estimates, ExperimentError, Prepared, Ran};
use crate::probe::{Arguments, Measured, cloud};
use crate::text::ngram::Reference;
use crate::train::event::{Evaluation, Event, RunId, StepReport};
use crate::train::measure::{Evidence, Impossible, Measure};
use crate::train::observed::{Observed, Status};
use crate::train::session::{Estimation, Session};
use crate::train::team::Team;

/// A run goes on for this long before another has its turn: so short that all seem to grow together, so long that handing
/// over costs nothing.
const SLICE: Duration = Duration::from_millis(25);
/// A curve has an estimate at the start, and at so many equal parts of the run.
const POINTS: u64 = 20;
/// A watched curve is estimated over this part of the batches, so that all of it costs about one whole estimate.
const WATCHED: usize = 20;
/// What a step costs, in batches that are only estimated: forward and backward.
const STEP_COSTS: u64 = 3;
/// Points that a watched run is seen by.
const CLOUD: usize = 64;

pub(super) struct Run {
    pub arm: usize,
    pub seed: usize,
    session: Session,
    /// What a measure is read off: of the estimates only those that it asks for.
    observed: Observed,
    /// It began after this step,
    first: u64,
    /// and ends after that one.
    steps: u64,
    estimates: Estimates,
    watched: bool,
    estimating: Option<Under>,
    /// The step of the last estimate.
    estimated: Option<u64>,
    curve: Vec<Estimate>,
    /// As of the last estimate, until it was told.
    cloud: Option<Box<Measured>>,
    last: Option<Evaluation>,
    /// Batches that went through it, and that will have: how far it is.
    work: u64,
    all_work: u64,
}

/// An estimate under way.
struct Under {
    estimation: Estimation,
    batches: u64,
    /// Whether a measure may read it: over all batches.
    whole: bool,
}

/// What a slice brought.
pub(super) struct Grown {
    pub step: u64,
    pub steps: u64,
    pub loss: Option<f64>,
    pub estimates: Vec<Estimate>,
    pub cloud: Option<Box<Measured>>,
    pub ended: Option<Ran>,
    /// Of this run, from 0 to 1.
    pub done: f64,
    pub seconds: f64,
}

impl Run {
    /// Opens the run of an arm and a seed, on a thread of its own.
    pub fn open(
        (arm, label): (usize, &str),
        (seed, number): (usize, u64),
        prepared: &Prepared,
        watched: bool,
    ) -> Result<Self, ExperimentError> {
        let mut config = prepared.config.clone();
        config.seed = number;
        let team = Team::named("experiment", 1)?;
        let (arm_of, material) = (|| label.to_owned(), prepared.material.clone());
        let mut session = match &prepared.from {
            None => Session::with_team(config, material, &team)
                .map_err(|source| ExperimentError::Arm { arm: arm_of(), source: source.into() })?,
            Some(fork) => Session::fork(fork, &config, material, &team)
                .map_err(|source| ExperimentError::Fork { arm: arm_of(), source: source.into() })?,
        };
        // What cannot be read is said before anything is trained.
        if seed == 0 && matches!(prepared.measure, Measure::Reading(_)) {
            for (name, told) in &prepared.wanted.instruments {
                let found = session.measure(name, told).map_err(Impossible::from);
                let has = found.and_then(|found| prepared.measure.is_in(&found.reading));
                has.map_err(|source| ExperimentError::Measure { arm: arm_of(), source })?;
            }
        }
        let first = session.step_count();
        let observed = Observed {
            card: Some(session.card().clone()),
            parameters: session.weights().len(),
            threads: 1,
            step: first,
            history: session.history().clone(),
            status: Status::Training,
            ..Observed::opening(RunId::FIRST, session.config().clone())
        };
        let mut run = Self {
            arm,
            seed,
            session,
            observed,
            first,
            steps: prepared.steps,
            estimates: prepared.estimates,
            watched,
            estimating: None,
            estimated: None,
            curve: Vec::new(),
            cloud: None,
            last: None,
            work: 0,
            all_work: 0,
        };
        let batches = (0..=POINTS).filter_map(|i| run.batches(run.point(i)));
        run.all_work = (run.steps - first) * STEP_COSTS + batches.sum::<usize>() as u64 * 2;
        Ok(run)
    }

    /// How far it is, from 0 to 1.
    pub fn done(&self) -> f64 {
        if self.all_work == 0 { 1.0 } else { self.work as f64 / self.all_work as f64 }
    }

    /// Where the i-th of the equal parts of the run ends.
    fn point(&self, i: u64) -> u64 {
        let all = u128::from(self.steps - self.first);
        self.first + (all * u128::from(i) / u128::from(POINTS)) as u64
    }

    /// Of an estimate that is due after `step` steps; `None` where none is.
    fn batches(&self, step: u64) -> Option<usize> {
        let all = self.session.config().training.eval_batches;
        // A run that makes no step has no curve.
        let watched = self.watched && self.steps > self.first;
        let wanted = watched || self.estimates != Estimates::None;
        if !wanted || !(0..=POINTS).any(|i| self.point(i) == step) {
            None
        } else if step == self.steps || self.estimates == Estimates::All {
            Some(all)
        } else {
            self.watched.then(|| (all / WATCHED).max(1))
        }
    }

    /// Goes on for a slice.
    pub fn advance(
        &mut self,
        measure: &Measure,
        prepared: &Prepared,
        references: &[Reference],
    ) -> Grown {
        let team = self.session.team().clone();
        team.run(|| self.slice(measure, prepared, references))
    }

    fn slice(&mut self, measure: &Measure, prepared: &Prepared, references: &[Reference]) -> Grown {
        let begun = Instant::now();
        let mut reports: Vec<StepReport> = Vec::new();
        let known = self.curve.len();
        let mut losses = (0.0, 0_u32);
        let mut ended = false;
        while !ended && begun.elapsed() < SLICE {
            if self.estimating.is_some() {
                // What is estimated is known after all steps before it.
                self.fold(&mut reports, begun);
                self.estimate(measure);
                continue;
            }
            let step = self.session.step_count();
            if self.estimated != Some(step)
                && let Some(batches) = self.batches(step)
            {
                let whole = step == self.steps || self.estimates == Estimates::All;
                let estimation = self.session.estimate_over(batches);
                self.estimating = Some(Under { estimation, batches: batches as u64, whole });
            } else if step >= self.steps {
                ended = true;
            } else {
                match self.session.step() {
                    Ok(report) => {
                        losses = (losses.0 + report.loss, losses.1 + 1);
                        self.work += STEP_COSTS;
                        reports.push(report);
                    }
                    Err(diverged) => {
                        self.fold(&mut reports, begun);
                        self.observed.fold(&Event::Diverged { step: diverged.step });
                        ended = true;
                    }
                }
            }
        }
        self.fold(&mut reports, begun);
        let ended = ended.then(|| self.end(measure, prepared, references));
        Grown {
            step: self.session.step_count(),
            steps: self.steps,
            loss: (losses.1 > 0).then(|| losses.0 / f64::from(losses.1)),
            estimates: self.curve[known..].to_vec(),
            cloud: self.cloud.take(),
            done: if ended.is_some() { 1.0 } else { self.done() },
            ended,
            seconds: begun.elapsed().as_secs_f64(),
        }
    }

    fn fold(&mut self, reports: &mut Vec<StepReport>, begun: Instant) {
        if !reports.is_empty() {
            let reports = std::mem::take(reports);
            self.observed.fold(&Event::Steps { reports, seconds: begun.elapsed().as_secs_f64() });
        }
    }

    /// A slice of the estimate under way.
    fn estimate(&mut self, measure: &Measure) {
        let Some(under) = &mut self.estimating else { return };
        let Some(evaluation) = self.session.advance(&mut under.estimation) else { return };
        self.work += under.batches * 2;
        if self.watched && self.session.model().noise() > 0 {
            // Where what it makes is no cloud of points, there is none.
            let told = Arguments { examples: CLOUD, ..Arguments::default() };
            self.cloud = self.session.measure(cloud::INSTRUMENT.name, &told).ok().map(Box::new);
        }
        self.estimated = Some(evaluation.step);
        if evaluation.val_loss.is_finite() {
            let figure = match measure {
                Measure::Figure(name) => evaluation.figure(name).filter(|value| value.is_finite()),
                _ => None,
            };
            let Evaluation { step, val_loss, .. } = evaluation;
            self.curve.push(Estimate { step, val_loss, figure });
        }
        if under.whole {
            self.observed.fold(&Event::Evaluated(evaluation.clone()));
            self.last = Some(evaluation);
        }
        self.estimating = None;
    }

    fn end(&mut self, measure: &Measure, prepared: &Prepared, references: &[Reference]) -> Ran {
        let step = self.session.step_count();
        let diverged = matches!(self.observed.status, Status::Diverged(_));
        let at_end = self.last.as_ref().filter(|last| !diverged && last.step == step);
        let finite = |loss: f64| Some(loss).filter(|loss| loss.is_finite());
        let (train_loss, val_loss) = (
            at_end.and_then(|last| finite(last.train_loss)),
            at_end.and_then(|last| finite(last.val_loss)),
        );
        Ran {
            arm: self.arm,
            seed: self.seed,
            step,
            diverged,
            train_loss,
            val_loss,
            value: self.value(measure, prepared, references, diverged),
            curve: self.curve.clone(),
        }
    }

    fn value(
        &mut self,
        measure: &Measure,
        prepared: &Prepared,
        references: &[Reference],
        diverged: bool,
    ) -> Option<f64> {
        if diverged && !outlives(measure) {
            return None;
        }
        let snapshot = self.session.snapshot(&prepared.wanted);
        let evidence = Evidence {
            observed: &self.observed,
            snapshot: Some(&snapshot),
            tokenizer: self.session.tokenizer(),
            references,
            others: &[],
        };
        measure.of(&evidence).filter(|value| value.is_finite())
    }
}

/// Whether a run that diverged has such a number all the same: nothing of its end, only what it is and what happened to it.
fn outlives(measure: &Measure) -> bool {
    matches!(
        measure,
        Measure::Diverged
            | Measure::Recovered { .. }
            | Measure::FirstLoss
            | Measure::Step
            | Measure::Tokens
            | Measure::Parameters
            | Measure::Edits(_)
            | Measure::Hyperparameter(_)
            | Measure::Counted(_)
            | Measure::Vocabulary
    )
}
