//! `gpt-lab train`: one run without a screen. It observes the same worker as the lab.

use std::io::{IsTerminal, Write};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use indicatif::{ProgressBar, ProgressStyle};
use serde_json::json;

use super::Failure;
use super::opening;
use super::options::Hyperparameters;
use crate::task::Task;
use crate::text::Dataset;
use crate::train::checkpoint::{Checkpoint, require_folder};
use crate::train::event::Evaluation;
use crate::train::hyperparameter::Takes;
use crate::train::session::SessionError;
use crate::train::stage::stage;
use crate::train::{Command, Event, Material, Session, Team, Worker};

/// The lecture's seed.
const SEED: u64 = 1337;

#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// A stage of the lecture: bigram, single-head, multi-head, feed-forward, blocks, residual, layer-norm, colab, nano-cpu, scaled-up, encoder-decoder
    #[arg(long, required_unless_present = "resume")]
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
    #[arg(long, value_name = "N")]
    threads: Option<usize>,
    /// A UTF-8 text; without it GPT_LAB_DATA, the fetched Tiny Shakespeare, or the play in this program
    #[arg(long, value_name = "FILE")]
    data: Option<PathBuf>,
    /// The points of a GAN's --target file: x and y a line, with a comma or blanks between them
    #[arg(long, value_name = "FILE")]
    points: Option<PathBuf>,
    /// Write a checkpoint at the end
    #[arg(long, value_name = "CKPT")]
    out: Option<PathBuf>,
    /// Go on from a checkpoint, to --steps
    #[arg(long, value_name = "CKPT")]
    resume: Option<PathBuf>,
    /// Estimate the losses every N steps
    #[arg(long, value_name = "N")]
    eval_interval: Option<u64>,
    /// Batches of each split in an estimate
    #[arg(long, value_name = "N")]
    eval_batches: Option<usize>,
    /// One JSON object a line on standard output
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    hyperparameters: Hyperparameters,
}

pub fn run(arguments: &Arguments) -> Result<(), Failure> {
    let session = match &arguments.resume {
        None => begin(arguments)?,
        Some(_) => resume(arguments)?,
    };
    let (step, steps) = (session.step_count(), session.config().training.steps);
    if arguments.resume.is_some() && step >= steps {
        return Err(Failure::usage(format!(
            "the checkpoint is at step {step} of {steps}: nothing is left to do; ask for more with --steps"
        )));
    }
    if let Some(out) = &arguments.out {
        require_folder(out)?;
    }
    Observer::new(arguments, &session).watch(&Worker::of(session))
}

fn team(arguments: &Arguments) -> Result<Team, Failure> {
    Team::new(arguments.threads.unwrap_or_else(Team::default_threads)).map_err(Failure::usage)
}

/// A new run of a stage.
fn begin(arguments: &Arguments) -> Result<Session, Failure> {
    let mut name = arguments.stage.clone().unwrap_or_default();
    if let Some(preset) = &arguments.preset {
        name = format!("{name}-{preset}");
    }
    let stage = stage(&name).map_err(Failure::usage)?;
    let team = team(arguments)?;
    let mut config = stage.config(1, arguments.seed.unwrap_or(SEED));
    let training = &mut config.training;
    training.steps = arguments.steps.unwrap_or(training.steps);
    training.eval_interval = arguments.eval_interval.unwrap_or(training.eval_interval);
    training.eval_batches = arguments.eval_batches.unwrap_or(training.eval_batches);
    for (hyperparameter, value) in &arguments.hyperparameters.0 {
        hyperparameter.set(&mut config, *value).map_err(Failure::usage)?;
    }
    // What is wrong with the command line is said before the text is looked for.
    config.validate().map_err(Failure::usage)?;
    let points = opening::points(&config.task, arguments.points.as_deref())?;
    let mut material = Material { points, text: None };
    if config.task.task == Task::Text {
        let corpus = super::text(arguments.data.as_deref())?;
        let dataset = Dataset::of(corpus, config.task.tokens, config.task.max_words)?;
        config.model.vocab_size = dataset.tokenizer.vocab_size();
        material.text = Some(Arc::new(dataset));
    }
    Session::with_team(config, material, &team).map_err(|error| match error {
        SessionError::Config(_) | SessionError::TooLarge { .. } => Failure::usage(error),
        error => Failure::from(error),
    })
}

