//! A canvas of small dots, 2 x 4 a cell, for curves that share cells; one sign a cell where only ASCII shows.
//!
//! ratatui's canvas keeps a colour a cell and merges all dots in it. Here pens have layers and styles: a curve that
//! crosses a cloud of dots stays a thin line, and without colour it still differs from what is dim.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::widgets::Widget;

/// Dots a cell, across and down.
pub const ACROSS: u16 = 2;
pub const DOWN: u16 = 4;

/// Bits of the braille pattern by (row, column) of the dot.
const BITS: [[u8; 2]; 4] = [[0x01, 0x08], [0x02, 0x10], [0x04, 0x20], [0x40, 0x80]];
const BRAILLE: u32 = 0x2800;

/// What a curve is drawn with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pen {
    /// A higher layer takes a cell from the lower ones; pens of one layer share it.
    pub layer: u8,
    pub style: Style,
    /// What stands in the cell where only ASCII shows.
    pub sign: char,
    /// Dots drawn, then left out, along x.
    pub dash: (u16, u16),
}

impl Pen {
    pub const fn solid(layer: u8, style: Style, sign: char) -> Self {
        Self { layer, style, sign, dash: (1, 0) }
    }

    /// The pen's stroke, `width` columns wide, for a legend.
    pub fn stroke(&self, ascii: bool, width: u16) -> String {
        let mut dots = Dots::new(width, 1, ascii);
        dots.line((0.0, 2.0), (f64::from(width * ACROSS), 2.0), self);
        dots.cells.iter().map(|cell| cell.sign(ascii).unwrap_or(' ')).collect()
    }
}

#[derive(Clone, Copy, Debug, Default)]
struct Cell {
    bits: u8,
    layer: u8,
    sign: char,
    style: Style,
}

impl Cell {
    fn sign(&self, ascii: bool) -> Option<char> {
        match (self.bits, ascii) {
            (0, _) => None,
            (_, true) => Some(self.sign),
            (bits, false) => char::from_u32(BRAILLE + u32::from(bits)),
        }
    }
}

/// The canvas; (0, 0) is the dot at the upper left.
#[derive(Clone, Debug)]
pub struct Dots {
    width: u16,
    height: u16,
    ascii: bool,
    cells: Vec<Cell>,
}

impl Dots {
    /// For an area of this many cells.
    pub fn new(width: u16, height: u16, ascii: bool) -> Self {
        let cells = vec![Cell::default(); usize::from(width) * usize::from(height)];
        Self { width, height, ascii, cells }
    }

    /// Sets one dot, if it is on the canvas.
    pub fn dot(&mut self, x: i32, y: i32, pen: &Pen) {
        let (right, bottom) = (i32::from(self.width * ACROSS), i32::from(self.height * DOWN));
        if x < 0 || y < 0 || x >= right || y >= bottom {
            return;
        }
        let (x, y) = (x as usize, y as usize);
        let (across, down) = (usize::from(ACROSS), usize::from(DOWN));
        let cell = &mut self.cells[y / down * usize::from(self.width) + x / across];
        if pen.layer < cell.layer {
            return;
        }
        if pen.layer > cell.layer {
            cell.bits = 0;
        }
        cell.bits |= BITS[y % down][x % across];
        cell.layer = pen.layer;
        cell.sign = pen.sign;
        cell.style = pen.style;
    }

    /// A straight line between two places, in dots; what lies outside is left out, and a place that is not finite draws
    /// nothing.
    pub fn line(&mut self, from: (f64, f64), to: (f64, f64), pen: &Pen) {
        let size = (f64::from(self.width * ACROSS), f64::from(self.height * DOWN));
        let Some((start, end)) = clip(from, to, size) else { return };
        let (dx, dy) = ((to.0 - from.0) * (end - start), (to.1 - from.1) * (end - start));
        let steps = dx.abs().max(dy.abs()).ceil().max(1.0);
        let (on, off) = (i32::from(pen.dash.0), i32::from(pen.dash.1));
        for i in 0..=steps as u32 {
            let share = start + (end - start) * f64::from(i) / steps;
            let x = (from.0 + (to.0 - from.0) * share).floor() as i32;
            let y = (from.1 + (to.1 - from.1) * share).floor() as i32;
            if off == 0 || x.rem_euclid(on + off) < on {
                self.dot(x, y, pen);
            }
        }
    }

