//! The text that a model learns from: named on the command line, in the environment, fetched, or our own play.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use super::TextError;
use super::folder;

/// The environment variable that names a text file.
pub const DATA_VARIABLE: &str = "GPT_LAB_DATA";

/// Tiny Shakespeare, the lecture's corpus: 1,115,394 characters, 65 different ones.
pub const TINY_SHAKESPEARE_URL: &str =
    "https://raw.githubusercontent.com/karpathy/char-rnn/master/data/tinyshakespeare/input.txt";
pub const TINY_SHAKESPEARE_SHA256: &str =
    "86c4e6aa9db7c042ec79f339dcb96d42b0075e16b8fc2e86bf0ca57e2dc565ed";
/// Its size in bytes, which is also its number of characters.
pub const TINY_SHAKESPEARE_BYTES: u64 = 1_115_394;

const TINY_SHAKESPEARE: &str = "Tiny Shakespeare";
const PLAY: &str = include_str!("../../data/play.txt");

/// Where a corpus came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// The file named on the command line.
    File(PathBuf),
    /// The file named by `GPT_LAB_DATA`.
    Environment(PathBuf),
    /// What `gpt-lab data fetch` downloaded.
    Fetched(PathBuf),
    /// The play in the binary.
    Bundled,
}

impl std::fmt::Display for Source {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::File(path) => write!(f, "{} (--data)", path.display()),
            Self::Environment(path) => write!(f, "{} ({DATA_VARIABLE})", path.display()),
            Self::Fetched(path) => write!(f, "{} (fetched)", path.display()),
            Self::Bundled => f.write_str("in this program"),
        }
    }
}

/// A text and where it came from. The text is exactly the file's: its line ends are kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Corpus {
    pub text: String,
    /// What to call it on a screen.
    pub name: String,
    pub source: Source,
}

impl Corpus {
    /// The play that is part of the program.
    pub fn bundled() -> Self {
        Self { text: PLAY.to_owned(), name: "the bundled play".to_owned(), source: Source::Bundled }
    }

    /// A text from a file.
    ///
    /// # Errors
    /// If there is no such file, or it cannot be read, is not UTF-8 or is empty.
    pub fn read(source: Source) -> Result<Self, TextError> {
        let (path, given_by) = match &source {
            Source::File(path) => (path, "--data"),
            Source::Environment(path) => (path, DATA_VARIABLE),
            Source::Fetched(path) => (path, folder::HOME_VARIABLE),
            Source::Bundled => return Ok(Self::bundled()),
        };
        let text = read_text(path, given_by)?;
        let file_name =
            || path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned();
        let digest = sha256(text.as_bytes());
        let name = if digest == TINY_SHAKESPEARE_SHA256 {
            TINY_SHAKESPEARE.to_owned()
        } else {
            file_name()
        };
        if matches!(source, Source::Fetched(_)) && digest != TINY_SHAKESPEARE_SHA256 {
            return Err(TextError::Damaged {
                path: path.clone(),
                expected: TINY_SHAKESPEARE_SHA256,
                found: digest,
            });
        }
        if text.is_empty() {
            return Err(TextError::Empty { name });
        }
        Ok(Self { text, name, source })
    }
}

fn read_text(path: &Path, given_by: &'static str) -> Result<String, TextError> {
    let bytes = std::fs::read(path).map_err(|source| match source.kind() {
        std::io::ErrorKind::NotFound => TextError::Missing { path: path.to_owned(), given_by },
        _ if path.is_dir() => TextError::Directory { path: path.to_owned(), given_by },
        _ => TextError::Unreadable { path: path.to_owned(), source },
    })?;
    String::from_utf8(bytes).map_err(|error| {
        let offset = error.utf8_error().valid_up_to();
        TextError::NotUtf8 { path: path.to_owned(), offset, found: error.as_bytes()[offset] }
    })
}

/// The corpus to train on: the file `explicit`, else the file in `GPT_LAB_DATA`, else the fetched Tiny Shakespeare, else
/// the bundled play.
///
/// # Errors
/// If the first of these that is there cannot be read, is not UTF-8 or is empty, or the fetched file is damaged. A file
/// that was asked for is never silently replaced by another.
pub fn resolve(explicit: Option<&Path>) -> Result<Corpus, TextError> {
    let environment = std::env::var_os(DATA_VARIABLE).map(PathBuf::from);
    resolve_among(explicit, environment, fetched_path())
}

fn resolve_among(
    explicit: Option<&Path>,
    environment: Option<PathBuf>,
    fetched: Option<PathBuf>,
) -> Result<Corpus, TextError> {
    let source = if let Some(path) = explicit {
        Source::File(path.to_owned())
    } else if let Some(path) = environment.filter(|path| !path.as_os_str().is_empty()) {
        Source::Environment(path)
    } else if let Some(path) = fetched.filter(|path| path.exists()) {
        Source::Fetched(path)
    } else {
        Source::Bundled
    };
    Corpus::read(source)
}

/// Where the fetched Tiny Shakespeare is or would be; `None` where the user has no home folder.
pub fn fetched_path() -> Option<PathBuf> {
    Some(folder::data()?.join("tinyshakespeare.txt"))
}

