//! What figures of instruments are called on a page.

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
