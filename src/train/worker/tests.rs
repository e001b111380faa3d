mod alone;

use std::ops::Range;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use super::*;
use crate::math::Real;
use crate::model::sampling::Sampling;
use crate::model::{self, Batch, Card, Conditions, Inference, Losses, Model, Shard};
use crate::nn::parameters::Registry;
use crate::probe::Arguments;
use crate::stage::hyperparameter::Value;
#[cfg(not(feature = "f64"))]
use crate::text::Tokens;
use crate::train::checkpoint::Checkpoint;
use crate::train::command::SampleRequest;
use crate::train::event::RunId;
use crate::train::snapshot::{Sample, Snapshot, Subscription};
use crate::train::testing;

/// Longer than anything here takes, also on a busy machine.
const DEADLINE: Duration = Duration::from_secs(60);

fn bigram() -> Worker {
    Worker::spawn(testing::dataset(), 2, testing::config()).at_rest()
}

/// A run that does not end by itself while a test lasts.
fn endless() -> Config {
    let mut config = testing::config();
    config.training.steps = 1_000_000_000;
    config.training.eval_interval = 1_000_000;
    config
}

impl Worker {
    /// Once its run is open. An opened run says that it is paused, and a test that waits for a pause of its own must not
    /// take that one for it.
    fn at_rest(self) -> Self {
        self.until_paused();
        self
    }

    /// The events up to and with the first that fits.
    fn until(&self, fits: impl Fn(&Event) -> bool) -> Vec<Event> {
        let mut seen = Vec::new();
        loop {
            match self.events.recv_timeout(DEADLINE) {
                Ok(told) => seen.push(told.event),
                Err(error) => panic!("{error} after {seen:?}"),
            }
            if fits(&seen[seen.len() - 1]) {
                return seen;
            }
        }
    }

    fn until_paused(&self) -> Vec<Event> {
        self.until(|event| matches!(event, Event::Paused))
    }

    fn refusal(&self) -> (String, String) {
        match self.until(|event| matches!(event, Event::Refused { .. })).pop() {
            Some(Event::Refused { what, why }) => (what, why),
            _ => unreachable!(),
        }
    }

    fn not_opened(&self) -> String {
        match self.until(|event| matches!(event, Event::NotOpened { .. })).pop() {
            Some(Event::NotOpened { why }) => why,
            _ => unreachable!(),
        }
    }

    fn snapshot(&self, fits: impl Fn(&Snapshot) -> bool) -> Arc<Snapshot> {
        poll(|| self.slots().take_snapshot().filter(|snapshot| fits(snapshot)))
    }

    fn sample(&self, fits: impl Fn(&Sample) -> bool) -> Arc<Sample> {
        poll(|| self.slots().take_sample().filter(|sample| fits(sample)))
    }
}

/// Looks into a slot until something is there.
fn poll<T>(look: impl Fn() -> Option<T>) -> T {
    let start = Instant::now();
    while start.elapsed() < DEADLINE {
        if let Some(found) = look() {
            return found;
        }
        thread::yield_now();
    }
    panic!("nothing came");
}

/// The steps that were reported, in order.
fn steps(events: &[Event]) -> Vec<u64> {
    let mut steps = Vec::new();
    for event in events {
        if let Event::Steps { reports, seconds } = event {
            assert!(*seconds > 0.0);
            steps.extend(reports.iter().map(|report| report.step));
        }
    }
    steps
}

fn evaluated(events: &[Event]) -> Vec<u64> {
    let step = |event: &Event| match event {
        Event::Evaluated(evaluation) => Some(evaluation.step),
        _ => None,
    };
    events.iter().filter_map(step).collect()
}

