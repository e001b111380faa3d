//! A column of the drawing: its levels, the rails beside them and the frames around them.

use std::collections::HashMap;

use unicode_width::UnicodeWidthStr;

use super::{Detail, times};
use crate::lab::flow::fold::{Fold, Shown};
use crate::model::card::{Op, Part};

/// The side of a tower on which rails stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    Left,
    Right,
}

/// A part's readers that are not on the next level of its tower.
#[derive(Clone, Debug)]
pub struct Rail {
    pub from: usize,
    pub to: Vec<usize>,
    pub lane: u16,
}

/// A frame around levels of a tower, and its name.
#[derive(Clone, Debug)]
pub struct Frame {
    pub first: usize,
    pub last: usize,
    /// Rows of its borders, counted from the bottom of the paper.
    pub bottom: u16,
    pub top: u16,
    /// What it is called: whole, and in two for either side of an arrow.
    pub name: String,
    pub halves: Option<[String; 2]>,
    /// How many alike it stands for, if not for itself alone.
    pub count: Option<usize>,
}

/// A column of levels, while it is laid out.
#[derive(Clone, Debug)]
pub struct Tower {
    /// Which of the card's.
    pub number: usize,
    pub levels: Vec<Vec<usize>>,
    pub side: Side,
    pub rails: Vec<Rail>,
    pub lanes: u16,
    pub frames: Vec<Frame>,
    /// Of the boxes that stand alone on their level.
    pub width: u16,
    /// The lowest row of each level, and the lowest and highest between it and the next, counted from the bottom.
    pub rows: Vec<u16>,
    pub gaps: Vec<(u16, u16)>,
    pub height: u16,
    /// The first column, that of the boxes, the one after what frames hold, and the one after the last.
    pub left: u16,
    pub boxes: u16,
    pub inner: u16,
    pub right: u16,
}

impl Tower {
    pub fn spine(&self) -> u16 {
        self.boxes + self.width / 2
    }

    /// Columns of the widest `×6` and of the space before it, where there is one.
    pub fn times(&self) -> u16 {
        let counts = self.frames.iter().filter_map(|frame| frame.count);
        counts.map(|count| times(count, false).width() as u16 + 1).max().unwrap_or(0)
    }

    /// Columns of a frame's border.
    pub fn border(&self) -> u16 {
        u16::from(!self.frames.is_empty())
    }

    pub fn level(&self, part: usize) -> Option<usize> {
        self.levels.iter().position(|level| level.contains(&part))
    }
}

/// Who reads whom.
pub struct Graph {
    /// By part: the parts that it reads, and those that read it.
    pub reads: Vec<Vec<usize>>,
    pub readers: Vec<Vec<usize>>,
}

impl Graph {
    pub fn new(flow: &[Part]) -> Self {
        let index: HashMap<&str, usize> =
            flow.iter().enumerate().map(|(i, part)| (part.name.as_str(), i)).collect();
        let reads: Vec<Vec<usize>> = flow
            .iter()
            .map(|part| part.from.iter().filter_map(|f| index.get(f.as_str()).copied()).collect())
            .collect();
        let mut readers = vec![Vec::new(); reads.len()];
        for (part, from) in reads.iter().enumerate() {
            for &from in from {
                readers[from].push(part);
            }
        }
        Self { reads, readers }
    }

    /// The parts of a tower by level: one a level, but for those that only meet in the next one.
    fn levels(&self, flow: &[Part], order: &[usize], beside: bool) -> Vec<Vec<usize>> {
        let mut levels: Vec<Vec<usize>> = Vec::new();
        let mut at = 0;
        while at < order.len() {
            let below = levels.last().cloned().unwrap_or_default();
            let meet = |end: &usize| {
                let Some(next) = order.get(*end) else { return false };
                order[at..*end].iter().all(|part| {
                    self.readers[*part] == [*next]
                        && flow[*part].of.is_empty()
                        && self.reads[*part].iter().all(|read| below.contains(read))
                })
            };
            let most = order.len().min(at + 4);
            let end = (at + 2..=most).rev().filter(|_| beside).find(meet).unwrap_or(at + 1);
            levels.push(order[at..end].to_vec());
            at = end;
        }
        levels
    }

    /// The parts of other towers that a tower's read.
    pub fn comes(&self, flow: &[Part], tower: &Tower) -> Vec<usize> {
        let here = |part: usize| flow[part].tower == tower.number;
        let read = |part: &usize| self.readers[*part].iter().any(|reader| here(*reader));
        (0..flow.len()).filter(|part| !here(*part) && read(part)).collect()
    }

