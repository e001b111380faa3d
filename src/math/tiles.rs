//! Our own matrix product, for where the call to a BLAS costs more than the product, and for where there is no BLAS.
//!
//! c is computed in tiles of ROWS x COLUMNS numbers that stay in registers while k runs. For each k, a tile takes
//! one row of b, which is packed so that its numbers stand side by side, and ROWS numbers of a, which are read where
//! they are. That is all: no packing of a, and b goes through the cache in panels of [`DEPTH`] x COLUMNS.
//! At the edges of c there are narrower and shorter tiles, so that little is computed in vain: a tile that still hangs over
//! computes the last row again and stores what is there.

use std::cell::RefCell;

use multiversion::multiversion;
use multiversion::target::target_cfg_f;

use super::{Real, vector};

/// Depth of a panel of b: with 32 columns of f32 it fills 32 KiB, so it stays in the first cache.
const DEPTH: usize = 256;
/// Side of a square that is turned in one go.
const BLOCK: usize = 4;
/// Numbers of a line of the cache.
const LINE: usize = 16;
/// The widest tile of any target, in columns.
const WIDEST: usize = 32;

thread_local! {
    /// The panel of b that is being multiplied; every thread makes its own once.
    static PANEL: RefCell<Vec<Real>> = RefCell::new(vec![0.0; DEPTH * WIDEST + LINE]);
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

/// What a product is added to.
#[derive(Clone, Copy, Debug)]
pub enum Onto<'a> {
    /// c = a b
    Nothing,
    /// c = c + a b
    Itself,
    /// Every row of c = this row, a bias, + that row of a b.
    Row(&'a [Real]),
}

/// c = a b, added to what `onto` says. Rows of c are contiguous, `row_stride` apart.
///
/// # Panics
/// If the shapes don't fit together, or a slice is too short for its shape.
pub fn product(c: &mut [Real], row_stride: usize, a: Operand<'_>, b: Operand<'_>, onto: Onto<'_>) {
    let (m, n) = (a.rows, b.columns);
    assert!(a.columns == b.rows && a.is_whole() && b.is_whole(), "a (m, k), b (k, n)");
    assert!(m * n == 0 || (m - 1) * row_stride + n <= c.len(), "c (m, n)");
    if m * n > 0 {
        let task = Task { c, row_stride, a, b, onto };
        PANEL.with_borrow_mut(|panel| {
            let at = panel.as_ptr().align_offset(LINE * size_of::<Real>()).min(LINE);
            panels(task, &mut panel[at..]);
        });
    }
}

/// What [`product`] was asked for.
struct Task<'a> {
    c: &'a mut [Real],
    row_stride: usize,
    a: Operand<'a>,
    b: Operand<'a>,
    onto: Onto<'a>,
}

/// Goes through b with the tiles that suit the processor: as many running sums as its registers hold.
// To clippy, every question about the target looks the same.
#[allow(clippy::ifs_same_cond)]
#[multiversion(targets("x86_64+avx512f+avx512vl+avx2+fma", "x86_64+avx2+fma", "aarch64+neon"))]
fn panels(task: Task<'_>, panel: &mut [Real]) {
    if target_cfg_f!(target_feature = "avx512f") {
        walk::<32, 16, 12, 6, true>(task, panel);
    } else if target_cfg_f!(target_feature = "fma") {
        walk::<16, 8, 6, 3, true>(task, panel);
    } else if target_cfg_f!(target_feature = "neon") {
        walk::<8, 8, 8, 8, true>(task, panel);
    } else {
        walk::<8, 8, 4, 4, false>(task, panel);
    }
}

/// A piece of b: `depth` rows from `first_k`, `width` columns from `left`.
#[derive(Clone, Copy, Debug)]
struct Strip {
    first_k: usize,
    depth: usize,
    left: usize,
    width: usize,
}

/// Cuts b into strips of WIDE columns, the last perhaps of NARROW ones, and goes down each in tiles of TALL rows, the last
/// perhaps of SHORT ones. Powers of 2 are bad heights: LLVM then takes a tile's rows for the lanes of its vectors.
#[inline(always)]
fn walk<
    const WIDE: usize,
    const NARROW: usize,
    const TALL: usize,
    const SHORT: usize,
    const FUSED: bool,
