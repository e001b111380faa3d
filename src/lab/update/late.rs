//! Anything at any moment: a learner who presses whatever there is, and a trainer that answers late and out of step. The
//! header, the lesson and the run on the screen always agree, nothing that was asked for is lost, and nothing panics.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use rand::Rng;
use rand_chacha::ChaCha8Rng;
use ratatui::buffer::Buffer;
use ratatui::crossterm::event::{
    KeyCode, KeyEvent, KeyModifiers, MouseButton, MouseEvent, MouseEventKind,
};
use ratatui::layout::{Rect, Size};

use super::*;
use crate::lab::action::ACTIONS;
use crate::lab::corpus::Corpus;
use crate::lab::experiment::News;
use crate::lab::fixture::{self, card};
use crate::lab::run::Status;
use crate::lab::theme::{Ground, Theme};
use crate::lab::view;
use crate::math::random::{Purpose, stream};
use crate::stage::Config;
use crate::stage::hyperparameter::hyperparameter;
use crate::text::{CharTokenizer, Tokenizer};
use crate::train::event::{Edit, Evaluation, StepReport};
use crate::train::snapshot::Snapshot;
use crate::train::{Command, Event, History, Order, RunId, Told};

const SIZES: [(u16, u16); 6] = [(80, 24), (100, 30), (120, 40), (160, 48), (60, 20), (200, 60)];

/// A run as the trainer has it.
#[derive(Clone)]
struct Run {
    id: RunId,
    config: Config,
    step: u64,
    history: History,
}

/// A trainer that obeys when the test lets it, as the worker does: in order, at its own pace.
struct Trainer {
    inbox: VecDeque<Order>,
    outbox: VecDeque<Told>,
    run: Run,
    parked: BTreeMap<RunId, Run>,
    running: bool,
}

impl Trainer {
    fn new(config: Config) -> Self {
        let run = Run { id: RunId::FIRST, config, step: 0, history: History::default() };
        let mut trainer = Self {
            inbox: VecDeque::new(),
            outbox: VecDeque::new(),
            run,
            parked: BTreeMap::new(),
            running: false,
        };
        trainer.opened();
        trainer
    }

    fn tell(&mut self, event: Event) {
        self.outbox.push_back(Told { run: Some(self.run.id), event });
    }

    fn opened(&mut self) {
        let Run { config, step, history, .. } = self.run.clone();
        self.tell(Event::Opened {
            card: card(&config),
            config: Box::new(config),
            step,
            parameters: 1,
            threads: 2,
            operations_per_token: 1.0,
            tokenizer: None,
            history: Box::new(history),
        });
        self.tell(if self.running { Event::Running } else { Event::Paused });
    }

    fn obey(&mut self, refuses: bool) {
        let Some(Order { run, command }) = self.inbox.pop_front() else { return };
        if command.is_about_a_run() && run != Some(self.run.id) {
            return;
        }
        match command {
            Command::Open { run, config } if run != self.run.id => {
                let next = self.parked.remove(&run);
                if next.is_none() && refuses {
                    let why = "it is too large".to_owned();
                    let told = Told { run: Some(run), event: Event::NotOpened { why } };
                    return self.outbox.push_back(told);
                }
                let new = || Run { id: run, config: *config, step: 0, history: History::default() };
                let left = std::mem::replace(&mut self.run, next.unwrap_or_else(new));
                self.parked.insert(left.id, left);
                self.opened();
            }
            Command::Open { .. } => self.opened(),
            Command::Run => {
                self.running = true;
                self.tell(Event::Running);
            }
            Command::Pause => {
                self.running = false;
                self.tell(Event::Paused);
            }
            Command::RunTo(step) => {
                while self.run.step < step.min(3) {
                    self.step();
                }
                self.running = false;
                self.tell(Event::Paused);
            }
            Command::Step(n) => {
                for _ in 0..n.min(3) {
                    self.step();
                }
                self.running = false;
                self.tell(Event::Paused);
            }
            Command::Set { name, value } => {
                let hyperparameter = hyperparameter(name).unwrap();
                let old = hyperparameter.get(&self.run.config);
                hyperparameter.set(&mut self.run.config, value).unwrap();
                self.tell(Event::Applied(Edit { step: self.run.step, name, old, new: value }));
            }
            Command::Extend(by) => {
                self.run.config.training.steps += by;
                let steps = self.run.config.training.steps;
                self.tell(Event::Extended { steps });
            }
            Command::Save(path) => {
                let stage = self.run.config.stage.clone();
                self.tell(Event::Saved { stage, path });
            }
            Command::SaveAll(_) => self.outbox.push_back(Event::SavedAll.into()),
            Command::MeasurePeak => self.tell(Event::PeakRate(100.0)),
            _ => {}
        }
    }

