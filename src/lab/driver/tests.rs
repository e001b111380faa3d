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
    std::thread::sleep(WORK);
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
    std::thread::spawn(move || while flood.send(key()).is_ok() {});
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

#[test]
fn an_experiment_runs_beside_the_trainer() {
    use crate::lab::experiment::{Purpose, State, testing};
    use crate::lab::update::experiment::begin;

    let mut bench = bench();
    let begin = |bench: &mut Bench| {
        let why = Purpose::Claim("claim".to_owned());
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
