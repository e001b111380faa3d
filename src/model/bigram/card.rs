//! The bigram in its own words.

use super::Bigram;
use crate::model::card::{
    Axis, Card, Columns, Glance, Loss, Op, Part, Rows, Structure, Table, learned,
};
use crate::model::config::Architecture;
use crate::model::kind::{Form, Kind, matrix};
use crate::model::{Config, Model};

pub const KIND: Kind = Kind {
    architecture: Architecture::Bigram,
    takes: &[Form::Window],
    hyperparameters: &[],
    sizes: &["vocab_size", "block_size"],
    build: |config| Box::new(Bigram::new(config)),
    // A square table, and no layer after it.
    modules: &[],
    recognise: |shapes| {
        let (vocab_size, width) = matrix(shapes, "token_embedding_table.weight").ok()?;
        let alone = vocab_size == width && !shapes.contains_key("lm_head.weight");
        let architecture = Architecture::Bigram;
        alone.then(|| Ok(Config { architecture, vocab_size, ..Config::default() }))
    },
};

pub(super) fn card(model: &Bigram) -> Card {
    let Config { vocab_size, block_size, .. } = *model.config();
    let [t, v] = [("T", block_size), ("V", vocab_size)].map(|(name, size)| Axis { name, size });
    Card {
        name: "A bigram",
        structure: Structure {
            instead_of_attention: Some("what comes next depends on the last character alone"),
            ..Structure::PREDICTS
        },
        flow: vec![
            Part::new("tokens", "tokens", Op::Input, &[t]).unseen(),
            Part::new("logits", "a row of the table", Op::Embedding, &[t, v])
                .reads(&["tokens"])
                .glance(Glance::Rms)
                .weights("token_embedding_table."),
            Part::new("probabilities", "softmax", Op::Softmax, &[t, v]).reads(&["logits"]),
        ],
        maps: Vec::new(),
        tables: vec![Table {
            name: "token_embedding_table.weight".to_owned(),
            learned: true,
            rows: Rows::Tokens,
            columns: Columns::Next,
            of: "",
        }],
        loss: Loss::CROSS_ENTROPY,
        parts: &[],
        learned: learned(model.registry()),
        groups: Vec::new(),
        constants: Vec::new(),
    }
}
