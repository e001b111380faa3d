//! The lesson pane: the page of text, and where it goes on.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::Line;
use ratatui::widgets::{Paragraph, Widget};

use crate::lab::action::Action;
use crate::lab::facts::Facts;
use crate::lab::markdown::Markdown;
use crate::lab::pane::{Column, Pane, Seat, Wish};
use crate::lab::theme::{Role, Theme};
use crate::lesson::{Page, Piece};

/// Wider than this, a line is hard to read.
const READABLE: u16 = 84;

#[derive(Debug, Default)]
pub struct Lesson {
    scroll: u16,
    /// The lesson and the page that were read.
    page: Option<(String, usize)>,
    heading: Markdown,
    body: Markdown,
}

impl Lesson {
    /// The page's lines at this width, heading first.
    fn lines(&self, theme: &Theme, width: u16) -> Vec<Line<'static>> {
        let width = width.min(READABLE);
        let mut lines = self.heading.lines(theme, width);
        lines.push(Line::default());
        lines.extend(self.body.lines(theme, width));
        lines
    }

    /// Lines above the first one shown, at most.
    fn most(&self, facts: &Facts, room: Rect) -> u16 {
        (self.lines(facts.theme, room.width).len() as u16).saturating_sub(room.height)
    }
}

impl Pane for Lesson {
    fn title(&self) -> &'static str {
        "Lesson"
    }

    fn detail(&self, facts: &Facts) -> String {
        format!("page {} of {}", facts.page + 1, facts.lesson.pages.len())
    }

    fn about(&self, facts: &Facts, seat: Seat) -> String {
        if self.most(facts, seat.room) > self.scroll {
            return "more below".to_owned();
        }
        if facts.page + 1 < facts.lesson.pages.len() {
            "n reads on".to_owned()
        } else if let Some(next) = facts.next_lesson {
            format!("n opens {}", next.title)
        } else {
            "the end of the course".to_owned()
        }
    }

    fn draw(&self, facts: &Facts, seat: Seat, buf: &mut Buffer) {
        let area = seat.room;
        let width = area.width.min(READABLE);
        let text = Rect { x: area.x + (area.width - width) / 2, width, ..area };
        let lines = self.lines(facts.theme, width);
        let most = (lines.len() as u16).saturating_sub(area.height);
        let scroll = self.scroll.min(most);
        Paragraph::new(lines).scroll((scroll, 0)).render(text, buf);
        if most > 0 {
            scroll_mark(facts.theme, area, scroll, most, buf);
        }
    }

    fn act(&mut self, facts: &Facts, seat: Seat, action: Action) -> Vec<Wish> {
        let most = self.most(facts, seat.room);
        let page = seat.room.height.saturating_sub(1).max(1);
        // After a resize the page may be shorter than it was scrolled.
        let scroll = self.scroll.min(most);
        self.scroll = match action {
            Action::Up => scroll.saturating_sub(1),
            Action::Down => scroll + 1,
            Action::PageUp => scroll.saturating_sub(page),
            Action::PageDown => scroll + page,
            Action::Home => 0,
            Action::End => most,
            _ => scroll,
        }
        .min(most);
        Vec::new()
    }

    fn refresh(&mut self, facts: &Facts) {
        let page = (facts.lesson.id.as_str(), facts.page);
        let known = self.page.as_ref().map(|(lesson, page)| (lesson.as_str(), *page));
        if known != Some(page) {
            let step = facts.page();
            *self = Self {
                scroll: 0,
                page: Some((page.0.to_owned(), page.1)),
                heading: Markdown::read(&format!("# {}", step.heading)),
                body: Markdown::read(&text(step)),
            };
        }
    }

    fn column(&self) -> Column {
        Column::Side
    }
}

/// What there is to read.
fn text(page: &Page) -> String {
    let texts = page.pieces.iter().filter_map(|piece| match piece {
        Piece::Text { text, .. } => Some(text.as_str()),
        Piece::Item(_) => None,
    });
    texts.collect::<Vec<_>>().join("\n\n")
}

/// Where in the page the lines are, on the right border.
fn scroll_mark(theme: &Theme, area: Rect, scroll: u16, most: u16, buf: &mut Buffer) {
    let size = (u32::from(area.height).pow(2) / u32::from(area.height + most)).max(1) as u16;
    let top = (u32::from(area.height - size) * u32::from(scroll) / u32::from(most)) as u16;
    let x = area.right() + 1;
    for y in area.y + top..area.y + top + size {
        if let Some(cell) = buf.cell_mut((x, y)) {
            let sign = if theme.glyphs.ascii { "#" } else { "┃" };
            cell.set_symbol(sign).set_style(theme.style(Role::Accent));
        }
    }
}
