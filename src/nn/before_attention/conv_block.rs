//! A residual block of ByteNet's decoder (Kalchbrenner et al. 2016, "Neural Machine Translation in Linear Time", figure 3,
//! left): y = x + expand(causal convolution(reduce(x))), each of the three after LayerNorm and ReLU.
//!
//! Reduce and expand are the paper's 1x1 convolutions, to half the width and back: a linear layer at every position. Only
//! the convolution between them reads other positions.

use ndarray::{Array2, ArrayRef2, s};
use rand::Rng;

use super::convolution::{self, Convolution, Padding};
use crate::math::{Real, room, vector};
use crate::nn::Look;
use crate::nn::activation::Activation::Relu;
use crate::nn::init::Init;
use crate::nn::layer_norm::{self, LayerNorm};
use crate::nn::linear::Linear;
use crate::nn::parameters::Registry;
use crate::nn::pass::Pass;
use crate::nn::rows::{contiguous, contiguous_mut, visit_rows};

#[derive(Clone, Debug)]
pub struct ConvBlock {
    name: String,
    /// The key of its dropout masks.
    place: u64,
    norms: [LayerNorm; 3],
    reduce: Linear,
    convolution: Convolution,
    expand: Linear,
}

/// What one block keeps for backward and for the eye; C is the width, H half of it.
#[derive(Clone, Debug)]
pub struct Activations {
    /// (N, C), (N, H), (N, H)
    norms: [layer_norm::Activations; 3],
    /// After ReLU, (N, C), (N, H), (N, H)
    active: [Array2<Real>; 3],
    /// (N, H)
    reduced: Array2<Real>,
    /// (N, H)
    convolved: Array2<Real>,
    /// (N, C)
    pub out: Array2<Real>,
}

#[derive(Clone, Debug)]
pub struct Scratch {
    convolution: convolution::Scratch,
    /// (N, C)
    wide: Array2<Real>,
    /// (N, C)
    wide_input: Array2<Real>,
    /// (N, H)
    narrow: Array2<Real>,
    /// (N, H)
    narrow_input: Array2<Real>,
}

impl Scratch {
    pub fn new(rows: usize, width: usize, kernel: usize) -> Self {
        let half = half(width);
        let [wide, wide_input] = [(); 2].map(|()| room::matrix((rows, width)));
        let [narrow, narrow_input] = [(); 2].map(|()| room::matrix((rows, half)));
        let convolution = convolution::Scratch::new(rows, kernel * half);
        Self { convolution, wide, wide_input, narrow, narrow_input }
    }
}

fn half(width: usize) -> usize {
    width.div_ceil(2)
}

impl ConvBlock {
    /// Block `index`, whose taps are 2^index positions apart.
    pub fn new(registry: &mut Registry, index: usize, width: usize, kernel: usize) -> Self {
        let (name, half) = (format!("layers.{index}"), half(width));
        let r = registry;
        let settings = convolution::Settings {
            n_in: half,
            n_out: half,
            kernel,
            dilation: 1 << index,
            padding: Padding::Causal,
            bias: true,
        };
        let first = LayerNorm::new(r, &format!("{name}.ln1"), width);
        let reduce = Linear::new(r, &format!("{name}.reduce"), width, half, true);
        let second = LayerNorm::new(r, &format!("{name}.ln2"), half);
        let convolution = Convolution::new(r, &[&format!("{name}.conv")], &settings);
        let third = LayerNorm::new(r, &format!("{name}.ln3"), half);
        let expand = Linear::new(r, &format!("{name}.expand"), half, width, true);
        let norms = [first, second, third];
        Self { name, place: index as u64, norms, reduce, convolution, expand }
    }

    pub fn initialise(&self, weights: &mut [Real], init: Init, rng: &mut impl Rng) {
        for norm in &self.norms {
            norm.initialise(weights);
        }
        self.reduce.initialise(weights, init, rng);
        self.convolution.initialise(weights, init, rng);
        self.expand.initialise(weights, init, rng);
    }

    /// How many positions back an output reads.
    pub fn reach(&self) -> usize {
        self.convolution.reach()
    }

    /// The positions that an output reads, counted from its own.
    pub fn places(&self) -> impl Iterator<Item = isize> + use<> {
        self.convolution.places()
    }

    /// Number of weights that a position is multiplied by.
    pub fn products(&self) -> usize {
        self.reduce.products() + self.convolution.products() + self.expand.products()
    }

    pub fn activations(&self, rows: usize) -> Activations {
        let (width, half) = (self.reduce.n_in, self.reduce.n_out);
        let widths = [width, half, half];
        Activations {
            norms: widths.map(|width| layer_norm::Activations::new(rows, width)),
            active: widths.map(|width| room::matrix((rows, width))),
            reduced: room::matrix((rows, half)),
            convolved: room::matrix((rows, half)),
            out: room::matrix((rows, width)),
        }
    }

    /// LayerNorm number i and ReLU.
    fn activate(&self, a: &mut Activations, i: usize, x: &ArrayRef2<Real>, weights: &[Real]) {
        let n = x.nrows();
        self.norms[i].forward(&mut a.norms[i], x, weights);
        Relu.forward(&mut a.active[i].slice_mut(s![..n, ..]), &a.norms[i].out(n));
    }

