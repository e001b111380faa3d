use ratatui::layout::Rect;

use super::*;
use crate::lab::fixture;
use crate::lab::model::Model;
use crate::lab::panes::PaneId;
use crate::lab::theme::{Depth, Glyphs, Ground, Theme};
use crate::model::config::{self, Architecture};
use crate::train::snapshot::{Snapshot, Tensor};

const TOKENS: &str = "token_embedding_table.weight";
const LEARNED: &str = "position_embedding_table.weight";
const FIXED: &str = "embedding.position";

const PANE: PaneId = PaneId::Embeddings;

fn text(model: &Model, width: u16, height: u16) -> String {
    fixture::text(&fixture::pane(model, PANE, width, height))
}

fn change(model: &mut Model, change: impl Fn(&mut Snapshot)) {
    let mut snapshot = (**model.snapshot.as_ref().unwrap()).clone();
    change(&mut snapshot);
    model.snapshot = Some(Arc::new(snapshot));
    PANE.refresh(model);
}

fn table(model: &Model) -> Vec<f32> {
    model.facts().snapshot.unwrap().parameter(TOKENS).unwrap().values.clone()
}

/// The fixture as a bigram: a table of 65 x 65 logits.
fn bigram() -> Model {
    let mut model = fixture::model(120, 40);
    fixture::reconfigure(&mut model, |config| config.model.architecture = Architecture::Bigram);
    change(&mut model, |snapshot| {
        let table = Tensor {
            name: TOKENS.to_owned(),
            shape: vec![65, 65],
            values: (0..65 * 65).map(|i| 3.0 * fixture::noise(i) as f32).collect(),
        };
        snapshot.parameters = vec![table];
    });
    model
}

#[test]
fn looks() {
    let mut model = fixture::model(120, 40);
    for view in ["map", "neighbours", "table", "positions"] {
        insta::assert_snapshot!(format!("{view}_small"), text(&model, 40, 12));
        insta::assert_snapshot!(format!("{view}_middle"), text(&model, 60, 18));
        insta::assert_snapshot!(format!("{view}_whole_screen"), text(&model, 120, 40));
        PANE.act(&mut model, Action::CycleView);
    }
    assert_eq!(model.panes.embeddings.view(&model.facts()), View::Map);
}

#[test]
fn looks_of_a_bigram() {
    let mut model = bigram();
    for view in ["map", "neighbours", "table", "probabilities"] {
        insta::assert_snapshot!(format!("bigram_{view}"), text(&model, 60, 18));
        PANE.act(&mut model, Action::CycleView);
    }
}

#[test]
fn looks_at_the_edges() {
    let mut model = fixture::model(120, 40);
    change(&mut model, |s| s.parameters.iter_mut().for_each(|t| t.values.fill(f32::NAN)));
    for view in ["map", "neighbours", "table"] {
        insta::assert_snapshot!(format!("not_a_number_{view}"), text(&model, 40, 12));
        PANE.act(&mut model, Action::CycleView);
    }
    change(&mut model, |s| s.parameters.iter_mut().for_each(|t| t.values.fill(0.5)));
    model.panes.embeddings.view = View::Map;
    insta::assert_snapshot!("constant", text(&model, 40, 12));
    model.snapshot = None;
    PANE.refresh(&mut model);
    insta::assert_snapshot!("nothing_yet", text(&model, 40, 12));
}

