//! The lecture's stages: a whole model's forward, its gradients, and a training run of some steps.

use std::collections::BTreeMap;

use anyhow::{Context, ensure};
use serde::Deserialize;

use super::golden::{Golden, Worst};
use super::limits;
use crate::math::Real;
use crate::model::{self, Batch, Conditions, Losses, Model};
use crate::stage::Training;
use crate::train::adamw::AdamW;

/// Limits on ‖ours - reference‖ / ‖reference‖. PyTorch itself in float32 stays within 2e-7, 1e-5, 3e-7 and 4e-5.
pub const FORWARD: f64 = 5e-6;
pub const GRADIENT: f64 = 5e-5;
const TRACE: f64 = 5e-6;
const TRAINED: f64 = 3e-4;

/// So many shards share a step here: what the trainer does, in small.
const SHARDS: usize = 2;

#[derive(Deserialize)]
struct Optimizer {
    lr: f64,
    betas: [f64; 2],
    eps: f64,
    weight_decay: f64,
}

/// # Errors
/// If the file lacks something, or its parameters are not those of our model.
pub fn verify(golden: &Golden) -> anyhow::Result<Worst> {
    let config = golden.config()?;
    limits::sizes(&config)?;
    let model = model::build(&config)?;
    let [steps, sequences, time] = golden.tensor("in.x")?.shape[..] else {
        anyhow::bail!("in.x is not (steps, B, T)");
    };
    let (x, y) = (golden.tensor("in.x")?.ids(), golden.tensor("in.y")?.ids());
    let batches: Vec<Batch> = x
        .chunks(sequences * time)
        .zip(y.chunks(sequences * time))
        .map(|(x, y)| Batch::text(x.to_vec(), y.to_vec(), sequences, time))
        .collect();
    ensure!(batches.len() == steps && steps > 0, "in.x and in.y hold no batches");
    limits::memory(&*model, sequences)?;
    let mut weights = initial_weights(golden, &*model)?;
    let mut worst = Worst::default();
    forward(golden, &mut worst, &*model, &weights, &batches[0])?;
    train(golden, &mut worst, &*model, &mut weights, &batches)?;
    Ok(worst)
}

/// The case's weights in our model's arena.
///
/// # Errors
/// If its parameters are not those of our model.
pub fn initial_weights(golden: &Golden, model: &dyn Model) -> anyhow::Result<Vec<Real>> {
    let registry = model.registry();
    let mut weights = vec![0.0; registry.len()];
    let theirs: Vec<_> = golden.names("param.").collect();
    ensure!(
        theirs.len() == registry.parameters().len(),
        "{} parameters, ours has {}",
        theirs.len(),
        registry.parameters().len()
    );
    for name in theirs {
        let parameter = registry.get(name).with_context(|| format!("our model has no {name}"))?;
        let tensor = golden.tensor(&format!("param.{name}"))?;
        ensure!(
            parameter.shape == tensor.shape,
            "{name}: {:?}, not {:?}",
            tensor.shape,
            parameter.shape
        );
        parameter.write(&mut weights, &tensor.reals());
    }
    Ok(weights)
}

/// Logits, hidden states and attention weights, sequence by sequence.
fn forward(
    golden: &Golden,
    worst: &mut Worst,
    model: &dyn Model,
    weights: &[Real],
    batch: &Batch,
) -> anyhow::Result<()> {
    let mut ours: BTreeMap<String, Vec<Real>> = BTreeMap::new();
    let mut inference = model.language_model().context("our model does not continue text")?;
    for tokens in batch.x.chunks(batch.time) {
        inference.forward(weights, tokens);
        inference.visit(&mut |name, _, values| {
            if let Some(name) = reference_name(name) {
                ours.entry(name).or_default().extend_from_slice(values);
            }
        });
    }
    for name in golden.names("out.").filter(|name| *name != "loss") {
        let name = format!("out.{name}");
        let values = ours.get(&name).with_context(|| format!("our model has no {name}"))?;
        golden.compare(worst, &name, values, FORWARD)?;
    }
    Ok(())
}

/// What the reference calls the values that our model calls `name`.
fn reference_name(name: &str) -> Option<String> {
    match name {
        "logits" => return Some("out.logits".to_owned()),
        "embedding" => return Some("out.hidden.0".to_owned()),
        _ => {}
    }
    let (block, part) = match name.strip_prefix("blocks.")?.split_once('.') {
        None => (name.strip_prefix("blocks.")?, ""),
        Some(parts) => parts,
    };
    let block: usize = block.parse().ok()?;
    match part {
        "" => Some(format!("out.hidden.{}", block + 1)),
        "sa.weights" => Some(format!("out.attention.{block}")),
        _ => None,
    }
}

/// The first step's loss and gradients, every step's loss, and where the weights end.
fn train(
    golden: &Golden,
    worst: &mut Worst,
    model: &dyn Model,
    weights: &mut [Real],
    batches: &[Batch],
) -> anyhow::Result<()> {
    let registry = model.registry();
    let Optimizer { lr, betas: [beta1, beta2], eps, weight_decay } = golden.setting("adamw")?;
    let training = Training { lr, weight_decay, beta1, beta2, epsilon: eps, ..Training::default() };
    let mut optimizer = AdamW::new(registry, &model.groups());
    let mut shards: Vec<_> = (0..SHARDS).map(|_| model.shard()).collect();
    let mut gradients = vec![vec![0.0; registry.len()]; SHARDS];
    let mut losses = Vec::new();
    for (batch, step) in batches.iter().zip(1..) {
        let mut sum = Losses::default();
        for (i, (shard, gradient)) in shards.iter_mut().zip(&mut gradients).enumerate() {
            gradient.fill(0.0);
            let rows = batch.sequences * i / SHARDS..batch.sequences * (i + 1) / SHARDS;
            let plain = Conditions::default();
            sum += shard.loss_and_gradients(weights, batch, rows, &plain, gradient);
        }
        losses.push(sum.over(batch.targets()).loss as Real);
        let norm = optimizer.gather(&mut gradients, 0);
        if step == 1 {
            golden.compare(worst, "out.loss", &losses, FORWARD)?;
            for parameter in registry.parameters() {
                let name = format!("grad.{}", parameter.name);
                golden.compare(worst, &name, &parameter.read(&gradients[0]), GRADIENT)?;
            }
        }
        optimizer.step(weights, &gradients[0], norm, &training, lr, 0);
    }
    golden.compare(worst, "trace.loss", &losses, TRACE)?;
    for parameter in registry.parameters() {
        let name = format!("trace.{}", parameter.name);
        golden.compare(worst, &name, &parameter.read(weights), TRAINED)?;
    }
    Ok(())
}
