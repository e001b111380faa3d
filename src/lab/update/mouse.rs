//! The mouse: focus, scroll, click a cell.

use ratatui::crossterm::event::{MouseButton, MouseEvent, MouseEventKind};
use ratatui::layout::Position;

use super::super::action::Action;
use super::super::model::{Effect, Model};
use super::super::overlays::Overlay;
use super::panes;

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
    let Some(pane) = model.layout().at(event.column, event.row) else {
        return Vec::new();
    };
    match (event.kind, scroll) {
        (_, Some(direction)) => panes::act(model, pane, direction),
        (MouseEventKind::Down(MouseButton::Left), _) => {
            model.focus_on(pane);
            panes::click(model, pane, Position::new(event.column, event.row))
        }
        _ => {
            model.dirty = false;
            Vec::new()
        }
    }
}
