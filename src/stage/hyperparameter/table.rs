//! The table itself: live hyperparameters first, then those that build a new model.

use strum::VariantNames;

use super::{CountNudge, Hyperparameter, Of, Range, Takes, Value};
use crate::model::config::{
    Activation, AttentionScale, EmbeddingInit, Fault, FeedForward, GeneratorLoss, Init, Norm,
    Position, QueryKey, Reduction, Turns,
};
use crate::stage::config::{Config, Decay, Schedule};
use crate::stage::validate::tasks;
use crate::task::{Target, Task};
use crate::text::Tokens;

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
            get: |config| Value::Choice(config.$group.$field.into()),
            set: |config, value| {
                if let Value::Choice(name) = value {
                    config.$group.$field = name.parse().unwrap_or(config.$group.$field);
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
        Self {
            name,
            option,
            doc,
            takes: Takes::Live,
            range,
            count_nudge,
            of: Of::Everyone,
            get,
            set,
        }
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

    /// It means something only to the kinds of networks, and to the tasks, that name it.
    const fn of_some(self) -> Self {
        Self { of: Of::Some, ..self }
    }

    /// It means something only where this is true.
    const fn only(self, applies: fn(&Config) -> bool) -> Self {
        Self { of: Of::Where(applies), ..self }
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
const MOST_STEPS: u64 = 1_000_000_000;

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
    )
    .of_some(),
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
        Range::Choice(Schedule::VARIANTS),
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
        Range::Choice(Decay::VARIANTS),
        &choice!(training.decay),
    ),
    Hyperparameter::live(
        "epsilon",
        "epsilon",
        "added to the root of AdamW's second moment",
        log(0.0, 1.0),
        &number!(training.epsilon),
    )
    .of_some(),
    Hyperparameter::live(
        "label_smoothing",
        "label-smoothing",
        "share of a target's probability that is spread over all tokens",
        fraction(0.05),
        &number!(training.label_smoothing),
    )
    .of_some(),
    Hyperparameter::live(
        "beta",
        "beta",
        "weight of the KL divergence",
        log(0.0, 1000.0),
        &number!(training.beta),
    )
    .of_some(),
    Hyperparameter::live(
        "generator_loss",
        "generator-loss",
        "what the generator minimises",
        Range::Choice(GeneratorLoss::VARIANTS),
        &choice!(training.generator_loss),
    )
    .of_some(),
    Hyperparameter::live(
        "d_steps",
        "d-steps",
        "the discriminator's steps for each of the generator's",
        counted(1, 100),
        &count!(training.d_steps as usize),
    )
    .by(1)
    .of_some(),
    Hyperparameter::live(
        "turns",
        "turns",
        "whether discriminator and generator take turns, or one moves alone",
        Range::Choice(Turns::VARIANTS),
        &choice!(training.turns),
    )
    .of_some(),
    Hyperparameter::live(
        "instance_noise",
        "instance-noise",
        "standard deviation of the noise that the discriminator sees all points through",
        log(0.0, 10.0),
        &number!(training.instance_noise),
    )
    .of_some(),
    Hyperparameter::rebuild(
        "n_embd",
        "n-embd",
        "C, the width of the residual stream",
        counted(1, 2048),
        &count!(model.n_embd as usize),
    )
    .of_some(),
    Hyperparameter::rebuild(
        "n_head",
        "n-head",
        "attention heads in a block; must divide n_embd",
        counted(1, 64),
        &count!(model.n_head as usize),
    )
    .of_some(),
    Hyperparameter::rebuild(
        "n_layer",
        "n-layer",
        "blocks",
        counted(0, 48),
        &count!(model.n_layer as usize),
    )
    .of_some()
    .by(1),
    Hyperparameter::rebuild(
        "block_size",
        "block-size",
        "T, the longest context",
        counted(1, 2048),
        &count!(model.block_size as usize),
    )
    .of_some(),
    Hyperparameter::rebuild(
        "position",
        "position",
        "how a token's place reaches the model",
        Range::Choice(Position::VARIANTS),
        &choice!(model.position),
    )
    .of_some(),
    Hyperparameter::rebuild(
        "attention_scale",
        "attention-scale",
        "what q·k is divided by: the root of head_size, the root of n_embd, or nothing",
        Range::Choice(AttentionScale::VARIANTS),
        &choice!(model.attention_scale),
    )
    .of_some(),
    Hyperparameter::rebuild(
        "query_key",
        "query-key",
        "queries and keys: two weights, one tied for both, or keys that are the inputs (merged, one head)",
        Range::Choice(QueryKey::VARIANTS),
        &choice!(model.query_key),
    )
    .of_some(),
    Hyperparameter::rebuild(
        "causal",
        "causal",
        "whether a query sees only its own and earlier positions",
        Range::Switch,
        &switch!(model.causal),
    )
    .of_some(),
    Hyperparameter::rebuild(
        "projection",
        "projection",
        "whether a linear layer follows the concatenated heads",
        Range::Switch,
        &switch!(model.projection),
    )
    .of_some(),
    Hyperparameter::rebuild(
        "feed_forward",
        "feed-forward",
        "what follows attention: nothing, one layer, or two with four times the width between",
        Range::Choice(FeedForward::VARIANTS),
        &choice!(model.feed_forward),
    )
    .of_some(),
    Hyperparameter::rebuild(
        "activation",
        "activation",
        "the feed-forward's non-linearity",
        Range::Choice(Activation::VARIANTS),
        &choice!(model.activation),
    )
    .of_some(),
    Hyperparameter::rebuild(
        "residual",
        "residual",
        "whether a sublayer's output is added to its input",
        Range::Switch,
        &switch!(model.residual),
    )
    .of_some(),
    Hyperparameter::rebuild(
        "norm",
        "norm",
        "where LayerNorm stands: nowhere, before a sublayer, or after it",
        Range::Choice(Norm::VARIANTS),
        &choice!(model.norm),
    )
    .of_some(),
    Hyperparameter::rebuild(
        "shift_targets",
        "shift-targets",
        "whether the decoder reads its targets a place late; without, it reads what it is asked for, a bug that trains",
        Range::Switch,
        &switch!(model.shift_targets),
    )
    .of_some(),
    Hyperparameter::rebuild(
        "scale_embeddings",
        "scale-embeddings",
        "whether rows of tokens are multiplied by the root of n_embd before positions are added",
        Range::Switch,
        &switch!(model.scale_embeddings),
    )
    .of_some(),
    Hyperparameter::rebuild(
        "embedding_init",
        "embedding-init",
        "how tables of tokens start: N(0, 1/n_embd), N(0, 1) or N(0, 0.02)",
        Range::Choice(EmbeddingInit::VARIANTS),
        &choice!(model.embedding_init),
    )
    .of_some(),
    Hyperparameter::rebuild(
        "final_norm",
        "final-norm",
        "whether a LayerNorm stands before the logits",
        Range::Switch,
        &switch!(model.final_norm),
    )
    .of_some(),
    Hyperparameter::rebuild(
        "fault",
        "fault",
        "a mistake in attention, on purpose, in slow loops over at most 8 positions",
        Range::Choice(Fault::TRAINED),
        &choice!(model.fault),
    )
    .of_some(),
    Hyperparameter::rebuild(
        "init",
        "init",
        "how weights start: PyTorch's defaults, or N(0, 0.02)",
        Range::Choice(Init::VARIANTS),
        &choice!(model.init),
    ),
    Hyperparameter::rebuild(
        "n_hidden",
        "n-hidden",
        "width of hidden layers and states; of an encoder-decoder's feed-forward, where 0 is 4 n_embd",
        counted(0, 4096),
        &count!(model.n_hidden as usize),
    )
    .of_some(),
    Hyperparameter::rebuild(
        "forget_bias",
        "forget-bias",
        "added to the forget gate's bias as it starts; 0 leaves PyTorch's",
        counted(0, 16),
        &count!(model.forget_bias as usize),
    )
    .by(1)
    .of_some(),
    Hyperparameter::rebuild(
        "n_latent",
        "n-latent",
        "numbers in a VAE's latent or in a GAN's noise",
        counted(1, 256),
        &count!(model.n_latent as usize),
    )
    .of_some(),
    Hyperparameter::rebuild(
        "reduction",
        "reduction",
        "a VAE's reconstruction: the sum over an image's pixels, or their mean",
        Range::Choice(Reduction::VARIANTS),
        &choice!(model.reduction),
    )
    .of_some(),
    Hyperparameter::rebuild(
        "kernel",
        "kernel",
        "positions that a convolution sees at once",
        counted(1, 16),
        &count!(model.kernel as usize),
    )
    .by(1)
    .of_some(),
    Hyperparameter::rebuild(
        "hops",
        "hops",
        "how often a memory network reads; passes of a neural GPU, where 0 is one for each position",
        counted(0, 512),
        &count!(model.hops as usize),
    )
    .by(1)
    .of_some(),
    Hyperparameter::rebuild(
        "gate_cutoff",
        "gate-cutoff",
        "whether the gates of a neural GPU can close and open wholly",
        Range::Switch,
        &switch!(model.gate_cutoff),
    )
    .of_some(),
    Hyperparameter::rebuild(
        "diagonal_gates",
        "diagonal-gates",
        "whether two thirds of a neural GPU's units keep a neighbour's state instead of their own",
        Range::Switch,
        &switch!(model.diagonal_gates),
    )
    .of_some(),
    Hyperparameter::rebuild(
        "task",
        "task",
        "what the model learns",
        Range::Choice(Task::VARIANTS),
        &choice!(task.task),
    )
    .only(|c| tasks(c.model.architecture).count() > 1),
    Hyperparameter::rebuild(
        "distance",
        "distance",
        "fillers between the key and the question (recall)",
        counted(1, 1024),
        &count!(task.distance as usize),
    )
    .of_some(),
    Hyperparameter::rebuild(
        "curriculum",
        "curriculum",
        "whether training draws a distance from 1 to distance for each batch (recall)",
        Range::Switch,
        &switch!(task.curriculum),
    )
    .of_some(),
    Hyperparameter::rebuild(
        "facts",
        "facts",
        "sentences that an answer needs (stories)",
        counted(1, 3),
        &count!(task.facts as usize),
    )
    .by(1)
    .of_some(),
    Hyperparameter::rebuild(
        "length",
        "length",
        "the longest string (reverse, sort)",
        counted(1, 64),
        &count!(task.length as usize),
    )
    .by(1)
    .of_some(),
    Hyperparameter::rebuild(
        "tokens",
        "tokens",
        "what a text is cut into",
        Range::Choice(Tokens::VARIANTS),
        &choice!(task.tokens),
    )
    .of_some(),
    Hyperparameter::rebuild(
        "max_words",
        "max-words",
        "the most frequent words that are kept; all others are <unk>",
        counted(2, 65_536),
        &count!(task.max_words as usize),
    )
    .of_some(),
    Hyperparameter::rebuild(
        "target",
        "target",
        "where points come from",
        Range::Choice(Target::VARIANTS),
        &choice!(task.target),
    )
    .of_some(),
];
