//! A shard whose loss is the cross-entropy of tokens: micro-batch by micro-batch forward, loss, backward.

use std::ops::Range;

use super::{Batch, Conditions, Losses, Shard};
use crate::math::{Real, cross_entropy};
use crate::nn::pass::{Pass, Span};

/// What one core works with; activations stay in the cache when few sequences go through the model at once.
pub trait TokenShard: Send {
    /// V
    fn vocab_size(&self) -> usize;

    /// How many sequences of `time` tokens go through the model at once.
    fn together(&self, time: usize) -> usize;

    /// Forward over the sequences of the pass: the logits (n, V) and their targets (n), none where nothing is asked.
    fn forward<'a>(&'a mut self, batch: &'a Batch, pass: Pass<'_>) -> (&'a mut [Real], &'a [u32]);

    /// From d loss / d logits, which stands where the logits were, back to every weight.
    fn backward(&mut self, gradients: &mut [Real], batch: &Batch, pass: Pass<'_>);

    /// The micro-batches of the sequences `rows`.
    fn spans(&self, rows: Range<usize>, time: usize) -> impl Iterator<Item = Span> + use<Self> {
        let (together, end) = (self.together(time), rows.end);
        rows.step_by(together).map(move |first| {
            let sequences = together.min(end - first);
            Span { sequences, time, first }
        })
    }
}

impl<T: TokenShard> Shard for T {
    fn loss_and_gradients(
        &mut self,
        weights: &[Real],
        batch: &Batch,
        rows: Range<usize>,
        conditions: &Conditions,
        gradients: &mut [Real],
    ) -> Losses {
        let (scale, columns) = (1.0 / batch.targets() as Real, self.vocab_size());
        let mut loss = 0.0;
        for span in self.spans(rows, batch.time) {
            let pass = Pass { weights, span, dropout: conditions.dropout };
            let (logits, targets) = self.forward(batch, pass);
            if !targets.is_empty() {
                loss += cross_entropy::cross_entropy_backward(logits, targets, columns, scale);
                self.backward(gradients, batch, pass);
            }
        }
        Losses::of(loss)
    }

    fn loss(
        &mut self,
        weights: &[Real],
        batch: &Batch,
        rows: Range<usize>,
        _conditions: &Conditions,
    ) -> Losses {
        let columns = self.vocab_size();
        let mut loss = 0.0;
        for span in self.spans(rows, batch.time) {
            let (logits, targets) = self.forward(batch, Pass::over(span, weights));
            loss += cross_entropy::cross_entropy(logits, targets, columns);
        }
        Losses::of(loss)
    }
}
