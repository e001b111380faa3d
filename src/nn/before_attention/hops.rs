//! The hops of an end-to-end memory network (Sukhbaatar et al. 2015): a question looks at all memories before it, several times.
//!
//! A memory x_i, i memories back from the question, is a token, or a sentence: then A x_i stands for the sum of its words'
//! rows, each weighted by its place (see [`encode`]). It is a memory m_i = A x_i + T_A(i) to compare with and an output
//! c_i = C x_i + T_C(i) to take (sections 2 and 4.1; T is the temporal encoding, trained, by the distance from the
//! question). One hop: p = softmax(u m'), o = sum p_i c_i, u' = u + o. With adjacent tying (section 2.2) the outputs of a hop are
//! the memories of the next, A^(k+1) = C^k and likewise T, and the question is embedded as the first memories are, B = A^1. So K
//! hops need K + 1 tables.
//!
//! A hop of ours may end with a feed-forward as a transformer's block does: u' = s + f(s) with s = u + o. The paper's hop only
//! adds, and no sum says whether what was read equals what was asked.

use std::ops::Range;

use ndarray::Array2;
use rand::Rng;

use crate::math::attention::{self, Shape};
use crate::math::{Real, room, vector};
use crate::nn::Look;
use crate::nn::activation::Activation;
use crate::nn::embedding::Embedding;
use crate::nn::feed_forward::{self, FeedForward};
use crate::nn::init::{self, Init};
use crate::nn::parameters::Registry;
use crate::nn::pass::{Pass, Span};
use crate::nn::rows::{contiguous, contiguous_mut};

/// The standard deviation of a starting weight (section 4.2).
const STD: f64 = 0.1;

/// Sizes and switches of all hops.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    pub vocab_size: usize,
    /// The most memories.
    pub longest: usize,
    /// C
    pub width: usize,
    /// K
    pub count: usize,
    /// Whether words are weighted by their places.
    pub placed: bool,
    pub feed_forward: feed_forward::Kind,
    pub activation: Activation,
}

#[derive(Clone, Debug)]
pub struct Hops {
    width: usize,
    /// K
    count: usize,
    /// Whether words are weighted by their places.
    placed: bool,
    /// K + 1 tables (V, C)
    pub tokens: Vec<Embedding>,
    /// K + 1 tables (most memories, C); row d - 1 is of the memory d back
    times: Vec<Embedding>,
    /// K, or none
    feed_forward: Vec<FeedForward>,
}

/// What is read: tokens, and which of them make the memories, the earliest first, and the question.
#[derive(Clone, Debug)]
pub struct Reading<'a> {
    pub tokens: &'a [u32],
    pub memories: &'a [Range<usize>],
    pub question: Range<usize>,
}

impl Reading<'_> {
    fn of(&self, range: &Range<usize>) -> &[u32] {
        &self.tokens[range.clone()]
    }
}

/// Position encoding (section 4.1): of the word j of J, channel k of C is weighted with
/// l = (1 - j / J) - (k / C) (1 - 2 j / J), j and k counted from 1. So the order of words counts: a plain sum would have
/// lost it. Here j is counted from 0.
fn encode(j: usize, words: usize, width: usize) -> impl Iterator<Item = Real> {
    let at = (j + 1) as Real / words as Real;
    let slope = (2.0 * at - 1.0) / width as Real;
    (1..=width).map(move |k| (1.0 - at) + slope * k as Real)
}

/// What one question's hops keep, for at most T memories.
#[derive(Clone, Debug)]
pub struct Activations {
    /// How many memories there are.
    pub count: usize,
    /// K + 1 of (T, C): what hop k compares with and hop k - 1 takes from
    pub memories: Vec<Array2<Real>>,
    /// (K + 1, C): u before each hop, and at the end
    pub questions: Array2<Real>,
    /// (K, T): how much of each memory a hop takes
    pub weights: Array2<Real>,
    /// (K, C): what each hop takes
    pub taken: Array2<Real>,
    /// Of each feed-forward: (1, C), what goes in, and what it keeps
    feed_forward: Vec<(Array2<Real>, feed_forward::Activations)>,
}

