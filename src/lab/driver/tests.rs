use std::sync::Mutex;
use std::sync::mpsc::{Receiver, SyncSender, channel, sync_channel};

use ratatui::backend::TestBackend;
use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

use super::*;
use crate::lab::fixture;
use crate::lab::host::NoHost;
use crate::lab::panes::PaneId;
use crate::lab::theme::Ground;
use crate::train::snapshot::{Sample, Snapshot};

/// A trainer that does what the test tells it to.
#[derive(Default)]
struct Still {
    snapshot: Mutex<Option<Arc<Snapshot>>>,
}

impl Slots for Still {
    fn take_snapshot(&self) -> Option<Arc<Snapshot>> {
        self.snapshot.lock().unwrap().take()
    }

    fn take_sample(&self) -> Option<Arc<Sample>> {
        None
    }
}

struct Bench {
    driver: Driver<TestBackend, NoHost>,
    inbox: SyncSender<Incoming>,
    commands: Receiver<Order>,
    slots: Arc<Still>,
    folder: tempfile::TempDir,
}

fn bench() -> Bench {
    let (inbox, incoming) = sync_channel(16);
    let (sender, commands) = channel();
    let slots = Arc::new(Still::default());
    let folder = tempfile::tempdir().unwrap();
    let terminal = Terminal::new(TestBackend::new(120, 40)).unwrap();
    let model = fixture::model(120, 40);
    let mut driver =
        Driver::new(terminal, NoHost, model, incoming, Some(folder.path().join("runs")));
    driver.trainer = Some(Trainer { commands: sender, slots: slots.clone() });
    Bench { driver, inbox, commands, slots, folder }
}

impl Bench {
    fn key(&mut self, c: char) {
        let key = KeyEvent::new(KeyCode::Char(c), KeyModifiers::NONE);
        self.inbox.send(Incoming::Msg(Msg::Key(key))).unwrap();
        self.driver.turn(Duration::ZERO);
    }

    fn screen(&self) -> String {
        fixture::text(self.driver.terminal.backend().buffer())
    }

    fn command(&self, wanted: impl Fn(&Command) -> bool) -> Command {
        self.commands
            .try_iter()
            .map(|order| order.command)
            .find(|c| wanted(c))
            .expect("no such command was sent")
    }
}

#[test]
fn the_first_frame_needs_no_trainer() {
    let mut bench = bench();
    bench.driver.trainer = None;
    bench.driver.model.run = None;
    bench.driver.model.corpus = None;
    bench.driver.draw();
    assert!(bench.screen().contains("reading the text"));
    assert!(bench.screen().contains("Multi-head attention"));
}

#[test]
fn nothing_is_drawn_while_nothing_changes() {
    let mut bench = bench();
    bench.driver.draw();
    let drawn = bench.driver.drawn;
    bench.driver.turn(Duration::ZERO);
    bench.driver.drawn = drawn.and_then(|at| at.checked_sub(FRAME));
    let before = bench.driver.drawn;
    bench.driver.draw();
    assert_eq!(bench.driver.drawn, before);
    bench.key('z');
    bench.driver.draw();
    assert_ne!(bench.driver.drawn, before);
}

/// Keeps this thread at work.
#[cfg(unix)]
fn work(time: Duration) {
    let end = frame_cost::at_work().unwrap() + time;
    while frame_cost::at_work().unwrap() < end {}
}

#[test]
#[cfg(unix)]
fn a_frame_costs_the_work_from_the_news_to_the_screen() {
    const WORK: Duration = Duration::from_millis(200);
    let mut bench = bench();
    assert!(bench.driver.model.frame_cost.mean().is_none());
    // What leads to no frame is no part of the next one, nor is waiting.
    bench.driver.draw();
    work(WORK);
    bench.driver.turn(Duration::ZERO);
    bench.key('z');
    thread::sleep(WORK);
    bench.driver.drawn = None;
    bench.driver.draw();
    let worst = bench.driver.model.frame_cost.worst().unwrap();
    assert!(worst > Duration::ZERO && worst < WORK, "{worst:?}");
    // What leads to one is.
    bench.key('z');
    work(WORK);
    bench.driver.drawn = None;
    bench.driver.draw();
    assert!(!bench.driver.model.dirty, "the figure alone is no news");
    let worst = bench.driver.model.frame_cost.worst().unwrap();
    assert!(worst >= WORK, "{worst:?}");
    let inside = fixture::pane(&bench.driver.model, PaneId::Inside, 200, 60);
    let shown = format!(" ms, worst {:.1}", worst.as_secs_f64() * 1e3);
    assert!(fixture::text(&inside).contains(&shown), "{shown}");
}

