//! Every lesson's stage, opened as the lab opens it and seen by a real session.

use std::collections::HashSet;
use std::sync::Arc;

use ratatui::buffer::Buffer;
use ratatui::crossterm::event::KeyCode;
use ratatui::layout::{Rect, Size};
use unicode_width::UnicodeWidthStr;

use super::*;
use crate::lab::action::{ACTIONS, Action, Context, Scope};
use crate::lab::border::{Border, inside};
use crate::lab::corpus::{Corpus, Counted};
use crate::lab::fixture;
use crate::lab::model::{Effect, Model, Msg};
use crate::lab::pane::Seat;
use crate::lab::theme::Theme;
use crate::lab::update::{opening, update};
use crate::lab::view;
use crate::task::Task;
use crate::train::command::SampleRequest;
use crate::train::event::{RunId, StepReport};
use crate::train::generation::Generation;
use crate::train::session::Session;
use crate::train::team::Team;
use crate::train::{Command, Event, Observed, Subscription, testing};

#[test]
fn every_lesson_names_panes_that_there_are() {
    for lesson in crate::lesson::course().unwrap() {
        for name in &lesson.panes {
            assert!(PaneId::named(name).is_some(), "{}: no pane is called {name}", lesson.id);
        }
    }
}

/// What would have to be edited for a new pane.
#[test]
fn nobody_else_knows_a_pane_by_name() {
    let lab = concat!(env!("CARGO_MANIFEST_DIR"), "/src/lab");
    let own = std::path::Path::new(lab).join("panes");
    let mut folders = vec![std::path::PathBuf::from(lab)];
    let mut read = 0;
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let about_tests = ["tests.rs", "fixture.rs"].iter().any(|name| path.ends_with(name));
            if path.is_dir() && path != own {
                folders.push(path);
            } else if path.extension().is_some_and(|end| end == "rs") && !about_tests {
                let text = std::fs::read_to_string(&path).unwrap();
                let code = text.split("\n#[cfg(test)]\nmod tests {").next().unwrap();
                for pane in PaneId::ALL {
                    assert!(!code.contains(&format!("PaneId::{pane:?}")), "{}", path.display());
                }
                read += 1;
            }
        }
    }
    assert!(read > 30, "{read}");
}

#[test]
fn a_key_means_one_thing_in_a_pane() {
    let panes = Panes::default();
    let global = Scope { nearness: &[&[Context::Global]], understood: &[] };
    for pane in PaneId::ALL {
        let scope = Scope::pane(panes.get(pane).understands());
        let mut seen = HashSet::new();
        for row in ACTIONS {
            for &key in scope.keys(row, Context::Pane).unwrap_or_default() {
                assert!(seen.insert(key), "{key} twice in {pane:?} ({})", row.id);
                assert_eq!(global.lookup(key), None, "{key} of {}", row.id);
                assert_eq!(scope.lookup(key), Some(row.action), "{key} in {pane:?}");
            }
        }
        for action in scope.understood {
            let here = ACTIONS.iter().find(|row| row.action == *action).unwrap();
            assert!(
                scope.keys(here, Context::Pane).is_some(),
                "{pane:?} has no key for {action:?}"
            );
        }
    }
}

#[test]
fn what_panes_are_to_understand_some_pane_does() {
    let panes = Panes::default();
    let understood = |action| {
        let mut all = PaneId::ALL.into_iter().map(|pane| panes.get(pane).understands());
        // While the points pane is drawn in, other keys count, and in a search those of its beam.
        all.any(|some| some.contains(&action))
            || points::UNDERSTOOD.contains(&action)
            || task::SEARCHING.contains(&action)
    };
    for row in ACTIONS {
        let own = row.places.iter().any(|place| place.contexts.contains(&Context::Pane));
        assert!(!own || understood(row.action), "{}", row.id);
    }
}

