//! The estimates in figures, the live changes and the earlier runs.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::curve;
use crate::lab::facts::Facts;
use crate::lab::number;
use crate::lab::pen::{Lines, put};
use crate::lab::run_view::{Ghost, Run};
use crate::lab::theme::Role;

/// Columns that the table fills; more are left empty.
pub const WIDTH: u16 = 38;

/// Draws the newest estimates first, then, where there is room, changes and earlier runs.
pub fn draw(facts: &Facts, run: &Run, cursor: Option<u64>, area: Rect, buf: &mut Buffer) {
    let ghosts: Vec<&Ghost> = facts.visible_ghosts().collect();
    let edits = &run.history.edits;
    // Headings and gaps of what comes below; the estimates take the rest.
    let wanted = |n: usize| if n == 0 { 0 } else { n as u16 + 2 };
    let figures = figures(run, cursor);
    let listed = wanted(edits.len()) + wanted(ghosts.len()) + wanted(figures.len());
    let below = listed.min(area.height / 2);
    let mut rows = Lines::new(facts.theme, area, buf);
    evaluations(&mut rows, facts, run, cursor, area.height - below);
    if !figures.is_empty() && rows.left() > 2 {
        rows.y += 1;
        let muted = facts.theme.style(Role::Muted);
        rows.line(&format!("{:>8}  {:>8}", "held out", "batch"), muted);
        for row in &figures {
            let [held_out, batch] = [row.held_out, row.batch]
                .map(|figure| figure.map_or_else(String::new, number::value));
            let text = format!("{held_out:>8}  {batch:>8}  {}", row.name);
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
        for (i, ghost) in ghosts.iter().enumerate().rev() {
            let val = final_val(ghost).map_or("–".to_owned(), number::loss);
            rows.line(&format!("{val:>8}  {}", ghost.label), facts.theme.ghost(i));
        }
    }
}

/// A number beside the loss: of an estimate, and of the last batch.
struct Measured<'a> {
    name: &'a str,
    held_out: Option<f64>,
    batch: Option<f64>,
}

/// What the estimate at the cursor (or the last one) and the last batch say beside the loss.
fn figures(run: &Run, cursor: Option<u64>) -> Vec<Measured<'_>> {
    let all = &run.history.evaluations;
    let at = cursor.map_or(all.len(), |step| all.partition_point(|e| e.step <= step).max(1));
    let estimate = at.checked_sub(1).and_then(|at| all.get(at)).or(all.last());
    let estimated = estimate.map_or(&[][..], |e| &e.figures);
    let batch = |name: &str| {
        let at = run.parts().iter().position(|part| part.name == name)?;
        // The cursor is elsewhere than the last batch.
        run.last.filter(|_| cursor.is_none()).map(|last| last.parts[at])
    };
    let parts = run.parts().iter().map(|part| part.name).map(|name| Measured {
        name,
        held_out: estimate.and_then(|e| e.figure(name)),
        batch: batch(name),
    });
    let others =
        estimated.iter().filter(|figure| !run.parts().iter().any(|part| part.name == figure.name));
    let others = others.map(|figure| Measured {
        name: &figure.name,
        held_out: Some(figure.value),
        batch: None,
    });
    parts.chain(others).filter(|row| row.held_out.or(row.batch).is_some()).collect()
}

/// A ghost's last estimate of the validation loss.
pub fn final_val(ghost: &Ghost) -> Option<f64> {
    ghost.history.evaluations.iter().rev().map(|e| e.val_loss).find(|loss| loss.is_finite())
}

fn heading(rows: &mut Lines, text: &str) {
    let style = rows.theme.style(Role::Muted);
    rows.line(&format!("{:>8}  {text}", ""), style);
}

fn evaluations(rows: &mut Lines, facts: &Facts, run: &Run, cursor: Option<u64>, height: u16) {
    let theme = facts.theme;
    let muted = theme.style(Role::Muted);
    let all = &run.history.evaluations;
    if all.is_empty() {
        rows.line("no estimates yet", muted);
        return;
    }
    let references = facts.yardsticks();
    let beats = if references.is_empty() { "" } else { "  beats" };
    rows.line(&format!("{:>8}  {:>6}  {:>6}{beats}", "step", "train", "val"), muted);
    let best = run.best().map(|e| e.step);
    // The estimate at the cursor, and where the list starts so that it shows.
    let chosen = cursor.map(|step| all.partition_point(|e| e.step <= step).saturating_sub(1));
    let room = usize::from(height.saturating_sub(1));
    let newest = all.len() - 1;
    let skip = chosen.map_or(0, |index| (newest - index + 1).saturating_sub(room));
    for (index, e) in all.iter().enumerate().rev().skip(skip).take(room) {
        let mark = if chosen == Some(index) { theme.glyphs.cursor } else { " " };
        let worth = curve::beaten(e.val_loss, references).map_or("", |r| r.name);
        let best = if best == Some(e.step) { " best" } else { "" };
        let y = rows.y;
        rows.line(
            &format!("{mark}{:>7}  {:>6}  ", number::count(e.step), figure(e.train_loss)),
            theme.style(Role::Text),
        );
        let x = rows.area.x.saturating_add(18);
        let val = format!("{:>6}", figure(e.val_loss));
        let x = put(rows.buf, rows.area, x, y, &val, theme.style(Role::Validation));
        put(rows.buf, rows.area, x, y, &format!("  {worth}{best}"), theme.style(Role::Text));
        if chosen == Some(index) {
            let row = Rect { y, height: 1, width: rows.area.width.min(WIDTH), ..rows.area };
            rows.buf.set_style(row.intersection(rows.buf.area), theme.style(Role::Accent));
        }
    }
}

/// A loss in six columns.
fn figure(loss: f64) -> String {
    if loss.is_finite() { number::loss(loss) } else { "–".to_owned() }
}
