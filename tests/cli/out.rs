//! `--out`: what it never replaces, and what it leaves as it was.

use std::os::unix::fs::{FileTypeExt, PermissionsExt, symlink};

use crate::lab::{Lab, TINY, contains_all};

const TRAIN: [&str; 4] = ["train", "--data", "play.txt", "--steps"];

fn refused(lab: &Lab, out: &str, more: &[&str]) -> String {
    let arguments = [&TRAIN[..], &["5", "--out", out], &TINY, more].concat();
    let output = lab.run(&arguments);
    let line = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2), "--out {out}: {line}");
    assert!(line.starts_with("error: --out: ") && line.lines().count() == 1, "{line:?}");
    assert!(output.stdout.is_empty());
    line
}

#[test]
fn what_is_read_is_never_written() {
    let lab = Lab::new();
    let text = lab.read("play.txt");
    std::fs::hard_link(lab.path("play.txt"), lab.path("hard")).unwrap();
    symlink("play.txt", lab.path("soft")).unwrap();
    for out in ["play.txt", "./play.txt", "hard", "soft"] {
        contains_all(&refused(&lab, out, &[]), &[out, "the text (--data)", "another name"]);
    }
    // Texts that this run does not read, but others will.
    lab.write("environment.txt", &text);
    std::fs::create_dir(lab.path("home")).unwrap();
    lab.write("home/tinyshakespeare.txt", &text);
    contains_all(&refused(&lab, "home/tinyshakespeare.txt", &[]), &["the fetched text"]);
    let mut command = lab.command(&[&TRAIN[..], &["5", "--out", "environment.txt"]].concat());
    let output = command.args(TINY).env("GPT_LAB_DATA", lab.path("environment.txt")).output();
    let output = output.unwrap();
    assert_eq!(output.status.code(), Some(2));
    contains_all(&String::from_utf8_lossy(&output.stderr), &["GPT_LAB_DATA"]);
    lab.write("points", "0 0\n1 1\n".repeat(20).as_bytes());
    let gan = ["train", "--stage", "gan", "--target", "file", "--points", "points"];
    let line = lab.error(&[&gan[..], &["--steps", "1", "--out", "points"]].concat());
    contains_all(&line, &["--points"]);
    for name in ["play.txt", "hard", "environment.txt", "home/tinyshakespeare.txt"] {
        assert!(lab.read(name) == text, "{name} was written");
    }
}

#[test]
fn what_is_not_ours_is_never_replaced() {
    let lab = Lab::new();
    lab.write("notes.txt", b"mine");
    let golden = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/vae.safetensors");
    std::fs::copy(golden, lab.path("foreign.safetensors")).unwrap();
    std::fs::create_dir(lab.path("folder")).unwrap();
    symlink("loop", lab.path("loop")).unwrap();
    let fifo = std::process::Command::new("mkfifo").arg(lab.path("fifo")).status().unwrap();
    assert!(fifo.success());
    for (out, what) in [
        ("notes.txt", "no checkpoint"),
        ("foreign.safetensors", "no checkpoint"),
        ("folder", "a directory"),
        ("loop", "links"),
        ("fifo", "a pipe"),
        ("/dev/null", "a device"),
    ] {
        contains_all(&refused(&lab, out, &[]), &[out, what]);
    }
    assert_eq!(lab.read("notes.txt"), b"mine");
    let kind = |path: &str| std::fs::symlink_metadata(lab.path(path)).unwrap().file_type();
    assert!(kind("fifo").is_fifo() && kind("loop").is_symlink());
    assert!(std::fs::metadata("/dev/null").unwrap().file_type().is_char_device());
}

#[test]
fn our_own_file_is_written_anew_with_its_link_and_its_permissions() {
    let lab = Lab::new();
    lab.write("empty", b"");
    lab.train(&["--steps", "5", "--out", "empty"]);
    symlink("real", lab.path("link")).unwrap();
    lab.train(&["--steps", "5", "--out", "link"]);
    assert!(lab.path("link").is_symlink());
    assert!(lab.read("real") == lab.read("empty"));
    let mode = || std::fs::metadata(lab.path("real")).unwrap().permissions().mode() & 0o777;
    std::fs::set_permissions(lab.path("real"), PermissionsExt::from_mode(0o600)).unwrap();
    let resume = ["train", "--resume", "link", "--data", "play.txt", "--steps", "9"];
    lab.json(&[&resume[..], &["--out", "link", "--json"]].concat());
    assert!(lab.path("link").is_symlink() && lab.read("real") != lab.read("empty"));
    assert_eq!(mode(), 0o600);
}

#[test]
fn what_a_killed_run_left_is_removed() {
    let lab = Lab::new();
    lab.write(".gpt-lab-Ab3xYz", b"half a checkpoint");
    lab.write(".gpt-lab-notes.txt", b"mine");
    lab.train(&["--steps", "5", "--out", "model.safetensors"]);
    assert!(!lab.path(".gpt-lab-Ab3xYz").exists());
    assert_eq!(lab.read(".gpt-lab-notes.txt"), b"mine");
}
