//! The chart: where its parts stand, and how they are drawn.

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use ratatui::widgets::{Paragraph, Widget, Wrap};

use super::banner::banner;
use super::chosen::{Loss, View};
use super::legend::{self, Item};
use super::pens::{BATCH, REFERENCE, batch_pen, ghost_pen, train_pen, validation_pen};
use super::{curve, markers};
use crate::lab::facts::Facts;
use crate::lab::number;
use crate::lab::pen::put;
use crate::lab::run_view::{Ghost, Run, Status};
use crate::lab::theme::{Role, Theme};
use crate::lab::widgets::axis;
use crate::lab::widgets::dots::{ACROSS, DOWN, Dots, Pen};
use crate::lab::widgets::scale::{Kind, Scale};
use crate::model::config::Architecture;

/// Smaller areas have no chart.
const SMALLEST: (u16, u16) = (16, 4);
/// Ghosts drawn at most, the newest.
const GHOSTS: usize = 6;
/// The legend begins behind the axis' title.
const LEGEND_START: u16 = 5;
pub struct Chart<'a> {
    pane: &'a Loss,
    facts: &'a Facts<'a>,
    run: &'a Run,
    ghosts: Vec<(usize, &'a Ghost)>,
    smoothed: Vec<(f64, f64)>,
    window: f64,
    area: Rect,
    /// Rows above the plot: the legend, then the banner.
    legend: u16,
    banner: u16,
    /// Without the axes.
    plot: Rect,
    /// Rows under it: 0, 1 (labels) or 2 (axis and labels).
    under: u16,
    margin: Margin,
    x: Scale,
    y: Scale,
}

/// What stands right of the plot.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Margin {
    Nothing,
    Names,
    NamesAndLosses,
}

impl Margin {
    fn width(self) -> u16 {
        match self {
            Self::Nothing => 0,
            Self::Names => 8,
            Self::NamesAndLosses => 14,
        }
    }
}

/// The axis of steps.
pub fn steps(run: &Run, view: View, log: bool) -> Scale {
    let kind = if log { Kind::LogFromZero } else { Kind::Linear };
    let (first, last) = curve::steps_shown(run, view);
    Scale::new(first as f64, last as f64, kind)
}

impl<'a> Chart<'a> {
    /// Lays the chart out; `None` if there is neither a loss nor a reference to show.
    pub fn new(pane: &'a Loss, facts: &'a Facts<'a>, run: &'a Run, area: Rect) -> Option<Self> {
        let window = curve::window(run, pane.view);
        let smoothed = curve::smoothed(&run.history, window);
        let references = facts.yardsticks();
        let mut ghosts: Vec<(usize, &Ghost)> = facts.visible_ghosts().enumerate().collect();
        ghosts.drain(..ghosts.len().saturating_sub(GHOSTS));
        let shown = ghosts.iter().map(|(_, ghost)| *ghost);
        let (low, high) = curve::losses_shown(pane.view, run, &smoothed, shown, references)?;
        let kind = if pane.log_losses { Kind::Log } else { Kind::Linear };
        let y = Scale::new(low, high, kind);
        // Room above and below.
        let y = Scale::new(y.value(-0.03), y.value(1.03), kind);

        if area.width < SMALLEST.0 || area.height < SMALLEST.1 {
            return None;
        }
        let banner_rows = banner(facts, run, &smoothed, area.width).map_or(0, |text| {
            let lines = Paragraph::new(text).wrap(Wrap { trim: true }).line_count(area.width);
            (lines as u16).min(area.height.saturating_sub(6).max(1)).min(area.height)
        });
        let legend = match area.height {
            0..6 => 0,
            height => {
                let items = items(pane, facts, run, &smoothed, &ghosts);
                let two = if pane.cursor.is_some() { 9 } else { 14 };
                let most = if height >= two { 2 } else { 1 };
                legend::rows(&items, area.width.saturating_sub(LEGEND_START)).min(most)
            }
        };
        let left = area.height - banner_rows.min(area.height - legend) - legend;
        let under = match left {
            0..3 => 0,
            3..6 => 1,
            _ => 2,
        };
        let gutter = (labels_width(&y, left - under) + 1).min(area.width / 2);
        let margin = match area.width {
            _ if references.is_empty() => Margin::Nothing,
            0..32 => Margin::Nothing,
            32..54 => Margin::Names,
            _ => Margin::NamesAndLosses,
        };
        let plot = Rect {
            x: area.x + gutter,
            y: area.y + area.height - left,
            width: (area.width - gutter).saturating_sub(margin.width()),
            height: left - under,
        };
        let (x, banner) = (steps(run, pane.view, pane.log_steps), banner_rows);
        Some(Self {
            pane,
            facts,
            run,
            ghosts,
            smoothed,
            window,
            area,
            legend,
            banner,
            plot,
            under,
            margin,
            x,
            y,
        })
    }

