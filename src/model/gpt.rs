//! The configurable GPT: embeddings, blocks, logits. Every stage of the lecture after the bigram is a setting of it.

mod card;

use ndarray::{Array2, ArrayView2, s};

use super::config::Fault;
use super::token_shard::TokenShard;
use super::{Batch, Card, Config, Inference, LanguageModel, Look, Model, Output, Shard};
use crate::math::random::{Purpose, stream};
use crate::math::{LANES, Real, room, tiles};
use crate::nn::attention::{self, Keys};
use crate::nn::block::{self, Block};
use crate::nn::embedding::Embedding;
use crate::nn::faulty_attention;
use crate::nn::layer_norm::{self, LayerNorm};
use crate::nn::linear::Linear;
use crate::nn::parameters::Registry;
use crate::nn::pass::{Pass, Span};
use crate::nn::position::PositionEncoding;
use crate::nn::rows::{contiguous, contiguous_mut, visit_logits, visit_rows};

pub use card::KIND;

/// A shard goes through its sequences in micro-batches of at most so many rows, or one sequence: the 10.8M model then
/// needs a tenth of the memory.
const MICRO_BATCH_ROWS: usize = 512;

#[derive(Clone, Debug)]
pub struct Gpt {
    config: Config,
    registry: Registry,
    layers: Layers,
}

#[derive(Clone, Debug)]
struct Layers {
    attention: attention::Settings,
    fault: Fault,
    token: Embedding,
    position: PositionEncoding,
    blocks: Vec<Block>,
    final_norm: Option<LayerNorm>,
    lm_head: Linear,
}

impl Gpt {
    pub fn new(config: &Config) -> Self {
        let Config { vocab_size, block_size, n_embd, .. } = *config;
        let settings = config.block();
        let mut registry = Registry::default();
        let r = &mut registry;
        let layers = Layers {
            attention: settings.attention,
            fault: settings.fault,
            token: Embedding::new(r, "token_embedding_table", vocab_size, n_embd),
            position: PositionEncoding::new(r, config.position, block_size, n_embd),
            blocks: (0..config.n_layer).map(|i| Block::new(r, i, &settings)).collect(),
            final_norm: config.final_norm.then(|| LayerNorm::new(r, "ln_f", n_embd)),
            lm_head: Linear::new(r, "lm_head", n_embd, vocab_size, true),
        };
        Self { config: config.clone(), registry, layers }
    }

    fn one_sequence(&self) -> OneSequence {
        let time = self.config.block_size;
        OneSequence {
            layers: self.layers.clone(),
            activations: self.layers.activations(1, time),
            scratch: self.layers.scratch(1, time),
            tokens: room::list(time),
            caches: self.layers.blocks.iter().filter_map(|block| block.cache(time)).collect(),
            cached: room::list(time),
            token: room::matrix((time, self.config.n_embd)),
            position: room::matrix((time, self.config.n_embd)),
        }
    }
}

impl Model for Gpt {
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
        let init = self.config.init;
        let layers = &self.layers;
        layers.token.initialise(weights, init, &mut stream(seed, Purpose::Init, 0));
        layers.position.initialise(weights, init, &mut stream(seed, Purpose::Init, 1));
        layers.lm_head.initialise(weights, init, &mut stream(seed, Purpose::Init, 2));
        if let Some(norm) = &layers.final_norm {
            norm.initialise(weights);
        }
        for (block, index) in layers.blocks.iter().zip(3..) {
            block.initialise(weights, init, &mut stream(seed, Purpose::Init, index));
        }
    }

    fn shard(&self) -> Box<dyn Shard> {
        let time = self.config.block_size;
        let sequences = self.layers.micro_batch(time, tiles::second_cache());
        let rows = sequences * time;
        Box::new(Working {
            layers: self.layers.clone(),
            sequences,
            activations: self.layers.activations(sequences, time),
            scratch: self.layers.scratch(sequences, time),
            d: room::matrix((rows, self.config.n_embd)),
            dx: room::matrix((rows, self.config.n_embd)),
        })
    }

    fn inference(&self) -> Box<dyn Inference> {
        Box::new(self.one_sequence())
    }

    fn language_model(&self) -> Option<Box<dyn LanguageModel>> {
        Some(Box::new(self.one_sequence()))
    }

    fn operations_per_token(&self) -> f64 {
        let products: usize = self.layers.blocks.iter().map(Block::products).sum::<usize>()
            + self.layers.lm_head.products();
        // q·k and weights·v: 2 products of T x C for a token and a block, each 2 operations, and twice that backward.
        let attention = self.config.n_layer * 2 * self.config.block_size * self.config.n_embd;
        6.0 * (products + attention) as f64
    }
}

