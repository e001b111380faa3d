//! A multilayer perceptron over the last eight tokens (Bengio et al. 2003): their embeddings side by side, two layers.

use ndarray::ArrayView2;

use super::card::{Axis, Glance, Loss, Op, Part, Structure, Table, learned};
use super::config::Architecture;
use super::kind::{Form, Kind, unknown_to_others};
use super::token_shard::TokenShard;
use super::{Batch, Card, Config, Inference, LanguageModel, Look, Model, Shard};
use crate::math::Real;
use crate::math::gemm::{matrix, matrix_mut};
use crate::math::random::{Purpose, stream};
use crate::nn::embedding::Embedding;
use crate::nn::mlp::{self, Mlp};
use crate::nn::parameters::Registry;
use crate::nn::pass::Pass;
use crate::nn::rows::visit_logits;

/// Tokens that a prediction is made from; before the first there are newlines.
const SEEN: usize = 8;

pub const KIND: Kind = Kind {
    architecture: Architecture::WindowMlp,
    takes: &[Form::Window],
    hyperparameters: &["n_embd", "n_hidden"],
    sizes: &["vocab_size", "block_size", "n_embd", "n_hidden"],
    build: |config| Box::new(WindowMlp::new(config)),
    modules: &[],
    recognise: unknown_to_others,
};

#[derive(Clone, Debug)]
pub struct WindowMlp {
    config: Config,
    registry: Registry,
    layers: Layers,
}

#[derive(Clone, Debug)]
struct Layers {
    token: Embedding,
    mlp: Mlp,
}

impl WindowMlp {
    pub fn new(config: &Config) -> Self {
        let Config { vocab_size, n_embd, n_hidden, .. } = *config;
        let mut registry = Registry::default();
        let token = Embedding::new(&mut registry, "token_embedding_table", vocab_size, n_embd);
        let mlp = Mlp::new(&mut registry, "mlp", &[SEEN * n_embd, n_hidden, vocab_size]);
        Self { config: config.clone(), registry, layers: Layers { token, mlp } }
    }

    fn working(&self) -> Working {
        let a = self.layers.mlp.activations();
        Working { layers: self.layers.clone(), ids: vec![], x: vec![], dx: vec![], a }
    }
}

impl Model for WindowMlp {
    fn config(&self) -> &Config {
        &self.config
    }

    fn card(&self) -> Card {
        let Config { vocab_size, block_size, n_embd, n_hidden, .. } = self.config;
        let [t, c, h, v] =
            [("T", block_size), ("8C", SEEN * n_embd), ("H", n_hidden), ("V", vocab_size)]
                .map(|(name, size)| Axis { name, size });
        let part = |name: &str, title: &str, op, axes: &[Axis], from: &str| {
            Part::new(name, title, op, axes).reads(&[from]).glance(Glance::Rms)
        };
        Card {
            name: "A perceptron of eight tokens",
            structure: Structure {
                instead_of_attention: Some("the last eight tokens stand side by side"),
                ..Structure::PREDICTS
            },
            flow: vec![
                Part::new("tokens", "tokens", Op::Input, &[t]).unseen(),
                part("embedding", "eight embeddings", Op::Embedding, &[t, c], "tokens")
                    .weights("token_embedding_table."),
                part("hidden", "linear, ReLU", Op::FeedForward, &[t, h], "embedding")
                    .weights("mlp.0."),
                part("logits", "linear", Op::Linear, &[t, v], "hidden").weights("mlp.2."),
                Part::new("probabilities", "softmax", Op::Softmax, &[t, v]).reads(&["logits"]),
            ],
            maps: Vec::new(),
            tables: vec![Table::of_tokens("token_embedding_table.weight")],
            loss: Loss::CROSS_ENTROPY,
            parts: &[],
            learned: learned(&self.registry),
            constants: Vec::new(),
        }
    }

    fn registry(&self) -> &Registry {
        &self.registry
    }