    /// The step in a column of the plot, if the run has come that far.
    pub fn step_at(&self, at: Position) -> Option<u64> {
        if !self.plot.contains(at) {
            return None;
        }
        let share = (f64::from(at.x - self.plot.x) + 0.5) / f64::from(self.plot.width);
        let step = self.x.value(share).round().max(0.0) as u64;
        let points = &self.run.history.points;
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
        if self.pane.view == View::Whole {
            self.batches(&mut dots);
        }
        for &(index, ghost) in &self.ghosts {
            let curve = curve::smoothed(&ghost.history, self.window);
            self.curve(&mut dots, &curve, &ghost_pen(self.theme(), index));
        }
        self.curve(&mut dots, &self.smoothed, &train_pen(self.theme()));
        let estimates = &self.run.history.evaluations;
        let val: Vec<_> = estimates.iter().map(|e| (e.step as f64, e.val_loss)).collect();
        self.curve(&mut dots, &val, &validation_pen(self.theme()));

        let changes = markers::changes(&self.run.history.edits, |step| self.column(step as f64));
        let style = self.theme().style(Role::Marker);
        for change in &changes {
            self.vertical(change.column, style, buf);
        }
        if let Some(column) = self.cursor().and_then(|step| self.column(step as f64)) {
            self.vertical(column, self.theme().style(Role::Accent), buf);
        }
        dots.render(self.plot, buf);
        self.points(buf);
        self.mark_cursor(buf);
        self.gaps(buf);
        let rows = (self.plot.height / 2).clamp(1, 6);
        let arrow = self.theme().glyphs.arrow;
        let drawn = |columns, row| dots.drawn(columns, row, BATCH);
        for label in markers::labels(&changes, self.plot.width, rows, arrow, drawn) {
            let (x, y) = (self.plot.x + label.column, self.plot.y + label.row);
            put(buf, self.plot, x, y, &label.text, style);
        }
        if self.run.history.points.is_empty() && self.plot.width > 24 {
            let text = "the curve starts with the first step";
            let muted = self.theme().style(Role::Muted);
            put(buf, self.plot, self.plot.x + 1, self.plot.bottom() - 1, text, muted);
        }
    }

