//! The estimates in figures, the live changes and the earlier runs.

use std::fmt::Write as _;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::chosen::Loss;
use super::curve;
use super::pens::LETTERS;
use crate::lab::facts::Facts;
use crate::lab::ghost::Ghost;
use crate::lab::number;
use crate::lab::pen::{Lines, put};
use crate::lab::run::Run;
use crate::lab::theme::Role;
use crate::model::card::Figure;

/// Columns of the table beside a chart.
pub const WIDTH: u16 = 38;

/// Columns before the first figure: the sign of the cursor, step, train and val.
const LOSSES: u16 = 24;
/// The widest word after the figures: `  unigram best`.
const WORTH: u16 = 14;
const GAP: u16 = 2;

/// Draws the newest estimates first, then, where there is room, changes and earlier runs.
pub fn draw(pane: &Loss, facts: &Facts, run: &Run, area: Rect, buf: &mut Buffer) {
    let ghosts = facts.visible_ghosts();
    let edits: Vec<_> = run.history.edits.iter().filter(|edit| edit.old != edit.new).collect();
    // Headings and gaps of what comes below; the estimates take the rest.
    let wanted = |n: usize| if n == 0 { 0 } else { n as u16 + 2 };
    let columns = columns(pane, facts, run, area.width);
    let figures = figures(run, pane.cursor, &columns);
    let listed = wanted(edits.len()) + wanted(ghosts.len()) + wanted(figures.len());
    let below = listed.min(area.height / 2);
    let mut rows = Lines::new(facts.theme, area, buf);
    evaluations(&mut rows, facts, run, pane.cursor, &columns, area.height - below);
    if !figures.is_empty() && rows.left() > 2 {
        rows.y += 1;
        let muted = facts.theme.style(Role::Muted);
        rows.line(&format!("{:>8}  {:>8}", "held out", "batch"), muted);
        for row in &figures {
            let unit = row.figure.unit;
            let [held_out, batch] = [row.held_out, row.batch]
                .map(|value| value.map_or_else(String::new, |value| unit.write(value)));
            let text = format!("{held_out:>8}  {batch:>8}  {}", row.figure.name);
            rows.line(&text, facts.theme.style(Role::Text));
        }
    }
    if !edits.is_empty() && rows.left() > 2 {
        rows.y += 1;
        heading(&mut rows, "changes");
        let arrow = facts.theme.glyphs.arrow;
        let room = usize::from(rows.left().saturating_sub(wanted(ghosts.len())).max(1));
        for edit in edits.iter().rev().take(room) {
            let step = number::count(edit.step);
            let change = format!("{} {} {arrow} {}", edit.name, edit.old, edit.new);
            rows.line(&format!("{step:>8}  {change}"), facts.theme.style(Role::Marker));
        }
    }
    if !ghosts.is_empty() && rows.left() > 2 {
        rows.y += 1;
        heading(&mut rows, "earlier runs, last val");
        for (i, named) in ghosts.iter().enumerate().rev() {
            let last = final_val(named.ghost);
            let val = last.map_or("–".to_owned(), |(_, loss)| number::loss(loss));
            let letter = LETTERS[i % LETTERS.len()];
            rows.line(&format!("{val:>8}  {letter} {}", named.label), facts.theme.ghost(i));
        }
    }
}

/// A figure's column.
pub struct Column {
    pub figure: Figure,
    width: u16,
}

/// The figures that have a column, from the one that is scrolled to; all but as many as there is no room for.
pub fn columns(pane: &Loss, facts: &Facts, run: &Run, width: u16) -> Vec<Column> {
    let all = run.figures();
    let mut room = width.saturating_sub(LOSSES);
    if !facts.yardsticks().is_empty() {
        room = room.saturating_sub(WORTH);
    } else if run.has_direction() {
        room = room.saturating_sub(GAP + 4);
    }
    let mut columns = Vec::new();
    for &figure in all.iter().skip(pane.scrolled.min(all.len().saturating_sub(1))) {
        let values = run.history.evaluations.iter().filter_map(|e| e.figure(figure.name));
        let widest = values.map(|value| figure.unit.write(value).len()).max().unwrap_or(0);
        let width = widest.max(figure.name.len()) as u16;
        if room < GAP + width {
            break;
        }
        room -= GAP + width;
        columns.push(Column { figure, width });
    }
    columns
}

/// A number beside the loss: of an estimate, and of the last batch.
struct Measured {
    figure: Figure,
    held_out: Option<f64>,
    batch: Option<f64>,
}

