//! The softmax pane: what may come after any position of the prompt, from logit to probability.

mod provenance;
mod strip;
#[cfg(test)]
mod tests;

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use ratatui::text::{Line, Span};
use ratatui::widgets::Widget;
use unicode_width::UnicodeWidthStr;

use crate::lab::action::Action;
use crate::lab::facts::Facts;
use crate::lab::number::{count, probability, setting, value};
use crate::lab::pane::{Pane, Seat, Wish};
use crate::lab::pen::{clip, put, sentence};
use crate::lab::provenance::{WALKING, Walk};
use crate::lab::theme::Role;
use crate::lab::widgets::bar::bar;
use crate::math::Real;
use crate::model::Card;
use crate::model::card::Op;
use crate::model::sampling::{Candidate, Sampling, distribution};
use crate::train::Subscription;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum View {
    /// The likeliest first.
    #[default]
    Table,
    /// All of them as columns, in the order of their ids.
    Strip,
}

#[derive(Debug, Default)]
pub struct Softmax {
    view: View,
    /// The token after which the next one is looked for; `None` stays at the last as the prompt grows.
    position: Option<usize>,
    /// Rows of the table (or of strips) above the first one shown.
    scroll: usize,
    /// Where its numbers come from, while that is asked.
    walk: Walk,
}

/// The distribution after one position, as it is drawn from.
struct Next<'a> {
    /// The tokens the model looked at.
    prompt: &'a [u32],
    position: usize,
    /// The first position that it says something after.
    first: usize,
    /// Likeliest first.
    table: Vec<Candidate>,
    /// The token that does come next.
    truth: Option<Truth>,
}

struct Truth {
    token: u32,
    /// Of the model itself: at temperature 1, all tokens kept.
    probability: f64,
}

/// Why there is no next token to speak of.
fn why_none(facts: &Facts) -> Option<String> {
    let card = facts.card()?;
    let instead = card.structure.instead_of_tokens?;
    Some(format!("{} says nothing token by token: {instead}.", card.name))
}

impl Next<'_> {
    /// In nats.
    fn entropy(&self) -> f64 {
        let terms = self.table.iter().map(|c| c.probability);
        0.0 - terms.filter(|&p| p != 0.0).map(|p| p * p.ln()).sum::<f64>()
    }

    fn kept(&self) -> usize {
        self.table.iter().filter(|c| c.kept).count()
    }
}

/// `temperature 0.8 top-k – top-p 0.9`
fn settings(sampling: &Sampling) -> String {
    let k = sampling.top_k.map_or_else(|| "–".to_owned(), |k| k.to_string());
    let p = sampling.top_p.map_or_else(|| "–".to_owned(), setting);
    format!("temperature {} top-k {k} top-p {p}", setting(sampling.temperature))
}

