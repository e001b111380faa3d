//! Encoder and decoder of "Attention Is All You Need".

use super::config::{Schedule, Training};
use crate::model;
use crate::model::config::{Architecture, Norm};

/// The paper's encoder-decoder (figure 1) in small: two layers a side. Adam, dropout and label smoothing are the paper's
/// (5.3, 5.4); without dropout it learns by heart that some small numbers are never the answer. The rate falls to almost
/// nothing: at the end of the paper's schedule one sorted string in 20 is still wrong.
pub(super) fn small() -> (model::Config, Training) {
    let model = model::Config {
        architecture: Architecture::EncoderDecoder,
        n_embd: 64,
        n_head: 4,
        n_layer: 2,
        n_hidden: 256,
        norm: Norm::Post,
        ..model::Config::default()
    };
    let training = Training {
        batch_size: 64,
        steps: 5000,
        eval_interval: 250,
        eval_batches: 10,
        lr: 2e-3,
        schedule: Schedule::Cosine,
        warmup_steps: 400,
        min_lr: 1e-5,
        lr_decay_steps: 5000,
        weight_decay: 0.0,
        beta2: 0.98,
        epsilon: 1e-9,
        dropout: 0.1,
        label_smoothing: 0.1,
        ..Training::default()
    };
    (model, training)
}

/// The base model of the paper (table 3): N = 6, 512 wide, 8 heads, feed-forward 2048, dropout 0.1. Its learning rate peaks at
/// (512 * 4000)^-0.5 after 4,000 steps (5.3).
pub(super) fn paper() -> (model::Config, Training) {
    let (model, training) = small();
    let model = model::Config { n_embd: 512, n_head: 8, n_layer: 6, n_hidden: 2048, ..model };
    let training = Training {
        steps: 100_000,
        lr: 7e-4,
        schedule: Schedule::InverseSqrt,
        warmup_steps: 4000,
        eval_interval: 500,
        eval_batches: 2,
        ..training
    };
    (model, training)
}
