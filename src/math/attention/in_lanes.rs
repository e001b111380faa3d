//! Scaled dot-product attention of [`LANES`] heads at once, of few positions each: [`plain::attention`] in every lane.
//!
//! The numbers are those of [`super::forward`] and [`super::backward`], but for the order of their sums. Everything is (rows,
//! columns) of [`Lanes`]; weights are (Tq, Tk), those that the mask hides 0.
//!
//! [`plain::attention`]: crate::math::plain::attention

use multiversion::multiversion;
use multiversion::target::target_cfg_f;

use super::Shape;
use crate::math::exp::exp;
use crate::math::lanes::{Lanes, Operand, product};
use crate::math::vector::larger;
use crate::math::{LANES, Real, hash};

/// How many keys each lane's queries may see, and which weights are dropped.
#[derive(Clone, Copy, Debug)]
pub struct Rules {
    /// At most Tk; the keys from there on have weight 0.
    pub lengths: [usize; LANES],
    pub drop: Option<Drops>,
}

/// [`super::Drop`] of each lane.
#[derive(Clone, Copy, Debug)]
pub struct Drops {
    pub keys: [u64; LANES],
    pub threshold: u32,
    pub scale: Real,
}

impl Rules {
    fn are_ragged(&self, keys: usize) -> bool {
        self.lengths.iter().any(|length| *length < keys)
    }

    /// x = x where the weight of key j for query i stays, else 0; scaled. `x` has all of a row's keys that are seen.
    #[inline(always)]
    fn apply(&self, drop: &Drops, x: &mut [Lanes], i: usize) {
        let low = drop.keys.map(|key| key as u32);
        let high = drop.keys.map(|key| (key >> 32) as u32);
        let first = self.lengths.map(|length| (i * length) as u32);
        for (j, x) in (0..).zip(x) {
            for lane in 0..LANES {
                let bits = hash::mixed(low[lane], high[lane], first[lane] + j);
                let stays = bits >= drop.threshold;
                x.0[lane] = if stays { x.0[lane] * drop.scale } else { 0.0 };
            }
        }
    }
}

/// Scratch space, (Tq, Tk) each.
#[derive(Clone, Debug, Default)]
pub struct Scratch {
    /// Weights after dropout.
    pub dropped: Vec<Lanes>,
    /// Gradient of the weights, then of the products.
    pub d_scores: Vec<Lanes>,
}

/// What is multiplied: queries (Tq, width), keys (Tk, width), values (Tk, value width).
#[derive(Clone, Copy, Debug)]
pub struct Heads<'a> {
    pub q: &'a [Lanes],
    pub k: &'a [Lanes],
    pub v: &'a [Lanes],
}

/// Fills y and weights; the weights are kept as they are before dropout.
// To clippy, every question about the target looks the same.
#[allow(clippy::ifs_same_cond)]
#[multiversion(targets("x86_64+avx512f+avx512vl+avx2+fma", "x86_64+avx2+fma", "aarch64+neon"))]
pub fn forward(
    y: &mut [Lanes],
    weights: &mut [Lanes],
    heads: Heads<'_>,
    shape: &Shape,
    rules: &Rules,
    scratch: &mut Scratch,
) {
    if target_cfg_f!(target_feature = "avx512f") {
        forward_by::<4, true>(y, weights, heads, shape, rules, scratch);
    } else if target_cfg_f!(any(target_feature = "fma", target_feature = "neon")) {
        forward_by::<2, true>(y, weights, heads, shape, rules, scratch);
    } else {
        forward_by::<1, false>(y, weights, heads, shape, rules, scratch);
    }
}

/// Sets dq, dk and dv from dy and the weights that forward kept.
#[allow(clippy::ifs_same_cond)]
#[multiversion(targets("x86_64+avx512f+avx512vl+avx2+fma", "x86_64+avx2+fma", "aarch64+neon"))]
pub fn backward(
    d: [&mut [Lanes]; 3],
    dy: &[Lanes],
    weights: &[Lanes],
    heads: Heads<'_>,
    shape: &Shape,
    rules: &Rules,
    scratch: &mut Scratch,
) {
    if target_cfg_f!(target_feature = "avx512f") {
        backward_by::<4, true>(d, dy, weights, heads, shape, rules, scratch);
    } else if target_cfg_f!(any(target_feature = "fma", target_feature = "neon")) {
        backward_by::<2, true>(d, dy, weights, heads, shape, rules, scratch);
    } else {
        backward_by::<1, false>(d, dy, weights, heads, shape, rules, scratch);
    }
}

/// (Tq, Tk) = a (Tq, width) b' for b (Tk, width); above the diagonal of a causal shape nothing is computed.
#[inline(always)]
fn pairs<const SIDE: usize, const FUSED: bool>(
    c: &mut [Lanes],
    a: &[Lanes],
    b: &[Lanes],
    width: usize,
    shape: &Shape,
) {
    let (a, b) = (Operand::rows(a, width), Operand::rows(b, width).turned());
    let sizes = [shape.queries, width, shape.keys];
    product::<SIDE, FUSED>(c, a, b, sizes, |top, left| {
        if shape.causal && left >= top + SIDE { 0..0 } else { 0..width }
    });
}

