//! Proves lessons as code is proved, without a screen: all that they name is there, all that they ask has an answer, every
//! goal is out of reach at the start and its stored solution reaches it, and no number is typed that the program computes.
//! What is wrong is said with its file and line, all of it. Nobody's progress is read or written.
//!
//! Claims take longer and are run by themselves ([`super::experiment`]).

mod answers;
mod counts;
mod goals;
mod names;
mod run;
mod text;

use std::sync::Arc;

use super::experiment::FIRST_SEED as SEED;
use super::values::Text;
use super::{Lesson, LessonError};
use crate::text::Dataset;
use crate::text::ngram::{self, Reference};
use crate::train::{Material, Team};

/// The highest order that a text of a lesson may name.
const HIGHEST_NGRAM: usize = 5;

/// What lessons are held against.
#[derive(Clone, Copy, Debug)]
pub struct Against<'a> {
    /// Names of the panes that there are.
    pub panes: &'a [&'a str],
    /// Ids of actions, and the first key of each.
    pub keys: &'a [(&'a str, String)],
    /// Texts that must be readable; the first one is trained on.
    pub texts: &'a [Known],
    /// Ids of lessons that may be needed beside those that are checked.
    pub lessons: &'a [&'a str],
    pub team: &'a Team,
    /// Whether a lesson has to ask as much as the course's own.
    pub counts: bool,
    /// Whether predictions are trained as far as what answers them, however long that takes.
    pub whole: bool,
}

/// A text, and what counting reaches on it.
#[derive(Clone, Debug)]
pub struct Known {
    pub dataset: Arc<Dataset>,
    pub references: Vec<Reference>,
    /// Different words and signs.
    pub words: usize,
}

impl Known {
    pub fn new(dataset: Dataset) -> Self {
        let references = ngram::references(&dataset, HIGHEST_NGRAM);
        let words = dataset.different_words();
        Self { dataset: Arc::new(dataset), references, words }
    }

    pub fn name(&self) -> &str {
        &self.dataset.corpus.name
    }

    /// What texts of lessons are filled with.
    pub fn text(&self) -> Text<'_> {
        let Dataset { tokenizer, train, val, .. } = &*self.dataset;
        Text {
            name: self.name(),
            vocab_size: tokenizer.vocab_size(),
            words: Some(self.words),
            train: train.len(),
            val: val.len(),
            references: &self.references,
        }
    }

    pub fn material(&self) -> Material {
        self.dataset.clone().into()
    }
}

/// What came of it.
#[derive(Clone, Debug, Default)]
pub struct Report {
    pub faults: Vec<LessonError>,
    /// What is of another text and was not tried: lesson, item, that text.
    pub silent: Vec<(String, String, String)>,
    pub items: usize,
}

/// Proves one of `lessons`.
pub fn check(lesson: &Lesson, lessons: &[Lesson], against: &Against<'_>) -> Report {
    let mut faults = Faults { file: &lesson.file, list: Vec::new() };
    names::check(lesson, lessons, against, &mut faults);
    text::check(lesson, against, &mut faults);
    if against.counts {
        counts::check(lesson, &mut faults);
    }
    let mut report = Report { items: lesson.items().count(), ..Report::default() };
    if let Some(known) = against.texts.first() {
        answers::check(lesson, known, against, &mut faults);
        goals::check(lesson, known, against, &mut faults);
        report.silent = goals::silent(lesson, known)
            .into_iter()
            .map(|item| {
                let on = item.on().unwrap_or_default().to_owned();
                (lesson.id.clone(), item.id.clone(), on)
            })
            .collect();
    }
    report.faults = faults.list;
    report.faults.sort_by_key(|fault| fault.line);
    report
}

/// What is wrong with a lesson.
struct Faults<'a> {
    file: &'a str,
    list: Vec<LessonError>,
}

impl Faults<'_> {
    fn at(&mut self, line: usize, what: impl std::fmt::Display) {
        let what = what.to_string().replace('\n', " ");
        self.list.push(LessonError { file: self.file.to_owned(), line, what });
    }

    /// The same, if it was not said already: of another text, say.
    fn once(&mut self, line: usize, what: impl std::fmt::Display) {
        let what = what.to_string();
        if !self.list.iter().any(|fault| fault.line == line && fault.what == what) {
            self.at(line, what);
        }
    }
}

fn said(error: impl std::fmt::Display) -> String {
    error.to_string()
}

#[cfg(test)]
mod tests;
