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
    for view in [View::Map, View::Plane, View::Dimensions, View::Pairs] {
        act(&mut model, Action::CycleView);
        assert_eq!(model.panes.images.view, view);
    }
}

/// The pane in a view, with what it asks for there.
fn in_view(view: View) -> (Model, Session) {
    let (mut model, mut session) = open("vae", 160, 48);
    model.panes.images.view = view;
    train(&mut model, &mut session, 3);
    model.theme = Theme::new(Depth::Rgb, Ground::Dark, Glyphs::UNICODE);
    (model, session)
}

/// Puts other numbers in the place of a reading's.
fn changed(model: &mut Model, instrument: &str, change: impl FnOnce(&mut Reading)) {
    let mut snapshot = (**model.snapshot.as_ref().unwrap()).clone();
    let found = snapshot.readings.iter_mut().find(|m| m.instrument == instrument);
    change(&mut found.unwrap().reading);
    model.snapshot = Some(Arc::new(snapshot));
}

/// An image in full size, from the upper left of `at` on.
fn assert_image(model: &Model, buf: &Buffer, at: (u16, u16), image: &[f32]) {
    let shade = |y: usize, x: usize| model.theme.ramp(f64::from(image[y * 14 + x]).sqrt());
    for y in 0..7 {
        for x in 0..14 {
            let cell = &buf[(at.0 + x as u16, at.1 + y as u16)];
            assert_eq!((cell.fg, cell.bg), (shade(2 * y, x), shade(2 * y + 1, x)), "{x} {y}");
        }
    }
}

/// Every cell of the map holds the class of the first image whose mu lies in it, and nothing lies elsewhere.
#[test]
fn images_stand_on_the_map_where_their_mu_is() {
    let (mut model, _) = in_view(View::Map);
    changed(&mut model, "latent", |reading| {
        for (i, mu) in reading.values[..2 * MAPPED].iter_mut().enumerate() {
            *mu = 3.4 * (i as f32 * 1.7).sin();
        }
    });
    for (area, map) in [
        (Rect::new(0, 0, 100, 30), Rect::new(6, 1, 57, 27)),
        (Rect::new(1, 2, 40, 12), Rect::new(7, 3, 34, 9)),
    ] {
        let buf = drawn(&model, area);
        let facts = model.facts();
        let latents = Latents::of(&facts).unwrap();
        let reading = facts.snapshot.unwrap().reading("latent").unwrap();
        let mut expected = std::collections::HashMap::new();
        for (i, mu) in reading.values[..2 * MAPPED].chunks(2).enumerate() {
            // The furthest lies between 3 and 4.
            let x = ((mu[0] + 4.0) / 8.0 * f32::from(map.width)) as u16;
            let y = ((4.0 - mu[1]) / 8.0 * f32::from(map.height)) as u16;
            let label = reading.figure(&class(i)).unwrap() as u32;
            let name = crate::task::glyphs::Glyphs::character(label);
            assert_eq!(latents.class(&facts, i), Some(name));
            expected.entry((map.x + x, map.y + y)).or_insert(name);
        }
        assert!(expected.len() > 40);
        let middle = (map.x + map.width / 2, map.y + map.height / 2);
        let mut selected = 0;
        for at in map.positions() {
            let seen = expected.get(&(at.x, at.y)).map_or(' ', |name| *name);
            let sign = buf[at].symbol().chars().next().unwrap();
            if buf[at].modifier.contains(ratatui::style::Modifier::REVERSED) {
                assert_eq!((at.x, at.y), middle);
                selected += 1;
                assert!(sign == seen || sign == '+');
            } else {
                assert_eq!(sign, seen, "{at}");
            }
        }
        assert_eq!(selected, 1);
        let covered = MAPPED - expected.len();
        let screen = fixture::text(&buf);
        assert!(area.width < 60 || screen.contains(&format!(", {covered} covered")), "{screen}");
    }
}

