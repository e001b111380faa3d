//! Checkpoints that were damaged at random, some of them with a checksum that fits: no panic, no abort, no hang, and errors
//! of one line that a terminal can be shown. 200 in this process, 3,000 with GPT_LAB_FUZZ=1; a few go through the program.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use gpt_lab::model;
use gpt_lab::stage::stage;
use gpt_lab::text::shown;
use gpt_lab::text::{Corpus, Dataset};
use gpt_lab::train::{Checkpoint, Material, Session, Team};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::lab::Lab;

const SEED: u64 = 1337;
/// Positions of a step that is made; a longer one is no fault, but takes too long here.
const POSITIONS: usize = 1 << 13;

fn cases() -> u64 {
    if std::env::var_os("GPT_LAB_FUZZ").is_some() { 3000 } else { 200 }
}

/// A whole checkpoint, taken apart.
struct Base {
    header: Value,
    numbers: Vec<u8>,
    /// The places of the tensors' numbers, in the order of the checksum.
    order: Vec<[usize; 2]>,
}

fn bases(dataset: &Arc<Dataset>, folder: &Path) -> Vec<Base> {
    let stages =
        ["bigram", "layer-norm", "single-head", "lstm", "vae", "gan", "memory", "encoder-decoder"];
    let base = |name: &&str| {
        let mut config = stage(name).unwrap().config(dataset.tokenizer.vocab_size(), SEED);
        let sizes = &mut config.model;
        (sizes.n_embd, sizes.n_hidden, sizes.n_head) = (8, 8, 2);
        sizes.n_layer = sizes.n_layer.min(2);
        if *name == "single-head" {
            // Nothing in the file says how long its context is.
            sizes.position = model::config::Position::None;
        }
        (config.training.batch_size, config.training.eval_batches) = (4, 2);
        let mut session = Session::new(config, Arc::clone(dataset), 1).unwrap();
        session.evaluate();
        for _ in 0..2 {
            session.step().unwrap();
        }
        let path = folder.join("base.safetensors");
        session.save(&path).unwrap();
        let bytes = std::fs::read(path).unwrap();
        let length = u64::from_le_bytes(*bytes.first_chunk().unwrap()) as usize;
        let header: Value = serde_json::from_slice(&bytes[8..8 + length]).unwrap();
        let place = |name: String| -> [usize; 2] {
            serde_json::from_value(header[name]["data_offsets"].clone()).unwrap()
        };
        let parameters = || session.model().registry().parameters().iter();
        let order = ["", "optim.m.", "optim.v."]
            .into_iter()
            .flat_map(|prefix| parameters().map(move |p| format!("{prefix}{}", p.name)))
            .map(place)
            .collect();
        Base { numbers: bytes[8 + length..].to_vec(), order, header }
    };
    stages.iter().map(base).collect()
}

impl Base {
    /// The file with another header.
    fn file(&self, header: &[u8]) -> Vec<u8> {
        let mut header = header.to_vec();
        header.resize(header.len().next_multiple_of(8), b' ');
        [&(header.len() as u64).to_le_bytes(), &header[..], &self.numbers].concat()
    }

    /// The file with other metadata, and the checksum of it.
    fn signed(&self, mut header: Value) -> Vec<u8> {
        let metadata = header["__metadata__"].as_object_mut().unwrap();
        let mut hash = Sha256::new();
        let mut keys: Vec<_> = metadata.keys().filter(|key| *key != "sha256").cloned().collect();
        keys.sort();
        for key in keys {
            hash.update(&key);
            hash.update([0]);
            hash.update(metadata[&key].as_str().unwrap_or_default());
            hash.update([0]);
        }
        for [start, end] in &self.order {
            hash.update(&self.numbers[*start..*end]);
        }
        let hexadecimal = |text: String, byte: &u8| text + &format!("{byte:02x}");
        let sum = hash.finalize().iter().fold(String::new(), hexadecimal);
        metadata.insert("sha256".to_owned(), sum.into());
        self.file(&serde_json::to_vec(&header).unwrap())
    }

