//! Small images of digits and letters, drawn here: what the autoencoder learns.
//!
//! Every image is drawn from strokes, by one of several hands for each character, then shifted, turned, slanted and
//! stretched a little, with a pen of varying width and ink of varying grain. Image number i is a function of i alone: the
//! first [`TRAIN`] are for training and the next [`VAL`] are held out, so that no number is in both, whatever a run's seed.

mod shapes;

use std::sync::OnceLock;

use ndarray_rand::rand_distr::{Distribution, StandardNormal};
use rand::Rng;
use rand_chacha::ChaCha8Rng;

use crate::math::Real;
use crate::math::random::{Purpose, stream};
use crate::model::{Batch, Examples, Sizes, Split};
use shapes::{CHARACTERS, Stroke};

/// Rows and columns of an image.
pub const SIDE: usize = 14;
const PIXELS: usize = SIDE * SIDE;
/// Images to train on, and held out.
const TRAIN: usize = 8192;
const VAL: usize = 1024;
/// So many held-out images keep the one that is looked at company.
const COMPANY: usize = 256;

/// Of the streams that images are drawn from.
const SEED: u64 = 0x0067_6c79_7068;

/// The images of one split.
struct Images {
    /// (n, PIXELS), between 0 (paper) and 1 (ink)
    pixels: Vec<Real>,
    /// (n)
    labels: Vec<u32>,
}

/// The images; all instances share them.
#[derive(Clone, Copy, Debug, Default)]
pub struct Glyphs;

impl Glyphs {
    /// Drawn when they are first asked for, in a fraction of a second.
    fn images(split: Split) -> &'static Images {
        static DRAWN: OnceLock<[Images; 2]> = OnceLock::new();
        let [train, val] = DRAWN.get_or_init(|| [draw(0, TRAIN), draw(TRAIN, VAL)]);
        match split {
            Split::Train => train,
            Split::Val => val,
        }
    }

    /// The character that a label (in [`Batch::x`]) stands for.
    ///
    /// # Panics
    /// If there is no such label.
    pub fn character(label: u32) -> char {
        CHARACTERS[label as usize].name
    }

    /// The label of a character that is drawn.
    pub fn label(character: char) -> Option<u32> {
        let name = character.to_ascii_uppercase();
        CHARACTERS.iter().position(|c| c.name == name).map(|label| label as u32)
    }
}

impl Images {
    /// Appends an image and its label to a batch.
    fn append(&self, i: usize, batch: &mut Batch) {
        batch.sequences += 1;
        batch.x.push(self.labels[i]);
        batch.values.extend_from_slice(&self.pixels[i * PIXELS..(i + 1) * PIXELS]);
    }
}

fn empty(batch: &mut Batch) {
    batch.clear();
    (batch.time, batch.width) = (1, PIXELS);
}

impl Examples for Glyphs {
    fn sizes(&self) -> Sizes {
        Sizes { n_input: PIXELS, block_size: Some(1), ..Sizes::default() }
    }

    /// The values are pixels in [0, 1], row by row from the top; x is each image's label, (B, 1).
    fn draw(&self, split: Split, count: usize, rng: &mut ChaCha8Rng, batch: &mut Batch) {
        empty(batch);
        let images = Self::images(split);
        for _ in 0..count {
            images.append(rng.random_range(0..images.labels.len()), batch);
        }
    }

    fn provenance(&self) -> &'static str {
        "held-out images (1024 that are never trained on), each with fresh noise"
    }

    /// The first held-out image, or the first with the label that the prompt begins with; and in its company, as the
    /// examples after it, other held-out images for a map of the latent space.
    fn subject(&self, prompt: &[u32], batch: &mut Batch) {
        empty(batch);
        let images = Self::images(Split::Val);
        let asked = prompt.first().map(|label| {
            assert!((*label as usize) < CHARACTERS.len(), "a label of the {}", CHARACTERS.len());
            let found = images.labels.iter().position(|found| found == label);
            found.expect("every character is among the held-out images")
        });
        images.append(asked.unwrap_or(0), batch);
        for i in images.labels.len() - COMPANY..images.labels.len() {
            images.append(i, batch);
        }
    }
}

