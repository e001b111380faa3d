//! The convolutions in their own words.

use super::Conv;
use crate::model::card::{Axis, Card, Glance, Loss, Op, Part, Structure, Table, learned};
use crate::model::config::Architecture;
use crate::model::kind::{Form, Kind, unknown_to_others};
use crate::model::sight::Sight;
use crate::model::{Config, Model};

pub const KIND: Kind = Kind {
    architecture: Architecture::Conv,
    takes: &[Form::Window, Form::Question],
    hyperparameters: &["dropout", "n_layer", "n_hidden", "kernel"],
    sizes: &["vocab_size", "block_size", "n_hidden", "kernel", "n_layer"],
    build: |config| Box::new(Conv::new(config)),
    modules: &[],
    recognise: unknown_to_others,
};

pub(super) fn card(model: &Conv) -> Card {
    let Config { vocab_size, block_size, n_hidden, n_layer, kernel, .. } = *model.config();
    let [t, c, v] = [("T", block_size), ("C", n_hidden), ("V", vocab_size)]
        .map(|(name, size)| Axis { name, size });
    let half = Axis { name: "C/2", size: n_hidden.div_ceil(2) };
    let mut flow = vec![
        Part::new("tokens", "tokens", Op::Input, &[t]).unseen(),
        Part::new("embedding", "token embedding", Op::Embedding, &[t, c])
            .reads(&["tokens"])
            .glance(Glance::Rms)
            .weights("token_embedding_table."),
    ];
    let mut below = "embedding".to_owned();
    for i in 0..n_layer {
        let (name, of) = (format!("layers.{i}"), format!("layer {}", i + 1));
        let title = format!("{kernel} places, {} apart", 1 << i);
        let conv = Part::new(format!("{name}.conv"), title, Op::Convolution, &[t, half]);
        let conv = conv.sees(Sight::places(model.layers.blocks[i].places()));
        flow.push(conv.reads(&[&below]).weights(format!("{name}.")).of(of.clone()));
        let sum = Part::new(name.clone(), "+", Op::Add, &[t, c]);
        flow.push(sum.reads(&[&below, &format!("{name}.conv")]).glance(Glance::Rms).of(of));
        below = name;
    }
    flow.extend([
        Part::new("ln_f", "LayerNorm", Op::Norm, &[t, c])
            .reads(&[&below])
            .glance(Glance::Rms)
            .weights("ln_f."),
        Part::new("logits", "linear: lm_head", Op::Linear, &[t, v])
            .reads(&["ln_f"])
            .glance(Glance::Rms)
            .weights("lm_head."),
        Part::new("probabilities", "softmax", Op::Softmax, &[t, v]).reads(&["logits"]),
    ]);
    Card {
        name: "A causal convolution",
        structure: Structure {
            instead_of_attention: Some("it reads fixed places before each, whatever stands there"),
            ..Structure::PREDICTS
        },
        flow,
        maps: Vec::new(),
        tables: vec![Table::of_tokens("token_embedding_table.weight")],
        loss: Loss::CROSS_ENTROPY,
        parts: &[],
        learned: learned(model.registry()),
        groups: Vec::new(),
        constants: Vec::new(),
    }
}
