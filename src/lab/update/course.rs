//! The learner's answers: asked for, compared with the model, kept. And goals, which are noticed as soon as they are met.

use tui_input::Input;

use super::super::course::{Doable, First, Reviewing, doable};
use super::super::experiment::Purpose;
use super::super::model::{Effect, Model, ToastKind};
use super::super::overlays::{AnswerLine, Overlay};
use super::super::run::Status;
use super::experiment;
use super::onward::{onward, pass};
use super::records::{keep, record};
use super::say::warn;
use crate::lab::panes::PaneId;
use crate::lesson::progress::{Key, Record};
use crate::lesson::{self, Item, Kind};
use crate::text::Tokenizer;
use crate::train::measure::Evidence;
use crate::train::{Command, Subscription};

/// How sure a learner can be, from a guess to certainty.
pub const SURE: std::ops::RangeInclusive<u8> = 1..=5;

/// What the keys act on, of the open page.
fn chosen(model: &Model) -> Option<Doable<'_>> {
    doable(model.page()).get(model.course.chosen).copied()
}

/// Its name in the progress.
fn key(model: &Model, id: &str) -> Key {
    (model.lesson().id.clone(), id.to_owned())
}

/// Goes to another thing to do on the page.
pub fn choose(model: &mut Model, forward: bool) -> Vec<Effect> {
    let last = doable(model.page()).len().saturating_sub(1);
    let at = model.course.chosen;
    model.course.chosen = if forward { (at + 1).min(last) } else { at.saturating_sub(1) };
    show_chosen(model);
    model.refresh();
    Vec::new()
}

/// What is chosen comes into sight, wherever it is shown.
fn show_chosen(model: &mut Model) {
    for pane in PaneId::ALL {
        model.panes.get_mut(pane).show_chosen();
    }
}

/// Enter on what is chosen: an answer line, the next hint, an experiment, a prompt's answer.
pub fn act(model: &mut Model) -> Option<Vec<Effect>> {
    past_a_prediction(model);
    let Doable { item, prompt } = chosen(model)?;
    let id = prompt.map_or(&item.id, |prompt| &prompt.id);
    let (item, key) = (item.clone(), key(model, id));
    Some(match &item.kind {
        Kind::Predict(_) | Kind::Ask(_) => ask(model, item),
        Kind::Goal(_) if model.course.progress.is_met(&key.0, &key.1) => {
            let opened = &mut model.course.opened;
            if !opened.remove(&key) {
                opened.insert(key);
            }
            Vec::new()
        }
        Kind::Goal(_) => hint(model),
        Kind::Review(_) => {
            if let Some(first) = model.course.gives_away(&key.0, model.page(), &item.id) {
                return Some(warn(model, first.refusal()));
            }
            model.course.opened.insert(key);
            // Whether it was known is said there.
            if let Some(pane) = model.reading() {
                model.focus_on(pane);
            }
            show_chosen(model);
            Vec::new()
        }
        _ => run(model),
    })
}

/// A prediction is made once: while another question of the page waits, that is the one that is answered.
fn past_a_prediction(model: &mut Model) {
    if let Some(next) = model.course.next_question(&model.lesson().id, model.page()) {
        model.course.chosen = next;
    }
}

/// Opens the line that an answer is given in; the run stands still meanwhile, so that what is read stays true.
fn ask(model: &mut Model, item: Item) -> Vec<Effect> {
    if model.run.as_ref().is_none_or(|run| run.status == Status::Opening) {
        return warn(model, "the run is not open yet");
    }
    if let Kind::Predict(predict) = &item.kind
        && predict.arms.is_empty()
        && model.run.as_ref().is_some_and(|run| run.was_changed_on_the_way_to(predict.after))
        && model.course.answer(&model.lesson().id, &item.id).is_some_and(|said| said.kind == "skip")
    {
        let text = "this run was changed on its way there: u undoes that, r starts it again";
        return warn(model, text);
    }
    let training = model.run.as_ref().is_some_and(|run| run.is_training());
    // What is asked is on the screen while it is answered.
    show_chosen(model);
    model.overlays.push(Overlay::Answer(Box::new(AnswerLine {
        lesson: model.lesson().id.clone(),
        item,
        input: Input::default(),
        choice: 0,
        answer: None,
        error: None,
        since: model.now,
        training,
    })));
    if training { vec![Effect::Send(Command::Pause)] } else { Vec::new() }
}

