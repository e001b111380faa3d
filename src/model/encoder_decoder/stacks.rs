//! The two stacks: embeddings and positions, N layers, and with pre-norm a last norm. On top of the decoder, the logits.

use ndarray::{Array2, ArrayRef2, ArrayView2, s};

use super::layers::{Caches, DecoderActivations, DecoderLayer, EncoderActivations, EncoderLayer};
use crate::math::random::{Purpose, stream};
use crate::math::{Real, room};
use crate::model::Config;
use crate::model::config::EmbeddingInit;
use crate::nn::Look;
use crate::nn::attention::Memory;
use crate::nn::block::Scratch;
use crate::nn::embedding::Embedding;
use crate::nn::init::Init;
use crate::nn::layer_norm::{self, LayerNorm};
use crate::nn::linear::Linear;
use crate::nn::parameters::Registry;
use crate::nn::pass::Pass;
use crate::nn::position::sinusoids;
use crate::nn::residual::Norm;
use crate::nn::rows::{contiguous, contiguous_mut, visit_rows};

/// Tokens and places become rows: sqrt(C) times the token's row, plus sinusoids (3.4 and 3.5), then dropout. sqrt(C) is a switch.
#[derive(Clone, Debug)]
pub struct Input {
    table: Embedding,
    /// (longest, C)
    positions: Array2<Real>,
    /// What a token's row is multiplied by.
    scale: Real,
    /// Dropout's place.
    place: u64,
}

fn root(width: usize) -> Real {
    (width as Real).sqrt()
}

impl Input {
    /// Reserves `name.weight` (`tokens`, C).
    pub fn new(
        registry: &mut Registry,
        name: &str,
        [tokens, longest]: [usize; 2],
        place: u64,
        config: &Config,
    ) -> Self {
        let n_embd = config.n_embd;
        Self {
            table: Embedding::new(registry, name, tokens, n_embd),
            positions: sinusoids(longest, n_embd),
            scale: if config.scale_embeddings { root(n_embd) } else { 1.0 },
            place,
        }
    }

    /// PyTorch's N(0, 1) is for tables that are not scaled: unless it is asked for, it is N(0, 1/C) here, so that the scaled
    /// row has variance 1, as the paper's own code has it.
    fn initialise(&self, weights: &mut [Real], config: &Config, index: u64, seed: u64) {
        let (init, shrink) = match config.embedding_init {
            EmbeddingInit::RootWidth => (config.init, config.init == Init::Pytorch),
            EmbeddingInit::Unit => (Init::Pytorch, false),
            EmbeddingInit::Small => (Init::Normal, false),
        };
        self.table.initialise(weights, init, &mut stream(seed, Purpose::Init, index));
        if shrink {
            let scale = root(self.table.width).recip();
            for weight in &mut weights[self.table.table_range()] {
                *weight *= scale;
            }
        }
    }

    /// The rows of tokens as they are before positions are added.
    ///
    /// # Shapes
    /// - y (n, C); ids: n
    pub fn tokens(&self, y: &mut ArrayRef2<Real>, ids: &[u32], weights: &[Real]) {
        self.table.forward(y, ids, weights);
        for y in contiguous_mut(y) {
            *y *= self.scale;
        }
    }

    /// What is added to them, (longest, C).
    pub fn positions(&self) -> &Array2<Real> {
        &self.positions
    }

    /// # Shapes
    /// - y (B*T, C), ids (B*T); the sequences' first position is number `first`
    fn forward(
        &self,
        y: &mut ArrayRef2<Real>,
        ids: &[u32],
        first: usize,
        time: usize,
        weights: &[Real],
    ) {
        self.table.forward(y, ids, weights);
        let (scale, width) = (self.scale, self.table.width);
        let positions = contiguous(&self.positions);
        let positions = &positions[first * width..(first + time) * width];
        let y = contiguous_mut(y);
        for sequence in y.chunks_exact_mut(time * width) {
            for (y, position) in sequence.iter_mut().zip(positions) {
                *y = *y * scale + position;
            }
        }
    }

    /// d (B*T, C), the gradient of the rows, is used up.
    fn backward(
        &self,
        gradients: &mut [Real],
        d: &mut ArrayRef2<Real>,
        ids: &[u32],
        pass: Pass<'_>,
    ) {
        pass.drop(d, self.place);
        let scale = self.scale;
        for d in contiguous_mut(d) {
            *d *= scale;
        }
        self.table.backward(gradients, d, ids);
    }
}

#[derive(Clone, Debug)]
pub struct Encoder {
    pub input: Input,
    layers: Vec<EncoderLayer>,
    norm: Option<LayerNorm>,
}

