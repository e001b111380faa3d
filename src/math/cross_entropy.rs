//! [`plain::cross_entropy`](super::plain::cross_entropy) and its gradient, without a logarithm of each probability:
//! loss = logsumexp(z) - z_y, and with label smoothing s logsumexp(z) - (1 - s) z_y - s mean(z), as PyTorch's
//! `cross_entropy(label_smoothing=s)`.
//!
//! Where the target is [`IGNORED`], nothing is asked: loss and gradient are 0.

use super::softmax::{exp_shifted, largest};
use super::vectorised::{apply, vectorised};
use super::{LANES, Real, vector};

/// The target of a position that counts for nothing.
pub const IGNORED: u32 = u32::MAX;

/// Sum of the losses of all rows of `logits` (n, columns), in nats. The logits become d(scale * sum of losses)/d logits =
/// scale * (softmax - onehot): with scale = 1 / (B T), the gradient of the mean.
#[apply(vectorised)]
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
#[apply(vectorised)]
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
#[apply(vectorised)]
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
#[apply(vectorised)]
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
#[apply(vectorised)]
pub fn right(logits: &[Real], targets: &[u32], columns: usize) -> usize {
    let rows = logits.chunks_exact(columns).zip(targets);
    rows.filter(|(row, target)| **target != IGNORED && row[**target as usize] >= largest(row))
        .count()
}

/// The logits' mean under the smoothed target: (1 - s) z_y + s mean(z).
#[inline(always)]
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
    use crate::math::finite_difference::values;
    use crate::math::plain;
    use crate::math::plain::agreement::{assert_near, real};

    #[test]
    fn they_and_their_gradients_are_the_plain_ones() {
        let cases = [2, 15, 16, 17, 65].into_iter().flat_map(|n| [(n, 1), (n, 2), (n, 3)]);
        for (n, seed) in cases {
            let z: Vec<f64> = values(4 * n, seed).iter().map(|z| z * 3.0).collect();
            let targets = [0, n - 1, n / 2, 1];
            let tokens = targets.map(|target| target as u32);
            let near = |loss: f64, d: &[Real], smoothing: Real| {
                let smoothing = f64::from(smoothing);
                let expected = plain::cross_entropy::forward(&z, &targets, n, smoothing);
                assert_near("loss", &real(&[loss]), &[expected], 16.0);
                let expected = plain::cross_entropy::backward(&z, &targets, n, smoothing);
                let expected: Vec<f64> = expected.iter().map(|d| 0.5 * d).collect();
                assert_near("gradient", d, &expected, 8.0);
            };
            let mut d = real(&z);
            near(cross_entropy_backward(&mut d, &tokens, n, 0.5), &d, 0.0);
            near(cross_entropy(&mut real(&z), &tokens, n), &d, 0.0);
            for smoothing in [0.0, 0.1, 1.0] {
                let mut d = real(&z);
                let loss = smoothed_cross_entropy_backward(&mut d, &tokens, n, smoothing, 0.5);
                near(loss, &d, smoothing);
                let only = smoothed_cross_entropy(&mut real(&z), &tokens, n, smoothing);
                near(only, &d, smoothing);
            }
        }
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
}
