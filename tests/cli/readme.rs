//! The README's commands are commands.

use crate::lab::Lab;

/// Splits a line as a shell would, as far as the README needs it: at spaces outside double quotes.
fn words(line: &str) -> Vec<String> {
    let mut words = Vec::new();
    for (part, text) in line.split('"').enumerate() {
        if part % 2 == 1 {
            words.push(text.to_owned());
        } else {
            words.extend(text.split_whitespace().map(str::to_owned));
        }
    }
    words
}

#[test]
fn every_command_of_the_readme_is_understood() {
    let lab = Lab::new();
    let readme = include_str!("../../README.md");
    let commands: Vec<_> =
        readme.lines().filter_map(|line| line.strip_prefix("    gpt-lab ")).map(words).collect();
    for command in ["train", "experiment", "sample", "eval", "inspect", "verify", "bench", "data"] {
        assert!(commands.iter().any(|words| words[0] == command), "the README shows no {command}");
    }
    for command in commands {
        // With --help at its end a command is parsed and not carried out.
        let mut arguments: Vec<_> = command.iter().map(String::as_str).collect();
        arguments.push("--help");
        assert!(lab.out(&arguments).contains("Usage: gpt-lab"), "{command:?}");
    }
}
