//! A number that may be asked for its origin, and what it is called.

use crate::lab::facts::Facts;
use crate::model::Card;
use crate::model::card::{Map, Op, Part, Side};

/// One number of the model, by the place where it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Number {
    /// Of an activation, by a name that the card has or implies.
    Activation { name: String, at: Vec<usize> },
    /// Of what is learned.
    Parameter { name: String, at: Vec<usize> },
    /// What softmax makes of a cell of a learned table's row.
    Share { table: String, row: usize, column: usize },
    /// The length of a table's row.
    Length { table: String, learned: bool, row: usize },
    /// Everything that may come after a row of the logits.
    Chances { row: usize },
    /// What a token is drawn with after a row of the logits.
    Chance { row: usize, token: u32 },
    /// -ln of the probability of the token that does come.
    Loss { row: usize, token: u32 },
}

impl Number {
    pub fn activation(name: impl Into<String>, at: &[usize]) -> Self {
        Self::Activation { name: name.into(), at: at.to_vec() }
    }

    pub fn parameter(name: impl Into<String>, at: &[usize]) -> Self {
        Self::Parameter { name: name.into(), at: at.to_vec() }
    }
}

/// What an activation is a piece of.
pub enum Piece<'a> {
    /// `.weights`, `.query` … of a map, without the dot.
    Map(&'a Map, &'a str),
    /// `.hidden` or `.activated` of a feed-forward, without the dot.
    Inner(&'a Part, &'a str),
    Part(&'a Part),
}

/// Inside a feed-forward: before the bend and after it.
pub const HIDDEN: &str = ".hidden";
pub const ACTIVATED: &str = ".activated";

impl<'a> Piece<'a> {
    pub fn of(card: &'a Card, name: &'a str) -> Option<Self> {
        let of_map =
            |map: &'a Map| Some(Self::Map(map, name.strip_prefix(&map.name)?.strip_prefix('.')?));
        if let Some(piece) = card.maps.iter().find_map(of_map) {
            return Some(piece);
        }
        let of_inner = |part: &'a Part| {
            let inner = name.strip_prefix(&part.name)?;
            (part.op == Op::FeedForward && [HIDDEN, ACTIVATED].contains(&inner))
                .then(|| Self::Inner(part, &inner[1..]))
        };
        let inner = card.flow.iter().find_map(of_inner);
        inner.or_else(|| card.part(name).map(Self::Part))
    }
}

/// The token ids along a side.
pub fn tokens(facts: &Facts, side: Side) -> Vec<u32> {
    let Some(snapshot) = facts.snapshot else { return Vec::new() };
    match side {
        Side::Prompt | Side::Before | Side::Sentences { .. } => snapshot.prompt.clone(),
        Side::Question => snapshot.prompt.last().copied().into_iter().collect(),
        Side::Source => snapshot.source.clone(),
        Side::Target => {
            let name = facts.card().and_then(Card::target);
            let ids = name.and_then(|name| snapshot.activation(name));
            ids.map_or_else(Vec::new, |ids| ids.values.iter().map(|id| *id as u32).collect())
        }
    }
}

/// Which tokens stand along a part's positions.
pub fn side(card: &Card, part: &Part) -> Side {
    match part.axes.first().map(|axis| axis.name) {
        Some("S") => Side::Source,
        _ if card.target().is_some() => Side::Target,
        _ => Side::Prompt,
    }
}

/// `g (8)`
fn position(facts: &Facts, side: Side, at: usize) -> String {
    let tokens = tokens(facts, side);
    if let Side::Sentences { end } = side {
        let sentence = Side::sentences(&tokens, end).nth(at).unwrap_or_default();
        let words: Vec<_> = sentence.iter().map(|token| facts.label(*token)).collect();
        return format!("{} ({})", words.join(" "), at + 1);
    }
    let token = tokens.get(at).copied();
    let label = token.map(|token| match side {
        Side::Source => facts.source_label(token),
        _ => facts.label(token),
    });
    format!("{} ({})", label.unwrap_or_default(), at + 1)
}

/// The end of a name that still tells which it is: `query.weight`.
pub fn short_name(name: &str) -> &str {
    let dots: Vec<_> = name.rmatch_indices('.').map(|(at, _)| at).collect();
    let last = |at: &usize| &name[at + 1..];
    match dots.as_slice() {
        // `net.0.weight` without its number would be any.
        [first, second, third, ..] if name[second + 1..*first].chars().all(char::is_numeric) => {
            last(third)
        }
        [_, second, ..] => last(second),
        _ => name,
    }
}

