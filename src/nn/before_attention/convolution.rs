//! A convolution over time: the same small matrices at every position, one for each tap.
//!
//! y[t] = b + sum over k of x[t + k * dilation - back] W_k, zeros outside the sequence. Causal: back = (kernel - 1) *
//! dilation, so the last tap reads the position itself and none reads a later one (van den Oord et al. 2016, WaveNet, 2.1).
//! Same: the taps stand around the position, as PyTorch's `padding="same"`.
//!
//! The rows that the taps read are gathered side by side, (N, kernel * in), and one matrix product does the rest. The
//! weight is stored (kernel, in, out); a file has `Conv1d`'s (out, in, kernel).

use std::ops::Range;

use ndarray::{ArrayRef2, ArrayView2};
use rand::Rng;

use crate::math::gemm::{Onto, gemm, matrix, matrix_mut};
use crate::math::{Real, room, vector};
use crate::nn::init::{self, Init};
use crate::nn::parameters::Registry;
use crate::nn::rows::{contiguous, contiguous_mut};

/// Which positions around its own an output reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Padding {
    /// Its own and earlier ones.
    Causal,
    /// As many later as earlier ones; of an even kernel, one more later.
    Same,
}

#[derive(Clone, Copy, Debug)]
pub struct Settings {
    pub n_in: usize,
    pub n_out: usize,
    /// K, the number of taps.
    pub kernel: usize,
    /// How far one tap is from the next.
    pub dilation: usize,
    pub padding: Padding,
    pub bias: bool,
}

#[derive(Clone, Debug)]
pub struct Convolution {
    pub n_in: usize,
    pub n_out: usize,
    kernel: usize,
    dilation: usize,
    /// How far before its own position the first tap reads.
    back: usize,
    weight: Range<usize>,
    bias: Option<Range<usize>>,
}

/// The gathered rows, (N, kernel * in), and in backward their gradient.
#[derive(Clone, Debug)]
pub struct Scratch {
    columns: Vec<Real>,
    d_columns: Vec<Real>,
}

impl Scratch {
    /// For at most `rows` positions and `width` = kernel * in.
    pub fn new(rows: usize, width: usize) -> Self {
        Self { columns: room::zeros(rows * width), d_columns: room::zeros(rows * width) }
    }
}

impl Convolution {
    /// Reserves `name.weight` and, with a bias, `name.bias` for every name: convolutions that read the same input stand
    /// side by side, and one matrix product serves all. Their outputs are then names.len() * n_out wide.
    pub fn new(registry: &mut Registry, names: &[&str], settings: &Settings) -> Self {
        let Settings { n_in, n_out, kernel, dilation, padding, bias } = *settings;
        let wide = names.len() * n_out;
        let weight = registry.reserve(kernel * n_in * wide, true);
        let bias = bias.then(|| registry.reserve(wide, false));
        for (i, name) in names.iter().enumerate() {
            let shape = [n_out, n_in, kernel];
            let first = weight.start + i * n_out;
            registry.name(format!("{name}.weight"), &shape, first, &[1, wide, n_in * wide]);
            if let Some(bias) = &bias {
                registry.name(format!("{name}.bias"), &[n_out], bias.start + i * n_out, &[1]);
            }
        }
        let reach = (kernel - 1) * dilation;
        let back = match padding {
            Padding::Causal => reach,
            Padding::Same => reach / 2,
        };
        Self { n_in, n_out: wide, kernel, dilation, back, weight, bias }
    }

    /// PyTorch's `Conv1d`: what counts as inputs of an output is kernel * in.
    pub fn initialise(&self, weights: &mut [Real], init: Init, rng: &mut impl Rng) {
        init.linear_weight(&mut weights[self.weight.clone()], self.width(), rng);
        if let Some(bias) = &self.bias {
            init.linear_bias(&mut weights[bias.clone()], self.width(), rng);
        }
    }

    /// Weights by uniform unit scaling, and every bias the same.
    pub fn initialise_unit_scaling(&self, weights: &mut [Real], bias: Real, rng: &mut impl Rng) {
        init::unit_scaling(&mut weights[self.weight.clone()], self.width(), rng);
        if let Some(range) = &self.bias {
            weights[range.clone()].fill(bias);
        }
    }

    /// How many positions the first tap is from the last.
    pub fn reach(&self) -> usize {
        (self.kernel - 1) * self.dilation
    }

