//! Recall: a key is shown, fillers follow, then the key is asked for. How far back can a model see?
//!
//! Token ids: 16 keys, 16 fillers, the question. `x` is the key, `distance` fillers and the question; `y` asks for
//! nothing but the key, at the last position. Whoever guesses is right once in 16.

use rand::RngCore;
use rand_chacha::ChaCha8Rng;

use super::judged::Share;
use super::split::held_out;
use crate::math::random::{Purpose, stream};
use crate::model::{Batch, Examples, IGNORED, Output, Sizes, Split};

/// Keys are the ids below this, fillers as many after them.
const KEYS: u32 = 16;
/// The question's id.
const QUERY: u32 = 2 * KEYS;
const VOCABULARY: usize = QUERY as usize + 1;
/// A random word of 64 bits is 16 fillers of 4 bits.
const BITS: u32 = KEYS.ilog2();
const FILLERS_A_WORD: usize = (u64::BITS / BITS) as usize;
/// With fewer fillers there are so few examples that all of them are met in training and none is held out.
const LEAST_HELD_OUT: usize = 4;
/// Answers that an estimate judges.
const JUDGED: usize = 256;

/// The task at one distance.
#[derive(Clone, Copy, Debug)]
pub struct Recall {
    /// Fillers between the key and the question.
    distance: usize,
    /// Whether each batch that is trained on has a distance of its own, from 1 to `distance`.
    curriculum: bool,
}

/// A text that is no example of the task.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{text:?} {found}: recall understands a key (A to P), {distance} fillers (a to p) and a question mark"
)]
pub struct NotUnderstood {
    text: String,
    found: String,
    distance: usize,
}

impl Recall {
    pub fn new(distance: usize) -> Self {
        Self { distance, curriculum: false }
    }

    #[must_use]
    pub fn with_curriculum(self, curriculum: bool) -> Self {
        Self { curriculum, ..self }
    }

    /// T
    fn time(self) -> usize {
        self.distance + 2
    }

    /// The ids of an example as [`decode`](Self::decode) writes it; the question mark may be left out.
    ///
    /// # Errors
    /// If it is none of this distance.
    pub fn encode(self, text: &str) -> Result<Vec<u32>, NotUnderstood> {
        let not_understood = |found: String| {
            let Self { distance, .. } = self;
            NotUnderstood { text: text.to_owned(), found, distance }
        };
        let signs = text.strip_suffix('?').unwrap_or(text);
        let mut ids = Vec::with_capacity(self.time());
        for (place, sign) in signs.chars().enumerate() {
            match sign {
                'A'..='P' if place == 0 => ids.push(sign as u32 - 'A' as u32),
                'a'..='p' if place > 0 => ids.push(KEYS + sign as u32 - 'a' as u32),
                _ => return Err(not_understood(format!("has {sign:?} in place {}", place + 1))),
            }
        }
        if ids.len() != self.distance + 1 {
            let fillers = ids.len().saturating_sub(1);
            return Err(not_understood(format!("has {fillers} fillers")));
        }
        ids.push(QUERY);
        Ok(ids)
    }

    /// Keys as capital letters, fillers as small ones, the question as a question mark.
    pub fn decode(ids: &[u32]) -> String {
        let sign = |id: u32| match id {
            0..KEYS => char::from(b'A' + id as u8),
            KEYS..QUERY => char::from(b'a' + (id - KEYS) as u8),
            QUERY => '?',
            _ => char::REPLACEMENT_CHARACTER,
        };
        ids.iter().copied().map(sign).collect()
    }

    /// The signs of all ids, in their order.
    pub fn signs() -> Vec<char> {
        let ids: Vec<u32> = (0..VOCABULARY as u32).collect();
        Self::decode(&ids).chars().collect()
    }

    fn begin(self, batch: &mut Batch) {
        batch.clear();
        batch.time = self.time();
    }

    /// Asks for the last example's key.
    fn ask(self, batch: &mut Batch) {
        let key = batch.x[batch.x.len() - self.time()];
        batch.y.resize(batch.x.len() - 1, IGNORED);
        batch.y.push(key);
        batch.sequences += 1;
    }
}

