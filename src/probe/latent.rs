//! What an encoder makes of held-out images: a normal distribution for each, and what of it is decoded.

use super::{Arguments, Instrument, NotMeasured, Reading, Subject, reconstructions};
use crate::math::Real;
use crate::math::random::{Purpose, stream};
use crate::model::card::{Op, Unit};
use crate::model::{Batch, Split};

/// Less than this many nats in all dimensions together: the decoder is told nothing, and the posterior is the prior.
pub const COLLAPSED_BELOW: f64 = 0.1;
/// A dimension with less than this is not in use.
pub const UNUSED_BELOW: f64 = 0.05;

/// KL of all dimensions together, a mean over the images.
pub const KL: &str = "kl";
/// 1 where that is below [`COLLAPSED_BELOW`], else 0.
pub const COLLAPSED: &str = "collapsed";

/// KL of dimension `i`, counted from 0 and named from 1.
pub fn kl_of(i: usize) -> String {
    format!("kl {}", i + 1)
}

/// The planes of the values.
pub const MU: usize = 0;
pub const SIGMA: usize = 1;
pub const EPS: usize = 2;
pub const Z: usize = 3;

pub const INSTRUMENT: Instrument = Instrument {
    name: "latent",
    definition: "the latents of held-out images: mu, sigma, a drawn eps and z = mu + sigma eps of each; and KL(N(mu, sigma^2) || N(0, 1)) in nats by dimension and in all, means over the images, with collapsed 1 where all is below 0.1",
    unit: Unit::Nats,
    measure,
};

/// Values (4, N, n_latent): mu, sigma, eps and z of each image. The images are those of
/// [`reconstructions`](super::reconstructions), in the same order.
///
/// # Errors
/// If the model does not encode its examples as distributions.
fn measure(subject: &mut Subject<'_>, arguments: &Arguments) -> Result<Reading, NotMeasured> {
    let Subject { model, card, weights, examples, inference, seed } = subject;
    let encodes = card.flow.iter().any(|part| part.op == Op::Sample && !part.from.is_empty());
    let missing = || NotMeasured(format!("{} encodes nothing as a distribution", card.name));
    let count = arguments.examples;
    if model.noise() == 0 || !encodes || count == 0 {
        return Err(missing());
    }
    let mut batch = Batch::default();
    let mut rng = stream(*seed, Purpose::Evaluation, reconstructions::LOOKED_AT);
    examples.draw(Split::Val, count, &mut rng, &mut batch);
    batch.add_noise(model.noise(), *seed, reconstructions::LOOKED_AT);
    inference.look(weights, &batch);
    let [mut mu, mut log_var, mut z] = [const { Vec::new() }; 3];
    inference.visit(&mut |name, _, values| match name {
        "latent.map" => mu = values.to_vec(),
        "latent.log_vars" => log_var = values.to_vec(),
        "latent.zs" => z = values.to_vec(),
        _ => {}
    });
    let width = model.noise();
    if [&mu, &log_var, &z, &batch.noise].iter().any(|part| part.len() != count * width) {
        return Err(missing());
    }
    let sigma: Vec<Real> = log_var.iter().map(|log_var| (0.5 * log_var).exp()).collect();
    let mut kls = vec![0.0; width];
    for (at, (&mu, &log_var)) in mu.iter().zip(&log_var).enumerate() {
        let (mu, log_var) = (mu as f64, log_var as f64);
        kls[at % width] += 0.5 * (mu * mu + log_var.exp() - 1.0 - log_var) / count as f64;
    }
    let all: f64 = kls.iter().sum();
    let mut figures = vec![
        (KL.to_owned(), all),
        (COLLAPSED.to_owned(), f64::from(u8::from(all < COLLAPSED_BELOW))),
    ];
    figures.extend(kls.into_iter().enumerate().map(|(i, kl)| (kl_of(i), kl)));
    if batch.x.len() == count {
        let classes = batch.x.iter().enumerate();
        figures.extend(classes.map(|(i, l)| (reconstructions::class(i), f64::from(*l))));
    }
    let planes = [&mu, &sigma, &batch.noise, &z];
    let values = planes.into_iter().flatten().map(|x| *x as f32).collect();
    Ok(Reading { figures, shape: vec![4, count, width], values })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::probe::testing::Case;

    fn ask(case: &Case) -> Result<Reading, NotMeasured> {
        case.ask(INSTRUMENT.name, &Arguments { examples: 20, ..Arguments::default() })
    }

    #[test]
    fn z_is_mu_and_sigma_times_eps_and_the_kl_is_that_of_the_formula() {
        let mut case = Case::of("vae");
        // Far from the prior, so that no term is negligible.
        for parameter in case.model.registry().parameters() {
            if parameter.name == "encoder.2.bias" {
                for (i, at) in parameter.positions().enumerate() {
                    case.weights[at] = [0.7, -0.4, -1.5, 0.3][i];
                }
            }
        }
        let found = ask(&case).unwrap();
        assert_eq!(found.shape, [4, 20, 2]);
        let plane = |plane: usize, i: usize| f64::from(found.values[plane * 40 + i]);
        let mut kl = [0.0; 2];
        for i in 0..40 {
            let (mu, sigma) = (plane(MU, i), plane(SIGMA, i));
            assert!((plane(Z, i) - mu - sigma * plane(EPS, i)).abs() < 1e-5, "{i}");
            kl[i % 2] += (0.5 * (mu * mu + sigma * sigma - 1.0) - sigma.ln()) / 20.0;
        }
        assert!(kl.iter().all(|kl| *kl > 0.05), "{kl:?}");
        for (i, kl) in kl.into_iter().enumerate() {
            assert!((found.figure(&kl_of(i)).unwrap() - kl).abs() < 1e-5);
        }
        assert!((found.figure(KL).unwrap() - kl[0] - kl[1]).abs() < 1e-5);
        assert_eq!(found.figure(COLLAPSED), Some(0.0));
        // Noise of its own for each image.
        assert!((0..40).all(|i| plane(EPS, i) != plane(EPS, (i + 2) % 40)));
    }

    #[test]
    fn an_encoder_of_nothing_has_collapsed_and_the_images_are_those_that_are_reconstructed() {
        let mut case = Case::of("vae");
        let told = Arguments { examples: 20, ..Arguments::default() };
        let other = case.ask(reconstructions::INSTRUMENT.name, &told).unwrap();
        case.weights.fill(0.0);
        let found = ask(&case).unwrap();
        assert_eq!((found.figure(KL), found.figure(COLLAPSED)), (Some(0.0), Some(1.0)));
        assert!(found.values[..40].iter().all(|mu| *mu == 0.0));
        assert!(found.values[40..80].iter().all(|sigma| *sigma == 1.0));
        assert_eq!(found.values[80..120], found.values[120..], "z is eps");
        for i in 0..20 {
            let class = reconstructions::class(i);
            assert_eq!(found.figure(&class), other.figure(&class));
        }
    }

    #[test]
    fn what_encodes_nothing_says_so() {
        for stage in ["gan", "attention"] {
            let why = ask(&Case::of(stage)).unwrap_err().to_string();
            assert!(why.contains("encodes nothing as a distribution"), "{why}");
        }
    }
}
