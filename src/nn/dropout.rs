//! Dropout: in training, a unit is zero with probability p and scaled by 1 / (1 - p) otherwise (Srivastava et al. 2014).
//!
//! Whether a unit drops is a function of (seed, step, place, sequence, unit): the same for any number of threads and
//! shards, and backward asks again instead of remembering.

use ndarray::ArrayRef2;

use super::rows::contiguous_mut;
use crate::math::attention::Drop;
use crate::math::vectorised::{apply, vectorised};
use crate::math::{Real, hash};

/// Which units are dropped in a step.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Dropout {
    /// The probability that a unit is dropped, 0 <= p < 1.
    pub p: f64,
    pub seed: u64,
    pub step: u64,
}

impl Dropout {
    /// No unit is dropped.
    pub const OFF: Self = Self { p: 0.0, seed: 0, step: 0 };

    /// The mask's key for a place in the model and a sequence of the batch; `None` when dropout is off.
    pub fn at(self, place: u64, sequence: usize) -> Option<Drop> {
        (self.p > 0.0).then(|| Drop {
            key: hash::key(&[self.seed, self.step, place, sequence as u64]),
            threshold: (self.p * 2_f64.powi(32)) as u32,
            scale: (1.0 / (1.0 - self.p)) as Real,
        })
    }

    /// Drops units of x (B*T, C) in place, sequence by sequence of `time` rows, the first being number `first` of the
    /// batch. The same call on a gradient is the backward.
    pub fn apply(self, x: &mut ArrayRef2<Real>, place: u64, first: usize, time: usize) {
        if self.p > 0.0 {
            let size = time * x.ncols();
            for (i, units) in contiguous_mut(x).chunks_mut(size).enumerate() {
                if let Some(drop) = self.at(place, first + i) {
                    mask(units, drop, 0);
                }
            }
        }
    }

    /// The same units of the same sequences where the rows of x (T*B, C) are time-major: row t * `sequences` + b is position
    /// t of sequence `first` + b.
    pub fn apply_time_major(
        self,
        x: &mut ArrayRef2<Real>,
        place: u64,
        first: usize,
        sequences: usize,
    ) {
        if self.p > 0.0 {
            let width = x.ncols();
            for (row, units) in contiguous_mut(x).chunks_exact_mut(width).enumerate() {
                if let Some(drop) = self.at(place, first + row % sequences) {
                    mask(units, drop, (row / sequences * width) as u32);
                }
            }
        }
    }
}

#[apply(vectorised)]
fn mask(units: &mut [Real], drop: Drop, first: u32) {
    for (i, unit) in (first..).zip(units) {
        *unit = if hash::bits(drop.key, i) >= drop.threshold { *unit * drop.scale } else { 0.0 };
    }
}

#[cfg(test)]
mod tests {
    use ndarray::Array2;

    use super::*;

    #[test]
    fn keeps_the_mean_and_depends_on_the_sequence_not_on_its_place_in_the_shard() {
        let dropout = Dropout { p: 0.2, seed: 1, step: 7 };
        let mut all = Array2::from_elem((64 * 8, 32), 1.0);
        dropout.apply(&mut all, 3, 0, 8);
        let zeros = all.iter().filter(|x| **x == 0.0).count() as f64 / all.len() as f64;
        assert!((zeros - 0.2).abs() < 0.01, "{zeros}");
        assert!(all.iter().all(|x| *x == 0.0 || *x == 1.25));
        let mut part = Array2::from_elem((8, 32), 1.0);
        dropout.apply(&mut part, 3, 63, 8);
        assert_eq!(part, all.slice(ndarray::s![63 * 8.., ..]));
    }

    #[test]
    fn time_major_rows_lose_the_same_units() {
        let dropout = Dropout { p: 0.3, seed: 1, step: 7 };
        let (sequences, time) = (5, 4);
        let [mut one, mut other] = [(); 2].map(|()| Array2::from_elem((sequences * time, 9), 1.0));
        dropout.apply(&mut one, 2, 6, time);
        dropout.apply_time_major(&mut other, 2, 6, sequences);
        for b in 0..sequences {
            for t in 0..time {
                assert_eq!(one.row(b * time + t), other.row(t * sequences + b));
            }
        }
    }
}
