//! The modes of the real points, each with how many generated points reach it, at its centre.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::widgets::Widget;
use unicode_width::UnicodeWidthStr;

use super::{Cloud, Plot};
use crate::lab::facts::Facts;
use crate::lab::number::value;
use crate::lab::pen::put;
use crate::lab::theme::{Glyphs, Role};
use crate::lab::widgets::dots::{Dots, Pen};
use crate::probe::modes::{ENOUGH, INSTRUMENT, WIDTH};

/// The reading, row by row.
pub(super) struct Modes<'a> {
    rows: &'a [[f32; WIDTH]],
    enough: f64,
}

/// A mode that has a place on the screen, from the plot's upper left.
struct Label {
    column: u16,
    row: u16,
    text: String,
    covered: bool,
}

/// Covered, and not.
fn signs(glyphs: &Glyphs) -> [&'static str; 2] {
    if glyphs.ascii { ["@", "o"] } else { ["●", "○"] }
}

impl<'a> Modes<'a> {
    /// `None` as well where the real points have no modes.
    pub fn of(facts: &Facts<'a>) -> Option<Self> {
        let reading = facts.snapshot?.reading(INSTRUMENT.name)?;
        let rows = reading.values.as_chunks::<WIDTH>().0;
        let enough = reading.figure(ENOUGH)?;
        (!rows.is_empty()).then_some(Self { rows, enough })
    }

    fn covered(&self) -> usize {
        self.rows.iter().filter(|row| row[3] > 0.0).count()
    }

    /// Those that have room beside each other, in the reading's order.
    fn labels(&self, plot: &Plot, glyphs: &Glyphs) -> Vec<Label> {
        let [covered, missed] = signs(glyphs);
        let mut labels: Vec<Label> = Vec::new();
        for &[x, y, points, is_covered] in self.rows {
            let Some((middle, row)) = plot.cell([x, y]) else { continue };
            let sign = if is_covered > 0.0 { covered } else { missed };
            let text = format!("{sign}{points}");
            let width = text.width() as u16;
            let column = middle.min(plot.area.width.saturating_sub(width));
            let beside = |other: &Label| {
                let end = other.column + other.text.width() as u16;
                other.row != row || column > end || other.column > column + width
            };
            if width <= plot.area.width && labels.iter().all(beside) {
                labels.push(Label { column, row, text, covered: is_covered > 0.0 });
            }
        }
        labels
    }

    /// The generated points, and over each mode its number in the place of those that it counts.
    pub fn draw(&self, facts: &Facts, cloud: &Cloud, plot: &Plot, buf: &mut Buffer) {
        let (theme, area) = (facts.theme, plot.area);
        let mut dots = Dots::new(area.width, area.height, theme.glyphs.ascii);
        let pen = Pen::solid(1, theme.style(Role::Muted), '.');
        let labels = self.labels(plot, &theme.glyphs);
        for point in cloud.generated {
            let under = |cell: (u16, u16)| {
                let on = |label: &Label| {
                    label.row == cell.1
                        && (label.column..label.column + label.text.width() as u16)
                            .contains(&cell.0)
                };
                labels.iter().any(on)
            };
            if let Some((x, y)) = plot.dot(*point)
                && !plot.cell(*point).is_some_and(under)
            {
                dots.dot(x, y, &pen);
            }
        }
        (&dots).render(area, buf);
        for Label { column, row, text, covered } in labels {
            let role = if covered { Role::Accent } else { Role::Warning };
            put(buf, area, area.x + column, area.y + row, &text, theme.style(role));
        }
    }

    /// `● 7 of 8 covered: 6.4 or more points  ○ missed  12 of 256 reach none`
    pub fn legend(
        &self,
        facts: &Facts,
        plot: &Plot,
        generated: usize,
        area: Rect,
        buf: &mut Buffer,
    ) {
        let theme = facts.theme;
        let [covered, missed] = signs(&theme.glyphs);
        let reached: f64 = self.rows.iter().map(|row| f64::from(row[2])).sum();
        let left_out = self.rows.len() - self.labels(plot, &theme.glyphs).len();
        let (of, enough) = (self.rows.len(), value(self.enough));
        let parts = [
            (
                covered,
                Role::Accent,
                format!(" {} of {of} covered, by {enough} points each", self.covered()),
            ),
            (missed, Role::Warning, " missed".to_owned()),
            ("", Role::Text, format!("{} of {generated} reach none", generated as f64 - reached)),
            ("", Role::Text, format!("{left_out} without room")),
        ];
        let mut x = area.x;
        for (sign, role, words) in parts {
            if words.starts_with("0 without") {
                continue;
            }
            if usize::from(area.right().saturating_sub(x)) < sign.width() + words.width() {
                break;
            }
            let next = put(buf, area, x, area.y, sign, theme.style(role));
            x = put(buf, area, next, area.y, &words, theme.style(Role::Text)) + 2;
        }
    }
}
