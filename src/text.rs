//! Corpus, tokenizer, train/val split, batches, n-gram references.

pub mod batches;
pub mod bigrams;
pub mod corpus;
pub mod dataset;
mod error;
pub mod fetch;
pub mod folder;
pub mod followers;
pub mod ngram;
mod opening;
pub mod reading;
pub mod shown;
pub mod tokenizer;
pub mod windows;

pub use corpus::{Corpus, Source};
pub use dataset::Dataset;
pub use error::TextError;
pub use opening::opening_words;
pub use tokenizer::{CharTokenizer, Tokenizer, Tokens, UnknownCharacters, WordTokenizer};
pub use windows::Windows;
