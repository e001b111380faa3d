//! Where the parts of the attention pane stand, by the room there is: the map first, then the cell's arithmetic, the row as
//! bars, and the miniatures.

use ratatui::layout::{Position, Rect};

use crate::lab::widgets::heat_map::{Grid, Window};

/// Cells of the map, the largest first.
const CELLS: [(u16, u16); 4] = [(8, 3), (4, 2), (2, 1), (1, 1)];
/// What the arithmetic needs beside the map.
const SIDE: u16 = 30;
/// What the bars need.
const BARS: u16 = 12;
/// The arithmetic without the vectors.
const TEXT: u16 = 5;

/// What has to find its place.
#[derive(Clone, Copy, Debug)]
pub struct Content {
    /// Columns of the label of a row of the map, and the gap after it.
    pub gutter: u16,
    pub queries: usize,
    pub keys: usize,
    pub heads: usize,
    pub layers: usize,
    /// (query, key)
    pub cursor: (usize, usize),
    pub layer: usize,
    /// Lines of the arithmetic.
    pub lines: u16,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Places {
    pub head: Rect,
    pub map: Grid,
    pub text: Rect,
    pub bars: Rect,
    pub miniatures: Option<Miniatures>,
}

pub fn places(area: Rect, content: &Content) -> Places {
    let head = Rect { height: area.height.min(1), ..area };
    let body = Rect { y: area.y + head.height, height: area.height - head.height, ..area };
    let columns = |count: usize| u16::try_from(count).unwrap_or(u16::MAX);
    let (queries, keys) = (columns(content.queries), columns(content.keys));
    let beside = body.width.saturating_sub(SIDE + 2);
    if beside >= keys.saturating_mul(2).saturating_add(content.gutter) || beside >= 40 {
        wide(head, body, beside, content)
    } else {
        narrow(head, body, (queries, keys), content)
    }
}

fn fit(room: Rect, content: &Content) -> Grid {
    let size = (content.queries, content.keys);
    Grid::fit(room, content.gutter, size, content.cursor, &CELLS)
}

/// The map on the left, everything else beside it; the miniatures below the map, or beside it where only there they are
/// large enough to be read.
fn wide(head: Rect, body: Rect, beside: u16, content: &Content) -> Places {
    let map = fit(Rect { width: beside, ..body }, content);
    let right_of = |width: u16| Rect {
        x: body.x + width + 2,
        width: body.width.saturating_sub(width + 2),
        ..body
    };
    let below = Miniatures::fit(rest_below(Rect { width: beside, ..body }, map.area), content);
    // Beside the map: what the arithmetic and a few bars leave.
    let side = right_of(map.area.width);
    let two = side.width >= SIDE + 2 + BARS;
    let reserved = if two { TEXT + 1 } else { 2 * TEXT + 1 };
    let left = if two { Rect { width: SIDE.max(side.width * 2 / 3), ..side } } else { side };
    let room = Rect { height: side.height.saturating_sub(reserved), ..left };
    let next = Miniatures::fit(room, content);
    let rank = |miniatures: Option<Miniatures>| miniatures.map_or(0, |m| m.rank());
    if let Some(miniatures) = below.filter(|b| b.is_clear() || rank(below) >= rank(next)) {
        let side = right_of(map.area.width.max(miniatures.area.width));
        let (text, bars) = text_and_bars(side, content);
        return Places { head, map, text, bars, miniatures: Some(miniatures) };
    }
    let used = next.map_or(0, |m| m.area.height + 1);
    let under = Rect { y: side.y + used, height: side.height - used, ..side };
    if two {
        let text = Rect { width: left.width, ..under };
        let bars = Rect { x: left.right() + 2, width: side.width - left.width - 2, ..side };
        Places { head, map, text, bars, miniatures: next }
    } else {
        let (text, bars) = text_and_bars(under, content);
        Places { head, map, text, bars, miniatures: next }
    }
}

/// The bars beside the map, the rest below both.
fn narrow(head: Rect, body: Rect, (queries, keys): (u16, u16), content: &Content) -> Places {
    let needs = |cell: u16| keys.saturating_mul(cell).saturating_add(content.gutter + 2 + BARS);
    let with_bars = needs(1) <= body.width;
    let tall = body.height > queries.saturating_add(1 + TEXT);
    let text_height = match (with_bars, tall) {
        (_, true) => body.height - queries - 1,
        (true, false) => 0,
        (false, false) => body.height.saturating_sub(5).min(4),
    };
    let width = if with_bars { body.width - 2 - BARS } else { body.width };
    let room = Rect { width, height: body.height - text_height, ..body };
    let map = fit(room, content);
    if !with_bars {
        let below = rest_below(body, map.area);
        let text = Rect { height: below.height.min(content.lines), ..below };
        let miniatures = Miniatures::fit(rest_below(below, text), content);
        return Places { head, map, text, bars: Rect { width: 0, height: 0, ..body }, miniatures };
    }
    let x = map.area.right() + 2;
    let side = Rect { x, width: body.right().saturating_sub(x), height: room.height, ..body };
    if text_height == 0 {
        // No room below: two lines of the arithmetic above the bars.
        let text = Rect { height: side.height.min(2), ..side };
        let bars = Rect { y: side.y + text.height, height: side.height - text.height, ..side };
        return Places { head, map, text, bars, miniatures: None };
    }
    // The map, or a bar for every key and their sum, whichever is taller.
    let height = map.area.height.max(keys.saturating_add(1).min(room.height));
    let bars = Rect { height, ..side };
    let below = rest_below(body, Rect { height, ..body });
    let text = Rect { height: below.height.min(content.lines), ..below };
    let miniatures = Miniatures::fit(rest_below(below, text), content);
    Places { head, map, text, bars, miniatures }
}

/// The arithmetic above, the bars below it, a line between them. The vectors come last: after the bars of all keys.
fn text_and_bars(side: Rect, content: &Content) -> (Rect, Rect) {
    let bars = content.keys.min(12) as u16 + 2;
    let spare = side.height.saturating_sub(bars + 1);
    let text = Rect { height: spare.min(content.lines).max(TEXT.min(side.height)), ..side };
    (text, rest_below(side, text))
}

/// What of `whole` lies below `part`, after an empty line.
fn rest_below(whole: Rect, part: Rect) -> Rect {
    let y = (part.bottom() + 1).min(whole.bottom());
    Rect { y, height: whole.bottom() - y, ..whole }
}

/// The grid of layers x heads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Miniatures {
    pub area: Rect,
    /// Columns of one, and twice its rows.
    pub size: u16,
    /// Columns before the first: the layer's name, if there are many.
    pub gutter: u16,
    pub layers: Window,
    pub heads: usize,
}

