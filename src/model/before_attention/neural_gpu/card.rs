//! The Neural GPU in its own words.

use super::NeuralGpu;
use crate::model::card::{Axis, Card, Glance, Loss, Op, Part, Structure, Table, learned};
use crate::model::config::Architecture;
use crate::model::kind::{Form, Kind, unknown_to_others};
use crate::model::sight::Sight;
use crate::model::{Config, Model};

pub const KIND: Kind = Kind {
    architecture: Architecture::NeuralGpu,
    takes: &[Form::Question],
    hyperparameters: &["dropout", "n_hidden", "kernel", "hops", "gate_cutoff", "diagonal_gates"],
    sizes: &["vocab_size", "block_size", "n_hidden", "kernel"],
    build: |config| Box::new(NeuralGpu::new(config)),
    modules: &[],
    recognise: unknown_to_others,
};

/// What a pass shows beside the tape after it.
fn inside(name: &str) -> Vec<String> {
    ["update", "reset", "candidate"].map(|part| format!("{name}.{part}")).to_vec()
}

pub(super) fn card(model: &NeuralGpu) -> Card {
    let Config { vocab_size, block_size, n_hidden, hops, .. } = *model.config();
    let [t, c, v] = [("T", block_size), ("C", n_hidden), ("V", vocab_size)]
        .map(|(name, size)| Axis { name, size });
    let mut flow = vec![
        Part::new("tokens", "tokens", Op::Input, &[t]).unseen(),
        Part::new("embedding", "token embedding", Op::Embedding, &[t, c])
            .reads(&["tokens"])
            .glance(Glance::Rms)
            .weights("token_embedding_table."),
    ];
    let mut below = "embedding".to_owned();
    let passes = if hops == 0 { block_size } else { hops };
    for i in 0..passes {
        let name = format!("passes.{i}");
        let pass = Part::new(name.clone(), "the same unit", Op::Convolution, &[t, c]);
        let of = format!("pass {}", i + 1);
        let pass = pass.inside(inside(&name)).sees(Sight::places(model.layers.encoder.places()));
        flow.push(pass.reads(&[&below]).glance(Glance::Rms).weights("encoder.").of(of));
        below = name;
    }
    flow.extend([
        Part::new("outputs.0", "the writing unit", Op::Convolution, &[t, c])
            .reads(&[&below])
            .inside(inside("outputs.0"))
            .sees(Sight::places(model.layers.decoder.places()))
            .weights("decoder."),
        Part::new("logits", "linear: lm_head", Op::Linear, &[v])
            .reads(&["outputs.0"])
            .glance(Glance::Rms)
            .weights("lm_head."),
        Part::new("probabilities", "softmax", Op::Softmax, &[v]).reads(&["logits"]),
    ]);
    Card {
        name: "The Neural GPU",
        structure: Structure {
            answers_once: true,
            instead_of_attention: Some("neighbours on its tape pass on what they hold"),
            ..Structure::PREDICTS
        },
        flow,
        maps: Vec::new(),
        tables: vec![Table::of_tokens("token_embedding_table.weight")],
        loss: Loss { of: "cross-entropy of the answer", ..Loss::CROSS_ENTROPY },
        parts: &[],
        learned: learned(model.registry()),
        groups: Vec::new(),
        constants: Vec::new(),
    }
}
