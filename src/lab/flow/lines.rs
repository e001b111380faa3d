//! Lines that meet: every cell knows which ways it goes on, and so which sign it is.

use std::collections::BTreeMap;

pub const UP: u8 = 1;
pub const DOWN: u8 = 2;
pub const LEFT: u8 = 4;
pub const RIGHT: u8 = 8;

/// (column, row) on paper.
pub type Point = (u16, u16);

/// What goes through a cell.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cell {
    /// Which ways an arrow goes on.
    pub flow: u8,
    /// Which ways a frame does.
    pub frame: u8,
    /// The way that the tip of an arrow points, or 0.
    pub tip: u8,
}

/// By place.
#[derive(Clone, Debug, Default)]
pub struct Lines(pub BTreeMap<Point, Cell>);

impl Lines {
    pub fn at(&self, point: Point) -> Cell {
        self.0.get(&point).copied().unwrap_or_default()
    }

    /// An arrow's line goes on from here that way.
    pub fn touch(&mut self, point: Point, way: u8) {
        self.0.entry(point).or_default().flow |= way;
    }

    pub fn tip(&mut self, point: Point, way: u8) {
        self.0.entry(point).or_default().tip = way;
    }

    /// An arrow's line, straight from point to point.
    pub fn path(&mut self, points: &[Point]) {
        for ends in points.windows(2) {
            segment(ends[0], ends[1], |point, ways| self.touch(point, ways));
        }
    }

    pub fn frame(&mut self, (left, top): Point, (right, bottom): Point) {
        let corners = [(left, top), (right, top), (right, bottom), (left, bottom), (left, top)];
        for ends in corners.windows(2) {
            segment(ends[0], ends[1], |point, ways| {
                self.0.entry(point).or_default().frame |= ways;
            });
        }
    }
}

/// Every cell between two points of a row or a column, with the ways that the line goes on there.
fn segment(from: Point, to: Point, mut cell: impl FnMut(Point, u8)) {
    let (a, b) = (from.min(to), from.max(to));
    if a.1 == b.1 {
        for x in a.0..=b.0 {
            let ways = if x > a.0 { LEFT } else { 0 } | if x < b.0 { RIGHT } else { 0 };
            cell((x, a.1), ways);
        }
    } else {
        for y in a.1..=b.1 {
            let ways = if y > a.1 { UP } else { 0 } | if y < b.1 { DOWN } else { 0 };
            cell((a.0, y), ways);
        }
    }
}

/// The sign of a cell from which lines go on these ways.
pub fn sign(ways: u8) -> &'static str {
    const SIGNS: [&str; 16] =
        [" ", "│", "│", "│", "─", "┘", "┐", "┤", "─", "└", "┌", "├", "─", "┴", "┬", "┼"];
    SIGNS[usize::from(ways & 15)]
}