/// Closes the line: what stood still goes on.
fn close(model: &mut Model, training: bool) -> Vec<Effect> {
    if training && !model.course.held { vec![Effect::Send(onward(model))] } else { Vec::new() }
}

/// Esc in the answer line: back from how sure to the answer, and from the answer to the page; nothing was said.
pub fn cancel(model: &mut Model) -> Vec<Effect> {
    let Some(Overlay::Answer(mut line)) = model.overlays.pop() else { return Vec::new() };
    if line.answer.take().is_some() {
        model.overlays.push(Overlay::Answer(line));
        return Vec::new();
    }
    close(model, line.training)
}

/// Esc on a page that waits: the prediction is skipped, and that is kept as well.
pub fn skip(model: &mut Model) -> Vec<Effect> {
    let waiting: Vec<String> = model.unpredicted().iter().map(|item| item.id.clone()).collect();
    let mut effects = Vec::new();
    for item in waiting {
        let record = record(model, &item, "skip");
        effects.extend(keep(model, record));
    }
    effects.extend(release(model));
    effects
}

/// Lets a held run go once nothing is left to predict. What was answered stays the one that is chosen, so that its verdict
/// is in sight, unless the run waits for another.
fn release(model: &mut Model) -> Vec<Effect> {
    if model.must_wait() {
        model.course.chosen = model.course.first_undone(&model.lesson().id, model.page());
    }
    show_chosen(model);
    let released = model.course.held && model.unpredicted().is_empty();
    if released {
        model.course.held = false;
        model.playing = true;
    }
    model.refresh();
    if released { vec![Effect::Send(onward(model))] } else { Vec::new() }
}

/// The answer of the open line is complete: it is compared with the model, and kept.
pub fn commit(model: &mut Model, sure: u8) -> Vec<Effect> {
    let Some(Overlay::Answer(line)) = model.overlays.pop() else { return Vec::new() };
    let Some(answer) = line.answer else { return close(model, line.training) };
    let AnswerLine { item, since, training, .. } = *line;
    let mut said = Record {
        answer: Some(answer),
        sure: Some(sure),
        ms: Some(model.now.saturating_sub(since).as_millis() as u64),
        ..record(model, &item.id, item.kind_name())
    };
    if let Kind::Ask(ask) = &item.kind {
        let Some(truth) = truth(model, |evidence| ask.measure.of(evidence)) else {
            let error =
                Some("the model's answer is not known yet: a moment, then enter".to_owned());
            let line = AnswerLine {
                lesson: said.lesson,
                answer: None,
                input: Input::new(super::super::number::plain(answer)),
                choice: answer as usize,
                item,
                since,
                training,
                error,
            };
            model.overlays.push(Overlay::Answer(Box::new(line)));
            return Vec::new();
        };
        said.truth = Some(truth);
        said.right = item.question().map(|question| question.is_right(answer, truth));
    }
    // Said again of a run that has told already: what it told stays true.
    if matches!(item.kind, Kind::Predict(_)) {
        let told = model.course.answer(&said.lesson, &said.item).and_then(|before| before.truth);
        said.truth = told;
        said.right = item.question().zip(told).map(|(q, truth)| q.is_right(answer, truth));
        // Who could have seen it cannot be sure or unsure of it.
        let after = match &item.kind {
            Kind::Predict(predict) if predict.arms.is_empty() => predict.after.max(1),
            _ => u64::MAX,
        };
        let late = told.is_some() || model.run.as_ref().is_some_and(|run| run.step >= after);
        said.sure = said.sure.filter(|_| !late);
    }
    let mut effects = keep(model, said);
    effects.extend(close(model, training));
    effects.extend(release(model));
    let waits = model.course.waiting(&model.lesson().id, &item.id).is_some();
    if waits && matches!(&item.kind, Kind::Predict(predict) if !predict.arms.is_empty()) {
        effects.extend(start(model, &item));
    }
    // What a run answers that has long passed that step is known at once.
    effects.extend(follow(model));
    effects
}

