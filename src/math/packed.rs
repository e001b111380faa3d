//! A product with a matrix that many products share, as every step of a recurrent layer multiplies by the same W_hh: it is
//! packed once, and a product of few rows is then nothing but its tiles.
//!
//! They are our own on every machine: no BLAS takes a matrix that is packed already, and to pack it for the 16 or 32 rows of
//! a step costs a third of the step.

use multiversion::multiversion;
use multiversion::target::target_cfg_f;

use super::lanes::Lanes;
use super::tiles::{Onto, Operand};
use super::{LANES, Real, room, vector};

/// Rows of a strip that are multiplied before the next strip's: of f32 they fill 32 KiB, so they stay in the first cache.
const DEPTH: usize = 256;
/// Columns of a strip, those of the widest tile.
const COLUMNS: usize = 32;
/// A row of a strip.
const ROW: usize = COLUMNS / LANES;

/// b (k, n), in strips of [`COLUMNS`] columns, the last filled up with zeros; of each strip one row stands after the other.
#[derive(Clone, Debug)]
pub struct Packed {
    k: usize,
    n: usize,
    rows: Vec<Lanes>,
}

impl Packed {
    /// Room for a matrix of k rows and n columns.
    pub fn room(k: usize, n: usize) -> Self {
        Self { k, n, rows: room::lanes(n.div_ceil(COLUMNS) * k * ROW) }
    }

    /// Takes over the numbers of b.
    ///
    /// # Panics
    /// If b is no matrix of the size that there is room for.
    pub fn pack(&mut self, b: Operand<'_>) {
        assert!((b.rows, b.columns) == (self.k, self.n), "b (k, n)");
        for left in (0..self.n).step_by(LANES) {
            let width = LANES.min(self.n - left);
            let at = left * b.column_stride;
            let strip = &mut self.rows[left / COLUMNS * self.k * ROW..][..self.k * ROW];
            let rows = strip.iter_mut().skip(left % COLUMNS / LANES).step_by(ROW);
            if b.column_stride == 1 {
                for (p, row) in rows.enumerate() {
                    let from = &b.values[at + p * b.row_stride..][..width];
                    vector::copy_short(&mut row.0[..width], from);
                }
            } else {
                for (p, row) in rows.enumerate() {
                    let from = &b.values[at + p * b.row_stride..];
                    let from = from.iter().step_by(b.column_stride);
                    for (packed, x) in row.0[..width].iter_mut().zip(from) {
                        *packed = *x;
                    }
                }
            }
        }
    }
}

/// c = a b, added to what `onto` says, for a (m, k) and c (m, n); rows of a and of c are contiguous, those of c `row_stride`
/// apart.
///
/// # Panics
/// If the shapes don't fit together, or a slice is too short for its shape.
pub fn product_with(c: &mut [Real], row_stride: usize, a: Operand<'_>, b: &Packed, onto: Onto<'_>) {
    let inside = |rows: usize, stride: usize, columns: usize, len: usize| {
        rows == 0 || (rows - 1) * stride + columns <= len
    };
    assert!(a.columns == b.k && a.column_stride == 1, "a (m, k), its rows contiguous");
    assert!(inside(a.rows, a.row_stride, b.k, a.values.len()), "a (m, k)");
    assert!(inside(a.rows, row_stride, b.n, c.len()), "c (m, n)");
    tiles(Task { c, row_stride, a, b, onto });
}

/// What [`product_with`] was asked for.
struct Task<'a> {
    c: &'a mut [Real],
    row_stride: usize,
    a: Operand<'a>,
    b: &'a Packed,
    onto: Onto<'a>,
}

