//! The convolutional gated recurrent unit of the Neural GPU (Kaiser and Sutskever 2015, section 2), on a tape of width 1.
//!
//! From a tape of states s (T, C) the next one, at every position at once:
//!
//! - u = sigmoid(U' * s + B'), the update gate; r = sigmoid(U'' * s + B''), the reset gate
//! - s' = u s + (1 - u) tanh(U * (r s) + B)
//!
//! `*` is a convolution over positions with zeros beyond the ends. The decoder's unit CGRU^d of the Extended Neural GPU (Kaiser
//! and Bengio 2016, section 3) reads a second tape p as well: each of the three convolutions of s gets one of p beside it.
//!
//! What u keeps may be a neighbour's (Freivalds and Liepins 2017, "Improving the Neural GPU Architecture for Algorithm Learning",
//! the diagonal gates): in u s a third of the units have s of the position before, another third s of the position after. A
//! state then travels by being kept, one position a pass, and its gradient with it, not only through a tanh.

use ndarray::{Array2, ArrayRef2, s};
use rand::Rng;

use super::convolution::{self, Convolution, Padding};
use crate::math::{Real, gate, room};
use crate::nn::Look;
use crate::nn::parameters::Registry;
use crate::nn::rows::{contiguous, contiguous_mut, visit_rows};

#[derive(Clone, Debug)]
pub struct ConvGru {
    width: usize,
    settings: Settings,
    /// To (N, 2C): update, reset
    gates: Convolution,
    /// To (N, C)
    candidate: Convolution,
    second: Option<SecondTape>,
}

/// What a unit's gates are; off, all of it is as in the paper's equations.
#[derive(Clone, Copy, Debug, Default)]
pub struct Settings {
    /// Whether gates reach 0 and 1 ([`gate`]).
    pub cutoff: bool,
    /// Whether two thirds of the units keep a neighbour's state.
    pub diagonal: bool,
}

/// The convolutions of the second tape, without biases.
#[derive(Clone, Debug)]
struct SecondTape {
    gates: Convolution,
    candidate: Convolution,
}

/// What one pass keeps for backward and for the eye.
#[derive(Clone, Debug)]
pub struct Activations {
    /// (N, 2C): update, reset
    gates: Array2<Real>,
    /// (N, C): r s
    kept: Array2<Real>,
    /// (N, C)
    candidate: Array2<Real>,
    /// (N, C): the new state
    pub out: Array2<Real>,
}

impl Activations {
    pub fn new(rows: usize, width: usize) -> Self {
        Self {
            gates: room::matrix((rows, 2 * width)),
            kept: room::matrix((rows, width)),
            candidate: room::matrix((rows, width)),
            out: room::matrix((rows, width)),
        }
    }

    /// Hands over, of the first `time` rows: `name.update`, `name.reset`, `name.candidate` and `name`, the new state, all
    /// (T, C).
    pub fn visit(&self, name: &str, time: usize, look: &mut Look<'_>) {
        let width = self.out.ncols();
        for (part, columns) in [("update", 0..width), ("reset", width..2 * width)] {
            let values = self.gates.slice(s![..time, columns]);
            let values: Vec<Real> = values.iter().copied().collect();
            look(&format!("{name}.{part}"), &[time, width], &values);
        }
        visit_rows(&format!("{name}.candidate"), &self.candidate, time, look);
        visit_rows(name, &self.out, time, look);
    }
}

#[derive(Clone, Debug)]
pub struct Scratch {
    convolution: convolution::Scratch,
    /// (N, C)
    d_kept: Array2<Real>,
    /// (N, 2C)
    d_gates: Array2<Real>,
    /// (N, C)
    d_candidate: Array2<Real>,
    /// (N, C)
    d_state: Array2<Real>,
    /// Diagonal gates only, (N, C): the state as u keeps it; in backward its gradient too
    moved: Array2<Real>,
}

impl Scratch {
    pub fn new(rows: usize, width: usize, kernel: usize) -> Self {
        let [d_kept, d_candidate, d_state, moved] = [(); 4].map(|()| room::matrix((rows, width)));
        Self {
            convolution: convolution::Scratch::new(rows, kernel * width),
            d_kept,
            d_gates: room::matrix((rows, 2 * width)),
            d_candidate,
            d_state,
            moved,
        }
    }
}

/// Diagonal gates: the first third of the units as they are, the second from the position before, the rest from the one after;
/// zeros beyond the ends. `back` is the gradient's way, the other way round.
fn move_thirds(to: &mut [Real], from: &[Real], width: usize, time: usize, back: bool) {
    let sequences = to.chunks_exact_mut(time * width).zip(from.chunks_exact(time * width));
    let (first, second) = (width / 3, 2 * width / 3);
    let [right, left] =
        if back { [second..width, first..second] } else { [first..second, second..width] };
    for (to, from) in sequences {
        for t in 0..time {
            let (row, at) = (t * width, |units: &std::ops::Range<usize>, t: usize| {
                t * width + units.start..t * width + units.end
            });
            to[row..row + first].copy_from_slice(&from[row..row + first]);
            if t > 0 {
                to[at(&right, t)].copy_from_slice(&from[at(&right, t - 1)]);
            } else {
                to[at(&right, t)].fill(0.0);
            }
            if t + 1 < time {
                to[at(&left, t)].copy_from_slice(&from[at(&left, t + 1)]);
            } else {
                to[at(&left, t)].fill(0.0);
            }
        }
    }
}

