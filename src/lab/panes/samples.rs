//! The samples pane: text by the weights of this moment, and what each of its characters was drawn from.

mod candidates;
mod page;
#[cfg(test)]
mod tests;

use std::iter;

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use ratatui::style::{Modifier, Style};
use ratatui::widgets::{Paragraph, Widget, Wrap};

use super::{Look, PaneId};
use crate::lab::action::Action;
use crate::lab::model::{Effect, Model};
use crate::lab::number;
use crate::lab::pen::put;
use crate::lab::run_view::Run;
use crate::lab::theme::Role;
use crate::model::sampling::{Sampling, distribution};
use crate::task::Task;
use crate::text::Tokenizer;
use crate::train::Subscription;
use crate::train::snapshot::Sample;
use page::{Page, Sign};

/// Characters less likely than this are underlined.
const UNLIKELY: f64 = 0.1;
/// Without colours, characters at least this likely are bold.
const LIKELY: f64 = 0.5;
/// Lines that a page key moves by.
const PAGE: isize = 5;

/// What brings the cursor up.
const MOVES: [Action; 6] =
    [Action::Left, Action::Right, Action::Up, Action::Down, Action::PageUp, Action::PageDown];

#[derive(Debug, Default)]
pub struct State {
    /// The generated character that is looked at.
    cursor: Option<usize>,
    /// Whether characters are coloured by their probability.
    by_probability: bool,
    /// What every generated character was drawn with.
    drawn: Vec<f64>,
}

pub fn detail(model: &Model) -> String {
    let Some(sample) = sample(model) else { return String::new() };
    let mut parts = vec![format!("step {}", number::count(sample.step))];
    if !sample.complete {
        let of = wanted(model).map_or(String::new(), |wanted| format!("/{wanted}"));
        parts.push(format!(
            "generating{} {}{of}",
            model.theme.glyphs.ellipsis,
            sample.tokens.len()
        ));
    }
    parts.push(settings(&sample.sampling));
    parts.join(" · ")
}

/// The latest text, if the run on the screen writes one.
fn sample(model: &Model) -> Option<&Sample> {
    model.sample().filter(|_| model.reads_prompt())
}

/// Why a run writes no text.
fn why_none(run: &Run) -> Option<&'static str> {
    match run.config.task.task {
        Task::Text => None,
        Task::Recall => Some("No text comes of recall: the answer is one key, see softmax."),
        Task::Reverse | Task::Sort | Task::Dates | Task::Numbers => Some(
            "It continues no text: it answers sources, and the loss pane says how many exactly.",
        ),
        Task::Glyphs => Some("It makes images, no text; drawing them comes later."),
        Task::Points => Some("It makes points, no text; drawing them comes later."),
    }
}

/// How many characters were asked for.
fn wanted(model: &Model) -> Option<usize> {
    model.requested.as_ref().map(|request| request.tokens)
}

/// `T 0.8 · top-k 40 · top-p 0.9`
fn settings(sampling: &Sampling) -> String {
    let mut parts = vec![format!("T {}", number::setting(sampling.temperature))];
    parts.extend(sampling.top_k.map(|k| format!("top-k {k}")));
    parts.extend(sampling.top_p.map(|p| format!("top-p {}", number::setting(p))));
    parts.join(" · ")
}

pub fn about(model: &Model) -> String {
    let state = &model.panes.samples;
    let text = match state.cursor {
        _ if model.run.as_ref().is_some_and(|run| why_none(run).is_some()) => "no text here",
        _ if sample(model).is_none() => "text by the weights of this moment",
        Some(_) => "what it was drawn from: softmax(logits / T)",
        None if state.by_probability => "shaded by probability; underlined: p < 0.1",
        None => "by the weights of this moment; arrows look into a character",
    };
    text.to_owned()
}

