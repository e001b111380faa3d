//! A forward pass that goes on from one attention layer as the card's flow says, with queries, keys or values other than the
//! model's own.

use std::collections::{BTreeMap, BTreeSet};

use ndarray::Array2;

use super::{NotMeasured, Subject, surprise};
use crate::math::gemm::{Onto, gemm};
use crate::math::{Real, attention, norm};
use crate::model::Batch;
use crate::model::card::{Card, Map, Op, Part};
use crate::model::config::{Activation, QueryKey};
use crate::nn::layer_norm::EPS;
use crate::nn::parameters::Registry;

/// Queries, keys and values of all examples, (B, heads, T, hs) each.
pub type Heads = [Vec<Real>; 3];

/// What is kept of the model's own pass over a batch: what stands before the layer and is read after it.
pub struct Replay<'a> {
    card: &'a Card,
    registry: &'a Registry,
    weights: &'a [Real],
    bend: Activation,
    map: &'a Map,
    pub batch: Batch,
    /// The model's own.
    pub heads: Heads,
    /// Rows of all examples, (N, width), by the names of parts.
    kept: BTreeMap<String, Array2<Real>>,
    /// The model's own, (N, V).
    pub logits: Array2<Real>,
}

impl<'a> Replay<'a> {
    /// Runs the model on a batch.
    ///
    /// # Errors
    /// If the layer is none that reads its own sequence, or shows no queries, keys and values.
    pub fn new(subject: &mut Subject<'a>, map: &'a Map, batch: Batch) -> Result<Self, NotMeasured> {
        let (card, name) = (subject.card, surprise::logits(subject)?);
        let after = after(card, map);
        let read: BTreeSet<&str> =
            after.iter().flat_map(|part| &part.from).map(String::as_str).collect();
        let parts = ["query", "key", "value"].map(|part| format!("{}.{part}", map.name));
        let mut heads: Heads = Default::default();
        let mut rows: BTreeMap<String, (usize, Vec<Real>)> = BTreeMap::new();
        for i in 0..batch.sequences {
            subject.inference.look(subject.weights, &surprise::example(&batch, i));
            subject.inference.visit(&mut |found, shape, values| {
                if let Some(part) = parts.iter().position(|part| part == found) {
                    heads[part].extend_from_slice(values);
                } else if read.contains(found) || found == name {
                    let width = shape.last().copied().unwrap_or(1);
                    let (_, rows) = rows.entry(found.to_owned()).or_insert((width, Vec::new()));
                    rows.extend_from_slice(values);
                }
            });
        }
        let n = batch.sequences * batch.time;
        let size = n * map.heads * map.head_size;
        if size == 0 || !batch.source.is_empty() || heads.iter().any(|part| part.len() != size) {
            let text = format!("{} shows no queries, keys and values of its own here", card.name);
            return Err(NotMeasured(text));
        }
        let mut kept = BTreeMap::new();
        for (name, (width, rows)) in rows {
            if rows.len() == n * width {
                let rows = Array2::from_shape_vec((n, width), rows);
                kept.insert(name, rows.expect("n rows of that width"));
            }
        }
        let logits = kept.get(&name).cloned().ok_or_else(|| unknown(card))?;
        Ok(Self {
            card,
            registry: subject.model.registry(),
            weights: subject.weights,
            bend: subject.model.config().activation,
            map,
            batch,
            heads,
            kept,
            logits,
        })
    }

    /// The logits (N, V) with other queries, keys and values.
    ///
    /// # Errors
    /// If the flow after the layer holds what cannot be followed.
    pub fn with(&self, heads: &Heads) -> Result<Array2<Real>, NotMeasured> {
        let mut found: BTreeMap<&str, Array2<Real>> = BTreeMap::new();
        for part in after(self.card, self.map) {
            if part.op == Op::Softmax {
                let logits = part.from.first().and_then(|name| found.remove(name.as_str()));
                return logits.ok_or_else(|| unknown(self.card));
            }
            // The activations within a feed-forward are computed with it.
            if part.op == Op::FeedForward && part.weights.is_empty() {
                continue;
            }
            let of = |name: &str| found.get(name).or_else(|| self.kept.get(name));
            let out = if part.name == self.map.name {
                Some(self.attend(part, heads))
            } else {
                self.follow(part, &of)
            };
            found.insert(&part.name, out.ok_or_else(|| unknown(self.card))?);
        }
        Err(unknown(self.card))
    }

