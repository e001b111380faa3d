//! What counting alone can do: losses of n-gram models on the same split, the yardsticks of the loss chart.
//!
//! An n-gram model predicts a character from the n - 1 before it by how often each was seen there in the training text:
//! p(c | context) = (count(context c) + a) / (count(context) + a V), with additive smoothing a (Lidstone; Jurafsky and
//! Martin, Speech and Language Processing, chapter 3). The smoothing is the best on validation of 1, 0.1, 0.01, 0.001.
//!
//! Windows of n characters are numbered by refining those of n - 1: a window is the pair (number of its first n - 1
//! characters, its last character). So every order is one pass over the text with one small key a position, for a
//! vocabulary of any size.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use super::Dataset;

const NAMES: [&str; 7] = ["uniform", "unigram", "bigram", "trigram", "4-gram", "5-gram", "6-gram"];
/// The highest order there is a reference for.
pub const HIGHEST: usize = NAMES.len() - 1;
pub(super) const SMOOTHINGS: [f64; 4] = [1.0, 0.1, 0.01, 0.001];
/// A window that the training text does not hold.
const UNSEEN: u32 = u32::MAX;

/// What a counted model is called that sees `order` - 1 characters before the next one.
pub fn name(order: usize) -> &'static str {
    NAMES[order.min(HIGHEST)]
}

/// A counted model's loss on the validation split.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Reference {
    /// n: it sees the n - 1 characters before; 0 is uniform.
    pub order: usize,
    pub name: &'static str,
    /// Mean over all characters of the split that have n - 1 before them, in nats.
    pub loss: f64,
    /// Its standard error, where it was measured on a few characters only.
    pub error: Option<f64>,
}

/// The references of orders 0 (uniform: ln V) to `up_to`, at most [`HIGHEST`]; fewer where the validation split is shorter
/// than the order.
pub fn references(dataset: &Dataset, up_to: usize) -> Vec<Reference> {
    let vocab_size = dataset.tokenizer.vocab_size() as f64;
    let mut references =
        vec![Reference { order: 0, name: NAMES[0], loss: vocab_size.ln(), error: None }];
    let mut windows = Windows::empty(&dataset.train, &dataset.val);
    for (order, &name) in NAMES.iter().enumerate().take(up_to.saturating_add(1)).skip(1) {
        if dataset.val.len() < order {
            break;
        }
        let contexts = windows;
        windows = contexts.longer_by_one(&dataset.train, &dataset.val);
        let loss = loss(&contexts, &windows, vocab_size);
        references.push(Reference { order, name, loss, error: None });
    }
    references
}

/// The smallest mean of -ln p over the validation windows among the [`SMOOTHINGS`].
fn loss(contexts: &Windows, windows: &Windows, vocab_size: f64) -> f64 {
    // (count of the context, count of the window) of every validation window; those that never occurred count 0.
    let count =
        |counts: &[u32], window: u32| f64::from(counts.get(window as usize).copied().unwrap_or(0));
    let counted: Vec<(f64, f64)> = contexts
        .val
        .iter()
        .zip(&windows.val)
        .map(|(&context, &window)| {
            (count(&contexts.followed, context), count(&windows.counts, window))
        })
        .collect();
    SMOOTHINGS
        .iter()
        .map(|a| {
            let sum: f64 = counted
                .iter()
                .map(|(seen, next)| ((seen + a * vocab_size) / (next + a)).ln())
                .sum();
            sum / counted.len() as f64
        })
        .fold(f64::INFINITY, f64::min)
}

/// All windows of one length, numbered by their first appearance in the training text.
struct Windows {
    length: usize,
    /// The number of the window that starts at each position.
    train: Vec<u32>,
    /// The same of the validation text, or [`UNSEEN`].
    val: Vec<u32>,
    /// How often each window occurs in the training text.
    counts: Vec<u32>,
    /// How often it does with a character after it.
    followed: Vec<u32>,
}

impl Windows {
    /// The one window of no characters.
    fn empty(train: &[u32], val: &[u32]) -> Self {
        let occurrences = train.len() as u32;
        Self {
            length: 0,
            train: vec![0; train.len()],
            val: vec![0; val.len()],
            counts: vec![occurrences],
            followed: vec![occurrences],
        }
    }

