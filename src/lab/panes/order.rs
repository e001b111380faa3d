//! The order pane: the same tokens in two orders, and whether the model tells them apart.

#[cfg(test)]
mod tests;

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use unicode_width::UnicodeWidthStr;

use crate::lab::action::Action;
use crate::lab::cursor::moved;
use crate::lab::facts::Facts;
use crate::lab::number::{probability, value};
use crate::lab::pane::{Pane, Seat, Wish};
use crate::lab::pen::{clip, put, sentence};
use crate::lab::theme::Role;
use crate::lab::widgets::bar::bar;
use crate::model::card::Rows;
use crate::probe::order::{INSTRUMENT, LAST, SAME_SET, largest_difference, partners};
use crate::probe::{Arguments, Reading};
use crate::train::Subscription;

/// Two sentences of one set of words, or of characters.
const TEXTS: [&str; 2] = ["hot dog", "dog hot"];
/// Logits that are no farther apart than this are the same: what is left is rounding.
const ROUNDING: f64 = 1e-4;
/// From this width on the tokens stand beside what comes next.
const BESIDE: u16 = 64;
/// Columns of a token's name at most.
const NAME: u16 = 12;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum View {
    #[default]
    Tokens,
    Next,
}

#[derive(Debug, Default)]
pub struct Order {
    /// What the learner typed; `None`: the pane's own, or the prompt and its reverse.
    typed: Option<[String; 2]>,
    /// Which of the two is typed next.
    side: usize,
    /// What is seen where there is no room for both.
    view: View,
    /// Rows of what comes next above the first one shown.
    scroll: usize,
}

/// The two orders.
struct Texts {
    tokens: [Vec<u32>; 2],
    /// What of them the model does not know.
    note: Option<String>,
}

/// What was measured of them.
struct Found<'a> {
    reading: &'a Reading,
    /// V
    width: usize,
    /// Where each token of the first stands in the second.
    partners: Vec<usize>,
}

impl Found<'_> {
    /// The logits after position `i` of one of the two.
    fn logits(&self, order: usize, i: usize) -> &[f32] {
        &self.reading.values[(order * self.partners.len() + i) * self.width..][..self.width]
    }

    /// How far the outputs of a token of the first and of its partner are apart.
    fn apart(&self, i: usize) -> f64 {
        largest_difference(self.logits(0, i), self.logits(1, self.partners[i]))
    }

    /// The probabilities of what comes after one of the two.
    fn next(&self, order: usize) -> Vec<f64> {
        let row = self.logits(order, self.partners.len() - 1);
        let most = row.iter().fold(f32::NEG_INFINITY, |most, x| most.max(*x));
        let exp = row.iter().map(|x| f64::from(x - most).exp());
        let sum: f64 = exp.clone().sum();
        exp.map(|x| x / sum).collect()
    }

    fn figure(&self, name: &str) -> f64 {
        self.reading.figure(name).unwrap_or(f64::NAN)
    }
}

impl Order {
    fn texts(&self, facts: &Facts) -> Option<Texts> {
        let tokenizer = facts.tokenizer().filter(|_| facts.reads_prompt())?;
        let encode = |texts: [&str; 2]| {
            let unknown = texts.map(|text| tokenizer.unknown(text)).concat();
            match texts.map(|text| tokenizer.encode_typed(text)) {
                [Ok(one), Ok(other)] => {
                    let note = format!("read as <unk>: {}", unknown.join(", "));
                    Texts { tokens: [one, other], note: (!unknown.is_empty()).then_some(note) }
                }
                [Err(error), _] | [_, Err(error)] => Texts {
                    tokens: [Vec::new(), Vec::new()],
                    note: Some(format!("unknown: {}", error.names())),
                },
            }
        };
        if let Some([one, other]) = &self.typed {
            return Some(encode([one, other]));
        }
        let own = encode(TEXTS);
        let fits = own.tokens[0].len() <= block_size(facts);
        if own.note.is_none() && fits {
            return Some(own);
        }
        let prompt = facts.prompt.tokens.clone();
        let seen = prompt[prompt.len().saturating_sub(block_size(facts))..].to_vec();
        let reverse = seen.iter().rev().copied().collect();
        Some(Texts { tokens: [seen, reverse], note: None })
    }

