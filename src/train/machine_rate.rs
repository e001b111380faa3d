//! What this machine can do, on every core at once: its arithmetic alone ([`peak`]), which nothing is faster than, and one
//! large single-threaded matrix product, which says how far from that the products at hand are.
//!
//! The peak is the bound that a training step is held against: a step that ran at this rate would consist of nothing but
//! multiply-adds.

use std::hint::black_box;
use std::time::{Duration, Instant};

use ndarray::Array2;
use rayon::prelude::*;

use super::team::Team;
use crate::math::Real;
use crate::math::gemm::{Onto, gemm};
use crate::math::peak::multiply_adds;

const REPEATS: usize = 5;

/// Until then a system has spread threads that have just begun over the cores; before, two of them may share one, and reach half.
const SPREAD: Duration = Duration::from_millis(40);

/// Rounds of multiply-adds in a repeat: about a millisecond.
const ROUNDS: usize = 400_000;

/// GFLOP/s of all threads together, multiply-adds in registers: the best of some repeats.
pub fn peak(team: &Team) -> f64 {
    let mut rate: f64 = 0.0;
    team.run(|| {
        let first = Instant::now();
        while first.elapsed() < SPREAD {
            let started = Instant::now();
            // On each thread by itself: of a parallel loop, one that wakes up early would take the other's part too.
            let operations: u64 = rayon::broadcast(|_| multiply_adds(ROUNDS)).iter().sum();
            rate = rate.max(operations as f64 / started.elapsed().as_secs_f64() / 1e9);
        }
    });
    rate
}

/// GFLOP/s of all threads together, for matrices of `size` x `size`: the best of a few repeats, after one to warm up.
pub fn gemm_rate(team: &Team, size: usize) -> f64 {
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
