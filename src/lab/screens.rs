//! Pictures of the lab for its README: real runs of fixed seeds and lengths, moved by keys, drawn by the lab itself on a
//! screen in memory. How fast a run was is left out: it is the only thing on these screens that differs from one time to the
//! next.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::sync_channel;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow, bail};
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use ratatui::layout::Size;

use super::driver::{Driver, Incoming};
use super::host::NoHost;
use super::model::{Model, Msg};
use super::panes::Panes;
use super::run::{Run, Speed, Status};
use super::start::raise;
use super::svg::svg;
use super::theme::{Depth, Glyphs, Ground, Theme};
use crate::lesson::{Lesson, Start, course};
use crate::text::ngram;
use crate::train::{Command, Order, Subscription};

const SIZE: Size = Size { width: 120, height: 40 };
const SEED: u64 = 1337;
/// The results of a run depend on it.
const THREADS: usize = 1;
/// Reference lines: uniform, and n-grams up to this n.
const HIGHEST_NGRAM: usize = 5;
/// How long anything may take that is waited for.
const PATIENCE: Duration = Duration::from_secs(1800);
/// A frame, and a little.
const FRAME: Duration = Duration::from_millis(40);

/// A lesson's run, and the pictures that are taken of it one after the other.
struct Shot {
    /// The first lesson on it is opened.
    stage: &'static str,
    steps: u64,
    /// A file's name, what it shows, and the keys before it: signs, names of keys, or `pane:` and its name.
    pictures: &'static [(&'static str, &'static str, &'static [&'static str])],
}

const SHOTS: &[Shot] = &[
    Shot {
        stage: "bigram",
        steps: 1500,
        pictures: &[("bigram", "The first lesson, its run half way", &[])],
    },
    Shot {
        stage: "multi-head",
        steps: 4000,
        pictures: &[
            ("attention", "What four heads look at", &["pane:attention"]),
            (
                "origin",
                "Where a number of a query comes from",
                &["z", "enter", "enter", "enter", "enter", "enter"],
            ),
        ],
    },
    Shot {
        stage: "single-head",
        steps: 4000,
        pictures: &[("embeddings", "The characters by their vectors", &["pane:embeddings", "z"])],
    },
    Shot {
        stage: "encoder-decoder",
        steps: 1000,
        pictures: &[(
            "cross-attention",
            "An encoder-decoder that reverses strings",
            &["pane:attention"],
        )],
    },
];

type Screen = Driver<TestBackend, NoHost>;

/// Draws every picture into the folder, and says which files these are.
///
/// # Errors
/// If there is no text, a run does not come to its step, or a file cannot be written.
pub fn take(data: Option<&Path>, folder: &Path, told: &mut dyn FnMut(&Path)) -> Result<()> {
    std::fs::create_dir_all(folder)
        .with_context(|| format!("{} could not be made", folder.display()))?;
    for shot in SHOTS {
        for (path, picture) in pictures(data, shot)? {
            let path = folder.join(path);
            std::fs::write(&path, picture)
                .with_context(|| format!("{} could not be written", path.display()))?;
            told(&path);
        }
    }
    Ok(())
}

/// The pictures of one run.
fn pictures(data: Option<&Path>, shot: &Shot) -> Result<Vec<(PathBuf, String)>> {
    let mut lessons = course()?;
    let (lesson, page) = page(&lessons, shot)?;
    // On a picture nobody predicts.
    for page in &mut lessons[lesson].pages {
        page.setup.run = Start::Own;
    }
    let (sender, inbox) = sync_channel(256);
    let (own, events) = sync_channel(256);
    let dataset = raise(data, SEED, THREADS, shot.stage, &own)?;
    let Ok(Incoming::Up { trainer, corpus, stage, experimenter }) = events.recv() else {
        bail!("the trainer did not start");
    };
    let commands = trainer.commands.clone();
    sender.send(Incoming::Up { trainer, corpus, stage, experimenter })?;
    let forward = sender.clone();
    thread::spawn(move || {
        for event in events {
            if forward.send(event).is_err() {
                break;
            }
        }
    });
    let theme = Theme::new(Depth::Rgb, Ground::Dark, Glyphs::UNICODE);
    let mut model = Model::new(lessons, lesson, theme, SIZE, SEED);
    model.page = page;
    model.playing = false;
    let terminal = Terminal::new(TestBackend::new(SIZE.width, SIZE.height))?;
    let mut screen = Driver::new(terminal, NoHost, model, inbox, None);
    let references = ngram::references(&dataset, HIGHEST_NGRAM);
    sender.send(Incoming::Msg(Msg::References(references)))?;
    let press = |screen: &mut Screen, key: &str| -> Result<()> {
        let key = key_named(&screen.model, key)?;
        sender.send(Incoming::Msg(Msg::Key(key)))?;
        screen.turn(FRAME);
        Ok(())
    };
    until(&mut screen, "the run to open", |model| {
        run(model).is_some_and(|run| run.card.is_some())
    })?;
    // Not at the lesson's pace.
    press(&mut screen, "F")?;
    let of = run(&screen.model).map(|run| run.id);
    commands.send(Order { run: of, command: Command::Step(shot.steps) })?;
    until(&mut screen, "the run to come to its step", |model| {
        run(model).is_some_and(|run| run.step == shot.steps && run.status == Status::Paused)
    })?;
    settle(&mut screen, shot.steps)?;
    // A map is turned to how it stood a frame ago; how many frames there were depends on the time.
    screen.model.panes = Panes::default();
    screen.model.refresh();
    if asks_for_text(&screen.model) {
        // How many texts there were on the way depends on the time: this one is the first of its request.
        let before = screen.model.sample.clone();
        // Its key counts only in some panes; the next turn asks.
        screen.model.sample_seed = SEED + 1;
        screen.turn(FRAME);
        until(&mut screen, "a text of its own", |model| {
            let same = match (&before, &model.sample) {
                (Some(before), Some(now)) => Arc::ptr_eq(before, now),
                (_, now) => now.is_none(),
            };
            !same && model.sample.as_ref().is_some_and(|sample| sample.complete)
        })?;
    }
    let mut taken = Vec::new();
    for (name, title, keys) in shot.pictures {
        for key in *keys {
            press(&mut screen, key)?;
            settle(&mut screen, shot.steps)?;
        }
        settle(&mut screen, shot.steps)?;
        taken.push((PathBuf::from(format!("{name}.svg")), picture(&mut screen, title)));
    }
    if !screen.end_trainer(PATIENCE) {
        bail!("the trainer did not end");
    }
    Ok(taken)
}

/// The first page that is about the shot's stage and has the panes that its keys go to.
fn page(lessons: &[Lesson], shot: &Shot) -> Result<(usize, usize)> {
    let keys = shot.pictures.iter().flat_map(|(.., keys)| keys.iter());
    let panes: Vec<_> = keys.filter_map(|key| key.strip_prefix("pane:")).collect();
    let pages = lessons
        .iter()
        .enumerate()
        .flat_map(|(at, lesson)| (0..lesson.pages.len()).map(move |page| (at, page, lesson)));
    let fits = |(_, page, lesson): &(usize, usize, &Lesson)| {
        let has = |pane: &&str| lesson.panes_of(*page).iter().any(|name| name == pane);
        lesson.stage_of(*page) == shot.stage && panes.iter().all(has)
    };
    let found = pages.into_iter().find(fits).map(|(at, page, _)| (at, page));
    found.with_context(|| format!("no page is on {} with {}", shot.stage, panes.join(", ")))
}

fn asks_for_text(model: &Model) -> bool {
    model.requested.as_ref().is_some_and(|request| request.tokens > 0)
}

fn run(model: &Model) -> Option<&Run> {
    model.run.as_ref()
}

/// Waits until what is on the screen is of the run's last step, all of it.
fn settle(screen: &mut Screen, step: u64) -> Result<()> {
    // What was asked for a moment ago is on its way.
    let asked = screen.model.subscribed.clone();
    screen.turn(FRAME);
    let nothing = asked.as_ref().is_some_and(Subscription::is_of_nothing);
    until(screen, "a snapshot of all that is shown", |model| {
        if nothing {
            // Of a page whose panes look at no part of the model there is none.
            return true;
        }
        let (Some(wanted), Some(snapshot)) = (&asked, model.facts().snapshot) else { return false };
        let plain = |name: &&String| !name.contains('*');
        let activations = wanted.activations.iter().filter(plain);
        let parameters = wanted.parameters.iter().filter(plain);
        snapshot.step == step
            && activations.into_iter().all(|name| snapshot.activation(name).is_some())
            && parameters.into_iter().all(|name| snapshot.parameter(name).is_some())
    })?;
    until(screen, "a text of that step", |model| {
        let sample = model.facts().sample;
        !asks_for_text(model) || sample.is_some_and(|sample| sample.complete && sample.step == step)
    })
}

/// Takes in what happens until something is so.
fn until(screen: &mut Screen, what: &str, so: impl Fn(&Model) -> bool) -> Result<()> {
    let deadline = Instant::now() + PATIENCE;
    while !so(&screen.model) {
        if Instant::now() > deadline {
            bail!("waited too long for {what}");
        }
        if let Some(Status::Failed(why)) = run(&screen.model).map(|run| &run.status) {
            bail!("the trainer failed: {why}");
        }
        screen.turn(FRAME);
    }
    Ok(())
}

fn picture(screen: &mut Screen, title: &str) -> String {
    screen.turn(FRAME);
    // What was said in passing, and how fast it went.
    screen.model.toasts.clear();
    if let Some(run) = &mut screen.model.run {
        run.speed = Speed::default();
    }
    screen.model.dirty = true;
    screen.draw();
    svg(screen.terminal.backend().buffer(), screen.model.theme.ground, title)
}

fn key_named(model: &Model, name: &str) -> Result<KeyEvent> {
    let code = match name {
        "enter" => KeyCode::Enter,
        "esc" => KeyCode::Esc,
        "up" => KeyCode::Up,
        "down" => KeyCode::Down,
        "left" => KeyCode::Left,
        "right" => KeyCode::Right,
        name => match name.strip_prefix("pane:") {
            Some(pane) => {
                let panes = model.lesson().panes_of(model.page);
                let at = panes.iter().position(|name| name == pane);
                let at = at.with_context(|| format!("the lesson has no pane {pane}"))? as u32;
                KeyCode::Char(char::from_digit(at + 1, 10).context("a pane beyond the ninth")?)
            }
            None => {
                KeyCode::Char(name.chars().next().ok_or_else(|| anyhow!("a key without a name"))?)
            }
        },
    };
    Ok(KeyEvent::new(code, KeyModifiers::NONE))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_shot_has_its_lesson_and_its_panes() {
        let lessons = course().unwrap();
        let mut names = std::collections::HashSet::new();
        for shot in SHOTS {
            let (lesson, page) = page(&lessons, shot).unwrap();
            let mut model = Model::new(course().unwrap(), lesson, Theme::plain(), SIZE, SEED);
            model.page = page;
            for (name, _, keys) in shot.pictures {
                assert!(names.insert(name));
                for key in *keys {
                    key_named(&model, key).unwrap();
                }
            }
        }
    }

    /// The first page on the table of pairs looks at no part of the model: nothing is waited for in vain.
    #[test]
    fn a_page_that_looks_at_nothing_is_drawn_too() {
        let shot = Shot { stage: "bigram", steps: 5, pictures: &[("a", "a lesson", &[])] };
        let play = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/data/play.txt"));
        assert_eq!(pictures(Some(play), &shot).unwrap().len(), 1);
    }

    /// Twice the same, and of that step: nothing of it depends on the time.
    #[test]
    fn a_picture_is_the_same_every_time() {
        let shot = Shot {
            stage: "single-head",
            steps: 40,
            pictures: &[
                ("a", "a lesson", &[]),
                ("b", "the table", &["pane:embeddings", "z", "v", "v", "enter"]),
            ],
        };
        let play = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/data/play.txt"));
        let first = pictures(Some(play), &shot).unwrap();
        assert_eq!(first, pictures(Some(play), &shot).unwrap());
        assert_eq!(first.len(), 2);
        assert!(first[0].1.contains("40") && first[0].1.contains("paused"));
        assert!(first[1].1.contains("nothing is before it"), "{}", first[1].1);
    }
}