/// After which position of the prompt a row of the logits speaks.
fn after(facts: &Facts, row: usize) -> String {
    let Some(card) = facts.card() else { return String::new() };
    if card.structure.answers_once {
        let last = tokens(facts, Side::Prompt).len().saturating_sub(1);
        return position(facts, Side::Prompt, last);
    }
    let side = if card.target().is_some() { Side::Target } else { Side::Prompt };
    position(facts, side, row)
}

/// The token that does come after a row of the logits, where that is known.
pub fn came(facts: &Facts, row: usize) -> Option<u32> {
    let (snapshot, card) = (facts.snapshot?, facts.card()?);
    let task = facts.task();
    let prompt = task.real(&snapshot.prompt);
    let first = if card.structure.answers_once { prompt.len().checked_sub(1)? } else { 0 };
    task.asked(prompt, row + first)
}

impl Number {
    /// What stands in the path: `weight`, `q[3]`.
    pub fn short(&self, facts: &Facts) -> String {
        let list = |at: &[usize]| at.iter().map(usize::to_string).collect::<Vec<_>>().join(",");
        match self {
            Self::Activation { name, at } => {
                let piece = facts.card().and_then(|card| Piece::of(card, name));
                let last = at.last().copied().unwrap_or(0);
                match piece {
                    Some(Piece::Map(_, "weights")) => "weight".to_owned(),
                    Some(Piece::Map(_, "masked")) => "masked score".to_owned(),
                    Some(Piece::Map(_, "scores")) => "score".to_owned(),
                    Some(Piece::Map(_, "products")) => "q·k".to_owned(),
                    Some(Piece::Map(_, "query")) => format!("q[{last}]"),
                    Some(Piece::Map(_, "key")) => format!("k[{last}]"),
                    Some(Piece::Map(_, "value")) => format!("v[{last}]"),
                    _ => format!("{}[{}]", short_name(name), list(at)),
                }
            }
            Self::Parameter { name, at } => format!("{}[{}]", short_name(name), list(at)),
            Self::Share { .. } | Self::Chance { .. } => "p".to_owned(),
            Self::Length { .. } => "length".to_owned(),
            Self::Chances { .. } => "next".to_owned(),
            Self::Loss { .. } => "loss".to_owned(),
        }
    }

    /// What it is, in full.
    pub fn title(&self, facts: &Facts) -> String {
        match self {
            Self::Activation { name, at } => activation(facts, name, at),
            Self::Parameter { name, at } => match at.as_slice() {
                [row, column] => {
                    format!("{name}, row {}{}, column {column}", row, of_table(facts, name, *row))
                }
                [at] => format!("{name}, number {at}"),
                _ => name.clone(),
            },
            Self::Share { table, row, column } => {
                let [row, column] = [*row, *column].map(|token| facts.label(token as u32));
                format!("p({column} after {row}), softmax of a row of {table}")
            }
            Self::Length { table, row, .. } => {
                format!("length of row {row}{} of {table}", of_table(facts, table, *row))
            }
            Self::Chances { row } => format!("what may come after {}", after(facts, *row)),
            Self::Chance { row, token } => {
                format!("p({} after {})", facts.label(*token), after(facts, *row))
            }
            Self::Loss { row, token } => {
                format!("loss after {}: {} came", after(facts, *row), facts.label(*token))
            }
        }
    }

    /// What sets it apart in a row of numbers of the same name.
    pub fn place(&self, facts: &Facts) -> String {
        match self {
            Self::Activation { name, at } => {
                let card = facts.card();
                let last = at.last().copied().unwrap_or(0);
                match card.and_then(|card| Piece::of(card, name)) {
                    Some(Piece::Map(map, "weights" | "masked" | "scores" | "products")) => {
                        format!("key {}", position(facts, map.columns, last))
                    }
                    Some(Piece::Part(part)) if is_vocabulary(part) => facts.label(last as u32),
                    _ => format!("channel {last}"),
                }
            }
            Self::Parameter { name, at } => match (at.as_slice(), predicts(facts, name)) {
                ([_, column], true) => facts.label(*column as u32),
                ([.., last], _) => format!("channel {last}"),
                _ => String::new(),
            },
            Self::Chance { token, .. } => facts.label(*token),
            _ => self.short(facts),
        }
    }
}

