//! y = x W + b: every output is a weighted sum of all inputs. One layer, and one neuron a column of W.
//!
//! W stands as (in, out), so that a row of x times it is a row of y. Files hold it turned, as PyTorch does.

/// y_ij = b_j + sum_k x_ik W_kj
///
/// # Shapes
/// - x (n, in), weight (in, out), bias (out), and y, which is returned (n, out)
pub fn forward(x: &[f64], weight: &[f64], bias: &[f64]) -> Vec<f64> {
    let (n_out, n_in) = (bias.len(), weight.len() / bias.len());
    let mut y = vec![];
    for x in x.chunks_exact(n_in) {
        for j in 0..n_out {
            let mut sum = bias[j];
            for k in 0..n_in {
                sum += x[k] * weight[k * n_out + j];
            }
            y.push(sum);
        }
    }
    y
}

/// Returns dx = dy W', d_weight = x' dy and d_bias, the sum of dy's rows: in y_ij, x_ik is multiplied by W_kj, W_kj by x_ik,
/// and b_j by 1.
///
/// # Shapes
/// - dy (n, out), x, dx (n, in), weight, d_weight (in, out), d_bias (out); `n_out` is out
pub fn backward(dy: &[f64], x: &[f64], weight: &[f64], n_out: usize) -> [Vec<f64>; 3] {
    let n_in = weight.len() / n_out;
    let mut dx = vec![0.0; x.len()];
    let (mut d_weight, mut d_bias) = (vec![0.0; weight.len()], vec![0.0; n_out]);
    for (i, dy) in dy.chunks_exact(n_out).enumerate() {
        for j in 0..n_out {
            d_bias[j] += dy[j];
            for k in 0..n_in {
                dx[i * n_in + k] += dy[j] * weight[k * n_out + j];
                d_weight[k * n_out + j] += dy[j] * x[i * n_in + k];
            }
        }
    }
    [dx, d_weight, d_bias]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::math::finite_difference::{check, values, weighted_sum};

    #[test]
    fn gradient() {
        let (x, dy) = (values(3 * 5, 1), values(3 * 4, 2));
        let (w, b) = (values(5 * 4, 3), values(4, 4));
        let [dx, dw, db] = backward(&dy, &x, &w, 4);
        let loss = |x: &[f64], w: &[f64], b: &[f64]| weighted_sum(&forward(x, w, b), &dy);
        check("dx", &x, &dx, 1e-7, |x| loss(x, &w, &b));
        check("dw", &w, &dw, 1e-7, |w| loss(&x, w, &b));
        check("db", &b, &db, 1e-7, |b| loss(&x, &w, b));
    }
}
