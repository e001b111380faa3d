//! The examples of one step.

use super::Output;
use ndarray_rand::rand_distr::{Distribution, StandardNormal};

use crate::math::Real;
use crate::math::random::{Purpose, stream};

pub use crate::math::cross_entropy::IGNORED;

/// What a short source is filled up with.
pub const PAD: u32 = 0;

/// The examples of one step. A model reads the parts that it needs; the buffers are used again and again.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Batch {
    /// B, the examples.
    pub sequences: usize,
    /// T, the tokens of x and of y in an example.
    pub time: usize,
    /// (B, T): token ids that are read.
    pub x: Vec<u32>,
    /// (B, T): what is to be predicted at each; [`IGNORED`] where nothing is. For text, `x[i]` is followed by `y[i]`.
    pub y: Vec<u32>,
    /// S, the tokens of a source.
    pub source_time: usize,
    /// (B, S): what an encoder reads, filled up at the end with [`PAD`].
    pub source: Vec<u32>,
    /// Numbers in an image or point.
    pub width: usize,
    /// (B, width): pixels or coordinates.
    pub values: Vec<Real>,
    pub noise_width: usize,
    /// (B, `noise_width`): standard normal numbers.
    pub noise: Vec<Real>,
}

impl Batch {
    /// A batch of token windows.
    pub fn text(x: Vec<u32>, y: Vec<u32>, sequences: usize, time: usize) -> Self {
        Self { sequences, time, x, y, ..Self::default() }
    }

    /// What a mean loss is over: the targets that are asked for, or the examples where there are no tokens to predict.
    pub fn targets(&self) -> usize {
        if self.y.is_empty() {
            return self.sequences;
        }
        self.y.iter().map(|y| usize::from(*y != IGNORED)).sum()
    }

    /// The tokens of example `i` that are read.
    pub fn tokens(&self, i: usize) -> &[u32] {
        &self.x[i * self.time..(i + 1) * self.time]
    }

    /// The targets of example `i`.
    pub fn targets_of(&self, i: usize) -> &[u32] {
        &self.y[i * self.time..(i + 1) * self.time]
    }

    /// The likeliest token at every position of each example where a target is asked for. `run` is given an example's
    /// tokens and hands over their logits, (T, `vocab_size`).
    pub fn answers(
        &self,
        vocab_size: usize,
        mut run: impl FnMut(&[u32], &mut dyn FnMut(&[Real])),
    ) -> Output {
        let mut output = Output::default();
        for i in 0..self.sequences {
            let targets = self.targets_of(i);
            run(self.tokens(i), &mut |logits| {
                let rows = logits.chunks_exact(vocab_size).zip(targets);
                let asked = rows.filter(|(_, target)| **target != IGNORED);
                output.tokens.push(asked.map(|(row, _)| argmax(row) as u32).collect());
            });
        }
        output
    }

    /// Gives each example `width` standard normal numbers, from the seed's latents number `index`.
    pub fn add_noise(&mut self, width: usize, seed: u64, index: u64) {
        self.noise_width = width;
        self.noise.clear();
        if width > 0 {
            let normal = StandardNormal.sample_iter(stream(seed, Purpose::Latents, index));
            self.noise.extend(normal.take(self.sequences * width).map(|x: f64| x as Real));
        }
    }

    /// Takes the examples out; the buffers stay.
    pub fn clear(&mut self) {
        let Self { x, y, source, values, noise, .. } = self;
        x.clear();
        y.clear();
        source.clear();
        values.clear();
        noise.clear();
        (self.sequences, self.time, self.source_time) = (0, 0, 0);
        (self.width, self.noise_width) = (0, 0);
    }
}

/// The positions at which something is asked.
pub fn asked(targets: &[u32]) -> impl Iterator<Item = usize> + '_ {
    targets.iter().enumerate().filter(|(_, target)| **target != IGNORED).map(|(t, _)| t)
}

/// The place of the largest; the first of equals.
pub fn argmax(row: &[Real]) -> usize {
    let larger = |best: usize, i: usize| if row[i] > row[best] { i } else { best };
    (0..row.len()).fold(0, larger)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_the_likeliest_tokens_where_something_is_asked() {
        let batch = Batch::text(vec![0; 4], vec![IGNORED, 1, 2, IGNORED], 2, 2);
        let mut runs = [[0.0, 1.0, 0.0, 3.0, 2.0, 3.0], [1.0, 5.0, 2.0, 9.0, 0.0, 0.0]].into_iter();
        let output = batch.answers(3, |_, answer| answer(&runs.next().unwrap()));
        assert_eq!(output.tokens, [[0], [1]]);
    }

    #[test]
    fn positions_without_a_target_are_not_asked() {
        assert_eq!(asked(&[1, IGNORED, 0, 0]).collect::<Vec<_>>(), [0, 2, 3]);
    }

    #[test]
    fn a_mean_is_over_what_is_asked_for() {
        let batch = Batch::text(vec![1; 6], vec![2, IGNORED, 3, IGNORED, IGNORED, 4], 2, 3);
        assert_eq!(batch.targets(), 3);
        let images = Batch { sequences: 7, width: 2, values: vec![0.0; 14], ..Batch::default() };
        assert_eq!(images.targets(), 7);
    }

    #[test]
    fn a_cleared_batch_keeps_its_room() {
        let mut batch = Batch::text(vec![1; 6], vec![2; 6], 2, 3);
        let room = batch.x.capacity();
        batch.clear();
        assert_eq!((batch.targets(), batch.x.capacity()), (0, room));
    }
}