#[derive(Clone, Debug)]
pub struct Scratch {
    attention: attention::Scratch,
    /// K + 1 of (T, C): the gradients of the memories, of the last backward
    pub d_memories: Vec<Array2<Real>>,
    /// (C): the gradient of u; after backward, of the embedded question
    pub d_question: Vec<Real>,
    dq: Vec<Real>,
    dv: Vec<Real>,
    /// (1, C) each: the gradients of a feed-forward's output and input
    dy: Array2<Real>,
    dx: Array2<Real>,
    /// (1, hidden)
    d_hidden: Array2<Real>,
}

impl Hops {
    /// Reserves `embeddings.k.weight` (V, C) and `times.k.weight` (T, C) for k = 0 to K, and `hops.k.ffwd…` for k below K where
    /// there are feed-forwards.
    pub fn new(registry: &mut Registry, settings: &Settings) -> Self {
        let Settings { vocab_size, longest, width, count, placed, feed_forward, activation } =
            *settings;
        let mut tables = |name: &str, rows: usize| -> Vec<Embedding> {
            (0..=count)
                .map(|k| Embedding::new(registry, &format!("{name}.{k}"), rows, width))
                .collect()
        };
        let tokens = tables("embeddings", vocab_size);
        let times = tables("times", longest);
        let after = |k: usize| {
            let name = format!("hops.{k}.ffwd");
            FeedForward::new(registry, &name, k as u64, width, feed_forward, activation)
        };
        let feed_forward = (0..count).filter_map(after).collect();
        Self { width, count, placed, tokens, times, feed_forward }
    }

    /// Tables N(0, 0.1) throughout, as in the paper: with wider ones the first softmaxes are nearly all or nothing.
    pub fn initialise(&self, weights: &mut [Real], init: Init, rng: &mut impl Rng) {
        for table in self.tokens.iter().chain(&self.times) {
            init::normal(&mut weights[table.table_range()], STD, rng);
        }
        for layer in &self.feed_forward {
            layer.initialise(weights, init, rng);
        }
    }

    /// Weights that a question is multiplied by between its hops.
    pub fn products(&self) -> usize {
        self.feed_forward.iter().map(FeedForward::products).sum()
    }

    pub fn activations(&self) -> Activations {
        let longest = self.times[0].rows;
        Activations {
            count: 0,
            memories: (0..=self.count).map(|_| room::matrix((longest, self.width))).collect(),
            questions: room::matrix((self.count + 1, self.width)),
            weights: room::matrix((self.count, longest)),
            taken: room::matrix((self.count, self.width)),
            feed_forward: self
                .feed_forward
                .iter()
                .map(|layer| (room::matrix((1, self.width)), layer.activations(1)))
                .collect(),
        }
    }

    pub fn scratch(&self) -> Scratch {
        let longest = self.times[0].rows;
        Scratch {
            attention: attention::Scratch::new(1, longest, self.width),
            d_memories: (0..=self.count).map(|_| room::matrix((longest, self.width))).collect(),
            d_question: room::zeros(self.width),
            dq: room::zeros(self.width),
            dv: room::zeros(longest * self.width),
            dy: room::matrix((1, self.width)),
            dx: room::matrix((1, self.width)),
            d_hidden: room::matrix((1, self.feed_forward.first().map_or(0, FeedForward::hidden))),
        }
    }

    fn shape(&self, keys: usize) -> Shape {
        let width = self.width;
        Shape { queries: 1, keys, width, value_width: width, scale: 1.0, causal: false }
    }

    /// The sum (C) of the rows of some tokens.
    fn embed(&self, sum: &mut [Real], tokens: &[u32], table: &[Real]) {
        let row = |token: u32| &table[token as usize * self.width..][..self.width];
        match tokens {
            &[only] if !self.placed => sum.copy_from_slice(row(only)),
            _ => {
                sum.fill(0.0);
                for (j, &token) in tokens.iter().enumerate() {
                    if self.placed {
                        let weighted = row(token).iter().zip(encode(j, tokens.len(), self.width));
                        sum.iter_mut().zip(weighted).for_each(|(sum, (x, l))| *sum += x * l);
                    } else {
                        vector::add(sum, row(token));
                    }
                }
            }
        }
    }

    /// From d (C), the gradient of a sum, to the rows of its tokens.
    fn embed_backward(&self, d_table: &mut [Real], d: &[Real], tokens: &[u32]) {
        for (j, &token) in tokens.iter().enumerate() {
            let row = &mut d_table[token as usize * self.width..][..self.width];
            if self.placed {
                let weighted = d.iter().zip(encode(j, tokens.len(), self.width));
                row.iter_mut().zip(weighted).for_each(|(row, (d, l))| *row += d * l);
            } else {
                vector::add(row, d);
            }
        }
    }