/// What the encoder keeps for backward and for the eye.
#[derive(Clone, Debug)]
pub struct Encoded {
    /// (B*S, C)
    embedding: Array2<Real>,
    layers: Vec<EncoderActivations>,
    norm: Option<layer_norm::Activations>,
}

#[derive(Clone, Debug)]
pub struct Decoder {
    pub input: Input,
    layers: Vec<DecoderLayer>,
    norm: Option<LayerNorm>,
    pub output: Linear,
}

/// What the decoder keeps for backward and for the eye.
#[derive(Clone, Debug)]
pub struct Decoded {
    /// (B*T, C)
    embedding: Array2<Real>,
    layers: Vec<DecoderActivations>,
    norm: Option<layer_norm::Activations>,
    /// (B*T, V); after the loss, its gradient
    logits: Array2<Real>,
}

/// With pre-norm nothing bounds a stack's output but a last norm.
fn last_norm(registry: &mut Registry, name: &str, config: &Config) -> Option<LayerNorm> {
    (config.norm == Norm::Pre).then(|| LayerNorm::new(registry, name, config.n_embd))
}

impl Encoder {
    /// Reserves `encoder.<i>…` and, with pre-norm, `encoder.norm`.
    pub fn new(registry: &mut Registry, input: Input, config: &Config) -> Self {
        let layers = (0..config.n_layer).map(|i| EncoderLayer::new(registry, i, i, config));
        let layers = layers.collect();
        Self { input, layers, norm: last_norm(registry, "encoder.norm", config) }
    }

    pub fn initialise(&self, weights: &mut [Real], config: &Config, seed: u64) {
        self.input.initialise(weights, config, 0, seed);
        for (layer, index) in self.layers.iter().zip(3..) {
            layer.initialise(weights, config, &mut stream(seed, Purpose::Init, index));
        }
        if let Some(norm) = &self.norm {
            norm.initialise(weights);
        }
    }

    pub fn activations(&self, sequences: usize, config: &Config) -> Encoded {
        let Config { source_size: time, n_embd, .. } = *config;
        let rows = sequences * time;
        let layers = self.layers.iter().map(|layer| layer.activations(sequences, time, n_embd));
        Encoded {
            embedding: room::matrix((rows, n_embd)),
            layers: layers.collect(),
            norm: self.norm.as_ref().map(|_| layer_norm::Activations::new(rows, n_embd)),
        }
    }

    /// Weights that a row of the source is multiplied by.
    pub fn products(&self) -> usize {
        self.layers.iter().map(EncoderLayer::products).sum()
    }

    /// What comes out of the last of the layers `before`, which are the stack's first.
    fn stream<'a>(
        &self,
        embedding: &'a Array2<Real>,
        before: &'a [EncoderActivations],
        n: usize,
    ) -> ArrayView2<'a, Real> {
        match before {
            [] => embedding.slice(s![..n, ..]),
            [.., last] => self.layers[before.len() - 1].out(last, n),
        }
    }

    /// The memory, (B*S, C).
    pub fn out<'a>(&self, a: &'a Encoded, n: usize) -> ArrayView2<'a, Real> {
        match &a.norm {
            Some(norm) => norm.out(n),
            None => self.stream(&a.embedding, &a.layers, n),
        }
    }

    /// # Shapes
    /// - ids (B*S); `lengths` (B): the tokens of each source that are no padding
    pub fn forward(
        &self,
        a: &mut Encoded,
        ids: &[u32],
        lengths: &[usize],
        pass: Pass<'_>,
        scratch: &mut Scratch,
    ) {
        let (n, weights) = (pass.span.rows(), pass.weights);
        let mut embedding = a.embedding.slice_mut(s![..n, ..]);
        self.input.forward(&mut embedding, ids, 0, pass.span.time, weights);
        pass.drop(&mut embedding, self.input.place);
        for (i, layer) in self.layers.iter().enumerate() {
            let (before, rest) = a.layers.split_at_mut(i);
            let x = self.stream(&a.embedding, before, n);
            layer.forward(&mut rest[0], &x, lengths, pass, scratch);
        }
        if let (Some(norm), Some(kept)) = (&self.norm, &mut a.norm) {
            norm.forward(kept, &self.stream(&a.embedding, &a.layers, n), weights);
        }
    }

    /// From d loss / d memory, which is used up, back to every weight. `dx` (N, C) is scratch.
    pub fn backward(
        &self,
        d: &mut ArrayRef2<Real>,
        gradients: &mut [Real],
        a: &Encoded,
        ids: &[u32],
        lengths: &[usize],
        pass: Pass<'_>,
        scratch: &mut Scratch,
        dx: &mut Array2<Real>,
    ) {
        let (n, weights) = (pass.span.rows(), pass.weights);
        if let (Some(norm), Some(kept)) = (&self.norm, &a.norm) {
            let mut dx = dx.slice_mut(s![..n, ..]);
            let last = self.stream(&a.embedding, &a.layers, n);
            norm.backward(&mut dx, gradients, d, &last, kept, weights);
            d.assign(&dx);
        }
        for (i, layer) in self.layers.iter().enumerate().rev() {
            let x = self.stream(&a.embedding, &a.layers[..i], n);
            let kept = &a.layers[i];
            layer.backward(d, gradients, &x, kept, lengths, pass, scratch);
        }
        self.input.backward(gradients, d, ids, pass);
    }

    /// Hands the named values of the first sequence, `length` of whose `time` tokens are no padding, to `look`.
    pub fn visit(&self, a: &Encoded, time: usize, length: usize, look: &mut Look<'_>) {
        visit_rows("source_embedding", &a.embedding, time, look);
        for (layer, a) in self.layers.iter().zip(&a.layers) {
            layer.visit(a, time, length, look);
        }
        visit_rows("memory", &self.out(a, time), time, look);
    }
}

