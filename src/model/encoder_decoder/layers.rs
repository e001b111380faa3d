//! One layer of each stack (Attention Is All You Need, figure 1): sublayers, each with a residual connection and a norm.

use ndarray::{ArrayRef2, ArrayView2};
use rand_chacha::ChaCha8Rng;

use crate::math::Real;
use crate::model::Config;
use crate::nn::Look;
use crate::nn::attention::{self, Cache, Keys, Memory, MultiHeadAttention, QueryKey};
use crate::nn::block::{PLACES, Scratch};
use crate::nn::feed_forward::{self, FeedForward};
use crate::nn::parameters::Registry;
use crate::nn::pass::{Pass, Span};
use crate::nn::residual::{self, Residual};
use crate::nn::rows::visit_rows;

/// Self-attention, then feed-forward.
#[derive(Clone, Debug)]
pub struct EncoderLayer {
    name: String,
    self_attn: MultiHeadAttention,
    feed_forward: FeedForward,
    ln1: Residual,
    ln2: Residual,
}

/// What an encoder's layer keeps for backward and for the eye.
#[derive(Clone, Debug)]
pub struct EncoderActivations {
    self_attn: attention::Activations,
    feed_forward: feed_forward::Activations,
    ln1: residual::Activations,
    ln2: residual::Activations,
}

/// Self-attention over what is written so far, attention over the encoder's memory, then feed-forward.
#[derive(Clone, Debug)]
pub struct DecoderLayer {
    name: String,
    self_attn: MultiHeadAttention,
    cross_attn: MultiHeadAttention,
    feed_forward: FeedForward,
    ln1: Residual,
    ln2: Residual,
    ln3: Residual,
}

/// What a decoder's layer keeps for backward and for the eye.
#[derive(Clone, Debug)]
pub struct DecoderActivations {
    self_attn: attention::Activations,
    cross_attn: attention::Activations,
    feed_forward: feed_forward::Activations,
    ln1: residual::Activations,
    ln2: residual::Activations,
    ln3: residual::Activations,
}

/// Keys and values of one decoder layer while it writes.
#[derive(Clone, Debug)]
pub struct Caches {
    written: Cache,
    memory: Cache,
}

/// Width of the feed-forward's hidden layer.
fn hidden(config: &Config) -> usize {
    if config.n_hidden == 0 { 4 * config.n_embd } else { config.n_hidden }
}

/// The paper's attention: two weights for queries and keys, a projection, and dropout on the output alone.
fn settings(config: &Config, keys: Keys) -> attention::Settings {
    let lecture = config.block().attention;
    let query_key = QueryKey::Separate;
    attention::Settings { keys, query_key, projection: true, drop_weights: false, ..lecture }
}

/// For sequences of at most `time` positions.
pub fn scratch(sequences: usize, time: usize, config: &Config) -> Scratch {
    Scratch::new(sequences, time, hidden(config), &settings(config, Keys::Own))
}

fn attn(
    r: &mut Registry,
    name: &str,
    place: u64,
    config: &Config,
    keys: Keys,
) -> MultiHeadAttention {
    MultiHeadAttention::new(r, name, place, &settings(config, keys))
}

fn ffwd(registry: &mut Registry, name: &str, place: u64, config: &Config) -> FeedForward {
    let name = format!("{name}.ffwd");
    FeedForward::wide(registry, &name, place + 1, config.n_embd, hidden(config), config.activation)
}

/// A sublayer's way past it, with its norm.
fn ln(registry: &mut Registry, name: &str, which: &str, config: &Config) -> Residual {
    Residual::new(registry, &format!("{name}.{which}"), config.n_embd, true, config.norm)
}

impl EncoderLayer {
    /// Reserves `encoder.<i>.self_attn…`, `.ffwd…`, `.ln1…`, `.ln2…`; `layer` counts the layers of both stacks.
    pub fn new(registry: &mut Registry, i: usize, layer: usize, config: &Config) -> Self {
        let (name, r, place) = (format!("encoder.{i}"), registry, layer as u64 * PLACES);
        Self {
            self_attn: attn(r, &format!("{name}.self_attn"), place, config, Keys::Own),
            feed_forward: ffwd(r, &name, place, config),
            ln1: ln(r, &name, "ln1", config),
            ln2: ln(r, &name, "ln2", config),
            name,
        }
    }

