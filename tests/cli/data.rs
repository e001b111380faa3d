//! `data`: which text counts, and downloads that fail.

use crate::lab::{Lab, contains_all};

#[test]
fn the_text_named_on_the_command_line_comes_first() {
    let lab = Lab::new();
    lab.write("named.txt", "ab".repeat(100).as_bytes());
    lab.write("environment.txt", "cd".repeat(100).as_bytes());
    let info = |arguments: &[&str]| {
        let output = lab
            .command(arguments)
            .env("GPT_LAB_DATA", lab.path("environment.txt"))
            .output()
            .unwrap();
        String::from_utf8(output.stdout).unwrap()
    };
    contains_all(&info(&["data", "info", "--data", "named.txt"]), &["named.txt (--data)", "a b"]);
    contains_all(&info(&["data", "info"]), &["environment.txt (GPT_LAB_DATA)", "c d"]);
    contains_all(&lab.out(&["data", "info"]), &["the bundled play", "data fetch"]);
}

#[test]
fn a_failed_download_leaves_nothing_behind() {
    let lab = Lab::new();
    // Port 1 of this machine answers nobody.
    let line =
        lab.error(&["data", "fetch", "--url", "http://127.0.0.1:1/input.txt", "--timeout", "5"]);
    contains_all(&line, &["http://127.0.0.1:1/input.txt"]);
    assert_eq!(
        lab.out(&["data", "path"]).trim_end(),
        lab.path("home/tinyshakespeare.txt").to_str().unwrap()
    );
}
