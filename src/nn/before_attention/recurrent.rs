//! Recurrent layers: a state h is carried from token to token, h_t = f(x_t, h_{t-1}), and h_0 = 0.
//!
//! Three cells share one loop over time: the plain [`rnn`], the [`gru`] and the [`lstm`]. Each is a few elementwise lines
//! around the same two products, G H-wide gates from the input and from the state before:
//! gates_t = x_t W_ih + b_ih + h_{t-1} W_hh + b_hh. Names, gate order and equations are those of PyTorch's `nn.RNN`, `nn.GRU`
//! and `nn.LSTM`, except that a matrix is stored (in, out), as in [`crate::nn::linear`].
//!
//! Rows are time-major: row t * B + b is position t of sequence b. So the B rows of a step stand together. What the input
//! brings is one product for all steps; what the state brings must wait for the step before, and is one product a step.
//! Backward goes through the steps in reverse (backpropagation through time, Werbos 1990), and collects the gates' gradients,
//! so that every weight gradient is one product for all steps again.

mod gru;
mod lstm;
mod rnn;

#[cfg(test)]
mod tests;

use std::ops::Range;

use ndarray::{Array2, ArrayRef2, ArrayView2, s};
use rand::Rng;

use crate::math::gemm::{self, Onto, gemm, matrix, matrix_mut};
use crate::math::tiles::Operand;
use crate::math::{Real, room, vector};
use crate::nn::Look;
use crate::nn::init::Init;
use crate::nn::parameters::Registry;
use crate::nn::pass::Span;
use crate::nn::rows::{contiguous, contiguous_mut};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cell {
    /// h = tanh(gate)
    Rnn,
    /// Gated recurrent unit: 3 gates.
    Gru,
    /// Long short-term memory: 4 gates and a cell state.
    Lstm,
}

impl Cell {
    /// G, and what each block of H columns is called.
    fn gates(self) -> &'static [&'static str] {
        match self {
            // It has no gate in the word's sense: what it computes is the state.
            Self::Rnn => &["new"],
            Self::Gru => &["reset", "update", "new"],
            Self::Lstm => &["input", "forget", "cell", "output"],
        }
    }
}

#[derive(Clone, Debug)]
pub struct Recurrent {
    pub cell: Cell,
    pub n_in: usize,
    pub n_hidden: usize,
    /// (in, G H)
    weight_ih: Range<usize>,
    /// (H, G H)
    weight_hh: Range<usize>,
    /// (G H)
    bias_ih: Range<usize>,
    /// (G H)
    bias_hh: Range<usize>,
}

/// What a forward pass keeps of N = T B rows.
#[derive(Clone, Debug)]
pub struct Activations {
    /// (N, G H): after their sigmoid or tanh; the RNN's is before it.
    gates: Array2<Real>,
    /// GRU only, (N, G H): h_{t-1} W_hh + b_hh.
    recurrent: Array2<Real>,
    /// (B + N, H): first the state that step 0 begins with, then what every step leaves.
    hidden: Array2<Real>,
    /// LSTM only, (B + N, H): the cell state, likewise.
    cell: Array2<Real>,
}

/// Working memory of a backward pass; layers of one width share it.
#[derive(Clone, Debug)]
pub struct Scratch {
    /// (N, G H): the gradient of the gates before their sigmoid or tanh, where the input's product comes in
    d_gates: Array2<Real>,
    /// GRU only, (N, G H): the same where the state's product comes in
    d_recurrent: Array2<Real>,
    /// LSTM only, (B, H): the gradient of the cell state, as it goes back in time
    d_cell: Vec<Real>,
    /// (G H, H): W_hh turned, so that every step's product reads it in order
    turned: Array2<Real>,
    /// (G H)
    d_bias: Vec<Real>,
}

impl Activations {
    /// Begins `sequences` sequences with a state of zeros.
    pub fn start(&mut self, sequences: usize) {
        self.hidden.slice_mut(s![..sequences, ..]).fill(0.0);
        if !self.cell.is_empty() {
            self.cell.slice_mut(s![..sequences, ..]).fill(0.0);
        }
    }

    /// Begins where the last forward, `time` steps of one sequence, ended.
    pub fn carry_on(&mut self, time: usize) {
        for state in [&mut self.hidden, &mut self.cell] {
            if !state.is_empty() {
                let (mut before, after) = state.multi_slice_mut((s![0, ..], s![time, ..]));
                before.assign(&after);
            }
        }
    }

