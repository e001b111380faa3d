//! Values to places on an axis, and round numbers to label it with.

/// How an axis runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Linear,
    /// Even factors; values must be above 0.
    Log,
    /// Even factors of 1 + value, so that 0 has a place: for counts.
    LogFromZero,
}

/// An axis from `low` to `high`; both finite, `low` below `high`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Scale {
    low: f64,
    high: f64,
    kind: Kind,
}

impl Scale {
    /// An axis that holds both ends: swapped if reversed, widened if they are one, 0 to 1 if one is not finite. A
    /// logarithmic axis with an end at 0 or below becomes linear.
    pub fn new(low: f64, high: f64, kind: Kind) -> Self {
        let (mut low, mut high) = if low.is_finite() && high.is_finite() {
            (low.min(high), low.max(high))
        } else {
            (0.0, 1.0)
        };
        let smallest = 1e-9 * low.abs().max(high.abs()).max(1e-3);
        if high - low < smallest {
            let middle = f64::midpoint(low, high);
            let half = 0.05 * middle.abs().max(0.1);
            (low, high) = (middle - half, middle + half);
        }
        let fits = match kind {
            Kind::Linear => true,
            Kind::Log => low > 0.0,
            Kind::LogFromZero => low > -1.0,
        };
        Self { low, high, kind: if fits { kind } else { Kind::Linear } }
    }

    pub fn low(&self) -> f64 {
        self.low
    }

    pub fn high(&self) -> f64 {
        self.high
    }

    /// Where a value stands: 0 at the low end, 1 at the high one, beyond them outside. `None` if it has no place.
    pub fn place(&self, value: f64) -> Option<f64> {
        let (low, high) = (self.along(self.low), self.along(self.high));
        let share = (self.along(value) - low) / (high - low);
        share.is_finite().then_some(share)
    }

    /// The value at a place.
    pub fn value(&self, share: f64) -> f64 {
        let (low, high) = (self.along(self.low), self.along(self.high));
        let along = low + (high - low) * share;
        match self.kind {
            Kind::Linear => along,
            Kind::Log => along.exp(),
            Kind::LogFromZero => along.exp_m1(),
        }
    }

    fn along(&self, value: f64) -> f64 {
        match self.kind {
            Kind::Linear => value,
            Kind::Log => value.ln(),
            Kind::LogFromZero => value.ln_1p(),
        }
    }

    /// At most `most` (and more than 0) round values on the axis, ascending.
    pub fn ticks(&self, most: usize) -> Vec<f64> {
        let most = most.max(1);
        match self.kind {
            Kind::Log if self.high / self.low >= 20.0 => self.factors(most),
            Kind::LogFromZero if self.high - self.low >= 20.0 => self.factors(most),
            _ => self.steps(most),
        }
    }

    /// Multiples of 1, 2 or 5 times a power of ten.
    fn steps(&self, most: usize) -> Vec<f64> {
        let least = (self.high - self.low) / most as f64;
        let power = 10_f64.powf(least.log10().floor());
        let sizes = [1.0, 2.0, 5.0, 10.0, 20.0, 50.0];
        let within = |size: f64| {
            let (first, last) = ((self.low / size).ceil(), (self.high / size + 1e-9).floor());
            (first as i64..=last as i64).map(|i| i as f64 * size).collect::<Vec<_>>()
        };
        let fits = sizes.iter().map(|size| within(size * power)).find(|ticks| ticks.len() <= most);
        fits.unwrap_or_default()
    }