/// Goes through b with the tiles that suit the processor: as many running sums as its registers hold.
// To clippy, every question about the target looks the same.
#[allow(clippy::ifs_same_cond, clippy::if_same_then_else)]
#[multiversion(targets("x86_64+avx512f+avx512vl+avx2+fma", "x86_64+avx2+fma", "aarch64+neon"))]
fn tiles(task: Task<'_>) {
    if target_cfg_f!(target_feature = "avx512f") {
        walk::<8, 32, true>(task);
    } else if target_cfg_f!(target_feature = "fma") {
        walk::<4, 16, true>(task);
    } else if target_cfg_f!(target_feature = "neon") {
        walk::<4, 16, true>(task);
    } else {
        walk::<2, 16, false>(task);
    }
}

/// A piece of b: `depth` rows from `first_k`, the columns from number `left` on that a tile is wide.
#[derive(Clone, Copy)]
struct Piece {
    first_k: usize,
    depth: usize,
    left: usize,
}

#[inline(always)]
fn walk<const TALL: usize, const WIDE: usize, const FUSED: bool>(mut task: Task<'_>) {
    let Packed { k, n, .. } = *task.b;
    // With k = 0 there is still one piece, of depth 0, that sets c.
    for first_k in (0..k.max(1)).step_by(DEPTH) {
        let depth = DEPTH.min(k - first_k);
        for left in (0..n).step_by(WIDE) {
            task.down::<TALL, WIDE, FUSED>(Piece { first_k, depth, left });
        }
        task.onto = Onto::Itself;
    }
}

impl Task<'_> {
    /// Goes down c in tiles of TALL rows, and in shorter ones where fewer are left.
    #[inline(always)]
    fn down<const TALL: usize, const WIDE: usize, const FUSED: bool>(&mut self, piece: Piece) {
        let m = self.a.rows;
        let mut top = 0;
        while top < m {
            let left = m - top;
            top += if left >= TALL {
                self.tile::<TALL, WIDE, FUSED>(piece, top);
                TALL
            } else if TALL > 4 && left >= 4 {
                self.tile::<4, WIDE, FUSED>(piece, top);
                4
            } else if TALL > 2 && left >= 2 {
                self.tile::<2, WIDE, FUSED>(piece, top);
                2
            } else {
                self.tile::<1, WIDE, FUSED>(piece, top);
                1
            };
        }
    }

    /// One tile of c from row `top`.
    #[inline(always)]
    fn tile<const ROWS: usize, const WIDE: usize, const FUSED: bool>(
        &mut self,
        piece: Piece,
        top: usize,
    ) {
        let Piece { first_k, depth, left } = piece;
        let Self { row_stride, a, b, onto, .. } = *self;
        let width = WIDE.min(b.n - left);
        let mut sums = Sums([[0.0; WIDE]; ROWS]);
        for (i, sums) in sums.0.iter_mut().enumerate() {
            match onto {
                Onto::Nothing => (),
                Onto::Itself => take(sums, &self.c[(top + i) * row_stride + left..][..width]),
                Onto::Row(row) => take(sums, &row[left..left + width]),
            }
        }
        let strip = &b.rows[(left / COLUMNS * b.k + first_k) * ROW..][..depth * ROW];
        let a_rows = &a.values[top * a.row_stride + first_k..];
        fill::<ROWS, WIDE, FUSED>(&mut sums.0, a_rows, a.row_stride, strip, left % COLUMNS);
        for (i, sums) in sums.0.iter().enumerate() {
            let row = &mut self.c[(top + i) * row_stride + left..][..width];
            if let Ok(row) = <&mut [Real; WIDE]>::try_from(&mut *row) {
                *row = *sums;
            } else {
                vector::copy_short(row, &sums[..width]);
            }
        }
    }
}

/// Running sums, where no vector lies across two lines of the cache.
#[repr(align(64))]
struct Sums<const ROWS: usize, const WIDE: usize>([[Real; WIDE]; ROWS]);

