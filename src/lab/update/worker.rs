//! What the trainer says.

use super::super::model::{Effect, Model, Saved, ToastKind};
use super::super::number;
use super::super::overlays::Overlay;
use super::super::run::Run;
use super::ghosts::retire;
use super::{experiment, onward, resume, runs};
use crate::text::Tokenizer;
use crate::train::{Command, Event, Told};

pub fn event(model: &mut Model, Told { run, event }: Told) -> Vec<Effect> {
    // What happened to a run that is not on the screen (any more) is not shown as if it had happened to this one.
    let elsewhere = run.zip(model.run.as_ref()).is_some_and(|(id, run)| id != run.id);
    let anywhere =
        matches!(event, Event::Saved { .. } | Event::Refused { .. } | Event::Failed { .. });
    if let (Some(id), Event::Kept { path, step, refused }) = (run, &event) {
        return resume::kept(model, id, path, *step, refused.clone());
    }
    if elsewhere && !anywhere {
        // A run that was left may have made some steps before the trainer left it.
        let past = run.and_then(|id| model.past.get_mut(&id));
        if let Some(past) = past.filter(|past| past.asleep.is_none()) {
            past.observed.fold(&event);
        }
        return Vec::new();
    }
    let of_the_next = matches!(event, Event::Opened { .. } | Event::NotOpened { .. });
    // Leaving, the trainer's end is no failure of the run.
    let leaving = model.quitting.is_some() && matches!(event, Event::Stopped);
    if let Some(run) = model.run.as_mut().filter(|_| !of_the_next && !leaving) {
        run.fold(&event);
    }
    match event {
        Event::Opened { ref config, ref tokenizer, .. } => {
            let id = run.or(model.run.as_ref().map(|run| run.id)).unwrap_or_default();
            let asked = model.run.as_ref().map(|asked| asked.home.clone());
            let home = asked.unwrap_or_else(|| model.home(model.page));
            retire(model, id, config);
            model.past.remove(&id);
            model.loading = None;
            let mut run = Run::opening(id, (**config).clone(), home, None);
            run.fold(&event);
            model.run = Some(run);
            if let Some(tokenizer) = tokenizer {
                read_with(model, (**tokenizer).clone());
            }
            // The new run knows nothing of what was asked of the old one.
            model.subscribed = None;
            model.requested = None;
            model.asked.forget();
            model.refresh();
            if !std::mem::replace(&mut model.peak_rate_asked, true) {
                return vec![Effect::Send(Command::MeasurePeak)];
            }
        }
        Event::NotOpened { why } => return runs::not_opened(model, &why),
        Event::PeakRate(rate) => model.peak_rate = Some(rate),
        Event::Forked(fork) => return experiment::forked(model, &fork),
        Event::Applied(edit) => model.asked.arrived(&edit),
        Event::Extended { steps } => {
            let goal = number::count(steps);
            model.say(ToastKind::Info, format!("it trains on, up to step {goal}"));
        }
        Event::Refused { what, why } => {
            let text = format!("{what}: {why}");
            model.asked.refused();
            // A change that was not made cannot be taken back.
            if let Some(at) = model.undo.iter().rposition(|change| change.name == what) {
                model.undo.remove(at);
            }
            if let Some(quitting) = &mut model.quitting {
                quitting.refused.push(text);
            } else {
                model.say(ToastKind::Warning, text);
            }
        }
        Event::Finished { .. } => {
            // A run that was finished when it came back is no news.
            if model.run.as_ref().is_some_and(|run| run.last.is_some()) {
                model.say(ToastKind::Info, "training is done: + trains longer, n reads on");
            }
            return resume::autosave(model);
        }
        Event::Saved { stage, path } => {
            if model.quitting.is_none() {
                model.say(ToastKind::Info, format!("saved {}", path.display()));
            }
            model.saved.push(Saved { stage, path });
        }
        Event::SavedAll => return saved_all(model),
        Event::Failed { message } => {
            model.say(ToastKind::Warning, format!("the trainer failed: {message}"));
        }
        Event::Stopped => {
            model.stopped = true;
            if model.quitting.is_some() {
                return gone(model);
            }
        }
        // Panes subscribe to what is measured over and over; nobody here asks once.
        // What stands can as well be written down.
        Event::Paused => {
            let mut effects = resume::autosave(model);
            effects.extend(onward::pass(model));
            return effects;
        }
        Event::Kept { .. }
        | Event::Measured(_)
        | Event::Steps { .. }
        | Event::Evaluated(_)
        | Event::Running
        | Event::Diverged { .. } => {}
    }
    Vec::new()
}

/// The run on the screen reads its text with this: so must the prompt, and what is shown of earlier tokens is no more.
fn read_with(model: &mut Model, tokenizer: Tokenizer) {
    let Some(corpus) = model.corpus.as_mut().filter(|corpus| corpus.tokenizer != tokenizer) else {
        return;
    };
    corpus.tokenizer = tokenizer;
    let text = model.prompt.text.clone();
    model.prompt.set_lossy(&text, &corpus.tokenizer);
    model.snapshot = None;
    model.sample = None;
}

/// Everything that could be saved is: leave, or ask about the rest.
fn saved_all(model: &mut Model) -> Vec<Effect> {
    let Some(quitting) = &mut model.quitting else { return Vec::new() };
    quitting.ended = true;
    if quitting.refused.is_empty() || quitting.forced {
        return vec![Effect::Quit];
    }
    let text = format!("Not saved: {}. Leave all the same?", quitting.refused.join("; "));
    // What is true now replaces the question whether to wait.
    model.overlays.clear();
    model.overlays.push(Overlay::quit_unsaved(text));
    Vec::new()
}

/// The trainer has ended and will save nothing any more.
pub fn gone(model: &mut Model) -> Vec<Effect> {
    if let Some(quitting) = model.quitting.as_mut().filter(|quitting| !quitting.ended) {
        quitting.refused.push("the trainer has stopped".to_owned());
        return saved_all(model);
    }
    Vec::new()
}
