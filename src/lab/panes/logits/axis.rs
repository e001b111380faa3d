//! A matrix of scores, its softmax over each row (over what a query may choose from), and, which is wrong, over each column.

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use ratatui::widgets::Widget;

use super::{Logits, TIME, float, logit};
use crate::lab::facts::Facts;
use crate::lab::pen::put;
use crate::lab::theme::{Role, Theme};
use crate::lab::widgets::columns::{Cells, Column, Columns};
use crate::lab::widgets::notes::notes;
use crate::math::plain::softmax;

/// The scores that the softmax sees.
fn seen(pane: &Logits) -> Vec<f64> {
    let future = |i: usize| pane.causal && i % TIME > i / TIME;
    let score = |(i, score): (usize, &f64)| if future(i) { f64::NEG_INFINITY } else { *score };
    pane.scores.iter().enumerate().map(score).collect()
}

fn transposed(x: &[f64]) -> Vec<f64> {
    (0..x.len()).map(|i| x[i % TIME * TIME + i / TIME]).collect()
}

pub fn over_rows(scores: &[f64]) -> Vec<f64> {
    softmax::forward(scores, TIME)
}

pub fn over_columns(scores: &[f64]) -> Vec<f64> {
    transposed(&softmax::forward(&transposed(scores), TIME))
}

/// A matrix with what its rows and columns sum to, if that is worth knowing.
fn matrix<'a>(
    theme: &'a Theme,
    values: &[f64],
    cell: Option<usize>,
    write: fn(f64) -> String,
    sums: bool,
) -> Columns<'a> {
    let row = |t: usize| values[t * TIME..(t + 1) * TIME].iter().sum::<f64>();
    let column = |s: usize| (0..TIME).map(|t| values[t * TIME + s]).sum::<f64>();
    let marked = |sum: f64| {
        let whole = (sum - 1.0).abs() < 1e-9;
        (write(sum), if whole { Role::Good } else { Role::Warning })
    };
    let labels = (1..=TIME).map(|t| t.to_string());
    let labels = labels.chain(sums.then(|| "sum".to_owned()));
    let labels = labels.map(|label| (label, Role::Time)).collect();
    let mut columns = vec![Column::new("", Cells::Words(labels))];
    for s in 0..TIME {
        let chosen = |t: usize| cell == Some(t * TIME + s);
        let cells = (0..TIME).map(|t| {
            let role = if chosen(t) { Role::Selected } else { Role::Text };
            (write(values[t * TIME + s]), role)
        });
        let cells = cells.chain(sums.then(|| marked(column(s)))).collect();
        let mut column = Column::new((s + 1).to_string(), Cells::Numbers(cells));
        column.role = Role::Time;
        columns.push(column);
    }
    if sums {
        columns
            .push(Column::new("sum", Cells::Numbers((0..TIME).map(|t| marked(row(t))).collect())));
    }
    Columns { theme, columns, cursor: cell.map(|cell| cell / TIME), foot: usize::from(sums) }
}

fn share(p: f64) -> String {
    float(p as f32)
}

fn score(z: f64) -> String {
    if z.is_finite() { logit(z) } else { float(z as f32) }
}

/// The width of the widest matrix, with the gap after it.
const WIDTH: u16 = 42;

/// Where the three of them stand, below a line each; those without room are left out whole.
fn places(area: Rect) -> Vec<Rect> {
    let heights = [TIME as u16 + 2, TIME as u16 + 3, TIME as u16 + 3];
    let beside = (area.width + 2) / WIDTH;
    let mut places: Vec<Rect> = Vec::new();
    let (mut x, mut y) = (area.x, area.y);
    for (i, height) in heights.into_iter().enumerate() {
        if i > 0 && beside >= 3 {
            x += WIDTH;
        } else if i > 0 {
            y += heights[i - 1];
        }
        if y + height > area.bottom() {
            break;
        }
        let width = if beside >= 3 { WIDTH - 2 } else { area.width };
        places.push(Rect::new(x, y, width, height));
    }
    places
}

fn matrices<'a>(pane: &Logits, theme: &'a Theme) -> [(&'static str, Columns<'a>); 3] {
    let scores = seen(pane);
    [
        ("scores: query down, key across", matrix(theme, &scores, Some(pane.cell), score, false)),
        ("over each row: right", matrix(theme, &over_rows(&scores), None, share, true)),
        ("over each column: wrong", matrix(theme, &over_columns(&scores), None, share, true)),
    ]
}

pub fn draw(pane: &Logits, facts: &Facts, area: Rect, buf: &mut Buffer) {
    let theme = facts.theme;
    let places = places(area);
    let mut bottom = area.y;
    for ((title, table), place) in matrices(pane, theme).iter().zip(&places) {
        put(buf, *place, place.x, place.y, title, theme.style(Role::Heading));
        table.render(Rect { y: place.y + 1, height: place.height - 1, ..*place }, buf);
        bottom = bottom.max(place.bottom());
    }
    let below = Rect { y: bottom, height: area.bottom().saturating_sub(bottom), ..area };
    let mut said = Vec::new();
    if let Some(text) = &pane.refused {
        said.push((format!("{text:?} is no number."), Role::Bad));
    }
    if places.len() < 3 {
        said.push(("No room for all: z zooms.".to_owned(), Role::Muted));
    }
    let mask = if pane.causal { "x takes the causal mask away" } else { "x masks the future" };
    said.push((format!("Arrows choose and move a score; {mask}."), Role::Text));
    let wrong = "A query's weights must sum to 1. Over columns each key is shared out among the queries, later ones too: a weight then tells of the future.";
    said.push((wrong.to_owned(), Role::Text));
    notes(theme, &said, below, buf);
}

/// The score under a position of the screen.
pub fn at(pane: &Logits, facts: &Facts, area: Rect, at: Position) -> Option<usize> {
    let place = *places(area).first()?;
    let [(_, table), ..] = matrices(pane, facts.theme);
    let below = Rect { y: place.y + 1, height: place.height - 1, ..place };
    let row = table.at(below, at)?;
    let column = table.column_at(below, at)?.checked_sub(1)?;
    Some(row * TIME + column)
}
