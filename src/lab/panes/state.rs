//! The state pane: what a recurrent net carries from token to token, or what stands at all positions after each pass over them.
//! Positions run to the right, under the text; units go down.
//!
//! Views are those that the model's card names: each gate, a state beside the hidden one, the hidden state; last, where the
//! state goes from token to token, how far back the gradient of a loss reaches. Layers are walked through, or passes.

#[cfg(test)]
mod tests;

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use ratatui::text::{Line, Span};
use ratatui::widgets::Widget;
use unicode_width::UnicodeWidthStr;

use crate::lab::action::Action;
use crate::lab::cursor::moved;
use crate::lab::facts::Facts;
use crate::lab::number::value;
use crate::lab::pane::{Pane, Seat, Wish};
use crate::lab::pen::{clip, put, sentence};
use crate::lab::theme::{Role, dimension};
use crate::lab::widgets::bar::bar;
use crate::lab::widgets::heat_map::{Grid, HeatMap, Scale, Window};
use crate::model::card::Part;
use crate::probe::{Arguments, reach};
use crate::train::Subscription;
use crate::train::snapshot::Tensor;

/// Held-out examples that the gradient is a mean over.
const EXAMPLES: usize = 16;

/// What is said of the view of gradients.
const GRADIENT: &str = "gradient by distance";

/// Columns and rows of a cell, from the largest on.
const CELLS: [(u16, u16); 4] = [(8, 1), (4, 1), (2, 1), (1, 1)];

#[derive(Debug, Default)]
pub struct State {
    /// Which of the layer's views, counted from 0; past the last activation it is that of gradients.
    view: usize,
    /// `None` is the last layer, or the first pass.
    layer: Option<usize>,
    unit: usize,
    /// Of the text, counted from its start; `None` is the last one.
    time: Option<usize>,
    distance: usize,
}

/// Activations of a state, in the order of the views: what is inside first, then the state itself.
fn names(part: &Part) -> impl Iterator<Item = &String> {
    part.inside.iter().chain([&part.name])
}

/// A layer's own name of an activation: `gates.forget` of `layers.0.gates.forget`, `update` of `passes.0.update`.
fn short<'a>(part: &Part, name: &'a str) -> &'a str {
    let own = part.name.rsplit('.').next().unwrap_or_default();
    if own.parse::<usize>().is_ok() {
        let inner = name.strip_prefix(&part.name).map(|rest| rest.trim_start_matches('.'));
        return inner.filter(|inner| !inner.is_empty()).unwrap_or("state");
    }
    name.strip_prefix(&part.name[..part.name.len() - own.len()]).unwrap_or(name)
}

/// One activation over time.
#[derive(Clone, Copy)]
struct Shown<'a> {
    tensor: &'a Tensor,
    time: usize,
    units: usize,
}

impl<'a> Shown<'a> {
    fn of(facts: &Facts<'a>, name: &str) -> Option<Self> {
        let tensor = facts.snapshot?.activation(name)?;
        let &[time, units] = tensor.shape.as_slice() else { return None };
        (time * units > 0 && tensor.values.len() == time * units).then_some(Self {
            tensor,
            time,
            units,
        })
    }

    fn at(&self, unit: usize, time: usize) -> Option<f64> {
        let inside = unit < self.units && time < self.time;
        inside.then(|| f64::from(self.tensor.values[time * self.units + unit]))
    }

    /// From 0 to 1 where nothing is below 0, as in a gate; else signed.
    fn scale(&self) -> Scale {
        let values = &self.tensor.values;
        if values.iter().any(|x| *x < 0.0) {
            return Scale::signed(values.iter().copied());
        }
        let most = values.iter().copied().filter(|x| x.is_finite()).fold(1.0, f32::max);
        Scale::Positive { most: f64::from(most) }
    }
}

