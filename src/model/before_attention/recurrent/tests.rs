use std::collections::HashMap;
use std::ops::Range;

use super::*;
use crate::math::cross_entropy;
use crate::model::{Conditions, Losses, build};

const EVERY: [Architecture; 3] = [Architecture::Rnn, Architecture::Gru, Architecture::Lstm];

fn config(architecture: Architecture) -> Config {
    Config {
        architecture,
        vocab_size: 11,
        block_size: 5,
        n_embd: 6,
        n_hidden: 7,
        n_layer: 2,
        ..Config::default()
    }
}

/// A text, of which only the last position is asked if `recall`.
fn batch(config: &Config, sequences: usize, recall: bool) -> Batch {
    let n = sequences * config.block_size;
    let ids = |step: usize| (0..n).map(move |i| ((i * step + i / 3) % config.vocab_size) as u32);
    let last = |i: usize| (i + 1).is_multiple_of(config.block_size);
    let asked = |(i, y)| if recall && !last(i) { IGNORED } else { y };
    let y = ids(5).enumerate().map(asked).collect();
    Batch::text(ids(7).collect(), y, sequences, config.block_size)
}

fn weights(model: &dyn Model) -> Vec<Real> {
    let mut weights = vec![0.0; model.registry().len()];
    model.initialise(&mut weights, 7);
    weights
}

fn conditions(p: f64) -> Conditions {
    Conditions { dropout: Dropout { p, seed: 3, step: 9 }, ..Conditions::default() }
}

#[cfg(feature = "f64")]
#[test]
fn gradient_of_every_parameter_of_recurrent_models() {
    use crate::math::finite_difference::check;
    for architecture in EVERY {
        for n_layer in [1, 2] {
            for (block_size, recall, p) in [(5, false, 0.0), (5, true, 0.25), (1, false, 0.25)] {
                let config = Config { n_layer, block_size, ..config(architecture) };
                let model = build(&config).unwrap();
                let (weights, batch) = (weights(&*model), batch(&config, 3, recall));
                let conditions = conditions(p);
                let mut shard = model.shard();
                let mut gradients = vec![0.0; weights.len()];
                shard.loss_and_gradients(&weights, &batch, 0..3, &conditions, &mut gradients);
                let mut ignored = vec![0.0; weights.len()];
                check(&format!("{config:?}"), &weights, &gradients, 1e-5, |weights| {
                    let losses =
                        shard.loss_and_gradients(weights, &batch, 0..3, &conditions, &mut ignored);
                    losses.over(batch.targets()).loss
                });
            }
        }
    }
}

#[test]
fn shards_and_micro_batches_add_up_to_the_whole_batch() {
    for architecture in EVERY {
        for recall in [false, true] {
            // 16 sequences in a micro-batch.
            let config = Config { block_size: 150, ..config(architecture) };
            let model = build(&config).unwrap();
            let (weights, batch) = (weights(&*model), batch(&config, 37, recall));
            let run = |parts: &[Range<usize>]| {
                let mut gradients = vec![0.0; weights.len()];
                let mut losses = Losses::default();
                for rows in parts {
                    losses += model.shard().loss_and_gradients(
                        &weights,
                        &batch,
                        rows.clone(),
                        &conditions(0.2),
                        &mut gradients,
                    );
                }
                (losses.loss, gradients)
            };
            let (loss, gradients) = run(std::slice::from_ref(&(0..37)));
            let (other_loss, other) = run(&[0..4, 4..5, 5..37]);
            assert!((loss - other_loss).abs() / loss < 1e-5);
            let norm = |x: &mut dyn Iterator<Item = Real>| x.map(|x| x * x).sum::<Real>().sqrt();
            let error = norm(&mut gradients.iter().zip(&other).map(|(a, b)| a - b));
            assert!(error / norm(&mut gradients.iter().copied()) < 1e-5, "{error}");
        }
    }
}

