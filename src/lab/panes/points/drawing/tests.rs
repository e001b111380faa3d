use std::collections::BTreeMap;

use ratatui::crossterm::event::{KeyCode, KeyModifiers, MouseButton, MouseEvent, MouseEventKind};

use super::*;
use crate::lab::fixture;
use crate::lab::model::{Effect, Model, Msg};
use crate::lab::overlays::{Answer, Overlay};
use crate::lab::panes::PaneId;
use crate::lab::panes::tests::open;
use crate::lab::theme::{Depth, Ground, Theme};
use crate::lab::update::update;
use crate::train::{Command, Material, Session, Team};

const PANE: PaneId = PaneId::Points;
const ENTER: KeyCode = KeyCode::Enter;

/// The lab with the points pane being drawn in.
fn drawing() -> Model {
    let (mut model, _) = open("gan", 160, 48);
    (model.focus, model.zoomed, model.keeps) = (PANE, true, true);
    press(&mut model, KeyCode::Char('o'));
    assert!(model.panes.points.drawing.open);
    model
}

fn press(model: &mut Model, key: KeyCode) -> Vec<Effect> {
    update(model, Msg::Key(key.into()))
}

fn type_in(model: &mut Model, keys: &str) -> Vec<Effect> {
    keys.chars().flat_map(|key| press(model, KeyCode::Char(key))).collect()
}

fn kept(effects: &[Effect]) -> Vec<&Drawn> {
    let drawn = |effect: &'_ Effect| matches!(effect, Effect::KeepDrawn(_));
    let kept = effects.iter().filter(|effect| drawn(effect));
    kept.map(|effect| match effect {
        Effect::KeepDrawn(drawn) => drawn,
        other => panic!("{other:?}"),
    })
    .collect()
}

fn seen(model: &Model, area: Rect) -> Buffer {
    let mut buf = Buffer::empty(area);
    PANE.draw(model, true, area, &mut buf);
    buf
}

/// Keys draw, take away and clear; everything that changes is written down, and nothing else is.
#[test]
fn keys_draw_points_take_them_away_and_bring_them_back() {
    let mut model = drawing();
    let effects = type_in(&mut model, "xlx");
    let step = steps(&plot(places(model.seat(PANE).room).1))[0] as i16;
    let expected = [[0, 0], [step, 0]];
    let spots = |drawn: &Drawn| drawn.points().map(Drawn::spot).collect::<Vec<_>>();
    assert_eq!(spots(&model.drawn), expected);
    assert_eq!(kept(&effects).iter().map(|d| d.len()).collect::<Vec<_>>(), [1, 2]);
    assert!(kept(&type_in(&mut model, "hkjl")).is_empty(), "a move changes no point");
    // On a point x takes it away; backspace the nearest, wherever the cursor is.
    type_in(&mut model, "x");
    assert_eq!(spots(&model.drawn), expected[..1]);
    type_in(&mut model, "xG");
    assert_eq!(model.panes.points.drawing.at, [300, 0]);
    press(&mut model, KeyCode::Backspace);
    assert_eq!(spots(&model.drawn), expected[..1]);
    assert_eq!(kept(&type_in(&mut model, "X"))[0].len(), 0);
    let brought = type_in(&mut model, "X");
    assert_eq!(spots(kept(&brought)[0]), expected[..1]);
    // Nothing is lost by leaving, and none of it counts outside.
    press(&mut model, KeyCode::Esc);
    assert!(!model.panes.points.drawing.open);
    assert!(kept(&type_in(&mut model, "x")).is_empty());
    assert_eq!(spots(&model.drawn), expected[..1]);
}

