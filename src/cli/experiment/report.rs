//! What is said of an experiment: how far it is on standard error, its runs and its verdict on standard output.

use std::io::{IsTerminal, Write};

use indicatif::{HumanDuration, ProgressBar, ProgressStyle};
use serde_json::{Value, json};

use crate::cli::{Failure, say};
use crate::math::gemm::chosen;
use crate::train::experiment::{
    Compare, Experiment, Progress, Ran, Share, Verdict, verdict::with_error,
};

/// Marks of the bar.
const WHOLE: u64 = 1000;

pub struct Report<'a> {
    experiment: &'a Experiment,
    json: bool,
    bar: ProgressBar,
    threads: usize,
    /// Whether it has been said what begins.
    said: bool,
}

impl<'a> Report<'a> {
    pub fn new(experiment: &'a Experiment, json: bool, threads: usize) -> Self {
        let bar = if json || !std::io::stderr().is_terminal() {
            ProgressBar::hidden()
        } else {
            let style = ProgressStyle::with_template("{bar:30} {percent} %  {msg}");
            let bar = ProgressBar::new(WHOLE);
            bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
            bar
        };
        Self { experiment, json, bar, threads, said: false }
    }

    /// What begins, once something has: what cannot is refused instead.
    fn say_what_begins(&self) {
        let Self { experiment, threads, .. } = self;
        let (arms, seeds) = (experiment.arms.len(), experiment.seeds.len());
        let made = |config| experiment.steps(config) - experiment.first();
        let mut steps: Vec<_> = experiment.arms.iter().map(|(_, config)| made(config)).collect();
        steps.sort_unstable();
        steps.dedup();
        let steps: Vec<_> = steps.iter().map(u64::to_string).collect();
        let steps = match steps.join(" or ").as_str() {
            "0" => "no step".to_owned(),
            "1" => "1 step".to_owned(),
            steps => format!("{steps} steps"),
        };
        let plural = |n: usize, word: &str| format!("{n} {word}{}", if n == 1 { "" } else { "s" });
        let from = experiment.from.as_ref();
        let from = from.map_or(String::new(), |fork| format!(" from step {} on", fork.step()));
        say(format_args!(
            "{}: {} x {}, {steps} each{from}, {} at once, matrix products by {}",
            experiment.measured(),
            plural(arms, "arm"),
            plural(seeds, "seed"),
            plural((*threads).min(arms * seeds), "run"),
            chosen(),
        ));
    }

    pub fn grew(&mut self, grown: Progress) {
        if !std::mem::replace(&mut self.said, true) && !self.json {
            self.bar.suspend(|| self.say_what_begins());
        }
        let Progress { arm, seed, estimates, done, seconds_left, loss, .. } = grown;
        self.bar.set_position((done * WHOLE as f64) as u64);
        let left = seconds_left.map(|seconds| {
            let left = std::time::Duration::from_secs_f64(seconds.min(1e9));
            format!("{} left  ", HumanDuration(left))
        });
        let (label, seed) = (&self.experiment.arms[arm].0, self.experiment.seeds[seed]);
        if let Some(loss) = loss {
            let left = left.unwrap_or_default();
            self.bar.set_message(format!("{left}{label}, seed {seed}: batch loss {loss:.3}"));
        }
        if self.experiment.watched && !self.json {
            for estimate in estimates {
                let (step, loss) = (estimate.step, estimate.val_loss);
                self.bar.suspend(|| {
                    say(format_args!("{label}, seed {seed}: step {step}, val loss {loss:.4}"));
                });
            }
        }
    }

    pub fn clear(&self) {
        self.bar.finish_and_clear();
    }

    /// A signal ended it.
    pub fn stopped(&self, signal: &str) {
        if self.json {
            // Whoever sent the signal may have closed the other end as well.
            _ = print(&json!({"event": "stopped", "signal": signal}).to_string());
        } else {
            say(format_args!("stopped by {signal}: the experiment has no result"));
        }
    }

