//! From a checkpoint and a text to what a command works on.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::Failure;
use super::options::Given;
use crate::task::points::Points;
use crate::task::{self, Origin};
use crate::text::{Corpus, Dataset, Tokenizer, shown};
use crate::train::checkpoint::Checkpoint;
use crate::train::{Material, memory};

/// The checkpoint that a command is about, and what a plain `state_dict` leaves open.
#[derive(Debug, clap::Args)]
pub struct Source {
    /// A checkpoint of `train --out`, or a state_dict of the lecture's model saved with safetensors
    #[arg(value_name = "CKPT")]
    pub checkpoint: PathBuf,
    /// A UTF-8 text, - for standard input; without it GPT_LAB_DATA, the fetched Tiny Shakespeare, or the play in this program
    #[arg(long, value_name = "FILE", allow_hyphen_values = true)]
    pub data: Option<PathBuf>,
    /// The points of a GAN's --target file, x and y a line
    #[arg(long, value_name = "FILE", allow_hyphen_values = true)]
    pub points: Option<PathBuf>,
}

impl Source {
    pub fn read(&self, given: &[Given]) -> Result<Checkpoint, Failure> {
        let checkpoint = Checkpoint::read(&self.checkpoint, given)?;
        let task = &checkpoint.config.task;
        let idle = [
            ("--data", self.data.is_some() && !task.reads_text(), "models of a text"),
            (
                "--points",
                self.points.is_some() && task.origin() != Origin::Points,
                "a GAN of --target file",
            ),
        ];
        refuse_idle(&idle, task)?;
        // A command that opens a run asks for what that takes beside it.
        memory::require(memory::looking(&*checkpoint.model, 1)).map_err(anyhow::Error::from)?;
        tell(&checkpoint);
        Ok(checkpoint)
    }

    pub fn tokenizer(&self, checkpoint: &Checkpoint) -> Result<Tokenizer, Failure> {
        tokenizer(checkpoint, self.data.as_deref())
    }

    pub fn material(&self, checkpoint: &Checkpoint) -> Result<Material, Failure> {
        let material = material(checkpoint, self.data.as_deref(), self.points.as_deref())?;
        if has_other_points(checkpoint, &material) {
            super::say(format_args!(
                "note: the checkpoint was trained on other points than those of this file"
            ));
        }
        Ok(material)
    }
}

/// Refuses an option that would do nothing: its name, whether it was given where it is not read, and what it is for.
pub fn refuse_idle(options: &[(&str, bool, &str)], task: &task::Config) -> Result<(), Failure> {
    match options.iter().find(|(_, idle, _)| *idle) {
        None => Ok(()),
        Some((name, _, what)) => Err(Failure::usage(format!(
            "{name} is for {what}, and does nothing for this checkpoint ({task}): leave it out"
        ))),
    }
}

/// Says what was taken for granted of a file of others.
pub fn tell(checkpoint: &Checkpoint) {
    for note in &checkpoint.notes {
        super::say(format_args!("note: {note}"));
    }
}

/// The checkpoint's own vocabulary; for a plain `state_dict` that of the text at hand, if it has the right size.
fn tokenizer(checkpoint: &Checkpoint, data: Option<&Path>) -> Result<Tokenizer, Failure> {
    if let Some(tokenizer) = &checkpoint.vocabulary {
        return Ok(tokenizer.clone());
    }
    let task = &checkpoint.config.task;
    if !task.reads_text() {
        let stage = &checkpoint.config.stage;
        return Err(Failure::usage(format!("{stage} has learned {task} and reads no text")));
    }
    tokenizer_of(checkpoint, &super::text(data)?)
}

/// The same for a text that was read already: a pipe is read once.
fn tokenizer_of(checkpoint: &Checkpoint, corpus: &Corpus) -> Result<Tokenizer, Failure> {
    if let Some(tokenizer) = &checkpoint.vocabulary {
        return Ok(tokenizer.clone());
    }
    let task = &checkpoint.config.task;
    let tokenizer = Tokenizer::new(&corpus.text, task.tokens, task.max_words);
    let (found, expected) = (tokenizer.vocab_size(), checkpoint.config.model.vocab_size);
    if found != expected {
        return Err(Failure::Failed(anyhow::anyhow!(
            "the state_dict is for {expected} different {}, {} has {found}: give the text it was trained on with --data",
            task.tokens.plural(),
            corpus.name
        )));
    }
    Ok(tokenizer)
}

/// What the run of a checkpoint is trained on: for a text the one at hand, in the checkpoint's vocabulary. Says so if it
/// is not the one the model was trained on.
pub fn material(
    checkpoint: &Checkpoint,
    data: Option<&Path>,
    file: Option<&Path>,
) -> Result<Material, Failure> {
    let task = &checkpoint.config.task;
    if task.rule != task.newest_rule() {
        super::say(format_args!(
            "note: the checkpoint's held-out examples are drawn by an older rule, by which a few short ones count for much: compare its figures with those of runs of the same rule alone"
        ));
    }
    let mut material = Material { points: points(&checkpoint.config.task, file)?, text: None };
    if !checkpoint.config.task.reads_text() {
        return Ok(material);
    }
    let corpus = super::text(data)?;
    let tokenizer = tokenizer_of(checkpoint, &corpus)?;
    let dataset = Dataset::with_tokenizer(corpus, tokenizer)?;
    if checkpoint.corpus.as_ref().is_some_and(|sha256| *sha256 != dataset.corpus.sha256) {
        let name = &dataset.corpus.name;
        super::say(format_args!("note: the checkpoint was trained on another text than {name}"));
    }
    material.text = Some(Arc::new(dataset));
    Ok(material)
}

/// Whether a checkpoint that knows its points was trained on others.
pub fn has_other_points(checkpoint: &Checkpoint, material: &Material) -> bool {
    let found = material.points.as_ref().and_then(|points| points.standard());
    let both = checkpoint.points.as_ref().zip(found);
    both.is_some_and(|(trained, found)| trained.sha256 != found.sha256)
}

/// The points of a file, where the task is about them.
pub fn points(task: &task::Config, file: Option<&Path>) -> Result<Option<Arc<Points>>, Failure> {
    let asked = task.origin() == Origin::Points;
    match file {
        Some(file) if asked => {
            let points = Points::read(file, task.rule).map_err(anyhow::Error::from)?;
            Ok(Some(Arc::new(points)))
        }
        Some(_) => Err(Failure::usage(
            "--points is for a run whose --target is file: of this one, the points are not asked for",
        )),
        None if asked => Err(Failure::usage("--target file needs the points: give --points FILE")),
        None => Ok(None),
    }
}

/// The ids of a prompt. Says so where it holds words that the model does not know.
pub fn prompt(tokenizer: &Tokenizer, text: &str) -> Result<Vec<u32>, Failure> {
    let ids = tokenizer.encode_typed(text).map_err(|error| Failure::prompt(&error))?;
    let unknown = tokenizer.unknown(text);
    if !unknown.is_empty() {
        let unknown: Vec<_> =
            unknown.iter().map(|word| format!("\"{}\"", shown::token(word, false))).collect();
        let verb = if unknown.len() == 1 { "is" } else { "are" };
        super::say(format_args!(
            "note: {} {verb} not among the {} words that the model knows, and read as <unk>",
            unknown.join(", "),
            tokenizer.vocab_size()
        ));
    }
    Ok(ids)
}
