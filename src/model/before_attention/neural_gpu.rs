//! The Neural GPU: the whole input stands on a tape, and one gated convolution runs over all of it, again and again.
//!
//! From Kaiser and Sutskever 2015 ("Neural GPUs Learn Algorithms"): the tape's first state is the embedded input, one token a
//! cell; a [`ConvGru`] is applied as many times as the tape is long, always with the same weights. From Kaiser and Bengio
//! 2016 ("Can Active Memory Replace Attention?"), which calls this an active memory and adds a decoder: it starts from the last
//! state and an empty output tape p; each step applies CGRU^d to state and p, reads one symbol from the state by a linear
//! layer, and writes the symbol's embedding on p, so that the next step knows what has been said. In training the true symbol is
//! written, otherwise the likeliest.
//!
//! Ours is simpler than theirs: the tape is one cell wide, each pass is one unit and not a stack, symbol j is read and written where
//! the example asks it (they use cell j), and there is neither gradient noise nor parameter sharing relaxation. Their dropout
//! on the tape and their cut-off of the gates are switches, off unless asked for, as are gates that keep a neighbour's state
//! (`diagonal_gates`, of Freivalds and Liepins 2017). A signal moves (kernel - 1) cells a pass at most, half of it for the gates' sight and half for the candidate's,
//! so `hops` passes relate tokens up to hops * (kernel - 1) apart.

mod card;

use std::ops::Range;

use ndarray::{Array2, ArrayView2, s};

use crate::math::random::{Purpose, stream};
use crate::math::{Real, cross_entropy, room};
use crate::model::batch::{argmax, asked};
use crate::model::{
    Batch, Card, Conditions, Config, Dropout, Inference, Look, Losses, Model, Output, Shard,
};
use crate::nn::before_attention::conv_gru::{self, ConvGru};
use crate::nn::embedding::Embedding;
use crate::nn::linear::Linear;
use crate::nn::parameters::Registry;
use crate::nn::rows::{contiguous_mut, row_norms, visit_logits, visit_rows};

pub use card::KIND;

/// A shard goes through its sequences in micro-batches of at most so many rows, or one sequence: every pass is kept.
const MICRO_BATCH_ROWS: usize = 256;

#[derive(Clone, Debug)]
pub struct NeuralGpu {
    config: Config,
    registry: Registry,
    layers: Layers,
}

#[derive(Clone, Debug)]
struct Layers {
    token: Embedding,
    encoder: ConvGru,
    decoder: ConvGru,
    lm_head: Linear,
    /// How often the encoder is applied; 0: as often as the tape is long.
    hops: usize,
}

impl Layers {
    fn passes(&self, time: usize) -> usize {
        if self.hops == 0 { time } else { self.hops }
    }
}

impl NeuralGpu {
    pub fn new(config: &Config) -> Self {
        let Config { vocab_size, n_hidden, kernel, hops, .. } = *config;
        let gates =
            conv_gru::Settings { cutoff: config.gate_cutoff, diagonal: config.diagonal_gates };
        let mut registry = Registry::default();
        let r = &mut registry;
        let layers = Layers {
            token: Embedding::new(r, "token_embedding_table", vocab_size, n_hidden),
            encoder: ConvGru::new(r, "encoder", n_hidden, kernel, false, gates),
            decoder: ConvGru::new(r, "decoder", n_hidden, kernel, true, gates),
            lm_head: Linear::new(r, "lm_head", n_hidden, vocab_size, true),
            hops,
        };
        Self { config: config.clone(), registry, layers }
    }

    fn working(&self, rows: usize) -> Working {
        let Config { vocab_size, n_hidden, kernel, .. } = self.config;
        let [embedding, tape, d, d_tape, answers, d_answers] =
            [(); 6].map(|()| room::matrix((rows, n_hidden)));
        Working {
            layers: self.layers.clone(),
            rows,
            embedding,
            passes: Vec::new(),
            steps: Vec::new(),
            tape,
            asked: room::list(rows),
            ends: room::list(rows),
            answers,
            logits: room::matrix((rows, vocab_size)),
            scratch: conv_gru::Scratch::new(rows, n_hidden, kernel),
            d,
            d_tape,
            d_answers,
        }
    }
}

