//! Runs that leave the screen leave their curves.

use std::sync::Arc;

use super::super::ghost::{self, Ghost, Origin};
use super::super::model::Model;
use super::super::run::{Run, Status};
use crate::stage::Config;
use crate::train::{Observed, RunId};

/// A run has been opened: the one that was on the screen before leaves its curve as a ghost.
pub fn retire(model: &mut Model, next: RunId, config: &Config) {
    // Who comes back is no ghost of itself.
    model.ghosts.retain(|ghost| ghost.id != next);
    let Some(run) = model.run.take() else { return };
    let old = if run.status == Status::Opening { run.replaces } else { Some(Box::new(run)) };
    if let Some(old) = old.filter(|old| old.id != next) {
        ghost(model, *old, config);
    }
}

/// Keeps the curve of a run that made room for one of this configuration. Of another stage the last run is kept, however
/// short: what was trained is told when the screen has closed.
pub fn ghost(model: &mut Model, old: Run, next: &Config) {
    let origin = if old.config.stage == next.stage { Origin::Rebuilt } else { Origin::Stage };
    let kept = match origin {
        Origin::Rebuilt => ghost::begun(&old.config, old.step, &old.history),
        Origin::Stage => !old.history.points.is_empty(),
    };
    if !kept {
        return;
    }
    let stage = old.config.stage.clone();
    let of = |g: &Ghost| g.origin == origin && g.stage() == stage;
    if origin == Origin::Stage {
        model.ghosts.retain(|g| !of(g));
    }
    let home = old.home;
    let Observed { id, mut config, card, step, history, .. } = old.observed;
    ghost::undo_idle_changes(&mut config, &history, step);
    model.ghosts.push(Ghost { id, config, card, step, origin, home, history: Arc::new(history) });
    let rebuilt: Vec<&Ghost> = model.ghosts.iter().filter(|g| of(g)).collect();
    if rebuilt.len() > ghost::MOST
        && let Some(dropped) = ghost::dispensable(&rebuilt)
    {
        let mut index = 0;
        model.ghosts.retain(|g| {
            index += usize::from(of(g));
            !of(g) || index != dropped + 1
        });
    }
}
