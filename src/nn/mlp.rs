//! A multilayer perceptron: linear layers with ReLU between them, none after the last.
//!
//! Named as PyTorch's `nn.Sequential(Linear, ReLU, Linear, ...)` numbers them: layer i is `name.2i`.

use rand::Rng;

use super::Look;
use super::init::Init;
use super::linear::Linear;
use super::parameters::Registry;
use crate::math::Real;
use crate::math::activation::{relu, relu_backward};
use crate::math::gemm::{matrix, matrix_mut};

#[derive(Clone, Debug)]
pub struct Mlp {
    layers: Vec<Linear>,
}

/// What a pass keeps for backward and for the eye; it has room for the largest number of rows seen.
#[derive(Clone, Debug, Default)]
pub struct Activations {
    /// After each layer but the last, (n, width) each
    hidden: Vec<Hidden>,
    /// (n, out)
    out: Vec<Real>,
}

#[derive(Clone, Debug, Default)]
struct Hidden {
    width: usize,
    /// (n, width): before the bend; backward puts the gradient here
    before: Vec<Real>,
    /// (n, width): after it
    after: Vec<Real>,
}

impl Mlp {
    /// Reserves `name.0`, `name.2`, ...: a layer from each of `sizes` to the next.
    ///
    /// # Panics
    /// If there are fewer than two sizes.
    pub fn new(registry: &mut Registry, name: &str, sizes: &[usize]) -> Self {
        assert!(sizes.len() >= 2, "a layer has an input and an output");
        let layer =
            |i| Linear::new(registry, &format!("{name}.{}", 2 * i), sizes[i], sizes[i + 1], true);
        Self { layers: (0..sizes.len() - 1).map(layer).collect() }
    }

    pub fn initialise(&self, weights: &mut [Real], init: Init, rng: &mut impl Rng) {
        for layer in &self.layers {
            layer.initialise(weights, init, rng);
        }
    }

    pub fn n_in(&self) -> usize {
        self.layers[0].n_in
    }

    pub fn n_out(&self) -> usize {
        self.layers[self.layers.len() - 1].n_out
    }

    /// Weights that a row is multiplied by.
    pub fn products(&self) -> usize {
        self.layers.iter().map(Linear::products).sum()
    }

    pub fn activations(&self) -> Activations {
        let hidden = self.layers[1..].iter();
        let hidden = hidden.map(|layer| Hidden { width: layer.n_in, ..Hidden::default() });
        Activations { hidden: hidden.collect(), ..Activations::default() }
    }

    /// Numbers that the activations hold for `n` rows.
    pub fn numbers(&self, n: usize) -> usize {
        let (last, hidden) = self.layers.split_last().expect("a layer");
        let hidden: usize = hidden.iter().map(|layer| 2 * layer.n_out).sum();
        n * (hidden + last.n_out)
    }

    /// # Shapes
    /// - x (n, in), row by row; [`Activations::out`] is then (n, out)
    pub fn forward(&self, a: &mut Activations, x: &[Real], weights: &[Real]) {
        let n = x.len() / self.n_in();
        let Activations { hidden, out } = a;
        let mut input = x;
        for (layer, Hidden { before, after, .. }) in self.layers.iter().zip(hidden) {
            before.resize(n * layer.n_out, 0.0);
            after.resize(n * layer.n_out, 0.0);
            let mut y = matrix_mut(before, n, layer.n_out);
            layer.forward(&mut y, &matrix(input, n, layer.n_in), weights);
            relu(after, before);
            input = after;
        }
        let last = &self.layers[self.layers.len() - 1];
        out.resize(n * last.n_out, 0.0);
        last.forward(&mut matrix_mut(out, n, last.n_out), &matrix(input, n, last.n_in), weights);
    }

    /// From d loss / d output, which stands in [`Activations::out_mut`] by now: adds to the gradients of the weights where
    /// they are wanted, and sets dx where it is. What the layers gave before the bends is used up.
    ///
    /// # Shapes
    /// - x, dx (n, in)
    pub fn backward(
        &self,
        a: &mut Activations,
        mut gradients: Option<&mut [Real]>,
        dx: Option<&mut [Real]>,
        x: &[Real],
        weights: &[Real],
    ) {
        let n = x.len() / self.n_in();
        for (i, layer) in self.layers.iter().enumerate().skip(1).rev() {
            let (below, above) = a.hidden.split_at_mut(i);
            let Hidden { before, after, .. } = &mut below[i - 1];
            let dy = matrix(above.first().map_or(&a.out, |h| &h.before), n, layer.n_out);
            if let Some(gradients) = gradients.as_deref_mut() {
                layer.backward_weights(gradients, &dy, &matrix(after, n, layer.n_in));
            }
            layer.backward_input(&mut matrix_mut(before, n, layer.n_in), &dy, weights);
            // ReLU's output is positive exactly where its input was.
            relu_backward(before, after);
        }
        let first = &self.layers[0];
        let dy = matrix(a.hidden.first().map_or(&a.out, |h| &h.before), n, first.n_out);
        if let Some(gradients) = gradients {
            first.backward_weights(gradients, &dy, &matrix(x, n, first.n_in));
        }
        if let Some(dx) = dx {
            first.backward_input(&mut matrix_mut(dx, n, first.n_in), &dy, weights);
        }
    }
}

