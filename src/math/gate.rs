//! The elementwise halves of a gated unit: s' = u s + (1 - u) c with gates u, r in (0, 1) and c = tanh(...) of r s.
//!
//! The gates of a row stand side by side: `gates` (n, 2 width) holds u, then r.

use super::Real;
use super::exp::tanh;
use super::logistic::sigmoid;
use super::vectorised::{apply, vectorised};

/// Gates from what goes into them, in place; `kept` (n, width) becomes r s.
#[apply(vectorised)]
pub fn open(gates: &mut [Real], kept: &mut [Real], state: &[Real], width: usize) {
    let rows = gates.chunks_exact_mut(2 * width).zip(kept.chunks_exact_mut(width));
    for ((gates, kept), state) in rows.zip(state.chunks_exact(width)) {
        for gate in gates.iter_mut() {
            *gate = sigmoid(*gate);
        }
        for ((kept, reset), state) in kept.iter_mut().zip(&gates[width..]).zip(state) {
            *kept = reset * state;
        }
    }
}

/// The candidate from what goes into it, in place; `out` (n, width) becomes u s + (1 - u) c.
#[apply(vectorised)]
pub fn renew(
    out: &mut [Real],
    candidate: &mut [Real],
    gates: &[Real],
    state: &[Real],
    width: usize,
) {
    let rows = out.chunks_exact_mut(width).zip(candidate.chunks_exact_mut(width));
    let rows = rows.zip(gates.chunks_exact(2 * width).zip(state.chunks_exact(width)));
    for ((out, candidate), (gates, state)) in rows {
        let from = candidate.iter_mut().zip(gates).zip(state);
        for (out, ((candidate, update), state)) in out.iter_mut().zip(from) {
            *candidate = tanh(*candidate);
            *out = *candidate + update * (state - *candidate);
        }
    }
}

/// From `d_out` to the gradient of what goes into the candidate and into u (first half of `d_gates`); sets `d_state` to
/// the part that comes straight through u.
#[apply(vectorised)]
pub fn renew_backward(
    d_candidate: &mut [Real],
    d_gates: &mut [Real],
    d_state: &mut [Real],
    d_out: &[Real],
    candidate: &[Real],
    gates: &[Real],
    state: &[Real],
    width: usize,
) {
    for (i, d_gates) in d_gates.chunks_exact_mut(2 * width).enumerate() {
        let row = i * width..(i + 1) * width;
        let (d_candidate, d_state) = (&mut d_candidate[row.clone()], &mut d_state[row.clone()]);
        let (d_out, candidate) = (&d_out[row.clone()], &candidate[row.clone()]);
        let (state, update) = (&state[row], &gates[2 * i * width..][..width]);
        let d_update = &mut d_gates[..width];
        for j in 0..width {
            let (u, c) = (update[j], candidate[j]);
            d_candidate[j] = d_out[j] * (1.0 - u) * (1.0 - c * c);
            d_update[j] = d_out[j] * (state[j] - c) * u * (1.0 - u);
            d_state[j] = d_out[j] * u;
        }
    }
}

/// From `d_kept`, the gradient of r s, to what goes into r (second half of `d_gates`); adds to `d_state`.
#[apply(vectorised)]
pub fn open_backward(
    d_gates: &mut [Real],
    d_state: &mut [Real],
    d_kept: &[Real],
    gates: &[Real],
    state: &[Real],
    width: usize,
) {
    for (i, d_gates) in d_gates.chunks_exact_mut(2 * width).enumerate() {
        let row = i * width..(i + 1) * width;
        let (d_state, d_kept) = (&mut d_state[row.clone()], &d_kept[row.clone()]);
        let (state, reset) = (&state[row], &gates[(2 * i + 1) * width..][..width]);
        let d_reset = &mut d_gates[width..];
        for j in 0..width {
            let r = reset[j];
            d_reset[j] = d_kept[j] * state[j] * r * (1.0 - r);
            d_state[j] += d_kept[j] * r;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_open_update_gate_keeps_the_state_and_a_closed_one_takes_the_candidate() {
        let (state, mut kept, mut out) = ([3.0, -2.0], [0.0; 2], [0.0; 2]);
        let mut gates = [200.0, -200.0, -200.0, 200.0];
        open(&mut gates, &mut kept, &state, 2);
        assert_eq!(gates, [1.0, 0.0, 0.0, 1.0]);
        assert_eq!(kept, [0.0, -2.0]);
        let mut candidate = [0.5, 0.5];
        renew(&mut out, &mut candidate, &gates, &state, 2);
        assert!((candidate[1] - 0.462_117_16).abs() < 1e-6, "tanh(0.5)");
        assert_eq!(out, [3.0, candidate[1]]);
    }
}