#[test]
fn a_new_snapshot_is_drawn() {
    let mut bench = bench();
    bench.driver.draw();
    bench.driver.model.dirty = false;
    *bench.slots.snapshot.lock().unwrap() = bench.driver.model.snapshot.take();
    bench.driver.turn(Duration::ZERO);
    assert!(bench.driver.model.snapshot.is_some());
    assert!(bench.driver.model.dirty);
}

#[test]
fn leaving_saves_into_a_folder_of_its_own() {
    let mut bench = bench();
    bench.key('q');
    let Command::SaveAll(folder) = bench.command(|c| matches!(c, Command::SaveAll(_))) else {
        unreachable!()
    };
    assert_eq!(folder.parent().unwrap(), bench.folder.path().join("runs"));
    bench.driver.model.dirty = true;
    bench.driver.drawn = None;
    bench.driver.draw();
    assert!(bench.screen().contains("Saving every run"));
    bench.inbox.send(Incoming::Msg(Msg::Worker(Event::SavedAll.into()))).unwrap();
    assert!(matches!(bench.driver.run(), Ending::Left));
}

#[test]
fn a_checkpoint_gets_a_name_of_its_own() {
    let mut bench = bench();
    bench.key('w');
    let Command::SaveNew(path) = bench.command(|c| matches!(c, Command::SaveNew(_))) else {
        unreachable!()
    };
    let name = path.file_name().unwrap().to_str().unwrap();
    assert!(name.starts_with("multi-head-step-3412-") && name.ends_with("Z.safetensors"), "{name}");
    assert!(path.parent().unwrap().is_dir());
}

#[test]
fn what_is_left_out_of_a_paste_is_said_where_it_would_have_gone() {
    let mut bench = bench();
    for (key, said) in [('z', false), ('/', true)] {
        bench.key(key);
        for msg in [Msg::Paste("to be".to_owned()), Msg::PasteCut(1_234_567)] {
            bench.inbox.send(Incoming::Msg(msg)).unwrap();
        }
        bench.driver.turn(Duration::ZERO);
        bench.driver.drawn = None;
        bench.driver.draw();
        assert_eq!(bench.screen().contains("1,234,567 bytes were left out"), said);
    }
}

#[test]
fn the_first_frame_waits_for_the_terminals_colours_and_no_longer() {
    let mut bench = bench();
    let answer = [Incoming::Msg(Msg::Ground(Ground::Light)), Incoming::Answered];
    for incoming in answer {
        bench.inbox.send(incoming).unwrap();
    }
    bench.driver.asked(Duration::from_secs(3600));
    assert_eq!(bench.driver.model.theme.ground, Ground::Light);
    assert!(!bench.driver.asking);
    bench.driver.asked(Duration::from_millis(1));
    assert!(bench.driver.asking);
    // What is still due when the lab is left is waited for as well.
    bench.inbox.send(Incoming::Answered).unwrap();
    bench.driver.hear_out(Duration::from_secs(3600));
    assert!(!bench.driver.asking);
}

#[test]
fn a_flood_of_keys_leaves_time_for_frames() {
    let mut bench = bench();
    let key = || Incoming::Msg(Msg::Key(KeyEvent::from(KeyCode::Char('z'))));
    let flood = bench.inbox.clone();
    thread::spawn(move || while flood.send(key()).is_ok() {});
    // It comes back, however much is still waiting.
    bench.driver.turn(Duration::from_secs(60));
    bench.driver.draw();
    assert!(!bench.driver.model.dirty);
}

