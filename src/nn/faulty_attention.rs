//! Attention with a mistake in it, to be trained: the loops of [`crate::math::plain::fault`] between the layers that right
//! attention has. Its weights have the names, the shapes and the first values of the right layer's.
//!
//! It is slow, in f64, and of at most eight positions. Dropout is on the output alone.

use ndarray::{Array2, ArrayRef2, ArrayView2, s};
use rand::Rng;

use super::Look;
use super::attention::Settings;
use super::init::Init;
use super::linear::Linear;
use super::parameters::Registry;
use super::pass::Pass;
use super::rows::{contiguous, contiguous_mut, visit_rows};
use crate::math::plain::fault::{self, Fault, Shape};
use crate::math::{Real, room};

#[derive(Clone, Debug)]
pub struct FaultyAttention {
    n_head: usize,
    head_size: usize,
    scale: Real,
    causal: bool,
    fault: Fault,
    /// C -> 3C
    qkv: Linear,
    projection: Option<Linear>,
    /// Where in the model it stands, for dropout.
    place: u64,
}

/// What one layer keeps for backward and for the eye.
#[derive(Clone, Debug)]
pub struct Activations {
    /// (N, 3C): a row's queries, keys and values
    qkv: Array2<Real>,
    /// (B, heads, T, T): what the softmax gives
    p: Vec<f64>,
    /// (N, C): the heads' outputs
    heads: Array2<Real>,
    /// (N, C): after the projection and dropout
    projected: Option<Array2<Real>>,
}

/// What all such layers of a model share.
#[derive(Clone, Debug)]
pub struct Scratch {
    /// (T, C) each, of one sequence: q, k, v and y
    values: [Vec<f64>; 4],
    /// (T, C) each: their gradients
    gradients: [Vec<f64>; 4],
    /// (N, C): of the heads' outputs
    d_heads: Array2<Real>,
    /// (N, 3C)
    d_qkv: Array2<Real>,
}

impl Scratch {
    pub fn new(sequences: usize, time: usize, n_embd: usize) -> Self {
        let some = || [(); 4].map(|()| room::doubles(time * n_embd));
        let rows = sequences * time;
        Self {
            values: some(),
            gradients: some(),
            d_heads: room::matrix((rows, n_embd)),
            d_qkv: room::matrix((rows, 3 * n_embd)),
        }
    }
}

/// Takes part `part` of so many of the rows (T, parts * C) as it is.
fn take(to: &mut [f64], rows: &[Real], parts: usize, part: usize, width: usize) {
    let rows = rows.chunks_exact(parts * width);
    for (to, row) in to.chunks_exact_mut(width).zip(rows) {
        for (to, x) in to.iter_mut().zip(&row[part * width..]) {
            *to = f64::from(*x);
        }
    }
}

/// Puts it back there.
fn put(rows: &mut [Real], from: &[f64], parts: usize, part: usize, width: usize) {
    let rows = rows.chunks_exact_mut(parts * width);
    for (row, from) in rows.zip(from.chunks_exact(width)) {
        for (x, from) in row[part * width..].iter_mut().zip(from) {
            *x = *from as Real;
        }
    }
}

impl FaultyAttention {
    /// Reserves what [`super::attention::MultiHeadAttention`] does.
    pub fn new(
        registry: &mut Registry,
        name: &str,
        place: u64,
        settings: &Settings,
        causal: bool,
        fault: Fault,
    ) -> Self {
        let Settings { n_embd, n_head, scale, .. } = *settings;
        let head_size = n_embd / n_head;
        let parts = ["query", "key", "value"];
        let qkv = Linear::side_by_side(registry, 3 * n_head, n_embd, head_size, |i| {
            format!("{name}.heads.{}.{}", i % n_head, parts[i / n_head])
        });
        let projection = settings
            .projection
            .then(|| Linear::new(registry, &format!("{name}.proj"), n_embd, n_embd, true));
        let scale = scale.factor(n_embd, n_head);
        Self { n_head, head_size, scale, causal, fault, qkv, projection, place }
    }

    pub fn initialise(&self, weights: &mut [Real], init: Init, rng: &mut impl Rng) {
        self.qkv.initialise(weights, init, rng);
        if let Some(projection) = &self.projection {
            projection.initialise(weights, init, rng);
        }
    }

    /// Weights that a row is multiplied by.
    pub fn products(&self) -> usize {
        self.qkv.products() + self.projection.as_ref().map_or(0, Linear::products)
    }

    fn width(&self) -> usize {
        self.n_head * self.head_size
    }

