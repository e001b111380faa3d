//! What a lesson can hold beside text. Each is a block of TOML; all of them rest on measures ([`crate::train::measure`]), and
//! none on code of its own.

use serde::Deserialize;

use crate::train::experiment::{Arm, Compare};
use crate::train::measure::{Condition, Measure, Range};

/// One thing to do, show or check.
#[derive(Clone, Debug, PartialEq)]
pub struct Item {
    /// Unique in its lesson. Progress keeps it.
    pub id: String,
    /// Of the block, in the file.
    pub line: usize,
    pub kind: Kind,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Kind {
    Predict(Box<Predict>),
    Ask(Box<Ask>),
    Goal(Box<Goal>),
    Claim(Box<Claim>),
    Race(Box<Race>),
    Code(Code),
    Figure(Figure),
    Review(Vec<Prompt>),
}

/// A guess that the learner commits to before the run answers it.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Predict {
    pub id: String,
    pub ask: String,
    /// Two to four, and `bands` says which the truth makes right; none: a number is asked for.
    #[serde(default)]
    pub choices: Vec<String>,
    #[serde(default)]
    pub bands: Vec<[f64; 2]>,
    pub measure: Measure,
    /// With two arms the truth is their difference (or ratio), found by an experiment; with one it is the arm's own number.
    /// Without, it is read off the run on the screen.
    #[serde(default)]
    pub arms: Vec<Arm>,
    #[serde(default)]
    pub compare: Compare,
    #[serde(default)]
    pub budget: Budget,
    #[serde(default = "one")]
    pub seeds: u32,
    /// The step of the run on the screen that answers it.
    #[serde(default)]
    pub after: u64,
    /// How far a number may be off and still be right.
    #[serde(default)]
    pub tolerance: Tolerance,
    pub why: String,
}

/// A question that is answered from the panes, and checked against the model as it is at that moment.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ask {
    pub id: String,
    pub ask: String,
    #[serde(default)]
    pub choices: Vec<String>,
    #[serde(default)]
    pub bands: Vec<[f64; 2]>,
    pub measure: Measure,
    #[serde(default)]
    pub tolerance: Tolerance,
    /// The pane that has the answer.
    pub pane: Option<String>,
    pub why: String,
}

/// Something to bring about, by any means.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Goal {
    pub id: String,
    pub text: String,
    /// All of them at once, on the run on the screen.
    pub when: Vec<Condition>,
    /// The stage whose run counts; none: the page's.
    pub stage: Option<String>,
    /// From a nudge to nearly all of it.
    pub hints: Vec<String>,
    /// One way there: `check` goes it.
    pub solution: Vec<Move>,
    /// Opens after success.
    pub answer: String,
    /// The text that it can be reached on; none: any.
    pub on: Option<String>,
}

/// One move of a solution.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Move {
    /// A hyperparameter, live or not, and the value it gets.
    pub set: Option<String>,
    pub to: Option<toml::Value>,
    /// Points that are drawn, x and y each; a new model learns them.
    pub draw: Vec<[f64; 2]>,
    /// New weights, with what has been set.
    pub fresh: bool,
    /// Train as far as this step.
    pub run_to: Option<u64>,
    /// Another lesson's stage.
    pub stage: Option<String>,
}

/// A sentence of the text that can be run.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Claim {
    pub id: String,
    pub text: String,
    /// One or two.
    pub arms: Vec<Arm>,
    #[serde(default)]
    pub budget: Budget,
    pub measure: Measure,
    #[serde(default)]
    pub compare: Compare,
    /// Of the first arm less the second (or their ratio), or of the only one.
    pub expect: Range,
    #[serde(default = "four")]
    pub seeds: u32,
    /// The text that it is true of; none: any.
    pub on: Option<String>,
    /// Whether it is run with every change of the program.
    #[serde(default)]
    pub ci: bool,
}

/// Arms side by side on one chart.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Race {
    pub id: String,
    pub text: String,
    pub arms: Vec<Arm>,
    #[serde(default)]
    pub budget: Budget,
    #[serde(default = "val_loss")]
    pub measure: Measure,
    #[serde(default = "one")]
    pub seeds: u32,
    /// All combinations of what differs between two arms, each one's share.
    #[serde(default)]
    pub combinations: bool,
}

/// A region of our own source.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Code {
    pub show: String,
    /// A piece of the line that the text speaks of.
    pub line: Option<String>,
}

/// A diagram of the model, from its own card, with these parts lit.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Figure {
    pub caption: String,
    #[serde(default)]
    pub parts: Vec<String>,
}

/// A question for later sessions, graded by the learner.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Prompt {
    pub id: String,
    pub q: String,
    pub a: String,
}

/// How long each run of an experiment trains; nothing: as long as its stage does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Budget {
    pub steps: Option<u64>,
    /// Tokens that are read.
    pub tokens: Option<u64>,
}

/// How far a number may be from the truth: relative to it, or absolute, whichever allows more.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Tolerance {
    pub relative: f64,
    pub absolute: f64,
}

impl Tolerance {
    /// Whether nothing but the number itself is right: an id, a step.
    pub fn is_exact(self) -> bool {
        self.relative == 0.0 && self.absolute < 0.5
    }
}

