//! Generation, token by token: the keys and values of the tokens before are kept, so that a new token costs one row.
//!
//! Equal to the full forward: with a causal mask, an earlier position never sees a later one, so its key and value stay.

use ndarray::{ArrayRef2, s};

use super::{Activations, MultiHeadAttention, Scratch};
use crate::math::{Real, attention, room};
use crate::nn::activation::{contiguous, contiguous_mut};

/// Keys and values of one sequence in one layer.
#[derive(Clone, Debug)]
pub struct Cache {
    /// (heads, most, hs)
    key: Vec<Real>,
    /// (heads, most, hs)
    value: Vec<Real>,
    /// The weights of one row, (most)
    weights: Vec<Real>,
    most: usize,
}

impl Cache {
    /// Room for `most` positions.
    pub fn new(layer: &MultiHeadAttention, most: usize) -> Self {
        let width = layer.n_head * layer.head_size;
        Self {
            key: room::zeros(most * width),
            value: room::zeros(most * width),
            weights: room::zeros(most),
            most,
        }
    }
}

impl MultiHeadAttention {
    /// The output for position `position`, whose earlier positions are in the cache; keeps its key and value there.
    ///
    /// # Shapes
    /// - x (1, C); fills the first row of the activations' output
    pub fn extend(
        &self,
        a: &mut Activations,
        cache: &mut Cache,
        x: &ArrayRef2<Real>,
        position: usize,
        weights: &[Real],
        scratch: &mut Scratch,
    ) {
        let hs = self.head_size;
        let mut qkv = scratch.qkv.slice_mut(s![..1, ..]);
        self.qkv.forward(&mut qkv, x, weights);
        let (query, rest) = contiguous(&qkv).split_at(self.n_head * hs);
        let (key, value) = rest.split_at(self.n_head * hs);
        let keys = position + 1;
        let shape = attention::Shape { queries: 1, keys, causal: false, ..self.shape(1) };
        let mut heads = a.heads.slice_mut(s![..1, ..]);
        for (head, out) in contiguous_mut(&mut heads).chunks_exact_mut(hs).enumerate() {
            let (from, own) = (head * cache.most * hs, head * hs..(head + 1) * hs);
            let now = from + position * hs;
            cache.key[now..now + hs].copy_from_slice(&key[own.clone()]);
            cache.value[now..now + hs].copy_from_slice(&value[own.clone()]);
            attention::forward(
                out,
                &mut cache.weights[..keys],
                &query[own],
                &cache.key[from..from + keys * hs],
                &cache.value[from..from + keys * hs],
                &shape,
                None,
                &mut scratch.head,
            );
        }
        if let (Some(projection), Some(projected)) = (&self.projection, &mut a.projected) {
            projection.forward(&mut projected.slice_mut(s![..1, ..]), &heads, weights);
        }
    }
}
