//! What can be wrong with a text: one line each, with what was expected, what was found and what to do next.

use std::path::PathBuf;

use super::reading;
use super::tokenizer::UnknownCharacters;

#[derive(Debug, thiserror::Error)]
pub enum TextError {
    #[error(
        "{path:?} does not exist: expected a UTF-8 text file; check the path given by {given_by}"
    )]
    Missing { path: PathBuf, given_by: &'static str },
    #[error(
        "{path:?} is a directory: expected a UTF-8 text file; name a file in it with {given_by}"
    )]
    Directory { path: PathBuf, given_by: &'static str },
    #[error("{path:?} could not be read: {source}")]
    Unreadable { path: PathBuf, source: std::io::Error },
    #[error(
        "{path:?} is not UTF-8: byte {found:#04x} at offset {offset} begins no character; convert the file to UTF-8"
    )]
    NotUtf8 { path: PathBuf, offset: usize, found: u8 },
    #[error(
        "{path:?} is not UTF-8 but {encoding}: convert it with `iconv -f {encoding} -t UTF-8 {path:?} > text.txt`, and give text.txt"
    )]
    Wide { path: PathBuf, encoding: &'static str },
    #[error(
        "{path:?} is longer than {most} MB: expected a shorter text; cut it, or allow for more with {option} MB or {variable}=MB",
        option = reading::MAX_TEXT_OPTION,
        variable = reading::MAX_TEXT_VARIABLE
    )]
    Long { path: PathBuf, most: u64 },
    #[error(
        "{} is {found:?}: expected how many MB of a text may be read, as in {}=512",
        reading::MAX_TEXT_VARIABLE,
        reading::MAX_TEXT_VARIABLE
    )]
    Bound { found: String },
    #[error("{name} is empty: expected a text; choose another with --data FILE")]
    Empty { name: String },
    #[error(
        "{name} is too short: block_size {block_size} needs at least {needed} {tokens} in each of the train and \
         validation splits, found {train} and {val}; choose a longer text or a smaller block_size"
    )]
    TooShort {
        name: String,
        tokens: &'static str,
        block_size: usize,
        needed: usize,
        train: usize,
        val: usize,
    },
    #[error(
        "{path:?} is damaged: expected SHA-256 {expected}, found {found}; run `gpt-lab data fetch` again or delete it"
    )]
    Damaged { path: PathBuf, expected: &'static str, found: String },
    #[error("{name} cannot be read with this vocabulary: {unknown}")]
    Vocabulary { name: String, unknown: UnknownCharacters },
}
