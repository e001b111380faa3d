//! The logits pane: a bench on which a softmax is taken apart. The learner moves the logits; everything else is computed.

mod axis;
mod gradient;
mod masks;
mod overflow;
mod steps;
#[cfg(test)]
mod tests;

use rand::Rng;
use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use ratatui::widgets::Widget;

use crate::lab::action::Action;
use crate::lab::facts::Facts;
use crate::lab::notch::notch;
use crate::lab::number::setting;
use crate::lab::pane::{Pane, Seat, Wish};
use crate::lab::panes::PaneId;
use crate::lab::theme::Role;
use crate::lab::widgets::columns::Columns;
use crate::lab::widgets::notes::notes;
use crate::math::random::{Purpose, stream};
use crate::model::sampling::Sampling;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum View {
    /// Logits, exponentials, shares of their sum.
    #[default]
    Steps,
    /// The same in f32, with and without the largest taken off.
    Overflow,
    /// What the loss says to each logit.
    Gradient,
    /// Ways to keep it from looking.
    Masks,
    /// Over rows, or over columns.
    Axis,
}

impl View {
    fn next(self) -> Self {
        match self {
            Self::Steps => Self::Overflow,
            Self::Overflow => Self::Gradient,
            Self::Gradient => Self::Masks,
            Self::Masks => Self::Axis,
            Self::Axis => Self::Steps,
        }
    }
}

/// What a key moves a logit by.
const NUDGE: f64 = 0.5;
const LEAP: f64 = 10.0;
/// Far beyond what f32 can exponentiate.
const MOST: f64 = 200.0;
/// Rows and columns of the matrix.
const TIME: usize = 4;

#[derive(Debug)]
pub struct Logits {
    view: View,
    /// The logits, before the shift.
    z: Vec<f64>,
    /// The bench's own.
    sampling: Sampling,
    /// The constant that is added to all of them.
    shift: f64,
    chosen: usize,
    /// The logit whose token came.
    target: usize,
    /// Those that are not to be seen.
    masked: Vec<bool>,
    /// A matrix of scores, row-major.
    scores: Vec<f64>,
    /// The chosen one of them.
    cell: usize,
    /// Whether a row sees no column after its own.
    causal: bool,
    /// What was typed and is no number.
    refused: Option<String>,
}

impl Default for Logits {
    fn default() -> Self {
        let z = vec![2.0, 1.0, 0.0, -1.0, 0.5, -0.5];
        // Scores of a size that scaled ones have, on the grid that keys move by.
        let mut rng = stream(0, Purpose::Examples, 0);
        let score = |_| f64::from(rng.random_range(-4..=4)) * NUDGE;
        Self {
            view: View::default(),
            masked: z.iter().map(|z| *z < 0.0).collect(),
            z,
            sampling: Sampling::default(),
            shift: 0.0,
            chosen: 0,
            target: 1,
            scores: (0..TIME * TIME).map(score).collect(),
            cell: 0,
            causal: false,
            refused: None,
        }
    }
}

impl Logits {
    /// The logits as they go into the softmax.
    fn shifted(&self) -> Vec<f64> {
        self.z.iter().map(|logit| logit + self.shift).collect()
    }

    /// The number under the cursor.
    fn under_cursor(&mut self) -> &mut f64 {
        if self.view == View::Axis { &mut self.scores[self.cell] } else { &mut self.z[self.chosen] }
    }

    fn nudge(&mut self, by: f64) {
        let number = self.under_cursor();
        *number = (*number + by).clamp(-MOST, MOST);
    }

    /// A line to type the number under the cursor in.
    fn ask(&mut self) -> Wish {
        let label = if self.view == View::Axis {
            format!("score {}, {}", self.cell / TIME + 1, self.cell % TIME + 1)
        } else {
            format!("logit {}", char::from(b'a' + self.chosen as u8))
        };
        Wish::Line { pane: PaneId::Logits.name(), label, text: self.under_cursor().to_string() }
    }

    fn mark(&mut self) {
        match self.view {
            View::Gradient => self.target = self.chosen,
            View::Masks => self.masked[self.chosen] ^= true,
            View::Axis => self.causal ^= true,
            View::Steps | View::Overflow => {}
        }
    }

    fn go(&mut self, forward: bool) {
        let (at, count) = match self.view {
            View::Axis => (&mut self.cell, self.scores.len()),
            _ => (&mut self.chosen, self.z.len()),
        };
        *at = if forward { (*at + 1).min(count - 1) } else { at.saturating_sub(1) };
    }

    /// The table of a view, and what is to be said of it.
    fn table<'a>(&self, facts: &Facts<'a>) -> (Columns<'a>, Vec<String>) {
        match self.view {
            View::Steps => steps::table(self, facts),
            View::Overflow => overflow::table(self, facts),
            View::Gradient => gradient::table(self, facts),
            View::Masks | View::Axis => masks::table(self, facts),
        }
    }
}

/// How the logits are called: `a`, `b`, ….
fn names(count: usize) -> impl Iterator<Item = String> {
    ('a'..='z').take(count).map(String::from)
}

/// The same with the last row, a sum.
fn names_and_sum(count: usize) -> impl Iterator<Item = String> {
    names(count).chain(["sum".to_owned()])
}

