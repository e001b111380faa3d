//! Self-attention with many heads: every position asks (query), every position offers (key), and what is found is
//! mixed (value).
//!
//! All queries, keys and values of all heads come from one matrix product, x (N, C) times W (C, 3C): columns 0..C are the
//! queries of head 0, head 1 …, then the keys, then the values. They are repacked to (B, heads, T, hs), so that every head
//! is one contiguous matrix. The weights P are kept: backward needs them, and they are on the screen.

mod cache;

use ndarray::{Array2, ArrayRef2, ArrayView2, s};
use rand::Rng;
use serde::{Deserialize, Serialize};

use super::Look;
use super::activation::{contiguous, contiguous_mut};
use super::dropout::Dropout;
use super::init::Init;
use super::linear::Linear;
use super::parameters::Registry;
use crate::math::{Real, attention, room};

pub use cache::Cache;

/// What q·k is divided by before the softmax.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AttentionScale {
    /// sqrt(head_size), as the paper says: then q·k has the variance of a product of single numbers, whatever the width.
    HeadSize,
    /// sqrt(n_embd), as the lecture's earlier commits did.
    NEmbd,
    /// 1
    None,
}

impl AttentionScale {
    /// What q·k is multiplied by.
    pub fn factor(self, n_embd: usize, n_head: usize) -> Real {
        match self {
            Self::HeadSize => ((n_embd / n_head) as Real).sqrt().recip(),
            Self::NEmbd => (n_embd as Real).sqrt().recip(),
            Self::None => 1.0,
        }
    }
}

/// Which sequences a call is about: `sequences` of `time` positions, the first being number `first` of the batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    pub sequences: usize,
    pub time: usize,
    pub first: usize,
}

impl Span {
    /// N = B * T
    pub fn rows(&self) -> usize {
        self.sequences * self.time
    }
}

#[derive(Clone, Debug)]
pub struct MultiHeadAttention {
    pub n_head: usize,
    pub head_size: usize,
    scale: Real,
    causal: bool,
    qkv: Linear,
    projection: Option<Linear>,
    /// Where in the model it stands, for dropout.
    block: usize,
}

/// What one attention layer keeps for backward and for the eye.
#[derive(Clone, Debug)]
pub struct Activations {
    /// (B, heads, T, hs)
    query: Vec<Real>,
    /// (B, heads, T, hs)
    key: Vec<Real>,
    /// (B, heads, T, hs)
    value: Vec<Real>,
    /// (B, heads, T, T): softmax of the scores, before dropout
    weights: Vec<Real>,
    /// (N, C): the heads' outputs side by side
    heads: Array2<Real>,
    /// (N, C): after the projection and dropout
    projected: Option<Array2<Real>>,
}

/// What all attention layers of a model share.
#[derive(Clone, Debug)]
pub struct Scratch {
    /// (N, 3C)
    qkv: Array2<Real>,
    /// (B, heads, T, hs) each
    packed: [Vec<Real>; 4],
    /// (N, C)
    d_heads: Array2<Real>,
    head: attention::Scratch,
}

impl Scratch {
    pub fn new(sequences: usize, time: usize, n_embd: usize, n_head: usize) -> Self {
        let rows = sequences * time;
        Self {
            qkv: room::matrix((rows, 3 * n_embd)),
            packed: [(); 4].map(|()| room::zeros(rows * n_embd)),
            d_heads: room::matrix((rows, n_embd)),
            head: attention::Scratch::new(time, time, n_embd / n_head),
        }
    }
}

impl MultiHeadAttention {
    /// Reserves `name.heads.<h>.query|key|value.weight` and, with `projection`, `name.proj.weight` and `.bias`.
    pub fn new(
        registry: &mut Registry,
        name: &str,
        block: usize,
        n_embd: usize,
        n_head: usize,
        scale: AttentionScale,
        causal: bool,
        projection: bool,
    ) -> Self {
        let head_size = n_embd / n_head;
        let qkv = Linear::side_by_side(registry, 3 * n_head, n_embd, head_size, |i| {
            format!("{name}.heads.{}.{}", i % n_head, ["query", "key", "value"][i / n_head])
        });
        let projection = projection
            .then(|| Linear::new(registry, &format!("{name}.proj"), n_embd, n_embd, true));
        let scale = scale.factor(n_embd, n_head);
        Self { n_head, head_size, scale, causal, qkv, projection, block }
    }