>(
    mut task: Task<'_>,
    panel: &mut [Real],
) {
    let (k, n) = (task.a.columns, task.b.columns);
    // With k = 0 there is still one panel, of depth 0, that sets c.
    for first_k in (0..k.max(1)).step_by(DEPTH) {
        for left in (0..n).step_by(WIDE) {
            let (depth, width) = (DEPTH.min(k - first_k), WIDE.min(n - left));
            let strip = Strip { first_k, depth, left, width };
            if width > NARROW {
                task.strip::<WIDE, TALL, SHORT, FUSED>(strip, panel);
            } else {
                task.strip::<NARROW, TALL, SHORT, FUSED>(strip, panel);
            }
        }
        task.onto = Onto::Itself;
    }
}

impl Task<'_> {
    /// Goes down one strip of c.
    #[inline(always)]
    fn strip<const COLUMNS: usize, const TALL: usize, const SHORT: usize, const FUSED: bool>(
        &mut self,
        strip: Strip,
        panel: &mut [Real],
    ) {
        let (m, b) = (self.a.rows, self.b);
        let panel = &mut panel.as_chunks_mut::<COLUMNS>().0[..strip.depth];
        pack(panel, b, strip);
        for top in (0..m).step_by(TALL) {
            if m - top > SHORT {
                self.tile::<TALL, COLUMNS, FUSED>(strip, top, panel);
            } else {
                self.tile::<SHORT, COLUMNS, FUSED>(strip, top, panel);
            }
        }
    }

    /// One tile of c from row `top`.
    #[inline(always)]
    fn tile<const ROWS: usize, const COLUMNS: usize, const FUSED: bool>(
        &mut self,
        strip: Strip,
        top: usize,
        panel: &[[Real; COLUMNS]],
    ) {
        let Strip { first_k, left, width, .. } = strip;
        let Self { row_stride, a, onto, .. } = *self;
        let height = ROWS.min(a.rows - top);
        let places = (top..top + height).map(|i| i * row_stride + left);
        let mut tile = Tile([[0.0; COLUMNS]; ROWS]);
        match onto {
            Onto::Nothing => (),
            Onto::Itself => {
                for (sums, at) in tile.0.iter_mut().zip(places.clone()) {
                    copy(sums, &self.c[at..at + width]);
                }
            }
            Onto::Row(row) => {
                for sums in &mut tile.0 {
                    copy(sums, &row[left..left + width]);
                }
            }
        }
        fill::<ROWS, COLUMNS, FUSED>(&mut tile.0, a, top, height, first_k, panel);
        for (sums, at) in tile.0.iter().zip(places) {
            let row = &mut self.c[at..at + width];
            if let Ok(row) = <&mut [Real; COLUMNS]>::try_from(&mut *row) {
                *row = *sums;
            } else {
                vector::copy_short(row, &sums[..width]);
            }
        }
    }
}

/// The first columns of a tile or a panel; those of most are all, and their number is known to the compiler.
#[inline(always)]
fn copy<const COLUMNS: usize>(to: &mut [Real; COLUMNS], from: &[Real]) {
    if let Ok(from) = <&[Real; COLUMNS]>::try_from(from) {
        *to = *from;
    } else {
        vector::copy_short(&mut to[..from.len()], from);
    }
}

/// Running sums, where no vector lies across two lines of the cache.
#[repr(align(64))]
struct Tile<const ROWS: usize, const COLUMNS: usize>([[Real; COLUMNS]; ROWS]);

