//! Kinds of layers against each other: the paper's table for sequences of T tokens, and milliseconds that were measured.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::widgets::Widget;

use crate::lab::action::Action;
use crate::lab::facts::Facts;
use crate::lab::number::count;
use crate::lab::theme::{Role, Theme};
use crate::lab::widgets::columns::{Cells, Column, Columns};
use crate::lab::widgets::notes::notes;
use crate::probe::timing::{self, TIMES, contenders, width};
use crate::probe::{Arguments, Reading};
use crate::train::snapshot::Snapshot;

/// One kind, for one T.
#[derive(Clone, Debug)]
struct Line {
    name: &'static str,
    order: &'static str,
    products: f64,
    in_a_row: usize,
    path: Option<usize>,
}

#[derive(Debug)]
pub struct Table {
    /// Which T.
    chosen: usize,
    /// A measurement was asked for and is on its way.
    asks: bool,
    /// (d, V, k) of the run that the lines are of, and T.
    of: Option<[usize; 4]>,
    lines: Vec<Line>,
    measured: Option<Reading>,
}

impl Default for Table {
    /// On 64 tokens.
    fn default() -> Self {
        Self { chosen: 3, asks: false, of: None, lines: Vec::new(), measured: None }
    }
}

impl Table {
    pub fn time(&self) -> usize {
        TIMES[self.chosen]
    }

    /// Whether a measurement is wanted with the next snapshot.
    pub fn asks(&self) -> bool {
        self.asks
    }

    pub fn act(&mut self, action: Action) {
        match action {
            Action::Left => self.chosen = self.chosen.saturating_sub(1),
            Action::Right => self.chosen = (self.chosen + 1).min(TIMES.len() - 1),
            Action::Clock => self.asks = true,
            _ => {}
        }
    }

    /// Computes the lines where they are of another model or T, and takes a measurement that has come.
    pub fn refresh(&mut self, facts: &Facts) {
        let Some(run) = facts.run else { return };
        // A run that is still being opened has not said what it reads.
        let Some(card) = run.card.as_deref() else { return };
        let config = &run.config.model;
        let of = [width(config), config.vocab_size, config.kernel, self.time()];
        if self.of != Some(of) {
            // What was measured is of another width.
            if self.of.is_some_and(|was| was[..3] != of[..3]) {
                self.measured = None;
            }
            self.of = Some(of);
            let line = |one: timing::Contender| Line {
                name: one.card.name,
                order: one.card.levels().first().map_or("", |part| part.sight.order()),
                products: one.products,
                in_a_row: one.in_a_row,
                path: one.path,
            };
            self.lines = if card.structure.tokens {
                contenders(config, self.time()).into_iter().map(line).collect()
            } else {
                Vec::new()
            };
        }
        let found = facts.snapshot.and_then(|snapshot| reading(snapshot));
        if let Some(found) = found.filter(|found| self.asks && found.shape[0] == self.lines.len()) {
            self.measured = Some(found.clone());
            self.asks = false;
        }
    }

    /// ms of a kind at one of the T; `None` where not measured.
    fn ms(&self, kind: usize, time: usize) -> Option<f64> {
        let ms = *self.measured.as_ref()?.values.get(kind * TIMES.len() + time)?;
        ms.is_finite().then_some(f64::from(ms))
    }

    fn cell(&self, kind: usize, time: usize) -> (String, Role) {
        match self.ms(kind, time) {
            Some(ms) if ms < 10.0 => (format!("{ms:.2}"), Role::Text),
            Some(ms) => (format!("{ms:.0}"), Role::Text),
            None if self.measured.is_some() => ("too long".to_owned(), Role::Muted),
            None => ("not yet".to_owned(), Role::Muted),
        }
    }

    /// The paper's table.
    fn kinds<'a>(&self, theme: &'a Theme) -> Columns<'a> {
        let letter = |kind: usize| char::from(b'a' + (kind % 26) as u8);
        let lines = || self.lines.iter().enumerate();
        let names = lines().map(|(kind, line)| format!("{} {}", letter(kind), line.name));
        let numbers = |of: fn(&Line) -> String| Cells::numbers(self.lines.iter().map(of));
        let ms = lines().map(|(kind, _)| self.cell(kind, self.chosen)).collect();
        let mut columns = vec![
            Column::new("one layer of", Cells::words(names)),
            Column::new("order", Cells::words(self.lines.iter().map(|l| l.order.to_owned()))),
            Column::new("in a row", numbers(|line| count(line.in_a_row as u64))),
            Column::new(
                "path",
                numbers(|line| line.path.map_or("-".to_owned(), |steps| steps.to_string())),
            ),
            Column::new(format!("ms T {}", self.time()), Cells::Numbers(ms)),
            Column::new("products", numbers(|line| count(line.products as u64))),
        ];
        columns[4].role = Role::Time;
        Columns { theme, columns, cursor: None, foot: 0 }
    }

    /// Milliseconds by T, a column for each kind.
    fn times<'a>(&self, theme: &'a Theme) -> Columns<'a> {
        let times = TIMES.map(|time| (time.to_string(), Role::Time)).to_vec();
        let mut first = Column::new("T", Cells::Numbers(times));
        first.role = Role::Time;
        let of = |kind: usize| {
            let cells = (0..TIMES.len()).map(|time| self.cell(kind, time)).collect();
            let head = format!("{} ms", char::from(b'a' + (kind % 26) as u8));
            Column::new(head, Cells::Numbers(cells))
        };
        let columns = std::iter::once(first).chain((0..self.lines.len()).map(of)).collect();
        Columns { theme, columns, cursor: Some(self.chosen), foot: 0 }
    }

    pub fn draw(&self, theme: &Theme, area: Rect, buf: &mut Buffer) {
        let Some([width, _, kernel, time]) = self.of else { return };
        if self.lines.is_empty() {
            let said = [("This model reads no rows of tokens.".to_owned(), Role::Text)];
            notes(theme, &said, area, buf);
            return;
        }
        let kinds = self.kinds(theme);
        let height = kinds.height().min(area.height);
        (&kinds).render(Rect { height, ..area }, buf);
        let mut left = Rect { y: area.y + height, height: area.height - height, ..area };
        let times = self.times(theme);
        if left.height > times.height() + 1 {
            let place = Rect { y: left.y + 1, height: times.height(), ..left };
            (&times).render(place, buf);
            let used = times.height() + 1;
            left = Rect { y: left.y + used, height: left.height - used, ..left };
        }
        let state = match (self.asks, &self.measured) {
            (true, _) => "Measuring: it comes with the next snapshot.",
            (false, None) => "s measures how long a forward and a backward pass take here.",
            (false, Some(_)) => "Forward and backward, one sequence, one thread; s measures anew.",
        };
        let said = [
            (state.to_owned(), Role::Text),
            (format!("n = T {time}, d {width}, k {kernel}."), Role::Muted),
            ("In a row: steps that wait for one another. Path: from the first token to the last position, in as many layers as that takes.".to_owned(), Role::Muted),
        ];
        notes(theme, &said, left, buf);
    }
}

fn reading(snapshot: &Snapshot) -> Option<&Reading> {
    let told = Arguments::default();
    let mut all = snapshot.readings.iter();
    let found = all.find(|m| m.instrument == timing::INSTRUMENT.name && m.arguments == told)?;
    (found.reading.shape.len() == 2).then_some(&found.reading)
}
