//! The GPT in its own words: whatever its switches make of it.

use super::Gpt;
use crate::model::card::{
    Axis, Card, Columns, Constant, Glance, Loss, Map, Op, Part, Rows, Side, Structure, Table,
    learned,
};
use crate::model::config::{
    Activation, Architecture, Fault, FeedForward, Norm, Position, QueryKey,
};
use crate::model::kind::{Form, Kind, Shapes, count, matrix};
use crate::model::sight::Sight;
use crate::model::{Config, Model};

pub const KIND: Kind = Kind {
    architecture: Architecture::Gpt,
    takes: &[Form::Window, Form::Question],
    hyperparameters: &[
        "dropout",
        "n_embd",
        "n_head",
        "n_layer",
        "position",
        "attention_scale",
        "query_key",
        "causal",
        "projection",
        "feed_forward",
        "activation",
        "residual",
        "norm",
        "final_norm",
        "fault",
    ],
    sizes: &["vocab_size", "block_size", "n_embd", "n_head"],
    build: |config| Box::new(Gpt::new(config)),
    modules: &["blocks.", "position_embedding_table.", "ln_f.", "lm_head."],
    recognise: |shapes| shapes.contains_key("lm_head.weight").then(|| recognise(shapes)),
};

/// Names and shapes do not tell what scores are divided by, whether there are residual connections, which activation there
/// is, and whether norms stand before or after: the lecture's choices are assumed (a projection came with residuals, a last
/// LayerNorm with norms before). A head without a key's weight is tied, unless merged is said: they look alike.
fn recognise(shapes: &Shapes<'_>) -> Result<Config, String> {
    let (vocab_size, n_embd) = matrix(shapes, "token_embedding_table.weight")?;
    let has = |name: &str| shapes.contains_key(name);
    let position = shapes.get("position_embedding_table.weight");
    let mask = shapes.get("blocks.0.sa.heads.0.tril");
    let block_size = match position.or(mask) {
        Some(&[time, _]) => *time,
        _ => Config::default().block_size,
    };
    let projection = has("blocks.0.sa.proj.weight");
    let final_norm = has("ln_f.weight");
    Ok(Config {
        architecture: Architecture::Gpt,
        vocab_size,
        block_size,
        n_embd,
        n_layer: count(shapes, |i| format!("blocks.{i}.sa.heads.0.query.weight")),
        n_head: count(shapes, |i| format!("blocks.0.sa.heads.{i}.query.weight")).max(1),
        query_key: match ["query", "key"]
            .map(|part| has(&format!("blocks.0.sa.heads.0.{part}.weight")))
        {
            [true, false] => QueryKey::Tied,
            _ => QueryKey::Separate,
        },
        position: if position.is_some() { Position::Learned } else { Position::None },
        projection,
        residual: projection,
        feed_forward: match (has("blocks.0.ffwd.net.0.weight"), has("blocks.0.ffwd.net.2.weight")) {
            (false, _) => FeedForward::None,
            (true, true) => FeedForward::Mlp4,
            (true, false) => FeedForward::Single,
        },
        final_norm,
        norm: match (has("blocks.0.ln1.weight"), final_norm) {
            (false, _) => Norm::None,
            (true, true) => Norm::Pre,
            (true, false) => Norm::Post,
        },
        ..Config::default()
    })
}