/// Whether the last axis is the vocabulary.
fn is_vocabulary(part: &Part) -> bool {
    part.axes.last().is_some_and(|axis| axis.name == "V")
}

/// Whether a table's columns are tokens that come next.
fn predicts(facts: &Facts, table: &str) -> bool {
    use crate::model::card::Columns;
    let tables = facts.card().map_or(&[][..], |card| &card.tables);
    tables.iter().any(|known| known.name == table && known.columns == Columns::Next)
}

/// ` (␣)`: the token whose row of a table this is, where it is a table of tokens.
fn of_table(facts: &Facts, table: &str, row: usize) -> String {
    use crate::model::card::Rows;
    let tables = facts.card().map_or(&[][..], |card| &card.tables);
    let known = tables.iter().find(|known| known.name == table && known.rows == Rows::Tokens);
    known.map_or_else(String::new, |known| {
        let of_source = known.of.contains("source");
        let label =
            if of_source { facts.source_label(row as u32) } else { facts.label(row as u32) };
        format!(" ({label})")
    })
}

fn activation(facts: &Facts, name: &str, at: &[usize]) -> String {
    let Some(card) = facts.card() else { return name.to_owned() };
    match (Piece::of(card, name), at) {
        (Some(Piece::Map(map, part)), &[head, row, last]) => {
            // The only map of its sort needs no name, and a map's only head no number.
            let mut which = Vec::new();
            which.extend((!map.title.is_empty()).then(|| map.sign.clone()));
            which.extend((map.heads > 1).then(|| format!("head {}", head + 1)));
            let mut head = which.join(" ");
            head.push_str(if head.is_empty() { "" } else { ", " });
            let (query, key) =
                (|| position(facts, map.rows, row), |at| position(facts, map.columns, at));
            match part {
                "query" => format!("q of {head}query {}, channel {last}", query()),
                "key" => format!("k of {head}key {}, channel {last}", key(row)),
                "value" => format!("v of {head}key {}, channel {last}", key(row)),
                _ => {
                    let word = match part {
                        "weights" => "weight",
                        "masked" => "masked score",
                        "scores" => "score",
                        "products" => "q·k",
                        other => other,
                    };
                    format!("{word} of {head}query {}, key {}", query(), key(last))
                }
            }
        }
        (Some(Piece::Map(map, part)), &[row, channel]) => {
            format!("{}.{part} at {}, channel {channel}", map.name, position(facts, map.rows, row))
        }
        (Some(Piece::Inner(part, _)), &[row, channel]) => {
            format!("{name} at {}, unit {channel}", position(facts, side(card, part), row))
        }
        (Some(Piece::Part(part)), &[row, last]) if is_vocabulary(part) => {
            format!("{name} of {} after {}", facts.label(last as u32), after(facts, row))
        }
        (Some(Piece::Part(part)), &[row, channel]) => {
            let title =
                Some(&part.title).filter(|title| title.chars().count() > 1 && **title != name);
            let title = title.map_or_else(String::new, |title| format!(" ({title})"));
            format!(
                "{name}{title} at {}, channel {channel}",
                position(facts, side(card, part), row)
            )
        }
        _ => name.to_owned(),
    }
}

/// Whether the place is still there: positions go with the prompt. What the snapshot does not hold may yet come.
pub fn exists(facts: &Facts, number: &Number) -> bool {
    let (Some(snapshot), Some(card)) = (facts.snapshot, facts.card()) else { return false };
    let inside = |at: &[usize], shape: &[usize]| {
        // One head's map may be stored without the axis of heads.
        let at = if at.len() > shape.len() { &at[at.len() - shape.len()..] } else { at };
        at.iter().zip(shape).all(|(at, size)| at < size)
    };
    match number {
        Number::Activation { name, at } => {
            let known = Piece::of(card, name).is_some();
            known && snapshot.activation(name).is_none_or(|tensor| inside(at, &tensor.shape))
        }
        Number::Parameter { name, at } => {
            card.learned.iter().any(|(known, shape)| known == name && inside(at, shape))
        }
        Number::Share { table, .. } | Number::Length { table, .. } => {
            card.tables.iter().any(|known| known.name == *table)
        }
        Number::Chances { row } | Number::Chance { row, .. } | Number::Loss { row, .. } => {
            let logits = card.logits().and_then(|logits| snapshot.activation(logits));
            logits.is_some_and(|logits| logits.shape.first().is_some_and(|rows| row < rows))
        }
    }
}
