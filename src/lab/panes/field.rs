//! The field pane: what one position of a layer can know of others. Above, as the model is built: the positions that it is made
//! from, layer by layer down to the inputs. Below, as it is measured: how far it moves when each token is changed.
//!
//! The other view holds kinds of layers against each other: what they cost, how much has to be done in a row, how many steps
//! lie between the ends of a sequence, and how long they take here, measured when it is asked for.

mod drawing;
mod table;
#[cfg(test)]
mod tests;

use ratatui::buffer::Buffer;
use ratatui::layout::Position;

use crate::lab::action::Action;
use crate::lab::facts::Facts;
use crate::lab::pane::{Pane, Seat, Wish};
use crate::lab::pen::sentence;
use crate::model::card::Part;
use crate::model::sight::{self, Sight};
use crate::probe::{Arguments, influence, timing};
use crate::train::Subscription;
use drawing::Drawing;
use table::Table;

#[derive(Debug, Default)]
pub struct Field {
    /// Whether kinds of layers are compared.
    compares: bool,
    /// Whose field is shown, counted from 0; `None` is the last layer.
    layer: Option<usize>,
    /// `None` is the last position.
    at: Option<usize>,
    table: Table,
}

/// What is drawn of one position of one layer.
struct Shown<'a> {
    levels: Vec<&'a Part>,
    /// Whose field it is.
    layer: usize,
    at: usize,
    time: usize,
    /// By row, the inputs first: which positions it is made from.
    cone: Vec<Vec<bool>>,
    /// By token: how far it moves; NaN where that was not tried. Empty until measured.
    moved: &'a [f32],
}

impl Shown<'_> {
    fn sights(&self) -> Vec<&Sight> {
        self.levels[..=self.layer].iter().map(|part| &part.sight).collect()
    }

    /// Tokens that it is made from, as the structure says.
    fn seen(&self) -> usize {
        self.cone[0].iter().filter(|inside| **inside).count()
    }

    /// Tokens that move it.
    fn moving(&self) -> usize {
        self.moved.iter().filter(|moved| **moved > 0.0).count()
    }

    /// `, 31 move it`; where not every token that it is made from was tried, of how many that were.
    fn moves(&self) -> String {
        let moving = self.moving();
        let of = self.moved.iter().zip(&self.cone[0]).filter(|(_, inside)| **inside);
        let tried = of.filter(|(moved, _)| !moved.is_nan()).count();
        match (moving, tried) {
            _ if tried == self.seen() || self.moved.is_empty() => format!(", {moving} move it"),
            (_, 0) => ", none was tried".to_owned(),
            _ if moving == tried => format!(", all {tried} that were tried move it"),
            _ => format!(", {moving} of {tried} that were tried move it"),
        }
    }

    /// The most distant token that it is made from.
    fn farthest(&self) -> usize {
        let seen = (0..self.time).filter(|token| self.cone[0][*token]);
        seen.max_by_key(|token| token.abs_diff(self.at)).unwrap_or(self.at)
    }
}

impl Field {
    fn shown<'a>(&self, facts: &Facts<'a>) -> Option<Shown<'a>> {
        let levels = facts.card()?.levels();
        let last = levels.len().checked_sub(1)?;
        let layer = self.layer.unwrap_or(last).min(last);
        let reading = facts.snapshot?.reading(influence::INSTRUMENT.name)?;
        let &[layers, time, _] = reading.shape.as_slice() else { return None };
        // A reading may still be of the run before.
        if time == 0 || layers != levels.len() {
            return None;
        }
        let at = self.at.unwrap_or(time - 1).min(time - 1);
        let moved = reading.values.get((layer * time + at) * time..)?.get(..time)?;
        let sights: Vec<&Sight> = levels[..=layer].iter().map(|part| &part.sight).collect();
        let cone = sight::cone(&sights, at, time);
        Some(Shown { levels, layer, at, time, cone, moved })
    }
}

/// The first layer in which the farthest token moves the position, counted from 1, as it was measured.
fn met(facts: &Facts, shown: &Shown) -> Option<usize> {
    let reading = facts.snapshot?.reading(influence::INSTRUMENT.name)?;
    let (time, token) = (shown.time, shown.farthest());
    let moves = |layer: &usize| reading.values[(layer * time + shown.at) * time + token] > 0.0;
    (0..=shown.layer).find(moves).map(|layer| layer + 1)
}

