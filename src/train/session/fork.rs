//! A run that goes on from another's state at a step: that run, but for the live hyperparameters that differ from this step
//! on, and for its seed, which is that of the batches and the noise of the steps to come.

use std::path::Path;

use super::restore::{RestoreError, read_with};
use super::{Session, SetError};
use crate::stage::Config;
use crate::stage::hyperparameter::{HYPERPARAMETERS, Takes};
use crate::train::checkpoint::{Checkpoint, CheckpointError};
use crate::train::fork::Fork;
use crate::train::material::Material;
use crate::train::memory::{self, TooLarge};
use crate::train::team::Team;

/// Why a run cannot go on from there.
#[derive(Debug, thiserror::Error)]
pub enum ForkError {
    #[error(transparent)]
    Restore(#[from] RestoreError),
    #[error(transparent)]
    Set(#[from] SetError),
    #[error(
        "{0} is part of the model, and the weights of step {1} are of the one that they were trained in: only what a run can change live may differ from there on"
    )]
    Structural(&'static str, u64),
}

impl Fork {
    /// Of the run in a file.
    ///
    /// # Errors
    /// If the file is no good.
    pub fn read(path: &Path) -> Result<Self, CheckpointError> {
        Ok(Checkpoint::read(path, &[])?.into())
    }

    /// Of a run as it is now.
    ///
    /// # Errors
    /// If memory does not hold it twice.
    pub fn of(session: &Session) -> Result<Self, TooLarge> {
        let (m, v) = session.optimizer.moments();
        memory::require(memory::arenas(session.model(), 3))?;
        Ok(Self {
            config: session.config.clone(),
            vocabulary: session.tokenizer().cloned(),
            step: session.step,
            updates: session.optimizer.updates().collect(),
            history: session.history.clone(),
            weights: session.weights.clone(),
            moments: Some((m.to_vec(), v.to_vec())),
        })
    }

    /// What a run that goes on from here is trained on: a text is read as it was.
    ///
    /// # Errors
    /// If the text has another vocabulary.
    pub fn material(&self, material: &Material) -> Result<Material, RestoreError> {
        read_with(self.vocabulary.as_ref(), &self.config, material.clone())
    }

    /// Whether a run of this configuration can go on from here.
    ///
    /// # Errors
    /// Names what is part of the model and differs.
    pub fn allows(&self, config: &Config) -> Result<(), ForkError> {
        let differs = HYPERPARAMETERS
            .iter()
            .find(|h| h.takes == Takes::Rebuild && h.get(config) != h.get(&self.config));
        match differs {
            Some(h) => Err(ForkError::Structural(h.name, self.step)),
            None if config.model != self.config.model || config.task != self.config.task => {
                Err(ForkError::Structural("the stage", self.step))
            }
            None => Ok(()),
        }
    }
}

impl From<Checkpoint> for Fork {
    fn from(checkpoint: Checkpoint) -> Self {
        let Checkpoint { config, vocabulary, step, updates, history, weights, moments, .. } =
            checkpoint;
        Self { config, vocabulary, step, updates, history, weights, moments }
    }
}

impl Session {
    /// Goes on from there with what differs in `config`, which is recorded as a change at that step.
    ///
    /// # Errors
    /// If what differs is part of the model, or memory does not hold the run.
    pub fn fork(
        fork: &Fork,
        config: &Config,
        material: Material,
        team: &Team,
    ) -> Result<Self, ForkError> {
        fork.allows(config)?;
        let mut own = fork.config.clone();
        own.seed = config.seed;
        own.training.steps = config.training.steps;
        own.training.eval_interval = config.training.eval_interval;
        own.training.eval_batches = config.training.eval_batches;
        let mut session = Self::with_team(own, material, team).map_err(RestoreError::Session)?;
        let before = (fork.step, fork.history.clone());
        let (weights, moments) = (fork.weights.clone(), fork.moments.as_ref());
        session.take_up(before, &fork.updates, weights, moments);
        for h in HYPERPARAMETERS.iter().filter(|h| h.takes == Takes::Live) {
            let value = h.get(config);
            if h.get(&session.config) != value {
                session.set(h.name, value)?;
            }
        }
        Ok(session)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stage::Value;
    use crate::train::testing;

    fn trained(config: Config, steps: u64) -> Session {
        let mut session = testing::open(config, 1);
        for _ in 0..steps {
            session.step().unwrap();
        }
        session
    }

    fn go_on(fork: &Fork, config: &Config, steps: u64) -> Session {
        let team = Team::new(1).unwrap();
        let material = fork.material(&testing::dataset().into()).unwrap();
        let mut session = Session::fork(fork, config, material, &team).unwrap();
        for _ in 0..steps {
            session.step().unwrap();
        }
        session
    }

    /// A GPT with dropout, so that every random stream counts.
    #[test]
    fn an_unchanged_run_goes_on_as_if_it_had_not_been_left() {
        let whole = trained(testing::gpt(), 20);
        let half = trained(testing::gpt(), 12);
        let fork = Fork::of(&half).unwrap();
        let gone_on = go_on(&fork, half.config(), 8);
        assert_eq!(gone_on.weights(), whole.weights());
        assert_eq!(gone_on.history(), whole.history());
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("half.safetensors");
        half.save(&path).unwrap();
        let from_file = go_on(&Fork::read(&path).unwrap(), half.config(), 8);
        assert_eq!(from_file.weights(), whole.weights());
        let other = Config { seed: 7, ..half.config().clone() };
        assert_eq!(go_on(&fork, &other, 0).weights(), half.weights(), "a seed moves no weight");
        assert_ne!(go_on(&fork, &other, 1).weights(), go_on(&fork, half.config(), 1).weights());
    }

    #[test]
    fn what_differs_is_a_live_change_at_that_step() {
        let mut live = trained(testing::gpt(), 12);
        let fork = Fork::of(&live).unwrap();
        let mut config = live.config().clone();
        config.training.lr = 0.5;
        config.training.batch_size = 3;
        live.set("lr", Value::Number(0.5)).unwrap();
        live.set("batch_size", Value::Count(3)).unwrap();
        for _ in 0..5 {
            live.step().unwrap();
        }
        let forked = go_on(&fork, &config, 5);
        assert_eq!(forked.weights(), live.weights());
        let edits = |session: &Session| -> Vec<_> {
            let edits = session.history().edits.iter();
            edits.map(|edit| (edit.step, edit.name.clone())).collect()
        };
        assert!(edits(&forked).contains(&(12, "lr".to_owned())));
        assert_eq!(edits(&forked).len(), 2);
    }

    #[test]
    fn what_is_part_of_the_model_stays() {
        let session = trained(testing::gpt(), 2);
        let fork = Fork::of(&session).unwrap();
        let mut config = session.config().clone();
        config.model.n_head = 1;
        let said = fork.allows(&config).unwrap_err().to_string();
        assert!(said.starts_with("n_head is part of the model"), "{said}");
        assert!(fork.allows(session.config()).is_ok());
    }
}
