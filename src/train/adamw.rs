//! [`plain::adamw`](crate::math::plain::adamw) over one flat arena, with the sum of the shards' gradients, their norm, and clipping.
//!
//! Two passes over the arena a step. The first adds the shards' gradients in a fixed order and takes the norm of the
//! sum, block by block while it is in the cache; only then is it known whether the gradient is finite and by how much to
//! clip it. The second moves moments and weights. Both are elementwise or summed over blocks of a fixed size, so the
//! result does not depend on how many threads share the work.

use std::ops::Range;

use rayon::prelude::*;

use crate::math::plain::adamw::Rule;
use crate::math::vectorised::{apply, vectorised};
use crate::math::{Real, vector};
use crate::model::Group;
use crate::nn::parameters::Registry;
use crate::stage::config::{Decay, Training};

/// Added to the norm when clipping, as in PyTorch's `clip_grad_norm_`.
const CLIP_EPSILON: f64 = 1e-6;
/// Numbers whose squares are summed in one go; 16 KiB stay in the first cache.
const BLOCK: usize = 4096;
/// Numbers that one thread updates in one go.
const CHUNK: usize = BLOCK;
/// From so many weights on, threads share them. That costs less than it seems: a thread that found nothing to do for 10 µs
/// falls asleep, and waking it for the next step takes longer than the whole update. Each also keeps its part of the
/// moments in its own cache.
const PARALLEL: usize = 1 << 15;

/// The optimizer's state: both moments of every weight, in the arena's layout.
#[derive(Clone, Debug)]
pub struct AdamW {
    m: Vec<Real>,
    v: Vec<Real>,
    groups: Vec<Moved>,
    /// The sum of squares of each block.
    squares: Vec<f64>,
    last: Coefficients,
    /// What the last step went by, in plain numbers: its decay is that of a weight that is decayed.
    rule: Option<Rule>,
    /// The group that the last step moved.
    turn: usize,
}

/// One weight as the optimizer knows it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Moments {
    pub m: f64,
    pub v: f64,
    /// How often it was moved.
    pub updates: u64,
    /// How it was moved by the last step, if that was its turn.
    pub last: Option<LastMove>,
}

/// By what the last step moved a weight.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LastMove {
    pub rule: Rule,
    /// The gradient was multiplied by it, so that its norm is not larger than allowed; 1 where it was not.
    pub clip: f64,
}

/// A group of parameters that are moved together.
#[derive(Clone, Debug)]
struct Moved {
    range: Range<usize>,
    /// Its part of the arena in pieces that are decayed or not, for [`Decay::All`] and [`Decay::Matrices`].
    all: Vec<Piece>,
    matrices: Vec<Piece>,
    /// How often it was moved.
    updates: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Piece {
    len: usize,
    decayed: bool,
}

/// What is the same for every weight of a step.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Coefficients {
    /// The gradient times this is the clipped gradient.
    clip: Real,
    /// 1 - lr * weight_decay
    shrink: Real,
    /// 1 - beta1
    toward: Real,
    beta2: Real,
    /// 1 - beta2
    square: Real,
    /// lr / (1 - beta1^t)
    step: Real,
    /// 1 / sqrt(1 - beta2^t)
    root: Real,
    epsilon: Real,
}

impl Coefficients {
    /// Of a group's step that is number `t`, counted from 1.
    fn new(training: &Training, lr: f64, norm: f64, t: u64) -> Self {
        let Training { beta1, beta2, epsilon, weight_decay, grad_clip, .. } = *training;
        let clip = if grad_clip > 0.0 { (grad_clip / (norm + CLIP_EPSILON)).min(1.0) } else { 1.0 };
        let t = t as f64;
        Self {
            clip: clip as Real,
            shrink: (1.0 - lr * weight_decay) as Real,
            toward: (1.0 - beta1) as Real,
            beta2: beta2 as Real,
            square: (1.0 - beta2) as Real,
            step: (lr / (1.0 - beta1.powf(t))) as Real,
            root: (1.0 - beta2.powf(t)).sqrt().recip() as Real,
            epsilon: epsilon as Real,
        }
    }
}

