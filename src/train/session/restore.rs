//! A run into a file and back: stopping, saving and resuming gives the uninterrupted run.

use std::path::Path;
use std::sync::Arc;

use super::{Session, SessionError};
use crate::text::Dataset;
use crate::train::checkpoint::{Checkpoint, CheckpointError, Parts};
use crate::train::team::Team;

/// Why a run could not be brought back.
#[derive(Debug, thiserror::Error)]
pub enum RestoreError {
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    #[error(transparent)]
    Session(#[from] SessionError),
    #[error(
        "the checkpoint's vocabulary ({checkpoint} characters) is not the one of {text} ({found}): give the text it was trained on with --data"
    )]
    Vocabulary { checkpoint: usize, text: String, found: usize },
}

impl Session {
    /// Brings back the run in a file, on threads of its own.
    ///
    /// # Errors
    /// If the file is no good, or the text is not for its model.
    pub fn load(path: &Path, dataset: Arc<Dataset>, threads: usize) -> Result<Self, RestoreError> {
        let team = Team::new(threads).map_err(SessionError::Team)?;
        Self::restore(Checkpoint::read(path, &[])?, dataset, &team)
    }

    /// Brings back the run of a checkpoint.
    ///
    /// # Errors
    /// If the text is not for its model.
    pub fn restore(
        checkpoint: Checkpoint,
        dataset: Arc<Dataset>,
        team: &Team,
    ) -> Result<Self, RestoreError> {
        let Checkpoint { config, vocabulary, step, history, model, weights, moments, .. } =
            checkpoint;
        let characters = dataset.tokenizer.characters();
        let same = match &vocabulary {
            Some(vocabulary) => vocabulary == characters,
            None => config.model.vocab_size == characters.len(),
        };
        if !same {
            return Err(RestoreError::Vocabulary {
                checkpoint: config.model.vocab_size,
                text: dataset.corpus.name.clone(),
                found: characters.len(),
            });
        }
        let mut session = Self::with_model(config, dataset, team, model)?;
        session.weights = weights;
        session.step = step;
        session.history = history;
        if let Some((m, v)) = moments {
            let moments = session.optimizer.moments_mut();
            moments.0.copy_from_slice(&m);
            moments.1.copy_from_slice(&v);
        }
        Ok(session)
    }

    /// Writes a checkpoint, whole or not at all.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn save(&self, path: &Path) -> Result<(), CheckpointError> {
        let parts = Parts {
            config: &self.config,
            vocabulary: self.dataset.tokenizer.characters(),
            corpus: &self.dataset.corpus.sha256,
            step: self.step,
            history: &self.history,
            model: &*self.model,
            weights: &self.weights,
            moments: self.optimizer.moments(),
        };
        parts.write(path)
    }
}