/// What a forward pass keeps. N rows; in words of the lecture, x flows from `embedding` through the blocks to `logits`.
#[derive(Clone, Debug)]
struct Activations {
    /// (N, C): token plus position
    embedding: Array2<Real>,
    blocks: Vec<block::Activations>,
    final_norm: Option<layer_norm::Activations>,
    /// (N, V); after the loss, its gradient
    logits: Array2<Real>,
}

impl Layers {
    fn scratch(&self, sequences: usize, time: usize) -> block::Scratch {
        let (n_embd, faulty) = (self.token.width, self.fault != Fault::None);
        let faulty = faulty.then(|| faulty_attention::Scratch::new(sequences, time, n_embd));
        let right = block::Scratch::new(sequences, time, 4 * n_embd, &self.attention);
        block::Scratch { faulty, ..right }
    }

    /// Sequences of a micro-batch: so many that what a block keeps of them fills three quarters of the second cache, of so many
    /// bytes, and the next one finds there what it reads. Where these would be fewer rows than the model is wide, to read the
    /// weights once more for each micro-batch, and to add to their gradients, would take longer than that saves.
    fn micro_batch(&self, time: usize, cache: usize) -> usize {
        let most = (MICRO_BATCH_ROWS / time).max(1);
        let Some(block) = self.blocks.first() else { return most };
        // Attention over few tokens keeps as many sequences side by side as a vector has lanes.
        let together = LANES.min(most);
        let kept = room::counted(|| block.activations(together, time, self.token.width));
        let kept = (kept / together as u64).max(1);
        let in_cache = (cache as u64 * 3 / 4 / kept) as usize;
        if in_cache * time < self.token.width { most } else { in_cache.min(most) }
    }

    fn activations(&self, sequences: usize, time: usize) -> Activations {
        let (rows, n_embd) = (sequences * time, self.token.width);
        Activations {
            embedding: room::matrix((rows, n_embd)),
            blocks: self.blocks.iter().map(|b| b.activations(sequences, time, n_embd)).collect(),
            final_norm: self
                .final_norm
                .as_ref()
                .map(|_| layer_norm::Activations::new(rows, n_embd)),
            logits: room::matrix((rows, self.lm_head.n_out)),
        }
    }

    /// What comes out of the last of the blocks `before`, which are the model's first; the embedding if there are none.
    fn stream_after<'a>(
        &self,
        embedding: &'a Array2<Real>,
        before: &'a [block::Activations],
        n: usize,
    ) -> ArrayView2<'a, Real> {
        match before {
            [] => embedding.slice(s![..n, ..]),
            [.., last] => self.blocks[before.len() - 1].out(last, n),
        }
    }

    /// What goes into block i; for i = number of blocks, what comes out of the last.
    fn stream<'a>(&self, a: &'a Activations, i: usize, n: usize) -> ArrayView2<'a, Real> {
        self.stream_after(&a.embedding, &a.blocks[..i], n)
    }

    /// Fills the activations for the token ids x, N of them.
    fn forward(
        &self,
        a: &mut Activations,
        x: &[u32],
        pass: Pass<'_>,
        scratch: &mut block::Scratch,
    ) {
        let (n, weights) = (pass.span.rows(), pass.weights);
        let mut embedding = a.embedding.slice_mut(s![..n, ..]);
        self.token.forward(&mut embedding, x, weights);
        self.position.forward(&mut embedding, pass.span.time, weights);
        for (i, block) in self.blocks.iter().enumerate() {
            let (before, rest) = a.blocks.split_at_mut(i);
            let x = self.stream_after(&a.embedding, before, n);
            block.forward(&mut rest[0], &x, pass, scratch);
        }
        self.logits(a, n, weights);
    }

    /// From the last block's output to the first n rows of the logits.
    fn logits(&self, a: &mut Activations, n: usize, weights: &[Real]) {
        let Activations { embedding, blocks, final_norm, logits } = a;
        let last = self.stream_after(embedding, blocks, n);
        let mut logits = logits.slice_mut(s![..n, ..]);
        if let (Some(norm), Some(kept)) = (&self.final_norm, final_norm) {
            norm.forward(kept, &last, weights);
            self.lm_head.forward(&mut logits, &kept.out(n), weights);
        } else {
            self.lm_head.forward(&mut logits, &last, weights);
        }
    }

    /// From d loss / d logits, which stands where the logits were, back to every weight. `d` and `dx` (N, C) are scratch.
    fn backward(
        &self,
        a: &Activations,
        x: &[u32],
        gradients: &mut [Real],
        pass: Pass<'_>,
        scratch: &mut block::Scratch,
        [d, dx]: [&mut Array2<Real>; 2],
    ) {
        let (n, weights) = (pass.span.rows(), pass.weights);
        let (mut d, mut dx) = (d.slice_mut(s![..n, ..]), dx.slice_mut(s![..n, ..]));
        let last = self.stream(a, self.blocks.len(), n);
        let d_logits = a.logits.slice(s![..n, ..]);
        if let (Some(norm), Some(kept)) = (&self.final_norm, &a.final_norm) {
            self.lm_head.backward(&mut dx, gradients, &d_logits, &kept.out(n), weights);
            norm.backward(&mut d, gradients, &dx, &last, kept, weights);
        } else {
            self.lm_head.backward(&mut d, gradients, &d_logits, &last, weights);
        }
        for (i, block) in self.blocks.iter().enumerate().rev() {
            let x = self.stream(a, i, n);
            block.backward(&mut d, gradients, &x, &a.blocks[i], pass, scratch);
        }
        self.position.backward(gradients, &d, pass.span.time);
        self.token.backward(gradients, &d, x);
    }
}

