//! A table of numbers as coloured (or shaded) cells, with labels, a cursor, and a window where not all of it fits.

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use ratatui::style::{Modifier, Style};
use ratatui::text::{Line, Span};
use ratatui::widgets::Widget;
use unicode_width::UnicodeWidthStr;

use super::super::number;
use super::super::pen::put;
use super::super::theme::{Role, Theme};

/// How numbers become shares of the ramp.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Scale {
    /// From 0 to 1, by the square root: small probabilities stay visible.
    Probability,
    /// From 0 to most.
    Positive { most: f64 },
    /// From -most through 0 to most.
    Signed { most: f64 },
}

impl Scale {
    /// The signed scale that holds all finite values.
    pub fn signed(values: impl IntoIterator<Item = f32>) -> Self {
        let finite = values.into_iter().filter(|v| v.is_finite());
        let most = f64::from(finite.fold(0.0_f32, |most, v| most.max(v.abs())));
        Self::Signed { most: if most > 0.0 { most } else { 1.0 } }
    }

    /// The sign and the style of a value.
    pub fn cell(self, theme: &Theme, value: f64) -> (&'static str, Style) {
        if value.is_nan() {
            return ("?", theme.style(Role::Bad));
        }
        match self {
            Self::Probability => theme.cell(value.max(0.0).sqrt()),
            Self::Positive { most } => theme.cell((value / most).clamp(0.0, 1.0)),
            Self::Signed { most } => {
                let part = (value / most).clamp(-1.0, 1.0);
                if theme.has_ramp() {
                    let (sign, style) = theme.cell(part.abs());
                    (sign, style.bg(theme.diverging(part)))
                } else {
                    (theme.shade(f64::midpoint(part, 1.0)), Style::new())
                }
            }
        }
    }

    /// The scale itself: its ends in numbers, its steps as cells between them.
    pub fn legend(self, theme: &Theme) -> Line<'static> {
        let (from, to, steps) = match self {
            Self::Probability => {
                ("0".to_owned(), "1".to_owned(), [0.1, 0.3, 0.5, 0.7, 0.9].map(|s: f64| s * s))
            }
            Self::Positive { most } => {
                ("0".to_owned(), number::value(most), [0.1, 0.3, 0.5, 0.7, 0.9].map(|s| s * most))
            }
            Self::Signed { most } => {
                let ends = (number::value(-most), number::value(most));
                (ends.0, ends.1, [-0.9, -0.5, 0.0, 0.5, 0.9].map(|s| s * most))
            }
        };
        let muted = theme.style(Role::Muted);
        let mut spans = vec![Span::styled(format!("{from} "), muted)];
        spans.extend(steps.map(|value| {
            let (sign, style) = self.cell(theme, value);
            Span::styled(sign, style)
        }));
        spans.push(Span::styled(format!(" {to}"), muted));
        Line::from(spans)
    }
}

/// The part of a row or column of things that there is room for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Window {
    pub first: usize,
    pub shown: usize,
    pub total: usize,
}

impl Window {
    /// As many of `total` as there is `room` for, with the cursor in the middle where it can be.
    pub fn around(cursor: usize, total: usize, room: usize) -> Self {
        let shown = total.min(room);
        let first = cursor.saturating_sub(shown / 2).min(total - shown);
        Self { first, shown, total }
    }

    pub fn is_whole(self) -> bool {
        self.shown == self.total
    }

    /// `17–48 of 64`, counted from 1.
    pub fn describe(self) -> String {
        format!("{}–{} of {}", self.first + 1, self.first + self.shown, self.total)
    }
}

/// Where the cells stand: below a row of column labels, right of the row labels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Grid {
    /// Labels and cells.
    pub area: Rect,
    /// Columns of the row labels, with the gap after them.
    pub gutter: u16,
    /// Columns and rows of a cell.
    pub cell: (u16, u16),
    pub rows: Window,
    pub columns: Window,
}

impl Grid {
    /// The first of `sizes` in which all rows and columns fit into `room`; else a window around the cursor in cells of the
    /// last size. The grid's area is no larger than it needs.
    pub fn fit(
        room: Rect,
        gutter: u16,
        (rows, columns): (usize, usize),
        cursor: (usize, usize),
        sizes: &[(u16, u16)],
    ) -> Self {
        let (width, height) = (room.width.saturating_sub(gutter), room.height.saturating_sub(1));
        let holds = |&&(w, h): &&(u16, u16)| {
            columns * usize::from(w) <= usize::from(width)
                && rows * usize::from(h) <= usize::from(height)
        };
        // Rows may have to scroll where columns need not: then the widest cell that holds all columns.
        let wide =
            |&&(w, h): &&(u16, u16)| h == 1 && columns * usize::from(w) <= usize::from(width);
        let cell = sizes.iter().find(holds).or_else(|| sizes.iter().find(wide)).or(sizes.last());
        let (w, h) = cell.copied().unwrap_or((1, 1));
        let rows = Window::around(cursor.0, rows, usize::from(height / h));
        let columns = Window::around(cursor.1, columns, usize::from(width / w));
        let area = Rect {
            width: (gutter + columns.shown as u16 * w).min(room.width),
            height: (1 + rows.shown as u16 * h).min(room.height),
            ..room
        };
        Self { area, gutter, cell: (w, h), rows, columns }
    }

