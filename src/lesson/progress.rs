//! What a learner has answered: one append-only file of JSON lines, and what follows from it, which is only ever computed.
//!
//! Lines of kinds that are not known are kept, and so are damaged ones: nothing is ever rewritten. Two machines' files are
//! merged by taking every line once.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::OpenOptions;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::{Kind, Lesson};

/// A file of progress is never larger than this many bytes: tens of thousands of answers.
const LARGEST: u64 = 16 << 20;
/// Sessions after which a prompt comes back: after its first grading, and after each right one since.
const RETURNS: [usize; 3] = [1, 3, 7];
/// Prompts at the start of a session at most.
pub const AT_MOST: usize = 4;
/// From this sureness on a learner was sure.
const SURE: u8 = 4;

/// One line.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Record {
    /// Seconds since 1970.
    pub t: u64,
    pub session: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub lesson: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub item: String,
    /// `session`, `predict`, `ask`, `goal`, `claim`, `review`, `skip`; others are kept and mean nothing here.
    pub kind: String,
    /// A number, or the place of a choice; of a review 1 for known and 0 for not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub answer: Option<f64>,
    /// From 1 (a guess) to 5 (certain).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sure: Option<u8>,
    /// What the model said; of a claim its difference.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub truth: Option<f64>,
    /// Whether that was right, met, or holds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub right: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seed: Option<u64>,
    /// Milliseconds from the question to the answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ms: Option<u64>,
}

/// An item of a lesson, or one of its prompts.
pub type Key = (String, String);

/// All that was answered, and what follows.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Progress {
    pub records: Vec<Record>,
    /// Lines that say nothing to this version, kept where they are.
    pub unread: usize,
    /// The file's last line has no end: a write that was cut short.
    pub half: bool,
}

/// Why there is no progress to read.
#[derive(Debug, thiserror::Error)]
pub enum Unreadable {
    #[error("it cannot be read: {0}")]
    Io(#[from] io::Error),
    #[error("it is larger than {} MB: it is no file of ours", LARGEST >> 20)]
    TooLarge,
}

/// How a lesson stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Standing {
    /// Of its goals.
    pub met: usize,
    pub goals: usize,
    /// Of its questions (predictions and asks).
    pub answered: usize,
    pub right: usize,
    pub questions: usize,
    /// Prompts that were right in a later session.
    pub kept: usize,
    pub prompts: usize,
}

/// How well sureness fits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Calibration {
    /// Answers that the learner was sure of.
    pub sure: usize,
    pub right: usize,
}

