//! `experiment`: what it says of arms and seeds, and that neither threads nor watching change it.

use crate::lab::{Lab, contains_all, number};

/// Two arms that surely differ.
const RATES: [&str; 12] = [
    "experiment",
    "--data",
    "play.txt",
    "--stage",
    "bigram",
    "--arm",
    "lr=1e-4",
    "--arm",
    "lr=1e-2",
    "--eval-batches",
    "3",
    "--steps=150",
];

fn rates(lab: &Lab, more: &[&str]) -> String {
    lab.out(&[&RATES[..], more].concat())
}

#[test]
fn a_run_a_line_and_the_verdict() {
    let lab = Lab::new();
    let lines =
        lab.json(&[&RATES[..], &["--seeds", "3", "--expect-above", "0.2", "--json"]].concat());
    let (verdict, runs) = lines.split_last().unwrap();
    assert_eq!(runs.len(), 6);
    for (i, run) in runs.iter().enumerate() {
        assert_eq!(run["arm"], ["lr 1e-4", "lr 1e-2"][i / 3]);
        assert_eq!((&run["seed"], &run["step"]), (&(1337 + i % 3).into(), &150.into()));
        assert_eq!(run["value"], run["val_loss"]);
        assert_eq!(run["diverged"], false);
    }
    let loss = |i: usize| number(&runs[i], "val_loss");
    let differences: Vec<_> = (0..3).map(|seed| loss(seed) - loss(seed + 3)).collect();
    let seeds: Vec<_> =
        verdict["seeds"].as_array().unwrap().iter().map(|x| x.as_f64().unwrap()).collect();
    assert_eq!(seeds, differences);
    let mean = differences.iter().sum::<f64>() / 3.0;
    assert!((number(verdict, "difference") - mean).abs() < 1e-12);
    assert_eq!((&verdict["event"], &verdict["holds"]), (&"verdict".into(), &true.into()));
    contains_all(verdict["verdict"].as_str().unwrap(), &["holds: ", "3 of 3 seeds"]);
    // A run of an experiment is the run that train makes on one thread.
    let train =
        ["train", "--data", "play.txt", "--stage", "bigram", "--lr", "1e-2", "--seed", "1338"];
    let more = ["--steps", "150", "--eval-batches", "3", "--threads", "1", "--json"];
    let trained = lab.json(&[&train[..], &more].concat());
    assert_eq!(trained.last().unwrap()["val_loss"], runs[4]["val_loss"]);
}

#[test]
fn threads_and_watching_change_nothing_that_is_said() {
    let lab = Lab::new();
    let once = rates(&lab, &["--seeds", "2", "--threads", "1"]);
    assert_eq!(rates(&lab, &["--seeds", "2", "--threads", "2"]), once);
    assert_eq!(rates(&lab, &["--seeds", "2", "--threads", "3", "--curve"]), once);
    contains_all(&once, &["arm", "lowest", "(lr 1e-4) - (lr 1e-2): ", ", 2 seeds"]);
    let watched = lab.run(&[&RATES[..], &["--seeds", "1", "--curve"]].concat());
    let said = String::from_utf8(watched.stderr).unwrap();
    contains_all(
        &said,
        &[
            "validation loss: 2 arms x 1 seed, 150 steps each",
            "lr 1e-2, seed 1337: step 75, val loss",
        ],
    );
}

#[test]
fn an_expectation_that_does_not_hold_is_a_failure_after_the_results() {
    let lab = Lab::new();
    let output = lab.run(&[&RATES[..], &["--seeds", "3", "--expect-below", "0"]].concat());
    assert_eq!(output.status.code(), Some(1));
    contains_all(
        &String::from_utf8(output.stdout).unwrap(),
        &["does not hold: ", "0 of 3 seeds, expected below 0"],
    );
    let said = String::from_utf8(output.stderr).unwrap();
    contains_all(said.lines().last().unwrap(), &["error: the expectation does not hold"]);
}

#[test]
fn all_combinations_share_the_difference_out() {
    let lab = Lab::new();
    let arms = ["--arm", "", "--arm", "lr=1e-3,beta1=0.5", "--combinations", "--json"];
    let common = ["--stage", "bigram", "--steps", "60", "--seeds", "2", "--eval-batches", "2"];
    let lines = lab.json(&[&["experiment", "--data", "play.txt"], &common[..], &arms].concat());
    let (verdict, runs) = lines.split_last().unwrap();
    assert_eq!(runs.len(), 8);
    let shares = verdict["shares"].as_array().unwrap();
    let sum: f64 = shares.iter().map(|share| number(share, "share")).sum();
    assert_eq!(shares.len(), 2);
    assert!((sum - number(verdict, "difference")).abs() < 1e-12, "{verdict}");
}

