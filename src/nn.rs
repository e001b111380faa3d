//! One file a concept: a forward and a backward standing side by side.

pub mod parameters;
