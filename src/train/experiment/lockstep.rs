//! The threads of an experiment. Each takes the run that is furthest behind, takes it a slice further and puts it back, so that
//! all runs grow together, however many threads there are.

use std::any::Any;
use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Sender, channel};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;

use super::run::{Grown, Run};
use super::{Experiment, ExperimentError, Prepared, Progress, Ran};
use crate::text::ngram::Reference;
use crate::train::memory;
use crate::train::session::Session;
use crate::train::team::Team;

/// No more runs than this are open at once, each with a thread that sleeps; the rest begin when others have ended.
const MOST_OPEN: usize = 64;

/// Who waits for what.
struct Queue {
    /// Not begun: arm and seed, the arms of a seed together.
    waiting: VecDeque<(usize, usize)>,
    /// Begun, and nobody's turn.
    ready: Vec<Run>,
    /// Begun and not ended.
    open: usize,
    most: usize,
}

enum Turn {
    Begin(usize, usize),
    GoOn(Box<Run>),
}

impl Queue {
    /// Whose turn it is. `None`: whoever holds a run goes on with it.
    fn turn(&mut self) -> Option<Turn> {
        if self.open < self.most
            && let Some((arm, seed)) = self.waiting.pop_front()
        {
            self.open += 1;
            return Some(Turn::Begin(arm, seed));
        }
        let behind = |a: &(usize, &Run), b: &(usize, &Run)| a.1.done().total_cmp(&b.1.done());
        let (at, _) = self.ready.iter().enumerate().min_by(behind)?;
        Some(Turn::GoOn(Box::new(self.ready.swap_remove(at))))
    }
}

struct Told {
    arm: usize,
    seed: usize,
    grown: Grown,
}

/// What all threads share.
struct Shared<'a> {
    experiment: &'a Experiment,
    prepared: &'a [Prepared],
    references: &'a [Reference],
    queue: Mutex<Queue>,
    cancel: &'a AtomicBool,
    /// One of the runs cannot go on.
    broken: AtomicBool,
}

pub(super) fn run(
    experiment: &Experiment,
    prepared: &[Prepared],
    references: &[Reference],
    threads: usize,
    cancel: &AtomicBool,
    observe: &mut dyn FnMut(Progress),
) -> Result<Vec<Ran>, ExperimentError> {
    let (arms, seeds) = (prepared.len(), experiment.seeds.len());
    let waiting: VecDeque<_> =
        (0..seeds).flat_map(|seed| (0..arms).map(move |arm| (arm, seed))).collect();
    let all = waiting.len();
    if threads == 0 {
        return Err(ExperimentError::Empty);
    }
    let most = open_at_once(experiment, prepared, all)?;
    let shared = Shared {
        experiment,
        prepared,
        references,
        queue: Mutex::new(Queue { waiting, ready: Vec::new(), open: 0, most }),
        cancel,
        broken: AtomicBool::new(false),
    };
    let mut clock = Clock::new(arms, seeds, threads.min(most));
    let mut ended = Vec::with_capacity(all);
    let mut failure = None;
    let (news, told) = channel();
    thread::scope(|scope| {
        for i in 0..threads.min(all) {
            let (news, shared) = (news.clone(), &shared);
            let work = move || shared.work(&news);
            let started =
                thread::Builder::new().name(format!("lockstep-{i}")).spawn_scoped(scope, work);
            // One is enough.
            if started.is_err() && i == 0 {
                failure = Some(ExperimentError::Failed {
                    arm: experiment.arms[0].0.clone(),
                    message: "no thread could be started".to_owned(),
                });
            }
        }
        drop(news);
        for news in told {
            match news {
                Ok(Told { arm, seed, grown }) => {
                    clock.tick(arm, seed, &grown);
                    let Grown { step, steps, loss, estimates, cloud, ended: end, .. } = grown;
                    ended.extend(end.clone());
                    let (done, seconds_left) = (clock.done(), clock.seconds_left());
                    observe(Progress {
                        arm,
                        seed,
                        step,
                        steps,
                        loss,
                        estimates,
                        cloud,
                        ended: end,
                        done,
                        seconds_left,
                    });
                }
                Err(error) => failure = failure.take().or(Some(error)),
            }
        }
    });
    if let Some(failure) = failure {
        return Err(failure);
    }
    if ended.len() < all {
        return Err(ExperimentError::Cancelled);
    }
    ended.sort_by_key(|run: &Ran| (run.arm, run.seed));
    Ok(ended)
}

