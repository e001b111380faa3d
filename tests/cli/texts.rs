//! Texts from everywhere: long ones, pipes, other alphabets, and what a terminal would obey.

use std::fs::File;
use std::process::Stdio;

use crate::lab::{Lab, TINY, contains_all};

/// Trains the tiny model on a text for a step.
fn train(lab: &Lab, data: &str, out: &str) {
    lab.out(
        &[&["train", "--data", data, "--out", out, "--steps", "1", "--block-size", "8"], &TINY[..]]
            .concat(),
    );
}

const FRENCH: &str = "L'été dernier, la forêt était si épaisse que l'on n'y voyait goutte. Où êtes-vous allé, Noël ? À la pêche, naïf garçon !\n";
const HINDI: &str = "राम ने कहा कि यह नदी बहुत गहरी है। क्षमा करो, मित्र।\n";
const EMOJI: &str = "🌹 Roses are red 🌹\n💙 violets are blue 💙\n👩\u{200d}🔬 she works late 👨\u{200d}👩\u{200d}👧 and so do you ❤\u{fe0f} 🇫🇷 1\u{fe0f}\u{20e3} 👍🏽\n";
const ZALGO: &str = "H\u{300}\u{301}\u{302}e\u{300}\u{301} c\u{300}\u{301}omes\n";

/// é as e and an accent.
fn decomposed(text: &str) -> String {
    let marks = [('é', "e\u{301}"), ('ê', "e\u{302}"), ('ù', "u\u{300}"), ('ë', "e\u{308}")];
    let marks = marks.iter().chain(&[('À', "A\u{300}"), ('ï', "i\u{308}"), ('ç', "c\u{327}")]);
    marks.fold(text.to_owned(), |text, (c, pair)| text.replace(*c, pair))
}

#[test]
fn a_text_without_end_is_refused_with_the_switch_that_lifts_the_bound() {
    let lab = Lab::new();
    // Sparse, and not where the lab looks for what was written.
    let elsewhere = tempfile::tempdir().unwrap();
    let long = elsewhere.path().join("long.txt");
    File::create(&long).unwrap().set_len(300 << 20).unwrap();
    let long = long.to_str().unwrap();
    lab.write("two.txt", "ab".repeat(1 << 20).as_bytes());
    let told = ["longer than", "MB", "--max-text", "GPT_LAB_MAX_TEXT"];
    for arguments in [
        &["data", "info", "--data", long][..],
        &["train", "--stage", "bigram", "--steps", "1", "--data", long],
        &["bench", "--stage", "bigram", "--data", long],
        &["data", "info", "--data", "two.txt", "--max-text", "1"],
    ] {
        contains_all(&lab.error(arguments), &told);
    }
    #[cfg(unix)]
    contains_all(&lab.error(&["data", "info", "--data", "/dev/zero", "--max-text", "2"]), &told);
    let mut command = lab.command(&["data", "info", "--data", "two.txt"]);
    let output = command.env("GPT_LAB_MAX_TEXT", "1").output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let mut command = lab.command(&["data", "info", "--data", "two.txt"]);
    let output = command.env("GPT_LAB_MAX_TEXT", "much").output().unwrap();
    contains_all(&String::from_utf8_lossy(&output.stderr), &["GPT_LAB_MAX_TEXT is \"much\"", "MB"]);
    contains_all(
        &lab.out(&["data", "info", "--data", "two.txt", "--max-text", "2"]),
        &["2,097,152"],
    );
}

#[test]
fn a_text_comes_through_a_pipe_and_is_read_once() {
    let lab = Lab::new();
    lab.train(&["--steps", "10", "--out", "model.safetensors"]);
    let by_name = lab.out(&["eval", "model.safetensors", "--data", "play.txt", "--json"]);
    for name in ["-", "/dev/stdin"] {
        let output = lab
            .command(&["eval", "model.safetensors", "--data", name, "--json"])
            .write_stdin(lab.read("play.txt"))
            .output()
            .unwrap();
        assert_eq!(String::from_utf8(output.stdout).unwrap(), by_name, "{name}");
    }
    let output =
        lab.command(&["data", "info", "--data", "-"]).write_stdin(FRENCH.repeat(9)).output();
    contains_all(&String::from_utf8(output.unwrap().stdout).unwrap(), &["standard input"]);
}

/// How many words `data info` finds.
fn words(lab: &Lab, text: &str) -> String {
    lab.write("text.txt", text.repeat(20).as_bytes());
    let out = lab.out(&["data", "info", "--data", "text.txt"]);
    let line = out.lines().find(|line| line.trim_start().starts_with("words")).unwrap().to_owned();
    line.split_whitespace().nth(1).unwrap().to_owned()
}

#[test]
fn marks_and_joiners_belong_to_their_words() {
    let lab = Lab::new();
    // Words, signs, and the line break.
    for (text, expected) in
        [(FRENCH, "27"), (&decomposed(FRENCH), "27"), (HINDI, "15"), (ZALGO, "3"), (EMOJI, "21")]
    {
        assert_eq!(words(&lab, text), expected, "{text}");
    }
}

