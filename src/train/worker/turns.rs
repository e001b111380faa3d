//! Several runs of one stage, trained, shown, parked, saved and resumed in turns, whatever is asked for in whatever order:
//! everything that is said, shown or written under a run's name is what that very run, trained alone, has to the bit.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use rand::Rng;
use rand_chacha::ChaCha8Rng;

use super::*;
use crate::math::random::{Purpose, stream};
use crate::model::sampling::Sampling;
use crate::probe::Arguments;
use crate::stage::hyperparameter::Value;
use crate::train::checkpoint::Checkpoint;
use crate::train::command::SampleRequest;
use crate::train::event::RunId;
use crate::train::snapshot::{Sample, Snapshot, Subscription};
use crate::train::testing;

const SEEDS: u64 = 12;
const COMMANDS: usize = 60;
const DEADLINE: Duration = Duration::from_secs(60);

/// A run trained alone, as far as what was told of its namesake has come.
struct Alone {
    session: Session,
    /// The weights after each step since it was begun or loaded.
    weights: BTreeMap<u64, Vec<f32>>,
}

impl Alone {
    fn new(mut session: Session, id: RunId) -> Self {
        session.set_run(id);
        let mut alone = Self { session, weights: BTreeMap::new() };
        alone.remember();
        alone
    }

    fn remember(&mut self) {
        let weights = self.session.weights().iter().map(|x| *x as f32).collect();
        self.weights.insert(self.session.step_count(), weights);
    }

    fn follow(&mut self, event: &Event, folder: &Path) {
        match event {
            Event::Opened { config, step, history, .. } => {
                assert_eq!(**config, *self.session.config());
                assert_eq!(
                    (*step, &**history),
                    (self.session.step_count(), self.session.history())
                );
            }
            Event::Steps { reports, .. } => {
                for report in reports {
                    assert_eq!(*report, self.session.step().unwrap());
                    self.remember();
                }
            }
            Event::Evaluated(evaluation) => {
                let mut estimation = self.session.estimate();
                let own = loop {
                    if let Some(own) = self.session.advance(&mut estimation) {
                        break own;
                    }
                };
                assert_eq!(*evaluation, own);
            }
            Event::Applied(edit) => {
                assert_eq!(*edit, self.session.set(edit.name, edit.new).unwrap());
            }
            Event::Extended { steps } => self.session.set_steps(*steps),
            Event::Saved { stage, path } => {
                assert_eq!(stage, "bigram");
                let own = folder.join("alone.safetensors");
                self.session.save(&own).unwrap();
                assert!(std::fs::read(path).unwrap() == std::fs::read(own).unwrap());
                assert_eq!(Checkpoint::read(path, &[]).unwrap().run, self.session.run());
            }
            Event::Running | Event::Paused | Event::Finished { .. } => {}
            other => panic!("{other:?}"),
        }
    }

    fn row(&self, step: u64, token: u32) -> &[f32] {
        &self.weights[&step][token as usize * testing::VOCABULARY..][..testing::VOCABULARY]
    }
}

struct Scene {
    worker: Worker,
    alone: BTreeMap<RunId, Alone>,
    /// Which is open, as far as has been told.
    open: RunId,
    /// What the runs that were asked for are loaded from, if from files.
    sources: BTreeMap<RunId, PathBuf>,
    asked: Vec<RunId>,
    files: Vec<PathBuf>,
    /// `SaveAll`s that are not answered yet.
    saving: usize,
    snapshots: Vec<Arc<Snapshot>>,
    samples: Vec<Arc<Sample>>,
    folder: tempfile::TempDir,
}

/// Runs of one stage that differ in what they learn with, and start from other weights or from the same.
fn config(id: RunId) -> Config {
    let mut config = testing::config();
    config.training.lr = [0.1, 0.03, 0.1][id.0 as usize % 3];
    config.seed = [1, 1, 2][id.0 as usize % 3];
    config
}

impl Scene {
    fn new(parked: Parked) -> Self {
        let first = RunId::FIRST;
        Self {
            worker: Worker::spawn_beside(parked, testing::dataset(), 1, config(first)),
            alone: BTreeMap::new(),
            open: first,
            sources: BTreeMap::new(),
            asked: vec![first],
            files: Vec::new(),
            saving: 0,
            snapshots: Vec::new(),
            samples: Vec::new(),
            folder: tempfile::tempdir().unwrap(),
        }
    }

    fn send(&self, run: Option<RunId>, command: Command) {
        self.worker.commands().send(Order { run, command }).unwrap();
    }

    fn ask(&mut self, rng: &mut ChaCha8Rng, i: usize) {
        // Mostly of the run that was asked for last, as an observer does; also of one that is not open.
        let at =
            if rng.random_range(0..4) == 0 { rng.random_range(0..self.asked.len()) } else { 0 };
        let run = Some(self.asked[self.asked.len() - 1 - at]);
        let command = match rng.random_range(0..16) {
            0..4 => {
                let id = RunId(rng.random_range(0..3));
                let known: Vec<_> = self.sources.keys().copied().chain([id]).collect();
                let id = known[rng.random_range(0..known.len())];
                self.asked.push(id);
                Command::Open { run: id, config: Box::new(config(id)) }
            }
            4 | 5 => Command::Run,
            6 => Command::Pause,
            7 => Command::Step(rng.random_range(1..6)),
            8 => Command::Set { name: "lr", value: Value::Number(rng.random_range(0.01..0.2)) },
            9 => Command::Extend(3),
            10 => Command::Evaluate,
            11 => Command::Subscribe(Subscription {
                instruments: vec![(
                    "sizes",
                    Arguments { prompt: vec![1, 2], ..Arguments::default() },
                )],
                prompt: vec![rng.random_range(0..testing::VOCABULARY as u32)],
                activations: vec!["logits".to_owned()],
                parameters: vec![testing::TABLE.to_owned()],
                norms: true,
                weights: vec![(testing::TABLE.to_owned(), 1)],
                every_seconds: 0.0,
            }),
            12 => Command::Sample(SampleRequest {
                prompt: vec![1],
                tokens: 5,
                sampling: Sampling::default(),
                seed: 7,
                every_seconds: Some(0.0),
            }),
            13 => Command::Save(self.folder.path().join(format!("{i}.safetensors"))),
            14 => {
                self.saving += 1;
                Command::SaveAll(self.folder.path().join("all"))
            }
            _ => match self.files.pop() {
                Some(path) => {
                    let run = RunId(100 + i as u64);
                    self.sources.insert(run, path.clone());
                    self.asked.push(run);
                    Command::Load { run, path }
                }
                None => Command::Throttle(Some(rng.random_range(100.0..3000.0))),
            },
        };
        self.send(run, command);
    }

