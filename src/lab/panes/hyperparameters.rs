//! The hyperparameters pane: name, value, range, and whether a change applies live or rebuilds the model.

use std::collections::BTreeMap;

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use ratatui::style::Style;
use ratatui::widgets::{Paragraph, Widget, Wrap};
use tui_input::Input;
use unicode_width::UnicodeWidthStr;

use super::{Look, PaneId};
use crate::lab::action::Action;
use crate::lab::model::{Effect, Model};
use crate::lab::overlays::{InputLine, Overlay, Purpose};
use crate::lab::pen::{clip, put};
use crate::lab::theme::Role;
use crate::lab::update;
use crate::train::event::Edit;
use crate::train::hyperparameter::{HYPERPARAMETERS, Hyperparameter, Range, Takes, hyperparameter};
use crate::train::{Config, Subscription, Value};

const NAME: u16 = 16;
const VALUE: u16 = 10;
const TAKES: u16 = 9;
/// Room for the slider, where there is any.
const SLIDER: u16 = 12;

#[derive(Debug, Default)]
pub struct State {
    selected: usize,
    /// Asked for, and not yet applied: a step of a large model can take seconds.
    pending: BTreeMap<&'static str, Value>,
    /// Why the last change was not possible.
    pub error: Option<String>,
}

impl State {
    /// The value that was asked for last, or the run's.
    pub fn value(&self, hyperparameter: &Hyperparameter, config: &Config) -> Value {
        self.pending.get(hyperparameter.name).copied().unwrap_or_else(|| hyperparameter.get(config))
    }

    /// The configuration with everything that was asked for.
    pub fn wanted(&self, config: &Config) -> Config {
        let mut wanted = config.clone();
        for (name, value) in &self.pending {
            if let Some(hyperparameter) = hyperparameter(name) {
                // It could be set when it was asked for.
                _ = hyperparameter.set(&mut wanted, *value);
            }
        }
        wanted
    }

    /// A change was sent to the trainer.
    pub fn expect(&mut self, name: &'static str, value: Value) {
        self.pending.insert(name, value);
    }

    /// A change took effect.
    pub fn arrived(&mut self, edit: &Edit) {
        if self.pending.get(edit.name) == Some(&edit.new) {
            self.pending.remove(edit.name);
        }
    }

    /// Nothing is on its way any more: another run, or a change that was refused.
    pub fn forget(&mut self) {
        self.pending.clear();
        self.error = None;
    }
}

/// The rows: what the lesson speaks of first, then the other live ones, then the others that rebuild.
fn rows(model: &Model) -> Vec<&'static Hyperparameter> {
    let named = &model.lesson().hyperparameters;
    // A bigram table has no heads, a GAN no dropout.
    let applies = |h: &Hyperparameter| model.run.as_ref().is_none_or(|run| h.applies(&run.config));
    let first = named.iter().filter_map(|name| HYPERPARAMETERS.iter().find(|h| h.name == name));
    let rest = HYPERPARAMETERS.iter().filter(|h| !named.iter().any(|name| name == h.name));
    first.chain(rest).filter(|h| applies(h)).collect()
}

fn selected(model: &Model) -> Option<&'static Hyperparameter> {
    rows(model).get(model.panes.hyperparameters.selected).copied()
}

pub fn detail(model: &Model) -> String {
    let pending = &model.panes.hyperparameters.pending;
    if pending.is_empty() { String::new() } else { "applies at the next step".to_owned() }
}

pub fn about(model: &Model) -> String {
    match selected(model).map(|h| h.takes) {
        Some(Takes::Live) => "arrows nudge it, the next step obeys".to_owned(),
        Some(Takes::Rebuild) => "changing it builds a new model".to_owned(),
        None => "what the run is made with".to_owned(),
    }
}

