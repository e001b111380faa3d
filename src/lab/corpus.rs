//! The text that is trained on, as the lab knows it.

use crate::text::Tokenizer;
use crate::text::ngram::Reference;

/// The corpus, once it is loaded.
#[derive(Clone, Debug)]
pub struct Corpus {
    /// Where it came from: `Tiny Shakespeare`, a file's name.
    pub name: String,
    /// What the learner should know about it: that the bundled play stands in, and how to fetch the other.
    pub note: Option<String>,
    /// Some words of it: the prompt where a lesson's own cannot be read with this text.
    pub opening: String,
    pub tokenizer: Tokenizer,
    /// SHA-256 of it, as checkpoints name it.
    pub sha256: String,
    /// Tokens of the two splits.
    pub train: usize,
    pub val: usize,
    /// Losses on the validation text that counting characters reaches; empty until they are counted.
    pub references: Vec<Reference>,
}

impl Corpus {
    /// Whether it is the text that lessons call so: `tiny-shakespeare` for `Tiny Shakespeare`.
    pub fn is(&self, id: &str) -> bool {
        self.name.to_lowercase().replace(' ', "-") == id
    }

    /// Losses to compare a run's with: none where its tokens are words, which were not counted.
    pub fn yardsticks(&self) -> &[Reference] {
        match self.tokenizer {
            Tokenizer::Characters(_) => &self.references,
            Tokenizer::Words(_) => &[],
        }
    }
}
