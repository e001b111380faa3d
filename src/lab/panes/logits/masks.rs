//! A row of scores of which some are not to be seen, masked in every way side by side, and what becomes of a row of which
//! nothing may be seen.

use super::{Logits, float, logit, names};
use crate::lab::facts::Facts;
use crate::lab::theme::Role;
use crate::lab::widgets::columns::{Cells, Column, Columns};
use crate::math::plain::masking::{Way, weights};

fn head(way: Way) -> &'static str {
    match way {
        Way::Infinity => "-inf",
        Way::Large => "-1e9",
        Way::Zero => "0",
        Way::After => "after",
        Way::Renormalised => "/ sum",
    }
}

pub fn table<'a>(pane: &Logits, facts: &Facts<'a>) -> (Columns<'a>, Vec<String>) {
    let scores: Vec<f32> = pane.shifted().iter().map(|z| *z as f32).collect();
    let name = |(name, masked): (String, &bool)| if *masked { format!("{name} x") } else { name };
    let rows = names(scores.len()).zip(&pane.masked).map(name);
    let rows = rows.chain(["sum".to_owned(), "all".to_owned()]);
    let seen = |score: (&f32, &bool)| {
        let role = if *score.1 { Role::Muted } else { Role::Text };
        (logit(f64::from(*score.0)), role)
    };
    let mut columns = vec![
        Column::new("", Cells::words(rows)),
        Column::new("score", Cells::Numbers(scores.iter().zip(&pane.masked).map(seen).collect())),
    ];
    let everything = vec![true; scores.len()];
    for way in Way::ALL {
        let p = weights(&scores, &pane.masked, way);
        let sum: f32 = p.iter().sum();
        // All weights of such a row are alike.
        let of_none = weights(&scores, &everything, way).first().copied();
        let leaks = |masked: bool, p: f32| masked && p != 0.0;
        let marked = |p: f32, bad: bool| (float(p), if bad { Role::Bad } else { Role::Text });
        let cells = p.iter().zip(&pane.masked).map(|(p, masked)| marked(*p, leaks(*masked, *p)));
        let cells = cells.chain([marked(sum, sum.is_nan() || (sum - 1.0).abs() > 1e-5)]);
        let cells = cells.chain(of_none.map(|p| marked(p, p != 0.0)));
        columns.push(Column::new(head(way), Cells::Numbers(cells.collect())));
    }
    let said = vec![
        "x masks the score under the cursor. Row all: a weight when every score is masked."
            .to_owned(),
        "-inf: e^-inf is 0, but -inf less -inf is NaN. -1e9: all equal, so all are seen."
            .to_owned(),
        "0 is a score like any other. After the softmax the rest sum to less than 1; / sum mends it."
            .to_owned(),
    ];
    (Columns { theme: facts.theme, columns, cursor: Some(pane.chosen), foot: 2 }, said)
}
