//! Earlier runs whose curves stay, which of them may stand beside the present one, and what they are called there.

use std::sync::Arc;

use super::number;
use super::run::Run;
use crate::model::Card;
use crate::stage::hyperparameter::{HYPERPARAMETERS, hyperparameter};
use crate::stage::{Config, Value, stage};
use crate::train::RunId;
use crate::train::history::History;

/// Ghosts on a chart at most: three colours, each dashed in two ways, and six letters are told apart at a glance.
pub const MOST: usize = 6;
/// Differences that a name tells at most; of the others it says how many.
const TOLD: usize = 2;

/// Where a ghost comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// A run of the same stage before it was rebuilt or restarted.
    Rebuilt,
    /// Another stage's run.
    Stage,
}

/// An earlier run's curve.
#[derive(Clone, Debug)]
pub struct Ghost {
    pub id: RunId,
    /// As it was when the run was left.
    pub config: Config,
    /// What its model said of itself; `None` where it never came to that.
    pub card: Option<Arc<Card>>,
    pub step: u64,
    pub origin: Origin,
    /// Where its run is found again.
    pub home: String,
    pub history: Arc<History>,
}

/// A ghost on the chart of the present run, and what it is called beside it.
#[derive(Clone, Debug)]
pub struct Named<'a> {
    pub ghost: &'a Ghost,
    pub label: String,
}

impl Ghost {
    pub fn stage(&self) -> &str {
        &self.config.stage
    }

    /// Whether there is a curve to speak of: at least two points and a fiftieth of the run.
    fn has_begun(&self) -> bool {
        begun(&self.config, self.step, &self.history)
    }

    /// Whether it was trained with its stage's own settings.
    fn is_preset(&self) -> bool {
        preset(&self.config).is_some_and(|preset| differences(&self.config, &preset).is_empty())
    }

    /// What sets it apart from the present run: `n_head 4`; of another stage its name, and what was changed of its settings.
    fn differs(&self, run: &Run) -> Vec<String> {
        let (mut words, beside) = if self.stage() == run.stage() {
            (Vec::new(), Some(run.config.clone()))
        } else {
            (vec![self.stage().to_owned()], preset(&self.config))
        };
        let mut told = beside.map_or(Vec::new(), |beside| differences(&self.config, &beside));
        // What was changed on the way and back is in the curve, too.
        for name in HYPERPARAMETERS.iter().map(|known| known.name) {
            let own = || self.history.edits.iter().filter(|edit| edit.name == name);
            let (Some(first), Some(last)) = (own().next(), own().next_back()) else { continue };
            if own().eq(run.history.edits.iter().filter(|edit| edit.name == name)) {
                continue;
            }
            let words = if first.old == last.new {
                format!("{name} changed")
            } else {
                format!("{name} {}→{}", first.old, last.new)
            };
            told.retain(|words| words.split(' ').next() != Some(name));
            told.push(words);
        }
        if self.config.seed != run.config.seed {
            told.push(format!("seed {}", self.config.seed));
        }
        let more = told.len().saturating_sub(TOLD);
        told.truncate(TOLD);
        words.extend(told);
        if more > 0 {
            words.push(format!("{more} more"));
        }
        words
    }
}

/// Takes back what was changed after the last step: no step was ever made with it.
pub fn undo_idle_changes(config: &mut Config, history: &History, step: u64) {
    for edit in history.edits.iter().rev().take_while(|edit| edit.step >= step) {
        let known = hyperparameter(&edit.name);
        if let Some((known, old)) = known.and_then(|h| Some((h, Value::parse(h, &edit.old).ok()?)))
        {
            // A value that it had once it can have again.
            _ = known.set(config, old);
        }
    }
}

/// Whether a run has come so far that its curve is worth keeping: two points, and a fiftieth of its length.
pub fn begun(config: &Config, step: u64, history: &History) -> bool {
    history.points.len() >= 2 && step.saturating_mul(50) >= config.training.steps
}

/// Whether the losses of two runs may mean the same: the same task, the same tokens.
pub fn same_examples(a: &Config, b: &Config) -> bool {
    a.task == b.task && a.model.vocab_size == b.model.vocab_size
}

/// Whether they do: their losses are also losses of the same, in the same unit, and both or neither could look it up.
fn comparable(ghost: &Ghost, run: &Run) -> bool {
    let (Some(a), Some(b)) = (&ghost.card, &run.card) else { return false };
    same_examples(&ghost.config, &run.config)
        && (a.loss.of, a.loss.unit) == (b.loss.of, b.loss.unit)
        && a.structure.sees_future == b.structure.sees_future
}