/// The first page that is about a stage, its run opened.
pub(super) fn open(lesson: &str, width: u16, height: u16) -> (Model, Session) {
    let lessons = fixture::lessons();
    let pages = lessons.iter().enumerate().flat_map(|(at, l)| {
        (0..l.pages.len()).map(move |page| (at, page, l.stage_of(page) == lesson || l.id == lesson))
    });
    // Several stages of before share a lesson now: the first page that is about this one.
    let (lesson, page, _) = pages.clone().find(|(.., about)| *about).unwrap();
    drop(pages);
    let mut model = Model::new(lessons, lesson, Theme::plain(), Size::new(width, height), 1337);
    model.page = page;
    let text = testing::dataset();
    let mut config = opening(model.lesson().stage_of(page), text.tokenizer.vocab_size(), 1337);
    config.training.eval_batches = 1;
    config.training.batch_size = 8;
    let corpus = Corpus {
        sha256: String::new(),
        name: "a text".to_owned(),
        note: None,
        opening: String::new(),
        tokenizer: text.tokenizer.clone(),
        characters: text.tokenizer.vocab_size(),
        train: 1000,
        val: 100,
        references: crate::text::ngram::references(&text, 2),
        counted: Some(Arc::new(Counted::new(&text))),
    };
    let stage = config.stage.clone();
    update(&mut model, Msg::Ready { corpus, stage });
    let session = Session::with_team(config, text, &Team::new(1).unwrap()).unwrap();
    update(
        &mut model,
        Msg::Worker(
            Event::Opened {
                config: Box::new(session.config().clone()),
                step: 0,
                parameters: session.weights().len(),
                threads: 1,
                operations_per_token: session.model().operations_per_token(),
                card: session.card().clone(),
                tokenizer: session.tokenizer().map(|tokenizer| Box::new(tokenizer.clone())),
                history: Box::default(),
            }
            .into(),
        ),
    );
    // The lesson's own may have no character in common with this text.
    if model.facts().reads_prompt() {
        model.prompt.tokens = vec![1, 2, 0, 1];
    }
    (model, session)
}

/// Trains a few steps, estimates, and shows the panes what they ask for.
pub(super) fn train(model: &mut Model, session: &mut Session, steps: usize) {
    let reports = (0..steps).map(|_| session.step().unwrap()).collect();
    update(model, Msg::Worker(Event::Steps { reports, seconds: 0.1 }.into()));
    let evaluation = session.evaluate();
    update(model, Msg::Worker(Event::Evaluated(evaluation).into()));
    look(model, session);
}

/// A snapshot of what all panes ask for together.
pub(super) fn look(model: &mut Model, session: &mut Session) {
    let prompt =
        if model.facts().reads_prompt() { model.prompt.tokens.clone() } else { Vec::new() };
    let mut wanted = Subscription { prompt, ..Subscription::default() };
    for pane in PaneId::ALL {
        model.panes.get(pane).subscribe(&model.facts(), &mut wanted);
    }
    let snapshot = session.snapshot(&wanted);
    update(model, Msg::Snapshot(Arc::new(snapshot)));
}

/// The stages that are not the lecture's.
const NEW: [&str; 10] = [
    "encoder-decoder",
    "vae",
    "gan",
    "rnn",
    "gru",
    "lstm",
    "conv",
    "neural-gpu",
    "memory",
    "attention",
];

fn shown(model: &Model, pane: PaneId) -> String {
    fixture::text(&fixture::pane(model, pane, 76, 30))
}

#[test]
fn every_new_stage_opens_and_every_pane_can_be_drawn() {
    for lesson in NEW {
        for (width, height) in [(80, 24), (160, 48)] {
            let (mut model, mut session) = open(lesson, width, height);
            for step in 0..3 {
                let mut buf = Buffer::empty(Rect::new(0, 0, width, height));
                view::draw(&model, &mut buf);
                for pane in PaneId::ALL {
                    for (width, height) in [(1, 1), (12, 5), (40, 12), (width, height)] {
                        let area = Rect::new(0, 0, width, height);
                        let mut buf = fixture::pane(&model, pane, width, height);
                        for at in area.positions().step_by(17) {
                            pane.click(&mut model, area, at);
                        }
                        pane.draw(&model, true, area, &mut buf);
                    }
                    for row in ACTIONS {
                        pane.act(&mut model, row.action);
                    }
                }
                if step < 2 {
                    train(&mut model, &mut session, 2);
                }
            }
        }
    }
}

#[test]
fn a_made_task_shows_its_own_signs_and_no_yardstick_of_the_text() {
    for lesson in NEW {
        let (mut model, mut session) = open(lesson, 160, 48);
        let on_text = session.config().task.task == Task::Text;
        train(&mut model, &mut session, 2);
        assert_eq!(model.facts().yardsticks().is_empty(), !on_text, "{lesson}");
        let loss = shown(&model, PaneId::Loss);
        assert_eq!(loss.contains("unigram"), on_text, "{loss}");
        // A narrow pane counts those that it has no room for, and says where they are.
        let figures = &model.run.as_ref().unwrap().evaluation().unwrap().figures;
        let shown_figures = figures.iter().filter(|f| loss.contains(&f.name)).count();
        let rest = figures.len() - shown_figures;
        assert!(rest == 0 || loss.contains(" more: v"), "{lesson}: {loss}");
        assert!(rest <= 2, "{lesson}: {loss}");
        for pane in PaneId::ALL.into_iter().filter(|pane| *pane != PaneId::Lesson) {
            let text = shown(&model, pane);
            assert!(!text.contains("with the first step"), "{lesson}: {text}");
            assert!(on_text || !text.contains("prompt"), "{lesson}: {text}");
        }
    }
}

