//! Scaled dot-product attention of one head: [`plain::attention`](super::plain::attention), and its backward.
//!
//! Two ways to the same numbers. Up to [`FEW_KEYS`] keys a matrix product is smaller than the call to it: plain loops over
//! a fixed number of lanes, one row of scores in registers. Above, BLAS, in blocks of rows: when the mask is causal, a
//! block needs only the keys up to its last row, so four blocks do 62 % of the work of one.
//!
//! Everything is contiguous: q (Tq, width), k (Tk, width), v (Tk, value_width), y (Tq, value_width), weights (Tq, Tk).

pub mod in_lanes;

use super::exp::exp;
use super::gemm::{Onto, product};
use super::hash;
use super::room;
use super::softmax::{softmax_row, softmax_row_backward};
use super::tiles::Operand;
use super::vector::{fold, larger, sum};
use super::vectorised::{apply, vectorised};
use super::{LANES, Real};

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
    /// y = x where unit `first + i` stays, else 0; scaled.
    #[inline(always)]
    fn apply(self, y: &mut [Real], x: &[Real], first: usize) {
        for (i, (y, x)) in (first as u32..).zip(y.iter_mut().zip(x)) {
            *y = if hash::bits(self.key, i) >= self.threshold { x * self.scale } else { 0.0 };
        }
    }

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
    /// Weights after dropout, (Tq, Tk).
    dropped: Vec<Real>,
    /// Gradient of the weights, then of the scores, (Tq, Tk) or (Tq, lanes).
    d_scores: Vec<Real>,
    /// Keys or values transposed and filled up with zeros, (width, lanes).
    transposed: Vec<Real>,
}

impl Scratch {
    pub fn new(queries: usize, keys: usize, width: usize) -> Self {
        let lanes = keys.max(FEW_KEYS);
        Self {
            dropped: room::zeros(queries * lanes),
            d_scores: room::zeros(queries * lanes),
            transposed: room::zeros(width * FEW_KEYS),
        }
    }
}

/// Fills y and weights; the weights are kept as they are before dropout.
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
    match shape.keys {
        0..=8 => forward_few::<8>(y, weights, q, k, v, shape, drop, scratch),
        9..=FEW_KEYS => forward_few::<FEW_KEYS>(y, weights, q, k, v, shape, drop, scratch),
        _ => forward_blocks(y, weights, q, k, v, shape, drop, scratch),
    }
}

/// Sets dq, dk and dv from dy and the weights that forward kept.
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
    match shape.keys {
        0..=8 => backward_few::<8>(dq, dk, dv, dy, weights, q, k, v, shape, drop, scratch),
        9..=FEW_KEYS => {
            backward_few::<FEW_KEYS>(dq, dk, dv, dy, weights, q, k, v, shape, drop, scratch);
        }
        _ => backward_blocks(dq, dk, dv, dy, weights, q, k, v, shape, drop, scratch),
    }
}

