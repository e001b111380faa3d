//! The encoder-decoder of Attention Is All You Need (Vaswani et al. 2017, figure 1): a source is read as a whole, its target
//! is written from left to right.
//!
//! Post-norm as in the paper, or pre-norm; sinusoids; embeddings times sqrt(C); dropout on every sublayer's output and on
//! the sums of embeddings and positions (5.4); label smoothing.
//!
//! Token ids: 0 is padding on both sides. A target begins with [`START`] and ends with [`END`]: x is START and the target,
//! y the target and END, IGNORED behind.
//!
//! Without `shift_targets` the decoder reads y where it should read x: a bug that trains. The mask lets a position see itself, and
//! so what it is asked for; the loss falls to nothing, and answers that it writes alone are worth nothing.

mod card;
mod decoding;
mod inference;
mod layers;
mod micro_batch;
mod stacks;
#[cfg(test)]
mod tests;

use std::ops::Range;

use ndarray::{Array2, s};

use super::{Batch, Card, Conditions, Config, Dropout, Inference, Losses, Model, Shard};
use crate::math::{Real, cross_entropy, room};
use crate::nn::attention::Memory;
use crate::nn::block::{self, PLACES};
use crate::nn::parameters::Registry;
use crate::nn::pass::Pass;
use micro_batch::MicroBatches;
use stacks::{Decoded, Decoder, Encoded, Encoder, Input};

pub use card::KIND;

/// What the decoder reads before a target's first token.
pub const START: u32 = 1;
/// What it writes after the last one.
pub const END: u32 = 2;

#[derive(Clone, Debug)]
pub struct EncoderDecoder {
    config: Config,
    registry: Registry,
    stacks: Stacks,
}

#[derive(Clone, Debug)]
struct Stacks {
    encoder: Encoder,
    decoder: Decoder,
}

impl EncoderDecoder {
    pub fn new(config: &Config) -> Self {
        let Config { source_size, block_size, n_layer, .. } = *config;
        let mut registry = Registry::default();
        let r = &mut registry;
        // Dropout's places after those of both stacks' layers.
        let place = 2 * n_layer as u64 * PLACES;
        let (source, target) = (config.source_vocab, config.vocab_size);
        let source = Input::new(r, "source_embedding", [source, source_size], place, config);
        let target = Input::new(r, "target_embedding", [target, block_size], place + 1, config);
        let encoder = Encoder::new(r, source, config);
        let decoder = Decoder::new(r, target, config);
        Self { config: config.clone(), registry, stacks: Stacks { encoder, decoder } }
    }
}

impl Model for EncoderDecoder {
    fn config(&self) -> &Config {
        &self.config
    }

    fn card(&self) -> Card {
        card::card(self)
    }

    fn registry(&self) -> &Registry {
        &self.registry
    }

    fn initialise(&self, weights: &mut [Real], seed: u64) {
        self.stacks.encoder.initialise(weights, &self.config, seed);
        self.stacks.decoder.initialise(weights, &self.config, seed);
    }

    fn shard(&self) -> Box<dyn Shard> {
        let Config { source_size, block_size, n_embd, .. } = self.config;
        let parts = MicroBatches::new(&self.config);
        let (sequences, time) = (parts.sequences(), source_size.max(block_size));
        let rows = || room::matrix((sequences * time, n_embd));
        let Stacks { encoder, decoder } = &self.stacks;
        Box::new(Working {
            stacks: self.stacks.clone(),
            parts,
            encoded: encoder.activations(sequences, &self.config),
            decoded: decoder.activations(sequences, block_size, &self.config),
            scratch: layers::scratch(sequences, time, &self.config),
            d: rows(),
            dx: rows(),
            d_memory: rows(),
        })
    }

    fn inference(&self) -> Box<dyn Inference> {
        Box::new(inference::Reader::new(&self.stacks, &self.config))
    }

    /// An inference writes answers when it is first asked for them.
    fn growth(&self, _: usize) -> [u64; 2] {
        [0, room::counted(|| inference::Reader::writer(&self.stacks, &self.config))]
    }

    fn operations_per_token(&self) -> f64 {
        let Config { source_size, block_size, n_embd, n_layer, .. } = self.config;
        let Stacks { encoder, decoder } = &self.stacks;
        // q·k and weights·v of every attention: 2 products of as many keys x C for a row.
        let keys = |keys: usize| n_layer * 2 * keys * n_embd;
        let source = encoder.products() + decoder.memory_products() + keys(source_size);
        let target = decoder.products() + keys(block_size) + keys(source_size);
        6.0 * (target as f64 + source as f64 * source_size as f64 / block_size as f64)
    }
}

