//! Long short-term memory: [`plain::lstm`](crate::math::plain::lstm) for all units of a batch. The four blocks of
//! gates = x_t W_ih + b_ih + h_{t-1} W_hh + b_hh are i, f, g, o.

use super::{blocks, blocks_mut};
use crate::math::Real;
use crate::math::exp::tanh_within;
use crate::math::logistic::sigmoid_within;
use crate::math::vectorised::{apply, target_cfg_f, vectorised};

/// The gates come in before their sigmoid or tanh and leave as (i, f, g, o).
///
/// # Shapes
/// - h, c, c_before (B, H); gates (B, 4H); `width` is H
pub fn forward(
    h: &mut [Real],
    c: &mut [Real],
    gates: &mut [Real],
    c_before: &[Real],
    width: usize,
) {
    let states = h.chunks_exact_mut(width).zip(c.chunks_exact_mut(width));
    let states = states.zip(c_before.chunks_exact(width));
    for (((h, c), c_before), gates) in states.zip(gates.chunks_exact_mut(4 * width)) {
        let [i, f, g, o] = blocks_mut(gates, width);
        forward_row(h, c, i, f, g, o, c_before);
    }
}

/// [`forward`] of one sequence; all (H). Slices of their own, so that the compiler knows that they don't overlap.
#[apply(vectorised)]
fn forward_row(
    h: &mut [Real],
    c: &mut [Real],
    i: &mut [Real],
    f: &mut [Real],
    g: &mut [Real],
    o: &mut [Real],
    c_before: &[Real],
) {
    if target_cfg_f!(target_feature = "fma") {
        forward_units::<true>(h, c, i, f, g, o, c_before);
    } else {
        forward_units::<false>(h, c, i, f, g, o, c_before);
    }
}

/// The last tanh waits for all the rest, so it has a loop of its own: more units are then under way at a time.
#[inline(always)]
fn forward_units<const FUSED: bool>(
    h: &mut [Real],
    c: &mut [Real],
    i: &mut [Real],
    f: &mut [Real],
    g: &mut [Real],
    o: &mut [Real],
    c_before: &[Real],
) {
    let n = h.len();
    let (c, c_before) = (&mut c[..n], &c_before[..n]);
    let (i, f, g, o) = (&mut i[..n], &mut f[..n], &mut g[..n], &mut o[..n]);
    for j in 0..n {
        i[j] = sigmoid_within::<FUSED>(i[j]);
        f[j] = sigmoid_within::<FUSED>(f[j]);
        g[j] = tanh_within::<FUSED>(g[j]);
        o[j] = sigmoid_within::<FUSED>(o[j]);
        c[j] = f[j] * c_before[j] + i[j] * g[j];
    }
    for j in 0..n {
        h[j] = o[j] * tanh_within::<FUSED>(c[j]);
    }
}

/// The gradients of the gates before their sigmoid or tanh, from d = d loss / d h. `d_cell` comes in as what the later steps
/// say about c_t, and leaves as what is said about c_{t-1}.
///
/// # Shapes
/// - d_gates, gates (B, 4H); d_cell, d, c_before, c (B, H); `width` is H
pub fn backward(
    d_gates: &mut [Real],
    d_cell: &mut [Real],
    d: &[Real],
    gates: &[Real],
    c_before: &[Real],
    c: &[Real],
    width: usize,
) {
    let gates = d_gates.chunks_exact_mut(4 * width).zip(gates.chunks_exact(4 * width));
    let gradients = d_cell.chunks_exact_mut(width).zip(d.chunks_exact(width));
    let states = c_before.chunks_exact(width).zip(c.chunks_exact(width));
    for (((d_gates, gates), (d_cell, d)), (c_before, c)) in gates.zip(gradients).zip(states) {
        let [d_i, d_f, d_g, d_o] = blocks_mut(d_gates, width);
        let [i, f, g, o] = blocks(gates, width);
        backward_row(d_i, d_f, d_g, d_o, d_cell, d, i, f, g, o, c_before, c);
    }
}

/// [`backward`] of one sequence; all (H).
#[apply(vectorised)]
fn backward_row(
    d_i: &mut [Real],
    d_f: &mut [Real],
    d_g: &mut [Real],
    d_o: &mut [Real],
    d_cell: &mut [Real],
    d: &[Real],
    i: &[Real],
    f: &[Real],
    g: &[Real],
    o: &[Real],
    c_before: &[Real],
    c: &[Real],
) {
    if target_cfg_f!(target_feature = "fma") {
        backward_units::<true>(d_i, d_f, d_g, d_o, d_cell, d, i, f, g, o, c_before, c);
    } else {
        backward_units::<false>(d_i, d_f, d_g, d_o, d_cell, d, i, f, g, o, c_before, c);
    }
}

#[inline(always)]
fn backward_units<const FUSED: bool>(
    d_i: &mut [Real],
    d_f: &mut [Real],
    d_g: &mut [Real],
    d_o: &mut [Real],
    d_cell: &mut [Real],
    d: &[Real],
    i: &[Real],
    f: &[Real],
    g: &[Real],
    o: &[Real],
    c_before: &[Real],
    c: &[Real],
) {
    let n = d.len();
    let (d_i, d_f, d_g, d_o) = (&mut d_i[..n], &mut d_f[..n], &mut d_g[..n], &mut d_o[..n]);
    let (i, f, g, o) = (&i[..n], &f[..n], &g[..n], &o[..n]);
    let (d_cell, c_before, c) = (&mut d_cell[..n], &c_before[..n], &c[..n]);
    for j in 0..n {
        let tanh_c = tanh_within::<FUSED>(c[j]);
        let d_c = d_cell[j] + d[j] * o[j] * (1.0 - tanh_c * tanh_c);
        d_i[j] = d_c * g[j] * i[j] * (1.0 - i[j]);
        d_f[j] = d_c * c_before[j] * f[j] * (1.0 - f[j]);
        d_g[j] = d_c * i[j] * (1.0 - g[j] * g[j]);
        d_o[j] = d[j] * tanh_c * o[j] * (1.0 - o[j]);
        d_cell[j] = d_c * f[j];
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
            let (into, before) = (values(4 * n, seed), values(n, seed + 4));
            let (dh, dc) = (values(n, seed + 8), values(n, seed + 12));
            let (mut gates, c_before) = (real(&into), real(&before));
            let (mut h, mut c) = (vec![7.0; n], vec![7.0; n]);
            forward(&mut h, &mut c, &mut gates, &c_before, width);
            let (mut d_gates, mut d_cell) = (vec![7.0; 4 * n], real(&dc));
            backward(&mut d_gates, &mut d_cell, &real(&dh), &gates, &c_before, &c, width);
            for unit in 0..n {
                let at = |gate| unit / width * 4 * width + gate * width + unit % width;
                let at: [usize; 4] = std::array::from_fn(at);
                let (plain_gates, plain_c, plain_h) =
                    plain::lstm::forward(at.map(|at| into[at]), before[unit]);
                let (d_into, d_before) =
                    plain::lstm::backward(dh[unit], dc[unit], plain_gates, before[unit], plain_c);
                assert_near("gates", &at.map(|at| gates[at]), &plain_gates, 8.0);
                assert_near("c, h", &[c[unit], h[unit]], &[plain_c, plain_h], 8.0);
                assert_near("d_gates", &at.map(|at| d_gates[at]), &d_into, 8.0);
                assert_near("d_cell", &[d_cell[unit]], &[d_before], 8.0);
            }
        }
    }
}
