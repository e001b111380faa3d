//! One table of every hyperparameter: it feeds the command line's options, the lab's pane and the checks of both.

mod table;

use std::fmt;

use super::config::Config;
use crate::model::kind;
pub use table::HYPERPARAMETERS;

/// What a change costs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Takes {
    /// Applies at the next step boundary; weights and AdamW's moments stay.
    Live,
    /// Builds a new model from the start.
    Rebuild,
}

/// The values it may have.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Range {
    /// A finite number in `min..=max`, or `min..max` where `open`; the lab nudges by a factor where `log`, else by `nudge`.
    Number {
        min: f64,
        max: f64,
        open: bool,
        log: bool,
        nudge: f64,
    },
    Count {
        min: u64,
        max: u64,
    },
    Choice(&'static [&'static str]),
    Switch,
}

/// `a number from 1e-9 to 10`, `one of none, pre, post` …: what must stand after "must be".
impl fmt::Display for Range {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Number { min, max, open, .. } => {
                let (min, max) = (Value::Number(min), Value::Number(max));
                let below = if open { "below " } else { "" };
                write!(f, "a number from {min} to {below}{max}")
            }
            Self::Count { min, max } => write!(f, "a whole number from {min} to {max}"),
            Self::Choice(names) => write!(f, "one of {}", names.join(", ")),
            Self::Switch => write!(f, "true or false"),
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Value {
    Number(f64),
    Count(u64),
    Choice(&'static str),
    Switch(bool),
}

/// As short as it can be and still read back as the same value: `1e-3`, `0.2`, `mlp4`.
impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Number(x) if x == 0.0 || (0.01..1e5).contains(&x.abs()) => write!(f, "{x}"),
            Self::Number(x) => write!(f, "{x:e}"),
            Self::Count(n) => write!(f, "{n}"),
            Self::Choice(name) => f.pad(name),
            Self::Switch(on) => write!(f, "{on}"),
        }
    }
}

impl Value {
    /// Reads a value as the command line and the lab's input have it; in choices a dash is as good as an underscore.
    ///
    /// # Errors
    /// If it is not a value of that kind, or out of range.
    pub fn parse(hyperparameter: &Hyperparameter, text: &str) -> Result<Self, ValueError> {
        let text = text.trim();
        let value = match hyperparameter.range {
            Range::Number { .. } => text.parse().ok().map(Self::Number),
            Range::Count { .. } => text.parse().ok().map(Self::Count),
            Range::Choice(names) => {
                let name = text.to_lowercase().replace('-', "_");
                names.iter().find(|n| **n == name).map(|n| Self::Choice(n))
            }
            Range::Switch => match text.to_lowercase().as_str() {
                "true" | "on" | "yes" => Some(Self::Switch(true)),
                "false" | "off" | "no" => Some(Self::Switch(false)),
                _ => None,
            },
        };
        let value = value.ok_or_else(|| hyperparameter.refuse(text))?;
        hyperparameter.check(value).map(|()| value)
    }
}

/// A value that a hyperparameter cannot have.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("{name} must be {range} (found {found})")]
pub struct ValueError {
    pub name: &'static str,
    pub range: Range,
    pub found: String,
}

/// How a nudge moves a count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum CountNudge {
    Double,
    Add(u64),
}

/// Whom a hyperparameter means something to.
#[derive(Clone, Copy, Debug)]
enum Of {
    Everyone,
    /// Kinds of networks and tasks that name it.
    Some,
    /// Configurations of which this is true.
    Where(fn(&Config) -> bool),
}

/// One hyperparameter: its name is the field's term and its key in files; the option is the same with dashes.
#[derive(Clone, Copy, Debug)]
pub struct Hyperparameter {
    pub name: &'static str,
    /// Its name on the command line, without the leading dashes.
    pub option: &'static str,
    pub doc: &'static str,
    pub takes: Takes,
    pub range: Range,
    count_nudge: CountNudge,
    of: Of,
    get: fn(&Config) -> Value,
    set: fn(&mut Config, Value),
}

/// Finds a hyperparameter by its name.
pub fn hyperparameter(name: &str) -> Option<&'static Hyperparameter> {
    HYPERPARAMETERS.iter().find(|h| h.name == name)
}

/// The rungs within a decade that a logarithmic number is nudged along: 1e-3, 3e-3, 1e-2 …
const RUNGS: [f64; 2] = [1.0, 3.0];
/// Where a logarithmic number that may be 0 steps down to 0.
const LOWEST_RUNG: f64 = 1e-6;

