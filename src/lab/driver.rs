//! The driver: gathers what happens, lets `update` think about it, does what it asks for, and draws what has changed.
//!
//! It is generic over ratatui's backend, so that tests drive it on a screen in memory with a trainer of their own.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use ratatui::Terminal;
use ratatui::backend::Backend;

use super::corpus::Corpus;
use super::experimenter::Experimenter;
use super::folder;
use super::frame_cost;
use super::host::Host;
use super::model::{Effect, Model, Msg};
use super::resume::Keeper;
use super::update::{self, update};
use super::view;
use crate::lesson::progress;
use crate::train::snapshot::Slots;
use crate::train::{Command, Event, Order, Told};

/// At most 30 frames a second.
const FRAME: Duration = Duration::from_millis(33);
/// Between two looks at the clock and the slots while nothing happens.
const IDLE: Duration = Duration::from_millis(250);
/// How long after something happened the slots are still looked at with every frame: an answer may be on its way.
const AWAKE: Duration = Duration::from_secs(2);

const NOWHERE: &str = "there is no home folder to save in: set GPT_LAB_HOME to a folder";

/// The trainer, as the driver sees it.
#[derive(Clone)]
pub struct Trainer {
    pub commands: Sender<Order>,
    pub slots: Arc<dyn Slots>,
}

/// What arrives from the other threads.
pub enum Incoming {
    Msg(Msg),
    /// The trainer is up, with a run of this stage.
    Up {
        trainer: Trainer,
        corpus: Corpus,
        stage: String,
        experimenter: Experimenter,
    },
    /// What we asked the terminal is answered, or will not be.
    Answered,
    /// There is nothing to train on.
    NoCorpus(anyhow::Error),
    /// SIGTSTP
    Suspend,
    /// SIGCONT
    Continued,
}

/// Why the lab ended.
#[derive(Debug)]
pub enum Ending {
    Left,
    NoCorpus(anyhow::Error),
}

pub struct Driver<B: Backend, H: Host> {
    pub terminal: Terminal<B>,
    pub host: H,
    pub model: Model,
    inbox: Receiver<Incoming>,
    trainer: Option<Trainer>,
    experimenter: Option<Experimenter>,
    /// Where checkpoints go.
    folder: Option<PathBuf>,
    /// What writes down where the learner is; `None` where another lab does, or nothing can be written.
    keeper: Option<Keeper>,
    /// Where the list of checkpoints arrives that was asked for last.
    listing: Option<Receiver<Vec<folder::Listed>>>,
    /// Where answers go.
    pub progress: Option<PathBuf>,
    start: Instant,
    drawn: Option<Instant>,
    /// When something last happened.
    stirred: Instant,
    /// What this thread had worked when the next frame's work began.
    worked: Option<Duration>,
    ending: Option<Ending>,
    /// Whether the terminal has been asked something and may still answer.
    asking: bool,
    /// Whether the trainer has written what there was to save when the lab was left.
    saved: bool,
}

impl<B: Backend, H: Host> Driver<B, H> {
    pub fn new(
        terminal: Terminal<B>,
        host: H,
        model: Model,
        inbox: Receiver<Incoming>,
        folder: Option<PathBuf>,
    ) -> Self {
        let start = Instant::now();
        Self {
            terminal,
            host,
            model,
            inbox,
            trainer: None,
            experimenter: None,
            folder,
            keeper: None,
            listing: None,
            progress: None,
            start,
            drawn: None,
            stirred: start,
            worked: frame_cost::at_work(),
            ending: None,
            asking: false,
            saved: false,
        }
    }

    /// From now on what is going on is written down.
    pub fn keep(&mut self, keeper: Keeper) {
        self.keeper = Some(keeper);
        self.model.keeps = true;
    }

    /// Waits until everything is written down, and lets the next lab do it.
    pub fn keep_no_more(&mut self) {
        self.model.keeps = false;
        self.keeper = None;
    }

    /// The terminal has been asked for its colours: takes in what happens until it answers, at most this long, so that
    /// where it answers at once the first frame has them.
    pub fn asked(&mut self, patience: Duration) {
        self.asking = true;
        let deadline = Instant::now() + patience;
        while self.asking && Instant::now() < deadline && self.ending.is_none() {
            self.turn(deadline.saturating_duration_since(Instant::now()));
        }
    }

    /// Waits for an answer that is still due, at most this long: after us it would be typed into the shell.
    pub fn hear_out(&mut self, patience: Duration) {
        let deadline = Instant::now() + patience;
        while self.asking {
            let left = deadline.saturating_duration_since(Instant::now());
            match self.inbox.recv_timeout(left) {
                Ok(incoming) => self.asking = !matches!(incoming, Incoming::Answered),
                Err(_) => break,
            }
        }
    }

    /// Whether it was left because of a signal or a lost terminal.
    pub fn was_forced(&self) -> bool {
        self.model.quitting.as_ref().is_some_and(|quitting| quitting.forced)
    }

