//! The loss of one batch before it becomes one number.

use super::{Arguments, Instrument, NotMeasured, Reading, Subject, surprise};
use crate::math::random::{Purpose, stream};
use crate::model::card::Unit;
use crate::model::{Batch, Split};

pub const INSTRUMENT: Instrument = Instrument {
    name: "loss-grid",
    definition: "of the run's first training batch, -ln p of each token that was to be predicted, an example a row, under the weights as they are now and without dropout; the mean of them all is the batch's loss",
    unit: Unit::Nats,
    measure,
};

/// No batch here has more examples.
const MOST: usize = 32;

/// The first examples of the run's first batch: as many as were asked for, at most 32.
///
/// # Errors
/// If none are asked for.
pub fn batch(subject: &Subject<'_>, arguments: &Arguments) -> Result<Batch, NotMeasured> {
    let count = arguments.examples.min(MOST);
    if count == 0 {
        return Err(NotMeasured("no example was asked for: the fewest is 1".to_owned()));
    }
    let mut batch = Batch::default();
    let mut rng = stream(subject.seed, Purpose::Batches, 0);
    subject.examples.draw(Split::Train, count, &mut rng, &mut batch);
    Ok(batch)
}

/// Values (B, T); NaN where nothing is asked.
///
/// # Errors
/// If the model has not one prediction for each position.
fn measure(subject: &mut Subject<'_>, arguments: &Arguments) -> Result<Reading, NotMeasured> {
    let batch = batch(subject, arguments)?;
    let losses = surprise::losses(subject, &batch)?;
    let figures = vec![("mean".to_owned(), surprise::mean(losses.iter().copied()))];
    let values = losses.into_iter().map(|loss| loss as f32).collect();
    Ok(Reading { figures, shape: vec![batch.sequences, batch.time], values })
}

#[cfg(test)]
mod tests {
    use crate::probe::Arguments;
    use crate::probe::testing::{Case, config};
    use crate::train::testing;

    #[test]
    fn its_mean_is_the_first_loss_of_the_run() {
        for stage in ["bigram", "layer-norm", "gru", "encoder-decoder"] {
            let mut config = config(stage);
            // What the trainer adds to the loss of the weights themselves.
            let training = &mut config.training;
            (training.dropout, training.label_smoothing) = (0.0, 0.0);
            training.batch_size = training.batch_size.min(32);
            let examples = training.batch_size;
            let case = Case::new(&config);
            let arguments = Arguments { examples, ..Arguments::default() };
            let found = case.ask("loss-grid", &arguments).unwrap();
            let loss = testing::open(config, 1).step().unwrap().loss;
            let mean = found.figure("mean").unwrap();
            assert!((mean - loss).abs() < 1e-5, "{stage}: {mean}, not {loss}");
            assert_eq!(found.shape[0], examples);
            let asked = found.values.iter().filter(|loss| !loss.is_nan());
            let (sum, count) = asked.fold((0.0, 0), |(sum, n), x| (sum + f64::from(*x), n + 1));
            assert!((sum / f64::from(count) - mean).abs() < 1e-5, "{stage}");
        }
    }

    #[test]
    fn a_batch_has_at_most_32_examples_and_at_least_one() {
        let case = Case::of("bigram");
        assert_eq!(case.ask("loss-grid", &Arguments::default()).unwrap().shape, [32, 8]);
        let none = Arguments { examples: 0, ..Arguments::default() };
        assert!(case.ask("loss-grid", &none).is_err());
        assert!(Case::of("vae").ask("loss-grid", &Arguments::default()).is_err());
    }
}
