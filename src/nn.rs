//! One file a concept: a forward and a backward standing side by side.
//!
//! A layer holds sizes and its places in the arena, no data: `forward` writes its outputs, `backward` adds to the gradients
//! of the weights and sets the gradient of the input. Rows are positions: a (B, T, C) tensor is a matrix of B*T rows.

use crate::math::Real;

/// Who looks at named values: called with (name, shape, values in row-major order).
pub type Look<'a> = dyn FnMut(&str, &[usize], &[Real]) + 'a;

pub mod activation;
pub mod attention;
pub mod block;
pub mod dropout;
pub mod embedding;
pub mod feed_forward;
pub mod init;
pub mod layer_norm;
pub mod linear;
pub mod pair_attention;
pub mod parameters;
pub mod position;
pub mod residual;
pub mod recurrent;
