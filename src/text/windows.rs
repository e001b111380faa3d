//! Windows of a text as examples for a language model.

use std::sync::Arc;

use rand_chacha::ChaCha8Rng;

use super::{Dataset, TextError, batches};
use crate::model::{Batch, Examples, Sizes, Split};

/// A text cut into windows of `block_size` tokens.
#[derive(Clone, Debug)]
pub struct Windows {
    dataset: Arc<Dataset>,
    block_size: usize,
}

impl Windows {
    /// # Errors
    /// If a split of the text has no room for a window.
    pub fn new(dataset: Arc<Dataset>, block_size: usize) -> Result<Self, TextError> {
        dataset.require(block_size)?;
        Ok(Self { dataset, block_size })
    }

    fn split(&self, split: Split) -> &[u32] {
        match split {
            Split::Train => &self.dataset.train,
            Split::Val => &self.dataset.val,
        }
    }
}

impl Examples for Windows {
    fn sizes(&self) -> Sizes {
        Sizes { vocab_size: self.dataset.tokenizer.vocab_size(), ..Sizes::default() }
    }

    fn draw(&self, split: Split, count: usize, rng: &mut ChaCha8Rng, batch: &mut Batch) {
        batches::draw(self.split(split), count, self.block_size, rng, batch);
    }

    /// The last `block_size` tokens of the prompt.
    fn subject(&self, prompt: &[u32], batch: &mut Batch) {
        let seen = &prompt[prompt.len().saturating_sub(self.block_size)..];
        batch.clear();
        batch.sequences = usize::from(!seen.is_empty());
        batch.time = seen.len();
        batch.x.extend_from_slice(seen);
    }

    /// Windows that touch, from the start of the split; what is left over at its end is dropped.
    fn in_order(&self, split: Split, first: usize, count: usize, batch: &mut Batch) -> usize {
        let (data, time) = (self.split(split), self.block_size);
        let windows = (data.len() - 1) / time;
        let past = (first + count).min(windows);
        batch.clear();
        if first >= past {
            return 0;
        }
        let tokens = first * time..past * time;
        batch.sequences = past - first;
        batch.time = time;
        batch.x.extend_from_slice(&data[tokens.clone()]);
        batch.y.extend_from_slice(&data[tokens.start + 1..=tokens.end]);
        batch.sequences
    }
}
