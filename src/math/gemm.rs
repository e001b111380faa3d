//! Matrix products: ndarray's `general_mat_mul`, which goes to BLAS where the feature `blas` is on.
//!
//! Transposes and slices of rows or columns are views that BLAS takes as they are; a step inside a row would silently
//! fall back to a slow loop, so no caller uses one.

use ndarray::linalg::general_mat_mul;
use ndarray::{ArrayRef2, ArrayView2, ArrayViewMut2};

use super::Real;

/// Sets c = a b + beta c for a (m, k), b (k, n), c (m, n).
pub fn gemm(c: &mut ArrayRef2<Real>, a: &ArrayRef2<Real>, b: &ArrayRef2<Real>, beta: Real) {
    general_mat_mul(1.0, a, b, beta, c);
}

/// Sets c = alpha a b for a (m, k), b (k, n), c (m, n).
pub fn scaled_gemm(c: &mut ArrayRef2<Real>, alpha: Real, a: &ArrayRef2<Real>, b: &ArrayRef2<Real>) {
    general_mat_mul(alpha, a, b, 0.0, c);
}

/// Views a slice as a matrix of `rows` x `columns`.
///
/// # Panics
/// If the slice is shorter than that.
pub fn matrix(values: &[Real], rows: usize, columns: usize) -> ArrayView2<'_, Real> {
    ArrayView2::from_shape((rows, columns), &values[..rows * columns])
        .expect("the slice holds rows * columns numbers")
}

/// Views a slice as a matrix of `rows` x `columns`.
///
/// # Panics
/// If the slice is shorter than that.
pub fn matrix_mut(values: &mut [Real], rows: usize, columns: usize) -> ArrayViewMut2<'_, Real> {
    ArrayViewMut2::from_shape((rows, columns), &mut values[..rows * columns])
        .expect("the slice holds rows * columns numbers")
}

/// Keeps BLAS to the calling thread: the trainer runs one shard of the batch on every core by itself.
#[cfg(all(feature = "blas", not(target_os = "macos")))]
#[allow(unsafe_code)]
pub fn single_threaded() {
    unsafe extern "C" {
        fn openblas_set_num_threads(threads: std::ffi::c_int);
    }
    // SAFETY: an OpenBLAS function that may be called at any time from any thread; build.rs made sure it is OpenBLAS.
    unsafe { openblas_set_num_threads(1) };
}

/// Keeps BLAS to the calling thread; without OpenBLAS there is nothing to do.
#[cfg(not(all(feature = "blas", not(target_os = "macos"))))]
pub fn single_threaded() {}
