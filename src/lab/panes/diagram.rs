//! The diagram pane: the model as boxes and arrows from its own card, with the size of each activation as it is now.

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect, Size};
use unicode_width::UnicodeWidthStr;

use crate::lab::action::Action;
use crate::lab::facts::Facts;
use crate::lab::flow::fold::{Fold, Stack, stacks};
use crate::lab::flow::plan::{Placed, Plan, plan, shape};
use crate::lab::flow::{Painter, lit};
use crate::lab::number::{count, value};
use crate::lab::pane::{Pane, Seat, Wish};
use crate::lab::pen::{put, sentence};
use crate::lab::theme::Role;
use crate::model::Card;
use crate::model::card::{Glance, Op, Part};
use crate::probe::sizes::{self, DEAD, UNITS};
use crate::probe::{Arguments, Measured};
use crate::train::Subscription;

/// What measures the activations.
const SIZES: &str = sizes::INSTRUMENT.name;
/// Parts that a page up or down moves over.
const PAGE: usize = 6;

#[derive(Debug, Default)]
pub struct Diagram {
    /// The part under the cursor; `None`, or one that the model has not: the first that the page speaks of, or the first.
    part: Option<String>,
    /// The lesson and the page that the cursor was last seen on.
    page: Option<(String, usize)>,
    /// Whether every layer is drawn, also where they are alike.
    every: bool,
    /// Where the cursor last stood in layers that are alike: the name of their first part, and the number of the layer.
    layers: BTreeMap<String, usize>,
}

/// The parts that the open page speaks of, if the model on the screen has any.
fn spoken_of(facts: &Facts, card: &Card) -> Option<Vec<bool>> {
    lit(card, &facts.page().setup.parts)
}

fn card<'a>(facts: &Facts<'a>) -> Option<&'a Card> {
    facts.run?.card.as_deref().filter(|card| !card.flow.is_empty())
}

fn measured_sizes<'a>(facts: &Facts<'a>) -> Option<&'a Measured> {
    facts.snapshot?.readings.iter().find(|measured| measured.instrument == SIZES)
}

/// The pane's room, divided: the same for drawing and for the mouse.
struct Places {
    plan: Plan,
    /// How many boxes there are, seen or not.
    boxes: usize,
    /// The part of the paper that is seen, and where it stands on the screen.
    seen: Rect,
    drawing: Rect,
    /// What is above and below what is seen.
    rule: Rect,
    detail: Rect,
}

impl Places {
    /// Where an area of the paper stands on the screen, if all of it is seen.
    fn on_screen(&self, area: Rect) -> Option<Rect> {
        let whole = self.seen.intersection(area) == area && !area.is_empty();
        whole.then(|| Rect {
            x: area.x - self.seen.x + self.drawing.x,
            y: area.y - self.seen.y + self.drawing.y,
            ..area
        })
    }
}

impl Diagram {
    /// The index of the part under the cursor.
    fn chosen(&self, facts: &Facts, card: &Card) -> usize {
        let named = |part: &Part| Some(&part.name) == self.part.as_ref();
        let first_lit = || spoken_of(facts, card)?.iter().position(|lit| *lit);
        card.flow.iter().position(named).or_else(first_lit).unwrap_or(0)
    }

    /// What is drawn: of layers that are alike the one with the cursor; of others the one where it last was, or the first that
    /// the page speaks of, or the first.
    fn fold(&self, facts: &Facts, card: &Card) -> Fold {
        if self.every {
            return Fold::joined(&card.flow);
        }
        let chosen = self.chosen(facts, card);
        let lit = spoken_of(facts, card);
        Fold::new(&card.flow, |stack| {
            let here = stack.place(chosen).map(|(layer, _)| layer);
            let visited = || self.layers.get(&card.flow[stack.layers[0][0]].name).copied();
            let is_lit = |layer: &Vec<usize>| {
                lit.as_ref().is_some_and(|lit| layer.iter().any(|part| lit[*part]))
            };
            let spoken_of = || stack.layers.iter().position(is_lit);
            here.or_else(visited).or_else(spoken_of).unwrap_or(0)
        })
    }

