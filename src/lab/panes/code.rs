//! The code pane: this program's own source of what the page is about, with its formula above it.

mod colouring;
#[cfg(test)]
mod tests;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};
use ratatui::widgets::{Paragraph, Widget, Wrap};
use unicode_width::UnicodeWidthStr;

use crate::lab::action::Action;
use crate::lab::facts::Facts;
use crate::lab::pane::{Pane, Seat, Wish};
use crate::lab::pen::{clip, put, sentence};
use crate::lab::theme::Role;
use crate::lesson::source::{Region, UnknownRegion, region};
use colouring::{Kind, pieces};

/// Lines that a page up or down moves by.
const PAGE: usize = 8;
/// From this height on the formula stands above the code.
const WITH_FORMULA: u16 = 10;

/// A piece of source that the page names, and the code that training runs for it.
#[derive(Debug)]
struct Piece {
    plain: Result<Region, UnknownRegion>,
    kernel: Option<Region>,
    /// What the text speaks of.
    line: Option<String>,
}

#[derive(Debug, Default)]
pub struct Code {
    /// What the page names: a region, and a part of the line that the text speaks of.
    wanted: Vec<(String, Option<String>)>,
    pieces: Vec<Piece>,
    /// Which of them is shown.
    at: usize,
    /// Whether the kernel is shown instead of the plain form.
    kernel: bool,
    /// Lines above the first one shown; `None`: where the lit line is seen.
    scroll: Option<usize>,
}

impl Code {
    /// Shows these regions, from the first one on. A part of a line lights that line.
    pub fn show(&mut self, wanted: &[(String, Option<String>)]) {
        if self.wanted == wanted {
            return;
        }
        let piece = |(name, line): &(String, Option<String>)| {
            let plain = region(name);
            let kernel = plain.as_ref().ok().and_then(|plain| region(plain.kernel?).ok());
            Piece { plain, kernel, line: line.clone() }
        };
        *self = Self {
            wanted: wanted.to_vec(),
            pieces: wanted.iter().map(piece).collect(),
            ..Self::default()
        };
    }

    fn piece(&self) -> Option<&Piece> {
        self.pieces.get(self.at)
    }

    /// What is on the screen.
    fn region(&self) -> Option<&Region> {
        let piece = self.piece()?;
        piece.kernel.as_ref().filter(|_| self.kernel).or(piece.plain.as_ref().ok())
    }

    /// Index of the line that the text speaks of.
    fn lit(&self) -> Option<usize> {
        let part = self.piece()?.line.as_ref()?;
        self.region()?.line(part)
    }

    /// Lines above the first one shown, where `rows` are.
    fn first(&self, rows: usize) -> usize {
        let Some(region) = self.region() else { return 0 };
        let most = region.text.lines().count().saturating_sub(rows);
        // Without a wish of the learner's the lit line stands in the middle.
        let start = self.lit().map_or(0, |lit| lit.saturating_sub(rows / 2));
        self.scroll.unwrap_or(start).min(most)
    }

    fn go(&mut self, at: usize) {
        if at != self.at && at < self.pieces.len() {
            (self.at, self.kernel, self.scroll) = (at, false, None);
        }
    }
}

/// The rows above the code, and the room for it.
struct Places {
    name: Rect,
    formula: Rect,
    code: Rect,
}

fn places(region: &Region, area: Rect) -> Places {
    let name = Rect { height: u16::from(area.height > 3), ..area };
    let below = Rect { y: area.y + name.height, height: area.height - name.height, ..area };
    let formula = paragraph(&region.formula).line_count(area.width) as u16;
    // A formula that would take the code's room is left out whole.
    let fits = area.height >= WITH_FORMULA && formula < area.height / 3;
    let height = if fits && !region.formula.is_empty() { formula + 1 } else { 0 };
    Places {
        name,
        formula: Rect { height: height.saturating_sub(1), ..below },
        code: Rect { y: below.y + height, height: below.height - height, ..below },
    }
}

fn paragraph(text: &str) -> Paragraph<'_> {
    Paragraph::new(text).wrap(Wrap { trim: true })
}

