//! Measures: whatever can be asked of a run as one number. Goals, answers, predictions, claims and experiments are made of
//! them, in files of lessons and on the command line.
//!
//! A measure says what it has to be shown ([`Measure::wants`]) and reads its number off what is known
//! ([`Measure::of`]): the fold over a run's events, and the latest snapshot. So it is the same number in the lab, in an
//! experiment and in a check.

mod condition;
mod words;

use serde::Deserialize;

use super::history::History;
use super::observed::{Observed, Status};
use super::snapshot::{Snapshot, Subscription};
use crate::model::card::Rows;
use crate::probe::{self, Arguments, Measured};
use crate::stage::Value;
use crate::stage::hyperparameter::{self, hyperparameter};
use crate::text::Tokenizer;
use crate::text::ngram::Reference;

pub use condition::{Condition, Range};

/// One number of a run.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Measure {
    /// The last estimate on validation, nats (or the loss's own unit).
    ValLoss,
    /// The last estimate on training examples.
    TrainLoss,
    /// The lowest estimate on validation so far.
    BestValLoss,
    /// Validation less training, of the last estimate.
    Gap,
    /// Of the first batch, before any update.
    FirstLoss,
    /// Of the last batch.
    BatchLoss,
    /// Standard deviation of the batch losses of the last so many steps.
    Scatter { over: u64 },
    /// A figure of the last estimate: a part of the loss, or what answers are worth (`exact`, `modes_covered`).
    Figure(String),
    /// Steps done.
    Step,
    /// Examples that were read, in tokens: steps · B · T at the present sizes.
    Tokens,
    /// Numbers that are learned.
    Parameters,
    /// 1 once the loss or the gradient was not finite.
    Diverged,
    /// 1 once a batch loss was above `from` and an estimate made later in the same run below `to`.
    Recovered { from: f64, to: f64 },
    /// Times that a hyperparameter was changed live in this run.
    Edits(String),
    /// Its value as a number: choices count from 0, a switch is 0 or 1.
    Hyperparameter(String),
    /// Points that the learner has drawn for it; 0 where it learns others.
    Drawn,
    /// What counting characters reaches on validation: `uniform`, `unigram`, `bigram`, `trigram`, `4-gram` …
    Counted(String),
    /// Different tokens.
    Vocabulary,
    /// How far the lowest estimate is under that of another stage's (or an earlier) run of this session.
    Ahead { of: String },
    /// Milliseconds a step; not to be claimed, for machines differ.
    MsPerStep,
    /// The number of a token in the vocabulary.
    Id(String),
    /// Of a token as the next one after a text.
    Probability { after: String, token: String },
    /// Place of a token among the likeliest next ones, from 1.
    Rank { after: String, token: String },
    /// Of the distribution of the next token after a text, nats.
    Entropy { after: String },
    /// A figure of an instrument.
    Reading(Reading),
    /// Of two rows of the table of token embeddings.
    Cosine { of: String, and: String },
    /// A single weight, by the name of its parameter.
    Weight { parameter: String, at: Vec<usize> },
    /// Root mean square of a parameter, of its last gradient or of its last update.
    Norm { of: Part, parameter: String },
}

/// Of what a norm is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Part {
    Weight,
    Gradient,
    Update,
}

/// A figure of an instrument, and what the instrument is told.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Reading {
    pub instrument: String,
    /// Empty: the value at `at`.
    pub figure: String,
    pub at: Option<usize>,
    pub prompt: String,
    /// Another text, to hold against the prompt.
    pub text: String,
    pub examples: Option<usize>,
    pub layer: usize,
    pub head: usize,
    pub row: usize,
    pub column: usize,
    pub head_size: usize,
    pub fault: String,
    /// 0: as many as the instrument takes by itself.
    pub beam: usize,
}

/// Another run that may be compared with.
#[derive(Clone, Copy, Debug)]
pub struct Other<'a> {
    pub stage: &'a str,
    pub history: &'a History,
}

/// What a measure is read off.
#[derive(Clone, Copy, Debug)]
pub struct Evidence<'a> {
    pub observed: &'a Observed,
    /// Of the same run; it has what the measure wants only if that was subscribed to.
    pub snapshot: Option<&'a Snapshot>,
    pub tokenizer: Option<&'a Tokenizer>,
    /// What counting reaches on the text.
    pub references: &'a [Reference],
    pub others: &'a [Other<'a>],
}

