//! The compare pane: the last experiment, every arm's curve over its seeds, and what they say together; of arms that differ in
//! one number along several lines (how far back, by architecture), first a table of them.

mod along;
mod chart;
mod clouds;
mod names;
mod numbers;
#[cfg(test)]
mod tests;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;

use crate::lab::action::Action;
use crate::lab::experiment::{Purpose, Shown, State};
use crate::lab::facts::Facts;
use crate::lab::pane::{Pane, Seat, Wish};
use crate::lab::pen::sentence;
use crate::lab::theme::{Role, Theme};
use crate::lab::widgets::dots::Pen;
use along::Along;
use chart::Chart;

/// Rows that a chart needs; what is said in words leaves them free where there is room for both.
const CHART: u16 = 7;
/// Rows that the points of the arms need, with the line above them.
const CLOUDS: u16 = clouds::SMALLEST.1 + 1;
/// From so many rows on there is a chart before there is every number.
const BOTH: u16 = 12;

/// The pane's state.
#[derive(Debug, Default)]
pub struct Compare {
    view: View,
}

/// In the order in which they follow each other.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum View {
    /// The table, where there is one; else the curves.
    #[default]
    First,
    /// The curves where a table came before them.
    Curves,
    /// The second half of the curves, enlarged.
    Close,
    /// In the curves' place what the arms make, where that is points.
    Points,
}

impl Compare {
    /// The table, where that is what is seen.
    fn table(&self, shown: &Shown) -> Option<Along> {
        (self.view == View::First).then(|| Along::of(&shown.experiment)).flatten()
    }
}

impl Pane for Compare {
    fn title(&self) -> &'static str {
        "Compare"
    }

    fn detail(&self, facts: &Facts) -> String {
        let Some(shown) = facts.experiment else { return String::new() };
        let why = match shown.why {
            Purpose::Claim(_) => "claim",
            Purpose::Race(_) => "race",
            Purpose::Prediction(_) => "prediction",
            Purpose::FromHere => "from here",
        };
        let state = match &shown.state {
            State::Running => format!("{:.0} %", 100.0 * shown.done),
            State::Ended => "ended".to_owned(),
            State::Cancelled => "cancelled".to_owned(),
            State::Failed(_) => "failed".to_owned(),
        };
        let view = match self.view {
            View::Close => " · close-up".to_owned(),
            View::Points => " · points".to_owned(),
            _ => {
                self.table(shown).map_or_else(String::new, |along| format!(" · by {}", along.name))
            }
        };
        format!("{why} · {state}{view}")
    }

    fn about(&self, facts: &Facts, seat: Seat) -> String {
        let Some(shown) = facts.experiment else { return "many runs as one".to_owned() };
        let (arms, seeds) = (shown.experiment.arms.len(), shown.experiment.seeds.len());
        let short = format!("arms {arms} x seeds {seeds}");
        let long = format!("{short}; line: mean over seeds, dots: lowest to highest");
        if shown.experiment.watched && long.chars().count() + 2 <= usize::from(seat.room.width) {
            long
        } else {
            short
        }
    }

    fn shows_experiments(&self) -> bool {
        true
    }

    fn draw(&self, facts: &Facts, seat: Seat, buf: &mut Buffer) {
        let area = seat.room;
        let Some(shown) = facts.experiment else {
            let text =
                "No experiment yet: ! on a claim starts one, and c on a live hyperparameter.";
            return sentence(facts.theme, text, area, buf);
        };
        if let Some(along) = self.table(shown) {
            let rows = along.draw(facts.theme, shown, area, buf);
            let left = area.height - rows;
            if left > 1 {
                let below = Rect { y: area.y + rows + 1, height: left - 1, ..area };
                numbers::state(facts.theme, shown, below, buf);
            }
            return;
        }
        let room = if area.height >= BOTH { area.height - CHART } else { area.height };
        let rows = numbers::draw(facts.theme, shown, Rect { height: room, ..area }, None);
        let left = area.height - rows;
        let below = Rect { y: area.y + left, height: rows, ..area };
        let above = Rect { height: left, ..area };
        if self.view == View::Points && left >= CHART {
            clouds::draw(facts.theme, shown, above, buf);
            numbers::draw(facts.theme, shown, below, Some(buf));
            return;
        }
        // Where there is room for both, the points stand under the curves that look alike.
        let under = if clouds::are_known(shown) && left >= CHART + CLOUDS {
            (left / 2).max(CLOUDS)
        } else {
            0
        };
        let curves = Rect { height: left - under, ..area };
        match Chart::new(shown, facts.theme, self.view == View::Close, curves) {
            Some(chart) if left >= CHART => {
                chart.draw(buf);
                if under > 0 {
                    let at = Rect { y: curves.bottom(), height: under, ..area };
                    clouds::draw(facts.theme, shown, at, buf);
                }
                numbers::draw(facts.theme, shown, below, Some(buf));
            }
            _ => {
                numbers::draw(facts.theme, shown, Rect { height: rows, ..area }, Some(buf));
            }
        }
    }

    fn act(&mut self, facts: &Facts, _seat: Seat, action: Action) -> Vec<Wish> {
        if action == Action::CycleView {
            let table =
                facts.experiment.is_some_and(|shown| Along::of(&shown.experiment).is_some());
            let points = facts.experiment.is_some_and(clouds::are_known);
            self.view = match self.view {
                View::First if table => View::Curves,
                View::First | View::Curves => View::Close,
                View::Close if points => View::Points,
                View::Close | View::Points => View::First,
            };
        }
        Vec::new()
    }

    fn understands(&self) -> &'static [Action] {
        &[Action::CycleView]
    }
}

/// The arms that have curves: of all combinations only none and all of the changes.
fn drawn(shown: &Shown) -> Vec<usize> {
    let arms = shown.experiment.arms.len();
    if shown.experiment.switches.is_empty() {
        (0..arms).collect()
    } else {
        vec![0, arms.saturating_sub(1)]
    }
}

/// What tells the curves apart, by their places: a letter.
fn letter(place: usize) -> char {
    char::from(b'a' + (place % 26) as u8)
}

/// And a colour with a stroke of its own.
fn pen(theme: &Theme, place: usize) -> Pen {
    const ROLES: [Role; 5] =
        [Role::Train, Role::Validation, Role::Marker, Role::Ghost(0), Role::Ghost(1)];
    const DASHES: [(u16, u16); 4] = [(1, 0), (2, 2), (1, 1), (5, 2)];
    let style: Style = theme.style(ROLES[place % ROLES.len()]);
    Pen { layer: 4, style, sign: letter(place), dash: DASHES[place % DASHES.len()] }
}
