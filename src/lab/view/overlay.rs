//! Boxes over the panes: questions, lists, and the wait for saving.

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use ratatui::style::Style;
use ratatui::text::{Line, Span};
use ratatui::widgets::{Paragraph, Widget, Wrap};

use super::boxed::boxed;
use super::lists;
use crate::lab::markdown::Markdown;
use crate::lab::model::Model;
use crate::lab::overlays::{Answer, Confirm, Overlay};
use crate::lab::theme::Role;
use crate::lab::update;

/// Draws the overlay on top; returns where the text cursor stands, if there is one.
pub fn draw(model: &Model, body: Rect, buf: &mut Buffer) -> Option<Position> {
    match model.overlays.last() {
        Some(Overlay::Confirm(confirm)) => {
            question(model, confirm, body, buf);
            None
        }
        Some(Overlay::List(list)) => lists::draw(model, list, body, buf),
        Some(Overlay::Input(_) | Overlay::Answer(_)) => None,
        Some(Overlay::Review) => {
            review(model, body, buf);
            None
        }
        None => {
            if model.quitting.is_some() {
                saving(model, body, buf);
            }
            None
        }
    }
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
    let mut answers = vec![
        Span::styled("y", key),
        Span::raw(format!(" {yes}     ")),
        Span::styled("n", key),
        Span::raw(" stay as it is"),
    ];
    if update::can_collect(model, &confirm.yes) {
        answers.extend([Span::raw("     "), Span::styled("m", key), Span::raw(" more first")]);
    }
    let answers = Line::from(answers);
    let last = inner.bottom().saturating_sub(1);
    answers.render(Rect { y: last, height: inner.height.min(1), ..inner }, buf);
}

/// A question of an earlier session; the answer once it was asked for.
fn review(model: &Model, body: Rect, buf: &mut Buffer) {
    let Some(reviewing) = &model.course.reviewing else { return };
    let Some(key) = reviewing.due.get(reviewing.at) else { return };
    let Some(prompt) = update::prompt(model, key) else { return };
    let width = 62.min(body.width);
    let inside = width.saturating_sub(4);
    let facts = model.facts();
    let read = |text: &str| Markdown::read(&facts.fill(text)).lines(&model.theme, inside);
    let mut lines = read(&prompt.q);
    let key = model.theme.style(Role::Key);
    if reviewing.open {
        lines.extend(read(&prompt.a));
        lines.push(Line::from(vec![
            Span::styled("y", key),
            Span::raw(" knew it     "),
            Span::styled("x", key),
            Span::raw(" did not"),
        ]));
    } else {
        lines.push(Line::from(vec![
            Span::styled("enter", key),
            Span::raw(" shows the answer     "),
            Span::styled("esc", key),
            Span::raw(" later"),
        ]));
    }
    let title = format!("From earlier: {} of {}", reviewing.at + 1, reviewing.due.len());
    let inner = boxed(model, &title, width, lines.len() as u16 + 2, body, buf);
    Paragraph::new(lines).render(inner, buf);
}

fn saving(model: &Model, body: Rect, buf: &mut Buffer) {
    let inner = boxed(model, "Leaving", 46, 4, body, buf);
    let text = vec![
        Line::from(format!("Saving every run that has trained{}", model.theme.glyphs.ellipsis)),
        Line::from(Span::styled("ctrl-c leaves without", model.theme.style(Role::Muted))),
    ];
    Paragraph::new(text).style(Style::new()).render(inner, buf);
}
