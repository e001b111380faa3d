//! The bigram: row i of a V x V table holds the logits of what follows token i.

mod card;

use ndarray::{Array2, ArrayView2, s};

use super::token_shard::TokenShard;
use super::{Batch, Card, Config, Inference, LanguageModel, Look, Model, Shard};
use crate::math::Real;
use crate::math::random::{Purpose, stream};
use crate::nn::embedding::Embedding;
use crate::nn::parameters::Registry;
use crate::nn::pass::Pass;
use crate::nn::rows::{contiguous, contiguous_mut, visit_logits};

pub use card::KIND;

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

    fn one_sequence(&self) -> OneSequence {
        let shape = (self.config.block_size, self.config.vocab_size);
        OneSequence { table: self.table.clone(), logits: Array2::zeros(shape), time: 0 }
    }
}

impl Model for Bigram {
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
        self.table.initialise(weights, self.config.init, &mut stream(seed, Purpose::Init, 0));
    }

    fn shard(&self) -> Box<dyn Shard> {
        let shape = (self.config.block_size, self.config.vocab_size);
        Box::new(Working { table: self.table.clone(), logits: Array2::zeros(shape) })
    }

    fn inference(&self) -> Box<dyn Inference> {
        Box::new(self.one_sequence())
    }

    fn language_model(&self) -> Option<Box<dyn LanguageModel>> {
        Some(Box::new(self.one_sequence()))
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

impl TokenShard for Working {
    fn vocab_size(&self) -> usize {
        self.table.width
    }

    fn together(&self, _time: usize) -> usize {
        1
    }

    fn forward<'a>(&'a mut self, batch: &'a Batch, pass: Pass<'_>) -> (&'a mut [Real], &'a [u32]) {
        self.table.forward(&mut self.logits, pass.span.of(&batch.x), pass.weights);
        (contiguous_mut(&mut self.logits), pass.span.of(&batch.y))
    }

    fn backward(&mut self, gradients: &mut [Real], batch: &Batch, pass: Pass<'_>) {
        self.table.backward(gradients, &self.logits, pass.span.of(&batch.x));
    }
}

struct OneSequence {
    table: Embedding,
    /// (block_size, V)
    logits: Array2<Real>,
    time: usize,
}

impl Inference for OneSequence {
    fn look(&mut self, weights: &[Real], subject: &Batch) {
        self.forward(weights, &subject.x);
    }

    fn visit(&self, look: &mut Look<'_>) {
        visit_logits(&self.logits(), look);
    }
}

impl LanguageModel for OneSequence {
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
        &contiguous(&self.logits)[..self.table.width]
    }

    fn logits(&self) -> ArrayView2<'_, Real> {
        self.logits.slice(s![..self.time, ..])
    }
}
