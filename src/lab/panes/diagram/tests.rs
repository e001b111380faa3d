//! The pane, on the cards of real models.

use std::collections::HashSet;

use ratatui::crossterm::event::KeyCode;
use ratatui::style::Modifier;

use super::*;
use crate::lab::fixture;
use crate::lab::model::{Model, Msg};
use crate::lab::panes::PaneId;
use crate::lab::panes::tests::{open, train};
use crate::lab::theme::{Depth, Glyphs, Ground, Theme};
use crate::lab::update::update;

/// Rooms of about thirty sizes.
fn rooms() -> impl Iterator<Item = Size> {
    let widths = [1, 20, 28, 36, 44, 60, 76, 90, 156];
    let heights = [1, 3, 9, 16, 20, 44];
    widths.into_iter().flat_map(move |width| heights.map(|height| Size::new(width, height)))
}

/// Draws the pane into the middle of a larger screen.
fn paint(model: &Model, room: Rect) -> Buffer {
    let mut buf = Buffer::empty(Rect::new(0, 0, room.right() + 3, room.bottom() + 3));
    PaneId::Diagram.draw(model, true, room, &mut buf);
    buf
}

#[test]
fn every_stage_is_drawn_inside_its_room_at_every_size() {
    for lesson in fixture::lessons() {
        let (mut model, mut session) = open(&lesson.id, 80, 24);
        // A step of the largest takes too long here.
        if session.weights().len() < 1_000_000 {
            train(&mut model, &mut session, 1);
        }
        for room in rooms() {
            let room = Rect::new(2, 1, room.width, room.height);
            for action in [Action::Home, Action::PageUp, Action::Right, Action::End] {
                PaneId::Diagram.act(&mut model, action);
                let buf = paint(&model, room);
                for at in buf.area.positions().filter(|at| !room.contains(*at)) {
                    assert_eq!(buf[at].symbol(), " ", "{} {room:?} {at:?}", lesson.id);
                }
            }
        }
    }
}

/// The cursor goes to every part; the screen names it in its line of detail, and in a box.
#[test]
fn the_cursor_reaches_every_part() {
    for lesson in fixture::lessons() {
        let (mut model, _) = open(&lesson.id, 80, 24);
        let card = model.run.as_ref().unwrap().card.clone().unwrap();
        PaneId::Diagram.act(&mut model, Action::Home);
        let mut reached = HashSet::new();
        for sideways in [None, Some(Action::Right)] {
            PaneId::Diagram.act(&mut model, Action::Home);
            if let Some(action) = sideways {
                PaneId::Diagram.act(&mut model, action);
            }
            for way in [Action::Up, Action::Down] {
                for _ in 0..card.flow.len() {
                    let part = &card.flow[model.panes.diagram.chosen(&model.facts(), &card)];
                    reached.insert(part.name.clone());
                    let screen = fixture::text(&fixture::pane(&model, PaneId::Diagram, 80, 22));
                    let facts = model.facts();
                    let diagram = &model.panes.diagram;
                    let drawn = diagram.fold(&facts, &card);
                    let chosen = diagram.chosen(&facts, &card);
                    let at = drawn.parts.iter().position(|parts| parts.contains(&chosen)).unwrap();
                    assert!(screen.contains(&drawn.flow[at].title), "{}\n{screen}", part.name);
                    let said = if part.title == "+" { "sum" } else { &part.title };
                    let detail = format!("│ {said}");
                    assert!(screen.contains(&detail), "{}\n{screen}", part.name);
                    for action in [Action::Right, Action::Left] {
                        let from = model.panes.diagram.part.clone();
                        PaneId::Diagram.act(&mut model, action);
                        reached.insert(
                            card.flow[model.panes.diagram.chosen(&model.facts(), &card)]
                                .name
                                .clone(),
                        );
                        model.panes.diagram.part = from;
                    }
                    PaneId::Diagram.act(&mut model, way);
                }
            }
        }
        for part in &card.flow {
            assert!(reached.contains(&part.name), "{}: {}", lesson.id, part.name);
        }
    }
}

