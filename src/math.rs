//! Functions on arrays, without state.
//!
//! A loop that a training step spends its time in is [`vectorised`]. Sums are kept in [`LANES`] running sums: a float sum in program order cannot be vectorised.

pub mod activation;
pub mod attention;
pub mod averages;
pub mod cosine;
pub mod cross_entropy;
pub mod exp;
#[cfg(test)]
pub mod finite_difference;
pub mod gate;
pub mod gemm;
pub mod hash;
pub mod lanes;
pub mod logistic;
pub mod norm;
pub mod normal;
pub mod pca;
pub mod peak;
pub mod plain;
pub mod random;
pub mod room;
pub mod softmax;
pub mod tiles;
pub mod vector;
pub mod vectorised;

/// The number every weight and activation is made of: f32, or f64 under the private feature `f64`, which the
/// finite-difference tests use.
#[cfg(not(feature = "f64"))]
pub type Real = f32;
#[cfg(feature = "f64")]
pub type Real = f64;

/// How many running sums a reduction keeps: two AVX-512 registers of f32, four of AVX2.
pub const LANES: usize = 16;
