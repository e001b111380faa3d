//! What the worker tells its observer, in order and without loss; scalars come in batches.

use std::path::PathBuf;
use std::sync::Arc;

use super::fork::Fork;
use super::history::History;
use crate::model::Card;
use crate::probe::Measured;
use crate::stage::config::Config;
use crate::text::Tokenizer;

pub use super::report::{Edit, Evaluation, Figure, StepReport};

/// Which run: whoever asks for a run names it, and every answer about it and every file of it says so.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RunId(pub u64);

impl RunId {
    /// The run that a worker is started with, and that of a file which names none.
    pub const FIRST: Self = Self(0);
}

/// What the worker says, and of which run.
#[derive(Clone, Debug)]
pub struct Told {
    /// `None`: of the worker itself.
    pub run: Option<RunId>,
    pub event: Event,
}

impl From<Event> for Told {
    /// Of the worker itself.
    fn from(event: Event) -> Self {
        Self { run: None, event }
    }
}

#[derive(Clone, Debug)]
pub enum Event {
    /// A run is open (new, back from parking, or loaded) and everything after this is about it. `Running` or `Paused`
    /// follows at once.
    Opened {
        config: Box<Config>,
        step: u64,
        parameters: usize,
        threads: usize,
        operations_per_token: f64,
        /// What the model says of itself.
        card: Arc<Card>,
        /// What the text is read with, if the run is on a text.
        tokenizer: Option<Box<Tokenizer>>,
        history: Box<History>,
    },
    /// A run that was asked for could not be opened, and why, with what to do; the present one goes on.
    NotOpened {
        why: String,
    },
    /// Steps since the last such event, and the wall time spent in them (throttling and pauses not counted).
    Steps {
        reports: Vec<StepReport>,
        seconds: f64,
    },
    Evaluated(Evaluation),
    /// An instrument's answer.
    Measured(Box<Measured>),
    /// The run as it was at this moment.
    Forked(Arc<Fork>),
    /// GFLOP/s of multiply-adds in registers on all threads together.
    PeakRate(f64),
    /// The run's last step is this one now.
    Extended {
        steps: u64,
    },
    /// A live hyperparameter changed.
    Applied(Edit),
    /// A command could not be carried out: what, and why, with what to do.
    Refused {
        what: String,
        why: String,
    },
    Running,
    Paused,
    /// The run reached its last step and paused.
    Finished {
        step: u64,
    },
    /// The loss or gradient is no longer finite; the run paused before the step that would have used it.
    Diverged {
        step: u64,
    },
    /// A checkpoint of the run that this is told of was written.
    Saved {
        stage: String,
        path: PathBuf,
    },
    /// What a `Keep` came to: the file with the run as it was after this step, or why there is none.
    Kept {
        path: PathBuf,
        step: u64,
        refused: Option<String>,
    },
    /// Every run of a `SaveAll` is on disk, or was refused.
    SavedAll,
    /// The worker panicked in a step, was caught, and the run is paused at its last good state if it has one.
    Failed {
        message: String,
    },
    Stopped,
}
