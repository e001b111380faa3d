//! A word to the learner instead of an effect.

use super::super::model::{Effect, Model, ToastKind};

/// Says why something cannot be done.
pub fn warn(model: &mut Model, text: impl Into<String>) -> Vec<Effect> {
    model.say(ToastKind::Warning, text);
    Vec::new()
}

/// Why nothing trains before the page's question is answered.
pub fn waits(model: &mut Model) -> Vec<Effect> {
    warn(model, "this run waits for your prediction: i answers, esc skips it")
}
