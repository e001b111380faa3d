//! What is under the cursor as a number that may be asked for its origin: a cell of a table, or on the map and among
//! neighbours the length of a token's row.

use super::chosen::{Embeddings, View};
use super::tables::{of_positions, of_tokens};
use crate::lab::facts::Facts;
use crate::lab::provenance::Number;

impl Embeddings {
    /// `None` until the table is there.
    pub fn number(&self, facts: &Facts) -> Option<Number> {
        let (rows, view) = (self.rows(facts)?, self.view(facts));
        let positions = view == View::Positions;
        let table = if positions { of_positions(facts) } else { of_tokens(facts) }?;
        let row = if positions {
            self.position(facts, rows.count)
        } else {
            self.token(facts, rows.count)
        };
        let column = self.column.min(rows.columns - 1);
        let (name, learned) = (table.name.clone(), table.learned);
        Some(match view {
            View::Map | View::Neighbours => Number::Length { table: name, learned, row },
            View::Probabilities => Number::Share { table: name, row, column },
            _ if learned => Number::parameter(name, &[row, column]),
            _ => Number::activation(name, &[row, column]),
        })
    }
}
