//! What lies over the panes and takes the keys: lists, questions, input lines.

use std::time::Duration;

use std::path::PathBuf;

use tui_input::Input;

use super::action::{self, Context, Row, Scope, Section};
use crate::lesson::{Item, Lesson, Term};
use crate::stage::Config;
use crate::train::RunId;
use crate::train::checkpoint::About;

/// One overlay.
#[derive(Clone, Debug)]
pub enum Overlay {
    List(List),
    Confirm(Confirm),
    Input(InputLine),
    Answer(Box<AnswerLine>),
    /// The prompts of earlier sessions.
    Review,
}

/// The line that a question of a lesson is answered in: the answer first, then how sure the learner is.
#[derive(Clone, Debug)]
pub struct AnswerLine {
    pub lesson: String,
    pub item: Item,
    /// A number, where there are no choices.
    pub input: Input,
    /// The place of the choice under the cursor.
    pub choice: usize,
    /// What was answered; then it is asked how sure.
    pub answer: Option<f64>,
    pub error: Option<String>,
    /// When it was opened.
    pub since: Duration,
    /// Whether the run trained when it was opened.
    pub training: bool,
}

impl AnswerLine {
    /// Whether a number is being typed.
    pub fn is_typed(&self) -> bool {
        let chooses = self.item.question().is_some_and(|question| !question.choices.is_empty());
        self.answer.is_none() && !chooses
    }
}

/// A list that is narrowed down by typing.
#[derive(Clone, Debug, Default)]
pub struct List {
    pub kind: ListKind,
    pub filter: Input,
    pub selected: usize,
    /// The rows of a list of runs or files, as they were when it was opened.
    pub entries: Vec<Entry>,
    /// Whether the rows are still being looked for.
    pub looking: bool,
    /// Of the help: the words that the course explains, and whether the open page does.
    pub words: Vec<(Term, bool)>,
}

