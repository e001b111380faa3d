//! The generation pane: a text one token at a time, with the learner pressing the key. The number that decides is seen.

mod drawing;
#[cfg(test)]
mod tests;

use rand::Rng;
use ratatui::buffer::Buffer;

use crate::lab::action::Action;
use crate::lab::facts::Facts;
use crate::lab::number::{count, setting};
use crate::lab::pane::{Pane, Seat, Wish};
use crate::lab::pen::sentence;
use crate::math::Real;
use crate::math::random::{Purpose, stream};
use crate::model::Card;
use crate::model::sampling::{Candidate, Sampling, distribution, draw};
use crate::train::Subscription;

/// Tokens that a text may grow to.
const LONGEST: usize = 4096;

#[derive(Debug, Default)]
pub struct Generation {
    /// The stream of random numbers.
    seed: u64,
    /// What the text began with, and the tokens that were drawn since. Together they are the lab's prompt.
    start: Vec<u32>,
    appended: Vec<u32>,
    drawn: Option<Drawn>,
}

/// A token that was drawn, and is not yet part of the text.
#[derive(Clone, Debug, PartialEq)]
struct Drawn {
    /// From 0 to 1: the number that decided.
    u: f64,
    token: u32,
    /// What it was drawn from, likeliest first, and after how many steps of training.
    table: Vec<Candidate>,
    step: u64,
    /// How.
    sampling: Sampling,
}

/// The logits after the whole text, and the step of their weights, as far as the model has seen it.
fn logits<'a>(facts: &Facts<'a>) -> Option<(&'a [f32], u64)> {
    let (card, snapshot, run) = (facts.card()?, facts.snapshot?, facts.run?);
    let text = &facts.prompt.tokens;
    let seen = text.len().min(run.config.model.block_size);
    // A snapshot of an earlier text says nothing of this one.
    if why_none(facts).is_some() || seen == 0 || snapshot.prompt[..] != text[text.len() - seen..] {
        return None;
    }
    let logits = snapshot.activation(card.logits()?)?;
    let &[rows, vocab_size] = logits.shape.as_slice() else { return None };
    let last = logits.values.get((rows.checked_sub(1)?) * vocab_size..)?;
    (rows == seen && last.len() == vocab_size).then_some((last, snapshot.step))
}

/// Why there is nothing to go on with.
fn why_none(facts: &Facts) -> Option<String> {
    let card = facts.card()?;
    if let Some(instead) = card.structure.instead_of_tokens {
        return Some(format!("{} writes no text: {instead}.", card.name));
    }
    let goes_on = facts.reads_prompt() && !card.structure.sees_future;
    (!goes_on).then(|| {
        format!("{} answers examples of its own task; it does not go on with a text.", card.name)
    })
}

impl Generation {
    /// What comes next is drawn from this; with the step of its weights.
    fn table(&self, facts: &Facts) -> Option<(Vec<Candidate>, u64)> {
        if let Some(drawn) = &self.drawn {
            return Some((drawn.table.clone(), drawn.step));
        }
        let (logits, step) = logits(facts)?;
        // With the feature f64 the core calculates in f64, while snapshots stay f32.
        #[allow(clippy::useless_conversion)]
        let logits: Vec<Real> = logits.iter().map(|x| (*x).into()).collect();
        Some((distribution(&logits, &facts.sampling), step))
    }

    /// Draws as whoever generates a whole text from this seed does: the numbers of one stream, one after another.
    fn draw_one(&mut self, facts: &Facts) {
        let Some((table, step)) = self.table(facts) else { return };
        let mut rng = stream(self.seed, Purpose::Sampling, 0);
        for _ in &self.appended {
            _ = rng.random::<f64>();
        }
        let u = rng.clone().random();
        let token = draw(&table, &mut rng);
        self.drawn = Some(Drawn { u, token, table, step, sampling: facts.sampling });
    }

