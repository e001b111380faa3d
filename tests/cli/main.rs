//! The command line as a user meets it: what each command prints, how it fails, and that runs repeat to the last byte.

mod bench;
mod checkpoints;
mod data;
mod errors;
mod fuzz;
mod golden;
mod lab;
mod made;
mod readme;
mod texts;
mod training;
mod words;
