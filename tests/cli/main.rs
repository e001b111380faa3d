//! The command line as a user meets it: what each command prints, how it fails, and that runs repeat to the last byte.

mod bench;
mod checkpoints;
mod data;
mod errors;
mod golden;
mod lab;
mod made;
mod readme;
mod training;
mod words;
