use std::sync::Arc;

use super::*;
use crate::lab::fixture;
use crate::lab::model::{Model, Msg};
use crate::lab::panes::PaneId;
use crate::lab::panes::tests::{open, train};
use crate::lab::theme::{Depth, Glyphs, Ground, Theme};
use crate::lab::update::update;
use crate::train::Session;

const PANE: PaneId = PaneId::State;

fn trained(stage: &str) -> (Model, Session) {
    let (mut model, mut session) = open(stage, 160, 48);
    train(&mut model, &mut session, 3);
    (model, session)
}

fn drawn(model: &Model, area: Rect) -> Buffer {
    let mut buf = Buffer::empty(area);
    PANE.draw(model, false, area, &mut buf);
    buf
}

fn tensor(model: &Model, name: &str) -> Tensor {
    model.facts().snapshot.unwrap().activation(name).unwrap().clone()
}

fn act(model: &mut Model, area: Rect, action: Action) {
    let seat = Seat { room: area, focused: true, zoomed: false };
    model.with(PANE, |pane, facts| pane.act(facts, seat, action));
}

/// In every view the ground of a cell is the colour of the number at its unit and time, under the token of that time.
#[test]
fn every_cell_has_the_colour_of_its_number() {
    for (stage, views) in [
        (
            "lstm",
            &["gates.input", "gates.forget", "gates.cell", "gates.output", "cell", "hidden"][..],
        ),
        ("gru", &["gates.reset", "gates.update", "gates.new", "hidden"]),
        ("rnn", &["hidden"]),
    ] {
        let (mut model, mut session) = trained(stage);
        model.theme = Theme::new(Depth::Rgb, Ground::Dark, Glyphs::UNICODE);
        let area = Rect::new(0, 0, 36, 20);
        for name in views {
            assert_eq!(PANE.detail(&model), *name);
            let tensor = tensor(&model, name);
            let &[time, units] = tensor.shape.as_slice() else { panic!("{:?}", tensor.shape) };
            assert_eq!((time, units), (4, 128));
            // A cursor is drawn over a cell's ends; it stands on the first unit's last token.
            let buf = drawn(&model, area);
            let shown = Shown { tensor: &tensor, time, units };
            let signed = tensor.values.iter().any(|x| *x < 0.0);
            assert_eq!(
                signed,
                !name.starts_with("gates.") || name.ends_with("cell") || name.ends_with("new"),
                "{name}"
            );
            let most = tensor.values.iter().fold(0.0_f32, |most, x| most.max(x.abs()));
            for unit in 0..18 {
                for t in 0..time {
                    let number = tensor.values[t * units + unit];
                    assert_eq!(shown.at(unit, t), Some(f64::from(number)));
                    let colour = if signed {
                        model.theme.diverging(f64::from(number) / f64::from(most))
                    } else {
                        model.theme.ramp(f64::from(number))
                    };
                    // A line, the tokens, then the units; numbers of three digits and a blank stand before eight columns each.
                    let at = (4 + 8 * t as u16 + 3, 2 + unit as u16);
                    assert_eq!(buf[at].bg, colour, "{stage} {name} {unit} {t}");
                }
            }
            let text = fixture::text(&buf);
            let labels: Vec<_> = text.lines().nth(1).unwrap().split_whitespace().collect();
            let prompt = &model.facts().snapshot.unwrap().prompt;
            let tokens: Vec<_> = prompt.iter().map(|id| model.facts().label(*id)).collect();
            assert_eq!(labels, tokens, "{text}");
            act(&mut model, area, Action::CycleView);
            train(&mut model, &mut session, 1);
        }
        assert_eq!(PANE.detail(&model), GRADIENT);
        act(&mut model, area, Action::CycleView);
        assert_eq!(PANE.detail(&model), views[0]);
    }
}

