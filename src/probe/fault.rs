//! Mistakes in attention that run, and often train: one layer with one of them in it, beside the right one.
//!
//! The layer is LayerNorm, then causal attention of several heads, each in its plainest form. A model can be trained with most
//! of them; here it is one layer by itself.

use ndarray_rand::rand_distr::{Distribution, StandardNormal};
use strum::VariantNames;

use super::{Arguments, Instrument, NotMeasured, Reading, Subject};
use crate::math::plain::fault::{self, Fault, Shape};
use crate::math::plain::{layer_norm, linear};
use crate::math::random::{Purpose, stream};
use crate::model::card::Unit;

pub const INSTRUMENT: Instrument = Instrument {
    name: "fault",
    definition: "what a mistake does to one layer (LayerNorm, causal attention of 4 heads of 4, T = 8) of two random examples: future, the largest movement of an output before the position that was changed; others, of one of another example; past, the share of pairs in which a change reaches a later position; row_sum_off, how far a row of weights is from summing to 1; difference, from the right layer's outputs; not_finite, how many outputs are no numbers; the values are the first head's weights",
    unit: Unit::Plain,
    measure,
};

/// Sizes of the layer: B, T, C, heads and hs.
const EXAMPLES: usize = 2;
const TIME: usize = 8;
const WIDTH: usize = 16;
const HEADS: usize = 4;
const HEAD_SIZE: usize = WIDTH / HEADS;
const RANDOM: u64 = (1 << 56) - 6;

/// Query, key and value, (C, C) each.
struct Layer {
    weights: [Vec<f64>; 3],
}

/// What a layer makes of examples.
struct Output {
    /// (B, T, C)
    y: Vec<f64>,
    /// (B, heads, T, T)
    weights: Vec<f64>,
}

impl Layer {
    /// # Shapes
    /// - x (B, T, C)
    fn run(&self, x: &[f64], fault: Fault) -> Output {
        let x = norm(x, fault);
        let qkv = self.weights.each_ref().map(|w| linear::forward(&x, w, &[0.0; WIDTH]));
        let shape = Shape {
            time: TIME,
            n_head: HEADS,
            head_size: HEAD_SIZE,
            scale: (HEAD_SIZE as f64).sqrt().recip(),
            causal: true,
            fault,
        };
        let mut output = Output { y: vec![0.0; x.len()], weights: Vec::new() };
        for (example, y) in output.y.chunks_exact_mut(TIME * WIDTH).enumerate() {
            let of = example * TIME * WIDTH..(example + 1) * TIME * WIDTH;
            let mut p = vec![0.0; HEADS * TIME * TIME];
            fault::forward(y, &mut p, qkv.each_ref().map(|rows| &rows[of.clone()]), &shape);
            for head in p.chunks_exact(TIME * TIME) {
                let at = (0..TIME * TIME).map(|at| shape.weight(head, at / TIME, at % TIME));
                output.weights.extend(at);
            }
        }
        output
    }
}

/// Every row to mean 0 and variance 1; or every column, or every number over the batch.
fn norm(x: &[f64], fault: Fault) -> Vec<f64> {
    // Which numbers are normalised together: `count` of them, `stride` apart, for each of the places where such a list begins.
    let (count, stride) = match fault {
        Fault::LayernormAxis => (TIME, WIDTH),
        Fault::LayernormBatch => (EXAMPLES, TIME * WIDTH),
        _ => (WIDTH, 1),
    };
    let mut y = vec![0.0; x.len()];
    for start in (0..x.len()).filter(|at| at / stride % count == 0) {
        let list: Vec<f64> = (0..count).map(|i| x[start + i * stride]).collect();
        let [normed, ..] = layer_norm::forward(&list, &vec![1.0; count], &vec![0.0; count], 1e-5);
        for (i, value) in normed.into_iter().enumerate() {
            y[start + i * stride] = value;
        }
    }
    y
}

/// The largest difference of two lists of numbers, of those that are numbers.
fn furthest(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max)
}

