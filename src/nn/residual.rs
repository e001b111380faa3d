//! The way past a sublayer f: what it makes of x is added to x (He et al. 2015), and a LayerNorm stands after the sum, as in
//! Attention Is All You Need, or before the sublayer.
//!
//! Post: y = ln(x + f(x)). Pre: y = x + f(ln(x)). None: y = x + f(x).

use ndarray::{Array2, ArrayRef2, ArrayView2, s};

use super::activation::{contiguous, contiguous_mut};
use super::block::Norm;
use super::layer_norm::{self, LayerNorm};
use super::parameters::Registry;
use crate::math::{Real, room, vector};

#[derive(Clone, Debug)]
pub struct Residual {
    norm: Norm,
    ln: Option<LayerNorm>,
}

/// What one residual connection keeps for backward and for the eye.
#[derive(Clone, Debug)]
pub struct Activations {
    ln: Option<layer_norm::Activations>,
    /// (N, C): x + f(x)
    sum: Array2<Real>,
}

impl Residual {
    /// Reserves `name.weight` and `name.bias`, unless there is no norm.
    pub fn new(registry: &mut Registry, name: &str, n_embd: usize, norm: Norm) -> Self {
        let ln = (norm != Norm::None).then(|| LayerNorm::new(registry, name, n_embd));
        Self { norm, ln }
    }

    pub fn initialise(&self, weights: &mut [Real]) {
        if let Some(ln) = &self.ln {
            ln.initialise(weights);
        }
    }

    pub fn activations(&self, rows: usize, n_embd: usize) -> Activations {
        Activations {
            ln: self.ln.as_ref().map(|_| layer_norm::Activations::new(rows, n_embd)),
            sum: room::matrix((rows, n_embd)),
        }
    }

    /// What the sublayer reads of x (N, C).
    pub fn enter<'a>(
        &self,
        a: &'a mut Activations,
        x: &'a ArrayRef2<Real>,
        weights: &[Real],
    ) -> ArrayView2<'a, Real> {
        if let (Norm::Pre, Some(ln), Some(kept)) = (self.norm, &self.ln, &mut a.ln) {
            ln.forward(kept, x, weights);
        }
        self.entered(a, x)
    }

    /// What [`Residual::enter`] gave the sublayer.
    pub fn entered<'a>(&self, a: &'a Activations, x: &'a ArrayRef2<Real>) -> ArrayView2<'a, Real> {
        match &a.ln {
            Some(ln) if self.norm == Norm::Pre => ln.out(x.nrows()),
            _ => x.view(),
        }
    }

    /// Joins x (N, C) and what the sublayer made of it, y (N, C); the result is [`Residual::out`].
    pub fn join(
        &self,
        a: &mut Activations,
        x: &ArrayRef2<Real>,
        y: &ArrayRef2<Real>,
        weights: &[Real],
    ) {
        let mut sum = a.sum.slice_mut(s![..x.nrows(), ..]);
        sum.assign(x);
        vector::add(contiguous_mut(&mut sum), contiguous(y));
        if let (Norm::Post, Some(ln), Some(kept)) = (self.norm, &self.ln, &mut a.ln) {
            ln.forward(kept, &sum, weights);
        }
    }

    /// (N, C)
    pub fn out<'a>(&self, a: &'a Activations, n: usize) -> ArrayView2<'a, Real> {
        match &a.ln {
            Some(ln) if self.norm == Norm::Post => ln.out(n),
            _ => a.sum.slice(s![..n, ..]),
        }
    }

    /// In place: d loss / d output becomes d loss / d sum, which is also what comes to the sublayer's output.
    ///
    /// # Shapes
    /// - d, scratch (N, C)
    pub fn join_backward(
        &self,
        d: &mut ArrayRef2<Real>,
        gradients: &mut [Real],
        a: &Activations,
        weights: &[Real],
        scratch: &mut ArrayRef2<Real>,
    ) {
        if let (Norm::Post, Some(ln), Some(kept)) = (self.norm, &self.ln, &a.ln) {
            ln.backward(scratch, gradients, d, &a.sum.slice(s![..d.nrows(), ..]), kept, weights);
            d.assign(scratch);
        }
    }

    /// In place: d loss / d sum becomes d loss / d x, with `through`, what came back from the sublayer's input.
    ///
    /// # Shapes
    /// - d, through, x, scratch (N, C)
    pub fn enter_backward(
        &self,
        d: &mut ArrayRef2<Real>,
        gradients: &mut [Real],
        through: &ArrayRef2<Real>,
        x: &ArrayRef2<Real>,
        a: &Activations,
        weights: &[Real],
        scratch: &mut ArrayRef2<Real>,
    ) {
        if let (Norm::Pre, Some(ln), Some(kept)) = (self.norm, &self.ln, &a.ln) {
            ln.backward(scratch, gradients, through, x, kept, weights);
            vector::add(contiguous_mut(d), contiguous(scratch));
        } else {
            vector::add(contiguous_mut(d), contiguous(through));
        }
    }
}

#[cfg(all(test, feature = "f64"))]
mod tests {
    use super::*;
    use crate::math::finite_difference::{check, values, weighted_sum};
    use crate::math::gemm::matrix;

    /// Around the sublayer f(x) = x^2, elementwise.
    #[test]
    fn gradient_of_input_and_norm() {
        for norm in [Norm::None, Norm::Pre, Norm::Post] {
            let (n, c) = (3, 7);
            let mut registry = Registry::default();
            let layer = Residual::new(&mut registry, "ln", c, norm);
            let (weights, x, dy) = (values(registry.len(), 1), values(n * c, 2), values(n * c, 3));
            let mut a = layer.activations(n + 1, c);
            let mut loss = |x: &[f64], weights: &[f64]| {
                let x = matrix(x, n, c);
                let y = layer.enter(&mut a, &x, weights).map(|x| x * x);
                layer.join(&mut a, &x, &y, weights);
                weighted_sum(contiguous(&layer.out(&a, n)), &dy)
            };
            loss(&x, &weights);
            let mut kept = layer.activations(n + 1, c);
            let rows = matrix(&x, n, c);
            let y = layer.enter(&mut kept, &rows, &weights).map(|x| x * x);
            layer.join(&mut kept, &rows, &y, &weights);
            let mut d = Array2::from_shape_vec((n, c), dy.clone()).unwrap();
            let (mut gradients, mut scratch) = (vec![0.0; registry.len()], Array2::zeros((n, c)));
            layer.join_backward(&mut d, &mut gradients, &kept, &weights, &mut scratch);
            let through = &d * &layer.entered(&kept, &rows) * 2.0;
            layer.enter_backward(
                &mut d,
                &mut gradients,
                &through,
                &rows,
                &kept,
                &weights,
                &mut scratch,
            );
            check("x", &x, contiguous(&d), 1e-7, |x| loss(x, &weights));
            if norm != Norm::None {
                check("weights", &weights, &gradients, 1e-7, |weights| loss(&x, weights));
            }
        }
    }
}
