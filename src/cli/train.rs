//! `gpt-lab train`: one run without a screen. It observes the same worker as the lab.

mod observer;
pub(super) mod signals;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::Failure;
use super::opening;
use super::options::Hyperparameters;
use crate::file;
use crate::stage::Config;
use crate::stage::hyperparameter::Takes;
use crate::stage::{STAGES, Stage, stage};
use crate::text::{Dataset, corpus};
use crate::train::checkpoint::{Checkpoint, is_checkpoint, require_folder};
use crate::train::session::SessionError;
use crate::train::{Material, Session, Team, Worker, team};
use observer::Observer;
use signals::Signals;

/// The lecture's seed.
const SEED: u64 = 1337;

#[derive(Debug, clap::Args)]
pub struct Arguments {
    #[arg(long, required_unless_present = "resume", help = stages())]
    stage: Option<String>,
    /// A size of the stage: the encoder-decoder as large as the paper's
    #[arg(long, value_name = "NAME", value_parser = ["paper"], requires = "stage")]
    preset: Option<String>,
    /// The run's last step; without it the stage's own
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(0..=1_000_000_000))]
    steps: Option<u64>,
    /// Same seed and threads, same run [default: 1337]
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
    /// Threads that share a step [default: one a core, up to 8]
    #[arg(long, value_name = "N", value_parser = team::threads)]
    threads: Option<usize>,
    /// A UTF-8 text, - for standard input; without it GPT_LAB_DATA, the fetched Tiny Shakespeare, or the play in this program
    #[arg(long, value_name = "FILE", allow_hyphen_values = true)]
    data: Option<PathBuf>,
    /// The points of a GAN's --target file: x and y a line, with a comma or blanks between them
    #[arg(long, value_name = "FILE", allow_hyphen_values = true)]
    points: Option<PathBuf>,
    /// Write a checkpoint at the end, or where a signal stops the run
    #[arg(long, value_name = "CKPT", allow_hyphen_values = true)]
    out: Option<PathBuf>,
    /// Write --out every N steps as well
    #[arg(long, value_name = "N", requires = "out", value_parser = clap::value_parser!(u64).range(1..=1_000_000_000))]
    save_every: Option<u64>,
    /// Go on from a checkpoint, to --steps
    #[arg(long, value_name = "CKPT", allow_hyphen_values = true)]
    resume: Option<PathBuf>,
    /// Estimate the losses every N steps
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=1_000_000_000))]
    eval_interval: Option<u64>,
    /// Batches of each split in an estimate
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=100_000))]
    eval_batches: Option<u32>,
    /// One JSON object a line on standard output
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    hyperparameters: Hyperparameters,
}

fn stages() -> String {
    let names: Vec<_> = STAGES.iter().map(|stage| stage.name).collect();
    format!("A stage of the course: {}", names.join(", "))
}

pub fn run(arguments: &Arguments) -> Result<(), Failure> {
    if let Some(out) = &arguments.out {
        require_place(out, arguments)?;
    }
    let session = match &arguments.resume {
        None => begin(arguments)?,
        Some(_) => resume(arguments)?,
    };
    let (step, steps) = (session.step_count(), session.config().training.steps);
    let estimated = session.history().evaluations.last().is_some_and(|last| last.step == step);
    // A run that was stopped in its last estimate has that left to do.
    if arguments.resume.is_some() && (step > steps || (step == steps && estimated)) {
        return Err(Failure::usage(format!(
            "the checkpoint is at step {step} of {steps}: nothing is left to do; ask for more with --steps"
        )));
    }
    let signals = Signals::catch()
        .map_err(|error| anyhow::anyhow!("signals could not be caught: {error}"))?;
    Observer::new(arguments, &session).watch(&Worker::of(session), signals)
}

/// Sees to it, before anything is trained, that --out replaces nothing but a checkpoint.
fn require_place(out: &Path, arguments: &Arguments) -> Result<(), Failure> {
    let environment = std::env::var_os(corpus::DATA_VARIABLE).map(PathBuf::from);
    let fetched = corpus::fetched_path();
    let inputs = [
        (&arguments.data, "the text (--data)"),
        (&arguments.points, "the file of points (--points)"),
        (&environment, "the text (GPT_LAB_DATA)"),
        (&fetched, "the fetched text"),
    ];
    let inputs: Vec<file::Input> = inputs
        .iter()
        .filter_map(|(path, what)| path.as_deref().map(|path| (path, *what)))
        .collect();
    file::require(out, &inputs, is_checkpoint)
        .map_err(|taken| Failure::usage(format!("--out: {taken}")))?;
    Ok(require_folder(out)?)
}

/// The stage that the command line names, in the size that it asks for.
fn sized(name: &str, preset: Option<&str>) -> Result<Stage, Failure> {
    let base = stage(name).map_err(Failure::usage)?;
    let Some(preset) = preset else { return Ok(base) };
    let large = |name: &str| stage(&format!("{name}-{preset}"));
    large(name).map_err(|_| {
        let names = STAGES.iter().map(|stage| stage.name).filter(|name| large(name).is_ok());
        let names: Vec<_> = names.collect();
        let names = names.join(", ");
        Failure::usage(format!(
            "--preset {preset} is a size of {names}, not of {name}: leave it out, or train {names}"
        ))
    })
}

