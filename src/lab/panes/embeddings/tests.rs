use ratatui::layout::Rect;
use unicode_width::UnicodeWidthStr;

use super::*;
use crate::lab::fixture;
use crate::lab::model::Model;
use crate::lab::panes::PaneId;
use crate::lab::theme::{Depth, Glyphs, Ground, Theme};
use crate::model::config::{self, Architecture};
use crate::text::{Tokenizer, Tokens, WordTokenizer};
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

/// The fixture on words: the same table, read as that of 64 words and `<unk>`.
fn words() -> Model {
    let mut model = fixture::model(120, 40);
    let mut list = vec!["<unk>".to_owned()];
    list.extend(["the", "king", "good", "great", "gentle", "dog", "hot"].map(str::to_owned));
    list.extend((8..65).map(|i| format!("word{i}")));
    let tokenizer = Tokenizer::Words(WordTokenizer::from_words(list).unwrap());
    model.prompt.set("the king", &tokenizer);
    model.corpus.as_mut().unwrap().tokenizer = tokenizer;
    fixture::reconfigure(&mut model, |config| config.task.tokens = Tokens::Words);
    change(&mut model, |snapshot| snapshot.prompt = vec![1, 2]);
    model
}

fn typed(model: &mut Model, text: &str) {
    model.with(PANE, |pane, facts| pane.typed(facts, text));
}

/// All others by their cosine to a token, worked out here.
fn ranked(model: &Model, token: usize) -> Vec<(usize, f64)> {
    let values = table(model);
    let product = |a: usize, b: usize| -> f64 {
        (0..32).map(|c| f64::from(values[a * 32 + c]) * f64::from(values[b * 32 + c])).sum()
    };
    let cosine =
        |other| product(token, other) / (product(token, token) * product(other, other)).sqrt();
    let mut all: Vec<_> =
        (0..65).filter(|other| *other != token).map(|other| (other, cosine(other))).collect();
    all.sort_by(|a, b| b.1.total_cmp(&a.1));
    all
}

#[test]
fn a_word_is_found_and_a_second_one_has_its_rank_and_cosine() {
    let mut model = words();
    typed(&mut model, "good great");
    assert_eq!(model.panes.embeddings.token, Some(3));
    let all = ranked(&model, 3);
    let rank = all.iter().position(|(other, _)| *other == 4).unwrap();
    let told = format!("great: number {} of 64 by cosine, {:.3}", rank + 1, all[rank].1);
    let map = text(&model, 60, 18);
    assert!(map.contains(&told), "{told}\n{map}");
    PANE.act(&mut model, Action::CycleView);
    let list = text(&model, 60, 18);
    assert!(list.contains(&told) && list.contains("nearest to good by cosine"), "{list}");
    // Fourteen rows between the heading and the comparison, each with the whole word and its own number.
    for (row, (token, cosine)) in all.iter().take(14).enumerate() {
        let name = model.facts().label(*token as u32);
        let line = format!("{name:<12}{cosine:>8.3} ");
        assert!(list.lines().nth(row + 2).unwrap().contains(&line), "{line}\n{list}");
    }
    // By its first letters: the most frequent one. A single token takes the comparison away.
    typed(&mut model, "ge");
    assert_eq!((model.panes.embeddings.token, model.panes.embeddings.compared), (Some(5), None));
    typed(&mut model, "King the");
    assert_eq!((model.panes.embeddings.token, model.panes.embeddings.compared), (Some(2), Some(1)));
    typed(&mut model, "good zebra");
    assert_eq!(model.panes.embeddings.token, Some(2), "the cursor stays");
    assert!(text(&model, 60, 18).contains("no token begins with zebra"));
    typed(&mut model, "good good");
    assert!(text(&model, 60, 18).contains("good is the token itself"));
}

#[test]
fn a_character_is_found_by_its_sign() {
    let mut model = fixture::model(120, 40);
    let found = |model: &Model| {
        let pane = &model.panes.embeddings;
        let label = |token: usize| model.facts().label(token as u32);
        [pane.token.map(label), pane.compared.map(label)].map(Option::unwrap_or_default)
    };
    for (text, wanted) in [
        ("e", ["e", ""]),
        ("a i", ["a", "i"]),
        (" ", ["␣", ""]),
        ("ae", ["a", "e"]),
        ("\n", ["⏎", ""]),
    ] {
        typed(&mut model, text);
        assert_eq!(found(&model), wanted, "{text:?}");
    }
    typed(&mut model, "a i");
    let (a, i) = (39, 39 + 8);
    let all = ranked(&model, a);
    let rank = all.iter().position(|(other, _)| *other == i).unwrap();
    PANE.act(&mut model, Action::CycleView);
    let screen = text(&model, 60, 18);
    let told = format!("i: number {} of 64 by cosine, {:.3}", rank + 1, all[rank].1);
    assert!(screen.contains(&told), "{told}\n{screen}");
}

