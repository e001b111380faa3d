//! How a run is let train: to its end, or first to the step at which it answers a prediction.
//!
//! A measure that is read off a snapshot is exact only of a model that stands still at that very step, so the run stops there,
//! is seen, and goes on.

use super::super::model::{Effect, Model};
use super::super::run::Status;
use crate::lesson::{Item, Kind, Predict};
use crate::train::Command;

/// Predictions of the open lesson that the run on the screen answers by what is seen of it.
fn seen(model: &Model) -> impl Iterator<Item = (&Item, &Predict)> {
    let lesson = model.lesson();
    let own = lesson
        .items()
        .filter(|(page, _)| model.run.as_ref().is_some_and(|run| model.home(*page) == run.home));
    own.filter_map(|(_, item)| match &item.kind {
        Kind::Predict(predict) if predict.measure.is_seen() && predict.arms.is_empty() => {
            Some((item, &**predict))
        }
        _ => None,
    })
}

fn waits(model: &Model, item: &Item) -> bool {
    model.course.waiting(&model.lesson().id, &item.id).is_some()
}

/// What lets the run train.
pub fn onward(model: &Model) -> Command {
    let Some(run) = &model.run else { return Command::Run };
    let stops = seen(model).filter(|(item, _)| waits(model, item)).map(|(_, p)| p.after);
    let ahead = stops.filter(|step| *step > run.step && *step <= run.config.training.steps);
    ahead.min().map_or(Command::Run, Command::RunTo)
}

/// A run that stood still to be seen, and was, goes on.
pub fn pass(model: &Model) -> Option<Effect> {
    let run = model.run.as_ref().filter(|run| run.status == Status::Paused)?;
    let mut here = seen(model).filter(|(_, predict)| predict.after == run.step).peekable();
    here.peek()?;
    let told = here.all(|(item, _)| !waits(model, item));
    let free = model.overlays.is_empty() && model.quitting.is_none() && !model.course.held;
    (told && free && model.playing).then(|| Effect::Send(onward(model)))
}