/// Refuses options that would be without effect on a run.
fn require_used(arguments: &Arguments, config: &Config) -> Result<(), Failure> {
    let stage = &config.stage;
    if arguments.data.is_some() && !config.task.reads_text() {
        return Err(Failure::usage(format!(
            "--data is for a stage that reads a text: {stage} makes its own examples ({}); leave it out",
            config.task
        )));
    }
    // What a model can learn is checked with its configuration.
    let given = arguments.hyperparameters.0.iter().map(|(given, _)| *given);
    let Some(idle) = given.filter(|h| h.name != "task").find(|h| !h.applies(config)) else {
        return Ok(());
    };
    let users = STAGES.iter().filter(|stage| idle.applies(&stage.config(1, SEED)));
    let users: Vec<_> = users.map(|stage| stage.name).collect();
    let whom = if users.is_empty() || users.contains(&stage.as_str()) {
        "goes with other options".to_owned()
    } else {
        format!("is for {}", users.join(", "))
    };
    Err(Failure::usage(format!(
        "--{} {whom}, and is without effect on this run of {stage} ({}): leave it out",
        idle.option, config.task
    )))
}

fn team(arguments: &Arguments) -> Result<Team, Failure> {
    Team::new(arguments.threads.unwrap_or_else(Team::default_threads)).map_err(Failure::usage)
}

/// A new run of a stage.
fn begin(arguments: &Arguments) -> Result<Session, Failure> {
    let stage = sized(arguments.stage.as_deref().unwrap_or_default(), arguments.preset.as_deref())?;
    let task = arguments.hyperparameters.0.iter().find(|(given, _)| given.name == "task");
    let stage = task.map_or(stage, |(_, task)| stage.on(&task.to_string()));
    let team = team(arguments)?;
    let mut config = stage.config(1, arguments.seed.unwrap_or(SEED));
    let training = &mut config.training;
    training.steps = arguments.steps.unwrap_or(training.steps);
    training.eval_interval = arguments.eval_interval.unwrap_or(training.eval_interval);
    training.eval_batches = arguments.eval_batches.map_or(training.eval_batches, |n| n as usize);
    for (hyperparameter, value) in &arguments.hyperparameters.0 {
        hyperparameter.set(&mut config, *value).map_err(Failure::usage)?;
    }
    // What is wrong with the command line is said before the text is looked for.
    config.validate().map_err(Failure::usage)?;
    require_used(arguments, &config)?;
    let points = opening::points(&config.task, arguments.points.as_deref())?;
    let mut material = Material { points, text: None };
    if config.task.reads_text() {
        let corpus = super::text(arguments.data.as_deref())?;
        let dataset = Dataset::of(corpus, config.task.tokens, config.task.max_words)?;
        config.model.vocab_size = dataset.tokenizer.vocab_size();
        material.text = Some(Arc::new(dataset));
    }
    Session::with_team(config, material, &team).map_err(|error| match error {
        SessionError::Config(_) | SessionError::TooLarge { .. } | SessionError::Memory(_) => {
            Failure::usage(error)
        }
        error => Failure::from(error),
    })
}

/// The run of a checkpoint, with the live changes that the command line asks for.
fn resume(arguments: &Arguments) -> Result<Session, Failure> {
    let path = arguments.resume.as_deref().unwrap_or_else(|| "".as_ref());
    let team = team(arguments)?;
    let mut checkpoint = Checkpoint::read(path, &arguments.hyperparameters.of(Takes::Rebuild))?;
    opening::tell(&checkpoint);
    let config = &mut checkpoint.config;
    if let Some(stage) = arguments.stage.as_ref().filter(|stage| **stage != config.stage) {
        return Err(Failure::usage(format!(
            "{} is a run of {}, not of {stage}: leave out --stage, or train {stage} anew",
            path.display(),
            config.stage
        )));
    }
    if let Some(seed) = arguments.seed.filter(|seed| *seed != config.seed) {
        return Err(Failure::usage(format!(
            "{} is a run of seed {}, not {seed}: leave out --seed, or train anew",
            path.display(),
            config.seed
        )));
    }
    let training = &mut config.training;
    training.steps = arguments.steps.unwrap_or(training.steps);
    training.eval_interval = arguments.eval_interval.unwrap_or(training.eval_interval);
    training.eval_batches = arguments.eval_batches.map_or(training.eval_batches, |n| n as usize);
    config.validate().map_err(Failure::usage)?;
    require_used(arguments, config)?;
    let material =
        opening::material(&checkpoint, arguments.data.as_deref(), arguments.points.as_deref())?;
    if opening::has_other_points(&checkpoint, &material) {
        return Err(Failure::Failed(anyhow::anyhow!(
            "{} was trained on other points than those of {}: give the file it was trained on with --points, or train anew",
            path.display(),
            arguments.points.as_deref().unwrap_or_else(|| "".as_ref()).display()
        )));
    }
    let mut session = Session::restore(checkpoint, material, &team)?;
    for (hyperparameter, value) in arguments.hyperparameters.of(Takes::Live) {
        session.set(hyperparameter.name, value).map_err(Failure::usage)?;
    }
    Ok(session)
}
