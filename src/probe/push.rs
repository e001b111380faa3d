//! Where a discriminator would have generated points go.

use super::{Arguments, Instrument, NotMeasured, Reading, Subject, cloud};
use crate::model::card::Unit;

/// The columns of the values.
pub const X: usize = 0;
pub const SCORE: usize = 2;
pub const SLOPE: usize = 3;
pub const WIDTH: usize = 5;

pub const INSTRUMENT: Instrument = Instrument {
    name: "push",
    definition: "generated points, the discriminator's score of each (before the sigmoid), and the score's gradient with respect to the point: the way up, along which the generator is pushed",
    unit: Unit::Plain,
    measure,
};

/// Values (N, 5): x, y, score, d(score)/dx, d(score)/dy.
///
/// # Errors
/// If nothing in the model tells real points of the plane from generated ones.
fn measure(subject: &mut Subject<'_>, _: &Arguments) -> Result<Reading, NotMeasured> {
    let real = cloud::real(subject, 1)?;
    let Subject { card, weights, inference, .. } = subject;
    inference.look(weights, &real);
    let [mut points, mut scores, mut gradients] = [const { Vec::new() }; 3];
    inference.visit(&mut |name, _, values| {
        let kept = match name {
            "generated" => &mut points,
            "generated.score" => &mut scores,
            "generated.gradient" => &mut gradients,
            _ => return,
        };
        *kept = values.iter().map(|x| *x as f64).collect();
    });
    let count = scores.len();
    if count == 0 || points.len() != 2 * count || gradients.len() != 2 * count {
        return Err(NotMeasured(format!("{} pushes no points about", card.name)));
    }
    let mut values = Vec::with_capacity(WIDTH * count);
    for (i, score) in scores.into_iter().enumerate() {
        // The gradient is that of -ln sigmoid(score), whose derivative is -sigmoid(-score).
        let outer = -1.0 / (1.0 + score.exp());
        let slope = |axis: usize| match gradients[2 * i + axis] {
            0.0 => 0.0,
            gradient => gradient / outer,
        };
        values.extend([points[2 * i], points[2 * i + 1], score, slope(0), slope(1)]);
    }
    let values = values.into_iter().map(|x| x as f32).collect();
    Ok(Reading { shape: vec![count, WIDTH], values, ..Reading::default() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Batch;
    use crate::probe::testing::Case;

    fn ask(case: &Case) -> Result<Reading, NotMeasured> {
        case.ask(INSTRUMENT.name, &Arguments::default())
    }

    /// The score a small way to each side, as the discriminator gives it to a real point that stands there.
    #[test]
    // Needless in f32, not in f64.
    #[allow(clippy::useless_conversion)]
    fn the_slope_is_the_scores_difference_quotient() {
        let mut case = Case::of("gan");
        // As a network starts, it is nearly flat.
        case.weights.iter_mut().for_each(|w| *w *= 3.0);
        let found = ask(&case).unwrap();
        assert_eq!(found.shape, [256, WIDTH]);
        let mut inference = case.model.inference();
        let mut score = |x: f32, y: f32| {
            let values = vec![x.into(), y.into()];
            let batch = Batch { sequences: 1, width: 2, values, ..Batch::default() };
            inference.look(&case.weights, &batch);
            let mut score = f64::NAN;
            inference.visit(&mut |name, _, values| {
                if name == "real.score" {
                    score = values[0] as f64;
                }
            });
            score
        };
        let step = 0.004_f32;
        let (mut apart, mut seen) = (0, 0);
        for row in found.values.as_chunks::<WIDTH>().0.iter().step_by(16) {
            let [x, y, found, dx, dy] = *row;
            let here = score(x, y);
            assert!((here - f64::from(found)).abs() < 1e-4);
            for (slope, (x_step, y_step)) in [(dx, (step, 0.0)), (dy, (0.0, step))] {
                let ahead = (score(x + x_step, y + y_step) - here) / f64::from(step);
                let behind = (here - score(x - x_step, y - y_step)) / f64::from(step);
                // At a kink the slope is that of one side.
                let [low, high] = [ahead.min(behind) - 0.02, ahead.max(behind) + 0.02];
                apart += usize::from(!(low..=high).contains(&f64::from(slope)));
                seen += usize::from(ahead.abs() > 0.1);
            }
        }
        assert!(apart <= 2 && seen >= 16, "{apart} apart, {seen} steep");
    }

    #[test]
    fn what_judges_no_points_says_so() {
        let why = ask(&Case::of("vae")).unwrap_err().to_string();
        assert!(why.contains("no points of the plane"), "{why}");
    }
}