#[test]
fn a_run_opens_paused_trains_to_its_end_and_finishes() {
    let worker = Worker::spawn(testing::dataset(), 2, testing::config());
    let events = worker.until_paused();
    match &events[0] {
        Event::Opened { config, step, parameters, threads, history, .. } => {
            assert_eq!(**config, testing::config());
            assert_eq!((*step, *parameters, *threads), (0, testing::VOCABULARY.pow(2), 1));
            assert!(history.points.is_empty());
        }
        other => panic!("{other:?}"),
    }
    worker.send(Command::Run);
    let events = worker.until(|event| matches!(event, Event::Finished { step: 100 }));
    assert!(matches!(events[0], Event::Running));
    assert_eq!(steps(&events), (1..=100).collect::<Vec<_>>());
    assert_eq!(evaluated(&events), [0, 20, 40, 60, 80, 100]);
    // Further, and the last step is estimated though it is not a regular one.
    worker.send(Command::Extend(30));
    worker.send(Command::Run);
    let events = worker.until(|event| matches!(event, Event::Finished { step: 130 }));
    assert_eq!(steps(&events), (101..=130).collect::<Vec<_>>());
    assert_eq!(evaluated(&events), [120, 130]);
    // Beyond the last step it goes on from where the run is.
    worker.send(Command::Step(5));
    worker.until_paused();
    worker.send(Command::Extend(10));
    worker.until(|event| matches!(event, Event::Extended { steps: 145 }));
    worker.send(Command::Extend(10));
    worker.until(|event| matches!(event, Event::Extended { steps: 155 }));
}

#[test]
#[cfg(not(feature = "f64"))]
fn the_worker_makes_the_run_of_a_session() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("run.safetensors");
    let save = |worker: &Worker| {
        worker.send(Command::Save(path.clone()));
        worker.until(|event| matches!(event, Event::Saved { .. }));
        std::fs::read(&path).unwrap()
    };
    let run = |observe: bool| {
        let worker = Worker::spawn(testing::dataset(), 2, testing::gpt());
        if observe {
            worker.send(Command::Subscribe(subscription(0.0)));
            worker.send(Command::Sample(request(Some(0.0))));
        }
        worker.send(Command::Run);
        worker.until(|event| matches!(event, Event::Finished { .. }));
        save(&worker)
    };
    let alone = run(false);
    assert!(run(true) == alone, "looking changes nothing");
    // In pieces, through a file.
    let worker = Worker::spawn(testing::dataset(), 2, testing::gpt()).at_rest();
    worker.send(Command::Step(37));
    worker.until_paused();
    save(&worker);
    let mut wrong = testing::gpt();
    wrong.model.n_head = 3;
    let other = Worker::spawn(testing::dataset(), 2, wrong);
    other.send(Command::Load { run: RunId::FIRST, path: path.clone() });
    other.send(Command::Run);
    other.until(|event| matches!(event, Event::Finished { .. }));
    assert!(save(&other) == alone);
}

#[test]
fn steps_are_counted_and_pauses_hold() {
    let worker = Worker::spawn(testing::dataset(), 1, endless()).at_rest();
    worker.send(Command::Step(3));
    let events = worker.until_paused();
    assert_eq!(steps(&events), [1, 2, 3]);
    worker.send(Command::Run);
    worker.until(|event| matches!(event, Event::Steps { .. }));
    worker.send(Command::Pause);
    let last = *steps(&worker.until_paused()).last().unwrap_or(&3);
    worker.send(Command::Step(1));
    let events = worker.until_paused();
    assert_eq!(steps(&events).len(), 1);
    assert!(steps(&events)[0] > last);
}

