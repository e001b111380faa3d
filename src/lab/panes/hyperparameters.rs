//! The hyperparameters pane: name, value, range, and whether a change applies live or rebuilds the model.

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use ratatui::style::{Modifier, Style};
use ratatui::widgets::{Paragraph, Widget, Wrap};
use unicode_width::UnicodeWidthStr;

use crate::lab::action::Action;
use crate::lab::cursor::to;
use crate::lab::facts::Facts;
use crate::lab::pane::{Column, Pane, Seat, Wish};
use crate::lab::pen::{clip, put};
use crate::lab::theme::Role;
use crate::stage::hyperparameter::{HYPERPARAMETERS, Hyperparameter, Range, Takes};
use crate::stage::{Config, Value};

const NAME: u16 = 16;
const VALUE: u16 = 10;
const TAKES: u16 = 9;
/// Room for the slider, where there is any.
const SLIDER: u16 = 12;

#[derive(Debug, Default)]
pub struct Hyperparameters {
    selected: usize,
}

/// The rows: what the lesson speaks of first, then the other live ones, then the others that rebuild.
fn rows(facts: &Facts) -> Vec<&'static Hyperparameter> {
    let named = &facts.lesson.hyperparameters_of(facts.page);
    // A bigram table has no heads, a GAN no dropout.
    let applies = |h: &Hyperparameter| facts.run.is_none_or(|run| h.applies(&run.config));
    let first = named.iter().filter_map(|name| HYPERPARAMETERS.iter().find(|h| h.name == name));
    let rest = HYPERPARAMETERS.iter().filter(|h| !named.iter().any(|name| name == h.name));
    first.chain(rest).filter(|h| applies(h)).collect()
}

impl Hyperparameters {
    fn chosen(&self, facts: &Facts) -> Option<&'static Hyperparameter> {
        rows(facts).get(self.selected).copied()
    }

    fn select(&mut self, row: usize) -> Vec<Wish> {
        self.selected = row;
        vec![Wish::Dismiss]
    }

    /// The neighbouring value that the model can have.
    fn nudge(&self, facts: &Facts, up: bool) -> Option<Wish> {
        let (h, run) = self.chosen(facts).zip(facts.run)?;
        let mut value = facts.asked.value(h, &run.config);
        let first = h.nudge(value, up);
        loop {
            let next = h.nudge(value, up);
            if next == value {
                // None further on fits: asking for the next one says why it does not.
                return Some(Wish::Set(h, first));
            }
            value = next;
            let mut config = facts.asked.wanted(&run.config);
            let sound = |config: &Config| facts.asked.collecting || config.validate().is_ok();
            if h.set(&mut config, value).is_ok() && sound(&config) {
                return Some(Wish::Set(h, value));
            }
        }
    }

    fn type_value(&self, facts: &Facts) -> Option<Wish> {
        let (h, run) = self.chosen(facts).zip(facts.run)?;
        Some(Wish::Type(h, facts.asked.value(h, &run.config)))
    }

    /// Another value for a run beside this one.
    fn compare(&self, facts: &Facts) -> Option<Wish> {
        let (h, run) = self.chosen(facts).zip(facts.run)?;
        Some(Wish::Compare(h, facts.asked.value(h, &run.config)))
    }

    /// What the selected one is and may be, or why a change was not possible.
    fn explain(&self, facts: &Facts, area: Rect, buf: &mut Buffer) {
        let (text, role) = match (&facts.asked.error, self.chosen(facts)) {
            (Some(error), _) => (error.clone(), Role::Bad),
            (None, Some(h)) => (format!("{}; {}", h.doc, h.range), Role::Muted),
            (None, None) => return,
        };
        let style = facts.theme.style(role);
        Paragraph::new(text).style(style).wrap(Wrap { trim: true }).render(area, buf);
    }
}

