//! LayerNorm over rows, [`plain::layer_norm`](super::plain::layer_norm), and its backward: [`ROWS`] rows go together from one
//! pass to the next, so that the sums of one row need not wait for those of another.

use super::vector::{in_lanes, sum};
use super::vectorised::{apply, vectorised};
use super::{LANES, Real};

/// So many rows of most models stay in the first cache.
const ROWS: usize = 8;

/// A call with the width as a constant where models have it often: a loop of a known length takes two thirds of the time.
macro_rules! of_width {
    ($width:expr, $rows:ident($($argument:expr),*)) => {
        match $width {
            32 => $rows($($argument),*, 32),
            64 => $rows($($argument),*, 64),
            128 => $rows($($argument),*, 128),
            width => $rows($($argument),*, width),
        }
    };
}

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
    of_width!(weight.len(), forward(y, mean, rstd, x, weight, bias, eps));
}

#[inline(always)]
fn forward(
    y: &mut [Real],
    mean: &mut [Real],
    rstd: &mut [Real],
    x: &[Real],
    weight: &[Real],
    bias: &[Real],
    eps: Real,
    width: usize,
) {
    let (weight, bias) = (&weight[..width], &bias[..width]);
    let blocks = y.chunks_mut(ROWS * width).zip(x.chunks(ROWS * width));
    for ((y, x), (mean, rstd)) in blocks.zip(mean.chunks_mut(ROWS).zip(rstd.chunks_mut(ROWS))) {
        let mut sums = [[0.0; LANES]; ROWS];
        for (sums, x) in sums.iter_mut().zip(x.chunks_exact(width)) {
            *sums = in_lanes(x, [0.0; LANES], |sum, x| sum + x);
        }
        for (mean, sums) in mean.iter_mut().zip(&sums) {
            *mean = sum(*sums) / width as Real;
        }
        for (sums, (x, mean)) in sums.iter_mut().zip(x.chunks_exact(width).zip(&*mean)) {
            *sums = in_lanes(x, [0.0; LANES], |sum, x| sum + (x - mean) * (x - mean));
        }
        for (rstd, sums) in rstd.iter_mut().zip(&sums) {
            *rstd = 1.0 / (sum(*sums) / width as Real + eps).sqrt();
        }
        let rows = y.chunks_exact_mut(width).zip(x.chunks_exact(width));
        for ((y, x), (mean, rstd)) in rows.zip(mean.iter().zip(&*rstd)) {
            for (((y, x), weight), bias) in y.iter_mut().zip(x).zip(weight).zip(bias) {
                *y = (x - mean) * rstd * weight + bias;
            }
        }
    }
}

/// What one row of backward sums up, g and g * x_hat, each in [`LANES`] running sums.
#[derive(Clone, Copy)]
struct Sums {
    g: [Real; LANES],
    gx: [Real; LANES],
}

impl Sums {
    const ZERO: Self = Self { g: [0.0; LANES], gx: [0.0; LANES] };

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
    of_width!(weight.len(), backward(dx, d_weight, d_bias, dy, x, mean, rstd, weight));
}

#[inline(always)]
fn backward(
    dx: &mut [Real],
    d_weight: &mut [Real],
    d_bias: &mut [Real],
    dy: &[Real],
    x: &[Real],
    mean: &[Real],
    rstd: &[Real],
    weight: &[Real],
    width: usize,
) {
    let weight = &weight[..width];
    let (weights, weight_rest) = weight.as_chunks::<LANES>();
    let (d_weights, d_weight_rest) = d_weight[..width].as_chunks_mut::<LANES>();
    let (d_biases, d_bias_rest) = d_bias[..width].as_chunks_mut::<LANES>();
    let blocks = dy.chunks(ROWS * width).zip(x.chunks(ROWS * width));
    let blocks = dx.chunks_mut(ROWS * width).zip(blocks);
    for ((dx, (dy, x)), (mean, rstd)) in blocks.zip(mean.chunks(ROWS).zip(rstd.chunks(ROWS))) {
        let mut sums = [Sums::ZERO; ROWS];
        let rows = dy.chunks_exact(width).zip(x.chunks_exact(width)).zip(mean.iter().zip(rstd));
        for (kept, ((dy, x), (mean, rstd))) in sums.iter_mut().zip(rows) {
            let x_hat = |x: Real| (x - mean) * rstd;
            let mut sums = Sums::ZERO;
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
            *kept = sums;
        }
        let rows =
            dx.chunks_exact_mut(width).zip(dy.chunks_exact(width).zip(x.chunks_exact(width)));
        for ((dx, (dy, x)), (sums, (mean, rstd))) in
            rows.zip(sums.iter().zip(mean.iter().zip(rstd)))
        {
            // (g - mean of g - x_hat * mean of g x_hat) * rstd
            let shift = -sum(sums.g) / width as Real * rstd;
            let slope = -sum(sums.gx) / width as Real * rstd * rstd;
            for (((dx, dy), x), weight) in dx.iter_mut().zip(dy).zip(x).zip(weight) {
                *dx = dy * weight * rstd + ((x - mean) * slope + shift);
            }
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
        let cases = [1, 15, 16, 17, 32, 50, 64].into_iter().flat_map(|c| [(c, 1), (c, 2), (c, 3)]);
        let n = ROWS + 3;
        for (c, seed) in cases {
            let [x, dy] = [seed, seed + 3].map(|seed| values(n * c, seed));
            let [w, b] = [seed + 6, seed + 9].map(|seed| values(c, seed));
            let [y, mean, rstd] = plain::layer_norm::forward(&x, &w, &b, 1e-5);
            let [dx, dw, db] = plain::layer_norm::backward(&dy, &x, &mean, &rstd, &w);
            let (x, dy, w, b) = (real(&x), real(&dy), real(&w), real(&b));
            let (mut out, mut means, mut rstds) = (vec![7.0; n * c], vec![7.0; n], vec![7.0; n]);
            layer_norm(&mut out, &mut means, &mut rstds, &x, &w, &b, 1e-5);
            assert_near("y", &out, &y, 64.0);
            assert_near("mean", &means, &mean, 8.0);
            assert_near("rstd", &rstds, &rstd, 64.0);
            let (mut d, mut d_weight, mut d_bias) = (vec![7.0; n * c], vec![0.0; c], vec![0.0; c]);
            layer_norm_backward(&mut d, &mut d_weight, &mut d_bias, &dy, &x, &means, &rstds, &w);
            assert_near("dx", &d, &dx, 64.0);
            assert_near("d_weight", &d_weight, &dw, 64.0);
            assert_near("d_bias", &d_bias, &db, 8.0);
        }
    }
}
