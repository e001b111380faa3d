//! How a lesson asks: what is folded, refused, taken back, and counted.

use ratatui::crossterm::event::KeyCode;
use ratatui::layout::Size;

use crate::lab::action::Action;
use crate::lab::fixture;
use crate::lab::model::{Effect, Model, Msg};
use crate::lab::overlays::Overlay;
use crate::lab::panes::PaneId;
use crate::lab::update::changes::{rebuild, request, set_to};
use crate::lab::update::tests::{key, press, typed};
use crate::lab::update::update;
use crate::lesson::parse;
use crate::stage::Value;
use crate::stage::hyperparameter::hyperparameter;
use crate::train::Command;
use crate::train::report::Edit;

/// The fixture's run, on a lesson of one page with these blocks.
fn page(blocks: &str) -> Model {
    let text = format!(
        "+++\nid = \"a\"\ntitle = \"A\"\nstage = \"multi-head\"\npanes = [\"lesson\", \"loss\"]\n\
         hyperparameters = [\"lr\"]\nprompt = \"the\"\n+++\n\n## One\n\nRead.\n\n{blocks}"
    );
    let mut model = fixture::model(120, 40);
    model.lessons[model.lesson] = parse("90-a.md", &text).unwrap();
    model.page = 0;
    let home = model.home(0);
    model.run.as_mut().unwrap().home = home;
    model.focus = PaneId::Lesson;
    model.refresh();
    model
}

fn drawn(model: &Model) -> String {
    fixture::text(&fixture::pane(model, PaneId::Lesson, 80, 60))
}

const NUMBER: &str = "```predict\nid = \"p\"\nask = \"The loss?\"\nmeasure = \"first_loss\"\nafter = 1\nwhy = \"So.\"\n```\n\n";
const CLAIM: &str = "```claim\nid = \"c\"\ntext = \"It is four.\"\narms = [{}]\nbudget = { steps = 1 }\n\
     measure = \"first_loss\"\nexpect = { above = 1.0 }\nMORE\n```\n\n";
const REVIEW: &str = "```review\n[[prompt]]\nid = \"r\"\nq = \"Which loss did it begin with?\"\na = \"Four.\"\n```\n";

fn starts(effects: &[Effect]) -> bool {
    effects.iter().any(|effect| matches!(effect, Effect::Experiment(..)))
}

#[test]
fn what_stands_below_a_prediction_waits_for_it() {
    let claim = CLAIM.replace("MORE", "");
    let text = format!("Above it.\n\n{NUMBER}It was four.\n\n{claim}Or so.\n\n{REVIEW}");
    let mut model = page(&text);
    let before = drawn(&model);
    assert!(!before.contains("It is four.") && !before.contains("begin with?"), "{before}");
    assert!(!before.contains("It was four.") && !before.contains("Or so."), "{before}");
    assert!(before.contains("Above it."), "{before}");
    assert_eq!(before.matches("after your guess").count(), 3);
    assert!(!starts(&key(&mut model, '!')));
    key(&mut model, 'i');
    typed(&mut model, "4");
    press(&mut model, KeyCode::Enter);
    key(&mut model, '3');
    let after = drawn(&model);
    assert!(after.contains("It is four.") && after.contains("begin with?"), "{after}");
    assert!(after.contains("It was four.") && after.contains("Or so."), "{after}");
    assert!(starts(&key(&mut model, '!')));
}

#[test]
fn a_prediction_that_is_made_gives_way_to_the_question_below_it() {
    let ask = NUMBER.replace("predict", "ask").replace("\"p\"", "\"q\"").replace("after = 1\n", "");
    let ask = ask.replace("why =", "tolerance = { absolute = 0.1 }\npane = \"loss\"\nwhy =");
    let mut model = page(&format!("{NUMBER}{ask}"));
    let answer = |model: &mut Model| {
        model.course.chosen = 0;
        key(model, 'i');
        typed(model, "4");
        press(model, KeyCode::Enter);
        if !model.overlays.is_empty() {
            key(model, '3');
        }
    };
    answer(&mut model);
    assert!(model.course.answer("a", "p").is_some() && model.course.answer("a", "q").is_none());
    answer(&mut model);
    assert!(model.course.answer("a", "q").is_some());
}

#[test]
fn esc_goes_back_to_the_answer_and_a_paste_is_taken() {
    let mut model = page(NUMBER);
    key(&mut model, 'i');
    update(&mut model, Msg::Paste("4.5".to_owned()));
    press(&mut model, KeyCode::Enter);
    press(&mut model, KeyCode::Esc);
    let Some(Overlay::Answer(line)) = model.overlays.last() else { panic!("the line is gone") };
    assert_eq!((line.input.value(), line.answer), ("4.5", None));
    press(&mut model, KeyCode::Esc);
    assert!(model.overlays.is_empty() && model.course.answer("a", "p").is_none());
}

