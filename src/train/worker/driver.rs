//! The worker's loop: obey what was asked, then do a slice of whatever is due.

use std::any::Any;
use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{RecvTimeoutError, TryRecvError};
use std::time::{Duration, Instant};

use super::ends::Ends;
use super::generating::Generating;
use super::looking::Looking;
use super::parked::{Parked, Run, Saves};
use crate::file;
use crate::model::Turns;
use crate::stage::hyperparameter::Value;
use crate::stage::{Config, LAST_STEP};
use crate::text::Tokenizer;
use crate::text::shown::chain;
use crate::train::checkpoint::{Checkpoint, CheckpointError};
use crate::train::command::{Command, Order};
use crate::train::event::{Event, RunId, StepReport};
use crate::train::fork::Fork;
use crate::train::machine_rate;
use crate::train::material::{Material, MaterialError};
use crate::train::session::{Estimation, Session, SessionError};
use crate::train::snapshot::Subscription;
use crate::train::team::Team;

/// Step reports are sent at most this often.
const REPORT_EVERY: Duration = Duration::from_millis(15);
/// Room for the reports of one batch, before it has to grow.
const REPORTS: usize = 256;
/// Seconds from one step to the next at most, however far it is throttled.
const SLOWEST: f64 = 3600.0;

pub(super) struct Driver {
    ends: Ends,
    material: Material,
    team: Team,
    run: Option<Run>,
    /// Runs that were left.
    parked: Parked,
    /// `None` while paused.
    target: Option<Target>,
    /// After so many steps, the next one moves this group alone.
    alone: VecDeque<(u64, usize)>,
    estimation: Option<Asked>,
    /// The least time from one step to the next.
    throttle: Duration,
    next_step: Instant,
    reports: Vec<StepReport>,
    /// Time spent in the steps of `reports`.
    seconds: f64,
    reported: Instant,
    looking: Looking,
    generating: Generating,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Target {
    /// The run's own last step.
    End,
    Step(u64),
}

/// An estimate under way, and whether the observer asked for it.
struct Asked {
    estimation: Estimation,
    asked: bool,
}

/// What a panic interrupted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Work {
    Command,
    Train,
    Look,
    Generate,
}

impl Driver {
    pub fn new(material: Material, team: Team, parked: Parked, ends: Ends) -> Self {
        let now = Instant::now();
        Self {
            ends,
            material,
            team,
            run: None,
            parked,
            target: None,
            alone: VecDeque::new(),
            estimation: None,
            throttle: Duration::ZERO,
            next_step: now,
            reports: Vec::with_capacity(REPORTS),
            seconds: 0.0,
            reported: now,
            looking: Looking::new(now),
            generating: Generating::new(now),
        }
    }

    /// Opens the run that the worker was started for.
    pub fn open_first(&mut self, config: Config) {
        self.guarded(Work::Command, |driver| driver.open(RunId::FIRST, config));
    }

    /// Works until it is told to stop, or nobody is left to tell.
    pub fn drive(&mut self) {
        loop {
            let order = match self.wake_up() {
                Some(at) if at <= Instant::now() => match self.ends.inbox.try_recv() {
                    Ok(order) => Some(order),
                    Err(TryRecvError::Empty) => None,
                    Err(TryRecvError::Disconnected) => break,
                },
                Some(at) => {
                    self.report();
                    let wait = at.saturating_duration_since(Instant::now());
                    match self.ends.inbox.recv_timeout(wait) {
                        Ok(order) => Some(order),
                        Err(RecvTimeoutError::Timeout) => None,
                        Err(RecvTimeoutError::Disconnected) => break,
                    }
                }
                None => {
                    self.report();
                    let Ok(order) = self.ends.inbox.recv() else { break };
                    Some(order)
                }
            };
            match order {
                Some(Order { command: Command::Stop, .. }) => break,
                Some(order) => self.guarded(Work::Command, |driver| driver.obey(order)),
                None => self.work(),
            }
        }
        self.report();
    }

