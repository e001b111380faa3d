use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use ratatui::layout::Size;

use super::*;
use crate::lab::action::{ACTIONS, Action};
use crate::lab::corpus::Corpus;
use crate::lab::fixture::{self, card};
use crate::lab::model::ToastKind;
use crate::lab::overlays::{Answer, Confirm};
use crate::lab::panes::PaneId;
use crate::lab::run::Status;
use crate::stage::{Config, Value};
use crate::text::{CharTokenizer, Tokenizer, Tokens};
use crate::train::event::Edit;
use crate::train::{Command, Event, History};

pub(super) fn press(model: &mut Model, code: KeyCode) -> Vec<Effect> {
    update(model, Msg::Key(KeyEvent::new(code, KeyModifiers::NONE)))
}

pub(super) fn key(model: &mut Model, c: char) -> Vec<Effect> {
    press(model, KeyCode::Char(c))
}

pub(super) fn ctrl(model: &mut Model, c: char) -> Vec<Effect> {
    update(model, Msg::Key(KeyEvent::new(KeyCode::Char(c), KeyModifiers::CONTROL)))
}

pub(super) fn say(model: &mut Model, event: Event) -> Vec<Effect> {
    update(model, Msg::Worker(event.into()))
}

/// What is sent to the trainer, but for what the visible panes ask for.
pub(super) fn sent(effects: &[Effect]) -> Vec<String> {
    let commands = effects.iter().filter_map(|effect| match effect {
        Effect::Send(Command::Subscribe(_) | Command::Sample(_)) | Effect::Keep(_) => None,
        Effect::Send(Command::Open { run, config }) => {
            Some(format!("Open {} as {}", config.stage, run.0))
        }
        Effect::Send(command) => Some(format!("{command:?}")),
        other => Some(format!("{other:?}")),
    });
    commands.collect()
}

/// The fixture with its panes' wishes already sent.
pub(super) fn settled(width: u16, height: u16) -> Model {
    let mut model = fixture::model(width, height);
    update(&mut model, Msg::Tick(Duration::ZERO));
    model.dirty = false;
    model
}

pub(super) fn opened(model: &Model, stage: &str) -> Event {
    opened_with(opening(stage, model.facts().tokenizer().unwrap().vocab_size(), 1337))
}

/// A run of this configuration is open.
pub(super) fn opened_with(config: Config) -> Event {
    Event::Opened {
        card: card(&config),
        config: Box::new(config),
        step: 0,
        parameters: 1,
        threads: 2,
        operations_per_token: 1.0,
        tokenizer: None,
        history: Box::new(History::default()),
    }
}

pub(super) fn focus_hyperparameters(model: &mut Model, name: &str) {
    model.focus_on(PaneId::Hyperparameters);
    PaneId::Hyperparameters.act(model, Action::Home);
    let order: Vec<_> = model.lesson().hyperparameters.clone();
    let at = order.iter().position(|n| n == name).unwrap();
    for _ in 0..at {
        press(model, KeyCode::Down);
    }
}

#[test]
fn space_pauses_and_resumes() {
    let mut model = settled(120, 40);
    assert_eq!(sent(&key(&mut model, ' ')), ["Pause"]);
    say(&mut model, Event::Paused);
    assert_eq!(model.run.as_ref().unwrap().status, Status::Paused);
    assert_eq!(sent(&key(&mut model, ' ')), ["Run"]);
    assert_eq!(sent(&key(&mut model, '.')), ["Step(1)"]);
}

#[test]
fn speed_goes_down_from_what_it_is_and_up_to_full() {
    let mut model = settled(120, 40);
    assert_eq!(sent(&key(&mut model, '<')), ["Throttle(Some(1000.0))"]);
    assert_eq!(sent(&key(&mut model, '<')), ["Throttle(Some(500.0))"]);
    assert_eq!(sent(&key(&mut model, '>')), ["Throttle(Some(1000.0))"]);
    assert_eq!(sent(&key(&mut model, '>')), ["Throttle(None)"]);
    assert_eq!(sent(&key(&mut model, '>')), ["Throttle(None)"]);
    model.throttle = Some(1.0);
    assert_eq!(sent(&key(&mut model, '<')), ["Throttle(Some(1.0))"]);
}

