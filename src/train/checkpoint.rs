//! Checkpoints: safetensors files in the lecture's names.
//!
//! Tensors are f32, named and laid out as in the lecture's final script, so that a checkpoint opens there with
//! `load_state_dict`; AdamW's moments are `optim.m.<name>` and `optim.v.<name>`. Everything else is text in the metadata:
//!
//! - `format`: `gpt-lab 1`
//! - `config`: JSON of [`Config`]; `seed` and `step` stand beside it for readers
//! - `vocabulary`: all characters in the order of their ids, where a text was read as characters
//! - `words`: JSON list of all words in the order of their ids, where it was read as words; a made task has neither
//! - `updates`: how often each group of parameters was moved, where there are several
//! - `run`: the run's id, where it is another than that of the first run
//! - `history`: JSON of [`History`], with the losses estimated and the live changes made
//! - `corpus`: SHA-256 of the text
//! - `points`: JSON of [`Standard`], where points of a file were learned: SHA-256 of the file, and its mean and scale
//! - `sha256`: of all the above and of the tensors
//!
//! There are no dates and no paths in it: the same run is the same bytes. A file without this metadata is read as a
//! plain `state_dict`, its configuration inferred from names and shapes (`state_dict`).

mod about;
mod file;
mod guest;
mod signature;
mod state_dict;

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use super::event::RunId;
use super::history::History;
use super::memory::{self, TooLarge};
use crate::math::Real;
use crate::model::{self, Model};
use crate::nn::parameters::Parameter;
use crate::stage::hyperparameter::{Hyperparameter, Value};
use crate::stage::{Config, LAST_STEP};
use crate::task::Origin;
use crate::task::points::Standard;
use crate::text::shown::{excerpt, is_hidden, line};
use crate::text::{CharTokenizer, Tokenizer, Tokens, WordTokenizer};
use file::{Contents, Tensor};

pub use about::About;
pub use file::{is_checkpoint, require_folder};

const FORMAT: &str = "gpt-lab 1";
/// What the formats of all versions begin with.
const FAMILY: &str = "gpt-lab ";
/// Characters of a stage's name.
const LONGEST_NAME: usize = 64;
const FIRST_MOMENT: &str = "optim.m.";
const SECOND_MOMENT: &str = "optim.v.";

/// A trained model as it stands in a file.
pub struct Checkpoint {
    /// Which run of its program it was.
    pub run: RunId,
    pub config: Config,
    /// What the text was read with; `None` for a made task, and in a plain `state_dict`.
    pub vocabulary: Option<Tokenizer>,
    /// SHA-256 of the text it was trained on, where it is known.
    pub corpus: Option<String>,
    /// Which points it was trained on, if they were a file's; older checkpoints do not tell.
    pub points: Option<Standard>,
    /// Steps done.
    pub step: u64,
    /// How often each of the model's groups was moved.
    pub updates: Vec<u64>,
    pub history: History,
    pub model: Box<dyn Model>,
    pub weights: Vec<Real>,
    /// AdamW's first and second moment; `None` in a plain `state_dict`.
    pub moments: Option<(Vec<Real>, Vec<Real>)>,
    /// What was taken for granted where a file of others leaves it out.
    pub notes: Vec<String>,
}

/// What a checkpoint is written from.
pub(super) struct Parts<'a> {
    pub run: RunId,
    pub config: &'a Config,
    pub vocabulary: Option<&'a Tokenizer>,
    pub corpus: &'a str,
    pub points: Option<&'a Standard>,
    pub step: u64,
    pub updates: Vec<u64>,
    pub history: &'a History,
    pub model: &'a dyn Model,
    pub weights: &'a [Real],
    pub moments: (&'a [Real], &'a [Real]),
}

