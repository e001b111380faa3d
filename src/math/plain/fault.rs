//! Attention with a mistake in it: all heads of one sequence, in plain loops. It runs, and most often it trains.
//!
//! A head is a stripe of hs channels of the rows (T, C). Which numbers a head reads, along which way its softmax runs and what
//! becomes of hidden scores are one line each: that is all by which a right layer and a wrong one differ. These loops write
//! to arrays that they are given, for a model can be trained through them; no kernel can be switched to be wrong.

use serde::{Deserialize, Serialize};
use strum::{EnumString, IntoStaticStr, VariantNames};

/// No sequence is longer: the loops are slow, and a mistake shows on eight positions.
pub const LONGEST: usize = 8;

/// What is wrong.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[derive(EnumString, IntoStaticStr, VariantNames)]
#[strum(serialize_all = "snake_case")]
pub enum Fault {
    /// Nothing.
    #[default]
    None,
    /// The softmax runs down the columns: over the queries instead of the keys.
    SoftmaxAxis,
    /// LayerNorm normalises each channel over the positions.
    LayernormAxis,
    /// LayerNorm normalises each number over the examples of the batch.
    LayernormBatch,
    /// Heads are split by a view of (T, C) as (heads, T, hs), without a transposition, and joined with one.
    HeadsByView,
    /// Heads are split and joined by a view.
    HeadsByViewTwice,
    /// Hidden scores are -1e9 instead of -inf.
    #[serde(rename = "mask_1e9")]
    #[strum(serialize = "mask_1e9")]
    Mask1e9,
    /// Hidden scores are 0.
    MaskZero,
    /// Hidden weights are set to 0 after the softmax.
    MaskAfterSoftmax,
    /// The first token is padding that nobody may see, so that the first row is all -inf.
    AllMasked,
    /// The same with -1e9.
    #[serde(rename = "all_masked_1e9")]
    #[strum(serialize = "all_masked_1e9")]
    AllMasked1e9,
}

impl Fault {
    /// Those that a model can be trained with: what is wrong with them is in attention, and shows in a number. -1e9 makes no
    /// difference, and a row without a key makes every weight NaN in one step.
    pub const TRAINED: &[&str] = &[
        "none",
        "softmax_axis",
        "heads_by_view",
        "heads_by_view_twice",
        "mask_zero",
        "mask_after_softmax",
    ];

    /// Whether nothing is wrong: files then say nothing of it.
    #[allow(clippy::trivially_copy_pass_by_ref)]
    pub fn is_none(&self) -> bool {
        *self == Self::None
    }

    /// Whether the first key is hidden as well.
    pub fn padded(self) -> bool {
        matches!(self, Self::AllMasked | Self::AllMasked1e9)
    }

    /// Whether, with a causal mask, an output depends on later positions: of those that are trained.
    pub fn sees_future(self, n_head: usize) -> bool {
        match self {
            Self::SoftmaxAxis | Self::MaskZero | Self::MaskAfterSoftmax => true,
            // One head is the whole row, by view or not.
            Self::HeadsByView => n_head > 1,
            _ => false,
        }
    }
}

/// Sizes and switches of one call.
#[derive(Clone, Copy, Debug)]
pub struct Shape {
    /// T
    pub time: usize,
    pub n_head: usize,
    pub head_size: usize,
    pub scale: f64,
    pub causal: bool,
    pub fault: Fault,
}

impl Shape {
    /// Whether query i is not to see key j.
    fn hidden(&self, i: usize, j: usize) -> bool {
        (self.causal && j > i) || (self.fault.padded() && j == 0)
    }

    /// What stands in the place of a score, where it is not the score itself.
    fn masked(&self, i: usize, j: usize) -> Option<f64> {
        match self.fault {
            Fault::MaskAfterSoftmax => None,
            _ if !self.hidden(i, j) => None,
            Fault::MaskZero => Some(0.0),
            Fault::Mask1e9 | Fault::AllMasked1e9 => Some(-1e9),
            _ => Some(f64::NEG_INFINITY),
        }
    }

    /// Whether a weight is set to 0 after the softmax.
    fn cut(&self, i: usize, j: usize) -> bool {
        self.fault == Fault::MaskAfterSoftmax && self.hidden(i, j)
    }