/// Without colour a shade tells the same.
#[test]
fn without_colour_cells_are_shaded_by_their_numbers() {
    let (mut model, _) = trained("lstm");
    model.theme = Theme::new(Depth::None, Ground::Dark, Glyphs::ASCII);
    let buf = drawn(&model, Rect::new(0, 0, 9, 20));
    let gate = tensor(&model, "gates.input");
    let shades = [" ", ".", ":", "*", "#"];
    for unit in 1..18 {
        for t in 0..4 {
            let share = f64::from(gate.values[t * 128 + unit]);
            let shade = ((share * 5.0) as usize).min(4);
            assert_eq!(buf[(4 + t as u16, 2 + unit as u16)].symbol(), shades[shade], "{unit} {t}");
        }
    }
}

#[test]
fn the_number_under_the_cursor_is_written_and_the_cursor_goes_where_it_is_sent() {
    let (mut model, _) = trained("lstm");
    let area = Rect::new(0, 0, 100, 20);
    let gate = tensor(&model, "gates.input");
    let says = |model: &Model, unit: usize, time: usize| {
        let text = fixture::text(&drawn(model, area));
        let token = model.facts().label(model.facts().snapshot.unwrap().prompt[time]);
        let number = value(f64::from(gate.values[time * 128 + unit]));
        let line = format!("gates.input, unit {unit} at {time} ({token}) {number}");
        assert!(text.starts_with(&line), "{line}\n{text}");
    };
    says(&model, 0, 3);
    for (action, unit, time) in [
        (Action::Left, 0, 2),
        (Action::Down, 1, 2),
        (Action::PageDown, 19, 2),
        (Action::End, 127, 2),
        (Action::Right, 127, 3),
        (Action::Right, 127, 3),
        (Action::Up, 126, 3),
        (Action::Home, 0, 3),
    ] {
        act(&mut model, area, action);
        says(&model, unit, time);
    }
    // Cells are eight wide: the third token's fourth unit.
    PANE.click(&mut model, area, Position::new(4 + 2 * 8 + 1, 2 + 3));
    says(&model, 3, 2);
}

/// The gradient's norms are the instrument's, each as a number and as a bar of its share.
#[test]
fn the_gradient_is_what_the_instrument_measures() {
    let (mut model, mut session) = trained("gru");
    let area = Rect::new(0, 0, 60, 40);
    for _ in 0..4 {
        act(&mut model, area, Action::CycleView);
    }
    train(&mut model, &mut session, 1);
    let told = Arguments { examples: EXAMPLES, ..Arguments::default() };
    let found = session.measure("reach", &told).unwrap().reading;
    let text = fixture::text(&drawn(&model, area));
    let lines: Vec<_> = text.lines().collect();
    let most = found.values.iter().copied().fold(0.0, f32::max);
    let time = found.values.len();
    assert_eq!(time, model.run.as_ref().unwrap().config.model.block_size);
    for (distance, norm) in found.values.iter().enumerate() {
        let line = lines[1 + distance];
        let mut words = line.split_whitespace().skip(1);
        assert_eq!(words.next().unwrap(), distance.to_string(), "{text}");
        assert_eq!(words.next().unwrap(), value(f64::from(*norm)), "{text}");
        // distance, two digits, a blank, ten columns of a number and a blank stand before the bar.
        let full = bar(f64::from(norm / most), 60 - 23, &model.theme.glyphs);
        assert_eq!(words.next().unwrap_or_default(), full, "{text}");
    }
    assert!(most > 0.0 && time == 32);
}

