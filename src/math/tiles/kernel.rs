//! Tiles under one another: the sums of each stay in registers while k runs.
//!
//! Its height and the vectors of a row are known to the compiler, which then keeps every sum in a register: of a loop over
//! slices it makes one that goes through memory.

use std::ops::Range;

use super::super::{LANES, Real, vector};
use super::registers::Vector;

/// The widest panel of any target, in vectors of [`LANES`].
pub const MOST_VECTORS: usize = 3;

/// Steps along k between two turns of the loop: of one alone, a quarter of the instructions would say where the next begins.
const STEPS: usize = 4;

/// Which numbers of a stand side by side: those of a row, or those of a column. Known to the compiler, they need no address of
/// their own.
pub type Order = bool;
pub const ROWS_WHOLE: Order = false;
pub const COLUMNS_WHOLE: Order = true;

/// Where the sums of tiles under one another go, and where they come from if they are added to what is there.
pub struct Place<'a> {
    /// From the first number of the first tile to the end of the last row.
    pub rows: &'a mut [Real],
    pub row_stride: usize,
    /// Numbers of a row; the last vector may hang over.
    pub width: usize,
}

/// The rows of a for tiles under one another, from the k that the panel begins with; one of the strides is 1.
#[derive(Clone, Copy)]
pub struct Source<'a> {
    pub values: &'a [Real],
    pub row_stride: usize,
    pub column_stride: usize,
    /// From the first row of a tile to that of the next.
    pub tile_stride: usize,
}

/// As many rows of b as the panel is deep, `stride` apart; of each, whole vectors can be read, though the last may hang over
/// into what stands behind the row.
#[derive(Clone, Copy)]
pub struct Panel<'a> {
    pub values: &'a [Real],
    pub stride: usize,
    pub depth: usize,
}

impl Panel<'_> {
    /// Whether all vectors of all rows can be read.
    #[inline(always)]
    pub fn has(&self, vectors: usize) -> bool {
        self.depth == 0 || (self.depth - 1) * self.stride + vectors * LANES <= self.values.len()
    }
}

/// Rows of b that will be packed next: asked for while tiles are multiplied, some at each, they are at hand then. To wait for
/// them took up to a quarter of a product.
#[derive(Debug, Default)]
pub struct Ahead<'a> {
    /// From the first number of the first row on.
    pub values: &'a [Real],
    pub stride: usize,
    /// Numbers of a row.
    pub width: usize,
    /// So many of them at each tile.
    pub each: usize,
}

impl Ahead<'_> {
    // Not inlined: a tile of each height would have its own.
    #[inline(never)]
    fn fetch<V: Vector>(&mut self) {
        let (now, later) = self.values.split_at((self.each * self.stride).min(self.values.len()));
        for row in now.chunks(self.stride) {
            // A row of so few numbers may begin in one line of the cache and end in the next.
            V::fetch_far(row.as_ptr());
            V::fetch_far(row.as_ptr().wrapping_add(self.width - 1));
        }
        self.values = later;
    }
}

