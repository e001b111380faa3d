//! What a layer reads, and what that brings to every step's gates: x W_ih + b.
//!
//! The first layer's rows are picked from the table of tokens. Where there are fewer tokens than rows, the product is made once
//! a token instead of once a row, and its rows are picked: (E W_ih)[ids] = E[ids] W_ih. Backward adds the gradients of a token's
//! rows first, and then there is one product a token again.

use ndarray::{ArrayRef2, ArrayView2, s};

use super::Recurrent;
use crate::math::gemm::{Onto, gemm, matrix, matrix_mut};
use crate::math::{Real, vector};
use crate::nn::rows::contiguous;

/// x of N = T B rows, time-major.
#[derive(Clone, Copy, Debug)]
pub enum Input<'a> {
    /// (N, in)
    Rows(ArrayView2<'a, Real>),
    /// Row i is row `ids[i]` of the table (V, in), for V < N.
    Tokens { table: ArrayView2<'a, Real>, ids: &'a [u32] },
}

impl<'a> Input<'a> {
    /// The rows of x, or those of the table: of each there is one product.
    pub(super) fn different(&self) -> ArrayView2<'a, Real> {
        match *self {
            Self::Rows(x) | Self::Tokens { table: x, .. } => x,
        }
    }
}

impl Recurrent {
    /// y = x W_ih + bias.
    ///
    /// # Shapes
    /// - y (n, G H), x (n, in), bias (G H)
    pub(super) fn input_products(
        &self,
        y: &mut [Real],
        x: &ArrayRef2<Real>,
        bias: &[Real],
        weights: &[Real],
    ) {
        let weight_ih = &weights[self.weight_ih.clone()];
        if x.nrows() == 1 {
            y.copy_from_slice(bias);
            vector::add_row_times_matrix(y, contiguous(x), weight_ih);
        } else {
            let mut y = matrix_mut(y, x.nrows(), self.width());
            gemm(&mut y, x, &matrix(weight_ih, self.n_in, self.width()), Onto::Row(bias));
        }
    }

    /// dW_ih += x' dy and db_ih += sum of dy's rows; sets dx = dy W_ih'.
    ///
    /// # Shapes
    /// - dx, x (n, in), dy (n, G H)
    pub(super) fn back_to_input(
        &self,
        dx: &mut ArrayRef2<Real>,
        gradients: &mut [Real],
        dy: &ArrayRef2<Real>,
        x: &ArrayRef2<Real>,
        weights: &[Real],
    ) {
        let (n_in, width) = (self.n_in, self.width());
        let weight_gradient = &mut gradients[self.weight_ih.clone()];
        gemm(&mut matrix_mut(weight_gradient, n_in, width), &x.t(), dy, Onto::Itself);
        vector::add_rows(&mut gradients[self.bias_ih.clone()], contiguous(dy));
        let weight_ih = matrix(&weights[self.weight_ih.clone()], n_in, width);
        gemm(dx, dy, &weight_ih.t(), Onto::Nothing);
    }
}

/// So many rows of x, from number `first` on.
pub(super) fn part(x: &ArrayRef2<Real>, first: usize, rows: usize) -> ArrayView2<'_, Real> {
    x.slice(s![first..first + rows, ..])
}
