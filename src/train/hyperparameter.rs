//! One table of every hyperparameter: it feeds the command line's options, the lab's pane and the checks of both.

use super::config::Config;

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

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Value {
    Number(f64),
    Count(u64),
    Choice(&'static str),
    Switch(bool),
}

/// One hyperparameter: its name is the field's term and its key in files; the option is the same with dashes.
#[derive(Clone, Copy, Debug)]
pub struct Hyperparameter {
    pub name: &'static str,
    pub doc: &'static str,
    pub takes: Takes,
    pub range: Range,
    get: fn(&Config) -> Value,
    set: fn(&mut Config, Value),
}
