//! The passage so far, the guesses with what came, and the mean beside what counting reaches on the same characters.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::widgets::{Paragraph, Widget, Wrap};
use unicode_width::UnicodeWidthStr;

use super::score::SURE;
use super::{Guess, Passage};
use crate::lab::facts::Facts;
use crate::lab::number::{probability, value};
use crate::lab::pen::{clip, put};
use crate::lab::theme::Role;
use crate::text::shown;

/// How to answer, the longest that fits.
const HOW: [&str; 3] = [
    "enter: up to 3 characters, likeliest first, then how sure, 1 to 5: eao4",
    "enter: 3 characters, sure 1 to 5: eao4",
    "enter: eao4",
];

pub fn draw(pane: &Guess, facts: &Facts, passage: &Passage, area: Rect, buf: &mut Buffer) {
    let theme = facts.theme;
    let below = summary(pane, facts, passage, area.width);
    // The passage matters most: without it there is nothing to guess.
    let lines = (below.len() as u16).min(area.height / 3);
    let height = if area.height < 8 { area.height - lines } else { (area.height / 3).max(3) };
    read(pane, facts, passage, Rect { height, ..area }, buf);
    let list = Rect { y: area.y + height, height: area.height - height - lines, ..area };
    guesses(pane, facts, passage, list, buf);
    for (y, (text, role)) in (list.bottom()..area.bottom()).zip(below) {
        let text = clip(&text, usize::from(area.width), theme.glyphs.ellipsis);
        put(buf, area, area.x, y, &text, theme.style(role));
    }
}

/// The passage up to the character to guess, its last lines; what was guessed stands out.
fn read(pane: &Guess, facts: &Facts, passage: &Passage, area: Rect, buf: &mut Buffer) {
    let theme = facts.theme;
    let end = passage.first + pane.guesses.len();
    // Every sign with its line and its place in it.
    let (mut x, mut y) = (0_u16, 0_usize);
    let mut signs = Vec::new();
    for (at, &token) in passage.counted.passage[..end].iter().enumerate() {
        let text = passage.counted.tokenizer.token(token);
        let sign = if text == " " { text.clone() } else { shown::token(&text, theme.glyphs.ascii) };
        let width = sign.width() as u16;
        if x + width > area.width {
            (x, y) = (0, y + 1);
        }
        let role = if at < passage.first { Role::Muted } else { Role::Accent };
        signs.push((x, y, sign, theme.style(role)));
        x += width;
        if text == "\n" {
            (x, y) = (0, y + 1);
        }
    }
    if !pane.is_done(passage) {
        if x >= area.width {
            (x, y) = (0, y + 1);
        }
        signs.push((x, y, "?".to_owned(), theme.style(Role::Selected)));
    }
    let last = signs.last().map_or(0, |(_, y, ..)| *y);
    let first = (last + 1).saturating_sub(usize::from(area.height));
    for (x, y, sign, style) in signs {
        if let Some(row) = y.checked_sub(first) {
            put(buf, area, area.x + x, area.y + row as u16, &sign, style);
        }
    }
}

/// What was named, what came, and what that cost: the newest first.
fn guesses(pane: &Guess, facts: &Facts, passage: &Passage, area: Rect, buf: &mut Buffer) {
    let theme = facts.theme;
    let ascii = theme.glyphs.ascii;
    if area.height == 0 {
        return;
    }
    if pane.guesses.is_empty() {
        let text = "Every answer is a distribution: sure 1 to 5 gives the characters you name 0.2, 0.4, 0.6, 0.8 or 0.95 together, each twice as much as the next; the others share the rest as often as they occur. Enter alone: no idea.";
        let text = Paragraph::new(text).wrap(Wrap { trim: true }).style(theme.style(Role::Muted));
        if text.line_count(area.width) <= usize::from(area.height) {
            text.render(area, buf);
        }
        return;
    }
    let head = theme.style(Role::Heading);
    // Where each ends.
    let columns = [(3, "no."), (9, "you"), (14, "sure"), (20, "came"), (28, "p"), (35, "loss")];
    let right = |buf: &mut Buffer, end: u16, y: u16, text: &str, style| {
        if end <= area.width {
            let x = (area.x + end).saturating_sub(text.width() as u16);
            put(buf, area, x.max(area.x), y, text, style);
        }
    };
    for (end, name) in columns {
        right(buf, end, area.y, name, head);
    }
    let sign = |token: u32| shown::token(&passage.counted.tokenizer.token(token), ascii);
    let listed = pane.guesses.iter().enumerate().rev().skip(pane.scroll);
    for (y, (i, guess)) in (area.y + 1..area.bottom()).zip(listed) {
        let (_, truth) = passage.pair(i);
        let named: String = guess.answer.named.iter().map(|token| sign(*token)).collect();
        let sure = if guess.answer.named.is_empty() { 0.0 } else { SURE[guess.answer.sure - 1] };
        let hit = guess.answer.named.contains(&truth);
        let mark = if hit { theme.glyphs.done } else { theme.glyphs.failed };
        let role = if hit { Role::Good } else { Role::Bad };
        let text = theme.style(Role::Text);
        let cells = [
            ((i + 1).to_string(), theme.style(Role::Muted)),
            (if named.is_empty() { "-".to_owned() } else { named }, text),
            (format!("{sure}"), theme.style(Role::Muted)),
            (format!("{mark}{}", sign(truth)), theme.style(role)),
            (probability(guess.probability), text),
            (value(-guess.probability.ln()), text),
        ];
        for ((end, _), (cell, style)) in columns.into_iter().zip(cells) {
            right(buf, end, y, &cell, style);
        }
    }
}

/// How to go on, the mean so far, what others have on the same characters, and at the end the verdict.
fn summary(pane: &Guess, facts: &Facts, passage: &Passage, width: u16) -> Vec<(String, Role)> {
    let mut lines = Vec::new();
    let (n, mean) = (pane.guesses.len(), pane.mean());
    let width = usize::from(width);
    if let Some(why) = &pane.error {
        lines.push((format!("no guess: {why}"), Role::Bad));
    }
    if n > 0 {
        let text = format!("you {} nats over {n}", mean.write(facts.theme.glyphs.ascii));
        lines.push((text, Role::Accent));
        let bigrams = &passage.counted.bigrams;
        let mut same = vec![
            format!("unigram {:.2}", passage.loss(n, |_, truth| bigrams.alone(truth))),
            format!("bigram {:.2}", passage.loss(n, |before, t| bigrams.probability(before, t))),
        ];
        same.extend(pane.models(facts, passage).map(|loss| format!("this model {loss:.2}")));
        let short = same.join(", ");
        let long = format!("on the same characters: {short}");
        lines.push((if long.width() <= width { long } else { short }, Role::Text));
    }
    if !pane.is_done(passage) {
        let how = HOW.into_iter().find(|how| how.len() <= width).unwrap_or("");
        lines.push((how.to_owned(), Role::Muted));
        return lines;
    }
    // On all of the validation text.
    let counted = facts.corpus.map_or(&[][..], |corpus| &corpus.references);
    let verdict = counted.iter().filter(|reference| (1..=3).contains(&reference.order));
    let verdict: Vec<_> = verdict.map(|r| mean.against(r.name, r.loss)).collect();
    let whole = verdict.join("; ");
    if whole.width() <= width {
        lines.push((whole, Role::Heading));
    } else {
        lines.extend(verdict.into_iter().map(|one| (one, Role::Heading)));
    }
    lines
}
