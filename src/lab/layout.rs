//! Which panes show, and where, at a given size: the same every time for the same lesson and size.
//!
//! - from 80x24: the first pane of the side column (two when tall) beside one of the main column (two when tall)
//! - from 110x32: two of the side column on the left; two rows and a split row on the right
//! - from 170x44: three columns with everything

use ratatui::layout::{Rect, Size};

use super::pane::Column;
use super::panes::PaneId;

/// Under this size the lab says so instead of drawing.
pub const SMALLEST: Size = Size::new(80, 24);

/// One frame's rectangles. Panes include their borders.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Layout {
    pub header: Rect,
    pub footer: Rect,
    /// Visible panes; empty when the screen is too small.
    pub panes: Vec<(PaneId, Rect)>,
}

impl Layout {
    pub fn area(&self, pane: PaneId) -> Option<Rect> {
        self.panes.iter().find(|(id, _)| *id == pane).map(|(_, area)| *area)
    }

    pub fn shows(&self, pane: PaneId) -> bool {
        self.area(pane).is_some()
    }

    /// The pane under a cell of the screen.
    pub fn at(&self, column: u16, row: u16) -> Option<PaneId> {
        let here = |(_, area): &&(PaneId, Rect)| area.contains((column, row).into());
        self.panes.iter().find(here).map(|(pane, _)| *pane)
    }
}

/// Lays out a lesson's panes. `called` is shown in any case (in the last place, if need be); `zoom` fills the screen.
pub fn layout(
    size: Size,
    panes: &[(PaneId, Column)],
    called: Option<PaneId>,
    zoom: Option<PaneId>,
) -> Layout {
    let screen = Rect::new(0, 0, size.width, size.height);
    if size.width < SMALLEST.width || size.height < SMALLEST.height {
        return Layout { header: Rect::ZERO, footer: Rect::ZERO, panes: Vec::new() };
    }
    let header = Rect { height: 1, ..screen };
    let footer = Rect { y: size.height - 1, height: 1, ..screen };
    let body = Rect { y: 1, height: size.height - 2, ..screen };
    let panes = match zoom {
        Some(pane) => vec![(pane, body)],
        None => arrange(body, panes, called),
    };
    Layout { header, footer, panes }
}

fn arrange(body: Rect, panes: &[(PaneId, Column)], called: Option<PaneId>) -> Vec<(PaneId, Rect)> {
    let of = |wanted: Column| {
        let here = panes.iter().filter(move |(_, column)| *column == wanted);
        here.map(|(pane, _)| *pane).collect::<Vec<_>>()
    };
    let (mut left, mut shown) = (of(Column::Side), of(Column::Main));
    let places = places(body, left.len(), shown.len());
    // What has no room on the left can stand on the right.
    shown.extend(left.split_off(places.left.len().min(left.len())));
    let hidden = shown.split_off(places.right.len().min(shown.len()));
    if let Some(called) = called.filter(|called| hidden.contains(called))
        && let Some(last) = shown.last_mut().or(left.last_mut())
    {
        *last = called;
    }
    left.into_iter().zip(places.left).chain(shown.into_iter().zip(places.right)).collect()
}

/// Room in the left column, and on the right in the order of importance.
struct Places {
    left: Vec<Rect>,
    right: Vec<Rect>,
}

fn places(body: Rect, sides: usize, mains: usize) -> Places {
    let tall = body.height >= 34;
    if body.width >= 170 && body.height >= 42 {
        let [left, middle, right] = split(body, [29, 39, 32]);
        let left = left_column(left, sides);
        let waiting = mains + sides.saturating_sub(left.len());
        let in_middle = waiting.min(2);
        let in_right = waiting.saturating_sub(2).min(4);
        if in_right == 0 {
            let rest = Rect { width: middle.width + right.width, ..middle };
            return Places { left, right: rows(rest, &weights(in_middle)) };
        }
        let mut places = rows(middle, &weights(in_middle));
        places.extend(rows(right, &weights(in_right)));
        Places { left, right: places }
    } else if body.width >= 110 && body.height >= 30 {
        let [left, right] = split(body, [40, 60]);
        let left = left_column(left, sides);
        // Few panes get a row each; more share the last one.
        let right = match (mains + sides.saturating_sub(left.len()), tall) {
            (waiting @ 0..=2, _) => rows(right, &weights(waiting)),
            (3, true) => rows(right, &[36, 36, 28]),
            (_, true) => last_split(rows(right, &[36, 36, 28])),
            (_, false) => last_split(rows(right, &[55, 45])),
        };
        Places { left, right }
    } else {
        let [left, right] = split(body, [49, 51]);
        let left = left_column(left, if tall { sides } else { 1 });
        // What does not fit on the left can be called to the right.
        let waiting = mains + sides.saturating_sub(left.len());
        Places { left, right: rows(right, &weights(waiting.min(if tall { 2 } else { 1 }))) }
    }
}

/// The first pane, and where there are more a second one below it.
fn left_column(area: Rect, sides: usize) -> Vec<Rect> {
    if sides < 2 {
        return vec![area];
    }
    let below = (area.height * 3 / 10).clamp(9, 16).min(area.height);
    let above = area.height - below;
    vec![Rect { height: above, ..area }, Rect { y: area.y + above, height: below, ..area }]
}

fn weights(n: usize) -> Vec<u32> {
    vec![1; n]
}

