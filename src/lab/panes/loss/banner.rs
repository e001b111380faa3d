//! What went wrong, why, and what to do: the loss pane lives on through a divergence.

use ratatui::text::{Line, Span, Text};

use super::curve;
use crate::lab::action::{self, Action};
use crate::lab::facts::Facts;
use crate::lab::number;
use crate::lab::run::{Run, Status};
use crate::lab::theme::Role;

/// How far above guessing and above its own best a loss must be to be called climbing.
const CLIMBED: f64 = 1.5;

/// The banner, if there is something to say; shorter where there is little room.
pub fn banner(
    facts: &Facts,
    run: &Run,
    smoothed: &[(f64, f64)],
    width: u16,
) -> Option<Text<'static>> {
    let what = headline(facts, run, smoothed)?;
    let sign = facts.theme.glyphs.failed;
    let key = |action| {
        let key = action::row(action).places[0].keys[0].label(facts.theme.glyphs.ascii);
        Span::styled(key, facts.theme.style(Role::Key))
    };
    let mut advice = Vec::new();
    if let Status::Failed(_) = run.status {
        advice.push(Span::raw("It is paused at its last good state: "));
        advice.extend([key(Action::PauseResume), Span::raw(" goes on, ")]);
        advice.extend([key(Action::Restart), Span::raw(" restarts.")]);
    } else {
        advice.push(Span::raw("Most often lr is too high: lower it, "));
        let undoes = match run.history.edits.last() {
            Some(edit) if width >= 60 => {
                let arrow = facts.theme.glyphs.arrow;
                format!(" undoes the last change ({} {}{arrow}{})", edit.name, edit.old, edit.new)
            }
            _ => " undoes changes".to_owned(),
        };
        advice.extend([key(Action::Undo), Span::raw(undoes)]);
        advice.extend([Span::raw(", "), key(Action::Restart), Span::raw(" restarts.")]);
    }
    let headline = Span::styled(format!("{sign} {what}"), facts.theme.style(Role::Bad));
    Some(Text::from(vec![Line::from(headline), Line::from(advice)]))
}

fn headline(facts: &Facts, run: &Run, smoothed: &[(f64, f64)]) -> Option<String> {
    match &run.status {
        Status::Failed(message) => return Some(format!("The trainer failed: {message}.")),
        Status::Diverged(step) => {
            return Some(format!(
                "Diverged at step {}: the loss or its gradient is not finite.",
                number::count(*step)
            ));
        }
        _ => {}
    }
    let &(step, loss) = smoothed.last()?;
    if !loss.is_finite() {
        let gap = number::count(step as u64);
        return Some(format!("The loss is not finite at step {gap}: a gap in the curve."));
    }
    let references = facts.yardsticks();
    let guessing = references.iter().find(|r| r.order == 0)?;
    let best = smoothed.iter().map(|(_, loss)| *loss).fold(f64::INFINITY, f64::min);
    let climbed = loss > CLIMBED * guessing.loss && loss > CLIMBED * best;
    climbed.then(|| {
        let (now, guessing) = (number::loss(loss), number::loss(guessing.loss));
        let steps = number::count(curve::last_step(run));
        format!("The loss has climbed to {now} by step {steps}: blind guessing has {guessing}.")
    })
}