impl Softmax {
    fn next<'a>(&self, facts: &Facts<'a>) -> Option<Next<'a>> {
        let snapshot = facts.snapshot?;
        let card = facts.card()?;
        let logits = snapshot.activation(card.logits()?)?;
        let task = facts.task();
        let &[rows, vocab_size] = logits.shape.as_slice() else { return None };
        let prompt = task.real(&snapshot.prompt);
        let time = prompt.len();
        // A model that answers a question says nothing before its end.
        let answers_once = rows == 1 && card.structure.answers_once;
        if time == 0 || (rows != snapshot.prompt.len() && !answers_once) {
            return None;
        }
        let first = if answers_once { time - 1 } else { 0 };
        let position = self.position.map_or(time - 1, |p| p.clamp(first, time - 1));
        let at = (position - first) * vocab_size;
        let row = logits.values.get(at..at + vocab_size)?;
        // With the feature f64 the core calculates in f64, while snapshots stay f32.
        #[allow(clippy::useless_conversion)]
        let row: Vec<Real> = row.iter().map(|&x| x.into()).collect();
        let truth = task.asked(prompt, position).and_then(|token| {
            let table = distribution(&row, &Sampling::default());
            let probability = table.iter().find(|c| c.token == token)?.probability;
            Some(Truth { token, probability })
        });
        let table = distribution(&row, &facts.sampling);
        Some(Next { prompt, position, first, table, truth })
    }

    fn table(&self, facts: &Facts, next: &Next, area: Rect, buf: &mut Buffer) {
        let theme = facts.theme;
        let (muted, text) = (theme.style(Role::Muted), theme.style(Role::Text));
        let columns = Columns::new(area);
        let right = |buf: &mut Buffer, end: u16, y, what: &str, style| {
            put(buf, area, end.saturating_sub(what.width() as u16).max(area.x), y, what, style);
        };
        let head = theme.style(Role::Heading);
        let [token, logit, scaled, kept, p] = columns.names;
        put(buf, area, area.x, area.y, token, head);
        right(buf, columns.logit, area.y, logit, head);
        right(buf, columns.scaled, area.y, scaled, head);
        put(buf, area, columns.kept, area.y, kept, head);
        right(buf, columns.probability, area.y, p, head);

        let all = next.table.len();
        let rows = table_rows(area, all);
        let first = self.scroll.min(all - rows);
        let largest = next.table.first().map_or(0.0, |c| c.probability);
        for (i, candidate) in next.table.iter().enumerate().skip(first).take(rows) {
            let y = area.y + 1 + (i - first) as u16;
            let style = if candidate.kept { text } else { muted };
            if next.truth.as_ref().is_some_and(|truth| truth.token == candidate.token) {
                put(buf, area, area.x, y, theme.glyphs.cursor, theme.style(Role::Accent));
            }
            put(buf, area, area.x + 1, y, &facts.label(candidate.token), style);
            right(buf, columns.logit, y, &value(candidate.logit), style);
            right(buf, columns.scaled, y, &value(candidate.scaled), style);
            let kept = match (candidate.kept, facts.sampling.top_k) {
                (true, _) => theme.glyphs.done,
                // The order of the table is the order of the cuts.
                (false, _) if facts.sampling.temperature == 0.0 => "at 0",
                (false, Some(k)) if i >= k => "top-k",
                (false, _) => "top-p",
            };
            let role = if candidate.kept { Role::Good } else { Role::Muted };
            put(buf, area, columns.kept, y, kept, theme.style(role));
            right(buf, columns.probability, y, &probability(candidate.probability), style);
            let room = usize::from(area.right().saturating_sub(columns.bar + 1)).min(60);
            let bar = bar(candidate.probability / largest, room, &theme.glyphs);
            put(buf, area, columns.bar + 1, y, &bar, theme.style(Role::Accent));
        }
        if rows < all {
            let y = area.bottom() - 1;
            let rest = [&next.table[..first], &next.table[first + rows..]];
            let more = match (first, all - first - rows) {
                (0, below) => format!("{}{} more", theme.glyphs.ellipsis, count(below as u64)),
                (above, below) => format!("{}{above} above, {below} below", theme.glyphs.ellipsis),
            };
            put(buf, area, area.x + 1, y, &clip(&more, 24, theme.glyphs.ellipsis), muted);
            let sum: f64 = rest.into_iter().flatten().map(|c| c.probability).sum();
            right(buf, columns.probability, y, &probability(sum), muted);
        }
    }

    /// Rows above the first one shown, at most.
    fn most_scroll(&self, facts: &Facts, room: Rect) -> usize {
        let Some(next) = self.next(facts) else { return 0 };
        if room.is_empty() {
            return 0;
        }
        let heading = heading_height(room, next.truth.is_some());
        let body = Rect { height: room.height.saturating_sub(heading), ..room };
        let all = next.table.len();
        match self.view {
            View::Table => all - table_rows(body, all),
            View::Strip => strip::most_scroll(facts, all, body),
        }
    }

    /// Looks for what follows a position; the last one stays the last as the prompt grows.
    fn go(&mut self, position: usize, last: usize) {
        self.position = (position < last).then_some(position);
        self.scroll = 0;
    }
}

