//! Instruments: what can be measured of a model, its weights and its examples. None of them trains.
//!
//! An instrument is a function with a name and a definition; the list is [`INSTRUMENTS`]. The trainer's worker computes one
//! at a step boundary when it is asked to, within a budget, and `inspect --measure` does on a checkpoint.

pub mod ablation;
pub mod alignment;
pub mod answers;
pub mod batch_tokens;
pub mod cell;
pub mod cloud;
pub mod fault;
pub mod future;
pub mod influence;
pub mod latent;
pub mod latent_plane;
pub mod loss_by_position;
pub mod loss_grid;
pub mod modes;
pub mod next;
pub mod order;
pub mod picture;
pub mod push;
pub mod reach;
pub mod reconstructions;
mod replay;
pub mod scores;
pub mod search;
pub mod sentences;
pub mod sizes;
pub mod surface;
mod surprise;
#[cfg(test)]
mod testing;
pub mod timing;
pub mod words;

use crate::math::Real;
use crate::model::card::Unit;
use crate::model::{Card, Examples, Inference, Model};

/// The latents of the example that is looked at, of the seed's.
pub const LOOKED_AT: u64 = (1 << 56) - 1;

/// The held-out examples by which every estimate judges a model, of the seed's.
pub const JUDGED: u64 = (1 << 56) - 2;

/// What is measured.
pub struct Subject<'a> {
    pub model: &'a dyn Model,
    pub card: &'a Card,
    /// The model's arena.
    pub weights: &'a [Real],
    pub examples: &'a dyn Examples,
    /// Working memory for one example at a time.
    pub inference: &'a mut dyn Inference,
    /// The run's: what is drawn at random is a function of it.
    pub seed: u64,
}

/// What an instrument may be told; each reads what it needs.
#[derive(Clone, Debug, PartialEq)]
pub struct Arguments {
    /// Tokens to look at; empty for the task's own example.
    pub prompt: Vec<u32>,
    /// Held-out examples to average over.
    pub examples: usize,
    /// A point of the latent space.
    pub point: Vec<f32>,
    /// Which of the card's maps, counted from 0.
    pub layer: usize,
    /// Which of the map's heads, counted from 0.
    pub head: usize,
    /// Who looks, along the rows of a map, or which held-out example or question; counted from 0.
    pub row: usize,
    /// Who is looked at.
    pub column: usize,
    /// hs of queries and keys that are drawn at random; `None`: the model's own are measured.
    pub head_size: Option<usize>,
    /// A mistake, by its name; empty for none.
    pub fault: String,
    /// Whether training waits for the answer: then a large model is put to fewer examples than were asked for, and the figure
    /// `examples` says to how many.
    pub in_passing: bool,
    /// More tokens, to hold against the prompt's.
    pub text: Vec<u32>,
    /// The prompt of a made task, in its own tokens: a question that somebody typed.
    pub question: Vec<u32>,
    /// How many answers a search goes on with.
    pub beam: usize,
}

impl Reading {
    /// A figure by its name.
    pub fn figure(&self, name: &str) -> Option<f64> {
        self.figures.iter().find(|(known, _)| known == name).map(|(_, value)| *value)
    }
}

impl Default for Arguments {
    fn default() -> Self {
        Self {
            prompt: Vec::new(),
            examples: 100,
            point: Vec::new(),
            layer: 0,
            head: 0,
            row: 0,
            column: 0,
            head_size: None,
            fault: String::new(),
            in_passing: true,
            text: Vec::new(),
            question: Vec::new(),
            beam: 4,
        }
    }
}

/// What was found: numbers by name, or values of a shape, or both.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Reading {
    pub figures: Vec<(String, f64)>,
    pub shape: Vec<usize>,
    /// Row-major.
    pub values: Vec<f32>,
}

/// A reading, of which instrument, at which step of a run.
#[derive(Clone, Debug, PartialEq)]
pub struct Measured {
    pub instrument: &'static str,
    /// What it was told.
    pub arguments: Arguments,
    /// Steps done.
    pub step: u64,
    pub reading: Reading,
}

/// Why there is no reading: a clause that says what is missing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct NotMeasured(pub String);

/// A thing that can be measured.
#[derive(Clone, Copy, Debug)]
pub struct Instrument {
    pub name: &'static str,
    /// What its numbers mean, in a sentence.
    pub definition: &'static str,
    /// Of its figures, or of its values.
    pub unit: Unit,
    pub measure: fn(&mut Subject<'_>, &Arguments) -> Result<Reading, NotMeasured>,
}

/// Every instrument.
pub const INSTRUMENTS: &[Instrument] = &[
    alignment::INSTRUMENT,
    sizes::INSTRUMENT,
    picture::INSTRUMENT,
    order::INSTRUMENT,
    cloud::INSTRUMENT,
    modes::INSTRUMENT,
    surface::INSTRUMENT,
    push::INSTRUMENT,
    reconstructions::INSTRUMENT,
    latent::INSTRUMENT,
    latent_plane::INSTRUMENT,
    next::INSTRUMENT,
    loss_grid::INSTRUMENT,
    batch_tokens::INSTRUMENT,
    loss_by_position::INSTRUMENT,
    future::INSTRUMENT,
    scores::INSTRUMENT,
    cell::INSTRUMENT,
    ablation::INSTRUMENT,
    fault::INSTRUMENT,
    reach::INSTRUMENT,
    influence::INSTRUMENT,
    timing::INSTRUMENT,
    sentences::INSTRUMENT,
    answers::INSTRUMENT,
    search::INSTRUMENT,
];

/// Finds an instrument by its name.
///
/// # Errors
/// If there is none; the message lists the names.
pub fn instrument(name: &str) -> Result<&'static Instrument, NotMeasured> {
    INSTRUMENTS.iter().find(|instrument| instrument.name == name).ok_or_else(|| {
        let names: Vec<_> = INSTRUMENTS.iter().map(|instrument| instrument.name).collect();
        NotMeasured(format!("there is no instrument {name:?}: choose one of {}", names.join(", ")))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_instrument_has_a_name_of_its_own_and_says_what_it_measures() {
        for (i, one) in INSTRUMENTS.iter().enumerate() {
            assert!(one.definition.len() > 20, "{}", one.name);
            assert!(INSTRUMENTS[..i].iter().all(|other| other.name != one.name));
            assert_eq!(instrument(one.name).unwrap().name, one.name);
        }
        assert!(instrument("none").unwrap_err().to_string().contains("choose one of alignment"));
    }
}
