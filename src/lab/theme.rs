//! Colours and signs by what they mean: roles x {RGB, 256, 16, none} x {dark, light}.
//!
//! Body text is the terminal's own foreground. Nothing is told by colour alone: without colour, roles differ by bold,
//! underline, reverse or dim, and heat maps by shaded signs.

mod colour;
pub mod detect;
mod glyphs;

use ratatui::style::{Color, Modifier, Style};

pub use glyphs::Glyphs;

/// How many colours the terminal has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Depth {
    Rgb,
    Indexed,
    Ansi,
    None,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ground {
    Dark,
    Light,
}

/// What a piece of the screen means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Body text.
    Text,
    /// Second to the text: units, explanations, axis labels.
    Muted,
    /// Hardly there: grid lines, borders of panes without focus.
    Faint,
    /// A heading in a lesson, a column's head.
    Heading,
    /// Titles and borders of the focused pane, the cursor's row.
    Accent,
    /// Code and formulas.
    Code,
    /// A key to press.
    Key,
    /// Under the cursor.
    Selected,
    Good,
    Warning,
    Bad,
    /// The raw training loss, step by step.
    TrainRaw,
    /// The training loss: smoothed, and as estimated.
    Train,
    /// The validation loss.
    Validation,
    /// An earlier run's curve; a few shades in turn.
    Ghost(u8),
    /// Reference lines counted from the corpus.
    Reference,
    /// Where a hyperparameter changed.
    Marker,
    // One colour each for the names of dimensions, in text, axes and panes.
    Batch,
    Time,
    Channel,
    HeadSize,
    Vocabulary,
    // Classes of characters.
    Vowel,
    Consonant,
    Capital,
    Digit,
    Punctuation,
    Space,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Theme {
    pub depth: Depth,
    pub ground: Ground,
    pub glyphs: Glyphs,
}

impl Theme {
    pub const fn new(depth: Depth, ground: Ground, glyphs: Glyphs) -> Self {
        Self { depth, ground, glyphs }
    }

    /// For tests: no colour, Unicode signs.
    pub const fn plain() -> Self {
        Self::new(Depth::None, Ground::Dark, Glyphs::UNICODE)
    }

    pub fn style(&self, role: Role) -> Style {
        let style = Style::new().add_modifier(modifier(role, self.depth));
        match colour::of(role, self.depth, self.ground) {
            Some(colour) => style.fg(colour),
            None => style,
        }
    }

    /// The colour of a role alone, for canvases and charts; the terminal's own where there is none.
    pub fn colour(&self, role: Role) -> Color {
        colour::of(role, self.depth, self.ground).unwrap_or(Color::Reset)
    }

    /// Whether heat maps may use colour; otherwise they use [`Theme::shade`].
    pub fn has_ramp(&self) -> bool {
        matches!(self.depth, Depth::Rgb | Depth::Indexed)
    }

    /// The colour of a share from 0 (like the ground) to 1; clamped, not finite counts as 0.
    pub fn ramp(&self, share: f64) -> Color {
        colour::ramp(unit(share), self.depth, self.ground)
    }

    /// The colour of a signed value from -1 through 0 (like the ground) to 1.
    pub fn diverging(&self, value: f64) -> Color {
        let value = if value.is_finite() { value.clamp(-1.0, 1.0) } else { 0.0 };
        colour::diverging(value, self.depth, self.ground)
    }

    /// One heat-map cell for a share from 0 to 1, `width` columns wide: a sign and its style, readable with and without
    /// colour.
    pub fn cell(&self, share: f64) -> (&'static str, Style) {
        let share = unit(share);
        if self.has_ramp() {
            let ink = colour::ink(share, self.ground);
            (" ", Style::new().bg(self.ramp(share)).fg(ink))
        } else {
            (self.shade(share), Style::new())
        }
    }

    /// The sign of a share from 0 to 1 on the shade ramp.
    pub fn shade(&self, share: f64) -> &'static str {
        let ramp = self.glyphs.shades;
        ramp[((unit(share) * ramp.len() as f64) as usize).min(ramp.len() - 1)]
    }

    /// The role of a ghost's curve.
    pub fn ghost(&self, index: usize) -> Style {
        self.style(Role::Ghost((index % 3) as u8))
    }
}

fn unit(share: f64) -> f64 {
    if share.is_finite() { share.clamp(0.0, 1.0) } else { 0.0 }
}

/// What sets a role apart besides its colour.
fn modifier(role: Role, depth: Depth) -> Modifier {
    match role {
        Role::Heading | Role::Key | Role::Accent | Role::Warning => Modifier::BOLD,
        Role::Selected => Modifier::REVERSED,
        Role::Bad => Modifier::BOLD.union(if depth == Depth::None {
            Modifier::UNDERLINED
        } else {
            Modifier::empty()
        }),
        Role::Muted | Role::Faint | Role::TrainRaw | Role::Reference | Role::Ghost(_)
            if matches!(depth, Depth::None | Depth::Ansi) =>
        {
            Modifier::DIM
        }
        Role::Batch | Role::Time | Role::Channel | Role::HeadSize | Role::Vocabulary => {
            Modifier::ITALIC
        }
        _ => Modifier::empty(),
    }
}

/// The role of a dimension's name as lessons write it.
pub fn dimension(name: &str) -> Option<Role> {
    Some(match name {
        "B" => Role::Batch,
        "T" => Role::Time,
        "C" | "4C" => Role::Channel,
        "hs" => Role::HeadSize,
        "V" => Role::Vocabulary,
        _ => return None,
    })
}

/// The class of a character, as the embeddings pane colours it.
pub fn class(c: char) -> Role {
    match c {
        c if c.is_whitespace() => Role::Space,
        c if c.is_numeric() => Role::Digit,
        c if c.is_uppercase() => Role::Capital,
        'a' | 'e' | 'i' | 'o' | 'u' => Role::Vowel,
        c if c.is_alphabetic() => Role::Consonant,
        _ => Role::Punctuation,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn body_text_is_the_terminals_own() {
        for depth in [Depth::Rgb, Depth::Indexed, Depth::Ansi, Depth::None] {
            for ground in [Ground::Dark, Ground::Light] {
                let theme = Theme::new(depth, ground, Glyphs::UNICODE);
                assert_eq!(theme.style(Role::Text), Style::new());
            }
        }
    }

    #[test]
    fn without_colour_there_is_none() {
        let theme = Theme::plain();
        for role in [Role::Accent, Role::Bad, Role::Train, Role::Ghost(2), Role::Vowel] {
            assert_eq!(theme.style(role).fg, None);
            assert_eq!(theme.colour(role), Color::Reset);
        }
        assert_eq!(theme.cell(1.0), ("█", Style::new()));
        assert_eq!(theme.cell(f64::NAN).0, " ");
    }

    #[test]
    fn shares_outside_the_unit_are_clamped() {
        let theme = Theme::new(Depth::Rgb, Ground::Dark, Glyphs::UNICODE);
        assert_eq!(theme.ramp(-3.0), theme.ramp(0.0));
        assert_eq!(theme.ramp(7.0), theme.ramp(1.0));
        assert_eq!(theme.diverging(f64::INFINITY), theme.diverging(0.0));
        assert_ne!(theme.diverging(-1.0), theme.diverging(1.0));
    }

    #[test]
    fn classes_of_characters() {
        assert_eq!(class('e'), Role::Vowel);
        assert_eq!(class('E'), Role::Capital);
        assert_eq!(class('\n'), Role::Space);
        assert_eq!(class('3'), Role::Digit);
        assert_eq!(class(';'), Role::Punctuation);
    }
}
