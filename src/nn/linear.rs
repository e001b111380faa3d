//! A linear layer: y = x W + b.
//!
//! W is stored (in, out), which matrix products like best here; a file has PyTorch's (out, in).

use std::ops::Range;

use ndarray::{ArrayRef2, ArrayView2};
use rand::Rng;

use super::init::Init;
use super::parameters::Registry;
use super::rows::{contiguous, contiguous_mut};
use crate::math::gemm::{Onto, gemm, matrix, matrix_mut};
use crate::math::{Real, vector};

#[derive(Clone, Debug)]
pub struct Linear {
    pub n_in: usize,
    pub n_out: usize,
    weight: Range<usize>,
    bias: Option<Range<usize>>,
}

impl Linear {
    /// Reserves `name.weight` and, with `bias`, `name.bias`.
    pub fn new(registry: &mut Registry, name: &str, n_in: usize, n_out: usize, bias: bool) -> Self {
        let weight = registry.reserve(n_in * n_out, true);
        registry.name(format!("{name}.weight"), &[n_out, n_in], weight.start, &[1, n_out]);
        let bias = bias.then(|| {
            let bias = registry.reserve(n_out, false);
            registry.name(format!("{name}.bias"), &[n_out], bias.start, &[1]);
            bias
        });
        Self { n_in, n_out, weight, bias }
    }

    /// `count` layers without bias that read the same input, side by side in one matrix (in, count * out), so that one
    /// matrix product serves all; `name(i)` is the name of layer i.
    pub fn side_by_side(
        registry: &mut Registry,
        count: usize,
        n_in: usize,
        n_out: usize,
        name: impl Fn(usize) -> String,
    ) -> Self {
        let weight = registry.reserve(n_in * n_out * count, true);
        for i in 0..count {
            registry.name(
                format!("{}.weight", name(i)),
                &[n_out, n_in],
                weight.start + i * n_out,
                &[1, n_out * count],
            );
        }
        Self { n_in, n_out: n_out * count, weight, bias: None }
    }

    pub fn initialise(&self, weights: &mut [Real], init: Init, rng: &mut impl Rng) {
        init.linear_weight(&mut weights[self.weight.clone()], self.n_in, rng);
        if let Some(bias) = &self.bias {
            init.linear_bias(&mut weights[bias.clone()], self.n_in, rng);
        }
    }

    fn matrix<'a>(&self, weights: &'a [Real]) -> ArrayView2<'a, Real> {
        matrix(&weights[self.weight.clone()], self.n_in, self.n_out)
    }

    /// # Shapes
    /// - y (n, out), x (n, in)
    pub fn forward(&self, y: &mut ArrayRef2<Real>, x: &ArrayRef2<Real>, weights: &[Real]) {
        if x.nrows() == 1 {
            let y = contiguous_mut(y);
            match &self.bias {
                Some(bias) => y.copy_from_slice(&weights[bias.clone()]),
                None => y.fill(0.0),
            }
            vector::add_row_times_matrix(y, contiguous(x), &weights[self.weight.clone()]);
            return;
        }
        let w = self.matrix(weights);
        let bias = self.bias.clone().map(|bias| &weights[bias]);
        gemm(y, x, &w, bias.map_or(Onto::Nothing, Onto::Row));
    }

    /// dW += x' dy and db += sum of dy's rows; sets dx = dy W'.
    ///
    /// # Shapes
    /// - dx, x (n, in), dy (n, out)
    pub fn backward(
        &self,
        dx: &mut ArrayRef2<Real>,
        gradients: &mut [Real],
        dy: &ArrayRef2<Real>,
        x: &ArrayRef2<Real>,
        weights: &[Real],
    ) {
        self.backward_weights(gradients, dy, x);
        self.backward_input(dx, dy, weights);
    }

    /// The weights' part of [`Linear::backward`].
    pub fn backward_weights(
        &self,
        gradients: &mut [Real],
        dy: &ArrayRef2<Real>,
        x: &ArrayRef2<Real>,
    ) {
        gemm(
            &mut matrix_mut(&mut gradients[self.weight.clone()], self.n_in, self.n_out),
            &x.t(),
            dy,
            Onto::Itself,
        );
        if let Some(bias) = &self.bias {
            vector::add_rows(&mut gradients[bias.clone()], contiguous(dy));
        }
    }

    /// The input's part of [`Linear::backward`]: dx = dy W'.
    pub fn backward_input(&self, dx: &mut ArrayRef2<Real>, dy: &ArrayRef2<Real>, weights: &[Real]) {
        gemm(dx, dy, &self.matrix(weights).t(), Onto::Nothing);
    }

    /// Number of weights that a row is multiplied by.
    pub fn products(&self) -> usize {
        self.n_in * self.n_out
    }
}

#[cfg(all(test, feature = "f64"))]
mod tests {
    use ndarray::Array2;

    use super::*;
    use crate::math::finite_difference::{check, values, weighted_sum};

    #[test]
    fn gradient_of_input_weight_and_bias() {
        let mut registry = Registry::default();
        let layer = Linear::new(&mut registry, "layer", 7, 4, true);
        let (weights, dy) =
            (values(registry.len(), 1), Array2::from_shape_vec((5, 4), values(20, 2)).unwrap());
        let x = Array2::from_shape_vec((5, 7), values(35, 3)).unwrap();
        let (mut dx, mut gradients) = (Array2::zeros((5, 7)), vec![0.0; registry.len()]);
        layer.backward(&mut dx, &mut gradients, &dy, &x, &weights);
        let loss = |x: &[f64], weights: &[f64]| {
            let mut y = Array2::zeros((5, 4));
            layer.forward(&mut y, &matrix(x, 5, 7), weights);
            weighted_sum(contiguous(&y), contiguous(&dy))
        };
        check("x", contiguous(&x), contiguous(&dx), 1e-7, |x| loss(x, &weights));
        check("weights", &weights, &gradients, 1e-7, |weights| loss(contiguous(&x), weights));
    }
}
