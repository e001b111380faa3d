//! Hyperparameters on their way: asked of the trainer, and not yet applied. A step of a large model can take seconds.

use std::collections::BTreeMap;

use crate::stage::hyperparameter::{Hyperparameter, hyperparameter};
use crate::stage::{Config, Value};
use crate::train::event::Edit;

#[derive(Clone, Debug, Default)]
pub struct Asked {
    values: BTreeMap<&'static str, Value>,
    /// Why the last change was not possible.
    pub error: Option<String>,
}

impl Asked {
    /// The value that was asked for last, or the run's.
    pub fn value(&self, hyperparameter: &Hyperparameter, config: &Config) -> Value {
        self.values.get(hyperparameter.name).copied().unwrap_or_else(|| hyperparameter.get(config))
    }

    /// The configuration with everything that was asked for.
    pub fn wanted(&self, config: &Config) -> Config {
        let mut wanted = config.clone();
        for (name, value) in &self.values {
            if let Some(hyperparameter) = hyperparameter(name) {
                // It could be set when it was asked for.
                _ = hyperparameter.set(&mut wanted, *value);
            }
        }
        wanted
    }

    pub fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    pub fn waits_for(&self, name: &str) -> bool {
        self.values.contains_key(name)
    }

    /// A change was sent to the trainer.
    pub fn expect(&mut self, name: &'static str, value: Value) {
        self.values.insert(name, value);
    }

    /// A change took effect.
    pub fn arrived(&mut self, edit: &Edit) {
        if self.values.get(edit.name) == Some(&edit.new) {
            self.values.remove(edit.name);
        }
    }

    /// Nothing is on its way any more: another run, or a change that was refused.
    pub fn forget(&mut self) {
        self.values.clear();
        self.error = None;
    }
}