    pub fn initialise(&self, weights: &mut [Real], init: Init, rng: &mut impl Rng) {
        self.qkv.initialise(weights, init, rng);
        if let Some(projection) = &self.projection {
            projection.initialise(weights, init, rng);
        }
    }

    pub fn activations(&self, sequences: usize, time: usize) -> Activations {
        let (rows, n_embd) = (sequences * time, self.n_head * self.head_size);
        Activations {
            query: room::zeros(rows * n_embd),
            key: room::zeros(rows * n_embd),
            value: room::zeros(rows * n_embd),
            weights: room::zeros(sequences * self.n_head * time * time),
            heads: room::matrix((rows, n_embd)),
            projected: self.projection.as_ref().map(|_| room::matrix((rows, n_embd))),
        }
    }

    /// Weights that a row is multiplied by.
    pub fn products(&self) -> usize {
        self.qkv.products() + self.projection.as_ref().map_or(0, Linear::products)
    }

    fn shape(&self, time: usize) -> attention::Shape {
        attention::Shape {
            queries: time,
            keys: time,
            width: self.head_size,
            value_width: self.head_size,
            scale: self.scale,
            causal: self.causal,
        }
    }

    /// Places of the dropout masks: 0 and 1 are the block's sublayers, then the heads.
    fn place(&self, head: Option<usize>) -> u64 {
        (self.block * 1024 + head.map_or(0, |h| 2 + h)) as u64
    }

    /// # Shapes
    /// - x (N, C); fills the first N rows of the activations
    pub fn forward(
        &self,
        a: &mut Activations,
        x: &ArrayRef2<Real>,
        span: Span,
        weights: &[Real],
        dropout: Dropout,
        scratch: &mut Scratch,
    ) {
        let (n, time) = (span.rows(), span.time);
        let mut qkv = scratch.qkv.slice_mut(s![..n, ..]);
        self.qkv.forward(&mut qkv, x, weights);
        let qkv = contiguous(&qkv);
        let pack = Pack { n_head: self.n_head, head_size: self.head_size, time };
        for (part, packed) in [&mut a.query, &mut a.key, &mut a.value].into_iter().enumerate() {
            pack.split(packed, qkv, 3, part);
        }
        let shape = self.shape(time);
        let (size, square) = (time * self.head_size, time * time);
        for i in 0..span.sequences * self.n_head {
            let at = i * size..(i + 1) * size;
            let (sequence, head) = (span.first + i / self.n_head, i % self.n_head);
            attention::forward(
                &mut scratch.packed[0][at.clone()],
                &mut a.weights[i * square..(i + 1) * square],
                &a.query[at.clone()],
                &a.key[at.clone()],
                &a.value[at],
                &shape,
                dropout.at(self.place(Some(head)), sequence),
                &mut scratch.head,
            );
        }
        let mut heads = a.heads.slice_mut(s![..n, ..]);
        pack.join(contiguous_mut(&mut heads), &scratch.packed[0], 1, 0);
        match (&self.projection, &mut a.projected) {
            (Some(projection), Some(projected)) => {
                let mut projected = projected.slice_mut(s![..n, ..]);
                projection.forward(&mut projected, &heads, weights);
                dropout.apply(&mut projected, self.place(None), span.first, time);
            }
            _ => dropout.apply(&mut heads, self.place(None), span.first, time),
        }
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
        span: Span,
        weights: &[Real],
        dropout: Dropout,
        scratch: &mut Scratch,
    ) {
        let (n, time) = (span.rows(), span.time);
        let Scratch { qkv, packed, d_heads, head: head_scratch } = scratch;
        dropout.apply(dy, self.place(None), span.first, time);
        let mut d_heads = d_heads.slice_mut(s![..n, ..]);
        let d_heads = if let Some(projection) = &self.projection {
            projection.backward(&mut d_heads, gradients, dy, &a.heads.slice(s![..n, ..]), weights);
            contiguous(&d_heads)
        } else {
            contiguous(dy)
        };
        let pack = Pack { n_head: self.n_head, head_size: self.head_size, time };
        let [d_out, d_query, d_key, d_value] = packed;
        pack.split(&mut d_out[..n * pack.width()], d_heads, 1, 0);
        let shape = self.shape(time);
        let (size, square) = (time * self.head_size, time * time);
        for i in 0..span.sequences * self.n_head {
            let at = i * size..(i + 1) * size;
            let (sequence, head) = (span.first + i / self.n_head, i % self.n_head);
            attention::backward(
                &mut d_query[at.clone()],
                &mut d_key[at.clone()],
                &mut d_value[at.clone()],
                &d_out[at.clone()],
                &a.weights[i * square..(i + 1) * square],
                &a.query[at.clone()],
                &a.key[at.clone()],
                &a.value[at],
                &shape,
                dropout.at(self.place(Some(head)), sequence),
                head_scratch,
            );
        }
        let mut d_qkv = qkv.slice_mut(s![..n, ..]);
        for (part, packed) in [d_query, d_key, d_value].into_iter().enumerate() {
            pack.join(contiguous_mut(&mut d_qkv), packed, 3, part);
        }
        self.qkv.backward(dx, gradients, &d_qkv, x, weights);
    }
}

