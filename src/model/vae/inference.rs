//! One image through the autoencoder, in company; and the latent space as pictures.

use super::{Activations, Nets, kl_of_dimension};
use crate::math::{Real, logistic, normal, room};
use crate::model::{Batch, Inference, Look, Output};

/// The pictures of latent space stand in a grid of so many by so many.
const GRID: usize = 10;
/// How many pictures that are at most.
pub(super) const PICTURES: usize = GRID * GRID;

/// The first image of the subject is looked at. The others keep it company on the map.
///
/// Names that [`Inference::visit`] hands over; images are (side, side), or (1, n_input) if they are not square:
///
/// - `image`: what was encoded; `encoder.hidden` (n_hidden): after the ReLU
/// - `latent.mean`, `latent.log_var`, `latent.kl`, `latent.z` (n_latent): q(z | image), its KL to N(0, 1) in nats by
///   dimension, and the point that is decoded: the mean, or drawn with the subject's noise if it has some
/// - `decoder.hidden` (n_hidden), `logits`, `reconstruction`: probabilities
/// - `latent.map` (n, n_latent): the means of all images of the subject; `latent.log_vars` and `latent.zs`, of the same
///   shape: their log-variances, and what is decoded of each; `latent.labels` (n): which shape each is, where the subject
///   says it (its `x`); `images`, `reconstructions` (n, side, side)
/// - `latent.grid` (rows, columns, side, side): what the decoder makes of the points `latent.axis` (columns), the middles
///   of equally likely parts of N(0, 1). A column is a value of the first latent, rising to the right; a row of the
///   second, rising upwards. Further latents are 0; with one latent there is one row.
pub(super) struct OneImage {
    nets: Nets,
    a: Activations,
    images: Vec<Real>,
    labels: Vec<Real>,
    /// (n, n_input): probabilities
    reconstructions: Vec<Real>,
    /// (n_latent): of the first image
    kl: Vec<Real>,
    axis: Vec<Real>,
    /// (rows * columns, n_latent)
    points: Vec<Real>,
    /// (rows * columns, n_input): probabilities
    grid: Vec<Real>,
    drawing: Activations,
}

impl OneImage {
    pub fn new(nets: &Nets) -> Self {
        let middle = |i: usize| normal::quantile((i as f64 + 0.5) / GRID as f64) as Real;
        let axis: Vec<Real> = (0..GRID).map(middle).collect();
        let latent = nets.n_latent();
        let mut points = Vec::new();
        for row in (0..if latent == 1 { 1 } else { GRID }).rev() {
            for &x in &axis {
                let mut point = vec![0.0; latent];
                if latent > 1 {
                    point[1] = axis[row];
                }
                point[0] = x;
                points.extend(point);
            }
        }
        Self {
            nets: nets.clone(),
            a: nets.activations(),
            images: Vec::new(),
            labels: Vec::new(),
            reconstructions: Vec::new(),
            kl: room::zeros(latent),
            axis,
            points,
            grid: Vec::new(),
            drawing: nets.activations(),
        }
    }

    /// Rows and columns of one image.
    fn shape(&self) -> [usize; 2] {
        let n = self.nets.n_input();
        let side = n.isqrt();
        if side * side == n { [side, side] } else { [1, n] }
    }
}

/// What the decoder makes of `latents` (n, n_latent): probabilities (n, n_input).
fn decode(
    nets: &Nets,
    a: &mut Activations,
    images: &mut Vec<Real>,
    latents: &[Real],
    weights: &[Real],
) {
    nets.decoder.forward(&mut a.decoder, latents, weights);
    images.resize(a.decoder.out().len(), 0.0);
    logistic::sigmoids(images, a.decoder.out());
}

impl Inference for OneImage {
    fn look(&mut self, weights: &[Real], subject: &Batch) {
        let Self { nets, a, reconstructions, drawing, grid, .. } = self;
        assert!(
            subject.sequences > 0 && subject.width == nets.n_input(),
            "images of {} pixels",
            nets.n_input()
        );
        let noise = (subject.noise_width == nets.n_latent()).then_some(&subject.noise[..]);
        nets.forward(a, &subject.values, noise, weights);
        reconstructions.resize(subject.values.len(), 0.0);
        logistic::sigmoids(reconstructions, a.decoder.out());
        decode(nets, drawing, grid, &self.points, weights);
        self.images.clone_from(&subject.values);
        self.labels.clear();
        if subject.x.len() == subject.sequences {
            self.labels.extend(subject.x.iter().map(|label| *label as Real));
        }
        let latent = self.kl.len();
        for (i, kl) in self.kl.iter_mut().enumerate() {
            let statistics = self.a.encoder.out();
            *kl = kl_of_dimension(statistics[i], statistics[latent + i]);
        }
    }

    fn visit(&self, look: &mut Look<'_>) {
        let (latent, input) = (self.nets.n_latent(), self.nets.n_input());
        let n = self.images.len() / input;
        if n == 0 {
            return;
        }
        let [side, columns] = self.shape();
        look("image", &[side, columns], &self.images[..input]);
        self.a.encoder.visit("encoder", look);
        let statistics = self.a.encoder.out();
        look("latent.mean", &[latent], &statistics[..latent]);
        look("latent.log_var", &[latent], &statistics[latent..2 * latent]);
        look("latent.kl", &[latent], &self.kl);
        look("latent.z", &[latent], &self.a.z[..latent]);
        self.a.decoder.visit("decoder", look);
        look("logits", &[side, columns], &self.a.decoder.out()[..input]);
        look("reconstruction", &[side, columns], &self.reconstructions[..input]);
        for (name, from) in [("latent.map", 0), ("latent.log_vars", latent)] {
            let rows = statistics.chunks_exact(2 * latent);
            let part = rows.flat_map(|statistics| &statistics[from..from + latent]);
            let part: Vec<Real> = part.copied().collect();
            look(name, &[n, latent], &part);
        }
        look("latent.zs", &[n, latent], &self.a.z);
        if self.labels.len() == n {
            look("latent.labels", &[n], &self.labels);
        }
        look("images", &[n, side, columns], &self.images);
        look("reconstructions", &[n, side, columns], &self.reconstructions);
        let rows = self.grid.len() / input / GRID;
        look("latent.axis", &[GRID], &self.axis);
        look("latent.grid", &[rows, GRID, side, columns], &self.grid);
    }

    /// The reconstructions of the images of a batch, from their means; of a batch without images, what the decoder makes
    /// of its noise: samples, or the picture of any latent.
    fn produce(&mut self, weights: &[Real], batch: &Batch) -> Output {
        let Self { nets, drawing, .. } = self;
        let mut images = Vec::new();
        if batch.values.is_empty() {
            decode(nets, drawing, &mut images, &batch.noise, weights);
        } else {
            nets.forward(drawing, &batch.values, None, weights);
            images.resize(batch.values.len(), 0.0);
            logistic::sigmoids(&mut images, drawing.decoder.out());
        }
        let values = images.iter().map(|p| *p as f32).collect();
        Output { width: nets.n_input(), values, ..Output::default() }
    }
}
