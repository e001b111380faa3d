//! The one list of panes. A pane is a file of its own, with a type that is a [`Pane`], and a line of this list.

pub mod attention;
pub mod averages;
pub mod batch;
pub mod code;
pub mod compare;
pub mod counts;
pub mod descent;
pub mod diagram;
pub mod embeddings;
pub mod field;
pub mod generation;
pub mod guess;
pub mod hyperparameters;
pub mod images;
pub mod inside;
pub mod lesson;
pub mod logits;
pub mod loss;
pub mod order;
pub mod points;
pub mod samples;
pub mod softmax;
pub mod state;
pub mod story;
pub mod task;
pub mod tokens;

#[cfg(test)]
mod tests;

use super::pane::Pane;

macro_rules! panes {
    ($($module:ident::$Pane:ident),+ $(,)?) => {
        /// Which pane.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum PaneId {
            $($Pane),+
        }

        impl PaneId {
            pub const ALL: [Self; [$(stringify!($module)),+].len()] = [$(Self::$Pane),+];

            /// What lesson files call it.
            pub fn name(self) -> &'static str {
                match self {
                    $(Self::$Pane => stringify!($module)),+
                }
            }
        }

        /// Every pane, with its state.
        #[derive(Debug, Default)]
        pub struct Panes {
            $(pub $module: $module::$Pane),+
        }

        impl Panes {
            pub fn get(&self, pane: PaneId) -> &dyn Pane {
                match pane {
                    $(PaneId::$Pane => &self.$module),+
                }
            }

            /// Takes another's state of a pane for its own, which that one gets.
            pub fn exchange(&mut self, pane: PaneId, other: &mut Self) {
                match pane {
                    $(PaneId::$Pane => std::mem::swap(&mut self.$module, &mut other.$module)),+
                }
            }

            pub fn get_mut(&mut self, pane: PaneId) -> &mut dyn Pane {
                match pane {
                    $(PaneId::$Pane => &mut self.$module),+
                }
            }
        }
    };
}

panes![
    lesson::Lesson,
    loss::Loss,
    hyperparameters::Hyperparameters,
    embeddings::Embeddings,
    attention::Attention,
    softmax::Softmax,
    samples::Samples,
    inside::Inside,
    diagram::Diagram,
    tokens::Tokens,
    counts::Counts,
    guess::Guess,
    batch::Batch,
    logits::Logits,
    averages::Averages,
    descent::Descent,
    generation::Generation,
    code::Code,
    points::Points,
    images::Images,
    order::Order,
    compare::Compare,
    state::State,
    field::Field,
    story::Story,
    task::Task,
];

impl PaneId {
    /// The pane that lesson files call so.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|pane| pane.name() == name)
    }
}
