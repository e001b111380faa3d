//! Whether a configuration can be trained.

use strum::IntoEnumIterator;

use super::config::{Config, Training};
use super::hyperparameter::{HYPERPARAMETERS, Range, ValueError, hyperparameter};
use crate::model::config::Architecture;
use crate::model::{ConfigError, kind};
use crate::task::Task;
use crate::task::points::Drawn;

/// No vocabulary or example is larger: Unicode has fewer characters.
const LARGEST: usize = 1 << 21;

/// No run has more steps: the random streams of its steps and estimates keep apart as far as this.
pub const LAST_STEP: u64 = 1 << 36;
const MOST_EVAL_BATCHES: u64 = 100_000;

/// Why a configuration cannot be trained.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum InvalidConfig {
    #[error(transparent)]
    Model(#[from] ConfigError),
    #[error(transparent)]
    Value(#[from] ValueError),
    #[error("{name} must be at least 1 (found 0)")]
    Zero { name: &'static str },
    #[error(
        "its held-out examples are drawn by rule {rule}, this program knows none past {newest}: use the version that wrote it"
    )]
    Rule { rule: u8, newest: u8 },
    #[error(
        "target own needs {} drawn points at least (found {found}): draw them in the lab's points pane, or take target file and --points FILE",
        Drawn::FEWEST
    )]
    Drawn { found: usize },
    #[error("{name} must be at most {most} (found {size})")]
    Size { name: &'static str, size: usize, most: u64 },
    #[error("a model of this kind ({model}) learns {}, not {task}: choose one of them with --task", fit.join(", "))]
    Task { model: &'static str, task: &'static str, fit: Vec<&'static str> },
}

/// What a kind of network can be trained on: the tasks whose examples it takes.
pub fn tasks(architecture: Architecture) -> impl Iterator<Item = Task> {
    let takes = kind(architecture).takes;
    Task::iter().filter(|task| takes.contains(&task.form()))
}

impl Config {
    /// # Errors
    /// If a hyperparameter is out of its range, or the sizes do not go together.
    pub fn validate(&self) -> Result<(), InvalidConfig> {
        if !tasks(self.model.architecture).any(|task| task == self.task.task) {
            let fit = tasks(self.model.architecture).map(Into::into).collect();
            let (model, task) = (self.model.architecture.into(), self.task.task.into());
            return Err(InvalidConfig::Task { model, task, fit });
        }
        let (rule, newest) = (self.task.rule, self.task.newest_rule());
        if !(1..=newest).contains(&rule) {
            return Err(InvalidConfig::Rule { rule, newest });
        }
        if self.task.is_drawn() && self.task.drawn.missing() > 0 {
            return Err(InvalidConfig::Drawn { found: self.task.drawn.len() });
        }
        // What stands in the fields of other kinds of networks does not count.
        for hyperparameter in HYPERPARAMETERS.iter().filter(|h| h.applies(self)) {
            hyperparameter.check(hyperparameter.get(self))?;
        }
        // A size that comes with the task is no choice, but a file may say anything.
        for (name, size) in self.model.sizes() {
            match hyperparameter(name).map(|h| h.range) {
                Some(Range::Count { max, .. }) if size as u64 > max => {
                    return Err(InvalidConfig::Size { name, size, most: max });
                }
                None if size > LARGEST => {
                    let most = LARGEST as u64;
                    return Err(InvalidConfig::Size { name, size, most });
                }
                _ => {}
            }
        }
        let Training { steps, eval_interval, eval_batches, .. } = self.training;
        if eval_interval == 0 {
            return Err(InvalidConfig::Zero { name: "eval_interval" });
        }
        if eval_batches == 0 {
            return Err(InvalidConfig::Zero { name: "eval_batches" });
        }
        for (name, number, most) in [
            ("steps", steps, LAST_STEP),
            ("eval_interval", eval_interval, LAST_STEP),
            ("eval_batches", eval_batches as u64, MOST_EVAL_BATCHES),
        ] {
            if number > most {
                let size = usize::try_from(number).unwrap_or(usize::MAX);
                return Err(InvalidConfig::Size { name, size, most });
            }
        }
        Ok(self.model.validate()?)
    }
}
