//! ReLU and the two GELUs, with their derivatives.

use multiversion::multiversion;

use super::Real;
use super::exp::{exp, tanh};

/// sqrt(2 / pi)
#[allow(clippy::excessive_precision)]
const TANH_SCALE: Real = 0.797_884_560_802_865_4;
const TANH_CUBE: Real = 0.044_715;

/// y = max(x, 0)
#[multiversion(targets("x86_64+avx512f+avx512vl+avx2+fma", "x86_64+avx2+fma"))]
pub fn relu(y: &mut [Real], x: &[Real]) {
    for (y, &x) in y.iter_mut().zip(x) {
        *y = if x < 0.0 { 0.0 } else { x };
    }
}

/// Multiplies d by the derivative of ReLU at x (0 at the kink, as in PyTorch).
#[multiversion(targets("x86_64+avx512f+avx512vl+avx2+fma", "x86_64+avx2+fma"))]
pub fn relu_backward(d: &mut [Real], x: &[Real]) {
    for (d, &x) in d.iter_mut().zip(x) {
        *d = if x > 0.0 { *d } else { 0.0 };
    }
}

/// y = x (1 + tanh(sqrt(2/pi) (x + 0.044715 x^3))) / 2, the approximation of Hendrycks and Gimpel 2016.
#[multiversion(targets("x86_64+avx512f+avx512vl+avx2+fma", "x86_64+avx2+fma"))]
pub fn gelu_tanh(y: &mut [Real], x: &[Real]) {
    for (y, &x) in y.iter_mut().zip(x) {
        *y = 0.5 * x * (1.0 + tanh(TANH_SCALE * (x + TANH_CUBE * x * x * x)));
    }
}

/// Multiplies d by the derivative of [`gelu_tanh`] at x.
#[multiversion(targets("x86_64+avx512f+avx512vl+avx2+fma", "x86_64+avx2+fma"))]
pub fn gelu_tanh_backward(d: &mut [Real], x: &[Real]) {
    for (d, &x) in d.iter_mut().zip(x) {
        let t = tanh(TANH_SCALE * (x + TANH_CUBE * x * x * x));
        let dt = (1.0 - t * t) * TANH_SCALE * (1.0 + 3.0 * TANH_CUBE * x * x);
        *d *= 0.5 * (1.0 + t) + 0.5 * x * dt;
    }
}

/// Phi(x), the normal distribution's cumulative function.
#[allow(clippy::unnecessary_cast)]
fn normal_cdf(x: Real) -> Real {
    (0.5 * libm::erfc(-x as f64 * std::f64::consts::FRAC_1_SQRT_2)) as Real
}

/// y = x Phi(x), exactly.
pub fn gelu(y: &mut [Real], x: &[Real]) {
    for (y, &x) in y.iter_mut().zip(x) {
        *y = x * normal_cdf(x);
    }
}

/// Multiplies d by the derivative of [`gelu`] at x: Phi(x) + x phi(x).
pub fn gelu_backward(d: &mut [Real], x: &[Real]) {
    #[allow(clippy::excessive_precision)]
    const DENSITY_AT_0: Real = 0.398_942_280_401_432_7;
    for (d, &x) in d.iter_mut().zip(x) {
        *d *= normal_cdf(x) + x * DENSITY_AT_0 * exp(-0.5 * x * x);
    }
}

#[cfg(all(test, feature = "f64"))]
mod tests {
    use super::*;
    use crate::math::finite_difference::{check, values, weighted_sum};

    #[test]
    fn gradient_of_the_three_activations() {
        type Function = fn(&mut [Real], &[Real]);
        let all: [(&str, Function, Function); 3] = [
            ("relu", relu, relu_backward),
            ("gelu", gelu, gelu_backward),
            ("gelu_tanh", gelu_tanh, gelu_tanh_backward),
        ];
        for (name, forward, backward) in all {
            let x: Vec<f64> = values(50, 1).iter().map(|x| x * 3.0).collect();
            let dy = values(50, 2);
            let mut d = dy.clone();
            backward(&mut d, &x);
            let mut y = vec![0.0; 50];
            check(name, &x, &d, 1e-7, |x| {
                forward(&mut y, x);
                weighted_sum(&y, &dy)
            });
        }
    }
}
