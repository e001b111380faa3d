//! What a pane may see: activations of a prompt, weights, and sizes, copied at a step boundary.

use super::Session;
use crate::math::Real;
use crate::model::Batch;
use crate::nn::parameters::Parameter;
use crate::probe::{self, Arguments, LOOKED_AT, Measured, NotMeasured, Subject};
use crate::stage::config::Decay;
use crate::train::snapshot::{Norms, Snapshot, Subscription, Tensor, WeightState};

impl Session {
    /// Copies what the subscription asks for. The model looks at the last block_size tokens of the prompt.
    ///
    /// # Panics
    /// If the prompt holds ids outside the vocabulary.
    pub fn snapshot(&mut self, subscription: &Subscription) -> Snapshot {
        let mut subject = Batch::default();
        let mut activations = Vec::new();
        self.subject(&subscription.prompt, &mut subject);
        if subject.sequences > 0 && !subscription.activations.is_empty() {
            let inference = self.inference.get_or_insert_with(|| self.model.inference());
            inference.look(&self.weights, &subject);
            inference.visit(&mut |name, shape, values| {
                if subscription.activations.iter().any(|pattern| matches(pattern, name)) {
                    activations.push(tensor(name, shape, values.iter()));
                }
            });
        }
        let parameters = self.model.registry().parameters().iter();
        let wanted = |p: &&Parameter| subscription.parameters.iter().any(|n| matches(n, &p.name));
        let parameters = parameters
            .filter(wanted)
            .map(|p| tensor(&p.name, &p.shape, p.positions().map(|at| &self.weights[at])))
            .collect();
        let norms = if subscription.norms { self.norms() } else { Vec::new() };
        let weights = subscription.weights.iter();
        let weights = weights.filter_map(|(name, index)| self.weight(name, *index)).collect();
        // What does not fit this model is left out: whoever asks once is told why.
        let readings = subscription.instruments.iter();
        let readings =
            readings.filter_map(|(name, arguments)| self.measure(name, arguments).ok()).collect();
        Snapshot {
            run: self.run,
            step: self.step,
            prompt: subject.x,
            source: subject.source,
            activations,
            parameters,
            norms,
            weights,
            readings,
        }
    }

    /// Asks an instrument about the weights of this moment. A prompt is in the text's tokens; a made task reads a
    /// question in its own instead.
    ///
    /// # Errors
    /// If there is no such instrument, or it has nothing to measure here; a clause says why.
    pub fn measure(&mut self, name: &str, arguments: &Arguments) -> Result<Measured, NotMeasured> {
        let instrument = probe::instrument(name)?;
        let mut own = arguments.clone();
        if !self.config.task.reads_text() {
            own.prompt.clone_from(&arguments.question);
        }
        let inference = self.inference.get_or_insert_with(|| self.model.inference());
        let mut subject = Subject {
            model: &*self.model,
            card: &self.card,
            weights: &self.weights,
            examples: &*self.examples,
            inference: &mut **inference,
            seed: self.config.seed,
        };
        let reading = (instrument.measure)(&mut subject, &own)?;
        let arguments = arguments.clone();
        Ok(Measured { instrument: instrument.name, arguments, step: self.step, reading })
    }

    /// The example that panes look at: a text's prompt, or a made task's own.
    fn subject(&self, prompt: &[u32], subject: &mut Batch) {
        // The prompt is in the text's tokens.
        let prompt = if self.config.task.reads_text() { prompt } else { &[] };
        self.examples.subject(prompt, subject);
        subject.add_noise(self.model.noise(), self.config.seed, LOOKED_AT);
    }

    /// A single weight: the one at `index` of a parameter.
    fn weight(&self, name: &str, index: usize) -> Option<WeightState> {
        let parameter = self.model.registry().get(name)?;
        let at = parameter.positions().nth(index)?;
        let moments = self.optimizer.look(at, self.is_decayed(parameter));
        let gradient = self.gradients.first().filter(|_| self.stepped && moments.last.is_some());
        Some(WeightState {
            name: name.to_owned(),
            index,
            value: self.weights[at] as f64,
            gradient: gradient.map(|gradient| gradient[at] as f64),
            moments,
        })
    }

