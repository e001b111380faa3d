//! Which examples are kept from training.
//!
//! There is no list of them: an example is held out if a hash of its answer falls in a fixed tenth. Training draws until
//! the answer is of the other nine tenths, an estimate until it is of this one, so the two never overlap, however long a
//! run is and whatever its seed. The answer decides, not the question: where several questions have one answer (the
//! spellings of a date, the orders of some letters) all of them are on one side, and what is asked of a model in an
//! estimate it has never been told.
//!
//! The second rule holds out of a length only if it has enough different answers. By the first, a tenth of the ten digits
//! was one number, which every sixth question of an estimate then asked for.

use crate::math::hash;

/// One in so many answers is held out.
const SHARE: u64 = 10;
/// Any constant; another one would hold out other answers.
const SALT: u64 = 0x6865_6c64_206f_7574;

/// The rule of the first checkpoints: a tenth of all answers, whatever their length.
pub const FIRST_RULE: u8 = 1;
/// A tenth of the answers of each length that has at least [`ENOUGH`] different ones.
pub const NEWEST_RULE: u8 = 2;
/// A tenth of so many answers is 200: even if nothing else is held out, none of them is 1 % of what is judged.
pub const ENOUGH: usize = 2000;

/// Whether an example with this content is held out.
pub fn held_out(content: impl IntoIterator<Item = u64>) -> bool {
    let state = content.into_iter().fold(SALT, |state, word| hash::key(&[state, word]));
    state.is_multiple_of(SHARE)
}

/// Whether an example with this answer is held out.
pub fn answer_held_out(answer: &[u8]) -> bool {
    held_out(answer.iter().map(|&byte| u64::from(byte)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tenth_is_held_out() {
        let count = (0..100_000_u32).filter(|n| answer_held_out(n.to_string().as_bytes())).count();
        // 10,000 expected with a standard deviation of 95.
        assert!((9600..10_400).contains(&count), "{count}");
    }

    #[test]
    fn the_order_of_an_answers_letters_counts() {
        let sides = |text: &str| answer_held_out(text.as_bytes());
        let differing = (b'b'..=b'z').filter(|&c| {
            let text = format!("a{}", char::from(c));
            sides(&text) != sides(&text.chars().rev().collect::<String>())
        });
        assert!(differing.count() > 0);
    }
}