impl Decoder {
    /// Reserves `decoder.<i>…`, with pre-norm `decoder.norm`, and `output`.
    pub fn new(registry: &mut Registry, input: Input, config: &Config) -> Self {
        let n_layer = config.n_layer;
        let layers = (0..n_layer).map(|i| DecoderLayer::new(registry, i, n_layer + i, config));
        let layers = layers.collect();
        let norm = last_norm(registry, "decoder.norm", config);
        let output = Linear::new(registry, "output", config.n_embd, config.vocab_size, true);
        Self { input, layers, norm, output }
    }

    pub fn initialise(&self, weights: &mut [Real], config: &Config, seed: u64) {
        self.input.initialise(weights, config, 1, seed);
        self.output.initialise(weights, config.init, &mut stream(seed, Purpose::Init, 2));
        for (layer, index) in self.layers.iter().zip(3 + self.layers.len() as u64..) {
            layer.initialise(weights, config, &mut stream(seed, Purpose::Init, index));
        }
        if let Some(norm) = &self.norm {
            norm.initialise(weights);
        }
    }

    /// For targets of at most `time` tokens.
    pub fn activations(&self, sequences: usize, time: usize, config: &Config) -> Decoded {
        let Config { source_size, n_embd, .. } = *config;
        let rows = sequences * time;
        let layers = self.layers.iter();
        let layers = layers.map(|layer| layer.activations(sequences, time, source_size, n_embd));
        Decoded {
            embedding: room::matrix((rows, n_embd)),
            layers: layers.collect(),
            norm: self.norm.as_ref().map(|_| layer_norm::Activations::new(rows, n_embd)),
            logits: room::matrix((rows, self.output.n_out)),
        }
    }

    /// Weights that a row of the target is multiplied by.
    pub fn products(&self) -> usize {
        self.layers.iter().map(DecoderLayer::products).sum::<usize>() + self.output.products()
    }

    /// Weights that a row of the memory is multiplied by.
    pub fn memory_products(&self) -> usize {
        self.layers.iter().map(DecoderLayer::memory_products).sum()
    }

