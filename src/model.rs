//! What a lesson trains, and what the trainer may ask of it.
//!
//! A [`Model`] is built from a [`Config`]. The trainer hands [`Batch`]es to its [`Shard`]s, which answer with losses and
//! gradients; panes and samples go through an [`Inference`], and text through a [`LanguageModel`]. Where batches come
//! from, and what answers are worth, is for [`Examples`] to say.

pub mod batch;
pub mod before_attention;
pub mod bigram;
pub mod card;
pub mod config;
pub mod encoder_decoder;
pub mod gan;
pub mod gpt;
pub mod kind;
pub mod sampling;
pub mod sight;
mod token_shard;
pub mod vae;

#[cfg(test)]
mod tests;

use std::ops::{AddAssign, Range};

use ndarray::ArrayView2;
use rand_chacha::ChaCha8Rng;

use crate::math::Real;
use crate::nn::parameters::Registry;
use before_attention::{conv, memory, neural_gpu, recurrent};

pub use crate::nn::Look;
pub use crate::nn::dropout::Dropout;
pub use batch::{Batch, IGNORED, PAD};
pub use card::Card;
pub use config::{Config, GeneratorLoss, Sentences, Turns};
pub use kind::{ConfigError, Form, Kind, kind};

/// Every kind; a file is the first one's that knows it.
pub const KINDS: &[Kind] = &[
    recurrent::RNN,
    recurrent::GRU,
    recurrent::LSTM,
    gpt::KIND,
    bigram::KIND,
    encoder_decoder::KIND,
    conv::KIND,
    neural_gpu::KIND,
    memory::KIND,
    vae::KIND,
    gan::KIND,
];

/// How many figures a loss may be split into.
pub const PARTS: usize = 2;

/// What a step is computed under.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Conditions {
    pub dropout: Dropout,
    /// Whose parameters this step moves: an index into [`Model::groups`].
    pub group: usize,
    /// The share of a target's probability that is spread over all tokens (encoder-decoder).
    pub label_smoothing: Real,
    /// The weight of the KL divergence (VAE).
    pub beta: Real,
    /// What the generator minimises (GAN).
    pub generator_loss: GeneratorLoss,
    /// Standard deviation of the noise that real and generated points are seen through (GAN).
    pub instance_noise: Real,
}

impl Default for Conditions {
    /// No dropout, and every loss in its plain form.
    fn default() -> Self {
        Self {
            dropout: Dropout::OFF,
            group: 0,
            label_smoothing: 0.0,
            beta: 1.0,
            generator_loss: GeneratorLoss::NonSaturating,
            instance_noise: 0.0,
        }
    }
}

/// Sums over the targets of some examples; not means.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Losses {
    /// In nats, where the loss is a cross-entropy.
    pub loss: f64,
    /// What [`Card::parts`] names.
    pub parts: [f64; PARTS],
}

impl Losses {
    pub fn of(loss: f64) -> Self {
        Self { loss, ..Self::default() }
    }

    /// Divided by the number of targets: means.
    #[must_use]
    pub fn over(self, targets: usize) -> Self {
        let n = targets as f64;
        Self { loss: self.loss / n, parts: self.parts.map(|part| part / n) }
    }
}

impl AddAssign for Losses {
    fn add_assign(&mut self, other: Self) {
        self.loss += other.loss;
        for (part, other) in self.parts.iter_mut().zip(other.parts) {
            *part += other;
        }
    }
}

/// Parameters that are moved together: a range of the arena.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Group {
    pub name: &'static str,
    pub range: Range<usize>,
}

/// A place of the plane that answers should reach.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Place {
    pub at: [f64; 2],
    /// How many reach it.
    pub answers: usize,
    /// With how many it is covered.
    pub enough: f64,
}

impl Place {
    pub fn is_covered(&self) -> bool {
        self.answers > 0 && self.answers as f64 >= self.enough
    }
}

