//! What is written down in case the lab is killed or left, and taking it up again.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use super::super::ghost::{Ghost, Origin};
use super::super::model::{Effect, Model, ToastKind};
use super::super::number;
use super::super::panes::PaneId;
use super::super::past::{self, Kept, Mark, Past};
use super::super::resume::{Asleep, Found, MOST_OTHERS, Other, Place, Resume};
use super::super::run::{Run, Status};
use super::runs;
use crate::model;
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

/// Puts the learner where an earlier lab was left; its runs come when the trainer is up.
///
/// # Errors
/// If there is no such lesson: why, in a line.
pub fn begin(model: &mut Model, found: Found) -> Result<(), String> {
    let resume = &found.resume;
    let lesson = model.lessons.iter().position(|lesson| lesson.id == resume.lesson);
    let Some(lesson) = lesson else {
        return Err(format!("it is in a lesson that this course has not ({:?})", resume.lesson));
    };
    model.places.clone_from(&resume.lessons);
    model.lesson = lesson;
    let place = model.places.remove(&resume.lesson).unwrap_or_default();
    model.page = place.page.min(model.lesson().pages.len().saturating_sub(1));
    model.prompt.text = place.prompt.unwrap_or_else(|| model.default_prompt());
    model.own_pace = place.pace;
    model.playing = !place.paused;
    let panes = model.lesson_panes();
    let focus = PaneId::named(&resume.focus).filter(|pane| panes.contains(pane));
    if let Some(focus) = focus.or(panes.first().copied()) {
        model.focus_on(focus);
    }
    model.zoomed = resume.zoomed && focus.is_some();
    (model.sampling, model.sample_seed) = (resume.sampling, resume.sample_seed);
    model.seed = resume.seed;
    for lost in &found.lost {
        model.say(ToastKind::Warning, format!("kept aside: {lost}"));
    }
    model.found = Some(Box::new(found));
    model.refresh();
    Ok(())
}

/// The trainer is up: the runs of an earlier lab are there again, and the one that was on the screen is asked for.
pub fn wake(model: &mut Model) -> Vec<Effect> {
    let Some(found) = model.found.take() else { return Vec::new() };
    let Found { resume, run, others, .. } = *found;
    let text = model.corpus.as_ref().map_or(String::new(), |corpus| corpus.sha256.clone());
    let mut effects = Vec::new();
    let mut strange = false;
    let mut known = |asleep: &Asleep| {
        let same = asleep.about.corpus.is_empty() || asleep.about.corpus == text;
        if !same {
            effects.push(Effect::SetAside(asleep.path.clone()));
        }
        strange |= !same;
        same
    };
    let others: Vec<_> = others.into_iter().filter(|(_, asleep)| known(asleep)).collect();
    let run = run.filter(&mut known);
    if strange {
        let text = "runs of an earlier session are of another text: they are kept aside";
        model.say(ToastKind::Warning, text);
    }
    for (other, asleep) in others {
        sleep(model, &other, asleep);
    }
    let lesson = model.lesson().number;
    let page = model.page + 1;
    let home = model.home(model.page);
    let stage = model.lesson().stage_of(model.page).to_owned();
    let mine = |asleep: &Asleep| resume.home == home && asleep.about.config.stage == stage;
    match run.filter(mine) {
        Some(asleep) => {
            let step = number::steps(asleep.about.step);
            let text = format!("back in lesson {lesson}, page {page}, after {step}: r starts anew");
            let id = runs::new_run(model);
            remember(model, id, &asleep);
            effects.extend(runs::load(model, id, &asleep.about.config, home, asleep.path));
            model.say(ToastKind::Info, text);
        }
        None if resume.run.is_some() => {
            let text = format!("back in lesson {lesson}, page {page}, with a new run");
            model.say(ToastKind::Info, text);
        }
        None => {}
    }
    effects
}

/// That a run is in a file already.
fn remember(model: &mut Model, id: RunId, asleep: &Asleep) {
    let file = asleep.path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    let mark: Mark = (asleep.about.step, asleep.about.history.edits.len());
    model.keeping.kept.insert(id, Kept { file: file.to_owned(), mark });
}

/// A run of an earlier session: its curve is there, its weights stay in the file until somebody comes back to it.
fn sleep(model: &mut Model, other: &Other, asleep: Asleep) {
    let config: &Config = &asleep.about.config;
    let Ok(built) = model::build(&config.model) else { return };
    let id = runs::new_run(model);
    remember(model, id, &asleep);
    let mut observed = Observed::opening(id, config.clone());
    observed.card = Some(Arc::new(built.card()));
    observed.parameters = built.registry().len();
    observed.step = asleep.about.step;
    observed.history = asleep.about.history;
    observed.status = Status::Paused;
    if let Some(rebuilt) = other.ghost {
        let origin = if rebuilt { Origin::Rebuilt } else { Origin::Stage };
        model.ghosts.push(Ghost {
            id,
            config: observed.config.clone(),
            card: observed.card.clone(),
            step: observed.step,
            origin,
            history: Arc::new(observed.history.clone()),
        });
    }
    if other.latest {
        model.left.insert(other.home.clone(), (id, observed.config.clone()));
    }
    let (home, asleep) = (other.home.clone(), Some(asleep.path));
    model.past.insert(id, Past { observed, home, asleep, left: model.now });
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
