//! What the lab knows of the run on the screen and of earlier ones.

use std::sync::Arc;

use crate::model::card::{Better, Figure};
use crate::model::{Card, Form};
use crate::stage::Config;
use crate::task::signs::Signs;
use crate::train::event::{Evaluation, RunId, StepReport};
use crate::train::history::History;

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

/// The run on the screen.
#[derive(Clone, Debug)]
pub struct Run {
    pub id: RunId,
    pub config: Config,
    /// Numbers in the arena.
    pub parameters: usize,
    pub threads: usize,
    pub operations_per_token: f64,
    /// What the model says of itself; `None` until the trainer has opened it.
    pub card: Option<Arc<Card>>,
    /// How the tokens of a made task are written.
    pub signs: Option<Signs>,
    /// Steps done.
    pub step: u64,
    /// Batch losses, evaluations and edits: what the loss pane draws.
    pub history: History,
    pub status: Status,
    /// The last step's report: its batch loss, learning rate and gradient norm.
    pub last: Option<StepReport>,
    pub speed: Speed,
    /// While it is opening: the run that was on the screen before.
    pub replaces: Option<Box<Run>>,
}

/// How fast it trains, smoothed; zeros until it has stepped.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Speed {
    pub steps_per_second: f64,
    /// Examples, where these are no tokens.
    pub tokens_per_second: f64,
    pub gflops: f64,
}

impl Run {
    /// One that was asked for: of it only the configuration is known.
    pub fn opening(id: RunId, config: Config, replaces: Option<Box<Self>>) -> Self {
        Self {
            id,
            signs: Signs::of(&config.task),
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
            replaces,
        }
    }

    pub fn stage(&self) -> &str {
        &self.config.stage
    }

    /// Whether it is trained on the text, and so reads the learner's prompt.
    pub fn is_on_text(&self) -> bool {
        self.config.task.reads_text()
    }

    /// Whether its examples are tokens, rather than images or points.
    pub fn has_tokens(&self) -> bool {
        !matches!(self.config.task.task.form(), Form::Image | Form::Point)
    }

    /// Tokens of an example, or 1 where there are none.
    fn tokens(&self) -> usize {
        if self.has_tokens() { self.config.model.block_size } else { 1 }
    }

    /// What the loss is split into.
    pub fn parts(&self) -> &'static [Figure] {
        self.card.as_ref().map_or(&[], |card| card.parts)
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

    /// Takes in a batch of steps and the seconds they took.
    pub fn absorb(&mut self, reports: &[StepReport], seconds: f64) {
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
            // A moving average over about half a second of training.
            let weight = 1.0 - (-seconds / 0.5).exp();
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

    /// Seconds to the last step at the present speed; `None` while that cannot be told.
    pub fn seconds_left(&self) -> Option<f64> {
        let left = self.config.training.steps.saturating_sub(self.step);
        (self.speed.steps_per_second > 0.0 && left > 0)
            .then(|| left as f64 / self.speed.steps_per_second)
    }
}
