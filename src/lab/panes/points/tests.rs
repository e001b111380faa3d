use std::sync::Arc;

use super::*;
use crate::lab::fixture;
use crate::lab::model::Model;
use crate::lab::panes::PaneId;
use crate::lab::panes::tests::{open, train};
use crate::lab::theme::{Depth, Glyphs, Ground, Theme};

const PANE: PaneId = PaneId::Points;

fn trained() -> Model {
    let (mut model, mut session) = open("gan", 160, 48);
    train(&mut model, &mut session, 3);
    model
}

fn text(model: &Model, width: u16, height: u16) -> String {
    fixture::text(&fixture::pane(model, PANE, width, height))
}

fn drawn(model: &Model, area: Rect) -> Buffer {
    let mut buf = Buffer::empty(area);
    PANE.draw(model, false, area, &mut buf);
    buf
}

/// The lowest and highest value of an axis of the plot, worked out from the points themselves.
fn ranges(real: &[[f32; 2]], plot: Rect) -> [(f64, f64); 2] {
    let dots = [f64::from(plot.width) * 2.0, f64::from(plot.height) * 4.0];
    let ends = [0, 1].map(|axis| {
        let of = real.iter().map(|point| f64::from(point[axis]));
        (of.clone().fold(f64::MAX, f64::min), of.fold(f64::MIN, f64::max))
    });
    let size = (0..2).map(|i| 1.2 * (ends[i].1 - ends[i].0) / dots[i]).fold(0.0, f64::max);
    [0, 1].map(|i| {
        let middle = f64::midpoint(ends[i].0, ends[i].1);
        (middle - size * dots[i] / 2.0, middle + size * dots[i] / 2.0)
    })
}

/// Which cells hold points of a sort.
fn cells(points: &[[f32; 2]], ranges: [(f64, f64); 2], plot: Rect) -> Vec<(u16, u16)> {
    let share = |x: f32, (low, high): (f64, f64)| (f64::from(x) - low) / (high - low);
    let place = |point: &[f32; 2]| {
        let (x, y) = (share(point[0], ranges[0]), 1.0 - share(point[1], ranges[1]));
        let inside = (0.0..1.0).contains(&x) && (0.0..1.0).contains(&y);
        inside.then(|| {
            let column = (x * f64::from(plot.width)) as u16;
            (plot.x + column, plot.y + (y * f64::from(plot.height)) as u16)
        })
    };
    points.iter().filter_map(place).collect()
}

/// Every cell of the plot says which sorts of points lie in it, and nothing lies elsewhere.
#[test]
fn every_point_stands_where_its_numbers_say() {
    let mut model = trained();
    for (glyphs, blank) in [(Glyphs::UNICODE, "⠂"), (Glyphs::ASCII, ".")] {
        model.theme = Theme::new(Depth::None, Ground::Dark, glyphs);
        for area in [Rect::new(0, 0, 76, 30), Rect::new(2, 1, 40, 14)] {
            let buf = drawn(&model, area);
            let facts = model.facts();
            let cloud = Cloud::of(&facts).unwrap();
            assert_eq!((cloud.real.len(), cloud.generated.len()), (POINTS, POINTS));
            let (_, plot, with_axes) = places(area);
            assert!(with_axes);
            let ranges = ranges(cloud.real, plot);
            let real = cells(cloud.real, ranges, plot);
            let generated = cells(cloud.generated, ranges, plot);
            assert!(!generated.is_empty() && real.len() == POINTS);
            for at in plot.positions() {
                let here = |cells: &[(u16, u16)]| cells.contains(&(at.x, at.y));
                let sign = buf[at].symbol();
                match (here(&real), here(&generated)) {
                    (true, true) => assert_eq!(sign, "#", "{at}"),
                    (false, true) => assert_eq!(sign, "+", "{at}"),
                    (false, false) => assert_eq!(sign, " ", "{at}"),
                    (true, false) if glyphs.ascii => assert_eq!(sign, blank, "{at}"),
                    (true, false) => {
                        assert!(('\u{2801}'..='\u{28ff}').contains(&sign.chars().next().unwrap()));
                    }
                }
            }
        }
    }
}

