//! Where a measure has to be, and how that stands: a sentence for a page and for a check.

use serde::Deserialize;

use super::{Evidence, Measure};
use crate::model::card::Unit;
use crate::stage::hyperparameter::{self, hyperparameter};

/// A measure, and where it has to be.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Condition {
    pub measure: Measure,
    pub above: Option<f64>,
    pub below: Option<f64>,
}

/// Which numbers count: all without bounds, or those strictly between them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Range {
    pub above: Option<f64>,
    pub below: Option<f64>,
}

impl Range {
    pub fn holds(self, value: f64) -> bool {
        value.is_finite()
            && self.above.is_none_or(|above| value > above)
            && self.below.is_none_or(|below| value < below)
    }
}

impl Condition {
    pub fn range(&self) -> Range {
        Range { above: self.above, below: self.below }
    }

    /// Whether it is met; `None` while that cannot be told.
    pub fn met(&self, evidence: &Evidence<'_>) -> Option<bool> {
        Some(self.range().holds(self.measure.of(evidence)?))
    }

    /// How it stands, where the measure is this, numbers written as `number` does it: `validation loss: 2.61 (to be below
    /// 2.43)`, `modes: 3 (to be 8 or more)`, `accuracy: 41.2 % (to be above 95 %)`, `above 8 and back under 2.7: not yet`,
    /// `causal: false (to be true)`.
    pub fn stands(&self, value: Option<f64>, number: &dyn Fn(f64) -> String) -> String {
        let name = &self.measure;
        let Some(value) = value else { return format!("{name}: not known yet") };
        let holds = |x: f64| self.range().holds(x);
        let number = &|x: f64| match self.measure.unit() {
            Unit::Share => percent(x),
            _ => number(x),
        };
        match self.measure.says() {
            // What happens or not: there is nothing between.
            Says::Whether => match (holds(0.0), holds(1.0), value > 0.5) {
                (false, true, happened) => format!("{name}: {}", done(happened)),
                (true, false, false) => format!("{name}: no, as it is to stay"),
                (true, false, true) => format!("{name}: yes, and is not to be"),
                (_, _, happened) => format!("{name}: {}", if happened { "yes" } else { "no" }),
            },
            Says::HowOften if self.above == Some(0.0) && self.below.is_none() => {
                format!("{name}: {}", done(value > 0.0))
            }
            Says::OneOf(names) => {
                let named = |at: usize| names.get(at).copied().unwrap_or("another");
                let fit = (0..names.len()).filter(|at| holds(*at as f64)).map(named);
                let (now, fit) = (named(value as usize), fit.collect::<Vec<_>>());
                match fit[..] {
                    [] => format!("{name}: {now}"),
                    _ => format!("{name}: {now} (to be {})", fit.join(" or ")),
                }
            }
            Says::HowMany | Says::HowOften => {
                format!("{name}: {}{}", number(value), self.counts(number))
            }
            Says::HowMuch => {
                format!("{name}: {}{}", number(value), self.bounds(number))
            }
        }
    }

    /// Bounds of whole numbers, by those that are just within.
    fn counts(&self, number: &dyn Fn(f64) -> String) -> String {
        let least = self.above.map(|above| above.floor() + 1.0);
        let most = self.below.map(|below| below.ceil() - 1.0);
        match (least, most) {
            (Some(least), Some(most)) if least > most => self.bounds(number),
            (Some(least), Some(most)) if least == most => format!(" (to be {})", number(least)),
            (Some(least), Some(most)) => {
                format!(" (to be {} to {})", number(least), number(most))
            }
            (Some(least), None) => format!(" (to be {} or more)", number(least)),
            (None, Some(most)) => format!(" (to be {} or less)", number(most)),
            (None, None) => String::new(),
        }
    }

    fn bounds(&self, number: &dyn Fn(f64) -> String) -> String {
        match (self.above, self.below) {
            (Some(above), Some(below)) => {
                format!(" (to be between {} and {})", number(above), number(below))
            }
            (Some(above), None) => format!(" (to be above {})", number(above)),
            (None, Some(below)) => format!(" (to be below {})", number(below)),
            (None, None) => String::new(),
        }
    }
}

/// `41.2 %`, `95 %`.
fn percent(share: f64) -> String {
    let text = format!("{:.1}", 100.0 * share);
    format!("{} %", text.strip_suffix(".0").unwrap_or(&text))
}

fn done(happened: bool) -> &'static str {
    if happened { "done" } else { "not yet" }
}

/// What a measure's number says.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Says {
    HowMuch,
    /// A whole number.
    HowMany,
    HowOften,
    /// 1 is yes.
    Whether,
    /// The place of one of these.
    OneOf(&'static [&'static str]),
}

