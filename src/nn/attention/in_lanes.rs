//! The heads of short sequences, as many at once as a vector has lanes: head h of sequence b is in lane (b * heads + h) mod
//! [`LANES`] of its group. Rows go into lanes and come back from them without being packed in between.

use super::{Memory, MultiHeadAttention, Part};
use crate::math::attention::in_lanes::{Drops, Heads, Rules, Scratch as Pairs, backward, forward};
use crate::math::attention::{FEW_KEYS, Shape};
use crate::math::lanes::{Lanes, Places, pack, unpack};
use crate::math::{LANES, Real, room};
use crate::nn::pass::Pass;

/// What backward needs, and the eye.
#[derive(Clone, Debug)]
pub struct Kept {
    /// (groups, T, hs)
    query: Vec<Lanes>,
    /// (groups, S, hs)
    key: Vec<Lanes>,
    /// (groups, S, hs)
    value: Vec<Lanes>,
    /// (groups, T, S): softmax of the scores, before dropout; 0 from a sequence's length on
    weights: Vec<Lanes>,
}

/// What all layers share; gradients of one group.
#[derive(Clone, Debug)]
pub struct Scratch {
    /// Output of the heads or its gradient, (T, hs)
    out: Vec<Lanes>,
    /// (T or S, hs) each
    d: [Vec<Lanes>; 3],
    pairs: Pairs,
}

impl Scratch {
    pub fn new(time: usize, head_size: usize) -> Self {
        let time = time.min(FEW_KEYS);
        let rows = || room::lanes(time * head_size);
        let square = || room::lanes(time * time);
        Self {
            out: rows(),
            d: [rows(), rows(), rows()],
            pairs: Pairs { dropped: square(), d_scores: square() },
        }
    }
}

/// Sizes of a call: T and S, and where queries, keys and values stand among the rows.
#[derive(Clone, Copy)]
pub struct Call<'a> {
    pub layer: &'a MultiHeadAttention,
    pub parts: [Part; 3],
    pub memory: Memory<'a>,
    pub pass: Pass<'a>,
}

impl Call<'_> {
    fn heads(&self) -> usize {
        self.pass.span.sequences * self.layer.n_head
    }

    fn groups(&self) -> usize {
        self.heads().div_ceil(LANES)
    }

    fn shape(&self) -> Shape {
        self.layer.shape(self.pass.span.time, self.memory.time)
    }

    /// Which head each lane of a group has; those left over have the last again.
    fn lanes(&self, group: usize) -> [usize; LANES] {
        std::array::from_fn(|lane| (group * LANES + lane).min(self.heads() - 1))
    }

    /// Where the lanes of a group have a part's rows, `time` of each sequence.
    fn places(&self, group: usize, part: Part, time: usize) -> Places {
        let MultiHeadAttention { n_head, head_size, .. } = *self.layer;
        let Part { first, stride } = part;
        let first =
            self.lanes(group).map(|i| first + i / n_head * time * stride + i % n_head * head_size);
        Places { first, used: LANES.min(self.heads() - group * LANES), stride }
    }

    /// Where the rows of the heads' outputs stand, (N, C).
    fn out(&self, group: usize) -> Places {
        let part = Part { first: 0, stride: self.layer.width() };
        self.places(group, part, self.pass.span.time)
    }

    fn rules(&self, group: usize) -> Rules {
        let lanes = self.lanes(group);
        let drops = |i: usize| self.layer.dropped(i, self.pass);
        let drop = drops(lanes[0]).map(|one| Drops {
            keys: lanes.map(|i| drops(i).map_or(one.key, |drop| drop.key)),
            threshold: one.threshold,
            scale: one.scale,
        });
        Rules { lengths: lanes.map(|i| self.memory.length(i / self.layer.n_head)), drop }
    }
}

impl Kept {
    /// Room for `sequences` of so many positions, or more that are shorter and have no more rows together; the last group may
    /// be filled in part.
    pub fn new(layer: &MultiHeadAttention, sequences: usize, queries: usize, keys: usize) -> Self {
        let heads = sequences * layer.n_head;
        let groups = |numbers: usize| room::lanes((heads * numbers).div_ceil(LANES) + numbers);
        Self {
            query: groups(queries * layer.head_size),
            key: groups(keys * layer.head_size),
            value: groups(keys * layer.head_size),
            weights: groups(queries * keys),
        }
    }

    /// Fills `heads` (N, C) from the rows of queries, keys and values.
    pub fn forward(
        &mut self,
        heads: &mut [Real],
        rows: &[Real],
        call: Call<'_>,
        scratch: &mut Scratch,
    ) {
        let (shape, hs) = (call.shape(), call.layer.head_size);
        let Shape { queries, keys, .. } = shape;
        for group in 0..call.groups() {
            let [of_query, of_key, of_value] = call.parts;
            let Self { query, key, value, weights } = self;
            let q = &mut query[group * queries * hs..][..queries * hs];
            let k = &mut key[group * keys * hs..][..keys * hs];
            let v = &mut value[group * keys * hs..][..keys * hs];
            pack(q, rows, &call.places(group, of_query, queries), hs);
            pack(k, rows, &call.places(group, of_key, keys), hs);
            pack(v, rows, &call.places(group, of_value, keys), hs);
            let weights = &mut weights[group * queries * keys..][..queries * keys];
            let y = &mut scratch.out[..queries * hs];
            let rules = call.rules(group);
            forward(y, weights, Heads { q, k, v }, &shape, &rules, &mut scratch.pairs);
            unpack(heads, y, &call.out(group), hs);
        }
    }

    /// Sets the gradients `d` of the rows of queries, keys and values from that of the heads' outputs, (N, C).
    pub fn backward(
        &self,
        d: &mut [Real],
        d_heads: &[Real],
        call: Call<'_>,
        scratch: &mut Scratch,
    ) {
        let (shape, hs) = (call.shape(), call.layer.head_size);
        let Shape { queries, keys, .. } = shape;
        let times = [queries, keys, keys];
        for group in 0..call.groups() {
            let q = &self.query[group * queries * hs..][..queries * hs];
            let k = &self.key[group * keys * hs..][..keys * hs];
            let v = &self.value[group * keys * hs..][..keys * hs];
            let weights = &self.weights[group * queries * keys..][..queries * keys];
            let dy = &mut scratch.out[..queries * hs];
            pack(dy, d_heads, &call.out(group), hs);
            let [dq, dk, dv] = &mut scratch.d;
            let parts = [&mut dq[..queries * hs], &mut dk[..keys * hs], &mut dv[..keys * hs]];
            let (heads, rules) = (Heads { q, k, v }, call.rules(group));
            backward(parts, dy, weights, heads, &shape, &rules, &mut scratch.pairs);
            for ((part, time), from) in call.parts.into_iter().zip(times).zip(&scratch.d) {
                unpack(d, &from[..time * hs], &call.places(group, part, time), hs);
            }
        }
    }

    /// Queries, keys and values, (heads, T or S, hs), and weights, (heads, T, S), of the first sequence.
    pub fn first(&self, layer: &MultiHeadAttention, queries: usize, keys: usize) -> [Vec<Real>; 4] {
        let hs = layer.head_size;
        let of = |values: &[Lanes], size: usize| {
            let head = |h: usize| {
                let (group, lane) = (h / LANES, h % LANES);
                values[group * size..][..size].iter().map(move |lanes| lanes.0[lane])
            };
            (0..layer.n_head).flat_map(head).collect()
        };
        [
            of(&self.query, queries * hs),
            of(&self.key, keys * hs),
            of(&self.value, keys * hs),
            of(&self.weights, queries * keys),
        ]
    }
}