    fn found<'a>(facts: &Facts<'a>, texts: &Texts) -> Option<Found<'a>> {
        let [one, other] = &texts.tokens;
        let partners = partners(one, other)?;
        // A snapshot may still be of the texts before these.
        let of_these = |told: &Arguments| told.prompt == *one && told.text == *other;
        let mut measured = facts.snapshot?.readings.iter();
        let measured = measured.find(|measured| {
            measured.instrument == INSTRUMENT.name && of_these(&measured.arguments)
        })?;
        let &[2, time, width] = measured.reading.shape.as_slice() else { return None };
        (time == one.len() && time > 0 && width > 0).then_some(Found {
            reading: &measured.reading,
            width,
            partners,
        })
    }

    /// Why there is nothing to compare.
    fn why_none(facts: &Facts, texts: Option<&Texts>) -> String {
        let Some(card) = facts.card() else {
            return "Both orders are read with the first step.".to_owned();
        };
        if let Some(instead) = card.structure.instead_of_tokens {
            return format!("{} reads no text: {instead}.", card.name);
        }
        let Some(texts) = texts else {
            return format!(
                "{} is not trained on a text here: no words to put in order.",
                card.name
            );
        };
        let [one, other] = &texts.tokens;
        let most = block_size(facts);
        if one.is_empty() {
            return "Type two orders of the same tokens with enter.".to_owned();
        }
        if one.len() > most {
            let found = one.len();
            return format!(
                "It reads T = {most} tokens at once: A has {found}. Type it anew with enter."
            );
        }
        if partners(one, other).is_none() {
            let missing = |of: &[u32], in_: &[u32]| {
                let mut rest = in_.to_vec();
                let lacks = |token: &&u32| match rest.iter().position(|other| other == *token) {
                    Some(at) => {
                        rest.remove(at);
                        false
                    }
                    None => true,
                };
                let lacking: Vec<_> =
                    of.iter().filter(lacks).map(|token| facts.label(*token)).collect();
                if lacking.is_empty() { "nothing".to_owned() } else { lacking.join(" ") }
            };
            return format!(
                "B is not A in another order: only A has {}, only B has {}. Type one anew with enter.",
                missing(one, other),
                missing(other, one)
            );
        }
        "Both orders are read with the first step.".to_owned()
    }
}

/// T
fn block_size(facts: &Facts) -> usize {
    facts.run.map_or(usize::MAX, |run| run.config.model.block_size)
}

/// `positions learned, mask causal`: what could tell two orders apart.
fn structure(facts: &Facts) -> String {
    let Some(card) = facts.card() else { return String::new() };
    let positions = match card.table(Rows::Positions) {
        None => "none",
        Some(table) if table.learned => "learned",
        Some(_) => "computed",
    };
    if card.structure.instead_of_attention.is_some() {
        return format!("positions {positions}, no attention");
    }
    let causal = card.maps.iter().any(|map| map.causal);
    format!("positions {positions}, mask {}", if causal { "causal" } else { "none" })
}

