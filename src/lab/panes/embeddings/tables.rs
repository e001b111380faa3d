//! The tables that a model has: of tokens, and of positions.

use crate::lab::facts::Facts;
use crate::model::config::{self, Architecture};
use crate::train::snapshot::Tensor;

pub const TOKENS: &str = "token_embedding_table.weight";
/// Encoder-decoder: what the decoder reads.
const TARGET_TOKENS: &str = "target_embedding.weight";
pub const LEARNED: &str = "position_embedding_table.weight";
/// The positions of the prompt, where they are not learned.
pub const FIXED: &str = "embedding.position";

/// A table (rows, columns), row-major.
#[derive(Clone, Copy, Debug)]
pub struct Rows<'a> {
    pub values: &'a [f32],
    pub count: usize,
    pub columns: usize,
}

impl<'a> Rows<'a> {
    pub fn of(tensor: &'a Tensor) -> Option<Self> {
        let &[count, columns] = tensor.shape.as_slice() else { return None };
        let whole = count > 0 && columns > 0 && tensor.values.len() == count * columns;
        whole.then_some(Self { values: &tensor.values, count, columns })
    }

    pub fn row(&self, index: usize) -> &'a [f32] {
        &self.values[index * self.columns..(index + 1) * self.columns]
    }
}

pub fn config<'a>(facts: &Facts<'a>) -> Option<&'a config::Config> {
    Some(&facts.run?.config.model)
}

pub fn has_positions(config: &config::Config) -> bool {
    config.model == Architecture::Gpt && config.position != config::Position::None
}

/// The name of the table of tokens; `None` where there is no such table.
pub fn table_name(config: &config::Config) -> Option<&'static str> {
    match config.model {
        Architecture::EncoderDecoder => Some(TARGET_TOKENS),
        Architecture::Vae | Architecture::Gan | Architecture::Memory => None,
        _ => Some(TOKENS),
    }
}

/// Why a model has no one table of tokens.
pub fn why_none(config: &config::Config) -> Option<&'static str> {
    match config.model {
        Architecture::Vae => Some("A VAE reads pixels: there are no tokens and no table of them."),
        Architecture::Gan => Some("A GAN reads points: there are no tokens and no table of them."),
        Architecture::Memory => Some(
            "A memory network has a table for every hop and one more, not one that says what a token is.",
        ),
        _ => None,
    }
}

pub fn is_bigram(facts: &Facts) -> bool {
    config(facts).is_some_and(|c| c.model == Architecture::Bigram)
}

pub fn tokens<'a>(facts: &Facts<'a>) -> Option<Rows<'a>> {
    Rows::of(facts.snapshot?.parameter(table_name(config(facts)?)?)?)
}

pub fn positions<'a>(facts: &Facts<'a>) -> Option<Rows<'a>> {
    let snapshot = facts.snapshot?;
    let fixed = config(facts)?.position == config::Position::Sinusoidal;
    Rows::of(if fixed { snapshot.activation(FIXED) } else { snapshot.parameter(LEARNED) }?)
}
