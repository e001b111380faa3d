//! `verify` on some of PyTorch's reference values.

use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::lab::Lab;

fn golden(case: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(format!("{case}.safetensors"))
}

#[test]
fn verify_passes_what_pytorch_computed() {
    let lab = Lab::new();
    std::fs::create_dir(lab.path("cases")).unwrap();
    for case in ["layer_linear", "stage_layer_norm"] {
        std::fs::copy(golden(case), lab.path("cases").join(format!("{case}.safetensors"))).unwrap();
    }
    let out = lab.out(&["verify", "cases"]);
    let lines: Vec<_> = out.lines().collect();
    assert_eq!(lines.len(), 3, "{out}");
    for (line, case) in lines.iter().zip(["layer_linear", "stage_layer_norm"]) {
        assert!(line.starts_with("PASS") && line.contains(case), "{line}");
    }
    assert_eq!(lines[2], "2 passed, 0 failed");
}

#[test]
fn verify_notices_one_wrong_number() {
    let lab = Lab::new();
    let mut bytes = std::fs::read(golden("layer_linear")).unwrap();
    let header = u64::from_le_bytes(bytes[..8].try_into().unwrap()) as usize;
    let tensors: Value = serde_json::from_slice(&bytes[8..8 + header]).unwrap();
    let (_, tensor) =
        tensors.as_object().unwrap().iter().find(|(name, _)| name.starts_with("out.")).unwrap();
    let first = 8 + header + tensor["data_offsets"][0].as_u64().unwrap() as usize;
    bytes[first..first + 4].copy_from_slice(&1e3_f32.to_le_bytes());
    std::fs::create_dir(lab.path("cases")).unwrap();
    lab.write("cases/layer_linear.safetensors", &bytes);
    let output = lab.run(&["verify", "cases"]);
    let out = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(1), "{out}");
    assert!(out.starts_with("FAIL") && out.ends_with("0 passed, 1 failed\n"), "{out}");
}