/// The run that it becomes by a change is not the one that was asked about.
#[test]
fn what_was_predicted_of_a_run_that_is_changed_is_set_aside() {
    let later = NUMBER.replace("first_loss", "val_loss").replace("after = 1", "after = 900000");
    let guessed = || {
        let mut model = page(&later);
        key(&mut model, 'i');
        typed(&mut model, "4");
        press(&mut model, KeyCode::Enter);
        key(&mut model, '3');
        assert!(model.course.waiting("a", "p").is_some());
        model
    };
    let lr = hyperparameter("lr").unwrap();
    let mut model = guessed();
    let effects = request(&mut model, lr, Value::Number(0.02));
    assert!(matches!(effects[..], [Effect::Keep(_), .., Effect::Send(Command::Set { .. })]));
    assert!(model.course.waiting("a", "p").is_none() && drawn(&model).contains("skipped"));
    assert!(model.toasts.last().unwrap().text.contains("set aside"));
    // Nor is it judged later by that run.
    let run = model.run.as_mut().unwrap();
    let (step, edit) = (
        run.step,
        Edit { step: 7, name: "lr", old: lr.get(&run.config), new: Value::Number(0.02) },
    );
    run.observed.history.edited(&edit);
    run.observed.step = 900_001;
    key(&mut model, 'i');
    assert!(model.overlays.is_empty() && step < 900_000);
    assert!(model.toasts.last().unwrap().text.contains("changed on its way"));
    // A rebuild only once it is agreed to; starting again as it is changes nothing.
    for (value, aside) in [(0.0, false), (0.3, true)] {
        let mut model = guessed();
        let mut config = model.run.as_ref().unwrap().config.clone();
        config.training.dropout = value;
        rebuild(&mut model, config);
        assert_eq!(model.course.waiting("a", "p").is_none(), aside, "{value}");
    }
}

#[test]
fn a_prediction_that_was_set_aside_can_be_made_after_all() {
    let later = NUMBER.replace("first_loss", "val_loss").replace("after = 1", "after = 900000");
    let ask = NUMBER.replace("predict", "ask").replace("\"p\"", "\"q\"").replace("after = 1\n", "");
    let ask = ask.replace("why =", "tolerance = { absolute = 0.1 }\npane = \"loss\"\nwhy =");
    let mut model = page(&format!("{later}{ask}"));
    guess(&mut model);
    let lr = hyperparameter("lr").unwrap();
    set_to(&mut model, lr, Value::Number(0.02));
    assert!(model.toasts.last().unwrap().text.contains("set aside"), "it is the latest news");
    model.course.chosen = 0;
    key(&mut model, 'i');
    let Some(Overlay::Answer(line)) = model.overlays.last() else { panic!("nothing is asked") };
    assert_eq!(line.item.id, "p");
}

#[test]
fn who_could_have_seen_it_is_not_asked_to_be_sure() {
    let mut model = page(NUMBER);
    // The fixture's run is at step 3,412, long past the first.
    key(&mut model, 'i');
    typed(&mut model, "4");
    press(&mut model, KeyCode::Enter);
    key(&mut model, '5');
    let said = model.course.answer("a", "p").unwrap();
    assert_eq!((said.sure, said.truth.is_some()), (None, true));
    assert_eq!(model.course.progress.calibration().sure, 0);
    // Said again it is judged by what was told, and the first answer counts.
    let truth = said.truth;
    key(&mut model, 'i');
    update(&mut model, Msg::Paste(truth.unwrap().to_string()));
    press(&mut model, KeyCode::Enter);
    key(&mut model, '5');
    let again = model.course.answer("a", "p").unwrap();
    assert_eq!((again.truth, again.right), (truth, Some(true)));
    assert_eq!(model.course.progress.standing(model.lesson()).right, 0);
}

#[test]
fn what_is_said_of_one_text_is_neither_run_nor_met_on_another() {
    let of = |text: &str| {
        let goal = format!(
            "```goal\nid = \"g\"\ntext = \"Go.\"\nwhen = [{{ measure = \"step\", above = 10 }}]\n\
             hints = [\"a?\", \"b\", \"c\"]\nsolution = [{{ run_to = 20 }}]\nanswer = \"So.\"\non = \"{text}\"\n```\n"
        );
        let mut model =
            page(&format!("{}{goal}", CLAIM.replace("MORE", &format!("on = \"{text}\""))));
        super::follow(&mut model);
        let met = model.course.progress.is_met("a", "g");
        (starts(&key(&mut model, '!')), met)
    };
    let own = crate::lesson::item::text_id(&fixture::model(120, 40).corpus.unwrap().name);
    assert_eq!(of(&own), (true, true));
    assert_eq!(of("another-text"), (false, false));
}

