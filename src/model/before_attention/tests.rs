//! Tests of the networks before attention: convolutions, the Neural GPU, the memory network.

use std::collections::HashMap;

use super::conv::Conv;
use crate::math::Real;
use crate::model::batch::argmax;
use crate::model::config::{Activation, Architecture, FeedForward};
use crate::model::*;

const VOCABULARY: usize = 7;

fn config() -> Config {
    Config {
        vocab_size: VOCABULARY,
        block_size: 6,
        n_embd: 6,
        n_hidden: 6,
        n_layer: 2,
        kernel: 3,
        hops: 2,
        ..Config::default()
    }
}

/// Token 1 ends a sentence; of more than two, the latest two are kept.
fn sentences() -> Config {
    Config { sentences: Some(Sentences { end: 1, most: 2 }), ..config() }
}

fn conv(change: &Config) -> Box<dyn Model> {
    build(&Config { architecture: Architecture::Conv, ..change.clone() }).unwrap()
}

fn neural_gpu(change: &Config) -> Box<dyn Model> {
    build(&Config { architecture: Architecture::NeuralGpu, ..change.clone() }).unwrap()
}

fn memory(change: &Config) -> Box<dyn Model> {
    build(&Config { architecture: Architecture::Memory, ..change.clone() }).unwrap()
}

fn every() -> Vec<Box<dyn Model>> {
    vec![
        conv(&config()),
        conv(&Config { kernel: 2, n_layer: 3, n_hidden: 5, ..config() }),
        neural_gpu(&Config { hops: 0, ..config() }),
        neural_gpu(&config()),
        neural_gpu(&Config { kernel: 2, hops: 1, ..config() }),
        neural_gpu(&Config { gate_cutoff: true, diagonal_gates: true, hops: 0, ..config() }),
        memory(&config()),
        memory(&Config { hops: 3, n_embd: 5, ..config() }),
        memory(&Config { hops: 1, block_size: 20, ..config() }),
        memory(&sentences()),
        memory(&Config {
            feed_forward: FeedForward::Mlp4,
            activation: Activation::Gelu,
            ..sentences()
        }),
        memory(&Config {
            feed_forward: FeedForward::Single,
            activation: Activation::Gelu,
            ..config()
        }),
    ]
}

/// A target at the last position, and in every other sequence at each `step`-th.
fn batch(time: usize, sequences: usize, step: usize) -> Batch {
    let ids =
        |by: usize| (0..sequences * time).map(move |i| ((i * by + i / 3) % VOCABULARY) as u32);
    let targets = ids(5).enumerate().map(|(i, id)| {
        // The sequences differ in how many targets they have.
        let (b, t) = (i / time, i % time);
        if t + 1 == time || (b % 2 == 0 && t % step == step - 1) { id } else { IGNORED }
    });
    Batch::text(ids(3).collect(), targets.collect(), sequences, time)
}

fn weights(model: &dyn Model) -> Vec<Real> {
    let mut weights = vec![0.0; model.registry().len()];
    model.initialise(&mut weights, 7);
    weights
}

fn conditions(p: f64) -> Conditions {
    Conditions { dropout: Dropout { p, seed: 3, step: 9 }, ..Conditions::default() }
}

fn seen(inference: &dyn Inference) -> HashMap<String, (Vec<usize>, Vec<Real>)> {
    let mut all = HashMap::new();
    inference.visit(&mut |name, shape, values| {
        assert_eq!(shape.iter().product::<usize>(), values.len(), "{name}");
        let before = all.insert(name.to_owned(), (shape.to_vec(), values.to_vec()));
        assert!(before.is_none(), "{name} twice");
    });
    all
}

