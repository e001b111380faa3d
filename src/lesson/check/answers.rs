//! Every question has an answer: its measure is a number of the page's run, and of choices one is right.

use super::run::Run;
use super::{Against, Faults, Known, SEED, said};
use crate::lesson::experiment::{of_item, of_page};
use crate::lesson::{Item, Kind, Lesson};
use crate::stage::{Config, stage};
use crate::train::experiment::Experiment;
use crate::train::measure::Measure;
use std::sync::atomic::AtomicBool;

/// Steps that a run is trained for an answer, unless the whole is asked for.
const SHORT: u64 = 200;

/// A question about a run.
struct Asked<'a> {
    item: &'a Item,
    measure: &'a Measure,
    /// The step that it is asked at.
    at: u64,
    /// Whether that is the step whose number is the truth.
    exact: bool,
}

pub(super) fn check(
    lesson: &Lesson,
    known: &Known,
    against: &Against<'_>,
    faults: &mut Faults<'_>,
) {
    // Runs that several questions are about are trained once.
    let mut runs: Vec<(Config, Vec<Asked<'_>>)> = Vec::new();
    let vocab_size = known.dataset.tokenizer.vocab_size();
    for (page, item) in lesson.items() {
        let Ok(config) = of_page(lesson, page, vocab_size, SEED) else { continue };
        let asked = match &item.kind {
            Kind::Ask(ask) => Asked { item, measure: &ask.measure, at: SHORT, exact: true },
            Kind::Predict(predict) if predict.arms.is_empty() => {
                let at = if against.whole { predict.after } else { predict.after.min(SHORT) };
                Asked { item, measure: &predict.measure, at, exact: at == predict.after }
            }
            Kind::Predict(predict) => {
                match of_item(item, &config.stage, vocab_size) {
                    Ok(Some(experiment)) if against.whole => {
                        by_experiment(item, &experiment, known, against, faults);
                        continue;
                    }
                    Ok(Some(experiment)) => {
                        let Some((_, arm)) = experiment.arms.first() else { continue };
                        let at = experiment.steps(arm).min(SHORT);
                        let asked = Asked { item, measure: &predict.measure, at, exact: false };
                        add(&mut runs, arm.clone(), asked);
                    }
                    // Said where names are looked up.
                    Ok(None) | Err(_) => {}
                }
                continue;
            }
            _ => continue,
        };
        add(&mut runs, config, asked);
    }
    for (config, mut asked) in runs {
        asked.sort_by_key(|asked| asked.at);
        let mut run = match Run::open(config, &known.material(), against.team) {
            Ok(run) => run,
            Err(error) => {
                faults.at(asked[0].item.line, format!("its run cannot be opened: {error}"));
                continue;
            }
        };
        for asked in asked {
            run.train_to(asked.at, &mut |_| false);
            answer(&asked, &mut run, known, against, faults);
        }
    }
}

fn add<'a>(runs: &mut Vec<(Config, Vec<Asked<'a>>)>, config: Config, asked: Asked<'a>) {
    match runs.iter_mut().find(|(known, _)| *known == config) {
        Some((_, all)) => all.push(asked),
        None => runs.push((config, vec![asked])),
    }
}

fn answer(
    asked: &Asked<'_>,
    run: &mut Run,
    known: &Known,
    against: &Against<'_>,
    faults: &mut Faults<'_>,
) {
    let Asked { item, measure, at, exact } = *asked;
    let mut others = Vec::new();
    if let Measure::Ahead { of } = measure {
        match other(of, known, against) {
            Ok(other) => others.push(other),
            Err(why) => return faults.at(item.line, why),
        }
    }
    let others: Vec<_> = others.iter().map(|run| &run.observed).collect();
    let value = run.value(measure, &known.references, &others);
    let value = match value {
        Ok(Some(value)) if value.is_finite() => value,
        // Said where names are looked up, unless the run reads its text in another way.
        Err(error) => return faults.once(item.line, format!("{error} (on {})", known.name())),
        Ok(_) => {
            let what = format!("{:?}: {measure} has no number after {at} steps", item.id);
            return faults.at(item.line, what);
        }
    };
    // Before its time a prediction's number is not yet the truth.
    if exact {
        bands(item, value, at, faults);
    }
}

/// A prediction is right by one choice; a question about the panes, whose answer moves with training, by one at least.
fn bands(item: &Item, value: f64, at: u64, faults: &mut Faults<'_>) {
    let Some(question) = item.question().filter(|question| !question.choices.is_empty()) else {
        return;
    };
    let fits = question.bands.iter().filter(|[low, high]| (*low..=*high).contains(&value)).count();
    let id = &item.id;
    if fits == 0 {
        faults.at(
            item.line,
            format!("{id:?}: after {at} steps it is {value:.4}, which is in none of the bands"),
        );
    } else if fits > 1 && matches!(item.kind, Kind::Predict(_)) {
        faults.at(item.line, format!("{id:?}: after {at} steps it is {value:.4}, which is in {fits} bands: only one may be right"));
    }
}

/// A short run of another stage to be ahead of.
fn other(name: &str, known: &Known, against: &Against<'_>) -> Result<Run, String> {
    let config = stage(name).map_err(said)?.config(known.dataset.tokenizer.vocab_size(), SEED);
    let mut run = Run::open(config, &known.material(), against.team).map_err(said)?;
    run.estimate();
    Ok(run)
}

/// What arms answer, over all their steps and seeds.
fn by_experiment(
    item: &Item,
    experiment: &Experiment,
    known: &Known,
    against: &Against<'_>,
    faults: &mut Faults<'_>,
) {
    let cancel = AtomicBool::new(false);
    let threads = against.team.threads();
    match experiment.run(&known.material(), threads, &cancel, &mut |_| ()) {
        Err(error) => faults.at(item.line, error),
        Ok(runs) => match experiment.verdict(&runs).mean {
            None => faults.at(item.line, format!("{:?}: its arms have no number", item.id)),
            Some(mean) => {
                bands(item, mean, runs.iter().map(|run| run.step).max().unwrap_or(0), faults);
            }
        },
    }
}
