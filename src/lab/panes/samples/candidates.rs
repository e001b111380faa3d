//! The table that one character was drawn from.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use unicode_width::UnicodeWidthStr;

use crate::lab::facts::Facts;
use crate::lab::number;
use crate::lab::pen::{Lines, put};
use crate::lab::theme::Role;
use crate::lab::widgets::bar::bar;
use crate::math::Real;
use crate::model::sampling::{Candidate, distribution};
use crate::train::snapshot::Sample;

/// The logits that a character was drawn from, (V,).
pub fn logits(sample: &Sample, index: usize) -> Vec<Real> {
    let vocab_size = sample.logits.len() / sample.tokens.len().max(1);
    let row = sample.logits.get(index * vocab_size..(index + 1) * vocab_size).unwrap_or(&[]);
    // In the gradient checks a Real is an f64.
    #[allow(clippy::useless_conversion)]
    row.iter().map(|&logit| Real::from(logit)).collect()
}

/// Draws what fits: one line, or the table with the most likely characters and the drawn one.
pub fn draw(facts: &Facts, sample: &Sample, index: usize, area: Rect, buf: &mut Buffer) {
    let table = distribution(&logits(sample, index), &sample.sampling);
    let token = sample.tokens[index];
    let Some(rank) = table.iter().position(|c| c.token == token) else { return };
    let mut lines = Lines::new(facts.theme, area, buf);
    let drawn = &table[rank];
    lines.line(
        &headline(facts, drawn, (rank, table.len()), area.width),
        facts.theme.style(Role::Accent),
    );
    if lines.left() > 4 && area.width >= 24 {
        let after = format!("after {}", context(facts, sample, index, area.width));
        lines.line(&after, facts.theme.style(Role::Muted));
    }
    if lines.left() > 2 {
        let head = format!("  {:<3} {:>7} {:>7} {:>7}", "", "logit", "scaled", "p");
        lines.line(&head, facts.theme.style(Role::Muted));
    }
    let kept = table.iter().filter(|c| c.kept).count();
    let room = usize::from(lines.left());
    // All that was kept, or as many as fit above the line that counts the rest.
    let shown = if kept <= room { kept } else { room.saturating_sub(1) };
    let mut rest: f64 = 1.0;
    for place in 0..shown {
        // The last line is the drawn one's, if it stands further down.
        let place = if place + 1 == shown && rank > place { rank } else { place };
        rest -= table[place].probability;
        line(facts, &mut lines, &table[place], place == rank);
    }
    if shown < kept && shown > 0 {
        let p = number::probability(rest.max(0.0));
        let more = format!("{}{} more", facts.theme.glyphs.ellipsis, kept - shown);
        lines.line(&format!("  {more:<19} {p:>7}"), facts.theme.style(Role::Muted));
    }
    let cut = table.len() - kept;
    if cut > 0 && lines.left() > 0 {
        lines.line(&format!("  {cut} cut off: p 0"), facts.theme.style(Role::Muted));
    }
}

/// The drawn character, what it was drawn with, and how many were likelier.
fn headline(facts: &Facts, drawn: &Candidate, (rank, of): (usize, usize), width: u16) -> String {
    let (sign, p) = (facts.label(drawn.token), number::probability(drawn.probability));
    let words = format!("drawn: {sign}   p {p}   rank {} of {of}", rank + 1);
    if words.width() <= usize::from(width) { words } else { format!("{sign} p {p} #{}", rank + 1) }
}

/// The end of what the model had read.
fn context(facts: &Facts, sample: &Sample, index: usize, width: u16) -> String {
    let read: Vec<u32> = sample.prompt.iter().chain(&sample.tokens[..index]).copied().collect();
    let room = usize::from(width).saturating_sub(12).min(24);
    let start = read.len().saturating_sub(room);
    let signs: String = read[start..]
        .iter()
        .map(|&token| match facts.character(token) {
            Some(' ') => " ".to_owned(),
            _ => facts.label(token),
        })
        .collect();
    let ellipsis = if start > 0 { facts.theme.glyphs.ellipsis } else { "" };
    format!("\"{ellipsis}{signs}\"")
}

/// One candidate's numbers.
fn line(facts: &Facts, lines: &mut Lines, candidate: &Candidate, drawn: bool) {
    let glyphs = &facts.theme.glyphs;
    let role = if drawn { Role::Accent } else { Role::Text };
    let mark = if drawn { glyphs.cursor } else { " " };
    let (logit, scaled) = (number::value(candidate.logit), number::value(candidate.scaled));
    let p = number::probability(candidate.probability);
    let label = facts.label(candidate.token);
    // By columns, not characters.
    let blanks = " ".repeat(3_usize.saturating_sub(label.width()));
    let text = format!("{mark} {label}{blanks} {logit:>7} {scaled:>7} {p:>7} ");
    let y = lines.y;
    lines.line(&text, facts.theme.style(role));
    let x = lines.area.x + text.width() as u16;
    let room = usize::from(lines.area.right().saturating_sub(x));
    let bar = bar(candidate.probability, room, glyphs);
    put(lines.buf, lines.area, x, y, &bar, facts.theme.style(Role::Accent));
}
