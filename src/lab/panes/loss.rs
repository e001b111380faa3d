//! The loss pane: the curve of the run beside what counting reaches, what was changed on the way, and earlier runs.

mod banner;
mod chart;
mod chosen;
mod curve;
mod curves;
mod legend;
mod markers;
mod pens;
mod table;
#[cfg(test)]
mod tests;

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use unicode_width::UnicodeWidthStr;

use crate::lab::action::Action;
use crate::lab::facts::Facts;
use crate::lab::number;
use crate::lab::pane::{Pane, Seat, Wish};
use crate::lab::pen::sentence;
use crate::lab::run::Run;
use crate::model::card::Figure;
use chart::Chart;
pub use chosen::Loss;
use chosen::View;

impl Loss {
    /// Left and right: a hundredth of the axis; pages: a tenth; up and down: from estimate to estimate. Past the newest
    /// step the cursor lets go.
    fn move_cursor(&mut self, run: &Run, action: Action) {
        let points = &run.history.points;
        let (Some(first), Some(last)) = (points.first(), points.last()) else { return };
        let (first, last) = (first.step, last.step);
        let now = self.cursor;
        let from = now.unwrap_or(last);
        let axis = curves::steps(run, self.view, self.log_steps);
        let along = |share: f64| {
            let place = axis.place(from as f64).unwrap_or(1.0) + share;
            let step = axis.value(place).round().max(0.0) as u64;
            // At least one point further.
            let index = curve::nearest(&run.history, from).unwrap_or(0);
            let next = if share > 0.0 { index + 1 } else { index.saturating_sub(1) };
            let next = points.get(next).map_or(last + 1, |p| p.step);
            if share > 0.0 { step.max(next) } else { step.min(next) }
        };
        let estimates = &run.history.evaluations;
        let to = match action {
            Action::Left if now.is_none() => last,
            Action::Left => along(-0.01),
            Action::Right => along(0.01),
            Action::PageUp => along(-0.1),
            Action::PageDown => along(0.1),
            Action::Up => estimates.iter().rev().find(|e| e.step < from).map_or(first, |e| e.step),
            Action::Down => estimates.iter().find(|e| e.step > from).map_or(last + 1, |e| e.step),
            Action::Home => first,
            Action::End => last,
            _ => return,
        };
        let lets_go =
            to > last && (now.is_none() || now >= Some(last) || action != Action::PageDown);
        self.cursor = (!lets_go).then(|| to.clamp(first, last));
    }

    /// Whether left and right go through the table's columns.
    fn scrolls(&self, facts: &Facts) -> bool {
        self.view == View::Table && facts.run.is_some_and(|run| !run.figures().is_empty())
    }

    /// What the chart shows, at length where there is room.
    fn about_curves(&self, facts: &Facts, run: &Run, seat: Seat) -> String {
        if let Some(figure) = self.view.figure(run) {
            return format!("{} of held-out examples, at every estimate", figure.name);
        }
        let estimates = format!("{} estimates", facts.theme.glyphs.knob);
        let back = curve::window(self.view, run.step).min(run.step as f64) as u64;
        let short = if run.history.points.is_empty() {
            estimates
        } else {
            format!("smoothed ~{}; {estimates}", number::steps(back.max(1)))
        };
        let more = if run.sees_future() {
            SEES
        } else if facts.withholds_yardsticks() {
            return AFTER.to_owned();
        } else if facts.yardsticks().is_empty() {
            run.card.as_ref().map_or("", |card| card.loss.of)
        } else {
            "lines: what counting reaches"
        };
        let long = format!("{short}; {more}");
        if more.is_empty() || long.width() + 2 > usize::from(seat.room.width) {
            short
        } else {
            long
        }
    }
}

/// Why a run without a mask is measured against nothing.
const SEES: &str = "without a mask it sees the answers: no loss to compare";

/// Why a run that waits for a guess of its loss is measured against nothing yet.
const AFTER: &str = "counted lines: after your guess";

