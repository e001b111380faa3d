//! Between rows, in which all heads stand side by side, and heads, each of which is one contiguous matrix.

use super::Part;
use crate::math::Real;
use crate::math::vector::copy_short;

/// Between the rows of B sequences of T, in each of which a part is (heads, hs), and (B, heads, T, hs).
pub struct Heads {
    pub sequences: usize,
    pub n_head: usize,
    pub head_size: usize,
    pub time: usize,
}

impl Heads {
    /// Calls `copy(rows_at, packed_at)` for every run of head_size numbers.
    #[inline(always)]
    fn runs(&self, part: Part, mut copy: impl FnMut(usize, usize)) {
        let Self { sequences, n_head, head_size, time } = *self;
        for b in 0..sequences {
            for t in 0..time {
                let row = part.first + (b * time + t) * part.stride;
                for h in 0..n_head {
                    copy(row + h * head_size, ((b * n_head + h) * time + t) * head_size);
                }
            }
        }
    }

    /// packed (B, heads, T, hs) from a part of the rows.
    pub fn split(&self, packed: &mut [Real], rows: &[Real], part: Part) {
        let hs = self.head_size;
        self.runs(part, |at, to| copy_short(&mut packed[to..to + hs], &rows[at..at + hs]));
    }

    /// A part of the rows from packed (B, heads, T, hs).
    pub fn join(&self, rows: &mut [Real], packed: &[Real], part: Part) {
        let hs = self.head_size;
        self.runs(part, |to, at| copy_short(&mut rows[to..to + hs], &packed[at..at + hs]));
    }
}