impl Pane for Hyperparameters {
    fn title(&self) -> &'static str {
        "Hyperparameters"
    }

    fn detail(&self, facts: &Facts) -> String {
        facts.asked.note()
    }

    fn about(&self, facts: &Facts, _seat: Seat) -> String {
        match self.chosen(facts).map(|h| h.takes) {
            Some(Takes::Live) => "arrows nudge it, the next step obeys".to_owned(),
            Some(Takes::Rebuild) => "changing it builds a new model".to_owned(),
            None => "what the run is made with".to_owned(),
        }
    }

    fn draw(&self, facts: &Facts, seat: Seat, buf: &mut Buffer) {
        let area = seat.room;
        let theme = facts.theme;
        let Some(run) = facts.run else {
            put(buf, area, area.x, area.y, "the trainer is starting", theme.style(Role::Muted));
            return;
        };
        let rows = rows(facts);
        let foot = foot(area);
        let list = Rect { height: area.height - foot, ..area };
        let top = top(self.selected, rows.len(), list.height);
        let named = facts.lesson.hyperparameters_of(facts.page);
        for (i, h) in rows.iter().enumerate().skip(top).take(usize::from(list.height)) {
            let y = list.y + (i - top) as u16;
            let here = i == self.selected;
            let line = Rect { y, height: 1, ..list };
            let value = facts.asked.value(h, &run.config);
            let late = facts.asked.waits_for(h.name);
            let at_cursor = here && seat.focused;
            // What the page does not speak of steps back, unless the cursor is on it.
            let back = !at_cursor && !named.is_empty() && !named.iter().any(|n| n == h.name);
            let lit = |style: Style| if back { dimmed(style) } else { style };
            let name = if at_cursor { theme.style(Role::Accent) } else { Style::new() };
            let name_style = lit(if back { theme.style(Role::Muted) } else { name });
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
                if at_cursor { theme.style(Role::Selected) } else { lit(Style::new().bold()) };
            let width = text.width() as u16;
            put(buf, line, line.x + 2 + NAME + VALUE.saturating_sub(width), y, &text, value_style);
            let gap = if area.width < 2 + NAME + VALUE + 2 + TAKES { 1 } else { 2 };
            let mut x = line.x + 2 + NAME + VALUE + gap;
            if area.width >= 2 + NAME + VALUE + 2 + SLIDER + 2 + TAKES {
                slider(facts, share(h, value), (at_cursor, back), line, x, buf);
                x += SLIDER + 2;
            }
            let (takes, role) = match h.takes {
                Takes::Live => ("live", Role::Good),
                Takes::Rebuild => ("rebuilds", Role::Warning),
            };
            put(buf, line, x, y, takes, lit(theme.style(role).not_bold()));
        }
        let below = Rect { y: list.bottom(), height: foot, ..area };
        self.explain(facts, below, buf);
    }

    fn act(&mut self, facts: &Facts, seat: Seat, action: Action) -> Vec<Wish> {
        let last = rows(facts).len().saturating_sub(1);
        let page = usize::from(seat.room.height.saturating_sub(3).max(1));
        match action {
            Action::NudgeUp => self.nudge(facts, true).into_iter().collect(),
            Action::NudgeDown => self.nudge(facts, false).into_iter().collect(),
            Action::TypeValue => self.type_value(facts).into_iter().collect(),
            Action::CompareFromHere => self.compare(facts).into_iter().collect(),
            _ => match to(action, self.selected, page, last) {
                Some(row) => self.select(row),
                None => Vec::new(),
            },
        }
    }

    /// A click selects; on the selected row, left of its value lowers it and right of it raises it.
    fn click(&mut self, facts: &Facts, seat: Seat, at: Position) -> Vec<Wish> {
        let area = seat.room;
        let rows = rows(facts).len();
        let list = area.height - foot(area);
        let row = usize::from(at.y - area.y);
        let clicked = top(self.selected, rows, list) + row;
        if row >= usize::from(list) || clicked >= rows {
            return Vec::new();
        }
        let slider = area.x + 2 + NAME + VALUE + 2..area.x + 2 + NAME + VALUE + 2 + SLIDER;
        if clicked == self.selected && slider.contains(&at.x) && area.width >= 53 {
            let Some((h, run)) = self.chosen(facts).zip(facts.run) else { return Vec::new() };
            let value = facts.asked.value(h, &run.config);
            let knob = slider.start + 1 + (share(h, value) * f64::from(SLIDER - 3)).round() as u16;
            if at.x != knob {
                return self.nudge(facts, at.x > knob).into_iter().collect();
            }
        }
        self.select(clicked)
    }

    fn refresh(&mut self, facts: &Facts) {
        self.selected = self.selected.min(rows(facts).len().saturating_sub(1));
    }

    fn understands(&self) -> &'static [Action] {
        &[Action::NudgeDown, Action::NudgeUp, Action::TypeValue, Action::CompareFromHere]
    }

    fn column(&self) -> Column {
        Column::Side
    }
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

