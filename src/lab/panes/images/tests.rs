use std::sync::Arc;

use super::*;
use crate::lab::fixture;
use crate::lab::model::Model;
use crate::lab::panes::PaneId;
use crate::lab::panes::tests::{open, train};
use crate::lab::theme::{Depth, Glyphs, Ground, Theme};
use crate::train::Session;

const PANE: PaneId = PaneId::Images;

fn trained() -> (Model, Session) {
    let (mut model, mut session) = open("vae", 160, 48);
    train(&mut model, &mut session, 3);
    (model, session)
}

fn text(model: &Model, width: u16, height: u16) -> String {
    fixture::text(&fixture::pane(model, PANE, width, height))
}

fn drawn(model: &Model, area: Rect) -> Buffer {
    let mut buf = Buffer::empty(area);
    PANE.draw(model, false, area, &mut buf);
    buf
}

/// In colour a cell is two pixels: its sign in the upper one's, its ground in the lower one's.
#[test]
fn every_pixel_has_the_colour_of_its_number() {
    let (mut model, _) = trained();
    model.theme = Theme::new(Depth::Rgb, Ground::Dark, Glyphs::UNICODE);
    let area = Rect::new(0, 0, 100, 30);
    let buf = drawn(&model, area);
    let facts = model.facts();
    let reading = facts.snapshot.unwrap().reading("reconstructions").unwrap();
    let pixel = |row: usize, i: usize, y: usize, x: usize| {
        let value = reading.values[((row * IMAGES + i) * 14 + y) * 14 + x];
        model.theme.ramp(f64::from(value).sqrt())
    };
    // A heading, then a name and seven rows of cells for each of the three; a hundred columns hold six images.
    for row in 0..3 {
        for i in 0..6 {
            for y in 0..7 {
                for x in 0..14 {
                    let at = ((i * 15 + x) as u16, (2 + row * 8 + y) as u16);
                    let cell = &buf[at];
                    assert_eq!(cell.symbol(), "▀", "{at:?}");
                    assert_eq!(cell.fg, pixel(row, i, 2 * y, x), "{row} {i} {at:?}");
                    assert_eq!(cell.bg, pixel(row, i, 2 * y + 1, x), "{row} {i} {at:?}");
                }
            }
        }
    }
}

/// Without colour a cell is as dark as the darker of its two pixels.
#[test]
fn without_colour_shades_tell_the_same() {
    let (mut model, _) = trained();
    model.theme = Theme::new(Depth::None, Ground::Dark, Glyphs::ASCII);
    let area = Rect::new(0, 0, 60, 18);
    let buf = drawn(&model, area);
    let facts = model.facts();
    let values = &facts.snapshot.unwrap().reading("reconstructions").unwrap().values;
    let shades = [" ", ".", ":", "*", "#"];
    let mut seen = [0; 5];
    for y in 0..7 {
        for x in 0..14 {
            let pair = [values[2 * y * 14 + x], values[(2 * y + 1) * 14 + x]];
            let share = f64::from(pair[0].max(pair[1])).sqrt();
            let shade = ((share * 5.0) as usize).min(4);
            assert_eq!(buf[(x as u16, y as u16 + 2)].symbol(), shades[shade], "{x} {y}");
            seen[shade] += 1;
        }
    }
    assert!(seen[0] > 0 && seen[4] > 0, "{seen:?}");
}

/// Over each original what it is of, as its task says; above all, the instrument's own error.
#[test]
fn images_have_the_class_that_the_task_knows() {
    let (model, mut session) = trained();
    let screen = fixture::text(&drawn(&model, Rect::new(0, 0, 100, 30)));
    let told = Arguments { examples: IMAGES, ..Arguments::default() };
    let found = session.measure("reconstructions", &told).unwrap().reading;
    assert_eq!(model.facts().snapshot.unwrap().reading("reconstructions"), Some(&found));
    let names: Vec<char> = screen.lines().nth(1).unwrap().chars().collect();
    for i in 1..6 {
        let label = found.figure(&class(i)).unwrap() as u32;
        let name = crate::task::glyphs::Glyphs::character(label);
        assert_eq!(names[i * 15 + 7], name, "{screen}");
    }
    let error = found.figure(SQUARED_ERROR).unwrap();
    assert!(screen.contains(&format!("mean squared error {error:.4}")), "{screen}");
    assert!(screen.contains("1–6 of 24"), "{screen}");
}

#[test]
fn left_and_right_move_along_and_v_shows_images_from_noise() {
    let (mut model, _) = trained();
    model.theme = Theme::new(Depth::Rgb, Ground::Dark, Glyphs::UNICODE);
    let area = Rect::new(0, 0, 60, 18);
    let reading = model.facts().snapshot.unwrap().reading("reconstructions").unwrap().clone();
    let colour = |model: &Model, row: usize, i: usize| {
        model.theme.ramp(f64::from(reading.values[(row * IMAGES + i) * 196 + 5 * 14 + 7]).sqrt())
    };
    // Row 5 of an image is the lower half of its third row of cells.
    let seen = |model: &Model, y: u16| drawn(model, area)[(7, y + 2)].bg;
    let seat = Seat { room: area, focused: true, zoomed: false };
    let act = |model: &mut Model, action| {
        model.with(PANE, |pane, facts| pane.act(facts, seat, action));
    };
    assert_eq!(seen(&model, 2), colour(&model, 0, 0));
    assert_eq!(seen(&model, 10), colour(&model, 1, 0));
    act(&mut model, Action::Right);
    assert_eq!(seen(&model, 2), colour(&model, 0, 1));
    act(&mut model, Action::End);
    assert_eq!(seen(&model, 2), colour(&model, 0, IMAGES - 4));
    act(&mut model, Action::CycleView);
    assert_eq!(seen(&model, 1), colour(&model, NOISE, 0));
    assert!(PANE.about(&model).contains("from noise"));
}

#[test]
fn every_size_and_state_can_be_drawn() {
    let (mut model, _) = trained();
    let mut snapshot = (**model.snapshot.as_ref().unwrap()).clone();
    snapshot.readings.iter_mut().for_each(|m| m.reading.values.fill(f32::NAN));
    for state in 0..3 {
        match state {
            1 => model.snapshot = Some(Arc::new(snapshot.clone())),
            2 => model.snapshot = None,
            _ => {}
        }
        for _ in 0..2 {
            PANE.act(&mut model, Action::CycleView);
            for (width, height) in [(1, 1), (3, 9), (9, 3), (14, 8), (30, 10), (200, 70)] {
                drawn(&model, Rect::new(0, 0, width, height));
            }
        }
    }
    assert!(text(&model, 60, 10).contains("with the first step"));
    let (mut other, mut session) = open("gan", 160, 48);
    train(&mut other, &mut session, 1);
    assert!(text(&other, 60, 10).contains("A GAN makes no images"));
}
