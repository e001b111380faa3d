//! Opening the lab on the real terminal: options, threads, and what stays in the scrollback.

use std::mem::ManuallyDrop;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, channel, sync_channel};
use std::thread;
use std::time::Duration;

use anyhow::{Context, anyhow};
use ratatui::Terminal;
use ratatui::backend::CrosstermBackend;
use ratatui::layout::Size;

use super::corpus::{Corpus, Counted};
use super::course::Course;
use super::driver::{Driver, Ending, Incoming, Trainer};
use super::experimenter::Experimenter;
use super::model::{Model, Msg, ToastKind};
use super::resume::{Found, Keeper, NotKept};
use super::terminal::{self, Screen};
use super::theme::detect;
use super::whole_rows::WholeRows;
use super::{folder, reader, summary, update, watchdog};
use crate::lesson::progress::Progress;
use crate::lesson::{Lesson, course};
use crate::text::{self, Dataset, Source, ngram};
use crate::train::team::Team;
use crate::train::worker::Worker;

/// A text that cannot be trained on is mostly found out within this time, before the screen opens.
const LOADING: Duration = Duration::from_millis(30);
/// A terminal at hand says within this time whether it is light or dark; the first frame waits for no other.
const COLOURS: Duration = Duration::from_millis(40);
/// How long a lab that is left at once waits for an answer that is still on its way.
const FAREWELL: Duration = Duration::from_secs(1);
/// What may wait for the driver. Beyond it, keys wait in the terminal and the trainer's events in its own channel: some 50
/// bytes a step, so that a screen that stands still while a run of 5,000 steps goes on costs 250 kB.
const INBOX: usize = 256;
/// How long a trainer that has saved everything may take to end.
const ENDING: Duration = Duration::from_millis(500);
/// Characters of a prompt that is taken from the text.
const PROMPT: usize = 16;
const SEED: u64 = 1337;
/// Reference lines: uniform, and n-grams up to this n.
const HIGHEST_NGRAM: usize = 5;

/// `gpt-lab` without a command.
#[derive(Clone, Debug, clap::Args)]
pub struct Options {
    /// The lesson to open, by its number or its name
    #[arg(long, value_name = "LESSON")]
    pub lesson: Option<String>,
    /// A folder with lessons of your own, in the place of the course's
    #[arg(long, value_name = "DIR")]
    pub lessons: Option<PathBuf>,
    /// A UTF-8 text to train on
    #[arg(long, value_name = "FILE", allow_hyphen_values = true)]
    pub data: Option<PathBuf>,
    /// For weights, batches and samples [default: 1337]
    #[arg(long)]
    pub seed: Option<u64>,
    /// Start anew, not where the last session was left
    #[arg(long)]
    pub fresh: bool,
    /// Threads to train with [default: the machine's cores, up to 8]
    #[arg(long, value_parser = crate::train::team::threads)]
    pub threads: Option<usize>,
}

/// Why the lab could not be opened, or ended early.
#[derive(Debug)]
pub enum Refusal {
    /// The command line asks for something that cannot be.
    Usage(String),
    Failed(anyhow::Error),
}

/// Opens the lab, and comes back when the learner has left it.
///
/// # Errors
/// If there is no terminal, no such lesson, or nothing to train on.
pub fn start(options: &Options) -> Result<ExitCode, Refusal> {
    if !terminal::is_there() {
        let text = "the lab needs a terminal: standard input and output must be one (gpt-lab --help lists what works without)";
        return Err(Refusal::Usage(text.to_owned()));
    }
    let lessons = match &options.lessons {
        Some(folder) => course::folder(folder).map_err(|error| Refusal::Failed(error.into()))?,
        None => course().map_err(|error| Refusal::Failed(error.into()))?,
    };
    let lesson = find(&lessons, options.lesson.as_deref()).map_err(Refusal::Usage)?;
    let mut left = Left::look(options);
    let (theme, asks) = detect::theme(&|name| std::env::var(name).ok());
    let mut model =
        Model::new(lessons, lesson, theme, Size::new(80, 24), options.seed.unwrap_or(SEED));
    model.course = course_so_far(&mut model);
    left.begin(&mut model);
    thread::spawn(folder::tidy);
    let (sender, inbox) = sync_channel(INBOX);
    #[cfg(unix)]
    let leaving = super::signals::watch(sender.clone())
        .context("signals could not be watched")
        .map_err(Refusal::Failed)?;
    let loader = load(options, model.seed, &model.lesson().stage, sender.clone());
    let early = match loader.recv_timeout(LOADING) {
        Ok(Some(error)) => return Err(Refusal::Failed(error)),
        Ok(None) | Err(_) => loader,
    };

    terminal::install_panic_hook();
    let opened = open(model, inbox);
    let driver = opened.context("the terminal could not be opened").map_err(Refusal::Failed)?;
    // We give the terminal back ourselves; ratatui's own farewell would panic where standard error is gone with it.
    let mut driver = ManuallyDrop::new(driver);
    driver.progress = progress_file();
    if let Some(keeper) = left.keeper {
        driver.keep(keeper);
    }
    forward_late_errors(early, sender.clone());
    let asked = cfg!(unix) && asks && terminal::ask().is_ok();
    reader::start(sender, asked);
    if asked {
        driver.asked(COLOURS);
    }

    let ending = driver.run();
    driver.hear_out(FAREWELL);
    terminal::restore();
    driver.keep_no_more();
    if let Ending::NoCorpus(error) = ending {
        return Err(Refusal::Failed(error));
    }
    summary::print(&driver.model, summary::unkept(&driver.model).as_ref());
    #[cfg(unix)]
    let code = leaving.code(driver.is_saved(), driver.was_forced());
    #[cfg(not(unix))]
    let code = 0;
    end(&mut driver, code);
    Ok(ExitCode::from(code))
}