impl Pane for Loss {
    fn title(&self) -> &'static str {
        "Loss"
    }

    fn detail(&self, facts: &Facts) -> String {
        let mut parts = Vec::new();
        if let Some(evaluation) = facts.run.and_then(|run| run.evaluation()) {
            let beats = curve::beaten(evaluation.val_loss, facts.yardsticks());
            let beats = match beats {
                Some(reference) => format!(" beats {}", reference.name),
                None if facts.run.is_some_and(|run| run.sees_future()) => {
                    " sees the answers".to_owned()
                }
                None => String::new(),
            };
            parts.push(format!("val {}{beats}", number::loss(evaluation.val_loss)));
        }
        parts.extend(answers(facts));
        if self.view == View::Close {
            parts.push("close-up".to_owned());
        }
        if self.log_steps {
            parts.push("log steps".to_owned());
        }
        if self.log_losses {
            parts.push("log losses".to_owned());
        }
        parts.join(" · ")
    }

    fn about(&self, facts: &Facts, seat: Seat) -> String {
        match facts.run {
            Some(run) if self.view == View::Table => {
                let columns = table::columns(self, facts, run, seat.room.width).len();
                if columns < run.figures().len() {
                    let (left, right) = (facts.theme.glyphs.left, facts.theme.glyphs.right);
                    format!("estimates on held-out examples; {left} {right} more columns")
                } else if run.sees_future() {
                    SEES.to_owned()
                } else if facts.withholds_yardsticks() {
                    AFTER.to_owned()
                } else if facts.yardsticks().is_empty() {
                    "estimates on held-out examples".to_owned()
                } else {
                    "estimates, and the best counting that each beats".to_owned()
                }
            }
            Some(run) => self.about_curves(facts, run, seat),
            None => "the loss of every batch, and estimates".to_owned(),
        }
    }

    fn draw(&self, facts: &Facts, seat: Seat, buf: &mut Buffer) {
        let area = seat.room;
        let Some(run) = facts.run else {
            let text = "The curve starts here as soon as the trainer has opened its first run.";
            return sentence(facts.theme, text, area, buf);
        };
        if self.view == View::Table {
            return table::draw(self, facts, run, area, buf);
        }
        let (chart_area, side) = split(seat.zoomed, area);
        if let Some(side) = side {
            table::draw(self, facts, run, side, buf);
        }
        match Chart::new(self, facts, run, chart_area) {
            Some(chart) => chart.draw(buf),
            None => sentence(facts.theme, &figures(facts, run), chart_area, buf),
        }
    }

    fn act(&mut self, facts: &Facts, _seat: Seat, action: Action) -> Vec<Wish> {
        match action {
            Action::CycleView => {
                let figures = facts.run.map_or_else(Vec::new, |run| run.figures());
                self.view = self.view.next(&figures);
            }
            Action::LogAxes => self.log_steps = !self.log_steps,
            Action::LogLosses => self.log_losses = !self.log_losses,
            Action::Left if self.scrolls(facts) => self.scrolled = self.scrolled.saturating_sub(1),
            Action::Right if self.scrolls(facts) => self.scrolled += 1,
            action => {
                if let Some(run) = facts.run {
                    self.move_cursor(run, action);
                }
            }
        }
        Vec::new()
    }

    fn click(&mut self, facts: &Facts, seat: Seat, at: Position) -> Vec<Wish> {
        let (area, _) = split(seat.zoomed, seat.room);
        let chart = facts.run.and_then(|run| Chart::new(self, facts, run, area));
        let step = chart.and_then(|chart| chart.step_at(at));
        self.cursor = step.or(self.cursor);
        Vec::new()
    }

    fn refresh(&mut self, facts: &Facts) {
        let figures = facts.run.map_or(0, |run| run.figures().len());
        self.scrolled = self.scrolled.min(figures.saturating_sub(1));
        let points = facts.run.map_or(&[][..], |run| &run.history.points);
        let range = points.first().map(|p| p.step).zip(points.last().map(|p| p.step));
        let cursor = self.cursor.zip(range);
        self.cursor = cursor.map(|(step, (first, last))| step.clamp(first, last));
    }

    fn understands(&self) -> &'static [Action] {
        &[Action::Left, Action::Right, Action::CycleView, Action::LogAxes, Action::LogLosses]
    }
}

/// What is said where there is no room for a chart, or nothing to draw.
fn figures(facts: &Facts, run: &Run) -> String {
    let Some(e) = run.evaluation() else {
        let first = "The curve starts with the first step";
        return if facts.withholds_yardsticks() {
            format!("{first}, and what counting reaches is drawn after your guess.")
        } else {
            format!("{first}.")
        };
    };
    let (train, val) = (number::loss(e.train_loss), number::loss(e.val_loss));
    format!("val {val} train {train} step {}", number::count(e.step))
}

/// A zoomed chart has the figures beside it.
fn split(zoomed: bool, area: Rect) -> (Rect, Option<Rect>) {
    const GAP: u16 = 2;
    if !zoomed || area.width < 60 + GAP + table::WIDTH || area.height < 8 {
        return (area, None);
    }
    let width = area.width - table::WIDTH - GAP;
    let side = Rect { x: area.x + width + GAP, width: table::WIDTH, ..area };
    (Rect { width, ..area }, Some(side))
}

/// What the last estimate says beside the loss, without the loss's own parts.
fn answers(facts: &Facts) -> Vec<String> {
    let Some((run, estimate)) = facts.run.and_then(|run| Some((run, run.evaluation()?))) else {
        return Vec::new();
    };
    let figures = run.config.task.card().figures.iter();
    let written = |figure: &Figure| {
        Some(format!("{} {}", figure.name, figure.unit.write(estimate.figure(figure.name)?)))
    };
    figures.filter_map(written).collect()
}
