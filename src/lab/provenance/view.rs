//! How a number's origin is drawn: what it is, the formula, the same in numbers, and the operands, the most important first.

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use ratatui::style::Style;
use unicode_width::UnicodeWidthStr;

use super::derivation::{Derivation, digits};
use super::number::Number;
use crate::lab::facts::Facts;
use crate::lab::pen::{clip, put, sentence};
use crate::lab::theme::{Role, Theme};
use crate::lab::widgets::bar::bar;
use crate::lab::widgets::heat_map::Window;

/// Columns of a number.
const NUMBER: u16 = 11;
/// Columns of an operand's name, at most.
const LABEL: u16 = 20;
/// Columns of a bar that are worth drawing.
const BAR: u16 = 6;

/// Rows above the operands, by the room there is: what it is, the formula, the numbers, the heads.
fn above(derivation: &Derivation, room: Rect) -> u16 {
    let lines =
        2 + u16::from(!derivation.terms.is_empty()) + u16::from(!derivation.rows.is_empty());
    // A formula in words may take three.
    let words =
        if derivation.terms.is_empty() { wrapped(&derivation.formula, room.width) - 1 } else { 0 };
    lines + words
}

fn wrapped(text: &str, width: u16) -> u16 {
    // One more than the columns alone say, as words are not cut.
    (text.width() as u16 / width.max(1) + 1).min(5)
}

/// Operands shown, around the one under the cursor; the last line says how many there are.
fn window(derivation: &Derivation, row: usize, room: Rect) -> Window {
    let high = usize::from(room.height.saturating_sub(above(derivation, room)));
    let all = derivation.rows.len();
    let shown = if high >= all { all } else { high.saturating_sub(1) };
    Window::around(row.min(all.saturating_sub(1)), all, shown)
}

fn label_width(derivation: &Derivation) -> u16 {
    let widths = derivation.rows.iter().map(|row| row.label.width() as u16);
    widths.max().unwrap_or(0).min(LABEL) + 2
}

/// Where a factor's column ends.
fn end(room: Rect, label: u16, column: usize) -> u16 {
    room.x + label + NUMBER * (column as u16 + 1)
}

/// The operand at a place.
pub fn at(derivation: &Derivation, row: usize, room: Rect, at: Position) -> Option<(usize, usize)> {
    let window = window(derivation, row, room);
    let line = usize::from(at.y.checked_sub(room.y + above(derivation, room))?);
    let row = (line < window.shown).then_some(window.first + line)?;
    let label = label_width(derivation);
    let factors = derivation.rows[row].factors.len();
    let factor = (0..factors).find(|column| at.x < end(room, label, *column));
    Some((row, factor.unwrap_or(factors - 1)))
}

/// ASCII has no sign for some of what stands in formulas.
fn plain(theme: &Theme, text: String) -> String {
    if !theme.glyphs.ascii {
        return text;
    }
    text.replace('Σ', "sum of ").replace('√', "sqrt ").replace('∞', "inf").replace('²', "^2")
}

/// While the snapshot has not yet all of its operands.
pub fn waiting(facts: &Facts, number: &Number, room: Rect, buf: &mut Buffer) {
    let text = format!("{}: its operands come with the next snapshot.", number.title(facts));
    sentence(facts.theme, &text, room, buf);
}

