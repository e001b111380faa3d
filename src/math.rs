//! Functions on arrays, without state.

pub mod random;

/// The number every weight and activation is made of: f32, or f64 under the private feature `f64`, which the
/// finite-difference tests use.
#[cfg(not(feature = "f64"))]
pub type Real = f32;
#[cfg(feature = "f64")]
pub type Real = f64;
