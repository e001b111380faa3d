//! Which tokens' vectors point the same way: cos(a, b) = a·b / (|a| |b|).

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use ratatui::style::Style;
use unicode_width::UnicodeWidthStr;

use super::chosen::{Embeddings, role};
use super::names;
use super::tables::Rows;
use crate::lab::facts::Facts;
use crate::lab::number::count;
use crate::lab::pen::{clip, put};
use crate::lab::theme::Role;
use crate::lab::widgets::bar::bar;
use crate::math::cosine;

/// Columns of a list, with the gap after it.
const LIST: u16 = 28;
/// From this height on a row is kept for the comparison with a second token.
const COMPARED: u16 = 4;

/// All other tokens with their cosines, the nearest first.
pub fn by_cosine(rows: &Rows, token: usize) -> Vec<(usize, f64)> {
    cosine::by_cosine(rows.values, rows.columns, token)
}

/// The list of the nearest and, if there is room for a second one, of the farthest.
fn lists(all: &[(usize, f64)], area: Rect) -> [Vec<(usize, f64)>; 2] {
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
    let all = by_cosine(rows, chosen);
    let width = names::width(facts);
    let (below, area) = split(pane, area);
    if let Some(below) = below {
        compared(pane, facts, &all, below, buf);
    }
    let [nearest, farthest] = lists(&all, area);
    let titles = ["nearest to ", "farthest from "];
    for (i, list) in [nearest, farthest].into_iter().enumerate() {
        let x = area.x + i as u16 * LIST;
        let area = Rect { width: area.right().saturating_sub(x).min(LIST - 2), x, ..area };
        if list.is_empty() {
            continue;
        }
        let next = put(buf, area, x, area.y, titles[i], muted);
        let label = names::name(facts, chosen);
        let next = put(buf, area, next, area.y, &label, theme.style(Role::Selected));
        put(buf, area, next, area.y, " by cosine", muted);
        for ((token, cosine), y) in list.into_iter().zip(area.y + 1..) {
            put(buf, area, x + 1, y, &names::name(facts, token), theme.style(role(facts, token)));
            let number = if cosine.is_nan() { "?".to_owned() } else { format!("{cosine:.3}") };
            let end = put(buf, area, x + 2 + width, y, &format!("{number:>7} "), text);
            let room = usize::from(area.right().saturating_sub(end));
            let style = if cosine < 0.0 { muted } else { theme.style(Role::Accent) };
            put(buf, area, end, y, &bar(cosine.abs(), room, &theme.glyphs), style);
        }
    }
}

/// The last row, where a second token is spoken of, and the rest.
fn split(pane: &Embeddings, area: Rect) -> (Option<Rect>, Rect) {
    let spoken = pane.compared.is_some() || pane.missed.is_some();
    if !spoken || area.height < COMPARED {
        return (None, area);
    }
    let below = Rect { y: area.bottom() - 1, height: 1, ..area };
    (Some(below), Rect { height: area.height - 1, ..area })
}

/// `great: 17th of 4,095, cosine 0.412`: where a second token stands in the list of all others.
pub fn compared(
    pane: &Embeddings,
    facts: &Facts,
    all: &[(usize, f64)],
    area: Rect,
    buf: &mut Buffer,
) {
    let theme = facts.theme;
    if let Some(missed) = &pane.missed {
        let text = clip(missed, area.width.into(), theme.glyphs.ellipsis);
        put(buf, area, area.x, area.y, &text, theme.style(Role::Warning));
        return;
    }
    let Some(other) = pane.compared else { return };
    let name = names::name(facts, other);
    let Some(at) = all.iter().position(|(token, _)| *token == other) else {
        put(buf, area, area.x, area.y, &format!("{name} is the token itself"), Style::new());
        return;
    };
    let (rank, of) = (count(at as u64 + 1), count(all.len() as u64));
    let cosine = all[at].1;
    let cosine = if cosine.is_nan() { "?".to_owned() } else { format!("{cosine:.3}") };
    // A number is never cut.
    let texts = [
        format!("{name}: number {rank} of {of} by cosine, {cosine}"),
        format!("{name}: {rank} of {of}, {cosine}"),
        format!("{name} {rank} {cosine}"),
    ];
    let fitting = texts.iter().find(|text| text.width() <= usize::from(area.width));
    if let Some(text) = fitting {
        put(buf, area, area.x, area.y, text, theme.style(Role::Accent));
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
    let lists = lists(&by_cosine(rows, pane.token(facts, rows.count)), split(pane, area).1);
    lists.get(list)?.get(row).map(|&(token, _)| token)
}
