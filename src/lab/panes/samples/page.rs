//! Characters laid out in a column, word for character: line breaks as they were written, long lines cut at the width.

use unicode_width::UnicodeWidthStr;

use crate::text::shown;

/// How a token stands on the page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Sign {
    /// A character with the marks and joiners that follow it, or a word; with a space before it unless it begins a line.
    Shown { text: String, space: bool },
    /// A mark, or another part of what is drawn as one: of the sign so many tokens before.
    Part(usize),
    /// Takes the last place of its line, unseen.
    Newline,
    /// None of the vocabulary.
    Unknown,
}

impl Sign {
    /// The signs of characters in a row; `None` is none of the vocabulary.
    pub fn of(characters: &[Option<char>], ascii: bool) -> Vec<Self> {
        let mut signs = Vec::with_capacity(characters.len());
        for run in characters.chunk_by(|a, b| a.is_some() && b.is_some()) {
            let text: String = run.iter().flatten().collect();
            if text.is_empty() {
                signs.extend(run.iter().map(|_| Self::Unknown));
            }
            for cluster in shown::clusters(&text) {
                signs.push(match cluster {
                    "\n" => Self::Newline,
                    // A space leaves its place empty.
                    " " => Self::Shown { text: " ".to_owned(), space: false },
                    _ => Self::Shown { text: shown::cluster(cluster, ascii), space: false },
                });
                signs.extend((1..cluster.chars().count()).map(Self::Part));
            }
        }
        signs
    }

    /// The sign of a word.
    pub fn of_word(text: String, space: bool) -> Self {
        Self::Shown { text, space }
    }

