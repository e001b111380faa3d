//! What an observer knows of a run: a fold over the events that are told of it.

use std::sync::Arc;

use super::event::{Event, RunId};
use super::history::History;
use super::report::{Evaluation, StepReport};
use crate::model::card::{Better, Figure};
use crate::model::{Card, Form};
use crate::stage::config::Config;
use crate::stage::hyperparameter::hyperparameter;

/// Seconds of training that the speed is averaged over, about.
const SMOOTHED_OVER: f64 = 0.5;

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Status {
    /// Asked for; the trainer has not opened it yet.
    Opening,
    Training,
    Paused,
    /// Reached its last step.
    Finished,
    /// The loss or the gradient is no longer finite, from this step on.
    Diverged(u64),
    /// The trainer panicked; it is paused at its last good state.
    Failed(String),
}

/// How fast it trains, smoothed; zeros until it has stepped.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Speed {
    pub steps_per_second: f64,
    /// Examples, where these are no tokens.
    pub tokens_per_second: f64,
    pub gflops: f64,
}

/// One run, as far as it has been told of.
#[derive(Clone, Debug)]
pub struct Observed {
    pub id: RunId,
    pub config: Config,
    /// Numbers in the arena.
    pub parameters: usize,
    pub threads: usize,
    pub operations_per_token: f64,
    /// What the model says of itself; `None` until the trainer has opened it.
    pub card: Option<Arc<Card>>,
    /// Steps done.
    pub step: u64,
    /// Batch losses, edits and all evaluations; a session keeps the regular ones.
    pub history: History,
    pub status: Status,
    /// The last step's report: its batch loss, learning rate and gradient norm.
    pub last: Option<StepReport>,
    pub speed: Speed,
}

impl Observed {
    /// One that was asked for: of it only the configuration is known.
    pub fn opening(id: RunId, config: Config) -> Self {
        Self {
            id,
            config,
            parameters: 0,
            threads: 0,
            operations_per_token: 0.0,
            card: None,
            step: 0,
            history: History::default(),
            status: Status::Opening,
            last: None,
            speed: Speed::default(),
        }
    }

    /// Whether a hyperparameter was changed before a step that it has come to.
    pub fn was_changed_on_the_way_to(&self, step: u64) -> bool {
        self.step >= step && self.history.edits.iter().any(|edit| edit.step < step)
    }

    /// As it was known at an earlier step, with the first estimate that was made then or later. Points of the curve are kept.
    #[must_use]
    pub fn as_of(&self, step: u64) -> Self {
        let mut then = self.clone();
        if step < self.step {
            then.step = step;
            then.last = None;
            let kept = then.history.evaluations.partition_point(|made| made.step < step) + 1;
            then.history.evaluations.truncate(kept);
        }
        then
    }

    /// Takes in what is told of the run. What is told of another is for the caller to keep away.
    pub fn fold(&mut self, event: &Event) {
        match event {
            Event::Opened {
                config,
                step,
                parameters,
                threads,
                operations_per_token,
                card,
                history,
                ..
            } => {
                *self = Self {
                    parameters: *parameters,
                    threads: *threads,
                    operations_per_token: *operations_per_token,
                    card: Some(card.clone()),
                    step: *step,
                    history: (**history).clone(),
                    status: Status::Paused,
                    ..Self::opening(self.id, (**config).clone())
                };
            }
            Event::NotOpened { why } => self.status = Status::Failed(why.clone()),
            Event::Steps { reports, seconds } => self.stepped(reports, *seconds),
            Event::Evaluated(evaluation) => self.history.evaluated(evaluation.clone()),
            Event::Applied(edit) => {
                let set = hyperparameter(edit.name).map(|h| h.set(&mut self.config, edit.new));
                if edit.old != edit.new && set.is_some_and(|set| set.is_ok()) {
                    self.history.edited(edit);
                }
            }
            Event::Extended { steps } => self.config.training.steps = *steps,
            Event::Running => self.status = Status::Training,
            Event::Paused => self.status = Status::Paused,
            Event::Finished { .. } => self.status = Status::Finished,
            Event::Diverged { step } => self.status = Status::Diverged(*step),
            Event::Failed { message } => self.status = Status::Failed(message.clone()),
            Event::Stopped => self.status = Status::Failed("the trainer has stopped".to_owned()),
            Event::Measured(_)
            | Event::Forked(_)
            | Event::PeakRate(_)
            | Event::Refused { .. }
            | Event::Saved { .. }
            | Event::Kept { .. }
            | Event::SavedAll => {}
        }
    }

