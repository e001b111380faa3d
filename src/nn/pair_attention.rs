//! The three attentions of the encoder-decoder (Attention Is All You Need, 3.2.3): the encoder's and the decoder's over
//! their own positions, and the decoder's over the encoder's memory.
//!
//! Sequences of a batch have different lengths and are filled up at their ends. So what is hidden is a number for each
//! sequence, not a matrix: the keys from its length on are never multiplied, and their weight is 0. Queries that are
//! padding are computed like others; nobody reads what they find.
//!
//! Dropout is the paper's (5.4): on the output, not on the weights.

mod cache;

use ndarray::{Array2, ArrayRef2, ArrayView2, s};
use rand::Rng;

use super::Look;
use super::activation::{contiguous, contiguous_mut};
use super::attention::{AttentionScale, Pack, Span, visit_scores};
use super::dropout::Dropout;
use super::init::Init;
use super::linear::Linear;
use super::parameters::Registry;
use crate::math::gemm::{matrix, matrix_mut};
use crate::math::{Real, attention, room, vector};

pub use cache::Cache;

/// Where keys and values come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keys {
    /// All positions of the sequence itself: the encoder.
    Own,
    /// Its own and earlier positions: the decoder.
    Earlier,
    /// Another sequence: the decoder reads the encoder's memory.
    Memory,
}

/// What a layer reads keys and values from: B sequences of `time` rows.
#[derive(Clone, Copy)]
pub struct Memory<'a> {
    /// (B*S, C); for attention over the own positions, the queries' rows
    pub rows: &'a ArrayRef2<Real>,
    /// S
    pub time: usize,
    /// (B): how many of a sequence's rows may be seen, at least 1; none given, all
    pub lengths: Option<&'a [usize]>,
}

impl Memory<'_> {
    fn length(&self, sequence: usize) -> usize {
        self.lengths.map_or(self.time, |lengths| lengths[sequence])
    }
}

/// The linear layers before the heads; what reads the same rows is one matrix product.
#[derive(Clone, Debug)]
enum Inputs {
    /// C -> 3C
    Own(Linear),
    /// C -> C and C -> 2C
    Memory { query: Linear, key_value: Linear },
}

#[derive(Clone, Debug)]
pub struct PairAttention {
    pub n_head: usize,
    pub head_size: usize,
    scale: Real,
    keys: Keys,
    inputs: Inputs,
    projection: Linear,
    /// Where in the model it stands, for dropout.
    place: u64,
}

/// What one attention layer keeps for backward and for the eye.
#[derive(Clone, Debug)]
pub struct Activations {
    /// (B, heads, T, hs)
    query: Vec<Real>,
    /// (B, heads, S, hs)
    key: Vec<Real>,
    /// (B, heads, S, hs)
    value: Vec<Real>,
    /// (B, heads, T * S): softmax of the scores; of each head the first T * length count, (T, length)
    weights: Vec<Real>,
    /// (N, C): the heads' outputs side by side
    heads: Array2<Real>,
    /// (N, C): after the projection and dropout
    out: Array2<Real>,
}

/// What all attention layers of a model share.
#[derive(Clone, Debug)]
pub struct Scratch {
    /// (N, 3C) or less
    inputs: Vec<Real>,
    /// (B, heads, T or S, hs) each
    packed: [Vec<Real>; 4],
    /// (B*T, C), then (B*S, C)
    rows: Vec<Real>,
    head: attention::Scratch,
}

impl Scratch {
    /// For queries and keys of at most `time` positions.
    pub fn new(sequences: usize, time: usize, n_embd: usize, n_head: usize) -> Self {
        let size = sequences * time * n_embd;
        Self {
            inputs: room::zeros(3 * size),
            packed: [(); 4].map(|()| room::zeros(size)),
            rows: room::zeros(size),
            head: attention::Scratch::new(time, time, n_embd / n_head),
        }
    }
}

impl PairAttention {
    /// Reserves `name.heads.<h>.query|key|value.weight`, `name.proj.weight` and `name.proj.bias`.
    pub fn new(
        registry: &mut Registry,
        name: &str,
        place: u64,
        n_embd: usize,
        n_head: usize,
        scale: AttentionScale,
        keys: Keys,
    ) -> Self {
        let head_size = n_embd / n_head;
        let mut side_by_side = |parts: &[&str]| {
            Linear::side_by_side(registry, parts.len() * n_head, n_embd, head_size, |i| {
                format!("{name}.heads.{}.{}", i % n_head, parts[i / n_head])
            })
        };
        let inputs = if keys == Keys::Memory {
            Inputs::Memory {
                query: side_by_side(&["query"]),
                key_value: side_by_side(&["key", "value"]),
            }
        } else {
            Inputs::Own(side_by_side(&["query", "key", "value"]))
        };
        let projection = Linear::new(registry, &format!("{name}.proj"), n_embd, n_embd, true);
        Self {
            n_head,
            head_size,
            scale: scale.factor(n_embd, n_head),
            keys,
            inputs,
            projection,
            place,
        }
    }

