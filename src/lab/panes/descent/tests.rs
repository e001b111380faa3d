use super::*;
use crate::lab::fixture;
use crate::lab::model::Model;
use crate::lab::panes::PaneId;
use crate::lab::panes::tests::{open, train};
use crate::lab::theme::{Depth, Glyphs, Ground, Theme};
use crate::math::plain::adamw::{Weight, update};
use crate::stage::Value;
use crate::train::session::Session;

const PANE: PaneId = PaneId::Descent;

fn text(model: &Model, width: u16, height: u16) -> String {
    fixture::text(&fixture::pane(model, PANE, width, height))
}

/// The two numbers of a line of the table.
fn line(model: &Model, name: &str) -> [Option<f64>; 2] {
    let screen = text(model, 41, 24);
    let words = screen.lines().map(|line| line.trim_matches('│').trim().to_owned());
    let mut line = words.filter_map(|line| Some(line.strip_prefix(name)?.to_owned()));
    let numbers = |line: String| {
        let words: Vec<_> = line.split_whitespace().map(str::to_owned).collect();
        let number =
            |word: &String| (word == "–" || word.parse::<f64>().is_ok()).then(|| word.parse().ok());
        let found: Option<Vec<Option<f64>>> = words.iter().map(number).collect();
        found.filter(|found| found.len() == 2).map(|found| [found[0], found[1]])
    };
    line.find_map(numbers).unwrap_or_else(|| panic!("{name}\n{screen}"))
}

fn near(found: f64, expected: f64) -> bool {
    (found - expected).abs() <= 1e-3 * expected.abs().max(1e-4)
}

/// A run whose weight at the cursor is moved: its row is a character that the text is full of.
fn moved() -> (Model, Session) {
    let (mut model, mut session) = open("bigram", 160, 48);
    session.set("weight_decay", Value::Number(0.1)).unwrap();
    model.refresh();
    for _ in 0..3 {
        PANE.act(&mut model, Action::Down);
    }
    PANE.act(&mut model, Action::Right);
    (model, session)
}

#[test]
fn a_step_is_followed_and_the_model_does_what_the_formula_says() {
    let (mut model, mut session) = moved();
    train(&mut model, &mut session, 5);
    for _ in 0..4 {
        let before = model.panes.descent.now.clone().unwrap();
        train(&mut model, &mut session, 1);
        let now = model.panes.descent.now.clone().unwrap();
        assert_eq!(now.moments.updates, before.moments.updates + 1);
        let (gradient, last) = (now.gradient.unwrap(), now.moments.last.unwrap());
        assert!(gradient != 0.0);
        let start = Weight { value: before.value, m: before.moments.m, v: before.moments.v };
        let t = now.moments.updates as i32;
        let end = update(start, last.clip * gradient, t, last.rule);
        assert!((end.value - now.value).abs() < 1e-6 * now.value.abs().max(0.1));
        // What the screen says is this.
        let index = now.index;
        assert_eq!(now.value as f32, session.weights()[index] as f32);
        let plain = start.value - last.rule.lr * last.clip * gradient;
        for (name, descent, adamw) in [
            ("w ", Some(start.value), start.value),
            ("g ", Some(gradient * last.clip), gradient * last.clip),
            ("m ", None, end.m),
            ("v ", None, end.v),
            ("m-hat", None, end.m / (1.0 - last.rule.beta1.powi(t))),
            ("v-hat", None, end.v / (1.0 - last.rule.beta2.powi(t))),
            ("decay", None, last.rule.lr * 0.1 * start.value),
            ("new w", Some(plain), end.value),
            ("model", None, now.value),
        ] {
            let found = line(&model, name);
            assert_eq!(found[0].is_some(), descent.is_some(), "{name}");
            let pairs = [(found[0], descent), (found[1], Some(adamw))];
            for (found, expected) in pairs.into_iter().filter_map(|(a, b)| a.zip(b)) {
                assert!(near(found, expected), "{name}: {found} {expected}");
            }
        }
        let [down, step] = line(&model, "step").map(Option::unwrap);
        assert!(near(down, start.value - plain));
        assert!((step - (start.value * (1.0 - last.rule.lr * 0.1) - end.value)).abs() < 1e-5);
        let screen = text(&model, 41, 24);
        assert!(screen.contains("Checked: the model's w is the"), "{screen}");
    }
}

