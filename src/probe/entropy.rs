//! How sure the model is of what comes next.

use super::{Arguments, Instrument, NotMeasured, Reading, Subject};
use crate::model::Batch;
use crate::model::card::Unit;

pub const INSTRUMENT: Instrument = Instrument {
    name: "entropy",
    definition: "mean entropy of the model's next-token distributions over the prompt",
    unit: Unit::Nats,
    measure,
};

#[allow(clippy::unnecessary_cast)]
fn measure(subject: &mut Subject<'_>, arguments: &Arguments) -> Result<Reading, NotMeasured> {
    let mut example = Batch::default();
    subject.examples.subject(&arguments.prompt, &mut example);
    if example.sequences == 0 || subject.card.logits().is_none() {
        return Err(NotMeasured("there is nothing to predict".to_owned()));
    }
    subject.inference.look(subject.weights, &example);
    let (mut sum, mut rows) = (0.0, 0);
    subject.inference.visit(&mut |name, shape, values| {
        if name == "probabilities" {
            rows = shape[0];
            sum = values.iter().map(|p| *p as f64).map(|p| -p * p.max(1e-30).ln()).sum();
        }
    });
    let mean = sum / f64::from(u32::try_from(rows.max(1)).unwrap_or(1));
    Ok(Reading { figures: vec![("entropy".to_owned(), mean)], ..Reading::default() })
}
