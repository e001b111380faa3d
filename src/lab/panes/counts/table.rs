//! One row of both tables as a list, the most frequent next token first.

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use unicode_width::UnicodeWidthStr;

use super::{Row, why_alone};
use crate::lab::facts::Facts;
use crate::lab::number::{count, probability, setting};
use crate::lab::pen::{put, sentence};
use crate::lab::theme::Role;
use crate::lab::widgets::bar::bar;
use crate::lab::widgets::heat_map::Window;

/// Where each column ends; those that do not fit are left out.
const COUNT: u16 = 13;
const COUNTED: u16 = 22;
const MODEL: u16 = 30;
const RAW: u16 = 38;
const BAR: u16 = 40;

/// Rows of the list: below the line about the row and the heads, above the line about the difference.
fn list(facts: &Facts, row: &Row, area: Rect) -> (Rect, Window) {
    let above = if area.height >= 4 { 2 } else { 0 };
    let below = match (area.height, why_alone(facts)) {
        (0..6, _) => 0,
        (_, Some(why)) => (why.width() as u16).div_ceil(area.width.max(1)) + 1,
        (_, None) => u16::from(row.model.is_some()),
    };
    let below = below.min(area.height.saturating_sub(above + 2));
    let rows = Rect { y: area.y + above, height: area.height - above - below, ..area };
    (rows, Window::around(row.cursor, row.order.len(), usize::from(rows.height)))
}

/// The next token under a position of the screen.
pub fn at(facts: &Facts, row: &Row, area: Rect, at: Position) -> Option<u32> {
    let (rows, window) = list(facts, row, area);
    let line = usize::from(at.y.checked_sub(rows.y).filter(|_| rows.contains(at))?);
    (line < window.shown).then(|| row.order[window.first + line])
}

pub fn draw(facts: &Facts, row: &Row, whole: Option<f64>, area: Rect, buf: &mut Buffer) {
    let theme = facts.theme;
    let (text, muted) = (theme.style(Role::Text), theme.style(Role::Muted));
    let (rows, window) = list(facts, row, area);
    let right = |buf: &mut Buffer, end: u16, y: u16, what: &str, style| {
        if end <= area.width {
            let x = (area.x + end).saturating_sub(what.width() as u16);
            put(buf, area, x.max(area.x), y, what, style);
        }
    };
    if rows.y > area.y {
        heading(facts, row, area, buf);
        let (y, head) = (area.y + 1, theme.style(Role::Heading));
        put(buf, area, area.x + 1, y, "next", head);
        right(buf, COUNT, y, "count", head);
        right(buf, COUNTED, y, "counted", head);
        if row.model.is_some() {
            right(buf, MODEL, y, "model", head);
            right(buf, RAW, y, "raw", head);
        } else {
            right(buf, MODEL, y, "raw", head);
        }
    }
    let largest = row.order.first().map_or(1.0, |next| row.counted(*next));
    for line in 0..window.shown {
        let (y, next) = (rows.y + line as u16, row.order[window.first + line]);
        let n = row.counts[next as usize];
        let style = if n > 0 { text } else { muted };
        if window.first + line == row.cursor {
            put(buf, area, area.x, y, theme.glyphs.cursor, theme.style(Role::Accent));
        }
        put(buf, area, area.x + 1, y, &facts.label(next), style);
        right(buf, COUNT, y, &count(u64::from(n)), style);
        right(buf, COUNTED, y, &probability(row.counted(next)), style);
        let raw = f64::from(n) / f64::from(row.followed.max(1));
        match &row.model {
            Some(model) => {
                let p = model[next as usize];
                right(buf, MODEL, y, &probability(p), theme.style(Role::Accent));
                right(buf, RAW, y, &probability(raw), muted);
                let room = usize::from(area.width.saturating_sub(BAR)).min(40);
                let bar = bar(p / largest, room, &theme.glyphs);
                put(buf, area, area.x + BAR, y, &bar, theme.style(Role::Accent));
            }
            None => right(buf, MODEL, y, &probability(raw), muted),
        }
    }
    let below = Rect { y: rows.bottom(), height: area.bottom() - rows.bottom(), ..area };
    if below.height == 0 {
        return;
    }
    if let Some(why) = why_alone(facts) {
        return sentence(theme, &why, below, buf);
    }
    let Some(own) = row.difference() else { return };
    let mut line = format!("mean difference {}", probability(own));
    let more =
        whole.map_or(String::new(), |all| format!(" here, {} in all rows", probability(all)));
    if line.width() + more.width() <= usize::from(area.width) {
        line += &more;
    }
    if line.width() <= usize::from(area.width) {
        put(buf, below, below.x, below.bottom() - 1, &line, muted);
    }
}

/// `after e, 94,611 times in the text, each count + 0.1`
fn heading(facts: &Facts, row: &Row, area: Rect, buf: &mut Buffer) {
    let muted = facts.theme.style(Role::Muted);
    let mut x = put(buf, area, area.x, area.y, "after ", muted);
    let style = facts.theme.style(Role::Accent);
    x = put(buf, area, x, area.y, &facts.label(row.token), style);
    let seen = format!(", {} times in the text", count(u64::from(row.followed)));
    let smoothing = format!(", each count + {}", setting(row.bigrams.smoothing));
    for part in [seen, smoothing] {
        if x + part.width() as u16 <= area.right() {
            x = put(buf, area, x, area.y, &part, muted);
        }
    }
}
