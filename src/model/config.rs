//! A stage is a configuration: one GPT with switches, and the bigram table.

use serde::{Deserialize, Serialize};
use strum::{EnumString, IntoStaticStr, VariantNames};

pub use crate::math::plain::fault::Fault;
pub use crate::nn::activation::Activation;
use crate::nn::attention::{self, Keys};
pub use crate::nn::attention::{AttentionScale, QueryKey};
use crate::nn::block;
pub use crate::nn::feed_forward::Kind as FeedForward;
pub use crate::nn::init::Init;
pub use crate::nn::position::Position;
pub use crate::nn::residual::Norm;

/// What kind of network.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[derive(IntoStaticStr)]
#[strum(serialize_all = "snake_case")]
pub enum Architecture {
    /// A table of V x V logits.
    Bigram,
    #[default]
    Gpt,
    /// Encoder and decoder of "Attention Is All You Need".
    EncoderDecoder,
    Vae,
    Gan,
    Rnn,
    Gru,
    Lstm,
    /// Dilated causal convolutions, the idea of ByteNet's decoder.
    Conv,
    /// A convolutional gated recurrent unit, applied over and over.
    NeuralGpu,
    /// An end-to-end memory network.
    Memory,
}

/// What a GAN's generator minimises; D's loss goes with it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[derive(EnumString, IntoStaticStr, VariantNames)]
#[strum(serialize_all = "snake_case")]
pub enum GeneratorLoss {
    /// -log D(G(z)) (Goodfellow et al. 2014, what is used in practice).
    #[default]
    NonSaturating,
    /// log(1 - D(G(z))): the game's own value.
    Minimax,
    /// Squared distances to 1 and 0 (Mao et al. 2017).
    LeastSquares,
}

/// Which of a GAN's two networks move.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[derive(EnumString, IntoStaticStr, VariantNames)]
#[strum(serialize_all = "snake_case")]
pub enum Turns {
    /// One after the other, by the number of the step.
    #[default]
    InTurn,
    /// It alone; the generator stands still.
    Discriminator,
    /// It alone; the discriminator stands still.
    Generator,
}

impl Turns {
    /// With which a group of the model's parameters moves alone, by its place in
    /// [`Model::groups`](super::Model::groups).
    pub fn alone(group: usize) -> Option<Self> {
        [Self::Discriminator, Self::Generator].get(group).copied()
    }

    /// Whose turn step number `step` is, counted from 0, by the same place: after `d_steps` of the first's the second has one.
    pub fn whose(self, step: u64, d_steps: usize) -> usize {
        let d_steps = d_steps.max(1) as u64;
        match self {
            Self::Discriminator => 0,
            Self::InTurn if step % (d_steps + 1) < d_steps => 0,
            Self::Generator | Self::InTurn => 1,
        }
    }

    // serde hands a reference over.
    #[allow(clippy::trivially_copy_pass_by_ref)]
    pub fn are_taken(&self) -> bool {
        *self == Self::InTurn
    }
}

/// How an encoder-decoder's token tables start. Sinusoids have a root-mean-square of 0.71, whatever the width.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[derive(EnumString, IntoStaticStr, VariantNames)]
#[strum(serialize_all = "snake_case")]
pub enum EmbeddingInit {
    /// N(0, 1/C): a row times sqrt(C) has variance 1. The paper's own code has it so.
    #[default]
    RootWidth,
    /// N(0, 1), PyTorch's default.
    Unit,
    /// N(0, 0.02).
    Small,
}

impl EmbeddingInit {
    // serde hands a reference over.
    #[allow(clippy::trivially_copy_pass_by_ref)]
    fn is_root_width(&self) -> bool {
        *self == Self::RootWidth
    }
}

/// Over the pixels of an image, what a VAE's reconstruction is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[derive(EnumString, IntoStaticStr, VariantNames)]
#[strum(serialize_all = "snake_case")]
pub enum Reduction {
    /// The bound of the paper: an image's probability is the product of its pixels'.
    #[default]
    Sum,
    /// What libraries do unless told otherwise: the KL divergence then weighs as with a beta of `n_input`.
    Mean,
}

impl Reduction {
    // serde hands a reference over.
    #[allow(clippy::trivially_copy_pass_by_ref)]
    fn is_sum(&self) -> bool {
        *self == Self::Sum
    }
}

/// How tokens make sentences.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sentences {
    /// The token that ends one.
    pub end: u32,
    /// The most that an example has.
    pub most: usize,
}