/// What the estimate at the cursor (or the last one) says beside the loss and has no column, and what the last batch says.
fn figures(run: &Run, cursor: Option<u64>, columns: &[Column]) -> Vec<Measured> {
    let all = &run.history.evaluations;
    let at = cursor.map_or(all.len(), |step| all.partition_point(|e| e.step <= step).max(1));
    let estimate = at.checked_sub(1).and_then(|at| all.get(at)).or(all.last());
    let batch = |name: &str| {
        let at = run.parts().iter().position(|part| part.name == name)?;
        // The cursor is elsewhere than the last batch.
        run.last.filter(|_| cursor.is_none()).map(|last| last.parts[at])
    };
    let measured = |figure: &Figure| Measured {
        figure: *figure,
        held_out: estimate.and_then(|e| e.figure(figure.name)),
        batch: batch(figure.name),
    };
    let all = run.parts().iter().chain(run.config.task.card().figures).map(measured);
    let listed = |row: &Measured| {
        let has_column = columns.iter().any(|column| column.figure.name == row.figure.name);
        row.batch.is_some() || (row.held_out.is_some() && !has_column)
    };
    all.filter(listed).collect()
}

/// A ghost's last estimate of the validation loss, and its step.
pub fn final_val(ghost: &Ghost) -> Option<(u64, f64)> {
    let mut estimates = ghost.history.evaluations.iter().rev();
    estimates.find(|e| e.val_loss.is_finite()).map(|e| (e.step, e.val_loss))
}

fn heading(rows: &mut Lines, text: &str) {
    let style = rows.theme.style(Role::Muted);
    rows.line(&format!("{:>8}  {text}", ""), style);
}

fn evaluations(
    rows: &mut Lines,
    facts: &Facts,
    run: &Run,
    cursor: Option<u64>,
    columns: &[Column],
    height: u16,
) {
    let theme = facts.theme;
    let muted = theme.style(Role::Muted);
    let all = &run.history.evaluations;
    if all.is_empty() {
        rows.line("no estimates yet", muted);
        return;
    }
    let references = facts.yardsticks();
    let beats = if references.is_empty() { "" } else { "  beats" };
    let names = across(columns, |figure| figure.name.to_owned());
    rows.line(&format!("{:>8}  {:>6}  {:>6}{names}{beats}", "step", "train", "val"), muted);
    let best = run.best().map(|e| e.step);
    // The estimate at the cursor, and where the list starts so that it shows.
    let chosen = cursor.map(|step| all.partition_point(|e| e.step <= step).saturating_sub(1));
    let room = usize::from(height.saturating_sub(1));
    let newest = all.len() - 1;
    let skip = chosen.map_or(0, |index| (newest - index + 1).saturating_sub(room));
    for (index, e) in all.iter().enumerate().rev().skip(skip).take(room) {
        let mark = if chosen == Some(index) { theme.glyphs.cursor } else { " " };
        let worth = curve::beaten(e.val_loss, references).map_or("", |r| r.name);
        let best = if best == Some(e.step) { "best" } else { "" };
        let gap = if worth.is_empty() { "" } else { " " };
        let y = rows.y;
        rows.line(
            &format!("{mark}{:>7}  {:>6}  ", number::count(e.step), figure(e.train_loss)),
            theme.style(Role::Text),
        );
        let x = rows.area.x.saturating_add(18);
        let val = format!("{:>6}", figure(e.val_loss));
        let x = put(rows.buf, rows.area, x, y, &val, theme.style(Role::Validation));
        let values = across(columns, |figure| {
            let value = e.figure(figure.name);
            value.map_or("–".to_owned(), |value| figure.unit.write(value))
        });
        let rest = format!("{values}  {worth}{gap}{best}");
        put(rows.buf, rows.area, x, y, &rest, theme.style(Role::Text));
        if chosen == Some(index) {
            let row = Rect { y, height: 1, ..rows.area };
            rows.buf.set_style(row.intersection(rows.buf.area), theme.style(Role::Accent));
        }
    }
}

/// What the columns of a row say, right-aligned.
fn across(columns: &[Column], text: impl Fn(&Figure) -> String) -> String {
    let mut row = String::new();
    for column in columns {
        let width = usize::from(GAP + column.width);
        // Writing to a string cannot fail.
        _ = write!(row, "{:>width$}", text(&column.figure));
    }
    row
}

/// A loss in six columns.
fn figure(loss: f64) -> String {
    if loss.is_finite() { number::loss(loss) } else { "–".to_owned() }
}
