//! `eval`, `sample` and `inspect` on a checkpoint.

use serde_json::Value;

use crate::lab::{Lab, number};

#[test]
fn eval_is_exact_and_repeats() {
    let lab = Lab::new();
    lab.train(&["--steps", "20", "--out", "model.safetensors"]);
    let arguments = ["eval", "model.safetensors", "--data", "play.txt", "--json"];
    let lines = lab.json(&arguments);
    assert_eq!(lines, lab.json(&arguments));
    let [line] = &lines[..] else { panic!("{lines:?}") };
    let bits = number(line, "val_loss") / std::f64::consts::LN_2;
    assert!((number(line, "bits_per_character") - bits).abs() < 1e-9, "{line}");
    // Windows of 8 with a target each, over the last tenth of the play.
    let characters = lab.read("play.txt").len();
    let validation = characters - characters * 9 / 10;
    assert_eq!(line["tokens"].as_u64().unwrap() as usize, (validation - 1) / 8 * 8);
}

/// What PyTorch writes: the weights alone, without the moments and without a word about the run.
#[test]
fn a_plain_state_dict_is_worth_as_much_as_its_checkpoint() {
    let lab = Lab::new();
    lab.train(&["--steps", "20", "--out", "model.safetensors"]);
    let bytes = lab.read("model.safetensors");
    let tensors = safetensors::SafeTensors::deserialize(&bytes).unwrap();
    assert!(tensors.names().iter().any(|name| name.starts_with("optim.m.")));
    let weights = tensors.iter().filter(|(name, _)| !name.starts_with("optim."));
    lab.write("plain.safetensors", &safetensors::serialize(weights, None).unwrap());
    let loss =
        |file| number(&lab.json(&["eval", file, "--data", "play.txt", "--json"])[0], "val_loss");
    // Its batch size is not known, so that sums are taken in another order.
    assert!((loss("plain.safetensors") - loss("model.safetensors")).abs() < 1e-9);
}

#[test]
fn samples_repeat_with_their_seed() {
    let lab = Lab::new();
    lab.train(&["--steps", "20", "--out", "model.safetensors"]);
    let sample = |seed| {
        lab.out(&[
            "sample",
            "model.safetensors",
            "--prompt",
            "First Cit",
            "--tokens",
            "60",
            "--seed",
            seed,
        ])
    };
    let text = sample("1");
    assert_eq!(text, sample("1"));
    assert_ne!(text, sample("2"));
    assert!(text.starts_with("First Cit"), "{text:?}");
    assert_eq!(text.trim_end_matches('\n').chars().count().max(9 + 59), text.len() - 1, "{text:?}");
}

#[test]
fn the_likeliest_token_needs_no_seed() {
    let lab = Lab::new();
    lab.train(&["--steps", "20", "--out", "model.safetensors"]);
    let greedy = |seed| {
        lab.out(&["sample", "model.safetensors", "--tokens", "40", "--top-k", "1", "--seed", seed])
    };
    assert_eq!(greedy("1"), greedy("2"));
}

#[test]
fn inspect_shows_probabilities_and_causal_attention() {
    let lab = Lab::new();
    lab.train(&["--steps", "20", "--out", "model.safetensors"]);
    let out = lab.out(&["inspect", "model.safetensors", "--prompt", "First", "--json"]);
    let inside: Value = serde_json::from_str(&out).unwrap();
    let activation = |name: &str| {
        let found = &inside["activations"][name];
        let numbers = |key: &str| -> Vec<f64> {
            let list = found[key].as_array().unwrap_or_else(|| panic!("{name} has no {key}"));
            list.iter().map(|x| x.as_f64().unwrap()).collect()
        };
        (numbers("shape"), numbers("values"))
    };
    let (shape, weights) = activation("blocks.0.sa.weights");
    assert_eq!(shape, [2.0, 5.0, 5.0]);
    for (row, weights) in weights.chunks(5).enumerate() {
        assert!((weights.iter().sum::<f64>() - 1.0).abs() < 1e-5, "row {row}: {weights:?}");
        assert!(
            weights[row % 5 + 1..].iter().all(|weight| *weight == 0.0),
            "row {row} sees ahead: {weights:?}"
        );
        assert!(weights[..=row % 5].iter().all(|weight| *weight > 0.0), "row {row}: {weights:?}");
    }
    let (shape, probabilities) = activation("probabilities");
    assert_eq!(shape, [5.0, 60.0]);
    let (_, logits) = activation("logits");
    for (probabilities, logits) in probabilities.chunks(60).zip(logits.chunks(60)) {
        let sum: f64 = logits.iter().map(|logit| logit.exp()).sum();
        let softmax = logits.iter().map(|logit| logit.exp() / sum);
        assert!(
            probabilities.iter().zip(softmax).all(|(p, q)| (p - q).abs() < 1e-6),
            "{probabilities:?}"
        );
    }
    assert_eq!(activation("embedding").0, [5.0, 8.0]);
    assert_eq!(activation("embedding").1.len(), 40);
}