impl Model for NeuralGpu {
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
        layers.encoder.initialise(weights, &mut stream(seed, Purpose::Init, 2));
        layers.decoder.initialise(weights, &mut stream(seed, Purpose::Init, 3));
    }

    fn shard(&self) -> Box<dyn Shard> {
        Box::new(self.working(MICRO_BATCH_ROWS.max(self.config.block_size)))
    }

    fn inference(&self) -> Box<dyn Inference> {
        Box::new(OneSequence {
            working: self.working(self.config.block_size),
            tokens: 0,
            logits: room::matrix((0, 0)),
            gradients: room::zeros(self.registry.len()),
            gradient_norms: room::list(self.config.block_size),
        })
    }

    /// An application of a unit keeps its activations, and there are as many as the longest tape asks for.
    fn growth(&self, _: usize) -> [u64; 2] {
        let (layers, time) = (&self.layers, self.config.block_size);
        // A tape asks one question, which is one step of the decoder.
        let units = layers.passes(time) as u64 + 1;
        [MICRO_BATCH_ROWS.max(time), time].map(|rows| {
            let unit = || conv_gru::Activations::new(rows, self.config.n_hidden);
            units.saturating_mul(room::counted(unit))
        })
    }

    /// For one answer about a tape of `block_size` cells.
    fn operations_per_token(&self) -> f64 {
        let (layers, time) = (&self.layers, self.config.block_size);
        let passes = layers.passes(time) * layers.encoder.products() + layers.decoder.products();
        // One answer a tape.
        6.0 * (passes as f64 + layers.lm_head.products() as f64 / time as f64)
    }
}

const NOTHING_DROPPED: (Dropout, usize) = (Dropout::OFF, 0);

/// One symbol that is asked for.
#[derive(Clone, Copy, Debug)]
struct Asked {
    row: usize,
    target: u32,
    /// What was written on the output tape.
    symbol: u32,
}

/// What the decoder writes on the output tape.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Written {
    Targets,
    OwnAnswers,
}

/// Layers with their activations, for at most `rows` cells at once; N of them, and A symbols asked for.
struct Working {
    layers: Layers,
    rows: usize,
    /// (N, C)
    embedding: Array2<Real>,
    /// One for every application of the encoder; there may be more of them than the last tape needed.
    passes: Vec<conv_gru::Activations>,
    /// The same of the decoder.
    steps: Vec<conv_gru::Activations>,
    /// (N, C): p as the decoder's last step saw it
    tape: Array2<Real>,
    /// Step by step.
    asked: Vec<Asked>,
    /// Where each step's symbols end in `asked`.
    ends: Vec<usize>,
    /// (A, C): the states that the symbols are read from
    answers: Array2<Real>,
    /// (A, V); after the loss, its gradient
    logits: Array2<Real>,
    scratch: conv_gru::Scratch,
    /// (N, C): the gradient of the state; after backward, of the embedding
    d: Array2<Real>,
    /// (N, C)
    d_tape: Array2<Real>,
    /// (A, C)
    d_answers: Array2<Real>,
}

/// The state before pass or step i: what came out of the one before, or at first `start`.
fn state_before<'a>(
    start: &'a Array2<Real>,
    all: &'a [conv_gru::Activations],
    i: usize,
    n: usize,
) -> ArrayView2<'a, Real> {
    let state = if i == 0 { start } else { &all[i - 1].out };
    state.slice(s![..n, ..])
}

impl Working {
    fn micro_batches(
        &self,
        rows: Range<usize>,
        time: usize,
    ) -> impl Iterator<Item = Range<usize>> + use<> {
        let sequences = (self.rows / time).max(1);
        let end = rows.end;
        rows.step_by(sequences).map(move |b| b * time..(b + sequences).min(end) * time)
    }

    /// The symbols of step `j` in `asked`.
    fn of_step(&self, j: usize) -> Range<usize> {
        (if j == 0 { 0 } else { self.ends[j - 1] })..self.ends[j]
    }

    /// Step j of the decoder answers the j-th question of every sequence that has one.
    fn ask(&mut self, y: &[u32], time: usize) {
        self.asked.clear();
        self.ends.clear();
        loop {
            let (j, before) = (self.ends.len(), self.asked.len());
            for (first, y) in (0..).step_by(time).zip(y.chunks_exact(time)) {
                if let Some(t) = asked(y).nth(j) {
                    self.asked.push(Asked { row: first + t, target: y[t], symbol: y[t] });
                }
            }
            if self.asked.len() == before {
                return;
            }
            self.ends.push(self.asked.len());
        }
    }