    /// The weight of key j for query i, of what the softmax gave a head, (T, T).
    pub fn weight(&self, p: &[f64], i: usize, j: usize) -> f64 {
        if self.cut(i, j) { 0.0 } else { p[i * self.time + j] }
    }

    /// Number k of the list n, of T lists, that the softmax makes sum to 1, in (T, T).
    fn along(&self, n: usize, k: usize) -> usize {
        if self.fault == Fault::SoftmaxAxis { k * self.time + n } else { n * self.time + k }
    }

    /// Where number d of a head's row t stands in (T, C): in the head's stripe of channels, or where it would stand were the
    /// memory (heads, T, hs).
    fn place(&self, by_view: bool, head: usize, t: usize, d: usize) -> usize {
        if by_view {
            (head * self.time + t) * self.head_size + d
        } else {
            (t * self.n_head + head) * self.head_size + d
        }
    }

    /// Where a query's, key's or value's number stands.
    fn read(&self, head: usize, t: usize, d: usize) -> usize {
        let by_view = matches!(self.fault, Fault::HeadsByView | Fault::HeadsByViewTwice);
        self.place(by_view, head, t, d)
    }

    /// Where an output's number stands.
    fn written(&self, head: usize, t: usize, d: usize) -> usize {
        self.place(self.fault == Fault::HeadsByViewTwice, head, t, d)
    }
}

/// Sets y, and p, what the softmax gives; [`Shape::weight`] is what is taken of it.
///
/// # Shapes
/// - y, q, k, v (T, C), p (heads, T, T)
pub fn forward(y: &mut [f64], p: &mut [f64], [q, k, v]: [&[f64]; 3], shape: &Shape) {
    let (time, hs) = (shape.time, shape.head_size);
    for (head, p) in p.chunks_exact_mut(time * time).enumerate() {
        // pass 1: scores, or what stands in their place
        for i in 0..time {
            for j in 0..time {
                let mut product = 0.0;
                for d in 0..hs {
                    product += q[shape.read(head, i, d)] * k[shape.read(head, j, d)];
                }
                p[i * time + j] = shape.masked(i, j).unwrap_or(product * shape.scale);
            }
        }
        // pass 2: weights, along a row; or down a column
        for n in 0..time {
            let mut largest = f64::NEG_INFINITY;
            for k in 0..time {
                largest = largest.max(p[shape.along(n, k)]);
            }
            let mut sum = 0.0;
            for k in 0..time {
                let at = shape.along(n, k);
                p[at] = (p[at] - largest).exp();
                sum += p[at];
            }
            for k in 0..time {
                p[shape.along(n, k)] /= sum;
            }
        }
        // pass 3: the weighted sum of the values
        for i in 0..time {
            for d in 0..hs {
                let mut sum = 0.0;
                for j in 0..time {
                    sum += shape.weight(p, i, j) * v[shape.read(head, j, d)];
                }
                y[shape.written(head, i, d)] = sum;
            }
        }
    }
}

