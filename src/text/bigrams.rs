//! What follows what in a training text, counted: the best table that a bigram can learn.
//!
//! A row holds only what occurs after its token, so that the whole takes no more room than the text, whatever V is.

use std::collections::HashMap;

use super::Dataset;
use super::ngram::SMOOTHINGS;

/// Counts of pairs of neighbouring tokens.
#[derive(Clone, Debug, PartialEq)]
pub struct Bigrams {
    /// How often each token occurs (V).
    counts: Vec<u32>,
    /// How often anything comes after each (V): all but the end of the text.
    followed: Vec<u32>,
    /// Where the row of each token begins in `followers`, and the end of the last (V + 1).
    starts: Vec<usize>,
    /// A token and how often it comes next: the most frequent first, those of one count by their ids.
    followers: Vec<(u32, u32)>,
    /// What is added to every count: of 1, 0.1, 0.01, 0.001 the best on the validation text.
    pub smoothing: f64,
}

impl Bigrams {
    pub fn new(dataset: &Dataset) -> Self {
        let vocab_size = dataset.tokenizer.vocab_size();
        let mut counts = vec![0; vocab_size];
        for &token in &dataset.train {
            counts[token as usize] += 1;
        }
        let mut followed = counts.clone();
        if let Some(&last) = dataset.train.last() {
            followed[last as usize] -= 1;
        }
        let pairs = pairs(&dataset.train);
        let smoothing = best(&pairs, &followed, &dataset.val);
        let mut sorted: Vec<_> = pairs.into_iter().collect();
        sorted.sort_unstable_by_key(|&((token, next), n)| (token, u32::MAX - n, next));
        let starts = (0..=vocab_size as u32)
            .map(|token| sorted.partition_point(|((first, _), _)| *first < token));
        Self {
            counts,
            followed,
            starts: starts.collect(),
            followers: sorted.into_iter().map(|((_, next), n)| (next, n)).collect(),
            smoothing,
        }
    }

    pub fn vocab_size(&self) -> usize {
        self.counts.len()
    }

    /// What comes after a token, the most frequent first; what never does is not there.
    ///
    /// # Panics
    /// If the token is outside the vocabulary.
    pub fn after(&self, token: u32) -> &[(u32, u32)] {
        &self.followers[self.starts[token as usize]..self.starts[token as usize + 1]]
    }

    /// How often anything comes after a token.
    pub fn followed(&self, token: u32) -> u32 {
        self.followed[token as usize]
    }

    /// How often each token comes after this one (V).
    pub fn row(&self, token: u32) -> Vec<u32> {
        let mut row = vec![0; self.vocab_size()];
        for &(next, n) in self.after(token) {
            row[next as usize] = n;
        }
        row
    }

    /// (n + a) / (sum of n + a V): the probability of what came n times among so many.
    pub fn share(&self, n: u32, followed: u32) -> f64 {
        share(n, followed, self.smoothing, self.vocab_size())
    }

    /// The probability of a token whatever stands before it, with 1 added to every count.
    pub fn alone(&self, token: u32) -> f64 {
        let all: u32 = self.counts.iter().sum();
        share(self.counts[token as usize], all, 1.0, self.vocab_size())
    }

    /// The probability of a token after another.
    pub fn probability(&self, token: u32, next: u32) -> f64 {
        let n = self.after(token).iter().find(|(known, _)| *known == next).map_or(0, |(_, n)| *n);
        self.share(n, self.followed(token))
    }
}

/// How often each pair of neighbours occurs.
fn pairs(text: &[u32]) -> HashMap<(u32, u32), u32> {
    let mut pairs = HashMap::new();
    for pair in text.windows(2) {
        *pairs.entry((pair[0], pair[1])).or_default() += 1;
    }
    pairs
}

/// The smoothing that has the least loss on the validation text.
fn best(train: &HashMap<(u32, u32), u32>, followed: &[u32], val: &[u32]) -> f64 {
    let mut val: Vec<_> = pairs(val).into_iter().collect();
    // A sum depends on its order.
    val.sort_unstable();
    let loss = |smoothing: f64| -> f64 {
        let terms = val.iter().map(|(pair, times)| {
            let n = train.get(pair).copied().unwrap_or(0);
            let p = share(n, followed[pair.0 as usize], smoothing, followed.len());
            -f64::from(*times) * p.ln()
        });
        terms.sum()
    };
    let losses = SMOOTHINGS.map(|smoothing| (smoothing, loss(smoothing)));
    let best = losses.into_iter().min_by(|a, b| a.1.total_cmp(&b.1));
    best.map_or(SMOOTHINGS[0], |(smoothing, _)| smoothing)
}

fn share(n: u32, all: u32, smoothing: f64, vocab_size: usize) -> f64 {
    (f64::from(n) + smoothing) / (f64::from(all) + smoothing * vocab_size as f64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::{Corpus, Source, ngram};

    fn dataset(text: String) -> Dataset {
        let source = Source::File("test".into());
        Dataset::new(Corpus { text, name: "test".to_owned(), source }).unwrap()
    }

    #[test]
    fn pairs_are_counted_as_they_stand() {
        let dataset = dataset("abcabababcabcabababcab".to_owned());
        let bigrams = Bigrams::new(&dataset);
        assert_eq!(dataset.tokenizer.decode(&dataset.train), "abcabababcabcababab");
        assert_eq!(bigrams.after(0), [(1, 8)]);
        assert_eq!(bigrams.after(1), [(0, 4), (2, 3)]);
        assert_eq!(bigrams.after(2), [(0, 3)]);
        assert_eq!(bigrams.row(1), [4, 0, 3]);
        assert_eq!(bigrams.followed(1), 7);
        let a = bigrams.smoothing;
        assert!((bigrams.probability(1, 2) - (3.0 + a) / (7.0 + 3.0 * a)).abs() < 1e-12);
        assert!((bigrams.probability(0, 0) - a / (8.0 + 3.0 * a)).abs() < 1e-12);
        assert!((bigrams.alone(2) - 4.0 / 22.0).abs() < 1e-12);
    }

    #[test]
    fn rows_are_distributions_and_the_loss_is_the_references() {
        let text: String = Corpus::bundled().text.chars().take(6000).collect();
        let dataset = dataset(text);
        let bigrams = Bigrams::new(&dataset);
        let v = bigrams.vocab_size() as u32;
        for token in 0..v {
            let sum: f64 = (0..v).map(|next| bigrams.probability(token, next)).sum();
            assert!((sum - 1.0).abs() < 1e-9, "{token}: {sum}");
            assert!(bigrams.after(token).is_sorted_by_key(|(_, n)| u32::MAX - n));
        }
        let alone: f64 = (0..v).map(|token| bigrams.alone(token)).sum();
        assert!((alone - 1.0).abs() < 1e-9);
        let pairs = dataset.val.windows(2);
        let losses = pairs.map(|pair| -bigrams.probability(pair[0], pair[1]).ln());
        let loss = losses.sum::<f64>() / (dataset.val.len() - 1) as f64;
        let reference = &ngram::references(&dataset, 2)[2];
        assert!((loss - reference.loss).abs() < 1e-9, "{loss} {reference:?}");
    }
}
