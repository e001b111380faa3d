//! Four ways to keep a softmax from looking at some of its scores. One of them is right; the others show why.

use super::overflow::{largest, softmax};

/// What is done about the scores that are not to be seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// They become -inf, whose exponential is 0. Where nothing may be seen, -inf - -inf is no number.
    Infinity,
    /// They become -1e9: as good as 0 beside any other score, but where nothing may be seen all are equal, and seen.
    Large,
    /// They become 0, which is a score like any other: exp(0) = 1 is seen.
    Zero,
    /// Their weights become 0 after the softmax: the rest keep what they were given beside them, and sum to less than 1.
    After,
    /// The same, and the rest divided by their sum. Where nothing may be seen, 0 / 0 is no number.
    Renormalised,
}

impl Way {
    pub const ALL: [Self; 5] =
        [Self::Infinity, Self::Large, Self::Zero, Self::After, Self::Renormalised];
}

/// The weights of a row of scores, of which those `masked` are not to be seen.
pub fn weights(scores: &[f32], masked: &[bool], way: Way) -> Vec<f32> {
    let instead = match way {
        Way::Infinity => Some(f32::NEG_INFINITY),
        Way::Large => Some(-1e9),
        Way::Zero => Some(0.0),
        Way::After | Way::Renormalised => None,
    };
    let pairs = scores.iter().zip(masked);
    let x: Vec<f32> =
        pairs.map(|(score, masked)| instead.filter(|_| *masked).unwrap_or(*score)).collect();
    let mut p = softmax(&x, largest(&x)).p;
    if instead.is_some() {
        return p;
    }
    for (p, masked) in p.iter_mut().zip(masked) {
        *p = if *masked { 0.0 } else { *p };
    }
    if way == Way::Renormalised {
        let sum: f32 = p.iter().sum();
        for p in &mut p {
            *p /= sum;
        }
    }
    p
}

#[cfg(test)]
mod tests {
    use super::*;

    const SCORES: [f32; 4] = [1.0, -0.5, 2.0, 0.5];

    fn close(a: &[f32], b: &[f32]) -> bool {
        a.iter().zip(b).all(|(a, b)| (a - b).abs() < 1e-6)
    }

    #[test]
    fn without_a_mask_all_ways_are_one() {
        let expected = softmax(&SCORES, 0.0).p;
        for way in Way::ALL {
            assert!(close(&weights(&SCORES, &[false; 4], way), &expected), "{way:?}");
        }
    }

    #[test]
    fn what_is_masked_is_seen_by_no_way_but_zero() {
        let masked = [false, true, false, true];
        let alone = softmax(&[1.0, 2.0], 0.0).p;
        let expected = [alone[0], 0.0, alone[1], 0.0];
        for way in [Way::Infinity, Way::Large, Way::Renormalised] {
            assert!(close(&weights(&SCORES, &masked, way), &expected), "{way:?}");
        }
        let leaks = weights(&SCORES, &masked, Way::Zero);
        assert!(close(&leaks, &softmax(&[1.0, 0.0, 2.0, 0.0], 0.0).p) && leaks[1] > 0.05);
        let after = weights(&SCORES, &masked, Way::After);
        let seen = softmax(&SCORES, 0.0).p;
        assert!(close(&after, &[seen[0], 0.0, seen[2], 0.0]));
        assert!(after.iter().sum::<f32>() < 0.85);
    }

    #[test]
    fn a_row_of_which_nothing_may_be_seen() {
        let of = |way| weights(&SCORES, &[true; 4], way);
        assert!(of(Way::Infinity).iter().all(|p| p.is_nan()));
        assert_eq!(of(Way::Large), [0.25; 4]);
        assert_eq!(of(Way::Zero), [0.25; 4]);
        assert_eq!(of(Way::After), [0.0; 4]);
        assert!(of(Way::Renormalised).iter().all(|p| p.is_nan()));
    }
}
