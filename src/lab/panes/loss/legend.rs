//! One line above the plot: which curve is which and where it stands, now or at the cursor.

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use ratatui::style::Style;
use unicode_width::UnicodeWidthStr;

use super::chosen::{Loss, View};
use super::pens::{batch_pen, ghost_pen, train_pen};
use super::{curve, table};
use crate::lab::facts::Facts;
use crate::lab::number;
use crate::lab::pen::put;
use crate::lab::run_view::{Ghost, Run};
use crate::lab::theme::{Role, Theme};
use crate::train::event::Figure;

/// A sign and what it says.
pub struct Item {
    sign: String,
    style: Style,
    text: String,
    /// Left out without a word where there is no room.
    optional: bool,
}

/// Columns between two items.
const GAP: u16 = 2;

impl Item {
    fn new(sign: String, style: Style, text: String) -> Self {
        Self { sign, style, text, optional: false }
    }

    fn width(&self) -> u16 {
        let sign = if self.sign.is_empty() { 0 } else { self.sign.width() + 1 };
        (sign + self.text.width()) as u16
    }
}

/// Where the curves stand now.
pub fn now(
    pane: &Loss,
    facts: &Facts,
    run: &Run,
    smoothed: &[(f64, f64)],
    ghosts: &[(usize, &Ghost)],
) -> Vec<Item> {
    let theme = facts.theme;
    let train = smoothed.last().map(|(_, loss)| *loss);
    let val = run.evaluation().map(|e| e.val_loss);
    let sign = theme.glyphs.knob.to_owned();
    let mut items = vec![
        curve_item(theme, "train", train),
        Item::new(sign, theme.style(Role::Validation), named("val", val)),
    ];
    for figure in run.evaluation().map_or(&[][..], |e| &e.figures) {
        items.push(figure_item(theme, figure));
    }
    for &(index, ghost) in ghosts.iter().rev() {
        let val = table::final_val(ghost);
        items.push(ghost_item(theme, index, ghost, val));
    }
    if pane.view == View::Whole {
        items.push(Item { optional: true, ..batch_item(theme, "each batch") });
    }
    items
}

/// What the curves were at a step.
pub fn at(pane: &Loss, facts: &Facts, run: &Run, smoothed: &[(f64, f64)], step: u64) -> Vec<Item> {
    let theme = facts.theme;
    let Some(reading) = curve::reading(run, smoothed, step) else { return Vec::new() };
    let last = reading.steps.1;
    let plain = |text| Item::new(String::new(), theme.style(Role::Accent), text);
    let mut items = vec![
        plain(format!("step {}", number::count(last))),
        curve_item(theme, "smooth", Some(reading.smoothed)),
    ];
    if let Some(evaluation) = reading.evaluation {
        let val = named("val", Some(evaluation.val_loss));
        let text = format!("{val} @{}", number::count(evaluation.step));
        items.push(Item::new(theme.glyphs.knob.to_owned(), theme.style(Role::Validation), text));
        items.extend(evaluation.figures.iter().map(|figure| figure_item(theme, figure)));
    }
    items.push(batch_item(theme, &named("train", Some(reading.train))));
    items.extend(reading.lr.map(|lr| plain(format!("lr {}", number::setting(lr)))));
    let window = curve::window(run, pane.view);
    for (index, ghost) in facts.visible_ghosts().enumerate() {
        if let Some(loss) = curve::ghost_at(&ghost.history, window, last) {
            items.push(ghost_item(theme, index, ghost, Some(loss)));
        }
    }
    items
}

fn named(name: &str, loss: Option<f64>) -> String {
    loss.map_or(name.to_owned(), |loss| format!("{name} {}", number::loss(loss)))
}

fn curve_item(theme: &Theme, name: &str, loss: Option<f64>) -> Item {
    let pen = train_pen(theme);
    let text = named(name, loss);
    Item::new(pen.stroke(theme.glyphs.ascii, 2), pen.style, text)
}

/// What an estimate measured beside the loss.
fn figure_item(theme: &Theme, figure: &Figure) -> Item {
    let text = format!("{} {}", figure.name, number::value(figure.value));
    Item::new(theme.glyphs.knob.to_owned(), theme.style(Role::Validation), text)
}

fn batch_item(theme: &Theme, text: &str) -> Item {
    let sign = theme.shade(0.3).to_owned();
    Item::new(sign, batch_pen(theme).style, text.to_owned())
}

fn ghost_item(theme: &Theme, index: usize, ghost: &Ghost, loss: Option<f64>) -> Item {
    let pen = ghost_pen(theme, index);
    let text = named(&ghost.label, loss);
    Item::new(pen.stroke(theme.glyphs.ascii, 2), pen.style, text)
}

/// Row and column of every item that has a place in `rows` rows.
fn places(items: &[Item], width: u16, rows: u16) -> Vec<(u16, u16)> {
    let (mut row, mut x) = (0, 0);
    let mut places = Vec::new();
    for item in items {
        if x > 0 && x + item.width() > width {
            (row, x) = (row + 1, 0);
        }
        if row >= rows || item.width() > width {
            break;
        }
        places.push((row, x));
        x += item.width() + GAP;
    }
    places
}

/// How many rows all items but the optional ones take.
pub fn rows(items: &[Item], width: u16) -> u16 {
    let needed = items.iter().rposition(|item| !item.optional).map_or(0, |last| last + 1);
    places(&items[..needed], width, u16::MAX).last().map_or(1, |(row, _)| row + 1)
}

/// Draws as many items as fit, in their order, and says how many do not.
pub fn draw(items: &[Item], theme: &Theme, area: Rect, buf: &mut Buffer) {
    let mut places = places(items, area.width, area.height);
    let missing = |shown: usize| items[shown..].iter().filter(|item| !item.optional).count();
    let mut note = String::new();
    while missing(places.len()) > 0 {
        note = format!("+{}", missing(places.len()));
        let last = places.len().checked_sub(1);
        let end = last.map_or(0, |i| places[i].1 + items[i].width() + GAP);
        let row_full = end + note.width() as u16 > area.width;
        if !row_full || places.pop().is_none() {
            break;
        }
    }
    let mut end = Position { x: area.x, y: area.y };
    for (item, &(row, x)) in items.iter().zip(&places) {
        let (x, y) = (area.x + x, area.y + row);
        let after = put(buf, area, x, y, &item.sign, item.style);
        let x = if item.sign.is_empty() { x } else { after + 1 };
        // A named curve is written in the text's own colour; its sign carries the curve's.
        let style = if item.sign.is_empty() { item.style } else { theme.style(Role::Text) };
        end = Position { x: put(buf, area, x, y, &item.text, style) + GAP, y };
    }
    put(buf, area, end.x, end.y, &note, theme.style(Role::Muted));
}
