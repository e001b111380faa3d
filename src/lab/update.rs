//! What happens when something happens: pure, with time passed in.

use super::action::{self, Action, Context};
use super::key::Key;
use super::model::{Effect, Model, Msg};
use super::panes::PaneId;

/// Changes the model and says what is to be done.
pub fn update(model: &mut Model, msg: Msg) -> Vec<Effect> {
    match msg {
        Msg::Tick(now) => {
            model.now = now;
            Vec::new()
        }
        Msg::Key(key) => {
            model.dirty = true;
            let contexts = contexts(model);
            match action::lookup(Key::from(key), &contexts) {
                Some(action) => act(model, action),
                None => Vec::new(),
            }
        }
        Msg::Resize(size) => {
            model.size = size;
            model.dirty = true;
            Vec::new()
        }
        _ => Vec::new(),
    }
}

/// Where keys count now, the nearest first.
pub fn contexts(model: &Model) -> Vec<Context> {
    match model.overlays.last() {
        Some(overlay) => vec![overlay.context()],
        None => vec![Context::Pane(model.focus), Context::Global],
    }
}

fn act(model: &mut Model, action: Action) -> Vec<Effect> {
    match action {
        Action::Quit => vec![Effect::Quit],
        Action::Focus(index) => {
            if let Some(&pane) = model.lesson().panes.get(usize::from(index)) {
                focus(model, pane);
            }
            Vec::new()
        }
        action => model.focus.update(model, action),
    }
}

fn focus(model: &mut Model, pane: PaneId) {
    model.focus = pane;
    if !model.layout().shows(pane) {
        model.called = Some(pane);
    }
}
