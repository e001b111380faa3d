//! Pairs of texts: a source, and the target that a rule makes of it.
//!
//! Token ids of a source: 0 is padding, then the source's characters. Of a target: 0 is padding, [`START`], [`END`], then
//! the target's characters. An example's x is [`START`] and the target, its y the target and [`END`]; behind that x is
//! padding and y [`IGNORED`]. S, T and both vocabularies are fixed by the task.

mod dates;
mod letters;
mod numbers;

use rand_chacha::ChaCha8Rng;

use super::alphabet::Alphabet;
use super::judged::Share;
use super::line::Line;
use super::split::{self, answer_held_out};
use crate::math::random::{Purpose, stream};
use crate::model::{Batch, Examples, IGNORED, Output, PAD, Sizes, Split};
use dates::Dates;
use letters::{Letters, Order};
use numbers::Numbers;

/// What a decoder reads before a target's first character.
pub const START: u32 = 1;
/// What it says after the last one.
pub const END: u32 = 2;

/// Answers that an estimate judges.
const JUDGED: usize = 256;

/// What makes a target of a source.
trait Rule: Send + Sync {
    /// Draws an example into two empty lines.
    fn draw(&self, rng: &mut ChaCha8Rng, source: &mut Line, target: &mut Line);

    /// The target of a text that somebody typed, if it is a source of this task.
    fn answer(&self, source: &str) -> Option<String>;

    /// Every character of a source, ASCII.
    fn source_characters(&self) -> &'static str;

    /// Every character of a target, ASCII.
    fn target_characters(&self) -> &'static str;

    /// Characters of the longest source and of the longest target.
    fn longest(&self) -> (usize, usize);

    /// How many different targets of so many characters there are.
    fn different(&self, length: usize) -> usize;

    /// The place of the source that character `i` of a target of `n` is a copy of, where it is one of a fixed place.
    fn copied_from(&self, i: usize, n: usize) -> Option<usize> {
        _ = (i, n);
        None
    }

    /// What a source is, for whoever types one.
    fn understands(&self) -> String;
}

/// A task of pairs.
pub struct Pairs {
    rule: Box<dyn Rule>,
    source: Alphabet,
    target: Alphabet,
    /// S
    source_size: usize,
    /// T
    time: usize,
    /// Targets of fewer characters are all trained on; `None` if no target is held out.
    held_out_from: Option<usize>,
}

/// A text that is no source of a task.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} {found}: the task understands {understands}")]
pub struct NotUnderstood {
    text: String,
    found: String,
    understands: String,
}

impl Pairs {
    /// Strings of up to `length` letters, reversed.
    pub fn reverse(length: usize) -> Self {
        Self::new(Letters::new(Order::Reversed, length))
    }

    /// Strings of up to `length` letters, sorted.
    pub fn sort(length: usize) -> Self {
        Self::new(Letters::new(Order::Sorted, length))
    }

    /// Dates in many spellings, as ISO 8601.
    pub fn dates() -> Self {
        Self::new(Dates)
    }

    /// Number words, as digits.
    pub fn numbers() -> Self {
        Self::new(Numbers)
    }

    fn new(rule: impl Rule + 'static) -> Self {
        let (source_size, target_size) = rule.longest();
        Self {
            source: Alphabet::new(rule.source_characters(), PAD + 1),
            target: Alphabet::new(rule.target_characters(), END + 1),
            rule: Box::new(rule),
            source_size,
            time: target_size + 1,
            held_out_from: None,
        }
        .split_by(split::NEWEST_RULE)
    }

    /// The same examples, held out by a rule of that number.
    #[must_use]
    pub fn split_by(mut self, rule: u8) -> Self {
        let longest = self.time - 1;
        self.held_out_from = if rule == split::FIRST_RULE {
            Some(0)
        } else {
            // Longer targets are no fewer.
            (1..=longest).find(|&length| self.rule.different(length) >= split::ENOUGH)
        };
        self
    }

    /// Whether a target is kept from training.
    fn held_out(&self, target: &[u8]) -> bool {
        self.held_out_from.is_some_and(|from| target.len() >= from && answer_held_out(target))
    }

    /// The source ids of what a learner types.
    ///
    /// # Errors
    /// If it is empty, too long, or holds characters that no source has. It need not be a source of the task: a model
    /// answers anything.
    pub fn encode(&self, text: &str) -> Result<Vec<u32>, NotUnderstood> {
        let not_understood = |found| self.not_understood(text, found);
        if text.is_empty() {
            return Err(not_understood("is empty".to_owned()));
        }
        let id = |c| self.source.id(c).ok_or_else(|| not_understood(format!("holds {c:?}")));
        let ids = text.chars().map(id).collect::<Result<Vec<_>, _>>()?;
        if ids.len() > self.source_size {
            let (found, most) = (ids.len(), self.source_size);
            return Err(not_understood(format!("is {found} characters long, the most is {most}")));
        }
        Ok(ids)
    }

