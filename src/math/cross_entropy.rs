//! [`plain::cross_entropy`](super::plain::cross_entropy) and its gradient, without a logarithm of each probability:
//! loss = logsumexp(z) - z_y, and with label smoothing s logsumexp(z) - (1 - s) z_y - s mean(z), as PyTorch's
//! `cross_entropy(label_smoothing=s)`.
//!
//! Where the target is [`IGNORED`], nothing is asked: loss and gradient are 0.

use super::softmax::{exp_shifted, largest, largest_in_lanes};
use super::vector::{change, fold, in_lanes, larger, sum};
use super::vectorised::{apply, target_cfg_f, vectorised};
use super::{LANES, Real};

/// The target of a position that counts for nothing.
pub const IGNORED: u32 = u32::MAX;
/// Rows that go together from one pass to the next, so that one need not wait for another's sum.
const ROWS: usize = 8;

/// Sum of the losses of all rows of `logits` (n, columns), in nats. The logits become d(scale * sum of losses)/d logits =
/// scale * (softmax - onehot): with scale = 1 / (B T), the gradient of the mean.
#[apply(vectorised)]
pub fn cross_entropy_backward(
    logits: &mut [Real],
    targets: &[u32],
    columns: usize,
    scale: Real,
) -> f64 {
    const FUSED: bool = target_cfg_f!(any(target_feature = "fma", target_feature = "neon"));
    let wanted = |row: &[Real], target: usize| row[target];
    losses::<FUSED>(logits, targets, columns, wanted, |row, target, sum| {
        let factor = scale / sum;
        change(row, |x| x * factor);
        row[target] -= scale;
    })
}

/// Sum of the losses of all rows of `logits` (n, columns), in nats; the logits are used up.
#[apply(vectorised)]
pub fn cross_entropy(logits: &mut [Real], targets: &[u32], columns: usize) -> f64 {
    const FUSED: bool = target_cfg_f!(any(target_feature = "fma", target_feature = "neon"));
    losses::<FUSED>(logits, targets, columns, |row, target| row[target], |_, _, _| ())
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
    const FUSED: bool = target_cfg_f!(any(target_feature = "fma", target_feature = "neon"));
    let everywhere = scale * smoothing / columns as Real;
    let wanted = |row: &[Real], target: usize| smoothed(row, target, smoothing);
    losses::<FUSED>(logits, targets, columns, wanted, |row, target, sum| {
        let factor = scale / sum;
        change(row, |x| x * factor - everywhere);
        row[target] -= scale * (1.0 - smoothing);
    })
}

/// [`cross_entropy`] with label smoothing, 0 <= `smoothing` <= 1.
#[apply(vectorised)]
pub fn smoothed_cross_entropy(
    logits: &mut [Real],
    targets: &[u32],
    columns: usize,
    smoothing: Real,
) -> f64 {
    const FUSED: bool = target_cfg_f!(any(target_feature = "fma", target_feature = "neon"));
    let wanted = |row: &[Real], target: usize| smoothed(row, target, smoothing);
    losses::<FUSED>(logits, targets, columns, wanted, |_, _, _| ())
}

/// The sum of logsumexp(z) - wanted(z, target) over all rows z of `logits` that have a target. `finish` is handed exp(z - the
/// largest of z), the target and the sum of the row; rows without a target become 0.
#[inline(always)]
fn losses<const FUSED: bool>(
    logits: &mut [Real],
    targets: &[u32],
    columns: usize,
    wanted: impl Fn(&[Real], usize) -> Real,
    finish: impl Fn(&mut [Real], usize, Real),
) -> f64 {
    let mut loss = 0.0;
    for (rows, targets) in logits.chunks_mut(ROWS * columns).zip(targets.chunks(ROWS)) {
        // Parts of what is to be joined, and what they are joined to.
        let (mut lanes, mut numbers) = ([[0.0; LANES]; ROWS], [0.0; ROWS]);
        for ((row, &target), lanes) in rows.chunks_exact(columns).zip(targets).zip(&mut lanes) {
            if target != IGNORED {
                *lanes = largest_in_lanes(row);
            }
        }
        for (shift, lanes) in numbers.iter_mut().zip(&lanes) {
            *shift = fold(*lanes, larger);
        }
        let shifts = numbers.iter().zip(&mut lanes);
        for ((row, &target), (&shift, lanes)) in
            rows.chunks_exact_mut(columns).zip(targets).zip(shifts)
        {
            if target != IGNORED {
                loss -= (wanted(row, target as usize) - shift) as f64;
                *lanes = exp_shifted::<FUSED>(row, shift);
            }
        }
        for (total, lanes) in numbers.iter_mut().zip(&lanes) {
            *total = sum(*lanes);
        }
        // The sum of the logarithms: each is of a sum between 1 and the number of columns.
        let mut product = 1.0;
        for ((row, &target), &sum) in rows.chunks_exact_mut(columns).zip(targets).zip(&numbers) {
            if target == IGNORED {
                row.fill(0.0);
            } else {
                product *= sum as f64;
                finish(row, target as usize, sum);
            }
        }
        loss += product.ln();
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
fn smoothed(row: &[Real], target: usize, smoothing: Real) -> Real {
    let total = sum(in_lanes(row, [0.0; LANES], |sum, x| sum + x));
    (1.0 - smoothing) * row[target] + smoothing * total / row.len() as Real
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::math::finite_difference::values;
    use crate::math::plain;
    use crate::math::plain::agreement::{assert_near, real};

    #[test]
    fn they_and_their_gradients_are_the_plain_ones() {
        let cases = [2, 15, 16, 17, 60, 65].into_iter().flat_map(|n| [(n, 1), (n, 2), (n, 3)]);
        for (n, seed) in cases {
            let z: Vec<f64> = values(11 * n, seed).iter().map(|z| z * 3.0).collect();
            let targets = [0, n - 1, n / 2, 1, 0, 1, 0, n - 1, 1, n / 2, 0];
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