pub fn draw(model: &Model, look: Look, area: Rect, buf: &mut Buffer) {
    let theme = &model.theme;
    let Some(run) = &model.run else {
        put(buf, area, area.x, area.y, "the trainer is starting", theme.style(Role::Muted));
        return;
    };
    let state = &model.panes.hyperparameters;
    let rows = rows(model);
    let foot = foot(area);
    let list = Rect { height: area.height - foot, ..area };
    let top = top(state.selected, rows.len(), list.height);
    let named = model.lesson().hyperparameters.len();
    for (i, h) in rows.iter().enumerate().skip(top).take(usize::from(list.height)) {
        let y = list.y + (i - top) as u16;
        let here = i == state.selected;
        let line = Rect { y, height: 1, ..list };
        let value = state.value(h, &run.config);
        let late = state.pending.contains_key(h.name);
        let name_style = match (here && look.focused, i < named) {
            (true, _) => theme.style(Role::Accent),
            (false, true) => Style::new(),
            (false, false) => theme.style(Role::Muted),
        };
        let mark = if here { theme.glyphs.cursor } else { " " };
        put(buf, line, line.x, y, mark, name_style);
        put(
            buf,
            line,
            line.x + 2,
            y,
            &clip(h.name, usize::from(NAME), theme.glyphs.ellipsis),
            name_style,
        );
        let mut text = clip(&value.to_string(), usize::from(VALUE), theme.glyphs.ellipsis);
        if late {
            text.push_str(theme.glyphs.ellipsis);
        }
        let value_style =
            if here && look.focused { theme.style(Role::Selected) } else { Style::new().bold() };
        let width = text.width() as u16;
        put(buf, line, line.x + 2 + NAME + VALUE.saturating_sub(width), y, &text, value_style);
        let gap = if area.width < 2 + NAME + VALUE + 2 + TAKES { 1 } else { 2 };
        let mut x = line.x + 2 + NAME + VALUE + gap;
        if area.width >= 2 + NAME + VALUE + 2 + SLIDER + 2 + TAKES {
            slider(model, h, value, here && look.focused, line, x, buf);
            x += SLIDER + 2;
        }
        let (takes, role) = match h.takes {
            Takes::Live => ("live", Role::Good),
            Takes::Rebuild => ("rebuilds", Role::Warning),
        };
        put(buf, line, x, y, takes, theme.style(role).not_bold());
    }
    let below = Rect { y: list.bottom(), height: foot, ..area };
    explain(model, below, buf);
}

/// Rows under the list for the explanation or an error.
fn foot(area: Rect) -> u16 {
    let wanted = if area.height >= 14 { 3 } else { 2 };
    if area.height >= wanted + 4 { wanted } else { u16::from(area.height > 3) }
}

/// The first row that shows.
fn top(selected: usize, rows: usize, height: u16) -> usize {
    let height = usize::from(height).max(1);
    selected.saturating_sub(height * 2 / 3).min(rows.saturating_sub(height))
}

/// What the selected one is and may be, or why a change was not possible.
fn explain(model: &Model, area: Rect, buf: &mut Buffer) {
    let state = &model.panes.hyperparameters;
    let (text, role) = match (&state.error, selected(model)) {
        (Some(error), _) => (error.clone(), Role::Bad),
        (None, Some(h)) => (format!("{}; {}", h.doc, h.range), Role::Muted),
        (None, None) => return,
    };
    let style = model.theme.style(role);
    Paragraph::new(text).style(style).wrap(Wrap { trim: true }).render(area, buf);
}

/// Where the value stands in its range.
fn slider(
    model: &Model,
    h: &Hyperparameter,
    value: Value,
    lit: bool,
    line: Rect,
    x: u16,
    buf: &mut Buffer,
) {
    let glyphs = &model.theme.glyphs;
    let track = SLIDER - 2;
    let knob = (share(h, value) * f64::from(track - 1)).round() as u16;
    let role = if lit { Role::Accent } else { Role::Muted };
    put(buf, line, x, line.y, glyphs.left, model.theme.style(Role::Faint));
    for i in 0..track {
        let (sign, style) = if i == knob {
            (glyphs.knob, model.theme.style(role))
        } else {
            (glyphs.track, model.theme.style(Role::Faint))
        };
        put(buf, line, x + 1 + i, line.y, sign, style);
    }
    put(buf, line, x + 1 + track, line.y, glyphs.right, model.theme.style(Role::Faint));
}