#[test]
fn a_bad_text_ends_the_lab() {
    let mut bench = bench();
    bench.inbox.send(Incoming::NoCorpus(anyhow::anyhow!("not UTF-8"))).unwrap();
    assert!(
        matches!(bench.driver.run(), Ending::NoCorpus(error) if error.to_string() == "not UTF-8")
    );
}

#[test]
fn the_screen_may_change_its_size_at_any_time() {
    let mut bench = bench();
    for (width, height) in [(80, 24), (20, 5), (0, 0), (200, 60), (79, 23)] {
        bench.driver.terminal.backend_mut().resize(width, height);
        bench.driver.model.dirty = true;
        bench.driver.drawn = None;
        bench.driver.draw();
    }
    assert!(bench.screen().contains("at least 80 x 24"));
}

/// A lab with a trainer, in a home of its own, as it is started.
mod with_a_trainer {
    use std::path::Path;

    use ratatui::layout::Size;

    use super::*;
    use crate::lab::resume::{Keeper, NotKept, Place};
    use crate::lab::run::Status;
    use crate::lab::theme::Theme;
    use crate::lesson::{Lesson, parse};
    use crate::text::Dataset;
    use crate::train::checkpoint::Checkpoint;
    use crate::train::testing;
    use crate::train::worker::Worker;
    use crate::train::{Session, Subscription};

    struct Lab {
        driver: Driver<TestBackend, NoHost>,
        inbox: SyncSender<Incoming>,
    }

    impl Lab {
        fn start(home: &Path, session: &str, dataset: &Arc<Dataset>) -> Self {
            Self::teach(fixture::lessons(), home, session, dataset)
        }

        fn teach(lessons: Vec<Lesson>, home: &Path, session: &str, dataset: &Arc<Dataset>) -> Self {
            let keeper = Keeper::open(home, session).unwrap();
            let found = keeper.read().unwrap();
            let mut model = Model::new(lessons, 0, Theme::plain(), Size::new(120, 40), 1337);
            // Without optimization measuring the machine takes longer than anything here.
            model.peak_rate_asked = true;
            model.drawn = keeper.drawn().unwrap();
            if let Some(found) = found {
                update::waking::begin(&mut model, found).unwrap();
            }
            let (inbox, incoming) = sync_channel(256);
            let terminal = Terminal::new(TestBackend::new(120, 40)).unwrap();
            let stage = model.lesson().stage.clone();
            let seed = model.seed;
            let mut driver =
                Driver::new(terminal, NoHost, model, incoming, Some(home.join("runs")));
            driver.keep(keeper);
            let mut config = update::opening(&stage, testing::VOCABULARY, seed);
            (config.training.steps, config.training.eval_batches) = (400, 1);
            let worker = Worker::spawn(Arc::clone(dataset), 1, config);
            let trainer = Trainer { commands: worker.commands(), slots: worker.slots() };
            let corpus = Corpus {
                name: "a text".to_owned(),
                note: None,
                opening: "the cat".to_owned(),
                tokenizer: dataset.tokenizer.clone(),
                sha256: dataset.corpus.sha256.clone(),
                characters: dataset.tokenizer.vocab_size(),
                train: dataset.train.len(),
                val: dataset.val.len(),
                references: Vec::new(),
                counted: None,
            };
            let experimenter = Experimenter::new(Arc::clone(dataset), 1, |_| true);
            inbox.send(Incoming::Up { trainer, corpus, stage, experimenter }).unwrap();
            let events = inbox.clone();
            thread::spawn(move || {
                for event in &worker.events {
                    if events.send(Incoming::Msg(Msg::Worker(event))).is_err() {
                        break;
                    }
                }
            });
            let mut lab = Self { driver, inbox };
            lab.until("it opens", |model| {
                model.run.as_ref().is_some_and(|run| run.status != Status::Opening)
            });
            lab
        }