#[cfg(feature = "f64")]
#[test]
fn gradient_of_every_parameter_of_networks_before_attention() {
    use crate::math::finite_difference::check;
    for model in every() {
        let weights = weights(&*model);
        for (step, p) in [(1, 0.0), (2, 0.25), (100, 0.0)] {
            let time = model.config().block_size;
            let (batch, conditions) = (batch(time, 3, step), conditions(p));
            let mut shard = model.shard();
            let mut gradients = vec![0.0; weights.len()];
            shard.loss_and_gradients(&weights, &batch, 0..3, &conditions, &mut gradients);
            let mut ignored = vec![0.0; weights.len()];
            let name = format!("{:?}", model.config());
            check(&name, &weights, &gradients, 1e-5, |weights| {
                let losses =
                    shard.loss_and_gradients(weights, &batch, 0..3, &conditions, &mut ignored);
                losses.over(batch.targets()).loss
            });
        }
    }
}

#[test]
fn shards_add_up_to_the_whole_batch() {
    for model in every() {
        let (weights, batch) = (weights(&*model), batch(5, 7, 2));
        let run = |parts: &[Range<usize>]| {
            let mut gradients = vec![0.0; weights.len()];
            let mut losses = Losses::default();
            for rows in parts {
                let mut shard = model.shard();
                let rows = rows.clone();
                losses += shard.loss_and_gradients(
                    &weights,
                    &batch,
                    rows,
                    &conditions(0.2),
                    &mut gradients,
                );
            }
            (losses, gradients)
        };
        let (losses, gradients) = run(std::slice::from_ref(&(0..7)));
        let (other, other_gradients) = run(&[0..2, 2..3, 3..7]);
        assert!((losses.loss - other.loss).abs() / losses.loss < 1e-5);
        for (a, b) in gradients.iter().zip(&other_gradients) {
            assert!((a - b).abs() < 1e-5, "{a} {b}");
        }
        let loss = model.shard().loss(&weights, &batch, 0..7, &conditions(0.0));
        let mut ignored = vec![0.0; weights.len()];
        let same = model.shard().loss_and_gradients(
            &weights,
            &batch,
            0..7,
            &conditions(0.0),
            &mut ignored,
        );
        assert!((loss.loss - same.loss).abs() < 1e-4, "{loss:?} {same:?}");
    }
}

#[test]
fn exactly_the_receptive_field_moves_the_logits_of_a_convolution() {
    for (kernel, n_layer, field) in [(2, 3, 8), (3, 2, 7), (3, 3, 15), (1, 2, 1), (4, 0, 1)] {
        let change = Config { kernel, n_layer, block_size: 20, ..config() };
        let model = Conv::new(&change);
        assert_eq!(model.receptive_field(), field);
        let weights = weights(&model);
        let mut look = model.language_model().unwrap();
        let tokens: Vec<u32> = (0..20).map(|i| i * 3 % 7).collect();
        let logits = look.next_logits(&weights, &tokens).to_vec();
        for t in 0..20 {
            let mut other = tokens.clone();
            other[t] = (other[t] + 1) % 7;
            let moved = look.next_logits(&weights, &other) != logits;
            assert_eq!(moved, t + field >= 20, "kernel {kernel}, layers {n_layer}, token {t}");
        }
        let longer = [&[1, 2, 3], &tokens[..]].concat();
        assert_eq!(look.next_logits(&weights, &longer), logits, "the window is block_size");
    }
}

/// The tape's ends are the limit: with too few passes the far end cannot matter.
#[test]
fn passes_of_the_neural_gpu_carry_two_cells_at_most() {
    let model = neural_gpu(&Config { block_size: 12, hops: 2, ..config() });
    let weights = weights(&*model);
    let mut look = model.inference();
    let mut subject = batch(12, 1, 100);
    look.look(&weights, &subject);
    let logits = seen(&*look)["logits"].1.clone();
    // Two passes and the decoder's step, each of them two cells.
    for t in 0..12 {
        let before = subject.x[t];
        subject.x[t] = (before + 1) % 7;
        look.look(&weights, &subject);
        subject.x[t] = before;
        assert_eq!(seen(&*look)["logits"].1 != logits, t + 6 >= 11, "token {t}");
    }
}

