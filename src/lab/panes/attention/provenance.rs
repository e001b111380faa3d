//! The cell under the cursor as a number that may be asked for its origin.

use super::Attention;
use super::data::Layer;
use super::view::View;
use crate::lab::facts::Facts;
use crate::lab::provenance::Number;

impl Attention {
    /// The cell under the cursor, at the stage that is shown.
    pub fn number(&self, facts: &Facts, layer: &Layer) -> Number {
        let part = match self.view(facts) {
            View::Products => "products",
            View::Scores => "scores",
            View::Masked => "masked",
            View::Weights => "weights",
        };
        let map = self.chosen(facts).map_or(String::new(), |map| map.name.clone());
        let (query, key) = self.cursor(layer);
        Number::activation(format!("{map}.{part}"), &[self.head.min(layer.heads - 1), query, key])
    }
}
