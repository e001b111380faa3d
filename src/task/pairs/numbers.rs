//! Number words to digits: `four hundred and seven` -> `407`.
//!
//! British usage: `and` before tens and units that follow a hundred or a thousand, a hyphen in `twenty-one`.

use rand::Rng;
use rand_chacha::ChaCha8Rng;
use std::fmt::Write as _;

use super::Rule;
use crate::task::line::Line;

/// The largest number.
const LARGEST: u32 = 999_999;
/// `three hundred and seventy-three thousand three hundred and seventy-three`.
const LONGEST_SOURCE: usize = 72;
const LONGEST_TARGET: usize = 6;

const SMALL: [&str; 20] = [
    "zero",
    "one",
    "two",
    "three",
    "four",
    "five",
    "six",
    "seven",
    "eight",
    "nine",
    "ten",
    "eleven",
    "twelve",
    "thirteen",
    "fourteen",
    "fifteen",
    "sixteen",
    "seventeen",
    "eighteen",
    "nineteen",
];
const TENS: [&str; 10] =
    ["", "", "twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"];

/// The numbers from 0 to 999,999. Every count of digits is as likely as every other, so that short numbers are not lost
/// among the long ones.
#[derive(Clone, Copy, Debug)]
pub struct Numbers;

/// Appends the words of a number up to 999,999.
fn spell(n: u32, line: &mut Line) {
    match n {
        0..20 => line.extend(SMALL[n as usize].as_bytes()),
        20..100 => {
            line.extend(TENS[n as usize / 10].as_bytes());
            if !n.is_multiple_of(10) {
                line.push(b'-');
                spell(n % 10, line);
            }
        }
        100..1000 => {
            spell(n / 100, line);
            line.extend(b" hundred");
            if !n.is_multiple_of(100) {
                line.extend(b" and ");
                spell(n % 100, line);
            }
        }
        _ => {
            spell(n / 1000, line);
            line.extend(b" thousand");
            match n % 1000 {
                0 => {}
                rest => {
                    line.extend(if rest < 100 { b" and " } else { b" " });
                    spell(rest, line);
                }
            }
        }
    }
}

/// The value of some number words, whatever their order; `None` if one is no number word or they are too many.
fn value(text: &str) -> Option<u32> {
    let (mut total, mut group) = (0_u32, 0_u32);
    for word in text.split([' ', '-']) {
        match word {
            "and" => {}
            "hundred" => group = group.checked_mul(100)?,
            "thousand" => {
                total = total.checked_add(std::mem::take(&mut group).checked_mul(1000)?)?;
            }
            _ => {
                let small = SMALL.iter().position(|w| *w == word);
                let tens = TENS.iter().position(|w| *w == word).map(|tens| 10 * tens);
                group = group.checked_add(small.or(tens)? as u32)?;
            }
        }
    }
    total.checked_add(group).filter(|n| *n <= LARGEST)
}

impl Rule for Numbers {
    fn draw(&self, rng: &mut ChaCha8Rng, source: &mut Line, target: &mut Line) {
        let past = 10_u32.pow(rng.random_range(1..=6));
        let first = if past == 10 { 0 } else { past / 10 };
        let n = rng.random_range(first..past);
        spell(n, source);
        _ = write!(target, "{n}");
    }

    fn answer(&self, source: &str) -> Option<String> {
        let n = value(source)?;
        // The words may stand in an order that no number has: then it is spelled otherwise.
        let mut spelled = Line::new();
        spell(n, &mut spelled);
        (spelled.bytes() == source.as_bytes()).then(|| n.to_string())
    }

    fn source_characters(&self) -> &'static str {
        " -adefghilnorstuvwxyz"
    }

    fn target_characters(&self) -> &'static str {
        "0123456789"
    }

    fn longest(&self) -> (usize, usize) {
        (LONGEST_SOURCE, LONGEST_TARGET)
    }

    fn different(&self, length: usize) -> usize {
        match length {
            0 => 0,
            1 => 10,
            2..=LONGEST_TARGET => 9 * 10_usize.pow(length as u32 - 1),
            _ => 0,
        }
    }

    fn understands(&self) -> String {
        "the words of a number up to 999,999, such as `four hundred and seven`".to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(n: u32) -> String {
        let mut line = Line::new();
        spell(n, &mut line);
        String::from_utf8(line.bytes().to_vec()).unwrap()
    }

    #[test]
    fn numbers_are_spelled_as_they_are_read() {
        for (n, expected) in [
            (0, "zero"),
            (7, "seven"),
            (12, "twelve"),
            (40, "forty"),
            (99, "ninety-nine"),
            (100, "one hundred"),
            (407, "four hundred and seven"),
            (1000, "one thousand"),
            (1005, "one thousand and five"),
            (21_300, "twenty-one thousand three hundred"),
            (600_018, "six hundred thousand and eighteen"),
            (999_999, "nine hundred and ninety-nine thousand nine hundred and ninety-nine"),
        ] {
            assert_eq!(words(n), expected);
        }
    }

    #[test]
    fn every_number_is_read_back_and_the_longest_is_known() {
        let mut longest = 0;
        for n in 0..=LARGEST {
            let words = words(n);
            longest = longest.max(words.len());
            assert_eq!(value(&words), Some(n), "{words}");
        }
        assert_eq!(longest, LONGEST_SOURCE);
        assert_eq!(Numbers.answer(&words(30_412)).unwrap(), "30412");
    }

    #[test]
    fn what_is_no_number_has_no_answer() {
        for text in ["", "seven four", "and", "four hundred seven", "hundred", "thousand thousand"]
        {
            assert_eq!(Numbers.answer(text), None, "{text:?}");
        }
        // Far more than a number can hold.
        assert_eq!(Numbers.answer(&["nine", &" hundred".repeat(20)].concat()), None);
    }
}
