//! One question, answered greedily and with a beam: what each kept at every place, and what it cost.

use super::answers::{are_questions, asked_of, with_end};
use super::surprise::{example, looked_at, question};
use super::{Arguments, Instrument, NotMeasured, Reading, Subject};
use crate::model::card::Unit;
use crate::model::{Kept, Search};

/// ln p of the whole answer, of the greedy one and of the best that the beam finds, and the second less the first.
pub const GREEDY: &str = "greedy";
pub const BEST: &str = "best";
pub const GAIN: &str = "gain";
/// 1 where it is the right answer, else 0; not there where the task knows none.
pub const GREEDY_EXACT: &str = "greedy_exact";
pub const BEST_EXACT: &str = "best_exact";
/// How many answers the beam went on with.
pub const WIDTH: &str = "width";

/// Columns before the tokens: what it is, the place, whether it has ended, ln p, the score.
const HEAD: usize = 5;
/// Questions are drawn one after the other: so many, no more.
const MOST: usize = 10_000;
/// Where there is no token.
const NOTHING: f32 = -1.0;

pub const INSTRUMENT: Instrument = Instrument {
    name: "search",
    definition: "one question, held out or typed, answered by the model, greedily and, where it searches, by a beam: ln p of either answer in nats (greedy, best), what the beam gains, and whether each is right (1 or 0); what was kept at every place with its ln p, and what was found with its score, ln p normalised for its length",
    unit: Unit::Plain,
    measure,
};

/// What a row of the reading is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum What {
    Question,
    /// The right answer; empty where the task knows none.
    Right,
    /// The model's own.
    Own,
    /// Kept at a place by a beam of one.
    Greedy,
    /// Kept at a place.
    Beam,
    /// Found by the beam, best first.
    Found,
}

const WHAT: [What; 6] =
    [What::Question, What::Right, What::Own, What::Greedy, What::Beam, What::Found];

/// A row of the reading.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    pub what: What,
    /// Counted from 0.
    pub place: usize,
    pub ended: bool,
    pub log_p: f32,
    /// Of what was found.
    pub score: f32,
    /// With the end, where there is one.
    pub tokens: Vec<u32>,
}

impl Row {
    fn plain(what: What, tokens: Vec<u32>) -> Self {
        Self { what, place: 0, ended: false, log_p: 0.0, score: 0.0, tokens }
    }

    fn write(&self, width: usize) -> Vec<f32> {
        let what = WHAT.iter().position(|what| *what == self.what).unwrap_or(0);
        let ended = f32::from(u8::from(self.ended));
        let mut row = vec![what as f32, self.place as f32, ended, self.log_p, self.score];
        row.extend(self.tokens.iter().map(|token| *token as f32));
        row.resize(width, NOTHING);
        row
    }

    fn read(row: &[f32]) -> Option<Self> {
        let (&[what, place, ended, log_p, score], tokens) = row.split_first_chunk::<HEAD>()?;
        let tokens = tokens.iter().take_while(|token| **token >= 0.0);
        Some(Self {
            what: *WHAT.get(what as usize)?,
            place: place as usize,
            ended: ended > 0.0,
            log_p,
            score,
            tokens: tokens.map(|token| *token as u32).collect(),
        })
    }
}

/// The rows of a reading.
pub fn rows(reading: &Reading) -> Vec<Row> {
    let width = reading.shape.last().copied().unwrap_or(1).max(1);
    reading.values.chunks_exact(width).filter_map(Row::read).collect()
}

/// Values (R, 5 + W): [`rows`] reads them.
///
/// # Errors
/// If the examples are no questions, or the one that was typed is of another task.
fn measure(subject: &mut Subject<'_>, arguments: &Arguments) -> Result<Reading, NotMeasured> {
    are_questions(subject)?;
    let sizes = subject.examples.sizes();
    let vocabulary = if sizes.source_size > 0 { sizes.source_vocab } else { sizes.vocab_size };
    if let Some(token) = arguments.prompt.iter().find(|token| **token as usize >= vocabulary) {
        return Err(NotMeasured(format!("token {token} is outside the vocabulary {vocabulary}")));
    }
    if arguments.row >= MOST {
        return Err(NotMeasured(format!(
            "question {} is too far: the last one is {}",
            arguments.row,
            MOST - 1
        )));
    }
    let batch = if arguments.prompt.is_empty() {
        question(subject, arguments.row)
    } else {
        looked_at(subject, arguments)
    };
    let one = example(&batch, batch.sequences - 1);
    let [question, right] = asked_of(&one);
    let mut written = subject.inference.produce(subject.weights, &one).tokens;
    let Some(own) = written.pop() else {
        return Err(NotMeasured(format!("{} answers no questions", subject.card.name)));
    };
    // The longest answers have no room for an end.
    let ended =
        |answer: &[u32]| with_end(answer.to_vec(), one.source_time > 0 && answer.len() < one.time);
    let mut find = |width| subject.inference.search(subject.weights, &one, width);
    let width = arguments.beam.max(1);
    let (greedy, beam) = (find(1), find(width));
    let mut figures = Vec::new();
    if let Some((first, best)) = greedy.found.first().zip(beam.found.first()) {
        figures.push((GREEDY.to_owned(), first.log_p));
        figures.push((BEST.to_owned(), best.log_p));
        figures.push((GAIN.to_owned(), best.log_p - first.log_p));
        figures.push((WIDTH.to_owned(), width as f64));
        for (name, answer) in [(GREEDY_EXACT, first), (BEST_EXACT, best)] {
            let exact = f64::from(u8::from(ended(&answer.tokens) == right));
            figures.extend((!right.is_empty()).then(|| (name.to_owned(), exact)));
        }
    }
    let mut rows = vec![
        Row::plain(What::Question, question),
        Row::plain(What::Right, right),
        Row::plain(What::Own, ended(&own)),
    ];
    rows.extend(steps(What::Greedy, &greedy));
    rows.extend(steps(What::Beam, &beam));
    rows.extend(beam.found.iter().map(|found| Row {
        ended: found.tokens.len() < one.time,
        log_p: found.log_p as f32,
        score: found.score as f32,
        ..Row::plain(What::Found, ended(&found.tokens))
    }));
    let width = HEAD + rows.iter().map(|row| row.tokens.len()).max().unwrap_or(0);
    let values = rows.iter().flat_map(|row| row.write(width)).collect();
    Ok(Reading { figures, shape: vec![rows.len(), width], values })
}

fn steps(what: What, search: &Search) -> impl Iterator<Item = Row> {
    let row = move |place: usize, kept: &Kept| Row {
        place,
        ended: kept.ended,
        log_p: kept.log_p as f32,
        ..Row::plain(what, with_end(kept.tokens.clone(), kept.ended))
    };
    let steps = search.steps.iter().enumerate();
    steps.flat_map(move |(place, step)| step.iter().map(move |kept| row(place, kept)))
}

#[cfg(test)]
mod tests;
