//! Cross-entropy of logits against the token that came: loss = logsumexp(z) - z_y, and its gradient softmax(z) - onehot(y).
//!
//! With label smoothing s the token that came is asked for with 1 - s, and every token with s / V more (Szegedy et al. 2015,
//! section 7): loss = logsumexp(z) - (1 - s) z_y - s mean(z), as PyTorch's `cross_entropy(label_smoothing=s)`.
//!
//! Where the target is [`IGNORED`], nothing is asked: loss and gradient are 0.

use multiversion::multiversion;

use super::softmax::{exp_shifted, largest};
use super::{LANES, Real, vector};

/// The target of a position that counts for nothing.
pub const IGNORED: u32 = u32::MAX;

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
        if target == IGNORED {
            row.fill(0.0);
            continue;
        }
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
        if target == IGNORED {
            continue;
        }
        let shift = largest(row);
        let logit = row[target as usize] - shift;
        loss += (exp_shifted(row, shift) as f64).ln() - logit as f64;
    }
    loss
}

/// [`cross_entropy_backward`] with label smoothing, 0 <= `smoothing` <= 1.
#[multiversion(targets("x86_64+avx512f+avx512vl+avx2+fma", "x86_64+avx2+fma"))]
#[allow(clippy::unnecessary_cast)]
pub fn smoothed_cross_entropy_backward(
    logits: &mut [Real],
    targets: &[u32],
    columns: usize,
    smoothing: Real,
    scale: Real,
) -> f64 {
    let mut loss = 0.0;
    let everywhere = scale * smoothing / columns as Real;
    for (row, &target) in logits.chunks_exact_mut(columns).zip(targets) {
        if target == IGNORED {
            row.fill(0.0);
            continue;
        }
        let target = target as usize;
        let shift = largest(row);
        let wanted = wanted(row, target, smoothing) - shift;
        let sum = exp_shifted(row, shift);
        loss += (sum as f64).ln() - wanted as f64;
        let factor = scale / sum;
        for x in row.iter_mut() {
            *x = *x * factor - everywhere;
        }
        row[target] -= scale * (1.0 - smoothing);
    }
    loss
}

/// [`cross_entropy`] with label smoothing, 0 <= `smoothing` <= 1.
#[multiversion(targets("x86_64+avx512f+avx512vl+avx2+fma", "x86_64+avx2+fma"))]
#[allow(clippy::unnecessary_cast)]
pub fn smoothed_cross_entropy(
    logits: &mut [Real],
    targets: &[u32],
    columns: usize,
    smoothing: Real,
) -> f64 {
    let mut loss = 0.0;
    for (row, &target) in logits.chunks_exact_mut(columns).zip(targets) {
        if target == IGNORED {
            continue;
        }
        let shift = largest(row);
        let wanted = wanted(row, target as usize, smoothing) - shift;
        loss += (exp_shifted(row, shift) as f64).ln() - wanted as f64;
    }
    loss
}

/// How many rows of `logits` (n, columns) are largest at their target.
#[multiversion(targets("x86_64+avx512f+avx512vl+avx2+fma", "x86_64+avx2+fma"))]
pub fn right(logits: &[Real], targets: &[u32], columns: usize) -> usize {
    let rows = logits.chunks_exact(columns).zip(targets);
    rows.filter(|(row, target)| **target != IGNORED && row[**target as usize] >= largest(row))
        .count()
}

