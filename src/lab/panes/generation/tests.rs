use std::sync::Arc;

use ratatui::crossterm::event::KeyCode;
use ratatui::layout::Rect;

use super::*;
use crate::lab::fixture;
use crate::lab::model::{Model, Msg};
use crate::lab::panes::PaneId;
use crate::lab::panes::tests::{open, train};
use crate::lab::theme::{Depth, Glyphs, Ground, Theme};
use crate::lab::update::update;
use crate::train::command::SampleRequest;
use crate::train::generation;
use crate::train::session::Session;
use drawing::ends;

const PANE: PaneId = PaneId::Generation;

fn text(model: &Model, width: u16, height: u16) -> String {
    fixture::text(&fixture::pane(model, PANE, width, height))
}

/// A key as the lab takes it, with what it wishes granted.
fn press(model: &mut Model, action: Action) {
    model.focus = PANE;
    let key = match action {
        Action::DrawOne => KeyCode::Char('s'),
        Action::Right => KeyCode::Right,
        Action::Left => KeyCode::Left,
        Action::Up => KeyCode::Up,
        Action::Home => KeyCode::Home,
        _ => panic!("{action:?}"),
    };
    update(model, Msg::Key(key.into()));
}

/// A snapshot of the text as it is now.
fn look(model: &mut Model, session: &mut Session) {
    train(model, session, 0);
}

fn trained(lesson: &str) -> (Model, Session) {
    let (mut model, mut session) = open(lesson, 160, 48);
    train(&mut model, &mut session, 20);
    (model, session)
}

/// The same seed, the same weights: the text is the one that generating it in one go gives.
#[test]
fn letter_by_letter_it_is_the_text_of_the_generator() {
    for (lesson, sampling) in [
        ("bigram", Sampling::default()),
        ("multi-head", Sampling { temperature: 0.7, top_k: Some(6), top_p: Some(0.9) }),
    ] {
        let (mut model, mut session) = trained(lesson);
        model.sampling = sampling;
        press(&mut model, Action::Up);
        press(&mut model, Action::Up);
        let prompt = model.prompt.tokens.clone();
        let request = SampleRequest { prompt, tokens: 12, sampling, seed: 2, every_seconds: None };
        let mut expected = generation::Generation::new(session.model(), &request, 0).unwrap();
        for i in 1..=12 {
            let token = expected.next(session.weights());
            press(&mut model, Action::DrawOne);
            let drawn = model.panes.generation.drawn.clone().unwrap();
            assert_eq!(drawn.token, token, "{lesson}, token {i}");
            press(&mut model, if i % 2 == 0 { Action::DrawOne } else { Action::Right });
            assert_eq!(model.prompt.tokens.len(), request.prompt.len() + i);
            assert_eq!(*model.prompt.tokens.last().unwrap(), token);
            // The model has not looked at it yet: nothing is drawn from what came before.
            press(&mut model, Action::DrawOne);
            assert_eq!(model.panes.generation.drawn, None);
            assert!(text(&model, 41, 22).contains("The model is reading the text."));
            look(&mut model, &mut session);
        }
        let decoded = model.corpus.as_ref().unwrap().tokenizer.decode(&model.prompt.tokens);
        assert_eq!(model.prompt.text, decoded);
    }
}

