//! Where the lab's checkpoints go: named for the moment. Whoever writes them takes the next name that is free.

use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use crate::text::shown::line;
use crate::train::checkpoint::About;
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

/// A checkpoint in the lab's folders.
#[derive(Clone, Debug)]
pub struct Listed {
    /// Its place below the lab's folder.
    pub name: String,
    pub path: PathBuf,
    /// What it says of itself, or why it cannot be opened.
    pub about: Result<About, String>,
}

/// Files of a list at most, and entries of a folder that are looked at.
const MOST_LISTED: usize = 200;
const MOST_ENTRIES: usize = 10_000;

/// The checkpoints in the folder of runs and in the folders below it, and those beside it that were written down in case
/// the lab is killed; the newest first.
pub fn checkpoints(runs: &Path) -> Vec<Listed> {
    let home = runs.parent().unwrap_or(runs);
    let mut folders = vec![runs.to_owned(), home.join("autosave"), home.join("autosave-before")];
    let mut found: Vec<(SystemTime, PathBuf)> = Vec::new();
    let mut depth = 0;
    while !folders.is_empty() && depth < 2 {
        let mut below = Vec::new();
        for folder in folders {
            let entries = std::fs::read_dir(&folder).into_iter().flatten().flatten();
            for entry in entries.take(MOST_ENTRIES) {
                let Ok(about) = entry.metadata() else { continue };
                let path = entry.path();
                if about.is_dir() {
                    below.push(path);
                } else if path.extension().is_some_and(|extension| extension == "safetensors") {
                    found.push((about.modified().unwrap_or(UNIX_EPOCH), path));
                }
            }
        }
        folders = below;
        depth += 1;
    }
    found.sort_by(|a, b| b.cmp(a));
    found.truncate(MOST_LISTED);
    let listed = found.into_iter().map(|(_, path)| {
        let about = About::read(&path).map_err(|error| line(&error.to_string()));
        let name = path.strip_prefix(home).unwrap_or(&path).to_string_lossy();
        Listed { name: line(&name), path, about }
    });
    listed.collect()
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
    #[cfg(not(feature = "f64"))]
    fn checkpoints_of_every_folder_are_listed_newest_first() {
        let home = tempfile::tempdir().unwrap();
        let runs = home.path().join("runs");
        assert!(checkpoints(&runs).is_empty());
        let mut session = crate::train::testing::session(1);
        session.step().unwrap();
        let names = ["runs/b.safetensors", "runs/x/bigram.safetensors", "autosave/c.safetensors"];
        for (age, name) in (0..).zip(names) {
            let path = home.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            session.save(&path).unwrap();
            let file = std::fs::File::options().write(true).open(&path).unwrap();
            file.set_modified(UNIX_EPOCH + Duration::from_secs(100 - age)).unwrap();
        }
        std::fs::write(runs.join("half.safetensors"), "{").unwrap();
        std::fs::write(runs.join("notes.txt"), "").unwrap();
        let listed = checkpoints(&runs);
        let found: Vec<&str> = listed.iter().map(|listed| listed.name.as_str()).collect();
        assert_eq!(found[0], "runs/half.safetensors");
        assert_eq!(found[1..], names);
        let half = listed[0].about.as_ref().unwrap_err();
        assert!(half.contains("half.safetensors") && half.lines().count() == 1, "{half}");
        assert_eq!(listed[1].about.as_ref().unwrap().step, 1);
    }

    #[test]
    fn a_path_has_its_prefix_and_extension() {
        let path = dated(Path::new("runs"), "bigram-", ".safetensors", UNIX_EPOCH);
        assert_eq!(path, Path::new("runs/bigram-1970-01-01T00-00-00Z.safetensors"));
    }
}
