use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};

use super::*;
use crate::lab::fixture::{self, noise};
use crate::lab::model::Model;
use crate::lab::number;
use crate::lab::panes::PaneId;
use crate::lab::theme::{Depth, Glyphs, Ground, Theme};
use crate::model::config::{Architecture, Fault, QueryKey};
use crate::train::snapshot::{Snapshot, Tensor};
use std::sync::Arc;

const PANE: PaneId = PaneId::Attention;

fn text(model: &Model, width: u16, height: u16) -> String {
    fixture::text(&fixture::pane(model, PANE, width, height))
}

/// A tensor of the fixture's snapshot.
fn values(model: &Model, name: &str) -> Vec<f32> {
    model.facts().snapshot.unwrap().activation(name).unwrap().values.clone()
}

/// Replaces the prompt by `time` tokens, and attention by that of `layers` layers of `heads` heads.
fn resize(model: &mut Model, time: usize, layers: usize, heads: usize) {
    let characters = fixture::CHARACTERS.len();
    let tokens: Vec<u32> = (0..time).map(|i| (39 + i * 7 % (characters - 39)) as u32).collect();
    fixture::reconfigure(model, |Config { model, .. }| {
        (model.n_layer, model.n_head, model.block_size) = (layers, heads, time);
        model.n_embd = 8 * heads;
    });
    model.prompt.tokens.clone_from(&tokens);
    let mut activations = Vec::new();
    for layer in 0..layers {
        let square = |part: &str, value: &dyn Fn(usize, usize, usize) -> f64| Tensor {
            name: format!("blocks.{layer}.sa.{part}"),
            shape: vec![heads, time, time],
            values: (0..heads * time * time)
                .map(|n| value(n / time / time, n / time % time, n % time) as f32)
                .collect(),
        };
        let score = |h: usize, i: usize, j: usize| {
            2.0 * noise(h * 71 + i * 13 + j * 7 + layer) - (i as f64 - j as f64).abs() / 4.0
        };
        let sum = |h, i| (0..=i).map(|j| score(h, i, j).exp()).sum::<f64>();
        activations.extend([
            square("products", &|h, i, j| score(h, i, j) * 8_f64.sqrt()),
            square("scores", &score),
            square("masked", &|h, i, j| if j > i { f64::NEG_INFINITY } else { score(h, i, j) }),
            square("weights", &|h, i, j| {
                if j > i { 0.0 } else { score(h, i, j).exp() / sum(h, i) }
            }),
        ]);
    }
    model.snapshot = Some(Arc::new(Snapshot {
        run: crate::train::RunId::FIRST,
        prompt: tokens,
        activations,
        ..Snapshot::default()
    }));
    PANE.refresh(model);
}

#[test]
fn looks() {
    let mut model = fixture::model(120, 40);
    insta::assert_snapshot!("small", text(&model, 40, 12));
    insta::assert_snapshot!("tall", text(&model, 42, 22));
    insta::assert_snapshot!("middle", text(&model, 60, 18));
    insta::assert_snapshot!("flat", text(&model, 72, 14));
    insta::assert_snapshot!("whole_screen", text(&model, 120, 40));
    PANE.act(&mut model, Action::Left);
    PANE.act(&mut model, Action::Left);
    for view in ["products", "scores", "masked"] {
        PANE.act(&mut model, Action::CycleView);
        insta::assert_snapshot!(view, text(&model, 72, 14));
    }
}

#[test]
fn looks_of_other_sizes() {
    let mut model = fixture::model(120, 40);
    resize(&mut model, 64, 4, 4);
    insta::assert_snapshot!("long_small", text(&model, 40, 12));
    insta::assert_snapshot!("long_middle", text(&model, 60, 18));
    insta::assert_snapshot!("long_whole_screen", text(&model, 120, 40));
    resize(&mut model, 8, 3, 4);
    insta::assert_snapshot!("three_layers", text(&model, 72, 14));
    resize(&mut model, 1, 1, 1);
    insta::assert_snapshot!("one_token", text(&model, 40, 12));
}

