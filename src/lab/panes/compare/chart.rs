//! The arms' validation losses over the steps, or the figure that is measured: the mean over the seeds as a line, from the lowest to the highest as a band.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Modifier;
use ratatui::widgets::Widget;
use unicode_width::UnicodeWidthStr;

use super::{drawn, letter, pen};
use crate::lab::experiment::{Band, Shown};
use crate::lab::number;
use crate::lab::pen::put;
use crate::lab::theme::{Role, Theme};
use crate::lab::widgets::axis;
use crate::lab::widgets::dots::{ACROSS, DOWN, Dots, Pen};
use crate::lab::widgets::scale::{Kind, Scale};
use crate::model::card::Unit;

/// Smaller areas have no chart.
const SMALLEST: (u16, u16) = (16, 5);
/// Of fewer steps there is nothing to be seen in a curve.
const FEWEST_STEPS: u64 = 2;
/// The axis and its labels.
const UNDER: u16 = 2;

pub struct Chart<'a> {
    theme: &'a Theme,
    /// By place.
    arms: Vec<Vec<Band>>,
    area: Rect,
    plot: Rect,
    x: Scale,
    y: Scale,
    ticks: Vec<f64>,
    labels: Vec<String>,
    /// What stands above the axis.
    of: String,
    /// And where that is not what is asked, what is; the longest first.
    beside: Vec<String>,
}

/// The range of what is drawn, so that equal numbers are not enlarged to a difference.
fn whole(unit: Option<Unit>, low: f64, high: f64) -> (f64, f64) {
    match unit {
        Some(Unit::Verdict) => (0.0, 1.0),
        Some(Unit::Share) if high - low < 0.02 => (0.0, 1.0),
        Some(Unit::Count(_)) if high - low < 1.0 => ((low - 1.0).max(0.0), high + 1.0),
        _ => (low, high),
    }
}

impl<'a> Chart<'a> {
    /// Lays the chart out; `None` where there is no room for one, or nothing has been estimated.
    pub fn new(shown: &Shown, theme: &'a Theme, close: bool, area: Rect) -> Option<Self> {
        if area.width < SMALLEST.0 || area.height < SMALLEST.1 {
            return None;
        }
        let last = shown.experiment.arms.iter().map(|(_, config)| shown.experiment.steps(config));
        let last = last.max()?;
        let begun = shown.experiment.first();
        if last.saturating_sub(begun) < FEWEST_STEPS {
            return None;
        }
        let first = if close { begun + (last - begun) / 2 } else { begun };
        let of = |arm: usize| -> Vec<Band> {
            shown.band(arm).into_iter().filter(|band| band.step >= first).collect()
        };
        let arms: Vec<Vec<Band>> = drawn(shown).into_iter().map(of).collect();
        let bands = || arms.iter().flatten();
        let low = bands().map(|band| band.low).reduce(f64::min)?;
        let high = bands().map(|band| band.high).reduce(f64::max)?;
        let figure = shown.draws_the_measure().then(|| shown.experiment.measure.unit());
        let (low, high) = whole(figure, low, high);
        let y = Scale::new(low, high, Kind::Linear);
        // Room above and below.
        let y = Scale::new(y.value(-0.03), y.value(1.03), Kind::Linear);
        let x = Scale::new(first as f64, last as f64, Kind::Linear);
        let height = area.height - UNDER - 1;
        let mut ticks = y.ticks(usize::from(height / 2).clamp(2, 8));
        let counts = matches!(figure, Some(Unit::Count(_) | Unit::Verdict));
        if counts {
            ticks.retain(|tick| tick.fract() == 0.0);
        }
        let labels = if counts {
            ticks.iter().map(|tick| format!("{tick:.0}")).collect()
        } else {
            axis::labels(&ticks)
        };
        let widest = labels.iter().map(|label| label.len() as u16).max().unwrap_or(0);
        let gutter = (widest + 1).min(area.width / 2);
        let plot = Rect { x: area.x + gutter, y: area.y + 1, width: area.width - gutter, height };
        let of = shown.curves_are_of();
        let beside = if shown.draws_the_measure() {
            Vec::new()
        } else {
            let measured = shown.experiment.measured();
            vec![format!("; at the end: {measured}"), "; what is asked: at the end".to_owned()]
        };
        Some(Self { theme, arms, area, plot, x, y, ticks, labels, of, beside })
    }

