//! The gated recurrent unit: [`plain::gru`](crate::math::plain::gru) for all units of a batch. p = x_t W_ih + b_ih and
//! q = h_{t-1} W_hh + b_hh are each of three blocks r, z, n. The reset gate stands after the product, so one product serves
//! all three.

use super::{blocks, blocks_mut};
use crate::math::Real;
use crate::math::exp::tanh_within;
use crate::math::logistic::sigmoid_within;
use crate::math::vectorised::{apply, target_cfg_f, vectorised};

/// The gates come in as p and leave as (r, z, n).
///
/// # Shapes
/// - h, h_before (B, H); gates, recurrent (q) (B, 3H); `width` is H
pub fn forward(
    h: &mut [Real],
    gates: &mut [Real],
    recurrent: &[Real],
    h_before: &[Real],
    width: usize,
) {
    let states = h.chunks_exact_mut(width).zip(h_before.chunks_exact(width));
    let gates = gates.chunks_exact_mut(3 * width).zip(recurrent.chunks_exact(3 * width));
    for ((h, h_before), (gates, q)) in states.zip(gates) {
        let ([r, z, n], [q_r, q_z, q_n]) = (blocks_mut(gates, width), blocks(q, width));
        forward_row(h, r, z, n, q_r, q_z, q_n, h_before);
    }
}

/// [`forward`] of one sequence; all (H). Slices of their own, so that the compiler knows that they don't overlap.
#[apply(vectorised)]
fn forward_row(
    h: &mut [Real],
    r: &mut [Real],
    z: &mut [Real],
    n: &mut [Real],
    q_r: &[Real],
    q_z: &[Real],
    q_n: &[Real],
    h_before: &[Real],
) {
    if target_cfg_f!(target_feature = "fma") {
        forward_units::<true>(h, r, z, n, q_r, q_z, q_n, h_before);
    } else {
        forward_units::<false>(h, r, z, n, q_r, q_z, q_n, h_before);
    }
}

/// What waits for the reset gate has a loop of its own: more units are then under way at a time.
#[inline(always)]
fn forward_units<const FUSED: bool>(
    h: &mut [Real],
    r: &mut [Real],
    z: &mut [Real],
    n: &mut [Real],
    q_r: &[Real],
    q_z: &[Real],
    q_n: &[Real],
    h_before: &[Real],
) {
    let width = h.len();
    let (r, z, n) = (&mut r[..width], &mut z[..width], &mut n[..width]);
    let (q_r, q_z, q_n, h_before) =
        (&q_r[..width], &q_z[..width], &q_n[..width], &h_before[..width]);
    for j in 0..width {
        r[j] = sigmoid_within::<FUSED>(r[j] + q_r[j]);
        z[j] = sigmoid_within::<FUSED>(z[j] + q_z[j]);
    }
    for j in 0..width {
        n[j] = tanh_within::<FUSED>(n[j] + r[j] * q_n[j]);
        h[j] = n[j] + z[j] * (h_before[j] - n[j]);
    }
}

/// The gradients of p and q, from d = d loss / d h.
///
/// # Shapes
/// - d_gates, d_recurrent, gates, recurrent (B, 3H); d, h_before (B, H); `width` is H
pub fn backward(
    d_gates: &mut [Real],
    d_recurrent: &mut [Real],
    d: &[Real],
    gates: &[Real],
    recurrent: &[Real],
    h_before: &[Real],
    width: usize,
) {
    let three = 3 * width;
    let gradients = d_gates.chunks_exact_mut(three).zip(d_recurrent.chunks_exact_mut(three));
    let gates = gates.chunks_exact(three).zip(recurrent.chunks_exact(three));
    let states = d.chunks_exact(width).zip(h_before.chunks_exact(width));
    for (((dp, dq), (gates, q)), (d, h_before)) in gradients.zip(gates).zip(states) {
        let ([r, z, n], [_, _, q_n]) = (blocks(gates, width), blocks(q, width));
        let ([d_r, d_z, d_n], [_, _, dq_n]) = (blocks_mut(dp, width), blocks_mut(dq, width));
        backward_row(d_r, d_z, d_n, dq_n, d, r, z, n, q_n, h_before);
        // p_r + q_r and p_z + q_z: a sum's gradient is that of each summand.
        dq[..2 * width].copy_from_slice(&dp[..2 * width]);
    }
}

