//! The configuration behind a plain `state_dict` of the lecture's model, as far as names and shapes tell it.
//!
//! They do not tell what scores are divided by, whether there are residual connections, which activation there is, and
//! whether norms stand before or after: the lecture's choices are assumed (a projection came with residuals, a last
//! LayerNorm with norms before), and options can say otherwise.

use std::collections::BTreeMap;

use super::Overrides;
use super::file::Tensor;
use crate::model;
use crate::model::config::{Architecture, FeedForward, Norm, Position};
use crate::task::{self, Task};
use crate::train::config::{Config, Training};
use crate::train::stage::STAGES;

/// Recurrent networks, by the module that holds their layers.
const RECURRENT: [(&str, Architecture); 3] =
    [("rnn", Architecture::Rnn), ("gru", Architecture::Gru), ("lstm", Architecture::Lstm)];
/// How far back a recurrent network's training goes, which no tensor tells: the presets'.
const RECURRENT_BLOCK_SIZE: usize = 32;

/// The stage of a model that is none of the presets.
const STAGE: &str = "state-dict";
/// The seed of its batches, should it be trained further: the lecture's.
const SEED: u64 = 1337;

/// The causal mask that the lecture's heads keep as a buffer.
pub fn is_buffer(name: &str) -> bool {
    name.rsplit('.').next() == Some("tril")
}

/// Reads a configuration from tensors.
///
/// # Errors
/// A clause that says what is missing or cannot be.
pub fn infer(tensors: &BTreeMap<String, Tensor>, overrides: &Overrides) -> Result<Config, String> {
    let shape = |name: &str| tensors.get(name).map(|t| t.shape.as_slice());
    let matrix = |name: &str| match shape(name) {
        Some(&[rows, columns]) => Ok((rows, columns)),
        Some(other) => Err(format!("{name} is {other:?}, not a matrix")),
        None => Err(format!("it holds no {name}")),
    };
    let (vocab_size, n_embd) = matrix("token_embedding_table.weight")?;
    let gpt = tensors.contains_key("lm_head.weight");
    let mut model = model::Config { vocab_size, ..model::Config::default() };
    let count = |name: &dyn Fn(usize) -> String| {
        (0..tensors.len()).take_while(|i| tensors.contains_key(&name(*i))).count()
    };
    let cell =
        RECURRENT.iter().find(|(name, _)| tensors.contains_key(&format!("{name}.weight_hh_l0")));
    if let Some((name, architecture)) = cell {
        model.model = *architecture;
        model.n_embd = n_embd;
        model.n_hidden = matrix(&format!("{name}.weight_hh_l0"))?.1;
        model.n_layer = count(&|i| format!("{name}.weight_hh_l{i}"));
        model.block_size = RECURRENT_BLOCK_SIZE;
    } else if gpt {
        model.n_embd = n_embd;
        model.n_layer = count(&|i| format!("blocks.{i}.sa.heads.0.key.weight"));
        model.n_head = count(&|i| format!("blocks.0.sa.heads.{i}.key.weight")).max(1);
        let position = shape("position_embedding_table.weight");
        model.position = if position.is_some() { Position::Learned } else { Position::None };
        let mask = shape("blocks.0.sa.heads.0.tril");
        if let Some(&[time, _]) = position.or(mask) {
            model.block_size = time;
        }
        model.projection = tensors.contains_key("blocks.0.sa.proj.weight");
        model.residual = model.projection;
        model.feed_forward = match shape("blocks.0.ffwd.net.0.weight") {
            None => FeedForward::None,
            Some(_) if tensors.contains_key("blocks.0.ffwd.net.2.weight") => FeedForward::Mlp4,
            Some(_) => FeedForward::Single,
        };
        model.final_norm = tensors.contains_key("ln_f.weight");
        model.norm = match (tensors.contains_key("blocks.0.ln1.weight"), model.final_norm) {
            (false, _) => Norm::None,
            (true, true) => Norm::Pre,
            (true, false) => Norm::Post,
        };
    } else if vocab_size == n_embd {
        model.model = Architecture::Bigram;
    } else {
        return Err("it holds no lm_head.weight".to_owned());
    }
    let preset = STAGES
        .iter()
        .map(|stage| stage.config(vocab_size, SEED))
        .filter(|preset| preset.task.task == Task::Text)
        .find(|preset| model::Config { init: model.init, ..preset.model.clone() } == model);
    let mut config = preset.unwrap_or_else(|| Config {
        stage: STAGE.to_owned(),
        seed: SEED,
        model,
        training: Training::default(),
        task: task::Config::default(),
    });
    for (hyperparameter, value) in overrides {
        hyperparameter.set(&mut config, *value).map_err(|error| error.to_string())?;
    }
    Ok(config)
}
