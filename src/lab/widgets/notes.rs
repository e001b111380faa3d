//! Sentences below a table: wrapped at words, and left out whole where there is no room.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use unicode_width::UnicodeWidthStr;

use super::super::pen::put;
use super::super::theme::{Role, Theme, dimension};

/// A text in lines of at most `width` columns; `None` if a word of it is longer.
pub fn wrapped(text: &str, width: usize) -> Option<Vec<String>> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split(' ') {
        if word.width() > width {
            return None;
        }
        match lines.last_mut() {
            Some(line) if line.width() + 1 + word.width() <= width => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    Some(lines)
}

/// Writes the sentences below each other, the most important first; one that does not fit is skipped. Returns the room
/// that is left below them.
pub fn notes(theme: &Theme, sentences: &[(String, Role)], area: Rect, buf: &mut Buffer) -> Rect {
    let mut left = area;
    for (text, role) in sentences {
        let Some(lines) = wrapped(text, area.width.into()) else { continue };
        let height = lines.len() as u16;
        if height > left.height {
            continue;
        }
        for (line, row) in lines.iter().zip(left.rows()) {
            words(theme, line, *role, row, buf);
        }
        left = Rect { y: left.y + height, height: left.height - height, ..left };
    }
    left
}

/// Writes a line; a word that is the name of a dimension has its colour.
fn words(theme: &Theme, line: &str, role: Role, row: Rect, buf: &mut Buffer) {
    let mut x = row.x;
    for word in line.split_inclusive(' ') {
        // A quoted letter is a token.
        let name = word.trim_matches(['(', ')', ',', '.', ':', ';', ' ']);
        let role = dimension(name).unwrap_or(role);
        x = put(buf, row, x, row.y, word, theme.style(role));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lab::theme::{Depth, Glyphs, Ground};

    #[test]
    fn sentences_are_wrapped_or_left_out_whole() {
        let theme = Theme::plain();
        let area = Rect::new(0, 0, 9, 3);
        let mut buf = Buffer::empty(area);
        let sentences = ["one two three", "a long one of many words", "last"];
        let sentences = sentences.map(|text| (text.to_owned(), Role::Text));
        let left = notes(&theme, &sentences, area, &mut buf);
        let row = |y| (0..9).map(|x| buf[(x, y)].symbol()).collect::<String>();
        assert_eq!([row(0), row(1), row(2)], ["one two  ", "three    ", "last     "]);
        assert_eq!(left.height, 0);
        assert_eq!(wrapped("a verylongword", 5), None);
    }

    #[test]
    fn names_of_dimensions_have_their_colour() {
        let theme = Theme::new(Depth::Rgb, Ground::Dark, Glyphs::UNICODE);
        let area = Rect::new(0, 0, 20, 1);
        let mut buf = Buffer::empty(area);
        notes(&theme, &[("(T = 8), \"V\" B.".to_owned(), Role::Text)], area, &mut buf);
        assert_eq!(buf[(1, 0)].fg, theme.colour(Role::Time));
        assert_eq!(buf[(13, 0)].fg, theme.colour(Role::Batch));
        assert_eq!(buf[(10, 0)].fg, theme.colour(Role::Text));
    }
}
