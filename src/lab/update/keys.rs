//! The actions of keys when no overlay is open.

use super::super::action::Action;
use super::super::model::{Effect, Model, ToastKind};
use super::super::number;
use super::super::overlays::{InputLine, List, ListKind, Overlay, Purpose, on_one_line};
use super::super::resume::Pace;
use super::super::run::Status;
use super::onward::onward;
use super::panes;
use super::say::{waits, warn};
use super::{changes, course, experiment, leaving, runs, sampling, table};
use crate::lesson::{Lesson, terms_of};
use crate::train::Command;

/// Steps a second that `<` and `>` go through.
const SPEEDS: [f64; 10] = [1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0, 200.0, 500.0, 1000.0];
pub fn act(model: &mut Model, action: Action) -> Vec<Effect> {
    if model.quitting.is_some() {
        return if action == Action::Interrupt { vec![Effect::Quit] } else { Vec::new() };
    }
    match action {
        Action::PauseResume => pause_or_resume(model),
        Action::StepOnce if model.course.held => waits(model),
        Action::StepOnce => trainer(model, |model| {
            model.playing = false;
            vec![Effect::Send(Command::Step(1))]
        }),
        Action::Slower => trainer(model, |model| throttle(model, false)),
        Action::Faster => trainer(model, |model| throttle(model, true)),
        Action::FullSpeed => trainer(model, |model| set_throttle(model, None)),
        Action::Restart => changes::restart(model),
        Action::NextSeed => changes::next_seed(model),
        Action::TypeSeed => trainer(model, |model| {
            let seed = model.run.as_ref().map_or(model.seed, |run| run.config.seed);
            line(model, Purpose::Seed, seed.to_string())
        }),
        Action::Runs => table::runs(model),
        Action::OpenCheckpoint => trainer(model, table::checkpoints),
        Action::Collect => changes::collect(model),
        Action::TypeSampling => {
            let text = sampling::written(&model.sampling);
            line(model, Purpose::Sampling, text)
        }
        Action::Extend => runs::extend(model),
        Action::EvaluateNow if model.course.held => {
            warn(model, "predict first: an estimate would give it away")
        }
        Action::EvaluateNow => trainer(model, |model| {
            model.say(ToastKind::Info, "estimating both losses");
            vec![Effect::Send(Command::Evaluate)]
        }),
        Action::CancelExperiment => experiment::cancel(model),
        Action::WriteCheckpoint => trainer(model, |_| vec![Effect::Save]),

        Action::NextPage => turn(model, true),
        Action::PreviousPage => turn(model, false),
        Action::NextLesson => runs::open_lesson(model, model.lesson + 1),
        Action::PreviousLesson => match model.lesson.checked_sub(1) {
            Some(lesson) => runs::open_lesson(model, lesson),
            None => warn(model, "this is the first lesson"),
        },
        Action::LessonList => {
            let list = List { kind: ListKind::Lessons, selected: model.lesson, ..List::default() };
            model.overlays.push(Overlay::List(list));
            Vec::new()
        }
        Action::EditPrompt if !model.facts().reads_prompt() => panes::type_question(model),
        Action::EditPrompt => {
            let before = model.prompt.text.clone();
            let input = on_one_line(&before).into();
            let purpose = Purpose::Prompt { before };
            let line = InputLine { purpose, input, selected: false, error: None };
            model.overlays.push(Overlay::Input(line));
            Vec::new()
        }

        Action::FocusNext => step_focus(model, 1),
        Action::FocusPrevious => step_focus(model, -1),
        Action::Focus(index) => {
            let panes = model.lesson_panes();
            let Some(&pane) = panes.get(usize::from(index)) else {
                return warn(model, format!("the panes of this lesson are 1 to {}", panes.len()));
            };
            model.focus_on(pane);
            Vec::new()
        }
        Action::Zoom => {
            model.zoomed = !model.zoomed;
            Vec::new()
        }
        Action::Back if model.course.held && !model.zoomed => course::skip(model),
        Action::Back => {
            let stays = model.with(model.focus, |pane, _| pane.back());
            model.zoomed &= stays;
            Vec::new()
        }
        Action::Help => list(model, ListKind::Help),
        Action::Palette => list(model, ListKind::Palette),
        Action::MouseSwitch => {
            model.mouse = !model.mouse;
            let text = if model.mouse {
                "the mouse works in the lab"
            } else {
                "the mouse selects text; m takes it back"
            };
            model.say(ToastKind::Info, text);
            vec![Effect::Mouse(model.mouse)]
        }

        // What a pane draws anew by itself.
        Action::SampleAnew if panes::draws_anew(model) => panes::act(model, model.focus, action),
        Action::SampleAnew
        | Action::TemperatureUp
        | Action::TemperatureDown
        | Action::TopKUp
        | Action::TopKDown
        | Action::TopPUp
        | Action::TopPDown
            if !model.panes.get(model.focus).samples_itself() =>
        {
            sampling::set(model, action);
            Vec::new()
        }
        Action::Undo => changes::undo(model),

        Action::Answer => match course::act(model) {
            Some(effects) => effects,
            // A page without questions: enter does what it does in every pane.
            None => act(model, Action::Zoom),
        },
        Action::PreviousItem => course::choose(model, false),
        Action::NextItem => course::choose(model, true),
        Action::Hint => course::hint(model),
        Action::RunClaim => course::run(model),
        Action::Review => course::review(model),
        Action::Known => course::grade(model, true),
        Action::NotKnown => course::grade(model, false),

        Action::Quit => leaving::leave(model, false),
        Action::Interrupt => leaving::interrupt(model),
        Action::Suspend => vec![Effect::Suspend],
        Action::Redraw => vec![Effect::Redraw],

        action => panes::act(model, model.focus, action),
    }
}

