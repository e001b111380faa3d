use super::*;
use crate::lab::fixture;
use crate::lab::model::Model;
use crate::lab::panes::PaneId;
use crate::lab::theme::{Depth, Glyphs, Ground, Theme};

const PANE: PaneId = PaneId::Averages;

fn text(model: &Model, width: u16, height: u16) -> String {
    fixture::text(&fixture::pane(model, PANE, width, height))
}

/// The numbers of a line.
fn numbers(line: &str) -> Vec<f64> {
    line.split_whitespace().filter_map(|word| word.parse().ok()).collect()
}

#[test]
fn looks() {
    let mut model = fixture::model(120, 40);
    insta::assert_snapshot!("means", text(&model, 41, 22));
    PANE.act(&mut model, Action::CycleView);
    insta::assert_snapshot!("weights", text(&model, 41, 22));
    insta::assert_snapshot!("weights_wide", text(&model, 100, 20));
}

#[test]
fn all_three_ways_show_the_mean_of_what_is_shown_as_x() {
    let model = fixture::model(120, 40);
    let x = example(&model.facts());
    let screen = text(&model, 100, 30);
    for t in 0..TIME {
        let line = screen.lines().nth(2 + t).unwrap().replace(['│', '▸'], " ");
        let found = numbers(&line);
        let mean = |c: usize| {
            (0..=t).map(|s| f64::from(x[s * CHANNELS + c] as f32)).sum::<f64>() / (t + 1) as f64
        };
        let near = |found: f64, expected: f64| (found - expected).abs() < 6e-4;
        assert_eq!(found.len(), 1 + 2 * 4, "{line}");
        for c in 0..CHANNELS {
            assert!(near(found[1 + c], f64::from(x[t * CHANNELS + c] as f32)), "{line}");
            for way in 0..3 {
                assert!(near(found[3 + 2 * way + c], mean(c)), "{line} {}", mean(c));
            }
        }
    }
    let means = WAYS.map(|(_, way)| way(&x, TIME, CHANNELS));
    let apart = apart(&means);
    assert!(apart < 1e-6 && screen.contains(&format!("Largest difference: {apart:.1e}.")));
}

#[test]
fn a_difference_is_found_wherever_it_is() {
    let mut means = [vec![1.0; 4], vec![1.0; 4], vec![1.0; 4]];
    assert_eq!(apart(&means), 0.0);
    means[2][3] = 1.5;
    assert_eq!(apart(&means), 0.5);
}

#[test]
fn the_row_under_the_cursor_is_added_up() {
    let mut model = fixture::model(120, 40);
    for _ in 0..2 {
        PANE.act(&mut model, Action::Down);
    }
    let x = example(&model.facts());
    let terms = [0, 1, 2].map(|t| signed(x[t * CHANNELS])).join(" ");
    let mean = (x[0] + x[CHANNELS] + x[2 * CHANNELS]) / 3.0;
    let line = format!("Row 3: ({terms}) / 3 = {}", signed(mean));
    assert!(text(&model, 100, 30).contains(&line), "{line}\n{}", text(&model, 100, 30));
}

#[test]
fn nothing_is_timed_until_it_is_asked_for() {
    let mut model = fixture::model(120, 40);
    assert_eq!(text(&model, 41, 22).matches("not yet").count(), 9);
    PANE.act(&mut model, Action::Right);
    PANE.act(&mut model, Action::Clock);
    let screen = text(&model, 41, 22);
    assert_eq!(screen.matches("not yet").count(), 6, "{screen}");
    let measured = model.panes.averages.clock.measured;
    let [None, Some(times), None] = measured else { panic!("{measured:?}") };
    let line = screen.lines().find(|line| line.contains("▸64") || line.contains("▸ 64")).unwrap();
    let found = numbers(&line.replace(['│', '▸'], " "));
    for (found, seconds) in found[1..].iter().zip(times) {
        assert!(seconds > 0.0 && (found - seconds * 1e3).abs() < 6e-4, "{line} {times:?}");
    }
}

#[test]
fn the_weights_of_every_way_are_equal_shares_of_the_past() {
    for (name, way) in WAYS {
        for (i, weight) in weights(way).into_iter().enumerate() {
            let (t, past) = (i / TIME, i % TIME);
            let expected = if past <= t { 1.0 / (t + 1) as f64 } else { 0.0 };
            assert!((weight as f64 - expected).abs() < 1e-6, "{name} {i}");
        }
    }
    let mut model = fixture::model(120, 40);
    for action in [Action::CycleView, Action::Down, Action::Down, Action::Right] {
        PANE.act(&mut model, action);
    }
    let screen = text(&model, 100, 20);
    assert!(screen.contains("Position 3 takes 0.333, 0.333, 0.333 of position 2."), "{screen}");
    // Cells of eight columns print their number.
    assert_eq!(text(&model, 240, 20).matches("0.125").count(), 3 * TIME);
}

#[test]
fn every_size_and_view_can_be_drawn_in_ascii_too() {
    let mut model = fixture::model(120, 40);
    let ascii = Theme::new(Depth::None, Ground::Dark, Glyphs::ASCII);
    for theme in [Theme::plain(), ascii] {
        model.theme = theme;
        for _ in 0..2 {
            for (width, height) in [(1, 1), (3, 9), (9, 3), (12, 6), (30, 10), (39, 20), (200, 70)]
            {
                let area = Rect::new(0, 0, width, height);
                PANE.draw(&model, false, area, &mut Buffer::empty(area));
            }
            let screen = text(&model, 41, 22);
            assert!(!theme.glyphs.ascii || screen.is_ascii(), "{screen}");
            PANE.act(&mut model, Action::CycleView);
        }
    }
}
