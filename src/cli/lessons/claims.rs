//! `gpt-lab lessons run-claims`: trains what every claim says over its seeds, and says which hold.

use std::io::{IsTerminal, Write};
use std::sync::atomic::AtomicBool;
use std::time::Instant;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde_json::{Value, json};

use super::{Course, Text, is_called, padded, widest};
use crate::cli::Failure;
use crate::lesson::experiment::of_claim;
use crate::lesson::{Claim, Item, Kind, Lesson};
use crate::text::Dataset;
use crate::train::experiment::Verdict;
use crate::train::{Material, Team, team};

#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// Lessons, by number or id, and claims, by id or lesson/id; without one, all
    #[arg(value_name = "N|ID")]
    asked: Vec<String>,
    /// Only those that are run with every change of the program
    #[arg(long)]
    ci: bool,
    #[command(flatten)]
    course: Course,
    #[command(flatten)]
    text: Text,
    /// Runs at once, each on a thread of its own; the numbers do not depend on it [default: one a core, up to 8]
    #[arg(long, value_name = "N", value_parser = team::threads)]
    threads: Option<usize>,
    /// One JSON object a claim
    #[arg(long)]
    json: bool,
}

/// A claim, and where it stands.
struct Stated<'a> {
    lesson: &'a Lesson,
    page: usize,
    item: &'a Item,
    claim: &'a Claim,
}

impl Stated<'_> {
    fn name(&self) -> String {
        format!("{}/{}", self.lesson.id, self.item.id)
    }

    fn is_called(&self, asked: &str) -> bool {
        is_called(self.lesson, asked) || self.item.id == asked || self.name() == asked
    }
}

/// What became of a claim.
enum Outcome {
    /// It is of another text.
    Silent,
    Tried(Verdict),
}

pub fn run(arguments: &Arguments) -> Result<(), Failure> {
    let lessons = arguments.course.read()?;
    let stated = choose(&lessons, arguments)?;
    let dataset = arguments.text.dataset()?;
    let threads = arguments.threads.unwrap_or_else(Team::default_threads);
    let names: Vec<String> = stated.iter().map(Stated::name).collect();
    let width = widest(names.iter().map(String::as_str));
    let mut out = std::io::stdout().lock();
    let mut broken = Vec::new();
    let (mut silent, mut held) = (0, 0);
    let begun = Instant::now();
    for (stated, name) in stated.iter().zip(&names) {
        let started = Instant::now();
        let outcome = try_out(stated, name, &dataset, threads, arguments.json)?;
        let seconds = started.elapsed().as_secs_f64();
        match &outcome {
            Outcome::Silent => silent += 1,
            Outcome::Tried(Verdict { holds: Some(true), .. }) => held += 1,
            Outcome::Tried(_) => {
                broken.push(format!("{}:{} {name}", stated.lesson.file, stated.item.line));
            }
        }
        if arguments.json {
            writeln!(out, "{}", line(stated, &outcome, &dataset.corpus.name, seconds))?;
            continue;
        }
        let name = padded(name, width);
        match (&outcome, &stated.claim.on) {
            (Outcome::Tried(verdict), _) => writeln!(out, "{name}  {verdict}  ({seconds:.1} s)")?,
            (Outcome::Silent, on) => {
                let on = on.as_deref().unwrap_or_default();
                writeln!(
                    out,
                    "{name}  silent: it is of {on}, and the text is {}",
                    dataset.corpus.name
                )?;
            }
        }
    }
    if !arguments.json {
        let seconds = begun.elapsed().as_secs_f64();
        writeln!(
            out,
            "{held} of {} claims hold on {}, {silent} silent, in {seconds:.1} s",
            stated.len() - silent,
            dataset.corpus.name
        )?;
    }
    if broken.is_empty() {
        return Ok(());
    }
    out.flush()?;
    let verb = if broken.len() == 1 { "claim does not hold" } else { "claims do not hold" };
    Err(Failure::Failed(anyhow::anyhow!("{} {verb}: {}", broken.len(), broken.join(", "))))
}

/// Those that were asked for, in the order of the course.
fn choose<'a>(lessons: &'a [Lesson], arguments: &Arguments) -> Result<Vec<Stated<'a>>, Failure> {
    let mut stated = Vec::new();
    for lesson in lessons {
        for (page, item) in lesson.items() {
            if let Kind::Claim(claim) = &item.kind {
                stated.push(Stated { lesson, page, item, claim });
            }
        }
    }
    for asked in &arguments.asked {
        let known = stated.iter().any(|one| one.is_called(asked))
            || lessons.iter().any(|lesson| is_called(lesson, asked));
        if !known {
            let names: Vec<_> = stated.iter().map(Stated::name).collect();
            let names =
                if names.is_empty() { "there are none".to_owned() } else { names.join(", ") };
            let what = format!("there is no lesson or claim {asked:?}: the claims are {names}");
            return Err(Failure::usage(what));
        }
    }
    let all = arguments.asked.is_empty();
    stated.retain(|one| all || arguments.asked.iter().any(|asked| one.is_called(asked)));
    stated.retain(|one| one.claim.ci || !arguments.ci);
    Ok(stated)
}

fn try_out(
    stated: &Stated<'_>,
    name: &str,
    dataset: &Dataset,
    threads: usize,
    json: bool,
) -> Result<Outcome, Failure> {
    if !stated.item.is_of(&dataset.corpus.name) {
        return Ok(Outcome::Silent);
    }
    let wrong = |error: &dyn std::fmt::Display| {
        anyhow::anyhow!("{}:{}: {error}", stated.lesson.file, stated.item.line)
    };
    let spoken_of = stated.lesson.stage_of(stated.page);
    let experiment = of_claim(stated.claim, spoken_of, dataset.tokenizer.vocab_size())
        .map_err(|error| wrong(&error))?;
    let bar = ProgressBar::hidden();
    if std::io::stderr().is_terminal() && !json {
        let style = ProgressStyle::with_template("{bar:30} {percent} %  {eta} left  {msg}");
        bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
        bar.set_length(1000);
        bar.set_draw_target(ProgressDrawTarget::stderr());
        bar.set_message(name.to_owned());
    }
    let material: Material = std::sync::Arc::new(dataset.clone()).into();
    let cancel = AtomicBool::new(false);
    let runs = experiment.run(&material, threads, &cancel, &mut |progress| {
        bar.set_position((progress.done * 1000.0) as u64);
    });
    bar.finish_and_clear();
    Ok(Outcome::Tried(experiment.verdict(&runs.map_err(|error| wrong(&error))?)))
}

fn line(stated: &Stated<'_>, outcome: &Outcome, text: &str, seconds: f64) -> Value {
    let expect = stated.claim.expect;
    let mut expected = json!({});
    for (name, bound) in [("above", expect.above), ("below", expect.below)] {
        if let Some(bound) = bound {
            expected[name] = json!(bound);
        }
    }
    let (holds, mean, error, seeds) = match outcome {
        Outcome::Silent => (None, None, None, Vec::new()),
        Outcome::Tried(v) => (Some(v.holds == Some(true)), v.mean, v.error, v.values.clone()),
    };
    json!({
        "lesson": stated.lesson.id,
        "id": stated.item.id,
        "text": text,
        "holds": holds,
        "difference": mean,
        "error": error,
        "expected": expected,
        "seeds": seeds,
        "seconds": seconds,
    })
}