/// A measure of the run on the screen.
fn truth(model: &Model, of: impl Fn(&Evidence<'_>) -> Option<f64>) -> Option<f64> {
    let others = model.facts().others();
    of(&model.facts().evidence(&others)?)
}

/// A session has begun: it counts for the prompts that come back.
pub fn begin(model: &mut Model) -> Vec<Effect> {
    let record = Record {
        lesson: String::new(),
        item: String::new(),
        seed: None,
        ..record(model, "", "session")
    };
    model.course.progress.records.push(record.clone());
    let due = model.course.progress.due(&model.course.session);
    let due: Vec<Key> = due.into_iter().filter(|key| prompt(model, key).is_some()).collect();
    if !due.is_empty() {
        let prompts = if due.len() == 1 {
            "1 question".to_owned()
        } else {
            format!("{} questions", due.len())
        };
        model.course.reviewing = Some(Reviewing { due, ..Reviewing::default() });
        model.say(ToastKind::Info, format!("{prompts} from earlier: R asks, whenever you like"));
    }
    vec![Effect::Keep(Box::new(record))]
}

/// The prompt of that name.
pub fn prompt<'a>(model: &'a Model, (lesson, item): &Key) -> Option<&'a lesson::Prompt> {
    let lesson = model.lessons.iter().find(|known| known.id == *lesson)?;
    lesson.items().find_map(|(_, known)| match &known.kind {
        Kind::Review(prompts) => prompts.iter().find(|prompt| prompt.id == *item),
        _ => None,
    })
}

/// R: the prompts that are due, one after the other.
pub fn review(model: &mut Model) -> Vec<Effect> {
    let Some(reviewing) = &model.course.reviewing else {
        return warn(
            model,
            "no question from earlier sessions is due: they come back after 1, 3 and 7 more",
        );
    };
    if reviewing.at < reviewing.due.len() {
        model.overlays.push(Overlay::Review);
    }
    Vec::new()
}

/// Enter in the review: the answer is shown.
pub fn reveal(model: &mut Model) -> Vec<Effect> {
    if let Some(reviewing) = &mut model.course.reviewing {
        reviewing.open = true;
    }
    Vec::new()
}

/// The learner says whether a prompt was known: the one in the review, or the chosen one of the page.
pub fn grade(model: &mut Model, known: bool) -> Vec<Effect> {
    if matches!(model.overlays.last(), Some(Overlay::Review)) {
        return grade_due(model, known);
    }
    let Some(Doable { prompt: Some(prompt), .. }) = chosen(model) else { return Vec::new() };
    let key = key(model, &prompt.id);
    if !model.course.opened.contains(&key) {
        return warn(model, "answer it in your head first; enter shows the answer");
    }
    let record = graded(model, &key, known);
    let effects = keep(model, record);
    let after = model.course.chosen + 1;
    model.course.chosen = model.course.next_undone(&key.0, model.page(), after);
    show_chosen(model);
    model.refresh();
    effects
}

fn grade_due(model: &mut Model, known: bool) -> Vec<Effect> {
    let Some(reviewing) = model.course.reviewing.as_mut().filter(|reviewing| reviewing.open) else {
        return Vec::new();
    };
    reviewing.open = false;
    let key = reviewing.due[reviewing.at].clone();
    reviewing.at += 1;
    if reviewing.at >= reviewing.due.len() {
        model.course.reviewing = None;
        model.overlays.pop();
    }
    let record = graded(model, &key, known);
    keep(model, record)
}

fn graded(model: &Model, (lesson, item): &Key, known: bool) -> Record {
    Record {
        lesson: lesson.clone(),
        answer: Some(f64::from(known)),
        right: Some(known),
        seed: None,
        ..record(model, item, "review")
    }
}