#[test]
fn the_cursor_stays_where_points_may_stand() {
    let mut model = drawing();
    for key in [KeyCode::Up, KeyCode::PageUp, KeyCode::End, KeyCode::Right] {
        for _ in 0..80 {
            press(&mut model, key);
        }
    }
    assert_eq!(model.panes.points.drawing.at, [300, 300]);
    type_in(&mut model, "x");
    for key in [KeyCode::PageDown, KeyCode::Down, KeyCode::Home, KeyCode::Left] {
        for _ in 0..80 {
            press(&mut model, key);
        }
    }
    type_in(&mut model, "x");
    assert_eq!(model.drawn.points().collect::<Vec<_>>(), [[3.0, 3.0], [-3.0, -3.0]]);
}

/// Every cell has the number of its points, worked out from the points and the axes alone.
#[test]
fn every_cell_has_its_points() {
    let mut model = drawing();
    let many =
        (0..400_i32).map(|i| [f64::from(i * 37 % 61 - 30) / 10.1, f64::from(i * i % 57) / 20.0]);
    model.drawn = many.chain([[3.0, 3.0], [-3.0, -3.0], [3.0, -3.0]]).collect();
    for glyphs in [Glyphs::UNICODE, Glyphs::ASCII] {
        model.theme = Theme::new(Depth::None, Ground::Dark, glyphs);
        for area in [Rect::new(3, 2, 76, 30), Rect::new(0, 0, 37, 21), Rect::new(0, 0, 30, 9)] {
            let buf = seen(&model, area);
            let room = places(area).1;
            // As wide as it is high, at least from -3.24 to 3.24.
            let dots = [f64::from(room.width) * 2.0, f64::from(room.height) * 4.0];
            let dot = 6.48 / dots[0].min(dots[1]);
            let mut expected = BTreeMap::<(u16, u16), usize>::new();
            for [x, y] in model.drawn.points() {
                let column = (x / dot + dots[0] / 2.0).floor() as u16 / 2;
                let row = (dots[1] / 2.0 - y / dot).floor() as u16 / 4;
                *expected.entry((room.x + column, room.y + row)).or_default() += 1;
            }
            let middle = plot(room).cell([0.0; 2]).unwrap();
            let middle = (room.x + middle.0, room.y + middle.1);
            let one = if glyphs.ascii { "o" } else { "●" };
            let mut apart = 0;
            for at in room.positions().map(|at| (at.x, at.y)).filter(|at| *at != middle) {
                let found = buf[at].symbol();
                match expected.get(&at) {
                    None => assert!([" ", "░", ":"].contains(&found), "{at:?} {found}"),
                    Some(1) => assert_eq!(found, one, "{at:?}"),
                    Some(n @ 2..=9) => assert_eq!(found, n.to_string(), "{at:?}"),
                    Some(_) => assert_eq!(found, "*", "{at:?}"),
                }
                apart += usize::from(expected.contains_key(&at));
            }
            assert!(apart > 10, "{apart}");
            assert!(["+", "@", "◉"].contains(&buf[middle].symbol()));
        }
    }
    let screen = fixture::text(&seen(&model, Rect::new(0, 0, 76, 30)));
    let n = model.drawn.len();
    assert!(screen.contains("x 0  y 0") && screen.contains(&format!("{n} points")));
    assert!(screen.contains("enter trains on them"), "{screen}");
}

/// A click draws where it was made, and takes away what is seen there.
#[test]
fn clicks_draw_and_take_away() {
    let mut model = drawing();
    let room = plot(places(model.seat(PANE).room).1).area;
    let click = |model: &mut Model, x: u16, y: u16| {
        let kind = MouseEventKind::Down(MouseButton::Left);
        let modifiers = KeyModifiers::NONE;
        update(model, Msg::Mouse(MouseEvent { kind, column: x, row: y, modifiers }));
    };
    let (x, y) = (room.x + room.width / 2 + 5, room.y + room.height / 2 - 4);
    click(&mut model, x, y);
    let drawn: Vec<_> = model.drawn.points().collect();
    let plot = plot(room);
    let [column, row] = plot.cell(drawn[0].map(|x| x as f32)).map(|(c, r)| [c, r]).unwrap();
    assert!(column.abs_diff(x - room.x) <= 1 && row.abs_diff(y - room.y) <= 1);
    click(&mut model, room.x + column, room.y + row);
    assert!(model.drawn.is_empty());
    // Outside the area in which points may stand.
    click(&mut model, room.x, room.y);
    assert!(model.drawn.is_empty());
}

