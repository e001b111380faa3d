//! The encoder-decoder in its own words: the paper's figure 1.

use super::EncoderDecoder;
use crate::model::card::{
    Axis, Better, Card, Columns, Constant, Figure, Glance, Loss, Map, Op, Part, Rows, Side,
    Structure, Table, Unit, learned,
};
use crate::model::config::{Activation, Architecture, Norm, QueryKey};
use crate::model::kind::{Form, Kind, unknown_to_others};
use crate::model::{Config, Model};

pub const KIND: Kind = Kind {
    architecture: Architecture::EncoderDecoder,
    takes: &[Form::Pair],
    hyperparameters: &[
        "dropout",
        "epsilon",
        "label_smoothing",
        "n_embd",
        "n_head",
        "n_layer",
        "attention_scale",
        "activation",
        "norm",
        "n_hidden",
        "shift_targets",
        "scale_embeddings",
        "embedding_init",
    ],
    sizes: &[
        "vocab_size",
        "block_size",
        "source_vocab",
        "source_size",
        "n_embd",
        "n_head",
        "n_layer",
    ],
    build: |config| Box::new(EncoderDecoder::new(config)),
    modules: &[],
    recognise: unknown_to_others,
};

/// Where the encoder and the decoder are drawn.
const ENCODER: usize = 0;
const DECODER: usize = 1;

pub(super) fn card(model: &EncoderDecoder) -> Card {
    let config = model.config();
    let Config { vocab_size, block_size, source_size, n_embd, n_layer, .. } = *config;
    let [s, t, c, v] = [("S", source_size), ("T", block_size), ("C", n_embd), ("V", vocab_size)]
        .map(|(name, size)| Axis { name, size });
    let input = |name: &str, tokens: &str, title: &str, axis: Axis, tower| {
        let seen = tower == DECODER;
        let [rows, places] = [format!("{name}.token"), format!("{name}.position")];
        let scaled = if config.scale_embeddings { "embedding x sqrt(C)" } else { "embedding" };
        [
            Part { seen, ..Part::new(tokens, title, Op::Input, &[axis]).in_tower(tower) },
            Part::new(rows.clone(), scaled, Op::Embedding, &[axis, c])
                .reads(&[tokens])
                .glance(Glance::Rms)
                .weights(format!("{name}."))
                .in_tower(tower),
            Part::new(places.clone(), "sines and cosines", Op::Embedding, &[axis, c])
                .glance(Glance::Rms)
                .in_tower(tower),
            Part::new(name, "+", Op::Add, &[axis, c])
                .reads(&[&rows, &places])
                .glance(Glance::Rms)
                .in_tower(tower),
        ]
    };
    let mut flow: Vec<Part> = Vec::new();
    flow.extend(input("source_embedding", "source", "source", s, ENCODER));
    let mut stream = "source_embedding".to_owned();
    for i in 0..n_layer {
        let tower = Layer { config, number: i, tower: ENCODER, axes: [s, c] };
        let middle = tower.sublayer(&mut flow, &stream, "self_attn", "ln1", None);
        stream = tower.sublayer(&mut flow, &middle, "ffwd", "", None);
    }
    let memory = if config.norm == Norm::Pre { "LayerNorm" } else { "memory" };
    let op = if config.norm == Norm::Pre { Op::Norm } else { Op::Add };
    let part = Part::new("memory", memory, op, &[s, c]).reads(&[&stream]).glance(Glance::Rms);
    flow.push(part.weights("encoder.norm.").in_tower(ENCODER));
    let read = if config.shift_targets { "target, shifted right" } else { "target, not shifted" };
    flow.extend(input("target_embedding", "target", read, t, DECODER));
    "target_embedding".clone_into(&mut stream);
    for i in 0..n_layer {
        let tower = Layer { config, number: i, tower: DECODER, axes: [t, c] };
        let first = tower.sublayer(&mut flow, &stream, "self_attn", "ln1", None);
        let second = tower.sublayer(&mut flow, &first, "cross_attn", "ln2", Some("memory"));
        stream = tower.sublayer(&mut flow, &second, "ffwd", "", None);
    }
    if config.norm == Norm::Pre {
        let norm = Part::new("decoder.norm", "LayerNorm", Op::Norm, &[t, c]).unseen();
        flow.push(norm.reads(&[&stream]).weights("decoder.norm.").in_tower(DECODER));
        "decoder.norm".clone_into(&mut stream);
    }
    let output = Part::new("logits", "linear: output", Op::Linear, &[t, v]).reads(&[&stream]);
    flow.push(output.glance(Glance::Rms).weights("output.").in_tower(DECODER));
    let softmax = Part::new("probabilities", "softmax", Op::Softmax, &[t, v]).reads(&["logits"]);
    flow.push(softmax.in_tower(DECODER));

    let encoder = (0..n_layer).map(|i| map(config, i, &ENCODERS));
    let decoder = (0..n_layer).flat_map(|i| [map(config, i, &DECODERS), map(config, i, &CROSS)]);
    let (rows, columns) = (Rows::Tokens, Columns::Channels);
    let table = |name: &str, of| Table { name: name.to_owned(), learned: true, rows, columns, of };
    Card {
        name: "An encoder-decoder",
        structure: Structure::PREDICTS,
        flow,
        maps: encoder.chain(decoder).collect(),
        tables: vec![
            table("target_embedding.weight", " of the target"),
            table("source_embedding.weight", " of the source"),
        ],
        loss: Loss { of: "cross-entropy of the target's next token", ..Loss::CROSS_ENTROPY },
        parts: &[Figure { name: "accuracy", unit: Unit::Share, better: Better::Higher }],
        learned: learned(model.registry()),
        groups: Vec::new(),
        constants: vec![
            Constant {
                name: "positions",
                axes: vec![t, c],
                what: "sines on even channels, cosines on odd ones; wavelengths from 2 pi on",
            },
            Constant {
                name: "mask",
                axes: vec![t, t],
                what: "the target sees itself and what is before it; padding is seen by nobody",
            },
        ],
    }
}