    fn initialise(&self, weights: &mut [Real], seed: u64) {
        let init = self.config.init;
        self.layers.token.initialise(weights, init, &mut stream(seed, Purpose::Init, 0));
        self.layers.mlp.initialise(weights, init, &mut stream(seed, Purpose::Init, 1));
    }

    fn shard(&self) -> Box<dyn Shard> {
        Box::new(self.working())
    }

    fn inference(&self) -> Box<dyn Inference> {
        Box::new(OneSequence(self.working()))
    }

    fn language_model(&self) -> Option<Box<dyn LanguageModel>> {
        Some(Box::new(OneSequence(self.working())))
    }

    fn operations_per_token(&self) -> f64 {
        6.0 * self.layers.mlp.products() as f64
    }
}

struct Working {
    layers: Layers,
    /// (n, 8): the tokens that each prediction is made from
    ids: Vec<u32>,
    /// (n, 8C)
    x: Vec<Real>,
    /// (n, 8C)
    dx: Vec<Real>,
    a: mlp::Activations,
}

impl Working {
    /// Logits after every token of sequences of `time`.
    fn run(&mut self, tokens: &[u32], time: usize, weights: &[Real]) {
        let Self { layers, ids, x, a, .. } = self;
        ids.clear();
        for sequence in tokens.chunks(time) {
            for t in 0..sequence.len() {
                let token = |back: usize| t.checked_sub(back).map_or(0, |at| sequence[at]);
                ids.extend((0..SEEN).rev().map(token));
            }
        }
        let width = layers.token.width;
        x.resize(ids.len() * width, 0.0);
        layers.token.forward(&mut matrix_mut(x, ids.len(), width), ids, weights);
        layers.mlp.forward(a, x, weights);
    }
}

impl TokenShard for Working {
    fn vocab_size(&self) -> usize {
        self.layers.mlp.n_out()
    }

    fn together(&self, time: usize) -> usize {
        (512 / time).max(1)
    }

    fn forward<'a>(&'a mut self, batch: &'a Batch, pass: Pass<'_>) -> (&'a mut [Real], &'a [u32]) {
        self.run(pass.span.of(&batch.x), pass.span.time, pass.weights);
        (self.a.out_mut(), pass.span.of(&batch.y))
    }

    fn backward(&mut self, gradients: &mut [Real], _batch: &Batch, pass: Pass<'_>) {
        let Self { layers, ids, x, dx, a } = self;
        dx.resize(x.len(), 0.0);
        layers.mlp.backward(a, Some(gradients), Some(dx), x, pass.weights);
        let width = layers.token.width;
        layers.token.backward(gradients, &matrix(dx, ids.len(), width), ids);
    }
}

struct OneSequence(Working);

impl Inference for OneSequence {
    fn look(&mut self, weights: &[Real], subject: &Batch) {
        self.forward(weights, &subject.x);
    }

    fn visit(&self, look: &mut Look<'_>) {
        let Working { x, ids, a, .. } = &self.0;
        let time = ids.len() / SEEN;
        look("embedding", &[time, x.len() / time], x);
        a.visit("", &mut |_, shape, values| look("hidden", shape, values));
        visit_logits(&self.logits(), look);
    }
}

impl LanguageModel for OneSequence {
    fn forward(&mut self, weights: &[Real], tokens: &[u32]) {
        self.0.run(tokens, tokens.len(), weights);
    }

    fn next_logits(&mut self, weights: &[Real], context: &[u32]) -> &[Real] {
        let seen = &context[context.len().saturating_sub(SEEN)..];
        self.0.run(seen, seen.len(), weights);
        let logits = self.0.a.out();
        &logits[logits.len() - self.0.layers.mlp.n_out()..]
    }

    fn logits(&self) -> ArrayView2<'_, Real> {
        let columns = self.0.layers.mlp.n_out();
        matrix(self.0.a.out(), self.0.a.out().len() / columns, columns)
    }
}
