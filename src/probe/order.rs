//! Whether the order of tokens matters: what a model says after each of them, in two orders.

use super::{Arguments, Instrument, NotMeasured, Reading, Subject};
use crate::math::Real;
use crate::math::softmax::softmax_row;
use crate::model::Batch;
use crate::model::card::Unit;

/// The largest difference between logits of equal tokens, and between the probabilities of what comes next.
pub const SAME_SET: &str = "same_set";
pub const LAST: &str = "last";

pub const INSTRUMENT: Instrument = Instrument {
    name: "order",
    definition: "the logits of the same tokens in two orders: how far the outputs of equal tokens are apart at most (0: both orders have the same set of outputs), and how far the probabilities after the last position are",
    unit: Unit::Plain,
    measure,
};

/// The prompt and the text are the two orders. Values (2, T, V): the logits of both.
///
/// # Errors
/// If the text is not the prompt's tokens in an order, they do not fit the model, or it says nothing at each position.
fn measure(subject: &mut Subject<'_>, arguments: &Arguments) -> Result<Reading, NotMeasured> {
    let (one, other) = (&arguments.prompt, &arguments.text);
    if one.is_empty() {
        return Err(NotMeasured("there are no two texts to compare".to_owned()));
    }
    let partners = partners(one, other).ok_or_else(|| {
        NotMeasured("the second text is not the first one's tokens in some order".to_owned())
    })?;
    let [mut a, mut b] = [logits(subject, one)?, logits(subject, other)?];
    let width = a.len() / one.len();
    let values: Vec<f32> = a.iter().chain(&b).map(|x| *x as f32).collect();
    let (of_a, of_b) = values.split_at(a.len());
    let row = |of: &'_ [f32], i: usize| of[i * width..(i + 1) * width].to_vec();
    let apart = |(i, j): (usize, &usize)| largest_difference(&row(of_a, i), &row(of_b, *j));
    let same_set = partners.iter().enumerate().map(apart).fold(0.0, larger);
    let last = (one.len() - 1) * width;
    softmax_row(&mut a[last..]);
    softmax_row(&mut b[last..]);
    let differences = a[last..].iter().zip(&b[last..]).map(|(p, q)| (*p as f64 - *q as f64).abs());
    let figures =
        vec![(SAME_SET.to_owned(), same_set), (LAST.to_owned(), differences.fold(0.0, larger))];
    Ok(Reading { figures, shape: vec![2, one.len(), width], values })
}

/// (T, V)
fn logits(subject: &mut Subject<'_>, tokens: &[u32]) -> Result<Vec<Real>, NotMeasured> {
    let Subject { model, card, weights, examples, inference, seed } = subject;
    let Some(name) = card.logits() else {
        return Err(NotMeasured(format!("{} has no logits of tokens", card.name)));
    };
    let mut example = Batch::default();
    examples.subject(tokens, &mut example);
    if example.x != tokens {
        let (most, found) = (example.x.len(), tokens.len());
        return Err(NotMeasured(format!("it reads {most} tokens at once (found {found})")));
    }
    example.add_noise(model.noise(), *seed, super::LOOKED_AT);
    inference.look(weights, &example);
    let mut found = Vec::new();
    let mut rows = 0;
    inference.visit(&mut |other, shape, values| {
        if other == name {
            rows = shape.first().copied().unwrap_or(0);
            found.extend_from_slice(values);
        }
    });
    if rows != tokens.len() {
        return Err(NotMeasured(format!("{} has one answer, not one a position", card.name)));
    }
    Ok(found)
}

/// Where each token of the first stands in the second: the first of equal ones where the first is, and so on. `None` if
/// they are not the same tokens.
pub fn partners(one: &[u32], other: &[u32]) -> Option<Vec<usize>> {
    let mut taken = vec![false; other.len()];
    let mut partner = |token: &u32| {
        let at = (0..other.len()).find(|&at| other[at] == *token && !taken[at])?;
        taken[at] = true;
        Some(at)
    };
    let found: Option<Vec<usize>> = one.iter().map(&mut partner).collect();
    found.filter(|_| one.len() == other.len())
}

/// The largest difference between numbers of two rows; NaN if one is none.
pub fn largest_difference(a: &[f32], b: &[f32]) -> f64 {
    let apart = |(a, b): (&f32, &f32)| (f64::from(*a) - f64::from(*b)).abs();
    a.iter().zip(b).map(apart).fold(0.0, larger)
}