#[test]
fn looks_without_numbers() {
    let mut model = fixture::model(120, 40);
    let mut snapshot = (**model.snapshot.as_ref().unwrap()).clone();
    for tensor in &mut snapshot.activations {
        tensor.values.fill(f32::NAN);
    }
    model.snapshot = Some(Arc::new(snapshot));
    insta::assert_snapshot!("not_a_number", text(&model, 60, 18));
    model.snapshot = None;
    insta::assert_snapshot!("nothing_yet", text(&model, 40, 12));
    fixture::reconfigure(&mut model, |config| config.model.architecture = Architecture::Bigram);
    insta::assert_snapshot!("bigram", text(&model, 40, 12));
}

#[test]
fn every_size_and_state_can_be_drawn() {
    let mut model = fixture::model(120, 40);
    for time in [0, 1, 2, 8, 64] {
        if time > 0 {
            resize(&mut model, time, 2, 3);
        } else {
            model.snapshot = None;
        }
        for _ in View::ALL {
            PANE.act(&mut model, Action::CycleView);
            for (width, height) in [(1, 1), (2, 9), (9, 2), (12, 5), (30, 10), (50, 50), (200, 7)] {
                let area = Rect::new(0, 0, width, height);
                PANE.draw(&model, false, area, &mut Buffer::empty(area));
                for at in area.positions() {
                    PANE.click(&mut model, area, at);
                }
            }
        }
    }
    model.run = None;
    assert!(text(&model, 40, 12).contains("first step"));
    PANE.refresh(&mut model);
    PANE.act(&mut model, Action::Down);
}

/// Every cell of the map has the colour of the model's own weight; hidden ones have none.
#[test]
fn cells_are_the_models_weights() {
    let mut model = fixture::model(120, 40);
    model.theme = Theme::new(Depth::Rgb, Ground::Dark, Glyphs::UNICODE);
    let weights = values(&model, "blocks.0.sa.weights");
    for head in 0..4 {
        let buf = fixture::pane(&model, PANE, 60, 18);
        for query in 0..8 {
            for key in 0..8 {
                // Inside the border: the heading, the labels of the keys, the labels of the queries.
                let cell = &buf[(2 + 2 + 2 * key as u16, 1 + 2 + query as u16)];
                if key > query {
                    assert_eq!(cell.symbol(), "·");
                } else {
                    let weight = f64::from(weights[(head * 8 + query) * 8 + key]);
                    assert_eq!(cell.bg, model.theme.ramp(weight.sqrt()), "{head} {query} {key}");
                }
            }
        }
        PANE.act(&mut model, Action::NextHead);
    }
}

/// The numbers of the arithmetic are the tensors' own, and fit each other.
#[test]
fn arithmetic_is_the_models() {
    let mut model = fixture::model(120, 40);
    let at = (2 * 8 + 6) * 8 + 3; // head 3, query 7, key 4
    let [weight, score, product] = ["weights", "scores", "products"]
        .map(|part| f64::from(values(&model, &format!("blocks.0.sa.{part}"))[at]));
    let scores = values(&model, "blocks.0.sa.scores");
    let row: Vec<f64> = (0..7).map(|key| f64::from(scores[at - 3 + key])).collect();
    assert!((score.exp() / row.iter().map(|s| s.exp()).sum::<f64>() - weight).abs() < 1e-6);
    for action in [Action::NextHead, Action::NextHead, Action::Up] {
        PANE.act(&mut model, action);
    }
    for _ in 0..4 {
        PANE.act(&mut model, Action::Left);
    }
    let screen = text(&model, 120, 40);
    let (w, s, p) = (probability(weight), number::value(score), number::value(product));
    let first = number::value(row[0]);
    let last = number::value(row[6]);
    for line in [
        "head 3 of 4".to_owned(),
        "query n (7) · key ␣ (4)".to_owned(),
        format!("weight {w}"),
        format!("= softmax({s} | row of 7)"),
        format!("= e^{s} / (e^{first}+…+e^{last})"),
        format!("{s} = q·k/√8 = {p}/2.83"),
    ] {
        assert!(screen.contains(&line), "{line}\n{screen}");
    }
    let query = values(&model, "blocks.0.sa.query");
    let [a, b, c, ..] = query[(2 * 8 + 6) * 8..] else { unreachable!() };
    assert!(screen.contains(&format!("q{a:6.2}{b:6.2}{c:6.2}")), "{screen}");
}

#[test]
fn the_row_is_the_models_and_sums_to_one() {
    let model = fixture::model(120, 40);
    let weights = values(&model, "blocks.0.sa.weights");
    let screen = text(&model, 120, 40);
    for (label, weight) in "the␣king".chars().zip(&weights[7 * 8..8 * 8]) {
        let line = format!("{label} {:>6}", probability(f64::from(*weight)));
        assert!(screen.contains(&line), "{line}\n{screen}");
    }
    assert!(screen.contains("1.000 sum"));
}

