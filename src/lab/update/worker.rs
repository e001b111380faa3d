//! What the trainer says.

use std::sync::Arc;

use super::super::model::{Effect, Model, Saved, ToastKind};
use super::super::overlays::Overlay;
use super::super::run_view::{Ghost, Origin, Run, Speed, Status};
use super::refresh;
use crate::task::signs::Signs;
use crate::text::Tokenizer;
use crate::train::event::Edit;
use crate::train::hyperparameter::hyperparameter;
use crate::train::{Command, Event};

/// Ghosts of rebuilt runs that are kept for a stage.
const REBUILT_GHOSTS: usize = 4;

pub fn event(model: &mut Model, event: Event) -> Vec<Effect> {
    match event {
        Event::Opened {
            config,
            step,
            parameters,
            threads,
            operations_per_token,
            parts,
            tokenizer,
            history,
        } => {
            retire(model, &config.stage);
            let signs = Signs::of(&config.task);
            model.run = Some(Run {
                signs,
                config: *config,
                parameters,
                threads,
                operations_per_token,
                parts,
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
            model.panes.hyperparameters.forget();
            refresh(model);
            if !std::mem::replace(&mut model.gemm_rate_asked, true) {
                return vec![Effect::Send(Command::MeasureGemm)];
            }
        }
        Event::GemmRate(rate) => model.gemm_rate = Some(rate),
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
        Event::Refused { what, why } => {
            let text = format!("{what}: {why}");
            model.panes.hyperparameters.forget();
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
            if model.quitting.is_none() {
                set_status(model, Status::Failed("the trainer has stopped".to_owned()));
            }
        }
    }
    Vec::new()
}

/// The run on the screen makes room for another; its curve stays as a ghost.
fn retire(model: &mut Model, next_stage: &str) {
    let label = model.replaced_as.take();
    let Some(old) = model.run.take().filter(|old| !old.history.points.is_empty()) else { return };
    let stage = old.config.stage;
    if stage == next_stage {
        let label = label.unwrap_or_else(|| "earlier run".to_owned());
        let ghost = Ghost {
            stage: stage.clone(),
            label,
            origin: Origin::Rebuilt,
            history: Arc::new(old.history),
        };
        model.ghosts.push(ghost);
        let rebuilt = |g: &Ghost| g.origin == Origin::Rebuilt && g.stage == stage;
        if model.ghosts.iter().filter(|g| rebuilt(g)).count() > REBUILT_GHOSTS
            && let Some(oldest) = model.ghosts.iter().position(rebuilt)
        {
            model.ghosts.remove(oldest);
        }
    } else {
        model.ghosts.retain(|g| !(g.origin == Origin::Stage && g.stage == stage));
        let label = stage.clone();
        model.ghosts.push(Ghost {
            stage,
            label,
            origin: Origin::Stage,
            history: Arc::new(old.history),
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
    model.panes.hyperparameters.arrived(edit);
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
    let Some(quitting) = &model.quitting else { return Vec::new() };
    if quitting.refused.is_empty() || quitting.forced {
        return vec![Effect::Quit];
    }
    let text = format!("Not saved: {}. Leave all the same?", quitting.refused.join("; "));
    model.overlays.push(Overlay::quit_unsaved(text));
    Vec::new()
}
