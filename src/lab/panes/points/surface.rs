//! What the discriminator thinks of the plane, under the points, and where it would have the generated ones go.

use std::collections::HashMap;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use unicode_width::UnicodeWidthStr;

use super::Plot;
use crate::lab::facts::Facts;
use crate::lab::number::value;
use crate::lab::pen::put;
use crate::lab::theme::{Role, Theme};
use crate::model::GeneratorLoss;
use crate::probe::surface::{BOTTOM, LEFT, PROBABILITY, RIGHT, SCORE, TOP};
use crate::probe::{Reading, push, surface};

/// From the right, against the clock.
const ARROWS: [&str; 8] = ["→", "↗", "↑", "↖", "←", "↙", "↓", "↘"];
const ASCII_ARROWS: [&str; 4] = [">", "^", "<", "v"];
/// A point that is pushed by less than this share of the strongest push has no arrow.
const HARDLY: f64 = 0.1;
pub(super) const STILL: &str = "+";

/// The discriminator over a grid of the plane.
pub(super) struct Surface<'a> {
    values: &'a [f32],
    shape: [usize; 2],
    /// Left, right, bottom, top: of the outermost places.
    ends: [f64; 4],
}

impl<'a> Surface<'a> {
    pub fn of(facts: &Facts<'a>) -> Option<Self> {
        let reading: &Reading = facts.snapshot?.reading(surface::INSTRUMENT.name)?;
        let &[2, rows, columns] = reading.shape.as_slice() else { return None };
        let plane = if loss(facts) == GeneratorLoss::LeastSquares { SCORE } else { PROBABILITY };
        let values = reading.values.get(plane * rows * columns..(plane + 1) * rows * columns)?;
        let [left, right, bottom, top] =
            [LEFT, RIGHT, BOTTOM, TOP].map(|name| reading.figure(name).unwrap_or(f64::NAN));
        let whole = rows > 1 && columns > 1 && right > left && top > bottom;
        whole.then_some(Self { values, shape: [rows, columns], ends: [left, right, bottom, top] })
    }

    /// What it says at the place nearest to (x, y): from 0, generated, to 1, real; `None` beyond its edges.
    pub fn at(&self, x: f64, y: f64) -> Option<f64> {
        let [rows, columns] = self.shape;
        let [left, right, bottom, top] = self.ends;
        let near = |share: f64, places: usize| {
            let at = (share * (places - 1) as f64).round();
            (at >= 0.0 && at < places as f64).then_some(at as usize)
        };
        let column = near((x - left) / (right - left), columns)?;
        let row = near((top - y) / (top - bottom), rows)?;
        Some(f64::from(self.values[row * columns + column]).clamp(0.0, 1.0))
    }

    /// Under whatever stands in the plot: as the ground's colour; without colours as tenths, where nothing else stands.
    pub fn draw(&self, facts: &Facts, plot: &Plot, buf: &mut Buffer) {
        let theme = facts.theme;
        for position in plot.area.positions() {
            let (column, row) = (position.x - plot.area.x, position.y - plot.area.y);
            let [x, y] = plot.middle(column, row);
            let Some((p, cell)) = self.at(x, y).zip(buf.cell_mut(position)) else { continue };
            if theme.has_ramp() {
                cell.set_bg(theme.diverging(2.0 * p - 1.0));
            } else if cell.symbol() == " " && column % 2 == 0 {
                cell.set_symbol(tenths(p)).set_style(theme.style(Role::Faint));
            }
        }
    }
}

/// A share in tenths, rounded down, and 1 as 9.
pub(super) fn tenths(p: f64) -> &'static str {
    ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9"][((p * 10.0) as usize).min(9)]
}

fn loss(facts: &Facts) -> GeneratorLoss {
    facts.run.map_or(GeneratorLoss::NonSaturating, |run| run.config.training.generator_loss)
}

/// Generated points, and how each is pushed by the loss that the generator minimises.
pub(super) struct Pushed {
    /// x, y, and the push along each.
    pub points: Vec<([f32; 2], [f64; 2])>,
}

impl Pushed {
    pub fn of(facts: &Facts) -> Option<Self> {
        let reading = facts.snapshot?.reading(push::INSTRUMENT.name)?;
        let rows = reading.values.as_chunks::<{ push::WIDTH }>().0;
        let kind = loss(facts);
        let point = |row: &[f32; push::WIDTH]| {
            let strength = strength(kind, f64::from(row[push::SCORE]));
            let slope = [row[push::SLOPE], row[push::SLOPE + 1]];
            ([row[push::X], row[push::X + 1]], slope.map(|slope| strength * f64::from(slope)))
        };
        (!rows.is_empty()).then(|| Self { points: rows.iter().map(point).collect() })
    }

    fn sizes(&self) -> Vec<f64> {
        let sizes = self.points.iter().map(|(_, [x, y])| x.hypot(*y));
        let mut sizes: Vec<f64> = sizes.filter(|size| size.is_finite()).collect();
        sizes.sort_by(f64::total_cmp);
        sizes
    }

    /// Of the sizes of the pushes.
    pub fn median(&self) -> f64 {
        let sizes = self.sizes();
        sizes.get(sizes.len() / 2).copied().unwrap_or(f64::NAN)
    }

