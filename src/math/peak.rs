//! What the arithmetic of a processor can do: multiply-adds between registers, as many independent chains of them as keep its
//! units busy, and nothing else. No product of matrices is faster.

use std::hint::black_box;

use multiversion::multiversion;
use multiversion::target::target_cfg_f;

use super::{LANES, Real};

/// Runs `rounds` rounds of chains of multiply-adds and returns how many operations that were, two for each multiply-add.
// To clippy, every question about the target looks the same.
#[allow(clippy::ifs_same_cond)]
#[multiversion(targets("x86_64+avx512f+avx512vl+avx2+fma", "x86_64+avx2+fma", "aarch64+neon"))]
pub fn multiply_adds(rounds: usize) -> u64 {
    // So many chains that no unit waits for the one before it, and no more than there are registers for: of more of them the
    // compiler makes a loop over memory.
    if target_cfg_f!(target_feature = "avx512f") {
        chains::<10, true>(rounds)
    } else if target_cfg_f!(any(target_feature = "fma", target_feature = "neon")) {
        chains::<5, true>(rounds)
    } else {
        chains::<3, false>(rounds)
    }
}

// An iterator over the chains would keep them in memory.
#[allow(clippy::needless_range_loop)]
#[inline(always)]
fn chains<const CHAINS: usize, const FUSED: bool>(rounds: usize) -> u64 {
    // They stay near 1: numbers that are too small to be normal may take longer.
    let (factor, addend): ([Real; LANES], [Real; LANES]) =
        (black_box([0.5; LANES]), black_box([0.5; LANES]));
    let mut sums: [[Real; LANES]; CHAINS] = [[1.0; LANES]; CHAINS];
    for _ in 0..rounds {
        for chain in 0..CHAINS {
            for lane in 0..LANES {
                let sum = sums[chain][lane];
                let (a, b) = (factor[lane], addend[lane]);
                sums[chain][lane] = if FUSED { sum.mul_add(a, b) } else { sum * a + b };
            }
        }
    }
    black_box(sums);
    (2 * rounds * CHAINS * LANES) as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn operations_are_those_that_were_asked_for() {
        let one = multiply_adds(1);
        assert!(one >= (2 * 3 * LANES) as u64 && one.is_multiple_of(2 * LANES as u64));
        assert_eq!(multiply_adds(1000), 1000 * one);
    }
}
