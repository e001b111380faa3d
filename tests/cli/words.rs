//! A text read as words: train, eval, sample, inspect.

use serde_json::Value;

use crate::lab::{Lab, contains_all, number};

const WORDS: [&str; 4] = ["--tokens", "words", "--max-words", "200"];

/// A folder with a tiny model of words.
fn lab(more: &[&str]) -> Lab {
    let lab = Lab::new();
    lab.train(&[&WORDS, &["--steps", "20", "--out", "model.safetensors"], more].concat());
    lab
}

fn metadata(file: &[u8]) -> Value {
    let header = u64::from_le_bytes(file[..8].try_into().unwrap()) as usize;
    let header: Value = serde_json::from_slice(&file[8..8 + header]).unwrap();
    header["__metadata__"].clone()
}

#[test]
fn a_checkpoint_carries_its_words() {
    let lab = lab(&[]);
    let metadata = metadata(&lab.read("model.safetensors"));
    let words: Vec<String> = serde_json::from_str(metadata["words"].as_str().unwrap()).unwrap();
    assert_eq!((words.len(), words[0].as_str()), (200, "<unk>"));
    assert!(words.iter().any(|word| word == "the"), "{words:?}");
    assert_eq!(metadata["vocabulary"], Value::Null);
}

#[test]
fn a_run_on_words_is_resumed_to_the_same_bytes() {
    let lab = lab(&[]);
    lab.train(&[&WORDS, &["--steps", "35", "--out", "whole"][..]].concat());
    let resume = ["train", "--resume", "model.safetensors", "--data", "play.txt", "--steps", "35"];
    lab.json(&[&resume, &["--json", "--out", "resumed"][..]].concat());
    assert!(lab.read("whole") == lab.read("resumed"));
}

#[test]
fn eval_counts_words_and_compares_characters() {
    let lab = lab(&[]);
    let eval = ["eval", "model.safetensors", "--data", "play.txt"];
    let line = lab.json(&[&eval[..], &["--json"]].concat()).remove(0);
    let bits = number(&line, "val_loss") / std::f64::consts::LN_2;
    assert!((number(&line, "bits_per_word") - bits).abs() < 1e-9, "{line}");
    let per_character = bits / number(&line, "characters_per_word");
    assert!((number(&line, "bits_per_character") - per_character).abs() < 1e-9, "{line}");
    assert!((2.0..6.0).contains(&number(&line, "characters_per_word")), "{line}");
    assert!((0.1..0.6).contains(&number(&line, "unknown")), "{line}");
    contains_all(&lab.out(&eval), &["bits a word", "at least", "bits a character", "<unk>"]);
}

#[test]
fn a_sample_of_words_is_text() {
    let lab = lab(&[]);
    let sample = |prompt: &str| {
        let arguments = ["sample", "model.safetensors", "--tokens", "30", "--prompt", prompt];
        let output = lab.run(&arguments);
        assert!(output.status.success());
        let text = |bytes| String::from_utf8(bytes).unwrap();
        (text(output.stdout), text(output.stderr))
    };
    let (out, notes) = sample("I am");
    assert!(out.starts_with("I am") && out.contains(' ') && notes.is_empty(), "{out} {notes}");
    assert_eq!(out, sample("I am").0);
    contains_all(&sample("I am xylophone, xylophone").1, &["\"xylophone\"", "<unk>", "200"]);
    assert!(!sample("").0.trim().is_empty());
}

#[test]
fn inspect_names_the_neighbours_of_a_word() {
    let lab = lab(&[]);
    let inspect = ["inspect", "model.safetensors", "--neighbours"];
    let line = lab.json(&[&inspect[..], &["The", "--json"]].concat()).remove(0);
    let list = line["neighbours"].as_array().unwrap();
    let cosines: Vec<f64> = list.iter().map(|neighbour| number(neighbour, "cosine")).collect();
    assert_eq!((line["token"].as_str(), list.len()), (Some("the"), 10));
    assert!(cosines.is_sorted_by(|a, b| a >= b) && cosines.iter().all(|c| c.abs() <= 1.0));
    assert!(list.iter().all(|neighbour| neighbour["token"] != "the"));
    contains_all(&lab.out(&[&inspect[..], &["the"]].concat()), &["nearest to \"the\" by cosine"]);
    let line = lab.error(&[&inspect[..], &["thhe"]].concat());
    contains_all(&line, &["\"thhe\"", "200 words", "did you mean"]);
    contains_all(&lab.error(&["inspect", "model.safetensors"]), &["--prompt"]);
}

#[test]
fn characters_have_neighbours_too() {
    let lab = Lab::new();
    lab.train(&["--steps", "0", "--out", "model.safetensors"]);
    let inspect = ["inspect", "model.safetensors", "--neighbours"];
    let lines = lab.out(&[&inspect[..], &["a"]].concat());
    assert_eq!(lines.lines().count(), 11, "{lines}");
    let line = lab.error(&[&inspect[..], &["good"]].concat());
    contains_all(&line, &["\"good\"", "characters", "--tokens words"]);
}

#[test]
fn data_info_shows_words() {
    contains_all(&Lab::new().out(&["data", "info", "--data", "play.txt"]), &["words", "the"]);
}
