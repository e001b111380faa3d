//! What figures of instruments are called on a page, which units they have, and what the rows of their values are.

use super::{Instrument, Reading, search, sentences, timing};
use crate::model::card::Unit;
use crate::model::{Card, Config};

/// In what a figure of an instrument is written: what counts or numbers something is never a share.
pub fn unit(instrument: &Instrument, figure: &str) -> Unit {
    let count = Unit::Count(None);
    // By place: `forced 3`.
    let name = figure.split(' ').next().unwrap_or_default();
    match (instrument.name, name) {
        (_, "examples")
        | ("sentences", "answer" | "right" | "of")
        | ("answers", "right" | "asked")
        | ("search", "width")
        | ("next", "token")
        | ("future", "layer")
        | ("influence", "seen" | "farthest" | "changed")
        | ("modes", "modes" | "enough") => count,
        ("sentences", told) if told.starts_with("told.") => count,
        ("answers", "first_error") if figure.contains(' ') => count,
        ("answers", "exact" | "forced" | "free") => Unit::Share,
        ("search", "greedy_exact" | "best_exact") | ("latent" | "modes", "collapsed") => {
            Unit::Verdict
        }
        _ => instrument.unit,
    }
}

/// What each row of an instrument's values is, where it knows.
pub fn rows(name: &str, card: &Card, config: &Config, reading: &Reading) -> Option<Vec<String>> {
    let rows = match name {
        "timing" => {
            let all = timing::contenders(config, timing::TIMES[0]);
            all.into_iter().map(|kind| kind.card.name.to_owned()).collect()
        }
        "sentences" => {
            let ways = sentences::ways(card).map(|(map, head)| match map.heads {
                1 => map.sign.clone(),
                _ => format!("{}.{}", map.sign, head + 1),
            });
            std::iter::once("tokens".to_owned()).chain(ways).collect()
        }
        "search" => {
            let rows = search::rows(reading).into_iter().map(|row| match row.what {
                search::What::Greedy | search::What::Beam => {
                    format!("{:?} {}", row.what, row.place + 1).to_lowercase()
                }
                what => format!("{what:?}").to_lowercase(),
            });
            rows.collect()
        }
        _ => return None,
    };
    let known: Vec<String> = rows;
    // A name for each, or none.
    let width = reading.shape.last().copied().unwrap_or(1).max(1);
    (known.len() == reading.values.len() / width).then_some(known)
}

/// What the columns are, where they are not places of tokens.
pub fn columns(name: &str) -> Option<Vec<String>> {
    match name {
        "timing" => Some(timing::TIMES.iter().map(|time| format!("T {time}")).collect()),
        "search" => {
            let head = ["what", "place", "ended", "ln p", "score", "tokens, then -1"];
            Some(head.map(str::to_owned).to_vec())
        }
        _ => None,
    }
}

/// What an instrument's figure is. Without words of its own it has its names, each once.
pub fn figure(instrument: &str, figure: &str, fault: &str) -> String {
    let known = match (instrument, figure) {
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

    /// What is counted is a whole number, and what is a share is told in percent: of every instrument that has such.
    #[test]
    fn counts_and_ids_are_no_shares() {
        let write = |name: &str, figure: &str, value: f64| {
            unit(crate::probe::instrument(name).unwrap(), figure).write(value)
        };
        assert_eq!(write("sentences", "answer", 28.0), "28");
        assert_eq!(write("sentences", "of", 1000.0), "1000");
        assert_eq!(write("sentences", "told.0", 3.0), "3");
        assert_eq!(write("sentences", "right_p", 0.5), "50.0 %");
        assert_eq!(write("answers", "forced 3", 0.25), "25.0 %");
        assert_eq!(write("answers", "asked 3", 39.0), "39");
        assert_eq!(write("answers", "first_error", 2.5), "2.5000");
        assert_eq!(write("search", "best_exact", 1.0), "yes");
        assert_eq!(write("search", "greedy", -0.5), "-0.5000");
    }

    #[test]
    fn rows_have_the_names_of_what_they_are() {
        use crate::probe::testing::Case;
        let case = Case::of("memory-stories");
        let card = case.model.card();
        let found = case.ask("sentences", &crate::probe::Arguments::default()).unwrap();
        let names = rows("sentences", &card, case.model.config(), &found).unwrap();
        assert_eq!(names, ["tokens", "H1", "H2", "H3"]);
        assert_eq!(rows("sizes", &card, case.model.config(), &found), None);
    }

    #[test]
    fn no_name_is_said_twice() {
        assert!(figure("reach", "reach", "").starts_with("share of the gradient"));
        assert_eq!(figure("reach", "", ""), "reach");
        assert_eq!(figure("latent_plane", "axis 9", ""), "latent plane: axis 9");
        assert_eq!(figure("latent", "kl 1", ""), "KL of latent 1");
        assert_eq!(figure("sizes", "blocks.2", ""), "rms of blocks.2");
        for known in crate::probe::INSTRUMENTS {
            let name = known.name;
            let said = figure(name, name, "");
            assert!(!said.contains(&format!("{name}: {name}")), "{said}");
        }
    }
}
