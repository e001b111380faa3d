//! What one complete sequence means.

use ratatui::crossterm::event::{
    KeyCode, KeyEvent, KeyModifiers, MouseButton, MouseEvent, MouseEventKind,
};

/// The meaning of `ESC [ parameters final`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sequence {
    Key(KeyEvent),
    Mouse(MouseEvent),
    PasteBegins,
    /// The answer to DA1.
    Attributes,
    /// Another reply, or a key that the lab does not know.
    Unknown,
}

/// A byte below 0x80 but for ESC.
pub fn ascii(byte: u8) -> KeyEvent {
    let control = |c: u8| KeyEvent::new(KeyCode::Char(char::from(c)), KeyModifiers::CONTROL);
    match byte {
        b'\t' => KeyCode::Tab.into(),
        b'\r' => KeyCode::Enter.into(),
        0x7f => KeyCode::Backspace.into(),
        0 => control(b' '),
        0x01..=0x1a => control(byte - 1 + b'a'),
        0x1b..=0x1f => control(byte - 0x1c + b'4'),
        _ => KeyCode::Char(char::from(byte)).into(),
    }
}

/// The byte after `ESC O`.
pub fn single(byte: u8) -> Option<KeyCode> {
    match byte {
        // The keypad's Enter.
        b'M' => Some(KeyCode::Enter),
        _ => letter(byte),
    }
}

fn letter(byte: u8) -> Option<KeyCode> {
    Some(match byte {
        b'A' => KeyCode::Up,
        b'B' => KeyCode::Down,
        b'C' => KeyCode::Right,
        b'D' => KeyCode::Left,
        b'H' => KeyCode::Home,
        b'F' => KeyCode::End,
        _ => return None,
    })
}

pub fn sequence(parameters: &[u8], last: u8) -> Sequence {
    match (parameters.first(), last) {
        (Some(b'<'), b'M' | b'm') => {
            mouse(&parameters[1..], last == b'M').map_or(Sequence::Unknown, Sequence::Mouse)
        }
        (Some(b'?'), b'c') => Sequence::Attributes,
        // Every other private marker, and intermediate bytes, are replies'.
        (Some(b'<'..=b'?'), _) => Sequence::Unknown,
        (None, b'Z') => Sequence::Key(KeyCode::BackTab.into()),
        (_, b'~') if parameters == b"200" => Sequence::PasteBegins,
        _ => key(parameters, last).map_or(Sequence::Unknown, Sequence::Key),
    }
}

fn key(parameters: &[u8], last: u8) -> Option<KeyEvent> {
    let fields = fields(parameters)?;
    let first = fields.first().map_or(0, |f| f[0]);
    let [modifiers, kind] = fields.get(1).copied().unwrap_or_default();
    // 1 press, 2 repeat, 3 release.
    if kind == 3 {
        return None;
    }
    let modifiers = pressed_with(modifiers);
    let code = match last {
        b'Z' => KeyCode::BackTab,
        b'~' => match first {
            1 | 7 => KeyCode::Home,
            3 => KeyCode::Delete,
            4 | 8 => KeyCode::End,
            5 => KeyCode::PageUp,
            6 => KeyCode::PageDown,
            // xterm's modifyOtherKeys.
            27 => return coded([fields.get(2)?[0], 0], modifiers),
            _ => return None,
        },
        b'u' => return coded(*fields.first()?, modifiers),
        // A key has at most `1; modifiers`; a cursor or a size in such a form is a reply.
        _ if fields.len() <= 2 && first <= 1 => letter(last)?,
        _ => return None,
    };
    Some(KeyEvent::new(code, modifiers))
}

/// A key by its code point, and the one that shift makes of it if the terminal says so.
fn coded([code, shifted]: [u32; 2], modifiers: KeyModifiers) -> Option<KeyEvent> {
    let shift = modifiers.contains(KeyModifiers::SHIFT);
    let code = match code {
        9 if shift => KeyCode::BackTab,
        9 => KeyCode::Tab,
        // The second is the keypad's.
        13 | 57414 => KeyCode::Enter,
        27 => KeyCode::Esc,
        127 => KeyCode::Backspace,
        // Keys without a character are numbered in Unicode's private area.
        0..32 | 57344..=63743 => return None,
        _ => {
            let typed = match shifted {
                0 if shift => char::from_u32(code)?.to_ascii_uppercase(),
                _ if shift => char::from_u32(shifted)?,
                _ => char::from_u32(code)?,
            };
            KeyCode::Char(Some(typed).filter(|c| !c.is_control())?)
        }
    };
    Some(KeyEvent::new(code, modifiers))
}

