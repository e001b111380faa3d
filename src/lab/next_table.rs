//! The model's own table of what comes next, where a row of it is the logits after one token.

use super::facts::Facts;
use crate::math::Real;
use crate::math::softmax::softmax_row;
use crate::model::card::{Columns, Rows, Table};
use crate::train::Subscription;

/// A table (V, V) of logits.
#[derive(Clone, Copy, Debug)]
pub struct NextTable<'a> {
    values: &'a [f32],
    vocab_size: usize,
}

/// The card's entry for it; `None` where what comes next depends on more than one token.
pub fn entry<'a>(facts: &Facts<'a>) -> Option<&'a Table> {
    facts
        .card()?
        .table(Rows::Tokens)
        .filter(|table| table.learned && table.columns == Columns::Next)
}

pub fn subscribe(facts: &Facts, wanted: &mut Subscription) {
    wanted.parameters.extend(entry(facts).map(|table| table.name.clone()));
}

impl<'a> NextTable<'a> {
    /// As it was in the latest snapshot.
    pub fn read(facts: &Facts<'a>, vocab_size: usize) -> Option<Self> {
        let tensor = facts.snapshot?.parameter(&entry(facts)?.name)?;
        let whole = tensor.shape == [vocab_size; 2] && tensor.values.len() == vocab_size.pow(2);
        whole.then_some(Self { values: &tensor.values, vocab_size })
    }

    /// The probabilities of what comes after a token (V).
    ///
    /// # Panics
    /// If the token is outside the vocabulary.
    // With the feature f64 the core calculates in f64, while snapshots stay f32.
    #[allow(clippy::useless_conversion, clippy::unnecessary_cast)]
    pub fn after(&self, token: u32) -> Vec<f64> {
        let first = token as usize * self.vocab_size;
        let logits = &self.values[first..first + self.vocab_size];
        let mut row: Vec<Real> = logits.iter().map(|&x| x.into()).collect();
        softmax_row(&mut row);
        row.into_iter().map(|p| p as f64).collect()
    }
}