    pub fn initialise(&self, weights: &mut [Real], config: &Config, rng: &mut ChaCha8Rng) {
        self.self_attn.initialise(weights, config.init, rng);
        self.feed_forward.initialise(weights, config.init, rng);
        self.ln1.initialise(weights);
        self.ln2.initialise(weights);
    }

    pub fn activations(&self, sequences: usize, time: usize, n_embd: usize) -> EncoderActivations {
        let rows = sequences * time;
        EncoderActivations {
            self_attn: self.self_attn.activations(sequences, time, time),
            feed_forward: self.feed_forward.activations(rows),
            ln1: self.ln1.activations(rows, n_embd),
            ln2: self.ln2.activations(rows, n_embd),
        }
    }

    /// Weights that a row is multiplied by.
    pub fn products(&self) -> usize {
        self.self_attn.products() + self.feed_forward.products()
    }

    /// # Shapes
    /// - x (B*S, C); `lengths` (B): the tokens of each sequence that are no padding
    pub fn forward(
        &self,
        a: &mut EncoderActivations,
        x: &ArrayRef2<Real>,
        lengths: &[usize],
        pass: Pass<'_>,
        scratch: &mut Scratch,
    ) {
        let (n, weights) = (pass.span.rows(), pass.weights);
        let EncoderActivations { self_attn, feed_forward, ln1, ln2 } = a;
        self.ln1.forward(ln1, x, weights, |x| {
            let own = Memory::own(x, pass.span, Some(lengths));
            let scratch = &mut scratch.attention;
            self.self_attn.forward(self_attn, x, own, pass, scratch);
            self_attn.out(n)
        });
        self.ln2.forward(ln2, &self.ln1.out(ln1, n), weights, |x| {
            self.feed_forward.forward(feed_forward, x, pass);
            feed_forward.out(n)
        });
    }

    /// In place: d loss / d output becomes d loss / d x; adds to the gradients.
    ///
    /// # Shapes
    /// - d, x (B*S, C)
    pub fn backward(
        &self,
        d: &mut ArrayRef2<Real>,
        gradients: &mut [Real],
        x: &ArrayRef2<Real>,
        a: &EncoderActivations,
        lengths: &[usize],
        pass: Pass<'_>,
        scratch: &mut Scratch,
    ) {
        let Scratch { attention, dy, dx, d_hidden, .. } = scratch;
        let (middle, weights) = (self.ln1.out(&a.ln1, pass.span.rows()), pass.weights);
        self.ln2.backward(
            d,
            gradients,
            &middle,
            &a.ln2,
            weights,
            [dx, dy],
            |dx, gradients, dy, x| {
                let kept = &a.feed_forward;
                self.feed_forward.backward(dx, gradients, dy, x, kept, pass, d_hidden);
            },
        );
        self.ln1.backward(d, gradients, x, &a.ln1, weights, [dx, dy], |dx, gradients, dy, x| {
            let own = Memory::own(x, pass.span, Some(lengths));
            let kept = &a.self_attn;
            self.self_attn.backward(dx, None, gradients, dy, x, own, kept, pass, attention);
        });
    }

    /// The layer's output, (N, C).
    pub fn out<'a>(&self, a: &'a EncoderActivations, n: usize) -> ArrayView2<'a, Real> {
        self.ln2.out(&a.ln2, n)
    }

    /// Hands the named values of the first sequence, `length` of whose `time` tokens are no padding, to `look`.
    pub fn visit(&self, a: &EncoderActivations, time: usize, length: usize, look: &mut Look<'_>) {
        let name = &self.name;
        let sizes = [time, time, length];
        a.self_attn.visit(&self.self_attn, &format!("{name}.self_attn"), sizes, look);
        visit_rows(&format!("{name}.ln1"), &self.ln1.out(&a.ln1, time), time, look);
        a.feed_forward.visit(&format!("{name}.ffwd"), time, look);
        visit_rows(name, &self.out(a, time), time, look);
    }
}