impl Progress {
    /// Reads a file; one that is not there is empty.
    ///
    /// # Errors
    /// If the system refuses, or it is too large.
    pub fn read(path: &Path) -> Result<Self, Unreadable> {
        let file = match std::fs::File::open(path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Self::default()),
            Err(error) => return Err(error.into()),
        };
        let mut bytes = Vec::new();
        file.take(LARGEST + 1).read_to_end(&mut bytes)?;
        if bytes.len() as u64 > LARGEST {
            return Err(Unreadable::TooLarge);
        }
        Ok(Self::of(&String::from_utf8_lossy(&bytes)))
    }

    pub fn of(text: &str) -> Self {
        let mut progress =
            Self { half: !text.is_empty() && !text.ends_with('\n'), ..Self::default() };
        for line in text.lines().filter(|line| !line.trim().is_empty()) {
            match serde_json::from_str::<Record>(line) {
                Ok(record) if !record.kind.is_empty() => progress.records.push(record),
                _ => progress.unread += 1,
            }
        }
        progress
    }

    /// The last record of an item that is of one of these kinds.
    pub fn last(&self, lesson: &str, item: &str, kinds: &[&str]) -> Option<&Record> {
        self.records.iter().rev().find(|record| {
            record.lesson == lesson && record.item == item && kinds.contains(&record.kind.as_str())
        })
    }

    /// Whether a goal was ever met.
    pub fn is_met(&self, lesson: &str, item: &str) -> bool {
        let met = |r: &Record| {
            r.kind == "goal" && r.lesson == lesson && r.item == item && r.right == Some(true)
        };
        self.records.iter().any(met)
    }

    pub fn standing(&self, lesson: &Lesson) -> Standing {
        let mut standing = Standing::default();
        let kept = self.kept();
        for (_, item) in lesson.items() {
            match &item.kind {
                Kind::Goal(_) => {
                    standing.goals += 1;
                    standing.met += usize::from(self.is_met(&lesson.id, &item.id));
                }
                Kind::Predict(_) | Kind::Ask(_) => {
                    standing.questions += 1;
                    // What is said once the answer is known says nothing of who said it.
                    let mut said = self.records.iter().filter(|record| {
                        let asked = matches!(record.kind.as_str(), "predict" | "ask");
                        asked && record.lesson == lesson.id && record.item == item.id
                    });
                    let answered = said.clone().next().is_some();
                    let first = said.find(|record| record.right.is_some());
                    standing.answered += usize::from(answered);
                    let right = first.is_some_and(|first| first.right == Some(true));
                    standing.right += usize::from(right);
                }
                Kind::Review(prompts) => {
                    standing.prompts += prompts.len();
                    let key = |id: &str| (lesson.id.clone(), id.to_owned());
                    standing.kept += prompts.iter().filter(|p| kept.contains(&key(&p.id))).count();
                }
                Kind::Claim(_) | Kind::Race(_) | Kind::Code(_) | Kind::Figure(_) => {}
            }
        }
        standing
    }

    /// Of all answers that the learner was sure of, how many were right; the first answer to a question counts.
    pub fn calibration(&self) -> Calibration {
        let mut seen = BTreeSet::new();
        let mut calibration = Calibration::default();
        for record in &self.records {
            let asked = matches!(record.kind.as_str(), "predict" | "ask");
            let (Some(right), Some(sure)) = (record.right, record.sure) else { continue };
            if asked && seen.insert((&record.lesson, &record.item)) && sure >= SURE {
                calibration.sure += 1;
                calibration.right += usize::from(right);
            }
        }
        calibration
    }

    /// Sessions in the order in which they began, by their ids.
    fn sessions(&self) -> BTreeMap<&str, usize> {
        let mut starts: Vec<(u64, &str)> = Vec::new();
        for record in &self.records {
            if !starts.iter().any(|(_, id)| *id == record.session) {
                starts.push((record.t, &record.session));
            }
        }
        starts.sort_unstable();
        starts.iter().enumerate().map(|(i, (_, id))| (*id, i)).collect()
    }

    /// Every prompt's gradings in order: the session's number, and whether it was known.
    fn gradings(&self) -> BTreeMap<Key, Vec<(usize, bool)>> {
        let sessions = self.sessions();
        let mut gradings: BTreeMap<Key, Vec<(usize, bool)>> = BTreeMap::new();
        let reviews = self.records.iter().filter(|record| record.kind == "review");
        for record in reviews {
            let session = sessions[record.session.as_str()];
            let key = (record.lesson.clone(), record.item.clone());
            gradings.entry(key).or_default().push((session, record.right == Some(true)));
        }
        for of_one in gradings.values_mut() {
            of_one.sort_unstable_by_key(|(session, _)| *session);
        }
        gradings
    }

    /// Prompts that were known in a later session than the first.
    fn kept(&self) -> BTreeSet<Key> {
        let late = |of_one: &Vec<(usize, bool)>| {
            of_one.iter().any(|(session, right)| *right && *session > of_one[0].0)
        };
        self.gradings().into_iter().filter(|(_, of_one)| late(of_one)).map(|(key, _)| key).collect()
    }

    /// The prompts that come back in a session, the longest due first, at most [`AT_MOST`].
    pub fn due(&self, session: &str) -> Vec<Key> {
        let sessions = self.sessions();
        let now = sessions.get(session).copied().unwrap_or(sessions.len());
        let mut due: Vec<(usize, Key)> = Vec::new();
        for (key, of_one) in self.gradings() {
            let (last, right) = of_one[of_one.len() - 1];
            // The first grading is not a return; a wrong one begins anew.
            let streak = of_one[1..].iter().rev().take_while(|(_, right)| *right).count();
            let wait =
                if right || of_one.len() == 1 { RETURNS.get(streak) } else { RETURNS.first() };
            let Some(wait) = wait else { continue };
            if now >= last + wait {
                due.push((now - last - wait, key));
            }
        }
        due.sort_by(|a, b| b.0.cmp(&a.0).then_with(|| a.1.cmp(&b.1)));
        due.into_iter().take(AT_MOST).map(|(_, key)| key).collect()
    }
}

