//! How large activations are, and which units are dead: numbers, so that no whole tensor is copied for them.

use super::{Arguments, Instrument, LOOKED_AT, NotMeasured, Reading, Subject};
use crate::math::Real;
use crate::model::Batch;
use crate::model::card::{Glance, Unit};

/// What is appended to a name where its dead units are counted, and to that its units.
pub const DEAD: &str = ".dead";
pub const UNITS: &str = ".units";

pub const INSTRUMENT: Instrument = Instrument {
    name: "sizes",
    definition: "root mean square of each activation of the prompt; of a ReLU's, also how many of its units are 0 at every position",
    unit: Unit::Plain,
    measure,
};

/// By the activations' names, in the order of the forward pass.
fn measure(subject: &mut Subject<'_>, arguments: &Arguments) -> Result<Reading, NotMeasured> {
    let mut example = Batch::default();
    subject.examples.subject(&arguments.prompt, &mut example);
    example.add_noise(subject.model.noise(), subject.seed, LOOKED_AT);
    if example.sequences == 0 {
        return Err(NotMeasured("there is no example to look at".to_owned()));
    }
    subject.inference.look(subject.weights, &example);
    let parts = subject.card.flow.iter().filter(|part| part.glance != Glance::No);
    let mut figures: Vec<(String, f64)> = Vec::new();
    let wanted: Vec<_> = parts.map(|part| (part.name.as_str(), part.glance)).collect();
    let mut found: Vec<Option<[f64; 3]>> = vec![None; wanted.len()];
    subject.inference.visit(&mut |name, shape, values| {
        if let Some(at) = wanted.iter().position(|(wanted, _)| *wanted == name) {
            let units = shape.last().copied().unwrap_or(1);
            found[at] = Some([rms(values), dead(values, units) as f64, units as f64]);
        }
    });
    for ((name, glance), found) in wanted.into_iter().zip(found) {
        let Some([rms, dead, units]) = found else { continue };
        figures.push((name.to_owned(), rms));
        if glance == Glance::Dead {
            figures.push((format!("{name}{DEAD}"), dead));
            figures.push((format!("{name}{UNITS}"), units));
        }
    }
    Ok(Reading { figures, ..Reading::default() })
}

/// The root of the mean square.
pub fn rms(values: &[Real]) -> f64 {
    let squares: f64 = values.iter().map(|v| (*v as f64).powi(2)).sum();
    (squares / values.len().max(1) as f64).sqrt()
}

/// Columns of (n, units) that are 0 in every row.
fn dead(values: &[Real], units: usize) -> usize {
    let is_dead = |unit| values.iter().skip(unit).step_by(units.max(1)).all(|v| *v == 0.0);
    if values.is_empty() { 0 } else { (0..units).filter(|unit| is_dead(*unit)).count() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_column_of_zeros_is_a_dead_unit() {
        assert_eq!(dead(&[0.0, 1.0, 0.0, 0.0, 2.0, 3.0], 3), 1);
        assert_eq!(dead(&[0.0, 0.0], 2), 2);
        assert_eq!(dead(&[], 2), 0);
        assert!((rms(&[3.0, -4.0]) - 12.5_f64.sqrt()).abs() < 1e-12);
        assert_eq!(rms(&[]), 0.0);
    }
}