/// sums[i][j] += sum over p of a[i][p] * strip[p][left + j], for rows of a that are `stride` apart and as many p as the strip
/// has rows.
// Iterators over the sums would keep them in memory.
#[inline(always)]
#[allow(unsafe_code, clippy::needless_range_loop)]
fn fill<const ROWS: usize, const WIDE: usize, const FUSED: bool>(
    sums: &mut [[Real; WIDE]; ROWS],
    a: &[Real],
    stride: usize,
    strip: &[Lanes],
    left: usize,
) {
    let depth = strip.len() / ROW;
    let strip: *const Real = strip.as_ptr().cast();
    // By value: sums behind a reference are not kept in registers.
    let mut tile = *sums;
    for p in 0..depth {
        // SAFETY: lanes stand side by side without gaps, COLUMNS of a row after another; p < depth, left + WIDE <= COLUMNS.
        let b: [Real; WIDE] =
            unsafe { strip.add(p * COLUMNS + left).cast::<[Real; WIDE]>().read() };
        for i in 0..ROWS {
            // SAFETY: `product_with` has checked that the last row of a is whole. A check here halves the speed.
            let x = unsafe { *a.as_ptr().add(i * stride + p) };
            for j in 0..WIDE {
                tile[i][j] =
                    if FUSED { x.mul_add(b[j], tile[i][j]) } else { tile[i][j] + x * b[j] };
            }
        }
    }
    *sums = tile;
}

/// The numbers of a row of c, or of as many columns as it has.
#[inline(always)]
fn take<const WIDE: usize>(sums: &mut [Real; WIDE], row: &[Real]) {
    if let Ok(row) = <&[Real; WIDE]>::try_from(row) {
        *sums = *row;
    } else {
        vector::copy_short(&mut sums[..row.len()], row);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::math::finite_difference::values;
    use crate::math::plain::agreement::{assert_near, real};

    type Way = fn(Task<'_>);

    /// The tiles of this processor, and those of the others.
    const WAYS: [Way; 4] = [
        |task| product_with(task.c, task.row_stride, task.a, task.b, task.onto),
        walk::<8, 32, true>,
        walk::<4, 16, true>,
        walk::<2, 16, false>,
    ];

    /// Every edge of a tile, a strip and a piece, both orders of b, rows of a and c that are apart.
    #[test]
    fn it_is_the_definition() {
        for m in [0, 1, 2, 3, 7, 8, 11, 16, 33] {
            for n in [1, 15, 16, 17, 32, 33, 65] {
                for k in [0, 1, 5, 256, 300] {
                    check(m, k, n);
                }
            }
        }
    }

    fn check(m: usize, k: usize, n: usize) {
        let (a_stride, c_stride) = (k + 2, n + 3);
        let (a, b, bias) = (values(m * a_stride, 1), values(k * n, 2), values(n, 4));
        let before = values(m * c_stride, 3);
        for turned in [false, true] {
            let at = |p: usize, j: usize| if turned { j * k + p } else { p * n + j };
            let b_values = real(&b);
            let operand = if turned {
                Operand::rows(&b_values, n, k, k).turned()
            } else {
                Operand::rows(&b_values, k, n, n)
            };
            let mut packed = Packed::room(k, n);
            packed.pack(operand);
            let (a_values, row) = (real(&a), real(&bias));
            for way in WAYS {
                for onto in [Onto::Nothing, Onto::Itself, Onto::Row(&row)] {
                    let mut c = real(&before);
                    let mut expected = before.clone();
                    for i in 0..m {
                        for j in 0..n {
                            let c = &mut expected[i * c_stride + j];
                            *c = match onto {
                                Onto::Nothing => 0.0,
                                Onto::Itself => *c,
                                Onto::Row(_) => bias[j],
                            };
                            *c += (0..k).map(|p| a[i * a_stride + p] * b[at(p, j)]).sum::<f64>();
                        }
                    }
                    let a = Operand::rows(&a_values, m, k, a_stride);
                    way(Task { c: &mut c, row_stride: c_stride, a, b: &packed, onto });
                    // What stands between the rows of c is not touched, so it is held to what it was.
                    assert_near(&format!("({m}, {k}, {n})"), &c, &expected, 300.0);
                }
            }
        }
    }
}
