use std::sync::Arc;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::*;
use crate::lab::fixture;
use crate::lab::model::{Effect, Model, Msg};
use crate::lab::number::probability;
use crate::lab::panes::PaneId;
use crate::lab::panes::tests::{open, train};
use crate::lab::update::update;
use crate::probe::answers::{FORCED, FREE, OWN, QUESTION, RIGHT, at, tokens};
use crate::probe::search::What;
use crate::task::pairs::Pairs;
use crate::train::Session;
use crate::train::snapshot::Snapshot;
use ratatui::crossterm::event::KeyCode;

const PANE: PaneId = PaneId::Task;

fn trained(steps: usize) -> (Model, Session) {
    let (mut model, mut session) = open("encoder-decoder", 160, 48);
    train(&mut model, &mut session, steps);
    (model, session)
}

/// Looks again, with all that the pane asks for now.
fn look(model: &mut Model, session: &mut Session) -> Arc<Snapshot> {
    let mut wanted = Subscription::default();
    model.panes.get(PANE).subscribe(&model.facts(), &mut wanted);
    let snapshot = Arc::new(session.snapshot(&wanted));
    update(model, Msg::Snapshot(Arc::clone(&snapshot)));
    snapshot
}

fn lines(model: &Model, width: u16, height: u16) -> Vec<String> {
    let area = Rect::new(0, 0, width, height);
    let mut buf = Buffer::empty(area);
    PANE.draw(model, false, area, &mut buf);
    fixture::text(&buf).lines().map(str::to_owned).collect()
}

fn columns(line: &str, from: usize, to: usize) -> String {
    line.chars().skip(from).take(to - from).collect()
}

/// Every row is a question of the reading with both of its answers, and a mark stands below exactly what differs.
#[test]
fn rows_are_the_readings_and_marks_stand_below_what_is_wrong() {
    let (model, _) = trained(30);
    let facts = model.facts();
    let reading = all_answers(&facts).unwrap();
    let pairs = Pairs::reverse(10);
    let screen = lines(&model, 80, 40);
    let width = screen[0].find("right").unwrap() - screen[0].find("model").unwrap() - 2;
    let [asked, answer, right] = ["question", "model", "right"].map(|w| screen[0].find(w).unwrap());
    let (mut y, mut marks, mut i) = (1, 0, 0);
    while y < 39 && i < held_out(&facts) {
        let plane = |plane| tokens(reading, plane, i);
        let own: Vec<char> = pairs.decode_target(&plane(OWN)).chars().collect();
        let due: Vec<char> = pairs.decode_target(&plane(RIGHT)).chars().collect();
        let source = pairs.decode_source(&plane(QUESTION));
        let line = &screen[y];
        assert_eq!(columns(line, asked, answer).trim_end(), source, "{screen:#?}");
        let ended = own.is_empty() && !plane(OWN).is_empty();
        let drawn = if ended { "(empty)".to_owned() } else { String::from_iter(&own) };
        assert_eq!(columns(line, answer, right).trim_end(), drawn);
        assert_eq!(columns(line, right, 80).trim_end(), String::from_iter(&due));
        let glyphs = &model.theme.glyphs;
        let sign = if own == due { glyphs.done } else { glyphs.failed };
        assert_eq!(columns(line, 2, 3), sign);
        y += 1;
        if own != due {
            for place in 0..width {
                let wrong = own.get(place) != due.get(place);
                let mark = columns(&screen[y], answer + place, answer + place + 1);
                assert_eq!(mark.trim(), if wrong { "^" } else { "" }, "{screen:#?}");
                marks += usize::from(wrong);
            }
            y += 1;
        }
        i += 1;
    }
    assert!(marks > 20 && i > 10, "{marks} marks, {i} questions");
    let right = reading.figure(ALL_RIGHT).unwrap();
    let all = reading.figure(EXAMPLES).unwrap();
    assert!(PANE.detail(&model).ends_with(&format!("{right} of {all} right")));
}

