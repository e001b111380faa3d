//! The curve of a run in bounded memory.

use serde::{Deserialize, Serialize};

use super::event::Evaluation;

/// Batch losses of `stride` steps in one point; the extremes survive.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Point {
    /// The first of its steps.
    pub step: u64,
    pub count: u64,
    pub mean: f64,
    pub min: f64,
    pub max: f64,
}

/// Live changes as a checkpoint keeps them: names and values as text.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RecordedEdit {
    pub step: u64,
    pub name: String,
    pub old: String,
    pub new: String,
}

/// What the loss pane draws and a checkpoint keeps. Never more than `CAPACITY` points: when full, neighbours merge and
/// the stride doubles.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct History {
    pub stride: u64,
    pub points: Vec<Point>,
    pub evaluations: Vec<Evaluation>,
    pub edits: Vec<RecordedEdit>,
}
