//! Both tables side by side, V x V.

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use ratatui::widgets::Widget;
use unicode_width::UnicodeWidthStr;

use super::{Row, why_alone};
use crate::lab::facts::Facts;
use crate::lab::next_table::NextTable;
use crate::lab::number::probability;
use crate::lab::pen::{put, sentence};
use crate::lab::theme::Role;
use crate::lab::widgets::heat_map::{Grid, HeatMap, Scale};

const CELLS: [(u16, u16); 2] = [(2, 1), (1, 1)];
/// Columns of the row labels, with the gap after them.
const GUTTER: u16 = 2;
/// Narrower than this there is room for the counts alone.
const BOTH: u16 = 2 * (GUTTER + 6) + 1;

/// The room of the counted table and of the model's, below the line about the cursor and the titles.
fn rooms(row: &Row, area: Rect) -> (Rect, Option<Rect>) {
    let above = 2.min(area.height.saturating_sub(2));
    let room = Rect { y: area.y + above, height: area.height - above, ..area };
    if area.width < BOTH || row.model.is_none() {
        return (room, None);
    }
    let width = (area.width - 1) / 2;
    (Rect { width, ..room }, Some(Rect { x: room.x + width + 1, width, ..room }))
}

fn grid(row: &Row, room: Rect) -> Grid {
    let v = row.order.len();
    let cursor = (row.token as usize, row.order[row.cursor] as usize);
    Grid::fit(room, GUTTER, (v, v), cursor, &CELLS)
}

/// The token and the next one under a position of the screen.
pub fn at(_facts: &Facts, row: &Row, area: Rect, at: Position) -> Option<(u32, u32)> {
    let (counted, model) = rooms(row, area);
    let found =
        [Some(counted), model].into_iter().flatten().find_map(|room| grid(row, room).at(at));
    found.map(|(token, next)| (token as u32, next as u32))
}

pub fn draw(facts: &Facts, row: &Row, area: Rect, buf: &mut Buffer) {
    let theme = facts.theme;
    let (counted, model) = rooms(row, area);
    let next = row.order[row.cursor];
    let table = NextTable::read(facts, row.order.len());
    if counted.y > area.y {
        let muted = theme.style(Role::Muted);
        let mut x = area.x;
        let of = format!("p({} after {}): ", facts.label(next), facts.label(row.token));
        let mut parts = vec![format!("counted {}", probability(row.counted(next)))];
        parts.extend(
            row.model.as_ref().map(|p| format!(", model {}", probability(p[next as usize]))),
        );
        let numbers: usize = parts.iter().map(|part| part.width()).sum();
        // The numbers are what the line is for; row and column are marked on the maps.
        if of.width() + numbers <= usize::from(area.width) {
            x = put(buf, area, x, area.y, &of, muted);
        }
        for part in parts {
            if x + part.width() as u16 <= area.right() {
                x = put(buf, area, x, area.y, &part, theme.style(Role::Accent));
            }
        }
        let head = theme.style(Role::Heading);
        for (room, name) in [(Some(counted), "counted"), (model, "model")] {
            if let Some(room) = room.filter(|_| counted.y == area.y + 2) {
                put(buf, Rect { y: area.y + 1, ..room }, room.x + GUTTER, area.y + 1, name, head);
            }
        }
    }
    let whole = grid(row, counted);
    // Of the rows that are shown.
    let rows = whole.rows.first..whole.rows.first + whole.rows.shown;
    let counts: Vec<_> = rows
        .clone()
        .map(|token| (row.bigrams.row(token as u32), row.bigrams.followed(token as u32)))
        .collect();
    let probabilities: Option<Vec<_>> =
        table.map(|table| rows.map(|token| table.after(token as u32)).collect());
    let from_counts = |token: usize, next: usize| {
        let (row_counts, followed) = counts.get(token.checked_sub(whole.rows.first)?)?;
        Some(row.bigrams.share(*row_counts.get(next)?, *followed))
    };
    let from_model = |token: usize, next: usize| {
        let rows = probabilities.as_ref()?;
        rows.get(token.checked_sub(whole.rows.first)?)?.get(next).copied()
    };
    let values: [&dyn Fn(usize, usize) -> Option<f64>; 2] = [&from_counts, &from_model];
    for (room, value) in [Some(counted), model].into_iter().zip(values) {
        let Some(room) = room else { continue };
        let map = HeatMap {
            theme,
            grid: grid(row, room),
            scale: Scale::Probability,
            value,
            hidden: [" ", " "],
            row_label: &|token| facts.label(token as u32),
            column_label: &|next| facts.label(next as u32),
            cursor: (row.token as usize, next as usize),
        };
        (&map).render(room, buf);
    }
    let below = Rect { y: whole.area.bottom(), ..area };
    let below = Rect { height: area.bottom().saturating_sub(below.y), ..below };
    if let Some(why) = why_alone(facts).filter(|_| below.height > 2) {
        let below = Rect { y: below.y + 1, height: below.height - 1, ..below };
        sentence(theme, &why, below, buf);
    }
}
