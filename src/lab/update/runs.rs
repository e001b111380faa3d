//! A run's life: opened with its page, left, gone back to, read from a file, extended.

use std::path::PathBuf;

use super::super::corpus::Corpus;
use super::super::experiment::{Purpose, Shown};
use super::super::model::{Effect, Model, ToastKind};
use super::super::number;
use super::super::resume::Pace;
use super::super::run::{Run, Status};
use super::onward::onward;
use super::say::warn;
use super::{experiment, ghosts, resume};
use crate::lesson::{Item, Start};
use crate::stage::{Config, stage};
use crate::text::Tokenizer;
use crate::train::checkpoint::About;
use crate::train::experiment::arm;
use crate::train::{Command, RunId};

/// The configuration that a lesson's stage starts from.
///
/// # Panics
/// Never: a test holds every lesson to a known stage.
pub fn opening(stage_name: &str, vocab_size: usize, seed: u64) -> Config {
    stage(stage_name).expect("lessons name known stages").config(vocab_size, seed)
}

/// The corpus is there and the trainer is up.
pub fn ready(model: &mut Model, corpus: Corpus, opened: &str) -> Vec<Effect> {
    if let Some(note) = corpus.note.clone() {
        model.say(ToastKind::Info, note);
    }
    let own = model.prompt.text != model.lesson().prompt;
    model.corpus = Some(corpus);
    let text = if own { model.prompt.text.clone() } else { model.default_prompt() };
    if let Some(corpus) = &model.corpus {
        model.prompt.set_lossy(&text, &corpus.tokenizer);
    }
    let vocab_size = model.facts().tokenizer().map_or(0, Tokenizer::vocab_size);
    let config = opening(opened, vocab_size, model.seed);
    // The run that the trainer was started with is the page's, if the page asks for nothing of its own.
    let setup = &model.page().setup;
    let shared = setup.run == Start::Own && setup.set.is_empty();
    let stage = model.lesson().stage_of(model.page);
    let home = if shared && stage == opened { model.home(model.page) } else { String::new() };
    model.run = Some(Run::opening(RunId::FIRST, config, home, None));
    model.refresh();
    pace(model)
}

/// The open page's run is asked for, if it is not the one that the trainer was started with, and nothing of an earlier lab.
pub fn first(model: &mut Model, woken: Vec<Effect>) -> Vec<Effect> {
    let mut effects = Vec::new();
    let home = model.home(model.page);
    if woken.is_empty() && model.run.as_ref().is_none_or(|run| run.home != home) {
        effects.extend(open(model));
    }
    effects.extend(woken);
    effects.extend(go(model));
    effects
}

/// Trains, unless the learner has paused it or the page waits for a prediction.
pub fn go(model: &mut Model) -> Option<Effect> {
    model.course.held = model.must_wait();
    go_or_stay(model)
}

/// Opens a lesson at the page where it was left.
pub fn open_lesson(model: &mut Model, lesson: usize) -> Vec<Effect> {
    if lesson >= model.lessons.len() {
        return warn(model, "this is the last lesson");
    }
    let page = model.places.get(&model.lessons[lesson].id).map_or(0, |place| place.page);
    open_at(model, lesson, page)
}

/// Opens another page of the lesson.
pub fn open_page(model: &mut Model, page: usize) -> Vec<Effect> {
    open_at(model, model.lesson, page)
}