#[test]
fn the_prompt_is_not_edited_where_it_is_not_read() {
    let (mut model, _) = open("vae", 160, 48);
    model.prompt.text = "the learner's own".to_owned();
    let key = KeyCode::Char('/').into();
    let effects = update(&mut model, Msg::Key(key));
    assert!(effects.is_empty() && model.overlays.is_empty());
    assert!(model.toasts.last().unwrap().text.contains("not the prompt"));
    // Where the words to the learner stood, the task stands again.
    model.toasts.clear();
    let mut buf = Buffer::empty(Rect::new(0, 0, 160, 48));
    view::draw(&model, &mut buf);
    let screen = fixture::text(&buf);
    assert!(screen.lines().last().unwrap().contains("task glyphs"), "{screen}");
}

#[test]
fn no_sample_is_asked_of_a_made_task() {
    for lesson in NEW {
        let (mut model, mut session) = open(lesson, 160, 48);
        train(&mut model, &mut session, 1);
        for pane in [PaneId::Samples, PaneId::Softmax] {
            (model.focus, model.zoomed) = (pane, true);
            let effects = update(&mut model, Msg::Resize(Size::new(160, 48)));
            let asked = model.requested.as_ref().is_some_and(|request| request.tokens > 0);
            assert_eq!(asked, model.facts().reads_prompt(), "{lesson}");
            for effect in effects {
                let Effect::Send(Command::Subscribe(wanted)) = effect else {
                    continue;
                };
                assert!(wanted.prompt.is_empty() || model.facts().reads_prompt(), "{lesson}");
            }
        }
        let samples = shown(&model, PaneId::Samples);
        if !model.facts().reads_prompt() {
            assert!(samples.contains("no text"), "{samples}");
            continue;
        }
        let request = SampleRequest { tokens: 9, ..model.requested.clone().unwrap() };
        let mut generation = Generation::new(session.model(), &request, 0).unwrap();
        for _ in 0..9 {
            generation.next(session.weights());
        }
        let sample = generation.sample(model.run.as_ref().unwrap().id, 1);
        update(&mut model, Msg::Sample(Arc::new(sample)));
        assert!(!shown(&model, PaneId::Samples).contains("The first text"));
    }
}

/// The tokens of a made example as its task writes them.
fn written(ids: &[u32], sign: impl Fn(u32) -> String) -> Vec<String> {
    ids.iter().filter(|id| **id != crate::model::PAD).map(|&id| sign(id)).collect()
}

#[test]
fn the_encoder_decoders_maps_are_the_models_numbers_with_the_right_tokens() {
    let (mut model, mut session) = open("encoder-decoder", 160, 48);
    train(&mut model, &mut session, 5);
    let maps = [
        ("encoder.0.self_attn", [true, true]),
        ("encoder.1.self_attn", [true, true]),
        ("decoder.0.self_attn", [false, false]),
        ("decoder.0.cross_attn", [false, true]),
        ("decoder.1.self_attn", [false, false]),
        ("decoder.1.cross_attn", [false, true]),
    ];
    for (name, [query_source, key_source]) in maps {
        look(&mut model, &mut session);
        let snapshot = model.facts().snapshot.unwrap();
        let tokens = |source: bool| {
            if source {
                written(&snapshot.source, |id| model.facts().source_label(id))
            } else {
                written(&snapshot.prompt, |id| model.facts().label(id))
            }
        };
        let (queries, keys) = (tokens(query_source), tokens(key_source));
        assert_eq!(tokens(false)[0], "^");
        let weights = snapshot.activation(&format!("{name}.weights")).unwrap();
        let &[heads, rows, columns] = weights.shape.as_slice() else {
            panic!("{:?}", weights.shape)
        };
        assert_eq!(heads, 4);
        let screen = shown(&model, PaneId::Attention);
        // The row under the cursor, the last one of the first head, as bars: every key with its weight.
        let query = queries.len() - 1;
        assert!(query < rows && keys.len() <= columns);
        assert!(
            screen.contains(&format!("query {} ({})", queries[query], query + 1)),
            "{name}\n{screen}"
        );
        for (key, label) in keys.iter().enumerate() {
            let weight = f64::from(weights.values[query * columns + key]);
            let line = format!("{label} {:>6} ", crate::lab::number::probability(weight));
            assert!(screen.contains(&line), "{name}: {line:?}\n{screen}");
        }
        // Both axes.
        let across = screen.lines().find(|line| {
            let signs: String = line.split_whitespace().filter(|sign| sign.len() == 1).collect();
            signs.starts_with(&keys.concat())
        });
        assert!(across.is_some(), "{name}: {keys:?}\n{screen}");
        PaneId::Attention.act(&mut model, Action::NextLayer);
    }
}

