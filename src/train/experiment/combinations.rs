//! Which change did it? Between two configurations that differ in k hyperparameters lie 2^k: every set of the changes made.
//! All of them are trained, and the whole difference is shared out among the changes.
//!
//! What a change brings depends on which others have been made already. Its share is the mean over all orders in which the
//! changes can be made one after another (Shapley, "A Value for n-Person Games", 1953): with v(S) what was measured with the
//! changes S made, and n = k,
//!
//! ```text
//! share(i) = Σ over S without i  |S|! (n - |S| - 1)! / n!  · (v(S) - v(S and i))
//! ```
//!
//! So the shares add up to v(none) - v(all), the first arm less the last, in every seed; a main effect in the middle of a
//! design would not. The sign is that of the verdict: a change that lowers a loss has a share above 0.

use super::verdict::mean_and_error;
use crate::stage::Config;
use crate::stage::hyperparameter::{HYPERPARAMETERS, Hyperparameter};

/// No more changes than this: 32 arms.
pub const MOST: usize = 5;

/// The arms between two configurations.
#[derive(Clone, Debug)]
pub struct Combinations {
    /// The hyperparameters that differ.
    pub switches: Vec<String>,
    /// Arm number b has those changes made whose bits are set in b: the first arm is the one configuration, the last the
    /// other.
    pub arms: Vec<(String, Config)>,
}

/// What one change brought.
#[derive(Clone, Debug, PartialEq)]
pub struct Share {
    pub switch: String,
    /// By seed; `None`: one of its runs has no number.
    pub values: Vec<Option<f64>>,
    pub mean: Option<f64>,
    /// Standard error of the mean.
    pub error: Option<f64>,
}

/// Why there are no combinations.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CombinationsError {
    #[error("the arms do not differ in any hyperparameter: there is nothing to combine")]
    Same,
    #[error("the arms differ in {}: all combinations of {} are too many, {MOST} are the most", .0.join(", "), .0.len())]
    TooMany(Vec<String>),
    #[error("the arms differ in more than their hyperparameters: their changes cannot be combined")]
    More,
    #[error("with {made} the arm cannot be: {why}")]
    Impossible { made: String, why: String },
}

impl Combinations {
    /// All that lies between two configurations.
    ///
    /// # Errors
    /// If nothing differs, or too much, or a combination cannot be trained.
    pub fn between(first: &Config, second: &Config) -> Result<Self, CombinationsError> {
        let differs = |h: &&Hyperparameter| h.get(first) != h.get(second);
        let changes: Vec<&Hyperparameter> = HYPERPARAMETERS.iter().filter(differs).collect();
        let switches: Vec<String> = changes.iter().map(|h| h.name.to_owned()).collect();
        if changes.is_empty() {
            return Err(CombinationsError::Same);
        } else if changes.len() > MOST {
            return Err(CombinationsError::TooMany(switches));
        }
        let mut arms = Vec::new();
        for made in 0..1_usize << changes.len() {
            let is_made = |at: usize| made >> at & 1 == 1;
            let mut config = first.clone();
            let mut label: Vec<String> = Vec::new();
            for (_, change) in changes.iter().enumerate().filter(|(at, _)| is_made(*at)) {
                let value = change.get(second);
                label.push(format!("{} {value}", change.name));
                change.set(&mut config, value).map_err(|error| impossible(&label, &error))?;
            }
            config.validate().map_err(|error| impossible(&label, &error))?;
            if is_made(0) && made + 1 == 1 << changes.len() && !same_model(&config, second) {
                return Err(CombinationsError::More);
            }
            let label = if label.is_empty() { "none".to_owned() } else { label.join(", ") };
            arms.push((label, config));
        }
        Ok(Self { switches, arms })
    }
}

fn impossible(label: &[String], error: &dyn std::error::Error) -> CombinationsError {
    CombinationsError::Impossible { made: label.join(", "), why: error.to_string() }
}

/// Whether they are trained the same, but for where they begin and end.
fn same_model(a: &Config, b: &Config) -> bool {
    let mut a = a.clone();
    a.stage.clone_from(&b.stage);
    a.seed = b.seed;
    a.training.steps = b.training.steps;
    a.training.eval_interval = b.training.eval_interval;
    a.training.eval_batches = b.training.eval_batches;
    a == *b
}