    /// Columns.
    fn width(&self) -> u16 {
        match self {
            Self::Shown { text, .. } => text.width() as u16,
            Self::Part(_) => 0,
            Self::Newline | Self::Unknown => 1,
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    pub row: usize,
    pub column: u16,
    pub sign: Sign,
}

/// Every token's place.
#[derive(Debug)]
pub struct Page {
    pub places: Vec<Place>,
}

impl Page {
    /// Lays signs out in `width` columns; the last one is kept for line breaks.
    pub fn new(signs: impl Iterator<Item = Sign>, width: u16) -> Self {
        let width = width.saturating_sub(1).max(1);
        let (mut row, mut column) = (0, 0);
        let mut head = (0, 0);
        let place = |sign: Sign| {
            if matches!(sign, Sign::Part(_)) {
                return Place { row: head.0, column: head.1, sign };
            }
            let spaced = matches!(sign, Sign::Shown { space: true, .. });
            let mut start = column + u16::from(spaced && column > 0);
            if sign != Sign::Newline && column > 0 && start + sign.width() > width {
                row += 1;
                start = 0;
            }
            head = (row, start);
            if sign == Sign::Newline {
                (row, column) = (row + 1, 0);
            } else {
                column = start.saturating_add(sign.width());
            }
            Place { row: head.0, column: start, sign }
        };
        Self { places: signs.map(place).collect() }
    }

    /// The first row to show in `height` rows: the one that brings the cursor to the middle, without a cursor the first,
    /// or, while the text still grows, the one that shows its end.
    pub fn first_row(&self, cursor: Option<usize>, height: u16, grows: bool) -> usize {
        let height = usize::from(height);
        let rows = self.places.last().map_or(0, |place| place.row + 1);
        let most = rows.saturating_sub(height);
        match cursor.and_then(|index| self.places.get(index)) {
            Some(place) => place.row.saturating_sub(height / 2).min(most),
            None if grows => most,
            None => 0,
        }
    }

    /// The token `by` rows away in the same column, or the last one left of it.
    pub fn rows_away(&self, from: usize, by: isize) -> usize {
        let Some(here) = self.places.get(from) else { return from };
        let last = self.places.last().map_or(0, |place| place.row);
        let row = here.row.saturating_add_signed(by).min(last);
        let left_of = self.places.iter().rposition(|p| p.row == row && p.column <= here.column);
        left_of.unwrap_or(from)
    }

    /// The token in a cell.
    pub fn at(&self, row: usize, column: u16) -> Option<usize> {
        let covers =
            |p: &Place| p.row == row && (p.column..p.column + p.sign.width()).contains(&column);
        self.places.iter().position(covers)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(text: &str, width: u16) -> Page {
        let characters: Vec<_> = text.chars().map(Some).collect();
        Page::new(Sign::of(&characters, false).into_iter(), width)
    }

    #[test]
    fn lines_break_where_they_did_and_at_the_width() {
        let page = page("abc\n\ndefgh日i", 5);
        let places: Vec<_> = page.places.iter().map(|p| (p.row, p.column)).collect();
        // abc⏎ / ⏎ / defg / h日i
        assert_eq!(
            places,
            [
                (0, 0),
                (0, 1),
                (0, 2),
                (0, 3),
                (1, 0),
                (2, 0),
                (2, 1),
                (2, 2),
                (2, 3),
                (3, 0),
                (3, 1),
                (3, 3)
            ]
        );
        assert_eq!(page.at(3, 2), Some(10));
        assert_eq!(page.at(0, 4), None);
        assert_eq!(page.rows_away(2, 2), 7);
        assert_eq!(page.rows_away(2, 1), 4);
        assert_eq!(page.rows_away(0, -1), 0);
        assert_eq!(page.first_row(Some(11), 2, false), 2);
        assert_eq!((page.first_row(None, 2, false), page.first_row(None, 2, true)), (0, 2));
    }

    #[test]
    fn every_character_has_a_sign_and_marks_stand_with_their_letters() {
        let text = "e\u{301}\u{1b}👩\u{200d}🔬\r\n\t \u{301}";
        let signs = Sign::of(&text.chars().map(Some).collect::<Vec<_>>(), false);
        let shown = |text: &str| Sign::of_word(text.to_owned(), false);
        let expected = [
            shown("e\u{301}"),
            Sign::Part(1),
            shown("␛"),
            shown("👩\u{200d}🔬"),
            Sign::Part(1),
            Sign::Part(2),
            shown("␍"),
            Sign::Newline,
            shown("⇥"),
            shown(" "),
            shown("◌\u{301}"),
        ];
        assert_eq!(signs, expected);
        // A mark after a token that is none begins anew.
        assert_eq!(
            Sign::of(&[Some('e'), None, Some('\u{301}')], false),
            [shown("e"), Sign::Unknown, shown("◌\u{301}")]
        );
        let page = page(text, 80);
        let places: Vec<_> = page.places.iter().map(|p| (p.row, p.column)).collect();
        let line = [(0, 0), (0, 0), (0, 1), (0, 2), (0, 2), (0, 2), (0, 4), (0, 5)];
        assert_eq!(places, [&line[..], &[(1, 0), (1, 1), (1, 2)]].concat());
        // Both columns of a wide sign are its first token's.
        assert_eq!((page.at(0, 0), page.at(0, 2), page.at(0, 3)), (Some(0), Some(3), Some(3)));
    }

    #[test]
    fn words_are_set_apart_and_never_broken() {
        let word = |width, space| Sign::of_word("x".repeat(width), space);
        let sleep = [word(2, false), word(5, true), word(1, false), word(3, true)];
        let signs = sleep.into_iter().chain([Sign::Newline, word(2, true)]);
        // to sleep, / say / no
        let page = Page::new(signs, 11);
        let places: Vec<_> = page.places.iter().map(|p| (p.row, p.column)).collect();
        assert_eq!(places, [(0, 0), (0, 3), (0, 8), (1, 0), (1, 3), (2, 0)]);
        assert_eq!((page.at(0, 2), page.at(0, 5)), (None, Some(1)));
    }

    #[test]
    fn no_width_is_too_small() {
        for width in 0..3 {
            assert_eq!(page("ab日", width).places.len(), 3);
        }
        assert_eq!(page("", 0).first_row(None, 0, true), 0);
        assert_eq!(Sign::of(&[None, None], false), [Sign::Unknown, Sign::Unknown]);
    }
}
