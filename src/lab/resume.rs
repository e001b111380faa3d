//! Where the learner was: a small file beside the runs it names, written again and again while the lab is open, and read
//! when it starts the next time. A lab that is killed loses what happened since it was last written.

use std::collections::BTreeMap;
use std::fs::{File, TryLockError};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};

use serde::{Deserialize, Serialize};

use crate::file;
use crate::model::sampling::Sampling;
use crate::stage::stage;
use crate::task::points::Drawn;
use crate::text::shown::{excerpt, line};
use crate::train::checkpoint::About;

/// Of the file's form. A later program's file is not guessed at.
const VERSION: u32 = 1;
const NAME: &str = "resume.json";
/// Beside the folder, for `--points` to read as well.
const DRAWN: &str = "drawn-points.csv";
/// A file that is longer was not written by the lab: all prompts of a course have room in it.
const MOST_BYTES: u64 = 1 << 20;
/// Runs beside the present one at most.
pub const MOST_OTHERS: usize = 6;

/// How fast a lesson is to train.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Pace {
    Full,
    /// Steps a second at most.
    Steps(f64),
}

impl Pace {
    pub fn of(throttle: Option<f64>) -> Self {
        throttle.map_or(Self::Full, Self::Steps)
    }

    pub fn throttle(self) -> Option<f64> {
        match self {
            Self::Full => None,
            Self::Steps(steps) => Some(steps),
        }
    }
}

/// A lesson as the learner left it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Place {
    pub page: usize,
    /// The learner's own; `None` is the lesson's.
    pub prompt: Option<String>,
    /// The learner's own; `None` is the lesson's.
    pub pace: Option<Pace>,
    pub paused: bool,
}

/// A run that is not on the screen.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Other {
    pub file: String,
    /// What it is found again by: its stage, or the page that it belongs to.
    pub home: String,
    /// Whether its curve stands on the charts: as an earlier run of its stage (`true`) or as another stage's (`false`).
    pub ghost: Option<bool>,
    /// Whether a lesson on its stage comes back to it.
    pub latest: bool,
}

/// Everything that is written down.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Resume {
    pub version: u32,
    pub lesson: String,
    pub lessons: BTreeMap<String, Place>,
    /// The focused pane's name.
    pub focus: String,
    pub zoomed: bool,
    pub sampling: Sampling,
    pub sample_seed: u64,
    pub seed: u64,
    /// The file of the run on the screen.
    pub run: Option<String>,
    /// What it is found again by.
    pub home: String,
    /// Oldest first.
    pub others: Vec<Other>,
}

/// A run in a file, and what the file says of it.
#[derive(Clone, Debug)]
pub struct Asleep {
    pub path: PathBuf,
    pub about: About,
}

/// What an earlier lab has left.
#[derive(Clone, Debug)]
pub struct Found {
    pub resume: Resume,
    pub run: Option<Asleep>,
    pub others: Vec<(Other, Asleep)>,
    /// What could not be read, a line each.
    pub lost: Vec<String>,
}

impl Resume {
    pub const VERSION: u32 = VERSION;

    fn files(&self) -> impl Iterator<Item = &str> {
        self.run.iter().chain(self.others.iter().map(|other| &other.file)).map(String::as_str)
    }

    /// What a file says, or why it is not understood.
    fn parse(bytes: &[u8]) -> Result<Self, String> {
        #[derive(Deserialize)]
        struct Version {
            version: u32,
        }
        let unread =
            |error: serde_json::Error| format!("it is damaged ({})", line(&error.to_string()));
        let Version { version } = serde_json::from_slice(bytes).map_err(unread)?;
        if version > VERSION {
            return Err(format!("a later version of gpt-lab wrote it (form {version})"));
        }
        let resume: Self = serde_json::from_slice(bytes).map_err(unread)?;
        if resume.others.len() > MOST_OTHERS {
            return Err(format!("it names {} runs", resume.others.len()));
        }
        if let Some(name) = resume.files().find(|name| !is_plain(name)) {
            return Err(format!("it names a file elsewhere ({})", excerpt(name)));
        }
        resume.sampling.validate().map_err(|error| error.to_string())?;
        let paces = resume.lessons.values().filter_map(|place| place.pace?.throttle());
        match paces.into_iter().find(|pace| !(*pace > 0.0 && pace.is_finite())) {
            Some(pace) => Err(format!("it has a pace of {pace} steps a second")),
            None => Ok(resume),
        }
    }
}

