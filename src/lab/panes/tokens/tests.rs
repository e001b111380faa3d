use ratatui::buffer::Buffer;
use ratatui::crossterm::event::KeyCode;
use ratatui::layout::{Position, Rect};

use crate::lab::action::Action;
use crate::lab::fixture::{self, BATCH};
use crate::lab::model::{Model, Msg};
use crate::lab::overlays::{Overlay, Purpose};
use crate::lab::panes::PaneId;
use crate::lab::theme::Glyphs;
use crate::lab::update::update;

const PANE: PaneId = PaneId::Tokens;

fn text(model: &Model, width: u16, height: u16) -> String {
    fixture::text(&fixture::pane(model, PANE, width, height))
}

/// The fixture with the pane in focus, in its view of this number.
fn model(view: usize) -> Model {
    let mut model = fixture::model(120, 40);
    model.focus = PANE;
    for _ in 0..view {
        PANE.act(&mut model, Action::CycleView);
    }
    model
}

fn key(model: &mut Model, code: KeyCode) {
    update(model, Msg::Key(code.into()));
}

/// Enter, a text in the place of what stood in the line, enter.
fn type_line(model: &mut Model, line: &str) {
    key(model, KeyCode::Enter);
    for c in line.chars() {
        key(model, KeyCode::Char(c));
    }
    key(model, KeyCode::Enter);
    assert!(model.overlays.is_empty());
}

/// The words of a line of the pane, without its border.
fn cells(screen: &str, line: usize) -> Vec<&str> {
    screen.lines().nth(line).unwrap().trim_matches('│').split_whitespace().collect()
}

#[test]
fn looks() {
    for (view, name) in ["text", "decode", "window", "batch"].into_iter().enumerate() {
        let model = model(view);
        insta::assert_snapshot!(format!("{name}_small"), text(&model, 40, 14));
        insta::assert_snapshot!(format!("{name}_middle"), text(&model, 76, 20));
    }
    let mut model = model(2);
    model.snapshot = None;
    insta::assert_snapshot!("no_batch_yet", text(&model, 40, 12));
}

#[test]
fn a_typed_text_has_the_tokenizers_ids_and_its_bytes() {
    let mut model = model(0);
    key(&mut model, KeyCode::Enter);
    let Some(Overlay::Input(line)) = model.overlays.last() else { panic!("no line") };
    assert_eq!(line.purpose, Purpose::Line { pane: "tokens", label: "text".to_owned() });
    assert_eq!((line.input.value(), line.selected), ("the king", true));
    key(&mut model, KeyCode::Esc);
    assert!(model.overlays.is_empty());

    type_line(&mut model, "To é\\n€!");
    let screen = text(&model, 76, 16);
    let tokenizer = model.facts().tokenizer().unwrap();
    assert_eq!(cells(&screen, 2), ["char", "T", "o", "␣", "é", "⏎", "€", "!"], "{screen}");
    let id = |c: &str| tokenizer.id(c).map_or("none".to_owned(), |id| id.to_string());
    let ids: Vec<_> = ["T", "o", " ", "é", "\n", "€", "!"].map(id).to_vec();
    assert_eq!(cells(&screen, 3)[1..], ids, "{screen}");
    assert_eq!([&ids[3], &ids[5]], ["none", "none"]);
    let bytes: Vec<_> = "To é\n€!".bytes().map(|b| format!("{b:02x}")).collect();
    assert_eq!(cells(&screen, 4)[1..], bytes, "{screen}");
    assert!(screen.contains("7 characters, 10 bytes"), "{screen}");
    // The words are the word tokenizer's own.
    let words = model.corpus.as_ref().unwrap().counted.as_ref().unwrap().words.clone().unwrap();
    let encoded = words.encode("To é\n€!").unwrap();
    let at = screen.lines().position(|line| line.contains("word ")).unwrap();
    let named: Vec<_> =
        encoded.iter().map(|id| crate::text::shown::token(&words.token(*id), false)).collect();
    assert_eq!(cells(&screen, at)[1..], named, "{screen}");
    let ids: Vec<_> = encoded.iter().map(u32::to_string).collect();
    assert_eq!(cells(&screen, at + 1)[1..], ids, "{screen}");
    let unknown = words.unknown("To é\n€!").join(", ");
    assert!(
        unknown.contains('€') && screen.contains(&format!("vocabulary: {unknown}")),
        "{screen}"
    );
    // The cursor's character at length.
    assert!(screen.contains("T U+0054: id 32 of 65"), "{screen}");
    for _ in 0..3 {
        PANE.act(&mut model, Action::Right);
    }
    assert!(text(&model, 76, 16).contains("'é': not in the training text"));
    // An empty line goes back to the prompt.
    key(&mut model, KeyCode::Enter);
    key(&mut model, KeyCode::Backspace);
    key(&mut model, KeyCode::Enter);
    assert!(text(&model, 76, 16).contains("8 characters, 8 bytes"));
}