    fn stepped(&mut self, reports: &[StepReport], seconds: f64) {
        for report in reports {
            self.history.push(report);
        }
        if let Some(last) = reports.last() {
            self.step = last.step;
            self.last = Some(*last);
        }
        if seconds > 0.0 && !reports.is_empty() {
            let now = reports.len() as f64 / seconds;
            let old = self.speed.steps_per_second;
            let weight = 1.0 - (-seconds / SMOOTHED_OVER).exp();
            let rate = if old > 0.0 { old + (now - old) * weight } else { now };
            let examples = rate * self.config.training.batch_size as f64;
            let tokens = examples * self.tokens() as f64;
            self.speed = Speed {
                steps_per_second: rate,
                tokens_per_second: tokens,
                gflops: tokens * self.operations_per_token / 1e9,
            };
        }
    }

    pub fn stage(&self) -> &str {
        &self.config.stage
    }

    /// Whether its examples are tokens, rather than images or points.
    pub fn has_tokens(&self) -> bool {
        !matches!(self.config.task.task.form(), Form::Image | Form::Point)
    }

    /// What the loss is split into.
    pub fn parts(&self) -> &'static [Figure] {
        self.card.as_ref().map_or(&[], |card| card.parts)
    }

    /// Tokens of an example, or 1 where there are none.
    fn tokens(&self) -> usize {
        if self.has_tokens() { self.config.model.block_size } else { 1 }
    }

    /// Tokens (or examples, where there are none) that its steps have read, at the sizes it has now.
    pub fn tokens_read(&self) -> f64 {
        self.step as f64 * self.config.training.batch_size as f64 * self.tokens() as f64
    }

    /// The last loss estimate.
    pub fn evaluation(&self) -> Option<&Evaluation> {
        self.history.evaluations.last()
    }

    /// What was measured beside the loss and how it is written: its parts, then what the answers are worth.
    pub fn figures(&self) -> Vec<Figure> {
        let known = self.parts().iter().chain(self.config.task.card().figures);
        let measured = |figure: &&Figure| {
            self.history.evaluations.iter().any(|e| e.figure(figure.name).is_some())
        };
        known.filter(measured).copied().collect()
    }

    /// In what the loss is measured, as an axis says it.
    pub fn unit(&self) -> &'static str {
        match self.card.as_ref().map(|card| card.loss.unit.name()) {
            None | Some("") => "loss",
            Some(name) => name,
        }
    }

    /// Whether it may look up what it is asked for: its loss is no loss of a prediction.
    pub fn sees_future(&self) -> bool {
        self.card.as_ref().is_some_and(|card| card.structure.sees_future)
    }

    /// Whether a lower loss says anything: in a game of two it does not.
    pub fn has_direction(&self) -> bool {
        self.card.as_ref().is_none_or(|card| card.loss.better != Better::Neither)
    }

    /// The best validation loss so far, where the loss has a direction.
    pub fn best(&self) -> Option<&Evaluation> {
        if !self.has_direction() {
            return None;
        }
        let finite = self.history.evaluations.iter().filter(|e| e.val_loss.is_finite());
        finite.min_by(|a, b| a.val_loss.total_cmp(&b.val_loss))
    }

    pub fn is_training(&self) -> bool {
        self.status == Status::Training
    }

    /// Seconds to the last step at the present speed; `None` while that cannot be told.
    pub fn seconds_left(&self) -> Option<f64> {
        let left = self.config.training.steps.saturating_sub(self.step);
        (self.speed.steps_per_second > 0.0 && left > 0)
            .then(|| left as f64 / self.speed.steps_per_second)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stage::Value;
    use crate::train::testing;
    use crate::train::{Command, Session, Told, Worker};

    #[test]
    fn what_is_told_of_a_run_adds_up_to_the_run() {
        let mut alone: Session = testing::session(1);
        let worker = Worker::spawn(testing::dataset(), 1, testing::config());
        worker.send(Command::Set { name: "lr", value: Value::Number(0.05) });
        worker.send(Command::Extend(20));
        worker.send(Command::Run);
        let mut observed = Observed::opening(RunId::FIRST, testing::gpt());
        for Told { event, .. } in &worker.events {
            observed.fold(&event);
            if matches!(event, Event::Finished { .. }) {
                break;
            }
        }
        alone.set("lr", Value::Number(0.05)).unwrap();
        alone.set_steps(120);
        loop {
            let step = alone.step_count();
            if step.is_multiple_of(20) {
                let mut estimation = alone.estimate();
                while alone.advance(&mut estimation).is_none() {}
            }
            if step == 120 {
                break;
            }
            alone.step().unwrap();
        }
        assert_eq!(observed.config, *alone.config());
        assert_eq!(observed.history, *alone.history());
        assert_eq!((observed.step, observed.parameters), (120, alone.weights().len()));
        assert_eq!((observed.status.clone(), observed.seconds_left()), (Status::Finished, None));
        assert_eq!(observed.last.unwrap().step, 120);
        assert!(observed.speed.steps_per_second > 0.0 && observed.best().is_some());
        observed.fold(&Event::Diverged { step: 3 });
        assert_eq!(observed.status, Status::Diverged(3));
    }
}
