//! The latent plane as pictures: as many of the grid's rows and columns as fit, spread evenly over it.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::draw_image;
use crate::lab::facts::Facts;
use crate::lab::pen::{put, sentence};
use crate::lab::theme::Role;
use crate::probe::latent_plane::{INSTRUMENT, along};

/// Columns of the row labels.
const GUTTER: u16 = 6;

/// Which of `total` are shown where `room` are: the outermost and those evenly between them.
pub(super) fn spread(total: usize, room: usize) -> Vec<usize> {
    match total.min(room) {
        0 => Vec::new(),
        1 => vec![total / 2],
        shown => (0..shown).map(|i| i * (total - 1) / (shown - 1)).collect(),
    }
}

/// The columns that a picture takes: all of its own where every column of the grid fits so, else half of them.
pub(super) fn size(columns: usize, width: usize, room: u16) -> usize {
    if columns * (width + 1) <= usize::from(room) + 1 { width } else { width.div_ceil(2) }
}

pub fn draw(facts: &Facts, area: Rect, buf: &mut Buffer) {
    let theme = facts.theme;
    let reading = facts.snapshot.and_then(|snapshot| snapshot.reading(INSTRUMENT.name));
    let shape = reading.map_or(&[][..], |reading| &reading.shape);
    let (Some(reading), &[rows, columns, height, width]) = (reading, shape) else {
        return sentence(theme, "The plane is drawn with the next step.", area, buf);
    };
    let pixels = height * width;
    if reading.values.len() != rows * columns * pixels || pixels == 0 {
        return;
    }
    let room = Rect {
        x: area.x + GUTTER.min(area.width),
        width: area.width.saturating_sub(GUTTER),
        height: area.height.saturating_sub(1),
        ..area
    };
    let size = size(columns, width, room.width);
    let (wide, high) = (size as u16, size.div_ceil(2) as u16);
    let across = spread(columns, usize::from((room.width + 1) / (wide + 1)));
    let down = spread(rows, usize::from(room.height / high));
    if across.is_empty() || down.is_empty() {
        let text = format!("A picture takes {wide} x {} cells: z gives it room.", high + 1);
        return sentence(theme, &text, area, buf);
    }
    let muted = theme.style(Role::Muted);
    let value = |i: usize| reading.figure(&along(i)).unwrap_or(f64::NAN);
    for (j, &row) in down.iter().enumerate() {
        let y = room.y + j as u16 * high;
        if rows > 1 {
            // The lowest row is the axis' first value.
            let label = format!("{:>5.2}", value(rows - 1 - row));
            put(buf, area, area.x, y + (high - 1) / 2, &label, muted);
        }
        for (i, &column) in across.iter().enumerate() {
            let image = &reading.values[(row * columns + column) * pixels..][..pixels];
            let at = Rect { x: room.x + i as u16 * (wide + 1), y, width: wide, height: high };
            draw_image(facts, image, [height, width], size, at, buf);
        }
    }
    let y = room.y + down.len() as u16 * high;
    put(buf, area, area.x, y, if rows > 1 { "z2 z1" } else { "   z1" }, muted);
    for (i, &column) in across.iter().enumerate() {
        let label = format!("{:.2}", value(column));
        let x = room.x + i as u16 * (wide + 1);
        if label.len() <= usize::from(wide) {
            let middle = (wide - label.len() as u16) / 2;
            put(buf, area, x + middle, y, &label, muted);
        }
    }
}
