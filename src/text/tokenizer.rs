//! Text to numbers and back: characters as in the lecture, or words.

pub mod characters;
pub mod words;

use std::borrow::Cow;

use serde::{Deserialize, Serialize};
use strum::{EnumString, IntoStaticStr, VariantNames};
use unicode_normalization::UnicodeNormalization;

pub use characters::{CharTokenizer, UnknownCharacters};
use words::UNKNOWN_ID;
pub use words::WordTokenizer;

/// What the tokens of a text are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[derive(EnumString, IntoStaticStr, VariantNames)]
#[strum(serialize_all = "snake_case")]
pub enum Tokens {
    #[default]
    Characters,
    Words,
}

impl Tokens {
    /// One of them, in prose.
    pub fn singular(self) -> &'static str {
        match self {
            Self::Characters => "character",
            Self::Words => "word",
        }
    }

    pub fn plural(self) -> &'static str {
        match self {
            Self::Characters => "characters",
            Self::Words => "words",
        }
    }
}

/// A vocabulary of characters or of words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Tokenizer {
    Characters(CharTokenizer),
    Words(WordTokenizer),
}

impl Tokenizer {
    /// Whether an id stands for whatever is not in the vocabulary.
    pub fn is_unknown(&self, id: u32) -> bool {
        matches!(self, Self::Words(_)) && id == UNKNOWN_ID
    }

    /// The vocabulary of a text; `max_words` bounds one of words.
    pub fn new(text: &str, tokens: Tokens, max_words: usize) -> Self {
        match tokens {
            Tokens::Characters => Self::Characters(CharTokenizer::new(text)),
            Tokens::Words => Self::Words(WordTokenizer::new(text, max_words)),
        }
    }

    pub fn tokens(&self) -> Tokens {
        match self {
            Self::Characters(_) => Tokens::Characters,
            Self::Words(_) => Tokens::Words,
        }
    }

    /// V, the number of different tokens.
    pub fn vocab_size(&self) -> usize {
        match self {
            Self::Characters(tokenizer) => tokenizer.vocab_size(),
            Self::Words(tokenizer) => tokenizer.vocab_size(),
        }
    }

    /// The ids of a text. A word outside the vocabulary becomes `<unk>`: [`unknown`](Self::unknown) names such words.
    ///
    /// # Errors
    /// If the text holds characters outside a vocabulary of characters.
    pub fn encode(&self, text: &str) -> Result<Vec<u32>, UnknownCharacters> {
        match self {
            Self::Characters(tokenizer) => tokenizer.encode(text),
            Self::Words(tokenizer) => Ok(tokenizer.encode(text)),
        }
    }

    /// The ids of what somebody typed: as it is, else in Unicode's composed form, else in the decomposed one. é may be one
    /// character or two, and who types it does not see which.
    ///
    /// # Errors
    /// If the text holds characters outside a vocabulary of characters in every form.
    pub fn encode_typed(&self, text: &str) -> Result<Vec<u32>, UnknownCharacters> {
        let composed = || self.encode(&text.nfc().collect::<String>());
        let decomposed = || self.encode(&text.nfd().collect::<String>());
        self.encode(text).or_else(|error| composed().or_else(|_| decomposed()).map_err(|_| error))
    }

    /// A text without what `encode_typed` refuses: characters outside the vocabulary.
    pub fn known<'a>(&self, text: &'a str) -> Cow<'a, str> {
        match self {
            Self::Characters(_) if self.encode_typed(text).is_ok() => text.into(),
            Self::Characters(tokenizer) => {
                text.chars().filter(|&c| tokenizer.id(c).is_some()).collect()
            }
            Self::Words(_) => text.into(),
        }
    }

    /// The words of a text that `encode` makes `<unk>` of, each once.
    pub fn unknown(&self, text: &str) -> Vec<String> {
        match self {
            Self::Characters(_) => Vec::new(),
            Self::Words(tokenizer) => tokenizer.unknown(text),
        }
    }

    /// The id of a single token: one character, or one word.
    pub fn id(&self, token: &str) -> Option<u32> {
        match self {
            Self::Characters(tokenizer) => {
                let single = |text: &str| {
                    let mut characters = text.chars();
                    tokenizer.id(characters.next()?).filter(|_| characters.next().is_none())
                };
                single(token).or_else(|| single(&token.nfc().collect::<String>()))
            }
            Self::Words(tokenizer) => tokenizer.id(token),
        }
    }

    /// The text of some ids; an id outside the vocabulary becomes U+FFFD, the replacement character.
    pub fn decode(&self, ids: &[u32]) -> String {
        let mut decoder = Decoder::after(self, None);
        ids.iter().map(|&id| decoder.next(id)).collect()
    }

    /// What a text without a beginning starts from: token 0 as in the lecture, or a line break if tokens are words.
    pub fn start(&self) -> u32 {
        match self {
            Self::Characters(_) => 0,
            Self::Words(tokenizer) => tokenizer.id("\n").unwrap_or(0),
        }
    }

    /// The spelling of a single token.
    pub fn token(&self, id: u32) -> String {
        match self {
            Self::Characters(tokenizer) => tokenizer.decode(&[id]),
            Self::Words(tokenizer) => tokenizer.word(id).to_owned(),
        }
    }
}

/// Text that grows token by token: words need a space before them or not, depending on what stands there already.
#[derive(Clone, Debug)]
pub struct Decoder<'a> {
    tokenizer: &'a Tokenizer,
    /// The token before.
    last: Option<u32>,
}

impl<'a> Decoder<'a> {
    /// For a text that goes on after a token, or begins.
    pub fn after(tokenizer: &'a Tokenizer, last: Option<u32>) -> Self {
        Self { tokenizer, last }
    }

    /// What the next token adds to the text.
    pub fn next(&mut self, id: u32) -> String {
        let last = self.last.replace(id);
        match self.tokenizer {
            Tokenizer::Characters(tokenizer) => tokenizer.decode(&[id]),
            Tokenizer::Words(tokenizer) => {
                let space = last.is_some_and(|last| tokenizer.space_between(last, id));
                let word = tokenizer.word(id);
                if space { format!(" {word}") } else { word.to_owned() }
            }
        }
    }
}
