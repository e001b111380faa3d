//! The curve of a run in bounded memory.

use serde::{Deserialize, Serialize};

use super::report::{Edit, Evaluation, StepReport};

/// Batch losses of `stride` steps in one point; the extremes survive.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Point {
    /// The first of its steps.
    pub step: u64,
    pub count: u64,
    pub mean: f64,
    pub min: f64,
    pub max: f64,
}

/// Live changes as a checkpoint keeps them: names and values as text.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RecordedEdit {
    pub step: u64,
    pub name: String,
    pub old: String,
    pub new: String,
}

/// What the loss pane draws and a checkpoint keeps. Never more than [`CAPACITY`] points: when full, neighbours merge and
/// the stride doubles.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct History {
    pub stride: u64,
    pub points: Vec<Point>,
    pub evaluations: Vec<Evaluation>,
    pub edits: Vec<RecordedEdit>,
}

/// A curve never has more points than this, nor more evaluations or edits.
pub const CAPACITY: usize = 2048;

impl Default for History {
    fn default() -> Self {
        Self { stride: 1, points: Vec::new(), evaluations: Vec::new(), edits: Vec::new() }
    }
}

impl Point {
    fn of(report: &StepReport) -> Self {
        let loss = report.loss;
        Self { step: report.step, count: 1, mean: loss, min: loss, max: loss }
    }

    /// This point and the one after it as one.
    fn join(self, next: Self) -> Self {
        let count = self.count + next.count;
        Self {
            step: self.step,
            count,
            mean: self.mean + (next.mean - self.mean) * next.count as f64 / count as f64,
            min: self.min.min(next.min),
            max: self.max.max(next.max),
        }
    }
}

impl History {
    /// Adds a step. What the curve holds depends on the steps alone, never on when it was saved and loaded.
    pub fn push(&mut self, report: &StepReport) {
        let point = Point::of(report);
        match self.points.last_mut() {
            Some(last) if last.count < self.stride => *last = last.join(point),
            _ => {
                if self.points.len() >= CAPACITY {
                    self.halve();
                }
                self.push_point(point);
            }
        }
    }

    fn push_point(&mut self, point: Point) {
        if self.points.len() == self.points.capacity() {
            // Once, so that no later step allocates.
            self.points.reserve_exact(CAPACITY - self.points.len());
        }
        self.points.push(point);
    }

    fn halve(&mut self) {
        let half = self.points.len() / 2;
        for i in 0..half {
            self.points[i] = self.points[2 * i].join(self.points[2 * i + 1]);
        }
        self.points.truncate(half);
        self.stride *= 2;
    }

    /// Adds a loss estimate; one for a step that is already there is dropped, and so is one that is not finite, which a
    /// file could not hold.
    pub fn evaluated(&mut self, evaluation: Evaluation) {
        let known = self.evaluations.last().is_some_and(|last| last.step >= evaluation.step);
        if known || !evaluation.train_loss.is_finite() || !evaluation.val_loss.is_finite() {
            return;
        }
        if self.evaluations.len() >= CAPACITY {
            let mut index = 0;
            self.evaluations.retain(|_| {
                index += 1;
                index % 2 == 1
            });
        }
        self.evaluations.push(evaluation);
    }

    /// Adds a live change; changes of the same hyperparameter at the same step become one, and none where they lead back to
    /// where they began.
    pub fn edited(&mut self, edit: &Edit) {
        let new = edit.new.to_string();
        let same = |known: &RecordedEdit| known.step == edit.step && known.name == edit.name;
        let before = self.edits.iter().rposition(|known| known.step != edit.step);
        let here = before.map_or(0, |before| before + 1);
        let began = self.edits[here..].iter().find(|known| same(known)).map(|known| &known.old);
        if began.map_or(edit.old == edit.new, |old| *old == new) {
            self.edits.retain(|known| !same(known));
            return;
        }
        if let Some(last) = self.edits.last_mut()
            && last.step == edit.step
            && last.name == edit.name
        {
            last.new = new;
            return;
        }
        if self.edits.len() >= CAPACITY {
            self.edits.remove(0);
        }
        self.edits.push(RecordedEdit {
            step: edit.step,
            name: edit.name.to_owned(),
            old: edit.old.to_string(),
            new,
        });
    }

    /// What a hyperparameter was when step number `step`, counted from 0, was made; `None`: what it is now.
    pub fn value_at(&self, name: &str, step: u64) -> Option<&str> {
        let mut edits = self.edits.iter().filter(|edit| edit.name == name);
        let before = edits.clone().rfind(|edit| edit.step <= step);
        let after = || edits.find(|edit| edit.step > step).map(|edit| edit.old.as_str());
        before.map(|edit| edit.new.as_str()).or_else(after)
    }

