//! What a lesson trains, and what the trainer may ask of it.

pub mod bigram;
pub mod config;
pub mod gpt;
pub mod sampling;

#[cfg(test)]
mod tests;

use std::ops::Range;

use ndarray::ArrayView2;

use crate::math::Real;
use crate::nn::parameters::Registry;

pub use crate::nn::Look;
pub use crate::nn::dropout::Dropout;
pub use config::{Config, ConfigError};

/// Token ids of one step: `x[b * time + t]` is followed by `y[b * time + t]`; both (B, T).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Batch {
    pub x: Vec<u32>,
    pub y: Vec<u32>,
    /// B
    pub sequences: usize,
    /// T
    pub time: usize,
}

/// A model is sizes and places in the arena; it holds no weights and no activations.
pub trait Model: Send + Sync {
    fn config(&self) -> &Config;

    /// What stands where in the arena of weights.
    fn registry(&self) -> &Registry;

    /// Draws the initial weights from the seed's `Init` streams.
    fn initialise(&self, weights: &mut [Real], seed: u64);

    /// Working memory for one core: activations and scratch space, allocated once, for (B, `time`) batches.
    fn shard(&self, time: usize) -> Box<dyn Shard>;

    /// Working memory for looking at one sequence of at most `block_size` tokens.
    fn inference(&self) -> Box<dyn Inference>;

    /// Floating-point operations of one training step (forward and backward) for a token, matrix products only:
    /// 6 for each weight that is multiplied, and the attention products at full (T, T).
    fn operations_per_token(&self) -> f64;
}

/// One core's part of a training step.
pub trait Shard: Send {
    /// Runs forward and backward over the sequences `rows` of the batch, adds d(mean loss over the whole batch)/d(weights)
    /// to `gradients`, and returns the sum (not the mean) of the losses of its positions, in nats.
    fn loss_and_gradients(
        &mut self,
        weights: &[Real],
        batch: &Batch,
        rows: Range<usize>,
        dropout: Dropout,
        gradients: &mut [Real],
    ) -> f64;

    /// The sum of the losses of the sequences `rows`, in nats, without dropout.
    fn loss(&mut self, weights: &[Real], batch: &Batch, rows: Range<usize>) -> f64;
}

/// A forward pass over one sequence whose every intermediate value can be looked at.
pub trait Inference: Send {
    /// Runs the model on 1 to `block_size` tokens.
    ///
    /// # Panics
    /// If there are no tokens, more than `block_size`, or ids outside the vocabulary.
    fn forward(&mut self, weights: &[Real], tokens: &[u32]);

    /// Logits (V) after the last token of `context`, of which the model sees the last `block_size`.
    ///
    /// When a context is the last one with tokens appended, under the same weights, and fits the window, the keys and
    /// values from before are used again. Past the window every token's position shifts, and all is computed anew, as
    /// the lecture's `generate` does.
    ///
    /// # Panics
    /// If there are no tokens, or ids outside the vocabulary.
    fn next_logits(&mut self, weights: &[Real], context: &[u32]) -> &[Real];

    /// Logits after each position of the last forward, (T, V).
    fn logits(&self) -> ArrayView2<'_, Real>;

    /// Hands every named intermediate of the last forward to `look(name, shape, values)`, values in row-major order:
    ///
    /// - `embedding.token` (T, C), `embedding.position` (T, C), `embedding` (T, C): their sum
    /// - `blocks.0.sa.query`, `.key`, `.value` (heads, T, hs)
    /// - `blocks.0.sa.products` (heads, T, T): q·k; `.scores`: scaled; `.masked`: scaled, -inf where hidden; `.weights`: softmax, rows sum to 1
    /// - `blocks.0.sa.out` (T, C): heads concatenated; `blocks.0.sa` (T, C): after the projection, where there is one
    /// - `blocks.0.ffwd.hidden` (T, 4C or C): before the activation; `blocks.0.ffwd.activated`; `blocks.0.ffwd` (T, C)
    /// - `blocks.0.ln1`, `blocks.0.ln2`, `ln_f` (T, C), where there are norms; `blocks.0` (T, C): the block's output
    /// - `logits` (T, V), `probabilities` (T, V): softmax of the logits at temperature 1
    fn visit(&self, look: &mut Look<'_>);
}

/// Builds the model of a configuration.
///
/// # Errors
/// If its sizes don't fit together.
pub fn build(config: &Config) -> Result<Box<dyn Model>, ConfigError> {
    config.validate()?;
    Ok(match config.model {
        config::Architecture::Bigram => Box::new(bigram::Bigram::new(config)),
        config::Architecture::Gpt => Box::new(gpt::Gpt::new(config)),
    })
}
