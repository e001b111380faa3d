//! Three steps: a number of any size, its exponential, its share of the sum; with temperature, top-k and top-p as they are
//! drawn with.

use super::{Logits, logit, names_and_sum, share};
use crate::lab::facts::Facts;
use crate::lab::number::{setting, value};
use crate::lab::theme::Role;
use crate::lab::widgets::columns::{Cells, Column, Columns};
use crate::math::Real;
use crate::model::sampling::{Candidate, Sampling, distribution};

/// What is drawn from, in the order of the logits.
pub fn candidates(z: &[f64], sampling: &Sampling) -> Vec<Candidate> {
    let z: Vec<Real> = z.iter().map(|z| *z as Real).collect();
    let mut table = distribution(&z, sampling);
    table.sort_by_key(|candidate| candidate.token);
    table
}

pub fn table<'a>(pane: &Logits, facts: &Facts<'a>) -> (Columns<'a>, Vec<String>) {
    let sampling = &pane.sampling;
    let z = pane.shifted();
    let all = candidates(&z, sampling);
    let exponential = |c: &Candidate| if c.kept { c.scaled.exp() } else { 0.0 };
    let exponentials: f64 = all.iter().map(exponential).sum();
    let together: f64 = all.iter().map(|c| c.probability).sum();
    // At temperature 0 nothing is divided: the largest is taken.
    let divided = sampling.temperature != 1.0 && sampling.temperature != 0.0;
    let cut = all.iter().any(|c| !c.kept);

    let mut columns = vec![
        Column::new("", Cells::words(names_and_sum(z.len()))),
        Column::new("z", Cells::numbers(z.iter().map(|z| logit(*z)))),
    ];
    if divided {
        let head = format!("z/{}", setting(sampling.temperature));
        columns.push(Column::new(head, Cells::numbers(all.iter().map(|c| value(c.scaled)))));
    }
    let powers = all.iter().map(|c| if c.kept { value(exponential(c)) } else { "cut".to_owned() });
    let powers = powers.chain([value(exponentials)]);
    let head =
        if divided { format!("e^(z/{})", setting(sampling.temperature)) } else { "e^z".to_owned() };
    columns.push(Column::new(head, Cells::numbers(powers)));
    let shares =
        all.iter().map(|c| (share(c.probability), if c.kept { Role::Text } else { Role::Muted }));
    let shares = shares.chain([(share(together), Role::Text)]).collect();
    columns.push(Column::new("p", Cells::Numbers(shares)));
    columns.push(Column::new("", Cells::bars(all.iter().map(|c| c.probability))));

    let mut said = Vec::new();
    let unshifted = candidates(&pane.z, sampling);
    if pane.shift == 0.0 {
        said.push("- and = shift all logits: watch e^z, and p.".to_owned());
    } else {
        let pairs = all.iter().zip(&unshifted);
        let moved = pairs.map(|(a, b)| (a.probability - b.probability).abs()).fold(0.0, f64::max);
        said.push(format!(
            "All logits {:+}: every e^z is times e^{} = {}, and no p moved by more than {moved:.0e}.",
            pane.shift,
            setting(pane.shift),
            value(pane.shift.exp()),
        ));
    }
    let kept = all.iter().filter(|c| c.kept).count();
    if cut {
        said.push(format!("{kept} of {} are kept; the others get p 0.", all.len()));
    }
    said.push(
        "p = e^z / sum: each from 0 to 1, together 1, in the order of the logits.".to_owned(),
    );
    said.push("Arrows choose and move a logit, enter types it, home sets all back.".to_owned());
    (Columns { theme: facts.theme, columns, cursor: Some(pane.chosen), foot: 1 }, said)
}