    fn step(&mut self) {
        self.run.step += 1;
        let report = StepReport {
            step: self.run.step,
            loss: 3.0,
            lr: 1e-3,
            grad_norm: 1.0,
            parts: [0.0; 2],
        };
        self.run.history.push(&report);
        self.tell(Event::Steps { reports: vec![report], seconds: 1e-3 });
        if self.run.step.is_multiple_of(7) {
            let step = self.run.step;
            let evaluation =
                Evaluation { step, train_loss: 3.0, val_loss: 3.1, figures: Vec::new() };
            self.run.history.evaluated(evaluation.clone());
            self.tell(Event::Evaluated(evaluation));
        }
    }
}

/// A lab and its trainer.
struct Scene {
    model: Model,
    trainer: Trainer,
    /// The experiment under way, and one that was cancelled and has not said so.
    experiment: Option<u64>,
    cancelled: Option<u64>,
}

impl Scene {
    fn new(width: u16, height: u16) -> Self {
        let lessons = fixture::lessons();
        let mut model = Model::new(lessons, 1, Theme::plain(), Size::new(width, height), 1337);
        let tokenizer = Tokenizer::Characters(CharTokenizer::new(fixture::CHARACTERS));
        let stage = model.lesson().stage.clone();
        let trainer = Trainer::new(opening(&stage, tokenizer.vocab_size(), 1337));
        let corpus = Corpus {
            sha256: String::new(),
            name: "a text".to_owned(),
            note: None,
            opening: String::new(),
            tokenizer,
            characters: 65,
            train: 1000,
            val: 100,
            references: vec![],
            counted: None,
        };
        let effects = update(&mut model, Msg::Ready { corpus, stage });
        let mut scene = Self { model, trainer, experiment: None, cancelled: None };
        scene.perform(effects);
        scene
    }

    fn perform(&mut self, effects: Vec<Effect>) {
        let run = self.model.run.as_ref().map(|run| run.id);
        for effect in effects {
            let command = match effect {
                Effect::Send(command) => command,
                Effect::SaveAll => Command::SaveAll("runs".into()),
                Effect::Save => Command::Save("run".into()),
                // The learner comes back.
                Effect::Quit => {
                    self.model.quitting = None;
                    self.model.overlays.clear();
                    continue;
                }
                Effect::KeepRun { mark, .. } => {
                    let name = format!("kept-{}-{}", mark.0, mark.1);
                    Command::Keep(name.into())
                }
                Effect::Mouse(_)
                | Effect::Suspend
                | Effect::Redraw
                | Effect::Keep(_)
                | Effect::Autosave
                | Effect::ListCheckpoints
                | Effect::Remember(_)
                | Effect::KeepDrawn(_)
                | Effect::SetAside(_) => continue,
                Effect::Experiment(number, _) => {
                    self.experiment = Some(number);
                    continue;
                }
                Effect::CancelExperiment => {
                    self.cancelled = self.experiment.take();
                    continue;
                }
            };
            self.trainer.inbox.push_back(Order { run, command });
        }
    }

    fn happens(&mut self, msg: Msg) {
        let effects = update(&mut self.model, msg);
        self.perform(effects);
        self.agrees();
    }

    /// The trainer does something, or something that it did arrives.
    fn trainer(&mut self, rng: &mut ChaCha8Rng) {
        match rng.random_range(0..7) {
            6 => {
                let ends = rng.random_range(0..20) == 0;
                let ended = self.experiment.take_if(|_| ends).map(|number| (number, News::Ended));
                let cancelled = || self.cancelled.take().map(|number| (number, News::Cancelled));
                if let Some((number, news)) = ended.or_else(cancelled) {
                    self.happens(Msg::Experiment(super::super::experiment::Told { number, news }));
                }
            }
            0 | 1 => self.trainer.obey(rng.random_range(0..8) == 0),
            2 if self.trainer.running => self.trainer.step(),
            3 => {
                let run = RunId(rng.random_range(0..self.model.next_run.0));
                let snapshot = Snapshot { run, ..Snapshot::default() };
                self.happens(Msg::Snapshot(Arc::new(snapshot)));
            }
            _ => {
                if let Some(told) = self.trainer.outbox.pop_front() {
                    self.happens(Msg::Worker(told));
                }
            }
        }
    }

