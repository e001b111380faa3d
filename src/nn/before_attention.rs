//! What read sequences before attention did, and what attention grew out of.

pub mod recurrent;

pub mod convolution;

pub mod conv_block;

pub mod conv_gru;

pub mod hops;
