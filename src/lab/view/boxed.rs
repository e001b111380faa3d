//! A box over the panes.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};
use ratatui::widgets::{Block, Clear, Padding, Widget};

use crate::lab::model::Model;
use crate::lab::theme::Role;

/// An empty box in the middle, cleared, with a title; returns the room inside.
pub fn boxed(
    model: &Model,
    title: &str,
    width: u16,
    height: u16,
    body: Rect,
    buf: &mut Buffer,
) -> Rect {
    let width = width.min(body.width);
    let height = height.min(body.height);
    let x = body.x + (body.width - width) / 2;
    let y = body.y + (body.height - height) / 2;
    let area = Rect { x, y, width, height };
    Clear.render(area, buf);
    let style = model.theme.style(Role::Accent);
    let block = Block::bordered()
        .border_set(model.theme.glyphs.border())
        .border_style(style)
        .padding(Padding::horizontal(1))
        .title_top(Line::from(Span::styled(format!(" {title} "), style)));
    let inner = block.inner(area);
    block.render(area, buf);
    inner
}
