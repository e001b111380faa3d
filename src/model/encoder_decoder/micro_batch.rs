//! Pairs of like length go through the model together: what is filled up is computed like everything else, and most pairs
//! of a batch are much shorter than the longest.

use std::ops::Range;

use crate::math::room;
use crate::model::{Batch, Config, IGNORED, PAD};
use crate::nn::pass::Span;

/// A micro-batch has about twice as many rows as the model is wide, within these limits: then the products of a step do
/// more work than it takes to read and write the weights' gradients, and short pairs are not among long ones.
const ROWS: Range<usize> = 128..512;

/// Tokens of a source (B, `time`) that are no padding, and 1 where all are: attention needs something to look at.
pub fn length(source: &[u32]) -> usize {
    source.iter().rposition(|id| *id != PAD).map_or(1, |last| last + 1)
}

/// What the decoder reads of pair `i`: x, or y where targets are not shifted, with padding where nothing is asked.
pub fn read(batch: &Batch, i: usize, shifted: bool) -> impl Iterator<Item = u32> {
    let tokens = if shifted { batch.tokens(i) } else { batch.targets_of(i) };
    tokens.iter().map(|id| if *id == IGNORED { PAD } else { *id })
}

/// The pairs of a shard, shortest first, and the micro-batch that is at work.
pub struct MicroBatches {
    /// Pairs of full length in a micro-batch.
    sequences: usize,
    /// The longest source and target.
    sizes: [usize; 2],
    /// Length of both together, of the source, of the target, and place in the batch.
    order: Vec<(usize, usize, usize, usize)>,
    /// Pairs of the order that are done.
    done: usize,
    /// Place in the batch of the shard's first pair.
    first: usize,
    /// Whether the decoder reads x, and not y.
    shifted: bool,
    /// (B): tokens of each source
    pub lengths: Vec<usize>,
    /// (B, S), S being the longest source at work
    pub source: Vec<u32>,
    /// (B, T), T being the longest target at work
    pub x: Vec<u32>,
    /// (B, T)
    pub y: Vec<u32>,
    pub source_span: Span,
    pub span: Span,
}

impl MicroBatches {
    pub fn new(config: &Config) -> Self {
        let Config { source_size, block_size, n_embd, .. } = *config;
        let rows = (2 * n_embd).clamp(ROWS.start, ROWS.end);
        let sequences = (rows / source_size.max(block_size)).max(1);
        let (sources, targets) = (sequences * source_size, sequences * block_size);
        let span = Span { sequences: 0, time: 0, first: 0 };
        Self {
            sequences,
            sizes: [source_size, block_size],
            order: Vec::new(),
            done: 0,
            first: 0,
            shifted: config.shift_targets,
            lengths: room::list(sources),
            source: room::list(sources),
            x: room::list(targets),
            y: room::list(targets),
            source_span: span,
            span,
        }
    }

    /// Pairs of full length in a micro-batch; one of shorter pairs has no more tokens on either side.
    pub fn sequences(&self) -> usize {
        self.sequences
    }

    /// Sorts the pairs `rows` of a batch.
    pub fn begin(&mut self, batch: &Batch, rows: Range<usize>) {
        (self.done, self.first) = (0, rows.start);
        self.order.clear();
        self.order.extend(rows.map(|i| {
            let source = length(&batch.source[i * batch.source_time..][..batch.source_time]);
            let y = &batch.y[i * batch.time..][..batch.time];
            // Nothing is asked behind the last target, and nothing before it sees what stands there.
            let target = y.iter().rposition(|id| *id != IGNORED).map_or(1, |last| last + 1);
            (source + target, source, target, i)
        }));
        self.order.sort_unstable();
    }

    /// Gathers the next micro-batch; `false` when there is none.
    pub fn next(&mut self, batch: &Batch) -> bool {
        let [mut source_time, mut time, mut count] = [0; 3];
        for &(_, source, target, _) in &self.order[self.done..] {
            let (longest, next) = ([source_time.max(source), time.max(target)], count + 1);
            let fits = |i: usize| next * longest[i] <= self.sequences * self.sizes[i];
            if count > 0 && !(fits(0) && fits(1)) {
                break;
            }
            ([source_time, time], count) = (longest, next);
        }
        for buffer in [&mut self.source, &mut self.x, &mut self.y] {
            buffer.clear();
        }
        self.lengths.clear();
        for &(_, length, _, i) in &self.order[self.done..self.done + count] {
            self.lengths.push(length);
            self.source.extend(&batch.source[i * batch.source_time..][..source_time]);
            self.x.extend(read(batch, i, self.shifted).take(time));
            self.y.extend(&batch.y[i * batch.time..][..time]);
        }
        let first = self.first + self.done;
        self.source_span = Span { sequences: count, time: source_time, first };
        self.span = Span { sequences: count, time, first };
        self.done += count;
        count > 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_pair_comes_once_whole_and_among_its_like() {
        let config = Config { source_size: 20, block_size: 24, n_embd: 8, ..Config::default() };
        let mut batch = Batch { sequences: 50, time: 24, source_time: 20, ..Batch::default() };
        for i in 0..50 {
            let length = 1 + i * 7 % 20;
            batch.source.extend((0..20).map(|t| if t < length { 5 + i as u32 } else { PAD }));
            batch.x.extend((0..24).map(|t| if t < length { 100 + i as u32 } else { PAD }));
            batch.y.extend((0..24).map(|t| if t < length + 2 { i as u32 } else { IGNORED }));
        }
        let mut parts = MicroBatches::new(&config);
        assert_eq!(parts.sequences(), 5);
        parts.begin(&batch, 10..50);
        let (mut seen, mut rows) = (Vec::new(), 0);
        while parts.next(&batch) {
            let (s, t) = (parts.source_span.time, parts.span.time);
            assert!(parts.source.len() <= 5 * 20 && parts.x.len() <= 5 * 24);
            assert_eq!(parts.span.first, 10 + seen.len());
            rows += parts.x.len();
            for (pair, y) in parts.y.chunks(t).enumerate() {
                let i = y[0] as usize;
                let whole = |of: &[u32], time: usize| of[i * time..][..time].to_vec();
                let filled = |part: &[u32], time: usize, with: u32| {
                    let mut part = part.to_vec();
                    part.resize(time, with);
                    part
                };
                assert_eq!(filled(y, 24, IGNORED), whole(&batch.y, 24));
                assert_eq!(filled(&parts.x[pair * t..][..t], 24, PAD), whole(&batch.x, 24));
                let source = &parts.source[pair * s..][..s];
                assert_eq!(filled(source, 20, PAD), whole(&batch.source, 20));
                assert_eq!(parts.lengths[pair], length(source));
                seen.push(i);
            }
        }
        seen.sort_unstable();
        assert_eq!(seen, (10..50).collect::<Vec<_>>());
        assert!(rows < 40 * 24 * 2 / 3, "{rows} rows");
        assert_eq!(length(&[PAD, PAD]), 1);
    }
}