/// Between two snapshots there were several steps: what it was before the last one is worked back.
#[test]
fn a_step_that_was_not_seen_is_worked_back() {
    let (mut model, mut session) = moved();
    train(&mut model, &mut session, 4);
    let now = model.panes.descent.now.clone().unwrap();
    // Two steps, of which the pane sees the second alone.
    session.step().unwrap();
    let weights = vec![(now.name.clone(), now.index)];
    let between = session.snapshot(&Subscription { weights, ..Subscription::default() });
    let [before] = between.weights.try_into().unwrap();
    assert_ne!(before.value, now.value);
    train(&mut model, &mut session, 1);
    assert!(model.panes.descent.before.is_none());
    assert!(near(line(&model, "w ")[1].unwrap(), before.value));
    let followed = Followed::new(None, model.panes.descent.now.as_ref().unwrap()).unwrap();
    let formula = format!("m = 0.9 × {:.2e} +", before.moments.m);
    assert!(followed.formulas()[0].starts_with(&formula), "{formula} {:?}", followed.formulas());
    let screen = text(&model, 100, 40);
    assert!(screen.contains("worked back") && !screen.contains("Checked"), "{screen}");
}

#[test]
fn without_a_step_there_is_only_the_weight() {
    let (mut model, mut session) = moved();
    train(&mut model, &mut session, 0);
    let screen = text(&model, 41, 24);
    assert!(screen.contains("No step has moved it yet"), "{screen}");
    let value = model.panes.descent.now.as_ref().unwrap().value;
    assert!(screen.contains(&written(value)), "{screen}");
    train(&mut model, &mut session, 1);
    assert!(!text(&model, 41, 24).contains("No step has moved it yet"));
    session.rest();
    train(&mut model, &mut session, 0);
    assert!(text(&model, 41, 24).contains("The last step did not move it"));
}

/// A verdict that could not be otherwise would be none.
#[test]
fn another_value_than_the_formulas_is_noticed() {
    let (mut model, mut session) = moved();
    train(&mut model, &mut session, 2);
    train(&mut model, &mut session, 1);
    assert!(text(&model, 100, 40).contains("Checked"));
    model.panes.descent.now.as_mut().unwrap().value += 1e-4;
    let screen = text(&model, 100, 40);
    assert!(screen.contains("from the formula's") && !screen.contains("Checked"), "{screen}");
}

#[test]
fn every_parameter_and_weight_can_be_reached_and_is_subscribed_to() {
    let (mut model, mut session) = open("multi-head", 160, 48);
    let learned = model.facts().card().unwrap().learned.clone();
    for (name, shape) in &learned {
        PANE.act(&mut model, Action::End);
        train(&mut model, &mut session, 1);
        let mut wanted = Subscription::default();
        model.panes.get(PANE).subscribe(&model.facts(), &mut wanted);
        let last = shape.iter().product::<usize>() - 1;
        assert_eq!(wanted.weights, [(name.clone(), last)]);
        let now = model.panes.descent.now.as_ref().unwrap();
        let expected = session.model().registry().get(name).unwrap();
        let at = expected.positions().nth(last).unwrap();
        assert_eq!(now.value as f32, session.weights()[at] as f32);
        PANE.act(&mut model, Action::CycleView);
    }
    assert_eq!(model.panes.descent.parameter, 0);
    let area = Rect::new(0, 0, 120, 30);
    PANE.click(&mut model, area, Position::new(60 + 3 + 2, 1 + 1 + 1));
    assert_eq!(
        model.panes.descent.cursor(&model.panes.descent.chosen(&model.facts()).unwrap()).0,
        1
    );
}

#[test]
fn looks() {
    let (mut model, mut session) = moved();
    train(&mut model, &mut session, 3);
    train(&mut model, &mut session, 1);
    insta::assert_snapshot!("small", text(&model, 41, 22));
    insta::assert_snapshot!("wide", text(&model, 110, 24));
}

#[test]
fn every_size_can_be_drawn_in_ascii_too() {
    let (mut model, mut session) = moved();
    let ascii = Theme::new(Depth::None, Ground::Dark, Glyphs::ASCII);
    for steps in 0..3 {
        for theme in [Theme::plain(), ascii] {
            model.theme = theme;
            for (width, height) in [(1, 1), (3, 9), (9, 3), (12, 6), (30, 10), (39, 20), (200, 70)]
            {
                let area = Rect::new(0, 0, width, height);
                PANE.draw(&model, false, area, &mut Buffer::empty(area));
                for at in area.positions().step_by(7) {
                    PANE.click(&mut model, area, at);
                }
            }
            let screen = text(&model, 41, 22);
            assert!(!theme.glyphs.ascii || screen.is_ascii(), "{screen}");
        }
        train(&mut model, &mut session, steps);
    }
    model.run = None;
    PANE.refresh(&mut model);
    assert!(text(&model, 41, 22).contains("The weights are shown"));
}
