//! ReLU and the two GELUs, with their derivatives: [`plain::activation`](super::plain::activation).

use super::exp::{exp, tanh};
use super::vectorised::{apply, vectorised};
use super::{Real, normal};

/// sqrt(2 / pi)
#[allow(clippy::excessive_precision)]
const TANH_SCALE: Real = 0.797_884_560_802_865_4;
const TANH_CUBE: Real = 0.044_715;

/// y = max(x, 0)
#[apply(vectorised)]
pub fn relu(y: &mut [Real], x: &[Real]) {
    for (y, &x) in y.iter_mut().zip(x) {
        *y = if x < 0.0 { 0.0 } else { x };
    }
}

/// Multiplies d by the derivative of ReLU at x (0 at the kink, as in PyTorch).
#[apply(vectorised)]
pub fn relu_backward(d: &mut [Real], x: &[Real]) {
    for (d, &x) in d.iter_mut().zip(x) {
        // A choice between *d and 0 would be a masked store, which takes some processors five times as long.
        *d *= if x > 0.0 { 1.0 } else { 0.0 };
    }
}

/// y = x (1 + tanh(sqrt(2/pi) (x + 0.044715 x^3))) / 2
#[apply(vectorised)]
pub fn gelu_tanh(y: &mut [Real], x: &[Real]) {
    for (y, &x) in y.iter_mut().zip(x) {
        *y = 0.5 * x * (1.0 + tanh(TANH_SCALE * (x + TANH_CUBE * x * x * x)));
    }
}

/// Multiplies d by the derivative of [`gelu_tanh`] at x.
#[apply(vectorised)]
pub fn gelu_tanh_backward(d: &mut [Real], x: &[Real]) {
    for (d, &x) in d.iter_mut().zip(x) {
        let t = tanh(TANH_SCALE * (x + TANH_CUBE * x * x * x));
        let dt = (1.0 - t * t) * TANH_SCALE * (1.0 + 3.0 * TANH_CUBE * x * x);
        *d *= 0.5 * (1.0 + t) + 0.5 * x * dt;
    }
}

/// Phi(x)
fn normal_cdf(x: Real) -> Real {
    normal::cdf(x as f64) as Real
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::math::finite_difference::values;
    use crate::math::plain::activation as plain;
    use crate::math::plain::agreement::{assert_near, real};

    #[test]
    fn they_and_their_gradients_are_the_plain_ones() {
        type Kernel = fn(&mut [Real], &[Real]);
        type Plain = fn(f64) -> f64;
        let all: [(&str, [Kernel; 2], [Plain; 2]); 3] = [
            ("relu", [relu, relu_backward], [plain::relu, plain::relu_derivative]),
            ("gelu", [gelu, gelu_backward], [plain::gelu, plain::gelu_derivative]),
            (
                "gelu_tanh",
                [gelu_tanh, gelu_tanh_backward],
                [plain::gelu_tanh, plain::gelu_tanh_derivative],
            ),
        ];
        for (name, kernels, plain) in all {
            for (n, seed) in [(1, 1), (15, 2), (16, 3), (50, 4)] {
                let mut x: Vec<f64> = values(n, seed).iter().map(|x| x * 6.0).collect();
                x.push(0.0);
                let (x_real, mut y, mut d) = (real(&x), vec![7.0; n + 1], vec![3.0; n + 1]);
                kernels[0](&mut y, &x_real);
                kernels[1](&mut d, &x_real);
                let [expected, derivative] =
                    plain.map(|f| x.iter().map(|x| f(*x)).collect::<Vec<_>>());
                assert_near(name, &y, &expected, 8.0);
                let derivative: Vec<f64> = derivative.iter().map(|d| 3.0 * d).collect();
                // 1 - tanh² loses its last digits far out, where it is multiplied by x u'.
                assert_near(&format!("{name}, backward"), &d, &derivative, 256.0);
            }
        }
    }
}