struct Working {
    layers: Layers,
    /// Sequences in a micro-batch.
    sequences: usize,
    activations: Activations,
    scratch: block::Scratch,
    /// (N, C): the gradient of the residual stream
    d: Array2<Real>,
    /// (N, C)
    dx: Array2<Real>,
}

impl TokenShard for Working {
    fn vocab_size(&self) -> usize {
        self.layers.lm_head.n_out
    }

    fn together(&self, _time: usize) -> usize {
        self.sequences
    }

    fn forward<'a>(&'a mut self, batch: &'a Batch, pass: Pass<'_>) -> (&'a mut [Real], &'a [u32]) {
        let Self { layers, activations: a, scratch, .. } = self;
        layers.forward(a, pass.span.of(&batch.x), pass, scratch);
        let values = pass.span.rows() * layers.lm_head.n_out;
        (&mut contiguous_mut(&mut a.logits)[..values], pass.span.of(&batch.y))
    }

    fn backward(&mut self, gradients: &mut [Real], batch: &Batch, pass: Pass<'_>) {
        let Self { layers, activations: a, scratch, d, dx, .. } = self;
        layers.backward(a, pass.span.of(&batch.x), gradients, pass, scratch, [d, dx]);
    }
}

struct OneSequence {
    layers: Layers,
    activations: Activations,
    scratch: block::Scratch,
    /// Of the last forward.
    tokens: Vec<u32>,
    /// One a block, unless they are faulty: the keys and values of the tokens `cached`.
    caches: Vec<attention::Cache>,
    cached: Vec<u32>,
    /// (block_size, C): the two summands of the embedding
    token: Array2<Real>,
    position: Array2<Real>,
}

impl OneSequence {
    /// Runs one more token through the model; its logits are then the first row.
    fn extend(&mut self, weights: &[Real], token: u32) {
        let position = self.cached.len();
        let Self { layers, activations: a, scratch, caches, .. } = self;
        let mut embedding = a.embedding.slice_mut(s![..1, ..]);
        layers.token.forward(&mut embedding, &[token], weights);
        if let Some(table) = layers.position.table(weights) {
            embedding += &table.slice(s![position..=position, ..]);
        }
        for (i, (block, cache)) in layers.blocks.iter().zip(caches).enumerate() {
            let (before, rest) = a.blocks.split_at_mut(i);
            let x = layers.stream_after(&a.embedding, before, 1);
            block.extend(&mut rest[0], cache, &x, position, weights, scratch);
        }
        layers.logits(a, 1, weights);
        self.tokens.clear();
        self.cached.push(token);
    }
}

impl Inference for OneSequence {
    fn look(&mut self, weights: &[Real], subject: &Batch) {
        self.forward(weights, &subject.x);
    }

