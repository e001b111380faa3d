//! Hyperparameters on their way: asked of the trainer, and not yet applied. A step of a large model can take seconds.

use std::collections::BTreeMap;

use crate::stage::hyperparameter::{Hyperparameter, hyperparameter};
use crate::stage::{Config, Value};
use crate::train::event::Edit;

#[derive(Clone, Debug, Default)]
pub struct Asked {
    values: BTreeMap<&'static str, Value>,
    /// Values that rebuild the model and wait for others: one rebuild takes them all.
    waiting: BTreeMap<&'static str, Value>,
    /// Whether changes that rebuild are collected.
    pub collecting: bool,
    /// Why the last change was not possible.
    pub error: Option<String>,
}

impl Asked {
    /// The value that was asked for last, or the run's.
    pub fn value(&self, hyperparameter: &Hyperparameter, config: &Config) -> Value {
        let name = hyperparameter.name;
        let asked = self.values.get(name).or(self.waiting.get(name)).copied();
        asked.unwrap_or_else(|| hyperparameter.get(config))
    }

    /// The configuration with everything that was asked for.
    pub fn wanted(&self, config: &Config) -> Config {
        let mut wanted = config.clone();
        for (name, value) in self.values.iter().chain(&self.waiting) {
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
        self.values.contains_key(name) || self.waiting.contains_key(name)
    }

    /// How many changes wait for a rebuild.
    pub fn waiting(&self) -> usize {
        self.waiting.len()
    }

    /// What is to be said of changes that have not taken effect.
    pub fn note(&self) -> String {
        match (self.collecting, self.waiting.len()) {
            (true, 0) => "collecting changes".to_owned(),
            (true, n) => format!("M rebuilds with {n}"),
            _ if self.values.is_empty() => String::new(),
            _ => "applies at the next step".to_owned(),
        }
    }

    /// A change that rebuilds waits for others; back to the run's own value it is none.
    pub fn collect(&mut self, hyperparameter: &Hyperparameter, value: Value, config: &Config) {
        self.collecting = true;
        if hyperparameter.get(config) == value {
            self.waiting.remove(hyperparameter.name);
        } else {
            self.waiting.insert(hyperparameter.name, value);
        }
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

    /// The trainer has refused a change: what waits for a rebuild was not asked of it.
    pub fn refused(&mut self) {
        self.values.clear();
        self.error = None;
    }

    /// What waits for a rebuild waits no more.
    pub fn give_up(&mut self) {
        self.waiting.clear();
        self.collecting = false;
    }

    /// Nothing is on its way any more: another run.
    pub fn forget(&mut self) {
        *self = Self::default();
    }
}