#[test]
fn v_leaves_one_sort_alone() {
    let mut model = trained();
    model.theme = Theme::new(Depth::None, Ground::Dark, Glyphs::ASCII);
    let area = Rect::new(0, 0, 76, 30);
    let (_, plot, _) = places(area);
    let signs = |model: &Model| {
        let buf = drawn(model, area);
        plot.positions().map(|at| buf[at].symbol().to_owned()).collect::<Vec<_>>().concat()
    };
    // The views between the two have tests of their own.
    for _ in 0..3 {
        PANE.act(&mut model, Action::CycleView);
    }
    assert!(signs(&model).chars().all(|c| c == '.' || c == ' '));
    assert!(PANE.detail(&model).contains("real only"));
    PANE.act(&mut model, Action::CycleView);
    let only = signs(&model);
    assert!(only.chars().all(|c| c == '+' || c == ' '));
    let facts = model.facts();
    let cloud = Cloud::of(&facts).unwrap();
    let mut expected = cells(cloud.generated, ranges(cloud.real, plot), plot);
    expected.sort_unstable();
    expected.dedup();
    assert_eq!(only.matches('+').count(), expected.len());
    PANE.act(&mut model, Action::CycleView);
    assert!(signs(&model).contains('.') && signs(&model).contains('+'));
}

/// Losses of the last step and figures of the last estimate, in the run's own numbers; points that are off the plot are counted.
#[test]
fn the_numbers_are_the_runs() {
    let mut model = trained();
    let run = model.run.as_ref().unwrap();
    let screen = text(&model, 100, 30);
    for (part, loss) in run.parts().iter().zip(run.last.unwrap().parts) {
        assert!(screen.contains(&format!("{} {loss:.4}", part.name)), "{screen}");
    }
    let modes = run.evaluation().unwrap().figure("modes").unwrap();
    assert!(screen.contains(&format!("modes {modes} of 8")), "{screen}");
    assert!(screen.contains("256 real") && screen.contains("256 generated"), "{screen}");
    let mut snapshot = (**model.snapshot.as_ref().unwrap()).clone();
    let cloud = snapshot.readings.iter_mut().find(|m| m.instrument == "cloud").unwrap();
    cloud.reading.values[..6].copy_from_slice(&[90.0, 0.0, f32::NAN, 1.0, 0.0, f32::INFINITY]);
    model.snapshot = Some(Arc::new(snapshot));
    assert!(text(&model, 100, 30).contains("(3 outside)"));
}

/// A tick's label stands in the row, or over the column, where a point of that value would.
#[test]
fn labels_stand_where_the_values_are() {
    let model = trained();
    let area = Rect::new(0, 0, 76, 30);
    let screen = fixture::text(&drawn(&model, area));
    let facts = model.facts();
    let cloud = Cloud::of(&facts).unwrap();
    let (_, plot, _) = places(area);
    let [_, (low, high)] = ranges(cloud.real, plot);
    let mut seen = 0;
    for (y, line) in screen.lines().enumerate() {
        let Some((label, _)) = line.split_once('┤') else { continue };
        let value: f64 = label.trim().trim_start_matches("y ").trim().parse().unwrap();
        let row = (1.0 - (value - low) / (high - low)) * f64::from(plot.height);
        assert_eq!(usize::from(plot.y) + row as usize, y, "{screen}");
        seen += 1;
    }
    assert!(seen >= 3, "{screen}");
    assert!(screen.lines().last().unwrap().trim_end().ends_with('x'), "{screen}");
}

fn over_surface() -> Model {
    let (mut model, mut session) = open("gan", 160, 48);
    model.panes.points.view = View::Surface;
    train(&mut model, &mut session, 3);
    model
}

/// The place of the grid nearest to the middle of each cell gives its ground, or its tenth where there are no colours.
#[test]
fn the_surface_is_the_discriminators_place_by_place() {
    let mut model = over_surface();
    // As a network starts it is of one mind about the whole plane.
    let mut snapshot = (**model.snapshot.as_ref().unwrap()).clone();
    let reading = snapshot.readings.iter_mut().find(|m| m.instrument == "surface").unwrap();
    for (i, p) in reading.reading.values.iter_mut().enumerate() {
        *p = (*p + (i as f32 * 0.37).sin()).clamp(0.0, 1.0);
    }
    model.snapshot = Some(Arc::new(snapshot));
    for area in [Rect::new(0, 0, 76, 30), Rect::new(2, 1, 40, 14)] {
        for glyphs in [Glyphs::UNICODE, Glyphs::ASCII] {
            model.theme = Theme::new(Depth::Rgb, Ground::Dark, glyphs);
            let coloured = drawn(&model, area);
            model.theme = Theme::new(Depth::None, Ground::Dark, glyphs);
            let plain = drawn(&model, area);
            model.theme = Theme::new(Depth::Rgb, Ground::Dark, glyphs);
            let facts = model.facts();
            let cloud = Cloud::of(&facts).unwrap();
            let (_, plot, _) = places(area);
            let [across, up] = ranges(cloud.real, plot);
            let reading = facts.snapshot.unwrap().reading("surface").unwrap();
            let end = |name: &str| reading.figure(name).unwrap();
            let step = (end("right") - end("left")) / 79.0;
            let mut seen = 0;
            for at in plot.positions() {
                let share = |i: u16, n: u16| (f64::from(i) + 0.5) / f64::from(n);
                let x = across.0 + (across.1 - across.0) * share(at.x - plot.x, plot.width);
                let y = up.1 - (up.1 - up.0) * share(at.y - plot.y, plot.height);
                let column = ((x - end("left")) / step).round();
                let row = ((end("top") - y) / step).round();
                let ground = coloured[at].bg;
                if !(0.0..80.0).contains(&column) || !(0.0..40.0).contains(&row) {
                    assert_eq!(ground, ratatui::style::Color::Reset, "{at}");
                    continue;
                }
                let p = f64::from(reading.values[row as usize * 80 + column as usize]);
                assert_eq!(ground, model.theme.diverging(2.0 * p - 1.0), "{at}");
                let sign = plain[at].symbol();
                if let Ok(tenth) = sign.parse::<u8>() {
                    assert_eq!(tenth, ((10.0 * p) as u8).min(9), "{at}");
                    seen += 1;
                } else {
                    assert!(sign != " " || (at.x - plot.x) % 2 == 1, "{at}");
                }
            }
            assert!(seen > 20, "{seen}");
        }
    }
}