    fn hear(&mut self, Told { run, event }: Told) {
        if matches!(event, Event::SavedAll) {
            self.saving -= 1;
            return;
        }
        let id = run.unwrap();
        if matches!(event, Event::Opened { .. }) {
            self.open = id;
            self.alone.entry(id).or_insert_with(|| {
                let session = match self.sources.get(&id) {
                    Some(path) => Session::load(path, testing::dataset(), 1).unwrap(),
                    None => testing::open(config(id), 1),
                };
                Alone::new(session, id)
            });
        }
        assert!(id == self.open || matches!(event, Event::Saved { .. }), "{event:?} of {id:?}");
        self.alone.get_mut(&id).unwrap().follow(&event, self.folder.path());
        if let Event::Saved { path, .. } = event {
            self.files.push(path);
        }
    }

    fn look(&mut self) {
        self.snapshots.extend(self.worker.slots().take_snapshot());
        self.samples.extend(self.worker.slots().take_sample());
        while let Ok(told) = self.worker.events.try_recv() {
            self.hear(told);
        }
    }

    /// Everything that was asked for is done and has been heard; all that was trained is in files with names of their own.
    fn end(&mut self) {
        self.saving += 1;
        self.send(None, Command::SaveAll(self.folder.path().join("last")));
        while self.saving > 0 {
            let told = self.worker.events.recv_timeout(DEADLINE).unwrap();
            self.hear(told);
        }
        self.send(None, Command::Stop);
        while let Ok(Told { event, .. }) = self.worker.events.recv_timeout(DEADLINE) {
            if matches!(event, Event::Stopped) {
                break;
            }
        }
    }

    fn check_what_was_shown(&self) -> (usize, usize) {
        for snapshot in &self.snapshots {
            let alone = &self.alone[&snapshot.run];
            let Some(weights) = alone.weights.get(&snapshot.step) else { continue };
            assert!(snapshot.parameter(testing::TABLE).unwrap().values == *weights);
            let logits = &snapshot.activation("logits").unwrap().values;
            assert_eq!(logits, alone.row(snapshot.step, snapshot.prompt[0]));
        }
        for sample in &self.samples {
            let alone = &self.alone[&sample.run];
            let mut before = sample.prompt[0];
            for (token, logits) in
                sample.tokens.iter().zip(sample.logits.chunks(testing::VOCABULARY))
            {
                assert_eq!(logits, alone.row(sample.step, before));
                before = *token;
            }
        }
        (self.snapshots.len(), self.samples.len())
    }
}

#[test]
fn every_run_of_a_stage_is_its_own_in_whatever_order_they_are_trained_shown_saved_and_resumed() {
    let (mut shown, mut sampled, mut files, mut trained) = (0, 0, 0, 0);
    let mut names = BTreeSet::new();
    for seed in 0..SEEDS {
        let own = tempfile::tempdir().unwrap();
        // Every other time all that is parked is written out.
        let most_bytes = if seed % 2 == 0 { 0 } else { usize::MAX };
        let mut scene = Scene::new(Parked::new(most_bytes, own.path().to_owned()));
        let mut rng = stream(seed, Purpose::Sampling, 0);
        scene.send(None, Command::Throttle(Some(rng.random_range(300.0..3000.0))));
        scene.send(None, Command::Step(2));
        for i in 0..COMMANDS {
            scene.ask(&mut rng, i);
            for _ in 0..rng.random_range(0..4) {
                thread::sleep(Duration::from_micros(rng.random_range(0..1500)));
                scene.look();
            }
        }
        // Something is unsaved at the end.
        let last = scene.asked[scene.asked.len() - 1];
        scene.send(Some(last), Command::Pause);
        scene.send(Some(last), Command::Step(1));
        thread::sleep(Duration::from_millis(20));
        scene.end();
        let (snapshots, samples) = scene.check_what_was_shown();
        shown += snapshots;
        sampled += samples;
        files += scene.files.len();
        let moved = |alone: &&Alone| alone.weights.len() > 1;
        trained += scene.alone.values().filter(moved).count();
        names.extend(scene.files.iter().filter_map(|path| path.file_name()).map(ToOwned::to_owned));
        drop(scene);
        assert_eq!(std::fs::read_dir(own.path()).unwrap().count(), 0);
    }
    // It was about something.
    let busy = (SEEDS as usize) < shown.min(sampled).min(files).min(trained);
    assert!(busy, "{shown} {sampled} {files} {trained}");
    assert!(names.contains("bigram.safetensors".as_ref() as &std::ffi::OsStr));
    assert!(names.contains("bigram-2.safetensors".as_ref() as &std::ffi::OsStr));
}
