//! [`plain::softmax`](super::plain::softmax): each pass over a row in [`LANES`] running sums.

use super::exp::exp_down;
use super::vector::{change, fold, in_lanes, in_lanes_mut, larger, sum};
use super::vectorised::{apply, vectorised};
use super::{LANES, Real};

/// The largest number of a row; -inf for an empty one.
#[inline(always)]
pub fn largest(row: &[Real]) -> Real {
    fold(largest_in_lanes(row), larger)
}

/// The largest numbers of a row in [`LANES`] parts of it.
#[inline(always)]
pub fn largest_in_lanes(row: &[Real]) -> [Real; LANES] {
    in_lanes(row, [Real::NEG_INFINITY; LANES], |largest, x| larger(x, largest))
}

/// Replaces x by exp(x - shift), where no x is larger than shift, and returns [`LANES`] parts of the sum. `FUSED` as in
/// [`exp_down`].
#[inline(always)]
pub fn exp_shifted<const FUSED: bool>(row: &mut [Real], shift: Real) -> [Real; LANES] {
    in_lanes_mut(row, [0.0; LANES], |sum, x| {
        *x = exp_down::<FUSED>(*x - shift);
        sum + *x
    })
}

/// Softmax of one row in place.
#[inline(always)]
pub fn softmax_row(row: &mut [Real]) {
    let shift = largest(row);
    let scale = 1.0 / sum(exp_shifted::<false>(row, shift));
    change(row, |x| x * scale);
}

/// Softmax of every row of x (n, columns) in place.
#[apply(vectorised)]
pub fn softmax(x: &mut [Real], columns: usize) {
    for row in x.chunks_exact_mut(columns) {
        softmax_row(row);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::math::finite_difference::values;
    use crate::math::plain;
    use crate::math::plain::agreement::{assert_near, real};

    #[test]
    fn it_is_the_plain_one() {
        for (n, seed) in
            [1, 7, 15, 16, 17, 33, 65].into_iter().flat_map(|n| [(n, 1), (n, 2), (n, 3)])
        {
            let x: Vec<f64> = values(3 * n, seed).iter().map(|x| x * 4.0).collect();
            let plain_p = plain::softmax::forward(&x, n);
            let mut p = real(&x);
            softmax(&mut p, n);
            assert_near("p", &p, &plain_p, 8.0);
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
}