/// H: one more hint of the goal that is chosen, or of the page's first that is not met.
pub fn hint(model: &mut Model) -> Vec<Effect> {
    let lesson = model.lesson().id.clone();
    let goals = doable(model.page()).into_iter().enumerate().filter_map(|(at, doable)| {
        let Kind::Goal(goal) = &doable.item.kind else { return None };
        let met = model.course.progress.is_met(&lesson, doable.id());
        (!met).then(|| (at, doable.id().to_owned(), goal.hints.len()))
    });
    let goals: Vec<_> = goals.collect();
    let at = model.course.chosen;
    let Some((at, id, most)) = goals.iter().find(|goal| goal.0 == at).or(goals.first()).cloned()
    else {
        return warn(model, "this page has no goal that is still open");
    };
    model.course.chosen = at;
    let shown = model.course.hints(&lesson, &id);
    let mut effects = Vec::new();
    if shown < most {
        let record =
            Record { answer: Some((shown + 1) as f64), seed: None, ..record(model, &id, "hint") };
        effects = keep(model, record);
    }
    show_chosen(model);
    model.refresh();
    effects
}

/// !: the claim or the race that is chosen, or the page's first.
pub fn run(model: &mut Model) -> Vec<Effect> {
    if model.course.held {
        return warn(model, First::Guess.refusal());
    }
    let lesson = &model.lesson().id;
    let runs = |doable: &Doable<'_>| match &doable.item.kind {
        Kind::Claim(_) | Kind::Race(_) => true,
        // Its experiment was cancelled, or the lab was left in the middle of it.
        Kind::Predict(predict) => {
            !predict.arms.is_empty() && model.course.waiting(lesson, &doable.item.id).is_some()
        }
        _ => false,
    };
    let all = doable(model.page());
    let own = all.get(model.course.chosen).copied().filter(runs);
    let Some(item) = own.or_else(|| all.into_iter().find(runs)).map(|doable| doable.item.clone())
    else {
        return warn(model, "this page claims nothing that can be run");
    };
    if let Some(first) = model.course.gives_away(&model.lesson().id, model.page(), &item.id) {
        return warn(model, first.refusal());
    }
    if let Kind::Claim(claim) = &item.kind
        && let Some(on) = claim.on.as_deref().filter(|on| model.facts().is_elsewhere(Some(*on)))
    {
        return warn(
            model,
            format!("that is claimed of {on} alone: gpt-lab --data FILE opens a text"),
        );
    }
    show_chosen(model);
    start(model, &item)
}

/// Starts the experiment of a claim, a race or a prediction of the open lesson, and shows it.
fn start(model: &mut Model, item: &Item) -> Vec<Effect> {
    let vocab_size = model.facts().tokenizer().map_or(0, Tokenizer::vocab_size);
    let spoken_of = model.lesson().stage_of(model.page);
    let experiment = match lesson::experiment::of_item(item, spoken_of, vocab_size) {
        Ok(Some(experiment)) => experiment,
        Ok(None) => return Vec::new(),
        Err(error) => return warn(model, format!("it cannot be run on this text: {error}")),
    };
    let key = key(model, &item.id);
    let why = match &item.kind {
        Kind::Claim(_) => Purpose::Claim(key),
        Kind::Predict(_) => Purpose::Prediction(key),
        _ => Purpose::Race(key),
    };
    experiment::begin(model, experiment, why)
}

/// The experiment on the screen is at its end: what it says of the item that asked for it is kept.
pub fn ended(model: &mut Model) -> Vec<Effect> {
    let Some(shown) = &model.experiment else { return Vec::new() };
    let verdict = shown.experiment.verdict(&shown.runs);
    let stamp = verdict.to_string();
    let (key, kind) = match &shown.why {
        Purpose::Claim(key) => (key.clone(), "claim"),
        Purpose::Prediction(key) => (key.clone(), "predict"),
        Purpose::Race(_) | Purpose::FromHere => return Vec::new(),
    };
    let mut said = Record {
        lesson: key.0.clone(),
        truth: verdict.mean,
        right: verdict.holds,
        seed: None,
        ..record(model, &key.1, kind)
    };
    if kind == "predict" {
        let lesson = model.lessons.iter().find(|lesson| lesson.id == key.0);
        let item = lesson.and_then(|lesson| lesson.items().find(|(_, item)| item.id == key.1));
        let Some(waiting) = model.course.waiting(&key.0, &key.1) else { return Vec::new() };
        let question = item.and_then(|(_, item)| item.question());
        let right = question.zip(waiting.answer).zip(verdict.mean);
        let right = right.map(|((question, answer), truth)| question.is_right(answer, truth));
        said = Record { truth: verdict.mean, right, ..waiting.clone() };
    } else {
        model.course.stamps.insert(key, stamp);
    }
    let effects = keep(model, said);
    model.refresh();
    effects
}

