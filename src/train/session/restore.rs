//! A run into a file and back: stopping, saving and resuming gives the uninterrupted run.

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::{Session, SessionError};
use crate::math::Real;
use crate::stage::Config;
use crate::task::Origin;
use crate::text::Tokenizer;
use crate::train::checkpoint::{Checkpoint, CheckpointError, Parts};
use crate::train::history::History;
use crate::train::material::Material;
use crate::train::team::Team;

/// Why a run could not be brought back.
#[derive(Debug, thiserror::Error)]
pub enum RestoreError {
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    #[error(transparent)]
    Session(#[from] SessionError),
    #[error(
        "the checkpoint's vocabulary ({checkpoint} {tokens}) is not the one of {text} ({found}): give the text it was trained on with --data"
    )]
    Vocabulary { checkpoint: usize, tokens: &'static str, text: String, found: usize },
}

impl Session {
    /// Brings back the run in a file, on threads of its own.
    ///
    /// # Errors
    /// If the file is no good, or the text is not for its model.
    pub fn load(
        path: &Path,
        material: impl Into<Material>,
        threads: usize,
    ) -> Result<Self, RestoreError> {
        let team = Team::new(threads).map_err(SessionError::Team)?;
        Self::restore(Checkpoint::read(path, &[])?, material, &team)
    }

    /// Brings back the run of a checkpoint.
    ///
    /// # Errors
    /// If the text is not for its model.
    pub fn restore(
        checkpoint: Checkpoint,
        material: impl Into<Material>,
        team: &Team,
    ) -> Result<Self, RestoreError> {
        let Checkpoint {
            run,
            config,
            vocabulary,
            step,
            updates,
            history,
            model,
            weights,
            moments,
            ..
        } = checkpoint;
        let material = read_with(vocabulary.as_ref(), &config, material.into())?;
        let mut session = Self::with_model(config, material, team, model)?;
        session.run = run;
        session.take_up((step, history), &updates, weights, moments.as_ref());
        Ok(session)
    }

    /// Takes the place of a new run's weights and all that moves them.
    pub(super) fn take_up(
        &mut self,
        (step, history): (u64, History),
        updates: &[u64],
        weights: Vec<Real>,
        moments: Option<&(Vec<Real>, Vec<Real>)>,
    ) {
        self.optimizer.set_updates(updates);
        self.weights = weights;
        self.step = step;
        self.history = history;
        if let Some((m, v)) = moments {
            let moments = self.optimizer.moments_mut();
            moments.0.copy_from_slice(m);
            moments.1.copy_from_slice(v);
        }
    }

    /// Writes a checkpoint, whole or not at all.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn save(&self, path: &Path) -> Result<(), CheckpointError> {
        self.parts().write(path)
    }

    /// Writes a checkpoint at `path`, or beside it where that name is taken; where it is.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn save_new(&self, path: &Path) -> Result<PathBuf, CheckpointError> {
        self.parts().write_new(path)
    }

    /// Writes the bytes of a checkpoint.
    ///
    /// # Errors
    /// If they cannot be written.
    pub(in crate::train) fn write_to(&self, out: &mut dyn Write) -> io::Result<()> {
        self.parts().write_to(out)
    }

    fn parts(&self) -> Parts<'_> {
        // A made task has its own fixed vocabulary.
        let task = &self.config.task;
        let text = self.material.text.as_ref().filter(|_| task.reads_text());
        let points = self.material.points.as_ref().filter(|_| task.origin() == Origin::Points);
        Parts {
            run: self.run,
            config: &self.config,
            vocabulary: text.map(|text| &text.tokenizer),
            corpus: text.map_or("", |text| &text.corpus.sha256),
            points: points.and_then(|points| points.standard()),
            step: self.step,
            updates: self.optimizer.updates().collect(),
            history: &self.history,
            model: &*self.model,
            weights: &self.weights,
            moments: self.optimizer.moments(),
        }
    }
}

/// What is at hand with its text read as a run's was, whose vocabulary is known or (in a plain `state_dict`) not.
pub(super) fn read_with(
    vocabulary: Option<&Tokenizer>,
    config: &Config,
    mut material: Material,
) -> Result<Material, RestoreError> {
    if let (Some(words @ Tokenizer::Words(_)), Some(text)) = (vocabulary, &material.text)
        && text.tokenizer != *words
    {
        let text =
            text.read_with(words.clone()).map_err(|error| SessionError::Material(error.into()))?;
        material.text = Some(Arc::new(text));
    }
    if let Some(dataset) = material.text.as_ref().filter(|_| config.task.reads_text()) {
        let found = dataset.tokenizer.vocab_size();
        let same = match vocabulary {
            Some(vocabulary) => *vocabulary == dataset.tokenizer,
            None => config.model.vocab_size == found,
        };
        if !same {
            return Err(RestoreError::Vocabulary {
                checkpoint: config.model.vocab_size,
                tokens: config.task.tokens.plural(),
                text: dataset.corpus.name.clone(),
                found,
            });
        }
    }
    Ok(material)
}