/// Where text and table stand; the table has no room of its own without a cursor.
fn split(model: &Model, area: Rect) -> (Rect, Option<Rect>) {
    const BESIDE: u16 = 38;
    const GAP: u16 = 2;
    if model.panes.samples.cursor.is_none() || sample(model).is_none() || area.height < 3 {
        return (area, None);
    }
    if area.width >= 2 * BESIDE && area.height >= 8 {
        let width = area.width - BESIDE - GAP;
        let side = Rect { x: area.x + width + GAP, width: BESIDE, ..area };
        return (Rect { width, ..area }, Some(side));
    }
    let height = if area.height < 7 { 1 } else { (area.height / 2).min(10) };
    let above = area.height - height;
    (Rect { height: above, ..area }, Some(Rect { y: area.y + above, height, ..area }))
}

pub fn draw(model: &Model, _look: Look, area: Rect, buf: &mut Buffer) {
    let Some(sample) = sample(model) else {
        let text = "The first text comes within seconds, from untrained weights: noise. Watch it turn \
                    into words.";
        let text = model.run.as_ref().and_then(why_none).unwrap_or(text);
        Paragraph::new(text)
            .wrap(Wrap { trim: true })
            .style(model.theme.style(Role::Muted))
            .render(area, buf);
        return;
    };
    let (text, table) = split(model, area);
    draw_text(model, sample, text, buf);
    if let (Some(table), Some(index)) = (table, cursor(model, sample)) {
        candidates::draw(model, sample, index, table, buf);
    }
}

/// The cursor, if the sample has such a character.
fn cursor(model: &Model, sample: &Sample) -> Option<usize> {
    model.panes.samples.cursor.filter(|index| *index < sample.tokens.len())
}

/// The signs of prompt and text, laid out.
fn page(model: &Model, sample: &Sample, width: u16) -> Page {
    let tokens = || sample.prompt.iter().chain(&sample.tokens).copied();
    let Some(Tokenizer::Words(words)) = model.tokenizer() else {
        let characters: Vec<_> = tokens().map(|token| model.character(token)).collect();
        return Page::new(Sign::of(&characters, model.theme.glyphs.ascii).into_iter(), width);
    };
    let before = iter::once(None).chain(tokens().map(Some));
    let signs = before.zip(tokens()).map(|(before, token)| {
        if words.word(token) == "\n" {
            return Sign::Newline;
        }
        let space = before.is_some_and(|before| words.space_between(before, token));
        Sign::of_word(model.label(token), space)
    });
    Page::new(signs, width)
}

fn draw_text(model: &Model, sample: &Sample, area: Rect, buf: &mut Buffer) {
    let theme = &model.theme;
    let state = &model.panes.samples;
    let page = page(model, sample, area.width);
    let prompt = sample.prompt.len();
    let cursor = cursor(model, sample);
    let first = page.first_row(cursor.map(|index| prompt + index), area.height, !sample.complete);
    for (i, place) in page.places.iter().enumerate() {
        let Some(row) = place.row.checked_sub(first).filter(|row| *row < usize::from(area.height))
        else {
            continue;
        };
        let (x, y) = (area.x + place.column, area.y + row as u16);
        let chosen = i.checked_sub(prompt).filter(|_| i >= prompt);
        let mut style = match chosen {
            None => theme.style(Role::Muted).add_modifier(Modifier::ITALIC),
            Some(index) if state.by_probability => shaded(model, state.drawn.get(index).copied()),
            Some(_) => theme.style(Role::Text),
        };
        let at_cursor = chosen.is_some() && chosen == cursor;
        if at_cursor {
            style = theme.style(Role::Selected);
        }
        match &place.sign {
            Sign::Shown { text, .. } => _ = put(buf, area, x, y, text, style),
            // Seen with the sign it is a part of, which the cursor marks as a whole.
            Sign::Part(before) if at_cursor => {
                let whole = i.checked_sub(*before).map(|head| &page.places[head].sign);
                if let Some(Sign::Shown { text, .. }) = whole {
                    put(buf, area, x, y, text, style);
                }
            }
            Sign::Newline if at_cursor => _ = put(buf, area, x, y, theme.glyphs.newline, style),
            Sign::Part(_) | Sign::Newline => {}
            Sign::Unknown => _ = put(buf, area, x, y, "?", theme.style(Role::Warning)),
        }
    }
}

