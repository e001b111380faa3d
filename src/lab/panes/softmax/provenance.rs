//! The table as a number that may be asked for its origin: the sum of all that may come.

use super::Next;
use crate::lab::provenance::Number;

impl Next<'_> {
    pub fn number(&self) -> Number {
        Number::Chances { row: self.position - self.first }
    }
}