    /// The squared size of what d (C), the gradient of a sum, is for the row of its word j of so many.
    pub fn squares(&self, d: &[Real], j: usize, words: usize) -> f64 {
        if !self.placed {
            return vector::sum_of_squares(d);
        }
        d.iter().zip(encode(j, words, self.width)).map(|(d, l)| ((d * l) as f64).powi(2)).sum()
    }

    /// How the feed-forwards are passed.
    fn pass(weights: &[Real]) -> Pass<'_> {
        Pass::over(Span::one(1), weights)
    }

    /// Fills the activations.
    ///
    /// # Panics
    /// If there are more memories than there is room for, or ids outside the vocabulary.
    pub fn forward(
        &self,
        a: &mut Activations,
        reading: &Reading<'_>,
        weights: &[Real],
        scratch: &mut Scratch,
    ) {
        let (n, width) = (reading.memories.len(), self.width);
        a.count = n;
        let tables = self.tokens.iter().zip(&self.times);
        for (memories, (tokens, times)) in a.memories.iter_mut().zip(tables) {
            let (tokens, times) = (&weights[tokens.table_range()], &weights[times.table_range()]);
            let memories = contiguous_mut(memories).chunks_exact_mut(width);
            for ((i, range), memory) in reading.memories.iter().enumerate().zip(memories) {
                self.embed(memory, reading.of(range), tokens);
                vector::add(memory, &times[(n - 1 - i) * width..][..width]);
            }
        }
        let first = &weights[self.tokens[0].table_range()];
        let questions = contiguous_mut(&mut a.questions);
        self.embed(&mut questions[..width], reading.of(&reading.question), first);
        for k in 0..self.count {
            let (asked, next) = questions.split_at_mut((k + 1) * width);
            let (asked, next) = (&asked[k * width..], &mut next[..width]);
            let taken = &mut contiguous_mut(&mut a.taken)[k * width..][..width];
            if n > 0 {
                attention::forward(
                    taken,
                    &mut a.weights.row_mut(k).into_slice().expect("standard layout")[..n],
                    asked,
                    &contiguous(&a.memories[k])[..n * width],
                    &contiguous(&a.memories[k + 1])[..n * width],
                    &self.shape(n),
                    None,
                    &mut scratch.attention,
                );
            } else {
                taken.fill(0.0);
            }
            next.copy_from_slice(asked);
            vector::add(next, taken);
            if let Some(layer) = self.feed_forward.get(k) {
                let (sum, kept) = &mut a.feed_forward[k];
                contiguous_mut(sum).copy_from_slice(next);
                layer.forward(kept, sum, Self::pass(weights));
                vector::add(next, contiguous(&kept.out(1)));
            }
        }
    }

    /// From `scratch.d_question`, the gradient of u after the last hop, to the gradients of all tables.
    ///
    /// # Panics
    /// If the tokens are not those of the forward.
    pub fn backward(
        &self,
        gradients: &mut [Real],
        a: &Activations,
        reading: &Reading<'_>,
        weights: &[Real],
        scratch: &mut Scratch,
    ) {
        let (n, width) = (reading.memories.len(), self.width);
        let Scratch { attention, d_memories, d_question, dq, dv, dy, dx, d_hidden } = scratch;
        let dv = &mut dv[..n * width];
        contiguous_mut(&mut d_memories[self.count])[..n * width].fill(0.0);
        for k in (0..self.count).rev() {
            if let Some(layer) = self.feed_forward.get(k) {
                let (sum, kept) = &a.feed_forward[k];
                contiguous_mut(dy).copy_from_slice(d_question);
                layer.backward(dx, gradients, dy, sum, kept, Self::pass(weights), d_hidden);
                vector::add(d_question, contiguous(dx));
            }
            if n == 0 {
                continue;
            }
            let (d_compared, d_taken) = d_memories.split_at_mut(k + 1);
            attention::backward(
                dq,
                &mut contiguous_mut(&mut d_compared[k])[..n * width],
                dv,
                d_question,
                &a.weights.row(k).to_slice().expect("standard layout")[..n],
                a.questions.row(k).to_slice().expect("standard layout"),
                &contiguous(&a.memories[k])[..n * width],
                &contiguous(&a.memories[k + 1])[..n * width],
                &self.shape(n),
                None,
                attention,
            );
            vector::add(&mut contiguous_mut(&mut d_taken[0])[..n * width], dv);
            vector::add(d_question, dq);
        }
        let tables = self.tokens.iter().zip(&self.times);
        for (d, (tokens, times)) in d_memories.iter().zip(tables) {
            let d = contiguous(d).chunks_exact(width);
            for ((i, range), d) in reading.memories.iter().enumerate().zip(d) {
                self.embed_backward(&mut gradients[tokens.table_range()], d, reading.of(range));
                let times = &mut gradients[times.table_range()];
                vector::add(&mut times[(n - 1 - i) * width..][..width], d);
            }
        }
        let table = &mut gradients[self.tokens[0].table_range()];
        self.embed_backward(table, d_question, reading.of(&reading.question));
    }
}

