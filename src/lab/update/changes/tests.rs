//! Runs that are changed, built anew and started again.

use ratatui::crossterm::event::KeyCode;
use ratatui::layout::Size;

use super::*;
use crate::lab::fixture;
use crate::lab::panes::PaneId;
use crate::lab::update::runs::opening;
use crate::lab::update::tests::{
    asks, focus_hyperparameters, key, opened_with, press, say, sent, settled, typed,
};
use crate::train::Event;

#[test]
fn a_structural_change_asks_rebuilds_and_leaves_a_ghost() {
    let mut model = settled(120, 40);
    focus_hyperparameters(&mut model, "n_head");
    assert_eq!(sent(&press(&mut model, KeyCode::Left)), Vec::<String>::new());
    let Some(Overlay::Confirm(Confirm { text, yes: Answer::Rebuild { config }, .. })) =
        model.overlays.last()
    else {
        panic!("no question: {:?}", model.overlays)
    };
    assert!(text.starts_with("n_head 4 → 2 rebuilds the model"), "{text}");
    assert_eq!(config.model.n_head, 2);
    key(&mut model, 'n');
    assert!(model.overlays.is_empty());

    press(&mut model, KeyCode::Left);
    assert_eq!(sent(&key(&mut model, 'y')), ["Open multi-head as 1", "Run"]);
    let mut config = opening("multi-head", 65, 1337);
    config.model.n_head = 2;
    config.training.lr = 3e-4;
    say(&mut model, opened_with(config));
    let ghosts: Vec<_> = model.facts().visible_ghosts().into_iter().map(|g| g.label).collect();
    assert_eq!(ghosts, ["single-head, lr 1e-3→3e-4", "n_head 4, lr 1e-3→3e-4, 3,412 steps"]);
    assert_eq!(model.ghosts.last().unwrap().history.evaluations.len(), 7);
    // Undo asks for the way back.
    assert_eq!(sent(&key(&mut model, 'u')), Vec::<String>::new());
    assert!(matches!(
        model.overlays.last(),
        Some(Overlay::Confirm(Confirm { yes: Answer::Rebuild { config, .. }, .. })) if config.model.n_head == 4
    ));
    key(&mut model, 'y');
    assert!(model.undo.is_empty(), "going back is no change of its own");
}

