//! A table with one row a token: forward picks rows, backward adds to the rows that were picked.

use std::ops::Range;

use ndarray::{ArrayRef2, ArrayView2};
use rand::Rng;

use super::init::Init;
use super::parameters::Registry;
use crate::math::Real;
use crate::math::gemm::matrix;

#[derive(Clone, Debug)]
pub struct Embedding {
    pub rows: usize,
    pub width: usize,
    table: Range<usize>,
}

impl Embedding {
    /// Reserves `name.weight` (rows, width).
    pub fn new(registry: &mut Registry, name: &str, rows: usize, width: usize) -> Self {
        let table = registry.reserve(rows * width, true);
        registry.name(format!("{name}.weight"), &[rows, width], table.start, &[width, 1]);
        Self { rows, width, table }
    }

    pub fn initialise(&self, weights: &mut [Real], init: Init, rng: &mut impl Rng) {
        init.embedding(&mut weights[self.table.clone()], rng);
    }

    /// The table (rows, width).
    pub fn table<'a>(&self, weights: &'a [Real]) -> ArrayView2<'a, Real> {
        matrix(&weights[self.table.clone()], self.rows, self.width)
    }

    /// Where the table stands in the arena.
    pub fn table_range(&self) -> Range<usize> {
        self.table.clone()
    }

    /// # Shapes
    /// - y (n, width); ids: n, each below `rows`
    pub fn forward(&self, y: &mut ArrayRef2<Real>, ids: &[u32], weights: &[Real]) {
        let table = &weights[self.table.clone()];
        for (mut y, &id) in y.rows_mut().into_iter().zip(ids) {
            let row = &table[id as usize * self.width..][..self.width];
            y.as_slice_mut().expect("standard layout").copy_from_slice(row);
        }
    }

    /// # Shapes
    /// - dy (n, width); ids: n, each below `rows`
    pub fn backward(&self, gradients: &mut [Real], dy: &ArrayRef2<Real>, ids: &[u32]) {
        let table = &mut gradients[self.table.clone()];
        for (dy, &id) in super::activation::contiguous(dy).chunks_exact(self.width).zip(ids) {
            let row = &mut table[id as usize * self.width..][..self.width];
            for (row, dy) in row.iter_mut().zip(dy) {
                *row += dy;
            }
        }
    }
}
