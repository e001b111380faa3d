//! Signs that are drawn rather than written: solid blocks, Braille, thin lines.

/// What is drawn rather than written: no two fonts agree on these, and few join them from cell to cell.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// A solid block: the part of the cell that it fills (left, top, width, height), in eighths.
    Block([u32; 4]),
    /// Braille, its dots as Unicode counts them.
    Dots(u32),
    /// A thin line from the middle to these sides; round at a corner.
    Line { up: bool, down: bool, left: bool, right: bool, round: bool },
}

impl Shape {
    pub fn of(sign: &str) -> Option<Self> {
        let mut signs = sign.chars();
        let c = signs.next().filter(|_| signs.next().is_none())?;
        let line = |sides: &str, round| Self::Line {
            up: sides.contains('u'),
            down: sides.contains('d'),
            left: sides.contains('l'),
            right: sides.contains('r'),
            round,
        };
        Some(match c {
            '▀' => Self::Block([0, 0, 8, 4]),
            // Lower eighths, up to the whole.
            '\u{2581}'..='\u{2588}' => {
                let eighths = c as u32 - 0x2580;
                Self::Block([0, 8 - eighths, 8, eighths])
            }
            // Left eighths, from seven down.
            '\u{2589}'..='\u{258f}' => Self::Block([0, 0, 0x2590 - c as u32, 8]),
            '▐' => Self::Block([4, 0, 4, 8]),
            '\u{2800}'..='\u{28ff}' => Self::Dots(c as u32 - 0x2800),
            '─' => line("lr", false),
            '│' => line("ud", false),
            '╭' => line("rd", true),
            '╮' => line("ld", true),
            '╰' => line("ru", true),
            '╯' => line("lu", true),
            '┌' => line("rd", false),
            '┐' => line("ld", false),
            '└' => line("ru", false),
            '┘' => line("lu", false),
            '├' => line("udr", false),
            '┤' => line("udl", false),
            '┬' => line("lrd", false),
            '┴' => line("lru", false),
            '┼' => line("lrud", false),
            _ => return None,
        })
    }

    /// Whether both can be in one run: solid blocks where they are the same.
    pub fn goes_with(self, other: Self) -> bool {
        match (self, other) {
            (Self::Block(a), Self::Block(b)) => a == b,
            (Self::Dots(_), Self::Dots(_)) | (Self::Line { .. }, Self::Line { .. }) => true,
            _ => false,
        }
    }
}

/// Column and row of Braille's dots, in the order of Unicode's bits.
pub const DOTS: [[u32; 2]; 8] = [[0, 0], [0, 1], [0, 2], [1, 0], [1, 1], [1, 2], [0, 3], [1, 3]];
