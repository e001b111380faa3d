use super::*;
use crate::lab::fixture;
use crate::lab::model::{Model, Msg};
use crate::lab::panes::PaneId;
use crate::lab::panes::tests::{open, train};
use crate::lab::theme::{Depth, Glyphs, Ground, Theme};
use crate::lab::update::update;
use crate::model::config;
use crate::stage::stage;
use crate::train::session::Session;
use crate::train::testing;

const PANE: PaneId = PaneId::Order;

/// A text without positions, with or without its mask, of three words that are typed in two orders.
fn read(causal: bool, position: config::Position) -> (Model, Session) {
    let (mut model, _) = open("multi-head", 160, 48);
    let mut config = stage("multi-head").unwrap().config(testing::VOCABULARY, 1337);
    (config.model.causal, config.model.position) = (causal, position);
    // So that the tokens are not all alike after attention's mean.
    config.model.residual = true;
    let session = testing::open(config.clone(), 1);
    fixture::reconfigure(&mut model, |own| *own = config);
    typed(&mut model, 0, "a cat");
    (model, session)
}

fn typed(model: &mut Model, side: usize, text: &str) {
    model.panes.order.side = side;
    model.with(PANE, |pane, facts| pane.typed(facts, text));
}

fn text(model: &Model, width: u16, height: u16) -> String {
    fixture::text(&fixture::pane(model, PANE, width, height))
}

fn found(model: &Model) -> (Vec<f32>, Vec<usize>, usize) {
    let facts = model.facts();
    let texts = model.panes.order.texts(&facts).unwrap();
    let found = Order::found(&facts, &texts).unwrap();
    (found.reading.values.clone(), found.partners.clone(), found.width)
}

#[test]
fn without_positions_and_mask_both_orders_have_the_same_set_of_outputs() {
    let (mut model, mut session) = read(false, config::Position::None);
    train(&mut model, &mut session, 1);
    let screen = text(&model, 76, 24);
    assert!(screen.contains("A a␣cat") && screen.contains("B cat␣a"), "{screen}");
    assert!(screen.contains("the same set of outputs"), "{screen}");
    assert!(screen.contains("positions none, mask none"), "{screen}");
    for (causal, position) in [(true, config::Position::None), (false, config::Position::Learned)] {
        let (mut model, mut session) = read(causal, position);
        train(&mut model, &mut session, 1);
        assert!(text(&model, 76, 24).contains("order counts"), "{causal} {position:?}");
    }
}

/// Every row and every number, worked out from the instrument's logits.
#[test]
fn the_numbers_are_those_of_the_logits() {
    let (mut model, mut session) = read(true, config::Position::Learned);
    train(&mut model, &mut session, 2);
    let (values, _, width) = found(&model);
    // "a cat" and "cat a": a (the first) is at 5, the space at 4, c at 1, a (the second) at 2... by turns.
    let partners = [1, 3, 0, 4, 2];
    let screen = text(&model, 90, 40);
    let row = |order: usize, i: usize| &values[(order * 5 + i) * width..][..width];
    let mut largest = 0.0_f64;
    for (i, name) in ["a", "␣", "c", "a", "t"].iter().enumerate() {
        let apart = row(0, i).iter().zip(row(1, partners[i])).map(|(x, y)| (x - y).abs());
        let apart = f64::from(apart.fold(0.0, f32::max));
        largest = largest.max(apart);
        let line = format!("{name:<12}{:>4} {:>4} {:>9} ", i + 1, partners[i] + 1, value(apart));
        assert!(screen.contains(&line), "{line:?}\n{screen}");
    }
    assert!(screen.contains(&format!("apart by {} at most", value(largest))), "{screen}");
    let next = |order: usize| {
        let exp: Vec<f64> = row(order, 4).iter().map(|x| f64::from(*x).exp()).collect();
        let sum: f64 = exp.iter().sum();
        exp.into_iter().map(|x| x / sum).collect::<Vec<_>>()
    };
    let (a, b) = (next(0), next(1));
    for token in 0..width {
        let name = model.facts().label(token as u32);
        let line = format!("{name:<12}{:>9}{:>9}", probability(a[token]), probability(b[token]));
        assert!(screen.contains(&line), "{line:?}\n{screen}");
    }
    let most = a.iter().zip(&b).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
    assert!(screen.contains(&format!("next: apart by {} at most", probability(most))), "{screen}");
}

