//! What a lesson names: stages, panes, hyperparameters, lessons, texts, parts of a model, pieces of the source; and what it
//! sets, on every text.

use super::{Against, Faults, Known};
use crate::lesson::experiment::{of_item, of_page};
use crate::lesson::item::text_id;
use crate::lesson::parts::is_called;
use crate::lesson::{Goal, Item, Kind, Lesson, Move, Page, source};
use crate::model;
use crate::stage::hyperparameter::{Value, hyperparameter};
use crate::stage::{Config, stage};
use crate::task::points::Drawn;
use crate::text::Tokens;
use crate::train::experiment::arm::plain;
use crate::train::measure::Measure;
use crate::train::snapshot::Subscription;

/// Texts that a lesson may speak of though they are not at hand.
const TEXTS: [&str; 2] = ["tiny-shakespeare", "bundled-play"];

pub(super) fn check(
    lesson: &Lesson,
    lessons: &[Lesson],
    against: &Against<'_>,
    faults: &mut Faults<'_>,
) {
    for need in &lesson.needs {
        let known = lessons.iter().any(|other| other.id == *need)
            || against.lessons.contains(&need.as_str());
        if !known || *need == lesson.id {
            faults.at(1, format!("needs: there is no other lesson {need:?}"));
        }
    }
    if lessons.iter().filter(|other| other.id == lesson.id).count() > 1 {
        faults.at(1, format!("the id {:?} is another lesson's as well", lesson.id));
    }
    panes(&lesson.panes, 1, against, faults);
    if let Err(error) = stage(&lesson.stage) {
        return faults.at(1, error);
    }
    for n in 0..lesson.pages.len() {
        page(lesson, n, against, faults);
    }
}

fn panes(names: &[String], line: usize, against: &Against<'_>, faults: &mut Faults<'_>) {
    for (i, name) in names.iter().enumerate() {
        if !against.panes.contains(&name.as_str()) {
            let known = against.panes.join(", ");
            faults.at(line, format!("there is no pane {name:?}: expected one of {known}"));
        } else if names[..i].contains(name) {
            faults.at(line, format!("the pane {name:?} stands twice"));
        }
    }
}

fn page(lesson: &Lesson, n: usize, against: &Against<'_>, faults: &mut Faults<'_>) {
    let page = &lesson.pages[n];
    if let Some(names) = &page.setup.panes {
        panes(names, page.line, against, faults);
    }
    for known in against.texts {
        let vocab_size = known.dataset.tokenizer.vocab_size();
        match of_page(lesson, n, vocab_size, super::SEED) {
            Ok(config) => prompt(lesson, n, &config, known, faults),
            // It is the same on every text.
            Err(error) => return faults.at(page.line, error),
        }
    }
    let Some(known) = against.texts.first() else { return };
    let vocab_size = known.dataset.tokenizer.vocab_size();
    let Ok(config) = of_page(lesson, n, vocab_size, super::SEED) else { return };
    let line = line_of(page.setup.hyperparameters.is_some(), page);
    for name in lesson.hyperparameters_of(n) {
        match hyperparameter(name) {
            None => faults.once(line, format!("there is no hyperparameter {name}")),
            Some(known) if !known.applies(&config) => {
                faults.once(line, format!("{name} is none of the stage {}", config.stage));
            }
            Some(_) => {}
        }
    }
    parts(&page.setup.parts, page.line, &config, faults);
    for item in page.items() {
        self::item(item, &config, against, faults);
    }
}

/// Where something is said: on the page itself, or for the whole lesson.
fn line_of(own: bool, page: &Page) -> usize {
    if own { page.line } else { 1 }
}

/// Whether the prompt can be read, where one is read.
fn prompt(lesson: &Lesson, n: usize, config: &Config, known: &Known, faults: &mut Faults<'_>) {
    let page = &lesson.pages[n];
    let (prompt, line) = (lesson.prompt_of(n), line_of(page.setup.prompt.is_some(), page));
    let (dataset, name) = (&known.dataset, &known.dataset.corpus.name);
    if !config.task.reads_text() {
        return;
    }
    if prompt.is_empty() {
        faults.once(line, format!("{} reads a text: a prompt is missing", config.stage));
    } else if config.task.tokens == Tokens::Characters
        && let Err(error) = dataset.tokenizer.encode(prompt)
    {
        faults.once(line, format!("the prompt {prompt:?} cannot be read with {name}: {error}"));
    }
}