impl Default for Tolerance {
    fn default() -> Self {
        Self { relative: 0.05, absolute: 0.0 }
    }
}

impl Tolerance {
    pub fn allows(self, guess: f64, truth: f64) -> bool {
        (guess - truth).abs() <= (self.relative * truth.abs()).max(self.absolute)
    }
}

/// What a learner is asked for, whether before a run or about one.
#[derive(Clone, Copy, Debug)]
pub struct Question<'a> {
    pub ask: &'a str,
    pub choices: &'a [String],
    pub bands: &'a [[f64; 2]],
    pub tolerance: Tolerance,
    pub why: &'a str,
}

impl Question<'_> {
    /// The place of the choice that a truth makes right: the first whose band holds it.
    pub fn right(&self, truth: f64) -> Option<usize> {
        self.bands.iter().position(|[low, high]| (*low..=*high).contains(&truth))
    }

    /// Beside what a number of it is large or small: the largest bound of a choice, or what may be off.
    pub fn scale(&self) -> f64 {
        let bounds = self.bands.iter().flatten().map(|x| x.abs());
        bounds.reduce(f64::max).unwrap_or(self.tolerance.absolute)
    }

    /// Whether an answer is right: the place of a choice, or a number.
    pub fn is_right(&self, answer: f64, truth: f64) -> bool {
        if self.choices.is_empty() {
            return self.tolerance.allows(answer, truth);
        }
        self.right(truth).is_some_and(|right| right as f64 == answer)
    }
}

impl Item {
    /// What it asks, if it asks.
    pub fn question(&self) -> Option<Question<'_>> {
        match &self.kind {
            Kind::Predict(p) => Some(Question {
                ask: &p.ask,
                choices: &p.choices,
                bands: &p.bands,
                tolerance: p.tolerance,
                why: &p.why,
            }),
            Kind::Ask(a) => Some(Question {
                ask: &a.ask,
                choices: &a.choices,
                bands: &a.bands,
                tolerance: a.tolerance,
                why: &a.why,
            }),
            _ => None,
        }
    }

    /// All that is read of it: what it says, asks and answers.
    pub fn texts(&self) -> Vec<&str> {
        let mut texts: Vec<&str> = Vec::new();
        if let Some(Question { ask, choices, why, .. }) = self.question() {
            texts.extend([ask, why]);
            texts.extend(choices.iter().map(String::as_str));
        }
        match &self.kind {
            Kind::Goal(goal) => {
                texts.extend([goal.text.as_str(), &goal.answer]);
                texts.extend(goal.hints.iter().map(String::as_str));
            }
            Kind::Claim(claim) => texts.push(&claim.text),
            Kind::Race(race) => texts.push(&race.text),
            Kind::Figure(figure) => texts.push(&figure.caption),
            Kind::Review(prompts) => {
                texts.extend(prompts.iter().flat_map(|prompt| [prompt.q.as_str(), &prompt.a]));
            }
            Kind::Predict(_) | Kind::Ask(_) | Kind::Code(_) => {}
        }
        texts
    }

    /// The text that it is true of, where it is not true of any.
    pub fn on(&self) -> Option<&str> {
        match &self.kind {
            Kind::Goal(goal) => goal.on.as_deref(),
            Kind::Claim(claim) => claim.on.as_deref(),
            _ => None,
        }
    }

    /// Whether it is true of a text: `tiny-shakespeare` is that of Tiny Shakespeare.
    pub fn is_of(&self, text: &str) -> bool {
        self.on().is_none_or(|on| on == text_id(text))
    }

    /// Every measure that it rests on.
    pub fn measures(&self) -> Vec<&Measure> {
        match &self.kind {
            Kind::Predict(p) => vec![&p.measure],
            Kind::Ask(a) => vec![&a.measure],
            Kind::Goal(g) => g.when.iter().map(|condition| &condition.measure).collect(),
            Kind::Claim(c) => vec![&c.measure],
            Kind::Race(r) => vec![&r.measure],
            Kind::Code(_) | Kind::Figure(_) | Kind::Review(_) => Vec::new(),
        }
    }

    /// What progress and lists call its kind.
    pub fn kind_name(&self) -> &'static str {
        match self.kind {
            Kind::Predict(_) => "predict",
            Kind::Ask(_) => "ask",
            Kind::Goal(_) => "goal",
            Kind::Claim(_) => "claim",
            Kind::Race(_) => "race",
            Kind::Code(_) => "code",
            Kind::Figure(_) => "figure",
            Kind::Review(_) => "review",
        }
    }
}

/// What lessons call a text: `Tiny Shakespeare` is `tiny-shakespeare`, `the bundled play` is `bundled-play`.
pub fn text_id(name: &str) -> String {
    let name = name.to_lowercase();
    let words: Vec<&str> = name.split(|c: char| !c.is_alphanumeric()).collect();
    let words = words.into_iter().filter(|word| !word.is_empty() && *word != "the");
    words.collect::<Vec<_>>().join("-")
}

fn one() -> u32 {
    1
}

fn four() -> u32 {
    4
}

fn val_loss() -> Measure {
    Measure::ValLoss
}

/// A block of review prompts: an array of tables is no document of its own.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Reviews {
    pub prompt: Vec<Prompt>,
}