    /// The row and column under a position of the screen.
    pub fn at(&self, position: Position) -> Option<(usize, usize)> {
        let x = position.x.checked_sub(self.area.x + self.gutter)? / self.cell.0;
        let y = position.y.checked_sub(self.area.y + 1)? / self.cell.1;
        let (x, y) = (usize::from(x), usize::from(y));
        (y < self.rows.shown && x < self.columns.shown)
            .then_some((self.rows.first + y, self.columns.first + x))
    }
}

/// The map. Cells from eight columns on print their value.
pub struct HeatMap<'a> {
    pub theme: &'a Theme,
    pub grid: Grid,
    pub scale: Scale,
    /// The value at (row, column); `None` where there is none to see, which is not the same as 0.
    pub value: &'a dyn Fn(usize, usize) -> Option<f64>,
    /// What stands in a cell without a value, for cells of one column and of more.
    pub hidden: [&'a str; 2],
    pub row_label: &'a dyn Fn(usize) -> String,
    /// May be longer than a cell if those after it are empty.
    pub column_label: &'a dyn Fn(usize) -> String,
    pub cursor: (usize, usize),
}

/// From this width on a cell prints its number.
const PRINTED: u16 = 8;

impl HeatMap<'_> {
    /// A value in `width` columns, with fewer digits if need be.
    fn number(&self, value: f64, width: usize) -> String {
        match self.scale {
            Scale::Probability => number::within(value, width, number::probability),
            Scale::Positive { .. } | Scale::Signed { .. } => {
                number::within(value, width, number::value)
            }
        }
    }

    fn cell(&self, at: Rect, row: usize, column: usize, buf: &mut Buffer) {
        let theme = self.theme;
        let value = (self.value)(row, column);
        let (sign, style) = match value {
            Some(value) => self.scale.cell(theme, value),
            None => (self.hidden[usize::from(at.width > 1)], theme.style(Role::Muted)),
        };
        let middle = at.y + (at.height - 1) / 2;
        let filled = value.is_some_and(|v| !v.is_nan());
        for y in at.top()..at.bottom() {
            if filled {
                let line = sign.repeat(usize::from(at.width));
                put(buf, at, at.x, y, &line, style);
            } else if y == middle {
                let x = at.x + at.width.saturating_sub(sign.width() as u16) / 2;
                put(buf, at, x, y, sign, style);
            }
        }
        if let (Some(value), true) = (value, at.width >= PRINTED) {
            let style = if theme.has_ramp() { style } else { Style::new() };
            let text = self.number(value, usize::from(at.width - 2));
            let width = usize::from(at.width - 2);
            put(buf, at, at.x + 1, middle, &format!("{text:^width$}"), style);
        }
        if (row, column) == self.cursor {
            let style = style.add_modifier(Modifier::BOLD);
            if at.width == 1 {
                put(buf, at, at.x, middle, theme.glyphs.knob, style);
            } else {
                put(buf, at, at.x, middle, "[", style);
                put(buf, at, at.right() - 1, middle, "]", style);
            }
        }
    }
}

