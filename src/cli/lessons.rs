//! `gpt-lab lessons`: the course without its screen: what it holds, how it reads, whether it is true, how far a learner is.

mod check;
mod claims;
mod progress;
mod show;

use std::io::Write;
use std::path::PathBuf;

use clap::{Args, Subcommand};
use serde_json::json;
use unicode_width::UnicodeWidthStr;

use super::Failure;
use crate::lesson::check::Known;
use crate::lesson::{Kind, Lesson, course};
use crate::text::{Corpus, Dataset};

#[derive(Debug, Args)]
pub struct Arguments {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Every lesson, and how much it asks
    List {
        #[command(flatten)]
        course: Course,
        /// One JSON object a lesson
        #[arg(long)]
        json: bool,
    },
    /// The pages of a lesson as a learner reads them, with their numbers filled in
    Show(show::Arguments),
    /// Prove the lessons: names, numbers, answers and goals, by training
    Check(check::Arguments),
    /// Run the claims of the lessons over their seeds
    RunClaims(claims::Arguments),
    /// What a learner has met, answered and kept
    Progress {
        #[command(flatten)]
        course: Course,
        /// One JSON object a lesson, and one of how well sureness fits
        #[arg(long)]
        json: bool,
    },
    /// Begin anew: move the file of progress aside
    Reset {
        /// Do not ask
        #[arg(long)]
        yes: bool,
    },
}

/// Which lessons.
#[derive(Debug, Args)]
struct Course {
    /// A folder of lessons instead of this program's own
    #[arg(long, value_name = "DIR")]
    lessons: Option<PathBuf>,
}

/// What the lessons are read with.
#[derive(Debug, Args)]
struct Text {
    /// A UTF-8 text, - for standard input; without it GPT_LAB_DATA, the fetched Tiny Shakespeare, or the play in this program
    #[arg(long, value_name = "FILE", allow_hyphen_values = true)]
    data: Option<PathBuf>,
}

impl Course {
    /// Names and texts of the files.
    fn texts(&self) -> Result<Vec<(String, String)>, Failure> {
        if let Some(folder) = &self.lessons {
            return Ok(course::texts(folder)?);
        }
        let own = course::FILES.iter();
        Ok(own.map(|(file, text)| ((*file).to_owned(), (*text).to_owned())).collect())
    }

    fn read(&self) -> Result<Vec<Lesson>, Failure> {
        match &self.lessons {
            Some(folder) => Ok(course::folder(folder)?),
            None => Ok(course()?),
        }
    }
}

impl Text {
    fn dataset(&self) -> Result<Dataset, Failure> {
        Ok(Dataset::new(super::text(self.data.as_deref())?)?)
    }

    /// The text, with what counting reaches on it.
    fn known(&self) -> Result<Known, Failure> {
        Ok(Known::new(self.dataset()?))
    }
}

/// The play that is always there, if it is not the text that is known already.
fn play_beside(known: &Known) -> Result<Option<Known>, Failure> {
    let play = Corpus::bundled();
    if play.name == known.name() {
        return Ok(None);
    }
    Ok(Some(Known::new(Dataset::new(play)?)))
}

/// The lesson of this number or id.
fn find<'a>(lessons: &'a [Lesson], asked: &str) -> Result<&'a Lesson, Failure> {
    lessons.iter().find(|lesson| is_called(lesson, asked)).ok_or_else(|| {
        let known: Vec<_> = lessons.iter().map(|l| format!("{} {}", l.number, l.id)).collect();
        Failure::usage(format!(
            "there is no lesson {asked:?}: expected one of {}",
            known.join(", ")
        ))
    })
}

fn is_called(lesson: &Lesson, asked: &str) -> bool {
    lesson.id == asked || asked.parse() == Ok(lesson.number)
}

/// A word with blanks after it, so wide.
fn padded(word: &str, width: usize) -> String {
    format!("{word}{}", " ".repeat(width.saturating_sub(word.width())))
}

fn widest<'a>(words: impl Iterator<Item = &'a str>) -> usize {
    words.map(UnicodeWidthStr::width).max().unwrap_or(0)
}

/// Runs `gpt-lab lessons …`.
///
/// # Errors
/// If a lesson is damaged or not true, or something cannot be read or written.
pub fn run(arguments: &Arguments) -> Result<(), Failure> {
    match &arguments.action {
        Action::List { course, json } => list(&course.read()?, *json),
        Action::Show(arguments) => show::run(arguments),
        Action::Check(arguments) => check::run(arguments),
        Action::RunClaims(arguments) => claims::run(arguments),
        Action::Progress { course, json } => progress::show(&course.read()?, *json),
        Action::Reset { yes } => progress::reset(*yes),
    }
}

/// What lists count of a lesson, in their order.
const COUNTED: [&str; 6] = ["predict", "ask", "goal", "claim", "review", "terms"];

fn counts(lesson: &Lesson) -> [usize; 6] {
    let of = |name: &str| -> usize {
        let counted = |(_, item): (usize, &crate::lesson::Item)| match &item.kind {
            Kind::Review(prompts) => prompts.len(),
            _ => 1,
        };
        lesson.items().filter(|(_, item)| item.kind_name() == name).map(counted).sum()
    };
    COUNTED.map(|name| if name == "terms" { lesson.terms().len() } else { of(name) })
}

/// Every stage that a lesson's pages are about, each once.
fn stages(lesson: &Lesson) -> Vec<&str> {
    let mut stages: Vec<&str> = Vec::new();
    for stage in (0..lesson.pages.len()).map(|page| lesson.stage_of(page)) {
        if !stages.contains(&stage) {
            stages.push(stage);
        }
    }
    stages
}

fn list(lessons: &[Lesson], json: bool) -> Result<(), Failure> {
    let mut out = std::io::stdout().lock();
    if json {
        for lesson in lessons {
            let mut line = json!({
                "number": lesson.number,
                "id": lesson.id,
                "title": lesson.title,
                "pages": lesson.pages.len(),
                "stages": stages(lesson),
            });
            for (name, count) in COUNTED.into_iter().zip(counts(lesson)) {
                line[name] = json!(count);
            }
            writeln!(out, "{line}")?;
        }
        return Ok(());
    }
    let ids = widest(lessons.iter().map(|lesson| lesson.id.as_str()).chain(["lesson"]));
    let titles = widest(lessons.iter().map(|lesson| lesson.title.as_str()).chain(["title"]));
    write!(out, "    {}  {}  pages", padded("lesson", ids), padded("title", titles))?;
    for name in COUNTED {
        write!(out, "  {name}")?;
    }
    writeln!(out)?;
    for lesson in lessons {
        let (id, title) = (padded(&lesson.id, ids), padded(&lesson.title, titles));
        write!(out, "{:>2}  {id}  {title}  {:>5}", lesson.number, lesson.pages.len())?;
        for (name, count) in COUNTED.into_iter().zip(counts(lesson)) {
            write!(out, "  {count:>0$}", name.len())?;
        }
        writeln!(out)?;
    }
    Ok(())
}