    pub fn activations(&self, sequences: usize, time: usize) -> Activations {
        let (rows, width) = (sequences * time, self.width());
        Activations {
            qkv: room::matrix((rows, 3 * width)),
            p: room::doubles(sequences * self.n_head * time * time),
            heads: room::matrix((rows, width)),
            projected: self.projection.as_ref().map(|_| room::matrix((rows, width))),
        }
    }

    fn shape(&self, time: usize) -> Shape {
        let Self { n_head, head_size, causal, fault, .. } = *self;
        Shape { time, n_head, head_size, scale: f64::from(self.scale), causal, fault }
    }

    /// # Shapes
    /// - x (N, C) with N = B*T; fills the first N rows of the activations
    pub fn forward(
        &self,
        a: &mut Activations,
        x: &ArrayRef2<Real>,
        pass: Pass<'_>,
        scratch: &mut Scratch,
    ) {
        let (n, time, width) = (pass.span.rows(), pass.span.time, self.width());
        let (shape, size) = (self.shape(time), time * width);
        let mut qkv = a.qkv.slice_mut(s![..n, ..]);
        self.qkv.forward(&mut qkv, x, pass.weights);
        let mut out = a.heads.slice_mut(s![..n, ..]);
        let outputs = contiguous_mut(&mut out).chunks_exact_mut(size);
        let maps = a.p.chunks_exact_mut(self.n_head * time * time);
        let inputs = contiguous(&qkv).chunks_exact(3 * size);
        let [q, k, v, y] = scratch.values.each_mut().map(|values| &mut values[..size]);
        for ((rows, out), p) in inputs.zip(outputs).zip(maps) {
            for (part, to) in [&mut *q, &mut *k, &mut *v].into_iter().enumerate() {
                take(to, rows, 3, part, width);
            }
            fault::forward(y, p, [q, k, v], &shape);
            put(out, y, 1, 0, width);
        }
        if let (Some(projection), Some(projected)) = (&self.projection, &mut a.projected) {
            let heads = std::mem::replace(&mut out, projected.slice_mut(s![..n, ..]));
            projection.forward(&mut out, &heads, pass.weights);
        }
        pass.drop(&mut out, self.place);
    }

    /// Sets dx and adds to the gradients; dy is used up.
    ///
    /// # Shapes
    /// - dx, dy, x (N, C)
    pub fn backward(
        &self,
        dx: &mut ArrayRef2<Real>,
        gradients: &mut [Real],
        dy: &mut ArrayRef2<Real>,
        x: &ArrayRef2<Real>,
        a: &Activations,
        pass: Pass<'_>,
        scratch: &mut Scratch,
    ) {
        let (n, time, width) = (pass.span.rows(), pass.span.time, self.width());
        let (shape, size) = (self.shape(time), time * width);
        let Scratch { values, gradients: d, d_heads, d_qkv } = scratch;
        pass.drop(dy, self.place);
        let mut d_heads = d_heads.slice_mut(s![..n, ..]);
        if let Some(projection) = &self.projection {
            let heads = a.heads.slice(s![..n, ..]);
            projection.backward(&mut d_heads, gradients, dy, &heads, pass.weights);
        } else {
            d_heads.assign(dy);
        }
        let mut d_qkv = d_qkv.slice_mut(s![..n, ..]);
        let d_inputs = contiguous_mut(&mut d_qkv).chunks_exact_mut(3 * size);
        let inputs = contiguous(&a.qkv).chunks_exact(3 * size);
        let outputs = contiguous(&d_heads).chunks_exact(size);
        let maps = a.p.chunks_exact(self.n_head * time * time);
        let [q, k, v, _] = values.each_mut().map(|values| &mut values[..size]);
        let [dq, dk, dv, dy] = d.each_mut().map(|values| &mut values[..size]);
        for (((d_rows, rows), out), p) in d_inputs.zip(inputs).zip(outputs).zip(maps) {
            for (part, to) in [&mut *q, &mut *k, &mut *v].into_iter().enumerate() {
                take(to, rows, 3, part, width);
            }
            take(dy, out, 1, 0, width);
            fault::backward([dq, dk, dv], dy, p, [q, k, v], &shape);
            for (part, from) in [&*dq, &*dk, &*dv].into_iter().enumerate() {
                put(d_rows, from, 3, part, width);
            }
        }
        self.qkv.backward(dx, gradients, &d_qkv, x, pass.weights);
    }
}