    pub fn initialise(&self, weights: &mut [Real], init: Init, rng: &mut impl Rng) {
        match &self.inputs {
            Inputs::Own(qkv) => qkv.initialise(weights, init, rng),
            Inputs::Memory { query, key_value } => {
                query.initialise(weights, init, rng);
                key_value.initialise(weights, init, rng);
            }
        }
        self.projection.initialise(weights, init, rng);
    }

    fn width(&self) -> usize {
        self.n_head * self.head_size
    }

    /// For `queries` positions that look at `keys`.
    pub fn activations(&self, sequences: usize, queries: usize, keys: usize) -> Activations {
        let (rows, n_embd) = (sequences * queries, self.width());
        Activations {
            query: room::zeros(rows * n_embd),
            key: room::zeros(sequences * keys * n_embd),
            value: room::zeros(sequences * keys * n_embd),
            weights: room::zeros(sequences * self.n_head * queries * keys),
            heads: room::matrix((rows, n_embd)),
            out: room::matrix((rows, n_embd)),
        }
    }

    /// Weights that a row of the queries is multiplied by.
    pub fn query_products(&self) -> usize {
        self.projection.products()
            + match &self.inputs {
                Inputs::Own(qkv) => qkv.products(),
                Inputs::Memory { query, .. } => query.products(),
            }
    }

    /// Weights that a row of the memory is multiplied by.
    pub fn memory_products(&self) -> usize {
        match &self.inputs {
            Inputs::Own(_) => 0,
            Inputs::Memory { key_value, .. } => key_value.products(),
        }
    }

    fn pack(&self, time: usize) -> Pack {
        Pack { n_head: self.n_head, head_size: self.head_size, time }
    }

    fn shape(&self, queries: usize, keys: usize) -> attention::Shape {
        attention::Shape {
            queries,
            keys,
            width: self.head_size,
            value_width: self.head_size,
            scale: self.scale,
            causal: self.keys == Keys::Earlier,
        }
    }

    /// # Shapes
    /// - x (N, C) with N = B*T; fills the first N rows of the activations
    pub fn forward(
        &self,
        a: &mut Activations,
        x: &ArrayRef2<Real>,
        memory: Memory<'_>,
        span: Span,
        weights: &[Real],
        dropout: Dropout,
        scratch: &mut Scratch,
    ) {
        let (n, time, width) = (span.rows(), span.time, self.width());
        let inputs = &mut scratch.inputs;
        match &self.inputs {
            Inputs::Own(qkv) => {
                let rows = &mut inputs[..n * 3 * width];
                qkv.forward(&mut matrix_mut(rows, n, 3 * width), x, weights);
                let pack = self.pack(time);
                for (part, to) in [&mut a.query, &mut a.key, &mut a.value].into_iter().enumerate() {
                    pack.split(to, rows, 3, part);
                }
            }
            Inputs::Memory { query, key_value } => {
                query.forward(&mut matrix_mut(inputs, n, width), x, weights);
                self.pack(time).split(&mut a.query, &inputs[..n * width], 1, 0);
                let m = memory.rows.nrows();
                let rows = &mut inputs[..m * 2 * width];
                key_value.forward(&mut matrix_mut(rows, m, 2 * width), memory.rows, weights);
                for (part, to) in [&mut a.key, &mut a.value].into_iter().enumerate() {
                    self.pack(memory.time).split(to, rows, 2, part);
                }
            }
        }
        let (size, key_size) = (time * self.head_size, memory.time * self.head_size);
        for i in 0..span.sequences * self.n_head {
            let length = memory.length(i / self.n_head);
            let (at, seen) =
                (i * size..(i + 1) * size, i * key_size..i * key_size + length * self.head_size);
            attention::forward(
                &mut scratch.packed[0][at.clone()],
                &mut a.weights[i * time * memory.time..][..time * length],
                &a.query[at],
                &a.key[seen.clone()],
                &a.value[seen],
                &self.shape(time, length),
                None,
                &mut scratch.head,
            );
        }
        let mut heads = a.heads.slice_mut(s![..n, ..]);
        self.pack(time).join(contiguous_mut(&mut heads), &scratch.packed[0], 1, 0);
        let mut out = a.out.slice_mut(s![..n, ..]);
        self.projection.forward(&mut out, &heads, weights);
        dropout.apply(&mut out, self.place, span.first, time);
    }

