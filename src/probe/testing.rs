//! Models that instruments are tested on, fresh, and on a small text.

use std::sync::Arc;

use super::{Arguments, NotMeasured, Reading, Subject, instrument};
use crate::math::Real;
use crate::model::{self, Card, Examples, Model};
use crate::stage::{Config, stage};
use crate::task;
use crate::text::windows::Windows;
use crate::train::testing::{VOCABULARY, dataset};

pub struct Case {
    pub model: Box<dyn Model>,
    pub card: Card,
    pub weights: Vec<Real>,
    pub examples: Arc<dyn Examples>,
    pub seed: u64,
}

/// The configuration of a stage, for the small text.
pub fn config(name: &str) -> Config {
    stage(name).unwrap().config(VOCABULARY, 1337)
}

impl Case {
    pub fn new(config: &Config) -> Self {
        let examples: Arc<dyn Examples> = task::open(&config.task)
            .unwrap_or_else(|| Arc::new(Windows::new(dataset(), config.model.block_size).unwrap()));
        let model = model::build(&config.model).unwrap();
        let mut weights = vec![0.0; model.registry().len()];
        model.initialise(&mut weights, config.seed);
        Self { card: model.card(), model, weights, examples, seed: config.seed }
    }

    pub fn of(stage: &str) -> Self {
        Self::new(&config(stage))
    }

    pub fn ask(&self, name: &str, arguments: &Arguments) -> Result<Reading, NotMeasured> {
        let mut inference = self.model.inference();
        let mut subject = Subject {
            model: &*self.model,
            card: &self.card,
            weights: &self.weights,
            examples: &*self.examples,
            inference: &mut *inference,
            seed: self.seed,
        };
        (instrument(name)?.measure)(&mut subject, arguments)
    }

    /// The values of an activation of some tokens.
    pub fn activation(&self, tokens: &[u32], wanted: &str) -> Vec<Real> {
        let mut inference = self.model.inference();
        let batch = model::Batch::text(tokens.to_vec(), Vec::new(), 1, tokens.len());
        inference.look(&self.weights, &batch);
        let mut found = Vec::new();
        inference.visit(&mut |name, _, values| {
            if name == wanted {
                found = values.to_vec();
            }
        });
        found
    }
}
