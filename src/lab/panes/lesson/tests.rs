//! The lesson pane, drawn.

use super::*;
use crate::lab::fixture;
use crate::lab::model::Model;
use crate::lab::panes::PaneId;
use crate::lab::theme::{Depth, Glyphs, Ground};
use crate::lesson::{COLUMNS, Figure, Item, course};

fn screen(model: &Model, width: u16, height: u16) -> String {
    fixture::text(&fixture::pane(model, PaneId::Lesson, width, height))
}

/// The fixture with the course's own lessons, at a page.
fn at(id: &str, page: usize) -> Model {
    let mut model = fixture::model(120, 40);
    model.lessons = course().unwrap();
    model.lesson = model.lessons.iter().position(|lesson| lesson.id == id).unwrap();
    model.page = page;
    PaneId::Lesson.refresh(&mut model);
    model
}

#[test]
fn a_text_is_laid_out_once_and_anew_where_anything_of_it_is_new() {
    let mut model = at("bigram", 1);
    // Its text stands below a prediction.
    let line = r#"{"t":1,"session":"a","lesson":"bigram","item":"first-loss","kind":"skip"}"#;
    model.course.progress = crate::lesson::progress::Progress::of(line);
    let lines = |model: &Model, width| {
        let laid = model.panes.lesson.laid(&model.facts(), width);
        laid.lines.iter().map(ToString::to_string).collect::<Vec<_>>()
    };
    let first = lines(&model, COLUMNS);
    let read = model.panes.lesson.reading.len();
    assert!(read > 3);
    assert_eq!(lines(&model, COLUMNS), first);
    assert_eq!(model.panes.lesson.reading.len(), read);
    // Another width, and back.
    let wide = lines(&model, 70);
    assert!(wide.len() < first.len());
    assert_eq!(lines(&model, COLUMNS), first);
    // Another theme.
    model.theme = Theme::new(Depth::Rgb, Ground::Dark, Glyphs::UNICODE);
    let coloured = model.panes.lesson.laid(&model.facts(), COLUMNS);
    assert!(coloured.lines.iter().flat_map(|line| &line.spans).any(|s| s.style.fg.is_some()));
    // Another text's numbers.
    let uniform = |lines: &[String]| lines.join(" ").contains("4.174");
    assert!(uniform(&first), "{first:?}");
    let corpus = model.corpus.as_mut().unwrap();
    corpus.characters = 27;
    corpus.references.pop();
    PaneId::Lesson.refresh(&mut model);
    assert!(
        !uniform(&lines(&model, COLUMNS)) && lines(&model, COLUMNS).join(" ").contains("3.296")
    );
    // Another page.
    model.page = 2;
    PaneId::Lesson.refresh(&mut model);
    assert_ne!(lines(&model, COLUMNS)[0], first[0]);
}

#[test]
fn what_is_answered_and_chosen_is_seen_at_once() {
    let mut model = at("bigram", 1);
    let before = screen(&model, 39, 200);
    assert!(!before.contains("skipped"), "{before}");
    let line = r#"{"t":1,"session":"a","lesson":"bigram","item":"first-loss","kind":"skip"}"#;
    model.course.progress = crate::lesson::progress::Progress::of(line);
    assert!(screen(&model, 39, 200).contains("Predict  skipped"));
    model.course.chosen = 1;
    assert_ne!(screen(&model, 39, 200), before);
}

#[test]
fn a_figure_is_drawn_from_the_card_of_the_pages_stage() {
    let mut model = at("bigram", 0);
    // The run on the screen is of another stage.
    let text = screen(&model, 39, 200);
    let card = model.panes.lesson.card.clone().unwrap();
    for part in &card.flow {
        assert!(text.contains(&part.title), "{}: {text}", part.title);
    }
    assert!(text.contains("V 65") && text.contains('▲'), "{text}");
    // On the page's own stage it is the model as it is: with its sizes.
    let (lesson, page) = (model.lesson, model.page);
    model.lessons[lesson].pages[page].setup.stage = Some("multi-head".to_owned());
    let own = model.run.as_ref().unwrap().card.clone().unwrap();
    let figure = Figure { caption: "It.".to_owned(), parts: vec!["blocks.0.sa".to_owned()] };
    let item = Item { id: String::new(), line: 1, kind: Kind::Figure(figure) };
    model.lessons[lesson].pages[page].pieces = vec![Piece::Item(item)];
    PaneId::Lesson.refresh(&mut model);
    let text = screen(&model, 39, 60);
    let plan = crate::lab::flow::figure(&model.theme, &own, &[], 33).unwrap();
    for line in plan {
        let line = line.to_string();
        assert!(text.contains(line.trim_end()), "{line:?} is not on\n{text}");
    }
    let drawn = fixture::pane(&model, PaneId::Lesson, 39, 60);
    let bold = drawn.area.positions().filter(|at| {
        drawn[*at].modifier.contains(ratatui::style::Modifier::BOLD) && at.y > 2 && at.x > 2
    });
    let bold: String = bold.map(|at| drawn[at].symbol()).collect();
    let lit = own.part("blocks.0.sa").unwrap().title.replace(' ', "");
    assert!(bold.replace(' ', "").contains(&lit), "{bold}");
    // Too narrow for it, or nothing known yet.
    assert!(screen(&model, 16, 60).replace('\n', "").contains("needs"));
    model.run = None;
    model.corpus = None;
    PaneId::Lesson.refresh(&mut model);
    assert!(screen(&model, 60, 60).contains("the drawing comes with the text"));
}