/// A model is sizes and places in the arena; it holds no weights and no activations.
pub trait Model: Send + Sync {
    fn config(&self) -> &Config;

    /// What it says of itself.
    fn card(&self) -> Card;

    /// What stands where in the arena of weights.
    fn registry(&self) -> &Registry;

    /// Draws the initial weights from the seed's `Init` streams.
    fn initialise(&self, weights: &mut [Real], seed: u64);

    /// Working memory for one core: activations and scratch space, allocated once, for the sizes of the configuration.
    fn shard(&self) -> Box<dyn Shard>;

    /// Working memory for looking at one example, and for answers.
    fn inference(&self) -> Box<dyn Inference>;

    /// Working memory for text, if the model continues text.
    fn language_model(&self) -> Option<Box<dyn LanguageModel>> {
        None
    }

    /// Bytes that working memory grows by when it is first put to work on `examples` at once, beside what it takes when it
    /// is made: that of a shard, and that of an inference.
    fn growth(&self, examples: usize) -> [u64; 2] {
        _ = examples;
        [0; 2]
    }

    /// Floating-point operations of one training step (forward and backward), matrix products only, for each of the
    /// `block_size` tokens of an example (1 where there are none): 6 for each weight that is multiplied, and the attention
    /// products at full (T, T).
    fn operations_per_token(&self) -> f64;

    /// Standard normal numbers that it wants with each example: [`Batch::noise`].
    fn noise(&self) -> usize {
        0
    }

    /// The groups of parameters that are moved by steps of their own; together they are the whole arena, in its order.
    fn groups(&self) -> Vec<Group> {
        vec![Group { name: "all", range: 0..self.registry().len() }]
    }

    /// Whose turn step number `step` is, counted from 0: an index into the groups. `d_steps` and `turns`: see
    /// `train::Training`.
    fn turn(&self, step: u64, d_steps: usize, turns: Turns) -> usize {
        _ = (step, d_steps, turns);
        0
    }
}

/// One core's part of a training step.
pub trait Shard: Send {
    /// Runs forward and backward over the examples `rows` of the batch, adds d(mean loss over the whole batch's
    /// [targets](Batch::targets))/d(weights) to `gradients`, and returns the sums of the losses.
    fn loss_and_gradients(
        &mut self,
        weights: &[Real],
        batch: &Batch,
        rows: Range<usize>,
        conditions: &Conditions,
        gradients: &mut [Real],
    ) -> Losses;

    /// The sums of the losses of the examples `rows`, without dropout.
    fn loss(
        &mut self,
        weights: &[Real],
        batch: &Batch,
        rows: Range<usize>,
        conditions: &Conditions,
    ) -> Losses;
}

/// A forward pass over one example whose every intermediate value can be looked at.
pub trait Inference: Send {
    /// Runs the model on the one example of `subject`.
    ///
    /// # Panics
    /// If there is none, or it is longer than the configuration says, or ids are outside the vocabulary.
    fn look(&mut self, weights: &[Real], subject: &Batch);

