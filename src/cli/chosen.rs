//! Which kernels were chosen on this machine, as `bench` and `experiment` say it.

use crate::math::gemm::{self, By};

/// Who multiplies matrices.
pub fn by() -> &'static str {
    match gemm::by() {
        By::Blas => "BLAS",
        By::Tiles => "tiles",
    }
}
