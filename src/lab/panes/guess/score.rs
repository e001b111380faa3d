//! What a guess is worth: a learner's answer as a distribution, and the mean of what the answers cost.

use crate::text::bigrams::Bigrams;
use crate::text::{Tokenizer, shown};

/// The probability that the character is among those named, by how sure the learner is, 1 to 5.
pub const SURE: [f64; 5] = [0.2, 0.4, 0.6, 0.8, 0.95];
/// How sure an answer is that does not say.
const UNSAID: usize = 3;
/// Characters that may be named.
const NAMED: usize = 3;

/// What a learner expects.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The likeliest first; none: no idea.
    pub named: Vec<u32>,
    /// 1 to 5.
    pub sure: usize,
}

impl Answer {
    /// Up to three characters, the likeliest first, and then perhaps a digit from 1 to 5: `eao4`. A digit alone is a
    /// character.
    ///
    /// # Errors
    /// If there are more, one twice, or one that the text has not; a clause says which.
    pub fn read(line: &str, tokenizer: &Tokenizer) -> Result<Self, String> {
        let mut characters: Vec<char> = line.chars().collect();
        let last = characters.last().and_then(|c| c.to_digit(10)).map(|digit| digit as usize);
        let sure = last.filter(|digit| characters.len() > 1 && (1..=SURE.len()).contains(digit));
        if sure.is_some() {
            characters.pop();
        }
        if characters.len() > NAMED {
            return Err(format!("at most {NAMED} characters, then 1 to 5"));
        }
        let mut named = Vec::new();
        for c in characters {
            let id = tokenizer.id(&c.to_string());
            let id = id.ok_or_else(|| format!("the text has no {}", shown::named(c)))?;
            if named.contains(&id) {
                return Err(format!("{} stands there twice", shown::named(c)));
            }
            named.push(id);
        }
        Ok(Self { named, sure: sure.unwrap_or(UNSAID) })
    }

    /// The probability of every character: what the learner is sure of goes to those named, each twice as likely as the
    /// next one; the rest to all others as often as they occur in the training text.
    pub fn distribution(&self, bigrams: &Bigrams) -> Vec<f64> {
        let v = bigrams.vocab_size() as u32;
        let mut alone: Vec<f64> = (0..v).map(|token| bigrams.alone(token)).collect();
        for &token in &self.named {
            alone[token as usize] = 0.0;
        }
        let others: f64 = alone.iter().sum();
        let all_named = others <= 0.0;
        let sure = match self.named.len() {
            0 => 0.0,
            _ if all_named => 1.0,
            _ => SURE[self.sure - 1],
        };
        if !all_named {
            for p in &mut alone {
                *p *= (1.0 - sure) / others;
            }
        }
        let halves = |place: usize| 0.5_f64.powi(place as i32);
        let sum: f64 = (0..self.named.len()).map(halves).sum();
        for (place, &token) in self.named.iter().enumerate() {
            alone[token as usize] = sure * halves(place) / sum;
        }
        alone
    }
}

/// A mean and its standard error, which takes two numbers at least.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Mean {
    pub mean: f64,
    pub error: Option<f64>,
}

impl Mean {
    pub fn of(values: &[f64]) -> Self {
        let n = values.len() as f64;
        let mean = values.iter().sum::<f64>() / n.max(1.0);
        let squares: f64 = values.iter().map(|x| (x - mean).powi(2)).sum();
        let error = (values.len() > 1).then(|| (squares / (n - 1.0) / n).sqrt());
        Self { mean, error }
    }

    /// `2.91 ± 0.31`
    pub fn write(self, ascii: bool) -> String {
        let sign = if ascii { "+-" } else { "±" };
        match self.error {
            Some(error) => format!("{:.2} {sign} {error:.2}", self.mean),
            None => format!("{:.2}", self.mean),
        }
    }

    /// How it stands to another loss, of which the error is far smaller: two standard errors tell them apart.
    pub fn against(self, name: &str, loss: f64) -> String {
        let apart = 2.0 * self.error.unwrap_or(f64::INFINITY);
        if self.mean + apart < loss {
            format!("you beat {name} {loss:.2}")
        } else if self.mean - apart > loss {
            format!("{name} {loss:.2} beats you")
        } else {
            format!("{name} {loss:.2} is within the error")
        }
    }
}
