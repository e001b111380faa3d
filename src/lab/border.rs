//! The border around every pane: number, title, detail, and the line that says what it shows.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::{Line, Span};
use ratatui::widgets::{Block, Padding, Widget};
use unicode_width::UnicodeWidthStr;

use super::pen::clip;
use super::theme::{Role, Theme};

/// What a border says.
#[derive(Clone, Debug)]
pub struct Border<'a> {
    /// The key that focuses it; none in a zoom or an overlay.
    pub number: Option<usize>,
    pub title: &'a str,
    /// Beside the title.
    pub detail: &'a str,
    /// On the lower border.
    pub about: &'a str,
    pub focused: bool,
}

impl Border<'_> {
    /// Draws the border; what stands in it has [`inside`] for itself.
    pub fn draw(&self, theme: &Theme, area: Rect, buf: &mut Buffer) {
        let border = theme.style(if self.focused { Role::Accent } else { Role::Faint });
        // What stands on the border would take on its colour and weight.
        let title =
            Style::reset().patch(theme.style(if self.focused { Role::Accent } else { Role::Text }));
        let muted = Style::reset().patch(theme.style(Role::Muted));
        let ellipsis = theme.glyphs.ellipsis;

        let room = usize::from(area.width).saturating_sub(4);
        let number = self.number.map_or(String::new(), |n| format!("{n} "));
        let fixed = number.width() + self.title.width();
        let mut top = vec![
            Span::styled(" ", border),
            Span::styled(number, Style::reset().patch(theme.style(Role::Key))),
            Span::styled(self.title, title),
            Span::styled(" ", border),
        ];
        if !self.detail.is_empty() && room > fixed + 4 {
            let detail = clip(self.detail, room - fixed - 3, ellipsis);
            top.insert(3, Span::styled(format!("  {detail}"), muted));
        }
        let mut block = Block::bordered()
            .border_set(theme.glyphs.border())
            .border_style(border)
            .padding(Padding::horizontal(1))
            .title_top(Line::from(top));
        if !self.about.is_empty() && room > 8 {
            let about = clip(self.about, room - 2, ellipsis);
            block = block.title_bottom(
                Line::from(Span::styled(format!(" {about} "), muted)).right_aligned(),
            );
        }
        block.render(area, buf);
    }
}

/// The room inside the border of an area.
pub fn inside(area: Rect) -> Rect {
    Rect {
        x: area.x + 2,
        y: area.y + 1,
        width: area.width.saturating_sub(4),
        height: area.height.saturating_sub(2),
    }
}