/// How many runs memory holds at once.
fn open_at_once(
    experiment: &Experiment,
    prepared: &[Prepared],
    all: usize,
) -> Result<usize, ExperimentError> {
    let team = Team::named("experiment", 1)?;
    let mut largest = 0;
    for (arm, (label, _)) in prepared.iter().zip(&experiment.arms) {
        let refused =
            |source| ExperimentError::Arm { arm: label.clone(), source: Box::new(source) };
        let bytes = Session::bytes(&arm.config, arm.material.clone(), &team).map_err(refused)?;
        memory::require(bytes).map_err(|error| refused(error.into()))?;
        largest = largest.max(bytes);
    }
    let fits = |runs: &usize| memory::require(largest.saturating_mul(*runs as u64)).is_ok();
    Ok((1..=MOST_OPEN.min(all)).rev().find(fits).unwrap_or(1))
}

impl Shared<'_> {
    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What one thread does, until there is no turn for it.
    fn work(&self, news: &Sender<Result<Told, ExperimentError>>) {
        while !self.cancel.load(Ordering::Relaxed) && !self.broken.load(Ordering::Relaxed) {
            let Some(turn) = self.queue().turn() else { return };
            let said = match turn {
                Turn::Begin(arm, seed) => self.begin(arm, seed),
                Turn::GoOn(run) => Ok(run),
            };
            let said = said.and_then(|run| self.go_on(run));
            if said.is_err() {
                self.broken.store(true, Ordering::Relaxed);
            }
            if news.send(said).is_err() {
                return;
            }
        }
    }

    fn begin(&self, arm: usize, seed: usize) -> Result<Box<Run>, ExperimentError> {
        let Experiment { arms, seeds, watched, .. } = self.experiment;
        let label = (arm, arms[arm].0.as_str());
        Run::open(label, (seed, seeds[seed]), &self.prepared[arm], *watched).map(Box::new)
    }

    fn go_on(&self, mut run: Box<Run>) -> Result<Told, ExperimentError> {
        let (arm, seed) = (run.arm, run.seed);
        let measure = &self.experiment.measure;
        let slice = || run.advance(measure, &self.prepared[arm], self.references);
        let grown = catch_unwind(AssertUnwindSafe(slice)).map_err(|panic| {
            let arm = self.experiment.arms[arm].0.clone();
            ExperimentError::Failed { arm, message: message(&*panic) }
        })?;
        if grown.ended.is_some() {
            drop(run);
            self.queue().open -= 1;
        } else {
            self.queue().ready.push(*run);
        }
        Ok(Told { arm, seed, grown })
    }
}

fn message(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_default()
}

/// How far all runs are, and how long the rest will take.
struct Clock {
    /// By arm, by seed: from 0 to 1.
    done: Vec<Vec<f64>>,
    /// At work on each arm.
    seconds: Vec<f64>,
    threads: usize,
}

impl Clock {
    fn new(arms: usize, seeds: usize, threads: usize) -> Self {
        Self { done: vec![vec![0.0; seeds]; arms], seconds: vec![0.0; arms], threads }
    }

    fn tick(&mut self, arm: usize, seed: usize, grown: &Grown) {
        self.done[arm][seed] = grown.done;
        self.seconds[arm] += grown.seconds;
    }

    fn done(&self) -> f64 {
        let all: Vec<f64> = self.done.iter().flatten().copied().collect();
        all.iter().sum::<f64>() / all.len() as f64
    }

    /// Every arm goes on as fast as it was; `None` before all have begun.
    fn seconds_left(&self) -> Option<f64> {
        let mut left = 0.0;
        for (done, seconds) in self.done.iter().zip(&self.seconds) {
            let runs = done.iter().sum::<f64>();
            if runs == 0.0 {
                return None;
            }
            left += seconds / runs * (done.len() as f64 - runs);
        }
        let running = self.done.iter().flatten().filter(|done| **done < 1.0).count();
        Some(left / self.threads.min(running).max(1) as f64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grown(done: f64, seconds: f64) -> Grown {
        Grown {
            step: 0,
            steps: 0,
            loss: None,
            estimates: Vec::new(),
            cloud: None,
            ended: None,
            done,
            seconds,
        }
    }

    #[test]
    fn the_rest_takes_as_long_as_each_arm_took_so_far() {
        let mut clock = Clock::new(2, 2, 2);
        clock.tick(0, 0, &grown(0.5, 1.0));
        assert_eq!((clock.done(), clock.seconds_left()), (0.125, None));
        clock.tick(1, 0, &grown(0.25, 2.0));
        // Arm 0 takes 2 s a run and has 1.5 to go, arm 1 takes 8 s and has 1.75: 17 s of work for two threads.
        assert_eq!((clock.done(), clock.seconds_left()), (0.1875, Some(8.5)));
        for (arm, seed) in [(0, 0), (0, 1), (1, 0)] {
            clock.tick(arm, seed, &grown(1.0, 1.0));
        }
        assert!(clock.seconds_left().is_some_and(|left| left > 0.0));
        clock.tick(1, 1, &grown(1.0, 1.0));
        assert_eq!((clock.done(), clock.seconds_left()), (1.0, Some(0.0)));
    }
}
