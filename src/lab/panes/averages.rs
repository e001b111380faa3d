//! The averages pane: the mean of the past by three ways, what they give, what they weigh, and how long they take.

mod clock;
#[cfg(test)]
mod tests;

use rand::Rng;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::widgets::Widget;

use crate::lab::action::Action;
use crate::lab::cursor;
use crate::lab::facts::Facts;
use crate::lab::number::probability;
use crate::lab::pane::{Pane, Seat, Wish};
use crate::lab::pen::put;
use crate::lab::theme::Role;
use crate::lab::widgets::columns::{Cells, Column, Columns};
use crate::lab::widgets::heat_map::{Grid, HeatMap, Scale};
use crate::lab::widgets::notes::notes;
use crate::math::Real;
use crate::math::averages::{WAYS, Way};
use crate::math::random::{Purpose, stream};

/// T and C of the example that is shown.
const TIME: usize = 8;
const CHANNELS: usize = 2;
/// Columns and rows of a cell of a heat map.
const CELLS: [(u16, u16); 4] = [(8, 1), (3, 1), (2, 1), (1, 1)];
/// Columns between two heat maps.
const GAP: u16 = 2;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum View {
    /// What comes out.
    #[default]
    Means,
    /// What each position takes of the others.
    Weights,
}

#[derive(Debug, Default)]
pub struct Averages {
    view: View,
    /// The position that is looked at, and the one that it looks at.
    row: usize,
    column: usize,
    clock: clock::Clock,
}

/// Numbers from -1 to 1, (T, C), of the run's seed.
fn example(facts: &Facts) -> Vec<Real> {
    let seed = facts.run.map_or(0, |run| run.config.seed);
    let mut rng = stream(seed, Purpose::Examples, 0);
    (0..TIME * CHANNELS).map(|_| rng.random_range(-1.0..1.0)).collect()
}

/// Every way is linear: the means of the identity are its weights.
fn weights(way: Way) -> Vec<Real> {
    let mut identity = vec![0.0; TIME * TIME];
    for t in 0..TIME {
        identity[t * TIME + t] = 1.0;
    }
    way(&identity, TIME, TIME)
}

/// How far apart the numbers of the three ways are at most.
fn apart(means: &[Vec<Real>; 3]) -> f64 {
    let [one, others @ ..] = means;
    let pairs = others.iter().flat_map(|other| one.iter().zip(other));
    pairs.map(|(a, b)| (*a as f64 - *b as f64).abs()).fold(0.0, f64::max)
}

fn signed(x: Real) -> String {
    format!("{x:+.3}")
}

impl Averages {
    fn means(&self, facts: &Facts, area: Rect, buf: &mut Buffer) {
        let theme = facts.theme;
        let x = example(facts);
        let means = WAYS.map(|(_, way)| way(&x, TIME, CHANNELS));
        let positions = (1..=TIME).map(|t| (t.to_string(), Role::Time)).collect();
        let mut first = Column::new("t", Cells::Words(positions));
        first.role = Role::Time;
        let channel = |values: &[Real], c: usize| {
            Cells::numbers((0..TIME).map(|t| signed(values[t * CHANNELS + c])))
        };
        let table = |channels: usize| {
            let mut columns = vec![first.clone()];
            let all = std::iter::once(("x", &x)).chain(WAYS.iter().map(|way| way.0).zip(&means));
            for (name, values) in all {
                for c in 0..channels {
                    let head = if c == 0 { name } else { "" };
                    columns.push(Column::new(head, channel(values, c)));
                }
            }
            Columns { theme, columns, cursor: Some(self.row), foot: 0 }
        };
        let whole = table(CHANNELS);
        let both = whole.left_out(area).is_empty();
        let table = if both { whole } else { table(1) };
        // What was clocked stands below, if both have room.
        let clock = self.clock.table(theme);
        let height = table.height().min(area.height);
        (&table).render(Rect { height, ..area }, buf);
        let mut left = Rect { y: area.y + height, height: area.height - height, ..area };
        let row = self.row;
        let past: Vec<String> = (0..=row).map(|t| signed(x[t * CHANNELS])).collect();
        let terms = past.join(" ");
        let said = [
            (format!("Largest difference: {:.1e}.", apart(&means)), Role::Text),
            (
                format!(
                    "Row {}: ({terms}) / {} = {}",
                    row + 1,
                    row + 1,
                    signed(means[0][row * CHANNELS])
                ),
                Role::Code,
            ),
        ];
        // The table of times, with its line.
        let clocks = clock.height() + 2;
        let reserved = if left.height > clocks { clocks } else { 0 };
        let room = Rect { height: left.height - reserved, ..left };
        let rest = notes(theme, &said, room, buf);
        if !both {
            let one = format!("Channel 1 of C = {CHANNELS}: z zooms.");
            notes(theme, &[(one, Role::Muted)], rest, buf);
        }
        if reserved > 0 {
            left = Rect { y: left.bottom() - reserved, height: reserved, ..left };
            let said = [(self.clock.says(), Role::Text)];
            let left = notes(theme, &said, left, buf);
            (&clock).render(left, buf);
        }
    }