impl ConvGru {
    /// Reserves `name.update`, `name.reset`, `name.candidate`, each with weight (C, C, K) and bias (C); with a second
    /// tape also the weights of `name.update_tape`, `name.reset_tape` and `name.candidate_tape`.
    pub fn new(
        registry: &mut Registry,
        name: &str,
        width: usize,
        kernel: usize,
        second_tape: bool,
        gates_are: Settings,
    ) -> Self {
        let settings = convolution::Settings {
            n_in: width,
            n_out: width,
            kernel,
            dilation: 1,
            padding: Padding::Same,
            bias: true,
        };
        let mut pair = |suffix: &str, settings: &convolution::Settings| {
            let [update, reset, candidate] =
                ["update", "reset", "candidate"].map(|part| format!("{name}.{part}{suffix}"));
            let gates = Convolution::new(registry, &[&update, &reset], settings);
            (gates, Convolution::new(registry, &[&candidate], settings))
        };
        let (gates, candidate) = pair("", &settings);
        let second = second_tape.then(|| {
            let (gates, candidate) =
                pair("_tape", &convolution::Settings { bias: false, ..settings });
            SecondTape { gates, candidate }
        });
        Self { width, settings: gates_are, gates, candidate, second }
    }

    /// As in the authors' program: uniform unit scaling, and biases of 1 for the gates, 0 for the candidate. A tape is then
    /// kept rather than overwritten to begin with. PyTorch's weights are smaller, and signals that move a few cells die out.
    pub fn initialise(&self, weights: &mut [Real], rng: &mut impl Rng) {
        self.gates.initialise_unit_scaling(weights, 1.0, rng);
        self.candidate.initialise_unit_scaling(weights, 0.0, rng);
        for tape in self.second.iter().flat_map(|second| [&second.gates, &second.candidate]) {
            tape.initialise_unit_scaling(weights, 0.0, rng);
        }
    }

    /// The positions that one pass reads, counted from its own: what the candidate's taps reach, of what the reset gate's
    /// taps let through there, and what is kept.
    pub fn places(&self) -> Vec<isize> {
        let taps = |convolution: &Convolution| convolution.places().collect::<Vec<_>>();
        let (gates, candidate) = (taps(&self.gates), taps(&self.candidate));
        let through = candidate.iter().flat_map(|a| gates.iter().map(move |b| a + b));
        let kept = if self.settings.diagonal { -1..=1 } else { 0..=0 };
        through.chain(gates.iter().copied()).chain(candidate.iter().copied()).chain(kept).collect()
    }

    /// Number of weights that a position is multiplied by in one pass.
    pub fn products(&self) -> usize {
        let second =
            self.second.as_ref().map_or(0, |s| s.gates.products() + s.candidate.products());
        self.gates.products() + self.candidate.products() + second
    }

