//! A batch as two matrices (B, T): the inputs, and the targets, which are the same one token later.

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use unicode_width::UnicodeWidthStr;

use crate::lab::drawn_batch::DrawnBatch;
use crate::lab::facts::Facts;
use crate::lab::pen::{clip, put};
use crate::lab::theme::Role;
use crate::lab::widgets::heat_map::Window;
use crate::text::Tokens;

/// Columns of a word at most.
const WORD: usize = 9;

/// Where everything stands.
struct Places {
    /// Rows of the matrices, below their names and above the line about the cursor.
    rows: Rect,
    lines: bool,
    /// Columns of the rows' numbers, with the gap after them.
    gutter: u16,
    /// Columns of a cell, with its gap.
    cell: u16,
    shown: (Window, Window),
    /// The first column of the targets' cells, where there is room for them.
    targets: Option<u16>,
}

fn places(facts: &Facts, batch: &DrawnBatch, cursor: (usize, usize), area: Rect) -> Places {
    let lines = area.height >= 5;
    let rows = if lines { Rect { y: area.y + 1, height: area.height - 2, ..area } } else { area };
    let gutter = batch.rows.to_string().len() as u16 + 1;
    let words = facts.tokenizer().is_some_and(|tokenizer| tokenizer.tokens() == Tokens::Words);
    let cell = if words { WORD as u16 + 1 } else { 2 };
    let room = area.width.saturating_sub(gutter);
    let whole = batch.time as u16 * cell;
    // Between the two: a gap.
    let half = room.saturating_sub(2) / 2;
    // A few columns of both say more than all of one.
    let both = half >= whole.min(6 * cell);
    let columns = usize::from(if both { half.min(whole) } else { room } / cell);
    let shown = (
        Window::around(cursor.0, batch.rows, usize::from(rows.height)),
        Window::around(cursor.1, batch.time, columns),
    );
    let targets = both.then(|| area.x + gutter + shown.1.shown as u16 * cell + 2);
    Places { rows, lines, gutter, cell, shown, targets }
}

/// The window and the position under a position of the screen.
pub fn at(
    facts: &Facts,
    batch: &DrawnBatch,
    cursor: (usize, usize),
    area: Rect,
    at: Position,
) -> Option<(usize, usize)> {
    let places = places(facts, batch, cursor, area);
    if !places.rows.contains(at) {
        return None;
    }
    let row = usize::from(at.y - places.rows.y);
    let starts = [Some(area.x + places.gutter), places.targets];
    let column = starts.into_iter().flatten().find_map(|start| {
        let column = usize::from(at.x.checked_sub(start)? / places.cell);
        (column < places.shown.1.shown).then_some(column)
    })?;
    (row < places.shown.0.shown)
        .then_some((places.shown.0.first + row, places.shown.1.first + column))
}

pub fn draw(
    facts: &Facts,
    batch: &DrawnBatch,
    cursor: (usize, usize),
    area: Rect,
    buf: &mut Buffer,
) {
    let theme = facts.theme;
    let muted = theme.style(Role::Muted);
    let places = places(facts, batch, cursor, area);
    let (rows, columns) = places.shown;
    let inputs = area.x + places.gutter;
    for line in 0..rows.shown {
        let (y, row) = (places.rows.y + line as u16, rows.first + line);
        let window = batch.window(row);
        let label = theme.style(if row == cursor.0 { Role::Selected } else { Role::Muted });
        put(buf, area, area.x, y, &(row + 1).to_string(), label);
        for (start, shift) in [(Some(inputs), 0), (places.targets, 1)] {
            let Some(start) = start else { continue };
            for i in 0..columns.shown {
                let column = columns.first + i;
                let style = match ((row, column) == cursor, row == cursor.0) {
                    (true, _) => theme.style(Role::Selected),
                    (false, true) => theme.style(Role::Accent),
                    (false, false) => theme.style(Role::Text),
                };
                let text = clip(&facts.label(window[column + shift]), WORD, theme.glyphs.ellipsis);
                put(buf, area, start + i as u16 * places.cell, y, &text, style);
            }
        }
    }
    if !places.lines {
        return;
    }
    let head = theme.style(Role::Heading);
    let end = places.targets.unwrap_or(area.right()).saturating_sub(1);
    let mut x = put(buf, area, inputs, area.y, "x", head);
    for (text, role) in [
        (" (".to_owned(), Role::Muted),
        (format!("B {}", batch.rows), Role::Batch),
        (", ".to_owned(), Role::Muted),
        (format!("T {}", batch.time), Role::Time),
        (")".to_owned(), Role::Muted),
    ] {
        if x + text.width() as u16 > end {
            break;
        }
        x = put(buf, area, x, area.y, &text, theme.style(role));
    }
    if let Some(targets) = places.targets {
        let x = put(buf, area, targets, area.y, "y", head);
        let later = ", one later";
        if x + later.len() as u16 <= area.right() {
            put(buf, area, x, area.y, later, muted);
        }
    }
    let window = batch.window(cursor.0);
    let [input, target] = [window[cursor.1], window[cursor.1 + 1]];
    let place = format!("row {}, position {}: ", cursor.0 + 1, cursor.1 + 1);
    let name = |id: u32| format!("{} ({id})", facts.label(id));
    let line = format!("x {}, y {}", name(input), name(target));
    let room = usize::from(area.width);
    let line = if place.width() + line.width() <= room { place + &line } else { line };
    let line = clip(&line, room, theme.glyphs.ellipsis);
    put(buf, area, area.x, area.bottom() - 1, &line, theme.style(Role::Accent));
}
