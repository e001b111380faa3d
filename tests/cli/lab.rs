//! A folder to run the program in.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::Output;

use assert_cmd::Command;
use serde_json::Value;
use tempfile::TempDir;

/// A model so small that a training step takes no time.
pub const TINY: [&str; 14] = [
    "--stage",
    "layer-norm",
    "--n-embd",
    "8",
    "--n-head",
    "2",
    "--n-layer",
    "1",
    "--batch-size",
    "4",
    "--eval-batches",
    "2",
    "--eval-interval",
    "10",
];

/// A folder to work in, with the play as `play.txt`, and nothing known from outside it.
pub struct Lab {
    folder: TempDir,
}

impl Lab {
    pub fn new() -> Self {
        let lab = Self { folder: tempfile::tempdir().unwrap() };
        std::fs::copy(concat!(env!("CARGO_MANIFEST_DIR"), "/data/play.txt"), lab.path("play.txt"))
            .unwrap();
        lab
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn write(&self, name: &str, bytes: &[u8]) {
        std::fs::write(self.path(name), bytes).unwrap();
    }

    pub fn read(&self, name: &str) -> Vec<u8> {
        std::fs::read(self.path(name)).unwrap()
    }

    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(assert_cmd::cargo::cargo_bin!("gpt-lab"));
        command
            .current_dir(self.folder.path())
            .env("GPT_LAB_HOME", self.path("home"))
            .env_remove("GPT_LAB_DATA");
        command.args(arguments);
        command
    }

    pub fn run(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().unwrap()
    }

    /// Standard output of a command that succeeds.
    pub fn out(&self, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        assert!(
            output.status.success(),
            "{arguments:?}: {}",
            String::from_utf8_lossy(&output.stderr)
        );
        String::from_utf8(output.stdout).unwrap()
    }

    pub fn json(&self, arguments: &[&str]) -> Vec<Value> {
        self.out(arguments).lines().map(|line| serde_json::from_str(line).expect(line)).collect()
    }

    /// Every file below the folder.
    pub fn files(&self) -> BTreeMap<PathBuf, Vec<u8>> {
        let mut files = BTreeMap::new();
        let mut folders = vec![self.folder.path().to_owned()];
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    folders.push(path);
                } else {
                    let bytes = std::fs::read(&path).unwrap();
                    files.insert(path, bytes);
                }
            }
        }
        files
    }

    /// The one line of a command that fails, prints nothing else and writes nothing.
    pub fn error(&self, arguments: &[&str]) -> String {
        let before = self.files();
        let output = self.run(arguments);
        let line = String::from_utf8(output.stderr).unwrap();
        assert!(
            matches!(output.status.code(), Some(1 | 2)),
            "{arguments:?} ended with {}: {line}",
            output.status
        );
        assert!(
            line.starts_with("error: ") && line.lines().count() == 1,
            "{arguments:?} said {line:?}"
        );
        assert!(
            output.stdout.is_empty(),
            "{arguments:?} printed {}",
            String::from_utf8_lossy(&output.stdout)
        );
        assert!(self.files() == before, "{arguments:?} wrote something");
        line
    }

    /// Trains the tiny model and gives the JSON lines.
    pub fn train(&self, more: &[&str]) -> Vec<Value> {
        self.json(&[&["train", "--data", "play.txt", "--json"], &TINY[..], more].concat())
    }

    /// The error of training with these options, which must not begin.
    pub fn train_error(&self, more: &[&str]) -> String {
        self.error(&[&["train", "--out", "model.safetensors", "--steps", "10"], more].concat())
    }
}

pub fn contains_all(line: &str, parts: &[&str]) {
    for part in parts {
        assert!(line.contains(part), "{part:?} is missing from {line:?}");
    }
}

pub fn number(value: &Value, key: &str) -> f64 {
    value[key].as_f64().unwrap_or_else(|| panic!("{key} is no number in {value}"))
}
