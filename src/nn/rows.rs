//! Rows are positions: an activation is an array of whole rows of standard layout, N = B*T of them.

use ndarray::ArrayRef2;

use super::Look;
use crate::math::softmax::softmax;
use crate::math::{Real, vector};

/// # Panics
/// If x has not standard layout.
pub fn contiguous(x: &ArrayRef2<Real>) -> &[Real] {
    x.as_slice().expect("standard layout")
}

/// # Panics
/// If x has not standard layout.
pub fn contiguous_mut(x: &mut ArrayRef2<Real>) -> &mut [Real] {
    x.as_slice_mut().expect("standard layout")
}

/// Hands over the first n rows of `values`.
///
/// # Panics
/// If there are fewer.
pub fn visit_rows(name: &str, values: &ArrayRef2<Real>, n: usize, look: &mut Look<'_>) {
    let width = values.ncols();
    look(name, &[n, width], &contiguous(values)[..n * width]);
}

/// Hands over `logits` and `probabilities`, both (T, V).
pub fn visit_logits(logits: &ArrayRef2<Real>, look: &mut Look<'_>) {
    let (time, vocab_size) = logits.dim();
    let mut values = contiguous(logits).to_vec();
    look("logits", &[time, vocab_size], &values);
    softmax(&mut values, vocab_size);
    look("probabilities", &[time, vocab_size], &values);
}

/// Sets `norms` to the length of every row of x.
pub fn row_norms(norms: &mut Vec<Real>, x: &ArrayRef2<Real>) {
    norms.clear();
    let rows = contiguous(x).chunks_exact(x.ncols());
    norms.extend(rows.map(|row| vector::sum_of_squares(row).sqrt() as Real));
}
