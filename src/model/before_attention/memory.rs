//! The end-to-end memory network (Sukhbaatar et al. 2015), which read a text by attention before there were transformers.
//!
//! A question is the token at an asked position, its memory all tokens before it, one memory a token. Where tokens make
//! sentences ([`Config::sentences`]), the question is the sentence up to there, and every sentence before it is one memory:
//! the sum of its words, weighted by their places, and one time. After the last hop
//! the answer is softmax(W u) with W' = C^K, the last hop's outputs (adjacent tying, section 2.2). See [`Hops`].
//! Left out: linear start, and noise in the times. Ours, unless switched off: a feed-forward after each hop.

mod card;

use std::ops::Range;

use ndarray::Array2;

use crate::math::gemm::{Onto, gemm, matrix, matrix_mut};
use crate::math::random::{Purpose, stream};
use crate::math::{Real, cross_entropy, room};
use crate::model::batch::{argmax, asked};
use crate::model::{
    Batch, Card, Conditions, Config, Inference, Look, Losses, Model, Output, Sentences, Shard,
};
use crate::nn::before_attention::hops::{self, Hops, Reading};
use crate::nn::parameters::Registry;
use crate::nn::rows::{visit_logits, visit_rows};

pub use card::KIND;

#[derive(Clone, Debug)]
pub struct MemoryNetwork {
    config: Config,
    registry: Registry,
    layer: Hops,
}

impl MemoryNetwork {
    pub fn new(config: &Config) -> Self {
        let Config { block_size, sentences, .. } = *config;
        let mut registry = Registry::default();
        let settings = hops::Settings {
            vocab_size: config.vocab_size,
            longest: sentences.map_or(block_size, |sentences| sentences.most.min(block_size)),
            width: config.n_embd,
            count: config.hops,
            placed: sentences.is_some(),
            feed_forward: config.feed_forward,
            activation: config.activation,
        };
        let layer = Hops::new(&mut registry, &settings);
        Self { config: config.clone(), registry, layer }
    }

    fn working(&self) -> Working {
        Working {
            activations: self.layer.activations(),
            scratch: self.layer.scratch(),
            layer: self.layer.clone(),
            sentences: self.config.sentences,
            memories: room::list(self.config.block_size),
            question: 0..0,
            logits: room::zeros(self.config.vocab_size),
        }
    }
}

impl Model for MemoryNetwork {
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
        self.layer.initialise(weights, self.config.init, &mut stream(seed, Purpose::Init, 0));
    }

    fn shard(&self) -> Box<dyn Shard> {
        Box::new(self.working())
    }

    fn inference(&self) -> Box<dyn Inference> {
        Box::new(OneQuestion {
            working: self.working(),
            tokens: 0,
            answers: Vec::new(),
            gradients: room::zeros(self.registry.len()),
            gradient_norms: Vec::new(),
        })
    }

    /// For one answer from a memory of `block_size` tokens.
    fn operations_per_token(&self) -> f64 {
        let Config { vocab_size, block_size, n_embd, hops, .. } = self.config;
        // One question about the tokens before it.
        let once = vocab_size * n_embd + self.layer.products();
        6.0 * (2 * hops * n_embd) as f64 + 6.0 * once as f64 / block_size as f64
    }
}

/// One question at a time.
struct Working {
    layer: Hops,
    activations: hops::Activations,
    scratch: hops::Scratch,
    sentences: Option<Sentences>,
    /// Which tokens of the last forward made a memory, and which the question.
    memories: Vec<Range<usize>>,
    question: Range<usize>,
    /// (V); after the loss, its gradient
    logits: Vec<Real>,
}

impl Working {
    /// The table (V, C) that answers are read from: the last hop's outputs.
    fn table(&self) -> Range<usize> {
        self.layer.tokens[self.layer.tokens.len() - 1].table_range()
    }

