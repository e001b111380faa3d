use ratatui::layout::Rect;

use super::*;
use crate::lab::fixture;
use crate::lab::model::Model;
use crate::lab::number::count;
use crate::lab::panes::PaneId;
use crate::lab::panes::tests::{open, train};
use crate::lab::widgets::bar::column;
use crate::probe::timing::{TIMES, contenders};
use crate::train::Session;

const PANE: PaneId = PaneId::Field;

/// A run that reads 24 tokens, or a made task's own.
fn trained(stage: &str) -> (Model, Session) {
    let (mut model, mut session) = open(stage, 160, 48);
    if model.facts().reads_prompt() {
        model.prompt.tokens = (0..24).map(|i| (i * i + 1) % 5).collect();
    }
    train(&mut model, &mut session, 2);
    (model, session)
}

fn drawn(model: &Model, area: Rect) -> Buffer {
    let mut buf = Buffer::empty(area);
    PANE.draw(model, false, area, &mut buf);
    buf
}

fn act(model: &mut Model, area: Rect, action: Action) {
    let seat = Seat { room: area, focused: true, zoomed: false };
    model.with(PANE, |pane, facts| pane.act(facts, seat, action));
}

/// Every sign is what the structure says of its layer and position, and every bar the measured movement.
#[test]
fn signs_are_the_cone_and_bars_are_what_was_measured() {
    let area = Rect::new(0, 0, 110, 40);
    for (stage, moves) in [("conv", 6), ("neural-gpu", 4), ("lstm", 3), ("layer-norm", 3)] {
        let (mut model, _) = trained(stage);
        for action in
            [Action::Left, Action::Down, Action::Left, Action::Left, Action::Down, Action::Left]
                .into_iter()
                .take(moves)
        {
            act(&mut model, area, action);
            let buf = drawn(&model, area);
            let facts = model.facts();
            let shown = model.panes.field.shown(&facts).unwrap();
            let drawing = Drawing::new(&shown, area);
            let glyphs = &model.theme.glyphs;
            let (mut inside, mut outside) = (0, 0);
            // The connections, once more: from the chosen position down, by what each layer reads.
            let mut row = vec![false; shown.time];
            row[shown.at] = true;
            for level in (0..=shown.layer + 1).rev() {
                if level > 0 && shown.levels[level - 1].sight == Sight::State {
                    (0..shown.at).for_each(|at| row[at] = true);
                }
                for at in 0..shown.time {
                    let sign = buf[(drawing.x(at).unwrap(), drawing.row(level).unwrap())].symbol();
                    let expected = match row[at] {
                        true if level == shown.layer + 1 && at == shown.at => glyphs.guess,
                        true => glyphs.knob,
                        false => glyphs.dotted,
                    };
                    assert_eq!(sign, expected, "{stage} {level} {at}");
                    if row[at] { inside += 1 } else { outside += 1 }
                }
                if level > 0 {
                    let sight = &shown.levels[level - 1].sight;
                    let reads = |at: usize, other: usize| match sight {
                        Sight::Places(places) => places.contains(&(other as isize - at as isize)),
                        Sight::Earlier => other <= at,
                        _ => other == at,
                    };
                    row = (0..shown.time)
                        .map(|other| (0..shown.time).any(|at| row[at] && reads(at, other)))
                        .collect();
                }
            }
            assert!(inside > 3 && outside > 0, "{stage}");
            let reading = facts.snapshot.unwrap().reading("influence").unwrap();
            let first = (shown.layer * shown.time + shown.at) * shown.time;
            let moved = &reading.values[first..][..shown.time];
            let most = f64::from(moved.iter().copied().fold(0.0, f32::max));
            assert!(most > 0.0);
            for at in 0..shown.time {
                let bar = column(f64::from(moved[at]) / most, 6, glyphs);
                let foot = drawing.foot();
                for (y, sign) in (foot - 5..=foot).zip(bar) {
                    assert_eq!(buf[(drawing.x(at).unwrap(), y)].symbol(), sign, "{stage} {at}");
                }
                // Structure and measurement agree: below what is outside stands nothing.
                assert!(row[at] || moved[at] == 0.0);
                let token = facts.label(facts.snapshot.unwrap().prompt[at]);
                assert_eq!(buf[(drawing.x(at).unwrap(), foot - 6)].symbol(), token);
            }
        }
    }
}

