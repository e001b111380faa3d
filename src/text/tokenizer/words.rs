//! Words to numbers and back.
//!
//! A token is a word (letters and digits with their marks and joiners, with apostrophes within), a single punctuation
//! mark or other sign (all that is drawn as one: an emoji with its joiners, a flag), or a line break; other white space
//! only separates. Words are in lower case, because a small text holds each word too rarely as it is: `King` and `king`
//! shall be one word; and in Unicode's composed form (NFC), because é is one letter, however it was typed. The vocabulary
//! is the most frequent words; all others are the token `<unk>`.

use std::collections::{HashMap, HashSet};
use std::iter;

use unicode_normalization::UnicodeNormalization;
use unicode_segmentation::UnicodeSegmentation;

use crate::text::shown::is_attached;

/// What stands for every word outside the vocabulary; its id is 0.
pub const UNKNOWN: &str = "<unk>";
/// The id of [`UNKNOWN`].
pub const UNKNOWN_ID: u32 = 0;

/// Letters of a word that another spelling is looked for at most.
const LONGEST: usize = 64;

/// A vocabulary of words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WordTokenizer {
    /// The word of each id; the first is [`UNKNOWN`].
    words: Vec<String>,
    ids: HashMap<String, u32>,
}

/// What a checkpoint calls its words is no vocabulary.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidWords {
    #[error("its first word is not {UNKNOWN}")]
    Unknown,
    #[error("it holds {0:?} twice")]
    Repeated(String),
}

/// The tokens of a text in its own spelling, in order.
fn split(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = text;
    iter::from_fn(move || {
        rest = rest.trim_start_matches(|c: char| c.is_whitespace() && c != '\n');
        let first = rest.chars().next()?;
        let length = if rest.starts_with(UNKNOWN) {
            UNKNOWN.len()
        } else if first.is_alphanumeric() {
            word_length(rest)
        } else {
            sign_length(rest)
        };
        let (token, after) = rest.split_at(length);
        rest = after;
        Some(token)
    })
}

/// Bytes of the sign that a text begins with: of all that is drawn as one.
fn sign_length(text: &str) -> usize {
    // Most signs are ASCII's, with nothing attached; a line break is one whatever follows.
    match text.as_bytes() {
        [first, second, ..] if first.is_ascii() && second.is_ascii() => 1,
        [b'\n', ..] => 1,
        _ => text.graphemes(true).next().map_or(0, str::len),
    }
}

/// Bytes of the word that a text begins with: marks and joiners belong to it everywhere, an apostrophe belongs to it where a letter follows.
fn word_length(text: &str) -> usize {
    let mut characters = text.char_indices().peekable();
    while let Some((at, c)) = characters.next() {
        let followed = characters.peek().is_some_and(|(_, next)| next.is_alphanumeric());
        if !(c.is_alphanumeric() || is_attached(c) || (matches!(c, '\'' | '’') && followed)) {
            return at;
        }
    }
    text.len()
}

/// A token as the vocabulary has it.
fn folded(token: &str) -> String {
    if token.is_ascii() { token.to_ascii_lowercase() } else { token.to_lowercase().nfc().collect() }
}

impl WordTokenizer {
    /// How large the vocabulary of a text would be that keeps every token of it, with `<unk>`.
    pub fn different(text: &str) -> usize {
        let tokens = split(text).filter(|token| *token != UNKNOWN);
        tokens.map(folded).collect::<HashSet<_>>().len() + 1
    }

    /// The vocabulary of a text: `<unk>` and its most frequent tokens, `max_words` in all. Of those that are equally
    /// frequent the alphabetically first are taken.
    pub fn new(text: &str, max_words: usize) -> Self {
        let mut counts: HashMap<String, usize> = HashMap::new();
        for token in split(text).filter(|token| *token != UNKNOWN) {
            *counts.entry(folded(token)).or_default() += 1;
        }
        let mut counts: Vec<_> = counts.into_iter().collect();
        counts.sort_unstable_by(|(a, of_a), (b, of_b)| of_b.cmp(of_a).then_with(|| a.cmp(b)));
        let frequent = counts.into_iter().take(max_words.saturating_sub(1)).map(|(word, _)| word);
        Self::of(iter::once(UNKNOWN.to_owned()).chain(frequent).collect())
    }