#[test]
fn the_mask_is_not_a_zero() {
    let mut model = fixture::model(120, 40);
    for action in [Action::Home, Action::Right] {
        PANE.act(&mut model, action);
    }
    let screen = text(&model, 120, 40);
    assert!(screen.contains("masked to -∞, and e^-∞ = 0"), "{screen}");
    // Products and scores are there before the mask is.
    PANE.act(&mut model, Action::CycleView);
    let product = f64::from(values(&model, "blocks.0.sa.products")[1]);
    assert!(text(&model, 120, 40).contains(&format!("q·k {}", number::value(product))));
    // Without a mask every key is in the row.
    fixture::reconfigure(&mut model, |config| config.model.causal = false);
    PANE.act(&mut model, Action::Home);
    for _ in 0..3 {
        PANE.act(&mut model, Action::CycleView);
    }
    assert!(text(&model, 120, 40).contains("row of 8"));
}

#[test]
fn the_cursor_stays_in_the_prompt_and_follows_its_end() {
    let mut model = fixture::model(120, 40);
    for action in [Action::Down, Action::Right, Action::PageDown] {
        PANE.act(&mut model, action);
        assert_eq!(model.panes.attention.cursor, Some((7, 7)));
    }
    PANE.act(&mut model, Action::Home);
    PANE.act(&mut model, Action::Up);
    PANE.act(&mut model, Action::Left);
    assert_eq!(model.panes.attention.cursor, Some((0, 0)));
    PANE.act(&mut model, Action::End);
    resize(&mut model, 12, 2, 4);
    assert_eq!(
        model.panes.attention.cursor(&model.panes.attention.layer(&model.facts()).unwrap()),
        (11, 11)
    );
    PANE.act(&mut model, Action::Up);
    PANE.act(&mut model, Action::PreviousLayer);
    PANE.act(&mut model, Action::PreviousHead);
    assert_eq!((model.panes.attention.layer, model.panes.attention.head), (1, 3));
    resize(&mut model, 3, 1, 2);
    assert_eq!(model.panes.attention.cursor, Some((2, 2)));
    assert_eq!((model.panes.attention.layer, model.panes.attention.head), (0, 1));
}

#[test]
fn a_click_takes_the_cell_or_the_head() {
    let mut model = fixture::model(120, 40);
    let area = Rect::new(2, 1, 56, 16);
    PANE.click(&mut model, area, Position::new(2 + 2 + 2 * 3 + 1, 1 + 2 + 5));
    assert_eq!(model.panes.attention.cursor, Some((5, 3)));
    let buf = fixture::pane(&model, PANE, 60, 18);
    let row = (0..18).find(|&y| buf[(8, y)].symbol() == "2").unwrap();
    PANE.click(&mut model, area, Position::new(8, row + 1));
    assert_eq!(model.panes.attention.head, 1);
    assert!(text(&model, 60, 18).contains("▸h2"));
}

#[test]
fn big_models_are_asked_for_one_layer_only() {
    let wanted = |model: &Model| {
        let mut wanted = Subscription::default();
        model.panes.attention.subscribe(&model.facts(), &mut wanted);
        wanted.activations
    };
    let mut model = fixture::model(120, 40);
    assert!(wanted(&model).contains(&"blocks.*.sa.weights".to_owned()));
    resize(&mut model, 128, 6, 6);
    PANE.act(&mut model, Action::NextLayer);
    let names = wanted(&model);
    assert_eq!(names[0], "blocks.1.sa.weights");
    assert!(names.iter().all(|name| name.starts_with("blocks.1.sa.")), "{names:?}");
    fixture::reconfigure(&mut model, |config| config.model.architecture = Architecture::Bigram);
    assert!(wanted(&model).is_empty());
}

