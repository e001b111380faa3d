//! `gpt-lab inspect --neighbours`: whose embeddings point the same way.

use std::io::Write;

use serde_json::json;

use super::super::Failure;
use super::quoted;
use crate::math::cosine::by_cosine;
use crate::model::Model;
use crate::text::Tokenizer;
use crate::train::checkpoint::Checkpoint;

/// So many of the nearest are shown.
const NEAREST: usize = 10;
/// The embedding of every token, (V, C); a bigram's rows of logits, (V, V).
const TABLE: &str = "token_embedding_table.weight";

pub fn run(
    checkpoint: &Checkpoint,
    tokenizer: &Tokenizer,
    token: &str,
    json: bool,
) -> Result<(), Failure> {
    let model: &dyn Model = &*checkpoint.model;
    let stage = &checkpoint.config.stage;
    let Some(table) = model.registry().get(TABLE) else {
        return Err(Failure::usage(format!("{stage} has no {TABLE}: its tokens have no vectors")));
    };
    let id = tokenizer.id(token).ok_or_else(|| unknown(tokenizer, token))?;
    let width = table.shape[1];
    let values: Vec<f32> = table.positions().map(|at| checkpoint.weights[at] as f32).collect();
    let mut nearest = by_cosine(&values, width, id as usize);
    nearest.truncate(NEAREST);

    let step = checkpoint.step;
    let mut out = std::io::stdout().lock();
    if json {
        let list: Vec<_> = nearest
            .iter()
            .map(|(id, cosine)| json!({"token": tokenizer.token(*id as u32), "cosine": cosine}))
            .collect();
        let token = tokenizer.token(id);
        let line = json!({"stage": stage, "step": step, "token": token, "neighbours": list});
        writeln!(out, "{line}")?;
        return Ok(());
    }
    writeln!(
        out,
        "{stage} after {step} steps: nearest to {} by cosine",
        quoted(&tokenizer.token(id))
    )?;
    for (id, cosine) in nearest {
        writeln!(out, "{cosine:>8.3}  {}", quoted(&tokenizer.token(id as u32)))?;
    }
    Ok(())
}

/// Why there is no such token, and which was perhaps meant.
fn unknown(tokenizer: &Tokenizer, token: &str) -> Failure {
    let vocab_size = tokenizer.vocab_size();
    let asked = quoted(token);
    match tokenizer {
        Tokenizer::Characters(_) => Failure::usage(format!(
            "{asked} is none of the model's {vocab_size} characters: give one of them; for neighbours of words train with --tokens words"
        )),
        Tokenizer::Words(words) => {
            let meant = words.nearest_spelling(token).map_or_else(
                || "give a more frequent word of the text".to_owned(),
                |nearest| format!("did you mean {nearest:?}?"),
            );
            Failure::usage(format!("{asked} is none of the model's {vocab_size} words: {meant}"))
        }
    }
}
