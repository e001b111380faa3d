//! What is trained: a stage is a preset over the switches of model, task and trainer, and every switch is a
//! hyperparameter.

mod before;
pub mod config;
mod encoder_decoder;
mod generative;
pub mod hyperparameter;
mod lecture;
mod validate;

use crate::model;
use crate::model::config::Architecture;
use crate::task;

pub use config::{Config, Decay, Schedule, Training};
pub use hyperparameter::{HYPERPARAMETERS, Hyperparameter, Value};
pub use validate::{InvalidConfig, LAST_STEP, tasks};

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
    Stage {
        name: "bigram",
        adds: "a table of logits, V x V",
        build: || Preset::text(lecture::bigram()),
    },
    Stage {
        name: "single-head",
        adds: "embeddings of 32, positions, one head of self-attention",
        build: || Preset::text(lecture::single_head()),
    },
    Stage {
        name: "multi-head",
        adds: "four heads of 8 instead of one of 32",
        build: || Preset::text(lecture::multi_head()),
    },
    Stage {
        name: "feed-forward",
        adds: "one layer with ReLU after attention",
        build: || Preset::text(lecture::feed_forward()),
    },
    Stage {
        name: "blocks",
        adds: "three blocks, without residual connections",
        build: || Preset::text(lecture::blocks()),
    },
    Stage {
        name: "residual",
        adds: "residual connections, projections, feed-forward four times wide",
        build: || Preset::text(lecture::residual()),
    },
    Stage {
        name: "layer-norm",
        adds: "LayerNorm before each sublayer and at the end",
        build: || Preset::text(lecture::layer_norm()),
    },
    Stage {
        name: "colab",
        adds: "the lecture's Colab size: context 32, width 64, four blocks",
        build: || Preset::text(lecture::colab()),
    },
    Stage {
        name: "nano-cpu",
        adds: "nanoGPT's CPU size: context 64, width 128, cosine schedule",
        build: || Preset::text(lecture::nano_cpu()),
    },
    Stage {
        name: "scaled-up",
        adds: "the lecture's last model: 10.8M parameters, dropout",
        build: || Preset::text(lecture::scaled_up()),
    },
    Stage {
        name: "encoder-decoder",
        adds: "the paper's encoder and decoder in small: pairs, attention over a memory",
        build: || Preset::pairs(encoder_decoder::small()),
    },
    Stage {
        name: "vae",
        adds: "a variational autoencoder of small images, with two latents",
        build: generative::vae,
    },
    Stage {
        name: "gan",
        adds: "a generator against a discriminator, on eight Gaussians",
        build: generative::gan,
    },
    Stage {
        name: "gan-collapse",
        adds: "the same two, ten times faster, ten discriminator steps for one: modes are lost",
        build: generative::gan_collapse,
    },
    Stage {
        name: "rnn",
        adds: "no attention: a state of 128 that goes from token to token",
        build: || Preset::text(before::recurrent(Architecture::Rnn)),
    },
    Stage {
        name: "gru",
        adds: "two gates that say what of the state is kept",
        build: || Preset::text(before::recurrent(Architecture::Gru)),
    },
    Stage {
        name: "lstm",
        adds: "a cell state beside it, and three gates",
        build: || Preset::text(before::recurrent(Architecture::Lstm)),
    },
    Stage {
        name: "conv",
        adds: "dilated causal convolutions, the idea of ByteNet's decoder",
        build: || Preset::text(before::conv()),
    },
    Stage {
        name: "neural-gpu",
        adds: "a convolutional gated unit, applied over and over",
        build: before::neural_gpu,
    },
    Stage {
        name: "memory",
        adds: "an end-to-end memory network: reads, three times over",
        build: before::memory,
    },
    Stage {
        name: "attention",
        adds: "two blocks of the lecture's GPT on the same recall task",
        build: before::attention,
    },
    Stage {
        name: "memory-stories",
        adds: "the memory network on stories: one memory a sentence, three hops",
        build: before::memory_of_sentences,
    },
    Stage {
        name: "attention-stories",
        adds: "two blocks of the lecture's GPT on the same stories, word by word",
        build: before::attention_to_stories,
    },
    Stage {
        name: "lstm-stories",
        adds: "an LSTM on the same stories: all of one in a state",
        build: before::lstm_of_stories,
    },
];

/// Found by name, but in no list: what takes days where a stage takes minutes.
const LARGE: &[Stage] = &[Stage {
    name: "encoder-decoder-paper",
    adds: "the paper's base model: six layers a side, 512 wide, 44 million parameters",
    build: || Preset::pairs(encoder_decoder::paper()),
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
    /// The preset of the same model for a task, by the task's name, where it has one of its own: `memory-stories` of `memory`.
    #[must_use]
    pub fn on(self, task: &str) -> Self {
        let name = format!("{}-{task}", self.name);
        STAGES.iter().find(|stage| stage.name == name).copied().unwrap_or(self)
    }

    /// The preset's configuration for a corpus of `vocab_size` different tokens.
    pub fn config(&self, vocab_size: usize, seed: u64) -> Config {
        let Preset { model, training, task } = (self.build)();
        let model = model::Config { vocab_size, ..model };
        let mut config = Config { stage: self.name.to_owned(), seed, model, training, task };
        config.fit();
        config
    }
}

#[cfg(test)]
mod tests;

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
