//! Recurrent layers: a state h is carried from token to token, h_t = f(x_t, h_{t-1}), and h_0 = 0.
//!
//! Three cells share one loop over time: the plain [`rnn`], the [`gru`] and the [`lstm`]. Each is a few elementwise lines
//! around the same two products, G H-wide gates from the input and from the state before:
//! gates_t = x_t W_ih + b_ih + h_{t-1} W_hh + b_hh. Names, gate order and equations are those of PyTorch's `nn.RNN`, `nn.GRU`
//! and `nn.LSTM`, except that a matrix is stored (in, out), as in [`crate::nn::linear`].
//!
//! Rows are time-major: row t * B + b is position t of sequence b. So the B rows of a step stand together. What the input
//! brings is one product for all steps ([`Input`]); what the state brings must wait for the step before, and is one product a
//! step. Backward goes through the steps in reverse (backpropagation through time, Werbos 1990). It collects the gates'
//! gradients of a stretch of steps, so that every weight gradient is one product for all of them.

mod gru;
mod input;
mod lstm;
mod rnn;

#[cfg(test)]
mod tests;

use std::ops::Range;

use ndarray::{Array2, ArrayRef2, ArrayView2, s};
use rand::Rng;

use crate::math::gemm::{Onto, gemm, matrix_mut};
use crate::math::tiles::{Operand, Packed, product_with};
use crate::math::{Real, room, vector};
use crate::nn::Look;
use crate::nn::embedding;
use crate::nn::init::Init;
use crate::nn::parameters::Registry;
use crate::nn::pass::Span;
use crate::nn::rows::{contiguous, contiguous_mut};

pub use input::Input;

/// Backward goes through stretches of about so many rows: as many as a product over rows takes at once, and few enough that
/// what the steps leave is still in the second cache when the weights' products read it.
const STRETCH_ROWS: usize = 256;

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
    /// Whether step 0 begins with zeros, which no product need be made of.
    from_zeros: bool,
    /// (G H): what stands in every row of gates: b_ih, but for the GRU + b_hh
    bias: Vec<Real>,
    /// Of more than one sequence: W_hh, which every step multiplies by
    packed: Packed,
    /// Where tokens are read, (V, G H): x W_ih + bias of every token
    of_tokens: Array2<Real>,
}

/// Working memory of a backward pass; layers of one width share it.
#[derive(Clone, Debug)]
pub struct Scratch {
    /// Of a stretch of S rows, (S, G H): the gradient of the gates before their sigmoid or tanh, where the input's product
    /// comes in
    d_gates: Array2<Real>,
    /// GRU only, (S, G H): the same where the state's product comes in
    d_recurrent: Array2<Real>,
    /// LSTM only, (B, H): the gradient of the cell state, as it goes back in time
    d_cell: Vec<Real>,
    /// W_hh turned, (G H, H), which every step multiplies by
    packed: Packed,
    /// Where tokens are read, (V, G H): the sum of `d_gates` over each token's rows
    d_of_tokens: Array2<Real>,
}

impl Activations {
    /// Begins `sequences` sequences with a state of zeros.
    pub fn start(&mut self, sequences: usize) {
        self.from_zeros = true;
        self.hidden.slice_mut(s![..sequences, ..]).fill(0.0);
        if !self.cell.is_empty() {
            self.cell.slice_mut(s![..sequences, ..]).fill(0.0);
        }
    }