    /// Finds the memories of the question at position `t`, of sentences the latest that there is room for. A full stop is
    /// no part of what it ends.
    fn split(&mut self, x: &[u32], t: usize) {
        let Self { memories, question, .. } = self;
        memories.clear();
        let Some(Sentences { end, most }) = self.sentences else {
            memories.extend((0..t).map(|i| i..i + 1));
            *question = t..t + 1;
            return;
        };
        let mut start = 0;
        for (i, _) in x[..t].iter().enumerate().filter(|(_, token)| **token == end) {
            memories.push(start..i);
            start = i + 1;
        }
        memories.drain(..memories.len().saturating_sub(most));
        *question = start..t + 1;
    }

    fn forward(&mut self, x: &[u32], t: usize, weights: &[Real]) {
        self.split(x, t);
        let Self { layer, activations: a, scratch, memories, question, .. } = self;
        let reading = Reading { tokens: x, memories, question: question.clone() };
        layer.forward(a, &reading, weights, scratch);
        let table = &weights[self.table()];
        let (hops, width) = (self.activations.taken.nrows(), self.activations.taken.ncols());
        let u = self.activations.questions.row(hops);
        let u = matrix(u.to_slice().expect("standard layout"), 1, width);
        let vocab_size = self.logits.len();
        let mut logits = matrix_mut(&mut self.logits, 1, vocab_size);
        gemm(&mut logits, &u, &matrix(table, vocab_size, width).t(), Onto::Nothing);
    }

    /// From d loss / d logits, which stands where the logits were, back to every weight.
    fn backward(&mut self, x: &[u32], weights: &[Real], gradients: &mut [Real]) {
        let (range, vocab_size) = (self.table(), self.logits.len());
        let Self { layer, activations: a, scratch, memories, question, logits, .. } = self;
        let (hops, width) = a.taken.dim();
        let d_logits = matrix(logits, 1, vocab_size);
        let u = a.questions.row(hops);
        let u = matrix(u.to_slice().expect("standard layout"), 1, width);
        gemm(
            &mut matrix_mut(&mut gradients[range.clone()], vocab_size, width),
            &d_logits.t(),
            &u,
            Onto::Itself,
        );
        let mut d_question = matrix_mut(&mut scratch.d_question, 1, width);
        gemm(
            &mut d_question,
            &d_logits,
            &matrix(&weights[range], vocab_size, width),
            Onto::Nothing,
        );
        let reading = Reading { tokens: x, memories, question: question.clone() };
        layer.backward(gradients, a, &reading, weights, scratch);
    }

    /// Every question of the sequences `rows`; with gradients and their scale, backward as well.
    fn loss_of(
        &mut self,
        weights: &[Real],
        batch: &Batch,
        rows: Range<usize>,
        mut gradients: Option<(&mut [Real], Real)>,
    ) -> Losses {
        let vocab_size = self.logits.len();
        let mut loss = 0.0;
        for b in rows {
            let (x, y) = (batch.tokens(b), batch.targets_of(b));
            for t in asked(y) {
                self.forward(x, t, weights);
                let (target, logits) = ([y[t]], &mut self.logits[..]);
                if let Some((gradients, scale)) = &mut gradients {
                    loss +=
                        cross_entropy::cross_entropy_backward(logits, &target, vocab_size, *scale);
                    self.backward(x, weights, gradients);
                } else {
                    loss += cross_entropy::cross_entropy(logits, &target, vocab_size);
                }
            }
        }
        Losses::of(loss)
    }
}

impl Shard for Working {
    fn loss_and_gradients(
        &mut self,
        weights: &[Real],
        batch: &Batch,
        rows: Range<usize>,
        _conditions: &Conditions,
        gradients: &mut [Real],
    ) -> Losses {
        let scale = 1.0 / batch.targets() as Real;
        self.loss_of(weights, batch, rows, Some((gradients, scale)))
    }

    fn loss(
        &mut self,
        weights: &[Real],
        batch: &Batch,
        rows: Range<usize>,
        _conditions: &Conditions,
    ) -> Losses {
        self.loss_of(weights, batch, rows, None)
    }
}

/// What is shown is the last question of an example.
struct OneQuestion {
    working: Working,
    /// Of the last look.
    tokens: usize,
    /// (V): the logits of the question, where there is one
    answers: Vec<Real>,
    /// Of the weights, on the way to those of the embeddings.
    gradients: Vec<Real>,
    /// (T), where the last example had a target
    gradient_norms: Vec<Real>,
}

