//! A model's parts drawn from its own card: boxes and arrows with shapes, for the diagram's pane and for a page's text.

pub mod fold;
pub mod lines;
pub mod plan;
#[cfg(test)]
mod tests;

use ratatui::buffer::Buffer;
use ratatui::layout::{Rect, Size};
use ratatui::style::{Modifier, Style};
use ratatui::text::{Line, Span};
use ratatui::widgets::{Block, Widget};
use unicode_width::UnicodeWidthStr;

use super::number::value;
use super::pen::put;
use super::theme::{Role, Theme, dimension};
use crate::lesson::parts::is_among;
use crate::model::Card;
use crate::model::card::Axis;
use fold::{Fold, stacks};
use plan::{Placed, Plan, compact, is_round, times};

/// Which parts have one of these names; `None` where the model has none of them.
pub fn lit(card: &Card, names: &[String]) -> Option<Vec<bool>> {
    let lit: Vec<bool> = card.flow.iter().map(|part| is_among(part, names)).collect();
    lit.contains(&true).then_some(lit)
}

/// How a plan looks.
pub struct Painter<'a> {
    pub theme: &'a Theme,
    pub card: &'a Card,
    /// The part under the cursor.
    pub chosen: Option<usize>,
    /// Of each part whether it is spoken of; the others step back.
    pub lit: Option<Vec<bool>>,
    /// Of each part the size of its activation, where that is known.
    pub sizes: Vec<Option<f64>>,
}

impl Painter<'_> {
    /// Draws what of the paper has a place on the screen.
    pub fn paint(&self, plan: &Plan, place: impl Fn(Rect) -> Option<Rect>, buf: &mut Buffer) {
        let theme = self.theme;
        let back = |style| if self.lit.is_some() { dimmed(style) } else { style };
        let (muted, faint) = (back(theme.style(Role::Muted)), back(theme.style(Role::Faint)));
        for (&(x, y), cell) in &plan.lines.0 {
            let Some(at) = place(Rect::new(x, y, 1, 1)) else { continue };
            let style = if cell.flow == 0 && cell.tip == 0 { faint } else { muted };
            let sign = match cell.tip {
                0 => lines::sign(cell.flow | cell.frame),
                lines::UP => "▲",
                lines::LEFT => theme.glyphs.left,
                _ => theme.glyphs.right,
            };
            put(buf, at, at.x, at.y, sign, style);
        }
        for (area, name) in &plan.names {
            if let Some(at) = place(*area) {
                put(buf, at, at.x, at.y, name, muted);
            }
        }
        for (area, count, part) in &plan.times {
            if let Some(at) = place(*area) {
                // What is spoken of may be in a layer that is not drawn.
                let style = match self.is_spoken_of(*part) {
                    Some(true) => theme.style(Role::Heading),
                    _ => back(theme.style(Role::Text)),
                };
                put(buf, at, at.x, at.y, &times(*count, theme.glyphs.ascii), style);
            }
        }
        for (area, part) in &plan.shapes {
            if let Some(at) = place(*area) {
                let mut shape = Line::from(axes(theme, &self.card.flow[*part].axes));
                if self.is_lit(*part) == Some(false) {
                    shape.spans.iter_mut().for_each(|span| span.style = dimmed(span.style));
                }
                shape.render(at, buf);
            }
        }
        for placed in &plan.boxes {
            if let Some(at) = place(placed.area) {
                self.paint_box(placed, at, buf);
            }
            let size = self.sizes.get(placed.part).copied().flatten();
            let number = placed.number.and_then(&place);
            if let Some((at, size)) = number.zip(size) {
                let style = theme.style(Role::Text);
                let back = self.is_lit_box(placed) == Some(false);
                let style = if back { dimmed(style) } else { style };
                put(buf, at, at.x, at.y, &size_label(size), style);
            }
        }
    }

    fn is_lit(&self, part: usize) -> Option<bool> {
        self.lit.as_ref().map(|lit| lit[part])
    }

    fn is_lit_box(&self, placed: &Placed) -> Option<bool> {
        self.lit.as_ref().map(|lit| lit[placed.part] || placed.inside.iter().any(|part| lit[*part]))
    }

    /// Whether any of the layers is, for all of which the one with this part is drawn.
    fn is_spoken_of(&self, part: usize) -> Option<bool> {
        let lit = self.lit.as_ref()?;
        let stacks = stacks(&self.card.flow);
        let stack = stacks.iter().find(|stack| stack.place(part).is_some())?;
        Some(stack.layers.iter().flatten().any(|part| lit[*part]))
    }

    /// Of a box's title where the cursor is not on it.
    fn title(&self, placed: &Placed) -> Style {
        match self.is_lit_box(placed) {
            Some(true) => self.theme.style(Role::Heading),
            Some(false) => dimmed(self.theme.style(Role::Text)),
            None => self.theme.style(Role::Text),
        }
    }

    /// Of a box's edge and of its title.
    fn styles(&self, placed: &Placed) -> (Style, Style) {
        let style = |role| self.theme.style(role);
        let title = self.title(placed);
        let edge = match self.is_lit_box(placed) {
            Some(true) => style(Role::Heading),
            Some(false) => dimmed(style(Role::Muted)),
            None => style(Role::Muted),
        };
        if self.chosen.is_some_and(|part| placed.holds(part)) {
            return (style(Role::Accent), title.patch(style(Role::Selected)));
        }
        (edge, title)
    }

    fn paint_box(&self, placed: &Placed, at: Rect, buf: &mut Buffer) {
        let (edge, style) = self.styles(placed);
        let y = at.y + at.height / 2;
        if at.height > 1 {
            Block::bordered()
                .border_set(self.theme.glyphs.border())
                .border_style(edge)
                .render(at, buf);
        } else {
            let round = is_round(self.card.flow[placed.part].op);
            let [open, close] = if round { ["(", ")"] } else { ["[", "]"] };
            put(buf, at, at.x, y, open, edge);
            put(buf, at, at.right() - 1, y, close, edge);
        }
        let inside = usize::from(at.width - 2);
        put(buf, at, at.x + 1, y, &format!("{:^inside$}", placed.title), style);
        // Of `Add & Norm` that half on which the cursor is.
        let half =
            self.chosen.filter(|part| placed.holds(*part)).zip(placed.title.split_once(" & "));
        if let Some((part, (add, norm))) = half {
            let start = at.x + 1 + ((inside - placed.title.width()) / 2) as u16;
            let end = start + placed.title.width() as u16;
            let other = if placed.part == part {
                Rect { x: at.x + 1, width: start + add.width() as u16 + 2 - at.x, ..at }
            } else {
                let x = end - norm.width() as u16 - 3;
                Rect { x, width: at.right() - 1 - x, ..at }
            };
            buf.set_style(Rect { y, height: 1, ..other }, Style::reset().patch(self.title(placed)));
        }
    }
}