#[test]
fn live_changes_are_applied_at_a_boundary_and_answered() {
    let worker = Worker::spawn(testing::dataset(), 1, endless());
    worker.send(Command::Run);
    worker.until(|event| matches!(event, Event::Steps { .. }));
    worker.send(Command::Set { name: "lr", value: Value::Number(0.5) });
    let events = worker.until(|event| matches!(event, Event::Applied(_)));
    let Some(Event::Applied(edit)) = events.last() else { unreachable!() };
    assert_eq!((edit.name, edit.old, edit.new), ("lr", Value::Number(0.1), Value::Number(0.5)));
    let after = worker.until(|event| matches!(event, Event::Steps { .. }));
    let Some(Event::Steps { reports, .. }) = after.last() else { unreachable!() };
    assert_eq!((reports[0].step, reports[0].lr), (edit.step + 1, 0.5));
    worker.send(Command::Set { name: "lr", value: Value::Number(f64::NAN) });
    assert_eq!(worker.refusal().0, "lr");
    worker.send(Command::Set { name: "n_head", value: Value::Count(2) });
    assert!(worker.refusal().1.contains("builds a new one"));
}

#[test]
fn throttling_spaces_the_steps_and_is_lifted_at_once() {
    let worker = Worker::spawn(testing::dataset(), 1, endless()).at_rest();
    worker.send(Command::Throttle(Some(100.0)));
    let start = Instant::now();
    worker.send(Command::Step(6));
    worker.until_paused();
    assert!(start.elapsed() >= Duration::from_millis(50));
    // However slow, it can be lifted.
    worker.send(Command::Throttle(Some(1e-300)));
    worker.send(Command::Run);
    worker.until(|event| matches!(event, Event::Steps { .. }));
    worker.send(Command::Throttle(None));
    worker.until(|event| matches!(event, Event::Steps { .. }));
    worker.send(Command::Throttle(Some(-1.0)));
    assert_eq!(worker.refusal().0, "throttle");
}

#[test]
#[cfg(not(feature = "f64"))]
fn a_run_on_words_reads_the_text_anew_and_comes_back_from_its_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("words.safetensors");
    let worker = bigram();
    let vocabulary = || match worker.until(|event| matches!(event, Event::Opened { .. })).pop() {
        Some(Event::Opened { config, tokenizer: Some(tokenizer), .. }) => {
            assert_eq!(config.model.vocab_size, tokenizer.vocab_size());
            (tokenizer.tokens(), tokenizer.vocab_size())
        }
        other => panic!("{other:?}"),
    };
    let mut config = testing::config();
    config.task.tokens = Tokens::Words;
    worker.send(Command::Open { run: RunId(40), config: Box::new(config) });
    // <unk>, seven words, the one that the text begins with, the full stop and the line break.
    assert_eq!(vocabulary(), (Tokens::Words, 11));
    worker.send(Command::Step(1));
    worker.send(Command::Save(path.clone()));
    worker.until(|event| matches!(event, Event::Saved { .. }));
    worker.send(Command::Open { run: RunId(10), config: Box::new(testing::config()) });
    assert_eq!(vocabulary(), (Tokens::Characters, testing::VOCABULARY));
    worker.send(Command::Load { run: RunId(51), path });
    assert_eq!(vocabulary(), (Tokens::Words, 11));
}

/// What was asked of a run on characters may be none of one on words, and nobody falls over it.
#[test]
#[cfg(not(feature = "f64"))]
fn prompts_of_another_vocabulary_are_forgotten() {
    let worker = Worker::spawn(testing::dataset(), 1, endless()).at_rest();
    let last = vec![testing::VOCABULARY as u32 - 1];
    worker.send(Command::Subscribe(Subscription { prompt: last.clone(), ..subscription(0.0) }));
    worker.send(Command::Sample(SampleRequest { prompt: last, ..request(Some(0.0)) }));
    worker.snapshot(|_| true);
    worker.sample(|_| true);
    let mut words = endless();
    words.task.tokens = Tokens::Words;
    worker.send(Command::Open { run: RunId(5), config: Box::new(words) });
    worker.send(Command::Step(3));
    let told = |event: &Event| {
        let opened = matches!(event, Event::Steps { reports, .. } if reports.last().is_some_and(|r| r.step == 3));
        opened || matches!(event, Event::Failed { .. })
    };
    let events = worker.until(told);
    assert!(!matches!(events.last(), Some(Event::Failed { .. })), "{events:?}");
}

