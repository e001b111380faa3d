//! Dilated causal convolutions over tokens: the decoder of ByteNet (Kalchbrenner et al. 2016) as a language model.
//!
//! Token embedding, [`ConvBlock`]s whose taps stand 1, 2, 4 … positions apart, LayerNorm, logits. There are no positions to
//! add: a convolution knows which tap it reads. What an output can know of is its receptive field, 1 + (kernel - 1) * (sum of
//! the dilations) tokens, and two tokens at distance d meet after about log2(d) layers.

mod card;

use ndarray::{Array2, ArrayView2, s};

use crate::math::random::{Purpose, stream};
use crate::math::{Real, cross_entropy, room};
use crate::model::batch::asked;
use crate::model::token_shard::TokenShard;
use crate::model::{Batch, Card, Config, Inference, LanguageModel, Look, Model, Output, Shard};
use crate::nn::before_attention::conv_block::{self, ConvBlock};
use crate::nn::embedding::Embedding;
use crate::nn::layer_norm::{self, LayerNorm};
use crate::nn::linear::Linear;
use crate::nn::parameters::Registry;
use crate::nn::pass::{Pass, Span};
use crate::nn::rows::{contiguous, contiguous_mut, row_norms, visit_logits, visit_rows};

pub use card::KIND;

/// A shard goes through its sequences in micro-batches of at most so many rows, or one sequence.
const MICRO_BATCH_ROWS: usize = 512;

#[derive(Clone, Debug)]
pub struct Conv {
    config: Config,
    registry: Registry,
    layers: Layers,
}

#[derive(Clone, Debug)]
struct Layers {
    token: Embedding,
    blocks: Vec<ConvBlock>,
    final_norm: LayerNorm,
    lm_head: Linear,
}

impl Conv {
    pub fn new(config: &Config) -> Self {
        let Config { vocab_size, n_hidden, kernel, .. } = *config;
        let mut registry = Registry::default();
        let r = &mut registry;
        let layers = Layers {
            token: Embedding::new(r, "token_embedding_table", vocab_size, n_hidden),
            blocks: (0..config.n_layer).map(|i| ConvBlock::new(r, i, n_hidden, kernel)).collect(),
            final_norm: LayerNorm::new(r, "ln_f", n_hidden),
            lm_head: Linear::new(r, "lm_head", n_hidden, vocab_size, true),
        };
        Self { config: config.clone(), registry, layers }
    }

    /// How many tokens, itself included, the logits at a position depend on.
    pub fn receptive_field(&self) -> usize {
        1 + self.layers.blocks.iter().map(ConvBlock::reach).sum::<usize>()
    }

    fn working(&self, rows: usize) -> Working {
        let Config { vocab_size, n_hidden, kernel, .. } = self.config;
        let [embedding, d, dx] = [(); 3].map(|()| room::matrix((rows, n_hidden)));
        Working {
            layers: self.layers.clone(),
            rows,
            embedding,
            blocks: self.layers.blocks.iter().map(|block| block.activations(rows)).collect(),
            final_norm: layer_norm::Activations::new(rows, n_hidden),
            logits: room::matrix((rows, vocab_size)),
            scratch: conv_block::Scratch::new(rows, n_hidden, kernel),
            d,
            dx,
        }
    }
}

impl Model for Conv {
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
        let (init, layers) = (self.config.init, &self.layers);
        layers.token.initialise(weights, init, &mut stream(seed, Purpose::Init, 0));
        layers.lm_head.initialise(weights, init, &mut stream(seed, Purpose::Init, 1));
        layers.final_norm.initialise(weights);
        for (block, index) in layers.blocks.iter().zip(2..) {
            block.initialise(weights, init, &mut stream(seed, Purpose::Init, index));
        }
    }

    fn shard(&self) -> Box<dyn Shard> {
        Box::new(self.working(MICRO_BATCH_ROWS.max(self.config.block_size)))
    }

    fn inference(&self) -> Box<dyn Inference> {
        Box::new(self.one_sequence())
    }

    fn language_model(&self) -> Option<Box<dyn LanguageModel>> {
        Some(Box::new(self.one_sequence()))
    }

    fn operations_per_token(&self) -> f64 {
        let layers = &self.layers;
        let blocks = layers.blocks.iter().map(ConvBlock::products).sum::<usize>();
        6.0 * (blocks + layers.lm_head.products()) as f64
    }
}

/// Layers with their activations, for at most `rows` positions at once; N of them.
struct Working {
    layers: Layers,
    rows: usize,
    /// (N, C)
    embedding: Array2<Real>,
    blocks: Vec<conv_block::Activations>,
    final_norm: layer_norm::Activations,
    /// (N, V); after the loss, its gradient
    logits: Array2<Real>,
    scratch: conv_block::Scratch,
    /// (N, C): the gradient of the residual stream; after backward, of the embedding
    d: Array2<Real>,
    /// (N, C)
    dx: Array2<Real>,
}

