//! Experiments: the run on the screen stands still while one goes on, and goes on where it was going.

use super::super::experiment::{News, Purpose, Shown, State, Told};
use super::super::model::{Effect, Model, ToastKind};
use super::super::run::Status;
use super::say::warn;
use crate::train::Command;
use crate::train::experiment::Experiment;

/// Asks for an experiment, whose curves are on the screen.
pub fn begin(model: &mut Model, experiment: Experiment, why: Purpose) -> Vec<Effect> {
    let Some(run) = &model.run else { return warn(model, "the trainer is not up yet") };
    if model.experiment.as_ref().is_some_and(Shown::is_running) {
        return warn(model, "an experiment is under way: ctrl-x cancels it");
    }
    let resumes = model.playing && matches!(run.status, Status::Training | Status::Opening);
    let number = model.experiment.as_ref().map_or(0, |last| last.number) + 1;
    let experiment = Experiment { watched: true, ..experiment };
    model.experiment = Some(Shown::new(number, experiment.clone(), why, resumes));
    model.refresh();
    let asked = Effect::Experiment(number, Box::new(experiment));
    if resumes {
        model.playing = false;
        return vec![Effect::Send(Command::Pause), asked];
    }
    vec![asked]
}

/// Takes in what is told of the experiment on the screen.
pub fn progress(model: &mut Model, Told { number, news }: Told) -> Vec<Effect> {
    let shown = model.experiment.as_mut();
    let Some(shown) = shown.filter(|shown| shown.number == number && shown.is_running()) else {
        model.dirty = false;
        return Vec::new();
    };
    shown.fold(news);
    let (state, resumes) = (shown.state.clone(), shown.resumes);
    model.refresh();
    match state {
        State::Running => return Vec::new(),
        State::Ended => {}
        State::Cancelled => model.say(ToastKind::Info, "the experiment was cancelled"),
        State::Failed(why) => model.say(ToastKind::Warning, format!("the experiment: {why}")),
    }
    // A learner who has set it going meanwhile, or one that is at its end, needs no word.
    let waits = model.run.as_ref().is_some_and(|run| {
        matches!(run.status, Status::Training | Status::Paused | Status::Opening)
    });
    if resumes && waits && !model.playing {
        model.playing = true;
        return vec![Effect::Send(Command::Run)];
    }
    Vec::new()
}

/// Ends the experiment that is under way.
pub fn cancel(model: &mut Model) -> Vec<Effect> {
    if model.experiment.as_ref().is_some_and(Shown::is_running) {
        return vec![Effect::CancelExperiment];
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
