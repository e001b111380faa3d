use std::sync::Arc;

use super::*;
use crate::lab::fixture;
use crate::lab::model::Model;
use crate::lab::panes::PaneId;
use crate::model::sampling::SamplingError;

const PANE: PaneId = PaneId::Softmax;

fn text(model: &Model, width: u16, height: u16) -> String {
    fixture::text(&fixture::pane(model, PANE, width, height))
}

fn logits(model: &Model, position: usize) -> Vec<f64> {
    let tensor = model.facts().snapshot.unwrap().activation("logits").unwrap();
    tensor.values[position * 65..(position + 1) * 65].iter().map(|&x| f64::from(x)).collect()
}

fn change(model: &mut Model, change: impl Fn(&mut crate::train::Snapshot)) {
    let mut snapshot = (**model.snapshot.as_ref().unwrap()).clone();
    change(&mut snapshot);
    model.snapshot = Some(Arc::new(snapshot));
    PANE.refresh(model);
}

fn sampling(temperature: f64, top_k: Option<usize>, top_p: Option<f64>) -> Sampling {
    Sampling { temperature, top_k, top_p }
}

#[test]
fn looks() -> Result<(), SamplingError> {
    let mut model = fixture::model(120, 40);
    insta::assert_snapshot!("small", text(&model, 40, 12));
    insta::assert_snapshot!("middle", text(&model, 60, 18));
    insta::assert_snapshot!("whole_screen", text(&model, 120, 40));
    PANE.act(&mut model, Action::Left);
    model.sampling = sampling(0.8, Some(9), Some(0.7));
    model.sampling.validate()?;
    insta::assert_snapshot!("cut_small", text(&model, 40, 12));
    insta::assert_snapshot!("cut_middle", text(&model, 60, 18));
    insta::assert_snapshot!("cut_flat", text(&model, 90, 14));
    PANE.act(&mut model, Action::CycleView);
    insta::assert_snapshot!("strip_small", text(&model, 40, 12));
    insta::assert_snapshot!("strip_flat", text(&model, 90, 14));
    insta::assert_snapshot!("strip_whole_screen", text(&model, 150, 40));
    Ok(())
}

#[test]
fn looks_at_the_edges() {
    let mut model = fixture::model(120, 40);
    change(&mut model, |snapshot| {
        for tensor in &mut snapshot.activations {
            tensor.values.fill(f32::NAN);
        }
    });
    insta::assert_snapshot!("not_a_number", text(&model, 40, 12));
    PANE.act(&mut model, Action::CycleView);
    text(&model, 40, 12);
    PANE.act(&mut model, Action::CycleView);
    change(&mut model, |snapshot| {
        snapshot.prompt = vec![39];
        let logits = snapshot.activations.iter_mut().find(|t| t.name == "logits").unwrap();
        logits.shape[0] = 1;
        logits.values = (0..65).map(|i| -(i as f32) / 1.5).collect();
    });
    insta::assert_snapshot!("one_token", text(&model, 60, 10));
    let tokens: Vec<u32> = (0..64).map(|i| 39 + i * 7 % 26).collect();
    model.prompt.tokens.clone_from(&tokens);
    change(&mut model, |snapshot| {
        snapshot.prompt.clone_from(&tokens);
        let logits = snapshot.activations.iter_mut().find(|t| t.name == "logits").unwrap();
        logits.shape[0] = 64;
        logits.values = (0..64 * 65).map(|i| fixture::noise(i) as f32).collect();
    });
    insta::assert_snapshot!("long", text(&model, 60, 10));
    PANE.act(&mut model, Action::Left);
    insta::assert_snapshot!("long_before_the_end", text(&model, 60, 10));
    model.snapshot = None;
    insta::assert_snapshot!("nothing_yet", text(&model, 40, 12));
}

#[test]
fn every_size_and_state_can_be_drawn() {
    let mut model = fixture::model(120, 40);
    for missing in [false, true] {
        if missing {
            model.snapshot = None;
        }
        for action in [Action::CycleView, Action::Left, Action::End, Action::CycleView] {
            PANE.act(&mut model, action);
            for (width, height) in [(1, 1), (3, 9), (9, 3), (12, 6), (30, 10), (200, 70)] {
                let area = Rect::new(0, 0, width, height);
                PANE.draw(&model, false, area, &mut Buffer::empty(area));
                for at in area.positions() {
                    PANE.click(&mut model, area, at);
                }
            }
        }
    }
    model.run = None;
    PANE.refresh(&mut model);
    assert!(text(&model, 40, 12).contains("first step"));
}

/// The numbers of a row, computed here from the fixture's logits.
#[test]
fn the_table_is_the_softmax_of_the_models_logits() {
    let mut model = fixture::model(120, 80);
    for (position, temperature) in [(7, 1.0), (6, 0.5), (5, 2.0)] {
        model.sampling.temperature = temperature;
        let logits = logits(&model, position);
        let sum: f64 = logits.iter().map(|l| (l / temperature).exp()).sum();
        let screen = text(&model, 120, 75);
        for (token, &logit) in logits.iter().enumerate() {
            let label = model.facts().label(token as u32);
            let p = probability((logit / temperature).exp() / sum);
            let line =
                format!("{label}{:>12}{:>9}   ✓{p:>15}", value(logit), value(logit / temperature));
            assert!(screen.contains(&line), "{line}\n{screen}");
        }
        PANE.act(&mut model, Action::Left);
    }
}