/// A lab in which a fresh model with this configuration has read the prompt.
fn real(change: impl FnOnce(&mut Config)) -> Model {
    let mut model = fixture::model(120, 40);
    fixture::reconfigure(&mut model, change);
    let built = crate::model::build(&model.run.as_ref().unwrap().config.model).unwrap();
    let mut weights = vec![0.0; built.registry().len()];
    built.initialise(&mut weights, 1337);
    let mut inference = built.language_model().unwrap();
    inference.forward(&weights, &model.prompt.tokens);
    let mut activations = Vec::new();
    inference.visit(&mut |name, shape, values| {
        #[allow(clippy::unnecessary_cast)]
        let values = values.iter().map(|&x| x as f32).collect();
        activations.push(Tensor { name: name.to_owned(), shape: shape.to_vec(), values });
    });
    model.snapshot = Some(Arc::new(Snapshot {
        run: crate::train::RunId::FIRST,
        prompt: model.prompt.tokens.clone(),
        activations,
        ..Snapshot::default()
    }));
    model
}

/// Keys without a weight of their own are drawn like others: the query's numbers, or those that the head reads.
#[test]
fn keys_that_are_not_made_by_a_weight_are_drawn() {
    for (query_key, n_head) in [(QueryKey::Tied, 4), (QueryKey::Merged, 1)] {
        let model = real(|config| {
            (config.model.query_key, config.model.n_head) = (query_key, n_head);
        });
        let key = values(&model, "blocks.0.sa.key");
        // The cursor stands on the last query and the last key, of the first head.
        let hs = 32 / n_head;
        let last = &key[7 * hs..8 * hs];
        let [a, b, c, ..] = *last else { unreachable!() };
        let screen = text(&model, 120, 40);
        assert!(screen.contains(&format!("k{a:6.2}{b:6.2}{c:6.2}")), "{screen}");
        if query_key == QueryKey::Tied {
            assert!(screen.contains(&format!("q{a:6.2}{b:6.2}{c:6.2}")), "{screen}");
        }
    }
}

/// A row over the wrong axis is drawn as it is, with the sum that it has.
#[test]
fn a_row_that_does_not_sum_to_one_says_so() {
    let model = real(|config| config.model.fault = Fault::SoftmaxAxis);
    let weights = values(&model, "blocks.0.sa.weights");
    let row = &weights[7 * 8..8 * 8];
    let sum: f32 = row.iter().sum();
    assert!((sum - 1.0).abs() > 0.1, "{row:?}");
    let screen = text(&model, 120, 40);
    assert!(screen.contains(&format!("weight {}", probability(f64::from(row[7])))), "{screen}");
    assert!(screen.contains(&format!("{sum:.3} sum")), "{sum}\n{screen}");
}

/// Not the fixture but a model of each kind: what it hands over is what is drawn.
#[test]
fn what_a_real_model_hands_over_is_drawn() {
    for causal in [true, false] {
        let mut model = real(|config| {
            (config.model.causal, config.model.n_layer) = (causal, 2);
        });
        for action in [Action::NextLayer, Action::NextHead, Action::Up, Action::PageUp] {
            PANE.act(&mut model, action);
        }
        PANE.act(&mut model, Action::Left);
        // Layer 2, head 2, the first query, the key before the last.
        let at = 8 * 8 + 6;
        let [weight, score] = ["weights", "scores"]
            .map(|part| f64::from(values(&model, &format!("blocks.1.sa.{part}"))[at]));
        let screen = text(&model, 120, 40);
        assert!(screen.contains("layer 2 of 2 · head 2 of 4"), "{screen}");
        assert!(screen.contains(&format!("weight {}", probability(weight))), "{screen}");
        assert!(screen.contains("1.000 sum"), "{screen}");
        assert!(screen.contains("▸L2"), "{screen}");
        if causal {
            assert!(weight == 0.0 && screen.contains("comes after the query"), "{screen}");
        } else {
            let line = format!("= softmax({} | row of 8)", number::value(score));
            assert!(weight > 0.0 && screen.contains(&line), "{line}\n{screen}");
        }
    }
}

#[test]
fn a_list_that_is_cut_has_the_largest_weight() {
    let mut weights = vec![0.001; 40];
    weights[31] = 0.996;
    for room in 2..40 {
        for cursor in [None, Some(0), Some(20), Some(39)] {
            let shown = shown_keys(&weights, cursor, room);
            assert!(shown.contains(&31) && shown.len() == room, "{cursor:?} {shown:?}");
            assert!(cursor.is_none_or(|cursor| shown.contains(&cursor)), "{cursor:?} {shown:?}");
            assert!(shown.is_sorted());
        }
    }
    assert_eq!(shown_keys(&weights, None, 1), [31]);
}
