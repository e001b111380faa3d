//! One arm of an experiment: a stage, and what is different about it.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::stage::hyperparameter::{Value, ValueError, hyperparameter};
use crate::stage::{Config, InvalidConfig, UnknownStage, stage};

/// A stage and values of its hyperparameters, as files of lessons write it: `{ stage = "multi-head", n_head = 1 }`.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
pub struct Arm {
    /// None: the stage that is spoken of.
    pub stage: Option<String>,
    #[serde(flatten)]
    pub set: BTreeMap<String, toml::Value>,
}

/// Why there is no such arm.
#[derive(Debug, thiserror::Error)]
pub enum ArmError {
    #[error(transparent)]
    Stage(#[from] UnknownStage),
    #[error("there is no hyperparameter {0}")]
    Unknown(String),
    #[error("{0} is none of the stage {1}")]
    Foreign(String, String),
    #[error("the run that it goes on from is one of {0}: it cannot go on as {1}")]
    Another(String, String),
    #[error(transparent)]
    Value(#[from] ValueError),
    #[error(transparent)]
    Config(#[from] InvalidConfig),
}

impl Arm {
    /// What is trained, of a text of so many tokens.
    ///
    /// # Errors
    /// If there is no such stage, or it cannot have these values.
    pub fn config(
        &self,
        spoken_of: &str,
        vocab_size: usize,
        seed: u64,
    ) -> Result<Config, ArmError> {
        let stage = stage(self.stage.as_deref().unwrap_or(spoken_of))?;
        let mut config = stage.config(vocab_size, seed);
        set(&mut config, &self.set)?;
        config.validate()?;
        Ok(config)
    }

    /// The same for a run that goes on from where another has come to, with its own configuration.
    ///
    /// # Errors
    /// If it names a stage, or the run cannot have these values.
    pub fn on(&self, base: &Config) -> Result<Config, ArmError> {
        if let Some(stage) = self.stage.as_ref().filter(|stage| **stage != base.stage) {
            return Err(ArmError::Another(base.stage.clone(), stage.clone()));
        }
        let mut config = base.clone();
        set(&mut config, &self.set)?;
        config.validate()?;
        Ok(config)
    }

    /// What it is called: `n_head 4`; without differences, its stage's name.
    pub fn label(&self, spoken_of: &str) -> String {
        let mut words: Vec<String> = self.stage.clone().into_iter().collect();
        words.extend(self.set.iter().map(|(name, value)| format!("{name} {}", plain(value))));
        if words.is_empty() { spoken_of.to_owned() } else { words.join(", ") }
    }
}

/// Sets several hyperparameters; those that depend on each other may come in any order.
///
/// # Errors
/// If there is none of a name, it is none of the configuration's, or cannot have that value.
pub fn set(config: &mut Config, values: &BTreeMap<String, toml::Value>) -> Result<(), ArmError> {
    for (name, value) in values {
        let known = hyperparameter(name).ok_or_else(|| ArmError::Unknown(name.clone()))?;
        known.set(config, Value::parse(known, &plain(value))?)?;
    }
    // Whether one applies may depend on another that came later.
    for name in values.keys() {
        if hyperparameter(name).is_some_and(|known| !known.applies(config)) {
            return Err(ArmError::Foreign(name.clone(), config.stage.clone()));
        }
    }
    Ok(())
}

/// A value as it is typed.
pub fn plain(value: &toml::Value) -> String {
    match value {
        toml::Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn arm(text: &str) -> Arm {
        toml::from_str(text).unwrap()
    }

    #[test]
    fn an_arm_is_a_stage_with_differences() {
        let one = arm("stage = \"multi-head\"\nn_head = 1\nlr = 3e-3\ncausal = false");
        let config = one.config("bigram", 65, 7).unwrap();
        assert_eq!((config.stage.as_str(), config.seed), ("multi-head", 7));
        assert_eq!((config.model.n_head, config.training.lr), (1, 3e-3));
        assert!(!config.model.causal);
        assert_eq!(one.label("bigram"), "multi-head, causal false, lr 0.003, n_head 1");
        assert_eq!(Arm::default().config("bigram", 65, 1).unwrap().stage, "bigram");
        assert_eq!(Arm::default().label("bigram"), "bigram");
    }

    #[test]
    fn an_arm_may_be_a_run_that_goes_on() {
        let mut base = Arm::default().config("bigram", 65, 1).unwrap();
        base.training.batch_size = 7;
        let config = arm("lr = 3e-3").on(&base).unwrap();
        assert_eq!((config.training.lr, config.training.batch_size), (3e-3, 7));
        let error = |text: &str| arm(text).on(&base).unwrap_err().to_string();
        assert!(error("stage = \"multi-head\"").contains("one of bigram: it cannot go on as mu"));
        assert!(error("n_head = 2").contains("none of the stage"));
    }

    #[test]
    fn what_cannot_be_is_refused() {
        let error = |text: &str| arm(text).config("bigram", 65, 1).unwrap_err().to_string();
        assert!(error("stage = \"bigramm\"").contains("bigramm"));
        assert_eq!(error("lrr = 1"), "there is no hyperparameter lrr");
        assert!(error("lr = \"fast\"").contains("lr must be"));
        assert_eq!(error("n_head = 2"), "n_head is none of the stage bigram");
    }
}
