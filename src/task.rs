//! Examples that are made, not read: their answers are known exactly.
//!
//! A task makes training examples without end from a random stream, and keeps others apart that are never trained on
//! (`split`).

mod alphabet;
pub mod card;
pub mod glyphs;
mod judged;
mod line;
pub mod pairs;
pub mod points;
pub mod recall;
pub mod signs;
mod split;
pub mod stories;

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use strum::{EnumIter, EnumString, IntoStaticStr, VariantNames};

use crate::model::Examples;
use crate::text::Tokens;
use glyphs::Glyphs;
use pairs::Pairs;
use points::{Drawn, Points};
use recall::Recall;
use stories::Stories;

pub use card::{Card, Origin};

/// What a model is trained on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[derive(EnumIter, EnumString, IntoStaticStr, VariantNames)]
#[strum(serialize_all = "snake_case")]
pub enum Task {
    /// A corpus: what follows?
    #[default]
    Text,
    /// Letters, written backwards.
    Reverse,
    /// Letters, in order.
    Sort,
    /// Dates in many spellings, as ISO 8601.
    Dates,
    /// Number words, as digits.
    Numbers,
    /// A key is shown, fillers follow, then it is asked for.
    Recall,
    /// Small images of digits and letters.
    Glyphs,
    /// Points in the plane.
    Points,
    /// People, places and things, and a question.
    Stories,
}

/// The distribution that points come from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[derive(EnumString, IntoStaticStr, VariantNames)]
#[strum(serialize_all = "snake_case")]
pub enum Target {
    /// Eight Gaussians on a circle.
    #[default]
    Ring,
    /// 25 Gaussians on a square grid.
    Grid,
    /// Two moons.
    Moons,
    /// A file's points.
    File,
    /// Points that the learner draws in the lab.
    Own,
}

/// A task and its sizes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Config {
    pub task: Task,
    /// Recall: fillers between the key and the question.
    pub distance: usize,
    /// Recall: whether a batch that is trained on is of any distance up to that.
    #[serde(skip_serializing_if = "is_off")]
    pub curriculum: bool,
    /// Reverse and sort: the longest string.
    pub length: usize,
    /// Points: where they come from.
    pub target: Target,
    /// Points of the learner's own: where they are.
    #[serde(skip_serializing_if = "Drawn::is_empty")]
    pub drawn: Drawn,
    /// Text: what it is cut into.
    pub tokens: Tokens,
    /// Text in words: the most different ones, by frequency.
    pub max_words: usize,
    /// Stories: sentences that an answer needs.
    #[serde(default = "first_facts", skip_serializing_if = "is_first_facts")]
    pub facts: usize,
    /// Which rule says what is held out: 1, which files leave out, or [`newest_rule`](Self::newest_rule).
    #[serde(default = "first_rule", skip_serializing_if = "is_first_rule")]
    pub rule: u8,
}

/// The rule of checkpoints that name none.
fn first_rule() -> u8 {
    split::FIRST_RULE
}

/// Files of tasks without stories name none.
fn first_facts() -> usize {
    1
}

#[allow(clippy::trivially_copy_pass_by_ref)]
fn is_first_facts(facts: &usize) -> bool {
    *facts == first_facts()
}

#[allow(clippy::trivially_copy_pass_by_ref)]
fn is_off(switch: &bool) -> bool {
    !*switch
}

#[allow(clippy::trivially_copy_pass_by_ref)]
fn is_first_rule(rule: &u8) -> bool {
    *rule == split::FIRST_RULE
}

impl Config {
    /// The rule that new runs of this task hold out by. Only where the rules differ is there more than one.
    pub fn newest_rule(&self) -> u8 {
        match self.task {
            Task::Reverse | Task::Sort | Task::Numbers => split::NEWEST_RULE,
            Task::Points if self.target == Target::File => split::NEWEST_RULE,
            Task::Text
            | Task::Dates
            | Task::Recall
            | Task::Glyphs
            | Task::Points
            | Task::Stories => split::FIRST_RULE,
        }
    }
}

impl Config {
    /// Makes drawn points what is learned; `false` where the task is none of points.
    pub fn learn(&mut self, drawn: Drawn) -> bool {
        if self.task != Task::Points {
            return false;
        }
        (self.target, self.drawn) = (Target::Own, drawn);
        self.rule = self.newest_rule();
        true
    }

    /// Whether it is about points that somebody draws.
    pub fn is_drawn(&self) -> bool {
        self.task == Task::Points && self.target == Target::Own
    }
}

