//! One sequence through a recurrent network: everything inside, how far back a gradient reaches, and text.

use ndarray::{ArrayView2, s};

use super::{Activations, BackwardMemory, Layers};
use crate::math::cross_entropy::{IGNORED, cross_entropy, cross_entropy_backward};
use crate::math::{Real, room};
use crate::model::card::GRADIENT_NORM;
use crate::model::{Batch, Dropout, Inference, LanguageModel, Look, Output};
use crate::nn::pass::Span;
use crate::nn::rows::{contiguous, contiguous_mut, row_norms, visit_logits, visit_rows};

pub struct OneSequence {
    layers: Layers,
    block_size: usize,
    activations: Activations,
    /// Of the last forward.
    tokens: Vec<u32>,
    /// The states after the tokens `read`, and the logits there.
    running: Activations,
    read: Vec<u32>,
    /// The loss's gradient, for [`Inference::look`] alone: made when first asked for.
    gradient: Option<Gradient>,
    /// How many weights the model has.
    weights: usize,
}

pub struct Gradient {
    memory: BackwardMemory,
    /// What a backward pass adds up for the weights; nobody looks.
    weights: Vec<Real>,
    /// For each layer (T): ‖d loss / d h_t‖. Empty if the last look had no target.
    norms: Vec<Vec<Real>>,
}

impl Gradient {
    pub fn new(layers: &Layers, block_size: usize, weights: usize) -> Self {
        Self {
            memory: layers.backward_memory(1, block_size),
            weights: room::zeros(weights),
            norms: Vec::new(),
        }
    }
}

impl OneSequence {
    pub fn new(layers: Layers, block_size: usize, weights: usize) -> Self {
        Self {
            activations: layers.activations(1, block_size),
            running: layers.activations(1, 1),
            layers,
            block_size,
            tokens: room::list(block_size),
            read: Vec::new(),
            gradient: None,
            weights,
        }
    }

    /// The span of the last forward.
    fn span(&self) -> Span {
        Span { sequences: 1, time: self.tokens.len(), first: 0 }
    }

    /// Runs forward over the tokens; there are no gradients to see yet.
    fn run(&mut self, weights: &[Real], tokens: &[u32]) {
        let time = tokens.len();
        assert!(time > 0 && time <= self.block_size, "1 to block_size tokens");
        self.tokens.clear();
        self.tokens.extend_from_slice(tokens);
        let span = self.span();
        let Self { layers, activations: a, .. } = self;
        a.start(1);
        layers.forward(a, tokens, span, weights, Dropout::OFF);
        layers.logits(a, 0, span, weights, Dropout::OFF);
        if let Some(gradient) = &mut self.gradient {
            gradient.norms.clear();
        }
    }

    /// From the loss of one position, backward through time to every state.
    fn look_back(&mut self, weights: &[Real], position: usize, target: u32) {
        let span = self.span();
        let Self { layers, activations: a, .. } = self;
        let gradient = self
            .gradient
            .get_or_insert_with(|| Gradient::new(layers, self.block_size, self.weights));
        let columns = layers.lm_head.n_out;
        // The logits stay to be seen: backward reads its gradient from where they stand.
        let logits = a.logits.clone();
        let rows = contiguous_mut(&mut a.logits);
        rows[(position + 1) * columns..].fill(0.0);
        let row = &mut rows[position * columns..][..columns];
        cross_entropy_backward(row, &[target], columns, 1.0);
        gradient.weights.fill(0.0);
        let Gradient { memory, weights: ignored, norms } = gradient;
        layers.backward(memory, a, &self.tokens, position, span, weights, ignored, Dropout::OFF);
        a.logits = logits;
        norms.resize(memory.states.len(), Vec::new());
        for (norms, states) in norms.iter_mut().zip(&memory.states) {
            row_norms(norms, &states.slice(s![..span.time, ..]));
        }
    }
}

/// The last position of a subject that something is asked at, and what. A text says what followed each of its tokens but the
/// last.
fn asked(subject: &Batch) -> Option<(usize, u32)> {
    match &*subject.x {
        [_, .., last] if subject.y.is_empty() => Some((subject.x.len() - 2, *last)),
        _ => {
            let position = subject.y.iter().rposition(|target| *target != IGNORED)?;
            Some((position, subject.y[position]))
        }
    }
}