/// Columns of these percentages, without gaps.
fn split<const N: usize>(area: Rect, percent: [u32; N]) -> [Rect; N] {
    let mut done = 0;
    let mut x = area.x;
    percent.map(|share| {
        done += share;
        let end = area.x + (u32::from(area.width) * done / 100) as u16;
        let column = Rect { x, width: end - x, ..area };
        x = end;
        column
    })
}

/// Rows of these weights, without gaps.
fn rows(area: Rect, weights: &[u32]) -> Vec<Rect> {
    let total: u32 = weights.iter().sum();
    let mut done = 0;
    let mut y = area.y;
    let row = |weight: &u32| {
        done += weight;
        let end = area.y + (u32::from(area.height) * done / total.max(1)) as u16;
        let row = Rect { y, height: end - y, ..area };
        y = end;
        row
    };
    weights.iter().map(row).collect()
}

/// Two panes side by side in the last row.
fn last_split(mut rows: Vec<Rect>) -> Vec<Rect> {
    if let Some(last) = rows.pop() {
        rows.extend(split(last, [55, 45]));
    }
    rows
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lab::border;
    use crate::lab::panes::Panes;
    use crate::lesson::COLUMNS;

    const FULL: [PaneId; 8] = [
        PaneId::Lesson,
        PaneId::Loss,
        PaneId::Attention,
        PaneId::Softmax,
        PaneId::Samples,
        PaneId::Embeddings,
        PaneId::Hyperparameters,
        PaneId::Inside,
    ];

    /// The first few of them, each in its column.
    fn first(n: usize) -> Vec<(PaneId, Column)> {
        let panes = Panes::default();
        FULL[..n].iter().map(|&pane| (pane, panes.get(pane).column())).collect()
    }

    fn ids(layout: &Layout) -> Vec<PaneId> {
        layout.panes.iter().map(|(id, _)| *id).collect()
    }

    #[test]
    fn panes_never_overlap_nor_leave_the_screen() {
        for width in 0..=250 {
            for height in 0..=80 {
                for n in 0..=FULL.len() {
                    for called in [None, Some(PaneId::Inside), Some(PaneId::Hyperparameters)] {
                        let size = Size::new(width, height);
                        let layout = layout(size, &first(n), called, None);
                        let mut cells = 0;
                        for (i, (id, area)) in layout.panes.iter().enumerate() {
                            assert!(
                                area.right() <= width && area.bottom() < height,
                                "{id:?} {area:?} of {size}"
                            );
                            assert!(
                                area.width >= 30 && area.height >= 7,
                                "{id:?} {area:?} of {size}"
                            );
                            cells += area.area();
                            for (other, rest) in &layout.panes[i + 1..] {
                                assert!(
                                    !area.intersects(*rest) && id != other,
                                    "{id:?} {other:?} at {size}"
                                );
                            }
                        }
                        if n > 1 && !layout.panes.is_empty() {
                            assert_eq!(
                                cells,
                                u32::from(width) * (u32::from(height) - 2),
                                "a gap at {size} with {n}"
                            );
                        }
                        if let Some(called) = called.filter(|c| n > 1 && FULL[..n].contains(c)) {
                            assert!(
                                layout.panes.is_empty() || layout.shows(called),
                                "{called:?} at {size} with {n}"
                            );
                        }
                    }
                }
            }
        }
    }

    #[test]
    fn what_shows_at_the_usual_sizes() {
        use PaneId::{
            Attention, Embeddings, Hyperparameters, Inside, Lesson, Loss, Samples, Softmax,
        };
        let at = |width, height| ids(&layout(Size::new(width, height), &first(8), None, None));
        assert_eq!(at(79, 24), []);
        assert_eq!(at(80, 24), [Lesson, Loss]);
        assert_eq!(at(120, 40), [Lesson, Hyperparameters, Loss, Attention, Softmax, Samples]);
        assert_eq!(at(200, 60).len(), 8);
        assert!(at(200, 60).contains(&Inside) && at(200, 60).contains(&Embeddings));
    }

    #[test]
    fn lessons_are_written_for_the_smallest_screen() {
        let shown = layout(SMALLEST, &first(8), None, None);
        let room = border::inside(shown.area(PaneId::Lesson).unwrap());
        assert_eq!(room.width, COLUMNS);
        // On every larger one a page has as much room or more.
        for (width, height) in [(80, 60), (109, 29), (110, 30), (169, 60), (170, 42)] {
            let shown = layout(Size::new(width, height), &first(8), None, None);
            let room = border::inside(shown.area(PaneId::Lesson).unwrap());
            assert!(room.width >= COLUMNS, "{width}x{height}");
        }
    }

    #[test]
    fn a_called_pane_takes_the_last_place() {
        let called = |width, height, pane| {
            ids(&layout(Size::new(width, height), &first(8), Some(pane), None))
        };
        assert_eq!(called(80, 24, PaneId::Softmax), [PaneId::Lesson, PaneId::Softmax]);
        assert_eq!(
            called(80, 24, PaneId::Hyperparameters),
            [PaneId::Lesson, PaneId::Hyperparameters]
        );
        assert_eq!(called(120, 40, PaneId::Inside).last(), Some(&PaneId::Inside));
    }

    #[test]
    fn zoom_fills_the_screen_between_header_and_footer() {
        let layout = layout(Size::new(100, 30), &first(8), None, Some(PaneId::Loss));
        assert_eq!(layout.panes, [(PaneId::Loss, Rect::new(0, 1, 100, 28))]);
    }
}