impl AdamW {
    /// Moments of 0 for a model's arena, whose groups are moved by steps of their own.
    pub fn new(registry: &Registry, groups: &[Group]) -> Self {
        let len = registry.len();
        let moved = |group: &Group| {
            let range = group.range.clone();
            let inside = registry.regions().iter().filter(|r| range.contains(&r.range.start));
            Moved {
                all: pieces(std::iter::once((range.len(), true))),
                matrices: pieces(inside.map(|r| (r.range.len(), r.matrix))),
                range,
                updates: 0,
            }
        };
        Self {
            m: vec![0.0; len],
            v: vec![0.0; len],
            groups: groups.iter().map(moved).collect(),
            squares: vec![0.0; len.div_ceil(BLOCK)],
            last: Coefficients::default(),
            rule: None,
            turn: 0,
        }
    }

    /// The first and the second moment.
    pub fn moments(&self) -> (&[Real], &[Real]) {
        (&self.m, &self.v)
    }

    /// The moments, to be filled from a checkpoint.
    pub(super) fn moments_mut(&mut self) -> (&mut [Real], &mut [Real]) {
        (&mut self.m, &mut self.v)
    }

    /// How often each group was moved.
    pub fn updates(&self) -> impl Iterator<Item = u64> + '_ {
        self.groups.iter().map(|group| group.updates)
    }

    /// Sets how often each group was moved, from a checkpoint.
    pub(super) fn set_updates(&mut self, updates: &[u64]) {
        for (group, updates) in self.groups.iter_mut().zip(updates) {
            group.updates = *updates;
        }
    }

    /// Adds all gradients of a group into the first of them, in their order, and returns the norm of the sum. Not finite
    /// if any part of it is not.
    pub fn gather(&mut self, gradients: &mut [Vec<Real>], group: usize) -> f64 {
        let range = &self.groups[group].range;
        let Some((sum, others)) = gradients.split_first_mut() else { return 0.0 };
        let sum = &mut sum[range.clone()];
        let squares = &mut self.squares[..sum.len().div_ceil(BLOCK)];
        let others = &*others;
        let gather = |(i, (block, square)): (usize, (&mut [Real], &mut f64))| {
            let from = range.start + i * BLOCK;
            for other in others {
                vector::add(block, &other[from..from + block.len()]);
            }
            *square = vector::sum_of_squares(block);
        };
        if sum.len() < PARALLEL {
            sum.chunks_mut(BLOCK).zip(&mut *squares).enumerate().for_each(gather);
        } else {
            let squares = squares.par_iter_mut();
            sum.par_chunks_mut(BLOCK).zip(squares).enumerate().with_min_len(4).for_each(gather);
        }
        self.squares[..range.len().div_ceil(BLOCK)].iter().sum::<f64>().sqrt()
    }

    /// One step of a group with a gradient of the given norm.
    ///
    /// p *= 1 - lr wd; m += (1 - b1)(g - m); v = b2 v + (1 - b2) g²;
    /// p -= lr / (1 - b1^t) * m / (sqrt(v) / sqrt(1 - b2^t) + eps), t counting the group's steps from 1.
    pub fn step(
        &mut self,
        weights: &mut [Real],
        gradient: &[Real],
        norm: f64,
        training: &Training,
        lr: f64,
        group: usize,
    ) {
        self.turn = group;
        let group = &mut self.groups[group];
        group.updates += 1;
        self.last = Coefficients::new(training, lr, norm, group.updates);
        let Training { beta1, beta2, epsilon, weight_decay, .. } = *training;
        self.rule = Some(Rule { lr, beta1, beta2, epsilon, weight_decay });
        let pieces = match training.decay {
            Decay::All => &group.all,
            Decay::Matrices => &group.matrices,
        };
        let range = group.range.clone();
        let arenas = Arenas {
            weights: &mut weights[range.clone()],
            m: &mut self.m[range.clone()],
            v: &mut self.v[range.clone()],
            gradient: &gradient[range],
        };
        arenas.walk(pieces, &self.last);
    }

    /// Whether the weight at `at` was for the last step to move.
    pub(super) fn moved_last(&self, at: usize) -> bool {
        self.groups.get(self.turn).is_some_and(|group| group.range.contains(&at))
    }

    /// The state of the weight at `at`.
    pub(super) fn look(&self, at: usize, decayed: bool) -> Moments {
        let moved = self.groups.iter().find(|group| group.range.contains(&at));
        let rule = self.rule.filter(|_| self.moved_last(at));
        let weight_decay = |rule: Rule| if decayed { rule.weight_decay } else { 0.0 };
        Moments {
            m: self.m[at] as f64,
            v: self.v[at] as f64,
            updates: moved.map_or(0, |group| group.updates),
            last: rule.map(|rule| LastMove {
                rule: Rule { weight_decay: weight_decay(rule), ..rule },
                clip: self.last.clip as f64,
            }),
        }
    }

    /// What the last step added to the weight at `at`, which is now `weight`; 0 before the first step.
    pub(super) fn last_update(&self, at: usize, weight: Real, decayed: bool) -> Real {
        let c = &self.last;
        if c.root == 0.0 || !self.moved_last(at) {
            return 0.0;
        }
        let moved = c.step * self.m[at] / (self.v[at].sqrt() * c.root + c.epsilon);
        let before = (weight + moved) / if decayed { c.shrink } else { 1.0 };
        weight - before
    }
}