/// Does something with the trainer, if it is up.
fn trainer(model: &mut Model, then: impl FnOnce(&mut Model) -> Vec<Effect>) -> Vec<Effect> {
    if model.run.is_some() { then(model) } else { warn(model, "the trainer is not up yet") }
}

fn pause_or_resume(model: &mut Model) -> Vec<Effect> {
    if model.course.held {
        return waits(model);
    }
    let Some(run) = &model.run else { return warn(model, "the trainer is not up yet") };
    if experiment::is_running(model)
        && matches!(run.status, Status::Opening | Status::Training | Status::Paused)
    {
        return experiment::pause_or_resume(model);
    }
    match run.status {
        Status::Opening if !model.playing => {
            model.playing = true;
            vec![Effect::Send(onward(model))]
        }
        Status::Training | Status::Opening => {
            model.playing = false;
            vec![Effect::Send(Command::Pause)]
        }
        // It could not be opened.
        Status::Failed(_) if run.parameters == 0 => changes::again(model),
        Status::Paused | Status::Failed(_) => {
            model.playing = true;
            vec![Effect::Send(onward(model))]
        }
        Status::Finished => {
            let text = format!(
                "all {} steps are done: + trains longer, r starts again",
                number::count(run.step)
            );
            model.say(ToastKind::Info, text);
            Vec::new()
        }
        Status::Diverged(_) => warn(
            model,
            "the loss is no longer finite: u takes the last change back, r starts again",
        ),
    }
}

fn throttle(model: &mut Model, faster: bool) -> Vec<Effect> {
    let speed = model.run.as_ref().map_or(0.0, |run| run.speed.steps_per_second);
    let next = match (model.throttle, faster) {
        (None, true) => None,
        // From full speed down: the first that would be felt.
        (None, false) => {
            SPEEDS.iter().rev().find(|s| speed <= 0.0 || **s < speed).or(SPEEDS.first()).copied()
        }
        (Some(now), true) => SPEEDS.iter().find(|s| **s > now).copied(),
        (Some(now), false) => {
            Some(SPEEDS.iter().rev().find(|s| **s < now).copied().unwrap_or(SPEEDS[0]))
        }
    };
    set_throttle(model, next)
}

fn set_throttle(model: &mut Model, throttle: Option<f64>) -> Vec<Effect> {
    model.throttle = throttle;
    model.own_pace = Some(Pace::of(throttle));
    let text = match throttle {
        None => "full speed".to_owned(),
        Some(1.0) => "one step a second".to_owned(),
        Some(speed) => format!("at most {} steps a second", number::short(speed)),
    };
    // A run that stands does so at any pace.
    let stands = model.run.as_ref().is_some_and(|run| run.status == Status::Paused);
    let more = if stands && !model.course.held { ", when it trains: space" } else { "" };
    model.say(ToastKind::Info, format!("{text}{more}"));
    vec![Effect::Send(Command::Throttle(throttle))]
}

/// The next or the previous page, over the lesson's edges.
fn turn(model: &mut Model, forward: bool) -> Vec<Effect> {
    let pages = model.lesson().pages.len();
    if forward && model.page + 1 < pages {
        return runs::open_page(model, model.page + 1);
    } else if !forward && model.page > 0 {
        return runs::open_page(model, model.page - 1);
    } else if forward {
        return runs::open_lesson(model, model.lesson + 1);
    }
    if let Some(lesson) = model.lesson.checked_sub(1) {
        let last = model.lessons[lesson].pages.len() - 1;
        return runs::open_at(model, lesson, last);
    }
    warn(model, "this is the first page")
}

fn step_focus(model: &mut Model, by: isize) -> Vec<Effect> {
    let panes = model.lesson_panes();
    let at = panes.iter().position(|p| *p == model.focus).unwrap_or(0) as isize;
    let next = (at + by).rem_euclid(panes.len().max(1) as isize) as usize;
    if let Some(&pane) = panes.get(next) {
        model.focus_on(pane);
    }
    Vec::new()
}

/// Opens a line to type in; its text is replaced by the first letter.
fn line(model: &mut Model, purpose: Purpose, text: String) -> Vec<Effect> {
    let line = InputLine { purpose, input: text.into(), selected: true, error: None };
    model.overlays.push(Overlay::Input(line));
    Vec::new()
}

fn list(model: &mut Model, kind: ListKind) -> Vec<Effect> {
    if kind == ListKind::Help {
        let here = terms_of(model.page());
        let all = model.lessons.iter().flat_map(Lesson::terms);
        let words = all.map(|term| (term.clone(), here.contains(&term))).collect();
        model.overlays.push(Overlay::List(List { kind, words, ..List::default() }));
        return Vec::new();
    }
    model.overlays.push(Overlay::List(List { kind, ..List::default() }));
    Vec::new()
}
