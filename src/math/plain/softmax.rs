//! p_i = exp(x_i) / sum_j exp(x_j): numbers of any size become probabilities (Bridle 1990).
//!
//! A constant taken off all of x changes nothing, since exp(x - c) = exp(x) / exp(c). Taking off the largest number lets
//! nothing overflow (Goodfellow, Bengio and Courville, Deep Learning, section 4.1).
//!
//! Every x_j moves every p_i: dp_i / dx_j = p_i ((i = j) - p_j).

/// # Shapes
/// - x, and p, which is returned (n, columns)
pub fn forward(x: &[f64], columns: usize) -> Vec<f64> {
    let mut p = vec![0.0; x.len()];
    for (p, x) in p.chunks_exact_mut(columns).zip(x.chunks_exact(columns)) {
        // pass 1: the largest number
        let mut largest = f64::NEG_INFINITY;
        for j in 0..columns {
            largest = largest.max(x[j]);
        }
        // pass 2: exponentials and their sum
        let mut sum = 0.0;
        for j in 0..columns {
            p[j] = (x[j] - largest).exp();
            sum += p[j];
        }
        // pass 3: shares of the sum
        for j in 0..columns {
            p[j] /= sum;
        }
    }
    p
}

/// dx_j = sum_i dp_i p_i ((i = j) - p_j) = p_j (dp_j - sum_i dp_i p_i)
///
/// # Shapes
/// - dp, p, and dx, which is returned (n, columns)
pub fn backward(dp: &[f64], p: &[f64], columns: usize) -> Vec<f64> {
    let mut dx = vec![0.0; p.len()];
    let rows = dp.chunks_exact(columns).zip(p.chunks_exact(columns));
    for (dx, (dp, p)) in dx.chunks_exact_mut(columns).zip(rows) {
        // pass 1: the mean of dp under p
        let mut mean = 0.0;
        for i in 0..columns {
            mean += dp[i] * p[i];
        }
        // pass 2: what raises p_j gains dp_j and costs the others their mean
        for j in 0..columns {
            dx[j] = p[j] * (dp[j] - mean);
        }
    }
    dx
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::math::finite_difference::{check, values, weighted_sum};

    #[test]
    fn gradient() {
        let (x, dp) = (values(3 * 7, 1), values(3 * 7, 2));
        let dx = backward(&dp, &forward(&x, 7), 7);
        check("dx", &x, &dx, 1e-7, |x| weighted_sum(&forward(x, 7), &dp));
    }

    #[test]
    fn three_to_one_is_a_difference_of_ln_3() {
        let p = forward(&[5.0 + 3.0_f64.ln(), 5.0], 2);
        assert!((p[0] - 0.75).abs() < 1e-15 && (p[1] - 0.25).abs() < 1e-15);
    }
}