#[test]
fn the_loss_alone_is_the_loss_of_a_step_without_dropout() {
    for architecture in EVERY {
        let config = config(architecture);
        let model = build(&config).unwrap();
        for recall in [false, true] {
            let (weights, batch) = (weights(&*model), batch(&config, 3, recall));
            let (mut shard, conditions) = (model.shard(), Conditions::default());
            let alone = shard.loss(&weights, &batch, 0..3, &conditions);
            let mut gradients = vec![0.0; weights.len()];
            let step =
                shard.loss_and_gradients(&weights, &batch, 0..3, &conditions, &mut gradients);
            assert!((alone.loss - step.loss).abs() < 1e-5);
            let ln = (config.vocab_size as f64).ln();
            assert!((alone.over(batch.targets()).loss - ln).abs() < 0.5, "near ln V at first");
        }
    }
}

#[test]
fn nothing_asked_is_nothing_learned() {
    let config = config(Architecture::Gru);
    let model = build(&config).unwrap();
    let (weights, mut batch) = (weights(&*model), batch(&config, 3, true));
    batch.y[config.block_size..].fill(IGNORED);
    let mut gradients = vec![0.0; weights.len()];
    let losses =
        model.shard().loss_and_gradients(&weights, &batch, 1..3, &conditions(0.0), &mut gradients);
    assert_eq!(losses, Losses::default());
    assert!(gradients.iter().all(|d| *d == 0.0));
}

#[test]
fn a_later_token_changes_no_earlier_logit() {
    for architecture in EVERY {
        let config = Config { block_size: 12, ..config(architecture) };
        let model = build(&config).unwrap();
        let weights = weights(&*model);
        let mut look = model.language_model().unwrap();
        let tokens: Vec<u32> = (0..12).map(|i| i * 3 % 11).collect();
        look.forward(&weights, &tokens);
        let before = look.logits().to_owned();
        for change in 1..12 {
            let mut other = tokens.clone();
            other[change] = (other[change] + 1) % 11;
            look.forward(&weights, &other);
            let earlier = s![..change, ..];
            assert_eq!(before.slice(earlier), look.logits().slice(earlier), "bit for bit");
            assert_ne!(before.row(change), look.logits().row(change));
        }
    }
}

#[test]
fn generation_goes_on_past_the_window_as_if_there_were_none() {
    for architecture in EVERY {
        let model = build(&config(architecture)).unwrap();
        // The same weights with a window that holds everything: nothing in them depends on it.
        let wide = build(&Config { block_size: 40, ..config(architecture) }).unwrap();
        let weights = weights(&*model);
        let (mut short, mut long) =
            (model.language_model().unwrap(), wide.language_model().unwrap());
        let text: Vec<u32> = (0..40).map(|i| i * 7 % 11).collect();
        for length in (3..=40).chain([40, 4, 2, 3, 7]) {
            let found = short.next_logits(&weights, &text[..length]).to_vec();
            long.forward(&weights, &text[..length]);
            for (a, b) in found.iter().zip(long.logits().row(length - 1)) {
                assert!((a - b).abs() < 1e-5, "{architecture:?} after {length} tokens: {a} {b}");
            }
        }
        let mut other = text.clone();
        other[0] = 5;
        let (one, other) = (
            short.next_logits(&weights, &text[..9]).to_vec(),
            short.next_logits(&weights, &other[..9]).to_vec(),
        );
        assert_ne!(one, other, "a context that begins otherwise is read anew");
    }
}

fn seen(inference: &dyn Inference) -> HashMap<String, (Vec<usize>, Vec<Real>)> {
    let mut all = HashMap::new();
    inference.visit(&mut |name, shape, values| {
        assert_eq!(shape.iter().product::<usize>(), values.len(), "{name}");
        let twice = all.insert(name.to_owned(), (shape.to_vec(), values.to_vec()));
        assert!(twice.is_none(), "{name} twice");
    });
    all
}