/// Draws images number `first` to `first + count`.
fn draw(first: usize, count: usize) -> Images {
    let mut images =
        Images { pixels: vec![0.0; count * PIXELS], labels: Vec::with_capacity(count) };
    for (i, pixels) in images.pixels.chunks_exact_mut(PIXELS).enumerate() {
        let mut rng = stream(SEED, Purpose::Examples, (first + i) as u64);
        let label = rng.random_range(0..CHARACTERS.len());
        let shapes = CHARACTERS[label].shapes;
        let shape = shapes[rng.random_range(0..shapes.len())];
        paint(pixels, shape, &Hand::random(&mut rng), &mut rng);
        images.labels.push(label as u32);
    }
    images
}

/// How a shape is written down.
#[derive(Clone, Copy, Debug)]
struct Hand {
    /// Maps (x - 1/2, y - 1/2) of the unit square to pixels from the image's middle, row by row.
    matrix: [[f32; 2]; 2],
    /// In pixels.
    shift: [f32; 2],
    /// Half the width of the pen, in pixels.
    pen: f32,
    ink: f32,
}

/// The size of a glyph without variation, in pixels.
const SIZE: [f32; 2] = [7.6, 9.6];

impl Hand {
    fn random(rng: &mut impl Rng) -> Self {
        let mut between = |low: f32, high: f32| rng.random_range(low..high);
        let (turn, slant) = (between(-0.14, 0.14), between(-0.15, 0.15));
        let (wide, high) = (SIZE[0] * between(0.85, 1.1), SIZE[1] * between(0.88, 1.05));
        let (sin, cos) = turn.sin_cos();
        // Stretch, then slant (x by -y), then turn.
        let matrix =
            [[cos * wide, (-slant * cos - sin) * high], [sin * wide, (-slant * sin + cos) * high]];
        Self {
            matrix,
            shift: [between(-0.9, 0.9), between(-0.9, 0.9)],
            pen: between(0.45, 0.85),
            ink: between(0.85, 1.0),
        }
    }

    fn place(&self, (x, y): (f32, f32)) -> [f32; 2] {
        let middle = SIDE as f32 / 2.0;
        [0, 1].map(|i| {
            let [a, b] = self.matrix[i];
            a * (x - 0.5) + b * (y - 0.5) + self.shift[i] + middle
        })
    }
}

/// How far grain takes the ink of a pixel away, as a standard deviation.
const GRAIN: f64 = 0.06;

/// Draws the strokes of a shape; a pixel is as dark as the pen covers it.
fn paint(pixels: &mut [Real], shape: &[Stroke], hand: &Hand, rng: &mut impl Rng) {
    for stroke in shape {
        let points = points(stroke);
        for ends in points.windows(2) {
            let (from, to) = (hand.place(ends[0]), hand.place(ends[1]));
            for (i, pixel) in pixels.iter_mut().enumerate() {
                let at = [(i % SIDE) as f32 + 0.5, (i / SIDE) as f32 + 0.5];
                let cover = (hand.pen + 0.5 - distance(at, from, to)).clamp(0.0, 1.0);
                *pixel = pixel.max((cover * hand.ink) as Real);
            }
        }
    }
    for pixel in pixels.iter_mut().filter(|pixel| **pixel > 0.0) {
        let grain: f64 = StandardNormal.sample(rng);
        *pixel = (*pixel * (1.0 - (GRAIN * grain).abs()) as Real).clamp(0.0, 1.0);
    }
}

/// The corners of a stroke; an arc becomes short lines.
fn points(stroke: &Stroke) -> Vec<(f32, f32)> {
    /// Degrees of an arc that a line stands for.
    const STEP: f32 = 24.0;
    match *stroke {
        Stroke::Line(points) => points.to_vec(),
        Stroke::Arc { center, radius, from, to } => {
            let lines = ((to - from).abs() / STEP).ceil();
            let at = |i: u16| {
                let (sin, cos) = (from + (to - from) * f32::from(i) / lines).to_radians().sin_cos();
                (center.0 + radius.0 * cos, center.1 + radius.1 * sin)
            };
            (0..=lines as u16).map(at).collect()
        }
    }
}

