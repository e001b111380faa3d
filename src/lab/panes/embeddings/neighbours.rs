//! Which tokens' vectors point the same way: cos(a, b) = a·b / (|a| |b|).

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};

use super::chosen::{Embeddings, role};
use super::tables::Rows;
use crate::lab::facts::Facts;
use crate::lab::pen::put;
use crate::lab::theme::Role;
use crate::lab::widgets::bar::bar;
use crate::math::cosine;

/// Columns of a list, with the gap after it.
const LIST: u16 = 28;

/// All other tokens with their cosines, the nearest first.
pub fn by_cosine(rows: &Rows, token: usize) -> Vec<(usize, f64)> {
    cosine::by_cosine(rows.values, rows.columns, token)
}

/// The list of the nearest and, if there is room for a second one, of the farthest.
fn lists(rows: &Rows, token: usize, area: Rect) -> [Vec<(usize, f64)>; 2] {
    let all = by_cosine(rows, token);
    let room = usize::from(area.height.saturating_sub(1));
    let nearest = all.iter().take(room).copied().collect();
    let farthest = if area.width >= 2 * LIST - 2 {
        all.iter().rev().filter(|(_, cosine)| !cosine.is_nan()).take(room).copied().collect()
    } else {
        Vec::new()
    };
    [nearest, farthest]
}

pub fn draw(pane: &Embeddings, facts: &Facts, rows: &Rows, area: Rect, buf: &mut Buffer) {
    let theme = facts.theme;
    let (muted, text) = (theme.style(Role::Muted), theme.style(Role::Text));
    let chosen = pane.token(facts, rows.count);
    let [nearest, farthest] = lists(rows, chosen, area);
    let titles = ["nearest to ", "farthest from "];
    for (i, list) in [nearest, farthest].into_iter().enumerate() {
        let x = area.x + i as u16 * LIST;
        let area = Rect { width: area.right().saturating_sub(x).min(LIST - 2), x, ..area };
        if list.is_empty() {
            continue;
        }
        let next = put(buf, area, x, area.y, titles[i], muted);
        let label = facts.label(chosen as u32);
        let next = put(buf, area, next, area.y, &label, theme.style(Role::Selected));
        put(buf, area, next, area.y, " by cosine", muted);
        for ((token, cosine), y) in list.into_iter().zip(area.y + 1..) {
            put(buf, area, x + 1, y, &facts.label(token as u32), theme.style(role(facts, token)));
            let number = if cosine.is_nan() { "?".to_owned() } else { format!("{cosine:.3}") };
            let end = put(buf, area, x + 3, y, &format!("{number:>7} "), text);
            let room = usize::from(area.right().saturating_sub(end));
            let style = if cosine < 0.0 { muted } else { theme.style(Role::Accent) };
            put(buf, area, end, y, &bar(cosine.abs(), room, &theme.glyphs), style);
        }
    }
}

/// The token listed at a place.
pub fn token_at(
    pane: &Embeddings,
    facts: &Facts,
    rows: &Rows,
    area: Rect,
    at: Position,
) -> Option<usize> {
    let list = usize::from(at.x.checked_sub(area.x)? / LIST);
    let row = usize::from(at.y.checked_sub(area.y + 1)?);
    let lists = lists(rows, pane.token(facts, rows.count), area);
    lists.get(list)?.get(row).map(|&(token, _)| token)
}
