//! `gpt-lab verify DIR`: every reference case in a folder against what this program computes.
//!
//! The cases are written by `tests/golden/generate.py`: PyTorch in float64, inputs exactly representable in float32. Sizes
//! and settings come from the files, so any seed and any shape will do. A case passes if for every tensor in it
//! ‖ours - reference‖ / ‖reference‖ stays under its limit.

mod encoder_decoder;
mod gan;
mod golden;
mod layers;
mod recurrent;
mod stages;
mod vae;

use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use clap::Args;

use super::Failure;
use crate::nn::recurrent::Cell;
use golden::{Golden, Worst};

#[derive(Debug, Args)]
pub struct Arguments {
    /// Folder with the .safetensors files of tests/golden/generate.py
    folder: PathBuf,
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
    let mut out = std::io::stdout().lock();
    let (mut passed, mut failed) = (0, 0);
    for path in files(&arguments.folder)? {
        let case = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        match verify(&path) {
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
                writeln!(out, "FAIL {case} {error:#}")?;
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

    #[test]
    fn a_folder_without_cases_is_an_error() {
        let empty = tempfile::tempdir().unwrap();
        assert!(files(empty.path()).unwrap_err().to_string().contains("no .safetensors file"));
        assert!(files(&empty.path().join("nowhere")).is_err());
    }
}
