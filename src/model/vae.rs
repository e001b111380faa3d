//! A variational autoencoder (Kingma and Welling 2014, appendix C.1): an encoder that answers with a normal distribution
//! over a small latent space, and a decoder that draws an image from a point of it.
//!
//! loss = -ln p(x | z) + beta KL(q(z | x) || N(0, I)), z = mean + exp(log_var / 2) noise, averaged over the images. beta is 1
//! for the bound of the paper; other values are the beta-VAE of Higgins et al. 2017. With `Reduction::Mean` the first term is
//! divided by the number of pixels, as libraries do unless told otherwise.

mod card;
mod inference;
#[cfg(test)]
mod tests;

use std::ops::Range;

use super::config::Reduction;
use super::{Batch, Card, Conditions, Config, Inference, Losses, Model, Shard};
use crate::math::exp::exp;
use crate::math::random::{Purpose, stream};
use crate::math::{Real, logistic};
use crate::nn::mlp::{self, Mlp};
use crate::nn::parameters::Registry;

pub use card::KIND;

#[derive(Clone, Debug)]
pub struct Vae {
    config: Config,
    registry: Registry,
    nets: Nets,
}

/// The two networks: n_input -> n_hidden -> 2 n_latent, and n_latent -> n_hidden -> n_input.
#[derive(Clone, Debug)]
struct Nets {
    encoder: Mlp,
    decoder: Mlp,
    reduction: Reduction,
}

/// What one pass over n images keeps.
#[derive(Clone, Debug)]
struct Activations {
    /// Its output is (n, 2 n_latent): the means of an image, then its log-variances.
    encoder: mlp::Activations,
    /// (n, n_latent): the point that is decoded
    z: Vec<Real>,
    /// Its output is the logits, (n, n_input).
    decoder: mlp::Activations,
    /// (n, n_latent): the gradient of z
    dz: Vec<Real>,
}

impl Vae {
    pub fn new(config: &Config) -> Self {
        let Config { n_input, n_hidden, n_latent, reduction, .. } = *config;
        let mut registry = Registry::default();
        let encoder = Mlp::new(&mut registry, "encoder", &[n_input, n_hidden, 2 * n_latent]);
        let decoder = Mlp::new(&mut registry, "decoder", &[n_latent, n_hidden, n_input]);
        Self { config: config.clone(), registry, nets: Nets { encoder, decoder, reduction } }
    }
}

impl Model for Vae {
    fn config(&self) -> &Config {
        &self.config
    }

    fn card(&self) -> Card {
        card::card(self)
    }

    fn registry(&self) -> &Registry {
        &self.registry
    }

    fn initialise(&self, weights: &mut [Real], seed: u64) {
        let rng = |net| stream(seed, Purpose::Init, net);
        self.nets.encoder.initialise(weights, self.config.init, &mut rng(0));
        self.nets.decoder.initialise(weights, self.config.init, &mut rng(1));
    }

    fn shard(&self) -> Box<dyn Shard> {
        Box::new(Working { nets: self.nets.clone(), a: self.nets.activations() })
    }

    fn inference(&self) -> Box<dyn Inference> {
        Box::new(inference::OneImage::new(&self.nets))
    }

    fn growth(&self, examples: usize) -> [u64; 2] {
        let Config { n_input, n_latent, .. } = self.config;
        let Nets { encoder, decoder, .. } = &self.nets;
        let pass = |n| encoder.numbers(n) + decoder.numbers(n) + 2 * n * n_latent;
        let drawing = decoder.numbers(inference::PICTURES) + inference::PICTURES * n_input;
        // An inference has the images and what it made of them beside the pass.
        let looking = pass(examples) + 2 * examples * n_input + drawing;
        [pass(examples), looking].map(|numbers| (numbers * size_of::<Real>()) as u64)
    }

    fn operations_per_token(&self) -> f64 {
        6.0 * (self.nets.encoder.products() + self.nets.decoder.products()) as f64
    }

    fn noise(&self) -> usize {
        self.config.n_latent
    }
}

impl Nets {
    fn n_input(&self) -> usize {
        self.encoder.n_in()
    }

    fn n_latent(&self) -> usize {
        self.decoder.n_in()
    }

    /// What a reconstruction is divided by.
    fn pixels(&self) -> usize {
        match self.reduction {
            Reduction::Sum => 1,
            Reduction::Mean => self.n_input(),
        }
    }

    fn activations(&self) -> Activations {
        Activations {
            encoder: self.encoder.activations(),
            z: Vec::new(),
            decoder: self.decoder.activations(),
            dz: Vec::new(),
        }
    }