/// Where answers are kept; `None` where the user has no home folder.
pub fn progress_file() -> Option<PathBuf> {
    Some(text::folder::data()?.join("progress.jsonl"))
}

/// What was answered in earlier sessions; what is wrong with its file is said, and the file stays as it is.
fn course_so_far(model: &mut Model) -> Course {
    let began = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    let began = began.map_or(0, |since| since.as_secs());
    let session = format!("{began:x}-{:x}", std::process::id());
    let mut course = Course { session, began, ..Course::default() };
    let Some(path) = progress_file() else { return course };
    match Progress::read(&path) {
        Ok(progress) => {
            let mut wrong = Vec::new();
            if progress.half {
                wrong.push("its last line was cut short".to_owned());
            }
            if progress.unread > usize::from(progress.half) {
                let lines = progress.unread - usize::from(progress.half);
                wrong.push(format!("{lines} lines are not understood, perhaps of a later version"));
            }
            if !wrong.is_empty() {
                let text = format!("{}: {}; all is kept", path.display(), wrong.join("; "));
                model.say(ToastKind::Warning, text);
            }
            course.progress = progress;
        }
        Err(error) => model.say(ToastKind::Warning, format!("{}: {error}", path.display())),
    }
    if std::fs::metadata(&path).is_ok_and(|found| found.permissions().readonly()) {
        let text = format!(
            "{} cannot be written: answers are kept in memory, and put elsewhere at the end",
            path.display()
        );
        model.say(ToastKind::Warning, text);
    }
    course
}

type RealDriver = Driver<WholeRows<CrosstermBackend<std::io::Stdout>>, Screen>;

fn open(mut model: Model, inbox: Receiver<Incoming>) -> std::io::Result<RealDriver> {
    let screen = Screen::open()?;
    let terminal = Terminal::new(WholeRows::new(CrosstermBackend::new(std::io::stdout())))?;
    model.size = terminal.size().unwrap_or(model.size);
    Ok(Driver::new(terminal, screen, model, inbox, folder::runs()))
}

/// What the last session has left, and who writes down this one.
struct Left {
    keeper: Option<Keeper>,
    found: Option<Found>,
    /// What the learner should know about it.
    said: Option<String>,
}

impl Left {
    fn look(options: &Options) -> Self {
        let nothing = |said| Self { keeper: None, found: None, said };
        let Some(home) = text::folder::data() else { return nothing(None) };
        let keeper = match Keeper::open(&home, &folder::now()) {
            Ok(keeper) => keeper,
            Err(NotKept::Another) => {
                let text = "another lab is open: this one begins anew and is not autosaved";
                return nothing(Some(text.to_owned()));
            }
            Err(NotKept::Failed(error)) => {
                let text = format!("autosave: {} cannot be written: {error}", home.display());
                return nothing(Some(text));
            }
        };
        let anew = options.fresh || options.lesson.is_some() || options.seed.is_some();
        let (found, said) = match keeper.read() {
            Ok(found) if !anew => (found, None),
            Ok(None) => (None, None),
            Ok(Some(_)) => (None, set_aside(&keeper, "")),
            Err(why) => (None, set_aside(&keeper, &why)),
        };
        Self { keeper: Some(keeper), found, said }
    }

    /// Puts the learner where the last session was left.
    fn begin(&mut self, model: &mut Model) {
        if let Some(Err(why)) = self.found.take().map(|found| update::waking::begin(model, found)) {
            self.said = self.keeper.as_ref().and_then(|keeper| set_aside(keeper, &why));
        }
        if let Some(said) = self.said.take() {
            model.say(ToastKind::Warning, said);
        }
        match self.keeper.as_ref().map(Keeper::drawn) {
            Some(Ok(drawn)) => model.drawn = drawn,
            Some(Err(why)) => model.say(ToastKind::Warning, why),
            None => {}
        }
    }
}