/// Why a measure can never be read off a run.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Impossible {
    #[error("there is no hyperparameter {0}")]
    Hyperparameter(String),
    #[error("{0}")]
    Instrument(#[from] probe::NotMeasured),
    #[error("the text has no {0:?}")]
    Text(String),
    #[error("{0:?} is not one token of the text")]
    Token(String),
    #[error(
        "{instrument} has no figure {figure:?} here: choose one of {known}, or a value with at = 0 to {last}"
    )]
    Figure { instrument: String, figure: String, known: String, last: usize },
    #[error("{instrument} has {values} values here, the last at = {last}: found at = {at}")]
    Place { instrument: String, at: usize, values: usize, last: usize },
    #[error(
        "a run of {0} reads no prompt of a measure: leave it out, or ask gpt-lab inspect --measure with --prompt"
    )]
    Prompt(String),
}

impl Measure {
    /// Whether it is read off an estimate, which is made now and then.
    pub fn is_estimated(&self) -> bool {
        matches!(
            self,
            Self::ValLoss | Self::TrainLoss | Self::BestValLoss | Self::Gap | Self::Figure(_)
        )
    }

    /// Whether it is read off a snapshot, which may be of an earlier step than what is known of the run.
    pub fn is_seen(&self) -> bool {
        matches!(
            self,
            Self::Probability { .. }
                | Self::Rank { .. }
                | Self::Entropy { .. }
                | Self::Reading(_)
                | Self::Cosine { .. }
                | Self::Weight { .. }
                | Self::Norm { .. }
        )
    }

    /// How many steps it takes until no further one changes it, in a run that nobody touches; `None`: every step may.
    pub fn settled_after(&self) -> Option<u64> {
        match self {
            Self::Parameters
            | Self::Edits(_)
            | Self::Hyperparameter(_)
            | Self::Drawn
            | Self::Counted(_)
            | Self::Vocabulary
            | Self::Id(_) => Some(0),
            Self::FirstLoss => Some(1),
            _ => None,
        }
    }

    /// Whether it stands on the axis of losses.
    pub fn is_a_loss(&self) -> bool {
        matches!(
            self,
            Self::ValLoss | Self::TrainLoss | Self::BestValLoss | Self::FirstLoss | Self::BatchLoss
        )
    }

    /// Whether it is of time, which no claim may rest on.
    pub fn is_of_time(&self) -> bool {
        matches!(self, Self::MsPerStep)
    }

    /// Adds what a snapshot has to hold for it.
    ///
    /// # Errors
    /// If it asks for something that no run on this text has.
    pub fn wants(
        &self,
        tokenizer: Option<&Tokenizer>,
        wanted: &mut Subscription,
    ) -> Result<(), Impossible> {
        match self {
            Self::Edits(name) | Self::Hyperparameter(name) if hyperparameter(name).is_none() => {
                return Err(Impossible::Hyperparameter(name.clone()));
            }
            Self::Id(token) | Self::Probability { token, .. } | Self::Rank { token, .. } => {
                id(tokenizer, token)?;
            }
            Self::Cosine { of, and } => {
                id(tokenizer, of)?;
                id(tokenizer, and)?;
                // Whatever its name is in this model.
                wanted.parameters.push("*embedding*".to_owned());
            }
            Self::Weight { parameter, .. } => wanted.parameters.push(parameter.clone()),
            Self::Norm { .. } => wanted.norms = true,
            _ => {}
        }
        if let Some((instrument, arguments)) = self.instrument(tokenizer)? {
            let asked = (instrument, arguments);
            if !wanted.instruments.contains(&asked) {
                wanted.instruments.push(asked);
            }
        }
        Ok(())
    }

    /// The instrument behind it, and what that is told.
    fn instrument(
        &self,
        tokenizer: Option<&Tokenizer>,
    ) -> Result<Option<(&'static str, Arguments)>, Impossible> {
        let encoded = |text: &str| match tokenizer {
            Some(tokenizer) => {
                tokenizer.encode(text).map_err(|_| Impossible::Text(text.to_owned()))
            }
            None => Ok(Vec::new()),
        };
        Ok(match self {
            Self::Probability { after, .. }
            | Self::Rank { after, .. }
            | Self::Entropy { after } => {
                let prompt = encoded(after)?;
                let name = probe::instrument("next")?.name;
                Some((name, Arguments { prompt, ..Arguments::default() }))
            }
            Self::Reading(reading) => {
                let name = probe::instrument(&reading.instrument)?.name;
                let arguments = Arguments {
                    prompt: encoded(&reading.prompt)?,
                    examples: reading.examples.unwrap_or(Arguments::default().examples),
                    layer: reading.layer,
                    head: reading.head,
                    row: reading.row,
                    column: reading.column,
                    head_size: (reading.head_size > 0).then_some(reading.head_size),
                    fault: reading.fault.clone(),
                    beam: if reading.beam > 0 { reading.beam } else { Arguments::default().beam },
                    text: encoded(&reading.text)?,
                    ..Arguments::default()
                };
                Some((name, arguments))
            }
            _ => None,
        })
    }

