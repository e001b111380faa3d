//! What the learner has chosen to see of the tables.

use std::sync::Arc;

use super::tables::{Rows, of_positions, positions, predicts, tokens};
use crate::lab::facts::Facts;
use crate::lab::provenance::Walk;
use crate::lab::theme::{Role, class};
use crate::math::pca;
use crate::train::snapshot::Snapshot;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum View {
    /// The tokens on the plane in which their vectors vary most.
    #[default]
    Map,
    /// The tokens nearest to one, by cosine.
    Neighbours,
    /// The token table itself.
    Table,
    /// Softmax of the table's rows, where these are logits.
    Probabilities,
    /// The position table.
    Positions,
}

impl View {
    pub fn name(self) -> &'static str {
        match self {
            Self::Map => "map",
            Self::Neighbours => "neighbours",
            Self::Table => "table",
            Self::Probabilities => "softmax of rows",
            Self::Positions => "positions",
        }
    }

    pub fn is_table(self) -> bool {
        matches!(self, Self::Table | Self::Probabilities | Self::Positions)
    }
}

/// The pane's state.
#[derive(Debug, Default)]
pub struct Embeddings {
    pub view: View,
    /// The token looked at; `None`: the prompt's last one.
    pub token: Option<usize>,
    /// Another token, whose nearness to that one is told.
    pub compared: Option<usize>,
    /// What was looked for and is not there.
    pub missed: Option<String>,
    /// The column under the cursor of a table.
    pub column: usize,
    /// The position looked at; `None`: the prompt's last one.
    pub position: Option<usize>,
    pub projection: Option<pca::Projection>,
    /// What the projection was computed from.
    pub source: Option<Arc<Snapshot>>,
    /// Where the number under the cursor comes from, while that is asked.
    pub walk: Walk,
}

/// The views that the stage has.
pub fn views(facts: &Facts) -> &'static [View] {
    const ALL: &[View] = &[View::Map, View::Neighbours, View::Table, View::Positions];
    const PREDICTS: &[View] = &[View::Map, View::Neighbours, View::Table, View::Probabilities];
    match of_positions(facts) {
        _ if predicts(facts) => PREDICTS,
        None => &ALL[..3],
        Some(_) => ALL,
    }
}

impl Embeddings {
    /// The view chosen, if the stage has it.
    pub fn view(&self, facts: &Facts) -> View {
        let chosen = self.view;
        if views(facts).contains(&chosen) { chosen } else { View::Map }
    }

    /// The token looked at, of `count`.
    pub fn token(&self, facts: &Facts, count: usize) -> usize {
        let last = facts.subject().last().map_or(0, |&token| token as usize);
        self.token.unwrap_or(last).min(count.saturating_sub(1))
    }

    /// The position looked at, of `count`.
    pub fn position(&self, facts: &Facts, count: usize) -> usize {
        let last = facts.subject().len().saturating_sub(1);
        self.position.unwrap_or(last).min(count.saturating_sub(1))
    }

    /// The table on the screen.
    pub fn rows<'a>(&self, facts: &Facts<'a>) -> Option<Rows<'a>> {
        if self.view(facts) == View::Positions { positions(facts) } else { tokens(facts) }
    }
}

/// The role of a token's class.
pub fn role(facts: &Facts, token: usize) -> Role {
    facts.character(token as u32).map_or(Role::Muted, class)
}
