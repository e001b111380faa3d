//! What a checkpoint says of itself, read without its numbers: a list of many files must not read them all.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read;
use std::path::Path;

use serde_json::{Map, Value};

use super::{CheckpointError, FAMILY, FORMAT};
use crate::stage::Config;
use crate::text::shown::excerpt;
use crate::train::history::History;

/// A longer header is not read for a list: a vocabulary of all of Unicode and a full history fit in.
const MOST_HEADER: u64 = 8 << 20;

/// The text of a checkpoint's header.
#[derive(Clone, Debug, PartialEq)]
pub struct About {
    pub config: Config,
    pub step: u64,
    pub history: History,
    /// SHA-256 of the text it was trained on; empty for a made task.
    pub corpus: String,
}

impl About {
    /// Reads the header of a checkpoint of this program, and holds it against the length of the file. Whether the numbers
    /// are those that were written, only [`super::Checkpoint::read`] can tell.
    ///
    /// # Errors
    /// If it cannot be read, is none of ours, or is no whole file.
    pub fn read(path: &Path) -> Result<Self, CheckpointError> {
        let unreadable = |source| CheckpointError::Unreadable { path: path.to_owned(), source };
        let foreign = |found: &str| {
            let found = found.to_owned();
            CheckpointError::Foreign { path: path.to_owned(), found }
        };
        let damaged = |found: String| CheckpointError::Damaged { path: path.to_owned(), found };
        let there = std::fs::metadata(path).map_err(unreadable)?;
        // A pipe or a device may never end.
        if !there.is_file() {
            return Err(foreign("it is no file"));
        }
        let mut file = File::open(path).map_err(unreadable)?;
        let mut length = [0; 8];
        file.read_exact(&mut length).map_err(|_| foreign("it is too short"))?;
        let length = u64::from_le_bytes(length);
        if length > MOST_HEADER {
            return Err(foreign("it does not begin as a safetensors file"));
        }
        let mut header = Vec::new();
        file.take(length).read_to_end(&mut header).map_err(unreadable)?;
        if (header.len() as u64) < length {
            return Err(damaged(format!("its {} bytes end inside the header", there.len())));
        }
        let header: Map<String, Value> = serde_json::from_slice(&header)
            .map_err(|_| foreign("it does not begin as a safetensors file"))?;
        let metadata = header.get("__metadata__").cloned().unwrap_or_default();
        let metadata: BTreeMap<String, String> =
            serde_json::from_value(metadata).unwrap_or_default();
        match metadata.get("format").map(String::as_str) {
            Some(FORMAT) => {}
            Some(other) if other.starts_with(FAMILY) => {
                let found = excerpt(other);
                return Err(CheckpointError::Format { path: path.to_owned(), found });
            }
            _ => return Err(foreign("its run, stage and text are not told in it")),
        }
        let end = header.values().filter_map(|tensor| tensor["data_offsets"][1].as_u64()).max();
        let promised = 8u64.saturating_add(length).saturating_add(end.unwrap_or(0));
        if there.len() != promised {
            return Err(damaged(format!("it has {} bytes, not {promised}", there.len())));
        }
        let entry = |key: &str| metadata.get(key).map_or("", String::as_str);
        let config: Config = serde_json::from_str(entry("config"))
            .map_err(|error| damaged(format!("its config cannot be read ({error})")))?;
        config.validate().map_err(|error| damaged(format!("its config is wrong: {error}")))?;
        let history: History = serde_json::from_str(entry("history"))
            .map_err(|error| damaged(format!("its history cannot be read ({error})")))?;
        let step: u64 =
            entry("step").parse().map_err(|_| damaged("its step is not a number".to_owned()))?;
        if !history.is_sound(step) {
            return Err(damaged("its history does not belong to its step".to_owned()));
        }
        Ok(Self { config, step, history, corpus: entry("corpus").to_owned() })
    }
}

// With the private feature f64 the session of the test is another one.
#[cfg(all(test, not(feature = "f64")))]
mod tests {
    use super::*;
    use crate::train::testing;

    #[test]
    fn it_says_what_the_whole_file_says_and_knows_half_a_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("run.safetensors");
        let mut session = testing::session(1);
        (0..7).for_each(|_| _ = session.step().unwrap());
        session.save(&path).unwrap();
        let about = About::read(&path).unwrap();
        let whole = super::super::Checkpoint::read(&path, &[]).unwrap();
        assert_eq!((about.step, &about.config, &about.history), (7, &whole.config, &whole.history));
        assert_eq!(Some(about.corpus), whole.corpus);

        let bytes = std::fs::read(&path).unwrap();
        for (kept, said) in
            [(bytes.len() - 1, "bytes, not"), (400, "inside the header"), (5, "short")]
        {
            std::fs::write(&path, &bytes[..kept]).unwrap();
            let error = About::read(&path).unwrap_err().to_string();
            assert!(error.contains(said), "{kept}: {error}");
        }
        let at = bytes.windows(9).position(|w| w == b"gpt-lab 1").unwrap();
        let mut later = bytes.clone();
        later[at + 8] = b'7';
        std::fs::write(&path, &later).unwrap();
        assert!(matches!(About::read(&path), Err(CheckpointError::Format { .. })));
        std::fs::write(&path, "a text that is no checkpoint").unwrap();
        assert!(matches!(About::read(&path), Err(CheckpointError::Foreign { .. })));
        assert!(About::read(folder.path()).is_err());
    }
}