        fn until(&mut self, what: &str, mut done: impl FnMut(&Model) -> bool) {
            let deadline = Instant::now() + Duration::from_secs(60);
            while !done(&self.driver.model) {
                let run = self.driver.model.run.as_ref().map(|run| (&run.status, run.step));
                let said = &self.driver.model.toasts;
                assert!(Instant::now() < deadline, "waited for: {what}; {run:?} {said:?}");
                self.driver.turn(Duration::from_millis(5));
            }
        }

        fn key(&mut self, c: char) {
            let key = KeyEvent::new(KeyCode::Char(c), KeyModifiers::NONE);
            self.inbox.send(Incoming::Msg(Msg::Key(key))).unwrap();
            self.driver.turn(Duration::ZERO);
        }

        fn step(&self) -> u64 {
            self.driver.model.run.as_ref().unwrap().step
        }

        /// Estimates take their time, which no test needs.
        fn estimate_roughly(&mut self) {
            let (name, value) = ("eval_batches", crate::stage::Value::Count(1));
            self.driver.perform(Effect::Send(Command::Set { name, value }));
        }

        /// Trains for some steps, and stands.
        fn train(&mut self) {
            let from = self.step();
            self.key('.');
            self.driver.perform(Effect::Send(Command::Step(11)));
            self.until("steps, and a pause", |model| {
                let run = model.run.as_ref().unwrap();
                let stands = matches!(run.status, Status::Paused | Status::Finished);
                !model.playing && stands && run.step >= from + 12
            });
        }

        /// Everything that was asked for is written down.
        fn written(&mut self) {
            self.until("it is written down", |model| {
                let run = model.run.as_ref().unwrap();
                let kept = model.keeping.kept.get(&run.id);
                model.keeping.asked.is_empty() && kept.is_some_and(|kept| kept.mark.0 == run.step)
            });
        }

        fn weights(&mut self, path: &Path) -> Checkpoint {
            self.driver.perform(Effect::Send(Command::SaveNew(path.to_owned())));
            self.until("it is saved", |model| model.saved.iter().any(|saved| saved.path == path));
            Checkpoint::read(path, &[]).unwrap()
        }

        fn said(&self, text: &str) -> bool {
            self.driver.model.toasts.iter().any(|toast| toast.text.contains(text))
        }
    }

    #[test]
    fn a_lab_that_was_killed_is_taken_up_where_it_was() {
        let home = tempfile::tempdir().unwrap();
        let dataset = testing::dataset();
        let mut lab = Lab::start(home.path(), "one", &dataset);
        // A rebuilt run, and the one after it: the first is a ghost.
        lab.train();
        let first = lab.step();
        lab.key('r');
        lab.key('y');
        lab.until("a new run", |model| model.run.as_ref().unwrap().step == 0);
        lab.train();
        lab.written();
        let paused = Place { paused: true, ..Place::default() };
        lab.driver.model.places.insert("single-head".to_owned(), paused);
        lab.key(']');
        lab.estimate_roughly();
        lab.key('n');
        lab.train();
        lab.written();
        let (step, before) = (lab.step(), lab.weights(&home.path().join("before.safetensors")));
        drop(lab);

        let mut lab = Lab::start(home.path(), "two", &dataset);
        let model = &lab.driver.model;
        assert_eq!((model.lesson, model.page, model.playing), (1, 1, false));
        assert_eq!(lab.step(), step);
        assert!(
            lab.said(&format!("back in lesson {}, page 2", model.lesson().number))
                && lab.said("r starts anew")
        );
        let after = lab.weights(&home.path().join("after.safetensors"));
        assert_eq!((after.step, &after.weights), (before.step, &before.weights));
        assert!(after.moments == before.moments && after.history == before.history);
        // The runs that were left come back from their files, the ghost without being asked for.
        let past: Vec<_> = lab.driver.model.past.values().collect();
        assert!(past.iter().all(|past| past.asleep.is_some()) && past.len() == 2, "{past:?}");
        lab.key('[');
        lab.until("the bigram", |model| {
            model.run.as_ref().is_some_and(|run| run.stage() == "bigram" && run.step > 0)
        });
        let ghosts = &lab.driver.model.ghosts;
        assert!(ghosts.iter().any(|ghost| ghost.step == first && ghost.stage() == "bigram"));
        lab.until("it is taken over", |model| model.past.len() == 2);
        // It is written under a name of this session, and what it was before is gone.
        lab.train();
        lab.written();
        drop(lab);
        let names: Vec<_> = std::fs::read_dir(home.path().join("autosave"))
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        assert_eq!(names.len(), 4, "three runs and where the learner is: {names:?}");
        assert!(names.iter().any(|name| name.starts_with("bigram-two-")), "{names:?}");
    }

