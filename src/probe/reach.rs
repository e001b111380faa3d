//! How far back a gradient reaches through a state: what a recurrent net can learn from.

use super::{Arguments, Instrument, NotMeasured, Reading, Subject, surprise};
use crate::model::card::{GRADIENT_NORM, Unit};

pub const INSTRUMENT: Instrument = Instrument {
    name: "reach",
    definition: "the norm of d loss / d h_t, of the loss at the last position where something is asked, by the distance from there to t, mean over held-out examples; reach is the last layer's at the largest distance, as a share of that at distance 0",
    unit: Unit::Plain,
    measure,
};

/// Forward passes that an example costs: it goes backward as well.
const PASSES: usize = 3;

/// Values (layers, T), by distance.
///
/// # Errors
/// If the model carries no state from position to position.
fn measure(subject: &mut Subject<'_>, arguments: &Arguments) -> Result<Reading, NotMeasured> {
    let states: Vec<String> = {
        let states = subject.card.states();
        states.iter().map(|part| format!("{}{GRADIENT_NORM}", part.name)).collect()
    };
    if states.is_empty() {
        let name = subject.card.name;
        return Err(NotMeasured(format!("{name} carries no state from position to position")));
    }
    let batch = surprise::held_out(subject, arguments, PASSES)?;
    let time = batch.time;
    let mut sums = vec![0.0; states.len() * time];
    for i in 0..batch.sequences {
        subject.inference.look(subject.weights, &surprise::example(&batch, i));
        subject.inference.visit(&mut |name, _, norms| {
            let Some(layer) = states.iter().position(|state| state == name) else { return };
            // Positions after the one that is asked at learn nothing from it.
            let asked = norms.iter().rposition(|norm| *norm != 0.0).map_or(0, |last| last + 1);
            let sums = &mut sums[layer * time..][..time];
            for (sum, norm) in sums.iter_mut().zip(norms[..asked].iter().rev()) {
                *sum += f64::from(*norm);
            }
        });
    }
    let means: Vec<f64> = sums.iter().map(|sum| sum / batch.sequences as f64).collect();
    let last = &means[(states.len() - 1) * time..];
    let figures = vec![
        ("reach".to_owned(), last[time - 1] / last[0]),
        ("examples".to_owned(), batch.sequences as f64),
    ];
    let values = means.into_iter().map(|mean| mean as f32).collect();
    Ok(Reading { figures, shape: vec![states.len(), time], values })
}

#[cfg(test)]
mod tests {
    use crate::math::Real;
    use crate::probe::Arguments;
    use crate::probe::testing::{Case, config};

    /// With h_t = tanh(a h_{t-1}), one unit and a state that stays at 0, each step back multiplies by a.
    #[test]
    fn a_linear_state_forgets_by_its_weight_at_every_step() {
        let mut config = config("rnn");
        (config.model.n_hidden, config.model.block_size) = (1, 6);
        let mut case = Case::new(&config);
        let factor = 0.5;
        case.weights.fill(0.0);
        let mut set = |name: &str, value: Real| {
            let parameter = case.model.registry().get(name).unwrap().clone();
            let mut values = vec![0.0; parameter.len()];
            values[0] = value;
            parameter.write(&mut case.weights, &values);
        };
        set("rnn.weight_hh_l0", factor);
        set("lm_head.weight", 1.0);
        let found = case.ask("reach", &Arguments { examples: 5, ..Arguments::default() }).unwrap();
        assert_eq!(found.shape, [1, 6]);
        assert!(found.values[0] > 0.0);
        for pair in found.values.windows(2) {
            assert!((pair[1] / pair[0] - factor as f32).abs() < 1e-5, "{:?}", found.values);
        }
        assert!((found.figure("reach").unwrap() - 0.5_f64.powi(5)).abs() < 1e-6);
        assert_eq!(found.figure("examples"), Some(5.0));
    }

    /// By finite differences there is no h_t to move, but the mean of several examples is that of each of them.
    #[test]
    fn layers_are_told_apart_and_what_has_no_state_says_so() {
        let mut config = config("lstm");
        (config.model.n_hidden, config.model.n_layer, config.model.block_size) = (5, 2, 7);
        let case = Case::new(&config);
        let told = Arguments { examples: 4, in_passing: false, ..Arguments::default() };
        let found = case.ask("reach", &told).unwrap();
        assert_eq!(found.shape, [2, 7]);
        assert_ne!(found.values[..7], found.values[7..]);
        // The last layer's state at the end is read by the logits alone.
        assert!(found.values.iter().all(|norm| *norm > 0.0));
        let error = Case::of("bigram").ask("reach", &told).unwrap_err().to_string();
        assert!(error.contains("carries no state"), "{error}");
    }
}