#[test]
fn pages_turn_into_the_next_lesson_and_back_into_its_last_page() {
    let mut model = settled(120, 40);
    let (lesson, pages) = (model.lesson, model.lesson().pages.len());
    for page in 1..pages {
        assert_eq!(sent(&key(&mut model, 'n')), Vec::<String>::new());
        assert_eq!(model.page, page);
    }
    let next = model.lessons[lesson + 1].stage.clone();
    let effects = sent(&key(&mut model, 'n'));
    assert_eq!((model.lesson, model.page), (lesson + 1, 0));
    assert!(effects.contains(&format!("Open {next} as 1")), "{effects:?}");
    assert_eq!(effects.last().unwrap(), "Run");
    key(&mut model, 'p');
    assert_eq!((model.lesson, model.page), (lesson, pages - 1));
}

#[test]
fn the_edges_of_the_course_hold() {
    let mut model = settled(120, 40);
    for _ in 0..40 {
        key(&mut model, ']');
    }
    assert_eq!(model.lesson, model.lessons.len() - 1);
    for _ in 0..40 {
        key(&mut model, '[');
    }
    assert_eq!((model.lesson, model.page), (0, 0));
    assert!(key(&mut model, 'p').is_empty());
}

#[test]
fn a_lesson_is_paused_where_it_was_and_nowhere_else() {
    let mut model = settled(120, 40);
    key(&mut model, ' ');
    say(&mut model, Event::Paused);
    assert_eq!(sent(&key(&mut model, ']')).last().unwrap(), "Run");
    let event = opened(&model, "feed-forward");
    say(&mut model, event);
    say(&mut model, Event::Running);
    // The worker goes on from one run to the next; this one was to stand.
    assert_eq!(sent(&key(&mut model, '[')).last().unwrap(), "Pause");
    assert!(!model.playing);
}

/// Also where the run that was left last trains.
#[test]
fn a_run_that_stood_when_it_was_left_stands_when_it_is_come_back_to() {
    let mut model = settled(120, 40);
    key(&mut model, ' ');
    say(&mut model, Event::Paused);
    key(&mut model, ']');
    let event = opened(&model, "feed-forward");
    say(&mut model, event);
    say(&mut model, Event::Running);
    model.playing = true;
    // Whatever the lessons were left like.
    model.places.clear();
    assert_eq!(sent(&key(&mut model, '[')).last().unwrap(), "Pause");
    assert!(!model.playing);
    let event = opened(&model, "multi-head");
    say(&mut model, event);
    assert_eq!(sent(&key(&mut model, ']')).last().unwrap(), "Run");
}

#[test]
fn leaving_a_stage_keeps_its_curve_and_coming_back_hides_it() {
    let mut model = settled(120, 40);
    key(&mut model, ']');
    let event = opened(&model, "feed-forward");
    say(&mut model, event);
    let labels: Vec<_> = model.facts().visible_ghosts().into_iter().map(|g| g.label).collect();
    assert_eq!(labels, ["single-head, lr 1e-3→3e-4", "multi-head, lr 1e-3→3e-4, 3,412 steps"]);
    assert!(
        model.facts().snapshot.is_none() && model.facts().sample.is_none(),
        "they belong to the other stage"
    );
    let event = opened(&model, "multi-head");
    say(&mut model, event);
    let labels: Vec<_> = model.facts().visible_ghosts().into_iter().map(|g| g.label).collect();
    assert_eq!(
        labels,
        ["single-head, lr 1e-3→3e-4"],
        "an untrained run leaves no ghost, the present one is none"
    );
}