#[test]
fn every_size_can_be_drawn_and_drawn_in() {
    let mut model = drawing();
    for size in [(1, 1), (3, 9), (9, 3), (12, 6), (20, 1), (30, 10), (200, 70)] {
        let area = Rect::new(0, 0, size.0, size.1);
        for action in UNDERSTOOD.iter().filter(|action| **action != Action::LearnPoints) {
            let facts = model.facts();
            let mut drawing = Drawing { open: true, ..Drawing::default() };
            let wishes = drawing.act(&facts, area, *action);
            assert!(wishes.len() <= 1);
        }
        let mut drawing = Drawing { open: true, ..Drawing::default() };
        drawing.click(&model.facts(), area, Position::new(0, 0));
        seen(&model, area);
    }
    model.drawn = (0..1000_i16).map(|i| [f64::from(i % 300) / 100.0, f64::from(i / 300)]).collect();
    type_in(&mut model, "kx");
    assert_eq!(model.drawn.len(), Drawn::MOST);
    let screen = fixture::text(&seen(&model, Rect::new(0, 0, 60, 30)));
    assert!(screen.contains("1,000 points") && screen.contains("no more can be drawn"), "{screen}");
}

/// Enter asks as any change does that rebuilds; the run that comes of it is of the drawn points, trains on them, and is
/// compared with them.
#[test]
fn a_run_learns_the_drawn_points() {
    let mut model = drawing();
    type_in(&mut model, "xlx");
    press(&mut model, ENTER);
    assert!(model.overlays.is_empty() && model.panes.points.drawing.open, "two are too few");
    type_in(&mut model, "lkkx");
    press(&mut model, ENTER);
    let Some(Overlay::Confirm(asked)) = model.overlays.last() else { panic!() };
    assert!(asked.text.starts_with("The 3 points"), "{}", asked.text);
    assert!(matches!(asked.yes, Answer::Rebuild { .. }) && !model.panes.points.drawing.open);
    let effects = type_in(&mut model, "y");
    let config = effects.iter().find_map(|effect| match effect {
        Effect::Send(Command::Open { config, .. }) => Some(config.clone()),
        _ => None,
    });
    let mut config = config.unwrap();
    assert_eq!(config.task.drawn, model.drawn);
    config.training.eval_batches = 1;
    let session = Session::with_team(*config, Material::default(), &Team::new(1).unwrap());
    let mut session = session.unwrap();
    let before = session.weights().to_vec();
    for _ in 0..4 {
        session.step().unwrap();
    }
    assert_ne!(session.weights(), before);
    let mut wanted = crate::train::Subscription::default();
    model.panes.get(PANE).subscribe(&model.facts(), &mut wanted);
    let snapshot = session.snapshot(&wanted);
    let reading = snapshot.reading("cloud").unwrap();
    let real = &reading.values[reading.values.len() / 2..];
    let drawn: Vec<[f32; 2]> = model.drawn.points().map(|p| p.map(|x| x as f32)).collect();
    let mut found = [0; 3];
    for point in real.as_chunks::<2>().0 {
        found[drawn.iter().position(|own| own == point).unwrap()] += 1;
    }
    assert!(found.iter().all(|n| *n > 50), "{found:?}");
    // A checkpoint of it needs no other file.
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("own.safetensors");
    session.save(&path).unwrap();
    let again = Session::load(&path, Material::default(), 1).unwrap();
    assert_eq!(again.config().task.drawn, model.drawn);
    assert_eq!(again.weights(), session.weights());
}
