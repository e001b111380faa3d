//! The words that stories are told in, as token ids.

use crate::model::PAD;

/// In the order of their ids. The first fills up what is shorter than the longest.
pub const WORDS: [&str; 35] = [
    "_", ".", "?", "went", "to", "the", "took", "dropped", "where", "is", "was", "in", "before",
    "how", "many", "things", "has", "no", "yes", "none", "one", "two", "three", "anna", "ben",
    "clara", "david", "hall", "kitchen", "garden", "attic", "cellar", "ball", "book", "key",
];

pub const STOP: u32 = 1;
pub const ASKED: u32 = 2;
pub const WENT: u32 = 3;
pub const TO: u32 = 4;
pub const THE: u32 = 5;
pub const TOOK: u32 = 6;
pub const DROPPED: u32 = 7;
pub const WHERE: u32 = 8;
pub const IS: u32 = 9;
pub const WAS: u32 = 10;
pub const IN: u32 = 11;
pub const BEFORE: u32 = 12;
pub const HOW: u32 = 13;
pub const MANY: u32 = 14;
pub const THINGS: u32 = 15;
pub const HAS: u32 = 16;
pub const NO: u32 = 17;
pub const YES: u32 = 18;
/// None; the numbers follow it.
pub const NONE: u32 = 19;

/// Things that a story is about: so many words, from an id on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sort {
    first: u32,
    pub count: usize,
}

pub const PEOPLE: Sort = Sort { first: 23, count: 4 };
pub const PLACES: Sort = Sort { first: 27, count: 5 };
pub const OBJECTS: Sort = Sort { first: 32, count: 3 };

impl Sort {
    /// The id of number `i`.
    pub fn id(self, i: usize) -> u32 {
        self.first + i as u32
    }

    /// Which of its words an id is.
    pub fn number(self, id: u32) -> Option<usize> {
        let i = id.checked_sub(self.first)? as usize;
        (i < self.count).then_some(i)
    }
}

/// The word of an id; `None` of what fills up and of what is no id.
pub fn word(id: u32) -> Option<&'static str> {
    WORDS.get(id as usize).copied().filter(|_| id != PAD)
}

/// The id of a word, whatever its case.
pub fn id(word: &str) -> Option<u32> {
    let at = WORDS.iter().skip(1).position(|known| known.eq_ignore_ascii_case(word))?;
    Some(at as u32 + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_id_is_the_word_that_it_is_named_for() {
        let named = [
            (STOP, "."),
            (ASKED, "?"),
            (WENT, "went"),
            (TO, "to"),
            (THE, "the"),
            (TOOK, "took"),
            (DROPPED, "dropped"),
            (WHERE, "where"),
            (IS, "is"),
            (WAS, "was"),
            (IN, "in"),
            (BEFORE, "before"),
            (HOW, "how"),
            (MANY, "many"),
            (THINGS, "things"),
            (HAS, "has"),
            (NO, "no"),
            (YES, "yes"),
            (NONE, "none"),
            (NONE + 3, "three"),
            (PEOPLE.id(0), "anna"),
            (PEOPLE.id(3), "david"),
            (PLACES.id(0), "hall"),
            (PLACES.id(4), "cellar"),
            (OBJECTS.id(0), "ball"),
            (OBJECTS.id(2), "key"),
        ];
        for (of, text) in named {
            assert_eq!((word(of), id(text)), (Some(text), Some(of)));
        }
        assert_eq!(id("Anna"), Some(PEOPLE.id(0)));
        assert_eq!((word(PAD), word(35), id("_"), id("cat")), (None, None, None, None));
        let numbers = |sort: Sort| (0..35).filter_map(|id| sort.number(id)).collect::<Vec<_>>();
        assert_eq!(numbers(PEOPLE), [0, 1, 2, 3]);
        assert_eq!(numbers(PLACES), [0, 1, 2, 3, 4]);
        assert_eq!(numbers(OBJECTS), [0, 1, 2]);
    }
}
