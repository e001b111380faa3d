//! How many of some answers are right.

/// The share of `true`.
pub trait Share: Iterator<Item = bool> {
    /// From 0 to 1; 0 if there are none.
    fn share(self) -> f64
    where
        Self: Sized,
    {
        let (right, all) = self.fold((0, 0), |(right, all), is| (right + usize::from(is), all + 1));
        right as f64 / f64::max(1.0, f64::from(all))
    }
}

impl<I: Iterator<Item = bool>> Share for I {}