    /// What the losses are in: those of a GAN are no log-likelihoods.
    fn unit(&self) -> &'static str {
        if self.run.config.model.model == Architecture::Gan { "loss" } else { "nats" }
    }

    fn theme(&self) -> &'a Theme {
        self.facts.theme
    }

    fn cursor(&self) -> Option<u64> {
        self.pane.cursor
    }

    /// The plot's column of a step.
    fn column(&self, step: f64) -> Option<u16> {
        let (x, _) = self.dot(step, self.y.low())?;
        let column = (x / f64::from(ACROSS)).floor();
        (0.0..f64::from(self.plot.width)).contains(&column).then_some(column as u16)
    }

    /// The plot's row of a loss.
    fn row(&self, loss: f64) -> Option<u16> {
        let (_, y) = self.dot(self.x.low(), loss)?;
        let row = (y / f64::from(DOWN)).floor();
        (0.0..f64::from(self.plot.height)).contains(&row).then_some(row as u16)
    }

    /// A place on the canvas, in dots from the upper left; it may lie outside.
    fn dot(&self, step: f64, loss: f64) -> Option<(f64, f64)> {
        let (right, bottom) = (self.plot.width * ACROSS - 1, self.plot.height * DOWN - 1);
        let x = self.x.place(step)? * f64::from(right);
        let y = (1.0 - self.y.place(loss)?) * f64::from(bottom);
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
        for point in &self.run.history.points {
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
        let pen = Pen::solid(REFERENCE, self.theme().style(Role::Reference), '.');
        for reference in self.facts.yardsticks() {
            if self.row(reference.loss).is_some()
                && let Some((_, y)) = self.dot(self.x.low(), reference.loss)
            {
                for x in (0..self.plot.width * ACROSS).step_by(usize::from(ACROSS)) {
                    dots.dot(i32::from(x), y as i32, &pen);
                }
            }
        }
    }

    /// A sign on every estimate: the validation loss above the training loss where both share a cell.
    fn points(&self, buf: &mut Buffer) {
        let theme = self.theme();
        let estimates = &self.run.history.evaluations;
        let train = estimates.iter().map(|e| (e, e.train_loss, theme.glyphs.bullet, Role::Train));
        let val = estimates.iter().map(|e| (e, e.val_loss, theme.glyphs.knob, Role::Validation));
        for (estimate, loss, sign, role) in train.chain(val) {
            if let (Some(column), Some(row)) = (self.column(estimate.step as f64), self.row(loss)) {
                let cell = &mut buf[(self.plot.x + column, self.plot.y + row)];
                cell.reset();
                cell.set_symbol(sign).set_style(theme.style(role));
            }
        }
    }

    /// The curve's place at the cursor, and the step on the axis.
    fn mark_cursor(&self, buf: &mut Buffer) {
        let Some(step) = self.cursor() else { return };
        let loss = curve::reading(self.run, &self.smoothed, step).map(|reading| reading.smoothed);
        let Some(column) = self.column(step as f64) else { return };
        let axis = (self.under == 2).then_some(self.plot.height);
        for row in loss.and_then(|loss| self.row(loss)).into_iter().chain(axis) {
            let cell = (self.plot.x + column, self.plot.y + row);
            buf[cell].set_style(self.theme().style(Role::Selected));
        }
    }

    /// A sign at the top where a loss was not finite.
    fn gaps(&self, buf: &mut Buffer) {
        let theme = self.theme();
        let points = self.run.history.points.iter().filter(|p| !p.mean.is_finite());
        let mut gaps: Vec<f64> = points.map(curve::middle).collect();
        if let Status::Diverged(step) = self.run.status {
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
            let ticks = self.y.ticks(most_labels(self.plot.height));
            let labels = axis::labels(&ticks);
            let marks: Vec<_> = ticks
                .iter()
                .zip(&labels)
                .filter_map(|(tick, label)| Some((self.row(*tick)?, label.as_str())))
                .collect();
            let left = Rect { x: self.area.x, width: gutter, ..self.plot };
            axis::vertical(&marks, style, left, buf);
        }
        if self.under > 0 {
            let room = if self.pane.log_steps { 7 } else { 9 };
            let most = (self.plot.width / room).clamp(1, 12);
            let ticks = self.x.ticks(usize::from(most));
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
            self.facts.yardsticks().iter().filter_map(|r| Some((self.row(r.loss)?, r))).collect();
        shown.sort_by(|a, b| b.1.loss.total_cmp(&a.1.loss));
        let rows: Vec<u16> = shown.iter().map(|(row, _)| *row).collect();
        for (row, (_, reference)) in axis::spread(&rows, self.plot.height).iter().zip(&shown) {
            let Some(row) = *row else { continue };
            let text = match self.margin {
                Margin::NamesAndLosses => format!(" {:<7} {:.3}", reference.name, reference.loss),
                _ => format!(" {}", reference.name),
            };
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
            put(buf, area, area.x, area.y, self.unit(), self.theme().style(Role::Muted));
        }
        let items = items(self.pane, self.facts, self.run, &self.smoothed, &self.ghosts);
        let width = area.width.saturating_sub(LEGEND_START);
        legend::draw(&items, self.theme(), Rect { x: area.right() - width, width, ..area }, buf);
    }

    fn draw_banner(&self, buf: &mut Buffer) {
        if self.banner > 0
            && let Some(text) = banner(self.facts, self.run, &self.smoothed, self.area.width)
        {
            let area = Rect { y: self.area.y + self.legend, height: self.banner, ..self.area };
            Paragraph::new(text).wrap(Wrap { trim: true }).render(area, buf);
        }
    }
}

/// The legend's text: the present, or the step at the cursor.
fn items(
    pane: &Loss,
    facts: &Facts,
    run: &Run,
    smoothed: &[(f64, f64)],
    ghosts: &[(usize, &Ghost)],
) -> Vec<Item> {
    match pane.cursor {
        Some(step) => legend::at(pane, facts, run, smoothed, step),
        None => legend::now(pane, facts, run, smoothed, ghosts),
    }
}

/// Labels of the loss axis at most in this many rows.
fn most_labels(rows: u16) -> usize {
    usize::from(rows / 3).clamp(2, 8)
}

fn labels_width(y: &Scale, rows: u16) -> u16 {
    let labels = axis::labels(&y.ticks(most_labels(rows)));
    labels.iter().map(|label| label.chars().count() as u16).max().unwrap_or(0).max(3)
}
