//! What is written down, how often, and what is said where that fails.

use crate::lab::model::{Effect, Model, Msg};
use crate::lab::update::tests::{at, say_of_the_run, settled};
use crate::lab::update::update;
use crate::train::Event;

fn keeps(effects: &[Effect]) -> usize {
    effects.iter().filter(|effect| matches!(effect, Effect::KeepRun { .. })).count()
}

#[test]
fn a_run_that_steps_is_written_down_every_half_minute_and_a_large_one_every_five() {
    let mut model = settled(120, 40);
    assert_eq!(keeps(&at(&mut model, 40)), 0, "nobody writes here");
    (model.keeps, model.page) = (true, 1);
    let id = model.run.as_ref().unwrap().id;
    let written = |model: &mut Model, step| {
        let path = format!("autosave/multi-head-{step}.safetensors").into();
        let event = Event::Kept { path, step, refused: None };
        update(model, Msg::Worker(crate::train::Told { run: Some(id), event }))
    };
    assert_eq!(keeps(&at(&mut model, 41)), 1);
    let effects = written(&mut model, 3412);
    let Some(Effect::Remember(resume)) = effects.first() else { panic!("{effects:?}") };
    assert_eq!(resume.run.as_deref(), Some("multi-head-3412.safetensors"));
    assert_eq!((resume.lesson.as_str(), resume.lessons["multi-head"].page), ("multi-head", 1));
    assert_eq!(keeps(&at(&mut model, 100)), 0, "it has not stepped since");
    model.run.as_mut().unwrap().step = 3500;
    assert_eq!(keeps(&at(&mut model, 129)), 0);
    assert_eq!(keeps(&at(&mut model, 131)), 1);
    written(&mut model, 3500);
    let run = model.run.as_mut().unwrap();
    (run.step, run.parameters) = (3600, 10_788_929);
    assert_eq!(keeps(&at(&mut model, 170)), 1);
    written(&mut model, 3600);
    model.run.as_mut().unwrap().step = 3700;
    assert_eq!(keeps(&at(&mut model, 210)), 0);
    assert_eq!(keeps(&update(&mut model, Msg::Autosave)), 0);
    assert_eq!(keeps(&at(&mut model, 471)), 1);
}

#[test]
fn what_cannot_be_written_down_is_said_once() {
    let mut model = settled(120, 40);
    model.keeps = true;
    for _ in 0..2 {
        let effects = update(&mut model, Msg::Autosave);
        assert_eq!(keeps(&effects), 1);
        let refused = Some("the disk is full".to_owned());
        say_of_the_run(&mut model, Event::Kept { path: "x".into(), step: 1, refused });
        model.run.as_mut().unwrap().step += 1;
    }
    assert_eq!(model.toasts.iter().filter(|t| t.text == "autosave: the disk is full").count(), 1);
    assert!(model.keeping.kept.is_empty());
}
