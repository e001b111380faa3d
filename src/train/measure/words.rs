//! Measures in the words of a page, and in which unit their numbers are.

use std::fmt;

use super::{Measure, Part, Reading};
use crate::model::card::Unit;
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
            Self::Counted(name) => write!(f, "counted {name}"),
            Self::Vocabulary => f.write_str("different tokens"),
            Self::Ahead { of } => write!(f, "under the lowest loss of {of} by"),
            Self::MsPerStep => f.write_str("ms a step"),
            Self::Id(token) => write!(f, "id of {token:?}"),
            Self::Probability { after, token } => write!(f, "p({token:?} after {after:?})"),
            Self::Rank { after, token } => write!(f, "rank of {token:?} after {after:?}"),
            Self::Entropy { after } => write!(f, "entropy after {after:?}"),
            Self::Reading(reading) => f.write_str(&figure(reading)),
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

/// What an instrument's figure is. Without words of its own it has its names, each once.
fn figure(reading: &Reading) -> String {
    let Reading { instrument, figure, fault, .. } = reading;
    let known = match (instrument.as_str(), figure.as_str()) {
        ("reach", "reach") => "share of the gradient that comes back from the largest distance",
        ("future", "largest") => "largest movement of an earlier logit",
        ("order", "same_set") => "how far the outputs of equal tokens are apart",
        ("loss-by-position", "first") => "loss at the first position",
        ("loss-by-position", "last") => "loss at the last position",
        ("loss-grid", "mean") => "loss of the first batch",
        ("cell", "weight") => "attention weight",
        ("cell", "row_entropy") => "entropy of a row of attention",
        ("reconstructions", "squared_error") => "squared error of an image",
        ("reconstructions", "grey_held_out") => "share of grey pixels in held-out images",
        ("reconstructions", "grey") => "share of grey pixels in what it gives back",
        ("reconstructions", "grey_noise") => "share of grey pixels in what it makes of noise",
        ("scores", "variance") => "variance of q·k",
        ("scores", "scaled_variance") => "variance of the scaled scores",
        ("scores", "row_entropy") => "entropy of a row, scaled",
        ("scores", "raw_row_entropy") => "entropy of a row, not scaled",
        ("influence", "seen") => "tokens that move the output",
        ("influence", "farthest") => "places back to the farthest token that moves the output",
        ("answers", "exact") => "share of answers right to the last token",
        ("answers", "forced") => "share of places right, forced",
        ("answers", "free") => "share of places right, free",
        ("alignment", "anti_diagonal") => "share of letters at which a head looks at the one due",
        ("latent", "kl") => "KL over held-out images",
        ("next", "top") => "p of the likeliest token",
        ("next", "token") => "id of the likeliest token",
        ("next", "entropy") => "entropy of the next token",
        ("search", "greedy") => "ln p of the greedy answer",
        ("search", "best") => "ln p of the beam's answer",
        ("search", "gain") => "ln p that the beam gains",
        ("ablation", "whole") => "loss of the whole model",
        ("ablation", frozen) => return format!("loss with {frozen} frozen to its mean"),
        ("latent", dimension) if dimension.starts_with("kl ") => {
            return dimension.replacen("kl", "KL of latent", 1);
        }
        ("fault", what) => {
            let what = match what {
                "future" => "largest movement of an earlier output",
                "others" => "largest movement of another example's output",
                "past" => "share of later positions that a change reaches",
                "row_sum_off" => "how far a row of weights is from a sum of 1",
                "difference" => "distance from the right layer's outputs",
                "not_finite" => "outputs that are no numbers",
                other => other,
            };
            return format!("{what}, {}", fault.replace('-', " "));
        }
        ("sizes", part) => {
            return match part.strip_suffix(".dead") {
                Some(part) => format!("dead units of {part}"),
                None => format!("rms of {part}"),
            };
        }
        _ => "",
    };
    let name = instrument.replace(['_', '-'], " ");
    let figure = figure.replace('_', " ");
    match known {
        "" if figure.is_empty() || figure == name => name,
        "" => format!("{name}: {figure}"),
        known => known.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_name_is_said_twice() {
        let reading = |instrument: &str, figure: &str| {
            let (instrument, figure) = (instrument.to_owned(), figure.to_owned());
            Measure::Reading(Reading { instrument, figure, ..Reading::default() }).to_string()
        };
        assert!(reading("reach", "reach").starts_with("share of the gradient"));
        assert_eq!(reading("reach", ""), "reach");
        assert_eq!(reading("latent_plane", "axis 9"), "latent plane: axis 9");
        assert_eq!(reading("latent", "kl 1"), "KL of latent 1");
        assert_eq!(reading("sizes", "blocks.2"), "rms of blocks.2");
        for instrument in crate::probe::INSTRUMENTS {
            let name = instrument.name;
            let said = reading(name, name);
            assert!(!said.contains(&format!("{name}: {name}")), "{said}");
        }
    }
}
