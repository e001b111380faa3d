//! A strip of b as a panel: each row of the strip is so many whole vectors, filled up with zeros. And all panels of a matrix at
//! once, for one that many products share: every step of a recurrent layer multiplies by the same W_hh, and to pack that for the
//! 16 or 32 rows of a step would cost a third of the step.

use super::super::lanes::{BLOCK, Lanes, turned};
use super::super::vectorised::{apply, vectorised};
use super::super::{LANES, Real, room, vector};
use super::kernel::Panel;
use super::{Even, Operand, Strip, sizes, target, vectors};

/// b (k, n), panel after panel as products read them.
#[derive(Clone, Debug)]
pub struct Packed {
    k: usize,
    n: usize,
    panels: Vec<Lanes>,
}

impl Packed {
    /// Room for a matrix of k rows and n columns.
    pub fn room(k: usize, n: usize) -> Self {
        Self { k, n, panels: room::lanes(k * n.div_ceil(LANES)) }
    }

    /// k
    pub fn rows(&self) -> usize {
        self.k
    }

    /// n
    pub fn columns(&self) -> usize {
        self.n
    }

    /// Takes over the numbers of b.
    ///
    /// # Panics
    /// If b is no matrix of the size that there is room for.
    pub fn pack(&mut self, b: Operand<'_>) {
        assert!((b.rows, b.columns) == (self.k, self.n), "b (k, n)");
        assert!(b.is_whole(), "b (k, n)");
        pack_all(self, b);
    }

    /// The panel of a strip that is so many vectors wide.
    #[inline(always)]
    pub(super) fn panel(&self, strip: Strip, vectors: usize) -> Panel<'_> {
        let depth = strip.depth;
        packed(&self.panels[self.at(strip)..][..depth * vectors], depth)
    }

    /// Panels of one depth stand together, from left to right.
    #[inline(always)]
    fn at(&self, Strip { first_k, depth, left, .. }: Strip) -> usize {
        first_k * self.n.div_ceil(LANES) + depth * (left / LANES)
    }
}

/// So many rows of vectors that stand side by side.
#[inline(always)]
#[allow(unsafe_code)]
pub fn packed(rows: &[Lanes], depth: usize) -> Panel<'_> {
    const { assert!(size_of::<Lanes>() == LANES * size_of::<Real>()) };
    // SAFETY: lanes are so many numbers, and one stands after the other without a gap.
    let values = unsafe { std::slice::from_raw_parts(rows.as_ptr().cast(), rows.len() * LANES) };
    Panel { values, stride: values.len() / depth.max(1), depth }
}

/// Cut as products with it will be, which go by the same target and sizes.
#[apply(vectorised)]
fn pack_all(to: &mut Packed, b: Operand<'_>) {
    let (_, [wide, _]) = target();
    let depths = Even::new(to.k, sizes().depth);
    for (first_k, depth) in (0..depths.count).map(|i| depths.piece(i)) {
        let mut left = 0;
        while left < to.n {
            let vectors = vectors(to.n - left, wide);
            let width = (vectors * LANES).min(to.n - left);
            let strip =
                Strip { top: 0, rows: 0, left, width, first_k, depth, few: false, next: None };
            let at = to.at(strip);
            let panel = &mut to.panels[at..][..depth * vectors];
            match vectors {
                1 => pack::<1>(panel.as_chunks_mut().0, b, strip),
                2 => pack::<2>(panel.as_chunks_mut().0, b, strip),
                _ => pack::<3>(panel.as_chunks_mut().0, b, strip),
            }
            left += width;
        }
    }
}

/// Rows `top` on of a from `first_k` on, tile after tile of at most TALL rows: of each, the numbers of its rows for one k stand
/// side by side.
#[inline(always)]
pub fn pack_rows<'a, const TALL: usize>(
    room: &'a mut Vec<Real>,
    a: Operand<'_>,
    [top, rows]: [usize; 2],
    [first_k, depth]: [usize; 2],
) -> &'a [Real] {
    if room.len() < rows * depth {
        room.resize(rows * depth, 0.0);
    }
    let tiles = Even::new(rows, TALL);
    for (first, height) in (0..tiles.count).map(|i| tiles.piece(i)) {
        let to = &mut room[first * depth..][..height * depth];
        let at = (top + first) * a.row_stride + first_k * a.column_stride;
        let from = Operand { values: &a.values[at..], ..a };
        match height {
            1 => pack_tile(to.as_chunks_mut::<1>().0, from),
            2 => pack_tile(to.as_chunks_mut::<2>().0, from),
            3 => pack_tile(to.as_chunks_mut::<3>().0, from),
            4 => pack_tile(to.as_chunks_mut::<4>().0, from),
            5 => pack_tile(to.as_chunks_mut::<5>().0, from),
            6 => pack_tile(to.as_chunks_mut::<6>().0, from),
            _ => unreachable!("tiles that are one vector wide have at most 6 rows"),
        }
    }
    &room[..rows * depth]
}

