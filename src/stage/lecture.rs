//! The stages of the lecture.

use super::config::{Schedule, Training};
use crate::model;
use crate::model::config::{Architecture, FeedForward, Init, Norm};

pub(super) fn bigram() -> (model::Config, Training) {
    let training = Training {
        lr: 1e-2,
        steps: 3000,
        lr_decay_steps: 3000,
        eval_interval: 300,
        ..Training::default()
    };
    (model::Config { architecture: Architecture::Bigram, ..model::Config::default() }, training)
}

pub(super) fn single_head() -> (model::Config, Training) {
    (model::Config::default(), Training::default())
}

pub(super) fn multi_head() -> (model::Config, Training) {
    (model::Config { n_head: 4, ..model::Config::default() }, Training::default())
}

pub(super) fn feed_forward() -> (model::Config, Training) {
    (model::Config { feed_forward: FeedForward::Single, ..multi_head().0 }, Training::default())
}

pub(super) fn blocks() -> (model::Config, Training) {
    (model::Config { n_layer: 3, ..feed_forward().0 }, Training::default())
}

pub(super) fn residual() -> (model::Config, Training) {
    let model = model::Config {
        residual: true,
        projection: true,
        feed_forward: FeedForward::Mlp4,
        ..blocks().0
    };
    (model, Training::default())
}

pub(super) fn layer_norm() -> (model::Config, Training) {
    (model::Config { norm: Norm::Pre, final_norm: true, ..residual().0 }, Training::default())
}

pub(super) fn colab() -> (model::Config, Training) {
    let model = model::Config { block_size: 32, n_embd: 64, n_layer: 4, ..layer_norm().0 };
    (model, Training { batch_size: 16, ..Training::default() })
}

pub(super) fn nano_cpu() -> (model::Config, Training) {
    let model = model::Config {
        block_size: 64,
        n_embd: 128,
        n_layer: 4,
        init: Init::Normal,
        ..layer_norm().0
    };
    let training = Training {
        batch_size: 12,
        steps: 2000,
        schedule: Schedule::Cosine,
        warmup_steps: 100,
        min_lr: 1e-4,
        lr_decay_steps: 2000,
        beta2: 0.99,
        ..Training::default()
    };
    (model, training)
}

pub(super) fn scaled_up() -> (model::Config, Training) {
    let model = model::Config {
        block_size: 256,
        n_embd: 384,
        n_head: 6,
        n_layer: 6,
        init: Init::Normal,
        ..layer_norm().0
    };
    // A batch holds 64 times the positions of a small stage: four say more than 200 of those, and cost seconds each.
    let training =
        Training { batch_size: 64, lr: 3e-4, dropout: 0.2, eval_batches: 4, ..Training::default() };
    (model, training)
}
