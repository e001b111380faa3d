//! How `train` ends before its time: signals, and an output that nobody reads.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

use serde_json::Value;

use crate::lab::{Lab, TINY, contains_all, number};

/// A run that takes longer than any test waits.
const LONG: [&str; 5] = ["train", "--data", "play.txt", "--steps", "100000000"];

pub fn start(lab: &Lab, arguments: &[&str]) -> Child {
    let mut command = Command::new(assert_cmd::cargo::cargo_bin!("gpt-lab"));
    command.current_dir(lab.path("")).env("GPT_LAB_HOME", lab.path("home"));
    command.env_remove("GPT_LAB_DATA").args(arguments);
    command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

pub fn send(signal: &str, child: &Child) {
    let kill = Command::new("kill").args([signal, &child.id().to_string()]).status();
    assert!(kill.unwrap().success());
}

#[test]
fn a_signal_saves_the_run_where_it_is() {
    let lab = Lab::new();
    for (signal, name, code) in
        [("-INT", "SIGINT", 130), ("-TERM", "SIGTERM", 143), ("-HUP", "SIGHUP", 129)]
    {
        if name == "SIGHUP" && hangups_are_ignored() {
            continue;
        }
        let arguments = [&LONG[..], &["--json", "--out", name], &TINY].concat();
        let mut child = start(&lab, &arguments);
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let first = lines.next().unwrap().unwrap();
        assert!(first.contains("val_loss"), "{first}");
        send(signal, &child);
        let last: Value = serde_json::from_str(&lines.last().unwrap().unwrap()).unwrap();
        assert_eq!(child.wait().unwrap().code(), Some(code), "{name}");
        assert_eq!((&last["event"], &last["signal"]), (&"stopped".into(), &name.into()));
        assert_eq!(last["checkpoint"], name);
        // Resumed, it is the run that was never stopped.
        let to = (number(&last, "step") as u64 + 15).to_string();
        let resume = ["train", "--resume", name, "--data", "play.txt", "--json", "--out", name];
        lab.json(&[&resume[..], &["--steps", &to]].concat());
        lab.train(&["--steps", &to, "--out", "straight"]);
        assert!(lab.read(name) == lab.read("straight"), "{name} at {last}");
    }
}

/// Whether programs that are started here ignore SIGHUP, as under `nohup`: then a run goes on, and there is nothing to wait for.
fn hangups_are_ignored() -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    mask.is_some_and(|mask| u64::from_str_radix(mask.trim(), 16).unwrap() & 1 == 1)
}

#[test]
fn an_estimate_does_not_hold_a_signal_up() {
    let lab = Lab::new();
    let endless = ["--eval-batches", "100000", "--n-embd", "64", "--stage", "layer-norm"];
    let mut child = start(&lab, &[&LONG[..], &["--out", "model"], &endless].concat());
    // It says what it trains, and then estimates before the first step.
    let mut said = BufReader::new(child.stderr.take().unwrap()).lines();
    contains_all(&said.next().unwrap().unwrap(), &["layer-norm", "parameters"]);
    send("-INT", &child);
    let line = said.next().unwrap().unwrap();
    contains_all(&line, &["stopped by SIGINT after step 0", "saved in model"]);
    assert_eq!(child.wait().unwrap().code(), Some(130));
    lab.out(&["sample", "model", "--tokens", "5"]);
}

#[test]
fn a_run_is_saved_as_it_goes_and_is_the_same_run() {
    let lab = Lab::new();
    lab.train(&["--steps", "35", "--out", "straight"]);
    lab.train(&["--steps", "35", "--out", "often", "--save-every", "10"]);
    assert!(lab.read("straight") == lab.read("often"));
    // A run that is killed has the last of them.
    let every = ["--json", "--out", "killed", "--save-every", "20", "--eval-interval", "25"];
    let mut child = start(&lab, &[&LONG[..], &TINY[..12], &every].concat());
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    while serde_json::from_str::<Value>(&lines.next().unwrap().unwrap()).unwrap()["step"] != 50 {}
    child.kill().unwrap();
    child.wait().unwrap();
    let file = lab.read("killed");
    let header = String::from_utf8_lossy(&file[..8000]).into_owned();
    let step = header.split(r#""step":""#).nth(1).unwrap().split('"').next().unwrap();
    let step: u64 = step.parse().unwrap();
    assert!(step >= 40 && step.is_multiple_of(20), "{step}");
    let to = (step + 5).to_string();
    let resume = ["train", "--resume", "killed", "--data", "play.txt", "--json", "--steps", &to];
    assert_eq!(lab.json(&resume).last().unwrap()["step"], step + 5);
    let line = lab.error(&[&LONG[..], &["--save-every", "5"], &TINY].concat());
    contains_all(&line, &["--out"]);
}

#[test]
fn a_reader_that_leaves_ends_the_run_and_it_is_saved() {
    let lab = Lab::new();
    let mut child = start(&lab, &[&LONG[..], &["--json", "--out", "model"], &TINY].concat());
    let mut out = BufReader::new(child.stdout.take().unwrap());
    out.read_line(&mut String::new()).unwrap();
    drop(out);
    let output = child.wait_with_output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(0), "{said}");
    contains_all(said.trim_end(), &["standard output", "saved in model"]);
    lab.out(&["sample", "model", "--tokens", "5"]);
}
