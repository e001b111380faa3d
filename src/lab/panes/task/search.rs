//! One question: what a greedy search and a beam have written at a step, with ln p, and what the beam finds in the end.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::{answer_text, question_text, without_end};
use crate::lab::facts::Facts;
use crate::lab::pen::{clip, put, sentence};
use crate::lab::theme::Role;
use crate::probe::search::{Row, What};

/// Columns of ln p.
const LN_P: u16 = 9;

/// Whether it was kept at a place.
pub fn is_step(row: &Row) -> bool {
    matches!(row.what, What::Greedy | What::Beam)
}

/// Nothing is less than nothing.
fn signed(number: f32) -> String {
    let text = format!("{number:>8.3}");
    if text.trim() == "-0.000" { format!("{:>8.3}", 0.0) } else { text }
}

/// What is written with ln p, and a mark for what has ended there.
fn line(facts: &Facts, row: &Row, number: f32, y: u16, area: Rect, buf: &mut Buffer) {
    let theme = facts.theme;
    put(buf, area, area.x, y, &signed(number), theme.style(Role::Text));
    let x = area.x + LN_P;
    let room = usize::from(area.right().saturating_sub(x));
    let text = clip(&answer_text(facts, &row.tokens), room, theme.glyphs.ellipsis);
    let role = if row.ended { Role::Accent } else { Role::Text };
    let x = put(buf, area, x, y, &text, theme.style(role));
    let ended = " ended";
    if row.ended && usize::from(area.right().saturating_sub(x)) >= ended.len() {
        put(buf, area, x, y, ended, theme.style(Role::Muted));
    }
}

/// `which`: the number of the question, counted from 0, of how many; where the learner's `own` is among them it is the first
/// and has no number.
pub fn draw(
    facts: &Facts,
    rows: Option<&[Row]>,
    which: (usize, usize),
    own: bool,
    step: usize,
    area: Rect,
    buf: &mut Buffer,
) {
    let theme = facts.theme;
    let Some(rows) = rows else {
        return sentence(theme, "The search comes with the next look.", area, buf);
    };
    let of = |what: What| rows.iter().filter(move |row| row.what == what);
    let steps = rows.iter().filter(|row| is_step(row)).map(|row| row.place + 1).max();
    let Some(steps) = steps else {
        let name = facts.card().map_or("This model", |card| card.name);
        let text = format!("{name} picks its answer at once: there is nothing to search.");
        return sentence(theme, &text, area, buf);
    };
    let step = step.min(steps - 1);
    let (muted, text) = (theme.style(Role::Muted), theme.style(Role::Text));
    let mut y = area.y;
    let tokens = |what| of(what).next().map(|row| row.tokens.clone()).unwrap_or_default();
    let (number, count) = (which.0 + usize::from(!own), which.1 - usize::from(own));
    let number = if number == 0 { "yours  ".to_owned() } else { format!("{number} of {count}  ") };
    let x = put(buf, area, area.x, y, &number, muted);
    let x = put(buf, area, x, y, &question_text(facts, &tokens(What::Question)), text);
    let right = tokens(What::Right);
    if !right.is_empty() {
        let right = format!("  right {}", answer_text(facts, without_end(facts, &right)));
        if usize::from(area.right().saturating_sub(x)) >= right.chars().count() {
            put(buf, area, x, y, &right, theme.style(Role::Good));
        }
    }
    y += 1;
    // What has ended stays what it was.
    let greedy = of(What::Greedy).rfind(|row| row.place <= step);
    let at_step = of(What::Beam).filter(|row| row.place == step);
    let earlier = of(What::Beam).filter(|row| row.place < step && row.ended);
    let head = theme.style(Role::Heading);
    put(buf, area, area.x, y, &format!("step {} of {steps}: ln p, greedy", step + 1), head);
    y += 1;
    if let Some(row) = greedy {
        line(facts, row, row.log_p, y, area, buf);
        y += 1;
    }
    put(buf, area, area.x, y, "ln p, kept by the beam", head);
    y += 1;
    // What has ended stands among what goes on: the likeliest is first.
    let mut kept: Vec<_> = at_step.chain(earlier).collect();
    kept.sort_by(|a, b| b.log_p.total_cmp(&a.log_p));
    for row in kept {
        line(facts, row, row.log_p, y, area, buf);
        y += 1;
    }
    // All of it, or what fits: it is the same at every step.
    if y + 2 > area.bottom() {
        return;
    }
    put(buf, area, area.x, y, "ln p for its length, found in the end", head);
    y += 1;
    for row in of(What::Found) {
        line(facts, row, row.score, y, area, buf);
        y += 1;
    }
}
