//! The mouse: focus, scroll, click a cell.

use ratatui::crossterm::event::{MouseButton, MouseEvent, MouseEventKind};
use ratatui::layout::{Position, Rect};

use super::super::action::Action;
use super::super::model::{Effect, Model};
use super::super::overlays::Overlay;
use super::focus;

pub fn mouse(model: &mut Model, event: MouseEvent) -> Vec<Effect> {
    if model.quitting.is_some() {
        return Vec::new();
    }
    let scroll = match event.kind {
        MouseEventKind::ScrollUp => Some(Action::Up),
        MouseEventKind::ScrollDown => Some(Action::Down),
        _ => None,
    };
    if let Some(overlay) = model.overlays.last_mut() {
        if let (Overlay::List(list), Some(direction)) = (overlay, scroll) {
            let up = direction == Action::Up;
            list.selected = if up { list.selected.saturating_sub(1) } else { list.selected + 1 };
            super::overlay::hold(model);
        }
        return Vec::new();
    }
    let Some((pane, area)) = model.layout().at(event.column, event.row) else {
        return Vec::new();
    };
    match (event.kind, scroll) {
        (_, Some(direction)) => pane.update(model, direction),
        (MouseEventKind::Down(MouseButton::Left), _) => {
            focus(model, pane);
            let inside = inside(area);
            let at = Position::new(event.column, event.row);
            if inside.contains(at) { pane.click(model, inside, at) } else { Vec::new() }
        }
        _ => {
            model.dirty = false;
            Vec::new()
        }
    }
}

/// A pane's area without its border and the column of padding on either side.
fn inside(area: Rect) -> Rect {
    Rect {
        x: area.x + 2,
        y: area.y + 1,
        width: area.width.saturating_sub(4),
        height: area.height.saturating_sub(2),
    }
}
