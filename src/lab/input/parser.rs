//! The state machine. It is pure: bytes and the time go in, what they mean comes out.

use std::time::Duration;

use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers, MouseEvent};

use super::keys::{self, Sequence};
use super::reply;
use crate::lab::theme::Ground;

/// How long an ESC may be the beginning of something before it is the Esc key.
pub const HOLD: Duration = Duration::from_millis(50);
/// How long the terminal may take to answer a query. Until then an ESC may be the beginning of the answer.
pub const ANSWER: Duration = Duration::from_secs(2);
/// After such a silence a reply that has begun is not going to end: Alt+] looks like the beginning of one.
const SILENCE: Duration = Duration::from_secs(10);
/// What is kept of a paste, bytes.
pub const PASTE: usize = 64 * 1024;
/// What is kept of a reply or of a sequence's parameters, bytes; the rest is swallowed.
const REPLY: usize = 256;
const PASTE_END: &[u8] = b"\x1b[201~";

/// What the terminal sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Input {
    Key(KeyEvent),
    Mouse(MouseEvent),
    /// A pasted text, and how many bytes of it came after those that are kept.
    Paste {
        text: String,
        dropped: usize,
    },
    /// The terminal has said what its background is.
    Ground(Ground),
    /// The query has been answered as far as it will be.
    Answered,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// Nothing has begun.
    Ground,
    /// ESC came at this time; `alt`: in one burst with another ESC before it.
    Escape { since: Duration, alt: bool },
    /// `ESC [` and parameters, in `buffer`.
    Control { alt: bool },
    /// `ESC O`: one byte is to come.
    Single { alt: bool },
    /// The Linux console's function keys, `ESC [ [` and one byte more.
    Console,
    /// `ESC [ M`, the mouse as terminals report it that do not know SGR: three bytes.
    OldMouse,
    /// `ESC ]`, `ESC P`, `ESC _`, `ESC ^` or `ESC X`: to BEL or `ESC \`. `escape`: the last byte was ESC.
    Text { osc: bool, escape: bool },
    /// A paste, of whose end so many bytes have come.
    Paste { matched: usize },
    /// A character of so many bytes.
    Character { length: usize, alt: bool },
}

/// Time is what has passed since any moment before the first call.
#[derive(Debug)]
pub struct Parser {
    state: State,
    buffer: Vec<u8>,
    /// Bytes of a paste beyond what is kept.
    dropped: usize,
    /// When the last byte came.
    last: Duration,
    /// Until when an answer may come, while one is due.
    asked: Option<Duration>,
}

impl Default for Parser {
    fn default() -> Self {
        let state = State::Ground;
        Self { state, buffer: Vec::new(), dropped: 0, last: Duration::ZERO, asked: None }
    }
}

impl Parser {
    /// The terminal has been sent [`reply::QUERY`].
    pub fn ask(&mut self, now: Duration) {
        self.asked = Some(now + ANSWER);
    }

    /// Takes in bytes that came in one read.
    pub fn feed(&mut self, bytes: &[u8], now: Duration, out: &mut Vec<Input>) {
        let waits_for_a_byte =
            !matches!(self.state, State::Ground | State::Escape { .. } | State::Paste { .. });
        // A paste is not given up: its rest would be keys.
        if waits_for_a_byte && now.saturating_sub(self.last) >= SILENCE {
            self.state = State::Ground;
        }
        for &byte in bytes {
            self.byte(byte, now, out);
        }
        self.last = now;
    }

    /// When [`Parser::pass`] will have something to say if nothing is fed before.
    pub fn due(&self) -> Option<Duration> {
        let escape = match self.state {
            State::Escape { since, .. } => Some(self.held_until(since)),
            _ => None,
        };
        escape.into_iter().chain(self.asked).min()
    }

    /// Time has passed and no byte has come.
    pub fn pass(&mut self, now: Duration, out: &mut Vec<Input>) {
        if self.asked.is_some_and(|until| until <= now) {
            self.answered(out);
        }
        if let State::Escape { since, alt } = self.state
            && self.held_until(since) <= now
        {
            self.state = State::Ground;
            if alt {
                out.push(key(KeyCode::Esc));
            }
            out.push(key(KeyCode::Esc));
        }
    }

