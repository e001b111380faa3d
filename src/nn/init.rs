//! How weights start.

use ndarray_rand::rand_distr::{Distribution, Normal, Uniform};
use rand::Rng;
use serde::{Deserialize, Serialize};
use strum::{EnumString, IntoStaticStr, VariantNames};

use crate::math::Real;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[derive(EnumString, IntoStaticStr, VariantNames)]
#[strum(serialize_all = "snake_case")]
pub enum Init {
    /// PyTorch's defaults: Linear U(-1/sqrt(in), 1/sqrt(in)), weights and biases alike; Embedding N(0, 1).
    Pytorch,
    /// N(0, 0.02) and zero biases, as in the lecture's final script.
    Normal,
}

/// The standard deviation of [`Init::Normal`].
pub const NORMAL_STD: f64 = 0.02;

impl Init {
    /// A linear layer's weight: `n_in` inputs.
    pub fn linear_weight(self, values: &mut [Real], n_in: usize, rng: &mut impl Rng) {
        match self {
            Self::Pytorch => uniform(values, (n_in as f64).sqrt().recip(), rng),
            Self::Normal => normal(values, NORMAL_STD, rng),
        }
    }

    /// A linear layer's bias: `n_in` inputs.
    pub fn linear_bias(self, values: &mut [Real], n_in: usize, rng: &mut impl Rng) {
        match self {
            Self::Pytorch => uniform(values, (n_in as f64).sqrt().recip(), rng),
            Self::Normal => values.fill(0.0),
        }
    }

    /// An embedding table.
    pub fn embedding(self, values: &mut [Real], rng: &mut impl Rng) {
        match self {
            Self::Pytorch => normal(values, 1.0, rng),
            Self::Normal => normal(values, NORMAL_STD, rng),
        }
    }
}

fn uniform(values: &mut [Real], bound: f64, rng: &mut impl Rng) {
    let distribution = Uniform::new(-bound, bound).expect("a positive bound");
    fill(values, distribution, rng);
}

/// U(-sqrt(3 / in), sqrt(3 / in)): numbers of variance 1 stay of variance 1 (TensorFlow's uniform unit scaling).
pub fn unit_scaling(values: &mut [Real], n_in: usize, rng: &mut impl Rng) {
    uniform(values, (3.0 / n_in as f64).sqrt(), rng);
}

/// N(0, std) for every value.
///
/// # Panics
/// If the deviation is negative or not finite.
pub fn normal(values: &mut [Real], std: f64, rng: &mut impl Rng) {
    fill(values, Normal::new(0.0, std).expect("a finite deviation"), rng);
}

/// Draws in f64, so that f32 and f64 builds start from the same weights.
fn fill(values: &mut [Real], distribution: impl Distribution<f64>, rng: &mut impl Rng) {
    for value in values {
        *value = distribution.sample(rng) as Real;
    }
}
