//! LayerNorm over rows, [`plain::layer_norm`](super::plain::layer_norm), and its backward: a pass over the row in [`LANES`]
//! running sums, and one that writes.

use super::vector::{sum, sum_of};
use super::vectorised::{apply, vectorised};
use super::{LANES, Real};

/// y (n, C) from x (n, C); keeps x_hat's two ingredients of every row: `mean` (n) and `rstd` (n), 1 / standard deviation.
#[apply(vectorised)]
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
    for ((y, x), (kept_mean, kept_rstd)) in rows.zip(mean.iter_mut().zip(rstd)) {
        let mean = sum_of(x, |x| x) / width as Real;
        let variance = sum_of(x, |x| (x - mean) * (x - mean)) / width as Real;
        let rstd = 1.0 / (variance + eps).sqrt();
        for (((y, x), weight), bias) in y.iter_mut().zip(x).zip(weight).zip(bias) {
            *y = (x - mean) * rstd * weight + bias;
        }
        (*kept_mean, *kept_rstd) = (mean, rstd);
    }
}

/// What one row of backward sums up, g and g * x_hat, each in [`LANES`] running sums.
struct Sums {
    g: [Real; LANES],
    gx: [Real; LANES],
}

impl Sums {
    /// Adds at most [`LANES`] columns of a row, to the gradients too.
    #[inline(always)]
    fn add<const N: usize>(
        &mut self,
        d_weight: &mut [Real; N],
        d_bias: &mut [Real; N],
        dy: &[Real; N],
        x_hat: impl Fn(usize) -> Real,
        weight: &[Real; N],
    ) {
        for lane in 0..N {
            let (g, x_hat) = (dy[lane] * weight[lane], x_hat(lane));
            d_weight[lane] += dy[lane] * x_hat;
            d_bias[lane] += dy[lane];
            self.g[lane] += g;
            self.gx[lane] += g * x_hat;
        }
    }
}

/// Sets dx (n, C), adds to d_weight and d_bias (C).
#[apply(vectorised)]
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
    let (weights, weight_rest) = weight.as_chunks::<LANES>();
    let (d_weights, d_weight_rest) = d_weight.as_chunks_mut::<LANES>();
    let (d_biases, d_bias_rest) = d_bias.as_chunks_mut::<LANES>();
    let rows = dx.chunks_exact_mut(width).zip(dy.chunks_exact(width)).zip(x.chunks_exact(width));
    for (((dx, dy), x), (&mean, &rstd)) in rows.zip(mean.iter().zip(rstd)) {
        let x_hat = |x: Real| (x - mean) * rstd;
        let mut sums = Sums { g: [0.0; LANES], gx: [0.0; LANES] };
        let ((xs, x_rest), (dys, dy_rest)) = (x.as_chunks::<LANES>(), dy.as_chunks::<LANES>());
        let gradients = d_weights.iter_mut().zip(d_biases.iter_mut());
        for (((dw, db), w), (dy, x)) in gradients.zip(weights).zip(dys.iter().zip(xs)) {
            sums.add(dw, db, dy, |lane| x_hat(x[lane]), w);
        }
        for (lane, x) in x_rest.iter().enumerate() {
            let [dw, db] = [&mut d_weight_rest[lane], &mut d_bias_rest[lane]];
            let [dw, db] = [dw, db].map(std::array::from_mut);
            sums.add(dw, db, &[dy_rest[lane]], |_| x_hat(*x), &[weight_rest[lane]]);
        }
        let g_mean = sum(sums.g) / width as Real;
        let gx_mean = sum(sums.gx) / width as Real;
        for (((dx, dy), x), weight) in dx.iter_mut().zip(dy).zip(x).zip(weight) {
            *dx = (dy * weight - g_mean - x_hat(*x) * gx_mean) * rstd;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::math::finite_difference::values;
    use crate::math::plain;
    use crate::math::plain::agreement::{assert_near, real};

    #[test]
    fn it_and_its_gradients_are_the_plain_ones() {
        let cases = [1, 15, 16, 17, 32, 50].into_iter().flat_map(|c| [(c, 1), (c, 2), (c, 3)]);
        for (c, seed) in cases {
            let [x, dy] = [seed, seed + 3].map(|seed| values(3 * c, seed));
            let [w, b] = [seed + 6, seed + 9].map(|seed| values(c, seed));
            let [y, mean, rstd] = plain::layer_norm::forward(&x, &w, &b, 1e-5);
            let [dx, dw, db] = plain::layer_norm::backward(&dy, &x, &mean, &rstd, &w);
            let (x, dy, w, b) = (real(&x), real(&dy), real(&w), real(&b));
            let (mut out, mut means, mut rstds) = (vec![7.0; 3 * c], vec![7.0; 3], vec![7.0; 3]);
            layer_norm(&mut out, &mut means, &mut rstds, &x, &w, &b, 1e-5);
            assert_near("y", &out, &y, 64.0);
            assert_near("mean", &means, &mean, 8.0);
            assert_near("rstd", &rstds, &rstd, 64.0);
            let (mut d, mut d_weight, mut d_bias) = (vec![7.0; 3 * c], vec![0.0; c], vec![0.0; c]);
            layer_norm_backward(&mut d, &mut d_weight, &mut d_bias, &dy, &x, &means, &rstds, &w);
            assert_near("dx", &d, &dx, 64.0);
            assert_near("d_weight", &d_weight, &dw, 64.0);
            assert_near("d_bias", &d_bias, &db, 8.0);
        }
    }
}