impl Hyperparameter {
    /// Whether it means something to the kind of network that a configuration is of, or to its task.
    pub fn applies(&self, config: &Config) -> bool {
        match self.of {
            Of::Everyone => true,
            Of::Some => {
                kind(config.model.architecture).hyperparameters.contains(&self.name)
                    || config.task.hyperparameters().contains(&self.name)
            }
            Of::Where(applies) => applies(config),
        }
    }

    /// Its value in a configuration.
    pub fn get(&self, config: &Config) -> Value {
        (self.get)(config)
    }

    /// Sets it in a configuration.
    ///
    /// # Errors
    /// If it cannot have that value; the configuration is then unchanged.
    pub fn set(&self, config: &mut Config, value: Value) -> Result<(), ValueError> {
        self.check(value)?;
        (self.set)(config, value);
        if self.takes == Takes::Rebuild {
            config.fit();
        }
        Ok(())
    }

    /// # Errors
    /// If the value is of another kind, not finite, or out of range.
    pub fn check(&self, value: Value) -> Result<(), ValueError> {
        let good = match (self.range, value) {
            (Range::Number { min, max, open, .. }, Value::Number(x)) => {
                x >= min && if open { x < max } else { x <= max }
            }
            (Range::Count { min, max }, Value::Count(n)) => (min..=max).contains(&n),
            (Range::Choice(names), Value::Choice(name)) => names.contains(&name),
            (Range::Switch, Value::Switch(_)) => true,
            _ => false,
        };
        if good { Ok(()) } else { Err(self.refuse(value)) }
    }

    fn refuse(&self, found: impl fmt::Display) -> ValueError {
        ValueError { name: self.name, range: self.range, found: found.to_string() }
    }

    /// The neighbouring value, one notch up or down; the same value at the end of the range.
    pub fn nudge(&self, value: Value, up: bool) -> Value {
        let moved = match (self.range, value) {
            (Range::Number { log: true, min, .. }, Value::Number(x)) => {
                Value::Number(rung(x, up, min))
            }
            (Range::Number { min, max, nudge, .. }, Value::Number(x)) => {
                let next = x + if up { nudge } else { -nudge };
                // Whole notches, so that 0.1 + 0.2 shows as 0.3.
                Value::Number(((next / nudge).round() * nudge * 1e9).round() / 1e9).clamp(min, max)
            }
            (Range::Count { min, max }, Value::Count(n)) => {
                let next = match (self.count_nudge, up) {
                    (CountNudge::Double, true) => (n * 2).max(1),
                    (CountNudge::Double, false) => n / 2,
                    (CountNudge::Add(step), true) => n + step,
                    (CountNudge::Add(step), false) => n.saturating_sub(step),
                };
                Value::Count(next.clamp(min, max))
            }
            (Range::Choice(names), Value::Choice(name)) => {
                let at = names.iter().position(|n| *n == name).unwrap_or(0);
                let next = if up { (at + 1).min(names.len() - 1) } else { at.saturating_sub(1) };
                Value::Choice(names[next])
            }
            // It has two ends: either way leads to the other.
            (Range::Switch, Value::Switch(on)) => Value::Switch(!on),
            _ => value,
        };
        if self.check(moved).is_ok() { moved } else { value }
    }
}

impl Value {
    fn clamp(self, min: f64, max: f64) -> Self {
        match self {
            Self::Number(x) => Self::Number(x.clamp(min, max)),
            other => other,
        }
    }
}

/// The next rung of the ladder above or below `x`; below the lowest rung stands `min` if that is 0.
fn rung(x: f64, up: bool, min: f64) -> f64 {
    if x < LOWEST_RUNG && up {
        return LOWEST_RUNG;
    }
    if x <= LOWEST_RUNG && !up && min == 0.0 {
        return 0.0;
    }
    let decade = x.log10().floor() as i32;
    let mut ladder = (decade - 1..=decade + 1)
        .flat_map(|d| RUNGS.iter().map(move |r| format!("{r}e{d}").parse::<f64>().unwrap_or(1.0)));
    // A hair's breadth, so that 1e-3 is not its own neighbour.
    if up {
        ladder.find(|r| *r > x * (1.0 + 1e-9)).unwrap_or(x)
    } else {
        ladder.rev().find(|r| *r < x * (1.0 - 1e-9)).unwrap_or(x)
    }
}

