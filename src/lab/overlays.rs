//! What lies over the panes and takes the keys: lists, questions, input lines.

use tui_input::Input;

use super::action::{Action, Context};
use crate::train::Config;

/// One overlay.
#[derive(Clone, Debug)]
pub enum Overlay {
    List(List),
    Confirm(Confirm),
    Input(InputLine),
}

/// A list that is narrowed down by typing.
#[derive(Clone, Debug, Default)]
pub struct List {
    pub kind: ListKind,
    pub filter: Input,
    pub selected: usize,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ListKind {
    /// Every key, by section.
    #[default]
    Help,
    /// Every action.
    Palette,
    Lessons,
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
    /// Opens this configuration anew; the present curve stays as a ghost with this label.
    Rebuild { config: Box<Config>, label: String },
    /// Saves and leaves.
    Quit,
    /// Leaves although something is not saved.
    QuitUnsaved,
}

/// One line of text at the foot of the screen.
#[derive(Clone, Debug)]
pub struct InputLine {
    pub purpose: Purpose,
    pub input: Input,
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
}

impl Overlay {
    /// The context of its keys in the action table.
    pub fn context(&self) -> Context {
        match self {
            Self::List(_) => Context::List,
            Self::Confirm(_) => Context::Confirm,
            Self::Input(_) => Context::Input,
        }
    }
}

/// What a palette row or a lesson row does when chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Choice {
    Action(Action),
    Lesson(usize),
}
