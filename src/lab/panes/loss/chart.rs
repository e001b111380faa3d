//! The chart: where its parts stand, and how they are drawn.

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use ratatui::widgets::{Paragraph, Widget, Wrap};

use super::banner::banner;
use super::chosen::{Loss, View};
use super::curves::Curves;
use super::legend::{self, Item};
use super::pens::{BATCH, LETTERS, batch_pen, ghost_pen, reference_pen, train_pen, validation_pen};
use super::{curve, markers};
use crate::lab::facts::Facts;
use crate::lab::number;
use crate::lab::pen::put;
use crate::lab::run::{Run, Status};
use crate::lab::theme::{Role, Theme};
use crate::lab::widgets::axis;
use crate::lab::widgets::dots::{ACROSS, DOWN, Dots, Pen};
use crate::text::ngram::Reference;
use crate::train::event::Evaluation;

/// Smaller areas have no chart.
const SMALLEST: (u16, u16) = (16, 4);
/// The legend begins behind the axis' title.
const LEGEND_START: u16 = 5;

pub struct Chart<'a> {
    curves: Curves<'a>,
    area: Rect,
    /// Rows above the plot: the legend, then the banner.
    legend: u16,
    banner: u16,
    /// Without the axes.
    plot: Rect,
    /// Rows under it: 0, 1 (labels) or 2 (axis and labels).
    under: u16,
    margin: Margin,
}

/// What stands right of the plot.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Margin {
    Nothing,
    Names,
    /// With two decimals.
    Short,
    NamesAndLosses,
}

impl Margin {
    fn width(self) -> u16 {
        match self {
            Self::Nothing => 0,
            Self::Names => 8,
            Self::Short => 13,
            Self::NamesAndLosses => 14,
        }
    }
}

impl<'a> Chart<'a> {
    /// Lays the chart out; `None` if there is neither a loss nor a reference to show.
    pub fn new(pane: &'a Loss, facts: &'a Facts<'a>, run: &'a Run, area: Rect) -> Option<Self> {
        let curves = Curves::new(pane, facts, run)?;
        if area.width < SMALLEST.0 || area.height < SMALLEST.1 {
            return None;
        }
        let banner_rows = banner(facts, run, &curves.smoothed, area.width).map_or(0, |text| {
            let lines = Paragraph::new(text).wrap(Wrap { trim: true }).line_count(area.width);
            (lines as u16).min(area.height.saturating_sub(6).max(1)).min(area.height)
        });
        let legend = match area.height {
            0..6 => 0,
            height => {
                let items = items(&curves);
                // Before the first step earlier runs are all there is: every letter is explained.
                let begun = !run.history.points.is_empty();
                let most = match height {
                    _ if !begun => height / 3,
                    ..9 => 1,
                    9..24 => 2,
                    _ => 3,
                };
                legend::rows(&items, area.width.saturating_sub(LEGEND_START)).min(most)
            }
        };
        let left = area.height - banner_rows.min(area.height - legend) - legend;
        let under = match left {
            0..3 => 0,
            3..6 => 1,
            _ => 2,
        };
        let gutter = (labels_width(&curves, left - under) + 1).min(area.width / 2);
        let margin = match area.width {
            _ if references(&curves).is_empty() => Margin::Nothing,
            0..32 => Margin::Nothing,
            32..36 => Margin::Names,
            36..54 => Margin::Short,
            _ => Margin::NamesAndLosses,
        };
        let plot = Rect {
            x: area.x + gutter,
            y: area.y + area.height - left,
            width: (area.width - gutter).saturating_sub(margin.width()),
            height: left - under,
        };
        Some(Self { curves, area, legend, banner: banner_rows, plot, under, margin })
    }

    /// The step in a column of the plot, if the run has come that far.
    pub fn step_at(&self, at: Position) -> Option<u64> {
        if !self.plot.contains(at) {
            return None;
        }
        let share = (f64::from(at.x - self.plot.x) + 0.5) / f64::from(self.plot.width);
        let step = self.curves.x.value(share).round().max(0.0) as u64;
        let points = &self.curves.run.history.points;
        Some(step.clamp(points.first()?.step, points.last()?.step))
    }