/// Norms by distance, of one layer.
fn norms<'a>(facts: &Facts<'a>, layer: usize) -> Option<&'a [f32]> {
    let reading = facts.snapshot?.reading(reach::INSTRUMENT.name)?;
    let &[_, time] = reading.shape.as_slice() else { return None };
    reading.values.get(layer * time..)?.get(..time).filter(|norms| !norms.is_empty())
}

/// Layers that carry a state from token to token; where there are none, passes over all tokens at once.
fn states<'a>(facts: &Facts<'a>) -> Vec<&'a Part> {
    let Some(card) = facts.card() else { return Vec::new() };
    let states = card.states();
    if states.is_empty() { card.passes() } else { states }
}

/// Whether states go from token to token, and a gradient back.
fn carried(facts: &Facts) -> bool {
    facts.card().is_some_and(|card| !card.states().is_empty())
}

impl State {
    /// The layer that is shown, and its number.
    fn layer<'a>(&self, facts: &Facts, states: &[&'a Part]) -> Option<(usize, &'a Part)> {
        let last = states.len().checked_sub(1)?;
        let first = if carried(facts) { last } else { 0 };
        let layer = self.layer.unwrap_or(first).min(last);
        Some((layer, states[layer]))
    }

    /// The activation that is shown; `None` is the gradient.
    fn name<'a>(&self, facts: &Facts, part: &'a Part) -> Option<&'a str> {
        let last = part.inside.len();
        let view = if carried(facts) { self.view } else { self.view.min(last) };
        names(part).nth(view).map(String::as_str)
    }

    fn shown<'a>(&self, facts: &Facts<'a>) -> Option<Shown<'a>> {
        let (_, part) = self.layer(facts, &states(facts))?;
        Shown::of(facts, self.name(facts, part)?)
    }

    /// The unit and the time under the cursor.
    fn cursor(&self, shown: &Shown) -> (usize, usize) {
        let last = shown.time - 1;
        (self.unit.min(shown.units - 1), self.time.unwrap_or(last).min(last))
    }

    fn grid(&self, shown: &Shown, area: Rect) -> Grid {
        let gutter = (shown.units - 1).to_string().width() as u16 + 1;
        let room = Rect { y: area.y + 1, height: area.height.saturating_sub(1), ..area };
        let sizes = (shown.units, shown.time);
        Grid::fit(room, gutter, sizes, self.cursor(shown), &CELLS)
    }

    /// `gates.forget, unit 3 at 5 (e) 0.731  0 ░▒▓█ 1  units 1–20 of 128`
    fn heading(
        &self,
        facts: &Facts,
        name: &str,
        shown: &Shown,
        grid: &Grid,
        area: Rect,
        buf: &mut Buffer,
    ) {
        let theme = facts.theme;
        let (unit, time) = self.cursor(shown);
        let number = shown.at(unit, time).map_or_else(String::new, value);
        let token = token(facts, time);
        let place = format!("unit {unit} at {time} ({token}) ");
        let room = usize::from(area.width);
        let mut spans = Vec::new();
        let mut used = number.width();
        // From what matters most to what matters least; what does not fit is dropped whole.
        if used + place.width() <= room {
            used += place.width();
            spans.push(Span::raw(place));
        }
        spans.push(Span::styled(number, theme.style(Role::Accent)));
        let named = format!("{name}, ");
        if used + named.width() <= room && spans.len() == 2 {
            used += named.width();
            spans.insert(0, Span::raw(named));
        }
        let legend = shown.scale().legend(theme);
        if used + 2 + legend.width() <= room {
            used += 2 + legend.width();
            spans.push(Span::raw("  "));
            spans.extend(legend.spans);
        }
        for (dimension_name, what, window) in
            [("H", "units", grid.rows), ("T", "tokens", grid.columns)]
        {
            let text = format!("  {what} {}", window.describe());
            if !window.is_whole() && used + text.width() <= room {
                used += text.width();
                let role = dimension(dimension_name).unwrap_or(Role::Muted);
                spans.push(Span::styled(text, theme.style(role)));
            }
        }
        Line::from(spans).render(Rect { height: 1, ..area }, buf);
    }

    fn map(&self, facts: &Facts, name: &str, shown: &Shown, area: Rect, buf: &mut Buffer) {
        let theme = facts.theme;
        let grid = self.grid(shown, area);
        self.heading(facts, name, shown, &grid, area, buf);
        let width = usize::from(grid.cell.0);
        let map = HeatMap {
            theme,
            grid,
            scale: shown.scale(),
            value: &|unit, time| shown.at(unit, time),
            hidden: [" ", " "],
            row_label: &|unit| unit.to_string(),
            column_label: &|time| clip(&token(facts, time), width, theme.glyphs.ellipsis),
            cursor: self.cursor(shown),
        };
        (&map).render(area, buf);
    }

    /// `distance 3  0.0412  ▇▇▇▇▇▇`: a bar is a share of the largest norm.
    fn gradient(&self, facts: &Facts, norms: &[f32], area: Rect, buf: &mut Buffer) {
        let theme = facts.theme;
        let (text, muted) = (theme.style(Role::Text), theme.style(Role::Muted));
        let finite = norms.iter().copied().filter(|norm| norm.is_finite());
        let most = f64::from(finite.fold(0.0, f32::max));
        let cursor = self.distance.min(norms.len() - 1);
        let what = "|dloss/dh| by distance; a bar: share of the largest";
        let above = u16::from(area.height > 2 && what.width() <= usize::from(area.width));
        if above > 0 {
            put(buf, area, area.x, area.y, what, muted);
        }
        let window = Window::around(cursor, norms.len(), usize::from(area.height - above));
        let digits = (norms.len() - 1).to_string().width();
        let said = ["distance ", ""]
            .into_iter()
            .find(|word| word.width() + digits + NUMBER + BAR <= usize::from(area.width));
        for i in 0..window.shown {
            let (distance, y) = (window.first + i, area.y + above + i as u16);
            let norm = f64::from(norms[distance]);
            let marked = if distance == cursor { theme.style(Role::Selected) } else { text };
            let number = value(norm);
            let Some(word) = said else {
                if number.width() <= usize::from(area.width) {
                    put(buf, area, area.x, y, &number, marked);
                }
                continue;
            };
            let label = format!("{word}{distance:>digits$} {number:>width$} ", width = NUMBER - 2);
            let x = put(buf, area, area.x, y, &label, marked);
            let room = usize::from(area.right().saturating_sub(x));
            let share = if most > 0.0 { norm / most } else { 0.0 };
            put(buf, area, x, y, &bar(share, room, &theme.glyphs), theme.style(Role::Accent));
        }
    }
}

