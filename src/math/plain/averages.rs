//! y_t = the mean of x_0 to x_t: what a position knows of its past when it asks for nothing in particular. Three ways to the
//! same numbers, from the plainest to the one that attention is made of (Karpathy, "Let's build GPT", from 42 minutes on).
//!
//! Each is linear in x, so that the means of the identity matrix are its weights.

use super::softmax;

/// Loops: the past of every position, added up and divided by its length.
///
/// # Shapes
/// - x, and y, which is returned (T, channels)
pub fn loops(x: &[f64], channels: usize) -> Vec<f64> {
    let mut y = vec![0.0; x.len()];
    for t in 0..x.len() / channels {
        for c in 0..channels {
            for past in 0..=t {
                y[t * channels + c] += x[past * channels + c];
            }
            y[t * channels + c] /= (t + 1) as f64;
        }
    }
    y
}

/// A matrix product: row t of the weights has 1 / (t + 1) up to its diagonal, and 0 after it.
///
/// # Shapes
/// - x, and y, which is returned (T, channels)
pub fn triangle(x: &[f64], channels: usize) -> Vec<f64> {
    let time = x.len() / channels;
    let mut weights = vec![0.0; time * time];
    for t in 0..time {
        for past in 0..=t {
            weights[t * time + past] = 1.0 / (t + 1) as f64;
        }
    }
    product(&weights, x, channels)
}

/// The softmax of scores that are all 0, but -inf where a position would see its future: equal scores, equal weights. Other
/// scores, other weights: this is the way that can learn.
///
/// # Shapes
/// - x, and y, which is returned (T, channels)
pub fn masked_softmax(x: &[f64], channels: usize) -> Vec<f64> {
    let time = x.len() / channels;
    let mut scores = vec![0.0; time * time];
    for t in 0..time {
        for future in t + 1..time {
            scores[t * time + future] = f64::NEG_INFINITY;
        }
    }
    product(&softmax::forward(&scores, time), x, channels)
}

/// y = weights x
///
/// # Shapes
/// - weights (T, T), x, and y, which is returned (T, channels)
fn product(weights: &[f64], x: &[f64], channels: usize) -> Vec<f64> {
    let time = x.len() / channels;
    let mut y = vec![0.0; x.len()];
    for t in 0..time {
        for s in 0..time {
            for c in 0..channels {
                y[t * channels + c] += weights[t * time + s] * x[s * channels + c];
            }
        }
    }
    y
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::math::finite_difference::values;

    #[test]
    fn three_ways_lead_to_the_same_numbers() {
        for (time, channels) in [(1, 3), (5, 1), (8, 2), (13, 4)] {
            let x = values(time * channels, time);
            let means = loops(&x, channels);
            for other in [triangle(&x, channels), masked_softmax(&x, channels)] {
                for (a, b) in means.iter().zip(&other) {
                    assert!((a - b).abs() < 1e-14, "{a} {b}");
                }
            }
        }
        assert_eq!(loops(&[1.0, 2.0, 6.0], 1), [1.0, 1.5, 3.0]);
    }

    #[test]
    fn the_means_of_the_identity_are_the_weights() {
        let identity = [1.0, 0.0, 0.0, 1.0];
        for way in [loops, triangle, masked_softmax] {
            assert_eq!(way(&identity, 2), [1.0, 0.0, 0.5, 0.5]);
        }
    }
}
