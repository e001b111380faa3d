//! What the chart draws: the run's curve and the ghosts', on which axes.

use super::chosen::{Loss, View};
use super::curve;
use crate::lab::facts::Facts;
use crate::lab::ghost::Named;
use crate::lab::run::Run;
use crate::lab::widgets::scale::{Kind, Scale};
use crate::model::card::{Figure, Unit};

pub struct Curves<'a> {
    pub pane: &'a Loss,
    pub facts: &'a Facts<'a>,
    pub run: &'a Run,
    /// What is on the axis, where it is not the loss.
    pub figure: Option<Figure>,
    /// The batch losses.
    pub smoothed: Vec<(f64, f64)>,
    /// By their places.
    pub ghosts: Vec<Ghost<'a>>,
    /// What the learner has predicted, and the steps at which the run answers.
    pub guesses: Vec<(u64, f64)>,
    pub x: Scale,
    pub y: Scale,
}

/// An earlier run's curve.
pub struct Ghost<'a> {
    pub named: Named<'a>,
    pub curve: Vec<(f64, f64)>,
    /// Where it is, if nothing of it is on the chart.
    pub off: Option<&'static str>,
}

/// The axis of steps.
pub fn steps(run: &Run, view: View, log: bool) -> Scale {
    let kind = if log { Kind::LogFromZero } else { Kind::Linear };
    let (first, last) = curve::steps_shown(run, view);
    Scale::new(first as f64, last as f64, kind)
}

impl<'a> Curves<'a> {
    /// `None` if there is neither a loss nor a reference to show.
    pub fn new(pane: &'a Loss, facts: &'a Facts<'a>, run: &'a Run) -> Option<Self> {
        let figure = pane.view.figure(run);
        let smoothed = curve::smoothed(&run.history, pane.view);
        let curve = |named: Named<'a>| {
            let history = &*named.ghost.history;
            let curve = match figure {
                Some(figure) => curve::measured(history, figure),
                None => curve::smoothed(history, pane.view),
            };
            Ghost { named, curve, off: None }
        };
        let mut ghosts: Vec<Ghost> = facts.visible_ghosts().into_iter().map(curve).collect();
        let guesses = if figure.is_none() { facts.guesses() } else { Vec::new() };
        let range = if let Some(figure) = figure {
            let own = curve::measured(&run.history, figure);
            let all = own.iter().chain(ghosts.iter().flat_map(|ghost| &ghost.curve));
            curve::figures_shown(figure, all)
        } else {
            let earlier = ghosts.iter().map(|ghost| &*ghost.named.ghost.history);
            let yardsticks = facts.yardsticks();
            curve::losses_shown(pane.view, run, &smoothed, earlier, yardsticks, &guesses)
        };
        let (low, high) = range?;
        let even = figure.is_some_and(|f| !matches!(f.unit, Unit::Nats | Unit::Plain));
        let kind = if pane.log_losses && !even { Kind::Log } else { Kind::Linear };
        let y = Scale::new(low, high, kind);
        // Room above and below.
        let y = Scale::new(y.value(-0.03), y.value(1.03), kind);
        let x = if run.history.points.is_empty() && !ghosts.is_empty() {
            // As far as it will go, for it is earlier runs that are seen.
            let kind = if pane.log_steps { Kind::LogFromZero } else { Kind::Linear };
            Scale::new(0.0, run.config.training.steps as f64, kind)
        } else {
            steps(run, pane.view, pane.log_steps)
        };
        for ghost in &mut ghosts {
            ghost.off = off(&ghost.curve, &x, &y);
        }
        Some(Self { pane, facts, run, figure, smoothed, ghosts, guesses, x, y })
    }

    /// What stands above the axis of values.
    pub fn unit(&self) -> &'static str {
        self.figure.map_or(self.run.unit(), |figure| figure.unit.name())
    }

    /// A value as the axis of values has it.
    pub fn label(&self, value: f64, label: &str) -> String {
        match self.figure.map(|figure| figure.unit) {
            Some(unit @ Unit::Verdict) => unit.write(value),
            Some(Unit::Count(_)) => format!("{value:.0}"),
            _ => label.to_owned(),
        }
    }

    /// Values with a label, on an axis with room for so many.
    pub fn ticks(&self, most: usize) -> Vec<f64> {
        let whole = |unit| matches!(unit, Unit::Verdict | Unit::Count(_));
        let mut ticks = self.y.ticks(most);
        if self.figure.is_some_and(|figure| whole(figure.unit)) {
            ticks.retain(|tick| tick.fract() == 0.0);
        }
        ticks
    }
}

/// On which side of the chart a curve is, all of it.
fn off(curve: &[(f64, f64)], x: &Scale, y: &Scale) -> Option<&'static str> {
    let mut seen = curve
        .iter()
        .filter(|(step, value)| value.is_finite() && (x.low()..=x.high()).contains(step));
    let first = seen.next()?.1;
    let (above, below) = (first > y.high(), first < y.low());
    if above && seen.clone().all(|(_, value)| *value > y.high()) {
        return Some("above the chart");
    }
    (below && seen.all(|(_, value)| *value < y.low())).then_some("below the chart")
}
