//! Our own matrix product, for where the call to a BLAS costs more than the product, and for where there is no BLAS.
//!
//! c is computed in tiles of ROWS x COLUMNS numbers that stay in registers while k runs. For each k, a tile takes
//! one row of b, which is packed so that its numbers stand side by side, and ROWS numbers of a, which are read where
//! they are. That is all: no packing of a, and b goes through the cache in panels of [`DEPTH`] x COLUMNS.
//! A tile that hangs over the edge of c computes the last row again and stores what is there.

use std::cell::RefCell;

use multiversion::multiversion;
use multiversion::target::target_cfg_f;

use super::Real;

/// Depth of a panel of b: with 32 columns of f32 it fills 32 KiB, so it stays in the first cache.
const DEPTH: usize = 256;
/// The widest tile of any target, in columns.
const WIDEST: usize = 32;

thread_local! {
    /// The panel of b that is being multiplied; every thread makes its own once.
    static PANEL: RefCell<Vec<Real>> = RefCell::new(vec![0.0; DEPTH * WIDEST]);
}

/// A matrix in memory: element (i, j) stands at `i * row_stride + j * column_stride`.
#[derive(Clone, Copy, Debug)]
pub struct Operand<'a> {
    pub values: &'a [Real],
    pub rows: usize,
    pub columns: usize,
    pub row_stride: usize,
    pub column_stride: usize,
}

impl<'a> Operand<'a> {
    /// `rows` x `columns` numbers, the rows `row_stride` apart.
    pub fn rows(values: &'a [Real], rows: usize, columns: usize, row_stride: usize) -> Self {
        Self { values, rows, columns, row_stride, column_stride: 1 }
    }

    /// The same numbers with rows and columns exchanged.
    #[must_use]
    pub fn turned(self) -> Self {
        Self {
            rows: self.columns,
            columns: self.rows,
            row_stride: self.column_stride,
            column_stride: self.row_stride,
            ..self
        }
    }

    /// Whether the last element is inside the slice.
    fn is_whole(&self) -> bool {
        let last = |n: usize, stride: usize| n.saturating_sub(1) * stride;
        self.rows * self.columns == 0
            || last(self.rows, self.row_stride) + last(self.columns, self.column_stride)
                < self.values.len()
    }
}

/// c = alpha a b + beta c. Rows of c are contiguous, `row_stride` apart.
///
/// # Panics
/// If the shapes don't fit together, or a slice is too short for its shape.
pub fn product(
    c: &mut [Real],
    row_stride: usize,
    alpha: Real,
    a: Operand<'_>,
    b: Operand<'_>,
    beta: Real,
) {
    let (m, n) = (a.rows, b.columns);
    assert!(a.columns == b.rows && a.is_whole() && b.is_whole(), "a (m, k), b (k, n)");
    assert!(m * n == 0 || (m - 1) * row_stride + n <= c.len(), "c (m, n)");
    if m * n > 0 {
        PANEL.with_borrow_mut(|panel| panels(c, row_stride, alpha, a, b, beta, panel));
    }
}

/// Goes through the panels of b with the tile that suits the processor.
// To clippy, every question about the target looks the same.
#[allow(clippy::ifs_same_cond)]
#[multiversion(targets("x86_64+avx512f+avx512vl+avx2+fma", "x86_64+avx2+fma", "aarch64+neon"))]
fn panels(
    c: &mut [Real],
    row_stride: usize,
    alpha: Real,
    a: Operand<'_>,
    b: Operand<'_>,
    beta: Real,
    panel: &mut [Real],
) {
    if target_cfg_f!(target_feature = "avx512f") {
        walk::<12, WIDEST, true>(c, row_stride, alpha, a, b, beta, panel);
    } else if target_cfg_f!(target_feature = "fma") {
        walk::<6, 16, true>(c, row_stride, alpha, a, b, beta, panel);
    } else if target_cfg_f!(target_feature = "neon") {
        walk::<8, 8, true>(c, row_stride, alpha, a, b, beta, panel);
    } else {
        walk::<4, 8, false>(c, row_stride, alpha, a, b, beta, panel);
    }
}

