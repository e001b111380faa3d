//! What this machine can do: one large single-threaded matrix product on every core at once.

use std::hint::black_box;
use std::time::Instant;

use ndarray::Array2;
use rayon::prelude::*;

use crate::math::Real;
use crate::math::gemm::gemm;
use crate::train::team::Team;

/// Large enough for a matrix product's best rate, small enough for the second cache.
const SIZE: usize = 768;
const REPEATS: usize = 5;

/// GFLOP/s of all threads together: the best of a few repeats.
pub fn measure(team: &Team) -> f64 {
    let threads = team.threads();
    let mut rate: f64 = 0.0;
    team.run(|| {
        let mut works: Vec<_> = (0..threads)
            .map(|i| {
                let value =
                    |(row, column): (usize, usize)| ((row * 7 + column * 3 + i) % 13) as Real;
                let a = Array2::from_shape_fn((SIZE, SIZE), value);
                (a.clone(), a, Array2::<Real>::zeros((SIZE, SIZE)))
            })
            .collect();
        for _ in 0..=REPEATS {
            let started = Instant::now();
            works.par_iter_mut().with_max_len(1).for_each(|(a, b, c)| {
                for _ in 0..2 {
                    gemm(c, a, b, 0.0);
                }
                black_box(c);
            });
            let operations = (2 * 2 * SIZE.pow(3) * threads) as f64;
            rate = rate.max(operations / started.elapsed().as_secs_f64() / 1e9);
        }
    });
    rate
}