impl Pane for Softmax {
    fn title(&self) -> &'static str {
        "Softmax"
    }

    fn detail(&self, facts: &Facts) -> String {
        if why_none(facts).is_some() {
            return String::new();
        }
        if self.walk.is_open() {
            return self.walk.detail(facts);
        }
        settings(&facts.sampling)
    }

    fn about(&self, facts: &Facts, _seat: Seat) -> String {
        if self.walk.is_open() {
            return self.walk.about();
        }
        facts.task().asks.to_owned()
    }

    fn draw(&self, facts: &Facts, seat: Seat, buf: &mut Buffer) {
        let area = seat.room;
        if self.walk.is_open() {
            return self.walk.draw(facts, area, buf);
        }
        if let Some(next) = self.next(facts) {
            let body = heading(facts, &next, area, buf);
            match self.view {
                View::Table => self.table(facts, &next, body, buf),
                View::Strip => {
                    strip::draw(facts, &next.table, self.scroll, body, buf);
                }
            }
        } else {
            let why = why_none(facts);
            let text = if let Some(why) = &why {
                why
            } else if !facts.reads_prompt() {
                "What the model answers in an example is shown with the first step."
            } else if facts.corpus.is_some() && facts.prompt.tokens.is_empty() {
                "Type a prompt with / to see what may come after it."
            } else {
                "What may come after your prompt is shown with the first step."
            };
            sentence(facts.theme, text, area, buf);
        }
    }

    fn act(&mut self, facts: &Facts, seat: Seat, action: Action) -> Vec<Wish> {
        if self.walk.is_open() {
            self.walk.act(facts, action);
            return Vec::new();
        }
        let Some(next) = self.next(facts) else { return Vec::new() };
        let (first, position, last) = (next.first, next.position, next.prompt.len() - 1);
        let most = self.most_scroll(facts, seat.room);
        match action {
            Action::Left => self.go(position.saturating_sub(1).max(first), last),
            Action::Right => self.go(position + 1, last),
            Action::Up => self.scroll = self.scroll.min(most).saturating_sub(1),
            Action::Down => self.scroll = (self.scroll + 1).min(most),
            Action::PageUp => self.scroll = self.scroll.min(most).saturating_sub(8),
            Action::PageDown => self.scroll = (self.scroll + 8).min(most),
            Action::Home => self.scroll = 0,
            Action::End => self.scroll = most,
            Action::CycleView => {
                self.view = if self.view == View::Table { View::Strip } else { View::Table };
                self.scroll = 0;
            }
            Action::Origin => self.walk.open(facts, next.number()),
            _ => {}
        }
        Vec::new()
    }

    fn back(&mut self) -> bool {
        self.walk.back()
    }

    /// A character of the prompt in the heading: its position.
    fn click(&mut self, facts: &Facts, seat: Seat, at: Position) -> Vec<Wish> {
        let area = seat.room;
        if self.walk.is_open() {
            self.walk.click(facts, area, at);
            return Vec::new();
        }
        let Some(next) = self.next(facts) else { return Vec::new() };
        if at.y != area.y || heading_height(area, true) == 0 {
            return Vec::new();
        }
        let place = place(facts, &next, area);
        let shown = shown(&next, area, &place);
        if let Some(column) = at.x.checked_sub(shown.x) {
            let mut position = shown.first + usize::from(column);
            // Right of the quote.
            position -= usize::from(position > next.position);
            if position < shown.first + shown.tokens {
                let position = position.max(next.first);
                let last = next.prompt.len() - 1;
                self.go(position, last);
            }
        }
        Vec::new()
    }

    fn subscribe(&self, facts: &Facts, wanted: &mut Subscription) {
        self.walk.subscribe(facts, wanted);
        wanted.activations.extend(facts.card().and_then(Card::logits).map(str::to_owned));
    }

    /// The logits and what becomes of them.
    fn follow(&mut self, facts: &Facts, part: &str) -> bool {
        let Some((card, logits)) = facts.card().and_then(|card| Some((card, card.logits()?)))
        else {
            return false;
        };
        part == logits || card.part(part).is_some_and(|part| part.op == Op::Softmax)
    }

    fn shows_samples(&self) -> bool {
        true
    }

    fn refresh(&mut self, facts: &Facts) {
        self.walk.refresh(facts);
        let Some(run) = facts.run else { return };
        let time = facts.subject().len().min(run.config.model.block_size);
        self.position = self.position.filter(|&position| position + 1 < time);
    }

    fn understands(&self) -> &'static [Action] {
        if self.walk.is_open() {
            return WALKING;
        }
        &[
            Action::Left,
            Action::Right,
            Action::CycleView,
            Action::Origin,
            Action::SampleAnew,
            Action::TemperatureDown,
            Action::TemperatureUp,
            Action::TopKDown,
            Action::TopKUp,
            Action::TypeSampling,
            Action::TopPDown,
            Action::TopPUp,
        ]
    }
}

/// From this width on the heading's two lines of numbers are one.
const MERGED: u16 = 98;

/// Rows above the table.
fn heading_height(area: Rect, truth: bool) -> u16 {
    match area.height {
        0..=4 => 0,
        5..=7 => 1,
        _ if truth && area.width < MERGED => 3,
        _ => 2,
    }
}

