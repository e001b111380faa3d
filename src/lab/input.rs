//! What comes in from the terminal: bytes to keys, mouse and pastes, with every reply of the terminal kept apart.
//!
//! A terminal answers questions in the same stream in which it sends keys, and over a slow line an answer comes late and
//! in pieces. A reader that gives up on an answer takes what is left of it for keys: `]`, digits, `r`. So this one knows
//! what it has begun to read, and for how long it may wait.

mod keys;
mod parser;
mod reply;

pub use parser::{Input, Parser};
pub use reply::QUERY;

#[cfg(test)]
mod tests;
