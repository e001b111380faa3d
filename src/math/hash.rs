//! A counter-based generator for dropout: unit i of a mask is a function of a key and i, so backward can ask again.

/// Mixes words into one key (splitmix64's finaliser after each).
pub fn key(words: &[u64]) -> u64 {
    words.iter().fold(0x9e37_79b9_7f4a_7c15, |state, word| {
        let mut z = (state ^ word).wrapping_add(0x9e37_79b9_7f4a_7c15);
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    })
}

/// 32 random bits for counter `i` under `key` (the multipliers are Chris Wellons' "lowbias32", bias 0.17).
#[inline(always)]
pub fn bits(key: u64, i: u32) -> u32 {
    mixed(key as u32, (key >> 32) as u32, i)
}

/// [`bits`] of a key in two halves.
#[inline(always)]
pub fn mixed(low: u32, high: u32, i: u32) -> u32 {
    let mut x = i ^ low;
    x = (x ^ (x >> 16)).wrapping_mul(0x7feb_352d);
    x ^= high;
    x = (x ^ (x >> 15)).wrapping_mul(0x846c_a68b);
    x ^ (x >> 16)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bits_are_evenly_spread_and_uncorrelated_between_keys() {
        let n = 1 << 16;
        let (a, b) = (key(&[1, 2, 3]), key(&[1, 2, 4]));
        assert_ne!(a, b);
        let below = |key, i| bits(key, i) < u32::MAX / 5;
        let ones = (0..n).filter(|&i| below(a, i)).count() as f64 / f64::from(n);
        let both = (0..n).filter(|&i| below(a, i) && below(b, i)).count() as f64 / f64::from(n);
        let next = (1..n).filter(|&i| below(a, i) && below(a, i - 1)).count() as f64 / f64::from(n);
        assert!((ones - 0.2).abs() < 0.008, "{ones}");
        assert!((both - 0.04).abs() < 0.004, "{both}");
        assert!((next - 0.04).abs() < 0.004, "{next}");
    }
}