    /// Every run, and what they say together.
    pub fn ended(&self, runs: &[Ran]) -> Result<Verdict, Failure> {
        let verdict = self.experiment.verdict(runs);
        let shares = self.experiment.shares(runs);
        if self.json {
            for run in runs {
                print(&self.run(run).to_string())?;
            }
            print(&self.verdict(runs, &verdict, &shares).to_string())?;
            return Ok(verdict);
        }
        for line in self.table(runs) {
            print(&line)?;
        }
        for line in self.differences(runs) {
            print(&line)?;
        }
        for Share { switch, mean, error, .. } in &shares {
            let share = mean.map_or("no number".to_owned(), |mean| with_error(mean, *error));
            print(&format!("{switch} brought {share} of it"))?;
        }
        print(&verdict.to_string())?;
        Ok(verdict)
    }

    fn run(&self, run: &Ran) -> Value {
        let mut line = json!({
            "arm": self.experiment.arms[run.arm].0,
            "seed": self.experiment.seeds[run.seed],
            "step": run.step,
            "train_loss": run.train_loss,
            "val_loss": run.val_loss,
            "value": run.value,
            "diverged": run.diverged,
        });
        if self.experiment.watched {
            let curve = run.curve.iter();
            line["curve"] =
                curve.map(|e| json!({"step": e.step, "val_loss": e.val_loss})).collect();
        }
        line
    }

    fn verdict(&self, runs: &[Ran], verdict: &Verdict, shares: &[Share]) -> Value {
        let against = (1..self.experiment.arms.len()).map(|arm| {
            let against = self.experiment.against(runs, arm);
            json!({
                "arm": self.experiment.arms[arm].0,
                "difference": against.mean,
                "error": against.error,
                "seeds": against.values,
            })
        });
        let shares = shares.iter().map(|share| {
            json!({
                "hyperparameter": share.switch,
                "share": share.mean,
                "error": share.error,
                "seeds": share.values,
            })
        });
        // Of a single arm it is the value itself; a ratio is one too.
        let what = match verdict.compare {
            None => "value",
            Some(Compare::Difference) => "difference",
            Some(Compare::Ratio) => "ratio",
        };
        let mut line = json!({"event": "verdict"});
        line[what] = json!(verdict.mean);
        if let Some(fork) = &self.experiment.from {
            line["from_step"] = json!(fork.step());
        }
        line["error"] = json!(verdict.error);
        line["seeds"] = json!(verdict.values);
        line["inside"] = json!(verdict.inside);
        line["holds"] = json!(verdict.holds);
        line["verdict"] = json!(verdict.to_string());
        line["products"] = json!(chosen());
        if self.experiment.arms.len() > 2 {
            line["against"] = against.collect();
        }
        if !self.experiment.switches.is_empty() {
            line["shares"] = shares.collect();
        }
        line
    }

    /// The arms, with mean, lowest and highest.
    fn table(&self, runs: &[Ran]) -> Vec<String> {
        let measured = self.experiment.measured();
        let mut rows =
            vec![["arm".to_owned(), measured, "lowest".to_owned(), "highest".to_owned()]];
        for (arm, (label, _)) in self.experiment.arms.iter().enumerate() {
            let alone = self.experiment.alone(runs, arm);
            let there = || alone.values.iter().copied().flatten();
            let shown = |value: Option<f64>| value.map_or("-".to_owned(), |x| format!("{x:.4}"));
            rows.push([
                label.clone(),
                alone.number(),
                shown(there().reduce(f64::min)),
                shown(there().reduce(f64::max)),
            ]);
        }
        let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max();
        let widths: Vec<_> = (0..4).map(|column| width(column).unwrap_or(0)).collect();
        let line = |row: &[String; 4]| {
            let cells = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}"));
            cells.collect::<Vec<_>>().join("  ").trim_end().to_owned()
        };
        rows.iter().map(line).collect()
    }

    /// The first arm against each other; of all combinations only against all changes.
    fn differences(&self, runs: &[Ran]) -> Vec<String> {
        let Experiment { arms, compare, switches, .. } = self.experiment;
        let first = if switches.is_empty() { 1 } else { arms.len() - 1 };
        let sign = match compare {
            Compare::Difference => '-',
            Compare::Ratio => '/',
        };
        let against = |arm: usize| {
            let number = self.experiment.against(runs, arm).number();
            format!("({}) {sign} ({}): {number}", arms[0].0, arms[arm].0)
        };
        (first..arms.len()).map(against).collect()
    }
}

fn print(line: &str) -> std::io::Result<()> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{line}").and_then(|()| out.flush())
}
