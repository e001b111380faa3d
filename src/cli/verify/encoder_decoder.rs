//! The encoder-decoder: forward, memory and every map of weights of pairs with padding, the smoothed loss, all gradients.

use std::collections::BTreeMap;

use anyhow::{Context, bail};

use super::golden::{Golden, Worst};
use super::limits;
use super::stages::{FORWARD, GRADIENT, initial_weights};
use crate::math::Real;
use crate::model::config::Architecture;
use crate::model::{self, Batch, Conditions, Config, IGNORED, Losses, Model, PAD};

/// So many shards share the batch.
const SHARDS: usize = 2;

/// # Errors
/// If the file lacks something, or its parameters are not those of our model.
pub fn verify(golden: &Golden) -> anyhow::Result<Worst> {
    let (source, x) = (golden.tensor("in.source")?, golden.tensor("in.target_in")?);
    let (&[sequences, source_time], &[_, time]) = (&source.shape[..], &x.shape[..]) else {
        bail!("in.source and in.target_in are not (B, S) and (B, T)");
    };
    let asked = |id: u32| if id == PAD { IGNORED } else { id };
    let y = golden.tensor("in.target_out")?.ids().into_iter().map(asked).collect();
    let batch =
        Batch { source: source.ids(), source_time, ..Batch::text(x.ids(), y, sequences, time) };
    let config = Config {
        architecture: Architecture::EncoderDecoder,
        vocab_size: golden.setting("target_vocab")?,
        block_size: time,
        source_size: source_time,
        n_hidden: 0,
        ..golden.config()?
    };
    limits::sizes(&config)?;
    let model = model::build(&config)?;
    limits::memory(&*model, sequences)?;
    let weights = initial_weights(golden, &*model)?;
    let mut worst = Worst::default();
    forward(golden, &mut worst, &*model, &weights, &batch)?;
    step(golden, &mut worst, &*model, &weights, &batch)?;
    Ok(worst)
}

/// Logits, memory and weights of all attentions, pair by pair.
fn forward(
    golden: &Golden,
    worst: &mut Worst,
    model: &dyn Model,
    weights: &[Real],
    batch: &Batch,
) -> anyhow::Result<()> {
    let mut ours: BTreeMap<String, Vec<Real>> = BTreeMap::new();
    let mut inference = model.inference();
    for i in 0..batch.sequences {
        let tokens = i * batch.time..(i + 1) * batch.time;
        let source = &batch.source[i * batch.source_time..(i + 1) * batch.source_time];
        let pair = Batch {
            source: source.to_vec(),
            source_time: batch.source_time,
            ..Batch::text(batch.x[tokens.clone()].to_vec(), batch.y[tokens].to_vec(), 1, batch.time)
        };
        inference.look(weights, &pair);
        inference.visit(&mut |name, _, values| {
            ours.entry(name.to_owned()).or_default().extend_from_slice(values);
        });
    }
    for name in golden.names("out.").filter(|name| *name != "loss") {
        let of_ours = our_name(name);
        let values = ours.get(&of_ours).with_context(|| format!("our model has no {of_ours}"))?;
        golden.compare(worst, &format!("out.{name}"), values, FORWARD)?;
    }
    Ok(())
}

/// What our model calls the values that the reference calls `name`.
fn our_name(name: &str) -> String {
    match name.rsplit_once('.') {
        Some((layer, "attention" | "self_attention")) => format!("{layer}.self_attn.weights"),
        Some((layer, "cross_attention")) => format!("{layer}.cross_attn.weights"),
        _ => name.to_owned(),
    }
}

/// The loss and every gradient.
fn step(
    golden: &Golden,
    worst: &mut Worst,
    model: &dyn Model,
    weights: &[Real],
    batch: &Batch,
) -> anyhow::Result<()> {
    let label_smoothing = golden.setting::<f64>("label_smoothing")? as Real;
    let conditions = Conditions { label_smoothing, ..Conditions::default() };
    let mut gradients = vec![0.0; weights.len()];
    let (mut losses, mut alone) = (Losses::default(), Losses::default());
    for i in 0..SHARDS {
        let rows = batch.sequences * i / SHARDS..batch.sequences * (i + 1) / SHARDS;
        let mut shard = model.shard();
        alone += shard.loss(weights, batch, rows.clone(), &conditions);
        losses += shard.loss_and_gradients(weights, batch, rows, &conditions, &mut gradients);
    }
    for losses in [losses, alone] {
        let loss = losses.over(batch.targets()).loss as Real;
        golden.compare(worst, "out.loss", &[loss], FORWARD)?;
    }
    for parameter in model.registry().parameters() {
        let name = format!("grad.{}", parameter.name);
        golden.compare(worst, &name, &parameter.read(&gradients), GRADIENT)?;
    }
    Ok(())
}
