//! Writing on the screen: by columns, and never outside an area.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::widgets::{Paragraph, Widget, Wrap};
use unicode_segmentation::UnicodeSegmentation;
use unicode_width::UnicodeWidthStr;

use super::theme::{Role, Theme};

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

/// What a pane says that has nothing to show.
pub fn sentence(theme: &Theme, text: &str, area: Rect, buf: &mut Buffer) {
    let style = theme.style(Role::Muted);
    Paragraph::new(text).wrap(Wrap { trim: true }).style(style).render(area, buf);
}

/// A pen that goes down an area.
pub struct Lines<'a> {
    pub theme: &'a Theme,
    pub area: Rect,
    pub y: u16,
    pub buf: &'a mut Buffer,
}

impl<'a> Lines<'a> {
    pub fn new(theme: &'a Theme, area: Rect, buf: &'a mut Buffer) -> Self {
        Self { theme, area, y: area.y, buf }
    }

    pub fn left(&self) -> u16 {
        self.area.bottom().saturating_sub(self.y)
    }

    pub fn line(&mut self, text: &str, style: Style) {
        let text = clip(text, usize::from(self.area.width), self.theme.glyphs.ellipsis);
        put(self.buf, self.area, self.area.x, self.y, &text, style);
        self.y = self.y.saturating_add(1);
    }
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
