//! The whole encoder-decoder: finite differences (f64), padding, and answers with and without caches.

use std::collections::HashMap;

use super::*;
use crate::model::config::{Activation, Architecture, Norm};
use crate::model::{IGNORED, PAD, build};

const SOURCE: usize = 6;
const TIME: usize = 5;

fn tiny(norm: Norm) -> Config {
    Config {
        architecture: Architecture::EncoderDecoder,
        vocab_size: 9,
        block_size: TIME,
        source_vocab: 7,
        source_size: SOURCE,
        n_embd: 8,
        n_head: 2,
        n_layer: 2,
        n_hidden: 10,
        activation: Activation::GeluTanh,
        norm,
        ..Config::default()
    }
}

/// Pairs of different lengths, on both sides.
fn pairs(count: usize) -> Batch {
    let mut batch = Batch { sequences: count, time: TIME, source_time: SOURCE, ..Batch::default() };
    for pair in 0..count {
        let (source, target) = (SOURCE - pair % 4, TIME - 1 - pair % 3);
        let id = |step: usize, of: usize, i: usize| ((pair * 5 + i * step) % of) as u32;
        batch.source.extend((0..source).map(|i| 1 + id(2, 6, i)));
        batch.source.resize((pair + 1) * SOURCE, PAD);
        let tokens: Vec<u32> = (0..target).map(|i| 3 + id(7, 6, i)).collect();
        batch.x.push(START);
        batch.x.extend(&tokens);
        batch.x.resize((pair + 1) * TIME, PAD);
        batch.y.extend(&tokens);
        batch.y.push(END);
        batch.y.resize((pair + 1) * TIME, IGNORED);
    }
    batch
}

fn weights(model: &dyn Model, seed: u64) -> Vec<Real> {
    let mut weights = vec![0.0; model.registry().len()];
    model.initialise(&mut weights, seed);
    weights
}

/// One pair of a batch.
fn one(batch: &Batch, i: usize) -> Batch {
    let mut pair = Batch { sequences: 1, ..Batch::default() };
    (pair.time, pair.source_time) = (batch.time, batch.source_time);
    pair.source.extend(&batch.source[i * SOURCE..(i + 1) * SOURCE]);
    pair.x.extend(batch.tokens(i));
    pair.y.extend(&batch.y[i * TIME..(i + 1) * TIME]);
    pair
}

fn looked(inference: &dyn Inference) -> HashMap<String, (Vec<usize>, Vec<Real>)> {
    let mut all = HashMap::new();
    inference.visit(&mut |name, shape, values| {
        assert_eq!(shape.iter().product::<usize>(), values.len(), "{name}");
        let value = (shape.to_vec(), values.to_vec());
        assert!(all.insert(name.to_owned(), value).is_none(), "{name} twice");
    });
    all
}

#[cfg(feature = "f64")]
#[test]
fn gradient_of_every_parameter_of_the_encoder_decoder() {
    use crate::math::finite_difference::check;
    for (norm, p, label_smoothing, switches) in [
        (Norm::Post, 0.0, 0.1, true),
        (Norm::Post, 0.25, 0.0, true),
        (Norm::Pre, 0.0, 0.0, true),
        (Norm::Pre, 0.25, 0.1, true),
        (Norm::Post, 0.25, 0.1, false),
    ] {
        let config = tiny(norm);
        let (shift_targets, scale_embeddings) = (switches, switches);
        let model = build(&Config { shift_targets, scale_embeddings, ..config }).unwrap();
        let (weights, batch) = (weights(&*model, 7), pairs(3));
        let dropout = Dropout { p, seed: 3, step: 9 };
        let conditions = Conditions { dropout, label_smoothing, ..Conditions::default() };
        let mut shard = model.shard();
        let mut gradients = vec![0.0; weights.len()];
        shard.loss_and_gradients(&weights, &batch, 0..3, &conditions, &mut gradients);
        let mut ignored = vec![0.0; weights.len()];
        check(&format!("{norm:?} {p}"), &weights, &gradients, 1e-5, |weights| {
            let losses = shard.loss_and_gradients(weights, &batch, 0..3, &conditions, &mut ignored);
            losses.over(batch.targets()).loss
        });
    }
}

