//! What queries, keys and values are for: the loss without each.

use ndarray::Array2;

use super::replay::Replay;
use super::{Arguments, Instrument, NotMeasured, Reading, Subject, surprise};
use crate::math::Real;
use crate::model::card::Unit;

pub const INSTRUMENT: Instrument = Instrument {
    name: "ablation",
    definition: "the loss over held-out examples as the model is (whole), and with the queries (q), the keys (k) or the values (v) of one head replaced at every position by their mean over those examples, all else computed anew: with q every position asks the same, with k every position that is seen looks the same, with v there is one thing to find",
    unit: Unit::Nats,
    measure,
};

/// What is computed in the same way twice is the same up to the order of sums.
const ALIKE: f64 = 1e-3;

/// # Errors
/// If the model has no such head, or how it goes on from there is not what its card says: then it was not followed, and there
/// are no figures.
fn measure(subject: &mut Subject<'_>, arguments: &Arguments) -> Result<Reading, NotMeasured> {
    let map = surprise::map(subject, arguments)?;
    let batch = surprise::held_out(subject, arguments, 5)?;
    if batch.y.is_empty() {
        return Err(NotMeasured("the examples have no targets".to_owned()));
    }
    let replay = Replay::new(subject, map, batch)?;
    let own = &replay.logits;
    let again = replay.with(&replay.heads)?;
    let apart =
        |(a, b): (&Real, &Real)| (*a as f64 - *b as f64).abs() > ALIKE * (*a as f64).abs().max(1.0);
    if own.len() != again.len() || own.iter().zip(&again).any(apart) {
        let name = subject.card.name;
        return Err(NotMeasured(format!("{name} goes on after its attention otherwise than here")));
    }
    let columns = own.ncols();
    let of = |logits: &Array2<Real>| {
        let rows = logits.as_slice().unwrap_or_default();
        surprise::mean(surprise::of_rows(rows, columns, &replay.batch.y))
    };
    let mut figures = vec![("whole".to_owned(), of(own))];
    for (part, name) in ["q", "k", "v"].into_iter().enumerate() {
        let mut heads = replay.heads.clone();
        freeze(&mut heads[part], [map.heads, replay.batch.time, map.head_size], arguments.head);
        figures.push((name.to_owned(), of(&replay.with(&heads)?)));
    }
    figures.push(("examples".to_owned(), replay.batch.sequences as f64));
    Ok(Reading { figures, ..Reading::default() })
}