#[test]
fn what_is_shown_is_named_shaped_and_consistent() {
    for model in every() {
        let weights = weights(&*model);
        let mut look = model.inference();
        let subject = batch(5, 1, 100);
        look.look(&weights, &subject);
        let all = seen(&*look);
        let (shape, norms) = &all["embedding.gradient_norm"];
        assert_eq!(*shape, [5]);
        assert!(norms[4] > 0.0);
        let unasked = Batch { y: vec![IGNORED; 5], ..subject.clone() };
        look.look(&weights, &unasked);
        assert!(!seen(&*look).contains_key("embedding.gradient_norm"));
        let produced = look.produce(&weights, &batch(5, 2, 2));
        assert_eq!(produced.tokens.iter().map(Vec::len).collect::<Vec<_>>(), [3, 1]);
    }
}

#[test]
fn names_of_activations() {
    let subject = batch(5, 1, 2);
    let all = |model: Box<dyn Model>| {
        let mut look = model.inference();
        look.look(&weights(&*model), &subject);
        seen(&*look)
    };
    let found = all(conv(&config()));
    for (name, shape) in [("layers.1", [5, 6]), ("layers.0.conv", [5, 3]), ("logits", [5, 7])] {
        assert_eq!(found[name].0, shape, "{name}");
    }
    let found = all(neural_gpu(&Config { hops: 0, ..config() }));
    for name in
        ["passes.4", "passes.0.update", "outputs.2", "outputs.0.reset", "passes.3.candidate"]
    {
        assert_eq!(found[name].0, [5, 6], "{name}");
    }
    assert!(!found.contains_key("passes.5") && !found.contains_key("outputs.3"));
    assert_eq!(found["probabilities"].0, [3, 7], "three symbols are asked for");
    let found = all(memory(&config()));
    for name in ["hops.0.weights", "hops.1.weights"] {
        assert_eq!(found[name].0, [1, 4], "{name}");
        assert!((found[name].1.iter().sum::<Real>() - 1.0).abs() < 1e-5, "{name}");
    }
    assert_eq!(found["hops.0.outputs"], found["hops.1.memories"]);
    let (before, taken, after) =
        (&found["hops.0.question"].1, &found["hops.0"].1, &found["hops.1.question"].1);
    for ((before, taken), after) in before.iter().zip(taken).zip(after) {
        assert_eq!(before + taken, *after);
    }
}

