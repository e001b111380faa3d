//! `gpt-lab experiment`: arms times seeds without a screen, and what they say together.

mod report;

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use serde::Deserialize;

use super::train::signals::{self, Signals};
use super::{Failure, opening};
use crate::stage::{Config, stage};
use crate::task::Origin;
use crate::text::Dataset;
use crate::train::experiment::{
    Arm, ArmError, Budget, Combinations, Compare, Experiment, ExperimentError,
};
use crate::train::measure::{Measure, Range};
use crate::train::session::SessionError;
use crate::train::{Checkpoint, Material, Team, team};
use report::Report;

/// The lecture's seed; the experiment's others follow it.
const SEED: u64 = 1337;

#[derive(Debug, clap::Args)]
#[allow(clippy::struct_excessive_bools)] // Each is an option of its own, not a state of one thing.
pub struct Arguments {
    /// The stage that the arms are of; an arm may name another
    #[arg(long, required_unless_present = "from")]
    stage: Option<String>,
    /// Let all arms go on from the run in this checkpoint, as it is, instead of new ones: with its weights, AdamW's memory and
    /// its step, and from there on with what they change. Seeds then differ in the batches to come, and what is measured is of
    /// the whole run
    #[arg(long, value_name = "CKPT", conflicts_with = "stage", allow_hyphen_values = true)]
    from: Option<PathBuf>,
    /// What is different about an arm: name=value, several with commas between them; stage=NAME is another stage, and
    /// nothing ("") the stage as it is. At most 32 [default: the stage as it is]
    #[arg(long = "arm", value_name = "CHANGES", value_parser = arm, allow_hyphen_values = true)]
    arms: Vec<Arm>,
    /// Steps of every run, with --from further ones; without it as many as the first arm has of its own, or has left
    #[arg(long, value_name = "N", conflicts_with = "tokens", value_parser = clap::value_parser!(u64).range(1..=1_000_000_000))]
    steps: Option<u64>,
    /// Tokens that every run reads (with --from: from there on), in as many steps as that takes it
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    tokens: Option<u64>,
    /// Runs of every arm, each with a seed of its own
    #[arg(long, value_name = "N", default_value_t = 4, value_parser = clap::value_parser!(u64).range(1..=1000))]
    seeds: u64,
    /// The first seed; the others follow it [default: 1337, with --from the checkpoint's]
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
    /// What is measured of every run: a name (val_loss, best_val_loss, first_loss ...), or TOML: { entropy = { after = "q" } }
    #[arg(long, value_name = "MEASURE", default_value = "val_loss", value_parser = measure, allow_hyphen_values = true)]
    measure: Measure,
    /// Divide the first arm by the second, instead of taking the second from it
    #[arg(long)]
    ratio: bool,
    /// The first arm less the second (or the only arm) has to be above this; exit code 1 where it is not
    #[arg(long, value_name = "X", allow_negative_numbers = true, value_parser = bound)]
    expect_above: Option<f64>,
    /// The same, below this
    #[arg(long, value_name = "X", allow_negative_numbers = true, value_parser = bound)]
    expect_below: Option<f64>,
    /// Train all combinations of the changes between two arms, and share the difference out among them
    #[arg(long)]
    combinations: bool,
    /// Estimate the validation loss twenty times on the way, on fewer batches; changes no result
    #[arg(long)]
    curve: bool,
    /// Batches of each split in an estimate
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=100_000))]
    eval_batches: Option<u32>,
    /// Runs that are trained at once [default: one a core, up to 8]; changes no result
    #[arg(long, value_name = "N", value_parser = team::threads)]
    threads: Option<usize>,
    /// A UTF-8 text, - for standard input; without it GPT_LAB_DATA, the fetched Tiny Shakespeare, or the play in this program
    #[arg(long, value_name = "FILE", allow_hyphen_values = true)]
    data: Option<PathBuf>,
    /// The points of arms with target=file: x and y a line, with a comma or blanks between them
    #[arg(long, value_name = "FILE", allow_hyphen_values = true)]
    points: Option<PathBuf>,
    /// One JSON object a line on standard output: every run, then the verdict
    #[arg(long)]
    json: bool,
}

/// `n_head=4,lr=1e-3`
fn arm(text: &str) -> Result<Arm, String> {
    let mut arm = Arm::default();
    for change in text.split(',').map(str::trim).filter(|change| !change.is_empty()) {
        let Some((name, value)) = change.split_once('=') else {
            return Err(format!("{change:?} is no change: write name=value, such as n_head=4"));
        };
        let (name, value) = (name.trim().replace('-', "_"), value.trim().to_owned());
        if name == "stage" {
            arm.stage = Some(value);
        } else if arm.set.insert(name.clone(), toml::Value::String(value)).is_some() {
            return Err(format!("{name} is changed twice: leave one of them out"));
        }
    }
    Ok(arm)
}