impl Examples for Recall {
    fn sizes(&self) -> Sizes {
        Sizes { vocab_size: VOCABULARY, block_size: Some(self.time()), ..Sizes::default() }
    }

    /// With a curriculum, the short distances are learned first, and the longer ones go on from there: a simple form of what
    /// Kaiser and Sutskever (2016) raise by hand, who also keep drawing from all lengths.
    fn draw(&self, split: Split, count: usize, rng: &mut ChaCha8Rng, batch: &mut Batch) {
        if self.curriculum && split == Split::Train {
            let shorter = Self::new(1 + (rng.next_u64() % self.distance as u64) as usize);
            return shorter.draw(split, count, rng, batch);
        }
        self.begin(batch);
        while batch.sequences < count {
            let start = batch.x.len();
            batch.x.push(rng.next_u32() % KEYS);
            let fillers = start + 1 + self.distance;
            while batch.x.len() < fillers {
                let word = rng.next_u64();
                let wanted = FILLERS_A_WORD.min(fillers - batch.x.len()) as u32;
                let filler = |i| KEYS + (word >> (i * BITS)) as u32 % KEYS;
                batch.x.extend((0..wanted).map(filler));
            }
            let example = batch.x[start..].iter().map(|&id| u64::from(id));
            let wrong_side =
                self.distance >= LEAST_HELD_OUT && held_out(example) != (split == Split::Val);
            if wrong_side {
                batch.x.truncate(start);
                continue;
            }
            batch.x.push(QUERY);
            self.ask(batch);
        }
    }

    /// `prompt` is an example; one of another length is not asked about its key.
    fn subject(&self, prompt: &[u32], batch: &mut Batch) {
        if prompt.is_empty() {
            return self.draw(Split::Val, 1, &mut stream(0, Purpose::Evaluation, 0), batch);
        }
        self.begin(batch);
        batch.x.extend_from_slice(&prompt[..prompt.len().min(self.time())]);
        if batch.x.len() == self.time() {
            self.ask(batch);
        } else {
            batch.time = batch.x.len();
            batch.y.resize(batch.time, IGNORED);
            batch.sequences = 1;
        }
    }

