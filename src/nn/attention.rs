//! Attention with many heads: every position asks (query), every position that may be seen offers (key), and what is found
//! is mixed (value). Attention Is All You Need, 3.2.
//!
//! What reads the same rows is one matrix product for all heads: x (N, C) times W (C, 3C), of whose columns 0..C are the
//! queries of head 0, head 1 …, then the keys, then the values. Where another sequence is read, its keys and values are a
//! product of their own. Sequences of a few positions go through [`in_lanes`], many heads at once; of longer ones each
//! head is read and written where it stands in those rows. The weights P are kept: backward needs them, and they are on the
//! screen.
//!
//! Sequences of different lengths are filled up at their ends. So what is hidden is a number for each sequence, not a
//! matrix: the keys from its length on are never multiplied, and their weight is 0. Queries that are padding are computed
//! like others; nobody reads what they find.

mod cache;
mod in_lanes;
mod query_key;

use ndarray::{Array2, ArrayRef2, ArrayView2, s};
use rand::Rng;
use serde::{Deserialize, Serialize};
use strum::{EnumString, IntoStaticStr, VariantNames};

use super::Look;
use super::init::Init;
use super::linear::Linear;
use super::parameters::Registry;
use super::pass::{Pass, Span};
use super::rows::{contiguous, contiguous_mut};
use crate::math::attention::{Gradients, Part, Rows, RowsMut};
use crate::math::gemm::{matrix, matrix_mut};
use crate::math::{Real, attention, room, vector};

pub use cache::Cache;
pub use query_key::QueryKey;

/// What q·k is divided by before the softmax.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[derive(EnumString, IntoStaticStr, VariantNames)]
#[strum(serialize_all = "snake_case")]
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

/// Where keys and values come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keys {
    /// All positions of the sequence itself: an encoder.
    Own,
    /// Its own and earlier positions: a decoder.
    Earlier,
    /// Another sequence: the decoder reads the encoder's memory.
    Memory,
}

/// Sizes and switches of attention.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    pub n_embd: usize,
    pub n_head: usize,
    pub scale: AttentionScale,
    pub keys: Keys,
    /// Of a sequence that reads itself; with keys from a memory there are always two weights.
    pub query_key: QueryKey,
    /// Whether a linear layer follows the heads.
    pub projection: bool,
    /// Whether dropout is on the weights too, as in the lecture, or on the output alone, as in the paper (5.4).
    pub drop_weights: bool,
}

/// What a layer reads keys and values from: B sequences of `time` rows.
#[derive(Clone, Copy)]
pub struct Memory<'a> {
    /// (B*S, C)
    pub rows: &'a ArrayRef2<Real>,
    /// S
    pub time: usize,
    /// (B): how many of a sequence's rows may be seen, at least 1; none given, all
    pub lengths: Option<&'a [usize]>,
}

impl<'a> Memory<'a> {
    /// The rows that the queries come from.
    pub fn own(rows: &'a ArrayRef2<Real>, span: Span, lengths: Option<&'a [usize]>) -> Self {
        Self { rows, time: span.time, lengths }
    }

    fn length(&self, sequence: usize) -> usize {
        self.lengths.map_or(self.time, |lengths| lengths[sequence])
    }
}

/// The linear layers before the heads.
#[derive(Clone, Debug)]
enum Inputs {
    /// C -> 3C, or 2C where keys have no weight of their own
    Own(Linear),
    /// C -> C and C -> 2C
    Memory { query: Linear, key_value: Linear },
}

#[derive(Clone, Debug)]
pub struct MultiHeadAttention {
    pub n_head: usize,
    pub head_size: usize,
    scale: Real,
    keys: Keys,
    query_key: QueryKey,
    inputs: Inputs,
    projection: Option<Linear>,
    drop_weights: bool,
    /// Where in the model it stands, for dropout: the output; the weights of head h are 2 + h further.
    place: u64,
}

/// What one attention layer keeps for backward and for the eye.
#[derive(Clone, Debug)]
pub struct Activations {
    kept: Kept,
    /// (N, C): the heads' outputs side by side
    heads: Array2<Real>,
    /// (N, C): after the projection and dropout
    projected: Option<Array2<Real>>,
}

