//! The map of words: as many by name as there is room for, the others as dots.

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use ratatui::style::Modifier;
use unicode_width::UnicodeWidthStr;

use super::super::chosen::Embeddings;
use super::super::tables::Rows;
use super::super::{names, neighbours};
use super::cells;
use crate::lab::facts::Facts;
use crate::lab::number::count;
use crate::lab::pen::put;
use crate::lab::theme::Role;

/// So many of the nearest words are named before others.
const NEAREST: usize = 8;

/// A word that is named: its name begins at a place.
struct Named {
    token: usize,
    name: String,
    at: Position,
}

/// The words that have room for their names: the chosen one, its companion, the prompt's, the nearest to the chosen one, then
/// the most frequent. A name begins at its word's cell, or ends at the map's edge.
fn named(
    pane: &Embeddings,
    facts: &Facts,
    rows: &Rows,
    cells: &[(i32, i32)],
    map: Rect,
) -> Vec<Named> {
    let chosen = pane.token(facts, rows.count);
    let near = neighbours::by_cosine(rows, chosen);
    let subject = facts.subject().iter().map(|token| *token as usize);
    let first = std::iter::once(chosen).chain(pane.compared).chain(subject);
    let order =
        first.chain(near.iter().take(NEAREST).map(|(token, _)| *token)).chain(0..cells.len());
    let (width, height) = (usize::from(map.width), usize::from(map.height));
    let mut taken = vec![false; width * height];
    let mut seen = vec![false; cells.len()];
    let mut found = Vec::new();
    for token in order {
        let Some(&(x, y)) = cells.get(token) else { continue };
        if std::mem::replace(&mut seen[token], true) || x < 0 || y < 0 {
            continue;
        }
        let (x, y) = (x as usize, y as usize);
        if x >= width || y >= height || taken[y * width + x] {
            continue;
        }
        let name = names::name(facts, token);
        let Some(last) = width.checked_sub(name.width()) else { continue };
        let x = x.min(last);
        // A gap on both sides keeps two names apart.
        let room = x.saturating_sub(1)..(x + name.width() + 1).min(width);
        let row = &mut taken[y * width..(y + 1) * width];
        if row[room.clone()].iter().any(|taken| *taken) {
            continue;
        }
        row[room].fill(true);
        let at = Position::new(map.x + x as u16, map.y + y as u16);
        found.push(Named { token, name, at });
    }
    found
}

/// Draws the map; returns how many words have no name on it.
pub fn draw(
    pane: &Embeddings,
    facts: &Facts,
    rows: &Rows,
    points: &[[f64; 2]],
    map: Rect,
    buf: &mut Buffer,
) -> usize {
    let theme = facts.theme;
    let cells = cells(points, map);
    for &(x, y) in &cells {
        let (x, y) = (map.x.saturating_add_signed(x as i16), map.y.saturating_add_signed(y as i16));
        put(buf, map, x, y, "·", theme.style(Role::Faint));
    }
    let named = named(pane, facts, rows, &cells, map);
    let chosen = pane.token(facts, rows.count);
    for Named { token, name, at } in &named {
        let role = match *token {
            token if token == chosen => Role::Selected,
            token if Some(token) == pane.compared => Role::Accent,
            _ => Role::Text,
        };
        let mut style = theme.style(role);
        if facts.subject().contains(&(*token as u32)) {
            style = style.add_modifier(Modifier::BOLD | Modifier::UNDERLINED);
        }
        // No dot beside a name may look like a part of it.
        let gap = at.x.saturating_sub(1).max(map.x);
        put(buf, map, gap, at.y, &" ".repeat(name.width() + 2), theme.style(Role::Text));
        put(buf, map, at.x, at.y, name, style);
    }
    cells.len() - named.len()
}

/// What the dots are, or where a second word stands.
pub fn foot(
    pane: &Embeddings,
    facts: &Facts,
    rows: &Rows,
    unnamed: usize,
    has_list: bool,
    area: Rect,
    buf: &mut Buffer,
) {
    if (pane.compared.is_some() || pane.missed.is_some()) && !has_list {
        let all = neighbours::by_cosine(rows, pane.token(facts, rows.count));
        return neighbours::compared(pane, facts, &all, area, buf);
    }
    let (unnamed, all) = (count(unnamed as u64), count(rows.count as u64));
    let text = format!("· unnamed: {unnamed} of {all}; enter finds one");
    let short = format!("· {unnamed} of {all}");
    let fits = text.width() <= usize::from(area.width);
    let text = if fits { text } else { short };
    put(buf, area, area.x, area.y, &text, facts.theme.style(Role::Muted));
}

/// The word whose name stands at a place, or else that of the nearest dot, if one is near.
pub fn at(
    pane: &Embeddings,
    facts: &Facts,
    rows: &Rows,
    points: &[[f64; 2]],
    map: Rect,
    at: Position,
) -> Option<usize> {
    let cells = cells(points, map);
    let named = named(pane, facts, rows, &cells, map);
    let under = named.iter().find(|named| {
        let end = named.at.x + named.name.width() as u16;
        named.at.y == at.y && (named.at.x..end).contains(&at.x)
    });
    let distance = |(x, y): (i32, i32)| {
        let (dx, dy) =
            (x + i32::from(map.x) - i32::from(at.x), y + i32::from(map.y) - i32::from(at.y));
        // A cell is about twice as high as wide.
        dx * dx + 4 * dy * dy
    };
    let nearest = || {
        let all = cells.iter().enumerate().map(|(token, cell)| (distance(*cell), token));
        all.min().filter(|(distance, _)| *distance <= 16).map(|(_, token)| token)
    };
    under.map(|named| named.token).or_else(nearest)
}