    /// What a part makes of what it reads.
    fn follow<'b>(
        &self,
        part: &Part,
        of: &impl Fn(&str) -> Option<&'b Array2<Real>>,
    ) -> Option<Array2<Real>> {
        let x = of(self.input(part)?);
        match part.op {
            Op::Add => {
                let mut sum = x?.clone();
                for name in &part.from[1..] {
                    sum += of(name)?;
                }
                Some(sum)
            }
            Op::Norm => {
                let x = x?;
                let [weight, bias] = ["weight", "bias"].map(|name| self.vector(part, name));
                let mut y = Array2::zeros(x.dim());
                let mut sizes = vec![0.0; 2 * x.nrows()];
                let (mean, rstd) = sizes.split_at_mut(x.nrows());
                norm::layer_norm(
                    y.as_slice_mut()?,
                    mean,
                    rstd,
                    x.as_slice()?,
                    &weight?,
                    &bias?,
                    EPS,
                );
                Some(y)
            }
            Op::Linear => self.linear(part, "", x?),
            Op::FeedForward => {
                let hidden = self.linear(part, "net.0.", x?)?;
                let mut bent = Array2::zeros(hidden.dim());
                self.bend.forward(&mut bent, &hidden);
                let second = self.registry.get(&format!("{}net.2.weight", part.weights)).is_some();
                if second { self.linear(part, "net.2.", &bent) } else { Some(bent) }
            }
            Op::Attention => {
                let (x, map) = (x?, self.card.maps.iter().find(|map| map.name == part.name)?);
                let mut heads: Heads = Default::default();
                let key = match map.query_key {
                    QueryKey::Separate => Some("key"),
                    QueryKey::Tied => Some("query"),
                    QueryKey::Merged => None,
                };
                for (name, to) in [Some("query"), key, Some("value")].into_iter().zip(&mut heads) {
                    let mut rows = Vec::new();
                    for head in 0..map.heads {
                        rows.push(match name {
                            Some(name) => self.linear(part, &format!("heads.{head}.{name}."), x)?,
                            None => x.clone(),
                        });
                    }
                    for example in 0..self.batch.sequences {
                        let of = example * self.batch.time..(example + 1) * self.batch.time;
                        for rows in &rows {
                            let width = rows.ncols();
                            to.extend_from_slice(
                                &rows.as_slice()?[of.start * width..of.end * width],
                            );
                        }
                    }
                }
                Some(self.attend_with(part, map, &heads))
            }
            _ => None,
        }
    }

    /// What a part reads first; of a feed-forward, what stands before its first layer.
    fn input<'b>(&'b self, part: &'b Part) -> Option<&'b str> {
        let first = part.from.first()?;
        let within = self.card.part(first);
        let within = within.filter(|p| {
            part.op == Op::FeedForward && p.op == Op::FeedForward && p.weights.is_empty()
        });
        Some(within.map_or(first, |within| &within.from[0]))
    }

    fn vector(&self, part: &Part, name: &str) -> Option<Vec<Real>> {
        let parameter = self.registry.get(&format!("{}{name}", part.weights))?;
        Some(parameter.read(self.weights))
    }

    /// x W' + b with a layer of the part, as a file has it: W (out, in), and b where there is one.
    fn linear(&self, part: &Part, name: &str, x: &Array2<Real>) -> Option<Array2<Real>> {
        let parameter = self.registry.get(&format!("{}{name}weight", part.weights))?;
        let [n_out, n_in] = *parameter.shape else { return None };
        let w = Array2::from_shape_vec((n_out, n_in), parameter.read(self.weights)).ok()?;
        let bias = self.vector(part, &format!("{name}bias"));
        let mut y = Array2::zeros((x.nrows(), n_out));
        gemm(&mut y, x, &w.t(), bias.as_deref().map_or(Onto::Nothing, Onto::Row));
        Some(y)
    }

    fn attend(&self, part: &Part, heads: &Heads) -> Array2<Real> {
        self.attend_with(part, self.map, heads)
    }

    /// Attention of every head, side by side (N, C), and the projection where there is one.
    fn attend_with(&self, part: &Part, map: &Map, [q, k, v]: &Heads) -> Array2<Real> {
        let Batch { sequences, time, .. } = self.batch;
        let (hs, width) = (map.head_size, map.heads * map.head_size);
        let shape = attention::Shape {
            queries: time,
            keys: time,
            width: hs,
            value_width: hs,
            scale: map.divisor.map_or(1.0, |divisor| (divisor as Real).sqrt().recip()),
            causal: map.causal,
        };
        let mut scratch = attention::Scratch::new(time, time, hs);
        let (mut y, mut weights) = (vec![0.0; time * hs], vec![0.0; time * time]);
        let mut rows = Array2::zeros((sequences * time, width));
        for i in 0..sequences * map.heads {
            let of = i * time * hs..(i + 1) * time * hs;
            let [q, k, v] = [q, k, v].map(|part| &part[of.clone()]);
            attention::forward(&mut y, &mut weights, q, k, v, &shape, None, &mut scratch);
            let (example, head) = (i / map.heads, i % map.heads);
            for (t, y) in y.chunks_exact(hs).enumerate() {
                for (d, y) in y.iter().enumerate() {
                    rows[[example * time + t, head * hs + d]] = *y;
                }
            }
        }
        self.linear(part, "proj.", &rows).unwrap_or(rows)
    }
}

/// The layer and the parts that its output reaches, in their order.
fn after<'a>(card: &'a Card, map: &Map) -> Vec<&'a Part> {
    let mut reached = BTreeSet::from([map.name.as_str()]);
    let mut parts = Vec::new();
    for part in &card.flow {
        if part.name == map.name || part.from.iter().any(|name| reached.contains(name.as_str())) {
            reached.insert(&part.name);
            parts.push(part);
        }
    }
    parts
}

fn unknown(card: &Card) -> NotMeasured {
    NotMeasured(format!("how {} goes on after its attention cannot be followed", card.name))
}
