//! `gpt-lab lessons check`: proves the lessons, and says all that is wrong with them.

use std::io::{IsTerminal, Write};
use std::time::Instant;

use indicatif::ProgressBar;
use serde_json::json;

use super::{Course, Text, play_beside};
use crate::cli::Failure;
use crate::lab::action::first_keys;
use crate::lab::panes::PaneId;
use crate::lesson::check::{Against, check};
use crate::lesson::{LessonError, course, parse_whole};
use crate::train::{Team, team};

#[derive(Debug, clap::Args)]
pub struct Arguments {
    #[command(flatten)]
    course: Course,
    #[command(flatten)]
    text: Text,
    /// Hold the lessons of a folder to how much the course's own have to ask
    #[arg(long, requires = "lessons")]
    counts: bool,
    /// Train every prediction as far as what answers it, and its arms: minutes
    #[arg(long)]
    whole: bool,
    /// Threads that share a step [default: one a core, up to 8]
    #[arg(long, value_name = "N", value_parser = team::threads)]
    threads: Option<usize>,
    /// One JSON object a fault, and one of what was proved
    #[arg(long)]
    json: bool,
}

pub fn run(arguments: &Arguments) -> Result<(), Failure> {
    let begun = Instant::now();
    let files = arguments.course.texts()?;
    let known = arguments.text.known()?;
    let play = play_beside(&known)?;
    let texts: Vec<_> = std::iter::once(known).chain(play).collect();
    let threads = arguments.threads.unwrap_or_else(Team::default_threads);
    let team = Team::new(threads).map_err(Failure::usage)?;

    let mut faults: Vec<LessonError> = Vec::new();
    let mut lessons = Vec::new();
    // A lesson that cannot be read may still be needed by others.
    let mut ids: Vec<String> = Vec::new();
    for (file, text) in &files {
        match parse_whole(file, text) {
            Ok(lesson) => lessons.push(lesson),
            Err(found) => {
                faults.extend(found);
                ids.extend(id_of(text));
            }
        }
    }
    if arguments.course.lessons.is_some() {
        ids.extend(course()?.into_iter().map(|lesson| lesson.id));
    }
    let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
    let keys = first_keys(false);
    let against = Against {
        panes: &PaneId::ALL.map(PaneId::name),
        keys: &keys,
        texts: &texts,
        lessons: &ids,
        team: &team,
        counts: arguments.counts || arguments.course.lessons.is_none(),
        whole: arguments.whole,
    };
    let bar = if std::io::stderr().is_terminal() && !arguments.json {
        ProgressBar::new(lessons.len() as u64)
    } else {
        ProgressBar::hidden()
    };
    let mut items = 0;
    let mut silent = Vec::new();
    for lesson in &lessons {
        bar.set_message(lesson.id.clone());
        let report = check(lesson, &lessons, &against);
        items += report.items;
        faults.extend(report.faults);
        silent.extend(report.silent);
        bar.inc(1);
    }
    bar.finish_and_clear();
    faults.sort_by(|a, b| (&a.file, a.line).cmp(&(&b.file, b.line)));

    let seconds = begun.elapsed().as_secs_f64();
    let mut out = std::io::stdout().lock();
    for LessonError { file, line, what } in &faults {
        if arguments.json {
            writeln!(out, "{}", json!({"file": file, "line": line, "what": what}))?;
        } else {
            writeln!(out, "{file}:{line}: {what}")?;
        }
    }
    let text = texts[0].name();
    if arguments.json {
        let silent: Vec<_> = silent
            .iter()
            .map(|(lesson, item, on)| json!({"lesson": lesson, "id": item, "on": on}))
            .collect();
        let line = json!({
            "lessons": files.len(),
            "items": items,
            "faults": faults.len(),
            "silent": silent,
            "text": text,
            "seconds": seconds,
        });
        writeln!(out, "{line}")?;
    } else {
        for (lesson, item, on) in &silent {
            writeln!(out, "not tried: {lesson}/{item} is of {on}, and the text is {text}")?;
        }
        if faults.is_empty() {
            let proved = items - silent.len();
            writeln!(
                out,
                "{} and {} were proved on {text}, in {seconds:.1} s",
                counted(files.len(), "lesson"),
                counted(proved, "item")
            )?;
        }
    }
    if faults.is_empty() {
        return Ok(());
    }
    out.flush()?;
    let mut damaged: Vec<&str> = faults.iter().map(|fault| fault.file.as_str()).collect();
    damaged.dedup();
    Err(Failure::Failed(anyhow::anyhow!(
        "{} in {} of {}, found in {seconds:.1} s",
        counted(faults.len(), "fault"),
        damaged.len(),
        counted(files.len(), "lesson")
    )))
}

fn counted(n: usize, what: &str) -> String {
    if n == 1 { format!("1 {what}") } else { format!("{n} {what}s") }
}

/// The id that a damaged file seems to have.
fn id_of(text: &str) -> Option<String> {
    let line = text.lines().find(|line| line.starts_with("id"))?;
    Some(line.split('"').nth(1)?.to_owned())
}
