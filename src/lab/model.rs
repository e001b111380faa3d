//! Everything the screen is drawn from, what can happen to it, and what it may ask the world to do.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use ratatui::crossterm::event::{KeyEvent, MouseEvent};
use ratatui::layout::{Rect, Size};

use super::action::Scope;
use super::asked::Asked;
use super::border;
use super::corpus::Corpus;
use super::experiment::{self, Shown};
use super::facts::Facts;
use super::frame_cost::FrameCost;
use super::ghost::Ghost;
use super::layout::{self, Layout};
use super::overlays::Overlay;
use super::pane::{Pane, Seat};
use super::panes::{PaneId, Panes};
use super::prompt::Prompt;
use super::run::Run;
use super::theme::{Ground, Theme};
use crate::lesson::Lesson;
use crate::model::sampling::Sampling;
use crate::stage::{Config, Value};
use crate::text::ngram::Reference;
use crate::train::command::SampleRequest;
use crate::train::experiment::Experiment;
use crate::train::snapshot::{Sample, Snapshot, Subscription};
use crate::train::{Command, RunId, Told};

/// A short word to the learner, above the footer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Toast {
    pub text: String,
    pub kind: ToastKind,
    /// When it goes.
    pub until: Duration,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ToastKind {
    Info,
    Warning,
}

/// A change of a hyperparameter that can be taken back.
#[derive(Clone, Debug, PartialEq)]
pub struct Change {
    pub stage: String,
    pub name: &'static str,
    pub old: Value,
    pub new: Value,
}

/// Leaving, while the runs are being saved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Quitting {
    pub since: Duration,
    /// What could not be saved, and why.
    pub refused: Vec<String>,
    /// Whether all has been saved that could be; what is left is a question.
    pub ended: bool,
    /// Asked to leave by a signal: nobody is there to answer questions.
    pub forced: bool,
    /// Whether the learner has been told that saving takes long.
    pub asked: bool,
}

/// A checkpoint that was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Saved {
    pub stage: String,
    pub path: std::path::PathBuf,
}

/// The whole state of the lab. The view reads it, only `update` changes it.
#[derive(Debug)]
#[allow(clippy::struct_excessive_bools)] // Each is a fact of its own, not a state of one thing.
pub struct Model {
    /// Time since the start.
    pub now: Duration,
    pub size: Size,
    pub theme: Theme,
    /// Whether the next frame differs from the last.
    pub dirty: bool,

    pub lessons: Vec<Lesson>,
    /// Index of the open lesson, and of its page.
    pub lesson: usize,
    pub page: usize,

    pub focus: PaneId,
    pub zoomed: bool,
    /// The pane called up last that the layout alone would not show.
    pub called: Option<PaneId>,
    /// The last one is on top and takes the keys.
    pub overlays: Vec<Overlay>,
    pub mouse: bool,
    pub toasts: Vec<Toast>,

    /// `None` while it loads.
    pub corpus: Option<Corpus>,
    pub seed: u64,
    pub prompt: Prompt,
    /// The run of the open lesson, from the moment it is asked for; `None` until the trainer is up. Whatever is about
    /// another run is not for the screen.
    pub run: Option<Run>,
    /// The latest run of each stage that was left, to come back to.
    pub left: BTreeMap<String, (RunId, Config)>,
    /// The name that the next new run gets.
    pub next_run: RunId,
    /// Whether the trainer's thread has ended.
    pub stopped: bool,
    pub ghosts: Vec<Ghost>,
    /// Steps a second at most; `None` is full speed.
    pub throttle: Option<f64>,
    /// What matrix products alone reach on this machine, GFLOP/s; asked for when the first run opens.
    pub gemm_rate: Option<f64>,
    pub gemm_rate_asked: bool,
    /// What the latest frames have cost.
    pub frame_cost: FrameCost,
    /// Whether the learner chose it; otherwise each lesson sets its own pace.
    pub own_pace: bool,
    /// Whether the trainer should be training: the learner's wish, which opening another lesson keeps.
    pub playing: bool,

    pub snapshot: Option<Arc<Snapshot>>,
    pub sample: Option<Arc<Sample>>,
    pub sampling: Sampling,
    pub sample_seed: u64,
    /// What the trainer was last asked to put into snapshots, and to generate.
    pub subscribed: Option<Subscription>,
    pub requested: Option<SampleRequest>,

    pub asked: Asked,
    pub undo: Vec<Change>,
    pub quitting: Option<Quitting>,
    /// When ctrl-c was pressed last.
    pub interrupted: Option<Duration>,
    pub saved: Vec<Saved>,
    /// The last one, under way or ended.
    pub experiment: Option<Shown>,

    pub panes: Panes,
}

/// Something happened.
#[derive(Debug)]
pub enum Msg {
    Key(KeyEvent),
    Mouse(MouseEvent),
    Paste(String),
    /// The paste before this went on for so many bytes, which were not kept.
    PasteCut(usize),
    Resize(Size),
    /// The terminal has said whether it is light or dark.
    Ground(Ground),
    /// A frame has been drawn, at this cost where the system says what that was.
    Drawn(Option<Duration>),
    /// An effect could not be carried out, and why.
    NotDone(String),
    /// Time passed: the time since the start.
    Tick(Duration),
    /// The corpus is there and the trainer is up, with a run of this stage.
    Ready {
        corpus: Corpus,
        stage: String,
    },
    References(Vec<Reference>),
    Worker(Told),
    Experiment(experiment::Told),
    Snapshot(Arc<Snapshot>),
    Sample(Arc<Sample>),
    /// SIGTERM or SIGHUP: save and leave.
    Terminate,
    /// Back from suspension.
    Resumed,
}

