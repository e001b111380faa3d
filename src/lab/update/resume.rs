//! What is written down in case the lab is killed or left.

use std::path::Path;
use std::time::Duration;

use super::super::ghost::Origin;
use super::super::model::{Effect, Model, ToastKind};
use super::super::past::{self, Kept, Past};
use super::super::resume::{MOST_OTHERS, Other, Place, Resume};
use super::super::run::{Run, Status};
use crate::stage::Config;
use crate::train::{Observed, RunId};

/// A run that has stepped is written down this often.
const EVERY: Duration = Duration::from_secs(30);
/// Above so many numbers writing is felt, and done less often.
const LARGE: usize = 5_000_000;
const EVERY_LARGE: Duration = Duration::from_secs(300);
/// Numbers of all runs together that are written down beside the one on the screen: 12 bytes each.
const MOST_NUMBERS: usize = 24_000_000;

/// Time passed.
pub fn tick(model: &mut Model) -> Vec<Effect> {
    let since = model.now.saturating_sub(model.keeping.at);
    if !model.keeps || model.quitting.is_some() || since < EVERY {
        return Vec::new();
    }
    model.keeping.at = model.now;
    autosave(model)
}

/// Writes down the run on the screen, if it has changed, and where the learner is.
pub fn autosave(model: &mut Model) -> Vec<Effect> {
    let present = model.run.as_ref().filter(|run| run.status != Status::Opening);
    let seen = present.map(|run| run.observed.clone());
    let mut effects = seen.map_or(Vec::new(), |seen| keep(model, &seen));
    effects.extend(note(model));
    effects
}

/// Writes down a run that has changed since it was last.
pub fn keep(model: &mut Model, run: &Observed) -> Vec<Effect> {
    let mark = past::mark(run);
    let asked = model.keeping.asked.get(&run.id);
    let written = asked.or(model.keeping.kept.get(&run.id).map(|kept| &kept.mark));
    if !model.keeps || run.step == 0 || written == Some(&mark) {
        return Vec::new();
    }
    if run.parameters > LARGE {
        let last = model.keeping.large.insert(run.id, model.now);
        if last.is_some_and(|last| model.now.saturating_sub(last) < EVERY_LARGE) {
            model.keeping.large.extend(last.map(|last| (run.id, last)));
            return Vec::new();
        }
    }
    model.keeping.asked.insert(run.id, mark);
    vec![Effect::KeepRun { run: run.id, stage: run.stage().to_owned(), mark }]
}

/// A run was written down, or could not be.
pub fn kept(
    model: &mut Model,
    run: RunId,
    path: &Path,
    step: u64,
    refused: Option<String>,
) -> Vec<Effect> {
    let mark = model.keeping.asked.remove(&run);
    if let Some(why) = refused {
        if !std::mem::replace(&mut model.keeping.said, true) {
            model.say(ToastKind::Warning, format!("autosave: {why}"));
        }
        return Vec::new();
    }
    let file = path.file_name().and_then(|name| name.to_str());
    if let Some(((_, edits), file)) = mark.zip(file) {
        let mark = (step, edits);
        model.keeping.kept.insert(run, Kept { file: file.to_owned(), mark });
    }
    note(model)
}

/// Writes down where the learner is, if that is not written down already.
pub fn note(model: &mut Model) -> Vec<Effect> {
    if !model.keeps || model.found.is_some() {
        return Vec::new();
    }
    let resume = of(model);
    if model.keeping.noted.as_ref() == Some(&resume) {
        return Vec::new();
    }
    model.keeping.noted = Some(resume.clone());
    vec![Effect::Remember(Box::new(resume))]
}

/// The open lesson as it is now.
pub fn place(model: &Model) -> Place {
    let own = model.prompt.text != model.default_prompt();
    Place {
        page: model.page,
        prompt: own.then(|| model.prompt.text.clone()),
        pace: model.own_pace,
        paused: !model.playing,
    }
}

fn of(model: &Model) -> Resume {
    let mut lessons = model.places.clone();
    lessons.insert(model.lesson().id.clone(), place(model));
    let kept = &model.keeping.kept;
    let latest =
        |id: &RunId, past: &Past| model.left.get(&past.home).is_some_and(|(last, _)| last == id);
    let mut others: Vec<_> = model.past.iter().collect();
    let present = model.run.as_ref().map(|run| run.id);
    others.retain(|(id, _)| kept.contains_key(id) && present != Some(**id));
    others.sort_by_key(|(id, past)| std::cmp::Reverse((latest(id, past), past.left, **id)));
    let mut numbers = 0;
    others.retain(|(_, past)| {
        numbers += past.observed.parameters;
        numbers <= MOST_NUMBERS
    });
    others.truncate(MOST_OTHERS);
    others.sort_by_key(|(id, past)| (past.left, **id));
    let other = |(id, past): (&RunId, &Past)| {
        let ghost = model.ghosts.iter().find(|ghost| ghost.id == *id);
        Some(Other {
            file: kept.get(id)?.file.clone(),
            home: past.home.clone(),
            ghost: ghost.map(|ghost| ghost.origin == Origin::Rebuilt),
            latest: latest(id, past),
        })
    };
    Resume {
        version: Resume::VERSION,
        lesson: model.lesson().id.clone(),
        lessons,
        focus: model.focus.name().to_owned(),
        zoomed: model.zoomed,
        sampling: model.sampling,
        sample_seed: model.sample_seed,
        seed: model.seed,
        run: model.run.as_ref().and_then(|run| kept.get(&run.id)).map(|kept| kept.file.clone()),
        home: model.home(model.page),
        others: others.into_iter().filter_map(other).collect(),
    }
}

/// A run leaves the screen: it stays within reach, and in a file.
pub fn leave(model: &mut Model, run: &Run) -> Vec<Effect> {
    let (observed, home) = (run.observed.clone(), run.home.clone());
    let past = Past { observed, home, asleep: None, left: model.now };
    model.past.insert(run.id, past);
    keep(model, &run.observed)
}

/// A run leaves the screen before the trainer has shown it: where it is in a file, it stays within reach.
pub fn leave_unseen(model: &mut Model, id: RunId, config: &Config, home: String) {
    if model.keeping.kept.contains_key(&id) && !model.past.contains_key(&id) {
        let observed = Observed::opening(id, config.clone());
        model.past.insert(id, Past { observed, home, asleep: None, left: model.now });
    }
}

#[cfg(test)]
mod tests;
