//! What read sequences before the transformer: networks with a state, convolutions, an active memory, and attention without a
//! transformer.

pub mod recurrent;

pub mod conv;

pub mod neural_gpu;

pub mod memory;

#[cfg(test)]
mod tests;