    /// A tower of the card, not yet in its place.
    pub fn tower(&self, fold: &Fold, number: usize, side: Side, detail: Detail) -> Tower {
        let flow = fold.flow.as_slice();
        let here = |part: &usize| flow[*part].tower == number;
        let order: Vec<usize> = (0..flow.len()).filter(here).collect();
        let levels = self.levels(flow, &order, detail.beside && side == Side::Left);
        let mut tower = Tower {
            number,
            levels,
            side,
            rails: Vec::new(),
            lanes: 0,
            frames: Vec::new(),
            width: 0,
            rows: Vec::new(),
            gaps: Vec::new(),
            height: 0,
            left: 0,
            boxes: 0,
            inner: 0,
            right: 0,
        };
        self.rails(&mut tower);
        if detail.frames {
            tower.frames = frames(flow, &tower.levels, &fold.shown);
        }
        let alone = tower.levels.iter().map(|level| level[0]);
        tower.width = alone.map(|part| width(&title(flow, part, &tower))).max().unwrap_or(0);
        self.heights(flow, &mut tower, detail.rows);
        tower
    }

    /// Rails that are in use at the same height are on different lanes.
    fn rails(&self, tower: &mut Tower) {
        let mut free: Vec<usize> = Vec::new();
        for (at, level) in tower.levels.iter().enumerate() {
            for &from in level {
                let above = |part: &usize| tower.level(*part).filter(|level| *level > at + 1);
                let later: Vec<usize> = self.readers[from]
                    .iter()
                    .copied()
                    .filter(|part| above(part).is_some())
                    .collect();
                let Some(end) = later.iter().filter_map(above).max() else { continue };
                let lane = free.iter().position(|free| *free <= at).unwrap_or(free.len());
                if lane == free.len() {
                    free.push(end);
                } else {
                    free[lane] = end;
                }
                tower.rails.push(Rail { from, to: later, lane: lane as u16 });
            }
        }
        tower.lanes = free.len() as u16;
    }

    /// The rows of everything, from the bottom up.
    fn heights(&self, flow: &[Part], tower: &mut Tower, box_rows: u16) {
        let mut h = 0;
        for (at, level) in tower.levels.iter().enumerate() {
            if let Some(frame) = tower.frames.iter_mut().find(|frame| frame.first == at) {
                frame.bottom = h;
                h += 1;
            }
            if at > 0 {
                // Where parts meet that stand beside each other, shapes have a row of their own.
                let rows = if tower.levels[at - 1].len() > 1 { 2 } else { 1 };
                tower.gaps.push((h, h + rows - 1));
                h += rows;
            }
            tower.rows.push(h);
            h += level.iter().map(|part| height(flow, *part, box_rows)).max().unwrap_or(1);
            if let Some(frame) = tower.frames.iter_mut().find(|frame| frame.last == at) {
                frame.top = h;
                h += 1;
            }
        }
        tower.gaps.push((h, h));
        let leaves = |part: &usize| self.readers[*part].iter().any(|r| tower.level(*r).is_none());
        h += u16::from(tower.levels.last().is_some_and(|level| level.iter().any(leaves)));
        tower.height = h;
    }
}

/// Whether a part is drawn small and round.
pub fn is_round(op: Op) -> bool {
    op == Op::Add
}

pub fn height(flow: &[Part], part: usize, rows: u16) -> u16 {
    if is_round(flow[part].op) { 1 } else { rows }
}

/// Of a box with this title.
pub fn width(title: &str) -> u16 {
    title.width() as u16 + 4
}

/// A part's title; what it is a part of is added where no frame says it.
pub fn title(flow: &[Part], part: usize, tower: &Tower) -> String {
    let level = tower.level(part);
    let framed = |level| tower.frames.iter().any(|f| (f.first..=f.last).contains(&level));
    let part = &flow[part];
    let alone = {
        let of = |level: &Vec<usize>| level.iter().any(|p| flow[*p].of == part.of);
        tower.levels.iter().filter(|level| of(level)).count() == 1
    };
    match part.of.as_str() {
        of if alone && !of.is_empty() && !level.is_some_and(framed) => {
            format!("{}, {of}", part.title)
        }
        _ => part.title.clone(),
    }
}

/// A frame around every two or more levels that are parts of the same, and around what stands for others.
fn frames(flow: &[Part], levels: &[Vec<usize>], shown: &[Shown]) -> Vec<Frame> {
    let of = |level: usize| flow[levels[level][0]].of.as_str();
    let mut frames = Vec::new();
    let mut first = 0;
    while first < levels.len() {
        let last = (first..levels.len()).take_while(|level| of(*level) == of(first)).last();
        let last = last.unwrap_or(first);
        let one = shown.iter().find(|shown| shown.of == of(first));
        if (last > first || one.is_some()) && !of(first).is_empty() {
            let (name, halves) = one.map_or((of(first).to_owned(), None), Shown::names);
            let count = one.map(|shown| shown.count);
            frames.push(Frame { first, last, bottom: 0, top: 0, name, halves, count });
        }
        first = last + 1;
    }
    frames
}