impl Pane for Order {
    fn title(&self) -> &'static str {
        "Order"
    }

    fn detail(&self, facts: &Facts) -> String {
        structure(facts)
    }

    fn about(&self, facts: &Facts, seat: Seat) -> String {
        match (facts.reads_prompt(), seat.room.width >= BESIDE, self.view) {
            (false, ..) => "no text to put in order",
            (_, true, _) => "two orders of the same tokens: what the model says after each",
            (_, _, View::Tokens) => "same tokens, two orders; v: what next",
            (_, _, View::Next) => "what comes next; v: token by token",
        }
        .to_owned()
    }

    fn draw(&self, facts: &Facts, seat: Seat, buf: &mut Buffer) {
        let area = seat.room;
        let texts = self.texts(facts);
        let found = texts.as_ref().and_then(|texts| Self::found(facts, texts));
        let mut below = area;
        if let Some(texts) = &texts {
            below = self.heading(facts, texts, found.as_ref(), area, buf);
        }
        let (Some(texts), Some(found)) = (&texts, &found) else {
            let why = Self::why_none(facts, texts.as_ref());
            return sentence(facts.theme, &why, below, buf);
        };
        if area.width >= BESIDE {
            let left = Rect { width: below.width / 2 - 1, ..below };
            let x = below.x + below.width / 2 + 1;
            tokens(facts, texts, found, left, buf);
            self.next(facts, found, Rect { x, width: below.right() - x, ..below }, buf);
        } else if self.view == View::Tokens {
            tokens(facts, texts, found, below, buf);
        } else {
            self.next(facts, found, below, buf);
        }
    }

    fn act(&mut self, facts: &Facts, _seat: Seat, action: Action) -> Vec<Wish> {
        let Some(texts) = self.texts(facts) else { return Vec::new() };
        let most = Self::found(facts, &texts).map_or(0, |found| found.width.saturating_sub(1));
        let scroll = self.scroll.min(most);
        match action {
            Action::Left => self.side = 0,
            Action::Right => self.side = 1,
            Action::CycleView => {
                self.view = if self.view == View::Tokens { View::Next } else { View::Tokens };
            }
            Action::TypeValue => {
                let tokenizer = facts.tokenizer();
                let now = tokenizer.map(|tokenizer| tokenizer.decode(&texts.tokens[self.side]));
                return vec![Wish::Line {
                    pane: "order",
                    label: ["A", "B, in another order"][self.side].to_owned(),
                    text: match &self.typed {
                        Some(typed) => typed[self.side].clone(),
                        None => now.unwrap_or_default(),
                    },
                }];
            }
            _ => self.scroll = moved(action, scroll, 8, most),
        }
        Vec::new()
    }

    /// The first text brings its reverse along; nothing brings the pane's own back.
    fn typed(&mut self, facts: &Facts, text: &str) -> Vec<Wish> {
        self.scroll = 0;
        if text.trim().is_empty() {
            self.typed = None;
        } else if self.side == 0 {
            self.typed = Some([text.to_owned(), reversed(text)]);
        } else {
            let first = if let Some([first, _]) = self.typed.take() {
                first
            } else {
                let texts = self.texts(facts).zip(facts.tokenizer());
                texts.map_or_else(String::new, |(texts, t)| t.decode(&texts.tokens[0]))
            };
            self.typed = Some([first, text.to_owned()]);
        }
        Vec::new()
    }

    /// One of the two texts is typed next.
    fn click(&mut self, _facts: &Facts, seat: Seat, at: Position) -> Vec<Wish> {
        match at.y.checked_sub(seat.room.y) {
            Some(side @ 0..=1) if seat.room.height > 4 => self.side = side.into(),
            _ => {}
        }
        Vec::new()
    }

    fn subscribe(&self, facts: &Facts, wanted: &mut Subscription) {
        let Some(Texts { tokens: [prompt, text], .. }) = self.texts(facts) else { return };
        if !prompt.is_empty() && partners(&prompt, &text).is_some() {
            let told = Arguments { prompt, text, ..Arguments::default() };
            wanted.instruments.push((INSTRUMENT.name, told));
        }
    }

    fn understands(&self) -> &'static [Action] {
        &[Action::Left, Action::Right, Action::CycleView, Action::TypeValue]
    }
}

/// Its words from the last to the first; of a single word its letters.
fn reversed(text: &str) -> String {
    let words: Vec<_> = text.split_whitespace().collect();
    match words.as_slice() {
        [_] | [] => text.chars().rev().collect(),
        words => words.iter().rev().copied().collect::<Vec<_>>().join(" "),
    }
}

impl Order {
    /// Both texts, and the verdict. Returns the room below.
    fn heading(
        &self,
        facts: &Facts,
        texts: &Texts,
        found: Option<&Found>,
        area: Rect,
        buf: &mut Buffer,
    ) -> Rect {
        let theme = facts.theme;
        let muted = theme.style(Role::Muted);
        if area.height <= 4 {
            return area;
        }
        for (side, tokens) in texts.tokens.iter().enumerate() {
            let y = area.y + side as u16;
            let cursor = if side == self.side { theme.glyphs.cursor } else { " " };
            let x = put(buf, area, area.x, y, cursor, theme.style(Role::Accent));
            let x = put(buf, area, x, y, ["A ", "B "][side], muted);
            let text = facts.tokenizer().map_or_else(String::new, |t| t.decode(tokens));
            let text = crate::text::shown::token(&text, theme.glyphs.ascii);
            let room = usize::from(area.right().saturating_sub(x));
            put(
                buf,
                area,
                x,
                y,
                &clip(&text, room, theme.glyphs.ellipsis),
                theme.style(Role::Text),
            );
        }
        let mut y = area.y + 2;
        if let Some(note) = &texts.note {
            let note = clip(note, area.width.into(), theme.glyphs.ellipsis);
            put(buf, area, area.x, y, &note, theme.style(Role::Warning));
            y += 1;
        }
        if let Some(found) = found {
            let most = found.figure(SAME_SET);
            let (verdict, role) = match most {
                most if most.is_nan() => ("not finite", Role::Bad),
                most if most <= ROUNDING => ("the same set of outputs", Role::Good),
                _ => ("other outputs: order counts", Role::Warning),
            };
            let number = value(most);
            let x = put(buf, area, area.x, y, verdict, theme.style(role));
            for text in [format!(" (logits apart by {number} at most)"), format!(" (by {number})")]
            {
                if usize::from(area.right().saturating_sub(x)) >= text.width() {
                    put(buf, area, x, y, &text, muted);
                    break;
                }
            }
            y += 1;
        }
        let y = y.min(area.bottom());
        Rect { y, height: area.bottom() - y, ..area }
    }

