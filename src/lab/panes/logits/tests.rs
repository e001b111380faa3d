use ratatui::crossterm::event::KeyCode;

use super::*;
use crate::lab::fixture;
use crate::lab::model::{Model, Msg};
use crate::lab::theme::{Depth, Glyphs, Ground, Theme};
use crate::lab::update::update;

const PANE: PaneId = PaneId::Logits;

fn text(model: &Model, width: u16, height: u16) -> String {
    fixture::text(&fixture::pane(model, PANE, width, height))
}

/// The words of every line.
fn rows(model: &Model) -> Vec<Vec<String>> {
    let text = text(model, 120, 40);
    let words = |line: &str| {
        let words = line.split_whitespace().filter(|word| !word.contains('│'));
        words.map(|word| word.trim_start_matches('▸').to_owned()).collect::<Vec<_>>()
    };
    text.lines().map(words).collect()
}

/// The numbers of the line that begins with this word.
fn row(model: &Model, name: &str) -> Vec<String> {
    let rows = rows(model);
    rows.iter().find(|row| row.first().is_some_and(|word| word == name)).unwrap()[1..].to_vec()
}

fn view(model: &mut Model, view: View) {
    while model.panes.logits.view != view {
        PANE.act(model, Action::CycleView);
    }
}

fn number(text: &str) -> f64 {
    text.parse().unwrap()
}

#[test]
fn looks() {
    let mut model = fixture::model(120, 40);
    for name in ["steps", "overflow", "gradient", "masks", "axis"] {
        insta::assert_snapshot!(name, text(&model, 41, 22));
        PANE.act(&mut model, Action::CycleView);
    }
}

/// The three steps, computed here once more.
#[test]
fn every_number_of_the_steps_is_computed_from_the_logits() {
    let mut model = fixture::model(120, 40);
    PANE.act(&mut model, Action::Up);
    for _ in 0..3 {
        PANE.act(&mut model, Action::ShiftUp);
    }
    let z: Vec<f64> = [2.5, 1.0, 0.0, -1.0, 0.5, -0.5].map(|z| z + 1.5).to_vec();
    for temperature in [1.0, 0.5] {
        model.panes.logits.sampling.temperature = temperature;
        let sum: f64 = z.iter().map(|z| (z / temperature).exp()).sum();
        for (name, z) in names(6).zip(&z) {
            let mut found = row(&model, &name);
            assert_eq!(found.remove(0), format!("{z:.2}"));
            if temperature != 1.0 {
                assert_eq!(found.remove(0), format!("{:.2}", z / temperature));
            }
            let e = (z / temperature).exp();
            assert!((number(&found[0]) - e).abs() < 6e-3_f64.max(1e-3 * e), "{found:?} {e}");
            assert_eq!(found[1], format!("{:.6}", e / sum));
        }
        let total = row(&model, "sum");
        assert!((number(&total[0]) - sum).abs() < 0.06 && total[1] == "1.000000", "{total:?}");
    }
    assert!(text(&model, 120, 40).contains("e^1.5 = 4.48"));
}

#[test]
fn a_shift_changes_no_digit_of_p() {
    let mut model = fixture::model(120, 40);
    let p = |model: &Model| names(6).map(|name| row(model, &name)[2].clone()).collect::<Vec<_>>();
    let before = p(&model);
    for action in [Action::ShiftUp, Action::ShiftDown, Action::ShiftDown] {
        PANE.act(&mut model, action);
        assert_eq!(p(&model), before);
    }
    assert_eq!(row(&model, "a")[0], "1.50");
    PANE.act(&mut model, Action::Up);
    assert_ne!(p(&model), before);
    PANE.act(&mut model, Action::Home);
    assert_eq!(row(&model, "a")[0], "2.00");
}

#[test]
fn a_logit_can_be_typed() {
    let mut model = fixture::model(120, 40);
    let seat = model.seat(PANE);
    let wishes = model.with(PANE, |pane, facts| pane.act(facts, seat, Action::TypeValue));
    let [Wish::Line { pane: "logits", label, text: begins }] = wishes.as_slice() else {
        panic!("{wishes:?}")
    };
    assert_eq!((label.as_str(), begins.as_str()), ("logit a", "2"));
    model.with(PANE, |pane, facts| pane.typed(facts, " 3.25 "));
    assert_eq!(row(&model, "a")[0], "3.25");
    for (typed, value) in [("1e9", "200.00"), ("much", "200.00"), ("NaN", "200.00")] {
        model.with(PANE, |pane, facts| pane.typed(facts, typed));
        assert_eq!(row(&model, "a")[0], value);
    }
    assert!(text(&model, 120, 40).contains("\"NaN\" is no number."));
    PANE.act(&mut model, Action::Down);
    assert!(!text(&model, 120, 40).contains("is no number."));
}