    /// h of every position, (N, H).
    pub fn out(&self, span: Span) -> ArrayView2<'_, Real> {
        self.hidden.slice(s![span.sequences..span.sequences + span.rows(), ..])
    }
}

impl Recurrent {
    /// Reserves `name.weight_ih_l{index}`, `.weight_hh_l{index}`, `.bias_ih_l{index}` and `.bias_hh_l{index}`.
    pub fn new(
        registry: &mut Registry,
        name: &str,
        index: usize,
        cell: Cell,
        n_in: usize,
        n_hidden: usize,
    ) -> Self {
        let width = cell.gates().len() * n_hidden;
        let [weight_ih, weight_hh] = [("ih", n_in), ("hh", n_hidden)].map(|(part, n)| {
            let range = registry.reserve(n * width, true);
            let name = format!("{name}.weight_{part}_l{index}");
            registry.name(name, &[width, n], range.start, &[1, width]);
            range
        });
        let [bias_ih, bias_hh] = ["ih", "hh"].map(|part| {
            let range = registry.reserve(width, false);
            registry.name(format!("{name}.bias_{part}_l{index}"), &[width], range.start, &[1]);
            range
        });
        Self { cell, n_in, n_hidden, weight_ih, weight_hh, bias_ih, bias_hh }
    }

    /// PyTorch draws all four from U(-1/sqrt(H), 1/sqrt(H)), the input's weights too. A forget gate is then open by half, and
    /// what a cell holds is halved at every token; `forget_bias` opens it (Gers et al. 2000; Jozefowicz et al. 2015 find 1 to be
    /// a good start).
    pub fn initialise(
        &self,
        weights: &mut [Real],
        init: Init,
        forget_bias: Real,
        rng: &mut impl Rng,
    ) {
        for weight in [&self.weight_ih, &self.weight_hh] {
            init.linear_weight(&mut weights[weight.clone()], self.n_hidden, rng);
        }
        for bias in [&self.bias_ih, &self.bias_hh] {
            init.linear_bias(&mut weights[bias.clone()], self.n_hidden, rng);
        }
        if let Some(gate) = self.cell.gates().iter().position(|gate| *gate == "forget") {
            let bias = &mut weights[self.bias_ih.clone()][gate * self.n_hidden..][..self.n_hidden];
            for bias in bias {
                *bias += forget_bias;
            }
        }
    }

    /// Number of weights that a row is multiplied by.
    pub fn products(&self) -> usize {
        self.weight_ih.len() + self.weight_hh.len()
    }

    /// G H
    fn width(&self) -> usize {
        self.cell.gates().len() * self.n_hidden
    }

    pub fn activations(&self, sequences: usize, time: usize) -> Activations {
        let (rows, width, n_hidden) = (sequences * time, self.width(), self.n_hidden);
        let only = |cell: Cell, rows: usize| if self.cell == cell { rows } else { 0 };
        Activations {
            gates: room::matrix((rows, width)),
            recurrent: room::matrix((only(Cell::Gru, rows), width)),
            hidden: room::matrix((sequences + rows, n_hidden)),
            cell: room::matrix((only(Cell::Lstm, sequences + rows), n_hidden)),
        }
    }

    pub fn scratch(&self, sequences: usize, time: usize) -> Scratch {
        let (rows, width, n_hidden) = (sequences * time, self.width(), self.n_hidden);
        let only = |cell: Cell, rows: usize| if self.cell == cell { rows } else { 0 };
        Scratch {
            d_gates: room::matrix((rows, width)),
            d_recurrent: room::matrix((only(Cell::Gru, rows), width)),
            d_cell: room::zeros(only(Cell::Lstm, sequences * n_hidden)),
            turned: room::matrix((width, n_hidden)),
            d_bias: room::zeros(width),
        }
    }

