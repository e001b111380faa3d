//! The counts pane: what follows a character in the training text, beside the table that a bigram has learned.

mod maps;
mod table;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use ratatui::buffer::Buffer;
use ratatui::layout::Position;

use crate::lab::action::Action;
use crate::lab::corpus::Counted;
use crate::lab::cursor;
use crate::lab::facts::Facts;
use crate::lab::next_table::{self, NextTable};
use crate::lab::pane::{Pane, Seat, Wish};
use crate::lab::pen::sentence;
use crate::text::bigrams::Bigrams;
use crate::train::Subscription;
use crate::train::snapshot::Snapshot;

/// Rows that a page up or down moves over.
const PAGE: usize = 8;
/// Larger tables are compared row by row only.
const COMPARED: usize = 1024;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum View {
    /// What comes after one token, the most frequent first.
    #[default]
    Row,
    /// Both tables, V x V.
    Maps,
}

#[derive(Debug, Default)]
pub struct Counts {
    view: View,
    /// The token whose row it is; `None`: the last one that the model looks at.
    token: Option<u32>,
    /// The next token under the cursor; `None`: the most frequent.
    next: Option<u32>,
    /// The mean difference of all cells, and the snapshot it was computed from.
    difference: Option<(Arc<Snapshot>, f64)>,
}

/// What is counted in the tokens of the run on the screen.
fn counted<'a>(facts: &Facts<'a>) -> Option<&'a Counted> {
    let counted = facts.corpus.filter(|_| facts.reads_prompt())?.counted()?;
    (counted.bigrams.vocab_size() > 0).then_some(counted)
}

/// Why there are no counts to show.
fn why_none(facts: &Facts) -> String {
    match facts.card().filter(|_| !facts.reads_prompt()) {
        Some(card) => {
            format!("{} is not trained on the text here, whose pairs are counted.", card.name)
        }
        None if facts.corpus.is_some_and(|corpus| corpus.counted.is_some()) => {
            "Pairs of the text's characters are counted, and this run reads other tokens."
                .to_owned()
        }
        None => "What follows what in the text is being counted.".to_owned(),
    }
}

/// Why the model's own table is not beside it.
fn why_alone(facts: &Facts) -> Option<String> {
    let card = facts.card()?;
    let named = format!("{} has no table of what comes next: ", card.name);
    next_table::entry(facts).is_none().then(|| named + "it looks at more than one token.")
}

/// Everything that one row is drawn from.
struct Row<'a> {
    bigrams: &'a Bigrams,
    token: u32,
    /// How often each token comes next (V), and how often any does.
    counts: Vec<u32>,
    followed: u32,
    /// Of each next token (V).
    model: Option<Vec<f64>>,
    /// The next tokens, the most frequent first.
    order: Vec<u32>,
    /// The place in that order that the cursor is on.
    cursor: usize,
}

impl Row<'_> {
    fn counted(&self, next: u32) -> f64 {
        self.bigrams.share(self.counts[next as usize], self.followed)
    }

    /// Of the smoothed shares and the model's probabilities, the mean over the row.
    fn difference(&self) -> Option<f64> {
        let model = self.model.as_ref()?;
        let apart = |next: &u32| (model[*next as usize] - self.counted(*next)).abs();
        Some(self.order.iter().map(apart).sum::<f64>() / self.order.len().max(1) as f64)
    }
}

impl Counts {
    fn row<'a>(&self, facts: &Facts<'a>) -> Option<Row<'a>> {
        let bigrams = &counted(facts)?.bigrams;
        let last = bigrams.vocab_size() as u32 - 1;
        let looked_at = facts.subject().last().copied().unwrap_or(0);
        let token = self.token.unwrap_or(looked_at).min(last);
        let counts = bigrams.row(token);
        let mut order: Vec<u32> = bigrams.after(token).iter().map(|(next, _)| *next).collect();
        order.extend((0..=last).filter(|next| counts[*next as usize] == 0));
        let at = |next| order.iter().position(|known| *known == next);
        let cursor = self.next.and_then(at).unwrap_or(0);
        let model = NextTable::read(facts, bigrams.vocab_size()).map(|table| table.after(token));
        let followed = bigrams.followed(token);
        Some(Row { bigrams, token, counts, followed, model, order, cursor })
    }

    /// The mean difference of all cells of both tables.
    fn whole(&self) -> Option<f64> {
        self.difference.as_ref().map(|(_, difference)| *difference)
    }

    fn compare(facts: &Facts) -> Option<f64> {
        let bigrams = &counted(facts)?.bigrams;
        let vocab_size = bigrams.vocab_size();
        let table = NextTable::read(facts, vocab_size).filter(|_| vocab_size <= COMPARED)?;
        let mut sum = 0.0;
        for token in 0..vocab_size as u32 {
            let (counts, followed) = (bigrams.row(token), bigrams.followed(token));
            let model = table.after(token);
            let cells = counts.iter().zip(&model);
            sum += cells.map(|(n, p)| (p - bigrams.share(*n, followed)).abs()).sum::<f64>();
        }
        Some(sum / (vocab_size * vocab_size) as f64)
    }
}