#[test]
fn the_line_above_counts_what_is_drawn() {
    let (mut model, _) = trained("conv");
    let area = Rect::new(0, 0, 120, 40);
    let says =
        |model: &Model| fixture::text(&drawn(model, area)).lines().next().unwrap().to_owned();
    // 24 tokens, four layers: 2 + 4 + 8 positions are not enough for 23, 30 are.
    let moving = |model: &Model| model.panes.field.shown(&model.facts()).unwrap().moving();
    let first = says(&model);
    let start =
        format!("made from 24 tokens, {} move it; the farthest 23 away, 4 steps", moving(&model));
    assert!(first.starts_with(&start), "{first}");
    assert_eq!(PANE.detail(&model), "layer 4 of 4 · position 23");
    act(&mut model, area, Action::Down);
    act(&mut model, area, Action::Down);
    let second = says(&model);
    let start = format!(
        "made from 7 tokens, {} move it; the farthest 6 away, 2 steps, felt in layer 2  longest",
        moving(&model)
    );
    assert!(second.starts_with(&start), "{second}");
    act(&mut model, area, Action::Home);
    assert!(says(&model).starts_with("made from 1 token, 1 move it; the farthest 0 away, 1 step"));
    let shown = model.panes.field.shown(&model.facts()).unwrap();
    let place = Drawing::new(&shown, area);
    let at = Position::new(place.x(9).unwrap(), place.row(1).unwrap());
    PANE.click(&mut model, area, at);
    assert_eq!(PANE.detail(&model), "layer 2 of 4 · position 9");
    let state = trained("rnn").0;
    assert!(says(&state).contains("the farthest 23 away, 24 steps"), "{}", says(&state));
    let direct = trained("attention").0;
    assert!(says(&direct).contains("away, 1 step, felt in layer 1"), "{}", says(&direct));
}

/// The paper's table is computed from the structure, and the times are the instrument's.
#[test]
fn the_table_has_the_structures_numbers_and_the_measured_times() {
    let (mut model, mut session) = trained("rnn");
    let area = Rect::new(0, 0, 100, 30);
    act(&mut model, area, Action::CycleView);
    let config = model.run.as_ref().unwrap().config.model.clone();
    let words = |line: &str| line.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
    for time in [64, 128] {
        let text = fixture::text(&drawn(&model, area));
        assert_eq!(PANE.detail(&model), format!("layers compared · T {time}"));
        let lines: Vec<_> = text.lines().collect();
        let all = contenders(&config, time);
        assert_eq!(all.len(), 6);
        for (line, one) in lines[1..].iter().zip(&all) {
            assert!(line.contains(one.card.name), "{text}");
            let path = one.path.map_or("-".to_owned(), |path| path.to_string());
            let expected = format!("{} {path} not yet", count(one.in_a_row as u64));
            let expected = [expected, count(one.products as u64)].join(" ");
            assert!(words(line).join(" ").ends_with(&expected), "{expected}\n{text}");
        }
        act(&mut model, area, Action::Right);
    }
    assert!(!model.panes.field.table.asks());
    act(&mut model, area, Action::Clock);
    assert!(fixture::text(&drawn(&model, area)).contains("Measuring"));
    train(&mut model, &mut session, 1);
    assert!(!model.panes.field.table.asks(), "it is there");
    let reading = model.facts().snapshot.unwrap().reading("timing").unwrap().clone();
    let text = fixture::text(&drawn(&model, area));
    // A blank line and the heads stand before the rows of times.
    let rows: Vec<_> = text.lines().skip(9).take(TIMES.len()).map(words).collect();
    for (place, (row, time)) in rows.iter().zip(TIMES).enumerate() {
        assert_eq!(row[0].trim_start_matches('▸'), time.to_string(), "{text}");
        let mut numbers = row[1..].iter();
        for kind in 0..6 {
            let ms = reading.values[kind * TIMES.len() + place];
            let word = numbers.next().unwrap();
            if ms.is_nan() {
                assert_eq!((word.as_str(), numbers.next().unwrap().as_str()), ("too", "long"));
            } else {
                let digits = if ms < 10.0 { 2 } else { 0 };
                assert_eq!(**word, format!("{ms:.digits$}"), "{text}");
            }
        }
    }
    // Another width, other times.
    fixture::reconfigure(&mut model, |config| config.model.n_hidden = 8);
    model.with(PANE, |pane, facts| pane.refresh(facts));
    assert!(fixture::text(&drawn(&model, area)).contains("not yet"));
    // A run of which nothing is known yet leaves no word behind that is not true of it.
    let card = model.run.as_mut().unwrap().card.take();
    fixture::reconfigure(&mut model, |config| config.model.n_hidden = 16);
    model.with(PANE, |pane, facts| pane.refresh(facts));
    model.run.as_mut().unwrap().card = card;
    model.with(PANE, |pane, facts| pane.refresh(facts));
    assert!(fixture::text(&drawn(&model, area)).contains("not yet"));
}

#[test]
fn what_has_no_positions_says_so_and_every_size_can_be_drawn() {
    for stage in ["bigram", "memory", "vae", "conv", "neural-gpu"] {
        let (mut model, mut session) = trained(stage);
        for view in 0..2 {
            for (width, height) in
                [(1, 1), (2, 1), (1, 3), (3, 2), (7, 6), (10, 4), (78, 22), (250, 200)]
            {
                for at in [Position::new(0, 0), Position::new(width - 1, height - 1)] {
                    drawn(&model, Rect::new(0, 0, width, height));
                    PANE.click(&mut model, Rect::new(0, 0, width, height), at);
                }
            }
            let text = fixture::text(&drawn(&model, Rect::new(0, 0, 76, 20)));
            let none = ["bigram", "memory", "vae"].contains(&stage) && view == 0;
            assert_eq!(text.contains("has no row for each position"), none, "{stage}\n{text}");
            assert_eq!(text.contains("reads no rows of tokens"), stage == "vae" && view == 1);
            act(&mut model, Rect::new(0, 0, 76, 20), Action::CycleView);
        }
        train(&mut model, &mut session, 1);
    }
}