#[test]
fn shards_and_micro_batches_add_up_to_the_whole_batch() {
    let model = build(&tiny(Norm::Post)).unwrap();
    let (weights, batch) = (weights(&*model, 1), pairs(200));
    let conditions = Conditions { label_smoothing: 0.1, ..Conditions::default() };
    let run = |parts: &[Range<usize>]| {
        let (mut losses, mut gradients) = (Losses::default(), vec![0.0; weights.len()]);
        let mut shard = model.shard();
        for rows in parts {
            let rows = rows.clone();
            losses += shard.loss_and_gradients(&weights, &batch, rows, &conditions, &mut gradients);
        }
        (losses, gradients)
    };
    let (whole, gradients) = run(std::slice::from_ref(&(0..200)));
    let (parts, other) = run(&[0..7, 7..130, 130..200][..]);
    assert_eq!(whole.parts, parts.parts);
    assert!((whole.loss - parts.loss).abs() / whole.loss < 1e-5);
    let norm = |x: &mut dyn Iterator<Item = Real>| x.map(|x| x * x).sum::<Real>().sqrt();
    let error = norm(&mut gradients.iter().zip(&other).map(|(a, b)| a - b));
    assert!(error / norm(&mut gradients.iter().copied()) < 1e-5, "{error}");
    let shard = &mut model.shard();
    let alone = shard.loss(&weights, &batch, 0..200, &conditions);
    assert_eq!(alone.parts, whole.parts);
    assert!((alone.loss - whole.loss).abs() / whole.loss < 1e-5);
}

#[test]
fn padding_has_no_weight_and_changes_nothing() {
    for norm in [Norm::Post, Norm::Pre] {
        let model = build(&tiny(norm)).unwrap();
        let weights = weights(&*model, 2);
        let mut inference = model.inference();
        let padded = one(&pairs(4), 3);
        assert_eq!(padded.source[SOURCE - 3..], [PAD; 3]);
        inference.look(&weights, &padded);
        let with = looked(&*inference);
        for map in ["encoder.0.self_attn.weights", "decoder.1.cross_attn.weights"] {
            for row in with[map].1.chunks(SOURCE) {
                assert_eq!(row[SOURCE - 3..], [0.0; 3], "{map}");
                assert!((row.iter().sum::<Real>() - 1.0).abs() < 1e-6, "{map}");
            }
        }
        let mut short = padded.clone();
        short.source.truncate(SOURCE - 3);
        short.source_time = SOURCE - 3;
        inference.look(&weights, &short);
        let without = looked(&*inference);
        let pairs = with["logits"].1.iter().zip(&without["logits"].1);
        assert!(pairs.into_iter().all(|(a, b)| (a - b).abs() < 1e-5));
    }
}

#[test]
fn what_visit_hands_over_is_named_and_shaped() {
    let model = build(&tiny(Norm::Post)).unwrap();
    let weights = weights(&*model, 2);
    let mut inference = model.inference();
    inference.look(&weights, &one(&pairs(1), 0));
    let all = looked(&*inference);
    for (name, shape) in [
        ("source_embedding", &[SOURCE, 8][..]),
        ("target_embedding", &[TIME, 8]),
        ("memory", &[SOURCE, 8]),
        ("encoder.1", &[SOURCE, 8]),
        ("decoder.1", &[TIME, 8]),
        ("encoder.0.self_attn.weights", &[2, SOURCE, SOURCE]),
        ("decoder.0.self_attn.weights", &[2, TIME, TIME]),
        ("decoder.1.cross_attn.weights", &[2, TIME, SOURCE]),
        ("decoder.1.cross_attn.key", &[2, SOURCE, 4]),
        ("decoder.0.ffwd.hidden", &[TIME, 10]),
        ("logits", &[TIME, 9]),
        ("probabilities", &[TIME, 9]),
    ] {
        assert_eq!(all[name].0, shape, "{name}");
    }
    for (i, weight) in all["decoder.0.self_attn.weights"].1.iter().enumerate() {
        assert!(i % TIME <= i / TIME % TIME || *weight == 0.0, "the future is hidden");
    }
}

/// Always the likeliest token, by whole forwards.
fn answer_without_caches(model: &dyn Model, weights: &[Real], pair: &Batch) -> Vec<u32> {
    let mut inference = model.inference();
    let mut answer = Vec::new();
    while answer.len() < TIME {
        let mut shown = pair.clone();
        shown.x = [&[START][..], &answer].concat();
        shown.time = shown.x.len();
        shown.y = vec![END; shown.time];
        inference.look(weights, &shown);
        let logits = &looked(&*inference)["logits"].1;
        let token = crate::model::batch::argmax(&logits[logits.len() - 9..]) as u32;
        if token == END {
            break;
        }
        answer.push(token);
    }
    answer
}