/// Why a checkpoint could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum CheckpointError {
    #[error(
        "{path:?} could not be read: {source}; expected a checkpoint written by `gpt-lab train --out`"
    )]
    Unreadable { path: PathBuf, source: io::Error },
    #[error(
        "{path:?} is not a checkpoint: {found}; expected a safetensors file written by `gpt-lab train --out`, or a state_dict of the lecture's model saved with safetensors"
    )]
    Foreign { path: PathBuf, found: String },
    #[error("{path:?} is damaged: {found}; use another copy, or train again")]
    Damaged { path: PathBuf, found: String },
    #[error(
        "{path:?} has the format {found:?}, this program reads {FORMAT:?}: use the version that wrote it"
    )]
    Format { path: PathBuf, found: String },
    #[error(
        "{path:?} cannot be used: {tensor} holds {count} numbers that are not finite, so the run that wrote it had diverged; use an earlier checkpoint"
    )]
    NotFinite { path: PathBuf, tensor: String, count: usize },
    #[error("{path:?} cannot be opened: {source}")]
    Memory { path: PathBuf, source: TooLarge },
    #[error("{path:?} could not be written: {source}; check that its folder exists and has room")]
    Unwritable { path: PathBuf, source: io::Error },
    #[error(
        "{path:?} fixes its model: {name} cannot be changed with an option (found {name} {value})"
    )]
    Fixed { path: PathBuf, name: &'static str, value: Value },
}