    /// Brings the cursor to a part.
    fn choose(&mut self, card: &Card, part: usize) {
        self.part = Some(card.flow[part].name.clone());
        for stack in stacks(&card.flow) {
            if let Some((layer, _)) = stack.place(part) {
                self.layers.insert(card.flow[stack.layers[0][0]].name.clone(), layer);
            }
        }
    }

    fn places(&self, facts: &Facts, card: &Card, room: Rect) -> Option<Places> {
        let chosen = self.chosen(facts, card);
        let fold = self.fold(facts, card);
        let lines = match room.height {
            0..=3 => 0,
            4..=7 => 1,
            _ => 2,
        };
        let divided = |lines: u16| {
            let rule = u16::from(lines > 1);
            let high = room.height - lines - rule;
            let size = Size::new(room.width, high);
            Some((plan(&fold, size, card.flow[chosen].tower)?, lines, rule, high))
        };
        // Rather one line of detail than a drawing of which little is not seen.
        let whole = |(plan, .., high): &(Plan, u16, u16, u16)| plan.size.height <= *high;
        let few = || divided(lines.min(1)).filter(whole);
        let full = divided(lines)?;
        let (plan, lines, rule, high) = if whole(&full) { full } else { few().unwrap_or(full) };
        // The chosen part in the middle, but no more empty room than there must be.
        let at = plan.of(chosen)?.middle().1;
        let shown = plan.size.height.min(high);
        let first = at.saturating_sub(high / 2).min(plan.size.height - shown);
        let seen = Rect::new(0, first, plan.size.width, shown);
        let drawing = Rect {
            x: room.x + (room.width - plan.size.width) / 2,
            y: room.y + (high - shown) / 2,
            width: plan.size.width,
            height: shown,
        };
        let rule = Rect { y: room.y + high, height: rule, ..room };
        let detail = Rect { y: rule.bottom(), height: lines, ..room };
        Some(Places { plan, boxes: fold.flow.len(), seen, drawing, rule, detail })
    }

    fn paint(&self, facts: &Facts, card: &Card, places: &Places, buf: &mut Buffer) {
        let measured = measured_sizes(facts);
        let size = |part: &Part| measured?.reading.figure(&part.name);
        let painter = Painter {
            theme: facts.theme,
            card,
            chosen: Some(self.chosen(facts, card)),
            lit: spoken_of(facts, card),
            sizes: card.flow.iter().map(size).collect(),
        };
        painter.paint(&places.plan, |area| places.on_screen(area), buf);
        Self::rule(facts, places, buf);
    }

    /// How many parts are not seen.
    fn rule(facts: &Facts, places: &Places, buf: &mut Buffer) {
        let area = places.rule;
        if area.is_empty() {
            return;
        }
        let seen = places.seen;
        let mut words = Vec::new();
        let above = places.plan.boxes.iter().filter(|b| b.area.y < seen.y).count();
        let below = places.plan.boxes.iter().filter(|b| b.area.bottom() > seen.bottom()).count();
        for (parts, place) in [(above, "above"), (below, "below")] {
            if parts > 0 {
                words.push(format!("{parts} {place}"));
            }
        }
        let elsewhere = places.boxes - places.plan.boxes.len();
        if elsewhere > 0 {
            words.push(format!("{elsewhere} in the other tower"));
        }
        let theme = facts.theme;
        let line = theme.glyphs.horizontal.repeat(usize::from(area.width));
        put(buf, area, area.x, area.y, &line, theme.style(Role::Faint));
        if !words.is_empty() {
            let text = format!(" parts not seen: {} ", words.join(", "));
            if text.width() + 2 <= usize::from(area.width) {
                put(buf, area, area.x + 2, area.y, &text, theme.style(Role::Muted));
            }
        }
    }

    /// All that is known of the part under the cursor, as much of it as fits.
    fn describe(&self, facts: &Facts, card: &Card, area: Rect, buf: &mut Buffer) {
        let theme = facts.theme;
        let part = &card.flow[self.chosen(facts, card)];
        let (text, muted) = (theme.style(Role::Text), theme.style(Role::Muted));
        let mut y = area.y;
        let mut x = area.x;
        for (at, words) in words(facts, card, part).into_iter().enumerate() {
            let wide = words.width() as u16;
            let gap = if x > area.x { 3 } else { 0 };
            if x + gap + wide > area.right() && x > area.x {
                (x, y) = (area.x, y + 1);
            }
            if y >= area.bottom() {
                return;
            }
            if x + wide > area.right() {
                continue;
            }
            if x > area.x {
                x = put(buf, area, x, y, " · ", muted);
            }
            let style = if at == 0 { theme.style(Role::Accent) } else { text };
            x = put(buf, area, x, y, &words, style);
        }
    }
}