/// A stage's own settings for this vocabulary and seed.
fn preset(config: &Config) -> Option<Config> {
    Some(stage(&config.stage).ok()?.config(config.model.vocab_size, config.seed))
}

/// What sets a configuration apart from its stage's own settings, the seed aside.
pub fn changed(config: &Config) -> Vec<String> {
    preset(config).map_or(Vec::new(), |preset| differences(config, &preset))
}

/// What the first configuration has and the second has not; how long they train is no difference of what is trained.
fn differences(of: &Config, beside: &Config) -> Vec<String> {
    let differing =
        HYPERPARAMETERS.iter().filter(|h| h.name != "steps" && h.get(of) != h.get(beside));
    differing.map(|h| format!("{} {}", h.name, h.get(of))).collect()
}

/// The index of the one to give up first, the oldest; the last run with the stage's own settings and the other stage that
/// was left last stay: they are what a lesson compares with.
pub fn dispensable(ghosts: &[&Ghost]) -> Option<usize> {
    let last = |wanted: &dyn Fn(&Ghost) -> bool| ghosts.iter().rposition(|ghost| wanted(ghost));
    let kept = [
        last(&|ghost| ghost.origin == Origin::Rebuilt && ghost.is_preset()),
        last(&|ghost| ghost.origin == Origin::Stage),
    ];
    (0..ghosts.len()).find(|index| !kept.contains(&Some(*index)))
}