    /// However fast the run is, and however late what is seen of it comes: the truth is that of the step which was named, and
    /// the run goes on from there.
    #[test]
    fn a_prediction_is_answered_by_the_step_that_it_names() {
        let lesson = "+++\nid = \"moves\"\ntitle = \"Moves\"\nstage = \"bigram\"\npanes = [\"lesson\", \"loss\"]\n\
             hyperparameters = [\"lr\"]\nprompt = \"the\"\n+++\n\n## How far\n\n```page\nrun = \"held\"\n```\n\nA step.\n\n\
             ```predict\nid = \"far\"\nask = \"How far?\"\nafter = 3\nwhy = \"So far.\"\n\
             measure = { norm = { of = \"update\", parameter = \"token_embedding_table.weight\" } }\n```\n";
        let lessons = vec![parse("01-moves.md", lesson).unwrap()];
        let home = tempfile::tempdir().unwrap();
        let dataset = testing::dataset();
        let mut lab = Lab::teach(lessons, home.path(), "one", &dataset);
        assert!(lab.driver.model.course.held && lab.step() == 0);
        let config = lab.driver.model.run.as_ref().unwrap().config.clone();
        for key in ['i', '1', '\n', '3'] {
            if key == '\n' {
                let enter = KeyEvent::new(KeyCode::Enter, KeyModifiers::NONE);
                lab.inbox.send(Incoming::Msg(Msg::Key(enter))).unwrap();
                lab.driver.turn(Duration::ZERO);
            } else {
                lab.key(key);
            }
        }
        let told = |model: &Model| model.course.answer("moves", "far").and_then(|said| said.truth);
        lab.until("the run tells", |model| told(model).is_some());
        lab.until("it goes on", |model| model.run.as_ref().unwrap().step > 3);

        let mut alone = Session::new(config, dataset, 1).unwrap();
        for _ in 0..3 {
            alone.step().unwrap();
        }
        let seen = alone.snapshot(&Subscription { norms: true, ..Subscription::default() });
        let update = seen.norms[0].update;
        assert!(update > 0.0);
        assert_eq!(told(&lab.driver.model), Some(update));
        // Said again, it is told at once, and the same.
        for key in ['i', '2'] {
            lab.key(key);
        }
        let enter = KeyEvent::new(KeyCode::Enter, KeyModifiers::NONE);
        lab.inbox.send(Incoming::Msg(Msg::Key(enter))).unwrap();
        lab.key('1');
        assert_eq!(told(&lab.driver.model), Some(update));
    }

