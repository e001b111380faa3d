//! The run on the screen, and what is left of earlier ones.

use std::ops::{Deref, DerefMut};

use crate::stage::Config;
use crate::task::signs::Signs;
use crate::train::Observed;
use crate::train::event::RunId;

pub use crate::train::observed::{Speed, Status};

/// The run on the screen: what has been told of it, and what only the screen needs.
#[derive(Clone, Debug)]
pub struct Run {
    pub observed: Observed,
    /// How the tokens of a made task are written.
    pub signs: Option<Signs>,
    /// What it is found again by: its stage, or the page that it belongs to.
    pub home: String,
    /// While it is opening: the run that was on the screen before.
    pub replaces: Option<Box<Run>>,
}

impl Deref for Run {
    type Target = Observed;

    fn deref(&self) -> &Observed {
        &self.observed
    }
}

impl DerefMut for Run {
    fn deref_mut(&mut self) -> &mut Observed {
        &mut self.observed
    }
}

impl Run {
    /// One that was asked for: of it only the configuration is known.
    pub fn opening(id: RunId, config: Config, home: String, replaces: Option<Box<Self>>) -> Self {
        let signs = Signs::of(&config.task);
        Self { home, observed: Observed::opening(id, config), signs, replaces }
    }

    /// Whether it is trained on the text, and so reads the learner's prompt.
    pub fn is_on_text(&self) -> bool {
        self.config.task.reads_text()
    }
}