    /// The vocabulary in which `words[id]` has that id, as a checkpoint carries it.
    ///
    /// # Errors
    /// If the first is not `<unk>`, or one stands there twice.
    pub fn from_words(words: Vec<String>) -> Result<Self, InvalidWords> {
        if words.first().is_none_or(|word| word != UNKNOWN) {
            return Err(InvalidWords::Unknown);
        }
        let tokenizer = Self::of(words);
        let repeated = tokenizer.words.iter().zip(0..).find(|(w, id)| tokenizer.ids[*w] != *id);
        match repeated {
            Some((word, _)) => Err(InvalidWords::Repeated(word.clone())),
            None => Ok(tokenizer),
        }
    }

    fn of(words: Vec<String>) -> Self {
        let ids = words.iter().cloned().zip(0..).collect();
        Self { words, ids }
    }

    /// The id of a word, however it is capitalised.
    pub fn id(&self, word: &str) -> Option<u32> {
        let word = folded(word);
        let known = |word: &str| self.ids.get(word).copied();
        // Vocabularies of before may hold words in the decomposed form.
        let decomposed = || known(&word.nfd().collect::<String>()).filter(|_| !word.is_ascii());
        known(&word).or_else(decomposed)
    }

    /// The ids of a text; a word outside the vocabulary becomes `<unk>`.
    pub fn encode(&self, text: &str) -> Vec<u32> {
        split(text).map(|token| self.id(token).unwrap_or(UNKNOWN_ID)).collect()
    }

    /// The words of a text that are outside the vocabulary, each once.
    pub fn unknown(&self, text: &str) -> Vec<String> {
        let mut seen = HashSet::new();
        let unknown = split(text).filter(|token| self.id(token).is_none() && seen.insert(*token));
        unknown.map(str::to_owned).collect()
    }

    /// The word of an id; U+FFFD, the replacement character, if there is none.
    pub fn word(&self, id: u32) -> &str {
        self.words.get(id as usize).map_or("\u{fffd}", String::as_str)
    }

    /// The word of each id.
    pub fn words(&self) -> &[String] {
        &self.words
    }

    /// V, the number of different tokens.
    pub fn vocab_size(&self) -> usize {
        self.words.len()
    }

    /// Whether a text has a space between these two: none at a line's ends, before punctuation that closes, and after
    /// what opens or joins.
    pub fn space_between(&self, before: u32, after: u32) -> bool {
        let (before, after) = (self.word(before), self.word(after));
        let joins = |word: &str| matches!(word, "\n" | "-");
        let closes = matches!(after, "." | "," | ";" | ":" | "!" | "?" | ")" | "]" | "'" | "’");
        let opens = matches!(before, "(" | "[");
        !(joins(before) || joins(after) || closes || opens)
    }

    /// The word of the vocabulary that is spelled most like this one, if one differs in at most a third of its letters
    /// (Levenshtein's distance); of equally near ones the most frequent.
    pub fn nearest_spelling(&self, word: &str) -> Option<&str> {
        let word: Vec<char> = folded(word).chars().collect();
        if word.len() > LONGEST {
            return None;
        }
        let most = word.len().div_ceil(3);
        let candidates = self.words.iter().skip(1).filter_map(|candidate| {
            let other: Vec<char> = candidate.chars().collect();
            if other.len().abs_diff(word.len()) > most || !other.iter().any(|c| c.is_alphabetic()) {
                return None;
            }
            Some((distance(&word, &other), candidate))
        });
        // `min_by_key` takes the first of equals, and the vocabulary is in the order of frequency.
        let (distance, nearest) = candidates.min_by_key(|(distance, _)| *distance)?;
        (distance <= most).then_some(nearest)
    }
}

