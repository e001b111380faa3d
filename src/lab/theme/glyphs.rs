//! Signs, and plain ones for terminals that show only ASCII.

use ratatui::symbols::{border, marker::Marker};

use crate::text::shown;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Glyphs {
    pub ascii: bool,
    /// From empty to full.
    pub shades: &'static [&'static str],
    /// Parts of a horizontal bar's last cell, from an eighth to a whole.
    pub bar: &'static [&'static str],
    /// Small columns, from low to high.
    pub columns: &'static [&'static str],
    pub horizontal: &'static str,
    pub vertical: &'static str,
    pub dotted: &'static str,
    pub dashed: &'static str,
    pub cursor: &'static str,
    pub bullet: &'static str,
    pub training: &'static str,
    pub paused: &'static str,
    pub done: &'static str,
    pub failed: &'static str,
    pub arrow: &'static str,
    pub ellipsis: &'static str,
    pub left: &'static str,
    pub right: &'static str,
    pub knob: &'static str,
    /// What the learner has predicted.
    pub guess: &'static str,
    pub track: &'static str,
    /// How a space and a line break look as tokens.
    pub space: &'static str,
    pub newline: &'static str,
    pub tab: &'static str,
}

impl Glyphs {
    pub const UNICODE: Self = Self {
        ascii: false,
        shades: &[" ", "░", "▒", "▓", "█"],
        bar: &["▏", "▎", "▍", "▌", "▋", "▊", "▉", "█"],
        columns: &["▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"],
        horizontal: "─",
        vertical: "│",
        dotted: "┈",
        dashed: "╌",
        cursor: "▸",
        bullet: "•",
        training: "●",
        paused: "‖",
        done: "✓",
        failed: "✗",
        arrow: "→",
        ellipsis: "…",
        left: "◂",
        right: "▸",
        knob: "●",
        guess: "◆",
        track: "━",
        space: shown::SPACE,
        newline: shown::NEWLINE,
        tab: shown::TAB,
    };

    pub const ASCII: Self = Self {
        ascii: true,
        shades: &[" ", ".", ":", "*", "#"],
        bar: &["-", "-", "=", "=", "=", "#", "#", "#"],
        columns: &[".", ".", ":", ":", "|", "|", "#", "#"],
        horizontal: "-",
        vertical: "|",
        dotted: ".",
        dashed: "-",
        cursor: ">",
        bullet: "*",
        training: "*",
        paused: "=",
        done: "+",
        failed: "x",
        arrow: "->",
        ellipsis: "~",
        left: "<",
        right: ">",
        knob: "o",
        guess: "@",
        track: "-",
        space: shown::ASCII_SPACE,
        newline: shown::ASCII_NEWLINE,
        tab: shown::ASCII_TAB,
    };

    pub fn border(&self) -> border::Set<'static> {
        if self.ascii { ASCII_BORDER } else { border::ROUNDED }
    }

    /// What curves are drawn with.
    pub fn marker(&self) -> Marker {
        if self.ascii { Marker::Dot } else { Marker::Braille }
    }
}

const ASCII_BORDER: border::Set<'static> = border::Set {
    top_left: "+",
    top_right: "+",
    bottom_left: "+",
    bottom_right: "+",
    vertical_left: "|",
    vertical_right: "|",
    horizontal_top: "-",
    horizontal_bottom: "-",
};