impl Activations {
    /// The layer's output, (N, C).
    pub fn out(&self, n: usize) -> ArrayView2<'_, Real> {
        self.projected.as_ref().unwrap_or(&self.heads).slice(s![..n, ..])
    }

    /// Hands the named values of the first sequence to `look`, see [`crate::model::Inference::visit`].
    pub fn visit(&self, layer: &MultiHeadAttention, name: &str, time: usize, look: &mut Look<'_>) {
        let (heads, hs) = (layer.n_head, layer.head_size);
        for (part, values) in [("query", &self.query), ("key", &self.key), ("value", &self.value)] {
            look(&format!("{name}.{part}"), &[heads, time, hs], &values[..heads * time * hs]);
        }
        let (query, key) = (&self.query, &self.key);
        let hidden = |i, j| layer.causal && j > i;
        visit_scores(name, [heads, time, time, hs], query, key, layer.scale, hidden, look);
        let squares = [heads, time, time];
        look(&format!("{name}.weights"), &squares, &self.weights[..heads * time * time]);
        let width = heads * hs;
        look(&format!("{name}.out"), &[time, width], &contiguous(&self.heads)[..time * width]);
        look(name, &[time, width], contiguous(&self.out(time)));
    }
}

/// Hands `name.products`, `.scores` and `.masked`, all (heads, Tq, Tk), of queries (heads, Tq, hs) and keys
/// (heads, Tk, hs) to `look`, where query i does not see key j if `hidden(i, j)`.
pub(super) fn visit_scores(
    name: &str,
    [heads, queries, keys, hs]: [usize; 4],
    query: &[Real],
    key: &[Real],
    scale: Real,
    hidden: impl Fn(usize, usize) -> bool,
    look: &mut Look<'_>,
) {
    let (mut products, mut scores, mut masked) = (Vec::new(), Vec::new(), Vec::new());
    for head in 0..heads {
        for i in 0..queries {
            for j in 0..keys {
                let q = &query[(head * queries + i) * hs..][..hs];
                let k = &key[(head * keys + j) * hs..][..hs];
                let product: Real = q.iter().zip(k).map(|(q, k)| q * k).sum();
                products.push(product);
                scores.push(product * scale);
                masked.push(if hidden(i, j) { Real::NEG_INFINITY } else { product * scale });
            }
        }
    }
    for (part, values) in [("products", products), ("scores", scores), ("masked", masked)] {
        look(&format!("{name}.{part}"), &[heads, queries, keys], &values);
    }
}

/// Between rows of all heads side by side, (B, T, parts, heads, hs), and one matrix a head, (B, heads, T, hs).
pub(super) struct Pack {
    pub n_head: usize,
    pub head_size: usize,
    pub time: usize,
}

impl Pack {
    fn width(&self) -> usize {
        self.n_head * self.head_size
    }

    /// Copies a run of head_size numbers; eight by eight, because a call for each short run costs more than the run.
    #[inline(always)]
    #[allow(clippy::inline_always)]
    fn copy(to: &mut [Real], from: &[Real]) {
        let (to_chunks, to_rest) = to.as_chunks_mut::<8>();
        let (from_chunks, from_rest) = from.as_chunks::<8>();
        for (to, from) in to_chunks.iter_mut().zip(from_chunks) {
            *to = *from;
        }
        for (to, from) in to_rest.iter_mut().zip(from_rest) {
            *to = *from;
        }
    }

    /// Calls `copy(rows_at, packed_at)` for every run of head_size numbers.
    #[inline(always)]
    #[allow(clippy::inline_always)]
    fn runs(&self, n: usize, parts: usize, part: usize, mut copy: impl FnMut(usize, usize)) {
        let Self { n_head, head_size, time } = *self;
        for b in 0..n / time {
            for t in 0..time {
                let row = ((b * time + t) * parts + part) * self.width();
                for h in 0..n_head {
                    copy(row + h * head_size, ((b * n_head + h) * time + t) * head_size);
                }
            }
        }
    }

