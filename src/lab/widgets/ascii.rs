//! The whole screen on a terminal that shows only ASCII.

use ratatui::buffer::Buffer;

use super::super::theme::Theme;

/// Replaces whatever is not ASCII, one sign for one: arrows, dots and the like by what looks like them, the rest by `?`.
pub fn plain(theme: &Theme, buf: &mut Buffer) {
    if !theme.glyphs.ascii {
        return;
    }
    for cell in &mut buf.content {
        if cell.symbol().is_ascii() {
            continue;
        }
        let ascii = match cell.symbol() {
            "·" => ".",
            "•" => "*",
            "×" => "x",
            "–" | "—" | "─" => "-",
            "…" => "~",
            "→" | "›" | "▸" => ">",
            "←" | "‹" | "◂" => "<",
            "↓" => "v",
            "↑" | "▲" => "^",
            "∞" | "ᵢ" => "i",
            "√" => "V",
            "│" | "┤" | "├" => "|",
            "┬" | "┴" | "┼" | "└" | "┘" | "┌" | "┐" => "+",
            "‘" | "’" => "'",
            "“" | "”" => "\"",
            "₁" => "1",
            "₂" | "²" => "2",
            "₄" => "4",
            "ᵀ" => "T",
            "σ" => "s",
            "μ" => "u",
            "γ" => "g",
            "β" => "b",
            "π" => "p",
            _ => "?",
        };
        cell.set_symbol(ascii);
    }
}