    /// Everything that was asked for is done and has arrived.
    fn settle(&mut self) {
        while !self.trainer.inbox.is_empty() || !self.trainer.outbox.is_empty() {
            self.trainer.obey(false);
            if let Some(told) = self.trainer.outbox.pop_front() {
                self.happens(Msg::Worker(told));
            }
        }
        let run = self.model.run.as_ref().unwrap();
        match &run.status {
            Status::Opening => panic!("it never opened"),
            Status::Failed(_) => {}
            status => {
                let there = &self.trainer.run;
                assert_eq!((run.id, run.step), (there.id, there.step));
                assert_eq!(run.config, there.config);
                assert_eq!(run.history.points.len(), there.history.points.len());
                assert_eq!(*status == Status::Training, self.trainer.running, "{status:?}");
                assert!(!(self.trainer.running && experiment::is_running(&self.model)));
            }
        }
    }

    /// What must hold at every moment.
    fn agrees(&self) {
        let (model, trainer) = (&self.model, &self.trainer);
        let Some(run) = &model.run else { panic!("there is no run") };
        assert_eq!(
            run.stage(),
            model.lesson().stage_of(model.page),
            "the page and the run disagree"
        );
        assert!(model.facts().snapshot.is_none_or(|snapshot| snapshot.run == run.id));
        if !matches!(run.status, Status::Opening | Status::Failed(_)) {
            let there = trainer.run.id == run.id || trainer.parked.contains_key(&run.id);
            assert!(there, "a run is shown that the trainer has not");
        }
    }

    fn draw(&mut self) {
        let (width, height) = (self.model.size.width, self.model.size.height);
        let mut buf = Buffer::empty(Rect::new(0, 0, width, height));
        view::draw(&self.model, &mut buf);
        if width < 80 || height < 24 {
            return;
        }
        let header = fixture::text(&buf).lines().next().unwrap().to_owned();
        let lesson = self.model.lesson();
        assert!(header.contains(&format!("{} {}", lesson.number, lesson.title)), "{header}");
        let opening = self.model.run.as_ref().is_some_and(|run| run.status == Status::Opening);
        assert_eq!(header.contains("opening "), opening, "{header}");
        // How far a run is that is opening, only the trainer knows.
        assert!(!opening || !header.contains(" / "), "{header}");
    }
}

fn anything(rng: &mut ChaCha8Rng, size: Size, now: &mut Duration) -> Msg {
    let named = [
        KeyCode::Enter,
        KeyCode::Esc,
        KeyCode::Up,
        KeyCode::Down,
        KeyCode::Left,
        KeyCode::Right,
        KeyCode::Tab,
        KeyCode::BackTab,
        KeyCode::Backspace,
        KeyCode::Delete,
        KeyCode::Home,
        KeyCode::End,
        KeyCode::PageUp,
        KeyCode::PageDown,
    ];
    match rng.random_range(0..20) {
        0..9 => {
            let row = &ACTIONS[rng.random_range(0..ACTIONS.len())];
            let keys: Vec<_> = row.places.iter().flat_map(|place| place.keys).collect();
            let key = keys[rng.random_range(0..keys.len())];
            let control = if key.control { KeyModifiers::CONTROL } else { KeyModifiers::NONE };
            Msg::Key(KeyEvent::new(key.code, control))
        }
        9..12 => {
            let code = KeyCode::Char(char::from(rng.random_range(b' '..=b'~')));
            Msg::Key(KeyEvent::new(code, KeyModifiers::NONE))
        }
        12..15 => {
            let code = named[rng.random_range(0..named.len())];
            Msg::Key(KeyEvent::new(code, KeyModifiers::NONE))
        }
        15 | 16 => {
            let kinds = [
                MouseEventKind::Down(MouseButton::Left),
                MouseEventKind::ScrollUp,
                MouseEventKind::ScrollDown,
                MouseEventKind::Moved,
            ];
            let kind = kinds[rng.random_range(0..kinds.len())];
            let (column, row) =
                (rng.random_range(0..=size.width), rng.random_range(0..=size.height));
            Msg::Mouse(MouseEvent { kind, column, row, modifiers: KeyModifiers::NONE })
        }
        17 => {
            let texts = ["the king", "a\u{301}\r\nb", "\u{1b}[2J\u{202e}", "5", "1e-3", "👩‍👩‍👧"];
            Msg::Paste(texts[rng.random_range(0..texts.len())].repeat(rng.random_range(0..300)))
        }
        // What the terminal's replies and the rest of a huge paste have become by now.
        18 if rng.random() => Msg::Ground(if rng.random() { Ground::Light } else { Ground::Dark }),
        18 => Msg::PasteCut(rng.random_range(1..1_000_000)),
        _ => {
            *now += Duration::from_millis(rng.random_range(0..3000));
            Msg::Tick(*now)
        }
    }
}

