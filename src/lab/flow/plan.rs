//! Where everything stands: the parts of a card as boxes, on paper that is as high as it must be.
//!
//! Data flow upwards. Parts stand on levels, in the order in which they are computed; a tower is a column of levels. What
//! the next level reads goes straight up. What a later level reads goes around the boxes between, on a rail at the tower's
//! outer side. What another tower reads crosses over between the two.

mod tower;

use ratatui::layout::{Rect, Size};
use unicode_width::UnicodeWidthStr;

use super::fold::Fold;
use super::lines::{DOWN, LEFT, Lines, RIGHT, UP};
use crate::model::card::{Axis, Glance, Part};
pub use tower::is_round;
use tower::{Graph, Side, Tower, height, title, width};

/// Columns of the widest size, `9.9e-3`, which stands one column from its box.
const NUMBER: u16 = 6;

/// A part as a box.
#[derive(Clone, Debug)]
pub struct Placed {
    /// Its index in the flow; of what leaves the box, where it stands for several.
    pub part: usize,
    /// The others, which come before it.
    pub inside: Vec<usize>,
    pub tower: usize,
    pub title: String,
    pub area: Rect,
    /// Where the size of its activation stands.
    pub number: Option<Rect>,
}

impl Placed {
    pub fn holds(&self, part: usize) -> bool {
        self.part == part || self.inside.contains(&part)
    }

    pub fn middle(&self) -> (u16, u16) {
        (self.area.x + self.area.width / 2, self.area.y + self.area.height / 2)
    }
}

/// The drawing.
#[derive(Clone, Debug, Default)]
pub struct Plan {
    pub size: Size,
    /// In no order.
    pub boxes: Vec<Placed>,
    /// The shape on the arrow that leaves a part.
    pub shapes: Vec<(Rect, usize)>,
    /// What frames are called.
    pub names: Vec<(Rect, String)>,
    /// How many layers a frame stands for, and a part in it.
    pub times: Vec<(Rect, usize, usize)>,
    pub lines: Lines,
    /// Who is read by whom, as drawn.
    pub edges: Vec<(usize, usize)>,
    /// What the room was too narrow for.
    pub left_out: Vec<&'static str>,
}

/// What is drawn.
// Each is something that a drawing in less room goes without.
#[allow(clippy::struct_excessive_bools)]
#[derive(Clone, Copy, Debug)]
struct Detail {
    /// The only tower, or all.
    tower: Option<usize>,
    frames: bool,
    numbers: bool,
    /// Whether it stands beside a frame how many it stands for, and not on its border.
    times: bool,
    /// Whether parts that meet in one stand beside each other.
    beside: bool,
    /// Of a box: 3 with a line around it, or 1. A round one has 1.
    rows: u16,
}

/// `T 8 × C 32`
pub fn shape(axes: &[Axis], ascii: bool) -> String {
    let axes: Vec<_> = axes.iter().map(ToString::to_string).collect();
    axes.join(if ascii { " x " } else { " × " })
}

/// `×6`
pub fn times(count: usize, ascii: bool) -> String {
    format!("{}{count}", if ascii { "x" } else { "×" })
}

/// The fullest drawing that is no wider than the room: its boxes have borders where all of it is no higher either. `None`
/// where not even the bare boxes fit. `tower` is kept where there is room for one alone.
pub fn plan(fold: &Fold, room: Size, tower: usize) -> Option<Plan> {
    let towers = fold.flow.iter().map(|part| part.tower).max()? + 1;
    let wholes: &[Option<usize>] = if towers > 1 { &[None, Some(tower)] } else { &[None] };
    let ways: &[(bool, bool)] = if fold.shown.is_empty() {
        &[(true, true), (true, false)]
    } else {
        &[(true, true), (true, false), (false, true), (false, false)]
    };
    for &tower in wholes {
        for (frames, numbers) in [(true, true), (false, true), (true, false), (false, false)] {
            for &(times, beside) in ways {
                let high = Detail { tower, frames, numbers, times, beside, rows: 3 };
                let low = Detail { rows: 1, ..high };
                let fits = |detail| Plan::new(fold, detail, room);
                let Some(mut plan) = fits(high).or_else(|| fits(low)) else { continue };
                let missing =
                    [(tower.is_some(), "both towers"), (!frames, "frames"), (!numbers, "sizes")];
                let missing = missing.iter().filter(|(missing, _)| *missing);
                plan.left_out = missing.map(|(_, what)| *what).collect();
                return Some(plan);
            }
        }
    }
    None
}