/// A layer of one of the stacks, while its parts are listed.
struct Layer<'a> {
    config: &'a Config,
    number: usize,
    tower: usize,
    axes: [Axis; 2],
}

impl Layer<'_> {
    fn name(&self) -> String {
        let stack = if self.tower == ENCODER { "encoder" } else { "decoder" };
        format!("{stack}.{}", self.number)
    }

    /// Adds a sublayer to the flow: with its norm where that stands, and the sum. `sum` is the activation that holds the
    /// stream after it; without one, it is the layer's output. What the stream is called then.
    fn sublayer(
        &self,
        flow: &mut Vec<Part>,
        stream: &str,
        sublayer: &str,
        sum: &str,
        memory: Option<&str>,
    ) -> String {
        let Self { config, number, tower, axes } = self;
        let name = self.name();
        let of = format!(
            "{} layer {}",
            if *tower == ENCODER { "encoder" } else { "decoder" },
            number + 1
        );
        let place = |part: Part| part.in_tower(*tower).of(of.clone());
        let norm_number = match (sublayer, sum) {
            ("self_attn", _) => "ln1",
            ("cross_attn", _) => "ln2",
            _ if memory.is_none() && *tower == ENCODER => "ln2",
            _ => "ln3",
        };
        let weights = format!("{name}.{norm_number}.");
        let mut input = stream.to_owned();
        if config.norm == Norm::Pre {
            let before = format!("{name}.{norm_number}.before");
            let norm = Part::new(before.clone(), "LayerNorm", Op::Norm, axes).unseen();
            flow.push(place(norm.reads(&[stream]).weights(weights.clone())));
            input = before;
        }
        let inner = format!("{name}.{sublayer}");
        let (title, op) = match sublayer {
            "ffwd" => ("feed-forward", Op::FeedForward),
            "cross_attn" => ("cross-attention", Op::Attention),
            _ if *tower == DECODER => ("masked self-attention", Op::Attention),
            _ => ("self-attention", Op::Attention),
        };
        let dead = format!("{inner}.activated");
        if sublayer == "ffwd" && config.activation == Activation::Relu {
            let width = if config.n_hidden == 0 { 4 * config.n_embd } else { config.n_hidden };
            let hidden = Axis { name: "4C", size: width };
            let part = Part::new(dead.clone(), "linear, ReLU", op, &[axes[0], hidden]);
            flow.push(place(part.reads(&[&input])));
            input = dead;
        }
        let from: Vec<&str> = std::iter::once(input.as_str()).chain(memory).collect();
        let part = Part::new(inner.clone(), title, op, axes).reads(&from);
        flow.push(place(part.weights(format!("{inner}.")).glance(Glance::Rms)));
        let whole = sum.is_empty();
        let after = if whole { name.clone() } else { format!("{name}.{sum}") };
        let glance = if whole { Glance::Rms } else { Glance::No };
        if config.norm == Norm::Post {
            let added = format!("{inner}.sum");
            let add = Part::new(added.clone(), "+", Op::Add, axes).unseen();
            flow.push(place(add.reads(&[stream, &inner])));
            let norm = Part::new(after.clone(), "LayerNorm", Op::Norm, axes).reads(&[&added]);
            flow.push(place(norm.weights(weights).glance(glance)));
        } else {
            let add = Part::new(after.clone(), "+", Op::Add, axes).reads(&[stream, &inner]);
            flow.push(place(add.glance(glance)));
        }
        after
    }
}

/// What the maps of one sort have in common.
struct Sort {
    letter: char,
    stack: &'static str,
    attention: &'static str,
    title: &'static str,
    about: &'static str,
    rows: Side,
    columns: Side,
    causal: bool,
}

const ENCODERS: Sort = Sort {
    letter: 'E',
    stack: "encoder",
    attention: "self_attn",
    title: "encoder",
    about: "the source looks at itself",
    rows: Side::Source,
    columns: Side::Source,
    causal: false,
};
const DECODERS: Sort = Sort {
    letter: 'D',
    stack: "decoder",
    attention: "self_attn",
    title: "decoder",
    about: "the target looks at its past",
    rows: Side::Target,
    columns: Side::Target,
    causal: true,
};
const CROSS: Sort = Sort {
    letter: 'C',
    stack: "decoder",
    attention: "cross_attn",
    title: "cross",
    about: "the target looks at the source",
    rows: Side::Target,
    columns: Side::Source,
    causal: false,
};

fn map(config: &Config, layer: usize, sort: &Sort) -> Map {
    let Sort { letter, stack, attention, title, about, rows, columns, causal } = *sort;
    Map {
        name: format!("{stack}.{layer}.{attention}"),
        all: format!("{stack}.*.{attention}"),
        sign: format!("{letter}{}", layer + 1),
        title: format!("{title} {} of {}", layer + 1, config.n_layer),
        about,
        rows,
        columns,
        causal,
        heads: config.n_head,
        head_size: config.head_size(),
        divisor: config.attention_divisor(),
        query_key: QueryKey::Separate,
    }
}
