//! Everything the screen is drawn from, what can happen to it, and what it may ask the world to do.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use ratatui::crossterm::event::{KeyEvent, MouseEvent};
use ratatui::layout::{Rect, Size};

use super::action::Action;
use super::action::Scope;
use super::asked::Asked;
use super::border;
use super::corpus::{Corpus, Counted};
use super::course::Course;
use super::experiment::{self, Shown};
use super::facts::Facts;
use super::folder::Listed;
use super::frame_cost::FrameCost;
use super::ghost::Ghost;
use super::layout::{self, Layout};
use super::overlays::Overlay;
use super::pane::{Pane, Seat};
use super::panes::{PaneId, Panes};
use super::past::{Kept, Mark, Past};
use super::prompt::Prompt;
use super::resume::{Found, Pace, Place, Resume};
use super::run::Run;
use super::theme::{Ground, Theme};
use crate::lesson::progress::Record;
use crate::lesson::{Item, Kind, Lesson, Page, Start};
use crate::model::sampling::Sampling;
use crate::stage::hyperparameter::Hyperparameter;
use crate::stage::{Config, Value};
use crate::task::points::Drawn;
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
    pub path: PathBuf,
}

/// What is written down for the next start, and what is on its way there.
#[derive(Clone, Debug, Default)]
pub struct Keeping {
    /// When the run on the screen was last asked for.
    pub at: Duration,
    /// The runs that were asked for, as they were.
    pub asked: BTreeMap<RunId, Mark>,
    pub kept: BTreeMap<RunId, Kept>,
    /// When large runs were last asked for.
    pub large: BTreeMap<RunId, Duration>,
    pub noted: Option<Resume>,
    /// Whether the learner knows that it does not work.
    pub said: bool,
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
    pub course: Course,

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
    /// The lessons that were left, by their names, as they were left.
    pub places: BTreeMap<String, Place>,
    /// Every run of this session but the one on the screen.
    pub past: BTreeMap<RunId, Past>,
    /// The run that was last asked for from a file, and the file.
    pub loading: Option<(RunId, PathBuf)>,
    /// Whether what is going on is written down for the next start.
    pub keeps: bool,
    pub keeping: Keeping,
    /// What an earlier lab has left, until the trainer is up to take it.
    pub found: Option<Box<Found>>,
    /// The latest run of each stage that was left, to come back to.
    pub left: BTreeMap<String, (RunId, Config)>,
    /// Whose run stood still when it was left.
    pub standing: BTreeSet<String>,
    /// The name that the next new run gets.
    pub next_run: RunId,
    /// Whether the trainer's thread has ended.
    pub stopped: bool,
    pub ghosts: Vec<Ghost>,
    /// Steps a second at most; `None` is full speed.
    pub throttle: Option<f64>,
    /// What matrix products alone reach on this machine, GFLOP/s; asked for when the first run opens.
    pub peak_rate: Option<f64>,
    pub peak_rate_asked: bool,
    /// What the latest frames have cost.
    pub frame_cost: FrameCost,
    /// What the learner chose in this lesson; otherwise it sets its own pace.
    pub own_pace: Option<Pace>,
    /// Whether the trainer should be training: the learner's wish, in this lesson.
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
    /// The points that the learner has drawn, of this session and of earlier ones.
    pub drawn: Drawn,
    /// The last one, under way or ended.
    pub experiment: Option<Shown>,
    /// What is to be compared once the trainer has said where the run is.
    pub forking: Option<(&'static Hyperparameter, Value)>,

    pub panes: Panes,
    /// The panes of pages that were left, by lesson and page, as the learner had set them.
    pub views: BTreeMap<(String, usize), Panes>,
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
    /// A line of progress could not be written, and why.
    NotKept(Box<Record>, String),
    /// Time passed: the time since the start.
    Tick(Duration),
    /// The corpus is there and the trainer is up, with a run of this stage.
    Ready {
        corpus: Corpus,
        stage: String,
    },
    References(Vec<Reference>),
    Counted(Arc<Counted>),
    Worker(Told),
    Experiment(experiment::Told),
    Snapshot(Arc<Snapshot>),
    Sample(Arc<Sample>),
    /// The checkpoints in the lab's folders.
    Checkpoints(Vec<Listed>),
    /// Something is not to be lost: write down what there is.
    Autosave,
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
    /// Writes down where the learner is, and the run as it is, in case the lab is killed.
    Autosave,
    /// `Command::Keep` for this run, of this stage and as far as this, into the autosave's folder.
    KeepRun {
        run: RunId,
        stage: String,
        mark: Mark,
    },
    /// Writes down where the learner is.
    Remember(Box<Resume>),
    /// Writes down what the learner has drawn.
    KeepDrawn(Drawn),
    /// Looks for checkpoints in the lab's folders.
    ListCheckpoints,
    /// Keeps a file of the autosave aside that could not be read.
    SetAside(PathBuf),
    /// Adds a line to the progress file.
    Keep(Box<Record>),
    /// Begins an experiment, whose news have this number.
    Experiment(u64, Box<Experiment>),
    CancelExperiment,
    /// Takes the mouse, or gives it back to the terminal.
    Mouse(bool),
    Suspend,
    /// Draw the whole screen anew.
    Redraw,
    Quit,
}

/// Words to the learner that wait to be read.
const MOST_TOASTS: usize = 3;

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
            course: Course::default(),
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
            places: BTreeMap::new(),
            past: BTreeMap::new(),
            loading: None,
            keeps: false,
            keeping: Keeping::default(),
            found: None,
            left: BTreeMap::new(),
            standing: BTreeSet::new(),
            next_run: RunId(RunId::FIRST.0 + 1),
            stopped: false,
            throttle: None,
            peak_rate: None,
            peak_rate_asked: false,
            frame_cost: FrameCost::default(),
            own_pace: None,
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
            drawn: Drawn::default(),
            experiment: None,
            forking: None,
            panes: Panes::default(),
            views: BTreeMap::new(),
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
        let own = self.lesson().prompt_of(self.page);
        match &self.corpus {
            Some(corpus) if corpus.tokenizer.encode(own).is_err() => corpus.opening.clone(),
            _ => own.to_owned(),
        }
    }

    /// A name for a new run.
    pub fn new_run(&mut self) -> RunId {
        let id = self.next_run;
        self.next_run = RunId(id.0 + 1);
        id
    }

    /// Gives a pane the keys, and shows it.
    pub fn focus_on(&mut self, pane: PaneId) {
        self.focus = pane;
        if !self.layout().shows(pane) {
            self.called = Some(pane);
        }
    }

    /// Shows a pane where there is room for it, and leaves the keys where they are if they can stay.
    pub fn show(&mut self, pane: PaneId) {
        if self.zoomed {
            return self.focus_on(pane);
        }
        if !self.layout().shows(pane) {
            self.called = Some(pane);
        }
        if !self.layout().shows(self.focus) {
            self.focus = self.reading().unwrap_or(pane);
        }
    }

    /// The pane in which questions are answered.
    pub fn reading(&self) -> Option<PaneId> {
        let answers = |pane: &PaneId| self.panes.get(*pane).understands().contains(&Action::Answer);
        PaneId::ALL.into_iter().find(answers)
    }

    /// The pane that shows experiments.
    pub fn comparing(&self) -> Option<PaneId> {
        PaneId::ALL.into_iter().find(|pane| self.panes.get(*pane).shows_experiments())
    }

    /// Predictions of the open page that were neither made nor skipped.
    pub fn unpredicted(&self) -> Vec<&Item> {
        let lesson = &self.lesson().id;
        let open = |item: &&Item| {
            let predicts = matches!(item.kind, Kind::Predict(_));
            predicts && self.course.answer(lesson, &item.id).is_none()
        };
        self.page().items().filter(open).collect()
    }

    /// Whether the open page's run has to wait for the learner.
    pub fn must_wait(&self) -> bool {
        self.page().setup.run == Start::Held && !self.unpredicted().is_empty()
    }

    /// The open page.
    pub fn page(&self) -> &Page {
        &self.lesson().pages[self.page]
    }

    /// The page that a checkpoint of a stage is opened on: the open one, or the first of the course that is about it.
    pub fn page_about(&self, stage: &str) -> Option<(usize, usize)> {
        let about =
            |(lesson, page): &(usize, usize)| self.lessons[*lesson].stage_of(*page) == stage;
        let shares = |(lesson, page): &(usize, usize)| {
            self.lessons[*lesson].pages[*page].setup.run == Start::Own
        };
        let here = (self.lesson, self.page);
        let lessons = self.lessons.iter().enumerate();
        let pages = lessons.flat_map(|(at, lesson)| (0..lesson.pages.len()).map(move |p| (at, p)));
        let all: Vec<_> = std::iter::once(here).chain(pages).filter(about).collect();
        // Rather where runs come and go than where a page has one of its own.
        all.iter().find(|page| shares(page)).or(all.first()).copied()
    }

    /// Where a page's run is found again: among the lesson's own runs, or as the page's own. Lessons share none, for a text
    /// speaks of its run as it has seen it begin.
    pub fn home(&self, page: usize) -> String {
        Self::home_in(self.lesson(), page)
    }

    /// The page that a run is found again on: the open one, or the first of the course.
    pub fn page_of(&self, home: &str) -> Option<(usize, usize)> {
        if self.home(self.page) == home {
            return Some((self.lesson, self.page));
        }
        let pages =
            self.lessons.iter().enumerate().flat_map(|(at, lesson)| {
                (0..lesson.pages.len()).map(move |page| (at, page, lesson))
            });
        let mut found = pages.filter(|(_, page, lesson)| Self::home_in(lesson, *page) == home);
        found.next().map(|(lesson, page, _)| (lesson, page))
    }

    fn home_in(lesson: &Lesson, page: usize) -> String {
        match lesson.pages[page].setup.run {
            Start::Own => format!("{}:{}", lesson.id, lesson.stage_of(page)),
            Start::Fresh | Start::Held => format!("{}#{}", lesson.id, page + 1),
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
            course: &self.course,
            corpus: self.corpus.as_ref(),
            prompt: &self.prompt,
            run,
            asked: &self.asked,
            ghosts: &self.ghosts,
            snapshot: self.snapshot.as_ref().filter(|snapshot| on_screen(&snapshot.run)),
            sample: self.sample.as_deref().filter(|sample| on_screen(&sample.run)),
            sampling: self.sampling,
            requested: self.requested.as_ref(),
            peak_rate: self.peak_rate,
            frame_cost: &self.frame_cost,
            drawn: &self.drawn,
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

    /// The open page's panes, the most important first.
    pub fn lesson_panes(&self) -> Vec<PaneId> {
        let names = self.lesson().panes_of(self.page);
        let mut panes: Vec<_> = names.iter().filter_map(|name| PaneId::named(name)).collect();
        if self.experiment.is_some() {
            let comparing = self.comparing();
            panes.extend(comparing.filter(|pane| !panes.contains(pane)));
        }
        panes
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

    /// The panes of this page give way to those of the one that is opened after it: as they were left there, or at their
    /// first views. Those of the page that is left are kept for whoever comes back.
    pub fn change_views(&mut self, left: (String, usize), opened: &(String, usize)) {
        if left == *opened {
            return;
        }
        let known = self.views.remove(opened);
        let mut next = known.unwrap_or_default();
        for pane in PaneId::ALL {
            if !self.panes.get(pane).outlives_pages() {
                self.panes.exchange(pane, &mut next);
            }
        }
        // What no page shows is not kept: it is drawn from the run, and costs memory.
        let mut kept = Panes::default();
        let names = self.lessons.iter().find(|lesson| lesson.id == left.0);
        let names = names.map_or(Vec::new(), |lesson| lesson.panes_of(left.1).to_vec());
        for pane in names.iter().filter_map(|name| PaneId::named(name)) {
            kept.exchange(pane, &mut next);
        }
        self.views.insert(left, kept);
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
        while self.toasts.len() > MOST_TOASTS {
            // A warning is not pushed out by what is only good to know.
            let info = |toast: &Toast| toast.kind == ToastKind::Info;
            let first = self.toasts[..MOST_TOASTS].iter().position(info).unwrap_or(0);
            self.toasts.remove(first);
        }
    }
}