    /// Fills the activations, from the state that [`Activations::start`] or [`Activations::carry_on`] left.
    ///
    /// # Shapes
    /// - x (N, in), rows time-major
    pub fn forward(&self, a: &mut Activations, x: &ArrayRef2<Real>, span: Span, weights: &[Real]) {
        let (n_hidden, width) = (self.n_hidden, self.width());
        let (state, row) = (span.sequences * n_hidden, span.sequences * width);
        let (weight_hh, bias_hh) =
            (&weights[self.weight_hh.clone()], &weights[self.bias_hh.clone()]);
        let gates = &mut contiguous_mut(&mut a.gates)[..span.rows() * width];
        fill_rows(gates, &weights[self.bias_ih.clone()]);
        let recurrent = contiguous_mut(&mut a.recurrent);
        if self.cell == Cell::Gru {
            fill_rows(&mut recurrent[..span.rows() * width], bias_hh);
        } else {
            vector::add_to_rows(gates, bias_hh);
        }
        add_product(gates, contiguous(x), &weights[self.weight_ih.clone()], span.rows());

        let hidden = contiguous_mut(&mut a.hidden);
        let cell = contiguous_mut(&mut a.cell);
        for (t, gates) in gates.chunks_exact_mut(row).enumerate() {
            let (before, h) = neighbours(hidden, t, state);
            match self.cell {
                Cell::Rnn => {
                    add_product(gates, before, weight_hh, span.sequences);
                    rnn::forward(h, gates);
                }
                Cell::Gru => {
                    let recurrent = &mut recurrent[t * row..][..row];
                    add_product(recurrent, before, weight_hh, span.sequences);
                    gru::forward(h, gates, recurrent, before, n_hidden);
                }
                Cell::Lstm => {
                    add_product(gates, before, weight_hh, span.sequences);
                    let (c_before, c) = neighbours(cell, t, state);
                    lstm::forward(h, c, gates, c_before, n_hidden);
                }
            }
        }
    }

    /// Adds to the gradients of the four parameters; sets dx. `d` comes in as the gradient of the output and leaves as the
    /// whole gradient of every h_t, with what goes through the later steps. No gradient goes into the initial state.
    ///
    /// # Shapes
    /// - dx, x (N, in), d (N, H), rows time-major
    pub fn backward(
        &self,
        dx: &mut ArrayRef2<Real>,
        gradients: &mut [Real],
        d: &mut ArrayRef2<Real>,
        x: &ArrayRef2<Real>,
        a: &Activations,
        span: Span,
        weights: &[Real],
        scratch: &mut Scratch,
    ) {
        let (n, n_hidden, width) = (span.rows(), self.n_hidden, self.width());
        let weight_hh = matrix(&weights[self.weight_hh.clone()], n_hidden, width);
        scratch.turned.assign(&weight_hh.t());
        self.through_time(contiguous_mut(d), a, span, scratch);

        let d_gates = scratch.d_gates.slice(s![..n, ..]);
        let d_recurrent = match self.cell {
            Cell::Gru => scratch.d_recurrent.slice(s![..n, ..]),
            Cell::Rnn | Cell::Lstm => d_gates,
        };
        let weight_gradient = &mut gradients[self.weight_ih.clone()];
        gemm(&mut matrix_mut(weight_gradient, self.n_in, width), &x.t(), &d_gates, Onto::Itself);
        let weight_gradient = &mut gradients[self.weight_hh.clone()];
        let before = a.hidden.slice(s![..n, ..]);
        gemm(
            &mut matrix_mut(weight_gradient, n_hidden, width),
            &before.t(),
            &d_recurrent,
            Onto::Itself,
        );
        scratch.d_bias.fill(0.0);
        vector::add_rows(&mut scratch.d_bias, contiguous(&d_gates));
        vector::add(&mut gradients[self.bias_ih.clone()], &scratch.d_bias);
        if self.cell == Cell::Gru {
            scratch.d_bias.fill(0.0);
            vector::add_rows(&mut scratch.d_bias, contiguous(&d_recurrent));
        }
        vector::add(&mut gradients[self.bias_hh.clone()], &scratch.d_bias);
        let weight_ih = matrix(&weights[self.weight_ih.clone()], self.n_in, width);
        gemm(dx, &d_gates, &weight_ih.t(), Onto::Nothing);
    }

