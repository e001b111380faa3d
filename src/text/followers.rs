//! Text that counting writes: each token drawn from what followed the last few in the training text, as often as it did.
//!
//! The tokens are drawn from the bare counts. The losses of [`super::ngram`] add a little to each count, because a pair that
//! was never seen would cost an infinite surprise; a text that is written that way loses its thread at the first token that
//! the smoothing alone has let through, for nothing was ever counted after such a context.

use std::cmp::Ordering;

use rand::Rng;

use super::ngram::HIGHEST;
use crate::math::random::{Purpose, stream};

/// Longer texts are not indexed: sorting them takes longer than anybody would wait for a page.
pub const LONGEST: usize = 4_000_000;

/// Of a token, where a context is one number: more than there are characters or words.
const BITS: usize = 128 / (HIGHEST - 1);

/// Where every context of a text occurs: four bytes a token beside the text itself.
#[derive(Clone, Debug, PartialEq)]
pub struct Followers {
    text: Vec<u32>,
    /// Every place of the text, in the order of what stands before it, read backwards. So the places after a context of any
    /// length stand together.
    places: Vec<u32>,
}

impl Followers {
    /// `None` for a text that is empty or too long.
    pub fn new(text: &[u32]) -> Option<Self> {
        if text.is_empty() || text.len() > LONGEST {
            return None;
        }
        let mut places: Vec<u32> = (0..text.len() as u32).collect();
        // Before the beginning stands nothing, which is less than any token.
        let before = |place: &u32| {
            let mut tokens = backwards(&text[..*place as usize]);
            (0..HIGHEST - 1).fold(0, |key: u128, _| {
                key << BITS | tokens.next().map_or(0, |token| u128::from(token) + 1)
            })
        };
        places.sort_by_cached_key(before);
        Some(Self { text: text.to_vec(), places })
    }

    /// The places after a context, of which its last [`HIGHEST`] - 1 tokens count.
    fn places(&self, context: &[u32]) -> &[u32] {
        let wanted = context.len().min(HIGHEST - 1);
        let compared = |place: &u32| -> Ordering {
            let before = backwards(&self.text[..*place as usize]).take(wanted);
            before.cmp(backwards(context))
        };
        let first = self.places.partition_point(|place| compared(place) == Ordering::Less);
        let found = &self.places[first..];
        &found[..found.partition_point(|place| compared(place) == Ordering::Equal)]
    }

    /// The tokens that came after a context, each as often as it did, in no order that matters.
    pub fn after(&self, context: &[u32]) -> impl Iterator<Item = u32> + '_ {
        self.places(context).iter().map(|place| self.text[*place as usize])
    }

    /// So many tokens after a prompt, each drawn by the `order` - 1 tokens before it. What never stood in the text, or at its
    /// end alone, gives way to a shorter context.
    pub fn write(&self, order: usize, prompt: &[u32], tokens: usize, seed: u64) -> Vec<u32> {
        let mut rng = stream(seed, Purpose::Sampling, 0);
        let mut written = prompt.to_vec();
        for _ in 0..tokens {
            let longest = order.saturating_sub(1).min(HIGHEST - 1).min(written.len());
            let mut contexts = (0..=longest).rev().map(|n| &written[written.len() - n..]);
            let known = contexts.find_map(|context| {
                let places = self.places(context);
                (!places.is_empty()).then_some(places)
            });
            // After the context of no tokens stand all.
            let places = known.unwrap_or(&self.places);
            written.push(self.text[places[rng.random_range(0..places.len())] as usize]);
        }
        written.split_off(prompt.len())
    }
}

/// What a context is told by: its last tokens, the last first.
fn backwards(tokens: &[u32]) -> impl Iterator<Item = u32> + '_ {
    tokens.iter().rev().take(HIGHEST - 1).copied()
}

#[cfg(test)]
mod tests {
    use std::collections::{HashMap, HashSet};

    use super::*;
    use crate::text::{Corpus, Dataset};

