//! Experiments: many runs as one.

pub mod arm;

pub use arm::{Arm, ArmError};
