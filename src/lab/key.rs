//! A key as the action table writes it, and how a terminal's key event becomes one.

use std::fmt;

use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyEventKind, KeyModifiers};

/// A key with its modifiers. Shift is part of the character (`N`, `?`), never a modifier.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Key {
    pub code: KeyCode,
    pub control: bool,
}

/// A plain character.
pub const fn char(c: char) -> Key {
    Key { code: KeyCode::Char(c), control: false }
}

/// A character with ctrl held.
pub const fn ctrl(c: char) -> Key {
    Key { code: KeyCode::Char(c), control: true }
}

/// A key with a name: enter, the arrows, …
pub const fn named(code: KeyCode) -> Key {
    Key { code, control: false }
}

/// Whether a key event is a key of the lab: a press, and with nothing held but shift and ctrl. Alt+q is not q.
pub fn is_plain(event: &KeyEvent) -> bool {
    let plain = KeyModifiers::SHIFT | KeyModifiers::CONTROL;
    event.kind != KeyEventKind::Release && plain.contains(event.modifiers)
}

impl From<KeyEvent> for Key {
    fn from(event: KeyEvent) -> Self {
        let control = event.modifiers.contains(KeyModifiers::CONTROL);
        let code = match event.code {
            // Some terminals report ctrl-C with shift as an upper-case letter.
            KeyCode::Char(c) if control => KeyCode::Char(c.to_ascii_lowercase()),
            KeyCode::Tab if event.modifiers.contains(KeyModifiers::SHIFT) => KeyCode::BackTab,
            code => code,
        };
        Self { code, control }
    }
}

impl Key {
    /// How it is written on the screen; `ascii` avoids arrows.
    pub fn label(self, ascii: bool) -> String {
        let name = match self.code {
            KeyCode::Char(' ') => "space".to_owned(),
            KeyCode::Char(c) => c.to_string(),
            KeyCode::Enter => "enter".to_owned(),
            KeyCode::Esc => "esc".to_owned(),
            KeyCode::Tab => "tab".to_owned(),
            KeyCode::BackTab => "shift-tab".to_owned(),
            KeyCode::Up if !ascii => "↑".to_owned(),
            KeyCode::Down if !ascii => "↓".to_owned(),
            KeyCode::Left if !ascii => "←".to_owned(),
            KeyCode::Right if !ascii => "→".to_owned(),
            KeyCode::Up => "up".to_owned(),
            KeyCode::Down => "down".to_owned(),
            KeyCode::Left => "left".to_owned(),
            KeyCode::Right => "right".to_owned(),
            KeyCode::PageUp => "pgup".to_owned(),
            KeyCode::PageDown => "pgdn".to_owned(),
            KeyCode::Home => "home".to_owned(),
            KeyCode::End => "end".to_owned(),
            KeyCode::Backspace => "backspace".to_owned(),
            KeyCode::Delete => "del".to_owned(),
            code => format!("{code:?}").to_lowercase(),
        };
        if self.control { format!("ctrl-{name}") } else { name }
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.label(false))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shift_belongs_to_the_character() {
        let event = KeyEvent::new(KeyCode::Char('N'), KeyModifiers::SHIFT);
        assert_eq!(Key::from(event), char('N'));
        let event = KeyEvent::new(KeyCode::BackTab, KeyModifiers::SHIFT);
        assert_eq!(Key::from(event), named(KeyCode::BackTab));
        let event = KeyEvent::new(KeyCode::Char('C'), KeyModifiers::CONTROL | KeyModifiers::SHIFT);
        assert_eq!(Key::from(event), ctrl('c'));
    }

    #[test]
    fn a_key_with_alt_or_its_like_is_none_of_ours() {
        let plain = |held| is_plain(&KeyEvent::new(KeyCode::Char('q'), held));
        assert!(plain(KeyModifiers::NONE));
        assert!(plain(KeyModifiers::SHIFT | KeyModifiers::CONTROL));
        for held in
            [KeyModifiers::ALT, KeyModifiers::SUPER, KeyModifiers::HYPER, KeyModifiers::META]
        {
            assert!(!plain(held) && !plain(held | KeyModifiers::SHIFT), "{held:?}");
        }
        let mut released = KeyEvent::from(KeyCode::Char('q'));
        released.kind = KeyEventKind::Release;
        assert!(!is_plain(&released));
    }

    #[test]
    fn keys_are_written_as_learners_say_them() {
        assert_eq!(char(' ').to_string(), "space");
        assert_eq!(ctrl('p').to_string(), "ctrl-p");
        assert_eq!(named(KeyCode::Up).label(false), "↑");
        assert_eq!(named(KeyCode::Up).label(true), "up");
    }
}
