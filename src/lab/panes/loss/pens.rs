//! What the curves are drawn with.

use crate::lab::theme::{Role, Theme};
use crate::lab::widgets::dots::Pen;

/// Layers of the dots: what a higher one draws hides what is under it in the same cell.
pub const REFERENCE: u8 = 1;
pub const BATCH: u8 = 2;
pub const GHOST: u8 = 3;
pub const CURVE: u8 = 4;

pub fn train_pen(theme: &Theme) -> Pen {
    Pen::solid(CURVE, theme.style(Role::Train), '*')
}

pub fn batch_pen(theme: &Theme) -> Pen {
    Pen::solid(BATCH, theme.style(Role::TrainRaw), '.')
}

pub fn ghost_pen(theme: &Theme, index: usize) -> Pen {
    Pen { dash: (2, 2), ..Pen::solid(GHOST, theme.ghost(index), '~') }
}

pub fn validation_pen(theme: &Theme) -> Pen {
    Pen::solid(CURVE, theme.style(Role::Validation), 'o')
}
