//! How much memory a run takes, and whether there is that much: what does not fit is refused before it is allocated. An
//! allocation that fails ends the program, and one that the system cannot keep its word about ends it later.

use crate::math::{Real, room};
use crate::model::Model;

/// Where the system does not say what it has.
const UNKNOWN: u64 = 16 << 30;
/// What stands beside the arrays: lists, names, the examples of a made task.
const BESIDE: u64 = 12 << 20;
/// An inference, and what was copied from it: one snapshot that is shown, one that is made.
const COPIES: u64 = 3;

/// More memory is needed than there is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "it takes about {} of memory, {} are free: choose a smaller block_size, n_layer, n_embd, n_hidden or batch_size, or close other programs",
    shown(*.needed), shown(*.free)
)]
pub struct TooLarge {
    pub needed: u64,
    pub free: u64,
}

fn shown(bytes: u64) -> String {
    let mib = bytes >> 20;
    if mib < 10_000 { format!("{mib} MiB") } else { format!("{} GiB", bytes >> 30) }
}

/// # Errors
/// If there is less memory than that many bytes.
pub fn require(needed: u64) -> Result<(), TooLarge> {
    let free = free();
    if needed > free { Err(TooLarge { needed, free }) } else { Ok(()) }
}

/// Bytes of `arenas` arrays of all of a model's parameters.
pub fn arenas(model: &dyn Model, arenas: usize) -> u64 {
    let numbers = (model.registry().len() as u64).saturating_mul(arenas as u64);
    numbers.saturating_mul(size_of::<Real>() as u64)
}

/// Bytes of what training takes beside weights and moments: `shards` parts, and two batches of up to `examples`, that of a
/// step and that of an estimate.
pub fn training(model: &dyn Model, shards: usize, examples: usize) -> u64 {
    let [growth, _] = model.growth(examples.div_ceil(shards.max(1)));
    let shard = room::counted(|| model.shard()).saturating_add(growth);
    let shard = shard.saturating_add(arenas(model, 1));
    let batches = batch(model).saturating_mul(2 * examples as u64);
    shard.saturating_mul(shards as u64).saturating_add(batches)
}

/// Bytes of what looking at a model takes, and reading `examples` at once.
pub fn looking(model: &dyn Model, examples: usize) -> u64 {
    let [_, growth] = model.growth(examples);
    let inference = room::counted(|| model.inference());
    let language_model = room::counted(|| model.language_model());
    let read = batch(model).saturating_mul(2 * examples as u64);
    let copies = inference.saturating_mul(COPIES);
    [growth, language_model, read, BESIDE].into_iter().fold(copies, u64::saturating_add)
}

/// Bytes of one example in a batch.
fn batch(model: &dyn Model) -> u64 {
    let config = model.config();
    let ids = 2 * config.block_size + config.source_size;
    let numbers = config.n_input + model.noise();
    (ids * size_of::<u32>() + numbers * size_of::<Real>()) as u64
}

/// Bytes that this process may still take.
fn free() -> u64 {
    let free = [unused(), unlimited()].into_iter().flatten().min();
    free.unwrap_or(UNKNOWN)
}

/// What the system has left, by Linux's own estimate.
fn unused() -> Option<u64> {
    let meminfo = std::fs::read_to_string("/proc/meminfo").ok()?;
    let line = meminfo.lines().find_map(|line| line.strip_prefix("MemAvailable:"))?;
    let kib: u64 = line.split_whitespace().next()?.parse().ok()?;
    kib.checked_mul(1024)
}

/// What is left of the process's address space (`ulimit -v`), where that is limited.
#[cfg(unix)]
fn unlimited() -> Option<u64> {
    use rustix::process::{Resource, getrlimit};
    let limit = getrlimit(Resource::As).current?;
    let pages = std::fs::read_to_string("/proc/self/statm").ok();
    let pages = pages.and_then(|statm| statm.split_whitespace().next()?.parse::<u64>().ok());
    let taken = pages.unwrap_or(0).saturating_mul(rustix::param::page_size() as u64);
    Some(limit.saturating_sub(taken))
}

#[cfg(not(unix))]
fn unlimited() -> Option<u64> {
    None
}
