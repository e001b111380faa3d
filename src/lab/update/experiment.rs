//! Claims, races and predictions that take an experiment.

use super::super::model::{Effect, Model};
use super::say::warn;
use crate::lesson::Item;

/// Starts what an item runs.
pub fn start(model: &mut Model, item: Item) -> Vec<Effect> {
    _ = item;
    warn(model, "not merged yet")
}
