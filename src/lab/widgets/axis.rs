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

/// Decimals at most before a label is a power of ten.
const DECIMALS: usize = 6;

/// Ticks in figures, all in one form and with as many digits as tell neighbours apart: plain ones where they are easily read
/// (an axis that ends between 1e-3 and 1e5), as powers of ten elsewhere.
pub fn labels(ticks: &[f64]) -> Vec<String> {
    let largest = ticks.iter().fold(0.0_f64, |most, tick| most.max(tick.abs()));
    let small = largest > 0.0 && largest < 0.999e-3;
    let decimals = scale::decimals(ticks).max(1);
    if largest < 1e5 && !small && decimals <= DECIMALS {
        return ticks.iter().map(|tick| format!("{:.decimals$}", unsigned(*tick))).collect();
    }
    let powers = |digits: usize| -> Vec<String> {
        ticks.iter().map(|tick| format!("{:.digits$e}", unsigned(*tick))).collect()
    };
    let told_apart = |labels: &Vec<String>| labels.windows(2).all(|pair| pair[0] != pair[1]);
    (1..15).map(powers).find(told_apart).unwrap_or_else(|| powers(1))
}

/// A tick that is 0 but for its sign, or the error of a sum, is 0.
fn unsigned(tick: f64) -> f64 {
    if tick.abs() < f64::MIN_POSITIVE { 0.0 } else { tick }
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

    /// Whatever an axis runs over: no two ticks read alike, and each is what it stands for.
    #[test]
    fn labels_tell_ticks_apart_and_are_plain_where_that_is_easily_read() {
        use crate::lab::widgets::scale::{Kind, Scale};
        assert_eq!(labels(&[1.386, 1.388, 1.39]), ["1.386", "1.388", "1.390"]);
        assert_eq!(labels(&[1.4300, 1.4302]), ["1.4300", "1.4302"]);
        assert_eq!(labels(&[0.0, 0.001, 0.002]), ["0.000", "0.001", "0.002"]);
        assert_eq!(labels(&[0.0, 50_000.0]), ["0.0", "50000.0"]);
        assert_eq!(labels(&[-0.0, 0.5]), ["0.0", "0.5"]);
        assert_eq!(labels(&[1_000_000.0, 1_000_100.0]), ["1.0000e6", "1.0001e6"]);
        assert_eq!(labels(&[2e-5, 4e-5]), ["2.0e-5", "4.0e-5"]);
        for middle in [0.0, 1e-7, 3e-4, 0.013, 1.387, 27.3, 4096.0, 99_000.0, 3e6, -2.5] {
            for width in [1e-5, 3e-3, 0.07, 1.0, 40.0, 9e3] {
                for kind in [Kind::Linear, Kind::Log, Kind::LogFromZero] {
                    let axis = Scale::new(middle - width, middle + width, kind);
                    for most in 2..9 {
                        let ticks = axis.ticks(most);
                        let labels = labels(&ticks);
                        let gap = ticks.windows(2).map(|w| w[1] - w[0]).fold(f64::MAX, f64::min);
                        for pair in labels.windows(2) {
                            assert_ne!(pair[0], pair[1], "{ticks:?}");
                        }
                        for (tick, label) in ticks.iter().zip(&labels) {
                            let read: f64 = label.parse().unwrap();
                            let near = (0.5 * gap).min(0.06 * tick.abs().max(1e-12));
                            assert!((read - tick).abs() <= near, "{label} {tick} of {ticks:?}");
                            let largest = ticks.iter().fold(0.0_f64, |a, b| a.max(b.abs()));
                            let plain = (1e-3..1e5).contains(&largest) && gap >= 1e-6;
                            assert!(!plain || !label.contains('e'), "{label} of {ticks:?}");
                        }
                    }
                }
            }
        }
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
