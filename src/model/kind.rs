//! What there is to know of a kind of network before one is built: a row for each, which stands with the model.

use std::collections::BTreeMap;

use super::config::{Architecture, Fault, QueryKey};
use super::{Config, KINDS, Model};
use crate::math::plain::fault::LONGEST;

/// What an example is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// A window of a text: at every token, the next one is asked for.
    Window,
    /// A row of tokens; one answer is asked for, at its end.
    Question,
    /// A source that is read, and a target that is written.
    Pair,
    /// An image: numbers from 0 to 1.
    Image,
    /// A point.
    Point,
}

/// Names and shapes of a file's tensors.
pub type Shapes<'a> = BTreeMap<&'a str, &'a [usize]>;

/// A kind of network.
#[derive(Clone, Copy, Debug)]
pub struct Kind {
    pub architecture: Architecture,
    /// Examples that it can learn from.
    pub takes: &'static [Form],
    /// Hyperparameters, by name, that mean something to it and not to every other kind.
    pub hyperparameters: &'static [&'static str],
    /// Sizes of the configuration, by name, that it needs: each at least 1.
    pub sizes: &'static [&'static str],
    pub build: fn(&Config) -> Box<dyn Model>,
    /// What names in a plain `state_dict` begin with that only it, or a larger one, has.
    pub modules: &'static [&'static str],
    /// Its configuration as far as the names and shapes of a plain `state_dict` tell it; `None` if it is another kind's.
    pub recognise: fn(&Shapes<'_>) -> Option<Result<Config, String>>,
}

/// The kind of a configuration's network.
///
/// # Panics
/// Never: a test holds every architecture to its row.
pub fn kind(architecture: Architecture) -> &'static Kind {
    KINDS.iter().find(|kind| kind.architecture == architecture).expect("every kind has its row")
}

/// A kind that no plain `state_dict` is read as.
pub fn unknown_to_others(_: &Shapes<'_>) -> Option<Result<Config, String>> {
    None
}

/// Rows and columns of a matrix.
///
/// # Errors
/// If it is missing, or no matrix.
pub fn matrix(shapes: &Shapes<'_>, name: &str) -> Result<(usize, usize), String> {
    match shapes.get(name) {
        Some(&[rows, columns]) => Ok((*rows, *columns)),
        Some(other) => Err(format!("{name} is {other:?}, not a matrix")),
        None => Err(format!("it holds no {name}")),
    }
}

/// How many of these names there are, counted from 0.
pub fn count(shapes: &Shapes<'_>, name: impl Fn(usize) -> String) -> usize {
    (0..shapes.len()).take_while(|i| shapes.contains_key(name(*i).as_str())).count()
}

/// Why a configuration is of no model.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConfigError {
    #[error("{name} must be at least 1 (found 0)")]
    Zero { name: &'static str },
    #[error(
        "n_embd {n_embd} is not divisible by n_head {n_head}: choose an n_head that divides it, or another n_embd"
    )]
    Heads { n_embd: usize, n_head: usize },
    #[error(
        "query_key merged needs n_head 1 (found {n_head}): its keys are the inputs, as wide as n_embd; choose one head, or tied or separate"
    )]
    Merged { n_head: usize },
    #[error(
        "fault {fault} needs a block_size of at most {LONGEST} (found {block_size}): it is computed in plain loops; choose a shorter one, or fault none"
    )]
    FaultTooLong { fault: &'static str, block_size: usize },
    #[error(
        "fault {fault} needs query_key separate (found {query_key}): one change at a time; choose that, or fault none"
    )]
    FaultAndKeys { fault: &'static str, query_key: &'static str },
}

impl Config {
    /// The sizes that its kind of network needs, by name.
    pub fn sizes(&self) -> impl Iterator<Item = (&'static str, usize)> {
        kind(self.architecture).sizes.iter().map(|name| (*name, self.size(name)))
    }

    fn size(&self, name: &str) -> usize {
        match name {
            "vocab_size" => self.vocab_size,
            "block_size" => self.block_size,
            "source_vocab" => self.source_vocab,
            "source_size" => self.source_size,
            "n_input" => self.n_input,
            "n_embd" => self.n_embd,
            "n_head" => self.n_head,
            "n_layer" => self.n_layer,
            "n_hidden" => self.n_hidden,
            "n_latent" => self.n_latent,
            "kernel" => self.kernel,
            "hops" => self.hops,
            // A test holds the names that kinds give.
            _ => 0,
        }
    }

    /// # Errors
    /// If a size is 0, the heads don't divide the width, keys that are the inputs are to be as narrow as one of many heads, or
    /// a fault goes with what it cannot go with.
    pub fn validate(&self) -> Result<(), ConfigError> {
        if let Some((name, _)) = self.sizes().find(|(_, size)| *size == 0) {
            return Err(ConfigError::Zero { name });
        }
        let heads = self.sizes().any(|(name, _)| name == "n_head");
        if heads && !self.n_embd.is_multiple_of(self.n_head) {
            return Err(ConfigError::Heads { n_embd: self.n_embd, n_head: self.n_head });
        }
        let reads = |name| kind(self.architecture).hyperparameters.contains(&name);
        if reads("query_key") && self.query_key == QueryKey::Merged && self.n_head != 1 {
            return Err(ConfigError::Merged { n_head: self.n_head });
        }
        if reads("fault") && self.fault != Fault::None {
            let Self { block_size, query_key, .. } = *self;
            let fault = self.fault.into();
            if block_size > LONGEST {
                return Err(ConfigError::FaultTooLong { fault, block_size });
            }
            if query_key != QueryKey::Separate {
                return Err(ConfigError::FaultAndKeys { fault, query_key: query_key.into() });
            }
        }
        Ok(())
    }
}
