//! How it looks: the text with the window that the model sees, the stretch of every token from 0 to 1, and where u falls.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::widgets::Widget;
use unicode_width::UnicodeWidthStr;

use super::Generation;
use crate::lab::facts::Facts;
use crate::lab::number::probability;
use crate::lab::pen::put;
use crate::lab::theme::Role;
use crate::lab::widgets::columns::{Cells, Column, Columns};
use crate::lab::widgets::notes::notes;
use crate::model::sampling::Candidate;

/// Where each token's stretch ends: it begins where the one before it ends.
pub fn ends(table: &[Candidate]) -> Vec<f64> {
    let mut end = 0.0;
    let next = |c: &Candidate| {
        end += c.probability;
        end
    };
    table.iter().map(next).collect()
}

pub fn draw(pane: &Generation, facts: &Facts, table: &[Candidate], area: Rect, buf: &mut Buffer) {
    let theme = facts.theme;
    text(pane, facts, area, buf);
    let ends = ends(table);
    let drawn = pane.drawn.as_ref();
    let chosen = drawn.and_then(|drawn| table.iter().position(|c| c.token == drawn.token));
    let mut left = below(area, 1);
    if left.height > 4 {
        left = notes(theme, &[(window(facts), Role::Muted)], left, buf);
    }
    if left.height > 5 {
        strip(facts, table, &ends, left, buf);
        if let Some(drawn) = drawn {
            caret(facts, drawn.u, below(left, 1), buf);
        }
        left = below(left, 2);
    }
    let said = match (drawn, chosen) {
        (Some(drawn), Some(i)) => {
            let from = ends[i] - table[i].probability;
            let label = facts.label(drawn.token);
            let (u, end) = (drawn.u, ends[i]);
            format!("u = {u:.4} falls between {from:.4} and {end:.4}: \"{label}\". s goes on.")
        }
        _ => "s draws u, a number from 0 to 1: the token on whose stretch it falls comes next. Left takes back, up and down change the seed."
            .to_owned(),
    };
    if left.height > 3 {
        left = notes(theme, &[(said, Role::Text)], left, buf);
    }
    let role = |c: &Candidate| if c.kept { Role::Text } else { Role::Muted };
    let numbers = |of: &dyn Fn(usize, &Candidate) -> String| {
        let cells = table.iter().enumerate().map(|(i, c)| (of(i, c), role(c)));
        Cells::Numbers(cells.collect())
    };
    let labels = table.iter().map(|c| (facts.label(c.token), role(c))).collect();
    let stretches = ends.iter().zip(table).map(|(end, c)| [end - c.probability, *end]).collect();
    let columns = Columns {
        theme,
        columns: vec![
            Column::new("token", Cells::Words(labels)),
            Column::new("p", numbers(&|_, c| probability(c.probability))),
            Column::new("from", numbers(&|i, c| format!("{:.4}", ends[i] - c.probability))),
            Column::new("to", numbers(&|i, _| format!("{:.4}", ends[i]))),
            Column::new("", Cells::Bars(stretches)),
        ],
        // Room for the mark, before there is one.
        cursor: Some(chosen.unwrap_or(usize::MAX)),
        foot: 0,
    };
    (&columns).render(left, buf);
}

fn below(area: Rect, rows: u16) -> Rect {
    let rows = rows.min(area.height);
    Rect { y: area.y + rows, height: area.height - rows, ..area }
}

/// `sees the last 8 of 13, T = 8; 5 drawn`
fn window(facts: &Facts) -> String {
    let size = facts.run.map_or(0, |run| run.config.model.block_size);
    let all = facts.prompt.tokens.len();
    format!("[ ]: the last {} of {all} tokens, which the model sees (T = {size}).", all.min(size))
}

/// The end of the text, the model's window in brackets, and what was drawn.
fn text(pane: &Generation, facts: &Facts, area: Rect, buf: &mut Buffer) {
    let theme = facts.theme;
    let tokens = &facts.prompt.tokens;
    let size = facts.run.map_or(0, |run| run.config.model.block_size);
    let first_seen = tokens.len().saturating_sub(size);
    let label = |token: u32| match facts.character(token) {
        Some(' ') => " ".to_owned(),
        _ => facts.label(token),
    };
    let muted = theme.style(Role::Muted);
    let mut pieces = Vec::new();
    for (i, token) in tokens.iter().enumerate() {
        if i == first_seen {
            pieces.push(("[".to_owned(), theme.style(Role::Accent)));
        }
        let role = match (i < first_seen, i < pane.start.len()) {
            (true, _) => Role::Muted,
            (false, true) => Role::Text,
            // What was drawn by the learner.
            (false, false) => Role::Good,
        };
        pieces.push((label(*token), theme.style(role)));
    }
    pieces.push(("]".to_owned(), theme.style(Role::Accent)));
    if let Some(drawn) = &pane.drawn {
        pieces.push((facts.label(drawn.token), theme.style(Role::Selected)));
    }
    let room = usize::from(area.width);
    let width: usize = pieces.iter().map(|(text, _)| text.width()).sum();
    let mut skip = 0;
    if width > room {
        let ellipsis = theme.glyphs.ellipsis;
        let mut left = width + ellipsis.width();
        while left > room && skip < pieces.len() {
            left -= pieces[skip].0.width();
            skip += 1;
        }
        put(buf, area, area.x, area.y, ellipsis, muted);
    }
    let mut x = area.x + u16::from(skip > 0);
    for (text, style) in &pieces[skip..] {
        x = put(buf, area, x, area.y, text, *style);
    }
}

/// The line from 0 to 1: every token's sign where its stretch begins.
fn strip(facts: &Facts, table: &[Candidate], ends: &[f64], area: Rect, buf: &mut Buffer) {
    let theme = facts.theme;
    let column = |at: f64| (at * f64::from(area.width)) as u16;
    for (i, (candidate, end)) in table.iter().zip(ends).enumerate() {
        let (from, to) = (column(end - candidate.probability), column(*end).min(area.width));
        if to <= from {
            continue;
        }
        // Neighbours differ by more than their signs.
        let style = theme.style(if i % 2 == 0 { Role::Accent } else { Role::Text });
        let label = facts.label(candidate.token);
        for x in from..to {
            put(buf, area, area.x + x, area.y, theme.glyphs.horizontal, style);
        }
        if label.width() <= usize::from(to - from) {
            put(buf, area, area.x + from, area.y, &label, style);
        }
    }
}

/// Where on that line u falls.
fn caret(facts: &Facts, u: f64, area: Rect, buf: &mut Buffer) {
    let theme = facts.theme;
    let style = theme.style(Role::Marker);
    let at = area.x + ((u * f64::from(area.width)) as u16).min(area.width.saturating_sub(1));
    put(buf, area, at, area.y, "▲", style);
    let text = format!("u {u:.4}");
    let width = text.width() as u16;
    if at + 2 + width <= area.right() {
        put(buf, area, at + 2, area.y, &text, style);
    } else if at > area.x + width {
        put(buf, area, at - width - 1, area.y, &text, style);
    }
}
