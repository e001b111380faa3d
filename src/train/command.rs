//! What an observer may ask of the worker; applied at the next step boundary, in order.

use std::path::PathBuf;

use super::event::RunId;
use super::snapshot::Subscription;
use crate::model::sampling::Sampling;
use crate::probe::Arguments;
use crate::stage::config::Config;
use crate::stage::hyperparameter::Value;

/// A command, and the run that it is meant for.
#[derive(Clone, Debug)]
pub struct Order {
    /// `None`: whichever is open.
    pub run: Option<RunId>,
    pub command: Command,
}

#[derive(Clone, Debug)]
pub enum Command {
    /// Train until the run's last step.
    Run,
    Pause,
    /// Train this many steps, then pause (also beyond the run's last step).
    Step(u64),
    /// Train one step that moves this group of the model's parameters alone, whoever's turn it would be, then pause: an edit
    /// of who moves, a step, and the edit back.
    StepAlone(usize),
    /// Train up to this step, then pause; where the run is there or beyond it, only pause.
    RunTo(u64),
    /// At most this many steps a second; `None` is full speed.
    Throttle(Option<f64>),
    /// Changes a live hyperparameter; weights and moments stay.
    Set {
        name: &'static str,
        value: Value,
    },
    /// Moves the run's last step this many steps further. Answered by `Extended`.
    Extend(u64),
    /// Opens a run and parks the present one with all it has; if that was training to its end, so does the one opened.
    /// A run that is known comes back as it was; of a new one, `config` is what it is built from. Answered by `Opened` or `NotOpened`.
    Open {
        run: RunId,
        config: Box<Config>,
    },
    /// What the snapshots shall hold from now on.
    Subscribe(Subscription),
    /// Generates text after a prompt with the weights of that moment, again and again if `every_seconds` says so.
    Sample(SampleRequest),
    /// Estimates both losses now.
    Evaluate,
    /// Asks an instrument once, of the weights of that moment. Answered by `Measured`, or refused with what is missing;
    /// what shall repeat is subscribed to.
    Measure {
        instrument: String,
        arguments: Arguments,
    },
    /// Measures what multiply-adds alone reach on these threads; it takes some milliseconds.
    MeasurePeak,
    /// The present run as it is, for others to go on from. Answered by `Forked`.
    Fork,
    /// Writes a checkpoint of the present run, in the place of one that stands there.
    Save(PathBuf),
    /// Writes a checkpoint of the present run, in the place of one that stands there, in case the program is killed: the
    /// run counts as unsaved as before. Answered by `Kept`.
    Keep(PathBuf),
    /// Writes a checkpoint of the present run beside what stands there.
    SaveNew(PathBuf),
    /// Writes a checkpoint of the present and of every parked run that has trained since it was last saved or loaded,
    /// in a new folder of this name, or of the next one that is free; a later run of the same stage gets a number to its
    /// name. Answers one `Saved` each, then `SavedAll`.
    SaveAll(PathBuf),
    /// Opens the run in a checkpoint as a new one of this name, whatever name the file has, and parks the present one.
    Load {
        run: RunId,
        path: PathBuf,
    },
    /// Ends the worker.
    Stop,
}

impl Command {
    /// Whether it is about one run. One for a run that is not open (any more) is not carried out: the observer has been
    /// told what became of that run.
    pub fn is_about_a_run(&self) -> bool {
        match self {
            Self::Run
            | Self::Pause
            | Self::Step(_)
            | Self::StepAlone(_)
            | Self::RunTo(_)
            | Self::Set { .. }
            | Self::Extend(_)
            | Self::Subscribe(_)
            | Self::Sample(_)
            | Self::Evaluate
            | Self::Measure { .. }
            | Self::Fork
            | Self::Save(_)
            | Self::Keep(_)
            | Self::SaveNew(_) => true,
            Self::Throttle(_)
            | Self::Open { .. }
            | Self::MeasurePeak
            | Self::SaveAll(_)
            | Self::Load { .. }
            | Self::Stop => false,
        }
    }
}

#[derive(Clone, Debug, PartialEq)]
pub struct SampleRequest {
    /// Token ids; may be empty: generation then starts from the newline, as in the lecture (token 0).
    pub prompt: Vec<u32>,
    pub tokens: usize,
    pub sampling: Sampling,
    pub seed: u64,
    /// Repeat while training, at most this often, with another seed each time; `None`: once.
    pub every_seconds: Option<f64>,
}
