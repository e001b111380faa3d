//! What an experiment says: a number for every seed, their mean with its standard error, and whether that is what was
//! expected.
//!
//! Two arms are compared seed by seed: runs of one seed start from the same random numbers and read the same batches where
//! their sizes are the same, so that much of what the seed does to both cancels. Of the n numbers x by seed
//!
//! ```text
//! mean = Σ x / n        error = sqrt(Σ (x - mean)² / (n - 1)) / sqrt(n)
//! ```
//!
//! and an expectation holds if mean, mean - error and mean + error are all inside, and so are three quarters of all seeds at
//! least. A run without a number (it diverged) is a seed that is not inside. Of a single seed there is no error.

use std::fmt;

use serde::Deserialize;

use crate::train::measure::Range;

/// How two arms are compared.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Compare {
    /// First less second.
    #[default]
    Difference,
    /// First divided by second.
    Ratio,
}

impl Compare {
    pub fn of(self, first: f64, second: f64) -> f64 {
        match self {
            Self::Difference => first - second,
            Self::Ratio => first / second,
        }
    }
}

/// The result of an experiment.
#[derive(Clone, Debug, PartialEq)]
pub struct Verdict {
    /// `None`: the values of a single arm.
    pub compare: Option<Compare>,
    /// By seed; `None`: a run has no such number.
    pub values: Vec<Option<f64>>,
    /// Of those that there are; `None` without one.
    pub mean: Option<f64>,
    /// Standard error of the mean; `None` of fewer than two.
    pub error: Option<f64>,
    /// What was expected.
    pub expect: Range,
    /// Seeds inside that.
    pub inside: usize,
    /// `None` where nothing was expected.
    pub holds: Option<bool>,
}

/// Mean, and its standard error.
pub fn mean_and_error(values: &[f64]) -> (Option<f64>, Option<f64>) {
    let n = values.len() as f64;
    if values.is_empty() {
        return (None, None);
    }
    let mean = values.iter().sum::<f64>() / n;
    let squares: f64 = values.iter().map(|x| (x - mean).powi(2)).sum();
    let error = (values.len() > 1).then(|| (squares / (n - 1.0)).sqrt() / n.sqrt());
    (Some(mean), error)
}

impl Verdict {
    pub fn new(values: Vec<Option<f64>>, compare: Option<Compare>, expect: Range) -> Self {
        // A ratio to nothing is no number either.
        let values: Vec<_> =
            values.into_iter().map(|value| value.filter(|x| x.is_finite())).collect();
        let there: Vec<f64> = values.iter().copied().flatten().collect();
        let (mean, error) = mean_and_error(&there);
        let inside = there.iter().filter(|value| expect.holds(**value)).count();
        let sure = mean.is_some_and(|mean| {
            let error = error.unwrap_or(0.0);
            [mean, mean - error, mean + error].into_iter().all(|value| expect.holds(value))
        });
        let expected = expect.above.is_some() || expect.below.is_some();
        let holds = expected.then_some(sure && 4 * inside >= 3 * values.len());
        Self { compare, values, mean, error, expect, inside, holds }
    }

    /// Seeds that have no number.
    pub fn failed(&self) -> usize {
        self.values.iter().filter(|value| value.is_none()).count()
    }

    /// `, 1 seed has no number: a run diverged`, or nothing.
    pub fn without_number(&self) -> String {
        match self.failed() {
            0 => String::new(),
            1 => ", 1 seed has no number: a run diverged".to_owned(),
            n => format!(", {n} seeds have no number: runs diverged"),
        }
    }

    /// Whether all seeds have one number.
    pub fn is_exact(&self) -> bool {
        self.error.is_none_or(|error| error == 0.0)
    }

    /// `0.124 ± 0.011`, as many places as the error is worth.
    pub fn number(&self) -> String {
        match self.mean {
            None => "no number".to_owned(),
            Some(mean) => with_error(mean, self.error),
        }
    }

    /// `above 0.05`, `above 0 and below 1`; empty where nothing was expected.
    pub fn expectation(&self) -> String {
        let above = self.expect.above.map(|x| format!("above {x}"));
        let below = self.expect.below.map(|x| format!("below {x}"));
        let bounds: Vec<_> = above.into_iter().chain(below).collect();
        bounds.join(" and ")
    }
}

/// A number as far as its error lets it be known: two digits of that; very small ones with their power of ten. A whole one
/// that is known exactly is a count.
pub fn with_error(value: f64, error: Option<f64>) -> String {
    // Numbers below this are written as 4.1e-9.
    const SMALL: f64 = 1e-4;
    // What rounds to nothing has no sign.
    let unsigned = |text: String| match text.strip_prefix('-') {
        Some(rest) if rest.chars().all(|c| matches!(c, '0' | '.')) => rest.to_owned(),
        _ => text,
    };
    let largest = value.abs().max(error.unwrap_or(0.0));
    if largest > 0.0 && largest < SMALL {
        let exponent = largest.log10().floor() as i32;
        let scaled = |x: f64| unsigned(format!("{:.1}", x / 10_f64.powi(exponent)));
        let number = format!("{}e{exponent}", scaled(value));
        return match error {
            Some(error) => format!("{number} ± {}e{exponent}", scaled(error)),
            None => number,
        };
    }
    match error.filter(|error| *error > 0.0) {
        None if value.fract() == 0.0 && value.abs() < 1e15 => unsigned(format!("{value}")),
        None if error.is_some() => format!("{} ± 0", unsigned(four(value))),
        None => unsigned(four(value)),
        Some(error) => {
            let decimals = (1.0 - error.log10().floor()).clamp(0.0, 9.0) as usize;
            format!("{} ± {error:.decimals$}", unsigned(format!("{value:.decimals$}")))
        }
    }
}