    /// Whether nothing is lost by leaving now.
    pub fn is_saved(&self) -> bool {
        let whole =
            self.model.quitting.as_ref().is_some_and(|quitting| quitting.refused.is_empty());
        self.trainer.is_none() || (self.saved && whole)
    }

    /// Runs until the learner leaves.
    pub fn run(&mut self) -> Ending {
        loop {
            self.draw();
            let wait = self.patience();
            self.turn(wait);
            if let Some(ending) = self.ending.take() {
                return ending;
            }
        }
    }

    /// Takes in what has happened, waiting for it at most this long.
    pub fn turn(&mut self, wait: Duration) {
        match self.inbox.recv_timeout(wait) {
            Ok(incoming) => {
                self.stirred = Instant::now();
                self.take(incoming);
                // Under a flood, frames are still drawn.
                while self.stirred.elapsed() < FRAME {
                    let Ok(incoming) = self.inbox.try_recv() else { break };
                    self.take(incoming);
                }
            }
            Err(RecvTimeoutError::Timeout) => {}
            // Nobody is left who could send a key: the terminal is gone, and so are we.
            Err(RecvTimeoutError::Disconnected) => self.ending = Some(Ending::Left),
        }
        self.handle(Msg::Tick(self.start.elapsed()));
        self.look();
        if !self.model.dirty {
            // What changes nothing belongs to no frame.
            self.worked = frame_cost::at_work();
        }
    }

    /// Draws if something has changed and the last frame is old enough.
    pub fn draw(&mut self) {
        let due = self.drawn.is_none_or(|at| at.elapsed() >= FRAME);
        if !self.model.dirty || !due {
            return;
        }
        if let Ok(size) = self.terminal.size()
            && size != self.model.size
        {
            self.handle(Msg::Resize(size));
        }
        self.host.begin_frame();
        let model = &self.model;
        let drawn = self.terminal.draw(|frame| {
            if let Some(cursor) = view::draw(model, frame.buffer_mut()) {
                frame.set_cursor_position(cursor);
            }
        });
        let lost = drawn.is_err();
        self.host.end_frame();
        let worked = std::mem::replace(&mut self.worked, frame_cost::at_work());
        let cost = worked.zip(self.worked).map(|(before, now)| now.saturating_sub(before));
        self.handle(Msg::Drawn(cost));
        self.drawn = Some(Instant::now());
        if lost {
            self.lose();
        }
    }

    /// How long to wait for the next thing to happen.
    fn patience(&self) -> Duration {
        let frame = self.drawn.map_or(Duration::ZERO, |at| FRAME.saturating_sub(at.elapsed()));
        if self.model.dirty {
            frame
        } else if self.stirred.elapsed() < AWAKE {
            FRAME
        } else {
            IDLE
        }
    }

    fn take(&mut self, incoming: Incoming) {
        match incoming {
            Incoming::Msg(msg) => {
                self.saved |= matches!(msg, Msg::Worker(Told { event: Event::SavedAll, .. }));
                self.handle(msg);
            }
            Incoming::Answered => self.asking = false,
            Incoming::Up { trainer, corpus, stage, experimenter } => {
                self.trainer = Some(trainer);
                self.experimenter = Some(experimenter);
                self.handle(Msg::Ready { corpus, stage });
            }
            Incoming::NoCorpus(error) => self.ending = Some(Ending::NoCorpus(error)),
            Incoming::Suspend => self.perform(Effect::Suspend),
            Incoming::Continued => {
                let back = self.host.retake(self.model.mouse);
                self.back(back.is_ok());
            }
        }
    }

    /// Snapshots and samples: the latest wins.
    fn look(&mut self) {
        if let Some(listed) = self.listing.as_ref().and_then(|listing| listing.try_recv().ok()) {
            self.listing = None;
            self.handle(Msg::Checkpoints(listed));
        }
        if let Some(why) = self.keeper.as_ref().and_then(Keeper::failed) {
            self.handle(Msg::NotDone(why));
        }
        let Some(trainer) = &self.trainer else { return };
        let (snapshot, sample) = (trainer.slots.take_snapshot(), trainer.slots.take_sample());
        if let Some(snapshot) = snapshot {
            self.handle(Msg::Snapshot(snapshot));
        }
        if let Some(sample) = sample {
            self.handle(Msg::Sample(sample));
        }
    }

    fn handle(&mut self, msg: Msg) {
        for effect in update(&mut self.model, msg) {
            self.perform(effect);
        }
    }