#[test]
fn runs_are_parked_and_come_back_as_they_were() {
    let worker = bigram();
    worker.send(Command::Step(7));
    worker.until_paused();
    let open = |config: Config, run| {
        worker.send(Command::Open { run: RunId(run), config: Box::new(config) });
        match worker.until(|event| matches!(event, Event::Opened { .. })).pop() {
            Some(Event::Opened { config, step, .. }) => (config.stage, step),
            _ => unreachable!(),
        }
    };
    assert_eq!(open(testing::gpt(), 1), ("layer-norm".to_owned(), 0));
    assert_eq!(open(testing::config(), 0), ("bigram".to_owned(), 7));
    assert_eq!(open(testing::config(), 0), ("bigram".to_owned(), 7));
    assert_eq!(open(testing::config(), 2), ("bigram".to_owned(), 0));
    // What was opened afresh leaves the older one as it was.
    open(testing::gpt(), 1);
    assert_eq!(open(testing::config(), 0), ("bigram".to_owned(), 7));
    assert_eq!(open(testing::config(), 2), ("bigram".to_owned(), 0));
    let mut wrong = testing::gpt();
    wrong.model.n_head = 3;
    worker.send(Command::Open { run: RunId(3), config: Box::new(wrong) });
    // What was meant for that run does not reach the one that is open.
    worker.commands().send(Order { run: Some(RunId(3)), command: Command::Step(5) }).unwrap();
    assert!(worker.not_opened().contains("n_head 3"));
    worker.send(Command::Step(1));
    assert_eq!(steps(&worker.until(|event| matches!(event, Event::Steps { .. }))), [1]);
}

#[test]
fn a_worker_that_cannot_open_its_first_run_waits_for_another() {
    let mut wrong = testing::gpt();
    wrong.model.n_head = 3;
    let worker = Worker::spawn(testing::dataset(), 1, wrong);
    worker.not_opened();
    worker.send(Command::Run);
    assert_eq!(worker.refusal().0, "run");
    worker.send(Command::Open { run: RunId(11), config: Box::new(testing::config()) });
    worker.until(|event| matches!(event, Event::Opened { .. }));
}

#[test]
fn training_goes_on_in_the_run_that_is_opened() {
    let worker = Worker::spawn(testing::dataset(), 1, endless());
    worker.send(Command::Run);
    worker.until(|event| matches!(event, Event::Steps { .. }));
    worker.send(Command::Open { run: RunId(30), config: Box::new(testing::gpt()) });
    worker.until(|event| matches!(event, Event::Opened { .. }));
    let events = worker.until(|event| matches!(event, Event::Finished { .. }));
    assert!(matches!(events[0], Event::Running));
    assert_eq!(steps(&events).len(), 100);
    // The finished one is opened paused.
    worker.send(Command::Open { run: RunId(30), config: Box::new(testing::gpt()) });
    worker.until(|event| matches!(event, Event::Opened { .. }));
    assert!(matches!(worker.until_paused()[0], Event::Paused));
}

#[test]
fn an_instrument_answers_once_or_says_what_is_missing() {
    let worker = Worker::of(testing::session(1)).at_rest();
    let measure = |instrument: &str| {
        let arguments = Arguments { prompt: vec![1, 2, 3], ..Arguments::default() };
        worker.send(Command::Measure { instrument: instrument.to_owned(), arguments });
    };
    measure("sizes");
    let events = worker.until(|event| matches!(event, Event::Measured(_)));
    let Some(Event::Measured(measured)) = events.last() else { panic!("{events:?}") };
    assert_eq!((measured.instrument, measured.step), ("sizes", 0));
    assert!(measured.reading.figure("logits").is_some_and(|rms| rms > 0.0));
    for (name, why) in [("alignment", "no map"), ("none", "choose one of"), ("picture", "noise")] {
        measure(name);
        let events = worker.until(|event| matches!(event, Event::Refused { .. }));
        let Some(Event::Refused { what, why: found }) = events.last() else { panic!() };
        assert!(what == name && found.contains(why), "{what}: {found}");
    }
}