/// Whether the model of the page's stage has such parts.
fn parts(parts: &[String], line: usize, config: &Config, faults: &mut Faults<'_>) {
    if parts.is_empty() {
        return;
    }
    let Ok(model) = model::build(&config.model) else { return };
    let card = model.card();
    for name in parts {
        if !card.flow.iter().any(|part| is_called(part, name)) {
            let known: Vec<_> = card.flow.iter().map(|part| part.name.as_str()).collect();
            let (stage, known) = (&config.stage, known.join(", "));
            faults.at(line, format!("{stage} has no part {name:?}: expected one of {known}"));
        }
    }
}

fn item(item: &Item, config: &Config, against: &Against<'_>, faults: &mut Faults<'_>) {
    let line = item.line;
    if let Some(on) = item.on() {
        let at_hand = |known: &Known| text_id(&known.dataset.corpus.name) == on;
        if !TEXTS.contains(&on) && !against.texts.iter().any(at_hand) {
            faults
                .at(line, format!("on: there is no text {on:?}: expected {}", TEXTS.join(" or ")));
        }
    }
    match &item.kind {
        Kind::Ask(ask) => {
            if let Some(pane) = &ask.pane {
                panes(std::slice::from_ref(pane), line, against, faults);
            }
        }
        Kind::Goal(goal) => self::goal(goal, line, faults),
        Kind::Code(code) => match source::region(&code.show) {
            Err(error) => faults.at(line, error),
            Ok(region) => {
                if let Some(part) = code.line.as_ref().filter(|part| region.line(part).is_none()) {
                    faults.at(line, format!("{} has no line with {part:?}", code.show));
                }
            }
        },
        Kind::Figure(figure) => parts(&figure.parts, line, config, faults),
        Kind::Predict(_) | Kind::Claim(_) | Kind::Race(_) | Kind::Review(_) => {}
    }
    for known in against.texts.iter().filter(|known| item.is_of(&known.dataset.corpus.name)) {
        measured(item, config, known, faults);
    }
}

/// Whether what it measures can be asked of a run, and its arms can be trained.
fn measured(item: &Item, config: &Config, known: &Known, faults: &mut Faults<'_>) {
    let tokenizer = &known.dataset.tokenizer;
    let experiment = match of_item(item, &config.stage, tokenizer.vocab_size()) {
        Ok(experiment) => experiment,
        Err(error) => return faults.once(item.line, error),
    };
    if experiment.is_some_and(|e| matches!(e.measure, Measure::Ahead { .. } | Measure::MsPerStep)) {
        let what = "arms are not compared by time, nor by how far one is ahead: take val_loss or best_val_loss";
        faults.once(item.line, what);
    }
    for measure in item.measures() {
        // A text read as words has other tokens; the run itself says what it does not know.
        if config.task.tokens != Tokens::Characters {
            continue;
        }
        let text = config.task.reads_text().then_some(tokenizer);
        if let Err(error) = measure.wants(text, &mut Subscription::default()) {
            faults.once(item.line, format!("{error} (on {})", known.dataset.corpus.name));
        }
    }
}

fn goal(goal: &Goal, line: usize, faults: &mut Faults<'_>) {
    for (i, hint) in goal.hints.iter().enumerate() {
        if hint.trim().is_empty() {
            faults.at(line, format!("hint {} is empty", i + 1));
        } else if goal.hints[..i].contains(hint) {
            faults.at(line, format!("hint {} says what an earlier one says", i + 1));
        }
    }
    if let Some(Err(error)) = goal.stage.as_deref().map(stage) {
        faults.at(line, error);
    }
    for (i, step) in goal.solution.iter().enumerate() {
        if let Err(what) = possible(step) {
            faults.at(line, format!("move {} of the solution: {what}", i + 1));
        }
    }
}

fn possible(step: &Move) -> Result<(), String> {
    if *step == Move::default() {
        return Err("it does nothing".to_owned());
    }
    if let Some(name) = &step.stage {
        stage(name).map_err(|error| error.to_string())?;
    }
    let drawn: Drawn = step.draw.iter().copied().collect();
    if drawn.len() < step.draw.len() || drawn.points().ne(step.draw.iter().copied()) {
        let reach = Drawn::REACH;
        return Err(format!("points are drawn from -{reach} to {reach}, in hundredths, each once"));
    }
    match (&step.set, &step.to) {
        (None, None) => Ok(()),
        (Some(name), Some(to)) => {
            let known = hyperparameter(name);
            let known = known.ok_or_else(|| format!("there is no hyperparameter {name}"))?;
            Value::parse(known, &plain(to)).map_err(|error| error.to_string())?;
            Ok(())
        }
        _ => Err("set and to go together".to_owned()),
    }
}