/// (Tq, width) = a (Tq, Tk) b (Tk, width), where a is 0 for what the mask hides.
#[inline(always)]
fn by_query<const SIDE: usize, const FUSED: bool>(
    c: &mut [Lanes],
    a: &[Lanes],
    b: &[Lanes],
    width: usize,
    shape: &Shape,
) {
    let (a, b) = (Operand::rows(a, shape.keys), Operand::rows(b, width));
    let sizes = [shape.queries, shape.keys, width];
    product::<SIDE, FUSED>(c, a, b, sizes, |top, _| 0..shape.seen(top + SIDE));
}

/// (Tk, width) = a' b for a (Tq, Tk), which is 0 for what the mask hides, and b (Tq, width).
#[inline(always)]
fn by_key<const SIDE: usize, const FUSED: bool>(
    c: &mut [Lanes],
    a: &[Lanes],
    b: &[Lanes],
    width: usize,
    shape: &Shape,
) {
    let Shape { queries, keys, causal, .. } = *shape;
    if causal && queries < keys {
        // No query sees them.
        c[queries * width..keys * width].fill(Lanes::ZERO);
    }
    let (a, b) = (Operand::rows(a, keys).turned(), Operand::rows(b, width));
    product::<SIDE, FUSED>(c, a, b, [keys, queries, width], |top, _| {
        // A causal query before key j has never seen it.
        if causal { top.min(queries)..queries } else { 0..queries }
    });
}

#[inline(always)]
fn forward_by<const SIDE: usize, const FUSED: bool>(
    y: &mut [Lanes],
    weights: &mut [Lanes],
    Heads { q, k, v }: Heads<'_>,
    shape: &Shape,
    rules: &Rules,
    scratch: &mut Scratch,
) {
    let Shape { queries, keys, width, value_width, scale, .. } = *shape;
    pairs::<SIDE, FUSED>(weights, q, k, width, shape);
    let ragged = rules.are_ragged(keys);
    for (i, row) in weights.chunks_exact_mut(keys).take(queries).enumerate() {
        let (row, hidden) = row.split_at_mut(shape.seen(i + 1));
        let mut most = [Real::NEG_INFINITY; LANES];
        for (j, x) in row.iter_mut().enumerate() {
            for lane in 0..LANES {
                x.0[lane] *= scale;
            }
            if ragged {
                for lane in 0..LANES {
                    let seen = j < rules.lengths[lane];
                    x.0[lane] = if seen { x.0[lane] } else { Real::NEG_INFINITY };
                }
            }
            for (most, x) in most.iter_mut().zip(x.0) {
                *most = larger(x, *most);
            }
        }
        let mut total = [0.0; LANES];
        for x in &mut *row {
            for lane in 0..LANES {
                x.0[lane] = exp(x.0[lane] - most[lane]);
                total[lane] += x.0[lane];
            }
        }
        let factor = total.map(|total| 1.0 / total);
        for x in row {
            for (x, factor) in x.0.iter_mut().zip(factor) {
                *x *= factor;
            }
        }
        hidden.fill(Lanes::ZERO);
    }
    let used = dropped(&mut scratch.dropped, weights, shape, rules);
    by_query::<SIDE, FUSED>(y, used, v, value_width, shape);
}

/// The weights after dropout.
#[inline(always)]
fn dropped<'a>(
    room: &'a mut [Lanes],
    weights: &'a [Lanes],
    shape: &Shape,
    rules: &Rules,
) -> &'a [Lanes] {
    let Some(drop) = &rules.drop else { return weights };
    let Shape { queries, keys, .. } = *shape;
    let room = &mut room[..queries * keys];
    room.copy_from_slice(&weights[..queries * keys]);
    for (i, row) in room.chunks_exact_mut(keys).enumerate() {
        rules.apply(drop, &mut row[..shape.seen(i + 1)], i);
    }
    room
}

#[inline(always)]
fn backward_by<const SIDE: usize, const FUSED: bool>(
    [dq, dk, dv]: [&mut [Lanes]; 3],
    dy: &[Lanes],
    weights: &[Lanes],
    Heads { q, k, v }: Heads<'_>,
    shape: &Shape,
    rules: &Rules,
    scratch: &mut Scratch,
) {
    let Shape { queries, keys, width, value_width, scale, .. } = *shape;
    let d = &mut scratch.d_scores[..queries * keys];
    pairs::<SIDE, FUSED>(d, dy, v, value_width, shape);
    for (i, (d, p)) in d.chunks_exact_mut(keys).zip(weights.chunks_exact(keys)).enumerate() {
        let (d, hidden) = d.split_at_mut(shape.seen(i + 1));
        if let Some(drop) = &rules.drop {
            rules.apply(drop, d, i);
        }
        let mut mean = [0.0; LANES];
        for (Lanes(d), Lanes(p)) in d.iter().zip(p) {
            for lane in 0..LANES {
                mean[lane] += d[lane] * p[lane];
            }
        }
        for (Lanes(d), Lanes(p)) in d.iter_mut().zip(p) {
            for lane in 0..LANES {
                d[lane] = p[lane] * (d[lane] - mean[lane]) * scale;
            }
        }
        hidden.fill(Lanes::ZERO);
    }
    by_query::<SIDE, FUSED>(dq, d, k, width, shape);
    by_key::<SIDE, FUSED>(dk, d, q, width, shape);
    let used = dropped(&mut scratch.dropped, weights, shape, rules);
    by_key::<SIDE, FUSED>(dv, used, dy, value_width, shape);
}
