//! A small table: words, numbers and bars in columns under their heads. What has no room is left out whole: columns from the
//! right, rows around the one that matters.

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use ratatui::style::Modifier;
use ratatui::widgets::Widget;
use unicode_width::UnicodeWidthStr;

use super::super::pen::put;
use super::super::theme::{Role, Theme};
use super::bar::bar;
use super::heat_map::Window;

/// What stands in a column, from the top down.
#[derive(Clone, Debug)]
pub enum Cells {
    /// Begins at the left.
    Words(Vec<(String, Role)>),
    /// Ends at the right.
    Numbers(Vec<(String, Role)>),
    /// From the first share to the second, both from 0 to 1; as wide as there is room.
    Bars(Vec<[f64; 2]>),
}

impl Cells {
    /// Numbers of one role.
    pub fn numbers(cells: impl IntoIterator<Item = String>) -> Self {
        Self::Numbers(cells.into_iter().map(|text| (text, Role::Text)).collect())
    }

    /// Words of one role.
    pub fn words(cells: impl IntoIterator<Item = String>) -> Self {
        Self::Words(cells.into_iter().map(|text| (text, Role::Text)).collect())
    }

    /// Bars that begin at 0.
    pub fn bars(shares: impl IntoIterator<Item = f64>) -> Self {
        Self::Bars(shares.into_iter().map(|share| [0.0, share]).collect())
    }

    fn len(&self) -> usize {
        match self {
            Self::Words(cells) | Self::Numbers(cells) => cells.len(),
            Self::Bars(shares) => shares.len(),
        }
    }

    fn width(&self) -> usize {
        match self {
            Self::Words(cells) | Self::Numbers(cells) => {
                cells.iter().map(|(text, _)| text.width()).max().unwrap_or(0)
            }
            Self::Bars(_) => LEAST_BAR,
        }
    }
}

/// Columns of a bar at least, and at most.
const LEAST_BAR: usize = 5;
const MOST_BAR: usize = 40;
/// Columns between two columns: fewer where all of them fit then, or more of them.
const GAPS: [u16; 2] = [2, 1];

#[derive(Clone, Debug)]
pub struct Column {
    pub head: String,
    pub role: Role,
    pub cells: Cells,
}

impl Column {
    pub fn new(head: impl Into<String>, cells: Cells) -> Self {
        Self { head: head.into(), role: Role::Heading, cells }
    }

    /// Columns that it takes at least.
    pub fn width(&self) -> usize {
        self.head.width().max(self.cells.width())
    }
}

/// The table.
#[derive(Clone, Debug)]
pub struct Columns<'a> {
    pub theme: &'a Theme,
    pub columns: Vec<Column>,
    /// The row that is marked; past the end, none is, but there is room for the mark.
    pub cursor: Option<usize>,
    /// Rows at the end that stay while others are left out: sums.
    pub foot: usize,
}

/// A column's place.
struct Place {
    x: u16,
    width: u16,
}

impl Columns<'_> {
    fn rows(&self) -> usize {
        self.columns.iter().map(|column| column.cells.len()).max().unwrap_or(0)
    }

    /// The rows that are shown, without those of the foot; and how many of these there are.
    fn window(&self, area: Rect) -> (Window, usize) {
        let room = usize::from(area.height.saturating_sub(1));
        let foot = self.foot.min(self.rows());
        let body = self.rows() - foot;
        let foot = if room > foot { foot } else { 0 };
        let at = self.cursor.filter(|cursor| *cursor < self.rows()).unwrap_or(0);
        (Window::around(at, body, room - foot), foot)
    }

    /// Columns that there is room for.
    fn places(&self, area: Rect) -> Vec<Place> {
        let [wide, narrow] = GAPS.map(|gap| self.placed(area, gap));
        if narrow.len() > wide.len() { narrow } else { wide }
    }

    fn placed(&self, area: Rect, gap: u16) -> Vec<Place> {
        let mut x = area.x + u16::from(self.cursor.is_some());
        let mut places = Vec::new();
        for column in &self.columns {
            let width = column.width() as u16;
            let gap = if places.is_empty() { 0 } else { gap };
            let Some(room) = area.right().checked_sub(x + gap).filter(|room| *room >= width) else {
                break;
            };
            let width = match column.cells {
                Cells::Bars(_) => room.min(MOST_BAR as u16),
                _ => width,
            };
            places.push(Place { x: x + gap, width });
            x += gap + width;
        }
        places
    }

    /// Rows that the table takes if all of it is shown.
    pub fn height(&self) -> u16 {
        self.rows() as u16 + 1
    }

    /// The heads of the columns that there is no room for.
    pub fn left_out(&self, area: Rect) -> Vec<&str> {
        let shown = self.places(area).len();
        self.columns[shown..].iter().map(|column| column.head.as_str()).collect()
    }

    /// The row under a position of the screen.
    pub fn at(&self, area: Rect, position: Position) -> Option<usize> {
        let (window, _) = self.window(area);
        let row = usize::from(position.y.checked_sub(area.y + 1)?);
        (row < window.shown).then_some(window.first + row)
    }

    /// The column under a position of the screen.
    pub fn column_at(&self, area: Rect, position: Position) -> Option<usize> {
        let under = |place: &Place| (place.x..place.x + place.width).contains(&position.x);
        self.places(area).iter().position(under)
    }
}

