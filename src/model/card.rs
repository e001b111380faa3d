//! What a model says of itself: what flows where, its maps and tables, what its loss is a loss of.
//!
//! Whoever draws a model reads its card and knows no kind of network. Sizes are those of the configuration; of T and S, the
//! largest.

use std::fmt;

use crate::nn::attention::QueryKey;
use crate::nn::parameters::Registry;

use super::sight::Sight;

/// A model in its own words.
#[derive(Clone, Debug, PartialEq)]
pub struct Card {
    /// With its article, to begin a sentence with: `A VAE`.
    pub name: &'static str,
    pub structure: Structure,
    /// The graph of one forward pass, in the order in which it is computed; a part reads only parts before it.
    pub flow: Vec<Part>,
    /// Who looks at whom, in the order in which the maps are computed.
    pub maps: Vec<Map>,
    pub tables: Vec<Table>,
    pub loss: Loss,
    /// What the loss is split into.
    pub parts: &'static [Figure],
    /// What training moves: names as a checkpoint has them, and shapes.
    pub learned: Vec<(String, Vec<usize>)>,
    /// The groups of parameters that are moved by steps of their own, in [`Model::groups`](super::Model::groups)' order; a model
    /// of one has none.
    pub groups: Vec<&'static str>,
    /// What stands in no checkpoint and is computed anew: positions, masks.
    pub constants: Vec<Constant>,
}

/// What it is and what it has not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Structure {
    /// What it reads: `tokens`, `pixels`, `points`.
    pub reads: &'static str,
    /// Whether those are tokens.
    pub tokens: bool,
    /// Whether what it says at a position may depend on positions after it that it is asked for: its losses are then no
    /// losses of a prediction.
    pub sees_future: bool,
    /// Whether it has one answer for an example, and not one a position.
    pub answers_once: bool,
    /// How a position learns of others, where that is no attention; a clause.
    pub instead_of_attention: Option<&'static str>,
    /// What it has instead of probabilities of a next token; a clause.
    pub instead_of_tokens: Option<&'static str>,
    /// What it has instead of one table of tokens; a clause.
    pub instead_of_table: Option<&'static str>,
}

/// An axis and its size.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Axis {
    /// The field's letter: T, C, V, S.
    pub name: &'static str,
    pub size: usize,
}

/// What a part does, as a box is drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Op {
    /// What goes in.
    Input,
    /// Rows of a table.
    Embedding,
    /// A sum: the residual stream, positions added to tokens.
    Add,
    Norm,
    Attention,
    FeedForward,
    Linear,
    Softmax,
    /// A state that goes from position to position.
    Recurrent,
    Convolution,
    /// Noise comes in.
    Sample,
}

/// What is worth knowing of an activation at a glance.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Glance {
    /// It is an inner one.
    No,
    /// Its size.
    Rms,
    /// How many of its units are 0 at every position.
    Dead,
}

/// A step of the forward pass.
#[derive(Clone, Debug, PartialEq)]
pub struct Part {
    /// Unique; where `seen`, the name under which [`super::Inference::visit`] shows its output.
    pub name: String,
    pub seen: bool,
    /// In a box: `multi-head attention`.
    pub title: String,
    pub op: Op,
    /// Of its output.
    pub axes: Vec<Axis>,
    /// Names of activations of the same shape that its output is made from and that are no parts of their own: its gates, and a
    /// state beside it. Together with the output they are what there is to see of a state.
    pub inside: Vec<String>,
    /// Which positions of what it reads its output at one of them is made from, where its output has a row for each.
    pub sight: Sight,
    /// Names of the parts that it reads.
    pub from: Vec<String>,
    pub glance: Glance,
    /// What the names of its parameters begin with; empty where it has none.
    pub weights: String,
    /// Which of the towers it stands in, from the left: an encoder and a decoder are two.
    pub tower: usize,
    /// What it is a part of: `block 1`; empty at the ends.
    pub of: String,
}

/// What stands along a side of a map.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// The tokens that the model reads.
    Prompt,
    /// What the encoder reads.
    Source,
    /// What the decoder has written so far.
    Target,
    /// The last token alone.
    Question,
    /// The tokens before the last.
    Before,
    /// The sentences that end with this token.
    Sentences { end: u32 },
}

impl Side {
    /// The sentences of some tokens, without what ends them; what comes after the last end is none.
    pub fn sentences(tokens: &[u32], end: u32) -> impl Iterator<Item = &[u32]> {
        let whole = tokens.split_inclusive(move |token| *token == end);
        whole.filter_map(move |tokens| tokens.strip_suffix(&[end]))
    }
}