#[derive(Clone, Debug)]
enum Kept {
    Lanes(in_lanes::Kept),
    Heads {
        /// Queries, keys and values as rows, see [`MultiHeadAttention::parts`]: (N, 3C) or as many numbers
        rows: Vec<Real>,
        /// Where each of them stands there.
        parts: [Part; 3],
        /// (B, heads, T * S): softmax of the scores, before dropout; of each head the first T * length count, (T, length)
        weights: Vec<Real>,
    },
}

/// What all attention layers of a model share.
#[derive(Clone, Debug)]
pub struct Scratch {
    /// Queries, keys and values as rows, where no layer keeps them so, or their gradients, see
    /// [`MultiHeadAttention::parts`]: (N, 3C) or as many numbers
    inputs: Vec<Real>,
    /// (B*T, C), then (B*S, C)
    rows: Vec<Real>,
    head: attention::Scratch,
    lanes: in_lanes::Scratch,
}

impl Scratch {
    /// For queries and keys of at most `time` positions.
    pub fn new(sequences: usize, time: usize, settings: &Settings) -> Self {
        let size = sequences * time * settings.n_embd;
        let head_size = settings.n_embd / settings.n_head;
        Self {
            inputs: room::zeros(3 * size),
            rows: room::zeros(size),
            head: attention::Scratch::new(time, time, head_size),
            lanes: in_lanes::Scratch::new(time, head_size),
        }
    }
}

/// Whether so many positions are few enough for [`in_lanes`].
fn in_lanes(queries: usize, keys: usize) -> bool {
    queries.max(keys) <= attention::FEW_KEYS
}

impl MultiHeadAttention {
    /// Reserves `name.heads.<h>.query|key|value.weight` (no key where it is tied or merged) and, with a projection,
    /// `name.proj.weight` and `.bias`.
    pub fn new(registry: &mut Registry, name: &str, place: u64, settings: &Settings) -> Self {
        let Settings { n_embd, n_head, scale, keys, query_key, drop_weights, .. } = *settings;
        let head_size = n_embd / n_head;
        let mut side_by_side = |parts: &[&str]| {
            Linear::side_by_side(registry, parts.len() * n_head, n_embd, head_size, |i| {
                format!("{name}.heads.{}.{}", i % n_head, parts[i / n_head])
            })
        };
        let inputs = if keys == Keys::Memory {
            let query = side_by_side(&["query"]);
            Inputs::Memory { query, key_value: side_by_side(&["key", "value"]) }
        } else {
            Inputs::Own(side_by_side(query_key.parts()))
        };
        let projection = settings
            .projection
            .then(|| Linear::new(registry, &format!("{name}.proj"), n_embd, n_embd, true));
        let scale = scale.factor(n_embd, n_head);
        Self { n_head, head_size, scale, keys, query_key, inputs, projection, drop_weights, place }
    }

    pub fn initialise(&self, weights: &mut [Real], init: Init, rng: &mut impl Rng) {
        match &self.inputs {
            Inputs::Own(qkv) => qkv.initialise(weights, init, rng),
            Inputs::Memory { query, key_value } => {
                query.initialise(weights, init, rng);
                key_value.initialise(weights, init, rng);
            }
        }
        if let Some(projection) = &self.projection {
            projection.initialise(weights, init, rng);
        }
    }

    fn width(&self) -> usize {
        self.n_head * self.head_size
    }

    /// For `queries` positions that look at `keys`.
    pub fn activations(&self, sequences: usize, queries: usize, keys: usize) -> Activations {
        let (rows, n_embd) = (sequences * queries, self.width());
        let kept = if in_lanes(queries, keys) {
            Kept::Lanes(in_lanes::Kept::new(self, sequences, queries, keys))
        } else {
            Kept::Heads {
                rows: room::zeros((rows + 2 * sequences * keys) * n_embd),
                parts: [Part { first: 0, stride: n_embd }; 3],
                weights: room::zeros(sequences * self.n_head * queries * keys),
            }
        };
        Activations {
            kept,
            heads: room::matrix((rows, n_embd)),
            projected: self.projection.as_ref().map(|_| room::matrix((rows, n_embd))),
        }
    }