#[test]
fn a_sentence_is_one_memory_and_its_words_have_an_order() {
    let model = memory(&Config { block_size: 9, ..sentences() });
    let (weights, mut look) = (weights(&*model), model.inference());
    let mut read = |x: &[u32]| {
        let mut y = vec![IGNORED; x.len()];
        y[x.len() - 1] = 2;
        look.look(&weights, &Batch::text(x.to_vec(), y, 1, x.len()));
        seen(&*look)
    };
    let found = read(&[2, 3, 1, 4, 1, 5, 6]);
    let same = |x: &[Real], y: &[Real]| x.iter().zip(y).all(|(x, y)| (x - y).abs() < 1e-5);
    for k in 0..2 {
        let (shape, shares) = &found[&format!("hops.{k}.weights")];
        assert_eq!(*shape, [1, 2]);
        assert!((shares.iter().sum::<Real>() - 1.0).abs() < 1e-5);
        // The weights are those that the memories and the question give, and so is what they take.
        let question = &found[&format!("hops.{k}.question")].1;
        let memories: Vec<_> = found[&format!("hops.{k}.memories")].1.chunks(6).collect();
        let outputs: Vec<_> = found[&format!("hops.{k}.outputs")].1.chunks(6).collect();
        let score = |m: &[Real]| m.iter().zip(question).map(|(m, u)| m * u).sum::<Real>();
        let first = 1.0 / (1.0 + (score(memories[1]) - score(memories[0])).exp());
        assert!(same(shares, &[first, 1.0 - first]), "{shares:?} {first}");
        let mix = |c: usize| first * outputs[0][c] + (1.0 - first) * outputs[1][c];
        assert!(same(&found[&format!("hops.{k}")].1, &(0..6).map(mix).collect::<Vec<_>>()));
    }
    // The sum of the words' rows, weighted by their places, and the time.
    let table = |name: &str, row: usize| {
        let of = model.registry().parameters().iter().find(|p| p.name == name).unwrap();
        weights[of.offset + row * 6..][..6].to_vec()
    };
    let (a, b, time) = (
        table("embeddings.0.weight", 2),
        table("embeddings.0.weight", 3),
        table("times.0.weight", 1),
    );
    let expected: Vec<Real> = (0..6)
        .map(|c| {
            let k = (c + 1) as Real / 6.0;
            a[c] * 0.5 + b[c] * k + time[c]
        })
        .collect();
    assert!(same(&found["hops.0.memories"].1[..6], &expected), "{expected:?}");
    assert!(found["embedding.gradient_norm"].1[2] == 0.0, "a full stop is no word");
    assert!(found["embedding.gradient_norm"].1[..2].iter().all(|norm| *norm > 0.0));
    assert_ne!(read(&[3, 2, 1, 4, 1, 5, 6])["logits"], found["logits"], "order counts");
    let longer = read(&[6, 1, 2, 3, 1, 4, 1, 5, 6]);
    assert_eq!(longer["logits"], found["logits"], "the latest two are kept");
}

/// The second symbol depends on what was written for the first.
#[test]
fn the_neural_gpu_reads_its_own_output_tape() {
    let model = neural_gpu(&config());
    let mut weights = weights(&*model);
    for weight in &mut weights {
        *weight *= 3.0;
    }
    let mut look = model.inference();
    let logits = |first: u32, look: &mut dyn Inference| {
        let y = vec![IGNORED, IGNORED, IGNORED, IGNORED, first, 2];
        look.look(&weights, &Batch::text(vec![1, 2, 3, 4, 5, 6], y, 1, 6));
        seen(look)["logits"].1.clone()
    };
    let written: Vec<Vec<Real>> = (0..7).map(|first| logits(first, &mut *look)).collect();
    for other in &written[1..] {
        assert_eq!(other[..7], written[0][..7], "the first answer knows no target");
        assert_ne!(other[7..], written[0][7..]);
    }
    let y = vec![IGNORED, IGNORED, IGNORED, IGNORED, 0, 0];
    let batch = Batch::text(vec![1, 2, 3, 4, 5, 6], y, 1, 6);
    let own = &look.produce(&weights, &batch).tokens[0];
    assert_eq!(own[0], argmax(&written[0][..7]) as u32);
    assert_eq!(
        own[1],
        argmax(&written[own[0] as usize][7..]) as u32,
        "fed with its own first answer"
    );
}

/// Switched off, a hop is the paper's: what comes out is what goes in and what was taken.
#[test]
fn a_hop_adds_what_it_takes_and_a_feed_forward_what_it_makes_of_the_sum() {
    for (feed_forward, follows) in [(FeedForward::None, false), (FeedForward::Mlp4, true)] {
        let model = memory(&Config { feed_forward, ..config() });
        let mut look = model.inference();
        look.look(&weights(&*model), &batch(5, 1, 100));
        let all = seen(&*look);
        let of = |name: &str| &all[name].1;
        let made = all.get("hops.0.ffwd");
        assert_eq!(made.is_some(), follows);
        for (i, next) in of("hops.1.question").iter().enumerate() {
            let sum = of("hops.0.question")[i] + of("hops.0")[i];
            let expected = sum + made.map_or(0.0, |(_, made)| made[i]);
            assert!((next - expected).abs() < 1e-6, "{next} {expected}");
        }
    }
}
