//! Whether a model sees what it is asked to predict.

use std::collections::BTreeMap;

use super::{Arguments, Instrument, NotMeasured, Reading, Subject, surprise};
use crate::math::Real;
use crate::model::Batch;
use crate::model::card::Unit;

pub const INSTRUMENT: Instrument = Instrument {
    name: "future",
    definition: "the largest movement of a logit at any position before a token when that token is changed to another: 0 exactly, or the model sees the future; layer is the first, counted from 0, in which an earlier position moves, and -1 if none does",
    unit: Unit::Plain,
    measure,
};

/// So many tokens are changed, one at a time: all of a short prompt, of a long one the last and others spread evenly.
const CHANGED: usize = 8;

/// Values (layers): the largest movement within each, of the numbers it hands on. What does not stand in a layer (the
/// embedding, say) counts in the logits alone.
///
/// # Errors
/// If the model has not one prediction for each position, or its logits are not finite.
fn measure(subject: &mut Subject<'_>, arguments: &Arguments) -> Result<Reading, NotMeasured> {
    let logits = surprise::logits(subject)?;
    let example = surprise::looked_at(subject, arguments);
    let time = example.x.len();
    if time < 2 || !example.source.is_empty() {
        return Err(NotMeasured("it takes one sequence of at least two tokens".to_owned()));
    }
    // Of every activation that belongs to a layer, which it is.
    let mut names: Vec<&str> = Vec::new();
    let mut layer_of = BTreeMap::new();
    for part in subject.card.flow.iter().filter(|part| part.seen && !part.of.is_empty()) {
        let layer = names.iter().position(|of| *of == part.of).unwrap_or_else(|| {
            names.push(&part.of);
            names.len() - 1
        });
        layer_of.insert(part.name.as_str(), layer);
    }
    let before = look(subject, &example, |name| name == logits || layer_of.contains_key(name));
    match before.get(&logits) {
        Some(logits) if !logits.iter().all(|x| x.is_finite()) => {
            return Err(NotMeasured("the logits are not finite".to_owned()));
        }
        Some(rows) if rows.len() == time * subject.model.config().vocab_size => {}
        _ => {
            let name = subject.card.name;
            return Err(NotMeasured(format!("{name} has not one answer for each position")));
        }
    }
    let (mut largest, mut by_layer) = (0.0_f64, vec![0.0_f64; names.len()]);
    for at in changed(time) {
        let mut other = example.clone();
        other.x[at] = (other.x[at] + 1) % subject.model.config().vocab_size as u32;
        let after = look(subject, &other, |name| before.contains_key(name));
        for (name, after) in &after {
            let moved = movement(&before[name], after, time, at);
            if *name == logits {
                largest = largest.max(moved);
            } else if let Some(layer) = layer_of.get(name.as_str()) {
                by_layer[*layer] = by_layer[*layer].max(moved);
            }
        }
    }
    let layer = by_layer.iter().position(|moved| *moved > 0.0).map_or(-1.0, |layer| layer as f64);
    let figures = vec![("largest".to_owned(), largest), ("layer".to_owned(), layer)];
    let values: Vec<f32> = by_layer.into_iter().map(|moved| moved as f32).collect();
    Ok(Reading { figures, shape: vec![values.len()], values })
}

/// Which of the tokens after the first are changed.
fn changed(time: usize) -> impl Iterator<Item = usize> {
    let count = CHANGED.min(time - 1);
    (1..=count).map(move |i| (time - 1) * i / count)
}

/// Those activations that have a row for each position.
fn look(
    subject: &mut Subject<'_>,
    example: &Batch,
    wanted: impl Fn(&str) -> bool,
) -> BTreeMap<String, Vec<Real>> {
    let time = example.x.len();
    let mut found = BTreeMap::new();
    subject.inference.look(subject.weights, example);
    subject.inference.visit(&mut |name, shape, values| {
        if shape.len() == 2 && shape[0] == time && wanted(name) {
            found.insert(name.to_owned(), values.to_vec());
        }
    });
    found
}

