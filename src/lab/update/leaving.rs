//! Leaving: everything that has trained is saved first, and nobody waits for ever.

use std::time::Duration;

use super::super::model::{Effect, Model, Quitting};
use super::super::overlays::{Answer, Confirm, Overlay};
use super::{experiment, resume, worker};

/// How long saving may take before the learner is asked whether to leave without it.
const PATIENCE: Duration = Duration::from_secs(8);
/// Two presses of ctrl-c within this time leave at once.
const TWICE: Duration = Duration::from_secs(2);

/// Saves what has trained, then quits.
pub fn leave(model: &mut Model, forced: bool) -> Vec<Effect> {
    if model.corpus.is_none() {
        return vec![Effect::Quit];
    }
    let since = model.now;
    if let Some(quitting) = &mut model.quitting {
        if forced && !quitting.forced {
            (quitting.forced, quitting.since) = (true, since);
        }
        // Whoever could have answered the question is gone.
        return if forced && quitting.ended { vec![Effect::Quit] } else { Vec::new() };
    }
    let refused = Vec::new();
    model.quitting = Some(Quitting { since, refused, ended: false, forced, asked: false });
    model.overlays.clear();
    if model.stopped {
        return worker::gone(model);
    }
    // However lately a large run was written down: nobody waits for its next step.
    model.keeping.large.clear();
    // What saving needs is not shared with runs that nobody keeps.
    let mut effects = experiment::stop(model);
    effects.extend(resume::autosave(model));
    effects.push(Effect::SaveAll);
    effects
}

/// Time passed: saving may have taken too long.
pub fn wait(model: &mut Model) -> Vec<Effect> {
    if let Some(quitting) = &mut model.quitting
        && model.now.saturating_sub(quitting.since) > PATIENCE
    {
        if quitting.forced {
            return vec![Effect::Quit];
        }
        // A question that stands has the true reason.
        if quitting.asked || quitting.ended {
            return Vec::new();
        }
        quitting.asked = true;
        let text = "The trainer is still in a step and has not saved yet. Leave without waiting?";
        model.dirty = true;
        model.overlays.push(Overlay::quit_unsaved(text));
    }
    Vec::new()
}

/// Ctrl-c: asks; a second one leaves at once.
pub fn interrupt(model: &mut Model) -> Vec<Effect> {
    let again = model.interrupted.is_some_and(|at| model.now.saturating_sub(at) < TWICE);
    let asking =
        matches!(model.overlays.last(), Some(Overlay::Confirm(Confirm { yes: Answer::Quit, .. })));
    if again || asking || model.quitting.is_some() {
        return vec![Effect::Quit];
    }
    model.interrupted = Some(model.now);
    model.overlays.push(Overlay::Confirm(Confirm {
        title: "Leave?".to_owned(),
        text: "Save every run and leave the lab? (ctrl-c again leaves at once, without saving.)"
            .to_owned(),
        yes: Answer::Quit,
    }));
    Vec::new()
}