/// A share with as many digits as show whether it has changed.
fn share(p: f64) -> String {
    match p {
        p if p.is_nan() => "NaN".to_owned(),
        p if p != 0.0 && p.abs() < 1e-4 => format!("{p:.1e}"),
        p => format!("{p:.6}"),
    }
}

/// A number of the machine as languages print it.
fn float(x: f32) -> String {
    match x {
        x if x.is_nan() => "NaN".to_owned(),
        f32::INFINITY => "inf".to_owned(),
        f32::NEG_INFINITY => "-inf".to_owned(),
        0.0 => "0".to_owned(),
        x if x.abs() < 5e-4 || x.abs() >= 1e4 => format!("{x:.1e}"),
        x if x.abs() >= 100.0 => format!("{x:.1}"),
        x => format!("{x:.3}"),
    }
}

/// A logit as it stands on the bench, where keys move it by halves.
fn logit(z: f64) -> String {
    format!("{z:.2}")
}

impl Pane for Logits {
    fn title(&self) -> &'static str {
        "Logits"
    }

    fn detail(&self, _facts: &Facts) -> String {
        let sampling = &self.sampling;
        let mut parts = match self.view {
            View::Steps => vec!["three steps".to_owned()],
            View::Overflow => vec!["in f32".to_owned()],
            View::Gradient => vec!["gradient".to_owned()],
            View::Masks => vec!["masks".to_owned()],
            View::Axis => vec!["axis".to_owned()],
        };
        if self.view == View::Steps {
            if sampling.temperature != 1.0 {
                parts.push(format!("temperature {}", setting(sampling.temperature)));
            }
            parts.extend(sampling.top_k.map(|k| format!("top-k {k}")));
            parts.extend(sampling.top_p.map(|p| format!("top-p {}", setting(p))));
        }
        parts.join(" · ")
    }

    fn about(&self, _facts: &Facts, _seat: Seat) -> String {
        match self.view {
            View::Steps => "logit, exponential, share",
            View::Overflow => "the same in f32, two ways",
            View::Gradient => "what the loss says: p - y",
            View::Masks => "some scores must not be seen",
            View::Axis => "over rows, and over columns",
        }
        .to_owned()
    }

    fn draw(&self, facts: &Facts, seat: Seat, buf: &mut Buffer) {
        let area = seat.room;
        if self.view == View::Axis {
            return axis::draw(self, facts, area, buf);
        }
        let (table, said) = self.table(facts);
        let height = table.height().min(area.height);
        (&table).render(Rect { height, ..area }, buf);
        let mut sentences: Vec<_> = said.into_iter().map(|text| (text, Role::Text)).collect();
        let left_out: Vec<_> =
            table.left_out(area).into_iter().filter(|head| !head.is_empty()).collect();
        if !left_out.is_empty() {
            let text = format!("No room for {}: z zooms.", left_out.join(", "));
            sentences.insert(0, (text, Role::Muted));
        }
        if let Some(text) = &self.refused {
            sentences.insert(0, (format!("{text:?} is no number."), Role::Bad));
        }
        let below = Rect { y: area.y + height, height: area.height - height, ..area };
        // A line apart where there is one to spare.
        let gap = u16::from(below.height > 4);
        let below = Rect { y: below.y + gap, height: below.height - gap, ..below };
        notes(facts.theme, &sentences, below, buf);
    }

    fn act(&mut self, _facts: &Facts, _seat: Seat, action: Action) -> Vec<Wish> {
        self.refused = None;
        match action {
            Action::TypeValue => return vec![self.ask()],
            Action::Left => self.go(false),
            Action::Right => self.go(true),
            Action::Up => self.nudge(NUDGE),
            Action::Down => self.nudge(-NUDGE),
            Action::PageUp => self.nudge(LEAP),
            Action::PageDown => self.nudge(-LEAP),
            Action::ShiftUp => self.shift = (self.shift + NUDGE).min(MOST),
            Action::ShiftDown => self.shift = (self.shift - NUDGE).max(-MOST),
            Action::Home => *self = Self { view: self.view, ..Self::default() },
            Action::Mark => self.mark(),
            Action::CycleView => self.view = self.view.next(),
            action => notch(&mut self.sampling, action, self.z.len()),
        }
        Vec::new()
    }

    fn samples_itself(&self) -> bool {
        true
    }

    fn typed(&mut self, _facts: &Facts, text: &str) -> Vec<Wish> {
        match text.trim().parse::<f64>() {
            Ok(number) if number.is_finite() => {
                self.refused = None;
                *self.under_cursor() = number.clamp(-MOST, MOST);
            }
            _ => self.refused = Some(text.trim().to_owned()),
        }
        Vec::new()
    }

    /// A row.
    fn click(&mut self, facts: &Facts, seat: Seat, at: Position) -> Vec<Wish> {
        if self.view == View::Axis {
            if let Some(cell) = axis::at(self, facts, seat.room, at) {
                self.cell = cell;
            }
        } else if let Some(row) = self.table(facts).0.at(seat.room, at) {
            self.chosen = row;
        }
        Vec::new()
    }

    fn understands(&self) -> &'static [Action] {
        &[
            Action::Left,
            Action::Right,
            Action::ShiftDown,
            Action::ShiftUp,
            Action::Mark,
            Action::TypeValue,
            Action::CycleView,
            Action::TemperatureDown,
            Action::TemperatureUp,
            Action::TopKDown,
            Action::TopKUp,
            Action::TopPDown,
            Action::TopPUp,
        ]
    }
}
