//! What a call through the layers is about, forward and backward: the weights, whose positions the rows are, and which units
//! are dropped.

use ndarray::ArrayRef2;

use super::dropout::Dropout;
use crate::math::Real;

/// Which sequences a call is about: `sequences` of `time` positions, the first being number `first` of the batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    pub sequences: usize,
    pub time: usize,
    pub first: usize,
}

impl Span {
    /// One sequence by itself.
    pub fn one(time: usize) -> Self {
        Self { sequences: 1, time, first: 0 }
    }

    /// Of a batch's values, one a position, those of its sequences.
    pub fn of<'a, T>(&self, values: &'a [T]) -> &'a [T] {
        &values[self.first * self.time..][..self.rows()]
    }

    /// N = B * T
    pub fn rows(&self) -> usize {
        self.sequences * self.time
    }
}

#[derive(Clone, Copy, Debug)]
pub struct Pass<'a> {
    pub weights: &'a [Real],
    pub span: Span,
    pub dropout: Dropout,
}

impl<'a> Pass<'a> {
    /// Without dropout.
    pub fn over(span: Span, weights: &'a [Real]) -> Self {
        Self { weights, span, dropout: Dropout::OFF }
    }

    /// Drops units of x (N, C) in place; the same call on a gradient is the backward.
    pub fn drop(&self, x: &mut ArrayRef2<Real>, place: u64) {
        self.dropout.apply(x, place, self.span.first, self.span.time);
    }
}
