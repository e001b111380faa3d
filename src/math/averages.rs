//! [`plain::averages`](super::plain::averages) as a model would compute them: a batch at a time, in [`Real`], the products by
//! [`gemm`](super::gemm).

use super::gemm::{gemm, matrix, matrix_mut};
use super::softmax::softmax;
use super::tiles::Onto;
use super::{Real, vector};

/// A way to the means.
///
/// # Shapes
/// - x, and y, which is returned (B, `time`, `channels`)
pub type Way = fn(x: &[Real], time: usize, channels: usize) -> Vec<Real>;

/// The three of them, from the plainest on.
pub const WAYS: [(&str, Way); 3] =
    [("loops", loops), ("triangle", triangle), ("softmax", masked_softmax)];

/// Every position adds up its whole past.
pub fn loops(x: &[Real], time: usize, channels: usize) -> Vec<Real> {
    let mut y = vec![0.0; x.len()];
    let sequences = x.chunks_exact(time * channels).zip(y.chunks_exact_mut(time * channels));
    for (x, y) in sequences {
        for (t, y) in y.chunks_exact_mut(channels).enumerate() {
            for past in x.chunks_exact(channels).take(t + 1) {
                vector::add(y, past);
            }
            for y in y {
                *y /= (t + 1) as Real;
            }
        }
    }
    y
}

/// A product with a lower-triangular matrix whose rows sum to 1.
pub fn triangle(x: &[Real], time: usize, channels: usize) -> Vec<Real> {
    let mut weights = vec![0.0; time * time];
    for (t, row) in weights.chunks_exact_mut(time).enumerate() {
        row[..=t].fill(1.0 / (t + 1) as Real);
    }
    products(&weights, x, time, channels)
}

/// A product with the softmax of zeros that see no future.
pub fn masked_softmax(x: &[Real], time: usize, channels: usize) -> Vec<Real> {
    let mut weights = vec![0.0; time * time];
    for (t, row) in weights.chunks_exact_mut(time).enumerate() {
        row[t + 1..].fill(Real::NEG_INFINITY);
    }
    softmax(&mut weights, time);
    products(&weights, x, time, channels)
}

/// The same weights (T, T) for every sequence of the batch.
fn products(weights: &[Real], x: &[Real], time: usize, channels: usize) -> Vec<Real> {
    let mut y = vec![0.0; x.len()];
    let sequences = x.chunks_exact(time * channels).zip(y.chunks_exact_mut(time * channels));
    for (x, y) in sequences {
        let weights = matrix(weights, time, time);
        let (x, mut y) = (matrix(x, time, channels), matrix_mut(y, time, channels));
        gemm(&mut y, &weights, &x, Onto::Nothing);
    }
    y
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::math::finite_difference::values;
    use crate::math::plain::agreement::{assert_near, real};
    use crate::math::plain::averages as plain;

    #[test]
    fn they_are_the_plain_ones() {
        let plain = [plain::loops, plain::triangle, plain::masked_softmax];
        for (batch, time, channels) in [(1, 1, 1), (2, 8, 2), (3, 17, 5), (2, 64, 32)] {
            let x = values(batch * time * channels, time);
            for ((name, way), plain) in WAYS.into_iter().zip(plain) {
                let found = way(&real(&x), time, channels);
                let sequences = x.chunks_exact(time * channels);
                let expected: Vec<f64> = sequences.flat_map(|x| plain(x, channels)).collect();
                assert_near(name, &found, &expected, 16.0);
            }
        }
    }
}