/// The same in as few rows as there can be. Where there is room, what sizes would take is left to the shapes.
pub fn compact(fold: &Fold, width: u16) -> Option<Plan> {
    let towers = fold.flow.iter().map(|part| part.tower).max()? + 1;
    let wholes: &[Option<usize>] = if towers > 1 { &[None, Some(0)] } else { &[None] };
    let room = Size::new(width, u16::MAX);
    for &tower in wholes {
        for (frames, beside) in [(true, true), (true, false), (false, true), (false, false)] {
            for numbers in [true, false] {
                let detail = Detail { tower, frames, numbers, times: true, beside, rows: 1 };
                let plan = Plan::new(fold, detail, room);
                if plan.is_some() {
                    return plan;
                }
            }
        }
    }
    None
}

impl Plan {
    /// `None` where it is too wide, or boxes with a line around them are together too high.
    fn new(fold: &Fold, detail: Detail, room: Size) -> Option<Self> {
        let flow = fold.flow.as_slice();
        let graph = Graph::new(flow);
        let count = flow.iter().map(|part| part.tower + 1).max().unwrap_or(0);
        let shown = |tower: &usize| detail.tower.is_none_or(|only| only == *tower);
        let numbers: Vec<usize> = (0..count).filter(shown).collect();
        let mut plan = Self::default();
        let mut towers: Vec<Tower> = Vec::new();
        for &number in &numbers {
            let outer = numbers.len() > 1 && numbers.last() == Some(&number);
            let side = if outer { Side::Right } else { Side::Left };
            towers.push(graph.tower(fold, number, side, detail));
        }
        plan.size.height = towers.iter().map(|tower| tower.height).max().unwrap_or(0);
        if detail.rows > 1 && plan.size.height > room.height {
            return None;
        }
        // What comes in from other towers: into which tower, from where, and the first of the columns on which it rises.
        let mut crossings = Vec::new();
        for (at, tower) in towers.iter_mut().enumerate() {
            let comes = graph.comes(flow, tower);
            tower.left = plan.size.width;
            if at > 0 {
                crossings.push((at, comes.clone(), tower.left + 1));
                tower.left += 1 + 2 * (comes.len() as u16).max(1);
            }
            plan.place(flow, tower, !comes.is_empty(), detail);
        }
        if plan.size.width > room.width {
            return None;
        }
        plan.boxes.sort_by_key(|placed| placed.part);
        for tower in &towers {
            plan.frames(tower);
            plan.straight(&graph, tower);
            plan.rails(tower);
        }
        for (at, comes, lane) in crossings {
            let (before, after) = towers.split_at(at);
            for (lane, from) in (lane..).step_by(2).zip(comes) {
                if let Some(tower) = before.iter().find(|tower| tower.level(from).is_some()) {
                    plan.cross(&graph, (from, tower), &after[0], lane);
                }
            }
        }
        plan.not_shown(&graph);
        plan.tips();
        for tower in &towers {
            plan.label(flow, tower, detail.times);
        }
        plan.unfold(&fold.parts);
        Some(plan)
    }

    /// Puts the card's parts where those of the drawn flow were.
    fn unfold(&mut self, parts: &[Vec<usize>]) {
        let last = |part: &mut usize| {
            if let Some(own) = parts[*part].last() {
                *part = *own;
            }
        };
        for placed in &mut self.boxes {
            let (_, inside) = parts[placed.part].split_last().unwrap_or((&0, &[]));
            placed.inside = inside.to_vec();
            last(&mut placed.part);
        }
        self.shapes.iter_mut().for_each(|(_, part)| last(part));
        self.times.iter_mut().for_each(|(_, _, part)| last(part));
        for (from, to) in &mut self.edges {
            last(from);
            last(to);
        }
    }

    /// The row of the paper that is `h` above its lowest one.
    fn row(&self, h: u16) -> u16 {
        self.size.height - 1 - h
    }

    /// The box of a part, if its tower is drawn.
    pub fn of(&self, part: usize) -> Option<&Placed> {
        self.boxes.iter().find(|placed| placed.holds(part))
    }

