//! The driver: gathers what happens, lets `update` think about it, does what it asks for, and draws what has changed.
//!
//! It is generic over ratatui's backend, so that tests drive it on a screen in memory with a trainer of their own.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender};
use std::time::{Duration, Instant, SystemTime};

use ratatui::Terminal;
use ratatui::backend::Backend;
use ratatui::layout::Size;

use super::folder;
use super::frames;
use super::model::{Corpus, Effect, Model, Msg, ToastKind};
use super::terminal::Host;
use super::update::update;
use super::view;
use crate::train::snapshot::Slots;
use crate::train::{Command, Event};

/// At most 30 frames a second.
const FRAME: Duration = Duration::from_millis(33);
/// Between two looks at the clock and the slots while nothing happens.
const IDLE: Duration = Duration::from_millis(250);
/// How long after something happened the slots are still looked at with every frame: an answer may be on its way.
const AWAKE: Duration = Duration::from_secs(2);
/// Messages that are taken in between two frames.
const AT_ONCE: usize = 4096;

const NOWHERE: &str = "there is no home folder to save in: set GPT_LAB_HOME to a folder";

/// The trainer, as the driver sees it.
#[derive(Clone)]
pub struct Trainer {
    pub commands: Sender<Command>,
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
    },
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
    /// Where checkpoints go.
    folder: Option<PathBuf>,
    start: Instant,
    drawn: Option<Instant>,
    /// When something last happened.
    stirred: Instant,
    /// What this thread had worked when the next frame's work began.
    worked: Option<Duration>,
    ending: Option<Ending>,
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
            folder,
            start,
            drawn: None,
            stirred: start,
            worked: frames::at_work(),
            ending: None,
        }
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
                for _ in 0..AT_ONCE {
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
            self.worked = frames::at_work();
        }
    }

    /// Draws if something has changed and the last frame is old enough.
    pub fn draw(&mut self) {
        let due = self.drawn.is_none_or(|at| at.elapsed() >= FRAME);
        if !self.model.dirty || !due {
            return;
        }
        self.host.begin_frame();
        let model = &mut self.model;
        let drawn = self.terminal.draw(|frame| {
            let area = frame.area();
            model.size = Size::new(area.width, area.height);
            if let Some(cursor) = view::draw(model, frame.buffer_mut()) {
                frame.set_cursor_position(cursor);
            }
        });
        let lost = drawn.is_err();
        self.host.end_frame();
        let worked = std::mem::replace(&mut self.worked, frames::at_work());
        if let Some((before, now)) = worked.zip(self.worked) {
            self.model.frames.drawn(now.saturating_sub(before));
        }
        self.model.dirty = false;
        self.drawn = Some(Instant::now());
        if lost {
            // The terminal is gone: save and leave.
            self.handle(Msg::Terminate);
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
            Incoming::Msg(msg) => self.handle(msg),
            Incoming::Up { trainer, corpus, stage } => {
                self.trainer = Some(trainer);
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
                    // A trainer that has ended says so itself.
                    _ = trainer.commands.send(command);
                }
            }
            Effect::Save => {
                let Some(run) = &self.model.run else { return };
                let prefix = format!("{}-step-{}-", run.config.stage, run.step);
                let Some(folder) = &self.folder else { return self.warn(NOWHERE) };
                if let Err(error) = std::fs::create_dir_all(folder) {
                    let text = format!("save: {} could not be made: {error}", folder.display());
                    return self.warn(text);
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
                    self.handle(Msg::Worker(Event::Refused { what, why }));
                    self.handle(Msg::Worker(Event::SavedAll));
                }
            }
            Effect::Mouse(on) => self.host.mouse(on),
            Effect::Suspend => {
                let back = self.host.suspend(self.model.mouse);
                self.back(back.is_ok());
            }
            Effect::Quit => self.ending = Some(Ending::Left),
        }
    }

    fn warn(&mut self, text: impl Into<String>) {
        self.model.say(ToastKind::Warning, text);
        self.model.dirty = true;
    }

    /// The terminal is ours again, and may show anything.
    fn back(&mut self, whole: bool) {
        // Not `clear`, which asks the terminal for its cursor: the answer would go to the thread that reads keys.
        let cleared = self.terminal.size().and_then(|size| self.terminal.resize(size.into()));
        if whole && cleared.is_ok() {
            self.drawn = None;
            self.handle(Msg::Resumed);
        } else {
            self.handle(Msg::Terminate);
        }
    }

    /// Tells the trainer to end and waits for it, at most this long; whether it has ended.
    pub fn end_trainer(&self, patience: Duration) -> bool {
        let Some(trainer) = &self.trainer else { return true };
        if trainer.commands.send(Command::Stop).is_err() {
            return true;
        }
        let deadline = Instant::now() + patience;
        while let Ok(incoming) =
            self.inbox.recv_timeout(deadline.saturating_duration_since(Instant::now()))
        {
            if matches!(incoming, Incoming::Msg(Msg::Worker(Event::Stopped))) {
                return true;
            }
        }
        false
    }
}

#[cfg(test)]
mod tests;