    /// packed (B, heads, T, hs) from part `part` of the rows (N, parts * C).
    pub fn split(&self, packed: &mut [Real], rows: &[Real], parts: usize, part: usize) {
        let (n, hs) = (rows.len() / (parts * self.width()), self.head_size);
        self.runs(n, parts, part, |at, to| {
            Self::copy(&mut packed[to..to + hs], &rows[at..at + hs]);
        });
    }

    /// Part `part` of the rows (N, parts * C) from packed (B, heads, T, hs).
    pub fn join(&self, rows: &mut [Real], packed: &[Real], parts: usize, part: usize) {
        let (n, hs) = (rows.len() / (parts * self.width()), self.head_size);
        self.runs(n, parts, part, |to, at| {
            Self::copy(&mut rows[to..to + hs], &packed[at..at + hs]);
        });
    }
}

#[cfg(all(test, feature = "f64"))]
mod tests {
    use super::*;
    use crate::math::finite_difference::{check, values, weighted_sum};
    use crate::math::gemm::matrix;

    /// One head and many, T = 1, few keys and many, a partly filled micro-batch, with and without projection and dropout.
    #[test]
    fn gradient_of_input_and_every_weight() {
        for (time, n_head, causal, projection, p) in [
            (1, 1, true, false, 0.0),
            (5, 3, true, true, 0.3),
            (4, 2, false, false, 0.3),
            (20, 2, true, true, 0.0),
        ] {
            let (n_embd, sequences) = (6, 2);
            let n = sequences * time;
            let mut registry = Registry::default();
            let scale = AttentionScale::HeadSize;
            let layer = MultiHeadAttention::new(
                &mut registry,
                "sa",
                1,
                n_embd,
                n_head,
                scale,
                causal,
                projection,
            );
            let (weights, dy) = (values(registry.len(), 1), values(n * n_embd, 2));
            let x = values(n * n_embd, 3);
            let span = Span { sequences, time, first: 4 };
            let dropout = Dropout { p, seed: 5, step: 6 };
            let (mut a, mut scratch) = (
                layer.activations(sequences + 1, time),
                Scratch::new(sequences + 1, time, n_embd, n_head),
            );
            layer.forward(&mut a, &matrix(&x, n, n_embd), span, &weights, dropout, &mut scratch);
            let (mut dx, mut gradients) = (Array2::zeros((n, n_embd)), vec![0.0; registry.len()]);
            let mut d = Array2::from_shape_vec((n, n_embd), dy.clone()).unwrap();
            let rows = matrix(&x, n, n_embd);
            layer.backward(
                &mut dx,
                &mut gradients,
                &mut d,
                &rows,
                &a,
                span,
                &weights,
                dropout,
                &mut scratch,
            );
            let mut loss = |x: &[f64], weights: &[f64]| {
                layer.forward(&mut a, &matrix(x, n, n_embd), span, weights, dropout, &mut scratch);
                weighted_sum(contiguous(&a.out(n)), &dy)
            };
            check("x", &x, contiguous(&dx), 1e-7, |x| loss(x, &weights));
            check("weights", &weights, &gradients, 1e-7, |weights| loss(&x, weights));
        }
    }

    /// Without mask and positions, attention does not know the order of its keys: permuted in, permuted out.
    #[test]
    fn full_attention_is_permutation_equivariant() {
        let mut registry = Registry::default();
        let layer = MultiHeadAttention::new(
            &mut registry,
            "sa",
            0,
            8,
            2,
            AttentionScale::HeadSize,
            false,
            true,
        );
        let weights = values(registry.len(), 1);
        let (x, span) = (values(6 * 8, 2), Span { sequences: 1, time: 6, first: 0 });
        let (mut a, mut scratch) = (layer.activations(1, 6), Scratch::new(1, 6, 8, 2));
        let mut run = |x: &[f64]| {
            layer.forward(&mut a, &matrix(x, 6, 8), span, &weights, Dropout::OFF, &mut scratch);
            contiguous(&a.out(6)).to_vec()
        };
        let order = [3, 0, 5, 1, 4, 2];
        let permute =
            |x: &[f64]| order.iter().flat_map(|&i| x[i * 8..][..8].to_vec()).collect::<Vec<_>>();
        let (one, other) = (permute(&run(&x)), run(&permute(&x)));
        assert!(one.iter().zip(&other).all(|(a, b)| (a - b).abs() < 1e-12));
    }
}