impl Activations {
    /// The output, (n, out).
    pub fn out(&self) -> &[Real] {
        &self.out
    }

    /// Where backward finds d loss / d output, (n, out).
    pub fn out_mut(&mut self) -> &mut [Real] {
        &mut self.out
    }

    /// Hands what comes out of each ReLU for the first row to `look`: `name.hidden` (width), and `name.hidden.1` and so on
    /// where there are more than one.
    pub fn visit(&self, name: &str, look: &mut Look<'_>) {
        for (i, Hidden { width, after, .. }) in self.hidden.iter().enumerate() {
            let name = if i == 0 { format!("{name}.hidden") } else { format!("{name}.hidden.{i}") };
            look(&name, &[*width], &after[..*width]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn layers_are_named_and_laid_out_as_nn_sequential_does() {
        let mut registry = Registry::default();
        let mlp = Mlp::new(&mut registry, "encoder", &[5, 4, 3, 2]);
        let names: Vec<_> = registry.parameters().iter().map(|p| &*p.name).collect();
        let expected = ["0.weight", "0.bias", "2.weight", "2.bias", "4.weight", "4.bias"];
        assert_eq!(names, expected.map(|name| format!("encoder.{name}")));
        assert_eq!(registry.get("encoder.2.weight").unwrap().shape, [3, 4]);
        assert_eq!((mlp.n_in(), mlp.n_out(), mlp.products()), (5, 2, 38));
    }

    /// Fewer rows after more leave nothing of the earlier ones behind.
    #[test]
    fn a_smaller_batch_after_a_larger_one_is_computed_alone() {
        let mut registry = Registry::default();
        let mlp = Mlp::new(&mut registry, "mlp", &[3, 6, 2]);
        let weights: Vec<Real> = (0..registry.len()).map(|i| (i as Real * 0.7).sin()).collect();
        let x: Vec<Real> = (0..15).map(|i| (i as Real * 1.3).cos()).collect();
        let (mut used, mut fresh) = (mlp.activations(), mlp.activations());
        mlp.forward(&mut used, &x, &weights);
        mlp.forward(&mut used, &x[6..12], &weights);
        mlp.forward(&mut fresh, &x[6..12], &weights);
        assert_eq!((used.out().len(), used.out()), (4, fresh.out()));
    }

    #[test]
    #[cfg(feature = "f64")]
    fn gradient_of_input_and_every_weight() {
        use crate::math::finite_difference::{check, values, weighted_sum};
        for (sizes, n) in
            [(&[4, 3][..], 5), (&[3, 7, 2], 4), (&[2, 6, 5, 3], 1), (&[3, 4, 4, 1], 6)]
        {
            let mut registry = Registry::default();
            let mlp = Mlp::new(&mut registry, "mlp", sizes);
            let (weights, x) = (values(registry.len(), 1), values(n * mlp.n_in(), 2));
            let dy = values(n * mlp.n_out(), 3);
            let (mut a, mut dx) = (mlp.activations(), vec![0.0; x.len()]);
            let mut gradients = vec![0.0; weights.len()];
            mlp.forward(&mut a, &x, &weights);
            a.out_mut().copy_from_slice(&dy);
            mlp.backward(&mut a, Some(&mut gradients), Some(&mut dx), &x, &weights);
            let mut dx_alone = vec![0.0; x.len()];
            mlp.forward(&mut a, &x, &weights);
            a.out_mut().copy_from_slice(&dy);
            mlp.backward(&mut a, None, Some(&mut dx_alone), &x, &weights);
            assert_eq!(dx, dx_alone, "the input's gradient without those of the weights");
            let mut loss = |x: &[f64], weights: &[f64]| {
                mlp.forward(&mut a, x, weights);
                weighted_sum(a.out(), &dy)
            };
            check("x", &x, &dx, 1e-7, |x| loss(x, &weights));
            check("weights", &weights, &gradients, 1e-7, |weights| loss(&x, weights));
        }
    }
}