    /// When there is something to do; `None`: only when asked.
    fn wake_up(&self) -> Option<Instant> {
        let run = self.run.as_ref()?;
        let step = match (&self.estimation, self.target) {
            (Some(_), _) => Some(self.reported),
            (None, Some(_)) => Some(self.next_step),
            (None, None) => None,
        };
        let resting = step.is_none();
        let others = [
            self.looking.due(run.session.step_count(), resting),
            self.generating.due(run.session.step_count(), resting),
        ];
        step.into_iter().chain(others.into_iter().flatten()).min()
    }

    fn work(&mut self) {
        if self.estimation.is_some() || (self.target.is_some() && self.next_step <= Instant::now())
        {
            self.guarded(Work::Train, Self::train);
        }
        let resting = self.estimation.is_none() && self.target.is_none();
        let Some(run) = &self.run else { return };
        let step = run.session.step_count();
        let now = Instant::now();
        if self.looking.due(step, resting).is_some_and(|at| at <= now) {
            self.guarded(Work::Look, |driver| {
                if let Some(run) = &mut driver.run {
                    driver.looking.look(&mut run.session, &driver.ends.slots.snapshot);
                }
            });
        }
        if self.generating.due(step, resting).is_some_and(|at| at <= now) {
            self.guarded(Work::Generate, |driver| {
                if let Some(run) = &driver.run {
                    driver.generating.advance(&run.session, &driver.ends.slots.sample);
                }
            });
        }
        if now.duration_since(self.reported) >= REPORT_EVERY {
            self.report();
        }
    }

    /// One slice of training: of an estimate, or one step.
    fn train(&mut self) {
        let Some(run) = &mut self.run else { return };
        if let Some(Asked { estimation, .. }) = &mut self.estimation {
            if let Some(evaluation) = run.session.advance(estimation) {
                run.evaluated = Some(evaluation.step);
                self.estimation = None;
                self.report();
                self.ends.tell(Event::Evaluated(evaluation));
            }
            return;
        }
        let step = run.session.step_count();
        let last = run.session.config().training.steps;
        let reached = match self.target {
            None => return,
            Some(Target::End) => step >= last,
            Some(Target::Step(until)) => step >= until,
        };
        let ended = reached && self.target == Some(Target::End);
        if run.is_due() || (ended && run.evaluated != Some(step)) {
            let estimation = run.session.estimate();
            self.estimation = Some(Asked { estimation, asked: false });
            return;
        }
        if reached {
            self.halt(if ended { Event::Finished { step } } else { Event::Paused });
            return;
        }
        if self.alone.front().is_some_and(|(at, _)| *at == step) {
            return self.step_alone();
        }
        self.step();
    }

    fn step(&mut self) {
        let Some(run) = &mut self.run else { return };
        let start = Instant::now();
        let result = run.session.step();
        let end = Instant::now();
        match result {
            Ok(report) => {
                self.seconds += (end - start).as_secs_f64();
                self.reports.push(report);
                self.next_step = start + self.throttle;
            }
            Err(diverged) => self.halt(Event::Diverged { step: diverged.step }),
        }
    }

    /// One step of a group alone.
    fn step_alone(&mut self) {
        let Some((group, run)) =
            self.alone.pop_front().map(|(_, group)| group).zip(self.run.as_ref())
        else {
            return;
        };
        let Some(alone) = Turns::alone(group) else { return };
        let before = run.session.config().training.turns;
        self.take_turns(alone);
        self.step();
        self.take_turns(before);
    }

    fn take_turns(&mut self, turns: Turns) {
        self.report();
        let Some(run) = &mut self.run else { return };
        match run.session.set(TURNS, Value::Choice(turns.into())) {
            Ok(edit) if edit.old == edit.new => {}
            Ok(edit) => self.ends.tell(Event::Applied(edit)),
            Err(error) => self.refuse(TURNS, error),
        }
    }

    /// Pauses and says why.
    fn halt(&mut self, why: Event) {
        self.target = None;
        self.alone.clear();
        // A regular estimate is made when training goes on; one that was asked for is still to be made.
        self.estimation = self.estimation.take().filter(|estimation| estimation.asked);
        self.report();
        self.ends.tell(why);
    }