/// Something to do; the driver does it.
#[derive(Clone, Debug)]
pub enum Effect {
    Send(Command),
    /// `Command::SaveNew` under the moment's name in the data folder.
    Save,
    /// `Command::SaveAll` into the data folder.
    SaveAll,
    /// Begins an experiment, whose news have this number.
    Experiment(u64, Box<Experiment>),
    CancelExperiment,
    /// Takes the mouse, or gives it back to the terminal.
    Mouse(bool),
    Suspend,
    Quit,
}

impl Model {
    pub fn new(lessons: Vec<Lesson>, lesson: usize, theme: Theme, size: Size, seed: u64) -> Self {
        let lesson = lesson.min(lessons.len().saturating_sub(1));
        let prompt = lessons.get(lesson).map_or(String::new(), |l| l.prompt.clone());
        let mut model = Self {
            now: Duration::ZERO,
            size,
            theme,
            dirty: true,
            lessons,
            lesson,
            page: 0,
            focus: PaneId::ALL[0],
            zoomed: false,
            called: None,
            overlays: Vec::new(),
            mouse: true,
            toasts: Vec::new(),
            corpus: None,
            seed,
            prompt: Prompt::new(prompt),
            run: None,
            ghosts: Vec::new(),
            left: BTreeMap::new(),
            next_run: RunId(RunId::FIRST.0 + 1),
            stopped: false,
            throttle: None,
            gemm_rate: None,
            gemm_rate_asked: false,
            frame_cost: FrameCost::default(),
            own_pace: false,
            playing: true,
            snapshot: None,
            sample: None,
            sampling: Sampling::default(),
            sample_seed: seed,
            subscribed: None,
            requested: None,
            asked: Asked::default(),
            undo: Vec::new(),
            quitting: None,
            interrupted: None,
            saved: Vec::new(),
            experiment: None,
            panes: Panes::default(),
        };
        model.focus = model.lesson_panes().first().copied().unwrap_or(model.focus);
        model.refresh();
        model
    }

    /// The open lesson.
    ///
    /// # Panics
    /// Never: the course has lessons, and the index stays among them.
    pub fn lesson(&self) -> &Lesson {
        &self.lessons[self.lesson]
    }

    /// The prompt that the lesson begins with: its own, or some words of the text where that lacks a character of it.
    pub fn default_prompt(&self) -> String {
        let own = &self.lesson().prompt;
        match &self.corpus {
            Some(corpus) if corpus.tokenizer.encode(own).is_err() => corpus.opening.clone(),
            _ => own.clone(),
        }
    }

    /// What the panes are drawn from.
    pub fn facts(&self) -> Facts<'_> {
        let run = self.run.as_ref();
        let on_screen = |id: &RunId| run.is_some_and(|run| run.id == *id);
        Facts {
            theme: &self.theme,
            lesson: self.lesson(),
            next_lesson: self.lessons.get(self.lesson + 1),
            page: self.page,
            corpus: self.corpus.as_ref(),
            prompt: &self.prompt,
            run,
            asked: &self.asked,
            ghosts: &self.ghosts,
            snapshot: self.snapshot.as_ref().filter(|snapshot| on_screen(&snapshot.run)),
            sample: self.sample.as_deref().filter(|sample| on_screen(&sample.run)),
            sampling: self.sampling,
            requested: self.requested.as_ref(),
            gemm_rate: self.gemm_rate,
            frame_cost: &self.frame_cost,
            experiment: self.experiment.as_ref(),
        }
    }

    /// Where keys count now.
    pub fn scope(&self) -> Scope {
        match self.overlays.last() {
            Some(overlay) => overlay.scope(),
            None => Scope::pane(self.panes.get(self.focus).understands()),
        }
    }

    /// The open lesson's panes, the most important first.
    pub fn lesson_panes(&self) -> Vec<PaneId> {
        self.lesson().panes.iter().filter_map(|name| PaneId::named(name)).collect()
    }

    /// Where everything stands on the screen.
    pub fn layout(&self) -> Layout {
        let column = |pane: PaneId| (pane, self.panes.get(pane).column());
        let panes: Vec<_> = self.lesson_panes().into_iter().map(column).collect();
        let zoom = self.zoomed.then_some(self.focus);
        layout::layout(self.size, &panes, self.called, zoom)
    }

    /// Where a pane stands.
    pub fn seat(&self, pane: PaneId) -> Seat {
        let room = self.layout().area(pane).map_or(Rect::ZERO, border::inside);
        Seat { room, focused: pane == self.focus, zoomed: self.zoomed }
    }

    /// Lets a pane change its own state.
    pub fn with<T>(&mut self, pane: PaneId, then: impl FnOnce(&mut dyn Pane, &Facts) -> T) -> T {
        // Facts know no pane, so that the panes can stand apart meanwhile.
        let mut panes = std::mem::take(&mut self.panes);
        let result = then(panes.get_mut(pane), &self.facts());
        self.panes = panes;
        result
    }

    /// Tells every pane that what it is drawn from is new.
    pub fn refresh(&mut self) {
        for pane in PaneId::ALL {
            self.with(pane, |pane, facts| pane.refresh(facts));
        }
    }

    /// Says something to the learner for a few seconds.
    pub fn say(&mut self, kind: ToastKind, text: impl Into<String>) {
        let seconds = if kind == ToastKind::Info { 4 } else { 8 };
        let text = text.into();
        self.toasts.retain(|toast| toast.text != text);
        self.toasts.push(Toast { text, kind, until: self.now + Duration::from_secs(seconds) });
        let extra = self.toasts.len().saturating_sub(3);
        self.toasts.drain(..extra);
    }
}
