//! The learner's way through the course, as the lab knows it: what was answered is in [`Progress`], and nearly everything
//! else follows from it.

use std::collections::{BTreeMap, BTreeSet};

use crate::lesson::progress::{Key, Progress, Record};
use crate::lesson::{Item, Kind, Page, Prompt, Start};

/// The learner's way.
#[derive(Clone, Debug, Default)]
pub struct Course {
    pub progress: Progress,
    /// This session's name in the progress file.
    pub session: String,
    /// Seconds since 1970 when the lab was opened.
    pub began: u64,
    /// Which of the open page's things to do the keys act on.
    pub chosen: usize,
    /// The open page's run waits for a prediction.
    pub held: bool,
    /// Answers that were asked for: of prompts, and of goals after success.
    pub opened: BTreeSet<Key>,
    /// What a claim came to when it was run.
    pub stamps: BTreeMap<Key, String>,
    /// Records that could not be written down.
    pub unkept: Vec<Record>,
    /// Prompts of earlier sessions that are to be asked, while they are.
    pub reviewing: Option<Reviewing>,
}

/// Prompts that come back, one after the other.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reviewing {
    pub due: Vec<Key>,
    pub at: usize,
    /// Whether the answer is shown.
    pub open: bool,
}

/// Something on a page that the learner can do.
#[derive(Clone, Copy, Debug)]
pub struct Doable<'a> {
    pub item: &'a Item,
    /// One of several prompts.
    pub prompt: Option<&'a Prompt>,
}

impl<'a> Doable<'a> {
    pub fn id(&self) -> &'a str {
        self.prompt.map_or(&self.item.id, |prompt| &prompt.id)
    }
}

/// What there is to do on a page, in order.
pub fn doable(page: &Page) -> Vec<Doable<'_>> {
    let mut all = Vec::new();
    for item in page.items() {
        match &item.kind {
            Kind::Review(prompts) => {
                all.extend(prompts.iter().map(|prompt| Doable { item, prompt: Some(prompt) }));
            }
            Kind::Predict(_) | Kind::Ask(_) | Kind::Goal(_) | Kind::Claim(_) | Kind::Race(_) => {
                all.push(Doable { item, prompt: None });
            }
            Kind::Code(_) | Kind::Figure(_) => {}
        }
    }
    all
}

impl Course {
    /// The last answer to an item, or that it was skipped.
    pub fn answer(&self, lesson: &str, item: &str) -> Option<&Record> {
        self.progress.last(lesson, item, &["predict", "ask", "skip"])
    }

    /// How many hints of a goal were asked for.
    pub fn hints(&self, lesson: &str, item: &str) -> usize {
        let last = self.progress.last(lesson, item, &["hint"]).and_then(|last| last.answer);
        last.map_or(0, |shown| shown as usize)
    }

    /// A prediction that was made and that no run has answered yet.
    pub fn waiting(&self, lesson: &str, item: &str) -> Option<&Record> {
        let last = self.progress.last(lesson, item, &["predict", "skip"])?;
        (last.kind == "predict" && last.truth.is_none()).then_some(last)
    }

    /// Whether nothing is left to do about it.
    pub fn is_done(&self, lesson: &str, doable: &Doable<'_>) -> bool {
        let id = doable.id();
        match &doable.item.kind {
            Kind::Predict(_) | Kind::Ask(_) => self.answer(lesson, id).is_some(),
            Kind::Goal(_) => self.progress.is_met(lesson, id),
            Kind::Review(_) => self.progress.last(lesson, id, &["review"]).is_some(),
            // May be run again and again.
            _ => self.progress.last(lesson, id, &["claim"]).is_some(),
        }
    }

    /// The place of the first thing on a page that is still to be done.
    pub fn first_undone(&self, lesson: &str, page: &Page) -> usize {
        self.next_undone(lesson, page, 0)
    }

    /// The place of the next thing that is still to be done from this one on, or of the first before it.
    pub fn next_undone(&self, lesson: &str, page: &Page, from: usize) -> usize {
        let all = doable(page);
        let predicts = |doable: &Doable| matches!(doable.item.kind, Kind::Predict(_));
        let undone = |at: &usize| !self.is_done(lesson, &all[*at]);
        // What a run waits for comes first.
        let waits = page.setup.run == Start::Held;
        let mut held = (0..all.len()).filter(|at| waits && predicts(&all[*at]) && undone(at));
        let first = held.next().or_else(|| (from..all.len()).find(undone));
        first.or_else(|| (0..all.len()).find(undone)).unwrap_or(0)
    }

    /// What comes before something that would give away what the page asks the learner to predict above it.
    pub fn gives_away(&self, lesson: &str, page: &Page, id: &str) -> Option<First> {
        let before = page.items().take_while(|item| item.id != id);
        let predictions = before.filter(|item| matches!(item.kind, Kind::Predict(_)));
        let first = |item: &Item| match self.answer(lesson, &item.id) {
            None => Some(First::Guess),
            Some(_) if self.waiting(lesson, &item.id).is_some() => Some(First::Result),
            Some(_) => None,
        };
        predictions.filter_map(first).min()
    }

    /// The place of the page's first open question, where the prediction that is chosen has been made: the key of answers
    /// goes there.
    pub fn next_question(&self, lesson: &str, page: &Page) -> Option<usize> {
        let all = doable(page);
        let open = |doable: &Doable| {
            matches!(doable.item.kind, Kind::Predict(_) | Kind::Ask(_))
                && self.answer(lesson, &doable.item.id).is_none()
        };
        let chosen = all.get(self.chosen)?;
        // One that was skipped can be made after all.
        let said = self.answer(lesson, &chosen.item.id);
        let made = matches!(chosen.item.kind, Kind::Predict(_))
            && said.is_some_and(|said| said.kind != "skip");
        all.iter().position(open).filter(|_| made)
    }
}

/// What has to come before something is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum First {
    /// The learner's.
    Guess,
    /// The run's, that the learner waits for.
    Result,
}

impl First {
    /// Beside what is folded.
    pub fn note(self) -> &'static str {
        match self {
            Self::Guess => "after your guess",
            Self::Result => "when the result is there",
        }
    }

    /// To whom asks for it.
    pub fn refusal(self) -> &'static str {
        match self {
            Self::Guess => "predict first: this would give it away",
            Self::Result => "the result of your prediction comes first: this would give it away",
        }
    }
}