#[test]
fn measures_are_names_or_toml() {
    let lab = Lab::new();
    let of = |measure: &str| {
        let one = ["--stage", "bigram", "--steps", "2", "--seeds", "1", "--json"];
        let lines = lab.json(
            &[&["experiment", "--data", "play.txt"], &one[..], &["--measure", measure]].concat(),
        );
        assert!(lines[0]["val_loss"].is_null(), "nothing is estimated that nobody asked for");
        number(lines.last().unwrap(), "value")
    };
    assert_eq!(of("tokens"), 2.0 * 32.0 * 8.0);
    assert_eq!(of("{ hyperparameter = \"n_head\" }"), 1.0);
    assert!((3.5..6.0).contains(&of("first_loss")));
}

#[test]
fn what_cannot_be_is_said_in_a_line() {
    let lab = Lab::new();
    let error = |more: &[&str]| {
        lab.error(&[&["experiment", "--data", "play.txt", "--stage", "multi-head"], more].concat())
    };
    contains_all(&error(&["--arm", "n_head"]), &["name=value"]);
    contains_all(&error(&["--arm", "n_heads=2"]), &["no hyperparameter n_heads"]);
    contains_all(&error(&["--arm", "n_head=5"]), &["n_embd", "n_head", "5"]);
    contains_all(&error(&["--arm", "beta=5"]), &["beta is without effect on a run of multi-head"]);
    contains_all(&error(&["--arm", "stage=multihead"]), &["multihead", "choose one of"]);
    contains_all(&error(&["--measure", "loss"]), &["val_loss", "TOML"]);
    contains_all(&error(&["--measure", "ms_per_step"]), &["of time"]);
    contains_all(&error(&["--measure", "{ edits = \"lrr\" }"]), &["no hyperparameter lrr"]);
    contains_all(&error(&["--combinations"]), &["two arms"]);
    contains_all(&error(&["--combinations", "--arm", "", "--arm", ""]), &["nothing to combine"]);
    contains_all(&error(&["--expect-above", "1", "--expect-below", "1"]), &["nothing is above"]);
    contains_all(&error(&["--expect-above", "nan"]), &["no number"]);
    let made = ["experiment", "--stage", "vae", "--data", "play.txt"];
    contains_all(&lab.error(&made), &["vae makes its own examples"]);
}

#[test]
fn arms_go_on_from_a_checkpoint() {
    let lab = Lab::new();
    let train = |more: &[&str]| {
        let common = ["train", "--data", "play.txt", "--eval-batches", "3", "--threads", "1"];
        lab.json(&[&common[..], more, &["--json"]].concat())
    };
    train(&["--stage", "bigram", "--steps", "100", "--out", "half.safetensors"]);
    let from = ["experiment", "--data", "play.txt", "--from", "half.safetensors"];
    let arms = ["--arm", "", "--arm", "lr=1e-4", "--seeds", "2", "--eval-batches", "3"];
    let more = |more: &[&'static str]| [&from[..], &arms, more].concat();
    let lines = lab.json(&more(&["--steps", "50", "--json"]));
    let (verdict, runs) = lines.split_last().unwrap();
    assert_eq!((&runs[0]["arm"], &runs[2]["arm"]), (&"as it is".into(), &"lr 1e-4".into()));
    assert_eq!((&runs[0]["seed"], &runs[1]["seed"]), (&1337.into(), &1338.into()));
    assert!(runs.iter().all(|run| run["step"] == 150));
    assert_eq!(verdict["from_step"], 100);
    // The arm that changes nothing, with the seed that it began with, is that run gone on.
    let gone_on = train(&["--resume", "half.safetensors", "--steps", "150"]);
    assert_eq!(runs[0]["val_loss"], gone_on.last().unwrap()["val_loss"]);
    let once = lab.out(&more(&["--steps", "50", "--threads", "1"]));
    assert_eq!(lab.out(&more(&["--steps", "50", "--threads", "3", "--curve"])), once);
    let said = String::from_utf8(lab.run(&more(&["--steps", "50"])).stderr).unwrap();
    contains_all(&said, &["2 arms x 2 seeds, 50 steps each from step 100 on"]);
    let error = |more: &[&str]| lab.error(&[&from[..], more].concat());
    contains_all(&error(&[]), &["at its end after 100 steps", "--steps"]);
    contains_all(
        &error(&["--steps", "9", "--arm", "", "--arm", "block_size=4"]),
        &["arm block_size 4: block_size is part of the model", "step 100"],
    );
    contains_all(&error(&["--steps", "9", "--arm", "stage=blocks"]), &["one of bigram"]);
    contains_all(&error(&["--stage", "bigram"]), &["--stage", "--from"]);
}

#[cfg(unix)]
#[test]
fn a_signal_ends_it() {
    use std::io::{BufRead, BufReader};

    use crate::ending::{send, start};

    let lab = Lab::new();
    let endless = [&RATES[..11], &["--steps=100000000"]].concat();
    let mut child = start(&lab, &endless);
    let mut said = BufReader::new(child.stderr.take().unwrap()).lines();
    contains_all(&said.next().unwrap().unwrap(), &["2 arms x 4 seeds"]);
    send("-INT", &child);
    assert_eq!(said.next().unwrap().unwrap(), "stopped by SIGINT: the experiment has no result");
    assert_eq!(child.wait().unwrap().code(), Some(130));
}