#[inline(always)]
#[allow(clippy::inline_always)]
fn walk<const ROWS: usize, const COLUMNS: usize, const FUSED: bool>(
    c: &mut [Real],
    row_stride: usize,
    alpha: Real,
    a: Operand<'_>,
    b: Operand<'_>,
    beta: Real,
    panel: &mut [Real],
) {
    let (m, k, n) = (a.rows, a.columns, b.columns);
    let panel = panel.as_chunks_mut::<COLUMNS>().0;
    // With k = 0 there is still one panel, of depth 0, that scales c.
    for first_k in (0..k.max(1)).step_by(DEPTH) {
        let depth = DEPTH.min(k - first_k);
        let beta = if first_k == 0 { beta } else { 1.0 };
        for left in (0..n).step_by(COLUMNS) {
            let width = COLUMNS.min(n - left);
            pack(&mut panel[..depth], b, first_k, left, width);
            for top in (0..m).step_by(ROWS) {
                let height = ROWS.min(m - top);
                let mut tile = [[0.0; COLUMNS]; ROWS];
                fill::<ROWS, COLUMNS, FUSED>(&mut tile, a, top, height, first_k, &panel[..depth]);
                for (i, sums) in tile.iter().enumerate().take(height) {
                    let row = &mut c[(top + i) * row_stride + left..][..width];
                    store(row, sums, alpha, beta);
                }
            }
        }
    }
}

/// `depth` rows of b from column `left`, filled up with zeros.
#[inline(always)]
#[allow(clippy::inline_always)]
fn pack<const COLUMNS: usize>(
    panel: &mut [[Real; COLUMNS]],
    b: Operand<'_>,
    first_k: usize,
    left: usize,
    width: usize,
) {
    let at = first_k * b.row_stride + left * b.column_stride;
    if b.column_stride == 1 {
        for (p, packed) in panel.iter_mut().enumerate() {
            let row = &b.values[at + p * b.row_stride..][..width];
            if let Ok(row) = <&[Real; COLUMNS]>::try_from(row) {
                *packed = *row;
            } else {
                packed[..width].copy_from_slice(row);
                packed[width..].fill(0.0);
            }
        }
    } else {
        for packed in panel.iter_mut() {
            packed[width..].fill(0.0);
        }
        for j in 0..width {
            let column = b.values[at + j * b.column_stride..].iter().step_by(b.row_stride);
            for (packed, x) in panel.iter_mut().zip(column) {
                packed[j] = *x;
            }
        }
    }
}

/// tile[i][j] = sum over k of a[top + i][k] * panel[k][j]; rows from `height` on repeat the last.
#[inline(always)]
#[allow(clippy::inline_always, unsafe_code)]
fn fill<const ROWS: usize, const COLUMNS: usize, const FUSED: bool>(
    tile: &mut [[Real; COLUMNS]; ROWS],
    a: Operand<'_>,
    top: usize,
    height: usize,
    first_k: usize,
    panel: &[[Real; COLUMNS]],
) {
    let offsets: [usize; ROWS] = std::array::from_fn(|i| {
        (top + i.min(height - 1)) * a.row_stride + first_k * a.column_stride
    });
    for (p, b) in panel.iter().enumerate() {
        for i in 0..ROWS {
            // SAFETY: row top + min(i, height - 1) < a.rows and column first_k + p < a.columns, and `product` has
            // checked that a's last element is inside the slice. A bounds check here halves the speed of every product.
            let x = unsafe { *a.values.get_unchecked(offsets[i] + p * a.column_stride) };
            for j in 0..COLUMNS {
                tile[i][j] =
                    if FUSED { x.mul_add(b[j], tile[i][j]) } else { tile[i][j] + x * b[j] };
            }
        }
    }
}

