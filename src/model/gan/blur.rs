//! Instance noise (Sønderby et al. 2017; Arjovsky and Bottou 2017): while it trains, the discriminator sees real and
//! generated points through the same normal noise. Far from every real point it then still has a slope to go up, and a mode
//! that was lost is found again.

use ndarray_rand::rand_distr::{Distribution, StandardNormal};

use super::super::Conditions;
use crate::math::Real;
use crate::math::random::{Purpose, stream};

/// Rows of a batch have a stream each, for either sort of point: no batch has more rows than a half of this.
const STREAMS: u64 = 1 << 13;

/// Whose points are blurred.
#[derive(Clone, Copy, Debug)]
pub(super) enum Sort {
    Real,
    Generated,
}

/// How far, and by which numbers: a function of seed, step and row, however a batch is split.
#[derive(Clone, Copy, Debug)]
pub(super) struct Blur {
    /// Standard deviation.
    std: Real,
    seed: u64,
    step: u64,
    /// The first row of the batch that the points are of.
    first: usize,
}

impl Blur {
    /// `None` where nothing is blurred.
    pub fn of(conditions: &Conditions, first: usize) -> Option<Self> {
        let (std, of_run) = (conditions.instance_noise, conditions.dropout);
        (std > 0.0).then_some(Self { std, seed: of_run.seed, step: of_run.step, first })
    }

    /// Sets `seen` to points (n, width) with noise of their own.
    pub fn see(self, sort: Sort, points: &[Real], width: usize, seen: &mut Vec<Real>) {
        seen.clear();
        for (i, point) in points.chunks_exact(width).enumerate() {
            let row = (self.first + i) as u64;
            let number = self.step * STREAMS + 2 * row + sort as u64;
            let mut rng = stream(self.seed, Purpose::InstanceNoise, number);
            for x in point {
                let noise: f64 = StandardNormal.sample(&mut rng);
                seen.push(x + self.std * noise as Real);
            }
        }
    }
}
