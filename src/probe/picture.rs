//! What a model makes of one point of its latent space.

use super::{Arguments, Instrument, NotMeasured, Reading, Subject};
use crate::math::Real;
use crate::model::Batch;
use crate::model::card::Unit;

pub const INSTRUMENT: Instrument = Instrument {
    name: "picture",
    definition: "what the model makes of one point of its latent space, or of its noise: an image's pixels from 0 to 1, or a point",
    unit: Unit::Plain,
    measure,
};

/// # Errors
/// If the model makes nothing of noise, or the point has another number of coordinates than its noise.
#[allow(clippy::useless_conversion)]
fn measure(subject: &mut Subject<'_>, arguments: &Arguments) -> Result<Reading, NotMeasured> {
    let (width, found) = (subject.model.noise(), arguments.point.len());
    if width == 0 {
        return Err(NotMeasured(format!("{} makes nothing of noise", subject.card.name)));
    }
    if found != width {
        return Err(NotMeasured(format!("a point has {width} coordinates here (found {found})")));
    }
    let noise: Vec<Real> = arguments.point.iter().map(|x| Real::from(*x)).collect();
    let batch = Batch { sequences: 1, noise, noise_width: width, ..Batch::default() };
    let output = subject.inference.produce(subject.weights, &batch);
    let shape = vec![output.values.len() / output.width.max(1), output.width];
    Ok(Reading { shape, values: output.values, ..Reading::default() })
}