    fn longer_by_one(&self, train: &[u32], val: &[u32]) -> Self {
        let mut numbers: HashMap<u64, u32> = HashMap::new();
        let mut counts: Vec<u32> = Vec::new();
        let number = |(&window, &next): (&u32, &u32)| match numbers.entry(key(window, next)) {
            Entry::Occupied(entry) => {
                counts[*entry.get() as usize] += 1;
                *entry.get()
            }
            Entry::Vacant(entry) => {
                counts.push(1);
                *entry.insert(counts.len() as u32 - 1)
            }
        };
        let after = |tokens: &'_ [u32]| self.length.min(tokens.len());
        let train: Vec<u32> = self.train.iter().zip(&train[after(train)..]).map(number).collect();
        let val = self.val.iter().zip(&val[after(val)..]);
        let val = val
            .map(|(&window, &next)| numbers.get(&key(window, next)).copied().unwrap_or(UNSEEN))
            .collect();
        // Every window but the one at the end of the text has a character after it.
        let mut followed = counts.clone();
        if let Some(&last) = train.last() {
            followed[last as usize] -= 1;
        }
        Self { length: self.length + 1, train, val, counts, followed }
    }
}

fn key(window: u32, next: u32) -> u64 {
    u64::from(window) << 32 | u64::from(next)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::{Corpus, Source, corpus};

    fn dataset(text: &str) -> Dataset {
        let source = Source::File("test".into());
        Dataset::new(Corpus { text: text.to_owned(), name: "test".to_owned(), source }).unwrap()
    }

    /// The definition, without cleverness: counts every window anew for every prediction.
    fn by_definition(dataset: &Dataset, order: usize) -> f64 {
        let vocab_size = dataset.tokenizer.vocab_size() as f64;
        let losses = SMOOTHINGS.map(|a| {
            let windows = dataset.val.windows(order);
            let sum: f64 = windows
                .clone()
                .map(|window| {
                    let seen: Vec<_> = dataset
                        .train
                        .windows(order)
                        .filter(|w| w[..order - 1] == window[..order - 1])
                        .collect();
                    let next = seen.iter().filter(|w| ***w == *window).count();
                    -((next as f64 + a) / (seen.len() as f64 + a * vocab_size)).ln()
                })
                .sum();
            sum / windows.len() as f64
        });
        losses.into_iter().fold(f64::INFINITY, f64::min)
    }

    #[test]
    fn losses_are_those_of_the_definition() {
        let text: String = Corpus::bundled().text.chars().take(3000).collect();
        let dataset = dataset(&text);
        let references = references(&dataset, HIGHEST);
        assert_eq!(references.iter().map(|r| r.order).collect::<Vec<_>>(), [0, 1, 2, 3, 4, 5, 6]);
        assert_eq!(references[0].loss, (dataset.tokenizer.vocab_size() as f64).ln());
        for reference in &references[1..] {
            let expected = by_definition(&dataset, reference.order);
            assert!(
                (reference.loss - expected).abs() < 1e-12,
                "{reference:?} should be {expected}"
            );
        }
    }

    #[test]
    fn a_text_that_repeats_is_predicted_by_its_last_character() {
        let references = references(&dataset(&"abc".repeat(400)), 3);
        assert!((references[0].loss - 3_f64.ln()).abs() < 1e-12);
        assert!((references[1].loss - 3_f64.ln()).abs() < 1e-5);
        assert!(references[2].loss < 1e-4, "{references:?}");
    }

    #[test]
    fn short_splits_have_fewer_references() {
        let names = |text, up_to| {
            references(&dataset(text), up_to).iter().map(|r| r.name).collect::<Vec<_>>()
        };
        assert_eq!(names("abcabcabcabcabcabc", usize::MAX), ["uniform", "unigram", "bigram"]);
        assert_eq!(names("abcabcabcabcabcabc", 0), ["uniform"]);
    }

    /// The course's table, counted independently by a dozen lines of Python. Runs where `GPT_LAB_DATA` names Tiny Shakespeare.
    #[test]
    fn tiny_shakespeare() {
        let Some(path) = std::env::var_os(corpus::DATA_VARIABLE) else { return };
        let dataset =
            Dataset::new(Corpus::read(Source::Environment(path.into())).unwrap()).unwrap();
        if dataset.corpus.sha256 != corpus::TINY_SHAKESPEARE_SHA256 {
            return;
        }
        assert_eq!(
            (dataset.tokenizer.vocab_size(), dataset.train.len(), dataset.val.len()),
            (65, 1_003_854, 111_540)
        );
        let expected = [4.174, 3.347, 2.482, 2.046, 1.784, 1.770, 2.007];
        let references = references(&dataset, HIGHEST);
        assert_eq!(references.len(), expected.len());
        for (reference, expected) in references.iter().zip(expected) {
            assert!(
                (reference.loss - expected).abs() < 0.002,
                "{reference:?} should be {expected}"
            );
        }
    }
}
