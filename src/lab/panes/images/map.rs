//! The map of the latents: every held-out image as the sign of its class where its mu lies, a cursor whose place is decoded
//! beside it, and the image nearest to it in numbers.

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use unicode_width::UnicodeWidthStr;

use super::latents::Latents;
use super::{Shown, draw_image};
use crate::lab::action::Action;
use crate::lab::facts::Facts;
use crate::lab::pen::{Lines, put, sentence};
use crate::lab::theme::{Role, class};
use crate::lab::widgets::axis::{self, Look};
use crate::lab::widgets::scale::{Kind, Scale};
use crate::probe::picture;

/// The prior has hardly anything beyond; where images lie further out, the map reaches to the next whole number.
const REACH: f32 = 3.0;
/// Columns of the row labels with the axis, and rows of the column labels with theirs.
const LABELS: u16 = 6;
const BELOW: u16 = 2;
/// Columns of what stands beside the map: a dimension's number and four others.
const NUMBER: u16 = 8;
const SIDE: u16 = 3 + 4 * NUMBER;
/// From this width on there is room for both.
const BESIDE: u16 = SIDE + 2 + LABELS + 20;
/// Rows and columns that a large step goes.
const LEAP: i32 = 5;

/// A place of the plane of the first two latents.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Cursor {
    at: [f32; 2],
}

/// The map itself, without its axes, and what stands beside it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Places {
    pub map: Rect,
    pub side: Option<Rect>,
    pub with_axes: bool,
    /// From the middle to an edge, in latents.
    pub reach: f32,
}

impl Places {
    pub fn of(latents: &Latents, area: Rect) -> Self {
        let beside = area.width >= BESIDE && area.height >= 8;
        let side = beside.then(|| Rect { x: area.right() - SIDE, width: SIDE, ..area });
        let width = area.width - if beside { SIDE + 2 } else { 0 };
        let head = u16::from(area.height >= 6);
        let room = Rect { y: area.y + head, height: area.height - head, width, ..area };
        let with_axes = room.height >= BELOW + 4 && room.width >= LABELS + 10;
        let map = if with_axes {
            let (x, width) = (room.x + LABELS, room.width - LABELS);
            Rect { x, width, height: room.height - BELOW, ..room }
        } else {
            room
        };
        let furthest = (0..latents.count).flat_map(|i| latents.place(i));
        let furthest =
            furthest.filter(|x| x.is_finite()).fold(0.0, |most: f32, x| most.max(x.abs()));
        Self { map, side, with_axes, reach: furthest.ceil().max(REACH) }
    }

    /// The cell of a place, as a column and a row of the map; beyond an edge the outermost.
    pub fn cell(&self, [x, y]: [f32; 2]) -> Option<(u16, u16)> {
        let cell = |share: f32, cells: u16| {
            let at = (share * f32::from(cells)).floor();
            at.is_finite().then(|| (at.max(0.0) as u16).min(cells.saturating_sub(1)))
        };
        let share = |x: f32| f32::midpoint(x / self.reach, 1.0);
        Some((cell(share(x), self.map.width)?, cell(share(-y), self.map.height)?))
    }

    /// The place in the middle of a cell.
    pub fn middle(&self, (column, row): (u16, u16)) -> [f32; 2] {
        let place = |i: u16, cells: u16| {
            let share = (f32::from(i) + 0.5) / f32::from(cells.max(1));
            self.reach * (2.0 * share - 1.0)
        };
        [place(column, self.map.width), -place(row, self.map.height)]
    }
}

impl Cursor {
    /// As an instrument is told it: latents beyond the second are 0.
    pub fn point(self, latents: usize) -> Vec<f32> {
        (0..latents).map(|i| self.at.get(i).copied().unwrap_or(0.0)).collect()
    }