/// The largest difference in the rows before one.
fn movement(before: &[Real], after: &[Real], time: usize, row: usize) -> f64 {
    let earlier = before.len() / time * row;
    let pairs = before[..earlier].iter().zip(&after[..earlier]);
    pairs.map(|(a, b)| (*a as f64 - *b as f64).abs()).fold(0.0, f64::max)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::probe::testing::{Case, config};

    fn ask(case: &Case) -> Reading {
        let arguments = Arguments { prompt: vec![1, 2, 3, 1, 2, 4, 5, 1], ..Arguments::default() };
        case.ask("future", &arguments).unwrap()
    }

    #[test]
    fn it_is_exactly_nothing_where_the_mask_is_on() {
        for stage in ["bigram", "single-head", "layer-norm", "gru", "conv"] {
            let found = ask(&Case::of(stage));
            assert_eq!(found.figure("largest"), Some(0.0), "{stage}");
            assert_eq!(found.figure("layer"), Some(-1.0), "{stage}");
            assert!(found.values.iter().all(|moved| *moved == 0.0), "{stage}");
        }
        assert_eq!(ask(&Case::of("layer-norm")).shape, [3]);
        assert_eq!(ask(&Case::of("bigram")).shape, [0]);
    }

    #[test]
    fn without_the_mask_it_enters_in_the_first_layer() {
        let mut config = config("layer-norm");
        config.model.causal = false;
        let case = Case::new(&config);
        let found = ask(&case);
        assert!(found.figure("largest").unwrap() > 1e-3, "{found:?}");
        assert_eq!(found.figure("layer"), Some(0.0));
        // By hand: the last token changed, the logits of the others compared.
        let tokens = [1, 2, 3, 1, 2, 4, 5];
        let [a, b] = [1, 2].map(|last| case.activation(&[&tokens[..], &[last]].concat(), "logits"));
        let moved = movement(&a, &b, 8, 7);
        assert!(moved > 0.0 && found.figure("largest").unwrap() >= moved);
    }

    /// With values that are all 0 the first two layers hand on nothing of what they see.
    #[test]
    fn it_names_the_layer_that_lets_the_future_in() {
        let mut config = config("layer-norm");
        config.model.causal = false;
        let mut case = Case::new(&config);
        let model = &case.model;
        for parameter in model.registry().parameters() {
            let blind = ["blocks.0.sa.", "blocks.1.sa."];
            let value = parameter.name.ends_with(".value.weight");
            if value && blind.iter().any(|block| parameter.name.starts_with(block)) {
                parameter.write(&mut case.weights, &vec![0.0; parameter.len()]);
            }
        }
        let found = ask(&case);
        assert_eq!(found.figure("layer"), Some(2.0), "{found:?}");
        assert_eq!(found.values[..2], [0.0; 2]);
        assert!(found.values[2] > 0.0 && found.figure("largest").unwrap() > 0.0);
    }

    #[test]
    fn the_last_token_is_always_among_those_that_are_changed() {
        assert_eq!(changed(2).collect::<Vec<_>>(), [1]);
        assert_eq!(changed(8).collect::<Vec<_>>(), [1, 2, 3, 4, 5, 6, 7]);
        assert_eq!(changed(257).collect::<Vec<_>>(), [32, 64, 96, 128, 160, 192, 224, 256]);
    }

    #[test]
    fn what_is_not_finite_is_no_proof_of_innocence() {
        let mut case = Case::of("single-head");
        case.weights.fill(Real::NAN);
        let why = case.ask("future", &Arguments::default()).unwrap_err();
        assert!(why.to_string().contains("not finite"));
        for stage in ["vae", "memory", "encoder-decoder"] {
            assert!(Case::of(stage).ask("future", &Arguments::default()).is_err(), "{stage}");
        }
    }
}
