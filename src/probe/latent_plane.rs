//! The plane of the first two latents as pictures: what a decoder makes of points of it that are equally likely.

use super::{Arguments, Instrument, NotMeasured, Reading, Subject};
use crate::math::random::{Purpose, stream};
use crate::model::card::Unit;
use crate::model::{Batch, Split};

/// The latent that column `i` of the pictures stands for; counted from below, that of row `i` as well.
pub fn along(i: usize) -> String {
    format!("axis {i}")
}

pub const INSTRUMENT: Instrument = Instrument {
    name: "latent_plane",
    definition: "what the decoder makes of a grid over the first two latents, whose places stand in the middles of equally likely parts of N(0, 1): a column is a value of the first, rising to the right, a row one of the second, rising upwards; pixels from 0 to 1",
    unit: Unit::Plain,
    measure,
};

/// Values (rows, columns, height, width of a picture).
///
/// # Errors
/// If the model decodes no images from a latent space.
fn measure(subject: &mut Subject<'_>, _: &Arguments) -> Result<Reading, NotMeasured> {
    let Subject { card, weights, examples, inference, seed, .. } = subject;
    let missing = NotMeasured(format!("{} decodes no images from a latent space", card.name));
    // What is looked at makes no difference to the plane, but something has to be.
    let mut batch = Batch::default();
    if examples.sizes().n_input == 0 {
        return Err(missing);
    }
    examples.draw(Split::Val, 1, &mut stream(*seed, Purpose::Evaluation, 0), &mut batch);
    inference.look(weights, &batch);
    let mut found = Reading::default();
    inference.visit(&mut |name, shape, values| match name {
        "latent.axis" => {
            let axis = values.iter().enumerate();
            found.figures.extend(axis.map(|(i, x)| (along(i), *x as f64)));
        }
        "latent.grid" => {
            found.shape = shape.to_vec();
            found.values.extend(values.iter().map(|x| *x as f32));
        }
        _ => {}
    });
    if found.values.is_empty() { Err(missing) } else { Ok(found) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::probe::picture;
    use crate::probe::testing::Case;

    /// Held against the decoder alone, one point at a time.
    #[test]
    fn every_picture_is_what_its_point_decodes_to() {
        let case = Case::of("vae");
        let found = case.ask(INSTRUMENT.name, &Arguments::default()).unwrap();
        let &[rows, columns, height, width] = found.shape.as_slice() else { panic!() };
        assert_eq!([rows, columns, height, width], [10, 10, 14, 14]);
        let axis: Vec<f64> = (0..10).map(|i| found.figure(&along(i)).unwrap()).collect();
        assert!(axis.windows(2).all(|pair| pair[0] < pair[1]));
        assert!((axis[0] + 1.644_853_6).abs() < 1e-5 && (axis[0] + axis[9]).abs() < 1e-6);
        let size = height * width;
        for (row, column) in [(0, 0), (2, 7), (9, 4)] {
            let point = vec![axis[column] as f32, axis[9 - row] as f32];
            let told = Arguments { point, ..Arguments::default() };
            let alone = case.ask(picture::INSTRUMENT.name, &told).unwrap();
            let at = (row * columns + column) * size;
            for (a, b) in alone.values.iter().zip(&found.values[at..at + size]) {
                assert!((a - b).abs() < 1e-5);
            }
        }
        assert!(found.values[..size] != found.values[size..2 * size]);
    }

    #[test]
    fn what_has_no_latent_space_says_so() {
        for stage in ["gan", "attention"] {
            let why = Case::of(stage).ask(INSTRUMENT.name, &Arguments::default()).unwrap_err();
            assert!(why.to_string().contains("no images from a latent space"), "{why}");
        }
    }
}
