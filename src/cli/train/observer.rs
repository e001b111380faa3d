//! What watches a run and prints, saves it, and ends it.

use std::io::{IsTerminal, Write};
use std::sync::atomic::Ordering;
use std::time::Instant;

use indicatif::{ProgressBar, ProgressStyle};
use serde_json::json;

use super::signals::{self, Signals};
use super::{Arguments, Failure};
use crate::cli::say;
use crate::model::card::{Figure, Unit};
use crate::train::event::Evaluation;
use crate::train::{Command, Event, Observed, Session, Told, Worker};

/// What watches the run and prints.
pub struct Observer<'a> {
    arguments: &'a Arguments,
    run: Observed,
    /// How what is measured beside the loss is written.
    figures: Vec<Figure>,
    bar: ProgressBar,
    begun: Instant,
    /// Time in steps, and how many.
    seconds: f64,
    steps: u64,
    last: Option<Evaluation>,
    /// Checkpoints that are asked for and not written yet, and the step of the last one that is.
    saving: usize,
    saved: Option<u64>,
    /// Why the run is over, and whether the trainer has halted.
    ending: Option<Ending>,
    halted: bool,
}

/// Why a run is over.
enum Ending {
    /// It has reached its last step, after so many seconds.
    Done(f64),
    Signal(i32),
    /// Nothing more can be printed.
    Lost(Failure),
}

