//! Random streams: every random number of a run is a function of (seed, purpose, index).
//!
//! There is no generator whose state must be saved: batch number 1,234 of seed 1337 is always the same batch, whatever
//! was drawn before it. So a resumed run continues to the last bit, and adding a layer does not shift the batches.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;

/// What a stream is for; streams of different purposes never overlap.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    Init = 1,
    Batches = 2,
    Evaluation = 3,
    Dropout = 4,
    Sampling = 5,
    Latents = 6,
    /// Data that is drawn here, the same for every run.
    Examples = 7,
    /// What a GAN's discriminator sees points through.
    InstanceNoise = 8,
}

/// The stream of `seed` for `purpose` number `index` (a step, a sample, a tensor; below 2^56).
pub fn stream(seed: u64, purpose: Purpose, index: u64) -> ChaCha8Rng {
    debug_assert!(index < 1 << 56);
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    rng.set_stream((purpose as u64) << 56 | index);
    rng
}
