//! A recurrent network: token embeddings, recurrent layers, logits. It reads a sequence token by token, and what it knows
//! of all that came before is one state of fixed size (Elman 1990; Mikolov et al. 2010 for language).
//!
//! A state has no window: in generation it runs on past `block_size`, which is only how far training goes back in time.
//!
//! With more than one layer, or dropout, this is PyTorch's `nn.RNN(n_embd, n_hidden, n_layer)` and its like, and dropout
//! on every layer's output, the last one's too.

mod card;
mod one_sequence;

#[cfg(test)]
mod tests;

use ndarray::{Array2, ArrayView2, s};

use crate::math::cross_entropy::IGNORED;
use crate::math::random::{Purpose, stream};
use crate::math::{Real, room, vector};
use crate::model::config::Architecture;
use crate::model::token_shard::TokenShard;
use crate::model::{Batch, Card, Config, Dropout, Inference, LanguageModel, Model, Shard};
use crate::nn::before_attention::recurrent::{self, Cell, Input};
use crate::nn::embedding::Embedding;
use crate::nn::linear::Linear;
use crate::nn::parameters::Registry;
use crate::nn::pass::{Pass, Span};
use crate::nn::rows::contiguous;
use one_sequence::OneSequence;

pub use card::{GRU, LSTM, RNN};

/// A shard goes through its sequences in micro-batches of about so many rows, so that activations stay in the cache …
const MICRO_BATCH_ROWS: usize = 2048;
/// … and of so many sequences: a product for each step should have enough rows to be worth its call.
const FEWEST_SEQUENCES: usize = 16;

/// Sequences of `time` tokens in a micro-batch.
fn together(time: usize) -> usize {
    (MICRO_BATCH_ROWS / time).max(FEWEST_SEQUENCES)
}

#[derive(Clone, Debug)]
pub struct Recurrent {
    config: Config,
    registry: Registry,
    layers: Layers,
}

#[derive(Clone, Debug)]
struct Layers {
    token: Embedding,
    recurrent: Vec<recurrent::Recurrent>,
    lm_head: Linear,
}

impl Recurrent {
    /// # Panics
    /// If the configuration is of another architecture, or has no layer.
    pub fn new(config: &Config) -> Self {
        let Config { vocab_size, n_embd, n_hidden, .. } = *config;
        let (name, cell) = match config.architecture {
            Architecture::Rnn => ("rnn", Cell::Rnn),
            Architecture::Gru => ("gru", Cell::Gru),
            Architecture::Lstm => ("lstm", Cell::Lstm),
            other => panic!("{other:?} is no recurrent network"),
        };
        assert!(config.n_layer > 0, "the logits need a layer");
        let mut registry = Registry::default();
        let r = &mut registry;
        let token = Embedding::new(r, "token_embedding_table", vocab_size, n_embd);
        let layer = |i| {
            let n_in = if i == 0 { n_embd } else { n_hidden };
            recurrent::Recurrent::new(r, name, i, cell, n_in, n_hidden)
        };
        let recurrent = (0..config.n_layer).map(layer).collect();
        let lm_head = Linear::new(r, "lm_head", n_hidden, vocab_size, true);
        Self { config: config.clone(), registry, layers: Layers { token, recurrent, lm_head } }
    }

    fn one_sequence(&self) -> OneSequence {
        OneSequence::new(self.layers.clone(), self.config.block_size, self.registry.len())
    }
}

impl Model for Recurrent {
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
        layers.lm_head.initialise(weights, init, &mut stream(seed, Purpose::Init, 1));
        for (layer, index) in layers.recurrent.iter().zip(2..) {
            let forget_bias = self.config.forget_bias as Real;
            layer.initialise(weights, init, forget_bias, &mut stream(seed, Purpose::Init, index));
        }
    }

    fn shard(&self) -> Box<dyn Shard> {
        let time = self.config.block_size;
        let sequences = together(time);
        let rows = sequences * time;
        Box::new(Working {
            sequences,
            activations: self.layers.activations(sequences, time),
            backward: self.layers.backward_memory(sequences, time),
            layers: self.layers.clone(),
            x: room::list(rows),
            y: room::list(rows),
            from: 0,
        })
    }

    fn inference(&self) -> Box<dyn Inference> {
        Box::new(self.one_sequence())
    }

    fn language_model(&self) -> Option<Box<dyn LanguageModel>> {
        Some(Box::new(self.one_sequence()))
    }

    /// An inference looks at gradients when it is first asked for them.
    fn growth(&self, _: usize) -> [u64; 2] {
        let (layers, time) = (&self.layers, self.config.block_size);
        [0, room::counted(|| one_sequence::Gradient::new(layers, time, self.registry.len()))]
    }

    /// Of the first layer's input there is a product for each token of the vocabulary where these are fewer than a
    /// micro-batch's rows; its weights are not counted then.
    fn operations_per_token(&self) -> f64 {
        let time = self.config.block_size;
        let layers = self.layers.recurrent.iter();
        let mut recurrent: usize = layers.map(recurrent::Recurrent::products).sum();
        if self.config.vocab_size < together(time) * time {
            recurrent -= self.layers.recurrent[0].products_of_input();
        }
        6.0 * (recurrent + self.layers.lm_head.products()) as f64
    }
}

