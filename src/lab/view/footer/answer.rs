//! The line that a lesson's question is answered in.

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use ratatui::widgets::{Clear, Widget};
use unicode_width::UnicodeWidthStr;

use crate::lab::model::Model;
use crate::lab::overlays::AnswerLine;
use crate::lab::pen::{clip, put};
use crate::lab::theme::Role;

/// Draws it over the footer; where a number is typed the text cursor stands in it.
pub fn draw(model: &Model, line: &AnswerLine, area: Rect, buf: &mut Buffer) -> Option<Position> {
    let theme = &model.theme;
    Clear.render(area, buf);
    let (key, muted) = (theme.style(Role::Key), theme.style(Role::Muted));
    let x = area.x + 1;
    if line.answer.is_some() {
        let x = put(buf, area, x, area.y, "how sure?  1", key) + 1;
        let x = put(buf, area, x, area.y, "a guess", muted) + 2;
        let x = put(buf, area, x, area.y, "2 3 4", key) + 2;
        let x = put(buf, area, x, area.y, "5", key) + 1;
        let x = put(buf, area, x, area.y, "certain", muted) + 3;
        let x = put(buf, area, x, area.y, "esc", key) + 1;
        put(buf, area, x, area.y, "back", muted);
        return None;
    }
    let choices = line.item.question().map_or(&[][..], |question| question.choices);
    if choices.is_empty() {
        let mut at = put(buf, area, x, area.y, "your number: ", theme.style(Role::Accent));
        let cursor = at + line.input.visual_cursor() as u16;
        at = put(buf, area, at, area.y, line.input.value(), theme.style(Role::Text)) + 3;
        if let Some(error) = &line.error {
            put(buf, area, at, area.y, error, theme.style(Role::Warning));
        } else {
            at = put(buf, area, at.max(x + 28), area.y, "enter", key) + 1;
            at = put(buf, area, at, area.y, "answers", muted) + 3;
            at = put(buf, area, at, area.y, "esc", key) + 1;
            put(buf, area, at, area.y, "leaves it", muted);
        }
        return Some(Position::new(cursor.min(area.right().saturating_sub(1)), area.y));
    }
    // The page has them in full; here each gets an equal part of the line.
    let room = usize::from(area.width.saturating_sub(2)) / choices.len();
    let mut at = x;
    for (place, choice) in choices.iter().enumerate() {
        let letter = char::from(b'a' + place as u8);
        let choice = model.facts().fill(choice);
        let text = clip(&choice, room.saturating_sub(4), theme.glyphs.ellipsis);
        let style = if place == line.choice { theme.style(Role::Selected) } else { muted };
        let after = put(buf, area, at, area.y, &format!("{letter} "), key);
        put(buf, area, after, area.y, &text, style);
        at += (text.width() + 4) as u16;
    }
    None
}