/// Joins neighbours that are treated alike and cuts what is longer than a chunk.
fn pieces(regions: impl Iterator<Item = (usize, bool)>) -> Vec<Piece> {
    let mut joined: Vec<Piece> = Vec::new();
    for (len, decayed) in regions {
        match joined.last_mut() {
            Some(last) if last.decayed == decayed => last.len += len,
            _ => joined.push(Piece { len, decayed }),
        }
    }
    let cut = |piece: Piece| {
        (0..piece.len).step_by(CHUNK).map(move |from| {
            let len = CHUNK.min(piece.len - from);
            Piece { len, ..piece }
        })
    };
    joined.into_iter().flat_map(cut).collect()
}

/// The same stretch of all four arenas.
struct Arenas<'a> {
    weights: &'a mut [Real],
    m: &'a mut [Real],
    v: &'a mut [Real],
    gradient: &'a [Real],
}

impl<'a> Arenas<'a> {
    fn split_at(self, at: usize) -> (Arenas<'a>, Arenas<'a>) {
        let (weights, weights_right) = self.weights.split_at_mut(at);
        let (m, m_right) = self.m.split_at_mut(at);
        let (v, v_right) = self.v.split_at_mut(at);
        let (gradient, gradient_right) = self.gradient.split_at(at);
        let right =
            Arenas { weights: weights_right, m: m_right, v: v_right, gradient: gradient_right };
        (Arenas { weights, m, v, gradient }, right)
    }

    /// Updates piece by piece; long arenas are halved between threads until their parts are short.
    fn walk(self, pieces: &[Piece], c: &Coefficients) {
        if self.weights.len() < PARALLEL || pieces.len() < 2 {
            let mut rest = self;
            for piece in pieces {
                let (now, later) = rest.split_at(piece.len);
                let shrink = if piece.decayed { c.shrink } else { 1.0 };
                update(now.weights, now.m, now.v, now.gradient, shrink, c);
                rest = later;
            }
            return;
        }
        let (left, right) = pieces.split_at(pieces.len() / 2);
        let middle = left.iter().map(|p| p.len).sum();
        let (low, high) = self.split_at(middle);
        rayon::join(|| low.walk(left, c), || high.walk(right, c));
    }
}

