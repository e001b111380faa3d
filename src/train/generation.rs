//! Text from a model, token by token; it can be interrupted after every token.

use std::time::Instant;

use rand_chacha::ChaCha8Rng;

use super::command::SampleRequest;
use super::event::RunId;
use super::snapshot::Sample;
use crate::math::Real;
use crate::math::random::{Purpose, stream};
use crate::model::sampling::{self, Sampling};
use crate::model::{LanguageModel, Model};

/// A text under way. The lecture's `generate`: the model sees the last block_size tokens, and the next token is drawn
/// from the distribution after the last of them.
pub struct Generation {
    /// What the model sees: the prompt (token 0 if there is none) and what was generated.
    context: Vec<u32>,
    prompt: Vec<u32>,
    tokens: Vec<u32>,
    logits: Vec<f32>,
    wanted: usize,
    sampling: Sampling,
    rng: ChaCha8Rng,
    language_model: Box<dyn LanguageModel>,
}

impl Generation {
    /// Begins the text number `index` of a request; each number has its own random stream. `None` if the model does not
    /// continue text.
    pub fn new(model: &dyn Model, request: &SampleRequest, index: u64) -> Option<Self> {
        let language_model = model.language_model()?;
        let context = if request.prompt.is_empty() { vec![0] } else { request.prompt.clone() };
        Some(Self {
            context,
            prompt: request.prompt.clone(),
            tokens: Vec::new(),
            logits: Vec::new(),
            wanted: request.tokens,
            sampling: request.sampling,
            rng: stream(request.seed, Purpose::Sampling, index),
            language_model,
        })
    }

    /// Generates until the text is complete or `until` has passed, but at least one token; whether it is complete.
    pub fn advance(&mut self, weights: &[Real], until: Instant) -> bool {
        while !self.is_complete() {
            self.next(weights);
            if Instant::now() >= until {
                break;
            }
        }
        self.is_complete()
    }

    /// Draws one more token. All calls must be with the same weights: what the model computed for the tokens before is
    /// used again.
    pub fn next(&mut self, weights: &[Real]) -> u32 {
        let logits = self.language_model.next_logits(weights, &self.context);
        self.logits.extend(logits.iter().map(|x| *x as f32));
        let table = sampling::distribution(logits, &self.sampling);
        let token = sampling::draw(&table, &mut self.rng);
        self.tokens.push(token);
        self.context.push(token);
        token
    }

    pub fn is_complete(&self) -> bool {
        self.tokens.len() >= self.wanted
    }

    /// What there is so far.
    pub fn sample(&self, run: RunId, step: u64) -> Sample {
        Sample {
            run,
            step,
            prompt: self.prompt.clone(),
            tokens: self.tokens.clone(),
            logits: self.logits.clone(),
            sampling: self.sampling,
            complete: self.is_complete(),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::train::testing;

    fn request(prompt: &[u32]) -> SampleRequest {
        SampleRequest {
            prompt: prompt.to_vec(),
            tokens: 40,
            sampling: Sampling::default(),
            seed: 7,
            every_seconds: None,
        }
    }

    fn text(index: u64, slice: Duration) -> Vec<u32> {
        let session = testing::session(1);
        let mut generation = Generation::new(session.model(), &request(&[1, 2]), index).unwrap();
        while !generation.advance(session.weights(), Instant::now() + slice) {}
        generation.sample(RunId::FIRST, 0).tokens
    }

    #[test]
    fn slices_change_nothing_and_every_index_is_another_text() {
        let whole = text(0, Duration::from_secs(60));
        assert_eq!(whole.len(), 40);
        assert_eq!(text(0, Duration::ZERO), whole);
        assert_ne!(text(1, Duration::ZERO), whole);
    }

    #[test]
    fn tokens_come_with_the_logits_they_were_drawn_from() {
        let session = testing::session(1);
        let mut request = request(&[]);
        request.sampling.temperature = 0.0;
        let mut generation = Generation::new(session.model(), &request, 0).unwrap();
        assert!(generation.advance(session.weights(), Instant::now() + Duration::from_secs(60)));
        let sample = generation.sample(RunId::FIRST, 0);
        assert!(sample.complete && sample.prompt.is_empty());
        for (token, logits) in sample.tokens.iter().zip(sample.logits.chunks(testing::VOCABULARY)) {
            let largest = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
            assert_eq!(logits[*token as usize], largest);
        }
        // Without a prompt it starts from token 0.
        assert!((sample.logits[0] as f64 - session.weights()[0] as f64).abs() < 1e-6);
    }
}
