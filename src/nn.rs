//! One file a concept: a forward and a backward standing side by side.
//!
//! A layer holds sizes and its places in the arena, no data: `forward` writes its outputs, `backward` adds to the gradients
//! of the weights and sets the gradient of the input. Rows are positions: a (B, T, C) tensor is a matrix of B*T rows.

use ndarray::{Array2, ArrayRef2};

use crate::math::{Real, vector};

/// Who looks at named values: called with (name, shape, values in row-major order).
pub type Look<'a> = dyn FnMut(&str, &[usize], &[Real]) + 'a;

pub mod activation;
pub mod attention;
pub mod block;
pub mod conv_block;
pub mod conv_gru;
pub mod convolution;
pub mod dropout;
pub mod embedding;
pub mod feed_forward;
pub mod init;
pub mod layer_norm;
pub mod linear;
pub mod memory;
pub mod mlp;
pub mod parameters;
pub mod pass;
pub mod position;
pub mod recurrent;
pub mod residual;

/// Hands over the first n rows of `values`.
///
/// # Panics
/// If there are fewer.
pub fn visit_rows(name: &str, values: &Array2<Real>, n: usize, look: &mut Look<'_>) {
    let width = values.ncols();
    look(name, &[n, width], &values.as_slice().expect("standard layout")[..n * width]);
}

/// Sets `norms` to the length of every row of x.
#[allow(clippy::unnecessary_cast)]
pub fn row_norms(norms: &mut Vec<Real>, x: &ArrayRef2<Real>) {
    norms.clear();
    let rows = activation::contiguous(x).chunks_exact(x.ncols());
    norms.extend(rows.map(|row| vector::sum_of_squares(row).sqrt() as Real));
}
