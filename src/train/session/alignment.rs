//! Where a decoder looks while it writes letters backwards: letter i of n comes from place n - 1 - i of the source.

use super::Session;
use crate::math::random::{Purpose, stream};
use crate::model::batch::argmax;
use crate::model::config::Architecture;
use crate::model::{Batch, IGNORED, Split};
use crate::task::Task;
use crate::train::event::Figure;

/// Every count looks at the same held-out examples.
const LOOKED_AT: u64 = (1 << 56) - 3;

impl Session {
    /// Of the letters of `count` held-out reversed strings, the share at which a head of the decoder over the encoder's
    /// memory gives its largest weight to the letter that is due: of the head that does so most often. `None` for other
    /// tasks and models.
    pub fn anti_diagonal(&mut self, count: usize) -> Option<Figure> {
        let model = self.config.model.model;
        if model != Architecture::EncoderDecoder || self.config.task.task != Task::Reverse {
            return None;
        }
        let mut rng = stream(self.config.seed, Purpose::Evaluation, LOOKED_AT);
        let inference = self.inference.get_or_insert_with(|| self.model.inference());
        // Of each head of each layer, in the order in which they are visited.
        let (mut right, mut letters) = (Vec::new(), 0);
        let mut pair = Batch::default();
        for _ in 0..count {
            self.examples.draw(Split::Val, 1, &mut rng, &mut pair);
            // The last target is the end's.
            let n = pair.targets() - 1;
            debug_assert!(pair.y[n] != IGNORED);
            inference.look(&self.weights, &pair);
            let mut head = 0;
            inference.visit(&mut |name, shape, weights| {
                if !name.ends_with("cross_attn.weights") {
                    return;
                }
                let (time, source) = (shape[1], shape[2]);
                for map in weights.chunks_exact(time * source) {
                    right.resize(right.len().max(head + 1), 0);
                    let rows = map.chunks_exact(source).take(n).enumerate();
                    right[head] += rows.filter(|(i, row)| argmax(row) == n - 1 - i).count();
                    head += 1;
                }
            });
            letters += n;
        }
        let best = right.into_iter().max()?;
        let value = best as f64 / letters.max(1) as f64;
        Some(Figure { name: "anti_diagonal".to_owned(), value })
    }
}