fn subscription(every_seconds: f64) -> Subscription {
    Subscription {
        prompt: vec![1, 2, 3],
        activations: vec!["logits".to_owned()],
        parameters: Vec::new(),
        instruments: Vec::new(),
        norms: true,
        weights: Vec::new(),
        every_seconds,
    }
}

#[test]
fn snapshots_come_at_once_when_paused_and_again_while_training() {
    let worker = Worker::spawn(testing::dataset(), 1, endless());
    worker.send(Command::Subscribe(subscription(0.0)));
    let snapshot = worker.snapshot(|_| true);
    assert_eq!((snapshot.step, snapshot.prompt.as_slice()), (0, &[1, 2, 3][..]));
    worker.send(Command::Step(5));
    worker.snapshot(|snapshot| snapshot.step == 5);
    worker.send(Command::Run);
    let first = worker.snapshot(|snapshot| snapshot.step > 5);
    worker.snapshot(|snapshot| snapshot.step > first.step);
    worker.send(Command::Subscribe(Subscription { prompt: vec![99], ..subscription(0.0) }));
    assert!(worker.refusal().1.contains("outside the vocabulary"));
    let strange = Arguments { prompt: vec![99], ..Arguments::default() };
    let instruments = vec![("sizes", strange)];
    worker.send(Command::Subscribe(Subscription { instruments, ..subscription(0.0) }));
    assert!(worker.refusal().1.contains("outside the vocabulary"));
}

fn request(every_seconds: Option<f64>) -> SampleRequest {
    SampleRequest {
        prompt: vec![1],
        tokens: 30,
        sampling: Sampling::default(),
        seed: 7,
        every_seconds,
    }
}

#[test]
fn samples_are_made_once_or_again_and_again() {
    let worker = Worker::spawn(testing::dataset(), 1, endless());
    worker.send(Command::Sample(request(None)));
    let sample = worker.sample(|sample| sample.complete);
    assert_eq!((sample.tokens.len(), sample.step), (30, 0));
    assert_eq!(sample.logits.len(), 30 * testing::VOCABULARY);
    worker.send(Command::Sample(request(Some(0.0))));
    let first = worker.sample(|sample| sample.complete);
    assert_eq!(first.tokens, sample.tokens);
    worker.send(Command::Run);
    let second = worker.sample(|sample| sample.complete && sample.step > first.step);
    worker.sample(|sample| sample.complete && sample.step > second.step);
    let sampling = Sampling { temperature: -1.0, ..Sampling::default() };
    worker.send(Command::Sample(SampleRequest { sampling, ..request(None) }));
    assert_eq!(worker.refusal().0, "sample");
}

#[test]
fn what_is_kept_in_case_of_a_kill_is_still_to_be_saved() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("kept.safetensors");
    let worker = bigram();
    for steps in [2, 3] {
        worker.send(Command::Step(steps));
        worker.until_paused();
        worker.send(Command::Keep(path.clone()));
        worker.until(|event| matches!(event, Event::Kept { refused: None, .. }));
    }
    worker.send(Command::SaveAll(folder.path().join("runs")));
    worker.until(|event| matches!(event, Event::Saved { .. }));
    let saved = std::fs::read(folder.path().join("runs/bigram.safetensors")).unwrap();
    assert!(std::fs::read(&path).unwrap() == saved, "the same run is the same bytes");
    worker.send(Command::Keep(folder.path().join("missing/kept.safetensors")));
    worker.until(|event| matches!(event, Event::Kept { step: 5, refused: Some(_), .. }));
}

