//! The threads that the lab's experiments run on, beside the trainer: one experiment at a time.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::channel;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use super::experiment::{News, Told};
use crate::text::shown;
use crate::train::Material;
use crate::train::experiment::{Experiment, ExperimentError};

/// Whether whoever listens is still there.
type Tell = Arc<dyn Fn(Told) -> bool + Send + Sync>;

/// Runs what it is asked to. Dropping it, or asking for another, ends what is under way.
pub struct Experimenter {
    material: Material,
    threads: usize,
    tell: Tell,
    cancel: Arc<AtomicBool>,
    /// Of the one under way, and of those that were cancelled and are in their last slices.
    working: Vec<JoinHandle<()>>,
}

impl Experimenter {
    pub fn new(
        material: impl Into<Material>,
        threads: usize,
        tell: impl Fn(Told) -> bool + Send + Sync + 'static,
    ) -> Self {
        let (material, tell) = (material.into(), Arc::new(tell));
        Self { material, threads, tell, cancel: Arc::default(), working: Vec::new() }
    }

    /// Begins an experiment; all that is told of it has this number.
    pub fn begin(&mut self, number: u64, experiment: Experiment) {
        self.cancel();
        self.cancel = Arc::default();
        let (material, threads) = (self.material.clone(), self.threads);
        let (tell, cancel) = (Arc::clone(&self.tell), Arc::clone(&self.cancel));
        let work = move || {
            let mut observe = |progress| {
                if !tell(Told { number, news: News::Grew(progress) }) {
                    cancel.store(true, Ordering::Relaxed);
                }
            };
            let news = match experiment.run(&material, threads, &cancel, &mut observe) {
                Ok(_) => News::Ended,
                Err(ExperimentError::Cancelled) => News::Cancelled,
                Err(error) => News::Failed(shown::chain(&error)),
            };
            tell(Told { number, news });
        };
        self.working.retain(|thread| !thread.is_finished());
        match thread::Builder::new().name("experiment".to_owned()).spawn(work) {
            Ok(thread) => self.working.push(thread),
            Err(error) => {
                let news = News::Failed(format!("no thread could be started: {error}"));
                // On this thread nobody takes in what is told.
                let tell = Arc::clone(&self.tell);
                thread::spawn(move || tell(Told { number, news }));
            }
        }
    }

    /// Ends what is under way at the next slices' ends.
    pub fn cancel(&self) {
        self.cancel.store(true, Ordering::Relaxed);
    }

    /// Ends what is under way and waits for it, at most this long; whether it has ended.
    pub fn end(mut self, patience: Duration) -> bool {
        self.cancel();
        let working = std::mem::take(&mut self.working);
        if working.is_empty() {
            return true;
        }
        let (done, ended) = channel();
        thread::spawn(move || {
            for thread in working {
                // One that panicked has ended as well.
                _ = thread.join();
            }
            _ = done.send(());
        });
        ended.recv_timeout(patience).is_ok()
    }
}

impl Drop for Experimenter {
    fn drop(&mut self) {
        self.cancel();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lab::experiment::{Purpose, Shown, State, testing};
    use crate::train::experiment::Budget;

    #[test]
    fn an_experiment_is_told_of_to_its_end_and_a_cancelled_one_stops() {
        let (sender, told) = channel();
        let mut experimenter =
            Experimenter::new(crate::train::testing::dataset(), 2, move |told| {
                sender.send(told).is_ok()
            });
        let mut endless = testing::experiment();
        endless.budget = Budget::Steps(1_000_000);
        experimenter.begin(1, endless);
        let experiment = testing::experiment();
        let mut shown = Shown::new(2, experiment.clone(), Purpose::Race(Default::default()));
        let first = told.recv().unwrap();
        assert!(first.number == 1 && matches!(first.news, News::Grew(_)));
        experimenter.begin(2, experiment.clone());
        let mut cancelled = false;
        for Told { number, news } in &told {
            if number == 2 {
                shown.fold(news);
            } else {
                cancelled |= matches!(news, News::Cancelled);
            }
            if cancelled && !shown.is_running() {
                break;
            }
        }
        assert_eq!((shown.state.clone(), shown.runs.len()), (State::Ended, 6));
        assert_eq!(shown.runs, testing::shown(experiment).runs);
        let mut broken = testing::experiment();
        broken.seeds.clear();
        experimenter.begin(3, broken);
        let last = told.recv().unwrap();
        assert!(matches!(last.news, News::Failed(why) if why.contains("a seed")));
    }

    #[test]
    fn leaving_waits_for_the_slices_under_way_and_no_longer() {
        let (sender, told) = channel();
        let dataset = crate::train::testing::dataset();
        let mut experimenter = Experimenter::new(dataset, 2, move |told| sender.send(told).is_ok());
        let mut endless = testing::experiment();
        endless.budget = Budget::Steps(1_000_000_000);
        experimenter.begin(1, endless);
        assert!(matches!(told.recv().unwrap().news, News::Grew(_)));
        assert!(experimenter.end(Duration::from_secs(60)), "it goes on");
        // Whoever told is gone, and cancelled was the last word.
        let last = told.into_iter().last();
        assert!(matches!(last, Some(Told { number: 1, news: News::Cancelled })), "{last:?}");
        let idle = Experimenter::new(crate::train::testing::dataset(), 2, |_| true);
        assert!(idle.end(Duration::ZERO));
    }
}
