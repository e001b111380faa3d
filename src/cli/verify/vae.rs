//! The variational autoencoder: what it makes of a batch of images with given noise, its losses and gradients.

use anyhow::bail;

use super::golden::{Golden, Worst};
use super::limits;
use super::stages::{FORWARD, GRADIENT, initial_weights};
use crate::math::Real;
use crate::model::config::Architecture;
use crate::model::vae::Vae;
use crate::model::{Batch, Conditions, Config, Losses, Model};

/// # Errors
/// If the file lacks something, or its parameters are not those of our model.
pub fn verify(golden: &Golden) -> anyhow::Result<Worst> {
    let config = Config {
        architecture: Architecture::Vae,
        n_input: golden.setting("input")?,
        n_hidden: golden.setting("hidden")?,
        n_latent: golden.setting("latent")?,
        ..Config::default()
    };
    let beta: f64 = golden.setting("beta")?;
    let (x, noise) = (golden.tensor("in.x")?, golden.tensor("in.eps")?);
    let [sequences, width] = x.shape[..] else { bail!("in.x is not (B, n_input)") };
    let batch = Batch {
        sequences,
        width,
        values: x.reals(),
        noise_width: config.n_latent,
        noise: noise.reals(),
        ..Batch::default()
    };
    limits::sizes(&config)?;
    let model = Vae::new(&config);
    limits::memory(&model, sequences)?;
    let weights = initial_weights(golden, &model)?;
    let mut worst = Worst::default();
    for (ours, reference) in [
        ("latent.mean", "out.mean"),
        ("latent.log_var", "out.log_var"),
        ("latent.z", "out.z"),
        ("logits", "out.logits"),
    ] {
        golden.compare(
            &mut worst,
            reference,
            &every_image(&model, &weights, &batch, ours),
            FORWARD,
        )?;
    }
    let conditions = Conditions { beta: beta as Real, ..Conditions::default() };
    let (mut shard, mut gradients) = (model.shard(), vec![0.0; weights.len()]);
    let mut losses = Losses::default();
    // What two shards do in turn.
    for rows in [0..sequences / 2, sequences / 2..sequences] {
        losses += shard.loss_and_gradients(&weights, &batch, rows, &conditions, &mut gradients);
    }
    let Losses { loss, parts: [reconstruction, kl] } = losses.over(sequences);
    for (name, value) in [("reconstruction", reconstruction), ("kl", kl), ("loss", loss)] {
        golden.compare(&mut worst, &format!("out.{name}"), &[value as Real], FORWARD)?;
    }
    for parameter in model.registry().parameters() {
        let name = format!("grad.{}", parameter.name);
        golden.compare(&mut worst, &name, &parameter.read(&gradients), GRADIENT)?;
    }
    Ok(worst)
}

/// What an inference hands over by that name, image after image.
fn every_image(model: &Vae, weights: &[Real], batch: &Batch, wanted: &str) -> Vec<Real> {
    let (mut inference, mut all) = (model.inference(), Vec::new());
    let images = batch.values.chunks(batch.width);
    for (image, noise) in images.zip(batch.noise.chunks(batch.noise_width)) {
        let (values, noise) = (image.to_vec(), noise.to_vec());
        inference.look(weights, &Batch { sequences: 1, values, noise, ..batch.clone() });
        inference.visit(&mut |name, _, values| {
            if name == wanted {
                all.extend_from_slice(values);
            }
        });
    }
    all
}
