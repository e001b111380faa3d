//! The lab's last experiment: what has been told of it, as the screen has it.

use crate::lesson::progress::Key;
use crate::probe::Measured;
use crate::train::experiment::{Estimate, Experiment, Progress, Ran};

/// Of all the work; before it nobody knows how long the rest takes.
const KNOWN_FROM: f64 = 0.05;

/// Why it was asked for, with the name that whoever asked knows it by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Purpose {
    Claim(Key),
    Race(Key),
    Prediction(Key),
    /// The learner's own: the run on the screen against another value.
    FromHere,
}

/// What is told of an experiment, and of which: one that was cancelled may still have a word under way.
#[derive(Clone, Debug)]
pub struct Told {
    pub number: u64,
    pub news: News,
}

#[derive(Clone, Debug)]
pub enum News {
    Grew(Progress),
    /// All runs are at their ends.
    Ended,
    Cancelled,
    Failed(String),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum State {
    Running,
    Ended,
    Cancelled,
    /// And why.
    Failed(String),
}

/// One experiment.
#[derive(Clone, Debug)]
pub struct Shown {
    pub number: u64,
    pub experiment: Experiment,
    pub why: Purpose,
    pub state: State,
    /// Those that have ended, in the order of arms and seeds.
    pub runs: Vec<Ran>,
    /// By arm, by seed: how far it is, and what has been estimated.
    growing: Vec<Vec<Growing>>,
    /// Of all the work, from 0 to 1.
    pub done: f64,
    pub seconds_left: Option<f64>,
}

#[derive(Clone, Debug, Default)]
struct Growing {
    step: u64,
    steps: u64,
    loss: Option<f64>,
    curve: Vec<Estimate>,
    cloud: Option<Box<Measured>>,
}

/// An arm at one step, over the seeds that have come so far.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Band {
    pub step: u64,
    pub low: f64,
    pub mean: f64,
    pub high: f64,
    pub seeds: usize,
}

impl Shown {
    pub fn new(number: u64, experiment: Experiment, why: Purpose) -> Self {
        let growing = vec![vec![Growing::default(); experiment.seeds.len()]; experiment.arms.len()];
        Self {
            number,
            experiment,
            why,
            state: State::Running,
            runs: Vec::new(),
            growing,
            done: 0.0,
            seconds_left: None,
        }
    }

    /// Whether the curves are of what is measured, and not of a loss beside it.
    pub fn draws_the_measure(&self) -> bool {
        self.has_figures() || self.experiment.measure.is_a_loss()
    }

    /// Whether all its runs are at their ends.
    pub fn has_ended(&self) -> bool {
        self.state == State::Ended
    }

    pub fn is_running(&self) -> bool {
        self.state == State::Running
    }

    /// Takes in what is told of it.
    pub fn fold(&mut self, news: News) {
        match news {
            News::Grew(progress) => self.grew(progress),
            News::Ended => self.state = State::Ended,
            News::Cancelled => self.state = State::Cancelled,
            News::Failed(why) => self.state = State::Failed(why),
        }
        if !self.is_running() {
            self.seconds_left = None;
        }
    }

    fn grew(&mut self, progress: Progress) {
        let Progress { arm, seed, step, steps, loss, estimates, cloud, ended, done, seconds_left } =
            progress;
        let Some(run) = self.growing.get_mut(arm).and_then(|arm| arm.get_mut(seed)) else { return };
        (run.step, run.steps) = (step, steps);
        run.loss = loss.or(run.loss);
        run.cloud = cloud.or(run.cloud.take());
        run.curve.extend(estimates);
        if let Some(ended) = ended {
            let key = |run: &Ran| (run.arm, run.seed);
            let at = self.runs.partition_point(|known| key(known) < key(&ended));
            self.runs.insert(at, ended);
        }
        (self.done, self.seconds_left) = (done, seconds_left.filter(|_| done >= KNOWN_FROM));
    }

    /// The figure that is measured as of an arm's last estimates, the mean of its runs; `None` where estimates have none.
    pub fn figure(&self, arm: usize) -> Option<f64> {
        let runs = self.growing.get(arm)?.iter();
        let figures: Vec<f64> = runs.filter_map(|run| run.curve.last()?.figure).collect();
        (!figures.is_empty()).then(|| figures.iter().sum::<f64>() / figures.len() as f64)
    }

    /// What curves are of: the figure that is measured, where estimates have it, else the validation loss.
    pub fn curves_are_of(&self) -> String {
        if self.has_figures() { self.experiment.measured() } else { "val loss".to_owned() }
    }

    fn has_figures(&self) -> bool {
        self.growing.iter().flatten().flat_map(|run| &run.curve).any(|e| e.figure.is_some())
    }