    pub fn act(&mut self, facts: &Facts, area: Rect, action: Action) {
        let Some(latents) = Latents::of(facts) else { return };
        let places = Places::of(&latents, area);
        let (across, down) = match action {
            Action::Left => (-1, 0),
            Action::Right => (1, 0),
            Action::Up => (0, -1),
            Action::Down => (0, 1),
            Action::PageUp => (0, -LEAP),
            Action::PageDown => (0, LEAP),
            Action::Home => {
                self.at = [0.0; 2];
                return;
            }
            Action::End => {
                if let Some(nearest) = self.nearest(&latents) {
                    self.at = latents.place(nearest);
                }
                return;
            }
            _ => return,
        };
        let Some((column, row)) = places.cell(self.at).filter(|_| !places.map.is_empty()) else {
            return;
        };
        let moved = |at: u16, by: i32, cells: u16| {
            (i32::from(at) + by).clamp(0, i32::from(cells) - 1) as u16
        };
        let cell = (
            moved(column, across, places.map.width),
            // One latent is a line.
            if latents.width > 1 { moved(row, down, places.map.height) } else { row },
        );
        let to = places.middle(cell);
        // What is not moved stays where it is, not in the middle of its cell.
        for (axis, by) in [across, down].into_iter().enumerate() {
            if by != 0 && axis < latents.width {
                self.at[axis] = to[axis];
            }
        }
    }

    pub fn click(&mut self, facts: &Facts, area: Rect, at: Position) {
        let Some(latents) = Latents::of(facts) else { return };
        let places = Places::of(&latents, area);
        if places.map.contains(at) {
            let [x, y] = places.middle((at.x - places.map.x, at.y - places.map.y));
            self.at = [x, if latents.width > 1 { y } else { 0.0 }];
        }
    }

    /// The image whose mu is nearest.
    pub fn nearest(self, latents: &Latents) -> Option<usize> {
        let distance = |i: &usize| {
            let [x, y] = latents.place(*i);
            (x - self.at[0]).hypot(y - self.at[1])
        };
        let known = (0..latents.count).filter(|i| distance(i).is_finite());
        known.min_by(|a, b| distance(a).total_cmp(&distance(b)))
    }

    pub fn draw(self, facts: &Facts, shown: &Shown, area: Rect, buf: &mut Buffer) {
        let theme = facts.theme;
        let Some(latents) = Latents::of(facts) else {
            return sentence(theme, "The latents are drawn with the next step.", area, buf);
        };
        let places = Places::of(&latents, area);
        let map = places.map;
        let mut taken = vec![false; usize::from(map.width) * usize::from(map.height)];
        let mut covered = 0;
        for i in 0..latents.count {
            let Some((column, row)) = places.cell(latents.place(i)) else { continue };
            let Some(taken) =
                taken.get_mut(usize::from(row) * usize::from(map.width) + usize::from(column))
            else {
                continue;
            };
            if std::mem::replace(taken, true) {
                covered += 1;
                continue;
            }
            let name = latents.class(facts, i);
            let style = theme.style(name.map_or(Role::Text, class));
            let sign = name.map_or_else(|| theme.glyphs.bullet.to_owned(), |name| name.to_string());
            put(buf, map, map.x + column, map.y + row, &sign, style);
        }
        if let Some((column, row)) = places.cell(self.at) {
            let at = (map.x + column, map.y + row);
            if let Some(cell) = buf.cell_mut(at).filter(|_| map.contains(at.into())) {
                // An empty cell in reverse is seen without colour as well, but not where nothing is reversed.
                if cell.symbol() == " " {
                    cell.set_symbol("+");
                }
                cell.set_style(theme.style(Role::Selected));
            }
        }
        if places.with_axes {
            axes(facts, &places, latents.width, buf);
        }
        if map.y > area.y {
            let [x, y] = self.at;
            let text = format!("+ cursor ({x:.2}, {y:.2})");
            let right = map.right();
            let x = put(buf, area, area.x, area.y, &text, theme.style(Role::Text)) + 2;
            let images = format!("{} held-out images", latents.count);
            let room = usize::from(right.saturating_sub(x));
            let covered = if covered > 0 { format!(", {covered} covered") } else { String::new() };
            let long = format!("{images}{covered}");
            let muted = theme.style(Role::Muted);
            if let Some(text) = [long, images].iter().find(|text| text.width() <= room) {
                put(buf, area, x, area.y, text, muted);
            }
        }
        if let Some(side) = places.side {
            self.beside(facts, shown, &latents, side, buf);
        }
    }

