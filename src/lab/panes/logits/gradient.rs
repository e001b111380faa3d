//! What cross-entropy says to each logit: the probability it was given, less 1 if its token came.

use super::{Logits, logit, names_and_sum, share};
use crate::lab::facts::Facts;
use crate::lab::theme::Role;
use crate::lab::widgets::columns::{Cells, Column, Columns};
use crate::math::plain::{cross_entropy, softmax};

pub fn table<'a>(pane: &Logits, facts: &Facts<'a>) -> (Columns<'a>, Vec<String>) {
    let z = pane.shifted();
    let p = softmax::forward(&z, z.len());
    let loss = cross_entropy::forward(&z, &[pane.target], z.len(), 0.0);
    let gradient = cross_entropy::backward(&z, &[pane.target], z.len(), 0.0);
    let wanted = |i: usize| if i == pane.target { "1" } else { "0" };
    let sum: f64 = gradient.iter().sum();
    // Of all of them, so that a rounded 0 is not taken for one.
    let sign =
        |g: f64| if g.abs() < 1e-4 && g != 0.0 { format!("{g:+.0e}") } else { format!("{g:+.6}") };
    let mark = |i: usize| if i == pane.target { Role::Accent } else { Role::Text };
    let targets: Vec<_> = (0..z.len())
        .map(|i| (wanted(i).to_owned(), mark(i)))
        .chain([("1".to_owned(), Role::Text)])
        .collect();
    let columns = vec![
        Column::new("", Cells::words(names_and_sum(z.len()))),
        Column::new("z", Cells::numbers(z.iter().map(|z| logit(*z)))),
        Column::new("p", Cells::numbers(p.iter().copied().chain([p.iter().sum()]).map(share))),
        Column::new("y", Cells::Numbers(targets)),
        Column::new("p - y", Cells::numbers(gradient.iter().copied().chain([sum]).map(sign))),
        Column::new("", Cells::bars(gradient.iter().map(|g| g.abs()))),
    ];
    let name = char::from(b'a' + pane.target as u8);
    let said = vec![
        format!("{name} came: loss -ln p = {loss:.3} nats; x makes another logit the target."),
        "A step of descent lifts the target and lowers the others, as much as they were believed; together nothing moves: the sum is 0.".to_owned(),
    ];
    (Columns { theme: facts.theme, columns, cursor: Some(pane.chosen), foot: 1 }, said)
}