/// The logits' mean under the smoothed target: (1 - s) z_y + s mean(z).
#[inline(always)]
#[allow(clippy::inline_always)]
fn wanted(row: &[Real], target: usize, smoothing: Real) -> Real {
    let mut sums = [0.0; LANES];
    let (chunks, rest) = row.as_chunks::<LANES>();
    for chunk in chunks {
        for lane in 0..LANES {
            sums[lane] += chunk[lane];
        }
    }
    for (sum, x) in sums.iter_mut().zip(rest) {
        *sum += x;
    }
    (1.0 - smoothing) * row[target] + smoothing * vector::sum(sums) / row.len() as Real
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The formulas, one number at a time: the loss of a row and its gradient.
    fn plain_cross_entropy(logits: &[Real], target: usize) -> (Real, Vec<Real>) {
        let total: Real = logits.iter().map(|z| z.exp()).sum();
        let mut gradient: Vec<Real> = logits.iter().map(|z| z.exp() / total).collect();
        gradient[target] -= 1.0;
        (total.ln() - logits[target], gradient)
    }

    #[test]
    #[allow(clippy::unnecessary_cast)]
    fn it_is_the_formula() {
        for n in [2, 16, 17, 65] {
            let logits: Vec<Real> = (0..n).map(|i| (i as Real * 1.3).cos() * 3.0).collect();
            let (loss, gradient) = plain_cross_entropy(&logits, 1);
            let mut d = logits.clone();
            let found = cross_entropy_backward(&mut d, &[1], n, 1.0);
            assert!((found - loss as f64).abs() < 1e-5, "{found} instead of {loss}");
            for (d, plain) in d.iter().zip(gradient) {
                assert!((d - plain).abs() < 1e-6, "{d} instead of {plain}");
            }
        }
    }

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

    #[test]
    fn an_ignored_row_costs_nothing_and_moves_nothing() {
        let logits: Vec<Real> = (0..60).map(|i| (i as Real * 0.7).sin()).collect();
        let (targets, alone) = ([3, IGNORED, 0], [logits[..20].to_vec(), logits[40..].to_vec()]);
        let mut alone = alone.concat();
        let mut all = logits.clone();
        let loss = cross_entropy_backward(&mut all, &targets, 20, 0.5);
        assert_eq!(loss, cross_entropy_backward(&mut alone, &[3, 0], 20, 0.5));
        assert_eq!([&all[..20], &all[40..]].concat(), alone);
        assert!(all[20..40].iter().all(|d| *d == 0.0));
        assert!((cross_entropy(&mut logits.clone(), &targets, 20) - loss).abs() < 1e-6);
        let mut smoothed = logits.clone();
        let loss = smoothed_cross_entropy_backward(&mut smoothed, &targets, 20, 0.1, 0.5);
        let only = smoothed_cross_entropy(&mut logits.clone(), &targets, 20, 0.1);
        assert!((only - loss).abs() < 1e-6 && smoothed[20..40].iter().all(|d| *d == 0.0));
    }

    /// `F.cross_entropy(torch.tensor([[1., 2., 4.], [0., -1., 3.]]), torch.tensor([2, 0]), label_smoothing=0.3,
    /// reduction="sum")`
    #[test]
    fn label_smoothing_is_that_of_pytorch() {
        let logits = [1.0, 2.0, 4.0, 0.0, -1.0, 3.0];
        let loss = smoothed_cross_entropy(&mut logits.to_vec(), &[2, 0], 3, 0.3);
        assert!((loss - 3.535_729_9).abs() < 1e-5, "{loss}");
        let plain = cross_entropy(&mut logits.to_vec(), &[2, 0], 3);
        let none = smoothed_cross_entropy(&mut logits.to_vec(), &[2, 0], 3, 0.0);
        assert!((plain - none).abs() < 1e-6);
        assert_eq!(right(&logits, &[2, 0], 3), 1);
        assert_eq!(right(&logits, &[IGNORED, 2], 3), 1);
    }

    #[test]
    #[cfg(feature = "f64")]
    fn gradient_of_smoothed_cross_entropy() {
        use crate::math::finite_difference::{check, values};
        let (logits, targets) = (values(4 * 19, 1), [0, 18, IGNORED, 7]);
        let mut d = logits.clone();
        smoothed_cross_entropy_backward(&mut d, &targets, 19, 0.1, 1.0 / 3.0);
        check("logits", &logits, &d, 1e-7, |x| {
            smoothed_cross_entropy(&mut x.to_vec(), &targets, 19, 0.1) / 3.0
        });
    }
}