    /// Bytes that wait for their end.
    #[cfg(test)]
    pub fn held(&self) -> usize {
        self.buffer.len()
    }

    fn held_until(&self, since: Duration) -> Duration {
        (since + HOLD).max(self.asked.unwrap_or_default())
    }

    fn answered(&mut self, out: &mut Vec<Input>) {
        if self.asked.take().is_some() {
            out.push(Input::Answered);
        }
    }

    fn byte(&mut self, byte: u8, now: Duration, out: &mut Vec<Input>) {
        match std::mem::replace(&mut self.state, State::Ground) {
            State::Ground => self.plain(byte, now, false, out),
            State::Escape { since, alt } => self.escaped(byte, since, alt, now, out),
            State::Control { alt } => self.control(byte, alt, now, out),
            State::Single { alt } => match keys::single(byte) {
                Some(code) => out.push(Input::Key(KeyEvent::new(code, modifiers(alt)))),
                None if byte < b' ' => self.plain(byte, now, false, out),
                None => {}
            },
            State::Console => {}
            State::OldMouse => {
                self.buffer.push(byte);
                if let &[buttons, column, row] = self.buffer.as_slice() {
                    out.extend(keys::old_mouse(buttons, column, row).map(Input::Mouse));
                } else {
                    self.state = State::OldMouse;
                }
            }
            State::Text { osc, escape } => self.text(byte, osc, escape, now, out),
            State::Paste { matched } => self.paste(byte, matched, out),
            State::Character { length, alt } => self.character(byte, length, alt, now, out),
        }
    }

    /// A byte where nothing has begun; `alt`: after an ESC in the same burst.
    fn plain(&mut self, byte: u8, now: Duration, alt: bool, out: &mut Vec<Input>) {
        let length = match byte {
            0x1b => {
                self.state = State::Escape { since: now, alt: false };
                return;
            }
            0..=0x7f => {
                let mut event = keys::ascii(byte);
                event.modifiers |= modifiers(alt);
                out.push(Input::Key(event));
                return;
            }
            0xc2..=0xdf => 2,
            0xe0..=0xef => 3,
            0xf0..=0xf4 => 4,
            // No character begins so.
            _ => return,
        };
        self.buffer.clear();
        self.buffer.push(byte);
        self.state = State::Character { length, alt };
    }

    fn escaped(
        &mut self,
        byte: u8,
        since: Duration,
        alt: bool,
        now: Duration,
        out: &mut Vec<Input>,
    ) {
        self.buffer.clear();
        match byte {
            b'[' => self.state = State::Control { alt },
            b'O' => self.state = State::Single { alt },
            b']' | b'P' | b'_' | b'^' | b'X' => {
                if alt {
                    // The first ESC was a key, pressed just when the reply came.
                    out.push(key(KeyCode::Esc));
                }
                self.state = State::Text { osc: byte == b']', escape: false };
            }
            0x1b => {
                let burst = now == since;
                if alt || !burst {
                    out.push(key(KeyCode::Esc));
                }
                self.state = State::Escape { since: now, alt: burst };
            }
            _ if now.saturating_sub(since) < HOLD => self.plain(byte, now, true, out),
            _ => {
                out.push(key(KeyCode::Esc));
                self.plain(byte, now, false, out);
            }
        }
    }