/// Sets dq, dk and dv: the three passes, backward.
///
/// # Shapes
/// - dq, dk, dv, dy, q, k, v (T, C), p (heads, T, T)
///
/// # Panics
/// If T is more than [`LONGEST`].
pub fn backward(
    [dq, dk, dv]: [&mut [f64]; 3],
    dy: &[f64],
    p: &[f64],
    [q, k, v]: [&[f64]; 3],
    shape: &Shape,
) {
    let (time, hs) = (shape.time, shape.head_size);
    assert!(time <= LONGEST, "at most {LONGEST} positions");
    for values in [&mut *dq, &mut *dk, &mut *dv] {
        values.fill(0.0);
    }
    for (head, p) in p.chunks_exact(time * time).enumerate() {
        // (T, T): first of the weights, then of the scores
        let mut dp = [0.0; LONGEST * LONGEST];
        // pass 3: a weight gains what its value is worth, a value what was taken of it; what was cut after the softmax, nothing
        for i in 0..time {
            for j in 0..time {
                if shape.cut(i, j) {
                    continue;
                }
                for d in 0..hs {
                    let (value, dy) = (shape.read(head, j, d), dy[shape.written(head, i, d)]);
                    dp[i * time + j] += dy * v[value];
                    dv[value] += p[i * time + j] * dy;
                }
            }
        }
        // pass 2: from weights to scores, along the way that the softmax went
        for n in 0..time {
            let mut mean = 0.0;
            for k in 0..time {
                let at = shape.along(n, k);
                mean += dp[at] * p[at];
            }
            for k in 0..time {
                let at = shape.along(n, k);
                dp[at] = p[at] * (dp[at] - mean);
            }
        }
        // pass 1: in q·k each is the other's factor; what stood in the place of a score moves neither
        for i in 0..time {
            for j in 0..time {
                if shape.masked(i, j).is_some() {
                    continue;
                }
                for d in 0..hs {
                    let (i_d, j_d) = (shape.read(head, i, d), shape.read(head, j, d));
                    dq[i_d] += dp[i * time + j] * shape.scale * k[j_d];
                    dk[j_d] += dp[i * time + j] * shape.scale * q[i_d];
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::math::finite_difference::{check, values, weighted_sum};
    use crate::math::plain::attention;

    const TIME: usize = 5;
    const WIDTH: usize = 6;

    fn shape(fault: Fault, causal: bool) -> Shape {
        Shape { time: TIME, n_head: 3, head_size: 2, scale: 0.7, causal, fault }
    }

    fn run([q, k, v]: [&[f64]; 3], shape: &Shape) -> [Vec<f64>; 2] {
        let (mut y, mut p) = (vec![0.0; TIME * WIDTH], vec![0.0; 3 * TIME * TIME]);
        forward(&mut y, &mut p, [q, k, v], shape);
        [y, p]
    }

    #[test]
    fn gradient_under_every_fault_that_trains() {
        for name in Fault::TRAINED {
            for causal in [true, false] {
                let shape = shape(name.parse().unwrap(), causal);
                let [q, k, v, dy] = [1, 2, 3, 4].map(|seed| values(TIME * WIDTH, seed));
                let [_, p] = run([&q, &k, &v], &shape);
                let [mut dq, mut dk, mut dv] = [(); 3].map(|()| vec![1.0; TIME * WIDTH]);
                backward([&mut dq, &mut dk, &mut dv], &dy, &p, [&q, &k, &v], &shape);
                let loss =
                    |q: &[f64], k: &[f64], v: &[f64]| weighted_sum(&run([q, k, v], &shape)[0], &dy);
                check(&format!("{name} dq"), &q, &dq, 1e-7, |q| loss(q, &k, &v));
                check(&format!("{name} dk"), &k, &dk, 1e-7, |k| loss(&q, k, &v));
                check(&format!("{name} dv"), &v, &dv, 1e-7, |v| loss(&q, &k, v));
            }
        }
    }

    #[test]
    fn without_a_fault_it_is_plain_attention_head_by_head() {
        for causal in [true, false] {
            let shape = shape(Fault::None, causal);
            let [q, k, v] = [1, 2, 3].map(|seed| values(TIME * WIDTH, seed));
            let [y, p] = run([&q, &k, &v], &shape);
            for head in 0..3 {
                let stripe = |rows: &[f64]| -> Vec<f64> {
                    rows.chunks(WIDTH)
                        .flat_map(|row| row[2 * head..2 * head + 2].to_vec())
                        .collect()
                };
                let (q, k, v) = (stripe(&q), stripe(&k), stripe(&v));
                let [own, weights] = attention::forward(&q, &k, &v, [TIME; 2], 0.7, causal);
                let near =
                    |a: &[f64], b: &[f64]| a.iter().zip(b).all(|(a, b)| (a - b).abs() < 1e-12);
                assert!(near(&stripe(&y), &own));
                assert!(near(&p[head * TIME * TIME..][..TIME * TIME], &weights));
            }
        }
    }

    #[test]
    fn names_are_known() {
        for name in Fault::TRAINED {
            assert!(Fault::VARIANTS.contains(name), "{name}");
        }
        for name in Fault::VARIANTS {
            let fault: Fault = name.parse().unwrap();
            assert_eq!(serde_json::to_value(fault).unwrap(), *name);
        }
    }
}
