//! From what a number is computed, read off the model's card alone: which numbers, and in which way. No kind of model is
//! known here; where a card does not tell, that is said in its own words.

use super::number::{ACTIVATED, HIDDEN, Number, Piece, side, tokens};
use crate::lab::facts::Facts;
use crate::model::Card;
use crate::model::card::{Map, Op, Part, Side};
use crate::model::config::{Activation, QueryKey};
use crate::model::sampling::Sampling;

/// How a number comes about.
#[derive(Clone, Debug, PartialEq)]
pub enum Rule {
    /// It is learned: nothing is before it.
    Learned,
    /// In words: what it is computed from cannot be had, or the card does not say it.
    Words(String),
    /// It is this number.
    Same(Number),
    Sum(Vec<Number>),
    /// The sum of the products of the pairs, and what is added to it.
    Products {
        pairs: Vec<(Number, Number)>,
        plus: Option<Number>,
    },
    /// Divided by the square root of it; `None`: not at all.
    Scaled(Number, Option<usize>),
    /// The score, or -∞ where a key comes after the query.
    Masked {
        score: Number,
        hidden: bool,
    },
    /// e^x of one of a row, over the sum of all.
    Softmax {
        row: Vec<Number>,
        at: usize,
    },
    /// A row brought to mean 0 and variance 1, times the gain, plus the shift.
    Norm {
        row: Vec<Number>,
        at: usize,
        gain: Number,
        shift: Number,
    },
    Bend(Number, Activation),
    /// The root of the sum of squares.
    Length(Vec<Number>),
    /// The sum of all that may come: 1.
    Whole(Vec<Number>),
    /// Softmax of logits over the temperature, of those that are kept.
    Drawn {
        row: Vec<Number>,
        token: u32,
        sampling: Sampling,
    },
    /// -ln of it.
    Surprise(Number),
}

/// How a number comes about.
pub fn rule(facts: &Facts, number: &Number) -> Rule {
    let Some(card) = facts.card() else {
        return Rule::Words("The model is not open yet.".to_owned());
    };
    match number {
        Number::Activation { name, at } => {
            of_activation(facts, card, name, at).unwrap_or_else(|| words(card, name))
        }
        Number::Parameter { .. } => Rule::Learned,
        Number::Share { table, row, column } => {
            let columns = learned(card, table).and_then(|shape| shape.last().copied()).unwrap_or(1);
            let row = (0..columns).map(|at| Number::parameter(table, &[*row, at])).collect();
            Rule::Softmax { row, at: *column }
        }
        Number::Length { table, learned: true, row } => {
            let columns = learned(card, table).and_then(|shape| shape.last().copied()).unwrap_or(0);
            Rule::Length((0..columns).map(|at| Number::parameter(table, &[*row, at])).collect())
        }
        Number::Length { table, learned: false, row } => {
            let columns =
                card.part(table).and_then(|part| part.axes.last()).map_or(0, |axis| axis.size);
            Rule::Length((0..columns).map(|at| Number::activation(table, &[*row, at])).collect())
        }
        Number::Chances { row } => {
            let tokens = vocabulary(card);
            Rule::Whole(
                (0..tokens as u32).map(|token| Number::Chance { row: *row, token }).collect(),
            )
        }
        Number::Chance { row, token } => match card.logits() {
            Some(logits) => {
                let row = (0..vocabulary(card)).map(|at| Number::activation(logits, &[*row, at]));
                Rule::Drawn { row: row.collect(), token: *token, sampling: facts.sampling }
            }
            None => Rule::Words("The model has no logits of tokens.".to_owned()),
        },
        Number::Loss { row, token } => {
            let softmax = card.flow.iter().find(|part| part.op == Op::Softmax);
            match softmax {
                Some(part) => {
                    Rule::Surprise(Number::activation(&*part.name, &[*row, *token as usize]))
                }
                None => Rule::Words("The model has no probabilities of tokens.".to_owned()),
            }
        }
    }
}

/// Sizes of what is learned under this name.
pub fn learned<'a>(card: &'a Card, name: &str) -> Option<&'a [usize]> {
    card.learned.iter().find(|(known, _)| known == name).map(|(_, shape)| shape.as_slice())
}

fn vocabulary(card: &Card) -> usize {
    let part = card.logits().and_then(|logits| card.part(logits));
    part.and_then(|part| part.axes.last()).map_or(0, |axis| axis.size)
}

fn width(card: &Card, name: &str) -> Option<usize> {
    card.part(name)?.axes.last().map(|axis| axis.size)
}

