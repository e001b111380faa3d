//! What the curves are drawn with. Where only ASCII shows, every curve has a sign of its own, and none that of an estimate.

use crate::lab::theme::{Role, Theme};
use crate::lab::widgets::dots::Pen;

/// Layers of the dots: what a higher one draws hides what is under it in the same cell.
pub const REFERENCE: u8 = 1;
pub const BATCH: u8 = 2;
pub const GHOST: u8 = 3;
pub const CURVE: u8 = 4;

/// Ghosts by their places: what tells them apart without colour.
pub const LETTERS: [char; crate::lab::ghost::MOST] = ['a', 'b', 'c', 'd', 'e', 'f'];
/// Colours that ghosts have; those after them are dashed otherwise.
const COLOURS: usize = 3;

pub fn train_pen(theme: &Theme) -> Pen {
    Pen::solid(CURVE, theme.style(Role::Train), '#')
}

pub fn batch_pen(theme: &Theme) -> Pen {
    Pen::solid(BATCH, theme.style(Role::TrainRaw), '.')
}

pub fn reference_pen(theme: &Theme) -> Pen {
    Pen::solid(REFERENCE, theme.style(Role::Reference), '-')
}

pub fn ghost_pen(theme: &Theme, index: usize) -> Pen {
    let dash = if index < COLOURS { (2, 2) } else { (1, 1) };
    Pen { dash, ..Pen::solid(GHOST, theme.ghost(index), LETTERS[index % LETTERS.len()]) }
}

pub fn validation_pen(theme: &Theme) -> Pen {
    Pen::solid(CURVE, theme.style(Role::Validation), '=')
}