fn bound(text: &str) -> Result<f64, String> {
    let number = text.parse().ok().filter(|number: &f64| number.is_finite());
    number.ok_or_else(|| format!("{text:?} is no number"))
}

#[derive(Deserialize)]
struct Wanted {
    measure: Measure,
}

fn measure(text: &str) -> Result<Measure, String> {
    let text = text.trim();
    let value = if text.starts_with('{') { text.to_owned() } else { format!("{text:?}") };
    let wanted = toml::from_str::<Wanted>(&format!("measure = {value}"));
    wanted.map(|wanted| wanted.measure).map_err(|error| {
        let why = error.message().lines().collect::<Vec<_>>().join(" ");
        format!("{why}; one with arguments is TOML, such as {{ entropy = {{ after = \"q\" }} }}")
    })
}

pub fn run(arguments: &Arguments) -> Result<(), Failure> {
    let threads = arguments.threads.unwrap_or_else(Team::default_threads);
    // What is wrong with the command line is said before the text is looked for.
    let from = arguments.from.as_deref().map(|path| Checkpoint::read(path, &[])).transpose()?;
    let (arms, switches) = arms(arguments, from.as_ref().map(|from| &from.config))?;
    let (above, below) = (arguments.expect_above, arguments.expect_below);
    if above.zip(below).is_some_and(|(above, below)| above >= below) {
        return Err(Failure::usage(
            "nothing is above --expect-above and below --expect-below: make the first the smaller",
        ));
    }
    let material = match &from {
        None => material(arguments, &arms)?,
        Some(checkpoint) => material_from(arguments, checkpoint)?,
    };
    let done = from.as_ref().map_or(0, |from| from.step);
    let own = arms[0].1.training.steps.saturating_sub(done);
    if own == 0 && arguments.steps.is_none() && arguments.tokens.is_none() {
        return Err(Failure::usage(format!(
            "the run is at its end after {done} steps: say with --steps how many more its arms make"
        )));
    }
    let steps = arguments.steps.unwrap_or(own);
    let own = from.as_ref().map_or(SEED, |from| from.config.seed);
    let seed = arguments.seed.unwrap_or(own);
    let experiment = Experiment {
        seeds: (0..arguments.seeds).map(|i| seed.wrapping_add(i)).collect(),
        from: from.map(|checkpoint| Arc::new(checkpoint.into())),
        budget: arguments.tokens.map_or(Budget::Steps(steps), Budget::Tokens),
        measure: arguments.measure.clone(),
        compare: if arguments.ratio { Compare::Ratio } else { Compare::Difference },
        expect: Range { above, below },
        watched: arguments.curve,
        arms,
        switches,
    };
    let caught = Signals::catch();
    let signals =
        caught.map_err(|error| anyhow::anyhow!("signals could not be caught: {error}"))?;
    let cancel = Arc::new(AtomicBool::new(false));
    let halted = Arc::clone(&cancel);
    let signal = signals
        .watch(move || halted.store(true, Ordering::Relaxed))
        .map_err(|error| anyhow::anyhow!("signals could not be watched: {error}"))?;
    let mut report = Report::new(&experiment, arguments.json, threads);
    let runs = experiment.run(&material, threads, &cancel, &mut |grown| report.grew(grown));
    report.clear();
    let runs = runs.map_err(|error| match error {
        ExperimentError::Cancelled => {
            let signal = signal.load(Ordering::SeqCst);
            report.stopped(signals::name(signal));
            Failure::Stopped(signal)
        }
        ExperimentError::Arm { ref source, .. }
            if !matches!(
                **source,
                SessionError::Config(_) | SessionError::TooLarge { .. } | SessionError::Memory(_)
            ) =>
        {
            Failure::from(error)
        }
        ExperimentError::Failed { .. } | ExperimentError::Team(_) => Failure::from(error),
        error => Failure::usage(error),
    })?;
    let verdict = report.ended(&runs)?;
    if verdict.holds == Some(false) {
        return Err(Failure::Failed(anyhow::anyhow!("the expectation {verdict}")));
    }
    Ok(())
}

/// Labels and configurations, and the switches that they are all combinations of.
type Arms = (Vec<(String, Config)>, Vec<String>);