impl Widget for &HeatMap<'_> {
    fn render(self, area: Rect, buf: &mut Buffer) {
        let Grid { area: whole, gutter, cell: (w, h), rows, columns } = self.grid;
        let area = whole.intersection(area).intersection(buf.area);
        let label = |marked| self.theme.style(if marked { Role::Selected } else { Role::Muted });
        for i in 0..columns.shown {
            let column = columns.first + i;
            let x = whole.x + gutter + i as u16 * w;
            let text = (self.column_label)(column);
            if !text.is_empty() {
                let x = x + w.saturating_sub(text.width() as u16) / 2;
                put(buf, area, x, whole.y, &text, label(column == self.cursor.1));
            }
        }
        for j in 0..rows.shown {
            let row = rows.first + j;
            let y = whole.y + 1 + j as u16 * h;
            let text = (self.row_label)(row);
            put(buf, area, whole.x, y + (h - 1) / 2, &text, label(row == self.cursor.0));
            for i in 0..columns.shown {
                let at = Rect::new(whole.x + gutter + i as u16 * w, y, w, h).intersection(area);
                if !at.is_empty() {
                    self.cell(at, row, columns.first + i, buf);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lab::theme::{Depth, Glyphs, Ground};

    #[test]
    fn a_window_stays_inside_and_holds_the_cursor() {
        for total in 0..20 {
            for room in 0..25 {
                for cursor in 0..total {
                    let window = Window::around(cursor, total, room);
                    assert_eq!(window.shown, total.min(room));
                    assert!(window.first + window.shown <= total);
                    if room > 0 {
                        assert!((window.first..window.first + window.shown).contains(&cursor));
                    }
                }
            }
        }
    }

    #[test]
    fn the_largest_cell_that_fits_is_taken() {
        let sizes = [(6, 3), (2, 1), (1, 1)];
        let room = |width, height| Rect::new(3, 2, width, height);
        let cell = |width, height| Grid::fit(room(width, height), 2, (8, 8), (7, 7), &sizes).cell;
        assert_eq!(cell(50, 25), (6, 3));
        assert_eq!(cell(49, 25), (2, 1));
        assert_eq!(cell(18, 9), (2, 1));
        assert_eq!(cell(17, 9), (1, 1));
        // Too low for all rows: they scroll, and the columns keep their room.
        assert_eq!(cell(40, 5), (2, 1));
        let small = Grid::fit(room(6, 4), 2, (8, 8), (7, 7), &sizes);
        assert_eq!((small.rows.shown, small.columns.shown), (3, 4));
        assert_eq!(small.rows.describe(), "6–8 of 8");
    }

    #[test]
    fn a_click_finds_the_cell_that_is_drawn_there() {
        let grid = Grid::fit(Rect::new(5, 3, 30, 20), 2, (4, 4), (0, 0), &[(6, 3)]);
        assert_eq!(grid.at(Position::new(7, 4)), Some((0, 0)));
        assert_eq!(grid.at(Position::new(13, 7)), Some((1, 1)));
        assert_eq!(grid.at(Position::new(6, 4)), None);
        assert_eq!(grid.at(Position::new(7, 3)), None);
        assert_eq!(grid.at(Position::new(7 + 24, 4)), None);
    }

    #[test]
    fn values_that_are_none_look_like_none() {
        let theme = Theme::plain();
        assert_eq!(Scale::Probability.cell(&theme, f64::NAN).0, "?");
        assert_eq!(Scale::Probability.cell(&theme, 0.0).0, " ");
        assert_eq!(Scale::Probability.cell(&theme, 1.0).0, "█");
        let signed = Scale::signed([1.0, f32::NAN, -4.0, f32::NEG_INFINITY]);
        assert_eq!(signed, Scale::Signed { most: 4.0 });
        assert_eq!(signed.cell(&theme, -4.0).0, " ");
        assert_eq!(signed.cell(&theme, 4.0).0, "█");
        assert_eq!(Scale::signed([0.0, f32::NAN]), Scale::Signed { most: 1.0 });
    }

    /// In cells of every size a number that is not 0 does not look like 0, and none is half of another.
    #[test]
    fn cells_hold_whole_numbers() {
        let theme = Theme::new(Depth::Rgb, Ground::Dark, Glyphs::UNICODE);
        let values = [5.84e-6, 0.0, 3.14e-10, 0.0003, 0.412];
        for (scale, width) in [Scale::Probability, Scale::Signed { most: 1.0 }]
            .into_iter()
            .flat_map(|scale| (8..14).map(move |width| (scale, width)))
        {
            let room = Rect::new(0, 0, width * values.len() as u16, 2);
            let grid = Grid::fit(room, 0, (1, values.len()), (0, 0), &[(width, 1)]);
            let map = HeatMap {
                theme: &theme,
                grid,
                scale,
                value: &|_, column| Some(values[column]),
                hidden: [" ", " "],
                row_label: &|_| String::new(),
                column_label: &|_| String::new(),
                cursor: (1, 0),
            };
            let mut buf = Buffer::empty(room);
            (&map).render(room, &mut buf);
            for (i, value) in values.into_iter().enumerate() {
                let x = i as u16 * width;
                let text: String = (x..x + width).map(|x| buf[(x, 1)].symbol()).collect();
                let read: f64 = text.trim().parse().unwrap();
                assert!((read - value).abs() <= 0.1 * value, "{text} is not {value}");
            }
        }
    }

    #[test]
    fn with_colour_the_ground_carries_the_value() {
        let theme = Theme::new(Depth::Rgb, Ground::Dark, Glyphs::UNICODE);
        let scale = Scale::Signed { most: 2.0 };
        assert_eq!(scale.cell(&theme, -1.0).1.bg, Some(theme.diverging(-0.5)));
        assert_eq!(Scale::Probability.cell(&theme, 0.25).1.bg, Some(theme.ramp(0.5)));
    }
}
