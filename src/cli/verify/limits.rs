//! What a reference case may ask for: its sizes come from a file, and are checked before anything is computed with them.

use anyhow::ensure;

use crate::model::{Config, Model};
use crate::train;

/// No reference case has more numbers in one array.
const MOST_NUMBERS: usize = 1 << 24;
/// None has a model with a larger size.
const LARGEST: usize = 4096;
/// None has a model that takes more bytes.
const MOST_MEMORY: u64 = 1 << 30;

/// Checks a product of sizes, each of a file that may say anything, before so much is computed with.
///
/// # Errors
/// If it is larger than that of any reference case.
pub fn numbers(sizes: &[usize]) -> anyhow::Result<()> {
    let product = sizes.iter().try_fold(1_usize, |n, size| n.checked_mul(*size));
    ensure!(
        product.is_some_and(|n| n <= MOST_NUMBERS),
        "sizes {sizes:?}: a reference case computes with at most {MOST_NUMBERS} numbers at once"
    );
    Ok(())
}

/// Checks the sizes of a case's model before it is built.
///
/// # Errors
/// If one is 0, or larger than that of any reference case.
pub fn sizes(config: &Config) -> anyhow::Result<()> {
    config.validate()?;
    let Config { block_size, n_embd, n_head, n_layer, .. } = *config;
    let others = [("n_head", n_head), ("n_layer", n_layer), ("n_hidden", config.n_hidden)];
    for (name, size) in config.sizes().chain(others) {
        ensure!(size <= LARGEST, "{name} {size}: a reference case has at most {LARGEST}");
    }
    numbers(&[block_size.min(LARGEST), n_embd])?;
    ensure!(n_head * n_layer <= LARGEST, "{n_layer} layers of {n_head} heads are too many");
    Ok(())
}

/// Checks what a case's model computes with, for so many examples at once, before room is made for it.
///
/// # Errors
/// If that is more than any reference case takes.
pub fn memory(model: &dyn Model, examples: usize) -> anyhow::Result<()> {
    let bytes = train::memory::training(model, 2, examples)
        .saturating_add(train::memory::looking(model, examples))
        .saturating_add(train::memory::arenas(model, 3));
    ensure!(
        bytes <= MOST_MEMORY,
        "its model takes {} MiB: a reference case takes at most {} MiB",
        bytes >> 20,
        MOST_MEMORY >> 20
    );
    Ok(())
}
