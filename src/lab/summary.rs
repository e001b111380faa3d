//! What stays in the scrollback when the screen has closed.

use std::collections::BTreeSet;
use std::io::Write;
use std::path::Path;

use super::ghost::Origin;
use super::model::Model;
use super::number;
use crate::lesson::progress::{self, Record};
use crate::model::card::Better;
use crate::train::History;

/// A few lines: the lesson, and each run with its steps, its best validation loss and where it was saved.
pub fn lines(model: &Model) -> Vec<String> {
    let lesson = model.lesson();
    let mut lines = vec![format!("gpt-lab: lesson {}, {}", lesson.number, lesson.title)];
    let shown = model.run.as_ref().map(|run| run.replaces.as_deref().unwrap_or(run));
    let present =
        shown.map(|run| (run.id, run.stage(), run.step, run.card.as_deref(), &run.history));
    let parked = model.ghosts.iter().filter(|g| g.origin == Origin::Stage);
    let parked = parked.map(|g| (g.id, g.stage(), g.step, g.card.as_deref(), &*g.history));
    let here = shown.map(|run| run.stage());
    let parked = parked.filter(|(_, stage, ..)| Some(*stage) != here);
    for (id, stage, step, card, history) in present.into_iter().chain(parked) {
        if step == 0 {
            continue;
        }
        // In a game of two a low loss is no good one.
        let directed = card.is_none_or(|card| card.loss.better != Better::Neither);
        let (which, loss) =
            if directed { ("best", best(history)) } else { ("last", losses(history).last()) };
        let loss = loss.map_or("not estimated yet".to_owned(), number::loss);
        let saved = model.saved.iter().rev().find(|saved| saved.stage == stage);
        let kept = model.keeping.kept.contains_key(&id);
        let unsaved = if kept { "kept for the next start" } else { "not saved" };
        let saved =
            saved.map_or(unsaved.to_owned(), |saved| format!("saved in {}", saved.path.display()));
        lines.push(format!(
            "  {stage}: {}, {which} validation loss {loss}, {saved}",
            number::steps(step)
        ));
    }
    lines
}

fn best(history: &History) -> Option<f64> {
    losses(history).min_by(f64::total_cmp)
}

fn losses(history: &History) -> impl Iterator<Item = f64> + '_ {
    history.evaluations.iter().map(|e| e.val_loss).filter(|loss| loss.is_finite())
}

/// Puts answers that could not be written to their file into one elsewhere, so that nothing is lost. Says where, or why
/// not; `None` where all is kept, or nothing was answered.
pub fn unkept(model: &Model) -> Option<String> {
    let folder = std::env::temp_dir();
    elsewhere(&model.course.unkept, &folder)
}

fn elsewhere(records: &[Record], folder: &Path) -> Option<String> {
    // A prediction has two lines: as it was given, and as the run answered it.
    let said = records.iter().filter(|record| !record.item.is_empty());
    let items: BTreeSet<_> = said.map(|record| (&record.lesson, &record.item)).collect();
    let first = records.first().filter(|_| !items.is_empty())?;
    let path = folder.join(format!("gpt-lab-progress-{}.jsonl", first.session));
    let written = records.iter().try_for_each(|record| progress::append(&path, record));
    let answers =
        if items.len() == 1 { "1 answer".to_owned() } else { format!("{} answers", items.len()) };
    Some(match written {
        Ok(()) => format!(
            "  {answers} could not be kept in progress.jsonl: add the lines of {} to it",
            path.display()
        ),
        Err(error) => {
            format!("  {answers} could be kept nowhere ({}: {error})", path.display())
        }
    })
}

/// Writes the summary to standard output, which is the terminal again.
pub fn print(model: &Model, unkept: Option<&String>) {
    let mut out = std::io::stdout().lock();
    for line in lines(model).iter().chain(unkept) {
        // A terminal that is gone reads nothing.
        _ = writeln!(out, "{line}");
    }
    _ = out.flush();
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::{Record, elsewhere, progress};
    use crate::lab::fixture;
    use crate::lab::model::Saved;
    use crate::lab::past::Kept;

    #[test]
    fn it_says_what_was_trained_and_where_it_is() {
        let mut model = fixture::model(80, 24);
        model.saved.push(Saved {
            stage: "multi-head".to_owned(),
            path: "/runs/x/multi-head.safetensors".into(),
        });
        let lines = super::lines(&model);
        assert!(lines[0].starts_with("gpt-lab: lesson "));
        assert!(lines[0].ends_with(", Multi-head attention"));
        assert_eq!(
            lines[1],
            "  multi-head: 3,412 steps, best validation loss 2.321, saved in /runs/x/multi-head.safetensors"
        );
        assert!(
            lines[2].starts_with("  single-head: 5,000 steps, best validation loss 2.44"),
            "{}",
            lines[2]
        );
        assert!(lines[2].ends_with("not saved"));
        let kept = Kept { file: "single-head.safetensors".to_owned(), mark: (5000, 0) };
        model.keeping.kept.insert(model.ghosts[0].id, kept);
        assert!(super::lines(&model)[2].ends_with("kept for the next start"));
    }

    #[test]
    fn answers_that_could_not_be_kept_are_put_elsewhere() {
        let folder = tempfile::tempdir().unwrap();
        let record = |item: &str, kind: &str| Record {
            session: "s1".to_owned(),
            lesson: "bigram".to_owned(),
            item: item.to_owned(),
            kind: kind.to_owned(),
            ..Record::default()
        };
        // That somebody was here is nothing to be lost.
        let session = Record { lesson: String::new(), ..record("", "session") };
        assert_eq!(elsewhere(&[], folder.path()), None);
        assert_eq!(elsewhere(std::slice::from_ref(&session), folder.path()), None);
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
        let mut records = vec![session, record("a", "predict"), record("a", "predict")];
        let said = elsewhere(&records, folder.path()).unwrap();
        let path = folder.path().join("gpt-lab-progress-s1.jsonl");
        let file = path.display();
        let expected = format!(
            "  1 answer could not be kept in progress.jsonl: add the lines of {file} to it"
        );
        assert_eq!(said, expected);
        assert_eq!(progress::Progress::read(&path).unwrap().records, records);
        records.push(record("b", "ask"));
        let nowhere = elsewhere(&records, &path).unwrap();
        assert!(nowhere.starts_with("  2 answers could be kept nowhere"), "{nowhere}");
    }

    #[test]
    fn a_loss_without_a_direction_has_no_best() {
        let mut model = fixture::model(80, 24);
        let run = model.run.as_mut().unwrap();
        Arc::make_mut(run.card.as_mut().unwrap()).loss.better = crate::model::card::Better::Neither;
        run.history.evaluations.last_mut().unwrap().val_loss = 2.9;
        let line = &super::lines(&model)[1];
        assert!(line.contains("last validation loss 2.900"), "{line}");
    }
}
