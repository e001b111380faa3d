//! Experiments: the run on the screen stands still while one goes on. Whether it goes on after is the learner's wish
//! (`Model::playing`), as always: it may change meanwhile, and is only carried out when the experiment has ended.

use std::sync::Arc;

use super::super::experiment::{News, Purpose, Shown, State, Told};
use super::super::model::{Effect, Model, ToastKind};
use super::super::overlays::{InputLine, Overlay, Purpose as Line};
use super::super::run::Status;
use super::onward::onward;
use super::say::warn;
use crate::lab::course::First;
use crate::stage::Value;
use crate::stage::hyperparameter::{Hyperparameter, Takes};
use crate::train::experiment::{Budget, Compare, Experiment};
use crate::train::measure::{Measure, Range};
use crate::train::{Command, Fork};

/// Why one has to wait for another.
const UNDER_WAY: &str = "an experiment is under way: ctrl-x cancels it";

/// Whether one is under way.
pub fn is_running(model: &Model) -> bool {
    model.experiment.as_ref().is_some_and(Shown::is_running)
}

/// Asks for an experiment, whose curves are on the screen.
pub fn begin(model: &mut Model, experiment: Experiment, why: Purpose) -> Vec<Effect> {
    let Some(run) = &model.run else { return warn(model, "the trainer is not up yet") };
    if is_running(model) {
        return warn(model, UNDER_WAY);
    }
    // A run that stands may be about to go on.
    let goes = model.playing || run.is_training();
    let number = model.experiment.as_ref().map_or(0, |last| last.number) + 1;
    // What no training changes is known at once, and has no curves.
    let watched = experiment.measure.settled_after().is_none();
    let experiment = Experiment { watched, ..experiment };
    model.experiment = Some(Shown::new(number, experiment.clone(), why));
    model.refresh();
    if let Some(pane) = model.comparing() {
        model.show(pane);
    }
    let pause = goes.then_some(Effect::Send(Command::Pause));
    pause.into_iter().chain([Effect::Experiment(number, Box::new(experiment))]).collect()
}

/// A line to type a value in that a run beside this one is to have from this step on.
pub fn compare(
    model: &mut Model,
    hyperparameter: &'static Hyperparameter,
    value: Value,
) -> Vec<Effect> {
    if let Err(why) = can_fork(model, hyperparameter) {
        return warn(model, why);
    }
    model.overlays.push(Overlay::Input(InputLine {
        purpose: Line::Compare { name: hyperparameter.name },
        input: value.to_string().into(),
        selected: true,
        error: None,
    }));
    Vec::new()
}

/// Whether the run on the screen can be trained on beside itself.
fn can_fork(model: &Model, hyperparameter: &Hyperparameter) -> Result<(), String> {
    let name = hyperparameter.name;
    if hyperparameter.takes == Takes::Rebuild {
        return Err(format!(
            "{name} is part of the model, whose weights are of the one that it is: only what is live can be compared from here"
        ));
    } else if is_running(model) {
        return Err(UNDER_WAY.to_owned());
    } else if model.course.held {
        return Err(First::Guess.refusal().to_owned());
    }
    match model.run.as_ref().map(|run| &run.status) {
        Some(Status::Training | Status::Paused | Status::Finished) => Ok(()),
        Some(Status::Opening) | None => Err("the run is not open yet".to_owned()),
        Some(Status::Diverged(_) | Status::Failed(_)) => {
            Err("this run does not go on: r starts again".to_owned())
        }
    }
}

/// The value is typed: the trainer is asked for the run as it is.
pub fn fork(
    model: &mut Model,
    hyperparameter: &'static Hyperparameter,
    value: Value,
) -> Vec<Effect> {
    if let Err(why) = can_fork(model, hyperparameter) {
        return warn(model, why);
    }
    let own = model.run.as_ref().map(|run| hyperparameter.get(&run.config));
    if own == Some(value) {
        let text = format!("{} is {value} as it is: type another value", hyperparameter.name);
        return warn(model, text);
    }
    model.forking = Some((hyperparameter, value));
    vec![Effect::Send(Command::Fork)]
}

