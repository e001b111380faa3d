//! The batch pane: what every target of one batch costs, -ln p, as a grid of B windows by T positions.

#[cfg(test)]
mod tests;

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use ratatui::style::Style;
use ratatui::widgets::Widget;
use unicode_width::UnicodeWidthStr;

use crate::lab::action::Action;
use crate::lab::cursor;
use crate::lab::drawn_batch::{self, DrawnBatch, LOSSES, TOKENS};
use crate::lab::facts::Facts;
use crate::lab::number::{count, loss, probability, value};
use crate::lab::pane::{Pane, Seat, Wish};
use crate::lab::pen::{put, sentence};
use crate::lab::theme::Role;
use crate::lab::widgets::heat_map::{Grid, HeatMap, Scale};
use crate::train::Subscription;

/// From the widest, which prints its number, down.
const CELLS: [(u16, u16); 5] = [(8, 1), (4, 1), (3, 1), (2, 1), (1, 1)];
/// Rows that a page up or down moves over.
const PAGE: usize = 8;

#[derive(Debug, Default)]
pub struct Batch {
    /// The cell under the cursor: window and position.
    cursor: (usize, usize),
}

/// A batch and what its targets cost.
struct Grids<'a> {
    batch: DrawnBatch<'a>,
    losses: &'a [f32],
}

impl<'a> Grids<'a> {
    fn read(facts: &Facts<'a>) -> Option<Self> {
        let (batch, losses) = drawn_batch::with_losses(facts)?;
        Some(Self { batch, losses })
    }

    fn loss(&self, row: usize, column: usize) -> f64 {
        f64::from(self.losses[row * self.batch.time + column])
    }

    fn asked(&self) -> impl Iterator<Item = f64> {
        self.losses.iter().filter(|loss| !loss.is_nan()).map(|loss| f64::from(*loss))
    }

    /// Of all cells that are asked for.
    fn mean(&self) -> f64 {
        self.asked().sum::<f64>() / self.asked().count() as f64
    }

    /// The largest finite loss, or 1.
    fn most(&self) -> f64 {
        let finite = self.losses.iter().filter(|x| x.is_finite());
        let most = f64::from(finite.fold(0.0_f32, |most, x| most.max(*x)));
        if most > 0.0 { most } else { 1.0 }
    }
}

impl Batch {
    fn cursor(&self, batch: &DrawnBatch) -> (usize, usize) {
        (self.cursor.0.min(batch.rows - 1), self.cursor.1.min(batch.time - 1))
    }

    /// Where the cells stand: between the lines about the cursor and the line about the mean.
    fn grid(&self, batch: &DrawnBatch, area: Rect) -> Grid {
        let (above, below) = around(area);
        let height = area.height.saturating_sub(above + below);
        let room = Rect { y: area.y + above, height, ..area };
        let gutter = batch.rows.to_string().len() as u16 + 1;
        Grid::fit(room, gutter, (batch.rows, batch.time), self.cursor(batch), &CELLS)
    }
}

/// Lines above and below the grid.
fn around(area: Rect) -> (u16, u16) {
    match area.height {
        0..4 => (0, 0),
        4..7 => (1, 0),
        _ => (2, 1),
    }
}

/// `row 3, position 5 of 8: after "First C" comes i`
fn cursor_line(facts: &Facts, grids: &Grids, at: (usize, usize), area: Rect, buf: &mut Buffer) {
    let theme = facts.theme;
    let (muted, accent) = (theme.style(Role::Muted), theme.style(Role::Accent));
    let window = grids.batch.window(at.0);
    let target = facts.label(window[at.1 + 1]);
    let input = &window[..=at.1];
    let place = format!("row {}, position {}: ", at.0 + 1, at.1 + 1);
    let (after, comes) = ("after ", " comes ");
    let fixed = place.width() + after.width() + comes.width() + target.width();
    let room = usize::from(area.width).saturating_sub(fixed);
    let seen = drawn_batch::tail(facts, input, room);
    let mut x = area.x;
    let whole: [(&str, Style); 5] = [
        (&place, muted),
        (after, muted),
        (&seen, theme.style(Role::Text)),
        (comes, muted),
        (&target, accent),
    ];
    let parts = if seen.is_empty() { &whole[4..] } else { &whole[..] };
    for (text, style) in parts {
        x = put(buf, area, x, area.y, text, *style);
    }
}