impl Pane for Counts {
    fn title(&self) -> &'static str {
        "Counts"
    }

    fn detail(&self, facts: &Facts) -> String {
        match (self.row(facts), self.view) {
            (None, _) => String::new(),
            (Some(row), View::Row) => format!("after {}", facts.label(row.token)),
            (Some(_), View::Maps) => "both tables".to_owned(),
        }
    }

    fn about(&self, facts: &Facts, _seat: Seat) -> String {
        match (self.view, next_table::entry(facts).is_some()) {
            (View::Row, true) => "what follows it: counted, and as the model has it",
            (View::Row, false) => "what follows it in the training text",
            (View::Maps, _) => "row: a character, column: the next one",
        }
        .to_owned()
    }

    fn draw(&self, facts: &Facts, seat: Seat, buf: &mut Buffer) {
        match (self.row(facts), self.view) {
            (None, _) => sentence(facts.theme, &why_none(facts), seat.room, buf),
            (Some(row), View::Row) => table::draw(facts, &row, self.whole(), seat.room, buf),
            (Some(row), View::Maps) => maps::draw(facts, &row, seat.room, buf),
        }
    }

    fn act(&mut self, facts: &Facts, _seat: Seat, action: Action) -> Vec<Wish> {
        let Some(row) = self.row(facts) else { return Vec::new() };
        let last = row.order.len() - 1;
        let across = cursor::sideways(action);
        let along = |at: usize| cursor::moved(across.unwrap_or(action), at, PAGE, last);
        let leads = across.or_else(|| cursor::to(action, 0, PAGE, last).map(|_| action)).is_some();
        match (action, self.view) {
            (Action::CycleView, View::Row) => self.view = View::Maps,
            (Action::CycleView, View::Maps) => self.view = View::Row,
            _ if !leads => {}
            (_, View::Row) if across.is_some() => {
                self.token = Some(along(row.token as usize) as u32);
                self.next = None;
            }
            (_, View::Maps) if across.is_some() => {
                self.next = Some(along(row.order[row.cursor] as usize) as u32);
            }
            (_, View::Row) => self.next = Some(row.order[along(row.cursor)]),
            (_, View::Maps) => {
                // The column stays where it is.
                self.next = Some(row.order[row.cursor]);
                self.token = Some(along(row.token as usize) as u32);
            }
        }
        Vec::new()
    }

    fn click(&mut self, facts: &Facts, seat: Seat, at: Position) -> Vec<Wish> {
        let Some(row) = self.row(facts) else { return Vec::new() };
        match self.view {
            View::Row => self.next = table::at(facts, &row, seat.room, at).or(self.next),
            View::Maps => {
                if let Some((token, next)) = maps::at(facts, &row, seat.room, at) {
                    (self.token, self.next) = (Some(token), Some(next));
                }
            }
        }
        Vec::new()
    }

    fn subscribe(&self, facts: &Facts, wanted: &mut Subscription) {
        if counted(facts).is_some() {
            next_table::subscribe(facts, wanted);
        }
    }

    fn refresh(&mut self, facts: &Facts) {
        let same = |(known, _): &(Arc<Snapshot>, f64)| {
            facts.snapshot.is_some_and(|snapshot| Arc::ptr_eq(known, snapshot))
        };
        if !self.difference.as_ref().is_some_and(same) {
            self.difference = facts.snapshot.cloned().zip(Self::compare(facts));
        }
    }

    fn understands(&self) -> &'static [Action] {
        &[Action::Left, Action::Right, Action::CycleView]
    }
}
