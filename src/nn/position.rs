//! How a token's place in the window reaches the model: attention by itself cannot tell "hot dog" from "dog hot".

use ndarray::{Array2, ArrayRef2, ArrayView2};
use rand::Rng;
use serde::{Deserialize, Serialize};
use strum::{EnumString, IntoStaticStr, VariantNames};

use super::embedding::Embedding;
use super::init::Init;
use super::parameters::Registry;
use super::rows::{contiguous, contiguous_mut};
use crate::math::{Real, vector};

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[derive(EnumString, IntoStaticStr, VariantNames)]
#[strum(serialize_all = "snake_case")]
pub enum Position {
    None,
    /// A trained table (block_size, C).
    Learned,
    /// Fixed sines and cosines (Attention Is All You Need, 3.5).
    Sinusoidal,
}

/// sin on even columns, cos on odd ones; the wavelengths grow from 2 pi to 10000 * 2 pi. (length, width)
pub fn sinusoids(length: usize, width: usize) -> Array2<Real> {
    Array2::from_shape_fn((length, width), |(position, column)| {
        let frequency = (-(10_000_f64.ln()) * (column - column % 2) as f64 / width as f64).exp();
        let angle = position as f64 * frequency;
        (if column % 2 == 0 { angle.sin() } else { angle.cos() }) as Real
    })
}

#[derive(Clone, Debug)]
pub enum PositionEncoding {
    None,
    Learned(Embedding),
    Sinusoidal(Array2<Real>),
}

impl PositionEncoding {
    pub fn new(registry: &mut Registry, kind: Position, length: usize, width: usize) -> Self {
        match kind {
            Position::None => Self::None,
            Position::Learned => {
                Self::Learned(Embedding::new(registry, "position_embedding_table", length, width))
            }
            Position::Sinusoidal => Self::Sinusoidal(sinusoids(length, width)),
        }
    }

    pub fn initialise(&self, weights: &mut [Real], init: Init, rng: &mut impl Rng) {
        if let Self::Learned(table) = self {
            table.initialise(weights, init, rng);
        }
    }

    /// The table (length, width), where there is one.
    pub fn table<'a>(&'a self, weights: &'a [Real]) -> Option<ArrayView2<'a, Real>> {
        match self {
            Self::None => None,
            Self::Learned(table) => Some(table.table(weights)),
            Self::Sinusoidal(table) => Some(table.view()),
        }
    }

    /// Adds row t of the table to position t of every sequence of x (B*T, C).
    pub fn forward(&self, x: &mut ArrayRef2<Real>, time: usize, weights: &[Real]) {
        if let Some(table) = self.table(weights) {
            let rows = &contiguous(&table)[..time * x.ncols()];
            for sequence in contiguous_mut(x).chunks_exact_mut(rows.len()) {
                vector::add(sequence, rows);
            }
        }
    }

    /// Adds the gradient d (B*T, C) of the sum to the table's.
    pub fn backward(&self, gradients: &mut [Real], d: &ArrayRef2<Real>, time: usize) {
        if let Self::Learned(table) = self {
            table.backward_positions(gradients, contiguous(d), time);
        }
    }
}

impl Embedding {
    /// Backward of picking rows 0 to `time` - 1 for every sequence.
    fn backward_positions(&self, gradients: &mut [Real], d: &[Real], time: usize) {
        let rows = &mut gradients[self.table_range()][..time * self.width];
        vector::add_rows(rows, d);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn first_row_alternates_zero_and_one_and_the_last_pair_is_slow() {
        let table = sinusoids(5, 6);
        assert_eq!(table.row(0).to_vec(), [0.0, 1.0, 0.0, 1.0, 0.0, 1.0]);
        assert!((table[[3, 0]] - (3.0 as Real).sin()).abs() < 1e-6);
        let slow = 10_000_f64.powf(-4.0 / 6.0);
        assert!((table[[3, 5]] - (3.0 * slow).cos() as Real).abs() < 1e-6);
    }

    #[test]
    #[cfg(feature = "f64")]
    fn gradient_of_the_learned_table_when_a_window_is_shorter_than_it() {
        use crate::math::finite_difference::{check, values, weighted_sum};
        let mut registry = Registry::default();
        let layer = PositionEncoding::new(&mut registry, Position::Learned, 6, 3);
        let (weights, dy) = (values(18, 1), values(2 * 4 * 3, 2));
        let mut gradients = vec![0.0; 18];
        layer.backward(&mut gradients, &crate::math::gemm::matrix(&dy, 8, 3), 4);
        check("table", &weights, &gradients, 1e-7, |weights| {
            let mut x = Array2::zeros((8, 3));
            layer.forward(&mut x, 4, weights);
            weighted_sum(contiguous(&x), &dy)
        });
    }
}