/// Opens a page: its panes, its prompt, and its run as it was left, or a new one.
pub fn open_at(model: &mut Model, lesson: usize, page: usize) -> Vec<Effect> {
    let another = model.lesson != lesson;
    if let Some(left) = model.run.as_ref().map(|run| run.home.clone()) {
        if model.playing {
            model.standing.remove(&left);
        } else {
            model.standing.insert(left);
        }
    }
    turn_to(model, lesson, page);
    let mut effects = Vec::new();
    let home = model.home(model.page);
    let other = model.run.as_ref().is_none_or(|run| run.home != home);
    if model.corpus.is_some() && (another || other) {
        let opens = if other { open(model) } else { Vec::new() };
        effects.extend(pace(model));
        effects.extend(opens);
    }
    if other {
        effects.extend(go(model));
    } else {
        model.course.held = model.course.held && model.must_wait();
        effects.extend(go_or_stay(model));
    }
    if experiment::is_running(model) && model.playing && !model.course.held {
        let text = "this page's run waits until the experiment has ended: ctrl-x cancels that";
        model.say(ToastKind::Info, text);
    }
    effects.extend(resume::autosave(model));
    model.refresh();
    effects
}

/// Leaves the open lesson as it is, and puts a page of another, or another page of it, on the screen: a lesson with the
/// prompt, the pace and the pause that the learner left it with. The run is for the caller to ask for.
fn enter(model: &mut Model, lesson: usize, page: usize) {
    let left = resume::place(model);
    let own = left.prompt.clone();
    model.places.insert(model.lesson().id.clone(), left);
    let another = model.lesson != lesson;
    model.lesson = lesson;
    model.page = page.min(model.lesson().pages.len().saturating_sub(1));
    // What another page has measured stands on that page, and in the progress.
    if model.experiment.as_ref().is_some_and(|shown| shown.has_ended() && !is_of_page(model, shown))
    {
        model.experiment = None;
    }
    let prompt = if another {
        let place = model.places.get(&model.lesson().id).cloned().unwrap_or_default();
        model.own_pace = place.pace;
        model.playing = !place.paused;
        place.prompt
    } else {
        own
    };
    let prompt = prompt.unwrap_or_else(|| model.default_prompt());
    match &model.corpus {
        Some(corpus) => model.prompt.set_lossy(&prompt, &corpus.tokenizer),
        None => model.prompt.text = prompt,
    }
}

/// Whether one of the open page's items, or the learner, asked for an experiment.
fn is_of_page(model: &Model, shown: &Shown) -> bool {
    let (Purpose::Claim(key) | Purpose::Race(key) | Purpose::Prediction(key)) = &shown.why else {
        return true;
    };
    let own = |item: &Item| (&model.lesson().id, &item.id) == (&key.0, &key.1);
    model.page().items().any(own)
}

/// Lets the run train if it is to, and stand if it is not: another lesson's trains on from one to the next.
fn go_or_stay(model: &Model) -> Option<Effect> {
    let run = model.run.as_ref()?;
    let opening = run.status == Status::Opening;
    let goes = model.playing && !model.course.held;
    if goes && (opening || run.status == Status::Paused) {
        Some(Effect::Send(onward(model)))
    } else if !goes && (opening || run.is_training()) {
        Some(Effect::Send(Command::Pause))
    } else {
        None
    }
}

/// The lesson's pace, unless the learner has chosen one.
fn pace(model: &mut Model) -> Vec<Effect> {
    let own = model.own_pace;
    let pace = own.map_or(model.lesson().pace_of(model.page).map(f64::from), Pace::throttle);
    if model.throttle == pace {
        return Vec::new();
    }
    model.throttle = pace;
    if let Some(steps) = pace.filter(|_| own.is_none()) {
        model.say(
            ToastKind::Info,
            format!("{} steps a second, to watch it learn: > goes faster", number::short(steps)),
        );
    }
    vec![Effect::Send(Command::Throttle(pace))]
}

