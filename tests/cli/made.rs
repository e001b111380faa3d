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
        let judged = if stage == "gan" { 4096.0 } else { 1000.0 };
        assert!(number(&line, figure) >= 0.0 && number(&line, "judged") == judged, "{line}");
        assert!(line["examples"].is_string() && number(&line, "drawn") == 8.0, "{line}");
    }
}

#[test]
fn training_says_every_figure_of_every_estimate() {
    let lab = Lab::new();
    let sizes = ["--steps", "2", "--eval-batches", "1", "--threads", "1"];
    for (stage, figures) in [
        ("vae", &["reconstruction", "kl"][..]),
        (
            "gan",
            &["discriminator", "generator", "modes", "high_quality", "divergence", "collapsed"],
        ),
    ] {
        let lines = lab.json(&[&["train", "--stage", stage, "--json"], &sizes[..]].concat());
        let estimates = &lines[..lines.len() - 1];
        for line in estimates {
            assert!(figures.iter().all(|figure| line[*figure].is_number()), "{line}");
        }
        assert!(!estimates.is_empty());
    }
    let gan = ["train", "--stage", "gan"];
    let words = lab.out(&[&gan[..], &sizes].concat());
    assert!(words.contains(" of 8, high quality ") && words.contains(" %, "), "{words}");
    assert!(words.contains("collapsed yes") || words.contains("collapsed no"), "{words}");
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

/// Twenty points far from the origin.
fn circle(lab: &Lab) {
    let line = |i: u32| {
        let (sin, cos) = f64::from(i).sin_cos();
        format!("{},{}\n", 1000.0 + cos, 500.0 + sin)
    };
    lab.write("circle.csv", (0..20).map(line).collect::<String>().as_bytes());
    lab.write("other.csv", (0..20).map(|i| line(2 * i)).collect::<String>().as_bytes());
}

#[test]
fn points_of_a_file_are_known_again() {
    let lab = Lab::new();
    circle(&lab);
    train(&lab, "gan", "2", "model", &["--target", "file", "--points", "circle.csv"]);
    // In the file's coordinates, not around the origin.
    for line in lab.out(&["sample", "model", "--count", "70"]).lines() {
        let x: f64 = line.split(' ').next().unwrap().parse().unwrap();
        assert!((900.0..1100.0).contains(&x), "{line}");
    }
    let line = lab.json(&["eval", "model", "--points", "circle.csv", "--json"]).remove(0);
    assert!(number(&line, "divergence_floor") > 0.5, "{line}");
    let resume = ["train", "--resume", "model", "--steps", "3", "--points", "other.csv"];
    contains_all(&lab.error(&resume), &["other points", "other.csv"]);
}

#[test]
fn options_that_would_do_nothing_are_refused() {
    let lab = Lab::new();
    train(&lab, "gan", "1", "gan", &[]);
    train(&lab, "encoder-decoder", "1", "pairs", &[]);
    for (arguments, option) in [
        (&["eval", "gan", "--data", "/nowhere"][..], "--data"),
        (&["inspect", "gan", "--data", "/nowhere"], "--data"),
        (&["sample", "gan", "--data", "/nowhere"], "--data"),
        (&["sample", "gan", "--points", "/nowhere"], "--points"),
        (&["sample", "gan", "--tokens", "5"], "--tokens"),
        (&["sample", "gan", "--temperature", "1"], "--temperature"),
        (&["sample", "pairs", "--top-k", "2"], "--top-k"),
        (&["sample", "pairs", "--top-p", "0.5"], "--top-p"),
        (&["sample", "pairs", "--count", "3", "--prompt", "abc"], "--count"),
    ] {
        contains_all(&lab.error(arguments), &[option, "leave it out"]);
    }
}

/// What is asked for need not fit into memory: the first lines come at once.
#[test]
fn a_sample_without_end_begins_at_once() {
    use std::io::BufRead;
    let lab = Lab::new();
    train(&lab, "gan", "1", "gan", &[]);
    let mut command = std::process::Command::new(assert_cmd::cargo::cargo_bin!("gpt-lab"));
    command.current_dir(lab.path("")).args(["sample", "gan", "--count", "1000000000"]);
    let mut child = command.stdout(std::process::Stdio::piped()).spawn().unwrap();
    let lines = std::io::BufReader::new(child.stdout.take().unwrap()).lines();
    assert_eq!(lines.take(200).filter(|line| line.as_ref().unwrap().contains(' ')).count(), 200);
    // Its reader has left: it ends by itself.
    assert!(child.wait().unwrap().success());
}

#[test]
fn a_recurrent_network_is_judged_with_its_state_begun_anew_and_carried() {
    let lab = Lab::new();
    for stage in ["rnn", "gru", "lstm"] {
        let out = ["--out", "model", "--stage", stage, "--steps", "3"];
        let run = ["train", "--data", "play.txt", "--n-hidden", "16", "--eval-batches", "1"];
        lab.out(&[&run[..], &out].concat());
        let line = lab.json(&["eval", "model", "--data", "play.txt", "--json"]).remove(0);
        let [anew, carried] = ["val_loss", "val_loss_carried"].map(|name| number(&line, name));
        assert!(carried != anew && (carried - anew).abs() < 0.5, "{line}");
        let text = lab.out(&["eval", "model", "--data", "play.txt"]);
        contains_all(&text, &["begun anew every 32 tokens", "carried"]);
        contains_all(&lab.error(&["sample", "model", "--beam", "3"]), &["--beam", "pairs"]);
        contains_all(&lab.error(&["sample", "model", "--count", "3"]), &["--count", "made"]);
    }
}