    pub fn draw(&self, buf: &mut Buffer) {
        self.draw_legend(buf);
        self.draw_banner(buf);
        if self.plot.is_empty() {
            return;
        }
        self.draw_axes(buf);
        let mut dots = Dots::new(self.plot.width, self.plot.height, self.theme().glyphs.ascii);
        self.references(&mut dots);
        // Enlarged, single batches scatter over all of it.
        if self.curves.pane.view == View::Whole {
            self.batches(&mut dots);
        }
        for (index, ghost) in self.curves.ghosts.iter().enumerate() {
            self.curve(&mut dots, &ghost.curve, &ghost_pen(self.theme(), index));
        }
        if self.curves.figure.is_none() {
            self.curve(&mut dots, &self.curves.smoothed, &train_pen(self.theme()));
        }
        let estimates: Vec<_> =
            self.estimates().map(|(step, value)| (step as f64, value)).collect();
        self.curve(&mut dots, &estimates, &validation_pen(self.theme()));

        let changes =
            markers::changes(&self.curves.run.history.edits, |step| self.column(step as f64));
        let style = self.theme().style(Role::Marker);
        for change in &changes {
            self.vertical(change.column, style, buf);
        }
        if let Some(column) = self.cursor().and_then(|step| self.column(step as f64)) {
            self.vertical(column, self.theme().style(Role::Accent), buf);
        }
        dots.render(self.plot, buf);
        self.letters(buf);
        self.points(buf);
        self.guesses(buf);
        self.mark_cursor(buf);
        self.gaps(buf);
        let rows = (self.plot.height / 2).clamp(1, 6);
        let arrow = self.theme().glyphs.arrow;
        let drawn = |columns, row| dots.drawn(columns, row, BATCH);
        for label in markers::labels(&changes, self.plot.width, rows, arrow, drawn) {
            let (x, y) = (self.plot.x + label.column, self.plot.y + label.row);
            put(buf, self.plot, x, y, &label.text, style);
        }
        let hints = ["the curve starts with the first step", "no step yet"];
        let room = usize::from(self.plot.width).saturating_sub(2);
        if let Some(hint) = hints.iter().find(|hint| hint.len() <= room)
            && self.curves.run.history.points.is_empty()
            && self.curves.figure.is_none()
        {
            let muted = self.theme().style(Role::Muted);
            put(buf, self.plot, self.plot.x + 1, self.plot.bottom() - 1, hint, muted);
        }
    }