    fn produce(&mut self, weights: &[Real], batch: &Batch) -> Output {
        batch.answers(self.layers.lm_head.n_out, |x, answer| {
            self.forward(weights, x);
            answer(contiguous(&self.logits()));
        })
    }

    fn visit(&self, look: &mut Look<'_>) {
        let (time, a) = (self.tokens.len(), &self.activations);
        let mut rows = |name: &str, values: &Array2<Real>| visit_rows(name, values, time, look);
        rows("embedding.token", &self.token);
        if !matches!(self.layers.position, PositionEncoding::None) {
            rows("embedding.position", &self.position);
        }
        rows("embedding", &a.embedding);
        if let Some(norm) = &a.final_norm {
            rows("ln_f", &norm.out);
        }
        for (block, a) in self.layers.blocks.iter().zip(&a.blocks) {
            block.visit(a, time, look);
        }
        visit_logits(&self.logits(), look);
    }
}

impl LanguageModel for OneSequence {
    fn forward(&mut self, weights: &[Real], tokens: &[u32]) {
        let time = tokens.len();
        assert!(time > 0 && time <= self.token.nrows(), "1 to block_size tokens");
        self.tokens.clear();
        self.tokens.extend_from_slice(tokens);
        let layers = &self.layers;
        let pass = Pass::over(Span::one(time), weights);
        layers.forward(&mut self.activations, tokens, pass, &mut self.scratch);
        layers.token.forward(&mut self.token.slice_mut(s![..time, ..]), tokens, weights);
        if let Some(table) = layers.position.table(weights) {
            self.position.slice_mut(s![..time, ..]).assign(&table.slice(s![..time, ..]));
        }
    }

    fn next_logits(&mut self, weights: &[Real], context: &[u32]) -> &[Real] {
        let (block_size, vocab_size) = (self.token.nrows(), self.layers.lm_head.n_out);
        let mut last = 0;
        // Without the mask an earlier position sees later ones, and with a fault it may: nothing of it can be kept.
        let Layers { attention, fault, .. } = &self.layers;
        let kept = attention.keys == Keys::Earlier && fault.is_none();
        if context.len() > block_size || !kept {
            self.cached.clear();
            self.forward(weights, &context[context.len().saturating_sub(block_size)..]);
            last = self.tokens.len() - 1;
        } else {
            if context.len() <= self.cached.len() || !context.starts_with(&self.cached) {
                self.cached.clear();
            }
            for &token in &context[self.cached.len()..] {
                self.extend(weights, token);
            }
        }
        let logits = contiguous(&self.activations.logits);
        &logits[last * vocab_size..(last + 1) * vocab_size]
    }

    fn logits(&self) -> ArrayView2<'_, Real> {
        self.activations.logits.slice(s![..self.tokens.len(), ..])
    }
}

#[cfg(test)]
mod tests {
    use super::super::config::{FeedForward, Norm};
    use super::*;

    #[test]
    fn a_micro_batch_stays_in_the_second_cache_where_it_is_wide_enough_for_the_model() {
        let sequences = |time: usize, n_embd: usize, n_layer: usize, kib: usize| {
            let config = Config {
                vocab_size: 65,
                block_size: time,
                n_embd,
                n_layer,
                n_head: 4,
                residual: true,
                projection: true,
                feed_forward: FeedForward::Mlp4,
                norm: Norm::Pre,
                ..Config::default()
            };
            Gpt::new(&config).layers.micro_batch(time, kib * 256 * size_of::<Real>())
        };
        // Caches in KiB for numbers of 4 bytes: 32 rows of a block of 64 keep 160, 64 rows of one of 128 keep 640.
        assert_eq!([256, 512, 1024].map(|kib| sequences(32, 64, 4, kib)), [16, 2, 4]);
        assert_eq!([512, 1024, 2048].map(|kib| sequences(64, 128, 4, kib)), [8, 8, 2]);
        assert_eq!(sequences(32, 64, 0, 512), 16);
        for time in [1, 3, 8, 16, 17, 100, 512, 600, 1 << 20] {
            for kib in [0, 1, 256, 1 << 20] {
                let found = sequences(time, 64, 3, kib);
                assert!(found == 1 || (1..=MICRO_BATCH_ROWS / time).contains(&found));
            }
        }
    }
}