#[test]
fn the_header_and_the_run_agree_whatever_is_pressed_and_however_late_the_trainer_is() {
    for (seed, (width, height)) in (0..).zip(SIZES) {
        let mut rng = stream(seed, Purpose::Sampling, 0);
        let mut scene = Scene::new(width, height);
        let mut now = Duration::ZERO;
        for i in 0..3400 {
            let msg = anything(&mut rng, scene.model.size, &mut now);
            scene.happens(msg);
            for _ in 0..rng.random_range(0..5) {
                scene.trainer(&mut rng);
            }
            if i % 5 == 0 {
                scene.draw();
            }
            if i % 250 == 0 {
                scene.settle();
            }
            if i % 850 == 849 {
                let (width, height) = SIZES[rng.random_range(0..SIZES.len())];
                scene.happens(Msg::Resize(Size::new(width, height)));
            }
        }
        scene.settle();
    }
}

fn press(scene: &mut Scene, code: KeyCode) {
    scene.happens(Msg::Key(KeyEvent::new(code, KeyModifiers::NONE)));
}

#[test]
fn there_and_back_before_the_trainer_answers_is_the_run_that_was_left() {
    let mut scene = Scene::new(100, 30);
    scene.settle();
    (0..9).for_each(|_| scene.trainer.step());
    scene.settle();
    let (lesson, id) = (scene.model.lesson, scene.model.run.as_ref().unwrap().id);
    press(&mut scene, KeyCode::Char(']'));
    scene.draw();
    press(&mut scene, KeyCode::Char('['));
    scene.draw();
    assert_eq!(scene.model.lesson, lesson);
    scene.settle();
    let run = scene.model.run.as_ref().unwrap();
    assert_eq!((run.id, run.step, run.status.clone()), (id, 9, Status::Training));
    assert!(scene.model.ghosts.is_empty(), "it is no ghost of itself");
}

#[test]
fn two_rebuilds_in_a_row_are_both_there_and_so_is_a_live_change_before_them() {
    let mut scene = Scene::new(120, 40);
    scene.settle();
    let set = |scene: &mut Scene, name: &'static str, to: &str| {
        let hyperparameter = hyperparameter(name).unwrap();
        let value = crate::stage::Value::parse(hyperparameter, to).unwrap();
        let effects = changes::request(&mut scene.model, hyperparameter, value);
        scene.perform(effects);
        if !scene.model.overlays.is_empty() {
            press(scene, KeyCode::Char('y'));
        }
    };
    // The trainer is in a long step and answers none of these.
    set(&mut scene, "lr", "0.005");
    set(&mut scene, "block_size", "16");
    set(&mut scene, "n_embd", "64");
    scene.settle();
    let config = &scene.model.run.as_ref().unwrap().config;
    assert_eq!((config.model.block_size, config.model.n_embd), (16, 64));
    assert_eq!(config.training.lr, 5e-3);
}

#[test]
fn a_rebuild_that_is_refused_leaves_the_run_that_was() {
    let mut scene = Scene::new(120, 40);
    scene.settle();
    (0..9).for_each(|_| scene.trainer.step());
    scene.settle();
    let before = scene.model.run.clone().unwrap();
    press(&mut scene, KeyCode::Char('r'));
    press(&mut scene, KeyCode::Char('y'));
    assert_ne!(scene.model.run.as_ref().unwrap().id, before.id);
    while !scene.trainer.inbox.is_empty() {
        scene.trainer.obey(true);
    }
    scene.settle();
    let run = scene.model.run.as_ref().unwrap();
    assert_eq!((run.id, run.step, &run.config), (before.id, 9, &before.config));
    let said = &scene.model.toasts.last().unwrap().text;
    assert!(said.contains("could not be opened: it is too large"), "{said}");
}
