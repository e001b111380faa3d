//! What is reported of a run: its steps, its estimates, and the live changes made to it.

use serde::{Deserialize, Serialize};

use crate::model::PARTS;
use crate::stage::hyperparameter::Value;

/// One training step.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct StepReport {
    /// Steps done, this one included.
    pub step: u64,
    /// Mean loss of the batch in nats, before the update.
    pub loss: f64,
    /// The learning rate it was made with.
    pub lr: f64,
    /// Norm of the whole gradient before clipping.
    pub grad_norm: f64,
    /// What [`crate::model::Model::parts`] names, means like the loss.
    pub parts: [f64; PARTS],
}

/// Losses estimated over `eval_batches` batches of each split, in nats.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Evaluation {
    pub step: u64,
    pub train_loss: f64,
    pub val_loss: f64,
    /// What else was measured on held-out examples: the parts of the loss, and what the model's answers are worth.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub figures: Vec<Figure>,
}

/// A measured number and what it is called.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Figure {
    pub name: String,
    pub value: f64,
}

impl Evaluation {
    /// Whether it is of the first half of what a run has been trained by now.
    pub fn is_old(&self, step: u64) -> bool {
        2 * self.step < step
    }

    /// A figure by its name.
    pub fn figure(&self, name: &str) -> Option<f64> {
        self.figures.iter().find(|figure| figure.name == name).map(|figure| figure.value)
    }
}

/// A live change that took effect before step `step + 1`.
#[derive(Clone, Debug, PartialEq)]
pub struct Edit {
    pub step: u64,
    pub name: &'static str,
    pub old: Value,
    pub new: Value,
}