    /// Whether an instrument that answers so has the number.
    ///
    /// # Errors
    /// If it has no such figure or value; the message says what there is.
    pub fn is_in(&self, found: &probe::Reading) -> Result<(), Impossible> {
        let Self::Reading(Reading { instrument, figure, at, .. }) = self else { return Ok(()) };
        let instrument = instrument.clone();
        let (values, last) = (found.values.len(), found.values.len().saturating_sub(1));
        match at {
            Some(at) if *at >= values => {
                Err(Impossible::Place { instrument, at: *at, values, last })
            }
            None if found.figure(figure).is_none() => {
                let known: Vec<_> = found.figures.iter().map(|(name, _)| name.as_str()).collect();
                let (figure, known) = (figure.clone(), known.join(", "));
                Err(Impossible::Figure { instrument, figure, known, last })
            }
            _ => Ok(()),
        }
    }

    /// The number as far as it is known; `None` where it is not, or not yet.
    pub fn of(&self, evidence: &Evidence<'_>) -> Option<f64> {
        let Evidence { observed, snapshot, tokenizer, references, others } = evidence;
        let history = &observed.history;
        let last = observed.evaluation();
        Some(match self {
            Self::ValLoss => last?.val_loss,
            Self::TrainLoss => last?.train_loss,
            Self::BestValLoss => observed.best()?.val_loss,
            Self::Gap => last?.val_loss - last?.train_loss,
            Self::FirstLoss => {
                let first = history.points.first()?;
                // Of many steps in one point only the mean is left.
                if first.count > 1 { first.max } else { first.mean }
            }
            Self::BatchLoss => observed.last?.loss,
            Self::Scatter { over } => scatter(history, observed.step, *over)?,
            Self::Figure(name) => last?.figure(name)?,
            Self::Step => observed.step as f64,
            Self::Tokens => observed.tokens_read(),
            Self::Parameters => observed.card.as_ref().map(|_| observed.parameters as f64)?,
            Self::Diverged => f64::from(matches!(observed.status, Status::Diverged(_))),
            Self::Recovered { from, to } => f64::from(recovered(history, *from, *to)),
            Self::Edits(name) => {
                history.edits.iter().filter(|edit| edit.name == *name).count() as f64
            }
            Self::Hyperparameter(name) => {
                let known = hyperparameter(name)?;
                match known.get(&observed.config) {
                    Value::Number(x) => x,
                    Value::Count(n) => n as f64,
                    Value::Switch(on) => f64::from(on),
                    Value::Choice(chosen) => place(known.range, chosen)?,
                }
            }
            Self::Drawn => observed.config.task.drawn.len() as f64,
            Self::Counted(name) => references.iter().find(|known| known.name == name)?.loss,
            Self::Vocabulary => observed.config.model.vocab_size as f64,
            Self::Ahead { of } => {
                let lowest = |history: &History| {
                    let losses = history.evaluations.iter().map(|e| e.val_loss);
                    losses.filter(|loss| loss.is_finite()).min_by(f64::total_cmp)
                };
                let mut other = others.iter().rev().filter(|other| other.stage == of);
                other.find_map(|other| lowest(other.history))? - lowest(history)?
            }
            Self::MsPerStep => {
                let rate = observed.speed.steps_per_second;
                if rate > 0.0 { 1000.0 / rate } else { return None }
            }
            Self::Id(token) => f64::from(id(*tokenizer, token).ok()?),
            Self::Probability { token, .. } => {
                let values = &self.reading(*snapshot, *tokenizer)?.reading.values;
                f64::from(*values.get(id(*tokenizer, token).ok()? as usize)?)
            }
            Self::Rank { token, .. } => {
                let values = &self.reading(*snapshot, *tokenizer)?.reading.values;
                let own = *values.get(id(*tokenizer, token).ok()? as usize)?;
                1.0 + values.iter().filter(|p| **p > own).count() as f64
            }
            Self::Entropy { .. } => {
                self.reading(*snapshot, *tokenizer)?.reading.figure("entropy")?
            }
            Self::Reading(Reading { figure, at, .. }) => {
                let reading = &self.reading(*snapshot, *tokenizer)?.reading;
                match at {
                    Some(at) => f64::from(*reading.values.get(*at)?),
                    None => reading.figure(figure)?,
                }
            }
            Self::Cosine { of, and } => {
                let table = observed.card.as_ref()?.table(Rows::Tokens)?;
                let rows = snapshot.as_ref()?.parameter(&table.name)?;
                let row = |token: &str| {
                    let at = id(*tokenizer, token).ok()? as usize * rows.shape[1];
                    rows.values.get(at..at + rows.shape[1])
                };
                cosine(row(of)?, row(and)?)
            }
            Self::Weight { parameter, at } => {
                let tensor = snapshot.as_ref()?.parameter(parameter)?;
                let inside = at.len() == tensor.shape.len()
                    && at.iter().zip(&tensor.shape).all(|(i, n)| i < n);
                let place = at.iter().zip(&tensor.shape).fold(0, |place, (i, n)| place * n + i);
                if !inside {
                    return None;
                }
                f64::from(tensor.values[place])
            }
            Self::Norm { of, parameter } => {
                let norms = snapshot.as_ref()?.norms.iter().find(|n| n.name == *parameter)?;
                match of {
                    Part::Weight => norms.weight,
                    Part::Gradient => norms.gradient?,
                    Part::Update => norms.update,
                }
            }
        })
    }