    fn is_decayed(&self, parameter: &Parameter) -> bool {
        let regions = self.model.registry().regions();
        self.config.training.decay == Decay::All
            || regions.iter().any(|r| r.matrix && r.range.contains(&parameter.offset))
    }

    fn norms(&self) -> Vec<Norms> {
        let registry = self.model.registry();
        let gradient = self.gradients.first().filter(|_| self.stepped);
        let norms = |p: &Parameter| {
            let decayed = self.is_decayed(p);
            let update = |at| self.optimizer.last_update(at, self.weights[at], decayed);
            let moved = self.optimizer.moved_last(p.offset);
            Norms {
                name: p.name.clone(),
                weight: root_mean_square(p, |at| self.weights[at]),
                // The network whose turn it was not has none, which is not a gradient of 0.
                gradient: gradient.filter(|_| moved).map(|g| root_mean_square(p, |at| g[at])),
                update: root_mean_square(p, update),
            }
        };
        registry.parameters().iter().map(norms).collect()
    }
}

fn tensor<'a>(name: &str, shape: &[usize], values: impl Iterator<Item = &'a Real>) -> Tensor {
    Tensor {
        name: name.to_owned(),
        shape: shape.to_vec(),
        values: values.map(|x| *x as f32).collect(),
    }
}

fn root_mean_square(parameter: &Parameter, value: impl Fn(usize) -> Real) -> f64 {
    let sum: f64 = parameter.positions().map(|at| (value(at) as f64).powi(2)).sum();
    (sum / parameter.len().max(1) as f64).sqrt()
}

