//! A table as it is: a heat map with the value under the cursor.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};
use ratatui::widgets::Widget;
use unicode_width::UnicodeWidthStr;

use super::chosen::{Embeddings, View};
use super::names;
use super::tables::{Rows, predicts};
use crate::lab::facts::Facts;
use crate::lab::number::{probability, value, within};
use crate::lab::pen::clip;
use crate::lab::theme::Role;
use crate::lab::widgets::heat_map::{Grid, HeatMap, Scale};
use crate::math::Real;
use crate::math::softmax::softmax_row;

const CELLS: [(u16, u16); 4] = [(8, 1), (3, 1), (2, 1), (1, 1)];

fn cursor(pane: &Embeddings, facts: &Facts, view: View, rows: &Rows) -> (usize, usize) {
    let row = if view == View::Positions {
        pane.position(facts, rows.count)
    } else {
        pane.token(facts, rows.count)
    };
    (row, pane.column.min(rows.columns - 1))
}

/// Where the cells stand, below a line of explanation.
pub fn grid(pane: &Embeddings, facts: &Facts, view: View, rows: &Rows, area: Rect) -> Grid {
    let room = Rect { y: area.y + 1, height: area.height.saturating_sub(1), ..area };
    let gutter = if view == View::Positions {
        rows.count.to_string().len() as u16 + 1
    } else {
        names::width(facts) + 1
    };
    Grid::fit(room, gutter, (rows.count, rows.columns), cursor(pane, facts, view, rows), &CELLS)
}

/// Softmax of the rows that are shown.
fn softmax_rows(rows: &Rows, grid: &Grid) -> Vec<Vec<Real>> {
    let shown = grid.rows.first..grid.rows.first + grid.rows.shown;
    shown
        .map(|row| {
            // With the feature f64 the core calculates in f64, while snapshots stay f32.
            #[allow(clippy::useless_conversion)]
            let mut row: Vec<Real> = rows.row(row).iter().map(|&x| x.into()).collect();
            softmax_row(&mut row);
            row
        })
        .collect()
}

pub fn draw(
    pane: &Embeddings,
    facts: &Facts,
    view: View,
    rows: &Rows,
    area: Rect,
    buf: &mut Buffer,
) {
    let theme = facts.theme;
    let grid = grid(pane, facts, view, rows, area);
    let (row, column) = cursor(pane, facts, view, rows);
    let softmax = if view == View::Probabilities { softmax_rows(rows, &grid) } else { Vec::new() };
    #[allow(clippy::unnecessary_cast)]
    let value_at = |row: usize, column: usize| match view {
        View::Probabilities => {
            Some(*softmax.get(row.checked_sub(grid.rows.first)?)?.get(column)? as f64)
        }
        _ => rows.row(row).get(column).map(|&x| f64::from(x)),
    };
    let scale = if view == View::Probabilities {
        Scale::Probability
    } else {
        Scale::signed(rows.values.iter().copied())
    };
    let tokens_across = predicts(facts) && view != View::Positions;
    let row_label = |row: usize| match view {
        View::Positions => (row + 1).to_string(),
        _ => names::name(facts, row),
    };
    // Numbers of columns stand at every eighth column or so, where there is room for them.
    let every = 8 / usize::from(grid.cell.0);
    let column_label = |column: usize| match tokens_across {
        // Words have no room over narrow cells; the one under the cursor is named above.
        true if names::are_words(facts) => {
            let label = facts.label(column as u32);
            let narrow = every > 1;
            if narrow { String::new() } else { clip(&label, 7, theme.glyphs.ellipsis) }
        }
        true => facts.label(column as u32),
        false if every < 2 || column.is_multiple_of(every) => column.to_string(),
        false => String::new(),
    };

    let muted = theme.style(Role::Muted);
    let room = usize::from(area.width);
    let number = value_at(row, column).map_or_else(String::new, |x| {
        within(x, room, if view == View::Probabilities { probability } else { value })
    });
    let what = match view {
        View::Positions => format!("position {}, channel {column} ", row + 1),
        View::Probabilities => {
            format!("p({} after {}) = ", names::name(facts, column), names::name(facts, row))
        }
        _ if tokens_across => {
            format!("logit of {} after {} ", names::name(facts, column), names::name(facts, row))
        }
        _ => format!("{}, channel {column} ", names::name(facts, row)),
    };
    let legend = scale.legend(theme);
    let taken = number.width() + 2 + legend.width();
    // The row's name stands beside it on the map: in little room that is enough.
    let short = format!("{}, channel {column} ", row + 1);
    let mut what =
        if view == View::Positions && what.width() + taken > room { short } else { what };
    // The number is what the line is for; row and column are marked on the map.
    if what.width() + number.width() > room {
        what.clear();
    }
    let with_legend = what.width() + taken <= room;
    let mut spans = vec![Span::raw(what), Span::styled(number, theme.style(Role::Accent))];
    if with_legend {
        spans.push(Span::raw("  "));
        spans.extend(legend.spans);
    }
    let width: usize = spans.iter().map(Span::width).sum();
    let windows: Vec<_> = [("rows", grid.rows), ("columns", grid.columns)]
        .into_iter()
        .filter(|(_, window)| !window.is_whole())
        .map(|(name, window)| format!("{name} {}", window.describe()))
        .collect();
    let windows = format!("   {}", windows.join(", "));
    if width + windows.width() <= room {
        spans.push(Span::styled(windows, muted));
    }
    Line::from(spans).render(Rect { height: 1, ..area }, buf);
    let map = HeatMap {
        theme,
        grid,
        scale,
        value: &value_at,
        hidden: [" ", " "],
        row_label: &row_label,
        column_label: &column_label,
        cursor: (row, column),
    };
    (&map).render(area, buf);
}