    fn reading<'a>(
        &self,
        snapshot: Option<&'a Snapshot>,
        tokenizer: Option<&Tokenizer>,
    ) -> Option<&'a Measured> {
        let (instrument, arguments) = self.instrument(tokenizer).ok()??;
        let asked =
            |known: &&Measured| known.instrument == instrument && known.arguments == arguments;
        snapshot?.readings.iter().find(asked)
    }
}

/// Where a choice stands among those that there are.
fn place(range: hyperparameter::Range, chosen: &str) -> Option<f64> {
    let hyperparameter::Range::Choice(names) = range else { return None };
    names.iter().position(|name| *name == chosen).map(|at| at as f64)
}

/// The one token that a text is.
fn id(tokenizer: Option<&Tokenizer>, token: &str) -> Result<u32, Impossible> {
    let one = || Impossible::Token(token.to_owned());
    match tokenizer.ok_or_else(one)?.encode(token).map_err(|_| one())?[..] {
        // What stands for every word that is not kept is none of them.
        [id] if tokenizer.is_some_and(|tokenizer| tokenizer.is_unknown(id)) => Err(one()),
        [id] => Ok(id),
        _ => Err(one()),
    }
}

/// Of batch losses; `None` where the curve no longer holds every one of those steps.
fn scatter(history: &History, step: u64, over: u64) -> Option<f64> {
    let points = history.points.iter().filter(|point| point.step + over > step);
    let losses: Vec<f64> = points.filter(|p| p.count == 1).map(|p| p.mean).collect();
    if (losses.len() as u64) < over.max(2) {
        return None;
    }
    let mean = losses.iter().sum::<f64>() / losses.len() as f64;
    let squares = losses.iter().map(|loss| (loss - mean).powi(2)).sum::<f64>();
    Some((squares / (losses.len() - 1) as f64).sqrt())
}

fn recovered(history: &History, from: f64, to: f64) -> bool {
    let Some(high) = history.points.iter().find(|point| point.max > from) else { return false };
    history.evaluations.iter().any(|e| e.step > high.step && e.val_loss < to)
}

