//! One tile: its sums stay in registers while k runs.
//!
//! Its height and the vectors of a row are known to the compiler, which then keeps every sum in a register: of a loop over
//! slices it makes one that goes through memory.

use super::super::{LANES, Real};

/// The widest panel of any target, in vectors of [`LANES`].
pub const MOST_VECTORS: usize = 3;

/// Where a tile's sums go, and where they come from if they are added to what is there.
pub struct Place<'a, const TALL: usize> {
    /// From the tile's first number to the end of its last row.
    pub rows: &'a mut [Real],
    pub row_stride: usize,
    /// Where the last vector of each row is instead, if the rows have only a part of it.
    pub aside: Option<&'a mut [[Real; LANES]; TALL]>,
}

/// Where a tile's first row of a begins, from the k that the panel begins with.
#[derive(Clone, Copy)]
pub struct Source<'a> {
    pub values: &'a [Real],
    pub row_stride: usize,
    pub column_stride: usize,
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

/// Sets c to start, or to itself if there is none, + a times the panel, for `height` rows.
///
/// # Panics
/// If rows are missing, or the height is none of 1 to TALL.
#[inline(always)]
#[allow(unsafe_code)]
pub fn tile<const VECTORS: usize, const TALL: usize, const FUSED: bool>(
    height: usize,
    c: Place<'_, TALL>,
    start: Option<&[[Real; LANES]; VECTORS]>,
    a: Source<'_>,
    panel: Panel<'_>,
) {
    let columns = (VECTORS - usize::from(c.aside.is_some())) * LANES;
    let last = panel.depth.saturating_sub(1) * a.column_stride;
    assert!((1..=TALL).contains(&height) && (height - 1) * c.row_stride + columns <= c.rows.len());
    assert!(panel.has(VECTORS));
    assert!(panel.depth == 0 || (height - 1) * a.row_stride + last < a.values.len());
    let rows = c.rows.as_mut_ptr();
    let before_last = (VECTORS - 1) * LANES;
    let to = match c.aside {
        None => Vectors {
            first: rows,
            row_stride: c.row_stride,
            last: rows.wrapping_add(before_last),
            last_stride: c.row_stride,
        },
        Some(aside) => Vectors {
            first: rows,
            row_stride: c.row_stride,
            last: aside.as_mut_ptr().cast(),
            last_stride: LANES,
        },
    };
    let from = start.map_or(to, |start| {
        let first: *mut Real = start.as_ptr().cast_mut().cast();
        Vectors { first, row_stride: 0, last: first.wrapping_add(before_last), last_stride: 0 }
    });
    macro_rules! heights {
        ($($rows:literal)*) => {
            match height {
                // SAFETY: all rows of c and a are there, see the assertions; `start` and `aside` have their sizes by type.
                $($rows if $rows <= TALL => unsafe { sums::<$rows, VECTORS, FUSED>(from, to, a, panel) },)*
                _ => unreachable!("a tile has 1 to {TALL} rows"),
            }
        };
    }
    heights!(1 2 3 4 5 6 7 8 9 10 11 12);
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
/// Every vector of ROWS rows can be read in `from` and written in `to`, a has ROWS rows as deep as the panel, and the panel has all
/// vectors.
// An iterator over the sums would keep them in memory.
#[inline(always)]
#[allow(unsafe_code, clippy::needless_range_loop)]
unsafe fn sums<const ROWS: usize, const VECTORS: usize, const FUSED: bool>(
    from: Vectors,
    to: Vectors,
    a: Source<'_>,
    panel: Panel<'_>,
) {
    let place = |at: Vectors, row: usize, vector: usize| -> *mut [Real; LANES] {
        if vector + 1 < VECTORS {
            at.first.wrapping_add(row * at.row_stride + vector * LANES).cast()
        } else {
            at.last.wrapping_add(row * at.last_stride).cast()
        }
    };
    let mut sums = [[[0.0; LANES]; VECTORS]; ROWS];
    for i in 0..ROWS {
        for v in 0..VECTORS {
            // SAFETY: `from` has this vector.
            sums[i][v] = unsafe { place(from, i, v).read() };
        }
    }
    // Overflow is not checked here: both operands are inside of their slices, and a check would keep the sums in memory.
    for p in 0..panel.depth {
        let at = panel.values.as_ptr().wrapping_add(p.wrapping_mul(panel.stride));
        // SAFETY: the panel has whole vectors in every row.
        let b = unsafe { at.cast::<[[Real; LANES]; VECTORS]>().read() };
        let column = a.values.as_ptr().wrapping_add(p.wrapping_mul(a.column_stride));
        for i in 0..ROWS {
            // SAFETY: a has row i as deep as the panel. A bounds check here halves the speed of every product.
            let x = unsafe { column.wrapping_add(i.wrapping_mul(a.row_stride)).read() };
            for v in 0..VECTORS {
                for lane in 0..LANES {
                    let sum = sums[i][v][lane];
                    sums[i][v][lane] =
                        if FUSED { x.mul_add(b[v][lane], sum) } else { sum + x * b[v][lane] };
                }
            }
        }
    }
    for i in 0..ROWS {
        for v in 0..VECTORS {
            // SAFETY: `to` has this vector.
            unsafe { place(to, i, v).write(sums[i][v]) };
        }
    }
}
