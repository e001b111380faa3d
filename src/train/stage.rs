//! The lecture's stages: presets over the switches of the model and the trainer.

use super::config::{Config, Schedule, Training};
use crate::model;
use crate::model::config::{Architecture, FeedForward, Init, Norm};
use crate::task;

/// A named preset.
#[derive(Clone, Copy, Debug)]
pub struct Stage {
    pub name: &'static str,
    /// What it adds to the one before.
    pub adds: &'static str,
    build: fn() -> Preset,
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("unknown stage {name:?}: choose one of {}", known())]
pub struct UnknownStage {
    pub name: String,
}

fn known() -> String {
    let names: Vec<_> = STAGES.iter().map(|s| s.name).collect();
    names.join(", ")
}

/// In the lecture's order.
pub const STAGES: &[Stage] = &[
    Stage { name: "bigram", adds: "a table of logits, V x V", build: || Preset::text(bigram()) },
    Stage {
        name: "single-head",
        adds: "embeddings of 32, positions, one head of self-attention",
        build: || Preset::text(single_head()),
    },
    Stage {
        name: "multi-head",
        adds: "four heads of 8 instead of one of 32",
        build: || Preset::text(multi_head()),
    },
    Stage {
        name: "feed-forward",
        adds: "one layer with ReLU after attention",
        build: || Preset::text(feed_forward()),
    },
    Stage {
        name: "blocks",
        adds: "three blocks, without residual connections",
        build: || Preset::text(blocks()),
    },
    Stage {
        name: "residual",
        adds: "residual connections, projections, feed-forward four times wide",
        build: || Preset::text(residual()),
    },
    Stage {
        name: "layer-norm",
        adds: "LayerNorm before each sublayer and at the end",
        build: || Preset::text(layer_norm()),
    },
    Stage {
        name: "colab",
        adds: "the lecture's Colab size: context 32, width 64, four blocks",
        build: || Preset::text(colab()),
    },
    Stage {
        name: "nano-cpu",
        adds: "nanoGPT's CPU size: context 64, width 128, cosine schedule",
        build: || Preset::text(nano_cpu()),
    },
    Stage {
        name: "scaled-up",
        adds: "the lecture's last model: 10.8M parameters, dropout",
        build: || Preset::text(scaled_up()),
    },
    Stage {
        name: "encoder-decoder",
        adds: "the paper's encoder and decoder in small: pairs, attention over a memory",
        build: || Preset::pairs(encoder_decoder()),
    },
    Stage {
        name: "rnn",
        adds: "no attention: a state of 128 that goes from token to token",
        build: || Preset::text(recurrent(Architecture::Rnn)),
    },
    Stage {
        name: "gru",
        adds: "two gates that say what of the state is kept",
        build: || Preset::text(recurrent(Architecture::Gru)),
    },
    Stage {
        name: "lstm",
        adds: "a cell state beside it, and three gates",
        build: || Preset::text(recurrent(Architecture::Lstm)),
    },
];

/// Found by name, but in no list: what takes days where a stage takes minutes.
const LARGE: &[Stage] = &[Stage {
    name: "encoder-decoder-paper",
    adds: "the paper's base model: six layers a side, 512 wide, 44 million parameters",
    build: || Preset::pairs(encoder_decoder_paper()),
}];

/// Finds a preset by name.
///
/// # Errors
/// If there is none; the message lists the names.
pub fn stage(name: &str) -> Result<Stage, UnknownStage> {
    STAGES
        .iter()
        .chain(LARGE)
        .find(|s| s.name == name)
        .copied()
        .ok_or_else(|| UnknownStage { name: name.to_owned() })
}

impl Stage {
    /// The preset's configuration for a corpus of `vocab_size` different tokens.
    pub fn config(&self, vocab_size: usize, seed: u64) -> Config {
        let Preset { model, training, task } = (self.build)();
        let model = model::Config { vocab_size, ..model };
        let mut config = Config { stage: self.name.to_owned(), seed, model, training, task };
        config.fit();
        config
    }
}

/// What a stage's configuration is made of.
struct Preset {
    model: model::Config,
    training: Training,
    task: task::Config,
}

impl Preset {
    /// A model that learns a text.
    fn text((model, training): (model::Config, Training)) -> Self {
        Self { model, training, task: task::Config::default() }
    }

    /// A model that learns pairs: letters, reversed, unless another task is asked for.
    fn pairs((model, training): (model::Config, Training)) -> Self {
        let task = task::Config { task: task::Task::Reverse, ..task::Config::default() };
        Self { model, training, task }
    }
}

fn bigram() -> (model::Config, Training) {
    let training = Training {
        lr: 1e-2,
        steps: 3000,
        lr_decay_steps: 3000,
        eval_interval: 300,
        ..Training::default()
    };
    (model::Config { model: Architecture::Bigram, ..model::Config::default() }, training)
}

fn single_head() -> (model::Config, Training) {
    (model::Config::default(), Training::default())
}

fn multi_head() -> (model::Config, Training) {
    (model::Config { n_head: 4, ..model::Config::default() }, Training::default())
}

fn feed_forward() -> (model::Config, Training) {
    (model::Config { feed_forward: FeedForward::Single, ..multi_head().0 }, Training::default())
}

fn blocks() -> (model::Config, Training) {
    (model::Config { n_layer: 3, ..feed_forward().0 }, Training::default())
}

fn residual() -> (model::Config, Training) {
    let model = model::Config {
        residual: true,
        projection: true,
        feed_forward: FeedForward::Mlp4,
        ..blocks().0
    };
    (model, Training::default())
}

fn layer_norm() -> (model::Config, Training) {
    (model::Config { norm: Norm::Pre, final_norm: true, ..residual().0 }, Training::default())
}

fn colab() -> (model::Config, Training) {
    let model = model::Config { block_size: 32, n_embd: 64, n_layer: 4, ..layer_norm().0 };
    (model, Training { batch_size: 16, ..Training::default() })
}

fn nano_cpu() -> (model::Config, Training) {
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

fn scaled_up() -> (model::Config, Training) {
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

/// The paper's encoder-decoder (figure 1) in small: two layers a side. Adam and label smoothing are the paper's (5.3, 5.4).
/// The rate falls to almost nothing: at the end of the paper's schedule one sorted string in 20 is still wrong. Examples
/// never run out, so nothing is dropped.
fn encoder_decoder() -> (model::Config, Training) {
    let model = model::Config {
        model: Architecture::EncoderDecoder,
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
        label_smoothing: 0.1,
        ..Training::default()
    };
    (model, training)
}

/// The base model of the paper (table 3): N = 6, 512 wide, 8 heads, feed-forward 2048, dropout 0.1. Its learning rate peaks at
/// (512 * 4000)^-0.5 after 4,000 steps (5.3).
fn encoder_decoder_paper() -> (model::Config, Training) {
    let (model, training) = encoder_decoder();
    let model = model::Config { n_embd: 512, n_head: 8, n_layer: 6, n_hidden: 2048, ..model };
    let training = Training {
        steps: 100_000,
        lr: 7e-4,
        schedule: Schedule::InverseSqrt,
        warmup_steps: 4000,
        dropout: 0.1,
        eval_interval: 500,
        eval_batches: 2,
        ..training
    };
    (model, training)
}

fn recurrent(model: Architecture) -> (model::Config, Training) {
    let model = model::Config { model, block_size: 32, n_hidden: 128, ..model::Config::default() };
    (model, Training { batch_size: 32, lr: 3e-3, grad_clip: 1.0, ..Training::default() })
}