#[test]
fn what_visit_hands_over_is_named_and_shaped() {
    let gates: [&[&str]; 3] = [
        &[],
        &["gates.reset", "gates.update", "gates.new"],
        &["gates.input", "gates.forget", "gates.cell", "gates.output", "cell"],
    ];
    for (architecture, gates) in EVERY.into_iter().zip(gates) {
        let config = config(architecture);
        let model = build(&config).unwrap();
        let weights = weights(&*model);
        let mut inference = model.inference();
        inference.look(&weights, &Batch::text(vec![1, 2, 3, 4], vec![], 1, 4));
        let all = seen(&*inference);
        for prefix in ["", "layers.0."] {
            for name in gates.iter().chain(&["hidden"]) {
                assert_eq!(all[&format!("{prefix}{name}")].0, [4, 7], "{prefix}{name}");
            }
            assert_eq!(all[&format!("{prefix}hidden.gradient_norm")].0, [4]);
        }
        assert_eq!(all["embedding"].0, [4, 6]);
        assert_eq!(all["logits"].0, [4, 11]);
        assert_eq!(all.len(), 3 + 2 * (gates.len() + 2));
        // Looking back leaves the logits as they were.
        let mut other = model.language_model().unwrap();
        other.forward(&weights, &[1, 2, 3, 4]);
        assert_eq!(all["logits"].1, other.logits().iter().copied().collect::<Vec<_>>());
    }
}

#[test]
fn a_gradient_reaches_every_state_up_to_its_target_and_none_after() {
    for architecture in EVERY {
        let config = Config { n_layer: 1, ..config(architecture) };
        let model = build(&config).unwrap();
        let weights = weights(&*model);
        let mut inference = model.inference();
        let mut norms = |y: Vec<u32>| {
            inference.look(&weights, &Batch::text(vec![1, 2, 3, 4, 5], y, 1, 5));
            seen(&*inference).remove("hidden.gradient_norm").map(|(_, norms)| norms)
        };
        let reached = |norms: &[Real]| norms.iter().map(|x| *x > 0.0).collect::<Vec<_>>();
        let at = |target: usize| (0..5).map(|t| if t == target { 3 } else { IGNORED }).collect();
        assert_eq!(reached(&norms(at(2)).unwrap()), [true, true, true, false, false]);
        assert_eq!(reached(&norms(at(4)).unwrap()), [true; 5]);
        // Of a text, the last token is the target of the one before it.
        let text = norms(vec![]).unwrap();
        assert_eq!(reached(&text), [true, true, true, true, false]);
        let mut same = vec![IGNORED; 5];
        same[3] = 5;
        assert_eq!(norms(same).unwrap(), text);
        assert!(norms(vec![IGNORED; 5]).is_none());
    }
}

#[test]
fn what_it_produces_is_the_likeliest_token_where_something_is_asked() {
    let config = config(Architecture::Lstm);
    let model = build(&config).unwrap();
    let (weights, batch) = (weights(&*model), batch(&config, 3, true));
    let output = model.inference().produce(&weights, &batch);
    assert_eq!(output.tokens.len(), 3);
    let mut other = model.language_model().unwrap();
    for (i, answer) in output.tokens.iter().enumerate() {
        let logits = other.next_logits(&weights, batch.tokens(i));
        assert_eq!(**answer, [crate::model::batch::argmax(logits) as u32]);
    }
}

/// Token by token, with the state that generation carries, is the same text.
#[test]
fn a_carried_loss_is_that_of_a_reader_who_never_forgets() {
    for architecture in EVERY {
        let model = Recurrent::new(&config(architecture));
        let weights = weights(&model);
        let (time, vocabulary) = (model.config.block_size, model.config.vocab_size);
        let text: Vec<u32> = (0..3 * time + 2).map(|i| (i * i % vocabulary) as u32).collect();
        let mut reader = model.language_model().unwrap();
        let mut naive = 0.0;
        for i in 1..text.len() {
            let mut logits = reader.next_logits(&weights, &text[..i]).to_vec();
            naive += cross_entropy::cross_entropy(&mut logits, &text[i..=i], vocabulary);
        }
        let mut reader = model.language_model().unwrap();
        let carried = reader.carried_loss(&weights, &text).unwrap();
        assert!((carried - naive).abs() < 1e-4 * naive, "{carried} {naive}");
        // Of one window it is the loss of every other reader.
        let batch = Batch::text(text[..time].to_vec(), text[1..=time].to_vec(), 1, time);
        let window = model.shard().loss(&weights, &batch, 0..1, &Conditions::default()).loss;
        let carried = reader.carried_loss(&weights, &text[..=time]).unwrap();
        assert!((carried - window).abs() < 1e-5 * window, "{carried} {window}");
    }
}
