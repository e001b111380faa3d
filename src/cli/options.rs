//! The options that the table of hyperparameters generates: `--lr`, `--n-embd`, `--norm` …

use clap::{Arg, ArgMatches, Args, Command, FromArgMatches};

use crate::stage::hyperparameter::{HYPERPARAMETERS, Hyperparameter, Range, Takes, Value};

/// A hyperparameter and the value given for it.
pub type Given = (&'static Hyperparameter, Value);

/// Options for every hyperparameter.
#[derive(Clone, Debug, Default)]
pub struct Hyperparameters(pub Vec<Given>);

/// What is asked of a model, which is no part of it. A plain `state_dict` is of a text in characters.
const OF_THE_TASK: [&str; 7] =
    ["task", "distance", "length", "target", "tokens", "max_words", "facts"];

/// What no plain `state_dict` has: a mistake that was made on purpose. Here the option is that of an instrument.
const OF_OUR_OWN: &str = "fault";

/// Options for those that are part of the model.
#[derive(Clone, Debug, Default)]
pub struct Structure(pub Vec<Given>);

impl Hyperparameters {
    /// Those of one kind.
    pub fn of(&self, takes: Takes) -> Vec<Given> {
        self.0.iter().filter(|(hyperparameter, _)| hyperparameter.takes == takes).copied().collect()
    }
}

fn option(hyperparameter: &'static Hyperparameter) -> Arg {
    let arg = Arg::new(hyperparameter.name)
        .long(hyperparameter.option)
        .alias(hyperparameter.name)
        .help(format!("{} ({})", hyperparameter.doc, hyperparameter.range))
        .allow_negative_numbers(true)
        .hide_possible_values(true)
        .help_heading(match hyperparameter.takes {
            Takes::Live => "Training",
            Takes::Rebuild => "Model",
        })
        .value_parser(move |text: &str| Value::parse(hyperparameter, text));
    match hyperparameter.range {
        Range::Number { .. } => arg.value_name("X"),
        Range::Count { .. } => arg.value_name("N"),
        Range::Choice(_) => arg.value_name("NAME"),
        // `--residual` alone turns it on.
        Range::Switch => arg.value_name("BOOL").num_args(0..=1).default_missing_value("true"),
    }
}

fn augment(command: Command, wanted: impl Fn(&Hyperparameter) -> bool) -> Command {
    let table = HYPERPARAMETERS.iter().filter(|hyperparameter| wanted(hyperparameter));
    command.args(table.map(option))
}

fn collect(matches: &ArgMatches) -> Vec<Given> {
    let given = |h: &'static Hyperparameter| {
        let value = matches.try_get_one::<Value>(h.name).ok().flatten()?;
        Some((h, *value))
    };
    HYPERPARAMETERS.iter().filter_map(given).collect()
}

macro_rules! generated {
    ($kind:ident, $wanted:expr) => {
        impl Args for $kind {
            fn augment_args(command: Command) -> Command {
                augment(command, $wanted)
            }

            fn augment_args_for_update(command: Command) -> Command {
                Self::augment_args(command)
            }
        }

        impl FromArgMatches for $kind {
            fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
                Ok(Self(collect(matches)))
            }

            fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
                self.0 = collect(matches);
                Ok(())
            }
        }
    };
}

generated!(Hyperparameters, |_| true);
generated!(Structure, |hyperparameter| hyperparameter.takes == Takes::Rebuild
    && !OF_THE_TASK.contains(&hyperparameter.name)
    && hyperparameter.name != OF_OUR_OWN);

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Debug, Parser)]
    struct Line {
        #[command(flatten)]
        given: Hyperparameters,
    }

    fn parse(line: &str) -> Result<Vec<String>, String> {
        let line = Line::try_parse_from(format!("x {line}").split_whitespace());
        let line = line.map_err(|error| error.to_string())?;
        Ok(line.given.0.iter().map(|(h, value)| format!("{} {value}", h.name)).collect())
    }

    #[test]
    fn every_hyperparameter_is_an_option() {
        for h in HYPERPARAMETERS {
            let config = crate::stage::STAGES[1].config(65, 1);
            let value = h.get(&config);
            assert_eq!(
                parse(&format!("--{} {value}", h.option)).unwrap(),
                [format!("{} {value}", h.name)]
            );
        }
    }

    #[test]
    fn names_values_and_switches_are_read_with_dashes_or_underscores() {
        assert_eq!(parse("--n_embd 64").unwrap(), ["n_embd 64"]);
        assert_eq!(parse("--attention-scale n-embd").unwrap(), ["attention_scale n_embd"]);
        assert_eq!(parse("--residual --norm pre").unwrap(), ["residual true", "norm pre"]);
        assert_eq!(parse("--causal false").unwrap(), ["causal false"]);
        assert_eq!(parse("").unwrap(), [""; 0]);
    }

    #[test]
    fn what_cannot_be_is_refused_with_the_tables_words() {
        for line in ["--lr -1", "--lr=-1e-3", "--lr NaN", "--lr=-inf"] {
            assert!(
                parse(line).unwrap_err().contains("lr must be a number from 1e-9 to 10"),
                "{line}"
            );
        }
        assert!(parse("--norm layer").unwrap_err().contains("one of none, pre, post"));
        assert!(parse("--learning-rate 1").is_err());
    }
}
