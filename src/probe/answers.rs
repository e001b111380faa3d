//! Held-out questions, what the model answers, and what it would have said with the right answer so far before it.

use super::surprise::{example, held_out, logits};
use super::{Arguments, Instrument, NotMeasured, Reading, Subject};
use crate::model::batch::{argmax, asked};
use crate::model::card::Unit;
use crate::model::{Batch, IGNORED, PAD};
pub use crate::task::pairs::END;

/// The planes of the values.
pub const QUESTION: usize = 0;
pub const RIGHT: usize = 1;
pub const OWN: usize = 2;
pub const FORCED_PICKS: usize = 3;
const PLANES: usize = 4;

/// Where there is no token.
const NOTHING: f32 = -1.0;

/// Shares: of questions that are answered without a mistake, and of places that are right with the right answer so far before
/// them, or with the model's own.
pub const EXACT: &str = "exact";
pub const FORCED: &str = "forced";
pub const FREE: &str = "free";
/// Counted from 1, a mean over the answers that are wrong; not there where none is.
pub const FIRST_ERROR: &str = "first_error";
/// Counts of questions.
pub const ALL_RIGHT: &str = "right";
pub const EXAMPLES: &str = "examples";
/// By place: how many answers have one.
pub const ASKED: &str = "asked";

/// A figure of the place `i`, counted from 0 and named from 1: `forced 1`.
pub fn at(name: &str, i: usize) -> String {
    format!("{name} {}", i + 1)
}

pub const INSTRUMENT: Instrument = Instrument {
    name: "answers",
    definition: "held-out questions and the model's own answers: the share that is right to the last token (exact); the share of places that are right where the right answer so far is given (forced) and where the model reads what it wrote itself (free), in all and by place; the mean place of a wrong answer's first error",
    unit: Unit::Plain,
    measure,
};

/// The tokens of a plane's row of a reading.
pub fn tokens(reading: &Reading, plane: usize, row: usize) -> Vec<u32> {
    let &[_, count, width] = reading.shape.as_slice() else { return Vec::new() };
    let start = (plane * count + row) * width;
    let row = reading.values.get(start..start + width).unwrap_or_default();
    row.iter().take_while(|token| **token >= 0.0).map(|token| *token as u32).collect()
}

/// The place of the first difference of two answers, counted from 0.
pub fn first_error(own: &[u32], right: &[u32]) -> Option<usize> {
    let most = own.len().max(right.len());
    (0..most).find(|i| own.get(*i) != right.get(*i))
}

/// What is asked of the first example of a batch: the tokens of the question, and of the right answer with its end, if it has
/// one; no answer where the task knows none.
pub(super) fn asked_of(one: &Batch) -> [Vec<u32>; 2] {
    let question = if one.source_time > 0 { &one.source } else { &one.x };
    let padded = |token: &&u32| one.source_time == 0 || **token != PAD;
    let right = one.y.iter().copied().filter(|y| *y != IGNORED);
    [question.iter().take_while(padded).copied().collect(), right.collect()]
}

/// An answer with its end, where it has one: the longest have no room for it.
pub(super) fn with_end(mut answer: Vec<u32>, ends: bool) -> Vec<u32> {
    answer.extend(ends.then_some(END));
    answer
}

/// Whether the examples are questions.
///
/// # Errors
/// If they are not.
pub(super) fn are_questions(subject: &Subject<'_>) -> Result<(), NotMeasured> {
    if subject.examples.judged() > 0 && subject.examples.sizes().vocab_size > 0 {
        return Ok(());
    }
    Err(NotMeasured(format!("{} is asked no questions here", subject.card.name)))
}

/// Values (4, N, W): the tokens of the questions, of the right answers, of the model's own, and what it picks at each place of
/// the right one; with their ends, and filled up with -1.
///
/// # Errors
/// If the examples are no questions.
fn measure(subject: &mut Subject<'_>, arguments: &Arguments) -> Result<Reading, NotMeasured> {
    are_questions(subject)?;
    let name = logits(subject)?;
    let batch = held_out(subject, arguments, 1)?;
    let count = batch.sequences;
    let written = subject.inference.produce(subject.weights, &batch).tokens;
    if written.len() != count {
        return Err(NotMeasured(format!("{} answers no questions", subject.card.name)));
    }
    let mut planes: [Vec<Vec<u32>>; PLANES] = Default::default();
    for (i, written) in written.into_iter().enumerate() {
        let one = example(&batch, i);
        let [question, right] = asked_of(&one);
        let ends = one.source_time > 0 && written.len() < batch.time;
        subject.inference.look(subject.weights, &one);
        let mut picks = Vec::new();
        subject.inference.visit(&mut |known, shape, values| {
            if known == name {
                let rows = values.chunks_exact(shape.last().copied().unwrap_or(1).max(1));
                let whole = rows.len() == one.y.len();
                let rows: Vec<&[_]> = rows.collect();
                let at = |(row, place): (usize, usize)| rows.get(if whole { place } else { row });
                let rows = asked(&one.y).enumerate().filter_map(at);
                picks = rows.map(|row| argmax(row) as u32).collect();
            }
        });
        let rows = [question, right, with_end(written, ends), picks];
        planes.iter_mut().zip(rows).for_each(|(plane, row)| plane.push(row));
    }
    let width = planes.iter().flatten().map(Vec::len).max().unwrap_or(0);
    let fill = |row: &Vec<u32>| {
        let rest = std::iter::repeat_n(NOTHING, width - row.len());
        row.iter().map(|token| *token as f32).chain(rest).collect::<Vec<_>>()
    };
    Ok(Reading {
        figures: figures(&planes),
        shape: vec![PLANES, count, width],
        values: planes.iter().flatten().flat_map(fill).collect(),
    })
}

fn figures([_, right, own, picks]: &[Vec<Vec<u32>>; PLANES]) -> Vec<(String, f64)> {
    let places = right.iter().map(Vec::len).max().unwrap_or(0);
    let same = |ones: &[Vec<u32>], i: usize| {
        let of = ones.iter().zip(right).filter(|(_, right)| i < right.len());
        of.filter(|(one, right)| one.get(i) == Some(&right[i])).count() as f64
    };
    let asked: Vec<f64> =
        (0..places).map(|i| right.iter().filter(|right| i < right.len()).count() as f64).collect();
    let errors: Vec<_> =
        own.iter().zip(right).filter_map(|(own, right)| first_error(own, right)).collect();
    let (count, all) = (right.len() as f64, asked.iter().sum::<f64>());
    let exact = count - errors.len() as f64;
    let share = |ones: &[Vec<u32>]| (0..places).map(|i| same(ones, i)).sum::<f64>() / all.max(1.0);
    let mut figures = vec![
        (EXACT.to_owned(), exact / count.max(1.0)),
        (FORCED.to_owned(), share(picks)),
        (FREE.to_owned(), share(own)),
        (ALL_RIGHT.to_owned(), exact),
        (EXAMPLES.to_owned(), count),
    ];
    if !errors.is_empty() {
        let sum: usize = errors.iter().map(|place| place + 1).sum();
        figures.push((FIRST_ERROR.to_owned(), sum as f64 / errors.len() as f64));
    }
    for (i, asked) in asked.iter().enumerate() {
        figures.push((at(ASKED, i), *asked));
        figures.push((at(FORCED, i), same(picks, i) / asked));
        figures.push((at(FREE, i), same(own, i) / asked));
        let first = errors.iter().filter(|place| **place == i).count();
        figures.push((at(FIRST_ERROR, i), first as f64));
    }
    figures
}

#[cfg(test)]
mod tests;