#[test]
fn answers_with_caches_are_those_of_whole_forwards() {
    let (mut answers, mut short) = (0, 0);
    for (norm, seed) in [(Norm::Post, 2), (Norm::Pre, 3), (Norm::Post, 4), (Norm::Pre, 5)] {
        let model = build(&tiny(norm)).unwrap();
        let weights = weights(&*model, seed);
        let batch = pairs(100);
        let mut inference = model.inference();
        let output = inference.produce(&weights, &batch);
        assert_eq!(output.tokens.len(), 100);
        for i in (0..100).step_by(9) {
            let expected = answer_without_caches(&*model, &weights, &one(&batch, i));
            assert_eq!(output.tokens[i], expected, "{norm:?} {i}");
            let best = inference.search(&weights, &one(&batch, i), 1);
            assert_eq!(best.found[0].tokens, expected, "a beam of one is greedy");
            let mut source = one(&batch, i);
            (source.x, source.y, source.time) = (Vec::new(), Vec::new(), 0);
            inference.look(&weights, &source);
            let mut rows = expected.len() + 1;
            rows = rows.min(TIME);
            assert_eq!(looked(&*inference)["logits"].0, [rows, 9]);
            answers += 1;
            short += usize::from(expected.len() < TIME);
        }
    }
    assert!(0 < short && short < answers, "{short} of {answers} answers end before the longest");
}

/// With as many hypotheses as there are answers of two tokens, a beam finds the best of all of them.
#[test]
fn a_wide_beam_finds_the_best_of_all_answers() {
    let config = Config { block_size: 2, ..tiny(Norm::Post) };
    let model = build(&config).unwrap();
    let weights = weights(&*model, 6);
    let mut inference = model.inference();
    let mut pair = one(&pairs(1), 0);
    let mut log_p = |x: Vec<u32>| {
        (pair.time, pair.y, pair.x) = (x.len(), vec![END; x.len()], x);
        inference.look(&weights, &pair);
        let probabilities = looked(&*inference)["probabilities"].1.clone();
        let last: Vec<f64> =
            probabilities[probabilities.len() - 9..].iter().map(|p| (*p as f64).ln()).collect();
        last
    };
    let normalised = |log_p: f64, n: usize| log_p / ((5 + n) as f64 / 6.0).powf(0.6);
    let first = log_p(vec![START]);
    let mut all = vec![(normalised(first[END as usize], 1), Vec::new())];
    for token in (0..9).filter(|token| *token != END) {
        for (next, log_q) in (0..).zip(log_p(vec![START, token])) {
            let tokens = if next == END { vec![token] } else { vec![token, next] };
            all.push((normalised(first[token as usize] + log_q, 2), tokens));
        }
    }
    all.sort_by(|a, b| b.0.total_cmp(&a.0));
    let found = inference.search(&weights, &pair, 82).found;
    assert_eq!(found.len(), 73);
    for (found, (score, tokens)) in found.iter().zip(&all).take(20) {
        assert_eq!(found.tokens, *tokens);
        assert!((found.score - score).abs() < 1e-4);
    }
}

