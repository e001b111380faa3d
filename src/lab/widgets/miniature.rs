//! A map in a few signs: two values a cell with half blocks, the largest of those that fall together.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::widgets::Widget;

use super::super::theme::{Role, Theme};
use super::heat_map::Scale;

/// A map of `rows` x `columns` values in `size` columns and half as many rows.
pub struct Miniature<'a> {
    pub theme: &'a Theme,
    pub scale: Scale,
    /// The value at (row, column).
    pub value: &'a dyn Fn(usize, usize) -> Option<f32>,
    pub rows: usize,
    pub columns: usize,
    pub size: usize,
}

impl Miniature<'_> {
    /// The value of place (row, column) of `size` x `size`: the largest of what it covers, NaN if one is none.
    fn pooled(&self, row: usize, column: usize) -> f64 {
        let span = |i: usize, all: usize| {
            let first = i * all / self.size;
            first..((i + 1) * all / self.size).max(first + 1).min(all)
        };
        let mut most = f32::NEG_INFINITY;
        for i in span(row, self.rows) {
            for j in span(column, self.columns) {
                let value = (self.value)(i, j).unwrap_or(f32::NAN);
                if value.is_nan() {
                    return f64::NAN;
                }
                most = most.max(value);
            }
        }
        f64::from(most)
    }
}

impl Widget for &Miniature<'_> {
    fn render(self, area: Rect, buf: &mut Buffer) {
        let area = area.intersection(buf.area);
        let theme = self.theme;
        let halves = theme.has_ramp() && !theme.glyphs.ascii;
        for y in 0..self.size.div_ceil(2).min(usize::from(area.height)) {
            for x in 0..self.size.min(usize::from(area.width)) {
                let upper = self.pooled(2 * y, x);
                let lower = (2 * y + 1 < self.size).then(|| self.pooled(2 * y + 1, x));
                let both = lower
                    .map_or(upper, |lower| if upper.is_nan() { upper } else { upper.max(lower) });
                let (mut sign, mut style) = self.scale.cell(theme, both);
                if halves && !both.is_nan() && !lower.is_some_and(f64::is_nan) {
                    let ground = |value| self.scale.cell(theme, value).1.bg.unwrap_or_default();
                    sign = "▀";
                    style = Style::new().fg(ground(upper));
                    if let Some(lower) = lower {
                        style = style.bg(ground(lower));
                    }
                } else if both.is_nan() || lower.is_some_and(f64::is_nan) {
                    (sign, style) = ("?", theme.style(Role::Bad));
                }
                if let Some(cell) = buf.cell_mut((area.x + x as u16, area.y + y as u16)) {
                    cell.set_symbol(sign).set_style(style);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lab::fixture;
    use crate::lab::theme::{Depth, Glyphs, Ground};

    fn drawn(theme: &Theme, values: &[f32], side: usize, size: usize) -> Buffer {
        let mut buf = Buffer::empty(Rect::new(0, 0, size as u16, size.div_ceil(2) as u16));
        let area = buf.area;
        let value = |row: usize, column: usize| values.get(row * side + column).copied();
        let (rows, columns, scale) = (side, side, Scale::Probability);
        (&Miniature { theme, scale, value: &value, rows, columns, size }).render(area, &mut buf);
        buf
    }

    #[test]
    fn two_values_stand_in_a_cell() {
        let theme = Theme::new(Depth::Rgb, Ground::Dark, Glyphs::UNICODE);
        let buf = drawn(&theme, &[1.0, 0.0, 0.25, 0.04], 2, 2);
        assert_eq!(buf[(0, 0)].symbol(), "▀");
        assert_eq!(buf[(0, 0)].fg, theme.ramp(1.0));
        assert_eq!(buf[(0, 0)].bg, theme.ramp(0.5));
        assert_eq!(buf[(1, 0)].fg, theme.ramp(0.0));
        assert_eq!(buf[(1, 0)].bg, theme.ramp(f64::from(0.04_f32).sqrt()));
    }

    #[test]
    fn a_wide_map_fills_the_same_room() {
        let value = |_: usize, column: usize| Some(if column == 39 { 1.0 } else { 0.0 });
        let theme = Theme::plain();
        let mut buf = Buffer::empty(Rect::new(0, 0, 4, 2));
        let area = buf.area;
        let scale = Scale::Probability;
        let map = Miniature { theme: &theme, scale, value: &value, rows: 1, columns: 40, size: 4 };
        (&map).render(area, &mut buf);
        assert_eq!(fixture::text(&buf), "   █\n   █\n");
    }

    #[test]
    fn the_largest_of_many_is_seen() {
        let mut values = vec![0.0; 64 * 64];
        values[63 * 64 + 5] = 1.0;
        values[0] = f32::NAN;
        assert_eq!(fixture::text(&drawn(&Theme::plain(), &values, 64, 4)), "?\n█\n");
    }
}
