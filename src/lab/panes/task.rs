//! The task pane: questions that were held out, or typed, with the model's answer beside the right one; how it does with the
//! right answer so far given and on its own, by place; and what a search keeps on its way to an answer.

mod places;
mod questions;
mod search;
#[cfg(test)]
mod tests;

use ratatui::buffer::Buffer;
use unicode_width::UnicodeWidthStr;

use crate::lab::action::Action;
use crate::lab::cursor::moved;
use crate::lab::facts::Facts;
use crate::lab::number::count;
use crate::lab::pane::{Pane, Seat, Wish};
use crate::lab::pen::sentence;
use crate::model::Form;
use crate::probe::answers::{self, ALL_RIGHT, EXAMPLES};
use crate::probe::search::{Row, rows};
use crate::probe::{Arguments, Reading, search as searching};
use crate::task;
use crate::train::Subscription;
use crate::train::event::RunId;

/// Answers that a search goes on with.
const WIDEST: usize = 8;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum View {
    /// Questions, answers, right answers.
    #[default]
    Answers,
    /// Shares of right tokens by place.
    Places,
    /// What a beam keeps, step by step.
    Search,
}

#[derive(Debug, Default)]
pub struct Task {
    view: View,
    /// What the learner typed.
    typed: Option<String>,
    /// The run that it was typed for.
    run: Option<RunId>,
    /// The question under the cursor: the learner's own first, if there is one, then those that were held out.
    question: usize,
    /// The first place that is shown.
    place: usize,
    /// The step of the search, counted from 0.
    step: usize,
    /// `None`: as many as the instrument takes by itself.
    beam: Option<usize>,
}

/// One question with what is answered, in tokens.
struct Question {
    own: bool,
    asked: Vec<u32>,
    answer: Vec<u32>,
    /// Empty where the task knows none.
    right: Vec<u32>,
}

fn has_questions(facts: &Facts) -> bool {
    matches!(facts.task().form, Form::Question | Form::Pair) && !facts.reads_prompt()
}

/// A reading of an instrument that was told so.
fn reading<'a>(facts: &Facts<'a>, instrument: &str, told: &Arguments) -> Option<&'a Reading> {
    let mut readings = facts.snapshot?.readings.iter();
    let of = readings.find(|m| m.instrument == instrument && m.arguments == *told)?;
    Some(&of.reading)
}

fn all_answers<'a>(facts: &Facts<'a>) -> Option<&'a Reading> {
    reading(facts, answers::INSTRUMENT.name, &Arguments::default())
}

/// How many questions were held out.
fn held_out(facts: &Facts) -> usize {
    all_answers(facts).and_then(|reading| reading.shape.get(1).copied()).unwrap_or(0)
}

/// Of a pair's answer without its end.
fn without_end<'a>(facts: &Facts, tokens: &'a [u32]) -> &'a [u32] {
    match tokens.split_last() {
        Some((last, rest)) if facts.task().form == Form::Pair && *last == answers::END => rest,
        _ => tokens,
    }
}

/// The labels of an answer's tokens, and whether words stand between blanks.
fn labels(facts: &Facts, tokens: &[u32]) -> (Vec<String>, &'static str) {
    let labels: Vec<_> = tokens.iter().map(|token| facts.label(*token)).collect();
    let apart = if labels.iter().any(|label| label.width() > 1) { " " } else { "" };
    (labels, apart)
}

fn answer_text(facts: &Facts, tokens: &[u32]) -> String {
    let (labels, apart) = labels(facts, tokens);
    labels.join(apart)
}

fn question_text(facts: &Facts, tokens: &[u32]) -> String {
    match facts.task().form {
        Form::Pair => tokens.iter().map(|token| facts.source_label(*token)).collect(),
        _ => answer_text(facts, tokens),
    }
}

impl Task {
    /// The tokens of the learner's own question, or why it cannot be read.
    fn own(&self, facts: &Facts) -> Option<Result<Vec<u32>, String>> {
        let run = facts.run.filter(|_| has_questions(facts))?;
        task::typed(&run.config.task, self.typed.as_deref()?)
    }

    fn told(&self, question: Vec<u32>, row: usize) -> Arguments {
        let beam = self.beam.unwrap_or(Arguments::default().beam);
        Arguments { row, question, beam, ..Arguments::default() }
    }