/// After what, how sure, and how well the truth was foreseen. Returns the room below.
fn heading(facts: &Facts, next: &Next, area: Rect, buf: &mut Buffer) -> Rect {
    let theme = facts.theme;
    let height = heading_height(area, next.truth.is_some());
    let below = Rect { y: area.y + height, height: area.height - height, ..area };
    if height == 0 {
        return below;
    }
    context(facts, next, area, buf);
    if height == 1 {
        return below;
    }
    let muted = theme.style(Role::Muted);
    let uniform = (next.table.len() as f64).ln();
    let nats = |x: f64| if x.is_nan() { "?".to_owned() } else { format!("{x:.3}") };
    let mut line = vec![
        Span::styled("entropy ", muted),
        Span::raw(nats(next.entropy())),
        Span::styled(format!(" nats, at most {uniform:.3}"), muted),
    ];
    let kept = next.kept();
    if kept < next.table.len() && area.width >= 54 {
        line.push(Span::styled(format!(", kept {kept} of {}", next.table.len()), muted));
    }
    let mut second = Vec::new();
    if let Some(truth) = &next.truth {
        let p = truth.probability;
        let plain = facts.sampling == Sampling::default();
        let loss = if area.width < 50 { ", loss " } else { ", loss -ln p = " };
        second.extend([
            Span::styled("then ", muted),
            Span::styled(
                format!("{}{}", theme.glyphs.cursor, facts.label(truth.token)),
                theme.style(Role::Accent),
            ),
            Span::styled(if plain { ": p " } else { " at T 1: p " }, muted),
            Span::raw(probability(p)),
            Span::styled(loss, muted),
            Span::raw(value(-p.ln())),
        ]);
    }
    if height == 2 && !second.is_empty() {
        line.push(Span::raw("   "));
        line.append(&mut second);
    }
    Line::from(line).render(Rect { y: area.y + 1, height: 1, ..area }, buf);
    if !second.is_empty() {
        Line::from(second).render(Rect { y: area.y + 2, height: 1, ..area }, buf);
    }
    below
}

/// Which tokens of the prompt are shown in the heading, and from which column on. The quote after the position takes one
/// more column.
struct Shown {
    first: usize,
    x: u16,
    tokens: usize,
}

const AFTER: &str = "after \"";

/// `position 7 of 8`
fn place(facts: &Facts, next: &Next, area: Rect) -> String {
    let (position, count) = (next.position + 1, next.prompt.len());
    let longer = facts.reads_prompt() && facts.prompt.tokens.len() > count;
    match (area.width >= 50, longer) {
        (false, _) => format!("{position} of {count}"),
        (true, false) => format!("position {position} of {count}"),
        (true, true) => format!("position {position} of the last {count}"),
    }
}

fn shown(next: &Next, area: Rect, place: &str) -> Shown {
    let room = usize::from(area.width).saturating_sub(AFTER.len() + 4 + place.width());
    let first = (next.position + 1).saturating_sub(room);
    let ellipsis = u16::from(first > 0);
    let tokens = (next.prompt.len() - first).min(room + 1);
    Shown { first, x: area.x + AFTER.len() as u16 + ellipsis, tokens }
}

/// `after "the kin" g          position 7 of 8`
fn context(facts: &Facts, next: &Next, area: Rect, buf: &mut Buffer) {
    let theme = facts.theme;
    let muted = theme.style(Role::Muted);
    let place = place(facts, next, area);
    let Shown { first, mut x, tokens } = shown(next, area, &place);
    put(buf, area, area.x, area.y, AFTER, muted);
    if first > 0 {
        put(buf, area, x - 1, area.y, theme.glyphs.ellipsis, muted);
    }
    for position in first..first + tokens {
        let style = theme.style(if position > next.position { Role::Faint } else { Role::Text });
        let label = match facts.character(next.prompt[position]) {
            Some(' ') => " ".to_owned(),
            _ => facts.label(next.prompt[position]),
        };
        x = put(buf, area, x, area.y, &label, style);
        if position == next.position {
            x = put(buf, area, x, area.y, "\"", muted);
        }
    }
    let x = area.right().saturating_sub(place.width() as u16);
    put(buf, area, x, area.y, &place, muted);
}

/// Where the columns of the table end (or, for the last two, begin).
struct Columns {
    logit: u16,
    scaled: u16,
    probability: u16,
    kept: u16,
    bar: u16,
    names: [&'static str; 5],
}

impl Columns {
    fn new(area: Rect) -> Self {
        let wide = area.width >= 46;
        let (logit, scaled, kept) = if wide { (14, 23, 26) } else { (11, 17, 19) };
        let probability = kept + if wide { 16 } else { 13 };
        let scaled_name = if wide { "scaled" } else { "/t" };
        Self {
            logit: area.x + logit,
            scaled: area.x + scaled,
            kept: area.x + kept,
            probability: area.x + probability,
            bar: area.x + probability + 1,
            names: ["token", "logit", scaled_name, "kept", "p"],
        }
    }
}

/// Rows of the table that fit below the heading, beside its head and its last line.
fn table_rows(area: Rect, all: usize) -> usize {
    let room = usize::from(area.height.saturating_sub(1));
    if room >= all { all } else { room.saturating_sub(1) }
}
