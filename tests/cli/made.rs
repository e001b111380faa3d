//! Models of made tasks: train, resume, eval, sample, inspect.

use crate::lab::{Lab, contains_all, number};

/// Every kind of model that learns a made task.
const STAGES: [&str; 6] = ["encoder-decoder", "vae", "gan", "neural-gpu", "memory", "attention"];

fn train(lab: &Lab, stage: &str, steps: &str, out: &str, more: &[&str]) {
    let run = ["train", "--stage", stage, "--steps", steps, "--out", out, "--batch-size", "8"];
    let estimates = ["--eval-interval", "5", "--eval-batches", "1", "--threads", "1", "--json"];
    lab.json(&[&run[..], &estimates, more].concat());
}

#[test]
fn a_run_is_resumed_to_the_same_bytes() {
    let lab = Lab::new();
    for stage in STAGES {
        train(&lab, stage, "11", "whole", &[]);
        train(&lab, stage, "6", "half", &[]);
        let resume = ["train", "--resume", "half", "--steps", "11", "--threads", "1", "--json"];
        lab.json(&[&resume[..], &["--out", "resumed"]].concat());
        assert!(lab.read("whole") == lab.read("resumed"), "{stage}");
    }
}

#[test]
fn eval_judges_answers_to_held_out_examples() {
    let lab = Lab::new();
    for (stage, figure) in
        [("encoder-decoder", "exact_match"), ("attention", "accuracy"), ("gan", "modes")]
    {
        train(&lab, stage, "2", "model", &[]);
        let line = lab.json(&["eval", "model", "--json"]).remove(0);
        assert!(number(&line, figure) >= 0.0 && number(&line, "judged") == 1000.0, "{line}");
    }
}

#[test]
fn sample_answers_draws_and_makes_points() {
    let lab = Lab::new();
    train(&lab, "encoder-decoder", "2", "pairs", &["--task", "dates"]);
    assert_eq!(lab.out(&["sample", "pairs", "--count", "4"]).matches(" -> ").count(), 4);
    assert_eq!(lab.out(&["sample", "pairs", "--prompt", "3 Feb 1987"]).lines().count(), 1);
    let beam = lab.out(&["sample", "pairs", "--prompt", "3 Feb 1987", "--beam", "3"]);
    let scores: Vec<f64> =
        beam.lines().map(|l| l.split_whitespace().next().unwrap().parse().unwrap()).collect();
    assert!(scores.len() == 3 && scores.is_sorted_by(|a, b| a >= b), "{beam}");
    train(&lab, "vae", "2", "images", &[]);
    assert_eq!(lab.out(&["sample", "images", "--count", "2"]).lines().count(), 15);
    train(&lab, "gan", "2", "points", &[]);
    let points = lab.out(&["sample", "points", "--count", "7"]);
    assert!(points.lines().all(|l| l.split(' ').all(|x| x.parse::<f32>().is_ok())), "{points}");
    assert_eq!(points.lines().count(), 7);
}

#[test]
fn inspect_shows_every_value_by_name() {
    let lab = Lab::new();
    for (stage, name) in [
        ("encoder-decoder", "decoder.1.cross_attn.weights"),
        ("vae", "latent.mean"),
        ("gan", "surface"),
        ("memory", "hops.0.weights"),
        ("attention", "blocks.1.sa.weights"),
    ] {
        train(&lab, stage, "2", "model", &[]);
        let line = lab.json(&["inspect", "model", "--json"]).remove(0);
        assert!(line["activations"][name]["values"].is_array(), "{stage} has no {name}");
        contains_all(&lab.out(&["inspect", "model"]), &[name]);
    }
}

#[test]
fn what_a_task_does_not_read_is_refused() {
    let lab = Lab::new();
    train(&lab, "vae", "2", "vae", &[]);
    contains_all(&lab.error(&["sample", "vae", "--prompt", "x"]), &["glyphs", "--prompt"]);
    contains_all(&lab.error(&["inspect", "vae", "--prompt", "x"]), &["glyphs", "--prompt"]);
    train(&lab, "encoder-decoder", "2", "pairs", &[]);
    contains_all(&lab.error(&["sample", "pairs", "--prompt", "ABC"]), &["holds 'A'"]);
    contains_all(&lab.error(&["sample", "pairs", "--beam", "3"]), &["--prompt"]);
    contains_all(
        &lab.train_error(&["--stage", "vae", "--task", "dates"]),
        &["vae", "glyphs", "dates"],
    );
    contains_all(&lab.train_error(&["--stage", "gan", "--target", "file"]), &["--points"]);
}
