//! Lists of what can be gone back to: the runs of this session, and checkpoints in the lab's folders.

use super::super::folder::Listed;
use super::super::ghost;
use super::super::model::{Effect, Model};
use super::super::number;
use super::super::overlays::{Entry, List, ListKind, Opens, Overlay};
use super::runs;
use super::say::warn;
use crate::train::Observed;
use crate::train::report::Evaluation;

/// Opens the table of the runs so far, the one on the screen first, then those left last.
pub fn runs(model: &mut Model) -> Vec<Effect> {
    let present = model.run.iter().map(|run| row(&run.observed, Opens::Here));
    let mut past: Vec<_> = model
        .past
        .iter()
        .filter(|(_, past)| past.observed.step > 0 || past.asleep.is_some())
        .collect();
    past.sort_by_key(|(id, past)| std::cmp::Reverse((past.left, **id)));
    let past = past.into_iter().map(|(id, past)| row(&past.observed, Opens::Run(*id)));
    let entries = present.chain(past).collect();
    let list = List { kind: ListKind::Runs, entries, ..List::default() };
    model.overlays.push(Overlay::List(list));
    Vec::new()
}

/// A run: its stage, what differs from the stage's own settings, seed, steps, and the losses that were estimated last and
/// lowest.
fn row(run: &Observed, opens: Opens) -> Entry {
    let none = || "-".to_owned();
    let changed = ghost::changed(&run.config);
    let differs = if changed.is_empty() { none() } else { changed.join(", ") };
    let last = run.evaluation();
    let best = run.best().map_or_else(none, |e| number::loss(e.val_loss));
    let cells = vec![
        run.stage().to_owned(),
        differs,
        run.config.seed.to_string(),
        number::count(run.step),
        last.map_or_else(none, |e| number::loss(e.train_loss)),
        last.map_or_else(none, |e| estimated(e, run.step)),
        best,
    ];
    Entry { cells, opens: Ok(opens) }
}

/// A validation loss, and of which step it is where that is long ago.
fn estimated(evaluation: &Evaluation, step: u64) -> String {
    let loss = number::loss(evaluation.val_loss);
    let of = number::count(evaluation.step);
    if evaluation.is_old(step) { format!("{loss} @{of}") } else { loss }
}

/// Opens the list of checkpoints; its rows come when the folders have been looked through.
pub fn checkpoints(model: &mut Model) -> Vec<Effect> {
    let list = List { kind: ListKind::Checkpoints, looking: true, ..List::default() };
    model.overlays.push(Overlay::List(list));
    vec![Effect::ListCheckpoints]
}

/// The folders have been looked through.
pub fn listed(model: &mut Model, listed: Vec<Listed>) -> Vec<Effect> {
    let wanted = model.overlays.iter_mut().find_map(|overlay| match overlay {
        Overlay::List(list) if list.kind == ListKind::Checkpoints => Some(list),
        _ => None,
    });
    if let Some(list) = wanted {
        list.looking = false;
        list.entries = listed.into_iter().map(file).collect();
    }
    Vec::new()
}

fn file(Listed { name, path, about }: Listed) -> Entry {
    let none = || "-".to_owned();
    let (mut cells, opens) = (vec![name], about);
    match &opens {
        Ok(about) => {
            let last = about.history.evaluations.last();
            cells.extend([
                about.config.stage.clone(),
                number::count(about.step),
                last.map_or_else(none, |e| estimated(e, about.step)),
            ]);
        }
        Err(_) => cells.push("not to be opened".to_owned()),
    }
    Entry { cells, opens: opens.map(|about| Opens::File(path, Box::new(about))) }
}

/// Enter in such a list.
pub fn open(model: &mut Model, list: List) -> Vec<Effect> {
    let Some(entry) = list.found().get(list.selected).map(|entry| (*entry).clone()) else {
        return Vec::new();
    };
    match entry.opens {
        Ok(Opens::Here) => Vec::new(),
        Ok(Opens::Run(id)) => runs::reopen(model, id),
        Ok(Opens::File(path, about)) => runs::open_file(model, path, &about),
        Err(why) => {
            model.overlays.push(Overlay::List(list));
            warn(model, why)
        }
    }
}
