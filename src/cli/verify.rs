//! `gpt-lab verify DIR`: every reference case in a folder against what this program computes.
//!
//! The cases are written by `tests/golden/generate.py`: PyTorch in float64, inputs exactly representable in float32. Sizes
//! and settings come from the files, so any seed and any shape will do. A case passes if for every tensor in it
//! ‖ours - reference‖ / ‖reference‖ stays under its limit.

mod encoder_decoder;
mod golden;
mod layers;
mod stages;

use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use clap::Args;

use super::Failure;
use golden::{Golden, Worst};

#[derive(Debug, Args)]
pub struct Arguments {
    /// Folder with the .safetensors files of tests/golden/generate.py
    folder: PathBuf,
}

/// Models that the reference files know and this program doesn't have yet.
const NOT_BUILT: &[&str] = &["vae", "gan", "rnn", "gru", "lstm", "causal_conv"];

#[derive(Debug)]
enum Outcome {
    Passed(Worst),
    Failed(Worst),
    Skipped,
}

/// Prints a line for each case and the count.
///
/// # Errors
/// If there is no case, or one differs.
pub fn run(arguments: &Arguments) -> Result<(), Failure> {
    let (mut passed, mut failed, mut skipped) = (0, 0, 0);
    for path in files(&arguments.folder)? {
        let case = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        match verify(&path) {
            Ok(Outcome::Passed(worst)) => {
                passed += 1;
                println!("PASS {case} {worst}");
            }
            Ok(Outcome::Failed(worst)) => {
                failed += 1;
                println!("FAIL {case} {worst}");
            }
            Ok(Outcome::Skipped) => {
                skipped += 1;
                println!("SKIP {case} its model is not built yet");
            }
            Err(error) => {
                failed += 1;
                println!("FAIL {case} {error:#}");
            }
        }
    }
    println!("{passed} passed, {failed} failed, {skipped} skipped");
    if failed > 0 {
        return Err(anyhow::anyhow!(
            "{failed} of {} cases differ from the reference",
            passed + failed + skipped
        )
        .into());
    }
    Ok(())
}

/// The folder's cases in the order of their names.
fn files(folder: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let entries = std::fs::read_dir(folder)
        .with_context(|| format!("cannot read the folder {}", folder.display()))?;
    let mut files = Vec::new();
    for entry in entries {
        let path = entry?.path();
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

fn verify(path: &Path) -> anyhow::Result<Outcome> {
    let golden = Golden::read(path)?;
    let case = golden.case.as_str();
    let worst = if NOT_BUILT.contains(&case) {
        return Ok(Outcome::Skipped);
    } else if case.starts_with("stage_") {
        stages::verify(&golden)?
    } else if case == "encoder_decoder" {
        encoder_decoder::verify(&golden)?
    } else {
        layers::verify(&golden)?
    };
    Ok(if worst.within() { Outcome::Passed(worst) } else { Outcome::Failed(worst) })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn goldens() -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden")
    }

    #[test]
    fn every_layer_and_stage_agrees_with_pytorch() {
        let mut checked = 0;
        for path in files(&goldens()).unwrap() {
            match verify(&path).unwrap() {
                Outcome::Passed(_) => checked += 1,
                Outcome::Failed(worst) => panic!("{}: {worst}", path.display()),
                Outcome::Skipped => {}
            }
        }
        assert_eq!(checked, 8 + 11 + 1, "layers, stages and the encoder-decoder");
    }

    /// The check can fail: one weight that is off by a thousandth is found.
    #[test]
    fn a_wrong_weight_is_found() {
        for case in [
            "stage_layer_norm",
            "stage_bigram",
            "encoder_decoder",
            "layer_linear",
            "layer_attention_cross",
        ] {
            let mut golden =
                Golden::read(&goldens().join(case).with_extension("safetensors")).unwrap();
            let input = if case == "layer_attention_cross" { "in.k" } else { "param." };
            golden.disturb(input, 1e-2);
            let worst = if case.starts_with("stage") {
                stages::verify(&golden)
            } else if case == "encoder_decoder" {
                encoder_decoder::verify(&golden)
            } else {
                layers::verify(&golden)
            };
            assert!(!worst.unwrap().within(), "{case}");
        }
    }

    #[test]
    fn a_folder_without_cases_is_an_error() {
        let empty = tempfile::tempdir().unwrap();
        assert!(files(empty.path()).unwrap_err().to_string().contains("no .safetensors file"));
        assert!(files(&empty.path().join("nowhere")).is_err());
    }
}