    /// Sets dx, adds to the gradients and, when the keys come from a memory, to `d_memory`; dy is used up.
    ///
    /// # Shapes
    /// - dx, dy, x (N, C); `d_memory` (B*S, C)
    ///
    /// # Panics
    /// If the keys come from a memory and there is no `d_memory`.
    pub fn backward(
        &self,
        dx: &mut ArrayRef2<Real>,
        d_memory: Option<&mut ArrayRef2<Real>>,
        gradients: &mut [Real],
        dy: &mut ArrayRef2<Real>,
        x: &ArrayRef2<Real>,
        memory: Memory<'_>,
        a: &Activations,
        span: Span,
        weights: &[Real],
        dropout: Dropout,
        scratch: &mut Scratch,
    ) {
        let (n, time, width) = (span.rows(), span.time, self.width());
        let Scratch { inputs, packed, rows, head } = scratch;
        dropout.apply(dy, self.place, span.first, time);
        let d_heads = &mut rows[..n * width];
        self.projection.backward(
            &mut matrix_mut(d_heads, n, width),
            gradients,
            dy,
            &a.heads.slice(s![..n, ..]),
            weights,
        );
        let [d_out, d_query, d_key, d_value] = packed;
        self.pack(time).split(d_out, d_heads, 1, 0);
        let (size, key_size) = (time * self.head_size, memory.time * self.head_size);
        for i in 0..span.sequences * self.n_head {
            let length = memory.length(i / self.n_head);
            let (at, all) = (i * size..(i + 1) * size, i * key_size..(i + 1) * key_size);
            let seen = all.start..all.start + length * self.head_size;
            attention::backward(
                &mut d_query[at.clone()],
                &mut d_key[seen.clone()],
                &mut d_value[seen.clone()],
                &d_out[at.clone()],
                &a.weights[i * time * memory.time..][..time * length],
                &a.query[at],
                &a.key[seen.clone()],
                &a.value[seen.clone()],
                &self.shape(time, length),
                None,
                head,
            );
            d_key[seen.end..all.end].fill(0.0);
            d_value[seen.end..all.end].fill(0.0);
        }
        match &self.inputs {
            Inputs::Own(qkv) => {
                let d = &mut inputs[..n * 3 * width];
                for (part, from) in [&*d_query, d_key, d_value].into_iter().enumerate() {
                    self.pack(time).join(d, from, 3, part);
                }
                qkv.backward(dx, gradients, &matrix(d, n, 3 * width), x, weights);
            }
            Inputs::Memory { query, key_value } => {
                self.pack(time).join(&mut inputs[..n * width], d_query, 1, 0);
                query.backward(dx, gradients, &matrix(inputs, n, width), x, weights);
                let m = memory.rows.nrows();
                let d = &mut inputs[..m * 2 * width];
                for (part, from) in [&*d_key, d_value].into_iter().enumerate() {
                    self.pack(memory.time).join(d, from, 2, part);
                }
                let (d, d_rows) = (matrix(d, m, 2 * width), &mut rows[..m * width]);
                let mut d_rows = matrix_mut(d_rows, m, width);
                key_value.backward(&mut d_rows, gradients, &d, memory.rows, weights);
                let d_memory = d_memory.expect("attention over a memory is given its gradient");
                vector::add(contiguous_mut(d_memory), contiguous(&d_rows));
            }
        }
    }
}

