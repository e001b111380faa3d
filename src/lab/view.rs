//! Draws the model: header, panes, footer, and what lies over them.

mod footer;
mod header;
mod lists;
mod overlay;

use ratatui::buffer::Buffer;
use ratatui::layout::{Alignment, Position, Rect};
use ratatui::text::{Line, Text};
use ratatui::widgets::{Paragraph, Widget};

use super::frame::Frame;
use super::layout::SMALLEST;
use super::model::Model;
use super::panes::Look;
use super::theme::Role;

/// Draws one frame; returns where the text cursor stands, if there is one.
pub fn draw(model: &Model, buf: &mut Buffer) -> Option<Position> {
    let screen = buf.area;
    let layout = model.layout();
    let fits = layout.header.width <= screen.width && layout.footer.bottom() <= screen.height;
    if layout.panes.is_empty() || !fits {
        too_small(model, screen, buf);
        return None;
    }
    header::draw(model, layout.header, buf);
    let covered = !model.overlays.is_empty();
    for (pane, area) in &layout.panes {
        let look = Look { focused: *pane == model.focus && !covered, zoomed: model.zoomed };
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
    footer::toasts(model, layout.footer, buf);
    let cursor = footer::draw(model, layout.footer, buf);
    let body = Rect {
        y: layout.header.bottom(),
        height: layout.footer.y - layout.header.bottom(),
        ..screen
    };
    overlay::draw(model, body, buf).or(cursor)
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
        for width in (0..=250).step_by(7).chain([79, 80, 110, 120, 170]) {
            for height in (0..=80).step_by(5).chain([23, 24, 32, 44]) {
                let model = fixture::model(width, height);
                draw(&model, &mut Buffer::empty(Rect::new(0, 0, width, height)));
            }
        }
    }

    /// Prints the screens of a size, to look at them: `cargo test --lib look_at -- --ignored --nocapture`.
    #[test]
    #[ignore = "for the eye"]
    fn look_at_the_screens() {
        for (width, height) in [(80, 24), (120, 40)] {
            let mut buf = Buffer::empty(Rect::new(0, 0, width, height));
            draw(&fixture::model(width, height), &mut buf);
            eprintln!("{}", fixture::text(&buf));
        }
    }

    #[test]
    fn a_buffer_smaller_than_the_model_believes_is_no_problem() {
        let model = fixture::model(200, 60);
        for (width, height) in [(0, 0), (10, 3), (80, 24), (199, 60), (200, 59)] {
            draw(&model, &mut Buffer::empty(Rect::new(0, 0, width, height)));
        }
    }
}
