//! A table with one row a token: forward picks rows, backward adds to the rows that were picked.

use std::ops::Range;

use ndarray::{ArrayRef2, ArrayView2};
use rand::Rng;

use super::init::Init;
use super::parameters::Registry;
use super::rows::{contiguous, contiguous_mut};
use crate::math::Real;
use crate::math::gemm::matrix;
use crate::math::vectorised::{apply, vectorised};

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
        pick(contiguous_mut(y), &weights[self.table.clone()], ids, self.width);
    }

    /// # Shapes
    /// - dy (n, width); ids: n, each below `rows`
    pub fn backward(&self, gradients: &mut [Real], dy: &ArrayRef2<Real>, ids: &[u32]) {
        add_picked(&mut gradients[self.table.clone()], contiguous(dy), ids, self.width);
    }
}

/// y[i] = table[ids[i]]; rows of `width` numbers.
pub fn pick(y: &mut [Real], table: &[Real], ids: &[u32], width: usize) {
    for (y, &id) in y.chunks_exact_mut(width).zip(ids) {
        y.copy_from_slice(&table[id as usize * width..][..width]);
    }
}

/// table[ids[i]] += y[i]; rows of `width` numbers.
#[apply(vectorised)]
pub fn add_picked(table: &mut [Real], y: &[Real], ids: &[u32], width: usize) {
    for (y, &id) in y.chunks_exact(width).zip(ids) {
        let row = &mut table[id as usize * width..][..width];
        for (row, y) in row.iter_mut().zip(y) {
            *row += y;
        }
    }
}

#[cfg(all(test, feature = "f64"))]
mod tests {
    use ndarray::Array2;

    use super::*;
    use crate::math::finite_difference::{check, values, weighted_sum};

    #[test]
    fn gradient_of_the_table_with_a_token_that_comes_twice() {
        let mut registry = Registry::default();
        let layer = Embedding::new(&mut registry, "table", 5, 3);
        let (weights, ids, dy) = (values(15, 1), [4, 0, 4, 2], values(12, 2));
        let mut gradients = vec![0.0; 15];
        layer.backward(&mut gradients, &matrix(&dy, 4, 3), &ids);
        check("table", &weights, &gradients, 1e-7, |weights| {
            let mut y = Array2::zeros((4, 3));
            layer.forward(&mut y, &ids, weights);
            weighted_sum(y.as_slice().unwrap(), &dy)
        });
    }
}
