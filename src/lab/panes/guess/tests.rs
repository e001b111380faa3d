use std::sync::Arc;

use ratatui::buffer::Buffer;
use ratatui::crossterm::event::KeyCode;
use ratatui::layout::Rect;

use super::score::{Answer, Mean, SURE};
use crate::lab::action::Action;
use crate::lab::corpus::Counted;
use crate::lab::fixture;
use crate::lab::model::{Model, Msg};
use crate::lab::number::{probability, value};
use crate::lab::panes::PaneId;
use crate::lab::theme::Glyphs;
use crate::lab::update::update;
use crate::text::shown;

const PANE: PaneId = PaneId::Guess;

fn text(model: &Model, width: u16, height: u16) -> String {
    fixture::text(&fixture::pane(model, PANE, width, height))
}

fn model() -> Model {
    let mut model = fixture::model(120, 40);
    model.focus = PANE;
    model
}

fn counted(model: &Model) -> Arc<Counted> {
    model.corpus.as_ref().unwrap().counted.clone().unwrap()
}

fn key(model: &mut Model, code: KeyCode) {
    update(model, Msg::Key(code.into()));
}

/// Types guesses, each with enter, into the line that stays open.
fn guess(model: &mut Model, guesses: &[String]) {
    key(model, KeyCode::Enter);
    for guess in guesses {
        for c in guess.replace('\n', "\\n").chars() {
            key(model, KeyCode::Char(c));
        }
        key(model, KeyCode::Enter);
    }
    key(model, KeyCode::Esc);
}

/// The character after so many of the passage's first round.
fn truth(model: &Model, i: usize) -> String {
    let counted = counted(model);
    counted.tokenizer.token(counted.passage[200 + i])
}

#[test]
fn an_answer_is_a_distribution() {
    let model = model();
    let counted = counted(&model);
    let id = |c: &str| counted.tokenizer.id(c).unwrap();
    let read = |line: &str| Answer::read(line, &counted.tokenizer);
    assert_eq!(read("eao4"), Ok(Answer { named: vec![id("e"), id("a"), id("o")], sure: 4 }));
    assert_eq!(read("3"), Ok(Answer { named: vec![id("3")], sure: 3 }));
    assert_eq!(read(" 5"), Ok(Answer { named: vec![id(" ")], sure: 5 }));
    assert_eq!(read("\n"), Ok(Answer { named: vec![id("\n")], sure: 3 }));
    assert_eq!(read("").unwrap().named, Vec::<u32>::new());
    assert!(read("abcd").unwrap_err().contains("at most 3"));
    assert!(read("é1").unwrap_err().contains("'é'"));
    assert!(read("aa1").unwrap_err().contains("twice"));

    let bigrams = &counted.bigrams;
    for (line, sure) in
        [("", 0.0), ("e1", 0.2), ("ea2", 0.4), ("eao3", 0.6), ("e4", 0.8), ("e5", 0.95)]
    {
        let answer = read(line).unwrap();
        let p = answer.distribution(bigrams);
        assert!((p.iter().sum::<f64>() - 1.0).abs() < 1e-12, "{line}");
        let named: f64 = answer.named.iter().map(|token| p[*token as usize]).sum();
        assert!((named - sure).abs() < 1e-12, "{line}: {named}");
        for pair in answer.named.windows(2) {
            assert!((p[pair[0] as usize] - 2.0 * p[pair[1] as usize]).abs() < 1e-12);
        }
        // The others keep their proportions in the text.
        let [t, z] = [id("t"), id("z")];
        let ratio = bigrams.alone(t) / bigrams.alone(z);
        assert!((p[t as usize] / p[z as usize] - ratio).abs() < 1e-9);
    }
    assert_eq!(SURE.len(), 5);
}

#[test]
fn a_mean_has_its_standard_error() {
    // numpy: x = [1, 2, 4, 5]; x.mean(), x.std(ddof=1) / 2
    let mean = Mean::of(&[1.0, 2.0, 4.0, 5.0]);
    assert!((mean.mean - 3.0).abs() < 1e-12);
    assert!((mean.error.unwrap() - 0.912_870_929_175_276_9).abs() < 1e-12);
    assert_eq!(mean.write(false), "3.00 ± 0.91");
    assert_eq!(Mean::of(&[2.0]).error, None);
    assert_eq!(mean.against("bigram", 5.0), "you beat bigram 5.00");
    assert_eq!(mean.against("bigram", 4.0), "bigram 4.00 is within the error");
    assert_eq!(mean.against("bigram", 1.0), "bigram 1.00 beats you");
}

