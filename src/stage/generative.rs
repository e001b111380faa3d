//! A VAE of glyphs, and GANs of points.

use super::Preset;
use super::config::Training;
use crate::model;
use crate::model::config::Architecture;
use crate::task::{self, Task};

pub(super) fn vae() -> Preset {
    let model = model::Config {
        architecture: Architecture::Vae,
        n_hidden: 128,
        n_latent: 2,
        ..model::Config::default()
    };
    let training = Training {
        batch_size: 64,
        lr: 1e-3,
        steps: 20_000,
        lr_decay_steps: 20_000,
        eval_interval: 500,
        eval_batches: 10,
        weight_decay: 0.0,
        ..Training::default()
    };
    Preset { model, training, task: task::Config { task: Task::Glyphs, ..task::Config::default() } }
}

pub(super) fn gan() -> Preset {
    let model = model::Config {
        architecture: Architecture::Gan,
        n_hidden: 64,
        n_latent: 8,
        ..model::Config::default()
    };
    let training = Training {
        batch_size: 256,
        lr: 1e-3,
        steps: 20_000,
        lr_decay_steps: 20_000,
        eval_interval: 1000,
        eval_batches: 10,
        weight_decay: 0.0,
        // Momentum lets the two chase each other in circles, and a mode that is lost stays lost.
        beta1: 0.0,
        ..Training::default()
    };
    Preset { model, training, task: task::Config { task: Task::Points, ..task::Config::default() } }
}

/// A discriminator that is far ahead, and steps so large that its opponent leaps to whatever looks most real at the moment.
pub(super) fn gan_collapse() -> Preset {
    let Preset { model, training, task } = gan();
    let training = Training { lr: 1e-2, d_steps: 10, steps: 12_000, ..training };
    Preset { model, training, task }
}