/// The structure of a model: changing any of these builds a new one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
// Each is a switch of its own that a learner flips.
#[allow(clippy::struct_excessive_bools)]
pub struct Config {
    #[serde(rename = "model")]
    pub architecture: Architecture,
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
    /// Whether keys have a weight of their own (GPT).
    #[serde(skip_serializing_if = "QueryKey::is_separate")]
    pub query_key: QueryKey,
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
    /// A mistake in attention, on purpose (GPT).
    #[serde(skip_serializing_if = "Fault::is_none")]
    pub fault: Fault,
    /// V of what an encoder reads.
    pub source_vocab: usize,
    /// The longest source.
    pub source_size: usize,
    /// Whether the decoder reads its targets a place late (encoder-decoder). Without, it reads the very token that it is asked
    /// for: a mistake, on purpose.
    #[serde(skip_serializing_if = "is_on")]
    pub shift_targets: bool,
    /// Whether rows of tokens are multiplied by sqrt(C) before positions are added (encoder-decoder).
    #[serde(skip_serializing_if = "is_on")]
    pub scale_embeddings: bool,
    /// How tables of tokens start (encoder-decoder).
    #[serde(skip_serializing_if = "EmbeddingInit::is_root_width")]
    pub embedding_init: EmbeddingInit,
    /// Numbers in an image or point.
    pub n_input: usize,
    /// Width of hidden layers and states: recurrent nets, convolutions, MLPs; of the encoder-decoder's feed-forward,
    /// where 0 is four times `n_embd`.
    pub n_hidden: usize,
    /// Width of a VAE's latent or of a GAN's noise.
    pub n_latent: usize,
    /// Whether a reconstruction is the sum over an image's pixels or their mean (VAE).
    #[serde(skip_serializing_if = "Reduction::is_sum")]
    pub reduction: Reduction,
    /// What is added to the forget gate's bias as it starts (LSTM).
    #[serde(skip_serializing_if = "is_zero")]
    pub forget_bias: usize,
    /// Positions that a convolution sees at once.
    pub kernel: usize,
    /// How often a memory network reads; passes of a neural GPU, where 0 is one for each position.
    pub hops: usize,
    /// Whether gates reach 0 and 1 (neural GPU).
    #[serde(skip_serializing_if = "is_off")]
    pub gate_cutoff: bool,
    /// Whether a third of the units keeps its left neighbour's state, and a third its right one's (neural GPU).
    #[serde(skip_serializing_if = "is_off")]
    pub diagonal_gates: bool,
    /// How tokens make sentences, where they do: each is then one memory of a memory network.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sentences: Option<Sentences>,
}

// A switch that came late is left out of files where it is as it was before there was one.
#[allow(clippy::trivially_copy_pass_by_ref)]
fn is_zero(n: &usize) -> bool {
    *n == 0
}

#[allow(clippy::trivially_copy_pass_by_ref)]
fn is_off(switch: &bool) -> bool {
    !*switch
}

#[allow(clippy::trivially_copy_pass_by_ref)]
fn is_on(switch: &bool) -> bool {
    *switch
}

impl Default for Config {
    /// The lecture's single head of attention, on a vocabulary that is still to be set.
    fn default() -> Self {
        Self {
            architecture: Architecture::Gpt,
            vocab_size: 0,
            block_size: 8,
            n_embd: 32,
            n_head: 1,
            n_layer: 1,
            position: Position::Learned,
            attention_scale: AttentionScale::HeadSize,
            query_key: QueryKey::Separate,
            causal: true,
            projection: false,
            feed_forward: FeedForward::None,
            activation: Activation::Relu,
            residual: false,
            norm: Norm::None,
            final_norm: false,
            init: Init::Pytorch,
            fault: Fault::None,
            source_vocab: 0,
            source_size: 0,
            shift_targets: true,
            scale_embeddings: true,
            embedding_init: EmbeddingInit::RootWidth,
            n_input: 0,
            n_hidden: 64,
            n_latent: 2,
            reduction: Reduction::Sum,
            forget_bias: 0,
            kernel: 3,
            hops: 3,
            gate_cutoff: false,
            diagonal_gates: false,
            sentences: None,
        }
    }
}

impl Config {
    /// hs, the width of one head.
    pub fn head_size(&self) -> usize {
        self.n_embd / self.n_head.max(1)
    }

    /// What q·k is divided by the square root of, if by anything.
    pub fn attention_divisor(&self) -> Option<usize> {
        match self.attention_scale {
            AttentionScale::HeadSize => Some(self.head_size()),
            AttentionScale::NEmbd => Some(self.n_embd),
            AttentionScale::None => None,
        }
    }

    /// What a GPT's block is built from.
    pub fn block(&self) -> block::Settings {
        let Self { n_embd, n_head, projection, feed_forward, activation, .. } = *self;
        let attention = attention::Settings {
            n_embd,
            n_head,
            scale: self.attention_scale,
            keys: if self.causal { Keys::Earlier } else { Keys::Own },
            query_key: self.query_key,
            projection,
            drop_weights: true,
        };
        let (fault, residual, norm) = (self.fault, self.residual, self.norm);
        block::Settings { attention, fault, feed_forward, activation, residual, norm }
    }
}
