use super::*;
use crate::model::Dropout;
use crate::model::config::{Architecture, Reduction};

fn config() -> Config {
    Config {
        architecture: Architecture::Vae,
        n_input: 9,
        n_hidden: 7,
        n_latent: 2,
        ..Config::default()
    }
}

fn weights(vae: &Vae) -> Vec<Real> {
    let mut weights = vec![0.0; vae.registry().len()];
    vae.initialise(&mut weights, 7);
    weights
}

fn batch(config: &Config, n: usize) -> Batch {
    let pixel = |i: usize| (i as Real * 0.618).fract();
    let noise = |i: usize| (i as Real * 2.3).sin() * 1.5;
    Batch {
        sequences: n,
        width: config.n_input,
        values: (0..n * config.n_input).map(pixel).collect(),
        noise_width: config.n_latent,
        noise: (0..n * config.n_latent).map(noise).collect(),
        ..Batch::default()
    }
}

fn conditions(beta: Real) -> Conditions {
    Conditions { beta, dropout: Dropout::OFF, ..Conditions::default() }
}

#[cfg(feature = "f64")]
#[test]
fn gradient_of_every_parameter_of_a_whole_vae() {
    use crate::math::finite_difference::check;
    use Reduction::{Mean, Sum};
    for (beta, n_latent, n, reduction) in
        [(1.0, 2, 4, Sum), (0.3, 3, 1, Sum), (0.0, 1, 3, Mean), (20.0, 4, 5, Mean)]
    {
        let vae = Vae::new(&Config { n_latent, reduction, ..config() });
        let (weights, batch) = (weights(&vae), batch(vae.config(), n));
        let (mut shard, conditions) = (vae.shard(), conditions(beta));
        let mut gradients = vec![0.0; weights.len()];
        // Two shards' worth, to have the rows' places in the batch checked as well.
        let mut losses =
            shard.loss_and_gradients(&weights, &batch, 0..1, &conditions, &mut gradients);
        losses += shard.loss_and_gradients(&weights, &batch, 1..n, &conditions, &mut gradients);
        let mut loss = |weights: &[f64]| shard.loss(weights, &batch, 0..n, &conditions);
        assert!((loss(&weights).loss - losses.loss).abs() < 1e-9);
        check("vae", &weights, &gradients, 1e-6, |weights| loss(weights).loss / n as f64);
    }
}

#[test]
fn the_loss_is_reconstruction_plus_beta_times_kl_and_the_kl_that_of_the_formula() {
    let vae = Vae::new(&config());
    let (weights, batch) = (weights(&vae), batch(vae.config(), 6));
    let mut shard = vae.shard();
    for beta in [0.0, 1.0, 4.0] {
        let Losses { loss, parts: [reconstruction, kl] } =
            shard.loss(&weights, &batch, 0..6, &conditions(beta));
        assert!((loss - reconstruction - f64::from(beta as f32) * kl).abs() < 1e-4);
        assert!(kl > 0.0 && reconstruction > 0.0);
    }
    assert_eq!(kl_of_dimension(0.0, 0.0), 0.0);
    // KL(N(1, e) || N(0, 1)) = (1 + e - 1 - 1) / 2
    let expected = (std::f64::consts::E - 1.0) / 2.0;
    assert!((kl_of_dimension(1.0, 1.0) - expected as Real).abs() < 1e-6);
}