    /// What comes after the whole of each: the likeliest after either first.
    fn next(&self, facts: &Facts, found: &Found, area: Rect, buf: &mut Buffer) {
        let theme = facts.theme;
        let (muted, text) = (theme.style(Role::Muted), theme.style(Role::Text));
        let head = format!("next: apart by {} at most", probability(found.figure(LAST)));
        put(buf, area, area.x, area.y, &head, muted);
        let [a, b] = [0, 1].map(|order| found.next(order));
        let mut tokens: Vec<usize> = (0..found.width).collect();
        let most = |token: usize| a[token].max(b[token]);
        tokens.sort_by(|x, y| most(*y).total_cmp(&most(*x)).then(x.cmp(y)));
        let (p_a, p_b) = (area.x + NAME, area.x + NAME + 9);
        let y = area.y + 1;
        put(buf, area, area.x, y, "token", theme.style(Role::Heading));
        put(buf, area, p_a + 2, y, "after A", theme.style(Role::Heading));
        put(buf, area, p_b + 2, y, "after B", theme.style(Role::Heading));
        let rows = usize::from(area.height.saturating_sub(2));
        let first = self.scroll.min(tokens.len().saturating_sub(rows));
        for (token, y) in tokens.into_iter().skip(first).zip(area.y + 2..area.bottom()) {
            let name =
                clip(&facts.label(token as u32), usize::from(NAME) - 1, theme.glyphs.ellipsis);
            put(buf, area, area.x, y, &name, text);
            for (x, p) in [(p_a, a[token]), (p_b, b[token])] {
                if x + 9 <= area.right() {
                    put(buf, area, x, y, &format!("{:>9}", probability(p)), text);
                }
            }
        }
    }
}

/// Each token of A, where it stands in both, and how far its outputs are apart.
fn tokens(facts: &Facts, texts: &Texts, found: &Found, area: Rect, buf: &mut Buffer) {
    let theme = facts.theme;
    let (muted, text) = (theme.style(Role::Muted), theme.style(Role::Text));
    let head = theme.style(Role::Heading);
    put(buf, area, area.x, area.y, "token", head);
    put(buf, area, area.x + NAME, area.y, "in A in B", head);
    put(buf, area, area.x + NAME + 10, area.y, "logits apart", head);
    let apart: Vec<f64> = (0..found.partners.len()).map(|i| found.apart(i)).collect();
    let most = apart.iter().fold(ROUNDING, |most, x| most.max(*x));
    for (i, y) in (0..apart.len()).zip(area.y + 1..area.bottom()) {
        let label = facts.label(texts.tokens[0][i]);
        let name = clip(&label, usize::from(NAME) - 1, theme.glyphs.ellipsis);
        put(buf, area, area.x, y, &name, text);
        let places = format!("{:>4} {:>4}", i + 1, found.partners[i] + 1);
        put(buf, area, area.x + NAME, y, &places, muted);
        let number = format!("{:>9} ", value(apart[i]));
        if area.x + NAME + 10 + 9 <= area.right() {
            let x = put(buf, area, area.x + NAME + 10, y, &number, text);
            let room = usize::from(area.right().saturating_sub(x));
            let bar = bar(apart[i] / most, room, &theme.glyphs);
            put(buf, area, x, y, &bar, theme.style(Role::Accent));
        }
    }
}
