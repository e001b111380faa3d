//! A cloud of generated points beside as many real ones.

use super::{Arguments, Instrument, NotMeasured, Reading, Subject};
use crate::math::random::{Purpose, stream};
use crate::model::card::Unit;
use crate::model::{Batch, Output, Split};

/// The points are from the same latents and beside the same real ones at every look.
const LOOKED_AT: u64 = (1 << 56) - 5;

pub const INSTRUMENT: Instrument = Instrument {
    name: "cloud",
    definition: "points of the plane that the model generates, from the same noise at every look, and after them as many held-out real ones",
    unit: Unit::Plain,
    measure,
};

/// Values (2, N, 2): x and y of each generated point, then of the real ones.
///
/// # Errors
/// If examples are no points of the plane, or the model makes nothing of noise.
fn measure(subject: &mut Subject<'_>, arguments: &Arguments) -> Result<Reading, NotMeasured> {
    let count = arguments.examples;
    let real = real(subject, count)?;
    let mut values = generated(subject, count).values;
    values.extend(real.values.iter().map(|x| *x as f32));
    Ok(Reading { shape: vec![2, count, 2], values, ..Reading::default() })
}

/// The cloud's generated points.
pub(super) fn generated(subject: &mut Subject<'_>, count: usize) -> Output {
    let Subject { model, weights, inference, seed, .. } = subject;
    let mut batch = Batch { sequences: count, ..Batch::default() };
    batch.add_noise(model.noise(), *seed, LOOKED_AT);
    inference.produce(weights, &batch)
}

/// The cloud's real points.
pub(super) fn real(subject: &Subject<'_>, count: usize) -> Result<Batch, NotMeasured> {
    if subject.model.noise() == 0 {
        return Err(NotMeasured(format!("{} makes nothing of noise", subject.card.name)));
    }
    if subject.examples.sizes().n_input != 2 {
        return Err(NotMeasured("examples are no points of the plane".to_owned()));
    }
    let mut batch = Batch::default();
    let mut rng = stream(subject.seed, Purpose::Evaluation, LOOKED_AT);
    subject.examples.draw(Split::Val, count, &mut rng, &mut batch);
    Ok(batch)
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
        measure(&mut subject, &Arguments { examples: 40, ..Arguments::default() })
    }

    #[test]
    fn half_are_generated_and_half_are_real() {
        let found = read("gan", |_| ()).unwrap();
        assert_eq!((found.shape.as_slice(), found.values.len()), (&[2, 40, 2][..], 160));
        // The ring's points are two away from the origin, at a standard deviation of a tenth.
        let real = found.values[80..].chunks(2).map(|point| point[0].hypot(point[1]));
        assert!(real.clone().all(|r| (1.4..2.6).contains(&r)), "{:?}", real.collect::<Vec<_>>());
        let generated = &found.values[..80];
        assert!(generated.iter().all(|x| x.is_finite()));
        assert!(generated[..2] != generated[2..4], "each is from noise of its own");
        assert_eq!(read("gan", |_| ()).unwrap(), found);
        // A network of nothing generates the origin, and leaves the real ones where they are.
        let nothing = read("gan", |arena| arena.fill(0.0)).unwrap();
        assert!(nothing.values[..80].iter().all(|x| *x == 0.0));
        assert_eq!(nothing.values[80..], found.values[80..]);
    }

    #[test]
    fn what_makes_no_points_says_so() {
        assert!(read("vae", |_| ()).unwrap_err().to_string().contains("no points of the plane"));
        let why = read("attention", |_| ()).unwrap_err().to_string();
        assert!(why.contains("makes nothing of noise"), "{why}");
    }
}