impl Activations {
    /// Hands what feed-forward `k` computed to `look`, where there is one: `name.hidden`, `name.activated` (1, hidden), and
    /// `name` (1, C).
    pub fn visit_feed_forward(&self, k: usize, name: &str, look: &mut Look<'_>) {
        if let Some((_, kept)) = self.feed_forward.get(k) {
            kept.visit(name, 1, look);
        }
    }
}

#[cfg(test)]
mod places {
    use super::*;

    /// The paper's formula as it stands there.
    #[test]
    fn words_are_weighted_by_their_places() {
        for (words, width) in [(1, 4), (5, 3), (6, 32)] {
            for j in 1..=words {
                for (k, l) in (1..=width).zip(encode(j - 1, words, width)) {
                    let [j, k, words, width] = [j, k, words, width].map(|n| n as f64);
                    let expected = (1.0 - j / words) - (k / width) * (1.0 - 2.0 * j / words);
                    assert!((f64::from(l) - expected).abs() < 1e-6, "{l} {expected}");
                }
            }
        }
    }
}

#[cfg(all(test, feature = "f64"))]
mod tests {
    use super::*;
    use crate::math::finite_difference::{check, values, weighted_sum};

    #[test]
    fn gradient_of_every_weight() {
        let long = [3, 1, 0, 2, 3, 3].repeat(3);
        let single = |n: usize| (0..n).map(|i| i..i + 1).collect::<Vec<_>>();
        let linear = (feed_forward::Kind::None, Activation::Relu);
        // Of those with places, one sentence is empty, and the question has three words.
        for (before, memories, count, placed, (feed_forward, activation)) in [
            (&[2, 0, 2, 1][..], single(4), 3, false, linear),
            (&[1], single(1), 1, false, linear),
            (&[], Vec::new(), 2, false, linear),
            (&long, single(18), 2, false, linear),
            (&[2, 0, 2, 1, 3, 1, 2], vec![0..2, 2..2, 2..5], 3, true, linear),
            (
                &[2, 0, 2, 1, 3, 1, 2],
                vec![0..2, 2..2, 2..5],
                3,
                true,
                (feed_forward::Kind::Mlp4, Activation::Gelu),
            ),
            (&[], Vec::new(), 2, false, (feed_forward::Kind::Mlp4, Activation::Gelu)),
            (&[1, 0], single(2), 2, false, (feed_forward::Kind::Single, Activation::Relu)),
        ] {
            let tokens = [before, &[3]].concat();
            let question = if placed { 5..8 } else { before.len()..before.len() + 1 };
            let reading = Reading { tokens: &tokens, memories: &memories, question };
            let (mut registry, width) = (Registry::default(), 5);
            let (vocab_size, longest) = (4, 20);
            let settings =
                Settings { vocab_size, longest, width, count, placed, feed_forward, activation };
            let layer = Hops::new(&mut registry, &settings);
            let weights = values(registry.len(), 1);
            let dy = values(width, 2);
            let (mut a, mut scratch) = (layer.activations(), layer.scratch());
            layer.forward(&mut a, &reading, &weights, &mut scratch);
            let mut gradients = vec![0.0; registry.len()];
            scratch.d_question.copy_from_slice(&dy);
            layer.backward(&mut gradients, &a, &reading, &weights, &mut scratch);
            check("weights", &weights, &gradients, 1e-7, |weights| {
                layer.forward(&mut a, &reading, weights, &mut scratch);
                weighted_sum(a.questions.row(count).to_slice().unwrap(), &dy)
            });
        }
    }
}
