//! Ids with the tokens that they stand for, and the text that these make.

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use ratatui::widgets::{Paragraph, Widget, Wrap};

use super::strip::{Column, Strip};
use crate::lab::facts::Facts;
use crate::lab::pen::{clip, put, sentence};
use crate::lab::theme::Role;
use crate::text::{Tokenizer, shown};

/// What was typed, piece by piece.
pub fn pieces(typed: &str) -> impl Iterator<Item = &str> {
    typed.split(|c: char| c.is_whitespace() || c == ',').filter(|piece| !piece.is_empty())
}

/// An id of the vocabulary, or what is wrong with it.
fn id(piece: &str, vocab_size: usize) -> Result<u32, String> {
    let number: Option<u32> = piece.parse().ok();
    number.filter(|id| (*id as usize) < vocab_size).ok_or_else(|| {
        let last = vocab_size.saturating_sub(1);
        format!("{} is no id: they go from 0 to {last}", shown::excerpt(piece))
    })
}

fn strip<'a>(facts: &Facts<'a>, tokenizer: &Tokenizer, typed: &str, at: usize) -> Strip<'a> {
    let ascii = facts.theme.glyphs.ascii;
    let column = |piece: &str| {
        let known = id(piece, tokenizer.vocab_size()).ok();
        let sign = known.map_or("?".to_owned(), |id| shown::token(&tokenizer.token(id), ascii));
        let role = if known.is_some() { Role::Text } else { Role::Bad };
        let piece = shown::token(piece, ascii);
        Column { lines: vec![piece, sign], style: facts.theme.style(role) }
    };
    let columns: Vec<_> = pieces(typed).map(column).collect();
    let cursor = columns.len().checked_sub(1).map(|last| at.min(last));
    Strip { theme: facts.theme, names: &["id", "is"], columns, cursor }
}

/// The ids stand above their text.
fn places(area: Rect, strip: &Strip) -> (Rect, Rect) {
    let height = strip.height(area.width).min(area.height - area.height / 3);
    let below = Rect { y: area.y + height, height: area.height - height, ..area };
    (Rect { height, ..area }, below)
}

/// The id under a position of the screen.
pub fn at(facts: &Facts, typed: &str, cursor: usize, area: Rect, at: Position) -> Option<usize> {
    let strip = strip(facts, facts.tokenizer()?, typed, cursor);
    strip.at(places(area, &strip).0, at)
}

pub fn draw(facts: &Facts, typed: &str, cursor: usize, area: Rect, buf: &mut Buffer) {
    let theme = facts.theme;
    let Some(tokenizer) = facts.tokenizer().filter(|_| pieces(typed).next().is_some()) else {
        return sentence(theme, "Press enter and type ids, with spaces between them.", area, buf);
    };
    let strip = strip(facts, tokenizer, typed, cursor);
    let (above, mut below) = places(area, &strip);
    strip.draw(above, buf);
    let read: Vec<_> = pieces(typed).map(|piece| id(piece, tokenizer.vocab_size())).collect();
    if let Some(Err(why)) = read.iter().find(|id| id.is_err())
        && below.height > 1
    {
        let why = clip(why, usize::from(area.width), theme.glyphs.ellipsis);
        put(buf, area, below.x, below.y, &why, theme.style(Role::Bad));
        below = Rect { y: below.y + 1, height: below.height - 1, ..below };
    }
    let ids: Vec<u32> = read.into_iter().filter_map(Result::ok).collect();
    let sign = |c: char| match c {
        ' ' => " ".to_owned(),
        '\n' => format!("{}\n", shown::sign(c, theme.glyphs.ascii)),
        c => shown::sign(c, theme.glyphs.ascii),
    };
    let text: String = tokenizer.decode(&ids).chars().map(sign).collect();
    if below.height > 1 {
        put(buf, area, below.x, below.y, "reads", theme.style(Role::Muted));
        below = Rect { y: below.y + 1, height: below.height - 1, ..below };
    }
    Paragraph::new(text).wrap(Wrap { trim: false }).render(below, buf);
}