#[test]
fn a_prompt_is_understood_in_either_normal_form() {
    let lab = Lab::new();
    for text in [FRENCH.to_owned(), decomposed(FRENCH)] {
        lab.write("french.txt", text.repeat(20).as_bytes());
        train(&lab, "french.txt", "m.safetensors");
        let of = |prompt| lab.out(&["inspect", "m.safetensors", "--prompt", prompt, "--json"]);
        let tokens = |out: String| {
            serde_json::from_str::<serde_json::Value>(&out).unwrap()["tokens"].clone()
        };
        assert_eq!(tokens(of("été")), tokens(of(&decomposed("été"))));
        // What was typed is printed as it was typed.
        let typed = decomposed("été");
        let out = lab.out(&["sample", "m.safetensors", "--tokens", "3", "--prompt", &typed]);
        assert!(out.starts_with(&typed), "{out:?}");
    }
}

#[test]
fn what_a_terminal_would_obey_is_a_sign_and_raw_only_in_a_pipe() {
    let lab = Lab::new();
    lab.write("controls.txt", "\u{1b}[31m\0\u{7f}\u{200b}\u{301}ab\r\n".repeat(100).as_bytes());
    let info = lab.out(&["data", "info", "--data", "controls.txt"]);
    contains_all(&info, &["␛", "␀", "␡", "▯", "◌\u{301}", "␍", "⏎"]);
    train(&lab, "controls.txt", "m.safetensors");
    let inspect = lab.out(&["inspect", "m.safetensors", "--prompt", "\u{1b}[\u{200b}"]);
    contains_all(&inspect, &["\"␛\"", "\"▯\""]);
    let error = lab.error(&["inspect", "m.safetensors", "--prompt", "\u{2}\u{202e}"]);
    contains_all(&error, &["'␂' (U+0002)", "'▯' (U+202E)"]);
    for text in [info, inspect, error] {
        let raw = |c: char| c.is_control() && c != '\n' || c == '\u{200b}' || c == '\u{202e}';
        assert!(!text.contains(raw), "{text:?}");
    }
    let sample = lab.out(&["sample", "m.safetensors", "--prompt", "\u{1b}[31m", "--tokens", "1"]);
    assert!(sample.starts_with("\u{1b}[31m"), "{sample:?}");
}

#[test]
fn lists_keep_to_the_width_of_a_page() {
    let lab = Lab::new();
    let word = "x".repeat(5000);
    let many: String = (0..600).filter_map(|i| char::from_u32(0x4e00 + i)).collect();
    lab.write("wide.txt", format!("{word} {word}y {many}\n").repeat(3).as_bytes());
    let info = lab.out(&["data", "info", "--data", "wide.txt"]);
    contains_all(&info, &["…", "more"]);
    let list = info.lines().filter(|line| line.starts_with("              "));
    assert!(list.clone().count() > 5 && list.clone().all(|l| l.chars().count() <= 80), "{info}");
}

#[test]
fn a_value_may_begin_with_a_hyphen() {
    let lab = Lab::new();
    lab.write("-text.txt", "- hello\n--prompt\n".repeat(40).as_bytes());
    train(&lab, "-text.txt", "-m.safetensors");
    let model = "./-m.safetensors";
    let out = lab.out(&["sample", model, "--tokens", "2", "--prompt", "- hello"]);
    assert!(out.starts_with("- hello"), "{out}");
    contains_all(&lab.out(&["inspect", model, "--prompt", "--prompt"]), &["next character"]);
    contains_all(&lab.out(&["inspect", model, "--neighbours", "-"]), &["nearest to \"-\""]);
    contains_all(&lab.out(&["eval", model, "--data", "-text.txt"]), &["val loss"]);
}

#[test]
fn a_text_in_utf16_is_told_how_to_become_utf8() {
    let lab = Lab::new();
    let bytes: Vec<u8> = FRENCH.encode_utf16().flat_map(u16::to_le_bytes).collect();
    lab.write("wide.txt", &[&b"\xff\xfe"[..], &bytes].concat());
    let line = lab.error(&["data", "info", "--data", "wide.txt"]);
    contains_all(&line, &["UTF-16", "iconv -f UTF-16 -t UTF-8 \"wide.txt\" > "]);
}

#[test]
fn names_one_a_line_can_be_trained_on() {
    let lab = Lab::new();
    let names = (0..300).map(|i| format!("{}na{}", ["an", "be", "ev"][i % 3], i % 7));
    lab.write("names.txt", names.collect::<Vec<_>>().join("\n").as_bytes());
    train(&lab, "names.txt", "m.safetensors");
    // A reader that has left is no trouble.
    let mut command = std::process::Command::new(assert_cmd::cargo::cargo_bin!("gpt-lab"));
    let child = command
        .args(["sample", "m.safetensors", "--tokens", "20"])
        .current_dir(lab.path("."))
        .stdout(Stdio::piped())
        .spawn();
    assert!(child.unwrap().wait_with_output().unwrap().status.success());
}