#[test]
fn a_live_change_that_is_refused_is_said_and_not_to_be_undone() {
    let mut model = settled(120, 40);
    focus_hyperparameters(&mut model, "lr");
    press(&mut model, KeyCode::Right);
    let (what, why) = ("lr".to_owned(), "there is not enough memory".to_owned());
    say(&mut model, Event::Refused { what, why });
    assert_eq!(model.toasts.last().unwrap().text, "lr: there is not enough memory");
    assert!(model.undo.is_empty());
    assert_eq!(model.run.as_ref().unwrap().config.training.lr, 3e-4);
    // What is asked for next starts from what is.
    let effects = sent(&press(&mut model, KeyCode::Right));
    assert_eq!(effects, [r#"Set { name: "lr", value: Number(0.001) }"#]);
}

#[test]
fn what_was_said_of_a_run_does_not_outlive_it() {
    let mut model = settled(120, 40);
    say(&mut model, Event::Finished { step: 5000 });
    model.say(ToastKind::Warning, "save: Permission denied");
    assert!(model.toasts.iter().any(|toast| toast.text.starts_with("training is done")));
    key(&mut model, ']');
    let left: Vec<_> = model.toasts.iter().map(|toast| toast.text.as_str()).collect();
    assert!(!left.iter().any(|text| text.starts_with("training is done")), "{left:?}");
    assert!(left.contains(&"save: Permission denied"), "a warning stays: {left:?}");
    // The pace that is said is that of the lesson on the screen.
    let mut model = settled(120, 40);
    (model.lesson, model.throttle) = (0, None);
    key(&mut model, ']');
    let paces = model.toasts.iter().filter(|toast| toast.text.contains("steps a second"));
    assert_eq!(paces.count(), 1);
}

#[test]
fn several_structural_changes_are_collected_and_rebuilt_once() {
    let mut model = settled(120, 40);
    focus_hyperparameters(&mut model, "n_head");
    // Asked about one, the learner wants more first.
    press(&mut model, KeyCode::Left);
    key(&mut model, 'm');
    assert!(model.overlays.is_empty() && model.asked.collecting);
    let hyperparameter = |name| crate::stage::hyperparameter::hyperparameter(name).unwrap();
    let mut set = |name, to: &str| {
        let value = Value::parse(hyperparameter(name), to).unwrap();
        assert!(sent(&request(&mut model, hyperparameter(name), value)).is_empty());
        assert!(model.overlays.is_empty() && model.asked.error.is_none());
    };
    // 5 does not divide 32: that counts at the end.
    set("n_head", "5");
    let shown = |model: &Model, name| {
        let run = model.run.as_ref().unwrap();
        model.asked.value(hyperparameter(name), &run.config).to_string()
    };
    key(&mut model, 'M');
    assert!(model.overlays.is_empty());
    assert!(model.asked.error.as_ref().unwrap().contains("not divisible by n_head 5"));
    model.asked.error = None;
    let mut set = |name, to: &str| {
        let value = Value::parse(hyperparameter(name), to).unwrap();
        request(&mut model, hyperparameter(name), value);
    };
    set("n_embd", "40");
    assert_eq!((shown(&model, "n_head"), shown(&model, "n_embd")), ("5".into(), "40".into()));
    assert!(model.asked.waits_for("n_embd") && model.asked.note().contains("M rebuilds with 2"));
    let pane = fixture::text(&fixture::pane(&model, PaneId::Hyperparameters, 60, 20));
    assert!(pane.lines().any(|line| line.contains("n_embd") && line.contains("40…")), "{pane}");
    key(&mut model, 'M');
    let text = asks(&model);
    assert!(text.contains("n_embd 32 → 40") && text.contains("n_head 4 → 5"), "{text}");
    assert_eq!(sent(&key(&mut model, 'y')), ["Open multi-head as 1", "Run"]);
    let config = &model.run.as_ref().unwrap().config;
    assert_eq!((config.model.n_head, config.model.n_embd), (5, 40));
    assert!(!model.asked.collecting && model.asked.waiting() == 0);
    // Given up, nothing waits.
    let mut model = settled(120, 40);
    key(&mut model, 'M');
    focus_hyperparameters(&mut model, "n_head");
    press(&mut model, KeyCode::Left);
    key(&mut model, 'M');
    key(&mut model, 'n');
    assert_eq!(model.asked.waiting(), 1);
    key(&mut model, 'u');
    assert_eq!((model.asked.waiting(), model.asked.collecting), (0, false));
    assert_eq!(model.toasts.last().unwrap().text, "given up: n_head 2");
    assert_eq!(model.run.as_ref().unwrap().config.model.n_head, 4);
}

#[test]
fn a_run_starts_again_with_the_next_seed_or_a_typed_one() {
    let mut model = settled(120, 40);
    key(&mut model, 'b');
    assert!(asks(&model).contains("with seed 1338"), "{}", asks(&model));
    key(&mut model, 'm');
    assert!(!model.overlays.is_empty(), "a seed is no change that could wait");
    key(&mut model, 'y');
    assert_eq!(model.run.as_ref().unwrap().config.seed, 1338);
    let mut buf = ratatui::buffer::Buffer::empty(ratatui::layout::Rect::new(0, 0, 160, 48));
    model.size = Size::new(160, 48);
    crate::lab::view::draw(&model, &mut buf);
    assert!(fixture::text(&buf).lines().next().unwrap().contains("seed 1338"));
    let mut model = settled(120, 40);
    key(&mut model, 'B');
    typed(&mut model, "4x");
    press(&mut model, KeyCode::Enter);
    let Some(Overlay::Input(line)) = model.overlays.last() else { panic!("the line is gone") };
    assert!(line.error.as_ref().unwrap().contains("whole number"));
    press(&mut model, KeyCode::Backspace);
    typed(&mut model, "2");
    press(&mut model, KeyCode::Enter);
    assert!(asks(&model).contains("with seed 42"), "{}", asks(&model));
    key(&mut model, 'r');
    key(&mut model, 'y');
    assert_eq!(model.run.as_ref().unwrap().config.seed, 42);
}

#[test]
fn no_key_is_lost_in_a_question_without_a_word_and_no_collected_change_by_esc() {
    let mut model = settled(120, 40);
    focus_hyperparameters(&mut model, "n_head");
    press(&mut model, KeyCode::Left);
    press(&mut model, KeyCode::Right);
    assert!(model.toasts.last().unwrap().text.contains("that key did nothing"));
    press(&mut model, KeyCode::Esc);
    assert_eq!(model.toasts.last().unwrap().text, "n_head stays 4");
    // Two that wait, and a question about them.
    key(&mut model, 'M');
    press(&mut model, KeyCode::Left);
    let n_embd = crate::stage::hyperparameter::hyperparameter("n_embd").unwrap();
    request(&mut model, n_embd, Value::Count(40));
    assert_eq!(model.asked.waiting(), 2);
    key(&mut model, 'M');
    assert!(matches!(model.overlays.last(), Some(Overlay::Confirm(_))));
    press(&mut model, KeyCode::Esc);
    assert_eq!((model.asked.waiting(), model.asked.collecting), (2, true));
    assert!(model.toasts.last().unwrap().text.starts_with("2 changes wait on: M asks again"));
    key(&mut model, 'M');
    assert!(matches!(model.overlays.last(), Some(Overlay::Confirm(_))));
}