#[test]
fn guesses_are_scored_as_a_model_is() {
    let mut model = model();
    let answers: Vec<String> = ["e4", "", " 5", "tao2", "th1"].map(str::to_owned).to_vec();
    guess(&mut model, &answers);
    let screen = text(&model, 76, 24);
    let counted = counted(&model);
    let id = |c: &str| counted.tokenizer.id(c).unwrap();
    let mut losses = Vec::new();
    for (i, line) in answers.iter().enumerate() {
        let truth = truth(&model, i);
        let answer = Answer::read(line, &counted.tokenizer).unwrap();
        let p = answer.distribution(&counted.bigrams)[id(&truth) as usize];
        losses.push(-p.ln());
        let came = shown::token(&truth, false);
        let row = screen.lines().find(|row| {
            row.trim_start_matches('│').trim_start().starts_with(&format!("{} ", i + 1))
        });
        let cells: Vec<_> = row.unwrap().trim_matches('│').split_whitespace().collect();
        assert!(cells[3].ends_with(&came), "{screen}");
        assert_eq!(cells[4..], [probability(p), value(-p.ln())], "{screen}");
    }
    let line = format!("you {} nats over 5", Mean::of(&losses).write(false));
    assert!(screen.contains(&line), "{line}\n{screen}");
    // Counting on the same characters.
    let pair = |i: usize| (counted.passage[199 + i], counted.passage[200 + i]);
    let mean = |p: &dyn Fn(u32, u32) -> f64| {
        (0..5).map(|i| -p(pair(i).0, pair(i).1).ln()).sum::<f64>() / 5.0
    };
    let line = format!(
        "on the same characters: unigram {:.2}, bigram {:.2}",
        mean(&|_, next| counted.bigrams.alone(next)),
        mean(&|before, next| counted.bigrams.probability(before, next))
    );
    assert!(screen.contains(&line), "{line}\n{screen}");
    assert!(model.corpus.as_ref().unwrap().references.iter().all(|r| r.name != "you"));
}

#[test]
fn the_passage_ends_where_the_guess_begins() {
    let mut model = model();
    let counted = counted(&model);
    let shown = |model: &Model| -> String {
        let screen = text(model, 60, 30);
        let rows = screen.lines().skip(1).take(9);
        rows.map(|row| row.trim_matches('│')[1..].trim_end()).collect::<Vec<_>>().join("")
    };
    for n in 0..4 {
        let read = counted.tokenizer.decode(&counted.passage[..200 + n]);
        let tail: String = read.lines().last().unwrap_or("").to_owned();
        let tail = &tail[tail.len().saturating_sub(12)..];
        assert!(shown(&model).ends_with(&format!("{tail}?")), "{tail}: {}", shown(&model));
        guess(&mut model, &["e3".to_owned()]);
    }
}

