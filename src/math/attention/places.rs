//! Where the rows of a head's queries, keys, values and outputs stand: as they are, or among those of all heads.

use crate::math::Real;
use crate::math::tiles::Operand;

/// Where rows stand in a slice: the first at `first`, each next one `stride` further.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Part {
    pub first: usize,
    pub stride: usize,
}

/// Rows that stand `stride` numbers apart.
#[derive(Clone, Copy, Debug)]
pub struct Rows<'a> {
    pub values: &'a [Real],
    pub stride: usize,
}

impl<'a> Rows<'a> {
    /// Rows that stand as `part` says among `values`.
    pub fn of(values: &'a [Real], part: Part) -> Self {
        Self { values: &values[part.first..], stride: part.stride }
    }

    #[inline(always)]
    pub fn row(self, i: usize, width: usize) -> &'a [Real] {
        &self.values[i * self.stride..][..width]
    }

    /// `count` rows from row `first` on, as a matrix.
    pub fn operand(self, first: usize, count: usize, width: usize) -> Operand<'a> {
        Operand::rows(&self.values[first * self.stride..], count, width, self.stride)
    }
}

/// [`Rows`] to write to.
#[derive(Debug)]
pub struct RowsMut<'a> {
    pub values: &'a mut [Real],
    pub stride: usize,
}

impl<'a> RowsMut<'a> {
    /// Rows that stand as `part` says among `values`.
    pub fn of(values: &'a mut [Real], part: Part) -> Self {
        Self { values: &mut values[part.first..], stride: part.stride }
    }

    #[inline(always)]
    pub fn row(&mut self, i: usize, width: usize) -> &mut [Real] {
        &mut self.values[i * self.stride..][..width]
    }
}

/// Gradients of queries, keys and values.
#[derive(Debug)]
pub enum Gradients<'a> {
    /// Contiguous, each in its own place.
    Apart([&'a mut [Real]; 3]),
    /// Each a part of the same rows.
    Among(&'a mut [Real], [Part; 3]),
}

impl Gradients<'_> {
    /// The rows of one of the three, which are `width` wide.
    #[inline(always)]
    pub fn rows(&mut self, which: usize, width: usize) -> RowsMut<'_> {
        match self {
            Self::Apart(d) => RowsMut { values: d[which], stride: width },
            Self::Among(rows, parts) => RowsMut::of(rows, parts[which]),
        }
    }
}
