//! Writing answers, a token at a time, with keys and values cached: greedily, or with a beam.
//!
//! Both write many rows at once, all at the same position: the answers to many sources, or one source's hypotheses.

use super::layers::Caches;
use super::stacks::{Decoded, Decoder};
use super::{END, START};
use crate::math::softmax::largest;
use crate::math::{Real, room};
use crate::model::batch::argmax;
use crate::model::{Config, Hypothesis, Kept, Search};
use crate::nn::attention::Memory;
use crate::nn::block::Scratch;

/// The exponent of the length penalty; 0.6 in the paper (6.1).
const LENGTH_PENALTY: f64 = 0.6;

/// Answers under way.
pub struct Writer {
    decoder: Decoder,
    a: Decoded,
    caches: Vec<Caches>,
    /// What each row has written.
    tokens: Vec<Vec<u32>>,
    /// Whose memory each row reads.
    sources: Vec<usize>,
    /// The last token of each row.
    last: Vec<u32>,
    /// The longest answer, [`END`] included.
    most: usize,
}

impl Writer {
    /// For up to `rows` answers at once to up to `sources` sources.
    pub fn new(decoder: &Decoder, rows: usize, sources: usize, config: &Config) -> Self {
        Self {
            decoder: decoder.clone(),
            a: decoder.activations(rows, 1, config),
            caches: decoder.caches(rows, sources, config),
            tokens: room::list(rows),
            sources: room::list(rows),
            last: room::list(rows),
            most: config.block_size,
        }
    }

    /// Begins one empty answer to each of `count` sources.
    fn begin(&mut self, memory: Memory<'_>, count: usize, weights: &[Real], scratch: &mut Scratch) {
        self.decoder.remember(&mut self.caches, memory, weights, scratch);
        self.tokens.clear();
        self.tokens.resize(count, Vec::new());
        self.sources.clear();
        self.sources.extend(0..count);
        self.last.clear();
        self.last.resize(count, START);
    }

    /// Reads the last token of every row; gives the logits after it, (R, V).
    fn read(&mut self, position: usize, weights: &[Real], scratch: &mut Scratch) -> &[Real] {
        let Self { decoder, a, caches, sources, last, .. } = self;
        decoder.extend(a, caches, last, position, sources, weights, scratch);
        a.logits_mut(last.len())
    }

    /// Row i continues row `next[i].0` with the token `next[i].1`.
    fn proceed(&mut self, next: &[(usize, u32)]) {
        let parents: Vec<usize> = next.iter().map(|(parent, _)| *parent).collect();
        // Nothing moves while every row goes on by itself.
        if parents.iter().enumerate().any(|(i, parent)| i != *parent) {
            self.decoder.rearrange(&mut self.caches, &parents);
        }
        let written = |&(parent, token): &(usize, u32)| {
            let mut tokens = self.tokens[parent].clone();
            tokens.push(token);
            tokens
        };
        self.tokens = next.iter().map(written).collect();
        self.sources = parents.iter().map(|parent| self.sources[*parent]).collect();
        self.last = next.iter().map(|(_, token)| *token).collect();
    }

    /// The answer to each of `count` sources: always the likeliest token, until [`END`], which is left out, or the longest
    /// answer.
    pub fn greedy(
        &mut self,
        memory: Memory<'_>,
        count: usize,
        weights: &[Real],
        scratch: &mut Scratch,
    ) -> Vec<Vec<u32>> {
        let mut answers = vec![Vec::new(); count];
        let vocab_size = self.decoder.output.n_out;
        self.begin(memory, count, weights, scratch);
        for position in 0..self.most {
            let logits = self.read(position, weights, scratch);
            let tokens: Vec<u32> =
                logits.chunks_exact(vocab_size).map(|row| argmax(row) as u32).collect();
            for ((token, written), source) in tokens.iter().zip(&mut self.tokens).zip(&self.sources)
            {
                if *token == END {
                    answers[*source] = std::mem::take(written);
                }
            }
            let rows = tokens.iter().copied().enumerate();
            let next: Vec<_> = rows.filter(|(_, token)| *token != END).collect();
            if next.is_empty() {
                return answers;
            }
            self.proceed(&next);
        }
        for (written, source) in self.tokens.iter_mut().zip(&self.sources) {
            answers[*source] = std::mem::take(written);
        }
        answers
    }

    /// The best answers to one source that a beam of `width` hypotheses finds, at most `width`, and what it kept on its way.
    ///
    /// A hypothesis is worth log p(answer) / lp, lp = ((5 + n) / 6)^0.6 for n tokens with [`END`] (Wu et al. 2016, section 7;
    /// the paper, 6.1, has the same exponent): without lp, a short answer would win for having fewer factors below 1. The
    /// search ends when `width` answers are finished, or at the longest answer; then what is unfinished counts as it is.
    pub fn beam(
        &mut self,
        memory: Memory<'_>,
        width: usize,
        weights: &[Real],
        scratch: &mut Scratch,
    ) -> Search {
        let vocab_size = self.decoder.output.n_out;
        let (mut finished, mut scores): (Vec<Hypothesis>, _) = (Vec::new(), vec![0.0]);
        let mut steps = Vec::new();
        self.begin(memory, 1, weights, scratch);
        for position in 0..self.most {
            let logits = self.read(position, weights, scratch);
            let mut candidates = Vec::with_capacity(scores.len() * vocab_size);
            for (row, (logits, score)) in logits.chunks_exact(vocab_size).zip(&scores).enumerate() {
                let each = log_probabilities(logits).enumerate();
                candidates.extend(each.map(|(token, log_p)| (score + log_p, row, token as u32)));
            }
            candidates.sort_by(|a, b| b.0.total_cmp(&a.0));
            candidates.truncate(width - finished.len());
            let mut next = Vec::with_capacity(width);
            scores.clear();
            steps.push(candidates.iter().map(|kept| self.kept(*kept)).collect());
            for (log_p, row, token) in candidates {
                if token == END {
                    finished.push(hypothesis(self.tokens[row].clone(), log_p, position + 1));
                } else {
                    next.push((row, token));
                    scores.push(log_p);
                }
            }
            self.proceed(&next);
            if next.is_empty() {
                break;
            }
        }
        let unfinished = self.tokens.drain(..).zip(scores);
        finished.extend(unfinished.map(|(tokens, log_p)| {
            let length = tokens.len();
            hypothesis(tokens, log_p, length)
        }));
        finished.sort_by(|a, b| b.score.total_cmp(&a.score));
        Search { found: finished, steps }
    }

    /// What row `row` becomes with one more token.
    fn kept(&self, (log_p, row, token): (f64, usize, u32)) -> Kept {
        let ended = token == END;
        let mut tokens = self.tokens[row].clone();
        tokens.extend((!ended).then_some(token));
        Kept { tokens, log_p, ended }
    }
}

fn hypothesis(tokens: Vec<u32>, log_p: f64, length: usize) -> Hypothesis {
    let score = log_p / ((5 + length) as f64 / 6.0).powf(LENGTH_PENALTY);
    Hypothesis { tokens, log_p, score }
}

/// ln softmax of a row of logits.
fn log_probabilities(logits: &[Real]) -> impl Iterator<Item = f64> {
    let shift = largest(logits) as f64;
    let sum: f64 = logits.iter().map(|x| (*x as f64 - shift).exp()).sum();
    let total = shift + sum.ln();
    logits.iter().map(move |x| *x as f64 - total)
}