/// Whether it names a file in the same folder.
fn is_plain(name: &str) -> bool {
    let plain = |c: char| c.is_alphanumeric() || c == '-' || c == '_' || c == '.';
    name.ends_with(EXTENSION) && !name.starts_with('.') && name.chars().all(plain)
}

const EXTENSION: &str = ".safetensors";

/// Why this lab writes nothing down.
#[derive(Debug)]
pub enum NotKept {
    /// Another lab does, in the same folder.
    Another,
    Failed(io::Error),
}

/// The folder, held for as long as this lives: no other lab writes in it.
pub struct Keeper {
    folder: PathBuf,
    /// What this lab's runs are called first, so that no run of an earlier one is overwritten.
    prefix: String,
    _lock: File,
    writing: Option<Writing>,
}

/// What is written down.
enum Written {
    Place(Box<Resume>),
    Drawn(Drawn),
}

/// The thread that writes: a slow disk holds up no frame.
struct Writing {
    sender: Sender<Written>,
    thread: JoinHandle<()>,
    failed: Arc<Mutex<Option<String>>>,
}

impl Keeper {
    /// Takes the folder `autosave` in `home`. What is written by it has `prefix` in its name, which no earlier lab had.
    ///
    /// # Errors
    /// If another lab has it, or it cannot be written in.
    pub fn open(home: &Path, prefix: &str) -> Result<Self, NotKept> {
        let folder = home.join("autosave");
        std::fs::create_dir_all(&folder).map_err(NotKept::Failed)?;
        let lock = File::options()
            .create(true)
            .truncate(false)
            .write(true)
            .open(home.join("autosave.lock"))
            .map_err(NotKept::Failed)?;
        // A file system without locks keeps nobody out.
        if matches!(lock.try_lock(), Err(TryLockError::WouldBlock)) {
            return Err(NotKept::Another);
        }
        file::clean(&folder);
        Ok(Self { folder, prefix: prefix.to_owned(), _lock: lock, writing: None })
    }

    /// Where a run is written as it is after this step and so many live changes: never in the place of what is named
    /// already.
    pub fn path(&self, stage: &str, run: u64, (step, edits): (u64, usize)) -> PathBuf {
        let plain = |c: char| if c.is_alphanumeric() || c == '-' || c == '_' { c } else { '-' };
        let stage: String = stage.chars().take(64).map(plain).collect();
        let name = format!("{stage}-{}-{run}-step-{step}-{edits}{EXTENSION}", self.prefix);
        self.folder.join(name)
    }

