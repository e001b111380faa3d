//! The signs that panes write in their texts, on a terminal that shows only ASCII.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::super::theme::Theme;

/// Replaces arrows, dots and the like in this part of the screen, one sign for one. Tokens keep their characters.
pub fn plain(theme: &Theme, area: Rect, buf: &mut Buffer) {
    if !theme.glyphs.ascii {
        return;
    }
    let area = area.intersection(buf.area);
    for position in area.positions() {
        let Some(cell) = buf.cell_mut(position) else { continue };
        let ascii = match cell.symbol() {
            "·" => ".",
            "×" => "x",
            "–" => "-",
            "…" => "~",
            "→" | "›" => ">",
            "↓" => "v",
            "↑" => "^",
            "∞" => "i",
            _ => continue,
        };
        cell.set_symbol(ascii);
    }
}