impl Pane for Batch {
    fn title(&self) -> &'static str {
        "Batch"
    }

    fn detail(&self, facts: &Facts) -> String {
        let Some(grids) = Grids::read(facts) else { return String::new() };
        format!("B {} · T {} · mean {}", grids.batch.rows, grids.batch.time, loss(grids.mean()))
    }

    fn about(&self, facts: &Facts, _seat: Seat) -> String {
        match Grids::read(facts) {
            Some(_) => "what each next token costs: -ln p, in nats".to_owned(),
            None => "the losses of one batch".to_owned(),
        }
    }

    fn draw(&self, facts: &Facts, seat: Seat, buf: &mut Buffer) {
        let (area, theme) = (seat.room, facts.theme);
        let Some(grids) = Grids::read(facts) else {
            return sentence(theme, &drawn_batch::why_none(facts), area, buf);
        };
        let (row, column) = self.cursor(&grids.batch);
        let (above, below) = around(area);
        let here = grids.loss(row, column);
        let muted = theme.style(Role::Muted);
        if above > 1 {
            cursor_line(facts, &grids, (row, column), area, buf);
        }
        if above > 0 {
            let y = area.y + above - 1;
            let x = put(
                buf,
                area,
                area.x,
                y,
                &format!("loss {}", value(here)),
                theme.style(Role::Accent),
            );
            let p = format!(" = -ln {}", probability((-here).exp()));
            if x + p.width() as u16 <= area.right() {
                put(buf, area, x, y, &p, muted);
            }
        }
        let scale = Scale::Positive { most: grids.most() };
        let grid = self.grid(&grids.batch, area);
        let map = HeatMap {
            theme,
            grid,
            scale,
            // What is not asked for has no loss.
            value: &|row, column| Some(grids.loss(row, column)).filter(|loss| !loss.is_nan()),
            hidden: [" ", " "],
            row_label: &|row| (row + 1).to_string(),
            column_label: &|column| {
                // Every eighth, where not every cell has room for its number.
                let every = if grid.cell.0 > 2 || grids.batch.time < 10 { 1 } else { 8 };
                if (column + 1).is_multiple_of(every) {
                    (column + 1).to_string()
                } else {
                    String::new()
                }
            },
            cursor: (row, column),
        };
        (&map).render(area, buf);
        if below > 0 {
            let y = grid.area.bottom().min(area.bottom() - 1);
            let n = count(grids.asked().count() as u64);
            let long = format!("mean of all {n}: {}", loss(grids.mean()));
            let short = format!("mean {}", loss(grids.mean()));
            let room = usize::from(area.width);
            let text = [long, short].into_iter().find(|text| text.width() <= room);
            let text = text.unwrap_or_default();
            let x = put(buf, area, area.x, y, &text, theme.style(Role::Text));
            let legend = scale.legend(theme);
            if usize::from(x - area.x) + 2 + legend.width() <= room {
                let at = Rect { x: x + 2, y, width: legend.width() as u16, height: 1 };
                legend.render(at, buf);
            }
        }
    }

    fn act(&mut self, facts: &Facts, _seat: Seat, action: Action) -> Vec<Wish> {
        let Some(Grids { batch, .. }) = Grids::read(facts) else { return Vec::new() };
        let (row, column) = self.cursor(&batch);
        let (last_row, last) = (batch.rows - 1, batch.time - 1);
        let to = cursor::in_grid(action, (row, column), PAGE, (last_row, last));
        self.cursor = to.unwrap_or(self.cursor);
        Vec::new()
    }

    fn click(&mut self, facts: &Facts, seat: Seat, at: Position) -> Vec<Wish> {
        if let Some(grids) = Grids::read(facts) {
            self.cursor = self.grid(&grids.batch, seat.room).at(at).unwrap_or(self.cursor);
        }
        Vec::new()
    }

    fn subscribe(&self, facts: &Facts, wanted: &mut Subscription) {
        drawn_batch::subscribe(facts, TOKENS, wanted);
        drawn_batch::subscribe(facts, LOSSES, wanted);
    }

    fn understands(&self) -> &'static [Action] {
        &[Action::Left, Action::Right]
    }
}
