//! Our own matrix product, for where the call to a BLAS costs more than the product, and for where there is no BLAS.
//!
//! c is computed in tiles whose numbers stay in registers while k runs. For each k, a tile takes one row of a panel of b, which
//! is packed so that its numbers stand side by side, and as many numbers of a as it has rows, which are read where they are:
//! a is not packed. A panel is as deep as the first cache has room for, and goes down as many rows of a as the second has.
//!
//! Nothing is computed in vain but the last columns of a vector: rows are cut into tiles of even heights (32 are 8, 8, 8, 8, or
//! 11, 11 and 10), k into even depths, and columns into panels of as many vectors as they fill.

mod kernel;
mod pack;
mod registers;
mod sizes;

use std::cell::RefCell;

use multiversion::multiversion;
use multiversion::target::target_cfg_f;

use super::lanes::Lanes;
use super::{LANES, Real, vector};
use kernel::{Ahead, Panel, Place, Source, run};
pub use pack::Packed;
use pack::{pack, pack_rows, packed};
use registers::{Avx2, Avx512, Plain, Vector};
pub use sizes::{Sizes, second_cache, sizes};

/// Rows that are so few that b is not packed for them, if its rows are at most so many numbers apart: further, and they would
/// fall onto few places of the first cache. With narrow panels, so do many rows of b.
const FEW: usize = 64;
const NEAR: usize = 256;
const FEW_OF_NARROW: usize = 16;
const SHALLOW: usize = 64;
/// Numbers of a matrix that may not be at hand any more.
const LARGE: usize = 16 * 1024;
/// Of columns of a, each a line of the cache of which a tile takes a few numbers, so many stay there for the next tile.
const COLUMNS_DEEP: usize = 128;

thread_local! {
    /// What is packed while it is being multiplied; every thread makes its own once.
    static ROOM: RefCell<Room> = RefCell::new(Room {
        panel: vec![Lanes::ZERO; sizes::DEEPEST * kernel::MOST_VECTORS],
        rows: Vec::new(),
    });
}

/// Places for packed numbers.
struct Room {
    /// Of one panel of b.
    panel: Vec<Lanes>,
    /// Of the rows of a that a panel goes down, none before they are needed.
    rows: Vec<Real>,
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