impl Miniatures {
    /// The largest that fit; with many layers a window around the one shown. `None` if there is only one head to show, or
    /// no room.
    fn fit(room: Rect, content: &Content) -> Option<Self> {
        let Content { heads, layers, .. } = *content;
        if heads * layers < 2 {
            return None;
        }
        let gutter = if layers > 1 { 4 } else { 0 };
        let place = |size: u16, layers: Window| {
            let this = Self { area: room, size, gutter, layers, heads };
            let width = gutter + heads as u16 * this.pitch().0 - 1;
            let height = layers.shown as u16 * this.pitch().1 + u16::from(size == 2);
            (width <= room.width && height <= room.height && layers.shown > 0)
                .then_some(Self { area: Rect { width, height, ..room }, ..this })
        };
        let all = Window { first: 0, shown: layers, total: layers };
        [16, 12, 8, 6, 4, 2].into_iter().find_map(|size| place(size, all)).or_else(|| {
            [4, 2].into_iter().find_map(|size: u16| {
                let pitch = if size == 2 { 1 } else { size / 2 + 1 };
                let shown = room.height.saturating_sub(1) / pitch;
                place(size, Window::around(content.layer, layers, usize::from(shown)))
            })
        })
    }

    /// Whether all layers are there, in more than two signs a side.
    fn is_clear(&self) -> bool {
        self.size > 2 && self.layers.is_whole()
    }

    /// How much there is to be seen: all layers before some, then large before small.
    fn rank(&self) -> u16 {
        self.size + if self.layers.is_whole() { 100 } else { 0 }
    }

    /// From one to the next. The row after each is empty, except for the smallest.
    fn pitch(&self) -> (u16, u16) {
        (self.size.max(3) + 1, if self.size == 2 { 1 } else { self.size / 2 + 1 })
    }

    /// Where the miniature of a layer and a head stands.
    pub fn place(&self, layer: usize, head: usize) -> Rect {
        let (across, down) = self.pitch();
        let row = layer.saturating_sub(self.layers.first) as u16;
        Rect {
            x: self.area.x + self.gutter + head as u16 * across,
            y: self.area.y + 1 + row * down,
            width: self.size,
            height: self.size / 2,
        }
    }

    /// The layer and the head under a position.
    pub fn at(&self, position: Position) -> Option<(usize, usize)> {
        let layers = self.layers.first..self.layers.first + self.layers.shown;
        layers
            .flat_map(|layer| (0..self.heads).map(move |head| (layer, head)))
            .find(|&(layer, head)| self.place(layer, head).contains(position))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every part of the pane at every size, for prompts of all lengths and models of all depths.
    #[test]
    fn parts_take_rectangles_of_their_own() {
        let counts = [1, 2, 3, 4, 5, 6, 7, 8, 11, 20, 32, 64];
        for (queries, keys) in counts.map(|n| (n, n)).into_iter().chain([(1, 17), (11, 10)]) {
            for (layers, heads) in [(1, 1), (1, 4), (3, 1), (3, 4), (4, 4), (6, 6), (1, 32)] {
                for lines in [3, 6, 9] {
                    let (cursor, layer) = ((queries - 1, keys - 1), layers - 1);
                    let content =
                        Content { gutter: 2, queries, keys, heads, layers, cursor, layer, lines };
                    for width in (1..=200).step_by(3) {
                        for height in 1..=58 {
                            check(Rect::new(3, 2, width, height), &content);
                        }
                    }
                }
            }
        }
    }

    fn check(area: Rect, content: &Content) {
        let places = places(area, content);
        let small = places.miniatures.map_or(Rect::ZERO, |miniatures| miniatures.area);
        let parts = [
            ("heading", places.head),
            ("map", places.map.area),
            ("arithmetic", places.text),
            ("bars", places.bars),
            ("miniatures", small),
        ];
        for (i, (name, part)) in parts.iter().enumerate() {
            assert_eq!(part.intersection(area).area(), part.area(), "{name} {part:?} of {area:?}");
            for (other, rest) in &parts[i + 1..] {
                let apart = part.is_empty() || rest.is_empty() || !part.intersects(*rest);
                assert!(apart, "{name} {part:?} and {other} {rest:?} in {area:?} of {content:?}");
            }
        }
        if let Some(miniatures) = places.miniatures {
            let shown = miniatures.layers.first..miniatures.layers.first + miniatures.layers.shown;
            for (layer, head) in shown.flat_map(|l| (0..content.heads).map(move |h| (l, h))) {
                let place = miniatures.place(layer, head);
                assert_eq!(place.intersection(small).area(), place.area(), "{place:?} {small:?}");
            }
        }
    }
}