impl Widget for &Columns<'_> {
    fn render(self, area: Rect, buf: &mut Buffer) {
        let theme = self.theme;
        let (window, foot) = self.window(area);
        let body = self.rows() - self.foot.min(self.rows());
        let rows: Vec<usize> =
            (window.first..window.first + window.shown).chain(body..body + foot).collect();
        let places = self.places(area);
        if let Some(cursor) = self.cursor.filter(|_| !places.is_empty())
            && let Some(row) = rows.iter().position(|row| *row == cursor)
        {
            let y = area.y + 1 + row as u16;
            put(buf, area, area.x, y, theme.glyphs.cursor, theme.style(Role::Accent));
        }
        for (column, place) in self.columns.iter().zip(places) {
            let numbers = matches!(column.cells, Cells::Numbers(_));
            let begin = |text: &str| {
                let free = usize::from(place.width).saturating_sub(text.width()) as u16;
                place.x + if numbers { free } else { 0 }
            };
            put(buf, area, begin(&column.head), area.y, &column.head, theme.style(column.role));
            for (&row, y) in rows.iter().zip(area.y + 1..) {
                match &column.cells {
                    Cells::Words(cells) | Cells::Numbers(cells) => {
                        let Some((text, role)) = cells.get(row) else { continue };
                        put(buf, area, begin(text), y, text, theme.style(*role));
                    }
                    Cells::Bars(shares) => {
                        let Some(&[from, to]) = shares.get(row) else { continue };
                        stretch(theme, from, to, Rect::new(place.x, y, place.width, 1), buf);
                    }
                }
            }
        }
    }
}

/// A bar from one share to another, to an eighth of a column at its end; where it has a length, it is seen.
pub fn stretch(theme: &Theme, from: f64, to: f64, area: Rect, buf: &mut Buffer) {
    if from.is_nan() || to.is_nan() || to <= from || area.width == 0 {
        return;
    }
    let width = f64::from(area.width);
    let skipped = ((from.clamp(0.0, 1.0) * width) as u16).min(area.width - 1);
    let rest = area.width - skipped;
    let share = (to.min(1.0) * width - f64::from(skipped)) / f64::from(rest);
    let text = bar(share, usize::from(rest), &theme.glyphs);
    let style = theme.style(Role::Accent).remove_modifier(Modifier::BOLD);
    put(buf, area, area.x + skipped, area.y, &text, style);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(theme: &Theme) -> Columns<'_> {
        let strings = |all: &[&str]| all.iter().map(|s| (*s).to_owned()).collect::<Vec<_>>();
        Columns {
            theme,
            columns: vec![
                Column::new("n", Cells::words(strings(&["a", "b", "c", "sum"]))),
                Column::new("value", Cells::numbers(strings(&["1", "22", "3.5", "26.5"]))),
                Column::new("", Cells::bars([0.5, 1.0, 0.25])),
            ],
            cursor: Some(1),
            foot: 1,
        }
    }

    fn drawn(table: &Columns, width: u16, height: u16) -> Vec<String> {
        let area = Rect::new(0, 0, width, height);
        let mut buf = Buffer::empty(area);
        table.render(area, &mut buf);
        let row = |y| (0..width).map(|x| buf[(x, y)].symbol()).collect::<String>();
        (0..height).map(|y| row(y).trim_end().to_owned()).collect()
    }

    #[test]
    fn numbers_end_together_and_bars_take_the_rest() {
        let theme = Theme::plain();
        assert_eq!(
            drawn(&table(&theme), 21, 5),
            [
                " n    value",
                " a        1  ████",
                "▸b       22  ████████",
                " c      3.5  ██",
                " sum   26.5"
            ]
        );
    }

    #[test]
    fn what_has_no_room_is_left_out_whole() {
        let theme = Theme::plain();
        let table = table(&theme);
        // A bar needs five columns.
        assert_eq!(drawn(&table, 17, 5)[1], " a       1 ███");
        assert_eq!(drawn(&table, 15, 5)[1], " a        1");
        assert_eq!(table.left_out(Rect::new(0, 0, 15, 5)), [""]);
        assert_eq!(drawn(&table, 10, 5)[2], "▸b      22");
        assert_eq!(drawn(&table, 9, 5)[2], "▸b");
        // Rows go before the sum does, and the one under the cursor stays.
        let low = drawn(&table, 11, 3);
        assert_eq!(low, [" n    value", "▸b       22", " sum   26.5"]);
        assert_eq!(drawn(&table, 11, 2), [" n    value", "▸b       22"]);
        assert_eq!(table.at(Rect::new(0, 0, 11, 3), Position::new(4, 1)), Some(1));
        assert_eq!(table.at(Rect::new(0, 0, 11, 3), Position::new(4, 2)), None);
        for width in 0..24 {
            for height in 0..7 {
                drawn(&table, width, height);
            }
        }
    }

    #[test]
    fn a_stretch_begins_where_the_last_one_ends() {
        let theme = Theme::plain();
        let area = Rect::new(0, 0, 8, 1);
        let mut buf = Buffer::empty(area);
        stretch(&theme, 0.25, 0.75, area, &mut buf);
        let text: String = (0..8).map(|x| buf[(x, 0)].symbol()).collect();
        assert_eq!(text, "  ████  ");
    }
}
