//! The map: every token's own sign where its vector lies in the plane of the largest variance.

mod words;

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use ratatui::style::Modifier;
use ratatui::text::{Line, Span};
use ratatui::widgets::Widget;
use unicode_width::UnicodeWidthStr;

use super::chosen::{Embeddings, role};
use super::tables::{Rows, tokens};
use super::{names, neighbours};
use crate::lab::facts::Facts;
use crate::lab::pen::put;
use crate::lab::run::Run;
use crate::lab::theme::Role;

/// From this width on the neighbours stand beside the map.
const BESIDE: u16 = 78;
const NEIGHBOURS: u16 = 26;

/// The parts of the area.
struct Places {
    head: Option<Rect>,
    map: Rect,
    foot: Option<Rect>,
    side: Option<Rect>,
}

fn places(area: Rect) -> Places {
    let with_side = area.width >= BESIDE && area.height >= 8;
    let left = if with_side { area.width - NEIGHBOURS - 3 } else { area.width };
    let side = with_side.then(|| Rect { x: area.x + left + 3, width: NEIGHBOURS, ..area });
    let main = Rect { width: left, ..area };
    let (above, below) = match area.height {
        0..=5 => (0, 0),
        _ if with_side => (0, 2),
        _ => (1, 2),
    };
    let map = Rect { y: main.y + above, height: main.height - above - below, ..main };
    Places {
        head: (above > 0).then_some(Rect { height: 1, ..main }),
        map,
        foot: (below > 0).then_some(Rect { y: map.bottom(), height: below, ..main }),
        side,
    }
}

/// A token's own cell, then those it may go to if that is taken: (columns, rows) away.
#[rustfmt::skip]
const AROUND: [(i32, i32); 13] = [
    (0, 0), (1, 0), (-1, 0), (0, 1), (0, -1), (2, 0), (-2, 0), (1, 1), (-1, 1), (1, -1), (-1, -1), (3, 0), (-3, 0),
];

/// The cell of each token, as a column and a row of the map.
fn cells(points: &[[f64; 2]], map: Rect) -> Vec<(i32, i32)> {
    let range = |axis: usize| {
        let values = points.iter().map(|p| p[axis]);
        let (low, high) = values
            .fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), x| (low.min(x), high.max(x)));
        if high > low { (low, high) } else { (low - 1.0, low + 1.0) }
    };
    let (across, up) = (range(0), range(1));
    let scale = |x: f64, (low, high): (f64, f64), cells: u16| {
        ((x - low) / (high - low) * f64::from(cells.saturating_sub(1))).round() as i32
    };
    let last = i32::from(map.height) - 1;
    let place = |p: &[f64; 2]| (scale(p[0], across, map.width), last - scale(p[1], up, map.height));
    points.iter().map(place).collect()
}

/// Where each token stands: its own cell, or a free one beside it, or none if all of these are taken.
fn stand(points: &[[f64; 2]], map: Rect) -> Vec<(Position, bool)> {
    let mut taken = vec![false; usize::from(map.width) * usize::from(map.height)];
    let (width, height) = (i32::from(map.width), i32::from(map.height));
    cells(points, map)
        .into_iter()
        .map(|(x, y)| {
            let free = AROUND.iter().map(|(dx, dy)| (x + dx, y + dy)).find(|&(x, y)| {
                (0..width).contains(&x)
                    && (0..height).contains(&y)
                    && !taken[(y * width + x) as usize]
            });
            let (x, y, seen) = match free {
                Some((x, y)) => {
                    taken[(y * width + x) as usize] = true;
                    (x, y, true)
                }
                None => (x, y, false),
            };
            (Position::new(map.x + x as u16, map.y + y as u16), seen)
        })
        .collect()
}

/// Draws the map; `false` if there is none.
pub fn draw(pane: &Embeddings, facts: &Facts, rows: &Rows, area: Rect, buf: &mut Buffer) -> bool {
    let theme = facts.theme;
    let Some(projection) = &pane.projection else { return false };
    if projection.points.len() != rows.count {
        return false;
    }
    let places = places(area);
    let chosen = pane.token(facts, rows.count);
    if names::are_words(facts) {
        let unnamed = words::draw(pane, facts, rows, &projection.points, places.map, buf);
        if let Some(head) = places.head {
            nearest(facts, rows, chosen, head, buf);
        }
        if let Some(foot) = places.foot {
            axes(facts, projection.shares, 0, Rect { height: 1, ..foot }, buf);
            let foot = Rect { y: foot.y + 1, height: 1, ..foot };
            words::foot(pane, facts, rows, unnamed, places.side.is_some(), foot, buf);
        }
        if let Some(side) = places.side {
            neighbours::draw(pane, facts, rows, side, buf);
        }
        return true;
    }
    let stands = stand(&projection.points, places.map);
    for (token, &(at, seen)) in stands.iter().enumerate() {
        if seen {
            let mut style = theme.style(role(facts, token));
            if facts.subject().contains(&(token as u32)) {
                style = style.add_modifier(Modifier::BOLD | Modifier::UNDERLINED);
            }
            put(buf, places.map, at.x, at.y, &facts.label(token as u32), style);
        }
    }
    if let Some(&(at, _)) = stands.get(chosen) {
        let style = theme.style(Role::Selected);
        put(buf, places.map, at.x, at.y, &facts.label(chosen as u32), style);
    }
    if let Some(head) = places.head {
        nearest(facts, rows, chosen, head, buf);
    }
    if let Some(foot) = places.foot {
        let covered = stands.iter().filter(|(_, seen)| !seen).count();
        axes(facts, projection.shares, covered, Rect { height: 1, ..foot }, buf);
        legend(facts, Rect { y: foot.y + 1, height: 1, ..foot }, buf);
    }
    if let Some(side) = places.side {
        neighbours::draw(pane, facts, rows, side, buf);
    }
    true
}