/// Structural values from the command line, for what a plain `state_dict` does not tell.
pub type Overrides = [(&'static Hyperparameter, Value)];

impl Checkpoint {
    /// Reads a file. `overrides` say what a plain `state_dict` leaves open.
    ///
    /// # Errors
    /// If it cannot be read, is no checkpoint, is damaged, or if `overrides` contradict what it says itself.
    pub fn read(path: &Path, overrides: &Overrides) -> Result<Self, CheckpointError> {
        let contents = Contents::read(path)?;
        // Metadata of others ({"format": "pt"}) says nothing to us.
        let ours = contents.metadata.get("format").filter(|format| format.starts_with(FAMILY));
        let checkpoint = match ours.map(String::as_str) {
            None => Reader { path, contents: contents.adopted() }.state_dict(overrides)?,
            Some(FORMAT) => Reader { path, contents }.own(overrides)?,
            Some(other) => {
                let found = excerpt(other);
                return Err(CheckpointError::Format { path: path.to_owned(), found });
            }
        };
        match checkpoint.not_finite() {
            None => Ok(checkpoint),
            Some((tensor, count)) => {
                Err(CheckpointError::NotFinite { path: path.to_owned(), tensor, count })
            }
        }
    }

    /// Reads back what this program has itself written out, with whatever numbers stand in it.
    pub(super) fn read_back(path: &Path) -> Result<Self, CheckpointError> {
        Reader { path, contents: Contents::read(path)? }.own(&[])
    }

    /// The first tensor with numbers that are not finite, and how many.
    fn not_finite(&self) -> Option<(String, usize)> {
        let moments =
            self.moments.iter().flat_map(|(m, v)| [(FIRST_MOMENT, m), (SECOND_MOMENT, v)]);
        for (prefix, arena) in std::iter::once(("", &self.weights)).chain(moments) {
            if arena.iter().all(|x| x.is_finite()) {
                continue;
            }
            for parameter in self.model.registry().parameters() {
                let count = parameter.positions().filter(|at| !arena[*at].is_finite()).count();
                if count > 0 {
                    return Some((format!("{prefix}{}", parameter.name), count));
                }
            }
        }
        None
    }
}

/// A file that is being made sense of.
struct Reader<'a> {
    path: &'a Path,
    contents: Contents,
}

impl Reader<'_> {
    fn damaged(&self, found: impl Into<String>) -> CheckpointError {
        CheckpointError::Damaged { path: self.path.to_owned(), found: line(&found.into()) }
    }

    fn foreign(&self, found: impl Into<String>) -> CheckpointError {
        CheckpointError::Foreign { path: self.path.to_owned(), found: line(&found.into()) }
    }

    fn metadata(&self, key: &str) -> Result<&str, CheckpointError> {
        let value = self.contents.metadata.get(key);
        value.map(String::as_str).ok_or_else(|| self.damaged(format!("its {key} is missing")))
    }

    fn json<T: serde::de::DeserializeOwned>(&self, key: &str) -> Result<T, CheckpointError> {
        serde_json::from_str(self.metadata(key)?)
            .map_err(|error| self.damaged(format!("its {key} cannot be read ({error})")))
    }

    /// A file that this program wrote.
    fn own(&self, overrides: &Overrides) -> Result<Checkpoint, CheckpointError> {
        let config: Config = self.json("config")?;
        let history: History = self.json("history")?;
        let corpus = self.metadata("corpus")?.to_owned();
        let run = match self.contents.metadata.get("run") {
            Some(run) => run.parse().map_err(|_| self.damaged("its run is not a number"))?,
            None => RunId::FIRST.0,
        };
        let step: Result<u64, _> = self.metadata("step")?.parse();
        let step = step.map_err(|_| self.damaged("its step is not a number"))?;
        config.validate().map_err(|error| self.damaged(format!("its config is wrong: {error}")))?;
        let vocabulary = self.vocabulary(&config)?;
        let points = self.points(&config)?;
        if step > LAST_STEP {
            return Err(self.damaged(format!("its step is {step}, the most is {LAST_STEP}")));
        }
        if !history.is_sound(step) {
            return Err(self.damaged("its history does not belong to its step"));
        }
        let fixed = overrides.iter().find(|(h, value)| h.get(&config) != *value);
        if let Some((hyperparameter, value)) = fixed {
            let (path, value) = (self.path.to_owned(), *value);
            return Err(CheckpointError::Fixed { path, name: hyperparameter.name, value });
        }
        if config.stage.chars().any(is_hidden) || config.stage.chars().count() > LONGEST_NAME {
            return Err(self.damaged(format!("its stage is called {}", excerpt(&config.stage))));
        }
        let model = self.build(&config.model)?;
        self.require(&*model, &["", FIRST_MOMENT, SECOND_MOMENT])?;
        let updates = self.updates(step, model.groups().len())?;
        let mut checksum = Checksum::new(self.contents.metadata.iter());
        let mut arena = |prefix: &str| {
            let mut arena = vec![0.0; model.registry().len()];
            for parameter in model.registry().parameters() {
                let tensor =
                    self.tensor(&format!("{prefix}{}", parameter.name), &parameter.shape)?;
                checksum.add(&tensor.values);
                write(parameter, &mut arena, tensor);
            }
            Ok(arena)
        };
        let weights = arena("")?;
        let moments = (arena(FIRST_MOMENT)?, arena(SECOND_MOMENT)?);
        if checksum.text() != self.metadata("sha256")? {
            return Err(self.damaged("its contents do not have the checksum it was written with"));
        }
        Ok(Checkpoint {
            run: RunId(run),
            config,
            vocabulary,
            corpus: Some(corpus),
            points,
            step,
            updates,
            history,
            model,
            weights,
            moments: Some(moments),
            notes: Vec::new(),
        })
    }

    /// Which file's points a run is about.
    fn points(&self, config: &Config) -> Result<Option<Standard>, CheckpointError> {
        if config.task.origin() != Origin::Points || !self.contents.metadata.contains_key("points")
        {
            return Ok(None);
        }
        let standard: Standard = self.json("points")?;
        let numbers = [standard.mean[0], standard.mean[1], standard.scale];
        if standard.scale <= 0.0 || numbers.iter().any(|x| !x.is_finite()) {
            return Err(self.damaged("its points have no scale"));
        }
        Ok(Some(standard))
    }

    /// What the text of a run was read with.
    fn vocabulary(&self, config: &Config) -> Result<Option<Tokenizer>, CheckpointError> {
        if !config.task.reads_text() {
            return Ok(None);
        }
        let tokens = config.task.tokens;
        let vocabulary = match tokens {
            Tokens::Characters => {
                let characters = self.metadata("vocabulary")?.chars().collect();
                Tokenizer::Characters(CharTokenizer::from_characters(characters))
            }
            Tokens::Words => {
                WordTokenizer::from_words(self.json("words")?).map(Tokenizer::Words).map_err(
                    |error| self.damaged(format!("its words are no vocabulary: {error}")),
                )?
            }
        };
        let (found, expected) = (vocabulary.vocab_size(), config.model.vocab_size);
        if found != expected {
            let tokens = tokens.plural();
            return Err(
                self.damaged(format!("its vocabulary has {found} {tokens}, not {expected}"))
            );
        }
        Ok(Some(vocabulary))
    }

    /// A plain `state_dict`.
    fn state_dict(mut self, overrides: &Overrides) -> Result<Checkpoint, CheckpointError> {
        if let Some(layout) = guest::layout(&self.contents.tensors) {
            return Err(self.foreign(layout));
        }
        let notes = guest::complete(&mut self.contents.tensors);
        let config = state_dict::infer(&self.contents.tensors, overrides);
        let config = config.map_err(|found| self.foreign(found))?;
        config.validate().map_err(|error| self.foreign(format!("as a state_dict: {error}")))?;
        let model = self.build(&config.model)?;
        self.require(&*model, &[""])?;
        let mut weights = vec![0.0; model.registry().len()];
        for parameter in model.registry().parameters() {
            let tensor = self.tensor(&parameter.name, &parameter.shape)?;
            write(parameter, &mut weights, tensor);
        }
        let known = |name: &str| model.registry().get(name).is_some();
        let mut others = self
            .contents
            .tensors
            .keys()
            .filter(|name| !known(name) && !state_dict::is_buffer(name));
        if let Some(other) = others.next() {
            return Err(self.foreign(format!(
                "it holds {}, which the lecture's model has not",
                excerpt(other)
            )));
        }
        Ok(Checkpoint {
            run: RunId::FIRST,
            config,
            vocabulary: None,
            corpus: None,
            points: None,
            step: 0,
            updates: vec![0],
            history: History::default(),
            model,
            weights,
            moments: None,
            notes,
        })
    }

    fn build(&self, config: &model::Config) -> Result<Box<dyn Model>, CheckpointError> {
        // The weights must be in the file, so a size that the file cannot hold is nonsense: it must not be allocated.
        let found: usize = self.contents.tensors.values().map(|t| t.values.len()).sum();
        let model::Config { vocab_size, source_vocab, n_input, .. } = *config;
        if vocab_size.max(source_vocab).max(n_input) > found {
            return Err(self.damaged(format!("its model needs more than its {found} numbers")));
        }
        let model = model::build(config).map_err(|error| self.damaged(error.to_string()))?;
        memory::require(memory::arenas(&*model, 3))
            .map_err(|source| CheckpointError::Memory { path: self.path.to_owned(), source })?;
        Ok(model)
    }

    /// Checks that every tensor of the model is there, before room is made for any.
    fn require(&self, model: &dyn Model, prefixes: &[&str]) -> Result<(), CheckpointError> {
        for prefix in prefixes {
            for Parameter { name, shape, .. } in model.registry().parameters() {
                self.tensor(&format!("{prefix}{name}"), shape)?;
            }
        }
        Ok(())
    }

    /// How often each group was moved; with one group, as often as there were steps.
    fn updates(&self, step: u64, groups: usize) -> Result<Vec<u64>, CheckpointError> {
        if groups == 1 {
            return Ok(vec![step]);
        }
        let updates: Vec<u64> = self.json("updates")?;
        if updates.len() != groups
            || updates.iter().try_fold(0, |sum: u64, n| sum.checked_add(*n)) != Some(step)
        {
            return Err(self.damaged("its updates do not belong to its step"));
        }
        Ok(updates)
    }

    fn tensor(&self, name: &str, shape: &[usize]) -> Result<&Tensor, CheckpointError> {
        match self.contents.tensors.get(name) {
            Some(tensor) if tensor.shape == shape && !tensor.values.is_empty() => Ok(tensor),
            Some(tensor) if tensor.shape == shape => {
                Err(self.foreign(format!("{name} holds no floating-point numbers")))
            }
            Some(tensor) => {
                let found = &tensor.shape;
                Err(self.foreign(format!("{name} is {found:?} where {shape:?} was expected")))
            }
            None => Err(self.foreign(format!("{name} {shape:?} is missing"))),
        }
    }
}

