//! What the model is worth: losses over random batches of both splits, as the lecture estimates them, what its answers
//! to held-out examples are worth, and the exact loss over the whole validation text.

use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;

use super::{Config, Lane, Session};
use crate::math::random::{Purpose, stream};
use crate::model::{Batch, Losses, Split};
use crate::probe::JUDGED;
use crate::stage::config::Training;
use crate::train::event::{Evaluation, Figure};

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
    /// Sums over the targets of each split, and how many those were.
    sums: [(Losses, usize); 2],
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
    pub fn bits(&self) -> f64 {
        self.loss / std::f64::consts::LN_2
    }
}

/// An estimate of the loss of held-out examples that are drawn without end.
#[derive(Clone, Debug, PartialEq)]
pub struct HeldOutLoss {
    /// Mean, in nats.
    pub loss: f64,
    pub parts: Vec<Figure>,
    /// Of the mean, from how the batches differ; `None` of a single one.
    pub standard_error: Option<f64>,
    /// Drawn, some of them more than once where there are few.
    pub examples: usize,
}

/// Examples that go through the shards in one go, in windows of a text or in batches: at least one.
fn windows(config: &Config) -> usize {
    (POSITIONS / config.model.block_size.max(1)).max(1)
}

/// Examples that a step or a slice of an estimate has at most.
pub(super) fn at_once(config: &Config) -> usize {
    let Training { batch_size, eval_batches, .. } = config.training;
    windows(config).min(batch_size.saturating_mul(eval_batches)).max(batch_size)
}

/// Every estimate of a run has streams of its own, by step and split.
fn batch_stream(seed: u64, step: u64, split: usize) -> ChaCha8Rng {
    stream(seed, Purpose::Evaluation, index(step, split))
}

