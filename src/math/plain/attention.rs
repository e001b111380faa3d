//! y = softmax(q k' * scale) v, one head: every query asks all keys how well they match, and takes the mean of their values,
//! weighted by the answers (Vaswani et al. 2017, section 3.2.1; there the scale is 1 / sqrt(width)).
//!
//! Causal: query i sees keys 0 to i only, the past and itself (section 3.2.3). `lengths` are Tq and Tk.

use super::softmax;

/// Returns y, and the weights, which are 0 where a query sees no key.
///
/// # Shapes
/// - q (Tq, width), k (Tk, width), v (Tk, value width), y (Tq, value width), weights (Tq, Tk)
pub fn forward(
    q: &[f64],
    k: &[f64],
    v: &[f64],
    lengths: [usize; 2],
    scale: f64,
    causal: bool,
) -> [Vec<f64>; 2] {
    let [queries, keys] = lengths;
    let (width, value_width) = (k.len() / keys, v.len() / keys);
    let (mut y, mut weights) = (vec![0.0; queries * value_width], vec![0.0; queries * keys]);
    for i in 0..queries {
        let seen = if causal { keys.min(i + 1) } else { keys };
        // pass 1: scores, q·k of every key that is seen
        let mut scores = vec![0.0; seen];
        for j in 0..seen {
            for d in 0..width {
                scores[j] += q[i * width + d] * k[j * width + d] * scale;
            }
        }
        // pass 2: weights
        weights[i * keys..][..seen].copy_from_slice(&softmax::forward(&scores, seen));
        // pass 3: the weighted sum of the values
        for j in 0..seen {
            for d in 0..value_width {
                y[i * value_width + d] += weights[i * keys + j] * v[j * value_width + d];
            }
        }
    }
    [y, weights]
}

/// Returns dq, dk and dv: the three passes, backward.
///
/// # Shapes
/// - dy (Tq, value width), weights (Tq, Tk); q, dq (Tq, width), k, dk (Tk, width), v, dv (Tk, value width)
pub fn backward(
    dy: &[f64],
    weights: &[f64],
    q: &[f64],
    k: &[f64],
    v: &[f64],
    lengths: [usize; 2],
    scale: f64,
    causal: bool,
) -> [Vec<f64>; 3] {
    let [queries, keys] = lengths;
    let (width, value_width) = (k.len() / keys, v.len() / keys);
    let (mut dq, mut dk, mut dv) = (vec![0.0; q.len()], vec![0.0; k.len()], vec![0.0; v.len()]);
    for i in 0..queries {
        let seen = if causal { keys.min(i + 1) } else { keys };
        let p = &weights[i * keys..][..seen];
        // pass 3: a weight gains what its value is worth, a value what was taken of it
        let mut dp = vec![0.0; seen];
        for j in 0..seen {
            for d in 0..value_width {
                dp[j] += dy[i * value_width + d] * v[j * value_width + d];
                dv[j * value_width + d] += p[j] * dy[i * value_width + d];
            }
        }
        // pass 2: from weights to scores
        let d_scores = softmax::backward(&dp, p, seen);
        // pass 1: in q·k each is the other's factor
        for j in 0..seen {
            for d in 0..width {
                dq[i * width + d] += d_scores[j] * scale * k[j * width + d];
                dk[j * width + d] += d_scores[j] * scale * q[i * width + d];
            }
        }
    }
    [dq, dk, dv]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::math::finite_difference::{check, values, weighted_sum};

    #[test]
    fn gradient() {
        for (n, m, causal) in [(5, 5, true), (5, 5, false), (2, 4, false)] {
            let (q, k, v, dy) =
                (values(n * 3, 1), values(m * 3, 2), values(m * 4, 3), values(n * 4, 4));
            let run = |q: &[f64], k: &[f64], v: &[f64]| forward(q, k, v, [n, m], 0.4, causal);
            let [_, weights] = run(&q, &k, &v);
            let [dq, dk, dv] = backward(&dy, &weights, &q, &k, &v, [n, m], 0.4, causal);
            check("dq", &q, &dq, 1e-7, |q| weighted_sum(&run(q, &k, &v)[0], &dy));
            check("dk", &k, &dk, 1e-7, |k| weighted_sum(&run(&q, k, &v)[0], &dy));
            check("dv", &v, &dv, 1e-7, |v| weighted_sum(&run(&q, &k, v)[0], &dy));
        }
    }
}