/// Each change's part of the whole, of what was measured of every arm by seed. Empty where the arms are no combinations.
pub fn shares(switches: &[String], values: &[Vec<Option<f64>>]) -> Vec<Share> {
    let n = switches.len();
    if n == 0 || values.len() != 1 << n {
        return Vec::new();
    }
    let seeds = values.iter().map(Vec::len).min().unwrap_or(0);
    let share = |(at, switch): (usize, &String)| {
        let of_seed = |seed: usize| {
            let mut sum = 0.0;
            for made in (0..values.len()).filter(|made| made >> at & 1 == 0) {
                let brought = values[made][seed]? - values[made | 1 << at][seed]?;
                sum += weight(made.count_ones() as usize, n) * brought;
            }
            Some(sum).filter(|sum| sum.is_finite())
        };
        let values: Vec<_> = (0..seeds).map(of_seed).collect();
        let there: Vec<f64> = values.iter().copied().flatten().collect();
        let (mean, error) = mean_and_error(&there);
        Share { switch: switch.clone(), values, mean, error }
    };
    switches.iter().enumerate().map(share).collect()
}

/// Of all orders of n changes, the share in which exactly a given set of `before` stands before a given change:
/// before! (n - before - 1)! / n!
fn weight(before: usize, n: usize) -> f64 {
    let factorial = |n: usize| (1..=n).map(|i| i as f64).product::<f64>();
    factorial(before) * factorial(n - before - 1) / factorial(n)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stage::hyperparameter::{Value, hyperparameter};
    use crate::train::testing;

    fn names(n: usize) -> Vec<String> {
        (0..n).map(|i| format!("change {i}")).collect()
    }

    #[test]
    fn shares_add_up_to_the_whole_difference() {
        for n in 1..=MOST {
            // Anything but additive.
            let of = |arm: usize, seed: usize| Some(((arm * arm + 7 * seed) as f64 * 0.37).sin());
            let values: Vec<Vec<_>> =
                (0..1 << n).map(|arm| (0..3).map(|seed| of(arm, seed)).collect()).collect();
            let shares = shares(&names(n), &values);
            assert_eq!(shares.len(), n);
            for seed in 0..3 {
                let sum: f64 = shares.iter().map(|share| share.values[seed].unwrap()).sum();
                let whole = of(0, seed).unwrap() - of((1 << n) - 1, seed).unwrap();
                assert!((sum - whole).abs() < 1e-12, "{n} {seed}: {sum} {whole}");
            }
        }
    }

    #[test]
    fn a_share_is_the_mean_over_all_orders() {
        // Losses: none 10, a 7, b 8, both 2. First a: 3, then 5 for b; first b: 2, then 6 for a.
        let values: Vec<_> = [10.0, 7.0, 8.0, 2.0].map(|x| vec![Some(x), Some(x + 1.0)]).into();
        let both = shares(&names(2), &values);
        assert_eq!((both[0].mean, both[0].error), (Some(4.5), Some(0.0)));
        assert_eq!(both[1].mean, Some(3.5));
        // A change that does nothing has no share; one whose run diverged none that is known.
        let idle: Vec<_> = [10.0, 7.0, 10.0, 7.0].map(|x| vec![Some(x)]).into();
        assert_eq!(shares(&names(2), &idle)[1].mean, Some(0.0));
        let mut broken = values;
        broken[1][0] = None;
        let broken = shares(&names(2), &broken);
        assert_eq!((broken[0].values[0], broken[0].mean), (None, Some(4.5)));
    }

    #[test]
    fn arms_are_all_sets_of_the_changes() {
        let first = testing::gpt();
        let mut second = first.clone();
        for (name, value) in [("lr", Value::Number(0.1)), ("residual", Value::Switch(false))] {
            hyperparameter(name).unwrap().set(&mut second, value).unwrap();
        }
        let all = Combinations::between(&first, &second).unwrap();
        assert_eq!(all.switches.len(), 2);
        let labels: Vec<_> = all.arms.iter().map(|(label, _)| label.as_str()).collect();
        assert_eq!(labels, ["none", "lr 0.1", "residual false", "lr 0.1, residual false"]);
        assert_eq!((&all.arms[0].1, &all.arms[3].1), (&first, &second));
        assert!(all.arms[1].1.model.residual && all.arms[1].1.training.lr == 0.1);
        assert!(!all.arms[2].1.model.residual && all.arms[2].1.training.lr == first.training.lr);
    }

    #[test]
    fn what_cannot_be_combined_is_refused() {
        let first = testing::gpt();
        let error = |second: &Config| Combinations::between(&first, second).unwrap_err();
        assert_eq!(error(&first), CombinationsError::Same);
        assert!(matches!(error(&testing::config()), CombinationsError::TooMany(_)));
        let mut heads = first.clone();
        heads.model.n_embd = 12;
        heads.model.n_head = 3;
        let said = error(&heads).to_string();
        assert!(said.starts_with("with n_head 3 the arm cannot be"), "{said}");
    }
}