/// A value's place in its range, from 0 to 1.
fn share(h: &Hyperparameter, value: Value) -> f64 {
    let logarithmic = |x: f64, min: f64, max: f64| (x.max(min) / min).ln() / (max / min).ln();
    let share = match (h.range, value) {
        (Range::Number { min, max, log: true, .. }, Value::Number(x)) => {
            logarithmic(x, min.max(1e-6), max)
        }
        (Range::Number { min, max, .. }, Value::Number(x)) => (x - min) / (max - min),
        (Range::Count { min, max }, Value::Count(n)) => {
            logarithmic(n as f64 + 1.0, min as f64 + 1.0, max as f64 + 1.0)
        }
        (Range::Choice(names), Value::Choice(name)) => {
            let at = names.iter().position(|n| *n == name).unwrap_or(0);
            at as f64 / (names.len().max(2) - 1) as f64
        }
        (Range::Switch, Value::Switch(on)) => f64::from(u8::from(on)),
        _ => 0.0,
    };
    if share.is_finite() { share.clamp(0.0, 1.0) } else { 0.0 }
}

pub fn update(model: &mut Model, action: Action) -> Vec<Effect> {
    let last = rows(model).len().saturating_sub(1);
    let area = model.layout().area(PaneId::Hyperparameters).unwrap_or_default();
    let page = usize::from(area.height.saturating_sub(5).max(1));
    let state = &mut model.panes.hyperparameters;
    match action {
        Action::Up => select(state, state.selected.saturating_sub(1)),
        Action::Down => select(state, (state.selected + 1).min(last)),
        Action::PageUp => select(state, state.selected.saturating_sub(page)),
        Action::PageDown => select(state, (state.selected + page).min(last)),
        Action::Home => select(state, 0),
        Action::End => select(state, last),
        Action::NudgeUp => return nudge(model, true),
        Action::NudgeDown => return nudge(model, false),
        Action::TypeValue => type_value(model),
        _ => {}
    }
    Vec::new()
}

fn select(state: &mut State, row: usize) {
    state.selected = row;
    state.error = None;
}

/// The neighbouring value that the model can have.
fn nudge(model: &mut Model, up: bool) -> Vec<Effect> {
    let (Some(h), Some(run)) = (selected(model), &model.run) else { return Vec::new() };
    let mut value = model.panes.hyperparameters.value(h, &run.config);
    let first = h.nudge(value, up);
    loop {
        let next = h.nudge(value, up);
        if next == value {
            // None further on fits: say why the next one does not.
            return update::request(model, h, first);
        }
        value = next;
        let mut config = run.config.clone();
        if h.set(&mut config, value).is_ok() && config.validate().is_ok() {
            return update::request(model, h, value);
        }
    }
}

fn type_value(model: &mut Model) {
    let (Some(h), Some(run)) = (selected(model), &model.run) else { return };
    let value = model.panes.hyperparameters.value(h, &run.config);
    let line = InputLine {
        purpose: Purpose::Value { name: h.name },
        input: Input::new(value.to_string()),
        selected: true,
        error: None,
    };
    model.overlays.push(Overlay::Input(line));
}

/// A click selects; on the selected row, left of its value lowers it and right of it raises it.
pub fn click(model: &mut Model, area: Rect, at: Position) -> Vec<Effect> {
    let rows = rows(model).len();
    let list = area.height - foot(area);
    let row = usize::from(at.y - area.y);
    let clicked = top(model.panes.hyperparameters.selected, rows, list) + row;
    if row >= usize::from(list) || clicked >= rows {
        return Vec::new();
    }
    let slider = area.x + 2 + NAME + VALUE + 2..area.x + 2 + NAME + VALUE + 2 + SLIDER;
    if clicked == model.panes.hyperparameters.selected && slider.contains(&at.x) && area.width >= 53
    {
        let (Some(h), Some(run)) = (selected(model), &model.run) else { return Vec::new() };
        let value = model.panes.hyperparameters.value(h, &run.config);
        let knob = slider.start + 1 + (share(h, value) * f64::from(SLIDER - 3)).round() as u16;
        if at.x != knob {
            return nudge(model, at.x > knob);
        }
    }
    select(&mut model.panes.hyperparameters, clicked);
    Vec::new()
}

pub fn subscribe(_model: &Model, _wanted: &mut Subscription) {}

pub fn refresh(model: &mut Model) {
    let last = rows(model).len().saturating_sub(1);
    let state = &mut model.panes.hyperparameters;
    state.selected = state.selected.min(last);
}
