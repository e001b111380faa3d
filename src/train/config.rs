//! Everything that, with the corpus and the number of shards, determines a run to the last bit.

use serde::{Deserialize, Serialize};

use super::hyperparameter::{HYPERPARAMETERS, Takes, ValueError};
use crate::model;

/// How the learning rate moves over the run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Schedule {
    /// `lr` throughout.
    Constant,
    /// Linear warm-up to `lr`, then half a cosine down to `min_lr` at `lr_decay_steps`, then `min_lr`.
    Cosine,
}

/// Which weights AdamW decays.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Decay {
    /// Every parameter, as PyTorch's AdamW in the lecture.
    All,
    /// Matrices only, as nanoGPT.
    Matrices,
}

/// What may change while the model trains, and what the run is measured by.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Training {
    /// Where the run ends.
    pub steps: u64,
    /// A loss estimate every so many steps.
    pub eval_interval: u64,
    /// Batches of each split that an estimate averages over.
    pub eval_batches: usize,
    /// B
    pub batch_size: usize,
    pub lr: f64,
    pub schedule: Schedule,
    pub warmup_steps: u64,
    pub min_lr: f64,
    /// Where the cosine reaches `min_lr`.
    pub lr_decay_steps: u64,
    pub weight_decay: f64,
    pub decay: Decay,
    pub beta1: f64,
    pub beta2: f64,
    /// The gradient's largest allowed norm; 0 is off.
    pub grad_clip: f64,
    /// The probability that a unit is dropped.
    pub dropout: f64,
}

impl Default for Training {
    /// The lecture's: AdamW as PyTorch has it, 5,000 steps at 1e-3, losses over 200 batches every 500 steps.
    fn default() -> Self {
        Self {
            steps: 5000,
            eval_interval: 500,
            eval_batches: 200,
            batch_size: 32,
            lr: 1e-3,
            schedule: Schedule::Constant,
            warmup_steps: 0,
            min_lr: 0.0,
            lr_decay_steps: 5000,
            weight_decay: 0.01,
            decay: Decay::All,
            beta1: 0.9,
            beta2: 0.999,
            grad_clip: 0.0,
            dropout: 0.0,
        }
    }
}

/// One run's configuration; a checkpoint carries it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Config {
    /// The preset it started from.
    pub stage: String,
    pub seed: u64,
    pub model: model::Config,
    pub training: Training,
}

/// Why a configuration cannot be trained.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum InvalidConfig {
    #[error(transparent)]
    Model(#[from] model::ConfigError),
    #[error(transparent)]
    Value(#[from] ValueError),
    #[error("{name} must be at least 1 (found 0)")]
    Zero { name: &'static str },
}

impl Config {
    /// # Errors
    /// If a hyperparameter is out of its range, or the sizes do not go together.
    pub fn validate(&self) -> Result<(), InvalidConfig> {
        let bigram = self.model.model == model::config::Architecture::Bigram;
        for hyperparameter in HYPERPARAMETERS {
            // The bigram has no layers: what stands in their fields does not count.
            let counts = hyperparameter.takes == Takes::Live
                || !bigram
                || matches!(hyperparameter.name, "block_size" | "init");
            if !counts {
                continue;
            }
            hyperparameter.check(hyperparameter.get(self))?;
        }
        if self.training.eval_interval == 0 {
            return Err(InvalidConfig::Zero { name: "eval_interval" });
        }
        if self.training.eval_batches == 0 {
            return Err(InvalidConfig::Zero { name: "eval_batches" });
        }
        Ok(self.model.validate()?)
    }
}
