//! What the trainer says.

use std::sync::Arc;

use super::super::ghost::{self, Ghost, Origin};
use super::super::model::{Effect, Model, Saved, ToastKind};
use super::super::number;
use super::super::overlays::Overlay;
use super::super::run_view::{Run, Speed, Status};
use super::runs;
use crate::stage::Config;
use crate::stage::hyperparameter::hyperparameter;
use crate::task::signs::Signs;
use crate::text::Tokenizer;
use crate::train::event::{Edit, RunId};
use crate::train::{Command, Event, Told};

pub fn event(model: &mut Model, Told { run, event }: Told) -> Vec<Effect> {
    // What happened to a run that is not on the screen (any more) is not shown as if it had happened to this one.
    let elsewhere = run.zip(model.run.as_ref()).is_some_and(|(id, run)| id != run.id);
    let anywhere =
        matches!(event, Event::Saved { .. } | Event::Refused { .. } | Event::Failed { .. });
    if elsewhere && !anywhere {
        return Vec::new();
    }
    match event {
        Event::Opened {
            config,
            step,
            parameters,
            threads,
            operations_per_token,
            card,
            tokenizer,
            history,
        } => {
            let id = run.or(model.run.as_ref().map(|run| run.id)).unwrap_or_default();
            retire(model, id, &config);
            let signs = Signs::of(&config.task);
            model.run = Some(Run {
                id,
                replaces: None,
                signs,
                config: *config,
                parameters,
                threads,
                operations_per_token,
                card: Some(card),
                step,
                history: *history,
                status: Status::Paused,
                last: None,
                speed: Speed::default(),
            });
            if let Some(tokenizer) = tokenizer {
                read_with(model, *tokenizer);
            }
            // The new run knows nothing of what was asked of the old one.
            model.subscribed = None;
            model.requested = None;
            model.asked.forget();
            model.refresh();
            if !std::mem::replace(&mut model.gemm_rate_asked, true) {
                return vec![Effect::Send(Command::MeasureGemm)];
            }
        }
        Event::NotOpened { why } => return runs::not_opened(model, &why),
        Event::GemmRate(rate) => model.gemm_rate = Some(rate),
        // Panes subscribe to what repeats; nobody here asks once.
        Event::Measured(_) => {}
        Event::Steps { reports, seconds } => {
            if let Some(run) = &mut model.run {
                run.absorb(&reports, seconds);
            }
        }
        Event::Evaluated(evaluation) => {
            if let Some(run) = &mut model.run {
                run.history.evaluated(evaluation);
            }
        }
        Event::Applied(edit) => applied(model, &edit),
        Event::Extended { steps } => {
            if let Some(run) = &mut model.run {
                run.config.training.steps = steps;
            }
            let goal = number::count(steps);
            model.say(ToastKind::Info, format!("it trains on, up to step {goal}"));
        }
        Event::Refused { what, why } => {
            let text = format!("{what}: {why}");
            model.asked.forget();
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
        Event::Running => set_status(model, Status::Training),
        Event::Paused => set_status(model, Status::Paused),
        Event::Finished { .. } => {
            set_status(model, Status::Finished);
            // A run that was finished when it came back is no news.
            if model.run.as_ref().is_some_and(|run| run.last.is_some()) {
                model.say(ToastKind::Info, "training is done: + trains longer, n reads on");
            }
        }
        Event::Diverged { step } => set_status(model, Status::Diverged(step)),
        Event::Saved { stage, path } => {
            if model.quitting.is_none() {
                model.say(ToastKind::Info, format!("saved {}", path.display()));
            }
            model.saved.push(Saved { stage, path });
        }
        Event::SavedAll => return saved_all(model),
        Event::Failed { message } => {
            model.say(ToastKind::Warning, format!("the trainer failed: {message}"));
            set_status(model, Status::Failed(message));
        }
        Event::Stopped => {
            model.stopped = true;
            if model.quitting.is_some() {
                return gone(model);
            }
            set_status(model, Status::Failed("the trainer has stopped".to_owned()));
        }
    }
    Vec::new()
}

/// A run has been opened: the one that was on the screen before leaves its curve as a ghost.
fn retire(model: &mut Model, next: RunId, config: &Config) {
    let Some(run) = model.run.take() else { return };
    let old = if run.status == Status::Opening { run.replaces } else { Some(Box::new(run)) };
    if let Some(old) = old.filter(|old| old.id != next) {
        ghost(model, *old, config);
    }
}

/// Keeps the curve of a run that made room for one of this configuration. Of another stage the last run is kept, however
/// short: what was trained is told when the screen has closed.
pub fn ghost(model: &mut Model, old: Run, next: &Config) {
    let origin = if old.config.stage == next.stage { Origin::Rebuilt } else { Origin::Stage };
    let kept = match origin {
        Origin::Rebuilt => ghost::begun(&old.config, old.step, &old.history),
        Origin::Stage => !old.history.points.is_empty(),
    };
    if !kept {
        return;
    }
    let stage = old.config.stage.clone();
    let of = |g: &Ghost| g.origin == origin && g.stage() == stage;
    if origin == Origin::Stage {
        model.ghosts.retain(|g| !of(g));
    }
    let (step, card) = (old.step, old.card);
    let history = Arc::new(old.history);
    model.ghosts.push(Ghost { config: old.config, card, step, origin, history });
    let rebuilt: Vec<&Ghost> = model.ghosts.iter().filter(|g| of(g)).collect();
    if rebuilt.len() > ghost::MOST
        && let Some(dropped) = ghost::dispensable(&rebuilt)
    {
        let mut index = 0;
        model.ghosts.retain(|g| {
            index += usize::from(of(g));
            !of(g) || index != dropped + 1
        });
    }
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

fn applied(model: &mut Model, edit: &Edit) {
    model.asked.arrived(edit);
    let Some(run) = &mut model.run else { return };
    if let Some(hyperparameter) = hyperparameter(edit.name)
        && let Err(error) = hyperparameter.set(&mut run.config, edit.new)
    {
        model.say(ToastKind::Warning, error.to_string());
        return;
    }
    run.history.edited(edit);
}

fn set_status(model: &mut Model, status: Status) {
    if let Some(run) = &mut model.run {
        run.status = status;
    }
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
