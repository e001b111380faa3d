//! What the model is worth: losses over random batches of both splits, as the lecture estimates them, and the exact
//! loss over the whole validation text.

use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;

use super::{Lane, Session};
use crate::math::random::{Purpose, stream};
use crate::model::Batch;
use crate::text::batches;
use crate::train::event::Evaluation;

/// About as many positions go through the shards in one go: enough for a fork-join, few enough to be interrupted.
const POSITIONS: usize = 4096;

/// An estimate under way. It goes forward in slices, so that whoever drives the run stays free to act between them; what
/// comes out does not depend on when it was interrupted, as long as the weights stay.
pub struct Estimation {
    step: u64,
    seed: u64,
    batch_size: usize,
    batches: usize,
    /// 0 is train, 1 is val.
    split: usize,
    /// Batches of this split that are done.
    done: usize,
    /// Sums of losses over positions.
    sums: [f64; 2],
    rng: ChaCha8Rng,
    batch: Batch,
}

/// The loss over a text in windows that do not overlap.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ExactLoss {
    /// Mean, in nats.
    pub loss: f64,
    /// Positions that were predicted.
    pub tokens: usize,
}

impl ExactLoss {
    /// The loss in bits.
    pub fn bits_per_character(&self) -> f64 {
        self.loss / std::f64::consts::LN_2
    }
}

/// Every estimate of a run has streams of its own, by step and split.
fn batch_stream(seed: u64, step: u64, split: usize) -> ChaCha8Rng {
    stream(seed, Purpose::Evaluation, 2 * step + split as u64)
}

impl Session {
    /// Estimates both losses over `eval_batches` batches each.
    pub fn evaluate(&mut self) -> Evaluation {
        let mut estimation = self.estimate();
        loop {
            if let Some(evaluation) = self.advance(&mut estimation) {
                return evaluation;
            }
        }
    }

    /// Begins an estimate of both losses of this moment's weights.
    pub fn estimate(&self) -> Estimation {
        let (seed, training) = (self.config.seed, &self.config.training);
        Estimation {
            step: self.step,
            seed,
            batch_size: training.batch_size,
            batches: training.eval_batches,
            split: 0,
            done: 0,
            sums: [0.0; 2],
            rng: batch_stream(seed, self.step, 0),
            batch: Batch::default(),
        }
    }

    /// Takes an estimate one slice further. Its result goes into the history if it belongs to the run's regular ones.
    pub fn advance(&mut self, estimation: &mut Estimation) -> Option<Evaluation> {
        let Estimation { step, seed, batch_size, batches, .. } = *estimation;
        let time = self.config.model.block_size;
        // A fixed number of batches at a time, so that the sums are always made in the same order.
        let at_once = (POSITIONS / (batch_size * time)).max(1).min(batches - estimation.done);
        let data = if estimation.split == 0 { &self.dataset.train } else { &self.dataset.val };
        let batch = &mut estimation.batch;
        batches::draw(data, at_once * batch_size, time, &mut estimation.rng, batch);
        estimation.sums[estimation.split] += self.loss_of(batch);
        estimation.done += at_once;
        if estimation.done < batches {
            return None;
        }
        if estimation.split == 0 {
            estimation.split = 1;
            estimation.done = 0;
            estimation.rng = batch_stream(seed, step, 1);
            return None;
        }
        let positions = (batches * batch_size * time) as f64;
        let [train_loss, val_loss] = estimation.sums.map(|sum| sum / positions);
        let evaluation = Evaluation { step, train_loss, val_loss };
        if step.is_multiple_of(self.config.training.eval_interval) && step == self.step {
            self.history.evaluated(evaluation);
        }
        Some(evaluation)
    }

    /// The loss over the validation text in windows of block_size from its start; what is left over at the end is
    /// dropped.
    pub fn exact_loss(&mut self) -> ExactLoss {
        let time = self.config.model.block_size;
        let dataset = self.dataset.clone();
        let windows = (dataset.val.len() - 1) / time;
        let at_once = (POSITIONS / time).max(1);
        let mut batch = Batch { time, ..Batch::default() };
        let mut sum = 0.0;
        for first in (0..windows).step_by(at_once) {
            let past = (first + at_once).min(windows);
            let tokens = first * time..past * time;
            batch.sequences = past - first;
            batch.x.clear();
            batch.x.extend_from_slice(&dataset.val[tokens.clone()]);
            batch.y.clear();
            batch.y.extend_from_slice(&dataset.val[tokens.start + 1..=tokens.end]);
            sum += self.loss_of(&batch);
        }
        let tokens = windows * time;
        ExactLoss { loss: sum / tokens as f64, tokens }
    }

    /// The sum of the losses of all positions of a batch, shared between the shards.
    fn loss_of(&mut self, batch: &Batch) -> f64 {
        self.split(batch.sequences);
        let weights = &*self.weights;
        let work = |lane: &mut Lane| {
            let rows = lane.rows.clone();
            lane.loss = if rows.is_empty() { 0.0 } else { lane.shard.loss(weights, batch, rows) };
        };
        let shards = &mut self.shards;
        self.team.run(|| match &mut **shards {
            [lane] => work(lane),
            shards => shards.par_iter_mut().with_max_len(1).for_each(work),
        });
        self.shards.iter().map(|lane| lane.loss).sum()
    }
}

#[cfg(test)]
mod tests {
    use crate::train::testing;

    #[test]
    fn an_estimate_is_a_function_of_seed_and_step() {
        let mut session = testing::session(2);
        let first = session.evaluate();
        assert_eq!(session.evaluate(), first);
        assert_eq!(testing::session(2).evaluate(), first);
        assert_eq!(session.history().evaluations, [first]);
    }

    #[test]
    fn shards_agree_on_the_exact_loss() {
        let exact = |threads| testing::open(testing::gpt(), threads).exact_loss();
        let one = exact(1);
        for threads in [2, 4] {
            let other = exact(threads);
            assert!((one.loss - other.loss).abs() < 1e-6 && one.tokens == other.tokens);
        }
    }

    #[test]
    fn only_regular_estimates_go_into_the_history() {
        let mut session = testing::session(1);
        session.step().unwrap();
        session.evaluate();
        assert!(session.history().evaluations.is_empty());
    }

    #[test]
    fn the_exact_loss_is_the_mean_over_all_whole_windows() {
        let mut session = testing::session(2);
        let time = session.config().model.block_size;
        let exact = session.exact_loss();
        let dataset = session.dataset().clone();
        assert_eq!(exact.tokens, (dataset.val.len() - 1) / time * time);
        // The fake is a bigram: its loss at a position depends on two neighbours alone.
        let vocabulary = dataset.tokenizer.vocab_size();
        let sum: f64 = dataset.val[..=exact.tokens]
            .windows(2)
            .map(|pair| {
                let row = &session.weights()[pair[0] as usize * vocabulary..][..vocabulary];
                let sum: f64 = row.iter().map(|x| (*x as f64).exp()).sum();
                sum.ln() - row[pair[1] as usize] as f64
            })
            .sum();
        assert!((exact.loss - sum / exact.tokens as f64).abs() < 1e-6);
        assert!((exact.bits_per_character() * std::f64::consts::LN_2 - exact.loss).abs() < 1e-12);
    }
}
