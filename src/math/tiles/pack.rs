//! A strip of b as a panel: each row of the strip is so many whole vectors, filled up with zeros.

use super::super::lanes::{BLOCK, turned};
use super::super::{LANES, Real, vector};
use super::{Operand, Strip};

/// Fills the panel with its strip of b.
#[inline(always)]
pub fn pack<const VECTORS: usize>(
    panel: &mut [[[Real; LANES]; VECTORS]],
    b: Operand<'_>,
    strip: Strip,
) {
    let Strip { first_k, left, width, .. } = strip;
    let at = first_k * b.row_stride + left * b.column_stride;
    if b.column_stride == 1 {
        for (p, packed) in panel.iter_mut().enumerate() {
            let row = &b.values[at + p * b.row_stride..][..width];
            if let Ok(row) = <&[[Real; LANES]; VECTORS]>::try_from(row.as_chunks().0)
                && width == VECTORS * LANES
            {
                *packed = *row;
            } else {
                let packed = packed.as_flattened_mut();
                vector::copy_short(&mut packed[..width], row);
                packed[width..].fill(0.0);
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
    for packed in panel.iter_mut() {
        packed.as_flattened_mut()[width..].fill(0.0);
    }
    for j in j..width {
        for (packed, x) in panel.iter_mut().zip(column(j).iter().step_by(b.row_stride)) {
            packed.as_flattened_mut()[j] = *x;
        }
    }
}

/// Four columns of b, each contiguous, from column j of the panel on.
#[inline(always)]
fn turn<const VECTORS: usize>(
    panel: &mut [[[Real; LANES]; VECTORS]],
    columns: [&[Real]; BLOCK],
    j: usize,
) {
    let (vector, lane) = (j / LANES, j % LANES / BLOCK);
    let (blocks, rest) = panel.as_chunks_mut::<BLOCK>();
    let chunks = columns.map(|column| column.as_chunks::<BLOCK>().0);
    for (p, block) in blocks.iter_mut().enumerate() {
        let rows = turned(chunks.map(|chunks| chunks[p]));
        for (packed, row) in block.iter_mut().zip(rows) {
            packed[vector].as_chunks_mut::<BLOCK>().0[lane] = row;
        }
    }
    let whole = blocks.len() * BLOCK;
    for (p, packed) in rest.iter_mut().enumerate() {
        packed[vector].as_chunks_mut::<BLOCK>().0[lane] = columns.map(|column| column[whole + p]);
    }
}
