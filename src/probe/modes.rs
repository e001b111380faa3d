//! The places that generated points should reach, and what the task says of the points.

use super::{Arguments, Instrument, NotMeasured, Reading, Subject, cloud};
use crate::model::card::Unit;

/// With so many points a place is covered.
pub const ENOUGH: &str = "enough";
/// Numbers of a place: x, y, points that reach it, and 1 where it is covered.
pub const WIDTH: usize = 4;

pub const INSTRUMENT: Instrument = Instrument {
    name: "modes",
    definition: "the centres of the modes of the real points: where each is, how many of the cloud's generated points are within its reach, and 1 where those are enough to call it covered; the figures are those of an estimate, of these points, and enough: with how many points a mode is covered",
    unit: Unit::Plain,
    measure,
};

/// Values (M, 4); of real points without modes there are only the figures.
///
/// # Errors
/// If examples are no points of the plane, or the model makes nothing of noise.
fn measure(subject: &mut Subject<'_>, arguments: &Arguments) -> Result<Reading, NotMeasured> {
    let real = cloud::real(subject, arguments.examples)?;
    let output = cloud::generated(subject, arguments.examples);
    let judged = subject.examples.judge(&real, &output).into_iter();
    let mut figures: Vec<_> = judged.map(|(name, value)| (name.to_owned(), value)).collect();
    let places = subject.examples.places(&output);
    figures.extend(places.first().map(|place| (ENOUGH.to_owned(), place.enough)));
    let row = |place: &crate::model::Place| {
        let [x, y] = place.at;
        [x, y, place.answers as f64, f64::from(u8::from(place.is_covered()))]
    };
    let values = places.iter().flat_map(row).map(|x| x as f32).collect();
    Ok(Reading { figures, shape: vec![places.len(), WIDTH], values })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::probe::testing::Case;

    fn ask(case: &Case) -> Result<Reading, NotMeasured> {
        case.ask(INSTRUMENT.name, &Arguments { examples: 200, ..Arguments::default() })
    }

    /// A generator of nothing but its last bias puts all points on one spot: the first centre, (2, 0).
    #[test]
    fn a_generator_of_one_mode_covers_that_one() {
        let mut case = Case::of("gan");
        case.weights.fill(0.0);
        let bias = case.model.registry().get("generator.4.bias").unwrap().offset;
        case.weights[bias] = 2.0;
        let found = ask(&case).unwrap();
        assert_eq!(found.shape, [8, WIDTH]);
        let rows = found.values.as_chunks::<WIDTH>().0;
        assert!((rows[0][0] - 2.0).abs() < 1e-6 && rows[0][1].abs() < 1e-6);
        assert_eq!(rows[0][2..], [200.0, 1.0]);
        assert!(rows[1..].iter().all(|row| row[2..] == [0.0, 0.0]));
        assert!(rows.iter().all(|row| (row[0].hypot(row[1]) - 2.0).abs() < 1e-6));
        // A fifth of its fair share of 25.
        assert_eq!(found.figure(ENOUGH), Some(5.0));
        let figures = ["modes", "collapsed", "high_quality"].map(|name| found.figure(name));
        assert_eq!(figures, [Some(1.0), Some(1.0), Some(1.0)]);
    }

    #[test]
    fn what_makes_no_points_says_so() {
        let why = ask(&Case::of("vae")).unwrap_err().to_string();
        assert!(why.contains("no points of the plane"), "{why}");
    }
}