impl Working {
    /// What goes into block i; for i = number of blocks, what comes out of the last.
    fn stream<'a>(
        embedding: &'a Array2<Real>,
        before: &'a [conv_block::Activations],
        n: usize,
    ) -> ArrayView2<'a, Real> {
        before.last().map_or(embedding, |last| &last.out).slice(s![..n, ..])
    }

    fn run(&mut self, x: &[u32], pass: Pass<'_>) {
        let weights = pass.weights;
        let (n, Self { layers, embedding, blocks, final_norm, logits, scratch, .. }) =
            (x.len(), self);
        layers.token.forward(&mut embedding.slice_mut(s![..n, ..]), x, weights);
        for (i, block) in layers.blocks.iter().enumerate() {
            let (before, rest) = blocks.split_at_mut(i);
            let x = Self::stream(embedding, before, n);
            block.forward(&mut rest[0], &x, pass, scratch);
        }
        layers.final_norm.forward(final_norm, &Self::stream(embedding, blocks, n), weights);
        layers.lm_head.forward(&mut logits.slice_mut(s![..n, ..]), &final_norm.out(n), weights);
    }

    /// The first n rows of the logits.
    fn logits_mut(&mut self, n: usize) -> &mut [Real] {
        let values = n * self.layers.lm_head.n_out;
        &mut contiguous_mut(&mut self.logits)[..values]
    }

    /// From d loss / d logits, which stands where the logits were, back to every weight.
    fn run_backward(&mut self, gradients: &mut [Real], x: &[u32], pass: Pass<'_>) {
        let (n, weights) = (x.len(), pass.weights);
        let Self { layers, embedding, blocks, final_norm, logits, scratch, d, dx, .. } = self;
        let (mut d, mut dx) = (d.slice_mut(s![..n, ..]), dx.slice_mut(s![..n, ..]));
        let d_logits = logits.slice(s![..n, ..]);
        layers.lm_head.backward(&mut dx, gradients, &d_logits, &final_norm.out(n), weights);
        let last = Self::stream(embedding, blocks, n);
        layers.final_norm.backward(&mut d, gradients, &dx, &last, final_norm, weights);
        for (i, block) in layers.blocks.iter().enumerate().rev() {
            let x = Self::stream(embedding, &blocks[..i], n);
            block.backward(&mut d, gradients, &x, &blocks[i], pass, scratch);
        }
        layers.token.backward(gradients, &d, x);
    }
}

impl TokenShard for Working {
    fn vocab_size(&self) -> usize {
        self.layers.lm_head.n_out
    }

    fn together(&self, time: usize) -> usize {
        (self.rows / time).clamp(1, (MICRO_BATCH_ROWS / time).max(1))
    }

    fn forward<'a>(&'a mut self, batch: &'a Batch, pass: Pass<'_>) -> (&'a mut [Real], &'a [u32]) {
        self.run(pass.span.of(&batch.x), pass);
        (self.logits_mut(pass.span.rows()), pass.span.of(&batch.y))
    }

    fn backward(&mut self, gradients: &mut [Real], batch: &Batch, pass: Pass<'_>) {
        self.run_backward(gradients, pass.span.of(&batch.x), pass);
    }
}

impl Conv {
    fn one_sequence(&self) -> OneSequence {
        let (rows, vocab_size) = (self.config.block_size, self.config.vocab_size);
        OneSequence {
            working: self.working(rows),
            tokens: 0,
            logits: room::matrix((rows, vocab_size)),
            gradients: room::zeros(self.registry.len()),
            gradient_norms: room::list(rows),
        }
    }
}

struct OneSequence {
    working: Working,
    /// Of the last forward.
    tokens: usize,
    /// (T, V)
    logits: Array2<Real>,
    /// Of the weights, on the way to those of the embeddings.
    gradients: Vec<Real>,
    /// (T), where the last example had a target
    gradient_norms: Vec<Real>,
}

impl Inference for OneSequence {
    fn look(&mut self, weights: &[Real], subject: &Batch) {
        let (x, y) = (&subject.x[..subject.time], &subject.y);
        self.forward(weights, x);
        let targets = asked(y).count();
        if targets > 0 {
            let (vocab_size, working) = (self.working.layers.lm_head.n_out, &mut self.working);
            let logits = working.logits_mut(x.len());
            let scale = 1.0 / targets as Real;
            cross_entropy::cross_entropy_backward(logits, y, vocab_size, scale);
            working.run_backward(&mut self.gradients, x, Pass::over(Span::one(x.len()), weights));
            row_norms(&mut self.gradient_norms, &working.d.slice(s![..x.len(), ..]));
        }
    }

    /// - `embedding` (T, C); with a target: `embedding.gradient_norm` (T), the size of d loss / d embedding
    /// - `layers.0.conv` (T, C / 2): the convolution's output; `layers.0` (T, C): the block's
    /// - `ln_f` (T, C), `logits` (T, V), `probabilities` (T, V)
    fn visit(&self, look: &mut Look<'_>) {
        let (time, working) = (self.tokens, &self.working);
        visit_rows("embedding", &working.embedding, time, look);
        if !self.gradient_norms.is_empty() {
            look("embedding.gradient_norm", &[time], &self.gradient_norms);
        }
        for (block, a) in working.layers.blocks.iter().zip(&working.blocks) {
            block.visit(a, time, look);
        }
        visit_rows("ln_f", &working.final_norm.out, time, look);
        visit_logits(&self.logits(), look);
    }

    fn produce(&mut self, weights: &[Real], batch: &Batch) -> Output {
        batch.answers(self.logits.ncols(), |x, answer| {
            self.forward(weights, x);
            answer(contiguous(&self.logits()));
        })
    }
}

impl LanguageModel for OneSequence {
    fn forward(&mut self, weights: &[Real], tokens: &[u32]) {
        let time = tokens.len();
        assert!(time > 0 && time <= self.logits.nrows(), "1 to block_size tokens");
        self.tokens = time;
        self.gradient_norms.clear();
        self.working.run(tokens, Pass::over(Span::one(time), weights));
        self.logits.slice_mut(s![..time, ..]).assign(&self.working.logits.slice(s![..time, ..]));
    }

    fn next_logits(&mut self, weights: &[Real], context: &[u32]) -> &[Real] {
        let seen = context.len().min(self.logits.nrows());
        self.forward(weights, &context[context.len() - seen..]);
        let logits = self.logits.row(seen - 1);
        logits.to_slice().expect("standard layout")
    }

    fn logits(&self) -> ArrayView2<'_, Real> {
        self.logits.slice(s![..self.tokens, ..])
    }
}
