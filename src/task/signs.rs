//! How the tokens of a task's examples are written: one sign each, or a word.

use super::recall::Recall;
use super::stories::Stories;
use super::{Config, Task, pairs};

/// Fills up what is shorter than the longest.
const PADDING: char = '_';
/// Stands before a target's first character.
const START: char = '^';
/// Stands after its last one.
const END: char = '$';

/// The signs of all token ids of a task.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signs {
    /// Of what an encoder reads; empty where there is none.
    source: Vec<char>,
    /// Of what is predicted.
    target: Vec<char>,
    /// Where tokens are words.
    words: &'static [&'static str],
}

impl Signs {
    /// `None` for a text, and where examples are no tokens.
    pub fn of(config: &Config) -> Option<Self> {
        let without = Self { source: Vec::new(), target: Vec::new(), words: &[] };
        match config.task {
            Task::Recall => return Some(Self { target: Recall::signs(), ..without }),
            Task::Stories => return Some(Self { words: Stories::words(), ..without }),
            _ => {}
        }
        let pairs = pairs(config)?;
        let source = std::iter::once(PADDING).chain(pairs.source_characters());
        let target = [PADDING, START, END].into_iter().chain(pairs.target_characters());
        Some(Self { source: source.collect(), target: target.collect(), ..without })
    }

    /// Of an id that an encoder reads.
    pub fn source(&self, id: u32) -> Option<char> {
        self.source.get(id as usize).copied()
    }

    /// Of an id that is predicted.
    pub fn target(&self, id: u32) -> Option<char> {
        match self.words.get(id as usize) {
            Some(word) => word.chars().next().filter(|_| word.len() == 1),
            None => self.target.get(id as usize).copied(),
        }
    }

    /// Of an id that is predicted, where tokens are words.
    pub fn word(&self, id: u32) -> Option<&'static str> {
        self.words.get(id as usize).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::math::random::{Purpose, stream};
    use crate::model::{Batch, PAD, Split};
    use crate::task::open;

    #[test]
    fn every_id_has_a_sign_of_its_own() {
        for task in [Task::Reverse, Task::Sort, Task::Dates, Task::Numbers, Task::Recall] {
            let config = Config { task, ..Config::default() };
            let (signs, sizes) = (Signs::of(&config).unwrap(), open(&config).unwrap().sizes());
            assert_eq!(signs.target.len(), sizes.vocab_size);
            assert_eq!(signs.source.len(), sizes.source_vocab);
            for mut side in [signs.source, signs.target] {
                let all = side.len();
                side.sort_unstable();
                side.dedup();
                assert_eq!(side.len(), all);
            }
        }
        for task in [Task::Text, Task::Glyphs, Task::Points] {
            assert_eq!(Signs::of(&Config { task, ..Config::default() }), None);
        }
    }

    #[test]
    fn a_pair_is_written_as_its_task_writes_it() {
        let config = Config { task: Task::Reverse, ..Config::default() };
        let signs = Signs::of(&config).unwrap();
        let mut batch = Batch::default();
        let mut rng = stream(1, Purpose::Batches, 0);
        open(&config).unwrap().draw(Split::Train, 1, &mut rng, &mut batch);
        let source = batch.source.iter().filter(|id| **id != PAD);
        let source: String = source.filter_map(|id| signs.source(*id)).collect();
        let target = batch.x.iter().filter(|id| **id != PAD);
        let target: String = target.filter_map(|id| signs.target(*id)).collect();
        assert_eq!(target, format!("^{}", source.chars().rev().collect::<String>()));
        assert_eq!((signs.source(PAD), signs.target(1000)), (Some('_'), None));
    }
}