/// The run as it is: both go on from there, as far again as to the next of its estimates.
pub fn forked(model: &mut Model, fork: &Arc<Fork>) -> Vec<Effect> {
    let Some((hyperparameter, value)) = model.forking.take() else { return Vec::new() };
    let as_it_is = fork.config().clone();
    let mut other = as_it_is.clone();
    let set = hyperparameter.set(&mut other, value).map_err(|error| error.to_string());
    if let Err(why) = set.and_then(|()| other.validate().map_err(|error| error.to_string())) {
        return warn(model, why);
    }
    let seed = as_it_is.seed;
    let experiment = Experiment {
        budget: Budget::Steps(as_it_is.training.eval_interval),
        arms: vec![
            (format!("{} {}", hyperparameter.name, hyperparameter.get(&as_it_is)), as_it_is),
            (format!("{} {value}", hyperparameter.name), other),
        ],
        seeds: vec![seed, seed.wrapping_add(1)],
        from: Some(Arc::clone(fork)),
        measure: Measure::ValLoss,
        compare: Compare::Difference,
        expect: Range::default(),
        switches: Vec::new(),
        watched: true,
    };
    begin(model, experiment, Purpose::FromHere)
}

/// Takes in what is told of the experiment on the screen.
pub fn progress(model: &mut Model, Told { number, news }: Told) -> Vec<Effect> {
    let shown = model.experiment.as_mut();
    let Some(shown) = shown.filter(|shown| shown.number == number && shown.is_running()) else {
        model.dirty = false;
        return Vec::new();
    };
    shown.fold(news);
    let state = shown.state.clone();
    model.refresh();
    match state {
        State::Running => return Vec::new(),
        State::Ended => {}
        // Leaving, nobody asks.
        State::Cancelled if model.quitting.is_some() => {}
        State::Cancelled => model.say(ToastKind::Info, "the experiment was cancelled"),
        State::Failed(why) => model.say(ToastKind::Warning, format!("the experiment: {why}")),
    }
    go_on(model)
}

/// What stood still goes on, if it is to; one that waits for a prediction, or is at its end, is not.
pub fn go_on(model: &mut Model) -> Vec<Effect> {
    let waits = model.run.as_ref().is_some_and(|run| match run.status {
        Status::Training | Status::Paused | Status::Opening => true,
        // It may have been let train longer meanwhile.
        Status::Finished => run.step < run.config.training.steps,
        Status::Diverged(_) | Status::Failed(_) => false,
    });
    if !model.playing || !waits || model.course.held || model.quitting.is_some() {
        return Vec::new();
    }
    // What is read for an answer stays true until that is given.
    if let Some(Overlay::Answer(line)) = model.overlays.last_mut() {
        line.training = true;
        return Vec::new();
    }
    vec![Effect::Send(onward(model))]
}

/// While an experiment is under way no run is set going, whoever asks: it would take a core from it. The wish stays.
pub fn hold(model: &Model, mut effects: Vec<Effect>) -> Vec<Effect> {
    if is_running(model) {
        let goes =
            |effect: &Effect| matches!(effect, Effect::Send(Command::Run | Command::RunTo(_)));
        effects.retain(|effect| !goes(effect));
    }
    effects
}

/// Space, while an experiment is under way: whether the run on the screen goes on after it.
pub fn pause_or_resume(model: &mut Model) -> Vec<Effect> {
    model.playing = !model.playing;
    let then = if model.playing { "goes on" } else { "stays paused" };
    model.say(
        ToastKind::Info,
        format!("this run {then} when the experiment has ended; ctrl-x cancels that"),
    );
    Vec::new()
}

/// Ends what is under way, without a word.
pub fn stop(model: &Model) -> Vec<Effect> {
    if is_running(model) { vec![Effect::CancelExperiment] } else { Vec::new() }
}

/// Ends the experiment that is under way.
pub fn cancel(model: &mut Model) -> Vec<Effect> {
    if is_running(model) {
        return stop(model);
    }
    warn(model, "no experiment is under way")
}

/// The trainer's end of an experiment that can no longer be told of.
pub fn lost(model: &mut Model) -> Vec<Effect> {
    let number = model.experiment.as_ref().map_or(0, |shown| shown.number);
    let why = "there is nothing to run it on: the trainer is not up".to_owned();
    progress(model, Told { number, news: News::Failed(why) })
}

#[cfg(test)]
mod tests {
    use ratatui::buffer::Buffer;
    use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
    use ratatui::layout::Rect;

    use super::*;
    use crate::lab::experiment::testing;
    use crate::lab::fixture;
    use crate::lab::model::Msg;
    use crate::lab::update::update;
    use crate::lab::view;
    use crate::train::Event;

    fn claim() -> Purpose {
        Purpose::Claim(Default::default())
    }

