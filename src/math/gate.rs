//! The elementwise halves of a gated unit: s' = u s + (1 - u) c with gates u, r in (0, 1) and c = tanh(...) of r s.
//!
//! The gates of a row stand side by side: `gates` (n, 2 width) holds u, then r.
//!
//! A gate may be cut off (Kaiser and Sutskever 2016, section 3): max(0, min(1, 1.2 sigmoid(x) - 0.1)) reaches 0 and 1, where a
//! sigmoid only comes near them, so that what a unit holds can pass any number of steps unchanged.

use super::Real;
use super::exp::tanh;
use super::logistic::sigmoid;
use super::vectorised::{apply, vectorised};

/// What a cut-off gate adds to the sigmoid's range at both ends.
const BEYOND: Real = 0.1;

/// Gates, in place, from the sigmoids that [`open`] would make of what goes into them.
#[apply(vectorised)]
fn cut(gates: &mut [Real]) {
    for gate in gates {
        *gate = ((1.0 + 2.0 * BEYOND) * *gate - BEYOND).clamp(0.0, 1.0);
    }
}

/// From d = d loss / d gate to the gradient of what goes into it; none where a gate is cut off.
#[inline(always)]
fn through(d: Real, gate: Real, cutoff: bool) -> Real {
    if !cutoff {
        return d * gate * (1.0 - gate);
    }
    if gate <= 0.0 || gate >= 1.0 {
        return 0.0;
    }
    let sigmoid = (gate + BEYOND) / (1.0 + 2.0 * BEYOND);
    d * (1.0 + 2.0 * BEYOND) * sigmoid * (1.0 - sigmoid)
}

/// Gates from what goes into them, in place; `kept` (n, width) becomes r s.
#[apply(vectorised)]
pub fn open(gates: &mut [Real], kept: &mut [Real], state: &[Real], width: usize, cutoff: bool) {
    let rows = gates.chunks_exact_mut(2 * width).zip(kept.chunks_exact_mut(width));
    for ((gates, kept), state) in rows.zip(state.chunks_exact(width)) {
        for gate in gates.iter_mut() {
            *gate = sigmoid(*gate);
        }
        if cutoff {
            cut(gates);
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
    cutoff: bool,
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
            d_update[j] = through(d_out[j] * (state[j] - c), u, cutoff);
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
    cutoff: bool,
) {
    for (i, d_gates) in d_gates.chunks_exact_mut(2 * width).enumerate() {
        let row = i * width..(i + 1) * width;
        let (d_state, d_kept) = (&mut d_state[row.clone()], &d_kept[row.clone()]);
        let (state, reset) = (&state[row], &gates[(2 * i + 1) * width..][..width]);
        let d_reset = &mut d_gates[width..];
        for j in 0..width {
            let r = reset[j];
            d_reset[j] = through(d_kept[j] * state[j], r, cutoff);
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
        open(&mut gates, &mut kept, &state, 2, false);
        assert_eq!(gates, [1.0, 0.0, 0.0, 1.0]);
        assert_eq!(kept, [0.0, -2.0]);
        let mut candidate = [0.5, 0.5];
        renew(&mut out, &mut candidate, &gates, &state, 2);
        assert!((candidate[1] - 0.462_117_16).abs() < 1e-6, "tanh(0.5)");
        assert_eq!(out, [3.0, candidate[1]]);
    }

    #[test]
    fn a_gate_that_is_cut_off_is_wholly_open_or_closed_before_the_sigmoid_is() {
        let (state, mut kept) = ([1.0; 3], [0.0; 3]);
        // sigmoid(3) = 0.953 and sigmoid(-3) = 0.047 are beyond 11/12 and 1/12; sigmoid(0) stays a half.
        let mut gates = [3.0, -3.0, 0.0, -3.0, 3.0, 0.0];
        open(&mut gates, &mut kept, &state, 3, true);
        assert_eq!(gates[..2], [1.0, 0.0]);
        assert_eq!((gates[3], gates[4]), (0.0, 1.0));
        assert!((gates[2] - 0.5).abs() < 1e-6 && (kept[2] - 0.5).abs() < 1e-6);
        assert_eq!((through(1.0, 1.0, true), through(1.0, 0.0, true)), (0.0, 0.0));
        assert!((through(1.0, 0.5, true) - 0.3).abs() < 1e-6, "1.2 / 4");
    }
}
