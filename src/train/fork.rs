//! Where runs part: the state of one run at a step, from which others go on.

use std::fmt;

use super::history::History;
use crate::math::Real;
use crate::stage::Config;
use crate::text::Tokenizer;

/// A run as it was at a step.
pub struct Fork {
    pub(super) config: Config,
    /// What its text was read with, where that is known.
    pub(super) vocabulary: Option<Tokenizer>,
    pub(super) step: u64,
    /// How often each of the model's groups was moved.
    pub(super) updates: Vec<u64>,
    pub(super) history: History,
    pub(super) weights: Vec<Real>,
    /// `None`: of a plain `state_dict`, which has none.
    pub(super) moments: Option<(Vec<Real>, Vec<Real>)>,
}

impl Fork {
    /// What the run was trained with until then.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// Steps that it has made.
    pub fn step(&self) -> u64 {
        self.step
    }
}

impl fmt::Debug for Fork {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Fork({} at {})", self.config.stage, self.step)
    }
}
