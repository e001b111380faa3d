//! The memory network in its own words.

use super::MemoryNetwork;
use crate::model::card::{Axis, Card, Glance, Loss, Map, Op, Part, Side, Structure, learned};
use crate::model::config::{Architecture, FeedForward, QueryKey};
use crate::model::kind::{Form, Kind, unknown_to_others};
use crate::model::{Config, Model, Sentences};

pub const KIND: Kind = Kind {
    architecture: Architecture::Memory,
    takes: &[Form::Question],
    hyperparameters: &["dropout", "n_embd", "hops", "feed_forward", "activation"],
    sizes: &["vocab_size", "block_size", "n_embd", "hops"],
    build: |config| Box::new(MemoryNetwork::new(config)),
    modules: &[],
    recognise: unknown_to_others,
};

pub(super) fn card(model: &MemoryNetwork) -> Card {
    let Config { vocab_size, n_embd, hops, sentences, feed_forward, .. } = *model.config();
    let [c, v] = [("C", n_embd), ("V", vocab_size)].map(|(name, size)| Axis { name, size });
    let mut flow = vec![Part::new("tokens", "tokens", Op::Input, &[]).unseen()];
    let mut below = "tokens".to_owned();
    for i in 0..hops {
        let name = format!("hops.{i}");
        let part = Part::new(name.clone(), "attention over memories", Op::Attention, &[c]);
        let from = if i == 0 { vec!["tokens"] } else { vec!["tokens", below.as_str()] };
        flow.push(part.reads(&from).glance(Glance::Rms).of(format!("hop {}", i + 1)));
        below = name;
        if feed_forward != FeedForward::None {
            let name = format!("{below}.ffwd");
            let part = Part::new(name.clone(), "feed-forward", Op::FeedForward, &[c]);
            let part = part.weights(format!("{name}.")).reads(&[&below]).glance(Glance::Rms);
            flow.push(part.of(format!("hop {}", i + 1)));
            below = name;
        }
    }
    flow.extend([
        Part::new("answer", "question + what was read", Op::Add, &[c])
            .reads(&[&below])
            .glance(Glance::Rms),
        Part::new("logits", "linear", Op::Linear, &[v]).reads(&["answer"]).glance(Glance::Rms),
        Part::new("probabilities", "softmax", Op::Softmax, &[v]).reads(&["logits"]),
    ]);
    let map = |i: usize| Map {
        name: format!("hops.{i}"),
        all: "hops.*".to_owned(),
        sign: format!("H{}", i + 1),
        title: format!("hop {} of {hops}", i + 1),
        about: match sentences {
            Some(_) => "what the question takes from each sentence",
            None => "what the question takes from each memory",
        },
        rows: Side::Question,
        columns: sentences.map_or(Side::Before, |Sentences { end, .. }| Side::Sentences { end }),
        causal: false,
        heads: 1,
        head_size: 0,
        divisor: None,
        query_key: QueryKey::Separate,
    };
    Card {
        name: "A memory network",
        structure: Structure {
            answers_once: true,
            instead_of_table: Some(
                "it has a table for every hop and one more, not one that says what a token is",
            ),
            ..Structure::PREDICTS
        },
        flow,
        maps: (0..hops).map(map).collect(),
        tables: Vec::new(),
        loss: Loss { of: "cross-entropy of the answer", ..Loss::CROSS_ENTROPY },
        parts: &[],
        learned: learned(model.registry()),
        groups: Vec::new(),
        constants: Vec::new(),
    }
}
