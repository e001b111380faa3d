//! Every goal is out of reach at the start, and its stored solution reaches it.

use super::run::Run;
use super::{Against, Faults, Known, SEED, said};
use crate::lesson::experiment::of_page;
use crate::lesson::{Goal, Item, Kind, Lesson, Move};
use crate::stage::hyperparameter::{Takes, Value, hyperparameter};
use crate::stage::{Config, stage};
use crate::train::experiment::arm::plain;
use crate::train::measure::Condition;

pub(super) fn check(
    lesson: &Lesson,
    known: &Known,
    against: &Against<'_>,
    faults: &mut Faults<'_>,
) {
    let vocab_size = known.dataset.tokenizer.vocab_size();
    for (page, item) in lesson.items().filter(|(_, item)| item.is_of(known.name())) {
        let Kind::Goal(goal) = &item.kind else { continue };
        // What a page or a goal names that there is not is said where names are looked up.
        let config = match &goal.stage {
            Some(name) => stage(name).ok().map(|stage| stage.config(vocab_size, SEED)),
            None => of_page(lesson, page, vocab_size, SEED).ok(),
        };
        if let Some(Err(what)) = config.map(|config| prove(goal, config, known, against)) {
            faults.at(item.line, format!("goal {:?}: {what}", item.id));
        }
    }
}

/// Goals that are of another text than the one at hand.
pub(super) fn silent<'a>(lesson: &'a Lesson, known: &Known) -> Vec<&'a Item> {
    let of_another = |item: &&Item| !item.is_of(known.name());
    lesson.items().map(|(_, item)| item).filter(of_another).collect()
}

/// The runs of somebody who is after a goal.
struct Attempt<'a> {
    goal: &'a Goal,
    known: &'a Known,
    against: &'a Against<'a>,
    /// The last one is on the screen.
    runs: Vec<Run>,
    /// What the next run is opened with.
    next: Option<Config>,
    met: bool,
}

fn prove(goal: &Goal, config: Config, known: &Known, against: &Against<'_>) -> Result<(), String> {
    let mut attempt =
        Attempt { goal, known, against, runs: Vec::new(), next: Some(config), met: false };
    attempt.open()?;
    attempt.at_the_start()?;
    for step in &goal.solution {
        attempt.make(step)?;
        if attempt.met {
            return Ok(());
        }
    }
    // A solution may be a change alone.
    attempt.open()?;
    attempt.look()?;
    if attempt.met { Ok(()) } else { Err(attempt.why_not()) }
}

impl Attempt<'_> {
    /// Opens the run that was asked for, if one was.
    fn open(&mut self) -> Result<(), String> {
        if let Some(config) = self.next.take() {
            config.validate().map_err(said)?;
            self.runs
                .push(Run::open(config, &self.known.material(), self.against.team).map_err(said)?);
        }
        Ok(())
    }

    fn at_the_start(&mut self) -> Result<(), String> {
        if let Some(run) = self.runs.last_mut() {
            run.estimate();
        }
        self.look()?;
        if self.met {
            return Err("it is met before anything is done".to_owned());
        }
        Ok(())
    }

    /// The configuration that is, or is to be, on the screen.
    fn config(&self) -> Config {
        let on_screen = || self.runs.last().map(|run| run.config().clone());
        self.next.clone().or_else(on_screen).expect("a run is opened before any move")
    }

    fn make(&mut self, step: &Move) -> Result<(), String> {
        if let Some(name) = &step.stage {
            self.go(name)?;
        }
        if let (Some(name), Some(to)) = (&step.set, &step.to) {
            self.set(name, &plain(to))?;
        }
        if !step.draw.is_empty() {
            let mut config = self.config();
            if !config.task.learn(step.draw.iter().copied().collect()) {
                return Err(format!("{} learns no points that are drawn", config.stage));
            }
            config.fit();
            self.next = Some(config);
        }
        if step.fresh {
            self.next = Some(self.config());
        }
        if let Some(until) = step.run_to {
            self.open()?;
            self.train_to(until)?;
        }
        Ok(())
    }

    /// To another stage: its own run, as far as it is, or a new one.
    fn go(&mut self, name: &str) -> Result<(), String> {
        self.next = None;
        if let Some(at) = self.runs.iter().rposition(|run| run.observed.stage() == name) {
            let run = self.runs.remove(at);
            self.runs.push(run);
        } else {
            let vocab_size = self.known.dataset.tokenizer.vocab_size();
            self.next = Some(stage(name).map_err(said)?.config(vocab_size, SEED));
        }
        Ok(())
    }

    fn set(&mut self, name: &str, to: &str) -> Result<(), String> {
        let known =
            hyperparameter(name).ok_or_else(|| format!("there is no hyperparameter {name}"))?;
        let value = Value::parse(known, to).map_err(said)?;
        if !known.applies(&self.config()) {
            return Err(format!("{name} is none of the stage {}", self.config().stage));
        }
        // What is part of the model opens a new run, once all of it is set.
        if self.next.is_some() || known.takes == Takes::Rebuild {
            let mut config = self.config();
            known.set(&mut config, value).map_err(said)?;
            self.next = Some(config);
        } else if let Some(run) = self.runs.last_mut() {
            run.set(name, value).map_err(said)?;
        }
        Ok(())
    }

    fn train_to(&mut self, until: u64) -> Result<(), String> {
        let Some((run, others)) = self.runs.split_last_mut() else { return Ok(()) };
        let others: Vec<_> = others.iter().map(|run| &run.observed).collect();
        let mut result = Ok(false);
        let references = &self.known.references;
        run.train_to(until, &mut |run| {
            result = holds(&self.goal.when, run, &|run, condition| {
                run.value(&condition.measure, references, &others).map_err(said)
            });
            !matches!(result, Ok(false))
        });
        self.met = result?;
        Ok(())
    }

    /// Whether it is met as things are.
    fn look(&mut self) -> Result<(), String> {
        let references = &self.known.references;
        let Some((run, others)) = self.runs.split_last_mut() else { return Ok(()) };
        let others: Vec<_> = others.iter().map(|run| &run.observed).collect();
        self.met = holds(&self.goal.when, run, &|run, condition| {
            run.value(&condition.measure, references, &others).map_err(said)
        })?;
        Ok(())
    }

    /// Which conditions the solution leaves open, and how things stand.
    fn why_not(mut self) -> String {
        let references = &self.known.references;
        let Some((run, others)) = self.runs.split_last_mut() else { return String::new() };
        let others: Vec<_> = others.iter().map(|run| &run.observed).collect();
        let mut open = Vec::new();
        for condition in &self.goal.when {
            let value = run.value(&condition.measure, references, &others).ok().flatten();
            if !value.is_some_and(|x| condition.range().holds(x)) {
                open.push(condition.stands(value, &|x| {
                    if x.fract() == 0.0 { format!("{x}") } else { format!("{x:.4}") }
                }));
            }
        }
        let step = run.observed.step;
        let open = if open.is_empty() { "not all at once".to_owned() } else { open.join("; ") };
        format!("the stored solution does not meet it: at step {step} {open}")
    }
}

type Reader<'a> = &'a dyn Fn(&mut Run, &Condition) -> Result<Option<f64>, String>;

fn holds(when: &[Condition], run: &mut Run, read: Reader<'_>) -> Result<bool, String> {
    for condition in when {
        let value = read(run, condition)?;
        if !value.is_some_and(|value| condition.range().holds(value)) {
            return Ok(false);
        }
    }
    Ok(true)
}
