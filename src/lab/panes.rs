//! The panes: what each is called, what it says of itself, and the doors to its drawing, keys, mouse and data.
//!
//! Each pane is one file with a `State`, and functions `detail`, `about`, `draw`, `update`, `click`, `subscribe` and
//! `refresh` as described at the functions of [`PaneId`] that call them.

pub mod attention;
pub mod embeddings;
pub mod hyperparameters;
pub mod inside;
pub mod lesson;
pub mod loss;
pub mod samples;
pub mod softmax;

#[cfg(test)]
mod tests;

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};

use super::action::Action;
use super::model::{Effect, Model};
pub use crate::lesson::PaneId;
use crate::train::Subscription;

/// The state of every pane.
#[derive(Debug, Default)]
pub struct States {
    pub lesson: lesson::State,
    pub loss: loss::State,
    pub hyperparameters: hyperparameters::State,
    pub embeddings: embeddings::State,
    pub attention: attention::State,
    pub softmax: softmax::State,
    pub samples: samples::State,
    pub inside: inside::State,
}

/// How a pane is being looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Look {
    pub focused: bool,
    pub zoomed: bool,
}

/// Calls the same function of the pane's own file.
macro_rules! of {
    ($pane:expr, $function:ident ( $($argument:expr),* )) => {
        match $pane {
            PaneId::Lesson => lesson::$function($($argument),*),
            PaneId::Loss => loss::$function($($argument),*),
            PaneId::Hyperparameters => hyperparameters::$function($($argument),*),
            PaneId::Embeddings => embeddings::$function($($argument),*),
            PaneId::Attention => attention::$function($($argument),*),
            PaneId::Softmax => softmax::$function($($argument),*),
            PaneId::Samples => samples::$function($($argument),*),
            PaneId::Inside => inside::$function($($argument),*),
        }
    };
}

impl PaneId {
    pub fn title(self) -> &'static str {
        match self {
            Self::Lesson => "Lesson",
            Self::Loss => "Loss",
            Self::Hyperparameters => "Hyperparameters",
            Self::Embeddings => "Embeddings",
            Self::Attention => "Attention",
            Self::Softmax => "Softmax",
            Self::Samples => "Samples",
            Self::Inside => "Inside",
        }
    }

    /// What stands beside the title: `layer 1 · head 3 of 4`. Short, or empty.
    pub fn detail(self, model: &Model) -> String {
        of!(self, detail(model))
    }

    /// The one line "what am I looking at", on the lower border.
    pub fn about(self, model: &Model) -> String {
        of!(self, about(model))
    }

    /// Draws inside the border. `area` may be of any size, also empty.
    pub fn draw(self, model: &Model, look: Look, area: Rect, buf: &mut Buffer) {
        if !area.is_empty() {
            of!(self, draw(model, look, area, buf));
        }
    }

    /// A key of the pane's own context (`Context::Pane` in the action table).
    pub fn update(self, model: &mut Model, action: Action) -> Vec<Effect> {
        of!(self, update(model, action))
    }

    /// A click at `at`, inside `area`, the pane's area without its border.
    pub fn click(self, model: &mut Model, area: Rect, at: Position) -> Vec<Effect> {
        of!(self, click(model, area, at))
    }

    /// Adds the activations and parameters that the pane shows. Called for visible panes only.
    pub fn subscribe(self, model: &Model, wanted: &mut Subscription) {
        of!(self, subscribe(model, wanted));
    }

    /// Something that the pane is drawn from is new: a snapshot, a sample, a run, the prompt. What is dear to compute
    /// (a projection, a table) is computed here and kept in the state, not in `draw`; cursors are brought back into range.
    pub fn refresh(self, model: &mut Model) {
        of!(self, refresh(model));
    }
}
