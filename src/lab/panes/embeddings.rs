//! The embeddings pane: the token table as a map, by its neighbours and as it is, and the position table.

mod chosen;
mod names;
mod neighbours;
mod provenance;
mod scatter;
mod table;
mod tables;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use ratatui::buffer::Buffer;
use ratatui::layout::Position;

use crate::lab::action::Action;
use crate::lab::cursor;
use crate::lab::facts::Facts;
use crate::lab::pane::{Pane, Seat, Wish};
use crate::lab::pen::sentence;
use crate::lab::provenance::WALKING;
use crate::math::pca;
use crate::model::card::{Op, Rows};
use crate::text::shown;
use crate::train::Subscription;
pub use chosen::Embeddings;
use chosen::{View, views};
use tables::{of_positions, of_tokens, positions, predicts, tokens, why_none};

/// Rows that a page up or down moves over.
const PAGE: usize = 8;

impl Pane for Embeddings {
    fn title(&self) -> &'static str {
        "Embeddings"
    }

    fn detail(&self, facts: &Facts) -> String {
        if self.walk.is_open() {
            return self.walk.detail(facts);
        }
        match self.rows(facts) {
            Some(rows) => {
                let sign = if facts.theme.glyphs.ascii { "x" } else { "×" };
                format!("{} · {} {sign} {}", self.view(facts).name(), rows.count, rows.columns)
            }
            None => String::new(),
        }
    }

    fn about(&self, facts: &Facts, _seat: Seat) -> String {
        if self.walk.is_open() {
            return self.walk.about();
        }
        if why_none(facts).is_some() {
            return "no table of tokens".to_owned();
        }
        let of = of_tokens(facts).map_or("", |table| table.of);
        if !of.is_empty() {
            return format!("tokens{of}, by their vectors");
        }
        match (self.view(facts), predicts(facts)) {
            (View::Map, false) => "tokens by their vectors (PCA)",
            (View::Map, true) => "tokens by what follows them (PCA)",
            (View::Neighbours, false) => "whose vectors point the same way",
            (View::Neighbours, true) => "followed by the same tokens",
            (View::Table, false) => "row: a token, column: a channel",
            (View::Table, true) => "row: this token, column: logit of next",
            (View::Probabilities, _) => "row: this token, column: p of next",
            (View::Positions, _) => "row: a position, column: a channel",
        }
        .to_owned()
    }

    fn draw(&self, facts: &Facts, seat: Seat, buf: &mut Buffer) {
        let area = seat.room;
        if self.walk.is_open() {
            return self.walk.draw(facts, area, buf);
        }
        let shown = match (self.view(facts), tokens(facts)) {
            (View::Map, Some(rows)) => scatter::draw(self, facts, &rows, area, buf),
            (View::Neighbours, Some(rows)) => {
                neighbours::draw(self, facts, &rows, area, buf);
                true
            }
            (View::Positions, _) => {
                let rows = positions(facts);
                if let Some(rows) = &rows {
                    table::draw(self, facts, View::Positions, rows, area, buf);
                }
                rows.is_some()
            }
            (view, Some(rows)) => {
                table::draw(self, facts, view, &rows, area, buf);
                true
            }
            _ => false,
        };
        if !shown {
            let why = why_none(facts);
            let text = if let Some(why) = &why {
                why
            } else if tokens(facts).is_some() && self.view(facts) == View::Map {
                "The table has numbers that are not finite: there is no map of it."
            } else {
                "Every token's vector is shown with the first step."
            };
            sentence(facts.theme, text, area, buf);
        }
    }

    fn act(&mut self, facts: &Facts, _seat: Seat, action: Action) -> Vec<Wish> {
        if self.walk.is_open() {
            self.walk.act(facts, action);
            return Vec::new();
        }
        if let (Action::Origin, Some(number)) = (action, self.number(facts)) {
            self.walk.open(facts, number);
            return Vec::new();
        }
        let view = self.view(facts);
        if action == Action::CycleView {
            let views = views(facts);
            let at = views.iter().position(|v| *v == view).unwrap_or(0);
            self.view = views[(at + 1) % views.len()];
            self.refresh(facts);
            return Vec::new();
        }
        let Some(rows) = self.rows(facts) else { return Vec::new() };
        let (count, columns) = (rows.count, rows.columns);
        if action == Action::Find && view != View::Positions {
            let example = if names::are_words(facts) { "good great" } else { "a e" };
            let label = format!("find a token, or compare two ({example})");
            return vec![Wish::Line { pane: "embeddings", label, text: String::new() }];
        }
        let along = match action {
            Action::Left => Some(Action::Up),
            Action::Right => Some(Action::Down),
            _ => None,
        };
        let (token, position) = (self.token(facts, count), self.position(facts, count));
        match (along, view.is_table()) {
            (Some(along), true) => {
                self.column = cursor::to(along, self.column, PAGE, columns.saturating_sub(1))
                    .unwrap_or(self.column);
            }
            (along, _) if view != View::Positions => {
                self.token =
                    cursor::to(along.unwrap_or(action), token, PAGE, count.saturating_sub(1))
                        .or(self.token);
            }
            _ => {
                self.position =
                    cursor::to(action, position, PAGE, count.saturating_sub(1)).or(self.position);
            }
        }
        Vec::new()
    }

    fn back(&mut self) -> bool {
        self.walk.back()
    }

    /// The cursor goes to the first token named; a second one is compared with it.
    fn typed(&mut self, facts: &Facts, text: &str) -> Vec<Wish> {
        let count = tokens(facts).map_or(0, |rows| rows.count);
        (self.compared, self.missed) = (None, None);
        let mut found = Vec::new();
        for part in names::split(facts, text) {
            match names::find(facts, count, &part) {
                Some(token) => found.push(token),
                None => {
                    self.missed = Some(format!("no token begins with {}", shown::excerpt(&part)));
                }
            }
        }
        if self.missed.is_none() {
            self.token = found.first().copied().or(self.token);
            self.compared = found.get(1).copied();
        }
        Vec::new()
    }

    fn click(&mut self, facts: &Facts, seat: Seat, at: Position) -> Vec<Wish> {
        let area = seat.room;
        if self.walk.is_open() {
            self.walk.click(facts, area, at);
            return Vec::new();
        }
        let view = self.view(facts);
        let Some(rows) = self.rows(facts) else { return Vec::new() };
        match view {
            View::Map => {
                let token = scatter::token_at(self, facts, area, at);
                self.token = token.or(self.token);
            }
            View::Neighbours => {
                let token = neighbours::token_at(self, facts, &rows, area, at);
                self.token = token.or(self.token);
            }
            View::Table | View::Probabilities | View::Positions => {
                if let Some((row, column)) = table::grid(self, facts, view, &rows, area).at(at) {
                    self.column = column;
                    let row_of =
                        if view == View::Positions { &mut self.position } else { &mut self.token };
                    *row_of = Some(row);
                }
            }
        }
        Vec::new()
    }

    fn subscribe(&self, facts: &Facts, wanted: &mut Subscription) {
        self.walk.subscribe(facts, wanted);
        let positions = of_positions(facts).filter(|_| self.view(facts) == View::Positions);
        for table in of_tokens(facts).into_iter().chain(positions) {
            let names =
                if table.learned { &mut wanted.parameters } else { &mut wanted.activations };
            names.push(table.name.clone());
        }
    }

    /// To the table whose rows a part hands on.
    fn follow(&mut self, facts: &Facts, part: &str) -> bool {
        let card = facts.run.and_then(|run| run.card.as_ref());
        let Some((card, part)) = card.and_then(|card| Some((card, card.part(part)?))) else {
            return false;
        };
        let own = |name: &str| !part.weights.is_empty() && name.starts_with(&part.weights);
        let is_it = |rows| {
            part.op == Op::Embedding
                && card.table(rows).is_some_and(|t| t.name == part.name || own(&t.name))
        };
        if is_it(Rows::Positions) {
            self.view = View::Positions;
        } else if is_it(Rows::Tokens) {
            self.view = if self.view == View::Positions { View::Map } else { self.view };
        } else {
            return false;
        }
        true
    }

    fn refresh(&mut self, facts: &Facts) {
        let columns = self.rows(facts).map_or(0, |rows| rows.columns);
        // Another run may have fewer tokens.
        let count = tokens(facts).map(|rows| rows.count);
        self.compared = self.compared.filter(|token| count.is_none_or(|count| *token < count));
        let source = facts.snapshot;
        self.walk.refresh(facts);
        self.column = self.column.min(columns.saturating_sub(1));
        if let (Some(old), Some(new)) = (&self.source, source)
            && Arc::ptr_eq(old, new)
        {
            return;
        }
        let before = self.projection.take();
        let after = tokens(facts).and_then(|t| pca::project(t.values, t.columns, before.as_ref()));
        self.projection = after;
        self.source = source.cloned();
    }

    fn understands(&self) -> &'static [Action] {
        if self.walk.is_open() {
            return WALKING;
        }
        &[Action::Left, Action::Right, Action::CycleView, Action::Origin, Action::Find]
    }
}
