//! `gpt-lab verify DIR`: every reference case in a folder against what this program computes.
//!
//! The cases are written by `tests/golden/generate.py`: PyTorch in float64, inputs exactly representable in float32. Sizes
//! and settings come from the files, so any seed and any shape will do. A case passes if for every tensor in it
//! ‖ours - reference‖ / ‖reference‖ stays under its limit.

mod encoder_decoder;
mod gan;
mod golden;
mod layers;
mod limits;
mod recurrent;
mod stages;
mod vae;

use std::cell::Cell as ThreadCell;
use std::io::Write;
use std::panic::{self, AssertUnwindSafe};
use std::path::{Path, PathBuf};
use std::sync::Once;

use anyhow::{Context, anyhow, bail};
use clap::Args;

use super::Failure;
use crate::nn::before_attention::recurrent::Cell;
use crate::text::shown::{chain, excerpt};
use golden::{Golden, Worst};

#[derive(Debug, Args)]
pub struct Arguments {
    /// Folder with the .safetensors files of tests/golden/generate.py
    folder: PathBuf,
}

thread_local! {
    /// Whether a panic of this thread is caught and told in a line of its own.
    static QUIET: ThreadCell<bool> = const { ThreadCell::new(false) };
}

#[derive(Debug)]
enum Outcome {
    Passed(Worst),
    Failed(Worst),
}

/// Prints a line for each case and the count.
///
/// # Errors
/// If there is no case, or one differs.
pub fn run(arguments: &Arguments) -> Result<(), Failure> {
    silence();
    let mut out = std::io::stdout().lock();
    let (mut passed, mut failed) = (0, 0);
    for path in files(&arguments.folder)? {
        let case = excerpt(&path.file_stem().unwrap_or_default().to_string_lossy());
        match guarded(|| verify(&path)) {
            Ok(Outcome::Passed(worst)) => {
                passed += 1;
                writeln!(out, "PASS {case} {worst}")?;
            }
            Ok(Outcome::Failed(worst)) => {
                failed += 1;
                writeln!(out, "FAIL {case} {worst}")?;
            }
            Err(error) => {
                failed += 1;
                writeln!(out, "FAIL {case} {}", chain(&*error))?;
            }
        }
    }
    writeln!(out, "{passed} passed, {failed} failed")?;
    if failed > 0 {
        let cases = passed + failed;
        return Err(anyhow::anyhow!("{failed} of {cases} cases differ from the reference").into());
    }
    Ok(())
}

/// The folder's cases in the order of their names.
fn files(folder: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let name = crate::text::shown::escaped(&folder.display().to_string());
    let unreadable = || format!("{name} cannot be read: expected a folder of reference cases");
    let entries = std::fs::read_dir(folder).with_context(unreadable)?;
    let mut files = Vec::new();
    for entry in entries {
        let path = entry.with_context(unreadable)?.path();
        if path.extension().is_some_and(|extension| extension == "safetensors") {
            files.push(path);
        }
    }
    if files.is_empty() {
        bail!(
            "there is no .safetensors file in {}: write some with `python generate.py {0}`",
            folder.display()
        );
    }
    files.sort();
    Ok(files)
}

/// A case that ends in a panic, which a damaged file can bring about, is one that failed.
fn guarded<T>(check: impl FnOnce() -> anyhow::Result<T>) -> anyhow::Result<T> {
    QUIET.set(true);
    let result = panic::catch_unwind(AssertUnwindSafe(check));
    QUIET.set(false);
    result.unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<String>().map(String::as_str);
        let why = text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or_default();
        Err(anyhow!("its sizes and tensors do not fit together ({})", excerpt(why)))
    })
}

/// Has the panics of [`guarded`] say nothing: their case is reported in its line.
fn silence() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let before = panic::take_hook();
        panic::set_hook(Box::new(move |panic| {
            if !QUIET.get() {
                before(panic);
            }
        }));
    });
}

fn verify(path: &Path) -> anyhow::Result<Outcome> {
    let worst = compare(&Golden::read(path)?)?;
    Ok(if worst.within() { Outcome::Passed(worst) } else { Outcome::Failed(worst) })
}

fn compare(golden: &Golden) -> anyhow::Result<Worst> {
    let case = golden.case.as_str();
    if let Some(cell) = recurrent_cell(case) {
        return recurrent::verify(golden, cell);
    }
    match case {
        "encoder_decoder" => encoder_decoder::verify(golden),
        "vae" => vae::verify(golden),
        "gan" => gan::verify(golden),
        _ if case.starts_with("stage_") => stages::verify(golden),
        _ => layers::verify(golden),
    }
}