#[test]
fn the_truth_is_shown_with_its_loss() {
    let mut model = fixture::model(120, 40);
    assert!(!text(&model, 60, 18).contains("loss"));
    PANE.act(&mut model, Action::Left);
    let g = *model.prompt.tokens.last().unwrap() as usize;
    let logits = logits(&model, 6);
    let p = logits[g].exp() / logits.iter().map(|l| l.exp()).sum::<f64>();
    let line = format!("then ▸g: p {}, loss -ln p = {:.2}", probability(p), -p.ln());
    assert!(text(&model, 60, 18).contains(&line), "{line}");
    // The loss is the model's, whatever the learner samples with.
    model.sampling = sampling(0.5, Some(1), None);
    let line = format!("at T 1: p {}, loss -ln p = {:.2}", probability(p), -p.ln());
    assert!(text(&model, 60, 18).contains(&line), "{line}");
}

#[test]
fn entropy_is_that_of_what_is_drawn_from() {
    let mut model = fixture::model(120, 40);
    let logits = logits(&model, 7);
    let sum: f64 = logits.iter().map(|l| l.exp()).sum();
    let entropy: f64 = logits.iter().map(|l| l.exp() / sum).map(|p| -p * p.ln()).sum();
    let screen = text(&model, 60, 18);
    assert!(screen.contains(&format!("entropy {entropy:.3} nats, at most 4.174")), "{screen}");
    model.sampling = sampling(0.0, None, None);
    assert!(text(&model, 60, 18).contains("entropy 0.000"));
}

#[test]
fn what_was_cut_says_by_what() {
    let mut model = fixture::model(120, 80);
    model.sampling = sampling(1.0, Some(9), Some(0.5));
    let screen = text(&model, 120, 75);
    let rows =
        |word: &str| screen.lines().filter(|l| l.contains(word) && l.contains(" 0 ")).count();
    let kept = screen.lines().filter(|l| l.contains('✓')).count();
    assert_eq!(rows("  top-k"), 65 - 9);
    assert_eq!(kept + rows("  top-p"), 9);
    assert!(kept > 0 && kept < 9);
    assert!(screen.contains(&format!("kept {kept} of 65")));
}

/// The last line holds what the rows above it leave.
#[test]
fn what_is_not_shown_is_summed_up() {
    let mut model = fixture::model(120, 40);
    let table = distribution(
        &logits(&model, 7).iter().map(|&x| x as _).collect::<Vec<_>>(),
        &model.sampling,
    );
    let rest = |skip: usize, shown: usize| {
        1.0 - table[skip..skip + shown].iter().map(|c| c.probability).sum::<f64>()
    };
    // 12 rows: borders, heading of two, the table's head, its last line.
    let screen = text(&model, 40, 12);
    assert!(screen.contains("…59 more"), "{screen}");
    assert!(screen.contains(&probability(rest(0, 6))), "{screen}");
    PANE.act(&mut model, Action::Down);
    let screen = text(&model, 40, 12);
    assert!(screen.contains("…1 above, 58 below"), "{screen}");
    assert!(screen.contains(&probability(rest(1, 6))), "{screen}");
}

#[test]
fn scrolling_ends_at_the_last_row() {
    let mut model = fixture::model(120, 40);
    PANE.act(&mut model, Action::End);
    let end = model.panes.softmax.scroll;
    assert!(end < 65);
    PANE.act(&mut model, Action::Down);
    assert_eq!(model.panes.softmax.scroll, end);
    PANE.act(&mut model, Action::Up);
    assert_eq!(model.panes.softmax.scroll, end.saturating_sub(1));
    PANE.act(&mut model, Action::Home);
    assert_eq!(model.panes.softmax.scroll, 0);
}

#[test]
fn the_position_follows_the_end_until_it_is_moved() {
    let mut model = fixture::model(120, 40);
    for _ in 0..20 {
        PANE.act(&mut model, Action::Left);
    }
    assert_eq!(model.panes.softmax.position, Some(0));
    assert!(text(&model, 60, 18).contains("after \"t\"he king"));
    for _ in 0..20 {
        PANE.act(&mut model, Action::Right);
    }
    assert_eq!(model.panes.softmax.position, None);
    let area = Rect::new(2, 1, 56, 16);
    PANE.click(&mut model, area, Position::new(2 + 7 + 2, 1));
    assert_eq!(model.panes.softmax.position, Some(2));
    assert!(text(&model, 60, 18).contains("after \"the\" king"));
    PANE.click(&mut model, area, Position::new(2 + 7 + 3 + 1 + 2, 1));
    assert_eq!(model.panes.softmax.position, Some(5));
    model.prompt.tokens.truncate(3);
    PANE.refresh(&mut model);
    assert_eq!(model.panes.softmax.position, None);
}
