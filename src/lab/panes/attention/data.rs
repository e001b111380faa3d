//! What the snapshot holds of one map of attention.

use super::view::View;
use crate::lab::facts::Facts;
use crate::model::card::{Map, Side};
use crate::model::{Card, PAD};
use crate::train::snapshot::Tensor;

/// One map's tensors, as far as they are there. Queries and keys are those of real tokens: what only fills up an example is
/// left out.
#[derive(Clone, Debug)]
pub struct Layer<'a> {
    pub heads: usize,
    /// How the queries and the keys are written.
    pub queries: Vec<String>,
    pub keys: Vec<String>,
    /// Whether a query sees no key after its own.
    causal: bool,
    /// Rows and columns of a head's map as it is stored.
    stored: [usize; 2],
    /// (heads, rows, columns)
    weights: &'a [f32],
    /// (heads, rows, columns)
    products: Option<&'a [f32]>,
    /// (heads, rows, columns)
    scores: Option<&'a [f32]>,
    /// (heads, rows, columns)
    masked: Option<&'a [f32]>,
    /// (heads, rows, hs)
    query: Option<&'a [f32]>,
    /// (heads, columns, hs)
    key: Option<&'a [f32]>,
    /// hs; 0 where neither query nor key is there
    pub head_size: usize,
}

/// One head's map at a stage.
#[derive(Clone, Copy, Debug)]
pub struct Values<'a> {
    map: &'a [f32],
    columns: usize,
    /// Queries and keys to see.
    seen: [usize; 2],
}

impl<'a> Values<'a> {
    pub fn at(&self, query: usize, key: usize) -> Option<f32> {
        let inside = query < self.seen[0] && key < self.seen[1];
        inside.then(|| self.map.get(query * self.columns + key).copied()).flatten()
    }

    pub fn iter(self) -> impl Iterator<Item = f32> + use<'a> {
        let [queries, keys] = self.seen;
        let rows = self.map.chunks(self.columns.max(1)).take(queries);
        rows.flat_map(move |row| row.iter().take(keys).copied())
    }
}

impl<'a> Layer<'a> {
    /// The map's tensors; `None` until its weights are there.
    pub fn of(facts: &Facts<'a>, map: &Map) -> Option<Self> {
        let snapshot = facts.snapshot?;
        let tensor = |part: &str| snapshot.activation(&format!("{}.{part}", map.name));
        let weights = tensor("weights")?;
        let (heads, rows, columns) = match *weights.shape.as_slice() {
            [heads, rows, columns] => (heads, rows, columns),
            [rows, columns] if map.heads == 1 => (1, rows, columns),
            _ => return None,
        };
        let along = |side| {
            let prompt = || labels(&snapshot.prompt, |id| facts.label(id));
            Some(match side {
                Side::Prompt => prompt(),
                Side::Source => {
                    labels(until_padding(&snapshot.source), |id| facts.source_label(id))
                }
                Side::Target => {
                    let ids = snapshot.activation(facts.card().and_then(Card::target)?)?;
                    let ids: Vec<u32> = ids.values.iter().map(|id| *id as u32).collect();
                    labels(until_padding(&ids), |id| facts.label(id))
                }
                Side::Question => vec![prompt().pop()?],
                Side::Sentences { end } => {
                    let all = Side::sentences(&snapshot.prompt, end);
                    all.map(|words| labels(words, |id| facts.label(id)).join(" ")).collect()
                }
                Side::Before => {
                    let mut all = prompt();
                    all.pop()?;
                    all
                }
            })
        };
        let (queries, keys) = (along(map.rows)?, along(map.columns)?);
        // What was kept of another example fits no labels. A made example's sides are filled up.
        let filled = |side| matches!(side, Side::Source | Side::Target);
        let fits = |side, count, labels| {
            if filled(side) { count >= labels } else { count == labels }
        };
        let fits = fits(map.rows, rows, queries.len()) && fits(map.columns, columns, keys.len());
        if heads == 0 || queries.is_empty() || keys.is_empty() || !fits {
            return None;
        }
        let whole = |part: &str| values(tensor(part)?, &[heads, rows, columns]);
        let head_size = map.head_size;
        let vectors = |part: &str, count| values(tensor(part)?, &[heads, count, head_size]);
        Some(Self {
            heads,
            queries,
            keys,
            causal: map.causal,
            stored: [rows, columns],
            weights: (weights.values.len() == heads * rows * columns)
                .then_some(weights.values.as_slice())?,
            products: whole("products"),
            scores: whole("scores"),
            masked: whole("masked"),
            query: vectors("query", rows),
            key: vectors("key", columns),
            head_size,
        })
    }

    /// How many keys a query sees: the first ones.
    pub fn seen(&self, query: usize) -> usize {
        if self.causal { query + 1 } else { self.keys.len() }
    }

    /// One head's map at a stage.
    pub fn map(&self, view: View, head: usize) -> Option<Values<'a>> {
        let all = match view {
            View::Products => self.products?,
            View::Scores => self.scores?,
            View::Masked => self.masked?,
            View::Weights => self.weights,
        };
        let [rows, columns] = self.stored;
        let map = all.get(head * rows * columns..(head + 1) * rows * columns)?;
        Some(Values { map, columns, seen: [self.queries.len(), self.keys.len()] })
    }

    pub fn at(&self, view: View, head: usize, (query, key): (usize, usize)) -> Option<f64> {
        self.map(view, head)?.at(query, key).map(f64::from)
    }

    /// A position's query in a head, hs numbers.
    pub fn query(&self, head: usize, position: usize) -> Option<&'a [f32]> {
        self.vector(self.query?, head * self.stored[0] + position)
    }

    /// A position's key in a head, hs numbers.
    pub fn key(&self, head: usize, position: usize) -> Option<&'a [f32]> {
        self.vector(self.key?, head * self.stored[1] + position)
    }

    fn vector(&self, all: &'a [f32], index: usize) -> Option<&'a [f32]> {
        all.get(index * self.head_size..(index + 1) * self.head_size)
    }
}

fn labels(ids: &[u32], label: impl Fn(u32) -> String) -> Vec<String> {
    ids.iter().map(|&id| label(id)).collect()
}

fn until_padding(ids: &[u32]) -> &[u32] {
    let end = ids.iter().position(|&id| id == PAD).unwrap_or(ids.len());
    &ids[..end]
}

/// The values, if there are as many as the shape says, and it is this one.
fn values<'a>(tensor: &'a Tensor, shape: &[usize]) -> Option<&'a [f32]> {
    let fits = tensor.shape == shape && tensor.values.len() == shape.iter().product::<usize>();
    fits.then_some(tensor.values.as_slice())
}