/// The place under the cursor is decoded by the model itself, and the nearest image stands beside it with its numbers.
#[test]
fn the_cursors_place_is_decoded_and_the_nearest_image_told_in_numbers() {
    let (mut model, mut session) = in_view(View::Map);
    let area = Rect::new(0, 0, 100, 30);
    let seat = Seat { room: area, focused: true, zoomed: false };
    for action in [Action::Right, Action::Right, Action::Up, Action::PageUp, Action::Left] {
        model.with(PANE, |pane, facts| pane.act(facts, seat, action));
    }
    let point = model.panes.images.cursor.point(2);
    // Of 57 columns and 27 rows one right and six up of the middle, each a part of 6.
    let expected = [1.0 / 57.0, 6.0 / 27.0].map(|share| 6.0 * share);
    assert!((point[0] - expected[0]).abs() < 1e-5 && (point[1] - expected[1]).abs() < 1e-5);
    assert_eq!(model.panes.images.cursor.point(4)[2..], [0.0, 0.0]);
    train(&mut model, &mut session, 1);
    let told = Arguments { point: point.clone(), ..Arguments::default() };
    let decoded = session.measure("picture", &told).unwrap().reading;
    let buf = drawn(&model, area);
    let screen = fixture::text(&buf);
    assert_image(&model, &buf, (65, 1), &decoded.values);
    assert!(screen.contains(&format!("({:.2}, {:.2})", point[0], point[1])), "{screen}");

    let facts = model.facts();
    let latents =
        session.measure("latent", &Arguments { examples: MAPPED, ..Arguments::default() });
    let latents = latents.unwrap().reading;
    let place = |i: usize| &latents.values[2 * i..2 * i + 2];
    let far = |i: &usize| (place(*i)[0] - point[0]).hypot(place(*i)[1] - point[1]);
    let nearest = (0..MAPPED).min_by(|a, b| far(a).total_cmp(&far(b))).unwrap();
    let images = facts.snapshot.unwrap().reading("reconstructions").unwrap();
    assert_eq!(images.shape[1], MAPPED);
    assert_image(&model, &buf, (82, 1), &images.values[nearest * 196..][..196]);
    for dimension in 0..2 {
        let [mu, sigma, eps, z] =
            [0, 1, 2, 3].map(|plane| latents.values[(plane * MAPPED + nearest) * 2 + dimension]);
        let row = format!("{:<3}{mu:>8.3}{sigma:>8.3}{eps:>8.3}{z:>8.3}", dimension + 1);
        assert!(screen.contains(&row), "{row}\n{screen}");
        assert!((z - mu - sigma * eps).abs() < 1e-5);
    }

    // A click, the nearest's own place, the middle.
    model.with(PANE, |pane, facts| pane.click(facts, seat, Position::new(6, 1)));
    assert!(model.panes.images.cursor.point(2)[0] < -2.9);
    model.with(PANE, |pane, facts| pane.act(facts, seat, Action::End));
    let at = model.panes.images.cursor.point(2);
    assert!((0..MAPPED).any(|i| place(i) == at));
    model.with(PANE, |pane, facts| pane.act(facts, seat, Action::Home));
    assert_eq!(model.panes.images.cursor.point(2), [0.0, 0.0]);
}

/// Where all pictures fit beside each other in full, else at half their size: the darkest of four pixels each.
#[test]
fn the_plane_is_drawn_picture_by_picture() {
    let (model, _) = in_view(View::Plane);
    let reading = model.facts().snapshot.unwrap().reading("latent_plane").unwrap().clone();
    let image = |row: usize, column: usize| &reading.values[(row * 10 + column) * 196..][..196];
    let buf = drawn(&model, Rect::new(0, 0, 160, 48));
    for (j, row) in [0, 1, 3, 5, 7, 9].into_iter().enumerate() {
        for column in 0..10 {
            let at = (6 + 15 * column as u16, 7 * j as u16);
            assert_image(&model, &buf, at, image(row, column));
        }
    }
    let screen = fixture::text(&buf);
    let lines: Vec<&str> = screen.lines().collect();
    assert!(lines[3].starts_with(" 1.64") && lines[38].starts_with("-1.64"), "{screen}");
    assert!(lines[42].contains("-1.64") && lines[42].starts_with("z2 z1"), "{screen}");

    let buf = drawn(&model, Rect::new(0, 0, 78, 20));
    for (j, row) in [0, 3, 6, 9].into_iter().enumerate() {
        for (i, column) in [0, 1, 2, 3, 4, 5, 6, 7, 9].into_iter().enumerate() {
            for (x, y) in [(0, 0), (3, 2), (6, 1), (4, 3)] {
                let pooled = |row_of: usize| {
                    let four = [(0, 0), (0, 1), (1, 0), (1, 1)];
                    let pixel = |(dy, dx): (usize, usize)| {
                        image(row, column)[(2 * row_of + dy) * 14 + 2 * x + dx]
                    };
                    let most = four.into_iter().map(pixel).fold(0.0, f32::max);
                    model.theme.ramp(f64::from(most).sqrt())
                };
                let cell = &buf[(6 + 8 * i as u16 + x as u16, 4 * j as u16 + y as u16)];
                assert_eq!(cell.fg, pooled(2 * y), "{row} {column} {x} {y}");
            }
        }
    }
    assert_eq!(plane::spread(10, 9), [0, 1, 2, 3, 4, 5, 6, 7, 9]);
    assert_eq!((plane::spread(10, 1), plane::spread(1, 4)), (vec![5], vec![0]));
}

