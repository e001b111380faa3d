//! Lines of progress: what was said of the lesson's items, written down as it is said.

use super::super::model::{Effect, Model, ToastKind};
use crate::lesson::progress::Record;
use crate::lesson::{Item, Kind};

/// A line of progress about an item of the open lesson, at this moment.
pub fn record(model: &Model, item: &str, kind: &str) -> Record {
    Record {
        t: model.course.began + model.now.as_secs(),
        session: model.course.session.clone(),
        lesson: model.lesson().id.clone(),
        item: item.to_owned(),
        kind: kind.to_owned(),
        seed: model.run.as_ref().map(|run| run.config.seed),
        ..Record::default()
    }
}

/// Writes a record down, here at once and in the file by the driver.
pub fn keep(model: &mut Model, record: Record) -> Vec<Effect> {
    model.course.progress.records.push(record.clone());
    vec![Effect::Keep(Box::new(record)), Effect::Autosave]
}

/// The run on the screen is changed before it comes to what was predicted of it as it was: the run that it becomes is not to
/// judge that. It counts as skipped, and the learner is told.
pub fn set_aside(model: &mut Model) -> Vec<Effect> {
    let Some(run) = &model.run else { return Vec::new() };
    let lesson = model.lesson();
    let of_the_run = |page: usize, item: &Item| match &item.kind {
        Kind::Predict(predict) => {
            let waits = model.course.waiting(&lesson.id, &item.id).is_some();
            waits && predict.arms.is_empty() && model.home(page) == run.home
        }
        _ => false,
    };
    let items = lesson.items().filter(|(page, item)| of_the_run(*page, item));
    let items: Vec<String> = items.map(|(_, item)| item.id.clone()).collect();
    let mut effects = Vec::new();
    for item in &items {
        let record = record(model, item, "skip");
        effects.extend(keep(model, record));
    }
    if !items.is_empty() {
        let text = "what you predicted was of the run without this change: it is set aside";
        model.say(ToastKind::Warning, text.to_owned());
        model.refresh();
    }
    effects
}
