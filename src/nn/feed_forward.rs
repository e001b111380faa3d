//! After communication, computation: every position thinks by itself about what it has gathered.

use ndarray::{Array2, ArrayRef2, ArrayView2, s};
use rand::Rng;
use serde::{Deserialize, Serialize};
use strum::{EnumString, IntoStaticStr, VariantNames};

use super::Look;
use super::activation::Activation;
use super::init::Init;
use super::linear::Linear;
use super::parameters::Registry;
use super::pass::Pass;
use super::rows::contiguous;
use crate::math::{Real, room};

/// What follows attention in a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[derive(EnumString, IntoStaticStr, VariantNames)]
#[strum(serialize_all = "snake_case")]
pub enum Kind {
    None,
    /// One layer C -> C and the activation, as when the lecture introduces it.
    Single,
    /// C -> 4C, the activation, 4C -> C, as in the paper.
    Mlp4,
}

#[derive(Clone, Debug)]
pub struct FeedForward {
    first: Linear,
    activation: Activation,
    second: Option<Linear>,
    /// Where in the model it stands, for dropout.
    place: u64,
}

/// What one feed-forward keeps for backward and for the eye.
#[derive(Clone, Debug)]
pub struct Activations {
    /// (N, hidden): before the bend
    hidden: Array2<Real>,
    /// (N, hidden): after it
    activated: Array2<Real>,
    /// (N, C), where there is a second layer
    out: Option<Array2<Real>>,
}

impl FeedForward {
    /// Reserves `name.net.0` and, when four times wide, `name.net.2`; `None` if there is no feed-forward.
    pub fn new(
        registry: &mut Registry,
        name: &str,
        place: u64,
        n_embd: usize,
        kind: Kind,
        activation: Activation,
    ) -> Option<Self> {
        match kind {
            Kind::None => None,
            Kind::Single => {
                let first = Linear::new(registry, &format!("{name}.net.0"), n_embd, n_embd, true);
                Some(Self { first, activation, second: None, place })
            }
            Kind::Mlp4 => Some(Self::wide(registry, name, place, n_embd, 4 * n_embd, activation)),
        }
    }

    /// C -> `hidden`, the activation, `hidden` -> C: position-wise, as in the paper (3.3).
    pub fn wide(
        registry: &mut Registry,
        name: &str,
        place: u64,
        n_embd: usize,
        hidden: usize,
        activation: Activation,
    ) -> Self {
        let first = Linear::new(registry, &format!("{name}.net.0"), n_embd, hidden, true);
        let second = Linear::new(registry, &format!("{name}.net.2"), hidden, n_embd, true);
        Self { first, activation, second: Some(second), place }
    }

    pub fn initialise(&self, weights: &mut [Real], init: Init, rng: &mut impl Rng) {
        self.first.initialise(weights, init, rng);
        if let Some(second) = &self.second {
            second.initialise(weights, init, rng);
        }
    }

    /// Width of the layer before the bend.
    pub fn hidden(&self) -> usize {
        self.first.n_out
    }

    pub fn activations(&self, rows: usize) -> Activations {
        Activations {
            hidden: room::matrix((rows, self.hidden())),
            activated: room::matrix((rows, self.hidden())),
            out: self.second.as_ref().map(|second| room::matrix((rows, second.n_out))),
        }
    }

    /// Weights that a row is multiplied by.
    pub fn products(&self) -> usize {
        self.first.products() + self.second.as_ref().map_or(0, Linear::products)
    }

    /// # Shapes
    /// - x (N, C); fills the first N rows of the activations
    pub fn forward(&self, a: &mut Activations, x: &ArrayRef2<Real>, pass: Pass<'_>) {
        let n = pass.span.rows();
        let mut hidden = a.hidden.slice_mut(s![..n, ..]);
        self.first.forward(&mut hidden, x, pass.weights);
        let mut activated = a.activated.slice_mut(s![..n, ..]);
        self.activation.forward(&mut activated, &hidden);
        match (&self.second, &mut a.out) {
            (Some(second), Some(out)) => {
                let mut out = out.slice_mut(s![..n, ..]);
                second.forward(&mut out, &activated, pass.weights);
                pass.drop(&mut out, self.place);
            }
            _ => pass.drop(&mut activated, self.place),
        }
    }

