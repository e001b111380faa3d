//! The one list of lesson files.

use std::io::{self, Read};
use std::path::{Path, PathBuf};

use super::{Lesson, LessonError, parse};

macro_rules! lessons {
    ($($file:literal),+ $(,)?) => {
        /// Every lesson file: its name and its text, in the order of the course.
        pub const FILES: &[(&str, &str)] =
            &[$(($file, include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/lessons/", $file)))),+];
    };
}

lessons![
    "00-welcome.md",
    "01-generative-models.md",
    "02-text.md",
    "03-bigram.md",
    "04-softmax.md",
    "05-averaging.md",
    "06-embeddings.md",
    "07-single-head.md",
    "08-multi-head.md",
    "09-feed-forward.md",
    "10-going-deep.md",
    "11-layer-norm.md",
    "12-scaling-up.md",
    "13-encoder-decoder.md",
    "14-vae.md",
    "15-gan.md",
    "16-recurrent.md",
    "17-convolutions.md",
    "18-memory-networks.md",
];

/// The lessons of the course, in order.
///
/// # Errors
/// If a lesson file is damaged; a test holds the embedded ones whole.
pub fn course() -> Result<Vec<Lesson>, LessonError> {
    FILES.iter().map(|(file, text)| parse(file, text)).collect()
}

/// A teacher's own lessons: every `.md` file of a folder, in the order of their names.
///
/// # Errors
/// If the folder cannot be read, has none, or one is damaged.
pub fn folder(path: &Path) -> Result<Vec<Lesson>, FolderError> {
    texts(path)?.iter().map(|(file, text)| Ok(parse(file, text)?)).collect()
}

/// Every `.md` file of a folder: its name and its text, in the order of their names.
///
/// # Errors
/// If the folder cannot be read, or has none.
pub fn texts(path: &Path) -> Result<Vec<(String, String)>, FolderError> {
    let io = |source| FolderError::Io { path: path.to_owned(), source };
    let mut files: Vec<PathBuf> = std::fs::read_dir(path)
        .map_err(io)?
        .map(|entry| Ok(entry.map_err(io)?.path()))
        .collect::<Result<_, FolderError>>()?;
    files.retain(|file| is_a_lesson(file));
    files.sort();
    if files.is_empty() {
        return Err(FolderError::Empty(path.to_owned()));
    }
    files.iter().map(|file| read(file)).collect()
}

/// Whether a file is named like a lesson, `01-first.md`, and is one: a folder may have a README as well.
fn is_a_lesson(file: &Path) -> bool {
    let name = file.file_name().unwrap_or_default().to_string_lossy();
    let numbered = name.starts_with(|c: char| c.is_ascii_digit());
    numbered && file.extension().is_some_and(|end| end == "md") && file.is_file()
}

/// Bytes of a lesson's file at most.
const LARGEST: u64 = 1 << 20;

fn read(file: &Path) -> Result<(String, String), FolderError> {
    let io = |source| FolderError::Io { path: file.to_owned(), source };
    let mut text = String::new();
    std::fs::File::open(file).map_err(io)?.take(LARGEST).read_to_string(&mut text).map_err(io)?;
    let name = file.file_name().unwrap_or_default().to_string_lossy();
    // Some editors put a byte order mark before it.
    let text = text.strip_prefix('\u{feff}').unwrap_or(&text).to_owned();
    Ok((name.into_owned(), text))
}

/// Why a folder gives no lessons.
#[derive(Debug, thiserror::Error)]
pub enum FolderError {
    #[error("{} cannot be read: {source}", path.display())]
    Io { path: PathBuf, source: io::Error },
    #[error("{} holds no lesson: expected files like 01-first.md", .0.display())]
    Empty(PathBuf),
    #[error(transparent)]
    Lesson(#[from] LessonError),
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    /// The README's table of lessons.
    fn markdown(lessons: &[Lesson]) -> String {
        let head =
            "| | lesson | pages | questions | goals | claims |\n|---:|---|---:|---:|---:|---:|\n";
        let row = |lesson: &Lesson| {
            let count = |kinds: &[&str]| {
                lesson.items().filter(|(_, item)| kinds.contains(&item.kind_name())).count()
            };
            format!(
                "| {} | {} | {} | {} | {} | {} |\n",
                lesson.number,
                lesson.title,
                lesson.pages.len(),
                count(&["predict", "ask"]),
                count(&["goal"]),
                count(&["claim"]),
            )
        };
        lessons.iter().map(row).fold(head.to_owned(), |table, row| table + &row)
    }

    #[test]
    fn the_readme_has_every_lesson() {
        let readme = include_str!("../../README.md");
        let (_, rest) = readme.split_once("<!-- course -->\n").unwrap();
        let (table, _) = rest.split_once("<!-- /course -->").unwrap();
        let table_now = markdown(&course().unwrap());
        assert!(table == table_now, "{table_now}");
    }

    #[test]
    fn every_lesson_file_is_embedded() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/lessons");
        let mut on_disk: Vec<_> = std::fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .filter(|name| Path::new(name).extension().is_some_and(|end| end == "md"))
            .collect();
        on_disk.sort();
        let embedded: Vec<_> = FILES.iter().map(|(file, _)| *file).collect();
        assert_eq!(embedded, on_disk);
    }

    #[test]
    fn every_lesson_is_whole() {
        let lessons = course().unwrap();
        let ids: HashSet<_> = lessons.iter().map(|l| l.id.as_str()).collect();
        assert_eq!(ids.len(), lessons.len(), "an id stands twice");
        // `lessons check` proves the rest, by training.
        for lesson in &lessons {
            for page in 0..lesson.pages.len() {
                let panes = lesson.panes_of(page);
                assert_eq!(panes[0], "lesson", "{}, page {}", lesson.file, page + 1);
                let different: HashSet<_> = panes.iter().collect();
                assert_eq!(different.len(), panes.len(), "{}, page {}", lesson.file, page + 1);
            }
        }
    }
}
