//! [`softmax`](super::softmax) in the numbers that models are trained in: beyond exp(88.7) an f32 is infinite, and infinity
//! by infinity is no number (Goodfellow, Bengio and Courville, Deep Learning, section 4.1).

/// A softmax with its steps.
#[derive(Clone, Debug, PartialEq)]
pub struct Softmax {
    /// exp(x - shift)
    pub exponentials: Vec<f32>,
    pub sum: f32,
    pub p: Vec<f32>,
}

/// The largest number; -inf where there is none.
pub fn largest(x: &[f32]) -> f32 {
    x.iter().copied().fold(f32::NEG_INFINITY, f32::max)
}

/// The softmax of one row after `shift` has been taken off: of 0 it is the formula as it is written, of [`largest`] the one
/// that nothing overflows in.
pub fn softmax(x: &[f32], shift: f32) -> Softmax {
    let exponentials: Vec<f32> = x.iter().map(|x| (x - shift).exp()).collect();
    let sum = exponentials.iter().sum();
    let p = exponentials.iter().map(|e| e / sum).collect();
    Softmax { exponentials, sum, p }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::math::plain;

    #[test]
    fn a_logit_of_100_is_too_much_unless_the_largest_is_taken_off() {
        let x = [100.0, 99.0, 0.0];
        let naive = softmax(&x, 0.0);
        assert!(naive.sum.is_infinite() && naive.p[0].is_nan());
        assert_eq!(naive.p[2], 0.0, "1 by infinity");
        let stable = softmax(&x, largest(&x));
        let expected = plain::softmax::forward(&x.map(f64::from), 3);
        for (p, expected) in stable.p.iter().zip(expected) {
            assert!((f64::from(*p) - expected).abs() < 1e-6);
        }
    }

    #[test]
    fn small_logits_need_no_shift() {
        let x = [1.0, -2.0, 0.5];
        for (a, b) in softmax(&x, 0.0).p.iter().zip(softmax(&x, largest(&x)).p) {
            assert!((a - b).abs() < 1e-6);
        }
    }
}