    fn perform(&mut self, effect: Effect) {
        match effect {
            Effect::Send(command) => {
                if let Some(trainer) = &self.trainer {
                    // What the screen asks for is meant for the run on the screen. A trainer that has ended says so itself.
                    let run = self.model.run.as_ref().map(|run| run.id);
                    _ = trainer.commands.send(Order { run, command });
                }
            }
            Effect::Save => {
                let Some(run) = &self.model.run else { return };
                let prefix = format!("{}-step-{}-", run.config.stage, run.step);
                let Some(folder) = &self.folder else {
                    return self.handle(Msg::NotDone(NOWHERE.to_owned()));
                };
                if let Err(error) = std::fs::create_dir_all(folder) {
                    let text = format!("save: {} could not be made: {error}", folder.display());
                    return self.handle(Msg::NotDone(text));
                }
                let path = folder::dated(folder, &prefix, ".safetensors", SystemTime::now());
                self.perform(Effect::Send(Command::SaveNew(path)));
            }
            Effect::SaveAll => {
                if let Some(folder) = &self.folder {
                    let path = folder::dated(folder, "", "", SystemTime::now());
                    self.perform(Effect::Send(Command::SaveAll(path)));
                } else {
                    let (what, why) = ("save".to_owned(), NOWHERE.to_owned());
                    self.handle(Msg::Worker(Event::Refused { what, why }.into()));
                    self.handle(Msg::Worker(Event::SavedAll.into()));
                }
            }
            Effect::Autosave => self.handle(Msg::Autosave),
            Effect::KeepRun { run, stage, mark } => {
                if let (Some(keeper), Some(trainer)) = (&self.keeper, &self.trainer) {
                    let command = Command::Keep(keeper.path(&stage, run.0, mark));
                    _ = trainer.commands.send(Order { run: Some(run), command });
                }
            }
            Effect::Remember(resume) => {
                if let Some(keeper) = &mut self.keeper {
                    keeper.write(*resume);
                }
            }
            Effect::KeepDrawn(drawn) => {
                if let Some(keeper) = &mut self.keeper {
                    keeper.draw(drawn);
                }
            }
            Effect::ListCheckpoints => {
                let (sender, listing) = channel();
                self.listing = Some(listing);
                let folder = self.folder.clone();
                // A slow disk holds up no frame.
                thread::spawn(move || {
                    let listed = folder.map_or(Vec::new(), |folder| folder::checkpoints(&folder));
                    _ = sender.send(listed);
                });
            }
            Effect::SetAside(path) => {
                let kept = self.keeper.as_ref().map(|keeper| keeper.set_aside_run(&path));
                if let Some(Err(error)) = kept {
                    let text = format!("{} could not be kept aside: {error}", path.display());
                    self.handle(Msg::NotDone(text));
                }
            }
            Effect::Keep(record) => {
                let kept = match &self.progress {
                    Some(path) => {
                        progress::append(path, &record).map_err(|error| error.to_string())
                    }
                    None => Err(NOWHERE.to_owned()),
                };
                if let Err(why) = kept {
                    self.handle(Msg::NotKept(record, why));
                }
            }
            Effect::Experiment(number, experiment) => match &mut self.experimenter {
                Some(experimenter) => experimenter.begin(number, *experiment),
                None => {
                    for effect in update::experiment::lost(&mut self.model) {
                        self.perform(effect);
                    }
                }
            },
            Effect::CancelExperiment => {
                if let Some(experimenter) = &self.experimenter {
                    experimenter.cancel();
                }
            }
            Effect::Mouse(on) => self.host.mouse(on),
            Effect::Suspend => {
                let back = self.host.suspend(self.model.mouse);
                self.back(back.is_ok());
            }
            Effect::Redraw => _ = self.redraw(),
            Effect::Quit => {
                // However it is left: what nobody waits for takes no core from what is saved and ended now.
                if let Some(experimenter) = &self.experimenter {
                    experimenter.cancel();
                }
                self.ending = Some(Ending::Left);
            }
        }
    }

    /// The screen is cleared, and what is on it is drawn anew. Whether the terminal let us.
    fn redraw(&mut self) -> bool {
        self.drawn = None;
        // Not `clear`, which asks the terminal for its cursor: the answer would go to the thread that reads keys.
        self.terminal.size().and_then(|size| self.terminal.resize(size.into())).is_ok()
    }

    /// The terminal is ours again, and may show anything.
    fn back(&mut self, whole: bool) {
        if self.redraw() && whole {
            self.handle(Msg::Resumed);
        } else {
            self.lose();
        }
    }

    /// The terminal is gone: save and leave.
    fn lose(&mut self) {
        self.host.lost();
        self.handle(Msg::Terminate);
    }

    /// Ends an experiment that is under way and waits for it, at most this long; whether it has ended.
    pub fn end_experiment(&mut self, patience: Duration) -> bool {
        self.experimenter.take().is_none_or(|experimenter| experimenter.end(patience))
    }

    /// Tells the trainer to end and waits for it, at most this long; whether it has ended.
    pub fn end_trainer(&self, patience: Duration) -> bool {
        let Some(trainer) = &self.trainer else { return true };
        if trainer.commands.send(Order { run: None, command: Command::Stop }).is_err() {
            return true;
        }
        let deadline = Instant::now() + patience;
        while let Ok(incoming) =
            self.inbox.recv_timeout(deadline.saturating_duration_since(Instant::now()))
        {
            if let Incoming::Msg(Msg::Worker(Told { event: Event::Stopped, .. })) = incoming {
                return true;
            }
        }
        false
    }
}

#[cfg(test)]
mod tests;