    /// Weights that a row of the queries is multiplied by.
    pub fn products(&self) -> usize {
        let (Inputs::Own(input) | Inputs::Memory { query: input, .. }) = &self.inputs;
        input.products() + self.projection.as_ref().map_or(0, Linear::products)
    }

    /// Weights that a row of another sequence is multiplied by.
    pub fn memory_products(&self) -> usize {
        match &self.inputs {
            Inputs::Own(_) => 0,
            Inputs::Memory { key_value, .. } => key_value.products(),
        }
    }

    /// Where queries, keys and values of N rows stand among what [`Self::project_inputs`] fills.
    fn parts(&self, n: usize) -> [Part; 3] {
        let width = self.width();
        let part = |first: usize, stride: usize| Part { first, stride: stride * width };
        match (&self.inputs, self.query_key) {
            (Inputs::Memory { .. }, _) => {
                let keys = n * width;
                [part(0, 1), part(keys, 2), part(keys + width, 2)]
            }
            (_, QueryKey::Separate) => [part(0, 3), part(width, 3), part(2 * width, 3)],
            // Keys that no product of their own makes stand behind what the product makes.
            (_, QueryKey::Tied | QueryKey::Merged) => {
                [part(0, 2), part(2 * n * width, 1), part(width, 2)]
            }
        }
    }

