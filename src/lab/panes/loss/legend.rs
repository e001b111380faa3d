//! One line above the plot: which curve is which and where it stands, now or at the cursor.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;
use unicode_width::UnicodeWidthStr;

use super::chosen::View;
use super::curves::Curves;
use super::pens::{batch_pen, ghost_pen, train_pen};
use super::{curve, table};
use crate::lab::action::{self, Action};
use crate::lab::number;
use crate::lab::pen::put;
use crate::lab::theme::{Role, Theme};
use crate::model::card::{Figure, Unit};
use crate::train::event::Evaluation;

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
/// Items that make no room for a word about others: the run's own.
const KEPT: usize = 2;

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
pub fn now(curves: &Curves) -> Vec<Item> {
    let Curves { facts, run, figure, .. } = curves;
    let theme = facts.theme;
    let last = run.evaluation();
    let mut items = Vec::new();
    if let Some(figure) = figure {
        let text = last.and_then(|e| {
            let value = figure.unit.write(e.figure(figure.name)?);
            Some(format!("{} {value}{}", figure.name, of_step(run.step, e.step)))
        });
        items.extend(text.map(|text| estimate_item(theme, text)));
    } else {
        let train = curves.smoothed.last().map(|(_, loss)| *loss);
        items.push(curve_item(theme, "train", train));
        let val = last.map_or("val".to_owned(), |e| {
            format!("{}{}", named("val", Some(e.val_loss)), of_step(run.step, e.step))
        });
        items.push(estimate_item(theme, val));
    }
    let earlier: Vec<Item> = (0..curves.ghosts.len())
        .rev()
        .map(|index| {
            let ghost = &curves.ghosts[index];
            let last = match figure {
                Some(_) => ghost.curve.last().map(|(step, value)| (*step as u64, *value)),
                None => table::final_val(ghost.named.ghost),
            };
            ghost_item(curves, index, last)
        })
        .collect();
    if figure.is_none() {
        let figures = run.figures();
        items.extend(figures.iter().filter_map(|f| figure_item(theme, last?, *f)));
    }
    items.extend(earlier);
    if curves.pane.view == View::Whole {
        items.push(Item { optional: true, ..batch_item(theme, "each batch") });
    }
    items
}

/// What the curves were at a step.
pub fn at(curves: &Curves, step: u64) -> Vec<Item> {
    let Curves { facts, run, figure, smoothed, .. } = curves;
    let theme = facts.theme;
    let Some(reading) = curve::reading(run, smoothed, step) else { return Vec::new() };
    let last = reading.steps.1;
    let plain = |text| Item::new(String::new(), theme.style(Role::Accent), text);
    let mut items = vec![plain(format!("step {}", number::count(last)))];
    let estimate = reading.evaluation.as_ref();
    if let Some(figure) = figure {
        let text = estimate.and_then(|e| {
            let value = figure.unit.write(e.figure(figure.name)?);
            Some(format!("{} {value} @{}", figure.name, number::count(e.step)))
        });
        items.extend(text.map(|text| estimate_item(theme, text)));
    } else {
        items.push(curve_item(theme, "smooth", Some(reading.smoothed)));
        if let Some(e) = estimate {
            let val = named("val", Some(e.val_loss));
            items.push(estimate_item(theme, format!("{val} @{}", number::count(e.step))));
            let figures = run.figures().into_iter();
            items.extend(figures.filter_map(|figure| figure_item(theme, e, figure)));
        }
        items.push(batch_item(theme, &named("train", Some(reading.train))));
    }
    items.extend(reading.lr.map(|lr| plain(format!("lr {}", number::setting(lr)))));
    for (index, ghost) in curves.ghosts.iter().enumerate() {
        if let Some(value) = curve::at(&ghost.curve, last) {
            items.push(ghost_item(curves, index, Some((ghost.named.ghost.step, value))));
        }
    }
    items
}

/// Where an estimate is not of this moment, the step that it is of.
fn of_step(now: u64, step: u64) -> String {
    if step == now { String::new() } else { format!(" @{}", number::count(step)) }
}

