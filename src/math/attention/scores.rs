//! From scores to weights and back, [`plain::softmax`](crate::math::plain::softmax) of rows that are filled up to whole lanes.

use super::{Drop, Shape};
use crate::math::exp::exp_within;
use crate::math::vector::{copy_short, dot, fold, larger, sum};
use crate::math::vectorised::{apply, target_cfg_f, vectorised};
use crate::math::{LANES, Real};

/// Rows that go through the passes of a softmax together: while the sums of one are joined, those of the next are added up.
const TOGETHER: usize = 8;

/// Below it [`exp_within`] stays as small as there; the softmax says 0.
const LOWEST: Real = -87.0;

/// What scores may be at most, from lane [`LANES`] - n on: n that are seen and others that are not.
const LIMITS: [Real; 2 * LANES] = {
    let mut limits = [Real::INFINITY; 2 * LANES];
    limits.split_at_mut(LANES).1.copy_from_slice(&[Real::NEG_INFINITY; LANES]);
    limits
};

/// Scales the scores of the keys that are seen, hides the others, and returns the largest of each lane.
#[inline(always)]
fn scale_row(row: &mut [[Real; LANES]], seen: usize, scale: Real) -> [Real; LANES] {
    let mut lanes = [Real::NEG_INFINITY; LANES];
    for (at, chunk) in row.iter_mut().enumerate() {
        let seen = seen.saturating_sub(at * LANES).min(LANES);
        let limits: &[Real; LANES] = LIMITS[LANES - seen..].first_chunk().expect("LANES of them");
        for lane in 0..LANES {
            let x = chunk[lane] * scale;
            chunk[lane] = if x < limits[lane] { x } else { limits[lane] };
        }
        for lane in 0..LANES {
            lanes[lane] = larger(chunk[lane], lanes[lane]);
        }
    }
    lanes
}

/// Replaces x by exp(x - shift), for a shift that is the largest x, and returns the sum of each lane.
#[inline(always)]
fn exp_row<const FUSED: bool>(row: &mut [[Real; LANES]], shift: Real) -> [Real; LANES] {
    let mut lanes = [0.0; LANES];
    for chunk in row {
        for lane in 0..LANES {
            let x = chunk[lane] - shift;
            let e = exp_within::<FUSED>(x);
            chunk[lane] = if x < LOWEST { 0.0 } else { e };
            lanes[lane] += chunk[lane];
        }
    }
    lanes
}

/// From q·k to weights: scaled, and softmax of the rows `first..`, each over the keys it sees; zeros elsewhere. What has been the
/// scores is the weights after dropout then.
///
/// # Shapes
/// - scores (rows, whole lanes), weights (rows, Tk)
#[apply(vectorised)]
pub fn softmax_rows(
    scores: &mut [Real],
    weights: &mut [Real],
    first: usize,
    shape: &Shape,
    drop: Option<Drop>,
) {
    if target_cfg_f!(any(target_feature = "fma", target_feature = "neon")) {
        softmax_rows_by::<true>(scores, weights, first, shape, drop);
    } else {
        softmax_rows_by::<false>(scores, weights, first, shape, drop);
    }
}

#[inline(always)]
fn softmax_rows_by<const FUSED: bool>(
    scores: &mut [Real],
    weights: &mut [Real],
    first: usize,
    shape: &Shape,
    drop: Option<Drop>,
) {
    let keys = shape.keys;
    let across = keys.div_ceil(LANES);
    let most = shape.seen(first + weights.len() / keys).div_ceil(LANES);
    let scores = scores.as_chunks_mut::<LANES>().0;
    let groups = scores.chunks_mut(TOGETHER * across).zip(weights.chunks_mut(TOGETHER * keys));
    for (group, (scores, weights)) in groups.enumerate() {
        let first = first + group * TOGETHER;
        let used = shape.seen(first + TOGETHER).div_ceil(LANES).min(most);
        let (mut largest, mut sums) = ([[0.0; LANES]; TOGETHER], [[0.0; LANES]; TOGETHER]);
        for (i, row) in scores.chunks_exact_mut(across).enumerate() {
            largest[i] = scale_row(&mut row[..used], shape.seen(first + i + 1), shape.scale);
        }
        for (i, row) in scores.chunks_exact_mut(across).enumerate() {
            sums[i] = exp_row::<FUSED>(&mut row[..used], fold(largest[i], larger));
        }
        let rows = scores.chunks_exact_mut(across).zip(weights.chunks_exact_mut(keys));
        for (i, (row, weights)) in rows.enumerate() {
            let factor = 1.0 / sum(sums[i]);
            row[used..most].fill([0.0; LANES]);
            let (whole, rest) = weights.as_chunks_mut::<LANES>();
            for (at, p) in row[..used].iter_mut().enumerate() {
                for p in p.iter_mut() {
                    *p *= factor;
                }
                if let Some(weights) = whole.get_mut(at) {
                    *weights = *p;
                } else {
                    copy_short(rest, &p[..rest.len()]);
                }
                if let Some(drop) = drop {
                    drop.apply_in_place(p, (first + i) * keys + at * LANES);
                }
            }
            if keys > used * LANES {
                weights[used * LANES..].fill(0.0);
            }
        }
    }
}

/// From d loss / d weights (after dropout) to d loss / d products, for the rows `first..`; sets the weights after dropout as well,
/// for the values' gradient.
///
/// # Shapes
/// - d, dropped (rows, whole lanes), weights (rows, Tk)
#[apply(vectorised)]
pub fn softmax_rows_backward(
    d: &mut [Real],
    dropped: &mut [Real],
    weights: &[Real],
    first: usize,
    shape: &Shape,
    drop: Option<Drop>,
) {
    let keys = shape.keys;
    let across = keys.next_multiple_of(LANES);
    let most = shape.seen(first + weights.len() / keys).next_multiple_of(LANES);
    let rows = d.chunks_exact_mut(across).zip(dropped.chunks_exact_mut(across));
    for (i, ((d, p), weights)) in rows.zip(weights.chunks_exact(keys)).enumerate() {
        let used = shape.seen(first + i + 1).next_multiple_of(LANES);
        if used < most {
            d[used..most].fill(0.0);
            p[used..most].fill(0.0);
        }
        let (d, p) = (&mut d[..used], &mut p[..used]);
        if used <= keys {
            copy_short(p, &weights[..used]);
        } else {
            copy_short(&mut p[..keys], weights);
            p[keys..].fill(0.0);
            d[keys..].fill(0.0);
        }
        if let Some(drop) = drop {
            drop.apply_in_place(d, (first + i) * keys);
        }
        let mean = dot(d, p);
        for (d, p) in d.iter_mut().zip(&*p) {
            *d = p * (*d - mean) * shape.scale;
        }
        if let Some(drop) = drop {
            drop.apply_in_place(p, (first + i) * keys);
        }
    }
}
