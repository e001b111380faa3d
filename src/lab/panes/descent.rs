//! The descent pane: one weight of the model, followed by hand through one step of learning.

mod followed;
#[cfg(test)]
mod tests;

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use ratatui::widgets::Widget;

use crate::lab::action::Action;
use crate::lab::cursor;
use crate::lab::facts::Facts;
use crate::lab::number::{count, setting};
use crate::lab::pane::{Pane, Seat, Wish};
use crate::lab::pen::{clip, put, sentence};
use crate::lab::theme::Role;
use crate::lab::widgets::columns::{Cells, Column, Columns};
use crate::lab::widgets::heat_map::{Grid, HeatMap, Scale};
use crate::lab::widgets::notes::notes;
use crate::train::event::RunId;
use crate::train::snapshot::{Tensor, WeightState};
use crate::train::{Snapshot, Subscription};
use followed::Followed;

/// A parameter with more numbers is not copied for its picture.
const LARGEST: usize = 1 << 17;
/// From this width on the picture stands beside the numbers.
const BESIDE: u16 = 96;
const CELLS: [(u16, u16); 3] = [(3, 1), (2, 1), (1, 1)];

#[derive(Debug, Default)]
pub struct Descent {
    /// Which of the card's learned parameters.
    parameter: usize,
    row: usize,
    column: usize,
    run: RunId,
    /// The weight as it was one update ago, if that was seen.
    before: Option<WeightState>,
    now: Option<WeightState>,
}

/// A parameter of the model.
struct Chosen<'a> {
    name: &'a str,
    rows: usize,
    columns: usize,
}

impl Descent {
    fn chosen<'a>(&self, facts: &Facts<'a>) -> Option<Chosen<'a>> {
        let learned = &facts.card()?.learned;
        let (name, shape) = learned.get(self.parameter.min(learned.len().checked_sub(1)?))?;
        // A vector is one row; what has three dimensions is laid out in its first.
        let (rows, columns) = match shape.as_slice() {
            [] => (1, 1),
            [columns] => (1, *columns),
            [rows, rest @ ..] => (*rows, rest.iter().product()),
        };
        (rows > 0 && columns > 0).then_some(Chosen { name, rows, columns })
    }

    /// Row, column and place of the weight.
    fn place(&self, chosen: &Chosen) -> (usize, usize, usize) {
        let (row, column) = (self.row.min(chosen.rows - 1), self.column.min(chosen.columns - 1));
        (row, column, row * chosen.columns + column)
    }

    /// Takes what a snapshot says of the weight.
    fn take(&mut self, snapshot: &Snapshot, name: &str, index: usize) {
        let same = |state: &&WeightState| state.name == name && state.index == index;
        let Some(state) = snapshot.weights.iter().find(same) else {
            return (self.before, self.now) = (None, None);
        };
        let known = self.now.take().filter(|now| same(&now) && snapshot.run == self.run);
        self.run = snapshot.run;
        self.before = match known {
            Some(now) if now == *state => self.before.take(),
            Some(now) if now.moments.updates + 1 == state.moments.updates => Some(now),
            _ => None,
        };
        self.now = Some(state.clone());
    }

    fn picture(
        &self,
        facts: &Facts,
        chosen: &Chosen,
        tensor: &Tensor,
        area: Rect,
        buf: &mut Buffer,
    ) {
        let grid = self.grid(chosen, area);
        let map = HeatMap {
            theme: facts.theme,
            grid,
            scale: Scale::signed(tensor.values.iter().copied()),
            value: &|row, column| {
                tensor.values.get(row * chosen.columns + column).map(|x| f64::from(*x))
            },
            hidden: [" ", " "],
            row_label: &|row| (row + 1).to_string(),
            column_label: &|column| {
                let each = if grid.cell.0 == 1 { 10 } else { 5 };
                let named = (column + 1).is_multiple_of(each);
                if named { (column + 1).to_string() } else { String::new() }
            },
            cursor: self.cursor(chosen),
        };
        (&map).render(area, buf);
    }

    fn cursor(&self, chosen: &Chosen) -> (usize, usize) {
        let (row, column, _) = self.place(chosen);
        (row, column)
    }

    fn grid(&self, chosen: &Chosen, area: Rect) -> Grid {
        let gutter = chosen.rows.to_string().len() as u16 + 1;
        let size = (chosen.rows, chosen.columns);
        Grid::fit(area, gutter, size, self.cursor(chosen), &CELLS)
    }

    /// Where the picture of the parameter stands, and the room for the numbers; below the line that names the weight.
    fn rooms(area: Rect) -> (Option<Rect>, Rect) {
        let area = Rect { y: area.y + 1, height: area.height.saturating_sub(1), ..area };
        if area.width >= BESIDE {
            let width = area.width / 2;
            let picture = Rect { x: area.x + width, width: area.width - width, ..area };
            (Some(picture), Rect { width: width - 2, ..area })
        } else if area.height >= 15 {
            let height = (area.height - 11).min(area.height / 4).max(3);
            let picture = Rect { height, ..area };
            (Some(picture), Rect { y: area.y + height, height: area.height - height, ..area })
        } else {
            (None, area)
        }
    }

    fn numbers(&self, facts: &Facts, state: &WeightState, area: Rect, buf: &mut Buffer) {
        let theme = facts.theme;
        let Some(followed) = Followed::new(self.before.as_ref(), state) else {
            let text = if state.moments.updates == 0 {
                "No step has moved it yet: . makes one."
            } else {
                "The last step did not move it, or the run has just come back: . makes one more."
            };
            let said = [
                (format!("w = {}", written(state.value)), Role::Code),
                (text.to_owned(), Role::Text),
            ];
            _ = notes(theme, &said, area, buf);
            return;
        };
        let rows = followed.rows();
        let cells = |of: fn(&followed::Row) -> Option<f64>| {
            let cell = |row: &followed::Row| of(row).map_or_else(|| "–".to_owned(), written);
            Cells::numbers(rows.iter().map(cell))
        };
        let table = Columns {
            theme,
            columns: vec![
                Column::new("", Cells::words(rows.iter().map(|row| row.name.to_owned()))),
                Column::new("descent", cells(|row| row.descent)),
                Column::new("AdamW", cells(|row| row.adamw)),
            ],
            cursor: None,
            // The new value, and what the model has.
            foot: 2,
        };
        let height = table.height().min(area.height);
        (&table).render(Rect { height, ..area }, buf);
        let below = Rect { y: area.y + height, height: area.height - height, ..area };
        let (verdict, agree) = followed.verdict();
        let role = match agree {
            Some(true) => Role::Good,
            Some(false) => Role::Bad,
            None => Role::Muted,
        };
        let formulas = followed.formulas().into_iter().map(|text| (text, Role::Code));
        let said: Vec<_> = std::iter::once((verdict, role)).chain(formulas).collect();
        notes(theme, &said, below, buf);
    }
}

