//! A generative adversarial network (Goodfellow et al. 2014): a generator makes points out of noise, a discriminator tells
//! them from real ones, and each is trained against the other, by steps of its own.
//!
//! With D(x) the discriminator's output (a logit), for real points x and generated ones G(z):
//!
//! | generator loss | discriminator minimises | generator minimises |
//! |---|---|---|
//! | non-saturating | -ln sigmoid(D(x)) - ln(1 - sigmoid(D(G(z)))) | -ln sigmoid(D(G(z))) |
//! | minimax | the same | ln(1 - sigmoid(D(G(z)))) |
//! | least squares (Mao et al. 2017) | ((D(x) - 1)^2 + D(G(z))^2) / 2 | (D(G(z)) - 1)^2 / 2 |
//!
//! Where the discriminator cannot tell them apart, its loss is 2 ln 2 = 1.386, or 1/4 for least squares.

mod blur;
mod card;
mod inference;
#[cfg(test)]
mod tests;

use std::ops::Range;

use super::{
    Batch, Card, Conditions, Config, GeneratorLoss, Group, Inference, Losses, Model, Shard, Turns,
};
use crate::math::Real;
use crate::math::logistic::sigmoid;
use crate::math::logistic::softplus;
use crate::math::random::{Purpose, stream};
use crate::nn::mlp::{self, Mlp};
use crate::nn::parameters::Registry;

use blur::{Blur, Sort};
pub use card::KIND;

/// Its place in [`Model::groups`].
const GENERATOR: usize = 1;

#[derive(Clone, Debug)]
pub struct Gan {
    config: Config,
    registry: Registry,
    nets: Nets,
    /// Where the generator's weights begin; the discriminator's stand before them.
    border: usize,
}

/// Discriminator: n_input -> n_hidden -> n_hidden -> 1. Generator: n_latent -> n_hidden -> n_hidden -> n_input.
#[derive(Clone, Debug)]
struct Nets {
    discriminator: Mlp,
    generator: Mlp,
}

impl Gan {
    pub fn new(config: &Config) -> Self {
        let Config { n_input, n_hidden, n_latent, .. } = *config;
        let mut registry = Registry::default();
        let sizes = |from, to| [from, n_hidden, n_hidden, to];
        let discriminator = Mlp::new(&mut registry, "discriminator", &sizes(n_input, 1));
        let border = registry.len();
        let generator = Mlp::new(&mut registry, "generator", &sizes(n_latent, n_input));
        Self { config: config.clone(), registry, nets: Nets { discriminator, generator }, border }
    }
}

impl Model for Gan {
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
        self.nets.discriminator.initialise(weights, self.config.init, &mut rng(0));
        self.nets.generator.initialise(weights, self.config.init, &mut rng(1));
    }

    fn shard(&self) -> Box<dyn Shard> {
        Box::new(Working { nets: self.nets.clone(), a: self.nets.activations() })
    }

    fn inference(&self) -> Box<dyn Inference> {
        Box::new(inference::Plane::new(&self.nets))
    }

    fn growth(&self, examples: usize) -> [u64; 2] {
        let Nets { discriminator, generator } = &self.nets;
        let Config { n_input, n_latent, .. } = self.config;
        let pass = |n| generator.numbers(n) + 2 * discriminator.numbers(n) + n * n_input;
        // Many points are generated at once, but few of them are looked at.
        let looked = inference::POINTS;
        let looking = generator.numbers(examples)
            + pass(looked)
            + looked * (2 * n_input + n_latent)
            + discriminator.numbers(inference::PLACES);
        [pass(examples), looking].map(|numbers| (numbers * size_of::<Real>()) as u64)
    }

    /// Of a discriminator's step: its weights forward and backward for a real and a generated point, and the generator
    /// forward. A generator's step is about as long.
    fn operations_per_token(&self) -> f64 {
        let Nets { discriminator, generator } = &self.nets;
        (12 * discriminator.products() + 2 * generator.products()) as f64
    }

    fn noise(&self) -> usize {
        self.config.n_latent
    }

    fn groups(&self) -> Vec<Group> {
        vec![
            Group { name: "discriminator", range: 0..self.border },
            Group { name: "generator", range: self.border..self.registry.len() },
        ]
    }

    /// `d_steps` steps of the discriminator, then one of the generator, unless one moves alone.
    fn turn(&self, step: u64, d_steps: usize, turns: Turns) -> usize {
        turns.whose(step, d_steps)
    }
}

/// What one pass over n real and n generated points keeps.
#[derive(Clone, Debug)]
struct Activations {
    /// Its output is the generated points, (n, n_input).
    generator: mlp::Activations,
    /// The discriminator on real points; its output is logits (n, 1).
    real: mlp::Activations,
    /// The discriminator on generated points.
    fake: mlp::Activations,
    /// (n, n_input) each: real and generated points as the discriminator saw them, where that is through noise
    seen: Option<[Vec<Real>; 2]>,
    /// (n, n_input): the gradient of the generated points
    dx: Vec<Real>,
}

impl Nets {
    fn activations(&self) -> Activations {
        Activations {
            generator: self.generator.activations(),
            real: self.discriminator.activations(),
            fake: self.discriminator.activations(),
            seen: None,
            dx: Vec::new(),
        }
    }