/// Sets c to start, or to itself if there is none, + a times the panel, for `count` tiles of `height` rows.
///
/// # Panics
/// If rows are missing, or the height is none of 1 to TALL.
///
/// # Safety
/// The processor has the instructions of V.
#[inline(always)]
#[allow(unsafe_code)]
pub unsafe fn run<V: Vector, const VECTORS: usize, const TALL: usize>(
    count: usize,
    height: usize,
    c: Place<'_>,
    start: Option<&[[Real; LANES]; VECTORS]>,
    a: Source<'_>,
    panel: Panel<'_>,
    ahead: &mut Ahead<'_>,
) {
    if count == 0 {
        return;
    }
    assert!((1..=TALL).contains(&height) && (VECTORS == 1 || V::WIDTH == LANES));
    let before_last = (VECTORS - 1) * LANES;
    assert!((before_last + 1..=before_last + V::WIDTH).contains(&c.width));
    assert!((count * height - 1) * c.row_stride + c.width <= c.rows.len());
    assert!(panel.has(VECTORS));
    let deepest = panel.depth.saturating_sub(1) * a.column_stride;
    let last = (count - 1) * a.tile_stride + (height - 1) * a.row_stride + deepest;
    assert!(panel.depth == 0 || last < a.values.len());
    assert!(a.row_stride == 1 || a.column_stride == 1);
    macro_rules! heights {
        ($($rows:literal)*) => {
            match height {
                // SAFETY: all rows of c and a are there, see the assertions.
                $($rows if $rows <= TALL => unsafe {
                    if a.row_stride == 1 {
                        tiles::<V, $rows, VECTORS, COLUMNS_WHOLE>(count, c, start, a, panel, ahead);
                    } else {
                        tiles::<V, $rows, VECTORS, ROWS_WHOLE>(count, c, start, a, panel, ahead);
                    }
                },)*
                _ => unreachable!("a tile has 1 to {TALL} rows"),
            }
        };
    }
    heights!(1 2 3 4 5 6 7 8 9 10 11 12);
}

/// # Safety
/// c has `count` tiles of ROWS rows, a has them as deep as the panel and in this order, the panel has all vectors, and the
/// processor has the instructions of V.
#[inline(always)]
#[allow(unsafe_code)]
unsafe fn tiles<V: Vector, const ROWS: usize, const VECTORS: usize, const ORDER: Order>(
    count: usize,
    c: Place<'_>,
    start: Option<&[[Real; LANES]; VECTORS]>,
    a: Source<'_>,
    panel: Panel<'_>,
    ahead: &mut Ahead<'_>,
) {
    let Place { rows, row_stride, width } = c;
    let whole = (VECTORS - 1) * LANES;
    let hangs_over = width - whole < V::WIDTH;
    // What hangs over in the last vector of a row goes through numbers that stand aside.
    let mut aside = [[0.0; LANES]; ROWS];
    for tile in 0..count {
        let first = tile.wrapping_mul(ROWS).wrapping_mul(row_stride);
        if V::FETCHES && !ahead.values.is_empty() {
            ahead.fetch::<V>();
        }
        if hangs_over && start.is_none() {
            set_aside(&mut aside, &rows[first..], row_stride, whole..width);
        }
        let first_number = rows.as_mut_ptr().wrapping_add(first);
        let (last, last_stride) = if hangs_over {
            (aside.as_mut_ptr().cast(), LANES)
        } else {
            (first_number.wrapping_add(whole), row_stride)
        };
        let to = Vectors { first: first_number, row_stride, last, last_stride };
        let from = start.map_or(to, |start| {
            let first: *mut Real = start.as_ptr().cast_mut().cast();
            Vectors { first, row_stride: 0, last: first.wrapping_add(whole), last_stride: 0 }
        });
        let source = a.values.as_ptr().wrapping_add(tile.wrapping_mul(a.tile_stride));
        // SAFETY: the caller's promises; `start` and `aside` have their sizes by type.
        unsafe { sums::<V, ROWS, VECTORS, ORDER>(from, to, source, a, panel) };
        if hangs_over {
            put_back(&mut rows[first..], row_stride, &aside, whole..width);
        }
    }
}

// Neither is inlined: a tile of each height would have its own.
#[inline(never)]
fn set_aside(aside: &mut [[Real; LANES]], rows: &[Real], row_stride: usize, at: Range<usize>) {
    for (aside, row) in aside.iter_mut().zip(rows.chunks(row_stride)) {
        vector::copy_short(&mut aside[..at.len()], &row[at.clone()]);
    }
}

#[inline(never)]
fn put_back(rows: &mut [Real], row_stride: usize, aside: &[[Real; LANES]], at: Range<usize>) {
    for (aside, row) in aside.iter().zip(rows.chunks_mut(row_stride)) {
        vector::copy_short(&mut row[at.clone()], &aside[..at.len()]);
    }
}