#[apply(vectorised)]
fn update(
    weights: &mut [Real],
    m: &mut [Real],
    v: &mut [Real],
    gradient: &[Real],
    shrink: Real,
    c: &Coefficients,
) {
    let Coefficients { clip, toward, beta2, square, step, root, epsilon, .. } = *c;
    for (((w, m), v), g) in weights.iter_mut().zip(m).zip(v).zip(gradient) {
        let g = g * clip;
        *m += toward * (g - *m);
        *v = beta2 * *v + square * g * g;
        *w = *w * shrink - step * *m / (v.sqrt() * root + epsilon);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::math::finite_difference::values;
    use crate::math::plain;
    use crate::math::plain::adamw::Weight;
    use crate::math::plain::agreement::{assert_near, real};

    const START: [f64; 5] = [0.5, -1.25, 2.0, -0.125, 3.0];
    const GRADIENTS: [[f64; 5]; 3] =
        [[0.1, -2.0, 0.003, 0.0, 40.0], [-0.2, 1.0, 0.5, 1e-6, -3.0], [0.3, 0.25, -0.75, 0.0, 0.5]];

    fn registry(len: usize) -> Registry {
        let mut registry = Registry::default();
        registry.reserve(len - 2, true);
        registry.reserve(2, false);
        registry
    }

    fn optimizer(len: usize) -> AdamW {
        AdamW::new(&registry(len), &[Group { name: "all", range: 0..len }])
    }

    fn train(training: &Training) -> (Vec<Real>, AdamW) {
        let mut optimizer = optimizer(5);
        let mut weights = real(&START);
        for gradient in &GRADIENTS {
            let mut shards = [real(gradient), real(&[0.0; 5])];
            let norm = optimizer.gather(&mut shards, 0);
            optimizer.step(&mut weights, &shards[0], norm, training, training.lr, 0);
        }
        (weights, optimizer)
    }

    fn training() -> Training {
        Training { lr: 0.1, beta2: 0.99, weight_decay: 0.1, ..Training::default() }
    }

    // torch 2.x, float64:
    //   w = torch.tensor(START); o = torch.optim.AdamW([w], lr=0.1, betas=(0.9, 0.99), weight_decay=0.1)
    //   for g in GRADIENTS: w.grad = torch.tensor(g); o.step()
    #[test]
    fn three_steps_are_pytorchs() {
        let expected =
            [0.389_098_961, -1.075_057_288, 1.789_715_394, -0.250_311_994, 2.703_756_071];
        assert_near("weights", &train(&training()).0, &expected, 8.0);
    }

    // The same with torch.nn.utils.clip_grad_norm_([w], 1.0) before each step.
    #[test]
    fn three_clipped_steps_are_pytorchs() {
        let expected =
            [0.406_891_725, -1.254_627_794, 1.819_688_798, -0.246_103_845, 2.794_306_517];
        let training = Training { grad_clip: 1.0, ..training() };
        assert_near("weights", &train(&training).0, &expected, 8.0);
    }

    #[test]
    fn it_is_the_plain_one() {
        let training = training();
        let Training { lr, beta1, beta2, epsilon, weight_decay, .. } = training;
        let rule = Rule { lr, beta1, beta2, epsilon, weight_decay };
        for (n, seed) in [(3, 1), (17, 2), (BLOCK + 31, 3)] {
            let start = values(n, seed);
            let mut expected: Vec<Weight> =
                start.iter().map(|value| Weight { value: *value, m: 0.0, v: 0.0 }).collect();
            let (mut optimizer, mut weights) = (optimizer(n), real(&start));
            for t in 1..=5 {
                let gradient = values(n, seed + 3 * t);
                optimizer.step(&mut weights, &real(&gradient), 1.0, &training, lr, 0);
                for (weight, gradient) in expected.iter_mut().zip(gradient) {
                    *weight = plain::adamw::update(*weight, gradient, t as i32, rule);
                }
            }
            let (m, v) = optimizer.moments();
            let all = |part: fn(&Weight) -> f64| expected.iter().map(part).collect::<Vec<_>>();
            assert_near("weights", &weights, &all(|weight| weight.value), 16.0);
            assert_near("m", m, &all(|weight| weight.m), 8.0);
            assert_near("v", v, &all(|weight| weight.v), 8.0);
        }
    }

    /// Two groups are as two optimizers: each counts its own steps, and the other's weights stay.
    #[test]
    fn groups_move_on_their_own() {
        let groups = [Group { name: "a", range: 0..3 }, Group { name: "b", range: 3..5 }];
        let mut optimizer = AdamW::new(&registry(5), &groups);
        let mut weights = real(&START);
        let turns = [0, 0, 1, 0, 1, 1];
        let mut steps = [0; 2];
        for group in turns {
            let before = weights.clone();
            let mut shards = [real(&GRADIENTS[steps[group]])];
            steps[group] += 1;
            let norm = optimizer.gather(&mut shards, group);
            let lr = training().lr;
            optimizer.step(&mut weights, &shards[0], norm, &training(), lr, group);
            let other = groups[1 - group].range.clone();
            assert_eq!(weights[other.clone()], before[other]);
        }
        assert_eq!(weights, train(&training()).0);
        assert_eq!(optimizer.updates().collect::<Vec<_>>(), [3, 3]);
    }

    #[test]
    fn decay_of_matrices_leaves_vectors_alone() {
        let all = train(&training()).0;
        let matrices = train(&Training { decay: Decay::Matrices, ..training() }).0;
        let none = train(&Training { weight_decay: 0.0, ..training() }).0;
        assert_eq!(matrices[..3], all[..3]);
        assert_eq!(matrices[3..], none[3..]);
        assert_ne!(matrices[3..], all[3..]);
    }

    #[test]
    fn the_last_update_is_what_the_last_step_added() {
        let mut optimizer = optimizer(5);
        let mut weights = real(&START);
        assert_eq!(optimizer.last_update(0, weights[0], true), 0.0);
        for gradient in &GRADIENTS {
            let before = weights.clone();
            optimizer.step(&mut weights, &real(gradient), 1.0, &training(), 0.1, 0);
            for i in 0..5 {
                let update = optimizer.last_update(i, weights[i], true);
                assert!((update - (weights[i] - before[i])).abs() < 1e-6);
            }
        }
    }

    /// Long enough to be shared between threads, with an odd end.
    const LONG: usize = 3 * PARALLEL + 77;

    fn wave(phase: f64) -> Vec<Real> {
        (0..LONG).map(|i| ((i as f64 + phase) * 0.01).sin() as Real).collect()
    }

    #[test]
    fn the_norm_is_of_the_sum() {
        let mut optimizer = optimizer(LONG);
        let mut shards = [wave(0.0), wave(5.0), wave(9.0)];
        let sum: Vec<f64> =
            (0..LONG).map(|i| shards.iter().map(|s| s[i] as f64).sum::<f64>()).collect();
        let norm = optimizer.gather(&mut shards, 0);
        let expected = sum.iter().map(|x| x * x).sum::<f64>().sqrt();
        assert!((norm - expected).abs() < 1e-5 * expected);
        assert!((shards[0][LONG - 1] as f64 - sum[LONG - 1]).abs() < 1e-6);
        shards[1][LONG / 2] = Real::NAN;
        assert!(optimizer.gather(&mut shards, 0).is_nan());
    }

    #[test]
    fn threads_change_nothing() {
        let run = |threads: usize| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| {
                let mut optimizer = optimizer(LONG);
                let mut weights = wave(1.0);
                let training = Training { decay: Decay::Matrices, grad_clip: 1.0, ..training() };
                for t in 1..=3 {
                    let mut shards = [wave(t as f64), wave(-3.0)];
                    let norm = optimizer.gather(&mut shards, 0);
                    optimizer.step(&mut weights, &shards[0], norm, &training, 0.1, 0);
                }
                weights
            })
        };
        assert!(run(1) == run(4));
    }
}