/// `▸e  nearest a 0.83  i 0.71  o 0.66`
fn nearest(facts: &Facts, rows: &Rows, chosen: usize, area: Rect, buf: &mut Buffer) {
    let theme = facts.theme;
    let muted = theme.style(Role::Muted);
    let name = format!("{}{}", theme.glyphs.cursor, names::name(facts, chosen));
    let mut x = put(buf, area, area.x, area.y, &name, theme.style(Role::Accent));
    x = put(buf, area, x, area.y, " nearest", muted);
    for (token, cosine) in neighbours::by_cosine(rows, chosen) {
        let text = format!("{cosine:.2}");
        let label = names::name(facts, token);
        if usize::from(area.right().saturating_sub(x)) < 3 + label.width() + text.len() {
            break;
        }
        let style = theme.style(role(facts, token));
        x = put(buf, area, x + 2, area.y, &label, style);
        x = put(buf, area, x + 1, area.y, &text, muted);
    }
}

/// How much of the variance lies along each axis.
fn axes(facts: &Facts, shares: [f64; 2], covered: usize, area: Rect, buf: &mut Buffer) {
    let muted = facts.theme.style(Role::Muted);
    let [across, up] = shares.map(|share| format!("{:.1} %", 100.0 * share));
    let text = if shares == [0.0; 2] {
        "all vectors are the same".to_owned()
    } else {
        let the = if area.width < 36 { "" } else { "the " };
        format!("→ {across}  ↑ {up} of {the}variance")
    };
    let x = put(buf, area, area.x, area.y, &text, muted);
    if covered > 0 && usize::from(area.right().saturating_sub(x)) > 11 {
        put(buf, area, x, area.y, &format!(", {covered} covered"), muted);
    }
}

/// The classes in their colours.
fn legend(facts: &Facts, area: Rect, buf: &mut Buffer) {
    let theme = facts.theme;
    // In full, and as short as a narrow pane needs it.
    let names: [(Role, &str, &str); 6] = [
        (Role::Vowel, "vowel", "vow."),
        (Role::Consonant, "consonant", "con."),
        (Role::Capital, "Capital", "Cap"),
        (Role::Digit, "digit", "dig."),
        (Role::Punctuation, "punctuation", "punc."),
        (Role::Space, "space", "space"),
    ];
    let long = area.width >= 70;
    let mut spans = Vec::new();
    for (role, name, short) in names {
        spans.push(Span::styled(if long { name } else { short }, theme.style(role)));
        spans.push(Span::raw(" "));
    }
    if long {
        let style = theme.style(Role::Text).add_modifier(Modifier::BOLD | Modifier::UNDERLINED);
        let text = facts.run.is_none_or(Run::is_on_text);
        let read = if text { "in the prompt" } else { "in the example" };
        spans.push(Span::styled(read, style));
    }
    Line::from(spans).render(area, buf);
}

/// The token nearest to a cell of the map, if one is near; or the neighbour listed there.
pub fn token_at(pane: &Embeddings, facts: &Facts, area: Rect, at: Position) -> Option<usize> {
    let places = places(area);
    if let Some(side) = places.side.filter(|side| side.contains(at)) {
        return neighbours::token_at(pane, facts, &tokens(facts)?, side, at);
    }
    let projection = pane.projection.as_ref()?;
    if names::are_words(facts) {
        return words::at(pane, facts, &tokens(facts)?, &projection.points, places.map, at);
    }
    let distance = |p: Position| {
        let (dx, dy) = (i32::from(p.x) - i32::from(at.x), i32::from(p.y) - i32::from(at.y));
        // A cell is about twice as high as wide.
        dx * dx + 4 * dy * dy
    };
    let seen = stand(&projection.points, places.map).into_iter().enumerate().filter(|(_, s)| s.1);
    let nearest = seen.map(|(token, (place, _))| (distance(place), token)).min()?;
    (nearest.0 <= 16).then_some(nearest.1)
}
