//! One file a concept: a forward and a backward standing side by side.
//!
//! A layer holds sizes and its places in the arena, no data: `forward` writes its outputs, `backward` adds to the gradients
//! of the weights and sets the gradient of the input. Rows are positions: a (B, T, C) tensor is a matrix of B*T rows.

use crate::math::Real;

/// Who looks at named values: called with (name, shape, values in row-major order).
pub type Look<'a> = dyn FnMut(&str, &[usize], &[Real]) + 'a;

// The lecture's layers, in the order in which it builds them; the bend stands in the feed-forward.
pub mod linear;

pub mod embedding;

pub mod position;

pub mod attention;

pub mod feed_forward;

pub mod activation;

pub mod layer_norm;

pub mod dropout;

pub mod residual;

pub mod block;

// What all layers have in common.
pub mod init;
pub mod parameters;
pub mod pass;
pub mod rows;

// Beside the lecture.
pub mod before_attention;
pub mod faulty_attention;
pub mod mlp;