/// The keys are the bench's own: what the lab samples with stays.
#[test]
fn top_k_goes_down_from_the_number_of_logits() {
    let mut model = fixture::model(120, 40);
    model.focus = PANE;
    for key in ['a', 'a', 't'] {
        update(&mut model, Msg::Key(KeyCode::Char(key).into()));
    }
    let expected = Sampling { temperature: 0.9, top_k: Some(4), top_p: None };
    assert_eq!(model.panes.logits.sampling, expected);
    assert_eq!(model.sampling, Sampling::default());
    assert!(text(&model, 120, 40).contains("three steps · temperature 0.9 · top-k 4"));
    assert!(text(&model, 120, 40).contains("4 of 6 are kept"));
}

#[test]
fn what_is_cut_gets_nothing() {
    let mut model = fixture::model(120, 40);
    model.panes.logits.sampling = Sampling { temperature: 1.0, top_k: Some(2), top_p: None };
    let two = [2.0_f64.exp(), 1.0_f64.exp()];
    assert_eq!(row(&model, "a")[2], format!("{:.6}", two[0] / (two[0] + two[1])));
    assert_eq!(row(&model, "d")[1..3], ["cut", "0.000000"]);
    assert!(text(&model, 120, 40).contains("2 of 6 are kept"));
    model.panes.logits.sampling = Sampling { temperature: 0.0, top_k: None, top_p: None };
    assert_eq!(row(&model, "a")[2], "1.000000");
    assert_eq!(row(&model, "sum")[1], "1.000000");
}

#[test]
fn a_logit_of_100_overflows_f32_unless_the_largest_is_taken_off() {
    let mut model = fixture::model(120, 40);
    view(&mut model, View::Overflow);
    let agree = row(&model, "a");
    assert_eq!(agree[2], agree[3]);
    for _ in 0..10 {
        PANE.act(&mut model, Action::PageUp);
    }
    PANE.act(&mut model, Action::Right);
    for _ in 0..10 {
        PANE.act(&mut model, Action::PageUp);
    }
    // 102 and 101: the others are as good as nothing.
    let p = 1.0 / (1.0 + (-1.0_f64).exp());
    let [a, b] = ["a", "b"].map(|name| row(&model, name));
    assert_eq!([&a[0], &a[1], &a[2]], ["102.00", "inf", "NaN"]);
    assert_eq!([a[3].clone(), b[3].clone()], [format!("{p:.3}"), format!("{:.3}", 1.0 - p)]);
    assert_eq!([a[4].clone(), b[4].clone()], ["0.00", "-1.00"]);
    assert_eq!(row(&model, "c")[2], "0", "1 by infinity");
    assert_eq!(row(&model, "sum")[..3], ["inf", "NaN", "1.000"]);
    assert!(text(&model, 120, 40).contains("inf / inf is no number"));
    // Far below: every exponential is 0.
    PANE.act(&mut model, Action::Home);
    for _ in 0..400 {
        PANE.act(&mut model, Action::ShiftDown);
    }
    assert_eq!(row(&model, "a")[1..3], ["0", "NaN"]);
    assert!(text(&model, 120, 40).contains("0 / 0 is no number"));
}

#[test]
fn the_gradient_is_p_less_the_target_and_sums_to_0() {
    let mut model = fixture::model(120, 40);
    view(&mut model, View::Gradient);
    let z = [2.0_f64, 1.0, 0.0, -1.0, 0.5, -0.5];
    let sum: f64 = z.iter().map(|z| z.exp()).sum();
    for target in [1, 3] {
        PANE.act(&mut model, Action::Home);
        for _ in 0..target {
            PANE.act(&mut model, Action::Right);
        }
        PANE.act(&mut model, Action::Mark);
        let mut total = 0.0;
        for (i, name) in names(6).enumerate() {
            let found = row(&model, &name);
            let p = z[i].exp() / sum;
            let y = f64::from(i == target);
            assert_eq!(found[1..4], [format!("{p:.6}"), y.to_string(), format!("{:+.6}", p - y)]);
            total += number(&found[3]);
        }
        assert!(total.abs() < 5e-6);
        assert!(number(row(&model, "sum").last().unwrap()).abs() < 1e-12);
        let loss = format!("loss -ln p = {:.3} nats", -(z[target].exp() / sum).ln());
        assert!(text(&model, 120, 40).contains(&loss), "{loss}");
    }
}