/// [`backward`] of one sequence; all (H).
#[apply(vectorised)]
fn backward_row(
    d_r: &mut [Real],
    d_z: &mut [Real],
    d_n: &mut [Real],
    dq_n: &mut [Real],
    d: &[Real],
    r: &[Real],
    z: &[Real],
    n: &[Real],
    q_n: &[Real],
    h_before: &[Real],
) {
    let width = d.len();
    let (d_r, d_z) = (&mut d_r[..width], &mut d_z[..width]);
    let (d_n, dq_n) = (&mut d_n[..width], &mut dq_n[..width]);
    let (r, z, n) = (&r[..width], &z[..width], &n[..width]);
    let (q_n, h_before) = (&q_n[..width], &h_before[..width]);
    for j in 0..width {
        d_n[j] = d[j] * (1.0 - z[j]) * (1.0 - n[j] * n[j]);
        d_z[j] = d[j] * (h_before[j] - n[j]) * z[j] * (1.0 - z[j]);
        d_r[j] = d_n[j] * q_n[j] * r[j] * (1.0 - r[j]);
        dq_n[j] = d_n[j] * r[j];
    }
}

/// What goes from h_t to h_{t-1} past the gates: d_before += d z.
///
/// # Shapes
/// - d_before, d (B, H); gates (B, 3H); `width` is H
#[apply(vectorised)]
pub fn backward_past_the_gates(d_before: &mut [Real], d: &[Real], gates: &[Real], width: usize) {
    let rows = d_before.chunks_exact_mut(width).zip(d.chunks_exact(width));
    for ((d_before, d), gates) in rows.zip(gates.chunks_exact(3 * width)) {
        for ((d_before, d), z) in d_before.iter_mut().zip(d).zip(&gates[width..2 * width]) {
            *d_before += d * z;
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
        for (sequences, width, seed) in [(1, 1, 1), (3, 5, 2), (2, 16, 3), (1, 37, 4)] {
            let n = sequences * width;
            let (p, q) = (values(3 * n, seed), values(3 * n, seed + 4));
            let (before, dh) = (values(n, seed + 8), values(n, seed + 12));
            let (mut gates, recurrent) = (real(&p), real(&q));
            let (h_before, d) = (real(&before), real(&dh));
            let mut h = vec![7.0; n];
            forward(&mut h, &mut gates, &recurrent, &h_before, width);
            let (mut dp, mut dq, mut past) = (vec![7.0; 3 * n], vec![7.0; 3 * n], vec![0.0; n]);
            backward(&mut dp, &mut dq, &d, &gates, &recurrent, &h_before, width);
            backward_past_the_gates(&mut past, &d, &gates, width);
            for unit in 0..n {
                let at = |gate| unit / width * 3 * width + gate * width + unit % width;
                let at: [usize; 3] = std::array::from_fn(at);
                let (plain_gates, plain_h) =
                    plain::gru::forward(at.map(|at| p[at]), at.map(|at| q[at]), before[unit]);
                let (plain_dp, plain_dq, d_before) =
                    plain::gru::backward(dh[unit], plain_gates, q[at[2]], before[unit]);
                assert_near("gates", &at.map(|at| gates[at]), &plain_gates, 8.0);
                assert_near("dp", &at.map(|at| dp[at]), &plain_dp, 8.0);
                assert_near("dq", &at.map(|at| dq[at]), &plain_dq, 8.0);
                assert_near("h, past", &[h[unit], past[unit]], &[plain_h, d_before], 8.0);
            }
        }
    }
}
