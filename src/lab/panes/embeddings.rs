//! The embeddings pane: the token table as a map, by its neighbours and as it is, and the position table.

mod neighbours;
mod scatter;
mod table;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use ratatui::widgets::{Paragraph, Widget, Wrap};

use super::Look;
use crate::lab::action::Action;
use crate::lab::model::{Effect, Model};
use crate::lab::theme::Role;
use crate::math::pca;
use crate::model::config::{self, Architecture};
use crate::train::Subscription;
use crate::train::snapshot::{Snapshot, Tensor};

const TOKENS: &str = "token_embedding_table.weight";
/// Encoder-decoder: what the decoder reads.
const TARGET_TOKENS: &str = "target_embedding.weight";
const LEARNED: &str = "position_embedding_table.weight";
/// The positions of the prompt, where they are not learned.
const FIXED: &str = "embedding.position";
/// Rows that a page up or down moves over.
const PAGE: usize = 8;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum View {
    /// The tokens on the plane in which their vectors vary most.
    #[default]
    Map,
    /// The tokens nearest to one, by cosine.
    Neighbours,
    /// The token table itself.
    Table,
    /// Bigram: softmax of the table's rows.
    Probabilities,
    /// The position table.
    Positions,
}

impl View {
    fn name(self) -> &'static str {
        match self {
            Self::Map => "map",
            Self::Neighbours => "neighbours",
            Self::Table => "table",
            Self::Probabilities => "softmax of rows",
            Self::Positions => "positions",
        }
    }

    fn is_table(self) -> bool {
        matches!(self, Self::Table | Self::Probabilities | Self::Positions)
    }
}

#[derive(Debug, Default)]
pub struct State {
    view: View,
    /// The token looked at; `None`: the prompt's last one.
    token: Option<usize>,
    /// The column under the cursor of a table.
    column: usize,
    /// The position looked at; `None`: the prompt's last one.
    position: Option<usize>,
    projection: Option<pca::Projection>,
    /// What the projection was computed from.
    source: Option<Arc<Snapshot>>,
}

/// A table (rows, columns), row-major.
#[derive(Clone, Copy, Debug)]
struct Rows<'a> {
    values: &'a [f32],
    count: usize,
    columns: usize,
}

impl<'a> Rows<'a> {
    fn of(tensor: &'a Tensor) -> Option<Self> {
        let &[count, columns] = tensor.shape.as_slice() else { return None };
        let whole = count > 0 && columns > 0 && tensor.values.len() == count * columns;
        whole.then_some(Self { values: &tensor.values, count, columns })
    }

    fn row(&self, index: usize) -> &'a [f32] {
        &self.values[index * self.columns..(index + 1) * self.columns]
    }
}

fn config(model: &Model) -> Option<&config::Config> {
    Some(&model.run.as_ref()?.config.model)
}

fn has_positions(config: &config::Config) -> bool {
    config.model == Architecture::Gpt && config.position != config::Position::None
}

/// The name of the table of tokens; `None` where there is no such table.
fn table_name(config: &config::Config) -> Option<&'static str> {
    match config.model {
        Architecture::EncoderDecoder => Some(TARGET_TOKENS),
        Architecture::Vae | Architecture::Gan | Architecture::Memory => None,
        _ => Some(TOKENS),
    }
}

/// Why a model has no one table of tokens.
fn why_none(config: &config::Config) -> Option<&'static str> {
    match config.model {
        Architecture::Vae => Some("A VAE reads pixels: there are no tokens and no table of them."),
        Architecture::Gan => Some("A GAN reads points: there are no tokens and no table of them."),
        Architecture::Memory => Some(
            "A memory network has a table for every hop and one more, not one that says what a token is.",
        ),
        _ => None,
    }
}

fn is_bigram(model: &Model) -> bool {
    config(model).is_some_and(|c| c.model == Architecture::Bigram)
}

fn tokens(model: &Model) -> Option<Rows<'_>> {
    Rows::of(model.snapshot()?.parameter(table_name(config(model)?)?)?)
}

fn positions(model: &Model) -> Option<Rows<'_>> {
    let snapshot = model.snapshot()?;
    let fixed = config(model)?.position == config::Position::Sinusoidal;
    Rows::of(if fixed { snapshot.activation(FIXED) } else { snapshot.parameter(LEARNED) }?)
}

/// The views that the stage has.
fn views(model: &Model) -> &'static [View] {
    const GPT: &[View] = &[View::Map, View::Neighbours, View::Table, View::Positions];
    const BIGRAM: &[View] = &[View::Map, View::Neighbours, View::Table, View::Probabilities];
    match config(model) {
        Some(c) if c.model == Architecture::Bigram => BIGRAM,
        Some(c) if !has_positions(c) => &GPT[..3],
        _ => GPT,
    }
}

/// The view chosen, if the stage has it.
fn view(model: &Model) -> View {
    let chosen = model.panes.embeddings.view;
    if views(model).contains(&chosen) { chosen } else { View::Map }
}

/// The token looked at, of `count`.
fn token(model: &Model, count: usize) -> usize {
    let last = model.subject().last().map_or(0, |&token| token as usize);
    model.panes.embeddings.token.unwrap_or(last).min(count.saturating_sub(1))
}

/// The position looked at, of `count`.
fn position(model: &Model, count: usize) -> usize {
    let last = model.subject().len().saturating_sub(1);
    model.panes.embeddings.position.unwrap_or(last).min(count.saturating_sub(1))
}

/// The table on the screen.
fn rows(model: &Model) -> Option<Rows<'_>> {
    if view(model) == View::Positions { positions(model) } else { tokens(model) }
}