    /// The same with a stride of 1 where there is nothing that another could lead to.
    ///
    /// # Panics
    /// If neither rows nor columns are contiguous.
    fn contiguous(self) -> Self {
        let stride = |n: usize, stride: usize| if n == 1 { 1 } else { stride };
        let row_stride = stride(self.rows, self.row_stride);
        let column_stride = stride(self.columns, self.column_stride);
        assert!(row_stride == 1 || column_stride == 1, "rows or columns of a are contiguous");
        Self { row_stride, column_stride, ..self }
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
/// If the shapes don't fit together, a slice is too short for its shape, or neither rows nor columns of a are contiguous.
pub fn product(c: &mut [Real], row_stride: usize, a: Operand<'_>, b: Operand<'_>, onto: Onto<'_>) {
    let (m, n) = (a.rows, b.columns);
    assert!(a.columns == b.rows && a.is_whole() && b.is_whole(), "a (m, k), b (k, n)");
    assert!(m * n == 0 || (m - 1) * row_stride + n <= c.len(), "c (m, n)");
    if m * n > 0 {
        ROOM.with_borrow_mut(|room| {
            let (Room { panel, rows }, a) = (room, a.contiguous());
            panels(Task { c, row_stride, a, n, b: Right::Plain(b, panel), onto, rows: Some(rows) });
        });
    }
}

/// The same with a matrix that is packed already, as one that many products share: nothing is left of a product of few rows but
/// its tiles.
///
/// # Panics
/// If the shapes don't fit together, a slice is too short for its shape, or neither rows nor columns of a are contiguous.
pub fn product_with(c: &mut [Real], row_stride: usize, a: Operand<'_>, b: &Packed, onto: Onto<'_>) {
    let (m, n) = (a.rows, b.columns());
    assert!(a.columns == b.rows() && a.is_whole(), "a (m, k), b (k, n)");
    assert!(m * n == 0 || (m - 1) * row_stride + n <= c.len(), "c (m, n)");
    if m * n > 0 {
        let (a, b) = (a.contiguous(), Right::Packed(b));
        panels(Task { c, row_stride, a, n, b, onto, rows: None });
    }
}

/// What [`product`] or [`product_with`] was asked for.
struct Task<'a> {
    c: &'a mut [Real],
    row_stride: usize,
    a: Operand<'a>,
    /// Columns of b.
    n: usize,
    b: Right<'a>,
    onto: Onto<'a>,
    /// Room for rows of a.
    rows: Option<&'a mut Vec<Real>>,
}

/// The matrix on the right.
enum Right<'a> {
    /// As it stands in memory, and room for a panel of it.
    Plain(Operand<'a>, &'a mut [Lanes]),
    Packed(&'a Packed),
}

/// Vectors of [`LANES`] in a row of a tile and rows of the widest tile: as many running sums as the registers hold. A vector is
/// one register with AVX-512, two with AVX2, four with NEON and SSE.
const AVX512: [usize; 2] = [kernel::MOST_VECTORS, 8];
const AVX2_NEON: [usize; 2] = [1, 6];
const PLAIN: [usize; 2] = [1, 2];

/// Goes through b with the tiles that suit the processor.
// To clippy, every question about the target looks the same.
#[allow(clippy::ifs_same_cond)]
#[multiversion(targets("x86_64+avx512f+avx512vl+avx2+fma", "x86_64+avx2+fma", "aarch64+neon"))]
#[allow(unsafe_code)]
fn panels(task: Task<'_>) {
    // SAFETY: each is asked for where the function is compiled for its instructions, and that is only called if they are there.
    unsafe {
        if target_cfg_f!(target_feature = "avx512f") {
            walk::<Avx512, { AVX512[0] }, { AVX512[1] }>(task, sizes());
        } else if target_cfg_f!(target_feature = "fma") {
            walk::<Avx2, { AVX2_NEON[0] }, { AVX2_NEON[1] }>(task, sizes());
        } else if target_cfg_f!(target_feature = "neon") {
            walk::<Plain<true>, { AVX2_NEON[0] }, { AVX2_NEON[1] }>(task, sizes());
        } else {
            walk::<Plain<false>, { PLAIN[0] }, { PLAIN[1] }>(task, sizes());
        }
    }
}

/// The tiles of this processor: the instructions that they are made of, and the vectors and rows of the widest.
#[allow(clippy::ifs_same_cond)]
#[multiversion(targets("x86_64+avx512f+avx512vl+avx2+fma", "x86_64+avx2+fma", "aarch64+neon"))]
fn target() -> (&'static str, [usize; 2]) {
    if target_cfg_f!(target_feature = "avx512f") {
        ("AVX-512", AVX512)
    } else if target_cfg_f!(target_feature = "fma") {
        ("AVX2", AVX2_NEON)
    } else if target_cfg_f!(target_feature = "neon") {
        ("NEON", AVX2_NEON)
    } else {
        ("plain", PLAIN)
    }
}

/// What was chosen for this machine, in words: instructions, tile, cut and the caches that it goes by.
pub fn chosen() -> String {
    let (instructions, [vectors, tall]) = target();
    let (Sizes { depth, rows }, [first, second]) = (sizes(), sizes::caches());
    format!(
        "{instructions} tiles of {tall} x {}, {depth} deep, {rows} rows at once for caches of {first} and {second} KiB",
        vectors * LANES
    )
}

/// `n` things in the fewest pieces of at most `most`, as even as can be.
#[derive(Clone, Copy, Debug)]
struct Even {
    count: usize,
    size: usize,
    /// So many pieces, the first, have one more.
    larger: usize,
}

impl Even {
    #[inline(always)]
    fn new(n: usize, most: usize) -> Self {
        let count = n.div_ceil(most).max(1);
        Self { count, size: n / count, larger: n % count }
    }