/// What the line of detail says of a part, the most important first.
fn words(facts: &Facts, card: &Card, part: &Part) -> Vec<String> {
    let ascii = facts.theme.glyphs.ascii;
    let of = if part.of.is_empty() { String::new() } else { format!(" of {}", part.of) };
    let title = match part.op {
        // As sums are drawn, which says little in a sentence.
        Op::Add if part.title == "+" => "sum",
        _ => part.title.as_str(),
    };
    let mut words = vec![format!("{title}{of}")];
    if !part.axes.is_empty() {
        words.push(shape(&part.axes, ascii));
    }
    let measured = measured_sizes(facts);
    if let Some((step, rms)) = measured.and_then(|m| Some((m.step, m.reading.figure(&part.name)?)))
    {
        words.push(format!("rms {} at step {}", value(rms), count(step)));
    }
    let figure = |end| measured.and_then(|m| m.reading.figure(&format!("{}{end}", part.name)));
    if let Some((dead, units)) = figure(DEAD).zip(figure(UNITS)) {
        words.push(format!("{dead:.0} of {units:.0} units dead"));
    }
    match card.numbers(&part.weights) {
        _ if part.weights.is_empty() => {}
        1 => words.push("1 parameter".to_owned()),
        n => words.push(format!("{} parameters", count(n as u64))),
    }
    if !part.from.is_empty() {
        // Sums are many, and all have the same title.
        let name = |from: &String| match card.part(from) {
            Some(part) if part.op != Op::Add => part.title.clone(),
            _ => from.clone(),
        };
        words.push(format!(
            "reads {}",
            part.from.iter().map(name).collect::<Vec<_>>().join(" and ")
        ));
    }
    if part.name != part.title {
        words.push(part.name.clone());
    }
    words
}

/// The part that stands nearest that way from one, or the same. Up and down stay in a tower and go through every layer;
/// to the sides it is what stands there in the drawing.
fn neighbour(card: &Card, drawn: &Fold, from: usize, way: Action) -> usize {
    let upright = matches!(way, Action::Up | Action::Down);
    let every = upright.then(|| Fold::none(&card.flow));
    let Some(plan) = plan(every.as_ref().unwrap_or(drawn), Size::MAX, 0) else { return from };
    let Some(here) = plan.of(from) else { return from };
    let (x, y) = here.middle();
    let lies_there = |placed: &&Placed| {
        let middle = placed.middle();
        match way {
            Action::Up => middle.1 < y && placed.tower == here.tower,
            Action::Down => middle.1 > y && placed.tower == here.tower,
            Action::Left => middle.0 < x,
            _ => middle.0 > x,
        }
    };
    let distance = |placed: &&Placed| {
        let middle = placed.middle();
        (middle.1.abs_diff(y), middle.0.abs_diff(x))
    };
    let there = plan.boxes.iter().filter(lies_there);
    there.min_by_key(distance).map_or(from, |placed| placed.part)
}

/// The same part of the next layer, or of the one before, where there is one.
fn another_layer(stacks: &[Stack], part: usize, next: bool) -> usize {
    let of = stacks.iter().find_map(|stack| Some((stack, stack.place(part)?)));
    let Some((stack, (layer, place))) = of else {
        // From outside into the nearest stack: to the first part of its first layer, or the last of its last.
        let end = |stack: &Stack| {
            let layer = if next { stack.layers.first() } else { stack.layers.last() }?;
            if next { layer.first().copied() } else { layer.last().copied() }
        };
        let ends = stacks.iter().filter_map(end);
        return ends.min_by_key(|other| other.abs_diff(part)).unwrap_or(part);
    };
    let layer = if next { Some(layer + 1) } else { layer.checked_sub(1) };
    layer.and_then(|layer| stack.layers.get(layer)).map_or(part, |layer| layer[place])
}

