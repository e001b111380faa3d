//! The loss pane: the curve of the run beside what counting reaches, what was changed on the way, and earlier runs.

mod banner;
mod chart;
mod curve;
mod legend;
mod markers;
mod table;
#[cfg(test)]
mod tests;

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use ratatui::widgets::{Paragraph, Widget, Wrap};

use super::Look;
use crate::lab::action::Action;
use crate::lab::model::{Effect, Model};
use crate::lab::number;
use crate::lab::run_view::Run;
use crate::lab::theme::Role;
use crate::train::Subscription;
use crate::train::event::Figure;
use chart::Chart;

/// What the pane shows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum View {
    /// Everything, with the next yardstick on either side.
    #[default]
    Whole,
    /// The losses of the second half of the run so far.
    Close,
    /// The estimates in figures.
    Table,
}

#[derive(Debug, Default)]
pub struct State {
    /// The step being read off.
    cursor: Option<u64>,
    log_steps: bool,
    log_losses: bool,
    view: View,
}

pub fn detail(model: &Model) -> String {
    let state = &model.panes.loss;
    let mut parts = Vec::new();
    if let Some(evaluation) = model.run.as_ref().and_then(|run| run.evaluation()) {
        let beats = curve::beaten(evaluation.val_loss, references(model));
        let beats = beats.map_or(String::new(), |r| format!(" beats {}", r.name));
        parts.push(format!("val {}{beats}", number::loss(evaluation.val_loss)));
    }
    parts.extend(
        answers(model).map(|figure| format!("{} {}", figure.name, number::value(figure.value))),
    );
    if state.view == View::Close {
        parts.push("close-up".to_owned());
    }
    if state.log_steps {
        parts.push("log steps".to_owned());
    }
    if state.log_losses {
        parts.push("log losses".to_owned());
    }
    parts.join(" · ")
}

pub fn about(model: &Model) -> String {
    match &model.run {
        Some(run) if model.panes.loss.view != View::Table => {
            let steps = curve::window(run, model.panes.loss.view);
            format!("smoothed ~{steps:.0} steps; {} estimates", model.theme.glyphs.knob)
        }
        Some(_) if references(model).is_empty() => "estimates on held-out examples".to_owned(),
        _ => "estimates, and the best counting that each beats".to_owned(),
    }
}

pub fn draw(model: &Model, look: Look, area: Rect, buf: &mut Buffer) {
    let Some(run) = &model.run else {
        let text = "The curve starts here as soon as the trainer has opened its first run.";
        return quiet(model, text, area, buf);
    };
    let state = &model.panes.loss;
    if state.view == View::Table {
        return table::draw(model, run, state.cursor, area, buf);
    }
    let (chart_area, side) = split(look.zoomed, area);
    if let Some(side) = side {
        table::draw(model, run, state.cursor, side, buf);
    }
    match Chart::new(model, run, chart_area) {
        Some(chart) => chart.draw(buf),
        None => quiet(model, &figures(run), chart_area, buf),
    }
}

/// What is said where there is no room for a chart, or nothing to draw.
fn figures(run: &Run) -> String {
    run.evaluation().map_or("The curve starts with the first step.".to_owned(), |e| {
        let (train, val) = (number::loss(e.train_loss), number::loss(e.val_loss));
        format!("val {val} train {train} step {}", number::count(e.step))
    })
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

fn quiet(model: &Model, text: &str, area: Rect, buf: &mut Buffer) {
    Paragraph::new(text)
        .wrap(Wrap { trim: true })
        .style(model.theme.style(Role::Muted))
        .render(area, buf);
}

/// What the last estimate says beside the loss, without the loss's own parts.
fn answers(model: &Model) -> impl Iterator<Item = &Figure> {
    let run = model.run.as_ref();
    let figures = run.and_then(|run| run.evaluation()).map_or(&[][..], |e| &e.figures);
    figures.iter().filter(move |figure| run.is_some_and(|run| !run.parts.contains(&&*figure.name)))
}

fn references(model: &Model) -> &[crate::text::ngram::Reference] {
    model.yardsticks()
}

pub fn update(model: &mut Model, action: Action) -> Vec<Effect> {
    let state = &mut model.panes.loss;
    match action {
        Action::CycleView => {
            state.view = match state.view {
                View::Whole => View::Close,
                View::Close => View::Table,
                View::Table => View::Whole,
            }
        }
        Action::LogAxes => state.log_steps = !state.log_steps,
        Action::LogLosses => state.log_losses = !state.log_losses,
        action => {
            if let Some(run) = &model.run {
                move_cursor(state, run, action);
            }
        }
    }
    Vec::new()
}

/// Left and right: a hundredth of the axis; pages: a tenth; up and down: from estimate to estimate. Past the newest step
/// the cursor lets go.
fn move_cursor(state: &mut State, run: &Run, action: Action) {
    let points = &run.history.points;
    let (Some(first), Some(last)) = (points.first(), points.last()) else { return };
    let (first, last) = (first.step, last.step);
    let now = state.cursor;
    let from = now.unwrap_or(last);
    let axis = chart::steps(run, state.view, state.log_steps);
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
    let lets_go = to > last && (now.is_none() || now >= Some(last) || action != Action::PageDown);
    state.cursor = (!lets_go).then(|| to.clamp(first, last));
}

pub fn click(model: &mut Model, area: Rect, at: Position) -> Vec<Effect> {
    let (area, _) = split(model.zoomed, area);
    let chart = model.run.as_ref().and_then(|run| Chart::new(model, run, area));
    let step = chart.and_then(|chart| chart.step_at(at));
    if let Some(step) = step {
        model.panes.loss.cursor = Some(step);
    }
    Vec::new()
}

pub fn subscribe(_model: &Model, _wanted: &mut Subscription) {}

pub fn refresh(model: &mut Model) {
    let points = model.run.as_ref().map_or(&[][..], |run| &run.history.points);
    let range = points.first().map(|p| p.step).zip(points.last().map(|p| p.step));
    let cursor = model.panes.loss.cursor.zip(range);
    model.panes.loss.cursor = cursor.map(|(step, (first, last))| step.clamp(first, last));
}
