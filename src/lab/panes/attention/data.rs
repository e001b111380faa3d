//! What the snapshot holds of one layer's attention.

use super::View;
use crate::train::snapshot::{Snapshot, Tensor};

/// One layer's tensors, as far as they are there; all of the same shape.
#[derive(Clone, Copy, Debug)]
pub struct Layer<'a> {
    pub heads: usize,
    /// T
    pub time: usize,
    /// (heads, T, T)
    weights: &'a [f32],
    /// (heads, T, T)
    products: Option<&'a [f32]>,
    /// (heads, T, T)
    scores: Option<&'a [f32]>,
    /// (heads, T, T)
    masked: Option<&'a [f32]>,
    /// (heads, T, hs)
    query: Option<&'a [f32]>,
    /// (heads, T, hs)
    key: Option<&'a [f32]>,
    /// hs; 0 where neither query nor key is there
    pub head_size: usize,
}

impl<'a> Layer<'a> {
    /// The layer's tensors; `None` until its weights are there.
    pub fn of(snapshot: &'a Snapshot, layer: usize) -> Option<Self> {
        let tensor = |part: &str| snapshot.activation(&format!("blocks.{layer}.sa.{part}"));
        let weights = tensor("weights")?;
        let &[heads, time, columns] = weights.shape.as_slice() else { return None };
        if heads == 0 || time == 0 || columns != time || time != snapshot.prompt.len() {
            return None;
        }
        let square = |part: &str| values(tensor(part)?, &[heads, time, time]);
        let head_size = tensor("query").and_then(|q| q.shape.get(2)).copied().unwrap_or(0);
        let vectors = |part: &str| values(tensor(part)?, &[heads, time, head_size]);
        Some(Self {
            heads,
            time,
            weights: values(weights, &[heads, time, time])?,
            products: square("products"),
            scores: square("scores"),
            masked: square("masked"),
            query: vectors("query"),
            key: vectors("key"),
            head_size,
        })
    }

    /// One head's (T, T) at a stage, row-major.
    pub fn square(&self, view: View, head: usize) -> Option<&'a [f32]> {
        let all = match view {
            View::Products => self.products?,
            View::Scores => self.scores?,
            View::Masked => self.masked?,
            View::Weights => self.weights,
        };
        let size = self.time * self.time;
        all.get(head * size..(head + 1) * size)
    }

    pub fn at(&self, view: View, head: usize, (query, key): (usize, usize)) -> Option<f64> {
        self.square(view, head)?.get(query * self.time + key).map(|&v| f64::from(v))
    }

    /// A position's query in a head, hs numbers.
    pub fn query(&self, head: usize, position: usize) -> Option<&'a [f32]> {
        self.vector(self.query?, head, position)
    }

    /// A position's key in a head, hs numbers.
    pub fn key(&self, head: usize, position: usize) -> Option<&'a [f32]> {
        self.vector(self.key?, head, position)
    }

    fn vector(&self, all: &'a [f32], head: usize, position: usize) -> Option<&'a [f32]> {
        let first = (head * self.time + position) * self.head_size;
        all.get(first..first + self.head_size)
    }
}

/// The values, if there are as many as the shape says, and it is this one.
fn values<'a>(tensor: &'a Tensor, shape: &[usize]) -> Option<&'a [f32]> {
    let fits = tensor.shape == shape && tensor.values.len() == shape.iter().product::<usize>();
    fits.then_some(tensor.values.as_slice())
}