/// Of the eight (or four) ways the one that the sum of the pushes goes along most.
#[test]
fn arrows_stand_at_the_generated_points_and_point_where_they_are_pushed() {
    let mut model = over_surface();
    let area = Rect::new(0, 0, 76, 30);
    let r = std::f64::consts::FRAC_1_SQRT_2;
    let eight = [
        ("→", [1.0, 0.0]),
        ("↗", [r, r]),
        ("↑", [0.0, 1.0]),
        ("↖", [-r, r]),
        ("←", [-1.0, 0.0]),
        ("↙", [-r, -r]),
        ("↓", [0.0, -1.0]),
        ("↘", [r, -r]),
    ];
    let four = [(">", [1.0, 0.0]), ("^", [0.0, 1.0]), ("<", [-1.0, 0.0]), ("v", [0.0, -1.0])];
    for (glyphs, ways) in [(Glyphs::UNICODE, &eight[..]), (Glyphs::ASCII, &four[..])] {
        model.theme = Theme::new(Depth::Rgb, Ground::Dark, glyphs);
        let buf = drawn(&model, area);
        let facts = model.facts();
        let reading = facts.snapshot.unwrap().reading("push").unwrap();
        let cloud = Cloud::of(&facts).unwrap();
        let (_, plot, _) = places(area);
        let ranges = ranges(cloud.real, plot);
        let mut pushed = std::collections::HashMap::<(u16, u16), [f64; 3]>::new();
        let mut strongest = 0.0_f64;
        for row in reading.values.chunks(5) {
            let [x, y, score, dx, dy] = [0, 1, 2, 3, 4].map(|i| f64::from(row[i]));
            // -ln sigmoid(score) falls by sigmoid(-score) of a small rise of the score.
            let factor = 1.0 - 1.0 / (1.0 + (-score).exp());
            strongest = strongest.max(factor * dx.hypot(dy));
            let cell = cells(&[[x as f32, y as f32]], ranges, plot);
            let Some(cell) = cell.first() else { continue };
            let sum = pushed.entry(*cell).or_default();
            for (sum, more) in sum.iter_mut().zip([factor * dx, factor * dy, 1.0]) {
                *sum += more;
            }
        }
        assert!(pushed.len() > 3);
        for (at, [x, y, n]) in pushed {
            let sign = buf[at].symbol();
            if x.hypot(y) / n < 0.1 * strongest {
                assert_eq!(sign, "+", "{at:?}");
                continue;
            }
            let along = |way: &&(&str, [f64; 2])| x * way.1[0] + y * way.1[1];
            let best = ways.iter().max_by(|a, b| along(a).total_cmp(&along(b))).unwrap();
            assert_eq!(sign, best.0, "{at:?} {x} {y}");
        }
        let screen = fixture::text(&buf);
        assert!(screen.contains("256 generated") && screen.contains("median push"), "{screen}");
    }
}