/// A page with one goal that asks for this, on the fixture's run.
fn goal(when: &str, more: &str) -> String {
    let text = format!(
        "+++\nid = \"a\"\ntitle = \"A\"\nstage = \"multi-head\"\npanes = [\"lesson\"]\n+++\n\n## One\n\n```goal\n\
         id = \"b\"\ntext = \"Do it.\"\nwhen = [{when}]\nhints = [\"a?\", \"b\", \"c\"]\n\
         solution = [{{ run_to = 10 }}]\nanswer = \"So.\"\n{more}```\n"
    );
    let mut model = fixture::model(120, 40);
    model.lessons[model.lesson] = crate::lesson::parse("90-a.md", &text).unwrap();
    model.page = 0;
    model.refresh();
    let drawn = fixture::text(&fixture::pane(&model, PaneId::Lesson, 60, 20));
    // As one line, however it is broken.
    let words = drawn.split_whitespace().filter(|word| !"│▌".contains(word));
    words.collect::<Vec<_>>().join(" ")
}

#[test]
fn a_goal_says_how_every_condition_of_it_stands() {
    let recovered = "{ measure = { recovered = { from = 8.0, to = 2.7 } }, above = 0 }";
    let drawn = goal(recovered, "");
    assert!(drawn.contains("now: above 8 and back under 2.7: not yet"), "{drawn}");
    let two = "{ measure = { edits = \"lr\" }, above = 0 }, { measure = { rank = { after = \"q\", token = \"u\" } }, below = 2 }";
    let drawn = goal(two, "");
    assert!(drawn.contains("changes of lr:"), "{drawn}");
    assert!(drawn.contains("rank of \"u\" after \"q\": not known yet"), "{drawn}");
    let causal = "{ measure = { hyperparameter = \"causal\" }, below = 0.5 }";
    assert!(goal(causal, "").contains("now: causal: true (to be false)"));
}

#[test]
fn a_goal_of_another_stage_says_nothing_of_the_run_on_the_screen() {
    let loss = "{ measure = \"step\", above = 1000000 }";
    assert!(goal(loss, "").contains("(to be 1,000,001 or more)"));
    let drawn = goal(loss, "stage = \"bigram\"\n");
    assert!(drawn.contains("a run of multi-head is on the screen, it is about bigram"), "{drawn}");
    assert!(!drawn.contains("to be above"), "{drawn}");
}

/// Every question of the course, answered and told what is in each of its bands, or next to nothing.
#[test]
fn verdicts_are_said_in_words_that_a_learner_reads() {
    let mut model = at("bigram", 0);
    let mut seen = 0;
    for lesson in 0..model.lessons.len() {
        for page in 0..model.lessons[lesson].pages.len() {
            (model.lesson, model.page) = (lesson, page);
            let id = model.lessons[lesson].id.clone();
            let items: Vec<Item> = model.lessons[lesson].pages[page]
                .items()
                .filter(|item| item.question().is_some())
                .cloned()
                .collect();
            for (item, place) in items.iter().flat_map(|item| (0..3).map(move |at| (item, at))) {
                let asked = item.question().unwrap();
                let middle = |[low, high]: &[f64; 2]| f64::midpoint(*low, *high);
                let truth = match place {
                    0 => 2.2e-11,
                    place => asked.bands.get(place - 1).map_or(0.5 * place as f64, middle),
                };
                let line = format!(
                    "{{\"t\":1,\"session\":\"a\",\"lesson\":\"{id}\",\"item\":\"{}\",\"kind\":\"predict\",\
                     \"answer\":0,\"truth\":{truth},\"right\":false}}",
                    item.id
                );
                model.course.progress = crate::lesson::progress::Progress::of(&line);
                PaneId::Lesson.refresh(&mut model);
                let drawn = screen(&model, 84, 600);
                let words = drawn.split_whitespace().filter(|word| !"│▌┃".contains(*word));
                let text = words.collect::<Vec<_>>().join(" ");
                let from = text.find("You said:").unwrap_or_else(|| panic!("{id} {}", item.id));
                let said: String = text[from..].chars().take(160).collect();
                seen += 1;
                let found = &said[said.find("It is").unwrap()..];
                let one = found.split_once(". ").map_or(found, |(one, _)| one);
                assert!(!one.contains("e-"), "{id} {}: {one}", item.id);
                // Nobody is 100 % off who said 0, or near it.
                assert!(place > 0 || !one.contains("you were"), "{id} {}: {one}", item.id);
                assert!(!one.contains("()") && !one.contains("(: "), "{id} {}: {one}", item.id);
            }
        }
    }
    assert!(seen > 300, "{seen}");
}
