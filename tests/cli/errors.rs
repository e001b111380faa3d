//! Errors: one line, a non-zero exit, nothing written.

use crate::lab::{Lab, contains_all};

#[test]
fn an_unknown_stage_is_answered_with_those_there_are() {
    let line = Lab::new().train_error(&["--data", "play.txt", "--stage", "bogus"]);
    contains_all(&line, &["bogus", "bigram", "layer-norm", "scaled-up"]);
}

#[test]
fn a_preset_is_of_a_stage_that_has_it() {
    let line = Lab::new().train_error(&["--stage", "vae", "--preset", "paper"]);
    contains_all(&line, &["--preset paper", "encoder-decoder", "not of vae"]);
    contains_all(
        &Lab::new().train_error(&["--stage", "bogus", "--preset", "paper"]),
        &["\"bogus\""],
    );
}

#[test]
fn the_help_lists_every_stage() {
    let help = Lab::new().out(&["train", "--help"]);
    let help = help.split_whitespace().collect::<Vec<_>>().join(" ");
    for stage in gpt_lab::stage::STAGES {
        assert!(help.contains(stage.name), "{} is missing", stage.name);
    }
}

#[test]
fn an_option_without_effect_is_refused() {
    let lab = Lab::new();
    let cases: [(&[&str], &[&str]); 6] = [
        (&["--stage", "vae", "--data", "nowhere"], &["--data", "reads a text"]),
        (&["--stage", "vae", "--tokens", "words"], &["--tokens", "bigram", "leave it out"]),
        (&["--stage", "memory", "--block-size", "16"], &["--block-size", "layer-norm"]),
        (&["--stage", "layer-norm", "--beta", "2"], &["--beta is for vae"]),
        (&["--stage", "layer-norm", "--d-steps", "2"], &["--d-steps is for gan"]),
        (&["--stage", "layer-norm", "--points", "play.txt"], &["--points", "--target"]),
    ];
    for (options, parts) in cases {
        contains_all(&lab.train_error(options), parts);
        assert_eq!(lab.run(&[&["train"], options].concat()).status.code(), Some(2), "{options:?}");
    }
}

#[test]
fn a_count_that_cannot_be_is_refused_alike_everywhere() {
    let lab = Lab::new();
    let threads: [&[&str]; 4] =
        [&["train", "--stage", "bigram"], &["eval", "model"], &["bench"], &[]];
    for command in threads {
        for found in ["0", "257", "two"] {
            let line = lab.error(&[command, &["--threads", found]].concat());
            contains_all(&line, &["threads must be a whole number from 1 to 256", found]);
        }
    }
    for option in ["--eval-batches", "--eval-interval", "--save-every"] {
        for found in ["0", "99999999999"] {
            contains_all(&lab.train_error(&["--stage", "bigram", option, found]), &[option, found]);
        }
    }
}

#[test]
fn an_unknown_option_is_named() {
    contains_all(&Lab::new().train_error(&["--learning-speed", "1"]), &["--learning-speed"]);
}

#[test]
fn a_text_that_cannot_be_used_says_why() {
    let lab = Lab::new();
    lab.write("latin1.txt", b"caf\xe9 au lait");
    lab.write("empty.txt", b"");
    lab.write("short.txt", b"To be, or not to be");
    let of = |file| lab.train_error(&["--stage", "bigram", "--data", file]);
    contains_all(&of("absent.txt"), &["absent.txt", "does not exist", "--data"]);
    contains_all(&of("latin1.txt"), &["latin1.txt", "UTF-8", "offset 3"]);
    contains_all(&of("empty.txt"), &["empty.txt", "empty"]);
    contains_all(&of("short.txt"), &["short.txt", "too short", "block_size 8"]);
    contains_all(&of("."), &["directory"]);
}

#[test]
fn a_text_in_the_environment_is_never_silently_replaced() {
    let lab = Lab::new();
    let output = lab.command(&["data", "info"]).env("GPT_LAB_DATA", "absent.txt").output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    contains_all(&String::from_utf8_lossy(&output.stderr), &["absent.txt", "GPT_LAB_DATA"]);
}

#[test]
fn a_block_too_long_for_the_text_is_refused() {
    let lab = Lab::new();
    lab.write("thousand.txt", "abcde fgh\n".repeat(100).as_bytes());
    let of = |block_size| {
        [
            "train",
            "--stage",
            "bigram",
            "--data",
            "thousand.txt",
            "--steps",
            "1",
            "--block-size",
            block_size,
        ]
    };
    contains_all(
        &lab.error(&of("100")),
        &["too short", "at least 101 characters", "found 900 and 100"],
    );
    lab.out(&of("99"));
}

#[test]
fn heads_must_divide_the_width() {
    let line =
        Lab::new().train_error(&["--data", "play.txt", "--stage", "multi-head", "--n-head", "5"]);
    contains_all(&line, &["n_embd", "32", "n_head", "5"]);
}

#[test]
fn numbers_outside_their_range_are_refused() {
    let lab = Lab::new();
    let options = [
        ("--lr", "-1e-3"),
        ("--lr", "NaN"),
        ("--lr", "inf"),
        ("--lr", "fast"),
        ("--dropout", "1"),
        ("--dropout", "-0.1"),
        ("--batch-size", "0"),
        ("--n-embd", "0"),
        ("--n-head", "-2"),
        ("--block-size", "0"),
        ("--weight-decay", "nan"),
        ("--grad-clip", "-1"),
        ("--norm", "sideways"),
        ("--schedule", "random"),
        ("--seed", "-1"),
        ("--threads", "0"),
    ];
    for (option, value) in options {
        let line = lab.train_error(&[
            "--data",
            "play.txt",
            "--stage",
            "layer-norm",
            &format!("{option}={value}"),
        ]);
        assert!(line.contains(value.trim_start_matches('-')), "{option} {value}: {line}");
    }
}

