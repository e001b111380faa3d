//! Where working memory comes from. Everything that grows with the sizes of a configuration is taken here, so that the
//! same constructors that take it can be asked beforehand how much that would be: while a thread counts, it gets empty
//! arrays, and their sizes are added up.

use std::cell::Cell;

use ndarray::Array2;

use super::Real;
use super::lanes::Lanes;

thread_local! {
    /// Bytes asked for since counting began; `None`: this thread does not count.
    static ASKED: Cell<Option<u64>> = const { Cell::new(None) };
}

/// So many zeros.
pub fn zeros(len: usize) -> Vec<Real> {
    vec![0.0; taken::<Real>([len, 1])[0]]
}

/// So many zeros of as many matrices as a vector has lanes.
pub fn lanes(len: usize) -> Vec<Lanes> {
    vec![Lanes::ZERO; taken::<Lanes>([len, 1])[0]]
}

/// So many zeros, in f64 whatever [`Real`] is.
pub fn doubles(len: usize) -> Vec<f64> {
    vec![0.0; taken::<f64>([len, 1])[0]]
}

/// A matrix of zeros, (rows, columns).
pub fn matrix((rows, columns): (usize, usize)) -> Array2<Real> {
    let [rows, columns] = taken::<Real>([rows, columns]);
    Array2::zeros((rows, columns))
}

/// An empty list with room for so many.
pub fn list<T>(len: usize) -> Vec<T> {
    Vec::with_capacity(taken::<T>([len, 1])[0])
}

/// The sizes as they were given, or nothing where they are only counted.
fn taken<T>(sizes: [usize; 2]) -> [usize; 2] {
    let Some(asked) = ASKED.get() else { return sizes };
    let bytes = sizes.iter().fold(size_of::<T>() as u64, |n, size| n.saturating_mul(*size as u64));
    ASKED.set(Some(asked.saturating_add(bytes)));
    [0; 2]
}

/// How many bytes `take` would take; at most [`u64::MAX`]. What it makes is empty: it must not be used.
pub fn counted<T>(take: impl FnOnce() -> T) -> u64 {
    /// Puts back what was there before, whatever happens.
    struct Back(Option<u64>);
    impl Drop for Back {
        fn drop(&mut self) {
            ASKED.set(self.0);
        }
    }
    let _back = Back(ASKED.replace(Some(0)));
    drop(take());
    ASKED.get().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_counted_is_not_taken() {
        let huge = usize::MAX / 16;
        let real = size_of::<Real>() as u64;
        let bytes = counted(|| {
            assert!(zeros(10).is_empty());
            assert_eq!(matrix((3, 1 << 40)).dim(), (0, 0));
            assert_eq!(list::<u16>(5).capacity(), 0);
        });
        assert_eq!(bytes, real * (10 + (3 << 40)) + 10);
        assert_eq!(counted(|| (matrix((huge, huge)), zeros(huge))), u64::MAX);
        assert_eq!((zeros(10).len(), matrix((2, 3)).dim()), (10, (2, 3)));
        let panicked = std::panic::catch_unwind(|| counted(|| std::panic::panic_any(())));
        assert!(panicked.is_err() && zeros(1).len() == 1);
    }
}