#[test]
fn everything_that_trained_is_saved_once() {
    let folder = tempfile::tempdir().unwrap();
    let home = folder.path().join("runs");
    let worker = bigram();
    let saved = || {
        worker.send(Command::SaveAll(home.clone()));
        let events = worker.until(|event| matches!(event, Event::SavedAll));
        events.iter().filter(|event| matches!(event, Event::Saved { .. })).count()
    };
    assert_eq!(saved(), 0);
    worker.send(Command::Step(2));
    worker.until_paused();
    worker.send(Command::Open { run: RunId(30), config: Box::new(testing::gpt()) });
    worker.send(Command::Step(1));
    worker.until(|event| matches!(event, Event::Steps { .. }));
    assert_eq!(saved(), 2);
    assert_eq!(saved(), 0);
    let names = |name: &str| home.join(name).exists();
    assert!(names("bigram.safetensors") && names("layer-norm.safetensors"));
    worker.send(Command::Load { run: RunId(7), path: home.join("bigram.safetensors") });
    let events = worker.until(|event| matches!(event, Event::Opened { .. }));
    assert!(matches!(events.last(), Some(Event::Opened { step: 2, .. })));
    worker.send(Command::Load { run: RunId(8), path: home.join("missing.safetensors") });
    assert!(worker.not_opened().contains("missing.safetensors"));
    worker.send(Command::Load { run: RunId(7), path: home.join("bigram.safetensors") });
    assert_eq!(worker.refusal().0, "load");
    worker.send(Command::Save(folder.path().join("missing/x.safetensors")));
    assert_eq!(worker.refusal().0, "save");
}

#[test]
fn an_estimate_can_be_asked_for() {
    let worker = bigram();
    worker.send(Command::Evaluate);
    let events = worker.until(|event| matches!(event, Event::Evaluated(_)));
    assert_eq!(evaluated(&events), [0]);
}

#[test]
fn a_run_that_diverges_pauses_with_sound_weights() {
    let mut config = endless();
    config.training.lr = 10.0;
    config.training.weight_decay = 100.0;
    let worker = Worker::spawn(testing::dataset(), 1, config);
    worker.send(Command::Run);
    let events = worker.until(|event| matches!(event, Event::Diverged { .. }));
    let Some(Event::Diverged { step }) = events.last() else { unreachable!() };
    assert_eq!(steps(&events).last(), Some(step));
    // It is paused: the next thing that happens is what is asked for.
    worker.send(Command::Pause);
    assert!(matches!(worker.until(|_| true)[..], [Event::Paused]));
}

/// A bigram whose shards panic while it is armed.
struct Fragile {
    model: Box<dyn Model>,
    armed: Arc<AtomicBool>,
}

struct FragileShard {
    shard: Box<dyn Shard>,
    armed: Arc<AtomicBool>,
}

impl Model for Fragile {
    fn config(&self) -> &model::Config {
        self.model.config()
    }

    fn card(&self) -> Card {
        self.model.card()
    }

    fn registry(&self) -> &Registry {
        self.model.registry()
    }

    fn initialise(&self, weights: &mut [Real], seed: u64) {
        self.model.initialise(weights, seed);
    }

    fn shard(&self) -> Box<dyn Shard> {
        Box::new(FragileShard { shard: self.model.shard(), armed: Arc::clone(&self.armed) })
    }

    fn inference(&self) -> Box<dyn Inference> {
        self.model.inference()
    }

    fn operations_per_token(&self) -> f64 {
        // Enough for two shards: a panic must find its way from the other thread too.
        1e6
    }
}

impl Shard for FragileShard {
    fn loss_and_gradients(
        &mut self,
        weights: &[Real],
        batch: &Batch,
        rows: Range<usize>,
        conditions: &Conditions,
        gradients: &mut [Real],
    ) -> Losses {
        assert!(rows.start == 0 || !self.armed.swap(false, Ordering::SeqCst), "a wire broke");
        self.shard.loss_and_gradients(weights, batch, rows, conditions, gradients)
    }

    fn loss(
        &mut self,
        weights: &[Real],
        batch: &Batch,
        rows: Range<usize>,
        conditions: &Conditions,
    ) -> Losses {
        self.shard.loss(weights, batch, rows, conditions)
    }
}