fn index(step: u64, split: usize) -> u64 {
    2 * step + split as u64
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
        self.estimate_over(self.config.training.eval_batches)
    }

    /// The same over another number of batches, which are the first of the same stream.
    pub fn estimate_over(&self, batches: usize) -> Estimation {
        let (seed, training) = (self.config.seed, &self.config.training);
        Estimation {
            step: self.step,
            seed,
            batch_size: training.batch_size,
            batches,
            split: 0,
            done: 0,
            sums: [(Losses::default(), 0); 2],
            rng: batch_stream(seed, self.step, 0),
            batch: Batch::default(),
        }
    }

    /// Takes an estimate one slice further. Its result goes into the history if it belongs to the run's regular ones.
    pub fn advance(&mut self, estimation: &mut Estimation) -> Option<Evaluation> {
        let Estimation { step, seed, batch_size, batches, split, .. } = *estimation;
        // A fixed number of batches at a time, so that the sums are always made in the same order.
        let at_once = (windows(&self.config) / batch_size).max(1).min(batches - estimation.done);
        let batch = &mut estimation.batch;
        let data = if split == 0 { Split::Train } else { Split::Val };
        self.examples.draw(data, at_once * batch_size, &mut estimation.rng, batch);
        // No training step has come so far in its stream of latents.
        let latents = (1 << 55) + index(step, split) * batches as u64 + estimation.done as u64;
        batch.add_noise(self.model.noise(), seed, latents);
        let (losses, targets) = &mut estimation.sums[split];
        *losses += self.losses_of(batch);
        *targets += batch.targets();
        estimation.done += at_once;
        if estimation.done < batches {
            return None;
        }
        if split == 0 {
            estimation.split = 1;
            estimation.done = 0;
            estimation.rng = batch_stream(seed, step, 1);
            return None;
        }
        let [train, val] = estimation.sums.map(|(losses, targets)| losses.over(targets));
        let parts = self.card.parts.iter().zip(val.parts);
        let mut figures: Vec<Figure> =
            parts.map(|(part, value)| Figure { name: part.name.to_owned(), value }).collect();
        figures.extend(self.judge(self.examples.judged()));
        let evaluation = Evaluation { step, train_loss: train.loss, val_loss: val.loss, figures };
        if step.is_multiple_of(self.config.training.eval_interval) && step == self.step {
            self.history.evaluated(evaluation.clone());
        }
        Some(evaluation)
    }

    /// What the model's answers to `count` held-out examples are worth; always the same examples.
    pub fn judge(&mut self, count: usize) -> Vec<Figure> {
        if count == 0 {
            return Vec::new();
        }
        let seed = self.config.seed;
        let mut batch = Batch::default();
        let mut rng = stream(seed, Purpose::Evaluation, JUDGED);
        self.examples.draw(Split::Val, count, &mut rng, &mut batch);
        batch.add_noise(self.model.noise(), seed, JUDGED);
        let inference = self.inference.get_or_insert_with(|| self.model.inference());
        let output = inference.produce(&self.weights, &batch);
        let figures = self.examples.judge(&batch, &output).into_iter();
        figures.map(|(name, value)| Figure { name: name.to_owned(), value }).collect()
    }

    /// The loss over the validation text in windows of block_size from its start; what is left over at the end is
    /// dropped. `None` for tasks whose examples have no end.
    pub fn exact_loss(&mut self) -> Option<ExactLoss> {
        let at_once = windows(&self.config);
        let examples = self.examples.clone();
        let mut batch = Batch::default();
        let (mut sum, mut first, mut tokens) = (0.0, 0, 0);
        loop {
            let count = examples.in_order(Split::Val, first, at_once, &mut batch);
            if count == 0 {
                break;
            }
            first += count;
            tokens += batch.targets();
            sum += self.losses_of(&batch).loss;
        }
        (tokens > 0).then(|| ExactLoss { loss: sum / tokens as f64, tokens })
    }

    /// The loss over the same positions, with the state carried through the whole text instead of begun anew with every
    /// window. `None` for models without a state, and tasks without a text.
    pub fn carried_loss(&mut self, exact: ExactLoss) -> Option<ExactLoss> {
        let text = self.material.text.as_ref()?;
        let mut reader = self.model.language_model()?;
        let sum = reader.carried_loss(&self.weights, text.val.get(..=exact.tokens)?)?;
        Some(ExactLoss { loss: sum / exact.tokens as f64, ..exact })
    }

    /// The loss of held-out examples, drawn as an estimate's are.
    pub fn held_out_loss(&mut self) -> HeldOutLoss {
        let (seed, step) = (self.config.seed, self.step);
        let (batches, size) = (self.config.training.eval_batches, self.config.training.batch_size);
        let (mut batch, mut rng) = (Batch::default(), batch_stream(seed, step, 1));
        let (mut losses, mut targets) = (Losses::default(), 0);
        let mut means = Vec::with_capacity(batches);
        for i in 0..batches {
            self.examples.draw(Split::Val, size, &mut rng, &mut batch);
            let latents = (1 << 55) + index(step, 1) * batches as u64 + i as u64;
            batch.add_noise(self.model.noise(), seed, latents);
            let of_batch = self.losses_of(&batch);
            losses += of_batch;
            targets += batch.targets();
            means.push(of_batch.over(batch.targets()).loss);
        }
        let n = means.len() as f64;
        let mean = means.iter().sum::<f64>() / n;
        let variance = means.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / (n - 1.0);
        let losses = losses.over(targets);
        let parts = self.card.parts.iter().zip(losses.parts);
        HeldOutLoss {
            loss: losses.loss,
            parts: parts
                .map(|(part, value)| Figure { name: part.name.to_owned(), value })
                .collect(),
            standard_error: (batches > 1).then(|| (variance / n).sqrt()),
            examples: batches * size,
        }
    }

    /// The sums of the losses of all positions of a batch, shared between the shards.
    fn losses_of(&mut self, batch: &Batch) -> Losses {
        self.split(batch.sequences);
        let conditions = self.config.training.conditions(self.config.seed, self.step, 0);
        let weights = &*self.weights;
        let work = |lane: &mut Lane| {
            let rows = lane.rows.clone();
            lane.losses = if rows.is_empty() {
                Losses::default()
            } else {
                lane.shard.loss(weights, batch, rows, &conditions)
            };
        };
        let shards = &mut self.shards;
        self.team.run(|| match &mut **shards {
            [lane] => work(lane),
            shards => shards.par_iter_mut().with_max_len(1).for_each(work),
        });
        self.losses()
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
        let exact = |threads| testing::open(testing::gpt(), threads).exact_loss().unwrap();
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
        let exact = session.exact_loss().unwrap();
        let dataset = session.material().text.clone().unwrap();
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
        assert!((exact.bits() * std::f64::consts::LN_2 - exact.loss).abs() < 1e-12);
    }
}
