//! The lesson pane: the page of text, and where it goes on.

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use ratatui::text::Line;
use ratatui::widgets::{Paragraph, Widget};

use super::{Look, PaneId};
use crate::lab::action::Action;
use crate::lab::markdown;
use crate::lab::model::{Effect, Model};
use crate::lab::theme::Role;
use crate::train::Subscription;

/// Wider than this, a line is hard to read.
const READABLE: u16 = 84;

#[derive(Debug, Default)]
pub struct State {
    scroll: u16,
    /// The lesson and page it belongs to.
    page: (usize, usize),
}

pub fn detail(model: &Model) -> String {
    let pages = model.lesson().steps.len();
    format!("page {} of {pages}", model.page + 1)
}

pub fn about(model: &Model) -> String {
    let area = model.layout().area(PaneId::Lesson).unwrap_or_default();
    if below(model, area) > 0 {
        return "more below".to_owned();
    }
    if model.page + 1 < model.lesson().steps.len() {
        "n reads on".to_owned()
    } else if let Some(next) = model.lessons.get(model.lesson + 1) {
        format!("n opens {}", next.title)
    } else {
        "the end of the course".to_owned()
    }
}

/// The page's lines at this width, heading first.
fn lines(model: &Model, width: u16) -> Vec<Line<'static>> {
    let page = model.page();
    let mut lines = markdown::render(&format!("# {}", page.heading), &model.theme, width);
    lines.push(Line::default());
    lines.extend(markdown::render(&page.body, &model.theme, width));
    lines
}

/// Lines that do not fit below, in a pane with this outer area.
fn below(model: &Model, area: Rect) -> u16 {
    let (width, height) = (area.width.saturating_sub(4), area.height.saturating_sub(2));
    let all = lines(model, width.min(READABLE)).len() as u16;
    all.saturating_sub(height).saturating_sub(model.panes.lesson.scroll)
}

pub fn draw(model: &Model, _look: Look, area: Rect, buf: &mut Buffer) {
    let width = area.width.min(READABLE);
    let text = Rect { x: area.x + (area.width - width) / 2, width, ..area };
    let lines = lines(model, width);
    let most = (lines.len() as u16).saturating_sub(area.height);
    let scroll = model.panes.lesson.scroll.min(most);
    Paragraph::new(lines).scroll((scroll, 0)).render(text, buf);
    if most > 0 {
        scroll_mark(model, area, scroll, most, buf);
    }
}

/// Where in the page the lines are, on the right border.
fn scroll_mark(model: &Model, area: Rect, scroll: u16, most: u16, buf: &mut Buffer) {
    let size = (u32::from(area.height).pow(2) / u32::from(area.height + most)).max(1) as u16;
    let top = (u32::from(area.height - size) * u32::from(scroll) / u32::from(most)) as u16;
    let x = area.right() + 1;
    for y in area.y + top..area.y + top + size {
        if let Some(cell) = buf.cell_mut((x, y)) {
            let sign = if model.theme.glyphs.ascii { "#" } else { "┃" };
            cell.set_symbol(sign).set_style(model.theme.style(Role::Accent));
        }
    }
}

pub fn update(model: &mut Model, action: Action) -> Vec<Effect> {
    let area = model.layout().area(PaneId::Lesson).unwrap_or_default();
    let page = area.height.saturating_sub(3).max(1);
    let left = below(model, area);
    let scroll = &mut model.panes.lesson.scroll;
    match action {
        Action::Up => *scroll = scroll.saturating_sub(1),
        Action::Down => *scroll += left.min(1),
        Action::PageUp => *scroll = scroll.saturating_sub(page),
        Action::PageDown => *scroll += left.min(page),
        Action::Home => *scroll = 0,
        Action::End => *scroll += left,
        _ => {}
    }
    Vec::new()
}

pub fn click(_model: &mut Model, _area: Rect, _at: Position) -> Vec<Effect> {
    Vec::new()
}

pub fn subscribe(_model: &Model, _wanted: &mut Subscription) {}

pub fn refresh(model: &mut Model) {
    let page = (model.lesson, model.page);
    let area = model.layout().area(PaneId::Lesson).unwrap_or_default();
    if model.panes.lesson.page != page {
        model.panes.lesson = State { scroll: 0, page };
    } else if !area.is_empty() {
        // After a resize the page may be shorter than it was scrolled.
        let (width, height) = (area.width.saturating_sub(4), area.height.saturating_sub(2));
        let most = (lines(model, width.min(READABLE)).len() as u16).saturating_sub(height);
        model.panes.lesson.scroll = model.panes.lesson.scroll.min(most);
    }
}
