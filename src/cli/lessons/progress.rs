//! `gpt-lab lessons progress` and `reset`: what a learner has done, read off the file that the lab adds to.

use std::fs::OpenOptions;
use std::io::{IsTerminal, Write};
use std::path::PathBuf;
use std::time::SystemTime;

use anyhow::Context;
use serde_json::json;

use super::{padded, widest};
use crate::cli::{Failure, say};
use crate::lab::folder::dated;
use crate::lesson::Lesson;
use crate::lesson::progress::{Calibration, Progress, Standing};
use crate::text::folder;

fn path() -> anyhow::Result<PathBuf> {
    let data = folder::data();
    let data = data
        .context("there is no home folder to keep progress in: name a folder with GPT_LAB_HOME")?;
    Ok(data.join("progress.jsonl"))
}

pub fn show(lessons: &[Lesson], json: bool) -> Result<(), Failure> {
    let path = path()?;
    let progress = Progress::read(&path).with_context(|| path.display().to_string())?;
    let Calibration { sure, right } = progress.calibration();
    let mut out = std::io::stdout().lock();
    if json {
        for lesson in lessons {
            let Standing { met, goals, answered, right, questions, kept, prompts } =
                progress.standing(lesson);
            let line = json!({
                "number": lesson.number, "id": lesson.id, "title": lesson.title,
                "met": met, "goals": goals,
                "answered": answered, "right": right, "questions": questions,
                "kept": kept, "prompts": prompts,
            });
            writeln!(out, "{line}")?;
        }
        let line = json!({"sure": sure, "sure_right": right, "unread": progress.unread});
        writeln!(out, "{line}")?;
        return Ok(());
    }
    let titles = widest(lessons.iter().map(|lesson| lesson.title.as_str()).chain(["lesson"]));
    writeln!(out, "    {}  goals met     right      kept", padded("lesson", titles))?;
    for lesson in lessons {
        let standing = progress.standing(lesson);
        let of = |part: usize, whole: usize| {
            if whole == 0 { "-".to_owned() } else { format!("{part} of {whole}") }
        };
        let met = of(standing.met, standing.goals);
        let right = of(standing.right, standing.questions);
        let kept = of(standing.kept, standing.prompts);
        let title = padded(&lesson.title, titles);
        writeln!(out, "{:>2}  {title}  {met:>9}  {right:>8}  {kept:>8}", lesson.number)?;
    }
    match sure {
        0 => writeln!(out, "no answer that you were sure of yet")?,
        _ => writeln!(out, "of {sure} you were sure of, {right} right")?,
    }
    if progress.unread > 0 {
        let unread = progress.unread;
        say(format_args!(
            "note: lines of {} that say nothing to this version: {unread}",
            path.display()
        ));
    }
    Ok(())
}

pub fn reset(yes: bool) -> Result<(), Failure> {
    let path = path()?;
    if !path.exists() {
        say(format_args!("there is no progress to move aside ({})", path.display()));
        return Ok(());
    }
    if !yes && !agreed(&path.display().to_string())? {
        say("nothing was changed");
        return Ok(());
    }
    let folder = path.parent().unwrap_or(&path);
    let aside = dated(folder, "progress-", ".jsonl", SystemTime::now());
    let taken = || format!("{} could not be moved to {}", path.display(), aside.display());
    // The name is taken before anything is moved to it, so that it replaces nothing.
    OpenOptions::new().write(true).create_new(true).open(&aside).with_context(taken)?;
    std::fs::rename(&path, &aside).with_context(taken)?;
    writeln!(std::io::stdout().lock(), "{}", aside.display())?;
    Ok(())
}

/// Asks whoever sits at the terminal.
fn agreed(path: &str) -> Result<bool, Failure> {
    if !std::io::stdin().is_terminal() || !std::io::stderr().is_terminal() {
        return Err(Failure::usage(
            "reset asks first, and standard input is no terminal: say --yes, or answer at a terminal",
        ));
    }
    let mut err = std::io::stderr().lock();
    write!(err, "Move {path} aside and begin anew? [y/N] ")?;
    err.flush()?;
    let mut answer = String::new();
    std::io::stdin().read_line(&mut answer)?;
    Ok(matches!(answer.trim().to_lowercase().as_str(), "y" | "yes"))
}