    /// What an arm's curve is of, at every step that a seed has an estimate of.
    pub fn band(&self, arm: usize) -> Vec<Band> {
        let runs = self.growing.get(arm).map_or(&[][..], |runs| runs);
        let figures = self.has_figures();
        let value = |e: &Estimate| if figures { e.figure } else { Some(e.val_loss) };
        let estimates = runs.iter().flat_map(|run| &run.curve);
        let mut steps: Vec<u64> =
            estimates.filter(|e| value(e).is_some()).map(|e| e.step).collect();
        steps.sort_unstable();
        steps.dedup();
        let at = |step: u64| {
            let of = |run: &Growing| run.curve.iter().find(|e| e.step == step).and_then(value);
            let values: Vec<f64> = runs.iter().filter_map(of).collect();
            Band {
                step,
                low: values.iter().copied().fold(f64::INFINITY, f64::min),
                mean: values.iter().sum::<f64>() / values.len() as f64,
                high: values.iter().copied().fold(f64::NEG_INFINITY, f64::max),
                seeds: values.len(),
            }
        };
        steps.into_iter().map(at).collect()
    }

    /// Where an arm's runs are: the step of the one furthest behind, and the last step of all.
    pub fn steps(&self, arm: usize) -> (u64, u64) {
        let runs = self.growing.get(arm).map_or(&[][..], |runs| runs);
        let least = runs.iter().map(|run| run.step).min().unwrap_or(0);
        (
            least,
            self.experiment.arms.get(arm).map_or(0, |(_, config)| self.experiment.steps(config)),
        )
    }

    /// The mean of the latest batch losses of an arm's runs.
    pub fn batch_loss(&self, arm: usize) -> Option<f64> {
        let runs = self.growing.get(arm)?.iter();
        let losses: Vec<f64> = runs.filter_map(|run| run.loss).collect();
        (!losses.is_empty()).then(|| losses.iter().sum::<f64>() / losses.len() as f64)
    }

    /// The points that an arm's first run makes, beside real ones, as of its last estimate; `None` where it makes none.
    pub fn cloud(&self, arm: usize) -> Option<&Measured> {
        self.growing.get(arm)?.first()?.cloud.as_deref()
    }

    /// Runs that have diverged.
    pub fn diverged(&self, arm: usize) -> usize {
        self.runs.iter().filter(|run| run.arm == arm && run.diverged).count()
    }
}

#[cfg(test)]
pub mod testing {
    use std::sync::atomic::AtomicBool;

    use super::*;
    use crate::train::experiment::{Budget, Compare};
    use crate::train::measure::{Measure, Range};
    use crate::train::testing;

    /// Two arms of bigrams, one with a learning rate three times the other's.
    pub fn experiment() -> Experiment {
        let slow = testing::config();
        let mut quick = slow.clone();
        quick.training.lr = 0.3;
        Experiment {
            arms: vec![("lr 0.1".to_owned(), slow), ("lr 0.3".to_owned(), quick)],
            seeds: vec![1, 2, 3],
            from: None,
            budget: Budget::Steps(40),
            measure: Measure::ValLoss,
            compare: Compare::Difference,
            expect: Range { above: Some(0.0), below: None },
            switches: Vec::new(),
            watched: true,
        }
    }

    /// What is really told of it.
    ///
    /// # Panics
    /// If it cannot be run.
    pub fn told(experiment: &Experiment) -> Vec<Progress> {
        let mut told = Vec::new();
        let (material, never) = (testing::dataset().into(), AtomicBool::new(false));
        experiment.run(&material, 2, &never, &mut |progress| told.push(progress)).unwrap();
        told
    }

    /// An experiment that has ended.
    pub fn shown(experiment: Experiment) -> Shown {
        let told = told(&experiment);
        let mut shown = Shown::new(1, experiment, Purpose::Claim(Key::default()));
        for progress in told {
            shown.fold(News::Grew(progress));
        }
        shown.fold(News::Ended);
        shown
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::train::experiment::Estimate;

    #[test]
    fn what_is_told_adds_up_to_the_experiment() {
        let experiment = testing::experiment();
        let shown = testing::shown(experiment.clone());
        assert_eq!((shown.state.clone(), shown.done, shown.runs.len()), (State::Ended, 1.0, 6));
        let places: Vec<_> = shown.runs.iter().map(|run| (run.arm, run.seed)).collect();
        assert!(places.is_sorted());
        assert_eq!((shown.steps(0), shown.steps(1)), ((40, 40), (40, 40)));
        for arm in 0..2 {
            let band = shown.band(arm);
            assert_eq!(band.len(), 21);
            for (i, band) in band.iter().enumerate() {
                let of = |run: &&Ran| run.arm == arm;
                let at = |run: &Ran| -> Estimate { run.curve[i] };
                let all: Vec<_> = shown.runs.iter().filter(of).map(at).collect();
                assert!(all.iter().all(|estimate| estimate.step == band.step));
                let losses = || all.iter().map(|estimate| estimate.val_loss);
                assert_eq!(band.low, losses().fold(f64::INFINITY, f64::min));
                assert_eq!(band.high, losses().fold(0.0, f64::max));
                assert!((band.mean - losses().sum::<f64>() / 3.0).abs() < 1e-12);
                assert_eq!(band.seeds, 3);
            }
        }
        let said = experiment.verdict(&shown.runs);
        assert_eq!(said.holds, Some(true), "{said}");
        assert!(shown.batch_loss(0).is_some() && shown.diverged(0) == 0);
    }
}