fn of_activation(facts: &Facts, card: &Card, name: &str, at: &[usize]) -> Option<Rule> {
    match (Piece::of(card, name)?, at) {
        (Piece::Map(map, part), at) => of_map(facts, card, map, part, at),
        (Piece::Inner(part, inner), &[row, unit]) => of_inner(facts, card, part, inner, row, unit),
        (Piece::Part(part), &[row, column]) => of_part(facts, card, part, row, column),
        _ => None,
    }
}

/// y = x·W + b: one number of it.
fn linear(card: &Card, from: &str, row: usize, layer: &str, out: usize) -> Option<Rule> {
    let &[_, inputs] = learned(card, &format!("{layer}weight"))? else { return None };
    let weight = format!("{layer}weight");
    let bias = format!("{layer}bias");
    let pair = |at| (Number::activation(from, &[row, at]), Number::parameter(&*weight, &[out, at]));
    let plus = learned(card, &bias).is_some().then(|| Number::parameter(&*bias, &[out]));
    Some(Rule::Products { pairs: (0..inputs).map(pair).collect(), plus })
}

/// Columns of a head's row of scores.
fn columns(facts: &Facts, map: &Map, row: usize) -> usize {
    let weights = format!("{}.weights", map.name);
    let tensor = facts.snapshot.and_then(|snapshot| snapshot.activation(&weights));
    let all = tensor.and_then(|tensor| tensor.shape.last().copied()).unwrap_or(row + 1);
    if map.causal { all.min(row + 1) } else { all }
}

fn of_map(facts: &Facts, card: &Card, map: &Map, part: &str, at: &[usize]) -> Option<Rule> {
    // Where the weights alone can be seen, the card has not what they come from.
    if map.head_size == 0 {
        return None;
    }
    let attention = card.part(&map.name)?;
    let piece = |part: &str| format!("{}.{part}", map.name);
    let hs = map.head_size;
    if let ("out", &[row, column]) = (part, at) {
        let (head, channel) = (column / hs, column % hs);
        let pair = |key| {
            (
                Number::activation(piece("weights"), &[head, row, key]),
                Number::activation(piece("value"), &[head, key, channel]),
            )
        };
        let pairs = (0..columns(facts, map, row)).map(pair).collect();
        return Some(Rule::Products { pairs, plus: None });
    }
    let &[head, row, column] = at else { return None };
    Some(match part {
        "weights" => {
            let masked = |key| Number::activation(piece("masked"), &[head, row, key]);
            // A hidden key is in the row as well if it is the one asked for: e^-∞ = 0.
            let keys = columns(facts, map, row).max(column + 1);
            Rule::Softmax { row: (0..keys).map(masked).collect(), at: column }
        }
        "masked" => Rule::Masked {
            score: Number::activation(piece("scores"), at),
            hidden: (map.causal && column > row) || is_padding(facts, map.columns, column),
        },
        "scores" => Rule::Scaled(Number::activation(piece("products"), at), map.divisor),
        "products" => {
            let pair = |channel| {
                (
                    Number::activation(piece("query"), &[head, row, channel]),
                    Number::activation(piece("key"), &[head, column, channel]),
                )
            };
            Rule::Products { pairs: (0..hs).map(pair).collect(), plus: None }
        }
        "key" if map.query_key == QueryKey::Tied => {
            Rule::Same(Number::activation(piece("query"), at))
        }
        "key" if map.query_key == QueryKey::Merged => {
            Rule::Same(Number::activation(attention.from.last()?, &[row, column]))
        }
        "query" | "key" | "value" => {
            // Keys and values are read from the last that it reads, queries from the first.
            let from =
                if part == "query" { attention.from.first()? } else { attention.from.last()? };
            let layer = format!("{}heads.{head}.{part}.", attention.weights);
            return linear(card, from, row, &layer, column);
        }
        _ => return None,
    })
}

/// Whether an example is only filled up there.
fn is_padding(facts: &Facts, side: Side, at: usize) -> bool {
    let filled = matches!(side, Side::Source | Side::Target);
    filled && tokens(facts, side).get(at) == Some(&crate::model::PAD)
}

fn of_inner(
    facts: &Facts,
    card: &Card,
    part: &Part,
    inner: &str,
    row: usize,
    unit: usize,
) -> Option<Rule> {
    let hidden = format!("{}{HIDDEN}", part.name);
    if inner != &HIDDEN[1..] {
        let bend = facts.run?.config.model.activation;
        return Some(Rule::Bend(Number::activation(hidden, &[row, unit]), bend));
    }
    // What it reads itself, or what the part before its bend reads.
    let activated = card.part(&format!("{}{ACTIVATED}", part.name));
    let from = activated.unwrap_or(part).from.first()?;
    linear(card, from, row, &format!("{}net.0.", part.weights), unit)
}

