//! Writing, a token at a time: the keys and values of the tokens before are kept, so that a new token costs one row; those
//! of a memory are computed once. Many sequences go together, one row each, all at the same position.
//!
//! Equal to the full forward: with a causal mask, an earlier position never sees a later one, so its key and value stay.

use ndarray::{ArrayRef2, s};

use super::{Activations, Inputs, Keys, Memory, MultiHeadAttention, QueryKey, Scratch};
use crate::math::gemm::matrix_mut;
use crate::math::{Real, attention, room};
use crate::nn::pass::{Pass, Span};
use crate::nn::rows::{contiguous, contiguous_mut};

/// Keys and values of many sequences in one layer.
#[derive(Clone, Debug)]
pub struct Cache {
    /// (sequences, heads, most, hs)
    key: Vec<Real>,
    /// (sequences, heads, most, hs)
    value: Vec<Real>,
    /// What [`Cache::rearrange`] writes to; one sequence or a memory is never rearranged.
    spare: [Vec<Real>; 2],
    /// Of a memory: how many positions of each sequence may be seen.
    lengths: Vec<usize>,
    /// The weights of one row, (most)
    weights: Vec<Real>,
    most: usize,
}

impl Cache {
    /// Room for `most` positions of each of `sequences`.
    pub fn new(layer: &MultiHeadAttention, sequences: usize, most: usize) -> Self {
        let size = sequences * most * layer.width();
        let spare = if layer.keys == Keys::Memory || sequences == 1 { 0 } else { size };
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
    ///
    /// # Panics
    /// If there is room for one sequence alone, or what is kept is a memory.
    pub fn rearrange(&mut self, layer: &MultiHeadAttention, parents: &[usize]) {
        let size = self.most * layer.width();
        for (values, spare) in [&mut self.key, &mut self.value].into_iter().zip(&mut self.spare) {
            assert_eq!(values.len(), spare.len(), "sequences that may be rearranged");
            for (to, &parent) in spare.chunks_exact_mut(size).zip(parents) {
                to.copy_from_slice(&values[parent * size..][..size]);
            }
            std::mem::swap(values, spare);
        }
    }

    /// Keeps a row's key and value, (heads, hs) each, as position `position` of a sequence.
    fn keep(&mut self, sequence: usize, position: usize, [key, value]: [&[Real]; 2], hs: usize) {
        let n_head = key.len() / hs;
        for (h, (key, value)) in key.chunks_exact(hs).zip(value.chunks_exact(hs)).enumerate() {
            let at = ((sequence * n_head + h) * self.most + position) * hs;
            self.key[at..at + hs].copy_from_slice(key);
            self.value[at..at + hs].copy_from_slice(value);
        }
    }
}

impl MultiHeadAttention {
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
        let Inputs::Own(layer) = &self.inputs else {
            unreachable!("a memory does not grow");
        };
        let (n, width, parts) = (x.nrows(), self.width(), self.query_key.parts().len());
        let Scratch { inputs, head, .. } = scratch;
        let inputs = &mut inputs[..n * parts * width];
        layer.forward(&mut matrix_mut(inputs, n, parts * width), x, weights);
        let mut heads = a.heads.slice_mut(s![..n, ..]);
        let rows = contiguous_mut(&mut heads).chunks_exact_mut(width);
        let own = contiguous(x).chunks_exact(width);
        for (row, ((input, y), x)) in
            inputs.chunks_exact(parts * width).zip(rows).zip(own).enumerate()
        {
            let (query, value) = (&input[..width], &input[(parts - 1) * width..]);
            let key = match self.query_key {
                QueryKey::Separate => &input[width..2 * width],
                QueryKey::Tied => query,
                QueryKey::Merged => x,
            };
            cache.keep(row, position, [key, value], self.head_size);
            self.ask(y, query, cache, row, position + 1, head);
        }
        self.project(a, one_each(n, weights));
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
        let (m, width) = (memory.rows.nrows(), self.width());
        let inputs = &mut scratch.inputs[..m * 2 * width];
        key_value.forward(&mut matrix_mut(inputs, m, 2 * width), memory.rows, weights);
        for (at, input) in inputs.chunks_exact(2 * width).enumerate() {
            let (sequence, position) = (at / memory.time, at % memory.time);
            let (key, value) = input.split_at(width);
            cache.keep(sequence, position, [key, value], self.head_size);
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
        let Scratch { inputs, head, .. } = scratch;
        let queries = &mut inputs[..n * width];
        query.forward(&mut matrix_mut(queries, n, width), x, weights);
        let mut heads = a.heads.slice_mut(s![..n, ..]);
        let rows = contiguous_mut(&mut heads).chunks_exact_mut(width);
        for ((query, y), &source) in queries.chunks_exact(width).zip(rows).zip(sources) {
            self.ask(y, query, cache, source, cache.lengths[source], head);
        }
        self.project(a, one_each(n, weights));
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

/// A row each of `sequences`.
fn one_each(sequences: usize, weights: &[Real]) -> Pass<'_> {
    Pass::over(Span { sequences, time: 1, first: 0 }, weights)
}
