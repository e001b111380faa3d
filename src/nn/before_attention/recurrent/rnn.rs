//! The plain recurrent network of Elman 1990: h_t = tanh(x_t W_ih + b_ih + h_{t-1} W_hh + b_hh).
//!
//! Backward multiplies by W_hh' and by tanh' <= 1 at every step, so what reaches a token falls or grows exponentially with
//! the distance (Bengio, Simard and Frasconi 1994).

use crate::math::Real;
use crate::math::exp::tanh_within;
use crate::math::vectorised::{apply, target_cfg_f, vectorised};

/// h = tanh(gate); both (B, H).
#[apply(vectorised)]
pub fn forward(h: &mut [Real], gate: &[Real]) {
    if target_cfg_f!(target_feature = "fma") {
        tanhs::<true>(h, gate);
    } else {
        tanhs::<false>(h, gate);
    }
}

#[inline(always)]
fn tanhs<const FUSED: bool>(h: &mut [Real], gate: &[Real]) {
    for (h, &gate) in h.iter_mut().zip(gate) {
        *h = tanh_within::<FUSED>(gate);
    }
}

/// d loss / d gate from d = d loss / d h; all (B, H).
#[apply(vectorised)]
pub fn backward(d_gate: &mut [Real], d: &[Real], h: &[Real]) {
    for ((d_gate, d), h) in d_gate.iter_mut().zip(d).zip(h) {
        *d_gate = d * (1.0 - h * h);
    }
}