/// How a character of this probability looks.
fn shaded(model: &Model, probability: Option<f64>) -> Style {
    let Some(p) = probability.filter(|p| p.is_finite()) else { return Style::new() };
    let theme = &model.theme;
    let mut style = if theme.has_ramp() { theme.cell(p).1 } else { Style::new() };
    if p < UNLIKELY {
        style = style.add_modifier(Modifier::UNDERLINED);
    } else if p >= LIKELY && !theme.has_ramp() {
        style = style.add_modifier(Modifier::BOLD);
    }
    style
}

pub fn update(model: &mut Model, action: Action) -> Vec<Effect> {
    if action == Action::CycleView {
        let state = &mut model.panes.samples;
        state.by_probability = !state.by_probability;
        return Vec::new();
    }
    let to = sample(model).and_then(|sample| moved(model, sample, action));
    if let Some(to) = to {
        model.panes.samples.cursor = Some(to);
    }
    Vec::new()
}

/// Where an action takes the cursor.
fn moved(model: &Model, sample: &Sample, action: Action) -> Option<usize> {
    let last = sample.tokens.len().checked_sub(1)?;
    let now = cursor(model, sample);
    let rows = |by: isize| {
        let index = now.unwrap_or(0);
        let width = model.layout().area(PaneId::Samples).map_or(40, |area| {
            let inside = Rect {
                width: area.width.saturating_sub(4),
                height: area.height.saturating_sub(2),
                ..area
            };
            split(model, inside).0.width
        });
        let prompt = sample.prompt.len();
        let to = page(model, sample, width).rows_away(prompt + index, by);
        to.saturating_sub(prompt).min(last)
    };
    Some(match (action, now) {
        (Action::Home, _) => 0,
        (Action::End, _) => last,
        (Action::Left, Some(index)) => index.saturating_sub(1),
        (Action::Right, Some(index)) => (index + 1).min(last),
        (Action::Up, Some(_)) => rows(-1),
        (Action::Down, Some(_)) => rows(1),
        (Action::PageUp, Some(_)) => rows(-PAGE),
        (Action::PageDown, Some(_)) => rows(PAGE),
        // The first movement only brings the cursor up.
        (action, None) if MOVES.contains(&action) => 0,
        _ => return None,
    })
}

pub fn click(model: &mut Model, area: Rect, at: Position) -> Vec<Effect> {
    let Some(sample) = sample(model) else { return Vec::new() };
    let (text, _) = split(model, area);
    if !text.contains(at) {
        return Vec::new();
    }
    let page = page(model, sample, text.width);
    let prompt = sample.prompt.len();
    let cursor = cursor(model, sample).map(|index| prompt + index);
    let first = page.first_row(cursor, text.height, !sample.complete);
    let hit = page.at(first + usize::from(at.y - text.y), at.x - text.x);
    let hit = hit.and_then(|i| i.checked_sub(prompt));
    model.panes.samples.cursor = hit;
    Vec::new()
}

pub fn subscribe(_model: &Model, _wanted: &mut Subscription) {}

pub fn refresh(model: &mut Model) {
    let mut state = std::mem::take(&mut model.panes.samples);
    state.drawn.clear();
    if let Some(sample) = sample(model) {
        let drawn = sample.tokens.iter().enumerate().map(|(i, token)| {
            let table = distribution(&candidates::logits(sample, i), &sample.sampling);
            table.iter().find(|c| c.token == *token).map_or(f64::NAN, |c| c.probability)
        });
        state.drawn.extend(drawn);
    }
    let last = state.drawn.len().checked_sub(1);
    state.cursor = state.cursor.zip(last).map(|(index, last)| index.min(last));
    model.panes.samples = state;
}