    /// The steps and values of the estimates: of the validation loss, or of the figure on the axis.
    fn estimates(&self) -> impl Iterator<Item = (u64, f64)> + '_ {
        let figure = self.curves.figure;
        let value = move |e: &Evaluation| match figure {
            Some(figure) => Some(curve::on_axis(figure.unit, e.figure(figure.name)?)),
            None => Some(e.val_loss),
        };
        let all = self.curves.run.history.evaluations.iter();
        all.filter_map(move |e| Some((e.step, value(e)?)))
    }

    fn theme(&self) -> &'a Theme {
        self.curves.facts.theme
    }

    fn cursor(&self) -> Option<u64> {
        self.curves.pane.cursor
    }

    /// The plot's column of a step.
    fn column(&self, step: f64) -> Option<u16> {
        let (x, _) = self.dot(step, self.curves.y.low())?;
        let column = (x / f64::from(ACROSS)).floor();
        (0.0..f64::from(self.plot.width)).contains(&column).then_some(column as u16)
    }

    /// The plot's row of a loss.
    fn row(&self, loss: f64) -> Option<u16> {
        let (_, y) = self.dot(self.curves.x.low(), loss)?;
        let row = (y / f64::from(DOWN)).floor();
        (0.0..f64::from(self.plot.height)).contains(&row).then_some(row as u16)
    }

    /// A place on the canvas, in dots from the upper left; it may lie outside.
    fn dot(&self, step: f64, loss: f64) -> Option<(f64, f64)> {
        let (right, bottom) = (self.plot.width * ACROSS - 1, self.plot.height * DOWN - 1);
        let x = self.curves.x.place(step)? * f64::from(right);
        let y = (1.0 - self.curves.y.place(loss)?) * f64::from(bottom);
        // To the middle of the dot, so that the ends of the axes fall inside.
        Some((x + 0.5, y + 0.5))
    }

    fn curve(&self, dots: &mut Dots, points: &[(f64, f64)], pen: &Pen) {
        let mut previous = None;
        for &(step, loss) in points {
            let here = if loss.is_finite() { self.dot(step, loss) } else { None };
            if let Some(here) = here {
                dots.line(previous.unwrap_or(here), here, pen);
            }
            previous = here;
        }
    }

    /// The batch losses: a light band from the lowest to the highest of each column.
    fn batches(&self, dots: &mut Dots) {
        let pen = batch_pen(self.theme());
        let mut bands: Vec<Option<(i32, i32)>> = vec![None; usize::from(self.plot.width * ACROSS)];
        for point in &self.curves.run.history.points {
            let step = curve::middle(point);
            for loss in [point.min, point.mean, point.max] {
                if !loss.is_finite() || !point.mean.is_finite() {
                    continue;
                }
                let Some((x, y)) = self.dot(step, loss) else { continue };
                let Some(band) = bands.get_mut(x.floor().max(0.0) as usize) else { continue };
                let y = y.floor().clamp(-1e6, 1e6) as i32;
                *band = Some(band.map_or((y, y), |(top, bottom)| (top.min(y), bottom.max(y))));
            }
        }
        for (x, band) in bands.iter().enumerate() {
            let Some((top, bottom)) = *band else { continue };
            let (top, bottom) = (top.max(0), bottom.min(i32::from(self.plot.height * DOWN) - 1));
            for y in top..=bottom {
                // Every other dot is light enough to see curves on.
                if (x as i32 + y) % 2 == 0 || top == bottom {
                    dots.dot(x as i32, y, &pen);
                }
            }
        }
    }

    fn references(&self, dots: &mut Dots) {
        let pen = reference_pen(self.theme());
        for reference in references(&self.curves) {
            if self.row(reference.loss).is_some()
                && let Some((_, y)) = self.dot(self.curves.x.low(), reference.loss)
            {
                for x in (0..self.plot.width * ACROSS).step_by(usize::from(ACROSS)) {
                    dots.dot(i32::from(x), y as i32, &pen);
                }
            }
        }
    }

    /// The letter of a ghost where its curve ends, or leaves the chart.
    fn letters(&self, buf: &mut Buffer) {
        let on_chart = |&&(step, value): &&(f64, f64)| {
            value.is_finite() && self.column(step).is_some() && self.row(value).is_some()
        };
        for (index, ghost) in self.curves.ghosts.iter().enumerate() {
            let Some(&(step, value)) = ghost.curve.iter().rev().find(on_chart) else { continue };
            if let (Some(column), Some(row)) = (self.column(step), self.row(value)) {
                let (x, y) = (self.plot.x + column, self.plot.y + row);
                let letter = LETTERS[index % LETTERS.len()].to_string();
                put(buf, self.plot, x, y, &letter, self.theme().ghost(index));
            }
        }
    }

    /// A sign on every estimate: the validation loss above the training loss where both share a cell.
    fn points(&self, buf: &mut Buffer) {
        let theme = self.theme();
        let losses = if self.curves.figure.is_none() {
            &self.curves.run.history.evaluations[..]
        } else {
            &[]
        };
        let train = losses.iter().map(|e| (e.step, e.train_loss, theme.glyphs.bullet, Role::Train));
        let val = self.estimates().map(|(step, v)| (step, v, theme.glyphs.knob, Role::Validation));
        for (step, value, sign, role) in train.chain(val) {
            if let (Some(column), Some(row)) = (self.column(step as f64), self.row(value)) {
                let cell = &mut buf[(self.plot.x + column, self.plot.y + row)];
                cell.reset();
                cell.set_symbol(sign).set_style(theme.style(role));
            }
        }
    }

    /// What the learner has predicted, where the run will answer it.
    fn guesses(&self, buf: &mut Buffer) {
        let theme = self.theme();
        for &(step, loss) in &self.curves.guesses {
            let last = self.curves.x.high();
            let column = self.column((step as f64).min(last));
            if let (Some(column), Some(row)) = (column, self.row(loss)) {
                let (x, y) = (self.plot.x + column, self.plot.y + row);
                let style = theme.style(Role::Marker);
                put(buf, self.plot, x, y, theme.glyphs.guess, style);
                let label = " your guess";
                // Beside the sign, on the side that has room.
                let after = usize::from(self.plot.right() - x) > label.len();
                let at = if after { x + 1 } else { x.saturating_sub(label.len() as u16) };
                put(buf, self.plot, at, y, label, style);
            }
        }
    }

    /// The curve's place at the cursor, and the step on the axis.
    fn mark_cursor(&self, buf: &mut Buffer) {
        let Some(step) = self.cursor() else { return };
        let Curves { run, smoothed, figure, .. } = &self.curves;
        let value = match figure {
            Some(figure) => curve::estimate(&run.history, step)
                .and_then(|e| e.figure(figure.name))
                .map(|value| curve::on_axis(figure.unit, value)),
            None => curve::reading(run, smoothed, step).map(|reading| reading.smoothed),
        };
        let Some(column) = self.column(step as f64) else { return };
        let axis = (self.under == 2).then_some(self.plot.height);
        for row in value.and_then(|value| self.row(value)).into_iter().chain(axis) {
            let cell = (self.plot.x + column, self.plot.y + row);
            buf[cell].set_style(self.theme().style(Role::Selected));
        }
    }

    /// A sign at the top where a loss was not finite.
    fn gaps(&self, buf: &mut Buffer) {
        if self.curves.figure.is_some() {
            return;
        }
        let theme = self.theme();
        let points = self.curves.run.history.points.iter().filter(|p| !p.mean.is_finite());
        let mut gaps: Vec<f64> = points.map(curve::middle).collect();
        if let Status::Diverged(step) = self.curves.run.status {
            gaps.push(step as f64);
        }
        for column in gaps.into_iter().filter_map(|step| self.column(step)) {
            let (x, y) = (self.plot.x + column, self.plot.y);
            put(buf, self.plot, x, y, theme.glyphs.failed, theme.style(Role::Bad));
        }
    }

    fn vertical(&self, column: u16, style: ratatui::style::Style, buf: &mut Buffer) {
        for row in self.plot.rows() {
            let sign = self.theme().glyphs.vertical;
            put(buf, self.plot, self.plot.x + column, row.y, sign, style);
        }
    }

    fn draw_axes(&self, buf: &mut Buffer) {
        let theme = self.theme();
        let (line, text) = (theme.style(Role::Faint), theme.style(Role::Muted));
        let style = axis::Look { ascii: theme.glyphs.ascii, line, text };
        let gutter = self.plot.x - self.area.x;
        if gutter > 0 {
            let (ticks, labels) = labelled(&self.curves, self.plot.height);
            let marks: Vec<_> = ticks
                .iter()
                .zip(&labels)
                .filter_map(|(tick, label)| Some((self.row(*tick)?, label.as_str())))
                .collect();
            let left = Rect { x: self.area.x, width: gutter, ..self.plot };
            axis::vertical(&marks, style, left, buf);
        }
        if self.under > 0 {
            let room = if self.curves.pane.log_steps { 7 } else { 9 };
            let most = (self.plot.width / room).clamp(1, 12);
            let ticks = self.curves.x.ticks(usize::from(most));
            let marks: Vec<_> = ticks
                .iter()
                .filter(|tick| tick.fract() == 0.0)
                .filter_map(|tick| Some((self.column(*tick)?, number::count(*tick as u64))))
                .collect();
            let below = Rect { y: self.plot.bottom(), height: self.under, ..self.plot };
            let end = below.right() + self.margin.width();
            axis::horizontal(&marks, "step", style, below, end.min(self.area.right()), buf);
        }
        if self.margin != Margin::Nothing {
            self.name_references(buf);
        }
    }

    /// The references' labels right of the plot, each on its line's row or next to it.
    fn name_references(&self, buf: &mut Buffer) {
        let mut shown: Vec<_> =
            references(&self.curves).iter().filter_map(|r| Some((self.row(r.loss)?, r))).collect();
        shown.sort_by(|a, b| b.1.loss.total_cmp(&a.1.loss));
        let rows: Vec<u16> = shown.iter().map(|(row, _)| *row).collect();
        for (row, (_, reference)) in axis::spread(&rows, self.plot.height).iter().zip(&shown) {
            let Some(row) = *row else { continue };
            let mut text = match self.margin {
                Margin::NamesAndLosses => format!(" {:<7} {:.3}", reference.name, reference.loss),
                Margin::Short => format!(" {:<7} {:.2}", reference.name, reference.loss),
                Margin::Names | Margin::Nothing => format!(" {}", reference.name),
            };
            if let Some(error) = reference.error.filter(|_| self.margin != Margin::Names) {
                let sign = if self.theme().glyphs.ascii { "+-" } else { "±" };
                text = format!(" {} {:.1} {sign}{error:.1}", reference.name, reference.loss);
            }
            let (x, y) = (self.plot.right(), self.plot.y + row);
            put(buf, self.area, x, y, &text, self.theme().style(Role::Reference));
        }
    }

    fn draw_legend(&self, buf: &mut Buffer) {
        if self.legend == 0 {
            return;
        }
        let area = Rect { height: self.legend, ..self.area };
        if self.plot.x > self.area.x {
            put(buf, area, area.x, area.y, self.curves.unit(), self.theme().style(Role::Muted));
        }
        let items = items(&self.curves);
        let width = area.width.saturating_sub(LEGEND_START);
        legend::draw(&items, self.theme(), Rect { x: area.right() - width, width, ..area }, buf);
    }

    fn draw_banner(&self, buf: &mut Buffer) {
        if self.banner > 0
            && let Some(text) =
                banner(self.curves.facts, self.curves.run, &self.curves.smoothed, self.area.width)
        {
            let area = Rect { y: self.area.y + self.legend, height: self.banner, ..self.area };
            Paragraph::new(text).wrap(Wrap { trim: true }).render(area, buf);
        }
    }
}

/// The legend's text: the present, or the step at the cursor.
fn items(curves: &Curves) -> Vec<Item> {
    match curves.pane.cursor {
        Some(step) => legend::at(curves, step),
        None => legend::now(curves),
    }
}

/// The lines to compare with: they are losses.
fn references<'a>(curves: &Curves<'a>) -> &'a [Reference] {
    if curves.figure.is_some() { &[] } else { curves.facts.yardsticks() }
}

/// Values on the axis beside so many rows, and how they are written.
fn labelled(curves: &Curves, rows: u16) -> (Vec<f64>, Vec<String>) {
    let ticks = curves.ticks(usize::from(rows / 3).clamp(2, 8));
    let labels = axis::labels(&ticks);
    let labels = ticks.iter().zip(&labels).map(|(tick, label)| curves.label(*tick, label));
    let labels = labels.collect();
    (ticks, labels)
}

fn labels_width(curves: &Curves, rows: u16) -> u16 {
    let (_, labels) = labelled(curves, rows);
    labels.iter().map(|label| label.chars().count() as u16).max().unwrap_or(0).max(3)
}
