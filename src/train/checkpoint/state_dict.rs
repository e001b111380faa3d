//! The configuration behind a plain `state_dict` of the lecture's model, as far as names and shapes tell it: each kind of
//! network knows its own. What they do not tell is assumed, and options can say otherwise.

use std::collections::BTreeMap;

use super::Overrides;
use super::file::Tensor;
use crate::model::kind::{Shapes, matrix};
use crate::model::{self, KINDS};
use crate::stage::STAGES;
use crate::stage::config::{Config, Training};
use crate::task;

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
    let shapes: Shapes<'_> =
        tensors.iter().map(|(name, t)| (name.as_str(), t.shape.as_slice())).collect();
    let (vocab_size, _) = matrix(&shapes, "token_embedding_table.weight")?;
    let model = KINDS.iter().find_map(|kind| (kind.recognise)(&shapes));
    let model = model.ok_or_else(|| "it holds no lm_head.weight".to_owned())??;
    let preset = STAGES
        .iter()
        .map(|stage| stage.config(vocab_size, SEED))
        .filter(|preset| preset.task.reads_text())
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
