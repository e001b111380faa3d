//! What the two networks make of the plane.

use ndarray_rand::rand_distr::{Distribution, StandardNormal};

use super::{Activations, Nets};
use crate::math::Real;
use crate::math::logistic::sigmoids;
use crate::math::random::{Purpose, stream};
use crate::model::{Batch, GeneratorLoss, Inference, Look, Output};
use crate::nn::mlp;

/// How many points are generated to be looked at.
pub(super) const POINTS: usize = 256;
/// The surface is a grid of so many places, twice as wide as it is high: so are most plots of it.
const ROWS: usize = 40;
const COLUMNS: usize = 2 * ROWS;
/// How many places that are.
pub(super) const PLACES: usize = ROWS * COLUMNS;
/// How far the surface goes beyond the real points above and below, as a share of their extent.
const MARGIN: Real = 0.15;

/// The subject is the real points that are shown beside the generated ones.
///
/// Names that [`Inference::visit`] hands over:
///
/// - `generated` (n, n_input): points from the same latents at every look; `generated.probability` (n): that they are real,
///   according to the discriminator; `generated.score` (n): before the sigmoid; `generated.gradient` (n, n_input): d(non-saturating generator loss)/d(point), so
///   that a point is pushed against it. (The other losses push in the same direction, as long as D < 1 for least squares.)
/// - `real` (n, n_input), `real.probability` (n), `real.score` (n): before the sigmoid
/// - `surface` (rows, columns): the discriminator's probability over the plane, and `surface.score`, its output before the
///   sigmoid, which least squares compares with 0 and 1; a column is a value of `surface.x`, rising to the right, a row one
///   of `surface.y`, falling downwards. Only of points in the plane.
pub(super) struct Plane {
    nets: Nets,
    a: Activations,
    /// (POINTS, n_latent)
    latents: Vec<Real>,
    real: Vec<Real>,
    generated: Vec<Real>,
    generated_score: Vec<Real>,
    real_probability: Vec<Real>,
    generated_probability: Vec<Real>,
    axes: [Vec<Real>; 2],
    /// (PLACES, 2)
    places: Vec<Real>,
    surface: mlp::Activations,
    probability: Vec<Real>,
}

impl Plane {
    pub fn new(nets: &Nets) -> Self {
        // The same for every run, so that two runs are compared point by point.
        let mut rng = stream(0, Purpose::Latents, 0);
        let mut normal = || Distribution::<f64>::sample(&StandardNormal, &mut rng) as Real;
        Self {
            nets: nets.clone(),
            a: nets.activations(),
            latents: (0..POINTS * nets.generator.n_in()).map(|_| normal()).collect(),
            real: Vec::new(),
            generated: Vec::new(),
            generated_score: Vec::new(),
            real_probability: Vec::new(),
            generated_probability: Vec::new(),
            axes: [Vec::new(), Vec::new()],
            places: Vec::new(),
            surface: nets.discriminator.activations(),
            probability: Vec::new(),
        }
    }

    /// Lays the grid over the real points; its places are as far apart across as down.
    fn place(&mut self) {
        let bounds = [0, 1].map(|axis| {
            let column = self.real.iter().skip(axis).step_by(2);
            let least = column.clone().fold(Real::INFINITY, |a, b| a.min(*b));
            (least, column.fold(Real::NEG_INFINITY, |a, b| a.max(*b)))
        });
        let extent = bounds.map(|(least, most)| most - least);
        let half = extent[0].max(extent[1]).max(1e-3) * (0.5 + MARGIN);
        let step = 2.0 * half / (ROWS - 1) as Real;
        let axis = |(least, most): (Real, Real), places: usize| {
            let first = 0.5 * (least + most) - 0.5 * step * (places - 1) as Real;
            (0..places).map(|i| first + step * i as Real).collect()
        };
        self.axes = [axis(bounds[0], COLUMNS), axis(bounds[1], ROWS)];
        self.axes[1].reverse();
        self.places.clear();
        for &y in &self.axes[1] {
            self.places.extend(self.axes[0].iter().flat_map(|&x| [x, y]));
        }
    }
}

impl Inference for Plane {
    fn look(&mut self, weights: &[Real], subject: &Batch) {
        let n_input = self.nets.discriminator.n_in();
        assert!(subject.sequences > 0 && subject.width == n_input, "points of {n_input} numbers");
        if self.real != subject.values {
            self.real.clone_from(&subject.values);
            if n_input == 2 {
                self.place();
            }
        }
        let Self { nets, a, .. } = self;
        nets.forward(a, &self.real, &self.latents, None, weights);
        self.generated.clear();
        self.generated.extend(a.generator.out());
        // Its gradient takes the place of the output.
        self.generated_score.clear();
        self.generated_score.extend(a.fake.out());
        for (probability, net) in
            [(&mut self.real_probability, &a.real), (&mut self.generated_probability, &a.fake)]
        {
            probability.resize(net.out().len(), 0.0);
            sigmoids(probability, net.out());
        }
        nets.backward_points(a, GeneratorLoss::NonSaturating, 1.0, weights);
        if n_input == 2 {
            nets.discriminator.forward(&mut self.surface, &self.places, weights);
            self.probability.resize(PLACES, 0.0);
            sigmoids(&mut self.probability, self.surface.out());
        }
    }

    fn visit(&self, look: &mut Look<'_>) {
        if self.real.is_empty() {
            return;
        }
        let n_input = self.nets.discriminator.n_in();
        let n = self.real.len() / n_input;
        look("generated", &[POINTS, n_input], &self.generated);
        look("generated.probability", &[POINTS], &self.generated_probability);
        look("generated.score", &[POINTS], &self.generated_score);
        look("generated.gradient", &[POINTS, n_input], &self.a.dx);
        look("real", &[n, n_input], &self.real);
        look("real.probability", &[n], &self.real_probability);
        look("real.score", &[n], self.a.real.out());
        if n_input == 2 {
            look("surface", &[ROWS, COLUMNS], &self.probability);
            look("surface.score", &[ROWS, COLUMNS], self.surface.out());
            look("surface.x", &[COLUMNS], &self.axes[0]);
            look("surface.y", &[ROWS], &self.axes[1]);
        }
    }

    /// A point from the noise of each example.
    fn produce(&mut self, weights: &[Real], batch: &Batch) -> Output {
        let Self { nets, a, .. } = self;
        nets.generator.forward(&mut a.generator, &batch.noise, weights);
        let values = a.generator.out().iter().map(|x| *x as f32).collect();
        Output { width: nets.discriminator.n_in(), values, ..Output::default() }
    }
}
