//! [`LANES`] numbers in registers, by each instruction set's own instructions.
//!
//! By name, because the compiler does not find them reliably: of the same loops over arrays it made vectors for tiles of 2 and
//! of 6 rows, and single numbers for those of 3, 4 and 5.

use super::super::{LANES, Real};

/// One row of a tile, a vector wide.
///
/// # Safety
/// The processor has the instructions that the type is named after, and the places are there.
#[allow(clippy::missing_safety_doc)]
pub trait Vector: Copy {
    /// How many of the LANES numbers it has: all, or the first half.
    const WIDTH: usize = LANES;
    /// For columns that fill no more than half; [`Nothing`] if that would not be faster.
    type Half: Vector;

    unsafe fn zero() -> Self;
    /// [`Vector::WIDTH`] numbers from there on.
    unsafe fn load(at: *const Real) -> Self;
    /// To [`Vector::WIDTH`] places from there on.
    unsafe fn store(self, at: *mut Real);
    /// The number there in every lane.
    unsafe fn every(at: *const Real) -> Self;
    /// self + a b
    unsafe fn plus(self, a: Self, b: Self) -> Self;
    /// Whether it is known to be worth it to ask for lines of the cache before they are read.
    const FETCHES: bool = false;
    /// Asks for the line there, into the first cache: it need not be anyone's memory.
    #[inline(always)]
    fn fetch(_at: *const Real) {}
    /// Into the second cache.
    #[inline(always)]
    fn fetch_far(_at: *const Real) {}
}

/// Numbers whose registers the compiler chooses; with one rounding for a product and its sum, or with two.
#[derive(Clone, Copy)]
pub struct Plain<const FUSED: bool>([Real; LANES]);

#[allow(unsafe_code)]
impl<const FUSED: bool> Vector for Plain<FUSED> {
    type Half = Nothing;

    #[inline(always)]
    unsafe fn zero() -> Self {
        Self([0.0; LANES])
    }

    #[inline(always)]
    unsafe fn load(at: *const Real) -> Self {
        // SAFETY: the caller's promise.
        Self(unsafe { at.cast::<[Real; LANES]>().read() })
    }

    #[inline(always)]
    unsafe fn store(self, at: *mut Real) {
        // SAFETY: the caller's promise.
        unsafe { at.cast::<[Real; LANES]>().write(self.0) };
    }

    #[inline(always)]
    unsafe fn every(at: *const Real) -> Self {
        // SAFETY: the caller's promise.
        Self([unsafe { at.read() }; LANES])
    }

    #[inline(always)]
    unsafe fn plus(mut self, a: Self, b: Self) -> Self {
        for lane in 0..LANES {
            let (a, b) = (a.0[lane], b.0[lane]);
            self.0[lane] = if FUSED { a.mul_add(b, self.0[lane]) } else { self.0[lane] + a * b };
        }
        self
    }
}

/// No numbers.
#[derive(Clone, Copy)]
pub struct Nothing;

#[allow(unsafe_code)]
impl Vector for Nothing {
    const WIDTH: usize = 0;
    type Half = Self;

    unsafe fn zero() -> Self {
        Self
    }

    unsafe fn load(_at: *const Real) -> Self {
        Self
    }

    unsafe fn store(self, _at: *mut Real) {}

    unsafe fn every(_at: *const Real) -> Self {
        Self
    }

    unsafe fn plus(self, _a: Self, _b: Self) -> Self {
        Self
    }
}

/// Where there are no such registers, or none for numbers of this size.
#[cfg(not(all(target_arch = "x86_64", not(feature = "f64"))))]
pub type Avx2 = Plain<true>;
#[cfg(not(all(target_arch = "x86_64", not(feature = "f64"))))]
pub type Avx512 = Plain<true>;

#[cfg(all(target_arch = "x86_64", not(feature = "f64")))]
pub use x86::{Avx2, Avx512};

