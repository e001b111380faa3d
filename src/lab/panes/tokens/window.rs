//! One window of T + 1 tokens, and the T examples that are hidden in it: a line each.

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use unicode_width::UnicodeWidthStr;

use crate::lab::drawn_batch::{DrawnBatch, tail};
use crate::lab::facts::Facts;
use crate::lab::pen::put;
use crate::lab::theme::Role;
use crate::lab::widgets::heat_map::Window as Shown;

/// Rows of the list, below the line about the window, and which of the examples they are.
fn list(batch: &DrawnBatch, cursor: usize, area: Rect) -> (Rect, Shown) {
    let above = if area.height >= 4 { 2 } else { 0 };
    let rows = Rect { y: area.y + above, height: area.height - above, ..area };
    (rows, Shown::around(cursor, batch.time, usize::from(rows.height)))
}

/// The example under a position of the screen.
pub fn at(batch: &DrawnBatch, cursor: usize, area: Rect, at: Position) -> Option<usize> {
    let (rows, shown) = list(batch, cursor, area);
    let line = usize::from(at.y.checked_sub(rows.y).filter(|_| rows.contains(at))?);
    (line < shown.shown).then_some(shown.first + line)
}

pub fn draw(
    facts: &Facts,
    batch: &DrawnBatch,
    (row, cursor): (usize, usize),
    area: Rect,
    buf: &mut Buffer,
) {
    let theme = facts.theme;
    let (muted, text) = (theme.style(Role::Muted), theme.style(Role::Text));
    let window = batch.window(row);
    let (rows, shown) = list(batch, cursor, area);
    if rows.y > area.y {
        let x =
            put(buf, area, area.x, area.y, &tail(facts, &window, usize::from(area.width)), text);
        let sizes = format!("  T + 1 = {} tokens, T = {} examples", batch.time + 1, batch.time);
        if x + sizes.width() as u16 <= area.right() {
            let x = put(buf, area, x + 2, area.y, "T", theme.style(Role::Time));
            put(buf, area, x, area.y, &sizes[3..], muted);
        }
    }
    // In words where the longest has room for all its tokens.
    let number = batch.time.to_string().len();
    let widest = tail(facts, &window[..batch.time], usize::MAX).width();
    let [before, between] = ["when the input is ", " the target is "];
    let target = window.iter().map(|id| facts.label(*id).width()).max().unwrap_or(1);
    let room = usize::from(area.width).saturating_sub(number + 2);
    let arrow = format!(" {} ", theme.glyphs.arrow);
    let long = before.len() + widest + between.len() + target <= room;
    let [before, between] = if long { [before, between] } else { ["", arrow.as_str()] };
    let room = room.saturating_sub(before.width() + between.width() + target);
    for line in 0..shown.shown {
        let (y, at) = (rows.y + line as u16, shown.first + line);
        let chosen = at == cursor;
        let mark = if chosen { theme.glyphs.cursor } else { " " };
        let x = put(buf, area, area.x, y, &format!("{mark}{:>number$} ", at + 1), muted);
        let x = put(buf, area, x, y, before, muted);
        let seen = tail(facts, &window[..=at], room);
        let x =
            put(buf, area, x, y, &seen, if chosen { theme.style(Role::Selected) } else { text });
        let x = put(buf, area, x, y, between, muted);
        let next = facts.label(window[at + 1]);
        if x + next.width() as u16 <= area.right() {
            put(buf, area, x, y, &next, theme.style(Role::Accent));
        }
    }
}