/// Adds what the open page's questions and goals, and the open line, have to see of the model.
pub fn subscribe(model: &Model, wanted: &mut Subscription) {
    let tokenizer = model.facts().tokenizer();
    let mut want = |item: &Item| {
        for measure in item.measures() {
            // What no run on this text has is said where it is asked for.
            _ = measure.wants(tokenizer, wanted);
        }
    };
    let lesson = model.lesson();
    for item in model.page().items() {
        match &item.kind {
            Kind::Goal(_) if !model.course.progress.is_met(&lesson.id, &item.id) => want(item),
            Kind::Predict(predict)
                if predict.arms.is_empty()
                    && model.course.waiting(&lesson.id, &item.id).is_some() =>
            {
                want(item);
            }
            _ => {}
        }
    }
    if let Some(Overlay::Answer(line)) = model.overlays.last() {
        want(&line.item);
    }
}

/// Something new is known of the run: it may answer a prediction, or meet a goal.
pub fn follow(model: &mut Model) -> Vec<Effect> {
    if model.quitting.is_some() {
        return Vec::new();
    }
    let Some(run) = &model.run else { return Vec::new() };
    let lesson = model.lesson();
    let mut found: Vec<Record> = Vec::new();
    let here = |page: usize| model.home(page) == run.home;
    for (page, item) in lesson.items().filter(|(page, _)| here(*page)) {
        match &item.kind {
            Kind::Predict(predict) if predict.arms.is_empty() && run.step >= predict.after => {
                let Some(waiting) = model.course.waiting(&lesson.id, &item.id) else { continue };
                // The step's own estimate, not the one before it.
                let estimated = run.evaluation().map(|last| last.step);
                if predict.measure.is_estimated() && estimated < Some(predict.after) {
                    continue;
                }
                // And what is seen of the model at that very step.
                let seen = model.facts().snapshot.map(|snapshot| snapshot.step);
                if predict.measure.is_seen() && seen != Some(predict.after) {
                    continue;
                }
                let then = run.observed.as_of(predict.after);
                let Some(truth) = truth(model, |evidence| {
                    predict.measure.of(&Evidence { observed: &then, ..*evidence })
                }) else {
                    continue;
                };
                let right = item.question().zip(waiting.answer);
                let right = right.map(|(question, answer)| question.is_right(answer, truth));
                let seed = Some(run.config.seed);
                found.push(Record { truth: Some(truth), right, seed, ..waiting.clone() });
            }
            Kind::Goal(goal) if page == model.page => {
                if model.facts().is_elsewhere(goal.on.as_deref()) {
                    continue;
                }
                let there = goal.stage.as_deref().is_none_or(|stage| stage == run.stage());
                if !there || model.course.progress.is_met(&lesson.id, &item.id) {
                    continue;
                }
                let others = model.facts().others();
                let Some(evidence) = model.facts().evidence(&others) else { continue };
                if goal.when.iter().all(|condition| condition.met(&evidence) == Some(true)) {
                    let value = goal.when.first().and_then(|c| c.measure.of(&evidence));
                    found.push(Record {
                        right: Some(true),
                        truth: value,
                        ..record(model, &item.id, "goal")
                    });
                }
            }
            _ => {}
        }
    }
    let mut effects = Vec::new();
    for record in found {
        effects.extend(keep(model, record));
    }
    if !effects.is_empty() {
        model.refresh();
        model.dirty = true;
        effects.extend(pass(model));
    }
    effects
}

#[cfg(test)]
mod tests;