/// Asks for the run of the open lesson: as it was left, or a new one.
fn open(model: &mut Model) -> Vec<Effect> {
    let home = model.home(model.page);
    // A run that stood when it was left stands when it is come back to, whatever another did meanwhile.
    if model.left.contains_key(&home) {
        model.playing = !model.standing.contains(&home);
    }
    if !model.left.contains_key(&home) && model.page().setup.pace.is_some() {
        // A new run that is to be watched begins at the page's pace, whatever was chosen for another.
        model.own_pace = None;
    }
    let (id, config) = model.left.get(&home).cloned().unwrap_or_else(|| {
        let vocab_size = model.facts().tokenizer().map_or(0, Tokenizer::vocab_size);
        let stage = model.lesson().stage_of(model.page).to_owned();
        let mut config = opening(&stage, vocab_size, model.seed);
        // What a page sets is proved by `lessons check`.
        let set = arm::set(&mut config, &model.page().setup.set);
        debug_assert!(set.is_ok(), "{set:?}");
        // A page's own run starts when the page is opened, whatever was paused before it.
        model.playing |= model.page().setup.run != Start::Own;
        (model.new_run(), config)
    });
    ask_for(model, id, config, home)
}

/// Asks the trainer for a run. From now on it is the one on the screen, and what the trainer still says of others is
/// not; the one that was there leaves its curve once this one is open.
pub fn ask_for(model: &mut Model, id: RunId, config: Config, home: String) -> Vec<Effect> {
    // One of an earlier session is in a file; the trainer does not know it.
    let asleep = model.past.get(&id).and_then(|past| past.asleep.clone());
    if let Some(path) = asleep {
        return load(model, id, &config, home, path);
    }
    let mut effects = give_way(model, id, &config, home);
    effects.push(Effect::Send(Command::Open { run: id, config: Box::new(config) }));
    effects
}

/// Asks the trainer for the run in a file, as [`ask_for`].
pub fn load(
    model: &mut Model,
    id: RunId,
    config: &Config,
    home: String,
    path: PathBuf,
) -> Vec<Effect> {
    let mut effects = give_way(model, id, config, home);
    model.loading = Some((id, path.clone()));
    // From now on the trainer has it, or says why not.
    if let Some(past) = model.past.get_mut(&id) {
        past.asleep = None;
    }
    effects.push(Effect::Send(Command::Load { run: id, path }));
    effects
}

/// The run on the screen makes room for one of this name and configuration.
fn give_way(model: &mut Model, id: RunId, config: &Config, next_home: String) -> Vec<Effect> {
    let mut effects = Vec::new();
    let replaces = match model.run.take() {
        // Never seen: what it was to replace is still to make room.
        Some(Run { observed, replaces, home, .. }) if observed.status == Status::Opening => {
            let (id, unseen) = (observed.id, observed.config);
            model.left.insert(home.clone(), (id, unseen.clone()));
            resume::leave_unseen(model, id, &unseen, home);
            match replaces {
                Some(old) if old.stage() == unseen.stage && config.stage != unseen.stage => {
                    ghosts::ghost(model, *old, &unseen);
                    None
                }
                other => other,
            }
        }
        Some(run) => {
            model.left.insert(run.home.clone(), (run.id, run.config.clone()));
            effects.extend(resume::leave(model, &run));
            Some(Box::new(run))
        }
        None => None,
    };
    let replaces = replaces.filter(|old| old.id != id);
    // What was said of the run that is left is no news of this one.
    model.toasts.retain(|toast| toast.kind == ToastKind::Warning);
    let opening = Run::opening(id, config.clone(), next_home, replaces);
    model.run = Some(opening);
    model.asked.forget();
    model.refresh();
    effects
}