/// A run or a file in a list.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    pub cells: Vec<String>,
    /// What enter opens, or why it cannot be opened.
    pub opens: Result<Opens, String>,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Opens {
    /// The run on the screen.
    Here,
    Run(RunId),
    File(PathBuf, Box<About>),
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ListKind {
    /// Every key, by section.
    #[default]
    Help,
    /// Every action.
    Palette,
    Lessons,
    /// The runs of this session.
    Runs,
    /// Files that can be opened.
    Checkpoints,
}

/// A question with yes and no.
#[derive(Clone, Debug, PartialEq)]
pub struct Confirm {
    pub title: String,
    pub text: String,
    pub yes: Answer,
}

/// What yes does.
#[derive(Clone, Debug, PartialEq)]
pub enum Answer {
    /// Opens this configuration anew; the present curve stays as a ghost.
    Rebuild { config: Box<Config> },
    /// Saves and leaves.
    Quit,
    /// Leaves although something is not saved.
    QuitUnsaved,
}

/// How a line break stands in the input line.
pub const LINE_BREAK: char = '⏎';

/// A text as the input line shows it.
pub fn on_one_line(text: &str) -> String {
    text.replace('\n', &LINE_BREAK.to_string())
}

/// One line of text at the foot of the screen.
#[derive(Clone, Debug)]
pub struct InputLine {
    pub purpose: Purpose,
    pub input: Input,
    /// Whether its text is selected: the first letter replaces it.
    pub selected: bool,
    /// Why this text cannot be taken.
    pub error: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// Followed by the panes with every letter.
    Prompt {
        /// What comes back on escape.
        before: String,
    },
    /// A hyperparameter's value.
    Value { name: &'static str },
    /// A hyperparameter's value in a run beside this one.
    Compare { name: &'static str },
    /// Whatever a pane asked for; it is told on enter.
    Line { pane: &'static str, label: String },
    /// The seed that the run starts again with.
    Seed,
    /// Temperature, top-k and top-p.
    Sampling,
}

impl Overlay {
    /// Asks whether to leave although something is not saved, and says what.
    pub fn quit_unsaved(text: impl Into<String>) -> Self {
        let title = "Leave without saving?".to_owned();
        Self::Confirm(Confirm { title, text: text.into(), yes: Answer::QuitUnsaved })
    }

    /// Where its keys count.
    pub fn scope(&self) -> Scope {
        let nearness: &[&[Context]] = match self {
            Self::List(_) => &[&[Context::List]],
            Self::Confirm(_) => &[&[Context::Confirm]],
            Self::Input(_) | Self::Answer(_) => &[&[Context::Input]],
            Self::Review => &[&[Context::Review]],
        };
        Scope { nearness, understood: &[] }
    }
}

impl List {
    /// The rows of the palette that fit the filter, best first.
    pub fn actions(&self) -> Vec<&'static Row> {
        let filter = self.filter.value();
        let mut rows: Vec<_> = action::ACTIONS
            .iter()
            .filter(|row| action::in_palette(row))
            .filter_map(|row| {
                // A hit in the id counts for more than one in the explanation.
                let id = fuzzy(filter, row.id).map(|score| score + 10);
                let doc = fuzzy(filter, row.doc);
                id.max(doc).map(|score| (score, row))
            })
            .collect();
        rows.sort_by_key(|(score, _)| std::cmp::Reverse(*score));
        rows.into_iter().map(|(_, row)| row).collect()
    }

    /// The words to explain: those of the open page, or all that begin as the filter does.
    pub fn explained(&self) -> Vec<&Term> {
        let filter = self.filter.value().to_lowercase();
        let fits = |(term, here): &&(Term, bool)| match filter.as_str() {
            "" => *here,
            filter => term.word.to_lowercase().contains(filter),
        };
        self.words.iter().filter(fits).map(|(term, _)| term).collect()
    }

    /// The sections of the help with their rows that fit the filter.
    pub fn help(&self) -> Vec<(Section, Vec<&'static Row>)> {
        let filter = self.filter.value().to_lowercase();
        let fits = |row: &Row| {
            let keys = row.places.iter().flat_map(|p| p.keys).any(|key| key.to_string() == filter);
            filter.is_empty()
                || keys
                || row.doc.to_lowercase().contains(&filter)
                || row.id.contains(&filter)
        };
        let rows = |section| {
            action::ACTIONS
                .iter()
                .filter(move |r| r.section == section)
                .filter(|r| fits(r))
                .collect()
        };
        let sections = Section::ALL.into_iter().map(|section| (section, rows(section)));
        sections.filter(|(_, rows): &(Section, Vec<_>)| !rows.is_empty()).collect()
    }

    /// The lessons that fit the filter, by index.
    pub fn lessons(&self, lessons: &[Lesson]) -> Vec<usize> {
        let filter = self.filter.value();
        let fit = |i: usize| Some((named(filter, &lessons[i])?, i));
        let mut fits: Vec<(u8, usize)> = (0..lessons.len()).filter_map(fit).collect();
        fits.sort_unstable();
        fits.into_iter().map(|(_, i)| i).collect()
    }

    /// The runs or files that fit the filter.
    pub fn found(&self) -> Vec<&Entry> {
        let filter = self.filter.value();
        self.entries.iter().filter(|e| fuzzy(filter, &e.cells.join(" ")).is_some()).collect()
    }

    /// How far `selected` may go.
    pub fn len(&self, lessons: &[Lesson]) -> usize {
        match self.kind {
            ListKind::Help => {
                let keys: usize = self.help().iter().map(|(_, rows)| rows.len() + 2).sum();
                keys + 3 * self.explained().len()
            }
            ListKind::Palette => self.actions().len(),
            ListKind::Lessons => self.lessons(lessons).len(),
            ListKind::Runs | ListKind::Checkpoints => self.found().len(),
        }
    }
}

/// How directly a filter names a lesson, 0 the most: its number, a word of its title or stage, a part of one, its letters.
fn named(filter: &str, lesson: &Lesson) -> Option<u8> {
    let filter = filter.trim().to_lowercase();
    let names = [lesson.title.to_lowercase(), lesson.stage.clone(), lesson.id.clone()];
    let starts = |name: &String| {
        let mut found = name.match_indices(&filter);
        found.any(|(at, _)| !name[..at].ends_with(char::is_alphanumeric))
    };
    if filter == lesson.number.to_string() {
        Some(0)
    } else if names.iter().any(starts) {
        Some(1)
    } else if names.iter().any(|name| name.contains(&filter)) {
        Some(2)
    } else {
        names[..2].iter().any(|name| fuzzy(&filter, name).is_some()).then_some(3)
    }
}

/// How well a filter fits a text, if all its letters stand there in order: runs and starts of words count more.
pub fn fuzzy(filter: &str, text: &str) -> Option<i32> {
    let text: Vec<char> = text.to_lowercase().chars().collect();
    let mut score = 0;
    let mut at = 0;
    let mut last = None;
    for wanted in filter.to_lowercase().chars().filter(|c| !c.is_whitespace()) {
        let found = (at..text.len()).find(|&i| text[i] == wanted)?;
        let starts = found == 0 || !text[found - 1].is_alphanumeric();
        score += 1 + 3 * i32::from(last.is_some_and(|l| l + 1 == found)) + 2 * i32::from(starts);
        last = Some(found);
        at = found + 1;
    }
    Some(score)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lab::action::Action;

    #[test]
    fn a_lesson_is_found_by_number_and_by_word_before_scattered_letters() {
        let lessons = crate::lesson::course().unwrap();
        let first = |filter: &str| {
            let list = List { filter: filter.into(), ..List::default() };
            list.lessons(&lessons).first().map(|i| lessons[*i].id.clone())
        };
        assert_eq!(first("9"), Some(lessons[9].id.clone()));
        assert_eq!(first("Feed").as_deref(), Some("feed-forward"));
        assert_eq!(first("gan").as_deref(), Some("gan"));
        assert!(first("sftmx").is_some() && first("zzz").is_none());
    }

    #[test]
    fn letters_must_stand_in_order() {
        assert!(fuzzy("ng", "next-lesson").is_none());
        assert!(fuzzy("nl", "next-lesson").is_some());
        assert!(fuzzy("", "anything") == Some(0));
        assert!(fuzzy("next", "next-lesson") > fuzzy("nxsn", "next-lesson"));
    }

    #[test]
    fn the_palette_finds_an_action_by_its_name() {
        let list = List { kind: ListKind::Palette, filter: "zoom".into(), ..List::default() };
        assert_eq!(list.actions()[0].action, Action::Zoom);
        let all = List { kind: ListKind::Palette, ..List::default() };
        assert_eq!(
            all.actions().len(),
            action::ACTIONS.iter().filter(|r| action::in_palette(r)).count()
        );
    }

    #[test]
    fn help_has_every_action() {
        let listed: usize = List::default().help().iter().map(|(_, rows)| rows.len()).sum();
        assert_eq!(listed, action::ACTIONS.len());
    }
}
