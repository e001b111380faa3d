//! One run: a model, its weights, and all that moves them. Same seed, configuration and number of shards, same run, to
//! the last bit.
//!
//! A step is two fork-joins: every shard runs forward and backward over its own sequences into its own gradient arena;
//! then the arenas are summed in a fixed order and AdamW moves the weights. Nothing is allocated once a step is warm.

mod estimate;
mod fork;
mod look;
mod restore;

use std::ops::Range;
use std::sync::Arc;

use rayon::prelude::*;

use super::adamw::AdamW;
use super::event::RunId;
use super::history::History;
use super::material::{Material, MaterialError};
use super::memory::{self, TooLarge};
use super::report::{Edit, StepReport};
use super::schedule::learning_rate;
use super::team::{Team, TeamError};
use crate::math::Real;
use crate::math::random::{Purpose, stream};
use crate::model::{self, Batch, Card, Examples, Inference, Losses, Model, Shard, Split};
use crate::stage::config::Training;
use crate::stage::hyperparameter::{self, Takes, Value, ValueError};
use crate::stage::{Config, InvalidConfig};
use crate::text::Tokenizer;

pub use estimate::{Estimation, ExactLoss, HeldOutLoss};
pub use fork::ForkError;
pub use restore::RestoreError;

/// No model has more weights: the arenas of a larger one would not fit into a small machine's memory.
const MOST_PARAMETERS: usize = 250_000_000;
/// A shard with less work than this (floating-point operations of a step) costs more than it brings.
const LEAST_WORK: f64 = 1e6;
/// What the softmax and the loss cost for each logit, beside the matrix products.
const WORK_PER_LOGIT: f64 = 40.0;

/// One run.
pub struct Session {
    run: RunId,
    config: Config,
    material: Material,
    examples: Arc<dyn Examples>,
    team: Team,
    model: Box<dyn Model>,
    card: Arc<Card>,
    weights: Vec<Real>,
    optimizer: AdamW,
    step: u64,
    history: History,
    /// What it takes to step; empty while the run rests.
    shards: Vec<Lane>,
    /// One arena a shard; after a step the first holds the whole gradient, before clipping.
    gradients: Vec<Vec<Real>>,
    /// Whether they are of a step.
    stepped: bool,
    batch: Batch,
    inference: Option<Box<dyn Inference>>,
}

/// A shard and its part of the batch.
struct Lane {
    shard: Box<dyn Shard>,
    rows: Range<usize>,
    losses: Losses,
}