/// Keeps aside what the last session has left, and says so where that was not asked for.
fn set_aside(keeper: &Keeper, why: &str) -> Option<String> {
    match keeper.set_aside() {
        Ok(_) if why.is_empty() => None,
        Ok(aside) => {
            Some(format!("the last session is not taken up: {why}; kept in {}", aside.display()))
        }
        Err(error) => Some(format!("the last session could not be kept aside: {error}")),
    }
}

/// The lesson that was asked for, by its number from 1 or its name; the first, if none was.
fn find(lessons: &[Lesson], asked: Option<&str>) -> Result<usize, String> {
    let Some(asked) = asked else { return Ok(0) };
    let number = asked.parse::<usize>().ok();
    let by_number = lessons.iter().position(|lesson| Some(lesson.number) == number);
    // A lesson's own name counts for more than that of a stage that several are about.
    let by_id = || lessons.iter().position(|lesson| lesson.id == asked);
    let by_stage = || lessons.iter().position(|lesson| lesson.stage == asked);
    by_number.or_else(by_id).or_else(by_stage).ok_or_else(|| {
        let names: Vec<_> = lessons.iter().map(|l| l.id.as_str()).collect();
        format!(
            "unknown lesson {asked:?}: choose a number up to {} or one of {}",
            lessons.last().map_or(0, |lesson| lesson.number),
            names.join(", ")
        )
    })
}

/// Reads the corpus and starts the trainer, on a thread of its own. What comes back says whether that went well.
fn load(
    options: &Options,
    seed: u64,
    stage: &str,
    sender: SyncSender<Incoming>,
) -> Receiver<Option<anyhow::Error>> {
    let (done, result) = channel();
    let (data, stage) = (options.data.clone(), stage.to_owned());
    let threads = options.threads.unwrap_or_else(Team::default_threads);
    thread::spawn(move || match raise(data.as_deref(), seed, threads, &stage, &sender) {
        Ok(dataset) => {
            _ = done.send(None);
            // The trainer is at work by now; counting takes what it leaves.
            let references = ngram::references(&dataset, HIGHEST_NGRAM);
            _ = sender.send(Incoming::Msg(Msg::References(references)));
            let counted = Arc::new(Counted::new(&dataset));
            _ = sender.send(Incoming::Msg(Msg::Counted(counted)));
        }
        Err(error) => _ = done.send(Some(error)),
    });
    result
}

pub(super) fn raise(
    data: Option<&Path>,
    seed: u64,
    threads: usize,
    stage: &str,
    sender: &SyncSender<Incoming>,
) -> anyhow::Result<Arc<Dataset>> {
    let dataset = Arc::new(Dataset::new(text::corpus::resolve(data)?)?);
    let config = update::opening(stage, dataset.tokenizer.vocab_size(), seed);
    if config.task.reads_text() {
        dataset.require(config.model.block_size)?;
    }
    // A size that the team refuses is the command line's fault, and known now.
    drop(Team::new(threads)?);
    let worker = Worker::spawn(Arc::clone(&dataset), threads, config);
    let trainer = Trainer { commands: worker.commands(), slots: worker.slots() };
    let corpus = Corpus {
        name: dataset.corpus.name.clone(),
        note: (dataset.corpus.source == Source::Bundled).then(|| {
            "training on the bundled play; `gpt-lab data fetch` brings Tiny Shakespeare".to_owned()
        }),
        opening: dataset.opening_words(PROMPT),
        tokenizer: dataset.tokenizer.clone(),
        characters: dataset.tokenizer.vocab_size(),
        train: dataset.train.len(),
        val: dataset.val.len(),
        sha256: dataset.corpus.sha256.clone(),
        references: Vec::new(),
        counted: None,
    };
    let news = sender.clone();
    let experimenter = Experimenter::new(Arc::clone(&dataset), threads, move |told| {
        news.send(Incoming::Msg(Msg::Experiment(told))).is_ok()
    });
    let up = Incoming::Up { trainer, corpus, stage: stage.to_owned(), experimenter };
    sender.send(up).map_err(|_| anyhow!("the lab was left"))?;
    let sender = sender.clone();
    thread::spawn(move || {
        for event in &worker.events {
            if sender.send(Incoming::Msg(Msg::Worker(event))).is_err() {
                break;
            }
        }
    });
    Ok(dataset)
}

/// A text that turns out bad when the screen is up closes it again.
fn forward_late_errors(loader: Receiver<Option<anyhow::Error>>, sender: SyncSender<Incoming>) {
    thread::spawn(move || {
        if let Ok(Some(error)) = loader.recv() {
            _ = sender.send(Incoming::NoCorpus(error));
        }
    });
}

/// Ends the trainer and an experiment. One that is in a long step is not waited for: what the trainer had is saved, or was
/// given up by the learner.
fn end(driver: &mut RealDriver, code: u8) {
    let experiment = driver.end_experiment(ENDING);
    if !driver.end_trainer(ENDING) || !experiment {
        watchdog::exit(code);
    }
}