/// What a forward pass keeps. N = T B rows, time-major: row t * B + b is position t of sequence b.
#[derive(Clone, Debug)]
struct Activations {
    /// (N, C)
    embedding: Array2<Real>,
    layers: Vec<Layer>,
    /// (N, V); after the loss, its gradient
    logits: Array2<Real>,
}

#[derive(Clone, Debug)]
struct Layer {
    inside: recurrent::Activations,
    /// (N, H): what comes out, where dropout is on
    dropped: Array2<Real>,
}

impl Layer {
    /// What comes out, (N, H).
    fn out(&self, span: Span, dropout: Dropout) -> ArrayView2<'_, Real> {
        if dropout.p > 0.0 {
            self.dropped.slice(s![..span.rows(), ..])
        } else {
            self.inside.out(span)
        }
    }
}

impl Activations {
    /// Begins sequences with states of zeros.
    fn start(&mut self, sequences: usize) {
        for layer in &mut self.layers {
            layer.inside.start(sequences);
        }
    }
}

/// What comes out of the last of the layers so far; before the first, the embedding.
fn out_of<'a>(
    embedding: &'a Array2<Real>,
    layers: &'a [Layer],
    span: Span,
    dropout: Dropout,
) -> ArrayView2<'a, Real> {
    match layers {
        [] => embedding.slice(s![..span.rows(), ..]),
        [.., last] => last.out(span, dropout),
    }
}

/// Working memory of a backward pass.
#[derive(Clone, Debug)]
struct BackwardMemory {
    /// For each layer (N, H): the gradient of its output; then of its state at every step, with what goes through later steps
    states: Vec<Array2<Real>>,
    /// (N, C)
    embedding: Array2<Real>,
    scratch: recurrent::Scratch,
}

impl Layers {
    /// How many tokens the first layer may read as such in up to so many rows: all, or none where there are too many.
    fn tokens(&self, rows: usize) -> usize {
        if self.token.rows < rows { self.token.rows } else { 0 }
    }