    fn play() -> Vec<u32> {
        let text = Corpus::bundled().text.chars().take(20_000).collect();
        Dataset::new(Corpus { text, ..Corpus::bundled() }).unwrap().train
    }

    /// Counted anew, window by window.
    fn counted(text: &[u32], context: &[u32]) -> HashMap<u32, usize> {
        let mut counts = HashMap::new();
        for window in text.windows(context.len() + 1) {
            if window[..context.len()] == *context {
                *counts.entry(window[context.len()]).or_default() += 1;
            }
        }
        counts
    }

    #[test]
    fn what_follows_a_context_is_what_counting_finds() {
        let text = play();
        let followers = Followers::new(&text).unwrap();
        for order in 1..=HIGHEST {
            for start in (0..text.len() - order).step_by(641) {
                let context = &text[start..start + order - 1];
                let mut found = HashMap::new();
                followers.after(context).for_each(|next| *found.entry(next).or_default() += 1);
                assert_eq!(found, counted(&text, context), "{context:?}");
            }
        }
        // What the text only ends in is followed by nothing, and what it does not hold as well.
        let followers = Followers::new(&[0, 1, 0, 2]).unwrap();
        assert_eq!(followers.after(&[2]).count(), 0);
        assert_eq!(followers.after(&[1, 1]).count(), 0);
        assert_eq!(followers.after(&[0]).collect::<HashSet<_>>(), HashSet::from([1, 2]));
        assert_eq!(followers.after(&[]).count(), 4);
        assert_eq!(Followers::new(&[]), None);
    }

    #[test]
    fn every_window_that_is_written_stands_in_the_text() {
        let text = play();
        let followers = Followers::new(&text).unwrap();
        for order in 1..=HIGHEST {
            let seen: HashSet<&[u32]> = text.windows(order).collect();
            let prompt = &text[500..510];
            let written = followers.write(order, prompt, 400, 7);
            assert_eq!(written.len(), 400);
            let whole = [prompt, &written].concat();
            for window in whole[prompt.len() + 1 - order..].windows(order) {
                // The end of the text alone is followed by nothing; this one ends as it goes on elsewhere.
                assert!(seen.contains(window), "{order}: {window:?}");
            }
            // And it is not the text itself. (Of so short a one the longest contexts allow hardly anything else.)
            let longer: HashSet<&[u32]> = text.windows(order + 1).collect();
            assert!(order > 3 || whole.windows(order + 1).any(|w| !longer.contains(w)), "{order}");
        }
    }

    #[test]
    fn tokens_are_drawn_as_often_as_they_were_counted() {
        let text = play();
        let followers = Followers::new(&text).unwrap();
        let context = &text[1000..1001];
        let counts = counted(&text, context);
        let all: usize = counts.values().sum();
        let draws = 20_000;
        let mut drawn: HashMap<u32, usize> = HashMap::new();
        for seed in 0..draws {
            *drawn.entry(followers.write(2, context, 1, seed)[0]).or_default() += 1;
        }
        for (next, n) in counts {
            let p = n as f64 / all as f64;
            let share = drawn.get(&next).copied().unwrap_or(0) as f64 / draws as f64;
            // Five standard errors.
            let error = (p * (1.0 - p) / draws as f64).sqrt();
            assert!((share - p).abs() < 5.0 * error + 1e-9, "{next}: {share} of {p}");
        }
    }

    #[test]
    fn the_same_seed_writes_the_same_and_another_another() {
        let followers = Followers::new(&play()).unwrap();
        let text = |seed| followers.write(3, &[1, 2], 100, seed);
        assert_eq!(text(1), text(1));
        assert_ne!(text(1), text(2));
        // Strange tokens before it are no trouble.
        assert_eq!(followers.write(5, &[u32::MAX; 9], 50, 3).len(), 50);
        assert_eq!(followers.write(0, &[], 50, 3), followers.write(1, &[], 50, 3));
    }
}