    fn report(&mut self) {
        if !self.reports.is_empty() {
            // As large as it is: an observer that is held up for hours may have many of these waiting.
            let reports = self.reports.clone();
            self.reports.clear();
            let seconds = std::mem::take(&mut self.seconds);
            self.ends.tell(Event::Steps { reports, seconds });
        }
        self.reported = Instant::now();
    }

    fn refuse(&self, what: impl Into<String>, why: impl std::fmt::Display) {
        self.ends.tell(Event::Refused { what: what.into(), why: why.to_string() });
    }

    fn obey(&mut self, Order { run, command }: Order) {
        self.report();
        let elsewhere = run.is_some_and(|run| self.ends.run != Some(run));
        if elsewhere && command.is_about_a_run() {
            return;
        }
        match command {
            Command::Run => self.go(|_| Target::End),
            // Those that are still to be made are made as well.
            Command::Step(steps) => {
                let from = self.asked_for();
                self.go(|step| Target::Step(step.max(from).saturating_add(steps)));
            }
            Command::StepAlone(group) => {
                let Some(run) = &self.run else { return self.refuse("step", NO_RUN) };
                let model = run.session.model();
                if model.groups().len() < 2 || model.groups().len() <= group {
                    return self
                        .refuse("step", format!("{} takes no turns", run.session.card().name));
                }
                let at = run.session.step_count().max(self.asked_for());
                self.alone.push_back((at, group));
                self.go(|_| Target::Step(at.saturating_add(1)));
            }
            Command::RunTo(step) => self.go(|_| Target::Step(step)),
            Command::Pause => self.halt(Event::Paused),
            Command::Throttle(rate) => self.throttle(rate),
            Command::Set { name, value } => {
                let Some(run) = &mut self.run else { return self.refuse(name, NO_RUN) };
                match run.session.set(name, value) {
                    Ok(edit) => self.ends.tell(Event::Applied(edit)),
                    Err(error) => self.refuse(name, error),
                }
            }
            Command::Extend(by) => {
                let Some(run) = &mut self.run else { return self.refuse("extend", NO_RUN) };
                let last = run.session.config().training.steps.max(run.session.step_count());
                let steps = last.saturating_add(by).min(LAST_STEP);
                run.session.set_steps(steps);
                self.ends.tell(Event::Extended { steps });
            }
            Command::Open { run, config } => self.open(run, *config),
            Command::Subscribe(subscription) => {
                let instruments = subscription.instruments.iter();
                let mut prompts = instruments.map(|(_, arguments)| &arguments.prompt);
                let known = self.known(&subscription.prompt);
                match known.and_then(|()| prompts.try_for_each(|prompt| self.known(prompt))) {
                    Ok(()) => self.looking.subscribe(subscription),
                    Err(why) => self.refuse("prompt", why),
                }
            }
            Command::Sample(request) => {
                let sound = request.sampling.validate().map_err(|error| error.to_string());
                match sound.and_then(|()| self.known(&request.prompt)) {
                    Ok(()) => self.generating.ask(request),
                    Err(why) => self.refuse("sample", why),
                }
            }
            Command::Evaluate => {
                let Some(run) = &self.run else { return self.refuse("evaluate", NO_RUN) };
                let begin = || Asked { estimation: run.session.estimate(), asked: true };
                self.estimation.get_or_insert_with(begin).asked = true;
            }
            Command::Measure { instrument, arguments } => {
                if let Err(why) = self.known(&arguments.prompt) {
                    return self.refuse("prompt", why);
                }
                let Some(run) = &mut self.run else { return self.refuse(instrument, NO_RUN) };
                match run.session.measure(&instrument, &arguments) {
                    Ok(measured) => self.ends.tell(Event::Measured(Box::new(measured))),
                    Err(error) => self.refuse(instrument, error),
                }
            }
            Command::MeasurePeak => {
                let rate = machine_rate::peak(&self.team);
                self.ends.tell(Event::PeakRate(rate));
            }
            Command::Fork => {
                let Some(run) = &self.run else { return self.refuse("compare", NO_RUN) };
                match Fork::of(&run.session) {
                    Ok(fork) => self.ends.tell(Event::Forked(Arc::new(fork))),
                    Err(error) => self.refuse("compare", error),
                }
            }
            Command::Save(path) => {
                let Some(run) = &mut self.run else { return self.refuse("save", NO_RUN) };
                let saved = run.session.save(&path).map(|()| path);
                tell_saved(run, saved, &self.ends);
            }
            Command::Keep(path) => {
                let Some(Run { session, .. }) = &self.run else { return };
                let refused = session.save(&path).err().map(|error| chain(&error));
                let step = session.step_count();
                self.ends.tell(Event::Kept { path, step, refused });
            }
            Command::SaveNew(path) => {
                let Some(run) = &mut self.run else { return self.refuse("save", NO_RUN) };
                let saved = run.session.save_new(&path);
                tell_saved(run, saved, &self.ends);
            }
            Command::SaveAll(folder) => self.save_all(&folder),
            Command::Load { run, path } => self.load(run, &path),
            // The loop has seen to it.
            Command::Stop => {}
        }
    }

