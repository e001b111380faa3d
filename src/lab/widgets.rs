//! Pieces that panes draw with: pure widgets, without application types.

pub mod dots;
pub mod scale;
