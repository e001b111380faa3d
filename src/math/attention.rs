//! Scaled dot-product attention of one head: [`plain::attention`](super::plain::attention), and its backward.
//!
//! Two ways to the same numbers. Up to [`FEW_KEYS`] keys a matrix product is smaller than the call to it: plain loops over
//! a fixed number of lanes, one row of scores in registers. Above, matrix products of blocks of rows: when the mask is causal, a
//! block needs only the keys up to its last row, so four blocks do 62 % of the work of one.
//!
//! Shapes: q (Tq, width), k (Tk, width), v (Tk, value_width), y (Tq, value_width), weights (Tq, Tk). The weights are contiguous; the
//! rows of the others may stand apart, as those of one head do among those of all.

pub mod in_lanes;
mod places;
pub mod scores;

use std::ops::Range;

use super::exp::exp;
use super::gemm::{By, Onto, by, product_by};
use super::hash;
use super::room;
use super::tiles::Operand;
use super::vector::{fold, larger, sum};
use super::vectorised::{apply, vectorised};

use super::{LANES, Real};
pub use places::{Gradients, Part, Rows, RowsMut};
use scores::{softmax_rows, softmax_rows_backward};

/// At most so many keys go the way of plain loops.
pub const FEW_KEYS: usize = 16;

/// Sizes and rules of one head.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Shape {
    /// Tq
    pub queries: usize,
    /// Tk
    pub keys: usize,
    /// Width of a query and of a key.
    pub width: usize,
    pub value_width: usize,
    /// q·k is multiplied by it.
    pub scale: Real,
    /// Query i sees keys 0 to i only.
    pub causal: bool,
}

impl Shape {
    /// Rows that go through one matrix product: a quarter of them, so that a causal mask saves work.
    fn block(&self) -> usize {
        if self.causal { (self.queries / 4).clamp(16, 64) } else { self.queries.max(1) }
    }

    /// `seen`, rounded up to whole lanes as far as there are keys: a loop of 16 numbers at once is faster than one of 15.
    fn whole_lanes(&self, seen: usize) -> usize {
        seen.next_multiple_of(LANES).min(self.keys)
    }

    /// How many keys the rows below `end` see.
    fn seen(&self, end: usize) -> usize {
        if self.causal { end.min(self.keys) } else { self.keys }
    }
}

/// Dropout on attention weights: unit i stays if its random bits reach `threshold`, and is scaled by 1 / (1 - p).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Drop {
    pub key: u64,
    pub threshold: u32,
    pub scale: Real,
}

impl Drop {
    /// x = x where unit `first + i` stays, else 0; scaled.
    #[inline(always)]
    fn apply_in_place(self, x: &mut [Real], first: usize) {
        for (i, x) in (first as u32..).zip(x) {
            *x = if hash::bits(self.key, i) >= self.threshold { *x * self.scale } else { 0.0 };
        }
    }
}

/// Scratch space for heads of at most `queries` x `keys`.
#[derive(Clone, Debug)]
pub struct Scratch {
    /// Scores, then weights after dropout, (Tq, whole lanes).
    dropped: Vec<Real>,
    /// Gradient of the weights, then of the scores, (Tq, whole lanes).
    d_scores: Vec<Real>,
    /// Keys or values transposed and filled up with zeros, (width, lanes).
    transposed: Vec<Real>,
}

impl Scratch {
    pub fn new(queries: usize, keys: usize, width: usize) -> Self {
        let lanes = keys.max(1).next_multiple_of(LANES);
        Self {
            dropped: room::zeros(queries * lanes),
            d_scores: room::zeros(queries * lanes),
            transposed: room::zeros(width * FEW_KEYS),
        }
    }
}