    fn news(model: &mut Model, number: u64, news: News) -> Vec<Effect> {
        update(model, Msg::Experiment(Told { number, news }))
    }

    fn commands(effects: &[Effect]) -> Vec<&Command> {
        fn command(effect: &Effect) -> Option<&Command> {
            match effect {
                Effect::Send(command @ (Command::Run | Command::Pause)) => Some(command),
                _ => None,
            }
        }
        effects.iter().filter_map(command).collect()
    }

    #[test]
    fn the_run_on_the_screen_stands_still_meanwhile_and_goes_on_after() {
        let mut model = fixture::model(120, 40);
        let effects = begin(&mut model, testing::experiment(), claim());
        assert!(matches!(commands(&effects)[..], [Command::Pause]));
        assert!(matches!(effects.last(), Some(Effect::Experiment(1, asked)) if asked.watched));
        update(&mut model, Msg::Worker(Event::Paused.into()));
        for progress in testing::told(&testing::experiment()) {
            assert!(news(&mut model, 1, News::Grew(progress)).is_empty());
        }
        assert!(model.experiment.as_ref().unwrap().is_running());
        // One of another number is no news.
        assert!(commands(&news(&mut model, 7, News::Ended)).is_empty());
        let effects = news(&mut model, 1, News::Ended);
        assert!(matches!(commands(&effects)[..], [Command::Run]) && model.playing);
        assert_eq!(model.experiment.as_ref().unwrap().runs.len(), 6);
        assert!(commands(&news(&mut model, 1, News::Ended)).is_empty(), "once");
    }

    #[test]
    fn space_says_what_comes_after_it() {
        let space = |model: &mut Model| update(model, Msg::Key(KeyCode::Char(' ').into()));
        let mut model = fixture::model(120, 40);
        begin(&mut model, testing::experiment(), claim());
        update(&mut model, Msg::Worker(Event::Paused.into()));
        let footer = |model: &Model| {
            let mut buf = Buffer::empty(Rect::new(0, 0, 120, 40));
            view::draw(model, &mut buf);
            fixture::text(&buf).lines().last().unwrap().to_owned()
        };
        assert!(footer(&model).contains("pause"), "{}", footer(&model));
        assert!(commands(&space(&mut model)).is_empty());
        let said = &model.toasts.last().unwrap().text;
        assert!(said.contains("stays paused when the experiment has ended"), "{said}");
        assert!(footer(&model).contains("resume"), "{}", footer(&model));
        assert!(commands(&news(&mut model, 1, News::Ended)).is_empty() && !model.playing);
        // The other way round: one that stood is to go on.
        begin(&mut model, testing::experiment(), claim());
        assert!(commands(&space(&mut model)).is_empty());
        assert!(model.toasts.last().unwrap().text.contains("goes on when the experiment"));
        assert!(matches!(commands(&news(&mut model, 2, News::Ended))[..], [Command::Run]));
        // After it, space means what it always does.
        update(&mut model, Msg::Worker(Event::Running.into()));
        assert!(matches!(commands(&space(&mut model))[..], [Command::Pause]));
    }

    #[test]
    fn nothing_sets_a_run_going_meanwhile() {
        let mut model = fixture::model(120, 40);
        begin(&mut model, testing::experiment(), claim());
        update(&mut model, Msg::Worker(Event::Paused.into()));
        for key in ["r", "n", "p", "]", "[", "+", "i", "\n"] {
            for c in key.chars() {
                let effects = update(&mut model, Msg::Key(KeyCode::Char(c).into()));
                assert!(!commands(&effects).iter().any(|c| matches!(c, Command::Run)), "{key}");
            }
        }
    }

    #[test]
    fn a_run_that_waits_for_a_prediction_waits_on_and_an_open_answer_is_not_disturbed() {
        let mut model = fixture::model(120, 40);
        begin(&mut model, testing::experiment(), claim());
        update(&mut model, Msg::Worker(Event::Paused.into()));
        model.course.held = true;
        assert!(commands(&news(&mut model, 1, News::Ended)).is_empty());
        model.course.held = false;
        begin(&mut model, testing::experiment(), claim());
        let text = "+++\nid = \"a\"\ntitle = \"A\"\nstage = \"bigram\"\npanes = [\"lesson\"]\n+++\n\n## One\n\n\
            ```ask\nid = \"b\"\nask = \"x?\"\nmeasure = \"step\"\npane = \"loss\"\nwhy = \"y\"\n```\n";
        let lesson = crate::lesson::parse("90-a.md", text).unwrap();
        let line = crate::lab::overlays::AnswerLine {
            lesson: model.lesson().id.clone(),
            item: lesson.items().next().unwrap().1.clone(),
            input: tui_input::Input::default(),
            choice: 0,
            answer: None,
            error: None,
            since: model.now,
            training: false,
        };
        model.overlays.push(Overlay::Answer(Box::new(line)));
        assert!(commands(&news(&mut model, 2, News::Ended)).is_empty());
        let effects = update(&mut model, Msg::Key(KeyCode::Esc.into()));
        assert!(matches!(commands(&effects)[..], [Command::Run]), "{effects:?}");
    }

