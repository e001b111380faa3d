//! Arms that differ in one number along every line: a table with a line for what else they are, a column for each of its values.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::widgets::Widget;

use super::names::names;
use crate::lab::experiment::Shown;
use crate::lab::number;
use crate::lab::pen::clip;
use crate::lab::theme::{Role, Theme};
use crate::lab::widgets::columns::{Cells, Column, Columns};
use crate::stage::hyperparameter::{HYPERPARAMETERS, Hyperparameter};
use crate::stage::{Config, Value};
use crate::train::experiment::Experiment;

/// Columns of a line's name at least.
const LEAST_NAME: usize = 4;

pub struct Along {
    /// The number's.
    pub name: &'static str,
    /// From low to high.
    values: Vec<Value>,
    /// Each with its arms, by value.
    pub lines: Vec<(String, Vec<Option<usize>>)>,
}

fn as_number(value: Value) -> Option<f64> {
    match value {
        Value::Number(x) => Some(x),
        Value::Count(n) => Some(n as f64),
        _ => None,
    }
}

impl Along {
    /// `None` where there is no such number, or only one line or one value.
    pub fn of(experiment: &Experiment) -> Option<Self> {
        if !experiment.switches.is_empty() {
            return None;
        }
        let all = HYPERPARAMETERS.iter().filter_map(|known| Self::by(known, experiment));
        // Arms may differ in several numbers: along the one by which the fewest places are empty, and then by which a line
        // is longest.
        all.reduce(|best, next| if next.order() < best.order() { next } else { best })
    }

    /// Less is better.
    fn order(&self) -> (usize, std::cmp::Reverse<usize>) {
        let places = self.lines.iter().flat_map(|(_, arms)| arms);
        let empty = places.filter(|arm| arm.is_none()).count();
        (empty, std::cmp::Reverse(self.values.len()))
    }

    fn by(known: &'static Hyperparameter, experiment: &Experiment) -> Option<Self> {
        let arms = &experiment.arms[..];
        let first = known.get(&arms.first()?.1);
        as_number(first)?;
        let mut values: Vec<Value> = Vec::new();
        let all = arms.iter().filter(|(_, config)| known.applies(config));
        for (_, config) in all {
            let value = known.get(config);
            if !values.contains(&value) {
                values.push(value);
            }
        }
        values.sort_by(|a, b| {
            as_number(*a).partial_cmp(&as_number(*b)).unwrap_or(std::cmp::Ordering::Equal)
        });
        if values.len() < 2 {
            return None;
        }
        let mut lines: Vec<(Config, String, Vec<Option<usize>>)> = Vec::new();
        let names = names(experiment, Some(known.name));
        for (arm, (_, config)) in arms.iter().enumerate() {
            let place = values.iter().position(|value| *value == known.get(config))?;
            let mut rest = config.clone();
            known.set(&mut rest, first).ok()?;
            let line = lines.iter().position(|(known, ..)| *known == rest).unwrap_or_else(|| {
                lines.push((rest, names[arm].clone(), vec![None; values.len()]));
                lines.len() - 1
            });
            lines[line].2[place] = Some(arm);
        }
        let longest = lines.iter().map(|(.., arms)| arms.iter().flatten().count()).max()?;
        let lines: Vec<_> = lines.into_iter().map(|(_, label, arms)| (label, arms)).collect();
        (lines.len() > 1 && longest > 1).then_some(Self { name: known.name, values, lines })
    }

    /// The mean of an arm's runs that have ended; before, how far its figure has come, which is not yet the number.
    fn cell(shown: &Shown, arm: Option<usize>, waiting: &str) -> (String, Role) {
        let Some(arm) = arm else { return ("-".to_owned(), Role::Faint) };
        let text = |x: f64| number::within(x, 8, |x| format!("{x:.3}"));
        match shown.experiment.alone(&shown.runs, arm).mean {
            Some(mean) => (text(mean), Role::Text),
            None if shown.diverged(arm) > 0 => ("diverged".to_owned(), Role::Bad),
            None => {
                let so_far = shown.figure(arm).map(text);
                (so_far.unwrap_or_else(|| waiting.to_owned()), Role::Muted)
            }
        }
    }

    /// The names of the lines are cut where the numbers would have no room.
    pub fn table<'a>(&self, theme: &'a Theme, shown: &Shown, width: u16) -> Columns<'a> {
        let numbers: Vec<Column> = self
            .values
            .iter()
            .enumerate()
            .map(|(place, value)| {
                let cells = self
                    .lines
                    .iter()
                    .map(|(_, arms)| Self::cell(shown, arms[place], theme.glyphs.ellipsis));
                Column::new(value.to_string(), Cells::Numbers(cells.collect()))
            })
            .collect();
        let taken: usize = numbers.iter().map(|column| column.width() + 1).sum();
        let room = usize::from(width).saturating_sub(taken).max(LEAST_NAME);
        let cut = |text: &str| clip(text, room, theme.glyphs.ellipsis);
        let head = format!("{} by {}", shown.experiment.measured(), self.name);
        let names = self.lines.iter().map(|(label, _)| cut(label));
        let mut columns = vec![Column::new(cut(&head), Cells::words(names))];
        columns.extend(numbers);
        Columns { theme, columns, cursor: None, foot: 0 }
    }

    /// Draws as much as there is room for; the rows that it takes.
    pub fn draw(&self, theme: &Theme, shown: &Shown, area: Rect, buf: &mut Buffer) -> u16 {
        let table = self.table(theme, shown, area.width);
        let height = table.height().min(area.height);
        (&table).render(Rect { height, ..area }, buf);
        height
    }
}