    /// What a search is told of the question under the cursor.
    fn asked(&self, facts: &Facts) -> Arguments {
        match (self.own(facts), self.question.checked_sub(1)) {
            (Some(Ok(own)), None) => self.told(own, 0),
            (Some(Ok(_)), Some(row)) => self.told(Vec::new(), row),
            _ => self.told(Vec::new(), self.question),
        }
    }

    /// The search's rows of the question under the cursor.
    fn searched(&self, facts: &Facts) -> Option<Vec<Row>> {
        reading(facts, searching::INSTRUMENT.name, &self.asked(facts)).map(rows)
    }

    /// The learner's own question with its answer, as soon as there is one.
    fn own_question(&self, facts: &Facts) -> Option<Question> {
        let own = self.own(facts)?.ok()?;
        let told = self.told(own.clone(), 0);
        let rows = reading(facts, searching::INSTRUMENT.name, &told).map(rows).unwrap_or_default();
        let of = |what| rows.iter().find(|row| row.what == what).map(|row| row.tokens.clone());
        Some(Question {
            own: true,
            asked: own,
            answer: of(searching::What::Own).unwrap_or_default(),
            right: of(searching::What::Right).unwrap_or_default(),
        })
    }

    fn questions(&self, facts: &Facts) -> Vec<Question> {
        let Some(reading) = all_answers(facts) else { return Vec::new() };
        let plane = |plane, i| answers::tokens(reading, plane, i);
        let held_out = (0..held_out(facts)).map(|i| Question {
            own: false,
            asked: plane(answers::QUESTION, i),
            answer: plane(answers::OWN, i),
            right: plane(answers::RIGHT, i),
        });
        self.own_question(facts).into_iter().chain(held_out).collect()
    }

    /// How many questions there are.
    fn count(&self, facts: &Facts) -> usize {
        held_out(facts) + usize::from(matches!(self.own(facts), Some(Ok(_))))
    }

    /// Why the learner's own question is not read, or has no right answer.
    fn note(&self, facts: &Facts) -> Option<String> {
        let text = self.typed.as_deref()?;
        match self.own(facts)? {
            Err(why) => Some(why),
            Ok(_) => task::unanswered(&facts.run?.config.task, text).map(|no| no.why),
        }
    }

    fn steps(&self, facts: &Facts) -> usize {
        let rows = self.searched(facts).unwrap_or_default();
        rows.iter().filter(|row| search::is_step(row)).map(|row| row.place + 1).max().unwrap_or(0)
    }
}

/// What counts in the view of a search; the last two only there.
pub(in crate::lab::panes) const SEARCHING: &[Action] = &[
    Action::Left,
    Action::Right,
    Action::CycleView,
    Action::TypeValue,
    Action::Narrower,
    Action::Wider,
];