#[cfg(all(target_arch = "x86_64", not(feature = "f64")))]
#[allow(unsafe_code)]
mod x86 {
    use std::arch::x86_64::{
        __m256, __m512, _MM_HINT_T0, _MM_HINT_T1, _mm_prefetch, _mm256_broadcast_ss,
        _mm256_fmadd_ps, _mm256_loadu_ps, _mm256_setzero_ps, _mm256_storeu_ps, _mm512_fmadd_ps,
        _mm512_loadu_ps, _mm512_set1_ps, _mm512_setzero_ps, _mm512_storeu_ps,
    };

    use super::{Nothing, Real, Vector};

    const HALF: usize = 8;

    /// Two registers of eight numbers.
    #[derive(Clone, Copy)]
    pub struct Avx2(__m256, __m256);

    // SAFETY in all of it: the caller's promises, which are those of the instructions.
    impl Vector for Avx2 {
        type Half = Avx2Half;
        const FETCHES: bool = true;

        #[inline(always)]
        unsafe fn zero() -> Self {
            unsafe { Self(_mm256_setzero_ps(), _mm256_setzero_ps()) }
        }

        #[inline(always)]
        unsafe fn load(at: *const Real) -> Self {
            unsafe { Self(_mm256_loadu_ps(at), _mm256_loadu_ps(at.wrapping_add(HALF))) }
        }

        #[inline(always)]
        unsafe fn store(self, at: *mut Real) {
            unsafe {
                _mm256_storeu_ps(at, self.0);
                _mm256_storeu_ps(at.wrapping_add(HALF), self.1);
            }
        }

        #[inline(always)]
        unsafe fn every(at: *const Real) -> Self {
            let x = unsafe { _mm256_broadcast_ss(&*at) };
            Self(x, x)
        }

        #[inline(always)]
        unsafe fn plus(self, a: Self, b: Self) -> Self {
            unsafe { Self(_mm256_fmadd_ps(a.0, b.0, self.0), _mm256_fmadd_ps(a.1, b.1, self.1)) }
        }

        #[inline(always)]
        fn fetch(at: *const Real) {
            unsafe { _mm_prefetch(at.cast(), _MM_HINT_T0) };
        }

        #[inline(always)]
        fn fetch_far(at: *const Real) {
            unsafe { _mm_prefetch(at.cast(), _MM_HINT_T1) };
        }
    }

    /// One register of eight.
    #[derive(Clone, Copy)]
    pub struct Avx2Half(__m256);

    // SAFETY in all of it: as above.
    impl Vector for Avx2Half {
        const WIDTH: usize = HALF;
        type Half = Nothing;

        #[inline(always)]
        unsafe fn zero() -> Self {
            Self(unsafe { _mm256_setzero_ps() })
        }

        #[inline(always)]
        unsafe fn load(at: *const Real) -> Self {
            Self(unsafe { _mm256_loadu_ps(at) })
        }

        #[inline(always)]
        unsafe fn store(self, at: *mut Real) {
            unsafe { _mm256_storeu_ps(at, self.0) };
        }

        #[inline(always)]
        unsafe fn every(at: *const Real) -> Self {
            Self(unsafe { _mm256_broadcast_ss(&*at) })
        }

        #[inline(always)]
        unsafe fn plus(self, a: Self, b: Self) -> Self {
            Self(unsafe { _mm256_fmadd_ps(a.0, b.0, self.0) })
        }
    }

    /// One register of sixteen.
    #[derive(Clone, Copy)]
    pub struct Avx512(__m512);

    // SAFETY in all of it: as above.
    impl Vector for Avx512 {
        type Half = Nothing;

        #[inline(always)]
        unsafe fn zero() -> Self {
            Self(unsafe { _mm512_setzero_ps() })
        }

        #[inline(always)]
        unsafe fn load(at: *const Real) -> Self {
            Self(unsafe { _mm512_loadu_ps(at) })
        }

        #[inline(always)]
        unsafe fn store(self, at: *mut Real) {
            unsafe { _mm512_storeu_ps(at, self.0) };
        }

        #[inline(always)]
        unsafe fn every(at: *const Real) -> Self {
            Self(unsafe { _mm512_set1_ps(at.read()) })
        }

        #[inline(always)]
        unsafe fn plus(self, a: Self, b: Self) -> Self {
            Self(unsafe { _mm512_fmadd_ps(a.0, b.0, self.0) })
        }
    }
}