impl Pane for Diagram {
    fn title(&self) -> &'static str {
        "Diagram"
    }

    fn detail(&self, facts: &Facts) -> String {
        match (card(facts), measured_sizes(facts)) {
            (Some(_), Some(measured)) => format!("rms at step {}", count(measured.step)),
            _ => String::new(),
        }
    }

    fn about(&self, facts: &Facts, seat: Seat) -> String {
        let places = card(facts).and_then(|card| self.places(facts, card, seat.room));
        match places {
            Some(Places { plan, .. }) if !plan.left_out.is_empty() => {
                format!("too narrow for {}", plan.left_out.join(", "))
            }
            Some(_) if card(facts).and_then(|card| spoken_of(facts, card)).is_some() => {
                "bold: what this page speaks of".to_owned()
            }
            _ => "data flow upwards; beside: rms".to_owned(),
        }
    }

    fn draw(&self, facts: &Facts, seat: Seat, buf: &mut Buffer) {
        let area = seat.room;
        let Some(card) = card(facts) else {
            return sentence(facts.theme, "The model's parts come with the run.", area, buf);
        };
        match self.places(facts, card, area) {
            Some(places) if !places.seen.is_empty() => {
                self.paint(facts, card, &places, buf);
                self.describe(facts, card, places.detail, buf);
            }
            _ => sentence(facts.theme, "The diagram needs a wider pane: z zooms.", area, buf),
        }
    }

    fn act(&mut self, facts: &Facts, _seat: Seat, action: Action) -> Vec<Wish> {
        let Some(card) = card(facts) else { return Vec::new() };
        let chosen = self.chosen(facts, card);
        let drawn = self.fold(facts, card);
        let neighbour = |part, way| neighbour(card, &drawn, part, way);
        let page = |way| (0..PAGE).fold(chosen, |part, _| neighbour(part, way));
        let part = match action {
            Action::Up | Action::Down | Action::Left | Action::Right => neighbour(chosen, action),
            Action::PageUp => page(Action::Up),
            Action::PageDown => page(Action::Down),
            Action::Home => 0,
            Action::End => card.flow.len() - 1,
            Action::NextLayer | Action::PreviousLayer => {
                another_layer(&stacks(&card.flow), chosen, action == Action::NextLayer)
            }
            Action::CycleView => {
                self.every = !self.every;
                return Vec::new();
            }
            Action::Follow => return vec![Wish::Follow(card.flow[chosen].name.clone())],
            _ => return Vec::new(),
        };
        self.choose(card, part);
        Vec::new()
    }

    fn click(&mut self, facts: &Facts, seat: Seat, at: Position) -> Vec<Wish> {
        let Some(card) = card(facts) else { return Vec::new() };
        let Some(places) = self.places(facts, card, seat.room) else { return Vec::new() };
        let under =
            |placed: &&Placed| places.on_screen(placed.area).is_some_and(|area| area.contains(at));
        if let Some(placed) = places.plan.boxes.iter().find(under) {
            self.choose(card, placed.part);
        }
        Vec::new()
    }

    /// A page that speaks of parts brings the cursor to them.
    fn refresh(&mut self, facts: &Facts) {
        let now = (facts.lesson.id.as_str(), facts.page);
        if self.page.as_ref().map(|(lesson, page)| (lesson.as_str(), *page)) != Some(now) {
            self.page = Some((now.0.to_owned(), now.1));
            if !facts.page().setup.parts.is_empty() {
                self.part = None;
                self.layers.clear();
            }
        }
    }

    fn subscribe(&self, facts: &Facts, wanted: &mut Subscription) {
        let measured = |part: &Part| part.glance != Glance::No;
        let Some(true) = card(facts).map(|card| card.flow.iter().any(measured)) else { return };
        let arguments = Arguments { prompt: wanted.prompt.clone(), ..Arguments::default() };
        let instrument = (SIZES, arguments);
        if !wanted.instruments.contains(&instrument) {
            wanted.instruments.push(instrument);
        }
    }

    fn understands(&self) -> &'static [Action] {
        &[
            Action::Left,
            Action::Right,
            Action::PreviousLayer,
            Action::NextLayer,
            Action::CycleView,
            Action::Follow,
        ]
    }
}
