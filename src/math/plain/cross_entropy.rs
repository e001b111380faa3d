//! loss = -sum_j t_j ln p_j with p = softmax(logits): the surprise, in nats, of a model that gave the token that came p
//! (Goodfellow, Bengio and Courville, Deep Learning, section 6.2.2.3).
//!
//! t is what was wanted: 1 at the token that came and 0 elsewhere, or, with label smoothing s, 1 - s at that token and s / V
//! more at every one (Szegedy et al. 2015, section 7).

use super::softmax;

/// t_j, of one row.
fn wanted(j: usize, target: usize, columns: usize, smoothing: f64) -> f64 {
    let everywhere = smoothing / columns as f64;
    if j == target { 1.0 - smoothing + everywhere } else { everywhere }
}

/// The sum of the losses of all rows.
///
/// # Shapes
/// - logits (n, columns), targets (n)
pub fn forward(logits: &[f64], targets: &[usize], columns: usize, smoothing: f64) -> f64 {
    // pass 1: probabilities
    let p = softmax::forward(logits, columns);
    // pass 2: the surprise at what was wanted
    let mut loss = 0.0;
    for (i, &target) in targets.iter().enumerate() {
        for j in 0..columns {
            let t = wanted(j, target, columns, smoothing);
            // 0 ln 0 = 0: what is not asked for costs nothing, however improbable.
            if t > 0.0 {
                loss -= t * p[i * columns + j].ln();
            }
        }
    }
    loss
}

/// The gradient of the sum of the losses. With ln p_j = z_j - ln sum_k exp(z_k) and a t that sums to 1:
///
/// - term 1, from ln sum_k exp(z_k): p_j
/// - term 2, from z_j itself: -t_j
///
/// # Shapes
/// - logits, and their gradient, which is returned (n, columns), targets (n)
pub fn backward(logits: &[f64], targets: &[usize], columns: usize, smoothing: f64) -> Vec<f64> {
    let mut d = softmax::forward(logits, columns);
    for (i, &target) in targets.iter().enumerate() {
        for j in 0..columns {
            d[i * columns + j] -= wanted(j, target, columns, smoothing);
        }
    }
    d
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::math::finite_difference::{check, values};

    #[test]
    fn gradient() {
        let (logits, targets) = (values(3 * 7, 1), [0, 6, 3]);
        for smoothing in [0.0, 0.1] {
            let d = backward(&logits, &targets, 7, smoothing);
            check("logits", &logits, &d, 1e-7, |z| forward(z, &targets, 7, smoothing));
        }
    }

    #[test]
    fn equal_logits_cost_ln_of_their_number() {
        assert!((forward(&[3.0; 65], &[7], 65, 0.0) - 65.0_f64.ln()).abs() < 1e-12);
    }
}
