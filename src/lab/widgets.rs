//! Pieces that panes draw with: pure widgets, without application types.

pub mod ascii;
pub mod axis;
pub mod bar;
pub mod columns;
pub mod dots;
pub mod heat_map;
pub mod miniature;
pub mod notes;
pub mod plane;
pub mod scale;
