//! The whole vocabulary as columns, in the order of the ids, in as many strips as the width asks for.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use unicode_width::UnicodeWidthStr;

use crate::lab::facts::Facts;
use crate::lab::number::probability;
use crate::lab::pen::put;
use crate::lab::theme::Role;
use crate::lab::widgets::bar::column;
use crate::model::sampling::Candidate;

/// How the strips lie in an area, below a line of explanation.
struct Strips {
    /// Columns of a token.
    pitch: u16,
    tokens_a_row: usize,
    /// Strips in all.
    total: usize,
    /// Strips that are shown.
    shown: usize,
    /// Rows of the columns of a strip; its labels stand under them.
    height: u16,
}

impl Strips {
    fn new(facts: &Facts, tokens: usize, area: Rect) -> Self {
        let widest = (0..tokens as u32).map(|token| facts.label(token).width()).max().unwrap_or(1);
        let tight = widest as u16;
        // Room for a gap after each, if all then still fit into one strip.
        let loose = (tight + 1) * tokens as u16 <= area.width;
        let pitch = if loose { tight + 1 } else { tight.max(1) };
        let tokens_a_row = usize::from((area.width / pitch).max(1));
        let total = tokens.div_ceil(tokens_a_row);
        let room = area.height.saturating_sub(1);
        let height = (room / (total.max(1) as u16)).saturating_sub(1).clamp(1, 20);
        let shown = total.min(usize::from(room / (height + 1)));
        Self { pitch, tokens_a_row, total, shown, height }
    }
}

pub fn most_scroll(facts: &Facts, tokens: usize, area: Rect) -> usize {
    let strips = Strips::new(facts, tokens, area);
    strips.total - strips.shown
}

pub fn draw(facts: &Facts, table: &[Candidate], scroll: usize, area: Rect, buf: &mut Buffer) {
    let theme = facts.theme;
    let muted = theme.style(Role::Muted);
    let strips = Strips::new(facts, table.len(), area);
    let Some(likeliest) = table.first() else { return };
    let text = format!(
        "p by token, tallest {} {}",
        facts.label(likeliest.token),
        probability(likeliest.probability)
    );
    put(buf, area, area.x, area.y, &text, muted);
    let mut by_id: Vec<_> = table.iter().collect();
    by_id.sort_by_key(|c| c.token);
    let first = scroll.min(strips.total - strips.shown);
    let rows = by_id.chunks(strips.tokens_a_row).skip(first).take(strips.shown);
    for (row, strip) in rows.enumerate() {
        let top = area.y + 1 + row as u16 * (strips.height + 1);
        for (i, candidate) in strip.iter().enumerate() {
            let x = area.x + i as u16 * strips.pitch;
            let share = candidate.probability / likeliest.probability;
            let signs = column(share, usize::from(strips.height), &theme.glyphs);
            for (sign, y) in signs.into_iter().zip(top..) {
                put(buf, area, x, y, sign, theme.style(Role::Accent));
            }
            let role = if candidate.kept { Role::Text } else { Role::Faint };
            let label = facts.label(candidate.token);
            put(buf, area, x, top + strips.height, &label, theme.style(role));
        }
    }
}
