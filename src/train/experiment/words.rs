//! Measures in a few words, for tables and axes.

use crate::train::measure::{Measure, Part};

pub fn measured(measure: &Measure) -> String {
    let plain = match measure {
        Measure::ValLoss => "val loss",
        Measure::TrainLoss => "train loss",
        Measure::BestValLoss => "best val loss",
        Measure::Gap => "val less train loss",
        Measure::FirstLoss => "first batch loss",
        Measure::BatchLoss => "last batch loss",
        Measure::Step => "steps",
        Measure::Tokens => "tokens read",
        Measure::Parameters => "parameters",
        Measure::Diverged => "diverged",
        Measure::Vocabulary => "vocabulary",
        Measure::MsPerStep => "ms a step",
        Measure::Scatter { over } => return format!("scatter of the last {over} batch losses"),
        Measure::Figure(name) => return name.replace('_', " "),
        Measure::Recovered { from, to } => return format!("recovered from {from} to {to}"),
        Measure::Edits(name) => return format!("edits of {name}"),
        Measure::Hyperparameter(name) => return name.clone(),
        Measure::Counted(name) => return format!("counted {name} loss"),
        Measure::Ahead { of } => return format!("ahead of {of}"),
        Measure::Probability { after, token } => {
            return format!("probability of {token:?} after {after:?}");
        }
        Measure::Rank { after, token } => return format!("rank of {token:?} after {after:?}"),
        Measure::Entropy { after } => return format!("entropy after {after:?}"),
        Measure::Cosine { of, and } => return format!("cosine of {of:?} and {and:?}"),
        Measure::Weight { parameter, at } => return format!("{parameter}{at:?}"),
        Measure::Norm { of, parameter } => {
            let part = match of {
                Part::Weight => "size",
                Part::Gradient => "gradient",
                Part::Update => "update",
            };
            return format!("{part} of {parameter}");
        }
        Measure::Reading(reading) => {
            return match reading.at {
                Some(at) => format!("{}[{at}]", reading.instrument),
                None => format!("{} of {}", reading.figure, reading.instrument),
            };
        }
    };
    plain.to_owned()
}