#[cfg(test)]
mod tests {
    use strum::IntoEnumIterator;

    use super::*;
    use crate::model::config::{EmbeddingInit, Fault, QueryKey, Reduction, Turns};
    use crate::model::{KINDS, Sentences};
    use crate::stage::STAGES;
    use crate::task::Task;

    fn named(name: &str) -> &'static Hyperparameter {
        hyperparameter(name).unwrap()
    }

    #[test]
    fn every_field_of_a_configuration_is_in_the_table() {
        let mut config = STAGES[0].config(65, 1);
        // What files leave out where it is as it was before there was a choice.
        (config.model.query_key, config.model.fault) = (QueryKey::Tied, Fault::SoftmaxAxis);
        (config.model.forget_bias, config.model.reduction) = (1, Reduction::Mean);
        (config.training.turns, config.training.instance_noise) = (Turns::Generator, 0.5);
        (config.model.gate_cutoff, config.model.diagonal_gates) = (true, true);
        (config.model.shift_targets, config.model.scale_embeddings) = (false, false);
        config.model.embedding_init = EmbeddingInit::Unit;
        config.task.curriculum = true;
        config.model.sentences = Some(Sentences { end: 1, most: 20 });
        config.task.facts = 2;
        let model = serde_json::to_value(&config.model).unwrap();
        let training = serde_json::to_value(&config.training).unwrap();
        let task = serde_json::to_value(&config.task).unwrap();
        let groups = [&model, &training, &task];
        let fields: Vec<_> = groups.iter().flat_map(|v| v.as_object().unwrap().keys()).collect();
        // What is no hyperparameter: it follows from the stage, the corpus or the run.
        let others = [
            "model",
            "vocab_size",
            "source_vocab",
            "source_size",
            "n_input",
            "sentences",
            "steps",
            "eval_interval",
            "eval_batches",
        ];
        for field in &fields {
            let known = hyperparameter(field).is_some();
            assert_ne!(known, others.contains(&field.as_str()), "{field}");
        }
        assert_eq!(fields.len(), HYPERPARAMETERS.len() + others.len());
    }

    #[test]
    fn what_kinds_and_tasks_name_is_in_the_table_and_of_some() {
        let of_tasks = Task::iter().map(|task| {
            let tokens = crate::text::Tokens::Words;
            crate::task::Config { task, tokens, ..Default::default() }.hyperparameters()
        });
        let of_kinds = KINDS.iter().map(|kind| kind.hyperparameters);
        let mut all: Vec<_> = of_kinds.chain(of_tasks).flatten().collect();
        for name in &all {
            let of = hyperparameter(name).map(|h| h.of);
            assert!(matches!(of, Some(Of::Some)), "{name}");
        }
        all.sort_unstable();
        all.dedup();
        let some = HYPERPARAMETERS.iter().filter(|h| matches!(h.of, Of::Some));
        assert_eq!(all.len(), some.count(), "one is nobody's");
    }

    #[test]
    fn options_are_names_with_dashes() {
        for h in HYPERPARAMETERS {
            assert_eq!(h.option, h.name.replace('_', "-"));
            assert!(!h.doc.is_empty());
        }
    }

    #[test]
    fn what_is_set_can_be_got_and_read_back_from_its_text() {
        for stage in STAGES {
            for h in HYPERPARAMETERS.iter().filter(|h| h.applies(&stage.config(65, 1))) {
                let mut config = stage.config(65, 1);
                for up in [true, false, false, true] {
                    let value = h.nudge(h.get(&config), up);
                    h.set(&mut config, value).unwrap();
                    assert_eq!(h.get(&config), value, "{}", h.name);
                    assert_eq!(Value::parse(h, &value.to_string()), Ok(value), "{}", h.name);
                }
            }
        }
    }

    #[test]
    fn a_choice_has_one_name_in_the_table_and_in_files() {
        for h in HYPERPARAMETERS {
            let Range::Choice(names) = h.range else { continue };
            for name in names {
                let mut config = STAGES[0].config(65, 1);
                h.set(&mut config, Value::Choice(name)).unwrap();
                assert_eq!(h.get(&config), Value::Choice(name), "{}", h.name);
                let file = serde_json::to_value(&config).unwrap();
                let groups = ["model", "training", "task"];
                let written = groups.iter().find_map(|group| file[group].get(h.name));
                // Left out: it is what a file without it is read as.
                let read: Config = serde_json::from_value(file.clone()).unwrap();
                assert_eq!(written.map_or(*name, |name| name.as_str().unwrap()), *name);
                assert_eq!(h.get(&read), Value::Choice(name), "{}", h.name);
            }
        }
        for kind in KINDS {
            let name: &str = kind.architecture.into();
            assert_eq!(serde_json::to_value(kind.architecture).unwrap(), name);
        }
    }

    #[test]
    fn a_choice_that_came_late_is_in_no_file_of_a_preset() {
        for stage in STAGES {
            let file = serde_json::to_value(stage.config(65, 1)).unwrap();
            let pairs = ["shift_targets", "scale_embeddings", "embedding_init"];
            let others = ["query_key", "fault", "forget_bias", "gate_cutoff", "diagonal_gates"];
            for name in others.into_iter().chain(pairs) {
                assert_eq!(file["model"].get(name), None, "{} {name}", stage.name);
            }
            assert_eq!(file["task"].get("curriculum"), None, "{}", stage.name);
        }
    }

    #[test]
    fn presets_are_within_the_ranges() {
        for stage in STAGES {
            let config = stage.config(65, 1);
            for h in HYPERPARAMETERS.iter().filter(|h| h.applies(&config)) {
                assert_eq!(h.check(h.get(&config)), Ok(()), "{} {}", stage.name, h.name);
            }
        }
    }

    #[test]
    fn values_out_of_range_are_refused_in_one_line() {
        let lr = named("lr");
        for text in ["-1", "NaN", "inf", "-inf", "0", "11", "fast", ""] {
            let error = Value::parse(lr, text).unwrap_err().to_string();
            assert!(error.starts_with("lr must be a number from 1e-9 to 10 (found"), "{error}");
        }
        let error = Value::parse(named("norm"), "layer").unwrap_err().to_string();
        assert_eq!(error, "norm must be one of none, pre, post (found layer)");
        assert!(Value::parse(named("dropout"), "1").is_err());
        assert!(Value::parse(named("batch_size"), "0").is_err());
        assert!(Value::parse(named("batch_size"), "3.5").is_err());
        assert!(Value::parse(named("causal"), "perhaps").is_err());
    }

    #[test]
    fn choices_take_dashes_and_underscores() {
        let scale = named("attention_scale");
        assert_eq!(Value::parse(scale, "head-size"), Ok(Value::Choice("head_size")));
        assert_eq!(Value::parse(scale, "n_embd"), Ok(Value::Choice("n_embd")));
        assert_eq!(Value::parse(named("residual"), "off"), Ok(Value::Switch(false)));
    }

    #[test]
    fn a_switch_goes_over_either_way() {
        let causal = named("causal");
        for (on, up) in [(true, true), (true, false), (false, true), (false, false)] {
            assert_eq!(causal.nudge(Value::Switch(on), up), Value::Switch(!on));
        }
    }

    #[test]
    fn numbers_are_nudged_along_a_ladder() {
        let lr = named("lr");
        let mut value = Value::Number(1e-3);
        let mut seen = Vec::new();
        for _ in 0..4 {
            value = lr.nudge(value, true);
            seen.push(value.to_string());
        }
        assert_eq!(seen, ["3e-3", "0.01", "0.03", "0.1"]);
        assert_eq!(lr.nudge(Value::Number(2e-3), false), Value::Number(1e-3));
        assert_eq!(lr.nudge(Value::Number(10.0), true), Value::Number(10.0));
        let dropout = named("dropout");
        assert_eq!(dropout.nudge(Value::Number(0.2), true), Value::Number(0.25));
        assert_eq!(dropout.nudge(Value::Number(0.0), false), Value::Number(0.0));
        assert_eq!(named("weight_decay").nudge(Value::Number(1e-6), false), Value::Number(0.0));
        assert_eq!(named("batch_size").nudge(Value::Count(32), true), Value::Count(64));
        assert_eq!(named("n_layer").nudge(Value::Count(1), true), Value::Count(2));
    }

    #[test]
    fn numbers_are_shown_short() {
        let shown =
            [1e-3, 3e-4, 0.01, 0.2, 0.0, 0.999, 10.0, 2.5e-5].map(|x| Value::Number(x).to_string());
        assert_eq!(shown, ["1e-3", "3e-4", "0.01", "0.2", "0", "0.999", "10", "2.5e-5"]);
    }
}