pub(super) fn card(model: &Gpt) -> Card {
    let config = model.config();
    let Config { vocab_size, block_size, n_embd, .. } = *config;
    let [t, c, v] = [("T", block_size), ("C", n_embd), ("V", vocab_size)]
        .map(|(name, size)| Axis { name, size });
    let fixed = config.position == Position::Sinusoidal;
    let mut flow = vec![
        Part::new("tokens", "tokens", Op::Input, &[t]).unseen(),
        Part::new("embedding.token", "token embedding", Op::Embedding, &[t, c])
            .reads(&["tokens"])
            .weights("token_embedding_table."),
    ];
    let embedding = match config.position {
        Position::None => Part::new("embedding", "embedding", Op::Add, &[t, c]),
        Position::Learned | Position::Sinusoidal => {
            let title = if fixed { "sines and cosines" } else { "position embedding" };
            let position = Part::new("embedding.position", title, Op::Embedding, &[t, c]);
            let table = if fixed { "" } else { "position_embedding_table." };
            flow.push(position.weights(table));
            Part::new("embedding", "+", Op::Add, &[t, c])
        }
    };
    let summed: Vec<_> = flow[1..].iter().map(|part| part.name.clone()).collect();
    let summed: Vec<_> = summed.iter().map(String::as_str).collect();
    flow.push(embedding.reads(&summed).glance(Glance::Rms));
    let mut stream = "embedding".to_owned();
    for number in 0..config.n_layer {
        flow.extend(block(config, number, &stream, [t, c]));
        stream = format!("blocks.{number}");
    }
    if config.final_norm {
        let norm = Part::new("ln_f", "LayerNorm", Op::Norm, &[t, c]).reads(&[&stream]);
        flow.push(norm.glance(Glance::Rms).weights("ln_f."));
        "ln_f".clone_into(&mut stream);
    }
    let head = Part::new("logits", "linear: lm_head", Op::Linear, &[t, v]).reads(&[&stream]);
    flow.push(head.glance(Glance::Rms).weights("lm_head."));
    flow.push(Part::new("probabilities", "softmax", Op::Softmax, &[t, v]).reads(&["logits"]));
    let mut constants = Vec::new();
    if fixed {
        let what = "sines on even channels, cosines on odd ones; wavelengths from 2 pi on";
        constants.push(Constant { name: "positions", axes: vec![t, c], what });
    }
    if config.causal {
        let what = "a position sees itself and those before it: the lower triangle";
        constants.push(Constant { name: "mask", axes: vec![t, t], what });
    }
    let keys = match config.query_key {
        _ if config.n_layer == 0 => None,
        QueryKey::Separate => None,
        QueryKey::Tied => Some("the queries once more: W_K is W_Q, one weight a head for both"),
        QueryKey::Merged => {
            Some("what the head reads, as it is: W_Q stands for W_Q W_K' as a whole")
        }
    };
    constants.extend(keys.map(|what| Constant { name: "keys", axes: vec![t, c], what }));
    Card {
        name: "A GPT",
        structure: Structure {
            sees_future: !config.causal || config.fault.sees_future(config.n_head),
            ..Structure::PREDICTS
        },
        flow,
        maps: (0..config.n_layer).map(|layer| map(config, layer)).collect(),
        tables: tables(config),
        loss: Loss::CROSS_ENTROPY,
        parts: &[],
        learned: learned(model.registry()),
        groups: Vec::new(),
        constants,
    }
}

fn tables(config: &Config) -> Vec<Table> {
    let mut tables = vec![Table::of_tokens("token_embedding_table.weight")];
    let (name, learned) = match config.position {
        Position::None => return tables,
        Position::Learned => ("position_embedding_table.weight", true),
        Position::Sinusoidal => ("embedding.position", false),
    };
    let (rows, columns, of) = (Rows::Positions, Columns::Channels, "");
    tables.push(Table { name: name.to_owned(), learned, rows, columns, of });
    tables
}

fn map(config: &Config, layer: usize) -> Map {
    let (one, right) = (config.n_layer == 1, config.fault == Fault::None);
    Map {
        name: format!("blocks.{layer}.sa"),
        all: "blocks.*.sa".to_owned(),
        sign: format!("L{}", layer + 1),
        title: if one {
            String::new()
        } else {
            format!("layer {} of {}", layer + 1, config.n_layer)
        },
        about: if right {
            "who looks at whom, and how much"
        } else {
            "who looks at whom, where the layer is wrong on purpose"
        },
        rows: Side::Prompt,
        columns: Side::Prompt,
        // Neither hides anything by a score of -inf.
        causal: config.causal && !matches!(config.fault, Fault::MaskZero | Fault::MaskAfterSoftmax),
        heads: config.n_head,
        // What a faulty head reads may be of no position.
        head_size: if right { config.head_size() } else { 0 },
        divisor: config.attention_divisor(),
        query_key: config.query_key,
    }
}

