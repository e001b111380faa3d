//! The tokens pane: text to numbers and back, the examples that one window hides, and a batch of windows.

mod decode;
mod matrix;
mod strip;
#[cfg(test)]
mod tests;
mod text;
mod window;

use ratatui::buffer::Buffer;
use ratatui::layout::Position;

use crate::lab::action::Action;
use crate::lab::cursor;
use crate::lab::drawn_batch::{self, DrawnBatch, TOKENS};
use crate::lab::facts::Facts;
use crate::lab::pane::{Pane, Seat, Wish};
use crate::lab::pen::sentence;
use crate::text::{Tokenizer, Tokens as Cut};
use crate::train::Subscription;

/// Rows that a page up or down moves over.
const PAGE: usize = 8;
/// What lesson files call the pane.
const NAME: &str = "tokens";

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum View {
    /// A text with its ids, its bytes and its words.
    #[default]
    Text,
    /// Ids with their text.
    Decode,
    /// One window and the examples in it.
    Window,
    /// The inputs and the targets of a batch.
    Batch,
}

impl View {
    fn name(self) -> &'static str {
        match self {
            Self::Text => "text to ids",
            Self::Decode => "ids to text",
            Self::Window => "one window",
            Self::Batch => "a batch",
        }
    }

    fn next(self) -> Self {
        match self {
            Self::Text => Self::Decode,
            Self::Decode => Self::Window,
            Self::Window => Self::Batch,
            Self::Batch => Self::Text,
        }
    }
}

#[derive(Debug, Default)]
pub struct Tokens {
    view: View,
    /// What the learner typed; `None`: what the models look at.
    text: Option<String>,
    /// What the learner typed to be decoded; `None`: the ids of that text.
    ids: Option<String>,
    /// The character, or the id, under the cursor.
    at: usize,
    /// The window of the batch, and the position in it.
    cell: (usize, usize),
}

/// The characters of the text, whatever the run on the screen reads.
fn characters<'a>(facts: &Facts<'a>) -> Option<&'a Tokenizer> {
    let corpus = facts.corpus?;
    let counted = || corpus.counted.as_deref().map(|counted| &counted.tokenizer);
    Some(&corpus.tokenizer).filter(|own| own.tokens() == Cut::Characters).or_else(counted)
}

/// Its words, likewise.
fn words<'a>(facts: &Facts<'a>) -> Option<&'a Tokenizer> {
    let corpus = facts.corpus?;
    let counted = || corpus.counted.as_deref().and_then(|counted| counted.words.as_ref());
    Some(&corpus.tokenizer).filter(|own| own.tokens() == Cut::Words).or_else(counted)
}

impl Tokens {
    fn text<'a>(&'a self, facts: &Facts<'a>) -> &'a str {
        self.text.as_deref().unwrap_or(&facts.prompt.text)
    }

    /// What is decoded, as it was typed.
    fn ids(&self, facts: &Facts) -> String {
        if let Some(ids) = &self.ids {
            return ids.clone();
        }
        let known = facts.tokenizer().map(|tokenizer| tokenizer.encode_typed(self.text(facts)));
        let ids = known.and_then(Result::ok).unwrap_or_default();
        ids.iter().map(u32::to_string).collect::<Vec<_>>().join(" ")
    }

    /// The window and the position of the batch, within it.
    fn cell(&self, batch: &DrawnBatch) -> (usize, usize) {
        (self.cell.0.min(batch.rows - 1), self.cell.1.min(batch.time - 1))
    }

    /// How many things the cursor of a line goes over.
    fn length(&self, facts: &Facts) -> usize {
        match self.view {
            View::Text => self.text(facts).chars().count(),
            _ => decode::pieces(&self.ids(facts)).count(),
        }
    }

    fn move_cell(&mut self, batch: &DrawnBatch, action: Action) {
        let (row, column) = self.cell(batch);
        let (last_row, last) = (batch.rows - 1, batch.time - 1);
        // In one window its examples stand below each other, and the windows of the batch side by side.
        let (down, by) = match (self.view, action) {
            (_, Action::PageUp | Action::PageDown) => (true, PAGE),
            (_, Action::Up | Action::Down) => (true, 1),
            (_, Action::Left | Action::Right) => (false, 1),
            // Another one, round and round.
            (_, Action::SampleAnew) => return self.cell = ((row + 1) % batch.rows, column),
            (_, Action::Home) => {
                return self.cell = (row * usize::from(self.view == View::Window), 0);
            }
            (View::Window, Action::End) => return self.cell = (row, last),
            (_, Action::End) => return self.cell = (last_row, last),
            _ => return,
        };
        let back = matches!(action, Action::PageUp | Action::Up | Action::Left);
        let along = |at: usize, last: usize| {
            if back { at.saturating_sub(by) } else { (at + by).min(last) }
        };
        self.cell = if down == (self.view == View::Batch) {
            (along(row, last_row), column)
        } else {
            (row, along(column, last))
        };
    }
}