    fn damaged(&self, rng: &mut ChaCha8Rng) -> Vec<u8> {
        let mut header = self.header.clone();
        let text = serde_json::to_string(&header).unwrap();
        match rng.random_range(0..12) {
            0 => {
                let mut file = self.file(text.as_bytes());
                for _ in 0..rng.random_range(1..4) {
                    let at = rng.random_range(0..file.len());
                    file[at] ^= 1 << rng.random_range(0..8);
                }
                file
            }
            1 => {
                let mut file = self.file(text.as_bytes());
                file.truncate(rng.random_range(0..file.len()));
                file
            }
            2 => {
                let mut file = self.file(text.as_bytes());
                let length = [0, 1, 7, 1 << 20, 1 << 40, u64::MAX][rng.random_range(0..6)];
                file[..8].copy_from_slice(&u64::to_le_bytes(length));
                file
            }
            // Somewhere in the header stands something else.
            3 => {
                let at = rng.random_range(0..text.len());
                let deep = "[".repeat(100_000);
                let what = ["\u{1b}[2J", "-", "99999999999999999999", "\\u001b", "null,", &deep];
                let what = what[rng.random_range(0..what.len())].as_bytes();
                self.file(&[&text.as_bytes()[..at], what, &text.as_bytes()[at..]].concat())
            }
            4 => {
                let twice = "\"__metadata__\":{\"format\":\"gpt-lab 1\",\"format\":\"gpt-lab 1\"},";
                self.file(text.replacen('{', &format!("{{{twice}"), 1).as_bytes())
            }
            5 => {
                let other = anything(rng);
                let tensors = header.as_object_mut().unwrap();
                let at = rng.random_range(0..tensors.len());
                let (_, tensor) = tensors.iter_mut().nth(at).unwrap();
                *leaf(tensor, rng) = other;
                self.file(&serde_json::to_vec(&header).unwrap())
            }
            6 => {
                let metadata = header["__metadata__"].as_object_mut().unwrap();
                let at = rng.random_range(0..metadata.len());
                let (_, value) = metadata.iter_mut().nth(at).unwrap();
                let other = anything(rng);
                *value = other.as_str().map_or_else(|| other.to_string(), str::to_owned).into();
                self.signed(header)
            }
            _ => {
                let key = if rng.random_bool(0.7) { "config" } else { "history" };
                let text = header["__metadata__"][key].as_str().unwrap();
                let mut value: Value = serde_json::from_str(text).unwrap();
                for _ in 0..rng.random_range(1..3) {
                    *leaf(&mut value, rng) = anything(rng);
                }
                header["__metadata__"][key] = value.to_string().into();
                self.signed(header)
            }
        }
    }
}

/// A value that has no others in it, or an empty one.
fn leaf<'a>(value: &'a mut Value, rng: &mut ChaCha8Rng) -> &'a mut Value {
    let count = match value {
        Value::Array(all) => all.len(),
        Value::Object(all) => all.len(),
        _ => 0,
    };
    if count == 0 {
        return value;
    }
    let at = rng.random_range(0..count);
    match value {
        Value::Array(all) => leaf(&mut all[at], rng),
        Value::Object(all) => leaf(all.iter_mut().nth(at).unwrap().1, rng),
        _ => value,
    }
}

fn anything(rng: &mut ChaCha8Rng) -> Value {
    let values = [
        json!(0),
        json!(1),
        json!(3),
        json!(48),
        json!(64),
        json!(2048),
        json!(4096),
        json!(-1),
        json!(1_000_000_000_u64),
        json!(i64::MAX),
        json!(u64::MAX),
        json!(1e308),
        json!(-0.5),
        json!(1e-320),
        json!(true),
        json!(false),
        json!(null),
        json!([]),
        json!({}),
        json!("\u{1b}[2J\u{202e}\n"),
        json!("x".repeat(5000)),
        json!("none"),
        json!("sinusoidal"),
        json!("gpt"),
        json!("text"),
        json!("words"),
        json!(format!("{}1{}", "[".repeat(5000), "]".repeat(5000))),
    ];
    values[rng.random_range(0..values.len())].clone()
}

