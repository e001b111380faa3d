//! Many small matrices at once, one in each lane of a vector: element (i, j) of [`LANES`] matrices stands in one register.
//!
//! A matrix of 8 x 8 is too small for a vector: its rows fill half of one, and every sum along a row takes several steps
//! from lane to lane. Sixteen of them side by side have neither: whatever is done to one number is done to the same number of
//! all, and nothing crosses from lane to lane. What it costs is to bring rows into lanes and back, [`pack`] and [`unpack`].

use super::{LANES, Real};

/// One number of each matrix, where no vector lies across two lines of the cache.
#[derive(Clone, Copy, Debug, PartialEq)]
#[repr(align(64))]
pub struct Lanes(pub [Real; LANES]);

impl Lanes {
    pub const ZERO: Self = Self([0.0; LANES]);
}

/// Side of a square that is [`turned`] in one go.
pub const BLOCK: usize = 4;

/// Where the rows of each lane's matrix stand.
#[derive(Clone, Copy, Debug)]
pub struct Places {
    /// The first row of each; lanes without a matrix read what another has.
    pub first: [usize; LANES],
    /// How many lanes have a matrix; the others are not written back.
    pub used: usize,
    /// From one row to the next.
    pub stride: usize,
}

impl Places {
    /// Whether `rows` rows of `width` numbers of all lanes are inside of so many numbers.
    fn fit(&self, rows: usize, width: usize, len: usize) -> bool {
        let last = rows.saturating_sub(1) * self.stride + width;
        rows == 0 || self.first.iter().all(|first| first + last <= len)
    }
}

#[cfg(all(target_arch = "x86_64", not(feature = "f64")))]
#[inline(always)]
#[allow(unsafe_code)]
pub fn turned(x: [[Real; BLOCK]; BLOCK]) -> [[Real; BLOCK]; BLOCK] {
    use std::arch::x86_64::{
        __m128, _mm_movehl_ps, _mm_movelh_ps, _mm_unpackhi_ps, _mm_unpacklo_ps,
    };
    // SAFETY: four vectors of four numbers are sixteen numbers, whatever they are; every x86_64 has SSE. Without the
    // instructions by name, the compiler makes of this a loop over columns that takes six times as long.
    unsafe {
        let [a, b, c, d]: [__m128; BLOCK] = std::mem::transmute(x);
        let (ab, cd) = (_mm_unpacklo_ps(a, b), _mm_unpacklo_ps(c, d));
        let (ab_high, cd_high) = (_mm_unpackhi_ps(a, b), _mm_unpackhi_ps(c, d));
        std::mem::transmute([
            _mm_movelh_ps(ab, cd),
            _mm_movehl_ps(cd, ab),
            _mm_movelh_ps(ab_high, cd_high),
            _mm_movehl_ps(cd_high, ab_high),
        ])
    }
}

#[cfg(not(all(target_arch = "x86_64", not(feature = "f64"))))]
#[inline(always)]
pub fn turned(x: [[Real; BLOCK]; BLOCK]) -> [[Real; BLOCK]; BLOCK] {
    std::array::from_fn(|i| std::array::from_fn(|j| x[j][i]))
}

/// Fills `to` (rows, width) with each lane's rows of `from`.
///
/// # Panics
/// If a row is not inside of `from`.
#[allow(unsafe_code)]
pub fn pack(to: &mut [Lanes], from: &[Real], places: &Places, width: usize) {
    assert!(places.fit(to.len() / width, width, from.len()), "every row is there");
    for (g, first) in places.first.as_chunks::<BLOCK>().0.iter().enumerate() {
        for (t, row) in to.chunks_exact_mut(width).enumerate() {
            let at = first.map(|first| first + t * places.stride);
            let (blocks, rest) = row.as_chunks_mut::<BLOCK>();
            let whole = blocks.len() * BLOCK;
            for (block, lanes) in blocks.iter_mut().enumerate() {
                // SAFETY: BLOCK columns of a row of `width`, all of which are inside, see above.
                let x = at.map(|at| unsafe {
                    from.as_ptr().add(at + block * BLOCK).cast::<[Real; BLOCK]>().read_unaligned()
                });
                for (lanes, x) in lanes.iter_mut().zip(turned(x)) {
                    lanes.0.as_chunks_mut::<BLOCK>().0[g] = x;
                }
            }
            for (lanes, column) in rest.iter_mut().zip(whole..) {
                lanes.0.as_chunks_mut::<BLOCK>().0[g] = at.map(|at| from[at + column]);
            }
        }
    }
}

