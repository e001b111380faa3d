use std::sync::Arc;

use super::*;
use crate::lab::fixture;
use crate::lab::model::Model;
use crate::lab::panes::PaneId;
use crate::lab::panes::tests::{look, open};
use crate::lab::theme::{Depth, Glyphs, Ground, Theme};
use crate::probe::Reading;
use crate::stage::stage;
use crate::task::signs::Signs;
use crate::train::session::Session;
use crate::train::testing;

const PANE: PaneId = PaneId::Story;
/// A pane of a screen of 80x24, without its border.
const SMALL: Rect = Rect::new(3, 2, 43, 18);
const ZOOMED: Rect = Rect::new(0, 1, 118, 36);

fn reading_stories(name: &str) -> (Model, Session) {
    let (mut model, _) = open("memory", 160, 48);
    let mut config = stage(name).unwrap().config(1, 1337);
    (config.training.eval_batches, config.training.batch_size) = (1, 8);
    let mut session = testing::open(config.clone(), 1);
    let run = model.run.as_mut().unwrap();
    run.signs = Signs::of(&config.task);
    fixture::reconfigure(&mut model, |own| *own = config);
    look(&mut model, &mut session);
    (model, session)
}

fn drawn(model: &Model, area: Rect) -> Buffer {
    let mut buf = Buffer::empty(Rect::new(0, 0, 130, 50));
    PANE.draw(model, false, area, &mut buf);
    buf
}

fn text(model: &Model, area: Rect) -> String {
    fixture::text(&drawn(model, area))
}

fn act(model: &mut Model, action: Action) -> Vec<Wish> {
    let seat = Seat { room: SMALL, focused: true, zoomed: false };
    model.with(PANE, |pane, facts| pane.act(facts, seat, action))
}

fn typed(model: &mut Model, text: &str) {
    model.with(PANE, |pane, facts| pane.typed(facts, text));
}

fn reading(model: &Model) -> Reading {
    model.facts().snapshot.unwrap().reading(INSTRUMENT.name).unwrap().clone()
}

/// Puts other numbers in the place of the reading's.
fn changed(model: &mut Model, change: impl FnOnce(&mut Reading)) {
    let mut snapshot = (**model.snapshot.as_ref().unwrap()).clone();
    let found = snapshot.readings.iter_mut().find(|m| m.instrument == INSTRUMENT.name);
    change(&mut found.unwrap().reading);
    model.snapshot = Some(Arc::new(snapshot));
}

fn set(reading: &mut Reading, name: &str, value: f64) {
    let figure = reading.figures.iter_mut().find(|(known, _)| known == name);
    figure.unwrap().1 = value;
}

/// What a row of the screen has from a column on.
fn at(buf: &Buffer, x: u16, y: u16, width: u16) -> String {
    (x..x + width).map(|x| buf[(x, y)].symbol()).collect()
}

/// Where the full stops of a reading stand.
fn ends(reading: &Reading) -> Vec<usize> {
    let ids = reading.values[..reading.shape[1]].iter();
    ids.enumerate().filter(|(_, id)| **id == 1.0).map(|(t, _)| t).collect()
}

