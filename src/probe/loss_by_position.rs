//! What context is worth: the loss at the first position of a window, at the second …

use super::{Arguments, Instrument, NotMeasured, Reading, Subject, surprise};
use crate::model::card::Unit;

pub const INSTRUMENT: Instrument = Instrument {
    name: "loss-by-position",
    definition: "the mean over held-out examples of -ln p of the token that was to be predicted at each position: the model has seen one token at the first, and T at the last; mean is over all positions",
    unit: Unit::Nats,
    measure,
};

/// Values (T); NaN at a position where nothing is ever asked.
///
/// # Errors
/// If the model has not one prediction for each position.
fn measure(subject: &mut Subject<'_>, arguments: &Arguments) -> Result<Reading, NotMeasured> {
    let batch = surprise::held_out(subject, arguments, 1)?;
    let losses = surprise::losses(subject, &batch)?;
    let time = batch.time;
    let at = |t: usize| surprise::mean(losses.iter().skip(t).step_by(time).copied());
    let by_position: Vec<f64> = (0..time).map(at).collect();
    let asked = || by_position.iter().filter(|loss| !loss.is_nan());
    let end = |loss: Option<&f64>| loss.copied().unwrap_or(f64::NAN);
    let figures = vec![
        ("first".to_owned(), end(asked().next())),
        ("last".to_owned(), end(asked().next_back())),
        ("mean".to_owned(), surprise::mean(losses.iter().copied())),
        ("examples".to_owned(), batch.sequences as f64),
    ];
    let values = by_position.into_iter().map(|loss| loss as f32).collect();
    Ok(Reading { figures, shape: vec![time], values })
}

#[cfg(test)]
mod tests {
    use crate::math::random::{Purpose, stream};
    use crate::model::config::Position;
    use crate::model::{Batch, Conditions, Split};
    use crate::probe::Arguments;
    use crate::probe::testing::{Case, config};

    /// Of the held-out examples that it looks at, as the trainer computes it.
    fn held_out_loss(case: &Case, examples: usize) -> f64 {
        let mut batch = Batch::default();
        let mut rng = stream(case.seed, Purpose::Evaluation, (1 << 56) - 4);
        case.examples.draw(Split::Val, examples, &mut rng, &mut batch);
        let mut shard = case.model.shard();
        let losses = shard.loss(&case.weights, &batch, 0..examples, &Conditions::default());
        losses.over(batch.targets()).loss
    }

    #[test]
    fn its_mean_is_the_held_out_loss_of_those_examples() {
        for stage in ["bigram", "layer-norm", "lstm"] {
            let case = Case::of(stage);
            let arguments = Arguments { examples: 20, in_passing: false, ..Arguments::default() };
            let found = case.ask("loss-by-position", &arguments).unwrap();
            let loss = held_out_loss(&case, 20);
            assert!((found.figure("mean").unwrap() - loss).abs() < 1e-5, "{stage}");
            let mean = found.values.iter().sum::<f32>() / found.values.len() as f32;
            assert!((f64::from(mean) - loss).abs() < 1e-5, "{stage}: every position counts alike");
            assert_eq!(found.figure("examples"), Some(20.0));
            let ends = [found.values[0], *found.values.last().unwrap()].map(f64::from);
            for (name, end) in ["first", "last"].iter().zip(ends) {
                assert!((found.figure(name).unwrap() - end).abs() < 1e-6);
            }
        }
    }

    /// A memory that is asked once says nothing of other positions.
    #[test]
    fn what_is_asked_once_has_a_loss_at_the_end_alone() {
        let config = config("attention");
        let case = Case::new(&config);
        let found = case.ask("loss-by-position", &Arguments::default()).unwrap();
        let asked = found.values.iter().filter(|loss| !loss.is_nan()).count();
        assert_eq!(asked, 1, "{:?}", found.values);
        assert_eq!(found.figure("first"), found.figure("last"));
    }

    /// Without attention's help from positions, one token seen is one token seen: the table's first loss has no slope.
    #[test]
    fn a_uniform_model_has_the_same_loss_everywhere() {
        let mut config = config("single-head");
        config.model.position = Position::None;
        let mut case = Case::new(&config);
        case.weights.fill(0.0);
        let found = case.ask("loss-by-position", &Arguments::default()).unwrap();
        let uniform = (crate::train::testing::VOCABULARY as f32).ln();
        assert!(found.values.iter().all(|loss| (loss - uniform).abs() < 1e-6));
    }
}