impl Measure {
    fn says(&self) -> Says {
        match self {
            Self::Edits(_) => Says::HowOften,
            Self::Drawn => Says::HowMany,
            Self::Hyperparameter(name) => match hyperparameter(name).map(|known| known.range) {
                Some(hyperparameter::Range::Switch) => Says::OneOf(&["false", "true"]),
                Some(hyperparameter::Range::Choice(names)) => Says::OneOf(names),
                Some(hyperparameter::Range::Count { .. }) => Says::HowMany,
                Some(hyperparameter::Range::Number { .. }) | None => Says::HowMuch,
            },
            _ => match self.unit() {
                Unit::Verdict => Says::Whether,
                Unit::Count(_) => Says::HowMany,
                Unit::Nats | Unit::Plain | Unit::Share => Says::HowMuch,
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Part, Reading};
    use super::*;

    /// One of every kind of measure; whoever adds a kind is led here by the compiler.
    fn next(measure: &Measure) -> Option<Measure> {
        let text = || "q".to_owned();
        Some(match measure {
            Measure::ValLoss => Measure::TrainLoss,
            Measure::TrainLoss => Measure::BestValLoss,
            Measure::BestValLoss => Measure::Gap,
            Measure::Gap => Measure::FirstLoss,
            Measure::FirstLoss => Measure::BatchLoss,
            Measure::BatchLoss => Measure::Scatter { over: 100 },
            Measure::Scatter { .. } => Measure::Figure("modes".to_owned()),
            Measure::Figure(_) => Measure::Step,
            Measure::Step => Measure::Tokens,
            Measure::Tokens => Measure::Parameters,
            Measure::Parameters => Measure::Diverged,
            Measure::Diverged => Measure::Recovered { from: 8.0, to: 2.7 },
            Measure::Recovered { .. } => Measure::Edits("lr".to_owned()),
            Measure::Edits(_) => Measure::Hyperparameter("n_head".to_owned()),
            Measure::Hyperparameter(_) => Measure::Drawn,
            Measure::Drawn => Measure::Counted("bigram".to_owned()),
            Measure::Counted(_) => Measure::Vocabulary,
            Measure::Vocabulary => Measure::Ahead { of: "bigram".to_owned() },
            Measure::Ahead { .. } => Measure::MsPerStep,
            Measure::MsPerStep => Measure::Id(text()),
            Measure::Id(_) => Measure::Probability { after: text(), token: "u".to_owned() },
            Measure::Probability { .. } => Measure::Rank { after: text(), token: "u".to_owned() },
            Measure::Rank { .. } => Measure::Entropy { after: text() },
            Measure::Entropy { .. } => Measure::Reading(Reading {
                instrument: "scores".to_owned(),
                figure: "row_entropy".to_owned(),
                ..Reading::default()
            }),
            Measure::Reading(_) => Measure::Cosine { of: "a".to_owned(), and: "e".to_owned() },
            Measure::Cosine { .. } => {
                Measure::Weight { parameter: "lm_head.bias".to_owned(), at: vec![0] }
            }
            Measure::Weight { .. } => {
                Measure::Norm { of: Part::Gradient, parameter: "lm_head.bias".to_owned() }
            }
            Measure::Norm { .. } => return None,
        })
    }

    fn stands(measure: Measure, above: Option<f64>, below: Option<f64>, value: f64) -> String {
        Condition { measure, above, below }.stands(Some(value), &|x| format!("{x}"))
    }

    #[test]
    fn every_measure_says_how_it_stands_in_a_sentence() {
        let all = std::iter::successors(Some(Measure::ValLoss), next);
        let said: Vec<_> = all.map(|m| stands(m, Some(0.0), Some(0.5), 0.0)).collect();
        let expected = [
            "validation loss: 0 (to be between 0 and 0.5)",
            "training loss: 0 (to be between 0 and 0.5)",
            "lowest validation loss: 0 (to be between 0 and 0.5)",
            "validation less training loss: 0 (to be between 0 and 0.5)",
            "first loss: 0 (to be between 0 and 0.5)",
            "loss of the last batch: 0 (to be between 0 and 0.5)",
            "scatter of the last 100 losses: 0 (to be between 0 and 0.5)",
            "modes: 0 (to be between 0 and 0.5)",
            "steps: 0 (to be between 0 and 0.5)",
            "tokens read: 0 (to be between 0 and 0.5)",
            "parameters: 0 (to be between 0 and 0.5)",
            "diverged: no",
            "above 8 and back under 2.7: no",
            "changes of lr: 0 (to be between 0 and 0.5)",
            "n_head: 0 (to be between 0 and 0.5)",
            "points of your own that it learns: 0 (to be between 0 and 0.5)",
            "counted bigram: 0 (to be between 0 and 0.5)",
            "different tokens: 0 (to be between 0 and 0.5)",
            "under the lowest loss of bigram by: 0 (to be between 0 and 0.5)",
            "ms a step: 0 (to be between 0 and 0.5)",
            "id of \"q\": 0 (to be between 0 and 0.5)",
            "p(\"u\" after \"q\"): 0 (to be between 0 and 0.5)",
            "rank of \"u\" after \"q\": 0 (to be between 0 and 0.5)",
            "entropy after \"q\": 0 (to be between 0 and 0.5)",
            "entropy of a row, scaled: 0 (to be between 0 and 0.5)",
            "cosine of \"a\" and \"e\": 0 (to be between 0 and 0.5)",
            "a weight of lm_head.bias: 0 (to be between 0 and 0.5)",
            "gradient of lm_head.bias, rms: 0 (to be between 0 and 0.5)",
        ];
        assert_eq!(said, expected);
        let unknown = std::iter::successors(Some(Measure::ValLoss), next).map(|measure| {
            let condition = Condition { measure, above: Some(0.0), below: None };
            condition.stands(None, &|x| format!("{x}"))
        });
        assert!(unknown.into_iter().all(|said| said.ends_with(": not known yet")));
    }

    #[test]
    fn what_happens_or_not_is_done_or_not_yet() {
        let recovered = || Measure::Recovered { from: 8.0, to: 2.7 };
        let said = |above, below, value| stands(recovered(), above, below, value);
        assert_eq!(said(Some(0.0), None, 0.0), "above 8 and back under 2.7: not yet");
        assert_eq!(said(Some(0.5), None, 1.0), "above 8 and back under 2.7: done");
        let diverged = |below, value| stands(Measure::Diverged, None, Some(below), value);
        assert_eq!(diverged(0.5, 0.0), "diverged: no, as it is to stay");
        assert_eq!(diverged(0.5, 1.0), "diverged: yes, and is not to be");
        let edits =
            |above, value| stands(Measure::Edits("lr".to_owned()), Some(above), None, value);
        assert_eq!(edits(0.0, 0.0), "changes of lr: not yet");
        assert_eq!(edits(0.0, 2.0), "changes of lr: done");
        assert_eq!(edits(1.0, 1.0), "changes of lr: 1 (to be 2 or more)");
    }

    #[test]
    fn choices_and_switches_are_named() {
        let of = |name: &str, above, below, value| {
            stands(Measure::Hyperparameter(name.to_owned()), above, below, value)
        };
        assert_eq!(of("causal", Some(0.5), None, 0.0), "causal: false (to be true)");
        let norm = of("norm", Some(0.5), None, 0.0);
        assert!(norm.starts_with("norm: none (to be ") && norm.contains(" or "), "{norm}");
        assert_eq!(of("lr", None, Some(0.01), 0.1), "lr: 0.1 (to be below 0.01)");
        assert_eq!(of("distance", Some(7.5), None, 32.0), "distance: 32 (to be 8 or more)");
        assert_eq!(of("distance", Some(8.0), None, 32.0), "distance: 32 (to be 9 or more)");
        assert_eq!(of("n_head", None, Some(4.0), 4.0), "n_head: 4 (to be 3 or less)");
        assert_eq!(of("n_head", Some(1.0), Some(3.0), 4.0), "n_head: 4 (to be 2)");
        assert_eq!(of("n_head", Some(1.5), Some(8.5), 1.0), "n_head: 1 (to be 2 to 8)");
    }

    /// Whatever is counted, and not modes alone: half a step is no bound that anybody could reach.
    #[test]
    fn bounds_of_what_is_counted_are_whole_and_shares_are_in_per_cent() {
        let mut counted = 0;
        for measure in std::iter::successors(Some(Measure::ValLoss), next) {
            let said = stands(measure.clone(), Some(7.5), None, 3.0);
            if let Unit::Count(_) = measure.unit() {
                counted += 1;
                assert!(said.ends_with(": 3 (to be 8 or more)"), "{said}");
                let most = stands(measure, None, Some(2001.0), 3.0);
                assert!(most.ends_with(": 3 (to be 2000 or less)"), "{most}");
            } else {
                assert!(!said.contains("or more"), "{said}");
            }
        }
        assert_eq!(counted, 10);
        let share =
            |name: &str, value| stands(Measure::Figure(name.to_owned()), Some(0.7), None, value);
        assert_eq!(share("high_quality", 0.4498), "high quality: 45 % (to be above 70 %)");
        assert_eq!(share("exact_match", 0.125), "exact match: 12.5 % (to be above 70 %)");
        assert_eq!(share("collapsed", 1.0), "collapsed: done");
        assert_eq!(share("kl", 0.5), "kl: 0.5 (to be above 0.7)");
    }

    #[test]
    fn bounds_are_open_and_nothing_that_is_not_finite_holds() {
        let range = Range { above: Some(0.0), below: Some(1.0) };
        let held: Vec<_> =
            [0.0, 0.5, 1.0, f64::NAN].into_iter().map(|value| range.holds(value)).collect();
        assert_eq!(held, [false, true, false, false]);
        assert!(!Range::default().holds(f64::INFINITY));
    }
}