    /// The place under the cursor as a picture, the nearest image beside it, and that image's numbers.
    fn beside(self, facts: &Facts, shown: &Shown, latents: &Latents, area: Rect, buf: &mut Buffer) {
        let theme = facts.theme;
        let muted = theme.style(Role::Muted);
        let (width, height) = shown.size();
        let nearest = self.nearest(latents);
        let mut lines = Lines::new(theme, area, buf);
        if lines.left() > height && 2 * width < area.width {
            let y = lines.y;
            let beside = area.x + width + 3;
            if let Some((image, point)) = decoded(facts, shown) {
                // Of the place that it was decoded from, which the cursor may just have left.
                let named = format!("({:.2}, {:.2})", point[0], point.get(1).unwrap_or(&0.0));
                put(lines.buf, area, area.x, y, &named, theme.style(Role::Text));
                let at = Rect { x: area.x, y: y + 1, width, height };
                draw_image(facts, image, [shown.rows, shown.columns], shown.columns, at, lines.buf);
            }
            if let Some(i) = nearest.filter(|i| *i < shown.count) {
                let name =
                    latents.class(facts, i).map_or_else(String::new, |name| format!(" {name}"));
                put(lines.buf, area, beside, y, &format!("nearest:{name}"), muted);
                let at = Rect { x: beside, y: y + 1, width, height };
                shown.draw(facts, 0, i, at, lines.buf);
            }
            lines.y += height + 1;
        }
        // Numbers of all dimensions, or a word of those that are left out.
        let Some(i) = nearest.filter(|_| lines.left() >= 3) else { return };
        let n = usize::from(NUMBER);
        let head = format!("   {:>n$}{:>n$}{:>n$}{:>n$}", "mu", "sigma", "eps", "z");
        lines.line(&head, muted);
        let room = usize::from(lines.left()) - 1;
        let listed = if latents.width <= room { latents.width } else { room.saturating_sub(1) };
        for dimension in 0..listed {
            let numbers = latents.numbers(i, dimension).map(|x| {
                let text = if x.is_finite() { format!("{x:.3}") } else { "?".to_owned() };
                format!("{text:>n$}")
            });
            lines.line(
                &format!("{:<3}{}", dimension + 1, numbers.concat()),
                theme.style(Role::Text),
            );
        }
        if listed < latents.width {
            lines.line(&format!("and {} more", latents.width - listed), muted);
        }
        lines.line("of the nearest; z = mu + sigma eps", muted);
    }
}

/// The decoded picture and the point that it was decoded from.
fn decoded<'a>(facts: &Facts<'a>, shown: &Shown) -> Option<(&'a [f32], &'a [f32])> {
    let mut readings = facts.snapshot?.readings.iter();
    let found = readings.find(|measured| measured.instrument == picture::INSTRUMENT.name)?;
    let whole = found.reading.values.len() == shown.rows * shown.columns;
    let point = &found.arguments.point;
    (whole && !point.is_empty()).then_some((&found.reading.values, point))
}

fn axes(facts: &Facts, places: &Places, latents: usize, buf: &mut Buffer) {
    let theme = facts.theme;
    let map = places.map;
    let (line, text) = (theme.style(Role::Faint), theme.style(Role::Muted));
    let look = Look { ascii: theme.glyphs.ascii, line, text };
    let reach = f64::from(places.reach);
    let scale = Scale::new(-reach, reach, Kind::Linear);
    let cell = |tick: f64| places.cell([tick as f32, -tick as f32]);
    let left = Rect { x: map.x - LABELS, width: LABELS, ..map };
    let rows = scale.ticks(usize::from(map.height / 2));
    let labels = axis::labels(&rows);
    let marks = rows.iter().zip(&labels);
    let marks: Vec<_> = marks
        .filter_map(|(tick, label)| Some((cell(-tick)?.1, label.as_str())))
        .filter(|_| latents > 1)
        .collect();
    axis::vertical(&marks, look, left, buf);
    // On a row of its own, for beside a tick's label it would be read as part of the number.
    let named = u16::from(marks.iter().any(|(row, _)| *row == 0));
    let columns = scale.ticks(usize::from(map.width / 8));
    let labels = axis::labels(&columns);
    let marks = columns.iter().zip(labels);
    let marks: Vec<_> = marks.filter_map(|(tick, label)| Some((cell(*tick)?.0, label))).collect();
    let below = Rect { y: map.bottom(), height: BELOW, ..map };
    axis::horizontal(&marks, "z1", look, below, map.right(), buf);
    if latents > 1 {
        put(buf, left, left.x, left.y + named, "z2", text);
    }
}