/// Every weight of every hop stands beside its sentence, in its hop's column and colour, as a number and as a bar.
#[test]
fn every_hop_has_its_weight_beside_every_sentence() {
    let (mut model, _) = reading_stories("memory-stories");
    model.theme = Theme::new(Depth::Rgb, Ground::Dark, Glyphs::UNICODE);
    // Fresh weights are much alike; these are not.
    changed(&mut model, |reading| {
        let (ends, time) = (ends(reading), reading.shape[1]);
        for way in 0..3 {
            for (i, end) in ends.iter().enumerate() {
                let odd = (i * 7 + way * 3) % 11;
                reading.values[(1 + way) * time + end] =
                    [0.0, 0.001, 0.5][i % 3] + odd as f32 / 25.0;
            }
        }
    });
    let reading = reading(&model);
    let (ends, time) = (ends(&reading), reading.shape[1]);
    for area in [SMALL, ZOOMED] {
        let buf = drawn(&model, area);
        let fits = usize::from(area.height) - 3;
        let first = ends.len().saturating_sub(fits);
        let words = |i: usize| {
            let start = i.checked_sub(1).map_or(0, |before| ends[before] + 1);
            let ids = reading.values[start..ends[i]].iter();
            ids.map(|id| model.facts().label(*id as u32)).collect::<Vec<_>>().join(" ")
        };
        let longest = (0..ends.len()).map(|i| words(i).len()).max().unwrap();
        let each = ((usize::from(area.width) - 2 - longest) / 3).min(NUMBER + LONGEST_BAR);
        for (row, i) in (first..ends.len()).enumerate() {
            let y = area.y + 1 + row as u16;
            assert_eq!(at(&buf, area.x + 2, y, words(i).len() as u16), words(i));
            for way in 0..3 {
                let weight = f64::from(reading.values[(1 + way) * time + ends[i]]);
                let x = area.x + (2 + longest + way * each) as u16;
                let number = percent(weight);
                assert_eq!(at(&buf, x, y, 4), format!(" {number}"), "{i} {way}");
                let bar = bar(weight, each - NUMBER, &model.theme.glyphs);
                assert_eq!(at(&buf, x + 4, y, (each - NUMBER) as u16).trim_end(), bar);
                let colour = model.theme.ghost(way).fg;
                assert_eq!(Some(buf[(x + 3, y)].fg), colour);
                assert!(way == 0 || colour != model.theme.ghost(way - 1).fg);
            }
        }
        for way in 0..3 {
            let x = area.x + (2 + longest + way * each) as u16;
            assert_eq!(at(&buf, x, area.y, 4), format!("  H{}", way + 1));
        }
    }
}

#[test]
fn a_percentage_is_never_a_0_that_is_none() {
    for (weight, text) in
        [(0.0, "  0"), (1e-9, " <1"), (0.0049, " <1"), (0.0051, "  1"), (0.5, " 50"), (1.0, "100")]
    {
        assert_eq!(percent(weight), text);
    }
    assert_eq!(percent(f64::NAN), "  ?");
}

/// A head's weights on the words of a sentence are added; what is left is on the question.
#[test]
fn a_heads_weights_are_summed_over_a_sentence() {
    let (mut model, _) = reading_stories("attention-stories");
    let reading = reading(&model);
    let (ends, time) = (ends(&reading), reading.shape[1]);
    let buf = drawn(&model, ZOOMED);
    let sum = |way: usize, from: usize, to: usize| -> f64 {
        reading.values[(1 + way) * time..][from..to].iter().map(|w| f64::from(*w)).sum()
    };
    let mut seen = 0;
    for (i, end) in ends.iter().enumerate() {
        let start = i.checked_sub(1).map_or(0, |before| ends[before] + 1);
        let y = ZOOMED.y + 1 + i as u16;
        let line = at(&buf, 0, y, ZOOMED.width);
        let numbers: Vec<String> =
            (0..8).map(|way| percent(sum(way, start, end + 1)).trim().to_owned()).collect();
        let drawn: Vec<&str> = line
            .split_whitespace()
            .filter(|word| word.starts_with(|c: char| c.is_ascii_digit() || c == '<'))
            .collect();
        let drawn: Vec<String> = drawn
            .iter()
            .map(|word| word.trim_end_matches(|c: char| !c.is_ascii_digit()).to_owned())
            .collect();
        assert_eq!(drawn, numbers, "{line}");
        seen += 1;
    }
    let line = at(&buf, 0, ZOOMED.y + 1 + ends.len() as u16, ZOOMED.width);
    let left = percent(sum(7, ends[ends.len() - 1] + 1, time));
    assert!(seen >= 8 && line.contains("(the question)") && line.contains(left.trim()), "{line}");
    assert!(PANE.about(&model).contains("summed over a sentence"));
    // In a small pane there is room for some of the eight: v shows the next.
    let head = |model: &Model| at(&drawn(model, SMALL), SMALL.x, SMALL.y, SMALL.width);
    let mut met = std::collections::BTreeSet::new();
    for _ in 0..8 {
        let line = head(&model);
        met.extend(line.split_whitespace().filter(|w| w.starts_with('L')).map(str::to_owned));
        act(&mut model, Action::CycleView);
    }
    let all = (1..=2).flat_map(|layer| (1..=4).map(move |head| format!("L{layer}.{head}")));
    assert!(met.iter().eq(&all.collect::<std::collections::BTreeSet<_>>()), "{met:?}");
}

