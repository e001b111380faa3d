//! What a learner changes of a run: at once, or by a rebuild that is asked about; alone, or several together.

use super::super::ghost;
use super::super::model::{Change, Effect, Model, ToastKind};
use super::super::number;
use super::super::overlays::{Answer, Confirm, Overlay};
use super::super::run::Run;
use super::records::set_aside;
use super::runs::{ask_for, go};
use super::say::warn;
use crate::stage::hyperparameter::{HYPERPARAMETERS, Hyperparameter, Takes};
use crate::stage::{Config, Value};
use crate::train::Command;

/// Asks the trainer for another value: at once where it is live; where it rebuilds the model, asks the learner first.
pub fn request(
    model: &mut Model,
    hyperparameter: &'static Hyperparameter,
    value: Value,
) -> Vec<Effect> {
    let Some(run) = &model.run else { return warn(model, "the trainer is not up yet") };
    let mut config = model.asked.wanted(&run.config);
    let old = hyperparameter.get(&config);
    if old == value {
        return Vec::new();
    }
    if let Err(error) = hyperparameter.set(&mut config, value) {
        model.asked.error = Some(error.to_string());
        return Vec::new();
    }
    draw_for(model, &mut config);
    model.asked.error = None;
    let name = hyperparameter.name;
    match hyperparameter.takes {
        Takes::Live => {
            let stage = run.config.stage.clone();
            model.undo.push(Change { stage, name, old, new: value });
            model.asked.expect(name, value);
            let mut effects = set_aside(model);
            effects.push(Effect::Send(Command::Set { name, value }));
            effects
        }
        Takes::Rebuild if model.asked.collecting => {
            let config = run.config.clone();
            model.asked.collect(hyperparameter, value, &config);
            Vec::new()
        }
        Takes::Rebuild => {
            if let Err(error) = config.validate() {
                let text = format!("{error}. M collects several changes for one rebuild");
                model.asked.error = Some(text);
                return Vec::new();
            }
            let arrow = model.theme.glyphs.arrow;
            let text = format!(
                "{name} {old} {arrow} {value} rebuilds the model: it starts again from new weights. {}",
                leaves(run, &config)
            );
            ask_to_rebuild(model, "Rebuild?", text, config)
        }
    }
}

/// A configuration that asks for drawn points and has none takes those that the learner has drawn.
fn draw_for(model: &Model, config: &mut Config) {
    if config.task.is_drawn() && config.task.drawn.is_empty() {
        config.task.drawn.clone_from(&model.drawn);
    }
}

/// Asks, then starts again on the points that the learner has drawn.
pub fn learn_drawn(model: &mut Model) -> Vec<Effect> {
    let Some(run) = &model.run else { return warn(model, "the trainer is not up yet") };
    let missing = model.drawn.missing();
    if missing > 0 {
        return warn(model, format!("{missing} points more: a model learns 3 at least"));
    }
    let mut config = model.asked.wanted(&run.config);
    if !config.task.learn(model.drawn.clone()) {
        return warn(model, "the model on the screen learns no points of the plane");
    }
    config.fit();
    if let Err(error) = config.validate() {
        return warn(model, error.to_string());
    }
    if config.task == run.config.task {
        return warn(model, "the model learns these very points already: r starts it again");
    }
    let text = format!(
        "The {} points that you have drawn rebuild the model: it starts again from new weights. {}",
        number::count(model.drawn.len() as u64),
        leaves(run, &config)
    );
    ask_to_rebuild(model, "Rebuild?", text, config)
}

/// A value that was typed: as [`request`], and the learner is told what it was understood as.
pub fn set_to(
    model: &mut Model,
    hyperparameter: &'static Hyperparameter,
    value: Value,
) -> Vec<Effect> {
    let name = hyperparameter.name;
    let effects = request(model, hyperparameter, value);
    // That a prediction was set aside for it is the greater news.
    let aside = effects.iter().any(|effect| matches!(effect, Effect::Keep(_)));
    if !effects.is_empty() && !aside {
        model.say(ToastKind::Info, format!("{name} is {value} from the next step on"));
    } else if effects.is_empty() && model.overlays.is_empty() && model.asked.error.is_none() {
        let text = if hyperparameter.takes == Takes::Rebuild && model.asked.waiting() > 0 {
            format!("{name} {value} waits with the other changes")
        } else {
            format!("{name} is {value} already")
        };
        model.say(ToastKind::Info, text);
    }
    effects
}