    /// Of the tape, units are dropped after each pass; `first` is the number of the first sequence in the batch.
    fn forward(
        &mut self,
        x: &[u32],
        y: &[u32],
        time: usize,
        weights: &[Real],
        written: Written,
        (dropout, first): (Dropout, usize),
    ) {
        let n = x.len();
        let rows = s![..n, ..];
        let passes = self.layers.passes(time);
        self.ask(y, time);
        let grow = |all: &mut Vec<_>, count: usize| {
            let (rows, width) = self.embedding.dim();
            let missing = count.saturating_sub(all.len());
            all.extend((0..missing).map(|_| conv_gru::Activations::new(rows, width)));
        };
        grow(&mut self.passes, passes);
        grow(&mut self.steps, self.ends.len());
        let Self { layers, embedding, scratch, .. } = self;
        layers.token.forward(&mut embedding.slice_mut(rows), x, weights);
        for i in 0..passes {
            let (before, rest) = self.passes.split_at_mut(i);
            let state = state_before(embedding, before, i, n);
            layers.encoder.forward(&mut rest[0], &state, None, time, weights, scratch);
            dropout.apply(&mut rest[0].out.slice_mut(rows), i as u64, first, time);
        }
        self.tape.fill(0.0);
        for j in 0..self.ends.len() {
            self.step(j, n, time, passes, weights, written);
        }
    }

    /// Step j of the decoder.
    fn step(
        &mut self,
        j: usize,
        n: usize,
        time: usize,
        passes: usize,
        weights: &[Real],
        written: Written,
    ) {
        let asked = self.of_step(j);
        let Self { layers, steps, tape, answers, logits, scratch, .. } = self;
        let read = &self.passes[passes - 1].out;
        let (before, rest) = steps.split_at_mut(j);
        let state = state_before(read, before, j, n);
        let seen = tape.slice(s![..n, ..]);
        let seen = (j > 0).then_some(&*seen);
        layers.decoder.forward(&mut rest[0], &state, seen, time, weights, scratch);
        for i in asked.clone() {
            answers.row_mut(i).assign(&rest[0].out.row(self.asked[i].row));
        }
        let rows = s![asked.clone(), ..];
        layers.lm_head.forward(&mut logits.slice_mut(rows), &answers.slice(rows), weights);
        let last = j + 1 == self.ends.len();
        for (i, asked) in asked.clone().zip(&mut self.asked[asked]) {
            if written == Written::OwnAnswers {
                let logits = logits.row(i);
                asked.symbol = argmax(logits.to_slice().expect("standard layout")) as u32;
            }
            if !last {
                let symbol = asked.symbol as usize;
                tape.row_mut(asked.row).assign(&layers.token.table(weights).row(symbol));
            }
        }
    }

    /// From d loss / d logits, which stands where the logits were, back to every weight.
    fn backward(
        &mut self,
        x: &[u32],
        time: usize,
        weights: &[Real],
        gradients: &mut [Real],
        (dropout, first): (Dropout, usize),
    ) {
        let n = x.len();
        let passes = self.layers.passes(time);
        let answers = s![..self.asked.len(), ..];
        self.layers.lm_head.backward(
            &mut self.d_answers.slice_mut(answers),
            gradients,
            &self.logits.slice(answers),
            &self.answers.slice(answers),
            weights,
        );
        self.d.fill(0.0);
        self.d_tape.fill(0.0);
        for j in (0..self.ends.len()).rev() {
            self.step_backward(j, n, time, passes, weights, gradients);
        }
        let Self { layers, embedding, scratch, .. } = self;
        let mut d = self.d.slice_mut(s![..n, ..]);
        for i in (0..passes).rev() {
            let state = state_before(embedding, &self.passes, i, n);
            let a = &self.passes[i];
            dropout.apply(&mut d, i as u64, first, time);
            layers
                .encoder
                .backward(&mut d, None, gradients, &state, None, a, time, weights, scratch);
        }
        layers.token.backward(gradients, &d, x);
    }

    /// Step j of the decoder; the output tape holds the symbols before j, and afterwards one step's less.
    fn step_backward(
        &mut self,
        j: usize,
        n: usize,
        time: usize,
        passes: usize,
        weights: &[Real],
        gradients: &mut [Real],
    ) {
        for i in self.of_step(j) {
            let mut d = self.d.row_mut(self.asked[i].row);
            d += &self.d_answers.row(i);
        }
        let read = &self.passes[passes - 1].out;
        let (mut d, mut d_tape) =
            (self.d.slice_mut(s![..n, ..]), self.d_tape.slice_mut(s![..n, ..]));
        let tape = self.tape.slice(s![..n, ..]);
        let (tape, d_tape) = if j > 0 { (Some(&*tape), Some(&mut *d_tape)) } else { (None, None) };
        self.layers.decoder.backward(
            &mut d,
            d_tape,
            gradients,
            &state_before(read, &self.steps, j, n),
            tape,
            &self.steps[j],
            time,
            weights,
            &mut self.scratch,
        );
        if j > 0 {
            for i in self.of_step(j - 1) {
                let Asked { row, symbol, .. } = self.asked[i];
                let cell = s![row..=row, ..];
                self.layers.token.backward(gradients, &self.d_tape.slice(cell), &[symbol]);
                self.tape.slice_mut(cell).fill(0.0);
            }
        }
    }
}