#[test]
fn a_folder_that_is_not_there_is_noticed_before_training() {
    let lab = Lab::new();
    let line = lab.error(&[
        "train",
        "--stage",
        "bigram",
        "--data",
        "play.txt",
        "--out",
        "nowhere/model.safetensors",
    ]);
    contains_all(&line, &["nowhere"]);
}

/// Every command that reads a checkpoint.
fn readers(checkpoint: &str) -> [Vec<&str>; 4] {
    [
        vec!["sample", checkpoint],
        vec!["eval", checkpoint, "--data", "play.txt"],
        vec!["inspect", checkpoint, "--prompt", "First", "--json"],
        vec!["train", "--resume", checkpoint, "--data", "play.txt", "--out", "resumed.safetensors"],
    ]
}

#[test]
fn a_checkpoint_that_is_none_is_refused_by_every_command() {
    let lab = Lab::new();
    lab.train(&["--steps", "10", "--out", "whole.safetensors"]);
    let whole = lab.read("whole.safetensors");
    let header = 8 + u64::from_le_bytes(whole[..8].try_into().unwrap()) as usize;

    lab.write("empty.safetensors", b"");
    lab.write("words.safetensors", b"These are only words, and no tensors at all.");
    lab.write("header-cut.safetensors", &whole[..header / 2]);
    lab.write("data-cut.safetensors", &whole[..whole.len() - 4]);
    lab.write("all-data-cut.safetensors", &whole[..header]);
    lab.write("longer.safetensors", &[&whole[..], &[0; 4]].concat());
    let mut damaged = whole.clone();
    damaged[header / 2] = 0xff;
    lab.write("damaged.safetensors", &damaged);
    let mut flipped = whole.clone();
    flipped[whole.len() - 2] ^= 1;
    lab.write("flipped.safetensors", &flipped);
    let mut huge = whole.clone();
    huge[..8].copy_from_slice(&u64::MAX.to_le_bytes());
    lab.write("huge.safetensors", &huge);
    let golden = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/vae.safetensors");
    std::fs::copy(golden, lab.path("foreign.safetensors")).unwrap();

    let names = [
        "absent",
        "empty",
        "words",
        "header-cut",
        "data-cut",
        "all-data-cut",
        "longer",
        "damaged",
        "flipped",
        "huge",
        "foreign",
    ];
    for name in names {
        let file = format!("{name}.safetensors");
        for arguments in readers(&file) {
            contains_all(&lab.error(&arguments), &[&file]);
        }
    }
}

#[test]
fn a_prompt_outside_the_vocabulary_names_its_characters() {
    let lab = Lab::new();
    lab.train(&["--steps", "0", "--out", "model.safetensors"]);
    for command in ["sample", "inspect"] {
        let line = lab.error(&[command, "model.safetensors", "--prompt", "caf\u{e9} #1 #2"]);
        contains_all(&line, &["'é'", "'#'", "'1'", "'2'"]);
        assert_eq!(line.matches("'#'").count(), 1, "{line}");
    }
}

#[test]
fn without_a_terminal_the_lab_does_not_open() {
    let lab = Lab::new();
    contains_all(&lab.error(&[]), &["terminal"]);
    assert_eq!(lab.run(&[]).status.code(), Some(2));
}

/// Activations that the memory at hand does not hold are refused before they are allocated.
#[cfg(target_os = "linux")]
#[test]
fn what_memory_does_not_hold_is_refused_in_a_line() {
    let lab = Lab::new();
    let program = assert_cmd::cargo::cargo_bin!("gpt-lab").to_string_lossy().into_owned();
    let run = |options: &[&str]| {
        let limited = ["-c", "ulimit -v 4194304; exec \"$0\" \"$@\"", &program];
        let output = assert_cmd::Command::new("sh")
            .args(limited)
            .args(["train", "--threads", "2", "--steps", "0", "--data", "play.txt", "--stage"])
            .args(options)
            .current_dir(lab.path(""))
            .env("GPT_LAB_HOME", lab.path("home"))
            .output()
            .unwrap();
        (output.status.code(), String::from_utf8(output.stderr).unwrap())
    };
    let long = ["--position", "none", "--block-size", "2048"];
    for options in [
        &["single-head", "--n-head", "64", "--n-embd", "64", "--batch-size", "4096"][..],
        &["scaled-up", "--n-layer", "48"],
    ] {
        let (code, said) = run(&[options, &long].concat());
        assert_eq!(code, Some(2), "{said}");
        assert!(said.starts_with("error: ") && said.lines().count() == 1, "{said}");
        assert!(said.contains("the model takes about") && said.contains(" are free"), "{said}");
    }
    // What is in memory's reach goes on.
    let (code, said) = run(&["single-head", "--eval-batches", "1"]);
    assert_eq!(code, Some(0), "{said}");
}

#[test]
fn what_cannot_be_read_is_never_called_standard_output() {
    let lab = Lab::new();
    let cases: [&[&str]; 7] = [
        &["verify", "missing"],
        &["verify", "play.txt"],
        &["eval", "missing"],
        &["sample", "missing"],
        &["inspect", "missing", "--prompt", "a"],
        &["data", "info", "--data", "missing"],
        &["train", "--resume", "missing"],
    ];
    for arguments in cases {
        let line = lab.error(arguments);
        assert!(!line.contains("standard output"), "{line}");
        let named = if arguments.contains(&"play.txt") { "play.txt" } else { "missing" };
        contains_all(&line, &[named]);
    }
    contains_all(&lab.error(&["verify", "missing"]), &["No such file", "expected a folder"]);
}