/// A weight, to as many digits as show a step.
fn written(x: f64) -> String {
    match x {
        0.0 => "0".to_owned(),
        x if !x.is_finite() => "not finite".to_owned(),
        x if x.abs() >= 0.01 && x.abs() < 1000.0 => format!("{x:.7}"),
        x => format!("{x:.3e}"),
    }
}

impl Pane for Descent {
    fn title(&self) -> &'static str {
        "Descent"
    }

    fn detail(&self, _facts: &Facts) -> String {
        let Some(now) = &self.now else { return String::new() };
        let updates = count(now.moments.updates);
        match now.moments.last {
            Some(last) => format!("update {updates} · lr {}", setting(last.rule.lr)),
            None => format!("after {updates} updates"),
        }
    }

    fn about(&self, _facts: &Facts, _seat: Seat) -> String {
        "one weight through one step".to_owned()
    }

    fn draw(&self, facts: &Facts, seat: Seat, buf: &mut Buffer) {
        let area = seat.room;
        let theme = facts.theme;
        let Some(chosen) = self.chosen(facts) else {
            let text = "The weights are shown when the trainer has opened the run.";
            return sentence(theme, text, area, buf);
        };
        let (row, column, _) = self.place(&chosen);
        let place = format!("[{}, {}]", row + 1, column + 1);
        let ellipsis = theme.glyphs.ellipsis;
        let room = usize::from(area.width).saturating_sub(place.len() + 1);
        let name = clip(chosen.name, room, ellipsis);
        let x = put(buf, area, area.x, area.y, &name, theme.style(Role::Heading));
        if room > 0 {
            put(buf, area, x + 1, area.y, &place, theme.style(Role::Accent));
        }
        let (picture, numbers) = Self::rooms(area);
        let tensor = facts.snapshot.and_then(|snapshot| snapshot.parameter(chosen.name));
        let large = chosen.rows * chosen.columns > LARGEST;
        match (picture, tensor) {
            (Some(room), Some(tensor)) => self.picture(facts, &chosen, tensor, room, buf),
            (Some(room), None) if large => {
                let text = "This parameter is too large to be copied for a picture.";
                sentence(theme, text, room, buf);
            }
            _ => {}
        }
        match &self.now {
            Some(now) => self.numbers(facts, now, numbers, buf),
            None => sentence(theme, "The weight is being read.", numbers, buf),
        }
    }

    fn act(&mut self, facts: &Facts, _seat: Seat, action: Action) -> Vec<Wish> {
        let Some(chosen) = self.chosen(facts) else { return Vec::new() };
        let count = facts.card().map_or(1, |card| card.learned.len());
        (self.row, self.column) = self.cursor(&chosen);
        let (last_row, last_column) = (chosen.rows - 1, chosen.columns - 1);
        if action == Action::CycleView {
            self.parameter = (self.parameter.min(count - 1) + 1) % count;
            (self.row, self.column) = (0, 0);
        } else {
            let here = (self.row, self.column);
            let to = cursor::in_grid(action, here, 8, (last_row, last_column));
            (self.row, self.column) = to.unwrap_or(here);
        }
        self.refresh(facts);
        Vec::new()
    }

    /// A cell of the picture.
    fn click(&mut self, facts: &Facts, seat: Seat, at: Position) -> Vec<Wish> {
        if let (Some(chosen), (Some(room), _)) = (self.chosen(facts), Self::rooms(seat.room))
            && let Some((row, column)) = self.grid(&chosen, room).at(at)
        {
            (self.row, self.column) = (row, column);
            self.refresh(facts);
        }
        Vec::new()
    }

    fn subscribe(&self, facts: &Facts, wanted: &mut Subscription) {
        if let Some(chosen) = self.chosen(facts) {
            let (_, _, index) = self.place(&chosen);
            wanted.weights.push((chosen.name.to_owned(), index));
            if chosen.rows * chosen.columns <= LARGEST {
                wanted.parameters.push(chosen.name.to_owned());
            }
        }
    }

    fn refresh(&mut self, facts: &Facts) {
        if let (Some(chosen), Some(snapshot)) = (self.chosen(facts), facts.snapshot) {
            let (_, _, index) = self.place(&chosen);
            self.take(snapshot, chosen.name, index);
        } else {
            (self.before, self.now) = (None, None);
        }
    }

    fn understands(&self) -> &'static [Action] {
        &[Action::Left, Action::Right, Action::CycleView]
    }
}
