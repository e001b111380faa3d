//! `train`: what it prints, and that a run repeats to the last byte.

use std::path::Path;

use serde_json::Value;

use crate::lab::{Lab, TINY, contains_all, number};

#[test]
fn train_reports_every_evaluation_and_an_end() {
    let lab = Lab::new();
    let lines = lab.train(&["--steps", "25", "--out", "model.safetensors"]);
    let (done, evaluations) = lines.split_last().unwrap();
    let steps: Vec<_> = evaluations.iter().map(|line| line["step"].as_u64().unwrap()).collect();
    assert!(steps.is_sorted() && [10, 20].iter().all(|step| steps.contains(step)), "{steps:?}");
    for line in evaluations {
        let keys: Vec<_> = line.as_object().unwrap().keys().map(String::as_str).collect();
        assert_eq!(keys, ["step", "train_loss", "val_loss"]);
        // An untrained guess over 60 characters costs about ln 60 = 4.1 nats.
        assert!((1.0..6.0).contains(&number(line, "val_loss")), "{line}");
        assert!((1.0..6.0).contains(&number(line, "train_loss")), "{line}");
    }
    let keys: Vec<_> = done.as_object().unwrap().keys().map(String::as_str).collect();
    let expected = [
        "event",
        "stage",
        "step",
        "parameters",
        "train_loss",
        "val_loss",
        "seconds",
        "ms_per_step",
        "checkpoint",
    ];
    assert_eq!(keys, expected);
    assert_eq!(
        (&done["event"], &done["stage"], &done["step"]),
        (&"done".into(), &"layer-norm".into(), &25.into())
    );
    // One block, V = 60, C = 8, T = 8: embeddings, attention and its projection, feed-forward, norms, head.
    let (v, c, t) = (60, 8, 8);
    let block = 3 * c * c + (c * c + c) + (8 * c * c + 5 * c) + 4 * c;
    assert_eq!(done["parameters"], v * c + t * c + block + 2 * c + (c * v + v));
    assert!(number(done, "ms_per_step") > 0.0 && number(done, "seconds") > 0.0);
    assert!(
        Path::new(done["checkpoint"].as_str().unwrap()).ends_with("model.safetensors"),
        "{done}"
    );
    assert!(lab.path("model.safetensors").is_file());
}

#[test]
fn training_learns() {
    let lines = Lab::new().train(&["--steps", "300", "--lr", "1e-2"]);
    let loss = |line: Option<&Value>| number(line.unwrap(), "val_loss");
    let (first, last) = (loss(lines.first()), loss(lines.last()));
    assert!(last < first - 0.5 && last < 3.3, "from {first} to {last}");
}

#[test]
fn without_json_training_prints_plain_lines() {
    let lab = Lab::new();
    let out = lab.run(
        &[&["train", "--data", "play.txt", "--steps", "20", "--out", "m.safetensors"], &TINY[..]]
            .concat(),
    );
    assert!(out.status.success());
    let text = String::from_utf8([out.stdout, out.stderr].concat()).unwrap();
    contains_all(&text, &["20", "m.safetensors"]);
    assert!(
        !text.contains(['\r', '\u{1b}']),
        "control characters where there is no terminal: {text:?}"
    );
}

#[test]
fn the_same_seed_gives_the_same_bytes() {
    let lab = Lab::new();
    for name in ["first", "again"] {
        lab.train(&["--steps", "30", "--threads", "2", "--dropout", "0.1", "--out", name]);
    }
    lab.train(&[
        "--steps",
        "30",
        "--threads",
        "2",
        "--dropout",
        "0.1",
        "--seed",
        "1338",
        "--out",
        "other",
    ]);
    assert!(lab.read("first") == lab.read("again"), "the same run gave other bytes");
    assert!(lab.read("first") != lab.read("other"), "the seed is without effect");
}

#[test]
fn stopping_and_resuming_leaves_no_trace() {
    let lab = Lab::new();
    let schedule = [
        "--schedule",
        "cosine",
        "--warmup-steps",
        "5",
        "--lr-decay-steps",
        "40",
        "--dropout",
        "0.1",
    ];
    lab.train(&[&schedule[..], &["--steps", "40", "--out", "straight"]].concat());
    lab.train(&[&schedule[..], &["--steps", "20", "--out", "half"]].concat());
    let resumed = [
        "train", "--resume", "half", "--steps", "40", "--data", "play.txt", "--out", "resumed",
        "--json",
    ];
    let lines = lab.json(&resumed);
    assert_eq!(lines.last().unwrap()["step"], 40);
    assert!(
        lab.read("straight") == lab.read("resumed"),
        "stopping at 20 and resuming to 40 is not the same as 40"
    );
    assert!(lab.read("half") != lab.read("resumed"));
}