    /// What goes into the layer after those `before`.
    fn input_of<'a>(
        &self,
        embedding: &'a Array2<Real>,
        before: &'a [Layer],
        ids: &'a [u32],
        span: Span,
        weights: &'a [Real],
        dropout: Dropout,
    ) -> Input<'a> {
        if before.is_empty() && self.tokens(ids.len()) > 0 {
            Input::Tokens { table: self.token.table(weights), ids }
        } else {
            Input::Rows(out_of(embedding, before, span, dropout))
        }
    }

    fn activations(&self, sequences: usize, time: usize) -> Activations {
        let rows = sequences * time;
        let layer = |(i, layer): (usize, &recurrent::Recurrent)| Layer {
            inside: layer.activations(sequences, time, if i == 0 { self.tokens(rows) } else { 0 }),
            dropped: room::matrix((rows, layer.n_hidden)),
        };
        Activations {
            embedding: room::matrix((rows, self.token.width)),
            layers: self.recurrent.iter().enumerate().map(layer).collect(),
            logits: room::matrix((rows, self.lm_head.n_out)),
        }
    }

    fn backward_memory(&self, sequences: usize, time: usize) -> BackwardMemory {
        let rows = sequences * time;
        let state = |layer: &recurrent::Recurrent| room::matrix((rows, layer.n_hidden));
        BackwardMemory {
            states: self.recurrent.iter().map(state).collect(),
            embedding: room::matrix((rows, self.token.width)),
            scratch: self.recurrent[0].scratch(sequences, time, self.tokens(rows)),
        }
    }

    /// From token ids to the last layer's output, from the states that stand there.
    fn forward(
        &self,
        a: &mut Activations,
        x: &[u32],
        span: Span,
        weights: &[Real],
        dropout: Dropout,
    ) {
        let n = span.rows();
        let Activations { embedding, layers, .. } = a;
        self.token.forward(&mut embedding.slice_mut(s![..n, ..]), x, weights);
        for (i, recurrent) in self.recurrent.iter().enumerate() {
            let (before, rest) = layers.split_at_mut(i);
            let Layer { inside, dropped } = &mut rest[0];
            let input = self.input_of(embedding, before, x, span, weights, dropout);
            recurrent.forward(inside, input, span, weights);
            if dropout.p > 0.0 {
                let mut dropped = dropped.slice_mut(s![..n, ..]);
                dropped.assign(&inside.out(span));
                dropout.apply_time_major(&mut dropped, i as u64, span.first, span.sequences);
            }
        }
    }

    /// The logits of the rows from number `from` on.
    fn logits<'a>(
        &self,
        a: &'a mut Activations,
        from: usize,
        span: Span,
        weights: &[Real],
        dropout: Dropout,
    ) -> &'a mut [Real] {
        let last = out_of(&a.embedding, &a.layers, span, dropout);
        let mut logits = a.logits.slice_mut(s![from..span.rows(), ..]);
        self.lm_head.forward(&mut logits, &last.slice(s![from.., ..]), weights);
        logits.into_slice().expect("standard layout")
    }

    /// From d loss / d logits, which stands where the logits of the rows from number `from` on were, back to every weight.
    fn backward(
        &self,
        memory: &mut BackwardMemory,
        a: &Activations,
        x: &[u32],
        from: usize,
        span: Span,
        weights: &[Real],
        gradients: &mut [Real],
        dropout: Dropout,
    ) {
        let (n, count) = (span.rows(), self.recurrent.len());
        let BackwardMemory { states, embedding, scratch } = memory;
        let last = out_of(&a.embedding, &a.layers, span, dropout);
        let (mut unasked, mut d) = states[count - 1].view_mut().split_at(ndarray::Axis(0), from);
        unasked.fill(0.0);
        self.lm_head.backward(
            &mut d.slice_mut(s![..n - from, ..]),
            gradients,
            &a.logits.slice(s![from..n, ..]),
            &last.slice(s![from.., ..]),
            weights,
        );
        for (i, layer) in self.recurrent.iter().enumerate().rev() {
            let (below, rest) = states.split_at_mut(i);
            let dx = below.last_mut().unwrap_or(embedding);
            let mut d = rest[0].slice_mut(s![..n, ..]);
            dropout.apply_time_major(&mut d, i as u64, span.first, span.sequences);
            let input = self.input_of(&a.embedding, &a.layers[..i], x, span, weights, dropout);
            let different = match input {
                Input::Rows(_) => n,
                Input::Tokens { .. } => self.token.rows,
            };
            layer.backward(
                &mut dx.slice_mut(s![..different, ..]),
                gradients,
                &mut d,
                input,
                &a.layers[i].inside,
                span,
                weights,
                scratch,
            );
        }
        match self.tokens(n) {
            0 => self.token.backward(gradients, &embedding.slice(s![..n, ..]), x),
            tokens => {
                let d_table = embedding.slice(s![..tokens, ..]);
                vector::add(&mut gradients[self.token.table_range()], contiguous(&d_table));
            }
        }
    }
}

struct Working {
    layers: Layers,
    /// Sequences in a micro-batch.
    sequences: usize,
    activations: Activations,
    backward: BackwardMemory,
    /// (N): token ids and targets of a micro-batch, time-major
    x: Vec<u32>,
    y: Vec<u32>,
    /// The first row that something is asked at.
    from: usize,
}

/// The rows of a micro-batch, step by step instead of sequence by sequence.
fn time_major(to: &mut Vec<u32>, from: &[u32], span: Span) {
    let Span { sequences, time, first } = span;
    to.clear();
    to.extend((0..span.rows()).map(|row| from[(first + row % sequences) * time + row / sequences]));
}

impl TokenShard for Working {
    fn vocab_size(&self) -> usize {
        self.layers.lm_head.n_out
    }

    fn together(&self, _time: usize) -> usize {
        self.sequences
    }

    /// There are logits from the first row on that something is asked at: the rows before it, all of them where a task asks
    /// at the end alone, are saved.
    fn forward<'a>(&'a mut self, batch: &'a Batch, pass: Pass<'_>) -> (&'a mut [Real], &'a [u32]) {
        let Pass { weights, span, dropout } = pass;
        let Self { layers, activations: a, x, y, from, .. } = self;
        time_major(y, &batch.y, span);
        let Some(first) = y.iter().position(|target| *target != IGNORED) else {
            return (&mut [], &[]);
        };
        *from = first;
        time_major(x, &batch.x, span);
        a.start(span.sequences);
        layers.forward(a, x, span, weights, dropout);
        (layers.logits(a, first, span, weights, dropout), &y[first..])
    }

    fn backward(&mut self, gradients: &mut [Real], _batch: &Batch, pass: Pass<'_>) {
        let Pass { weights, span, dropout } = pass;
        let Self { layers, activations: a, backward, x, from, .. } = self;
        layers.backward(backward, a, x, *from, span, weights, gradients, dropout);
    }
}
