//! From logits to the next token: temperature, top-k, top-p, one draw.
//!
//! The softmax pane and the generator call the same [`distribution`], so the table on the screen is the one drawn from.

use rand::Rng;
use serde::{Deserialize, Serialize};

use crate::math::Real;

/// How the next token is chosen.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Sampling {
    /// Logits are divided by it; 0 always takes the largest.
    pub temperature: f64,
    /// Keep only the k most likely tokens.
    pub top_k: Option<usize>,
    /// Keep the smallest set of most likely tokens whose probability reaches p.
    pub top_p: Option<f64>,
}

impl Default for Sampling {
    fn default() -> Self {
        Self { temperature: 1.0, top_k: None, top_p: None }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
pub enum SamplingError {
    #[error("temperature must be a number from 0 up (found {0})")]
    Temperature(f64),
    #[error("top-k must be at least 1")]
    TopK,
    #[error("top-p must be above 0 and at most 1 (found {0})")]
    TopP(f64),
}

impl Sampling {
    /// # Errors
    /// If a setting is out of its range.
    pub fn validate(&self) -> Result<(), SamplingError> {
        if !(self.temperature >= 0.0 && self.temperature.is_finite()) {
            return Err(SamplingError::Temperature(self.temperature));
        }
        if self.top_k == Some(0) {
            return Err(SamplingError::TopK);
        }
        match self.top_p {
            Some(p) if !(p > 0.0 && p <= 1.0) => Err(SamplingError::TopP(p)),
            _ => Ok(()),
        }
    }
}

/// One row of the next-token table.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Candidate {
    pub token: u32,
    pub logit: f64,
    /// logit / temperature
    pub scaled: f64,
    /// Whether top-k and top-p left it in.
    pub kept: bool,
    /// What it is drawn with; 0 if not kept. All of them sum to 1.
    pub probability: f64,
}

/// The distribution the next token is drawn from, most likely first (ties by token id).
///
/// top-k is applied first, then top-p to what is left, renormalised. Temperature 0 is its limit: all on the largest logit.
pub fn distribution(logits: &[Real], sampling: &Sampling) -> Vec<Candidate> {
    let scale = if sampling.temperature > 0.0 { 1.0 / sampling.temperature } else { 1.0 };
    let mut table: Vec<Candidate> = logits
        .iter()
        .zip(0..)
        .map(|(&logit, token)| Candidate {
            token,
            logit: logit as f64,
            scaled: logit as f64 * scale,
            kept: true,
            probability: 0.0,
        })
        .collect();
    table.sort_by(|a, b| b.scaled.total_cmp(&a.scaled).then(a.token.cmp(&b.token)));
    let keep = if sampling.temperature > 0.0 { sampling.top_k.unwrap_or(table.len()) } else { 1 };
    for candidate in table.iter_mut().skip(keep) {
        candidate.kept = false;
    }
    softmax(&mut table);
    if let Some(p) = sampling.top_p {
        let mut reached = 0.0;
        for candidate in &mut table {
            candidate.kept &= reached < p;
            reached += candidate.probability;
        }
        softmax(&mut table);
    }
    table
}

/// Sets the probabilities of the kept candidates; the largest comes first, so its logit is the shift.
fn softmax(table: &mut [Candidate]) {
    let Some(largest) = table.first().map(|c| c.scaled) else { return };
    let mut sum = 0.0;
    for candidate in table.iter_mut() {
        candidate.probability =
            if candidate.kept { (candidate.scaled - largest).exp() } else { 0.0 };
        sum += candidate.probability;
    }
    for candidate in table.iter_mut() {
        candidate.probability /= sum;
    }
}

/// Draws one token from a table made by [`distribution`].
pub fn draw(table: &[Candidate], rng: &mut impl Rng) -> u32 {
    let mut left: f64 = rng.random();
    for candidate in table {
        left -= candidate.probability;
        if left < 0.0 {
            return candidate.token;
        }
    }
    // Rounding can leave a crumb: it belongs to the last token that was kept.
    table.iter().rev().find(|c| c.kept).map_or(0, |c| c.token)
}
