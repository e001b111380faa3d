//! Matrix products, c = a b onto nothing, onto what c was or onto a bias ([`plain::linear`](super::plain::linear)), by the
//! faster of two ways.
//!
//! Our own [`tiles`] where the processor has AVX2 and FMA, or AVX-512: there a step with them takes no longer than with OpenBLAS's
//! best kernels, and half of what it takes with those of an OpenBLAS that is older than the processor. Elsewhere BLAS, through
//! ndarray's `general_mat_mul`, if the feature `blas` is on. The choice depends on the machine alone, so the same run there
//! gives the same bits every time.

use ndarray::linalg::general_mat_mul;
use ndarray::{ArrayRef2, ArrayView2, ArrayViewMut2, ShapeBuilder};

use super::tiles::{self, Operand};
use super::{Real, vector};

pub use super::tiles::Onto;

/// Who computes matrix products here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum By {
    Blas,
    Tiles,
}

/// Who computes matrix products on this machine.
pub fn by() -> By {
    #[cfg(target_arch = "x86_64")]
    let fast =
        std::arch::is_x86_feature_detected!("avx2") && std::arch::is_x86_feature_detected!("fma");
    #[cfg(not(target_arch = "x86_64"))]
    let fast = false;
    if cfg!(feature = "blas") && !fast { By::Blas } else { By::Tiles }
}

/// Who computes matrix products on this machine and how, in words.
pub fn chosen() -> String {
    #[cfg(all(feature = "blas", not(target_os = "macos")))]
    let blas = format!("OpenBLAS with kernels for {}", openblas::core_name());
    #[cfg(not(all(feature = "blas", not(target_os = "macos"))))]
    let blas = if cfg!(feature = "blas") { "Accelerate".to_owned() } else { "no BLAS".to_owned() };
    match by() {
        By::Blas => format!("{blas}; packed ones by {}", tiles::chosen()),
        By::Tiles => format!("{}; at hand: {blas}", tiles::chosen()),
    }
}

/// c = a b, added to what `onto` says, for a (m, k), b (k, n), c (m, n); rows of c are contiguous, `row_stride` apart.
///
/// # Panics
/// If the shapes don't fit together, or a slice is too short for its shape.
pub fn product(c: &mut [Real], row_stride: usize, a: Operand<'_>, b: Operand<'_>, onto: Onto<'_>) {
    product_by(by(), c, row_stride, a, b, onto);
}

/// [`product`] by one of the two, whichever is chosen here. What has no numbers to multiply is no matter for a BLAS.
///
/// # Panics
/// As [`product`].
pub fn product_by(
    by: By,
    c: &mut [Real],
    row_stride: usize,
    a: Operand<'_>,
    b: Operand<'_>,
    onto: Onto<'_>,
) {
    if by == By::Tiles || a.rows * a.columns * b.columns == 0 {
        return tiles::product(c, row_stride, a, b, onto);
    }
    let beta = match onto {
        Onto::Nothing => 0.0,
        Onto::Itself => 1.0,
        Onto::Row(row) => {
            let rows = c.chunks_mut(row_stride).take(a.rows);
            rows.for_each(|c| vector::copy_short(&mut c[..b.columns], row));
            1.0
        }
    };
    let shape = (a.rows, b.columns).strides((row_stride, 1));
    let mut c = ArrayViewMut2::from_shape(shape, c).expect("c holds (m, n)");
    general_mat_mul(1.0, &view(a), &view(b), beta, &mut c);
}

fn view(operand: Operand<'_>) -> ArrayView2<'_, Real> {
    let Operand { values, rows, columns, row_stride, column_stride } = operand;
    ArrayView2::from_shape((rows, columns).strides((row_stride, column_stride)), values)
        .expect("the operand holds (rows, columns)")
}

/// c = a b, added to what `onto` says, for a (m, k), b (k, n), c (m, n), whole arrays or their transposes.
///
/// # Panics
/// If the shapes don't fit together, or an array has gaps.
pub fn gemm(c: &mut ArrayRef2<Real>, a: &ArrayRef2<Real>, b: &ArrayRef2<Real>, onto: Onto<'_>) {
    let row_stride = c.ncols();
    let c = c.as_slice_mut().expect("standard layout");
    product(c, row_stride, operand(a), operand(b), onto);
}

/// A whole array or its transpose as it stands in memory.
fn operand(x: &ArrayRef2<Real>) -> Operand<'_> {
    let (rows, columns) = x.dim();
    let values = x.as_slice_memory_order().expect("contiguous");
    let (row_stride, column_stride) = if x.is_standard_layout() { (columns, 1) } else { (1, rows) };
    Operand { values, rows, columns, row_stride, column_stride }
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

#[cfg(all(feature = "blas", not(target_os = "macos")))]
#[allow(unsafe_code)]
mod openblas {
    use std::ffi::{CStr, c_char, c_int};

    unsafe extern "C" {
        fn openblas_set_num_threads(threads: c_int);
        fn openblas_get_corename() -> *const c_char;
    }

    /// Keeps OpenBLAS to the calling thread.
    pub fn single_threaded() {
        // SAFETY: may be called at any time from any thread; build.rs made sure that this is OpenBLAS.
        unsafe { openblas_set_num_threads(1) };
    }

    /// The processor that its kernels are written for.
    pub fn core_name() -> String {
        // SAFETY: as above; it answers with a constant string.
        unsafe { CStr::from_ptr(openblas_get_corename()) }.to_string_lossy().into_owned()
    }
}

/// Keeps BLAS to the calling thread: the trainer runs one shard of the batch on every core by itself.
pub fn single_threaded() {
    #[cfg(all(feature = "blas", not(target_os = "macos")))]
    openblas::single_threaded();
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::math::finite_difference::values;
    use crate::math::plain::agreement::real;

    /// Also where a side is 1 or 0, and c ends with its last number.
    #[test]
    fn both_ways_lead_to_the_same_numbers() {
        let sides = [0, 1, 2, 7, 16, 33];
        for (m, k) in sides.into_iter().flat_map(|m| sides.map(|k| (m, k))) {
            for (n, between) in sides.into_iter().flat_map(|n| [(n, 0), (n, 3)]) {
                let (a, b) = (real(&values(m * k, 1)), real(&values(k * n, 2)));
                let (bias, stride) = (real(&values(n, 3)), n + between);
                let before = real(&values((m * stride).saturating_sub(between), 4));
                for onto in [Onto::Nothing, Onto::Itself, Onto::Row(&bias)] {
                    let [blas, tiles] = [By::Blas, By::Tiles].map(|by| {
                        let mut c = before.clone();
                        let (a, b) = (Operand::rows(&a, m, k, k), Operand::rows(&b, k, n, n));
                        product_by(by, &mut c, stride, a, b, onto);
                        c
                    });
                    for (blas, tiles) in blas.iter().zip(&tiles) {
                        assert!((blas - tiles).abs() < 1e-4, "({m}, {k}, {n}): {blas} {tiles}");
                    }
                }
            }
        }
    }
}