/// The parts of one block: a norm where it stands, the sublayer, the sum.
fn block(config: &Config, number: usize, stream: &str, [t, c]: [Axis; 2]) -> Vec<Part> {
    let name = format!("blocks.{number}");
    let of = format!("block {}", number + 1);
    let mut parts: Vec<Part> = Vec::new();
    let has_ffwd = config.feed_forward != FeedForward::None;
    // A sublayer: what it reads of the stream, and the name of what the stream is after it.
    let mut sublayer = |part: Part, norm: &str, from: &str, last: bool| {
        let norm_part = |reads: &str, glance| {
            let part = Part::new(format!("{name}.{norm}"), "LayerNorm", Op::Norm, &[t, c]);
            part.reads(&[reads]).weights(format!("{name}.{norm}.")).glance(glance)
        };
        let mut out = from.to_owned();
        if config.norm == Norm::Pre {
            parts.push(norm_part(&out, Glance::No));
            out = format!("{name}.{norm}");
        }
        let inner = part.name.clone();
        let activated = format!("{inner}.activated");
        if part.op == Op::FeedForward && config.activation == Activation::Relu {
            let hidden = hidden(config);
            let part = Part::new(activated, "linear, ReLU", Op::FeedForward, &[t, hidden]);
            parts.push(part.reads(&[&out]).glance(Glance::Dead));
            out = format!("{inner}.activated");
        }
        parts.push(part.reads(&[&out]).glance(Glance::Rms));
        out = inner;
        // Without a sum and a norm after it, the block's output is the last sublayer's.
        let whole = |last: bool, middle: &str| {
            if last { name.clone() } else { format!("{name}.{middle}") }
        };
        if config.residual {
            let post = config.norm == Norm::Post;
            let sum = whole(last && !post, &format!("sum{}", if last { 2 } else { 1 }));
            let seen = sum == name;
            let part = Part::new(sum.clone(), "+", Op::Add, &[t, c]).reads(&[from, &out]);
            parts.push(if seen { part.glance(Glance::Rms) } else { part.unseen() });
            out = sum;
        }
        if config.norm == Norm::Post {
            parts.push(norm_part(&out, Glance::No));
            out = format!("{name}.{norm}");
        }
        out
    };
    let heads = match config.n_head {
        1 => "self-attention".to_owned(),
        n => format!("attention, {n} heads"),
    };
    let heads = match config.query_key {
        QueryKey::Separate => heads,
        QueryKey::Tied => format!("{heads}, K = Q"),
        QueryKey::Merged => format!("{heads}, K = x"),
    };
    let heads = match config.fault {
        Fault::None => heads,
        fault => format!("{heads}, wrong: {}", <&str>::from(fault).replace('_', " ")),
    };
    let sa = Part::new(format!("{name}.sa"), heads, Op::Attention, &[t, c]);
    let sight = match config.fault {
        Fault::None if config.causal => Sight::Earlier,
        // What a mistake lets it see differs from mistake to mistake.
        _ => Sight::All,
    };
    let sa = sa.weights(format!("{name}.sa.")).sees(sight);
    let mut out = sublayer(sa, "ln1", stream, !has_ffwd);
    if has_ffwd {
        let ffwd = Part::new(format!("{name}.ffwd"), "feed-forward", Op::FeedForward, &[t, c]);
        let ffwd = ffwd.weights(format!("{name}.ffwd."));
        out = sublayer(ffwd, "ln2", &out, true);
    }
    if out != name {
        // What goes on is what the last part says.
        parts.push(Part::new(name, "out", Op::Add, &[t, c]).reads(&[&out]).glance(Glance::Rms));
    }
    parts.into_iter().map(|part| part.of(of.clone())).collect()
}

/// The width between the two linear layers.
fn hidden(config: &Config) -> Axis {
    match config.feed_forward {
        FeedForward::Mlp4 => Axis { name: "4C", size: 4 * config.n_embd },
        FeedForward::None | FeedForward::Single => Axis { name: "C", size: config.n_embd },
    }
}
