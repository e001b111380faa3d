//! What a discriminator thinks of the plane, place by place.

use super::{Arguments, Instrument, NotMeasured, Reading, Subject, cloud};
use crate::model::card::Unit;

/// Values of the outermost places.
pub const LEFT: &str = "left";
pub const RIGHT: &str = "right";
pub const BOTTOM: &str = "bottom";
pub const TOP: &str = "top";

/// The planes of the values.
pub const PROBABILITY: usize = 0;
pub const SCORE: usize = 1;

pub const INSTRUMENT: Instrument = Instrument {
    name: "surface",
    definition: "the discriminator over a grid of the plane, around the real points of the cloud: the probability that a point there is real, and its score, which the probability is the sigmoid of; a row is a value of y, falling downwards, a column one of x",
    unit: Unit::Plain,
    measure,
};

/// Values (2, rows, columns): probability and score.
///
/// # Errors
/// If nothing in the model tells real points of the plane from generated ones.
fn measure(subject: &mut Subject<'_>, arguments: &Arguments) -> Result<Reading, NotMeasured> {
    let real = cloud::real(subject, arguments.examples)?;
    let Subject { card, weights, inference, .. } = subject;
    inference.look(weights, &real);
    let [mut probability, mut score] = [const { Vec::new() }; 2];
    let mut found = Reading::default();
    inference.visit(&mut |name, shape, values| {
        let ends = |low: &str, high: &str| {
            let (least, most) = (values.iter().copied(), values.iter().copied());
            let least = least.fold(crate::math::Real::INFINITY, crate::math::Real::min) as f64;
            let most = most.fold(crate::math::Real::NEG_INFINITY, crate::math::Real::max) as f64;
            [(low.to_owned(), least), (high.to_owned(), most)]
        };
        match name {
            "surface" => {
                found.shape = [&[2], shape].concat();
                probability = values.iter().map(|x| *x as f32).collect();
            }
            "surface.score" => score = values.iter().map(|x| *x as f32).collect(),
            "surface.x" => found.figures.extend(ends(LEFT, RIGHT)),
            "surface.y" => found.figures.extend(ends(BOTTOM, TOP)),
            _ => {}
        }
    });
    if probability.is_empty() || probability.len() != score.len() {
        return Err(NotMeasured(format!("{} tells no real points from others", card.name)));
    }
    found.values = probability;
    found.values.extend(score);
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::math::Real;
    use crate::probe::testing::Case;

    fn ask(case: &Case) -> Result<Reading, NotMeasured> {
        case.ask(INSTRUMENT.name, &Arguments { examples: 40, ..Arguments::default() })
    }

    /// Every layer at 0 but one unit of each, through which y goes alone: the score is 3 max(y, 0) - 1.
    #[test]
    fn a_discriminator_of_one_unit_is_a_slope() {
        let mut case = Case::of("gan");
        case.weights.fill(0.0);
        let mut set = |name: &str, index: usize, value: Real| {
            let at = case.model.registry().get(name).unwrap().positions().nth(index).unwrap();
            case.weights[at] = value;
        };
        // In a checkpoint's layout, (out, in): the second number of the first unit.
        set("discriminator.0.weight", 1, 1.0);
        set("discriminator.2.weight", 0, 1.0);
        set("discriminator.4.weight", 0, 3.0);
        set("discriminator.4.bias", 0, -1.0);
        let found = ask(&case).unwrap();
        let &[2, rows, columns] = found.shape.as_slice() else { panic!("{:?}", found.shape) };
        let [left, right, bottom, top] =
            [LEFT, RIGHT, BOTTOM, TOP].map(|name| found.figure(name).unwrap());
        assert!(left < -2.0 && right > 2.0 && bottom < -2.0 && top > 2.0);
        // It is the activation of the discriminator's that decides what a negative y becomes.
        for row in 0..rows {
            let y = top + (bottom - top) * row as f64 / (rows - 1) as f64;
            for column in 0..columns {
                let at = row * columns + column;
                let score = f64::from(found.values[SCORE * rows * columns + at]);
                if y > 0.0 {
                    assert!((score - (3.0 * y - 1.0)).abs() < 1e-4, "{y} {score}");
                }
                let p = f64::from(found.values[at]);
                assert!((p - 1.0 / (1.0 + (-score).exp())).abs() < 1e-5);
            }
        }
    }

    #[test]
    fn what_judges_no_points_says_so() {
        let why = ask(&Case::of("vae")).unwrap_err().to_string();
        assert!(why.contains("no points of the plane"), "{why}");
    }
}
