//! gpt-lab: build GPT from scratch, lesson by lesson, and train every stage live in the terminal.
//!
//! A folder may import only from folders above it in this list (ARCHITECTURE.md has the two walks through them):
//!
//! - [`math`]: functions on arrays, no state: matrix products, exp, softmax, cross-entropy, random streams
//! - [`nn`]: one file a concept, a forward and a backward side by side
//! - [`model`]: what a lesson trains: the bigram table and the configurable GPT
//! - [`file`]: files as they are written: whole, and never over what is not ours
//! - [`text`]: corpus, tokenizer, train/val split, batches, n-gram references
//! - [`task`]: examples that are made, with answers that are known
//! - [`probe`]: instruments: what can be measured of a model, its weights and its examples
//! - [`stage`]: what is trained: presets over the switches of model, task and trainer, and the table of hyperparameters
//! - [`train`]: optimizer, schedules, the session and its worker thread, commands in, events and snapshots out, checkpoints
//! - [`lesson`]: the lesson files
//! - [`lab`]: the terminal
//! - [`cli`]: the headless commands

#[cfg(feature = "blas")]
extern crate blas_src;

pub mod cli;
pub mod file;
#[cfg(test)]
mod house;
pub mod lab;
pub mod lesson;
pub mod math;
pub mod model;
pub mod nn;
pub mod probe;
pub mod stage;
pub mod task;
pub mod text;
pub mod train;
