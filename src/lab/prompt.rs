//! The learner's prompt.

use crate::text::Tokenizer;

/// What attention, softmax and embeddings look at, and what samples go on from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Prompt {
    /// The last text that could be encoded.
    pub text: String,
    /// Its ids; empty until the corpus is there.
    pub tokens: Vec<u32>,
    /// Why the text being typed cannot be encoded, or what of it the model does not know.
    pub error: Option<String>,
}

impl Prompt {
    pub fn new(text: String) -> Self {
        Self { text, ..Self::default() }
    }

    /// Takes a text if it can be encoded; otherwise keeps the last one that could and says why.
    pub fn set(&mut self, text: &str, tokenizer: &Tokenizer) {
        match tokenizer.encode_typed(text) {
            Ok(tokens) => {
                let unknown = tokenizer.unknown(text);
                let error =
                    (!unknown.is_empty()).then(|| format!("read as <unk>: {}", unknown.join(", ")));
                *self = Self { text: text.to_owned(), tokens, error };
            }
            // The letters first: a line has little room.
            Err(error) => self.error = Some(format!("unknown: {}", error.names())),
        }
    }

    /// Takes a text; characters that the corpus has not are left out.
    pub fn set_lossy(&mut self, text: &str, tokenizer: &Tokenizer) {
        self.set(&tokenizer.known(text), tokenizer);
    }
}