/// Whoever's turn it is: the pane wishes for a step of one alone, and says who moved and who is next.
#[test]
fn each_network_can_be_stepped_alone() {
    let mut model = trained();
    let told = |model: &Model| turns::of(&model.facts()).unwrap();
    let taken = |moved, next| Taken { moved: Some(moved), next };
    assert_eq!(told(&model), taken("discriminator", "generator"));
    let screen = text(&model, 100, 30);
    assert!(screen.contains("moved D  next G  discriminator"), "{screen}");
    (model.focus, model.course.held) = (PANE, false);
    for (key, group) in [('s', 0), ('S', 1)] {
        let key = crossterm::event::KeyCode::Char(key).into();
        let effects = crate::lab::update::update(&mut model, crate::lab::model::Msg::Key(key));
        let sent = |effect: &crate::lab::model::Effect| {
            let crate::lab::model::Effect::Send(command) = effect else { return false };
            matches!(command, crate::train::Command::StepAlone(found) if *found == group)
        };
        assert!(effects.iter().any(sent), "{effects:?}");
    }
    // The third step was made out of turn, and the fourth will be.
    let run = model.run.as_mut().unwrap();
    let edit = |step, old, new| {
        let value = crate::stage::Value::Choice;
        crate::train::event::Edit { step, name: "turns", old: value(old), new: value(new) }
    };
    run.history.edited(&edit(2, "in_turn", "generator"));
    run.history.edited(&edit(3, "generator", "discriminator"));
    run.config.training.turns = crate::model::Turns::Discriminator;
    assert_eq!(told(&model), taken("generator", "discriminator"));
    // A model of one network takes no turns.
    let (other, _) = open("vae", 160, 48);
    assert!(turns::of(&other.facts()).is_none());
}

/// Every mode's number stands at its centre, and says how many of the drawn points are within three deviations of it.
#[test]
fn every_mode_has_the_number_of_points_that_reach_it() {
    use crate::task::points::{RING_RADIUS, RING_STD};
    let (mut model, mut session) = open("gan", 160, 48);
    model.panes.points.view = View::Modes;
    model.refresh();
    train(&mut model, &mut session, 1500);
    for glyphs in [Glyphs::UNICODE, Glyphs::ASCII] {
        model.theme = Theme::new(Depth::Rgb, Ground::Dark, glyphs);
        let area = Rect::new(0, 0, 100, 40);
        let buf = drawn(&model, area);
        let facts = model.facts();
        let cloud = Cloud::of(&facts).unwrap();
        let plot = Plot::of(cloud.real, places(area).1);
        let mut covered = 0;
        for i in 0..8 {
            let (sin, cos) = (std::f64::consts::TAU * f64::from(i) / 8.0).sin_cos();
            let (x, y) = (RING_RADIUS * cos, RING_RADIUS * sin);
            let reach =
                |p: &&[f32; 2]| (f64::from(p[0]) - x).hypot(f64::from(p[1]) - y) <= 3.0 * RING_STD;
            let count = cloud.generated.iter().filter(reach).count();
            let is_covered = count as f64 >= 0.2 * 256.0 / 8.0;
            covered += usize::from(is_covered);
            let sign = match (is_covered, model.theme.glyphs.ascii) {
                (true, false) => "●",
                (false, false) => "○",
                (true, true) => "@",
                (false, true) => "o",
            };
            let (column, row) = plot.cell([x as f32, y as f32]).unwrap();
            let at = |i: u16| buf[(plot.area.x + column + i, plot.area.y + row)].symbol();
            let expected = format!("{sign}{count}");
            let found: String = (0..expected.chars().count() as u16).map(at).collect();
            assert_eq!(found, expected, "mode {i}");
        }
        let screen = fixture::text(&buf);
        assert!(screen.contains(&format!("{covered} of 8 covered, by 6.4")), "{screen}");
        assert!((1..8).contains(&covered), "{covered}");
    }
}

#[test]
fn a_collapse_is_named_after_the_first_tenth_of_a_run() {
    let mut model = trained();
    for (step, collapsed, named) in [(2000, 1.0, true), (2000, 0.0, false), (1999, 1.0, false)] {
        let last = model.run.as_mut().unwrap().history.evaluations.last_mut().unwrap();
        last.step = step;
        let figure = last.figures.iter_mut().find(|f| f.name == "collapsed").unwrap();
        figure.value = collapsed;
        assert_eq!(PANE.detail(&model).contains("mode collapse"), named, "{step} {collapsed}");
    }
}

#[test]
fn every_size_and_state_can_be_drawn() {
    let mut model = over_surface();
    for missing in [false, true] {
        if missing {
            model.snapshot = None;
        }
        for _ in 0..5 {
            PANE.act(&mut model, Action::CycleView);
            for (width, height) in [(1, 1), (3, 9), (9, 3), (12, 6), (30, 10), (200, 70)] {
                drawn(&model, Rect::new(0, 0, width, height));
            }
        }
    }
    assert!(text(&model, 60, 10).contains("with the first step"));
    let (mut other, mut session) = open("multi-head", 160, 48);
    train(&mut other, &mut session, 1);
    assert!(text(&other, 60, 10).contains("makes no points of the plane"));
    let mut wanted = Subscription::default();
    other.panes.points.subscribe(&other.facts(), &mut wanted);
    assert!(wanted.instruments.is_empty());
}