    /// Fills `inputs` with queries, keys and values of the rows x (N, C) and of the memory's.
    fn project_inputs(
        &self,
        inputs: &mut [Real],
        x: &ArrayRef2<Real>,
        memory: Memory<'_>,
        weights: &[Real],
    ) {
        let (n, width) = (x.nrows(), self.width());
        match &self.inputs {
            Inputs::Own(layer) => {
                let columns = self.query_key.parts().len() * width;
                let (rows, keys) = inputs.split_at_mut(n * columns);
                layer.forward(&mut matrix_mut(rows, n, columns), x, weights);
                match self.query_key {
                    QueryKey::Separate => {}
                    QueryKey::Tied => {
                        let rows = rows.chunks_exact(columns);
                        for (key, row) in keys.chunks_exact_mut(width).zip(rows) {
                            key.copy_from_slice(&row[..width]);
                        }
                    }
                    QueryKey::Merged => keys[..n * width].copy_from_slice(contiguous(x)),
                }
            }
            Inputs::Memory { query, key_value } => {
                let (rows, others) = inputs.split_at_mut(n * width);
                query.forward(&mut matrix_mut(rows, n, width), x, weights);
                let m = memory.rows.nrows();
                key_value.forward(&mut matrix_mut(others, m, 2 * width), memory.rows, weights);
            }
        }
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

    /// Which weights are dropped of matrix i of (B, heads).
    fn dropped(&self, i: usize, pass: Pass<'_>) -> Option<attention::Drop> {
        let (sequence, head) = (pass.span.first + i / self.n_head, i % self.n_head);
        let at = || pass.dropout.at(self.place + 2 + head as u64, sequence);
        self.drop_weights.then(at).flatten()
    }

    /// # Shapes
    /// - x (N, C) with N = B*T; fills the first N rows of the activations
    pub fn forward(
        &self,
        a: &mut Activations,
        x: &ArrayRef2<Real>,
        memory: Memory<'_>,
        pass: Pass<'_>,
        scratch: &mut Scratch,
    ) {
        let span = pass.span;
        let (n, time) = (span.rows(), span.time);
        let Scratch { inputs, head, lanes, .. } = scratch;
        let parts = self.parts(n);
        let mut out = a.heads.slice_mut(s![..n, ..]);
        match &mut a.kept {
            Kept::Lanes(kept) => {
                self.project_inputs(inputs, x, memory, pass.weights);
                let call = in_lanes::Call { layer: self, parts, memory, pass };
                kept.forward(contiguous_mut(&mut out), inputs, call, lanes);
            }
            Kept::Heads { rows, parts: kept, weights } => {
                self.project_inputs(rows, x, memory, pass.weights);
                *kept = parts;
                let out = contiguous_mut(&mut out);
                for i in 0..span.sequences * self.n_head {
                    let length = memory.length(i / self.n_head);
                    attention::forward_rows(
                        RowsMut::of(out, self.head(self.out_part(), i, time)),
                        &mut weights[i * time * memory.time..][..time * length],
                        self.head_parts(parts, i, time, memory).map(|part| Rows::of(rows, part)),
                        &self.shape(time, length),
                        self.dropped(i, pass),
                        head,
                    );
                }
            }
        }
        self.project(a, pass);
    }

    /// Of a part's rows, `time` of each sequence, those of matrix i of (B, heads).
    fn head(&self, Part { first, stride }: Part, i: usize, time: usize) -> Part {
        let (sequence, head) = (i / self.n_head, i % self.n_head);
        Part { first: first + sequence * time * stride + head * self.head_size, stride }
    }

    /// Where the queries, keys and values of matrix i of (B, heads) stand.
    fn head_parts(
        &self,
        [q, k, v]: [Part; 3],
        i: usize,
        time: usize,
        memory: Memory<'_>,
    ) -> [Part; 3] {
        [self.head(q, i, time), self.head(k, i, memory.time), self.head(v, i, memory.time)]
    }

    /// The heads' outputs, (N, C).
    fn out_part(&self) -> Part {
        Part { first: 0, stride: self.width() }
    }

    /// From the heads' outputs to the layer's.
    fn project(&self, a: &mut Activations, pass: Pass<'_>) {
        let rows = s![..pass.span.rows(), ..];
        let mut out = a.heads.slice_mut(rows);
        if let (Some(projection), Some(projected)) = (&self.projection, &mut a.projected) {
            let heads = std::mem::replace(&mut out, projected.slice_mut(rows));
            projection.forward(&mut out, &heads, pass.weights);
        }
        pass.drop(&mut out, self.place);
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
        pass: Pass<'_>,
        scratch: &mut Scratch,
    ) {
        let Pass { weights, span, .. } = pass;
        let (n, time, width) = (span.rows(), span.time, self.width());
        let Scratch { inputs, rows, head, lanes } = scratch;
        pass.drop(dy, self.place);
        let d_heads = if let Some(projection) = &self.projection {
            let heads = a.heads.slice(s![..n, ..]);
            projection.backward(&mut matrix_mut(rows, n, width), gradients, dy, &heads, weights);
            &rows[..n * width]
        } else {
            contiguous(dy)
        };
        let parts = self.parts(n);
        match &a.kept {
            Kept::Lanes(kept) => {
                let call = in_lanes::Call { layer: self, parts, memory, pass };
                kept.backward(inputs, d_heads, call, lanes);
            }
            Kept::Heads { rows, weights, .. } => {
                for i in 0..span.sequences * self.n_head {
                    let length = memory.length(i / self.n_head);
                    let places = self.head_parts(parts, i, time, memory);
                    attention::backward_rows(
                        Gradients::Among(inputs, places),
                        Rows::of(d_heads, self.head(self.out_part(), i, time)),
                        &weights[i * time * memory.time..][..time * length],
                        places.map(|part| Rows::of(rows, part)),
                        &self.shape(time, length),
                        self.dropped(i, pass),
                        head,
                    );
                    for part in &places[1..] {
                        let mut d = RowsMut::of(inputs, *part);
                        for j in length..memory.time {
                            d.row(j, self.head_size).fill(0.0);
                        }
                    }
                }
            }
        }
        match &self.inputs {
            Inputs::Own(layer) => {
                let columns = self.query_key.parts().len() * width;
                let (d, d_keys) = inputs.split_at_mut(n * columns);
                if self.query_key == QueryKey::Tied {
                    // What is both is moved by both.
                    for (d, d_key) in d.chunks_exact_mut(columns).zip(d_keys.chunks_exact(width)) {
                        vector::add(&mut d[..width], d_key);
                    }
                }
                layer.backward(dx, gradients, &matrix(d, n, columns), x, weights);
                if self.query_key == QueryKey::Merged {
                    // Keys are rows as they stand in x.
                    vector::add(contiguous_mut(dx), &d_keys[..n * width]);
                }
            }
            Inputs::Memory { query, key_value } => {
                let (d, d_others) = inputs.split_at_mut(n * width);
                query.backward(dx, gradients, &matrix(d, n, width), x, weights);
                let m = memory.rows.nrows();
                let (d, mut d_rows) = (matrix(d_others, m, 2 * width), matrix_mut(rows, m, width));
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
        self.projected.as_ref().unwrap_or(&self.heads).slice(s![..n, ..])
    }

    /// Queries, keys and values, (heads, T or S, hs), and weights, (heads, T, S), of the first sequence, of which `length`
    /// keys may be seen.
    fn first(
        &self,
        layer: &MultiHeadAttention,
        [queries, keys, length]: [usize; 3],
    ) -> [Vec<Real>; 4] {
        match &self.kept {
            Kept::Lanes(kept) => kept.first(layer, queries, keys),
            Kept::Heads { rows, parts, weights } => {
                let (heads, hs) = (layer.n_head, layer.head_size);
                let mut all = room::list(heads * queries * keys);
                for head in weights.chunks_exact(queries * keys).take(heads) {
                    for row in head[..queries * length].chunks_exact(length) {
                        all.extend_from_slice(row);
                        all.extend(std::iter::repeat_n(0.0, keys - length));
                    }
                }
                let head = |part: Part, i: usize, time: usize| {
                    let rows = Rows::of(rows, layer.head(part, i, time));
                    (0..time).flat_map(move |t| rows.row(t, hs))
                };
                let split = |part: Part, time: usize| {
                    (0..heads).flat_map(|i| head(part, i, time)).copied().collect()
                };
                let [q, k, v] = *parts;
                [split(q, queries), split(k, keys), split(v, keys), all]
            }
        }
    }

    /// Hands the named values of the first sequence, of which `length` of `keys` positions may be seen, to `look`, see
    /// [`crate::model::Inference::visit`].
    pub fn visit(
        &self,
        layer: &MultiHeadAttention,
        name: &str,
        [queries, keys, length]: [usize; 3],
        look: &mut Look<'_>,
    ) {
        let (heads, hs, width) = (layer.n_head, layer.head_size, layer.width());
        let [query, key, value, weights] = self.first(layer, [queries, keys, length]);
        look(&format!("{name}.query"), &[heads, queries, hs], &query);
        look(&format!("{name}.key"), &[heads, keys, hs], &key);
        look(&format!("{name}.value"), &[heads, keys, hs], &value);
        let hidden = |i, j| j >= length || (layer.keys == Keys::Earlier && j > i);
        visit_scores(name, [heads, queries, keys, hs], &query, &key, layer.scale, hidden, look);
        look(&format!("{name}.weights"), &[heads, queries, keys], &weights);
        let shape = [queries, width];
        look(&format!("{name}.out"), &shape, &contiguous(&self.heads)[..queries * width]);
        look(name, &shape, contiguous(&self.out(queries)));
    }
}

/// Hands `name.products`, `.scores` and `.masked`, all (heads, Tq, Tk), of queries (heads, Tq, hs) and keys
/// (heads, Tk, hs) to `look`, where query i does not see key j if `hidden(i, j)`.
fn visit_scores(
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

#[cfg(all(test, feature = "f64"))]
mod tests {
    use super::*;
    use crate::math::finite_difference::{check, values, weighted_sum};
    use crate::nn::dropout::Dropout;

    /// Over own, earlier and other positions, with padding, with and without projection and dropout on weights; one head
    /// and many, one query, few keys and many, and a partly filled micro-batch.
    #[test]
    fn gradient_of_input_memory_and_every_weight() {
        use QueryKey::{Merged, Separate, Tied};
        for (query_key, (keys, time, other, n_head, lengths, p, projection, drop_weights)) in [
            (Separate, (Keys::Earlier, 1, 1, 1, None, 0.0, false, true)),
            (Separate, (Keys::Earlier, 5, 5, 3, None, 0.3, true, true)),
            (Separate, (Keys::Own, 4, 4, 2, None, 0.3, false, true)),
            (Separate, (Keys::Earlier, 20, 20, 2, None, 0.0, true, true)),
            (Separate, (Keys::Own, 5, 5, 2, Some(&[5, 2][..]), 0.3, true, false)),
            (Separate, (Keys::Own, 20, 20, 3, Some(&[17, 20]), 0.0, true, false)),
            (Separate, (Keys::Earlier, 5, 5, 3, None, 0.3, true, false)),
            (Separate, (Keys::Memory, 4, 7, 2, Some(&[7, 3]), 0.3, true, false)),
            (Separate, (Keys::Memory, 1, 3, 1, Some(&[1, 3]), 0.0, true, false)),
            (Separate, (Keys::Memory, 3, 19, 2, Some(&[19, 18]), 0.0, true, false)),
            (Tied, (Keys::Earlier, 5, 5, 3, None, 0.3, true, true)),
            (Tied, (Keys::Own, 20, 20, 2, Some(&[17, 20]), 0.0, false, false)),
            (Tied, (Keys::Earlier, 1, 1, 1, None, 0.0, false, true)),
            (Merged, (Keys::Earlier, 5, 5, 1, None, 0.3, true, true)),
            (Merged, (Keys::Own, 20, 20, 1, Some(&[17, 20]), 0.0, false, false)),
        ] {
            let (c, sequences) = (6, 2);
            let (n, m) = (sequences * time, sequences * other);
            let scale = AttentionScale::HeadSize;
            let settings =
                Settings { n_embd: c, n_head, scale, keys, query_key, projection, drop_weights };
            let mut registry = Registry::default();
            let layer = MultiHeadAttention::new(&mut registry, "attn", 1024, &settings);
            let (weights, dy) = (values(registry.len(), 1), values(n * c, 2));
            let (x, memory) = (values(n * c, 3), values(m * c, 4));
            let span = Span { sequences, time, first: 4 };
            let pass = Pass { weights: &weights, span, dropout: Dropout { p, seed: 5, step: 6 } };
            let mut a = layer.activations(sequences + 1, time, other);
            let mut scratch = Scratch::new(sequences + 1, time.max(other), &settings);
            let mut loss = |x: &[f64], memory: &[f64], weights: &[f64]| {
                let x = matrix(x, n, c);
                let rows = if keys == Keys::Memory { matrix(memory, m, c) } else { x };
                let memory = Memory { rows: &rows, time: other, lengths };
                layer.forward(&mut a, &x, memory, Pass { weights, ..pass }, &mut scratch);
                weighted_sum(contiguous(&a.out(n)), &dy)
            };
            loss(&x, &memory, &weights);
            let mut kept = layer.activations(sequences, time, other);
            let mut working = Scratch::new(sequences, time.max(other), &settings);
            let rows = matrix(&x, n, c);
            let others = if keys == Keys::Memory { matrix(&memory, m, c) } else { rows };
            let read = Memory { rows: &others, time: other, lengths };
            layer.forward(&mut kept, &rows, read, pass, &mut working);
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
                pass,
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

    /// Without mask and positions, attention does not know the order of its keys: permuted in, permuted out.
    #[test]
    fn full_attention_is_permutation_equivariant() {
        let settings = Settings {
            n_embd: 8,
            n_head: 2,
            scale: AttentionScale::HeadSize,
            keys: Keys::Own,
            query_key: QueryKey::Separate,
            projection: true,
            drop_weights: true,
        };
        let mut registry = Registry::default();
        let layer = MultiHeadAttention::new(&mut registry, "sa", 0, &settings);
        let weights = values(registry.len(), 1);
        let (x, span) = (values(6 * 8, 2), Span::one(6));
        let (mut a, mut scratch) = (layer.activations(1, 6, 6), Scratch::new(1, 6, &settings));
        let mut run = |x: &[f64]| {
            let x = matrix(x, 6, 8);
            let own = Memory::own(&x, span, None);
            layer.forward(&mut a, &x, own, Pass::over(span, &weights), &mut scratch);
            contiguous(&a.out(6)).to_vec()
        };
        let order = [3, 0, 5, 1, 4, 2];
        let permute =
            |x: &[f64]| order.iter().flat_map(|&i| x[i * 8..][..8].to_vec()).collect::<Vec<_>>();
        let (one, other) = (permute(&run(&x)), run(&permute(&x)));
        assert!(one.iter().zip(&other).all(|(a, b)| (a - b).abs() < 1e-12));
    }
}
