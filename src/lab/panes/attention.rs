//! The attention pane.

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use ratatui::widgets::{Paragraph, Widget};

use super::Look;
use crate::lab::action::Action;
use crate::lab::model::{Effect, Model};
use crate::lab::theme::Role;
use crate::train::Subscription;

#[derive(Debug, Default)]
pub struct State {}

pub fn detail(_model: &Model) -> String {
    String::new()
}

pub fn about(_model: &Model) -> String {
    "how much each query (down) takes from each key (across)".to_owned()
}

pub fn draw(model: &Model, _look: Look, area: Rect, buf: &mut Buffer) {
    Paragraph::new("not drawn yet").style(model.theme.style(Role::Muted)).render(area, buf);
}

pub fn update(_model: &mut Model, _action: Action) -> Vec<Effect> {
    Vec::new()
}

pub fn click(_model: &mut Model, _area: Rect, _at: Position) -> Vec<Effect> {
    Vec::new()
}

pub fn subscribe(_model: &Model, wanted: &mut Subscription) {
    wanted.activations.push("blocks.*.sa.weights".to_owned());
}

pub fn refresh(_model: &mut Model) {}