impl<'a> Observer<'a> {
    pub fn new(arguments: &'a Arguments, session: &Session) -> Self {
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
            let what = match text.filter(|_| config.task.reads_text()) {
                Some(text) => format!(
                    "{} ({} {}, {} different)",
                    text.corpus.name,
                    text.train.len() + text.val.len(),
                    config.task.tokens.plural(),
                    config.model.vocab_size
                ),
                None => format!("made examples ({})", config.task),
            };
            say(format_args!(
                "{}: {} parameters on {what}, shards: {}",
                config.stage,
                session.weights().len(),
                session.shards(),
            ));
            let examples = session.examples();
            for (name, value) in examples.floors(examples.judged()) {
                let name = name.replace('_', " ");
                say(format_args!("{name}: {value:.4}, what a perfect generator gets"));
            }
        }
        Self {
            arguments,
            // What is asked for first does not wait for what is told first.
            run: Observed { step, ..Observed::opening(session.run(), config.clone()) },
            figures: [session.card().parts, config.task.card().figures].concat(),
            bar,
            begun: Instant::now(),
            seconds: 0.0,
            steps: 0,
            last: None,
            saving: 0,
            saved: None,
            ending: None,
            halted: false,
        }
    }

    /// Lets the run go to its end, or to where a signal or a lost reader stops it, and saves it there.
    pub fn watch(mut self, worker: &Worker, signals: Signals) -> Result<(), Failure> {
        self.go(worker);
        let signal = signals
            .forward(worker.commands())
            .map_err(|error| failure(format!("signals could not be watched: {error}")))?;
        let mut running = false;
        for Told { event, .. } in &worker.events {
            // One that came before the trainer was told to run is seen with its first events.
            let signal = signal.load(Ordering::SeqCst);
            if signal != 0 && self.ending.is_none() {
                self.stop(worker, Ending::Signal(signal));
            }
            self.run.fold(&event);
            match event {
                Event::Steps { reports, seconds } => {
                    self.seconds += seconds;
                    self.steps += reports.len() as u64;
                    if let Some(report) = reports.last() {
                        self.bar.set_position(report.step);
                        self.bar.set_message(format!("loss {:.3}", report.loss));
                    }
                }
                Event::Evaluated(evaluation) => {
                    if let Err(lost) = self.evaluated(evaluation)
                        && self.ending.is_none()
                    {
                        self.stop(worker, Ending::Lost(lost));
                    }
                }
                Event::Running => running = true,
                // A run is paused when it is opened, too.
                Event::Paused if self.ending.is_some() => self.halted = true,
                Event::Paused if running => {
                    self.save(worker);
                    self.go(worker);
                }
                Event::Finished { .. } if self.ending.is_none() => {
                    self.ending = Some(Ending::Done(self.begun.elapsed().as_secs_f64()));
                    self.halted = true;
                    self.save(worker);
                }
                Event::Saved { .. } => {
                    self.saving -= 1;
                    self.saved = Some(self.run.step);
                }
                Event::Diverged { step } => {
                    let written = self.saved.map_or("nothing was written".to_owned(), |step| {
                        format!("the checkpoint is that of step {step}")
                    });
                    return Err(failure(format!(
                        "the loss or the gradient is no longer finite after step {step}: the run has diverged and \
                         {written}; lower --lr, or clip the gradient with --grad-clip 1"
                    )));
                }
                // Room may be found before the run is at its end.
                Event::Refused { what, why } if what == "save" && self.ending.is_none() => {
                    self.saving -= 1;
                    self.bar.suspend(|| say(format_args!("note: {why}")));
                }
                Event::Refused { why, .. } | Event::NotOpened { why } => return Err(failure(why)),
                Event::Failed { message } => {
                    return Err(failure(format!("the trainer failed: {message}")));
                }
                Event::Stopped => break,
                Event::Finished { .. }
                | Event::Paused
                | Event::Opened { .. }
                | Event::Applied(_)
                | Event::Extended { .. }
                | Event::Forked(_)
                | Event::PeakRate(_)
                | Event::Measured(_)
                | Event::Kept { .. }
                | Event::SavedAll => {}
            }
            if self.halted && self.saving == 0 && self.ending.is_some() {
                return self.end();
            }
        }
        Err(failure("the trainer stopped before the run was at its end".to_owned()))
    }

    /// Trains to the next step to save at, or to the end.
    fn go(&self, worker: &Worker) {
        let next = self.arguments.save_every.map(|every| (self.run.step / every + 1) * every);
        worker.send(match next.filter(|next| *next < self.run.config.training.steps) {
            Some(next) => Command::Step(next - self.run.step),
            None => Command::Run,
        });
    }

    fn save(&mut self, worker: &Worker) {
        if let Some(out) = &self.arguments.out {
            worker.send(Command::Save(out.clone()));
            self.saving += 1;
        }
    }

    /// Halts the run, in an estimate too, and saves it.
    fn stop(&mut self, worker: &Worker, why: Ending) {
        self.ending = Some(why);
        worker.send(Command::Pause);
        self.save(worker);
    }

    fn end(mut self) -> Result<(), Failure> {
        self.bar.finish_and_clear();
        let step = self.run.step;
        let out = self.arguments.out.as_ref().map(|out| out.display().to_string());
        let saved = out
            .as_ref()
            .map_or("nothing was saved, without --out".to_owned(), |out| format!("saved in {out}"));
        match self.ending.take() {
            None => Ok(()),
            Some(Ending::Done(seconds)) => self.done(step, seconds),
            Some(Ending::Signal(signal)) => {
                let name = signals::name(signal);
                if self.arguments.json {
                    let line = json!({
                        "event": "stopped",
                        "signal": name,
                        "step": step,
                        "checkpoint": out,
                    });
                    // Whoever sent the signal may have closed the other end as well.
                    _ = self.print(&line.to_string());
                } else {
                    say(format_args!("stopped by {name} after step {step}: {saved}"));
                }
                Err(Failure::Stopped(signal))
            }
            Some(Ending::Lost(error)) => {
                say(format_args!(
                    "note: standard output cannot be written: stopped after step {step}, {saved}"
                ));
                Err(error)
            }
        }
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
                let known = self.figures.iter().find(|known| known.name == figure.name);
                let unit = known.map_or(Unit::Plain, |known| known.unit);
                let name = figure.name.replace('_', " ");
                _ = write!(line, ", {name} {}", unit.write(figure.value));
            }
            line
        };
        self.last = Some(evaluation);
        self.print(&line)
    }

    fn done(&self, step: u64, seconds: f64) -> Result<(), Failure> {
        let ms_per_step = (self.steps > 0).then(|| 1e3 * self.seconds / self.steps as f64);
        let out = self.arguments.out.as_ref().map(|out| out.display().to_string());
        if self.arguments.json {
            let line = json!({
                "event": "done",
                "stage": self.run.stage(),
                "step": step,
                "parameters": self.run.parameters,
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
        let steps = if step == 1 { "step" } else { "steps" };
        self.print(&format!("done: {step} {steps} in {seconds:.1} s{ms_per_step}{checkpoint}"))
    }

    fn print(&self, line: &str) -> Result<(), Failure> {
        let mut out = std::io::stdout().lock();
        Ok(self.bar.suspend(|| writeln!(out, "{line}").and_then(|()| out.flush()))?)
    }
}

fn failure(message: String) -> Failure {
    Failure::Failed(anyhow::Error::msg(message))
}
