//! The command line as a user meets it: what each command prints, how it fails, and that runs repeat to the last byte.

mod bench;
mod checkpoints;
mod data;
#[cfg(unix)]
mod ending;
mod errors;
mod experiment;
mod fuzz;
mod fuzz_checkpoints;
mod golden;
mod lab;
mod lessons;
mod made;
#[cfg(unix)]
mod out;
mod readme;
#[cfg(target_os = "linux")]
mod streams;
mod texts;
mod training;
mod words;
