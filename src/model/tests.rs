//! Whole models: finite differences (f64) and the invariants that must hold whatever the weights.

use super::config::{Activation, Architecture, Fault, FeedForward, Norm, QueryKey};
use super::*;

fn tiny() -> Config {
    Config { vocab_size: 11, block_size: 5, n_embd: 12, n_head: 3, ..Config::default() }
}

fn full() -> Config {
    Config {
        n_layer: 2,
        residual: true,
        projection: true,
        feed_forward: FeedForward::Mlp4,
        norm: Norm::Pre,
        final_norm: true,
        activation: Activation::GeluTanh,
        ..tiny()
    }
}

fn batch(config: &Config, sequences: usize) -> Batch {
    let n = sequences * config.block_size;
    let ids =
        |step: usize| (0..n).map(|i| ((i * step + i / 3) % config.vocab_size) as u32).collect();
    Batch::text(ids(7), ids(5), sequences, config.block_size)
}

fn weights(model: &dyn Model) -> Vec<Real> {
    let mut weights = vec![0.0; model.registry().len()];
    model.initialise(&mut weights, 7);
    weights
}

#[cfg(feature = "f64")]
#[test]
fn gradient_of_every_parameter_of_whole_models() {
    use super::config::Position;
    use crate::math::finite_difference::check;
    let every = [
        Config { architecture: Architecture::Bigram, ..tiny() },
        tiny(),
        Config { n_layer: 0, position: Position::None, ..tiny() },
        Config {
            feed_forward: FeedForward::Single,
            n_layer: 3,
            activation: Activation::Gelu,
            ..tiny()
        },
        full(),
        Config { norm: Norm::Post, position: Position::Sinusoidal, ..full() },
        Config { causal: false, residual: false, final_norm: false, ..full() },
        Config { block_size: 19, ..full() },
        Config { block_size: 1, ..full() },
        Config { query_key: QueryKey::Tied, ..full() },
        Config { query_key: QueryKey::Merged, n_head: 1, ..full() },
        Config { fault: Fault::SoftmaxAxis, ..full() },
        Config { fault: Fault::HeadsByView, block_size: 8, norm: Norm::Post, ..full() },
        Config { fault: Fault::MaskAfterSoftmax, ..tiny() },
    ];
    for config in every {
        let model = build(&config).unwrap();
        let (weights, batch) = (weights(&*model), batch(&config, 3));
        for p in [0.0, 0.25] {
            let dropout = Dropout { p, seed: 3, step: 9 };
            let conditions = Conditions { dropout, ..Conditions::default() };
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

#[test]
fn shards_add_up_to_the_whole_batch() {
    for config in [
        full(),
        Config { block_size: 200, ..full() },
        Config { architecture: Architecture::Bigram, ..tiny() },
    ] {
        let model = build(&config).unwrap();
        let (weights, batch) = (weights(&*model), batch(&config, 7));
        let dropout = Dropout { p: 0.2, seed: 1, step: 2 };
        let conditions = Conditions { dropout, ..Conditions::default() };
        let run = |parts: &[Range<usize>]| {
            let mut gradients = vec![0.0; weights.len()];
            let mut losses = Losses::default();
            for rows in parts {
                let mut shard = model.shard();
                losses += shard.loss_and_gradients(
                    &weights,
                    &batch,
                    rows.clone(),
                    &conditions,
                    &mut gradients,
                );
            }
            (losses.loss, gradients)
        };
        let (loss, gradients) = run(std::slice::from_ref(&(0..7)));
        for parts in [&[0..4, 4..7][..], &[0..2, 2..3, 3..6, 6..7][..]] {
            let (other_loss, other) = run(parts);
            assert!((loss - other_loss).abs() / loss < 1e-5);
            let norm = |x: &mut dyn Iterator<Item = Real>| x.map(|x| x * x).sum::<Real>().sqrt();
            let error = norm(&mut gradients.iter().zip(&other).map(|(a, b)| a - b));
            assert!(error / norm(&mut gradients.iter().copied()) < 1e-5, "{error}");
        }
    }
}

#[test]
fn a_later_token_changes_no_earlier_logit() {
    for config in [full(), Config { block_size: 40, norm: Norm::Post, ..full() }] {
        let model = build(&config).unwrap();
        let weights = weights(&*model);
        let mut look = model.language_model().unwrap();
        let tokens: Vec<u32> = (0..config.block_size).map(|i| (i * 3 % 11) as u32).collect();
        look.forward(&weights, &tokens);
        let before = look.logits().to_owned();
        for change in 1..config.block_size {
            let mut other = tokens.clone();
            other[change] = (other[change] + 1) % 11;
            look.forward(&weights, &other);
            let same = ndarray::s![..change, ..];
            assert_eq!(
                before.slice(same),
                look.logits().slice(same),
                "bit for bit before {change}"
            );
            assert_ne!(before.row(change), look.logits().row(change));
        }
    }
}

#[test]
fn the_first_loss_is_what_the_initial_logits_say() {
    let config = Config { vocab_size: 65, init: config::Init::Normal, ..full() };
    let model = build(&config).unwrap();
    let (weights, batch) = (weights(&*model), batch(&config, 8));
    let losses = model.shard().loss(&weights, &batch, 0..8, &Conditions::default());
    let loss = losses.over(batch.targets()).loss;
    assert!((loss - 65_f64.ln()).abs() < 0.05, "{loss} should be near ln 65");
}

#[test]
fn what_visit_hands_over_is_named_shaped_and_consistent() {
    let config = full();
    let model = build(&config).unwrap();
    let weights = weights(&*model);
    let mut look = model.language_model().unwrap();
    look.forward(&weights, &[1, 2, 3, 4]);
    let mut all = std::collections::HashMap::new();
    look.visit(&mut |name, shape, values| {
        assert_eq!(shape.iter().product::<usize>(), values.len(), "{name}");
        assert!(
            all.insert(name.to_owned(), (shape.to_vec(), values.to_vec())).is_none(),
            "{name} twice"
        );
    });
    for name in
        ["embedding", "embedding.token", "embedding.position", "blocks.1", "blocks.1.ln2", "ln_f"]
    {
        assert_eq!(all[name].0, [4, 12], "{name}");
    }
    assert_eq!(all["blocks.0.sa.query"].0, [3, 4, 4]);
    assert_eq!(all["blocks.0.ffwd.hidden"].0, [4, 48]);
    let (weights, masked) = (&all["blocks.1.sa.weights"].1, &all["blocks.1.sa.masked"].1);
    let mut softmax = masked.clone();
    crate::math::softmax::softmax(&mut softmax, 4);
    for (i, (a, b)) in weights.iter().zip(&softmax).enumerate() {
        assert!((a - b).abs() < 1e-6);
        if i % 4 > i / 4 % 4 {
            assert_eq!(*a, 0.0, "the future is hidden");
        }
    }
    assert_eq!(all["logits"].1, look.logits().iter().copied().collect::<Vec<_>>());
}

#[test]
fn keys_that_are_the_inputs_are_of_one_head() {
    let merged = Config { query_key: QueryKey::Merged, ..tiny() };
    assert_eq!(merged.validate(), Err(ConfigError::Merged { n_head: 3 }));
    assert_eq!(Config { n_head: 1, ..merged.clone() }.validate(), Ok(()));
    // What stands in the fields of another kind of network does not count.
    assert_eq!(Config { architecture: Architecture::Bigram, ..merged }.validate(), Ok(()));
}

#[test]
fn a_fault_is_short_and_by_itself() {
    let faulty = Config { fault: Fault::SoftmaxAxis, ..tiny() };
    assert_eq!(faulty.validate(), Ok(()));
    let long = Config { block_size: 9, ..faulty.clone() }.validate().unwrap_err().to_string();
    assert!(
        long.starts_with("fault softmax_axis needs a block_size of at most 8 (found 9)"),
        "{long}"
    );
    let tied = Config { query_key: QueryKey::Tied, ..faulty.clone() }.validate().unwrap_err();
    assert!(tied.to_string().contains("query_key separate (found tied)"), "{tied}");
    let other = Config { architecture: Architecture::Bigram, block_size: 9, ..faulty };
    assert_eq!(other.validate(), Ok(()));
}

/// q·k of every pair is that of the mirrored pair, before the mask, where one weight gives both.
#[test]
fn products_are_symmetric_where_one_weight_gives_queries_and_keys() {
    for query_key in [QueryKey::Separate, QueryKey::Tied] {
        let config = Config { query_key, ..full() };
        let model = build(&config).unwrap();
        let mut reader = model.language_model().unwrap();
        reader.forward(&weights(&*model), &[1, 2, 3, 4, 5]);
        reader.visit(&mut |name, shape, values| {
            if !name.ends_with(".products") {
                return;
            }
            let time = shape[2];
            let mirrored =
                |at: usize| values[at - at % (time * time) + at % time * time + at / time % time];
            let symmetric = (0..values.len()).all(|at| (values[at] - mirrored(at)).abs() < 1e-5);
            assert_eq!(symmetric, query_key == QueryKey::Tied, "{name}");
        });
    }
}

#[test]
fn generation_with_kept_keys_and_values_equals_the_full_forward() {
    let every = [
        Config { architecture: Architecture::Bigram, ..tiny() },
        Config { block_size: 20, ..full() },
        Config { block_size: 9, norm: Norm::Post, ..full() },
        Config { n_layer: 0, ..tiny() },
        Config { causal: false, ..full() },
        Config { query_key: QueryKey::Tied, block_size: 20, ..full() },
        Config { query_key: QueryKey::Merged, n_head: 1, block_size: 9, ..full() },
        Config { fault: Fault::SoftmaxAxis, ..full() },
        Config { fault: Fault::HeadsByViewTwice, block_size: 8, ..full() },
    ];
    for config in every {
        let model = build(&config).unwrap();
        let weights = weights(&*model);
        let [mut kept, mut whole] = [(); 2].map(|()| model.language_model().unwrap());
        let text: Vec<u32> = (0..config.block_size as u32 + 5).map(|i| i * 7 % 11).collect();
        let lengths = (3..=text.len()).chain([4, 2, 3, 7]);
        for length in lengths {
            let context = &text[..length];
            let found = kept.next_logits(&weights, context).to_vec();
            whole.forward(&weights, &context[length.saturating_sub(config.block_size)..]);
            let all = whole.logits();
            let expected = all.row(all.nrows() - 1);
            for (a, b) in found.iter().zip(expected) {
                assert!((a - b).abs() < 1e-5, "{config:?} after {length} tokens: {a} {b}");
            }
        }
    }
}