    #[test]
    fn leaving_ends_it_before_anything_is_saved() {
        for forced in [false, true] {
            let mut model = fixture::model(120, 40);
            begin(&mut model, testing::experiment(), claim());
            let leave = if forced { Msg::Terminate } else { Msg::Key(KeyCode::Char('q').into()) };
            let effects = update(&mut model, leave);
            let at = |of: fn(&Effect) -> bool| effects.iter().position(of).unwrap();
            let cancel = at(|effect| matches!(effect, Effect::CancelExperiment));
            assert!(cancel < at(|effect| matches!(effect, Effect::SaveAll)), "{effects:?}");
            let toasts = model.toasts.len();
            assert!(commands(&news(&mut model, 1, News::Cancelled)).is_empty());
            assert_eq!(model.toasts.len(), toasts);
        }
    }

    #[test]
    fn who_stays_after_all_has_the_run_as_it_went() {
        let mut model = fixture::model(120, 40);
        begin(&mut model, testing::experiment(), claim());
        update(&mut model, Msg::Worker(Event::Paused.into()));
        update(&mut model, Msg::Key(KeyCode::Char('q').into()));
        let refused = Event::Refused { what: "save".to_owned(), why: "no room".to_owned() };
        update(&mut model, Msg::Worker(refused.into()));
        update(&mut model, Msg::Worker(Event::SavedAll.into()));
        assert!(commands(&news(&mut model, 1, News::Cancelled)).is_empty());
        let effects = update(&mut model, Msg::Key(KeyCode::Esc.into()));
        assert!(model.quitting.is_none());
        assert!(matches!(commands(&effects)[..], [Command::Run]), "{effects:?}");
    }

    /// A kill in the middle of it is no pause of the learner's.
    #[test]
    fn the_wish_is_written_down_and_not_the_standing_still() {
        let mut model = fixture::model(120, 40);
        begin(&mut model, testing::experiment(), claim());
        update(&mut model, Msg::Worker(Event::Paused.into()));
        assert!(!crate::lab::update::resume::place(&model).paused);
    }

    fn choose(model: &mut Model, name: &str) {
        model.focus_on(crate::lab::panes::PaneId::Hyperparameters);
        for _ in 0..crate::stage::hyperparameter::HYPERPARAMETERS.len() {
            update(model, Msg::Key(KeyCode::Char('c').into()));
            match model.overlays.pop() {
                Some(Overlay::Input(InputLine { purpose: Line::Compare { name: at }, .. }))
                    if at == name =>
                {
                    update(model, Msg::Key(KeyCode::Char('c').into()));
                    return;
                }
                _ => update(model, Msg::Key(KeyCode::Down.into())),
            };
        }
        panic!("there is no {name}");
    }

    #[test]
    fn the_run_on_the_screen_is_trained_on_beside_itself() {
        let mut model = fixture::model(120, 40);
        choose(&mut model, "lr");
        for c in "0.01".chars() {
            update(&mut model, Msg::Key(KeyCode::Char(c).into()));
        }
        let effects = update(&mut model, Msg::Key(KeyCode::Enter.into()));
        assert!(matches!(effects[..], [Effect::Send(Command::Fork), ..]), "{effects:?}");
        let mut session = crate::train::testing::session(1);
        session.step().unwrap();
        let fork = Arc::new(Fork::of(&session).unwrap());
        let effects = update(&mut model, Msg::Worker(Event::Forked(Arc::clone(&fork)).into()));
        assert!(matches!(commands(&effects)[..], [Command::Pause]));
        let Some(Effect::Experiment(1, asked)) =
            effects.iter().find(|effect| matches!(effect, Effect::Experiment(..)))
        else {
            panic!("{effects:?}")
        };
        let labels: Vec<_> = asked.arms.iter().map(|(label, _)| label.as_str()).collect();
        assert_eq!(labels, ["lr 0.1", "lr 0.01"]);
        assert_eq!((asked.first(), asked.steps(&asked.arms[0].1)), (1, 21));
        assert!(asked.watched && asked.seeds == [1337, 1338]);
        // It can be trained, and its curves begin where the run was.
        let told = testing::told(asked);
        let steps = told.iter().flat_map(|told| &told.estimates).map(|estimate| estimate.step);
        assert_eq!((steps.clone().min(), steps.max()), (Some(1), Some(21)));
        for progress in told {
            news(&mut model, 1, News::Grew(progress));
        }
        assert!(matches!(commands(&news(&mut model, 1, News::Ended))[..], [Command::Run]));
        // One answer, one experiment.
        assert!(update(&mut model, Msg::Worker(Event::Forked(fork).into())).is_empty());
    }

