//! The table itself: live hyperparameters first, then those that build a new model.

use super::{CountNudge, Hyperparameter, Range, Takes, Value};
use crate::model::config::{Activation, AttentionScale, FeedForward, Init, Norm, Position};
use crate::train::config::{Config, Decay, Schedule};

/// A set of names for the variants of an enum; the same names that serde writes.
trait Named: Copy + PartialEq + 'static {
    const NAMES: &'static [&'static str];
    const VARIANTS: &'static [Self];

    fn name(self) -> &'static str {
        let at = Self::VARIANTS.iter().position(|v| *v == self);
        at.map_or("", |at| Self::NAMES[at])
    }

    fn named(name: &str) -> Option<Self> {
        let at = Self::NAMES.iter().position(|n| *n == name)?;
        Some(Self::VARIANTS[at])
    }
}

macro_rules! named {
    ($($kind:ident { $($name:literal => $variant:ident),+ })+) => {
        $(impl Named for $kind {
            const NAMES: &'static [&'static str] = &[$($name),+];
            const VARIANTS: &'static [Self] = &[$(Self::$variant),+];
        })+
    };
}

named! {
    Schedule { "constant" => Constant, "cosine" => Cosine }
    Decay { "all" => All, "matrices" => Matrices }
    Position { "none" => None, "learned" => Learned, "sinusoidal" => Sinusoidal }
    AttentionScale { "head_size" => HeadSize, "n_embd" => NEmbd, "none" => None }
    FeedForward { "none" => None, "single" => Single, "mlp4" => Mlp4 }
    Activation { "relu" => Relu, "gelu" => Gelu, "gelu_tanh" => GeluTanh }
    Norm { "none" => None, "pre" => Pre, "post" => Post }
    Init { "pytorch" => Pytorch, "normal" => Normal }
}

/// How a value is taken out of a configuration and put into it.
struct Access {
    get: fn(&Config) -> Value,
    set: fn(&mut Config, Value),
}

macro_rules! number {
    ($group:ident.$field:ident) => {
        Access {
            get: |config| Value::Number(config.$group.$field),
            set: |config, value| {
                if let Value::Number(x) = value {
                    config.$group.$field = x;
                }
            },
        }
    };
}

macro_rules! count {
    ($group:ident.$field:ident as $integer:ty) => {
        Access {
            get: |config| Value::Count(config.$group.$field as u64),
            set: |config, value| {
                if let Value::Count(n) = value {
                    config.$group.$field = n as $integer;
                }
            },
        }
    };
}

macro_rules! choice {
    ($group:ident.$field:ident) => {
        Access {
            get: |config| Value::Choice(config.$group.$field.name()),
            set: |config, value| {
                if let Value::Choice(name) = value {
                    config.$group.$field = Named::named(name).unwrap_or(config.$group.$field);
                }
            },
        }
    };
}

macro_rules! switch {
    ($group:ident.$field:ident) => {
        Access {
            get: |config| Value::Switch(config.$group.$field),
            set: |config, value| {
                if let Value::Switch(on) = value {
                    config.$group.$field = on;
                }
            },
        }
    };
}

impl Hyperparameter {
    const fn live(
        name: &'static str,
        option: &'static str,
        doc: &'static str,
        range: Range,
        access: &Access,
    ) -> Self {
        let Access { get, set } = *access;
        let count_nudge = CountNudge::Double;
        Self { name, option, doc, takes: Takes::Live, range, count_nudge, get, set }
    }

    const fn rebuild(
        name: &'static str,
        option: &'static str,
        doc: &'static str,
        range: Range,
        access: &Access,
    ) -> Self {
        Self { takes: Takes::Rebuild, ..Self::live(name, option, doc, range, access) }
    }

    /// A nudge moves it by `step`; without this, counts double and halve.
    const fn by(self, step: u64) -> Self {
        Self { count_nudge: CountNudge::Add(step), ..self }
    }
}

const fn log(min: f64, max: f64) -> Range {
    Range::Number { min, max, open: false, log: true, nudge: 0.0 }
}

/// 0 to below 1.
const fn fraction(nudge: f64) -> Range {
    Range::Number { min: 0.0, max: 1.0, open: true, log: false, nudge }
}

const fn counted(min: u64, max: u64) -> Range {
    Range::Count { min, max }
}

/// No run is longer.
pub(in crate::train) const MOST_STEPS: u64 = 1_000_000_000;

