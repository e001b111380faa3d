//! The tokens of the batch whose losses [`loss_grid`] shows.

use super::{Arguments, Instrument, NotMeasured, Reading, Subject, loss_grid};
use crate::model::card::Unit;

pub const INSTRUMENT: Instrument = Instrument {
    name: "batch-tokens",
    definition: "the token ids of the run's first training batch, an example a row: the T that are read, and last the one after them; each is the target of the one before it",
    unit: Unit::Plain,
    measure,
};

/// Values (B, T + 1).
///
/// # Errors
/// If the examples are no windows of a text.
fn measure(subject: &mut Subject<'_>, arguments: &Arguments) -> Result<Reading, NotMeasured> {
    let batch = loss_grid::batch(subject, arguments)?;
    let mut values = Vec::new();
    for i in 0..if batch.y.is_empty() { 0 } else { batch.sequences } {
        let (x, y) = (batch.tokens(i), batch.targets_of(i));
        let row = [&x[..x.len().min(1)], y].concat();
        if row[..x.len()] == *x {
            values.extend(row.iter().map(|id| *id as f32));
        }
    }
    let shape = vec![batch.sequences, batch.time + 1];
    if values.len() != shape.iter().product::<usize>() {
        return Err(NotMeasured("the examples are no windows of a text".to_owned()));
    }
    Ok(Reading { shape, values, ..Reading::default() })
}

#[cfg(test)]
mod tests {
    use crate::math::Real;
    use crate::probe::Arguments;
    use crate::probe::testing::Case;
    use crate::train::testing::VOCABULARY;

    #[test]
    fn the_losses_of_the_grid_are_those_of_these_tokens() {
        let case = Case::of("single-head");
        let arguments = Arguments { examples: 3, ..Arguments::default() };
        let tokens = case.ask("batch-tokens", &arguments).unwrap();
        let losses = case.ask("loss-grid", &arguments).unwrap();
        assert_eq!((&tokens.shape[..], &losses.shape[..]), (&[3, 9][..], &[3, 8][..]));
        for (row, losses) in tokens.values.chunks(9).zip(losses.values.chunks(8)) {
            let ids: Vec<u32> = row.iter().map(|id| *id as u32).collect();
            let probabilities = case.activation(&ids[..8], "probabilities");
            for (t, loss) in losses.iter().enumerate() {
                let p: Real = probabilities[t * VOCABULARY + ids[t + 1] as usize];
                assert!((f64::from(*loss) + (p as f64).ln()).abs() < 1e-5);
            }
        }
    }

    #[test]
    fn made_examples_are_no_windows_of_a_text() {
        for stage in ["encoder-decoder", "vae"] {
            let why = Case::of(stage).ask("batch-tokens", &Arguments::default()).unwrap_err();
            assert!(why.to_string().contains("no windows"), "{stage}");
        }
    }
}