/// x (rows, width) to (width, P), zeros where there is no row.
#[inline(always)]
fn transpose<const P: usize>(out: &mut [Real], x: &[Real], width: usize) {
    for (d, lanes) in out.as_chunks_mut::<P>().0.iter_mut().take(width).enumerate() {
        *lanes = [0.0; P];
        for (lane, row) in lanes.iter_mut().zip(x.chunks_exact(width)) {
            *lane = row[d];
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

/// y = sum over the rows of x of factor(row) * row.
#[inline(always)]
fn weighted_rows(y: &mut [Real], x: &[Real], factor: impl Fn(usize) -> Real) {
    const CHUNK: usize = 8;
    let width = y.len();
    let (chunks, rest) = y.as_chunks_mut::<CHUNK>();
    let whole = chunks.len() * CHUNK;
    for (at, chunk) in chunks.iter_mut().enumerate() {
        let mut sums = [0.0; CHUNK];
        for (i, row) in x.chunks_exact(width).enumerate() {
            let f = factor(i);
            let row: &[Real; CHUNK] = row[at * CHUNK..][..CHUNK].try_into().expect("CHUNK numbers");
            for lane in 0..CHUNK {
                sums[lane] += f * row[lane];
            }
        }
        *chunk = sums;
    }
    for (j, y) in rest.iter_mut().enumerate() {
        *y = x.chunks_exact(width).enumerate().map(|(i, row)| factor(i) * row[whole + j]).sum();
    }
}

#[apply(vectorised)]
fn forward_few<const P: usize>(
    y: &mut [Real],
    weights: &mut [Real],
    q: &[Real],
    k: &[Real],
    v: &[Real],
    shape: &Shape,
    drop: Option<Drop>,
    scratch: &mut Scratch,
) {
    let Shape { queries, keys, width, value_width, scale, .. } = *shape;
    let Scratch { dropped, transposed, .. } = scratch;
    transpose::<P>(transposed, k, width);
    let scores = &mut dropped[..queries * P];
    let rows = scores.as_chunks_mut::<P>().0;
    for (i, (row, q)) in rows.iter_mut().zip(q.chunks_exact(width)).enumerate() {
        let seen = shape.seen(i + 1);
        let products = products::<P>(q, transposed);
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
    let rows = scores.as_chunks_mut::<P>().0.iter_mut().zip(y.chunks_exact_mut(value_width));
    for (i, ((p, y), weights)) in rows.zip(weights.chunks_exact_mut(keys)).enumerate() {
        let factor = 1.0 / sum(*p);
        for p in p.iter_mut() {
            *p *= factor;
        }
        weights.copy_from_slice(&p[..keys]);
        if let Some(drop) = drop {
            drop.apply_in_place(&mut p[..keys], i * keys);
        }
        weighted_rows(y, &v[..shape.seen(i + 1) * value_width], |j| p[j]);
    }
}

#[apply(vectorised)]
fn backward_few<const P: usize>(
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
    let Shape { queries, keys, width, value_width, scale, .. } = *shape;
    let Scratch { dropped, d_scores, transposed } = scratch;
    transpose::<P>(transposed, v, value_width);
    let d_scores = &mut d_scores.as_chunks_mut::<P>().0[..queries];
    let dropped = &mut dropped.as_chunks_mut::<P>().0[..queries];
    let rows = dq
        .chunks_exact_mut(width)
        .zip(dy.chunks_exact(value_width))
        .zip(weights.chunks_exact(keys));
    for (i, ((dq, dy), weights)) in rows.enumerate() {
        let mut p = [0.0; P];
        p[..keys].copy_from_slice(weights);
        dropped[i] = p;
        let mut dp = products::<P>(dy, transposed);
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
        weighted_rows(dq, &k[..shape.seen(i + 1) * width], |j| row[j]);
    }
    for (j, (dk, dv)) in
        dk.chunks_exact_mut(width).zip(dv.chunks_exact_mut(value_width)).enumerate()
    {
        // A causal query before key j has never seen it.
        let first = if shape.causal { j.min(queries) } else { 0 };
        weighted_rows(dk, &q[first * width..], |i| d_scores[first + i][j]);
        weighted_rows(dv, &dy[first * value_width..], |i| dropped[first + i][j]);
    }
}

/// From q·k to weights: scaled, and softmax of the rows `first..`, each over the keys it sees; zeros elsewhere.
#[apply(vectorised)]
fn softmax_rows(weights: &mut [Real], first: usize, shape: &Shape) {
    for (i, row) in weights.chunks_exact_mut(shape.keys).enumerate() {
        let seen = shape.seen(first + i + 1);
        let (row, hidden) = row.split_at_mut(shape.whole_lanes(seen));
        for score in &mut row[..seen] {
            *score *= shape.scale;
        }
        row[seen..].fill(Real::NEG_INFINITY);
        softmax_row(row);
        hidden.fill(0.0);
    }
}

#[apply(vectorised)]
fn drop_rows(dropped: &mut [Real], weights: &[Real], first: usize, drop: Drop) {
    drop.apply(dropped, weights, first);
}

fn forward_blocks(
    y: &mut [Real],
    weights: &mut [Real],
    q: &[Real],
    k: &[Real],
    v: &[Real],
    shape: &Shape,
    drop: Option<Drop>,
    scratch: &mut Scratch,
) {
    let Shape { queries, keys, width, value_width, .. } = *shape;
    for first in (0..queries).step_by(shape.block()) {
        let end = (first + shape.block()).min(queries);
        let seen = shape.seen(end);
        let rows = end - first;
        let block = &mut weights[first * keys..end * keys];
        let q = Operand::rows(&q[first * width..], rows, width, width);
        let k = Operand::rows(k, seen, width, width);
        product(block, keys, q, k.turned(), Onto::Nothing);
        softmax_rows(block, first, shape);
        let used = if let Some(drop) = drop {
            let dropped = &mut scratch.dropped[..rows * keys];
            drop_rows(dropped, block, first * keys, drop);
            &*dropped
        } else {
            &*block
        };
        let used = Operand::rows(used, rows, seen, keys);
        let v = Operand::rows(v, seen, value_width, value_width);
        product(&mut y[first * value_width..], value_width, used, v, Onto::Nothing);
    }
}

/// From d loss / d weights (after dropout) to d loss / d products, for rows of all keys.
#[apply(vectorised)]
fn score_rows_backward(
    d: &mut [Real],
    weights: &[Real],
    first: usize,
    shape: &Shape,
    drop: Option<Drop>,
) {
    let keys = shape.keys;
    for (i, (d, p)) in d.chunks_exact_mut(keys).zip(weights.chunks_exact(keys)).enumerate() {
        // The weights of keys in the last lanes that are not seen are 0, and so are their gradients.
        let seen = shape.whole_lanes(shape.seen(first + i + 1));
        let (d, hidden) = d.split_at_mut(seen);
        if let Some(drop) = drop {
            drop.apply_in_place(d, (first + i) * keys);
        }
        softmax_row_backward(d, &p[..seen]);
        for d in d {
            *d *= shape.scale;
        }
        hidden.fill(0.0);
    }
}

fn backward_blocks(
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
    let Shape { queries, keys, width, value_width, .. } = *shape;
    dk.fill(0.0);
    dv.fill(0.0);
    for first in (0..queries).step_by(shape.block()) {
        let end = (first + shape.block()).min(queries);
        let seen = shape.seen(end);
        let rows = end - first;
        let block = &weights[first * keys..end * keys];
        let dy = Operand::rows(&dy[first * value_width..], rows, value_width, value_width);
        let d = &mut scratch.d_scores[..rows * keys];
        let v = Operand::rows(v, seen, value_width, value_width);
        product(d, keys, dy, v.turned(), Onto::Nothing);
        score_rows_backward(d, block, first, shape, drop);
        let used = if let Some(drop) = drop {
            let dropped = &mut scratch.dropped[..rows * keys];
            drop_rows(dropped, block, first * keys, drop);
            &*dropped
        } else {
            block
        };
        let used = Operand::rows(used, rows, seen, keys);
        product(dv, value_width, used.turned(), dy, Onto::Itself);
        let d = Operand::rows(d, rows, seen, keys);
        let q = Operand::rows(&q[first * width..], rows, width, width);
        product(dk, width, d.turned(), q, Onto::Itself);
        let k = Operand::rows(k, seen, width, width);
        product(&mut dq[first * width..], width, d, k, Onto::Nothing);
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