fn named(name: &str, loss: Option<f64>) -> String {
    loss.map_or(name.to_owned(), |loss| format!("{name} {}", number::loss(loss)))
}

fn curve_item(theme: &Theme, name: &str, loss: Option<f64>) -> Item {
    let pen = train_pen(theme);
    let text = named(name, loss);
    Item::new(pen.stroke(theme.glyphs.ascii, 2), pen.style, text)
}

fn estimate_item(theme: &Theme, text: String) -> Item {
    Item::new(theme.glyphs.knob.to_owned(), theme.style(Role::Validation), text)
}

/// What an estimate measured beside the loss.
fn figure_item(theme: &Theme, estimate: &Evaluation, figure: Figure) -> Option<Item> {
    let value = figure.unit.write(estimate.figure(figure.name)?);
    Some(estimate_item(theme, format!("{} {value}", figure.name)))
}

fn batch_item(theme: &Theme, text: &str) -> Item {
    let sign = theme.shade(0.3).to_owned();
    Item::new(sign, batch_pen(theme).style, text.to_owned())
}

/// An earlier run, with its letter on the chart; a step that is not its last, and a value as the axis has it.
fn ghost_item(curves: &Curves, index: usize, value: Option<(u64, f64)>) -> Item {
    let (theme, ghost) = (curves.facts.theme, &curves.ghosts[index]);
    let pen = ghost_pen(theme, index);
    let sign = if theme.glyphs.ascii {
        pen.sign.to_string()
    } else {
        format!("{}{}", pen.stroke(false, 2), pen.sign)
    };
    let label = &ghost.named.label;
    let value = value.map_or(String::new(), |(step, value)| {
        let value = match curves.figure.map(|f| f.unit) {
            Some(Unit::Share) => Unit::Share.write(value / 100.0),
            Some(unit) => unit.write(value),
            None => number::loss(value),
        };
        value + &of_step(ghost.named.ghost.step, step)
    });
    let off = ghost.off.map_or(String::new(), |off| format!(" ({off})"));
    // A name that ends in a number of steps is no number itself.
    let between = if label.contains(',') { ": " } else { " " };
    Item::new(sign, pen.style, format!("{label}{between}{value}{off}"))
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

/// Draws as many items as fit, in their order, and says how many do not and where they are.
pub fn draw(items: &[Item], theme: &Theme, area: Rect, buf: &mut Buffer) {
    let mut places = places(items, area.width, area.height);
    let missing = |shown: usize| items[shown..].iter().filter(|item| !item.optional).count();
    let key = action::row(Action::CycleView).places[0].keys[0].label(theme.glyphs.ascii);
    // Behind the last item, or in the row under it.
    let behind = |places: &[(u16, u16)], note: &str| {
        let last = places.last().zip(places.len().checked_sub(1));
        let (row, x) = last.map_or((0, 0), |(&(row, x), i)| (row, x + items[i].width() + GAP));
        let fits = x + note.width() as u16 <= area.width;
        let (row, x) = if fits { (row, x) } else { (row + 1, 0) };
        (row < area.height && note.width() <= usize::from(area.width)).then_some((row, x))
    };
    let mut note = None;
    while missing(places.len()) > 0 {
        let text = format!("{} more: {key}", missing(places.len()));
        note = behind(&places, &text).map(|at| (at, text));
        // The run's own curves matter more than how many others there are.
        if note.is_some() || places.len() <= KEPT {
            break;
        }
        places.pop();
    }
    for (item, &(row, x)) in items.iter().zip(&places) {
        let (x, y) = (area.x + x, area.y + row);
        let after = put(buf, area, x, y, &item.sign, item.style);
        let x = if item.sign.is_empty() { x } else { after + 1 };
        // A named curve is written in the text's own colour; its sign carries the curve's.
        let style = if item.sign.is_empty() { item.style } else { theme.style(Role::Text) };
        put(buf, area, x, y, &item.text, style);
    }
    if let Some(((row, x), text)) = note {
        put(buf, area, area.x + x, area.y + row, &text, theme.style(Role::Muted));
    }
}
