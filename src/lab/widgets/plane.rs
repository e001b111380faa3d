//! A part of the plane on the screen: which cell and which dot a point has.

use ratatui::layout::Rect;

use super::dots::{ACROSS, DOWN};
use super::scale::{Kind, Scale};

/// How far the axes go beyond the points, as a share of their extent.
const MARGIN: f64 = 0.2;

/// Where the plot stands, and which part of the plane it shows.
pub struct Plot {
    pub area: Rect,
    pub across: Scale,
    pub up: Scale,
}

impl Plot {
    /// The real points with a margin around them; a dot is as wide as it is high, in the plane as on the screen.
    pub fn of(real: &[[f32; 2]], area: Rect) -> Self {
        let dots = [f64::from(area.width * ACROSS), f64::from(area.height * DOWN)];
        let bounds = [0, 1].map(|axis| {
            let column = real.iter().map(|point| f64::from(point[axis])).filter(|x| x.is_finite());
            let least = column.clone().fold(f64::INFINITY, f64::min);
            (least, column.fold(f64::NEG_INFINITY, f64::max))
        });
        let extents = bounds.map(|(least, most)| (most - least) * (1.0 + MARGIN));
        let dot = (extents[0] / dots[0].max(1.0)).max(extents[1] / dots[1].max(1.0));
        let scale = |axis: usize| {
            let (least, most) = bounds[axis];
            let (middle, half) = (f64::midpoint(least, most), 0.5 * dot * dots[axis]);
            Scale::new(middle - half, middle + half, Kind::Linear)
        };
        Self { area, across: scale(0), up: scale(1) }
    }

    /// The dot of a point, from the upper left; `None` where it is outside.
    pub fn dot(&self, point: [f32; 2]) -> Option<(i32, i32)> {
        let x = self.across.place(point[0].into())? * f64::from(self.area.width * ACROSS);
        let down = 1.0 - self.up.place(point[1].into())?;
        let y = down * f64::from(self.area.height * DOWN);
        let (x, y) = (x.floor() as i32, y.floor() as i32);
        let inside = x >= 0
            && y >= 0
            && x < i32::from(self.area.width * ACROSS)
            && y < i32::from(self.area.height * DOWN);
        inside.then_some((x, y))
    }

    /// The cell of a point, as a column and a row of the area.
    pub fn cell(&self, point: [f32; 2]) -> Option<(u16, u16)> {
        let (x, y) = self.dot(point)?;
        Some((x as u16 / ACROSS, y as u16 / DOWN))
    }

    /// The place of the plane in the middle of a cell.
    pub fn middle(&self, column: u16, row: u16) -> [f64; 2] {
        let share = |i: u16, cells: u16| (f64::from(i) + 0.5) / f64::from(cells);
        let x = self.across.value(share(column, self.area.width));
        [x, self.up.value(1.0 - share(row, self.area.height))]
    }

    pub fn outside(&self, points: &[[f32; 2]]) -> usize {
        points.iter().filter(|point| self.dot(**point).is_none()).count()
    }
}
