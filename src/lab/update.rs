//! What happens when something happens: pure, with time passed in.

mod changes;
mod course;
pub mod experiment;
mod ghosts;
mod keys;
mod leaving;
mod mouse;
mod onward;
mod overlay;
mod panes;
mod records;
pub mod resume;
mod runs;
mod sampling;
mod say;
mod table;
pub mod waking;
mod worker;

use std::time::Duration;

use super::action::Action;
use super::experiment::Shown;
use super::key::Key;
use super::model::{Effect, Model, Msg};
use super::overlays::Overlay;
pub use changes::can_collect;
pub use course::prompt;
pub use runs::opening;
use say::warn;

/// Changes the model and says what is to be done.
pub fn update(model: &mut Model, msg: Msg) -> Vec<Effect> {
    // What is not on the screen yet; a frame has everything.
    let before = model.dirty && !matches!(msg, Msg::Drawn(_));
    // Whoever handles it takes this back if nothing on the screen changes.
    model.dirty = true;
    let news = matches!(msg, Msg::Worker(_) | Msg::Snapshot(_) | Msg::References(_));
    let mut effects = handle(model, msg);
    model.dirty |= before;
    if news {
        effects.extend(course::follow(model));
    }
    effects.extend(sampling::follow(model));
    experiment::hold(model, effects)
}

fn handle(model: &mut Model, msg: Msg) -> Vec<Effect> {
    match msg {
        Msg::Tick(now) => tick(model, now),
        Msg::Key(key) => press(model, Key::from(key)),
        Msg::Mouse(event) => mouse::mouse(model, event),
        Msg::Paste(text) => overlay::paste(model, &text),
        Msg::PasteCut(bytes) => match model.overlays.last() {
            Some(Overlay::Input(_) | Overlay::List(_)) => {
                let bytes = super::number::count(bytes as u64);
                warn(
                    model,
                    format!("the pasted text was too long: its last {bytes} bytes were left out"),
                )
            }
            _ => Vec::new(),
        },
        Msg::Ground(ground) => {
            model.theme.ground = ground;
            model.refresh();
            Vec::new()
        }
        Msg::Resize(size) => {
            model.size = size;
            model.refresh();
            Vec::new()
        }
        Msg::Ready { corpus, stage } => {
            let mut effects = runs::ready(model, corpus, &stage);
            let woken = waking::wake(model);
            effects.extend(runs::first(model, woken));
            effects.extend(course::begin(model));
            effects
        }
        Msg::References(references) => {
            if let Some(corpus) = &mut model.corpus {
                corpus.compare_with(references);
            }
            Vec::new()
        }
        Msg::Counted(counted) => {
            if let Some(corpus) = &mut model.corpus {
                corpus.counted = Some(counted);
            }
            model.refresh();
            Vec::new()
        }
        Msg::Worker(told) => worker::event(model, told),
        Msg::Experiment(told) => {
            let running = model.experiment.as_ref().is_some_and(Shown::is_running);
            let mut effects = experiment::progress(model, told);
            if running && model.experiment.as_ref().is_some_and(Shown::has_ended) {
                effects.extend(course::ended(model));
            }
            effects
        }
        Msg::Snapshot(snapshot) => {
            model.snapshot = Some(snapshot);
            model.refresh();
            Vec::new()
        }
        // Nothing was asked for: what was there before is worth more.
        Msg::Sample(sample) if sample.tokens.is_empty() => Vec::new(),
        Msg::Sample(sample) => {
            model.sample = Some(sample);
            model.refresh();
            Vec::new()
        }
        Msg::NotDone(why) => warn(model, why),
        Msg::NotKept(record, why) => {
            model.course.unkept.push(*record);
            warn(
                model,
                format!("your answers cannot be written down, and are kept in memory: {why}"),
            )
        }
        Msg::Drawn(cost) => {
            model.dirty = false;
            if let Some(cost) = cost {
                model.frame_cost.drawn(cost);
            }
            Vec::new()
        }
        Msg::Checkpoints(listed) => table::listed(model, listed),
        Msg::Autosave => resume::autosave(model),
        Msg::Terminate => leaving::leave(model, true),
        Msg::Resumed => Vec::new(),
    }
}

/// Time passed: toasts go, and saving may have taken too long.
fn tick(model: &mut Model, now: Duration) -> Vec<Effect> {
    model.now = now;
    let toasts = model.toasts.len();
    model.toasts.retain(|toast| toast.until > now);
    model.dirty = toasts != model.toasts.len();
    let mut effects = resume::tick(model);
    effects.extend(leaving::wait(model));
    effects
}

fn press(model: &mut Model, key: Key) -> Vec<Effect> {
    let action = model.scope().lookup(key);
    // What cannot be seen is not acted on, but to leave.
    let blind = model.layout().panes.is_empty();
    let leaves =
        matches!(action, Some(Action::Quit | Action::Interrupt | Action::Suspend | Action::Redraw));
    if blind && !leaves {
        return Vec::new();
    }
    match (action, model.overlays.is_empty()) {
        (Some(action), true) => keys::act(model, action),
        (action, false) => overlay::press(model, key, action),
        (None, true) => Vec::new(),
    }
}

#[cfg(test)]
mod late;
#[cfg(test)]
mod tests;