    fn weights(&self, facts: &Facts, area: Rect, buf: &mut Buffer) {
        let theme = facts.theme;
        let all = WAYS.map(|(name, way)| (name, weights(way)));
        let at = self.row * TIME + self.column;
        let here: Vec<String> = all.iter().map(|(_, w)| probability(w[at] as f64)).collect();
        let said = [(
            format!(
                "Position {} takes {} of position {}.",
                self.row + 1,
                here.join(", "),
                self.column + 1
            ),
            Role::Text,
        )];
        let left = notes(theme, &said, area, buf);
        // As many beside each other as there is room for; the others are left out whole.
        let least = 2 + TIME as u16;
        let count = ((area.width + GAP) / (least + GAP)).min(3);
        if count == 0 || left.height < 2 + TIME as u16 {
            return;
        }
        let width = (area.width + GAP) / count - GAP;
        for (i, (name, values)) in all.iter().take(usize::from(count)).enumerate() {
            let x = area.x + i as u16 * (width + GAP);
            let place = Rect { x, width, ..left };
            put(buf, place, x, place.y, name, theme.style(Role::Heading));
            let room = Rect { y: place.y + 1, height: place.height - 1, ..place };
            let grid = Grid::fit(room, 2, (TIME, TIME), (self.row, self.column), &CELLS);
            let map = HeatMap {
                theme,
                grid,
                scale: Scale::Probability,
                value: &|row, column| values.get(row * TIME + column).map(|w| *w as f64),
                hidden: [" ", " "],
                row_label: &|row| (row + 1).to_string(),
                column_label: &|column| (column + 1).to_string(),
                cursor: (self.row, self.column),
            };
            (&map).render(room, buf);
        }
        let below =
            Rect { y: left.y + 2 + TIME as u16, height: left.height - 2 - TIME as u16, ..left };
        let said = [
            (
                "Row: who takes, column: of whom. Each row sums to 1, and sees no future."
                    .to_owned(),
                Role::Text,
            ),
            (
                "All three are the means of the identity matrix: a way's weights.".to_owned(),
                Role::Muted,
            ),
        ];
        notes(theme, &said, below, buf);
    }
}

impl Pane for Averages {
    fn title(&self) -> &'static str {
        "Averages"
    }

    fn detail(&self, _facts: &Facts) -> String {
        match self.view {
            View::Means => format!("means · T {TIME}, C {CHANNELS}"),
            View::Weights => format!("weights · T {TIME}"),
        }
    }

    fn about(&self, _facts: &Facts, _seat: Seat) -> String {
        "the mean of the past, three ways".to_owned()
    }

    fn draw(&self, facts: &Facts, seat: Seat, buf: &mut Buffer) {
        match self.view {
            View::Means => self.means(facts, seat.room, buf),
            View::Weights => self.weights(facts, seat.room, buf),
        }
    }

    fn act(&mut self, _facts: &Facts, _seat: Seat, action: Action) -> Vec<Wish> {
        let last = TIME - 1;
        match (action, self.view) {
            (Action::Left, View::Means) => self.clock.shorter(),
            (Action::Right, View::Means) => self.clock.longer(),
            (Action::Clock, _) => self.clock.measure(),
            (Action::CycleView, View::Means) => self.view = View::Weights,
            (Action::CycleView, View::Weights) => self.view = View::Means,
            _ => {
                let here = (self.row, self.column);
                let to = cursor::in_grid(action, here, last, (last, last));
                (self.row, self.column) = to.unwrap_or(here);
            }
        }
        Vec::new()
    }

    fn understands(&self) -> &'static [Action] {
        &[Action::Left, Action::Right, Action::Clock, Action::CycleView]
    }
}