/// Writes each used lane's rows of `from` (rows, width) to where they stand in `to`.
///
/// # Panics
/// If a row is not inside of `to`.
#[allow(unsafe_code)]
pub fn unpack(to: &mut [Real], from: &[Lanes], places: &Places, width: usize) {
    assert!(places.fit(from.len() / width, width, to.len()), "there is room for every row");
    for (g, first) in places.first.as_chunks::<BLOCK>().0.iter().enumerate() {
        let used = places.used.saturating_sub(g * BLOCK);
        for (t, row) in from.chunks_exact(width).enumerate() {
            let at = first.map(|first| first + t * places.stride);
            let (blocks, rest) = row.as_chunks::<BLOCK>();
            let whole = blocks.len() * BLOCK;
            for (block, lanes) in blocks.iter().enumerate() {
                let x = turned(std::array::from_fn(|i| lanes[i].0.as_chunks::<BLOCK>().0[g]));
                for lane in 0..BLOCK {
                    if lane < used {
                        // SAFETY: as in `pack`.
                        unsafe {
                            let to = to.as_mut_ptr().add(at[lane] + block * BLOCK);
                            to.cast::<[Real; BLOCK]>().write_unaligned(x[lane]);
                        }
                    }
                }
            }
            for (lanes, column) in rest.iter().zip(whole..) {
                for (at, x) in at.iter().zip(lanes.0.as_chunks::<BLOCK>().0[g]).take(used) {
                    to[at + column] = x;
                }
            }
        }
    }
}

/// A matrix of each lane in memory: element (i, j) stands at `i * row_stride + j * column_stride`.
#[derive(Clone, Copy, Debug)]
pub struct Operand<'a> {
    pub values: &'a [Lanes],
    pub row_stride: usize,
    pub column_stride: usize,
}

impl<'a> Operand<'a> {
    /// Rows of `columns` numbers.
    pub fn rows(values: &'a [Lanes], columns: usize) -> Self {
        Self { values, row_stride: columns, column_stride: 1 }
    }

    /// The same with rows and columns exchanged.
    #[must_use]
    pub fn turned(self) -> Self {
        let Self { values, row_stride, column_stride } = self;
        Self { values, row_stride: column_stride, column_stride: row_stride }
    }

    fn holds(&self, rows: usize, columns: usize) -> bool {
        let last = |n: usize, stride: usize| n.saturating_sub(1) * stride;
        rows * columns == 0
            || last(rows, self.row_stride) + last(columns, self.column_stride) < self.values.len()
    }
}

