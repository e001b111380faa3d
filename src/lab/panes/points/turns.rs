//! Of two networks that take turns: which of them the last step moved, and which the next one will.

use crate::lab::facts::Facts;
use crate::model::Turns;

/// Names of groups of the model's parameters.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Taken {
    /// `None`: no step was made.
    pub moved: Option<&'static str>,
    pub next: &'static str,
}

/// Of a run of several networks that take turns.
pub(super) fn of(facts: &Facts) -> Option<Taken> {
    let run = facts.run?;
    let groups = &facts.card()?.groups;
    if groups.len() < 2 {
        return None;
    }
    let name = |step: u64, d_steps: usize, turns: Turns| {
        groups.get(turns.whose(step, d_steps)).copied().unwrap_or_default()
    };
    let now = &run.config.training;
    // What the step was made with, which may have been changed since.
    let moved = run.step.checked_sub(1).map(|step| {
        let then = |what| run.history.value_at(what, step);
        let d_steps = then("d_steps").and_then(|n| n.parse().ok()).unwrap_or(now.d_steps);
        let turns = then("turns").and_then(|name| name.parse().ok()).unwrap_or(now.turns);
        name(step, d_steps, turns)
    });
    Some(Taken { moved, next: name(run.step, now.d_steps, now.turns) })
}
