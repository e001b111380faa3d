//! Where the lab's checkpoints go: named for the moment. Whoever writes them takes the next name that is free.

use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use crate::{file, text};

/// The folder of the lab's runs; `None` where the user has no home folder.
pub fn runs() -> Option<PathBuf> {
    Some(text::folder::data()?.join("runs"))
}

/// Date and time of this moment, as a file name may have them.
pub fn now() -> String {
    stamp(SystemTime::now())
}

/// A path in `folder` for what is saved at this moment: `2026-11-22T15-20-05Z`.
pub fn dated(folder: &Path, prefix: &str, extension: &str, now: SystemTime) -> PathBuf {
    folder.join(format!("{prefix}{}{extension}", stamp(now)))
}

/// Removes what killed runs and downloads left half written in the lab's folders.
pub fn tidy() {
    let Some(data) = text::folder::data() else { return };
    file::clean(&data);
    let Some(runs) = runs() else { return };
    file::clean(&runs);
    let saved = std::fs::read_dir(&runs).into_iter().flatten().flatten();
    for entry in saved.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir())) {
        file::clean(&entry.path());
    }
}

/// Date and time in UTC, as a file name may have them.
fn stamp(now: SystemTime) -> String {
    let seconds = now.duration_since(UNIX_EPOCH).map_or(0, |d| d.as_secs());
    let (year, month, day) = date(seconds / 86_400);
    let (hour, minute, second) = (seconds / 3600 % 24, seconds / 60 % 60, seconds % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}-{minute:02}-{second:02}Z")
}

/// Year, month and day of a number of days since 1970, in the Gregorian calendar.
fn date(days: u64) -> (u64, u64, u64) {
    let leap = |year: u64| {
        year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400))
    };
    let (mut year, mut left) = (1970, days);
    while left >= 365 + u64::from(leap(year)) {
        left -= 365 + u64::from(leap(year));
        year += 1;
    }
    let february = 28 + u64::from(leap(year));
    let mut month = 1;
    for length in [31, february, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31] {
        if left < length {
            break;
        }
        left -= length;
        month += 1;
    }
    (year, month, left + 1)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn stamps_are_dates_in_utc() {
        let at = |seconds| stamp(UNIX_EPOCH + Duration::from_secs(seconds));
        assert_eq!(at(0), "1970-01-01T00-00-00Z");
        // date -u -d @951827696; date -u -d @1795360805
        assert_eq!(at(951_827_696), "2000-02-29T12-34-56Z");
        assert_eq!(at(1_795_360_805), "2026-11-22T15-20-05Z");
    }

    #[test]
    fn a_path_has_its_prefix_and_extension() {
        let path = dated(Path::new("runs"), "bigram-", ".safetensors", UNIX_EPOCH);
        assert_eq!(path, Path::new("runs/bigram-1970-01-01T00-00-00Z.safetensors"));
    }
}
