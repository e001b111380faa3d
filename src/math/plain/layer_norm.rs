//! y = x_hat w + b with x_hat = (x - mean) / sqrt(variance + eps), row by row: every row gets mean 0 and variance 1, and
//! then the scale and the shift that were learned (Ba, Kiros and Hinton 2016, section 3). The variance is the biased one.

/// Returns y, and of every row what backward needs: its mean, and rstd = 1 / sqrt(variance + eps).
///
/// # Shapes
/// - x, y (n, C); weight, bias (C); mean, rstd (n)
pub fn forward(x: &[f64], weight: &[f64], bias: &[f64], eps: f64) -> [Vec<f64>; 3] {
    let width = weight.len();
    let (mut y, mut means, mut rstds) = (vec![], vec![], vec![]);
    for x in x.chunks_exact(width) {
        // pass 1: the mean
        let mean = x.iter().sum::<f64>() / width as f64;
        // pass 2: the variance
        let variance = x.iter().map(|x| (x - mean) * (x - mean)).sum::<f64>() / width as f64;
        let rstd = 1.0 / (variance + eps).sqrt();
        // pass 3: normalise, scale, shift
        for j in 0..width {
            y.push((x[j] - mean) * rstd * weight[j] + bias[j]);
        }
        means.push(mean);
        rstds.push(rstd);
    }
    [y, means, rstds]
}

/// Returns dx, d_weight and d_bias. With g = dy w, the gradient of x_hat, dx is rstd times the sum of
///
/// - term 1, from x_j itself: g_j
/// - term 2, from the mean, which every x_j moves: -mean(g)
/// - term 3, from the variance, which every x_j moves: -x_hat_j mean(g x_hat)
///
/// # Shapes
/// - dy, x, dx (n, C); mean, rstd (n); weight, d_weight, d_bias (C)
pub fn backward(
    dy: &[f64],
    x: &[f64],
    mean: &[f64],
    rstd: &[f64],
    weight: &[f64],
) -> [Vec<f64>; 3] {
    let width = weight.len();
    let (mut dx, mut d_weight, mut d_bias) = (vec![], vec![0.0; width], vec![0.0; width]);
    let rows = dy.chunks_exact(width).zip(x.chunks_exact(width));
    for (i, (dy, x)) in rows.enumerate() {
        let x_hat = |j: usize| (x[j] - mean[i]) * rstd[i];
        // pass 1: the two means, and the gradients of the weights, to which every row adds
        let (mut g_mean, mut gx_mean) = (0.0, 0.0);
        for j in 0..width {
            let g = dy[j] * weight[j];
            g_mean += g / width as f64;
            gx_mean += g * x_hat(j) / width as f64;
            d_weight[j] += dy[j] * x_hat(j);
            d_bias[j] += dy[j];
        }
        // pass 2: the three terms
        for j in 0..width {
            dx.push(rstd[i] * (dy[j] * weight[j] - g_mean - x_hat(j) * gx_mean));
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
        let (x, dy) = (values(3 * 7, 1), values(3 * 7, 2));
        let (w, b) = (values(7, 3), values(7, 4));
        let [_, mean, rstd] = forward(&x, &w, &b, 1e-5);
        let [dx, dw, db] = backward(&dy, &x, &mean, &rstd, &w);
        let loss = |x: &[f64], w: &[f64], b: &[f64]| weighted_sum(&forward(x, w, b, 1e-5)[0], &dy);
        check("dx", &x, &dx, 1e-7, |x| loss(x, &w, &b));
        check("dw", &w, &dw, 1e-7, |w| loss(&x, w, &b));
        check("db", &b, &db, 1e-7, |b| loss(&x, &w, b));
    }
}
