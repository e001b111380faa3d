//! Reading a stranger's file: never more of it than is wanted, and once, so that a pipe will do.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;
use std::sync::OnceLock;

/// The environment variable that lifts the bound on texts, in MB.
pub const MAX_TEXT_VARIABLE: &str = "GPT_LAB_MAX_TEXT";
/// The option that does the same.
pub const MAX_TEXT_OPTION: &str = "--max-text";
/// MB of text that are read without being asked for more.
const MAX_TEXT: u64 = 256;
/// Bytes of a MB.
const MB: u64 = 1 << 20;
/// Bytes between two words on how far it is.
const PIECE: u64 = 1 << 20;

static GIVEN: OnceLock<u64> = OnceLock::new();

/// Takes the bound that the command line gives, in MB, for the whole process; the first one counts.
pub fn give_max_text(megabytes: u64) {
    _ = GIVEN.set(megabytes);
}

/// Bytes of a text that may be read: from the command line, else the environment, else 256 MB.
///
/// # Errors
/// What the environment variable holds, if that is no number of MB.
pub fn max_text() -> Result<u64, String> {
    let megabytes = match (GIVEN.get(), std::env::var_os(MAX_TEXT_VARIABLE)) {
        (Some(given), _) => *given,
        (None, Some(text)) if !text.is_empty() => {
            let text = text.to_string_lossy();
            text.trim().parse().map_err(|_| text.into_owned())?
        }
        (None, _) => MAX_TEXT,
    };
    Ok(megabytes.saturating_mul(MB))
}

/// Why a file was not read.
#[derive(Debug)]
pub enum Unread {
    Failed(io::Error),
    /// It has more bytes than the bound.
    Long,
}

/// The bytes of a file or, for `-`, of standard input, if there are at most `most`. Of an endless file no more than that
/// and one byte are read. `progress` hears now and then how many there are by now.
///
/// # Errors
/// If it cannot be read, or is longer.
pub fn read(path: &Path, most: u64, progress: &mut dyn FnMut(u64)) -> Result<Vec<u8>, Unread> {
    if path == Path::new("-") {
        return bounded(io::stdin().lock(), most, progress);
    }
    let file = File::open(path).map_err(Unread::Failed)?;
    // A pipe or a device has no length.
    if file.metadata().is_ok_and(|about| about.is_file() && about.len() > most) {
        return Err(Unread::Long);
    }
    bounded(file, most, progress)
}

fn bounded(
    mut file: impl Read,
    most: u64,
    progress: &mut dyn FnMut(u64),
) -> Result<Vec<u8>, Unread> {
    let mut bytes = Vec::new();
    loop {
        let left = (most - bytes.len() as u64).saturating_add(1);
        let read = (&mut file).take(left.min(PIECE)).read_to_end(&mut bytes);
        match read.map_err(Unread::Failed)? {
            0 => return Ok(bytes),
            _ if bytes.len() as u64 > most => return Err(Unread::Long),
            _ => progress(bytes.len() as u64),
        }
    }
}

/// What a text that is no UTF-8 is written in, as iconv calls it, if its first bytes tell: UTF-16 and UTF-32 begin with a
/// mark, or have a zero in every second byte of a text in Latin letters.
pub fn wide_encoding(bytes: &[u8]) -> Option<&'static str> {
    /// Bytes that are looked at, at most and at least.
    const LOOK: usize = 256;
    const FEWEST: usize = 8;
    match bytes {
        [0xff, 0xfe, 0, 0, ..] | [0, 0, 0xfe, 0xff, ..] => return Some("UTF-32"),
        [0xff, 0xfe, ..] | [0xfe, 0xff, ..] => return Some("UTF-16"),
        _ => {}
    }
    let pairs: Vec<_> = bytes[..bytes.len().min(LOOK)].chunks_exact(2).collect();
    let all = |zero: usize| pairs.iter().all(|pair| pair[zero] == 0 && pair[1 - zero] != 0);
    match pairs.len() * 2 >= FEWEST {
        true if all(1) => Some("UTF-16LE"),
        true if all(0) => Some("UTF-16BE"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Counts what is taken from it.
    struct Endless(u64);

    impl Read for Endless {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            buffer.fill(0);
            self.0 += buffer.len() as u64;
            Ok(buffer.len())
        }
    }

    #[test]
    fn no_more_is_read_than_the_bound_and_a_byte() {
        for most in [0, 1, 1000, PIECE - 1, PIECE, 3 * PIECE + 5] {
            let mut endless = Endless(0);
            assert!(matches!(bounded(&mut endless, most, &mut |_| ()), Err(Unread::Long)));
            assert_eq!(endless.0, most + 1);
            let whole = vec![7; most as usize];
            assert_eq!(bounded(&whole[..], most, &mut |_| ()).unwrap(), whole);
        }
    }

    #[test]
    fn progress_is_heard_in_pieces() {
        let mut heard = Vec::new();
        bounded(&vec![0; 2 * PIECE as usize + 1][..], u64::MAX, &mut |n| heard.push(n)).unwrap();
        assert_eq!(heard, [PIECE, 2 * PIECE, 2 * PIECE + 1]);
    }

    #[test]
    fn texts_of_wide_characters_are_recognised() {
        let little: Vec<u8> = "hello".encode_utf16().flat_map(u16::to_le_bytes).collect();
        let big: Vec<u8> = "hello".encode_utf16().flat_map(u16::to_be_bytes).collect();
        assert_eq!(wide_encoding(&little), Some("UTF-16LE"));
        assert_eq!(wide_encoding(&big), Some("UTF-16BE"));
        assert_eq!(wide_encoding(&[&[0xff, 0xfe][..], &little].concat()), Some("UTF-16"));
        assert_eq!(wide_encoding(&[&[0xfe, 0xff][..], &big].concat()), Some("UTF-16"));
        assert_eq!(wide_encoding(&[0xff, 0xfe, 0, 0]), Some("UTF-32"));
        for other in [&b"plain text"[..], &[0; 64], b"a\0b\0", b"", b"a\0b\0c\0\0\0"] {
            assert_eq!(wide_encoding(other), None, "{other:?}");
        }
    }
}
