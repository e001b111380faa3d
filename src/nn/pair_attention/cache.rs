//! Decoding, a token at a time: the keys and values of the tokens before are kept, and those of the memory are computed
//! once. Many sequences go together, one row each, all at the same position.

use ndarray::{ArrayRef2, s};

use super::{Activations, Inputs, Keys, Memory, PairAttention, Scratch};
use crate::math::gemm::{matrix, matrix_mut};
use crate::math::{Real, attention, room};

/// Keys and values of many sequences in one layer.
#[derive(Clone, Debug)]
pub struct Cache {
    /// (sequences, heads, most, hs)
    key: Vec<Real>,
    /// (sequences, heads, most, hs)
    value: Vec<Real>,
    /// What [`Cache::rearrange`] writes to.
    spare: [Vec<Real>; 2],
    /// Of a memory: how many positions of each sequence may be seen.
    lengths: Vec<usize>,
    /// The weights of one row, (most)
    weights: Vec<Real>,
    most: usize,
}

impl Cache {
    /// Room for `most` positions of each of `sequences`.
    pub fn new(layer: &PairAttention, sequences: usize, most: usize) -> Self {
        let size = sequences * most * layer.width();
        let spare = if layer.keys == Keys::Memory { 0 } else { size };
        Self {
            key: room::zeros(size),
            value: room::zeros(size),
            spare: [(); 2].map(|()| room::zeros(spare)),
            lengths: vec![0; sequences],
            weights: room::zeros(most),
            most,
        }
    }

    /// Sequence i continues what was sequence `parents[i]`.
    pub fn rearrange(&mut self, layer: &PairAttention, parents: &[usize]) {
        let size = self.most * layer.width();
        for (values, spare) in [&mut self.key, &mut self.value].into_iter().zip(&mut self.spare) {
            for (to, &parent) in spare.chunks_exact_mut(size).zip(parents) {
                to.copy_from_slice(&values[parent * size..][..size]);
            }
            std::mem::swap(values, spare);
        }
    }
}

impl PairAttention {
    /// The output for position `position` of every sequence, whose earlier positions are in the cache; keeps its key and
    /// value there.
    ///
    /// # Shapes
    /// - x (R, C); fills the first R rows of the activations' output
    pub fn extend(
        &self,
        a: &mut Activations,
        cache: &mut Cache,
        x: &ArrayRef2<Real>,
        position: usize,
        weights: &[Real],
        scratch: &mut Scratch,
    ) {
        let Inputs::Own(qkv) = &self.inputs else {
            unreachable!("a memory does not grow");
        };
        let (n, width, hs, most) = (x.nrows(), self.width(), self.head_size, cache.most);
        let Scratch { inputs, rows, head, .. } = scratch;
        let inputs = &mut inputs[..n * 3 * width];
        qkv.forward(&mut matrix_mut(inputs, n, 3 * width), x, weights);
        for (row, input) in inputs.chunks_exact(3 * width).enumerate() {
            let (key, value) = input[width..].split_at(width);
            for (h, (key, value)) in key.chunks_exact(hs).zip(value.chunks_exact(hs)).enumerate() {
                let at = ((row * self.n_head + h) * most + position) * hs;
                cache.key[at..at + hs].copy_from_slice(key);
                cache.value[at..at + hs].copy_from_slice(value);
            }
        }
        for (row, (input, y)) in
            inputs.chunks_exact(3 * width).zip(rows.chunks_exact_mut(width)).enumerate()
        {
            self.ask(y, &input[..width], cache, row, position + 1, head);
        }
        let mut out = a.out.slice_mut(s![..n, ..]);
        self.projection.forward(&mut out, &matrix(rows, n, width), weights);
    }

    /// Computes the memory's keys and values and keeps them.
    pub fn remember(
        &self,
        cache: &mut Cache,
        memory: Memory<'_>,
        weights: &[Real],
        scratch: &mut Scratch,
    ) {
        let Inputs::Memory { key_value, .. } = &self.inputs else {
            unreachable!("only attention over a memory remembers one");
        };
        let (m, width, hs) = (memory.rows.nrows(), self.width(), self.head_size);
        let inputs = &mut scratch.inputs[..m * 2 * width];
        key_value.forward(&mut matrix_mut(inputs, m, 2 * width), memory.rows, weights);
        for (at, input) in inputs.chunks_exact(2 * width).enumerate() {
            let (sequence, position) = (at / memory.time, at % memory.time);
            for h in 0..self.n_head {
                let to = ((sequence * self.n_head + h) * cache.most + position) * hs;
                cache.key[to..to + hs].copy_from_slice(&input[h * hs..][..hs]);
                cache.value[to..to + hs].copy_from_slice(&input[width + h * hs..][..hs]);
            }
            cache.lengths[sequence] = memory.length(sequence);
        }
    }

    /// What each row finds in the cached memory of its source.
    ///
    /// # Shapes
    /// - x (R, C), `sources` (R); fills the first R rows of the activations' output
    pub fn recall(
        &self,
        a: &mut Activations,
        cache: &mut Cache,
        x: &ArrayRef2<Real>,
        sources: &[usize],
        weights: &[Real],
        scratch: &mut Scratch,
    ) {
        let Inputs::Memory { query, .. } = &self.inputs else {
            unreachable!("only attention over a memory recalls one");
        };
        let (n, width) = (x.nrows(), self.width());
        let Scratch { inputs, rows, head, .. } = scratch;
        let queries = &mut inputs[..n * width];
        query.forward(&mut matrix_mut(queries, n, width), x, weights);
        let rows = &mut rows[..n * width];
        for ((query, y), &source) in
            queries.chunks_exact(width).zip(rows.chunks_exact_mut(width)).zip(sources)
        {
            self.ask(y, query, cache, source, cache.lengths[source], head);
        }
        let mut out = a.out.slice_mut(s![..n, ..]);
        self.projection.forward(&mut out, &matrix(rows, n, width), weights);
    }

    /// One row's heads over the first `keys` cached positions of a sequence.
    fn ask(
        &self,
        y: &mut [Real],
        query: &[Real],
        cache: &mut Cache,
        sequence: usize,
        keys: usize,
        scratch: &mut attention::Scratch,
    ) {
        let hs = self.head_size;
        let shape = attention::Shape { causal: false, ..self.shape(1, keys) };
        for (h, (y, query)) in y.chunks_exact_mut(hs).zip(query.chunks_exact(hs)).enumerate() {
            let from = (sequence * self.n_head + h) * cache.most * hs;
            let seen = from..from + keys * hs;
            attention::forward(
                y,
                &mut cache.weights[..keys],
                query,
                &cache.key[seen.clone()],
                &cache.value[seen],
                &shape,
                None,
                scratch,
            );
        }
    }
}
