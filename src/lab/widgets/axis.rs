//! The two axes of a plot, and labels beside it that keep out of each other's way.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;

use super::scale;

/// How an axis looks.
#[derive(Clone, Copy, Debug)]
pub struct Look {
    pub ascii: bool,
    pub line: Style,
    pub text: Style,
}

/// Ticks in figures, all with the same decimals; very large and very close ones as powers of ten.
pub fn labels(ticks: &[f64]) -> Vec<String> {
    let largest = ticks.iter().fold(0.0_f64, |most, tick| most.max(tick.abs()));
    if largest >= 1e5 || scale::decimals(ticks) > 4 {
        return ticks.iter().map(|tick| format!("{tick:.1e}")).collect();
    }
    let decimals = scale::decimals(ticks).max(1);
    ticks.iter().map(|tick| format!("{tick:.decimals$}")).collect()
}

/// The axis left of a plot, `area` being as high as the plot: labels at their rows, right-aligned, and the line.
pub fn vertical(marks: &[(u16, &str)], look: Look, area: Rect, buf: &mut Buffer) {
    let (line, tick) = if look.ascii { ("|", "+") } else { ("│", "┤") };
    let x = area.right() - 1;
    for row in area.rows() {
        buf.set_stringn(x, row.y, line, 1, look.line);
    }
    for (row, label) in marks {
        let width = label.chars().count() as u16;
        if *row < area.height && width < area.width {
            buf.set_stringn(x - width, area.y + row, label, usize::from(width), look.text);
            buf.set_stringn(x, area.y + row, tick, 1, look.line);
        }
    }
}

/// The axis under a plot, `area` being as wide as the plot and one row (labels) or two (line and labels) high; the title
/// ends at column `end`. Labels without room are left out.
pub fn horizontal(
    marks: &[(u16, String)],
    title: &str,
    look: Look,
    area: Rect,
    end: u16,
    buf: &mut Buffer,
) {
    if area.is_empty() {
        return;
    }
    let (line, tick, corner) = if look.ascii { ("-", "+", "+") } else { ("─", "┬", "└") };
    if area.height > 1 {
        if area.x > buf.area.x {
            buf.set_stringn(area.x - 1, area.y, corner, 1, look.line);
        }
        for x in area.left()..area.right() {
            buf.set_stringn(x, area.y, line, 1, look.line);
        }
    }
    let row = area.bottom() - 1;
    let size = title.chars().count() as u16;
    let at = end.saturating_sub(size);
    let titled = at >= area.x;
    if titled {
        buf.set_stringn(at, row, title, usize::from(size), look.text);
    }
    let mut free = area.x.saturating_sub(1).max(buf.area.x);
    for (column, label) in marks {
        let width = label.chars().count() as u16;
        let x = (area.x + column).saturating_sub(width / 2).max(free);
        let limit = if titled { at.saturating_sub(1) } else { end };
        // A label may be pushed aside by its own half at most.
        if x > area.x + column || x + width > limit {
            continue;
        }
        if area.height > 1 {
            buf.set_stringn(area.x + column, area.y, tick, 1, look.line);
        }
        buf.set_stringn(x, row, label, usize::from(width), look.text);
        free = x + width + 2;
    }
}

/// Rows for labels that each want the row given (ascending), no two on one: a label moves by one row at most, and has none
/// if that does not suffice.
pub fn spread(wanted: &[u16], height: u16) -> Vec<Option<u16>> {
    let mut free = 0;
    let mut rows: Vec<Option<u16>> = Vec::with_capacity(wanted.len());
    for (i, &row) in wanted.iter().enumerate() {
        // Up by one where the next label wants the same row and there is room above.
        let crowded = wanted.get(i + 1) == Some(&row);
        let start = if crowded { row.saturating_sub(1) } else { row };
        let place = start.max(free);
        let fits = place < height && place.abs_diff(row) <= 1;
        rows.push(fits.then_some(place));
        if fits {
            free = place + 1;
        }
    }
    rows
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOOK: Look = Look { ascii: false, line: Style::new(), text: Style::new() };

    fn row(buf: &Buffer, y: u16) -> String {
        let signs: String = (0..buf.area.width).map(|x| buf[(x, y)].symbol()).collect();
        signs.trim_end().to_owned()
    }

    #[test]
    fn labels_stand_under_their_ticks() {
        let mut buf = Buffer::empty(Rect::new(0, 0, 30, 2));
        let marks = [(0, "0".to_owned()), (8, "1,000".to_owned()), (10, "1,200".to_owned())];
        horizontal(&marks, "step", LOOK, Rect::new(1, 0, 20, 2), 30, &mut buf);
        assert_eq!(row(&buf, 0), "└┬───────┬───────────");
        assert_eq!(row(&buf, 1), " 0     1,000              step");
    }

    #[test]
    fn the_vertical_axis_is_right_aligned() {
        let mut buf = Buffer::empty(Rect::new(0, 0, 5, 3));
        vertical(&[(0, "10.5"), (2, "9.0")], LOOK, buf.area, &mut buf);
        assert_eq!([row(&buf, 0), row(&buf, 1), row(&buf, 2)], ["10.5┤", "    │", " 9.0┤"]);
    }

    #[test]
    fn labels_beside_a_plot_do_not_share_a_row() {
        assert_eq!(spread(&[0, 3, 3, 9], 10), [Some(0), Some(2), Some(3), Some(9)]);
        assert_eq!(spread(&[9, 9], 10), [Some(8), Some(9)]);
        assert_eq!(spread(&[0, 0, 0], 10), [Some(0), Some(1), None]);
        assert_eq!(spread(&[], 10), []);
    }
}