    /// Makes what was drawn part of the text.
    fn go_on(&mut self) -> Vec<Wish> {
        match self.drawn.take() {
            Some(drawn) => {
                self.appended.push(drawn.token);
                self.show()
            }
            None => Vec::new(),
        }
    }

    /// Has the model look at the text.
    fn show(&self) -> Vec<Wish> {
        vec![Wish::Prompt([&self.start[..], &self.appended].concat())]
    }
}

impl Pane for Generation {
    fn title(&self) -> &'static str {
        "Generation"
    }

    fn detail(&self, facts: &Facts) -> String {
        if why_none(facts).is_some() {
            return String::new();
        }
        let sampling = &facts.sampling;
        let mut parts = vec![format!("seed {}", self.seed)];
        if sampling.temperature != 1.0 {
            parts.push(format!("temperature {}", setting(sampling.temperature)));
        }
        parts.extend(sampling.top_k.map(|k| format!("top-k {k}")));
        parts.extend(sampling.top_p.map(|p| format!("top-p {}", setting(p))));
        if let Some((_, step)) = self.table(facts) {
            parts.push(format!("step {}", count(step)));
        }
        parts.join(" · ")
    }

    fn about(&self, _facts: &Facts, _seat: Seat) -> String {
        "one token at a time: u decides".to_owned()
    }

    fn draw(&self, facts: &Facts, seat: Seat, buf: &mut Buffer) {
        let area = seat.room;
        if let Some((table, _)) = self.table(facts) {
            return drawing::draw(self, facts, &table, area, buf);
        }
        let why = why_none(facts);
        let text = if let Some(why) = &why {
            why
        } else if facts.corpus.is_some() && facts.reads_prompt() && facts.prompt.tokens.is_empty() {
            "Type a prompt with / to begin a text with."
        } else {
            "The model is reading the text."
        };
        sentence(facts.theme, text, area, buf);
    }

    fn act(&mut self, facts: &Facts, _seat: Seat, action: Action) -> Vec<Wish> {
        match action {
            Action::DrawOne | Action::Right if self.drawn.is_some() => return self.go_on(),
            Action::DrawOne if facts.prompt.tokens.len() < LONGEST => self.draw_one(facts),
            Action::Left if self.drawn.is_some() => self.drawn = None,
            Action::Left if !self.appended.is_empty() => {
                self.appended.pop();
                return self.show();
            }
            Action::Home => {
                self.drawn = None;
                if !self.appended.is_empty() {
                    self.appended.clear();
                    return self.show();
                }
            }
            Action::Up | Action::Down => {
                let by = if action == Action::Up { 1 } else { u64::MAX };
                self.seed = self.seed.wrapping_add(by) % 1000;
                self.drawn = None;
            }
            _ => {}
        }
        Vec::new()
    }

    fn subscribe(&self, facts: &Facts, wanted: &mut Subscription) {
        wanted.activations.extend(facts.card().and_then(Card::logits).map(str::to_owned));
    }

    fn refresh(&mut self, facts: &Facts) {
        let text = &facts.prompt.tokens;
        // Another text was typed, or another lesson opened.
        if text.strip_prefix(&self.start[..]).is_none_or(|rest| rest != self.appended) {
            self.start.clone_from(text);
            self.appended.clear();
            self.drawn = None;
        }
        // Another model has other tokens; and another temperature draws anew, with the same u.
        let vocab_size = facts.run.map_or(0, |run| run.config.model.vocab_size);
        let holds =
            |drawn: &Drawn| drawn.table.len() == vocab_size && drawn.sampling == facts.sampling;
        self.drawn = self.drawn.take().filter(holds);
    }

    fn understands(&self) -> &'static [Action] {
        &[
            Action::Left,
            Action::Right,
            Action::DrawOne,
            Action::TemperatureDown,
            Action::TemperatureUp,
            Action::TopKDown,
            Action::TopKUp,
            Action::TopPDown,
            Action::TopPUp,
        ]
    }
}