impl Pane for Field {
    fn title(&self) -> &'static str {
        "Receptive field"
    }

    fn detail(&self, facts: &Facts) -> String {
        if self.compares {
            return format!("layers compared · T {}", self.table.time());
        }
        let Some(shown) = self.shown(facts) else { return String::new() };
        format!("layer {} of {} · position {}", shown.layer + 1, shown.levels.len(), shown.at)
    }

    fn about(&self, _facts: &Facts, _seat: Seat) -> String {
        if self.compares {
            return "one layer of each kind, equally wide; left, right: T".to_owned();
        }
        "what it is made from; below, how far each token moves it".to_owned()
    }

    fn draw(&self, facts: &Facts, seat: Seat, buf: &mut Buffer) {
        let (area, theme) = (seat.room, facts.theme);
        if self.compares {
            return self.table.draw(theme, area, buf);
        }
        let Some(card) = facts.card() else {
            return sentence(theme, "This run is still to be opened.", area, buf);
        };
        if card.levels().is_empty() {
            let text = format!("{} has no row for each position that sees others.", card.name);
            return sentence(theme, &text, area, buf);
        }
        match self.shown(facts) {
            Some(shown) => {
                let met = met(facts, &shown);
                Drawing::new(&shown, area).draw(facts, &shown, met, buf);
            }
            None => sentence(theme, "It is measured with the first step.", area, buf),
        }
    }

    fn act(&mut self, facts: &Facts, _seat: Seat, action: Action) -> Vec<Wish> {
        if action == Action::CycleView {
            self.compares = !self.compares;
            self.refresh(facts);
            return Vec::new();
        }
        if self.compares {
            self.table.act(action);
            // What stands in the last snapshot was measured before.
            if action != Action::Clock {
                self.refresh(facts);
            }
            return Vec::new();
        }
        let Some(shown) = self.shown(facts) else { return Vec::new() };
        let (last_layer, last) = (shown.levels.len() - 1, shown.time - 1);
        let (layer, at) = (shown.layer, shown.at);
        match action {
            Action::Left => self.at = Some(at.saturating_sub(1)),
            Action::Right => self.at = Some((at + 1).min(last)),
            Action::Home => self.at = Some(0),
            Action::End => self.at = Some(last),
            Action::Up | Action::NextLayer => self.layer = Some((layer + 1).min(last_layer)),
            Action::Down | Action::PreviousLayer => self.layer = Some(layer.saturating_sub(1)),
            _ => {}
        }
        Vec::new()
    }

    fn click(&mut self, facts: &Facts, seat: Seat, at: Position) -> Vec<Wish> {
        if let Some(shown) = self.shown(facts).filter(|_| !self.compares)
            && let Some(column) = Drawing::new(&shown, seat.room).column(at)
        {
            self.at = Some(column);
        }
        Vec::new()
    }

    fn subscribe(&self, facts: &Facts, wanted: &mut Subscription) {
        if self.compares {
            if self.table.asks() {
                wanted.instruments.push((timing::INSTRUMENT.name, Arguments::default()));
            }
        } else if facts.card().is_some_and(|card| !card.levels().is_empty()) {
            let prompt =
                if facts.reads_prompt() { facts.prompt.tokens.clone() } else { Vec::new() };
            let told = Arguments { prompt, ..Arguments::default() };
            wanted.instruments.push((influence::INSTRUMENT.name, told));
        }
    }

    fn follow(&mut self, facts: &Facts, part: &str) -> bool {
        let levels = facts.card().map(|card| card.levels()).unwrap_or_default();
        let place = levels.iter().position(|level| level.name == part);
        if place.is_some() {
            (self.layer, self.compares) = (place, false);
        }
        place.is_some()
    }

    fn refresh(&mut self, facts: &Facts) {
        if self.compares {
            self.table.refresh(facts);
        }
    }

    fn understands(&self) -> &'static [Action] {
        &[
            Action::Left,
            Action::Right,
            Action::CycleView,
            Action::PreviousLayer,
            Action::NextLayer,
            Action::Clock,
        ]
    }
}
