//! Drawing points of one's own: a cursor on the plane, the points, and what may be done with them.

#[cfg(test)]
mod tests;

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use unicode_width::UnicodeWidthStr;

use super::{Plot, axes, places};
use crate::lab::action::Action;
use crate::lab::cursor;
use crate::lab::facts::Facts;
use crate::lab::number::count;
use crate::lab::pane::Wish;
use crate::lab::pen::put;
use crate::lab::theme::{Glyphs, Role};
use crate::task::points::{Drawn, Spot};

/// The cursor goes along tenths, those that a step on this screen is wide: it is seen to move.
const TENTH: i16 = 10;
/// Steps of a large move.
const LARGE: usize = 5;
/// The plot shows the area in which points may stand and, around it, some that is none: a point on the edge has a cell.
const SHOWN: f32 = 0.9 * Drawn::REACH as f32;

/// What counts while points are drawn.
pub(in crate::lab::panes) const UNDERSTOOD: &[Action] = &[
    Action::Left,
    Action::Right,
    Action::Mark,
    Action::RemovePoint,
    Action::ClearPoints,
    Action::LearnPoints,
    Action::DrawPoints,
];

#[derive(Debug, Default)]
pub(super) struct Drawing {
    /// Whether points are being drawn: the keys are for that.
    pub open: bool,
    at: Spot,
    /// What was cleared, to be had back until a point is drawn.
    cleared: Option<Drawn>,
}

/// What stands in the cell of one point, and under the cursor with and without one.
fn signs(glyphs: &Glyphs) -> [&'static str; 3] {
    if glyphs.ascii { ["o", "@", "+"] } else { ["●", "◉", "+"] }
}

fn plot(area: Rect) -> Plot {
    Plot::of(&[[-SHOWN; 2], [SHOWN; 2]], area)
}

/// As the grid has it.
fn shown(spot: Spot) -> [f32; 2] {
    Drawn::point(spot).map(|x| x as f32)
}

/// How far a step goes along x and y: as many tenths as a cell is wide and high.
fn steps(plot: &Plot) -> [usize; 2] {
    let cells = [plot.area.width, plot.area.height].map(f64::from);
    let extents = [&plot.across, &plot.up].map(|scale| scale.high() - scale.low());
    [0, 1].map(|axis| {
        let tenths = (10.0 * extents[axis] / cells[axis].max(1.0)).ceil().max(1.0);
        tenths as usize * TENTH as usize
    })
}

impl Drawing {
    /// A key of the drawing; `None` for others.
    pub fn act(&mut self, facts: &Facts, room: Rect, action: Action) -> Vec<Wish> {
        let drawn = facts.drawn;
        match action {
            Action::Mark => self.mark(drawn),
            Action::RemovePoint => {
                let mut fewer = drawn.clone();
                let removed = fewer.remove_nearest(self.at);
                removed.map(|_| Wish::Draw(fewer)).into_iter().collect()
            }
            Action::ClearPoints if drawn.is_empty() => {
                self.cleared.take().map(Wish::Draw).into_iter().collect()
            }
            Action::ClearPoints => {
                self.cleared = Some(drawn.clone());
                vec![Wish::Draw(Drawn::default())]
            }
            Action::LearnPoints => {
                self.open = drawn.missing() > 0;
                vec![Wish::LearnDrawn]
            }
            action => {
                self.go(action, steps(&plot(places(room).1)));
                Vec::new()
            }
        }
    }

    /// A point where the cursor is, or none more.
    fn mark(&mut self, drawn: &Drawn) -> Vec<Wish> {
        let mut other = drawn.clone();
        if drawn.contains(self.at) {
            other.remove_nearest(self.at);
        } else if other.add(self.at).is_err() {
            // The pane says how many there can be.
            return Vec::new();
        }
        self.cleared = None;
        vec![Wish::Draw(other)]
    }

    fn go(&mut self, action: Action, [across, down]: [usize; 2]) {
        let edge = Drawn::spot([Drawn::REACH; 2])[0];
        let last = 2 * edge as usize;
        // Counted from the upper left.
        let [x, y] = self.at;
        let (x, y) = ((x + edge) as usize, (edge - y) as usize);
        let along = |action, page, at| cursor::to(action, at, page, last);
        let (mut to_x, mut to_y) = (None, None);
        match action {
            Action::Left => to_x = along(Action::PageUp, across, x),
            Action::Right => to_x = along(Action::PageDown, across, x),
            Action::Home | Action::End => to_x = along(action, across, x),
            Action::Up => to_y = along(Action::PageUp, down, y),
            Action::Down => to_y = along(Action::PageDown, down, y),
            Action::PageUp | Action::PageDown => to_y = along(action, LARGE * down, y),
            _ => {}
        }
        self.at = [to_x.unwrap_or(x) as i16 - edge, edge - to_y.unwrap_or(y) as i16];
    }

