//! Where a number comes from: its formula, the formula with its numbers, and its operands, each of which may be asked in
//! turn, back to the parameters. A pane that shows numbers of the model holds a [`Walk`] and opens it on the one under its
//! cursor.

mod derivation;
mod number;
mod rule;
mod values;
mod view;

#[cfg(test)]
mod tests;

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};

use super::action::Action;
use super::facts::Facts;
use crate::train::{RunId, Subscription};
use derivation::derive;
pub use number::Number;

/// Operands that a page up or down moves over.
const PAGE: usize = 8;

/// What a pane understands while a walk through it is open.
pub const WALKING: &[Action] = &[Action::Left, Action::Right, Action::Origin];

/// A number on the way, and which of its operands is under the cursor.
#[derive(Clone, Debug, PartialEq)]
struct Step {
    number: Number,
    row: usize,
    factor: usize,
}

/// The way from a pane's number back to what it was computed from; closed while it has no step.
#[derive(Clone, Debug, Default)]
pub struct Walk {
    steps: Vec<Step>,
    run: Option<RunId>,
}

impl Walk {
    /// Begins at a number.
    pub fn open(&mut self, facts: &Facts, number: Number) {
        self.run = facts.run.map(|run| run.id);
        self.steps = vec![Step { number, row: 0, factor: 0 }];
    }

    pub fn is_open(&self) -> bool {
        !self.steps.is_empty()
    }

    /// A step back towards the pane; `false` where there is none.
    pub fn back(&mut self) -> bool {
        self.steps.pop().is_some()
    }

    /// Moves the cursor over the operands, or goes to the one under it.
    pub fn act(&mut self, facts: &Facts, action: Action) {
        let Some(step) = self.steps.last_mut() else { return };
        let Some(derivation) = derive(facts, &step.number) else { return };
        let last = derivation.rows.len().saturating_sub(1);
        let row = step.row.min(last);
        let factors = derivation.rows.get(row).map_or(1, |row| row.factors.len());
        match action {
            Action::Up => step.row = row.saturating_sub(1),
            Action::Down => step.row = (row + 1).min(last),
            Action::PageUp => step.row = row.saturating_sub(PAGE),
            Action::PageDown => step.row = (row + PAGE).min(last),
            Action::Home => step.row = 0,
            Action::End => step.row = last,
            Action::Left => step.factor = step.factor.saturating_sub(1),
            Action::Right => step.factor = (step.factor + 1).min(factors - 1),
            Action::Origin => {
                let factor = step.factor.min(factors - 1);
                let next = derivation.rows.get(row).and_then(|row| row.factors.get(factor));
                if let Some((number, _)) = next {
                    self.steps.push(Step { number: number.clone(), row: 0, factor: 0 });
                }
            }
            _ => {}
        }
    }

    /// A click takes the operand there.
    pub fn click(&mut self, facts: &Facts, room: Rect, at: Position) {
        let Some(step) = self.steps.last_mut() else { return };
        let Some(derivation) = derive(facts, &step.number) else { return };
        if let Some((row, factor)) = view::at(&derivation, step.row, room, at) {
            (step.row, step.factor) = (row, factor);
        }
    }

    /// Adds what the open number is computed from.
    pub fn subscribe(&self, facts: &Facts, wanted: &mut Subscription) {
        if let Some(step) = self.steps.last() {
            values::subscribe(facts, &step.number, wanted);
        }
    }

    /// Another run's numbers are not this one's, nor are another prompt's positions.
    pub fn refresh(&mut self, facts: &Facts) {
        let run = facts.run.map(|run| run.id);
        let exists = |step: &Step| number::exists(facts, &step.number);
        if run != self.run || !self.steps.iter().all(exists) {
            self.steps.clear();
        }
    }

    /// What to press, for the pane's lower border.
    pub fn about(&self) -> String {
        "enter: where it comes from; esc: back".to_owned()
    }

    /// The path, in a few words.
    pub fn detail(&self, facts: &Facts) -> String {
        let names: Vec<_> = self.steps.iter().map(|step| step.number.short(facts)).collect();
        let sign = if facts.theme.glyphs.ascii { " < " } else { " ‹ " };
        names.join(sign)
    }

    pub fn draw(&self, facts: &Facts, room: Rect, buf: &mut Buffer) {
        let Some(step) = self.steps.last() else { return };
        match derive(facts, &step.number) {
            Some(derivation) => {
                let at = (step.row, step.factor);
                view::draw(facts, &step.number, &derivation, at, room, buf);
            }
            None => view::waiting(facts, &step.number, room, buf),
        }
    }
}