/// A checkpoint as far as a step of its run.
fn open(path: &Path, material: &Material, team: &Team) -> Result<(), String> {
    let checkpoint = Checkpoint::read(path, &[]).map_err(|error| error.to_string())?;
    let training = &checkpoint.config.training;
    let positions = training.batch_size * checkpoint.config.model.block_size;
    let session = Session::restore(checkpoint, material.clone(), team);
    let mut session = session.map_err(|error| error.to_string())?;
    if positions <= POSITIONS {
        session.step().map_err(|error| error.to_string())?;
    }
    Ok(())
}

fn one_clean_line(line: &str, case: u64) {
    assert!(!line.chars().any(shown::is_hidden), "case {case}: {line:?}");
    assert!(!line.is_empty() && line.len() < 1000, "case {case}: {line}");
}

#[test]
fn damaged_checkpoints() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a\u{1b}[31m\u{202e}.safetensors");
    let dataset = Arc::new(Dataset::new(Corpus::bundled()).unwrap());
    let bases = bases(&dataset, folder.path());
    let (material, team) = (Material::from(dataset), Team::new(1).unwrap());
    let mut opened = 0;
    for case in 0..cases() {
        let mut rng = ChaCha8Rng::seed_from_u64(SEED + case);
        let base = &bases[rng.random_range(0..bases.len())];
        std::fs::write(&path, base.damaged(&mut rng)).unwrap();
        let result = catch_unwind(AssertUnwindSafe(|| open(&path, &material, &team)));
        match result.unwrap_or_else(|_| panic!("case {case} panicked")) {
            Ok(()) => opened += 1,
            Err(line) => one_clean_line(&line, case),
        }
    }
    // A checksum that fits lets sound changes through; and nothing else.
    assert!((cases() / 20..cases()).contains(&opened), "{opened} of {} were opened", cases());
}

/// As a user meets them, with 4 GiB of address space.
#[cfg(target_os = "linux")]
#[test]
fn damaged_checkpoints_at_the_command_line() {
    let lab = Lab::new();
    let dataset = Arc::new(Dataset::new(Corpus::bundled()).unwrap());
    let bases = bases(&dataset, &lab.path(""));
    let program = assert_cmd::cargo::cargo_bin!("gpt-lab").to_string_lossy().into_owned();
    for case in 0..cases() / 8 {
        let mut rng = ChaCha8Rng::seed_from_u64(2 * SEED + case);
        let base = &bases[rng.random_range(0..bases.len())];
        lab.write("model.safetensors", &base.damaged(&mut rng));
        let arguments: &[&str] = match case % 4 {
            0 => &["inspect", "model.safetensors"],
            1 => &["eval", "model.safetensors"],
            2 => &["sample", "model.safetensors"],
            _ => &["train", "--steps", "3", "--resume", "model.safetensors", "--threads", "2"],
        };
        let limited = ["-c", "ulimit -v 4194304; exec \"$0\" \"$@\"", &program];
        let output = assert_cmd::Command::new("sh")
            .args(limited)
            .args(arguments)
            .current_dir(lab.path(""))
            .env("GPT_LAB_HOME", lab.path("home"))
            .env_remove("GPT_LAB_DATA")
            .env("OPENBLAS_NUM_THREADS", "1")
            .timeout(Duration::from_secs(20))
            .output()
            .unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        let code = output.status.code();
        assert!(matches!(code, Some(0..=2)), "case {case} {arguments:?}: {code:?} {said:?}");
        let lines: Vec<_> = said.lines().filter(|line| !line.starts_with("note: ")).collect();
        for line in said.lines() {
            one_clean_line(line, case);
        }
        if code != Some(0) {
            let [line] = lines[..] else { panic!("case {case} {arguments:?}: {said:?}") };
            assert!(line.starts_with("error: "), "case {case} {arguments:?}: {line}");
        }
    }
}
