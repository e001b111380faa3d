//! The logistic function, and cross-entropy against a probability: what a decoder of pixels and a discriminator are
//! trained by. All of it takes logits, so that no probability is ever rounded to 0 or 1 before its logarithm is taken.

use super::exp::{exp, exp_within};
use super::vectorised::{apply, vectorised};
use super::{LANES, Real};

/// sigmoid(x) = 1 / (1 + exp(-x)), relative error within a few ulp.
#[inline(always)]
pub fn sigmoid(x: Real) -> Real {
    1.0 / (1.0 + exp(-x))
}

/// [`sigmoid`] with the shorter exp: below -87 it stays as small as there.
#[inline(always)]
pub fn sigmoid_within<const FUSED: bool>(x: Real) -> Real {
    1.0 / (1.0 + exp_within::<FUSED>(-x))
}

/// softplus(x) = ln(1 + exp(x)) = -ln sigmoid(-x), without overflow.
#[inline(always)]
pub fn softplus(x: Real) -> Real {
    let positive = if x > 0.0 { x } else { 0.0 };
    positive + ln_1p(exp(-x.abs()))
}

/// ln(1 + u) for 0 <= u <= 1: with s = u / (2 + u) <= 1/3 it is 2 atanh(s) = 2 (s + s^3/3 + s^5/5 + ...).
#[cfg(not(feature = "f64"))]
#[inline(always)]
fn ln_1p(u: Real) -> Real {
    let s = u / (2.0 + u);
    let square = s * s;
    let mut p = 1.0 / 13.0;
    p = p * square + 1.0 / 11.0;
    p = p * square + 1.0 / 9.0;
    p = p * square + 1.0 / 7.0;
    p = p * square + 1.0 / 5.0;
    p = p * square + 1.0 / 3.0;
    2.0 * s * (p * square + 1.0)
}

#[cfg(feature = "f64")]
#[inline(always)]
fn ln_1p(u: Real) -> Real {
    u.ln_1p()
}

/// y = sigmoid(x)
#[apply(vectorised)]
pub fn sigmoids(y: &mut [Real], x: &[Real]) {
    for (y, &x) in y.iter_mut().zip(x) {
        *y = sigmoid(x);
    }
}

/// Sum over all elements of -(t ln p + (1 - t) ln(1 - p)) with p = sigmoid(logit), in nats: softplus(logit) - t logit.
#[apply(vectorised)]
pub fn binary_cross_entropy(logits: &[Real], targets: &[Real]) -> f64 {
    let mut sums = [0.0; LANES];
    let (logit_chunks, logit_rest) = logits.as_chunks::<LANES>();
    let (target_chunks, target_rest) = targets.as_chunks::<LANES>();
    for (logits, targets) in logit_chunks.iter().zip(target_chunks) {
        for lane in 0..LANES {
            sums[lane] += softplus(logits[lane]) - targets[lane] * logits[lane];
        }
    }
    for (lane, (&logit, &target)) in logit_rest.iter().zip(target_rest).enumerate() {
        sums[lane] += softplus(logit) - target * logit;
    }
    sums.iter().map(|sum: &Real| *sum as f64).sum()
}

/// The logits become scale * (sigmoid(logit) - target), the gradient of scale * [`binary_cross_entropy`].
#[apply(vectorised)]
pub fn binary_cross_entropy_backward(logits: &mut [Real], targets: &[Real], scale: Real) {
    for (logit, &target) in logits.iter_mut().zip(targets) {
        *logit = scale * (sigmoid(*logit) - target);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sigmoid_and_softplus_are_close_to_the_exact_values_and_saturate() {
        for i in -9000..=9000 {
            let x = i as Real * 0.01;
            let exact = 1.0 / (1.0 + (-x as f64).exp());
            for sigmoid in [sigmoid, sigmoid_within::<false>, sigmoid_within::<true>] {
                assert!((sigmoid(x) as f64 - exact).abs() <= 4e-7 * exact + 1e-37, "sigmoid({x})");
            }
            let exact = if x > 0.0 { x as f64 } else { 0.0 } + (-(x as f64).abs()).exp().ln_1p();
            assert!((softplus(x) as f64 - exact).abs() <= 4e-7 * exact + 1e-37, "softplus({x})");
        }
        assert_eq!((sigmoid(1000.0), sigmoid(-1000.0)), (1.0, 0.0));
        assert_eq!((softplus(1000.0), softplus(-1000.0)), (1000.0, 0.0));
        assert!(sigmoid(Real::NAN).is_nan() && softplus(Real::NAN).is_nan());
    }

    #[test]
    fn a_coin_costs_ln_2_a_throw_and_a_sure_answer_nothing() {
        let n = 37;
        let targets: Vec<Real> = (0..n).map(|i| (i % 2) as Real).collect();
        let coin = binary_cross_entropy(&vec![0.0; n], &targets);
        assert!((coin - n as f64 * std::f64::consts::LN_2).abs() < 1e-5);
        let sure: Vec<Real> = targets.iter().map(|t| (t - 0.5) * 200.0).collect();
        assert!(binary_cross_entropy(&sure, &targets) < 1e-30);
    }

    #[test]
    #[cfg(feature = "f64")]
    fn gradient_of_binary_cross_entropy() {
        use crate::math::finite_difference::{check, values};
        let logits: Vec<f64> = values(37, 1).iter().map(|x| x * 4.0).collect();
        let targets: Vec<f64> = values(37, 2).iter().map(|x| x.abs().min(1.0)).collect();
        let mut d = logits.clone();
        binary_cross_entropy_backward(&mut d, &targets, 0.3);
        check("logits", &logits, &d, 1e-7, |x| 0.3 * binary_cross_entropy(x, &targets));
    }
}