impl Pane for Code {
    fn title(&self) -> &'static str {
        "Code"
    }

    fn detail(&self, _facts: &Facts) -> String {
        let region = self.region();
        region.map_or_else(String::new, |region| {
            let line = region.first_line + self.lit().unwrap_or(0);
            format!("{}:{line}", region.file)
        })
    }

    fn about(&self, _facts: &Facts, _seat: Seat) -> String {
        match self.piece().map(|piece| (piece.kernel.is_some(), self.kernel)) {
            Some((true, false)) => "plain form; v: what training runs",
            Some((true, true)) => "what training runs; v: plain form",
            _ => "this program's own source",
        }
        .to_owned()
    }

    fn draw(&self, facts: &Facts, seat: Seat, buf: &mut Buffer) {
        let (theme, area) = (facts.theme, seat.room);
        let Some(region) = self.region() else {
            let text = match self.piece().map(|piece| &piece.plain) {
                Some(Err(unknown)) => format!("{unknown}."),
                _ => "This page speaks of no code.".to_owned(),
            };
            return sentence(theme, &text, area, buf);
        };
        let places = places(region, area);
        let muted = theme.style(Role::Muted);
        if !places.name.is_empty() {
            let end = put(
                buf,
                places.name,
                area.x,
                area.y,
                &clip(&region.name, area.width.into(), theme.glyphs.ellipsis),
                theme.style(Role::Accent),
            );
            let count = self.pieces.len();
            let which = format!(
                "  {} of {count}: {}{}",
                self.at + 1,
                theme.glyphs.left,
                theme.glyphs.right
            );
            if count > 1 && usize::from(area.right() - end) >= which.width() {
                put(buf, places.name, end, area.y, &which, muted);
            }
        }
        paragraph(&region.formula).style(theme.style(Role::Code)).render(places.formula, buf);
        self.lines(facts, region, places.code, buf);
    }

    fn act(&mut self, _facts: &Facts, seat: Seat, action: Action) -> Vec<Wish> {
        let Some(region) = self.region() else { return Vec::new() };
        let rows = usize::from(places(region, seat.room).code.height);
        let most = region.text.lines().count().saturating_sub(rows);
        let first = self.first(rows);
        let to = match action {
            Action::Up => first.saturating_sub(1),
            Action::Down => first + 1,
            Action::PageUp => first.saturating_sub(PAGE),
            Action::PageDown => first + PAGE,
            Action::Home => 0,
            Action::End => most,
            Action::Left => {
                self.go(self.at.saturating_sub(1));
                return Vec::new();
            }
            Action::Right => {
                self.go(self.at + 1);
                return Vec::new();
            }
            Action::CycleView => {
                if self.piece().is_some_and(|piece| piece.kernel.is_some()) {
                    (self.kernel, self.scroll) = (!self.kernel, None);
                }
                return Vec::new();
            }
            _ => return Vec::new(),
        };
        self.scroll = Some(to.min(most));
        Vec::new()
    }

    fn refresh(&mut self, facts: &Facts) {
        let named = facts.page().code();
        self.show(&named.map(|code| (code.show.clone(), code.line.clone())).collect::<Vec<_>>());
    }

    fn understands(&self) -> &'static [Action] {
        &[Action::Left, Action::Right, Action::CycleView]
    }
}

impl Code {
    /// `  14 ▸    let mut sum = 0.0;`
    fn lines(&self, facts: &Facts, region: &Region, area: Rect, buf: &mut Buffer) {
        let theme = facts.theme;
        let lines: Vec<&str> = region.text.lines().collect();
        // What stands in an `impl` block begins at the left as well.
        let indent = lines.first().map_or(0, |line| line.len() - line.trim_start().len());
        let first = self.first(area.height.into());
        let lit = self.lit();
        let gutter = (region.first_line + lines.len()).to_string().len();
        for (i, row) in (first..lines.len()).zip(area.rows()) {
            let is_lit = lit == Some(i);
            let number = format!("{:>gutter$}", region.first_line + i);
            let number_role = if is_lit { Role::Accent } else { Role::Faint };
            let x = put(buf, row, row.x, row.y, &number, theme.style(number_role));
            let sign = if is_lit { theme.glyphs.cursor } else { " " };
            let x = put(buf, row, x, row.y, sign, theme.style(Role::Accent));
            let room = Rect { x, width: row.right().saturating_sub(x), ..row };
            let text = lines[i].get(indent..).unwrap_or_default();
            let text = clip(text, room.width.into(), theme.glyphs.ellipsis);
            let style = |kind| {
                theme.style(match kind {
                    _ if is_lit => Role::Selected,
                    Kind::Comment => Role::Muted,
                    Kind::Keyword => Role::Heading,
                    Kind::Number => Role::Digit,
                    Kind::Other => Role::Text,
                })
            };
            let spans = pieces(&text).into_iter();
            spans
                .map(|(kind, text)| Span::styled(text, style(kind)))
                .collect::<Line>()
                .render(room, buf);
        }
    }
}
