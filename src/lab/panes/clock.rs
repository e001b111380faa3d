//! How long the run has still to go.

use ratatui::buffer::Buffer;

use crate::lab::facts::Facts;
use crate::lab::number;
use crate::lab::pane::{Pane, Seat};
use crate::lab::pen::sentence;

#[derive(Debug, Default)]
pub struct Clock;

impl Pane for Clock {
    fn title(&self) -> &'static str {
        "Clock"
    }

    fn about(&self, _facts: &Facts, _seat: Seat) -> String {
        "how long the run has still to go".to_owned()
    }

    fn draw(&self, facts: &Facts, seat: Seat, buf: &mut Buffer) {
        let left = facts.run.and_then(|run| run.seconds_left());
        let text = left.map_or_else(|| "it does not train".to_owned(), number::duration);
        sentence(facts.theme, &text, seat.room, buf);
    }
}