/// Four places, and never 0 of what is none.
fn four(value: f64) -> String {
    if value.abs() < 5e-4 && value != 0.0 { format!("{value:.1e}") } else { format!("{value:.4}") }
}

/// `holds: 0.12 ± 0.01, 4 of 4 seeds`; `does not hold: 0.01 ± 0.02, 1 of 4 seeds, expected above 0.05`.
impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seeds = self.values.len();
        let plural = if seeds == 1 { "seed" } else { "seeds" };
        match self.holds {
            None => write!(f, "{}, {seeds} {plural}", self.number())?,
            Some(holds) => {
                let word = if holds { "holds" } else { "does not hold" };
                write!(f, "{word}: {}, {} of {seeds} {plural}", self.number(), self.inside)?;
            }
        }
        if self.holds == Some(false) {
            write!(f, ", expected {}", self.expectation())?;
        }
        f.write_str(&self.without_number())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verdict(values: &[f64], above: Option<f64>, below: Option<f64>) -> Verdict {
        let values = values.iter().map(|value| value.is_finite().then_some(*value)).collect();
        Verdict::new(values, Some(Compare::Difference), Range { above, below })
    }

    #[test]
    fn mean_and_error_are_those_of_the_formula() {
        // Deviations -3, -1, 1, 3: their squares sum to 20; sqrt(20 / 3) / 2.
        let said = verdict(&[1.0, 3.0, 5.0, 7.0], Some(0.0), None);
        assert_eq!(said.mean, Some(4.0));
        assert!((said.error.unwrap() - (20.0_f64 / 3.0).sqrt() / 2.0).abs() < 1e-12);
        assert_eq!((said.inside, said.holds), (4, Some(true)));
        assert_eq!(said.to_string(), "holds: 4.0 ± 1.3, 4 of 4 seeds");
    }

    #[test]
    fn a_number_has_as_many_places_as_its_error_is_worth() {
        assert_eq!(with_error(-0.0, Some(0.0)), "0");
        assert_eq!(with_error(-1e-9, None), "-1.0e-9");
        assert_eq!(with_error(4.1e-9, Some(9e-10)), "4.1e-9 ± 0.9e-9");
        assert_eq!(with_error(-0.004, Some(0.2)), "0.00 ± 0.20");
        assert_eq!(with_error(-3.0, Some(0.0)), "-3");
    }

    #[test]
    fn a_claim_that_is_false_fails() {
        // The wrong sign, too little, and too uncertain.
        assert_eq!(verdict(&[-0.1, -0.12, -0.11], Some(0.0), None).holds, Some(false));
        assert_eq!(verdict(&[0.01, 0.012, 0.011], Some(0.05), None).holds, Some(false));
        let scattered = verdict(&[1.0, 0.1, 0.1, -0.2], Some(0.0), None);
        assert_eq!((scattered.inside, scattered.holds), (3, Some(false)), "{scattered:?}");
        assert_eq!(
            scattered.to_string(),
            "does not hold: 0.25 ± 0.26, 3 of 4 seeds, expected above 0"
        );
        // Sure on average, but only half of the seeds.
        let half = verdict(&[0.9, 0.9, 0.04, 0.04], Some(0.05), None);
        assert_eq!((half.inside, half.holds), (2, Some(false)), "{half:?}");
        assert!(half.mean.unwrap() - half.error.unwrap() > 0.05);
        // Both bounds count.
        assert_eq!(verdict(&[0.3, 0.3], Some(0.0), Some(0.2)).holds, Some(false));
        assert_eq!(verdict(&[0.1, 0.1], Some(0.0), Some(0.2)).holds, Some(true));
    }

    #[test]
    fn a_run_without_a_number_is_a_seed_that_is_not_inside() {
        let three = verdict(&[0.5, 0.5, 0.5, f64::NAN], Some(0.0), None);
        assert_eq!((three.inside, three.failed(), three.holds), (3, 1, Some(true)));
        assert!(three.to_string().ends_with(", 1 seed has no number: a run diverged"), "{three}");
        let two = verdict(&[0.5, 0.5, f64::NAN, f64::NAN], Some(0.0), None);
        assert_eq!(two.holds, Some(false));
        let none = verdict(&[f64::NAN, f64::NAN], Some(0.0), None);
        assert_eq!((none.mean, none.holds), (None, Some(false)));
        assert!(none.to_string().starts_with("does not hold: no number, 0 of 2"), "{none}");
    }

    #[test]
    fn without_an_expectation_nothing_holds_or_fails() {
        let said = verdict(&[0.5, 0.5], None, None);
        assert_eq!((said.holds, said.to_string()), (None, "0.5000 ± 0, 2 seeds".to_owned()));
        let alone = Verdict::new(vec![Some(2.51234)], None, Range::default());
        assert_eq!(alone.to_string(), "2.5123, 1 seed");
        assert_eq!(with_error(1234.5, Some(20.0)), "1234 ± 20");
        assert_eq!(
            (with_error(4225.0, Some(0.0)), with_error(-1.0, None)),
            ("4225".into(), "-1".into())
        );
    }

    #[test]
    fn arms_are_compared_as_asked() {
        assert_eq!(Compare::Difference.of(3.0, 2.0), 1.0);
        assert_eq!(Compare::Ratio.of(3.0, 2.0), 1.5);
        let by_zero = Verdict::new(
            vec![Some(Compare::Ratio.of(3.0, 0.0))],
            Some(Compare::Ratio),
            Range::default(),
        );
        assert_eq!(by_zero.failed(), 1);
    }
}
