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
    PANE.act(&mut model, Action::CycleView);
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

#[test]
fn every_size_and_state_can_be_drawn() {
    let mut model = trained();
    for missing in [false, true] {
        if missing {
            model.snapshot = None;
        }
        for _ in 0..3 {
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