    /// The step up to which steps were asked for one by one, and not all made yet.
    fn asked_for(&self) -> u64 {
        match self.target {
            Some(Target::Step(until)) => until,
            _ => 0,
        }
    }

    fn go(&mut self, target: impl FnOnce(u64) -> Target) {
        let Some(run) = &self.run else { return self.refuse("run", NO_RUN) };
        self.target = Some(target(run.session.step_count()));
        self.next_step = Instant::now();
        self.ends.tell(Event::Running);
    }

    fn throttle(&mut self, rate: Option<f64>) {
        let interval = match rate {
            None => Ok(Duration::ZERO),
            Some(rate) if rate > 0.0 => Ok(Duration::from_secs_f64(rate.recip().min(SLOWEST))),
            Some(rate) => Err(format!("steps a second must be a number above 0 (found {rate})")),
        };
        match interval {
            Ok(interval) => {
                self.throttle = interval;
                self.next_step = self.next_step.min(Instant::now() + interval);
            }
            Err(why) => self.refuse("throttle", why),
        }
    }

    fn text_vocabulary(&self) -> usize {
        let own = self.run.as_ref().and_then(|run| run.session.tokenizer());
        let text = || self.material.text.as_ref().map(|text| &text.tokenizer);
        own.or_else(text).map_or(0, Tokenizer::vocab_size)
    }

    fn known(&self, prompt: &[u32]) -> Result<(), String> {
        let vocab_size = self.text_vocabulary();
        match prompt.iter().find(|id| **id as usize >= vocab_size) {
            Some(id) => Err(format!("token {id} is outside the vocabulary of {vocab_size}")),
            None => Ok(()),
        }
    }

    fn open(&mut self, id: RunId, mut config: Config) {
        if self.ends.run == Some(id) {
            return self.opened();
        }
        match self.parked.take(id, &self.team) {
            Ok(Some(run)) => return self.swap(run),
            Ok(None) => {}
            Err(error) => return self.not_opened(id, error),
        }
        let material = self.material.read_for(&mut config).map_err(MaterialError::from);
        let material = material.map_err(SessionError::from);
        let session = material.and_then(|m| Session::with_team(config, m, &self.team));
        match session {
            Ok(session) => self.enter_as(id, session),
            Err(error) => self.not_opened(id, error),
        }
    }

    fn load(&mut self, id: RunId, path: &Path) {
        if self.ends.run == Some(id) || self.parked.has(id) {
            let why = format!("run {} is there already: load it under another name", id.0);
            return self.refuse("load", why);
        }
        let loaded = Checkpoint::read(path, &[])
            .map_err(Into::into)
            .and_then(|checkpoint| Session::restore(checkpoint, self.material.clone(), &self.team));
        match loaded {
            Ok(session) => self.enter_as(id, session),
            Err(error) => self.not_opened(id, error),
        }
    }

    fn not_opened(&self, run: RunId, error: impl std::error::Error + 'static) {
        self.ends.tell_of(Some(run), Event::NotOpened { why: chain(&error) });
    }

    fn enter_as(&mut self, id: RunId, mut session: Session) {
        session.set_run(id);
        self.enter(session);
    }

    /// Makes a session the present run.
    pub fn enter(&mut self, session: Session) {
        self.swap(Run::new(session));
    }