/// The cell of a recurrent layer's case.
fn recurrent_cell(case: &str) -> Option<Cell> {
    match case {
        "rnn" => Some(Cell::Rnn),
        "gru" => Some(Cell::Gru),
        "lstm" => Some(Cell::Lstm),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use rand::{Rng, SeedableRng};
    use rand_chacha::ChaCha8Rng;

    use super::*;

    fn goldens() -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden")
    }

    #[test]
    fn every_layer_and_model_agrees_with_pytorch() {
        let paths = files(&goldens()).unwrap();
        for path in &paths {
            if let Outcome::Failed(worst) = verify(path).unwrap() {
                panic!("{}: {worst}", path.display());
            }
        }
        assert_eq!(paths.len(), 9 + 3 + 11 + 3, "layers, recurrent layers, stages, other models");
    }

    /// The check can fail: one weight that is off by a hundredth is found.
    #[test]
    fn a_wrong_weight_is_found() {
        for case in [
            "stage_layer_norm",
            "stage_bigram",
            "encoder_decoder",
            "vae",
            "gan",
            "lstm",
            "causal_conv",
            "layer_linear",
            "layer_attention_cross",
        ] {
            let mut golden =
                Golden::read(&goldens().join(case).with_extension("safetensors")).unwrap();
            let input = if case == "layer_attention_cross" { "in.k" } else { "param." };
            golden.disturb(input, 1e-2);
            assert!(!compare(&golden).unwrap().within(), "{case}");
        }
    }

    /// A reference case with a few things wrong with it.
    fn damaged(base: &[u8], rng: &mut ChaCha8Rng) -> Vec<u8> {
        let mut bytes = base.to_vec();
        let header = 8 + u64::from_le_bytes(*base.first_chunk().unwrap()) as usize;
        for _ in 0..rng.random_range(1..=3) {
            let end = bytes.len().min(if rng.random_bool(0.8) { header } else { usize::MAX });
            if end == 0 {
                continue;
            }
            let at = rng.random_range(0..end);
            match rng.random_range(0..8) {
                0 => bytes.truncate(at),
                1 => bytes[at] ^= 1 << rng.random_range(0..8),
                // Numbers of the configuration and the shapes, and of the same width, so that the rest stays in its place.
                _ => {
                    let digits: Vec<usize> =
                        (0..end).filter(|at| bytes[*at].is_ascii_digit()).collect();
                    if let Some(&at) = digits.get(rng.random_range(0..digits.len().max(1))) {
                        bytes[at] = b'0' + rng.random_range(0..10);
                    }
                }
            }
        }
        bytes
    }

    #[test]
    fn a_damaged_case_is_one_that_failed() {
        silence();
        let folder = tempfile::tempdir().unwrap();
        let paths = files(&goldens()).unwrap();
        let mut refused = 0;
        for case in 0..300 {
            let mut rng = ChaCha8Rng::seed_from_u64(case);
            let base = &paths[rng.random_range(0..paths.len())];
            let path = folder.path().join(base.file_name().unwrap());
            std::fs::write(&path, damaged(&std::fs::read(base).unwrap(), &mut rng)).unwrap();
            if let Err(error) = guarded(|| verify(&path)) {
                refused += 1;
                let line = chain(&*error);
                assert!(!line.is_empty() && line.len() < 1000, "{line}");
                assert!(!line.chars().any(crate::text::shown::is_hidden), "{line:?}");
            }
        }
        assert!(refused > 100, "{refused}");
    }

    /// Sizes that a file's configuration names are not computed with before they are found to be plausible.
    #[test]
    fn a_size_that_no_case_has_is_refused_before_room_is_made() {
        silence();
        let folder = tempfile::tempdir().unwrap();
        for (case, keys) in [
            ("lstm", &["hidden"][..]),
            ("causal_conv", &["kernel", "output", "dilation"]),
            ("vae", &["hidden", "latent", "input"]),
            ("gan", &["hidden", "noise", "data"]),
            ("encoder_decoder", &["n_embd", "n_layer", "n_head", "target_vocab"]),
            ("stage_sinusoidal", &["n_embd", "block_size", "n_layer", "n_head", "vocab_size"]),
        ] {
            let bytes = std::fs::read(goldens().join(case).with_extension("safetensors")).unwrap();
            for key in keys {
                for value in [0_u64, 100_000, 1 << 31, 1 << 62, u64::MAX] {
                    let path = folder.path().join(case).with_extension("safetensors");
                    std::fs::write(&path, with(&bytes, key, value)).unwrap();
                    let passed = matches!(guarded(|| verify(&path)), Ok(Outcome::Passed(_)));
                    assert!(!passed, "{case} with {key} {value}");
                }
            }
        }
    }

    /// The case with another value in its configuration.
    fn with(bytes: &[u8], key: &str, value: u64) -> Vec<u8> {
        let length = u64::from_le_bytes(*bytes.first_chunk().unwrap()) as usize;
        let mut header: serde_json::Value = serde_json::from_slice(&bytes[8..8 + length]).unwrap();
        let text = header["__metadata__"]["config"].as_str().unwrap();
        let mut config: serde_json::Value = serde_json::from_str(text).unwrap();
        assert!(config.get(key).is_some(), "{key} in {config}");
        config[key] = value.into();
        header["__metadata__"]["config"] = config.to_string().into();
        let mut header = serde_json::to_vec(&header).unwrap();
        header.resize(header.len().next_multiple_of(8), b' ');
        let promised = (header.len() as u64).to_le_bytes();
        [&promised, &header[..], &bytes[8 + length..]].concat()
    }

    #[test]
    fn a_folder_without_cases_is_an_error() {
        let empty = tempfile::tempdir().unwrap();
        assert!(files(empty.path()).unwrap_err().to_string().contains("no .safetensors file"));
        assert!(files(&empty.path().join("nowhere")).is_err());
    }
}