/// Names on the map are whole, apart from each other, and begin at (or reach over) the cell of their word's vector; the
/// rest are counted.
#[test]
fn the_map_of_words_names_what_it_has_room_for() {
    let mut model = words();
    typed(&mut model, "good great");
    for (width, height) in [(60, 18), (76, 30), (120, 40)] {
        let area = Rect::new(0, 0, width, height);
        let mut buf = Buffer::empty(area);
        PANE.draw(&model, false, area, &mut buf);
        let beside = width >= 78;
        let map = Rect {
            y: u16::from(!beside),
            width: if beside { width - 29 } else { width },
            height: height - if beside { 2 } else { 3 },
            ..area
        };
        let points = &model.panes.embeddings.projection.as_ref().unwrap().points;
        let bounds = |axis: usize| {
            let of = points.iter().map(move |p| p[axis]);
            (of.clone().fold(f64::MAX, f64::min), of.fold(f64::MIN, f64::max))
        };
        let (across, up) = (bounds(0), bounds(1));
        let mut named = 0;
        for (token, point) in points.iter().enumerate() {
            let x = (point[0] - across.0) / (across.1 - across.0) * f64::from(map.width - 1);
            let y = (point[1] - up.0) / (up.1 - up.0) * f64::from(map.height - 1);
            let (x, y) = (map.x + x.round() as u16, map.bottom() - 1 - y.round() as u16);
            let name = model.facts().label(token as u32);
            let start = x.min(map.right() - name.width() as u16);
            let row: String = (map.left()..map.right()).map(|x| buf[(x, y)].symbol()).collect();
            let from = usize::from(start - map.x);
            let shown: String = row.chars().skip(from).take(name.width()).collect();
            let before = row.chars().nth(from.wrapping_sub(1)).unwrap_or(' ');
            let after = row.chars().nth(from + name.width()).unwrap_or(' ');
            let whole = shown == name && before == ' ' && after == ' ';
            named += usize::from(whole);
            assert!(
                whole || ![3, 4, 1, 2].contains(&token) || collides(points, token),
                "{name}\n{}",
                fixture::text(&buf)
            );
        }
        assert!(named > 10, "{named}");
        if beside {
            let screen = fixture::text(&buf);
            assert!(
                screen.contains(&format!("unnamed: {} of 65", 65 - named)),
                "{named}\n{screen}"
            );
        }
    }
}

/// Whether a word named before it may stand in its way.
fn collides(points: &[[f64; 2]], token: usize) -> bool {
    let near = |other: usize| (points[other][1] - points[token][1]).abs() < 0.4;
    token != 3 && [3, 4, 1, 2].into_iter().any(|other| other != token && near(other))
}

#[test]
fn a_table_of_words_has_room_for_their_names_and_a_click_takes_one() {
    let mut model = words();
    for glyphs in [Glyphs::UNICODE, Glyphs::ASCII] {
        model.theme = Theme::new(Depth::None, Ground::Dark, glyphs);
        for view in [View::Map, View::Neighbours, View::Table] {
            model.panes.embeddings.view = view;
            for (width, height) in [(1, 1), (3, 9), (9, 3), (12, 6), (30, 10), (90, 40)] {
                let area = Rect::new(0, 0, width, height);
                PANE.draw(&model, false, area, &mut Buffer::empty(area));
                for at in area.positions().step_by(3) {
                    PANE.click(&mut model, area, at);
                }
                let screen = text(&model, width, height);
                assert!(!glyphs.ascii || screen.is_ascii(), "{screen}");
            }
        }
    }
    model.theme = Theme::plain();
    model.panes.embeddings.view = View::Table;
    PANE.act(&mut model, Action::Home);
    let values = table(&model);
    let screen = text(&model, 60, 12);
    assert!(screen.contains("│ gentle       "), "{screen}");
    let line = format!("<unk>, channel 0 {}", crate::lab::number::value(f64::from(values[0])));
    model.panes.embeddings.column = 0;
    assert!(text(&model, 60, 12).contains(&line), "{line}\n{screen}");
    model.panes.embeddings.view = View::Map;
    typed(&mut model, "good");
    let area = Rect::new(0, 0, 60, 18);
    let mut buf = Buffer::empty(area);
    PANE.draw(&model, false, area, &mut buf);
    // A word that stands alone, by its third letter.
    let screen = fixture::text(&buf);
    let lone =
        |line: &str| line.split_whitespace().find_map(|w| w.strip_prefix("word")?.parse().ok());
    let mut rows = screen.lines().enumerate().skip(1).take(15);
    let found = rows.find_map(|(y, line)| Some((y, line, lone(line)?)));
    let (y, line, number): (usize, &str, usize) = found.unwrap();
    let x = line.split(&format!("word{number}")).next().unwrap().chars().count();
    PANE.click(&mut model, area, Position::new(x as u16 + 2, y as u16));
    assert_eq!(model.panes.embeddings.token, Some(number), "{screen}");
}