    /// Whether a pen of at least this layer has drawn in one of the cells `columns` of a row.
    pub fn drawn(&self, columns: std::ops::Range<u16>, row: u16, layer: u8) -> bool {
        let start = usize::from(row) * usize::from(self.width);
        let columns = usize::from(columns.start)..usize::from(columns.end.min(self.width));
        row < self.height
            && columns
                .into_iter()
                .any(|x| self.cells[start + x].bits != 0 && self.cells[start + x].layer >= layer)
    }
}

/// The part of a line inside (0, 0)..size, as shares of its length.
fn clip(from: (f64, f64), to: (f64, f64), size: (f64, f64)) -> Option<(f64, f64)> {
    if ![from.0, from.1, to.0, to.1].iter().all(|v| v.is_finite()) {
        return None;
    }
    let (mut start, mut end) = (0.0_f64, 1.0_f64);
    for (a, b, high) in [(from.0, to.0, size.0), (from.1, to.1, size.1)] {
        let d = b - a;
        if d == 0.0 {
            if a < 0.0 || a >= high {
                return None;
            }
            continue;
        }
        let (enter, leave) =
            if d > 0.0 { (-a / d, (high - a) / d) } else { ((high - a) / d, -a / d) };
        start = start.max(enter);
        end = end.min(leave);
    }
    (start <= end).then_some((start, end))
}

impl Widget for &Dots {
    /// Covers only the cells that something was drawn in.
    fn render(self, area: Rect, buf: &mut Buffer) {
        let area = area.intersection(buf.area);
        for row in 0..self.height.min(area.height) {
            for column in 0..self.width.min(area.width) {
                let cell =
                    &self.cells[usize::from(row) * usize::from(self.width) + usize::from(column)];
                if let Some(sign) = cell.sign(self.ascii) {
                    let target = &mut buf[(area.x + column, area.y + row)];
                    target.reset();
                    target.set_char(sign).set_style(cell.style);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PEN: Pen = Pen::solid(1, Style::new(), '*');

    fn drawn(dots: &Dots) -> Vec<String> {
        let mut buf = Buffer::empty(Rect::new(0, 0, dots.width, dots.height));
        dots.render(buf.area, &mut buf);
        let row = |y| (0..dots.width).map(|x| buf[(x, y)].symbol().to_owned()).collect();
        (0..dots.height).map(row).collect()
    }

    #[test]
    fn every_dot_has_its_bit() {
        for (y, line) in [["⠁", "⠈"], ["⠂", "⠐"], ["⠄", "⠠"], ["⡀", "⢀"]].iter().enumerate()
        {
            for (x, sign) in line.iter().enumerate() {
                let mut dots = Dots::new(1, 1, false);
                dots.dot(x as i32, y as i32, &PEN);
                assert_eq!(drawn(&dots), [*sign]);
            }
        }
    }

    #[test]
    fn lines_are_straight_and_end_at_the_edge() {
        let mut dots = Dots::new(3, 2, false);
        dots.line((-100.0, 0.0), (1e6, 0.0), &PEN);
        dots.line((0.0, 4.0), (6.0, 8.0), &PEN);
        assert_eq!(drawn(&dots), ["⠉⠉⠉", "⠉⠢⢄"]);
    }

    #[test]
    fn a_higher_layer_takes_the_cell_and_a_lower_one_leaves_it() {
        let mut dots = Dots::new(1, 1, false);
        dots.dot(0, 0, &PEN);
        dots.dot(1, 3, &Pen { layer: 2, ..PEN });
        dots.dot(0, 1, &PEN);
        assert_eq!(drawn(&dots), ["⢀"]);
        assert!(dots.drawn(0..1, 0, 2) && !dots.drawn(0..1, 0, 3) && !dots.drawn(0..9, 1, 0));
    }

    #[test]
    fn nothing_not_finite_is_drawn() {
        let mut dots = Dots::new(2, 1, false);
        dots.line((f64::NAN, 0.0), (1.0, 1.0), &PEN);
        dots.line((0.0, f64::INFINITY), (1.0, 1.0), &PEN);
        dots.line((0.0, -3.0), (4.0, -1.0), &PEN);
        assert_eq!(drawn(&dots), ["  "]);
    }

    #[test]
    fn ascii_has_a_sign_a_cell() {
        let mut dots = Dots::new(4, 1, true);
        dots.line((0.0, 0.0), (8.0, 0.0), &Pen { dash: (2, 2), ..PEN });
        assert_eq!(drawn(&dots), ["* * "]);
        assert_eq!(PEN.stroke(false, 2), "⠤⠤");
        assert_eq!(PEN.stroke(true, 2), "**");
    }
}
