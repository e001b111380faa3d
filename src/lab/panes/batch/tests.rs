use std::sync::Arc;

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};

use crate::lab::action::Action;
use crate::lab::fixture::{self, BATCH};
use crate::lab::model::Model;
use crate::lab::number::{loss, probability, value};
use crate::lab::panes::PaneId;
use crate::lab::theme::{Depth, Glyphs, Ground, Theme};
use crate::train::Subscription;
use crate::train::snapshot::Snapshot;

const PANE: PaneId = PaneId::Batch;

fn text(model: &Model, width: u16, height: u16) -> String {
    fixture::text(&fixture::pane(model, PANE, width, height))
}

fn reading(model: &Model, name: &str) -> Vec<f64> {
    let reading = model.snapshot.as_ref().unwrap().reading(name).unwrap();
    reading.values.iter().map(|x| f64::from(*x)).collect()
}

fn change(model: &mut Model, change: impl Fn(&mut Snapshot)) {
    let mut snapshot = (**model.snapshot.as_ref().unwrap()).clone();
    change(&mut snapshot);
    model.snapshot = Some(Arc::new(snapshot));
    PANE.refresh(model);
}

#[test]
fn looks() {
    let mut model = fixture::model(120, 40);
    PANE.act(&mut model, Action::Right);
    insta::assert_snapshot!("small", text(&model, 40, 12));
    insta::assert_snapshot!("middle", text(&model, 76, 20));
    model.snapshot = None;
    insta::assert_snapshot!("nothing_yet", text(&model, 40, 12));
}

#[test]
fn cells_are_the_losses_and_their_mean_is_the_readings() {
    let mut model = fixture::model(120, 40);
    model.theme = Theme::new(Depth::Rgb, Ground::Dark, Glyphs::UNICODE);
    let (rows, time) = BATCH;
    let losses = reading(&model, "loss-grid");
    let most = losses.iter().fold(0.0_f64, |most, x| most.max(*x));
    let area = Rect::new(0, 0, 67, 36);
    let mut buf = Buffer::empty(area);
    PANE.draw(&model, false, area, &mut buf);
    for row in 0..rows {
        for column in 0..time {
            let (x, y) = (3 + 8 * column as u16, 3 + row as u16);
            let here = losses[row * time + column];
            assert_eq!(buf[(x + 1, y)].bg, model.theme.ramp(here / most), "{row} {column}");
            let printed: String = (x + 1..x + 7).map(|x| buf[(x, y)].symbol()).collect();
            assert_eq!(printed.trim(), value(here), "{row} {column}");
        }
    }
    let screen = fixture::text(&buf);
    let mean = losses.iter().sum::<f64>() / losses.len() as f64;
    let figure = model.snapshot.as_ref().unwrap().reading("loss-grid").unwrap().figure("mean");
    assert!((mean - figure.unwrap()).abs() < 1e-9);
    assert!(screen.contains(&format!("mean of all 256: {}", loss(mean))), "{screen}");
}

#[test]
fn the_cursor_says_what_came_what_was_due_and_what_it_cost() {
    let mut model = fixture::model(120, 40);
    let (_, time) = BATCH;
    for action in [Action::Down, Action::Down, Action::Right, Action::Right, Action::Right] {
        PANE.act(&mut model, action);
    }
    let tokens = reading(&model, "batch-tokens");
    let label = |column: usize| model.facts().label(tokens[2 * (time + 1) + column] as u32);
    let seen: String = (0..=3).map(label).collect();
    let here = reading(&model, "loss-grid")[2 * time + 3];
    let screen = text(&model, 76, 20);
    let line = format!("row 3, position 4: after {seen} comes {}", label(4));
    assert!(screen.contains(&line), "{line}\n{screen}");
    let line = format!("loss {} = -ln {}", value(here), probability((-here).exp()));
    assert!(screen.contains(&line), "{line}\n{screen}");
    // A click takes a cell; the end is the last one.
    let area = Rect::new(0, 0, 67, 36);
    PANE.click(&mut model, area, Position::new(3 + 8 * 5, 3 + 9));
    assert!(text(&model, 76, 20).contains("row 10, position 6:"));
    PANE.act(&mut model, Action::End);
    PANE.act(&mut model, Action::Right);
    assert!(text(&model, 76, 20).contains("row 32, position 8:"));
}

#[test]
fn a_large_models_first_windows_are_shown_alone() {
    let mut model = fixture::model(120, 40);
    change(&mut model, |snapshot| {
        let reading = &mut snapshot.readings.last_mut().unwrap().reading;
        reading.shape = vec![3, 8];
        reading.values.truncate(24);
        reading.values[5] = f32::NAN;
    });
    let losses = reading(&model, "loss-grid");
    let mean = losses.iter().filter(|x| !x.is_nan()).sum::<f64>() / 23.0;
    let screen = text(&model, 76, 20);
    assert!(screen.contains("B 3 · T 8") && screen.contains(&loss(mean)), "{screen}");
    PANE.act(&mut model, Action::End);
    assert!(text(&model, 76, 20).contains("row 3, position 8:"));
}

#[test]
fn it_asks_for_one_batch_of_the_runs_own_size() {
    let model = fixture::model(120, 40);
    let mut wanted = Subscription::default();
    for pane in [PANE, PaneId::Tokens] {
        model.panes.get(pane).subscribe(&model.facts(), &mut wanted);
    }
    let names: Vec<_> =
        wanted.instruments.iter().map(|(name, told)| (*name, told.examples)).collect();
    assert_eq!(names, [("batch-tokens", 32), ("loss-grid", 32)]);
}

#[test]
fn every_size_and_state_can_be_drawn() {
    let mut model = fixture::model(120, 40);
    for state in 0..4 {
        match state {
            1 => model.theme.glyphs = Glyphs::ASCII,
            // Losses of another batch than the windows are not drawn under these.
            2 => {
                let other = vec![256, 1];
                change(&mut model, |s| {
                    s.readings.last_mut().unwrap().reading.shape.clone_from(&other);
                });
            }
            3 => model.snapshot = None,
            _ => {}
        }
        for action in [Action::Right, Action::Down, Action::End, Action::PageUp] {
            PANE.act(&mut model, action);
            for (width, height) in [(1, 1), (3, 9), (9, 3), (12, 6), (30, 10), (90, 40)] {
                let area = Rect::new(0, 0, width, height);
                PANE.draw(&model, false, area, &mut Buffer::empty(area));
                for at in area.positions() {
                    PANE.click(&mut model, area, at);
                }
            }
        }
        let screen = text(&model, 60, 18);
        assert!(state != 1 || screen.is_ascii(), "{screen}");
        assert_eq!(screen.contains("as soon as the trainer"), state >= 2, "{screen}");
    }
}
