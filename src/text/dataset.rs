//! A corpus ready to train on: tokens, split as the lecture splits them.

use super::TextError;
use super::corpus::{self, Corpus, Source};
use super::tokenizer::CharTokenizer;

/// The share of the text, from its start, that the model trains on.
const TRAIN_SHARE: f64 = 0.9;

/// What is known of a corpus when its text has become tokens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct About {
    pub name: String,
    pub source: Source,
    /// Its length in characters.
    pub characters: usize,
    /// Of its bytes, in lower-case hexadecimal digits.
    pub sha256: String,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dataset {
    pub corpus: About,
    pub tokenizer: CharTokenizer,
    /// The first `int(0.9 * characters)` tokens.
    pub train: Vec<u32>,
    /// The rest.
    pub val: Vec<u32>,
}

impl Dataset {
    /// Tokenizes a corpus with its own vocabulary and splits it.
    ///
    /// # Errors
    /// If the text is so short that a split has fewer than two characters.
    pub fn new(corpus: Corpus) -> Result<Self, TextError> {
        let tokenizer = CharTokenizer::new(&corpus.text);
        Self::with_tokenizer(corpus, tokenizer)
    }

    /// Tokenizes a corpus with the vocabulary of a model that exists already, and splits it.
    ///
    /// # Errors
    /// If the text holds characters outside the vocabulary, or is so short that a split has fewer than two characters.
    pub fn with_tokenizer(corpus: Corpus, tokenizer: CharTokenizer) -> Result<Self, TextError> {
        let Corpus { text, name, source } = corpus;
        let mut train = match tokenizer.encode(&text) {
            Ok(tokens) => tokens,
            Err(unknown) => return Err(TextError::Vocabulary { name, unknown }),
        };
        let characters = train.len();
        let val = train.split_off((TRAIN_SHARE * characters as f64) as usize);
        let about = About { name, source, characters, sha256: corpus::sha256(text.as_bytes()) };
        let dataset = Self { corpus: about, tokenizer, train, val };
        dataset.require(1)?;
        Ok(dataset)
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
        let dataset = Dataset::with_tokenizer(corpus(&"ab".repeat(20)), other.clone()).unwrap();
        assert_eq!(dataset.val, [1, 0, 1, 0]);
        assert_eq!(dataset.tokenizer.vocab_size(), 3);
        let said =
            Dataset::with_tokenizer(corpus(&"abc".repeat(20)), other).unwrap_err().to_string();
        assert!(said.contains("test.txt") && said.contains("'c'"), "{said}");
    }

    #[test]
    fn the_bundled_play_has_room_for_the_small_stages() {
        let dataset = Dataset::new(Corpus::bundled()).unwrap();
        dataset.require(256).unwrap();
        assert_eq!(dataset.train.len() + dataset.val.len(), dataset.corpus.characters);
    }
}
