//! Between rows, in which all heads stand side by side, and heads, each of which is one contiguous matrix.

use crate::math::Real;

/// Between rows (B, T, parts, heads, hs) and (B, heads, T, hs).
pub struct Heads {
    pub n_head: usize,
    pub head_size: usize,
    pub time: usize,
}

impl Heads {
    fn width(&self) -> usize {
        self.n_head * self.head_size
    }

    /// Copies a run of head_size numbers; eight by eight, because a call for each short run costs more than the run.
    #[inline(always)]
    fn copy(to: &mut [Real], from: &[Real]) {
        let (to_chunks, to_rest) = to.as_chunks_mut::<8>();
        let (from_chunks, from_rest) = from.as_chunks::<8>();
        for (to, from) in to_chunks.iter_mut().zip(from_chunks) {
            *to = *from;
        }
        for (to, from) in to_rest.iter_mut().zip(from_rest) {
            *to = *from;
        }
    }

    /// Calls `copy(rows_at, packed_at)` for every run of head_size numbers.
    #[inline(always)]
    fn runs(&self, n: usize, parts: usize, part: usize, mut copy: impl FnMut(usize, usize)) {
        let Self { n_head, head_size, time } = *self;
        for b in 0..n / time {
            for t in 0..time {
                let row = ((b * time + t) * parts + part) * self.width();
                for h in 0..n_head {
                    copy(row + h * head_size, ((b * n_head + h) * time + t) * head_size);
                }
            }
        }
    }

    /// packed (B, heads, T, hs) from part `part` of the rows (N, parts * C).
    pub fn split(&self, packed: &mut [Real], rows: &[Real], parts: usize, part: usize) {
        let (n, hs) = (rows.len() / (parts * self.width()), self.head_size);
        self.runs(n, parts, part, |at, to| {
            Self::copy(&mut packed[to..to + hs], &rows[at..at + hs]);
        });
    }

    /// Part `part` of the rows (N, parts * C) from packed (B, heads, T, hs).
    pub fn join(&self, rows: &mut [Real], packed: &[Real], parts: usize, part: usize) {
        let (n, hs) = (rows.len() / (parts * self.width()), self.head_size);
        self.runs(n, parts, part, |to, at| {
            Self::copy(&mut rows[to..to + hs], &packed[at..at + hs]);
        });
    }
}