    fn provenance(&self) -> &'static str {
        if self.distance >= LEAST_HELD_OUT {
            "held-out examples (a tenth of all sequences is never trained on)"
        } else {
            "fresh examples (there are too few to hold any out)"
        }
    }

    fn judged(&self) -> usize {
        JUDGED
    }

    /// `accuracy`: the share of keys that were recalled.
    fn judge(&self, batch: &Batch, output: &Output) -> Vec<(&'static str, f64)> {
        let keys = batch.y.chunks(batch.time).map(|y| y.last());
        let right = output.tokens.iter().zip(keys).map(|(answer, key)| answer.last() == key);
        vec![("accuracy", right.share())]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn batch(distance: usize, split: Split, count: usize) -> Batch {
        let mut batch = Batch::default();
        Recall::new(distance).draw(split, count, &mut stream(1, Purpose::Batches, 0), &mut batch);
        batch
    }

    #[test]
    fn only_the_key_is_asked_for() {
        for distance in [0, 1, 5, 16, 37] {
            let batch = batch(distance, Split::Train, 20);
            assert_eq!((batch.sequences, batch.time, batch.targets()), (20, distance + 2, 20));
            assert_eq!((batch.x.len(), batch.y.len()), (20 * batch.time, 20 * batch.time));
            for (x, y) in batch.x.chunks(batch.time).zip(batch.y.chunks(batch.time)) {
                assert!(x[0] < KEYS && x[0] == y[distance + 1]);
                assert!(x[1..=distance].iter().all(|id| (KEYS..QUERY).contains(id)), "{x:?}");
                assert_eq!(x[distance + 1], QUERY);
                assert!(y[..=distance].iter().all(|id| *id == IGNORED));
            }
        }
    }

    #[test]
    fn keys_and_fillers_are_as_likely_as_each_other() {
        let batch = batch(15, Split::Train, 16_000);
        let mut counts = [0_i32; VOCABULARY];
        batch.x.iter().for_each(|id| counts[*id as usize] += 1);
        // 1,000 and 15,000 expected; standard deviations of 31 and 119.
        assert!(counts[..16].iter().all(|n| (n - 1000).abs() < 150), "{counts:?}");
        assert!(counts[16..32].iter().all(|n| (n - 15_000).abs() < 600), "{counts:?}");
    }

    #[test]
    fn no_example_is_on_both_sides() {
        for (split, side) in [(Split::Train, false), (Split::Val, true)] {
            let batch = batch(6, split, 5000);
            for x in batch.x.chunks(batch.time) {
                assert_eq!(held_out(x[..7].iter().map(|&id| u64::from(id))), side);
            }
        }
    }

    #[test]
    fn a_curriculum_draws_every_distance_to_train_on_and_only_the_longest_to_be_measured_by() {
        let (recall, mut batch) = (Recall::new(6).with_curriculum(true), Batch::default());
        let mut met = [0; 9];
        for i in 0..300 {
            let rng = &mut stream(1, Purpose::Batches, i);
            recall.draw(Split::Train, 2, rng, &mut batch);
            assert_eq!((batch.x.len(), batch.targets()), (2 * batch.time, 2));
            met[batch.time] += 1;
            recall.draw(Split::Val, 2, rng, &mut batch);
            assert_eq!(batch.time, 8);
        }
        // 50 expected of each distance from 1 to 6, with a standard deviation of 6.5.
        assert_eq!(met[..3], [0; 3]);
        assert!(met[3..].iter().all(|n| (25..75).contains(n)), "{met:?}");
    }

    #[test]
    fn answers_are_compared_with_the_keys() {
        let recall = Recall::new(4);
        let batch = batch(4, Split::Val, 4);
        let mut tokens: Vec<Vec<u32>> = batch.x.chunks(batch.time).map(|x| vec![x[0]]).collect();
        let judge = |tokens: &[Vec<u32>]| {
            let output = Output { tokens: tokens.to_vec(), ..Output::default() };
            recall.judge(&batch, &output)
        };
        assert_eq!(judge(&tokens), [("accuracy", 1.0)]);
        tokens[2][0] = QUERY;
        assert_eq!(judge(&tokens), [("accuracy", 0.75)]);
        assert_eq!(judge(&vec![Vec::new(); 4]), [("accuracy", 0.0)]);
    }

    #[test]
    fn an_example_can_be_typed() {
        let recall = Recall::new(3);
        let ids = recall.encode("Cabp?").unwrap();
        assert_eq!(ids, [2, 16, 17, 31, QUERY]);
        assert_eq!(Recall::decode(&ids), "Cabp?");
        assert_eq!(recall.encode("Cabp").unwrap(), ids);
        for (text, says) in [
            ("", "0 fillers"),
            ("Cab", "2 fillers"),
            ("cabp", "'c' in place 1"),
            ("CaBp", "'B' in place 3"),
            ("Cabz", "'z' in place 4"),
        ] {
            let said = recall.encode(text).unwrap_err().to_string();
            assert!(said.contains(says) && said.contains("3 fillers (a to p)"), "{said}");
        }
        let mut batch = Batch::default();
        recall.subject(&ids, &mut batch);
        assert_eq!((&batch.x, batch.y[4]), (&ids, 2));
        recall.subject(&ids[..2], &mut batch);
        assert_eq!((batch.time, batch.y.as_slice()), (2, &[IGNORED; 2][..]));
        recall.subject(&[], &mut batch);
        assert_eq!((batch.sequences, batch.targets()), (1, 1));
    }

    #[test]
    fn a_batch_is_reused_without_allocating() {
        let recall = Recall::new(20);
        let mut batch = Batch::default();
        let mut rng = stream(1, Purpose::Batches, 0);
        recall.draw(Split::Train, 64, &mut rng, &mut batch);
        let places = (batch.x.as_ptr(), batch.y.as_ptr());
        recall.draw(Split::Val, 64, &mut rng, &mut batch);
        assert_eq!((batch.x.as_ptr(), batch.y.as_ptr()), places);
    }
}