    fn control(&mut self, byte: u8, alt: bool, now: Duration, out: &mut Vec<Input>) {
        match byte {
            b'[' if self.buffer.is_empty() => self.state = State::Console,
            b'M' if self.buffer.is_empty() => self.state = State::OldMouse,
            b' '..=b'?' => {
                if self.buffer.len() < REPLY {
                    self.buffer.push(byte);
                }
                self.state = State::Control { alt };
            }
            b'@'..=b'~' => match keys::sequence(&self.buffer, byte) {
                Sequence::Key(mut event) => {
                    event.modifiers |= modifiers(alt);
                    out.push(Input::Key(event));
                }
                other => {
                    if alt {
                        out.push(key(KeyCode::Esc));
                    }
                    match other {
                        Sequence::Mouse(event) => out.push(Input::Mouse(event)),
                        Sequence::PasteBegins => {
                            self.buffer.clear();
                            self.dropped = 0;
                            self.state = State::Paste { matched: 0 };
                        }
                        Sequence::Attributes => self.answered(out),
                        Sequence::Key(_) | Sequence::Unknown => {}
                    }
                }
            },
            0x7f => self.state = State::Control { alt },
            // Nothing that belongs to a sequence: it has been cut off.
            _ => self.plain(byte, now, false, out),
        }
    }

    fn text(&mut self, byte: u8, osc: bool, escape: bool, now: Duration, out: &mut Vec<Input>) {
        const BEL: u8 = 0x07;
        const INTERRUPT: u8 = 0x03;
        const CANCEL: u8 = 0x18;
        const SUBSTITUTE: u8 = 0x1a;
        match byte {
            BEL if !escape => self.replied(osc, out),
            b'\\' if escape => self.replied(osc, out),
            // The reply ends without an end, and something else has begun.
            _ if escape => self.escaped(byte, now, false, now, out),
            0x1b => self.state = State::Text { osc, escape: true },
            // The standard's two ways to give up a sequence, and the learner's: none of them is in a reply.
            INTERRUPT | CANCEL | SUBSTITUTE => self.plain(byte, now, false, out),
            _ => {
                if self.buffer.len() < REPLY {
                    self.buffer.push(byte);
                }
                self.state = State::Text { osc, escape: false };
            }
        }
    }

    fn replied(&mut self, osc: bool, out: &mut Vec<Input>) {
        if osc && let Some(ground) = reply::ground(&self.buffer) {
            out.push(Input::Ground(ground));
        }
    }

    fn paste(&mut self, byte: u8, matched: usize, out: &mut Vec<Input>) {
        if byte == PASTE_END[matched] {
            if matched + 1 < PASTE_END.len() {
                self.state = State::Paste { matched: matched + 1 };
                return;
            }
            let mut text = String::from_utf8_lossy(&self.buffer).into_owned();
            if self.dropped > 0 {
                // The cut may have gone through a character.
                text.truncate(text.trim_end_matches(char::REPLACEMENT_CHARACTER).len());
            }
            out.push(Input::Paste { text, dropped: self.dropped });
            self.buffer = Vec::new();
            return;
        }
        // The end begins with the only ESC in it, so nothing of what has matched can begin it again.
        for &byte in &PASTE_END[..matched] {
            self.keep(byte);
        }
        if byte == PASTE_END[0] {
            self.state = State::Paste { matched: 1 };
        } else {
            self.keep(byte);
            self.state = State::Paste { matched: 0 };
        }
    }

    fn keep(&mut self, byte: u8) {
        if self.buffer.len() < PASTE {
            self.buffer.push(byte);
        } else {
            self.dropped += 1;
        }
    }

    fn character(
        &mut self,
        byte: u8,
        length: usize,
        alt: bool,
        now: Duration,
        out: &mut Vec<Input>,
    ) {
        if !(0x80..=0xbf).contains(&byte) {
            // Not UTF-8: what has come of it is dropped.
            return self.plain(byte, now, false, out);
        }
        self.buffer.push(byte);
        if self.buffer.len() < length {
            self.state = State::Character { length, alt };
            return;
        }
        let character = std::str::from_utf8(&self.buffer).ok().and_then(|s| s.chars().next());
        if let Some(c) = character.filter(|c| !c.is_control()) {
            out.push(Input::Key(KeyEvent::new(KeyCode::Char(c), modifiers(alt))));
        }
    }
}

fn key(code: KeyCode) -> Input {
    Input::Key(KeyEvent::new(code, KeyModifiers::NONE))
}

fn modifiers(alt: bool) -> KeyModifiers {
    if alt { KeyModifiers::ALT } else { KeyModifiers::NONE }
}