    /// Whether it can be what `step` steps left behind, and within its bounds: files come from anywhere.
    pub(super) fn is_sound(&self, step: u64) -> bool {
        let counted: u64 = self.points.iter().fold(0, |sum, p| sum.saturating_add(p.count));
        self.stride >= 1
            && self.points.len() <= CAPACITY
            && self.evaluations.len() <= CAPACITY
            && self.edits.len() <= CAPACITY
            && counted <= step
            && self.points.iter().all(|p| p.count >= 1 && p.count <= self.stride)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stage::hyperparameter::Value;

    fn report(step: u64) -> StepReport {
        let loss = 4.0 - (step as f64 * 0.37).sin();
        StepReport { step, loss, lr: 1e-3, grad_norm: 1.0, parts: [0.0; 2] }
    }

    fn after(steps: u64) -> History {
        let mut history = History::default();
        for step in 1..=steps {
            history.push(&report(step));
        }
        history
    }

    #[test]
    fn short_runs_are_kept_step_by_step() {
        let history = after(CAPACITY as u64);
        assert_eq!(history.stride, 1);
        assert_eq!(history.points.len(), CAPACITY);
        assert_eq!(history.points[6], Point::of(&report(7)));
    }

    #[test]
    fn long_runs_stay_bounded_and_keep_mean_and_extremes() {
        let steps = 100_000;
        let history = after(steps);
        assert!(history.points.len() <= CAPACITY);
        assert!(history.points.len() > CAPACITY / 3);
        assert_eq!(history.points.iter().map(|p| p.count).sum::<u64>(), steps);
        let losses: Vec<f64> = (1..=steps).map(|s| report(s).loss).collect();
        for point in &history.points {
            let from = point.step as usize - 1;
            let its = &losses[from..from + point.count as usize];
            let mean = its.iter().sum::<f64>() / its.len() as f64;
            assert!((point.mean - mean).abs() < 1e-12);
            assert_eq!(point.min, its.iter().copied().fold(f64::INFINITY, f64::min));
            assert_eq!(point.max, its.iter().copied().fold(f64::NEG_INFINITY, f64::max));
        }
        assert!(history.is_sound(steps) && !history.is_sound(steps - 1));
    }

    #[test]
    fn a_file_in_between_changes_nothing() {
        for cut in [1, 2047, 2048, 2049, 5001] {
            let text = serde_json::to_string(&after(cut)).unwrap();
            let mut history: History = serde_json::from_str(&text).unwrap();
            for step in cut + 1..=9000 {
                history.push(&report(step));
            }
            assert_eq!(history, after(9000));
        }
    }

    #[test]
    fn evaluations_are_kept_once_and_only_if_finite() {
        let mut history = History::default();
        for (step, val_loss) in [(0, 4.0), (0, 4.0), (500, f64::NAN), (1000, 3.0)] {
            history.evaluated(Evaluation {
                step,
                train_loss: 2.0,
                val_loss,
                ..Evaluation::default()
            });
        }
        assert_eq!(history.evaluations.iter().map(|e| e.step).collect::<Vec<_>>(), [0, 1000]);
        for step in 1001..20_000 {
            history.evaluated(Evaluation {
                step,
                train_loss: 2.0,
                val_loss: 2.0,
                ..Evaluation::default()
            });
        }
        assert!(history.evaluations.len() <= CAPACITY);
    }

    #[test]
    fn nudges_between_two_steps_are_one_edit() {
        let mut history = History::default();
        for (old, new) in [(1e-3, 3e-3), (3e-3, 1e-2)] {
            let (old, new) = (Value::Number(old), Value::Number(new));
            history.edited(&Edit { step: 5, name: "lr", old, new });
        }
        assert_eq!(history.edits.len(), 1);
        assert_eq!(
            (history.edits[0].old.as_str(), history.edits[0].new.as_str()),
            ("1e-3", "0.01")
        );
    }

    #[test]
    fn what_a_step_was_made_with_is_told_by_the_edits_around_it() {
        let edit = |step, old, new| {
            let (old, new) = (Value::Number(old), Value::Number(new));
            Edit { step, name: "lr", old, new }
        };
        let mut history = History::default();
        assert_eq!(history.value_at("lr", 3), None);
        history.edited(&edit(4, 1.0, 2.0));
        history.edited(&edit(7, 2.0, 3.0));
        let told = [(0, "1"), (3, "1"), (4, "2"), (6, "2"), (7, "3"), (90, "3")];
        for (step, value) in told {
            assert_eq!(history.value_at("lr", step), Some(value), "{step}");
        }
        assert_eq!(history.value_at("beta1", 4), None);
    }

    #[test]
    fn an_edit_that_is_taken_back_before_the_next_step_is_none() {
        let edit = |step, name, old, new| {
            let (old, new) = (Value::Number(old), Value::Number(new));
            Edit { step, name, old, new }
        };
        let mut history = History::default();
        history.edited(&edit(4, "lr", 1e-3, 0.01));
        history.edited(&edit(5, "lr", 0.01, 0.03));
        history.edited(&edit(5, "dropout", 0.0, 0.1));
        history.edited(&edit(5, "lr", 0.03, 0.1));
        history.edited(&edit(5, "lr", 0.1, 0.01));
        history.edited(&edit(5, "beta1", 0.9, 0.9));
        let kept: Vec<_> = history.edits.iter().map(|e| (e.step, e.name.as_str())).collect();
        assert_eq!(kept, [(4, "lr"), (5, "dropout")]);
        // Over a step it was a change, and back.
        history.edited(&edit(6, "dropout", 0.1, 0.0));
        assert_eq!(history.edits.len(), 3);
    }
}
