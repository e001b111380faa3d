//! The way past a sublayer f: what it makes of x is added to x (He et al. 2015), and a LayerNorm stands after the sum, as in
//! Attention Is All You Need, or before the sublayer.
//!
//! Post: y = ln(x + f(x)). Pre: y = x + f(ln(x)). None: y = x + f(x). Without the way past, "x +" is left out.

use ndarray::{Array2, ArrayRef2, ArrayView2, s};
use serde::{Deserialize, Serialize};
use strum::{EnumString, IntoStaticStr, VariantNames};

use super::layer_norm::{self, LayerNorm};
use super::parameters::Registry;
use super::rows::{contiguous, contiguous_mut};
use crate::math::{Real, room, vector};

/// Where LayerNorm stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[derive(EnumString, IntoStaticStr, VariantNames)]
#[strum(serialize_all = "snake_case")]
pub enum Norm {
    None,
    /// x + f(norm(x))
    Pre,
    /// norm(x + f(x)), as in the paper.
    Post,
}

#[derive(Clone, Debug)]
pub struct Residual {
    /// Whether x is added.
    add: bool,
    norm: Norm,
    ln: Option<LayerNorm>,
}

/// What one residual connection keeps for backward and for the eye.
#[derive(Clone, Debug)]
pub struct Activations {
    ln: Option<layer_norm::Activations>,
    /// (N, C): x + f(x), or f(x) alone
    sum: Array2<Real>,
}

impl Activations {
    /// What the norm, where there is one, made of its input, (N, C).
    pub fn normed(&self, n: usize) -> Option<ArrayView2<'_, Real>> {
        self.ln.as_ref().map(|ln| ln.out(n))
    }
}

impl Residual {
    /// Reserves `name.weight` and `name.bias`, unless there is no norm.
    pub fn new(
        registry: &mut Registry,
        name: &str,
        n_embd: usize,
        residual: bool,
        norm: Norm,
    ) -> Self {
        let ln = (norm != Norm::None).then(|| LayerNorm::new(registry, name, n_embd));
        Self { add: residual, norm, ln }
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
    fn input<'a>(&self, a: &'a Activations, x: &'a ArrayRef2<Real>) -> ArrayView2<'a, Real> {
        match &a.ln {
            Some(ln) if self.norm == Norm::Pre => ln.out(x.nrows()),
            _ => x.view(),
        }
    }

    /// `sublayer` is handed what it reads, (N, C), and gives what it makes of it, (N, C). The result is [`Residual::out`].
    ///
    /// # Shapes
    /// - x (N, C); fills the first N rows of the activations
    pub fn forward<'f>(
        &self,
        a: &mut Activations,
        x: &ArrayRef2<Real>,
        weights: &[Real],
        sublayer: impl FnOnce(&ArrayRef2<Real>) -> ArrayView2<'f, Real>,
    ) {
        if let (Norm::Pre, Some(ln), Some(kept)) = (self.norm, &self.ln, &mut a.ln) {
            ln.forward(kept, x, weights);
        }
        let y = sublayer(&self.input(a, x));
        let mut sum = a.sum.slice_mut(s![..x.nrows(), ..]);
        if self.add {
            vector::added(contiguous_mut(&mut sum), contiguous(x), contiguous(&y));
        } else {
            sum.assign(&y);
        }
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

    /// In place: d loss / d output becomes d loss / d x. `sublayer` is handed (dx, gradients, dy, what it read), sets dx
    /// and may use up dy.
    ///
    /// # Shapes
    /// - d, x (N, C); dx, dy (at least N, C) are scratch
    pub fn backward(
        &self,
        d: &mut ArrayRef2<Real>,
        gradients: &mut [Real],
        x: &ArrayRef2<Real>,
        a: &Activations,
        weights: &[Real],
        [dx, dy]: [&mut Array2<Real>; 2],
        sublayer: impl FnOnce(&mut ArrayRef2<Real>, &mut [Real], &mut ArrayRef2<Real>, &ArrayRef2<Real>),
    ) {
        let n = d.nrows();
        let (mut dx, mut dy) = (dx.slice_mut(s![..n, ..]), dy.slice_mut(s![..n, ..]));
        if let (Norm::Post, Some(ln), Some(kept)) = (self.norm, &self.ln, &a.ln) {
            ln.backward(&mut dx, gradients, d, &a.sum.slice(s![..n, ..]), kept, weights);
            d.assign(&dx);
        }
        if self.add {
            dy.assign(d);
            sublayer(&mut dx, gradients, &mut dy, &self.input(a, x));
        } else {
            sublayer(&mut dx, gradients, d, &self.input(a, x));
        }
        let mut through = dx;
        if let (Norm::Pre, Some(ln), Some(kept)) = (self.norm, &self.ln, &a.ln) {
            ln.backward(&mut dy, gradients, &through, x, kept, weights);
            through = dy;
        }
        if self.add {
            vector::add(contiguous_mut(d), contiguous(&through));
        } else {
            d.assign(&through);
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
        let norms = [Norm::None, Norm::Pre, Norm::Post];
        for (norm, residual) in norms.into_iter().flat_map(|norm| [(norm, true), (norm, false)]) {
            let (n, c) = (3, 7);
            let mut registry = Registry::default();
            let layer = Residual::new(&mut registry, "ln", c, residual, norm);
            let (weights, x, dy) = (values(registry.len(), 1), values(n * c, 2), values(n * c, 3));
            let forward = |a: &mut Activations, x: &[f64], weights: &[f64]| {
                let mut y = Array2::zeros((n, c));
                layer.forward(a, &matrix(x, n, c), weights, |x| {
                    y.assign(&(x * x));
                    y.view()
                });
            };
            let [mut a, mut kept] = [(); 2].map(|()| layer.activations(n + 1, c));
            forward(&mut kept, &x, &weights);
            let mut d = Array2::from_shape_vec((n, c), dy.clone()).unwrap();
            let mut gradients = vec![0.0; registry.len()];
            let [mut dx, mut d_out] = [(); 2].map(|()| Array2::zeros((n + 1, c)));
            let (rows, scratch) = (matrix(&x, n, c), [&mut dx, &mut d_out]);
            layer.backward(
                &mut d,
                &mut gradients,
                &rows,
                &kept,
                &weights,
                scratch,
                |dx, _, dy, x| {
                    dx.assign(&(&*dy * x * 2.0));
                },
            );
            let mut loss = |x: &[f64], weights: &[f64]| {
                forward(&mut a, x, weights);
                weighted_sum(contiguous(&layer.out(&a, n)), &dy)
            };
            check("x", &x, contiguous(&d), 1e-7, |x| loss(x, &weights));
            if norm != Norm::None {
                check("weights", &weights, &gradients, 1e-7, |weights| loss(&x, weights));
            }
        }
    }
}
