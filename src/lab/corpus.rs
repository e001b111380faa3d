//! The text that is trained on, as the lab knows it.

use std::sync::Arc;

use crate::lesson::item;
use crate::task;
use crate::text::bigrams::Bigrams;
use crate::text::followers::Followers;
use crate::text::ngram::Reference;
use crate::text::{Dataset, Tokenizer, Tokens};

/// Tokens of the validation text that are kept to be shown.
const PASSAGE: usize = 4096;

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
    /// Different characters of the text, whatever the run on the screen reads it as.
    pub characters: usize,
    /// Characters of the two splits.
    pub train: usize,
    pub val: usize,
    /// SHA-256 of it, as checkpoints name it.
    pub sha256: String,
    /// Losses on the validation text that counting characters reaches, none until they are counted; and what the learner has.
    pub references: Vec<Reference>,
    /// `None` until it is counted.
    pub counted: Option<Arc<Counted>>,
}

/// What is counted of a text, and a piece of it, in tokens of this tokenizer: the text's own characters.
#[derive(Clone, Debug, PartialEq)]
pub struct Counted {
    pub tokenizer: Tokenizer,
    pub bigrams: Bigrams,
    /// `None` where the text is too long to be looked through.
    pub followers: Option<Followers>,
    /// The beginning of the validation text.
    pub passage: Vec<u32>,
    /// The words that the same text would be cut into; none where it is too short for them.
    pub words: Option<Tokenizer>,
    /// How many different ones there are.
    pub different_words: usize,
}

impl Counted {
    pub fn new(dataset: &Dataset) -> Self {
        let max_words = task::Config::default().max_words;
        Self {
            tokenizer: dataset.tokenizer.clone(),
            bigrams: Bigrams::new(dataset),
            followers: Followers::new(&dataset.train),
            words: dataset.read_as(Tokens::Words, max_words).ok().map(|read| read.tokenizer),
            different_words: dataset.different_words(),
            passage: dataset.val.iter().take(PASSAGE).copied().collect(),
        }
    }
}

impl Corpus {
    /// Whether it is the text that lessons call so: `tiny-shakespeare` for `Tiny Shakespeare`.
    pub fn is(&self, id: &str) -> bool {
        item::text_id(&self.name) == id
    }

    /// What is counted in the tokens that the run on the screen reads; words are not counted.
    pub fn counted(&self) -> Option<&Counted> {
        self.counted.as_deref().filter(|counted| counted.tokenizer == self.tokenizer)
    }

    /// Takes what counting reaches; what the learner has reached stays.
    pub fn compare_with(&mut self, counted: Vec<Reference>) {
        let own = std::mem::replace(&mut self.references, counted);
        self.references.extend(own.into_iter().filter(|reference| reference.error.is_some()));
    }

    /// Takes what the learner has reached, in the place of what there was of this name.
    pub fn reached(&mut self, name: &'static str, loss: f64, error: f64) {
        self.references.retain(|reference| reference.name != name);
        // After everything that looks back at fewer characters.
        let order = usize::MAX;
        self.references.push(Reference { order, name, loss, error: Some(error) });
    }

    /// Losses to compare a run's with: none where its tokens are words, which were not counted.
    pub fn yardsticks(&self) -> &[Reference] {
        match self.tokenizer {
            Tokenizer::Characters(_) => &self.references,
            Tokenizer::Words(_) => &[],
        }
    }
}