    /// Where the taps stand, counted from its own position.
    pub fn places(&self) -> impl Iterator<Item = isize> + use<> {
        let (dilation, back) = (self.dilation, self.back);
        (0..self.kernel).map(move |k| (k * dilation) as isize - back as isize)
    }

    /// The numbers that an output is made of: kernel * in.
    pub fn width(&self) -> usize {
        self.kernel * self.n_in
    }

    /// Number of weights that a position is multiplied by.
    pub fn products(&self) -> usize {
        self.width() * self.n_out
    }

    fn matrix<'a>(&self, weights: &'a [Real]) -> ArrayView2<'a, Real> {
        matrix(&weights[self.weight.clone()], self.width(), self.n_out)
    }

    /// For position t of a sequence: tap k, and the position that it reads if that is inside.
    fn taps(&self, t: usize, time: usize) -> impl Iterator<Item = (usize, Option<usize>)> + use<> {
        let (dilation, back) = (self.dilation, self.back);
        (0..self.kernel).map(move |k| {
            let position = (t + k * dilation).checked_sub(back);
            (k, position.filter(|position| *position < time))
        })
    }

    fn gather(&self, columns: &mut [Real], x: &[Real], time: usize) {
        let (n_in, size) = (self.n_in, time * self.n_in);
        for (columns, x) in columns.chunks_exact_mut(time * self.width()).zip(x.chunks_exact(size))
        {
            for (t, columns) in columns.chunks_exact_mut(self.width()).enumerate() {
                for (k, position) in self.taps(t, time) {
                    let tap = &mut columns[k * n_in..][..n_in];
                    match position {
                        Some(position) => tap.copy_from_slice(&x[position * n_in..][..n_in]),
                        None => tap.fill(0.0),
                    }
                }
            }
        }
    }

    /// dx += the gradient of the gathered rows, each where it was read.
    fn scatter(&self, dx: &mut [Real], d_columns: &[Real], time: usize) {
        let (n_in, size) = (self.n_in, time * self.n_in);
        let sequences = d_columns.chunks_exact(time * self.width());
        for (dx, d_columns) in dx.chunks_exact_mut(size).zip(sequences) {
            for (t, columns) in d_columns.chunks_exact(self.width()).enumerate() {
                for (k, position) in self.taps(t, time) {
                    if let Some(position) = position {
                        let dx = &mut dx[position * n_in..][..n_in];
                        for (dx, d) in dx.iter_mut().zip(&columns[k * n_in..]) {
                            *dx += d;
                        }
                    }
                }
            }
        }
    }

    /// # Shapes
    /// - y (B * time, out), x (B * time, in)
    pub fn forward(
        &self,
        y: &mut ArrayRef2<Real>,
        x: &ArrayRef2<Real>,
        time: usize,
        weights: &[Real],
        scratch: &mut Scratch,
    ) {
        match &self.bias {
            Some(bias) => {
                let bias = &weights[bias.clone()];
                for row in contiguous_mut(y).chunks_exact_mut(self.n_out) {
                    row.copy_from_slice(bias);
                }
            }
            None => y.fill(0.0),
        }
        self.add(y, x, time, weights, scratch);
    }

    /// y += the convolution of x, without the bias.
    ///
    /// # Shapes
    /// - y (B * time, out), x (B * time, in)
    pub fn add(
        &self,
        y: &mut ArrayRef2<Real>,
        x: &ArrayRef2<Real>,
        time: usize,
        weights: &[Real],
        scratch: &mut Scratch,
    ) {
        let n = x.nrows();
        let columns = &mut scratch.columns[..n * self.width()];
        self.gather(columns, contiguous(x), time);
        gemm(y, &matrix(columns, n, self.width()), &self.matrix(weights), Onto::Itself);
    }

    /// Adds to the gradients of weight and bias, and to dx.
    ///
    /// # Shapes
    /// - dx, x (B * time, in), dy (B * time, out)
    pub fn backward(
        &self,
        dx: &mut ArrayRef2<Real>,
        gradients: &mut [Real],
        dy: &ArrayRef2<Real>,
        x: &ArrayRef2<Real>,
        time: usize,
        weights: &[Real],
        scratch: &mut Scratch,
    ) {
        let (n, width) = (x.nrows(), self.width());
        let Scratch { columns, d_columns } = scratch;
        self.gather(&mut columns[..n * width], contiguous(x), time);
        let mut d_weight = matrix_mut(&mut gradients[self.weight.clone()], width, self.n_out);
        gemm(&mut d_weight, &matrix(columns, n, width).t(), dy, Onto::Itself);
        if let Some(bias) = &self.bias {
            vector::add_rows(&mut gradients[bias.clone()], contiguous(dy));
        }
        gemm(&mut matrix_mut(d_columns, n, width), dy, &self.matrix(weights).t(), Onto::Nothing);
        self.scatter(contiguous_mut(dx), &d_columns[..n * width], time);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The formula at the top of this file, number by number.
    #[test]
    fn every_tap_reads_its_position_and_nothing_outside_of_the_sequence() {
        for (kernel, dilation, padding, back) in [
            (3, 2, Padding::Causal, 4),
            (3, 2, Padding::Same, 2),
            (4, 1, Padding::Same, 1),
            (1, 1, Padding::Causal, 0),
        ] {
            let (n_in, n_out, time, sequences) = (2, 3, 6, 2);
            let mut registry = Registry::default();
            let settings = Settings { n_in, n_out, kernel, dilation, padding, bias: true };
            let layer = Convolution::new(&mut registry, &["layer"], &settings);
            let number = |i: usize| ((i * 29 % 17) as Real - 8.0) / 4.0;
            let weights: Vec<Real> = (0..registry.len()).map(number).collect();
            let x: Vec<Real> = (0..sequences * time * n_in).map(|i| number(i + 5)).collect();
            let mut y = ndarray::Array2::zeros((sequences * time, n_out));
            let mut scratch = Scratch::new(sequences * time, layer.width());
            let x_rows = matrix(&x, sequences * time, n_in);
            layer.forward(&mut y, &x_rows, time, &weights, &mut scratch);
            let weight = registry.get("layer.weight").unwrap().read(&weights);
            let bias = registry.get("layer.bias").unwrap().read(&weights);
            for ((row, out), y) in y.indexed_iter() {
                let (sequence, t) = (row / time, row % time);
                let mut expected = bias[out];
                for k in 0..kernel {
                    let position = (t + k * dilation) as isize - back;
                    if (0..time as isize).contains(&position) {
                        let row = x_rows.row(sequence * time + position as usize);
                        for i in 0..n_in {
                            expected += weight[(out * n_in + i) * kernel + k] * row[i];
                        }
                    }
                }
                assert!((y - expected).abs() < 1e-5, "{padding:?} {row} {out}: {y} {expected}");
            }
        }
    }

    #[cfg(feature = "f64")]
    #[test]
    fn gradient_of_input_weights_and_biases() {
        use crate::math::finite_difference::{check, values, weighted_sum};
        let every = [
            (3, 2, Padding::Causal, 5, true),
            (2, 4, Padding::Causal, 3, true),
            (3, 1, Padding::Same, 4, true),
            (3, 1, Padding::Same, 1, false),
        ];
        for (kernel, dilation, padding, time, bias) in every {
            let (n_in, n_out, n) = (3, 2, 2 * time);
            let mut registry = Registry::default();
            let settings = Settings { n_in, n_out, kernel, dilation, padding, bias };
            let layer = Convolution::new(&mut registry, &["one", "two"], &settings);
            let weights = values(registry.len(), 1);
            let (x, dy) = (values(n * n_in, 2), values(n * 2 * n_out, 3));
            let mut scratch = Scratch::new(n, layer.width());
            let (mut dx, mut gradients) = (vec![0.5; x.len()], vec![0.0; registry.len()]);
            let (x_rows, dy_rows) = (matrix(&x, n, n_in), matrix(&dy, n, 2 * n_out));
            let mut dx_rows = matrix_mut(&mut dx, n, n_in);
            let scratch = &mut scratch;
            layer.backward(
                &mut dx_rows,
                &mut gradients,
                &dy_rows,
                &x_rows,
                time,
                &weights,
                scratch,
            );
            dx_rows -= 0.5;
            let mut loss = |x: &[f64], weights: &[f64]| {
                let mut y = ndarray::Array2::zeros((n, 2 * n_out));
                layer.forward(&mut y, &matrix(x, n, n_in), time, weights, scratch);
                weighted_sum(y.as_slice().unwrap(), &dy)
            };
            check("x", &x, &dx, 1e-7, |x| loss(x, &weights));
            check("weights", &weights, &gradients, 1e-7, |weights| loss(&x, weights));
        }
    }
}