    /// Begins where the last forward, `time` steps of one sequence, ended.
    pub fn carry_on(&mut self, time: usize) {
        self.from_zeros = false;
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

    /// Those of them that the input is multiplied by.
    pub fn products_of_input(&self) -> usize {
        self.weight_ih.len()
    }

    /// G H
    fn width(&self) -> usize {
        self.cell.gates().len() * self.n_hidden
    }

    /// Working memory; `tokens` is the number V of rows of the table where x may be [`Input::Tokens`], otherwise 0.
    pub fn activations(&self, sequences: usize, time: usize, tokens: usize) -> Activations {
        let (rows, width, n_hidden) = (sequences * time, self.width(), self.n_hidden);
        let only = |cell: Cell, rows: usize| if self.cell == cell { rows } else { 0 };
        Activations {
            gates: room::matrix((rows, width)),
            recurrent: room::matrix((only(Cell::Gru, rows), width)),
            hidden: room::matrix((sequences + rows, n_hidden)),
            cell: room::matrix((only(Cell::Lstm, sequences + rows), n_hidden)),
            from_zeros: false,
            bias: room::zeros(width),
            packed: if sequences > 1 { Packed::room(n_hidden, width) } else { Packed::room(0, 0) },
            of_tokens: room::matrix((tokens, width)),
        }
    }

    /// Working memory; `tokens` as in [`Self::activations`].
    pub fn scratch(&self, sequences: usize, time: usize, tokens: usize) -> Scratch {
        let (width, n_hidden) = (self.width(), self.n_hidden);
        let rows = STRETCH_ROWS.max(sequences).min(sequences * time);
        let only = |cell: Cell, rows: usize| if self.cell == cell { rows } else { 0 };
        Scratch {
            d_gates: room::matrix((rows, width)),
            d_recurrent: room::matrix((only(Cell::Gru, rows), width)),
            d_cell: room::zeros(only(Cell::Lstm, sequences * n_hidden)),
            packed: Packed::room(width, n_hidden),
            d_of_tokens: room::matrix((tokens, width)),
        }
    }

    /// Fills the activations, from the state that [`Activations::start`] or [`Activations::carry_on`] left.
    pub fn forward(&self, a: &mut Activations, x: Input<'_>, span: Span, weights: &[Real]) {
        let (n_hidden, width) = (self.n_hidden, self.width());
        let (state, row) = (span.sequences * n_hidden, span.sequences * width);
        let (weight_hh, bias_hh) =
            (&weights[self.weight_hh.clone()], &weights[self.bias_hh.clone()]);
        let Activations { bias, of_tokens, from_zeros, packed, .. } = a;
        if span.sequences > 1 {
            packed.pack(Operand::rows(weight_hh, n_hidden, width, width));
        }
        bias.copy_from_slice(&weights[self.bias_ih.clone()]);
        if self.cell != Cell::Gru {
            vector::add(bias, bias_hh);
        }
        let gates = &mut contiguous_mut(&mut a.gates)[..span.rows() * width];
        let of_tokens = contiguous_mut(of_tokens);
        let products = match x {
            Input::Rows(_) => &mut *gates,
            Input::Tokens { .. } => &mut *of_tokens,
        };
        self.input_products(products, &x.different(), bias, weights);

        let hidden = contiguous_mut(&mut a.hidden);
        let cell = contiguous_mut(&mut a.cell);
        let recurrent = contiguous_mut(&mut a.recurrent);
        for (t, gates) in gates.chunks_exact_mut(row).enumerate() {
            if let Input::Tokens { ids, .. } = x {
                embedding::pick(gates, of_tokens, &ids[t * span.sequences..], width);
            }
            let (before, h) = neighbours(hidden, t, state);
            let adds = t > 0 || !*from_zeros;
            let from_state = |y: &mut [Real]| {
                if adds && span.sequences > 1 {
                    let before = Operand::rows(before, span.sequences, n_hidden, n_hidden);
                    product_with(y, width, before, packed, Onto::Itself);
                } else if adds {
                    vector::add_row_times_matrix(y, &before[..n_hidden], weight_hh);
                }
            };
            match self.cell {
                Cell::Rnn => {
                    from_state(gates);
                    rnn::forward(h, gates);
                }
                Cell::Gru => {
                    let recurrent = &mut recurrent[t * row..][..row];
                    fill_rows(recurrent, bias_hh);
                    from_state(recurrent);
                    gru::forward(h, gates, recurrent, before, n_hidden);
                }
                Cell::Lstm => {
                    from_state(gates);
                    let (c_before, c) = neighbours(cell, t, state);
                    lstm::forward(h, c, gates, c_before, n_hidden);
                }
            }
        }
    }

    /// Adds to the gradients of the four parameters; sets dx: of [`Input::Rows`] the gradient of every row, of
    /// [`Input::Tokens`] that of the table. `d` comes in as the gradient of the output and leaves as the whole gradient of
    /// every h_t, with what goes through the later steps. No gradient goes into the initial state.
    ///
    /// # Shapes
    /// - dx (N, in) or (V, in), d (N, H), rows time-major
    pub fn backward(
        &self,
        dx: &mut ArrayRef2<Real>,
        gradients: &mut [Real],
        d: &mut ArrayRef2<Real>,
        x: Input<'_>,
        a: &Activations,
        span: Span,
        weights: &[Real],
        scratch: &mut Scratch,
    ) {
        let (n_hidden, width) = (self.n_hidden, self.width());
        let weight_hh = &weights[self.weight_hh.clone()];
        scratch.packed.pack(Operand::rows(weight_hh, n_hidden, width, width).turned());
        scratch.d_cell.fill(0.0);
        scratch.d_of_tokens.fill(0.0);
        let steps = (STRETCH_ROWS / span.sequences).max(1);
        let mut end = span.time;
        while end > 0 {
            let stretch = end.saturating_sub(steps)..end;
            end = stretch.start;
            self.through_time(contiguous_mut(d), a, span, stretch.clone(), scratch);
            self.weights_of_state(gradients, a, span, stretch.clone(), scratch);
            let first = stretch.start * span.sequences;
            let rows = stretch.len() * span.sequences;
            let d_gates = scratch.d_gates.slice(s![..rows, ..]);
            match x {
                Input::Rows(x) => {
                    let mut dx = dx.slice_mut(s![first..first + rows, ..]);
                    let x = input::part(&x, first, rows);
                    self.back_to_input(&mut dx, gradients, &d_gates, &x, weights);
                }
                Input::Tokens { ids, .. } => {
                    let d_of_tokens = contiguous_mut(&mut scratch.d_of_tokens);
                    let ids = &ids[first..][..rows];
                    embedding::add_picked(d_of_tokens, contiguous(&d_gates), ids, width);
                }
            }
        }
        if let Input::Tokens { table, .. } = x {
            self.back_to_input(dx, gradients, &scratch.d_of_tokens, &table, weights);
        }
    }

    /// dW_hh += h_{t-1}' d and db_hh += sum of d's rows, for the gates' gradient d of a stretch of steps.
    fn weights_of_state(
        &self,
        gradients: &mut [Real],
        a: &Activations,
        span: Span,
        stretch: Range<usize>,
        scratch: &Scratch,
    ) {
        let rows = stretch.len() * span.sequences;
        let d = match self.cell {
            Cell::Gru => &scratch.d_recurrent,
            Cell::Rnn | Cell::Lstm => &scratch.d_gates,
        };
        vector::add_rows(
            &mut gradients[self.bias_hh.clone()],
            contiguous(&input::part(d, 0, rows)),
        );
        // A state of zeros says nothing about the weights that it is multiplied by.
        let silent = if stretch.start == 0 && a.from_zeros { span.sequences } else { 0 };
        if silent < rows {
            let before = input::part(&a.hidden, stretch.start * span.sequences, rows);
            gemm(
                &mut matrix_mut(
                    &mut gradients[self.weight_hh.clone()],
                    self.n_hidden,
                    self.width(),
                ),
                &before.slice(s![silent.., ..]).t(),
                &d.slice(s![silent..rows, ..]),
                Onto::Itself,
            );
        }
    }

    /// The gradients of the gates of a stretch of steps, from the last step to the first.
    fn through_time(
        &self,
        d: &mut [Real],
        a: &Activations,
        span: Span,
        stretch: Range<usize>,
        scratch: &mut Scratch,
    ) {
        let (n_hidden, width) = (self.n_hidden, self.width());
        let (state, row) = (span.sequences * n_hidden, span.sequences * width);
        let (gates, hidden) = (contiguous(&a.gates), contiguous(&a.hidden));
        let (recurrent, cell) = (contiguous(&a.recurrent), contiguous(&a.cell));
        let Scratch { d_gates, d_recurrent, d_cell, packed, .. } = scratch;
        let (d_gates, d_recurrent) = (contiguous_mut(d_gates), contiguous_mut(d_recurrent));
        for t in stretch.clone().rev() {
            let (earlier, d) = d.split_at_mut(t * state);
            let d = &d[..state];
            let place = (t - stretch.start) * row;
            let d_gates = &mut d_gates[place..][..row];
            let gates = &gates[t * row..][..row];
            let (before, h) = (&hidden[t * state..][..state], &hidden[(t + 1) * state..][..state]);
            let into_state: &[Real] = match self.cell {
                Cell::Rnn => {
                    rnn::backward(d_gates, d, h);
                    d_gates
                }
                Cell::Gru => {
                    let d_recurrent = &mut d_recurrent[place..][..row];
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
                let into_state = Operand::rows(into_state, span.sequences, width, width);
                product_with(d_before, n_hidden, into_state, packed, Onto::Itself);
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
