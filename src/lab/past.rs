//! Runs of this session that are not on the screen: nothing that was trained is out of reach.

use std::path::PathBuf;
use std::time::Duration;

use crate::train::Observed;

/// A run that was left.
#[derive(Clone, Debug)]
pub struct Past {
    /// As it was told of last.
    pub observed: Observed,
    /// What it is found again by: its stage, or the page that it belongs to.
    pub home: String,
    /// Where it lies while the trainer does not have it: one of an earlier session that nobody has come back to.
    pub asleep: Option<PathBuf>,
    /// When it was left.
    pub left: Duration,
}

/// A run in a file, in case this program is killed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kept {
    /// Its name in the autosave's folder.
    pub file: String,
    /// Steps and live changes that are in it.
    pub mark: Mark,
}

/// Steps and live changes: what is in a file of a run, or is not yet.
pub type Mark = (u64, usize);

pub fn mark(observed: &Observed) -> Mark {
    (observed.step, observed.history.edits.len())
}