    /// Powers of ten, with twos and fives between them where there is room, and 0 where the axis has it.
    fn factors(&self, most: usize) -> Vec<f64> {
        let zero = self.low <= 0.0;
        let low = if zero { 1.0 } else { self.low };
        let powers = low.log10().floor() as i32..=self.high.log10().floor() as i32;
        let candidates = |parts: &[f64], every: i32| -> Vec<f64> {
            let first = zero.then_some(0.0);
            let powers = powers.clone().filter(|p| p % every == 0);
            let rest = powers.flat_map(|p| parts.iter().map(move |part| part * 10_f64.powi(p)));
            let rest = rest.filter(|v| *v >= low && *v <= self.high);
            first.into_iter().chain(rest).collect()
        };
        let choices = [
            candidates(&[1.0, 2.0, 5.0], 1),
            candidates(&[1.0], 1),
            candidates(&[1.0], 2),
            candidates(&[1.0], 4),
        ];
        choices.into_iter().find(|ticks| ticks.len() <= most).unwrap_or_default()
    }
}

/// How many decimals tell neighbouring ticks apart; of a single one, how many it has.
pub fn decimals(ticks: &[f64]) -> usize {
    if let [only] = ticks {
        let off = |digits: usize| {
            let power = 10_f64.powi(digits as i32);
            ((only * power).round() / power - only).abs()
        };
        return (0..9).find(|digits| off(*digits) <= 1e-6 * only.abs()).unwrap_or(9);
    }
    let gap = ticks.windows(2).map(|w| w[1] - w[0]).fold(f64::INFINITY, f64::min);
    if gap > 0.0 && gap.is_finite() {
        (-(gap * 1.0001).log10().floor()).clamp(0.0, 9.0) as usize
    } else {
        0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_round_and_within() {
        assert_eq!(
            Scale::new(0.0, 5000.0, Kind::Linear).ticks(6),
            [0.0, 1000.0, 2000.0, 3000.0, 4000.0, 5000.0]
        );
        assert_eq!(Scale::new(0.0, 5000.0, Kind::Linear).ticks(5), [0.0, 2000.0, 4000.0]);
        assert_eq!(Scale::new(1.9, 4.4, Kind::Linear).ticks(5), [2.0, 2.5, 3.0, 3.5, 4.0]);
        assert_eq!(Scale::new(1.9, 4.4, Kind::Log).ticks(5), [2.0, 2.5, 3.0, 3.5, 4.0]);
        assert_eq!(
            Scale::new(0.0, 5000.0, Kind::LogFromZero).ticks(6),
            [0.0, 1.0, 10.0, 100.0, 1000.0]
        );
        assert_eq!(Scale::new(1e-6, 1.0, Kind::Log).ticks(4).len(), 4);
        assert_eq!(decimals(&[2.0, 2.5, 3.0]), 1);
        assert_eq!(decimals(&[2.0, 2.05, 2.1]), 2);
        assert_eq!(decimals(&[0.0, 1000.0]), 0);
    }

    #[test]
    fn no_axis_is_reversed_or_empty() {
        for (low, high) in [
            (1.0, 1.0),
            (0.0, 0.0),
            (3.0, 2.0),
            (f64::NAN, 2.0),
            (f64::NEG_INFINITY, f64::INFINITY),
            (1e300, 1e300),
            (-5.0, -5.0),
            (2.3, 2.3 + 1e-15),
        ] {
            for kind in [Kind::Linear, Kind::Log, Kind::LogFromZero] {
                let scale = Scale::new(low, high, kind);
                assert!(scale.low < scale.high, "{scale:?}");
                assert!(scale.place(scale.low).unwrap().abs() < 1e-9);
                assert!((scale.place(scale.high).unwrap() - 1.0).abs() < 1e-9);
                for most in 0..9 {
                    assert!(scale.ticks(most).len() <= most.max(1), "{scale:?} {most}");
                }
            }
        }
        assert_eq!(Scale::new(1.0, 2.0, Kind::Log).place(-1.0), None);
    }

    #[test]
    fn values_come_back_from_their_places() {
        for kind in [Kind::Linear, Kind::Log, Kind::LogFromZero] {
            let scale = Scale::new(0.5, 800.0, kind);
            for value in [0.5, 1.0, 37.0, 800.0] {
                let back = scale.value(scale.place(value).unwrap());
                assert!((back - value).abs() < 1e-9 * value, "{kind:?} {value} {back}");
            }
        }
    }
}
