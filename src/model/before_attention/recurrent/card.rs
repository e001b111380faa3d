//! Recurrent networks in their own words.

use super::Recurrent;
use crate::model::card::{Axis, Card, Constant, Glance, Loss, Op, Part, Structure, Table, learned};
use crate::model::config::Architecture;
use crate::model::kind::{Form, Kind, Shapes, count, matrix};
use crate::model::sight::Sight;
use crate::model::{Config, Model};

pub const RNN: Kind = Kind {
    modules: &["rnn."],
    recognise: |shapes| recognise(shapes, "rnn", Architecture::Rnn),
    ..of(Architecture::Rnn)
};
pub const GRU: Kind = Kind {
    modules: &["gru."],
    recognise: |shapes| recognise(shapes, "gru", Architecture::Gru),
    ..of(Architecture::Gru)
};
pub const LSTM: Kind = Kind {
    modules: &["lstm."],
    recognise: |shapes| recognise(shapes, "lstm", Architecture::Lstm),
    hyperparameters: &["dropout", "n_embd", "n_layer", "n_hidden", "forget_bias"],
    ..of(Architecture::Lstm)
};

const fn of(architecture: Architecture) -> Kind {
    Kind {
        architecture,
        takes: &[Form::Window, Form::Question],
        hyperparameters: &["dropout", "n_embd", "n_layer", "n_hidden"],
        sizes: &["vocab_size", "block_size", "n_embd", "n_hidden", "n_layer"],
        build: |config| Box::new(Recurrent::new(config)),
        modules: &[],
        recognise: crate::model::kind::unknown_to_others,
    }
}

/// How far back training goes, which no tensor tells: the presets'.
const BLOCK_SIZE: usize = 32;

/// `module` holds the layers.
fn recognise(
    shapes: &Shapes<'_>,
    module: &str,
    architecture: Architecture,
) -> Option<Result<Config, String>> {
    let recurrent = format!("{module}.weight_hh_l0");
    shapes.contains_key(recurrent.as_str()).then(|| {
        let (vocab_size, n_embd) = matrix(shapes, "token_embedding_table.weight")?;
        Ok(Config {
            architecture,
            vocab_size,
            n_embd,
            n_hidden: matrix(shapes, &recurrent)?.1,
            n_layer: count(shapes, |i| format!("{module}.weight_hh_l{i}")),
            block_size: BLOCK_SIZE,
            ..Config::default()
        })
    })
}

/// What a layer shows beside its h_t.
fn inside(architecture: Architecture, prefix: &str) -> Vec<String> {
    let names: &[&str] = match architecture {
        Architecture::Lstm => {
            &["gates.input", "gates.forget", "gates.cell", "gates.output", "cell"]
        }
        Architecture::Gru => &["gates.reset", "gates.update", "gates.new"],
        _ => &[],
    };
    names.iter().map(|name| format!("{prefix}{name}")).collect()
}

pub(super) fn card(model: &Recurrent) -> Card {
    let config = model.config();
    let Config { vocab_size, block_size, n_embd, n_hidden, n_layer, .. } = *config;
    let [t, c, h, v] = [("T", block_size), ("C", n_embd), ("H", n_hidden), ("V", vocab_size)]
        .map(|(name, size)| Axis { name, size });
    let (module, name, title) = match config.architecture {
        Architecture::Lstm => ("lstm", "An LSTM", "LSTM"),
        Architecture::Gru => ("gru", "A GRU", "GRU"),
        _ => ("rnn", "A recurrent network", "tanh layer"),
    };
    let mut flow = vec![
        Part::new("tokens", "tokens", Op::Input, &[t]).unseen(),
        Part::new("embedding", "token embedding", Op::Embedding, &[t, c])
            .reads(&["tokens"])
            .glance(Glance::Rms)
            .weights("token_embedding_table."),
    ];
    let mut below = "embedding".to_owned();
    for i in 0..n_layer {
        let last = i + 1 == n_layer;
        let prefix = if last { String::new() } else { format!("layers.{i}.") };
        let of = format!("layer {}", i + 1);
        let mut from = vec![below.as_str()];
        if last && config.architecture == Architecture::Lstm {
            let cell = Part::new("cell", "cell state", Op::Recurrent, &[t, h]);
            flow.push(cell.reads(&from).glance(Glance::Rms).of(of.clone()));
            from.push("cell");
        }
        let hidden = format!("{prefix}hidden");
        let part = Part::new(hidden.clone(), title, Op::Recurrent, &[t, h]).reads(&from);
        let part = part.inside(inside(config.architecture, &prefix)).sees(Sight::State);
        // A layer's parameters end in its number, all under one module.
        let part = part.weights(if n_layer == 1 { format!("{module}.") } else { String::new() });
        flow.push(part.glance(Glance::Rms).of(of));
        below = hidden;
    }
    flow.push(
        Part::new("logits", "linear: lm_head", Op::Linear, &[t, v])
            .reads(&[&below])
            .glance(Glance::Rms)
            .weights("lm_head."),
    );
    flow.push(Part::new("probabilities", "softmax", Op::Softmax, &[t, v]).reads(&["logits"]));
    Card {
        name,
        structure: Structure {
            instead_of_attention: Some("all it knows of earlier tokens is its state"),
            ..Structure::PREDICTS
        },
        flow,
        maps: Vec::new(),
        tables: vec![Table::of_tokens("token_embedding_table.weight")],
        loss: Loss::CROSS_ENTROPY,
        parts: &[],
        learned: learned(model.registry()),
        groups: Vec::new(),
        constants: vec![Constant {
            name: "state",
            axes: vec![h],
            what: "zeros before a window's first token",
        }],
    }
}