pub fn draw(
    facts: &Facts,
    number: &Number,
    derivation: &Derivation,
    (row, factor): (usize, usize),
    room: Rect,
    buf: &mut Buffer,
) {
    let theme = facts.theme;
    let (muted, code) = (theme.style(Role::Muted), theme.style(Role::Code));
    title(facts, number, derivation, room, buf);
    let width = usize::from(room.width);
    let below = |lines: u16| Rect {
        y: room.y + lines.min(room.height),
        height: room.height.saturating_sub(lines),
        ..room
    };
    if derivation.terms.is_empty() {
        let lines = wrapped(&derivation.formula, room.width).min(below(1).height);
        let area = Rect { height: lines, ..below(1) };
        sentence(theme, &plain(theme, derivation.formula.clone()), area, buf);
    } else {
        let formula = plain(theme, derivation.formula.clone());
        let formula = clip(&formula, width, theme.glyphs.ellipsis);
        put(buf, room, room.x, room.y + 1, &formula, code);
        let worked = plain(theme, worked(derivation, width));
        put(buf, room, room.x, room.y + 2, &worked, theme.style(Role::Text));
    }
    let top = above(derivation, room);
    if derivation.rows.is_empty() || room.height <= top {
        return;
    }
    let label = label_width(derivation);
    let right = |buf: &mut Buffer, y: u16, column: usize, text: &str, style: Style| {
        let end = end(room, label, column);
        if end <= room.right() {
            let text = clip(text, usize::from(NUMBER) - 1, theme.glyphs.ellipsis);
            put(buf, room, end - text.width() as u16, y, &text, style);
        }
    };
    for (column, name) in derivation.heads.iter().enumerate() {
        right(
            buf,
            room.y + top - 1,
            column,
            &plain(theme, name.clone()),
            theme.style(Role::Heading),
        );
    }
    let columns = derivation.heads.len();
    let window = window(derivation, row, room);
    let largest =
        derivation.rows.iter().filter_map(|row| row.gives).map(f64::abs).fold(0.0, f64::max);
    let chosen = row.min(derivation.rows.len() - 1);
    let rows = derivation.rows.iter().enumerate().skip(window.first).take(window.shown);
    for ((index, operand), y) in rows.zip(room.y + top..) {
        if index == chosen {
            put(buf, room, room.x, y, theme.glyphs.cursor, theme.style(Role::Accent));
        }
        let name = clip(&operand.label, usize::from(label) - 2, theme.glyphs.ellipsis);
        put(buf, room, room.x + 1, y, &name, muted);
        for (column, (_, value)) in operand.factors.iter().enumerate() {
            let under = index == chosen && column == factor.min(operand.factors.len() - 1);
            let style = theme.style(if under { Role::Selected } else { Role::Text });
            right(buf, y, column, &plain(theme, digits(*value)), style);
        }
        if let Some(gives) = operand.gives {
            right(buf, y, columns - 1, &plain(theme, digits(gives)), theme.style(Role::Text));
            give_bar(theme, gives / largest, end(room, label, columns - 1), y, room, buf);
        }
    }
    if window.shown < derivation.rows.len() && room.height > top {
        let text = format!(
            "{}{} of {} operands",
            theme.glyphs.ellipsis,
            range(window),
            derivation.rows.len()
        );
        put(
            buf,
            room,
            room.x + 1,
            room.bottom() - 1,
            &clip(&text, width.saturating_sub(1), ""),
            muted,
        );
    }
}

fn range(window: Window) -> String {
    format!("{}–{}", window.first + 1, window.first + window.shown)
}

/// How much of the largest it gives; what takes away is muted.
fn give_bar(theme: &Theme, share: f64, x: u16, y: u16, room: Rect, buf: &mut Buffer) {
    let free = room.right().saturating_sub(x + 1);
    if free < BAR {
        return;
    }
    let role = if share < 0.0 { Role::Muted } else { Role::Accent };
    let sign = bar(share.abs(), usize::from(free.min(24)), &theme.glyphs);
    put(buf, room, x + 1, y, &sign, theme.style(role));
}

/// `weight of query g (8), key k (5) = 0.2117 ✓`: the number is never cut, what it is may be.
fn title(facts: &Facts, number: &Number, derivation: &Derivation, room: Rect, buf: &mut Buffer) {
    let theme = facts.theme;
    let value = derivation.value().map_or_else(|| "not shown".to_owned(), digits);
    let value = plain(theme, format!("= {value}"));
    let checked = match derivation.agrees() {
        Some(true) => format!(" {}", theme.glyphs.done),
        _ => String::new(),
    };
    let width = usize::from(room.width);
    let left = width.saturating_sub(value.width() + 1);
    let name = clip(&number.title(facts), left, theme.glyphs.ellipsis);
    let x = put(buf, room, room.x, room.y, &name, theme.style(Role::Text));
    let gap = u16::from(!name.is_empty());
    let x = put(buf, room, x + gap, room.y, &value, theme.style(Role::Accent));
    if usize::from(x - room.x) + checked.width() <= width {
        let x = put(buf, room, x, room.y, &checked, theme.style(Role::Good));
        let words = " as in the model";
        if !checked.is_empty() && usize::from(x - room.x) + words.width() <= width {
            put(buf, room, x, room.y, words, theme.style(Role::Muted));
        }
    }
}

/// `= 0.31×1.20 + -0.44×0.98 + … (8 terms) = 1.83`, as many terms as there is room for.
fn worked(derivation: &Derivation, width: usize) -> String {
    let result = derivation.computed.map_or_else(String::new, |x| format!(" = {}", digits(x)));
    let all = &derivation.terms;
    let computed = derivation.computed.map(digits);
    // The number itself is no arithmetic.
    let result =
        if computed.as_ref() == all.first() && all.len() == 1 { String::new() } else { result };
    let line = |shown: usize| {
        let terms = all[..shown].join(" + ");
        match shown == all.len() {
            true => format!("= {terms}{result}"),
            false if shown == 0 => format!("= a sum of {}{result}", all.len()),
            false => format!("= {terms} + … ({} terms){result}", all.len()),
        }
    };
    let fits = |shown: &usize| line(*shown).width() <= width;
    // A long sum is not written out to find that it does not fit.
    let most = all.len().min(width / 2);
    let shown = (0..=most).rev().find(|shown| (*shown > 0 || all.len() > 1) && fits(shown));
    let shortest = || clip(result.trim_start(), width, "…");
    shown.map_or_else(shortest, line)
}
