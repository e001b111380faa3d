//! Numbers in the snapshot of this moment, and what has to be asked for so that they are in it.

use std::cell::RefCell;
use std::collections::HashMap;

use super::number::Number;
use super::rule::{learned, rule};
use crate::lab::facts::Facts;
use crate::math::Real;
use crate::model::Card;
use crate::model::card::Op;
use crate::model::sampling::{Candidate, Sampling, distribution};
use crate::nn::layer_norm::EPS;
use crate::train::Subscription;
use crate::train::snapshot::{Snapshot, Tensor};

/// A position's row of a part, C numbers, if all that it is made of is there.
type Row = Option<Vec<f64>>;

/// Looks numbers up in the snapshot of this moment.
pub struct Values<'a> {
    pub facts: &'a Facts<'a>,
    snapshot: &'a Snapshot,
    pub card: &'a Card,
    /// Rows of parts that no activation holds, by their names and positions.
    rows: RefCell<HashMap<(String, usize), Row>>,
}

/// A tensor's number. One head's map may be stored without the axis of heads.
fn element(tensor: &Tensor, at: &[usize]) -> Option<f64> {
    let at = match (at, tensor.shape.len()) {
        ([0, rest @ ..], axes) if rest.len() == axes => rest,
        _ => at,
    };
    if at.len() != tensor.shape.len() || at.iter().zip(&tensor.shape).any(|(at, size)| at >= size) {
        return None;
    }
    let index = at.iter().zip(&tensor.shape).fold(0, |index, (at, size)| index * size + at);
    tensor.values.get(index).map(|x| f64::from(*x))
}

impl<'a> Values<'a> {
    pub fn new(facts: &'a Facts<'a>) -> Option<Self> {
        let (snapshot, card) = (facts.snapshot?, facts.card()?);
        Some(Self { facts, snapshot, card, rows: RefCell::default() })
    }

    /// The number as the model has it.
    pub fn of(&self, number: &Number) -> Option<f64> {
        match number {
            Number::Parameter { name, at } => element(self.snapshot.parameter(name)?, at),
            Number::Activation { name, at } => match (self.is_seen(name), at.as_slice()) {
                (true, at) => element(self.snapshot.activation(name)?, at),
                (false, &[row, column]) => self.unseen(name, row)?.get(column).copied(),
                (false, _) => None,
            },
            Number::Chance { row, token } => {
                let table = self.table(*row, &self.facts.sampling)?;
                Some(table.iter().find(|c| c.token == *token)?.probability)
            }
            Number::Loss { row, token } => {
                let table = self.table(*row, &Sampling::default())?;
                Some(-table.iter().find(|c| c.token == *token)?.probability.ln())
            }
            Number::Chances { .. } | Number::Share { .. } | Number::Length { .. } => None,
        }
    }

    /// What the next token is drawn from after a row of the logits.
    pub fn table(&self, row: usize, sampling: &Sampling) -> Option<Vec<Candidate>> {
        let logits = self.snapshot.activation(self.card.logits()?)?;
        let width = *logits.shape.last()?;
        let row = logits.values.get(row * width..(row + 1) * width)?;
        // With the feature f64 the core calculates in f64, while snapshots stay f32.
        #[allow(clippy::useless_conversion)]
        let row: Vec<Real> = row.iter().map(|&x| x.into()).collect();
        Some(distribution(&row, sampling))
    }

    fn is_seen(&self, name: &str) -> bool {
        self.card.part(name).is_none_or(|part| part.seen)
    }

    fn row(&self, name: &str, row: usize) -> Row {
        if !self.is_seen(name) {
            return self.unseen(name, row);
        }
        let tensor = self.snapshot.activation(name)?;
        let &[rows, width] = tensor.shape.as_slice() else { return None };
        let values = tensor.values.get(row * width..(row + 1) * width)?;
        (row < rows).then(|| values.iter().map(|x| f64::from(*x)).collect())
    }

    /// The same of a part that no activation holds: a sum or a norm of what is before it.
    fn unseen(&self, name: &str, row: usize) -> Row {
        let key = (name.to_owned(), row);
        if let Some(known) = self.rows.borrow().get(&key) {
            return known.clone();
        }
        let found = self.compute_row(name, row);
        self.rows.borrow_mut().insert(key, found.clone());
        found
    }

    fn compute_row(&self, name: &str, row: usize) -> Row {
        let part = self.card.part(name)?;
        let mut from = part.from.iter().map(|from| self.row(from, row));
        let mut x = from.next()??;
        match part.op {
            Op::Add => {
                for other in from {
                    let other = other?;
                    x.iter_mut().zip(&other).for_each(|(x, y)| *x += y);
                }
            }
            Op::Norm => {
                let [gain, shift] = ["weight", "bias"]
                    .map(|end| self.snapshot.parameter(&format!("{}{end}", part.weights)));
                let (gain, shift) = (gain?, shift?);
                let (mean, deviation) = moments(&x);
                for ((x, gain), shift) in x.iter_mut().zip(&gain.values).zip(&shift.values) {
                    *x = (*x - mean) / deviation * f64::from(*gain) + f64::from(*shift);
                }
            }
            _ => return None,
        }
        Some(x)
    }
}

/// Mean and deviation of a row, as LayerNorm takes them.
pub fn moments(x: &[f64]) -> (f64, f64) {
    let n = x.len().max(1) as f64;
    let mean = x.iter().sum::<f64>() / n;
    let variance = x.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / n;
    #[allow(clippy::unnecessary_cast)]
    (mean, (variance + EPS as f64).sqrt())
}

/// Adds what a number and its operands are read from.
pub fn subscribe(facts: &Facts, number: &Number, wanted: &mut Subscription) {
    need(facts, number, wanted);
    let rule = rule(facts, number);
    let mut last = None;
    for operand in rule.operands() {
        // A row's numbers all have one name.
        let name = name(operand);
        if last != Some(name) {
            need(facts, operand, wanted);
            last = Some(name);
        }
    }
    // Labels need the tokens.
    wanted.activations.extend(facts.card().and_then(Card::target).map(str::to_owned));
}

fn name(number: &Number) -> &str {
    match number {
        Number::Activation { name, .. } | Number::Parameter { name, .. } => name,
        Number::Share { table, .. } | Number::Length { table, .. } => table,
        Number::Chances { .. } | Number::Chance { .. } | Number::Loss { .. } => "",
    }
}

fn need(facts: &Facts, number: &Number, wanted: &mut Subscription) {
    let Some(card) = facts.card() else { return };
    match number {
        Number::Parameter { name, .. } => wanted.parameters.push(name.clone()),
        Number::Activation { name, .. } => match card.part(name).filter(|part| !part.seen) {
            None => wanted.activations.push(name.clone()),
            Some(part) => {
                for from in &part.from {
                    need(facts, &Number::activation(from, &[0, 0]), wanted);
                }
                let names = ["weight", "bias"].map(|end| format!("{}{end}", part.weights));
                let known = names.into_iter().filter(|name| learned(card, name).is_some());
                wanted.parameters.extend(known);
            }
        },
        Number::Chances { .. } | Number::Chance { .. } | Number::Loss { .. } => {
            wanted.activations.extend(card.logits().map(str::to_owned));
        }
        Number::Share { .. } | Number::Length { .. } => {}
    }
}
