//! A corpus ready to train on: tokens, split as the lecture splits them.

use std::sync::Arc;

use super::TextError;
use super::corpus::{self, Corpus, Source};
use super::opening::opening_words;
use super::tokenizer::{Tokenizer, Tokens, WordTokenizer};

/// The share of the text, from its start, that the model trains on.
const TRAIN_SHARE: f64 = 0.9;

/// What is known of a corpus when its text has become tokens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct About {
    pub name: String,
    pub source: Source,
    /// Its length in characters.
    pub characters: usize,
    /// The length of its validation split in characters.
    pub val_characters: usize,
    /// Of its bytes, in lower-case hexadecimal digits.
    pub sha256: String,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dataset {
    pub corpus: About,
    /// The whole text, to be read with another tokenizer.
    text: Arc<str>,
    pub tokenizer: Tokenizer,
    /// The tokens of the first `int(0.9 * characters)` characters.
    pub train: Vec<u32>,
    /// The rest.
    pub val: Vec<u32>,
}

impl Dataset {
    /// Splits a corpus and tokenizes it with its own vocabulary of characters.
    ///
    /// # Errors
    /// If the text is so short that a split has fewer than two characters.
    pub fn new(corpus: Corpus) -> Result<Self, TextError> {
        Self::of(corpus, Tokens::Characters, 0)
    }

    /// Splits a corpus and tokenizes it with its own vocabulary; `max_words` bounds one of words.
    ///
    /// # Errors
    /// If the text is so short that a split has fewer than two tokens.
    pub fn of(corpus: Corpus, tokens: Tokens, max_words: usize) -> Result<Self, TextError> {
        let tokenizer = Tokenizer::new(&corpus.text, tokens, max_words);
        Self::with_tokenizer(corpus, tokenizer)
    }

    /// Splits a corpus and tokenizes it with the vocabulary of a model that exists already. The split is at a character,
    /// so that it is the same text whatever the tokens are.
    ///
    /// # Errors
    /// If the text holds characters outside the vocabulary, or is so short that a split has fewer than two tokens.
    pub fn with_tokenizer(corpus: Corpus, tokenizer: Tokenizer) -> Result<Self, TextError> {
        let Corpus { text, name, source } = corpus;
        let characters = text.chars().count();
        let first = (TRAIN_SHARE * characters as f64) as usize;
        let cut = text.char_indices().nth(first).map_or(text.len(), |(at, _)| at);
        let (train, val) = text.split_at(cut);
        let whole = || TextError::Vocabulary {
            name: name.clone(),
            unknown: tokenizer.encode(&text).err().unwrap_or_default(),
        };
        let train = tokenizer.encode(train).map_err(|_| whole())?;
        let val = tokenizer.encode(val).map_err(|_| whole())?;
        let sha256 = corpus::sha256(text.as_bytes());
        let val_characters = characters - first;
        let about = About { name, source, characters, val_characters, sha256 };
        let dataset = Self { corpus: about, text: text.into(), tokenizer, train, val };
        dataset.require(1)?;
        Ok(dataset)
    }

    /// The same text with its own vocabulary of other tokens.
    ///
    /// # Errors
    /// As [`of`](Self::of).
    pub fn read_as(&self, tokens: Tokens, max_words: usize) -> Result<Self, TextError> {
        Self::of(self.corpus(), tokens, max_words)
    }

    /// The same text with the vocabulary of a model that exists already.
    ///
    /// # Errors
    /// As [`with_tokenizer`](Self::with_tokenizer).
    pub fn read_with(&self, tokenizer: Tokenizer) -> Result<Self, TextError> {
        Self::with_tokenizer(self.corpus(), tokenizer)
    }

    /// The first clean words of the validation text, at most `length` grapheme clusters: a prompt that this text can always
    /// be asked to continue.
    pub fn opening_words(&self, length: usize) -> String {
        let start = self.corpus.characters - self.corpus.val_characters;
        let at = self.text.char_indices().nth(start).map_or(self.text.len(), |(at, _)| at);
        opening_words(&self.text[at..], length)
    }

    /// How many words and signs a vocabulary of all of them would have.
    pub fn different_words(&self) -> usize {
        WordTokenizer::different(&self.text)
    }