/// Adds a line to the file, which is made if it is not there. A half line before it is ended first, so that nothing runs
/// into it.
///
/// # Errors
/// If the system refuses.
pub fn append(path: &Path, record: &Record) -> io::Result<()> {
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder)?;
    }
    let mut file = OpenOptions::new().read(true).append(true).create(true).open(path)?;
    let mut line = serde_json::to_string(record)?;
    line.push('\n');
    if file.seek(SeekFrom::End(0))? > 0 {
        file.seek(SeekFrom::End(-1))?;
        let mut last = [0];
        file.read_exact(&mut last)?;
        if last != *b"\n" {
            line.insert(0, '\n');
        }
    }
    // One write, so that two labs do not run into each other.
    file.write_all(line.as_bytes())?;
    file.sync_data()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn review(session: &str, item: &str, right: bool) -> Record {
        Record {
            t: session.trim_start_matches('s').parse().unwrap(),
            session: session.to_owned(),
            lesson: "a".to_owned(),
            item: item.to_owned(),
            kind: "review".to_owned(),
            right: Some(right),
            ..Record::default()
        }
    }

    fn session(number: usize) -> Record {
        let session = format!("s{number}");
        Record { t: number as u64, session, kind: "session".to_owned(), ..Record::default() }
    }

    /// The sessions from 0 to 20 in which a prompt is asked, if it is known each time but in `unknown`.
    fn returns(unknown: &[usize]) -> Vec<usize> {
        let mut progress = Progress::default();
        let mut asked = Vec::new();
        for number in 0..=20 {
            progress.records.push(session(number));
            let name = format!("s{number}");
            if number == 0 || !progress.due(&name).is_empty() {
                asked.push(number);
                progress.records.push(review(&name, "p", !unknown.contains(&number)));
            }
        }
        asked
    }

    #[test]
    fn prompts_come_back_after_one_three_and_seven_sessions() {
        assert_eq!(returns(&[]), [0, 1, 4, 11]);
        assert_eq!(returns(&[0]), [0, 1, 4, 11], "the first grading is of a text just read");
        assert_eq!(returns(&[1]), [0, 1, 2, 5, 12]);
        assert_eq!(returns(&[4]), [0, 1, 4, 5, 8, 15]);
    }

    #[test]
    fn at_most_four_at_once_the_longest_due_first() {
        let mut progress = Progress::default();
        for number in 0..6 {
            progress.records.push(session(number));
            progress.records.push(review(&format!("s{number}"), &format!("p{number}"), true));
        }
        progress.records.push(session(6));
        let due: Vec<_> = progress.due("s6").into_iter().map(|(_, item)| item).collect();
        assert_eq!(due, ["p0", "p1", "p2", "p3"]);
    }

    #[test]
    fn damaged_and_unknown_lines_are_kept_and_said() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("deep").join("progress.jsonl");
        append(&path, &session(1)).unwrap();
        let later =
            "{\"t\":2,\"session\":\"s1\",\"kind\":\"dream\",\"colour\":\"red\"}\n{\"t\":3,\"sess";
        let mut file = OpenOptions::new().append(true).open(&path).unwrap();
        file.write_all(later.as_bytes()).unwrap();
        let before = std::fs::read_to_string(&path).unwrap();
        let progress = Progress::read(&path).unwrap();
        assert_eq!((progress.records.len(), progress.unread, progress.half), (2, 1, true));
        append(&path, &review("s1", "p", true)).unwrap();
        let after = std::fs::read_to_string(&path).unwrap();
        assert!(after.starts_with(&before), "nothing is rewritten");
        let progress = Progress::read(&path).unwrap();
        assert_eq!((progress.records.len(), progress.unread, progress.half), (3, 1, false));
        assert_eq!(Progress::read(&folder.path().join("none")).unwrap(), Progress::default());
    }

    #[test]
    fn sureness_is_held_against_first_answers() {
        let answer = |item: &str, sure, right| Record {
            sure: Some(sure),
            kind: "ask".to_owned(),
            ..review("s1", item, right)
        };
        let records = vec![
            answer("a", 5, false),
            answer("a", 5, true),
            answer("b", 4, true),
            answer("c", 2, true),
        ];
        let progress = Progress { records, ..Progress::default() };
        assert_eq!(progress.calibration(), Calibration { sure: 2, right: 1 });
    }
}
