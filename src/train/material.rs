//! What there is to train on beside what tasks make themselves: a text, a file of points.

use std::sync::Arc;

use crate::model::Examples;
use crate::stage::config::Config;
use crate::task::points::Points;
use crate::task::{self, Origin};
use crate::text::windows::Windows;
use crate::text::{Dataset, TextError, Tokens};

/// Why there are no examples for a run.
#[derive(Debug, thiserror::Error)]
pub enum MaterialError {
    #[error(transparent)]
    Text(#[from] TextError),
    #[error("there are no points to learn: give a file of them with --points")]
    Points,
    #[error("the configuration is for {wanted}, the text is read as {found}")]
    Tokens { found: &'static str, wanted: &'static str },
    #[error("there is no text to train on")]
    NoText,
}

/// What is at hand.
#[derive(Clone, Debug, Default)]
pub struct Material {
    pub text: Option<Arc<Dataset>>,
    pub points: Option<Arc<Points>>,
}

impl From<Arc<Dataset>> for Material {
    fn from(text: Arc<Dataset>) -> Self {
        Self { text: Some(text), ..Self::default() }
    }
}

impl Material {
    /// The same with the text read as a configuration asks for; the configuration gets the vocabulary that it then has.
    ///
    /// # Errors
    /// If the text is too short.
    pub fn read_for(&self, config: &mut Config) -> Result<Self, TextError> {
        let Some(text) = self.text.as_ref().filter(|_| config.task.reads_text()) else {
            return Ok(self.clone());
        };
        let text = match config.task.tokens {
            Tokens::Characters if text.tokenizer.tokens() == Tokens::Characters => text.clone(),
            tokens => Arc::new(text.read_as(tokens, config.task.max_words)?),
        };
        config.model.vocab_size = text.tokenizer.vocab_size();
        let mut material = self.clone();
        material.text = Some(text);
        Ok(material)
    }

    /// The examples that a configuration asks for.
    ///
    /// # Errors
    /// If what they are made of is not at hand, or is too little.
    pub fn examples(&self, config: &Config) -> Result<Arc<dyn Examples>, MaterialError> {
        if let Some(examples) = task::open(&config.task) {
            return Ok(examples);
        }
        match (config.task.origin(), &self.text, &self.points) {
            (Origin::Points, _, Some(points)) => Ok(points.clone()),
            (Origin::Points, _, None) => Err(MaterialError::Points),
            (Origin::Text, Some(text), _) => {
                let (found, wanted) = (text.tokenizer.tokens(), config.task.tokens);
                if found != wanted {
                    let (found, wanted) = (found.plural(), wanted.plural());
                    return Err(MaterialError::Tokens { found, wanted });
                }
                Ok(Arc::new(Windows::new(text.clone(), config.model.block_size)?))
            }
            (Origin::Text | Origin::Made, ..) => Err(MaterialError::NoText),
        }
    }
}