/// What is no number is larger than all.
fn larger(most: f64, x: f64) -> f64 {
    if x.is_nan() || x > most { x } else { most }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::model::{self, Config, config};
    use crate::text::windows::Windows;
    use crate::text::{Corpus, Dataset, Source};

    fn read(config: &Config, prompt: &[u32], text: &[u32]) -> Result<Reading, NotMeasured> {
        let corpus = Corpus {
            text: "the hot dog ate a dog\n".repeat(40),
            name: "test.txt".to_owned(),
            source: Source::File("test.txt".into()),
        };
        let dataset = Arc::new(Dataset::new(corpus).unwrap());
        let vocab_size = dataset.tokenizer.vocab_size();
        let model = model::build(&Config { vocab_size, ..config.clone() }).unwrap();
        let mut weights = vec![0.0; model.registry().len()];
        model.initialise(&mut weights, 7);
        let examples = Windows::new(dataset, config.block_size).unwrap();
        let mut subject = Subject {
            model: &*model,
            card: &model.card(),
            weights: &weights,
            examples: &examples,
            inference: &mut *model.inference(),
            seed: 7,
        };
        let arguments =
            Arguments { prompt: prompt.to_vec(), text: text.to_vec(), ..Arguments::default() };
        measure(&mut subject, &arguments)
    }

    const ONE: [u32; 6] = [3, 1, 4, 1, 5, 2];
    const OTHER: [u32; 6] = [1, 2, 4, 3, 1, 5];

    /// Without positions and without a mask attention takes a mean over a set: the same set of outputs in any order. With
    /// either of the two the order counts.
    #[test]
    fn attention_without_positions_and_without_a_mask_sees_a_set() {
        let bag = Config {
            position: config::Position::None,
            causal: false,
            n_layer: 2,
            residual: true,
            ..Config::default()
        };
        let found = read(&bag, &ONE, &OTHER).unwrap();
        assert!(found.figure(SAME_SET).unwrap() < 1e-5, "{:?}", found.figures);
        assert!(found.figure(LAST).unwrap() > 1e-3, "the last tokens differ: {:?}", found.figures);
        // The same last token, the rest in another order: the same prediction.
        let found = read(&bag, &ONE, &[1, 5, 3, 4, 1, 2]).unwrap();
        assert!(found.figure(LAST).unwrap() < 1e-5, "{:?}", found.figures);
        let placed = Config { position: config::Position::Learned, ..bag.clone() };
        assert!(read(&placed, &ONE, &OTHER).unwrap().figure(SAME_SET).unwrap() > 1e-2);
        let masked = Config { causal: true, ..bag };
        assert!(read(&masked, &ONE, &OTHER).unwrap().figure(SAME_SET).unwrap() > 1e-2);
    }

    /// A bigram's logits are the row of its table, wherever the token stands.
    #[test]
    fn a_table_knows_no_order() {
        let table = Config { architecture: config::Architecture::Bigram, ..Config::default() };
        let found = read(&table, &ONE, &OTHER).unwrap();
        assert_eq!(found.figure(SAME_SET), Some(0.0));
        assert_eq!(found.shape[..2], [2, 6]);
        let width = found.shape[2];
        let row = |order: usize, i: usize| &found.values[(order * 6 + i) * width..][..width];
        for (i, j) in partners(&ONE, &OTHER).unwrap().into_iter().enumerate() {
            assert_eq!(row(0, i), row(1, j));
        }
        let softmax = |row: &[f32]| {
            let sum: f64 = row.iter().map(|x| f64::from(*x).exp()).sum();
            row.iter().map(|x| f64::from(*x).exp() / sum).collect::<Vec<_>>()
        };
        let (p, q) = (softmax(row(0, 5)), softmax(row(1, 5)));
        let largest = p.iter().zip(&q).map(|(p, q)| (p - q).abs()).fold(0.0, f64::max);
        assert!((found.figure(LAST).unwrap() - largest).abs() < 1e-6);
    }

    #[test]
    fn what_is_no_other_order_is_refused() {
        let why = |one: &[u32], other: &[u32]| {
            read(&Config::default(), one, other).unwrap_err().to_string()
        };
        assert!(why(&[], &[]).contains("no two texts"));
        assert!(why(&[1, 2], &[1, 3]).contains("in some order"));
        assert!(why(&[1, 2], &[1, 2, 2]).contains("in some order"));
        assert!(why(&[1; 9], &[1; 9]).contains("reads 8 tokens at once (found 9)"));
    }

    #[test]
    fn equal_tokens_are_partners_in_turn() {
        assert_eq!(partners(&ONE, &OTHER).unwrap(), [3, 0, 2, 4, 5, 1]);
        assert_eq!(partners(&[1, 1], &[1]), None);
        assert!(largest_difference(&[1.0, f32::NAN, 3.0], &[1.0, 0.0, 0.0]).is_nan());
        assert_eq!(largest_difference(&[1.0, -2.0], &[1.5, 2.0]), 4.0);
    }
}