#[test]
fn places_have_the_shares_of_the_instrument_as_numbers_and_as_bars() {
    let (mut model, mut session) = trained(30);
    PANE.act(&mut model, Action::CycleView);
    look(&mut model, &mut session);
    let reading = all_answers(&model.facts()).unwrap().clone();
    let screen = lines(&model, 80, 24);
    let given = screen[1].find("given").unwrap();
    let own = screen[1].find("on its own").unwrap();
    for i in 0..11 {
        let line = &screen[2 + i];
        assert_eq!(columns(line, 0, 6).trim(), (i + 1).to_string());
        for (name, from, to) in [(FORCED, given, own), (FREE, own, own + own - given)] {
            let share = reading.figure(&at(name, i)).unwrap();
            let text = columns(line, from, to);
            assert!(text.starts_with(&probability(share)), "{text:?} {share}");
            let wide = to - from - 8;
            let drawn = text.chars().filter(|c| "▏▎▍▌▋▊▉█".contains(*c)).count();
            let eighths = (share * wide as f64 * 8.0).round() as usize;
            assert_eq!(drawn, eighths.div_ceil(8), "{screen:#?}");
        }
    }
    assert!(screen[0].contains(&format!("given {}", probability(reading.figure(FORCED).unwrap()))));
    assert!(screen[0].contains(&format!("own {}", probability(reading.figure(FREE).unwrap()))));
}

#[test]
fn a_search_is_walked_step_by_step() {
    let (mut model, mut session) = trained(10);
    PANE.act(&mut model, Action::CycleView);
    PANE.act(&mut model, Action::CycleView);
    PANE.act(&mut model, Action::Right);
    let snapshot = look(&mut model, &mut session);
    let told = Arguments { row: 1, ..Arguments::default() };
    assert!(snapshot.readings.iter().any(|m| m.instrument == "search" && m.arguments == told));
    let rows = rows(snapshot.reading("search").unwrap());
    let steps = rows.iter().filter(|row| search::is_step(row)).map(|row| row.place + 1).max();
    for step in 0..steps.unwrap() {
        let screen = lines(&model, 76, 30);
        let text = |row: &Row, number: f32| {
            let facts = model.facts();
            format!("{number:>8.3} {}", answer_text(&facts, &row.tokens))
        };
        assert!(screen[1].starts_with(&format!("step {} of {}", step + 1, steps.unwrap())));
        let greedy = rows.iter().rfind(|row| row.what == What::Greedy && row.place <= step);
        assert!(
            screen[2].starts_with(&text(greedy.unwrap(), greedy.unwrap().log_p)),
            "{screen:#?}"
        );
        // What has ended before stands among them, the likeliest first.
        let kept = |row: &&Row| {
            row.what == What::Beam && (row.place == step || row.place < step && row.ended)
        };
        let mut kept: Vec<_> = rows.iter().filter(kept).collect();
        kept.sort_by(|a, b| b.log_p.total_cmp(&a.log_p));
        for (row, line) in kept.iter().zip(&screen[4..]) {
            assert!(line.starts_with(&text(row, row.log_p)), "{screen:#?}");
        }
        let place = screen.iter().position(|line| line.contains("found in the end")).unwrap();
        let found: Vec<_> = rows.iter().filter(|row| row.what == What::Found).collect();
        for (row, line) in found.iter().zip(&screen[place + 1..]) {
            assert!(line.starts_with(&text(row, row.score)), "{screen:#?}");
        }
        assert_eq!(found.len(), 4);
        PANE.act(&mut model, Action::Down);
    }
    PANE.act(&mut model, Action::Wider);
    let snapshot = look(&mut model, &mut session);
    assert_eq!(snapshot.reading("search").unwrap().figure("width"), Some(5.0));
    for _ in 0..9 {
        PANE.act(&mut model, Action::Narrower);
    }
    let snapshot = look(&mut model, &mut session);
    let reading = snapshot.reading("search").unwrap();
    assert_eq!((reading.figure("width"), reading.figure("gain")), (Some(1.0), Some(0.0)));
}