    /// Parks the present run for another one. If it was training, the other one trains on.
    fn swap(&mut self, run: Run) {
        self.ends.run = Some(run.id());
        if let Some(left) = self.run.replace(run) {
            for (run, why) in self.parked.park(left) {
                self.ends.tell_of(Some(run), Event::Refused { what: "park".to_owned(), why });
            }
        }
        self.estimation = None;
        self.alone.clear();
        self.looking.restart();
        self.generating.restart();
        self.forget_strangers();
        self.opened();
    }

    /// What was asked in tokens of the run before, and is none of this one's, is not answered: whoever asked learns of the
    /// new run and asks anew.
    fn forget_strangers(&mut self) {
        if self.looking.prompts().any(|prompt| self.known(prompt).is_err()) {
            self.looking.subscribe(Subscription::default());
        }
        if self.known(self.generating.prompt()).is_err() {
            self.generating.forget();
        }
    }

    fn opened(&mut self) {
        let Some(Run { session, .. }) = &self.run else { return };
        let (config, step) = (session.config(), session.step_count());
        let unfinished = step < config.training.steps;
        self.ends.tell(Event::Opened {
            config: Box::new(config.clone()),
            step,
            parameters: session.weights().len(),
            threads: session.shards(),
            operations_per_token: session.model().operations_per_token(),
            card: session.card().clone(),
            tokenizer: session.tokenizer().map(|tokenizer| Box::new(tokenizer.clone())),
            history: Box::new(session.history().clone()),
        });
        self.target = self.target.filter(|target| *target == Target::End && unfinished);
        self.next_step = Instant::now();
        self.ends.tell(if self.target.is_some() { Event::Running } else { Event::Paused });
    }

    fn save_all(&mut self, folder: &Path) {
        let present = self.run.iter_mut().map(|run| run as &mut dyn Saves);
        let mut unsaved: Vec<_> = present.chain(self.parked.all()).collect();
        unsaved.retain(|run| !run.is_saved());
        // The earlier run of a stage gets the plain name.
        unsaved.sort_by_key(|run| run.id());
        if !unsaved.is_empty() {
            match file::create_folder(folder) {
                Ok(folder) => {
                    for run in unsaved {
                        let saved = run.save_new(&folder.join(file_name(run.stage())));
                        tell_saved(run, saved, &self.ends);
                    }
                }
                Err(error) => {
                    let why = format!("{} could not be made: {error}", folder.display());
                    self.refuse("save", why);
                }
            }
        }
        self.ends.tell(Event::SavedAll);
    }

    /// Does something; a panic in it pauses the run and is reported, and the worker lives on.
    fn guarded(&mut self, work: Work, act: impl FnOnce(&mut Self)) {
        let Err(panic) = catch_unwind(AssertUnwindSafe(|| act(self))) else { return };
        self.target = None;
        self.alone.clear();
        self.estimation = None;
        match work {
            Work::Look => self.looking = Looking::new(Instant::now()),
            Work::Generate => self.generating = Generating::new(Instant::now()),
            Work::Command | Work::Train => {}
        }
        if let Some(run) = &mut self.run {
            // What a step works on may be half done; it is made anew.
            run.session.rest();
        }
        self.report();
        self.ends.fail(panic_message(&*panic));
    }
}

/// The hyperparameter that says who moves.
const TURNS: &str = "turns";
const NO_RUN: &str = "there is no open run";

fn tell_saved(run: &mut dyn Saves, saved: Result<PathBuf, CheckpointError>, ends: &Ends) {
    let event = match saved {
        Ok(path) => {
            run.was_saved();
            Event::Saved { stage: run.stage().to_owned(), path }
        }
        Err(error) => Event::Refused { what: "save".to_owned(), why: chain(&error) },
    };
    ends.tell_of(Some(run.id()), event);
}

/// A stage's file; the name of one that came from a file may hold anything.
fn file_name(stage: &str) -> String {
    let plain = |c: char| if c.is_alphanumeric() || c == '-' || c == '_' { c } else { '-' };
    let name: String = stage.chars().take(64).map(plain).collect();
    format!("{name}.safetensors")
}

pub(super) fn panic_message(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().copied();
    let text = text.or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    text.unwrap_or("the trainer panicked").to_owned()
}
