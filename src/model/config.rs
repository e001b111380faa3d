//! A stage is a configuration: one GPT with switches, and the bigram table.

use serde::{Deserialize, Serialize};

pub use crate::nn::activation::Activation;
pub use crate::nn::attention::AttentionScale;
pub use crate::nn::block::Norm;
pub use crate::nn::feed_forward::Kind as FeedForward;
pub use crate::nn::init::Init;
pub use crate::nn::position::Position;

/// What kind of network.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Architecture {
    /// A table of V x V logits.
    Bigram,
    #[default]
    Gpt,
}

/// The structure of a model: changing any of these builds a new one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
// Each is a switch of its own that a learner flips.
#[allow(clippy::struct_excessive_bools)]
pub struct Config {
    pub model: Architecture,
    /// V
    pub vocab_size: usize,
    /// T, the longest context
    pub block_size: usize,
    /// C
    pub n_embd: usize,
    pub n_head: usize,
    pub n_layer: usize,
    pub position: Position,
    pub attention_scale: AttentionScale,
    /// Whether a query may look only at its own and earlier positions.
    pub causal: bool,
    /// Whether a linear layer follows the concatenated heads.
    pub projection: bool,
    pub feed_forward: FeedForward,
    pub activation: Activation,
    pub residual: bool,
    pub norm: Norm,
    /// Whether a LayerNorm stands before the logits.
    pub final_norm: bool,
    pub init: Init,
}

impl Default for Config {
    /// The lecture's single head of attention, on a vocabulary that is still to be set.
    fn default() -> Self {
        Self {
            model: Architecture::Gpt,
            vocab_size: 0,
            block_size: 8,
            n_embd: 32,
            n_head: 1,
            n_layer: 1,
            position: Position::Learned,
            attention_scale: AttentionScale::HeadSize,
            causal: true,
            projection: false,
            feed_forward: FeedForward::None,
            activation: Activation::Relu,
            residual: false,
            norm: Norm::None,
            final_norm: false,
            init: Init::Pytorch,
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConfigError {
    #[error("{name} must be at least 1 (found 0)")]
    Zero { name: &'static str },
    #[error(
        "n_embd {n_embd} is not divisible by n_head {n_head}: choose an n_head that divides it, or another n_embd"
    )]
    Heads { n_embd: usize, n_head: usize },
}

impl Config {
    /// hs, the width of one head.
    pub fn head_size(&self) -> usize {
        self.n_embd / self.n_head.max(1)
    }

    /// # Errors
    /// If a size is 0, or the heads don't divide the width.
    pub fn validate(&self) -> Result<(), ConfigError> {
        let sizes = [("vocab_size", self.vocab_size), ("block_size", self.block_size)];
        let gpt = [("n_embd", self.n_embd), ("n_head", self.n_head)];
        let gpt = if self.model == Architecture::Gpt { &gpt[..] } else { &[] };
        if let Some((name, _)) = sizes.iter().chain(gpt).find(|(_, size)| *size == 0) {
            return Err(ConfigError::Zero { name });
        }
        if self.model == Architecture::Gpt && !self.n_embd.is_multiple_of(self.n_head) {
            return Err(ConfigError::Heads { n_embd: self.n_embd, n_head: self.n_head });
        }
        Ok(())
    }
}