    /// The gradients of every step's gates, from the last step to the first.
    fn through_time(&self, d: &mut [Real], a: &Activations, span: Span, scratch: &mut Scratch) {
        let (n_hidden, width) = (self.n_hidden, self.width());
        let (state, row) = (span.sequences * n_hidden, span.sequences * width);
        let (gates, hidden) = (contiguous(&a.gates), contiguous(&a.hidden));
        let (recurrent, cell) = (contiguous(&a.recurrent), contiguous(&a.cell));
        let Scratch { d_gates, d_recurrent, d_cell, turned, .. } = scratch;
        let (d_gates, d_recurrent) = (contiguous_mut(d_gates), contiguous_mut(d_recurrent));
        let turned = contiguous(turned);
        d_cell.fill(0.0);
        for t in (0..span.time).rev() {
            let (earlier, d) = d.split_at_mut(t * state);
            let d = &d[..state];
            let d_gates = &mut d_gates[t * row..][..row];
            let gates = &gates[t * row..][..row];
            let (before, h) = (&hidden[t * state..][..state], &hidden[(t + 1) * state..][..state]);
            let into_state: &[Real] = match self.cell {
                Cell::Rnn => {
                    rnn::backward(d_gates, d, h);
                    d_gates
                }
                Cell::Gru => {
                    let d_recurrent = &mut d_recurrent[t * row..][..row];
                    let recurrent = &recurrent[t * row..][..row];
                    gru::backward(d_gates, d_recurrent, d, gates, recurrent, before, n_hidden);
                    d_recurrent
                }
                Cell::Lstm => {
                    let c_before = &cell[t * state..][..state];
                    let c = &cell[(t + 1) * state..][..state];
                    lstm::backward(d_gates, &mut d_cell[..state], d, gates, c_before, c, n_hidden);
                    d_gates
                }
            };
            if t > 0 {
                let d_before = &mut earlier[(t - 1) * state..];
                if self.cell == Cell::Gru {
                    gru::backward_past_the_gates(d_before, d, gates, n_hidden);
                }
                add_product(d_before, into_state, turned, span.sequences);
            }
        }
    }

    /// Hands over what is inside, for one sequence of `time` positions, every part (T, H).
    pub fn visit(&self, a: &Activations, time: usize, prefix: &str, look: &mut Look<'_>) {
        let n_hidden = self.n_hidden;
        let shape = [time, n_hidden];
        if self.cell != Cell::Rnn {
            for (i, gate) in self.cell.gates().iter().enumerate() {
                let columns = a.gates.slice(s![..time, i * n_hidden..(i + 1) * n_hidden]);
                let values: Vec<Real> = columns.iter().copied().collect();
                look(&format!("{prefix}gates.{gate}"), &shape, &values);
            }
        }
        if self.cell == Cell::Lstm {
            let cell = a.cell.slice(s![1..=time, ..]);
            look(&format!("{prefix}cell"), &shape, contiguous(&cell));
        }
        let hidden = a.hidden.slice(s![1..=time, ..]);
        look(&format!("{prefix}hidden"), &shape, contiguous(&hidden));
    }
}

/// The states that step t reads and writes; `state` numbers each.
fn neighbours(states: &mut [Real], t: usize, state: usize) -> (&[Real], &mut [Real]) {
    let (before, after) = states.split_at_mut((t + 1) * state);
    (&before[t * state..], &mut after[..state])
}

/// The G blocks of a row of gates, each of `width` numbers.
fn blocks<const G: usize>(row: &[Real], width: usize) -> [&[Real]; G] {
    let mut blocks = row.chunks_exact(width);
    std::array::from_fn(|_| blocks.next().expect("G blocks of H numbers"))
}

fn blocks_mut<const G: usize>(row: &mut [Real], width: usize) -> [&mut [Real]; G] {
    let mut blocks = row.chunks_exact_mut(width);
    std::array::from_fn(|_| blocks.next().expect("G blocks of H numbers"))
}

/// Every row becomes `row`.
fn fill_rows(rows: &mut [Real], row: &[Real]) {
    for x in rows.chunks_exact_mut(row.len()) {
        x.copy_from_slice(row);
    }
}

/// y (rows, n) += x (rows, k) W (k, n)
fn add_product(y: &mut [Real], x: &[Real], w: &[Real], rows: usize) {
    let (k, n) = (x.len() / rows, y.len() / rows);
    if rows == 1 {
        vector::add_row_times_matrix(y, x, w);
    } else {
        gemm::product(y, n, Operand::rows(x, rows, k, k), Operand::rows(w, k, n, n), Onto::Itself);
    }
}
