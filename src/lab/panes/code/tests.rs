use super::*;
use crate::lab::fixture;
use crate::lab::model::Model;
use crate::lab::panes::PaneId;
use crate::lab::theme::{Depth, Glyphs, Ground, Theme};

const PANE: PaneId = PaneId::Code;
const SOFTMAX: &str = "math::plain::softmax::forward";

fn model(wanted: &[(&str, Option<&str>)]) -> Model {
    let mut model = fixture::model(120, 40);
    let wanted: Vec<_> =
        wanted.iter().map(|(name, line)| ((*name).to_owned(), line.map(str::to_owned))).collect();
    model.panes.code.show(&wanted);
    model
}

fn text(model: &Model, width: u16, height: u16) -> String {
    fixture::text(&fixture::pane(model, PANE, width, height))
}

/// Every line of the item stands on the screen behind its number in the file.
#[test]
fn the_lines_are_the_files_own() {
    let model = model(&[(SOFTMAX, Some("sum"))]);
    let file = include_str!("../../../math/plain/softmax.rs");
    let area = Rect::new(0, 0, 100, 40);
    let mut buf = Buffer::empty(area);
    PANE.draw(&model, false, area, &mut buf);
    let screen = fixture::text(&buf);
    let region = region(SOFTMAX).unwrap();
    for i in 0..region.text.lines().count() {
        let number = region.first_line + i;
        let line = file.lines().nth(number - 1).unwrap();
        let sign = if line.contains("let mut sum") { "▸" } else { " " };
        let wanted = format!("{number:>2}{sign}{line}");
        assert!(screen.lines().any(|shown| shown == wanted.trim_end()), "{wanted}\n{screen}");
    }
    assert!(screen.starts_with(SOFTMAX));
    let formula = screen.lines().nth(1).unwrap();
    assert!(formula.starts_with("p_i = exp(x_i) / sum_j exp(x_j)"), "{screen}");
    assert_eq!(PANE.detail(&model), "src/math/plain/softmax.rs:19");
    assert!(file.lines().nth(18).unwrap().contains("let mut sum"));
}

/// In little room the line that the text speaks of is the one that is seen; what is too long is cut.
#[test]
fn the_lit_line_is_seen_at_every_size() {
    let mut model = model(&[(SOFTMAX, Some("p[j] /= sum"))]);
    for (width, height) in [(40, 12), (30, 5), (24, 3), (80, 9)] {
        let screen = text(&model, width, height);
        assert!(screen.contains("26▸"), "{screen}");
    }
    let narrow = text(&model, 26, 14);
    assert!(narrow.contains('…') && !narrow.contains("/= sum;"), "{narrow}");
    PANE.act(&mut model, Action::Home);
    assert!(text(&model, 40, 12).contains("/// # Shapes"));
    PANE.act(&mut model, Action::End);
    PANE.act(&mut model, Action::Up);
    let (width, height) = (200, 60);
    assert!(text(&model, width, height).contains("/// # Shapes"), "all of it fits");
}

#[test]
fn v_shows_what_training_runs_and_back() {
    let mut model = model(&[(SOFTMAX, None), ("nn::linear::Linear::forward", None)]);
    assert!(PANE.about(&model).contains("v: what training runs"));
    PANE.act(&mut model, Action::CycleView);
    assert!(
        PANE.detail(&model).starts_with("src/math/attention/scores.rs:"),
        "{}",
        PANE.detail(&model)
    );
    assert!(text(&model, 80, 40).contains("pub fn softmax_rows("));
    assert!(PANE.about(&model).contains("v: plain form"));
    PANE.act(&mut model, Action::CycleView);
    assert!(text(&model, 80, 24).contains("1 of 2"));
    // The other one the page names; a layer is no plain form, and has no kernel beside it.
    PANE.act(&mut model, Action::Right);
    PANE.act(&mut model, Action::CycleView);
    let screen = text(&model, 80, 24);
    assert!(screen.contains("pub fn forward(&self") && screen.contains("2 of 2"), "{screen}");
    assert_eq!(PANE.about(&model), "this program's own source");
    PANE.act(&mut model, Action::Right);
    PANE.act(&mut model, Action::Left);
    assert!(PANE.detail(&model).starts_with("src/math/plain/softmax.rs"));
}