fn cosine(a: &[f32], b: &[f32]) -> f64 {
    let dot = |a: &[f32], b: &[f32]| -> f64 {
        a.iter().zip(b).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum()
    };
    dot(a, b) / (dot(a, a) * dot(b, b)).sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::train::testing;

    #[derive(Deserialize)]
    struct File {
        when: Vec<Condition>,
    }

    fn conditions(text: &str) -> Vec<Condition> {
        toml::from_str::<File>(text).unwrap().when
    }

    #[test]
    fn conditions_are_read_from_toml_and_strangers_refused() {
        let read = conditions(
            "when = [{ measure = \"val_loss\", below = 2.45 }, { measure = { edits = \"lr\" }, above = 0 },\
             { measure = { reading = { instrument = \"sizes\", figure = \"x\", layer = 2 } } }]",
        );
        assert_eq!(read[0].measure, Measure::ValLoss);
        assert_eq!((read[0].above, read[0].below), (None, Some(2.45)));
        assert_eq!(read[1].measure, Measure::Edits("lr".to_owned()));
        let Measure::Reading(reading) = &read[2].measure else { panic!() };
        assert_eq!((reading.layer, reading.head), (2, 0));
        for stranger in [
            "when = [{ measure = \"val_los\" }]",
            "when = [{ measure = { reading = { instrumnt = \"x\" } } }]",
        ] {
            assert!(toml::from_str::<File>(stranger).is_err(), "{stranger}");
        }
    }

    #[test]
    fn numbers_of_a_run_are_those_of_its_session() {
        let mut session = testing::session(1);
        let tokenizer = session.tokenizer().unwrap().clone();
        let mut observed = Observed::opening(session.run(), session.config().clone());
        observed.card = Some(session.card().clone());
        observed.parameters = session.weights().len();
        let mut reports = Vec::new();
        for _ in 0..5 {
            reports.push(session.step().unwrap());
        }
        observed.fold(&crate::train::Event::Steps { reports: reports.clone(), seconds: 0.1 });
        let name = session.model().registry().parameters()[0].name.clone();
        let measures = [
            Measure::FirstLoss,
            Measure::BatchLoss,
            Measure::Step,
            Measure::Parameters,
            Measure::Weight { parameter: name.clone(), at: vec![1, 2] },
            Measure::Norm { of: Part::Gradient, parameter: name.clone() },
            Measure::Diverged,
        ];
        let mut wanted = Subscription::default();
        for measure in &measures {
            measure.wants(Some(&tokenizer), &mut wanted).unwrap();
        }
        let snapshot = session.snapshot(&wanted);
        let evidence = Evidence {
            observed: &observed,
            snapshot: Some(&snapshot),
            tokenizer: Some(&tokenizer),
            references: &[],
            others: &[],
        };
        let values: Vec<_> = measures.iter().map(|m| m.of(&evidence).unwrap()).collect();
        let parameter = &session.model().registry().parameters()[0];
        let at = parameter.positions().nth(parameter.shape[1] + 2).unwrap();
        assert_eq!(values[..3], [reports[0].loss, reports[4].loss, 5.0]);
        assert!((values[4] - f64::from(session.weights()[at] as f32)).abs() < 1e-9);
        assert!(values[5] > 0.0 && values[6] == 0.0);
        assert!((Measure::Scatter { over: 5 }).of(&evidence).unwrap() > 0.0);
        assert_eq!((Measure::Scatter { over: 6 }).of(&evidence), None);
        assert_eq!(Measure::ValLoss.of(&evidence), None, "no estimate yet");
    }

    /// A long run has the same numbers of this kind as one that is as long as they say.
    #[test]
    fn what_training_does_not_change_is_known_when_it_is_said_to_be() {
        let measures = [
            Measure::Parameters,
            Measure::Edits("lr".into()),
            Measure::Hyperparameter("lr".into()),
            Measure::Vocabulary,
            Measure::Id("a".into()),
            Measure::FirstLoss,
        ];
        for measure in measures {
            let after = |steps| {
                let mut session = testing::session(1);
                let mut observed = Observed::opening(session.run(), session.config().clone());
                observed.card = Some(session.card().clone());
                observed.parameters = session.weights().len();
                let reports = (0..steps).map(|_| session.step().unwrap()).collect();
                observed.fold(&crate::train::Event::Steps { reports, seconds: 0.1 });
                let evidence = Evidence {
                    observed: &observed,
                    snapshot: None,
                    tokenizer: session.tokenizer(),
                    references: &[],
                    others: &[],
                };
                measure.of(&evidence)
            };
            let settled = measure.settled_after().unwrap();
            assert!(after(settled).is_some(), "{measure}");
            assert_eq!(after(settled), after(20), "{measure}");
        }
        assert_eq!(Measure::Step.settled_after(), None);
    }

    #[test]
    fn what_no_run_has_is_named() {
        let session = testing::session(1);
        let tokenizer = session.tokenizer();
        let error = |measure: Measure| {
            measure.wants(tokenizer, &mut Subscription::default()).unwrap_err().to_string()
        };
        assert_eq!(error(Measure::Edits("lrr".into())), "there is no hyperparameter lrr");
        let two = Measure::Probability { after: "a".into(), token: "ab".into() };
        assert_eq!(error(two), "\"ab\" is not one token of the text");
    }
}