impl DecoderLayer {
    /// Reserves `decoder.<i>.self_attn…`, `.cross_attn…`, `.ffwd…`, `.ln1…`, `.ln2…`, `.ln3…`; `layer` counts the layers
    /// of both stacks.
    pub fn new(registry: &mut Registry, i: usize, layer: usize, config: &Config) -> Self {
        let (name, r, place) = (format!("decoder.{i}"), registry, layer as u64 * PLACES);
        Self {
            self_attn: attn(r, &format!("{name}.self_attn"), place, config, Keys::Earlier),
            cross_attn: attn(r, &format!("{name}.cross_attn"), place + 2, config, Keys::Memory),
            feed_forward: ffwd(r, &name, place, config),
            ln1: ln(r, &name, "ln1", config),
            ln2: ln(r, &name, "ln2", config),
            ln3: ln(r, &name, "ln3", config),
            name,
        }
    }

    pub fn initialise(&self, weights: &mut [Real], config: &Config, rng: &mut ChaCha8Rng) {
        self.self_attn.initialise(weights, config.init, rng);
        self.cross_attn.initialise(weights, config.init, rng);
        self.feed_forward.initialise(weights, config.init, rng);
        for ln in [&self.ln1, &self.ln2, &self.ln3] {
            ln.initialise(weights);
        }
    }

    /// For targets of `time` tokens whose sources have `source` of them.
    pub fn activations(
        &self,
        sequences: usize,
        time: usize,
        source: usize,
        n_embd: usize,
    ) -> DecoderActivations {
        let rows = sequences * time;
        DecoderActivations {
            self_attn: self.self_attn.activations(sequences, time, time),
            cross_attn: self.cross_attn.activations(sequences, time, source),
            feed_forward: self.feed_forward.activations(rows),
            ln1: self.ln1.activations(rows, n_embd),
            ln2: self.ln2.activations(rows, n_embd),
            ln3: self.ln3.activations(rows, n_embd),
        }
    }

    /// Weights that a row of the target is multiplied by.
    pub fn products(&self) -> usize {
        self.self_attn.products() + self.cross_attn.products() + self.feed_forward.products()
    }

    /// Weights that a row of the memory is multiplied by.
    pub fn memory_products(&self) -> usize {
        self.cross_attn.memory_products()
    }

    /// # Shapes
    /// - x (B*T, C)
    pub fn forward(
        &self,
        a: &mut DecoderActivations,
        x: &ArrayRef2<Real>,
        memory: Memory<'_>,
        pass: Pass<'_>,
        scratch: &mut Scratch,
    ) {
        let own = |a: &mut _, input: &ArrayRef2<Real>, scratch: &mut _| {
            let own = Memory::own(input, pass.span, None);
            self.self_attn.forward(a, input, own, pass, scratch);
        };
        let cross = |a: &mut _, input: &ArrayRef2<Real>, scratch: &mut _| {
            self.cross_attn.forward(a, input, memory, pass, scratch);
        };
        self.run(a, x, pass, scratch, own, cross);
    }

    /// Forward of position `position` of many sequences, one row each; `sources[i]` is whose memory row i reads.
    ///
    /// # Shapes
    /// - x (R, C); `sources` (R)
    pub fn extend(
        &self,
        a: &mut DecoderActivations,
        caches: &mut Caches,
        x: &ArrayRef2<Real>,
        position: usize,
        sources: &[usize],
        weights: &[Real],
        scratch: &mut Scratch,
    ) {
        let pass = Pass::over(Span { sequences: x.nrows(), time: 1, first: 0 }, weights);
        let Caches { written, memory } = caches;
        let own = |a: &mut _, input: &ArrayRef2<Real>, scratch: &mut _| {
            self.self_attn.extend(a, written, input, position, weights, scratch);
        };
        let cross = |a: &mut _, input: &ArrayRef2<Real>, scratch: &mut _| {
            self.cross_attn.recall(a, memory, input, sources, weights, scratch);
        };
        self.run(a, x, pass, scratch, own, cross);
    }

    /// The three sublayers; `own` and `cross` are the attentions, however they are computed.
    fn run(
        &self,
        a: &mut DecoderActivations,
        x: &ArrayRef2<Real>,
        pass: Pass<'_>,
        scratch: &mut Scratch,
        own: impl FnOnce(&mut attention::Activations, &ArrayRef2<Real>, &mut attention::Scratch),
        cross: impl FnOnce(&mut attention::Activations, &ArrayRef2<Real>, &mut attention::Scratch),
    ) {
        let (n, weights) = (pass.span.rows(), pass.weights);
        let scratch = &mut scratch.attention;
        let DecoderActivations { self_attn, cross_attn, feed_forward, ln1, ln2, ln3 } = a;
        self.ln1.forward(ln1, x, weights, |x| {
            own(self_attn, x, scratch);
            self_attn.out(n)
        });
        self.ln2.forward(ln2, &self.ln1.out(ln1, n), weights, |x| {
            cross(cross_attn, x, scratch);
            cross_attn.out(n)
        });
        self.ln3.forward(ln3, &self.ln2.out(ln2, n), weights, |x| {
            self.feed_forward.forward(feed_forward, x, pass);
            feed_forward.out(n)
        });
    }