/// Takes back the last change of this stage's hyperparameters.
pub fn undo(model: &mut Model) -> Vec<Effect> {
    let Some(run) = &model.run else { return warn(model, "nothing to undo") };
    if model.asked.waiting() > 0 {
        let told = changes(&run.config, &model.asked.wanted(&run.config));
        let told: Vec<_> = told.iter().map(|c| format!("{} {}", c.name, c.new)).collect();
        model.asked.give_up();
        model.say(ToastKind::Info, format!("given up: {}", told.join(", ")));
        return Vec::new();
    }
    let Some(at) = model.undo.iter().rposition(|change| change.stage == run.config.stage) else {
        return warn(model, "nothing to undo in this run");
    };
    let change = model.undo[at].clone();
    let Some(hyperparameter) = crate::stage::hyperparameter::hyperparameter(change.name) else {
        return Vec::new();
    };
    if hyperparameter.takes == Takes::Rebuild {
        // Asks first; the change leaves the stack when the model is rebuilt.
        return request(model, hyperparameter, change.old);
    }
    model.undo.remove(at);
    let arrow = model.theme.glyphs.arrow;
    model.asked.expect(change.name, change.old);
    model.say(
        ToastKind::Info,
        format!("undone: {} {} {arrow} {}", change.name, change.new, change.old),
    );
    let mut effects = set_aside(model);
    effects.push(Effect::Send(Command::Set { name: change.name, value: change.old }));
    effects
}

/// Asks, then starts the run again.
pub fn restart(model: &mut Model) -> Vec<Effect> {
    let Some(run) = &model.run else { return warn(model, "the trainer is not up yet") };
    let seed = run.config.seed;
    start_again(model, seed)
}

/// Asks, then starts the run again with the seed after its own.
pub fn next_seed(model: &mut Model) -> Vec<Effect> {
    let Some(run) = &model.run else { return warn(model, "the trainer is not up yet") };
    let seed = run.config.seed.wrapping_add(1);
    start_again(model, seed)
}

/// Asks, then starts the run again with this seed.
pub fn start_again(model: &mut Model, seed: u64) -> Vec<Effect> {
    let Some(run) = &model.run else { return warn(model, "the trainer is not up yet") };
    let mut config = model.asked.wanted(&run.config);
    draw_for(model, &mut config);
    let old = std::mem::replace(&mut config.seed, seed);
    if let Err(error) = config.validate() {
        return warn(model, error.to_string());
    }
    let with = if seed == old { "the same seed".to_owned() } else { format!("seed {seed}") };
    let text = format!(
        "Start again from new weights, with {with} and the hyperparameters as they are now? {}",
        leaves(run, &config)
    );
    ask_to_rebuild(model, "Start again?", text, config)
}

/// Collects changes that rebuild the model; pressed again, asks for one rebuild with all of them.
pub fn collect(model: &mut Model) -> Vec<Effect> {
    let Some(run) = &model.run else { return warn(model, "the trainer is not up yet") };
    if !model.asked.collecting {
        model.asked.collecting = true;
        model.say(ToastKind::Info, "changes that rebuild wait now: M rebuilds once with all");
        return Vec::new();
    }
    if model.asked.waiting() == 0 {
        model.asked.collecting = false;
        model.say(ToastKind::Info, "no change waits: each rebuilds at once again");
        return Vec::new();
    }
    let mut config = model.asked.wanted(&run.config);
    draw_for(model, &mut config);
    if let Err(error) = config.validate() {
        model.asked.error = Some(error.to_string());
        return warn(model, error.to_string());
    }
    let arrow = model.theme.glyphs.arrow;
    let told = changes(&run.config, &config);
    let told: Vec<_> =
        told.iter().map(|c| format!("{} {} {arrow} {}", c.name, c.old, c.new)).collect();
    let text = format!(
        "{} rebuild the model once: it starts again from new weights. {}",
        told.join(", "),
        leaves(run, &config)
    );
    ask_to_rebuild(model, "Rebuild?", text, config)
}