    /// A click goes there, and does what the key does there.
    pub fn click(&mut self, facts: &Facts, room: Rect, at: Position) -> Vec<Wish> {
        let plot = plot(places(room).1);
        if !plot.area.contains(at) {
            return Vec::new();
        }
        let [x, y] = plot.middle(at.x - plot.area.x, at.y - plot.area.y);
        if x.abs().max(y.abs()) > Drawn::REACH {
            return Vec::new();
        }
        // Another click takes away the point that is seen there.
        let cell = (at.x - plot.area.x, at.y - plot.area.y);
        let mut there = facts.drawn.points().map(Drawn::spot);
        let there = there.find(|spot| plot.cell(shown(*spot)) == Some(cell));
        let tenth = Drawn::spot([x, y]).map(|x| (f64::from(x) / f64::from(TENTH)).round() as i16);
        self.at = there.unwrap_or(tenth.map(|x| x * TENTH));
        self.mark(facts.drawn)
    }

    pub fn draw(&self, facts: &Facts, room: Rect, buf: &mut Buffer) {
        let (head, area, with_axes) = places(room);
        let plot = plot(area);
        self.says(facts, head, buf);
        if with_axes {
            axes(facts, &plot, buf);
        }
        let theme = facts.theme;
        let [point, marked, empty] = signs(&theme.glyphs);
        // Where no point may stand.
        let outside = if theme.glyphs.ascii { ":" } else { "░" };
        let style = theme.style(Role::Faint);
        for at in area.positions() {
            let [x, y] = plot.middle(at.x - area.x, at.y - area.y);
            if x.abs().max(y.abs()) > Drawn::REACH {
                put(buf, area, at.x, at.y, outside, style);
            }
        }
        let mut cells = std::collections::BTreeMap::<(u16, u16), usize>::new();
        for cell in facts.drawn.points().filter_map(|p| plot.cell(p.map(|x| x as f32))) {
            *cells.entry(cell).or_default() += 1;
        }
        for ((column, row), n) in cells {
            let sign = match n {
                1 => point.to_owned(),
                2..=9 => n.to_string(),
                _ => "*".to_owned(),
            };
            put(buf, area, area.x + column, area.y + row, &sign, theme.style(Role::Text));
        }
        if let Some((column, row)) = plot.cell(shown(self.at)) {
            let sign = if facts.drawn.contains(self.at) { marked } else { empty };
            put(buf, area, area.x + column, area.y + row, sign, theme.style(Role::Selected));
        }
    }

    /// Where the cursor is, how many points there are, and what can be done with them.
    fn says(&self, facts: &Facts, area: Rect, buf: &mut Buffer) {
        let theme = facts.theme;
        let drawn = facts.drawn;
        let [x, y] = Drawn::point(self.at);
        let number = |n: usize| count(n as u64);
        let here = if drawn.contains(self.at) { " (a point)" } else { "" };
        let points = if drawn.len() == 1 { "point" } else { "points" };
        let next = match (drawn.len(), drawn.missing(), &self.cleared) {
            (0, _, Some(cleared)) => format!("X brings {} back", number(cleared.len())),
            (Drawn::MOST, ..) => "no more can be drawn".to_owned(),
            (_, 0, _) => "enter trains on them".to_owned(),
            (_, missing, _) => format!("{} more at least", number(missing)),
        };
        let parts = [
            (format!("x {x}  y {y}{here}"), Role::Accent),
            (format!("{} {points}", number(drawn.len())), Role::Text),
            (next, Role::Muted),
            ("esc ends drawing".to_owned(), Role::Muted),
        ];
        let (mut at, mut row) = (area.x, area.y);
        for (text, role) in parts {
            let width = text.width() as u16;
            if at > area.x && at + width > area.right() {
                (at, row) = (area.x, row + 1);
            }
            // What does not fit is left out whole.
            if row < area.bottom() && at + width <= area.right() {
                at = put(buf, area, at, row, &text, theme.style(role)) + 3;
            }
        }
    }
}