    /// # Shapes
    /// - x (B * time, C)
    pub fn forward(
        &self,
        a: &mut Activations,
        x: &ArrayRef2<Real>,
        pass: Pass<'_>,
        scratch: &mut Scratch,
    ) {
        let (rows, time, weights) = (s![..x.nrows(), ..], pass.span.time, pass.weights);
        self.activate(a, 0, x, weights);
        self.reduce.forward(&mut a.reduced.slice_mut(rows), &a.active[0].slice(rows), weights);
        let reduced = std::mem::take(&mut a.reduced);
        self.activate(a, 1, &reduced.slice(rows), weights);
        a.reduced = reduced;
        self.convolution.forward(
            &mut a.convolved.slice_mut(rows),
            &a.active[1].slice(rows),
            time,
            weights,
            &mut scratch.convolution,
        );
        let convolved = std::mem::take(&mut a.convolved);
        self.activate(a, 2, &convolved.slice(rows), weights);
        a.convolved = convolved;
        let mut out = a.out.slice_mut(rows);
        self.expand.forward(&mut out, &a.active[2].slice(rows), weights);
        pass.drop(&mut out, self.place);
        vector::add(contiguous_mut(&mut out), contiguous(x));
    }

    /// d is d loss / d out and becomes d loss / d x.
    ///
    /// # Shapes
    /// - d, x (B * time, C)
    pub fn backward(
        &self,
        d: &mut ArrayRef2<Real>,
        gradients: &mut [Real],
        x: &ArrayRef2<Real>,
        a: &Activations,
        pass: Pass<'_>,
        scratch: &mut Scratch,
    ) {
        let (n, time, weights) = (x.nrows(), pass.span.time, pass.weights);
        let rows = s![..n, ..];
        let mut wide = scratch.wide.slice_mut(rows);
        let mut wide_input = scratch.wide_input.slice_mut(rows);
        let mut narrow = scratch.narrow.slice_mut(rows);
        let mut narrow_input = scratch.narrow_input.slice_mut(rows);
        wide.assign(d);
        pass.drop(&mut wide, self.place);
        self.expand.backward(&mut narrow, gradients, &wide, &a.active[2].slice(rows), weights);
        Relu.backward(&mut narrow, &a.norms[2].out(n));
        let convolved = a.convolved.slice(rows);
        self.norms[2].backward(
            &mut narrow_input,
            gradients,
            &narrow,
            &convolved,
            &a.norms[2],
            weights,
        );
        narrow.fill(0.0);
        self.convolution.backward(
            &mut narrow,
            gradients,
            &narrow_input,
            &a.active[1].slice(rows),
            time,
            weights,
            &mut scratch.convolution,
        );
        Relu.backward(&mut narrow, &a.norms[1].out(n));
        let reduced = a.reduced.slice(rows);
        self.norms[1].backward(
            &mut narrow_input,
            gradients,
            &narrow,
            &reduced,
            &a.norms[1],
            weights,
        );
        self.reduce.backward(
            &mut wide,
            gradients,
            &narrow_input,
            &a.active[0].slice(rows),
            weights,
        );
        Relu.backward(&mut wide, &a.norms[0].out(n));
        self.norms[0].backward(&mut wide_input, gradients, &wide, x, &a.norms[0], weights);
        vector::add(contiguous_mut(d), contiguous(&wide_input));
    }

    /// Hands over, of the first `time` rows: `layers.i.conv` (T, H), and `layers.i` (T, C), the block's output.
    pub fn visit(&self, a: &Activations, time: usize, look: &mut Look<'_>) {
        visit_rows(&format!("{}.conv", self.name), &a.convolved, time, look);
        visit_rows(&self.name, &a.out, time, look);
    }
}

#[cfg(all(test, feature = "f64"))]
mod tests {
    use super::*;
    use crate::math::finite_difference::{check, values, weighted_sum};
    use crate::math::gemm::{matrix, matrix_mut};
    use crate::nn::dropout::Dropout;
    use crate::nn::pass::Span;

    #[test]
    fn gradient_of_input_and_weights() {
        for (index, width, time, p) in [(0, 5, 4, 0.0), (1, 6, 5, 0.25)] {
            let (mut registry, n) = (Registry::default(), 2 * time);
            let block = ConvBlock::new(&mut registry, index, width, 3);
            let weights = values(registry.len(), 1);
            let (x, dy) = (values(n * width, 2), values(n * width, 3));
            let span = Span { sequences: 2, time, first: 0 };
            let pass = Pass { weights: &weights, span, dropout: Dropout { p, seed: 1, step: 2 } };
            let (mut a, mut scratch) = (block.activations(n), Scratch::new(n, width, 3));
            let scratch = &mut scratch;
            let x_rows = matrix(&x, n, width);
            block.forward(&mut a, &x_rows, pass, scratch);
            let (mut d, mut gradients) = (dy.clone(), vec![0.0; registry.len()]);
            let d_rows = &mut matrix_mut(&mut d, n, width);
            block.backward(d_rows, &mut gradients, &x_rows, &a, pass, scratch);
            let mut loss = |x: &[f64], weights: &[f64]| {
                block.forward(&mut a, &matrix(x, n, width), Pass { weights, ..pass }, scratch);
                weighted_sum(a.out.as_slice().unwrap(), &dy)
            };
            check("x", &x, &d, 1e-6, |x| loss(x, &weights));
            check("weights", &weights, &gradients, 1e-6, |weights| loss(&x, weights));
        }
    }
}