    /// Puts a tower's boxes where they stand, from its left edge on; the paper grows by its width.
    fn place(&mut self, flow: &[Part], tower: &mut Tower, entered: bool, detail: Detail) {
        let (border, lanes) = (tower.border(), 2 * tower.lanes);
        let times = if detail.times { tower.times() } else { 0 };
        let (left_times, right_times) =
            if tower.side == Side::Left { (times, 0) } else { (0, times) };
        tower.left += left_times;
        let (left_rails, right_rails) =
            if tower.side == Side::Left { (lanes, 0) } else { (0, lanes) };
        tower.boxes = tower.left + border + left_rails.max(u16::from(entered)).max(border);
        let sized = |part: usize| detail.numbers && flow[part].glance != Glance::No;
        let any = tower.levels.iter().flatten().any(|part| sized(*part));
        let column = if any { 1 + NUMBER } else { 0 };
        let numbers = tower.boxes + tower.width + right_rails + 1;
        tower.inner = tower.boxes + tower.width + right_rails + column;
        tower.right = tower.inner + border + right_times;
        for (level, &h) in tower.levels.iter().zip(&tower.rows) {
            let mut x = tower.boxes;
            for (at, &part) in level.iter().enumerate() {
                let title = title(flow, part, tower);
                let (round, high) = (is_round(flow[part].op), height(flow, part, detail.rows));
                let wide = if at > 0 || round { width(&title) } else { tower.width };
                let x0 = if at == 0 { tower.spine() - wide / 2 } else { x };
                let area = Rect::new(x0, self.row(h + high - 1), wide, high);
                let beside = if at == 0 { numbers } else { area.right() + 1 };
                let y = area.y + high / 2;
                let number = sized(part).then(|| Rect::new(beside, y, NUMBER, 1));
                let inside = Vec::new();
                self.boxes.push(Placed { part, inside, tower: tower.number, title, area, number });
                x = (if at == 0 { numbers - 1 } else { area.right() }) + column + 2;
                tower.right = tower.right.max(x - 2);
            }
        }
        self.size.width = tower.right;
    }

    fn frames(&mut self, tower: &Tower) {
        for frame in &tower.frames {
            let (top, bottom) = (self.row(frame.top), self.row(frame.bottom));
            self.lines.frame((tower.left, top), (tower.inner, bottom));
        }
    }

    /// From each level to the next.
    fn straight(&mut self, graph: &Graph, tower: &Tower) {
        for (levels, gap) in tower.levels.windows(2).zip(&tower.gaps) {
            let turn = self.row(gap.1);
            for &from in &levels[0] {
                for &to in levels[1].iter().filter(|to| graph.readers[from].contains(to)) {
                    let (Some(a), Some(b)) = (self.of(from), self.of(to)) else { continue };
                    let start = (a.middle().0, a.area.y - 1);
                    let end = (b.middle().0, b.area.bottom());
                    self.lines.path(&[start, (start.0, turn), (end.0, turn), end]);
                    self.lines.touch(start, DOWN);
                    self.lines.touch(end, UP);
                    self.edges.push((from, to));
                }
            }
        }
    }

    /// Around the boxes between.
    fn rails(&mut self, tower: &Tower) {
        for rail in &tower.rails {
            let Some(level) = tower.level(rail.from) else { continue };
            let turn = self.row(tower.gaps[level].1);
            let Some(start) = self.of(rail.from).map(|a| (a.middle().0, a.area.y - 1)) else {
                continue;
            };
            let lane = match tower.side {
                Side::Left => tower.boxes - 2 - 2 * rail.lane,
                Side::Right => tower.boxes + tower.width + 1 + 2 * rail.lane,
            };
            for &to in &rail.to {
                let Some(area) = self.of(to).map(|b| b.area) else { continue };
                let y = area.y + area.height / 2;
                let (end, tip) = match tower.side {
                    Side::Left => ((area.x - 1, y), RIGHT),
                    Side::Right => ((area.right(), y), LEFT),
                };
                self.lines.path(&[start, (start.0, turn), (lane, turn), (lane, y), end]);
                self.lines.touch(start, DOWN);
                self.lines.tip(end, tip);
                self.edges.push((rail.from, to));
            }
        }
    }

    /// From a part of one tower into another, to its right.
    fn cross(&mut self, graph: &Graph, (from, tower): (usize, &Tower), into: &Tower, lane: u16) {
        let Some(level) = tower.level(from) else { return };
        let turn = self.row(tower.gaps[level].1);
        let Some(start) = self.of(from).map(|a| (a.middle().0, a.area.y - 1)) else { return };
        for &to in &graph.readers[from] {
            let Some(b) = self.of(to).filter(|b| b.tower == into.number) else { continue };
            let end = (b.area.x - 1, b.middle().1);
            self.lines.path(&[start, (start.0, turn), (lane, turn), (lane, end.1), end]);
            self.lines.touch(start, DOWN);
            self.lines.tip(end, RIGHT);
            self.edges.push((from, to));
        }
    }