impl Activations {
    /// The layer's output, (N, C).
    pub fn out(&self, n: usize) -> ArrayView2<'_, Real> {
        self.projected.as_ref().unwrap_or(&self.heads).slice(s![..n, ..])
    }

    /// Hands the weights of the first sequence, `name.weights`, (heads, T, T), and what comes of them to `look`. A head's
    /// queries and keys may be those of no position, and are not named.
    pub fn visit(&self, layer: &FaultyAttention, name: &str, time: usize, look: &mut Look<'_>) {
        let shape = layer.shape(time);
        let mut weights = Vec::new();
        for p in self.p.chunks_exact(time * time).take(layer.n_head) {
            let all = (0..time * time).map(|at| shape.weight(p, at / time, at % time) as Real);
            weights.extend(all);
        }
        look(&format!("{name}.weights"), &[layer.n_head, time, time], &weights);
        visit_rows(&format!("{name}.out"), &self.heads, time, look);
        visit_rows(name, &self.out(time), time, look);
    }
}

#[cfg(all(test, feature = "f64"))]
mod tests {
    use super::*;
    use crate::math::finite_difference::{check, values, weighted_sum};
    use crate::math::gemm::matrix;
    use crate::nn::attention::{self, AttentionScale, Keys, Memory, MultiHeadAttention, QueryKey};
    use crate::nn::dropout::Dropout;
    use crate::nn::pass::Span;

    const C: usize = 6;

    fn settings(projection: bool) -> Settings {
        Settings {
            n_embd: C,
            n_head: 3,
            scale: AttentionScale::HeadSize,
            keys: Keys::Earlier,
            query_key: QueryKey::Separate,
            projection,
            drop_weights: true,
        }
    }

    #[test]
    fn gradient_of_input_and_every_weight() {
        for (at, name) in Fault::TRAINED.iter().enumerate() {
            let (projection, span) =
                (at % 2 == 0, Span { sequences: 2, time: 1 + 4 * ((at + 1) % 3), first: 3 });
            // Five positions, one, or as many as there may be.
            let span = Span { time: span.time.min(fault::LONGEST), ..span };
            let n = span.rows();
            let mut registry = Registry::default();
            let fault = name.parse().unwrap();
            let layer =
                FaultyAttention::new(&mut registry, "sa", 0, &settings(projection), true, fault);
            let (weights, x, dy) = (values(registry.len(), 1), values(n * C, 2), values(n * C, 3));
            let pass =
                Pass { weights: &weights, span, dropout: Dropout { p: 0.3, seed: 5, step: 6 } };
            let [mut a, mut kept] = [(); 2].map(|()| layer.activations(3, span.time));
            let mut scratch = Scratch::new(3, span.time, C);
            let rows = matrix(&x, n, C);
            layer.forward(&mut kept, &rows, pass, &mut scratch);
            let (mut dx, mut gradients) = (Array2::zeros((n, C)), vec![0.0; registry.len()]);
            let mut d = Array2::from_shape_vec((n, C), dy.clone()).unwrap();
            layer.backward(&mut dx, &mut gradients, &mut d, &rows, &kept, pass, &mut scratch);
            let mut loss = |x: &[f64], weights: &[f64]| {
                layer.forward(&mut a, &matrix(x, n, C), Pass { weights, ..pass }, &mut scratch);
                weighted_sum(contiguous(&a.out(n)), &dy)
            };
            check(&format!("{name} x"), &x, contiguous(&dx), 1e-7, |x| loss(x, &weights));
            check(&format!("{name} weights"), &weights, &gradients, 1e-7, |w| loss(&x, w));
        }
    }

    /// Without a fault it is the right layer, weight by weight.
    #[test]
    fn without_a_fault_it_is_right_attention() {
        for projection in [true, false] {
            let (span, settings) = (Span { sequences: 2, time: 5, first: 0 }, settings(projection));
            let n = span.rows();
            let [mut registry, mut right] = [Registry::default(), Registry::default()];
            let layer = FaultyAttention::new(&mut registry, "sa", 0, &settings, true, Fault::None);
            let other = MultiHeadAttention::new(&mut right, "sa", 0, &settings);
            assert_eq!(registry, right, "names, shapes and places");
            let (weights, x) = (values(registry.len(), 1), values(n * C, 2));
            let (pass, rows) = (Pass::over(span, &weights), matrix(&x, n, C));
            let mut a = layer.activations(2, 5);
            layer.forward(&mut a, &rows, pass, &mut Scratch::new(2, 5, C));
            let mut b = other.activations(2, 5, 5);
            let own = Memory::own(&rows, span, None);
            let mut scratch = attention::Scratch::new(2, 5, &settings);
            other.forward(&mut b, &rows, own, pass, &mut scratch);
            let (a, b) = (a.out(n), b.out(n));
            let near = |(a, b): (&f64, &f64)| (a - b).abs() < 1e-12;
            assert!(contiguous(&a).iter().zip(contiguous(&b)).all(near));
        }
    }
}
