//! Live changes on the chart: a line where each took effect, and labels that stay readable where changes crowd.

use std::ops::Range;

use crate::lab::number;
use crate::train::history::RecordedEdit;

/// One or more changes of the same hyperparameter in one column.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    pub column: u16,
    pub step: u64,
    pub name: String,
    pub old: String,
    /// What it was last, between the two.
    pub by_way_of: Option<String>,
    pub new: String,
}

/// The changes that have a column; those of one name in one column are one.
pub fn changes(edits: &[RecordedEdit], column: impl Fn(u64) -> Option<u16>) -> Vec<Change> {
    let mut changes: Vec<Change> = Vec::new();
    // Older files have changes from a value to itself.
    for edit in edits.iter().filter(|edit| edit.old != edit.new) {
        let Some(column) = column(edit.step) else { continue };
        let same = |c: &&mut Change| c.column == column && c.name == edit.name;
        if let Some(known) = changes.iter_mut().rev().find(same) {
            known.by_way_of = Some(std::mem::replace(&mut known.new, edit.new.clone()));
            known.step = edit.step;
        } else {
            let (name, old, new) = (edit.name.clone(), edit.old.clone(), edit.new.clone());
            changes.push(Change { column, step: edit.step, name, old, by_way_of: None, new });
        }
    }
    changes
}

impl Change {
    /// How it may be written, the whole first.
    fn forms(&self, arrow: &str) -> [String; 4] {
        let Self { name, old, new, .. } = self;
        // There and back is no change, but it was one for some steps.
        let way = self.by_way_of.as_ref().filter(|_| old == new);
        let way = way.map_or(String::new(), |way| format!("{way}{arrow}"));
        let whole = format!("{name} {old}{arrow}{way}{new}");
        [
            format!("{whole} @{}", number::count(self.step)),
            whole,
            format!("{name}{arrow}{new}"),
            name.clone(),
        ]
    }
}

/// A label's place on the plot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Label {
    pub column: u16,
    pub row: u16,
    pub text: String,
}

/// Places labels beside their lines in the first `rows` rows of a plot `width` columns wide, the newest change first: the
/// longest form that covers no curve (`drawn` tells), no other line and no other label; where there is none, one that at
/// least covers no label. A change without any room keeps its line alone.
pub fn labels(
    changes: &[Change],
    width: u16,
    rows: u16,
    arrow: &str,
    drawn: impl Fn(Range<u16>, u16) -> bool,
) -> Vec<Label> {
    let mut placed: Vec<(Range<u16>, Label)> = Vec::new();
    for change in changes.iter().rev() {
        let forms = change.forms(arrow);
        let find = |careful: bool| {
            forms.iter().find_map(|text| {
                let size = text.chars().count() as u16;
                let after = Some(change.column + 1);
                let before = change.column.checked_sub(size);
                let sides = [after, before].into_iter().flatten();
                let mut places = (0..rows).flat_map(|row| sides.clone().map(move |at| (row, at)));
                let fits = |&(row, at): &(u16, u16)| {
                    let span = at..at + size;
                    let over_label = placed.iter().any(|(taken, label)| {
                        label.row == row && taken.start < span.end + 1 && span.start < taken.end + 1
                    });
                    let over_line = || {
                        changes
                            .iter()
                            .any(|c| c.column != change.column && span.contains(&c.column))
                    };
                    span.end <= width
                        && !over_label
                        && !(careful && (over_line() || drawn(span.clone(), row)))
                };
                places.find(fits).map(|(row, column)| {
                    (column..column + size, Label { column, row, text: text.clone() })
                })
            })
        };
        placed.extend(find(true).or_else(|| find(false)));
    }
    placed.into_iter().map(|(_, label)| label).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn edit(step: u64, name: &str, old: &str, new: &str) -> RecordedEdit {
        RecordedEdit { step, name: name.into(), old: old.into(), new: new.into() }
    }

    fn texts(labels: &[Label]) -> Vec<&str> {
        labels.iter().map(|l| l.text.as_str()).collect()
    }

    #[test]
    fn changes_of_one_name_in_one_column_are_one() {
        let edits = [
            edit(10, "lr", "1e-3", "3e-3"),
            edit(11, "lr", "3e-3", "1e-2"),
            edit(11, "dropout", "0", "0.1"),
            edit(90, "lr", "1e-2", "1e-3"),
        ];
        let changes = changes(&edits, |step| Some((step / 10) as u16));
        let told: Vec<_> = changes.iter().map(|c| c.forms("→")[0].clone()).collect();
        assert_eq!(told, ["lr 1e-3→1e-2 @11", "dropout 0→0.1 @11", "lr 1e-2→1e-3 @90"]);
    }

    #[test]
    fn there_and_back_tells_the_way() {
        let edits = [edit(10, "lr", "0.01", "0.03"), edit(11, "lr", "0.03", "0.01")];
        let told = &changes(&edits, |_| Some(1))[0].forms("→")[0];
        assert_eq!(told, "lr 0.01→0.03→0.01 @11");
        assert!(changes(&[edit(10, "lr", "0.01", "0.01")], |_| Some(1)).is_empty());
    }

    #[test]
    fn crowded_labels_take_other_rows_and_never_overlap() {
        let edits: Vec<_> = (0..9).map(|i| edit(1000 + 3 * i, "lr", "1e-3", "3e-4")).collect();
        let changes = changes(&edits, |step| Some((step - 1000) as u16));
        let placed = labels(&changes, 40, 4, "→", |_, _| false);
        assert_eq!(placed[0].text, "lr 1e-3→3e-4", "the newest is told at length");
        assert!(placed.len() >= 7, "{placed:?}");
        for (i, a) in placed.iter().enumerate() {
            let end = |l: &Label| l.column + l.text.chars().count() as u16;
            assert!(end(a) <= 40);
            for b in &placed[i + 1..] {
                assert!(a.row != b.row || end(a) < b.column || end(b) < a.column, "{a:?} {b:?}");
            }
        }
    }

    #[test]
    fn labels_avoid_the_curve_and_go_left_at_the_edge() {
        let changes = changes(&[edit(1240, "lr", "1e-3", "3e-4")], |_| Some(30));
        let placed = labels(&changes, 32, 5, "->", |_, row| row < 2);
        assert_eq!(placed, [Label { column: 10, row: 2, text: "lr 1e-3->3e-4 @1,240".to_owned() }]);
        assert_eq!(texts(&labels(&changes, 32, 1, "->", |_, _| true)), ["lr 1e-3->3e-4 @1,240"]);
        assert_eq!(texts(&labels(&changes, 32, 0, "->", |_, _| true)), [""; 0]);
    }
}
