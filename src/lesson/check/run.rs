//! A run without a worker or a screen, told of as the lab is told: what is asked of it is read off the same fold.

use std::time::Instant;

use crate::stage::{Config, LAST_STEP};
use crate::text::ngram::Reference;
use crate::train::measure::{Evidence, Impossible, Measure, Other};
use crate::train::session::{SessionError, SetError};
use crate::train::snapshot::Subscription;
use crate::train::{Event, Material, Observed, Session, Team};

/// Steps that are told of at once.
const TOLD: usize = 50;

pub(super) struct Run {
    session: Session,
    pub observed: Observed,
    /// The step of the last estimate.
    estimated: Option<u64>,
}

impl Run {
    /// A new run of a configuration, on a text that is read as it asks for.
    pub fn open(
        mut config: Config,
        material: &Material,
        team: &Team,
    ) -> Result<Self, SessionError> {
        let material =
            material.read_for(&mut config).map_err(|error| SessionError::Material(error.into()))?;
        // A lesson may ask for more steps than the stage's own.
        config.training.steps = LAST_STEP;
        let session = Session::with_team(config, material, team)?;
        let mut observed = Observed::opening(session.run(), session.config().clone());
        observed.fold(&Event::Opened {
            config: Box::new(session.config().clone()),
            step: 0,
            parameters: session.weights().len(),
            threads: team.threads(),
            operations_per_token: session.model().operations_per_token(),
            card: session.card().clone(),
            tokenizer: session.tokenizer().cloned().map(Box::new),
            history: Box::default(),
        });
        Ok(Self { session, observed, estimated: None })
    }

    pub fn config(&self) -> &Config {
        self.session.config()
    }

    /// Changes a live hyperparameter.
    pub fn set(&mut self, name: &str, value: crate::stage::Value) -> Result<(), SetError> {
        let edit = self.session.set(name, value)?;
        self.observed.fold(&Event::Applied(edit));
        Ok(())
    }

    /// Estimates both losses of this moment, if that was not done.
    pub fn estimate(&mut self) {
        let step = self.session.step_count();
        if self.estimated != Some(step) {
            self.estimated = Some(step);
            let evaluation = self.session.evaluate();
            self.observed.fold(&Event::Evaluated(evaluation));
        }
    }

    /// Trains as far as a step, with the stage's own estimates on the way and one at the end; `seen` looks at each and may
    /// end it.
    pub fn train_to(&mut self, step: u64, seen: &mut dyn FnMut(&mut Self) -> bool) {
        let every = self.session.config().training.eval_interval.max(1);
        while self.session.step_count() < step {
            if self.session.step_count().is_multiple_of(every) {
                self.estimate();
                if seen(self) {
                    return;
                }
            }
            let next = (self.session.step_count() / every + 1) * every;
            if !self.steps(next.min(step)) {
                break;
            }
        }
        self.estimate();
        seen(self);
    }

    /// Steps without estimates; false where the run diverges.
    fn steps(&mut self, until: u64) -> bool {
        while self.session.step_count() < until {
            let begun = Instant::now();
            let mut reports = Vec::with_capacity(TOLD);
            let mut diverged = None;
            while reports.len() < TOLD && self.session.step_count() < until && diverged.is_none() {
                match self.session.step() {
                    Ok(report) => reports.push(report),
                    Err(error) => diverged = Some(error.step),
                }
            }
            let seconds = begun.elapsed().as_secs_f64();
            self.observed.fold(&Event::Steps { reports, seconds });
            if let Some(step) = diverged {
                self.observed.fold(&Event::Diverged { step });
                return false;
            }
        }
        true
    }

    /// What a measure says of the run now.
    pub fn value(
        &mut self,
        measure: &Measure,
        references: &[Reference],
        others: &[&Observed],
    ) -> Result<Option<f64>, Impossible> {
        let tokenizer = self.session.tokenizer().cloned();
        let mut wanted = Subscription::default();
        measure.wants(tokenizer.as_ref(), &mut wanted)?;
        let looked = wanted != Subscription::default();
        let snapshot = looked.then(|| self.session.snapshot(&wanted));
        let others: Vec<Other<'_>> = others
            .iter()
            .map(|other| Other { stage: other.stage(), history: &other.history })
            .collect();
        let evidence = Evidence {
            observed: &self.observed,
            snapshot: snapshot.as_ref(),
            tokenizer: tokenizer.as_ref(),
            references,
            others: &others,
        };
        Ok(measure.of(&evidence))
    }
}
