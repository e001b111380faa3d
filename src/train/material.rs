//! What there is to train on beside what tasks make themselves: a text, a file of points.

use std::sync::Arc;

use super::config::Config;
use super::session::SessionError;
use crate::model::Examples;
use crate::task::{self, Task};
use crate::text::Dataset;
use crate::text::windows::Windows;

/// What is at hand.
#[derive(Clone, Debug, Default)]
pub struct Material {
    pub text: Option<Arc<Dataset>>,
}

impl From<Arc<Dataset>> for Material {
    fn from(text: Arc<Dataset>) -> Self {
        Self { text: Some(text) }
    }
}

impl Material {
    /// The examples that a configuration asks for.
    ///
    /// # Errors
    /// If what they are made of is not at hand, or is too little.
    pub fn examples(&self, config: &Config) -> Result<Arc<dyn Examples>, SessionError> {
        if let Some(examples) = task::open(&config.task) {
            return Ok(examples);
        }
        match (&self.text, config.task.task) {
            (Some(text), Task::Text) => {
                Ok(Arc::new(Windows::new(text.clone(), config.model.block_size)?))
            }
            (_, Task::Points) => Err(SessionError::Points),
            _ => Err(SessionError::NoText),
        }
    }
}
