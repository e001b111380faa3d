//! Everything the screen is drawn from, what can happen to it, and what it may ask the world to do.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use ratatui::crossterm::event::{KeyEvent, MouseEvent};
use ratatui::layout::Size;

use super::frame_cost::FrameCost;
use super::layout::{self, Layout};
use super::overlays::Overlay;
use super::panes::{self, PaneId};
use super::prompt::Prompt;
use super::run_view::{Ghost, Origin, Run};
use super::theme::{Ground, Theme};
use crate::lesson::{Lesson, Step};
use crate::model::sampling::Sampling;
use crate::text::ngram::Reference;
use crate::text::{Tokenizer, shown};
use crate::train::command::SampleRequest;
use crate::train::snapshot::{Sample, Snapshot, Subscription};
use crate::train::{Command, Config, RunId, Told, Value};

/// The corpus, once it is loaded.
#[derive(Clone, Debug)]
pub struct Corpus {
    /// Where it came from: `Tiny Shakespeare`, a file's name.
    pub name: String,
    /// What the learner should know about it: that the bundled play stands in, and how to fetch the other.
    pub note: Option<String>,
    /// Some words of it: the prompt where a lesson's own cannot be read with this text.
    pub opening: String,
    pub tokenizer: Tokenizer,
    /// Losses on the validation text that counting characters reaches; empty until they are counted.
    pub references: Vec<Reference>,
}

impl Corpus {
    /// Losses to compare a run's with: none where its tokens are words, which were not counted.
    pub fn yardsticks(&self) -> &[Reference] {
        match self.tokenizer {
            Tokenizer::Characters(_) => &self.references,
            Tokenizer::Words(_) => &[],
        }
    }
}

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

    pub undo: Vec<Change>,
    pub quitting: Option<Quitting>,
    /// When ctrl-c was pressed last.
    pub interrupted: Option<Duration>,
    pub saved: Vec<Saved>,

    pub panes: panes::States,
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
    /// Time passed: the time since the start.
    Tick(Duration),
    /// The corpus is there and the trainer is up, with a run of this stage.
    Ready {
        corpus: Corpus,
        stage: String,
    },
    References(Vec<Reference>),
    Worker(Told),
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
    /// Takes the mouse, or gives it back to the terminal.
    Mouse(bool),
    Suspend,
    Quit,
}

impl Model {
    /// How near the run comes to this machine's large matrix products; `None` until both are measured.
    pub fn gemm_share(&self) -> Option<f64> {
        let gflops =
            self.run.as_ref().map(|run| run.speed.gflops).filter(|gflops| *gflops > 0.0)?;
        self.gemm_rate.filter(|rate| *rate > 0.0).map(|rate| gflops / rate)
    }

    pub fn new(lessons: Vec<Lesson>, lesson: usize, theme: Theme, size: Size, seed: u64) -> Self {
        let lesson = lesson.min(lessons.len().saturating_sub(1));
        let prompt = lessons.get(lesson).map_or(String::new(), |l| l.prompt.clone());
        Self {
            now: Duration::ZERO,
            size,
            theme,
            dirty: true,
            lessons,
            lesson,
            page: 0,
            focus: PaneId::Lesson,
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
            undo: Vec::new(),
            quitting: None,
            interrupted: None,
            saved: Vec::new(),
            panes: panes::States::default(),
        }
    }

    /// The open lesson.
    ///
    /// # Panics
    /// Never: the course has lessons, and the index stays among them.
    pub fn lesson(&self) -> &Lesson {
        &self.lessons[self.lesson]
    }

    /// The lesson's open page.
    ///
    /// # Panics
    /// Never: every lesson has pages, and the index stays among them.
    pub fn page(&self) -> &Step {
        &self.lesson().steps[self.page]
    }

    /// The prompt that the lesson begins with: its own, or some words of the text where that lacks a character of it.
    pub fn default_prompt(&self) -> String {
        let own = &self.lesson().prompt;
        match &self.corpus {
            Some(corpus) if corpus.tokenizer.encode(own).is_err() => corpus.opening.clone(),
            _ => own.clone(),
        }
    }

    /// Where everything stands on the screen.
    pub fn layout(&self) -> Layout {
        let zoom = self.zoomed.then_some(self.focus);
        layout::layout(self.size, &self.lesson().panes, self.called, zoom)
    }

    /// Whether the run on the screen reads the learner's prompt; a made task has examples of its own.
    pub fn reads_prompt(&self) -> bool {
        self.run.as_ref().is_none_or(Run::is_on_text)
    }

    /// The tokens that the run on the screen looks at: the prompt, or the example of a made task.
    pub fn subject(&self) -> &[u32] {
        if self.reads_prompt() {
            return &self.prompt.tokens;
        }
        self.snapshot().map_or(&[], |snapshot| &snapshot.prompt)
    }

    /// Losses to compare the run's with: what counting reaches on the text, where it is trained on one.
    pub fn yardsticks(&self) -> &[Reference] {
        let corpus = self.corpus.as_ref().filter(|_| self.reads_prompt());
        corpus.map_or(&[], Corpus::yardsticks)
    }

    pub fn tokenizer(&self) -> Option<&Tokenizer> {
        self.corpus.as_ref().map(|c| &c.tokenizer)
    }

    /// The character of a token that the run on the screen predicts, if it is a single one.
    pub fn character(&self, token: u32) -> Option<char> {
        if let Some(run) = self.run.as_ref().filter(|run| !run.is_on_text()) {
            return run.signs.as_ref()?.target(token);
        }
        match self.tokenizer()? {
            Tokenizer::Characters(tokenizer) => tokenizer.characters().get(token as usize).copied(),
            Tokenizer::Words(tokenizer) => {
                let mut characters = tokenizer.word(token).chars();
                characters.next().filter(|_| characters.next().is_none())
            }
        }
    }

    /// How a token looks on an axis or in a table: one visible sign (`␣` for a space, `⏎` for a line break), or a word.
    pub fn label(&self, token: u32) -> String {
        let ascii = self.theme.glyphs.ascii;
        match (self.character(token), self.tokenizer()) {
            (Some(c), _) => shown::sign(c, ascii),
            (None, Some(Tokenizer::Words(tokenizer))) if self.reads_prompt() => {
                shown::token(tokenizer.word(token), ascii)
            }
            _ => "?".to_owned(),
        }
    }

    /// How a token looks that an encoder reads.
    pub fn source_label(&self, token: u32) -> String {
        let signs = self.run.as_ref().and_then(|run| run.signs.as_ref());
        let sign = signs.and_then(|signs| signs.source(token));
        sign.map_or_else(|| "?".to_owned(), |c| shown::sign(c, self.theme.glyphs.ascii))
    }

    /// The latest snapshot, if it belongs to the run on the screen.
    pub fn snapshot(&self) -> Option<&Snapshot> {
        let run = self.run.as_ref()?.id;
        self.snapshot.as_deref().filter(|snapshot| snapshot.run == run)
    }

    /// The latest sample, if it belongs to the run on the screen.
    pub fn sample(&self) -> Option<&Sample> {
        let run = self.run.as_ref()?.id;
        self.sample.as_deref().filter(|sample| sample.run == run)
    }

    /// The ghosts to draw now: earlier runs of this stage, and other stages' curves.
    pub fn visible_ghosts(&self) -> impl Iterator<Item = &Ghost> {
        let stage = self.run.as_ref().map_or("", |run| run.config.stage.as_str());
        self.ghosts
            .iter()
            .filter(move |ghost| (ghost.origin == Origin::Rebuilt) == (ghost.stage == stage))
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