    /// Sets dx and adds to the gradients; dy is used up.
    ///
    /// # Shapes
    /// - dx, dy, x (N, C); scratch (at least N, hidden)
    pub fn backward(
        &self,
        dx: &mut ArrayRef2<Real>,
        gradients: &mut [Real],
        dy: &mut ArrayRef2<Real>,
        x: &ArrayRef2<Real>,
        a: &Activations,
        pass: Pass<'_>,
        scratch: &mut Array2<Real>,
    ) {
        let (n, weights) = (pass.span.rows(), pass.weights);
        pass.drop(dy, self.place);
        let hidden = a.hidden.slice(s![..n, ..]);
        if let Some(second) = &self.second {
            let mut d = scratch.slice_mut(s![..n, ..]);
            second.backward(&mut d, gradients, dy, &a.activated.slice(s![..n, ..]), weights);
            self.activation.backward(&mut d, &hidden);
            self.first.backward(dx, gradients, &d, x, weights);
        } else {
            self.activation.backward(dy, &hidden);
            self.first.backward(dx, gradients, dy, x, weights);
        }
    }
}

impl Activations {
    /// The layer's output, (N, C).
    pub fn out(&self, n: usize) -> ArrayView2<'_, Real> {
        self.out.as_ref().unwrap_or(&self.activated).slice(s![..n, ..])
    }

    /// Hands the named values of the first sequence to `look`, see [`crate::model::Inference::visit`].
    pub fn visit(&self, name: &str, time: usize, look: &mut Look<'_>) {
        for (part, values) in [("hidden", &self.hidden), ("activated", &self.activated)] {
            let width = values.ncols();
            look(&format!("{name}.{part}"), &[time, width], &contiguous(values)[..time * width]);
        }
        let out = self.out(time);
        look(name, &[time, out.ncols()], contiguous(&out));
    }
}

#[cfg(all(test, feature = "f64"))]
mod tests {
    use super::*;
    use crate::math::finite_difference::{check, values, weighted_sum};
    use crate::math::gemm::matrix;
    use crate::nn::dropout::Dropout;
    use crate::nn::pass::Span;

    #[test]
    fn gradient_of_input_and_every_weight() {
        for (kind, activation, p) in [
            (Kind::Single, Activation::Relu, 0.0),
            (Kind::Mlp4, Activation::Gelu, 0.3),
            (Kind::Mlp4, Activation::GeluTanh, 0.0),
        ] {
            let (n_embd, span) = (5, Span { sequences: 2, time: 3, first: 1 });
            let n = span.rows();
            let mut registry = Registry::default();
            let layer =
                FeedForward::new(&mut registry, "ffwd", 0, n_embd, kind, activation).unwrap();
            let (weights, dy, x) =
                (values(registry.len(), 1), values(n * n_embd, 2), values(n * n_embd, 3));
            let pass = Pass { weights: &weights, span, dropout: Dropout { p, seed: 5, step: 6 } };
            let (mut a, mut scratch) = (layer.activations(n), Array2::zeros((n, 4 * n_embd)));
            layer.forward(&mut a, &matrix(&x, n, n_embd), pass);
            let (mut dx, mut gradients) = (Array2::zeros((n, n_embd)), vec![0.0; registry.len()]);
            let mut d = Array2::from_shape_vec((n, n_embd), dy.clone()).unwrap();
            let rows = matrix(&x, n, n_embd);
            layer.backward(&mut dx, &mut gradients, &mut d, &rows, &a, pass, &mut scratch);
            let mut loss = |x: &[f64], weights: &[f64]| {
                layer.forward(&mut a, &matrix(x, n, n_embd), Pass { weights, ..pass });
                weighted_sum(contiguous(&a.out(n)), &dy)
            };
            check("x", &x, contiguous(&dx), 1e-7, |x| loss(x, &weights));
            check("weights", &weights, &gradients, 1e-7, |weights| loss(&x, weights));
        }
    }
}