    #[test]
    fn what_cannot_be_compared_from_here_is_said() {
        let mut model = fixture::model(120, 40);
        model.focus_on(crate::lab::panes::PaneId::Hyperparameters);
        let said = |model: &mut Model, name: &str| {
            let h = crate::stage::hyperparameter::hyperparameter(name).unwrap();
            assert!(compare(model, h, Value::Count(1)).is_empty() && model.overlays.is_empty());
            model.toasts.last().unwrap().text.clone()
        };
        assert!(said(&mut model, "n_head").starts_with("n_head is part of the model"));
        model.course.held = true;
        assert!(said(&mut model, "lr").starts_with("predict first"));
        model.course.held = false;
        let lr = crate::stage::hyperparameter::hyperparameter("lr").unwrap();
        let own = lr.get(&model.run.as_ref().unwrap().config);
        assert!(fork(&mut model, lr, own).is_empty() && model.forking.is_none());
        begin(&mut model, testing::experiment(), claim());
        assert!(said(&mut model, "lr").contains("ctrl-x"));
        model.run.as_mut().unwrap().status = Status::Diverged(3);
        model.experiment = None;
        assert!(said(&mut model, "lr").contains("does not go on"));
    }

    #[test]
    fn the_header_says_how_far_it_is() {
        for (width, height) in [(80, 24), (120, 40)] {
            let mut model = fixture::model(width, height);
            begin(&mut model, testing::experiment(), claim());
            let mut told = testing::told(&testing::experiment()).into_iter();
            let half = told.find(|progress| progress.done > 0.3).unwrap();
            let word = format!("experiment {:.0} %", 100.0 * half.done);
            news(&mut model, 1, News::Grew(half));
            let header = |model: &Model| {
                let mut buf = Buffer::empty(Rect::new(0, 0, width, height));
                view::draw(model, &mut buf);
                fixture::text(&buf).lines().next().unwrap().to_owned()
            };
            assert!(header(&model).contains(&word), "{}", header(&model));
            news(&mut model, 1, News::Ended);
            assert!(!header(&model).contains("experiment"));
        }
    }

    #[test]
    fn one_that_stood_still_stays_so() {
        let mut model = fixture::model(120, 40);
        update(&mut model, Msg::Key(KeyCode::Char(' ').into()));
        update(&mut model, Msg::Worker(Event::Paused.into()));
        assert!(commands(&begin(&mut model, testing::experiment(), claim())).is_empty());
        assert!(commands(&news(&mut model, 1, News::Ended)).is_empty() && !model.playing);
    }

    #[test]
    fn it_can_be_cancelled_and_there_is_one_at_a_time() {
        let mut model = fixture::model(120, 40);
        let key = KeyEvent::new(KeyCode::Char('x'), KeyModifiers::CONTROL);
        let cancels = |effects: &[Effect]| {
            effects.iter().any(|effect| matches!(effect, Effect::CancelExperiment))
        };
        assert!(!cancels(&update(&mut model, Msg::Key(key))));
        assert!(model.toasts.last().unwrap().text.contains("no experiment"));
        begin(&mut model, testing::experiment(), claim());
        assert!(begin(&mut model, testing::experiment(), claim()).is_empty());
        assert!(model.toasts.last().unwrap().text.contains("ctrl-x"));
        assert!(cancels(&update(&mut model, Msg::Key(key))));
        let effects = news(&mut model, 1, News::Cancelled);
        assert!(matches!(commands(&effects)[..], [Command::Run]));
        let effects = begin(&mut model, testing::experiment(), claim());
        assert!(matches!(effects.last(), Some(Effect::Experiment(2, _))), "another number");
    }
}
