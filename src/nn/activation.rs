//! The bend between two linear layers; without it they would be one.

use ndarray::ArrayRef2;
use serde::{Deserialize, Serialize};
use strum::{EnumString, IntoStaticStr, VariantNames};

use super::rows::{contiguous, contiguous_mut};
use crate::math::{Real, activation};

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[derive(EnumString, IntoStaticStr, VariantNames)]
#[strum(serialize_all = "snake_case")]
pub enum Activation {
    /// max(x, 0)
    Relu,
    /// x Phi(x), exactly.
    Gelu,
    /// GELU's tanh approximation.
    GeluTanh,
}

impl Activation {
    /// y = f(x), elementwise.
    pub fn forward(self, y: &mut ArrayRef2<Real>, x: &ArrayRef2<Real>) {
        let (y, x) = (contiguous_mut(y), contiguous(x));
        match self {
            Self::Relu => activation::relu(y, x),
            Self::Gelu => activation::gelu(y, x),
            Self::GeluTanh => activation::gelu_tanh(y, x),
        }
    }

    /// In place: d loss / d y becomes d loss / d x.
    pub fn backward(self, d: &mut ArrayRef2<Real>, x: &ArrayRef2<Real>) {
        let (d, x) = (contiguous_mut(d), contiguous(x));
        match self {
            Self::Relu => activation::relu_backward(d, x),
            Self::Gelu => activation::gelu_backward(d, x),
            Self::GeluTanh => activation::gelu_tanh_backward(d, x),
        }
    }
}