/// Whether a question is about changes that can wait for others.
pub fn can_collect(model: &Model, answer: &Answer) -> bool {
    let Answer::Rebuild { config } = answer else { return false };
    model.run.as_ref().is_some_and(|run| {
        // Drawn points are no hyperparameter that could wait.
        !changes(&run.config, config).is_empty() && run.config.task.drawn == config.task.drawn
    })
}

/// The changes of a question wait for others.
pub fn more_first(model: &mut Model, config: &Config) {
    let Some(run) = &model.run else { return };
    for change in changes(&run.config, config) {
        if let Some(hyperparameter) = crate::stage::hyperparameter::hyperparameter(change.name) {
            model.asked.collect(hyperparameter, change.new, &run.config);
        }
    }
    model.say(ToastKind::Info, "it waits for others: M rebuilds once with all");
}

/// No rebuild: what was collected waits on, and a single change is none.
pub fn not_now(model: &mut Model, config: &Config) {
    model.asked.error = None;
    let Some(run) = &model.run else { return };
    let told = changes(&run.config, config);
    let text = match (model.asked.waiting(), &told[..]) {
        (0, []) => return,
        (0, [change]) => format!("{} stays {}", change.name, change.old),
        (0, _) => "nothing was changed".to_owned(),
        (1, _) => "the change waits on: M asks again, u gives it up".to_owned(),
        (n, _) => format!("{n} changes wait on: M asks again, u gives them up"),
    };
    model.say(ToastKind::Info, text);
}

/// What becomes of a run's curve when one of this configuration takes its place.
fn leaves(run: &Run, next: &Config) -> &'static str {
    if !ghost::begun(&run.config, run.step, &run.history) {
        "The present run is under a fiftieth of its steps and leaves no curve."
    } else if ghost::same_examples(&run.config, next) {
        "The present curve stays as a ghost."
    } else {
        "Its losses are of other examples: the present curve leaves the chart."
    }
}

fn ask_to_rebuild(model: &mut Model, title: &str, text: String, config: Config) -> Vec<Effect> {
    let yes = Answer::Rebuild { config: Box::new(config) };
    model.overlays.push(Overlay::Confirm(Confirm { title: title.to_owned(), text, yes }));
    Vec::new()
}

/// Builds the model anew; the present run becomes a ghost when the new one is open.
pub fn rebuild(model: &mut Model, config: Config) -> Vec<Effect> {
    let Some(run) = &model.run else { return Vec::new() };
    for change in changes(&run.config, &config) {
        let undoes = model.undo.last().is_some_and(|last| {
            last.stage == change.stage && last.name == change.name && last.old == change.new
        });
        if undoes {
            model.undo.pop();
        } else {
            model.undo.push(change);
        }
    }
    // What was predicted of one seed is as true of another.
    let reseeded = Config { seed: config.seed, ..run.config.clone() };
    let (home, other) = (run.home.clone(), reseeded != config);
    let mut effects = if other { set_aside(model) } else { Vec::new() };
    model.playing = true;
    let id = model.new_run();
    effects.extend(ask_for(model, id, config, home));
    effects.extend(go(model));
    effects
}

/// Asks once more for a run that could not be opened.
pub fn again(model: &mut Model) -> Vec<Effect> {
    let Some(config) = model.run.as_ref().map(|run| run.config.clone()) else { return Vec::new() };
    rebuild(model, config)
}

/// What differs between two configurations, of those hyperparameters that rebuild the model.
fn changes(old: &Config, new: &Config) -> Vec<Change> {
    let differing =
        HYPERPARAMETERS.iter().filter(|h| h.takes == Takes::Rebuild && h.get(old) != h.get(new));
    differing
        .map(|h| Change {
            stage: old.stage.clone(),
            name: h.name,
            old: h.get(old),
            new: h.get(new),
        })
        .collect()
}

#[cfg(test)]
mod tests;