    /// Encodes x (n, n_input), draws z with `noise` (n, n_latent), or takes the means without, and decodes it.
    fn forward(&self, a: &mut Activations, x: &[Real], noise: Option<&[Real]>, weights: &[Real]) {
        self.encoder.forward(&mut a.encoder, x, weights);
        let latent = self.n_latent();
        a.z.resize(x.len() / self.n_input() * latent, 0.0);
        for (i, (z, statistics)) in
            a.z.chunks_exact_mut(latent).zip(a.encoder.out().chunks_exact(2 * latent)).enumerate()
        {
            let (mean, log_var) = statistics.split_at(latent);
            z.copy_from_slice(mean);
            if let Some(noise) = noise {
                let noise = &noise[i * latent..(i + 1) * latent];
                for ((z, &log_var), &noise) in z.iter_mut().zip(log_var).zip(noise) {
                    *z += exp(0.5 * log_var) * noise;
                }
            }
        }
        self.decoder.forward(&mut a.decoder, &a.z, weights);
    }

    /// Sums over the images of the last forward.
    fn losses(&self, a: &Activations, x: &[Real], beta: Real) -> Losses {
        let reconstruction =
            logistic::binary_cross_entropy(a.decoder.out(), x) / self.pixels() as f64;
        let latent = self.n_latent();
        let mut kl = 0.0;
        for statistics in a.encoder.out().chunks_exact(2 * latent) {
            let (mean, log_var) = statistics.split_at(latent);
            for (&mean, &log_var) in mean.iter().zip(log_var) {
                kl += kl_of_dimension(mean, log_var) as f64;
            }
        }
        Losses { loss: reconstruction + beta as f64 * kl, parts: [reconstruction, kl] }
    }

    /// Adds scale * d(summed loss)/d(weights); the outputs are used up.
    fn backward(
        &self,
        a: &mut Activations,
        x: &[Real],
        noise: &[Real],
        beta: Real,
        scale: Real,
        weights: &[Real],
        gradients: &mut [Real],
    ) {
        let Activations { encoder, z, decoder, dz } = a;
        let of_pixel = scale / self.pixels() as Real;
        logistic::binary_cross_entropy_backward(decoder.out_mut(), x, of_pixel);
        dz.resize(z.len(), 0.0);
        self.decoder.backward(decoder, Some(gradients), Some(dz), z, weights);
        let latent = self.n_latent();
        let rows = dz.chunks_exact(latent).zip(noise.chunks_exact(latent));
        for (statistics, (dz, noise)) in encoder.out_mut().chunks_exact_mut(2 * latent).zip(rows) {
            let (mean, log_var) = statistics.split_at_mut(latent);
            for i in 0..latent {
                mean[i] = dz[i] + scale * beta * mean[i];
                let deviation = exp(0.5 * log_var[i]);
                log_var[i] = 0.5
                    * (dz[i] * noise[i] * deviation + scale * beta * (deviation * deviation - 1.0));
            }
        }
        self.encoder.backward(encoder, Some(gradients), None, x, weights);
    }
}

/// KL(N(mean, exp(log_var)) || N(0, 1)) in nats: (mean^2 + var - 1 - log_var) / 2.
fn kl_of_dimension(mean: Real, log_var: Real) -> Real {
    0.5 * (mean * mean + exp(log_var) - 1.0 - log_var)
}

/// A shard's images, all at once.
struct Working {
    nets: Nets,
    a: Activations,
}

impl Working {
    /// Images (n, n_input) and noise (n, n_latent) of a shard.
    fn rows<'a>(&self, batch: &'a Batch, rows: Range<usize>) -> (&'a [Real], &'a [Real]) {
        let (input, latent) = (self.nets.n_input(), self.nets.n_latent());
        (
            &batch.values[rows.start * input..rows.end * input],
            &batch.noise[rows.start * latent..rows.end * latent],
        )
    }
}

impl Shard for Working {
    fn loss_and_gradients(
        &mut self,
        weights: &[Real],
        batch: &Batch,
        rows: Range<usize>,
        conditions: &Conditions,
        gradients: &mut [Real],
    ) -> Losses {
        let (x, noise) = self.rows(batch, rows);
        let (beta, scale) = (conditions.beta, 1.0 / batch.targets() as Real);
        self.nets.forward(&mut self.a, x, Some(noise), weights);
        let losses = self.nets.losses(&self.a, x, beta);
        self.nets.backward(&mut self.a, x, noise, beta, scale, weights, gradients);
        losses
    }

    fn loss(
        &mut self,
        weights: &[Real],
        batch: &Batch,
        rows: Range<usize>,
        conditions: &Conditions,
    ) -> Losses {
        let (x, noise) = self.rows(batch, rows);
        self.nets.forward(&mut self.a, x, Some(noise), weights);
        self.nets.losses(&self.a, x, conditions.beta)
    }
}
