//! Where a decoder looks while it copies: whether a head finds the place of the source that each letter comes from.

use super::{Arguments, Instrument, NotMeasured, Reading, Subject};
use crate::math::random::{Purpose, stream};
use crate::model::batch::argmax;
use crate::model::card::{Side, Unit};
use crate::model::{Batch, IGNORED, Split};

/// Every count looks at the same held-out examples.
const LOOKED_AT: u64 = (1 << 56) - 3;

pub const INSTRUMENT: Instrument = Instrument {
    name: "alignment",
    definition: "of the letters of held-out answers, the share at which a head of the decoder over the encoder's memory gives its largest weight to the letter that is due: of the head that does so most often",
    unit: Unit::Share,
    measure,
};

/// `anti_diagonal` of strings that are written backwards: letter i of n comes from place n - 1 - i.
///
/// # Errors
/// If the model has no map from target to source, or the task's targets are no copies.
fn measure(subject: &mut Subject<'_>, arguments: &Arguments) -> Result<Reading, NotMeasured> {
    let Subject { card, weights, examples, inference, .. } = subject;
    let cross =
        |side: &&crate::model::card::Map| (side.rows, side.columns) == (Side::Target, Side::Source);
    let names: Vec<_> =
        card.maps.iter().filter(cross).map(|map| format!("{}.weights", map.name)).collect();
    if names.is_empty() {
        let text = format!("{} has no map from a target to a source", card.name);
        return Err(NotMeasured(text));
    }
    if examples.copied_from(0, 1).is_none() {
        return Err(NotMeasured("the task's answers are no copies of single places".to_owned()));
    }
    let mut rng = stream(subject.seed, Purpose::Evaluation, LOOKED_AT);
    // Of each head of each layer, in the order in which they are visited.
    let (mut right, mut letters) = (Vec::new(), 0);
    let mut pair = Batch::default();
    for _ in 0..arguments.examples {
        examples.draw(Split::Val, 1, &mut rng, &mut pair);
        // The last target is the end's.
        let n = pair.targets() - 1;
        debug_assert!(pair.y[n] != IGNORED);
        inference.look(weights, &pair);
        let mut head = 0;
        inference.visit(&mut |name, shape, weights| {
            if !names.iter().any(|map| map == name) {
                return;
            }
            let (time, source) = (shape[1], shape[2]);
            for map in weights.chunks_exact(time * source) {
                right.resize(right.len().max(head + 1), 0);
                let rows = map.chunks_exact(source).take(n).enumerate();
                let due = |i: usize, row| Some(argmax(row)) == examples.copied_from(i, n);
                right[head] += rows.filter(|(i, row)| due(*i, row)).count();
                head += 1;
            }
        });
        letters += n;
    }
    let best = right.into_iter().max().unwrap_or(0);
    let value = best as f64 / letters.max(1) as f64;
    Ok(Reading { figures: vec![("anti_diagonal".to_owned(), value)], ..Reading::default() })
}