    /// Where piece i begins, and its size.
    #[inline(always)]
    fn piece(&self, i: usize) -> (usize, usize) {
        (i * self.size + i.min(self.larger), self.size + usize::from(i < self.larger))
    }
}

/// A piece of the product: `rows` rows of c from `top`, `width` columns from `left`, and `depth` of k from `first_k`.
#[derive(Clone, Copy, Debug)]
struct Strip {
    top: usize,
    rows: usize,
    left: usize,
    width: usize,
    first_k: usize,
    depth: usize,
    /// Whether the rows are so few that b is not packed for them.
    few: bool,
    /// Where the strip after it begins, and its depth: [left, first_k, depth].
    next: Option<[usize; 3]>,
}

/// How many vectors wide the next panel is. 64 columns are two panels of 32: of one of 48 and one of 16, the second would wait
/// for its numbers.
#[inline(always)]
fn vectors(columns: usize, most: usize) -> usize {
    let vectors = columns.div_ceil(LANES);
    if vectors == most + 1 && most > 1 { most - 1 } else { vectors.min(most) }
}

/// Whether a is packed before so many columns of b are gone through in panels of one vector: if its columns are so far apart that
/// they fall onto few places of the first cache, or if it is gone through so often, and is so deep, that packing costs little.
fn is_packed(a: Operand<'_>, n: usize) -> bool {
    const FAR: usize = 256;
    (a.row_stride == 1 && a.column_stride > FAR && n >= 8 * LANES)
        || (a.columns >= FAR && n >= 24 * LANES)
}

/// Cuts the product into strips, of panels of at most WIDE vectors, and goes down each in tiles of at most TALL rows; of a
/// narrower panel, the tiles may be taller.
///
/// # Safety
/// The processor has the instructions of V.
#[inline(always)]
#[allow(unsafe_code)]
unsafe fn walk<V: Vector, const WIDE: usize, const TALL: usize>(mut task: Task<'_>, sizes: Sizes) {
    let (m, k, n) = (task.a.rows, task.a.columns, task.n);
    let a = task.a;
    let by_columns = WIDE == 1 && a.row_stride == 1 && matches!(task.b, Right::Plain(..));
    // With k = 0 there is still one panel, of depth 0, that sets c.
    let depths = Even::new(k, if by_columns { COLUMNS_DEEP.min(sizes.depth) } else { sizes.depth });
    let blocks = Even::new(m, sizes.rows);
    // Wider panels go through a so seldom that it is faster where it stands.
    let mut room = task.rows.take().filter(|_| WIDE == 1 && is_packed(a, n));
    for piece in 0..depths.count {
        let (first_k, depth) = depths.piece(piece);
        for (block, (top, rows)) in (0..blocks.count).map(|i| blocks.piece(i)).enumerate() {
            let following = piece + usize::from(block + 1 == blocks.count);
            let after = (following < depths.count).then(|| {
                let (first_k, depth) = depths.piece(following);
                [0, first_k, depth]
            });
            let narrow = WIDE == 1 && depth > SHALLOW;
            let few = rows <= if narrow { FEW_OF_NARROW } else { FEW };
            let left = match &mut room {
                Some(room) => {
                    Left::Packed(pack_rows::<TALL>(room, a, [top, rows], [first_k, depth]))
                }
                None => Left::Plain(a),
            };
            let mut at = 0;
            while at < n {
                let vectors = vectors(n - at, WIDE);
                let width = (vectors * LANES).min(n - at);
                let next = if at + width < n { Some([at + width, first_k, depth]) } else { after };
                let strip = Strip { top, rows, left: at, width, first_k, depth, few, next };
                // SAFETY: the caller's promise.
                unsafe {
                    match vectors {
                        1 if WIDE == 1 && width <= V::Half::WIDTH => {
                            match left {
                                Left::Plain(_) => task.strip::<V::Half, 1, 12>(left, strip),
                                // Packed for tiles of this height.
                                Left::Packed(_) => task.strip::<V::Half, 1, TALL>(left, strip),
                            }
                        }
                        1 if WIDE == 1 => task.strip::<V, 1, TALL>(left, strip),
                        1 => task.strip::<V, 1, 12>(left, strip),
                        2 if WIDE > 1 => task.strip::<V, 2, 12>(left, strip),
                        _ => task.strip::<V, WIDE, TALL>(left, strip),
                    }
                }
                at += width;
            }
        }
        task.onto = Onto::Itself;
    }
}

/// The matrix on the left, for one block of rows.
#[derive(Clone, Copy)]
enum Left<'a> {
    /// As it stands in memory.
    Plain(Operand<'a>),
    /// Tile after tile: of each, the numbers of its rows for one k side by side.
    Packed(&'a [Real]),
}

impl<'a> Left<'a> {
    /// Where tiles of `height` rows begin, `first` rows below the top of the strip.
    #[inline(always)]
    fn tiles(self, strip: Strip, first: usize, height: usize) -> Source<'a> {
        match self {
            Left::Plain(a) => {
                let at = (strip.top + first) * a.row_stride + strip.first_k * a.column_stride;
                Source {
                    values: a.values.get(at..).unwrap_or_default(),
                    row_stride: a.row_stride,
                    column_stride: a.column_stride,
                    tile_stride: height * a.row_stride,
                }
            }
            Left::Packed(values) => Source {
                values: &values[first * strip.depth..],
                row_stride: 1,
                column_stride: height,
                tile_stride: height * strip.depth,
            },
        }
    }
}

/// The strip of b where it stands, if so few rows are multiplied by it that to pack it would take longer than it saves.
#[inline(always)]
fn in_place(b: Operand<'_>, strip: Strip, vectors: usize) -> Option<Panel<'_>> {
    let Strip { left, first_k, depth, few, .. } = strip;
    if !few || b.column_stride != 1 || b.row_stride > NEAR {
        return None;
    }
    let values = b.values.get(first_k * b.row_stride + left..)?;
    let panel = Panel { values, stride: b.row_stride, depth };
    panel.has(vectors).then_some(panel)
}

/// The rows of b that are packed after this strip of so many tiles. Its columns come in long runs, which the processor foresees.
#[inline(always)]
fn after(b: Operand<'_>, strip: Strip, tiles: usize) -> Ahead<'_> {
    let Some([left, first_k, depth]) =
        strip.next.filter(|next| b.column_stride == 1 && next[2] > 0)
    else {
        return Ahead::default();
    };
    let (stride, width) = (b.row_stride, strip.width.min(b.columns - left));
    let at = first_k * stride + left;
    let values = &b.values[at..at + (depth - 1) * stride + width];
    Ahead { values, stride, width, each: depth.div_ceil(tiles) }
}

impl Task<'_> {
    /// Goes down one strip of c.
    ///
    /// # Safety
    /// The processor has the instructions of V.
    #[inline(always)]
    #[allow(unsafe_code)]
    unsafe fn strip<V: Vector, const VECTORS: usize, const TALL: usize>(
        &mut self,
        a: Left<'_>,
        strip: Strip,
    ) {
        let Strip { top, rows, left, width, depth, .. } = strip;
        let tiles = Even::new(rows, TALL);
        let mut ahead = Ahead::default();
        let panel = match &mut self.b {
            Right::Packed(packed) => packed.panel(strip, VECTORS),
            Right::Plain(b, room) => {
                if let Some(panel) = in_place(*b, strip, VECTORS) {
                    panel
                } else {
                    let panel: &mut [[Lanes; VECTORS]] = &mut room.as_chunks_mut().0[..depth];
                    pack(panel, *b, strip);
                    if V::FETCHES && b.rows * b.columns > LARGE {
                        ahead = after(*b, strip, tiles.count);
                    }
                    packed(panel.as_flattened(), depth)
                }
            }
        };
        let itself = matches!(self.onto, Onto::Itself);
        let mut start = [[0.0; LANES]; VECTORS];
        if let Onto::Row(row) = self.onto {
            let start = &mut start.as_flattened_mut()[..width];
            vector::copy_short(start, &row[left..left + width]);
        }
        let start = (!itself).then_some(&start);
        let row_stride = self.row_stride;
        let runs = [(tiles.larger, tiles.size + 1), (tiles.count - tiles.larger, tiles.size)];
        let mut first = 0;
        for (count, height) in runs.into_iter().filter(|(count, _)| *count > 0) {
            let c = &mut self.c[(top + first) * row_stride + left..];
            let c = Place { rows: c, row_stride, width };
            // SAFETY: the caller's promise.
            unsafe {
                run::<V, VECTORS, TALL>(
                    count,
                    height,
                    c,
                    start,
                    a.tiles(strip, first, height),
                    panel,
                    &mut ahead,
                );
            };
            first += count * height;
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
            for n in [1, 7, 16, 17, 31, 32, 33, 48, 49, 64, 65, 113] {
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

    /// So large that a is packed, its columns far apart, and not whole tiles.
    #[test]
    fn rows_are_packed_as_they_stand() {
        for (m, k, n) in [(270, 41, 130), (301, 260, 400), (7, 257, 390)] {
            for turned in [false, true] {
                check(m, k, n, turned, false);
            }
        }
    }

    /// Of a single row or column the stride says nothing, whatever it is.
    #[test]
    fn numbers_of_one_row_or_column_may_stand_apart() {
        let values = values(64, 1);
        let all = Operand::rows(&values, 16, 4, 4);
        let column = Operand { columns: 1, column_stride: 9, ..all };
        let row = Operand { rows: 1, row_stride: 7, ..all.turned() };
        let (mut square, mut sum) = (vec![0.0; 256], vec![0.0; 1]);
        product(&mut square, 16, column, row, Onto::Nothing);
        product(&mut sum, 1, row, column, Onto::Nothing);
        let trace: Real = square.iter().step_by(17).sum();
        assert!((trace - sum[0]).abs() < 1e-4 && trace > 0.1, "{trace} and {}", sum[0]);
    }

    #[test]
    #[should_panic(expected = "rows or columns of a are contiguous")]
    fn many_may_not() {
        let a =
            Operand { values: &[1.0; 64], rows: 3, columns: 3, row_stride: 9, column_stride: 2 };
        product(&mut [0.0; 9], 3, a, Operand::rows(&[1.0; 9], 3, 3, 3), Onto::Nothing);
    }

    fn operand(values: &[Real], rows: usize, columns: usize, turned: bool) -> Operand<'_> {
        let (row_stride, column_stride) = if turned { (1, rows) } else { (columns, 1) };
        Operand { values, rows, columns, row_stride, column_stride }
    }

    type Way = fn(&mut [Real], usize, Operand<'_>, Operand<'_>, Onto<'_>);

    /// The tiles of this processor, and those of the others.
    const WAYS: [Way; 5] = [
        product,
        |c, row_stride, a, b, onto| {
            let mut packed = Packed::room(b.rows, b.columns);
            packed.pack(b);
            product_with(c, row_stride, a, &packed, onto);
        },
        by::<Plain<false>, 1, 2, 5>,
        by_avx2::<1, 6, 100>,
        by_avx2::<3, 8, 9>,
    ];

    #[inline(always)]
    #[allow(unsafe_code)]
    fn by<V: Vector, const WIDE: usize, const TALL: usize, const ROWS: usize>(
        c: &mut [Real],
        row_stride: usize,
        a: Operand<'_>,
        b: Operand<'_>,
        onto: Onto<'_>,
    ) {
        let (mut panel, mut rows, n) = (vec![Lanes::ZERO; WIDE * 64], Vec::new(), b.columns);
        let (b, rows) = (Right::Plain(b, &mut panel), Some(&mut rows));
        let task = Task { c, row_stride, a, n, b, onto, rows };
        // SAFETY: every processor has plain instructions, and `by_avx2` asks for its own.
        unsafe { walk::<V, WIDE, TALL>(task, Sizes { depth: 64, rows: ROWS }) };
    }

    /// Narrow tiles and wide ones, also where the processor's own are the other.
    #[allow(unsafe_code)]
    fn by_avx2<const WIDE: usize, const TALL: usize, const ROWS: usize>(
        c: &mut [Real],
        row_stride: usize,
        a: Operand<'_>,
        b: Operand<'_>,
        onto: Onto<'_>,
    ) {
        #[cfg(target_arch = "x86_64")]
        {
            #[target_feature(enable = "avx2,fma")]
            fn with<const WIDE: usize, const TALL: usize, const ROWS: usize>(
                c: &mut [Real],
                row_stride: usize,
                a: Operand<'_>,
                b: Operand<'_>,
                onto: Onto<'_>,
            ) {
                by::<Avx2, WIDE, TALL, ROWS>(c, row_stride, a, b, onto);
            }
            if std::arch::is_x86_feature_detected!("avx2")
                && std::arch::is_x86_feature_detected!("fma")
            {
                // SAFETY: the processor has both.
                return unsafe { with::<WIDE, TALL, ROWS>(c, row_stride, a, b, onto) };
            }
        }
        product(c, row_stride, a, b, onto);
    }

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
            way(&mut c, row_stride, a, b, onto);
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
