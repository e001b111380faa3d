//! What the learner has chosen to see of the curve.

use crate::lab::run::Run;
use crate::model::card::Figure;

/// What the pane shows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum View {
    /// Everything, with the next yardstick on either side.
    #[default]
    Whole,
    /// The losses of the second half of the run so far.
    Close,
    /// What the estimates measured beside the loss, by its name; the whole where a run has no such thing.
    Figure(&'static str),
    /// The estimates in figures.
    Table,
}

/// The pane's state.
#[derive(Debug, Default)]
pub struct Loss {
    /// The step being read off.
    pub cursor: Option<u64>,
    pub log_steps: bool,
    pub log_losses: bool,
    pub view: View,
    /// Figures of the table that stand left of its edge.
    pub scrolled: usize,
}

impl View {
    /// What is on the axis instead of the loss.
    pub fn figure(self, run: &Run) -> Option<Figure> {
        let Self::Figure(name) = self else { return None };
        run.figures().into_iter().find(|figure| figure.name == name)
    }

    /// The one after it: the loss, its close-up, every figure, the table.
    pub fn next(self, figures: &[Figure]) -> Self {
        let next = match self {
            Self::Whole => return Self::Close,
            Self::Close => Some(0),
            Self::Figure(name) => figures.iter().position(|f| f.name == name).map(|at| at + 1),
            Self::Table => return Self::Whole,
        };
        next.and_then(|at| figures.get(at)).map_or(Self::Table, |figure| Self::Figure(figure.name))
    }
}