#[test]
fn a_typed_text_brings_its_reverse_and_the_second_is_the_learners_own() {
    let (mut model, mut session) = read(false, config::Position::None);
    typed(&mut model, 0, "the cat sat");
    let texts = model.panes.order.texts(&model.facts()).unwrap();
    let decode = |tokens: &[u32]| model.facts().tokenizer().unwrap().decode(tokens);
    assert_eq!(decode(&texts.tokens[1]), "sat cat the");
    train(&mut model, &mut session, 1);
    assert!(text(&model, 60, 16).contains("T = 8 tokens at once: A has 11"));
    typed(&mut model, 0, "a mat");
    typed(&mut model, 1, "a hat");
    let why = text(&model, 60, 16);
    assert!(why.contains("only A has m, only B has h"), "{why}");
    typed(&mut model, 1, "mat a");
    train(&mut model, &mut session, 1);
    assert!(text(&model, 60, 16).contains("the same set"));
    typed(&mut model, 0, "xyz!");
    assert!(text(&model, 60, 16).contains("unknown:"));
    // Nothing: the prompt, since this text has no letter g.
    typed(&mut model, 0, "");
    let texts = model.panes.order.texts(&model.facts()).unwrap();
    assert_eq!(texts.tokens, [vec![1, 2, 0, 1], vec![1, 0, 2, 1]]);
}

/// Enter opens a line, and what is typed there comes to the pane.
#[test]
fn enter_types_the_text_at_the_cursor() {
    use ratatui::crossterm::event::{KeyCode, KeyEvent};
    let mut model = fixture::model(120, 40);
    model.called = Some(PANE);
    model.focus = PANE;
    let mut press = |code: KeyCode| {
        update(&mut model, Msg::Key(KeyEvent::from(code)));
    };
    press(KeyCode::Right);
    press(KeyCode::Enter);
    "gdo hot".chars().for_each(|c| press(KeyCode::Char(c)));
    press(KeyCode::Enter);
    let texts = model.panes.order.typed.clone().unwrap();
    assert_eq!(texts, ["hot dog", "gdo hot"]);
    assert!(model.overlays.is_empty());
}

#[test]
fn every_size_and_state_can_be_drawn() {
    let (mut model, mut session) = read(true, config::Position::Learned);
    train(&mut model, &mut session, 1);
    for (glyphs, state) in [(Glyphs::UNICODE, 0), (Glyphs::ASCII, 0), (Glyphs::ASCII, 1)] {
        model.theme = Theme::new(Depth::None, Ground::Dark, glyphs);
        if state == 1 {
            model.snapshot = None;
        }
        for action in [Action::CycleView, Action::Right, Action::End, Action::CycleView] {
            PANE.act(&mut model, action);
            for (width, height) in [(1, 1), (3, 9), (9, 3), (12, 6), (30, 10), (200, 70)] {
                let area = Rect::new(0, 0, width, height);
                PANE.draw(&model, false, area, &mut Buffer::empty(area));
                let screen = text(&model, width + 2, height + 2);
                assert!(!glyphs.ascii || screen.is_ascii(), "{screen}");
            }
        }
    }
    let (mut other, mut session) = open("vae", 160, 48);
    train(&mut other, &mut session, 1);
    assert!(text(&other, 76, 10).contains("reads no text"));
    let (mut made, mut session) = open("attention", 160, 48);
    train(&mut made, &mut session, 1);
    assert!(text(&made, 76, 10).contains("not trained on a text"));
}
