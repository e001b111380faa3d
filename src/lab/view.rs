//! Draws the model.

use ratatui::buffer::Buffer;
use ratatui::layout::{Alignment, Rect};
use ratatui::text::{Line, Text};
use ratatui::widgets::{Paragraph, Widget};

use super::frame::Frame;
use super::layout::SMALLEST;
use super::model::Model;
use super::panes::Look;
use super::theme::Role;

/// Draws one frame.
pub fn draw(model: &Model, buf: &mut Buffer) {
    let screen = buf.area;
    let layout = model.layout();
    if layout.panes.is_empty() {
        too_small(model, screen, buf);
        return;
    }
    for (pane, area) in &layout.panes {
        let look = Look { focused: *pane == model.focus, zoomed: model.zoomed };
        let number = model.lesson().panes.iter().position(|p| p == pane).map(|i| i + 1);
        let frame = Frame {
            number,
            title: pane.title(),
            detail: &pane.detail(model),
            about: &pane.about(model),
            focused: look.focused,
        };
        let inner = frame.draw(&model.theme, *area, buf);
        pane.draw(model, look, inner, buf);
    }
}

/// What to do about a screen that is too small.
fn too_small(model: &Model, screen: Rect, buf: &mut Buffer) {
    if screen.is_empty() {
        return;
    }
    let text = Text::from(vec![
        Line::from("gpt-lab needs more room:"),
        Line::from(format!("at least {} x {},", SMALLEST.width, SMALLEST.height)),
        Line::from(format!("this is {} x {}", screen.width, screen.height)),
    ]);
    let top = screen.height.saturating_sub(3) / 2;
    let area = Rect { y: screen.y + top, height: (screen.height - top).min(3), ..screen };
    Paragraph::new(text)
        .alignment(Alignment::Center)
        .style(model.theme.style(Role::Warning))
        .render(area, buf);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lab::fixture;

    #[test]
    fn no_size_is_a_problem() {
        for (width, height) in
            [(0, 0), (1, 1), (20, 2), (79, 24), (80, 23), (80, 24), (120, 40), (160, 48), (250, 80)]
        {
            let model = fixture::model(width, height);
            draw(&model, &mut Buffer::empty(Rect::new(0, 0, width, height)));
        }
    }
}