/// The protocol's number is one more than the sum of 1 shift, 2 alt, 4 ctrl, 8 super, 16 hyper, 32 meta.
fn pressed_with(number: u32) -> KeyModifiers {
    let bits = number.saturating_sub(1);
    held(
        bits,
        &[
            (1, KeyModifiers::SHIFT),
            (2, KeyModifiers::ALT),
            (4, KeyModifiers::CONTROL),
            (8, KeyModifiers::SUPER),
            (16, KeyModifiers::HYPER),
            (32, KeyModifiers::META),
        ],
    )
}

fn held(bits: u32, table: &[(u32, KeyModifiers)]) -> KeyModifiers {
    let set = table.iter().filter(|(bit, _)| bits & bit != 0);
    set.fold(KeyModifiers::NONE, |all, (_, modifier)| all | *modifier)
}

/// `1:2;3` as [[1, 2], [3, 0]]; what is left out is 0. `None` if there is anything but numbers.
fn fields(parameters: &[u8]) -> Option<Vec<[u32; 2]>> {
    let text = std::str::from_utf8(parameters).ok()?;
    if text.is_empty() {
        return Some(Vec::new());
    }
    let number = |text: &str| if text.is_empty() { Some(0) } else { text.parse().ok() };
    text.split(';')
        .map(|field| {
            let mut parts = field.split(':');
            let first = number(parts.next()?)?;
            Some([first, parts.next().map_or(Some(0), number)?])
        })
        .collect()
}

/// `ESC [ < buttons ; column ; row M`, or `m` for a release; columns and rows from 1.
fn mouse(parameters: &[u8], pressed: bool) -> Option<MouseEvent> {
    let fields = fields(parameters)?;
    let &[[buttons, _], [column, _], [row, _]] = fields.as_slice() else { return None };
    let place = |at: u32| u16::try_from(at).ok()?.checked_sub(1);
    event(buttons, pressed, place(column)?, place(row)?)
}

/// The three bytes after `ESC [ M`, each 32 too high.
pub fn old_mouse(buttons: u8, column: u8, row: u8) -> Option<MouseEvent> {
    let place = |at: u8| at.checked_sub(33).map(u16::from);
    let buttons = u32::from(buttons.checked_sub(32)?);
    // It does not say which button was released.
    let released = buttons & 0b0100_0011 == 3;
    let buttons = if released { buttons & !3 } else { buttons };
    event(buttons, !released, place(column)?, place(row)?)
}

fn event(buttons: u32, pressed: bool, column: u16, row: u16) -> Option<MouseEvent> {
    const MOVED: u32 = 32;
    let button = match buttons & 3 {
        0 => Some(MouseButton::Left),
        1 => Some(MouseButton::Middle),
        2 => Some(MouseButton::Right),
        _ => None,
    };
    let kind = match (buttons & 0b1100_0000, button) {
        (0, Some(button)) if buttons & MOVED != 0 => MouseEventKind::Drag(button),
        (0, None) if buttons & MOVED != 0 => MouseEventKind::Moved,
        (0, Some(button)) if pressed => MouseEventKind::Down(button),
        (0, Some(button)) => MouseEventKind::Up(button),
        (64, Some(MouseButton::Left)) => MouseEventKind::ScrollUp,
        (64, Some(MouseButton::Middle)) => MouseEventKind::ScrollDown,
        (64, Some(MouseButton::Right)) => MouseEventKind::ScrollLeft,
        (64, None) => MouseEventKind::ScrollRight,
        _ => return None,
    };
    let table = [(4, KeyModifiers::SHIFT), (8, KeyModifiers::ALT), (16, KeyModifiers::CONTROL)];
    let modifiers = held(buttons, &table);
    Some(MouseEvent { kind, column, row, modifiers })
}
