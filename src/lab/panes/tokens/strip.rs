//! Things side by side, each with what belongs to it below, in as many blocks below each other as they need.

use std::ops::Range;

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use ratatui::style::Style;
use unicode_width::UnicodeWidthStr;

use crate::lab::pen::{clip, put};
use crate::lab::theme::{Role, Theme};

/// What stands under each other, from the top down.
pub struct Column {
    pub lines: Vec<String>,
    /// Of the first line.
    pub style: Style,
}

pub struct Strip<'a> {
    pub theme: &'a Theme,
    /// What the lines are, left of them where there is room.
    pub names: &'a [&'a str],
    pub columns: Vec<Column>,
    pub cursor: Option<usize>,
}

/// The widest column; what is longer is cut.
const WIDEST: usize = 14;
/// From this width on the lines are named.
const NAMED: u16 = 24;

impl Strip<'_> {
    fn gutter(&self, width: u16) -> u16 {
        let longest = self.names.iter().map(|name| name.width()).max().unwrap_or(0);
        if width >= NAMED { longest as u16 + 1 } else { 0 }
    }

    fn width(column: &Column) -> usize {
        column.lines.iter().map(|line| line.width()).max().unwrap_or(0).min(WIDEST)
    }

    /// Which columns stand in each block.
    fn blocks(&self, width: u16) -> Vec<Range<usize>> {
        let room = usize::from(width.saturating_sub(self.gutter(width)));
        let (mut blocks, mut first, mut used) = (Vec::new(), 0, 0);
        for (i, column) in self.columns.iter().enumerate() {
            let wide = Self::width(column);
            if i > first && used + wide > room {
                blocks.push(first..i);
                (first, used) = (i, 0);
            }
            used += wide + 1;
        }
        if first < self.columns.len() {
            blocks.push(first..self.columns.len());
        }
        blocks
    }

    /// Rows of a block, with the gap below it.
    fn rows(&self) -> u16 {
        self.names.len() as u16 + 1
    }

    /// Rows that all blocks take.
    pub fn height(&self, width: u16) -> u16 {
        (self.blocks(width).len() as u16).saturating_mul(self.rows())
    }

    /// Every column that has room, with its place: the block of the cursor is always among them.
    fn places(&self, area: Rect) -> Vec<(usize, Position)> {
        let blocks = self.blocks(area.width);
        // The last needs no gap.
        let room = usize::from((area.height + 1) / self.rows());
        let cursor = self.cursor.unwrap_or(0);
        let of_cursor = blocks.iter().position(|block| block.contains(&cursor)).unwrap_or(0);
        let first = (of_cursor + 1).saturating_sub(room);
        let mut places = Vec::new();
        for (row, block) in (0..).zip(blocks.iter().skip(first).take(room)) {
            let mut x = area.x + self.gutter(area.width);
            for i in block.clone() {
                places.push((i, Position::new(x, area.y + row * self.rows())));
                x = x.saturating_add(Self::width(&self.columns[i]) as u16 + 1);
            }
        }
        places
    }

    /// The column under a position of the screen.
    pub fn at(&self, area: Rect, at: Position) -> Option<usize> {
        let here = |(i, place): &(usize, Position)| {
            let width = Self::width(&self.columns[*i]) as u16;
            Rect::new(place.x, place.y, width, self.names.len() as u16).contains(at)
        };
        self.places(area).into_iter().find(here).map(|(i, _)| i)
    }

    pub fn draw(&self, area: Rect, buf: &mut Buffer) {
        let muted = self.theme.style(Role::Muted);
        let gutter = self.gutter(area.width);
        for (i, place) in self.places(area) {
            let column = &self.columns[i];
            for (y, (line, name)) in (place.y..).zip(column.lines.iter().zip(self.names)) {
                if gutter > 0 && place.x == area.x + gutter {
                    put(buf, area, area.x, y, name, muted);
                }
                let style = match (self.cursor == Some(i), y == place.y) {
                    (true, _) => self.theme.style(Role::Selected),
                    (false, true) => column.style,
                    (false, false) => muted,
                };
                let text = clip(line, WIDEST, self.theme.glyphs.ellipsis);
                put(buf, area, place.x, y, &text, style);
            }
        }
    }
}