fn dimmed(style: Style) -> Style {
    style.add_modifier(Modifier::DIM).remove_modifier(Modifier::BOLD)
}

/// Where the value stands in its range.
fn slider(
    facts: &Facts,
    share: f64,
    (lit, back): (bool, bool),
    line: Rect,
    x: u16,
    buf: &mut Buffer,
) {
    let glyphs = &facts.theme.glyphs;
    let style = |role| {
        let style = facts.theme.style(role);
        if back { dimmed(style) } else { style }
    };
    let track = SLIDER - 2;
    let knob = (share * f64::from(track - 1)).round() as u16;
    let role = if lit { Role::Accent } else { Role::Muted };
    put(buf, line, x, line.y, glyphs.left, style(Role::Faint));
    for i in 0..track {
        let (sign, role) =
            if i == knob { (glyphs.knob, role) } else { (glyphs.track, Role::Faint) };
        put(buf, line, x + 1 + i, line.y, sign, style(role));
    }
    put(buf, line, x + 1 + track, line.y, glyphs.right, style(Role::Faint));
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lab::fixture;
    use crate::lab::panes::PaneId;
    use crate::lab::theme::{Depth, Glyphs, Ground, Theme};

    #[test]
    fn what_the_page_speaks_of_is_lit_and_the_rest_dimmed() {
        for theme in [Theme::plain(), Theme::new(Depth::Rgb, Ground::Dark, Glyphs::UNICODE)] {
            let mut model = fixture::model(120, 40);
            model.theme = theme;
            let (lesson, page) = (model.lesson, model.page);
            // The last is none of this run's: it lights nothing.
            let named = ["lr", "n_head", "latent"].map(str::to_owned);
            model.lessons[lesson].pages[page].setup.hyperparameters = Some(named.to_vec());
            model.panes.hyperparameters.selected = 4;
            let area = Rect::new(0, 0, 60, 40);
            let mut buf = Buffer::empty(area);
            PaneId::Hyperparameters.draw(&model, false, area, &mut buf);
            let rows = rows(&model.facts());
            assert_eq!(rows[..2].iter().map(|h| h.name).collect::<Vec<_>>(), ["lr", "n_head"]);
            for (y, h) in rows.iter().enumerate().take(20) {
                let of_row = area.positions().filter(|at| at.y == y as u16 && at.x > 1);
                let signs = of_row.filter(|at| buf[*at].symbol() != " ");
                let dim: Vec<bool> =
                    signs.map(|at| buf[at].modifier.contains(Modifier::DIM)).collect();
                // Name and value, but for the signs that are dim anyhow without colour.
                let value = h.name.len() + 2;
                assert!(dim.len() > value, "{}", h.name);
                let lit = y < 2 || y == 4;
                assert_eq!(dim[..h.name.len()].contains(&true), !lit, "{}", h.name);
                assert_eq!(dim[..h.name.len()].contains(&false), lit, "{}", h.name);
                assert_eq!(dim.last().copied(), Some(!lit), "{}", h.name);
            }
            // A page that speaks of none dims none.
            model.lessons[lesson].pages[page].setup.hyperparameters = Some(Vec::new());
            let mut buf = Buffer::empty(area);
            PaneId::Hyperparameters.draw(&model, false, area, &mut buf);
            let names = area.positions().filter(|at| at.x > 1 && at.x < 18 && at.y < 20);
            assert!(names.into_iter().all(|at| !buf[at].modifier.contains(Modifier::DIM)));
        }
    }
}