#[test]
fn what_tells_the_answer_is_marked_and_the_answer_is_held_against_it() {
    let (mut model, session) = reading_stories("memory-stories");
    let told_by = reading(&model).figure("told.0").unwrap() as usize;
    let ids: Vec<u32> =
        reading(&model).values[..reading(&model).shape[1]].iter().map(|id| *id as u32).collect();
    let examples = task::open(&session.config().task).unwrap();
    assert_eq!(examples.told_by(&ids), [told_by]);
    let buf = drawn(&model, ZOOMED);
    for i in 0..ends(&reading(&model)).len() {
        let sign = buf[(ZOOMED.x + 1, ZOOMED.y + 1 + i as u16)].symbol();
        assert_eq!(sign == model.theme.glyphs.bullet, i == told_by, "{i}");
    }
    let right = reading(&model).figure("right").unwrap();
    let label = |id: f64| model.facts().label(id as u32);
    let (name, other) = (label(right), label(23.0));
    for (answer, says) in [
        (right, format!("says {name} 0.750 ✓ right")),
        (23.0, format!("says {other} 0.750 ✗ right: {name} 0.125")),
    ] {
        changed(&mut model, |reading| {
            set(reading, "answer", answer);
            set(reading, "top", 0.75);
            set(reading, "right_p", 0.125);
        });
        let screen = text(&model, ZOOMED);
        assert!(screen.contains(&says), "{says}\n{screen}");
    }
}

#[test]
fn left_and_right_walk_through_the_held_out_stories() {
    let (mut model, mut session) = reading_stories("lstm-stories");
    let first = text(&model, ZOOMED);
    assert!(first.contains("An LSTM gives no sentence a weight"), "{first}");
    assert!(PANE.detail(&model).starts_with("1 of 1,000 held out"));
    act(&mut model, Action::Left);
    look(&mut model, &mut session);
    assert!(PANE.detail(&model).starts_with("1,000 of 1,000"));
    act(&mut model, Action::Right);
    act(&mut model, Action::Right);
    look(&mut model, &mut session);
    assert!(PANE.detail(&model).starts_with("2 of 1,000"));
    let told = Arguments { row: 1, ..Arguments::default() };
    assert_eq!(reading(&model), session.measure(INSTRUMENT.name, &told).unwrap().reading);
    assert_ne!(text(&model, ZOOMED), first);
}