    fn not_understood(&self, text: &str, found: String) -> NotUnderstood {
        NotUnderstood { text: text.to_owned(), found, understands: self.rule.understands() }
    }

    /// The target of a text.
    ///
    /// # Errors
    /// If it is no source of the task.
    pub fn understand(&self, text: &str) -> Result<String, NotUnderstood> {
        self.encode(text)?;
        self.answer(text).ok_or_else(|| self.not_understood(text, "has no answer".to_owned()))
    }

    /// The target of a text, if it is a source of the task.
    pub fn answer(&self, source: &str) -> Option<String> {
        self.rule.answer(source)
    }

    /// The text of a source's ids, without padding.
    pub fn decode_source(&self, ids: &[u32]) -> String {
        ids.iter().filter_map(|&id| self.source.character(id)).collect()
    }

    /// The text of a target's ids up to its end, without padding and marks.
    pub fn decode_target(&self, ids: &[u32]) -> String {
        let ids = ids.iter().take_while(|id| **id != END);
        ids.filter_map(|&id| self.target.character(id)).collect()
    }

    /// The characters of a source, in the order of their ids.
    pub fn source_characters(&self) -> impl Iterator<Item = char> + use<> {
        self.source.characters()
    }

    /// The characters of a target, in the order of their ids.
    pub fn target_characters(&self) -> impl Iterator<Item = char> + use<> {
        self.target.characters()
    }

    /// Appends an example.
    fn append(&self, source: &[u8], target: &[u8], batch: &mut Batch) {
        let examples = batch.sequences + 1;
        batch.sequences = examples;
        batch.source.extend(self.source.ids(source));
        batch.source.resize(examples * self.source_size, PAD);
        batch.x.push(START);
        batch.x.extend(self.target.ids(target));
        batch.x.resize(examples * self.time, PAD);
        batch.y.extend(self.target.ids(target));
        batch.y.push(END);
        batch.y.resize(examples * self.time, IGNORED);
    }

    fn begin(&self, batch: &mut Batch) {
        batch.clear();
        batch.time = self.time;
        batch.source_time = self.source_size;
    }
}

impl Examples for Pairs {
    fn sizes(&self) -> Sizes {
        Sizes {
            vocab_size: self.target.size(),
            block_size: Some(self.time),
            source_vocab: self.source.size(),
            source_size: self.source_size,
            n_input: 0,
            sentences: None,
        }
    }

    fn draw(&self, split: Split, count: usize, rng: &mut ChaCha8Rng, batch: &mut Batch) {
        self.begin(batch);
        let (mut source, mut target) = (Line::new(), Line::new());
        while batch.sequences < count {
            source.clear();
            target.clear();
            self.rule.draw(rng, &mut source, &mut target);
            // Where there are too few examples to hold any out, an estimate asks for those of training.
            let wanted = self.held_out_from.is_some() && split == Split::Val;
            if self.held_out(target.bytes()) == wanted {
                self.append(source.bytes(), target.bytes(), batch);
            }
        }
    }

    /// `prompt` is a source. If it is one of the task, x and y are its right answer; otherwise x is [`START`] alone and
    /// nothing is asked.
    fn subject(&self, prompt: &[u32], batch: &mut Batch) {
        if prompt.is_empty() {
            return self.draw(Split::Val, 1, &mut stream(0, Purpose::Evaluation, 0), batch);
        }
        self.begin(batch);
        let source = self.decode_source(&prompt[..prompt.len().min(self.source_size)]);
        if let Some(target) = self.answer(&source) {
            return self.append(source.as_bytes(), target.as_bytes(), batch);
        }
        self.append(source.as_bytes(), &[], batch);
        batch.y.fill(IGNORED);
    }

    fn provenance(&self) -> &'static str {
        match self.held_out_from {
            Some(from) if !(0..from).any(|n| self.rule.different(n) > 0) => {
                "held-out examples (a tenth of the answers is never trained on)"
            }
            Some(_) => "held-out examples (of the longer answers, a tenth is never trained on)",
            None => "fresh examples (there are too few to hold any out)",
        }
    }

    fn judged(&self) -> usize {
        JUDGED
    }

    fn copied_from(&self, i: usize, n: usize) -> Option<usize> {
        self.rule.copied_from(i, n)
    }

    /// `exact_match`: the share of answers that are right to the last character.
    fn judge(&self, batch: &Batch, output: &Output) -> Vec<(&'static str, f64)> {
        let targets = batch.y.chunks(batch.time).map(|y| y.split(|&id| id == END).next());
        let right = output.tokens.iter().zip(targets).map(|(answer, y)| Some(&**answer) == y);
        vec![("exact_match", right.share())]
    }
}

#[cfg(test)]
mod tests;
