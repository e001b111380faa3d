//! What a task says of itself: what an example of it is, where examples come from, what is asked and how answers are judged.

use super::glyphs::Glyphs;
use super::stories::{self, Stories};
use super::{Config, Target, Task};
use crate::model::card::{Better, Figure, Unit};
use crate::model::encoder_decoder::END;
use crate::model::{Form, PAD};
use crate::text::Tokens;

/// Where examples come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// The learner's text, and so the learner's prompt is one of them.
    Text,
    /// A file of points.
    Points,
    /// They are made.
    Made,
}

/// A task in its own words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Card {
    pub task: Task,
    pub form: Form,
    pub origin: Origin,
    /// What a distribution over tokens says here.
    pub asks: &'static str,
    /// Why no text comes of it; a sentence, or nothing where text does.
    pub instead_of_text: Option<&'static str>,
    /// What [`crate::model::Examples::judge`] measures.
    pub figures: &'static [Figure],
}

const EXACT: &[Figure] =
    &[Figure { name: "exact_match", unit: Unit::Share, better: Better::Higher }];
const fn exact(name: &'static str) -> Figure {
    Figure { name, unit: Unit::Share, better: Better::Higher }
}

const ANSWERED: &[Figure] = &[
    exact(stories::EXACT_MATCH),
    exact(stories::EXACT_PLACE),
    exact(stories::EXACT_YES_NO),
    exact(stories::EXACT_COUNT),
];
const ACCURATE: &[Figure] =
    &[Figure { name: "accuracy", unit: Unit::Share, better: Better::Higher }];
const DIVERGENCE: Figure = Figure { name: "divergence", unit: Unit::Nats, better: Better::Lower };
const COLLAPSED: Figure = Figure { name: "collapsed", unit: Unit::Verdict, better: Better::Lower };
const SPREAD: &[Figure] = &[DIVERGENCE, COLLAPSED];
const HIGH_QUALITY: Figure =
    Figure { name: "high_quality", unit: Unit::Share, better: Better::Higher };

const fn modes(of: u32) -> Figure {
    Figure { name: "modes", unit: Unit::Count(Some(of)), better: Better::Higher }
}

const RING: &[Figure] = &[modes(8), HIGH_QUALITY, DIVERGENCE, COLLAPSED];
const GRID: &[Figure] = &[modes(25), HIGH_QUALITY, DIVERGENCE, COLLAPSED];

/// The figure of this name, of whichever task; `of` how many is only the task's own to say.
pub fn figure_named(name: &str) -> Option<Figure> {
    let all = [EXACT, ANSWERED, ACCURATE, RING, SPREAD].into_iter().flatten();
    let found = all.copied().find(|figure| figure.name == name)?;
    let unit = if let Unit::Count(_) = found.unit { Unit::Count(None) } else { found.unit };
    Some(Figure { unit, ..found })
}

impl Task {
    /// What an example is.
    pub fn form(self) -> Form {
        match self {
            Self::Text => Form::Window,
            Self::Recall | Self::Stories => Form::Question,
            Self::Reverse | Self::Sort | Self::Dates | Self::Numbers => Form::Pair,
            Self::Glyphs => Form::Image,
            Self::Points => Form::Point,
        }
    }
}

impl Config {
    /// Where its examples come from.
    pub fn origin(&self) -> Origin {
        match (self.task, self.target) {
            (Task::Text, _) => Origin::Text,
            (Task::Points, Target::File) => Origin::Points,
            _ => Origin::Made,
        }
    }

    /// Whether its examples are windows of the learner's text.
    pub fn reads_text(&self) -> bool {
        self.origin() == Origin::Text
    }

    /// Hyperparameters, by name, that mean something to this task.
    pub fn hyperparameters(&self) -> &'static [&'static str] {
        match (self.task, self.tokens) {
            (Task::Text, Tokens::Characters) => &["block_size", "tokens"],
            (Task::Text, Tokens::Words) => &["block_size", "tokens", "max_words"],
            (Task::Recall, _) => &["distance", "curriculum"],
            (Task::Stories, _) => &["facts"],
            (Task::Reverse | Task::Sort, _) => &["length"],
            (Task::Points, _) => &["target"],
            (Task::Dates | Task::Numbers | Task::Glyphs, _) => &[],
        }
    }

    /// What an image of this label is of, where examples are labelled.
    pub fn class(&self, label: u32) -> Option<char> {
        (self.task == Task::Glyphs).then(|| Glyphs::character(label))
    }

    pub fn card(&self) -> Card {
        let (form, origin) = (self.task.form(), self.origin());
        let (asks, instead_of_text, figures): (_, _, &[Figure]) = match form {
            Form::Window => ("what may come next, and how likely", None, &[]),
            Form::Question if self.task == Task::Stories => (
                "what it answers after the question mark",
                Some("No text comes of a story: the answer is one word, see softmax."),
                ANSWERED,
            ),
            Form::Question => (
                "which key it recalls after the question mark",
                Some("No text comes of recall: the answer is one key, see softmax."),
                ACCURATE,
            ),
            Form::Pair => (
                "what may come next, and how likely",
                Some(
                    "It continues no text: it answers sources, and the loss pane says how many exactly.",
                ),
                EXACT,
            ),
            Form::Image => (
                "what may come next, and how likely",
                Some(
                    "It makes images, no text: the loss pane says how well it draws what it is shown.",
                ),
                &[],
            ),
            Form::Point => (
                "what may come next, and how likely",
                Some("It makes points, no text: the loss pane says how many modes they cover."),
                match self.target {
                    Target::Ring => RING,
                    Target::Grid => GRID,
                    Target::Moons | Target::File | Target::Own => SPREAD,
                },
            ),
        };
        Card { task: self.task, form, origin, asks, instead_of_text, figures }
    }
}

impl Card {
    /// The tokens of an example without what only fills it up.
    pub fn real<'a>(&self, tokens: &'a [u32]) -> &'a [u32] {
        let filled = self.form == Form::Pair;
        let end = tokens.iter().position(|&token| filled && token == PAD);
        &tokens[..end.unwrap_or(tokens.len())]
    }

    /// What the model is asked for after a position: the token that comes next, at the end of a target its end, at the end
    /// of a question the key that it began with, or what its story tells.
    pub fn asked(&self, tokens: &[u32], position: usize) -> Option<u32> {
        let next = tokens.get(position + 1).copied();
        match (self.form, next) {
            (Form::Question, Some(_)) => None,
            (Form::Question, None) if self.task == Task::Stories => Stories::answer(tokens),
            (Form::Question, None) => tokens.first().copied(),
            (Form::Pair, next) => Some(next.unwrap_or(END)),
            (Form::Window | Form::Image | Form::Point, next) => next,
        }
    }
}