/// The ghosts that stand on the chart of a run: earlier runs of its stage and the last of other stages, where their loss
/// means the same and there is a curve to see, oldest first.
pub fn beside<'a>(run: &Run, ghosts: &'a [Ghost]) -> Vec<Named<'a>> {
    let mut shown: Vec<&Ghost> = ghosts
        .iter()
        .filter(|ghost| (ghost.origin == Origin::Rebuilt) == (ghost.stage() == run.stage()))
        .filter(|ghost| ghost.has_begun() && comparable(ghost, run))
        // Another page's run of the same says nothing that this one will not say itself.
        .filter(|ghost| ghost.home == run.home || !ghost.differs(run).is_empty())
        .collect();
    while shown.len() > MOST
        && let Some(index) = dispensable(&shown)
    {
        shown.remove(index);
    }
    let names: Vec<Vec<String>> = shown.iter().map(|ghost| ghost.differs(run)).collect();
    let label = |(index, ghost): (usize, &&'a Ghost)| {
        let mut words = names[index].clone();
        let twins = names.iter().filter(|name| **name == names[index]).count() > 1;
        if words.is_empty() {
            words.push("same settings".to_owned());
        }
        // One that ended early says so, and of namesakes each.
        if twins || names[index].is_empty() || ghost.step < ghost.config.training.steps {
            words.push(number::steps(ghost.step));
        }
        Named { ghost, label: words.join(", ") }
    };
    shown.iter().enumerate().map(label).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lab::fixture;
    use crate::lab::model::Model;
    use crate::train::history::RecordedEdit;

    fn labels(model: &Model) -> Vec<String> {
        model.facts().visible_ghosts().into_iter().map(|named| named.label).collect()
    }

    /// The fixture, and its own run as a ghost that was rebuilt.
    fn rebuilt(change: impl FnOnce(&mut Ghost)) -> (Model, Ghost) {
        let model = fixture::model(120, 40);
        let run = model.run.as_ref().unwrap();
        let mut ghost = Ghost {
            id: run.id,
            config: run.config.clone(),
            card: run.card.clone(),
            step: 5000,
            home: run.home.clone(),
            origin: Origin::Rebuilt,
            history: Arc::new(run.history.clone()),
        };
        change(&mut ghost);
        (model, ghost)
    }

    #[test]
    fn it_is_named_by_what_differs_from_the_run_on_the_screen_now() {
        let (mut model, ghost) = rebuilt(|ghost| ghost.config.model.n_head = 2);
        model.ghosts.push(ghost);
        assert_eq!(labels(&model), ["single-head", "n_head 2"]);
        model.run.as_mut().unwrap().config.model.n_head = 2;
        model.run.as_mut().unwrap().config.training.lr = 0.01;
        assert_eq!(labels(&model)[1], "lr 3e-4");
        model.run.as_mut().unwrap().config.seed = 7;
        assert_eq!(labels(&model)[1], "lr 3e-4, seed 1337");
        model.run.as_mut().unwrap().config.model.n_embd = 64;
        assert_eq!(labels(&model)[1], "lr 3e-4, n_embd 32, 1 more");
        // Of another stage: what is not its own setting.
        model.ghosts[0].config.model.n_embd = 8;
        assert_eq!(labels(&model)[0], "single-head, n_embd 8, seed 1337");
    }

    #[test]
    fn what_was_changed_on_the_way_is_said_and_what_no_step_was_made_with_is_not() {
        let (mut model, mut ghost) = rebuilt(|_| ());
        let mut history = (*ghost.history).clone();
        history.edits.clear();
        let edit = |step: u64, old: &str, new: &str| RecordedEdit {
            step,
            name: "lr".to_owned(),
            old: old.to_owned(),
            new: new.to_owned(),
        };
        history.edits.extend([edit(100, "3e-4", "1"), edit(200, "1", "3e-4")]);
        ghost.history = Arc::new(history.clone());
        model.ghosts.push(ghost.clone());
        assert!(labels(&model)[1].starts_with("lr changed"), "{:?}", labels(&model));
        history.edits = vec![edit(ghost.step, "3e-4", "10")];
        ghost.config.training.lr = 10.0;
        undo_idle_changes(&mut ghost.config, &history, ghost.step);
        assert_eq!(ghost.config.training.lr, 3e-4);
    }

    #[test]
    fn half_runs_and_namesakes_say_how_far_they_came() {
        let (mut model, ghost) = rebuilt(|ghost| ghost.step = 1200);
        model.ghosts.push(ghost.clone());
        assert_eq!(labels(&model)[1], "same settings, 1,200 steps");
        model.ghosts[0].step = 1200;
        assert_eq!(labels(&model)[0], "single-head, 1,200 steps");
        let mut other = ghost;
        (other.config.model.n_head, other.step) = (2, 5000);
        model.ghosts.push(other.clone());
        assert_eq!(labels(&model)[2], "n_head 2");
        other.step = 4000;
        model.ghosts.push(other);
        assert_eq!(labels(&model)[2..], ["n_head 2, 5,000 steps", "n_head 2, 4,000 steps"]);
    }

    #[test]
    fn a_run_that_has_hardly_begun_leaves_none() {
        let (mut model, ghost) = rebuilt(|ghost| ghost.step = 99);
        model.ghosts.push(ghost);
        assert_eq!(labels(&model), ["single-head"], "99 of 5,000 steps");
        model.ghosts[1].step = 100;
        assert_eq!(labels(&model).len(), 2);
        let history = Arc::make_mut(&mut model.ghosts[1].history);
        history.points.truncate(1);
        assert_eq!(labels(&model), ["single-head"], "one point is no curve");
    }

    #[test]
    fn they_stand_only_beside_a_loss_that_means_the_same() {
        let (mut model, ghost) = rebuilt(|ghost| ghost.config.model.n_head = 2);
        model.ghosts.push(ghost);
        let run = |model: &mut Model, change: &dyn Fn(&mut Run)| {
            let before = model.run.clone();
            change(model.run.as_mut().unwrap());
            let shown = labels(model).len();
            model.run = before;
            shown
        };
        let card = |run: &mut Run, change: &dyn Fn(&mut Card)| {
            change(Arc::make_mut(run.card.as_mut().unwrap()));
        };
        assert_eq!(run(&mut model, &|_| ()), 2);
        assert_eq!(run(&mut model, &|run| run.config.task.max_words = 9), 0, "another task");
        assert_eq!(run(&mut model, &|run| run.config.model.vocab_size = 9), 0, "other tokens");
        let unmasked = |run: &mut Run| card(run, &|card| card.structure.sees_future = true);
        assert_eq!(run(&mut model, &unmasked), 0, "it saw the answers");
        let other = |run: &mut Run| card(run, &|card| card.loss.of = "something else");
        assert_eq!(run(&mut model, &other), 0, "another loss");
        assert_eq!(run(&mut model, &|run| run.card = None), 0, "not known yet");
    }

    #[test]
    fn of_too_many_the_oldest_goes_and_what_the_lesson_compares_with_stays() {
        let (mut model, ghost) = rebuilt(|ghost| ghost.config.training.lr = 1e-3);
        assert!(ghost.is_preset());
        model.run.as_mut().unwrap().config.training.lr = 1e-3;
        model.ghosts.push(ghost.clone());
        for n_embd in 1..=9 {
            let mut other = ghost.clone();
            other.config.model.n_embd = 4 * n_embd + 64;
            model.ghosts.push(other);
        }
        let labels = labels(&model);
        let expected =
            ["single-head", "same settings, 5,000 steps", "n_embd 88", "n_embd 92", "n_embd 96"];
        assert_eq!(labels[..5], expected);
        assert_eq!(labels.len(), MOST);
    }
}