impl Pane for Task {
    fn title(&self) -> &'static str {
        "Task"
    }

    fn detail(&self, facts: &Facts) -> String {
        let Some(reading) = all_answers(facts) else { return String::new() };
        let figure = |name| reading.figure(name).unwrap_or(0.0);
        let step = facts.snapshot.map_or(0, |snapshot| snapshot.step);
        format!("step {} · {} of {} right", count(step), figure(ALL_RIGHT), figure(EXAMPLES))
    }

    fn about(&self, facts: &Facts, seat: Seat) -> String {
        let wide = seat.room.width >= 56;
        match (has_questions(facts), self.view, wide) {
            (false, ..) => "no questions",
            (_, View::Answers, true) => {
                "held-out questions; ^: wrong; enter: your own; v: by place"
            }
            (_, View::Answers, false) => "^: wrong; enter: your own",
            (_, View::Places, true) => {
                "right with the right answer given, and on its own; v: search"
            }
            (_, View::Places, false) => "given, and on its own",
            (_, View::Search, true) => "greedy beside beam; up, down: step; left, right: question",
            (_, View::Search, false) => "greedy, beam; up, down: step",
        }
        .to_owned()
    }

    fn draw(&self, facts: &Facts, seat: Seat, buf: &mut Buffer) {
        let (theme, area) = (facts.theme, seat.room);
        let Some(reading) = all_answers(facts) else {
            let name = facts.card().map_or("This run", |card| card.name);
            let text = if has_questions(facts) {
                "Questions are answered with the first step.".to_owned()
            } else {
                format!("{name} is asked no questions here.")
            };
            return sentence(theme, &text, area, buf);
        };
        match self.view {
            View::Answers => {
                let note = self.note(facts);
                let cursor = self.question.min(self.count(facts).saturating_sub(1));
                questions::draw(facts, &self.questions(facts), cursor, note.as_deref(), area, buf);
            }
            View::Places => places::draw(facts, reading, self.place, area, buf),
            View::Search => {
                let which =
                    (self.question.min(self.count(facts).saturating_sub(1)), self.count(facts));
                let rows = self.searched(facts);
                let own = matches!(self.own(facts), Some(Ok(_)));
                search::draw(facts, rows.as_deref(), which, own, self.step, area, buf);
            }
        }
    }

    fn act(&mut self, facts: &Facts, seat: Seat, action: Action) -> Vec<Wish> {
        if !has_questions(facts) {
            return Vec::new();
        }
        let page = usize::from(seat.room.height.saturating_sub(3)).max(1);
        let last = |count: usize| count.saturating_sub(1);
        let last_question = last(self.count(facts));
        self.question = self.question.min(last_question);
        match (action, self.view) {
            (Action::CycleView, view) => {
                self.view = match view {
                    View::Answers => View::Places,
                    View::Places => View::Search,
                    View::Search => View::Answers,
                };
            }
            (Action::TypeValue, _) => {
                let (label, text) =
                    ("a question".to_owned(), self.typed.clone().unwrap_or_default());
                return vec![Wish::Line { pane: "task", label, text }];
            }
            (Action::Left, _) => self.question = self.question.saturating_sub(1),
            (Action::Right, _) => self.question = (self.question + 1).min(last_question),
            (Action::Narrower | Action::Wider, View::Search) => {
                let now = self.beam.unwrap_or(Arguments::default().beam);
                let wider = action == Action::Wider;
                let beam = if wider { now + 1 } else { now.saturating_sub(1) };
                self.beam = Some(beam.clamp(1, WIDEST));
            }
            (_, View::Answers) => {
                self.question = moved(action, self.question, page / 2 + 1, last_question);
            }
            (_, View::Places) => {
                let places = all_answers(facts).map_or(0, places::count);
                self.place = moved(action, self.place, page, last(places));
            }
            (_, View::Search) => {
                self.step = moved(action, self.step, page, last(self.steps(facts)));
            }
        }
        Vec::new()
    }

    /// Nothing takes the learner's own question back.
    fn typed(&mut self, facts: &Facts, text: &str) -> Vec<Wish> {
        let text = text.trim();
        self.run = facts.run.map(|run| run.id);
        self.typed = (!text.is_empty()).then(|| text.to_owned());
        self.question = 0;
        Vec::new()
    }

    /// From what was typed back to what is held out.
    fn back(&mut self) -> bool {
        let typed = self.typed.take().is_some();
        if typed {
            self.question = 0;
        }
        typed
    }

    /// What is wrong with a question is no longer said in another run.
    fn refresh(&mut self, facts: &Facts) {
        let run = facts.run.map(|run| run.id);
        if self.typed.is_some() && self.run != run {
            if self.note(facts).is_some() {
                self.back();
            }
            self.run = run;
        }
    }

    fn subscribe(&self, facts: &Facts, wanted: &mut Subscription) {
        if !has_questions(facts) {
            return;
        }
        let mut want = |name, told| {
            let asked = (name, told);
            if !wanted.instruments.contains(&asked) {
                wanted.instruments.push(asked);
            }
        };
        want(answers::INSTRUMENT.name, Arguments::default());
        if let Some(Ok(own)) = self.own(facts) {
            want(searching::INSTRUMENT.name, self.told(own, 0));
        }
        if self.view == View::Search {
            want(searching::INSTRUMENT.name, self.asked(facts));
        }
    }

    fn asks_questions(&self) -> bool {
        true
    }

    fn understands(&self) -> &'static [Action] {
        // Only a search has a width.
        if self.view == View::Search { SEARCHING } else { &SEARCHING[..4] }
    }
}
