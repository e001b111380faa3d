//! What is plotted: the smoothed curve, the ranges of both axes, and the numbers of one step.

use super::chosen::View;
use crate::lab::run::Run;
use crate::model::card::{Figure, Unit};
use crate::stage::Value;
use crate::stage::hyperparameter::hyperparameter;
use crate::text::ngram::Reference;
use crate::train::event::Evaluation;
use crate::train::history::{History, Point};
use crate::train::schedule::learning_rate;

/// How many times higher than all the rest a run may begin and still be shown from its beginning.
const MOST_ABOVE: f64 = 3.0;

/// The middle of a point's steps.
pub fn middle(point: &Point) -> f64 {
    point.step as f64 + (point.count.max(1) - 1) as f64 / 2.0
}

/// How many steps the smoothed curve looks back at a step: a fiftieth of those before it, from 10 to 100, so that a longer
/// run moves nothing that is drawn; more where losses are enlarged.
pub fn window(view: View, step: u64) -> f64 {
    let closeness = if view == View::Close { 3.0 } else { 1.0 };
    closeness * (step as f64 / 50.0).clamp(10.0, 100.0)
}

/// The exponential moving average of the batch losses with the bias of its start taken out (Kingma and Ba, Adam,
/// section 3): s <- d s + (1 - d) loss and w <- d w + (1 - d) a point, d = exp(-count / window); the curve is s / w, and
/// stands at the last step that it knows of. A loss that is not finite is a gap: NaN there, and the average goes on after
/// it. A last point that steps are still added to is left out: it would move.
pub fn smoothed(history: &History, view: View) -> Vec<(f64, f64)> {
    let (mut sum, mut weight) = (0.0, 0.0);
    let average = |point: &Point| {
        let count = point.count.max(1);
        let at = point.step + count - 1;
        if !point.mean.is_finite() {
            return (at as f64, f64::NAN);
        }
        let keep = (-(count as f64) / window(view, at)).exp();
        sum = keep * sum + (1.0 - keep) * point.mean;
        weight = keep * weight + (1.0 - keep);
        (at as f64, sum / weight)
    };
    let whole = |point: &&Point| point.count >= history.stride || !point.mean.is_finite();
    let (last, before) = history.points.split_last().map_or((None, &[][..]), |(l, b)| (Some(l), b));
    before.iter().chain(last.filter(whole)).map(average).collect()
}

/// What the estimates say of a figure, as an axis has it.
pub fn measured(history: &History, figure: Figure) -> Vec<(f64, f64)> {
    let value =
        |e: &Evaluation| Some((e.step as f64, on_axis(figure.unit, e.figure(figure.name)?)));
    history.evaluations.iter().filter_map(value).collect()
}

/// A value where its axis has it: shares are in percent there.
pub fn on_axis(unit: Unit, value: f64) -> f64 {
    if unit == Unit::Share { 100.0 * value } else { value }
}

/// The range of a figure to show, before padding: of what is counted, all that there can be.
pub fn figures_shown<'a>(
    figure: Figure,
    curves: impl Iterator<Item = &'a (f64, f64)>,
) -> Option<(f64, f64)> {
    let values = curves.map(|(_, value)| *value).filter(|value| value.is_finite());
    let (low, high) = values
        .map(|value| (value, value))
        .reduce(|(low, high), (value, _)| (low.min(value), high.max(value)))?;
    Some(match figure.unit {
        Unit::Count(Some(of)) => (low.min(0.0), high.max(f64::from(of))),
        Unit::Verdict => (0.0, 1.0),
        Unit::Nats | Unit::Plain | Unit::Share | Unit::Count(None) => (low, high),
    })
}

/// The last step that the curve knows of.
pub fn last_step(run: &Run) -> u64 {
    let history = &run.history;
    let point = history.points.last().map_or(0, |p| p.step + p.count.max(1) - 1);
    let evaluation = history.evaluations.last().map_or(0, |e| e.step);
    run.step.max(point).max(evaluation)
}

/// Where the step axis begins and ends. The whole: from 0 to the run's length, or half of it, or a quarter … while the
/// curve would still fill half of it. Close: the second half of what has been trained.
pub fn steps_shown(run: &Run, view: View) -> (u64, u64) {
    let done = last_step(run);
    if view == View::Close {
        return (done / 2, done.max(1));
    }
    let mut end = run.config.training.steps.max(done).max(1);
    while end / 2 >= done && end / 2 >= 20 {
        end /= 2;
    }
    (0, end)
}