/// Values (T, T).
///
/// # Errors
/// If there is no such fault; the message lists the names.
fn measure(subject: &mut Subject<'_>, arguments: &Arguments) -> Result<Reading, NotMeasured> {
    let name = if arguments.fault.is_empty() { "none" } else { &arguments.fault };
    // The table of hyperparameters has them with underscores.
    let fault: Fault = name.replace('-', "_").parse().map_err(|_| {
        let names = Fault::VARIANTS.join(", ").replace('_', "-");
        NotMeasured(format!("there is no fault {name:?}: choose one of {names}"))
    })?;
    let mut rng = stream(subject.seed, Purpose::Evaluation, RANDOM);
    let mut numbers = |count: usize, size: f64| -> Vec<f64> {
        let normal = StandardNormal.sample_iter(&mut rng).take(count);
        normal.map(|x: f64| x * size).collect()
    };
    let x = numbers(EXAMPLES * TIME * WIDTH, 1.0);
    let size = (WIDTH as f64).sqrt().recip();
    let layer = Layer { weights: [(); 3].map(|()| numbers(WIDTH * WIDTH, size)) };
    let Output { y, weights } = layer.run(&x, fault);
    let mut right = layer.run(&x, if fault.padded() { Fault::AllMasked } else { Fault::None }).y;
    // Who may look at nobody finds nothing.
    for y in right.iter_mut().filter(|y| y.is_nan()) {
        *y = 0.0;
    }

    let (mut future, mut others, mut reached) = (0.0_f64, 0.0_f64, 0);
    for at in 0..TIME {
        let mut other = x.clone();
        other[at * WIDTH..][..WIDTH].copy_from_slice(&numbers(WIDTH, 1.0));
        let moved = layer.run(&other, fault).y;
        let row = |i: usize| i * WIDTH..(i + 1) * WIDTH;
        for i in 0..EXAMPLES * TIME {
            let distance = furthest(&y[row(i)], &moved[row(i)]);
            match i {
                i if i >= TIME => others = others.max(distance),
                i if i < at => future = future.max(distance),
                i => reached += usize::from(i > at && distance > 0.0),
            }
        }
    }
    let off = weights.chunks_exact(TIME).map(|row| (row.iter().sum::<f64>() - 1.0).abs());
    let figures = [
        ("future", future),
        ("others", others),
        ("past", reached as f64 / (TIME * (TIME - 1) / 2) as f64),
        ("row_sum_off", off.fold(0.0, f64::max)),
        ("difference", furthest(&y, &right)),
        ("not_finite", y.iter().filter(|y| !y.is_finite()).count() as f64),
    ];
    Ok(Reading {
        figures: figures.map(|(name, value)| (name.to_owned(), value)).to_vec(),
        shape: vec![TIME, TIME],
        values: weights[..TIME * TIME].iter().map(|p| *p as f32).collect(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::math::finite_difference::values;
    use crate::math::plain::attention;
    use crate::probe::testing::Case;

    fn ask(fault: &str) -> Reading {
        let arguments = Arguments { fault: fault.to_owned(), ..Arguments::default() };
        Case::of("bigram").ask("fault", &arguments).unwrap()
    }

    fn figures<const N: usize>(fault: &str, names: [&str; N]) -> [f64; N] {
        let found = ask(fault);
        names.map(|name| found.figure(name).unwrap())
    }

    /// Off by no more than the last bits of a sum.
    const ROUNDING: f64 = 1e-12;

    #[test]
    fn the_right_layer_is_plain_attention_and_sees_no_future() {
        let [future, others, past, off, difference, not_finite] = figures(
            "none",
            ["future", "others", "past", "row_sum_off", "difference", "not_finite"],
        );
        assert_eq!((future, others, past, difference, not_finite), (0.0, 0.0, 1.0, 0.0, 0.0));
        assert!(off < ROUNDING);
        assert_eq!(ask(""), ask("none"));
        // Head by head, as the plain form has it.
        let layer = Layer { weights: [1, 2, 3].map(|seed| values(WIDTH * WIDTH, seed)) };
        let x = values(EXAMPLES * TIME * WIDTH, 4);
        let [normed, ..] = layer_norm::forward(&x, &[1.0; WIDTH], &[0.0; WIDTH], 1e-5);
        let [q, k, v] = layer
            .weights
            .each_ref()
            .map(|w| linear::forward(&normed[..TIME * WIDTH], w, &[0.0; WIDTH]));
        let found = layer.run(&x, Fault::None);
        for head in 0..HEADS {
            let stripe = |rows: &[f64]| -> Vec<f64> {
                let of = head * HEAD_SIZE..(head + 1) * HEAD_SIZE;
                rows.chunks(WIDTH).flat_map(|row| row[of.clone()].to_vec()).collect()
            };
            let [y, p] =
                attention::forward(&stripe(&q), &stripe(&k), &stripe(&v), [TIME; 2], 0.5, true);
            assert!(furthest(&stripe(&found.y[..TIME * WIDTH]), &y) < 1e-12);
            assert!(furthest(&found.weights[head * TIME * TIME..][..TIME * TIME], &p) < 1e-12);
        }
    }

    #[test]
    fn a_softmax_over_queries_lets_later_ones_take_weight_from_earlier_ones() {
        let [future, off] = figures("softmax-axis", ["future", "row_sum_off"]);
        assert!(future > 1e-3 && off > 0.1, "{future} {off}");
        let found = ask("softmax-axis");
        for j in 0..TIME {
            let column: f32 = found.values.iter().skip(j).step_by(TIME).sum();
            assert!((column - 1.0).abs() < 1e-6, "its columns sum to 1");
        }
        // The last key is seen by the last query alone, which owes it everything.
        assert_eq!(found.values[TIME * TIME - 1], 1.0);
    }

    #[test]
    fn a_norm_over_positions_sees_the_future_and_one_over_the_batch_other_examples() {
        let [future, others] = figures("layernorm-axis", ["future", "others"]);
        assert!(future > 1e-3 && others == 0.0, "{future} {others}");
        let [future, others, difference] =
            figures("layernorm-batch", ["future", "others", "difference"]);
        assert!(future == 0.0 && others > 1e-3 && difference > 1e-3, "{future} {others}");
    }

    #[test]
    fn heads_by_view_leak_and_twice_by_view_they_stall() {
        let [future, off] = figures("heads-by-view", ["future", "row_sum_off"]);
        assert!(future > 1e-3 && off < ROUNDING, "its rows look right: {off}");
        let [future, past, off, difference] =
            figures("heads-by-view-twice", ["future", "past", "row_sum_off", "difference"]);
        assert!(future == 0.0 && off < ROUNDING && difference > 1e-3);
        // A head is two positions: of 28 pairs the four within a head are left.
        assert!((past - 4.0 / 28.0).abs() < ROUNDING, "{past}");
    }

    #[test]
    fn four_ways_to_mask() {
        let [future, off, difference] =
            figures("mask-1e9", ["future", "row_sum_off", "difference"]);
        assert!(future == 0.0 && off < ROUNDING && difference == 0.0, "the same as -inf");
        let [future, off, difference] =
            figures("mask-zero", ["future", "row_sum_off", "difference"]);
        assert!(future > 1e-3 && off < ROUNDING && difference > 1e-3, "exp(0) is 1, not 0");
        assert!(ask("mask-zero").values.iter().all(|p| *p > 0.0));
        let [future, off] = figures("mask-after-softmax", ["future", "row_sum_off"]);
        assert!(future > 1e-3 && off > 0.1, "the sum has seen them: {future} {off}");
        let found = ask("mask-after-softmax").values;
        assert!(
            (0..TIME).all(|i| found[i * TIME + i + 1..(i + 1) * TIME].iter().all(|p| *p == 0.0))
        );
    }

    #[test]
    fn a_row_without_a_key_is_no_number_or_looks_everywhere() {
        let [future, not_finite] = figures("all-masked", ["future", "not_finite"]);
        // The first position of both examples.
        assert_eq!((future, not_finite), (0.0, (EXAMPLES * WIDTH) as f64));
        assert!(ask("all-masked").values[..TIME].iter().all(|p| p.is_nan()));
        let [future, not_finite, difference] =
            figures("all-masked-1e9", ["future", "not_finite", "difference"]);
        assert!(future > 1e-3 && not_finite == 0.0 && difference > 1e-3);
        assert_eq!(ask("all-masked-1e9").values[..TIME], [1.0 / TIME as f32; TIME]);
    }

    #[test]
    fn an_unknown_fault_is_answered_with_those_there_are() {
        let arguments = Arguments { fault: "mask".to_owned(), ..Arguments::default() };
        let why = Case::of("bigram").ask("fault", &arguments).unwrap_err().to_string();
        for name in Fault::VARIANTS {
            assert!(why.contains(&name.replace('_', "-")), "{why}");
        }
        for fault in ["softmax-axis", "mask-1e9", "all-masked-1e9", "heads-by-view-twice"] {
            assert!(why.contains(fault), "{why}");
        }
    }
}