    /// What the last lab has left, if it left anything.
    ///
    /// # Errors
    /// Says in a line why it is not understood.
    pub fn read(&self) -> Result<Option<Found>, String> {
        let bytes = match bounded(&self.folder.join(NAME)) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error.to_string()),
        };
        let resume = Resume::parse(&bytes)?;
        // What an earlier lab wrote and never came to name.
        forget(&self.folder, &resume);
        let mut lost = Vec::new();
        let mut wake = |name: &str| {
            let path = self.folder.join(name);
            let about = About::read(&path).map_err(|error| error.to_string());
            // Of a later version's stage nobody would know which lesson has it.
            let known = about.and_then(|about| match stage(&about.config.stage) {
                Ok(_) => Ok(about),
                Err(unknown) => Err(format!("{name}: {unknown}")),
            });
            match known {
                Ok(about) => Some(Asleep { path, about }),
                Err(why) => {
                    lost.push(line(&why));
                    _ = self.set_aside_run(&path);
                    None
                }
            }
        };
        let run = resume.run.as_deref().and_then(&mut wake);
        let others = resume.others.iter();
        let others = others.filter_map(|other| Some((other.clone(), wake(&other.file)?))).collect();
        Ok(Some(Found { resume, run, others, lost }))
    }

    fn aside(&self) -> PathBuf {
        self.folder.with_file_name("autosave-before")
    }

    /// Keeps aside one run that could not be read.
    ///
    /// # Errors
    /// If the system refuses.
    pub fn set_aside_run(&self, path: &Path) -> io::Result<()> {
        let Some(name) = path.file_name().filter(|_| path.starts_with(&self.folder)) else {
            return Ok(());
        };
        std::fs::create_dir_all(self.aside())?;
        std::fs::rename(path, self.aside().join(name))
    }

    /// Keeps aside what is there, in the place of what was kept aside before; where it is.
    ///
    /// # Errors
    /// If the system refuses.
    pub fn set_aside(&self) -> io::Result<PathBuf> {
        let aside = self.aside();
        if std::fs::read_dir(&self.folder)?.next().is_none() {
            return Ok(aside);
        }
        if aside.exists() {
            // What the lab wrote goes; a folder with anything else in it stays, and refuses to go.
            for entry in std::fs::read_dir(&aside)?.flatten() {
                let name = entry.file_name();
                if name.to_str().is_some_and(|name| name == NAME || is_plain(name)) {
                    std::fs::remove_file(entry.path())?;
                }
            }
            std::fs::remove_dir(&aside)?;
        }
        std::fs::rename(&self.folder, &aside)?;
        std::fs::create_dir(&self.folder)?;
        Ok(aside)
    }

    /// Writes down where the learner is; runs that it does not name are removed. The latest wins.
    pub fn write(&mut self, resume: Resume) {
        self.send(Written::Place(Box::new(resume)));
    }

    /// Writes down the points that the learner has drawn. The latest win.
    pub fn draw(&mut self, drawn: Drawn) {
        self.send(Written::Drawn(drawn));
    }

    fn send(&mut self, written: Written) {
        let folder = &self.folder;
        let writing = self.writing.get_or_insert_with(|| {
            let (sender, inbox) = channel();
            let failed = Arc::new(Mutex::new(None));
            let (folder, said) = (folder.clone(), Arc::clone(&failed));
            let thread = thread::spawn(move || write_on(&folder, &inbox, &said));
            Writing { sender, thread, failed }
        });
        // A thread that is gone has said why.
        _ = writing.sender.send(written);
    }

    /// The points that were drawn, in whatever session. They are no part of where the learner was: starting anew keeps them.
    ///
    /// # Errors
    /// Says in a line why they are not understood, and where the file is kept aside.
    pub fn drawn(&self) -> Result<Drawn, String> {
        let path = self.folder.with_file_name(DRAWN);
        let text = bounded(&path).and_then(|bytes| {
            String::from_utf8(bytes).map_err(|_| io::Error::other("it is no UTF-8 text"))
        });
        let why = match text {
            Ok(text) => match Drawn::parse(&text, DRAWN) {
                Ok(drawn) => return Ok(drawn),
                Err(error) => line(&error.to_string()),
            },
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Drawn::default()),
            Err(error) => format!("{DRAWN}: {error}"),
        };
        let aside = path.with_file_name(format!("{DRAWN}.unread"));
        Err(match std::fs::rename(&path, &aside) {
            Ok(()) => format!(
                "the points that you drew are not taken up: {why}; kept in {}",
                aside.display()
            ),
            Err(error) => format!(
                "the points that you drew are not taken up: {why}; they could not be kept aside: {error}"
            ),
        })
    }

    /// Why the last writing failed, once.
    pub fn failed(&self) -> Option<String> {
        let failed = &self.writing.as_ref()?.failed;
        failed.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        if let Some(Writing { sender, thread, .. }) = self.writing.take() {
            drop(sender);
            _ = thread.join();
        }
    }
}