#[test]
fn a_layer_is_chosen_and_a_part_of_the_card_is_followed() {
    let (mut model, _) = trained("lstm");
    fixture::reconfigure(&mut model, |config| config.model.n_layer = 3);
    assert_eq!(PANE.detail(&model), "layer 3 of 3 · gates.input");
    let area = Rect::new(0, 0, 60, 20);
    act(&mut model, area, Action::PreviousLayer);
    act(&mut model, area, Action::CycleView);
    assert_eq!(PANE.detail(&model), "layer 2 of 3 · gates.forget");
    let mut wanted = Subscription::default();
    model.panes.get(PANE).subscribe(&model.facts(), &mut wanted);
    assert_eq!(wanted.activations, ["layers.1.gates.forget"]);
    let follow =
        |model: &mut Model, part: &str| model.with(PANE, |pane, facts| pane.follow(facts, part));
    assert!(follow(&mut model, "cell"));
    assert_eq!(PANE.detail(&model), "layer 3 of 3 · cell");
    assert!(!follow(&mut model, "logits"));
}

#[test]
fn what_carries_no_state_says_so_and_every_size_can_be_drawn() {
    for stage in ["multi-head", "lstm", "rnn"] {
        let (mut model, mut session) = trained(stage);
        for view in 0..8 {
            train(&mut model, &mut session, usize::from(view % 2 == 0));
            for (width, height) in [(1, 1), (2, 1), (1, 3), (3, 2), (10, 4), (78, 22), (250, 200)] {
                drawn(&model, Rect::new(0, 0, width, height));
            }
            act(&mut model, Rect::new(0, 0, 1, 1), Action::CycleView);
        }
        let text = fixture::text(&drawn(&model, Rect::new(0, 0, 60, 10)));
        assert_eq!(text.contains("carries no state"), stage == "multi-head", "{text}");
    }
}

/// What this pane alone asks for.
fn look(model: &mut Model, session: &mut Session) {
    let mut wanted = Subscription::default();
    model.panes.get(PANE).subscribe(&model.facts(), &mut wanted);
    let snapshot = session.snapshot(&wanted);
    update(model, Msg::Snapshot(Arc::new(snapshot)));
}

/// The passes of an active memory are walked through, each cell as its number is; its gates stand beside the state, and no
/// gradient goes from token to token.
#[test]
fn a_tape_is_walked_through_pass_by_pass() {
    let (mut model, mut session) = trained("neural-gpu");
    model.theme = Theme::new(Depth::Rgb, Ground::Dark, Glyphs::UNICODE);
    let area = Rect::new(0, 0, 100, 20);
    let passes: Vec<String> =
        model.facts().card().unwrap().passes().iter().map(|part| part.name.clone()).collect();
    let time = model.facts().snapshot.unwrap().prompt.len();
    assert_eq!((passes.len(), time), (11, 10));
    let views = ["update", "reset", "candidate", "state"];
    for (place, pass) in passes.iter().enumerate() {
        for view in views {
            look(&mut model, &mut session);
            let said = if place == 10 {
                "the writing unit".to_owned()
            } else {
                format!("pass {} of 10", place + 1)
            };
            assert_eq!(PANE.detail(&model), format!("{said} · {view}"));
            let name = if view == "state" { pass.clone() } else { format!("{pass}.{view}") };
            let tensor = tensor(&model, &name);
            assert_eq!(tensor.shape, [time, 32]);
            let signed = tensor.values.iter().any(|x| *x < 0.0);
            let most = tensor.values.iter().fold(0.0_f32, |most, x| most.max(x.abs()));
            let buf = drawn(&model, area);
            for unit in 0..18 {
                for t in 0..time {
                    let number = f64::from(tensor.values[t * 32 + unit]);
                    let colour = if signed {
                        model.theme.diverging(number / f64::from(most))
                    } else {
                        model.theme.ramp(number)
                    };
                    // Two digits and a blank stand before eight columns each.
                    let at = (3 + 8 * t as u16 + 3, 2 + unit as u16);
                    assert_eq!(buf[at].bg, colour, "{name} {unit} {t}");
                }
            }
            act(&mut model, area, Action::CycleView);
        }
        act(&mut model, area, Action::NextLayer);
    }
    // Where another run had more views, the last one is shown.
    let (mut model, _) = trained("neural-gpu");
    model.panes.state.view = 6;
    assert_eq!(PANE.detail(&model), "pass 1 of 10 · state");
}