#[test]
fn a_panic_in_a_step_is_reported_and_the_worker_lives_on() {
    let armed = Arc::new(AtomicBool::new(false));
    let config = testing::config();
    let model = model::build(&config.model).unwrap();
    let model = Fragile { model, armed: Arc::clone(&armed) };
    let team = Team::new(2).unwrap();
    let session = Session::with_model(config, testing::dataset(), &team, Box::new(model)).unwrap();
    let worker = Worker::of(session).at_rest();
    worker.send(Command::Step(4));
    worker.until_paused();
    armed.store(true, Ordering::SeqCst);
    worker.send(Command::Run);
    let events = worker.until(|event| matches!(event, Event::Failed { .. }));
    let Some(Event::Failed { message }) = events.last() else { unreachable!() };
    assert_eq!(message, "a wire broke");
    // From where it was to its end.
    worker.send(Command::Run);
    let events = worker.until(|event| matches!(event, Event::Finished { .. }));
    assert_eq!(steps(&events), (5..=100).collect::<Vec<_>>());
}

#[test]
fn it_ends_when_it_is_told_to_or_left_alone() {
    let worker = Worker::spawn(testing::dataset(), 2, endless());
    worker.send(Command::Run);
    worker.send(Command::Stop);
    worker.until(|event| matches!(event, Event::Stopped));
    let other = Worker::spawn(testing::dataset(), 2, endless());
    other.send(Command::Run);
    drop(other);
    let wrong = Worker::spawn(testing::dataset(), 0, endless());
    let events = wrong.until(|event| matches!(event, Event::Stopped));
    assert!(matches!(events[0], Event::Failed { .. }));
}

#[test]
fn workers_that_save_under_one_name_lose_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let (home, file) = (folder.path().join("runs/now"), folder.path().join("x.safetensors"));
    let workers: Vec<_> = (0..4).map(|_| bigram()).collect();
    for worker in &workers {
        worker.send(Command::Step(1));
        worker.until(|event| matches!(event, Event::Steps { .. }));
    }
    for worker in &workers {
        worker.send(Command::SaveAll(home.clone()));
        worker.send(Command::SaveNew(file.clone()));
    }
    let mut paths = std::collections::BTreeSet::new();
    for worker in &workers {
        for _ in 0..2 {
            let events = worker.until(|event| matches!(event, Event::Saved { .. }));
            let Some(Event::Saved { path, .. }) = events.last() else { unreachable!() };
            Checkpoint::read(path, &[]).unwrap();
            paths.insert(path.clone());
        }
    }
    assert_eq!(paths.len(), 8, "{paths:?}");
    assert!(paths.contains(&file) && paths.contains(&home.join("bigram.safetensors")));
}

#[test]
fn steps_that_are_asked_for_while_one_is_under_way_are_all_made() {
    let worker = Worker::spawn(testing::dataset(), 1, endless()).at_rest();
    for _ in 0..3 {
        worker.send(Command::Step(1));
    }
    let mut made = Vec::new();
    while made.len() < 3 {
        made.extend(steps(&worker.until(|event| matches!(event, Event::Steps { .. }))));
    }
    assert_eq!(made, [1, 2, 3]);
    worker.until_paused();
}

#[test]
fn a_run_says_where_it_is_for_others_to_go_on_from() {
    let worker = bigram();
    worker.send(Command::Step(7));
    worker.until_paused();
    worker.send(Command::Fork);
    let Some(Event::Forked(fork)) = worker.until(|event| matches!(event, Event::Forked(_))).pop()
    else {
        unreachable!()
    };
    let mut session = testing::open(testing::config(), 2);
    for _ in 0..7 {
        session.step().unwrap();
    }
    assert_eq!((fork.step(), fork.config()), (7, session.config()));
    assert_eq!(fork.weights, session.weights());
    assert_eq!(fork.history.points, session.history().points);
}
