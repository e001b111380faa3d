//! How the learning rate moves over a run.

use std::f64::consts::PI;

use crate::stage::config::{Schedule, Training};

/// The learning rate of the step that follows `done` steps.
///
/// The cosine is nanoGPT's `get_lr`: a linear warm-up whose first step already moves, half a cosine from `lr` down to
/// `min_lr` at `lr_decay_steps`, then `min_lr`. Its horizon is independent of where the run ends, so a run that stops
/// early and is resumed follows the same curve.
///
/// The inverse root is the paper's, with its peak as the unit: lr * min(s / w, sqrt(w / s)) is what they write as
/// `d_model^-0.5 * min(s^-0.5, s * w^-1.5)` with lr = (d_model * w)^-0.5.
pub fn learning_rate(training: &Training, done: u64) -> f64 {
    let Training { lr, min_lr, warmup_steps: warmup, lr_decay_steps: end, .. } = *training;
    match training.schedule {
        Schedule::Constant => lr,
        Schedule::InverseSqrt => {
            let (step, warmup) = ((done + 1) as f64, warmup.max(1) as f64);
            lr * (step / warmup).min((warmup / step).sqrt())
        }
        Schedule::Cosine if done < warmup => lr * (done + 1) as f64 / (warmup + 1) as f64,
        Schedule::Cosine if done >= end => min_lr,
        Schedule::Cosine => {
            let progress = (done - warmup) as f64 / (end - warmup) as f64;
            min_lr + 0.5 * (1.0 + (PI * progress).cos()) * (lr - min_lr)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const COSINE: Schedule = Schedule::Cosine;

    fn training(schedule: Schedule, warmup_steps: u64, lr_decay_steps: u64) -> Training {
        Training {
            lr: 1e-3,
            min_lr: 1e-4,
            schedule,
            warmup_steps,
            lr_decay_steps,
            ..Training::default()
        }
    }

    #[test]
    fn constant_stays() {
        let training = training(Schedule::Constant, 100, 2000);
        assert_eq!([0, 50, 5000].map(|done| learning_rate(&training, done)), [1e-3; 3]);
    }

    #[test]
    fn cosine_is_nano_gpts() {
        // python: learning_rate, warmup_iters, lr_decay_iters, min_lr = 1e-3, 100, 2000, 1e-4
        //         [get_lr(it) for it in (0, 99, 100, 575, 1050, 1999, 2000, 9999)]
        let reference = [
            (0, 9.900_990_099_009_901e-6),
            (99, 9.900_990_099_009_9e-4),
            (100, 1e-3),
            (575, 8.681_980_515_339_464e-4),
            (1050, 5.5e-4),
            (1999, 1.000_006_151_414_084_1e-4),
            (2000, 1e-4),
            (9999, 1e-4),
        ];
        for (done, expected) in reference {
            let found = learning_rate(&training(COSINE, 100, 2000), done);
            assert!((found - expected).abs() < 1e-15, "{done}: {found} instead of {expected}");
        }
    }

    #[test]
    fn the_inverse_root_is_the_papers() {
        let paper =
            |step: f64| 512_f64.powf(-0.5) * step.powf(-0.5).min(step * 4000_f64.powf(-1.5));
        let lr = (512.0 * 4000.0_f64).powf(-0.5);
        let training = Training { lr, ..training(Schedule::InverseSqrt, 4000, 1) };
        for done in [0, 1, 3998, 3999, 4000, 99_999] {
            let (found, expected) = (learning_rate(&training, done), paper((done + 1) as f64));
            assert!((found - expected).abs() < 1e-15, "{done}: {found} instead of {expected}");
        }
    }

    #[test]
    fn a_warm_up_as_long_as_the_cosine_or_longer_is_no_trouble() {
        for (warmup, end) in [(10, 10), (20, 10), (0, 1)] {
            let training = training(COSINE, warmup, end);
            for done in 0..40 {
                let lr = learning_rate(&training, done);
                assert!(lr > 0.0 && lr <= 1e-3, "{warmup} {end} {done}: {lr}");
            }
        }
    }
}
