//! Why scores are divided by the root of the head size.

use ndarray_rand::rand_distr::{Distribution, StandardNormal};

use super::{Arguments, Instrument, NotMeasured, Reading, Subject, surprise};
use crate::math::plain::softmax;
use crate::math::random::{Purpose, stream};
use crate::model::Batch;
use crate::model::card::Unit;

pub const INSTRUMENT: Instrument = Instrument {
    name: "scores",
    definition: "the variance of q·k over all pairs that may see each other, of one head on held-out examples or, with a head_size, of standard normal queries and keys of that size; scaled, divided by what the model divides by (by the root of head_size where they are drawn); of the softmax of each row its mean entropy in nats and its mean largest weight, of scaled and of raw products; the values are the shares of the products in equal bins from -largest to largest",
    unit: Unit::Plain,
    measure,
};

/// Bins of the histogram.
const BINS: usize = 32;
/// Random queries and keys are no larger, and no more at once.
const LARGEST_HEAD: usize = 1024;
const LONGEST: usize = 32;
const RANDOM: u64 = (1 << 56) - 5;

/// What is known of the products so far.
#[derive(Default)]
struct Found {
    products: Vec<f64>,
    /// Of scaled rows, and of raw ones: sums of entropies and of largest weights.
    sums: [[f64; 2]; 2],
    rows: usize,
}

impl Found {
    /// A row of products: of those that the query sees.
    fn row(&mut self, products: &[f64], scale: f64) {
        for (factor, [entropy, largest]) in [scale, 1.0].into_iter().zip(&mut self.sums) {
            let scores: Vec<f64> = products.iter().map(|product| product * factor).collect();
            let p = softmax::forward(&scores, scores.len());
            *largest += p.iter().copied().fold(0.0, f64::max);
            *entropy += surprise::entropy(p);
        }
        self.rows += 1;
        self.products.extend_from_slice(products);
    }

    fn reading(&self, scale: f64) -> Result<Reading, NotMeasured> {
        let n = self.products.len() as f64;
        let mean = self.products.iter().sum::<f64>() / n;
        let variance = self.products.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / n;
        if !variance.is_finite() {
            return Err(NotMeasured("the products are not finite".to_owned()));
        }
        let largest = self.products.iter().fold(0.0_f64, |largest, x| largest.max(x.abs()));
        let mut values = vec![0.0_f32; BINS];
        for product in &self.products {
            // Where all are 0 they stand in the middle.
            let side = product / largest.max(f64::MIN_POSITIVE);
            let place = (side + 1.0) * (BINS / 2) as f64;
            values[(place as usize).min(BINS - 1)] += 1.0 / self.products.len() as f32;
        }
        let [scaled, raw] = self.sums.map(|sums| sums.map(|sum| sum / self.rows as f64));
        let figures = [
            ("variance", variance),
            ("scaled_variance", variance * scale * scale),
            ("row_entropy", scaled[0]),
            ("max_weight", scaled[1]),
            ("raw_row_entropy", raw[0]),
            ("raw_max_weight", raw[1]),
            ("largest", largest),
        ];
        let figures = figures.map(|(name, value)| (name.to_owned(), value)).to_vec();
        Ok(Reading { figures, shape: vec![BINS], values })
    }
}

/// Values (bins).
///
/// # Errors
/// If the model shows no products of queries and keys, or a head size is out of range.
fn measure(subject: &mut Subject<'_>, arguments: &Arguments) -> Result<Reading, NotMeasured> {
    match arguments.head_size {
        Some(size) => drawn(subject, arguments, size),
        None => own(subject, arguments),
    }
}

/// Of one head, over the prompt, or over held-out examples where there is none.
fn own(subject: &mut Subject<'_>, arguments: &Arguments) -> Result<Reading, NotMeasured> {
    let map = surprise::map(subject, arguments)?;
    let scale = map.divisor.map_or(1.0, |divisor| (divisor as f64).sqrt().recip());
    let wanted = format!("{}.products", map.name);
    let mut batch = Batch::default();
    subject.examples.subject(&arguments.prompt, &mut batch);
    if batch.sequences == 0 || !batch.source.is_empty() {
        batch = surprise::held_out(subject, arguments, 1)?;
    }
    let mut found = Found::default();
    let given = batch.y.is_empty();
    for i in 0..batch.sequences {
        let one = if given { batch.clone() } else { surprise::example(&batch, i) };
        subject.inference.look(subject.weights, &one);
        subject.inference.visit(&mut |name, shape, values| {
            if name == wanted
                && let [_, rows, columns] = *shape
            {
                let head = values.chunks_exact(rows * columns).nth(arguments.head);
                for (i, row) in head.unwrap_or_default().chunks_exact(columns).enumerate() {
                    let seen = if map.causal { columns.min(i + 1) } else { columns };
                    let row: Vec<f64> = row[..seen].iter().map(|x| *x as f64).collect();
                    found.row(&row, scale);
                }
            }
        });
    }
    if found.rows == 0 {
        let name = subject.card.name;
        return Err(NotMeasured(format!("{name} shows no products of queries and keys here")));
    }
    found.reading(scale)
}

