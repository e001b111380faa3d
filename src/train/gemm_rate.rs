//! What this machine can do: one large single-threaded matrix product on every core at once.
//!
//! It is the bound that a training step is held against: a step that ran at this rate would consist of nothing but matrix
//! products, all of them large.

use std::hint::black_box;
use std::time::Instant;

use ndarray::Array2;
use rayon::prelude::*;

use super::team::Team;
use crate::math::Real;
use crate::math::gemm::{Onto, gemm};

const REPEATS: usize = 5;

/// GFLOP/s of all threads together, for matrices of `size` x `size`: the best of a few repeats, after one to warm up.
pub fn measure(team: &Team, size: usize) -> f64 {
    let threads = team.threads();
    let mut rate: f64 = 0.0;
    team.run(|| {
        let mut works: Vec<_> = (0..threads)
            .map(|i| {
                let value = |(row, column)| ((row * 7 + column * 3 + i) % 13) as Real;
                let a = Array2::from_shape_fn((size, size), value);
                (a.clone(), a, Array2::<Real>::zeros((size, size)))
            })
            .collect();
        for _ in 0..=REPEATS {
            let started = Instant::now();
            works.par_iter_mut().with_max_len(1).for_each(|(a, b, c)| {
                gemm(c, a, b, Onto::Nothing);
                black_box(c);
            });
            let operations = (2 * size.pow(3) * threads) as f64;
            rate = rate.max(operations / started.elapsed().as_secs_f64() / 1e9);
        }
    });
    rate
}
