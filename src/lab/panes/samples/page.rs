//! Characters laid out in a column, word for character: line breaks as they were written, long lines cut at the width.

use unicode_width::UnicodeWidthChar;

/// How a token stands on the page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sign {
    Shown(char),
    /// A word of so many columns, with a space before it unless it begins a line.
    Word {
        width: u16,
        space: bool,
    },
    /// Takes the last place of its line, unseen.
    Newline,
    Tab,
    /// A control character, one without a width, or none of the vocabulary.
    Unknown,
}

impl Sign {
    pub fn of(character: Option<char>) -> Self {
        match character {
            Some('\n') => Self::Newline,
            Some('\t') => Self::Tab,
            Some(c) if c.width().is_some_and(|width| width > 0) => Self::Shown(c),
            _ => Self::Unknown,
        }
    }

    fn width(self) -> u16 {
        match self {
            Self::Shown(c) => c.width().unwrap_or(1) as u16,
            Self::Word { width, .. } => width,
            _ => 1,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
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
        let place = |sign: Sign| {
            let spaced = matches!(sign, Sign::Word { space: true, .. });
            let mut start = column + u16::from(spaced && column > 0);
            if sign != Sign::Newline && column > 0 && start + sign.width() > width {
                row += 1;
                start = 0;
            }
            let place = Place { row, column: start, sign };
            if sign == Sign::Newline {
                (row, column) = (row + 1, 0);
            } else {
                column = start.saturating_add(sign.width());
            }
            place
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
        Page::new(text.chars().map(|c| Sign::of(Some(c))), width)
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
    fn words_are_set_apart_and_never_broken() {
        let word = |width, space| Sign::Word { width, space };
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
        assert_eq!(Sign::of(Some('\u{301}')), Sign::Unknown);
        assert_eq!(Sign::of(None), Sign::Unknown);
    }
}