impl Pane for Tokens {
    fn title(&self) -> &'static str {
        "Tokens"
    }

    fn detail(&self, facts: &Facts) -> String {
        let name = self.view.name();
        match DrawnBatch::read(facts) {
            Some(batch) if self.view == View::Batch => {
                format!("{name} · B {} · T {}", batch.rows, batch.time)
            }
            Some(batch) if self.view == View::Window => {
                format!("{name} · {} of {}", self.cell(&batch).0 + 1, batch.rows)
            }
            _ => name.to_owned(),
        }
    }

    fn about(&self, _facts: &Facts, _seat: Seat) -> String {
        match self.view {
            View::Text => "each character has an id; enter types a text",
            View::Decode => "each id has a character; enter types ids",
            View::Window => "T examples hidden in T + 1 tokens",
            View::Batch => "x, and y: the same one token later",
        }
        .to_owned()
    }

    fn draw(&self, facts: &Facts, seat: Seat, buf: &mut Buffer) {
        let area = seat.room;
        match (self.view, DrawnBatch::read(facts)) {
            (View::Text, _) => text::draw(facts, self.text(facts), self.at, area, buf),
            (View::Decode, _) => decode::draw(facts, &self.ids(facts), self.at, area, buf),
            (View::Window, Some(batch)) => {
                window::draw(facts, &batch, self.cell(&batch), area, buf);
            }
            (View::Batch, Some(batch)) => matrix::draw(facts, &batch, self.cell(&batch), area, buf),
            (_, None) => sentence(facts.theme, &drawn_batch::why_none(facts), area, buf),
        }
    }

    fn act(&mut self, facts: &Facts, _seat: Seat, action: Action) -> Vec<Wish> {
        match action {
            Action::CycleView => {
                self.view = self.view.next();
                self.at = 0;
            }
            Action::TypeValue => {
                let (label, text) = match self.view {
                    View::Decode => ("ids", self.ids(facts)),
                    _ => ("text", self.text(facts).to_owned()),
                };
                if self.view != View::Decode {
                    self.view = View::Text;
                }
                return vec![Wish::Line { pane: NAME, label: label.to_owned(), text }];
            }
            _ if matches!(self.view, View::Text | View::Decode) => {
                let last = self.length(facts).saturating_sub(1);
                let along = cursor::sideways(action).unwrap_or(action);
                self.at = cursor::moved(along, self.at, PAGE, last);
            }
            _ => {
                if let Some(batch) = DrawnBatch::read(facts) {
                    self.move_cell(&batch, action);
                }
            }
        }
        Vec::new()
    }

    fn typed(&mut self, _facts: &Facts, text: &str) -> Vec<Wish> {
        let kept = if self.view == View::Decode { &mut self.ids } else { &mut self.text };
        // An empty line goes back to what the models look at.
        *kept = (!text.is_empty()).then(|| text.to_owned());
        self.at = 0;
        Vec::new()
    }

    fn click(&mut self, facts: &Facts, seat: Seat, at: Position) -> Vec<Wish> {
        let area = seat.room;
        match (self.view, DrawnBatch::read(facts)) {
            (View::Text, _) => {
                self.at = text::at(facts, self.text(facts), self.at, area, at).unwrap_or(self.at);
            }
            (View::Decode, _) => {
                self.at = decode::at(facts, &self.ids(facts), self.at, area, at).unwrap_or(self.at);
            }
            (View::Window, Some(batch)) => {
                let (row, column) = self.cell(&batch);
                self.cell = (row, window::at(&batch, column, area, at).unwrap_or(column));
            }
            (View::Batch, Some(batch)) => {
                let cell = self.cell(&batch);
                self.cell = matrix::at(facts, &batch, cell, area, at).unwrap_or(cell);
            }
            (_, None) => {}
        }
        Vec::new()
    }

    fn subscribe(&self, facts: &Facts, wanted: &mut Subscription) {
        drawn_batch::subscribe(facts, TOKENS, wanted);
    }

    fn understands(&self) -> &'static [Action] {
        &[Action::Left, Action::Right, Action::CycleView, Action::TypeValue, Action::SampleAnew]
    }
}