/// Puts the mean of a head's rows in the place of each.
///
/// # Shapes
/// - values (B, heads, T, hs)
fn freeze(values: &mut [Real], [heads, time, head_size]: [usize; 3], head: usize) {
    let (mut mean, mut count) = (vec![0.0; head_size], 0);
    for own in values.chunks_exact(time * head_size).skip(head).step_by(heads) {
        for row in own.chunks_exact(head_size) {
            mean.iter_mut().zip(row).for_each(|(mean, x)| *mean += *x as f64);
            count += 1;
        }
    }
    for own in values.chunks_exact_mut(time * head_size).skip(head).step_by(heads) {
        for row in own.chunks_exact_mut(head_size) {
            row.iter_mut().zip(&mean).for_each(|(x, sum)| *x = (sum / f64::from(count)) as Real);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::config::{Activation, FeedForward, Norm, Position, QueryKey};
    use crate::probe::testing::{Case, config};

    const FEW: usize = 6;

    fn ask(case: &Case, layer: usize, head: usize) -> [f64; 4] {
        let arguments =
            Arguments { layer, head, examples: FEW, in_passing: false, ..Arguments::default() };
        let found = case.ask("ablation", &arguments).unwrap();
        assert_eq!(found.figure("examples"), Some(FEW as f64));
        ["whole", "q", "k", "v"].map(|name| found.figure(name).unwrap())
    }

    fn whole(case: &Case) -> f64 {
        let arguments = Arguments { examples: FEW, in_passing: false, ..Arguments::default() };
        case.ask("loss-by-position", &arguments).unwrap().figure("mean").unwrap()
    }

    /// The weights of a parameter, all at once.
    fn set(case: &mut Case, name: &str, value: impl Fn(usize) -> Real) {
        let parameter = case.model.registry().get(name).unwrap();
        let values: Vec<_> = (0..parameter.len()).map(value).collect();
        parameter.write(&mut case.weights, &values);
    }

    #[test]
    fn a_mean_stands_in_the_place_of_every_row_of_one_head() {
        // (B 2, heads 2, T 2, hs 1)
        let mut values = [1.0, 3.0, 9.0, 8.0, 5.0, 7.0, 2.0, 1.0];
        freeze(&mut values, [2, 2, 1], 0);
        assert_eq!(values, [4.0, 4.0, 9.0, 8.0, 4.0, 4.0, 2.0, 1.0]);
        freeze(&mut values, [2, 2, 1], 1);
        assert_eq!(values, [4.0, 4.0, 5.0, 5.0, 4.0, 4.0, 5.0, 5.0]);
    }

    /// Keys that are all alike are looked at alike, which is what queries of 0 do: a model whose query weights are 0 is the
    /// other with frozen keys.
    #[test]
    fn frozen_keys_are_an_average_of_what_is_seen() {
        for stage in ["single-head", "multi-head"] {
            let mut case = Case::of(stage);
            let heads = case.card.maps[0].heads;
            let [before, _, k, _] = ask(&case, 0, heads - 1);
            assert!((before - whole(&case)).abs() < 1e-6);
            set(&mut case, &format!("blocks.0.sa.heads.{}.query.weight", heads - 1), |_| 0.0);
            let average = whole(&case);
            assert!((k - average).abs() < 1e-6 && (k - before).abs() > 1e-6, "{stage}");
            // Then nothing more is lost by freezing either.
            let [whole, q, k, _] = ask(&case, 0, heads - 1);
            assert!((whole - q).abs() < 1e-6 && (whole - k).abs() < 1e-6);
        }
    }

    /// With one channel alone that is the same everywhere, a query made of it alone is its own mean, and so on.
    #[test]
    fn what_is_the_same_everywhere_loses_nothing_by_being_frozen() {
        let mut config = config("single-head");
        config.model.position = Position::None;
        let mut case = Case::new(&config);
        let c = config.model.n_embd;
        let table = case.model.registry().get("token_embedding_table.weight").unwrap();
        let mut rows = table.read(&case.weights);
        rows.iter_mut().step_by(c).for_each(|x| *x = 1.0);
        set(&mut case, "token_embedding_table.weight", |i| rows[i]);
        // (hs, C): of every row only the first column, which the constant channel meets.
        set(&mut case, "blocks.0.sa.heads.0.query.weight", |i| if i % c == 0 { 0.7 } else { 0.0 });
        let [whole, q, k, v] = ask(&case, 0, 0);
        assert!((whole - q).abs() < 1e-6, "every position asks the same");
        assert!((whole - k).abs() > 1e-6 && (whole - v).abs() > 1e-6);
    }

    /// Values of 0 are their own mean; and a constant value is what a projection's bias can say.
    #[test]
    fn frozen_values_are_a_constant_that_the_projection_could_add() {
        let mut case = Case::of("layer-norm");
        let arguments = Arguments { examples: FEW, in_passing: false, ..Arguments::default() };
        let [before, _, _, v] = ask(&case, 1, 2);
        // The mean value of head 2, from the activations of the same examples, through the projection into its bias.
        let mut inference = case.model.inference();
        let subject = Subject {
            model: &*case.model,
            card: &case.card,
            weights: &case.weights,
            examples: &*case.examples,
            inference: &mut *inference,
            seed: case.seed,
        };
        let batch = surprise::held_out(&subject, &arguments, 5).unwrap();
        drop(inference);
        let (time, hs, c) = (batch.time, 8, 32);
        let mut mean = vec![0.0; hs];
        for i in 0..batch.sequences {
            let values = case.activation(batch.tokens(i), "blocks.1.sa.value");
            for row in values[2 * time * hs..3 * time * hs].chunks(hs) {
                mean.iter_mut().zip(row).for_each(|(m, x)| *m += x / (FEW * time) as Real);
            }
        }
        let projection = case.model.registry().get("blocks.1.sa.proj.weight").unwrap();
        let projection = projection.read(&case.weights);
        let bias = case.model.registry().get("blocks.1.sa.proj.bias").unwrap();
        let bias = bias.read(&case.weights);
        let moved = |i: usize| {
            let added: Real = (0..hs).map(|d| projection[i * c + 2 * hs + d] * mean[d]).sum();
            bias[i] + added
        };
        set(&mut case, "blocks.1.sa.proj.bias", moved);
        set(&mut case, "blocks.1.sa.heads.2.value.weight", |_| 0.0);
        let constant = whole(&case);
        assert!(
            (v - constant).abs() < 1e-5 && (v - before).abs() > 1e-5,
            "{v} {constant} {before}"
        );
    }

    /// Every switch that a GPT has: the flow that its card draws is followed to the same logits, or there would be no figures.
    #[test]
    fn it_follows_every_model_that_reads_its_own_sequence() {
        for norm in [Norm::None, Norm::Pre, Norm::Post] {
            for (residual, projection) in [(false, false), (true, true), (true, false)] {
                for (feed_forward, activation) in [
                    (FeedForward::None, Activation::Relu),
                    (FeedForward::Single, Activation::GeluTanh),
                    (FeedForward::Mlp4, Activation::Relu),
                    (FeedForward::Mlp4, Activation::Gelu),
                ] {
                    let mut config = config("multi-head");
                    let model = &mut config.model;
                    (model.norm, model.residual, model.projection) = (norm, residual, projection);
                    (model.feed_forward, model.activation) = (feed_forward, activation);
                    (model.n_layer, model.causal) = (2, residual);
                    model.final_norm = norm == Norm::Pre;
                    let case = Case::new(&config);
                    for layer in [0, 1] {
                        let [found, ..] = ask(&case, layer, 3);
                        let own = whole(&case);
                        assert!((found - own).abs() < 1e-5, "{norm:?} {feed_forward:?}");
                    }
                }
            }
        }
        for (query_key, n_head) in [(QueryKey::Tied, 4), (QueryKey::Merged, 1)] {
            let mut config = config("layer-norm");
            (config.model.query_key, config.model.n_head) = (query_key, n_head);
            let case = Case::new(&config);
            let [found, q, k, _] = ask(&case, 0, n_head - 1);
            assert!((found - whole(&case)).abs() < 1e-5, "{query_key:?}");
            assert!((found - q).abs() > 1e-6 && (q - k).abs() > 1e-6, "{query_key:?}");
        }
        for stage in ["bigram", "encoder-decoder", "vae", "gru", "memory"] {
            assert!(Case::of(stage).ask("ablation", &Arguments::default()).is_err(), "{stage}");
        }
    }
}
