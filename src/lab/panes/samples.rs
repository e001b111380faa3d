//! The samples pane: text by the weights of this moment, and what each of its characters was drawn from.

mod candidates;
mod counted;
mod page;
#[cfg(test)]
mod tests;

use std::iter;

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use ratatui::style::{Modifier, Style};

use crate::lab::action::{Action, DRAWING};
use crate::lab::facts::Facts;
use crate::lab::number;
use crate::lab::pane::{Pane, Seat, Wish};
use crate::lab::pen::{put, sentence};
use crate::lab::run::Run;
use crate::lab::theme::Role;
use crate::model::sampling::{Sampling, distribution};
use crate::text::Tokenizer;
use crate::train::snapshot::Sample;
use counted::Counted;
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

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum View {
    /// The model's text.
    #[default]
    Text,
    /// The same, each character coloured by its probability.
    Shaded,
    /// What counting writes.
    Counted,
}

#[derive(Debug, Default)]
pub struct Samples {
    view: View,
    /// The generated character that is looked at.
    cursor: Option<usize>,
    counted: Counted,
    /// What every generated character was drawn with.
    drawn: Vec<f64>,
}

impl Samples {
    /// Where text and table stand; the table has no room of its own without a cursor.
    fn split(&self, facts: &Facts, area: Rect) -> (Rect, Option<Rect>) {
        const BESIDE: u16 = 38;
        const GAP: u16 = 2;
        if self.cursor.is_none() || sample(facts).is_none() || area.height < 3 {
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

    /// The cursor, if the sample has such a character.
    fn cursor(&self, sample: &Sample) -> Option<usize> {
        self.cursor.filter(|index| *index < sample.tokens.len())
    }

    fn draw_text(&self, facts: &Facts, sample: &Sample, area: Rect, buf: &mut Buffer) {
        let theme = facts.theme;
        let page = page(facts, &sample.prompt, &sample.tokens, area.width);
        let prompt = sample.prompt.len();
        let cursor = self.cursor(sample);
        let first =
            page.first_row(cursor.map(|index| prompt + index), area.height, !sample.complete);
        for (i, place) in page.places.iter().enumerate() {
            let Some(row) =
                place.row.checked_sub(first).filter(|row| *row < usize::from(area.height))
            else {
                continue;
            };
            let (x, y) = (area.x + place.column, area.y + row as u16);
            let chosen = i.checked_sub(prompt).filter(|_| i >= prompt);
            let mut style = match chosen {
                None => theme.style(Role::Muted).add_modifier(Modifier::ITALIC),
                Some(index) if self.view == View::Shaded => {
                    shaded(facts, self.drawn.get(index).copied())
                }
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

    /// Where an action takes the cursor.
    fn moved(&self, facts: &Facts, sample: &Sample, room: Rect, action: Action) -> Option<usize> {
        let last = sample.tokens.len().checked_sub(1)?;
        let now = self.cursor(sample);
        let rows = |by: isize| {
            let index = now.unwrap_or(0);
            let width = if room.is_empty() { 40 } else { self.split(facts, room).0.width };
            let prompt = sample.prompt.len();
            let page = page(facts, &sample.prompt, &sample.tokens, width);
            let to = page.rows_away(prompt + index, by);
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
}

impl Pane for Samples {
    fn title(&self) -> &'static str {
        "Samples"
    }

    fn detail(&self, facts: &Facts) -> String {
        if self.view == View::Counted {
            return self.counted.detail(facts);
        }
        let Some(sample) = sample(facts) else { return String::new() };
        let mut parts = vec![format!("step {}", number::count(sample.step))];
        if !sample.complete {
            let of = wanted(facts).map_or(String::new(), |wanted| format!("/{wanted}"));
            parts.push(format!(
                "generating{} {}{of}",
                facts.theme.glyphs.ellipsis,
                sample.tokens.len()
            ));
        }
        parts.push(settings(&sample.sampling));
        parts.join(" · ")
    }

    fn about(&self, facts: &Facts, _seat: Seat) -> String {
        let text = match self.cursor {
            _ if facts.run.is_some_and(|run| why_none(run).is_some()) => "no text here",
            _ if self.view == View::Counted => {
                "drawn from counts of the training text; s draws anew"
            }
            _ if sample(facts).is_none() => "text by the weights of this moment",
            Some(_) => "what it was drawn from: softmax(logits / T)",
            None if self.view == View::Shaded => "shaded by probability; underlined: p < 0.1",
            None => "by the weights of this moment; arrows look into a character",
        };
        text.to_owned()
    }

    fn draw(&self, facts: &Facts, seat: Seat, buf: &mut Buffer) {
        let area = seat.room;
        if self.view == View::Counted && facts.run.and_then(why_none).is_none() {
            return self.counted.draw(facts, area, buf);
        }
        let Some(sample) = sample(facts) else {
            let text = "The first text comes within seconds, from untrained weights: noise. Watch it turn \
                    into words.";
            let text = facts.run.and_then(why_none).unwrap_or(text);
            sentence(facts.theme, text, area, buf);
            return;
        };
        let (text, table) = self.split(facts, area);
        self.draw_text(facts, sample, text, buf);
        if let (Some(table), Some(index)) = (table, self.cursor(sample)) {
            candidates::draw(facts, sample, index, table, buf);
        }
    }

    fn act(&mut self, facts: &Facts, seat: Seat, action: Action) -> Vec<Wish> {
        if action == Action::CycleView {
            self.view = match self.view {
                View::Text => View::Shaded,
                View::Shaded => View::Counted,
                View::Counted => View::Text,
            };
            self.refresh(facts);
            return Vec::new();
        }
        if self.view == View::Counted {
            if matches!(action, Action::Left | Action::Right) {
                self.counted.look(action == Action::Right);
                self.counted.follow(facts);
            }
            return Vec::new();
        }
        let to = sample(facts).and_then(|sample| self.moved(facts, sample, seat.room, action));
        if let Some(to) = to {
            self.cursor = Some(to);
        }
        Vec::new()
    }

    fn click(&mut self, facts: &Facts, seat: Seat, at: Position) -> Vec<Wish> {
        let area = seat.room;
        let seen = sample(facts).filter(|_| self.view != View::Counted);
        let Some(sample) = seen else { return Vec::new() };
        let (text, _) = self.split(facts, area);
        if !text.contains(at) {
            return Vec::new();
        }
        let page = page(facts, &sample.prompt, &sample.tokens, text.width);
        let prompt = sample.prompt.len();
        let cursor = self.cursor(sample).map(|index| prompt + index);
        let first = page.first_row(cursor, text.height, !sample.complete);
        let hit = page.at(first + usize::from(at.y - text.y), at.x - text.x);
        let hit = hit.and_then(|i| i.checked_sub(prompt));
        self.cursor = hit;
        Vec::new()
    }

    fn shows_samples(&self) -> bool {
        true
    }

    fn refresh(&mut self, facts: &Facts) {
        if self.view == View::Counted {
            self.counted.follow(facts);
        }
        self.drawn.clear();
        if let Some(sample) = sample(facts) {
            let drawn = sample.tokens.iter().enumerate().map(|(i, token)| {
                let table = distribution(&candidates::logits(sample, i), &sample.sampling);
                table.iter().find(|c| c.token == *token).map_or(f64::NAN, |c| c.probability)
            });
            self.drawn.extend(drawn);
        }
        let last = self.drawn.len().checked_sub(1);
        self.cursor = self.cursor.zip(last).map(|(index, last)| index.min(last));
    }

    fn understands(&self) -> &'static [Action] {
        DRAWING
    }
}

/// The latest text, if the run on the screen writes one.
fn sample<'a>(facts: &Facts<'a>) -> Option<&'a Sample> {
    facts.sample.filter(|_| facts.reads_prompt())
}

/// Why a run writes no text.
fn why_none(run: &Run) -> Option<&'static str> {
    run.config.task.card().instead_of_text
}

/// How many characters were asked for.
fn wanted(facts: &Facts) -> Option<usize> {
    facts.requested.map(|request| request.tokens)
}

/// `T 0.8 · top-k 40 · top-p 0.9`
fn settings(sampling: &Sampling) -> String {
    let mut parts = vec![format!("temperature {}", number::setting(sampling.temperature))];
    parts.extend(sampling.top_k.map(|k| format!("top-k {k}")));
    parts.extend(sampling.top_p.map(|p| format!("top-p {}", number::setting(p))));
    parts.join(" · ")
}

/// The signs of prompt and text, laid out.
fn page(facts: &Facts, prompt: &[u32], text: &[u32], width: u16) -> Page {
    let tokens = || prompt.iter().chain(text).copied();
    let Some(Tokenizer::Words(words)) = facts.tokenizer() else {
        let characters: Vec<_> = tokens().map(|token| facts.character(token)).collect();
        return Page::new(Sign::of(&characters, facts.theme.glyphs.ascii).into_iter(), width);
    };
    let before = iter::once(None).chain(tokens().map(Some));
    let signs = before.zip(tokens()).map(|(before, token)| {
        if words.word(token) == "\n" {
            return Sign::Newline;
        }
        let space = before.is_some_and(|before| words.space_between(before, token));
        Sign::of_word(facts.label(token), space)
    });
    Page::new(signs, width)
}

/// How a character of this probability looks.
fn shaded(facts: &Facts, probability: Option<f64>) -> Style {
    let Some(p) = probability.filter(|p| p.is_finite()) else { return Style::new() };
    let theme = facts.theme;
    let mut style = if theme.has_ramp() { theme.cell(p).1 } else { Style::new() };
    if p < UNLIKELY {
        style = style.add_modifier(Modifier::UNDERLINED);
    } else if p >= LIKELY && !theme.has_ramp() {
        style = style.add_modifier(Modifier::BOLD);
    }
    style
}