    /// The sign of each cell that points stand in: which way they are pushed together.
    pub fn signs(&self, plot: &Plot, ascii: bool) -> HashMap<(u16, u16), &'static str> {
        let strongest = self.sizes().last().copied().unwrap_or(0.0);
        let mut cells: HashMap<(u16, u16), ([f64; 2], f64)> = HashMap::new();
        for (point, push) in &self.points {
            if let Some(cell) = plot.cell(*point) {
                let (sum, count) = cells.entry(cell).or_default();
                sum[0] += push[0];
                sum[1] += push[1];
                *count += 1.0;
            }
        }
        let sign = |([x, y], count): ([f64; 2], f64)| {
            let size = x.hypot(y) / count;
            let seen = size.is_finite() && size > 0.0 && size >= HARDLY * strongest;
            if seen { arrow([x, y], ascii) } else { STILL }
        };
        cells.into_iter().map(|(cell, pushed)| (cell, sign(pushed))).collect()
    }
}

/// How strongly a loss pushes along the score's gradient: minus its derivative.
fn strength(kind: GeneratorLoss, score: f64) -> f64 {
    match kind {
        GeneratorLoss::NonSaturating => 1.0 / (1.0 + score.exp()),
        GeneratorLoss::Minimax => 1.0 / (1.0 + (-score).exp()),
        GeneratorLoss::LeastSquares => 1.0 - score,
    }
}

/// The arrow nearest to a direction of the plane.
fn arrow([x, y]: [f64; 2], ascii: bool) -> &'static str {
    let turn = y.atan2(x) / std::f64::consts::TAU;
    let nearest =
        |arrows: usize| (turn * arrows as f64).round().rem_euclid(arrows as f64) as usize % arrows;
    if ascii { ASCII_ARROWS[nearest(4)] } else { ARROWS[nearest(8)] }
}

/// `D 0 ▒▒▒▒▒ 1   ↗ 256 generated, as pushed: median 0.031   + hardly`
pub(super) fn legend(facts: &Facts, pushed: Option<&Pushed>, area: Rect, buf: &mut Buffer) {
    let theme = facts.theme;
    let (text, muted) = (theme.style(Role::Text), theme.style(Role::Muted));
    let mut x = scale(theme, area, buf);
    let Some(pushed) = pushed else { return };
    let sign = if theme.glyphs.ascii { "^" } else { "↗" };
    let parts = [
        (sign, format!(" {} generated", pushed.points.len())),
        ("", format!("median push {}", value(pushed.median()))),
        (STILL, " hardly pushed".to_owned()),
    ];
    for (sign, words) in parts {
        if usize::from(area.right().saturating_sub(x)) < sign.width() + words.width() {
            break;
        }
        let next = put(buf, area, x, area.y, sign, theme.style(Role::Accent));
        x = put(buf, area, next, area.y, &words, if sign.is_empty() { muted } else { text }) + 2;
    }
}

/// What the discriminator's ground means, from generated to real.
fn scale(theme: &Theme, area: Rect, buf: &mut Buffer) -> u16 {
    let muted = theme.style(Role::Muted);
    if !theme.has_ramp() {
        let text = "D: tenths, 9 real";
        let fits = usize::from(area.width) >= text.len();
        return if fits { put(buf, area, area.x, area.y, text, muted) + 2 } else { area.x };
    }
    if area.width < 12 {
        return area.x;
    }
    let mut x = put(buf, area, area.x, area.y, "D 0 ", muted);
    for step in [0.1, 0.3, 0.5, 0.7, 0.9] {
        let style = ratatui::style::Style::new().bg(theme.diverging(2.0 * step - 1.0));
        x = put(buf, area, x, area.y, " ", style);
    }
    put(buf, area, x, area.y, " 1 real", muted) + 2
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arrows_point_where_the_push_goes() {
        for (push, unicode, ascii) in [
            ([1.0, 0.0], "→", ">"),
            ([1.0, 0.9], "↗", ">"),
            ([0.0, 2.0], "↑", "^"),
            ([-3.0, 3.1], "↖", "^"),
            ([-1.0, -0.1], "←", "<"),
            ([-1.0, -1.2], "↙", "v"),
            ([0.1, -1.0], "↓", "v"),
            ([1.0, -0.9], "↘", ">"),
        ] {
            assert_eq!((arrow(push, false), arrow(push, true)), (unicode, ascii), "{push:?}");
        }
    }

    /// Minus the derivatives of -ln sigmoid(s), ln(1 - sigmoid(s)) and (s - 1)^2 / 2, by difference quotients.
    #[test]
    fn the_strength_of_a_push_is_the_losss_own() {
        type Of = fn(f64) -> f64;
        let losses: [(GeneratorLoss, Of); 3] = [
            (GeneratorLoss::NonSaturating, |s| (-s).exp().ln_1p()),
            (GeneratorLoss::Minimax, |s| -s.exp().ln_1p()),
            (GeneratorLoss::LeastSquares, |s| 0.5 * (s - 1.0) * (s - 1.0)),
        ];
        for (kind, of) in losses {
            for score in [-3.0, -0.2, 0.0, 0.7, 2.5] {
                let slope = (of(score + 1e-5) - of(score - 1e-5)) / 2e-5;
                assert!((strength(kind, score) + slope).abs() < 1e-6, "{kind:?} {score}");
            }
        }
    }
}
