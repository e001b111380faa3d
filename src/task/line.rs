//! A short text on the stack, so that drawing an example allocates nothing.

use std::fmt;

/// Bytes that any source or target fits into.
pub const LONGEST: usize = 80;

/// A text of at most [`LONGEST`] ASCII characters.
#[derive(Clone, Copy)]
pub struct Line {
    bytes: [u8; LONGEST],
    len: usize,
}

impl Line {
    pub fn new() -> Self {
        Self { bytes: [0; LONGEST], len: 0 }
    }

    pub fn clear(&mut self) {
        self.len = 0;
    }

    /// # Panics
    /// If the line is full.
    pub fn push(&mut self, byte: u8) {
        self.bytes[self.len] = byte;
        self.len += 1;
    }

    /// # Panics
    /// If there is no room for it.
    pub fn extend(&mut self, text: &[u8]) {
        self.bytes[self.len..][..text.len()].copy_from_slice(text);
        self.len += text.len();
    }

    pub fn bytes(&self) -> &[u8] {
        &self.bytes[..self.len]
    }

    pub fn bytes_mut(&mut self) -> &mut [u8] {
        &mut self.bytes[..self.len]
    }
}

impl fmt::Write for Line {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.extend(text.as_bytes());
        Ok(())
    }
}