#[test]
fn typed_ids_are_decoded_and_those_that_are_none_are_named() {
    let mut model = model(1);
    let tokenizer = model.facts().tokenizer().unwrap();
    let ids: Vec<_> = tokenizer.encode("hey").unwrap().iter().map(u32::to_string).collect();
    assert!(text(&model, 60, 14).contains("the king"), "{}", text(&model, 60, 14));
    type_line(&mut model, &format!("{}, 0 99 {} x", ids[0], ids[1]));
    let screen = text(&model, 60, 14);
    assert_eq!(cells(&screen, 1), ["id", &ids[0], "0", "99", &ids[1], "x"], "{screen}");
    assert_eq!(cells(&screen, 2), ["is", "h", "⏎", "?", "e", "?"], "{screen}");
    assert!(screen.contains("99 is no id: they go from 0 to 64"), "{screen}");
    let reads = screen.lines().position(|line| line.contains("reads")).unwrap();
    assert_eq!([cells(&screen, reads + 1), cells(&screen, reads + 2)], [["h⏎"], ["e"]], "{screen}");
}

/// The tokens of a window, as the reading has them.
fn window(model: &Model, row: usize) -> Vec<String> {
    let reading = model.snapshot.as_ref().unwrap().reading("batch-tokens").unwrap();
    let ids = &reading.values[row * (BATCH.1 + 1)..(row + 1) * (BATCH.1 + 1)];
    ids.iter().map(|id| model.facts().label(*id as u32)).collect()
}

#[test]
fn a_window_hides_an_example_a_position() {
    let mut model = model(2);
    PANE.act(&mut model, Action::Right);
    PANE.act(&mut model, Action::Right);
    let tokens = window(&model, 2);
    let screen = text(&model, 76, 16);
    assert!(screen.contains("one window · 3 of 32"), "{screen}");
    assert!(
        screen.contains(&format!("{}  T + 1 = 9 tokens, T = 8 examples", tokens.concat())),
        "{screen}"
    );
    for t in 0..BATCH.1 {
        let (seen, target) = (tokens[..=t].concat(), &tokens[t + 1]);
        let line = format!("{} when the input is {seen} the target is {target}", t + 1);
        assert!(screen.lines().nth(t + 3).unwrap().contains(&line), "{line}\n{screen}");
    }
    // Another window of the batch, and after the last one the first again.
    model.focus = PANE;
    for _ in 0..29 {
        key(&mut model, KeyCode::Char('s'));
    }
    assert!(text(&model, 76, 16).contains("one window · 32 of 32"));
    for _ in 0..3 {
        key(&mut model, KeyCode::Char('s'));
    }
    assert!(text(&model, 76, 16).contains("one window · 3 of 32"));
    assert!(model.toasts.is_empty(), "nothing is generated");
    // In little room the same in short.
    let screen = text(&model, 30, 16);
    let line = format!("8 {} → {}", tokens[..8].concat(), tokens[8]);
    assert!(screen.contains(&line), "{line}\n{screen}");
}

#[test]
fn the_targets_are_the_inputs_one_later() {
    let mut model = model(3);
    for action in [Action::Home, Action::Down, Action::Right, Action::Right] {
        PANE.act(&mut model, action);
    }
    let screen = text(&model, 76, 20);
    assert!(screen.contains("x (B 32, T 8)") && screen.contains("y, one later"), "{screen}");
    for row in 0..16 {
        let tokens = window(&model, row);
        let line = cells(&screen, 2 + row);
        assert_eq!(line[0], (row + 1).to_string());
        assert_eq!(line[1..9], tokens[..8], "{screen}");
        assert_eq!(line[9..], tokens[1..], "{screen}");
    }
    let tokens = window(&model, 1);
    let tokenizer = model.facts().tokenizer().unwrap();
    let reading = model.snapshot.as_ref().unwrap().reading("batch-tokens").unwrap();
    assert!(tokenizer.vocab_size() == 65);
    let [x, y] = [2, 3].map(|at| format!("{} ({})", tokens[at], reading.values[9 + at]));
    assert!(screen.contains(&format!("row 2, position 3: x {x}, y {y}")), "{screen}");
    // A click takes a cell, of the targets too.
    let area = Rect::new(0, 0, 74, 18);
    PANE.click(&mut model, area, Position::new(3 + 2 * 8 + 2 + 2 * 4, 1 + 6));
    assert!(text(&model, 76, 20).contains("row 7, position 5:"));
}

#[test]
fn every_size_and_state_can_be_drawn() {
    for view in 0..4 {
        let mut model = model(view);
        for state in 0..4 {
            match state {
                1 => model.theme.glyphs = Glyphs::ASCII,
                2 => model.snapshot = None,
                3 => model.corpus = None,
                _ => {}
            }
            for action in [Action::Right, Action::Down, Action::End, Action::PageUp] {
                PANE.act(&mut model, action);
                for (width, height) in [(1, 1), (3, 9), (9, 3), (12, 6), (30, 10), (90, 40)] {
                    let area = Rect::new(0, 0, width, height);
                    PANE.draw(&model, false, area, &mut Buffer::empty(area));
                    for at in area.positions() {
                        PANE.click(&mut model, area, at);
                    }
                }
            }
            let screen = text(&model, 60, 18);
            assert!(state != 1 || screen.is_ascii(), "{screen}");
        }
    }
}