    /// Hands every named intermediate of the last forward to `look(name, shape, values)`, values in row-major order:
    ///
    /// - `embedding.token` (T, C), `embedding.position` (T, C), `embedding` (T, C): their sum
    /// - `blocks.0.sa.query`, `.key`, `.value` (heads, T, hs)
    /// - `blocks.0.sa.products` (heads, T, T): q·k; `.scores`: scaled; `.masked`: scaled, -inf where hidden; `.weights`: softmax, rows sum to 1
    /// - `blocks.0.sa.out` (T, C): heads concatenated; `blocks.0.sa` (T, C): after the projection, where there is one
    /// - `blocks.0.ffwd.hidden` (T, 4C or C): before the activation; `blocks.0.ffwd.activated`; `blocks.0.ffwd` (T, C)
    /// - `blocks.0.ln1`, `blocks.0.ln2`, `ln_f` (T, C), where there are norms; `blocks.0` (T, C): the block's output
    /// - `logits` (T, V), `probabilities` (T, V): softmax of the logits at temperature 1
    ///
    /// Of an encoder-decoder:
    ///
    /// - `target` (T): the token ids that the decoder read; what it wrote itself where the subject asks for nothing
    /// - `source_embedding` (S, C), `target_embedding` (T, C): the scaled embeddings plus positions; `memory` (S, C)
    /// - `encoder.0.self_attn`, `decoder.0.self_attn`, `decoder.0.cross_attn` and their parts as above, (heads, S, S),
    ///   (heads, T, T) and (heads, T, S) where those are (heads, T, T)
    /// - `encoder.0.ffwd…`, `decoder.0.ffwd…`, `encoder.0.ln1`, `decoder.0.ln1`, `decoder.0.ln2` (the sublayers' sums,
    ///   with post-norm normed), `encoder.0` (S, C), `decoder.0` (T, C): the layers' outputs
    /// - `logits`, `probabilities`
    fn visit(&self, look: &mut Look<'_>);

    /// What the model makes of each example on its own: an answer, drawn greedily, or a point from its noise. Nothing
    /// where a model has no answers.
    fn produce(&mut self, weights: &[Real], batch: &Batch) -> Output {
        _ = (weights, batch);
        Output::default()
    }

    /// The best answers to the one example of `subject` that a beam of `width` finds. Nothing where a model writes no
    /// answers.
    fn search(&mut self, weights: &[Real], subject: &Batch, width: usize) -> Search {
        _ = (weights, subject, width);
        Search::default()
    }
}

/// What a search found, and how it came there.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Search {
    /// Best first.
    pub found: Vec<Hypothesis>,
    /// What was kept at each position, likeliest first. What has ended there is not gone on with.
    pub steps: Vec<Vec<Kept>>,
}

/// An answer that a search has begun.
#[derive(Clone, Debug, PartialEq)]
pub struct Kept {
    pub tokens: Vec<u32>,
    /// In nats; with the end's, where it has ended.
    pub log_p: f64,
    pub ended: bool,
}

/// An answer and what a search thinks of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Hypothesis {
    pub tokens: Vec<u32>,
    /// In nats, with the end's, where it has one.
    pub log_p: f64,
    /// That, normalised for its length.
    pub score: f64,
}

/// A hypothesis with one more token.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Continued {
    /// Which of those that were kept at the position before it continues; `None` at the first.
    pub parent: Option<usize>,
    pub token: u32,
    /// ln p of the token after what stands before it.
    pub log_p: f64,
    /// ln p of all of its tokens.
    pub total: f64,
    /// Of one that goes no further: [`Hypothesis::score`].
    pub score: Option<f64>,
}

/// What a model made of the examples of a batch.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Output {
    /// The answer to each example.
    pub tokens: Vec<Vec<u32>>,
    /// (examples, `width`), row-major.
    pub values: Vec<f32>,
    pub width: usize,
}

/// A model that continues text.
pub trait LanguageModel: Inference {
    /// Runs the model on 1 to `block_size` tokens.
    ///
    /// # Panics
    /// If there are no tokens, more than `block_size`, or ids outside the vocabulary.
    fn forward(&mut self, weights: &[Real], tokens: &[u32]);

    /// Logits (V) after the last token of `context`, of which the model sees the last `block_size`.
    ///
    /// When a context is the last one with tokens appended, under the same weights, and fits the window, what was
    /// computed before (keys and values) is used again. Past the window every token's position shifts, and all is
    /// computed anew, as the lecture's `generate` does.
    ///
    /// # Panics
    /// If there are no tokens, or ids outside the vocabulary.
    fn next_logits(&mut self, weights: &[Real], context: &[u32]) -> &[Real];

    /// The sum of the losses of every token of a text after its first, in nats, read from the start to the end without
    /// forgetting: the state goes on from window to window. `None` where a model has a window and no state.
    fn carried_loss(&mut self, weights: &[Real], text: &[u32]) -> Option<f64> {
        _ = (weights, text);
        None
    }