/// Where one position looks at others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Map {
    /// What its activations' names begin with; `.weights` is the softmax, (heads, rows, columns), or (rows, columns) of one
    /// head.
    pub name: String,
    /// The same with a star for the layer: all maps of this sort.
    pub all: String,
    /// Short: `L1`.
    pub sign: String,
    /// Which it is of its sort: `layer 1 of 3`; empty for the only one.
    pub title: String,
    /// Who looks at whom, in a few words.
    pub about: &'static str,
    /// Who asks.
    pub rows: Side,
    /// Who is looked at.
    pub columns: Side,
    /// Whether a row sees no column after its own.
    pub causal: bool,
    pub heads: usize,
    /// Numbers in a query or key; 0 where the weights alone can be seen, and not what they come from.
    pub head_size: usize,
    /// Products are divided by the square root of it; `None`: they are not scaled.
    pub divisor: Option<usize>,
    /// What the keys are: made by a weight of their own, the queries once more, or what the layer reads.
    pub query_key: QueryKey,
}

/// What the rows of a table are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rows {
    Tokens,
    Positions,
}

/// What the columns of a table are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Columns {
    Channels,
    /// Logits of the token that comes next.
    Next,
}

/// A table of embeddings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Table {
    /// The name of the parameter; of a table that is recomputed, of the activation that holds the rows of the prompt.
    pub name: String,
    pub learned: bool,
    pub rows: Rows,
    pub columns: Columns,
    /// Whose tokens, where there are two sorts: ` of the target`.
    pub of: &'static str,
}

/// In what a figure is measured, and so how it is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    Nats,
    /// A number without a unit.
    Plain,
    /// From 0 to 1, written in percent.
    Share,
    /// A whole number, of so many where that is known.
    Count(Option<u32>),
    /// Yes, 1, or no, 0.
    Verdict,
}

/// Which way is up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Better {
    Lower,
    Higher,
    /// It says how things stand, not how good they are.
    Neither,
}

/// What the loss is a loss of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Loss {
    /// `cross-entropy of the next token`
    pub of: &'static str,
    pub unit: Unit,
    pub better: Better,
}

/// A number that is measured beside the loss.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Figure {
    /// As events and files have it: `exact_match`.
    pub name: &'static str,
    pub unit: Unit,
    pub better: Better,
}

/// What is computed anew wherever a model is opened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Constant {
    pub name: &'static str,
    pub axes: Vec<Axis>,
    /// How it comes about.
    pub what: &'static str,
}

impl Loss {
    /// Of the next token, or of an answer's tokens.
    pub const CROSS_ENTROPY: Self =
        Self { of: "cross-entropy of the next token", unit: Unit::Nats, better: Better::Lower };
}

impl Structure {
    /// A model of tokens that predicts the next one at every position.
    pub const PREDICTS: Self = Self {
        reads: "tokens",
        tokens: true,
        sees_future: false,
        answers_once: false,
        instead_of_attention: None,
        instead_of_tokens: None,
        instead_of_table: None,
    };
}

impl Table {
    /// The learned table of the tokens that are read and predicted.
    pub fn of_tokens(name: &str) -> Self {
        let (rows, columns) = (Rows::Tokens, Columns::Channels);
        Self { name: name.to_owned(), learned: true, rows, columns, of: "" }
    }
}

impl Unit {
    /// What stands on an axis; empty where there is nothing to say.
    pub fn name(self) -> &'static str {
        match self {
            Self::Nats => "nats",
            Self::Share => "%",
            Self::Plain | Self::Count(_) | Self::Verdict => "",
        }
    }

    /// A value as a learner reads it: `2.4801`, `83.1 %`, `8 of 8`, `yes`.
    pub fn write(self, value: f64) -> String {
        match self {
            _ if !value.is_finite() => "not finite".to_owned(),
            Self::Nats | Self::Plain => format!("{value:.4}"),
            Self::Share => format!("{:.1} %", 100.0 * value),
            Self::Count(of) if value.fract() != 0.0 => match of {
                Some(of) => format!("{value:.1} of {of}"),
                None => format!("{value:.1}"),
            },
            Self::Count(Some(of)) => format!("{value:.0} of {of}"),
            Self::Count(None) => format!("{value:.0}"),
            Self::Verdict => (if value == 0.0 { "no" } else { "yes" }).to_owned(),
        }
    }
}

impl Part {
    /// A part of the first tower that is at the ends and has no weights; what differs is put over it.
    pub fn new(name: impl Into<String>, title: impl Into<String>, op: Op, axes: &[Axis]) -> Self {
        Self {
            name: name.into(),
            seen: true,
            title: title.into(),
            op,
            axes: axes.to_vec(),
            inside: Vec::new(),
            sight: Sight::Own,
            from: Vec::new(),
            glance: Glance::No,
            weights: String::new(),
            tower: 0,
            of: String::new(),
        }
    }