/// Levenshtein's distance: the least number of letters to insert, delete or replace.
fn distance(a: &[char], b: &[char]) -> usize {
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.iter().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, y) in b.iter().enumerate() {
            let replaced = diagonal + usize::from(x != y);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::tokenizer::Tokenizer;

    const TEXT: &str = "First Citizen:\nBefore we proceed any further, hear me speak.\n\nAll:\nSpeak, speak; o'er th' hills!\n";

    #[test]
    fn a_text_is_words_punctuation_and_line_breaks() {
        let tokens: Vec<_> = split("Well-met, o'er th' hills!\n  Is't  3 '<unk>'?\r\n").collect();
        assert_eq!(
            tokens,
            [
                "Well", "-", "met", ",", "o'er", "th", "'", "hills", "!", "\n", "Is't", "3", "'",
                "<unk>", "'", "?", "\n"
            ]
        );
        assert_eq!(split(" \t ").count(), 0);
        assert_eq!(split("rock’n’roll ’tis").collect::<Vec<_>>(), ["rock’n’roll", "’", "tis"]);
    }

    #[test]
    fn what_belongs_to_a_word_is_not_cut_from_it() {
        for (text, expected) in [
            ("क्षमा करो, मित्र।", &["क्षमा", "करो", ",", "मित्र", "।"][..]),
            ("H\u{300}\u{301}e\u{302}y!", &["H\u{300}\u{301}e\u{302}y", "!"]),
            ("می\u{200c}خواهم", &["می\u{200c}خواهم"]),
            (
                "👩\u{200d}🔬 👨\u{200d}👩\u{200d}👧❤\u{fe0f}",
                &["👩\u{200d}🔬", "👨\u{200d}👩\u{200d}👧", "❤\u{fe0f}"],
            ),
            ("🇫🇷🇩🇪 1\u{fe0f}\u{20e3} 👍🏽.", &["🇫🇷", "🇩🇪", "1\u{fe0f}\u{20e3}", "👍🏽", "."]),
            ("(e\u{301}t\u{e9})\r\n\u{301}", &["(", "e\u{301}t\u{e9}", ")", "\n", "\u{301}"]),
            ("a!\u{301}", &["a", "!\u{301}"]),
        ] {
            assert_eq!(split(text).collect::<Vec<_>>(), expected, "{text:?}");
        }
    }

    #[test]
    fn a_word_is_the_same_however_its_letters_are_composed() {
        let text = "L'été, là-bas: ÉTÉ\n";
        let decomposed: String = text.nfd().collect();
        assert_ne!(text, decomposed);
        let words = WordTokenizer::new(text, usize::MAX);
        assert_eq!(WordTokenizer::new(&decomposed, usize::MAX), words);
        assert_eq!(words.encode(&decomposed), words.encode(text));
        assert_eq!(words.id("e\u{301}te\u{301}"), words.id("été"));
        // A vocabulary of before.
        let old =
            WordTokenizer::from_words(["<unk>", "e\u{301}te\u{301}"].map(str::to_owned).to_vec());
        assert_eq!(old.unwrap().encode("été"), [1]);
    }

    #[test]
    fn the_vocabulary_is_the_most_frequent_words() {
        let all = WordTokenizer::new(TEXT, usize::MAX);
        assert_eq!(all.words()[..5], [UNKNOWN, "\n", "speak", ",", ":"]);
        let three = WordTokenizer::new(TEXT, 3);
        assert_eq!(three.words(), [UNKNOWN, "\n", "speak"]);
        assert_eq!(three.encode("Speak to me\n"), [2, 0, 0, 1]);
        assert_eq!(three.unknown("Speak to me, to ME\n"), ["to", "me", ",", "ME"]);
    }

    #[test]
    fn decoding_sets_spaces_as_a_reader_does() {
        let words = WordTokenizer::new(TEXT, usize::MAX);
        let tokenizer = Tokenizer::Words(words.clone());
        let decoded = tokenizer.decode(&words.encode(TEXT));
        assert_eq!(decoded, TEXT.to_lowercase());
        // What is decoded is encoded to the same tokens.
        assert_eq!(words.encode(&decoded), words.encode(TEXT));
        let brackets = "(well-met) [a, <unk>] 3";
        let words = WordTokenizer::new(brackets, usize::MAX);
        assert_eq!(Tokenizer::Words(words.clone()).decode(&words.encode(brackets)), brackets);
        assert_eq!(tokenizer.decode(&[2, 999]), "speak \u{fffd}");
    }

    #[test]
    fn a_vocabulary_comes_back_as_it_was() {
        let words = WordTokenizer::new(TEXT, 12);
        assert_eq!(WordTokenizer::from_words(words.words().to_vec()), Ok(words));
        let of = |words: &[&str]| {
            WordTokenizer::from_words(words.iter().map(|&w| w.to_owned()).collect())
        };
        assert_eq!(of(&["a"]), Err(InvalidWords::Unknown));
        assert_eq!(of(&[]), Err(InvalidWords::Unknown));
        assert_eq!(of(&[UNKNOWN, "b", "b"]), Err(InvalidWords::Repeated("b".to_owned())));
    }

    #[test]
    fn a_misspelled_word_is_recognised() {
        let words = WordTokenizer::new(TEXT, usize::MAX);
        assert_eq!(words.nearest_spelling("citizan"), Some("citizen"));
        assert_eq!(words.nearest_spelling("Spek"), Some("speak"));
        assert_eq!(words.nearest_spelling("xylophone"), None);
        let of = |a: &str, b: &str| {
            distance(&a.chars().collect::<Vec<_>>(), &b.chars().collect::<Vec<_>>())
        };
        assert_eq!([of("kitten", "sitting"), of("", "abc"), of("same", "same")], [3, 3, 0]);
    }
}
