//! Characters to numbers and back: the lecture's tokenizer, one id a character, in the order of their code points.

use std::collections::HashSet;

use crate::text::shown;

/// Below this code point the id is looked up in a table; above it by binary search.
const TABLE: usize = 256;
/// Not an id.
const UNKNOWN: u32 = u32::MAX;
/// An error names at most this many characters.
const NAMED: usize = 10;

/// `stoi` and `itos` of the lecture.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CharTokenizer {
    /// `itos`: the character of each id.
    characters: Vec<char>,
    /// `stoi` for code points below [`TABLE`].
    table: Box<[u32; TABLE]>,
    /// `stoi` for all others, sorted by character.
    others: Vec<(char, u32)>,
}

/// A text holds characters that the vocabulary does not.
#[derive(Clone, Debug, Default, PartialEq, Eq, thiserror::Error)]
#[error("{} outside the vocabulary of {vocab_size}: {}; use only characters of the training text", count(characters.len()), names(characters))]
pub struct UnknownCharacters {
    /// Each once, in the order in which they first appear.
    pub characters: Vec<char>,
    pub vocab_size: usize,
}

fn count(characters: usize) -> String {
    if characters == 1 {
        "1 character is".to_owned()
    } else {
        format!("{characters} characters are")
    }
}

impl UnknownCharacters {
    /// The first of them, and how many more.
    pub fn names(&self) -> String {
        names(&self.characters)
    }
}

fn names(characters: &[char]) -> String {
    let mut names: Vec<_> = characters.iter().take(NAMED).map(|c| shown::named(*c)).collect();
    if characters.len() > NAMED {
        names.push(format!("and {} more", characters.len() - NAMED));
    }
    names.join(", ")
}

impl CharTokenizer {
    /// The vocabulary of a text: its different characters, sorted by code point.
    pub fn new(text: &str) -> Self {
        let mut seen = [false; TABLE];
        let mut others = std::collections::BTreeSet::new();
        for c in text.chars() {
            match seen.get_mut(c as usize) {
                Some(seen) => *seen = true,
                None => _ = others.insert(c),
            }
        }
        let low = (0..=u8::MAX).filter(|&c| seen[usize::from(c)]).map(char::from);
        Self::from_characters(low.chain(others).collect())
    }

    /// The vocabulary in which `characters[id]` has that id, as a checkpoint carries it. Should a character stand there
    /// twice, it is encoded as the first.
    pub fn from_characters(characters: Vec<char>) -> Self {
        let mut table = Box::new([UNKNOWN; TABLE]);
        let mut others = Vec::new();
        for (&c, id) in characters.iter().zip(0..) {
            match table.get_mut(c as usize) {
                Some(entry) if *entry == UNKNOWN => *entry = id,
                Some(_) => {}
                None => others.push((c, id)),
            }
        }
        others.sort_unstable();
        others.dedup_by_key(|(c, _)| *c);
        Self { characters, table, others }
    }

    /// The id of a character, if it is in the vocabulary.
    pub fn id(&self, c: char) -> Option<u32> {
        if let Some(&id) = self.table.get(c as usize) {
            return (id != UNKNOWN).then_some(id);
        }
        let place = self.others.binary_search_by_key(&c, |(other, _)| *other).ok()?;
        Some(self.others[place].1)
    }

    /// The ids of a text, one a character.
    ///
    /// # Errors
    /// If the text holds characters outside the vocabulary; the error names each of them once.
    pub fn encode(&self, text: &str) -> Result<Vec<u32>, UnknownCharacters> {
        let mut ids = Vec::with_capacity(text.len());
        let mut unknown = Vec::new();
        let mut seen = HashSet::new();
        for c in text.chars() {
            match self.id(c) {
                Some(id) => ids.push(id),
                None if seen.insert(c) => unknown.push(c),
                None => {}
            }
        }
        if unknown.is_empty() {
            Ok(ids)
        } else {
            Err(UnknownCharacters { characters: unknown, vocab_size: self.vocab_size() })
        }
    }

    /// The text of some ids; an id outside the vocabulary becomes U+FFFD, the replacement character.
    pub fn decode(&self, ids: &[u32]) -> String {
        ids.iter()
            .map(|&id| {
                self.characters.get(id as usize).copied().unwrap_or(char::REPLACEMENT_CHARACTER)
            })
            .collect()
    }

    /// V, the number of different tokens.
    pub fn vocab_size(&self) -> usize {
        self.characters.len()
    }

    /// The character of each id.
    pub fn characters(&self) -> &[char] {
        &self.characters
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_follow_the_code_points() {
        let tokenizer = CharTokenizer::new("hello, Wörld 日本!\n");
        assert_eq!(
            tokenizer.characters(),
            ['\n', ' ', '!', ',', 'W', 'd', 'e', 'h', 'l', 'o', 'r', 'ö', '日', '本']
        );
        assert_eq!(tokenizer.vocab_size(), 14);
        assert_eq!(tokenizer.encode("hö日").unwrap(), [7, 11, 12]);
    }

    #[test]
    fn decoding_undoes_encoding() {
        let text = "First Citizen:\nBefore we proceed… ¿qué? 日本\r\n";
        let tokenizer = CharTokenizer::new(text);
        let ids = tokenizer.encode(text).unwrap();
        assert_eq!(ids.len(), text.chars().count());
        assert_eq!(tokenizer.decode(&ids), text);
    }

    #[test]
    fn a_vocabulary_in_another_order_keeps_its_ids() {
        let tokenizer = CharTokenizer::from_characters(vec!['日', 'b', '本', 'a', 'é']);
        assert_eq!(tokenizer.encode("abé本日").unwrap(), [3, 1, 4, 2, 0]);
        assert_eq!(tokenizer.decode(&[3, 1, 4, 2, 0]), "abé本日");
    }

    #[test]
    fn a_repeated_character_has_its_first_id() {
        let tokenizer = CharTokenizer::from_characters(vec!['a', '日', 'a', '日']);
        assert_eq!(tokenizer.encode("a日").unwrap(), [0, 1]);
        assert_eq!(tokenizer.decode(&[2, 3]), "a日");
    }

    #[test]
    fn unknown_characters_are_named_once_each() {
        let error = CharTokenizer::new("abc").encode("a#b€#€\t").unwrap_err();
        assert_eq!(error.characters, ['#', '€', '\t']);
        let line = error.to_string();
        assert!(
            line.starts_with(
                "3 characters are outside the vocabulary of 3: '#', '€', '⇥' (U+0009);"
            ),
            "{line}"
        );
        assert_eq!(line.lines().count(), 1);
    }

    #[test]
    fn a_long_list_of_unknown_characters_is_cut() {
        let error = CharTokenizer::new("?").encode("abcdefghijklm").unwrap_err();
        assert_eq!(error.characters.len(), 13);
        assert!(error.to_string().contains("'j', and 3 more;"), "{error}");
    }

    #[test]
    fn an_id_outside_the_vocabulary_is_visible() {
        assert_eq!(CharTokenizer::new("ab").decode(&[1, 2, u32::MAX]), "b\u{fffd}\u{fffd}");
    }
}