pub fn detail(model: &Model) -> String {
    match rows(model) {
        Some(rows) => {
            let sign = if model.theme.glyphs.ascii { "x" } else { "×" };
            format!("{} · {} {sign} {}", view(model).name(), rows.count, rows.columns)
        }
        None => String::new(),
    }
}

pub fn about(model: &Model) -> String {
    match config(model) {
        Some(config) if why_none(config).is_some() => return "no table of tokens".to_owned(),
        Some(config) if config.model == Architecture::EncoderDecoder => {
            return "tokens of the target, by their vectors".to_owned();
        }
        _ => {}
    }
    match (view(model), is_bigram(model)) {
        (View::Map, false) => "tokens by their vectors (PCA)",
        (View::Map, true) => "tokens by what follows them (PCA)",
        (View::Neighbours, false) => "whose vectors point the same way",
        (View::Neighbours, true) => "followed by the same tokens",
        (View::Table, false) => "row: a token, column: a channel",
        (View::Table, true) => "row: this token, column: logit of next",
        (View::Probabilities, _) => "row: this token, column: p of next",
        (View::Positions, _) => "row: a position, column: a channel",
    }
    .to_owned()
}

pub fn draw(model: &Model, _look: Look, area: Rect, buf: &mut Buffer) {
    let shown = match (view(model), tokens(model)) {
        (View::Map, Some(rows)) => scatter::draw(model, &rows, area, buf),
        (View::Neighbours, Some(rows)) => {
            neighbours::draw(model, &rows, area, buf);
            true
        }
        (View::Positions, _) => {
            let rows = positions(model);
            if let Some(rows) = &rows {
                table::draw(model, View::Positions, rows, area, buf);
            }
            rows.is_some()
        }
        (view, Some(rows)) => {
            table::draw(model, view, &rows, area, buf);
            true
        }
        _ => false,
    };
    if !shown {
        let text = if let Some(why) = config(model).and_then(why_none) {
            why
        } else if tokens(model).is_some() && view(model) == View::Map {
            "The table has numbers that are not finite: there is no map of it."
        } else {
            "Every token's vector is shown with the first step."
        };
        Paragraph::new(text)
            .wrap(Wrap { trim: true })
            .style(model.theme.style(Role::Muted))
            .render(area, buf);
    }
}

/// From a place in a list of `count` to where the action leads, or `None` if it leads nowhere.
fn step(at: usize, count: usize, action: Action) -> Option<usize> {
    let last = count.saturating_sub(1);
    Some(match action {
        Action::Up => at.saturating_sub(1),
        Action::Down => (at + 1).min(last),
        Action::PageUp => at.saturating_sub(PAGE),
        Action::PageDown => (at + PAGE).min(last),
        Action::Home => 0,
        Action::End => last,
        _ => return None,
    })
}

pub fn update(model: &mut Model, action: Action) -> Vec<Effect> {
    let view = view(model);
    if action == Action::CycleView {
        let views = views(model);
        let at = views.iter().position(|v| *v == view).unwrap_or(0);
        model.panes.embeddings.view = views[(at + 1) % views.len()];
        refresh(model);
        return Vec::new();
    }
    let Some(rows) = rows(model) else { return Vec::new() };
    let (count, columns) = (rows.count, rows.columns);
    let along = match action {
        Action::Left => Some(Action::Up),
        Action::Right => Some(Action::Down),
        _ => None,
    };
    let (token, position) = (token(model, count), position(model, count));
    let state = &mut model.panes.embeddings;
    match (along, view.is_table()) {
        (Some(along), true) => {
            state.column = step(state.column, columns, along).unwrap_or(state.column);
        }
        (along, _) if view != View::Positions => {
            state.token = step(token, count, along.unwrap_or(action)).or(state.token);
        }
        _ => state.position = step(position, count, action).or(state.position),
    }
    Vec::new()
}

pub fn click(model: &mut Model, area: Rect, at: Position) -> Vec<Effect> {
    let view = view(model);
    let Some(rows) = rows(model) else { return Vec::new() };
    match view {
        View::Map => {
            let token = scatter::token_at(model, area, at);
            let state = &mut model.panes.embeddings;
            state.token = token.or(state.token);
        }
        View::Neighbours => {
            let token = neighbours::token_at(model, &rows, area, at);
            let state = &mut model.panes.embeddings;
            state.token = token.or(state.token);
        }
        View::Table | View::Probabilities | View::Positions => {
            if let Some((row, column)) = table::grid(model, view, &rows, area).at(at) {
                let state = &mut model.panes.embeddings;
                state.column = column;
                let row_of =
                    if view == View::Positions { &mut state.position } else { &mut state.token };
                *row_of = Some(row);
            }
        }
    }
    Vec::new()
}

pub fn subscribe(model: &Model, wanted: &mut Subscription) {
    let Some(name) = config(model).and_then(table_name) else { return };
    wanted.parameters.push(name.to_owned());
    if view(model) == View::Positions {
        if config(model).is_some_and(|c| c.position == config::Position::Sinusoidal) {
            wanted.activations.push(FIXED.to_owned());
        } else {
            wanted.parameters.push(LEARNED.to_owned());
        }
    }
}

pub fn refresh(model: &mut Model) {
    let columns = rows(model).map_or(0, |rows| rows.columns);
    let source = model.snapshot().and(model.snapshot.clone());
    let state = &mut model.panes.embeddings;
    state.column = state.column.min(columns.saturating_sub(1));
    if let (Some(old), Some(new)) = (&state.source, &source)
        && Arc::ptr_eq(old, new)
    {
        return;
    }
    let before = model.panes.embeddings.projection.take();
    let after = tokens(model).and_then(|t| pca::project(t.values, t.columns, before.as_ref()));
    model.panes.embeddings.projection = after;
    model.panes.embeddings.source = source;
}
