//! LayerNorm: every row (one position) to mean 0 and variance 1, then a trained scale and shift (Ba, Kiros and Hinton 2016).
//!
//! Rows, not columns: a position is normalised by its own C numbers, so neither the batch nor the time matters, and
//! training and sampling compute the same. Forward keeps each row's mean and 1/deviation: all that backward needs.

use std::ops::Range;

use ndarray::{Array2, ArrayRef2, ArrayView2, s};

use super::parameters::Registry;
use super::rows::{contiguous, contiguous_mut};
use crate::math::{Real, norm, room};

/// Inside the root, as in PyTorch.
pub const EPS: Real = 1e-5;

#[derive(Clone, Debug)]
pub struct LayerNorm {
    weight: Range<usize>,
    bias: Range<usize>,
}

/// What one LayerNorm keeps for backward and for the eye.
#[derive(Clone, Debug)]
pub struct Activations {
    /// (N, C)
    pub out: Array2<Real>,
    /// (N)
    mean: Vec<Real>,
    /// (N), 1 / sqrt(variance + eps)
    rstd: Vec<Real>,
}

impl Activations {
    pub fn new(rows: usize, width: usize) -> Self {
        Self { out: room::matrix((rows, width)), mean: room::zeros(rows), rstd: room::zeros(rows) }
    }

    /// The first n rows of the output.
    pub fn out(&self, n: usize) -> ArrayView2<'_, Real> {
        self.out.slice(s![..n, ..])
    }
}

impl LayerNorm {
    /// Reserves `name.weight` and `name.bias`, both (C).
    pub fn new(registry: &mut Registry, name: &str, width: usize) -> Self {
        let [weight, bias] = ["weight", "bias"].map(|part| {
            let range = registry.reserve(width, false);
            registry.name(format!("{name}.{part}"), &[width], range.start, &[1]);
            range
        });
        Self { weight, bias }
    }

    /// Weight 1, bias 0.
    pub fn initialise(&self, weights: &mut [Real]) {
        weights[self.weight.clone()].fill(1.0);
        weights[self.bias.clone()].fill(0.0);
    }

    /// # Shapes
    /// - x (n, C); fills the first n rows of the activations
    pub fn forward(&self, a: &mut Activations, x: &ArrayRef2<Real>, weights: &[Real]) {
        let n = x.nrows();
        norm::layer_norm(
            contiguous_mut(&mut a.out.slice_mut(s![..n, ..])),
            &mut a.mean[..n],
            &mut a.rstd[..n],
            contiguous(x),
            &weights[self.weight.clone()],
            &weights[self.bias.clone()],
            EPS,
        );
    }

    /// Adds to the gradients of weight and bias; sets dx.
    ///
    /// # Shapes
    /// - dx, dy, x (n, C)
    pub fn backward(
        &self,
        dx: &mut ArrayRef2<Real>,
        gradients: &mut [Real],
        dy: &ArrayRef2<Real>,
        x: &ArrayRef2<Real>,
        a: &Activations,
        weights: &[Real],
    ) {
        let n = x.nrows();
        // The bias stands right after the weight.
        let (d_weight, d_bias) =
            gradients[self.weight.start..self.bias.end].split_at_mut(self.weight.len());
        norm::layer_norm_backward(
            contiguous_mut(dx),
            d_weight,
            d_bias,
            contiguous(dy),
            contiguous(x),
            &a.mean[..n],
            &a.rstd[..n],
            &weights[self.weight.clone()],
        );
    }
}

#[cfg(all(test, feature = "f64"))]
mod tests {
    use super::*;
    use crate::math::finite_difference::{check, values, weighted_sum};
    use crate::math::gemm::matrix;

    #[test]
    fn gradient_of_input_weight_and_bias() {
        for (n, width) in [(1, 3), (4, 19), (2, 32)] {
            let mut registry = Registry::default();
            let layer = LayerNorm::new(&mut registry, "ln", width);
            let weights = values(registry.len(), 1);
            let (x, dy) = (values(n * width, 2), values(n * width, 3));
            let mut a = Activations::new(n + 1, width);
            layer.forward(&mut a, &matrix(&x, n, width), &weights);
            let (mut dx, mut gradients) = (Array2::zeros((n, width)), vec![0.0; registry.len()]);
            let (dy_rows, x_rows) = (matrix(&dy, n, width), matrix(&x, n, width));
            layer.backward(&mut dx, &mut gradients, &dy_rows, &x_rows, &a, &weights);
            let mut loss = |x: &[f64], weights: &[f64]| {
                layer.forward(&mut a, &matrix(x, n, width), weights);
                weighted_sum(contiguous(&a.out(n)), &dy)
            };
            check("x", &x, contiguous(&dx), 1e-7, |x| loss(x, &weights));
            check("weights", &weights, &gradients, 1e-7, |weights| loss(&x, weights));
        }
    }
}