impl Working {
    /// The sum of the losses of the last forward; with a scale the logits become their gradient.
    fn loss_of_answers(&mut self, scale: Option<Real>) -> f64 {
        let vocab_size = self.layers.lm_head.n_out;
        let logits = contiguous_mut(&mut self.logits);
        let rows = logits.chunks_exact_mut(vocab_size).zip(&self.asked);
        rows.map(|(row, asked)| {
            let target = &[asked.target];
            match scale {
                Some(scale) => {
                    cross_entropy::cross_entropy_backward(row, target, vocab_size, scale)
                }
                None => cross_entropy::cross_entropy(row, target, vocab_size),
            }
        })
        .sum()
    }
}

impl Shard for Working {
    fn loss_and_gradients(
        &mut self,
        weights: &[Real],
        batch: &Batch,
        rows: Range<usize>,
        conditions: &Conditions,
        gradients: &mut [Real],
    ) -> Losses {
        let (time, scale) = (batch.time, 1.0 / batch.targets() as Real);
        let mut loss = 0.0;
        for at in self.micro_batches(rows, time) {
            let (x, drop) = (&batch.x[at.clone()], (conditions.dropout, at.start / time));
            self.forward(x, &batch.y[at], time, weights, Written::Targets, drop);
            loss += self.loss_of_answers(Some(scale));
            self.backward(x, time, weights, gradients, drop);
        }
        Losses::of(loss)
    }

    fn loss(
        &mut self,
        weights: &[Real],
        batch: &Batch,
        rows: Range<usize>,
        _conditions: &Conditions,
    ) -> Losses {
        let mut loss = 0.0;
        for at in self.micro_batches(rows, batch.time) {
            let (x, y) = (&batch.x[at.clone()], &batch.y[at]);
            self.forward(x, y, batch.time, weights, Written::Targets, NOTHING_DROPPED);
            loss += self.loss_of_answers(None);
        }
        Losses::of(loss)
    }
}

struct OneSequence {
    working: Working,
    /// Of the last look.
    tokens: usize,
    /// (A, V)
    logits: Array2<Real>,
    /// Of the weights, on the way to those of the embeddings.
    gradients: Vec<Real>,
    /// (T), where the last example had a target
    gradient_norms: Vec<Real>,
}

impl Inference for OneSequence {
    fn look(&mut self, weights: &[Real], subject: &Batch) {
        let (working, time) = (&mut self.working, subject.time);
        let (x, y) = (&subject.x[..time], &subject.y[..time]);
        self.tokens = time;
        self.gradient_norms.clear();
        working.forward(x, y, time, weights, Written::Targets, NOTHING_DROPPED);
        let answers = working.asked.len();
        self.logits = working.logits.slice(s![..answers, ..]).to_owned();
        if answers > 0 {
            working.loss_of_answers(Some(1.0 / answers as Real));
            working.backward(x, time, weights, &mut self.gradients, NOTHING_DROPPED);
            row_norms(&mut self.gradient_norms, &working.d.slice(s![..time, ..]));
        }
    }

    /// - `embedding` (T, C); with a target: `embedding.gradient_norm` (T), the size of d loss / d embedding
    /// - `passes.0` (T, C): the tape after pass 0, with `.update`, `.reset`, `.candidate` (T, C), and so on
    /// - `outputs.0` (T, C): the tape at the decoder's step 0, with the same parts
    /// - `logits` (A, V), `probabilities` (A, V): of the A symbols that are asked for
    fn visit(&self, look: &mut Look<'_>) {
        let (time, working) = (self.tokens, &self.working);
        visit_rows("embedding", &working.embedding, time, look);
        if !self.gradient_norms.is_empty() {
            look("embedding.gradient_norm", &[time], &self.gradient_norms);
        }
        let passes = working.passes.iter().take(working.layers.passes(time));
        for (i, pass) in passes.enumerate() {
            pass.visit(&format!("passes.{i}"), time, look);
        }
        for (j, step) in working.steps.iter().take(working.ends.len()).enumerate() {
            step.visit(&format!("outputs.{j}"), time, look);
        }
        visit_logits(&self.logits.view(), look);
    }

    fn produce(&mut self, weights: &[Real], batch: &Batch) -> Output {
        let answers = (0..batch.sequences).map(|i| {
            let (x, y) = (batch.tokens(i), batch.targets_of(i));
            let written = Written::OwnAnswers;
            self.working.forward(x, y, batch.time, weights, written, NOTHING_DROPPED);
            self.working.asked.iter().map(|asked| asked.symbol).collect()
        });
        Output { tokens: answers.collect(), ..Output::default() }
    }
}
