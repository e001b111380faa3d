//! The bigram: row i of a V x V table holds the logits of what follows token i.

use std::ops::Range;

use ndarray::{Array2, ArrayView2, s};

use super::{Batch, Config, Dropout, Inference, Look, Model, Shard};
use crate::math::random::{Purpose, stream};
use crate::math::softmax::softmax;
use crate::math::{Real, cross_entropy};
use crate::nn::embedding::Embedding;
use crate::nn::parameters::Registry;

#[derive(Clone, Debug)]
pub struct Bigram {
    config: Config,
    registry: Registry,
    table: Embedding,
}

impl Bigram {
    pub fn new(config: &Config) -> Self {
        let mut registry = Registry::default();
        let table = Embedding::new(
            &mut registry,
            "token_embedding_table",
            config.vocab_size,
            config.vocab_size,
        );
        Self { config: config.clone(), registry, table }
    }
}

impl Model for Bigram {
    fn config(&self) -> &Config {
        &self.config
    }

    fn registry(&self) -> &Registry {
        &self.registry
    }

    fn initialise(&self, weights: &mut [Real], seed: u64) {
        self.table.initialise(weights, self.config.init, &mut stream(seed, Purpose::Init, 0));
    }

    fn shard(&self, time: usize) -> Box<dyn Shard> {
        Box::new(Working {
            table: self.table.clone(),
            logits: Array2::zeros((time, self.config.vocab_size)),
        })
    }

    fn inference(&self) -> Box<dyn Inference> {
        let shape = (self.config.block_size, self.config.vocab_size);
        Box::new(OneSequence { table: self.table.clone(), logits: Array2::zeros(shape), time: 0 })
    }

    fn operations_per_token(&self) -> f64 {
        // No matrix product at all: picking a row is not counted.
        0.0
    }
}

/// One sequence at a time.
struct Working {
    table: Embedding,
    /// (T, V), then their gradient
    logits: Array2<Real>,
}

impl Shard for Working {
    fn loss_and_gradients(
        &mut self,
        weights: &[Real],
        batch: &Batch,
        rows: Range<usize>,
        _dropout: Dropout,
        gradients: &mut [Real],
    ) -> f64 {
        let scale = 1.0 / (batch.sequences * batch.time) as Real;
        let mut loss = 0.0;
        for b in rows {
            let at = b * batch.time..(b + 1) * batch.time;
            let (x, y) = (&batch.x[at.clone()], &batch.y[at]);
            self.table.forward(&mut self.logits, x, weights);
            let logits = self.logits.as_slice_mut().expect("standard layout");
            loss += cross_entropy::cross_entropy_backward(logits, y, self.table.width, scale);
            self.table.backward(gradients, &self.logits, x);
        }
        loss
    }

    fn loss(&mut self, weights: &[Real], batch: &Batch, rows: Range<usize>) -> f64 {
        let mut loss = 0.0;
        for b in rows {
            let at = b * batch.time..(b + 1) * batch.time;
            self.table.forward(&mut self.logits, &batch.x[at.clone()], weights);
            let logits = self.logits.as_slice_mut().expect("standard layout");
            loss += cross_entropy::cross_entropy(logits, &batch.y[at], self.table.width);
        }
        loss
    }
}

struct OneSequence {
    table: Embedding,
    /// (block_size, V)
    logits: Array2<Real>,
    time: usize,
}

impl Inference for OneSequence {
    fn forward(&mut self, weights: &[Real], tokens: &[u32]) {
        assert!(
            !tokens.is_empty() && tokens.len() <= self.logits.nrows(),
            "1 to block_size tokens"
        );
        self.time = tokens.len();
        self.table.forward(&mut self.logits.slice_mut(s![..tokens.len(), ..]), tokens, weights);
    }

    fn next_logits(&mut self, weights: &[Real], context: &[u32]) -> &[Real] {
        self.forward(weights, &context[context.len() - 1..]);
        &self.logits.as_slice().expect("standard layout")[..self.table.width]
    }

    fn logits(&self) -> ArrayView2<'_, Real> {
        self.logits.slice(s![..self.time, ..])
    }

    fn visit(&self, look: &mut Look<'_>) {
        visit_logits(&self.logits(), look);
    }
}

/// Hands over `logits` and `probabilities`, both (T, V).
pub(super) fn visit_logits(logits: &ArrayView2<'_, Real>, look: &mut Look<'_>) {
    let (time, vocab_size) = logits.dim();
    let mut values: Vec<Real> = logits.iter().copied().collect();
    look("logits", &[time, vocab_size], &values);
    softmax(&mut values, vocab_size);
    look("probabilities", &[time, vocab_size], &values);
}
