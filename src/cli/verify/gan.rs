//! The generative adversarial network: generated points, what the discriminator says of them, and both groups' gradients.

use anyhow::bail;

use super::golden::{Golden, Worst};
use super::limits;
use super::stages::{FORWARD, GRADIENT, initial_weights};
use crate::math::Real;
use crate::model::config::Architecture;
use crate::model::gan::Gan;
use crate::model::{Batch, Conditions, Config, Group, Losses, Model};

/// # Errors
/// If the file lacks something, or its parameters are not those of our model.
pub fn verify(golden: &Golden) -> anyhow::Result<Worst> {
    let config = Config {
        architecture: Architecture::Gan,
        n_input: golden.setting("data")?,
        n_hidden: golden.setting("hidden")?,
        n_latent: golden.setting("noise")?,
        ..Config::default()
    };
    let (real, noise) = (golden.tensor("in.real")?, golden.tensor("in.z")?);
    let [sequences, width] = real.shape[..] else { bail!("in.real is not (B, n_input)") };
    let batch = Batch {
        sequences,
        width,
        values: real.reals(),
        noise_width: config.n_latent,
        noise: noise.reals(),
        ..Batch::default()
    };
    limits::sizes(&config)?;
    let model = Gan::new(&config);
    limits::memory(&model, sequences)?;
    let weights = initial_weights(golden, &model)?;
    let mut worst = Worst::default();
    let fake = model.inference().produce(&weights, &batch);
    let values: Vec<Real> = fake.values.iter().map(|x| Real::from(*x)).collect();
    golden.compare(&mut worst, "out.fake", &values, FORWARD)?;
    for (reference, points) in [("out.real_logit", &batch.values), ("out.fake_logit", &values)] {
        golden.compare(
            &mut worst,
            reference,
            &scores(&model, &weights, &batch, points),
            FORWARD,
        )?;
    }
    let generator_loss = golden.setting("generator_loss")?;
    for (group, (Group { range, .. }, name)) in
        model.groups().into_iter().zip(["d_step", "g_step"]).enumerate()
    {
        let conditions = Conditions { group, generator_loss, ..Conditions::default() };
        let (mut shard, mut gradients) = (model.shard(), vec![0.0; weights.len()]);
        let mut losses = Losses::default();
        // What two shards do in turn.
        for rows in [0..sequences / 2, sequences / 2..sequences] {
            losses += shard.loss_and_gradients(&weights, &batch, rows, &conditions, &mut gradients);
        }
        let [discriminator, generator] = losses.over(sequences).parts.map(|loss| loss as Real);
        golden.compare(&mut worst, "out.d_loss", &[discriminator], FORWARD)?;
        golden.compare(&mut worst, "out.g_loss", &[generator], FORWARD)?;
        for parameter in model.registry().parameters() {
            // The reference names them within their network.
            if let Some((_, short)) =
                parameter.name.split_once('.').filter(|_| range.contains(&parameter.offset))
            {
                let name = format!("grad.{name}.{short}");
                golden.compare(&mut worst, &name, &parameter.read(&gradients), GRADIENT)?;
            }
        }
    }
    Ok(worst)
}

/// The discriminator's output for points.
fn scores(model: &Gan, weights: &[Real], batch: &Batch, points: &[Real]) -> Vec<Real> {
    let (mut inference, mut found) = (model.inference(), Vec::new());
    inference.look(weights, &Batch { values: points.to_vec(), ..batch.clone() });
    inference.visit(&mut |name, _, values| {
        if name == "real.score" {
            found.extend_from_slice(values);
        }
    });
    found
}
