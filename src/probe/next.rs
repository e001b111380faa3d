//! What a model expects to come next.

use super::{Arguments, Instrument, NotMeasured, Reading, Subject, surprise};
use crate::math::Real;
use crate::model::Batch;
use crate::model::card::Unit;

pub const INSTRUMENT: Instrument = Instrument {
    name: "next",
    definition: "the probability of each token of the vocabulary to come after the prompt, at temperature 1; entropy in nats, and of the likeliest token its probability (top) and its id (token)",
    unit: Unit::Plain,
    measure,
};

/// Values (V).
///
/// # Errors
/// If the model predicts no tokens, or there is no prompt.
fn measure(subject: &mut Subject<'_>, arguments: &Arguments) -> Result<Reading, NotMeasured> {
    let logits = surprise::logits(subject)?;
    let mut example = Batch::default();
    subject.examples.subject(&arguments.prompt, &mut example);
    if !example.source.is_empty() {
        let text = format!("{} answers a source, it does not go on with it", subject.card.name);
        return Err(NotMeasured(text));
    }
    if example.sequences == 0 {
        return Err(NotMeasured("there is no prompt that a token could follow".to_owned()));
    }
    subject.inference.look(subject.weights, &example);
    let mut last: Vec<Real> = Vec::new();
    subject.inference.visit(&mut |name, shape, values| {
        if name == logits {
            let width = shape.last().copied().unwrap_or(values.len());
            last = values[values.len() - width..].to_vec();
        }
    });
    let whole = surprise::log_sum_exp(&last);
    let p: Vec<f64> = last.iter().map(|x| (*x as f64 - whole).exp()).collect();
    let token = crate::model::batch::argmax(&last);
    let figures = vec![
        ("entropy".to_owned(), surprise::entropy(p.iter().copied())),
        ("top".to_owned(), p.get(token).copied().unwrap_or(f64::NAN)),
        ("token".to_owned(), token as f64),
    ];
    let values: Vec<f32> = p.iter().map(|p| *p as f32).collect();
    Ok(Reading { figures, shape: vec![values.len()], values })
}

#[cfg(test)]
mod tests {
    use crate::probe::Arguments;
    use crate::probe::testing::Case;
    use crate::train::testing::VOCABULARY;

    #[test]
    fn it_is_the_softmax_of_the_last_row_of_the_logits() {
        let case = Case::of("single-head");
        // Longer than the window: the model sees the last eight.
        let prompt: Vec<u32> = (0..11).map(|i| i % 5).collect();
        let arguments = Arguments { prompt: prompt.clone(), ..Arguments::default() };
        let found = case.ask("next", &arguments).unwrap();
        let logits = case.activation(&prompt[3..], "logits");
        let row: Vec<f64> = logits[7 * VOCABULARY..].iter().map(|x| *x as f64).collect();
        let sum: f64 = row.iter().map(|x| x.exp()).sum();
        assert_eq!(found.shape, [VOCABULARY]);
        for (found, x) in found.values.iter().zip(&row) {
            assert!((f64::from(*found) - x.exp() / sum).abs() < 1e-6);
        }
        assert!((found.values.iter().sum::<f32>() - 1.0).abs() < 1e-5);
        let top = found.values.iter().copied().fold(0.0, f32::max);
        assert!((found.figure("top").unwrap() - f64::from(top)).abs() < 1e-7);
        assert!((found.values[found.figure("token").unwrap() as usize] - top).abs() < 1e-7);
        let entropy: f64 = row.iter().map(|x| -x.exp() / sum * (x.exp() / sum).ln()).sum();
        assert!((found.figure("entropy").unwrap() - entropy).abs() < 1e-6);
    }

    #[test]
    fn what_predicts_nothing_after_a_prompt_says_so() {
        let arguments = Arguments::default();
        for (stage, why) in [
            ("single-head", "no prompt"),
            ("vae", "predicts no tokens"),
            ("encoder-decoder", "answers a source"),
        ] {
            let found = Case::of(stage).ask("next", &arguments).unwrap_err().to_string();
            assert!(found.contains(why), "{stage}: {found}");
        }
    }
}