/// As if beta were as many times as large as an image has pixels.
#[test]
fn a_mean_over_pixels_is_a_larger_beta() {
    let [sum, mean] = [Reduction::Sum, Reduction::Mean]
        .map(|reduction| Vae::new(&Config { reduction, ..config() }));
    let (weights, batch) = (weights(&sum), batch(sum.config(), 6));
    let gradients = |vae: &Vae, beta| {
        let mut gradients = vec![0.0; weights.len()];
        let conditions = conditions(beta);
        let mut shard = vae.shard();
        let losses = shard.loss_and_gradients(&weights, &batch, 0..6, &conditions, &mut gradients);
        (losses, gradients)
    };
    let ((of_sum, by_sum), (of_mean, by_mean)) = (gradients(&sum, 18.0), gradients(&mean, 2.0));
    assert!((of_sum.loss - 9.0 * of_mean.loss).abs() < 1e-3 * of_sum.loss);
    assert!((of_sum.parts[0] - 9.0 * of_mean.parts[0]).abs() < 1e-3 * of_sum.parts[0]);
    assert_eq!(of_sum.parts[1], of_mean.parts[1]);
    for (a, b) in by_sum.iter().zip(&by_mean) {
        assert!((a - 9.0 * b).abs() < 1e-4 + 1e-3 * a.abs(), "{a} {b}");
    }
    assert!(by_sum.iter().any(|d| d.abs() > 0.1));
}

#[test]
fn what_visit_hands_over_is_named_shaped_and_consistent() {
    let vae = Vae::new(&config());
    let weights = weights(&vae);
    let mut inference = vae.inference();
    let mut subject = batch(vae.config(), 5);
    (subject.noise_width, subject.x, subject.time) = (0, vec![3, 1, 4, 1, 5], 1);
    inference.look(&weights, &subject);
    let mut all = std::collections::HashMap::new();
    inference.visit(&mut |name, shape, values| {
        assert_eq!(shape.iter().product::<usize>(), values.len(), "{name}");
        let seen = all.insert(name.to_owned(), (shape.to_vec(), values.to_vec()));
        assert!(seen.is_none(), "{name} twice");
    });
    for (name, shape) in [
        ("image", &[3, 3][..]),
        ("encoder.hidden", &[7]),
        ("latent.kl", &[2]),
        ("reconstruction", &[3, 3]),
        ("reconstructions", &[5, 3, 3]),
        ("latent.map", &[5, 2]),
        ("latent.log_vars", &[5, 2]),
        ("latent.zs", &[5, 2]),
        ("latent.grid", &[10, 10, 3, 3]),
    ] {
        assert_eq!(all[name].0, shape, "{name}");
    }
    assert_eq!(all["latent.labels"].1, [3.0, 1.0, 4.0, 1.0, 5.0]);
    assert_eq!(all["latent.z"].1, all["latent.mean"].1, "no noise: the mean is decoded");
    assert_eq!(all["latent.map"].1[..2], all["latent.mean"].1);
    assert_eq!(all["latent.log_vars"].1[..2], all["latent.log_var"].1);
    assert_eq!(all["latent.zs"].1, all["latent.map"].1);
    assert_eq!(all["reconstruction"].1, all["reconstructions"].1[..9]);

    // The middle of a picture of latent space, decoded by hand: column 7, third row from the top.
    let axis = &all["latent.axis"].1;
    let alone =
        Batch { sequences: 1, noise_width: 2, noise: vec![axis[7], axis[7]], ..Batch::default() };
    let image = inference.produce(&weights, &alone);
    let at = (2 * 10 + 7) * 9;
    for (a, b) in image.values.iter().zip(&all["latent.grid"].1[at..at + 9]) {
        assert!((a - *b as f32).abs() < 1e-6);
    }
    let again = inference.produce(&weights, &subject);
    for (a, b) in again.values.iter().zip(&all["reconstructions"].1) {
        assert!((a - *b as f32).abs() < 1e-6);
    }
}

#[test]
fn one_latent_has_one_row_of_pictures() {
    let vae = Vae::new(&Config { n_latent: 1, n_input: 6, ..config() });
    let mut inference = vae.inference();
    inference.look(&weights(&vae), &Batch { noise_width: 0, ..batch(vae.config(), 1) });
    let mut shapes = std::collections::HashMap::new();
    inference.visit(&mut |name, shape, _| drop(shapes.insert(name.to_owned(), shape.to_vec())));
    assert_eq!(shapes["latent.grid"], [1, 10, 1, 6]);
}