/// Fills y and weights; the weights are kept as they are before dropout. All are contiguous.
pub fn forward(
    y: &mut [Real],
    weights: &mut [Real],
    q: &[Real],
    k: &[Real],
    v: &[Real],
    shape: &Shape,
    drop: Option<Drop>,
    scratch: &mut Scratch,
) {
    let Shape { width, value_width, .. } = *shape;
    let y = RowsMut { values: y, stride: value_width };
    let rows = |values, stride| Rows { values, stride };
    let inputs = [rows(q, width), rows(k, width), rows(v, value_width)];
    forward_rows(y, weights, inputs, shape, drop, scratch);
}

/// [`forward`] from queries, keys and values and to outputs wherever their rows stand; weights are contiguous.
pub fn forward_rows(
    y: RowsMut<'_>,
    weights: &mut [Real],
    inputs: [Rows<'_>; 3],
    shape: &Shape,
    drop: Option<Drop>,
    scratch: &mut Scratch,
) {
    match shape.keys {
        0..=8 => forward_few::<8>(y, weights, inputs, shape, drop, scratch),
        9..=FEW_KEYS => forward_few::<FEW_KEYS>(y, weights, inputs, shape, drop, scratch),
        _ => forward_blocks(y, weights, inputs, shape, drop, scratch),
    }
}

/// Sets dq, dk and dv from dy and the weights that forward kept. All are contiguous.
pub fn backward(
    dq: &mut [Real],
    dk: &mut [Real],
    dv: &mut [Real],
    dy: &[Real],
    weights: &[Real],
    q: &[Real],
    k: &[Real],
    v: &[Real],
    shape: &Shape,
    drop: Option<Drop>,
    scratch: &mut Scratch,
) {
    let Shape { width, value_width, .. } = *shape;
    let rows = |values, stride| Rows { values, stride };
    let inputs = [rows(q, width), rows(k, width), rows(v, value_width)];
    let (d, dy) = (Gradients::Apart([dq, dk, dv]), rows(dy, value_width));
    backward_rows(d, dy, weights, inputs, shape, drop, scratch);
}

/// [`backward`] wherever the rows stand; weights are contiguous.
pub fn backward_rows(
    d: Gradients<'_>,
    dy: Rows<'_>,
    weights: &[Real],
    inputs: [Rows<'_>; 3],
    shape: &Shape,
    drop: Option<Drop>,
    scratch: &mut Scratch,
) {
    match shape.keys {
        0..=8 => backward_few::<8>(d, dy, weights, inputs, shape, drop, scratch),
        9..=FEW_KEYS => backward_few::<FEW_KEYS>(d, dy, weights, inputs, shape, drop, scratch),
        _ => backward_blocks(d, dy, weights, inputs, shape, drop, scratch),
    }
}

/// x (P or fewer rows, width) to (width, P), zeros where there is no row.
#[inline(always)]
fn transpose<const P: usize>(out: &mut [Real], x: Rows<'_>, rows: usize, width: usize) {
    let out = out.as_chunks_mut::<P>().0;
    out[..width].fill([0.0; P]);
    for i in 0..rows {
        for (lanes, x) in out.iter_mut().zip(x.row(i, width)) {
            lanes[i] = *x;
        }
    }
}

/// The P sums over d of a[d] * transposed[d][lane].
#[inline(always)]
fn products<const P: usize>(a: &[Real], transposed: &[Real]) -> [Real; P] {
    let mut sums = [0.0; P];
    for (a, lanes) in a.iter().zip(transposed.as_chunks::<P>().0) {
        for lane in 0..P {
            sums[lane] += a * lanes[lane];
        }
    }
    sums
}

/// y = sum over `rows` of x of factor(row) * row.
#[inline(always)]
fn weighted_rows(y: &mut [Real], x: Rows<'_>, rows: Range<usize>, factor: impl Fn(usize) -> Real) {
    const CHUNK: usize = 8;
    let width = y.len();
    let (chunks, rest) = y.as_chunks_mut::<CHUNK>();
    let whole = chunks.len() * CHUNK;
    for (at, chunk) in chunks.iter_mut().enumerate() {
        let mut sums = [0.0; CHUNK];
        for i in rows.clone() {
            let f = factor(i);
            let row: &[Real; CHUNK] =
                x.row(i, width)[at * CHUNK..][..CHUNK].try_into().expect("CHUNK numbers");
            for lane in 0..CHUNK {
                sums[lane] += f * row[lane];
            }
        }
        *chunk = sums;
    }
    for (j, y) in rest.iter_mut().enumerate() {
        *y = rows.clone().map(|i| factor(i) * x.row(i, width)[whole + j]).sum();
    }
}

#[apply(vectorised)]
fn forward_few<const P: usize>(
    mut y: RowsMut<'_>,
    weights: &mut [Real],
    [q, k, v]: [Rows<'_>; 3],
    shape: &Shape,
    drop: Option<Drop>,
    scratch: &mut Scratch,
) {
    let Shape { queries, keys, width, value_width, scale, .. } = *shape;
    let Scratch { dropped, transposed, .. } = scratch;
    transpose::<P>(transposed, k, keys, width);
    let scores = &mut dropped[..queries * P];
    for (i, row) in scores.as_chunks_mut::<P>().0.iter_mut().enumerate() {
        let seen = shape.seen(i + 1);
        let products = products::<P>(q.row(i, width), transposed);
        for lane in 0..P {
            row[lane] = if lane < seen { products[lane] * scale } else { Real::NEG_INFINITY };
        }
        let shift = fold(*row, larger);
        for score in row {
            *score -= shift;
        }
    }
    // All rows in one loop: of a single row of 8 the compiler makes 8 scalar calls.
    for score in scores.iter_mut() {
        *score = exp(*score);
    }
    let rows = scores.as_chunks_mut::<P>().0.iter_mut().zip(weights.chunks_exact_mut(keys));
    for (i, (p, weights)) in rows.enumerate() {
        let factor = 1.0 / sum(*p);
        for p in p.iter_mut() {
            *p *= factor;
        }
        weights.copy_from_slice(&p[..keys]);
        if let Some(drop) = drop {
            drop.apply_in_place(&mut p[..keys], i * keys);
        }
        weighted_rows(y.row(i, value_width), v, 0..shape.seen(i + 1), |j| p[j]);
    }
}

#[apply(vectorised)]
fn backward_few<const P: usize>(
    mut d: Gradients<'_>,
    dy: Rows<'_>,
    weights: &[Real],
    [q, k, v]: [Rows<'_>; 3],
    shape: &Shape,
    drop: Option<Drop>,
    scratch: &mut Scratch,
) {
    let Shape { queries, keys, width, value_width, scale, .. } = *shape;
    let Scratch { dropped, d_scores, transposed } = scratch;
    transpose::<P>(transposed, v, keys, value_width);
    let d_scores = &mut d_scores.as_chunks_mut::<P>().0[..queries];
    let dropped = &mut dropped.as_chunks_mut::<P>().0[..queries];
    let mut dq = d.rows(0, width);
    for (i, weights) in weights.chunks_exact(keys).take(queries).enumerate() {
        let mut p = [0.0; P];
        p[..keys].copy_from_slice(weights);
        dropped[i] = p;
        let mut dp = products::<P>(dy.row(i, value_width), transposed);
        if let Some(drop) = drop {
            drop.apply_in_place(&mut dropped[i][..keys], i * keys);
            drop.apply_in_place(&mut dp[..keys], i * keys);
        }
        let mut products = dp;
        for lane in 0..P {
            products[lane] *= p[lane];
        }
        let mean = sum(products);
        for lane in 0..P {
            d_scores[i][lane] = p[lane] * (dp[lane] - mean) * scale;
        }
        let row = d_scores[i];
        weighted_rows(dq.row(i, width), k, 0..shape.seen(i + 1), |j| row[j]);
    }
    for j in 0..keys {
        // A causal query before key j has never seen it.
        let asking = if shape.causal { j.min(queries) } else { 0 }..queries;
        let dk = &mut d.rows(1, width);
        weighted_rows(dk.row(j, width), q, asking.clone(), |i| d_scores[i][j]);
        let dv = &mut d.rows(2, value_width);
        weighted_rows(dv.row(j, value_width), dy, asking, |i| dropped[i][j]);
    }
}

/// c = a b, added to what `onto` says: by our tiles instead of OpenBLAS, which prepares both sides of each of so many small
/// products.
fn product(c: &mut [Real], row_stride: usize, a: Operand<'_>, b: Operand<'_>, onto: Onto<'_>) {
    let by = if cfg!(target_os = "macos") { by() } else { By::Tiles };
    product_by(by, c, row_stride, a, b, onto);
}

fn forward_blocks(
    RowsMut { values: y, stride }: RowsMut<'_>,
    weights: &mut [Real],
    [q, k, v]: [Rows<'_>; 3],
    shape: &Shape,
    drop: Option<Drop>,
    scratch: &mut Scratch,
) {
    let Shape { queries, keys, width, value_width, .. } = *shape;
    let across = keys.next_multiple_of(LANES);
    for first in (0..queries).step_by(shape.block()) {
        let end = (first + shape.block()).min(queries);
        let (rows, seen) = (end - first, shape.seen(end));
        let scores = &mut scratch.dropped[..rows * across];
        let (q, v) = (q.operand(first, rows, width), v.operand(0, seen, value_width));
        product(scores, across, q, k.operand(0, seen, width).turned(), Onto::Nothing);
        softmax_rows(scores, &mut weights[first * keys..end * keys], first, shape, drop);
        let used = Operand::rows(scores, rows, seen, across);
        product(&mut y[first * stride..], stride, used, v, Onto::Nothing);
    }
}

fn backward_blocks(
    mut d: Gradients<'_>,
    dy: Rows<'_>,
    weights: &[Real],
    [q, k, v]: [Rows<'_>; 3],
    shape: &Shape,
    drop: Option<Drop>,
    scratch: &mut Scratch,
) {
    let Shape { queries, keys, width, value_width, .. } = *shape;
    let across = keys.next_multiple_of(LANES);
    let Scratch { dropped, d_scores, .. } = scratch;
    for j in shape.seen(queries)..keys {
        d.rows(1, width).row(j, width).fill(0.0);
        d.rows(2, value_width).row(j, value_width).fill(0.0);
    }
    // The last block sees all keys that any sees, so it sets what the others are added to.
    let mut onto = Onto::Nothing;
    for first in (0..queries).step_by(shape.block()).rev() {
        let end = (first + shape.block()).min(queries);
        let (rows, seen) = (end - first, shape.seen(end));
        let (q, dy) = (q.operand(first, rows, width), dy.operand(first, rows, value_width));
        let (ds, p) = (&mut d_scores[..rows * across], &mut dropped[..rows * across]);
        let v = v.operand(0, shape.whole_lanes(seen), value_width);
        product(ds, across, dy, v.turned(), Onto::Nothing);
        softmax_rows_backward(ds, p, &weights[first * keys..end * keys], first, shape, drop);
        let (ds, p) = (Operand::rows(ds, rows, seen, across), Operand::rows(p, rows, seen, across));
        let dv = d.rows(2, value_width);
        product(dv.values, dv.stride, p.turned(), dy, onto);
        let dk = d.rows(1, width);
        product(dk.values, dk.stride, ds.turned(), q, onto);
        let dq = d.rows(0, width);
        let (k, nothing) = (k.operand(0, seen, width), Onto::Nothing);
        product(&mut dq.values[first * dq.stride..], dq.stride, ds, k, nothing);
        onto = Onto::Itself;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::math::finite_difference::values;
    use crate::math::plain;
    use crate::math::plain::agreement::{assert_near, real};

    /// Both ways, and every number of keys about the edges of their lanes and blocks.
    #[test]
    fn it_and_its_gradients_are_the_plain_ones() {
        let times = [1, 7, 8, 9, 16, 17, 31, 32, 33, 70];
        for (time, seed) in times.into_iter().flat_map(|time| [(time, 1), (time, 2), (time, 3)]) {
            for (queries, keys, causal) in
                [(time, time, true), (time, time, false), (3, time, false), (time + 2, time, true)]
            {
                let shape = Shape { queries, keys, width: 6, value_width: 9, scale: 0.4, causal };
                let (q, k) = (values(queries * 6, seed), values(keys * 6, seed + 3));
                let (v, dy) = (values(keys * 9, seed + 6), values(queries * 9, seed + 9));
                let lengths = [queries, keys];
                let [y, p] = plain::attention::forward(&q, &k, &v, lengths, 0.4, causal);
                let [dq, dk, dv] =
                    plain::attention::backward(&dy, &p, &q, &k, &v, lengths, 0.4, causal);
                let (q, k, v, dy) = (real(&q), real(&k), real(&v), real(&dy));
                let mut scratch = Scratch::new(queries, keys, 9);
                // Whatever stood there before.
                scratch.dropped.fill(Real::NAN);
                scratch.d_scores.fill(Real::NAN);
                scratch.transposed.fill(Real::NAN);
                let (mut out, mut weights) = (vec![7.0; y.len()], vec![7.0; p.len()]);
                forward(&mut out, &mut weights, &q, &k, &v, &shape, None, &mut scratch);
                let name = format!("{queries} x {keys}");
                assert_near(&format!("{name}: y"), &out, &y, 16.0);
                assert_near(&format!("{name}: weights"), &weights, &p, 8.0);
                let [mut d_q, mut d_k, mut d_v] = [&q, &k, &v].map(|x| vec![7.0; x.len()]);
                let (d_q, d_k, d_v) = (&mut d_q, &mut d_k, &mut d_v);
                backward(d_q, d_k, d_v, &dy, &weights, &q, &k, &v, &shape, None, &mut scratch);
                for (part, found, plain) in [("dq", d_q, dq), ("dk", d_k, dk), ("dv", d_v, dv)] {
                    assert_near(&format!("{name}: {part}"), found, &plain, 64.0);
                }
            }
        }
    }
}

#[cfg(all(test, feature = "f64"))]
mod gradient_tests {
    use super::*;
    use crate::math::finite_difference::{check, values, weighted_sum};

    /// With dropout: few keys and many, causal, full and cross attention, one position.
    #[test]
    fn gradient_of_queries_keys_and_values() {
        let drop = Some(Drop { key: 99, threshold: u32::MAX / 3, scale: 1.5 });
        for (queries, keys, causal) in [
            (1, 1, true),
            (5, 5, true),
            (8, 8, true),
            (11, 11, true),
            (40, 40, true),
            (6, 9, false),
            (7, 33, false),
        ] {
            let shape = Shape { queries, keys, width: 5, value_width: 11, scale: 0.4, causal };
            let mut scratch = Scratch::new(queries, keys, 11);
            let (q, k, v) = (values(queries * 5, 1), values(keys * 5, 2), values(keys * 11, 3));
            let dy = values(queries * 11, 4);
            let (mut y, mut p) = (vec![0.0; queries * 11], vec![0.0; queries * keys]);
            forward(&mut y, &mut p, &q, &k, &v, &shape, drop, &mut scratch);
            let (mut dq, mut dk, mut dv) =
                (vec![9.0; q.len()], vec![9.0; k.len()], vec![9.0; v.len()]);
            backward(&mut dq, &mut dk, &mut dv, &dy, &p, &q, &k, &v, &shape, drop, &mut scratch);
            let mut loss = |q: &[f64], k: &[f64], v: &[f64]| {
                forward(&mut y, &mut p, q, k, v, &shape, drop, &mut scratch);
                weighted_sum(&y, &dy)
            };
            check("dq", &q, &dq, 1e-7, |q| loss(q, &k, &v));
            check("dk", &k, &dk, 1e-7, |k| loss(&q, k, &v));
            check("dv", &v, &dv, 1e-7, |v| loss(&q, &k, v));
        }
    }
}