    #[test]
    fn runs_of_another_text_and_damaged_ones_are_kept_aside() {
        let home = tempfile::tempdir().unwrap();
        let dataset = testing::dataset();
        let mut lab = Lab::start(home.path(), "one", &dataset);
        lab.train();
        lab.written();
        let kept = lab.driver.model.keeping.kept.values().next().unwrap().file.clone();
        drop(lab);
        let text: String =
            dataset.corpus.name.clone() + &"dr the cat sat on a mat.\nshe ".repeat(80);
        let source = crate::text::Source::File("other.txt".into());
        let name = "other.txt".to_owned();
        let text: String =
            text.chars().filter(|c| dataset.tokenizer.encode(&c.to_string()).is_ok()).collect();
        let other = crate::text::Corpus { text, name, source };
        let other = Arc::new(Dataset::new(other).unwrap());
        assert_eq!(other.tokenizer, dataset.tokenizer);
        let mut lab = Lab::start(home.path(), "two", &other);
        assert!(lab.said("of another text") && lab.step() == 0);
        let aside = home.path().join("autosave-before").join(&kept);
        lab.until("it is aside", |_| aside.exists());
        drop(lab);

        // Numbers that are not those that were written: the header alone does not show it.
        let mut lab = Lab::start(home.path(), "three", &dataset);
        lab.train();
        lab.written();
        let kept = lab.driver.model.keeping.kept.values().next().unwrap().file.clone();
        drop(lab);
        let path = home.path().join("autosave").join(&kept);
        let mut bytes = std::fs::read(&path).unwrap();
        let last = bytes.len() - 4;
        bytes[last] ^= 1;
        std::fs::write(&path, bytes).unwrap();
        let mut lab = Lab::start(home.path(), "four", &dataset);
        lab.until("a new run", |model| {
            model
                .run
                .as_ref()
                .is_some_and(|run| !matches!(run.status, Status::Opening | Status::Failed(_)))
        });
        assert!(lab.said("could not be opened") && lab.step() == 0);
        assert!(home.path().join("autosave-before").join(&kept).exists());

        // Of a stage of another version of this program, which has as long a name.
        lab.train();
        lab.written();
        let kept = lab.driver.model.keeping.kept.values().next().unwrap().file.clone();
        let stage = lab.driver.model.run.as_ref().unwrap().config.stage.clone();
        drop(lab);
        let path = home.path().join("autosave").join(&kept);
        let bytes = std::fs::read(&path).unwrap();
        let other: String = stage.chars().rev().collect();
        let at = |i: usize| bytes[i..].starts_with(stage.as_bytes());
        let mut changed = bytes.clone();
        for i in (0..bytes.len()).filter(|i| at(*i)) {
            changed[i..i + stage.len()].copy_from_slice(other.as_bytes());
        }
        std::fs::write(&path, changed).unwrap();
        let lab = Lab::start(home.path(), "five", &dataset);
        let said: Vec<_> = lab.driver.model.toasts.iter().map(|toast| &toast.text).collect();
        assert!(lab.said("kept aside") && lab.said(&other), "{said:?}");
        assert!(home.path().join("autosave-before").join(&kept).exists());
    }

    #[test]
    fn a_second_lab_leaves_the_first_ones_autosave_alone() {
        let home = tempfile::tempdir().unwrap();
        let lab = Lab::start(home.path(), "one", &testing::dataset());
        assert!(matches!(Keeper::open(home.path(), "two"), Err(NotKept::Another)));
        drop(lab);
    }
}

#[test]
fn an_experiment_runs_beside_the_trainer() {
    use crate::lab::experiment::{Purpose, State, testing};
    use crate::lab::update::experiment::begin;

    let mut bench = bench();
    let begin = |bench: &mut Bench| {
        let why = Purpose::Claim(Default::default());
        for effect in begin(&mut bench.driver.model, testing::experiment(), why) {
            bench.driver.perform(effect);
        }
    };
    let state = |bench: &Bench| bench.driver.model.experiment.as_ref().unwrap().state.clone();
    begin(&mut bench);
    assert!(matches!(state(&bench), State::Failed(_)), "there is nothing to run it on");
    let news = bench.inbox.clone();
    let dataset = crate::train::testing::dataset();
    bench.driver.experimenter = Some(Experimenter::new(dataset, 2, move |told| {
        news.send(Incoming::Msg(Msg::Experiment(told))).is_ok()
    }));
    begin(&mut bench);
    while state(&bench) == State::Running {
        bench.driver.turn(Duration::from_secs(5));
    }
    let shown = bench.driver.model.experiment.as_ref().unwrap();
    assert_eq!((shown.state.clone(), shown.runs.len()), (State::Ended, 6));
    assert_eq!(shown.runs, testing::shown(testing::experiment()).runs);
    begin(&mut bench);
    bench.driver.perform(Effect::CancelExperiment);
    while state(&bench) == State::Running {
        bench.driver.turn(Duration::from_secs(5));
    }
    assert!(matches!(state(&bench), State::Cancelled | State::Ended));
    bench.command(|command| matches!(command, Command::Pause));
}
