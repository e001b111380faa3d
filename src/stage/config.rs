//! Everything that, with the corpus and the number of shards, determines a run to the last bit.

use serde::{Deserialize, Serialize};
use strum::{EnumString, IntoStaticStr, VariantNames};

use crate::model::config::{GeneratorLoss, Turns};
use crate::model::{self, Conditions, Dropout};
use crate::task;
use crate::task::points::Drawn;

/// How the learning rate moves over the run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[derive(EnumString, IntoStaticStr, VariantNames)]
#[strum(serialize_all = "snake_case")]
pub enum Schedule {
    /// `lr` throughout.
    Constant,
    /// Linear warm-up to `lr`, then half a cosine down to `min_lr` at `lr_decay_steps`, then `min_lr`.
    Cosine,
    /// Linear warm-up to `lr`, then down with the inverse root of the step ("Attention Is All You Need", 5.3).
    InverseSqrt,
}

/// Which weights AdamW decays.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[derive(EnumString, IntoStaticStr, VariantNames)]
#[strum(serialize_all = "snake_case")]
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
    /// Added to the root of AdamW's second moment.
    pub epsilon: f64,
    /// The gradient's largest allowed norm; 0 is off.
    pub grad_clip: f64,
    /// The probability that a unit is dropped.
    pub dropout: f64,
    /// The share of a target's probability that is spread over all tokens (encoder-decoder).
    pub label_smoothing: f64,
    /// The weight of the KL divergence (VAE).
    pub beta: f64,
    /// What the generator minimises (GAN).
    pub generator_loss: GeneratorLoss,
    /// The discriminator's steps for each of the generator's (GAN).
    pub d_steps: usize,
    /// Whether the two take turns, or one moves alone (GAN).
    #[serde(skip_serializing_if = "Turns::are_taken")]
    pub turns: Turns,
    /// Standard deviation of the noise that D sees real and generated points through (GAN).
    #[serde(skip_serializing_if = "is_zero")]
    pub instance_noise: f64,
}

#[allow(clippy::trivially_copy_pass_by_ref)]
fn is_zero(x: &f64) -> bool {
    *x == 0.0
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
            epsilon: 1e-8,
            grad_clip: 0.0,
            dropout: 0.0,
            label_smoothing: 0.0,
            beta: 1.0,
            generator_loss: GeneratorLoss::NonSaturating,
            d_steps: 1,
            turns: Turns::InTurn,
            instance_noise: 0.0,
        }
    }
}

impl Training {
    /// What step number `step` of a run is computed under, with the parameters of `group` moving.
    pub fn conditions(&self, seed: u64, step: u64, group: usize) -> Conditions {
        Conditions {
            dropout: Dropout { p: self.dropout, seed, step },
            group,
            label_smoothing: self.label_smoothing as crate::math::Real,
            beta: self.beta as crate::math::Real,
            generator_loss: self.generator_loss,
            instance_noise: self.instance_noise as crate::math::Real,
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
    #[serde(default)]
    pub task: task::Config,
}

impl Config {
    /// Gives the model the sizes that a made task's examples have (a text's are its own), and a new run the newest rule of
    /// what is held out. Drawn points go where others are learned.
    pub fn fit(&mut self) {
        self.task.rule = self.task.newest_rule();
        self.model.sentences = None;
        if !self.task.is_drawn() {
            self.task.drawn = Drawn::default();
        }
        if let Some(examples) = task::open(&self.task) {
            examples.sizes().apply(&mut self.model);
        }
    }
}