#[test]
fn a_live_change_is_sent_at_once_and_undone() {
    let mut model = settled(120, 40);
    focus_hyperparameters(&mut model, "lr");
    assert_eq!(
        sent(&press(&mut model, KeyCode::Right)),
        [r#"Set { name: "lr", value: Number(0.001) }"#]
    );
    // The next nudge starts from what was asked for, not from what the trainer has confirmed.
    assert_eq!(sent(&key(&mut model, 'l')), [r#"Set { name: "lr", value: Number(0.003) }"#]);
    let edit = Edit { step: 3500, name: "lr", old: Value::Number(3e-4), new: Value::Number(3e-3) };
    say(&mut model, Event::Applied(edit));
    let run = model.run.as_ref().unwrap();
    assert_eq!(run.config.training.lr, 3e-3);
    assert_eq!(run.history.edits.last().unwrap().step, 3500);
    assert_eq!(sent(&key(&mut model, 'u')), [r#"Set { name: "lr", value: Number(0.001) }"#]);
    assert_eq!(sent(&key(&mut model, 'u')), [r#"Set { name: "lr", value: Number(0.0003) }"#]);
    assert_eq!(sent(&key(&mut model, 'u')), Vec::<String>::new());
}

#[test]
fn a_run_on_words_takes_the_prompt_with_it() {
    let mut model = settled(120, 40);
    let words = Tokenizer::new("the king is dead\n", Tokens::Words, 10);
    let mut event = opened(&model, "multi-head");
    if let Event::Opened { tokenizer, .. } = &mut event {
        *tokenizer = Some(Box::new(words.clone()));
    }
    say(&mut model, event);
    assert_eq!(model.prompt.tokens, words.encode("the king").unwrap());
    assert_eq!(model.facts().label(model.prompt.tokens[1]), "king");
    assert!(model.snapshot.is_none() && model.sample.is_none());
    let corpus = model.corpus.as_ref().unwrap();
    assert!(!corpus.references.is_empty() && corpus.yardsticks().is_empty());
    // A word that the model does not know is read as one, and it is said.
    model.prompt.set("the queen", &words);
    assert_eq!((model.prompt.tokens.len(), model.prompt.tokens[1]), (2, 0));
    assert!(model.prompt.error.as_ref().unwrap().contains("queen"));
}

#[test]
fn an_impossible_structure_is_explained_and_changes_nothing() {
    let mut model = settled(120, 40);
    focus_hyperparameters(&mut model, "n_head");
    press(&mut model, KeyCode::Enter);
    for _ in 0..3 {
        press(&mut model, KeyCode::Backspace);
    }
    key(&mut model, '5');
    assert_eq!(sent(&press(&mut model, KeyCode::Enter)), Vec::<String>::new());
    assert!(model.overlays.is_empty());
    let error = model.asked.error.clone().unwrap();
    assert!(error.contains("n_embd 32 is not divisible by n_head 5"), "{error}");
    assert_eq!(model.run.as_ref().unwrap().config.model.n_head, 4);
}

#[test]
fn a_value_out_of_range_stays_in_its_line() {
    let mut model = settled(120, 40);
    focus_hyperparameters(&mut model, "lr");
    press(&mut model, KeyCode::Enter);
    ctrl(&mut model, 'u');
    for c in "-1".chars() {
        key(&mut model, c);
    }
    assert_eq!(sent(&press(&mut model, KeyCode::Enter)), Vec::<String>::new());
    let Some(Overlay::Input(line)) = model.overlays.last() else { panic!("the line is gone") };
    assert!(line.error.as_ref().unwrap().starts_with("lr must be a number from"));
    press(&mut model, KeyCode::Esc);
    assert!(model.overlays.is_empty());
}

#[test]
fn the_prompt_is_followed_with_every_letter() {
    let mut model = settled(120, 40);
    key(&mut model, '/');
    let effects = key(&mut model, 's');
    assert_eq!(model.prompt.text, "the kings");
    let subscription = effects.iter().find_map(|e| match e {
        Effect::Send(Command::Subscribe(wanted)) => Some(wanted.prompt.clone()),
        _ => None,
    });
    assert_eq!(subscription, Some(model.prompt.tokens.clone()));
    let effects = key(&mut model, '€');
    assert!(!effects.iter().any(|e| matches!(e, Effect::Send(Command::Subscribe(_)))));
    assert_eq!(
        model.prompt.text, "the kings",
        "the panes keep the last text that could be encoded"
    );
    let Some(Overlay::Input(line)) = model.overlays.last() else { panic!("the line is gone") };
    assert!(line.error.as_ref().unwrap().contains("'€'"));
    press(&mut model, KeyCode::Backspace);
    for c in "\\n".chars() {
        key(&mut model, c);
    }
    assert_eq!(model.prompt.text, "the kings\n");
    press(&mut model, KeyCode::Esc);
    assert_eq!(model.prompt.text, "the king");
}

#[test]
fn pasting_goes_into_the_line() {
    let mut model = settled(120, 40);
    update(&mut model, Msg::Paste("ignored".to_owned()));
    key(&mut model, '/');
    update(&mut model, Msg::Paste("\r\nAnd so".to_owned()));
    assert_eq!(model.prompt.text, "the king\nAnd so");
}

#[test]
fn every_lesson_keeps_its_own_prompt_page_and_pace() {
    let mut model = settled(120, 40);
    assert_eq!(model.prompt.text, "the king");
    let events = [key(&mut model, 'n'), key(&mut model, 'F'), key(&mut model, ']')].concat();
    assert_eq!((model.page, model.own_pace), (0, None), "{events:?}");
    assert_eq!(model.prompt.text, model.lesson().prompt);
    key(&mut model, '/');
    key(&mut model, 'x');
    press(&mut model, KeyCode::Enter);
    let own = model.prompt.text.clone();
    assert_ne!(own, model.lesson().prompt);
    let effects = sent(&key(&mut model, '<'));
    let slow = model.throttle;
    assert!(slow.is_some() && effects.len() == 1, "{effects:?}");
    let back = sent(&key(&mut model, '['));
    assert!(back.contains(&"Throttle(None)".to_owned()), "{back:?}");
    assert_eq!((model.prompt.text.as_str(), model.page), ("the king", 1));
    key(&mut model, ']');
    assert_eq!((model.prompt.text.clone(), model.throttle), (own, slow));
}

#[test]
fn only_visible_panes_are_served() {
    let wishes = |width, height| {
        let mut model = fixture::model(width, height);
        let effects = update(&mut model, Msg::Tick(Duration::ZERO));
        let wanted = effects.into_iter().find_map(|e| match e {
            Effect::Send(Command::Subscribe(wanted)) => Some(wanted),
            _ => None,
        });
        wanted.unwrap()
    };
    assert!(!wishes(80, 24).norms, "the pane Inside is not on the screen");
    assert!(wishes(200, 60).norms);
    let mut model = settled(200, 60);
    assert!(
        update(&mut model, Msg::Tick(Duration::from_secs(1))).is_empty(),
        "what has not changed is not sent again"
    );
}

#[test]
fn quitting_saves_first() {
    let mut model = settled(120, 40);
    assert_eq!(sent(&key(&mut model, 'q')), ["SaveAll"]);
    assert!(key(&mut model, 'q').is_empty(), "once is enough");
    let saved = Event::Saved { stage: "multi-head".to_owned(), path: "x".into() };
    assert!(say(&mut model, saved).is_empty());
    assert_eq!(sent(&say(&mut model, Event::SavedAll)), ["Quit"]);
}

#[test]
fn what_cannot_be_saved_is_asked_about() {
    let mut model = settled(120, 40);
    key(&mut model, 'q');
    say(&mut model, Event::Refused { what: "save".to_owned(), why: "the disk is full".to_owned() });
    assert!(say(&mut model, Event::SavedAll).is_empty());
    let Some(Overlay::Confirm(confirm)) = model.overlays.last() else { panic!("no question") };
    assert!(confirm.text.contains("the disk is full"));
    key(&mut model, 'n');
    assert!(model.quitting.is_none(), "stays");
    key(&mut model, 'q');
    say(&mut model, Event::Refused { what: "save".to_owned(), why: "the disk is full".to_owned() });
    say(&mut model, Event::SavedAll);
    assert_eq!(sent(&key(&mut model, 'y')), ["Quit"]);
}

#[test]
fn a_long_step_does_not_hold_the_learner() {
    let mut model = settled(120, 40);
    key(&mut model, 'q');
    assert!(update(&mut model, Msg::Tick(Duration::from_secs(3))).is_empty());
    update(&mut model, Msg::Tick(Duration::from_secs(20)));
    assert!(matches!(
        model.overlays.last(),
        Some(Overlay::Confirm(Confirm { yes: Answer::QuitUnsaved, .. }))
    ));
    // Saved while the question stands: nothing is left to ask.
    assert_eq!(sent(&say(&mut model, Event::SavedAll)), ["Quit"]);
}

#[test]
fn a_signal_saves_and_never_asks() {
    let mut model = settled(120, 40);
    assert_eq!(sent(&update(&mut model, Msg::Terminate)), ["SaveAll"]);
    say(&mut model, Event::Refused { what: "save".to_owned(), why: "the disk is full".to_owned() });
    assert_eq!(sent(&say(&mut model, Event::SavedAll)), ["Quit"]);
    let mut model = settled(120, 40);
    update(&mut model, Msg::Terminate);
    assert_eq!(sent(&update(&mut model, Msg::Tick(Duration::from_secs(60)))), ["Quit"]);
}

#[test]
fn ctrl_c_asks_and_twice_leaves_at_once() {
    let mut model = settled(120, 40);
    assert!(ctrl(&mut model, 'c').is_empty());
    assert!(matches!(
        model.overlays.last(),
        Some(Overlay::Confirm(Confirm { yes: Answer::Quit, .. }))
    ));
    assert_eq!(sent(&ctrl(&mut model, 'c')), ["Quit"]);
    let mut model = settled(120, 40);
    ctrl(&mut model, 'c');
    assert_eq!(sent(&key(&mut model, 'y')), ["SaveAll"]);
}

#[test]
fn nothing_to_save_before_the_corpus_is_there() {
    let model = settled(120, 40);
    let mut early = Model::new(model.lessons, 0, model.theme, Size::new(80, 24), 1);
    assert_eq!(sent(&key(&mut early, 'q')), ["Quit"]);
    for c in " .<>FreW+u/[]?".chars() {
        key(&mut early, c);
        press(&mut early, KeyCode::Esc);
    }
}

#[test]
fn ready_starts_training_at_the_lessons_pace() {
    let lessons = fixture::lessons();
    let mut model = Model::new(lessons, 0, fixture::model(80, 24).theme, Size::new(80, 24), 1);
    let corpus = Corpus {
        sha256: String::new(),
        name: "a text".to_owned(),
        note: None,
        opening: String::new(),
        tokenizer: Tokenizer::Characters(CharTokenizer::new(fixture::CHARACTERS)),
        characters: 65,
        train: 1000,
        val: 100,
        references: Vec::new(),
        counted: None,
    };
    let msg = Msg::Ready { corpus, stage: "bigram".to_owned() };
    assert_eq!(sent(&update(&mut model, msg)), ["Throttle(Some(200.0))", "Run"]);
    assert!(!model.prompt.tokens.is_empty());
    let event = opened(&model, "bigram");
    say(&mut model, event);
    key(&mut model, 'F');
    key(&mut model, ']');
    assert!(
        sent(&key(&mut model, '[')).iter().all(|c| c != "Throttle(Some(200.0))"),
        "the learner's own pace stays in its lesson"
    );
}

#[test]
fn a_diverged_run_and_a_failed_trainer_are_told() {
    let mut model = settled(120, 40);
    say(&mut model, Event::Diverged { step: 3500 });
    assert_eq!(model.run.as_ref().unwrap().status, Status::Diverged(3500));
    assert!(key(&mut model, ' ').is_empty());
    assert!(model.toasts.last().unwrap().text.contains("no longer finite"));
    say(&mut model, Event::Failed { message: "index out of bounds".to_owned() });
    assert!(model.toasts.last().unwrap().text.contains("index out of bounds"));
    assert_eq!(sent(&key(&mut model, ' ')), ["Run"], "it may be tried again");
}

#[test]
fn a_tick_that_changes_nothing_draws_nothing() {
    let mut model = settled(120, 40);
    update(&mut model, Msg::Tick(Duration::from_secs(1)));
    assert!(!model.dirty);
    model.say(ToastKind::Info, "a word");
    update(&mut model, Msg::Tick(Duration::from_secs(2)));
    assert!(!model.dirty, "it is still there");
    update(&mut model, Msg::Tick(Duration::from_secs(60)));
    assert!(model.dirty && model.toasts.is_empty(), "it has gone");
}

#[test]
fn numbers_and_tab_focus_and_call_panes() {
    let mut model = settled(80, 24);
    key(&mut model, '4');
    let fourth = model.lesson_panes()[3];
    assert_eq!(model.focus, fourth);
    assert!(model.layout().shows(fourth));
    press(&mut model, KeyCode::Tab);
    assert_eq!(model.focus, model.lesson_panes()[4]);
    press(&mut model, KeyCode::BackTab);
    assert_eq!(model.focus, fourth);
    key(&mut model, 'z');
    assert_eq!(model.layout().panes.len(), 1);
    press(&mut model, KeyCode::Esc);
    assert!(!model.zoomed);
}

/// Every action of the palette, in every pane, at every lesson and state: no panic, whatever the order.
#[test]
fn any_action_anywhere_is_survived() {
    for size in [(80, 24), (200, 60)] {
        for setup in 0..4 {
            let mut model = settled(size.0, size.1);
            match setup {
                0 => {}
                1 => (model.snapshot, model.sample) = (None, None),
                2 => model.run = None,
                _ => (model.corpus, model.run) = (None, None),
            }
            model.refresh();
            for pane in PaneId::ALL {
                model.focus_on(pane);
                for row in ACTIONS {
                    if matches!(row.action, Action::Quit | Action::Interrupt) {
                        continue;
                    }
                    keys::act(&mut model, row.action);
                    let mut buf = ratatui::buffer::Buffer::empty(ratatui::layout::Rect::new(
                        0, 0, size.0, size.1,
                    ));
                    crate::lab::view::draw(&model, &mut buf);
                    while model.overlays.pop().is_some() {}
                }
            }
        }
    }
}

pub(super) fn typed(model: &mut Model, text: &str) {
    for c in text.chars() {
        key(model, c);
    }
}

#[test]
fn a_typed_value_replaces_the_old_one_and_is_said() {
    let mut model = settled(120, 40);
    focus_hyperparameters(&mut model, "lr");
    press(&mut model, KeyCode::Enter);
    typed(&mut model, " 1e-3 ");
    let effects = sent(&press(&mut model, KeyCode::Enter));
    assert_eq!(effects, [r#"Set { name: "lr", value: Number(0.001) }"#]);
    assert_eq!(model.toasts.last().unwrap().text, "lr is 1e-3 from the next step on");
    // With the arrows it is edited instead.
    press(&mut model, KeyCode::Enter);
    press(&mut model, KeyCode::Left);
    press(&mut model, KeyCode::Backspace);
    typed(&mut model, "+");
    press(&mut model, KeyCode::Backspace);
    typed(&mut model, "-");
    press(&mut model, KeyCode::Enter);
    assert_eq!(model.toasts.last().unwrap().text, "lr is 1e-3 already");
    // A paste replaces it too, and deleting empties the line.
    press(&mut model, KeyCode::Enter);
    update(&mut model, Msg::Paste("0.01".to_owned()));
    let Some(Overlay::Input(line)) = model.overlays.last() else { panic!("the line is gone") };
    assert_eq!(line.input.value(), "0.01");
    press(&mut model, KeyCode::Esc);
    press(&mut model, KeyCode::Enter);
    press(&mut model, KeyCode::Backspace);
    let Some(Overlay::Input(line)) = model.overlays.last() else { panic!("the line is gone") };
    assert_eq!(line.input.value(), "");
}

#[test]
fn a_prompt_that_cannot_be_read_stays_in_its_line() {
    let mut model = settled(120, 40);
    key(&mut model, '/');
    typed(&mut model, "’s");
    assert!(sent(&press(&mut model, KeyCode::Enter)).is_empty());
    let Some(Overlay::Input(line)) = model.overlays.last() else { panic!("the line is gone") };
    assert_eq!(line.input.value(), "the king’s");
    assert!(line.error.as_ref().unwrap().contains("'’'"), "{:?}", line.error);
    press(&mut model, KeyCode::Backspace);
    press(&mut model, KeyCode::Backspace);
    press(&mut model, KeyCode::Enter);
    assert!(model.overlays.is_empty());
    assert_eq!(model.prompt.text, "the king");
}

#[test]
fn a_large_paste_is_cut_and_said() {
    let mut model = settled(120, 40);
    key(&mut model, '/');
    press(&mut model, KeyCode::Home);
    update(&mut model, Msg::Paste("all the world is a stage\r\n".repeat(40_000)));
    let Some(Overlay::Input(line)) = model.overlays.last() else { panic!("the line is gone") };
    assert_eq!(line.input.value().chars().count(), 4096);
    assert!(line.input.value().ends_with("the king"), "what stood there stays");
    assert!(model.toasts.last().unwrap().text.contains("room for 4,096 characters"));
    typed(&mut model, "xyz");
    let Some(Overlay::Input(line)) = model.overlays.last() else { panic!("the line is gone") };
    assert_eq!(line.input.value().chars().count(), 4096);
    press(&mut model, KeyCode::Esc);
    key(&mut model, ':');
    update(&mut model, Msg::Paste("zoom ".repeat(100_000)));
    let Some(Overlay::List(list)) = model.overlays.last() else { panic!("the list is gone") };
    assert_eq!(list.filter.value().chars().count(), 64);
}

pub(super) fn asks(model: &Model) -> &str {
    match model.overlays.last() {
        Some(Overlay::Confirm(confirm)) => &confirm.text,
        other => panic!("no question: {other:?}"),
    }
}

pub(super) fn at(model: &mut Model, seconds: u64) -> Vec<Effect> {
    update(model, Msg::Tick(Duration::from_secs(seconds)))
}

pub(super) fn cannot_save(model: &mut Model) -> Vec<Effect> {
    let (what, why) = ("save".to_owned(), "Permission denied".to_owned());
    say(model, Event::Refused { what, why });
    say(model, Event::SavedAll)
}

#[test]
fn the_question_that_stands_has_the_true_reason_and_a_forced_leave_leaves() {
    let mut model = settled(120, 40);
    key(&mut model, 'q');
    assert!(cannot_save(&mut model).is_empty());
    for second in 1..30 {
        assert!(at(&mut model, second).is_empty());
    }
    assert!(asks(&model).contains("Permission denied"), "{}", asks(&model));
    assert_eq!(model.overlays.len(), 1);
    assert_eq!(sent(&update(&mut model, Msg::Terminate)), ["Quit"]);
    assert!(model.quitting.as_ref().unwrap().forced, "what is lost is not the learner's choice");

    // The trainer is late: then the reason is that, until the true one comes.
    let mut model = settled(120, 40);
    key(&mut model, 'q');
    at(&mut model, 9);
    assert!(asks(&model).contains("still in a step"));
    assert!(cannot_save(&mut model).is_empty());
    assert_eq!(model.overlays.len(), 1);
    assert!(asks(&model).contains("Permission denied"), "{}", asks(&model));

    // Asked to leave while the question stands: whoever saves gets a last while.
    let mut model = settled(120, 40);
    key(&mut model, 'q');
    at(&mut model, 9);
    assert!(update(&mut model, Msg::Terminate).is_empty());
    assert!(at(&mut model, 12).is_empty());
    assert_eq!(sent(&at(&mut model, 18)), ["Quit"]);
    // Refused or not, then.
    let mut model = settled(120, 40);
    update(&mut model, Msg::Terminate);
    assert_eq!(sent(&cannot_save(&mut model)), ["Quit"]);
}

#[test]
fn a_trainer_that_has_ended_is_not_waited_for() {
    let mut model = settled(120, 40);
    say(&mut model, Event::Stopped);
    assert!(sent(&key(&mut model, 'q')).is_empty());
    assert!(asks(&model).contains("the trainer has stopped"), "{}", asks(&model));
    assert_eq!(sent(&key(&mut model, 'y')), ["Quit"]);
    let mut model = settled(120, 40);
    key(&mut model, 'q');
    assert!(say(&mut model, Event::Stopped).is_empty());
    assert!(asks(&model).contains("the trainer has stopped"), "{}", asks(&model));
    let mut model = settled(120, 40);
    say(&mut model, Event::Stopped);
    assert_eq!(sent(&update(&mut model, Msg::Terminate)), ["Quit"]);
}

#[test]
fn a_prompt_that_the_text_cannot_spell_is_taken_from_the_text() {
    let mut model = settled(120, 40);
    let Some(corpus) = &mut model.corpus else { panic!("there is a text") };
    corpus.tokenizer = Tokenizer::Characters(CharTokenizer::new("निवासी: हाँ।\n"));
    corpus.opening = "निवासी".to_owned();
    key(&mut model, ']');
    key(&mut model, '[');
    // The learner's own stays as far as it can be read; of "the king" the space can.
    assert_eq!(model.prompt.text, " ");
    model.prompt.text = model.default_prompt();
    key(&mut model, ']');
    assert_eq!(model.prompt.text, "निवासी");
    assert_eq!(model.prompt.tokens.len(), 6);
}

#[test]
fn the_smallest_screen_names_every_letter_that_the_text_lacks() {
    let mut model = settled(80, 24);
    key(&mut model, '/');
    typed(&mut model, "don’t café 日本");
    press(&mut model, KeyCode::Enter);
    let mut buf = ratatui::buffer::Buffer::empty(ratatui::layout::Rect::new(0, 0, 80, 24));
    crate::lab::view::draw(&model, &mut buf);
    let screen = fixture::text(&buf);
    let line = screen.lines().last().unwrap();
    for letter in ["'’'", "'é'", "'日'", "'本'"] {
        assert!(line.contains(letter), "{line}");
    }
    assert!(screen.contains("mend the line, or esc leaves it"), "{screen}");
}

pub(super) fn say_of_the_run(model: &mut Model, event: Event) -> Vec<Effect> {
    let run = model.run.as_ref().map(|run| run.id);
    update(model, Msg::Worker(crate::train::Told { run, event }))
}
