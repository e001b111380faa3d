//! What a model of tokens makes of an example: its logits, and the surprise at every target.

use super::{Arguments, NotMeasured, Subject};
use crate::math::Real;
use crate::math::random::{Purpose, stream};
use crate::model::card::Map;
use crate::model::{Batch, IGNORED, Split};

/// Every reading looks at the same held-out examples, and at the same one where it looks at one.
const HELD_OUT: u64 = (1 << 56) - 4;

/// Floating-point operations that training waits for: some 30 ms.
const IN_PASSING: f64 = 2e8;

/// The name of the activation that holds the logits.
///
/// # Errors
/// If the model predicts no tokens.
pub fn logits(subject: &Subject<'_>) -> Result<String, NotMeasured> {
    let card = subject.card;
    let name = card.logits().map(str::to_owned);
    name.ok_or_else(|| NotMeasured(format!("{} predicts no tokens", card.name)))
}

/// The map that is meant.
///
/// # Errors
/// If there is none, or it has no such head.
pub fn map<'a>(subject: &Subject<'a>, arguments: &Arguments) -> Result<&'a Map, NotMeasured> {
    let (card, Arguments { layer, head, .. }) = (subject.card, arguments);
    let Some(map) = card.maps.get(*layer) else {
        let found = card.maps.len();
        return Err(NotMeasured(format!(
            "{} has {found} maps of attention: there is no layer {layer}, counted from 0",
            card.name
        )));
    };
    if *head >= map.heads {
        let heads = map.heads;
        return Err(NotMeasured(format!(
            "layer {layer} has {heads} heads: there is no head {head}, counted from 0"
        )));
    }
    Ok(map)
}

/// So many examples may go through `passes` while training waits. A forward pass is a third of a step's operations.
pub fn affordable(subject: &Subject<'_>, passes: usize) -> usize {
    let model = subject.model;
    let one = model.operations_per_token() / 3.0 * model.config().block_size as f64;
    (IN_PASSING / (one * passes as f64)).max(1.0) as usize
}

/// So many held-out examples: those that were asked for, or fewer where training would wait for them; each goes through
/// `passes`.
///
/// # Errors
/// If none are asked for.
pub fn held_out(
    subject: &Subject<'_>,
    arguments: &Arguments,
    passes: usize,
) -> Result<Batch, NotMeasured> {
    let most = affordable(subject, passes);
    let count =
        if arguments.in_passing { arguments.examples.min(most) } else { arguments.examples };
    if count == 0 {
        return Err(NotMeasured("no example was asked for: the fewest is 1".to_owned()));
    }
    let mut batch = Batch::default();
    let mut rng = stream(subject.seed, Purpose::Evaluation, HELD_OUT);
    subject.examples.draw(Split::Val, count, &mut rng, &mut batch);
    Ok(batch)
}

/// The prompt, or the task's own example, or a held-out one where there is neither.
pub fn looked_at(subject: &Subject<'_>, arguments: &Arguments) -> Batch {
    let mut batch = Batch::default();
    subject.examples.subject(&arguments.prompt, &mut batch);
    if batch.sequences == 0 {
        let mut rng = stream(subject.seed, Purpose::Evaluation, HELD_OUT);
        subject.examples.draw(Split::Val, 1, &mut rng, &mut batch);
    }
    batch
}

/// The held-out examples up to number `number`, counted from 0: the first ones of [`held_out`].
pub fn question(subject: &Subject<'_>, number: usize) -> Batch {
    let mut batch = Batch::default();
    let mut rng = stream(subject.seed, Purpose::Evaluation, HELD_OUT);
    subject.examples.draw(Split::Val, number + 1, &mut rng, &mut batch);
    batch
}

/// Example `i` of a batch of tokens.
pub fn example(batch: &Batch, i: usize) -> Batch {
    let (x, y) = (batch.tokens(i).to_vec(), batch.targets_of(i).to_vec());
    let source = batch.source.chunks_exact(batch.source_time.max(1)).nth(i).unwrap_or_default();
    Batch {
        source: source.to_vec(),
        source_time: batch.source_time,
        ..Batch::text(x, y, 1, batch.time)
    }
}

/// -ln p of every target of a batch, (B, T); NaN where nothing is asked.
///
/// # Errors
/// If the model predicts no tokens.
pub fn losses(subject: &mut Subject<'_>, batch: &Batch) -> Result<Vec<f64>, NotMeasured> {
    let logits = logits(subject)?;
    if batch.y.is_empty() {
        return Err(NotMeasured("the examples have no targets".to_owned()));
    }
    let mut losses = Vec::with_capacity(batch.y.len());
    for i in 0..batch.sequences {
        let one = example(batch, i);
        subject.inference.look(subject.weights, &one);
        let before = losses.len();
        subject.inference.visit(&mut |name, shape, values| {
            if name == logits {
                let columns = shape.last().copied().unwrap_or(1);
                losses.extend(of_rows(values, columns, &one.y));
            }
        });
        if losses.len() != before + one.y.len() {
            let text = format!("{} has not one answer for each position", subject.card.name);
            return Err(NotMeasured(text));
        }
    }
    Ok(losses)
}

/// -ln p of the target of each row of logits (n, V); NaN where nothing is asked, and without end where a logit is no number.
pub fn of_rows<'a>(
    logits: &'a [Real],
    columns: usize,
    targets: &'a [u32],
) -> impl Iterator<Item = f64> + 'a {
    logits.chunks_exact(columns.max(1)).zip(targets).map(|(row, target)| match *target {
        IGNORED => f64::NAN,
        target => {
            let loss = log_sum_exp(row) - row[target as usize] as f64;
            if loss.is_nan() { f64::INFINITY } else { loss }
        }
    })
}

/// ln sum exp(x), with the largest taken off.
pub fn log_sum_exp(row: &[Real]) -> f64 {
    let largest = row.iter().fold(f64::NEG_INFINITY, |largest, x| largest.max(*x as f64));
    row.iter().map(|x| (*x as f64 - largest).exp()).sum::<f64>().ln() + largest
}

/// The mean of those that are asked for.
pub fn mean(losses: impl IntoIterator<Item = f64>) -> f64 {
    let (mut sum, mut count) = (0.0, 0);
    for loss in losses.into_iter().filter(|loss| !loss.is_nan()) {
        sum += loss;
        count += 1;
    }
    sum / f64::from(count)
}

/// -sum p ln p, in nats.
pub fn entropy(p: impl IntoIterator<Item = f64>) -> f64 {
    p.into_iter().filter(|p| *p > 0.0).map(|p| -p * p.ln()).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_logits_cost_ln_of_their_number_and_what_is_not_asked_costs_nothing() {
        let found: Vec<_> = of_rows(&[2.0; 8], 4, &[1, IGNORED]).collect();
        assert!((found[0] - 4.0_f64.ln()).abs() < 1e-12 && found[1].is_nan());
        assert_eq!(of_rows(&[1.0, Real::NAN], 2, &[0]).next(), Some(f64::INFINITY));
        assert!((mean([1.0, f64::NAN, 3.0]) - 2.0).abs() < 1e-12);
        assert!((log_sum_exp(&[1e4, 1e4]) - (1e4 + 2.0_f64.ln())).abs() < 1e-9);
        assert!((entropy([0.5, 0.5, 0.0]) - 2.0_f64.ln()).abs() < 1e-12);
        assert!(mean([]).is_nan());
    }
}