/// What is trained: runs of a stage, or such that go on from one of this configuration.
fn arms(arguments: &Arguments, from: Option<&Config>) -> Result<Arms, Failure> {
    const MOST: usize = 32;
    let own = from.map(|config| config.stage.as_str());
    let spoken_of = arguments.stage.as_deref().or(own).unwrap_or_default();
    if from.is_none() {
        stage(spoken_of).map_err(Failure::usage)?;
    }
    let as_it_is = [Arm::default()];
    let given = if arguments.arms.is_empty() { &as_it_is } else { &arguments.arms[..] };
    if given.len() > MOST {
        return Err(Failure::usage(format!("there are {} arms: {MOST} are the most", given.len())));
    }
    let mut arms = Vec::new();
    for arm in given {
        let label = arm.label(if from.is_some() { "as it is" } else { spoken_of });
        let config = match from {
            None => arm.config(spoken_of, 1, SEED),
            Some(config) => arm.on(config),
        };
        let mut config = config.map_err(|error| match error {
            ArmError::Foreign(name, stage) => Failure::usage(format!(
                "--arm: {name} is without effect on a run of {stage}: leave it out"
            )),
            error => Failure::usage(format!("--arm: {error}")),
        })?;
        if let Some(batches) = arguments.eval_batches {
            config.training.eval_batches = batches as usize;
        }
        arms.push((label, config));
    }
    if !arguments.combinations {
        return Ok((arms, Vec::new()));
    }
    let [(_, first), (_, second)] = &arms[..] else {
        return Err(Failure::usage(format!(
            "--combinations are those of the changes between two arms: give two with --arm (found {})",
            arguments.arms.len()
        )));
    };
    if arguments.ratio {
        return Err(Failure::usage(
            "--combinations share out a difference, which a --ratio is not: leave one of them out",
        ));
    }
    let all = Combinations::between(first, second)
        .map_err(|error| Failure::usage(format!("--combinations: {error}")))?;
    Ok((all.arms, all.switches))
}

/// What the run of a checkpoint is trained on.
fn material_from(arguments: &Arguments, checkpoint: &Checkpoint) -> Result<Material, Failure> {
    let task = &checkpoint.config.task;
    opening::refuse_idle(
        &[("--data", arguments.data.is_some() && !task.reads_text(), "models of a text")],
        task,
    )?;
    opening::tell(checkpoint);
    let (data, points) = (arguments.data.as_deref(), arguments.points.as_deref());
    let material = opening::material(checkpoint, data, points)?;
    if opening::has_other_points(checkpoint, &material) {
        return Err(Failure::usage(
            "the checkpoint was trained on other points than those of --points: give the file it was trained on",
        ));
    }
    Ok(material)
}

/// What all arms are trained on.
fn material(arguments: &Arguments, arms: &[(String, Config)]) -> Result<Material, Failure> {
    let mut material = Material::default();
    if arms.iter().any(|(_, config)| config.task.reads_text()) {
        // Arms that read words read the same text as words.
        let dataset = Dataset::new(super::text(arguments.data.as_deref())?)?;
        material.text = Some(Arc::new(dataset));
    } else if arguments.data.is_some() {
        return Err(Failure::usage(format!(
            "--data is for arms that read a text: {} makes its own examples; leave it out",
            arguments.stage.as_deref().unwrap_or_default()
        )));
    }
    let of_points = arms.iter().find(|(_, config)| config.task.origin() == Origin::Points);
    let asked =
        of_points.or(arms.first()).filter(|_| of_points.is_some() || arguments.points.is_some());
    if let Some((_, config)) = asked {
        material.points = opening::points(&config.task, arguments.points.as_deref())?;
    }
    Ok(material)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arms_and_measures_are_read_as_they_are_typed() {
        let read = arm("stage=multi-head, n-head=4,lr=1e-3").unwrap();
        assert_eq!(read.stage.as_deref(), Some("multi-head"));
        let config = read.config("bigram", 65, 1).unwrap();
        assert_eq!((config.model.n_head, config.training.lr), (4, 1e-3));
        assert_eq!(arm("").unwrap(), Arm::default());
        assert!(arm("n_head").unwrap_err().contains("name=value"));
        assert!(arm("lr=1,lr=2").unwrap_err().contains("twice"));
        assert_eq!(measure("val_loss").unwrap(), Measure::ValLoss);
        let entropy = Measure::Entropy { after: "q".to_owned() };
        assert_eq!(measure("{ entropy = { after = \"q\" } }").unwrap(), entropy);
        let error = measure("val_los").unwrap_err();
        assert!(error.contains("val_loss") && !error.contains('\n'), "{error}");
        assert!(measure("{ entropy").is_err());
    }
}
