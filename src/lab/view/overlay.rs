//! Boxes over the panes: questions, lists, and the wait for saving.

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use ratatui::style::Style;
use ratatui::text::{Line, Span};
use ratatui::widgets::{Block, Clear, Padding, Paragraph, Widget, Wrap};

use super::lists;
use crate::lab::model::Model;
use crate::lab::overlays::{Answer, Confirm, Overlay};
use crate::lab::theme::Role;
use crate::text::shown;

/// Draws the overlay on top; returns where the text cursor stands, if there is one.
pub fn draw(model: &Model, body: Rect, buf: &mut Buffer) -> Option<Position> {
    match model.overlays.last() {
        Some(Overlay::Confirm(confirm)) => {
            question(model, confirm, body, buf);
            None
        }
        Some(Overlay::List(list)) => lists::draw(model, list, body, buf),
        Some(Overlay::Input(_)) => None,
        None => {
            if model.quitting.is_some() {
                saving(model, body, buf);
            }
            None
        }
    }
}

/// A text with its line breaks, and what else cannot be seen, as signs: one for one.
pub fn shown(model: &Model, text: &str) -> String {
    let glyphs = &model.theme.glyphs;
    let newline = if glyphs.ascii { "|" } else { glyphs.newline };
    let sign = |c: char| match c {
        '\n' | '⏎' => newline.to_owned(),
        c if c.is_control() => shown::sign(c, glyphs.ascii),
        c => c.to_string(),
    };
    text.chars().map(sign).collect()
}

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

fn question(model: &Model, confirm: &Confirm, body: Rect, buf: &mut Buffer) {
    let width = 62.min(body.width);
    let text = Paragraph::new(confirm.text.as_str()).wrap(Wrap { trim: true });
    let lines = text.line_count(width.saturating_sub(4)) as u16;
    let inner = boxed(model, &confirm.title, width, lines + 4, body, buf);
    text.render(Rect { height: inner.height.saturating_sub(2), ..inner }, buf);
    let yes = match confirm.yes {
        Answer::Rebuild { .. } => "rebuild",
        Answer::Quit => "save and leave",
        Answer::QuitUnsaved => "leave",
    };
    let key = model.theme.style(Role::Key);
    let answers = Line::from(vec![
        Span::styled("y", key),
        Span::raw(format!(" {yes}     ")),
        Span::styled("n", key),
        Span::raw(" stay as it is"),
    ]);
    let last = inner.bottom().saturating_sub(1);
    answers.render(Rect { y: last, height: inner.height.min(1), ..inner }, buf);
}

fn saving(model: &Model, body: Rect, buf: &mut Buffer) {
    let inner = boxed(model, "Leaving", 46, 4, body, buf);
    let text = vec![
        Line::from(format!("Saving every run that has trained{}", model.theme.glyphs.ellipsis)),
        Line::from(Span::styled("ctrl-c leaves without", model.theme.style(Role::Muted))),
    ];
    Paragraph::new(text).style(Style::new()).render(inner, buf);
}
