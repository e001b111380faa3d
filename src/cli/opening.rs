//! From a checkpoint and a text to what a command works on.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::Failure;
use super::options::Given;
use crate::task::Task;
use crate::text::{CharTokenizer, Dataset};
use crate::train::Material;
use crate::train::checkpoint::Checkpoint;

/// The checkpoint that a command is about, and what a plain `state_dict` leaves open.
#[derive(Debug, clap::Args)]
pub struct Source {
    /// A checkpoint of `train --out`, or a state_dict of the lecture's model saved with safetensors
    #[arg(value_name = "CKPT")]
    pub checkpoint: PathBuf,
    /// A UTF-8 text; without it GPT_LAB_DATA, the fetched Tiny Shakespeare, or the play in this program
    #[arg(long, value_name = "FILE")]
    pub data: Option<PathBuf>,
}

impl Source {
    pub fn read(&self, given: &[Given]) -> Result<Checkpoint, Failure> {
        Ok(Checkpoint::read(&self.checkpoint, given)?)
    }

    pub fn tokenizer(&self, checkpoint: &Checkpoint) -> Result<CharTokenizer, Failure> {
        tokenizer(checkpoint, self.data.as_deref())
    }

    pub fn material(&self, checkpoint: &Checkpoint) -> Result<Material, Failure> {
        material(checkpoint, self.data.as_deref())
    }
}

/// The checkpoint's own vocabulary; for a plain `state_dict` that of the text at hand, if it has the right size.
fn tokenizer(checkpoint: &Checkpoint, data: Option<&Path>) -> Result<CharTokenizer, Failure> {
    if let Some(characters) = &checkpoint.vocabulary {
        return Ok(CharTokenizer::from_characters(characters.clone()));
    }
    let corpus = super::text(data)?;
    let tokenizer = CharTokenizer::new(&corpus.text);
    let (found, expected) = (tokenizer.vocab_size(), checkpoint.config.model.vocab_size);
    if found != expected {
        return Err(Failure::Failed(anyhow::anyhow!(
            "the state_dict is for {expected} different characters, {} has {found}: give the text it was trained on with --data",
            corpus.name
        )));
    }
    Ok(tokenizer)
}

/// What the run of a checkpoint is trained on: for a text the one at hand, in the checkpoint's vocabulary. Says so if it
/// is not the one the model was trained on.
pub fn material(checkpoint: &Checkpoint, data: Option<&Path>) -> Result<Material, Failure> {
    if checkpoint.config.task.task != Task::Text {
        return Ok(Material::default());
    }
    let tokenizer = tokenizer(checkpoint, data)?;
    let dataset = Dataset::with_tokenizer(super::text(data)?, tokenizer)?;
    if checkpoint.corpus.as_ref().is_some_and(|sha256| *sha256 != dataset.corpus.sha256) {
        eprintln!("note: the checkpoint was trained on another text than {}", dataset.corpus.name);
    }
    Ok(Arc::new(dataset).into())
}