/// The range of losses to show, before padding; `None` if there is nothing finite to show at all.
pub fn losses_shown<'a>(
    view: View,
    run: &Run,
    smoothed: &[(f64, f64)],
    ghosts: impl Iterator<Item = &'a History>,
    references: &[Reference],
    guesses: &[(u64, f64)],
) -> Option<(f64, f64)> {
    let estimates = |history: &History, from: f64| {
        let late = history.evaluations.iter().filter(move |e| e.step as f64 >= from);
        late.flat_map(|e| [e.train_loss, e.val_loss]).collect::<Vec<_>>()
    };
    if view == View::Close {
        let from = steps_shown(run, view).0 as f64;
        let late = smoothed.iter().filter(|(step, _)| *step >= from).map(|(_, loss)| *loss);
        let mut losses: Vec<f64> = late.chain(estimates(&run.history, from)).collect();
        if let Some(range) = bulk(&mut losses) {
            return Some(range);
        }
    }
    let mut losses: Vec<f64> = run.history.points.iter().map(|p| p.mean).collect();
    losses.extend(estimates(&run.history, 0.0));
    let earlier: Vec<f64> = ghosts.flat_map(|history| estimates(history, 0.0)).collect();
    losses.extend(&earlier);
    losses.extend(guesses.iter().map(|(_, loss)| *loss));
    let counted = || references.iter().map(|r| r.loss).filter(|loss| loss.is_finite());
    if run.history.points.is_empty() {
        // Where a run that has not begun will start, all yardsticks may be needed to guess.
        losses.extend(counted());
    }
    // What the learner has reached stands on the chart, however far up.
    losses.extend(references.iter().filter(|r| r.error.is_some()).map(|r| r.loss));
    let Some((mut low, mut high)) = bulk(&mut losses) else {
        return counted()
            .fold(None, |range, l| Some(range.map_or((l, l), |(a, b)| (l.min(a), l.max(b)))));
    };
    if run.history.points.is_empty() {
        // There is nothing but earlier runs to see, from their beginnings.
        let all = || earlier.iter().copied().filter(|loss| loss.is_finite());
        (low, high) = (all().fold(low, f64::min), all().fold(high, f64::max));
    }
    // The next yardstick on either side belongs to the picture.
    let below = counted().filter(|loss| *loss < low).fold(f64::NEG_INFINITY, f64::max);
    let above = counted().filter(|loss| *loss > high).fold(f64::INFINITY, f64::min);
    if below.is_finite() {
        low = below;
    }
    if above.is_finite() {
        high = above;
    }
    // Where the run began as well, unless everything else would be flat beside it.
    let began = run.history.points.first().map(|point| point.mean);
    if let Some(began) = began.filter(|began| *began > high && *began <= MOST_ABOVE * high) {
        high = began;
    }
    Some((low, high))
}

/// The range of the finite values, without a spike: what lies further above nine tenths of them than these are wide is
/// left out.
fn bulk(values: &mut Vec<f64>) -> Option<(f64, f64)> {
    values.retain(|v| v.is_finite());
    values.sort_unstable_by(f64::total_cmp);
    let low = *values.first()?;
    let most = values[(values.len() - 1) * 9 / 10];
    let limit = most + (most - low).max(0.25 * most.abs());
    let high = values.iter().rev().find(|v| **v <= limit).copied()?;
    Some((low, high))
}

/// The value of a curve at a step: the last one up to it; `None` where the curve has ended before.
pub fn at(curve: &[(f64, f64)], step: u64) -> Option<f64> {
    let step = step as f64;
    let after = curve.partition_point(|(at, _)| *at <= step);
    let ended = curve.last().is_none_or(|(last, _)| *last < step);
    let (_, value) = if ended { return None } else { curve.get(after.saturating_sub(1))? };
    value.is_finite().then_some(*value)
}

/// The counted model that a loss is worth: the best one that it beats. One that looks further back and is worse for it is
/// no yardstick: who beats it has not beaten the better one before it. What is equal as it is printed is not beaten.
pub fn beaten(loss: f64, references: &[Reference]) -> Option<&Reference> {
    let improves =
        |r: &&Reference| !references.iter().any(|s| s.order < r.order && s.loss <= r.loss);
    let printed = |loss: f64| (loss * 1e3).round();
    let beats = |r: &&Reference| printed(loss) < printed(r.loss);
    let beaten = references.iter().filter(improves).filter(beats);
    beaten.min_by(|a, b| a.loss.total_cmp(&b.loss))
}

/// What is known of one step.
#[derive(Clone, Debug, PartialEq)]
pub struct Reading {
    /// The steps of the point: first and last.
    pub steps: (u64, u64),
    pub train: f64,
    pub smoothed: f64,
    /// The last estimate up to this step.
    pub evaluation: Option<Evaluation>,
    pub lr: Option<f64>,
}

/// The last estimate up to a step.
pub fn estimate(history: &History, step: u64) -> Option<&Evaluation> {
    history.evaluations.iter().rev().find(|e| e.step <= step)
}

/// Reads off the curve at a step.
pub fn reading(run: &Run, smoothed: &[(f64, f64)], step: u64) -> Option<Reading> {
    let index = nearest(&run.history, step)?;
    let point = run.history.points.get(index)?;
    let last = point.step + point.count.max(1) - 1;
    let evaluation = estimate(&run.history, last).cloned();
    Some(Reading {
        steps: (point.step, last),
        train: point.mean,
        // The last point may still grow: then the curve ends before it.
        smoothed: smoothed.get(index).or(smoothed.last()).map_or(f64::NAN, |(_, loss)| *loss),
        evaluation,
        lr: lr(run, last),
    })
}

/// The index of the point that holds a step, or comes next to it.
pub fn nearest(history: &History, step: u64) -> Option<usize> {
    let after = history.points.partition_point(|p| p.step <= step);
    (!history.points.is_empty()).then(|| after.saturating_sub(1))
}

/// The learning rate of a step, where the run's settings and its recorded changes tell it.
fn lr(run: &Run, step: u64) -> Option<f64> {
    if let Some(last) = run.last.filter(|last| last.step == step) {
        return Some(last.lr);
    }
    let mut config = run.config.clone();
    for name in ["lr", "min_lr", "warmup_steps", "lr_decay_steps", "schedule"] {
        let changes = || run.history.edits.iter().filter(|edit| edit.name == name);
        // A change at step s holds from s + 1 on.
        let later = changes().find(|edit| edit.step >= step).map(|edit| &edit.old);
        let Some(text) = later.or_else(|| changes().next_back().map(|edit| &edit.new)) else {
            continue;
        };
        let known = hyperparameter(name)?;
        known.set(&mut config, Value::parse(known, text).ok()?).ok()?;
    }
    Some(learning_rate(&config.training, step.saturating_sub(1)))
}