/// What the learner types is answered by the model and by the rule.
#[test]
fn a_typed_question_is_answered_by_the_model_and_by_the_rule() {
    let (mut model, mut session) = trained(10);
    model.focus = PANE;
    model.zoomed = true;
    update(&mut model, Msg::Key(KeyCode::Char('/').into()));
    assert_eq!(model.overlays.len(), 1);
    for c in "hello".chars() {
        update(&mut model, Msg::Key(KeyCode::Char(c).into()));
    }
    let effects = update(&mut model, Msg::Key(KeyCode::Enter.into()));
    let pairs = Pairs::reverse(10);
    let question = pairs.encode("hello").unwrap();
    let asked = |effect: &Effect| {
        let Effect::Send(crate::train::Command::Subscribe(wanted)) = effect else { return false };
        wanted.instruments.iter().any(|(_, told)| told.question == question)
    };
    assert!(effects.iter().any(asked), "the trainer is asked at once");
    let snapshot = look(&mut model, &mut session);
    let rows = rows(snapshot.reading("search").unwrap());
    let own = rows.iter().find(|row| row.what == What::Own).unwrap();
    let screen = lines(&model, 80, 24);
    assert!(screen[1].contains("hello"), "{screen:#?}");
    assert!(screen[1].contains(&pairs.decode_target(&own.tokens)), "{screen:#?}");
    assert!(screen[1].ends_with("olleh"), "{screen:#?}");
    // Then those that were held out, as before.
    let first = tokens(snapshot.reading("answers").unwrap(), QUESTION, 0);
    assert!(screen[2..4].iter().any(|line| line.contains(&pairs.decode_source(&first))));
    // What cannot be read is said in the task's words; nothing takes it back.
    let mut type_in = |text: &str| {
        model.with(PANE, |pane, facts| pane.typed(facts, text));
        lines(&model, 80, 24).join("\n")
    };
    let screen = type_in("HELLO");
    assert!(screen.contains("holds 'H'") && screen.contains("1 to 10 lower-case letters"));
    assert!(!type_in("").contains("holds"));
    type_in("HELLO");
    assert!(model.with(PANE, |pane, _| pane.back()), "esc takes it back");
    assert!(!lines(&model, 80, 24).join("\n").contains("holds"));
    // And so does another run.
    model.with(PANE, |pane, facts| pane.typed(facts, "HELLO"));
    model.run.as_mut().unwrap().observed.id.0 += 1;
    model.refresh();
    assert!(!lines(&model, 80, 24).join("\n").contains("holds"));
}

#[test]
fn what_is_asked_no_questions_says_so() {
    let (mut model, mut session) = open("vae", 80, 24);
    train(&mut model, &mut session, 1);
    assert!(lines(&model, 60, 10)[0].contains("asked no questions here"));
    let mut wanted = Subscription::default();
    model.panes.get(PANE).subscribe(&model.facts(), &mut wanted);
    assert!(wanted.is_of_nothing());
}

/// One word is answered, and the end of the story, where it asks, is seen.
#[test]
fn a_question_of_one_answer_is_shown_as_well() {
    let (mut model, mut session) = open("attention", 120, 40);
    train(&mut model, &mut session, 2);
    let reading = all_answers(&model.facts()).unwrap().clone();
    let screen = lines(&model, 70, 20);
    let question = task::recall::Recall::decode(&tokens(&reading, QUESTION, 0));
    let [own, right] = [OWN, RIGHT].map(|plane| tokens(&reading, plane, 0));
    let [own, right] = [own, right].map(|ids| task::recall::Recall::decode(&ids));
    assert!(screen[1].contains(&question), "{screen:#?}");
    assert!(screen[1].ends_with(&right) && screen[1].contains(&own), "{screen:#?}");
    for view in [View::Places, View::Search] {
        PANE.act(&mut model, Action::CycleView);
        assert_eq!(model.panes.task.view, view);
        look(&mut model, &mut session);
    }
    assert!(lines(&model, 70, 20)[0].contains("picks its answer at once"));
}