/// The strip of b, filled up with zeros to COLUMNS.
#[inline(always)]
fn pack<const COLUMNS: usize>(panel: &mut [[Real; COLUMNS]], b: Operand<'_>, strip: Strip) {
    let Strip { first_k, left, width, .. } = strip;
    let at = first_k * b.row_stride + left * b.column_stride;
    if b.column_stride == 1 {
        for (p, packed) in panel.iter_mut().enumerate() {
            let row = &b.values[at + p * b.row_stride..][..width];
            copy(packed, row);
            packed[width..].fill(0.0);
        }
    } else {
        for packed in panel.iter_mut() {
            packed[width..].fill(0.0);
        }
        let (blocks, rest) = panel.as_chunks_mut::<BLOCK>();
        let whole = blocks.len() * BLOCK;
        let column = |j: usize| &b.values[at + j * b.column_stride..];
        for j in (0..width).step_by(BLOCK) {
            if b.row_stride == 1 && j + BLOCK <= width {
                let columns: [&[Real]; BLOCK] = std::array::from_fn(|i| &column(j + i)[..whole]);
                for (p, block) in blocks.iter_mut().enumerate() {
                    let turned: [[Real; BLOCK]; BLOCK] =
                        columns.map(|column| column.as_chunks::<BLOCK>().0[p]);
                    for (q, packed) in block.iter_mut().enumerate() {
                        let row: [Real; BLOCK] = std::array::from_fn(|i| turned[i][q]);
                        packed[j..j + BLOCK].copy_from_slice(&row);
                    }
                }
            } else {
                for j in j..width.min(j + BLOCK) {
                    let blocks = blocks.as_flattened_mut().iter_mut();
                    for (packed, x) in blocks.zip(column(j).iter().step_by(b.row_stride)) {
                        packed[j] = *x;
                    }
                }
            }
        }
        for (p, packed) in rest.iter_mut().enumerate() {
            for (j, packed) in packed[..width].iter_mut().enumerate() {
                *packed = column(j)[(whole + p) * b.row_stride];
            }
        }
    }
}

/// tile[i][j] += sum over k of a[top + i][k] * panel[k][j]; rows from `height` on repeat the last.
#[inline(always)]
#[allow(unsafe_code)]
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
        for m in [1, 2, 4, 5, 8, 9, 12, 13, 16, 17, 40] {
            for n in [1, 7, 8, 9, 16, 17, 31, 32, 33, 70] {
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

    type Way = fn(Task<'_>);

    /// The tiles of this processor, and those of the others.
    const WAYS: [Way; 4] = [
        |task| product(task.c, task.row_stride, task.a, task.b, task.onto),
        |task| walk::<16, 8, 6, 3, true>(task, &mut [0.0; DEPTH * WIDEST]),
        |task| walk::<8, 8, 8, 8, true>(task, &mut [0.0; DEPTH * WIDEST]),
        |task| walk::<8, 8, 4, 4, false>(task, &mut [0.0; DEPTH * WIDEST]),
    ];

    fn check(m: usize, k: usize, n: usize, a_turned: bool, b_turned: bool) {
        for way in WAYS {
            check_way(way, m, k, n, a_turned, b_turned);
        }
    }

    fn check_way(way: Way, m: usize, k: usize, n: usize, a_turned: bool, b_turned: bool) {
        let (a_values, b_values) = (values(m * k, 1), values(k * n, 2));
        let (a, b) = (operand(&a_values, m, k, a_turned), operand(&b_values, k, n, b_turned));
        let (row_stride, bias) = (n + 3, values(n, 4));
        let before = values(m * row_stride, 3);
        for onto in [Onto::Nothing, Onto::Itself, Onto::Row(&bias)] {
            let mut c = before.clone();
            if !matches!(onto, Onto::Itself) {
                c.chunks_mut(row_stride).for_each(|row| row[..n].fill(Real::NAN));
            }
            way(Task { c: &mut c, row_stride, a, b, onto });
            for i in 0..m {
                for j in 0..n {
                    let sum: Real = (0..k)
                        .map(|p| {
                            a.values[i * a.row_stride + p * a.column_stride]
                                * b.values[p * b.row_stride + j * b.column_stride]
                        })
                        .sum();
                    let old = match onto {
                        Onto::Nothing => 0.0,
                        Onto::Itself => before[i * row_stride + j],
                        Onto::Row(bias) => bias[j],
                    };
                    let (found, expected) = (c[i * row_stride + j], sum + old);
                    assert!(
                        (found - expected).abs() < 1e-4,
                        "({m}, {k}, {n}) at ({i}, {j}): {found} instead of {expected}"
                    );
                }
                // What stands between the rows of c is not touched.
                let between = i * row_stride + n..(i + 1) * row_stride;
                assert_eq!(c[between.clone()], before[between]);
            }
        }
    }
}
