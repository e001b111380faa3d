//! The guess pane: thirty next characters of the validation text, guessed by the learner and scored as a model is.

mod page;
mod score;
#[cfg(test)]
mod tests;

use ratatui::buffer::Buffer;

use crate::lab::action::Action;
use crate::lab::corpus::Counted;
use crate::lab::cursor::moved;
use crate::lab::facts::Facts;
use crate::lab::next_table::{self, NextTable};
use crate::lab::pane::{Pane, Seat, Wish};
use crate::lab::pen::sentence;
use crate::train::Subscription;
use score::{Answer, Mean};

/// What lesson files call the pane.
const NAME: &str = "guess";
/// Characters to guess.
const ROUND: usize = 30;
/// From so many on their mean is a line on the loss chart.
const ENOUGH: usize = 10;
/// Characters to read before the first guess.
const BEFORE: usize = 200;

/// A guess, once the truth is known.
#[derive(Clone, Debug)]
struct Guessed {
    answer: Answer,
    /// What the answer gave to the character that did come.
    probability: f64,
}

#[derive(Debug, Default)]
pub struct Guess {
    /// Which thirty of the passage.
    round: usize,
    guesses: Vec<Guessed>,
    /// Guesses above the first one in the list, which has the newest first.
    scroll: usize,
    /// Why the last line was no guess.
    error: Option<String>,
}

/// The passage, and what stands where in it.
struct Passage<'a> {
    counted: &'a Counted,
    /// The first character to guess.
    first: usize,
    /// How many there are to guess.
    length: usize,
}

impl Passage<'_> {
    /// The character to guess after so many, and the one before it.
    fn pair(&self, guessed: usize) -> (u32, u32) {
        let at = self.first + guessed;
        (self.counted.passage[at - 1], self.counted.passage[at])
    }

    /// The mean loss of a distribution over the characters guessed so far.
    fn loss(&self, guessed: usize, p: impl Fn(u32, u32) -> f64) -> f64 {
        let losses: Vec<f64> = (0..guessed)
            .map(|i| {
                let (before, truth) = self.pair(i);
                -p(before, truth).ln()
            })
            .collect();
        Mean::of(&losses).mean
    }
}

impl Guess {
    fn passage<'a>(&self, facts: &Facts<'a>) -> Option<Passage<'a>> {
        let counted = facts.corpus?.counted.as_deref()?;
        let all = counted.passage.len();
        let before = BEFORE.min(all / 2);
        let rounds = (all - before).div_ceil(ROUND).max(1);
        let first = before + self.round % rounds * ROUND;
        let length = ROUND.min(all - first);
        (first > 0 && length > 0).then_some(Passage { counted, first, length })
    }

    /// What the guesses so far have cost, in nats.
    fn mean(&self) -> Mean {
        let losses: Vec<f64> = self.guesses.iter().map(|guess| -guess.probability.ln()).collect();
        Mean::of(&losses)
    }

    fn is_done(&self, passage: &Passage) -> bool {
        self.guesses.len() >= passage.length
    }

    /// The mean loss of the model's own table on the same characters.
    fn models(&self, facts: &Facts, passage: &Passage) -> Option<f64> {
        let v = facts.corpus.filter(|_| facts.reads_prompt())?.counted()?.bigrams.vocab_size();
        let table = NextTable::read(facts, v)?;
        Some(passage.loss(self.guesses.len(), |before, truth| table.after(before)[truth as usize]))
    }

    /// The line for the next guess.
    fn line(&self) -> Wish {
        let label = format!("guess {}, sure 1-5", self.guesses.len() + 1);
        Wish::Line { pane: NAME, label, text: String::new() }
    }
}

impl Pane for Guess {
    fn title(&self) -> &'static str {
        "You on the chart"
    }

    fn detail(&self, facts: &Facts) -> String {
        let Some(passage) = self.passage(facts) else { return String::new() };
        format!("{} of {}", self.guesses.len(), passage.length)
    }

    fn about(&self, facts: &Facts, _seat: Seat) -> String {
        match self.passage(facts) {
            Some(passage) if self.is_done(&passage) => "s: the next characters to guess",
            _ => "enter: what comes next, and how sure you are",
        }
        .to_owned()
    }

    fn draw(&self, facts: &Facts, seat: Seat, buf: &mut Buffer) {
        match self.passage(facts) {
            Some(passage) => page::draw(self, facts, &passage, seat.room, buf),
            None if facts.corpus.is_some_and(|corpus| corpus.counted.is_some()) => {
                let text = "The validation text is too short to guess at.";
                sentence(facts.theme, text, seat.room, buf);
            }
            None => {
                let text = "The passage to guess at is there as soon as the text is counted.";
                sentence(facts.theme, text, seat.room, buf);
            }
        }
    }

    fn act(&mut self, facts: &Facts, _seat: Seat, action: Action) -> Vec<Wish> {
        let Some(passage) = self.passage(facts) else { return Vec::new() };
        let last = self.guesses.len().saturating_sub(1);
        match action {
            Action::TypeValue if !self.is_done(&passage) => return vec![self.line()],
            Action::SampleAnew => {
                let round = if self.guesses.is_empty() { self.round } else { self.round + 1 };
                *self = Self { round, ..Self::default() };
            }
            _ => self.scroll = moved(action, self.scroll, 8, last),
        }
        Vec::new()
    }

    /// A guess: the truth is shown, and the line is there for the next one.
    fn typed(&mut self, facts: &Facts, text: &str) -> Vec<Wish> {
        let Some(passage) = self.passage(facts) else { return Vec::new() };
        if self.is_done(&passage) {
            return Vec::new();
        }
        let answer = match Answer::read(text, &passage.counted.tokenizer) {
            Ok(answer) => answer,
            Err(why) => {
                self.error = Some(why);
                return vec![self.line()];
            }
        };
        let (_, truth) = passage.pair(self.guesses.len());
        let probability = answer.distribution(&passage.counted.bigrams)[truth as usize];
        self.guesses.push(Guessed { answer, probability });
        (self.scroll, self.error) = (0, None);
        let mut wishes = Vec::new();
        let Mean { mean, error } = self.mean();
        if let Some(error) = error.filter(|_| self.guesses.len() >= ENOUGH) {
            wishes.push(Wish::Yardstick { name: "you", loss: mean, error });
        }
        if !self.is_done(&passage) {
            wishes.push(self.line());
        }
        wishes
    }

    fn subscribe(&self, facts: &Facts, wanted: &mut Subscription) {
        next_table::subscribe(facts, wanted);
    }

    /// What was guessed is not guessed again.
    fn outlives_pages(&self) -> bool {
        true
    }

    fn understands(&self) -> &'static [Action] {
        &[Action::TypeValue, Action::SampleAnew]
    }
}