#[test]
fn a_shown_size_is_the_root_mean_square_of_the_models_own_numbers() {
    for lesson in ["layer-norm", "encoder-decoder", "vae", "gan", "lstm", "memory", "conv"] {
        let (mut model, mut session) = open(lesson, 80, 24);
        train(&mut model, &mut session, 3);
        let card = session.card().clone();
        let prompt =
            if model.facts().reads_prompt() { model.prompt.tokens.clone() } else { Vec::new() };
        let activations: Vec<String> = card.flow.iter().map(|part| part.name.clone()).collect();
        let whole = session.snapshot(&Subscription { prompt, activations, ..Default::default() });
        let mut shown = 0;
        for part in &card.flow {
            model.panes.diagram.part = Some(part.name.clone());
            let screen = fixture::text(&fixture::pane(&model, PaneId::Diagram, 80, 30));
            if part.glance == Glance::No {
                assert!(!screen.contains("rms 0") && !screen.contains("rms 1"), "{screen}");
                continue;
            }
            let values = &whole.activation(&part.name).unwrap().values;
            let squares: f64 = values.iter().map(|v| f64::from(*v).powi(2)).sum();
            let rms = (squares / values.len() as f64).sqrt();
            assert!(screen.contains(&format!("rms {} at step 3", value(rms))), "{rms} {screen}");
            // Beside its box, and in the line of detail.
            assert!(screen.matches(&value(rms)).count() > 1, "{screen}");
            shown += 1;
        }
        assert!(shown > 2, "{lesson}");
    }
}

#[test]
fn a_click_chooses_the_part_under_it() {
    let (mut model, _) = open("encoder-decoder", 160, 48);
    let room = Rect::new(5, 3, 90, 44);
    let card = model.run.as_ref().unwrap().card.clone().unwrap();
    let target = card.flow.iter().position(|part| part.name == "target").unwrap();
    let places = model.panes.diagram.places(&model.facts(), &card, room).unwrap();
    let area = places.on_screen(places.plan.of(target).unwrap().area).unwrap();
    PaneId::Diagram.click(&mut model, room, Position::new(area.x + 1, area.y));
    assert_eq!(model.panes.diagram.part.as_deref(), Some("target"));
    PaneId::Diagram.click(&mut model, room, Position::new(room.x, room.y));
    assert_eq!(model.panes.diagram.part.as_deref(), Some("target"));
}

#[test]
fn what_the_page_speaks_of_is_lit_and_the_rest_dimmed() {
    for theme in [Theme::plain(), Theme::new(Depth::Rgb, Ground::Light, Glyphs::UNICODE)] {
        let (mut model, mut session) = open("layer-norm", 160, 48);
        model.theme = theme;
        train(&mut model, &mut session, 1);
        model.panes.diagram.every = true;
        let card = model.run.as_ref().unwrap().card.clone().unwrap();
        let room = Rect::new(0, 0, 100, 120);
        let drawn = |model: &Model| {
            let mut buf = Buffer::empty(room);
            PaneId::Diagram.draw(model, false, room, &mut buf);
            buf
        };
        let dim = |buf: &Buffer, area: Rect| {
            let signs = area.positions().filter(|at| buf[*at].symbol() != " ");
            let all: Vec<_> = signs.map(|at| buf[at].modifier.contains(Modifier::DIM)).collect();
            assert!(!all.is_empty());
            all
        };
        let without = drawn(&model);
        let (lesson, page) = (model.lesson, model.page);
        let speak = |model: &mut Model, parts: &[&str]| {
            let setup = &mut model.lessons[lesson].pages[page].setup;
            setup.parts = parts.iter().map(|part| (*part).to_owned()).collect();
        };
        // A part of another model lights nothing and dims nothing.
        speak(&mut model, &["generator"]);
        assert_eq!(drawn(&model), without);
        speak(&mut model, &["blocks.1.sa", "logits"]);
        let buf = drawn(&model);
        let places = model.panes.diagram.places(&model.facts(), &card, room).unwrap();
        let (mut lit, mut dimmed) = (0, 0);
        for placed in &places.plan.boxes {
            let area = places.on_screen(placed.area).unwrap();
            let name = card.flow[placed.part].name.as_str();
            if ["blocks.1.sa", "logits"].contains(&name) {
                assert!(!dim(&buf, area).contains(&true), "{name}");
                // Bold, so that colour is not all.
                let title = Position::new(area.x + area.width / 2, area.y + area.height / 2);
                assert!(buf[title].modifier.contains(Modifier::BOLD), "{name}");
                lit += 1;
            } else {
                assert!(!dim(&buf, area).contains(&false), "{name}");
                dimmed += 1;
            }
        }
        assert_eq!((lit, dimmed), (2, card.flow.len() - 2));
        for (area, part) in &places.plan.shapes {
            let lit = ["blocks.1.sa", "logits"].contains(&card.flow[*part].name.as_str());
            // The sign between two axes may be faint by itself.
            let dim = dim(&buf, places.on_screen(*area).unwrap());
            assert_eq!(dim.contains(&false), lit);
        }
    }
}