    /// Generates a point from each row of noise (n, n_latent); the discriminator sees them and the real ones (n, n_input),
    /// as they are or blurred.
    fn forward(
        &self,
        a: &mut Activations,
        real: &[Real],
        noise: &[Real],
        blur: Option<Blur>,
        weights: &[Real],
    ) {
        self.generator.forward(&mut a.generator, noise, weights);
        let (generated, width) = (a.generator.out(), self.discriminator.n_in());
        let [real, generated] = match blur {
            None => {
                a.seen = None;
                [real, generated]
            }
            Some(blur) => {
                let [seen_real, seen] = a.seen.get_or_insert_default();
                blur.see(Sort::Real, real, width, seen_real);
                blur.see(Sort::Generated, generated, width, seen);
                [&**seen_real, &**seen]
            }
        };
        self.discriminator.forward(&mut a.real, real, weights);
        self.discriminator.forward(&mut a.fake, generated, weights);
    }

    /// Sums over the points of the last forward.
    fn losses(a: &Activations, kind: GeneratorLoss) -> Losses {
        let sum = |logits: &[Real], loss: fn(Real) -> Real| {
            logits.iter().map(|logit| loss(*logit) as f64).sum::<f64>()
        };
        let (real, fake) = (a.real.out(), a.fake.out());
        let discriminator = match kind {
            GeneratorLoss::NonSaturating | GeneratorLoss::Minimax => {
                sum(real, |logit| softplus(-logit)) + sum(fake, softplus)
            }
            GeneratorLoss::LeastSquares => {
                sum(real, |d| 0.5 * (d - 1.0) * (d - 1.0)) + sum(fake, |d| 0.5 * d * d)
            }
        };
        let generator = match kind {
            GeneratorLoss::NonSaturating => sum(fake, |logit| softplus(-logit)),
            GeneratorLoss::Minimax => sum(fake, |logit| -softplus(logit)),
            GeneratorLoss::LeastSquares => sum(fake, |d| 0.5 * (d - 1.0) * (d - 1.0)),
        };
        Losses { loss: discriminator, parts: [discriminator, generator] }
    }

    /// Adds scale * d(the discriminator's summed loss)/d(its weights); the outputs are used up.
    fn backward_discriminator(
        &self,
        a: &mut Activations,
        real: &[Real],
        kind: GeneratorLoss,
        scale: Real,
        weights: &[Real],
        gradients: &mut [Real],
    ) {
        let least_squares = kind == GeneratorLoss::LeastSquares;
        for d in a.real.out_mut() {
            *d = scale * if least_squares { *d - 1.0 } else { -sigmoid(-*d) };
        }
        for d in a.fake.out_mut() {
            *d = scale * if least_squares { *d } else { sigmoid(*d) };
        }
        let net = &self.discriminator;
        let [real, generated] = match &a.seen {
            None => [real, a.generator.out()],
            Some([real, generated]) => [&**real, &**generated],
        };
        net.backward(&mut a.real, Some(gradients), None, real, weights);
        net.backward(&mut a.fake, Some(gradients), None, generated, weights);
    }

    /// Sets `a.dx` to scale * d(the generator's summed loss)/d(generated points); the discriminator's output is used up.
    fn backward_points(
        &self,
        a: &mut Activations,
        kind: GeneratorLoss,
        scale: Real,
        weights: &[Real],
    ) {
        for d in a.fake.out_mut() {
            *d = scale
                * match kind {
                    GeneratorLoss::NonSaturating => -sigmoid(-*d),
                    GeneratorLoss::Minimax => -sigmoid(*d),
                    GeneratorLoss::LeastSquares => *d - 1.0,
                };
        }
        // Noise is added, so that the gradient of what is seen is that of the point.
        let points = a.seen.as_ref().map_or(a.generator.out(), |[_, generated]| generated);
        a.dx.resize(points.len(), 0.0);
        self.discriminator.backward(&mut a.fake, None, Some(&mut a.dx), points, weights);
    }

    /// Adds scale * d(the generator's summed loss)/d(its weights); the outputs are used up.
    fn backward_generator(
        &self,
        a: &mut Activations,
        noise: &[Real],
        kind: GeneratorLoss,
        scale: Real,
        weights: &[Real],
        gradients: &mut [Real],
    ) {
        self.backward_points(a, kind, scale, weights);
        a.generator.out_mut().copy_from_slice(&a.dx);
        self.generator.backward(&mut a.generator, Some(gradients), None, noise, weights);
    }
}

/// A shard's points, all at once.
struct Working {
    nets: Nets,
    a: Activations,
}

impl Working {
    /// Real points (n, n_input) and noise (n, n_latent) of a shard.
    fn rows<'a>(&self, batch: &'a Batch, rows: Range<usize>) -> (&'a [Real], &'a [Real]) {
        let (input, latent) = (self.nets.discriminator.n_in(), self.nets.generator.n_in());
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
        let (real, noise) = self.rows(batch, rows.clone());
        let (kind, scale) = (conditions.generator_loss, 1.0 / batch.targets() as Real);
        let blur = Blur::of(conditions, rows.start);
        let Self { nets, a } = self;
        nets.forward(a, real, noise, blur, weights);
        let losses = Nets::losses(a, kind);
        if conditions.group == GENERATOR {
            nets.backward_generator(a, noise, kind, scale, weights, gradients);
        } else {
            nets.backward_discriminator(a, real, kind, scale, weights, gradients);
        }
        losses
    }

    fn loss(
        &mut self,
        weights: &[Real],
        batch: &Batch,
        rows: Range<usize>,
        conditions: &Conditions,
    ) -> Losses {
        let (real, noise) = self.rows(batch, rows);
        // As with dropout, what is only looked at is seen as it is.
        self.nets.forward(&mut self.a, real, noise, None, weights);
        Nets::losses(&self.a, conditions.generator_loss)
    }
}