    /// What comes out of the last of the layers `before`, which are the stack's first.
    fn stream<'a>(
        &self,
        embedding: &'a Array2<Real>,
        before: &'a [DecoderActivations],
        n: usize,
    ) -> ArrayView2<'a, Real> {
        match before {
            [] => embedding.slice(s![..n, ..]),
            [.., last] => self.layers[before.len() - 1].out(last, n),
        }
    }

    /// # Shapes
    /// - ids (B*T); fills the first B*T rows of the activations, up to the logits
    pub fn forward(
        &self,
        a: &mut Decoded,
        ids: &[u32],
        memory: Memory<'_>,
        pass: Pass<'_>,
        scratch: &mut Scratch,
    ) {
        let (n, weights) = (pass.span.rows(), pass.weights);
        let mut embedding = a.embedding.slice_mut(s![..n, ..]);
        self.input.forward(&mut embedding, ids, 0, pass.span.time, weights);
        pass.drop(&mut embedding, self.input.place);
        for (i, layer) in self.layers.iter().enumerate() {
            let (before, rest) = a.layers.split_at_mut(i);
            let x = self.stream(&a.embedding, before, n);
            layer.forward(&mut rest[0], &x, memory, pass, scratch);
        }
        self.logits(a, n, weights);
    }

    /// Forward of position `position` of many sequences, one row each; `sources[i]` is whose memory row i reads.
    pub fn extend(
        &self,
        a: &mut Decoded,
        caches: &mut [Caches],
        ids: &[u32],
        position: usize,
        sources: &[usize],
        weights: &[Real],
        scratch: &mut Scratch,
    ) {
        let n = ids.len();
        let mut embedding = a.embedding.slice_mut(s![..n, ..]);
        self.input.forward(&mut embedding, ids, position, 1, weights);
        for (i, (layer, caches)) in self.layers.iter().zip(caches).enumerate() {
            let (before, rest) = a.layers.split_at_mut(i);
            let x = self.stream(&a.embedding, before, n);
            layer.extend(&mut rest[0], caches, &x, position, sources, weights, scratch);
        }
        self.logits(a, n, weights);
    }

    fn logits(&self, a: &mut Decoded, n: usize, weights: &[Real]) {
        let Decoded { embedding, layers, norm, logits } = a;
        let last = self.stream(embedding, layers, n);
        let mut logits = logits.slice_mut(s![..n, ..]);
        if let (Some(norm), Some(kept)) = (&self.norm, norm) {
            norm.forward(kept, &last, weights);
            self.output.forward(&mut logits, &kept.out(n), weights);
        } else {
            self.output.forward(&mut logits, &last, weights);
        }
    }

    /// From d loss / d logits, which stands where the logits were, back to every weight, and to `d_memory` (B*S, C), to
    /// which is added. `d` and `dx` (N, C) are scratch.
    pub fn backward(
        &self,
        d_memory: &mut ArrayRef2<Real>,
        gradients: &mut [Real],
        a: &Decoded,
        ids: &[u32],
        memory: Memory<'_>,
        pass: Pass<'_>,
        scratch: &mut Scratch,
        [d, dx]: [&mut Array2<Real>; 2],
    ) {
        let (n, weights) = (pass.span.rows(), pass.weights);
        let (mut d, mut dx) = (d.slice_mut(s![..n, ..]), dx.slice_mut(s![..n, ..]));
        let last = self.stream(&a.embedding, &a.layers, n);
        let d_logits = a.logits.slice(s![..n, ..]);
        if let (Some(norm), Some(kept)) = (&self.norm, &a.norm) {
            self.output.backward(&mut dx, gradients, &d_logits, &kept.out(n), weights);
            norm.backward(&mut d, gradients, &dx, &last, kept, weights);
        } else {
            self.output.backward(&mut d, gradients, &d_logits, &last, weights);
        }
        for (i, layer) in self.layers.iter().enumerate().rev() {
            let (x, kept) = (self.stream(&a.embedding, &a.layers[..i], n), &a.layers[i]);
            layer.backward(&mut d, d_memory, gradients, &x, memory, kept, pass, scratch);
        }
        self.input.backward(gradients, &mut d, ids, pass);
    }

    /// Hands the named values of the first sequence to `look`; `length` of the `source` tokens are no padding.
    pub fn visit(&self, a: &Decoded, sizes: [usize; 3], look: &mut Look<'_>) {
        visit_rows("target_embedding", &a.embedding, sizes[0], look);
        for (layer, a) in self.layers.iter().zip(&a.layers) {
            layer.visit(a, sizes, look);
        }
    }

    /// Room for `rows` answers to `sources` sources.
    pub fn caches(&self, rows: usize, sources: usize, config: &Config) -> Vec<Caches> {
        let Config { block_size, source_size, .. } = *config;
        let layers = self.layers.iter();
        layers.map(|layer| layer.caches(rows, block_size, sources, source_size)).collect()
    }

    /// Keeps the memory's keys and values.
    pub fn remember(
        &self,
        caches: &mut [Caches],
        memory: Memory<'_>,
        weights: &[Real],
        scratch: &mut Scratch,
    ) {
        for (layer, caches) in self.layers.iter().zip(caches) {
            layer.remember(caches, memory, weights, scratch);
        }
    }

    /// Row i continues what row `parents[i]` has written.
    pub fn rearrange(&self, caches: &mut [Caches], parents: &[usize]) {
        for (layer, caches) in self.layers.iter().zip(caches) {
            layer.rearrange(caches, parents);
        }
    }
}

impl Decoded {
    /// (N, V)
    pub fn logits(&self, n: usize) -> ArrayView2<'_, Real> {
        self.logits.slice(s![..n, ..])
    }

    /// (N, V), row-major
    pub fn logits_mut(&mut self, n: usize) -> &mut [Real] {
        let vocab_size = self.logits.ncols();
        &mut contiguous_mut(&mut self.logits)[..n * vocab_size]
    }
}