#[test]
fn every_size_and_state_can_be_drawn() {
    for mut model in [fixture::model(120, 40), bigram()] {
        for missing in [false, true] {
            if missing {
                model.snapshot = None;
                PANE.refresh(&mut model);
            }
            for _ in 0..4 {
                for action in [Action::CycleView, Action::Left, Action::Down] {
                    PANE.act(&mut model, action);
                }
                for (width, height) in [(1, 1), (3, 9), (9, 3), (12, 6), (30, 10), (90, 40)] {
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
}

/// Every token is on the map once, in the colour of its class.
#[test]
fn the_map_shows_every_token_by_its_own_sign() {
    let mut model = fixture::model(120, 40);
    model.theme = Theme::new(Depth::Rgb, Ground::Dark, Glyphs::UNICODE);
    let area = Rect::new(0, 0, 70, 30);
    let mut buf = Buffer::empty(area);
    PANE.draw(&model, false, area, &mut buf);
    let map = Rect::new(0, 1, 70, 27);
    for token in 0..65 {
        let label = model.facts().label(token);
        let places: Vec<_> = map.positions().filter(|&p| buf[p].symbol() == label).collect();
        assert_eq!(places.len(), 1, "{label}");
        let role = crate::lab::theme::class(model.facts().character(token).unwrap());
        let chosen = token as usize == model.panes.embeddings.token(&model.facts(), 65);
        if !chosen {
            assert_eq!(buf[places[0]].fg, model.theme.colour(role), "{label}");
        }
    }
}

/// Tokens on the map lie in the order of the projection that the covariance's own eigenvectors give: their spread along
/// the map's axes is the largest that any direction has.
#[test]
fn the_map_is_the_plane_of_the_largest_variance() {
    let model = fixture::model(120, 40);
    let values = table(&model);
    let projection = model.panes.embeddings.projection.as_ref().unwrap();
    let mean: Vec<f64> = (0..32)
        .map(|c| values.iter().skip(c).step_by(32).map(|&x| f64::from(x)).sum::<f64>() / 65.0)
        .collect();
    let centred = |i: usize, c: usize| f64::from(values[i * 32 + c]) - mean[c];
    // Each axis as a direction in the table: Xᵀ u; its image X Xᵀ u is u times the variance along it, or nearly so in a
    // plane that was turned.
    let total: f64 = (0..65 * 32).map(|n| centred(n / 32, n % 32).powi(2)).sum();
    let mut shares = 0.0;
    for axis in 0..2 {
        let u: Vec<f64> = projection.points.iter().map(|p| p[axis]).collect();
        let down: Vec<f64> = (0..32).map(|c| (0..65).map(|i| centred(i, c) * u[i]).sum()).collect();
        let size: f64 = u.iter().map(|x| x * x).sum();
        for (i, u) in u.iter().enumerate() {
            let image: f64 = (0..32).map(|c| centred(i, c) * down[c]).sum();
            assert!((image / size - u).abs() < 2e-3 * size.sqrt(), "{i} {image} {u}");
        }
        assert!((projection.shares[axis] - size / total).abs() < 1e-9);
        shares += size / total;
    }
    // No other direction of a sample has more.
    for seed in 0..50 {
        let direction: Vec<f64> = (0..32).map(|c| fixture::noise(c + 77 * seed)).collect();
        let size: f64 = direction.iter().map(|x| x * x).sum();
        let along: f64 = (0..65)
            .map(|i| (0..32).map(|c| centred(i, c) * direction[c]).sum::<f64>().powi(2))
            .sum();
        assert!(along / size / total < shares / 2.0 + 1e-3);
    }
    assert!(text(&model, 60, 18).contains(&format!("→ {:.1} %", 100.0 * projection.shares[0])));
}

#[test]
fn a_new_snapshot_moves_the_map_a_little() {
    let mut model = fixture::model(120, 40);
    let before = model.panes.embeddings.projection.clone().unwrap();
    PANE.refresh(&mut model);
    assert_eq!(model.panes.embeddings.projection.as_ref(), Some(&before));
    change(&mut model, |s| {
        for (i, x) in s.parameters[0].values.iter_mut().enumerate() {
            *x += 0.01 * fixture::noise(i + 5) as f32;
        }
    });
    let after = model.panes.embeddings.projection.clone().unwrap();
    assert_ne!(before, after);
    for (a, b) in before.points.iter().zip(&after.points) {
        assert!((a[0] - b[0]).hypot(a[1] - b[1]) < 0.5, "{a:?} {b:?}");
    }
}

#[test]
fn neighbours_are_those_of_the_largest_cosine() {
    let mut model = fixture::model(120, 40);
    PANE.act(&mut model, Action::CycleView);
    PANE.act(&mut model, Action::Home);
    for _ in 0..3 {
        PANE.act(&mut model, Action::Down);
    }
    let values = table(&model);
    let cosine = |a: usize, b: usize| {
        let row = |i: usize| values[i * 32..(i + 1) * 32].iter().map(|&x| f64::from(x));
        let product = |i, j| row(i).zip(row(j)).map(|(x, y)| x * y).sum::<f64>();
        product(a, b) / product(a, a).sqrt() / product(b, b).sqrt()
    };
    let mut all: Vec<_> = (0..65).filter(|&t| t != 3).map(|t| (cosine(3, t), t)).collect();
    all.sort_by(|a, b| b.0.total_cmp(&a.0));
    let screen = text(&model, 60, 18);
    assert!(screen.contains("nearest to $ by cosine"), "{screen}");
    for (row, &(cosine, token)) in all.iter().take(15).enumerate() {
        let line = format!("{}{cosine:>8.3}", model.facts().label(token as u32));
        assert!(screen.lines().nth(row + 2).unwrap().contains(&line), "{line}\n{screen}");
    }
    let (cosine, token) = all[63];
    let line = format!("{}{cosine:>8.3}", model.facts().label(token as u32));
    assert!(screen.lines().nth(2).unwrap().contains(&line), "{line}\n{screen}");
}

/// Colours of the heat map, and the value under the cursor.
#[test]
fn the_table_is_the_models() {
    let mut model = fixture::model(120, 40);
    model.theme = Theme::new(Depth::Rgb, Ground::Dark, Glyphs::UNICODE);
    for action in [Action::CycleView, Action::CycleView, Action::Home, Action::Down, Action::Right]
    {
        PANE.act(&mut model, action);
    }
    let values = table(&model);
    let most = f64::from(values.iter().fold(0.0_f32, |m, x| m.max(x.abs())));
    let buf = fixture::pane(&model, PANE, 40, 12);
    for row in 0..8 {
        for column in 0..32 {
            let cell = &buf[(2 + 2 + column as u16, 1 + 2 + row as u16)];
            let value = f64::from(values[row * 32 + column]);
            assert_eq!(cell.bg, model.theme.diverging(value / most), "{row} {column}");
        }
    }
    let line = format!("␣, channel 1 {}", crate::lab::number::value(f64::from(values[32 + 1])));
    assert!(text(&model, 40, 12).contains(&line), "{line}");
    PANE.act(&mut model, Action::CycleView);
    let positions = &model.facts().snapshot.unwrap().parameter(LEARNED).unwrap().values;
    let value = crate::lab::number::value(f64::from(positions[7 * 32 + 1]));
    assert!(text(&model, 60, 18).contains(&format!("position 8, channel 1 {value}")));
}

#[test]
fn a_bigrams_rows_are_logits_of_the_next_token() {
    let mut model = bigram();
    assert!(PANE.about(&model).contains("what follows them"));
    for action in [Action::CycleView, Action::CycleView, Action::Home, Action::Right] {
        PANE.act(&mut model, action);
    }
    let row: Vec<f64> = table(&model)[..65].iter().map(|&x| f64::from(x)).collect();
    let line = format!("logit of ␣ after ⏎ {}", crate::lab::number::value(row[1]));
    assert!(text(&model, 60, 18).contains(&line), "{line}");
    PANE.act(&mut model, Action::CycleView);
    let p = row[1].exp() / row.iter().map(|x| x.exp()).sum::<f64>();
    let line = format!("p(␣ after ⏎) = {}", crate::lab::number::probability(p));
    assert!(text(&model, 60, 18).contains(&line), "{line}");
    assert!(PANE.about(&model).contains("p of next"));
}

#[test]
fn views_and_subscriptions_follow_the_stage() {
    let wanted = |model: &Model| {
        let mut wanted = Subscription::default();
        model.panes.embeddings.subscribe(&model.facts(), &mut wanted);
        [wanted.parameters, wanted.activations].concat()
    };
    let mut model = fixture::model(120, 40);
    assert_eq!(wanted(&model), [TOKENS]);
    model.panes.embeddings.view = View::Positions;
    assert_eq!(wanted(&model), [TOKENS, LEARNED]);
    let places = |model: &mut Model, position| {
        fixture::reconfigure(model, |config| config.model.position = position);
    };
    places(&mut model, config::Position::Sinusoidal);
    assert_eq!(wanted(&model), [TOKENS, FIXED]);
    assert!(text(&model, 60, 18).contains("position 8, channel 0"));
    places(&mut model, config::Position::None);
    assert_eq!(model.panes.embeddings.view(&model.facts()), View::Map);
    assert_eq!(wanted(&model), [TOKENS]);
}

#[test]
fn cursors_stay_in_the_tables() {
    let mut model = fixture::model(120, 40);
    assert_eq!(
        model.panes.embeddings.token(&model.facts(), 65),
        *model.prompt.tokens.last().unwrap() as usize
    );
    PANE.act(&mut model, Action::End);
    PANE.act(&mut model, Action::Right);
    assert_eq!(model.panes.embeddings.token, Some(64));
    PANE.act(&mut model, Action::Home);
    PANE.act(&mut model, Action::Left);
    assert_eq!(model.panes.embeddings.token, Some(0));
    model.panes.embeddings.view = View::Table;
    for _ in 0..40 {
        PANE.act(&mut model, Action::Right);
    }
    assert_eq!(model.panes.embeddings.column, 31);
    change(&mut model, |s| {
        s.parameters[0].shape = vec![65, 16];
        s.parameters[0].values.truncate(65 * 16);
    });
    assert_eq!(model.panes.embeddings.column, 15);
}

#[test]
fn a_click_takes_the_token_or_the_cell() {
    let mut model = fixture::model(120, 40);
    let area = Rect::new(0, 0, 60, 18);
    let mut buf = Buffer::empty(area);
    PANE.draw(&model, false, area, &mut buf);
    let map = Rect::new(0, 1, 60, 15);
    let at = map.positions().find(|&p| buf[p].symbol() == "e").unwrap();
    PANE.click(&mut model, area, at);
    assert_eq!(
        model.facts().character(model.panes.embeddings.token(&model.facts(), 65) as u32),
        Some('e')
    );
    model.panes.embeddings.view = View::Table;
    PANE.act(&mut model, Action::Home);
    PANE.click(&mut model, area, Position::new(2 + 5, 2 + 3));
    assert_eq!((model.panes.embeddings.token, model.panes.embeddings.column), (Some(3), 5));
}

#[test]
fn the_number_under_the_cursor_is_never_cut() {
    let tables = [(fixture::model(120, 40), View::Positions), (bigram(), View::Table)];
    for (mut model, view) in tables {
        change(&mut model, |s| s.parameters.iter_mut().for_each(|t| t.values.fill(5.84e-6)));
        model.panes.embeddings.view = view;
        for width in 8..70 {
            let text = text(&model, width, 12);
            let line = text.lines().nth(1).unwrap();
            let numbers = line.split_whitespace().map(|word| word.trim_matches(['│', '-', ' ']));
            let mut numbers = numbers.filter(|word| word.starts_with(['5', '6'])).peekable();
            assert!(numbers.peek().is_some(), "{text}");
            assert!(numbers.all(|number| ["5.8e-6", "6e-6"].contains(&number)), "{text}");
        }
    }
}