/// Whether a name fits a pattern in which `*` stands for any run of characters.
pub(in crate::train) fn matches(pattern: &str, name: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == name,
        Some((start, rest)) => name.strip_prefix(start).is_some_and(|name| {
            rest.is_empty()
                || (0..=name.len()).any(|at| name.get(at..).is_some_and(|n| matches(rest, n)))
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::math::plain;
    use crate::math::plain::adamw::Weight;
    use crate::train::adamw::{LastMove, Moments};
    use crate::train::testing;

    #[test]
    fn a_star_stands_for_anything() {
        for (pattern, name, fits) in [
            ("logits", "logits", true),
            ("logits", "logit", false),
            ("blocks.*.sa.weights", "blocks.0.sa.weights", true),
            ("blocks.*.sa.weights", "blocks.12.sa.weights", true),
            ("blocks.*.sa.weights", "blocks.0.sa.scores", false),
            ("*", "anything", true),
            ("embedding*", "embedding", true),
            ("*.weight", "lm_head.weight", true),
            ("*.weight", "lm_head.weight.m", false),
            ("*a*b", "xaxxb", true),
        ] {
            assert_eq!(matches(pattern, name), fits, "{pattern} {name}");
        }
    }

    #[test]
    fn a_snapshot_holds_what_was_asked_for_and_nothing_else() {
        let mut session = testing::session(1);
        session.step().unwrap();
        let time = session.config().model.block_size;
        let prompt: Vec<u32> = (0..time as u32 + 3).map(|i| i % 3).collect();
        let subscription = Subscription {
            prompt: prompt.clone(),
            activations: vec!["log*".to_owned()],
            parameters: vec!["*.weight".to_owned()],
            norms: true,
            instruments: vec![(
                "sizes",
                Arguments { prompt: prompt.clone(), ..Arguments::default() },
            )],
            weights: Vec::new(),
            every_seconds: 0.0,
        };
        let snapshot = session.snapshot(&subscription);
        assert_eq!((snapshot.step, snapshot.prompt.as_slice()), (1, &prompt[3..]));
        let logits = snapshot.activation("logits").unwrap();
        assert_eq!(logits.shape, [time, testing::VOCABULARY]);
        assert_eq!(snapshot.activations.len(), 1);
        let weights = snapshot.parameter(testing::TABLE).unwrap();
        let row = snapshot.prompt[0] as usize * testing::VOCABULARY;
        assert_eq!(logits.values[..4], weights.values[row..row + 4]);
        let rms = snapshot.reading("sizes").and_then(|reading| reading.figure("logits")).unwrap();
        let squares: f64 = logits.values.iter().map(|x| f64::from(*x).powi(2)).sum();
        assert!((rms - (squares / logits.values.len() as f64).sqrt()).abs() < 1e-6);
        let norms = &snapshot.norms[0];
        assert!(
            norms.weight > 0.0 && norms.gradient.is_some_and(|g| g > 0.0) && norms.update > 0.0,
            "{norms:?}"
        );
        // A run that comes back has no gradient until its next step: that is not a gradient of 0.
        session.rest();
        session.evaluate();
        assert_eq!(session.snapshot(&subscription).norms[0].gradient, None);
        session.step().unwrap();
        assert!(session.snapshot(&subscription).norms[0].gradient.is_some());
        let nothing = session.snapshot(&Subscription::default());
        assert!(nothing.activations.is_empty() && nothing.parameters.is_empty());
    }

    /// Followed by hand, one step after another: what the formula makes of a weight, its gradient and its memories is what
    /// the optimizer has made of it.
    #[test]
    fn a_weight_goes_where_the_formula_says() {
        let decays = [Decay::All, Decay::Matrices];
        for (decay, name, decayed) in decays.into_iter().flat_map(|decay| {
            let all = decay == Decay::All;
            [(decay, "lm_head.weight", true), (decay, "lm_head.bias", all)]
        }) {
            let mut config = testing::gpt();
            config.training.decay = decay;
            config.training.weight_decay = 0.5;
            config.training.grad_clip = 0.1;
            let mut session = testing::open(config, 2);
            let index = 5;
            let weights = vec![(name.to_owned(), index), ("none".to_owned(), 0)];
            let wanted = Subscription { weights, ..Subscription::default() };
            let [mut before] = session.snapshot(&wanted).weights.try_into().unwrap();
            assert_eq!((before.gradient, before.moments.last), (None, None));
            for t in 1..=4 {
                let report = session.step().unwrap();
                let [after] = session.snapshot(&wanted).weights.try_into().unwrap();
                let LastMove { rule, clip } = after.moments.last.unwrap();
                assert_eq!((after.moments.updates, rule.lr), (t, report.lr));
                assert_eq!(rule.weight_decay, if decayed { 0.5 } else { 0.0 });
                assert!((clip - 0.1 / report.grad_norm).abs() < 1e-4 * clip, "{clip}");
                let gradient = after.gradient.unwrap();
                assert!(gradient != 0.0);
                let Moments { m, v, .. } = before.moments;
                let start = Weight { value: before.value, m, v };
                let end = plain::adamw::update(start, clip * gradient, t as i32, rule);
                let near = |a: f64, b: f64| (a - b).abs() <= 1e-6 * b.abs();
                assert!(near(after.value, end.value), "{name} {after:?} {end:?}");
                assert!(near(after.moments.m, end.m) && near(after.moments.v, end.v), "{end:?}");
                before = after;
            }
            let tensor = Subscription { parameters: vec![name.to_owned()], ..wanted.clone() };
            let snapshot = session.snapshot(&tensor);
            let value = f64::from(snapshot.parameter(name).unwrap().values[index]);
            assert!((value - before.value).abs() < 1e-6);
            // A run that comes back has its memories, but no gradient.
            session.rest();
            let back = &session.snapshot(&wanted).weights[0];
            assert_eq!((back.gradient, back.moments), (None, before.moments));
        }
    }
}