/// Of standard normal queries and keys, under a causal mask, on as many positions as the model has, at most 32.
fn drawn(
    subject: &Subject<'_>,
    arguments: &Arguments,
    size: usize,
) -> Result<Reading, NotMeasured> {
    if size == 0 || size > LARGEST_HEAD {
        return Err(NotMeasured(format!(
            "a head size is from 1 to {LARGEST_HEAD} here (found {size})"
        )));
    }
    let time = subject.model.config().block_size.clamp(1, LONGEST);
    let scale = (size as f64).sqrt().recip();
    let mut rng = stream(subject.seed, Purpose::Evaluation, RANDOM);
    let mut found = Found::default();
    for _ in 0..arguments.examples.max(1) {
        let mut numbers =
            || -> Vec<f64> { StandardNormal.sample_iter(&mut rng).take(time * size).collect() };
        let (q, k) = (numbers(), numbers());
        for (i, q) in q.chunks_exact(size).enumerate() {
            let dot = |k: &[f64]| -> f64 { q.iter().zip(k).map(|(q, k)| q * k).sum() };
            let row: Vec<f64> = k.chunks_exact(size).take(i + 1).map(dot).collect();
            found.row(&row, scale);
        }
    }
    found.reading(scale)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::config::AttentionScale;
    use crate::probe::testing::{Case, config};

    /// A product of two standard normal numbers has variance 1, and hs of them together hs. Its fourth moment is 9, so the
    /// variance of n products is known to about hs * sqrt(2 / n) and more where products share a query or key: 6 % here.
    #[test]
    fn the_variance_of_random_products_is_the_head_size_and_scaled_it_is_one() {
        let case = Case::of("single-head");
        let mut before: Option<[f64; 2]> = None;
        for size in [8, 32, 128] {
            let arguments =
                Arguments { head_size: Some(size), examples: 400, ..Arguments::default() };
            let found = case.ask("scores", &arguments).unwrap();
            let figure = |name: &str| found.figure(name).unwrap();
            assert!((figure("variance") / size as f64 - 1.0).abs() < 0.06, "{size}: {found:?}");
            assert!((figure("scaled_variance") - 1.0).abs() < 0.06, "{size}");
            assert!((found.values.iter().sum::<f32>() - 1.0).abs() < 1e-3);
            assert!(figure("raw_row_entropy") < figure("row_entropy"));
            assert!(figure("raw_max_weight") > figure("max_weight"));
            let now = [figure("row_entropy"), figure("raw_row_entropy")];
            if let Some([scaled, raw]) = before {
                assert!((now[0] - scaled).abs() < 0.05, "scaled, the width does not matter");
                assert!(now[1] < raw, "unscaled, wider heads look at fewer");
            }
            before = Some(now);
        }
    }

    #[test]
    fn of_a_model_they_are_the_products_of_its_map() {
        for (scale, divisor) in [(AttentionScale::HeadSize, 8.0), (AttentionScale::None, 1.0)] {
            let mut config = config("multi-head");
            config.model.attention_scale = scale;
            let case = Case::new(&config);
            let prompt = vec![1, 2, 3, 4, 5, 6, 7, 8];
            let arguments = Arguments { prompt: prompt.clone(), head: 2, ..Arguments::default() };
            let found = case.ask("scores", &arguments).unwrap();
            let figure = |name: &str| found.figure(name).unwrap();
            let products = &case.activation(&prompt, "blocks.0.sa.products")[2 * 64..3 * 64];
            let weights = &case.activation(&prompt, "blocks.0.sa.weights")[2 * 64..3 * 64];
            let seen: Vec<f64> =
                (0..64).filter(|i| i % 8 <= i / 8).map(|i| products[i] as f64).collect();
            let mean = seen.iter().sum::<f64>() / 36.0;
            let variance = seen.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / 36.0;
            assert!((figure("variance") - variance).abs() < 1e-9);
            assert!((figure("scaled_variance") - variance / divisor).abs() < 1e-9);
            let rows = weights.chunks(8);
            let entropy: f64 =
                rows.map(|row| surprise::entropy(row.iter().map(|p| *p as f64))).sum();
            assert!((figure("row_entropy") - entropy / 8.0).abs() < 1e-5);
            let largest = seen.iter().fold(0.0_f64, |a, b| a.max(b.abs()));
            let above = seen.iter().filter(|x| **x >= largest / 2.0).count();
            let share: f32 = found.values[BINS * 3 / 4..].iter().sum();
            assert!((share - above as f32 / 36.0).abs() < 1e-6, "a quarter of the bins");
        }
    }

    #[test]
    fn what_has_no_queries_and_keys_says_so() {
        for stage in ["bigram", "memory"] {
            assert!(Case::of(stage).ask("scores", &Arguments::default()).is_err(), "{stage}");
        }
        for size in [0, 1025] {
            let arguments = Arguments { head_size: Some(size), ..Arguments::default() };
            assert!(Case::of("single-head").ask("scores", &arguments).is_err());
        }
    }
}
