//! The bends, each a function of one number, and beside it its derivative, by which backward multiplies: dx = dy f'(x).

use std::f64::consts::PI;

use crate::math::normal;

/// max(x, 0) (Nair and Hinton 2010)
pub fn relu(x: f64) -> f64 {
    if x > 0.0 { x } else { 0.0 }
}

/// 1 above 0, else 0; at the kink, where there is no derivative, 0 as in PyTorch.
pub fn relu_derivative(x: f64) -> f64 {
    if x > 0.0 { 1.0 } else { 0.0 }
}

/// x Phi(x), with Phi(x) the probability that a standard normal number is below x: x, as far as it is likely to be the larger of x and a random number (Hendrycks and Gimpel 2016, section 2).
pub fn gelu(x: f64) -> f64 {
    x * normal::cdf(x)
}

/// - term 1, from the factor x: Phi(x)
/// - term 2, from Phi, whose derivative is the density exp(-x²/2) / sqrt(2 pi): x times it
pub fn gelu_derivative(x: f64) -> f64 {
    normal::cdf(x) + x * (-0.5 * x * x).exp() / (2.0 * PI).sqrt()
}

/// What goes into the tanh of [`gelu_tanh`]: u = sqrt(2 / pi) (x + 0.044715 x³)
fn inner(x: f64) -> f64 {
    (2.0 / PI).sqrt() * (x + 0.044_715 * x.powi(3))
}

/// x (1 + tanh u) / 2, which is near x Phi(x) (the same section); GPT-2's.
pub fn gelu_tanh(x: f64) -> f64 {
    0.5 * x * (1.0 + inner(x).tanh())
}

/// - term 1, from the factor x: (1 + tanh u) / 2
/// - term 2, from the tanh: x (1 - tanh² u) u' / 2
pub fn gelu_tanh_derivative(x: f64) -> f64 {
    let t = inner(x).tanh();
    let du = (2.0 / PI).sqrt() * (1.0 + 3.0 * 0.044_715 * x * x);
    0.5 * (1.0 + t) + 0.5 * x * (1.0 - t * t) * du
}

/// 1 / (1 + exp(-x)): a gate, closed at 0 and open at 1.
pub fn sigmoid(x: f64) -> f64 {
    1.0 / (1.0 + (-x).exp())
}

/// s (1 - s), from s = sigmoid(x)
pub fn sigmoid_derivative(s: f64) -> f64 {
    s * (1.0 - s)
}

/// 1 - t², from t = tanh(x)
pub fn tanh_derivative(t: f64) -> f64 {
    1.0 - t * t
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::math::finite_difference::{check, values};

    #[test]
    fn gradient() {
        type Function = fn(f64) -> f64;
        let all: [(&str, Function, Function); 5] = [
            ("relu", relu, relu_derivative),
            ("gelu", gelu, gelu_derivative),
            ("gelu_tanh", gelu_tanh, gelu_tanh_derivative),
            ("sigmoid", sigmoid, |x| sigmoid_derivative(sigmoid(x))),
            ("tanh", f64::tanh, |x| tanh_derivative(x.tanh())),
        ];
        for (name, f, derivative) in all {
            for x in values(50, 1) {
                check(name, &[3.0 * x], &[derivative(3.0 * x)], 1e-6, |x| f(x[0]));
            }
        }
    }
}