    fn corpus(&self) -> Corpus {
        let About { name, source, .. } = self.corpus.clone();
        Corpus { text: self.text.to_string(), name, source }
    }

    /// Checks that each split has room for a window of `block_size` tokens and its last target.
    ///
    /// # Errors
    /// If one of them has not.
    pub fn require(&self, block_size: usize) -> Result<(), TextError> {
        let (train, val) = (self.train.len(), self.val.len());
        if train.min(val) > block_size {
            return Ok(());
        }
        let name = self.corpus.name.clone();
        Err(TextError::TooShort {
            name,
            tokens: self.tokenizer.tokens().plural(),
            block_size,
            needed: block_size.saturating_add(1),
            train,
            val,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::CharTokenizer;

    fn corpus(text: &str) -> Corpus {
        Corpus {
            text: text.to_owned(),
            name: "test.txt".to_owned(),
            source: Source::File("test.txt".into()),
        }
    }

    #[test]
    fn nine_tenths_are_for_training() {
        let dataset = Dataset::new(corpus("abcdefghijklmnopqrstuvwxyzé")).unwrap();
        // int(0.9 * 27) = int(24.3)
        assert_eq!((dataset.train.len(), dataset.val.len()), (24, 3));
        assert_eq!(dataset.tokenizer.decode(&dataset.train), "abcdefghijklmnopqrstuvwx");
        assert_eq!(dataset.tokenizer.decode(&dataset.val), "yzé");
        assert_eq!(dataset.corpus.characters, 27);
        assert_eq!(dataset.corpus.sha256, corpus::sha256("abcdefghijklmnopqrstuvwxyzé".as_bytes()));
    }

    #[test]
    fn both_splits_need_a_window_and_its_target() {
        let dataset = Dataset::new(corpus(&"ab".repeat(50))).unwrap();
        assert_eq!((dataset.train.len(), dataset.val.len()), (90, 10));
        assert!(dataset.require(9).is_ok());
        let said = dataset.require(10).unwrap_err().to_string();
        assert!(
            said.contains("test.txt is too short: block_size 10 needs at least 11 characters"),
            "{said}"
        );
        assert!(said.contains("found 90 and 10"), "{said}");
        assert_eq!(said.lines().count(), 1);
        assert!(dataset.require(usize::MAX).is_err());
    }

    #[test]
    fn a_text_without_two_splits_is_refused() {
        for text in ["", "a", "abcdefghij"] {
            assert!(
                matches!(Dataset::new(corpus(text)), Err(TextError::TooShort { .. })),
                "{text:?}"
            );
        }
        assert!(Dataset::new(corpus("abcdefghijk")).is_ok());
    }

    #[test]
    fn another_vocabulary_must_hold_every_character() {
        let other = CharTokenizer::from_characters(vec!['b', 'a', 'z']);
        let other = Tokenizer::Characters(other);
        let dataset = Dataset::with_tokenizer(corpus(&"ab".repeat(20)), other.clone()).unwrap();
        assert_eq!(dataset.val, [1, 0, 1, 0]);
        assert_eq!(dataset.tokenizer.vocab_size(), 3);
        let said =
            Dataset::with_tokenizer(corpus(&"abc".repeat(20)), other).unwrap_err().to_string();
        assert!(said.contains("test.txt") && said.contains("'c'"), "{said}");
    }

    #[test]
    fn words_are_split_where_characters_are() {
        let text = "to be or not to be, that is the question\n".repeat(5);
        let dataset = Dataset::of(corpus(&text), Tokens::Words, 8).unwrap();
        let characters = Dataset::new(corpus(&text)).unwrap();
        let decode = |dataset: &Dataset| dataset.tokenizer.decode(&dataset.val);
        // int(0.9 * 205) = 184
        assert_eq!(decode(&characters), "that is the question\n");
        assert_eq!(dataset.corpus.val_characters, 21);
        assert_eq!(decode(&dataset), "<unk> is <unk> <unk>\n");
        assert_eq!((dataset.tokenizer.vocab_size(), dataset.val.len()), (8, 5));
    }

    #[test]
    fn the_bundled_play_has_room_for_the_small_stages() {
        let dataset = Dataset::new(Corpus::bundled()).unwrap();
        dataset.require(256).unwrap();
        assert_eq!(dataset.train.len() + dataset.val.len(), dataset.corpus.characters);
    }
}