    #[must_use]
    pub fn reads(mut self, from: &[&str]) -> Self {
        self.from = from.iter().map(|name| (*name).to_owned()).collect();
        self
    }

    #[must_use]
    pub fn inside(self, inside: Vec<String>) -> Self {
        Self { inside, ..self }
    }

    #[must_use]
    pub fn sees(self, sight: Sight) -> Self {
        Self { sight, ..self }
    }

    /// Worth a glance.
    #[must_use]
    pub fn glance(self, glance: Glance) -> Self {
        Self { glance, ..self }
    }

    /// Its output is not shown by `visit`.
    #[must_use]
    pub fn unseen(self) -> Self {
        Self { seen: false, ..self }
    }

    #[must_use]
    pub fn weights(self, prefix: impl Into<String>) -> Self {
        Self { weights: prefix.into(), ..self }
    }

    #[must_use]
    pub fn in_tower(self, tower: usize) -> Self {
        Self { tower, ..self }
    }

    #[must_use]
    pub fn of(self, whole: impl Into<String>) -> Self {
        Self { of: whole.into(), ..self }
    }
}

/// `T 8`
impl fmt::Display for Axis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.name, self.size)
    }
}

/// What is appended to a state's name where the gradient that reaches it is shown, (T): ‖d loss / d h_t‖.
pub const GRADIENT_NORM: &str = ".gradient_norm";

impl Card {
    /// The states that go from position to position, from the first layer to the last; what another of them holds inside is
    /// shown with that one.
    pub fn states(&self) -> Vec<&Part> {
        let recurrent = || self.flow.iter().filter(|part| part.op == Op::Recurrent);
        let within = |name: &String| recurrent().any(|part| part.inside.contains(name));
        recurrent().filter(|part| !within(&part.name)).collect()
    }

    /// Where positions see others, from the first layer to the last; each reads what the one before it has made.
    pub fn levels(&self) -> Vec<&Part> {
        self.flow.iter().filter(|part| part.sight != Sight::Own).collect()
    }

    /// What has gates inside, pass after pass over all positions at once.
    pub fn passes(&self) -> Vec<&Part> {
        let gated = |part: &&Part| part.op == Op::Convolution && !part.inside.is_empty();
        self.flow.iter().filter(gated).collect()
    }

    pub fn part(&self, name: &str) -> Option<&Part> {
        self.flow.iter().find(|part| part.name == name)
    }

    /// The first table of these rows.
    pub fn table(&self, rows: Rows) -> Option<&Table> {
        self.tables.iter().find(|table| table.rows == rows)
    }

    /// The activation that holds the logits of tokens, if there are such.
    pub fn logits(&self) -> Option<&str> {
        let softmax = self.flow.iter().find(|part| part.op == Op::Softmax)?;
        softmax.from.first().map(String::as_str).filter(|_| self.structure.tokens)
    }

    /// The activation that holds the token ids which a decoder has read.
    pub fn target(&self) -> Option<&str> {
        let input = self.flow.iter().find(|part| part.op == Op::Input && part.seen)?;
        Some(input.name.as_str()).filter(|_| self.structure.tokens)
    }

    /// Learned numbers under a part's name, or of the whole model under the empty one.
    pub fn numbers(&self, prefix: &str) -> usize {
        let under = |name: &str| {
            name.strip_prefix(prefix).is_some_and(|rest| {
                prefix.is_empty()
                    || prefix.ends_with('.')
                    || rest.is_empty()
                    || rest.starts_with('.')
            })
        };
        let of = self.learned.iter().filter(|(name, _)| under(name));
        of.map(|(_, shape)| shape.iter().product::<usize>()).sum()
    }
}

/// What a registry says is learned.
pub fn learned(registry: &Registry) -> Vec<(String, Vec<usize>)> {
    registry.parameters().iter().map(|p| (p.name.clone(), p.shape.clone())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_written_in_its_unit() {
        for (unit, value, text) in [
            (Unit::Nats, 2.480_06, "2.4801"),
            (Unit::Plain, 0.0, "0.0000"),
            (Unit::Share, 0.8312, "83.1 %"),
            (Unit::Count(Some(8)), 8.0, "8 of 8"),
            (Unit::Count(Some(8)), 7.5, "7.5 of 8"),
            (Unit::Count(None), 3.0, "3"),
            (Unit::Verdict, 1.0, "yes"),
            (Unit::Verdict, 0.0, "no"),
            (Unit::Nats, f64::NAN, "not finite"),
        ] {
            assert_eq!(unit.write(value), text);
        }
    }
}