fn write(parameter: &Parameter, arena: &mut [Real], tensor: &Tensor) {
    for (at, value) in parameter.positions().zip(&tensor.values) {
        arena[at] = *value as Real;
    }
}

/// SHA-256 of the metadata (in the order of its keys, without the checksum itself) and of the tensors.
struct Checksum(Sha256);

impl Checksum {
    fn new<'a>(metadata: impl Iterator<Item = (&'a String, &'a String)>) -> Self {
        let mut hash = Sha256::new();
        for (key, value) in metadata.filter(|(key, _)| *key != "sha256") {
            hash.update(key);
            hash.update([0]);
            hash.update(value);
            hash.update([0]);
        }
        Self(hash)
    }

    fn add(&mut self, values: &[f32]) {
        for piece in values.chunks(1024) {
            let mut bytes = [0; 4096];
            for (bytes, value) in bytes.as_chunks_mut::<4>().0.iter_mut().zip(piece) {
                *bytes = value.to_le_bytes();
            }
            self.0.update(&bytes[..4 * piece.len()]);
        }
    }

    fn text(self) -> String {
        use std::fmt::Write as _;
        self.0.finalize().iter().fold(String::with_capacity(64), |mut text, byte| {
            _ = write!(text, "{byte:02x}");
            text
        })
    }
}

