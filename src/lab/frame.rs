//! The frame around every pane: number, title, detail, border, and the line that says what it shows.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::{Line, Span};
use ratatui::widgets::{Block, Padding, Widget};
use unicode_segmentation::UnicodeSegmentation;
use unicode_width::UnicodeWidthStr;

use super::theme::{Role, Theme};

/// What a frame says.
#[derive(Clone, Debug)]
pub struct Frame<'a> {
    /// The key that focuses it; none in a zoom or an overlay.
    pub number: Option<usize>,
    pub title: &'a str,
    /// Beside the title.
    pub detail: &'a str,
    /// On the lower border.
    pub about: &'a str,
    pub focused: bool,
}

impl Frame<'_> {
    /// Draws the frame and returns the room inside it.
    pub fn draw(&self, theme: &Theme, area: Rect, buf: &mut Buffer) -> Rect {
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
        let inner = block.inner(area);
        block.render(area, buf);
        inner
    }
}

/// At most `width` columns of a text, ending in the ellipsis if something is left out.
pub fn clip(text: &str, width: usize, ellipsis: &str) -> String {
    if text.width() <= width {
        return text.to_owned();
    }
    let room = width.saturating_sub(ellipsis.width());
    let mut used = 0;
    let mut out = String::new();
    // What is drawn as one is not cut in two.
    for cluster in text.graphemes(true) {
        let wide = cluster.width();
        if used + wide > room {
            break;
        }
        used += wide;
        out.push_str(cluster);
    }
    if width >= ellipsis.width() {
        out.push_str(ellipsis);
    }
    out
}

/// Writes a text from (x, y) on, clipped to the area; returns the column after it.
pub fn put(buf: &mut Buffer, area: Rect, x: u16, y: u16, text: &str, style: Style) -> u16 {
    if y < area.top() || y >= area.bottom() || x < area.left() || x >= area.right() {
        return x;
    }
    buf.set_stringn(x, y, text, usize::from(area.right() - x), style).0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clipping_counts_columns() {
        assert_eq!(clip("abc", 3, "…"), "abc");
        assert_eq!(clip("abcd", 3, "…"), "ab…");
        assert_eq!(clip("日本語", 4, "…"), "日…");
        assert_eq!(clip("e\u{301}👩\u{200d}🔬ab", 4, "…"), "e\u{301}👩\u{200d}🔬…");
        assert_eq!(clip("e\u{301}👩\u{200d}🔬ab", 3, "…"), "e\u{301}…");
        assert_eq!(clip("abc", 0, "…"), "");
    }
}
