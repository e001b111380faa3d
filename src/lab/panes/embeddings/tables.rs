//! The tables that a model has: of tokens, and of positions.

use crate::lab::facts::Facts;
use crate::model::card::{Columns, Rows as Of, Table};
use crate::train::snapshot::Tensor;

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

/// The table of tokens; `None` where there is no such table.
pub fn of_tokens<'a>(facts: &Facts<'a>) -> Option<&'a Table> {
    facts.card()?.table(Of::Tokens)
}

/// The table of positions; `None` where there is no such table.
pub fn of_positions<'a>(facts: &Facts<'a>) -> Option<&'a Table> {
    facts.card()?.table(Of::Positions)
}

/// Why a model has no one table of tokens.
pub fn why_none(facts: &Facts) -> Option<String> {
    let card = facts.card()?;
    let instead = card.structure.instead_of_table?;
    Some(format!("{} has no one table of tokens: {instead}.", card.name))
}

/// Whether a row of the table of tokens is the logits of what follows.
pub fn predicts(facts: &Facts) -> bool {
    of_tokens(facts).is_some_and(|table| table.columns == Columns::Next)
}

pub fn tokens<'a>(facts: &Facts<'a>) -> Option<Rows<'a>> {
    read(facts, of_tokens(facts)?)
}

pub fn positions<'a>(facts: &Facts<'a>) -> Option<Rows<'a>> {
    read(facts, of_positions(facts)?)
}

fn read<'a>(facts: &Facts<'a>, table: &Table) -> Option<Rows<'a>> {
    let (snapshot, name) = (facts.snapshot?, table.name.as_str());
    Rows::of(if table.learned { snapshot.parameter(name) } else { snapshot.activation(name) }?)
}