#[test]
fn u_falls_on_the_stretch_of_the_token_that_is_drawn_and_the_screen_says_so() {
    let (mut model, mut session) = trained("multi-head");
    for _ in 0..8 {
        press(&mut model, Action::DrawOne);
        let drawn = model.panes.generation.drawn.clone().unwrap();
        let i = drawn.table.iter().position(|c| c.token == drawn.token).unwrap();
        let ends = ends(&drawn.table);
        let from = ends[i] - drawn.table[i].probability;
        assert!(from <= drawn.u && drawn.u < ends[i]);
        let label = model.facts().label(drawn.token);
        let screen = text(&model, 90, 40);
        let said =
            format!("u = {:.4} falls between {from:.4} and {:.4}: \"{label}\".", drawn.u, ends[i]);
        assert!(screen.contains(&said), "{said}\n{screen}");
        assert!(screen.contains(&format!("u {:.4}", drawn.u)), "{screen}");
        // Under the line, the mark is where u is.
        let width = 90.0 - 4.0;
        let line = screen.lines().find(|line| line.contains('▲')).unwrap();
        let at = line.chars().position(|c| c == '▲').unwrap();
        assert_eq!(at - 2, (drawn.u * width) as usize, "{screen}");
        let row = screen.lines().find(|line| line.contains('▸')).unwrap();
        assert!(row.contains(&format!("▸{label}")), "{row}");
        press(&mut model, Action::DrawOne);
        look(&mut model, &mut session);
    }
}

/// Every row, computed here from the model's logits.
#[test]
fn the_table_is_the_softmax_of_the_logits_after_the_text() {
    let mut model = fixture::model(120, 60);
    for temperature in [1.0, 0.5] {
        model.sampling.temperature = temperature;
        let tensor = model.facts().snapshot.unwrap().activation("logits").unwrap().clone();
        let last = &tensor.values[7 * 65..];
        let sum: f64 = last.iter().map(|l| (f64::from(*l) / temperature).exp()).sum();
        let mut all: Vec<(u32, f64)> =
            (0..).zip(last).map(|(i, l)| (i, (f64::from(*l) / temperature).exp() / sum)).collect();
        all.sort_by(|a, b| b.1.total_cmp(&a.1));
        let screen = text(&model, 90, 80);
        let rows: Vec<&str> = screen
            .lines()
            .skip_while(|line| !(line.contains("  token ") && line.contains("from")))
            .skip(1)
            .collect();
        let mut end = 0.0;
        for ((token, p), row) in all.into_iter().zip(rows) {
            let words: Vec<_> = row.trim_matches('│').split_whitespace().collect();
            let label = model.facts().label(token);
            let p_shown = crate::lab::number::probability(p);
            assert_eq!(words[..2], [label.as_str(), p_shown.as_str()], "{row}");
            let near = |word: &str, x: f64| (word.parse::<f64>().unwrap() - x).abs() < 1.1e-4;
            assert!(near(words[2], end) && near(words[3], end + p), "{row} {end}");
            end += p;
        }
        assert!((end - 1.0).abs() < 1e-9);
    }
}

#[test]
fn letters_can_be_taken_back_and_begun_anew() {
    let (mut model, mut session) = trained("bigram");
    let start = model.prompt.tokens.clone();
    let mut us = Vec::new();
    for _ in 0..3 {
        press(&mut model, Action::DrawOne);
        us.push(model.panes.generation.drawn.as_ref().unwrap().u);
        press(&mut model, Action::DrawOne);
        look(&mut model, &mut session);
    }
    assert_eq!(model.prompt.tokens.len(), start.len() + 3);
    press(&mut model, Action::Left);
    assert_eq!(model.prompt.tokens.len(), start.len() + 2);
    look(&mut model, &mut session);
    // The same place, the same number.
    press(&mut model, Action::DrawOne);
    assert_eq!(model.panes.generation.drawn.as_ref().unwrap().u, us[2]);
    press(&mut model, Action::Left);
    assert_eq!(model.panes.generation.drawn, None);
    press(&mut model, Action::Home);
    assert_eq!(model.prompt.tokens, start);
    look(&mut model, &mut session);
    press(&mut model, Action::Up);
    press(&mut model, Action::DrawOne);
    assert_ne!(model.panes.generation.drawn.as_ref().unwrap().u, us[0]);
    // Another text is another beginning.
    model.prompt.tokens = vec![3, 4];
    model.refresh();
    assert_eq!(
        (model.panes.generation.start.as_slice(), &model.panes.generation.drawn),
        (&[3, 4][..], &None)
    );
}

