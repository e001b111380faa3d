//! Measures in the words of a page, and in which unit their numbers are.

use std::fmt;

use super::{Measure, Part, Reading};
use crate::model::card::Unit;
use crate::probe;
use crate::stage::hyperparameter::{self, hyperparameter};
use crate::task::card::figure_named;

impl Measure {
    /// What its number is: written otherwise where it is a share or a whole number.
    pub fn unit(&self) -> Unit {
        match self {
            Self::Diverged | Self::Recovered { .. } => Unit::Verdict,
            Self::Figure(name) => figure_named(name).map_or(Unit::Plain, |figure| figure.unit),
            Self::Step
            | Self::Tokens
            | Self::Parameters
            | Self::Vocabulary
            | Self::Drawn
            | Self::Edits(_)
            | Self::Id(_)
            | Self::Rank { .. } => Unit::Count(None),
            Self::Hyperparameter(name) => match hyperparameter(name).map(|known| known.range) {
                Some(hyperparameter::Range::Count { .. }) => Unit::Count(None),
                _ => Unit::Plain,
            },
            _ => Unit::Plain,
        }
    }
}

/// In the words of a page.
impl fmt::Display for Measure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ValLoss => f.write_str("validation loss"),
            Self::TrainLoss => f.write_str("training loss"),
            Self::BestValLoss => f.write_str("lowest validation loss"),
            Self::Gap => f.write_str("validation less training loss"),
            Self::FirstLoss => f.write_str("first loss"),
            Self::BatchLoss => f.write_str("loss of the last batch"),
            Self::Scatter { over } => write!(f, "scatter of the last {over} losses"),
            Self::Figure(name) => f.write_str(&name.replace('_', " ")),
            Self::Step => f.write_str("steps"),
            Self::Tokens => f.write_str("tokens read"),
            Self::Parameters => f.write_str("parameters"),
            Self::Diverged => f.write_str("diverged"),
            Self::Recovered { from, to } => write!(f, "above {from} and back under {to}"),
            Self::Edits(name) => write!(f, "changes of {name}"),
            Self::Hyperparameter(name) => f.write_str(name),
            Self::Drawn => f.write_str("points of your own that it learns"),
            Self::Counted(name) => write!(f, "counted {name}"),
            Self::Vocabulary => f.write_str("different tokens"),
            Self::Ahead { of } => write!(f, "under the lowest loss of {of} by"),
            Self::MsPerStep => f.write_str("ms a step"),
            Self::Id(token) => write!(f, "id of {token:?}"),
            Self::Probability { after, token } => write!(f, "p({token:?} after {after:?})"),
            Self::Rank { after, token } => write!(f, "rank of {token:?} after {after:?}"),
            Self::Entropy { after } => write!(f, "entropy after {after:?}"),
            Self::Reading(Reading { instrument, figure, fault, .. }) => {
                f.write_str(&probe::words::figure(instrument, figure, fault))
            }
            Self::Cosine { of, and } => write!(f, "cosine of {of:?} and {and:?}"),
            Self::Weight { parameter, .. } => write!(f, "a weight of {parameter}"),
            Self::Norm { of, parameter } => {
                let of = match of {
                    Part::Weight => "weight",
                    Part::Gradient => "gradient",
                    Part::Update => "update",
                };
                write!(f, "{of} of {parameter}, rms")
            }
        }
    }
}