fn write_on(folder: &Path, inbox: &Receiver<Written>, said: &Mutex<Option<String>>) {
    let mut failing = false;
    let mut before: Option<Resume> = None;
    while let Ok(first) = inbox.recv() {
        let (mut resume, mut drawn) = (None, None);
        for written in std::iter::once(first).chain(inbox.try_iter()) {
            match written {
                Written::Place(place) => resume = Some(place),
                Written::Drawn(points) => drawn = Some(points),
            }
        }
        let replace =
            |path: &Path, text: &[u8]| file::replace(path, &mut |out| out.write_all(text));
        let mut written = drawn.map_or(Ok(()), |drawn| {
            replace(&folder.with_file_name(DRAWN), drawn.text().as_bytes())
        });
        if let Some(resume) = resume {
            let placed = serde_json::to_vec_pretty(&resume)
                .map_err(io::Error::from)
                .and_then(|text| replace(&folder.join(NAME), &text));
            if placed.is_ok() {
                // Only what was named: another run may be written at this moment and be named by the next.
                let before = before.replace((*resume).clone());
                for name in before.iter().flat_map(Resume::files) {
                    if resume.files().all(|named| named != name) {
                        _ = std::fs::remove_file(folder.join(name));
                    }
                }
            }
            written = written.and(placed);
        }
        match written {
            Ok(()) => failing = false,
            Err(error) => {
                // Once is enough until it works again.
                if !std::mem::replace(&mut failing, true) {
                    let text = format!("autosave: {} cannot be written: {error}", folder.display());
                    *said.lock().unwrap_or_else(PoisonError::into_inner) = Some(text);
                }
            }
        }
    }
}

/// Removes runs that are named no more.
fn forget(folder: &Path, resume: &Resume) {
    let Ok(entries) = std::fs::read_dir(folder) else { return };
    for entry in entries.flatten() {
        let name = entry.file_name();
        let Some(name) = name.to_str().filter(|name| is_plain(name)) else { continue };
        if resume.files().all(|named| named != name) {
            _ = std::fs::remove_file(entry.path());
        }
    }
}