impl Parts<'_> {
    /// Writes the checkpoint, whole or not at all, in the place of one that stands there.
    pub fn write(&self, path: &Path) -> Result<(), CheckpointError> {
        let written = self.contents().and_then(|contents| contents.write(path));
        written.map_err(|source| CheckpointError::Unwritable { path: path.to_owned(), source })
    }

    /// Writes the checkpoint at `path`, or beside it where that name is taken; where it is.
    pub fn write_new(&self, path: &Path) -> Result<PathBuf, CheckpointError> {
        let written = self.contents().and_then(|contents| contents.write_new(path));
        written.map_err(|source| CheckpointError::Unwritable { path: path.to_owned(), source })
    }

    /// Writes the checkpoint's bytes.
    pub fn write_to(&self, out: &mut dyn Write) -> io::Result<()> {
        self.contents()?.write_to(out)
    }

    fn contents(&self) -> io::Result<Contents> {
        let json = |value: Result<String, serde_json::Error>| value.map_err(io::Error::from);
        let entries = [
            ("config", json(serde_json::to_string(self.config))?),
            ("corpus", self.corpus.to_owned()),
            ("format", FORMAT.to_owned()),
            ("history", json(serde_json::to_string(self.history))?),
            ("seed", self.config.seed.to_string()),
            ("step", self.step.to_string()),
        ];
        let mut contents = Contents::default();
        contents.metadata.extend(entries.map(|(key, value)| (key.to_owned(), value)));
        if self.run != RunId::FIRST {
            contents.metadata.insert("run".to_owned(), self.run.0.to_string());
        }
        let vocabulary = match self.vocabulary {
            Some(Tokenizer::Characters(tokenizer)) => {
                Some(("vocabulary", tokenizer.characters().iter().collect()))
            }
            Some(Tokenizer::Words(tokenizer)) => {
                Some(("words", json(serde_json::to_string(tokenizer.words()))?))
            }
            None => None,
        };
        contents.metadata.extend(vocabulary.map(|(key, value)| (key.to_owned(), value)));
        if let Some(points) = self.points {
            let points = json(serde_json::to_string(points))?;
            contents.metadata.insert("points".to_owned(), points);
        }
        if self.updates.len() > 1 {
            let updates = json(serde_json::to_string(&self.updates))?;
            contents.metadata.insert("updates".to_owned(), updates);
        }
        let mut checksum = Checksum::new(contents.metadata.iter());
        let arenas =
            [("", self.weights), (FIRST_MOMENT, self.moments.0), (SECOND_MOMENT, self.moments.1)];
        for (prefix, arena) in arenas {
            for parameter in self.model.registry().parameters() {
                let tensor = Tensor::of(parameter, arena);
                checksum.add(&tensor.values);
                contents.tensors.insert(format!("{prefix}{}", parameter.name), tensor);
            }
        }
        contents.metadata.insert("sha256".to_owned(), checksum.text());
        Ok(contents)
    }
}

// A file holds f32: with the private feature f64 what comes back is rounded.
#[cfg(all(test, not(feature = "f64")))]
mod tests;