#[test]
fn a_story_of_ones_own_is_read_and_its_mistakes_are_said() {
    let (mut model, mut session) = reading_stories("memory-stories");
    let [Wish::Line { pane: "story", text: line, .. }] = &act(&mut model, Action::TypeValue)[..]
    else {
        panic!("enter opens a line");
    };
    assert!(line.ends_with("Where is Anna?"));
    typed(&mut model, "Anna went to the hall. Ben went to the attic. Where is Anna?");
    look(&mut model, &mut session);
    assert_eq!(PANE.detail(&model), "your own");
    let screen = text(&model, SMALL);
    let lines: Vec<&str> = screen.lines().map(str::trim).collect();
    assert!(lines.iter().any(|line| line.starts_with("•anna went to the hall")), "{screen}");
    assert!(lines.contains(&"where is anna?") && !screen.contains("does not tell"), "{screen}");
    typed(&mut model, "Ben went to the attic. Where is Anna?");
    look(&mut model, &mut session);
    assert!(text(&model, SMALL).contains("the story does not tell"));
    typed(&mut model, "Ben took the ball. Anna took the ball. Where is Anna?");
    look(&mut model, &mut session);
    for area in [SMALL, ZOOMED] {
        let screen = text(&model, area);
        let one: Vec<&str> = screen.split_whitespace().collect();
        let says = "sentence 2 breaks a rule of this world: ben has the ball";
        assert!(one.join(" ").contains(says), "{screen}");
        assert!(
            screen.contains("the story cannot be") && screen.contains("✗anna took"),
            "{screen}"
        );
    }
    typed(&mut model, "The cat sat.");
    let screen = text(&model, ZOOMED);
    assert!(screen.contains("\"cat\" is no word") && screen.contains("Left or"), "{screen}");
    assert_eq!(PANE.detail(&model), "not read");
    let [Wish::Line { text: line, .. }] = &act(&mut model, Action::TypeValue)[..] else {
        panic!("enter opens a line");
    };
    assert_eq!(line, "The cat sat.");
    act(&mut model, Action::Right);
    look(&mut model, &mut session);
    assert!(PANE.detail(&model).contains("held out"));
    // It is not said of another run.
    typed(&mut model, "Where is Anna?");
    assert!(text(&model, ZOOMED).contains("no story before"));
    let id = &mut model.run.as_mut().unwrap().observed.id;
    id.0 += 1;
    model.refresh();
    assert_eq!(model.panes.story.error, None);
    typed(&mut model, "");
    assert_eq!(model.panes.story.own, None);
}

/// What is long is seen in a window around the cursor, which the head tells.
#[test]
fn the_cursor_brings_the_oldest_sentences_into_sight() {
    let (mut model, mut session) = reading_stories("memory-stories");
    let long = "Anna went to the attic. Anna went to the hall. ".repeat(10);
    typed(&mut model, &format!("{long}Where is Anna?"));
    look(&mut model, &mut session);
    assert!(text(&model, SMALL).contains("6–20 of 20 shown"), "{}", text(&model, SMALL));
    act(&mut model, Action::Home);
    assert!(text(&model, SMALL).contains("1–15 of 20 shown"));
    model.with(PANE, |pane, facts| {
        let seat = Seat { room: SMALL, focused: true, zoomed: false };
        pane.click(facts, seat, Position::new(SMALL.x + 4, SMALL.y + 1 + 9))
    });
    assert_eq!(model.panes.story.cursor, Some(9));
    act(&mut model, Action::Down);
    act(&mut model, Action::PageDown);
    assert_eq!(model.panes.story.cursor, Some(18));
    assert!(text(&model, ZOOMED).lines().filter(|line| line.contains("went to")).count() == 20);
}

#[test]
fn it_can_be_drawn_at_any_size_and_of_anything() {
    for name in ["memory-stories", "attention-stories", "lstm-stories", "memory"] {
        let (mut model, _) = reading_stories(name);
        for glyphs in [Glyphs::UNICODE, Glyphs::ASCII] {
            model.theme = Theme::new(Depth::None, Ground::Dark, glyphs);
            for width in [1, 2, 3, 6, 12, 27, 32, 43, 59] {
                for height in [1, 2, 3, 4, 5, 9, 18, 25] {
                    let area = Rect::new(2, 1, width, height);
                    let buf = drawn(&model, area);
                    let outside = buf.area.positions().filter(|at| !area.contains(*at));
                    assert!(outside.into_iter().all(|at| buf[at].symbol() == " "), "{name} {area}");
                }
            }
        }
        for action in [Action::Left, Action::Up, Action::PageDown, Action::CycleView] {
            act(&mut model, action);
        }
        drawn(&model, SMALL);
        if name == "memory" {
            assert!(text(&model, ZOOMED).contains("its examples are no sentences"));
        }
    }
}