#[test]
fn a_page_that_speaks_of_a_part_brings_the_cursor_to_it() {
    let (mut model, _) = open("layer-norm", 160, 48);
    let card = model.run.as_ref().unwrap().card.clone().unwrap();
    let name =
        |model: &Model| card.flow[model.panes.diagram.chosen(&model.facts(), &card)].name.clone();
    PaneId::Diagram.act(&mut model, Action::End);
    assert_eq!(name(&model), card.flow.last().unwrap().name);
    // The same page, as it was: the learner's own cursor stays.
    PaneId::Diagram.refresh(&mut model);
    assert_eq!(name(&model), card.flow.last().unwrap().name);
    let (lesson, page) = (model.lesson, model.page);
    model.lessons[lesson].pages[page].setup.parts = vec!["blocks.*.sa".to_owned()];
    model.panes.diagram.page = None;
    PaneId::Diagram.refresh(&mut model);
    assert_eq!(name(&model), "blocks.0.sa");
    let screen = fixture::text(&fixture::pane(&model, PaneId::Diagram, 80, 30));
    assert!(screen.contains("bold: what this page speaks of"), "{screen}");
}

#[test]
fn following_a_part_goes_to_the_pane_that_shows_it() {
    for (lesson, part, pane) in [
        ("layer-norm", "blocks.1.sa", Some(PaneId::Attention)),
        ("layer-norm", "logits", Some(PaneId::Softmax)),
        ("layer-norm", "blocks.0.ln1", None),
        ("encoder-decoder", "decoder.1.cross_attn", Some(PaneId::Attention)),
        ("encoder-decoder", "target_embedding.token", Some(PaneId::Embeddings)),
        ("encoder-decoder", "source_embedding", None),
        ("encoder-decoder", "probabilities", Some(PaneId::Softmax)),
    ] {
        let (mut model, mut session) = open(lesson, 160, 48);
        train(&mut model, &mut session, 1);
        model.focus = PaneId::Diagram;
        model.panes.diagram.part = Some(part.to_owned());
        let key = KeyCode::Char('f').into();
        update(&mut model, Msg::Key(key));
        assert_eq!(model.focus, pane.unwrap_or(PaneId::Diagram), "{part}");
        assert_eq!(model.toasts.is_empty(), pane.is_some(), "{part}");
        if pane == Some(PaneId::Attention) {
            let detail = PaneId::Attention.detail(&model);
            assert!(detail.contains("2 of"), "{part}: {detail}");
        }
    }
}

#[test]
fn without_colour_and_beyond_ascii_nothing_is_lost() {
    let (mut model, mut session) = open("encoder-decoder", 80, 24);
    train(&mut model, &mut session, 1);
    model.theme = Theme::new(Depth::None, Ground::Dark, Glyphs::ASCII);
    let buf = fixture::pane(&model, PaneId::Diagram, 80, 24);
    let text = fixture::text(&buf);
    assert!(text.is_ascii() && !text.contains('?'), "{text}");
    let marked = |at: &Position| !buf[*at].modifier.is_empty() && buf[*at].symbol() == "s";
    assert!(buf.area.positions().any(|at| marked(&at)));
}

#[test]
fn looks() {
    for (lesson, width, height) in [
        ("bigram", 80, 22),
        ("residual", 80, 22),
        ("encoder-decoder", 80, 64),
        ("layer-norm", 43, 15),
    ] {
        let (mut model, _) = open(lesson, 80, 24);
        PaneId::Diagram.act(&mut model, Action::Up);
        let screen = fixture::text(&fixture::pane(&model, PaneId::Diagram, width, height));
        insta::assert_snapshot!(format!("{lesson}_{width}x{height}"), screen);
    }
}

/// From the inputs into the first layer, from the outputs into the last, and within a stack from layer to layer.
#[test]
fn layers_are_gone_to_from_outside_as_well() {
    let config = crate::stage::stage("layer-norm").unwrap().config(65, 1);
    let card = crate::model::build(&config.model).unwrap().card();
    let stacks = stacks(&card.flow);
    let layers = &stacks[0].layers;
    assert_eq!(another_layer(&stacks, 0, true), layers[0][0]);
    let last = card.flow.len() - 1;
    assert_eq!(another_layer(&stacks, last, false), *layers.last().unwrap().last().unwrap());
    assert_eq!(another_layer(&stacks, layers[0][1], true), layers[1][1]);
    assert_eq!(another_layer(&stacks, layers[0][1], false), layers[0][1]);
    assert_eq!(another_layer(&[], 3, true), 3);
}