#[test]
fn ten_guesses_are_a_line_on_the_chart_and_thirty_a_verdict() {
    let mut model = model();
    let right: Vec<String> =
        (0..30).map(|i| format!("{}{}", truth(&model, i), 1 + i % 5)).collect();
    let you = |model: &Model| {
        let references = &model.corpus.as_ref().unwrap().references;
        references.iter().filter(|r| r.name == "you").copied().collect::<Vec<_>>()
    };
    guess(&mut model, &right[..9]);
    assert!(you(&model).is_empty());
    guess(&mut model, &right[9..10]);
    let losses: Vec<f64> = (0..10).map(|i| -SURE[i % 5].ln()).collect();
    let mean = Mean::of(&losses);
    let line = you(&model);
    assert_eq!(line.len(), 1);
    assert!((line[0].loss - mean.mean).abs() < 1e-9, "{line:?}");
    assert!((line[0].error.unwrap() - mean.error.unwrap()).abs() < 1e-9);
    // Counting that is done again takes no line of the learner's away.
    let counted = model.corpus.as_ref().unwrap().references[..5].to_vec();
    update(&mut model, Msg::References(counted));
    assert_eq!(you(&model), line);

    guess(&mut model, &right[10..]);
    assert!(model.overlays.is_empty(), "nothing is left to guess");
    assert_eq!(you(&model).len(), 1, "one line, not one a guess");
    let screen = text(&model, 76, 24);
    let mean = Mean::of(&(0..30).map(|i| -SURE[i % 5].ln()).collect::<Vec<_>>());
    let verdict = "you beat unigram 3.35; you beat bigram 2.48; you beat trigram 2.05";
    assert!(mean.mean + 2.0 * mean.error.unwrap() < 2.046);
    assert!(screen.contains(verdict), "{screen}");
    assert!(screen.contains("30 of 30"), "{screen}");
    // The next thirty.
    key(&mut model, KeyCode::Char('s'));
    assert!(text(&model, 76, 24).contains("0 of 30"));
    assert!(model.toasts.iter().all(|toast| !toast.text.contains("sampling")));
}

#[test]
fn the_line_on_the_chart_has_the_mean_and_its_error() {
    let mut model = model();
    let answers = vec!["q1".to_owned(); 10];
    guess(&mut model, &answers);
    let counted = counted(&model);
    let answer = Answer::read("q1", &counted.tokenizer).unwrap();
    let p = answer.distribution(&counted.bigrams);
    let truths = &counted.passage[200..210];
    let Mean { mean, error } =
        Mean::of(&truths.iter().map(|t| -p[*t as usize].ln()).collect::<Vec<_>>());
    let error = error.unwrap();
    for width in [76, 42] {
        let chart = fixture::text(&fixture::pane(&model, PaneId::Loss, width, 20));
        assert!(chart.contains(&format!("you {mean:.1} ±{error:.1}")), "{chart}");
    }
    model.theme.glyphs = Glyphs::ASCII;
    let chart = fixture::text(&fixture::pane(&model, PaneId::Loss, 76, 20));
    assert!(chart.contains(&format!("you {mean:.1} +-{error:.1}")), "{chart}");
}

#[test]
fn what_is_no_guess_is_said_and_costs_nothing() {
    let mut model = model();
    guess(&mut model, &["é3".to_owned()]);
    let screen = text(&model, 76, 24);
    assert!(
        screen.contains("no guess: the text has no 'é'") && screen.contains("0 of 30"),
        "{screen}"
    );
    model.corpus.as_mut().unwrap().counted = None;
    assert!(text(&model, 76, 24).contains("as soon as the text is counted"));
}

#[test]
fn looks() {
    let mut model = model();
    insta::assert_snapshot!("at_first", text(&model, 76, 20));
    guess(&mut model, &["e4", "tao2", " 5"].map(str::to_owned));
    insta::assert_snapshot!("small", text(&model, 40, 14));
    insta::assert_snapshot!("middle", text(&model, 76, 20));
    let more: Vec<String> =
        (3..30).map(|i| if i % 3 > 0 { truth(&model, i) } else { "x1".into() }).collect();
    guess(&mut model, &more);
    insta::assert_snapshot!("done", text(&model, 76, 20));
}

#[test]
fn every_size_and_state_can_be_drawn() {
    let mut model = model();
    for state in 0..4 {
        match state {
            1 => guess(&mut model, &vec!["e4".to_owned(); 12]),
            2 => model.theme.glyphs = Glyphs::ASCII,
            3 => guess(&mut model, &vec!["e4".to_owned(); 18]),
            _ => {}
        }
        for action in [Action::Down, Action::End, Action::PageUp, Action::Home] {
            PANE.act(&mut model, action);
            for (width, height) in [(1, 1), (3, 9), (9, 3), (12, 6), (30, 10), (90, 40)] {
                let area = Rect::new(0, 0, width, height);
                PANE.draw(&model, false, area, &mut Buffer::empty(area));
            }
        }
        let screen = text(&model, 60, 18);
        assert!(state < 2 || screen.is_ascii(), "{screen}");
    }
}