/// The SHA-256 of some bytes in lower-case hexadecimal digits.
pub fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().fold(String::with_capacity(64), |mut hex, byte| {
        let _ = write!(hex, "{byte:02x}"); // writing to a String cannot fail
        hex
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Files(tempfile::TempDir);

    impl Files {
        fn new() -> Self {
            Self(tempfile::tempdir().unwrap())
        }

        fn write(&self, name: &str, bytes: &[u8]) -> PathBuf {
            let path = self.0.path().join(name);
            std::fs::write(&path, bytes).unwrap();
            path
        }
    }

    fn message(result: Result<Corpus, TextError>) -> String {
        let message = result.unwrap_err().to_string();
        assert_eq!(message.lines().count(), 1, "{message}");
        message
    }

    #[test]
    fn the_first_source_that_is_named_counts() {
        let files = Files::new();
        let [explicit, environment] =
            ["explicit", "environment"].map(|name| files.write(name, name.as_bytes()));
        let corpus = resolve_among(Some(&explicit), Some(environment.clone()), None).unwrap();
        assert_eq!((corpus.text.as_str(), corpus.name.as_str()), ("explicit", "explicit"));
        assert_eq!(corpus.source, Source::File(explicit));
        let corpus = resolve_among(None, Some(environment.clone()), None).unwrap();
        assert_eq!(
            (corpus.text.as_str(), corpus.source),
            ("environment", Source::Environment(environment))
        );
        for nothing in [None, Some(PathBuf::new())] {
            let absent = files.0.path().join("not fetched");
            assert_eq!(resolve_among(None, nothing, Some(absent)).unwrap().source, Source::Bundled);
        }
    }

    #[test]
    fn a_named_file_that_is_missing_is_an_error() {
        let files = Files::new();
        let absent = files.0.path().join("absent.txt");
        let there = files.write("there", b"text");
        let said = message(resolve_among(Some(&absent), Some(there), None));
        assert!(
            said.contains("absent.txt")
                && said.contains("does not exist")
                && said.contains("--data"),
            "{said}"
        );
        let said = message(resolve_among(None, Some(absent), None));
        assert!(said.contains("GPT_LAB_DATA"), "{said}");
    }

    #[test]
    fn a_directory_is_named_as_one() {
        let files = Files::new();
        let said = message(resolve_among(Some(files.0.path()), None, None));
        assert!(said.contains("is a directory"), "{said}");
    }

    #[test]
    fn bytes_that_are_not_utf8_are_located() {
        let files = Files::new();
        let path = files.write(
            "latin1.txt",
            "é caf".bytes().chain([0xe9, b'!']).collect::<Vec<_>>().as_slice(),
        );
        let said = message(resolve_among(Some(&path), None, None));
        assert!(said.contains("not UTF-8: byte 0xe9 at offset 6"), "{said}");
        let path = files.write("cut.txt", &"日".as_bytes()[..2]);
        let said = message(resolve_among(Some(&path), None, None));
        assert!(said.contains("byte 0xe6 at offset 0"), "{said}");
    }

    #[test]
    fn an_empty_file_is_an_error() {
        let files = Files::new();
        let said = message(resolve_among(Some(&files.write("empty.txt", b"")), None, None));
        assert!(said.contains("empty.txt is empty"), "{said}");
    }

    #[test]
    fn a_text_keeps_its_line_ends_and_its_mark() {
        let files = Files::new();
        let text = "\u{feff}one\r\ntwo\rthree\n";
        assert_eq!(
            resolve_among(Some(&files.write("dos", text.as_bytes())), None, None).unwrap().text,
            text
        );
    }

    #[test]
    fn a_fetched_file_is_checked() {
        let files = Files::new();
        let said = message(resolve_among(
            None,
            None,
            Some(files.write("tinyshakespeare.txt", b"First Citizen")),
        ));
        assert!(said.contains("damaged") && said.contains(TINY_SHAKESPEARE_SHA256), "{said}");
        assert!(
            said.contains(&sha256(b"First Citizen")) && said.contains("gpt-lab data fetch"),
            "{said}"
        );
    }

    #[test]
    fn sha256_of_abc() {
        // FIPS 180-2, appendix B.1
        assert_eq!(
            sha256(b"abc"),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
        );
    }

    #[test]
    fn the_play_stands_in_the_layout_of_tiny_shakespeare() {
        let play = Corpus::bundled().text;
        assert!(play.len() >= 64 << 10, "the play has {} bytes", play.len());
        assert!(play.is_ascii() && !play.contains(['\r', '\t']));
        assert!(play.ends_with('\n') && !play.contains("\n\n\n"));
        for speech in play.trim_end().split("\n\n") {
            let mut lines = speech.lines();
            let speaker = lines.next().unwrap();
            assert!(speaker.ends_with(':'), "{speaker:?} is no speaker");
            assert!(
                lines.next().is_some_and(|line| !line.trim().is_empty()),
                "{speaker} says nothing"
            );
        }
    }
}