    pub fn draw(&self, buf: &mut Buffer) {
        let muted = self.theme.style(Role::Muted);
        let x = put(buf, self.area, self.area.x, self.area.y, &self.of, muted);
        // What is asked is no curve.
        let room = usize::from(self.area.right().saturating_sub(x));
        if let Some(text) = self.beside.iter().find(|text| text.width() <= room) {
            put(buf, self.area, x, self.area.y, text, muted);
        }
        self.axes(buf);
        let mut dots = Dots::new(self.plot.width, self.plot.height, self.theme.glyphs.ascii);
        for (place, bands) in self.arms.iter().enumerate() {
            self.band(&mut dots, bands, &pen(self.theme, place));
        }
        for (place, bands) in self.arms.iter().enumerate() {
            let pen = pen(self.theme, place);
            let at = |band: &Band| self.dot(band.step as f64, band.mean);
            let places: Vec<_> = bands.iter().filter_map(at).collect();
            if let [only] = places[..] {
                dots.line(only, only, &pen);
            }
            for pair in places.windows(2) {
                dots.line(pair[0], pair[1], &pen);
            }
        }
        dots.render(self.plot, buf);
        // Each curve's letter where it ends; those that end in one cell stand side by side before it.
        let mut taken = Vec::new();
        for (place, bands) in self.arms.iter().enumerate() {
            let Some((column, row)) = bands.last().and_then(|b| self.cell(b.step, b.mean)) else {
                continue;
            };
            let free = (0..=column).rev().find(|column| !taken.contains(&(*column, row)));
            let column = free.unwrap_or(column);
            taken.push((column, row));
            let (x, y) = (self.plot.x + column, self.plot.y + row);
            let style = pen(self.theme, place).style.add_modifier(Modifier::BOLD);
            put(buf, self.plot, x, y, &letter(place).to_string(), style);
        }
    }

    /// The plot's cell of a loss at a step, from its upper left.
    pub fn cell(&self, step: u64, loss: f64) -> Option<(u16, u16)> {
        let (x, y) = self.dot(step as f64, loss)?;
        let (column, row) = (x / f64::from(ACROSS), y / f64::from(DOWN));
        let inside = (0.0..f64::from(self.plot.width)).contains(&column)
            && (0.0..f64::from(self.plot.height)).contains(&row);
        inside.then_some((column as u16, row as u16))
    }

    #[cfg(test)]
    pub fn plot(&self) -> Rect {
        self.plot
    }

    /// A place on the canvas, in dots from the upper left; it may lie outside.
    fn dot(&self, step: f64, loss: f64) -> Option<(f64, f64)> {
        let (right, bottom) = (self.plot.width * ACROSS - 1, self.plot.height * DOWN - 1);
        let x = self.x.place(step)? * f64::from(right);
        let y = (1.0 - self.y.place(loss)?) * f64::from(bottom);
        // To the middle of the dot, so that the ends of the axes fall inside.
        Some((x + 0.5, y + 0.5))
    }

    /// From the lowest to the highest seed, straight from estimate to estimate; every other dot, that lines are seen on it.
    fn band(&self, dots: &mut Dots, bands: &[Band], line: &Pen) {
        let style = line.style.add_modifier(Modifier::DIM);
        let pen = Pen { layer: 1, style, sign: '.', dash: (1, 0) };
        for pair in bands.windows(2) {
            let ends = pair.iter().map(|band| {
                let high = self.dot(band.step as f64, band.high);
                high.zip(self.dot(band.step as f64, band.low))
            });
            let ends: Option<Vec<_>> = ends.collect();
            let Some(&[(top, bottom), (next_top, next_bottom)]) = ends.as_deref() else { continue };
            let (from, to) = (top.0.floor() as i32, next_top.0.floor() as i32);
            for x in from..=to {
                let share =
                    if to > from { f64::from(x - from) / f64::from(to - from) } else { 0.0 };
                let y = |a: f64, b: f64| (a + (b - a) * share).floor() as i32;
                for y in y(top.1, next_top.1)..=y(bottom.1, next_bottom.1) {
                    if (x + y) % 2 == 0 {
                        dots.dot(x, y, &pen);
                    }
                }
            }
        }
    }

    fn axes(&self, buf: &mut Buffer) {
        let (line, text) = (self.theme.style(Role::Faint), self.theme.style(Role::Muted));
        let look = axis::Look { ascii: self.theme.glyphs.ascii, line, text };
        let row = |tick: f64| self.cell(self.x.low() as u64, tick).map(|(_, row)| row);
        let marks: Vec<_> = self
            .ticks
            .iter()
            .zip(&self.labels)
            .filter_map(|(tick, label)| Some((row(*tick)?, label.as_str())))
            .collect();
        let gutter = self.plot.x - self.area.x;
        axis::vertical(&marks, look, Rect { x: self.area.x, width: gutter, ..self.plot }, buf);
        let ticks = self.x.ticks(usize::from((self.plot.width / 9).clamp(1, 12)));
        let low = self.y.value(0.5);
        let marks: Vec<_> = ticks
            .iter()
            .filter(|tick| tick.fract() == 0.0)
            .filter_map(|tick| {
                let (column, _) = self.cell(*tick as u64, low)?;
                Some((column, number::count(*tick as u64)))
            })
            .collect();
        let below = Rect { y: self.plot.bottom(), height: UNDER, ..self.plot };
        axis::horizontal(&marks, "step", look, below, self.area.right(), buf);
    }
}