impl Activations {
    /// The layer's output, (N, C).
    pub fn out(&self, n: usize) -> ArrayView2<'_, Real> {
        self.out.slice(s![..n, ..])
    }

    /// Hands the named values of the first sequence, of which `length` of `keys` positions may be seen, to `look`, see
    /// [`crate::model::Inference::visit`].
    pub fn visit(
        &self,
        layer: &PairAttention,
        name: &str,
        [queries, keys, length]: [usize; 3],
        look: &mut Look<'_>,
    ) {
        let (heads, hs, width) = (layer.n_head, layer.head_size, layer.width());
        let query = &self.query[..queries * width];
        let (key, value) = (&self.key[..keys * width], &self.value[..keys * width]);
        look(&format!("{name}.query"), &[heads, queries, hs], query);
        look(&format!("{name}.key"), &[heads, keys, hs], key);
        look(&format!("{name}.value"), &[heads, keys, hs], value);
        let hidden = |i, j| j >= length || (layer.keys == Keys::Earlier && j > i);
        visit_scores(name, [heads, queries, keys, hs], query, key, layer.scale, hidden, look);
        let mut weights = room::list(heads * queries * keys);
        for head in self.weights.chunks_exact(queries * keys).take(heads) {
            for row in head[..queries * length].chunks_exact(length) {
                weights.extend_from_slice(row);
                weights.extend(std::iter::repeat_n(0.0, keys - length));
            }
        }
        look(&format!("{name}.weights"), &[heads, queries, keys], &weights);
        let shape = [queries, width];
        look(&format!("{name}.out"), &shape, &contiguous(&self.heads)[..queries * width]);
        look(name, &shape, contiguous(&self.out(queries)));
    }
}

#[cfg(all(test, feature = "f64"))]
mod tests {
    use super::*;
    use crate::math::finite_difference::{check, values, weighted_sum};

    /// Over own, earlier and other positions, with padding, few keys and many, and one query.
    #[test]
    fn gradient_of_input_memory_and_every_weight() {
        for (keys, time, other, n_head, lengths, p) in [
            (Keys::Own, 5, 5, 2, &[5, 2][..], 0.3),
            (Keys::Own, 20, 20, 3, &[17, 20], 0.0),
            (Keys::Earlier, 5, 5, 3, &[5, 5], 0.3),
            (Keys::Memory, 4, 7, 2, &[7, 3], 0.3),
            (Keys::Memory, 1, 3, 1, &[1, 3], 0.0),
            (Keys::Memory, 3, 19, 2, &[19, 18], 0.0),
        ] {
            let (c, sequences) = (6, 2);
            let (n, m) = (sequences * time, sequences * other);
            let mut registry = Registry::default();
            let layer = PairAttention::new(
                &mut registry,
                "attn",
                9,
                c,
                n_head,
                AttentionScale::HeadSize,
                keys,
            );
            let (weights, dy) = (values(registry.len(), 1), values(n * c, 2));
            let (x, memory) = (values(n * c, 3), values(m * c, 4));
            let span = Span { sequences, time, first: 4 };
            let dropout = Dropout { p, seed: 5, step: 6 };
            let mut a = layer.activations(sequences + 1, time, other);
            let mut scratch = Scratch::new(sequences + 1, time.max(other), c, n_head);
            let lengths = (keys != Keys::Earlier).then_some(lengths);
            let mut loss = |x: &[f64], memory: &[f64], weights: &[f64]| {
                let x = matrix(x, n, c);
                let rows = if keys == Keys::Memory { matrix(memory, m, c) } else { x };
                let memory = Memory { rows: &rows, time: other, lengths };
                layer.forward(&mut a, &x, memory, span, weights, dropout, &mut scratch);
                weighted_sum(contiguous(&a.out(n)), &dy)
            };
            loss(&x, &memory, &weights);
            let mut kept = layer.activations(sequences, time, other);
            let mut working = Scratch::new(sequences, time.max(other), c, n_head);
            let rows = matrix(&x, n, c);
            let others = if keys == Keys::Memory { matrix(&memory, m, c) } else { rows };
            let read = Memory { rows: &others, time: other, lengths };
            layer.forward(&mut kept, &rows, read, span, &weights, dropout, &mut working);
            let (mut dx, mut gradients) = (Array2::zeros((n, c)), vec![0.0; registry.len()]);
            let mut d_memory = Array2::from_elem((m, c), 1.0);
            let mut d = Array2::from_shape_vec((n, c), dy.clone()).unwrap();
            layer.backward(
                &mut dx,
                (keys == Keys::Memory).then_some(&mut *d_memory),
                &mut gradients,
                &mut d,
                &rows,
                read,
                &kept,
                span,
                &weights,
                dropout,
                &mut working,
            );
            check("x", &x, contiguous(&dx), 1e-7, |x| loss(x, &memory, &weights));
            check("weights", &weights, &gradients, 1e-7, |weights| loss(&x, &memory, weights));
            if keys == Keys::Memory {
                let d_memory = d_memory - 1.0;
                check("memory", &memory, contiguous(&d_memory), 1e-7, |m| loss(&x, m, &weights));
            }
        }
    }
}