    /// In place: d loss / d output becomes d loss / d x; adds to the gradients and to the memory's.
    ///
    /// # Shapes
    /// - d, x (B*T, C); `d_memory` (B*S, C)
    pub fn backward(
        &self,
        d: &mut ArrayRef2<Real>,
        d_memory: &mut ArrayRef2<Real>,
        gradients: &mut [Real],
        x: &ArrayRef2<Real>,
        memory: Memory<'_>,
        a: &DecoderActivations,
        pass: Pass<'_>,
        scratch: &mut Scratch,
    ) {
        let Scratch { attention, dy, dx, d_hidden, .. } = scratch;
        let (n, weights) = (pass.span.rows(), pass.weights);
        let (first, second) = (self.ln1.out(&a.ln1, n), self.ln2.out(&a.ln2, n));
        self.ln3.backward(
            d,
            gradients,
            &second,
            &a.ln3,
            weights,
            [dx, dy],
            |dx, gradients, dy, x| {
                let kept = &a.feed_forward;
                self.feed_forward.backward(dx, gradients, dy, x, kept, pass, d_hidden);
            },
        );
        self.ln2.backward(
            d,
            gradients,
            &first,
            &a.ln2,
            weights,
            [dx, dy],
            |dx, gradients, dy, x| {
                let (kept, to) = (&a.cross_attn, Some(d_memory));
                self.cross_attn.backward(dx, to, gradients, dy, x, memory, kept, pass, attention);
            },
        );
        self.ln1.backward(d, gradients, x, &a.ln1, weights, [dx, dy], |dx, gradients, dy, x| {
            let own = Memory::own(x, pass.span, None);
            let kept = &a.self_attn;
            self.self_attn.backward(dx, None, gradients, dy, x, own, kept, pass, attention);
        });
    }

    /// The layer's output, (N, C).
    pub fn out<'a>(&self, a: &'a DecoderActivations, n: usize) -> ArrayView2<'a, Real> {
        self.ln3.out(&a.ln3, n)
    }

    /// Hands the named values of the first sequence to `look`; `length` of the `source` tokens are no padding.
    pub fn visit(
        &self,
        a: &DecoderActivations,
        [time, source, length]: [usize; 3],
        look: &mut Look<'_>,
    ) {
        let name = &self.name;
        let sizes = [time, time, time];
        a.self_attn.visit(&self.self_attn, &format!("{name}.self_attn"), sizes, look);
        visit_rows(&format!("{name}.ln1"), &self.ln1.out(&a.ln1, time), time, look);
        let sizes = [time, source, length];
        a.cross_attn.visit(&self.cross_attn, &format!("{name}.cross_attn"), sizes, look);
        visit_rows(&format!("{name}.ln2"), &self.ln2.out(&a.ln2, time), time, look);
        a.feed_forward.visit(&format!("{name}.ffwd"), time, look);
        visit_rows(name, &self.out(a, time), time, look);
    }

    /// Room for `rows` answers of `time` tokens to `sources` sources of `source_time`.
    pub fn caches(&self, rows: usize, time: usize, sources: usize, source_time: usize) -> Caches {
        Caches {
            written: Cache::new(&self.self_attn, rows, time),
            memory: Cache::new(&self.cross_attn, sources, source_time),
        }
    }

    /// Keeps the memory's keys and values.
    pub fn remember(
        &self,
        caches: &mut Caches,
        memory: Memory<'_>,
        weights: &[Real],
        scratch: &mut Scratch,
    ) {
        self.cross_attn.remember(&mut caches.memory, memory, weights, &mut scratch.attention);
    }

    /// Row i continues what row `parents[i]` has written.
    pub fn rearrange(&self, caches: &mut Caches, parents: &[usize]) {
        caches.written.rearrange(&self.self_attn, parents);
    }
}
