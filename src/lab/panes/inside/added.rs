//! Rows of embeddings that are added to each other, as bars on one scale: whichever is far longer is all that is heard.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use unicode_width::UnicodeWidthStr;

use crate::lab::facts::Facts;
use crate::lab::number;
use crate::lab::pen::put;
use crate::lab::theme::Role;
use crate::lab::widgets::bar::bar;
use crate::model::card::{Op, Part};
use crate::model::kind::kind;
use crate::probe::sizes;

/// Columns of a size and the spaces around it.
const NUMBER: u16 = 9;
/// A shorter bar tells nothing.
const SHORTEST: u16 = 4;

/// What goes into one sum.
#[derive(Clone, Debug, PartialEq)]
pub struct Sum {
    /// The activation that holds it.
    pub name: String,
    pub rows: Vec<Row>,
}

/// Rows of one table at the places that are looked at.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    pub title: String,
    pub rms: f64,
    /// Of the largest of all that are shown.
    pub share: f64,
    /// Whether it is so in the model as it is; otherwise it is what a switch would make of it.
    pub real: bool,
}

/// Every sum of nothing but embeddings whose sizes are known.
pub fn sums(facts: &Facts) -> Vec<Sum> {
    let known = facts.card().zip(facts.snapshot.and_then(|s| s.reading(sizes::INSTRUMENT.name)));
    let Some((card, reading)) = known else { return Vec::new() };
    let mut sums = Vec::new();
    for sum in card.flow.iter().filter(|part| part.op == Op::Add && part.from.len() > 1) {
        let parts = sum.from.iter().filter_map(|name| card.part(name));
        let sized = parts.filter(|part| part.op == Op::Embedding);
        let sized: Vec<_> =
            sized.filter_map(|part| Some((part, reading.figure(&part.name)?))).collect();
        if sized.len() < sum.from.len() {
            continue;
        }
        let rows = sized.into_iter().flat_map(|(part, rms)| {
            let row =
                |title: &str, rms, real| Row { title: title.to_owned(), rms, share: 0.0, real };
            let other =
                switched(facts, part).map(|(title, factor)| row(title, factor * rms, false));
            std::iter::once(row(&part.title, rms, true)).chain(other)
        });
        sums.push(Sum { name: sum.name.clone(), rows: rows.collect() });
    }
    let sizes = sums.iter().flat_map(|sum| &sum.rows).map(|row| row.rms);
    let most = sizes.filter(|rms| rms.is_finite()).fold(0.0, f64::max);
    for row in sums.iter_mut().flat_map(|sum| &mut sum.rows) {
        row.share = if most > 0.0 { row.rms / most } else { 0.0 };
    }
    sums
}

/// How much larger rows of a learned table would be if the factor were as it is not, where the model knows one: the factor is
/// the root of the width, so this is exact.
fn switched(facts: &Facts, part: &Part) -> Option<(&'static str, f64)> {
    let config = &facts.run?.config.model;
    let has_factor = kind(config.architecture).hyperparameters.contains(&"scale_embeddings");
    let root = (config.n_embd as f64).sqrt();
    let learned = !part.weights.is_empty();
    (has_factor && learned).then_some(if config.scale_embeddings {
        ("without the factor", root.recip())
    } else {
        ("with x sqrt(C)", root)
    })
}

pub fn draw(facts: &Facts, own: &Row, names: u16, row: Rect, buf: &mut Buffer) {
    let theme = facts.theme;
    let role = if own.real { Role::Text } else { Role::Muted };
    put(buf, row, row.x, row.y, &own.title, theme.style(role));
    if row.width < names + NUMBER - 1 {
        return;
    }
    let size = number::within(own.rms, usize::from(NUMBER) - 2, number::value);
    let size = format!("{size:>width$}", width = usize::from(NUMBER) - 1);
    put(buf, row, row.x + names, row.y, &size, theme.style(role));
    let room = row.width.saturating_sub(names + NUMBER);
    if room >= SHORTEST {
        let bar = bar(own.share, room.into(), &theme.glyphs);
        let role = if own.real { Role::Accent } else { Role::Muted };
        put(buf, row, row.x + names + NUMBER, row.y, &bar, theme.style(role));
    }
}

/// Columns of the longest title.
pub fn names(sums: &[Sum]) -> u16 {
    let titles = sums.iter().flat_map(|sum| &sum.rows).map(|row| row.title.width());
    titles.max().unwrap_or(0) as u16
}