#[inline(always)]
fn pack_tile<const ROWS: usize>(to: &mut [[Real; ROWS]], a: Operand<'_>) {
    if a.row_stride == 1 {
        for (to, column) in to.iter_mut().zip(a.values.chunks(a.column_stride)) {
            *to = *column.first_chunk().expect("every row is there");
        }
        return;
    }
    let depth = to.len();
    let rows: [_; ROWS] = std::array::from_fn(|i| &a.values[i * a.row_stride..]);
    let rows = rows.map(|row| &row[..depth]);
    let (blocks, rest) = to.as_chunks_mut::<BLOCK>();
    for (block, p) in blocks.iter_mut().zip((0..).step_by(BLOCK)) {
        let mut i = 0;
        while i + BLOCK <= ROWS {
            let four = [0, 1, 2, 3].map(|j| *rows[i + j][p..].first_chunk().expect("four"));
            for (to, column) in block.iter_mut().zip(turned(four)) {
                to[i..i + BLOCK].copy_from_slice(&column);
            }
            i += BLOCK;
        }
        for i in i..ROWS {
            for (to, x) in block.iter_mut().zip(&rows[i][p..]) {
                to[i] = *x;
            }
        }
    }
    for (to, p) in rest.iter_mut().zip(depth / BLOCK * BLOCK..) {
        *to = rows.map(|row| row[p]);
    }
}

/// Fills the panel with its strip of b.
#[inline(always)]
pub fn pack<const VECTORS: usize>(panel: &mut [[Lanes; VECTORS]], b: Operand<'_>, strip: Strip) {
    let Strip { first_k, left, width, .. } = strip;
    let at = first_k * b.row_stride + left * b.column_stride;
    if b.column_stride == 1 {
        for (p, packed) in panel.iter_mut().enumerate() {
            let row = &b.values[at + p * b.row_stride..][..width];
            let (whole, rest) = row.as_chunks();
            if whole.len() == VECTORS {
                for v in 0..VECTORS {
                    packed[v].0 = whole[v];
                }
            } else {
                for (packed, x) in packed.iter_mut().zip(whole) {
                    packed.0 = *x;
                }
                let last = &mut packed[whole.len()].0;
                vector::copy_short(&mut last[..rest.len()], rest);
                last[rest.len()..].fill(0.0);
            }
        }
        return;
    }
    let column = |j: usize| &b.values[at + j * b.column_stride..];
    let mut j = 0;
    if b.row_stride == 1 {
        while j + BLOCK <= width {
            turn(panel, [0, 1, 2, 3].map(|i| &column(j + i)[..panel.len()]), j);
            j += BLOCK;
        }
    }
    for j in j..width {
        for (packed, x) in panel.iter_mut().zip(column(j).iter().step_by(b.row_stride)) {
            packed[j / LANES].0[j % LANES] = *x;
        }
    }
    for j in width..VECTORS * LANES {
        for packed in panel.iter_mut() {
            packed[j / LANES].0[j % LANES] = 0.0;
        }
    }
}

/// Four columns of b, each contiguous, from column j of the panel on.
#[inline(always)]
fn turn<const VECTORS: usize>(panel: &mut [[Lanes; VECTORS]], columns: [&[Real]; BLOCK], j: usize) {
    let (vector, lane) = (j / LANES, j % LANES / BLOCK);
    let (blocks, rest) = panel.as_chunks_mut::<BLOCK>();
    let chunks = columns.map(|column| column.as_chunks::<BLOCK>().0);
    for (p, block) in blocks.iter_mut().enumerate() {
        let rows = turned(chunks.map(|chunks| chunks[p]));
        for (packed, row) in block.iter_mut().zip(rows) {
            packed[vector].0.as_chunks_mut::<BLOCK>().0[lane] = row;
        }
    }
    let whole = blocks.len() * BLOCK;
    for (p, packed) in rest.iter_mut().enumerate() {
        packed[vector].0.as_chunks_mut::<BLOCK>().0[lane] = columns.map(|column| column[whole + p]);
    }
}
