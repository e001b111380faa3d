//! Every formula of this program in its plainest form: one number at a time, in f64, forward and backward.
//!
//! Read these first. The kernels beside them compute the same faster, and are tested against them; these are tested against
//! finite differences. Nothing that trains calls them, but what is to train with a mistake in it: [`fault`].

// Indices as they stand in the formula.
#![allow(clippy::needless_range_loop)]

pub mod activation;
pub mod adamw;
pub mod attention;
pub mod averages;
pub mod cross_entropy;
pub mod fault;
pub mod gru;
pub mod layer_norm;
pub mod linear;
pub mod lstm;
pub mod masking;
pub mod overflow;
pub mod softmax;

/// What a test of a kernel needs to hold it against its plain form.
#[cfg(test)]
pub mod agreement {
    use crate::math::Real;

    /// Numbers of a plain form, as a kernel takes them.
    pub fn real(x: &[f64]) -> Vec<Real> {
        x.iter().map(|x| *x as Real).collect()
    }

    /// # Panics
    /// If a number that a kernel `found` is more than so many of [`Real::EPSILON`] away from the `plain` one.
    pub fn assert_near(name: &str, found: &[Real], plain: &[f64], epsilons: f64) {
        assert_eq!(found.len(), plain.len(), "{name}");
        for (i, (found, plain)) in found.iter().zip(plain).enumerate() {
            let allowed = epsilons * Real::EPSILON as f64 * plain.abs().max(1.0);
            let error = (*found as f64 - plain).abs();
            assert!(error <= allowed, "{name}, number {i}: {found} instead of {plain}");
        }
    }
}