    /// Logits after each position of the last forward, (T, V).
    fn logits(&self) -> ArrayView2<'_, Real>;
}

/// What examples are for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Split {
    Train,
    /// Held out: never trained on.
    Val,
}

/// The sizes that examples have, and a model for them must have.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sizes {
    /// V of what is predicted; 0 if that is no tokens.
    pub vocab_size: usize,
    /// Tokens of x and y; `None` where any length will do, 1 where there are no tokens.
    pub block_size: Option<usize>,
    /// V and length of what an encoder reads; 0 where there is no encoder.
    pub source_vocab: usize,
    pub source_size: usize,
    /// Numbers in an image or point; 0 where there are none.
    pub n_input: usize,
    /// How its tokens make sentences, where they do.
    pub sentences: Option<Sentences>,
}

impl Sizes {
    /// Puts the sizes into a configuration.
    pub fn apply(&self, config: &mut Config) {
        config.vocab_size = self.vocab_size;
        config.block_size = self.block_size.unwrap_or(config.block_size);
        config.source_vocab = self.source_vocab;
        config.source_size = self.source_size;
        config.n_input = self.n_input;
        config.sentences = self.sentences;
    }
}

/// Where batches come from, and what answers are worth.
pub trait Examples: Send + Sync {
    fn sizes(&self) -> Sizes;

    /// Fills everything but the noise of a batch with `count` examples. Allocates only when the sizes grow.
    fn draw(&self, split: Split, count: usize, rng: &mut ChaCha8Rng, batch: &mut Batch);

    /// The one example that a pane looks at: what the learner wrote, in tokens, or a fixed held-out one if that is
    /// nothing.
    ///
    /// # Panics
    /// If there are ids outside the vocabulary.
    fn subject(&self, prompt: &[u32], batch: &mut Batch);

    /// How many held-out examples an estimate puts to the model; 0 where there is nothing to judge.
    fn judged(&self) -> usize {
        0
    }

    /// What those of [`Split::Val`] are, in a few words.
    fn provenance(&self) -> &'static str {
        "held-out examples"
    }

    /// What the model's answers to a batch are worth, by name.
    fn judge(&self, batch: &Batch, output: &Output) -> Vec<(&'static str, f64)> {
        _ = (batch, output);
        Vec::new()
    }

    /// The places that answers should reach, and how many of these do; none where there are no such places.
    fn places(&self, output: &Output) -> Vec<Place> {
        _ = output;
        Vec::new()
    }

    /// The best that figures of [`judge`](Self::judge) on `count` held-out examples can be, where that is not plain.
    fn floors(&self, count: usize) -> Vec<(&'static str, f64)> {
        _ = count;
        Vec::new()
    }

    /// The place of the source that target `i` of `n` (the end not counted) is a copy of; `None` where a target is not made
    /// of one place.
    fn copied_from(&self, i: usize, n: usize) -> Option<usize> {
        _ = (i, n);
        None
    }

    /// The sentences of an example, counted from 0, that tell its answer, in their order; none where examples are no sentences,
    /// or these do not tell.
    fn told_by(&self, example: &[u32]) -> Vec<usize> {
        _ = example;
        Vec::new()
    }

    /// Examples of a split in a fixed order without overlap, number `first` and up to `count` of them, for an exact
    /// loss; how many were filled in. 0: there is no such order, the split is drawn from without end.
    fn in_order(&self, split: Split, first: usize, count: usize, batch: &mut Batch) -> usize {
        _ = (split, first, count, batch);
        0
    }
}

/// Builds the model of a configuration.
///
/// # Errors
/// If its sizes don't fit together.
pub fn build(config: &Config) -> Result<Box<dyn Model>, ConfigError> {
    config.validate()?;
    Ok((kind(config.architecture).build)(config))
}