#[test]
fn hints_are_kept_in_the_progress() {
    let mut model = page(
        "```goal\nid = \"g\"\ntext = \"Go.\"\nwhen = [{ measure = \"step\", above = 1000000 }]\n\
         hints = [\"first?\", \"second\", \"third\"]\nsolution = [{ run_to = 20 }]\nanswer = \"So.\"\n```\n",
    );
    key(&mut model, 'H');
    let effects = key(&mut model, 'H');
    assert!(
        effects.iter().any(|effect| matches!(effect, Effect::Keep(kept) if kept.kind == "hint"))
    );
    assert!(drawn(&model).contains("second") && !drawn(&model).contains("third"));
    // As the next lab reads it.
    let mut next = page("");
    next.course.progress = model.course.progress.clone();
    assert_eq!(next.course.hints("a", "g"), 2);
}

#[test]
fn a_key_that_cannot_be_seen_does_nothing_but_leave() {
    let mut model = page(NUMBER);
    update(&mut model, Msg::Resize(Size::new(40, 10)));
    key(&mut model, 'i');
    assert!(model.overlays.is_empty());
    key(&mut model, 'q');
    assert!(model.quitting.is_some() || !model.overlays.is_empty());
}

const ARMS: &str = "```predict\nid = \"p\"\nask = \"The loss?\"\nmeasure = \"first_loss\"\narms = [{}]\n\
     budget = { steps = 1 }\nwhy = \"So.\"\n```\n\n";

/// The small runs of the prediction come to this.
fn tell(model: &mut Model, truth: f64) {
    let mut said = model.course.answer("a", "p").unwrap().clone();
    (said.truth, said.right) = (Some(truth), Some(false));
    model.course.progress.records.push(said);
    model.refresh();
}

fn guess(model: &mut Model) {
    key(model, 'i');
    typed(model, "4");
    press(model, KeyCode::Enter);
    key(model, '3');
}

#[test]
fn what_tells_the_result_waits_for_the_result_and_not_for_the_guess() {
    let claim = CLAIM.replace("MORE", "");
    let mut model = page(&format!("{ARMS}Read on.\n\n{claim}{REVIEW}"));
    let footer = |model: &Model| {
        let mut buf = ratatui::buffer::Buffer::empty(ratatui::layout::Rect::new(0, 0, 120, 40));
        crate::lab::view::draw(model, &mut buf);
        fixture::text(&buf).lines().last().unwrap().to_owned()
    };
    assert!(footer(&model).contains("predicts"), "{}", footer(&model));
    guess(&mut model);
    assert!(!footer(&model).contains("predicts"), "{}", footer(&model));
    let waiting = drawn(&model);
    assert!(waiting.contains("Read on.") && !waiting.contains("It is four."), "{waiting}");
    assert_eq!(waiting.matches("when the result is there").count(), 2, "{waiting}");
    tell(&mut model, 4.2);
    let told = drawn(&model);
    assert!(told.contains("It is four.") && told.contains("begin with?"), "{told}");
}

#[test]
fn a_verdict_is_in_sight_when_it_comes_or_the_pane_says_where_it_is() {
    let before = "Words before it.\n\n".repeat(12);
    let after = "Words after it.\n\n".repeat(30);
    for height in [5, 8, 12] {
        let mut model = page(&format!("{before}{ARMS}{after}"));
        let seen = |model: &Model| fixture::text(&fixture::pane(model, PaneId::Lesson, 60, height));
        guess(&mut model);
        tell(&mut model, 4.2);
        assert!(seen(&model).contains("So."), "{}", seen(&model));
        // Who reads elsewhere is not pulled away.
        for (action, sign) in [(Action::Home, "↓ verdict below"), (Action::End, "↑ verdict above")]
        {
            let mut model = page(&format!("{before}{ARMS}{after}"));
            model.size = Size::new(80, 24);
            guess(&mut model);
            PaneId::Lesson.act(&mut model, action);
            assert!(!seen(&model).contains("verdict"), "{}", seen(&model));
            tell(&mut model, 4.2);
            let text = seen(&model);
            assert!(text.contains(sign) && !text.contains("So."), "{text}");
        }
    }
}
