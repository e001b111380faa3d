//! The border around every pane: number, title, detail, and the line that says what it shows.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::{Line, Span};
use ratatui::widgets::{Block, Padding, Widget};
use unicode_width::UnicodeWidthStr;

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
            let detail = shortened(self.detail, room - fixed - 3, ellipsis);
            if !detail.is_empty() {
                top.insert(3, Span::styled(format!("  {detail}"), muted));
            }
        }
        let mut block = Block::bordered()
            .border_set(theme.glyphs.border())
            .border_style(border)
            .padding(Padding::horizontal(1))
            .title_top(Line::from(top));
        if !self.about.is_empty() && room > 8 {
            let about = shortened(self.about, room - 2, ellipsis);
            if !about.is_empty() {
                block = block.title_bottom(
                    Line::from(Span::styled(format!(" {about} "), muted)).right_aligned(),
                );
            }
        }
        block.render(area, buf);
    }
}

/// As many of a text's parts, from the first on, as `width` columns hold; where not even the first fits, its first words.
fn shortened(text: &str, width: usize, ellipsis: &str) -> String {
    if text.width() <= width {
        return text.to_owned();
    }
    let before = |separator| text.match_indices(separator).map(|(at, _)| &text[..at]);
    let parts = before(" · ").chain(before("; ")).filter(|part| part.width() <= width);
    if let Some(part) = parts.max_by_key(|part| part.len()) {
        return part.to_owned();
    }
    let words = before(" ").filter(|words| words.width() + ellipsis.width() <= width);
    words.last().map_or_else(String::new, |words| format!("{words}{ellipsis}"))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_does_not_fit_is_left_out_at_a_separator_or_between_words() {
        let short = |width| shortened("head 1 of 4 · softmax; by row", width, "…");
        assert_eq!(short(29), "head 1 of 4 · softmax; by row");
        assert_eq!(short(28), "head 1 of 4 · softmax");
        assert_eq!(short(20), "head 1 of 4");
        assert_eq!(short(10), "head 1 of…");
        assert_eq!(short(7), "head 1…");
        assert_eq!(short(4), "");
    }
}