/// Every hyperparameter, in the order in which it is shown.
pub const HYPERPARAMETERS: &[Hyperparameter] = &[
    Hyperparameter::live(
        "lr",
        "lr",
        "learning rate: how far a step goes",
        log(1e-9, 10.0),
        &number!(training.lr),
    ),
    Hyperparameter::live(
        "batch_size",
        "batch-size",
        "B, sequences in a step",
        counted(1, 4096),
        &count!(training.batch_size as usize),
    ),
    Hyperparameter::live(
        "dropout",
        "dropout",
        "probability that a unit is dropped while training",
        fraction(0.05),
        &number!(training.dropout),
    ),
    Hyperparameter::live(
        "weight_decay",
        "weight-decay",
        "AdamW's decay: weights shrink by lr times this in a step",
        log(0.0, 100.0),
        &number!(training.weight_decay),
    ),
    Hyperparameter::live(
        "grad_clip",
        "grad-clip",
        "largest norm the gradient may have; 0 is off",
        log(0.0, 1000.0),
        &number!(training.grad_clip),
    ),
    Hyperparameter::live(
        "beta1",
        "beta1",
        "AdamW's memory of the gradient",
        fraction(0.01),
        &number!(training.beta1),
    ),
    Hyperparameter::live(
        "beta2",
        "beta2",
        "AdamW's memory of the squared gradient",
        fraction(0.001),
        &number!(training.beta2),
    ),
    Hyperparameter::live(
        "schedule",
        "schedule",
        "how the learning rate moves: constant, or warm-up and cosine",
        Range::Choice(Schedule::NAMES),
        &choice!(training.schedule),
    ),
    Hyperparameter::live(
        "warmup_steps",
        "warmup-steps",
        "steps until the learning rate is reached (cosine)",
        counted(0, MOST_STEPS),
        &count!(training.warmup_steps as u64),
    )
    .by(50),
    Hyperparameter::live(
        "min_lr",
        "min-lr",
        "learning rate at the end of the cosine",
        log(0.0, 10.0),
        &number!(training.min_lr),
    ),
    Hyperparameter::live(
        "lr_decay_steps",
        "lr-decay-steps",
        "step at which the cosine has reached min_lr",
        counted(1, MOST_STEPS),
        &count!(training.lr_decay_steps as u64),
    )
    .by(500),
    Hyperparameter::live(
        "decay",
        "decay",
        "what weight_decay shrinks: all parameters (the lecture) or matrices (nanoGPT)",
        Range::Choice(Decay::NAMES),
        &choice!(training.decay),
    ),
    Hyperparameter::rebuild(
        "n_embd",
        "n-embd",
        "C, the width of the residual stream",
        counted(1, 2048),
        &count!(model.n_embd as usize),
    ),
    Hyperparameter::rebuild(
        "n_head",
        "n-head",
        "attention heads in a block; must divide n_embd",
        counted(1, 64),
        &count!(model.n_head as usize),
    ),
    Hyperparameter::rebuild(
        "n_layer",
        "n-layer",
        "blocks",
        counted(0, 48),
        &count!(model.n_layer as usize),
    )
    .by(1),
    Hyperparameter::rebuild(
        "block_size",
        "block-size",
        "T, the longest context",
        counted(1, 2048),
        &count!(model.block_size as usize),
    ),
    Hyperparameter::rebuild(
        "position",
        "position",
        "how a token's place reaches the model",
        Range::Choice(Position::NAMES),
        &choice!(model.position),
    ),
    Hyperparameter::rebuild(
        "attention_scale",
        "attention-scale",
        "what q·k is divided by: the root of head_size, the root of n_embd, or nothing",
        Range::Choice(AttentionScale::NAMES),
        &choice!(model.attention_scale),
    ),
    Hyperparameter::rebuild(
        "causal",
        "causal",
        "whether a query sees only its own and earlier positions",
        Range::Switch,
        &switch!(model.causal),
    ),
    Hyperparameter::rebuild(
        "projection",
        "projection",
        "whether a linear layer follows the concatenated heads",
        Range::Switch,
        &switch!(model.projection),
    ),
    Hyperparameter::rebuild(
        "feed_forward",
        "feed-forward",
        "what follows attention: nothing, one layer, or two with four times the width between",
        Range::Choice(FeedForward::NAMES),
        &choice!(model.feed_forward),
    ),
    Hyperparameter::rebuild(
        "activation",
        "activation",
        "the feed-forward's non-linearity",
        Range::Choice(Activation::NAMES),
        &choice!(model.activation),
    ),
    Hyperparameter::rebuild(
        "residual",
        "residual",
        "whether a sublayer's output is added to its input",
        Range::Switch,
        &switch!(model.residual),
    ),
    Hyperparameter::rebuild(
        "norm",
        "norm",
        "where LayerNorm stands: nowhere, before a sublayer, or after it",
        Range::Choice(Norm::NAMES),
        &choice!(model.norm),
    ),
    Hyperparameter::rebuild(
        "final_norm",
        "final-norm",
        "whether a LayerNorm stands before the logits",
        Range::Switch,
        &switch!(model.final_norm),
    ),
    Hyperparameter::rebuild(
        "init",
        "init",
        "how weights start: PyTorch's defaults, or N(0, 0.02)",
        Range::Choice(Init::NAMES),
        &choice!(model.init),
    ),
];