impl OneQuestion {
    /// The size of d loss / d embedding at every position: over all the K + 1 embeddings that a memory has.
    fn measure(&mut self) {
        let Working { layer, scratch, memories, question, .. } = &self.working;
        self.gradient_norms.clear();
        self.gradient_norms.resize(self.tokens, 0.0);
        for (i, words) in memories.iter().enumerate() {
            for (j, norm) in self.gradient_norms[words.clone()].iter_mut().enumerate() {
                let parts = scratch.d_memories.iter().map(|d| d.row(i));
                let squares = parts
                    .map(|d| layer.squares(d.to_slice().expect("standard layout"), j, words.len()));
                *norm = squares.sum::<f64>().sqrt() as Real;
            }
        }
        for (j, norm) in self.gradient_norms[question.clone()].iter_mut().enumerate() {
            *norm = layer.squares(&scratch.d_question, j, question.len()).sqrt() as Real;
        }
    }
}

impl Inference for OneQuestion {
    /// The question is the last that is asked, or without any the last token.
    fn look(&mut self, weights: &[Real], subject: &Batch) {
        let (x, y) = (&subject.x[..subject.time], &subject.y);
        self.tokens = x.len();
        self.gradient_norms.clear();
        let target = asked(y).last();
        let question = target.unwrap_or(x.len() - 1);
        self.working.forward(x, question, weights);
        self.answers.clone_from(&self.working.logits);
        if target.is_some() {
            let logits = &mut self.working.logits;
            let vocab_size = logits.len();
            cross_entropy::cross_entropy_backward(logits, &[y[question]], vocab_size, 1.0);
            self.working.backward(x, weights, &mut self.gradients);
            self.measure();
        }
    }

    /// With n memories, the tokens or sentences before the question:
    ///
    /// - `hops.0.memories`, `hops.0.outputs` (n, C): what the hop compares with and what it takes from
    /// - `hops.0.question` (1, C): u; `hops.0.weights` (1, n): softmax, sums to 1; `hops.0` (1, C): what it takes
    /// - with a feed-forward: `hops.0.ffwd.hidden`, `hops.0.ffwd.activated` (1, hidden), before and after the bend, and
    ///   `hops.0.ffwd` (1, C): what it adds to u + what was taken
    /// - `answer` (1, C): u after the last hop; `logits` (1, V), `probabilities` (1, V)
    /// - with a target: `embedding.gradient_norm` (T), the size of d loss / d (all embeddings of that token)
    fn visit(&self, look: &mut Look<'_>) {
        let a = &self.working.activations;
        let (hops, width) = a.taken.dim();
        let (n, row) = (a.count, |x: &Array2<Real>, i: usize| x.row(i).to_vec());
        if !self.gradient_norms.is_empty() {
            look("embedding.gradient_norm", &[self.tokens], &self.gradient_norms);
        }
        for k in 0..hops {
            let name = format!("hops.{k}");
            visit_rows(&format!("{name}.memories"), &a.memories[k], n, look);
            visit_rows(&format!("{name}.outputs"), &a.memories[k + 1], n, look);
            look(&format!("{name}.question"), &[1, width], &row(&a.questions, k));
            look(&format!("{name}.weights"), &[1, n], &row(&a.weights, k)[..n]);
            look(&name, &[1, width], &row(&a.taken, k));
            a.visit_feed_forward(k, &format!("{name}.ffwd"), look);
        }
        look("answer", &[1, width], &row(&a.questions, hops));
        visit_logits(&matrix(&self.answers, 1, self.answers.len()), look);
    }

    fn produce(&mut self, weights: &[Real], batch: &Batch) -> Output {
        let answers = (0..batch.sequences).map(|i| {
            let answer = |t| {
                self.working.forward(batch.tokens(i), t, weights);
                argmax(&self.working.logits) as u32
            };
            asked(batch.targets_of(i)).map(answer).collect()
        });
        Output { tokens: answers.collect(), ..Output::default() }
    }
}
