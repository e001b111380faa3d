//! What stays in the scrollback when the screen has closed.

use std::io::Write;

use super::model::Model;
use super::number;
use super::run_view::Origin;
use crate::train::History;

/// A few lines: the lesson, and each run with its steps, its best validation loss and where it was saved.
pub fn lines(model: &Model) -> Vec<String> {
    let lesson = model.lesson();
    let mut lines = vec![format!("gpt-lab: lesson {}, {}", model.lesson + 1, lesson.title)];
    let shown = model.run.as_ref().map(|run| run.replaces.as_deref().unwrap_or(run));
    let present = shown.map(|run| (run.stage(), run.step, &run.history)).into_iter();
    let parked = model.ghosts.iter().filter(|g| g.origin == Origin::Stage).map(|ghost| {
        let step = ghost.history.points.last().map_or(0, |point| point.step + point.count - 1);
        (ghost.stage.as_str(), step, &*ghost.history)
    });
    let here = shown.map(|run| run.stage());
    let parked = parked.filter(|(stage, ..)| Some(*stage) != here);
    for (stage, step, history) in present.chain(parked) {
        if step == 0 {
            continue;
        }
        let best = best(history).map_or("not estimated yet".to_owned(), number::loss);
        let saved = model.saved.iter().rev().find(|saved| saved.stage == stage);
        let saved = saved
            .map_or("not saved".to_owned(), |saved| format!("saved in {}", saved.path.display()));
        lines.push(format!(
            "  {stage}: {} steps, best validation loss {best}, {saved}",
            number::count(step)
        ));
    }
    lines
}

fn best(history: &History) -> Option<f64> {
    history
        .evaluations
        .iter()
        .map(|e| e.val_loss)
        .filter(|loss| loss.is_finite())
        .min_by(f64::total_cmp)
}

/// Writes the summary to standard output, which is the terminal again.
pub fn print(model: &Model) {
    let mut out = std::io::stdout().lock();
    for line in lines(model) {
        // A terminal that is gone reads nothing.
        _ = writeln!(out, "{line}");
    }
    _ = out.flush();
}

#[cfg(test)]
mod tests {
    use crate::lab::fixture;
    use crate::lab::model::Saved;

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
    }
}