/// A small drawing as lines of text, with the parts of these names lit; `None` where it is wider than that.
pub fn figure(
    theme: &Theme,
    card: &Card,
    names: &[String],
    width: u16,
) -> Option<Vec<Line<'static>>> {
    let plan = compact(&Fold::none(&card.flow), width)?;
    let Size { width, height } = plan.size;
    let paper = Rect::new(0, 0, width, height);
    let mut buf = Buffer::empty(paper);
    let painter = Painter { theme, card, chosen: None, lit: lit(card, names), sizes: Vec::new() };
    painter.paint(&plan, Some, &mut buf);
    let line = |y| {
        let cells = (0..width).map(|x| &buf[(x, y)]);
        let mut spans: Vec<Span<'static>> = Vec::new();
        for cell in cells {
            match spans.last_mut() {
                Some(last) if last.style == cell.style() => {
                    last.content.to_mut().push_str(cell.symbol());
                }
                _ => spans.push(Span::styled(cell.symbol().to_owned(), cell.style())),
            }
        }
        if let Some(last) = spans.last_mut() {
            last.content = last.content.trim_end().to_owned().into();
        }
        Line::from(spans)
    };
    Some((0..height).map(line).collect())
}

/// What is not spoken of steps back.
fn dimmed(style: Style) -> Style {
    style.add_modifier(Modifier::DIM).remove_modifier(Modifier::BOLD)
}

/// At most as wide as its place.
fn size_label(size: f64) -> String {
    Some(value(size)).filter(|text| text.width() <= 6).unwrap_or_else(|| format!("{size:.0e}"))
}

/// `T 8 × C 32`, in the dimensions' colours.
fn axes(theme: &Theme, axes: &[Axis]) -> Vec<Span<'static>> {
    let muted = theme.style(Role::Muted);
    let mut spans = Vec::new();
    for axis in axes {
        if !spans.is_empty() {
            spans.push(Span::styled(if theme.glyphs.ascii { " x " } else { " × " }, muted));
        }
        let style = dimension(axis.name).map_or(muted, |role| theme.style(role));
        spans.push(Span::styled(axis.to_string(), style));
    }
    spans
}