impl Inference for OneSequence {
    fn look(&mut self, weights: &[Real], subject: &Batch) {
        self.run(weights, &subject.x);
        if let Some((position, target)) = asked(subject) {
            self.look_back(weights, position, target);
        }
    }

    /// Hands over, beside `embedding` (T, C), `logits` and `probabilities` (T, V), for the last layer:
    ///
    /// - `hidden` (T, H): h_t
    /// - LSTM: `cell` (T, H): c_t; `gates.input`, `gates.forget`, `gates.cell`, `gates.output` (T, H)
    /// - GRU: `gates.reset`, `gates.update`, `gates.new` (T, H)
    /// - after a look, `hidden.gradient_norm` (T): ‖d loss / d h_t‖, of the loss at the last position where a target is known;
    ///   how it falls with the distance from there is what a net can learn from
    ///
    /// The layers before it hand over the same, called `layers.0.hidden` and so on.
    fn visit(&self, look: &mut Look<'_>) {
        let (time, a) = (self.tokens.len(), &self.activations);
        visit_rows("embedding", &a.embedding, time, look);
        let norms = self.gradient.as_ref().map_or(&[][..], |gradient| &gradient.norms);
        let last = self.layers.recurrent.len() - 1;
        for (i, (layer, a)) in self.layers.recurrent.iter().zip(&a.layers).enumerate() {
            let prefix = if i == last { String::new() } else { format!("layers.{i}.") };
            layer.visit(&a.inside, time, &prefix, look);
            if let Some(norms) = norms.get(i) {
                look(&format!("{prefix}hidden{GRADIENT_NORM}"), &[time], norms);
            }
        }
        visit_logits(&self.logits(), look);
    }

    fn produce(&mut self, weights: &[Real], batch: &Batch) -> Output {
        batch.answers(self.layers.lm_head.n_out, |x, answer| {
            self.run(weights, x);
            answer(contiguous(&self.logits()));
        })
    }
}

impl LanguageModel for OneSequence {
    fn forward(&mut self, weights: &[Real], tokens: &[u32]) {
        self.run(weights, tokens);
    }

    /// Logits (V) after the last token of `context`, of which the model sees everything: it has no window, the state runs on
    /// past `block_size`.
    ///
    /// When a context is the last one with tokens appended, under the same weights, the state from before is used again, so a
    /// token costs the same wherever it stands.
    fn next_logits(&mut self, weights: &[Real], context: &[u32]) -> &[Real] {
        let Self { layers, running: a, read, .. } = self;
        if context.len() <= read.len() || !context.starts_with(read) {
            read.clear();
            a.start(1);
        }
        let one = Span { sequences: 1, time: 1, first: 0 };
        for token in &context[read.len()..] {
            layers.forward(a, std::slice::from_ref(token), one, weights, Dropout::OFF);
            for layer in &mut a.layers {
                layer.inside.carry_on(1);
            }
        }
        read.extend_from_slice(&context[read.len()..]);
        layers.logits(a, 0, one, weights, Dropout::OFF)
    }

    fn carried_loss(&mut self, weights: &[Real], text: &[u32]) -> Option<f64> {
        let Self { layers, activations: a, block_size, .. } = self;
        let mut loss = 0.0;
        a.start(1);
        let targets = text.get(1..).unwrap_or_default();
        for (x, y) in text.chunks(*block_size).zip(targets.chunks(*block_size)) {
            let x = &x[..y.len()];
            let span = Span { sequences: 1, time: x.len(), first: 0 };
            layers.forward(a, x, span, weights, Dropout::OFF);
            let logits = layers.logits(a, 0, span, weights, Dropout::OFF);
            loss += cross_entropy(logits, y, layers.lm_head.n_out);
            for layer in &mut a.layers {
                layer.inside.carry_on(x.len());
            }
        }
        // What stands there is no longer of the tokens of the last forward.
        self.tokens.clear();
        Some(loss)
    }

    fn logits(&self) -> ArrayView2<'_, Real> {
        self.activations.logits.slice(s![..self.tokens.len(), ..])
    }
}
