//! How fast one core reads: the bound of generation, which reads every weight once for a character.
//!
//! The block is as large as the weights, and read again and again, as they are: so the rate is that of the cache which
//! holds them, or of memory where none does.

use std::hint::black_box;
use std::time::{Duration, Instant};

use crate::math::vectorised::{apply, vectorised};

const REPEATS: usize = 5;
/// How long the clock runs for a repeat, at least.
const LEAST: Duration = Duration::from_millis(4);

/// Bytes a second for a block of this many bytes: the best of a few repeats, after one to warm up.
pub fn measure(bytes: usize) -> f64 {
    // Numbers, not zeros: a page that was never written is no memory of its own.
    let block: Vec<u64> = (0..bytes.div_ceil(size_of::<u64>()) as u64).collect();
    let mut rate: f64 = 0.0;
    for _ in 0..=REPEATS {
        let (started, mut passes) = (Instant::now(), 0);
        while passes == 0 || started.elapsed() < LEAST {
            // Small blocks are read many times between two looks at the clock.
            for _ in 0..=(1 << 20) / block.len() {
                black_box(sum(black_box(&block)));
                passes += 1;
            }
        }
        let read = (passes * block.len() * size_of::<u64>()) as f64;
        rate = rate.max(read / started.elapsed().as_secs_f64());
    }
    rate
}

/// Integers, whose additions the compiler may put in any order, and so into as many registers as it likes.
#[apply(vectorised)]
fn sum(block: &[u64]) -> u64 {
    block.iter().fold(0, |sum, x| sum.wrapping_add(*x))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_whole_block_is_read() {
        let block: Vec<u64> = (1..=1003).collect();
        assert_eq!(sum(&block), 1003 * 1004 / 2);
        let rate = measure(1000);
        assert!(rate > 1e8 && rate.is_finite(), "slower than a disk: {rate}");
    }
}