/// Where the vectors of a tile's rows stand: all but the last of each, and the last of each.
#[derive(Clone, Copy)]
struct Vectors {
    first: *mut Real,
    row_stride: usize,
    last: *mut Real,
    last_stride: usize,
}

/// # Safety
/// Every vector of ROWS rows can be read in `from` and written in `to`, ROWS rows of a from `values` on are as deep as the panel, that
/// has all vectors, a stands in this order, and the processor has the instructions of V.
// An iterator over the sums would keep them in memory.
#[inline(always)]
#[allow(unsafe_code, clippy::needless_range_loop)]
unsafe fn sums<V: Vector, const ROWS: usize, const VECTORS: usize, const ORDER: Order>(
    from: Vectors,
    to: Vectors,
    values: *const Real,
    a: Source<'_>,
    panel: Panel<'_>,
) {
    let place = |at: Vectors, row: usize, vector: usize| -> *mut Real {
        if vector + 1 < VECTORS {
            at.first.wrapping_add(row.wrapping_mul(at.row_stride)).wrapping_add(vector * LANES)
        } else {
            at.last.wrapping_add(row.wrapping_mul(at.last_stride))
        }
    };
    // SAFETY: `from` and `to` have every vector, a every row as deep as the panel, and that has whole vectors in every row. A
    // bounds check here halves the speed of every product.
    unsafe {
        let mut sums = [[V::zero(); VECTORS]; ROWS];
        for i in 0..ROWS {
            for v in 0..VECTORS {
                sums[i][v] = V::load(place(from, i, v));
            }
        }
        if V::FETCHES {
            // What the next tile is added to, or replaces.
            for i in 0..ROWS {
                let next = to.first.wrapping_add((ROWS + i).wrapping_mul(to.row_stride));
                V::fetch(next);
                V::fetch(next.wrapping_add(LANES - 1));
            }
        }
        // Overflow is not checked here: both operands are inside of their slices.
        let (row_stride, column_stride) =
            if ORDER == COLUMNS_WHOLE { (1, a.column_stride) } else { (a.row_stride, 1) };
        let (mut at, mut column) = (panel.values.as_ptr(), values);
        for _ in 0..panel.depth / STEPS {
            for i in 0..STEPS {
                let at = at.wrapping_add(panel.stride.wrapping_mul(i));
                let column = column.wrapping_add(column_stride.wrapping_mul(i));
                step(&mut sums, at, column, row_stride);
            }
            at = at.wrapping_add(panel.stride.wrapping_mul(STEPS));
            column = column.wrapping_add(column_stride.wrapping_mul(STEPS));
        }
        for _ in 0..panel.depth % STEPS {
            step(&mut sums, at, column, row_stride);
            at = at.wrapping_add(panel.stride);
            column = column.wrapping_add(column_stride);
        }
        for i in 0..ROWS {
            for v in 0..VECTORS {
                sums[i][v].store(place(to, i, v));
            }
        }
    }
}

/// Adds one column of a times one row of b: numbers of a stand `row_stride` apart.
///
/// # Safety
/// There are ROWS numbers of a and all vectors of b, and the processor has the instructions of V.
#[inline(always)]
#[allow(unsafe_code, clippy::needless_range_loop)]
unsafe fn step<V: Vector, const ROWS: usize, const VECTORS: usize>(
    sums: &mut [[V; VECTORS]; ROWS],
    row: *const Real,
    column: *const Real,
    row_stride: usize,
) {
    // SAFETY: the caller's promise.
    unsafe {
        let mut b = [V::zero(); VECTORS];
        for v in 0..VECTORS {
            b[v] = V::load(row.wrapping_add(v * LANES));
        }
        for i in 0..ROWS {
            let x = V::every(column.wrapping_add(i.wrapping_mul(row_stride)));
            for v in 0..VECTORS {
                sums[i][v] = sums[i][v].plus(x, b[v]);
            }
        }
    }
}
