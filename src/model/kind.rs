//! What there is to know of a kind of network before one is built: a row for each, which stands with the model.

use std::collections::BTreeMap;

use super::config::Architecture;
use super::{
    Config, Model, bigram, conv, encoder_decoder, gan, gpt, memory, neural_gpu, recurrent, vae,
};

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

/// Every kind; a file is the first one's that knows it.
pub const KINDS: &[Kind] = &[
    recurrent::RNN,
    recurrent::GRU,
    recurrent::LSTM,
    gpt::KIND,
    bigram::KIND,
    encoder_decoder::KIND,
    conv::KIND,
    neural_gpu::KIND,
    memory::KIND,
    vae::KIND,
    gan::KIND,
];

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