/// The run of a checkpoint, with the live changes that the command line asks for.
fn resume(arguments: &Arguments) -> Result<Session, Failure> {
    let path = arguments.resume.as_deref().unwrap_or_else(|| "".as_ref());
    let team = team(arguments)?;
    let mut checkpoint = Checkpoint::read(path, &arguments.hyperparameters.of(Takes::Rebuild))?;
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
    training.eval_batches = arguments.eval_batches.unwrap_or(training.eval_batches);
    config.validate().map_err(Failure::usage)?;
    let material =
        opening::material(&checkpoint, arguments.data.as_deref(), arguments.points.as_deref())?;
    if opening::has_other_points(&checkpoint, &material) {
        return Err(failure(format!(
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

/// What watches the run and prints.
struct Observer<'a> {
    arguments: &'a Arguments,
    stage: String,
    parameters: usize,
    bar: ProgressBar,
    begun: Instant,
    /// Time in steps, and how many.
    seconds: f64,
    steps: u64,
    last: Option<Evaluation>,
}

impl<'a> Observer<'a> {
    fn new(arguments: &'a Arguments, session: &Session) -> Self {
        let (config, step) = (session.config(), session.step_count());
        let bar = if arguments.json || !std::io::stderr().is_terminal() {
            ProgressBar::hidden()
        } else {
            let style = "{bar:30} {human_pos}/{human_len} steps  {per_sec}  {eta} left  {msg}";
            let style = ProgressStyle::with_template(style);
            let bar = ProgressBar::new(config.training.steps).with_position(step);
            bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
            bar.reset_eta();
            bar
        };
        if !arguments.json {
            let text = session.material().text.as_ref();
            let what = match text.filter(|_| config.task.task == Task::Text) {
                Some(text) => format!(
                    "{} ({} {}, {} different)",
                    text.corpus.name,
                    text.train.len() + text.val.len(),
                    config.task.tokens.plural(),
                    config.model.vocab_size
                ),
                None => format!("made examples ({})", config.task),
            };
            bar.suspend(|| {
                eprintln!(
                    "{}: {} parameters on {what}, shards: {}",
                    config.stage,
                    session.weights().len(),
                    session.shards(),
                );
                let examples = session.examples();
                for (name, value) in examples.floors(examples.judged()) {
                    let name = name.replace('_', " ");
                    eprintln!("{name}: {value:.4}, what a perfect generator gets");
                }
            });
        }
        Self {
            arguments,
            stage: config.stage.clone(),
            parameters: session.weights().len(),
            bar,
            begun: Instant::now(),
            seconds: 0.0,
            steps: 0,
            last: None,
        }
    }

    fn watch(mut self, worker: &Worker) -> Result<(), Failure> {
        worker.send(Command::Run);
        let mut finished = None;
        for event in &worker.events {
            match event {
                Event::Steps { reports, seconds } => {
                    self.seconds += seconds;
                    self.steps += reports.len() as u64;
                    if let Some(report) = reports.last() {
                        self.bar.set_position(report.step);
                        self.bar.set_message(format!("loss {:.3}", report.loss));
                    }
                }
                Event::Evaluated(evaluation) => self.evaluated(evaluation)?,
                Event::Finished { step } => {
                    let seconds = self.begun.elapsed().as_secs_f64();
                    let Some(out) = &self.arguments.out else { return self.done(step, seconds) };
                    finished = Some((step, seconds));
                    worker.send(Command::Save(out.clone()));
                }
                Event::Saved { .. } => {
                    if let Some((step, seconds)) = finished {
                        return self.done(step, seconds);
                    }
                }
                Event::Diverged { step } => {
                    return Err(failure(format!(
                        "the loss or the gradient is no longer finite after step {step}: the run has diverged and \
                         nothing was written; lower --lr, or clip the gradient with --grad-clip 1"
                    )));
                }
                Event::Refused { why, .. } => return Err(failure(why)),
                Event::Failed { message } => {
                    return Err(failure(format!("the trainer failed: {message}")));
                }
                Event::Stopped => break,
                Event::Opened { .. }
                | Event::Applied(_)
                | Event::GemmRate(_)
                | Event::Running
                | Event::Paused
                | Event::SavedAll => {}
            }
        }
        Err(failure("the trainer stopped before the run was at its end".to_owned()))
    }

    fn evaluated(&mut self, evaluation: Evaluation) -> Result<(), Failure> {
        use std::fmt::Write as _;
        let Evaluation { step, train_loss, val_loss, figures } = &evaluation;
        let line = if self.arguments.json {
            let mut line = json!({"step": step, "train_loss": train_loss, "val_loss": val_loss});
            for figure in figures {
                line[&figure.name] = json!(figure.value);
            }
            line.to_string()
        } else {
            let mut line =
                format!("step {step}: train loss {train_loss:.4}, val loss {val_loss:.4}");
            for figure in figures {
                let name = figure.name.replace('_', " ");
                _ = write!(line, ", {name} {:.4}", figure.value);
            }
            line
        };
        self.last = Some(evaluation);
        self.print(&line)
    }

    fn done(&self, step: u64, seconds: f64) -> Result<(), Failure> {
        self.bar.finish_and_clear();
        let ms_per_step = (self.steps > 0).then(|| 1e3 * self.seconds / self.steps as f64);
        let out = self.arguments.out.as_ref().map(|out| out.display().to_string());
        if self.arguments.json {
            let line = json!({
                "event": "done",
                "stage": self.stage,
                "step": step,
                "parameters": self.parameters,
                "train_loss": self.last.as_ref().map(|e| e.train_loss),
                "val_loss": self.last.as_ref().map(|e| e.val_loss),
                "seconds": seconds,
                "ms_per_step": ms_per_step,
                "checkpoint": out,
            });
            return self.print(&line.to_string());
        }
        let ms_per_step = ms_per_step.map_or(String::new(), |ms| format!(", {ms:.3} ms a step"));
        let checkpoint = out.map_or(String::new(), |out| format!(", saved in {out}"));
        self.print(&format!("done: {step} steps in {seconds:.1} s{ms_per_step}{checkpoint}"))
    }

    fn print(&self, line: &str) -> Result<(), Failure> {
        let mut out = std::io::stdout().lock();
        Ok(self.bar.suspend(|| writeln!(out, "{line}").and_then(|()| out.flush()))?)
    }
}

fn failure(message: String) -> Failure {
    Failure::Failed(anyhow::Error::msg(message))
}