#[test]
fn the_window_slides_over_the_text() {
    let (mut model, mut session) = trained("multi-head");
    let time = model.run.as_ref().unwrap().config.model.block_size;
    for _ in 0..time {
        press(&mut model, Action::DrawOne);
        press(&mut model, Action::DrawOne);
        look(&mut model, &mut session);
    }
    let tokens = &model.prompt.tokens;
    let facts = model.facts();
    let shown = |token: u32| match facts.character(token) {
        Some(' ') => " ".to_owned(),
        _ => facts.label(token),
    };
    let seen: String = tokens[tokens.len() - time..].iter().map(|t| shown(*t)).collect();
    let screen = text(&model, 60, 22);
    assert!(screen.contains(&format!("[{seen}]")), "{screen}");
    assert!(screen.contains(&format!("the last {time} of {} tokens", tokens.len())), "{screen}");
    assert_eq!(facts.snapshot.unwrap().prompt, tokens[tokens.len() - time..]);
}

/// Another temperature draws anew, and with the same number.
#[test]
fn the_same_u_may_fall_on_another_token_at_another_temperature() {
    let (mut model, _session) = trained("bigram");
    press(&mut model, Action::DrawOne);
    let before = model.panes.generation.drawn.clone().unwrap();
    update(&mut model, Msg::Key(KeyCode::Char('t').into()));
    assert_eq!(model.panes.generation.drawn, None);
    press(&mut model, Action::DrawOne);
    let after = model.panes.generation.drawn.clone().unwrap();
    assert_eq!((after.u, after.sampling.temperature), (before.u, 0.9));
    assert_ne!(after.table, before.table);
}

/// What was drawn stays what it was drawn from, while training goes on.
#[test]
fn training_does_not_move_what_was_drawn() {
    let (mut model, mut session) = trained("bigram");
    press(&mut model, Action::DrawOne);
    let before = model.panes.generation.drawn.clone();
    let screen = text(&model, 60, 22);
    train(&mut model, &mut session, 10);
    assert_eq!(model.panes.generation.drawn, before);
    assert_eq!(text(&model, 60, 22), screen);
    press(&mut model, Action::Left);
    assert_ne!(text(&model, 60, 22), screen);
}

#[test]
fn looks() {
    let mut model = fixture::model(120, 40);
    insta::assert_snapshot!("before", text(&model, 41, 22));
    press(&mut model, Action::DrawOne);
    insta::assert_snapshot!("drawn", text(&model, 41, 22));
    insta::assert_snapshot!("drawn_wide", text(&model, 100, 20));
}

#[test]
fn every_size_and_state_can_be_drawn_in_ascii_too() {
    let mut model = fixture::model(120, 40);
    let ascii = Theme::new(Depth::None, Ground::Dark, Glyphs::ASCII);
    for state in 0..4 {
        for theme in [Theme::plain(), ascii] {
            model.theme = theme;
            for (width, height) in [(1, 1), (3, 9), (9, 3), (12, 6), (30, 10), (39, 20), (200, 70)]
            {
                let area = Rect::new(0, 0, width, height);
                PANE.draw(&model, false, area, &mut Buffer::empty(area));
            }
            let screen = text(&model, 41, 22);
            assert!(!theme.glyphs.ascii || screen.is_ascii(), "{screen}");
        }
        match state {
            0 => press(&mut model, Action::DrawOne),
            1 => {
                let mut snapshot = (**model.snapshot.as_ref().unwrap()).clone();
                snapshot.activations.iter_mut().for_each(|t| t.values.fill(f32::NAN));
                model.panes.generation.drawn = None;
                update(&mut model, Msg::Snapshot(Arc::new(snapshot)));
                press(&mut model, Action::DrawOne);
            }
            _ => {
                model.snapshot = None;
                model.panes.generation.drawn = None;
            }
        }
    }
    model.prompt.tokens.clear();
    PANE.refresh(&mut model);
    assert!(text(&model, 60, 12).contains("Type a prompt"));
}