/// c (rows, columns) = a (rows, depth) b (depth, columns), for every lane.
///
/// c is computed in squares of SIDE x SIDE, whose sums stay in registers. `range(top, left)` are the terms that the square
/// whose corner is there has to sum up, the others being 0 in a or b; where there are none, c is left as it is.
///
/// # Panics
/// If an operand or c is too short, or a range goes beyond the depth.
#[inline(always)]
#[allow(unsafe_code)]
pub fn product<const SIDE: usize, const FUSED: bool>(
    c: &mut [Lanes],
    a: Operand<'_>,
    b: Operand<'_>,
    [rows, depth, columns]: [usize; 3],
    range: impl Fn(usize, usize) -> std::ops::Range<usize>,
) {
    assert!(a.holds(rows, depth) && b.holds(depth, columns), "a (rows, depth), b (depth, columns)");
    assert!(rows * columns <= c.len(), "c (rows, columns)");
    for top in (0..rows).step_by(SIDE) {
        for left in (0..columns).step_by(SIDE) {
            let terms = range(top, left);
            if terms.is_empty() {
                continue;
            }
            assert!(terms.end <= depth, "terms of a sum");
            let (height, width) = (SIDE.min(rows - top), SIDE.min(columns - left));
            // A square that hangs over computes its last row and column again.
            let down: [usize; SIDE] =
                std::array::from_fn(|i| (top + i.min(height - 1)) * a.row_stride);
            let across: [usize; SIDE] =
                std::array::from_fn(|j| (left + j.min(width - 1)) * b.column_stride);
            let mut sums = [[[0.0; LANES]; SIDE]; SIDE];
            for term in terms {
                // SAFETY: rows below `rows`, columns below `columns` and terms below `depth`, of operands that hold them.
                // A bounds check here halves the speed, and so does a reference in place of the numbers.
                let x: [[Real; LANES]; SIDE] = std::array::from_fn(|i| unsafe {
                    a.values.get_unchecked(down[i] + term * a.column_stride).0
                });
                let y: [[Real; LANES]; SIDE] = std::array::from_fn(|j| unsafe {
                    b.values.get_unchecked(across[j] + term * b.row_stride).0
                });
                for i in 0..SIDE {
                    for j in 0..SIDE {
                        for lane in 0..LANES {
                            let (x, y, sum) = (x[i][lane], y[j][lane], &mut sums[i][j][lane]);
                            *sum = if FUSED { x.mul_add(y, *sum) } else { *sum + x * y };
                        }
                    }
                }
            }
            for (i, sums) in sums.iter().enumerate().take(height) {
                for (j, sums) in sums.iter().enumerate().take(width) {
                    c[(top + i) * columns + left + j] = Lanes(*sums);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::math::finite_difference::values;
    use crate::math::plain::agreement::real;

    /// All widths about a block, all lanes used or a few; what is between the rows stays.
    #[test]
    fn rows_come_back_from_their_lanes() {
        for (width, used) in [(1, 16), (4, 16), (5, 3), (8, 1), (11, 6)] {
            let (rows, stride) = (3, width + 2);
            let from = real(&values(LANES * rows * stride, 1));
            let first = std::array::from_fn(|lane| lane.min(used - 1) * rows * stride);
            let places = Places { first, used, stride };
            let mut lanes = vec![Lanes::ZERO; rows * width];
            pack(&mut lanes, &from, &places, width);
            for lane in 0..LANES {
                for (t, row) in lanes.chunks_exact(width).enumerate() {
                    for (d, x) in row.iter().enumerate() {
                        assert_eq!(x.0[lane], from[first[lane] + t * stride + d]);
                    }
                }
            }
            let mut to = vec![7.0; from.len()];
            unpack(&mut to, &lanes, &places, width);
            for (at, (to, from)) in to.iter().zip(&from).enumerate() {
                let inside = at / (rows * stride) < used && at % stride < width;
                assert_eq!(*to, if inside { *from } else { 7.0 }, "{width} {used} {at}");
            }
        }
    }

    #[test]
    fn a_product_is_the_definition_in_every_lane() {
        for [rows, depth, columns] in [[1, 1, 1], [4, 3, 8], [5, 7, 3], [8, 8, 9]] {
            for turned in [false, true] {
                let lanes = |n: usize, seed| {
                    let numbers = real(&values(n * LANES, seed));
                    numbers.as_chunks::<LANES>().0.iter().map(|x| Lanes(*x)).collect::<Vec<_>>()
                };
                let (a, b) = (lanes(rows * depth, 1), lanes(depth * columns, 2));
                let a = if turned {
                    Operand::rows(&a, rows).turned()
                } else {
                    Operand::rows(&a, depth)
                };
                let b = Operand::rows(&b, columns);
                let mut ways = [(); 4].map(|()| vec![Lanes([9.0; LANES]); rows * columns]);
                let sizes = [rows, depth, columns];
                product::<4, true>(&mut ways[0], a, b, sizes, |_, _| 0..depth);
                product::<2, true>(&mut ways[1], a, b, sizes, |_, _| 0..depth);
                product::<1, false>(&mut ways[2], a, b, sizes, |_, _| 0..depth);
                product::<2, false>(&mut ways[3], a, b, sizes, |top, _| {
                    0..depth * usize::from(top == 0)
                });
                for lane in 0..LANES {
                    for (i, j) in (0..rows).flat_map(|i| (0..columns).map(move |j| (i, j))) {
                        let term = |r: usize| {
                            a.values[i * a.row_stride + r * a.column_stride].0[lane]
                                * b.values[r * columns + j].0[lane]
                        };
                        let sum: Real = (0..depth).map(term).sum();
                        for (way, c) in ways.iter().enumerate() {
                            let expected = if way == 3 && i > 1 { 9.0 } else { sum };
                            assert!((c[i * columns + j].0[lane] - expected).abs() < 1e-5);
                        }
                    }
                }
            }
        }
    }
}