/// The run on the screen could not be opened: where it was to replace another of its stage, that one comes back.
pub fn not_opened(model: &mut Model, why: &str) -> Vec<Effect> {
    let Some(run) = &mut model.run else {
        return warn(model, why);
    };
    let (id, stage, home) = (run.id, run.stage().to_owned(), run.home.clone());
    let before = run.replaces.take();
    run.status = Status::Failed(why.to_owned());
    let text = format!("{stage} could not be opened: {why}");
    model.left.remove(&home);
    let mut effects = Vec::new();
    let loading = model.loading.take_if(|(loading, _)| *loading == id);
    if let Some((_, path)) = &loading {
        // Of an earlier session: nobody comes back to it, and its file stays as it is.
        model.past.remove(&id);
        model.ghosts.retain(|ghost| ghost.id != id);
        let kept = model.keeping.kept.remove(&id);
        effects.extend(kept.map(|_| Effect::SetAside(path.clone())));
    }
    let before = match before {
        Some(before) if before.home == home => before,
        other => {
            if let Some(before) = other {
                let config = run.config.clone();
                ghosts::ghost(model, *before, &config);
            }
            if loading.is_some() {
                // The page's own run is no worse for it.
                effects.extend(open(model));
                effects.extend(go(model));
            }
            model.say(ToastKind::Warning, text);
            return effects;
        }
    };
    model.undo.retain(|change| change.stage != stage);
    let (id, config) = (before.id, before.config.clone());
    model.run = Some(*before);
    effects.extend(ask_for(model, id, config, home));
    if model.playing {
        effects.push(Effect::Send(onward(model)));
    }
    model.say(ToastKind::Warning, text);
    effects
}

/// Goes back to a run that was left, on the page that it belongs to.
pub fn reopen(model: &mut Model, id: RunId) -> Vec<Effect> {
    let Some(past) = model.past.get(&id) else { return warn(model, "this run is there no more") };
    let (config, home) = (past.observed.config.clone(), past.home.clone());
    let Some((lesson, page)) = model.page_of(&home) else {
        return warn(model, format!("no lesson of the course is about {home}"));
    };
    turn_to(model, lesson, page);
    let mut effects = ask_for(model, id, config, home);
    effects.extend(pace(model));
    effects.extend(go(model));
    effects
}

/// Opens a checkpoint as a new run, on the first page that is about its stage.
pub fn open_file(model: &mut Model, path: PathBuf, about: &About) -> Vec<Effect> {
    let Some(corpus) = &model.corpus else { return warn(model, "the trainer is not up yet") };
    if !about.corpus.is_empty() && about.corpus != corpus.sha256 {
        let text = "it was trained on another text: start gpt-lab with that text (--data FILE)";
        return warn(model, text);
    }
    let stage = &about.config.stage;
    let Some((lesson, page)) = model.page_about(stage) else {
        return warn(model, format!("no lesson of the course is about {stage}"));
    };
    if (lesson, page) != (model.lesson, model.page) {
        let number = model.lessons[lesson].number;
        let text = format!("opened in lesson {number}, page {}: it is about {stage}", page + 1);
        model.say(ToastKind::Info, text);
    }
    turn_to(model, lesson, page);
    let home = model.home(page);
    let id = model.new_run();
    let mut effects = load(model, id, &about.config, home, path);
    effects.extend(pace(model));
    effects.extend(go(model));
    effects
}

/// Puts a page on the screen, whatever run is asked for after it.
fn turn_to(model: &mut Model, lesson: usize, page: usize) {
    let left = (model.lesson().id.clone(), model.page);
    enter(model, lesson, page);
    model.change_views(left, &(model.lesson().id.clone(), model.page));
    model.course.chosen = model.course.first_undone(&model.lesson().id, model.page());
    model.called = None;
    let panes = model.lesson_panes();
    // Who turns a page is to see it, and to have keys for something that is seen.
    model.zoomed &= model.reading() == Some(model.focus);
    if !panes.contains(&model.focus) || !model.layout().shows(model.focus) {
        model.focus = panes.first().copied().unwrap_or(model.focus);
        model.zoomed = false;
    }
}

/// Trains as long again as the stage's preset.
pub fn extend(model: &mut Model) -> Vec<Effect> {
    let Some(run) = &model.run else { return warn(model, "the trainer is not up yet") };
    let by = stage(run.stage()).map_or(5000, |s| s.config(1, 0).training.steps);
    let mut effects = vec![Effect::Send(Command::Extend(by))];
    if run.status == Status::Finished {
        model.playing = true;
        effects.push(Effect::Send(Command::Run));
    }
    effects
}

#[cfg(test)]
mod tests;
