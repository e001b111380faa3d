//! Taking up what an earlier lab has left: where the learner was, and the runs.

use std::sync::Arc;

use super::super::ghost::{Ghost, Origin};
use super::super::model::{Effect, Model, ToastKind};
use super::super::number;
use super::super::past::{Kept, Mark, Past};
use super::super::resume::{Asleep, Found, Other};
use super::super::run::Status;
use super::runs;
use crate::lab::panes::PaneId;
use crate::model;
use crate::stage::Config;
use crate::train::{Observed, RunId};

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
            let id = model.new_run();
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
    let id = model.new_run();
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
            home: other.home.clone(),
            history: Arc::new(observed.history.clone()),
        });
    }
    if other.latest {
        model.left.insert(other.home.clone(), (id, observed.config.clone()));
    }
    let (home, asleep) = (other.home.clone(), Some(asleep.path));
    model.past.insert(id, Past { observed, home, asleep, left: model.now });
}
