use std::sync::Arc;

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};

use crate::lab::action::Action;
use crate::lab::fixture;
use crate::lab::model::Model;
use crate::lab::number::{count, probability};
use crate::lab::panes::PaneId;
use crate::lab::theme::{Depth, Glyphs, Ground, Theme};
use crate::model::config::Architecture;
use crate::train::snapshot::Tensor;

const PANE: PaneId = PaneId::Counts;

fn text(model: &Model, width: u16, height: u16) -> String {
    fixture::text(&fixture::pane(model, PANE, width, height))
}

/// The fixture as a bigram with some table.
fn bigram() -> Model {
    let mut model = fixture::model(120, 40);
    fixture::reconfigure(&mut model, |config| config.model.architecture = Architecture::Bigram);
    let mut snapshot = (**model.snapshot.as_ref().unwrap()).clone();
    snapshot.parameters = vec![Tensor {
        name: "token_embedding_table.weight".to_owned(),
        shape: vec![65, 65],
        values: (0..65 * 65).map(|i| 3.0 * fixture::noise(i) as f32).collect(),
    }];
    model.snapshot = Some(Arc::new(snapshot));
    PANE.refresh(&mut model);
    model
}

/// The softmax of a row of the snapshot's table, one number at a time.
fn learned(model: &Model, token: u32) -> Vec<f64> {
    let table = &model.snapshot.as_ref().unwrap().parameters[0].values;
    let row: Vec<f64> = (0..65).map(|i| f64::from(table[token as usize * 65 + i])).collect();
    let sum: f64 = row.iter().map(|x| x.exp()).sum();
    row.iter().map(|x| x.exp() / sum).collect()
}

#[test]
fn looks() {
    let mut model = bigram();
    for view in ["row", "maps"] {
        insta::assert_snapshot!(format!("{view}_small"), text(&model, 40, 12));
        insta::assert_snapshot!(format!("{view}_middle"), text(&model, 76, 20));
        PANE.act(&mut model, Action::CycleView);
    }
    let model = fixture::model(120, 40);
    insta::assert_snapshot!("without_a_table", text(&model, 40, 12));
}

#[test]
fn a_row_is_the_texts_counts_beside_the_models_softmax() {
    let mut model = bigram();
    for _ in 0..3 {
        PANE.act(&mut model, Action::Left);
    }
    let counted = model.corpus.as_ref().unwrap().counted().unwrap().clone();
    let token = *model.prompt.tokens.last().unwrap() - 3;
    let p = learned(&model, token);
    let screen = text(&model, 76, 20);
    assert!(screen.contains(&format!("after {}", model.facts().label(token))), "{screen}");
    let after = counted.bigrams.after(token);
    let followed = f64::from(counted.bigrams.followed(token));
    assert!(after.len() > 3);
    for (line, &(next, n)) in after.iter().take(15).enumerate() {
        let row = screen.lines().nth(3 + line).unwrap();
        let row: Vec<_> = row.trim_matches('│').split_whitespace().collect();
        let share = counted.bigrams.probability(token, next);
        let expected = [
            count(u64::from(n)),
            probability(share),
            probability(p[next as usize]),
            probability(f64::from(n) / followed),
        ];
        assert!(row[0].ends_with(&model.facts().label(next)), "{screen}");
        assert_eq!(row[1..5], expected, "{screen}");
    }
    let apart = |token: u32| {
        let p = learned(&model, token);
        (0..65)
            .map(|next| (p[next as usize] - counted.bigrams.probability(token, next)).abs())
            .sum::<f64>()
    };
    let own = apart(token) / 65.0;
    let all = (0..65).map(apart).sum::<f64>() / (65.0 * 65.0);
    let line =
        format!("mean difference {} here, {} in all rows", probability(own), probability(all));
    assert!(screen.contains(&line), "{line}\n{screen}");
}

#[test]
fn the_maps_are_both_tables() {
    let mut model = bigram();
    model.theme = Theme::new(Depth::Rgb, Ground::Dark, Glyphs::UNICODE);
    for action in [Action::CycleView, Action::Home, Action::Right, Action::Left] {
        PANE.act(&mut model, action);
    }
    for _ in 0..65 {
        PANE.act(&mut model, Action::Left);
    }
    let area = Rect::new(0, 0, 60, 20);
    let mut buf = Buffer::empty(area);
    PANE.draw(&model, false, area, &mut buf);
    let counted = model.corpus.as_ref().unwrap().counted().unwrap().clone();
    // Half of 60 columns less the one between them; below a line, the titles and the labels.
    for (x, of_model) in [(2, false), (30 + 2, true)] {
        for row in 0..17_u32 {
            for column in 0..27_u32 {
                let value = if of_model {
                    learned(&model, row)[column as usize]
                } else {
                    counted.bigrams.probability(row, column)
                };
                let cell = &buf[(x + column as u16, 3 + row as u16)];
                let expected = model.theme.ramp(value.sqrt());
                if of_model {
                    // Softmax in f32 here, in f64 there: the colour may be the neighbour.
                    let near = [value * 0.9999, value, value * 1.0001];
                    assert!(
                        near.iter().any(|p| model.theme.ramp(p.sqrt()) == cell.bg),
                        "{row} {column}"
                    );
                } else {
                    assert_eq!(cell.bg, expected, "{row} {column}");
                }
            }
        }
    }
    // The cell under the pointer is named with both its numbers.
    PANE.click(&mut model, area, Position::new(30 + 2 + 5, 3 + 7));
    let text = text(&model, 62, 22);
    let facts = model.facts();
    let line = format!(
        "p({} after {}): counted {}, model {}",
        facts.label(5),
        facts.label(7),
        probability(counted.bigrams.probability(7, 5)),
        probability(learned(&model, 7)[5])
    );
    assert!(text.contains(&line), "{line}\n{text}");
}

#[test]
fn what_is_missing_is_said() {
    let mut model = fixture::model(120, 40);
    let screen = text(&model, 70, 16);
    assert!(screen.contains("A GPT has no table of what comes next"), "{screen}");
    assert!(!screen.contains("model "), "{screen}");
    let words = crate::text::WordTokenizer::new("a word or two", 9);
    model.corpus.as_mut().unwrap().tokenizer = crate::text::Tokenizer::Words(words);
    assert!(text(&model, 90, 16).contains("reads other tokens"));
    model.corpus.as_mut().unwrap().counted = None;
    assert!(text(&model, 70, 16).contains("being counted"));
}

#[test]
fn every_size_and_state_can_be_drawn() {
    for mut model in [fixture::model(120, 40), bigram()] {
        for ascii in [false, true] {
            if ascii {
                model.theme.glyphs = Glyphs::ASCII;
            }
            for action in
                [Action::CycleView, Action::Right, Action::Down, Action::End, Action::CycleView]
            {
                PANE.act(&mut model, action);
                for (width, height) in [(1, 1), (3, 9), (9, 3), (12, 6), (30, 10), (90, 40)] {
                    let area = Rect::new(0, 0, width, height);
                    PANE.draw(&model, false, area, &mut Buffer::empty(area));
                    for at in area.positions() {
                        PANE.click(&mut model, area, at);
                    }
                }
                let screen = text(&model, 60, 18);
                assert!(!ascii || screen.is_ascii(), "{screen}");
            }
        }
    }
}
