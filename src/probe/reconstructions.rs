//! Held-out images, what the model makes of each, and what it makes of noise.

use super::{Arguments, Instrument, NotMeasured, Reading, Subject};
use crate::math::random::{Purpose, stream};
use crate::model::card::{Op, Unit};
use crate::model::{Batch, Split};

/// The images, and the latents drawn from the prior, are the same at every look.
pub(super) const LOOKED_AT: u64 = (1 << 56) - 6;

/// Mean over all pixels of (image - reconstruction)^2.
pub const SQUARED_ERROR: &str = "squared_error";

/// Shares of pixels that are neither ink nor paper, in the order of the reading's values: what is blurred has more of them.
pub const GREY: [&str; 3] = ["grey_held_out", "grey", "grey_noise"];

/// What counts as grey.
const BETWEEN: std::ops::Range<f32> = 0.2..0.8;

/// What image `i` is of, where the task says it.
pub fn class(i: usize) -> String {
    format!("class {i}")
}

pub const INSTRUMENT: Instrument = Instrument {
    name: "reconstructions",
    definition: "held-out images, what the model gives back of each (decoded from the mean of its latent), and as many images decoded from latents drawn from the prior; pixels from 0 to 1",
    unit: Unit::Plain,
    measure,
};

/// Values (3, N, rows, columns): the images, the reconstructions, and what is decoded from the prior.
///
/// # Errors
/// If the model does not read an image and decode it from noise.
fn measure(subject: &mut Subject<'_>, arguments: &Arguments) -> Result<Reading, NotMeasured> {
    let Subject { model, card, weights, examples, inference, seed } = subject;
    // What is decoded is drawn around what an encoder says.
    let encodes = card.flow.iter().any(|part| part.op == Op::Sample && !part.from.is_empty());
    if model.noise() == 0 || !encodes {
        return Err(NotMeasured(format!("{} encodes and decodes no images", card.name)));
    }
    let count = arguments.examples;
    let mut batch = Batch::default();
    let mut rng = stream(*seed, Purpose::Evaluation, LOOKED_AT);
    examples.draw(Split::Val, count, &mut rng, &mut batch);
    let mut values: Vec<f32> = batch.values.iter().map(|x| *x as f32).collect();
    let width = batch.width;
    let reconstructed = inference.produce(weights, &batch).values;
    let pairs = values.iter().zip(&reconstructed);
    let squares: f64 = pairs.map(|(x, y)| (f64::from(*x) - f64::from(*y)).powi(2)).sum();
    let mut figures = vec![(SQUARED_ERROR.to_owned(), squares / values.len().max(1) as f64)];
    if batch.x.len() == count {
        let classes = batch.x.iter().enumerate();
        figures.extend(classes.map(|(i, label)| (class(i), f64::from(*label))));
    }
    values.extend(reconstructed);
    let mut drawn = Batch { sequences: count, ..Batch::default() };
    drawn.add_noise(model.noise(), *seed, LOOKED_AT);
    values.extend(inference.produce(weights, &drawn).values);
    let sort = values.len() / GREY.len();
    figures.extend(GREY.iter().zip(values.chunks(sort.max(1))).map(|(name, pixels)| {
        let grey = pixels.iter().filter(|x| BETWEEN.contains(x)).count();
        ((*name).to_owned(), grey as f64 / pixels.len() as f64)
    }));
    let side = width.isqrt();
    let [rows, columns] = if side * side == width { [side, side] } else { [1, width] };
    Ok(Reading { figures, shape: vec![3, count, rows, columns], values })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::math::Real;
    use crate::stage::stage;
    use crate::task;

    fn read(name: &str, weights: impl Fn(&mut [Real])) -> Result<Reading, NotMeasured> {
        let mut config = stage(name).unwrap().config(0, 3);
        let examples = task::open(&config.task).unwrap();
        examples.sizes().apply(&mut config.model);
        let model = crate::model::build(&config.model).unwrap();
        let mut arena = vec![0.0; model.registry().len()];
        model.initialise(&mut arena, 3);
        weights(&mut arena);
        let mut subject = Subject {
            model: &*model,
            card: &model.card(),
            weights: &arena,
            examples: &*examples,
            inference: &mut *model.inference(),
            seed: 3,
        };
        measure(&mut subject, &Arguments { examples: 12, ..Arguments::default() })
    }

    /// A network of nothing gives every pixel the probability 1/2.
    #[test]
    fn a_network_of_nothing_gives_back_grey() {
        let found = read("vae", |arena| arena.fill(0.0)).unwrap();
        assert_eq!(found.shape, [3, 12, 14, 14]);
        let (images, made) = found.values.split_at(12 * 196);
        assert!(made.len() == 2 * 12 * 196 && made.iter().all(|p| *p == 0.5));
        assert!(images.iter().all(|p| (0.0..=1.0).contains(p)) && images.iter().any(|p| *p > 0.9));
        let error: f64 = images.iter().map(|p| (f64::from(*p) - 0.5).powi(2)).sum();
        let mean = error / images.len() as f64;
        assert!((found.figure(SQUARED_ERROR).unwrap() - mean).abs() < 1e-9);
        let grey = images.iter().filter(|p| **p >= 0.2 && **p < 0.8).count() as f64;
        let [held_out, given_back, from_noise] = GREY.map(|name| found.figure(name).unwrap());
        assert!((held_out - grey / images.len() as f64).abs() < 1e-9 && held_out < 0.5);
        assert_eq!((given_back, from_noise), (1.0, 1.0));
    }

    #[test]
    fn the_images_are_held_out_and_have_their_classes() {
        let found = read("vae", |_| ()).unwrap();
        assert_eq!(read("vae", |_| ()).unwrap(), found);
        let mut all = Batch::default();
        task::open(&stage("vae").unwrap().config(0, 3).task).unwrap().draw(
            Split::Val,
            20_000,
            &mut stream(1, Purpose::Evaluation, 0),
            &mut all,
        );
        for i in 0..12 {
            let image = &found.values[i * 196..(i + 1) * 196];
            let same = |other: &[Real]| other.iter().zip(image).all(|(a, b)| *a as f32 == *b);
            let at = all.values.chunks(196).position(same).expect("it is a held-out one");
            assert_eq!(found.figure(&class(i)), Some(f64::from(all.x[at])));
        }
        // Latents of their own.
        let drawn = &found.values[24 * 196..];
        assert!(drawn[..196] != drawn[196..392]);
    }

    #[test]
    fn what_encodes_nothing_says_so() {
        for stage in ["gan", "attention"] {
            let why = read(stage, |_| ()).unwrap_err().to_string();
            assert!(why.contains("encodes and decodes no images"), "{why}");
        }
    }
}
