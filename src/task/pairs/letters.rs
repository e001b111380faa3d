//! Letters in another order: reversed, or sorted.

use rand::Rng;
use rand_chacha::ChaCha8Rng;

use super::Rule;
use crate::task::line::{LONGEST, Line};

pub const LETTERS: &str = "abcdefghijklmnopqrstuvwxyz";

/// What becomes of the letters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    Reversed,
    Sorted,
}

/// A string of 1 to `length` lower-case letters -> the same letters, reversed or sorted. Every length is as likely as
/// every other, and so is every letter.
#[derive(Clone, Copy, Debug)]
pub struct Letters {
    order: Order,
    length: usize,
}

impl Letters {
    /// `length` is the longest string; more than [`LONGEST`] is not taken.
    pub fn new(order: Order, length: usize) -> Self {
        Self { order, length: length.clamp(1, LONGEST) }
    }

    fn arrange(self, letters: &mut [u8]) {
        match self.order {
            Order::Reversed => letters.reverse(),
            Order::Sorted => letters.sort_unstable(),
        }
    }
}

impl Rule for Letters {
    fn draw(&self, rng: &mut ChaCha8Rng, source: &mut Line, target: &mut Line) {
        for _ in 0..rng.random_range(1..=self.length) {
            source.push(b'a' + rng.random_range(0..26));
        }
        target.extend(source.bytes());
        self.arrange(target.bytes_mut());
    }

    fn answer(&self, source: &str) -> Option<String> {
        let mut letters = source.as_bytes().to_vec();
        self.arrange(&mut letters);
        String::from_utf8(letters).ok()
    }

    fn source_characters(&self) -> &'static str {
        LETTERS
    }

    fn target_characters(&self) -> &'static str {
        LETTERS
    }

    fn longest(&self) -> (usize, usize) {
        (self.length, self.length)
    }

    /// Strings; or, sorted, multisets of letters: n + 25 over n.
    fn different(&self, length: usize) -> usize {
        let longer = |count: usize, n: usize| match self.order {
            Order::Reversed => count.saturating_mul(26),
            // Exact at every step, and held below what could overflow.
            Order::Sorted => (count * (n + 25) / n).min(usize::MAX >> 8),
        };
        (1..=length).fold(1, longer)
    }

    fn copied_from(&self, i: usize, n: usize) -> Option<usize> {
        (self.order == Order::Reversed && i < n).then(|| n - 1 - i)
    }

    fn understands(&self) -> String {
        format!("1 to {} lower-case letters, such as `hello`", self.length)
    }
}