#[test]
fn a_page_without_code_and_a_name_that_is_gone_are_sentences() {
    assert!(text(&model(&[]), 40, 6).contains("speaks of no code"));
    let gone = text(&model(&[("math::plain::softmax::gone", None)]), 76, 8);
    assert!(gone.contains("there is no \"gone\"") && gone.contains("forward"), "{gone}");
}

#[test]
fn comments_keywords_and_numbers_have_colours_of_their_own() {
    let mut model = model(&[(SOFTMAX, Some("let mut sum"))]);
    model.theme = Theme::new(Depth::Rgb, Ground::Dark, Glyphs::UNICODE);
    let area = Rect::new(0, 0, 100, 40);
    let mut buf = Buffer::empty(area);
    PANE.draw(&model, false, area, &mut buf);
    let screen = fixture::text(&buf);
    let cell = |line: &str, part: &str| {
        let y = screen.lines().position(|shown| shown.contains(line)).unwrap();
        let row = screen.lines().nth(y).unwrap();
        let x = row.split(part).next().unwrap().width();
        buf[(x as u16, y as u16)].clone()
    };
    assert_eq!(cell("// pass 1", "// pass").fg, model.theme.colour(Role::Muted));
    assert_eq!(cell("for j in 0..columns", "for").fg, model.theme.colour(Role::Heading));
    assert_eq!(cell("for j in 0..columns", "0..").fg, model.theme.colour(Role::Digit));
    let lit = cell("let mut sum", "let").modifier;
    assert!(lit.contains(ratatui::style::Modifier::REVERSED));
}

#[test]
fn every_size_can_be_drawn() {
    for glyphs in [Glyphs::UNICODE, Glyphs::ASCII] {
        let mut model =
            model(&[("math::plain::activation::gelu", Some("cdf")), ("nn::block::Block", None)]);
        model.theme = Theme::new(Depth::None, Ground::Dark, glyphs);
        for action in
            [Action::Down, Action::CycleView, Action::PageDown, Action::Right, Action::End]
        {
            PANE.act(&mut model, action);
            for (width, height) in [(1, 1), (3, 9), (9, 3), (12, 6), (30, 10), (200, 70)] {
                let area = Rect::new(0, 0, width, height);
                PANE.draw(&model, false, area, &mut Buffer::empty(area));
                let screen = text(&model, width + 2, height + 2);
                assert!(!glyphs.ascii || screen.is_ascii(), "{screen}");
            }
        }
    }
}

/// What a lesson's file names is on the screen with its page, and gone with it.
#[test]
fn the_open_page_says_what_is_shown() {
    let file = "+++\nid = \"a\"\ntitle = \"A\"\nstage = \"bigram\"\npanes = [\"lesson\", \"code\"]\nprompt = \"x\"\n+++\n\n\
                ## One\n\nText.\n\n```code\nshow = \"math::plain::softmax::forward\"\nline = \"p[j] /= sum\"\n```\n\n## Two\n\nMore.\n";
    let mut model = fixture::model(120, 40);
    model.lessons = vec![crate::lesson::parse("a.md", file).unwrap()];
    (model.lesson, model.page) = (0, 0);
    model.refresh();
    assert!(text(&model, 60, 20).contains("26▸"));
    PANE.act(&mut model, Action::Home);
    model.refresh();
    assert!(text(&model, 60, 20).contains("# Shapes"), "the learner's place is kept");
    model.page = 1;
    model.refresh();
    assert!(text(&model, 60, 20).contains("speaks of no code"));
}
