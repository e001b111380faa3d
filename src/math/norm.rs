//! LayerNorm over rows: y = x_hat * weight + bias with x_hat = (x - mean) / sqrt(variance + eps), biased variance.
//!
//! Backward, with g = dy * weight (Ba, Kiros and Hinton 2016; the two means take out what a shift or a scale of x would do):
//! dx = (g - mean(g) - x_hat * mean(g * x_hat)) / sqrt(variance + eps)

use multiversion::multiversion;

use super::vector::{self, dot};
use super::{LANES, Real};

#[inline(always)]
#[allow(clippy::inline_always)]
fn sum(row: &[Real]) -> Real {
    let mut lanes = [0.0; LANES];
    let (chunks, rest) = row.as_chunks::<LANES>();
    for chunk in chunks {
        for lane in 0..LANES {
            lanes[lane] += chunk[lane];
        }
    }
    for (lane, x) in rest.iter().enumerate() {
        lanes[lane] += x;
    }
    vector::sum(lanes)
}

/// y (n, C) from x (n, C); keeps x_hat's two ingredients of every row: `mean` (n) and `rstd` (n), 1 / standard deviation.
#[multiversion(targets("x86_64+avx512f+avx512vl+avx2+fma", "x86_64+avx2+fma"))]
pub fn layer_norm(
    y: &mut [Real],
    mean: &mut [Real],
    rstd: &mut [Real],
    x: &[Real],
    weight: &[Real],
    bias: &[Real],
    eps: Real,
) {
    let width = weight.len();
    let rows = y.chunks_exact_mut(width).zip(x.chunks_exact(width));
    for ((y, x), (mean, rstd)) in rows.zip(mean.iter_mut().zip(rstd)) {
        *mean = sum(x) / width as Real;
        for (y, x) in y.iter_mut().zip(x) {
            *y = x - *mean;
        }
        *rstd = 1.0 / (dot(y, y) / width as Real + eps).sqrt();
        for ((y, weight), bias) in y.iter_mut().zip(weight).zip(bias) {
            *y = *y * *rstd * weight + bias;
        }
    }
}

/// Sets dx (n, C), adds to d_weight and d_bias (C); `scratch` (C) is overwritten.
#[multiversion(targets("x86_64+avx512f+avx512vl+avx2+fma", "x86_64+avx2+fma"))]
pub fn layer_norm_backward(
    dx: &mut [Real],
    d_weight: &mut [Real],
    d_bias: &mut [Real],
    dy: &[Real],
    x: &[Real],
    mean: &[Real],
    rstd: &[Real],
    weight: &[Real],
) {
    let width = weight.len();
    let rows = dx.chunks_exact_mut(width).zip(dy.chunks_exact(width)).zip(x.chunks_exact(width));
    for (((dx, dy), x), (mean, rstd)) in rows.zip(mean.iter().zip(rstd)) {
        let mut g_lanes = [0.0; LANES];
        let mut gx_lanes = [0.0; LANES];
        for j in 0..width {
            let x_hat = (x[j] - mean) * rstd;
            d_weight[j] += dy[j] * x_hat;
            d_bias[j] += dy[j];
            dx[j] = dy[j] * weight[j];
        }
        for (dx, x) in dx.chunks(LANES).zip(x.chunks(LANES)) {
            for (lane, (g, x)) in dx.iter().zip(x).enumerate() {
                g_lanes[lane] += g;
                gx_lanes[lane] += g * (x - mean) * rstd;
            }
        }
        let g_mean = vector::sum(g_lanes) / width as Real;
        let gx_mean = vector::sum(gx_lanes) / width as Real;
        for (dx, x) in dx.iter_mut().zip(x) {
            *dx = (*dx - g_mean - (x - mean) * rstd * gx_mean) * rstd;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dx_is_orthogonal_to_one_and_to_x_hat() {
        let (n, c) = (3, 21);
        let value = |i: usize| (i as Real * 0.37).sin() * 2.0 + 0.5;
        let x: Vec<Real> = (0..n * c).map(value).collect();
        let dy: Vec<Real> = (0..n * c).map(|i| value(i * 7 + 3)).collect();
        let weight: Vec<Real> = (0..c).map(|i| value(i + 90)).collect();
        let (mut y, mut mean, mut rstd) = (vec![0.0; n * c], vec![0.0; n], vec![0.0; n]);
        layer_norm(&mut y, &mut mean, &mut rstd, &x, &vec![1.0; c], &vec![0.0; c], 1e-5);
        for row in y.chunks(c) {
            assert!(row.iter().sum::<Real>().abs() < 1e-4);
            assert!((dot(row, row) / c as Real - 1.0).abs() < 1e-4);
        }
        let (mut dx, mut dw, mut db) = (vec![0.0; n * c], vec![0.0; c], vec![0.0; c]);
        layer_norm_backward(&mut dx, &mut dw, &mut db, &dy, &x, &mean, &rstd, &weight);
        for (dx, x_hat) in dx.chunks(c).zip(y.chunks(c)) {
            assert!(dx.iter().sum::<Real>().abs() < 1e-4);
            assert!(dot(dx, x_hat).abs() < 1e-3);
        }
    }
}
