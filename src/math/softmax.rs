//! softmax(x)_j = exp(x_j) / sum_k exp(x_k), row by row, and its backward.
//!
//! The largest number of the row is taken off first: the result is the same and nothing overflows.

use multiversion::multiversion;

use super::exp::exp;
use super::vector::{dot, fold, larger, sum};
use super::{LANES, Real};

/// The largest number of a row; -inf for an empty one.
#[inline(always)]
#[allow(clippy::inline_always)]
pub fn largest(row: &[Real]) -> Real {
    let mut lanes = [Real::NEG_INFINITY; LANES];
    let (chunks, rest) = row.as_chunks::<LANES>();
    for chunk in chunks {
        for lane in 0..LANES {
            lanes[lane] = larger(chunk[lane], lanes[lane]);
        }
    }
    rest.iter().fold(fold(lanes, larger), |largest, x| larger(*x, largest))
}

/// Replaces x by exp(x - shift) and returns the sum.
#[inline(always)]
#[allow(clippy::inline_always)]
pub fn exp_shifted(row: &mut [Real], shift: Real) -> Real {
    let mut lanes = [0.0; LANES];
    let (chunks, rest) = row.as_chunks_mut::<LANES>();
    for chunk in chunks {
        for lane in 0..LANES {
            chunk[lane] = exp(chunk[lane] - shift);
            lanes[lane] += chunk[lane];
        }
    }
    // Not added to the lanes, where an index that is not known would keep all of them in memory.
    let mut last = 0.0;
    for x in rest {
        *x = exp(*x - shift);
        last += *x;
    }
    sum(lanes) + last
}

/// Softmax of one row in place.
#[inline(always)]
#[allow(clippy::inline_always)]
pub fn softmax_row(row: &mut [Real]) {
    let shift = largest(row);
    let scale = 1.0 / exp_shifted(row, shift);
    for x in row {
        *x *= scale;
    }
}

/// Softmax of every row of x (n, columns) in place.
#[multiversion(targets("x86_64+avx512f+avx512vl+avx2+fma", "x86_64+avx2+fma"))]
pub fn softmax(x: &mut [Real], columns: usize) {
    for row in x.chunks_exact_mut(columns) {
        softmax_row(row);
    }
}

/// Backward of one row: with p = softmax(x) and dp = d loss / d p, sets dp to d loss / d x = p * (dp - sum(dp * p)).
#[inline(always)]
#[allow(clippy::inline_always)]
pub fn softmax_row_backward(dp: &mut [Real], p: &[Real]) {
    let mean = dot(dp, p);
    for (dp, p) in dp.iter_mut().zip(p) {
        *dp = p * (*dp - mean);
    }
}

/// [`softmax_row_backward`] for every row of p (n, columns).
#[multiversion(targets("x86_64+avx512f+avx512vl+avx2+fma", "x86_64+avx2+fma"))]
pub fn softmax_backward(dp: &mut [Real], p: &[Real], columns: usize) {
    for (dp, p) in dp.chunks_exact_mut(columns).zip(p.chunks_exact(columns)) {
        softmax_row_backward(dp, p);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The formula, one number at a time.
    fn plain_softmax(x: &[Real]) -> Vec<Real> {
        let total: Real = x.iter().map(|x| x.exp()).sum();
        x.iter().map(|x| x.exp() / total).collect()
    }

    #[test]
    fn it_is_the_formula() {
        for n in [1, 15, 16, 17, 65] {
            let x: Vec<Real> = (0..n).map(|i| (i as Real * 0.7).sin() * 4.0).collect();
            let mut p = x.clone();
            softmax(&mut p, n);
            for (p, plain) in p.iter().zip(plain_softmax(&x)) {
                assert!((p - plain).abs() < 1e-6, "{p} instead of {plain}");
            }
        }
    }

    #[test]
    fn rows_sum_to_one_and_ignore_a_shift() {
        let row: Vec<Real> = (0..37).map(|i| (i as Real * 0.7).sin() * 4.0).collect();
        let mut p = row.clone();
        softmax(&mut p, 37);
        assert!((p.iter().sum::<Real>() - 1.0).abs() < 1e-6);
        let mut shifted: Vec<Real> = row.iter().map(|x| x + 1000.0).collect();
        softmax(&mut shifted, 37);
        for (a, b) in p.iter().zip(&shifted) {
            assert!((a - b).abs() < 1e-4, "{a} {b}");
        }
    }

    #[test]
    fn a_large_logit_does_not_overflow() {
        let mut p = [1e30, 0.0, -1e30];
        softmax(&mut p, 3);
        assert_eq!(p, [1.0, 0.0, 0.0]);
    }

    #[test]
    #[cfg(feature = "f64")]
    fn gradient_of_softmax() {
        use crate::math::finite_difference::{check, values, weighted_sum};
        let (x, dy) = (values(3 * 21, 1), values(3 * 21, 2));
        let mut p = x.clone();
        softmax(&mut p, 21);
        let mut d = dy.clone();
        softmax_backward(&mut d, &p, 21);
        check("softmax", &x, &d, 1e-7, |x| {
            let mut p = x.to_vec();
            softmax(&mut p, 21);
            weighted_sum(&p, &dy)
        });
    }
}