/// Columns of a norm with a blank on either side, and of the shortest bar.
const NUMBER: usize = 12;
const BAR: usize = 8;

/// The token at a time, as it is drawn.
fn token(facts: &Facts, time: usize) -> String {
    let token = facts.snapshot.and_then(|snapshot| snapshot.prompt.get(time));
    token.map_or_else(|| "?".to_owned(), |token| facts.label(*token))
}

impl Pane for State {
    fn title(&self) -> &'static str {
        "State"
    }

    fn detail(&self, facts: &Facts) -> String {
        let states = states(facts);
        let Some((layer, part)) = self.layer(facts, &states) else { return String::new() };
        let view = self.name(facts, part).map_or(GRADIENT, |name| short(part, name));
        match states.len() {
            1 => view.to_owned(),
            layers if carried(facts) => format!("layer {} of {layers} · {view}", layer + 1),
            _ if part.of.is_empty() => format!("{} · {view}", part.title),
            _ => {
                let passes = states.iter().filter(|part| !part.of.is_empty()).count();
                format!("{} of {passes} · {view}", part.of)
            }
        }
    }

    fn about(&self, facts: &Facts, _seat: Seat) -> String {
        let states = states(facts);
        let text = match self.layer(facts, &states).map(|(_, part)| self.name(facts, part)) {
            None => "no state that is carried on",
            Some(None) => "how much of the last loss's gradient reaches an earlier state",
            Some(Some(_)) if carried(facts) => "time to the right, units down; v: next view",
            Some(Some(_)) => "positions to the right, units down; }: next pass, v: next view",
        };
        text.to_owned()
    }

    fn draw(&self, facts: &Facts, seat: Seat, buf: &mut Buffer) {
        let area = seat.room;
        let states = states(facts);
        let Some((layer, part)) = self.layer(facts, &states) else {
            let name = facts.card().map_or("This run", |card| card.name);
            let text = format!("{name} carries no state from token to token.");
            return sentence(facts.theme, &text, area, buf);
        };
        match self.name(facts, part) {
            Some(name) => {
                if let Some(shown) = Shown::of(facts, name) {
                    return self.map(facts, short(part, name), &shown, area, buf);
                }
            }
            None => {
                if let Some(norms) = norms(facts, layer) {
                    return self.gradient(facts, norms, area, buf);
                }
            }
        }
        sentence(facts.theme, "A state is seen with the first step.", area, buf);
    }

    fn act(&mut self, facts: &Facts, seat: Seat, action: Action) -> Vec<Wish> {
        let states = states(facts);
        let Some((layer, part)) = self.layer(facts, &states) else { return Vec::new() };
        let views = names(part).count() + usize::from(carried(facts));
        match action {
            Action::CycleView => self.view = (self.view.min(views - 1) + 1) % views,
            Action::PreviousLayer => self.layer = Some(layer.saturating_sub(1)),
            Action::NextLayer => self.layer = Some((layer + 1).min(states.len() - 1)),
            _ => {
                let page = usize::from(seat.room.height.saturating_sub(2)).max(1);
                if let Some(shown) = self.shown(facts) {
                    let (unit, time) = self.cursor(&shown);
                    let (last_unit, last_time) = (shown.units - 1, shown.time - 1);
                    self.unit = moved(action, unit, page, last_unit);
                    match action {
                        Action::Left => self.time = Some(time.saturating_sub(1)),
                        Action::Right => self.time = Some((time + 1).min(last_time)),
                        _ => {}
                    }
                } else if let Some(norms) = norms(facts, layer) {
                    let last = norms.len() - 1;
                    self.distance = moved(action, self.distance, page, last);
                }
            }
        }
        Vec::new()
    }

    fn click(&mut self, facts: &Facts, seat: Seat, at: Position) -> Vec<Wish> {
        if let Some(shown) = self.shown(facts)
            && let Some((unit, time)) = self.grid(&shown, seat.room).at(at)
        {
            (self.unit, self.time) = (unit, Some(time));
        }
        Vec::new()
    }

    fn subscribe(&self, facts: &Facts, wanted: &mut Subscription) {
        let states = states(facts);
        let Some((_, part)) = self.layer(facts, &states) else { return };
        if let Some(name) = self.name(facts, part) {
            wanted.activations.push(name.to_owned());
        } else {
            let told = Arguments { examples: EXAMPLES, ..Arguments::default() };
            wanted.instruments.push((reach::INSTRUMENT.name, told));
        }
    }

    fn follow(&mut self, facts: &Facts, name: &str) -> bool {
        let states = states(facts);
        let place = states.iter().enumerate().find_map(|(layer, part)| {
            names(part).position(|known| known == name).map(|view| (layer, view))
        });
        if let Some((layer, view)) = place {
            (self.layer, self.view) = (Some(layer), view);
        }
        place.is_some()
    }

    fn understands(&self) -> &'static [Action] {
        &[Action::Left, Action::Right, Action::CycleView, Action::PreviousLayer, Action::NextLayer]
    }
}