#[test]
fn masks_are_computed_and_the_row_of_which_nothing_is_seen_as_well() {
    let mut model = fixture::model(120, 40);
    view(&mut model, View::Masks);
    // d and f are masked from the beginning; the first as well, now.
    PANE.act(&mut model, Action::Mark);
    let scores = [2.0_f32, 1.0, 0.0, -1.0, 0.5, -0.5];
    let masked = [true, false, false, true, false, true];
    let sum: f32 = scores.iter().zip(masked).filter(|(_, m)| !m).map(|(z, _)| z.exp()).sum();
    let all: f32 = scores.iter().map(|z| z.exp()).sum();
    let zeroed: f32 = sum + 3.0;
    for (i, name) in names(6).enumerate() {
        let mut found = row(&model, &name);
        assert_eq!(found[0] == "x", masked[i]);
        found.retain(|word| word != "x");
        let e = scores[i].exp();
        let expected = if masked[i] {
            [0.0, 0.0, 1.0 / zeroed, 0.0, 0.0]
        } else {
            [e / sum, e / sum, e / zeroed, e / all, e / sum]
        };
        for (found, expected) in found[1..6].iter().zip(expected) {
            assert!(
                (number(found) - f64::from(expected)).abs() < 6e-4,
                "{name} {found} {expected}"
            );
        }
    }
    let sums = row(&model, "sum");
    assert!((number(&sums[3]) - f64::from(sum / all)).abs() < 6e-4, "{sums:?}");
    assert_eq!(row(&model, "all")[..5], ["NaN", "0.167", "0.167", "0", "NaN"]);
}

#[test]
fn rows_of_the_right_softmax_sum_to_1_and_columns_of_the_wrong_one() {
    let mut model = fixture::model(120, 40);
    view(&mut model, View::Axis);
    for causal in [false, true] {
        if causal {
            PANE.act(&mut model, Action::Mark);
        }
        let screen = text(&model, 140, 30);
        let scores = &model.panes.logits.scores;
        let seen = |t: usize, s: usize| !causal || s <= t;
        let e = |t: usize, s: usize| if seen(t, s) { scores[t * TIME + s].exp() } else { 0.0 };
        for t in 0..TIME {
            let line = screen.lines().nth(3 + t).unwrap();
            let words: Vec<_> = line.split_whitespace().filter(|word| *word != "│").collect();
            let blocks: Vec<_> = words.chunks(1 + TIME).collect();
            let label = (t + 1).to_string();
            assert_eq!(blocks[0][0].trim_start_matches(['│', '▸']), label);
            for s in 0..TIME {
                let row: f64 = (0..TIME).map(|s| e(t, s)).sum();
                let column: f64 = (0..TIME).map(|t| e(t, s)).sum();
                let found = number(words[1 + TIME + 1 + s]);
                assert!((found - e(t, s) / row).abs() < 6e-4, "{screen}");
                let found = number(words[1 + TIME + 2 + TIME + 1 + s]);
                assert!((found - e(t, s) / column).abs() < 6e-4, "{screen}");
            }
            assert_eq!(words[1 + TIME + 1 + TIME], "1.000");
            let sums = screen.lines().nth(3 + TIME).unwrap();
            assert!(sums.matches("1.000").count() >= TIME, "{screen}");
        }
    }
    PANE.act(&mut model, Action::Up);
    let area = Rect::new(2, 1, 136, 28);
    PANE.click(&mut model, area, Position::new(2 + 1 + 1 + 2 + 2, 1 + 2 + 1));
    assert_eq!(model.panes.logits.cell, TIME);
}

#[test]
fn every_size_and_view_can_be_drawn_in_ascii_too() {
    let mut model = fixture::model(120, 40);
    let ascii = Theme::new(Depth::None, Ground::Dark, Glyphs::ASCII);
    for theme in [Theme::plain(), ascii] {
        model.theme = theme;
        for _ in 0..5 {
            for (width, height) in [(1, 1), (3, 9), (9, 3), (12, 6), (30, 10), (39, 20), (200, 70)]
            {
                let area = Rect::new(0, 0, width, height);
                let mut buf = Buffer::empty(area);
                PANE.draw(&model, false, area, &mut buf);
                for at in area.positions() {
                    PANE.click(&mut model, area, at);
                }
            }
            let screen = text(&model, 41, 22);
            assert!(!theme.glyphs.ascii || screen.is_ascii(), "{screen}");
            PANE.act(&mut model, Action::CycleView);
        }
    }
}