/// Why a run cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum SessionError {
    #[error(transparent)]
    Config(#[from] InvalidConfig),
    #[error(transparent)]
    Material(#[from] MaterialError),
    #[error(transparent)]
    Team(#[from] TeamError),
    #[error(
        "the model would have {parameters} parameters: the most is {MOST_PARAMETERS}; choose a smaller n_embd, n_layer or block_size"
    )]
    TooLarge { parameters: usize },
    #[error(transparent)]
    Memory(#[from] TooLarge),
    #[error("the configuration is for {config} different tokens, the text has {text}")]
    Vocabulary { config: usize, text: usize },
    #[error("the model is for examples of other sizes than the task makes: train it anew")]
    Sizes,
}

/// Why a live change was refused.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum SetError {
    #[error("there is no hyperparameter {0}")]
    Unknown(String),
    #[error("{0} is part of the model: changing it builds a new one")]
    Structural(&'static str),
    #[error(transparent)]
    Value(#[from] ValueError),
    #[error(transparent)]
    Memory(#[from] TooLarge),
}

/// The loss or the gradient of a step is not finite; the step was not made.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
#[error(
    "the loss is {loss} and the gradient's norm {grad_norm} after {step} steps: the run has diverged; lower the learning rate, or clip the gradient"
)]
pub struct Diverged {
    /// Steps done.
    pub step: u64,
    pub loss: f64,
    pub grad_norm: f64,
}

impl Session {
    /// Opens a new run on `threads` threads of its own.
    ///
    /// # Errors
    /// If the configuration cannot be trained on this text.
    pub fn new(
        config: Config,
        material: impl Into<Material>,
        threads: usize,
    ) -> Result<Self, SessionError> {
        config.validate()?;
        Self::with_team(config, material, &Team::new(threads)?)
    }

    /// Opens a new run on threads that it shares with others.
    ///
    /// # Errors
    /// If the configuration cannot be trained on this text.
    pub fn with_team(
        config: Config,
        material: impl Into<Material>,
        team: &Team,
    ) -> Result<Self, SessionError> {
        config.validate()?;
        let model = model::build(&config.model).map_err(InvalidConfig::Model)?;
        Self::with_model(config, material, team, model)
    }

    /// About how many bytes a run takes when all of it is at work, as it is compared with what there is.
    ///
    /// # Errors
    /// If the configuration cannot be trained on this text.
    pub fn bytes(
        config: &Config,
        material: impl Into<Material>,
        team: &Team,
    ) -> Result<u64, SessionError> {
        config.validate()?;
        let model = model::build(&config.model).map_err(InvalidConfig::Model)?;
        let examples = material.into().examples(config)?;
        Ok(needed(&*model, config, &*examples, team))
    }

    /// Opens a new run of a model that was built from `config`.
    pub(super) fn with_model(
        config: Config,
        material: impl Into<Material>,
        team: &Team,
        model: Box<dyn Model>,
    ) -> Result<Self, SessionError> {
        config.validate()?;
        let material = material.into();
        let examples = material.examples(&config)?;
        let mut sized = config.model.clone();
        examples.sizes().apply(&mut sized);
        if sized != config.model && config.task.reads_text() {
            let (config, text) = (config.model.vocab_size, sized.vocab_size);
            return Err(SessionError::Vocabulary { config, text });
        } else if sized != config.model {
            return Err(SessionError::Sizes);
        }
        let parameters = model.registry().len();
        if parameters > MOST_PARAMETERS {
            return Err(SessionError::TooLarge { parameters });
        }
        memory::require(needed(&*model, &config, &*examples, team))?;
        let mut weights = vec![0.0; parameters];
        model.initialise(&mut weights, config.seed);
        Ok(Self {
            run: RunId::FIRST,
            optimizer: AdamW::new(model.registry(), &model.groups()),
            config,
            material,
            examples,
            team: team.clone(),
            card: Arc::new(model.card()),
            model,
            weights,
            step: 0,
            history: History::default(),
            shards: Vec::new(),
            gradients: Vec::new(),
            stepped: false,
            batch: Batch::default(),
            inference: None,
        })
    }

    /// Which run it is.
    pub fn run(&self) -> RunId {
        self.run
    }

    /// Names the run: its snapshots and its files say so.
    pub fn set_run(&mut self, run: RunId) {
        self.run = run;
    }

    pub fn config(&self) -> &Config {
        &self.config
    }

    /// What the text is read with, if the run is on a text.
    pub fn tokenizer(&self) -> Option<&Tokenizer> {
        let text = self.material.text.as_ref().filter(|_| self.config.task.reads_text());
        text.map(|text| &text.tokenizer)
    }

    /// What there is to train on.
    pub fn material(&self) -> &Material {
        &self.material
    }

    /// Where its batches come from.
    pub fn examples(&self) -> &dyn Examples {
        &*self.examples
    }

    pub fn team(&self) -> &Team {
        &self.team
    }

    pub fn model(&self) -> &dyn Model {
        &*self.model
    }

    /// What the model says of itself.
    pub fn card(&self) -> &Arc<Card> {
        &self.card
    }

    pub fn weights(&self) -> &[Real] {
        &self.weights
    }

    /// Steps done.
    pub fn step_count(&self) -> u64 {
        self.step
    }

    pub fn history(&self) -> &History {
        &self.history
    }

    /// How many parts a step is split into.
    pub fn shards(&self) -> usize {
        self.shards_wanted(self.config.training.batch_size)
    }

    /// Moves the run's last step.
    pub fn set_steps(&mut self, steps: u64) {
        self.config.training.steps = steps;
    }

    /// Changes a live hyperparameter; weights and moments stay.
    ///
    /// # Errors
    /// If there is none of that name, if it is part of the model, if it cannot have that value, or if there is too little
    /// memory for it.
    pub fn set(&mut self, name: &str, value: Value) -> Result<Edit, SetError> {
        let hyperparameter = hyperparameter::hyperparameter(name)
            .ok_or_else(|| SetError::Unknown(name.to_owned()))?;
        if hyperparameter.takes == Takes::Rebuild {
            return Err(SetError::Structural(hyperparameter.name));
        }
        let old = hyperparameter.get(&self.config);
        hyperparameter.set(&mut self.config, value)?;
        if let ("batch_size", Err(error)) = (hyperparameter.name, self.require_memory_for_more()) {
            hyperparameter.set(&mut self.config, old)?;
            return Err(error.into());
        }
        let edit = Edit { step: self.step, name: hyperparameter.name, old, new: value };
        if old != value {
            self.history.edited(&edit);
        }
        Ok(edit)
    }

    /// Makes one step.
    ///
    /// # Errors
    /// If the loss or the gradient is not finite; the weights are then as they were.
    pub fn step(&mut self) -> Result<StepReport, Diverged> {
        let team = self.team.clone();
        team.run(|| self.step_in_team())
    }

    fn step_in_team(&mut self) -> Result<StepReport, Diverged> {
        let seed = self.config.seed;
        let sequences = self.config.training.batch_size;
        let mut batches = stream(seed, Purpose::Batches, self.step);
        self.examples.draw(Split::Train, sequences, &mut batches, &mut self.batch);
        self.batch.add_noise(self.model.noise(), seed, self.step);
        self.split(sequences);

        let Training { d_steps, turns, .. } = self.config.training;
        let group = self.model.turn(self.step, d_steps, turns);
        let conditions = self.config.training.conditions(seed, self.step, group);
        let (weights, batch) = (&*self.weights, &self.batch);
        let work = |(lane, gradient): (&mut Lane, &mut Vec<Real>)| {
            gradient.fill(0.0);
            let Lane { shard, rows, losses } = lane;
            *losses = shard.loss_and_gradients(weights, batch, rows.clone(), &conditions, gradient);
        };
        if let [lane] = &mut *self.shards {
            work((lane, &mut self.gradients[0]));
        } else {
            self.shards.par_iter_mut().zip(&mut self.gradients).with_max_len(1).for_each(work);
        }
        let Losses { loss, parts } = self.losses().over(self.batch.targets());
        let grad_norm = self.optimizer.gather(&mut self.gradients, group);
        self.stepped = true;
        if !loss.is_finite() || !grad_norm.is_finite() {
            return Err(Diverged { step: self.step, loss, grad_norm });
        }

        let training = &self.config.training;
        let lr = learning_rate(training, self.step);
        let gradient = &self.gradients[0];
        self.optimizer.step(&mut self.weights, gradient, grad_norm, training, lr, group);
        self.step += 1;
        let report = StepReport { step: self.step, loss, lr, grad_norm, parts };
        self.history.push(&report);
        Ok(report)
    }

    /// Frees what only a step needs, while another run is trained.
    pub fn rest(&mut self) {
        self.shards = Vec::new();
        self.gradients = Vec::new();
        self.stepped = false;
        self.inference = None;
    }

    /// The losses of all shards together, in their order.
    fn losses(&self) -> Losses {
        let mut sum = Losses::default();
        for lane in &self.shards {
            sum += lane.losses;
        }
        sum
    }

    /// As many shards as have enough to do, and no more than threads or sequences.
    fn shards_wanted(&self, sequences: usize) -> usize {
        shards_wanted(&*self.model, &self.team, sequences)
    }

    /// Whether there is memory for what the configuration asks for beyond what the run has already.
    fn require_memory_for_more(&self) -> Result<(), TooLarge> {
        let shards = self.shards_wanted(self.config.training.batch_size);
        if shards <= self.shards.len() && self.config.training.batch_size <= self.batch.sequences {
            return Ok(());
        }
        let needed = needed(&*self.model, &self.config, &*self.examples, &self.team);
        // What stands ready is not taken again.
        let ready = memory::training(&*self.model, self.shards.len(), self.batch.sequences)
            .saturating_add(memory::arenas(&*self.model, 3));
        memory::require(needed.saturating_sub(ready))
    }

    /// Sees to it that there are shards for a batch of `sequences`, and gives each its rows.
    fn split(&mut self, sequences: usize) {
        let count = self.shards_wanted(self.config.training.batch_size);
        if self.shards.len() != count {
            self.shards.truncate(count);
            self.gradients.truncate(count);
            while self.shards.len() < count {
                self.shards.push(Lane {
                    shard: self.model.shard(),
                    rows: 0..0,
                    losses: Losses::default(),
                });
                self.gradients.push(vec![0.0; self.weights.len()]);
            }
        }
        for (i, lane) in self.shards.iter_mut().enumerate() {
            lane.rows = sequences * i / count..sequences * (i + 1) / count;
        }
    }
}

fn shards_wanted(model: &dyn Model, team: &Team, sequences: usize) -> usize {
    let sizes = model.config();
    let work = model.operations_per_token() + sizes.vocab_size as f64 * WORK_PER_LOGIT;
    let worth = work * (sequences * sizes.block_size.max(1)) as f64 / LEAST_WORK;
    team.threads().min(sequences).min((worth as usize).max(1))
}

/// Bytes that a run takes, when all of it is at work; as an upper estimate.
fn needed(model: &dyn Model, config: &Config, examples: &dyn Examples, team: &Team) -> u64 {
    let shards = shards_wanted(model, team, config.training.batch_size);
    let training = memory::training(model, shards, estimate::at_once(config));
    let looking = memory::looking(model, examples.judged());
    // Weights and two moments.
    memory::arenas(model, 3).saturating_add(training).saturating_add(looking)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::train::testing;

    fn run(threads: usize, steps: u64) -> Session {
        let mut session = testing::session(threads);
        for _ in 0..steps {
            session.step().unwrap();
        }
        session
    }

    #[test]
    fn a_run_is_a_function_of_seed_and_shards() {
        let (one, other) = (run(1, 30), run(1, 30));
        assert_eq!(one.weights(), other.weights());
        assert_eq!(one.history(), other.history());
        let mut config = testing::config();
        config.seed += 1;
        let other = testing::open(config, 1);
        assert_ne!(testing::session(1).weights(), other.weights());
    }

    #[test]
    fn shards_agree() {
        let run = |threads| {
            let mut session = testing::open(testing::gpt(), threads);
            for _ in 0..10 {
                session.step().unwrap();
            }
            session
        };
        let one = run(1);
        for threads in [2, 3, 4] {
            let other = run(threads);
            assert_eq!(other.shards(), threads);
            for (a, b) in one.weights().iter().zip(other.weights()) {
                assert!((a - b).abs() < 1e-5, "{a} {b}");
            }
        }
    }

    #[test]
    fn training_lowers_the_loss() {
        let mut session = testing::session(2);
        let before = session.evaluate();
        for _ in 0..200 {
            session.step().unwrap();
        }
        let after = session.evaluate();
        assert!(after.val_loss < before.val_loss - 0.5, "{before:?} {after:?}");
        assert_eq!((before.step, after.step), (0, 200));
    }

    #[test]
    fn live_changes_apply_to_the_next_step_and_are_recorded() {
        let mut session = run(1, 3);
        let edit = session.set("lr", Value::Number(0.5)).unwrap();
        assert_eq!((edit.step, edit.old, edit.new), (3, Value::Number(0.1), Value::Number(0.5)));
        assert_eq!(session.step().unwrap().lr, 0.5);
        session.set("batch_size", Value::Count(3)).unwrap();
        session.step().unwrap();
        assert_eq!(session.batch.sequences, 3);
        let names: Vec<_> = session.history().edits.iter().map(|e| e.name.as_str()).collect();
        assert_eq!(names, ["lr", "batch_size"]);
    }

    #[test]
    fn changes_that_cannot_be_are_refused() {
        let mut session = testing::session(1);
        for (name, value, says) in [
            ("n_head", Value::Count(2), "builds a new one"),
            ("lr", Value::Number(-1.0), "lr must be a number"),
            ("lr", Value::Count(1), "lr must be a number"),
            ("colour", Value::Count(1), "no hyperparameter"),
        ] {
            let error = session.set(name, value).unwrap_err().to_string();
            assert!(error.contains(says), "{error}");
        }
        assert!(session.history().edits.is_empty());
    }

    #[test]
    fn what_memory_does_not_hold_is_refused_and_leaves_the_run_as_it_was() {
        let free = |bytes| memory::testing::PRETENDED.set(Some(bytes));
        let config = testing::gpt();
        let team = Team::new(4).unwrap();
        let needed = Session::bytes(&config, testing::dataset(), &team).unwrap();
        free(needed - 1);
        let error = Session::with_team(config.clone(), testing::dataset(), &team).err().unwrap();
        assert!(matches!(error, SessionError::Memory(_)), "{error}");
        free(needed);
        let mut session = Session::with_team(config, testing::dataset(), &team).unwrap();
        session.step().unwrap();
        // Shards and batch stand ready; the rest is still to be taken.
        let old = session.config().training.batch_size;
        free(needed / 2);
        let error = session.set("batch_size", Value::Count(4096)).unwrap_err();
        assert!(matches!(error, SetError::Memory(_)), "{error}");
        assert_eq!(session.config().training.batch_size, old);
        assert!(session.history().edits.is_empty());
        session.set("batch_size", Value::Count(old as u64 - 1)).unwrap();
        session.set("lr", Value::Number(0.5)).unwrap();
        free(u64::MAX);
        session.set("batch_size", Value::Count(4096)).unwrap();
    }

    #[test]
    fn a_step_that_diverges_is_not_made() {
        let mut session = run(1, 2);
        let sound = session.weights().to_vec();
        session.weights.fill(Real::INFINITY);
        let diverged = session.step().unwrap_err();
        assert_eq!((diverged.step, session.step_count()), (2, 2));
        assert!(session.weights.iter().all(|w| *w == Real::INFINITY));
        session.weights = sound;
        assert_eq!(session.step().unwrap().step, 3);
    }

    #[test]
    fn what_cannot_be_trained_is_refused_with_what_to_do() {
        let mut config = testing::config();
        config.model.block_size = 100_000;
        let dataset = testing::dataset();
        let says = |config: Config| {
            Session::new(config, Arc::clone(&dataset), 1).err().unwrap().to_string()
        };
        assert!(says(config).contains("block_size must be"));
        let mut config = testing::config();
        config.model.block_size = 2000;
        assert!(says(config).contains("too short"));
        let mut config = testing::config();
        config.model.vocab_size = 11;
        assert!(says(config).contains("11 different tokens"));
        let mut config = testing::config();
        config.training.eval_interval = 0;
        assert!(says(config).contains("eval_interval"));
        assert!(Session::new(testing::config(), dataset, 0).is_err());
    }
}