impl Default for Config {
    fn default() -> Self {
        Self {
            task: Task::Text,
            distance: 16,
            curriculum: false,
            length: 10,
            target: Target::Ring,
            drawn: Drawn::default(),
            tokens: Tokens::Characters,
            max_words: 4096,
            facts: first_facts(),
            rule: split::FIRST_RULE,
        }
    }
}

/// `dates`, `recall at distance 16` …
impl fmt::Display for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.task {
            Task::Text => write!(f, "text"),
            Task::Reverse => write!(f, "reverse, up to {} letters", self.length),
            Task::Sort => write!(f, "sort, up to {} letters", self.length),
            Task::Dates => write!(f, "dates"),
            Task::Numbers => write!(f, "numbers"),
            Task::Recall => write!(f, "recall at distance {}", self.distance),
            Task::Glyphs => write!(f, "glyphs"),
            Task::Stories if self.facts == 1 => write!(f, "stories with 1 fact"),
            Task::Stories => write!(f, "stories with {} facts", self.facts),
            Task::Points => match self.target {
                Target::Ring => write!(f, "points on a ring"),
                Target::Grid => write!(f, "points on a grid"),
                Target::Moons => write!(f, "two moons of points"),
                Target::File => write!(f, "points of a file"),
                Target::Own => write!(f, "{} points that were drawn", self.drawn.len()),
            },
        }
    }
}

/// The examples of a task; `None` for those that need more than a configuration: a text, or a file of points.
pub fn open(config: &Config) -> Option<Arc<dyn Examples>> {
    match config.task {
        Task::Text => None,
        Task::Recall => {
            Some(Arc::new(Recall::new(config.distance).with_curriculum(config.curriculum)))
        }
        Task::Stories => Some(Arc::new(Stories::new(config.facts))),
        Task::Glyphs => Some(Arc::new(Glyphs)),
        Task::Points if config.target == Target::Own => {
            Some(Arc::new(Points::drawn(&config.drawn)?))
        }
        Task::Points => Some(Arc::new(Points::of(config.target)?)),
        Task::Reverse | Task::Sort | Task::Dates | Task::Numbers => {
            pairs(config).map(|pairs| Arc::new(pairs) as Arc<dyn Examples>)
        }
    }
}

/// The tokens of a question that somebody typed; `None` where there is nothing to type.
///
/// # Errors
/// What it holds that no question of the task does, and what the task understands.
pub fn typed(config: &Config, text: &str) -> Option<Result<Vec<u32>, String>> {
    let said = |error: &dyn fmt::Display| error.to_string();
    match config.task {
        Task::Recall => Some(Recall::new(config.distance).encode(text).map_err(|e| said(&e))),
        Task::Stories => Some(Stories::new(config.facts).encode(text).map_err(|e| said(&e))),
        _ => Some(pairs(config)?.encode(text).map_err(|e| said(&e))),
    }
}

/// A question, or its answer, as it is written: its signs, or its words.
pub fn written(config: &Config, ids: &[u32]) -> String {
    match config.task {
        Task::Stories => Stories::decode(ids),
        _ => Recall::decode(ids),
    }
}

/// Why a question has no answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unanswered {
    /// The sentence of a story, counted from 0, that cannot be.
    pub sentence: Option<usize>,
    pub why: String,
}

/// Why the task has no answer to a question that it can read; `None` where it has one, or cannot tell why.
pub fn unanswered(config: &Config, text: &str) -> Option<Unanswered> {
    if config.task == Task::Stories {
        let ids = Stories::new(config.facts).encode(text).ok()?;
        let (sentence, why) = Stories::unanswered(&ids)?;
        return Some(Unanswered { sentence, why });
    }
    let error = pairs(config)?.understand(text).err()?;
    Some(Unanswered { sentence: None, why: error.to_string() })
}

/// What can be typed for a task, where it has such a thing to show.
pub fn example(config: &Config) -> Option<&'static str> {
    (config.task == Task::Stories).then_some(stories::EXAMPLE)
}

/// The pairs of a task, if it is one of pairs.
pub fn pairs(config: &Config) -> Option<Pairs> {
    let pairs = match config.task {
        Task::Reverse => Pairs::reverse(config.length),
        Task::Sort => Pairs::sort(config.length),
        Task::Dates => Pairs::dates(),
        Task::Numbers => Pairs::numbers(),
        Task::Text | Task::Recall | Task::Glyphs | Task::Points | Task::Stories => return None,
    };
    Some(pairs.split_by(config.rule))
}