#[test]
fn recall_is_read_in_its_own_signs() {
    for lesson in ["attention", "memory", "neural-gpu"] {
        let (mut model, mut session) = open(lesson, 160, 48);
        train(&mut model, &mut session, 2);
        let snapshot = model.facts().snapshot.unwrap();
        let text = crate::task::recall::Recall::decode(&snapshot.prompt);
        assert!(text.ends_with('?') && text.chars().next().unwrap().is_ascii_uppercase());
        let softmax = shown(&model, PaneId::Softmax);
        assert!(softmax.contains(&format!("after \"{text}\"")), "{softmax}");
        assert!(softmax.contains(&format!("then ▸{}", &text[..1])), "{softmax}");
        if lesson != "neural-gpu" {
            let attention = shown(&model, PaneId::Attention);
            assert!(attention.contains("query ? ("), "{attention}");
        }
    }
}

/// As `gpt-lab bench` counts them: operations of a token, times all tokens of a step, times steps a second.
#[test]
fn every_stages_gflops_are_those_of_the_bench() {
    for stage in crate::stage::STAGES {
        let config = stage.config(65, 1337);
        let built = crate::model::build(&config.model).unwrap();
        let operations = built.operations_per_token();
        let tokens = (config.training.batch_size * config.model.block_size) as f64;
        let mut observed = Observed::opening(RunId::FIRST, config);
        observed.operations_per_token = operations;
        let report = StepReport { step: 1, loss: 1.0, lr: 1e-3, grad_norm: 1.0, parts: [0.0; 2] };
        observed.fold(&Event::Steps { reports: vec![report; 3], seconds: 0.5 });
        let speed = observed.speed;
        assert_eq!(speed.steps_per_second, 6.0);
        let expected = operations * tokens * 6.0 / 1e9;
        assert!((speed.gflops - expected).abs() <= 1e-9 * expected, "{}", observed.stage());
    }
}

/// The network that waits for its turn shows no gradient and no update, the other one both.
#[test]
fn the_idle_network_of_a_gan_was_not_moved() {
    let (mut model, mut session) = open("gan", 160, 48);
    let mut idle = HashSet::new();
    for _ in 0..4 {
        train(&mut model, &mut session, 1);
        let norms = &model.facts().snapshot.unwrap().norms;
        let still: Vec<_> = norms.iter().filter(|norms| norms.gradient.is_none()).collect();
        assert!(!still.is_empty() && still.len() < norms.len(), "{norms:?}");
        assert!(still.iter().all(|norms| norms.update == 0.0), "{still:?}");
        let moved = norms.iter().filter(|norms| norms.gradient.is_some());
        assert!(moved.clone().any(|norms| norms.update > 0.0), "{norms:?}");
        idle.extend(still.iter().map(|norms| norms.name.clone()));
    }
    assert!(!idle.is_empty());
}

/// Of every size, in every lesson: what stands around a pane's rectangle stays.
#[test]
fn every_pane_paints_inside_its_rectangle() {
    const SENTINEL: &str = "\u{2592}";
    let sizes = [20, 27, 34, 41, 60, 80, 110, 140, 190, 250]
        .into_iter()
        .flat_map(|width| [5, 9, 17, 24, 48, 80].map(|height| (width, height)));
    // About thirty of them, every width and every height among them.
    let sizes: Vec<(u16, u16)> = sizes.step_by(2).chain([(250, 80)]).collect();
    for lesson in fixture::lessons() {
        let (mut model, mut session) = open(&lesson.id, 250, 80);
        // A step of the largest takes its time.
        if session.weights().len() < 1_000_000 {
            train(&mut model, &mut session, 1);
        } else {
            look(&mut model, &mut session);
        }
        for pane in PaneId::ALL {
            for &(width, height) in &sizes {
                let area = Rect::new(3, 2, width, height);
                let mut buf = Buffer::empty(Rect::new(0, 0, width + 7, height + 5));
                for cell in &mut buf.content {
                    cell.set_symbol(SENTINEL);
                }
                let facts = model.facts();
                let seat = Seat { room: inside(area), focused: true, zoomed: width > 150 };
                let state = model.panes.get(pane);
                Border {
                    number: Some(2),
                    title: state.title(),
                    detail: &state.detail(&facts),
                    about: &state.about(&facts, seat),
                    focused: true,
                }
                .draw(&model.theme, area, &mut buf);
                if !seat.room.is_empty() {
                    state.draw(&facts, seat, &mut buf);
                }
                for position in buf.area.positions().filter(|at| !area.contains(*at)) {
                    let symbol = buf[position].symbol();
                    let place = format!("{pane:?} of {}, {width}x{height}, {position}", lesson.id);
                    assert_eq!(symbol, SENTINEL, "{place}");
                }
                // A wide sign in the last column would reach out of it.
                for y in area.top()..area.bottom() {
                    let last = buf[(area.right() - 1, y)].symbol();
                    assert!(last.width() <= 1, "{pane:?} {width}x{height}: {last}");
                }
            }
        }
    }
}