    /// The tip alone of what comes from a tower that is not drawn.
    fn not_shown(&mut self, graph: &Graph) {
        for placed in &self.boxes {
            let shown = |from: &usize| self.boxes.iter().any(|other| other.part == *from);
            if !graph.reads[placed.part].iter().all(shown) {
                self.lines.tip((placed.area.x - 1, placed.middle().1), RIGHT);
            }
        }
    }

    /// Where an arrow that goes straight up comes to a box.
    fn tips(&mut self) {
        for placed in &self.boxes {
            let under = (placed.middle().0, placed.area.bottom());
            if self.lines.at(under).flow == UP | DOWN {
                self.lines.tip(under, UP);
            }
        }
    }

    /// Names of frames, how many they stand for, and shapes on arrows, where there is room for them.
    fn label(&mut self, flow: &[Part], tower: &Tower, beside: bool) {
        let spine = tower.spine();
        for frame in &tower.frames {
            let (y, starts) = (self.row(frame.top), [tower.left + 2, spine + 2]);
            let place = |plan: &Self, x, name: &str| {
                let area = Rect::new(x, y, name.width() as u16 + 2, 1);
                (area.right() <= tower.inner && plan.is_free(area)).then_some(area)
            };
            let whole = starts.into_iter().find_map(|x| place(self, x, &frame.name));
            if let Some(area) = whole {
                self.names.push((area, format!(" {} ", frame.name)));
            } else if let Some([before, after]) = &frame.halves {
                let areas = [place(self, starts[0], before), place(self, starts[1], after)];
                for (area, name) in areas.into_iter().zip([before, after]) {
                    self.names.extend(area.map(|area| (area, format!(" {name} "))));
                }
            }
            if let Some(count) = frame.count {
                let wide = times(count, false).width() as u16;
                let (top, bottom) = (y, self.row(frame.bottom));
                let x = match (beside, tower.side) {
                    (false, _) => tower.left + 2,
                    (true, Side::Left) => tower.left - wide - 1,
                    (true, Side::Right) => tower.inner + 2,
                };
                // In the middle, or as near above or below it as there is no arrow.
                let middle = top.midpoint(bottom);
                let mut rows: Vec<u16> =
                    if beside { (top..=bottom).collect() } else { vec![bottom] };
                rows.sort_by_key(|y| y.abs_diff(middle));
                let areas = rows.into_iter().map(|y| Rect::new(x, y, wide, 1));
                let free = areas.into_iter().find(|area| self.is_free(*area));
                let part = tower.levels[frame.first][0];
                self.times.extend(free.map(|area| (area, count, part)));
            }
        }
        for (at, level) in tower.levels.iter().enumerate() {
            for &part in level {
                let (axes, middle) = (&flow[part].axes, self.of(part).map(Placed::middle));
                let Some((x, _)) = middle.filter(|_| !axes.is_empty()) else { continue };
                if !self.edges.iter().any(|(from, _)| *from == part) {
                    continue;
                }
                let wide = shape(axes, false).width() as u16;
                let y = self.row(tower.gaps[at].0);
                let right = if x == spine { tower.inner } else { tower.right };
                let left = tower.left + tower.border();
                let after = Some(x + 2).filter(|x| x + wide <= right);
                let before = (x.checked_sub(wide + 1)).filter(|x| *x >= left);
                let places =
                    if tower.side == Side::Left { [after, before] } else { [before, after] };
                for x in places.into_iter().flatten() {
                    let area = Rect::new(x, y, wide, 1);
                    if self.is_free(area) {
                        self.shapes.push((area, part));
                        break;
                    }
                }
            }
        }
    }

    /// Whether nothing of the flow, and no other text, is in an area of one row or right beside it.
    fn is_free(&self, area: Rect) -> bool {
        let lines =
            (area.x.saturating_sub(1)..=area.right()).all(|x| self.lines.at((x, area.y)).flow == 0);
        let texts = self.boxes.iter().map(|placed| placed.area);
        let texts = texts.chain(self.boxes.iter().filter_map(|placed| placed.number));
        let texts = texts.chain(self.shapes.iter().map(|(area, _)| *area));
        let texts = texts.chain(self.names.iter().map(|(area, _)| *area));
        let mut texts = texts.chain(self.times.iter().map(|(area, ..)| *area));
        lines && texts.all(|a| !a.intersects(area))
    }
}
