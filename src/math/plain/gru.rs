//! The gated recurrent unit, one unit and one step (Cho et al. 2014, section 2.3), in the form of PyTorch and cuDNN. A layer
//! is many of them; p = x W_ih + b_ih and q = h_before W_hh + b_hh, one number a gate, are [`linear`](super::linear).
//!
//! - reset gate r = sigmoid(p_r + q_r), update gate z = sigmoid(p_z + q_z)
//! - candidate n = tanh(p_n + r q_n): what was is heard as far as r is open
//! - the state h = (1 - z) n + z h_before: kept as far as z is open, else replaced

use super::activation::{sigmoid, sigmoid_derivative, tanh_derivative};

/// Returns the gates r, z, n, and the state h.
pub fn forward(p: [f64; 3], q: [f64; 3], h_before: f64) -> ([f64; 3], f64) {
    let r = sigmoid(p[0] + q[0]);
    let z = sigmoid(p[1] + q[1]);
    let n = (p[2] + r * q[2]).tanh();
    ([r, z, n], (1.0 - z) * n + z * h_before)
}

/// From dh: the gradients of p, of q, and of h_before where it goes past the gates (through q, there is more).
pub fn backward(dh: f64, gates: [f64; 3], q_n: f64, h_before: f64) -> ([f64; 3], [f64; 3], f64) {
    let [r, z, n] = gates;
    let d_n = dh * (1.0 - z) * tanh_derivative(n);
    let d_z = dh * (h_before - n) * sigmoid_derivative(z);
    let d_r = d_n * q_n * sigmoid_derivative(r);
    // p and q are added, so that their gradients are the same, but for q_n, which r multiplies first.
    ([d_r, d_z, d_n], [d_r, d_z, d_n * r], dh * z)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::math::finite_difference::{check, values};

    #[test]
    fn gradient() {
        for seed in 0..8 {
            // p, q, h_before
            let x = values(7, seed);
            let run = |x: &[f64]| forward([x[0], x[1], x[2]], [x[3], x[4], x[5]], x[6]);
            let (gates, _) = run(&x);
            let (dp, dq, d_before) = backward(0.7, gates, x[5], x[6]);
            let d = [&dp[..], &dq, &[d_before]].concat();
            check("gru", &x, &d, 1e-7, |x| 0.7 * run(x).1);
        }
    }
}
