//! Cross-entropy of logits against the token that came: loss = logsumexp(z) - z_y, and its gradient softmax(z) - onehot(y).

use multiversion::multiversion;

use super::Real;
use super::softmax::{exp_shifted, largest};

/// Sum of the losses of all rows of `logits` (n, columns), in nats. The logits become d(scale * sum of losses)/d logits =
/// scale * (softmax - onehot): with scale = 1 / (B T), the gradient of the mean.
#[multiversion(targets("x86_64+avx512f+avx512vl+avx2+fma", "x86_64+avx2+fma"))]
#[allow(clippy::unnecessary_cast)]
pub fn cross_entropy_backward(
    logits: &mut [Real],
    targets: &[u32],
    columns: usize,
    scale: Real,
) -> f64 {
    let mut loss = 0.0;
    for (row, &target) in logits.chunks_exact_mut(columns).zip(targets) {
        let target = target as usize;
        let shift = largest(row);
        let logit = row[target] - shift;
        let sum = exp_shifted(row, shift);
        loss += (sum as f64).ln() - logit as f64;
        let factor = scale / sum;
        for x in row.iter_mut() {
            *x *= factor;
        }
        row[target] -= scale;
    }
    loss
}

/// Sum of the losses of all rows of `logits` (n, columns), in nats; the logits are used up.
#[multiversion(targets("x86_64+avx512f+avx512vl+avx2+fma", "x86_64+avx2+fma"))]
#[allow(clippy::unnecessary_cast)]
pub fn cross_entropy(logits: &mut [Real], targets: &[u32], columns: usize) -> f64 {
    let mut loss = 0.0;
    for (row, &target) in logits.chunks_exact_mut(columns).zip(targets) {
        let shift = largest(row);
        let logit = row[target as usize] - shift;
        loss += (exp_shifted(row, shift) as f64).ln() - logit as f64;
    }
    loss
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_logits_cost_ln_of_their_number() {
        let mut logits = vec![3.0; 65 * 2];
        assert!((cross_entropy(&mut logits, &[0, 64], 65) - 2.0 * 65.0_f64.ln()).abs() < 1e-5);
    }

    #[test]
    fn every_row_of_the_gradient_sums_to_zero() {
        let mut logits: Vec<Real> = (0..40).map(|i| (i as Real * 1.3).cos() * 3.0).collect();
        let loss = cross_entropy(&mut logits.clone(), &[3, 0], 20);
        assert!((cross_entropy_backward(&mut logits, &[3, 0], 20, 0.5) - loss).abs() < 1e-6);
        for (row, target) in logits.chunks(20).zip([3, 0]) {
            assert!(row.iter().sum::<Real>().abs() < 1e-6);
            assert!(row[target] < 0.0);
        }
    }

    #[test]
    #[cfg(feature = "f64")]
    fn gradient_of_cross_entropy() {
        use crate::math::finite_difference::{check, values};
        let (logits, targets) = (values(3 * 19, 1), [0, 18, 7]);
        let mut d = logits.clone();
        cross_entropy_backward(&mut d, &targets, 19, 1.0 / 3.0);
        check("logits", &logits, &d, 1e-7, |x| cross_entropy(&mut x.to_vec(), &targets, 19) / 3.0);
    }
}