#[test]
fn every_dimension_has_a_bar_of_its_kl_and_a_collapse_is_named() {
    let (mut model, _) = in_view(View::Dimensions);
    let area = Rect::new(0, 0, 76, 12);
    let told = |model: &mut Model, kl: [f64; 2], step: u64| {
        changed(model, "latent", |reading| {
            for (name, value) in &mut reading.figures {
                match name.as_str() {
                    "kl 1" => *value = kl[0],
                    "kl 2" => *value = kl[1],
                    "kl" => *value = kl[0] + kl[1],
                    "collapsed" => *value = f64::from(u8::from(kl[0] + kl[1] < 0.1)),
                    _ => {}
                }
            }
        });
        let mut snapshot = (**model.snapshot.as_ref().unwrap()).clone();
        snapshot.step = step;
        model.snapshot = Some(Arc::new(snapshot));
        fixture::text(&drawn(model, area))
    };
    let screen = fixture::text(&drawn(&model, area));
    let facts = model.facts();
    let reading = facts.snapshot.unwrap().reading("latent").unwrap();
    for name in ["kl 1", "kl 2", "kl"] {
        assert!(screen.contains(&format!("{:.3}", reading.figure(name).unwrap())), "{screen}");
    }
    assert!(screen.contains("of 128 held-out images") && screen.contains("beta 1"), "{screen}");
    // At the third of 20,000 steps nothing has collapsed yet.
    assert!(screen.contains("from step 2,000 on"), "{screen}");

    let screen = told(&mut model, [3.0, 1.5], 2000);
    assert!(screen.contains("every dimension is in use"), "{screen}");
    let full = usize::from(area.width - dimensions::BEFORE);
    let bars: Vec<usize> = screen.lines().map(|line| line.matches('█').count()).collect();
    assert_eq!(bars[1..3], [full, full / 2], "{screen}");
    assert!(!PANE.detail(&model).contains("collapse"));
    let screen = told(&mut model, [3.0, 0.04], 2000);
    assert!(screen.contains("1 of 2 dimensions is not in use"), "{screen}");
    let screen = told(&mut model, [0.02, 0.04], 2000);
    assert!(screen.contains("Posterior collapse"), "{screen}");
    assert!(PANE.detail(&model).ends_with("posterior collapse"));
    let screen = told(&mut model, [0.02, 0.04], 1999);
    assert!(screen.contains("Too early") && !PANE.detail(&model).contains("collapse"), "{screen}");
    let screen = told(&mut model, [f64::NAN, 0.04], 5000);
    assert!(screen.contains("not finite"), "{screen}");
}

#[test]
fn every_size_and_state_can_be_drawn() {
    let (mut model, mut session) = open("vae", 160, 48);
    // Readings of every view.
    let mut all = Vec::new();
    for view in [View::Plane, View::Map] {
        model.panes.images.view = view;
        train(&mut model, &mut session, 1);
        all.extend(model.snapshot.as_ref().unwrap().readings.clone());
    }
    let mut snapshot = (**model.snapshot.as_ref().unwrap()).clone();
    snapshot.readings = all;
    model.snapshot = Some(Arc::new(snapshot));
    let mut snapshot = (**model.snapshot.as_ref().unwrap()).clone();
    snapshot.readings.iter_mut().for_each(|m| m.reading.values.fill(f32::NAN));
    for state in 0..3 {
        match state {
            1 => model.snapshot = Some(Arc::new(snapshot.clone())),
            2 => model.snapshot = None,
            _ => {}
        }
        for _ in 0..5 {
            PANE.act(&mut model, Action::CycleView);
            for (width, height) in
                [(1, 1), (3, 9), (9, 3), (14, 8), (30, 10), (80, 9), (78, 20), (200, 70)]
            {
                drawn(&model, Rect::new(0, 0, width, height));
            }
        }
    }
    assert!(text(&model, 60, 10).contains("with the first step"));
    let (mut other, mut session) = open("gan", 160, 48);
    train(&mut other, &mut session, 1);
    assert!(text(&other, 60, 10).contains("A GAN makes no images"));
}