/// One core's working memory.
struct Working {
    stacks: Stacks,
    parts: MicroBatches,
    encoded: Encoded,
    decoded: Decoded,
    scratch: block::Scratch,
    /// (N, C) each
    d: Array2<Real>,
    dx: Array2<Real>,
    d_memory: Array2<Real>,
}

impl Working {
    /// Forward of a micro-batch, up to the logits.
    fn forward(&mut self, weights: &[Real], dropout: Dropout) {
        let Self { stacks: Stacks { encoder, decoder }, parts, encoded, decoded, scratch, .. } =
            self;
        let (span, lengths) = (parts.source_span, &parts.lengths);
        let pass = Pass { weights, span, dropout };
        encoder.forward(encoded, &parts.source, lengths, pass, scratch);
        let read = encoder.out(encoded, span.rows());
        let memory = Memory::own(&read, span, Some(lengths));
        let pass = Pass { span: parts.span, ..pass };
        decoder.forward(decoded, &parts.x, memory, pass, scratch);
    }

    /// Backward of a micro-batch, from d loss / d logits.
    fn backward(&mut self, weights: &[Real], dropout: Dropout, gradients: &mut [Real]) {
        let Self { stacks, parts, encoded, decoded, scratch, d, dx, d_memory } = self;
        let Stacks { encoder, decoder } = stacks;
        let (span, lengths, source) = (parts.source_span, &parts.lengths, &parts.source);
        let mut d_memory = d_memory.slice_mut(s![..span.rows(), ..]);
        d_memory.fill(0.0);
        let read = encoder.out(encoded, span.rows());
        let memory = Memory::own(&read, span, Some(lengths));
        let pass = Pass { weights, span: parts.span, dropout };
        let rows = [d, &mut *dx];
        decoder.backward(&mut d_memory, gradients, decoded, &parts.x, memory, pass, scratch, rows);
        let pass = Pass { span, ..pass };
        encoder.backward(&mut d_memory, gradients, encoded, source, lengths, pass, scratch, dx);
    }
}

impl Shard for Working {
    /// Which units drop depends on how a batch is shared: pairs are numbered as they are sorted.
    fn loss_and_gradients(
        &mut self,
        weights: &[Real],
        batch: &Batch,
        rows: Range<usize>,
        conditions: &Conditions,
        gradients: &mut [Real],
    ) -> Losses {
        let (dropout, smoothing) = (conditions.dropout, conditions.label_smoothing);
        let scale = 1.0 / batch.targets() as Real;
        let vocab_size = self.stacks.decoder.output.n_out;
        let mut losses = Losses::default();
        self.parts.begin(batch, rows);
        while self.parts.next(batch) {
            self.forward(weights, dropout);
            let (logits, y) = (self.decoded.logits_mut(self.parts.x.len()), &self.parts.y);
            losses.parts[0] += cross_entropy::right(logits, y, vocab_size) as f64;
            losses.loss += if smoothing > 0.0 {
                cross_entropy::smoothed_cross_entropy_backward(
                    logits, y, vocab_size, smoothing, scale,
                )
            } else {
                cross_entropy::cross_entropy_backward(logits, y, vocab_size, scale)
            };
            self.backward(weights, dropout, gradients);
        }
        losses
    }

    fn loss(
        &mut self,
        weights: &[Real],
        batch: &Batch,
        rows: Range<usize>,
        conditions: &Conditions,
    ) -> Losses {
        let smoothing = conditions.label_smoothing;
        let vocab_size = self.stacks.decoder.output.n_out;
        let mut losses = Losses::default();
        self.parts.begin(batch, rows);
        while self.parts.next(batch) {
            self.forward(weights, Dropout::OFF);
            let (logits, y) = (self.decoded.logits_mut(self.parts.x.len()), &self.parts.y);
            losses.parts[0] += cross_entropy::right(logits, y, vocab_size) as f64;
            losses.loss += if smoothing > 0.0 {
                cross_entropy::smoothed_cross_entropy(logits, y, vocab_size, smoothing)
            } else {
                cross_entropy::cross_entropy(logits, y, vocab_size)
            };
        }
        losses
    }
}