#[inline(always)]
#[allow(clippy::inline_always)]
fn store(row: &mut [Real], sums: &[Real], alpha: Real, beta: Real) {
    if beta == 0.0 {
        for (c, sum) in row.iter_mut().zip(sums) {
            *c = alpha * sum;
        }
    } else {
        for (c, sum) in row.iter_mut().zip(sums) {
            *c = beta * *c + alpha * sum;
        }
    }
}

#[cfg(test)]
#[allow(clippy::large_stack_arrays)]
mod tests {
    use super::*;

    fn values(n: usize, seed: usize) -> Vec<Real> {
        (0..n).map(|i| ((i * 37 + seed * 11) as Real * 0.618).fract() * 2.0 - 1.0).collect()
    }

    /// Every edge of a tile and of a panel, both orders of both operands, rows of c that are apart.
    #[test]
    fn it_is_the_definition() {
        for m in [1, 2, 5, 12, 13, 40] {
            for n in [1, 7, 8, 31, 32, 33, 70] {
                for k in [0, 1, 8, 255, 256, 300] {
                    for (a_turned, b_turned) in
                        [(false, false), (true, false), (false, true), (true, true)]
                    {
                        check(m, k, n, a_turned, b_turned);
                    }
                }
            }
        }
    }

    fn operand(values: &[Real], rows: usize, columns: usize, turned: bool) -> Operand<'_> {
        let (row_stride, column_stride) = if turned { (1, rows) } else { (columns, 1) };
        Operand { values, rows, columns, row_stride, column_stride }
    }

    type Way = fn(&mut [Real], usize, Real, Operand<'_>, Operand<'_>, Real);

    /// The tile of this processor, and those of the others.
    const WAYS: [Way; 3] = [
        product,
        |c, stride, alpha, a, b, beta| {
            walk::<6, 16, true>(c, stride, alpha, a, b, beta, &mut [0.0; DEPTH * WIDEST]);
        },
        |c, stride, alpha, a, b, beta| {
            walk::<4, 8, false>(c, stride, alpha, a, b, beta, &mut [0.0; DEPTH * WIDEST]);
        },
    ];

    fn check(m: usize, k: usize, n: usize, a_turned: bool, b_turned: bool) {
        for way in WAYS {
            check_way(way, m, k, n, a_turned, b_turned);
        }
    }

    fn check_way(way: Way, m: usize, k: usize, n: usize, a_turned: bool, b_turned: bool) {
        let (a_values, b_values) = (values(m * k, 1), values(k * n, 2));
        let (a, b) = (operand(&a_values, m, k, a_turned), operand(&b_values, k, n, b_turned));
        let stride = n + 3;
        for (alpha, beta) in [(1.0, 0.0), (0.5, 1.0)] {
            let before = values(m * stride, 3);
            let mut c = before.clone();
            if beta == 0.0 {
                c.fill(Real::NAN);
            }
            way(&mut c, stride, alpha, a, b, beta);
            for i in 0..m {
                for j in 0..n {
                    let sum: Real = (0..k)
                        .map(|p| {
                            a.values[i * a.row_stride + p * a.column_stride]
                                * b.values[p * b.row_stride + j * b.column_stride]
                        })
                        .sum();
                    let old = if beta == 0.0 { 0.0 } else { beta * before[i * stride + j] };
                    let (found, expected) = (c[i * stride + j], alpha * sum + old);
                    assert!(
                        (found - expected).abs() < 1e-4,
                        "({m}, {k}, {n}) at ({i}, {j}): {found} instead of {expected}"
                    );
                }
                // What stands between the rows of c is not touched.
                if beta != 0.0 && i + 1 < m {
                    assert_eq!(
                        c[i * stride + n..(i + 1) * stride],
                        before[i * stride + n..(i + 1) * stride]
                    );
                }
            }
        }
    }
}
