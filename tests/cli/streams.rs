//! Standard output and error that are closed, full or gone, for every command.

use std::fs::File;
use std::process::{Command, Stdio};

use crate::lab::{Lab, TINY};

fn commands() -> Vec<Vec<&'static str>> {
    let train = ["train", "--data", "play.txt", "--steps", "5"];
    let bench = ["bench", "--data", "play.txt", "--seconds", "0.02", "--stage", "bigram"];
    vec![
        [&train[..], &TINY].concat(),
        [&train[..], &["--json"], &TINY].concat(),
        vec!["sample", "model", "--tokens", "20"],
        vec!["sample", "pairs", "--count", "3"],
        vec!["eval", "model", "--data", "play.txt"],
        vec!["eval", "model", "--data", "play.txt", "--json"],
        vec!["inspect", "model", "--prompt", "First"],
        vec!["inspect", "model", "--prompt", "First", "--json"],
        vec!["inspect", "model", "--neighbours", "a"],
        vec!["inspect", "pairs"],
        vec!["data", "info", "--data", "play.txt"],
        vec!["data", "path"],
        vec!["verify", "golden"],
        bench.to_vec(),
        [&bench[..], &["--json"]].concat(),
        [&bench[..], &["--generation"]].concat(),
        vec!["--help"],
        vec!["--version"],
        vec!["train", "--help"],
    ]
}

fn lab() -> Lab {
    let lab = Lab::new();
    lab.train(&["--steps", "5", "--out", "model"]);
    let golden = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/layer_linear.safetensors");
    std::fs::create_dir(lab.path("golden")).unwrap();
    std::fs::copy(golden, lab.path("golden/layer_linear.safetensors")).unwrap();
    let pairs = ["train", "--stage", "encoder-decoder", "--n-embd", "8", "--n-head", "2"];
    let short = ["--n-layer", "1", "--batch-size", "2", "--eval-batches", "1", "--steps", "1"];
    lab.out(&[&pairs[..], &short, &["--out", "pairs"]].concat());
    lab
}

fn command(lab: &Lab, arguments: &[&str]) -> Command {
    let mut command = Command::new(assert_cmd::cargo::cargo_bin!("gpt-lab"));
    command.current_dir(lab.path("")).env("GPT_LAB_HOME", lab.path("home"));
    command.env_remove("GPT_LAB_DATA").stdin(Stdio::null()).args(arguments);
    command
}

fn full() -> File {
    File::options().write(true).open("/dev/full").unwrap()
}

/// A pipe that nobody reads any more.
fn closed() -> std::io::PipeWriter {
    std::io::pipe().unwrap().1
}

#[test]
fn a_reader_that_has_left_is_no_error() {
    let lab = lab();
    for arguments in commands() {
        let output = command(&lab, &arguments).stdout(closed()).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(0), "{arguments:?}: {said}");
        assert!(!said.contains("error") && !said.contains("panicked"), "{arguments:?}: {said}");
    }
}

#[test]
fn a_full_device_is_one_line() {
    let lab = lab();
    for arguments in commands() {
        let output = command(&lab, &arguments).stdout(full()).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(1), "{arguments:?}: {said}");
        let errors: Vec<_> = said.lines().filter(|line| line.starts_with("error: ")).collect();
        assert_eq!(errors.len(), 1, "{arguments:?}: {said}");
        assert!(errors[0].contains("standard output") && !said.contains("panicked"), "{said}");
    }
}

#[test]
fn what_cannot_be_said_changes_nothing() {
    let lab = lab();
    for arguments in commands() {
        for stderr in [Stdio::from(full()), Stdio::from(closed())] {
            let output = command(&lab, &arguments).stderr(stderr).output().unwrap();
            assert_eq!(output.status.code(), Some(0), "{arguments:?}");
            assert!(!output.stdout.is_empty());
        }
    }
    for (wrong, code) in [(vec!["train", "--bogus"], 2), (vec!["eval", "absent"], 1)] {
        for stderr in [Stdio::from(full()), Stdio::from(closed())] {
            let status = command(&lab, &wrong).stderr(stderr).status().unwrap();
            assert_eq!(status.code(), Some(code), "{wrong:?}");
        }
    }
}

#[test]
fn streams_may_be_closed_from_the_start() {
    let lab = lab();
    let program = assert_cmd::cargo::cargo_bin!("gpt-lab").to_str().unwrap();
    for redirection in [">&-", "<&- >&- 2>&-"] {
        for arguments in commands() {
            let script = format!("exec \"$0\" \"$@\" {redirection}");
            let mut command = command(&lab, &arguments);
            let folder = command.get_current_dir().unwrap().to_owned();
            command = Command::new("sh");
            command.args(["-c", &script, program]).args(&arguments).current_dir(folder);
            let status = command.env("GPT_LAB_HOME", lab.path("home")).output().unwrap().status;
            assert_eq!(status.code(), Some(0), "{arguments:?} {redirection}");
        }
    }
}