    /// The second tape's convolutions with the tape, where there is something on it.
    fn second<'a>(
        &'a self,
        tape: Option<&'a ArrayRef2<Real>>,
    ) -> Option<(&'a SecondTape, &'a ArrayRef2<Real>)> {
        self.second.as_ref().zip(tape)
    }

    /// One pass. `tape` is the second tape; none is the same as one of zeros.
    ///
    /// # Shapes
    /// - state, tape (B * time, C)
    pub fn forward(
        &self,
        a: &mut Activations,
        state: &ArrayRef2<Real>,
        tape: Option<&ArrayRef2<Real>>,
        time: usize,
        weights: &[Real],
        scratch: &mut Scratch,
    ) {
        let rows = s![..state.nrows(), ..];
        let shifted = &mut scratch.convolution;
        let (mut gates, mut kept) = (a.gates.slice_mut(rows), a.kept.slice_mut(rows));
        let mut candidate = a.candidate.slice_mut(rows);
        self.gates.forward(&mut gates, state, time, weights, shifted);
        if let Some((second, tape)) = self.second(tape) {
            second.gates.add(&mut gates, tape, time, weights, shifted);
        }
        let state = contiguous(state);
        let Settings { cutoff, diagonal } = self.settings;
        gate::open(
            contiguous_mut(&mut gates),
            contiguous_mut(&mut kept),
            state,
            self.width,
            cutoff,
        );
        self.candidate.forward(&mut candidate, &kept, time, weights, shifted);
        if let Some((second, tape)) = self.second(tape) {
            second.candidate.add(&mut candidate, tape, time, weights, shifted);
        }
        let before = if diagonal {
            let moved = &mut contiguous_mut(&mut scratch.moved)[..state.len()];
            move_thirds(moved, state, self.width, time, false);
            moved
        } else {
            state
        };
        gate::renew(
            contiguous_mut(&mut a.out.slice_mut(rows)),
            contiguous_mut(&mut candidate),
            contiguous(&gates),
            before,
            self.width,
        );
    }

    /// d is d loss / d out and becomes d loss / d state; adds to `d_tape`, which goes with `tape`.
    ///
    /// # Shapes
    /// - d, state, tape, d_tape (B * time, C)
    pub fn backward(
        &self,
        d: &mut ArrayRef2<Real>,
        mut d_tape: Option<&mut ArrayRef2<Real>>,
        gradients: &mut [Real],
        state: &ArrayRef2<Real>,
        tape: Option<&ArrayRef2<Real>>,
        a: &Activations,
        time: usize,
        weights: &[Real],
        scratch: &mut Scratch,
    ) {
        let rows = s![..state.nrows(), ..];
        let Scratch { convolution: shifted, d_kept, d_gates, d_candidate, d_state, moved } =
            scratch;
        let Settings { cutoff, diagonal } = self.settings;
        let moved = &mut contiguous_mut(moved)[..state.len()];
        if diagonal {
            move_thirds(moved, contiguous(state), self.width, time, false);
        }
        let (kept, mut d_kept) = (a.kept.slice(rows), d_kept.slice_mut(rows));
        let (mut d_gates, mut d_state) = (d_gates.slice_mut(rows), d_state.slice_mut(rows));
        let mut d_candidate = d_candidate.slice_mut(rows);
        let gates = a.gates.slice(rows);
        gate::renew_backward(
            contiguous_mut(&mut d_candidate),
            contiguous_mut(&mut d_gates),
            contiguous_mut(&mut d_state),
            contiguous(d),
            contiguous(&a.candidate.slice(rows)),
            contiguous(&gates),
            if diagonal { moved } else { contiguous(state) },
            self.width,
            cutoff,
        );
        if diagonal {
            moved.copy_from_slice(contiguous(&d_state));
            move_thirds(contiguous_mut(&mut d_state), moved, self.width, time, true);
        }
        d_kept.fill(0.0);
        self.candidate.backward(
            &mut d_kept,
            gradients,
            &d_candidate,
            &kept,
            time,
            weights,
            shifted,
        );
        gate::open_backward(
            contiguous_mut(&mut d_gates),
            contiguous_mut(&mut d_state),
            contiguous(&d_kept),
            contiguous(&gates),
            contiguous(state),
            self.width,
            cutoff,
        );
        self.gates.backward(&mut d_state, gradients, &d_gates, state, time, weights, shifted);
        if let (Some((second, tape)), Some(d_tape)) = (self.second(tape), d_tape.as_mut()) {
            second.candidate.backward(
                d_tape,
                gradients,
                &d_candidate,
                tape,
                time,
                weights,
                shifted,
            );
            second.gates.backward(d_tape, gradients, &d_gates, tape, time, weights, shifted);
        }
        d.assign(&d_state);
    }
}

#[cfg(all(test, feature = "f64"))]
mod tests {
    use super::*;
    use crate::math::finite_difference::{check, values, weighted_sum};
    use crate::math::gemm::{matrix, matrix_mut};

    #[test]
    fn gradient_of_state_second_tape_and_weights() {
        let all = [(4, true), (1, true), (3, false)];
        let settings = [(false, false), (true, false), (false, true), (true, true)];
        let cases = all.iter().flat_map(|case| settings.map(|settings| (*case, settings)));
        for ((time, second_tape), (cutoff, diagonal)) in cases {
            let settings = Settings { cutoff, diagonal };
            let (n, width, mut registry) = (2 * time, 3, Registry::default());
            let unit = ConvGru::new(&mut registry, "unit", width, 3, second_tape, settings);
            let weights = values(registry.len(), 1);
            let [state, tape, dy] = [2, 3, 4].map(|seed| values(n * width, seed));
            let (mut a, mut scratch) = (Activations::new(n, width), Scratch::new(n, width, 3));
            let scratch = &mut scratch;
            let rows = |x| matrix(x, n, width);
            unit.forward(&mut a, &rows(&state), Some(&rows(&tape)), time, &weights, scratch);
            let (mut d, mut d_tape) = (dy.clone(), vec![0.0; n * width]);
            let mut gradients = vec![0.0; registry.len()];
            unit.backward(
                &mut matrix_mut(&mut d, n, width),
                Some(&mut matrix_mut(&mut d_tape, n, width)),
                &mut gradients,
                &rows(&state),
                Some(&rows(&tape)),
                &a,
                time,
                &weights,
                scratch,
            );
            let mut loss = |state: &[f64], tape: &[f64], weights: &[f64]| {
                let (state, tape) = (matrix(state, n, width), matrix(tape, n, width));
                unit.forward(&mut a, &state, Some(&tape), time, weights, scratch);
                weighted_sum(a.out.as_slice().unwrap(), &dy)
            };
            check("state", &state, &d, 1e-7, |state| loss(state, &tape, &weights));
            check("weights", &weights, &gradients, 1e-7, |w| loss(&state, &tape, w));
            if second_tape {
                check("tape", &tape, &d_tape, 1e-7, |tape| loss(&state, tape, &weights));
            }
        }
    }
}