fn of_part(facts: &Facts, card: &Card, part: &Part, row: usize, column: usize) -> Option<Rule> {
    let first = part.from.first();
    let here = |name: &String| Number::activation(name, &[row, column]);
    Some(match part.op {
        Op::Add if part.from.len() == 1 => Rule::Same(here(first?)),
        // Parts that are added have the shape of their sum.
        Op::Add if part.from.iter().all(|from| width(card, from) == width(card, &part.name)) => {
            Rule::Sum(part.from.iter().map(here).collect())
        }
        Op::Embedding => return of_embedding(facts, card, part, row, column),
        Op::Linear if !part.weights.is_empty() => {
            return linear(card, first?, row, &part.weights, column);
        }
        Op::Norm => {
            let names = ["weight", "bias"].map(|end| format!("{}{end}", part.weights));
            let [gain, shift] =
                names.map(|name| learned(card, &name).map(|_| Number::parameter(name, &[column])));
            let from = first?;
            let row = (0..width(card, from)?).map(|at| Number::activation(from, &[row, at]));
            Rule::Norm { row: row.collect(), at: column, gain: gain?, shift: shift? }
        }
        Op::Softmax => {
            let from = first?;
            let row = (0..width(card, from)?).map(|at| Number::activation(from, &[row, at]));
            Rule::Softmax { row: row.collect(), at: column }
        }
        Op::Attention => {
            let map = card.maps.iter().find(|map| map.name == part.name && map.head_size > 0)?;
            let heads = format!("{}.out", map.name);
            let projection = linear(card, &heads, row, &format!("{}proj.", part.weights), column);
            projection.unwrap_or_else(|| Rule::Same(Number::activation(&*heads, &[row, column])))
        }
        // The part before the bend, which is drawn by itself.
        Op::FeedForward if part.name.ends_with(ACTIVATED) => return None,
        Op::FeedForward => {
            let activated = format!("{}{ACTIVATED}", part.name);
            let second = linear(card, &activated, row, &format!("{}net.2.", part.weights), column);
            // Without a layer of its own it would be unknown what the bend is of.
            learned(card, &format!("{}net.0.weight", part.weights))?;
            second.unwrap_or_else(|| Rule::Same(Number::activation(&*activated, &[row, column])))
        }
        _ => return None,
    })
}

/// A row of a table: of the token there, or of the position.
fn of_embedding(
    facts: &Facts,
    card: &Card,
    part: &Part,
    row: usize,
    column: usize,
) -> Option<Rule> {
    if part.weights.is_empty() {
        let constant = card.constants.iter().find(|constant| constant.axes == part.axes)?;
        return Some(Rule::Words(format!("Not learned: {}.", constant.what)));
    }
    let of =
        |(name, shape): &&(String, Vec<usize>)| name.starts_with(&part.weights) && shape.len() == 2;
    let (table, _) = card.learned.iter().find(of)?;
    let index = match part.from.first() {
        Some(_) => *tokens(facts, side(card, part)).get(row)? as usize,
        None => row,
    };
    Some(Rule::Same(Number::parameter(table, &[index, column])))
}

/// What the card says of an activation for which there is no formula here.
fn words(card: &Card, name: &str) -> Rule {
    let told = match Piece::of(card, name) {
        Some(Piece::Map(map, _)) => {
            format!("{}, which its card names without the numbers before", map.about)
        }
        Some(Piece::Part(part)) if part.op == Op::Input => "what goes in".to_owned(),
        Some(Piece::Part(part) | Piece::Inner(part, _)) => {
            let title =
                |from: &String| card.part(from).map_or(from.clone(), |part| part.title.clone());
            let from: Vec<_> = part.from.iter().map(title).collect();
            let of = if part.of.is_empty() { String::new() } else { format!(" of {}", part.of) };
            format!("{}{of}, which reads {}", part.title, from.join(" and "))
        }
        None => "an activation that its card does not name".to_owned(),
    };
    Rule::Words(format!("{}: {told}. The card has no formula of single numbers for it.", card.name))
}

impl Rule {
    /// Every number that it is computed from.
    pub fn operands(&self) -> Vec<&Number> {
        match self {
            Self::Learned | Self::Words(_) => Vec::new(),
            Self::Same(of)
            | Self::Scaled(of, _)
            | Self::Masked { score: of, .. }
            | Self::Bend(of, _)
            | Self::Surprise(of) => vec![of],
            Self::Sum(all) | Self::Length(all) | Self::Whole(all) => all.iter().collect(),
            Self::Products { pairs, plus } => {
                pairs.iter().flat_map(|(a, b)| [a, b]).chain(plus).collect()
            }
            Self::Softmax { row, .. } | Self::Drawn { row, .. } => row.iter().collect(),
            Self::Norm { row, gain, shift, .. } => row.iter().chain([gain, shift]).collect(),
        }
    }
}