/// From a point to the nearest of a line between two others.
fn distance(at: [f32; 2], from: [f32; 2], to: [f32; 2]) -> f32 {
    let along = [to[0] - from[0], to[1] - from[1]];
    let away = [at[0] - from[0], at[1] - from[1]];
    let length = along[0] * along[0] + along[1] * along[1];
    let share = ((away[0] * along[0] + away[1] * along[1]) / length.max(1e-12)).clamp(0.0, 1.0);
    (away[0] - share * along[0]).hypot(away[1] - share * along[1])
}

#[cfg(test)]
// Needless in f32, not in f64.
mod tests {
    use std::collections::HashSet;

    use super::*;

    /// A pixel as a character, the darker the fuller.
    fn text(image: &[Real]) -> String {
        let shade = |p: &Real| b" .:-=+*#%@"[(p * 9.99) as usize] as char;
        let row = |row: &[Real]| row.iter().map(shade).collect::<String>();
        image.chunks(SIDE).map(row).collect::<Vec<_>>().join("\n")
    }

    #[test]
    fn no_held_out_image_is_trained_on_and_no_two_are_the_same() {
        let mut seen = HashSet::new();
        for split in [Split::Train, Split::Val] {
            for image in Glyphs::images(split).pixels.chunks(PIXELS) {
                assert!(image.iter().all(|p| (0.0..=1.0).contains(p)));
                let ink: Real = image.iter().sum();
                assert!((3.0..90.0).contains(&ink), "{ink}\n{}", text(image));
                let bits: Vec<_> = image.iter().map(|p| p.to_bits()).collect();
                assert!(seen.insert(bits), "twice");
            }
        }
        assert_eq!(seen.len(), TRAIN + VAL);
    }

    #[test]
    fn every_character_is_about_as_frequent_as_the_others_and_inside_the_image() {
        for split in [Split::Train, Split::Val] {
            let images = Glyphs::images(split);
            let fair = images.labels.len() / CHARACTERS.len();
            for label in 0..CHARACTERS.len() as u32 {
                let count = images.labels.iter().filter(|found| **found == label).count();
                assert!(count > fair / 2 && count < fair * 3 / 2, "{label}: {count}");
                assert_eq!(Glyphs::label(Glyphs::character(label)), Some(label));
            }
        }
        // Little ink is lost at the border: nearly all of it stands inside the outermost ring of pixels.
        let (mut border, mut all) = (0.0, 0.0);
        for (i, p) in Glyphs::images(Split::Val).pixels.iter().enumerate() {
            let (row, column) = (i % PIXELS / SIDE, i % SIDE);
            all += f64::from(*p as f32);
            if [row, column].iter().any(|at| [0, SIDE - 1].contains(at)) {
                border += f64::from(*p as f32);
            }
        }
        assert!(border / all < 0.02, "{}", border / all);
    }

    #[test]
    fn a_straight_pen_covers_what_it_should() {
        // A vertical line through the middle of column 7, of half width 1: one pixel full on it, half of each neighbour.
        let hand =
            Hand { matrix: [[10.0, 0.0], [0.0, 10.0]], shift: [0.5, 0.0], pen: 1.0, ink: 1.0 };
        let mut pixels = vec![0.0; PIXELS];
        let shape = [Stroke::Line(&[(0.5, 0.0), (0.5, 1.0)])];
        paint(&mut pixels, &shape, &hand, &mut stream(1, Purpose::Examples, 0));
        let row = &pixels[7 * SIDE..8 * SIDE];
        assert!(row[7] > 0.75 && row[5] == 0.0 && row[9] == 0.0, "{row:?}");
        assert!((0.3..=0.5).contains(&row[6]) && (0.3..=0.5).contains(&row[8]), "{row:?}");
    }

    #[test]
    fn batches_and_subjects() {
        let mut batch = Batch::default();
        let mut rng = stream(3, Purpose::Batches, 0);
        Glyphs.draw(Split::Train, 5, &mut rng, &mut batch);
        assert_eq!((batch.sequences, batch.width, batch.x.len()), (5, PIXELS, 5));
        assert_eq!((batch.values.len(), batch.targets()), (5 * PIXELS, 5));
        let label = Glyphs::label('k').unwrap();
        Glyphs.subject(&[label], &mut batch);
        assert_eq!((batch.x[0], batch.sequences), (label, 1 + COMPANY));
    }
}