/// What is kept at a position is what was kept before with one more token, and costs what the model says of that token.
#[test]
fn a_search_tells_how_it_came_to_what_it_found() {
    let model = build(&tiny(Norm::Post)).unwrap();
    let weights = weights(&*model, 7);
    let mut inference = model.inference();
    let mut pair = one(&pairs(3), 2);
    let search = inference.search(&weights, &pair, 3);
    assert!(search.steps.len() <= TIME && !search.steps.is_empty());
    let mut before = vec![(Vec::new(), 0.0)];
    let mut ended = Vec::new();
    for kept in &search.steps {
        assert!(kept.is_sorted_by(|a, b| a.log_p >= b.log_p));
        assert!(kept.len() <= 3 - ended.len());
        for answer in kept {
            let (token, parent) = match answer.tokens.split_last() {
                _ if answer.ended => (END, &answer.tokens[..]),
                Some((token, parent)) => (*token, parent),
                None => panic!("nothing was written"),
            };
            let (_, log_p) = before.iter().find(|(tokens, _)| tokens == parent).unwrap();
            pair.x = [&[START][..], parent].concat();
            (pair.time, pair.y) = (pair.x.len(), vec![END; pair.x.len()]);
            inference.look(&weights, &pair);
            let probabilities = looked(&*inference)["probabilities"].1.clone();
            let p = probabilities[probabilities.len() - 9..][token as usize] as f64;
            assert!((log_p + p.ln() - answer.log_p).abs() < 1e-4, "{answer:?}");
        }
        ended.extend(kept.iter().filter(|kept| kept.ended).cloned());
        let open = kept.iter().filter(|kept| !kept.ended);
        before = open.map(|kept| (kept.tokens.clone(), kept.log_p)).collect();
    }
    let last = search.steps.last().unwrap().iter().filter(|kept| !kept.ended);
    let mut all: Vec<_> = ended.iter().chain(last).map(|k| (k.tokens.clone(), k.log_p)).collect();
    let mut found: Vec<_> = search.found.into_iter().map(|f| (f.tokens, f.log_p)).collect();
    for list in [&mut all, &mut found] {
        list.sort_by(|a, b| a.0.cmp(&b.0));
    }
    assert_eq!(all, found);
}

/// Tokens and positions add up to what the first layer reads, and the switches do what they say.
#[test]
fn rows_of_tokens_are_scaled_or_not_and_start_as_they_are_told() {
    use crate::model::config::EmbeddingInit::{RootWidth, Small, Unit};
    let rms = |values: &[Real]| {
        (values.iter().map(|x| x * x).sum::<Real>() / values.len() as Real).sqrt() as f64
    };
    for (embedding_init, scale_embeddings, expected) in [
        (RootWidth, true, 1.0),
        (RootWidth, false, 0.125),
        (Unit, true, 8.0),
        (Unit, false, 1.0),
        (Small, true, 0.16),
        (Small, false, 0.02),
    ] {
        let config = tiny(Norm::Post);
        let config = Config { n_embd: 64, embedding_init, scale_embeddings, ..config };
        let model = build(&config).unwrap();
        let weights = weights(&*model, 3);
        let mut inference = model.inference();
        inference.look(&weights, &one(&pairs(1), 0));
        let seen = looked(&*inference);
        for side in ["source", "target"] {
            let part = |of: &str| &seen[&format!("{side}_embedding{of}")].1;
            let [token, position] = [part(".token"), part(".position")];
            let sum: Vec<Real> = token.iter().zip(position).map(|(a, b)| a + b).collect();
            assert_eq!(&sum, part(""));
            let found = rms(token);
            assert!((found / expected - 1.0).abs() < 0.2, "{side} {embedding_init:?} {found}");
            assert!((rms(position) - 0.5_f64.sqrt()).abs() < 1e-3);
        }
    }
}

/// With targets that are shifted, what is asked for at a position does not change what is said there; without, it does.
#[test]
fn only_targets_that_are_not_shifted_tell_what_they_ask() {
    for shift_targets in [true, false] {
        let model = build(&Config { shift_targets, ..tiny(Norm::Post) }).unwrap();
        let weights = weights(&*model, 4);
        let mut inference = model.inference();
        let mut pair = one(&pairs(1), 0);
        let mut read = |last: u32| {
            pair.y[TIME - 1] = last;
            inference.look(&weights, &pair);
            let seen = looked(&*inference);
            let logits = &seen["logits"].1;
            (seen["target"].1.clone(), logits[logits.len() - 9..].to_vec())
        };
        let (tokens, one) = read(END);
        let expected = if shift_targets { START } else { 3 };
        assert_eq!(tokens[0] as u32, expected);
        assert_eq!(one == read(4).1, shift_targets);
        // A batch is read as one example is.
        let batch = pairs(9);
        let losses = model.shard().loss(&weights, &batch, 0..9, &Conditions::default());
        let mut sum = 0.0;
        for i in 0..9 {
            let pair = self::one(&batch, i);
            inference.look(&weights, &pair);
            let p = &looked(&*inference)["probabilities"].1;
            let asked = p.chunks(9).zip(&pair.y).filter(|(_, y)| **y != IGNORED);
            sum -= asked.map(|(row, y)| (row[*y as usize] as f64).ln()).sum::<f64>();
        }
        assert!((losses.loss - sum).abs() < 1e-3, "{} {sum}", losses.loss);
    }
}