fn bounded(path: &Path) -> io::Result<Vec<u8>> {
    let there = std::fs::metadata(path)?;
    if !there.is_file() || there.len() > MOST_BYTES {
        return Err(io::Error::other("it is not as the lab writes it"));
    }
    let mut bytes = Vec::new();
    File::open(path)?.take(MOST_BYTES).read_to_end(&mut bytes)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn resume() -> Resume {
        let place = Place {
            page: 2,
            prompt: Some("to be".to_owned()),
            pace: Some(Pace::Steps(20.0)),
            paused: true,
        };
        Resume {
            version: VERSION,
            lesson: "bigram".to_owned(),
            lessons: BTreeMap::from([("bigram".to_owned(), place)]),
            focus: "loss".to_owned(),
            zoomed: false,
            sampling: Sampling { temperature: 0.5, top_k: Some(4), top_p: None },
            sample_seed: 7,
            seed: 8,
            run: None,
            home: "bigram".to_owned(),
            others: Vec::new(),
        }
    }

    #[test]
    fn what_was_written_is_read_and_what_it_does_not_name_goes() {
        let home = tempfile::tempdir().unwrap();
        let mut keeper = Keeper::open(home.path(), "x").unwrap();
        assert!(keeper.read().unwrap().is_none());
        let [old, new, own] =
            ["old.safetensors", "new.safetensors", "own.txt"].map(|name| keeper.folder.join(name));
        std::fs::write(&old, "a run").unwrap();
        std::fs::write(&new, "a run that is being written").unwrap();
        std::fs::write(&own, "the learner's").unwrap();
        let naming = Resume { run: Some("old.safetensors".to_owned()), ..resume() };
        keeper.write(naming);
        while !keeper.folder.join(NAME).exists() {
            thread::yield_now();
        }
        keeper.write(resume());
        drop(keeper);
        assert!(!old.exists() && new.exists());
        let keeper = Keeper::open(home.path(), "y").unwrap();
        let found = keeper.read().unwrap().unwrap();
        assert_eq!(found.resume, resume());
        assert!(found.lost.is_empty() && !new.exists() && own.exists());
    }

    #[test]
    fn a_second_lab_is_told_of_the_first() {
        let home = tempfile::tempdir().unwrap();
        let first = Keeper::open(home.path(), "x").unwrap();
        assert!(matches!(Keeper::open(home.path(), "y"), Err(NotKept::Another)));
        drop(first);
        assert!(Keeper::open(home.path(), "y").is_ok());
        let file = home.path().join("file");
        std::fs::write(&file, "").unwrap();
        assert!(matches!(Keeper::open(&file, "y"), Err(NotKept::Failed(_))));
    }

    #[test]
    fn what_is_not_understood_is_said_in_a_line_and_kept_aside() {
        let home = tempfile::tempdir().unwrap();
        let keeper = Keeper::open(home.path(), "x").unwrap();
        let whole = serde_json::to_string(&resume()).unwrap();
        let cases = [
            (whole[..whole.len() / 2].to_owned(), "damaged"),
            (whole.replace("\"version\":1", "\"version\":2"), "later version"),
            (whole.replace("\"run\":null", "\"run\":\"../../x.safetensors\""), "elsewhere"),
            (whole.replace("20.0", "-1.0"), "pace of -1"),
            (whole.replace("0.5", "-0.5"), "temperature"),
            (" ".repeat(MOST_BYTES as usize + 1), "not as the lab writes it"),
        ];
        for (text, said) in cases {
            std::fs::write(keeper.folder.join(NAME), &text).unwrap();
            let error = keeper.read().unwrap_err();
            assert!(error.contains(said) && error.lines().count() == 1, "{error}");
            let aside = keeper.set_aside().unwrap();
            assert_eq!(std::fs::read_to_string(aside.join(NAME)).unwrap(), text);
            assert!(keeper.read().unwrap().is_none());
        }
        // A run that is gone is told, and is no reason to forget the rest.
        let missing = Resume { run: Some("gone.safetensors".to_owned()), ..resume() };
        std::fs::write(keeper.folder.join(NAME), serde_json::to_vec(&missing).unwrap()).unwrap();
        let found = keeper.read().unwrap().unwrap();
        assert!(found.run.is_none() && found.lost[0].contains("gone.safetensors"));
    }

    /// Over a kill, for nothing is written on leaving that was not written before, and over starting anew.
    #[test]
    fn what_was_drawn_is_kept_and_what_is_broken_is_kept_aside() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join(DRAWN);
        let mut keeper = Keeper::open(home.path(), "x").unwrap();
        assert_eq!(keeper.drawn(), Ok(Drawn::default()));
        let points = |n: usize| (0..n).map(|i| [i as f64 / 100.0, -1.25]).collect::<Drawn>();
        for n in [1, 2, 300] {
            keeper.draw(points(n));
        }
        let whole = points(300).text();
        while std::fs::read_to_string(&path).ok().as_deref() != Some(&whole) {
            thread::yield_now();
        }
        // Another lab may look while this one still runs: the file is whole.
        keeper.write(resume());
        drop(keeper);
        let keeper = Keeper::open(home.path(), "y").unwrap();
        keeper.set_aside().unwrap();
        assert_eq!(keeper.drawn(), Ok(points(300)));
        let too_long = " ".repeat(MOST_BYTES as usize + 1);
        let cases: [(&[u8], &str); 5] = [
            (b"0.5, 1\n0.5,", "line 2: expected two numbers"),
            (b"0.5, 11\n", "is outside"),
            (b"1 1\n1 1\n", "already"),
            (b"\xff\n", "UTF-8"),
            (too_long.as_bytes(), "not as the lab writes it"),
        ];
        for (bytes, said) in cases {
            std::fs::write(&path, bytes).unwrap();
            let error = keeper.drawn().unwrap_err();
            assert!(error.contains(said) && error.contains("kept in"), "{error}");
            assert_eq!(error.lines().count(), 1, "{error}");
            let aside = home.path().join(format!("{DRAWN}.unread"));
            assert!(std::fs::read(aside).unwrap() == bytes);
            assert_eq!(keeper.drawn(), Ok(Drawn::default()));
        }
    }
}
